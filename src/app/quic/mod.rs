//! QUIC, IETF's and Google's older form: detection, and the hellos.
//!
//! Each packet with a long header is a transaction of its direction until that direction's hello has come; what follows is
//! encrypted with keys that only the two sides know.

mod crypto;
mod frames;
mod header;

use super::fingerprint::md5;
use super::probe::{Context, Probe};
use super::transaction::{Buffer, TxData, raise};
use super::{Parsed, Transactions};
use crate::verdict::Direction;
pub(crate) use crypto::Keys;
use frames::{FRAGMENT_BYTES_MAX, Fragment, Frame, SNI, USER_AGENT};
use header::{Header, Kind};

/// A transaction is complete from the start.
pub(super) const COMPLETE: u8 = 1;

/// A header that can be read.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    match header::read(data) {
        Some(_) => Probe::MATCH,
        None => Probe::Failed,
    }
}

/// What a packet says.
#[derive(Debug, Default)]
pub(super) struct QuicTx {
    /// Of a long header.
    version: Option<[u8; 4]>,
    sni: Option<Box<[u8]>>,
    user_agent: Option<Box<[u8]>>,
    /// JA3 or JA3S, and its hash.
    ja3: Option<(Box<str>, Box<str>)>,
    ja4: Option<Box<str>>,
    cyu: Vec<Cyu>,
}

/// The fingerprint of a list of tags.
#[derive(Debug)]
struct Cyu {
    text: Box<str>,
    hash: Box<str>,
}

impl QuicTx {
    fn new(header: &Header<'_>) -> Self {
        Self { version: header.is_long.then_some(header.version.to_be_bytes()), ..Self::default() }
    }

    /// Of empty bytes there is no buffer.
    pub(super) fn buffer(&self, buffer: Buffer) -> Option<&[u8]> {
        let cyu = |number: u16| self.cyu.get(usize::from(number));
        let bytes = match buffer {
            Buffer::QuicSni => self.sni.as_deref()?,
            Buffer::QuicUa => self.user_agent.as_deref()?,
            Buffer::QuicVersion => self.version.as_ref()?,
            Buffer::QuicCyuHash(number) => cyu(number)?.hash.as_bytes(),
            Buffer::QuicCyuString(number) => cyu(number)?.text.as_bytes(),
            Buffer::Ja3String | Buffer::Ja3sString => self.ja3.as_ref()?.0.as_bytes(),
            Buffer::Ja3Hash | Buffer::Ja3sHash => self.ja3.as_ref()?.1.as_bytes(),
            Buffer::Ja4Hash => self.ja4.as_deref()?.as_bytes(),
            _ => return None,
        };
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct QuicParser {
    keys: Option<Keys>,
    retried: bool,
    /// By [`Direction::index`].
    sides: [Side; 2],
}

#[derive(Debug, Default)]
struct Side {
    /// What has come of a hello.
    past: Fragment,
    hello: bool,
}

impl QuicParser {
    pub(super) fn datagram(&mut self, txs: &mut Transactions, direction: Direction, data: &[u8]) -> Parsed {
        let mut rest = data;
        while !rest.is_empty() {
            let Some((header, behind)) = header::read(rest) else { return Parsed::Error };
            if self.side(direction).hello || header.kind == Kind::Short {
                return Parsed::Ok;
            }
            if header.kind == Kind::Initial {
                if self.keys.is_none() {
                    self.keys = Keys::new(header.version, header.destination_id);
                }
            } else if header.kind == Kind::Retry
                && direction == Direction::ToClient
                && self.keys.is_some()
                && !self.retried
            {
                // the client begins anew, with another id
                self.side(Direction::ToServer).hello = false;
                self.keys = None;
                self.retried = true;
            }
            let len = usize::from(header.len);
            let header_len = rest.len() - behind.len();
            let (Some(packet), Some((payload, next))) = (rest.get(..header_len + len), behind.split_at_checked(len))
            else {
                return Parsed::Error;
            };
            rest = next;
            if header.kind != Kind::Initial {
                push(txs, direction, QuicTx::new(&header), None);
                continue;
            }
            let decrypted = match &self.keys {
                Some(keys) if !payload.is_empty() => {
                    let Some(decrypted) = keys.decrypt(direction == Direction::ToServer, packet, header_len) else {
                        push(txs, direction, QuicTx::new(&header), Some("quic.failed_decrypt"));
                        return Parsed::Error;
                    };
                    Some(decrypted)
                }
                _ => None,
            };
            let past = std::mem::take(&mut self.side(direction).past);
            let Some(frames) = frames::read(decrypted.as_deref().unwrap_or(payload), &past) else {
                push(txs, direction, QuicTx::new(&header), Some("quic.error_on_data"));
                return Parsed::Error;
            };
            self.frames(txs, direction, &header, frames);
        }
        Parsed::Ok
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        let [client, server] = &mut self.sides;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }

    fn frames(&mut self, txs: &mut Transactions, direction: Direction, header: &Header<'_>, frames: Vec<Frame>) {
        let mut tx = QuicTx::new(header);
        let cyu_version = header::cyu_version(header.version);
        let side = self.side(direction);
        let mut event = None;
        for frame in frames {
            match frame {
                Frame::Hello(hello) => {
                    tx.ja3 = Some((hello.ja3.as_str().into(), md5(hello.ja3.as_bytes())));
                    if direction == Direction::ToServer && hello.ja4.is_some() {
                        tx.ja4 = hello.ja4;
                    }
                    tx.sni = hello.sni.or(tx.sni);
                    side.hello = true;
                }
                Frame::Fragment(fragment) if fragment.len < FRAGMENT_BYTES_MAX => {
                    side.past = Fragment { offset: fragment.offset & u64::from(u32::MAX), ..fragment };
                }
                Frame::Fragment(_) => event = Some("quic.crypto_frag_too_long"),
                Frame::Tags(tags) => {
                    if let Some(version) = cyu_version {
                        let names: Vec<&str> = tags.iter().map(|(tag, _)| frames::name(tag)).collect();
                        let text = format!("{version},{}", names.join("-"));
                        tx.cyu.push(Cyu { hash: md5(text.as_bytes()), text: text.into() });
                    }
                    for (tag, value) in tags {
                        match tag {
                            SNI => tx.sni = Some(value),
                            USER_AGENT => tx.user_agent = Some(value),
                            _ => {}
                        }
                        if tx.sni.is_some() && tx.user_agent.is_some() {
                            break;
                        }
                    }
                }
            }
        }
        push(txs, direction, tx, event);
    }
}

/// A transaction has nothing for the other direction.
fn push(txs: &mut Transactions, direction: Direction, tx: QuicTx, event: Option<&'static str>) {
    let tx = txs.push(TxData::Quic(Box::new(tx)));
    if let Some(skip) = tx.skip_inspection.get_mut(direction.opposite().index()) {
        *skip = true;
    }
    if let Some(event) = event {
        raise(&mut tx.events, event);
    }
}
