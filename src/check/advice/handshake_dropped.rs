//! FD1106: rules that pass by what a connection says, where every handshake is dropped.

use super::{Context, TCP};
use crate::check::finding::Finding;
use crate::detect::SignatureKind;
use crate::policy::model::DefaultAction;
use crate::source::Diagnostic;
use crate::verdict::RuleAction;

pub(super) fn finding(context: &mut Context<'_>) -> Option<Finding> {
    let drop = context.dropping().filter(|drop| drop.value == DefaultAction::DropStrict)?.clone();
    if !context.is_whole || context.policy.stateful.default_action_rules.is_some() {
        return None;
    }
    let all = context.all_of(TCP, None);
    let (rows, sets) = (&context.rows, &mut context.sets);
    let waits = |row: &&super::Row<'_>| {
        row.signature.action == RuleAction::Pass
            && matches!(row.signature.kind, SignatureKind::AppTx | SignatureKind::AppLayer)
    };
    // any rule that passes packets without asking what they say may let the handshake through
    let passes: Vec<_> = rows
        .iter()
        .filter(|other| {
            other.signature.action == RuleAction::Pass && other.is_open() && other.signature.app_proto.is_none()
        })
        .collect();
    for row in rows.iter().filter(waits) {
        let own: Vec<_> = row.boxes.iter().filter(|own| all.iter().any(|tcp| own.meets(*tcp, sets))).collect();
        if own.is_empty() || own.len() < row.boxes.len() {
            continue;
        }
        let is_let_in =
            passes.iter().any(|pass| pass.boxes.iter().any(|other| own.iter().any(|own| own.meets(*other, sets))));
        if !is_let_in {
            let message =
                format!("rule {} passes nothing: `aws:drop_strict` drops the handshake before it", row.rule.sid());
            return Some(Finding::new(
                Diagnostic::warning("FD1106", message)
                    .at(row.place())
                    .label(drop.span, "drops every packet that no rule passes")
                    .help("pass handshakes with `pass tcp … (flow:not_established; sid:…;)`, or take a default action that waits"),
            ));
        }
    }
    None
}
