//! The order in which rules are evaluated under `DEFAULT_ACTION_ORDER`.

use super::content::BufferTest;
use super::memory::{Change, Question};
use super::signature::{Look, PacketTest, Signature};
use crate::rules::keyword::XbitTrack;
use crate::verdict::RuleAction;

/// What a rule does with one kind of memory, in order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    Sets,
    SetsAndReads,
    Reads,
    Neither,
}

/// Sorts first what comes first: by action as in `actions`, then rules that set what is remembered before
/// rules that read it before rules without (flow bits, counters, captures of expressions for the flow and the packet, bits
/// of hosts, bits of pairs), then by priority, then by
/// sid. The place in the document never counts. Source: Suricata 7.0.10, measured.
///
/// Of bits of hosts, Suricata takes only `hostbits` for setting and only `xbits` for reading, so that a rule with
/// `xbits:isset` comes before the one with `xbits:set`.
pub(super) fn key(
    signature: &Signature,
    actions: &[RuleAction],
    priority: u32,
    sid: u32,
) -> (usize, [Role; 6], i32, u32) {
    let rank = actions.iter().position(|action| *action == signature.action).unwrap_or(actions.len());
    let reads = |family: fn(&Question) -> bool| {
        signature.packet_tests.iter().any(|test| matches!(test, PacketTest::Remembered(asked) if family(asked)))
    };
    let sets = |family: fn(&Change) -> bool| signature.changes.iter().any(family);
    // only expressions over the payload count
    let captures = |of: fn(&[bool; 2]) -> bool| {
        let of_engines = signature.engines.iter().filter_map(|engine| match &engine.look {
            Look::Stream { tests } => Some(tests.as_slice()),
            _ => None,
        });
        let mut tests = of_engines.chain([signature.payload.tests.as_slice()]).flatten();
        role(tests.any(|test| matches!(test, BufferTest::Pcre(pcre) if of(&pcre.notes))), false)
    };
    let roles = [
        role(
            sets(|change| matches!(change, Change::FlowBit(..))),
            reads(|asked| matches!(asked, Question::FlowBits { .. })),
        ),
        role(
            sets(|change| matches!(change, Change::Counter(..))),
            reads(|asked| matches!(asked, Question::Counter(_))),
        ),
        captures(|[flow, _]| *flow),
        captures(|[_, packet]| *packet),
        role(
            sets(|change| matches!(change, Change::HostBit(_, bit, _) if bit.by_hostbits)),
            reads(
                |asked| matches!(asked, Question::HostBit { bit, .. } if !bit.by_hostbits && bit.track != XbitTrack::Pair),
            ),
        ),
        role(false, reads(|asked| matches!(asked, Question::HostBit { bit, .. } if bit.track == XbitTrack::Pair))),
    ];
    // Suricata keeps it with a sign
    (rank, roles, priority as i32, sid)
}

fn role(sets: bool, reads: bool) -> Role {
    match (sets, reads) {
        (true, false) => Role::Sets,
        (true, true) => Role::SetsAndReads,
        (false, true) => Role::Reads,
        (false, false) => Role::Neither,
    }
}
