//! Numbers made of bytes: `byte_test`, `byte_jump`, `byte_extract`, `byte_math`.
//!
//! Each has a grammar of its own in Suricata 7.0.10; what one accepts another refuses (blanks between words, capitals,
//! something behind a number). They are followed here one by one.

use super::value::{c_signed, c_unsigned};
use super::{Amount, Argument, Effect, Family, Keyword, KeywordDef, Parse, Value};
use crate::source::Diagnostic;
use std::fmt::{self, Display, Formatter};

/// How bytes of a buffer make a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes from high to low.
    Big,
    /// `little`: bytes from low to high.
    Little,
    /// `dce`: in the order that the DCE/RPC header names.
    Dce,
    /// `string`: digits in this base; 0: as the number's prefix says (`0x`, `0`). Several bases (`hex`, `dec`) are joined bit
    /// by bit, to 24 or 26.
    Text(u8),
}

impl Encoding {
    /// The words that stand for it; none for bytes from high to low.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Big => &[],
            Self::Little => &["little"],
            Self::Dce => &["dce"],
            Self::Text(8) => &["string", "oct"],
            Self::Text(10) => &["string", "dec"],
            Self::Text(16) => &["string", "hex"],
            Self::Text(24) => &["string", "oct", "hex"],
            Self::Text(26) => &["string", "dec", "hex"],
            Self::Text(_) => &["string"],
        }
    }
}

/// How `byte_test` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOperator {
    /// `=`
    Eq,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `&`: a bit is set in both.
    And,
    /// `^`: a bit differs.
    Xor,
}

/// `byte_test`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteTest {
    /// How many bytes; a value is at most 8, of digits at most 23.
    pub bytes: Amount<u8>,
    /// `!`
    pub negated: bool,
    /// The comparison.
    pub operator: ByteOperator,
    /// What the number is compared with.
    pub value: Amount<u64>,
    /// Where they begin.
    pub offset: Amount,
    /// `relative`: counted from the end of the last match.
    pub relative: bool,
    /// What they mean.
    pub encoding: Encoding,
    /// `bitmask`: only these bits count, moved down to the lowest of them.
    pub bitmask: Option<u32>,
}

/// Where `byte_jump` jumps from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JumpFrom {
    /// Behind the bytes.
    Here,
    /// `from_beginning` of the buffer.
    Beginning,
    /// `from_end` of the buffer.
    End,
}

/// `byte_jump`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteJump {
    /// How many bytes; a value is at most 8, of digits at most 23.
    pub bytes: Amount<u8>,
    /// Where they begin; a value is -65535 to 65535.
    pub offset: Amount,
    /// `relative`: counted from the end of the last match.
    pub relative: bool,
    /// What they mean.
    pub encoding: Encoding,
    /// `multiplier`, 1 to 65535.
    pub multiplier: u16,
    /// `align`: up to a multiple of four.
    pub align: bool,
    /// `post_offset`, -65535 to 65535.
    pub post_offset: i32,
    /// Where the jump begins.
    pub from: JumpFrom,
}

/// `byte_extract`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteExtract {
    /// How many bytes: at most 8; of digits 23 (octal), 20 (decimal) or 14 (hexadecimal).
    pub bytes: u8,
    /// Where they begin, -65535 to 65535.
    pub offset: i32,
    /// The variable.
    pub name: String,
    /// `relative`: counted from the end of the last match.
    pub relative: bool,
    /// What they mean.
    pub encoding: Encoding,
    /// `multiplier`, 1 to 65535.
    pub multiplier: u16,
    /// `align`: up to a multiple of 2 or 4.
    pub align: Option<u8>,
}

/// What `byte_math` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MathOperator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
}

/// `byte_math`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByteMath {
    /// How many bytes; a value is 1 to 10, but more than 4 are never there unless they are digits.
    pub bytes: Amount<u8>,
    /// Where they begin, -65535 to 65535.
    pub offset: i32,
    /// What is done to the number.
    pub operator: MathOperator,
    /// What it is done with.
    pub operand: Amount<u32>,
    /// The variable.
    pub result: String,
    /// `relative`: counted from the end of the last match.
    pub relative: bool,
    /// What the bytes mean.
    pub encoding: Encoding,
    /// `bitmask`: only these bits of the result count, moved down to the lowest of them.
    pub bitmask: Option<u32>,
}

const fn def(
    name: &'static str,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::Payload,
        argument: Argument::PLAIN,
        parse: Parse::Keyword(parse),
        effect: Effect::Nothing,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("byte_test", byte_test, "tests a number made of bytes"),
    def("byte_jump", byte_jump, "moves on by a number made of bytes"),
    def("byte_extract", byte_extract, "names a number made of bytes"),
    def("byte_math", byte_math, "names the result of a calculation with a number made of bytes"),
];

/// White space as C and PCRE have it.
pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t'..='\r')
}

/// Comma-separated fields without the white space around them.
pub(super) fn fields<'a>(value: &Value<'a>) -> Vec<&'a str> {
    value.text.split(',').map(|field| field.trim_matches(is_space)).collect()
}

/// A field that is one word.
fn word<'a>(value: &Value<'a>, field: Option<&'a str>, what: &str) -> Result<&'a str, Diagnostic> {
    match field {
        None | Some("") => Err(value.invalid(format!("{what} is missing"))),
        Some(field) if field.contains(is_space) => {
            Err(value.invalid_at(field, format!("{what} is one word, without blanks")))
        }
        Some(field) => Ok(field),
    }
}

/// The name of a variable begins with a letter.
fn is_variable(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// An unsigned decimal number that is the whole of a word, at most `max`.
pub(super) fn decimal(value: &Value<'_>, word: &str, what: &str, min: u64, max: u64) -> Result<u64, Diagnostic> {
    match c_unsigned(word.as_bytes(), 10) {
        Some((number, end)) if end == word.len() && (min..=max).contains(&number) => Ok(number),
        _ => Err(value.invalid_at(word, format!("{what} is a number from {min} to {max}"))),
    }
}

/// The same with a sign, between the limits that Suricata has for offsets.
fn offset_of(value: &Value<'_>, word: &str, what: &str) -> Result<i32, Diagnostic> {
    match c_signed(word.as_bytes(), 10) {
        Some((number @ -65535..=65535, end)) if end == word.len() => Ok(number as i32),
        _ => Err(value.invalid_at(word, format!("{what} is a number from -65535 to 65535"))),
    }
}

pub(super) fn unknown_word(value: &Value<'_>, word: &str) -> Diagnostic {
    value.invalid_at(word, format!("`{word}` is not one of its words"))
}

/// Words about how bytes make a number, as `byte_test` and `byte_jump` take them: any number of times, the last order of
/// bytes counts.
#[derive(Default)]
struct Words {
    string: bool,
    base: u8,
    ordered: bool,
    little: bool,
    dce: bool,
}

impl Words {
    fn take(&mut self, word: &str) -> bool {
        match word {
            "string" => self.string = true,
            "oct" => self.base |= 0x08,
            "dec" => self.base |= 0x0a,
            "hex" => self.base |= 0x10,
            "big" | "little" => (self.ordered, self.little) = (true, word == "little"),
            "dce" => self.dce = true,
            _ => return false,
        }
        true
    }

    /// What the words come to, for `bytes` of a number.
    fn encoding(self, value: &Value<'_>, bytes: &Amount<u8>, word: &str) -> Result<Encoding, Diagnostic> {
        let max = if self.string { DIGITS_MAX } else { BYTES_MAX };
        if matches!(bytes, Amount::Value(bytes) if *bytes > max) {
            return Err(if self.string {
                value.invalid_at(word, format!("at most {max} digits make a number"))
            } else {
                value.invalid_at(word, format!("at most {max} bytes make a number, unless they are digits (`string`)"))
            });
        }
        if self.dce && (self.string || self.ordered || matches!(self.base, 8 | 10 | 16)) {
            return Err(value.invalid("`dce` says how the bytes are to be read, as other words here do"));
        }
        Ok(match self {
            Self { dce: true, .. } => Encoding::Dce,
            Self { string: true, base, .. } => Encoding::Text(base),
            Self { little: true, .. } => Encoding::Little,
            _ => Encoding::Big,
        })
    }

    fn lone_base(&self) -> bool {
        self.base != 0 && !self.string
    }
}

/// Most bytes of a binary number.
const BYTES_MAX: u8 = 8;
/// Most digits: those of the largest octal number.
const DIGITS_MAX: u8 = 23;

fn byte_count(value: &Value<'_>, word: &str) -> Result<Amount<u8>, Diagnostic> {
    if is_variable(word) {
        return Ok(Amount::Variable(word.to_owned()));
    }
    decimal(value, word, "the number of bytes", 0, DIGITS_MAX.into()).map(|number| Amount::Value(number as u8))
}

fn without_string(value: &Value<'_>) -> Diagnostic {
    value.invalid("a base (`hex`, `dec`, `oct`) is for digits, and there is no `string`")
}

fn byte_test(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `byte_test:2,>,1000,4,relative`: bytes, operator, value, offset";
    /// Words that may have another one behind them, and whose letters make up the words that may stand alone.
    const WORDS: [&str; 9] = ["relative", "big", "little", "string", "oct", "dec", "hex", "dce", "bitmask"];
    let all = fields(value);
    let mut rest = all.iter().copied();
    let count = word(value, rest.next(), "the number of bytes").map_err(|error| error.help(HELP))?;
    let sign = rest.next().ok_or_else(|| value.invalid("the operator is missing").help(HELP))?;
    let wanted = word(value, rest.next(), "the value").map_err(|error| error.help(HELP))?;
    let place = word(value, rest.next(), "the offset").map_err(|error| error.help(HELP))?;
    let bytes = byte_count(value, count)?;
    let (negated, bare) = match sign.strip_prefix('!') {
        Some(bare) => (true, bare.trim_start_matches(is_space)),
        None => (false, sign),
    };
    let operator = match bare {
        "=" => ByteOperator::Eq,
        "" if negated => ByteOperator::Eq,
        "<" => ByteOperator::Lt,
        ">" => ByteOperator::Gt,
        "<=" => ByteOperator::Le,
        ">=" => ByteOperator::Ge,
        "&" => ByteOperator::And,
        "^" => ByteOperator::Xor,
        _ => return Err(value.invalid_at(sign, "the operator is one of `=`, `<`, `>`, `<=`, `>=`, `&` and `^`")),
    };
    // behind both numbers there may be anything
    let wanted = if is_variable(wanted) {
        Amount::Variable(wanted.to_owned())
    } else {
        let (number, end) = c_unsigned(wanted.as_bytes(), 0)
            .ok_or_else(|| value.invalid_at(wanted, format!("`{wanted}` is not a number of 64 bits")))?;
        value.warn_rest(wanted, end);
        Amount::Value(number)
    };
    let offset = if is_variable(place) {
        Amount::Variable(place.to_owned())
    } else {
        let (number, end) = c_signed(place.as_bytes(), 0)
            .and_then(|(number, end)| Some((i32::try_from(number).ok()?, end)))
            .ok_or_else(|| value.invalid_at(place, format!("`{place}` is not a number of 32 bits")))?;
        value.warn_rest(place, end);
        Amount::Value(number)
    };
    let (mut words, mut relative, mut bitmask) = (Words::default(), false, None);
    let optional: Vec<_> = rest.collect();
    if optional.len() > 6 {
        return Err(value.invalid("more than six words behind the offset"));
    }
    for field in optional {
        if field == "relative" {
            relative = true;
        } else if let Some(mask) = field.strip_prefix("bitmask") {
            let letters = WORDS.concat();
            if !mask.starts_with(is_space) && !mask.chars().all(|c| letters.contains(c)) {
                return Err(unknown_word(value, field));
            }
            bitmask = Some(mask);
        } else if !words.take(field) {
            return Err(unknown_word(value, field));
        }
    }
    // the base is only looked at together with the number of bytes
    if matches!(bytes, Amount::Value(_)) && words.lone_base() {
        return Err(without_string(value));
    }
    let bitmask = match bitmask {
        Some(mask) if mask.trim_matches(is_space).contains(is_space) => {
            return Err(value.invalid_at(mask, "the bit mask is one number"));
        }
        Some(mask) => match c_unsigned(mask.as_bytes(), 0) {
            Some((number, end)) if u32::try_from(number).is_ok() => {
                value.warn_rest(mask, end);
                Some(number as u32)
            }
            _ => return Err(value.invalid_at(mask, "the bit mask is a number of 32 bits")),
        },
        None => None,
    };
    let encoding = words.encoding(value, &bytes, count)?;
    Ok(Keyword::ByteTest(Box::new(ByteTest {
        bytes,
        negated,
        operator,
        value: wanted,
        offset,
        relative,
        encoding,
        bitmask,
    })))
}

fn byte_jump(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str =
        "for example `byte_jump:2,4,relative,post_offset -1`: bytes and offset, then the rest in any order";
    let all = fields(value);
    let mut rest = all.iter().copied();
    let count = word(value, rest.next(), "the number of bytes").map_err(|error| error.help(HELP))?;
    let place = word(value, rest.next(), "the offset").map_err(|error| error.help(HELP))?;
    let optional: Vec<_> = rest.collect();
    if optional.len() > 9 {
        return Err(value.invalid("more than nine words behind the offset"));
    }
    // Suricata has room for 63 characters of each
    if let Some(long) = all.iter().find(|field| field.len() > 63) {
        return Err(value.invalid_at(long, "this is longer than 63 characters"));
    }
    let bytes = byte_count(value, count)?;
    let offset = if is_variable(place) {
        Amount::Variable(place.to_owned())
    } else {
        Amount::Value(offset_of(value, place, "the offset")?)
    };
    let mut words = Words::default();
    let (mut relative, mut align, mut from_end, mut from_beginning) = (false, false, false, false);
    let (mut multiplier, mut post_offset) = (1, 0);
    for field in optional {
        if let Some(number) = field.strip_prefix("multiplier ").filter(|number| !number.is_empty()) {
            multiplier = decimal(value, number, "the multiplier", 1, 65535)? as u16;
            continue;
        }
        if let Some(number) = field.strip_prefix("post_offset ").filter(|number| !number.is_empty()) {
            post_offset = offset_of(value, number, "`post_offset`")?;
            continue;
        }
        match field.to_ascii_lowercase().as_str() {
            "relative" if field == "relative" => relative = true,
            "align" => align = true,
            "from_beginning" => from_beginning = true,
            "from_end" => from_end = true,
            lower if words.take(lower) => {}
            _ => return Err(unknown_word(value, field)),
        }
    }
    let from = match (from_beginning, from_end) {
        (true, true) => return Err(value.invalid("`from_beginning` and `from_end` cannot both hold")),
        (true, false) => JumpFrom::Beginning,
        (false, true) => JumpFrom::End,
        (false, false) => JumpFrom::Here,
    };
    if words.lone_base() {
        return Err(without_string(value));
    }
    if words.dce && from != JumpFrom::Here {
        return Err(value.invalid("`dce` cannot be used with `from_beginning` and `from_end`"));
    }
    let encoding = words.encoding(value, &bytes, count)?;
    Ok(Keyword::ByteJump(Box::new(ByteJump {
        bytes,
        offset,
        relative,
        encoding,
        multiplier,
        align,
        post_offset,
        from,
    })))
}

fn byte_extract(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `byte_extract:2,0,length,relative`: bytes, offset, the variable's name";
    let all = fields(value);
    let mut rest = all.iter().copied();
    let count = word(value, rest.next(), "the number of bytes").map_err(|error| error.help(HELP))?;
    let place = word(value, rest.next(), "the offset").map_err(|error| error.help(HELP))?;
    let name = word(value, rest.next(), "the variable's name").map_err(|error| error.help(HELP))?;
    if !count.bytes().all(|byte| byte.is_ascii_digit()) || count.len() > 63 {
        return Err(value.invalid_at(count, "the number of bytes is written in decimal digits").help(HELP));
    }
    let bytes = decimal(value, count, "the number of bytes", 0, 255)? as u8;
    if place.starts_with('+') || place.len() > 63 {
        return Err(value.invalid_at(place, "the offset is a number from -65535 to 65535").help(HELP));
    }
    let offset = offset_of(value, place, "the offset")?;
    if name.len() > 255 {
        return Err(value.invalid_at(name, "the name is longer than 255 characters"));
    }
    // a field of two words is as good as two fields; `None` stands between them where a number cannot reach over
    let mut words = Vec::new();
    let mut count_of_fields = 0;
    for field in rest {
        count_of_fields += 1;
        let mut parts = field.split(is_space).filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (Some(single), None, _) => words.extend([Some(single), None, None]),
            (Some(first), Some(second), None) => words.extend([None, Some(first), Some(second)]),
            _ => return Err(unknown_word(value, field)),
        }
    }
    if count_of_fields > 5 {
        return Err(value.invalid("more than five fields behind the name"));
    }
    let once = |fresh: bool, word: &str| {
        if fresh { Ok(()) } else { Err(value.invalid_at(word, format!("`{word}` comes too late here, or twice"))) }
    };
    let (mut relative, mut multiplier, mut align) = (false, None, None);
    let (mut order, mut string, mut base) = (None, false, None);
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let Some(word) = word else { continue };
        let mut number = || {
            let number = words.next().flatten().filter(|number| number.len() <= 15);
            number.ok_or_else(|| value.invalid_at(word, format!("`{word}` has a number behind it, without a comma")))
        };
        match word {
            "relative" => {
                once(!relative, word)?;
                relative = true;
            }
            "multiplier" => {
                once(multiplier.is_none(), word)?;
                multiplier = Some(decimal(value, number()?, "the multiplier", 1, 65535)? as u16);
            }
            "align" => {
                once(align.is_none(), word)?;
                let number = number()?;
                align = match decimal(value, number, "`align`", 2, 4)? {
                    3 => return Err(value.invalid_at(number, "`align` is 2 or 4")),
                    number => Some(number as u8),
                };
            }
            "big" | "little" | "dce" => {
                once(order.is_none(), word)?;
                order = Some(match word {
                    "big" => Encoding::Big,
                    "little" => Encoding::Little,
                    _ => Encoding::Dce,
                });
            }
            "string" => {
                once(!string, word)?;
                string = true;
            }
            "hex" | "dec" | "oct" => {
                if !string {
                    return Err(value.invalid_at(word, "a base is for digits: write `string` before it"));
                }
                once(base.is_none(), word)?;
                base = Some(match word {
                    "hex" => 16,
                    "dec" => 10,
                    _ => 8,
                });
            }
            _ => return Err(unknown_word(value, word)),
        }
    }
    if string && order.is_some() {
        return Err(value.invalid("digits (`string`) have no order of bytes"));
    }
    let base = base.unwrap_or(10);
    let (encoding, max) = match (string, base) {
        (false, _) => (order.unwrap_or(Encoding::Big), BYTES_MAX),
        (true, 8) => (Encoding::Text(base), DIGITS_MAX),
        (true, 10) => (Encoding::Text(base), 20),
        (true, _) => (Encoding::Text(base), 14),
    };
    if bytes > max {
        return Err(value.invalid_at(count, format!("at most {max} bytes make such a number")));
    }
    Ok(Keyword::ByteExtract(Box::new(ByteExtract {
        bytes,
        offset,
        name: name.to_owned(),
        relative,
        encoding,
        multiplier: multiplier.unwrap_or(1),
        align,
    })))
}

fn byte_math(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `byte_math:bytes 2, offset 0, oper +, rvalue 4, result sum`";
    let blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    // the first empty field ends the list, and what follows is passed over
    let fields: Vec<&str> = value
        .text
        .split(',')
        .map(|field| field.trim_start_matches(blank))
        .take_while(|field| !field.is_empty())
        .collect();
    if !(5..=10).contains(&fields.len()) {
        return Err(value.invalid("it has five to ten fields").help(HELP));
    }
    if let Some(last) = fields.last() {
        let end = (last.as_ptr() as usize + last.len()).saturating_sub(value.text.as_ptr() as usize);
        value.warn_rest(value.text, end);
    }
    let (mut bytes, mut offset, mut operator, mut operand, mut result) = (None, None, None, None, None);
    let (mut relative, mut order, mut base, mut bitmask) = (false, None, None, None);
    for field in fields {
        let (name, text) = field.split_at(field.find(blank).unwrap_or(field.len()));
        let text = text.trim();
        let fresh = match name {
            "bytes" => bytes.replace((text, math_amount(value, text, "the number of bytes", 1, 10)?)).is_none(),
            "offset" => {
                let number = text.parse().ok().filter(|number| (-65535..=65535).contains(number));
                let number: i32 = number.ok_or_else(|| value.invalid_at(text, "the offset is -65535 to 65535"))?;
                offset.replace(number).is_none()
            }
            "oper" => {
                let read = match text {
                    "+" => MathOperator::Add,
                    "-" => MathOperator::Subtract,
                    "*" => MathOperator::Multiply,
                    "/" => MathOperator::Divide,
                    "<<" => MathOperator::ShiftLeft,
                    ">>" => MathOperator::ShiftRight,
                    _ => return Err(value.invalid_at(text, "it calculates with `+`, `-`, `*`, `/`, `<<` and `>>`")),
                };
                operator.replace(read).is_none()
            }
            "rvalue" => operand.replace(math_amount(value, text, "the value", 0, u32::MAX.into())?).is_none(),
            "result" => result.replace(text.to_owned()).is_none(),
            "relative" => !std::mem::replace(&mut relative, true),
            "endian" => {
                let read = match text {
                    "big" => Encoding::Big,
                    "little" => Encoding::Little,
                    "dce" => Encoding::Dce,
                    _ => return Err(value.invalid_at(text, "the order of bytes is `big` or `little`")),
                };
                order.replace(read).is_none()
            }
            "dce" => order.replace(Encoding::Dce).is_none(),
            "string" => {
                let read = match text {
                    "hex" => 16,
                    "dec" => 10,
                    "oct" => 8,
                    _ => return Err(value.invalid_at(field, "it is `string hex`, `string dec` or `string oct`")),
                };
                base.replace(read).is_none()
            }
            "bitmask" => {
                let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
                let mask = u32::from_str_radix(digits, 16)
                    .map_err(|_| value.invalid_at(field, "the bit mask is a hexadecimal number of 32 bits"))?;
                bitmask.replace(mask).is_none()
            }
            _ => return Err(unknown_word(value, name).help(HELP)),
        };
        if !fresh {
            return Err(value.invalid_at(name, format!("`{name}` twice")));
        }
    }
    let missing = || value.invalid("`bytes`, `offset`, `oper`, `rvalue` and `result` are needed").help(HELP);
    let (count, bytes) = bytes.ok_or_else(missing)?;
    let operator = operator.ok_or_else(missing)?;
    if matches!(operator, MathOperator::ShiftLeft | MathOperator::ShiftRight)
        && matches!(bytes, Amount::Value(bytes) if bytes > 4)
    {
        return Err(value.invalid_at(count, "numbers of more than four bytes are not shifted"));
    }
    if order == Some(Encoding::Dce) {
        return Err(value.invalid("Suricata accepts no `dce` here, though its documentation has it"));
    }
    Ok(Keyword::ByteMath(Box::new(ByteMath {
        bytes: match bytes {
            Amount::Value(number) => Amount::Value(number as u8),
            Amount::Variable(name) => Amount::Variable(name),
        },
        offset: offset.ok_or_else(missing)?,
        operator,
        operand: operand.ok_or_else(missing)?,
        result: result.ok_or_else(missing)?,
        relative,
        encoding: base.map(Encoding::Text).or(order).unwrap_or(Encoding::Big),
        bitmask,
    })))
}

/// A number, or the name of a variable; whatever is not a number is one. Something may follow behind a blank.
fn math_amount(value: &Value<'_>, text: &str, what: &str, min: u64, max: u64) -> Result<Amount<u32>, Diagnostic> {
    let token = text.split(['\n', '\r', '\t', ';', ':', ' ']).next().unwrap_or("");
    if token.is_empty() {
        return Err(value.invalid_at(text, format!("{what} is missing")));
    }
    match token.parse::<u64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(Amount::Value(number as u32)),
        Ok(_) => Err(value.invalid_at(token, format!("{what} is {min} to {max}"))),
        Err(_) => Ok(Amount::Variable(token.to_owned())),
    }
}

/// Writes `, word` for each of some words.
fn words(f: &mut Formatter<'_>, words: &[&str]) -> fmt::Result {
    words.iter().try_for_each(|word| write!(f, ",{word}"))
}

impl Display for ByteTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            ByteOperator::Eq => "=",
            ByteOperator::Lt => "<",
            ByteOperator::Gt => ">",
            ByteOperator::Le => "<=",
            ByteOperator::Ge => ">=",
            ByteOperator::And => "&",
            ByteOperator::Xor => "^",
        };
        let not = if self.negated { "!" } else { "" };
        write!(f, "byte_test:{},{not}{operator},{},{}", self.bytes, self.value, self.offset)?;
        f.write_str(if self.relative { ",relative" } else { "" })?;
        words(f, self.encoding.words())?;
        self.bitmask.map_or(Ok(()), |mask| write!(f, ",bitmask {mask:#x}"))
    }
}

impl Display for ByteJump {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "byte_jump:{},{}", self.bytes, self.offset)?;
        f.write_str(if self.relative { ",relative" } else { "" })?;
        words(f, self.encoding.words())?;
        if self.multiplier != 1 {
            write!(f, ",multiplier {}", self.multiplier)?;
        }
        f.write_str(if self.align { ",align" } else { "" })?;
        f.write_str(match self.from {
            JumpFrom::Here => "",
            JumpFrom::Beginning => ",from_beginning",
            JumpFrom::End => ",from_end",
        })?;
        if self.post_offset == 0 { Ok(()) } else { write!(f, ",post_offset {}", self.post_offset) }
    }
}

impl Display for ByteExtract {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "byte_extract:{},{},{}", self.bytes, self.offset, self.name)?;
        f.write_str(if self.relative { ",relative" } else { "" })?;
        words(f, self.encoding.words())?;
        if self.multiplier != 1 {
            write!(f, ",multiplier {}", self.multiplier)?;
        }
        self.align.map_or(Ok(()), |align| write!(f, ",align {align}"))
    }
}

impl Display for ByteMath {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let operator = match self.operator {
            MathOperator::Add => "+",
            MathOperator::Subtract => "-",
            MathOperator::Multiply => "*",
            MathOperator::Divide => "/",
            MathOperator::ShiftLeft => "<<",
            MathOperator::ShiftRight => ">>",
        };
        write!(f, "byte_math:bytes {}, offset {}, oper {operator}, ", self.bytes, self.offset)?;
        write!(f, "rvalue {}, result {}", self.operand, self.result)?;
        f.write_str(if self.relative { ", relative" } else { "" })?;
        match self.encoding {
            Encoding::Little => f.write_str(", endian little")?,
            Encoding::Text(16) => f.write_str(", string hex")?,
            Encoding::Text(8) => f.write_str(", string oct")?,
            Encoding::Text(_) => f.write_str(", string dec")?,
            Encoding::Big | Encoding::Dce => {}
        }
        self.bitmask.map_or(Ok(()), |mask| write!(f, ", bitmask {mask:#x}"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::test_value;
    use super::*;

    /// What is accepted is printed as something that means the same.
    #[track_caller]
    pub(in super::super) fn all(
        keyword: &'static str,
        parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
        good: &[&str],
        bad: &[&str],
    ) {
        for text in good {
            let read = |text: &str| test_value(keyword, text, parse);
            let keyword_read = read(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let printed = keyword_read.to_string();
            let value = printed.split_once(':').map_or("", |(_, value)| value);
            if !value.is_empty() {
                assert_eq!(read(value).ok(), Some(keyword_read), "{text} is printed as {printed}");
            }
        }
        for text in bad {
            assert!(test_value(keyword, text, parse).is_err(), "{text}");
        }
    }

    // All lists were tried on Suricata 7.0.10.

    #[test]
    fn byte_test_is_read() {
        let good = [
            "4,=,0,0",
            "1 , ! , 0x10zz , -5x",
            "23,!<,-1,010,string,hex,oct,relative,little,big",
            "n,&,v,o,bitmask 0xf0zz,hex",
            "8,>=,18446744073709551615,2147483647,dce",
            "0,^,0,0",
        ];
        let bad = [
            "",
            "4,=,0",
            "9,=,0,0",
            "24,=,0,0,string",
            "4x,=,0,0",
            "-1,=,0,0",
            "4,,0,0",
            "4,==,0,0",
            "4,=,_,0",
            "4,=,18446744073709551616,0",
            "4,=,0,2147483648",
            "4,=,0,0,hex",
            "4,=,0,0,RELATIVE",
            "4,=,0,0,little 3",
            "4,=,0,0,bitmask",
            "4,=,0,0,bitmask 0x100000000",
            "4,=,0,0,dce,little",
            "4,=,0,0,big,big,big,big,big,big,big",
            "4 4,=,0,0",
            "4,=,0,0,",
        ];
        all("byte_test", byte_test, &good, &bad);
    }

    #[test]
    fn byte_jump_is_read() {
        let good = [
            "4,0",
            "n,-65535,STRING,Hex,From_End,align,multiplier  65535,post_offset -65535",
            "23,o,string,dec,from_beginning,relative",
            "0,+5,little,big",
        ];
        let bad = [
            "4",
            "9,0",
            "24,0,string",
            "4,65536",
            "4,0x10",
            "4,0,Relative",
            "4,0,multiplier 0",
            "4,0,multiplier 65536",
            "4,0,Multiplier 4",
            "4,0,multiplier\t4",
            "4,0,post_offset 65536",
            "4,0,post_offset 1x",
            "4,0,from_end,from_beginning",
            "4,0,oct",
            "4,0,dce,from_end",
            "4,0,a,a,a,a,a,a,a,a,a,a",
        ];
        all("byte_jump", byte_jump, &good, &bad);
    }

    #[test]
    fn byte_extract_is_read() {
        let good = [
            "4,0,a",
            "0,-65535,1,little,multiplier 65535,align 2,relative",
            "23,0,a,string oct",
            "20,0,a,string",
            "14,0,a,string,hex",
            "1,0,a,relative multiplier,4",
            "8,0,a,dce",
        ];
        let bad = [
            "n,0,a",
            "9,0,a",
            "4,+1,a",
            "4,65536,a",
            "4,0",
            "15,0,a,string,hex",
            "21,0,a,string",
            "24,0,a,string,oct",
            "4,0,a,hex",
            "4,0,a,hex,string",
            "4,0,a,string,hex,dec",
            "4,0,a,string,little",
            "4,0,a,little,big",
            "4,0,a,relative,relative",
            "4,0,a,multiplier",
            "4,0,a,multiplier,4",
            "4,0,a,multiplier 65536",
            "4,0,a,align 3",
            "4,0,a,RELATIVE",
            "4,0,a b",
            "4,0,a,relative,little,multiplier 2,align 2,string,hex",
        ];
        all("byte_extract", byte_extract, &good, &bad);
    }

    #[test]
    fn byte_math_is_read() {
        let good = [
            "bytes 4, offset 0, oper +, rvalue 1, result a",
            "result a,oper >>,bytes 4,rvalue 4294967295,offset -65535,relative,endian little,bitmask 0XfF",
            "bytes n, offset +5, oper <<, rvalue r, result a, string hex",
            "bytes 10, offset 0, oper /, rvalue 0 zero, result a,, and so on",
        ];
        let bad = [
            "bytes 4, offset 0, oper +, rvalue 1",
            "bytes 0, offset 0, oper +, rvalue 1, result a",
            "bytes 11, offset 0, oper +, rvalue 1, result a",
            "bytes 5, offset 0, oper <<, rvalue 1, result a",
            "bytes 4, offset 65536, oper +, rvalue 1, result a",
            "bytes 4, offset o, oper +, rvalue 1, result a",
            "bytes 4, offset 0, oper &, rvalue 1, result a",
            "bytes 4, offset 0, oper +, rvalue 4294967296, result a",
            "bytes 4, offset 0, oper +, rvalue, result a",
            "bytes 4, offset 0, oper +, rvalue 1, result a, bytes 4",
            "bytes 4, offset 0, oper +, rvalue 1, result a, relative, relative",
            "bytes 4, offset 0, oper +, rvalue 1, result a, endian middle",
            "bytes 4, offset 0, oper +, rvalue 1, result a, string",
            "bytes 4, offset 0, oper +, rvalue 1, result a, bitmask xyz",
            "bytes 4, offset 0, oper +, rvalue 1, result a, dce",
            "bytes 4, offset 0, oper +, rvalue 1, result a, little",
        ];
        all("byte_math", byte_math, &good, &bad);
    }
}
