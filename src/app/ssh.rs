//! SSH up to the end of its key exchange: banners, then records until both sides have sent `NEWKEYS`. What follows is
//! encrypted, and the flow is not inspected any more.
//!
//! A session is one transaction, whose progress is that of its sides.

use super::transaction::{TxData, raise};
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
const NEWKEYS: u8 = 21;

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

/// `SSH-`, a version, and a dash.
fn is_banner(line: &[u8]) -> bool {
    line.strip_prefix(b"SSH-").and_then(|rest| rest.iter().position(|&byte| byte == b'-')).is_some_and(|dash| dash > 0)
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
            && let TxData::Plain(known) = &mut tx.data
        {
            *known = progress;
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
            if !is_banner(line) {
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
        if !is_banner(data) {
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
                Some((_, behind)) => rest = behind,
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
            let Some((_, behind)) = body.split_at_checked(len as usize) else {
                side.record_left = len - body.len() as u32;
                break;
            };
            rest = behind;
            if code == NEWKEYS && other_finished {
                wishes.no_inspection = true;
            }
        }
        Parsed::Ok
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
        txs.push(TxData::Plain([0; 2]));
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
    fn a_record_may_span_calls() {
        let mut talk = vec![(ToServer, &b"SSH-2.0-a\n\0\0\0\x06\0\x14\x01"[..]), (ToServer, b"\x02\x03\x04\0\0")];
        assert_eq!(parsed(&talk).0, Parsed::Incomplete { consumed: 3, needed: 6 });
        talk.push((ToServer, b"\0\0\0\0\0\0"));
        assert_eq!(parsed(&talk).0, Parsed::Error);
    }
}
