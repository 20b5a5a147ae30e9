//! The order in which rules are evaluated under `DEFAULT_ACTION_ORDER`.

use super::signature::{PacketTest, Signature};
use crate::verdict::RuleAction;

/// Sorts first what comes first: by action (pass, drop, reject, alert), then rules that set flow bits before rules that
/// read them before rules without, then by priority, then by sid. The place in the document never counts.
/// Source: Suricata 7.0.10, measured.
pub(super) fn key(signature: &Signature, priority: u32, sid: u32) -> (RuleAction, u8, u32, u32) {
    (signature.action, bits_role(signature), priority, sid)
}

fn bits_role(signature: &Signature) -> u8 {
    let reads = signature.packet_tests.iter().any(|test| matches!(test, PacketTest::Bits { .. }));
    match (reads, !signature.changes.is_empty()) {
        (false, true) => 0,
        (true, true) => 1,
        (true, false) => 2,
        (false, false) => 3,
    }
}
