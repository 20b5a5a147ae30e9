//! Tests of places, lengths and single formats: `isdataat`, `bsize`, base64, Sun RPC.

use super::number::{decimal, fields, is_space, unknown_word};
use super::value::is_blank;
use super::{Amount, Argument, Compare, Effect, Family, Keyword, KeywordDef, Parse, Value, content};
use crate::source::Diagnostic;
use std::fmt::{self, Display, Formatter};

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
/// `base64_decode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base64Decode {
    /// How many bytes at most; never 0.
    pub bytes: u16,
    /// Where they begin.
    pub offset: u32,
    /// `relative`: counted from the end of the last match.
    pub relative: bool,
}

impl Default for Base64Decode {
    fn default() -> Self {
        Self { bytes: u16::MAX, offset: 0, relative: false }
    }
}

/// `rpc`: a call of a Sun RPC program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rpc {
    /// The program.
    pub program: u32,
    /// Its version; `None`: any.
    pub version: Option<u32>,
    /// The procedure; `None`: any.
    pub procedure: Option<u32>,
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
    def("base64_decode", Argument::OPTIONAL, Parse::Keyword(base64_decode), "decodes base64"),
    def(
        "base64_data",
        Argument::NONE,
        Parse::Keyword(|_| Ok(Keyword::Base64Data)),
        "what `base64_decode` has decoded, as a buffer",
    ),
    KeywordDef {
        effect: Effect::PacketOnly,
        ..def("rpc", Argument::PLAIN, Parse::Keyword(rpc), "tests the numbers of a Sun RPC call")
    },
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

/// `bytes`, `offset`, `relative`, in this order; Suricata stops reading at whatever it does not expect.
fn base64_decode(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `base64_decode:bytes 12, offset 1, relative`";
    if !value.present {
        return Ok(Keyword::Base64Decode(Base64Decode::default()));
    }
    let mut rest = value.text;
    let mut number = |name: &str| {
        let begin = rest.trim_start_matches(is_space);
        let text = begin.strip_prefix(name).filter(|text| text.starts_with(is_space))?.trim_start_matches(is_space);
        let (digits, behind) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        if digits.is_empty() {
            return None;
        }
        rest = behind.strip_prefix(',').unwrap_or(behind);
        Some(digits)
    };
    let bytes = number("bytes");
    let offset = number("offset");
    let last = rest.trim_start_matches(is_space);
    let (word, behind) =
        last.split_at(last.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(last.len()));
    let relative = match word {
        "" if bytes.is_none() && offset.is_none() => {
            return Err(value.invalid("nothing of it is understood").help(HELP));
        }
        "" => false,
        "relative" => true,
        _ => return Err(unknown_word(value, word).help(HELP)),
    };
    value.warn_rest(value.text, value.text.len() - behind.len());
    let decode = Base64Decode {
        bytes: bytes.map_or(Ok(0), |digits| decimal(value, digits, "the number of bytes", 0, 65535))? as u16,
        offset: offset.map_or(Ok(0), |digits| decimal(value, digits, "the offset", 0, u32::MAX.into()))? as u32,
        relative,
    };
    // 0 is as good as nothing
    Ok(Keyword::Base64Decode(Base64Decode { bytes: if decode.bytes == 0 { u16::MAX } else { decode.bytes }, ..decode }))
}

fn rpc(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "for example `rpc:100000,2,*`: program, version, procedure";
    let all = fields(value);
    let number = |digits: &str, what: &str| {
        if digits.len() > 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(value.invalid_at(digits, format!("{what} is a number of up to ten digits")).help(HELP));
        }
        decimal(value, digits, what, 0, u32::MAX.into()).map(|number| number as u32)
    };
    let or_any = |digits: Option<&&str>, what| match digits {
        None | Some(&"*") => Ok(None),
        Some(digits) => number(digits, what).map(Some),
    };
    if all.len() > 3 {
        return Err(value.invalid("it has up to three fields").help(HELP));
    }
    Ok(Keyword::Rpc(Rpc {
        program: number(all.first().copied().unwrap_or(""), "the program")?,
        version: or_any(all.get(1), "the version")?,
        procedure: or_any(all.get(2), "the procedure")?,
    }))
}

impl Display for Base64Decode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("base64_decode")?;
        let mut sign = ":";
        if self.bytes != u16::MAX {
            write!(f, "{sign}bytes {}", self.bytes)?;
            sign = ",";
        }
        if self.offset != 0 {
            write!(f, "{sign}offset {}", self.offset)?;
            sign = ",";
        }
        if self.relative { write!(f, "{sign}relative") } else { Ok(()) }
    }
}

impl Display for Rpc {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "rpc:{}", self.program)?;
        if self.version.is_some() || self.procedure.is_some() {
            match self.version {
                Some(number) => write!(f, ",{number}")?,
                None => f.write_str(",*")?,
            }
        }
        self.procedure.map_or(Ok(()), |number| write!(f, ",{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::number::tests::all;
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
    fn base64_decode_is_read() {
        let good = ["bytes 4", "bytes 65535, offset 4294967295, relative", "offset 3,relative", "relative, and so on"];
        let bad = ["bytes", "bytes x", "bytes 4x", "bytes 65536", "offset 4294967296", "Relative", ",", "bytes 4,rel"];
        all("base64_decode", base64_decode, &good, &bad);
        let read = |text| test_value("base64_decode", text, |value| base64_decode(value).ok());
        let decode = |bytes, offset, relative| Some(Keyword::Base64Decode(Base64Decode { bytes, offset, relative }));
        assert_eq!(read("bytes 0 offset 5relative"), decode(65535, 5, true));
        assert_eq!(read("offset 5, bytes 3"), None);
        assert_eq!(read("bytes 3,, offset 5"), decode(3, 0, false));
    }

    #[test]
    fn rpc_is_read() {
        let good = ["1", "100000 , 2 , 3", "4294967295,*", "1,*,4", "1,2,*"];
        let bad = ["", "4294967296", "12345678901", "*", "1,", "1,2,", "1,2,3,4", "a", "1 2"];
        all("rpc", rpc, &good, &bad);
    }
}
