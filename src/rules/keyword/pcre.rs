//! `pcre`, taken apart but not compiled.

use super::value::is_blank;
use super::{Argument, Buffer, Effect, Family, Keyword, KeywordDef, Parse, Value};
use crate::source::Diagnostic;

/// A regular expression, not compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pcre {
    /// Between the slashes, as the regular expression engine gets it.
    pub pattern: String,
    /// Behind the last slash: `i m s x A E G` go to the engine, `R` is relative to the match before, `O` lifts the match limit,
    /// `B` asks for the raw bytes, and capitals of [`Pcre::buffer`] choose a buffer.
    pub flags: String,
    /// `!`
    pub negated: bool,
    /// The names behind the flags (`,flow:name`, `,pkt:name`, ...), one for each capture.
    pub captures: Vec<String>,
}

impl Pcre {
    /// Whether the match begins where the one before ended.
    pub fn is_relative(&self) -> bool {
        self.flags.contains('R')
    }

    /// The buffer that the flags choose; `None` leaves it to the options before.
    pub fn buffer(&self) -> Option<Buffer> {
        self.flags.bytes().find_map(flag_buffer)
    }
}

fn flag_buffer(flag: u8) -> Option<Buffer> {
    Some(match flag {
        b'U' => Buffer::HttpUri,
        b'V' => Buffer::HttpUserAgent,
        b'W' => Buffer::HttpHost,
        b'Z' => Buffer::HttpHostRaw,
        b'H' => Buffer::HttpHeader,
        b'I' => Buffer::HttpUriRaw,
        b'D' => Buffer::HttpHeaderRaw,
        b'M' => Buffer::HttpMethod,
        b'C' => Buffer::HttpCookie,
        b'P' => Buffer::HttpRequestBody,
        b'Q' => Buffer::HttpResponseBody,
        b'Y' => Buffer::HttpStatMsg,
        b'S' => Buffer::HttpStatCode,
        _ => return None,
    })
}

pub(super) const DEFS: &[KeywordDef] = &[KeywordDef {
    name: "pcre",
    aliases: &[],
    family: Family::Payload,
    argument: Argument::NOT_MAY_QUOTE,
    parse: Parse::Keyword(pcre),
    effect: Effect::Nothing,
    doc: "finds a regular expression",
}];

fn pcre(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str = "it is `pcre:\"/expression/flags\"`";
    let (expression, captures) = split_captures(value.text);
    let Some((before, rest)) = expression.split_once('/') else {
        return Err(value.invalid("there is no `/` in front of the expression").help(HELP));
    };
    if !before.trim_matches(is_blank).is_empty() {
        return Err(value.invalid_at(before, "there is something in front of the first `/`").help(HELP));
    }
    let Some(end) = last_slash(rest) else {
        return Err(value.invalid("there is no `/` behind the expression").help(HELP));
    };
    let (pattern, flags) = (rest.get(..end).unwrap_or(""), rest.get(end + 1..).unwrap_or(""));
    let flags = flags.split_once('"').map_or(flags, |(flags, _)| flags);
    let mut buffer = None;
    for flag in flags.bytes() {
        if let Some(chosen) = flag_buffer(flag) {
            if *buffer.get_or_insert(chosen) != chosen {
                return Err(value.invalid_at(flags, "the flags choose more than one buffer"));
            }
        } else if !b"AEGimsxOBR".contains(&flag) {
            let flag = (flag as char).escape_default();
            return Err(value
                .invalid_at(flags, format!("`{flag}` is not a flag"))
                .help("a `/` in the expression is written `\\/`"));
        }
    }
    if flags.contains('B') && buffer.is_some() {
        return Err(value.invalid_at(flags, "`B` cannot be combined with a flag that chooses a buffer"));
    }
    if buffer == Some(Buffer::HttpHost) && !flags.contains('i') && has_upper_case(pattern) {
        return Err(Diagnostic::error("FD0220", "the host is compared in lower case, and the expression has capitals")
            .at(value.span()));
    }
    if let Some(name) = capture_names(captures).find(|name| !name.starts_with("flow:") && !name.starts_with("pkt:")) {
        return Err(
            value.invalid_at(name, format!("the name `{name}` of a capture begins with neither `flow:` nor `pkt:`"))
        );
    }
    let captures = capture_names(captures).map(str::to_owned).collect();
    Ok(Keyword::Pcre(Box::new(Pcre {
        pattern: pattern.to_owned(),
        flags: flags.to_owned(),
        negated: value.negated,
        captures,
    })))
}

/// Cuts off the names of captures, `, flow:name` or `, pkt:name`.
fn split_captures(text: &str) -> (&str, &str) {
    let at = [text.find("flow:"), text.find("pkt:")].into_iter().flatten().min();
    if let Some((expression, names)) = at.and_then(|at| text.split_at_checked(at)) {
        let cut = expression.trim_end_matches([',', ' ']);
        if cut.len() < expression.len() && !cut.is_empty() {
            return (cut, names.trim_end_matches('"'));
        }
    }
    (text, "")
}

fn capture_names(captures: &str) -> impl Iterator<Item = &str> {
    captures.split([',', ' ']).filter(|name| !name.is_empty())
}

/// The last slash that is not escaped.
fn last_slash(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memrchr_iter(b'/', bytes).find(|&at| {
        let escapes = bytes.iter().take(at).rev().take_while(|&&byte| byte == b'\\').count();
        escapes == 0 || escapes >= 2
    })
}

/// Capitals other than in classes such as `\W`.
fn has_upper_case(pattern: &str) -> bool {
    let mut escaped = false;
    pattern.bytes().any(|byte| {
        let upper = byte.is_ascii_uppercase() && !escaped;
        escaped = byte == b'\\' && !escaped;
        upper
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    fn read(text: &str) -> Option<Pcre> {
        match test_value("pcre", text, |value| pcre(value).ok()) {
            Some(Keyword::Pcre(pcre)) => Some(*pcre),
            _ => None,
        }
    }

    #[test]
    fn an_expression_stands_between_slashes() {
        let pcre = read(r"/^a\/b\d+$/Ri").unwrap();
        assert_eq!((pcre.pattern.as_str(), pcre.flags.as_str()), (r"^a\/b\d+$", "Ri"));
        assert!(pcre.is_relative() && pcre.buffer().is_none());
        assert_eq!(read("/x/U").unwrap().buffer(), Some(Buffer::HttpUri));
        for text in ["x", "/x", "/x/k", "/x/UH", "/x/BU", "/Abc/W", "/x/i ", "/(x)/, pkt:a, pt:b"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn captures_may_be_named() {
        let pcre = read("/(.*)\\r\\n/HR, flow:name, pkt:other").unwrap();
        assert_eq!(pcre.flags, "HR");
        assert_eq!(pcre.captures, ["flow:name", "pkt:other"]);
    }
}
