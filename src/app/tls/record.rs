//! Records, and the handshake messages in them.

use super::super::transaction::{TxData, raise};
use super::super::{Keep, Parsed, Transactions, Wishes};
use super::ssl2::{self, Session};
use super::{Eof, TlsTx, flag, heartbeat, hello, progress, state, version};
use crate::packet::EventSet;
use crate::verdict::Direction;

const HEADER_BYTES: u32 = 5;
const RECORD_BYTES_MIN: usize = 6;
const RECORD_BYTES_MAX: u32 = (1 << 14) + 1024;
const MESSAGE_HEADER_BYTES: usize = 4;
/// The level of an alert that ends the session.
const FATAL: u8 = 2;

mod content {
    pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(super) const ALERT: u8 = 21;
    pub(super) const HANDSHAKE: u8 = 22;
    pub(super) const APPLICATION_DATA: u8 = 23;
    pub(super) const HEARTBEAT: u8 = 24;
}

mod message {
    pub(super) const HELLO_REQUEST: u8 = 0;
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const NEW_SESSION_TICKET: u8 = 4;
    pub(super) const CERTIFICATE: u8 = 11;
    pub(super) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(super) const CERTIFICATE_REQUEST: u8 = 13;
    pub(super) const SERVER_HELLO_DONE: u8 = 14;
    pub(super) const CERTIFICATE_VERIFY: u8 = 15;
    pub(super) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(super) const FINISHED: u8 = 20;
    pub(super) const CERTIFICATE_URL: u8 = 21;
    pub(super) const CERTIFICATE_STATUS: u8 = 22;
}

/// What became of a piece of data.
pub(super) enum Decoded {
    /// So many bytes are taken.
    Done(usize),
    /// So many are, and so many more are wanted before the next call.
    Incomplete(usize, u32),
    /// Parsing is over.
    Error,
}

/// Where a direction is in its records.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// Bytes of the record that are taken.
    pub(super) processed: u32,
    pub(super) content_type: u8,
    pub(super) record_len: u32,
    /// Bytes of an SSL 2 record's length field, padding included.
    pub(super) ssl2_len_bytes: u32,
    fragment: Option<Box<Fragment>>,
}

/// A handshake message whose end is in a later record.
#[derive(Debug)]
struct Fragment {
    kind: u8,
    len: usize,
    data: Vec<u8>,
}

impl Side {
    pub(super) fn reset(&mut self) {
        self.processed = 0;
    }
}

/// The parser of a session.
#[derive(Debug, Default)]
pub(in super::super) struct TlsParser {
    client: Side,
    server: Side,
    /// State bits of the message at hand; they outlive it until a record begins a new piece of data.
    current: u32,
    encrypted_heartbeat_len: u32,
    keep: Keep,
}

impl TlsParser {
    pub(in super::super) fn parse(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        data: &[u8],
        eof: Eof,
        wishes: &mut Wishes,
    ) -> Parsed {
        let Some(tx) = txs.list.front_mut() else { return Parsed::Error };
        self.keep = wishes.keep;
        let events = &mut tx.events;
        let TxData::Tls(tx) = &mut tx.data else { return Parsed::Error };
        if data.is_empty() {
            let ended = match direction {
                Direction::ToServer => eof.to_server,
                Direction::ToClient => eof.to_client,
            };
            if !ended {
                return Parsed::Error;
            }
            tx.flags |= flag::FINISHED;
            tx.reach(direction, progress::FINISHED);
            return Parsed::Ok;
        }
        let mut side = std::mem::take(self.side(direction));
        let parsed = self.records(&mut side, tx, events, direction, data, wishes);
        *self.side(direction) = side;
        tx.current = self.current;
        if parsed != Parsed::Ok {
            return parsed;
        }
        let asked = if tx.has(flag::WANTS_CLIENT_CERTIFICATE) { &tx.client } else { &tx.server };
        if asked.certificates.is_known() {
            tx.flags |= flag::HANDSHAKE_DONE;
            tx.reach_both(progress::HANDSHAKE_DONE);
        }
        if eof.to_server && eof.to_client {
            tx.flags |= flag::FINISHED;
            tx.reach_both(progress::FINISHED);
        }
        Parsed::Ok
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.client,
            Direction::ToClient => &mut self.server,
        }
    }

    fn records(
        &mut self,
        side: &mut Side,
        tx: &mut TlsTx,
        events: &mut EventSet,
        direction: Direction,
        data: &[u8],
        wishes: &mut Wishes,
    ) -> Parsed {
        if side.processed == 0 {
            self.current = 0;
        }
        let n_records_max = (data.len() / RECORD_BYTES_MIN).max(1);
        let mut n_records = 0;
        let mut rest = data;
        while let Some(&first) = rest.first() {
            if n_records > n_records_max {
                side.reset();
                raise(events, "tls.too_many_records_in_packet");
                return Parsed::Error;
            }
            n_records += 1;
            let known = &mut tx.hello(direction).version;
            if side.processed == 0 {
                if first & 0xc0 != 0 {
                    *known = version::SSL2;
                } else if *known == version::SSL2 {
                    *known = version::UNKNOWN;
                }
            }
            let is_ssl2 = *known == version::SSL2;
            let decoded = if is_ssl2 {
                let no_inspection = &mut wishes.no_inspection;
                let mut session = Session { tx, events, current: &mut self.current, direction, no_inspection };
                ssl2::decode(side, &mut session, rest)
            } else {
                self.record(side, tx, events, direction, rest, wishes)
            };
            match decoded {
                Decoded::Done(taken) => match rest.get(taken..) {
                    Some(behind) => rest = behind,
                    None => return Parsed::Error,
                },
                Decoded::Incomplete(taken, needed) => {
                    let consumed = (data.len() - rest.len() + taken) as u32;
                    return Parsed::Incomplete { consumed, needed };
                }
                Decoded::Error => {
                    side.reset();
                    if is_ssl2 {
                        raise(events, "tls.invalid_ssl_record");
                    }
                    return Parsed::Error;
                }
            }
        }
        Parsed::Ok
    }

    /// Takes one record, or as much of it as is there. Only application data is taken piece by piece.
    fn record(
        &mut self,
        side: &mut Side,
        tx: &mut TlsTx,
        events: &mut EventSet,
        direction: Direction,
        data: &[u8],
        wishes: &mut Wishes,
    ) -> Decoded {
        let mut taken = 0;
        let left = if side.processed < HEADER_BYTES {
            let before = tx.hello(direction).version;
            taken = header(side, tx, direction, data);
            if side.processed < HEADER_BYTES {
                return Decoded::Done(taken);
            }
            if !(content::CHANGE_CIPHER_SPEC..=content::HEARTBEAT).contains(&side.content_type) {
                raise(events, "tls.invalid_record_type");
                // As in Wireshark: old versions may hold records nobody knows.
                if before == version::TLS10 || before == version::TLS11 {
                    *side = Side { fragment: side.fragment.take(), ..Side::default() };
                    tx.hello(direction).version = before;
                    return Decoded::Done(data.len());
                }
                return Decoded::Error;
            }
            if side.record_len == 0 {
                raise(events, "tls.invalid_record_length");
                return Decoded::Error;
            }
            if !version::is_known(tx.hello(direction).version) {
                raise(events, "tls.invalid_record_version");
                return Decoded::Error;
            }
            if side.record_len > RECORD_BYTES_MAX {
                raise(events, "tls.invalid_record_length");
                return Decoded::Error;
            }
            side.record_len
        } else {
            (side.record_len + HEADER_BYTES).saturating_sub(side.processed)
        };
        let available = data.get(taken..).unwrap_or_default();
        if side.record_len as usize > available.len() && side.content_type != content::APPLICATION_DATA {
            return Decoded::Incomplete(taken, side.record_len);
        }
        let body = available.get(..left as usize).unwrap_or(available);
        if body.is_empty() {
            return Decoded::Done(taken);
        }
        if !self.body(side, tx, events, direction, body, wishes) {
            return Decoded::Error;
        }
        side.processed += body.len() as u32;
        if side.processed >= side.record_len + HEADER_BYTES {
            side.reset();
        }
        Decoded::Done(taken + body.len())
    }

    /// Looks at what a record holds; `false` ends parsing.
    fn body(
        &mut self,
        side: &mut Side,
        tx: &mut TlsTx,
        events: &mut EventSet,
        direction: Direction,
        body: &[u8],
        wishes: &mut Wishes,
    ) -> bool {
        match side.content_type {
            content::CHANGE_CIPHER_SPEC => {
                tx.flags |= flag::CHANGE_CIPHER_SPEC
                    | match direction {
                        Direction::ToServer => flag::CLIENT_CHANGE_CIPHER_SPEC,
                        Direction::ToClient => flag::SERVER_CHANGE_CIPHER_SPEC,
                    };
                if direction == Direction::ToServer {
                    tx.reach(direction, progress::HANDSHAKE_DONE);
                }
            }
            content::ALERT if tx.config.tls_progress_by_side => match body {
                [FATAL, _] => tx.reach_both(progress::FINISHED),
                [] | [_] => {
                    raise(events, "tls.invalid_alert_message");
                    return false;
                }
                _ => {}
            },
            content::ALERT => {}
            content::APPLICATION_DATA => {
                // Early data of TLS 1.3 comes before the handshake is over.
                if !tx.has(flag::EARLY_DATA) || tx.has(state::SERVER_HELLO) {
                    tx.flags |= flag::HANDSHAKE_DONE;
                    tx.reach(direction, progress::HANDSHAKE_DONE);
                    wishes.no_payload_inspection = true;
                }
            }
            content::HANDSHAKE => {
                // TLS 1.3 sends a change of ciphers for the sake of middleboxes, before a second client hello as well.
                let cosmetic =
                    tx.has(state::CLIENT_HELLO) && tx.client.version > version::TLS12 && !tx.has(state::SERVER_HELLO);
                if tx.has(flag::CHANGE_CIPHER_SPEC) && !cosmetic {
                    return true;
                }
                if side.record_len < MESSAGE_HEADER_BYTES as u32 {
                    raise(events, "tls.invalid_ssl_record");
                    return false;
                }
                if !self.handshake(side, tx, events, direction, body) {
                    raise(events, "tls.invalid_handshake_message");
                    return false;
                }
            }
            _ => {
                let in_flight = &mut self.encrypted_heartbeat_len;
                return heartbeat::read(tx, events, in_flight, direction, side.record_len, body).is_ok();
            }
        }
        true
    }

    /// Reads handshake messages, the first of which may have begun in an earlier record.
    fn handshake(
        &mut self,
        side: &mut Side,
        tx: &mut TlsTx,
        events: &mut EventSet,
        direction: Direction,
        mut body: &[u8],
    ) -> bool {
        while !body.is_empty() {
            if let Some(mut fragment) = side.fragment.take() {
                let missing = fragment.len - fragment.data.len();
                let (more, rest) = body.split_at_checked(missing).unwrap_or((body, &[]));
                fragment.data.extend_from_slice(more);
                body = rest;
                if fragment.data.len() < fragment.len {
                    side.fragment = Some(fragment);
                } else {
                    self.message(tx, events, direction, fragment.kind, &fragment.data);
                }
                continue;
            }
            let Some((&[kind, high, middle, low], rest)) = body.split_first_chunk::<MESSAGE_HEADER_BYTES>() else {
                raise(events, "tls.invalid_ssl_record");
                return false;
            };
            let len = u32::from_be_bytes([0, high, middle, low]) as usize;
            if !is_supported(kind) {
                let encrypted = match direction {
                    Direction::ToServer => flag::CLIENT_CHANGE_CIPHER_SPEC,
                    Direction::ToClient => flag::SERVER_CHANGE_CIPHER_SPEC,
                };
                if !tx.has(encrypted) {
                    raise(events, "tls.invalid_handshake_message");
                }
                body = rest.get(len..).unwrap_or_default();
                continue;
            }
            let Some((message, behind)) = rest.split_at_checked(len) else {
                side.fragment = Some(Box::new(Fragment { kind, len, data: rest.to_vec() }));
                return true;
            };
            self.message(tx, events, direction, kind, message);
            body = behind;
        }
        true
    }

    fn message(&mut self, tx: &mut TlsTx, events: &mut EventSet, direction: Direction, kind: u8, message: &[u8]) {
        if message.is_empty() && !tx.config.tls_progress_by_side {
            return;
        }
        match kind {
            message::CLIENT_HELLO => {
                self.current = state::CLIENT_HELLO;
                hello::read(tx, events, self.keep, hello::Kind::Client, direction, message);
                tx.reach(direction, progress::HELLO);
            }
            message::SERVER_HELLO => {
                self.current = state::SERVER_HELLO;
                hello::read(tx, events, self.keep, hello::Kind::Server, direction, message);
                tx.reach(direction, progress::HELLO);
            }
            message::SERVER_KEY_EXCHANGE => self.current = state::SERVER_KEYX,
            message::CLIENT_KEY_EXCHANGE => self.current = state::CLIENT_KEYX,
            message::CERTIFICATE => {
                tx.hello(direction).certificates.read(events, message, self.keep.certificates);
                tx.reach(direction, progress::CERT_READY);
            }
            message::SERVER_HELLO_DONE if direction == Direction::ToClient => {
                tx.reach(direction, progress::HELLO_DONE);
            }
            message::CERTIFICATE_REQUEST if direction == Direction::ToClient => {
                self.current = flag::WANTS_CLIENT_CERTIFICATE;
            }
            _ => {}
        }
        tx.flags |= self.current;
    }
}

/// Reads as much of a record's header as is there and says how many bytes that is. The version of a record counts only
/// until a hello has said one.
fn header(side: &mut Side, tx: &mut TlsTx, direction: Direction, data: &[u8]) -> usize {
    let said = match direction {
        Direction::ToServer => state::CLIENT_HELLO,
        Direction::ToClient => state::SERVER_HELLO,
    };
    let keep = tx.has(said) && tx.hello(direction).version != version::UNKNOWN;
    let wanted = (HEADER_BYTES - side.processed) as usize;
    let mut taken = 0;
    for &byte in data.iter().take(wanted) {
        let version = &mut tx.hello(direction).version;
        match side.processed {
            0 => side.content_type = byte,
            1 if !keep => *version = u16::from(byte) << 8,
            2 if !keep => *version |= u16::from(byte),
            3 => side.record_len = u32::from(byte) << 8,
            4 => side.record_len |= u32::from(byte),
            _ => {}
        }
        side.processed += 1;
        taken += 1;
    }
    taken
}

fn is_supported(kind: u8) -> bool {
    matches!(
        kind,
        message::HELLO_REQUEST
            | message::CLIENT_HELLO
            | message::SERVER_HELLO
            | message::NEW_SESSION_TICKET
            | message::CERTIFICATE
            | message::SERVER_KEY_EXCHANGE
            | message::CERTIFICATE_REQUEST
            | message::SERVER_HELLO_DONE
            | message::CERTIFICATE_VERIFY
            | message::CLIENT_KEY_EXCHANGE
            | message::FINISHED
            | message::CERTIFICATE_URL
            | message::CERTIFICATE_STATUS
    )
}
