//! NTP: detection.

use super::probe::{Context, Probe};

const HEADER_BYTES: usize = 48;

/// A header of version 3 or 4.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    match data.first() {
        None => Probe::Unknown,
        Some(first) if !matches!(first >> 3 & 0x07, 3 | 4) => Probe::Failed,
        Some(_) if data.len() < HEADER_BYTES => Probe::Unknown,
        Some(_) => Probe::MATCH,
    }
}
