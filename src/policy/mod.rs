//! The policy model, and one file or folder per language it can be written in.

mod code;
mod json;
pub mod model;
pub mod resource;
mod scalar;
pub mod terraform;
pub mod value;
mod yaml;
