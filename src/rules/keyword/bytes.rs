//! Tests of places and lengths: `isdataat`, `bsize`, and the `byte_` keywords, which are kept as text for now.

use super::value::is_blank;
use super::{Amount, Argument, Compare, Effect, Family, Keyword, KeywordDef, Parse, Value, content};
use crate::source::Diagnostic;

/// `bsize`: a test of the length of the current buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bsize(pub Compare<u64>);

/// `isdataat`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isdataat {
    /// How far; a value is 0 to 65535.
    pub at: Amount,
    /// `!`
    pub negated: bool,
    /// `relative`: from the end of the last match.
    pub relative: bool,
    /// `rawbytes`
    pub rawbytes: bool,
}

const fn def(name: &'static str, argument: Argument, parse: Parse, doc: &'static str) -> KeywordDef {
    KeywordDef { name, aliases: &[], family: Family::Payload, argument, parse, effect: Effect::Nothing, doc }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("isdataat", Argument::PLAIN, Parse::Keyword(isdataat), "tests whether there is data at a place"),
    def(
        "bsize",
        Argument::PLAIN,
        Parse::Keyword(|value| Ok(Keyword::Bsize(Bsize(value.compare()?)))),
        "tests the length of the buffer",
    ),
    def(
        "pkt_data",
        Argument::NONE,
        Parse::Keyword(|_| Ok(Keyword::PktData)),
        "ends the sticky buffer: back to packet or stream",
    ),
    def("byte_test", Argument::PLAIN, Parse::Recognised, "tests a number made of bytes"),
    def("byte_jump", Argument::PLAIN, Parse::Recognised, "moves on by a number made of bytes"),
    def("byte_extract", Argument::PLAIN, Parse::Recognised, "names a number made of bytes"),
    def(
        "byte_math",
        Argument::PLAIN,
        Parse::Recognised,
        "names the result of a calculation with a number made of bytes",
    ),
    def("base64_decode", Argument::OPTIONAL, Parse::Recognised, "decodes base64"),
    def("base64_data", Argument::NONE, Parse::Recognised, "what `base64_decode` has decoded, as a buffer"),
    def("rpc", Argument::PLAIN, Parse::Recognised, "tests the numbers of a Sun RPC call"),
    def("asn1", Argument::PLAIN, Parse::Recognised, "tests ASN.1 data"),
    def("replace", Argument::NOT_QUOTED, Parse::Recognised, "replaces the content before it"),
];

fn isdataat(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `isdataat:!10,relative`";
    let mut fields = value.fields();
    let first = fields.next().unwrap_or("");
    let (negated, place) = match first.strip_prefix('!') {
        Some(place) => (true, place.trim_matches(is_blank)),
        None => (false, first),
    };
    if place.contains(is_blank) || place.is_empty() {
        return Err(value.invalid_at(first, "it is a number or the name of a variable").help(HELP));
    }
    let at = content::amount(&Value { text: place, at: value.at + offset_in(value.text, place), ..*value }, 0..=65535)?;
    let (mut relative, mut rawbytes) = (false, false);
    for word in fields {
        match word {
            "relative" if !relative && !rawbytes => relative = true,
            "rawbytes" if !rawbytes => rawbytes = true,
            _ => return Err(value.invalid_at(word, format!("`{word}` is not `relative`, then `rawbytes`")).help(HELP)),
        }
    }
    Ok(Keyword::Isdataat(Isdataat { at, negated, relative, rawbytes }))
}

fn offset_in(text: &str, slice: &str) -> usize {
    (slice.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// The variable that a `byte_extract` or `byte_math` sets.
pub(crate) fn variable_of<'a>(keyword: &str, text: &'a str) -> Option<&'a str> {
    let mut fields = text.split(',').map(|field| field.trim_matches(is_blank));
    match keyword {
        "byte_extract" => fields.nth(2),
        "byte_math" => fields.find_map(|field| field.strip_prefix("result")).map(|name| name.trim_matches(is_blank)),
        _ => None,
    }
    .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    #[test]
    fn isdataat_is_read_with_its_words() {
        let read = |text| test_value("isdataat", text, |value| isdataat(value).ok());
        assert_eq!(
            read("!1,relative"),
            Some(Keyword::Isdataat(Isdataat { at: Amount::Value(1), negated: true, relative: true, rawbytes: false }))
        );
        assert!(read("10 , relative, rawbytes").is_some());
        for text in ["", "10,rel", "10 20", "70000", "10,rawbytes,relative"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn variables_are_found_in_the_text() {
        assert_eq!(variable_of("byte_extract", "2, 0 , len, relative"), Some("len"));
        assert_eq!(variable_of("byte_math", "bytes 1, offset 0, oper +, rvalue 1, result sum"), Some("sum"));
        assert_eq!(variable_of("byte_test", "1,=,2,3"), None);
    }
}
