//! FD0802: a stateless rule whose packets rules before it take.

use super::{Stage, called, does};
use crate::check::boxes::covering;
use crate::check::finding::Finding;
use crate::source::Diagnostic;

/// How many of the rules that take the packets are shown.
const SHOWN: usize = 4;

pub(super) fn findings(stage: &mut Stage<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for at in 0..stage.rows.len() {
        let Some(boxes) = stage.rows.get(at).map(|row| row.boxes.clone()).filter(|boxes| !boxes.is_empty()) else {
            continue;
        };
        let before = stage.before(at, &boxes);
        let Some(by) = covering(&boxes, &before, &mut stage.sets) else { continue };
        let Some(row) = stage.rows.get(at) else { continue };
        let others: Vec<_> = by.iter().filter_map(|&number| stage.rows.get(number)).collect();
        let other_effect = others.iter().find(|other| other.rule.actions.action != row.rule.actions.action);
        let who = match &others[..] {
            [one] => format!("{} takes", called(one)),
            several => format!("{} rules before it together take", several.len()),
        };
        let what = match other_effect {
            Some(other) => format!(" and {} them", does(&other.rule.actions)),
            None => String::new(),
        };
        let message = format!("stateless rule, {}, never decides: {who} all its packets{what}", called(row));
        let mut finding = Diagnostic::warning("FD0802", message).at(row.rule.span);
        for other in others.iter().take(SHOWN) {
            finding = finding.label(other.rule.span, "this decides");
        }
        let help = match other_effect {
            Some(_) => "one of the two is not meant: give this one an earlier priority, or take it out",
            None => "without it nothing changes, and the group needs less capacity",
        };
        found.push(Finding::new(finding.help(help)));
    }
    found
}
