//! FD1111: strict order, and a rule further down decides on the first packet, before the rule above it can know anything.

use super::{Context, TCP};
use crate::check::boxes::{Cover, covering};
use crate::check::finding::Finding;
use crate::detect::SignatureKind;
use crate::policy::model::RuleOrder;
use crate::source::Diagnostic;
use crate::verdict::RuleAction;

pub(super) fn findings(context: &mut Context<'_>) -> Vec<Finding> {
    if context.policy.stateful.order != RuleOrder::Strict {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut told = Vec::new();
    let (rows, sets) = (&context.rows, &mut context.sets);
    let at_first: Vec<usize> = (0..).zip(rows).filter(|(_, row)| row.decides_at_first()).map(|(at, _)| at).collect();
    for (at, row) in rows.iter().enumerate() {
        let speaks_tcp = row.signature.header.protocols.contains(TCP);
        let waits = matches!(row.signature.kind, SignatureKind::AppTx | SignatureKind::AppLayer);
        if !speaks_tcp || !waits || row.signature.action == RuleAction::Alert || told.contains(&row.place()) {
            continue;
        }
        let behind = at_first.iter().filter(|&&other| other > at);
        let covers: Vec<Cover> = behind
            .filter_map(|&number| Some((number, rows.get(number)?)))
            .filter(|(_, other)| other.signature.action != row.signature.action)
            .map(|(number, other)| Cover { number, boxes: other.boxes.clone() })
            .collect();
        let Some(by) = covering(&row.boxes, &covers, sets) else { continue };
        let Some(first) = by.first().and_then(|&number| rows.get(number)) else { continue };
        told.push(row.place());
        let message = format!(
            "rule {} ({}) hardly gets its turn: rule {} ({}) further down decides on the first packet of the connection",
            row.rule.sid(),
            row.signature.action.name(),
            first.rule.sid(),
            first.signature.action.name()
        );
        found.push(Finding::new(
            Diagnostic::warning("FD1111", message)
                .at(row.place())
                .label(first.rule.sid_span(), "asks for addresses and ports only, so that it is decided at once")
                .help("give that rule a `flow:to_server,established`, so that it waits for what the connection says"),
        ));
    }
    found
}
