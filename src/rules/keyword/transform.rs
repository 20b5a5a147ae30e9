//! Transforms: changes of the buffer's bytes before they are looked into.

use super::{Argument, Effect, Family, Keyword, KeywordDef, Parse, Value, content};
use crate::source::Diagnostic;

/// A change of the buffer's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transform {
    /// `dotprefix`: a dot in front.
    Dotprefix,
    /// `to_lowercase`
    ToLowercase,
    /// `to_uppercase`
    ToUppercase,
    /// `strip_whitespace`: without white space.
    StripWhitespace,
    /// `compress_whitespace`: one space for each run of white space.
    CompressWhitespace,
    /// `strip_pseudo_headers`: without the lines of HTTP/2 pseudo headers.
    StripPseudoHeaders,
    /// `header_lowercase`: header names in lower case.
    HeaderLowercase,
    /// `url_decode`
    UrlDecode,
    /// `to_md5`: 16 bytes.
    ToMd5,
    /// `to_sha1`: 20 bytes.
    ToSha1,
    /// `to_sha256`: 32 bytes.
    ToSha256,
    /// `xor`: the key.
    Xor(Vec<u8>),
    /// `pcrexform`: the first capture of the expression.
    Pcrexform(String),
}

impl Transform {
    /// The keyword.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dotprefix => "dotprefix",
            Self::ToLowercase => "to_lowercase",
            Self::ToUppercase => "to_uppercase",
            Self::StripWhitespace => "strip_whitespace",
            Self::CompressWhitespace => "compress_whitespace",
            Self::StripPseudoHeaders => "strip_pseudo_headers",
            Self::HeaderLowercase => "header_lowercase",
            Self::UrlDecode => "url_decode",
            Self::ToMd5 => "to_md5",
            Self::ToSha1 => "to_sha1",
            Self::ToSha256 => "to_sha256",
            Self::Xor(_) => "xor",
            Self::Pcrexform(_) => "pcrexform",
        }
    }

    /// Whether a pattern can be found in what the transform puts out.
    pub(crate) fn can_hold(&self, pattern: &[u8]) -> bool {
        match self {
            Self::StripWhitespace => !pattern.iter().any(|&byte| is_space(byte)),
            Self::CompressWhitespace => !pattern.windows(2).any(|pair| pair.iter().all(|&byte| is_space(byte))),
            Self::ToLowercase => !pattern.iter().any(u8::is_ascii_uppercase),
            Self::ToUppercase => !pattern.iter().any(u8::is_ascii_lowercase),
            _ => true,
        }
    }
}

/// White space as C's `isspace` has it.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

const fn plain(
    name: &'static str,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::Transform,
        argument: Argument::NONE,
        parse: Parse::Keyword(parse),
        effect: Effect::Nothing,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    plain("dotprefix", |_| Ok(Keyword::Transform(Transform::Dotprefix)), "puts a dot in front of the buffer"),
    plain("to_lowercase", |_| Ok(Keyword::Transform(Transform::ToLowercase)), "turns the buffer to lower case"),
    plain("to_uppercase", |_| Ok(Keyword::Transform(Transform::ToUppercase)), "turns the buffer to upper case"),
    plain("strip_whitespace", |_| Ok(Keyword::Transform(Transform::StripWhitespace)), "removes all white space"),
    plain(
        "compress_whitespace",
        |_| Ok(Keyword::Transform(Transform::CompressWhitespace)),
        "replaces each run of white space by one space",
    ),
    plain(
        "strip_pseudo_headers",
        |_| Ok(Keyword::Transform(Transform::StripPseudoHeaders)),
        "removes the lines of HTTP/2 pseudo headers",
    ),
    plain(
        "header_lowercase",
        |_| Ok(Keyword::Transform(Transform::HeaderLowercase)),
        "turns header names to lower case",
    ),
    plain("url_decode", |_| Ok(Keyword::Transform(Transform::UrlDecode)), "decodes %XX and +"),
    plain("to_md5", |_| Ok(Keyword::Transform(Transform::ToMd5)), "replaces the buffer by its MD5"),
    plain("to_sha1", |_| Ok(Keyword::Transform(Transform::ToSha1)), "replaces the buffer by its SHA-1"),
    plain("to_sha256", |_| Ok(Keyword::Transform(Transform::ToSha256)), "replaces the buffer by its SHA-256"),
    KeywordDef {
        name: "xor",
        aliases: &[],
        family: Family::Transform,
        argument: Argument::QUOTED,
        parse: Parse::Keyword(xor),
        effect: Effect::Nothing,
        doc: "combines the buffer with a key, byte by byte, over and over",
    },
    KeywordDef {
        name: "pcrexform",
        aliases: &[],
        family: Family::Transform,
        argument: Argument::QUOTED,
        parse: Parse::Keyword(|value| Ok(Keyword::Transform(Transform::Pcrexform(value.text.to_owned())))),
        effect: Effect::Nothing,
        doc: "replaces the buffer by the first capture of a regular expression",
    },
];

fn xor(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let digits = value.text.as_bytes();
    let pairs = digits.chunks(2);
    let key: Option<Vec<u8>> = pairs
        .map(|pair| match *pair {
            [high, low] => Some(content::hex_digit(high)? << 4 | content::hex_digit(low)?),
            _ => None,
        })
        .collect();
    match key {
        Some(key) if !key.is_empty() && key.len() <= 255 => Ok(Keyword::Transform(Transform::Xor(key))),
        _ => Err(value
            .invalid("the key must be 1 to 255 bytes of two hexadecimal digits each")
            .help("for example `xor:\"0d0ac8ff\"`")),
    }
}
