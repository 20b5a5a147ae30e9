//! What a rule asks of the bytes of one buffer, test after test.
//!
//! The tests of a buffer run in order of the rule; each may start from where the match before it ended. A content or an
//! expression that was found is tried again further on only when a test behind it depends on where it was found. Source:
//! Suricata 7.0.10, measured; where it gives up although another try would have helped, this gives up too.

pub(crate) use super::byte_values::Amount;
use super::byte_values::{Base64, ByteExtract, ByteJump, ByteMath, ByteTest};
use super::pcre::Pcre;
use super::trace::{Unwatched, Watch};
use crate::rules::keyword::Compare;
use memchr::memmem;
use smallvec::SmallVec;

/// One test of a buffer.
#[derive(Clone, Debug)]
pub(crate) enum BufferTest {
    /// Find bytes.
    Content(ContentTest),
    /// Find a regular expression.
    Pcre(PcreTest),
    /// Is there a byte at a place.
    Isdataat(IsdataatTest),
    /// Compare a number.
    ByteTest(ByteTest),
    /// Go on elsewhere.
    ByteJump(ByteJump),
    /// Set a variable.
    ByteExtract(ByteExtract),
    /// Set a variable to a result.
    ByteMath(ByteMath),
    /// Decode; these tests must hold for what is decoded, and no others come after them.
    Base64(Base64, Vec<BufferTest>),
    /// The length of the buffer.
    Bsize(Compare<u64>),
    /// The length of a URI, which counts no further than 65535.
    Urilen(Compare<u16>),
}

/// A byte string to find.
#[derive(Clone, Debug)]
pub(crate) struct ContentTest {
    pub(crate) pattern: Vec<u8>,
    pub(crate) negated: bool,
    pub(crate) nocase: bool,
    pub(crate) endswith: bool,
    /// From the beginning of the buffer, or of what a variable says.
    pub(crate) offset: Amount,
    /// Where it must have ended; a value counts from the beginning of the buffer. `None`: at its end.
    pub(crate) depth: Option<Amount>,
    pub(crate) relative: Option<Relative>,
    /// The rule says where it is from the beginning of the buffer, be it with `offset:0`.
    pub(crate) is_placed: bool,
    /// A test behind it may fare better with another place of this.
    pub(crate) asks_again: bool,
    /// A test behind it starts where this ends.
    pub(crate) relative_next: bool,
}

/// Place relative to the end of the last match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Relative {
    pub(crate) distance: Amount,
    pub(crate) within: Option<Amount>,
}

/// A regular expression to find.
#[derive(Clone, Debug)]
pub(crate) struct PcreTest {
    pub(crate) pcre: Pcre,
    pub(crate) negated: bool,
    pub(crate) relative: bool,
    /// A test behind it starts where this ends.
    pub(crate) relative_next: bool,
    /// What it captures is noted for the flow, or for the packet. No rule can ask for it here, yet it counts in the order.
    pub(crate) notes: [bool; 2],
}

/// Whether there is a byte so far from the beginning or from the last match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsdataatTest {
    pub(crate) at: Amount,
    pub(crate) negated: bool,
    pub(crate) relative: bool,
}

/// The bytes that are tested.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'b> {
    pub(crate) bytes: &'b [u8],
    /// How far into the whole the first of them is: more than 0 when the whole comes in pieces.
    pub(crate) offset: u32,
    /// Nothing comes after them.
    pub(crate) is_end: bool,
}

impl<'b> Window<'b> {
    /// All there is.
    pub(crate) fn whole(bytes: &'b [u8]) -> Self {
        Self { bytes, offset: 0, is_end: true }
    }

    /// Part of a stream, whose ends mean nothing.
    pub(crate) fn of_stream(bytes: &'b [u8]) -> Self {
        Self { bytes, offset: 0, is_end: false }
    }
}

/// Values of a rule's variables, kept from one buffer of the rule to the next, and what bounds the search for them.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    numbers: SmallVec<[u64; 4]>,
    /// How often the tests of a rule may be tried on a buffer before it counts as no match.
    pub(crate) tries_max: u32,
}

/// Suricata's `detect.inspection-recursion-limit`, unless it is set.
pub(super) const TRIES_MAX: u32 = 3000;

impl Default for Values {
    fn default() -> Self {
        Self { numbers: SmallVec::new(), tries_max: TRIES_MAX }
    }
}

impl std::ops::Deref for Values {
    type Target = SmallVec<[u64; 4]>;

    fn deref(&self) -> &Self::Target {
        &self.numbers
    }
}

impl std::ops::DerefMut for Values {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.numbers
    }
}

/// Whether all tests hold.
pub(crate) fn matches(tests: &[BufferTest], window: Window<'_>, values: &mut Values) -> bool {
    matches_watched::<Unwatched>(tests, window, values).0
}

/// The same, and what there was to watch.
pub(crate) fn matches_watched<W: Watch>(tests: &[BufferTest], window: Window<'_>, values: &mut Values) -> (bool, W) {
    let (budget, watch) = (values.tries_max, W::default());
    let n_tests = tests.len();
    let mut walk = Walk { window, last_end: 0, pcre_from: 0, budget, given_up: false, values, n_tests, watch };
    let holds = walk.run(tests);
    (holds, walk.watch)
}

struct Walk<'b, 'v, W> {
    window: Window<'b>,
    /// Where the last match ended.
    last_end: usize,
    /// Where the next search of an expression starts, if not at its beginning.
    pcre_from: usize,
    budget: u32,
    /// No other try can help.
    given_up: bool,
    values: &'v mut Values,
    /// Tests in all, those of what is decoded behind the others.
    n_tests: usize,
    watch: W,
}

impl<W: Watch> Walk<'_, '_, W> {
    fn run(&mut self, tests: &[BufferTest]) -> bool {
        let Some((test, rest)) = tests.split_first() else { return true };
        self.watch.asked(self.n_tests - tests.len());
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 {
            self.given_up = true;
            return false;
        }
        let len = self.window.bytes.len();
        match test {
            BufferTest::Content(content) => self.content(content, rest),
            BufferTest::Pcre(pcre) => self.pcre(pcre, rest),
            BufferTest::Isdataat(test) => self.isdataat(*test) && self.run(rest),
            BufferTest::ByteTest(test) => test.holds(self.window.bytes, self.last_end, self.values) && self.run(rest),
            BufferTest::ByteJump(jump) => {
                let target = jump.target(self.window.bytes, self.last_end, self.values);
                self.run_from(target, rest)
            }
            BufferTest::ByteExtract(extract) => {
                self.make_room(extract.into);
                let end = extract.extract(self.window.bytes, self.last_end, self.values);
                self.run_from(end, rest)
            }
            BufferTest::ByteMath(math) => {
                self.make_room(math.into);
                let end = math.calculate(self.window.bytes, self.last_end, self.values);
                self.run_from(end, rest)
            }
            BufferTest::Base64(base64, tests) => self.base64(base64, tests),
            BufferTest::Bsize(compare) => {
                if compare.matches(len as u64 + u64::from(self.window.offset)) {
                    return self.run(rest);
                }
                self.given_up |= self.window.is_end;
                false
            }
            BufferTest::Urilen(compare) => {
                if compare.matches(len.min(usize::from(u16::MAX)) as u16) {
                    return self.run(rest);
                }
                self.given_up = true;
                false
            }
        }
    }

    fn make_room(&mut self, index: u8) {
        let wanted = usize::from(index) + 1;
        if self.values.len() < wanted {
            self.values.resize(wanted, 0);
        }
    }

    /// The tests behind one that moves on.
    fn run_from(&mut self, end: Option<usize>, rest: &[BufferTest]) -> bool {
        let Some(end) = end else { return false };
        self.last_end = end;
        self.run(rest)
    }

    /// Tests of what is decoded. They share tries and variables with those of the buffer, and begin where its last match
    /// ended.
    fn base64(&mut self, base64: &Base64, tests: &[BufferTest]) -> bool {
        let mut decoded = Vec::new();
        if !base64.decode(self.window.bytes, self.last_end, &mut decoded) || tests.is_empty() {
            return false;
        }
        let mut walk = Walk {
            window: Window::whole(&decoded),
            values: &mut *self.values,
            n_tests: self.n_tests + tests.len(),
            watch: std::mem::take(&mut self.watch),
            ..*self
        };
        let holds = walk.run(tests);
        (self.budget, self.given_up, self.watch) = (walk.budget, walk.given_up, walk.watch);
        holds
    }

    fn value(&self, amount: Amount) -> u64 {
        match amount {
            Amount::Value(value) => value as u64,
            Amount::Variable(index) => self.values.get(usize::from(index)).copied().unwrap_or(0),
        }
    }

    /// Tries each occurrence of a content in turn until the tests behind it hold as well.
    fn content(&mut self, content: &ContentTest, rest: &[BufferTest]) -> bool {
        let started_from = self.last_end;
        let mut again_from = 0;
        let bytes = self.window.bytes;
        let Some((first, to)) = self.place(content, started_from) else { return false };
        loop {
            let from = if again_from != 0 { again_from } else { first };
            if from > to || to == 0 {
                return content.negated && self.run(rest);
            }
            let searched = bytes.get(from..to).unwrap_or_default();
            let found = if content.endswith && to < bytes.len() { None } else { search(content, searched) };
            let Some(at) = found.map(|at| from + at) else {
                if content.negated {
                    return self.run(rest);
                }
                self.given_up |= content.relative.is_none();
                return false;
            };
            let end = at + content.pattern.len();
            if content.negated {
                // Suricata compares with the length that was searched, not with the end of the buffer
                if content.endswith && searched.len() != end {
                    return self.run(rest);
                }
                self.watch.found(self.n_tests - rest.len() - 1, at, end);
                self.given_up |= content.is_single();
                return false;
            }
            self.last_end = end;
            if !content.endswith || end == bytes.len() {
                self.watch.found(self.n_tests - rest.len() - 1, at, end);
                if self.run(rest) {
                    return true;
                }
                if !self.given_up && !content.asks_again {
                    self.given_up = true;
                }
                if self.given_up {
                    return false;
                }
            }
            again_from = at + 1;
        }
    }

    /// Where a content may stand: from, to. `None`: the piece of the whole at hand cannot hold it. Suricata calculates in
    /// 32 bits, so that an end before the buffer lies far behind it.
    fn place(&self, content: &ContentTest, last_end: usize) -> Option<(usize, usize)> {
        let len = self.window.bytes.len() as u32;
        let last_end = last_end as u32;
        let varies = |amount: Amount| matches!(amount, Amount::Variable(_));
        let (mut from, mut to);
        match content.relative {
            Some(relative) => {
                let distance = self.value(relative.distance) as i32;
                from = if distance < 0 && distance.unsigned_abs() > last_end {
                    0
                } else {
                    last_end.wrapping_add_signed(distance)
                };
                to = len;
                if let Some(within) = relative.within {
                    let end = last_end.wrapping_add(self.value(within) as u32).wrapping_add_signed(distance);
                    if to as i32 > end as i32 {
                        to = end;
                    }
                    if last_end == 0 {
                        to = self.in_piece(to)?;
                    }
                }
                if let Some(depth) = content.depth
                    && self.value(depth).wrapping_add(last_end.into()) < to.into()
                {
                    to = last_end.wrapping_add(self.value(depth) as u32);
                }
                if self.value(content.offset) > from.into() {
                    from = self.value(content.offset) as u32;
                }
            }
            None => {
                to = len;
                if let Some(depth) = content.depth {
                    to = self.in_piece(self.value(depth) as u32)?;
                }
                from = self.value(content.offset) as u32;
            }
        }
        if varies(content.offset)
            || content.depth.is_some_and(varies)
            || content.relative.is_some_and(|relative| varies(relative.distance))
        {
            to = to.wrapping_add(from);
        }
        Some((from as usize, to.min(len) as usize))
    }

    /// An end in the whole as one in the piece at hand; `None` when it lies before the piece.
    fn in_piece(&self, to: u32) -> Option<u32> {
        let offset = self.window.offset;
        if offset == 0 || to >= offset.wrapping_add(self.window.bytes.len() as u32) {
            return Some(to);
        }
        (to > offset).then_some(to.wrapping_sub(offset))
    }

    fn pcre(&mut self, test: &PcreTest, rest: &[BufferTest]) -> bool {
        let started_from = self.last_end;
        self.pcre_from = 0;
        loop {
            let base = if test.relative { self.last_end } else { 0 };
            let subject = self.window.bytes.get(base..).unwrap_or_default();
            let found = match test.pcre.find_at(subject, self.pcre_from.saturating_sub(base)) {
                Ok(found) => found,
                // beyond the limits of the engine, which decides that nothing is known: no match, negated or not
                Err(super::pcre::Exhausted) => return false,
            };
            match found {
                None if !test.negated => return false,
                Some(_) if test.negated => return false,
                None => {}
                Some((start, end)) => {
                    self.last_end = base + end;
                    self.pcre_from = base + start + 1;
                    self.watch.found(self.n_tests - rest.len() - 1, base + start, base + end);
                }
            }
            if !test.relative_next {
                return self.run(rest);
            }
            let again_from = self.pcre_from;
            if self.run(rest) {
                return true;
            }
            if self.given_up || again_from == 0 {
                return false;
            }
            self.last_end = started_from;
            self.pcre_from = again_from;
        }
    }

    fn isdataat(&self, test: IsdataatTest) -> bool {
        let len = self.window.bytes.len() as u64;
        let at = self.value(test.at);
        let is_there = if test.relative { at.saturating_add(self.last_end as u64) <= len } else { at < len };
        is_there != test.negated
    }
}

impl ContentTest {
    /// It stands for itself: nothing says where it is, and nothing starts from it.
    fn is_single(&self) -> bool {
        self.relative.is_none() && !self.relative_next && !self.is_placed
    }

    /// The place it must have, if it is the whole buffer.
    pub(crate) fn is_whole(&self) -> bool {
        self.endswith
            && self.relative.is_none()
            && self.offset == Amount::Value(0)
            && self.depth == Some(Amount::Value(self.pattern.len() as i64))
    }
}

fn search(content: &ContentTest, searched: &[u8]) -> Option<usize> {
    if content.pattern.len() > searched.len() {
        return None;
    }
    if content.endswith && !content.negated && !content.asks_again {
        // it can only hold at the end, and nothing behind it asks for another place
        let at = searched.len() - content.pattern.len();
        return equal(content, searched.get(at..)?).then_some(at);
    }
    find(&content.pattern, content.nocase, searched)
}

/// The first place of `pattern`.
pub(crate) fn find(pattern: &[u8], nocase: bool, searched: &[u8]) -> Option<usize> {
    if !nocase {
        return memmem::find(searched, pattern);
    }
    let first = *pattern.first()?;
    let last = searched.len().checked_sub(pattern.len())?;
    let starts = searched.get(..=last)?;
    memchr::memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), starts)
        .find(|&at| searched.get(at..at + pattern.len()).is_some_and(|there| there.eq_ignore_ascii_case(pattern)))
}

fn equal(content: &ContentTest, bytes: &[u8]) -> bool {
    if content.nocase { bytes.eq_ignore_ascii_case(&content.pattern) } else { bytes == content.pattern }
}

#[cfg(test)]
pub(crate) fn content(pattern: &str) -> ContentTest {
    ContentTest {
        pattern: pattern.into(),
        negated: false,
        nocase: false,
        endswith: false,
        offset: Amount::Value(0),
        depth: None,
        relative: None,
        is_placed: false,
        asks_again: false,
        relative_next: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(tests: &[ContentTest], buffer: &str) -> bool {
        let tests: Vec<_> = tests.iter().cloned().map(BufferTest::Content).collect();
        matches(&tests, Window::whole(buffer.as_bytes()), &mut Values::default())
    }

    #[test]
    fn places_of_a_content() {
        let name = "a.b.example.com";
        assert!(holds(&[ContentTest { depth: Some(Amount::Value(3)), ..content("a.b") }], name));
        assert!(holds(&[ContentTest { offset: Amount::Value(2), ..content("b.") }], name));
        assert!(!holds(&[ContentTest { offset: Amount::Value(1), ..content("a.") }], name));
        assert!(holds(&[ContentTest { endswith: true, nocase: true, ..content(".COM") }], name));
        assert!(!holds(&[ContentTest { endswith: true, ..content("example") }], name));
        assert!(holds(&[ContentTest { negated: true, endswith: true, ..content(".org") }], name));
        assert!(!holds(&[ContentTest { negated: true, ..content("example") }], name));
    }

    #[test]
    fn only_within_asks_for_another_occurrence() {
        let near = |within| ContentTest {
            relative: Some(Relative { distance: Amount::Value(0), within }),
            ..content("example")
        };
        let within = |n| near(Some(Amount::Value(n)));
        let before = |pattern| ContentTest { asks_again: true, relative_next: true, ..content(pattern) };
        assert!(holds(&[before("a."), within(9)], "a.b.example.com"));
        assert!(!holds(&[before("a."), within(8)], "a.b.example.com"));
        assert!(holds(&[before("a"), within(7)], "xaxxaexample"));
        assert!(holds(&[content("a"), near(None)], "xaxxaexample"));
    }

    #[test]
    fn pieces_of_a_whole() {
        let piece = |test: ContentTest, bytes: &str| {
            let window = Window { bytes: bytes.as_bytes(), offset: 10, is_end: false };
            matches(&[BufferTest::Content(test)], window, &mut Values::default())
        };
        let depth = |n| ContentTest { depth: Some(Amount::Value(n)), ..content("abc") };
        assert!(!piece(depth(10), "abc"));
        assert!(!piece(depth(12), "abcd"));
        assert!(piece(depth(13), "abcd"));
        assert!(piece(depth(99), "abcd"));
    }
}
