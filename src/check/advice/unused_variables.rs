//! FD1104: a variable or reference that no rule of its group uses.

use super::Context;
use crate::check::finding::Finding;
use crate::source::Diagnostic;

pub(super) fn findings(context: &Context<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for group in &context.policy.stateful.groups {
        for unused in &group.unused_variables {
            let message = format!("no rule of group `{}` uses `{}`", group.name, unused.value);
            let help = "take it out, or use it in the headers of rules";
            found.push(Finding::new(Diagnostic::note("FD1104", message).at(unused.span).help(help)));
        }
    }
    found
}
