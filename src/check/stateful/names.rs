//! Rules about one name (`tls.sni`, `http.host`, `dns.query`), and which names a rule takes.

use super::row::Row;
use crate::rules::keyword::{Buffer, Content, Keyword, Transform, ssl_state};
use foldhash::fast::FixedState;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Rules with a name anywhere or at the beginning that are compared one by one.
const LISTED_MAX: usize = 256;

/// Which names a test takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// This one.
    Exact,
    /// This one and all below it.
    Below,
    /// All that end with these bytes.
    Ends,
    /// All that begin with them.
    Begins,
    /// All that hold them.
    Anywhere,
}

/// The test of a name.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct NameTest<'a> {
    buffer: Buffer,
    shape: Shape,
    bytes: &'a [u8],
    nocase: bool,
}

impl<'a> NameTest<'a> {
    /// The test of a name in a rule that asks for nothing else, except that the ClientHello has come; it is taken out of
    /// `asks`.
    pub(super) fn take(asks: &mut Vec<&'a Keyword>) -> Option<Self> {
        let is_hello = |keyword: &&Keyword| matches!(keyword, Keyword::SslState { states, negated: 0 } if *states == ssl_state::CLIENT_HELLO);
        let test: SmallVec<[&Keyword; 4]> = asks.iter().copied().filter(|keyword| !is_hello(keyword)).collect();
        let (buffer, dotprefix, content) = match test.as_slice() {
            [Keyword::Buffer(buffer), Keyword::Content(content)] => (*buffer, false, content),
            [Keyword::Buffer(buffer), Keyword::Transform(Transform::Dotprefix), Keyword::Content(content)] => {
                (*buffer, true, content)
            }
            _ => return None,
        };
        if !matches!(buffer, Buffer::TlsSni | Buffer::HttpHost | Buffer::DnsQuery) || is_placed(content) {
            return None;
        }
        let (shape, bytes) = match (dotprefix, content.startswith, content.endswith, content.pattern.strip_prefix(b"."))
        {
            (true, false, true, Some(name)) => (Shape::Below, name),
            // the dot in front is not part of what must be there
            (true, false, true, None) => (Shape::Ends, content.pattern.as_slice()),
            (true, ..) => return None,
            (false, true, true, _) => (Shape::Exact, content.pattern.as_slice()),
            (false, false, true, _) => (Shape::Ends, content.pattern.as_slice()),
            (false, true, false, _) => (Shape::Begins, content.pattern.as_slice()),
            (false, false, false, _) => (Shape::Anywhere, content.pattern.as_slice()),
        };
        // the buffer of hosts is in lower case, and so must be what is looked for in it
        let nocase = content.nocase || buffer == Buffer::HttpHost;
        asks.retain(is_hello);
        Some(Self { buffer, shape, bytes, nocase })
    }

    /// Whether every name that `other` takes is taken by this.
    pub(super) fn covers(&self, other: &Self) -> bool {
        if self.buffer != other.buffer || (!self.nocase && other.nocase) {
            return false;
        }
        let is = |part: &[u8], bytes: &[u8]| {
            if self.nocase { part.eq_ignore_ascii_case(bytes) } else { part == bytes }
        };
        let tail = |len: usize| other.bytes.len().checked_sub(len).and_then(|at| other.bytes.get(at..));
        let ends = || tail(self.bytes.len()).is_some_and(|tail| is(tail, self.bytes));
        let begins = || other.bytes.get(..self.bytes.len()).is_some_and(|head| is(head, self.bytes));
        let below = || ends() && tail(self.bytes.len() + 1).is_some_and(|tail| tail.first() == Some(&b'.'));
        let holds = || other.bytes.windows(self.bytes.len().max(1)).any(|part| is(part, self.bytes));
        match (self.shape, other.shape) {
            (Shape::Exact, Shape::Exact) => is(other.bytes, self.bytes),
            (Shape::Below, Shape::Exact | Shape::Below) => is(other.bytes, self.bytes) || below(),
            (Shape::Below, Shape::Ends) => below(),
            (Shape::Ends, Shape::Exact | Shape::Below | Shape::Ends) => ends(),
            (Shape::Begins, Shape::Exact | Shape::Begins) => begins(),
            (Shape::Anywhere, _) => holds(),
            _ => false,
        }
    }
}

impl NameTest<'_> {
    /// Where the test looks like a domain and is not: what it looks like, what it takes, and what to write.
    pub(in crate::check) fn looseness(&self) -> Option<(String, &'static str, String)> {
        let text = String::from_utf8_lossy(self.bytes).into_owned();
        let name = text.trim_start_matches('.');
        if !name.contains('.') {
            return None;
        }
        let below = format!("write `dotprefix; content:\".{name}\"; endswith;` for the domain and all below it");
        match self.shape {
            Shape::Anywhere => Some((text.clone(), "takes it anywhere in a name", below)),
            Shape::Begins => Some((text.clone(), "takes whatever begins so", below)),
            Shape::Ends if text.starts_with('.') => Some((text.clone(), "does not take the domain itself", below)),
            Shape::Ends => Some((text.clone(), "takes other domains that end so", below)),
            Shape::Exact | Shape::Below => None,
        }
    }

    /// It takes names that are neither the domain nor below it.
    pub(in crate::check) fn takes_strangers(&self) -> bool {
        match self.shape {
            Shape::Anywhere | Shape::Begins => true,
            Shape::Ends => !self.bytes.starts_with(b"."),
            Shape::Exact | Shape::Below => false,
        }
    }
}

fn is_placed(content: &Content) -> bool {
    content.negated
        || content.offset.is_some()
        || content.depth.is_some()
        || content.distance.is_some()
        || content.within.is_some()
        || content.modifier_buffer.is_some()
}

/// Finds the rules that may take all names which another rule takes.
#[derive(Debug, Default)]
pub(super) struct NameIndex {
    /// By the name in lower case: exact ones and those with all below.
    names: HashMap<Vec<u8>, SmallVec<[u32; 2]>, FixedState>,
    /// By the bytes at the end.
    ends: HashMap<Vec<u8>, SmallVec<[u32; 2]>, FixedState>,
    /// The others.
    listed: Vec<u32>,
}

impl NameIndex {
    pub(super) fn add(&mut self, at: usize, row: &Row<'_>) {
        let (Some(name), at) = (&row.name, at as u32) else { return };
        let place = match name.shape {
            Shape::Exact | Shape::Below => &mut self.names,
            Shape::Ends => &mut self.ends,
            Shape::Begins | Shape::Anywhere => {
                if self.listed.len() < LISTED_MAX {
                    self.listed.push(at);
                }
                return;
            }
        };
        place.entry(name.bytes.to_ascii_lowercase()).or_default().push(at);
    }

    /// Adds the places of rules that may cover `name` to `found`.
    pub(super) fn find(&self, name: &NameTest<'_>, found: &mut Vec<usize>) {
        let bytes = name.bytes.to_ascii_lowercase();
        for at in 0..bytes.len() {
            let Some(tail) = bytes.get(at..) else { break };
            let begins_label = at == 0 || bytes.get(at - 1) == Some(&b'.');
            if begins_label && let Some(rows) = self.names.get(tail) {
                found.extend(rows.iter().map(|&row| row as usize));
            }
            if !self.ends.is_empty()
                && let Some(rows) = self.ends.get(tail)
            {
                found.extend(rows.iter().map(|&row| row as usize));
            }
        }
        found.extend(self.listed.iter().map(|&row| row as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::parse_rule;
    use crate::source::{MappedText, Sources};

    fn covers(wide: &str, narrow: &str) -> bool {
        let rules = [wide, narrow].map(|options| {
            let text = format!("pass tls any any -> any any ({options} sid:1;)");
            let file = Sources::new().add("x.rules", "");
            parse_rule(&MappedText::verbatim(text, file, 0)).unwrap()
        });
        let [wide, narrow] = rules.each_ref().map(|rule| {
            let mut asks: Vec<&Keyword> = rule
                .options
                .iter()
                .map(|option| &option.keyword)
                .filter(|keyword| !matches!(keyword, Keyword::Sid(_)))
                .collect();
            NameTest::take(&mut asks).unwrap()
        });
        wide.covers(&narrow)
    }

    #[test]
    fn names_are_compared_label_by_label() {
        let below = "tls.sni; dotprefix; content:\".example.com\"; endswith; nocase;";
        for name in ["www.example.com", "example.com", "A.B.Example.com"] {
            assert!(covers(below, &format!("tls.sni; content:\"{name}\"; startswith; endswith; nocase;")), "{name}");
        }
        assert!(!covers(below, "tls.sni; content:\"notexample.com\"; startswith; endswith; nocase;"));
        assert!(!covers(below, "tls.sni; content:\"example.com.evil\"; startswith; endswith; nocase;"));
        assert!(covers(below, "tls.sni; dotprefix; content:\".www.example.com\"; endswith; nocase;"));
        assert!(covers(below, "tls.sni; content:\".example.com\"; endswith; nocase;"));
        assert!(!covers(below, "tls.sni; content:\"example.com\"; endswith; nocase;"), "notexample.com");
        assert!(covers("tls.sni; content:\"example.com\"; endswith; nocase;", below));
        assert!(!covers("tls.sni; content:\".example.com\"; endswith; nocase;", below), "the name itself");
        assert!(covers("tls.sni; content:\"example\"; nocase;", below));
        assert!(!covers("tls.sni; content:\"example\"; startswith; nocase;", below));
    }

    #[test]
    fn case_must_not_matter_more() {
        let exact = "tls.sni; content:\"a.example\"; startswith; endswith;";
        assert!(covers(exact, exact));
        assert!(!covers(exact, "tls.sni; content:\"a.example\"; startswith; endswith; nocase;"));
    }
}
