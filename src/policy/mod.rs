//! The policy model, and one file or folder per language it can be written in.

pub mod model;
pub mod resource;
pub mod value;
