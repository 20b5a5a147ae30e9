//! FD1101: packets go one way and what comes back goes another.
//!
//! The stateless engine knows no connections: a request that is forwarded and an answer that is not leaves the stateful
//! engine with half a flow. AWS's analysis of rule groups calls this `STATELESS_RULE_FORWARDING_ASYMMETRICALLY`.

use super::{Stage, called, does};
use crate::check::boxes::{PacketBox, left_over};
use crate::check::finding::Finding;
use crate::policy::model::StatelessAction;
use crate::source::Diagnostic;

pub(super) fn findings(stage: &mut Stage<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for at in 0..stage.rows.len() {
        let Some(row) = stage.rows.get(at) else { continue };
        let action = row.rule.actions.action;
        if action == StatelessAction::Drop {
            continue;
        }
        let (own, real_port, any_flags) = (row.boxes.clone(), stage.any.real_port, stage.any.flags);
        let before = stage.before(at, &own);
        let Some(effective) = left_over(&own, &before, &mut stage.sets) else { continue };
        let back: Vec<PacketBox> = effective
            .into_iter()
            .filter_map(|packets| packets.answers(real_port, any_flags, &mut stage.sets))
            .collect();
        if back.is_empty() {
            continue;
        }
        let Some(answers) = fates(stage, back) else { continue };
        let is_same = |same: StatelessAction| same == action;
        let by_rules: Vec<usize> = answers.by_rules;
        let action_of = |rule: &usize| stage.rows.get(*rule).map(|row| row.rule.actions.action);
        let returns = by_rules.iter().filter_map(action_of).any(is_same)
            || (answers.by_default && stage.has_defaults && is_same(stage.policy.default_actions.action));
        // what is forwarded one way and passed the other is half a connection, whoever meant it
        let is_mixed = by_rules.iter().filter_map(action_of).any(|a| a != StatelessAction::Drop && !is_same(a));
        let strays_by_default =
            answers.by_default && stage.has_defaults && !is_same(stage.policy.default_actions.action);
        // where a rule says otherwise about some of the answers, that may be meant; a default seldom is
        if !strays_by_default && !is_mixed && (returns || !stage.has_defaults && answers.by_default) {
            continue;
        }
        let Some(row) = stage.rows.get(at) else { continue };
        let part = if returns { "some of the answers" } else { "the answers" };
        let other =
            by_rules.iter().filter_map(|&rule| stage.rows.get(rule)).find(|row| !is_same(row.rule.actions.action));
        let how = match other.filter(|_| !strays_by_default) {
            Some(other) => format!("{} {} them", called(other), does(&other.rule.actions)),
            None => format!("no rule matches them, and the default {} them", does(&stage.policy.default_actions)),
        };
        let message =
            format!("stateless rule, {}, {} packets and not {part}: {how}", called(row), does(&row.rule.actions));
        let mut finding = Diagnostic::warning("FD1101", message).at(row.rule.span);
        finding = match other.filter(|_| !strays_by_default) {
            Some(other) => finding.label(other.rule.span, "this takes the answers"),
            None => finding.label(stage.policy.default_actions.span, "this takes the answers"),
        };
        found.push(Finding::new(
            finding.help("add the rule with source and destination exchanged, and the same action"),
        ));
    }
    found
}

/// Who decides about packets.
struct Fates {
    by_rules: Vec<usize>,
    by_default: bool,
}

fn fates(stage: &mut Stage<'_>, packets: Vec<PacketBox>) -> Option<Fates> {
    let n_rules = stage.covers.len();
    let mut rest = packets;
    let mut by_rules = Vec::new();
    for cover in stage.before(n_rules, &rest.clone()) {
        let sets = &mut stage.sets;
        let touches = rest.iter().any(|own| cover.boxes.iter().any(|other| own.meets(*other, sets)));
        if touches {
            by_rules.push(cover.number);
            rest = left_over(&rest, &[cover], sets)?;
        }
        if rest.is_empty() {
            break;
        }
    }
    Some(Fates { by_rules, by_default: !rest.is_empty() })
}
