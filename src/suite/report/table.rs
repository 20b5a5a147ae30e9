//! For people: what failed, and how many did not.

use super::{CaseReport, FailureReport, MutationReport, Report, Status, SuiteReport};
use crate::report::layout::{DIM, DROP, HEADING, PASS, WARN, WIDTH, cut, printable, width, wrap};
use crate::report::units::{count, counted};
use crate::source::Location;
use crate::suite::coverage::{Coverage, Entry, Reach};
use crate::suite::mutate::Fate;
use std::io::{self, Write};

/// What is said about a case stands under it.
const INDENT: usize = 8;

/// Rules and domains that are listed of those that no case tries.
const ENTRIES_MAX: usize = 30;

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for suite in &report.suites {
        write_suite(out, suite)?;
    }
    for coverage in &report.coverage {
        write_coverage(out, coverage)?;
    }
    for mutation in &report.mutation {
        write_mutation(out, mutation)?;
    }
    let [passed, failed, broken] =
        [Status::Passed, Status::Failed, Status::Broken].map(|status| report.count(status) as u64);
    let total = counted(passed + failed + broken, "case");
    let mut parts = vec![format!("{PASS}{passed} passed{PASS:#}")];
    if failed > 0 {
        parts.push(format!("{DROP}{failed} failed{DROP:#}"));
    }
    if broken > 0 {
        parts.push(format!("{WARN}{broken} could not be run{WARN:#}"));
    }
    let updated = report.cases().filter(|case| case.updated).count() as u64;
    if updated > 0 {
        parts.push(format!("{} written", counted(updated, "snapshot")));
    }
    writeln!(out, "{total}: {}", parts.join(", "))
}

fn write_suite(out: &mut dyn Write, suite: &SuiteReport) -> io::Result<()> {
    let passed = suite.cases.iter().filter(|case| case.status() == Status::Passed).count();
    let head = format!("{HEADING}{}{HEADING:#}", printable(&suite.file));
    let (policy, engine) = (printable(&suite.policy), &suite.engine);
    writeln!(out, "{head}  {DIM}{policy}, {engine}{DIM:#}  {passed} of {} passed", suite.cases.len())?;
    for case in &suite.cases {
        write_case(out, case)?;
    }
    Ok(())
}

/// How much of a policy is tried, and what is not.
fn write_coverage(out: &mut dyn Write, coverage: &Coverage) -> io::Result<()> {
    let all = coverage.entries.len() as u64;
    let [matched, decisive] = [Reach::Matched, Reach::Decisive].map(|reach| coverage.count(reach));
    let of = counted(all, "rule or domain").replace("rule or domains", "rules and domains");
    let percent = coverage.percent();
    writeln!(out, "{HEADING}Coverage{HEADING:#} of {}: {percent:.1} % of {of}", printable(&coverage.policy))?;
    let (behind, never) = (matched - decisive, coverage.entries.len() - matched);
    writeln!(out, "  {decisive} decisive, {behind} matched behind others, {never} never tried")?;
    let open = coverage.entries.iter().filter(|entry| entry.reach != Reach::Decisive);
    for Entry { what, at: (file, line), reach, .. } in open.clone().take(ENTRIES_MAX) {
        let style = if *reach == Reach::Never { DROP } else { WARN };
        let word = reach.name();
        let (what, file) = (printable(what), printable(file));
        writeln!(out, "  {style}{word:<8}{style:#}  {what}  {DIM}{file}:{line}{DIM:#}")?;
    }
    let more = open.count().saturating_sub(ENTRIES_MAX);
    if more > 0 {
        writeln!(out, "  … and {} more: --format json and --lcov have all", count(more as u64))?;
    }
    Ok(())
}

/// Mistakes that no case notices, each with the line of a suite that would.
fn write_mutation(out: &mut dyn Write, mutation: &MutationReport) -> io::Result<()> {
    let MutationReport { policy, n_all, mutants } = mutation;
    let all = if *n_all > mutants.len() { format!(", of {n_all} there could be") } else { String::new() };
    let tried = counted(mutants.len() as u64, "mutant");
    writeln!(out, "{HEADING}Mutants{HEADING:#} of {}: {tried}{all}", printable(policy))?;
    let [noticed, same, stillborn] =
        [Fate::Noticed, Fate::Equivalent, Fate::Stillborn].map(|fate| mutation.count(&fate));
    let survived = mutation.survivors();
    writeln!(
        out,
        "  {noticed} noticed, {survived} survived, {same} that no flow tells apart, {stillborn} that cannot be evaluated"
    )?;
    let place = |at: &Option<Location>| at.as_ref().map_or_else(String::new, |at| format!("{}:{}", at.file, at.line));
    let survivors = mutants.iter().filter_map(|(what, at, fate)| match fate {
        Fate::Survived(line) => Some((what, place(at), line)),
        _ => None,
    });
    for (what, at, line) in survivors.take(ENTRIES_MAX) {
        writeln!(out, "  {WARN}survived{WARN:#}  {}  {DIM}{}{DIM:#}", printable(what), printable(&at))?;
        writeln!(out, "{:INDENT$}{}", "", printable(line))?;
    }
    if survived > ENTRIES_MAX {
        writeln!(out, "  … and {} more: --format json has all", count((survived - ENTRIES_MAX) as u64))?;
    }
    Ok(())
}

fn write_case(out: &mut dyn Write, case: &CaseReport) -> io::Result<()> {
    let (word, style) = match case.status() {
        Status::Passed if case.damage.is_empty() && !case.updated => return Ok(()),
        Status::Passed => ("ok", PASS),
        Status::Failed => ("FAIL", DROP),
        Status::Broken => ("ERROR", WARN),
    };
    let place = format!("{}:{}", case.at.file, case.at.line);
    writeln!(out, "{style}{word:<6}{style:#}  {}  {DIM}{}{DIM:#}", printable(&case.name), printable(&place))?;
    if let Some(why) = &case.broken {
        write_text(out, "", why)?;
    }
    for damage in &case.damage {
        write_text(out, "damaged capture, partial result: ", damage)?;
    }
    if case.updated {
        write_text(out, "", "snapshot written")?;
    }
    case.failures.iter().try_for_each(|failure| write_failure(out, case, failure))
}

fn write_failure(out: &mut dyn Write, case: &CaseReport, failure: &FailureReport) -> io::Result<()> {
    let at = if failure.at.line == case.at.line { String::new() } else { format!("line {}: ", failure.at.line) };
    let FailureReport { expected, got, flow, by, why, .. } = failure;
    let (expected, got) = (printable(expected), printable(got));
    writeln!(out, "{:INDENT$}{at}expected {PASS}{expected}{PASS:#}, got {DROP}{got}{DROP:#}", "")?;
    if let Some(by) = by {
        let said = if failure.got.ends_with(&by.words) { String::new() } else { format!("by {} ", by.words) };
        let text = printable(&format!("{said}on {}", by.packet));
        let msg = cut(&printable(&by.msg), WIDTH.saturating_sub(INDENT + width(&text) + 2));
        let gap = if msg.is_empty() { "" } else { "  " };
        writeln!(out, "{:INDENT$}{text}{gap}{DIM}{msg}{DIM:#}", "")?;
    }
    if let Some(flow) = flow {
        write_text(out, "flow ", flow)?;
    }
    why.lines().try_for_each(|line| write_text(out, if line.starts_with(['+', '-', '…']) { "" } else { "why: " }, line))
}

fn write_text(out: &mut dyn Write, lead: &str, text: &str) -> io::Result<()> {
    let text = format!("{lead}{}", printable(text));
    wrap(&text, WIDTH.saturating_sub(INDENT)).iter().try_for_each(|line| writeln!(out, "{:INDENT$}{line}", ""))
}
