//! Remote desktop: detection.

use super::probe::{Context, Probe};

const TPKT_VERSION: u8 = 3;

/// A TPKT header's version.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    if data.first() == Some(&TPKT_VERSION) { Probe::MATCH } else { Probe::Unknown }
}
