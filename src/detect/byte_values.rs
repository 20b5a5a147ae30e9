//! Numbers made of bytes, and base64: what `byte_test`, `byte_jump`, `byte_extract`, `byte_math` and `base64_decode` do
//! with the bytes of a buffer.
//!
//! Each takes the buffer and where the last match in it ended. Numbers are 64 bits wide and wrap around. Source:
//! Suricata 7.0.10, measured, with its ways at the edges: an empty buffer holds no number, not even one of no bytes;
//! a jump to before the buffer ends at its beginning.

use crate::rules::keyword::{ByteOperator, Encoding, JumpFrom, MathOperator, c_unsigned};

/// A number of a test, or a variable of the rule by its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount<T = i64> {
    Value(T),
    Variable(u8),
}

impl<T> Amount<T> {
    /// The number, with `narrow` for what a variable holds.
    fn read(self, values: &[u64], narrow: fn(u64) -> T) -> T {
        match self {
            Self::Value(value) => value,
            Self::Variable(index) => narrow(values.get(usize::from(index)).copied().unwrap_or(0)),
        }
    }
}

/// Where a number is, and what its bytes mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberAt {
    /// How many bytes.
    pub(crate) bytes: Amount<i32>,
    /// From the beginning of the buffer, or the end of the last match.
    pub(crate) offset: Amount<i32>,
    pub(crate) relative: bool,
    /// Never [`Encoding::Dce`]: rules with it are not evaluated.
    pub(crate) encoding: Encoding,
}

/// A number that was read.
#[derive(Clone, Copy, Debug)]
struct Number {
    value: u64,
    /// Where its bytes begin, and how many were used.
    at: i64,
    taken: i64,
}

/// `byte_test`
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteTest {
    pub(crate) number: NumberAt,
    pub(crate) bitmask: Option<u32>,
    pub(crate) negated: bool,
    pub(crate) operator: ByteOperator,
    pub(crate) value: Amount<u64>,
}

/// `byte_jump`
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteJump {
    pub(crate) number: NumberAt,
    pub(crate) multiplier: u16,
    pub(crate) align: bool,
    pub(crate) post_offset: i32,
    pub(crate) from: JumpFrom,
}

/// `byte_extract`
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteExtract {
    pub(crate) number: NumberAt,
    pub(crate) multiplier: u16,
    /// Up to a multiple of this, never 0.
    pub(crate) align: Option<u8>,
    /// The variable it sets.
    pub(crate) into: u8,
}

/// `byte_math`
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteMath {
    pub(crate) number: NumberAt,
    pub(crate) operator: MathOperator,
    pub(crate) operand: Amount<u64>,
    pub(crate) bitmask: Option<u32>,
    /// The variable it sets.
    pub(crate) into: u8,
}

/// `base64_decode`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base64 {
    /// How many bytes at most.
    pub(crate) bytes: u16,
    pub(crate) offset: u32,
    pub(crate) relative: bool,
    /// Room for what is decoded: the largest `bytes` of all rules.
    pub(crate) room: u16,
}

/// Most bytes of a binary number.
const BYTES_MAX: i32 = 8;
/// Most digits of a number.
const DIGITS_MAX: i32 = 23;

impl NumberAt {
    /// `at_end`: a number of no bytes may begin where the buffer ends, or behind.
    fn read(&self, buffer: &[u8], last_end: usize, values: &[u64], at_end: bool) -> Option<Number> {
        if buffer.is_empty() {
            return None;
        }
        let bytes = self.bytes.read(values, |value| value as i32);
        let digits = matches!(self.encoding, Encoding::Text(_));
        if bytes > if digits { DIGITS_MAX } else { BYTES_MAX } {
            return None;
        }
        let base = if self.relative { last_end as i64 } else { 0 };
        let at = base + i64::from(self.offset.read(values, |value| value as i32));
        let left = buffer.len() as i64 - at;
        if self.relative && left <= 0 && !(at_end && bytes == 0) {
            return None;
        }
        if at < 0 || i64::from(bytes) > left {
            return None;
        }
        let rest = buffer.get(usize::try_from(at).ok()?..).unwrap_or_default();
        if let Encoding::Text(base) = self.encoding {
            // no digits at all means as many as there are
            let text = match usize::try_from(bytes).ok()? {
                0 => rest,
                bytes => rest.get(..bytes)?,
            };
            let (value, taken) = c_unsigned(text, base.into())?;
            return Some(Number { value, at, taken: taken as i64 });
        }
        // what comes of a variable may be negative; of those, -1 alone stands for a number: 0, of -1 bytes
        let value = match bytes {
            -1 => 0,
            _ => binary(rest.get(..usize::try_from(bytes).ok()?)?, self.encoding),
        };
        Some(Number { value, at, taken: i64::from(bytes) })
    }
}

fn binary(bytes: &[u8], encoding: Encoding) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    match encoding {
        Encoding::Little => bytes.iter().rev().fold(0, add),
        _ => bytes.iter().fold(0, add),
    }
}

/// The bits of `mask`, moved down to the lowest of them.
fn masked(value: u64, mask: Option<u32>) -> u64 {
    match mask {
        None => value,
        Some(0) => 0,
        Some(mask) => (value & u64::from(mask)) >> mask.trailing_zeros(),
    }
}

/// Up to a multiple of `step`.
fn aligned(value: u64, step: u64) -> u64 {
    match value % step {
        0 => value,
        over => value.wrapping_add(step - over),
    }
}

impl ByteTest {
    pub(crate) fn holds(&self, buffer: &[u8], last_end: usize, values: &[u64]) -> bool {
        let Some(number) = self.number.read(buffer, last_end, values, false) else { return false };
        let number = masked(number.value, self.bitmask);
        let value = self.value.read(values, |value| value);
        let holds = match self.operator {
            ByteOperator::Eq => number == value,
            ByteOperator::Lt => number < value,
            ByteOperator::Gt => number > value,
            ByteOperator::Le => number <= value,
            ByteOperator::Ge => number >= value,
            ByteOperator::And => number & value != 0,
            ByteOperator::Xor => number ^ value != 0,
        };
        holds != self.negated
    }
}

impl ByteJump {
    /// Where the jump ends.
    pub(crate) fn target(&self, buffer: &[u8], last_end: usize, values: &[u64]) -> Option<usize> {
        let number = self.number.read(buffer, last_end, values, true)?;
        let mut distance = number.value.wrapping_mul(self.multiplier.into());
        if self.align {
            distance = aligned(distance, 4);
        }
        let distance = distance.wrapping_add_signed(self.post_offset.into()) as i64;
        let target = distance.wrapping_add(match self.from {
            JumpFrom::Here => number.at + number.taken,
            JumpFrom::Beginning => 0,
            JumpFrom::End => buffer.len() as i64,
        });
        match usize::try_from(target) {
            Ok(target) => (target <= buffer.len()).then_some(target),
            Err(_) => (target >= -BELOW_MAX).then_some(0),
        }
    }
}

/// How far below the buffer a jump may end. Suricata calculates with addresses, which wrap around below 0: those of a
/// process on 64 bits begin between this and twice as much.
const BELOW_MAX: i64 = 1 << 46;

impl ByteExtract {
    /// Sets its variable; where its bytes end.
    pub(crate) fn extract(&self, buffer: &[u8], last_end: usize, values: &mut [u64]) -> Option<usize> {
        let number = self.number.read(buffer, last_end, values, false)?;
        let value = number.value.wrapping_mul(self.multiplier.into());
        let value = self.align.map_or(value, |step| aligned(value, step.max(1).into()));
        set(values, self.into, value);
        usize::try_from(number.at + number.taken).ok()
    }
}

impl ByteMath {
    /// Sets its variable; where its bytes end.
    pub(crate) fn calculate(&self, buffer: &[u8], last_end: usize, values: &mut [u64]) -> Option<usize> {
        // the length is kept in 16 bits there
        let buffer = buffer.get(..usize::from(buffer.len() as u16))?;
        let bytes = self.number.bytes.read(values, |value| i32::from(value as u8));
        let max = if matches!(self.number.encoding, Encoding::Text(_)) { 10 } else { 4 };
        if !(1..=max).contains(&bytes) {
            return None;
        }
        let number = NumberAt { bytes: Amount::Value(bytes), ..self.number };
        let number = number.read(buffer, last_end, values, false)?;
        let operand = self.operand.read(values, |value| value);
        let value = match self.operator {
            MathOperator::Add => number.value.wrapping_add(operand),
            MathOperator::Subtract => number.value.wrapping_sub(operand),
            MathOperator::Multiply => number.value.wrapping_mul(operand),
            MathOperator::Divide => number.value.checked_div(operand)?,
            MathOperator::ShiftLeft => {
                u32::try_from(operand).ok().and_then(|by| number.value.checked_shl(by)).unwrap_or(0)
            }
            // to the right the processor takes the lowest six bits
            MathOperator::ShiftRight => number.value.wrapping_shr(operand as u32),
        };
        set(values, self.into, masked(value, self.bitmask));
        usize::try_from(number.at + number.taken).ok()
    }
}

fn set(values: &mut [u64], index: u8, value: u64) {
    if let Some(place) = values.get_mut(usize::from(index)) {
        *place = value;
    }
}

impl Base64 {
    /// Puts into `out` what is decoded up to the first byte that is no base64; `false` when that is nothing.
    pub(crate) fn decode(&self, buffer: &[u8], last_end: usize, out: &mut Vec<u8>) -> bool {
        out.clear();
        let rest = if self.relative { buffer.get(last_end..) } else { Some(buffer) }.unwrap_or_default();
        let offset = self.offset as usize;
        if offset != 0 && offset >= rest.len() {
            return false;
        }
        let rest = rest.get(offset..).unwrap_or_default();
        let encoded = rest.get(..usize::from(self.bytes)).unwrap_or(rest);
        let room = usize::from(self.room);
        let (mut block, mut filled, mut padding) = ([0u8; 4], 0usize, 0usize);
        let mut stopped = false;
        for &byte in encoded {
            let digit = match sextet(byte) {
                Some(digit) => digit,
                None if byte == b'=' => {
                    padding += 1;
                    0
                }
                None => {
                    stopped = true;
                    break;
                }
            };
            if let Some(place) = block.get_mut(filled) {
                *place = digit;
            }
            filled += 1;
            if filled == block.len() {
                // padding may be anywhere, and more may follow
                if room - out.len() < 3 {
                    return !out.is_empty();
                }
                out.extend(unpacked(block).iter().take(3usize.saturating_sub(padding)));
                (block, filled, padding) = ([0; 4], 0, 0);
            }
        }
        // of an unfinished block, a first digit counts only when something else follows
        let bytes = if filled == 1 && stopped { 1 } else { filled.saturating_sub(1) };
        if room - out.len() >= 3 {
            out.extend(unpacked(block).iter().take(bytes));
        }
        !out.is_empty()
    }
}

fn unpacked([a, b, c, d]: [u8; 4]) -> [u8; 3] {
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(bytes: i32, offset: i32) -> NumberAt {
        NumberAt {
            bytes: Amount::Value(bytes),
            offset: Amount::Value(offset),
            relative: false,
            encoding: Encoding::Big,
        }
    }

    fn is(number: NumberAt, value: u64, buffer: &[u8], last_end: usize) -> bool {
        let test =
            ByteTest { number, bitmask: None, negated: false, operator: ByteOperator::Eq, value: Amount::Value(value) };
        test.holds(buffer, last_end, &[])
    }

    #[test]
    fn numbers_are_read_in_both_orders_and_as_digits() {
        let buffer = b"\x01\x02\x03 12x0x1F-1";
        assert!(is(at(2, 1), 0x203, buffer, 0));
        let little = NumberAt { encoding: Encoding::Little, ..at(3, 0) };
        assert!(is(little, 0x30201, buffer, 0));
        let text = |bytes, offset, base| NumberAt { encoding: Encoding::Text(base), ..at(bytes, offset) };
        assert!(is(text(4, 3, 10), 12, buffer, 0));
        assert!(is(text(4, 3, 0), 12, buffer, 0));
        assert!(is(text(4, 7, 16), 0x1f, buffer, 0));
        assert!(is(text(2, 11, 10), u64::MAX, buffer, 0));
        assert!(is(text(0, 4, 10), 12, buffer, 0));
        assert!(!is(text(1, 6, 10), 0, buffer, 0));
        assert!(is(NumberAt { relative: true, ..at(1, -1) }, 3, buffer, 3));
        assert!(is(at(0, 0), 0, buffer, 0));
    }

    #[test]
    fn numbers_must_be_in_the_buffer() {
        let buffer = b"abc";
        for (bytes, offset) in [(1, -1), (1, 3), (4, 0), (2, 2), (0, 4), (9, 0)] {
            let test = ByteTest {
                number: at(bytes, offset),
                bitmask: None,
                negated: true,
                operator: ByteOperator::Eq,
                value: Amount::Value(77),
            };
            assert!(!test.holds(buffer, 0, &[]), "{bytes} at {offset}");
        }
        assert!(!is(at(0, 0), 0, b"", 0));
        assert!(!is(NumberAt { relative: true, ..at(0, 0) }, 0, buffer, 3));
        assert!(is(at(0, 3), 0, buffer, 0));
    }

    #[test]
    fn tests_compare_and_mask() {
        let holds = |operator, value, bitmask, negated| {
            let test = ByteTest { number: at(1, 0), bitmask, negated, operator, value: Amount::Value(value) };
            test.holds(b"\x6c", 0, &[])
        };
        assert!(holds(ByteOperator::Lt, 0x6d, None, false));
        assert!(holds(ByteOperator::Lt, 0x6c, None, true));
        assert!(holds(ByteOperator::Ge, 0x6c, None, false));
        assert!(holds(ByteOperator::And, 0x40, None, false));
        assert!(!holds(ByteOperator::And, 0x80, None, false));
        assert!(!holds(ByteOperator::Xor, 0x6c, None, false));
        assert!(holds(ByteOperator::Eq, 0x3, Some(0x1c), false));
        assert!(holds(ByteOperator::Eq, 0, Some(0), false));
    }

    #[test]
    fn variables_are_cut_to_what_they_are_used_for() {
        let number = NumberAt { bytes: Amount::Variable(0), offset: Amount::Variable(1), ..at(0, 0) };
        let is = |value, values: &[u64]| {
            let test = ByteTest {
                number,
                bitmask: None,
                negated: false,
                operator: ByteOperator::Eq,
                value: Amount::Value(value),
            };
            test.holds(b"abc", 0, values)
        };
        assert!(is(0x62, &[1, 1]));
        assert!(is(0x62, &[0x1_0000_0001, 0x1_0000_0001]));
        assert!(is(0, &[0xffff_ffff, 1]), "-1 bytes are 0");
        assert!(!is(0x62, &[0xffff_0001, 1]));
        assert!(!is(0x62, &[1, 0xffff_ffff]));
    }

    #[test]
    fn jumps_stay_in_the_buffer() {
        let jump = ByteJump { number: at(1, 0), multiplier: 1, align: false, post_offset: 0, from: JumpFrom::Here };
        let buffer = b"\x03abcdef";
        let to = |jump: ByteJump| jump.target(buffer, 0, &[]);
        assert_eq!(to(jump), Some(4));
        assert_eq!(to(ByteJump { multiplier: 2, ..jump }), Some(7));
        assert_eq!(to(ByteJump { multiplier: 3, ..jump }), None);
        assert_eq!(to(ByteJump { align: true, ..jump }), Some(5));
        assert_eq!(to(ByteJump { post_offset: -9, ..jump }), Some(0));
        assert_eq!(to(ByteJump { from: JumpFrom::Beginning, ..jump }), Some(3));
        assert_eq!(to(ByteJump { from: JumpFrom::End, ..jump }), None);
        assert_eq!(to(ByteJump { from: JumpFrom::End, post_offset: -4, ..jump }), Some(6));
        let none = NumberAt { relative: true, ..at(0, 0) };
        assert_eq!(ByteJump { number: none, ..jump }.target(buffer, 7, &[]), Some(7));
        let digits = NumberAt { encoding: Encoding::Text(10), ..at(3, 0) };
        assert_eq!(ByteJump { number: digits, ..jump }.target(b" 2xyz", 0, &[]), Some(4));
    }

    #[test]
    fn values_are_extracted_and_calculated() {
        let extract = ByteExtract { number: at(2, 1), multiplier: 3, align: Some(4), into: 1 };
        let mut values = [9, 9];
        assert_eq!(extract.extract(b"\x00\x01\x01", 0, &mut values), Some(3));
        assert_eq!(values, [9, 772]);
        let math = |operator, operand, bitmask| {
            let math = ByteMath { number: at(1, 0), operator, operand: Amount::Value(operand), bitmask, into: 0 };
            let mut values = [0];
            math.calculate(b"\x05", 0, &mut values).map(|end| (end, values[0]))
        };
        assert_eq!(math(MathOperator::Add, 3, None), Some((1, 8)));
        assert_eq!(math(MathOperator::Subtract, 6, None), Some((1, u64::MAX)));
        assert_eq!(math(MathOperator::Multiply, 6, Some(0x0c)), Some((1, 3)));
        assert_eq!(math(MathOperator::Divide, 2, None), Some((1, 2)));
        assert_eq!(math(MathOperator::Divide, 0, None), None);
        assert_eq!(math(MathOperator::ShiftLeft, 63, None), Some((1, 1 << 63)));
        assert_eq!(math(MathOperator::ShiftLeft, 64, None), Some((1, 0)));
        assert_eq!(math(MathOperator::ShiftRight, 65, None), Some((1, 2)));
    }

    #[test]
    fn calculations_keep_to_short_numbers_and_buffers() {
        let math = |bytes, encoding, buffer: &[u8]| {
            let math = ByteMath {
                number: NumberAt { encoding, ..at(bytes, 0) },
                operator: MathOperator::Add,
                operand: Amount::Value(0),
                bitmask: None,
                into: 0,
            };
            math.calculate(buffer, 0, &mut [0])
        };
        assert_eq!(math(4, Encoding::Big, b"123456789012"), Some(4));
        assert_eq!(math(5, Encoding::Big, b"123456789012"), None);
        assert_eq!(math(10, Encoding::Text(10), b"123456789012"), Some(10));
        assert_eq!(math(11, Encoding::Text(10), b"123456789012"), None);
        assert_eq!(math(1, Encoding::Big, &vec![0; 65536]), None);
        assert_eq!(math(1, Encoding::Big, &vec![0; 65537]), Some(1));
    }

    #[test]
    fn base64_is_decoded_as_far_as_it_goes() {
        let decoded = |text: &str, bytes| {
            let base64 = Base64 { bytes, offset: 0, relative: false, room: u16::MAX };
            let mut out = Vec::new();
            base64.decode(text.as_bytes(), 0, &mut out).then(|| String::from_utf8_lossy(&out).into_owned())
        };
        let all = |text| decoded(text, u16::MAX);
        assert_eq!(all("Zm9vYmFy").as_deref(), Some("foobar"));
        assert_eq!(all("Zm9vYg==").as_deref(), Some("foob"));
        assert_eq!(all("Zm9vYg").as_deref(), Some("foob"));
        assert_eq!(all("Zg==Zm9v").as_deref(), Some("ffoo"));
        assert_eq!(all("Zm 9v").as_deref(), Some("f"));
        assert_eq!(all("Z"), None);
        assert_eq!(all("Z ").as_deref(), Some("d"));
        assert_eq!(all("===="), None);
        assert_eq!(all(" Zm9v"), None);
        assert_eq!(all(""), None);
        assert_eq!(decoded("Zm9vYmFy", 4).as_deref(), Some("foo"));
        assert_eq!(decoded("Zm9vYmFy", 6).as_deref(), Some("foob"));
        let base64 = Base64 { bytes: 2, offset: 1, relative: true, room: 2 };
        assert!(!base64.decode(b"xxZm", 1, &mut Vec::new()), "no room for a block");
        assert!(Base64 { room: 4, ..base64 }.decode(b"xxZm", 1, &mut Vec::new()));
        assert!(!base64.decode(b"xx", 1, &mut Vec::new()));
    }
}
