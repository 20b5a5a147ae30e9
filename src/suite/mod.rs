//! Regression suites: traffic, and what a policy must do to it.
//!
//! In: a suite file ([`read`]) and a compiled policy ([`Subject`]). Out: for every case what was observed and what of its
//! expectations does not hold ([`run()`]). A case is a capture or a conversation that is made up; each goes
//! through an engine of its own, so that no case sees another. Not done here: finding files, loading policies, printing.
//! Read `model.rs` for what a suite says, `observe.rs` for what is looked at, `judge.rs` for what is said of it.

mod code;
pub mod coverage;
pub mod judge;
pub mod model;
pub mod mutate;
mod observe;
mod reader;
mod rule_set;
mod run;
pub mod report;
pub mod snapshot;
mod vary;

pub use judge::Failure;
pub use model::{Case, Suite};
pub use observe::{Observed, ObservedFlow};
pub use reader::{Loaded, OPTIONS, OptionForm, read, read_as};
pub use rule_set::RuleSet;
pub use run::{CaseError, CaseResult, Subject, observe, on_threads, run};
pub use vary::vary;
