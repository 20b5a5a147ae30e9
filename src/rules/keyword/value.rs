//! The value of an option, and reading numbers and words out of it.

use super::{Compare, compare};
use crate::source::{Diagnostic, MappedText, Span};
use std::cell::RefCell;
use std::ops::Range;
use std::str::FromStr;

/// The value of an option without negation and quotes, with its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value<'a> {
    /// The keyword's canonical name.
    pub(crate) keyword: &'static str,
    /// The value; empty when there is none.
    pub(crate) text: &'a str,
    /// The value with negation and quotes.
    pub(crate) raw: &'a str,
    /// Whether there is one.
    pub(crate) present: bool,
    /// `!` in front of it.
    pub(crate) negated: bool,
    /// Where it begins in `rule`.
    pub(crate) at: usize,
    /// The whole text the rule stands in.
    pub(crate) rule: &'a MappedText,
    /// Takes warnings.
    pub(crate) warnings: &'a RefCell<Vec<Diagnostic>>,
}

impl<'a> Value<'a> {
    /// The place of the whole value.
    pub(crate) fn span(&self) -> Span {
        self.rule.span(self.at..self.at + self.text.len())
    }

    /// The place of a part of it.
    pub(crate) fn part(&self, range: Range<usize>) -> Span {
        self.rule.span(self.at + range.start..self.at + range.end.min(self.text.len()).max(range.start))
    }

    /// The place of a slice of `text`.
    pub(crate) fn span_of(&self, slice: &str) -> Span {
        let start = (slice.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len());
        self.part(start..start + slice.len())
    }

    /// The value cannot be read.
    pub(crate) fn invalid(&self, why: impl AsRef<str>) -> Diagnostic {
        self.invalid_at(self.text, why)
    }

    /// A part of the value cannot be read.
    pub(crate) fn invalid_at(&self, slice: &str, why: impl AsRef<str>) -> Diagnostic {
        Diagnostic::error("FD0211", format!("`{}` has a wrong value: {}", self.keyword, why.as_ref()))
            .at(self.span_of(slice))
    }

    /// Keeps a warning for the rule.
    pub(crate) fn warn(&self, warning: Diagnostic) {
        self.warnings.borrow_mut().push(warning);
    }

    /// Warns when something stands behind the first `end` bytes of `slice`, which Suricata passes over.
    pub(crate) fn warn_rest(&self, slice: &'a str, end: usize) {
        if let Some(rest) = slice.get(end..).map(|rest| rest.trim_matches(is_blank)).filter(|rest| !rest.is_empty()) {
            let warning =
                Diagnostic::warning("FD0225", format!("`{rest}` at the end of `{}` has no effect", self.keyword));
            self.warn(warning.at(self.span_of(rest)));
        }
    }

    /// Comma-separated fields without the blanks around them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.text.split(',').map(|field| field.trim_matches(is_blank))
    }

    /// A decimal number of the whole value.
    pub(crate) fn number<T: FromStr + MaxValue>(&self) -> Result<T, Diagnostic> {
        self.number_in(self.text.trim_matches(is_blank))
    }

    /// A decimal number in a slice of the value.
    pub(crate) fn number_in<T: FromStr + MaxValue>(&self, slice: &str) -> Result<T, Diagnostic> {
        if slice.is_empty() || !slice.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(self.invalid_at(slice, format!("`{slice}` is not a number")));
        }
        slice
            .parse()
            .map_err(|_| self.invalid_at(slice, format!("{slice} is too large, the limit is {}", T::MAX_VALUE)))
    }

    /// A test of a number.
    pub(crate) fn compare<T: compare::Unsigned + MaxValue>(&self) -> Result<Compare<T>, Diagnostic> {
        match compare::parse(self.text) {
            Some((compare, rest)) if rest.bytes().all(|byte| byte == b' ') => Ok(compare),
            _ => Err(self.invalid(format!("`{}` is not a test of a number up to {}", self.text, T::MAX_VALUE)).help(
                "write a number, `<n`, `<=n`, `>n`, `>=n`, `!n` or `a<>b` (at least one number between a and b); \
                 tests that always or never hold are refused",
            )),
        }
    }
}

/// For messages: the largest number of a type.
pub(crate) trait MaxValue {
    const MAX_VALUE: u64;
}

macro_rules! max_value {
    ($($number:ty),+) => {
        $(impl MaxValue for $number {
            const MAX_VALUE: u64 = <$number>::MAX as u64;
        })+
    };
}
max_value!(u8, u16, u32, u64);

/// Space or tab.
pub(crate) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// A number as C's `strtoull` and `strtoll` read it: white space, a sign, and with `base` 0 also `0x` and octal. `None` when
/// there is none or something follows it.
pub(crate) fn c_number(text: &str, base: u32) -> Option<i64> {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match base {
        0 => match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => (16, hex),
            None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
            None => (10, digits),
        },
        base => (base, digits),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i64::from_str_radix(digits, base).ok()?;
    Some(if negative { -number } else { number })
}

/// An unsigned number as C's `strtoull` reads it from the beginning of `text`, with the bytes it took: white space, a sign
/// (a negative number wraps around), and with `base` 0 or 16 also `0x`, with 0 also octal. `None` when there is no number,
/// or none of 64 bits.
pub(crate) fn c_unsigned(text: &[u8], base: u32) -> Option<(u64, usize)> {
    let (negative, magnitude, end) = c_digits(text, base)?;
    Some((if negative { magnitude.wrapping_neg() } else { magnitude }, end))
}

/// A signed number as C's `strtoll` reads it, otherwise as [`c_unsigned`].
pub(crate) fn c_signed(text: &[u8], base: u32) -> Option<(i64, usize)> {
    let (negative, magnitude, end) = c_digits(text, base)?;
    let number = if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() };
    number.map(|number| (number, end))
}

/// Sign, magnitude, and where the digits end.
fn c_digits(text: &[u8], base: u32) -> Option<(bool, u64, usize)> {
    let blank = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let (negative, mut begin) = match text.get(blank) {
        Some(b'-') => (true, blank + 1),
        Some(b'+') => (false, blank + 1),
        _ => (false, blank),
    };
    let is_hex = match text.get(begin..) {
        Some([b'0', b'x' | b'X', digit, ..]) => digit.is_ascii_hexdigit(),
        _ => false,
    };
    let base = match base {
        0 | 16 if is_hex => {
            begin += 2;
            16
        }
        0 if text.get(begin) == Some(&b'0') => 8,
        0 => 10,
        base => base,
    };
    let mut magnitude = 0u64;
    let mut end = begin;
    while let Some(digit) = text.get(end).and_then(|byte| char::from(*byte).to_digit(base)) {
        magnitude = magnitude.checked_mul(u64::from(base))?.checked_add(u64::from(digit))?;
        end += 1;
    }
    (end > begin).then_some((negative, magnitude, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_at_the_beginning_of_text_are_read_as_c_reads_them() {
        assert_eq!(c_unsigned(b"12abc", 10), Some((12, 2)));
        assert_eq!(c_unsigned(b"\x0b\n +12", 0), Some((12, 6)));
        assert_eq!(c_unsigned(b"0x1fg", 0), Some((31, 4)));
        assert_eq!(c_unsigned(b"0X1f", 16), Some((31, 4)));
        assert_eq!(c_unsigned(b"0xg", 16), Some((0, 1)));
        assert_eq!(c_unsigned(b"0x1", 10), Some((0, 1)));
        assert_eq!(c_unsigned(b"0178", 0), Some((15, 3)));
        assert_eq!(c_unsigned(b"-1", 10), Some((u64::MAX, 2)));
        assert_eq!(c_unsigned(b"18446744073709551615", 10), Some((u64::MAX, 20)));
        assert_eq!(c_unsigned(b"18446744073709551616", 10), None);
        assert_eq!(c_unsigned(b"1\x002", 10), Some((1, 1)));
        for nothing in [b"".as_slice(), b"-", b" ", b"x", b"+-1"] {
            assert_eq!(c_unsigned(nothing, 0), None);
        }
        assert_eq!(c_signed(b"-9223372036854775808", 10), Some((i64::MIN, 20)));
        assert_eq!(c_signed(b"9223372036854775808", 10), None);
        assert_eq!(c_signed(b"-0x10,", 0), Some((-16, 5)));
    }

    #[test]
    fn numbers_are_read_as_c_reads_them() {
        assert_eq!(c_number("12", 0), Some(12));
        assert_eq!(c_number(" +12", 10), Some(12));
        assert_eq!(c_number("-0x10", 0), Some(-16));
        assert_eq!(c_number("010", 0), Some(8));
        assert_eq!(c_number("0", 0), Some(0));
        assert_eq!(c_number("08", 0), None);
        assert_eq!(c_number("1 ", 0), None);
        assert_eq!(c_number("", 0), None);
        assert_eq!(c_number("+-1", 0), None);
    }
}
