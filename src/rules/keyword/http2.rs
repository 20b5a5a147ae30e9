//! `http2.*`: what the frames of an HTTP/2 stream say.

use super::compare::{self, Unsigned};
use super::{Argument, Compare, Effect, Family, Keyword, KeywordDef, ListDef, Parse, Value};
use crate::rules::Protocol;
use crate::source::Diagnostic;
use std::fmt;

/// A test of the frames of a direction of a stream: some frame passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http2Frame {
    /// `http2.frametype`
    Kind(u8),
    /// `http2.errorcode`: of RST_STREAM or GOAWAY.
    ErrorCode(u32),
    /// `http2.priority`: the weight, one less than it counts for.
    Priority(Compare<u8>),
    /// `http2.window`: the increment of a WINDOW_UPDATE.
    Window(Compare<u32>),
    /// `http2.size_update`: the size of the header table that a header block sets.
    SizeUpdate(Compare<u64>),
    /// `http2.settings`: a setting is there, with a value that passes.
    Setting {
        /// From 1, `SETTINGS_HEADER_TABLE_SIZE`, to 6.
        id: u16,
        /// The test of the value.
        value: Option<Compare<u32>>,
    },
}

/// Frame types by number.
const KINDS: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RSTSTREAM",
    "SETTINGS",
    "PUSHPROMISE",
    "PING",
    "GOAWAY",
    "WINDOWUPDATE",
    "CONTINUATION",
];
/// Error codes by number; Suricata does not know the name of 2.
const ERROR_CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];
/// Settings by number, from 1.
const SETTINGS: [&str; 6] = [
    "SETTINGS_HEADER_TABLE_SIZE",
    "SETTINGS_ENABLE_PUSH",
    "SETTINGS_MAX_CONCURRENT_STREAMS",
    "SETTINGS_INITIAL_WINDOW_SIZE",
    "SETTINGS_MAX_FRAME_SIZE",
    "SETTINGS_MAX_HEADER_LIST_SIZE",
];

const LIST: ListDef = ListDef {
    name: "http2",
    app: Some(Protocol::Http2),
    to_server: &[Protocol::Http2],
    to_client: &[Protocol::Http2],
    multi: false,
    packet: false,
};

const fn def(
    name: &'static str,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::App,
        argument: Argument::PLAIN,
        parse: Parse::Keyword(parse),
        effect: Effect::Own(&LIST),
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def(
        "http2.frametype",
        |value| numbered(value, &KINDS, 0, u32::from(u8::MAX)).map(|kind| test(Http2Frame::Kind(kind as u8))),
        "tests the HTTP/2 frame type",
    ),
    def(
        "http2.errorcode",
        |value| numbered(value, &ERROR_CODES, 0, u32::MAX).map(|code| test(Http2Frame::ErrorCode(code))),
        "tests the HTTP/2 error code",
    ),
    def(
        "http2.priority",
        |value| number(value).map(|compare| test(Http2Frame::Priority(compare))),
        "tests the HTTP/2 priority",
    ),
    def(
        "http2.window",
        |value| number(value).map(|compare| test(Http2Frame::Window(compare))),
        "tests the HTTP/2 window",
    ),
    def(
        "http2.size_update",
        |value| number(value).map(|compare| test(Http2Frame::SizeUpdate(compare))),
        "tests the HTTP/2 dynamic table size update",
    ),
    def("http2.settings", setting, "tests the HTTP/2 settings"),
];

fn test(test: Http2Frame) -> Keyword {
    Keyword::Http2Frame(test)
}

/// A test of a number, and nothing behind it.
fn number<T: Unsigned>(value: &Value<'_>) -> Result<Compare<T>, Diagnostic> {
    match compare::parse(value.text) {
        Some((compare, rest)) if rest.trim_start_matches(' ').is_empty() => Ok(compare),
        _ => Err(value.invalid(format!("`{}` is not a test of a number", value.text))),
    }
}

/// A number, or a name that stands for its place in `names`, from `first`.
fn numbered(value: &Value<'_>, names: &[&str], first: u32, max: u32) -> Result<u32, Diagnostic> {
    let text = value.text.trim_start();
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    if let Some((digits, _)) = text.split_at_checked(end)
        && let Ok(number) = digits.parse()
        && number <= max
    {
        return Ok(number);
    }
    let named = names.iter().position(|name| !name.is_empty() && name.eq_ignore_ascii_case(value.text));
    named.map(|at| at as u32 + first).ok_or_else(|| {
        let known: Vec<&str> = names.iter().copied().filter(|name| !name.is_empty()).collect();
        value
            .invalid(format!("`{}` is neither a number up to {max} nor a known name", value.text))
            .help(known.join(", "))
    })
}

fn setting(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let text = value.text.trim_start_matches(' ');
    let end = text.find([' ', '<', '>', '=']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let Some(at) = SETTINGS.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
        return Err(value.invalid(format!("`{name}` is not a setting")).help(SETTINGS.join(", ")));
    };
    // what cannot be read as a test is no part of it
    let compare = compare::parse(rest).filter(|(_, rest)| rest.trim_start_matches(' ').is_empty());
    Ok(test(Http2Frame::Setting { id: at as u16 + 1, value: compare.map(|(compare, _)| compare) }))
}

impl fmt::Display for Http2Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "http2.frametype:{kind}"),
            Self::ErrorCode(code) => write!(f, "http2.errorcode:{code}"),
            Self::Priority(compare) => write!(f, "http2.priority:{compare}"),
            Self::Window(compare) => write!(f, "http2.window:{compare}"),
            Self::SizeUpdate(compare) => write!(f, "http2.size_update:{compare}"),
            Self::Setting { id, value } => {
                let name = SETTINGS.get(usize::from(id.saturating_sub(1))).copied().unwrap_or_default();
                write!(f, "http2.settings:{name}")?;
                value.map_or(Ok(()), |value| write!(f, " {value}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{find, test_value};
    use super::*;

    fn read(name: &'static str, text: &str) -> Option<Http2Frame> {
        let Parse::Keyword(parse) = find(name)?.parse else { return None };
        match test_value(name, text, |value| parse(value).ok())? {
            Keyword::Http2Frame(test) => Some(test),
            _ => None,
        }
    }

    #[test]
    fn names_and_numbers_are_read() {
        assert_eq!(read("http2.frametype", "GoAway"), Some(Http2Frame::Kind(7)));
        assert_eq!(read("http2.frametype", "12"), Some(Http2Frame::Kind(12)));
        assert_eq!(read("http2.frametype", "256"), None);
        assert_eq!(read("http2.errorcode", "CANCEL"), Some(Http2Frame::ErrorCode(8)));
        assert_eq!(read("http2.errorcode", "INTERNAL_ERROR"), None);
        assert_eq!(read("http2.priority", ">100"), Some(Http2Frame::Priority(Compare::Gt(100))));
        assert_eq!(read("http2.priority", "256"), None);
        assert_eq!(read("http2.size_update", "4096"), Some(Http2Frame::SizeUpdate(Compare::Eq(4096))));
    }

    #[test]
    fn a_setting_may_have_a_value() {
        let max = |value| Some(Http2Frame::Setting { id: 3, value });
        assert_eq!(read("http2.settings", "SETTINGS_MAX_CONCURRENT_STREAMS"), max(None));
        assert_eq!(read("http2.settings", "SETTINGS_MAX_CONCURRENT_STREAMS >50"), max(Some(Compare::Gt(50))));
        assert_eq!(read("http2.settings", "SETTINGS_NONE"), None);
    }
}
