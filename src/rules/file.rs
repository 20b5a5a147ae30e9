//! From a file or a rules string to rules, line by line.

use super::ast::Rule;
use super::dialect::Dialect;
use super::parse;
use crate::source::{Diagnostic, MappedText};
use std::ops::Range;

/// What a rules file holds.
#[derive(Debug, Default)]
pub struct ParsedRules {
    /// The rules that could be read, in order.
    pub rules: Vec<Rule>,
    /// Comments that look like rules.
    pub disabled: usize,
    /// Everything worth saying, in order.
    pub diagnostics: Vec<Diagnostic>,
}

/// Suricata's line buffer; AWS's limit is the same.
const RULE_BYTES_MAX: usize = 8192;

/// Reads a file, or the text of a rule group: one rule a line; lines that begin with `#` are comments.
pub fn parse_rules(text: &MappedText) -> ParsedRules {
    parse_rules_in(text, Dialect::default())
}

/// The same in a version's language.
pub fn parse_rules_in(text: &MappedText, dialect: Dialect) -> ParsedRules {
    let all = text.as_str();
    let mut parsed = ParsedRules {
        rules: Vec::with_capacity(memchr::memchr_iter(b'\n', all.as_bytes()).count() + 1),
        ..ParsedRules::default()
    };
    let mut lines = Lines { all: all.as_bytes(), at: if all.starts_with('\u{feff}') { 3 } else { 0 } };
    while let Some(line) = lines.next() {
        let Some(rule) = all.get(line.clone()) else { continue };
        match rule.bytes().next() {
            None => continue,
            Some(b'#') => {
                parsed.disabled += usize::from(is_disabled_rule(rule));
                continue;
            }
            Some(b' ' | b'\t') => {
                if !rule.trim_ascii().is_empty() && !rule.trim_ascii_start().starts_with('#') {
                    let begin = line.start + rule.len() - rule.trim_ascii_start().len();
                    parsed.diagnostics.push(
                        Diagnostic::note(
                            "FD0225",
                            "Suricata passes over lines that begin with white space; AWS reads them",
                        )
                        .at(text.span(begin..line.start + rule.trim_ascii_end().len())),
                    );
                    parsed.rules.extend(parse::rule(text, begin..line.end, dialect, &mut parsed.diagnostics));
                }
                continue;
            }
            Some(_) => {}
        }
        if rule.trim_ascii_end().ends_with('\\') {
            let joined = join(text, line.clone(), &mut lines);
            let first = text.span(line.start..line.end);
            parsed.diagnostics.push(
                Diagnostic::warning("FD0224", "AWS refuses rules that are continued with a backslash")
                    .at(first)
                    .help("write the rule on one line"),
            );
            let whole = 0..joined.as_str().len();
            parsed.rules.extend(parse::rule(&joined, whole, dialect, &mut parsed.diagnostics));
        } else {
            parsed.rules.extend(parse::rule(text, line, dialect, &mut parsed.diagnostics));
        }
    }
    parsed
}

/// Reads one rule. What is only odd about it is lost here; [`parse_rules`] keeps it.
pub fn parse_rule(text: &MappedText) -> Result<Rule, Vec<Diagnostic>> {
    parse_rule_in(text, Dialect::default())
}

/// The same in a version's language.
pub(super) fn parse_rule_in(text: &MappedText, dialect: Dialect) -> Result<Rule, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let all = text.as_str();
    let start = all.len() - all.trim_ascii_start().len();
    parse::rule(text, start..all.trim_ascii_end().len().max(start), dialect, &mut diagnostics).ok_or(diagnostics)
}

/// Joins the lines of a rule whose lines end with a backslash.
fn join(text: &MappedText, first: Range<usize>, lines: &mut Lines<'_>) -> MappedText {
    let mut parts = Vec::new();
    let mut line = first;
    loop {
        let all = text.as_str();
        let trimmed = all.get(line.clone()).unwrap_or("").trim_ascii_end();
        if let Some(part) = trimmed.strip_suffix('\\') {
            parts.push(line.start..line.start + part.len());
        } else {
            parts.push(line.clone());
            break;
        }
        match lines.next() {
            Some(next) => line = next,
            None => break,
        }
    }
    text.joined(&parts)
}

/// Whether a comment would be a rule without its `#`.
fn is_disabled_rule(comment: &str) -> bool {
    let text = comment.trim_start_matches(['#', ' ', '\t']);
    let action = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    matches!(action, "alert" | "pass" | "drop" | "reject" | "rejectsrc" | "rejectdst" | "rejectboth" | "config" | "log")
        && text.contains('(')
        && text.contains("sid")
}

/// The lines of a text, without their ends.
struct Lines<'a> {
    all: &'a [u8],
    at: usize,
}

impl Lines<'_> {
    fn next(&mut self) -> Option<Range<usize>> {
        let rest = self.all.get(self.at..).filter(|rest| !rest.is_empty())?;
        let start = self.at;
        let end = if let Some(len) = memchr::memchr(b'\n', rest) {
            self.at = start + len + 1;
            start + len
        } else {
            self.at = self.all.len();
            self.at
        };
        let carriage_return = end > start && self.all.get(end - 1) == Some(&b'\r');
        Some(start..end - usize::from(carriage_return))
    }
}

pub(super) fn too_long(bytes: usize) -> Option<String> {
    (bytes >= RULE_BYTES_MAX).then(|| format!("the rule has {bytes} bytes, the limit is {}", RULE_BYTES_MAX - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn read(text: &str) -> ParsedRules {
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text);
        parse_rules(&MappedText::verbatim(text, file, 0))
    }

    #[test]
    fn comments_blank_lines_and_line_ends_do_not_count() {
        let parsed = read(
            "\u{feff}# a comment\r\n\r\nalert tcp any any -> any any (sid:1;)\r\n#alert tcp any any -> any any (sid:2;)\npass ip any any -> any any (sid:3;)",
        );
        assert_eq!(parsed.rules.iter().map(Rule::sid).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(parsed.disabled, 1);
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    }

    #[test]
    fn a_backslash_continues_the_rule_and_is_warned_of() {
        let text =
            "alert tcp any any -> \\\n any any (msg:\"x\"; \\\r\n sid:7;)\nalert tcp any any -> any any (sid:8;)";
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text);
        let parsed = parse_rules(&MappedText::verbatim(text, file, 0));
        assert_eq!(parsed.rules.iter().map(Rule::sid).collect::<Vec<_>>(), [7, 8]);
        assert_eq!(parsed.diagnostics.iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>(), ["FD0224"]);
        assert_eq!(sources.slice(parsed.rules[0].sid_span()), "sid:7");
        assert_eq!(sources.location(parsed.rules[0].sid_span()).line, 3);
    }

    #[test]
    fn one_bad_rule_does_not_hide_the_others() {
        let parsed = read(
            "alert tcp any any -> any any (sid:1;)\nalert tcp any any -> any any (nope; sid:2;)\nalert tcp any any -> any any (sid:3;)\n",
        );
        assert_eq!(parsed.rules.len(), 2);
        assert_eq!(parsed.diagnostics.len(), 1);
        assert_eq!(parsed.diagnostics[0].code, "FD0203");
    }
}
