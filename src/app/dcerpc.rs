//! DCE/RPC, connection-oriented (version 5) and connectionless (version 4): detection.

use super::probe::{Context, Probe};
use crate::verdict::Direction;

const UDP_HEADER_BYTES: usize = 80;
/// Where a header of version 4 has the length of its body, and the number of the fragment.
const FRAGMENT_LEN: usize = 74;
const FRAGMENT_NUMBER: usize = 76;
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
pub(super) fn probe_udp(context: Context, data: &[u8]) -> Probe {
    let Some((header, body)) = data.split_first_chunk::<UDP_HEADER_BYTES>() else { return Probe::Failed };
    let &[version, pdu_type, _, flags2, integers, floats, ..] = header;
    if context.config.dcerpc_whole_datagram && !is_first_and_whole(header, body, integers) {
        return Probe::Failed;
    }
    if version != 4 || flags2 & 0xfc != 0 || !representation_is_known(integers, floats) {
        return Probe::Failed;
    }
    sent_by(pdu_type == 0)
}

/// No other fragment goes before it, and its body is there.
fn is_first_and_whole(header: &[u8; UDP_HEADER_BYTES], body: &[u8], integers: u8) -> bool {
    let little_endian = integers & 0x10 != 0;
    let number = |at: usize| {
        let bytes = header.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        if little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    };
    number(FRAGMENT_NUMBER) == 0 && body.len() >= usize::from(number(FRAGMENT_LEN))
}

fn representation_is_known(integers: u8, floats: u8) -> bool {
    integers & 0xee == 0 && floats <= 3
}

fn sent_by(client: bool) -> Probe {
    Probe::Match { sender: Some(if client { Direction::ToServer } else { Direction::ToClient }) }
}
