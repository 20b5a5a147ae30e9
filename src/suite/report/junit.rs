//! JUnit's XML, as build servers read it.

use super::{CaseReport, Report};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use std::fmt::Write as _;
use std::io::{self, Write};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let mut document = quick_junit::Report::new("firedrill");
    for suite in &report.suites {
        let mut made = TestSuite::new(suite.file.as_str());
        made.add_test_cases(suite.cases.iter().map(|case| test_case(&suite.file, case)));
        document.add_test_suite(made);
    }
    document.serialize(&mut *out).map_err(io::Error::other)?;
    writeln!(out)
}

fn test_case(suite: &str, case: &CaseReport) -> TestCase {
    let mut status = TestCaseStatus::success();
    if let Some(why) = &case.broken {
        status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(why.as_str());
    } else if let Some(first) = case.failures.first() {
        status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_type("expectation");
        status.set_message(first.line());
        let mut text = String::new();
        for failure in &case.failures {
            let _ = writeln!(text, "{}: {}", failure.at, failure.line());
            for more in failure.flow.iter().chain(Some(&failure.why)).filter(|more| !more.is_empty()) {
                let _ = writeln!(text, "  {}", more.replace('\n', "\n  "));
            }
        }
        status.set_description(text);
    }
    let mut made = TestCase::new(case.name.as_str(), status);
    made.set_classname(suite);
    made.extra.insert("file".into(), case.at.file.as_str().into());
    made.extra.insert("line".into(), case.at.line.to_string().into());
    made
}
