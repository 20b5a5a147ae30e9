//! Stateless rules: which packets each matches, as boxes, and what follows from that.
//!
//! What a rule means is said in `stateless::reference`; the boxes here say the same, with the semantics that the program is
//! compiled with by default. They hold more than there is (a source port without a destination port): that can only keep a
//! rule from being found dead.

mod asymmetric;
mod covered;
mod flags;
mod unseen_ports;

use super::boxes::{Boxes, Cover, NO_FLAGS, NO_PORT, PacketBox, Sides};
use super::finding::Finding;
use super::sets::{SetId, Sets};
use crate::policy::model::{Policy, StatelessActions, StatelessGroup, StatelessPolicy, StatelessRule};
use ipnet::IpNet;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// One rule and the packets it matches.
#[derive(Debug)]
struct Row<'a> {
    rule: &'a StatelessRule,
    group: &'a StatelessGroup,
    boxes: Boxes,
}

/// The stateless stage of a policy.
#[derive(Debug)]
struct Stage<'a> {
    policy: &'a StatelessPolicy,
    /// The default actions are the document's, not those of a stand-in.
    has_defaults: bool,
    rows: Vec<Row<'a>>,
    covers: Vec<Cover>,
    sets: Sets,
    any: Any,
}

/// Sets that stand for everything.
#[derive(Clone, Copy, Debug)]
struct Any {
    versions: [SetId; 2],
    addresses: [SetId; 2],
    port: SetId,
    no_port: SetId,
    real_port: SetId,
    flags: SetId,
    no_flags: SetId,
}

/// What is found about the stateless stage.
pub(super) fn findings(policy: &Policy) -> Vec<Finding> {
    let Some(stateless) = &policy.stateless else { return Vec::new() };
    let mut stage = Stage::new(stateless, !policy.stand_in);
    let mut found = covered::findings(&mut stage);
    found.extend(asymmetric::findings(&mut stage));
    found.extend(flags::findings(&mut stage));
    found.extend(unseen_ports::findings(policy, &mut stage));
    found
}

impl<'a> Stage<'a> {
    fn new(policy: &'a StatelessPolicy, has_defaults: bool) -> Self {
        let mut sets = Sets::new();
        let any = Any {
            versions: [sets.of([(4, 4)]), sets.of([(6, 6)])],
            addresses: [sets.of([(0, u128::from(u32::MAX))]), sets.of([(0, u128::MAX)])],
            port: sets.of([(0, NO_PORT)]),
            no_port: sets.of([(NO_PORT, NO_PORT)]),
            real_port: sets.of([(0, NO_PORT - 1)]),
            flags: sets.of([(0, NO_FLAGS)]),
            no_flags: sets.of([(NO_FLAGS, NO_FLAGS)]),
        };
        let mut rows = Vec::new();
        for group in &policy.groups {
            for rule in &group.rules {
                rows.push(Row { rule, group, boxes: boxes(rule, any, &mut sets) });
            }
        }
        let covers = rows.iter().enumerate().map(|(number, row)| Cover { number, boxes: row.boxes.clone() }).collect();
        Self { policy, has_defaults, rows, covers, sets, any }
    }

    /// The rules before one that have packets in common with it.
    fn before(&mut self, at: usize, boxes: &[PacketBox]) -> Vec<Cover> {
        let sets = &mut self.sets;
        let earlier = self.covers.iter().take(at);
        earlier
            .filter(|cover| boxes.iter().any(|own| cover.boxes.iter().any(|other| own.meets(*other, sets))))
            .cloned()
            .collect()
    }
}

/// Which packets a rule matches: one box for each version of IP and way of looking at ports.
fn boxes(rule: &StatelessRule, any: Any, sets: &mut Sets) -> Boxes {
    let numbers = |wanted: &dyn Fn(u8) -> bool, sets: &mut Sets| {
        let listed = (0..=u8::MAX).filter(|n| (rule.protocols.is_empty() || rule.protocols.contains(n)) && wanted(*n));
        sets.of(listed.map(|n| (n.into(), n.into())))
    };
    let ports = |ranges: &[(u16, u16)], sets: &mut Sets| match ranges {
        [] => any.port,
        ranges => sets.of(ranges.iter().map(|&(from, to)| (from.into(), to.into()))),
    };
    let (src_port, dst_port) = (ports(&rule.source_ports, sets), ports(&rule.destination_ports, sets));
    let flags = match &rule.tcp_flags[..] {
        [] => any.flags,
        wanted => {
            let fit = (0..=u8::MAX).filter(|flags| wanted.iter().any(|one| flags & one.mask == one.flags));
            sets.of(fit.map(|flags| (flags.into(), flags.into())))
        }
    };
    // a field that the protocol does not have is not asked for in a rule that lists the protocol
    let is_waived = |has_field: bool| has_field || !rule.protocols.is_empty();
    let tcp = numbers(&|n| n == TCP, sets);
    let mut ways = vec![(tcp, src_port, dst_port, flags)];
    if is_waived(rule.tcp_flags.is_empty()) {
        ways.push((numbers(&|n| n == UDP, sets), src_port, dst_port, any.no_flags));
        if is_waived(rule.source_ports.is_empty() && rule.destination_ports.is_empty()) {
            ways.push((numbers(&|n| n != TCP && n != UDP, sets), any.no_port, any.no_port, any.no_flags));
        }
    }
    let mut boxes = Boxes::new();
    for (index, &version) in any.versions.iter().enumerate() {
        let addresses = |prefixes: &[IpNet], sets: &mut Sets| match prefixes {
            [] => any.addresses.get(index).copied().unwrap_or(SetId::EMPTY),
            prefixes => sets.of(prefixes.iter().filter_map(|prefix| match (prefix, index) {
                (IpNet::V4(net), 0) => Some((u32::from(net.network()).into(), u32::from(net.broadcast()).into())),
                (IpNet::V6(net), 1) => Some((net.network().into(), net.broadcast().into())),
                _ => None,
            })),
        };
        let (src, dst) = (addresses(&rule.sources, sets), addresses(&rule.destinations, sets));
        for &(protocols, src_port, dst_port, flags) in &ways {
            let packets = PacketBox::new(Sides { version, protocols, src, dst, src_port, dst_port, flags });
            if !packets.is_empty() {
                boxes.push(packets);
            }
        }
    }
    boxes
}

/// `priority 10 of group web`: how a stateless rule is called.
fn called(row: &Row<'_>) -> String {
    format!("priority {} of group `{}`", row.rule.priority, row.group.name)
}

/// `passes`, `drops`, `forwards`.
fn does(actions: &StatelessActions) -> &'static str {
    use crate::policy::model::StatelessAction::{Drop, Forward, Pass};
    match actions.action {
        Pass => "passes",
        Drop => "drops",
        Forward => "forwards",
    }
}
