//! FD1001, FD1002: comments in the user's files that say why a finding is meant to be.
//!
//! `# firedrill: allow FD0803 because the list is shared` on the line of the finding, or on a line of its own above it. In
//! JSON, the lines of the rules inside a string count as lines.

use super::catalogue;
use super::finding::Finding;
use crate::source::{Diagnostic, FileId, Sources, Span};
use std::collections::BTreeMap;

const MARK: &str = "firedrill: allow";

/// A finding that the user has allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// The user's reason.
    pub reason: String,
}

/// One comment.
#[derive(Debug)]
struct Comment {
    span: Span,
    codes: Vec<String>,
    reason: String,
    /// The lines it is about, as bytes of the file.
    lines: std::ops::Range<u32>,
    used: bool,
}

/// Takes the findings that are allowed out of `findings`, and adds what is wrong with the comments.
pub(super) fn apply(findings: &mut Vec<Finding>, sources: &Sources) -> Vec<Suppressed> {
    let mut wrong = Vec::new();
    let mut comments: BTreeMap<FileId, Vec<Comment>> = BTreeMap::new();
    for file in sources.files() {
        let found = read(file, sources, &mut wrong);
        if !found.is_empty() {
            comments.insert(file, found);
        }
    }
    let mut suppressed = Vec::new();
    if !comments.is_empty() {
        let mut kept = Vec::with_capacity(findings.len());
        for finding in findings.drain(..) {
            match allowing(&finding, &mut comments) {
                Some(reason) => suppressed.push(Suppressed { finding, reason }),
                None => kept.push(finding),
            }
        }
        *findings = kept;
    }
    let unused = comments.into_values().flatten().filter(|comment| !comment.used);
    wrong.extend(unused.map(|comment| {
        Diagnostic::warning("FD1001", format!("nothing is found here that `{}` would allow", comment.codes.join(", ")))
            .at(comment.span)
            .help("take the comment out: it would hide a finding that is still to come")
    }));
    findings.extend(wrong.into_iter().map(Finding::new));
    suppressed
}

/// The reason for which a finding is allowed, if it is.
fn allowing(finding: &Finding, comments: &mut BTreeMap<FileId, Vec<Comment>>) -> Option<String> {
    let span = finding.span()?;
    let comment = comments.get_mut(&span.file)?.iter_mut().find(|comment| {
        comment.lines.contains(&span.start) && comment.codes.iter().any(|code| code == finding.code())
    })?;
    comment.used = true;
    Some(comment.reason.clone())
}

/// All comments of a file.
fn read(file: FileId, sources: &Sources, wrong: &mut Vec<Diagnostic>) -> Vec<Comment> {
    let text = sources.text(file);
    let is_json = text.trim_start().starts_with(['{', '[']);
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(text.as_bytes(), MARK) {
        let (start, end) = line_around(text, at, is_json);
        let (Some(before), Some(said)) = (text.get(start..at), text.get(at + MARK.len()..end)) else { continue };
        let Some(sign) = ["#", "//", "/*"].into_iter().filter_map(|sign| before.rfind(sign)).max() else { continue };
        let span = Span::new(file, at..end);
        let (codes, reason) = match said.split_once(" because ") {
            Some((codes, reason)) => (codes, reason.trim().trim_end_matches("*/").trim()),
            None => (said, ""),
        };
        let codes: Vec<String> = codes.split([',', ' ']).filter(|code| !code.is_empty()).map(str::to_owned).collect();
        let unknown = codes.iter().find(|code| catalogue::entry(code).is_none());
        if reason.is_empty() || codes.is_empty() || unknown.is_some() {
            let message = match unknown {
                Some(code) => format!("there is no code `{code}`: this allows nothing"),
                None => "a finding is allowed without a reason: this allows nothing".to_owned(),
            };
            wrong.push(
                Diagnostic::warning("FD1002", message).at(span).help(format!("write `{MARK} FD0000 because REASON`")),
            );
            continue;
        }
        let lead = text.get(start..start + sign).unwrap_or("").trim();
        let own_line = lead.is_empty() || (is_json && lead.ends_with('"'));
        let lines = if own_line { next_line(text, end, is_json) } else { start..end };
        found.push(Comment {
            span,
            codes,
            reason: reason.to_owned(),
            lines: lines.start as u32..lines.end as u32,
            used: false,
        });
    }
    found
}

/// The line that holds a place, without its end.
fn line_around(text: &str, at: usize, is_json: bool) -> (usize, usize) {
    let start = text.get(..at).map_or(0, |before| {
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let escape = if is_json { before.rfind("\\n").map_or(0, |end| end + 2) } else { 0 };
        line.max(escape)
    });
    (start, at + line_length(text.get(at..).unwrap_or(""), is_json))
}

fn line_length(rest: &str, is_json: bool) -> usize {
    let line = rest.find('\n').unwrap_or(rest.len());
    if is_json { rest.find("\\n").unwrap_or(rest.len()).min(line) } else { line }
}

/// The first line behind `end` that is neither empty nor a comment.
fn next_line(text: &str, end: usize, is_json: bool) -> std::ops::Range<usize> {
    let mut at = end;
    loop {
        let rest = text.get(at..).unwrap_or("");
        let Some(gap) = ["\r\n", "\n", "\\n"].into_iter().find(|gap| rest.starts_with(gap)) else { return at..at };
        at += gap.len();
        let length = line_length(text.get(at..).unwrap_or(""), is_json);
        let line = text.get(at..at + length).unwrap_or("").trim();
        if !line.is_empty() && !["#", "//", "/*"].iter().any(|sign| line.starts_with(sign)) {
            return at..at + length + 1;
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(name: &str, text: &str, found: &[(&'static str, &str)]) -> (Vec<String>, usize) {
        let mut sources = Sources::new();
        let file = sources.add(name, text);
        let mut findings: Vec<Finding> = found
            .iter()
            .map(|(code, at)| {
                let at = text.find(at).unwrap();
                Finding::new(Diagnostic::warning(code, "x").at(Span::new(file, at..at + 1)))
            })
            .collect();
        let suppressed = apply(&mut findings, &sources).len();
        (findings.iter().map(|finding| finding.code().to_owned()).collect(), suppressed)
    }

    #[test]
    fn a_comment_holds_for_its_line_or_the_next() {
        let text = "one\n# firedrill: allow FD0801 because of tests\n# more\ntwo\nthree # firedrill: allow FD0804,FD0801 because so\n";
        assert_eq!(after("a.yaml", text, &[("FD0801", "two"), ("FD0804", "three")]), (vec![], 2));
        let other = after("a.yaml", text, &[("FD0801", "one"), ("FD0804", "two")]);
        assert_eq!(other, (["FD0801", "FD0804", "FD1001", "FD1001"].map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn without_a_reason_or_with_an_unknown_code_nothing_is_allowed() {
        let text = "# firedrill: allow FD0801\ntwo\n# firedrill: allow FD9999 because\nthree\n";
        let (left, suppressed) = after("a.rules", text, &[("FD0801", "two")]);
        assert_eq!((left, suppressed), (["FD0801", "FD1002", "FD1002"].map(str::to_owned).to_vec(), 0));
    }

    #[test]
    fn lines_of_rules_in_a_json_string_count() {
        let text = r##"{"RulesString": "# firedrill: allow FD0801 because of tests\ntwo\nthree\n"}"##;
        assert_eq!(after("a.json", text, &[("FD0801", "two")]), (vec![], 1));
        assert_eq!(after("a.json", text, &[("FD0801", "three")]).1, 0);
    }
}
