//! One rule: the header, and the cutting of its options.

use super::ast::{Arrow, Rule};
use super::dialect::Dialect;
use super::keyword::{self, Argument, KeywordDef, Presence, Quotes, Value, is_blank};
use super::near::near_matches;
use super::requires::{self, Requires};
use super::signature::Signature;
use super::{Protocol, address, file, port};
use crate::source::{Diagnostic, MappedText, Spanned};
use crate::verdict::RuleAction;
use std::cell::RefCell;
use std::ops::Range;

/// A part of the rule's text and where it begins in the whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) whole: &'a MappedText,
}

impl Part<'_> {
    pub(super) fn span(&self) -> crate::source::Span {
        self.whole.span(self.at..self.at + self.text.len())
    }

    /// A part of the part; empty when out of bounds.
    pub(super) fn sub(&self, range: Range<usize>) -> Self {
        let at = self.at + range.start.min(self.text.len());
        Self { text: self.text.get(range).unwrap_or(""), at, whole: self.whole }
    }

    /// Without white space in front.
    pub(super) fn trim_start(&self) -> Self {
        let len = self.text.trim_ascii_start().len();
        self.sub(self.text.len() - len..self.text.len())
    }
}

/// The seven parts in front of the options.
struct Header<'a> {
    parts: [Part<'a>; 7],
    options: Part<'a>,
}

const PARTS: [&str; 7] =
    ["action", "protocol", "source address", "source port", "direction", "destination address", "destination port"];

/// Reads the rule that stands at `range`; pushes what is wrong or odd about it.
pub(super) fn rule(
    whole: &MappedText,
    range: Range<usize>,
    dialect: Dialect,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Rule> {
    let text = whole.as_str().get(range.clone()).unwrap_or("");
    let part = Part { text, at: range.start, whole };
    let before = diagnostics.len();
    if let Some(message) = file::too_long(text.len()) {
        diagnostics.push(Diagnostic::error("FD0201", message).at(part.span()));
        return None;
    }
    if let Some(at) =
        text.bytes().position(|byte| (byte < 0x20 && !matches!(byte, b'\t' | b'\r' | b'\n')) || byte == 0x7f)
    {
        diagnostics.push(
            Diagnostic::error("FD0201", "there is a control character in the rule").at(part.sub(at..at + 1).span()),
        );
        return None;
    }
    let header = match split_header(part) {
        Ok(header) => header,
        Err(error) => {
            diagnostics.push(*error);
            return None;
        }
    };
    if let Some(why_not) = unmet_requirement(&header.options, dialect) {
        diagnostics.push(why_not);
        return None;
    }
    let [action, protocol, source, source_port, arrow, destination, destination_port] = header.parts;
    let action = keep(read_action(action, diagnostics), diagnostics);
    let protocol = keep(read_protocol(protocol, dialect), diagnostics);
    let source = keep(address::parse(source), diagnostics);
    let source_port = keep(port::parse(source_port), diagnostics);
    let arrow = keep(read_arrow(arrow), diagnostics);
    let destination = keep(address::parse(destination), diagnostics);
    let destination_port = keep(port::parse(destination_port), diagnostics);

    let mut signature =
        Signature::new(whole, protocol.as_ref().map_or(Protocol::Ip, |protocol| protocol.value), text.len());
    let options_read = read_options(&header.options, dialect, &mut signature, diagnostics);
    if !options_read
        || diagnostics.iter().skip(before).any(|diagnostic| diagnostic.severity == crate::source::Severity::Error)
    {
        return None;
    }
    if let Err(error) = signature.finish(part.span(), diagnostics) {
        diagnostics.push(error);
        return None;
    }
    Some(Rule {
        action: action?,
        protocol: protocol?,
        source: source?,
        source_port: source_port?,
        arrow: arrow?,
        destination: destination?,
        destination_port: destination_port?,
        app_protocol: signature.app_protocol(),
        direction: signature.direction(),
        basis: signature.basis(),
        options: signature.into_options(),
        span: part.span(),
        generated_from: None,
    })
}

fn keep<T>(result: Result<T, Diagnostic>, diagnostics: &mut Vec<Diagnostic>) -> Option<T> {
    result.map_err(|error| diagnostics.push(error)).ok()
}

/// Cuts the header as Suricata does: at spaces that are not inside brackets.
fn split_header(rule: Part<'_>) -> Result<Header<'_>, Box<Diagnostic>> {
    let bytes = rule.text.as_bytes();
    let mut parts = [rule.sub(0..0); 7];
    let mut at = 0;
    for (index, slot) in parts.iter_mut().enumerate() {
        while bytes.get(at).is_some_and(|&byte| is_blank(byte as char)) {
            at += 1;
        }
        let start = at;
        let mut depth = 0i32;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                b' ' if depth == 0 => break,
                b'\t' if index == 0 || index == 4 => break,
                _ => {}
            }
            at += 1;
        }
        *slot = rule.sub(start..at);
        if at >= bytes.len() {
            return Err(Box::new(incomplete(rule, &parts, index)));
        }
        if slot.text.starts_with('(') {
            return Err(Box::new(incomplete(rule, &parts, index)));
        }
    }
    Ok(Header { parts, options: rule.sub(at..bytes.len()) })
}

/// Says what is missing in a header of which `index` parts and some text were found.
fn incomplete(rule: Part<'_>, parts: &[Part<'_>; 7], index: usize) -> Diagnostic {
    const HELP: &str =
        "a rule is `action protocol source port -> destination port (options)`, with spaces between the parts";
    if let Some((part, tab)) = parts.iter().skip(1).find_map(|part| part.text.find('\t').map(|tab| (part, tab))) {
        return Diagnostic::error("FD0202", "the parts of the header must be separated by spaces, not tabs")
            .at(part.sub(tab..tab + 1).span())
            .help(HELP);
    }
    for part in parts.iter().take(index + 1) {
        if let Some(at) = part.text.find("->").or_else(|| part.text.find("<>"))
            && part.text.len() > 2
            && !part.text.starts_with('(')
            && !part.text.contains(' ')
        {
            let operator = part.sub(at..at + 2);
            let operator_text = operator.text.to_owned();
            return Diagnostic::error("FD0202", format!("`{operator_text}` must have spaces around it"))
                .at(operator.span())
                .help(format!(
                    "write `{}`",
                    part.text.replacen(&operator_text, &format!(" {operator_text} "), 1).trim()
                ));
        }
    }
    let last = parts.get(index).copied().unwrap_or(rule);
    let brackets =
        last.text.bytes().fold(0i32, |depth, byte| depth + i32::from(byte == b'[') - i32::from(byte == b']'));
    if brackets > 0 && index >= 1 {
        let open = last.text.find('[').unwrap_or(0);
        return Diagnostic::error("FD0202", "a `[` is not closed").at(last.sub(open..open + 1).span()).help(HELP);
    }
    if brackets < 0 && index >= 1 {
        let close = last.text.find(']').unwrap_or(0);
        return Diagnostic::error("FD0202", "a `]` was never opened").at(last.sub(close..close + 1).span()).help(HELP);
    }
    if let Some(open) = last.text.find('(').filter(|&open| open > 0) {
        return Diagnostic::error("FD0202", "there must be a space before `(`")
            .at(last.sub(open..open + 1).span())
            .help(HELP);
    }
    let found = if last.text.starts_with('(') || last.text.is_empty() { index } else { index + 1 };
    let message = match PARTS.get(found) {
        Some(missing) => format!("the header is not complete: the {missing} is missing"),
        None => "the rule has no options".to_owned(),
    };
    let first = rule.text.split(' ').next().unwrap_or("").len();
    let place = if index == 0 { rule.sub(0..first) } else { last };
    Diagnostic::error("FD0202", message).at(place.span()).help(HELP)
}

/// Suricata's own kinds of `reject` say whom to tell, which is not part of a verdict.
fn read_action(part: Part<'_>, diagnostics: &mut Vec<Diagnostic>) -> Result<Spanned<RuleAction>, Diagnostic> {
    const ACTIONS: [RuleAction; 4] = [RuleAction::Alert, RuleAction::Pass, RuleAction::Drop, RuleAction::Reject];
    if let Some(action) = ACTIONS.into_iter().find(|action| action.name().eq_ignore_ascii_case(part.text)) {
        return Ok(Spanned::new(action, part.span()));
    }
    let lower = part.text.to_ascii_lowercase();
    if matches!(lower.as_str(), "rejectsrc" | "rejectdst" | "rejectboth") {
        diagnostics.push(
            Diagnostic::warning("FD0224", format!("AWS refuses the action `{lower}`"))
                .at(part.span())
                .help("it is judged as `reject`"),
        );
        return Ok(Spanned::new(RuleAction::Reject, part.span()));
    }
    if matches!(lower.as_str(), "config" | "log" | "activate" | "dynamic" | "sdrop") {
        return Err(Diagnostic::error("FD0204", format!("the action `{lower}` is not supported"))
            .at(part.span())
            .help("AWS takes alert, pass, drop and reject"));
    }
    let error = Diagnostic::error("FD0204", format!("`{}` is not an action", part.text)).at(part.span());
    Err(match near_matches(&lower, ACTIONS.into_iter().map(RuleAction::name)) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error.help("actions are alert, pass, drop and reject"),
    })
}

fn read_protocol(part: Part<'_>, dialect: Dialect) -> Result<Spanned<Protocol>, Diagnostic> {
    if let Some(protocol) = Protocol::parse(part.text) {
        if protocol.is_later() && !dialect.later_words {
            return Err(later_word("FD0205", "protocol", part, dialect));
        }
        return Ok(Spanned::new(protocol, part.span()));
    }
    let error = Diagnostic::error("FD0205", format!("`{}` is not a protocol", part.text)).at(part.span());
    let lower = part.text.to_ascii_lowercase();
    Err(match lower.as_str() {
        "any" => error.help("`ip` is any protocol"),
        "ssl" | "https" => error.help("the protocol is called `tls`"),
        "modbus" | "dnp3" | "enip" => error.help("Suricata does not detect this protocol unless it is switched on"),
        _ => match near_matches(&lower, Protocol::ALL.iter().map(|protocol| protocol.as_str())) {
            Some(near) if Protocol::parse(&lower).is_some() => {
                error.help(format!("application protocols are written in lower case: {near}"))
            }
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error,
        },
    })
}

fn read_arrow(part: Part<'_>) -> Result<Spanned<Arrow>, Diagnostic> {
    match part.text {
        "->" => Ok(Spanned::new(Arrow::Forward, part.span())),
        "<>" => Ok(Spanned::new(Arrow::Both, part.span())),
        "<-" => Err(Diagnostic::error("FD0206", "`<-` is not a direction")
            .at(part.span())
            .help("exchange the two sides and write `->`")),
        other => Err(Diagnostic::error("FD0206", format!("`{other}` is not a direction"))
            .at(part.span())
            .help("directions are `->` and `<>`")),
    }
}

/// Says that a rule is passed over, or cannot be read, because of its `requires`.
fn unmet_requirement(options: &Part<'_>, dialect: Dialect) -> Option<Diagnostic> {
    let at = memchr::memmem::find(options.text.as_bytes(), b"requires")?;
    let before = options.text.get(..at)?.trim_end_matches(is_blank);
    let after = options.text.get(at + "requires".len()..)?.trim_start_matches(is_blank).strip_prefix(':')?;
    if !before.ends_with(['(', ';']) {
        return None;
    }
    let value = after.split(';').next()?;
    let start = options.text.len() - after.len();
    let place = options.sub(start..start + value.len()).trim_start().span();
    match requires::check(value, dialect.version) {
        Requires::Met => None,
        Requires::Unmet(lacking) => Some(
            Diagnostic::note("FD0225", format!("the rule is passed over: it requires `{lacking}`"))
                .at(place)
                .help(format!("{} is simulated", dialect.name())),
        ),
        Requires::Unreadable(part) => Some(
            Diagnostic::error("FD0211", format!("`{part}` cannot be read"))
                .at(place)
                .help("write `requires:version >= 7.0.3 < 8;` or `requires:feature NAME;`"),
        ),
    }
}

/// Reads all options; false when they cannot even be told apart.
fn read_options<'a>(
    options: &Part<'a>,
    dialect: Dialect,
    signature: &mut Signature<'a>,
    diagnostics: &mut Vec<Diagnostic>,
) -> bool {
    let start =
        options.text.len() - options.text.trim_start_matches(|c: char| c == '(' || c.is_ascii_whitespace()).len();
    let end = options.text.trim_end_matches(|c: char| c == ')' || c.is_ascii_whitespace()).len().max(start);
    if !options.text.get(..start).unwrap_or("").contains('(') {
        diagnostics.push(
            Diagnostic::warning("FD0209", "there is no `(` before the options")
                .at(options.sub(start..(start + 1).min(options.text.len())).span())
                .help("Suricata takes it as it is"),
        );
    } else if !options.text.get(end..).unwrap_or("").contains(')') {
        diagnostics.push(
            Diagnostic::warning("FD0209", "there is no `)` behind the options")
                .at(options.sub(end.saturating_sub(1)..end).span())
                .help("Suricata takes it as it is"),
        );
    }
    let list = options.sub(start..end);
    let bytes = list.text.as_bytes();
    let warnings = RefCell::new(Vec::new());
    let mut at = 0;
    while at < bytes.len() {
        while bytes.get(at).is_some_and(|&byte| is_blank(byte as char)) {
            at += 1;
        }
        let rest = bytes.get(at..).unwrap_or(&[]);
        let mut ends = memchr::memchr_iter(b';', rest);
        let Some(len) = ends.find(|&end| end == 0 || rest.get(end - 1) != Some(&b'\\')) else {
            diagnostics.push(unended(list.sub(at..bytes.len())));
            return false;
        };
        let option = list.sub(at..at + len);
        if let Err(error) = read_option(option, dialect, signature, &warnings) {
            diagnostics.push(error);
        }
        at += len + 1;
    }
    diagnostics.append(&mut warnings.into_inner());
    true
}

/// The text behind the last semicolon.
fn unended(rest: Part<'_>) -> Diagnostic {
    if let Some(after) = rest.text.strip_prefix(')') {
        let comment = after.trim_ascii_start().starts_with('#');
        let error = Diagnostic::error("FD0209", "there is something behind the closing `)`")
            .at(rest.sub(1..rest.text.len()).trim_start().span());
        return if comment { error.help("comments stand on lines of their own") } else { error };
    }
    let name = rest.text.split([':', ' ', ')']).next().unwrap_or("");
    Diagnostic::error("FD0209", format!("the option `{name}` is not ended by `;`"))
        .at(rest.span())
        .help("every option ends with a semicolon, the last one too; a semicolon inside a value is written `\\;`")
}

fn read_option(
    option: Part<'_>,
    dialect: Dialect,
    signature: &mut Signature<'_>,
    warnings: &RefCell<Vec<Diagnostic>>,
) -> Result<(), Diagnostic> {
    let (name, value) = match memchr::memchr(b':', option.text.as_bytes()) {
        Some(colon) => (option.sub(0..colon), Some(option.sub(colon + 1..option.text.len()))),
        None => (option, None),
    };
    let name = name.sub(0..name.text.trim_end_matches(is_blank).len());
    let option = option.sub(0..option.text.trim_end_matches(is_blank).len());
    let Some(def) = keyword::find(name.text) else {
        return Err(unknown_keyword(name, option, dialect));
    };
    if keyword::is_later(def) && !dialect.later_words {
        return Err(later_word("FD0203", "keyword", name, dialect));
    }
    if dialect.drops_old_words {
        refuse_old_word(def, name, value.as_ref(), dialect)?;
    }
    let value = value
        .map(|value| value.sub(0..value.text.trim_end_matches(is_blank).len()))
        .filter(|value| !value.text.is_empty());
    let value = read_value(def, name, value, warnings)?;
    let is_event = matches!(def.name, "decode-event" | "engine-event");
    if is_event
        && !dialect.later_words
        && keyword::is_later_event(value.text.strip_prefix("decoder.").unwrap_or(value.text))
    {
        return Err(later_word("FD0203", "event", option, dialect));
    }
    signature.option(def, &value, name.span(), option.span())
}

/// Refuses what a later version does not read any more.
fn refuse_old_word(
    def: &KeywordDef,
    name: Part<'_>,
    value: Option<&Part<'_>>,
    dialect: Dialect,
) -> Result<(), Diagnostic> {
    let instead = match def.name {
        "ssh.protoversion" => "ssh.proto",
        "ssh.softwareversion" => "ssh.software",
        "ssl_version" if value.is_some_and(|value| value.text.trim_start().get(1..).unwrap_or("").contains('!')) => {
            return Err(Diagnostic::error("FD0210", "`!` stands once, in front of all versions of `ssl_version`")
                .at(name.span())
                .help(format!("{} is simulated, which reads the list like this", dialect.name())));
        }
        _ => return Ok(()),
    };
    Err(Diagnostic::error("FD0203", format!("keyword `{}` is not known any more", name.text))
        .at(name.span())
        .help(format!("{} is simulated: `{instead}` takes its place", dialect.name())))
}

/// A word that came with a later version.
fn later_word(code: &'static str, what: &str, word: Part<'_>, dialect: Dialect) -> Diagnostic {
    Diagnostic::error(code, format!("{what} `{}` is not known: it came with Suricata 8.0", word.text))
        .at(word.span())
        .help(format!("{} is simulated: `--engine 8` follows 8.0", dialect.name()))
}

fn unknown_keyword(name: Part<'_>, option: Part<'_>, dialect: Dialect) -> Diagnostic {
    if name.text.is_empty() {
        let place = if option.text.is_empty() { option.whole.span(option.at..option.at + 1) } else { option.span() };
        return Diagnostic::error("FD0209", "there is a semicolon without an option before it").at(place);
    }
    if name.text.starts_with(')') {
        return Diagnostic::error("FD0209", "there is something behind the closing `)`")
            .at(option.span())
            .help("a rule ends with `)`: put the next rule on a line of its own");
    }
    if name.text.contains(['"', '\u{201c}', '\u{201d}', '|']) {
        return Diagnostic::error("FD0209", "this is not an option but seems to be the rest of a value")
            .at(option.span())
            .help("a semicolon inside a value is written `\\;`, in a content also `|3B|`");
    }
    let error = Diagnostic::error("FD0203", format!("keyword `{}` is not known", name.text)).at(name.span());
    let known = keyword::defs().filter(|def| dialect.later_words || !keyword::is_later(def));
    let names = known.flat_map(|def| std::iter::once(def.name).chain(def.aliases.iter().copied()));
    match near_matches(name.text, names) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error.help(format!("{} has no such keyword: correct the name, or take the rule out", dialect.name())),
    }
}

/// Takes negation and quotes off a value.
fn read_value<'a>(
    def: &'static KeywordDef,
    name: Part<'a>,
    value: Option<Part<'a>>,
    warnings: &'a RefCell<Vec<Diagnostic>>,
) -> Result<Value<'a>, Diagnostic> {
    let Argument { presence, quotes, negatable } = def.argument;
    let raw = value.map_or("", |value| value.text.trim_start_matches(is_blank));
    let make = |text, at, present, negated| Value {
        keyword: def.name,
        text,
        raw,
        present,
        negated,
        at,
        rule: name.whole,
        warnings,
    };
    let form = if quotes == Quotes::Always { "\"..\"" } else { ".." };
    let missing = |part: Part<'_>| {
        Diagnostic::error("FD0210", format!("`{}` needs a value", def.name))
            .at(part.span())
            .help(format!("write `{}:{form};`", def.name))
    };
    let Some(value) = value else {
        return if presence == Presence::Always {
            Err(missing(name))
        } else {
            Ok(make("", name.at + name.text.len(), false, false))
        };
    };
    if presence == Presence::Never {
        return Err(Diagnostic::error("FD0210", format!("`{}` has no value", def.name))
            .at(value.span())
            .help(format!("write `{};`", def.name)));
    }
    let blanks =
        |part: Part<'a>| part.sub(part.text.len() - part.text.trim_start_matches(is_blank).len()..part.text.len());
    let mut inner = blanks(value);
    let negated = negatable && inner.text.starts_with('!');
    if negated {
        inner = blanks(inner.sub(1..inner.text.len()));
    }
    if inner.text.is_empty() {
        return Err(missing(value));
    }
    if !inner.text.starts_with('"') {
        return if quotes == Quotes::Always {
            Err(unquoted(def, inner))
        } else {
            Ok(make(inner.text, inner.at, true, negated))
        };
    }
    if quotes == Quotes::Never {
        return Err(Diagnostic::error("FD0209", format!("the value of `{}` stands without quotes", def.name))
            .at(inner.span())
            .help("take the quotes away"));
    }
    if inner.text.len() == 1 {
        return Err(Diagnostic::error("FD0209", format!("the quotes of `{}` are not closed", def.name))
            .at(inner.span())
            .help("write the closing `\"` in front of the semicolon"));
    }
    if !inner.text.ends_with('"') {
        return Err(Diagnostic::error("FD0209", format!("the value of `{}` does not end with a quote", def.name))
            .at(inner.span())
            .help(
                "every option ends with `;`; a semicolon inside a value is written `\\;`, in a content also `|3B|`",
            ));
    }
    let text = inner.sub(1..inner.text.len() - 1);
    if text.text.is_empty() {
        return Err(Diagnostic::error("FD0210", format!("the value of `{}` is empty", def.name))
            .at(inner.span())
            .help("write something between the quotes, or take the option out"));
    }
    Ok(make(text.text, text.at, true, negated))
}

fn unquoted(def: &KeywordDef, value: Part<'_>) -> Diagnostic {
    const CURLY: [char; 6] = ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{ab}'];
    let error = Diagnostic::error("FD0209", format!("the value of `{}` must stand in double quotes", def.name))
        .at(value.span());
    if value.text.starts_with(CURLY) {
        return error.help("these are typographic quotes, as word processors and web pages make them; write `\"`");
    }
    if value.text.starts_with('\'') {
        return error.help("single quotes do not count; write `\"`");
    }
    error.help(format!("write `{}:\"{}\"`", def.name, value.text.replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::super::{parse_rule, parse_rules};
    use crate::source::{MappedText, Severity, Sources};

    /// The first error of a rule: code, the text under it, message, help.
    fn first_error(text: &str) -> (String, String, String, String) {
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text);
        let errors = parse_rule(&MappedText::verbatim(text, file, 0)).expect_err(text);
        let error = errors.into_iter().find(|diagnostic| diagnostic.severity == Severity::Error).expect(text);
        let place = error.labels.first().map_or("", |label| sources.slice(label.span));
        (error.code.to_owned(), place.to_owned(), error.message, error.help.unwrap_or_default())
    }

    #[track_caller]
    fn refused(text: &str, code: &str, place: &str) {
        let error = first_error(text);
        assert_eq!((error.0.as_str(), error.1.as_str()), (code, place), "{text}: {error:?}");
    }

    #[test]
    fn glued_operators_are_told_apart() {
        refused("alert tcp any any-> any any (sid:1;)", "FD0202", "->");
        refused("alert tcp any any ->any any (sid:1;)", "FD0202", "->");
        assert_eq!(first_error("alert tcp any any-> any any (sid:1;)").3, "write `any ->`");
    }

    #[test]
    fn incomplete_headers_say_what_is_missing() {
        refused("alert tcp any any -> any (sid:1;)", "FD0202", "(sid:1;)");
        assert!(first_error("alert tcp any any -> any (sid:1;)").2.contains("destination port"));
        refused("alert tcp any any -> any any(sid:1;)", "FD0202", "(");
        refused("alert tcp [10.0.0.1 any -> any any (sid:1;)", "FD0202", "[");
        refused("alert tcp any any -> any any", "FD0202", "any");
        refused("alert tcp any\tany -> any any (sid:1;)", "FD0202", "\t");
    }

    #[test]
    fn words_of_the_header_are_checked() {
        refused("alret tcp any any -> any any (sid:1;)", "FD0204", "alret");
        refused("config tcp any any -> any any (sid:1;)", "FD0204", "config");
        refused("alert tpc any any -> any any (sid:1;)", "FD0205", "tpc");
        refused("alert tcp any any <- any any (sid:1;)", "FD0206", "<-");
        refused("alert tcp any any => any any (sid:1;)", "FD0206", "=>");
        assert_eq!(
            first_error("alert TLS any any -> any any (sid:1;)").3,
            "application protocols are written in lower case: `tls`"
        );
    }

    #[test]
    fn options_must_be_ended_and_quoted() {
        refused("alert tcp any any -> any any (sid:1)", "FD0209", "sid:1");
        refused("alert tcp any any -> any any (msg:hello; sid:1;)", "FD0209", "hello");
        refused("alert tcp any any -> any any (msg:\u{201c}hello\u{201d}; sid:1;)", "FD0209", "\u{201c}hello\u{201d}");
        refused("alert tcp any any -> any any (msg:\"a;b\"; sid:1;)", "FD0209", "\"a");
        refused("alert tcp any any -> any any (sid:\"1\";)", "FD0209", "\"1\"");
        refused("alert tcp any any -> any any (sid:1;) # comment", "FD0209", "# comment");
        refused("alert tcp any any -> any any (sid;)", "FD0210", "sid");
        refused("alert tcp any any -> any any (content:\"a\"; nocase:1; sid:1;)", "FD0210", "1");
        refused("alert tcp any any -> any any (contnet:\"a\"; sid:1;)", "FD0203", "contnet");
        assert_eq!(first_error("alert tcp any any -> any any (dsiz:1; sid:1;)").3, "did you mean `dsize`?");
    }

    #[test]
    fn every_bad_option_of_a_rule_is_told() {
        let text = "alert tcp any any -> any any (foo; msg:x; sid:0;)";
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text);
        let codes: Vec<_> =
            parse_rules(&MappedText::verbatim(text, file, 0)).diagnostics.iter().map(|d| d.code).collect();
        assert_eq!(codes, ["FD0203", "FD0209", "FD0211"]);
    }
}
