//! What a stateless rule means, written for reading and not for speed. The index must agree with it.

use super::key::{Field, Key};
use super::{StatelessDecision, StatelessSemantics, decision, no_match};
use crate::packet::Packet;
use crate::policy::model::{StatelessPolicy, StatelessRule};
use crate::verdict::{Cause, StatelessRuleId};
use ipnet::IpNet;
use std::net::IpAddr;

/// Judges a packet by going through all rules.
pub fn decide<'a>(
    policy: &'a StatelessPolicy,
    semantics: StatelessSemantics,
    packet: &Packet<'_>,
) -> Option<StatelessDecision<'a>> {
    let key = Key::of(packet)?;
    if semantics.fragment_rules.apply_to(key.fragment) {
        for (group_index, group) in policy.groups.iter().enumerate() {
            for (rule_index, rule) in group.rules.iter().enumerate() {
                if matches(rule, &key, semantics) {
                    let id = StatelessRuleId { group: group_index as u16, rule: rule_index as u32 };
                    return Some(decision(Cause::StatelessRule(id), &rule.actions));
                }
            }
        }
    }
    Some(no_match(&key, &policy.default_actions, &policy.fragment_default_actions))
}

/// The attributes of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// `Sources`
    Sources,
    /// `Destinations`
    Destinations,
    /// `Protocols`
    Protocols,
    /// `SourcePorts`
    SourcePorts,
    /// `DestinationPorts`
    DestinationPorts,
    /// `TCPFlags`
    TcpFlags,
}

/// The rules that were tried in vain, each with the first attribute that does not hold: those before the one that
/// matches, or all.
pub fn misses(
    policy: &StatelessPolicy,
    semantics: StatelessSemantics,
    packet: &Packet<'_>,
) -> Vec<(StatelessRuleId, Attribute)> {
    let Some(key) = Key::of(packet).filter(|key| semantics.fragment_rules.apply_to(key.fragment)) else {
        return Vec::new();
    };
    let ids = (0..)
        .zip(&policy.groups)
        .flat_map(|(group, of)| (0..).zip(&of.rules).map(move |(rule, of)| (StatelessRuleId { group, rule }, of)));
    ids.map_while(|(id, rule)| Some((id, misfit(rule, &key, semantics)?))).collect()
}

fn matches(rule: &StatelessRule, key: &Key, semantics: StatelessSemantics) -> bool {
    misfit(rule, key, semantics).is_none()
}

/// The first attribute that does not hold; one that is empty always does.
fn misfit(rule: &StatelessRule, key: &Key, semantics: StatelessSemantics) -> Option<Attribute> {
    let address = |prefixes: &[IpNet], address: IpAddr| {
        prefixes.is_empty() || prefixes.iter().any(|prefix| prefix.contains(&address))
    };
    let port = |ranges: &[(u16, u16)], port| {
        ranges.is_empty()
            || match port {
                Field::Value(port) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&port)),
                Field::Missing(missing) => missing.satisfies(rule, semantics),
            }
    };
    let flags = rule.tcp_flags.is_empty()
        || match key.flags {
            Field::Value(flags) => rule.tcp_flags.iter().any(|wanted| flags & wanted.mask == wanted.flags),
            Field::Missing(missing) => missing.satisfies(rule, semantics),
        };
    let attributes = [
        (Attribute::Sources, address(&rule.sources, key.src)),
        (Attribute::Destinations, address(&rule.destinations, key.dst)),
        (Attribute::Protocols, rule.protocols.is_empty() || rule.protocols.contains(&key.protocol)),
        (Attribute::SourcePorts, port(&rule.source_ports, key.src_port)),
        (Attribute::DestinationPorts, port(&rule.destination_ports, key.dst_port)),
        (Attribute::TcpFlags, flags),
    ];
    attributes.into_iter().find(|(_, holds)| !holds).map(|(attribute, _)| attribute)
}
