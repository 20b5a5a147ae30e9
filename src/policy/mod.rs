//! The policy model, and one file or folder per language it can be written in.
//!
//! In: a file or directory, and what the user says beside it. Out: one [`Policy`](model::Policy) with the rule groups it
//! uses, all expanded to rules, and everything there is to say about the documents, with places. Nothing is asked of AWS
//! and nothing is guessed: what a document leaves open is an error that says how to supply it.
//!
//! The way through: a file becomes a tree of [`value::Node`]s (`json`, `yaml`), a language turns trees into
//! [`resource::Resource`]s (`aws_json`, `cloudformation`, `terraform`, `suricata`), and `reader` reads the model from
//! the resources. Start with `load.rs`.

mod aws_json;
mod cloudformation;
mod code;
mod document;
mod expand;
mod json;
mod load;
mod members;
pub mod model;
mod options;
mod params;
mod problems;
mod reader;
mod refusals;
mod refused_rules;
mod resolve;
pub mod resource;
mod rule_text;
mod scalar;
mod supplies;
mod suricata;
pub mod terraform;
#[cfg(test)]
mod tests;
pub mod value;
mod yaml;

pub use load::{Language, Loaded, load, load_text};
pub(crate) use options::read_text;
pub use options::{LARGEST_FILE_BYTES, LoadError, LoadOptions, RuleGroupSource, StatefulOptions};
pub(crate) use yaml::parse as parse_yaml;
