//! FD1103: a domain list whose traffic never reaches the stateful engine, because the stateless stage forwards other ports.

use super::{Stage, TCP};
use crate::check::boxes::{NO_PORT, PacketBox, Sides, left_over};
use crate::check::finding::Finding;
use crate::policy::model::{Policy, StatefulGroup, StatelessAction};
use crate::rules::keyword::{Buffer, Keyword};
use crate::source::Diagnostic;

/// The buffers that name domains, and the port at which clients speak of them.
const SERVED: [(Buffer, u16, &str); 2] = [(Buffer::TlsSni, 443, "TLS"), (Buffer::HttpHost, 80, "HTTP")];

pub(super) fn findings(policy: &Policy, stage: &mut Stage<'_>) -> Vec<Finding> {
    if policy.stand_in {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (buffer, port, protocol) in SERVED {
        let Some(group) = policy.stateful.groups.iter().find(|group| names_domains(group, buffer)) else { continue };
        let ways = [("to", None, Some(port)), ("from", Some(port), None)];
        let Some((way, ..)) = ways.into_iter().find(|(_, from, to)| is_never_forwarded(stage, *from, *to)) else {
            continue;
        };
        let message = format!(
            "rule group `{}` names {protocol} domains, and no TCP packet {way} port {port} is forwarded to it",
            group.name
        );
        found.push(Finding::new(
            Diagnostic::warning("FD1103", message)
                .at(group.span)
                .label(stage.policy.default_actions.span, "what no stateless rule matches")
                .help("forward both directions of the port in the stateless stage (`aws:forward_to_sfe`)"),
        ));
    }
    found
}

fn names_domains(group: &StatefulGroup, buffer: Buffer) -> bool {
    group.rules.iter().any(|rule| rule.options.iter().any(|option| option.keyword == Keyword::Buffer(buffer)))
}

/// Whether no TCP packet with this port, and one of a client on the other side, gets to the stateful engine.
fn is_never_forwarded(stage: &mut Stage<'_>, from: Option<u16>, to: Option<u16>) -> bool {
    let any = stage.any;
    let mut port = |port: Option<u16>| match port {
        None => stage.sets.of([(1024, NO_PORT - 1)]),
        Some(port) => stage.sets.of([(port.into(), port.into())]),
    };
    let (src_port, dst_port) = (port(from), port(to));
    let protocols = stage.sets.of([(TCP.into(), TCP.into())]);
    let flags = stage.sets.of([(0, u128::from(u8::MAX))]);
    let packets = any.versions.into_iter().zip(any.addresses).map(|(version, all)| {
        PacketBox::new(Sides { version, protocols, src: all, dst: all, src_port, dst_port, flags })
    });
    let mut rest: Vec<PacketBox> = packets.collect();
    let n_rules = stage.covers.len();
    for cover in stage.before(n_rules, &rest.clone()) {
        let sets = &mut stage.sets;
        let touches = rest.iter().any(|own| cover.boxes.iter().any(|other| own.meets(*other, sets)));
        let forwards =
            stage.rows.get(cover.number).is_some_and(|row| row.rule.actions.action == StatelessAction::Forward);
        if touches && forwards {
            return false;
        }
        match left_over(&rest, &[cover], sets) {
            Some(left) => rest = left,
            None => return false,
        }
    }
    rest.is_empty() || stage.policy.default_actions.action != StatelessAction::Forward
}
