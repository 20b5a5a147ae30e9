//! The Test Anything Protocol, version 14.

use super::{CaseReport, Report, Status};
use std::io::{self, Write};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    writeln!(out, "TAP version 14")?;
    writeln!(out, "1..{}", report.cases().count())?;
    for (number, case) in (1..).zip(report.cases()) {
        let ok = if case.status() == Status::Passed { "ok" } else { "not ok" };
        writeln!(out, "{ok} {number} - {}", escaped(&case.name))?;
        write_block(out, case)?;
    }
    Ok(())
}

/// The YAML block under a line.
fn write_block(out: &mut dyn Write, case: &CaseReport) -> io::Result<()> {
    if case.status() == Status::Passed {
        return Ok(());
    }
    writeln!(out, "  ---")?;
    writeln!(out, "  at: {}", quoted(&format!("{}:{}", case.at.file, case.at.line)))?;
    if let Some(why) = &case.broken {
        writeln!(out, "  message: {}", quoted(why))?;
    }
    if !case.failures.is_empty() {
        writeln!(out, "  failures:")?;
    }
    for failure in &case.failures {
        writeln!(out, "    - at: {}", quoted(&failure.at.to_string()))?;
        writeln!(out, "      expected: {}", quoted(&failure.expected))?;
        writeln!(out, "      got: {}", quoted(&failure.got))?;
        if let Some(by) = &failure.by {
            writeln!(out, "      by: {}", quoted(&by.words))?;
            writeln!(out, "      on: {}", quoted(&by.packet))?;
        }
        if let Some(flow) = &failure.flow {
            writeln!(out, "      flow: {}", quoted(flow))?;
        }
        if !failure.why.is_empty() {
            writeln!(out, "      why: {}", quoted(&failure.why))?;
        }
    }
    writeln!(out, "  ...")
}

/// A description may not hold what the protocol takes for a directive.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#").replace('\n', " ")
}

/// JSON's strings are YAML's double-quoted ones.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
