//! Heartbeat records. Source: RFC 6520; the checks are those for CVE-2014-0160.

use super::super::transaction::raise;
use super::{TlsTx, flag};
use crate::packet::EventSet;
use crate::verdict::Direction;

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const PADDING_BYTES_MIN: u32 = 16;

/// The record ends parsing; the event says why.
pub(super) struct Refused;

/// Looks at a heartbeat; `encrypted_len` is the length of an encrypted one in flight.
pub(super) fn read(
    tx: &mut TlsTx,
    events: &mut EventSet,
    encrypted_len: &mut u32,
    direction: Direction,
    record_len: u32,
    data: &[u8],
) -> Result<(), Refused> {
    let Some(&[kind, len_high, len_low]) = data.first_chunk::<3>() else { return Ok(()) };
    let encrypted = tx.has(flag::CHANGE_CIPHER_SPEC);
    if !encrypted && kind != REQUEST && kind != RESPONSE {
        return refuse(events, "tls.invalid_heartbeat_message");
    }
    let own = match direction {
        Direction::ToServer => flag::HEARTBEAT_OF_CLIENT,
        Direction::ToClient => flag::HEARTBEAT_OF_SERVER,
    };
    if !tx.has(flag::HEARTBEAT) {
        tx.flags |= flag::HEARTBEAT | own;
        if encrypted {
            *encrypted_len = record_len;
            return Ok(());
        }
        let payload_len = u32::from(u16::from_be_bytes([len_high, len_low]));
        return match record_len.checked_sub(payload_len + 3) {
            None => refuse(events, "tls.overflow_heartbeat_message"),
            Some(padding) if padding < PADDING_BYTES_MIN => refuse(events, "tls.invalid_heartbeat_message"),
            Some(_) => Ok(()),
        };
    }
    if tx.has(own) {
        return refuse(events, "tls.invalid_heartbeat_message");
    }
    tx.flags &= !(flag::HEARTBEAT | flag::HEARTBEAT_OF_CLIENT | flag::HEARTBEAT_OF_SERVER);
    let asked = std::mem::take(encrypted_len);
    if encrypted && asked > 0 && asked < record_len {
        return refuse(events, "tls.dataleak_heartbeat_mismatch");
    }
    Ok(())
}

fn refuse(events: &mut EventSet, name: &'static str) -> Result<(), Refused> {
    raise(events, name);
    Err(Refused)
}
