//! WebSocket: detection behind an HTTP/1 upgrade.

use super::probe::{Context, Probe};

/// The reserved bits of a frame's first byte; the first of the three means compression.
const RESERVED: u8 = 0x30;

/// A frame without reserved bits.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    match data.first() {
        None => Probe::Unknown,
        Some(first) if first & RESERVED == 0 => Probe::MATCH,
        Some(_) => Probe::Failed,
    }
}
