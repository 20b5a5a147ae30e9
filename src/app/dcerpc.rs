//! DCE/RPC, connection-oriented (version 5) and connectionless (version 4): detection.

use super::probe::{Context, Probe};
use crate::verdict::Direction;

const UDP_HEADER_BYTES: usize = 80;
const ALTER_CONTEXT: u8 = 0x0e;

/// A PDU header of version 5.0 with a known data representation.
pub(super) fn probe_tcp(_: Context, data: &[u8]) -> Probe {
    let Some(&[version, minor, pdu_type, _, integers, floats, ..]) = data.first_chunk::<16>() else {
        return Probe::Failed;
    };
    if version != 5 || minor != 0 || !representation_is_known(integers, floats) {
        return Probe::Failed;
    }
    sent_by(pdu_type == 0 || pdu_type == ALTER_CONTEXT)
}

/// A PDU header of version 4.
pub(super) fn probe_udp(_: Context, data: &[u8]) -> Probe {
    let Some(&[version, pdu_type, _, flags2, integers, floats, ..]) = data.first_chunk::<UDP_HEADER_BYTES>() else {
        return Probe::Failed;
    };
    if version != 4 || flags2 & 0xfc != 0 || !representation_is_known(integers, floats) {
        return Probe::Failed;
    }
    sent_by(pdu_type == 0)
}

fn representation_is_known(integers: u8, floats: u8) -> bool {
    integers & 0xee == 0 && floats <= 3
}

fn sent_by(client: bool) -> Probe {
    Probe::Match { sender: Some(if client { Direction::ToServer } else { Direction::ToClient }) }
}
