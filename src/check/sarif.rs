//! The findings as SARIF 2.1.0, which code hosts show beside the lines.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0".

use super::Report;
use super::catalogue;
use super::finding::{Finding, Fix};
use crate::source::{Severity, Sources, Span};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The log of a run over some policies.
pub fn log<'a>(policies: impl IntoIterator<Item = (&'a Report, &'a Sources)>) -> Value {
    let policies: Vec<(&Report, &Sources)> = policies.into_iter().collect();
    let all = policies.iter().flat_map(|(report, _)| {
        report.findings.iter().chain(report.suppressed.iter().map(|suppressed| &suppressed.finding))
    });
    let codes: BTreeSet<&str> = all.map(Finding::code).collect();
    let rules: Vec<Value> = codes.iter().filter_map(|code| catalogue::entry(code)).map(rule).collect();
    let mut results = Vec::new();
    for (report, sources) in policies {
        results.extend(report.findings.iter().map(|finding| result(finding, sources)));
        for suppressed in &report.suppressed {
            let mut result = result(&suppressed.finding, sources);
            let suppression = json!([{"kind": "inSource", "justification": suppressed.reason}]);
            if let Some(members) = result.as_object_mut() {
                members.insert("suppressions".to_owned(), suppression);
            }
            results.push(result);
        }
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "firedrill", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(entry: catalogue::Entry) -> Value {
    json!({
        "id": entry.code,
        "shortDescription": {"text": entry.what},
        "help": {"text": entry.text.unwrap_or(entry.remedy)},
    })
}

fn result(finding: &Finding, sources: &Sources) -> Value {
    let found = &finding.diagnostic;
    let level = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let text = match &found.help {
        Some(help) => format!("{}: {help}", found.message),
        None => found.message.clone(),
    };
    let mut result = json!({"ruleId": found.code, "level": level, "message": {"text": text}});
    let Some(members) = result.as_object_mut() else { return result };
    if let Some((first, others)) = found.labels.split_first() {
        members.insert("locations".to_owned(), json!([{"physicalLocation": physical(first.span, sources)}]));
        let related: Vec<Value> = others
            .iter()
            .map(|label| json!({"physicalLocation": physical(label.span, sources), "message": {"text": label.text}}))
            .collect();
        if !related.is_empty() {
            members.insert("relatedLocations".to_owned(), related.into());
        }
    }
    if let Some(fix) = &finding.fix {
        members.insert("fixes".to_owned(), json!([self::fix(fix, sources)]));
    }
    result
}

fn fix(fix: &Fix, sources: &Sources) -> Value {
    let changes: Vec<Value> = fix
        .edits
        .iter()
        .map(|edit| {
            json!({
                "artifactLocation": {"uri": uri(sources.name(edit.span.file))},
                "replacements": [{"deletedRegion": region(edit.span, sources), "insertedContent": {"text": edit.text}}],
            })
        })
        .collect();
    json!({"description": {"text": fix.what}, "artifactChanges": changes})
}

fn physical(span: Span, sources: &Sources) -> Value {
    json!({"artifactLocation": {"uri": uri(sources.name(span.file))}, "region": region(span, sources)})
}

fn region(span: Span, sources: &Sources) -> Value {
    let start = sources.location(span);
    let end = sources.location(Span { start: span.end, ..span });
    json!({"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column})
}

/// A path as a reference: what has a meaning there is written as `%` and two digits.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'\\' => uri.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => _ = write!(uri, "%{byte:02X}"),
        }
    }
    uri
}
