//! FD1110: a rule that passes all TCP traffic.

use super::{Context, TCP};
use crate::check::finding::Finding;
use crate::source::Diagnostic;
use crate::verdict::RuleAction;

pub(super) fn findings(context: &mut Context<'_>) -> Vec<Finding> {
    let all = context.all_of(TCP, None);
    let mut found: Vec<Finding> = Vec::new();
    let mut told = Vec::new();
    for row in &context.rows {
        // what asks about flags or the state of the flow passes single packets only
        let is_open = row.is_open() && row.words.is_empty() && row.signature.app_proto.is_none();
        let asks_state = row.flows.iter().any(|flow| !flow.is_direction_only());
        if row.signature.action != RuleAction::Pass || !is_open || asks_state || told.contains(&row.rule.span) {
            continue;
        }
        let sets = &mut context.sets;
        let [v4, _] = all;
        if !row.boxes.iter().any(|own| v4.is_within(*own, sets)) {
            continue;
        }
        told.push(row.rule.span);
        let message = format!("rule {} passes all TCP traffic, whoever speaks to whom", row.rule.sid());
        found.push(Finding::new(Diagnostic::warning("FD1110", message).at(row.place()).help(
            "a pass ends the inspection of the flow: name addresses and ports, and the direction with `flow:to_server`",
        )));
    }
    found
}
