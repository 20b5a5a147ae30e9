//! One JSON document.

use super::{ByReport, CaseReport, FailureReport, MutationReport, Report, Status, SuiteReport};
use crate::source::Location;
use crate::suite::coverage::{Coverage, Entry, Reach};
use crate::suite::mutate::Fate;
use serde::Serialize;
use std::io::{self, Write};

/// The version of the document; it changes when a member changes its meaning or goes away.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    passed: usize,
    failed: usize,
    broken: usize,
    suites: Vec<Suite<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coverage: Vec<Covered<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mutation: Vec<Mutated<'a>>,
}

#[derive(Serialize)]
struct Mutated<'a> {
    policy: &'a str,
    possible: usize,
    mutants: Vec<MutantRecord<'a>>,
}

#[derive(Serialize)]
struct MutantRecord<'a> {
    what: &'a str,
    place: Option<Place<'a>>,
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    case: Option<&'a str>,
}

#[derive(Serialize)]
struct Covered<'a> {
    policy: &'a str,
    percent: f64,
    decisive: usize,
    matched: usize,
    never: usize,
    entries: Vec<CoveredEntry<'a>>,
}

#[derive(Serialize)]
struct CoveredEntry<'a> {
    what: &'a str,
    file: &'a str,
    line: u32,
    reach: &'static str,
    cases: u64,
}

#[derive(Serialize)]
struct Suite<'a> {
    file: &'a str,
    policy: &'a str,
    engine: &'a str,
    cases: Vec<Case<'a>>,
}

#[derive(Serialize)]
struct Case<'a> {
    name: &'a str,
    #[serde(flatten)]
    at: Place<'a>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    damage: &'a [String],
    #[serde(skip_serializing_if = "is_false")]
    updated: bool,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(flatten)]
    at: Place<'a>,
    expected: &'a str,
    got: &'a str,
    flow: Option<&'a str>,
    by: Option<By<'a>>,
    why: &'a str,
}

#[derive(Serialize)]
struct By<'a> {
    text: &'a str,
    sid: Option<u32>,
    place: Option<Place<'a>>,
    msg: &'a str,
    packet: &'a str,
}

/// A place in a file, from 1.
#[derive(Serialize)]
pub(super) struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
}

impl<'a> Place<'a> {
    pub(super) fn of(at: &'a Location) -> Self {
        Self { file: &at.file, line: at.line, column: at.column }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands members over by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let document = Document {
        version: VERSION,
        passed: report.count(Status::Passed),
        failed: report.count(Status::Failed),
        broken: report.count(Status::Broken),
        suites: report.suites.iter().map(suite).collect(),
        coverage: report.coverage.iter().map(covered).collect(),
        mutation: report.mutation.iter().map(mutated).collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn covered(coverage: &Coverage) -> Covered<'_> {
    let [tried, decisive] = [Reach::Matched, Reach::Decisive].map(|reach| coverage.count(reach));
    Covered {
        policy: &coverage.policy,
        percent: (coverage.percent() * 10.0).round() / 10.0,
        decisive,
        matched: tried - decisive,
        never: coverage.entries.len() - tried,
        entries: coverage.entries.iter().map(entry).collect(),
    }
}

fn entry(entry: &Entry) -> CoveredEntry<'_> {
    CoveredEntry {
        what: &entry.what,
        file: &entry.at.0,
        line: entry.at.1,
        reach: entry.reach.name(),
        cases: entry.cases,
    }
}

fn mutated(mutation: &MutationReport) -> Mutated<'_> {
    let mutants = mutation.mutants.iter().map(|(what, at, fate)| {
        let (word, case) = match fate {
            Fate::Noticed => ("noticed", None),
            Fate::Survived(line) => ("survived", Some(line.as_str())),
            Fate::Equivalent => ("equivalent", None),
            Fate::Stillborn => ("stillborn", None),
        };
        MutantRecord { what, place: at.as_ref().map(Place::of), fate: word, case }
    });
    Mutated { policy: &mutation.policy, possible: mutation.n_all, mutants: mutants.collect() }
}

fn suite(suite: &SuiteReport) -> Suite<'_> {
    let cases = suite.cases.iter().map(case).collect();
    Suite { file: &suite.file, policy: &suite.policy, engine: &suite.engine, cases }
}

fn case(case: &CaseReport) -> Case<'_> {
    Case {
        name: &case.name,
        at: Place::of(&case.at),
        status: case.status().name(),
        error: case.broken.as_deref(),
        failures: case.failures.iter().map(failure).collect(),
        damage: &case.damage,
        updated: case.updated,
    }
}

fn failure(failure: &FailureReport) -> Failure<'_> {
    let by = failure.by.as_ref().map(|ByReport { words, sid, at, msg, packet }| By {
        text: words,
        sid: *sid,
        place: at.as_ref().map(Place::of),
        msg,
        packet,
    });
    let FailureReport { at, expected, got, flow, why, .. } = failure;
    Failure { at: Place::of(at), expected, got, flow: flow.as_deref(), by, why }
}
