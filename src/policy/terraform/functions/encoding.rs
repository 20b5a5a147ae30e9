//! `jsonencode`, `jsondecode`, `yamldecode`, base64, `urlencode`, `csvdecode`.

use super::Args;
use crate::policy::terraform::value::{Data, Eval, Number, Stop, Val};
use crate::policy::value::{Node, Value};
use crate::policy::{json as json_text, yaml};
use crate::source::{MappedText, Sources, Span, Spanned, TextBuilder};
use std::fmt::Write;

pub(super) fn call(args: &Args<'_, '_>) -> Option<Eval> {
    Some(match args.name {
        "jsonencode" => jsonencode(args),
        "jsondecode" => decode(args, json_text::parse),
        "yamldecode" => decode(args, |sources, file| yaml::parse(sources, file).map(|(node, _)| node)),
        "csvdecode" => csvdecode(args),
        "base64encode" => base64encode(args),
        "base64decode" => base64decode(args),
        "urlencode" => urlencode(args),
        _ => return None,
    })
}

fn jsonencode(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    Ok(Val::derived(json(args, args.fully_known(0)?)?, args.span))
}

/// A value as JSON: compact, keys in order, as Go's encoder writes it.
pub(super) fn json(args: &Args<'_, '_>, value: &Val) -> Eval<String> {
    let mut out = String::new();
    write_json(args, value, &mut out)?;
    Ok(out)
}

fn write_json(args: &Args<'_, '_>, value: &Val, out: &mut String) -> Eval<()> {
    args.evaluator.charge(1, args.span)?;
    match &value.data {
        Data::Null => out.push_str("null"),
        Data::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Data::Number(number) => out.push_str(&number.to_string()),
        Data::Text(text) => {
            args.evaluator.charge(text.as_str().len() / 16, args.span)?;
            string(text.as_str(), out);
        }
        Data::List(items) | Data::Set(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_json(args, item, out)?;
            }
            out.push(']');
        }
        Data::Map(map) => {
            out.push('{');
            for (at, (key, member)) in map.sorted().into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                string(&key.value, out);
                out.push(':');
                write_json(args, member, out)?;
            }
            out.push('}');
        }
        Data::Unknown(_) => return Err(Stop::Unknown(Box::new(value.clone()))),
    }
    Ok(())
}

fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Go escapes what is special in HTML, and so does Terraform.
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Reads a text as a document; every value keeps its place in the text's file.
fn decode(
    args: &Args<'_, '_>,
    parse: impl Fn(&Sources, crate::source::FileId) -> Result<Node, crate::source::Diagnostic>,
) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    let mut sources = Sources::new();
    let file = sources.add("", text.as_str());
    match parse(&sources, file) {
        Ok(node) => place_back(args, &node, &text),
        Err(problem) => {
            let span = problem.labels.first().map_or(text.whole(), |label| back(label.span, &text));
            Err(Stop::fault(problem.message, span, problem.help.unwrap_or_default()))
        }
    }
}

/// From a place in the decoded text to the place in the user's file.
fn back(span: Span, text: &MappedText) -> Span {
    text.span(span.start as usize..span.end as usize)
}

fn place_back(args: &Args<'_, '_>, node: &Node, text: &MappedText) -> Eval {
    args.evaluator.charge(1, args.span)?;
    let span = back(node.span, text);
    Ok(match &node.value {
        Value::Null | Value::Unresolved(_) => Val::new(Data::Null, span),
        Value::Bool(value) => Val::bool(*value, span),
        Value::Number(number) => match Number::parse(number) {
            Some(number) => Val::new(Data::Number(number), span),
            None => Val::derived(number.clone(), span),
        },
        Value::String(inner) => {
            args.evaluator.charge(inner.as_str().len(), args.span)?;
            Val::text(compose(inner, text, span))
        }
        Value::List(items) => {
            let items = items.iter().map(|item| place_back(args, item, text)).collect::<Eval<Vec<_>>>()?;
            Val::list(items, span)
        }
        Value::Map(members) => {
            let members = members.iter().map(|(key, value)| {
                Ok((Spanned::new(key.value.clone(), back(key.span, text)), place_back(args, value, text)?))
            });
            Val::map(members.collect::<Eval<Vec<_>>>()?, span)
        }
    })
}

/// `inner` maps into `text`; the result maps to where `text` maps.
fn compose(inner: &MappedText, text: &MappedText, whole: Span) -> MappedText {
    let mut out = TextBuilder::new();
    let mut run: Option<std::ops::Range<usize>> = None; // of bytes of `text` that stand in `inner` as they are
    for (at, c) in inner.as_str().char_indices() {
        let place = inner.span(at..at + c.len_utf8());
        let place = place.start as usize..place.end as usize;
        let same = text.as_str().get(place.clone()).is_some_and(|there| there.chars().eq([c]));
        match &mut run {
            Some(run) if same && run.end == place.start => run.end = place.end,
            _ => {
                if let Some(run) = run.take() {
                    out.mapped(&text.slice(run));
                }
                if same {
                    run = Some(place);
                } else {
                    out.derived(c.encode_utf8(&mut [0; 4]), text.span(place));
                }
            }
        }
    }
    if let Some(run) = run {
        out.mapped(&text.slice(run));
    }
    out.finish(whole)
}

/// A table with a header row to a list of maps; fields may be quoted.
fn csvdecode(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    args.evaluator.charge(text.as_str().len(), args.span)?;
    let mut rows = csv_rows(&text).into_iter();
    let header = rows.next().unwrap_or_default();
    let mut out = Vec::new();
    for row in rows {
        if row.len() != header.len() {
            return Err(args.fault(format!("a row has {} fields, the header has {}", row.len(), header.len())));
        }
        let members = header.iter().zip(row);
        let members =
            members.map(|(key, field)| (Spanned::new(key.as_str().to_owned(), key.whole()), Val::text(field)));
        out.push(Val::map(members.collect(), args.span));
    }
    Ok(Val::list(out, args.span))
}

fn csv_rows(text: &MappedText) -> Vec<Vec<MappedText>> {
    let bytes = text.as_str().as_bytes();
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut field = TextBuilder::new();
        let start = at;
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            while let Some(quote) = bytes.get(at..).and_then(|rest| memchr::memchr(b'"', rest)) {
                field.mapped(&text.slice(at..at + quote));
                at += quote + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                field.mapped(&text.slice(at..at + 1));
                at += 1;
            }
        }
        let rest = bytes.get(at..).unwrap_or(&[]);
        let end = at + memchr::memchr2(b',', b'\n', rest).unwrap_or(rest.len());
        let plain = text.slice(at..end);
        field.mapped(&plain.slice(0..plain.as_str().trim_end_matches('\r').len()));
        row.push(field.finish(text.span(start..end)));
        let comma = bytes.get(end) == Some(&b',');
        at = end + 1;
        if comma && at >= bytes.len() {
            row.push(text.slice(bytes.len()..bytes.len()));
        }
        if !comma || at >= bytes.len() {
            rows.push(std::mem::take(&mut row));
        }
    }
    rows.retain(|row| !matches!(row.as_slice(), [only] if only.as_str().is_empty()));
    rows
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64encode(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    let mut out = String::new();
    for chunk in text.as_str().as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, &byte| bits << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for sextet in 0..4 {
            let index = (bits >> (18 - 6 * sextet)) as usize & 63;
            out.push(if sextet <= chunk.len() { BASE64.get(index).map_or('=', |&b| b as char) } else { '=' });
        }
    }
    Ok(Val::derived(out, text.whole()))
}

fn base64decode(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.as_str().trim_end_matches('=').bytes() {
        let sextet = BASE64.iter().position(|&b| b == byte).ok_or_else(|| args.fault("this is not base64"))?;
        bits = bits << 6 | sextet as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    let decoded = String::from_utf8(bytes).map_err(|_| args.fault("the decoded bytes are not UTF-8 text"))?;
    Ok(Val::derived(decoded, text.whole()))
}

fn urlencode(args: &Args<'_, '_>) -> Eval {
    args.count(1..=1)?;
    let text = args.text(0)?;
    let mut out = String::new();
    for byte in text.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            b' ' => out.push('+'),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    Ok(Val::derived(out, text.whole()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn json_is_written_and_read() {
        check(r#"jsonencode({b = [1, null], a = "<x>\""})"#, r#""{\"a\":\"\\u003cx\\u003e\\\"\",\"b\":[1,null]}""#);
        check(r#"jsondecode("{\"a\": [1, 2.5, true, null]}").a"#, "[1,2.5,true,null]");
        check(r#"jsondecode("{")"#, "not valid JSON: EOF while parsing an object");
    }

    #[test]
    fn yaml_and_csv_are_read() {
        check(r#"yamldecode("a:\n  - .example.com\n  - x\n")"#, r#"{"a":[".example.com","x"]}"#);
        check(r#"csvdecode("a,b\n1,\"x,\"\"y\"\n")"#, r#"[{"a":"1","b":"x,\"y"}]"#);
    }

    #[test]
    fn base64_goes_both_ways() {
        check(r#"[base64encode("hello"), base64decode("aGVsbG8=")]"#, r#"["aGVsbG8=","hello"]"#);
        check(r#"urlencode("a b/c")"#, r#""a+b%2Fc""#);
    }
}
