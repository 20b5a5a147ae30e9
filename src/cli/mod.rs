//! The `firedrill` command: arguments in, text and an exit code out. One file per subcommand.
//!
//! It uses only what a user of the library can use. Everything printed goes through one locked writer, so that colours
//! are stripped where they are not wanted and a closed pipe is noticed.

pub mod args;
pub mod exit;
pub mod render;
