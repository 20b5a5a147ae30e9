//! Keywords about the rule itself.

use super::value::{c_number, is_blank};
use super::{Argument, Effect, Family, Keyword, KeywordDef, Parse, Value, text};
use crate::source::Diagnostic;

const fn def(
    name: &'static str,
    argument: Argument,
    parse: fn(&Value<'_>) -> Result<Keyword, Diagnostic>,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases: &[],
        family: Family::Meta,
        argument,
        parse: Parse::Keyword(parse),
        effect: Effect::Nothing,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("msg", Argument::QUOTED, |value| Ok(Keyword::Msg(text::unescape(value.text))), "what the alert says"),
    def("sid", Argument::PLAIN, |value| Ok(Keyword::Sid(not_zero(value)?)), "number of the rule"),
    def("rev", Argument::PLAIN, |value| Ok(Keyword::Rev(not_zero(value)?)), "version of the rule"),
    def(
        "gid",
        Argument::PLAIN,
        |value| Ok(Keyword::Gid(identifier(value)?)),
        "group of the rule's number, 1 if absent",
    ),
    def("classtype", Argument::PLAIN, classtype, "class of the event; gives a priority"),
    def("priority", Argument::PLAIN, priority, "smaller is evaluated first"),
    def("reference", Argument::PLAIN, reference, "where to read more"),
    def(
        "metadata",
        Argument::PLAIN,
        |value| Ok(Keyword::Metadata(value.text.to_owned())),
        "keys and values for people and tools",
    ),
    def("target", Argument::PLAIN, target, "which side is attacked: `src_ip` or `dest_ip`"),
    def("noalert", Argument::NONE, |_| Ok(Keyword::Noalert), "acts without an alert"),
    def("alert", Argument::NONE, |_| Ok(Keyword::Alert), "alerts although the action is pass"),
    def(
        "requires",
        Argument::PLAIN,
        |value| Ok(Keyword::Requires(value.text.to_owned())),
        "what Suricata must be able to do, else it skips the rule",
    ),
];

/// A number below 4294967295.
fn identifier(value: &Value<'_>) -> Result<u32, Diagnostic> {
    let limit = u32::MAX - 1;
    match c_number(value.text, 10) {
        Some(number) => u32::try_from(number)
            .ok()
            .filter(|&number| number <= limit)
            .ok_or_else(|| value.invalid(format!("{number} is not a number from 0 to {limit}"))),
        None => Err(value.invalid(format!("`{}` is not a number", value.text))),
    }
}

fn not_zero(value: &Value<'_>) -> Result<u32, Diagnostic> {
    match identifier(value)? {
        0 => Err(value.invalid("it cannot be 0").help("number rules from 1 on")),
        number => Ok(number),
    }
}

fn classtype(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let name = value.text.trim_matches(is_blank);
    let ok = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() < 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !ok {
        return Err(value.invalid(format!("`{name}` is not a name of letters, digits, `-` and `_` (up to 63)")));
    }
    Ok(Keyword::Classtype(name.to_owned()))
}

fn priority(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let text = value.text.trim_matches(is_blank);
    match text.parse::<u128>() {
        // what is too large is cut as C cuts it
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Ok(Keyword::Priority(i64::try_from(number).unwrap_or(i64::MAX) as u32))
        }
        _ => Ok(Keyword::Priority(value.number()?)),
    }
}

fn reference(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let wrong = || {
        value
            .invalid("it is `system,id`")
            .help("for example `reference:url,example.com/report` or `reference:cve,2021-44228`")
    };
    let (system, id) = value.text.split_once(',').ok_or_else(wrong)?;
    let system = system.trim_matches(is_blank);
    let id = id.trim_matches(is_blank);
    if system.is_empty() || id.is_empty() || !system.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(wrong());
    }
    Ok(Keyword::Reference { system: system.to_owned(), id: id.to_owned() })
}

fn target(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    match value.text.trim_matches(is_blank) {
        "src_ip" => Ok(Keyword::Target { destination: false }),
        "dest_ip" => Ok(Keyword::Target { destination: true }),
        other => Err(value.invalid(format!("`{other}` is neither `src_ip` nor `dest_ip`"))),
    }
}
