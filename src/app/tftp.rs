//! TFTP: detection.

use super::probe::{Context, Probe};

/// No frame is shorter.
pub(super) const MIN_FRAME_BYTES: usize = 4;

/// A frame that begins with a zero, the high byte of every opcode.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    if data.len() >= MIN_FRAME_BYTES && data.first() == Some(&0) { Probe::MATCH } else { Probe::Unknown }
}
