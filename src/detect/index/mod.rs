//! The fast path: which rules can possibly match, found without looking at the others.
//!
//! In: the signatures of a program, once. Out, for a packet or a transaction: rules in order of evaluation, among them all
//! that the plain path would find to match or keep for later. Nothing here decides: the same code as on the plain path
//! looks at what is found, so an index may name too many rules and never too few. `headers.rs` finds rules by protocol,
//! addresses and ports, `patterns.rs` by what a buffer holds, with domain names in `names.rs`.

mod headers;
mod intervals;
mod names;
mod patterns;

pub(super) use patterns::Searching;

use super::signature::{Engine, Signature, SignatureKind};
use crate::app::{AppProto, Tx};
use crate::packet::Packet;
use crate::verdict::{Direction, RuleId};
use headers::{ByAppProtocol, ByProtocol};
use patterns::ByPattern;

/// How rules are found. Both ways give the same results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RulePath {
    /// Through indexes made when the program is compiled.
    #[default]
    Fast,
    /// Every rule of the direction is looked at: the reference.
    Plain,
}

/// The indexes of a program.
#[derive(Debug, Default)]
pub(super) struct Index {
    ip_only: ByProtocol,
    /// By direction. Rules that wait for a pattern are not among them: packets only start them through `patterns`.
    packet_rules: [ByAppProtocol; 2],
    /// By direction.
    patterns: [ByPattern; 2],
}

impl Index {
    pub(super) fn build(signatures: &[Signature]) -> Self {
        let numbered = || signatures.iter().enumerate().map(|(n, signature)| (RuleId(n as u32), signature));
        let ip_only = numbered().filter(|(_, signature)| signature.kind == SignatureKind::IpOnly);
        let in_direction = |direction: Direction| {
            numbered().filter(move |(_, signature)| {
                !matches!(signature.kind, SignatureKind::IpOnly | SignatureKind::DeOnly)
                    && signature.directions.get(direction.index()) == Some(&true)
            })
        };
        let directions = [Direction::ToServer, Direction::ToClient];
        Self {
            ip_only: ByProtocol::build(ip_only.map(|(id, signature)| (id, &signature.header))),
            packet_rules: directions.map(|direction| {
                let waits = |signature: &Signature| waits_for(signature).is_some();
                ByAppProtocol::build(in_direction(direction).filter(|(_, signature)| !waits(signature)))
            }),
            patterns: directions.map(|direction| ByPattern::build(in_direction(direction), direction)),
        }
    }

    /// Rules about addresses and ports only whose header may fit.
    pub(super) fn ip_only(&self, packet: &Packet<'_>, found: &mut Vec<RuleId>) {
        self.ip_only.find(packet, found);
        in_order(found);
    }

    /// Rules for a packet of a flow that speaks `proto`.
    pub(super) fn packet_rules(
        &self,
        packet: &Packet<'_>,
        direction: Direction,
        proto: AppProto,
        found: &mut Vec<RuleId>,
    ) {
        if let Some(rules) = self.packet_rules.get(direction.index()) {
            rules.find(packet, proto, found);
            in_order(found);
        }
    }

    /// Rules whose pattern may be in a transaction.
    pub(super) fn patterns(&self, tx: &Tx, direction: Direction, searching: &mut Searching, found: &mut Vec<RuleId>) {
        if let Some(patterns) = self.patterns.get(direction.index()) {
            patterns.find(tx, direction, searching, found);
        }
    }
}

/// The look that a rule waits for: a transaction only meets the rule when the pattern of this look is there.
pub(super) fn waits_for(signature: &Signature) -> Option<&Engine> {
    signature.engines.iter().find(|engine| engine.prefilter)
}

/// Puts rules in order of evaluation, each once.
pub(super) fn in_order(rules: &mut Vec<RuleId>) {
    if !rules.is_sorted_by(|a, b| a < b) {
        rules.sort_unstable();
        rules.dedup();
    }
}
