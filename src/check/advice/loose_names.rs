//! FD1113: the test of a domain that takes more names than it looks like, or not the domain itself.

use super::Context;
use crate::check::finding::Finding;
use crate::source::{Diagnostic, Severity};
use crate::verdict::RuleAction;

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut told = Vec::new();
    for row in &context.rows {
        let Some(name) = row.name.filter(|_| row.rule.generated_from.is_none()) else { continue };
        let Some((looks_like, takes, help)) = name.looseness() else { continue };
        if told.contains(&row.rule.span) {
            continue;
        }
        told.push(row.rule.span);
        let message = format!("rule {} looks for `{looks_like}` and {takes}", row.rule.sid());
        let mut problem = Diagnostic::note("FD1113", message).at(row.rule.span).help(help);
        // to pass too much is worse than to drop or report it
        if name.takes_strangers() && row.signature.action == RuleAction::Pass {
            problem.severity = Severity::Warning;
        }
        found.push(Finding::new(problem));
    }
    found
}
