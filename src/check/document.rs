//! The findings as one JSON document; docs/schema/check-1.json describes it.

use super::Report;
use super::capacity::GroupCapacity;
use super::finding::{Finding, Fix};
use super::suppression::Suppressed;
use crate::source::{Severity, Sources, Span};
use serde::Serialize;

/// The version of the document.
pub const SCHEMA_VERSION: u32 = 1;

/// All policies of a run.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    schema_version: u32,
    policies: Vec<PolicyRecord<'a>>,
}

/// One policy.
#[derive(Debug, Serialize)]
struct PolicyRecord<'a> {
    path: &'a str,
    errors: usize,
    warnings: usize,
    infos: usize,
    findings: Vec<FindingRecord<'a>>,
    suppressed: Vec<SuppressedRecord<'a>>,
    capacity: Vec<CapacityRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct FindingRecord<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    help: Option<&'a str>,
    places: Vec<PlaceRecord<'a>>,
    fix: Option<FixRecord<'a>>,
}

#[derive(Debug, Serialize)]
struct SuppressedRecord<'a> {
    code: &'a str,
    message: &'a str,
    reason: &'a str,
    place: Option<PlaceRecord<'a>>,
}

/// Lines and columns count from 1, columns in characters; the end is exclusive.
#[derive(Debug, Serialize)]
struct PlaceRecord<'a> {
    file: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    #[serde(skip_serializing_if = "str::is_empty")]
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct FixRecord<'a> {
    what: &'a str,
    edits: Vec<EditRecord<'a>>,
}

/// Bytes of the file, the end exclusive.
#[derive(Debug, Serialize)]
struct EditRecord<'a> {
    file: String,
    start: u32,
    end: u32,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct CapacityRecord<'a> {
    group: &'a str,
    stage: &'static str,
    needed: u64,
    needed_at_most: u64,
    declared: Option<u32>,
    head_room: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_room_forecast: Option<i64>,
}

impl<'a> Document<'a> {
    /// The document of some policies: the path, what was found, and the files. `forecast`: so many domains more.
    pub fn new(policies: impl IntoIterator<Item = (&'a str, &'a Report, &'a Sources)>, forecast: Option<u32>) -> Self {
        let policies = policies.into_iter().map(|(path, report, sources)| {
            let n = |severity| report.findings.iter().filter(|finding| finding.severity() == severity).count();
            PolicyRecord {
                path,
                errors: n(Severity::Error),
                warnings: n(Severity::Warning),
                infos: n(Severity::Note),
                findings: report.findings.iter().map(|finding| FindingRecord::new(finding, sources)).collect(),
                suppressed: report.suppressed.iter().map(|one| SuppressedRecord::new(one, sources)).collect(),
                capacity: report.capacities.iter().map(|group| CapacityRecord::new(group, forecast)).collect(),
            }
        });
        Self { schema_version: SCHEMA_VERSION, policies: policies.collect() }
    }
}

/// `error`, `warning`, `info`.
pub fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "info",
    }
}

impl<'a> FindingRecord<'a> {
    fn new(finding: &'a Finding, sources: &Sources) -> Self {
        let found = &finding.diagnostic;
        Self {
            code: found.code,
            severity: severity_name(found.severity),
            message: &found.message,
            help: found.help.as_deref(),
            places: found.labels.iter().map(|label| place(label.span, &label.text, sources)).collect(),
            fix: finding.fix.as_ref().map(|fix| FixRecord::new(fix, sources)),
        }
    }
}

impl<'a> SuppressedRecord<'a> {
    fn new(one: &'a Suppressed, sources: &Sources) -> Self {
        Self {
            code: one.finding.code(),
            message: &one.finding.diagnostic.message,
            reason: &one.reason,
            place: one.finding.span().map(|span| place(span, "", sources)),
        }
    }
}

impl<'a> FixRecord<'a> {
    fn new(fix: &'a Fix, sources: &Sources) -> Self {
        let edits = fix.edits.iter().map(|edit| EditRecord {
            file: sources.name(edit.span.file).to_owned(),
            start: edit.span.start,
            end: edit.span.end,
            text: &edit.text,
        });
        Self { what: &fix.what, edits: edits.collect() }
    }
}

impl<'a> CapacityRecord<'a> {
    fn new(group: &'a GroupCapacity, forecast: Option<u32>) -> Self {
        Self {
            group: &group.group,
            stage: if group.stateless { "stateless" } else { "stateful" },
            needed: group.capacity.needed,
            needed_at_most: group.capacity.needed_at_most,
            declared: group.capacity.declared,
            head_room: group.head_room(),
            head_room_forecast: forecast.and_then(|n| group.head_room_with(n)),
        }
    }
}

fn place<'a>(span: Span, text: &'a str, sources: &Sources) -> PlaceRecord<'a> {
    let start = sources.location(span);
    let end = sources.location(Span { start: span.end, ..span });
    PlaceRecord {
        file: start.file,
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        text,
    }
}
