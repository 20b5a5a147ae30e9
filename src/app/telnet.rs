//! Telnet: detection.

use super::probe::{Context, Probe};

/// Two bytes of anything: Suricata takes whatever is said at the port for telnet.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    if data.len() > 1 { Probe::MATCH } else { Probe::Unknown }
}
