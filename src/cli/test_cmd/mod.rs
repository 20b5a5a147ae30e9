//! `firedrill test`: regression suites through their policies.

mod find;
mod policies;
mod watch;

use super::console::{Console, Stop};
use super::exit::Exit;
use super::render;
use super::session::{Session, stateless_groups};
use crate::policy::model::Policy;
use crate::report::RuleBook;
use crate::source::{Severity, Sources};
use crate::suite::coverage::{Coverage, Tally};
use crate::suite::mutate::{self, Witness};
use crate::suite::report::{CaseReport, FailureReport, Form, MutationReport, Report, Status, SuiteReport};
use crate::suite::{self, Case, CaseError, CaseResult, Subject, Suite};
use crate::synth::rewrite::Rewrite;
use clap::{Args, ValueEnum};
use policies::Policies;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// `firedrill test`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  firedrill test examples/studio-egress.firedrill.yaml
  firedrill test --filter kaggle --format json examples

A suite is YAML or JSON: a policy, and cases of captures or made-up traffic with what the policy must do to them
(docs/suites.md). Without a suite, all *.firedrill.yaml, .yml and .json below the working directory are run.

Exit codes: 0 all passed, 1 a case failed, 2 a suite, policy or capture cannot be used, 3 a capture is damaged.")]
pub struct TestArgs {
    /// Suite files, or directories to look for them in [default: the working directory]
    #[arg(value_name = "SUITE")]
    pub suites: Vec<PathBuf>,

    /// Only the cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Another policy in place of the one that the suites name
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Run each case again with the same bytes in other packets, and fail where a verdict changes: segments, mss,
    /// reorder, retransmit, ipv6, fragment, midstream, one-sided, pqc-hello
    #[arg(long, value_name = "HOW,..", value_delimiter = ',', value_parser = how)]
    pub vary: Vec<Rewrite>,

    /// Say which rules and domains of the policy no case tries
    #[arg(long, help_heading = "Coverage")]
    pub coverage: bool,

    /// Exit with 1 when fewer of a hundred rules and domains are tried
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(..=100))]
    #[arg(help_heading = "Coverage")]
    pub threshold: Option<u8>,

    /// Write the coverage as an LCOV trace file
    #[arg(long, value_name = "FILE", help_heading = "Coverage")]
    pub lcov: Option<PathBuf>,

    /// Make mistakes in the policy, one at a time, and list those that no case notices
    #[arg(long, help_heading = "Mutants")]
    pub mutate: bool,

    /// How many mutants at most
    #[arg(long, value_name = "N", default_value_t = 500, requires = "mutate", help_heading = "Mutants")]
    pub mutants: usize,

    /// Write the snapshots anew, for review as a diff
    #[arg(long)]
    pub update: bool,

    /// Run again whenever a suite, policy, capture or snapshot changes
    #[arg(long)]
    pub watch: bool,

    /// How many cases run at a time [default: as many as there are processors]
    #[arg(short, long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,

    /// How results are printed
    #[arg(long, value_enum, value_name = "table|json|junit|tap|sarif|github", hide_possible_values = true)]
    #[arg(default_value_t = TestFormat::Table, help_heading = "Output")]
    pub format: TestFormat,
}

/// `--format` of `test`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    /// For people.
    Table,
    /// One document.
    Json,
    /// JUnit's XML.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub.
    Github,
}

impl From<TestFormat> for Form {
    fn from(format: TestFormat) -> Self {
        match format {
            TestFormat::Table => Self::Table,
            TestFormat::Json => Self::Json,
            TestFormat::Junit => Self::Junit,
            TestFormat::Tap => Self::Tap,
            TestFormat::Sarif => Self::Sarif,
            TestFormat::Github => Self::Github,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When nothing can be tested: a suite or its policy cannot be used, or the output not written.
pub fn run(args: &TestArgs, console: Console) -> Result<Exit, Stop> {
    if args.watch {
        return watch::forever(args, console);
    }
    Ok(once(args, console)?.0)
}

/// Runs all suites once, and says which files decided.
fn once(args: &TestArgs, console: Console) -> Result<(Exit, Vec<PathBuf>), Stop> {
    let mut sources = Sources::new();
    let suites = read(args, &mut sources, console)?;
    let mut policies = Policies::default();
    let places = suites
        .iter()
        .map(|suite| policies.open(suite, args.policy.as_deref(), &sources, console))
        .collect::<Result<Vec<usize>, Stop>>()?;
    let sessions: Vec<&Session> = places.iter().filter_map(|place| policies.session(*place)).collect();
    let (mut report, tallies) = run_all(args, &suites, &places, &sessions, &sources)?;
    let coverage: Vec<Coverage> = tallies
        .iter()
        .filter_map(|(place, tally)| Some((policies.session(*place)?, policies.name(*place)?, tally)))
        .map(|(session, name, tally)| tally.coverage(subject(session), &name))
        .collect();
    if let Some(path) = &args.lcov {
        write_lcov(path, &coverage)?;
    }
    let thin = args.threshold.is_some_and(|least| coverage.iter().any(|of| of.percent() < f64::from(least)));
    if args.coverage || args.threshold.is_some() {
        report.coverage = coverage;
    }
    if args.mutate {
        report.mutation = mutation(args, &suites, &places, &policies);
    }
    let mut out = console.out();
    report.write(&mut out, args.format.into())?;
    out.flush()?;
    let files = files(&suites, &sessions);
    let thin = thin || report.mutation.iter().any(|of| of.survivors() > 0);
    Ok((exit(&report).or(if thin { Exit::Findings } else { Exit::Done }), files))
}

/// Reads all suites. What is wrong with them goes to standard error.
fn read(args: &TestArgs, sources: &mut Sources, console: Console) -> Result<Vec<Suite>, Stop> {
    let files = find::suites(&args.suites)?;
    let mut suites = Vec::with_capacity(files.len());
    let mut diagnostics = Vec::new();
    for file in &files {
        let loaded = suite::read(file, sources)?;
        diagnostics.extend(loaded.diagnostics);
        suites.extend(loaded.suite);
    }
    render::diagnostics(&mut console.err(), sources, &diagnostics)?;
    if diagnostics.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(Stop::told());
    }
    if let Some(filter) = &args.filter {
        let wanted = filter.to_lowercase();
        for suite in &mut suites {
            suite.cases.retain(|case| case.name.to_lowercase().contains(&wanted));
        }
        suites.retain(|suite| !suite.cases.is_empty());
        if suites.is_empty() {
            return Err(Stop::bad_input(
                format!("no case has `{filter}` in its name"),
                "see the names without --filter",
            ));
        }
    }
    Ok(suites)
}

/// What the cases did to the rules of each policy.
type Tallies = BTreeMap<usize, Tally>;

fn run_all(
    args: &TestArgs,
    suites: &[Suite],
    places: &[usize],
    sessions: &[&Session],
    sources: &Sources,
) -> Result<(Report, Tallies), Stop> {
    let work: Vec<(Subject<'_>, &Case)> = suites
        .iter()
        .zip(sessions)
        .flat_map(|(suite, session)| suite.cases.iter().map(|case| (subject(session), case)))
        .collect();
    let results = suite::on_threads(&work, jobs(args), |(subject, case)| {
        let mut result = suite::run(*subject, case)?;
        if !args.vary.is_empty() {
            result.failures.extend(suite::vary(*subject, case, &args.vary)?);
        }
        Ok(result)
    });
    let mut results = results.into_iter();
    let mut report = Report::default();
    let mut tallies = Tallies::new();
    for ((suite, session), place) in suites.iter().zip(sessions).zip(places) {
        let tally = tallies.entry(*place).or_default();
        let mut cases = Vec::with_capacity(suite.cases.len());
        for (case, result) in suite.cases.iter().zip(results.by_ref()) {
            if let Ok(result) = &result {
                tally.add(&result.observed, subject(session));
            }
            cases.push(case_report(args, case, result, session, sources)?);
        }
        report.suites.push(SuiteReport {
            file: suite.file.display().to_string(),
            policy: args.policy.as_ref().unwrap_or(&suite.policy.value).display().to_string(),
            engine: session.run.engine.clone(),
            cases,
        });
    }
    Ok((report, tallies))
}

/// Mutants of every policy before the cases that are about it and pass.
fn mutation(args: &TestArgs, suites: &[Suite], places: &[usize], policies: &Policies) -> Vec<MutationReport> {
    let mut reports = Vec::new();
    let distinct: BTreeSet<usize> = places.iter().copied().collect();
    for place in distinct {
        let (Some(session), Some(policy)) = (policies.session(place), policies.policy(place)) else { continue };
        let subject = subject(session);
        let of_policy = suites.iter().zip(places).filter(|(_, of)| **of == place).flat_map(|(suite, _)| &suite.cases);
        let cases: Vec<&Case> = of_policy.collect();
        let matched = suite::on_threads(&cases, jobs(args), |case| {
            let result = suite::run(subject, case).ok().filter(|result| result.failures.is_empty())?;
            Some(result.observed.matched)
        });
        let witnesses: Vec<Witness<'_>> =
            cases.iter().zip(matched).filter_map(|(case, matched)| Some(Witness { case, matched: matched? })).collect();
        let compile = |mutant: &Policy| {
            let mut sources = session.book.sources.clone();
            let firewall = session.firewall().compile_alike(mutant, &mut sources).ok()?;
            let (rules, stateless_groups) = (firewall.rules(mutant), stateless_groups(mutant));
            Some((firewall.into_program(), RuleBook { sources, rules, stateless_groups }))
        };
        let made = mutate::mutate(policy, subject, &witnesses, &compile, (args.mutants, jobs(args)));
        let name = policies.name(place).unwrap_or_default();
        reports.push(MutationReport::new(name, made, &session.book));
    }
    reports
}

fn write_lcov(path: &Path, coverage: &[Coverage]) -> Result<(), Stop> {
    let mut text = Vec::new();
    coverage.iter().try_for_each(|of| of.write_lcov(&mut text))?;
    std::fs::write(path, text).map_err(|error| {
        Stop::bad_input(format!("`{}` cannot be written: {error}", path.display()), "the directory must be there")
    })
}

fn how(text: &str) -> Result<Rewrite, String> {
    let known = Rewrite::ALL.into_iter().find(|how| how.name() == text);
    known.ok_or_else(|| format!("it is none of {}", Rewrite::ALL.map(Rewrite::name).join(", ")))
}

fn jobs(args: &TestArgs) -> usize {
    let jobs = args.jobs.or_else(|| std::thread::available_parallelism().ok());
    jobs.map_or(1, NonZeroUsize::get)
}

fn subject(session: &Session) -> Subject<'_> {
    Subject { program: session.firewall().program(), book: &session.book, home: &session.home }
}

fn case_report(
    args: &TestArgs,
    case: &Case,
    result: Result<CaseResult, CaseError>,
    session: &Session,
    sources: &Sources,
) -> Result<CaseReport, Stop> {
    let mut made = CaseReport::of(case, sources);
    match result {
        Err(error) => made.broken = Some(error.to_string()),
        Ok(result) => {
            let mut failures = result.failures;
            if let (true, Some(text), Some(file)) = (args.update, &result.new_snapshot, &case.snapshot) {
                replace(&file.value, text).map_err(|error| {
                    Stop::bad_input(
                        format!("`{}` cannot be written: {error}", file.value.display()),
                        "the directory must be there",
                    )
                })?;
                failures.retain(|failure| failure.span != file.span);
                made.updated = true;
            }
            made.damage = result.observed.damage;
            let failures = failures.into_iter();
            made.failures = failures.map(|failure| FailureReport::new(failure, sources, &session.book)).collect();
        }
    }
    Ok(made)
}

/// Writes a file that is there as a whole or as it was.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    std::fs::write(&fresh, text)?;
    std::fs::rename(&fresh, path)
}

fn exit(report: &Report) -> Exit {
    let of_case = |case: &CaseReport| {
        let exit = match case.status() {
            Status::Passed => Exit::Done,
            Status::Failed => Exit::Findings,
            Status::Broken => Exit::BadInput,
        };
        exit.or(if case.damage.is_empty() { Exit::Done } else { Exit::Partial })
    };
    report.cases().map(of_case).fold(Exit::Done, Exit::or)
}

/// The files that a run depends on.
fn files(suites: &[Suite], sessions: &[&Session]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    for (suite, session) in suites.iter().zip(sessions) {
        files.extend([suite.file.clone(), suite.policy.value.clone()]);
        files.extend(session.book.sources.names().map(PathBuf::from));
        for case in &suite.cases {
            if let suite::model::Traffic::Captures { paths, .. } = &case.traffic {
                files.extend(paths.iter().cloned());
            }
            files.extend(case.snapshot.iter().map(|file| file.value.clone()));
        }
    }
    files.sort();
    files.dedup();
    files
}
