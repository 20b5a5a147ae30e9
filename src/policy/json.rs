//! JSON to a tree with places.
//!
//! `serde_json` checks the syntax and finds where values begin and end; only the escapes of strings are decoded here,
//! since each needs its way back to the file.

use super::code;
use super::value::{MAX_DEPTH, Node, Value};
use crate::source::{Diagnostic, FileId, MappedText, Sources, Span, Spanned, TextBuilder};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Reads the JSON document of a file.
///
/// # Errors
/// The syntax error, or what else keeps the document from being read.
pub(super) fn parse(sources: &Sources, file: FileId) -> Result<Node, Diagnostic> {
    let whole = sources.text(file);
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let reader = Reader { file, text, base: whole.len() - text.len() };
    match serde_json::from_str::<&RawValue>(text) {
        Ok(root) => reader.node(root, 0),
        Err(error) => Err(reader.syntax_error(&error)),
    }
}

struct Reader<'a> {
    file: FileId,
    text: &'a str,
    /// Where `text` begins in the file: behind a byte order mark.
    base: usize,
}

impl<'a> Reader<'a> {
    fn node(&self, raw: &'a RawValue, depth: usize) -> Result<Node, Diagnostic> {
        let text = raw.get();
        let span = self.span(text);
        if depth > MAX_DEPTH {
            return Err(code::too_deep(span));
        }
        let value = match text.as_bytes().first() {
            Some(b'{') => Value::Map(self.members(text, depth)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|e| self.syntax_error(&e))?;
                Value::List(items.into_iter().map(|item| self.node(item, depth + 1)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Value::String(self.string(text)?),
            Some(b't') => Value::Bool(true),
            Some(b'f') => Value::Bool(false),
            Some(b'n') => Value::Null,
            _ => Value::Number(text.to_owned()),
        };
        Ok(Node { value, span })
    }

    fn members(&self, text: &'a str, depth: usize) -> Result<Vec<(Spanned<String>, Node)>, Diagnostic> {
        let Members(raw) = serde_json::from_str(text).map_err(|e| self.syntax_error(&e))?;
        let mut members = Vec::with_capacity(raw.len());
        for (key, value) in raw {
            let span = self.span(key.get());
            let key = Spanned::new(self.string(key.get())?.as_str().to_owned(), span);
            members.push((key, self.node(value, depth + 1)?));
        }
        code::refuse_duplicate_keys(&members)?;
        Ok(members)
    }

    /// Decodes a string literal, quotes included, that is known to be well-formed but for lone surrogates.
    fn string(&self, literal: &str) -> Result<MappedText, Diagnostic> {
        let start = self.offset(literal);
        let body = literal.get(1..literal.len().saturating_sub(1)).unwrap_or("");
        let mut text = TextBuilder::new();
        let mut at = 0;
        while let Some(rest) = body.get(at..).filter(|rest| !rest.is_empty()) {
            let run = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
            text.verbatim(rest.get(..run).unwrap_or(""), self.file, start + 1 + at);
            at += run;
            let Some(escape) = body.get(at..).filter(|rest| !rest.is_empty()) else { break };
            let Some((decoded, length)) = unescape(escape) else {
                let span = Span::new(self.file, start + 1 + at..start + 1 + at + 6);
                return Err(Diagnostic::error(code::JSON_SYNTAX, "half of a surrogate pair in a string")
                    .at(span)
                    .help("write the character itself, or both halves"));
            };
            let span = Span::new(self.file, start + 1 + at..start + 1 + at + length);
            text.derived(decoded.encode_utf8(&mut [0; 4]), span);
            at += length;
        }
        Ok(text.finish(self.span(literal)))
    }

    /// Where a part of the text stands in the file.
    fn offset(&self, part: &str) -> usize {
        self.base + (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn span(&self, part: &str) -> Span {
        let start = self.offset(part);
        Span::new(self.file, start..start + part.len())
    }

    fn syntax_error(&self, error: &serde_json::Error) -> Diagnostic {
        let line_start: usize =
            self.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let at = (line_start + error.column().saturating_sub(1)).min(self.text.len());
        let full = error.to_string();
        let message = full.split(" at line ").next().unwrap_or(&full);
        let end = (at + 1).min(self.text.len());
        let span = Span::new(self.file, self.base + at..self.base + end);
        if self.text.trim().is_empty() {
            return Diagnostic::error(code::JSON_SYNTAX, "the file is empty")
                .at(span)
                .help("give a policy: what `aws network-firewall describe-firewall-policy` prints, for example");
        }
        Diagnostic::error(code::JSON_SYNTAX, format!("not valid JSON: {message}"))
            .at(span)
            .help("check the commas, quotes and brackets here and just before")
    }
}

/// The character that an escape (`\n`, `\u0041`, a pair of surrogates) stands for, and the escape's length in bytes.
fn unescape(escape: &str) -> Option<(char, usize)> {
    let simple = match escape.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let unit = |at: usize| u32::from_str_radix(escape.get(at..at + 4)?, 16).ok();
            let first = unit(2)?;
            if !(0xd800..0xdc00).contains(&first) {
                return Some((char::from_u32(first)?, 6));
            }
            let second = escape.get(6..8).filter(|&lead| lead == "\\u").and_then(|_| unit(8))?;
            let low = second.checked_sub(0xdc00).filter(|&low| low < 0x400)?;
            return Some((char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + low)?, 12));
        }
        &other => other as char,
    };
    Some((simple, 2))
}

/// The members of an object in file order, repeated keys included.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Sources, Result<Node, Diagnostic>) {
        let mut sources = Sources::new();
        let file = sources.add("x.json", text);
        let node = parse(&sources, file);
        (sources, node)
    }

    #[test]
    fn every_value_knows_its_bytes() {
        let (sources, node) = read("\u{feff}{\"a\": [1, {\"b\\u0041\" : \"x\\ny\\ud83d\\ude00\" }], \"c\":null}");
        let node = node.unwrap();
        let list = node.get("a").unwrap().as_list().unwrap();
        assert_eq!(list[0].value, Value::Number("1".to_owned()));
        let text = list[1].get("bA").unwrap().as_text().unwrap();
        assert_eq!(text.as_str(), "x\ny\u{1f600}");
        assert_eq!(sources.slice(text.span(2..3)), "y");
        assert_eq!(sources.slice(text.span(3..7)), "\\ud83d\\ude00");
        assert_eq!(sources.slice(list[1].span), "{\"b\\u0041\" : \"x\\ny\\ud83d\\ude00\" }");
        assert!(node.get("c").is_none());
    }

    #[test]
    fn a_syntax_error_has_a_line_and_a_column() {
        let (sources, node) = read("{\n  \"a\": 1\n  \"b\": 2\n}");
        let error = node.unwrap_err();
        assert_eq!(sources.location(error.labels[0].span).to_string(), "x.json:3:3");
        assert_eq!(error.message, "not valid JSON: expected `,` or `}`");
    }

    #[test]
    fn a_key_given_twice_is_refused_with_both_places() {
        let (sources, node) = read(r#"{"a": 1, "a": 2}"#);
        let error = node.unwrap_err();
        let places: Vec<_> = error.labels.iter().map(|l| sources.location(l.span).column).collect();
        assert_eq!((error.code, places), (code::DUPLICATE_KEY, vec![10, 2]));
    }

    #[test]
    fn hostile_documents_are_refused_without_a_panic() {
        assert_eq!(read(&"[".repeat(100_000)).1.unwrap_err().code, code::JSON_SYNTAX);
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(read(&deep).1.unwrap_err().code, code::TOO_DEEP);
        assert_eq!(read(r#""\ud800x""#).1.unwrap_err().code, code::JSON_SYNTAX);
        assert_eq!(read("").1.unwrap_err().code, code::JSON_SYNTAX);
    }
}
