//! `firedrill rule`: what a code means, in the words of docs/diagnostics.md.

use super::console::{Console, Stop};
use super::exit::Exit;
use crate::check::catalogue::{self, Entry};
use crate::report::layout::{HEADING, WIDTH, wrap};
use clap::Args;
use std::io::{self, Write};

/// `firedrill rule`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill rule FD0801
  firedrill rule

Without a code, all codes are listed.")]
pub struct RuleArgs {
    /// The code of a message: FD0801
    #[arg(value_name = "CODE")]
    pub codes: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such code.
pub fn run(args: &RuleArgs, console: Console) -> Result<Exit, Stop> {
    let mut out = console.out();
    if args.codes.is_empty() {
        let mut family = "";
        for entry in catalogue::entries() {
            if entry.family != family {
                let gap = if family.is_empty() { "" } else { "\n" };
                writeln!(out, "{gap}{HEADING}{}{HEADING:#}", entry.family)?;
                family = entry.family;
            }
            write_hanging(&mut out, &format!("{}  ", entry.code), entry.what)?;
        }
    }
    for (n, code) in args.codes.iter().enumerate() {
        let wanted = code.to_ascii_uppercase();
        let Some(entry) = catalogue::entry(&wanted) else {
            return Err(Stop::bad_input(format!("there is no code `{code}`"), "`firedrill rule` lists all"));
        };
        if n > 0 {
            writeln!(out)?;
        }
        write_entry(&mut out, entry)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

fn write_entry(out: &mut dyn Write, entry: Entry) -> io::Result<()> {
    writeln!(out, "{HEADING}{}{HEADING:#}  {}", entry.code, entry.family)?;
    writeln!(out)?;
    write_hanging(out, "What:    ", entry.what)?;
    write_hanging(out, "To do:   ", entry.remedy)?;
    if let Some(text) = entry.text {
        writeln!(out, "\n{text}")?;
    }
    Ok(())
}

/// A line whose further lines stand under its text.
fn write_hanging(out: &mut dyn Write, lead: &str, text: &str) -> io::Result<()> {
    for (n, line) in wrap(text, WIDTH.saturating_sub(lead.len())).iter().enumerate() {
        let lead = if n == 0 { lead } else { &" ".repeat(lead.len()) };
        writeln!(out, "{lead}{line}")?;
    }
    Ok(())
}
