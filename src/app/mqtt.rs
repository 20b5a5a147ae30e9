//! MQTT: detection.

use super::probe::{Context, Probe};

/// A fixed header with an assigned type, a legal quality of service and a length of at most four bytes.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    let Some((&first, rest)) = data.split_first() else { return Probe::Unknown };
    let len_bytes = rest.iter().take(3).take_while(|&&byte| byte & 0x80 != 0).count();
    match rest.get(len_bytes) {
        None => Probe::Unknown,
        Some(last) if last & 0x80 != 0 => Probe::Failed,
        Some(_) if first >> 4 == 0 || first >> 1 & 0x03 > 2 => Probe::Failed,
        Some(_) => Probe::MATCH,
    }
}
