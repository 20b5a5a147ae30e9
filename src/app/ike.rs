//! IKE versions 1 and 2: detection.

use super::probe::{Context, Probe};
use super::reader::Reader;
use crate::verdict::Direction;

/// An ISAKMP header; of version 2 only with the exchanges of its standard and an exact length.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    header(data).unwrap_or(Probe::Failed)
}

fn header(data: &[u8]) -> Option<Probe> {
    let mut reader = Reader(data);
    reader.take(8)?;
    let responder_spi = reader.take(8)?;
    let _next_payload = reader.u8()?;
    let version = reader.u8()?;
    let exchange = reader.u8()?;
    let _flags = reader.u8()?;
    let _message_id = reader.u32()?;
    let len = reader.u32()?;
    let known = match (version >> 4, version & 0x0f) {
        (1, _) => true,
        (2, 0) => (34..=37).contains(&exchange) && len as usize == data.len(),
        _ => false,
    };
    if !known {
        return Some(Probe::Failed);
    }
    let opens = responder_spi.iter().all(|&byte| byte == 0);
    Some(Probe::Match { sender: opens.then_some(Direction::ToServer) })
}
