//! The `firedrill` command: arguments in, text and an exit code out. One file per subcommand.
//!
//! It uses only what a user of the library can use. Everything printed goes through [`console`], so that colours are
//! stripped where they are not wanted and a closed pipe is noticed. [`session`] is where the command meets the policy
//! loader, [`firewall`] where it meets the engine.

pub mod args;
pub mod check_cmd;
pub mod console;
pub mod diff_cmd;
pub mod directory;
pub mod exit;
pub mod explain_cmd;
pub mod export_cmd;
pub mod feed;
pub mod firewall;
pub mod fmt_cmd;
pub mod progress;
pub mod render;
pub mod replay;
pub mod rule_cmd;
pub mod session;
pub mod test_cmd;
pub mod try_cmd;
pub mod verify_cmd;

use args::{Cli, Color, Command};
use clap::Parser;
use clap::error::ErrorKind;
use console::Console;
use exit::Exit;
use std::ffi::OsString;

/// Runs the command with the arguments of a process, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // help and version are asked for; a closed pipe is nobody's fault
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
                _ => Exit::BadInput,
            };
        }
    };
    let console = Console::new(cli.color);
    let result = match &cli.command {
        Command::Check(args) => check_cmd::run(args, console),
        Command::Fmt(args) => fmt_cmd::run(args, console),
        Command::Rule(args) => rule_cmd::run(args, console),
        Command::Replay(args) => replay::run(args, console),
        Command::Try(args) => try_cmd::run(args, console),
        Command::Test(args) => test_cmd::run(args, console),
        Command::Explain(args) => explain_cmd::run(args, console),
        Command::Export(args) => export_cmd::run(args, console),
        Command::Diff(args) => diff_cmd::run(args, console),
        Command::Verify(args) => verify_cmd::run(args, console),
    };
    result.unwrap_or_else(|stop| {
        console.say_stop(&stop);
        stop.exit
    })
}

impl Default for Console {
    fn default() -> Self {
        Self::new(Color::Auto)
    }
}
