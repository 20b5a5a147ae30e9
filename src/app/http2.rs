//! HTTP/2: detection by the server's first frame; the client is known by its preface, a pattern.

use super::probe::{Context, Probe};

const FRAME_BYTES_MAX: u32 = 16_384;
const SETTINGS: u8 = 4;

/// A SETTINGS frame with no flag but ACK.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    let Some(&[l0, l1, l2, frame_type, flags, stream, ..]) = data.first_chunk::<9>() else { return Probe::Unknown };
    let len = u32::from_be_bytes([0, l0, l1, l2]);
    let reserved = stream & 0x80 != 0;
    if reserved || len > FRAME_BYTES_MAX || flags & 0xfe != 0 || frame_type != SETTINGS {
        return Probe::Failed;
    }
    Probe::MATCH
}
