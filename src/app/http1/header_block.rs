//! Header blocks as the libhtp in Rust reads them: as many whole headers at once as there are, folded ones joined.
//!
//! In: what has come of a block. Out: headers, how much is left, and whether the block has ended. A header counts once the
//! byte behind its line shows that it does not go on.

use super::text::{is_token, trim};
use crate::verdict::Direction;

/// Lines that one header may have.
const LINES_MAX: usize = 128;

/// A header as read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    pub(super) odd: Odd,
}

/// What is odd about a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) no_colon: bool,
    pub(super) no_name: bool,
    pub(super) blank_before_name: bool,
    pub(super) blank_behind_name: bool,
    pub(super) no_token: bool,
    pub(super) mixed_line_end: bool,
}

/// What was read of a block.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) fields: Vec<Field>,
    /// What is not read yet.
    pub(super) rest: &'a [u8],
    pub(super) has_ended: bool,
}

/// Why something cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// More data may tell.
    NeedsMore,
    /// It is something else.
    No,
}

type Read<'a, T> = Result<(T, &'a [u8]), Stop>;

/// A line end: its length, and whether it is an odd one.
type LineEnd = (usize, bool);

/// Reads what is there of a block; `complete`: nothing will follow.
pub(super) fn read(direction: Direction, complete: bool, data: &[u8]) -> Block<'_> {
    let reader = Reader { is_response: direction == Direction::ToClient, complete };
    let mut fields = Vec::new();
    let mut rest = data;
    loop {
        match reader.field(rest) {
            Ok((field, behind)) => {
                fields.push(field);
                rest = behind;
                if let Some(len) = reader.line_end(rest) {
                    return Block { fields, rest: skip(rest, len), has_ended: true };
                }
            }
            Err(Stop::NeedsMore) if !fields.is_empty() => return Block { fields, rest, has_ended: false },
            Err(Stop::No) if fields.is_empty() => {
                if let Ok((len, _)) = reader.any_line_end(rest) {
                    return Block { fields, rest: skip(rest, len), has_ended: true };
                }
                return Block { rest: data, ..Block::default() };
            }
            Err(_) => return Block { rest: data, ..Block::default() },
        }
    }
}

fn skip(data: &[u8], len: usize) -> &[u8] {
    data.get(len..).unwrap_or_default()
}

#[derive(Clone, Copy, Debug)]
struct Reader {
    is_response: bool,
    complete: bool,
}

impl Reader {
    fn is_line_end(self, byte: u8) -> bool {
        byte == b'\n' || (self.is_response && byte == b'\r')
    }

    /// The length of a line end.
    fn line_end(self, data: &[u8]) -> Option<usize> {
        let ends: &[&[u8]] = if self.is_response { &[b"\r\n", b"\n\r", b"\n", b"\r"] } else { &[b"\r\n", b"\n"] };
        ends.iter().find(|end| data.starts_with(end)).map(|end| end.len())
    }

    /// A line end, or one of the mixtures that servers and clients are known to send.
    fn any_line_end(self, data: &[u8]) -> Result<LineEnd, Stop> {
        let empty_line = |at: usize| [&b"\n"[..], b"\r\n"].iter().any(|end| skip(data, at).starts_with(end));
        if data.starts_with(b"\n\r\r\n") && empty_line(4) {
            return Ok((4, true));
        }
        if self.is_response {
            if let Some(behind) = data.strip_prefix(b"\r\n\r") {
                let n_blank = behind.iter().take_while(|byte| matches!(byte, b'\r' | b' ' | b'\t')).count();
                if n_blank == behind.len() {
                    return Err(Stop::NeedsMore);
                }
                let len = 3 + n_blank + usize::from(behind.get(n_blank) == Some(&b'\n'));
                if n_blank > 0 && !empty_line(len) {
                    return Ok((len, true));
                }
            }
        } else if data.starts_with(b"\n\r") && skip(data, 2).starts_with(b"\r\n") {
            return Ok((2, true));
        }
        self.line_end(data).map(|len| (len, false)).ok_or(Stop::No)
    }

    /// The end of a line, and the blank with which the next one goes on with it, if it does.
    fn end_of_line(self, data: &[u8]) -> Read<'_, (LineEnd, Option<u8>)> {
        let folded = || {
            let end =
                if self.is_response { (self.line_end(data).ok_or(Stop::No)?, false) } else { self.any_line_end(data)? };
            match data.get(end.0) {
                None => Err(Stop::NeedsMore),
                Some(&blank @ (b' ' | b'\t' | 0)) => Ok(((end, Some(blank)), skip(data, end.0 + 1))),
                Some(_) => Err(Stop::No),
            }
        };
        let plain = || {
            let end = self.any_line_end(data)?;
            match data.get(end.0) {
                None if !self.complete => Err(Stop::NeedsMore),
                Some(b' ' | b'\t' | 0) if !self.complete => Err(Stop::No),
                _ => Ok(((end, None), skip(data, end.0))),
            }
        };
        match folded() {
            Err(Stop::No) => plain(),
            Err(Stop::NeedsMore) if self.complete => plain(),
            read => read,
        }
    }

    /// The rest of a line, and how it ends.
    fn line(self, data: &[u8]) -> Read<'_, (&[u8], LineEnd, Option<u8>)> {
        let at = data.iter().position(|&byte| self.is_line_end(byte)).ok_or(Stop::NeedsMore)?;
        let text = data.get(..at).unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let ((end, blank), rest) = self.end_of_line(skip(data, text.len()))?;
        Ok(((text, end, blank), rest))
    }

    /// A value over all of its lines; `true`: some line end is odd.
    fn value(self, data: &[u8]) -> Read<'_, (Vec<u8>, bool)> {
        let ((text, (_, mut odd), fold), mut rest) = self.line(data)?;
        let mut value = text.to_vec();
        let Some(mut blank) = fold else { return Ok(((value, odd), rest)) };
        let mut here = rest;
        for number in 1.. {
            if self.is_response && begins_field(here)? {
                return Ok(((value, odd), here));
            }
            let ((text, (end_len, is_odd), fold), behind) = self.line(here)?;
            here = behind;
            odd |= is_odd;
            if !value.is_empty() {
                value.push(blank);
            }
            if !text.is_empty() || end_len > 1 {
                rest = behind;
                value.extend_from_slice(text);
            } else if behind.first() == Some(&b'\n') {
                rest = behind;
            }
            match fold {
                Some(next) if number < LINES_MAX => blank = next,
                _ => break,
            }
        }
        Ok(((value, odd), rest))
    }

    fn field(self, data: &[u8]) -> Read<'_, Field> {
        let (name, behind) = data.split_at_checked(self.name_len(data)).unwrap_or((data, &[]));
        if let Some(value) = behind.strip_prefix(b":") {
            let n_blank = value.iter().take_while(|&&byte| is_blank(byte)).count();
            if n_blank < value.len()
                && let Ok(((value, mixed_line_end), rest)) = self.value(skip(value, n_blank))
            {
                let odd = Odd { mixed_line_end, ..oddities(name) };
                return Ok((Field { name: trim(name).to_vec(), value: trim(&value).to_vec(), odd }, rest));
            }
        }
        if data.starts_with(b"\r\n") {
            return Err(Stop::No);
        }
        let ((value, mixed_line_end), rest) = self.value(data)?;
        let odd = Odd { no_colon: true, no_name: true, mixed_line_end, ..Odd::default() };
        Ok((Field { name: Vec::new(), value: trim(&value).to_vec(), odd }, rest))
    }

    /// How long the name before the colon is, which a space at the beginning of a line belongs to.
    fn name_len(self, data: &[u8]) -> usize {
        let mut ended = None;
        for (at, &byte) in data.iter().enumerate() {
            match (ended, byte) {
                (None, b':') => return at,
                (None, byte) if self.is_line_end(byte) => ended = Some(byte),
                (None, _) => {}
                (Some(_), b' ') => ended = None,
                (Some(b'\r'), b'\n') => ended = Some(b'\n'),
                (Some(_), _) => return at - 1,
            }
        }
        0
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What goes on with a response's header is one of its own: it has a name.
fn begins_field(data: &[u8]) -> Result<bool, Stop> {
    let n_blank = data.iter().take_while(|&&byte| is_blank(byte)).count();
    let behind = skip(data, n_blank);
    let n_name = behind.iter().take_while(|&&byte| is_token(byte)).count();
    let behind = skip(behind, n_name);
    let n_blank = behind.iter().take_while(|&&byte| is_blank(byte)).count();
    match skip(behind, n_blank).split_first() {
        None => Err(Stop::NeedsMore),
        Some((b':', value)) if value.iter().all(|&byte| is_blank(byte)) => Err(Stop::NeedsMore),
        Some((&next, _)) => Ok(next == b':' && n_name > 0),
    }
}

fn oddities(name: &[u8]) -> Odd {
    let mut odd = Odd { no_name: name.is_empty(), ..Odd::default() };
    odd.blank_before_name = name.first().is_some_and(|&byte| is_blank(byte));
    odd.blank_behind_name = name.last().is_some_and(|&byte| is_blank(byte));
    // what is behind the first word and its blanks
    let rest = name.iter().skip_while(|&&byte| is_blank(byte)).skip_while(|&&byte| is_token(byte));
    odd.no_token = rest.copied().any(|byte| !is_blank(byte));
    odd
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(direction: Direction, data: &str) -> (String, String, bool) {
        let block = read(direction, false, data.as_bytes());
        let mut text = String::new();
        for Field { name, value, .. } in &block.fields {
            text.extend([&*String::from_utf8_lossy(name), "=", &*String::from_utf8_lossy(value), ";"]);
        }
        (text, String::from_utf8_lossy(block.rest).into_owned(), block.has_ended)
    }

    #[track_caller]
    fn check(direction: Direction, data: &str, text: &str, rest: &str, has_ended: bool) {
        assert_eq!(fields(direction, data), (text.to_owned(), rest.to_owned(), has_ended));
    }

    #[test]
    fn headers_are_read_up_to_the_empty_line() {
        let both = [Direction::ToServer, Direction::ToClient];
        for direction in both {
            check(direction, "A: 1\r\nB:2\n C\r\n\r\nbody", "A=1;B=2 C;", "body", true);
            check(direction, "A: 1\r\nB: 2\r\n", "A=1;", "B: 2\r\n", false);
            check(direction, "A 1\r\n: 2\r\n\r\n", "=A 1;=2;", "", true);
            check(direction, "\r\nbody", "", "body", true);
        }
    }

    #[test]
    fn a_carriage_return_ends_lines_of_responses_only() {
        check(Direction::ToServer, "A: 1\rB: 2\r\n\r\n", "A=1\rB: 2;", "", true);
        check(Direction::ToClient, "A: 1\rB: 2\r\n\r\n", "A=1;B=2;", "", true);
        check(Direction::ToClient, "A: 1\r\n B: 2\r\n\r\n", "A=1;B=2;", "", true);
        check(Direction::ToServer, "A: 1\r\n B: 2\r\n\r\n", "A=1 B: 2;", "", true);
    }

    #[test]
    fn what_is_odd_about_a_name_is_noted() {
        let odd = |data: &str| read(Direction::ToServer, false, data.as_bytes()).fields.remove(0).odd;
        assert!(odd(" A: 1\r\n\r\n").blank_before_name && odd("A : 1\r\n\r\n").blank_behind_name);
        assert!(odd("A(: 1\r\n\r\n").no_token && !odd("A-1: 1\r\n\r\n").no_token);
        assert!(odd(": 1\r\n\r\n").no_name && odd("A\r\n\r\n").no_colon);
    }

    proptest::proptest! {
        #[test]
        fn hostile_blocks_do_no_harm(data in "[ \t\r\n:a(\0]{0,40}", response: bool, complete: bool) {
            let direction = if response { Direction::ToClient } else { Direction::ToServer };
            let block = read(direction, complete, data.as_bytes());
            proptest::prop_assert!(block.rest.len() <= data.len());
        }
    }
}
