//! The fast path: which rules can possibly match, found without looking at the others.
//!
//! In: the signatures of a program, once. Out, for a packet or a transaction: rules in order of evaluation, among them all
//! that the plain path would find to match or keep for later. Nothing here decides: the same code as on the plain path
//! looks at what is found, so an index may name too many rules and never too few. `headers.rs` finds rules by protocol,
//! addresses and ports, `patterns.rs` by what a buffer holds, with domain names in `names.rs`, `payload.rs` by what a
//! payload holds.

mod headers;
mod intervals;
mod names;
mod patterns;
mod payload;

pub(super) use patterns::Searching;

use super::places::TxView;
use super::signature::{Engine, Signature, SignatureKind};
use crate::app::{AppProto, Tx};
use crate::packet::Packet;
use crate::verdict::{Direction, RuleId};
use headers::{ByAppProtocol, ByProtocol};
use patterns::ByPattern;
use payload::ByPayload;

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
    /// By direction. Empty when there are few such rules: those are found by their header.
    payload: [ByPayload; 2],
}

impl Index {
    pub(super) fn build(signatures: &[Signature]) -> Self {
        let numbered = || signatures.iter().enumerate().map(|(n, signature)| (RuleId(n as u32), signature));
        let ip_only = numbered().filter(|(_, signature)| signature.kind == SignatureKind::IpOnly);
        let in_direction = |direction: Direction| {
            numbered()
                .filter(move |(_, signature)| signature.kind != SignatureKind::IpOnly && signature.may_run(direction))
        };
        let directions = [Direction::ToServer, Direction::ToClient];
        let by_payload = payload::is_worth_it(signatures.iter());
        let is_by_payload = |signature: &Signature| by_payload && signature.payload.pattern.is_some();
        Self {
            ip_only: ByProtocol::build(ip_only.map(|(id, signature)| (id, &signature.header))),
            packet_rules: directions.map(|direction| {
                ByAppProtocol::build(
                    in_direction(direction).filter(|(_, signature)| !waits(signature) && !is_by_payload(signature)),
                )
            }),
            patterns: directions.map(|direction| ByPattern::build(in_direction(direction), direction)),
            payload: directions.map(|direction| {
                ByPayload::build(in_direction(direction).filter(|(_, signature)| is_by_payload(signature)))
            }),
        }
    }

    /// Rules about addresses and ports only whose header may fit.
    pub(super) fn ip_only(&self, packet: &Packet<'_>, found: &mut Vec<RuleId>) {
        self.ip_only.find(packet, found);
        in_order(found);
    }

    /// Whether rules are found by contents of the stream.
    pub(super) fn reads_stream(&self, direction: Direction) -> bool {
        self.payload.get(direction.index()).is_some_and(ByPayload::reads_stream)
    }

    /// Adds the rules whose content may be in the payload or stream, in no order.
    pub(super) fn payload(
        &self,
        packet: &Packet<'_>,
        direction: Direction,
        stream: Option<&[u8]>,
        in_stream: bool,
        searching: &mut Searching,
        found: &mut Vec<RuleId>,
    ) {
        if let Some(rules) = self.payload.get(direction.index()) {
            rules.find(packet, stream, in_stream, searching, found);
        }
    }

    /// Rules for a packet of a flow that speaks `proto`, in no order.
    pub(super) fn packet_rules(
        &self,
        packet: &Packet<'_>,
        direction: Direction,
        proto: AppProto,
        found: &mut Vec<RuleId>,
    ) {
        if let Some(rules) = self.packet_rules.get(direction.index()) {
            rules.find(packet, proto, found);
        }
    }

    /// Rules whose pattern may be in a transaction.
    pub(super) fn patterns(&self, tx: &Tx, view: &TxView, searching: &mut Searching, found: &mut Vec<RuleId>) {
        if let Some(patterns) = self.patterns.get(view.direction.index()) {
            patterns.find(tx, view, searching, found);
        }
    }
}

/// Whether a rule waits for a pattern: without it, a transaction never meets the rule.
pub(super) fn waits(signature: &Signature) -> bool {
    signature.engines.iter().any(|engine| engine.prefilter)
}

/// The look whose pattern a rule that waits is waiting for in a direction; a buffer both sides fill is waited for in both.
pub(super) fn waits_for(signature: &Signature, direction: Direction) -> Option<&Engine> {
    signature.engines.iter().find(|engine| engine.prefilter && engine.direction == direction)
}

/// Puts rules in order of evaluation, each once.
pub(super) fn in_order(rules: &mut Vec<RuleId>) {
    if !rules.is_sorted_by(|a, b| a < b) {
        rules.sort_unstable();
        rules.dedup();
    }
}
