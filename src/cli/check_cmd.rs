//! `firedrill check`: would AWS accept the policy, and is it wise?

use super::args::{EngineOptions, PolicyOptions};
use super::console::{Console, Stop};
use super::exit::Exit;
use super::{render, session};
use crate::check::{self, Document, Finding, GroupCapacity, Report, catalogue, sarif};
use crate::detect::Settings;
use crate::policy::Loaded;
use crate::report::layout::{Cell, Column, DIM, Grid, HEADING, PLAIN, WARN, WIDTH, cut, printable, width};
use crate::report::units::{count, counted};
use crate::source::{Diagnostic, Severity, Sources};
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// So many findings of a code are shown with their lines; the others have a line each.
const SHOWN: usize = 10;

/// The code of a variable without a value, and of what was completed.
const VARIABLE_WITHOUT_VALUE: &str = "FD0307";
const COMPLETED: &str = "FD0313";

/// What stands for HOME_NET where nothing says what it is.
const PRIVATE: &str = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16";

/// `firedrill check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill check rules/studio-egress.yaml
  firedrill check rules/studio-egress.yaml --forecast 200 --deny warnings
  firedrill check infra/ --format sarif > firedrill.sarif

A finding is allowed by a comment on its line, or on a line of its own above it:
  # firedrill: allow FD0803 because the list is generated
`firedrill rule CODE` explains a finding.

Exit codes: 0 nothing that is an error, 1 errors (or what --deny names), 2 the policy cannot be read.")]
pub struct CheckArgs {
    /// Policies: JSON, CloudFormation, Terraform or Suricata rules
    #[arg(required = true, value_name = "POLICY")]
    pub policies: Vec<PathBuf>,

    /// Exit with 1 for warnings too, or for findings of a code
    #[arg(long, value_name = "warnings|CODE", value_delimiter = ',', value_parser = deny)]
    pub deny: Vec<Deny>,

    /// Also say how far capacities reach with so many more domains in each list
    #[arg(long, value_name = "DOMAINS")]
    pub forecast: Option<u32>,

    /// Write the certain fixes into the files
    #[arg(long)]
    pub fix: bool,

    /// How to read the policy.
    #[command(flatten)]
    pub policy_options: PolicyOptions,

    /// How the engine behaves.
    #[command(flatten)]
    pub engine_options: EngineOptions,

    /// For people, one JSON document, for code hosts, or for workflows on GitHub
    #[arg(long, value_enum, value_name = "table|json|sarif|github", hide_possible_values = true)]
    #[arg(default_value_t = CheckFormat::Table, help_heading = "Output")]
    pub format: CheckFormat,
}

/// `--format` of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Table,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub.
    Github,
}

/// `--deny`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deny {
    /// All warnings.
    Warnings,
    /// Findings of a code, whatever their severity.
    Code(String),
}

fn deny(text: &str) -> Result<Deny, String> {
    if text == "warnings" {
        return Ok(Deny::Warnings);
    }
    let code = text.to_ascii_uppercase();
    catalogue::entry(&code)
        .map(|entry| Deny::Code(entry.code.to_owned()))
        .ok_or_else(|| "expected `warnings` or a code such as FD0801".to_owned())
}

impl Deny {
    fn meets(&self, finding: &Finding) -> bool {
        match self {
            Self::Warnings => finding.severity() == Severity::Warning,
            Self::Code(code) => finding.code() == code,
        }
    }
}

/// One policy and what is found.
struct Checked {
    path: String,
    report: Report,
    sources: Sources,
}

/// Runs the command.
///
/// # Errors
/// When a policy cannot be read at all, or a file or the output not written.
pub fn run(args: &CheckArgs, console: Console) -> Result<Exit, Stop> {
    let mut all = Vec::with_capacity(args.policies.len());
    for path in &args.policies {
        let mut checked = each(path, args, console)?;
        // one policy after the other: what is fixed in one moves the places of the others
        for at in 0..checked.len() {
            if args.fix && checked.get(at).map_or(Ok(false), |checked| fix(checked, console))? {
                checked = each(path, args, console)?;
            }
        }
        all.extend(checked);
    }
    print(&all, args, console)?;
    Ok(all.iter().map(|checked| exit(&checked.report, &args.deny)).fold(Exit::Done, Exit::or))
}

/// The policy of a document, or each of them.
fn each(path: &Path, args: &CheckArgs, console: Console) -> Result<Vec<Checked>, Stop> {
    let options = &args.policy_options;
    let shown = path.display().to_string();
    let (loaded, settings) = load(path, options, args, console)?;
    if loaded.policies.len() < 2 || options.select.is_some() {
        return Ok(vec![look(shown, loaded, settings, args, console)?]);
    }
    let mut all = Vec::new();
    for name in &loaded.policies {
        let options = PolicyOptions { select: Some(name.clone()), ..options.clone() };
        let (loaded, settings) = load(path, &options, args, console)?;
        all.push(look(format!("{shown} ({name})"), loaded, settings, args, console)?);
    }
    Ok(all)
}

/// Loads a policy. Where nothing says what HOME_NET is, private addresses stand for it, and a note says so.
fn load(path: &Path, options: &PolicyOptions, args: &CheckArgs, console: Console) -> Result<(Loaded, Settings), Stop> {
    let (loaded, settings, _) = session::load(path, options, &args.engine_options, console)?;
    let asks = |problem: &&Diagnostic| problem.help.as_ref().is_some_and(|help| help.contains("--home-net"));
    let unknown = loaded.diagnostics.iter().filter(asks).find(|problem| problem.code == VARIABLE_WITHOUT_VALUE);
    let Some(unknown) = unknown.filter(|_| loaded.policy.is_none() && options.home_net.is_none()) else {
        return Ok((loaded, settings));
    };
    let note = Diagnostic {
        labels: unknown.labels.clone(),
        ..Diagnostic::note(COMPLETED, format!("nothing says what HOME_NET is: {PRIVATE} stands for it"))
            .help("findings about addresses depend on it: give it with --home-net CIDR[,CIDR]")
    };
    let options = PolicyOptions { home_net: Some(PRIVATE.to_owned()), ..options.clone() };
    let (mut loaded, settings, _) = session::load(path, &options, &args.engine_options, console)?;
    // places are the same: the same files were read in the same order
    loaded.diagnostics.push(note);
    Ok((loaded, settings))
}

fn look(
    path: String,
    mut loaded: Loaded,
    settings: Settings,
    args: &CheckArgs,
    console: Console,
) -> Result<Checked, Stop> {
    let engine = args.engine_options.engine;
    let options = session::compile_options(settings, &args.policy_options, engine, &mut loaded.sources, console)?;
    let report = check::check(&mut loaded, &options);
    Ok(Checked { path, report, sources: loaded.sources })
}

fn exit(report: &Report, denied: &[Deny]) -> Exit {
    let is_denied = |finding: &Finding| denied.iter().any(|deny| deny.meets(finding));
    if report.is_unreadable {
        Exit::BadInput
    } else if report.findings.iter().any(|finding| finding.severity() == Severity::Error || is_denied(finding)) {
        Exit::Findings
    } else {
        Exit::Done
    }
}

/// Writes the fixes and says whether there were any.
fn fix(checked: &Checked, console: Console) -> Result<bool, Stop> {
    let fixed = check::fixed(&checked.report.findings, &checked.sources);
    for (file, text) in &fixed.texts {
        let name = checked.sources.name(*file);
        replace(Path::new(name), text)
            .map_err(|error| Stop::bad_input(format!("`{name}` cannot be written: {error}"), "no fix is in it"))?;
        writeln!(console.err(), "fixed {name}")?;
    }
    if fixed.n_left > 0 {
        writeln!(console.err(), "{} left for another run", counted(fixed.n_left as u64, "fix"))?;
    }
    Ok(!fixed.texts.is_empty())
}

/// Writes a file beside and renames it, so that the old one is there until the new one is whole.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    // a link stays a link
    let path = path.canonicalize()?;
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".firedrill-{}", std::process::id()));
    let fresh = path.with_file_name(name);
    let written = std::fs::write(&fresh, text)
        .and_then(|()| std::fs::set_permissions(&fresh, std::fs::metadata(&path)?.permissions()))
        .and_then(|()| std::fs::rename(&fresh, &path));
    if written.is_err() {
        // what is half written is of no use
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

fn print(all: &[Checked], args: &CheckArgs, console: Console) -> Result<(), Stop> {
    match args.format {
        CheckFormat::Table => {
            let mut out = console.out();
            for checked in all {
                write_table(&mut out, checked, args.forecast)?;
            }
            out.flush()?;
        }
        CheckFormat::Json => {
            let policies = all.iter().map(|checked| (checked.path.as_str(), &checked.report, &checked.sources));
            write_json(&Document::new(policies, args.forecast), console)?;
        }
        CheckFormat::Sarif => {
            write_json(&sarif::log(all.iter().map(|checked| (&checked.report, &checked.sources))), console)?;
        }
        CheckFormat::Github => {
            let mut out = console.records();
            for checked in all {
                for finding in &checked.report.findings {
                    write_command(&mut out, finding, &checked.sources)?;
                }
            }
            out.flush()?;
        }
    }
    Ok(())
}

fn write_json(document: &impl serde::Serialize, console: Console) -> Result<(), Stop> {
    let mut out = console.records();
    serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn write_table(out: &mut dyn Write, checked: &Checked, forecast: Option<u32>) -> io::Result<()> {
    let Checked { path, report, sources } = checked;
    let mut shown: BTreeMap<&str, usize> = BTreeMap::new();
    for severity in [Severity::Note, Severity::Warning, Severity::Error] {
        for finding in report.findings.iter().filter(|finding| finding.severity() == severity) {
            let n = shown.entry(finding.code()).or_insert(0);
            *n += 1;
            if *n <= SHOWN {
                render::one(out, sources, &finding.diagnostic)?;
                writeln!(out)?;
            } else {
                write_line(out, finding, sources)?;
            }
        }
        // lines without a gap between them end with one
        if report.findings.iter().any(|f| f.severity() == severity && shown.get(f.code()) > Some(&SHOWN)) {
            writeln!(out)?;
        }
    }
    write_capacities(out, &report.capacities, forecast)?;
    let fixable = report.findings.iter().filter(|finding| finding.fix.is_some()).count();
    let n = |severity| report.findings.iter().filter(|finding| finding.severity() == severity).count() as u64;
    let mut parts = vec![counted(n(Severity::Error), "error"), counted(n(Severity::Warning), "warning")];
    parts.push(counted(n(Severity::Note), "note"));
    if !report.suppressed.is_empty() {
        parts.push(format!("{} allowed by comments", count(report.suppressed.len() as u64)));
    }
    writeln!(out, "{HEADING}{}{HEADING:#}: {}", printable(path), parts.join(", "))?;
    if fixable > 0 {
        writeln!(out, "{DIM}--fix puts {} right{DIM:#}", count(fixable as u64))?;
    }
    Ok(())
}

/// A finding on one line.
fn write_line(out: &mut dyn Write, finding: &Finding, sources: &Sources) -> io::Result<()> {
    let place = finding.span().map_or_else(String::new, |span| format!("{}: ", sources.location(span)));
    let lead = format!("{} {}", finding.code(), printable(&place));
    let message = cut(&printable(&finding.diagnostic.message), WIDTH.saturating_sub(width(&lead)).max(40));
    writeln!(out, "{lead}{message}")
}

fn write_capacities(out: &mut dyn Write, groups: &[GroupCapacity], forecast: Option<u32>) -> io::Result<()> {
    if groups.iter().all(|group| group.capacity.declared.is_none()) && forecast.is_none() {
        return Ok(());
    }
    let mut table = Grid::new(&[Column::Left, Column::Right, Column::Right, Column::Right, Column::Right]);
    let with = forecast.map_or_else(String::new, |n| format!("with {} more", count(n.into())));
    table.heading(["Capacity", "used", "declared", "left", &with]);
    for group in groups {
        let capacity = group.capacity;
        let used = if capacity.needed == capacity.needed_at_most {
            count(capacity.needed)
        } else {
            format!("{} to {}", count(capacity.needed), count(capacity.needed_at_most))
        };
        let left = |left: Option<i64>| match left {
            None => Cell::new("", PLAIN),
            Some(left) => Cell::new(left.to_string(), if left < 0 { WARN } else { PLAIN }),
        };
        let declared = capacity.declared.map_or_else(|| "?".to_owned(), |n| count(n.into()));
        table.row([
            Cell::new(printable(&group.group), PLAIN),
            Cell::new(used, PLAIN),
            Cell::new(declared, PLAIN),
            left(group.head_room()),
            left(forecast.and_then(|n| group.head_room_with(n))),
        ]);
    }
    table.write(out, 0)?;
    writeln!(out)
}

/// A workflow command: `::warning file=…,line=…::text`.
fn write_command(out: &mut dyn Write, finding: &Finding, sources: &Sources) -> io::Result<()> {
    let found = &finding.diagnostic;
    let word = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(span) = finding.span() {
        let start = sources.location(span);
        let end = sources.location(crate::source::Span { start: span.end, ..span });
        properties.push(format!("file={}", escaped(&start.file, true)));
        properties.push(format!("line={},endLine={}", start.line, end.line));
        // columns are of one line
        if start.line == end.line {
            properties.push(format!("col={},endColumn={}", start.column, end.column));
        }
    }
    properties.push(format!("title={}", found.code));
    let mut text = found.message.clone();
    if let Some(help) = &found.help {
        text = format!("{text}\n{help}");
    }
    writeln!(out, "::{word} {}::{}", properties.join(","), escaped(&text, false))
}

fn escaped(text: &str, in_property: bool) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    if in_property { text.replace(':', "%3A").replace(',', "%2C") } else { text }
}
