//! `content` and its companions over the bytes of one buffer.

use crate::rules::keyword::Compare;
use memchr::memmem;

/// One test of a buffer; the tests of a rule run in order, a relative one from where the match before it ended.
#[derive(Clone, Debug)]
pub(crate) enum BufferTest {
    /// Find bytes.
    Content(ContentTest),
    /// The length of the buffer.
    Bsize(Compare<u64>),
}

/// A byte string to find.
#[derive(Clone, Debug)]
pub(crate) struct ContentTest {
    pub(crate) pattern: Vec<u8>,
    pub(crate) negated: bool,
    pub(crate) nocase: bool,
    pub(crate) endswith: bool,
    pub(crate) offset: usize,
    /// From the beginning of the buffer; `None`: to its end.
    pub(crate) depth: Option<usize>,
    pub(crate) relative: Option<Relative>,
}

/// Place relative to the end of the last match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relative {
    pub(crate) distance: i64,
    pub(crate) within: Option<i64>,
}

/// How often one set of tests may be tried on a buffer before it counts as no match.
/// Source: Suricata's `detect.inspection-recursion-limit`.
const RECURSION_LIMIT: u32 = 3000;

/// Whether all tests hold.
pub(crate) fn matches(tests: &[BufferTest], buffer: &[u8]) -> bool {
    let mut budget = RECURSION_LIMIT;
    run(tests, buffer, 0, &mut budget)
}

fn run(tests: &[BufferTest], buffer: &[u8], last_end: usize, budget: &mut u32) -> bool {
    let Some((test, rest)) = tests.split_first() else { return true };
    *budget = budget.saturating_sub(1);
    if *budget == 0 {
        return false;
    }
    match test {
        BufferTest::Bsize(compare) => compare.matches(buffer.len() as u64) && run(rest, buffer, last_end, budget),
        BufferTest::Content(content) => find(content, rest, buffer, last_end, budget),
    }
}

/// Tries each occurrence of a content in turn until the tests behind it hold as well.
fn find(content: &ContentTest, rest: &[BufferTest], buffer: &[u8], last_end: usize, budget: &mut u32) -> bool {
    let Some((mut from, to)) = window(content, buffer.len(), last_end) else {
        return content.negated && run(rest, buffer, last_end, budget);
    };
    let next_is_relative = matches!(rest.first(), Some(BufferTest::Content(next)) if next.relative.is_some());
    loop {
        let found = buffer.get(from..to).and_then(|window| search(content, window)).map(|at| from + at);
        let Some(at) = found else {
            return content.negated && run(rest, buffer, last_end, budget);
        };
        let end = at + content.pattern.len();
        if !content.endswith || end == buffer.len() {
            if content.negated {
                return false;
            }
            if run(rest, buffer, end, budget) {
                return true;
            }
            // only a test that starts from this match can fare better with another one
            if !next_is_relative || *budget == 0 {
                return false;
            }
        }
        from = at + 1;
    }
}

/// Where a content may stand; `None` when there is no such place in the buffer.
fn window(content: &ContentTest, len: usize, last_end: usize) -> Option<(usize, usize)> {
    let (from, to) = match content.relative {
        None => (content.offset, content.depth.map_or(len, |depth| depth.min(len))),
        Some(relative) => {
            let from = (last_end as i64).saturating_add(relative.distance);
            let to = relative.within.map_or(len as i64, |within| from.saturating_add(within).min(len as i64));
            let from = from.max(content.offset as i64);
            let to = content.depth.map_or(to, |depth| to.min(depth as i64));
            (usize::try_from(from).unwrap_or(0), usize::try_from(to).ok()?)
        }
    };
    (from.checked_add(content.pattern.len())? <= to).then_some((from, to))
}

fn search(content: &ContentTest, window: &[u8]) -> Option<usize> {
    if content.endswith && content.depth.is_none() && content.relative.is_none() {
        let at = window.len().checked_sub(content.pattern.len())?;
        return equal(content, window.get(at..)?).then_some(at);
    }
    if content.nocase {
        return window.windows(content.pattern.len()).position(|w| equal(content, w));
    }
    memmem::find(window, &content.pattern)
}

fn equal(content: &ContentTest, bytes: &[u8]) -> bool {
    if content.nocase { bytes.eq_ignore_ascii_case(&content.pattern) } else { bytes == content.pattern }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(pattern: &str) -> ContentTest {
        ContentTest {
            pattern: pattern.into(),
            negated: false,
            nocase: false,
            endswith: false,
            offset: 0,
            depth: None,
            relative: None,
        }
    }

    fn holds(tests: &[ContentTest], buffer: &str) -> bool {
        let tests: Vec<_> = tests.iter().cloned().map(BufferTest::Content).collect();
        matches(&tests, buffer.as_bytes())
    }

    #[test]
    fn places_of_a_content() {
        let name = "a.b.example.com";
        assert!(holds(&[ContentTest { depth: Some(3), ..content("a.b") }], name));
        assert!(holds(&[ContentTest { offset: 2, ..content("b.") }], name));
        assert!(!holds(&[ContentTest { offset: 1, ..content("a.") }], name));
        assert!(holds(&[ContentTest { endswith: true, nocase: true, ..content(".COM") }], name));
        assert!(!holds(&[ContentTest { endswith: true, ..content("example") }], name));
        assert!(holds(&[ContentTest { negated: true, endswith: true, ..content(".org") }], name));
        assert!(!holds(&[ContentTest { negated: true, ..content("example") }], name));
    }

    #[test]
    fn relative_contents_try_every_occurrence_before_them() {
        let within = |within| ContentTest {
            relative: Some(Relative { distance: 0, within: Some(within) }),
            ..content("example")
        };
        assert!(holds(&[content("a."), within(9)], "a.b.example.com"));
        assert!(!holds(&[content("a."), within(8)], "a.b.example.com"));
        assert!(holds(&[content("a"), within(7)], "xaxxaexample"));
    }
}
