//! SSH up to the end of its key exchange: banners, then records until both sides have sent `NEWKEYS`. What follows is
//! encrypted, and the flow is not inspected any more.
//!
//! A session is one transaction, whose progress is that of its sides. It keeps what banners say, and of key exchange
//! messages the HASSH when rules look at it.

use super::fingerprint::md5;
use super::reader::Reader;
use super::transaction::{Buffer, TxData, raise};
use super::{Parsed, Transactions, Wishes};
use crate::verdict::Direction;

/// How far a session has come. Suricata: `SSHConnectionState`.
pub(super) mod progress {
    /// The banner is not complete.
    pub(in super::super) const IN_PROGRESS: u8 = 0;
    /// It is.
    pub(in super::super) const BANNER_DONE: u8 = 2;
    /// Keys are in use.
    pub(in super::super) const FINISHED: u8 = 3;
}

const BANNER_BYTES_MAX: usize = 256;
const RECORD_HEADER_BYTES: usize = 6;
/// Padding length and message code are counted in a record's length.
const COUNTED_HEADER_BYTES: u32 = 2;
const KEXINIT: u8 = 20;
const NEWKEYS: u8 = 21;
/// A key exchange message that is this long or longer is not waited for.
const KEXINIT_BYTES_MAX: u32 = 65535;
/// What is kept of the HASSH of a side that repeats its key exchange message.
const HASSH_BYTES_MAX: usize = 1 << 18;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    #[default]
    Banner,
    /// The banner is too long: what is left of it is skipped.
    BannerTail,
    Records,
    Finished,
}

#[derive(Clone, Copy, Debug, Default)]
struct Side {
    state: State,
    /// What is still to come of a record that is skipped.
    record_left: u32,
    /// That record is a key exchange message, to be read once it is there.
    kexinit: bool,
}

/// A session.
#[derive(Debug, Default)]
pub(super) struct SshTx {
    progress: [u8; 2],
    /// By [`Direction::index`].
    sides: [SideTx; 2],
}

/// What a side says of itself.
#[derive(Debug, Default)]
struct SideTx {
    proto: Box<[u8]>,
    software: Box<[u8]>,
    /// Lists of algorithms with semicolons between them. As in Suricata, a further message adds to it.
    hassh_string: Vec<u8>,
    /// Of the former, at each message.
    hassh: String,
}

impl SshTx {
    pub(super) fn progress(&self, direction: Direction) -> u8 {
        self.progress.get(direction.index()).copied().unwrap_or(0)
    }

    /// An empty text is none.
    pub(super) fn buffer(&self, buffer: Buffer, direction: Direction) -> Option<&[u8]> {
        let side = self.sides.get(direction.index())?;
        let bytes = match buffer {
            Buffer::SshProto => &side.proto,
            Buffer::SshSoftware => &side.software,
            Buffer::SshHassh => side.hassh.as_bytes(),
            Buffer::SshHasshString => &side.hassh_string,
            _ => return None,
        };
        (!bytes.is_empty()).then_some(bytes)
    }

    fn side(&mut self, direction: Direction) -> &mut SideTx {
        let [client, server] = &mut self.sides;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }

    /// Reads the body of a key exchange message.
    fn key_exchange(&mut self, direction: Direction, body: &[u8]) {
        let Some(lists) = hassh_lists(body, direction) else { return };
        let side = self.side(direction);
        if side.hassh_string.len() > HASSH_BYTES_MAX {
            return;
        }
        side.hassh_string.extend_from_slice(&lists);
        side.hassh.push_str(&md5(&side.hassh_string));
    }
}

/// The lists that HASSH is made of: key exchange, and the ciphers, MACs and compressions that the side would send with.
fn hassh_lists(body: &[u8], direction: Direction) -> Option<Vec<u8>> {
    const N_LISTS: usize = 10;
    const COOKIE_BYTES: usize = 16;
    let mut reader = Reader(body);
    reader.take(COOKIE_BYTES)?;
    let mut lists = [&[][..]; N_LISTS];
    for list in &mut lists {
        let len = reader.u32()?;
        *list = reader.take(usize::try_from(len).ok()?)?;
    }
    // whether a guess follows, and a reserved field
    reader.u8()?;
    reader.u32()?;
    let [kex, _, ciphers_out, ciphers_in, macs_out, macs_in, compressions_out, compressions_in, _, _] = lists;
    Some(match direction {
        Direction::ToServer => [kex, ciphers_out, macs_out, compressions_out].join(&b';'),
        Direction::ToClient => [kex, ciphers_in, macs_in, compressions_in].join(&b';'),
    })
}

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct SshParser {
    sides: [Side; 2],
}

/// A line and what follows it.
fn line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = data.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, rest) = data.split_at_checked(end)?;
    let rest = match rest {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => rest,
        [b'\r', rest @ ..] if !rest.is_empty() => rest,
        _ => return None,
    };
    Some((line, rest))
}

/// `SSH-`, a version, and a dash; what follows up to a blank is the software. It is all that follows if that begins with
/// a blank.
fn banner(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"SSH-")?;
    let dash = rest.iter().position(|&byte| byte == b'-').filter(|&dash| dash > 0)?;
    let (proto, rest) = rest.split_at_checked(dash)?;
    let software = rest.get(1..)?;
    let end = software.iter().position(|byte| matches!(byte, b' ' | b'\r' | b'\n')).filter(|&end| end > 0);
    Some((proto, software.get(..end.unwrap_or(software.len()))?))
}

impl SshParser {
    pub(super) fn parse(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        data: &[u8],
        wishes: &mut Wishes,
    ) -> Parsed {
        let parsed = match self.side(direction).state {
            State::Banner | State::BannerTail => self.banner(txs, direction, data, wishes),
            State::Records | State::Finished => self.records(txs, direction, data, 0, wishes),
        };
        let progress = self.progress();
        if let Some(tx) = txs.by_id(0)
            && let TxData::Ssh(tx) = &mut tx.data
        {
            tx.progress = progress;
        }
        parsed
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        let [client, server] = &mut self.sides;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }

    fn progress(&self) -> [u8; 2] {
        if self.sides.iter().all(|side| side.state == State::Finished) {
            return [progress::FINISHED; 2];
        }
        self.sides.map(|side| if side.state >= State::Records { progress::BANNER_DONE } else { progress::IN_PROGRESS })
    }

    fn banner(&mut self, txs: &mut Transactions, direction: Direction, data: &[u8], wishes: &mut Wishes) -> Parsed {
        let Some((line, rest)) = line(data) else {
            return self.partial_banner(txs, direction, data);
        };
        if self.side(direction).state == State::Banner {
            if !keep_banner(txs, direction, line) {
                return fail(txs, "ssh.invalid_banner");
            }
            self.side(direction).state = State::Records;
            if line.len() >= BANNER_BYTES_MAX {
                note(txs, "ssh.long_banner");
            }
        }
        // As in Suricata, a tail that has ended leaves the side waiting for the end of another line.
        self.records(txs, direction, rest, data.len() - rest.len(), wishes)
    }

    fn partial_banner(&mut self, txs: &mut Transactions, direction: Direction, data: &[u8]) -> Parsed {
        let side = self.side(direction);
        if side.state == State::BannerTail {
            return Parsed::Ok;
        }
        if data.len() < BANNER_BYTES_MAX {
            return Parsed::Incomplete { consumed: 0, needed: data.len() as u32 + 1 };
        }
        if !keep_banner(txs, direction, data) {
            return fail(txs, "ssh.invalid_banner");
        }
        side.state = State::BannerTail;
        note(txs, "ssh.long_banner");
        Parsed::Ok
    }

    /// Records of `data`, in front of which `before` bytes of this call were taken.
    fn records(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        data: &[u8],
        before: usize,
        wishes: &mut Wishes,
    ) -> Parsed {
        let other_finished = self.side(direction.opposite()).state == State::Finished;
        let side = self.side(direction);
        let mut rest = data;
        if side.record_left > 0 {
            match rest.split_at_checked(side.record_left as usize) {
                Some((record, behind)) => {
                    if std::mem::take(&mut side.kexinit) {
                        key_exchange(txs, direction, record);
                    }
                    rest = behind;
                }
                None => {
                    side.record_left -= rest.len() as u32;
                    return Parsed::Ok;
                }
            }
            side.record_left = 0;
        }
        while !rest.is_empty() {
            let bad_length = rest.first_chunk().is_some_and(|len| u32::from_be_bytes(*len) < COUNTED_HEADER_BYTES);
            if bad_length {
                return fail(txs, "ssh.invalid_record");
            }
            let Some((&[l0, l1, l2, l3, _, code], body)) = rest.split_first_chunk::<RECORD_HEADER_BYTES>() else {
                let consumed = (before + data.len() - rest.len()) as u32;
                return Parsed::Incomplete { consumed, needed: RECORD_HEADER_BYTES as u32 };
            };
            if code == NEWKEYS {
                side.state = State::Finished;
            }
            let len = u32::from_be_bytes([l0, l1, l2, l3]).saturating_sub(COUNTED_HEADER_BYTES);
            let wanted = code == KEXINIT && wishes.keep.hassh;
            let Some((record, behind)) = body.split_at_checked(len as usize) else {
                if !wanted {
                    side.record_left = len - body.len() as u32;
                    break;
                }
                // what is there of it is read again with the rest, or, in a message too long, counted twice
                side.record_left = len;
                if len < KEXINIT_BYTES_MAX {
                    side.kexinit = true;
                    let consumed = (before + data.len() - body.len()) as u32;
                    return Parsed::Incomplete { consumed, needed: len };
                }
                note(txs, "ssh.long_kex_record");
                break;
            };
            if wanted {
                key_exchange(txs, direction, record);
            }
            rest = behind;
            if code == NEWKEYS && other_finished {
                wishes.no_inspection = true;
            }
        }
        Parsed::Ok
    }
}

/// Keeps what a banner says; `false` when it is none.
fn keep_banner(txs: &mut Transactions, direction: Direction, line: &[u8]) -> bool {
    let Some((proto, software)) = banner(line) else { return false };
    if let Some(TxData::Ssh(tx)) = txs.by_id(0).map(|tx| &mut tx.data) {
        let side = tx.side(direction);
        side.proto = proto.into();
        side.software = software.into();
    }
    true
}

fn key_exchange(txs: &mut Transactions, direction: Direction, body: &[u8]) {
    if let Some(TxData::Ssh(tx)) = txs.by_id(0).map(|tx| &mut tx.data) {
        tx.key_exchange(direction, body);
    }
}

fn note(txs: &mut Transactions, name: &'static str) {
    if let Some(tx) = txs.by_id(0) {
        raise(&mut tx.events, name);
    }
}

fn fail(txs: &mut Transactions, name: &'static str) -> Parsed {
    note(txs, name);
    Parsed::Error
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    fn parsed(talk: &[(Direction, &[u8])]) -> (Parsed, [u8; 2], bool) {
        let mut parser = SshParser::default();
        let mut txs = Transactions::default();
        txs.push(TxData::Ssh(Box::default()));
        let mut wishes = Wishes::default();
        let mut last = Parsed::Ok;
        for (direction, data) in talk {
            last = parser.parse(&mut txs, *direction, data, &mut wishes);
        }
        (last, parser.progress(), wishes.no_inspection)
    }

    #[test]
    fn a_banner_waits_for_the_end_of_its_line() {
        let (last, progress, _) = parsed(&[(ToServer, b"SSH-2.0-a")]);
        assert_eq!((last, progress), (Parsed::Incomplete { consumed: 0, needed: 10 }, [0, 0]));
        assert_eq!(parsed(&[(ToServer, b"SSH-2.0-a\r\n")]).1, [progress::BANNER_DONE, 0]);
        assert_eq!(parsed(&[(ToServer, b"SSH-2.0\r\n")]).0, Parsed::Error);
    }

    #[test]
    fn inspection_ends_when_both_sides_have_new_keys() {
        const NEW_KEYS: &[u8] = b"\0\0\0\x0c\x0a\x15\0\0\0\0\0\0\0\0\0\0";
        let banner = &b"SSH-2.0-a\n"[..];
        let mut talk = vec![(ToServer, banner), (ToClient, banner), (ToServer, NEW_KEYS)];
        assert_eq!(parsed(&talk), (Parsed::Ok, [progress::BANNER_DONE; 2], false));
        talk.push((ToClient, NEW_KEYS));
        assert_eq!(parsed(&talk), (Parsed::Ok, [progress::FINISHED; 2], true));
    }

    #[test]
    fn what_a_banner_says() {
        assert_eq!(banner(b"SSH-2.0-Open_1 comment"), Some((&b"2.0"[..], &b"Open_1"[..])));
        assert_eq!(banner(b"SSH-2.0-"), Some((&b"2.0"[..], &b""[..])));
        assert_eq!(banner(b"SSH-2.0- a"), Some((&b"2.0"[..], &b" a"[..])));
        assert_eq!(banner(b"SSH--a"), None);
    }

    #[test]
    fn hassh_is_of_the_lists_that_a_side_sends_with() {
        let mut body = vec![0; 16];
        for list in ["kex", "key", "c-out", "c-in", "m-out", "m-in", "z-out", "z-in", "", ""] {
            body.extend((list.len() as u32).to_be_bytes());
            body.extend(list.as_bytes());
        }
        assert_eq!(hassh_lists(&body, ToServer), None);
        body.extend([0; 5]);
        assert_eq!(hassh_lists(&body, ToServer).as_deref(), Some(&b"kex;c-out;m-out;z-out"[..]));
        assert_eq!(hassh_lists(&body, ToClient).as_deref(), Some(&b"kex;c-in;m-in;z-in"[..]));
    }

    #[test]
    fn a_record_may_span_calls() {
        let mut talk = vec![(ToServer, &b"SSH-2.0-a\n\0\0\0\x06\0\x14\x01"[..]), (ToServer, b"\x02\x03\x04\0\0")];
        assert_eq!(parsed(&talk).0, Parsed::Incomplete { consumed: 3, needed: 6 });
        talk.push((ToServer, b"\0\0\0\0\0\0"));
        assert_eq!(parsed(&talk).0, Parsed::Error);
    }
}
