//! The `firedrill` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    firedrill::cli::run(std::env::args_os()).into()
}
