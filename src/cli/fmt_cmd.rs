//! `firedrill fmt`: rules files in canonical spelling.

use super::args::EngineVersion;
use super::check_cmd::replace;
use super::console::{Console, Stop};
use super::exit::Exit;
use super::render;
use crate::policy::read_text;
use crate::rules::{Dialect, format_rules, parse_rules_in};
use crate::source::{MappedText, Sources};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// `firedrill fmt`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill fmt --check rules/studio-egress.rules
  firedrill fmt egress.rules

One space between parts, options by their main names, modifiers behind their content, a rule on one line. Comments and blank
lines stay. A file with a mistake in it is not touched.

Exit codes: 0 done, 1 with --check: something would change, 2 a file cannot be read.")]
pub struct FmtArgs {
    /// Files of Suricata rules
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Change nothing; exit with 1 if something would change
    #[arg(long)]
    pub check: bool,

    /// Whose rule language: Suricata 7.0 or 8.0
    #[arg(long, value_enum, value_name = "7|8", hide_possible_values = true)]
    #[arg(default_value_t = EngineVersion::Suricata7)]
    pub engine: EngineVersion,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read, has a mistake in it, or cannot be written.
pub fn run(args: &FmtArgs, console: Console) -> Result<Exit, Stop> {
    let dialect = match args.engine {
        EngineVersion::Suricata7 => Dialect::SURICATA_7,
        EngineVersion::Suricata8 => Dialect::SURICATA_8,
    };
    let mut changed = false;
    let mut unreadable = false;
    for path in &args.files {
        let text = read_text(path)?;
        let Ok(formatted) = format_rules(&text, dialect) else {
            let mut sources = Sources::new();
            let file = sources.add(path.display().to_string(), text.as_str());
            let parsed = parse_rules_in(&MappedText::verbatim(text, file, 0), dialect);
            render::diagnostics(&mut console.err(), &sources, &parsed.diagnostics)?;
            unreadable = true;
            continue;
        };
        if formatted.text == text {
            continue;
        }
        changed = true;
        let word = if args.check { "would change" } else { "changed" };
        writeln!(console.out(), "{}: {} {word}", path.display(), formatted.n_changed)?;
        if !args.check {
            replace(path, &formatted.text)
                .map_err(|error| Stop::bad_input(format!("`{}` cannot be written: {error}", path.display()), ""))?;
        }
    }
    Ok(match (unreadable, changed && args.check) {
        (true, _) => Exit::BadInput,
        (false, true) => Exit::Findings,
        (false, false) => Exit::Done,
    })
}
