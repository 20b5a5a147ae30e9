//! DHCP: detection.

use super::probe::{Context, Probe};

const HEADER_BYTES: usize = 240;

/// Anything that can hold the fixed header.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    if data.len() >= HEADER_BYTES { Probe::MATCH } else { Probe::Unknown }
}
