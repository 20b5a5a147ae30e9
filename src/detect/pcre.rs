//! Regular expressions of `pcre`, run by the library that Suricata runs them with.

use crate::rules::keyword;
use pcre2::bytes::{Regex, RegexBuilder};

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) struct Pcre(Regex);

/// The library gave up within its limits; Suricata then takes the expression for not matching, negated or not.
#[derive(Debug)]
pub(crate) struct Exhausted;

/// How far one search may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PcreLimits {
    /// Steps. Suricata: `pcre.match-limit`. Default 3500.
    pub steps: u32,
    /// Depth. Suricata: `pcre.match-limit-recursion`. Default 1500.
    pub depth: u32,
}

impl Default for PcreLimits {
    fn default() -> Self {
        Self { steps: 3500, depth: 1500 }
    }
}

impl PcreLimits {
    /// As an expression begins that keeps to them.
    fn text(self) -> String {
        format!("(*LIMIT_MATCH={})(*LIMIT_DEPTH={})", self.steps, self.depth)
    }
}

impl Pcre {
    /// # Errors
    /// What the library says against the expression, and the byte in [`keyword::Pcre::pattern`] at which it says so.
    pub(crate) fn compile(pcre: &keyword::Pcre, limits: PcreLimits) -> Result<Self, (String, usize)> {
        let has = |flag: char| pcre.flags.contains(flag);
        // what is set only counts where the rule says so
        let mut options = if has('O') { limits } else { PcreLimits::default() }.text();
        let anchored = has('A');
        if has('G') {
            options.push_str("(?U)");
        }
        if anchored {
            options.push_str(r"\G(?:");
        }
        let before = options.len();
        let expression = if has('E') && !has('m') { dollar_is_the_end(&pcre.pattern) } else { pcre.pattern.clone() };
        let expression = with_digits(expression);
        let text = format!("{options}{expression}{}", if anchored { ")" } else { "" });
        RegexBuilder::new()
            .caseless(has('i'))
            .multi_line(has('m'))
            .dotall(has('s'))
            .extended(has('x'))
            .jit_if_available(true)
            .build(&text)
            .map(Self)
            .map_err(|error| {
                let at = error.offset().unwrap_or(before).saturating_sub(before).min(pcre.pattern.len());
                let said = error.to_string();
                (said.rsplit_once(": ").map_or(said.as_str(), |(_, what)| what).to_owned(), at)
            })
    }

    /// The expression of a `pcrexform`, which has one capture. Source: Suricata 7.0.10, which runs it without options.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn with_one_capture(pattern: &str) -> Result<Self, String> {
        let regex =
            RegexBuilder::new().build(&format!("{}{pattern}", PcreLimits::default().text())).map_err(|error| {
                let said = error.to_string();
                format!("it is not valid: {}", said.rsplit_once(": ").map_or(said.as_str(), |(_, what)| what))
            })?;
        match regex.captures_len() - 1 {
            1 => Ok(Self(regex)),
            found => Err(format!("it needs one capture, and has {found}")),
        }
    }

    /// Where the first capture starts and ends; `None` when it has no part in a match, or there is none.
    pub(crate) fn first_capture(&self, subject: &[u8]) -> Option<(usize, usize)> {
        let captures = self.0.captures(subject).ok()??;
        captures.get(1).map(|found| (found.start(), found.end()))
    }

    /// Where the first match at or behind `from` starts and ends.
    pub(crate) fn find_at(&self, subject: &[u8], from: usize) -> Result<Option<(usize, usize)>, Exhausted> {
        if from > subject.len() {
            return Ok(None);
        }
        let found = self.0.find_at(subject, from).map_err(|_| Exhausted)?;
        Ok(found.map(|found| (found.start(), found.end())))
    }
}

/// `\x` without digits is a zero in the version of the library that Suricata 7.0.10 runs with; later ones refuse it.
fn with_digits(expression: String) -> String {
    if !expression.contains(r"\x") {
        return expression;
    }
    let mut out = String::with_capacity(expression.len());
    let mut chars = expression.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        if c != '\\' {
            continue;
        }
        let escaped = chars.next();
        out.extend(escaped);
        if escaped == Some('x') && !chars.peek().is_some_and(|next| next.is_ascii_hexdigit() || *next == '{') {
            out.push_str("00");
        }
    }
    out
}

/// Flag `E`: `$` holds at the very end only, as `\z` does.
fn dollar_is_the_end(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let (mut escaped, mut in_class) = (false, false);
    for c in pattern.chars() {
        match c {
            '$' if !escaped && !in_class => out.push_str(r"\z"),
            _ => {
                in_class = (in_class || (c == '[' && !escaped)) && (escaped || c != ']');
                out.push(c);
            }
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_of_no_digits_is_a_zero() {
        for (written, read) in [(r"a\xg", r"a\x00g"), (r"\x4\x41\x{41}", r"\x4\x41\x{41}"), (r"\\xg\x", r"\\xg\x00")] {
            assert_eq!(with_digits(written.to_owned()), read);
        }
    }

    fn found(pattern: &str, flags: &str, subject: &str) -> Option<(usize, usize)> {
        let pcre = keyword::Pcre {
            pattern: pattern.to_owned(),
            flags: flags.to_owned(),
            negated: false,
            captures: Vec::new(),
        };
        Pcre::compile(&pcre, PcreLimits::default()).unwrap().find_at(subject.as_bytes(), 0).unwrap()
    }

    #[test]
    fn flags_go_to_the_library() {
        assert_eq!(found("b+", "", "abbc"), Some((1, 3)));
        assert_eq!(found("b+", "G", "abbc"), Some((1, 2)));
        assert_eq!(found("b+", "A", "abbc"), None);
        assert_eq!(found("B", "i", "abbc"), Some((1, 2)));
        assert_eq!(found("c$", "", "abc\n"), Some((2, 3)));
        assert_eq!(found("c$", "E", "abc\n"), None);
        assert_eq!(found(r"[$]\$c$", "E", "$$c"), Some((0, 3)));
        assert_eq!(found(r"a\/b", "", "a/b"), Some((0, 3)));
    }

    #[test]
    fn too_much_work_is_said() {
        let pcre =
            keyword::Pcre { pattern: "(a+)+$".to_owned(), flags: String::new(), negated: false, captures: Vec::new() };
        let subject = [b"a".repeat(40), b"b".to_vec()].concat();
        assert!(Pcre::compile(&pcre, PcreLimits::default()).unwrap().find_at(&subject, 0).is_err());
    }

    #[test]
    fn errors_know_their_place() {
        let pcre =
            keyword::Pcre { pattern: "ab(c".to_owned(), flags: String::new(), negated: false, captures: Vec::new() };
        let (said, at) = Pcre::compile(&pcre, PcreLimits::default()).unwrap_err();
        assert!(said.contains("parenthes"), "{said}");
        assert_eq!(at, 4);
    }
}
