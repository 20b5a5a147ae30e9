//! SSH, as far as it tells when encryption begins: after `NEWKEYS` of both sides nobody looks at the flow any more.
//!
//! In: the stream of each side. Out: one transaction for the session, whose progress is [`progress`]. What the banner and the
//! key exchange say is not kept.

use super::transaction::TxData;
use super::{Parsed, Transactions, Wishes};
use crate::verdict::Direction;

/// How far a side has come.
pub(super) mod progress {
    /// Its banner is not complete.
    pub(crate) const START: u8 = 0;
    /// Its banner was too long to keep, and has not ended.
    pub(crate) const LONG_BANNER: u8 = 1;
    /// Its banner is known.
    pub(crate) const BANNER: u8 = 2;
    /// It has sent `NEWKEYS`.
    pub(crate) const FINISHED: u8 = 3;
}

/// A banner this long is not waited for.
const BANNER_BYTES: usize = 256;
/// Length, length of the padding, message number.
const HEADER_BYTES: usize = 6;
const NEWKEYS: u8 = 21;

/// The session as rules see it.
#[derive(Debug, Default)]
pub(super) struct SshTx {
    progress: [u8; 2],
}

impl SshTx {
    /// How far it is in a direction; neither is finished before the other.
    pub(super) fn progress(&self, direction: Direction) -> u8 {
        let side = self.progress.get(direction.index()).copied().unwrap_or_default();
        if self.progress == [progress::FINISHED; 2] {
            progress::FINISHED
        } else if side >= progress::BANNER {
            progress::BANNER
        } else {
            progress::START
        }
    }
}

/// The parser of a flow.
#[derive(Debug, Default)]
pub(super) struct SshParser {
    /// Bytes of a record that are still to come, by direction.
    record_left: [u32; 2],
}

impl SshParser {
    pub(super) fn parse(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        data: &[u8],
        wishes: &mut Wishes,
    ) -> Parsed {
        let side = direction.index();
        let Some(TxData::Ssh(tx)) = txs.list.front_mut().map(|tx| &mut tx.data) else { return Parsed::Error };
        let (Some(&now), Some(&other)) = (tx.progress.get(side), tx.progress.get(direction.opposite().index())) else {
            return Parsed::Error;
        };
        let (records, reached) = if now >= progress::BANNER {
            (data, now)
        } else {
            match line(data) {
                Some((banner, rest)) if now == progress::LONG_BANNER || is_banner(banner) => (rest, progress::BANNER),
                None if now == progress::LONG_BANNER => return Parsed::Ok,
                None if data.len() < BANNER_BYTES => {
                    return Parsed::Incomplete { consumed: 0, needed: data.len() as u32 + 1 };
                }
                None if is_banner(data) => {
                    set(&mut tx.progress, side, progress::LONG_BANNER);
                    return Parsed::Ok;
                }
                _ => return Parsed::Error,
            }
        };
        set(&mut tx.progress, side, reached);
        let left = self.record_left.get_mut(side);
        let outcome = left.map_or(Outcome::default(), |left| walk(records, left));
        if outcome.new_keys {
            set(&mut tx.progress, side, progress::FINISHED);
        }
        wishes.no_inspection |= outcome.whole_new_keys && other >= progress::FINISHED;
        match outcome.unread {
            Some(unread) => Parsed::Incomplete { consumed: (data.len() - unread) as u32, needed: HEADER_BYTES as u32 },
            None if outcome.invalid => Parsed::Error,
            None => Parsed::Ok,
        }
    }
}

fn set(progress: &mut [u8; 2], side: usize, to: u8) {
    if let Some(progress) = progress.get_mut(side) {
        *progress = (*progress).max(to);
    }
}

/// What a walk over records found.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    /// `NEWKEYS` has begun.
    new_keys: bool,
    /// And is all there.
    whole_new_keys: bool,
    /// Bytes at the end that are too few for a header.
    unread: Option<usize>,
    /// A record of impossible length.
    invalid: bool,
}

/// Walks over records. `left`: bytes of one that began earlier.
fn walk(data: &[u8], left: &mut u32) -> Outcome {
    let mut outcome = Outcome::default();
    let skipped = (*left as usize).min(data.len());
    *left -= skipped as u32;
    let mut rest = data.get(skipped..).unwrap_or_default();
    while !rest.is_empty() {
        let length = rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        if length.is_some_and(|length| length <= 1) {
            outcome.invalid = true;
            return outcome;
        }
        let (Some(length), Some(&message)) = (length, rest.get(HEADER_BYTES - 1)) else {
            outcome.unread = Some(rest.len());
            return outcome;
        };
        outcome.new_keys |= message == NEWKEYS;
        let behind = rest.get(HEADER_BYTES..).unwrap_or_default();
        let body = length - 2;
        match behind.get(body as usize..) {
            Some(next) => {
                outcome.whole_new_keys |= message == NEWKEYS;
                rest = next;
            }
            None => {
                *left = body - behind.len() as u32;
                return outcome;
            }
        }
    }
    outcome
}

/// The first line and what is behind it. A lone carriage return ends a line if anything follows.
fn line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr2(b'\r', b'\n', data)?;
    let (line, rest) = data.split_at_checked(end)?;
    match rest {
        [b'\r'] => None,
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => Some((line, rest)),
        [] => None,
    }
}

/// `SSH-`, a version, and a dash.
fn is_banner(line: &[u8]) -> bool {
    line.strip_prefix(b"SSH-").and_then(|rest| memchr::memchr(b'-', rest)).is_some_and(|dash| dash > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};

    fn talk(data: &[(Direction, &[u8])]) -> (Vec<Parsed>, bool) {
        let mut txs = Transactions::default();
        txs.push(TxData::Ssh(SshTx::default()));
        let (mut parser, mut wishes) = (SshParser::default(), Wishes::default());
        let parsed =
            data.iter().map(|(direction, data)| parser.parse(&mut txs, *direction, data, &mut wishes)).collect();
        (parsed, wishes.no_inspection)
    }

    const KEYS: &[u8] = b"\0\0\0\x04\x02\x15\0\0";

    #[test]
    fn inspection_ends_with_the_second_newkeys() {
        let banner = (ToServer, b"SSH-2.0-client\r\n".as_slice());
        let answer = (ToClient, b"SSH-2.0-server\r\n\0\0\0\x05\x01\x14abc".as_slice());
        assert!(!talk(&[banner, answer, (ToClient, KEYS)]).1);
        assert!(talk(&[banner, answer, (ToClient, KEYS), (ToServer, KEYS)]).1);
    }

    #[test]
    fn a_second_newkeys_in_two_pieces_goes_unnoticed() {
        let banners = [(ToServer, b"SSH-2.0-a\n".as_slice()), (ToClient, b"SSH-2.0-b\n".as_slice())];
        let pieces = [(ToServer, KEYS), (ToClient, &KEYS[..7]), (ToClient, &KEYS[7..])];
        assert!(!talk(&[banners.as_slice(), &pieces].concat()).1);
    }

    #[test]
    fn pieces_are_waited_for() {
        let (parsed, _) = talk(&[
            (ToServer, b"SSH-2.0-cl"),
            (ToServer, b"SSH-2.0-client\r\n\0\0"),
            (ToServer, b"\0\0\0\x01\x15\0"),
            (ToClient, b"HTTP/1.1 200 OK\r\n"),
        ]);
        let (first, second) =
            (Parsed::Incomplete { consumed: 0, needed: 11 }, Parsed::Incomplete { consumed: 16, needed: 6 });
        assert_eq!(parsed, [first, second, Parsed::Error, Parsed::Error]);
    }

    #[test]
    fn a_banner_too_long_is_skipped() {
        let long = [b"SSH-2.0-".as_slice(), &[b'x'; 300]].concat();
        assert_eq!(talk(&[(ToServer, &long), (ToServer, b"yy\r\n")]).0, [Parsed::Ok; 2]);
    }
}
