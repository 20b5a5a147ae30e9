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

/// All attributes must hold; one that is empty always does.
fn matches(rule: &StatelessRule, key: &Key, semantics: StatelessSemantics) -> bool {
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
    let flags = || {
        rule.tcp_flags.is_empty()
            || match key.flags {
                Field::Value(flags) => rule.tcp_flags.iter().any(|wanted| flags & wanted.mask == wanted.flags),
                Field::Missing(missing) => missing.satisfies(rule, semantics),
            }
    };
    address(&rule.sources, key.src)
        && address(&rule.destinations, key.dst)
        && (rule.protocols.is_empty() || rule.protocols.contains(&key.protocol))
        && port(&rule.source_ports, key.src_port)
        && port(&rule.destination_ports, key.dst_port)
        && flags()
}
