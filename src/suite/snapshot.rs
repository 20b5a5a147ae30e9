//! What became of a case, as a text that can be reviewed as a diff.
//!
//! A line a flow: its verdict, who it is between, and who decided. Rules are named by their numbers alone, so that a rule
//! may move in its file.

use super::judge::Failure;
use super::observe::{Observed, ObservedFlow};
use crate::report::RuleBook;
use crate::source::Span;
use crate::verdict::{Cause, RuleId};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Lines of a difference that a failure shows.
const LINES_MAX: usize = 12;

/// The snapshot of a case.
pub fn of(observed: &Observed, book: &RuleBook, name: &str) -> String {
    let mut text = format!("# {name}: written by `firedrill test --update`\n");
    let [passed, dropped, rejected] = observed.packets;
    let _ = writeln!(text, "packets  {passed} passed, {dropped} dropped, {rejected} rejected");
    let mut alerts: BTreeMap<String, u64> = BTreeMap::new();
    for flow in &observed.flows {
        line(&mut text, flow, book);
        flow.alerts.iter().for_each(|(id, _)| *alerts.entry(rule_name(*id, book)).or_default() += 1);
    }
    for (name, n) in &alerts {
        let _ = writeln!(text, "alerts  {n} of {name}");
    }
    text
}

fn line(text: &mut String, flow: &ObservedFlow, book: &RuleBook) {
    let [passed, dropped, rejected] = flow.packets;
    let by = match flow.cause {
        Cause::Rule(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => rule_name(id, book),
        Cause::RuleThreshold(id) => format!("{}, threshold", rule_name(id, book)),
        Cause::StatelessRule(id) => {
            let named = book.stateless_rule(id);
            named.map_or_else(String::new, |(group, priority, _)| format!("{group} priority {priority}"))
        }
        other => book.describe(other),
    };
    let verdict = flow.verdict.name();
    let _ = writeln!(text, "{verdict:<6}  {flow}  {passed} of {} packets  by {by}", passed + dropped + rejected);
}

fn rule_name(id: RuleId, book: &RuleBook) -> String {
    let Some(rule) = book.rule(id) else { return book.describe_rule(id) };
    rule.default_action.as_ref().map_or_else(|| format!("sid {}", rule.sid), |name| format!("aws:{name}"))
}

/// The failure of a snapshot that is not what was recorded.
pub(super) fn failure(before: Option<&str>, now: &str, span: Span) -> Failure {
    let (expected, got, why) = match before {
        None => ("a recorded snapshot".to_owned(), "none".to_owned(), "record it with --update".to_owned()),
        Some(before) => {
            let lines = difference(before, now);
            let shown = lines.iter().take(LINES_MAX).cloned().collect::<Vec<_>>().join("\n");
            let more = lines.len().saturating_sub(LINES_MAX);
            let more = if more > 0 { format!("\n… and {more} lines more") } else { String::new() };
            ("what is recorded".to_owned(), format!("{} lines that differ", lines.len()), format!("{shown}{more}"))
        }
    };
    Failure { span, expected, got, flow: None, by: None, why }
}

/// Lines that are only in one of two texts, in order: `- ` in front of the old ones, `+ ` in front of the new.
pub fn difference(before: &str, now: &str) -> Vec<String> {
    let mut spare: BTreeMap<&str, usize> = BTreeMap::new();
    now.lines().for_each(|line| *spare.entry(line).or_default() += 1);
    let mut lines = Vec::new();
    for line in before.lines() {
        match spare.get_mut(line).filter(|n| **n > 0) {
            Some(n) => *n -= 1,
            None => lines.push(format!("- {line}")),
        }
    }
    // what is left over is new
    for line in now.lines().rev() {
        if let Some(n) = spare.get_mut(line).filter(|n| **n > 0) {
            *n -= 1;
            lines.push(format!("+ {line}"));
        }
    }
    let first_new = lines.iter().position(|line| line.starts_with('+')).unwrap_or(lines.len());
    if let Some(new) = lines.get_mut(first_new..) {
        new.reverse();
    }
    lines
}
