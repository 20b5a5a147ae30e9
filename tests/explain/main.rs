//! Explanations: what they say is so, traps are named where they bite, and the command answers.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a failed set-up is a failed test, and the figures are to be seen"
)]

mod checked;
mod command;
#[path = "../pieces/engine.rs"]
mod engine;
#[path = "../pieces/files.rs"]
mod files;
#[path = "../pieces/kept.rs"]
mod kept;
mod traps;
