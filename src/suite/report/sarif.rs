//! SARIF 2.1.0, as code scanning reads it: a result for everything that does not hold.

use super::Report;
use crate::source::Location;
use serde_json::{Value, json};
use std::io::{self, Write};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut results = Vec::new();
    for case in report.cases() {
        if let Some(why) = &case.broken {
            results.push(result("broken", "error", &format!("{}: {why}", case.name), &case.at, None));
        }
        for failure in &case.failures {
            let why = if failure.why.is_empty() { String::new() } else { format!(" ({})", failure.why) };
            let text = format!("{}: {}{why}", case.name, failure.line());
            let rule = failure.by.as_ref().and_then(|by| by.at.as_ref());
            results.push(result("expectation", "error", &text, &failure.at, rule));
        }
    }
    let rules = [("expectation", "The policy does not do what a case expects"), ("broken", "A case could not be run")];
    let rules: Vec<Value> =
        rules.iter().map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}})).collect();
    let driver = json!({
        "name": "firedrill",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

fn result(rule: &str, level: &str, text: &str, at: &Location, related: Option<&Location>) -> Value {
    let mut made = json!({
        "ruleId": rule,
        "level": level,
        "message": {"text": text},
        "locations": [{"physicalLocation": physical(at)}],
    });
    if let (Some(related), Some(made)) = (related, made.as_object_mut()) {
        let place = json!([{"physicalLocation": physical(related), "message": {"text": "the rule that decided"}}]);
        made.insert("relatedLocations".to_owned(), place);
    }
    made
}

fn physical(at: &Location) -> Value {
    json!({
        "artifactLocation": {"uri": uri(&at.file)},
        "region": {"startLine": at.line, "startColumn": at.column},
    })
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let keeps = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.bytes().map(|byte| if keeps(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
