//! What a run of suites has found, and the forms it is written in.
//!
//! In: results, with places in two sets of files (the suite's, the policy's) already looked up. Out: a table for people,
//! JSON, JUnit, TAP, SARIF, or annotations of GitHub. `docs/schema/test-report.schema.json` describes the JSON.

mod github;
mod json;
mod junit;
mod sarif;
mod table;
mod tap;

pub use json::VERSION;

use super::coverage::Coverage;
use super::judge::{Decider, Failure};
use super::model::Case;
use super::mutate::{Fate, Mutant};
use crate::report::RuleBook;
use crate::source::{Location, Sources};
use std::io::{self, Write};

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// One document.
    Json,
    /// JUnit's XML.
    Junit,
    /// The Test Anything Protocol, version 14.
    Tap,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands that GitHub shows beside the lines.
    Github,
}

/// A run of suites.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order of their files.
    pub suites: Vec<SuiteReport>,
    /// What the cases have tried of each policy, if that is asked for.
    pub coverage: Vec<Coverage>,
    /// What became of mutants of each policy, if that is asked for.
    pub mutation: Vec<MutationReport>,
}

/// Mutants of a policy.
#[derive(Clone, Debug)]
pub struct MutationReport {
    /// The policy's file.
    pub policy: String,
    /// How many mutants there would be, if all were tried.
    pub n_all: usize,
    /// Those that were tried: the mistake, its place, and what became of it.
    pub mutants: Vec<(String, Option<Location>, Fate)>,
}

impl MutationReport {
    /// With its places looked up.
    pub fn new(policy: String, (mutants, n_all): (Vec<Mutant>, usize), book: &RuleBook) -> Self {
        let with_place = |mutant: Mutant| {
            let at = mutant.span.map(|span| {
                let line = book.sources.line_number(span);
                Location { file: book.sources.name(span.file).to_owned(), line, column: 1 }
            });
            (mutant.what, at, mutant.fate)
        };
        Self { policy, n_all, mutants: mutants.into_iter().map(with_place).collect() }
    }

    /// How many met this fate; of those that survived, all.
    pub fn count(&self, fate: &Fate) -> usize {
        let is = |other: &Fate| std::mem::discriminant(other) == std::mem::discriminant(fate);
        self.mutants.iter().filter(|(_, _, other)| is(other)).count()
    }

    /// How many survived though a flow tells them from the policy.
    pub fn survivors(&self) -> usize {
        self.count(&Fate::Survived(String::new()))
    }
}

/// A suite of a run.
#[derive(Clone, Debug)]
pub struct SuiteReport {
    /// Its file.
    pub file: String,
    /// The policy's file.
    pub policy: String,
    /// The engine: `Suricata 7.0`.
    pub engine: String,
    /// Its cases, those that were run.
    pub cases: Vec<CaseReport>,
}

/// A case of a run.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub at: Location,
    /// What did not hold.
    pub failures: Vec<FailureReport>,
    /// Why it could not be run.
    pub broken: Option<String>,
    /// Where its captures are damaged.
    pub damage: Vec<String>,
    /// Its snapshot was rewritten.
    pub updated: bool,
}

/// Something that does not hold.
#[derive(Clone, Debug)]
pub struct FailureReport {
    /// Where it is expected.
    pub at: Location,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub got: String,
    /// Of which flow.
    pub flow: Option<String>,
    /// Who decided.
    pub by: Option<ByReport>,
    /// The shortest explanation; may be empty, may have several lines.
    pub why: String,
}

/// Who decided.
#[derive(Clone, Debug)]
pub struct ByReport {
    /// In words, with the place.
    pub words: String,
    /// The rule's number.
    pub sid: Option<u32>,
    /// Where it is written.
    pub at: Option<Location>,
    /// What it says of itself.
    pub msg: String,
    /// On which packet.
    pub packet: String,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything holds.
    Passed,
    /// Something does not.
    Failed,
    /// It could not be run.
    Broken,
}

impl Status {
    /// `passed`, `failed` or `broken`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Broken => "broken",
        }
    }
}

impl CaseReport {
    /// Of a case that nothing is known of yet.
    pub fn of(case: &Case, suite: &Sources) -> Self {
        Self {
            name: case.name.clone(),
            at: suite.location(case.span),
            failures: Vec::new(),
            broken: None,
            damage: Vec::new(),
            updated: false,
        }
    }

    /// How it ended.
    pub fn status(&self) -> Status {
        match (&self.broken, self.failures.is_empty()) {
            (Some(_), _) => Status::Broken,
            (None, true) => Status::Passed,
            (None, false) => Status::Failed,
        }
    }
}

impl FailureReport {
    /// With its places looked up.
    pub fn new(failure: Failure, suite: &Sources, book: &RuleBook) -> Self {
        let Failure { span, expected, got, flow, by, why } = failure;
        let by = by.map(|Decider { words, sid, place, msg, packet }| ByReport {
            words,
            sid,
            at: place.map(|place| book.sources.location(place)),
            msg,
            packet,
        });
        Self { at: suite.location(span), expected, got, flow, by, why }
    }

    /// The failure in one line, without its place.
    pub fn line(&self) -> String {
        let mut line = format!("expected {}, got {}", self.expected, self.got);
        if let Some(by) = &self.by {
            let decided = if self.got.ends_with(&by.words) { String::new() } else { format!(" by {}", by.words) };
            line = format!("{line}{decided} on {}", by.packet);
        }
        line
    }
}

impl Report {
    /// All cases.
    pub fn cases(&self) -> impl Iterator<Item = &CaseReport> {
        self.suites.iter().flat_map(|suite| &suite.cases)
    }

    /// How many cases ended so.
    pub fn count(&self, status: Status) -> usize {
        self.cases().filter(|case| case.status() == status).count()
    }

    /// Writes it.
    pub fn write(&self, out: &mut dyn Write, form: Form) -> io::Result<()> {
        match form {
            Form::Table => table::write(out, self),
            Form::Json => json::write(out, self),
            Form::Junit => junit::write(out, self),
            Form::Tap => tap::write(out, self),
            Form::Sarif => sarif::write(out, self),
            Form::Github => github::write(out, self),
        }
    }
}
