//! Port expressions of the header.

use super::address::{Name, RangesError, is_name};
use super::ast::PortExpr;
use super::keyword::c_number;
use super::parse::Part;
use super::ranges::{Members, RangeSet};
use crate::source::{Diagnostic, Spanned};

/// How deep lists and variables may be nested.
const DEPTH_MAX: usize = 64;

/// What may stand here.
const FORMS: &str = "a port is written `443`, `1024:65535`, `[80,443,!8080]`, `any` or `$NAME`";

/// Reads a port expression.
pub(super) fn parse(part: Part<'_>) -> Result<Spanned<PortExpr>, Diagnostic> {
    let expr = list_or_item(part, 0)?;
    if !matches!(expr.value, PortExpr::Not(_) | PortExpr::List(_)) {
        return Ok(expr);
    }
    match expr.value.ranges(&|_| None) {
        Err(RangesError::NegatesEverything) => {
            Err(Diagnostic::error("FD0208", "everything is negated, so that no port is left")
                .at(part.span())
                .help("list what is meant first: `[1024:65535,!8080]`"))
        }
        Ok(ranges) if ranges.is_empty() => {
            Err(Diagnostic::error("FD0208", "no port is left: all that is listed is negated as well")
                .at(part.span())
                .help("negate less than is listed: `[1024:65535,!8080]`"))
        }
        _ => Ok(expr),
    }
}

/// Cuts a list at the commas that are not inside brackets; an empty last piece does not count. An error is a bracket too
/// many.
pub(super) fn split_list(part: Part<'_>) -> impl Iterator<Item = Result<Part<'_>, Part<'_>>> {
    let mut at = 0;
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed || at >= part.text.len() {
            return None;
        }
        let start = at;
        let mut depth = 0i32;
        let rest = part.text.as_bytes().get(at..).unwrap_or(&[]);
        for (offset, &byte) in rest.iter().enumerate() {
            match byte {
                b'[' => depth += 1,
                b']' => depth -= 1,
                b',' if depth == 0 => {
                    at = start + offset + 1;
                    return Some(Ok(part.sub(start..start + offset)));
                }
                _ => {}
            }
            if depth < 0 {
                failed = true;
                return Some(Err(part.sub(start + offset..start + offset + 1)));
            }
        }
        at = part.text.len();
        if depth > 0 {
            failed = true;
            return Some(Err(part.sub(start..at)));
        }
        Some(Ok(part.sub(start..at)))
    })
}

fn list_or_item(part: Part<'_>, depth: usize) -> Result<Spanned<PortExpr>, Diagnostic> {
    let mut items = items(part, depth)?;
    match items.pop() {
        Some(item) if items.is_empty() => Ok(item),
        Some(item) => {
            items.push(item);
            Ok(Spanned::new(PortExpr::List(items), part.span()))
        }
        None => Err(Diagnostic::error("FD0208", "there is no port").at(part.span()).help(FORMS)),
    }
}

fn items(part: Part<'_>, depth: usize) -> Result<Vec<Spanned<PortExpr>>, Diagnostic> {
    let mut items = Vec::new();
    for piece in split_list(part) {
        let piece =
            piece.map_err(|at| Diagnostic::error("FD0208", "brackets do not match").at(at.span()).help(FORMS))?;
        items.push(item(piece, depth)?);
    }
    Ok(items)
}

fn item(part: Part<'_>, depth: usize) -> Result<Spanned<PortExpr>, Diagnostic> {
    if depth > DEPTH_MAX {
        return Err(Diagnostic::error("FD0208", format!("lists are nested more than {DEPTH_MAX} times"))
            .at(part.span())
            .help("write one list: inner brackets change nothing"));
    }
    let whole = part.trim_start();
    // Suricata takes any number of `!` for one.
    let rest = whole.text.trim_start_matches(|c: char| c == '!' || c.is_ascii_whitespace());
    let part = whole.sub(whole.text.len() - rest.len()..whole.text.len());
    let negated = part.text.len() < whole.text.len();
    let expr = if let Some(inner) = part.text.strip_prefix('[') {
        let Some(inner) = inner.trim_ascii_end().strip_suffix(']') else {
            return Err(Diagnostic::error("FD0208", "a list ends with `]`").at(part.span()).help(FORMS));
        };
        PortExpr::List(items(part.sub(1..1 + inner.len()), depth + 1)?)
    } else {
        atom(part)?
    };
    let expr = Spanned::new(expr, part.span());
    Ok(if negated { Spanned::new(PortExpr::Not(Box::new(expr)), whole.span()) } else { expr })
}

fn atom(part: Part<'_>) -> Result<PortExpr, Diagnostic> {
    let text = part.text;
    let error = |message: String| Diagnostic::error("FD0208", message).at(part.span()).help(FORMS);
    if text.eq_ignore_ascii_case("any") {
        return Ok(PortExpr::Any);
    }
    if let Some(name) = text.strip_prefix('$') {
        return if is_name(name) {
            Ok(PortExpr::Variable(name.to_owned()))
        } else {
            Err(error(format!("`{text}` is not a variable")))
        };
    }
    if text.starts_with('@') {
        return Err(error(format!("`{text}`: references are for addresses only")));
    }
    if text.is_empty() {
        return Err(error("there is nothing between the commas".into()));
    }
    if let Some((low, high)) = text.split_once(':') {
        let low = if low.is_empty() { Some(0) } else { number(low) };
        let high = if high.is_empty() { Some(u16::MAX) } else { number(high) };
        return match (low, high) {
            (Some(low), Some(high)) if low <= high => Ok(PortExpr::Range(low, high)),
            (Some(_), Some(_)) => {
                Err(error(format!("the range `{text}` runs backwards")).help("exchange the two ports"))
            }
            _ => Err(error(format!("`{text}` is not a range of ports"))),
        };
    }
    if let Some(port) = number(text) {
        return Ok(PortExpr::Range(port, port));
    }
    let error = error(format!("`{text}` is not a port"));
    if let Some((low, high)) = text.split_once('-')
        && number(low).is_some()
        && number(high).is_some()
    {
        return Err(error.help(format!("a range of ports is written `{low}:{high}`")));
    }
    if text.ends_with(|c: char| c.is_ascii_whitespace()) {
        return Err(error.help("there must be no space behind a port"));
    }
    if text.split_ascii_whitespace().count() > 1 {
        return Err(error.help("ports in a list are separated by commas"));
    }
    Err(match text.strip_suffix('.') {
        Some(rest) if rest.eq_ignore_ascii_case("any") || number(rest).is_some() => {
            error.help(format!("write `{rest}`"))
        }
        _ if text.bytes().all(|byte| byte.is_ascii_digit()) => error.help("ports are numbers from 0 to 65535"),
        _ if is_name(text) => error.help(format!("a variable is written `${text}`; services have no names here")),
        _ => error,
    })
}

fn number(text: &str) -> Option<u16> {
    c_number(text, 10).and_then(|number| u16::try_from(number).ok())
}

impl PortExpr {
    /// The ports that the expression comes to. `resolve` gives what a variable stands for.
    ///
    /// In a negated list Suricata turns a negated member into a positive one when it is the last of its list, and leaves it
    /// negated else: `![!80]` is port 80, `![!80,81]` is everything but 80 and 81.
    pub fn ranges<'a>(&'a self, resolve: &dyn Fn(Name<'_>) -> Option<&'a Self>) -> Result<RangeSet<u16>, RangesError> {
        let mut members = Members::new();
        self.collect(false, true, &mut members, resolve, 0)?;
        if members.negates_everything() {
            return Err(RangesError::NegatesEverything);
        }
        Ok(members.finish())
    }

    fn collect<'a>(
        &'a self,
        negated: bool,
        last: bool,
        into: &mut Members<u16>,
        resolve: &dyn Fn(Name<'_>) -> Option<&'a Self>,
        depth: usize,
    ) -> Result<(), RangesError> {
        if depth > 2 * DEPTH_MAX {
            return Err(RangesError::Loop);
        }
        match self {
            Self::Any => into.add(negated, 0, u16::MAX),
            Self::Range(low, high) => into.add(negated, *low, *high),
            Self::Not(inner) => {
                let plain = !matches!(inner.value, Self::List(_));
                let flips = negated && plain && (last || matches!(inner.value, Self::Variable(_)));
                inner.value.collect(!flips, last, into, resolve, depth + 1)?;
            }
            Self::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.value.collect(negated, index + 1 == items.len(), into, resolve, depth + 1)?;
                }
            }
            Self::Variable(name) => {
                let meaning = resolve(Name::Variable(name)).ok_or_else(|| RangesError::Unknown(format!("${name}")))?;
                meaning.collect(negated, true, into, resolve, depth + 1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{MappedText, Sources};

    fn read(text: &str) -> Result<PortExpr, String> {
        let mut sources = Sources::new();
        let file = sources.add("x", text);
        let whole = MappedText::verbatim(text, file, 0);
        parse(Part { text: whole.as_str(), at: 0, whole: &whole }).map(|expr| expr.value).map_err(|error| error.message)
    }

    fn ranges(text: &str) -> Vec<(u16, u16)> {
        read(text).unwrap().ranges(&|_| None).unwrap().ranges().to_vec()
    }

    #[test]
    fn ports_come_to_ranges() {
        assert_eq!(ranges("80"), [(80, 80)]);
        assert_eq!(ranges("1024:"), [(1024, 65535)]);
        assert_eq!(ranges(":80"), [(0, 80)]);
        assert_eq!(ranges(":"), [(0, 65535)]);
        assert_eq!(ranges("[80:90,!85]"), [(80, 84), (86, 90)]);
        assert_eq!(ranges("!80"), [(0, 79), (81, 65535)]);
        assert_eq!(ranges("![80,443]"), [(0, 79), (81, 442), (444, 65535)]);
        assert_eq!(ranges("![!80]"), [(80, 80)]);
        assert_eq!(ranges("!1:"), [(0, 0)]);
    }

    #[test]
    fn what_suricata_takes_is_taken() {
        for text in [
            "any",
            "ANY",
            "+80",
            "080",
            "80,443",
            "[80, 443]",
            "[80,]",
            "[! 80]",
            "[80: 90]",
            "!!80",
            "$HTTP_PORTS",
            "!$HTTP_PORTS",
            "[[80,81],[90,!91]]",
        ] {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn what_suricata_refuses_is_refused() {
        for text in [
            "80:70",
            "65536",
            "[ 80 , 443 ]",
            "!any",
            "[80,!80]",
            "[,80]",
            "[80,,81]",
            "80-90",
            "http",
            "!0:65535",
            "80:90:100",
            "0x50",
            "@REF",
            "any.",
            "[80 :90]",
            "[80 90]",
            "-1",
            "::80",
            "[80:90,!80:85,!86:90]",
            "[0:100,!any]",
            "[]",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
