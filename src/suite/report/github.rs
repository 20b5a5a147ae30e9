//! Workflow commands: GitHub shows each beside the line of the suite that it is about.

use super::{Report, Status};
use crate::source::Location;
use std::io::{self, Write};

pub(super) fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for case in report.cases() {
        if let Some(why) = &case.broken {
            command(out, "error", &case.at, &case.name, why)?;
        }
        for failure in &case.failures {
            let mut text = failure.line();
            for more in failure.flow.iter().chain(Some(&failure.why)).filter(|more| !more.is_empty()) {
                text = format!("{text}\n{more}");
            }
            command(out, "error", &failure.at, &case.name, &text)?;
        }
        for damage in &case.damage {
            command(out, "warning", &case.at, &case.name, damage)?;
        }
    }
    let [passed, failed, broken] = [Status::Passed, Status::Failed, Status::Broken].map(|status| report.count(status));
    writeln!(out, "{passed} passed, {failed} failed, {broken} could not be run")
}

fn command(out: &mut dyn Write, kind: &str, at: &Location, title: &str, text: &str) -> io::Result<()> {
    let Location { file, line, column } = at;
    let (file, title) = (property(file), property(title));
    writeln!(out, "::{kind} file={file},line={line},col={column},title={title}::{}", data(text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
