//! The stateless stage: 5-tuple rules and TCP flags, first match wins, no memory of connections.
//!
//! In: a policy's [`StatelessPolicy`] once, then IP packets. Out: what happens to each, by which rule or default, and
//! the custom actions that go with it. Every packet is judged on its own; a rule says nothing about replies. Not done
//! here: tunnels (the caller decides which of the nested packets the firewall sees) and anything that is not IP, which
//! never reaches a firewall endpoint.
//!
//! What a rule means is written down in `reference.rs`; `index.rs` says the same about as fast for ten thousand rules
//! as for ten. Source: AWS Network Firewall developer guide, "Stateless rule groups", and API reference,
//! `MatchAttributes`.

mod index;
mod key;
pub mod reference;
mod semantics;
mod sets;
#[cfg(test)]
mod tests;

pub use semantics::{FragmentRules, LaterFragments, StatelessSemantics, WithoutProtocols};

use crate::packet::Packet;
use crate::policy::model::{StatelessAction, StatelessActions, StatelessPolicy};
use crate::verdict::{Cause, StatelessRuleId};
use index::Index;
use key::Key;
use std::net::IpAddr;

const UDP: u8 = 17;

/// The compiled stateless stage of a policy.
#[derive(Debug)]
pub struct Stateless {
    semantics: StatelessSemantics,
    /// All rules in order of evaluation.
    rules: Vec<(StatelessRuleId, StatelessActions)>,
    v4: Index<u32>,
    v6: Index<u128>,
    default_actions: StatelessActions,
    fragment_default_actions: StatelessActions,
}

/// What the stateless stage does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct StatelessDecision<'a> {
    /// Pass, drop, or forward to the stateful engine.
    pub action: StatelessAction,
    /// The rule or the default that says so.
    pub cause: Cause,
    /// Where the action was written, with the custom actions beside it; `None` for the drop of fragments other than UDP,
    /// which no policy writes.
    pub actions: Option<&'a StatelessActions>,
}

impl Stateless {
    /// Compiles a policy's groups and rules, which must be in order of priority.
    pub fn compile(policy: &StatelessPolicy, semantics: StatelessSemantics) -> Self {
        let mut rules = Vec::new();
        let mut matches = Vec::new();
        for (group_index, group) in policy.groups.iter().enumerate() {
            for (rule_index, rule) in group.rules.iter().enumerate() {
                let id = StatelessRuleId { group: group_index as u16, rule: rule_index as u32 };
                rules.push((id, rule.actions.clone()));
                matches.push(rule);
            }
        }
        Self {
            semantics,
            v4: Index::compile(&matches, semantics),
            v6: Index::compile(&matches, semantics),
            rules,
            default_actions: policy.default_actions.clone(),
            fragment_default_actions: policy.fragment_default_actions.clone(),
        }
    }

    /// Judges a packet; `None` for one without an IP header, which the stage never sees.
    #[inline]
    pub fn decide(&self, packet: &Packet<'_>) -> Option<StatelessDecision<'_>> {
        let key = Key::of(packet)?;
        if self.semantics.fragment_rules.apply_to(key.fragment) {
            let rule = match (key.src, key.dst) {
                (IpAddr::V4(src), IpAddr::V4(dst)) => self.v4.first_match(src.to_bits(), dst.to_bits(), &key),
                (IpAddr::V6(src), IpAddr::V6(dst)) => self.v6.first_match(src.to_bits(), dst.to_bits(), &key),
                _ => None,
            };
            if let Some((id, actions)) = rule.and_then(|index| self.rules.get(index as usize)) {
                return Some(decision(Cause::StatelessRule(*id), actions));
            }
        }
        Some(no_match(&key, &self.default_actions, &self.fragment_default_actions))
    }

    /// How rules are understood.
    pub fn semantics(&self) -> StatelessSemantics {
        self.semantics
    }

    /// How many rules there are.
    pub fn n_rules(&self) -> usize {
        self.rules.len()
    }
}

fn decision(cause: Cause, actions: &StatelessActions) -> StatelessDecision<'_> {
    StatelessDecision { action: actions.action, cause, actions: Some(actions) }
}

/// What happens to a packet that no rule matches.
fn no_match<'a>(
    key: &Key,
    default_actions: &'a StatelessActions,
    fragment_default_actions: &'a StatelessActions,
) -> StatelessDecision<'a> {
    if key.fragment.is_none() {
        decision(Cause::StatelessDefault, default_actions)
    } else if key.protocol == UDP {
        decision(Cause::StatelessFragmentDefault, fragment_default_actions)
    } else {
        StatelessDecision { action: StatelessAction::Drop, cause: Cause::StatelessFragment, actions: None }
    }
}
