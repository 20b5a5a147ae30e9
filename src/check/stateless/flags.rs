//! FD1102: a rule that looks at TCP flags and takes only part of a connection.
//!
//! AWS's analysis of rule groups calls this `STATELESS_RULE_CONTAINS_TCP_FLAGS`.

use super::{Stage, TCP, called, does};
use crate::check::boxes::{PacketBox, left_over};
use crate::check::finding::Finding;
use crate::packet::tcp_flag::{ACK, FIN, PSH, RST, SYN};
use crate::policy::model::StatelessAction;
use crate::source::Diagnostic;

/// What the packets of a connection look like, from both sides.
const OF_A_CONNECTION: [(u8, &str); 6] = [
    (SYN, "SYN"),
    (SYN | ACK, "SYN,ACK"),
    (ACK, "ACK"),
    (PSH | ACK, "PSH,ACK"),
    (FIN | ACK, "FIN,ACK"),
    (RST | ACK, "RST,ACK"),
];

pub(super) fn findings(stage: &mut Stage<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for at in 0..stage.rows.len() {
        let Some(row) = stage.rows.get(at) else { continue };
        let action = row.rule.actions.action;
        if row.rule.tcp_flags.is_empty() || action == StatelessAction::Drop || !stage.has_defaults {
            continue;
        }
        let own = row.boxes.clone();
        let tcp = stage.sets.of([(TCP.into(), TCP.into())]);
        let mut otherwise: Vec<&str> = Vec::new();
        for (flags, name) in OF_A_CONNECTION {
            let flags = stage.sets.of([(flags.into(), flags.into())]);
            let packets: Vec<PacketBox> =
                own.iter().filter_map(|packets| packets.with_flags(flags).of_protocol(tcp, &mut stage.sets)).collect();
            if goes_otherwise(stage, packets, action) == Some(true) {
                otherwise.push(name);
            }
        }
        let Some(row) = stage.rows.get(at) else { continue };
        if otherwise.is_empty() {
            continue;
        }
        let message = format!(
            "stateless rule, {}, {} only some packets of a connection: not all of {}",
            called(row),
            does(&row.rule.actions),
            otherwise.join(" · ")
        );
        found.push(Finding::new(
            Diagnostic::warning("FD1102", message)
                .at(row.rule.span)
                .help("leave the flags to the stateful engine, or cover the others with rules of the same action"),
        ));
    }
    found
}

/// Whether some of the packets meet another action.
fn goes_otherwise(stage: &mut Stage<'_>, packets: Vec<PacketBox>, action: StatelessAction) -> Option<bool> {
    let n_rules = stage.covers.len();
    let mut rest = packets;
    for cover in stage.before(n_rules, &rest.clone()) {
        let sets = &mut stage.sets;
        let touches = rest.iter().any(|own| cover.boxes.iter().any(|other| own.meets(*other, sets)));
        if !touches {
            continue;
        }
        if stage.rows.get(cover.number).is_some_and(|row| row.rule.actions.action != action) {
            return Some(true);
        }
        rest = left_over(&rest, &[cover], sets)?;
        if rest.is_empty() {
            return Some(false);
        }
    }
    Some(!rest.is_empty() && stage.policy.default_actions.action != action)
}
