//! `content` and its modifiers.

use super::value::{c_number, is_blank};
use super::{Argument, Buffer, Effect, Family, Keyword, KeywordDef, Parse, Value};
use crate::source::Diagnostic;

/// A number, or the name of a variable that `byte_extract` or `byte_math` sets earlier in the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount<T = i32> {
    /// A number.
    Value(T),
    /// A variable.
    Variable(String),
}

/// How `fast_pattern` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastPattern {
    /// `fast_pattern`
    Whole,
    /// `fast_pattern:only`
    Only,
    /// `fast_pattern:offset,length`
    Chop {
        /// First byte of the part.
        offset: u16,
        /// Its length.
        length: u16,
    },
}

/// A byte string to find, with all its modifiers.
///
/// `depth`, `offset` and `startswith` count from the start of the buffer, `distance` and `within` from the end of the match
/// before; the two kinds are never together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The bytes; never empty.
    pub pattern: Vec<u8>,
    /// `!`
    pub negated: bool,
    /// `nocase`
    pub nocase: bool,
    /// `startswith`: no `depth` and `offset` then.
    pub startswith: bool,
    /// `endswith`
    pub endswith: bool,
    /// `offset`: a value is 0 to 65535.
    pub offset: Option<Amount>,
    /// `depth`, as written: counted from `offset`. A value is at least the length of the pattern.
    pub depth: Option<Amount>,
    /// `distance`
    pub distance: Option<Amount>,
    /// `within`. A value is at least the length of the pattern.
    pub within: Option<Amount>,
    /// `fast_pattern`: no effect on what matches, except that `only` content is not looked for at a place.
    pub fast_pattern: Option<FastPattern>,
    /// `rawbytes`: no effect.
    pub rawbytes: bool,
    /// The buffer of an old-style modifier (`content:"x"; http_uri;`): this content belongs there, and the sticky buffer of the
    /// options around it stays what it is.
    pub modifier_buffer: Option<Buffer>,
}

const fn modifier(
    name: &'static str,
    argument: Argument,
    parse: fn(&mut Content, &Value<'_>) -> Result<(), Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::Payload,
        argument,
        parse: Parse::Modifier(parse),
        effect: Effect::Nothing,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    KeywordDef {
        name: "content",
        aliases: &[],
        family: Family::Payload,
        argument: Argument::NOT_QUOTED,
        parse: Parse::Keyword(|value| Ok(Keyword::Content(Box::new(content(value)?)))),
        effect: Effect::Nothing,
        doc: "finds bytes",
    },
    KeywordDef {
        name: "uricontent",
        aliases: &[],
        family: Family::Payload,
        argument: Argument::NOT_QUOTED,
        parse: Parse::Keyword(|value| {
            Ok(Keyword::Content(Box::new(Content { modifier_buffer: Some(Buffer::HttpUri), ..content(value)? })))
        }),
        effect: Effect::Nothing,
        doc: "old form of `content` on `http.uri`",
    },
    modifier("nocase", Argument::NONE, nocase, "ignores case of the content before it"),
    modifier("depth", Argument::PLAIN, depth, "looks into this many bytes from the start (or `offset`)"),
    modifier("offset", Argument::PLAIN, offset, "begins to look this many bytes from the start"),
    modifier("distance", Argument::PLAIN, distance, "begins to look this many bytes behind the match before"),
    modifier("within", Argument::PLAIN, within, "must end this many bytes behind the match before"),
    modifier("startswith", Argument::NONE, startswith, "must be at the start of the buffer"),
    modifier("endswith", Argument::NONE, endswith, "must be at the end of the buffer"),
    modifier("rawbytes", Argument::NONE, rawbytes, "no effect"),
    modifier(
        "fast_pattern",
        Argument::OPTIONAL,
        fast_pattern,
        "proposes this content for the pattern search ahead of evaluation",
    ),
];

fn content(value: &Value<'_>) -> Result<Content, Diagnostic> {
    Ok(Content { pattern: pattern(value)?, negated: value.negated, ..Content::default() })
}

/// The value of a hexadecimal digit.
pub(super) fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Reads a pattern: plain characters, `\"`, `\;`, `\:`, `\\`, and hexadecimal bytes between bars.
pub(super) fn pattern(value: &Value<'_>) -> Result<Vec<u8>, Diagnostic> {
    let text = value.text.as_bytes();
    if memchr::memchr3(b'|', b'\\', b'"', text).is_none() {
        return Ok(text.to_vec());
    }
    let error = |at: usize, len: usize, why: String| {
        Err(Diagnostic::error("FD0211", format!("`{}` has a wrong value: {why}", value.keyword))
            .at(value.part(at..at + len)))
    };
    let mut pattern = Vec::with_capacity(text.len());
    let mut hex: Option<(usize, Option<u8>)> = None;
    let mut escaped = false;
    for (at, &byte) in text.iter().enumerate() {
        if byte == b'|' {
            match hex {
                Some((_, Some(_))) => {
                    return error(at, 1, "half a byte before `|`; bytes are two hexadecimal digits".into());
                }
                Some((_, None)) => hex = None,
                None => hex = Some((at, None)),
            }
        } else if byte == b'\\' && !escaped {
            escaped = true;
        } else if let Some((start, high)) = hex {
            match (hex_digit(byte), high) {
                (Some(digit), Some(high)) => {
                    pattern.push(high << 4 | digit);
                    hex = Some((start, None));
                }
                (Some(digit), None) => hex = Some((start, Some(digit))),
                (None, _) if matches!(byte, b' ' | b',') => {}
                (None, _) => {
                    return error(
                        at,
                        1,
                        format!("`{}` between bars is not a hexadecimal digit", (byte as char).escape_default()),
                    )
                    .map_err(|diagnostic| diagnostic.help("a bar that is meant as such is written `|7C|`"));
                }
            }
        } else if escaped {
            if !matches!(byte, b':' | b';' | b'\\' | b'"') {
                return error(at.saturating_sub(1), 2, "only `\"`, `;`, `:` and `\\` can follow a backslash".into())
                    .map_err(|diagnostic| {
                        diagnostic.help("a backslash that is meant as such is written `\\\\` or `|5C|`")
                    });
            }
            pattern.push(byte);
            escaped = false;
        } else if byte == b'"' {
            return error(at, 1, "a double quote inside must be written `\\\"` or `|22|`".into());
        } else {
            pattern.push(byte);
        }
    }
    if let Some((start, _)) = hex {
        return error(start, 1, "the hexadecimal part is not closed by `|`".into());
    }
    if pattern.is_empty() {
        return error(0, text.len(), "the pattern is empty".into());
    }
    Ok(pattern)
}

fn nocase(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.nocase {
        return Err(twice(value));
    }
    content.nocase = true;
    Ok(())
}

fn depth(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.depth.is_some() {
        return Err(twice(value));
    }
    if content.startswith {
        return Err(conflict(value, "startswith"));
    }
    absolute(content, value)?;
    let amount = amount(value, 0..=65535)?;
    holds_pattern(content, value, &amount)?;
    content.depth = Some(amount);
    Ok(())
}

fn offset(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.startswith {
        return Err(conflict(value, "startswith"));
    }
    if content.offset.is_some() {
        return Err(twice(value));
    }
    absolute(content, value)?;
    content.offset = Some(amount(value, 0..=65535)?);
    Ok(())
}

fn startswith(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.startswith {
        return Err(twice(value));
    }
    if content.depth.is_some() {
        return Err(conflict(value, "depth"));
    }
    if content.offset.is_some() {
        return Err(conflict(value, "offset"));
    }
    absolute(content, value)?;
    content.startswith = true;
    Ok(())
}

fn distance(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.distance.is_some() {
        return Err(twice(value));
    }
    relative(content, value)?;
    content.distance = Some(amount(value, -VALUE_MAX..=VALUE_MAX)?);
    Ok(())
}

fn within(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.within.is_some() {
        return Err(twice(value));
    }
    relative(content, value)?;
    let amount = amount(value, -VALUE_MAX..=VALUE_MAX)?;
    holds_pattern(content, value, &amount)?;
    content.within = Some(amount);
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "one signature for all modifiers")]
fn endswith(content: &mut Content, _: &Value<'_>) -> Result<(), Diagnostic> {
    content.endswith = true;
    Ok(())
}

fn rawbytes(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.rawbytes {
        return Err(twice(value));
    }
    content.rawbytes = true;
    Ok(())
}

fn fast_pattern(content: &mut Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    let positioned = content.startswith
        || [&content.depth, &content.offset, &content.distance, &content.within].into_iter().any(Option::is_some);
    if content.negated && positioned {
        return Err(negated_fast_pattern(value));
    }
    let text = value.text.trim_matches(is_blank);
    content.fast_pattern = Some(match text {
        "" if content.fast_pattern.is_some() => return Err(twice(value)),
        "" => FastPattern::Whole,
        "only" if content.negated => {
            return Err(Diagnostic::error("FD0215", "`fast_pattern:only` cannot be used with a negated content")
                .at(value.span()));
        }
        "only" if positioned => {
            return Err(Diagnostic::error(
                "FD0215",
                "`fast_pattern:only` cannot be used with `depth`, `offset`, `startswith`, `distance` or `within`",
            )
            .at(value.span()));
        }
        "only" => FastPattern::Only,
        _ => {
            let Some((offset, length)) = text.split_once(',') else {
                return Err(value.invalid("it is `only` or `offset,length`"));
            };
            let offset: u16 = value.number_in(offset.trim_matches(is_blank))?;
            let length: u16 = value.number_in(length.trim_matches(is_blank))?;
            if usize::from(offset) + usize::from(length) > content.pattern.len() {
                return Err(value.invalid(format!(
                    "bytes {offset} to {} are not all in the pattern of {} bytes",
                    u32::from(offset) + u32::from(length),
                    content.pattern.len()
                )));
            }
            FastPattern::Chop { offset, length }
        }
    });
    Ok(())
}

/// Limit of `distance` and `within`.
const VALUE_MAX: i64 = 1024 * 1024;

/// What `depth`, `offset` and `startswith` cannot stand beside.
fn absolute(content: &Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.distance.is_some() {
        return Err(conflict(value, "distance"));
    }
    if content.within.is_some() {
        return Err(conflict(value, "within"));
    }
    fast(content, value)
}

/// What `distance` and `within` cannot stand beside.
fn relative(content: &Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    if content.startswith {
        return Err(conflict(value, "startswith"));
    }
    if content.depth.is_some() {
        return Err(conflict(value, "depth"));
    }
    if content.offset.is_some() {
        return Err(conflict(value, "offset"));
    }
    fast(content, value)
}

fn fast(content: &Content, value: &Value<'_>) -> Result<(), Diagnostic> {
    match content.fast_pattern {
        Some(_) if content.negated => Err(negated_fast_pattern(value)),
        Some(FastPattern::Only) => Err(conflict(value, "fast_pattern:only")),
        _ => Ok(()),
    }
}

fn holds_pattern(content: &Content, value: &Value<'_>, amount: &Amount) -> Result<(), Diagnostic> {
    match amount {
        Amount::Value(number) if i64::from(*number) < content.pattern.len() as i64 => {
            let len = content.pattern.len();
            Err(value
                .invalid(format!("{number} is less than the {len} bytes of the pattern, so that it never matches")))
        }
        _ => Ok(()),
    }
}

pub(super) fn amount(value: &Value<'_>, range: std::ops::RangeInclusive<i64>) -> Result<Amount, Diagnostic> {
    if value.text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(Amount::Variable(value.text.to_owned()));
    }
    match c_number(value.text, 0) {
        Some(number) if range.contains(&number) => Ok(Amount::Value(number as i32)),
        _ => Err(value.invalid(format!("`{}` is not a number from {} to {}", value.text, range.start(), range.end()))),
    }
}

fn twice(value: &Value<'_>) -> Diagnostic {
    Diagnostic::error("FD0212", format!("`{}` twice for the same content", value.keyword)).at(value.span())
}

fn conflict(value: &Value<'_>, other: &str) -> Diagnostic {
    Diagnostic::error("FD0215", format!("`{}` and `{other}` cannot be used for the same content", value.keyword))
        .at(value.span())
}

fn negated_fast_pattern(value: &Value<'_>) -> Diagnostic {
    Diagnostic::error("FD0215", "a negated content with `fast_pattern` cannot have a position").at(value.span())
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    fn read(text: &str) -> Option<Vec<u8>> {
        test_value("content", text, |value| pattern(value).ok())
    }

    #[test]
    fn patterns_may_hold_escapes_and_hexadecimal_bytes() {
        assert_eq!(read("abc").as_deref(), Some(b"abc".as_slice()));
        assert_eq!(read("a|0d 0A|b|,7c,|").as_deref(), Some(b"a\r\nb|".as_slice()));
        assert_eq!(read(r#"\"\;\:\\"#).as_deref(), Some(br#"";:\"#.as_slice()));
        assert_eq!(read("é").as_deref(), Some("é".as_bytes()));
    }

    #[test]
    fn broken_patterns_are_refused() {
        for text in ["|0", "|0|", "|0g|", r"\a", "\"", "||"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
