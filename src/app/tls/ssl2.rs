//! Records of SSL 2, and hellos in its form.

use super::super::reader::Reader;
use super::super::transaction::raise;
use super::record::{Decoded, Side};
use super::{TlsTx, flag, progress, state, version};
use crate::packet::EventSet;
use crate::verdict::Direction;

mod message {
    pub(super) const ERROR: u8 = 0;
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const CLIENT_MASTER_KEY: u8 = 2;
    pub(super) const CLIENT_FINISHED: u8 = 3;
    pub(super) const SERVER_HELLO: u8 = 4;
    pub(super) const SERVER_VERIFY: u8 = 5;
    pub(super) const SERVER_FINISHED: u8 = 6;
    pub(super) const REQUEST_CERTIFICATE: u8 = 7;
    pub(super) const CLIENT_CERTIFICATE: u8 = 8;
}

/// What decoding needs beside the side of the record.
pub(super) struct Session<'a> {
    pub(super) tx: &'a mut TlsTx,
    pub(super) events: &'a mut EventSet,
    pub(super) current: &'a mut u32,
    pub(super) direction: Direction,
    /// Set when both sides are encrypted.
    pub(super) no_inspection: &'a mut bool,
}

/// Takes one record, or as much of it as is there.
pub(super) fn decode(side: &mut Side, session: &mut Session, data: &[u8]) -> Decoded {
    let mut rest = Reader(data);
    if side.processed == 0 {
        side.ssl2_len_bytes = if data.first().is_some_and(|first| first & 0x80 != 0) { 2 } else { 3 };
    }
    header(side, session, &mut rest);
    let parsed = |rest: &Reader| data.len() - rest.len();
    let whole = side.ssl2_len_bytes + side.record_len;
    if whole > rest.len() as u32 + side.processed {
        let consumed = parsed(&rest);
        return match side.record_len {
            0 => Decoded::Done(consumed),
            needed => Decoded::Incomplete(consumed, needed),
        };
    }
    if rest.is_empty() {
        return Decoded::Done(parsed(&rest));
    }
    if side.record_len == 0 {
        raise(session.events, "tls.invalid_sslv2_header");
        return Decoded::Error;
    }
    if body(side, session, &mut rest).is_none() {
        return Decoded::Error;
    }
    session.tx.flags |= *session.current;
    if rest.len() as u32 + side.processed < whole {
        side.processed += rest.len() as u32;
        return Decoded::Done(data.len());
    }
    // A hello shorter than its fixed fields ends before what was read of it.
    let end = parsed(&rest) as i64 + i64::from(whole) - i64::from(side.processed);
    side.reset();
    usize::try_from(end).map_or(Decoded::Error, Decoded::Done)
}

/// Two or three bytes of length and padding, and the message type.
fn header(side: &mut Side, session: &mut Session, rest: &mut Reader) {
    while side.processed <= side.ssl2_len_bytes {
        let Some(byte) = rest.u8() else { return };
        match side.processed {
            0 => {
                let mask = if side.ssl2_len_bytes == 2 { 0x7f } else { 0x3f };
                side.record_len = u32::from(byte & mask) << 8;
            }
            1 => side.record_len |= u32::from(byte),
            at if at == side.ssl2_len_bytes => {
                side.content_type = byte;
                session.tx.hello(session.direction).version = version::SSL2;
            }
            _ => {}
        }
        side.processed += 1;
    }
}

/// `None` ends parsing.
fn body(side: &mut Side, session: &mut Session, rest: &mut Reader) -> Option<()> {
    let to_server = session.direction == Direction::ToServer;
    match side.content_type {
        message::ERROR => raise(session.events, "tls.error_message_encountered"),
        message::CLIENT_HELLO => {
            let fields = (rest.u16(), rest.u16(), rest.u16());
            let (Some(sent), Some(_cipher_bytes), Some(session_id_bytes)) = fields else {
                raise(session.events, "tls.invalid_ssl_record");
                return None;
            };
            side.processed += 6;
            *session.current = state::CLIENT_HELLO | flag::SSL2_CLIENT_HELLO;
            session.tx.reach(Direction::ToServer, progress::HELLO);
            session.tx.hello(session.direction).version = sent;
            if session_id_bytes == 0 {
                *session.current |= flag::SSL2_NO_SESSION_ID;
            }
        }
        message::CLIENT_MASTER_KEY => *session.current = flag::SSL2_MASTER_KEY,
        message::SERVER_HELLO => {
            *session.current = state::SERVER_HELLO | flag::SSL2_SERVER_HELLO;
            session.tx.reach(Direction::ToClient, progress::HELLO);
        }
        message::CLIENT_CERTIFICATE => {
            if to_server {
                *session.current = state::CLIENT_KEYX;
            }
            session.tx.reach(Direction::ToClient, progress::CERT_READY);
            encrypted(session);
        }
        message::SERVER_VERIFY | message::SERVER_FINISHED | message::CLIENT_FINISHED | message::REQUEST_CERTIFICATE => {
            encrypted(session);
        }
        _ => {}
    }
    Some(())
}

fn encrypted(session: &mut Session) {
    let tx = &session.tx;
    if !tx.has(flag::SSL2_CLIENT_HELLO) || !tx.has(flag::SSL2_SERVER_HELLO) {
        return;
    }
    match session.direction {
        Direction::ToServer if tx.has(flag::SSL2_NO_SESSION_ID) => *session.current |= flag::SSL2_CLIENT_ENCRYPTED,
        Direction::ToServer if tx.has(flag::SSL2_MASTER_KEY) => *session.current = flag::SSL2_CLIENT_ENCRYPTED,
        Direction::ToServer => {}
        Direction::ToClient => *session.current = flag::SSL2_SERVER_ENCRYPTED,
    }
    *session.no_inspection |= tx.has(flag::SSL2_CLIENT_ENCRYPTED) && tx.has(flag::SSL2_SERVER_ENCRYPTED);
}
