//! What a rule looks at: its tests, put together by buffer as the rule gives them, and the pattern that rules are found by.

use super::content::{Amount, BufferTest, ContentTest, IsdataatTest, PcreTest, Relative};
use super::pcre::Pcre;
use super::places::{pattern_priority, place_of};
use super::signature::{Engine, Look};
use crate::rules::keyword::{self, Buffer, Content, FastPattern, Isdataat};
use crate::source::{Diagnostic, Span};
use crate::verdict::Direction;
use smallvec::SmallVec;

/// The tests of a rule while its options are read.
#[derive(Debug, Default)]
pub(super) struct Looks {
    list: Vec<PendingLook>,
    /// Tests outside of buffers: of the packet's payload, or of the stream.
    payload: Tests,
    /// The sticky buffer; `None`: the payload.
    current: Option<usize>,
    /// Where the last test that another may be relative to was put; `None`: the payload.
    last: Option<usize>,
    /// Variables that tests before have set.
    variables: Vec<String>,
}

/// A look under construction: the tests of one buffer, or a test of the session.
#[derive(Debug)]
struct PendingLook {
    what: Pending,
    dotprefix: bool,
    tests: Tests,
}

#[derive(Debug)]
enum Pending {
    Buffer(Buffer),
    /// States, and those of them that are negated.
    SslState(u8, u8),
}

/// Tests in order, with what is asked of each content as a pattern to find rules by.
#[derive(Debug, Default)]
struct Tests {
    tests: Vec<BufferTest>,
    fast_patterns: Vec<(usize, FastPattern)>,
}

/// What a rule looks at, ready to run.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Looks into transactions, in order of inspection.
    pub(super) engines: SmallVec<[Engine; 2]>,
    /// Tests of the payload or stream of a rule that looks into no transaction.
    pub(super) payload: Vec<BufferTest>,
    /// The content of the payload or stream without which the rule need not be looked at.
    pub(super) payload_pattern: Option<ContentTest>,
    /// The content of the payload or stream with which the rule need not be looked at.
    pub(super) payload_spoiler: Option<ContentTest>,
    /// The tests of the payload say where in it something must be.
    pub(super) payload_is_placed: bool,
    /// There are tests of the payload, be they part of the looks into transactions.
    pub(super) tests_payload: bool,
}

/// The pattern of a rule: in which look (`None`: the payload), and which test there.
#[derive(Clone, Copy, Debug)]
struct PatternAt {
    look: Option<usize>,
    test: usize,
}

/// What the payload's patterns count among those of buffers; the smallest number is preferred. Source: Suricata 7.0.10.
const PAYLOAD_PRIORITY: u8 = 3;

impl Looks {
    /// A sticky buffer begins. One that can be there only once is taken up again.
    pub(super) fn buffer(&mut self, buffer: Buffer) {
        let again = if buffer.list().multi { None } else { self.plain(buffer) };
        self.current = Some(again.unwrap_or_else(|| self.push(Pending::Buffer(buffer))));
    }

    /// Back to the packet or stream.
    pub(super) fn leave_buffer(&mut self) {
        self.current = None;
    }

    pub(super) fn ssl_state(&mut self, states: u8, negated: u8) {
        self.push(Pending::SslState(states, negated));
        self.leave_buffer();
    }

    /// Puts a dot in front of the current buffer; `false` when there is none.
    pub(super) fn dotprefix(&mut self) -> bool {
        match self.current.and_then(|at| self.list.get_mut(at)) {
            Some(look) => {
                look.dotprefix = true;
                true
            }
            None => false,
        }
    }

    /// The look at a buffer without transforms, if there is one.
    fn plain(&self, buffer: Buffer) -> Option<usize> {
        self.list.iter().position(
            |look| matches!(look.what, Pending::Buffer(known) if known.list().name == buffer.list().name && !look.dotprefix),
        )
    }

    fn push(&mut self, what: Pending) -> usize {
        self.list.push(PendingLook { what, dotprefix: false, tests: Tests::default() });
        self.list.len() - 1
    }

    /// The look that an old-style modifier chooses.
    fn chosen(&mut self, buffer: Buffer) -> usize {
        match self.plain(buffer) {
            Some(at) => at,
            None => self.push(Pending::Buffer(buffer)),
        }
    }

    fn tests_at(&mut self, place: Option<usize>) -> &mut Tests {
        match place.and_then(|at| self.list.get_mut(at)) {
            Some(look) => &mut look.tests,
            None => &mut self.payload,
        }
    }

    pub(super) fn content(&mut self, content: &Content) {
        let place = match content.modifier_buffer {
            Some(buffer) => Some(self.chosen(buffer)),
            None => self.current,
        };
        self.last = place;
        let test = self.content_test(content);
        let is_relative = test.relative.is_some();
        // only a plain `distance` is content with the first place
        let asks_again = test.negated || test.relative.is_some_and(|relative| relative.within.is_some());
        let tests = self.tests_at(place);
        if is_relative {
            tests.mark_last(asks_again);
        }
        if let Some(fast_pattern) = content.fast_pattern {
            tests.fast_patterns.push((tests.tests.len(), fast_pattern));
        }
        tests.tests.push(BufferTest::Content(test));
    }

    fn content_test(&self, content: &Content) -> ContentTest {
        let amount = |amount: &keyword::Amount| self.amount(amount);
        let length = content.pattern.len() as i64;
        let offset = content.offset.as_ref().map_or(Amount::Value(0), amount);
        let depth = if content.startswith {
            Some(Amount::Value(length))
        } else {
            content.depth.as_ref().map(|depth| match (amount(depth), offset) {
                (Amount::Value(depth), Amount::Value(offset)) => Amount::Value(depth + offset),
                (depth, _) => depth,
            })
        };
        let relative = (content.distance.is_some() || content.within.is_some()).then(|| Relative {
            distance: content.distance.as_ref().map_or(Amount::Value(0), amount),
            within: content.within.as_ref().map(amount),
        });
        ContentTest {
            pattern: content.pattern.clone(),
            negated: content.negated,
            nocase: content.nocase,
            endswith: content.endswith,
            offset,
            depth,
            relative,
            asks_again: false,
            relative_next: false,
        }
    }

    fn amount(&self, amount: &keyword::Amount) -> Amount {
        match amount {
            keyword::Amount::Value(value) => Amount::Value(i64::from(*value)),
            // the parser has made sure that the variable is set before
            keyword::Amount::Variable(name) => {
                let at = self.variables.iter().position(|known| known == name);
                Amount::Variable(at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX))
            }
        }
    }

    /// # Errors
    /// The expression cannot be compiled.
    pub(super) fn pcre(&mut self, pcre: &keyword::Pcre, span: Span) -> Result<(), Diagnostic> {
        let compiled = Pcre::compile(pcre).map_err(|(said, at)| {
            let before = pcre.pattern.get(..at).unwrap_or(&pcre.pattern);
            Diagnostic::error("FD0227", format!("the regular expression is not valid: {said}"))
                .at(span)
                .help(format!("the place is behind `{before}`"))
        })?;
        let place = match pcre.buffer() {
            Some(buffer) => Some(self.chosen(buffer)),
            None => self.current,
        };
        self.last = place;
        let tests = self.tests_at(place);
        if pcre.is_relative() {
            tests.mark_last(true);
        }
        tests.tests.push(BufferTest::Pcre(PcreTest {
            pcre: compiled,
            negated: pcre.negated,
            relative: pcre.is_relative(),
            relative_next: false,
        }));
        Ok(())
    }

    pub(super) fn isdataat(&mut self, isdataat: &Isdataat) {
        let at = self.amount(&isdataat.at);
        let place = match (self.current, isdataat.relative) {
            (None, true) => self.last,
            (current, _) => current,
        };
        self.last = place;
        let tests = self.tests_at(place);
        if isdataat.relative {
            // "no byte behind it" is another way to say `endswith`
            if isdataat.negated
                && at == Amount::Value(1)
                && let Some(BufferTest::Content(content)) = tests.last_match()
            {
                content.endswith = true;
                return;
            }
            tests.mark_last(true);
        }
        let test = IsdataatTest { at, negated: isdataat.negated, relative: isdataat.relative };
        tests.tests.push(BufferTest::Isdataat(test));
    }

    /// A test of the current buffer; `false` when there is none.
    pub(super) fn test_of_buffer(&mut self, test: BufferTest) -> bool {
        match self.current.and_then(|at| self.list.get_mut(at)) {
            Some(look) => {
                look.tests.tests.push(test);
                true
            }
            None => false,
        }
    }

    /// `urilen`, which chooses its buffer and ends the one before.
    pub(super) fn urilen(&mut self, compare: keyword::Compare<u16>, raw: bool) {
        let at = self.chosen(if raw { Buffer::HttpUriRaw } else { Buffer::HttpUri });
        self.tests_at(Some(at)).tests.push(BufferTest::Urilen(compare));
        self.leave_buffer();
    }

    /// A buffer that is looked at but not evaluated yet.
    pub(super) fn unevaluated(&self) -> Option<Buffer> {
        self.list.iter().find_map(|look| match look.what {
            Pending::Buffer(buffer) if place_of(buffer).is_empty() => Some(buffer),
            _ => None,
        })
    }

    /// `directions`: those the rule is run in.
    pub(super) fn finish(self, directions: [bool; 2]) -> Looked {
        let pattern = self.pattern();
        let tests_payload = !self.payload.tests.is_empty();
        let payload_is_placed = self.payload.tests.iter().any(|test| {
            matches!(test, BufferTest::Content(content)
                if content.depth.is_some() || content.offset != Amount::Value(0))
        });
        let payload_pattern = match pattern {
            Some((PatternAt { look: None, test }, true)) => self.payload.pattern_test(test),
            _ => None,
        };
        let payload_spoiler = match pattern {
            Some((PatternAt { look: None, test }, false)) => self.payload.conclusive(test),
            _ => None,
        };
        let mut engines: SmallVec<[Engine; 2]> = SmallVec::new();
        for (number, look) in self.list.into_iter().enumerate() {
            let holds = pattern.filter(|(at, _)| at.look == Some(number));
            let (has_pattern, prefilter) = (holds.is_some(), holds.is_some_and(|(_, positive)| positive));
            match look.what {
                Pending::SslState(states, negated) => {
                    engines.extend(BOTH.map(|direction| Engine {
                        direction,
                        progress: 0,
                        prefilter: false,
                        has_pattern: false,
                        look: Look::SslState { states, negated },
                    }));
                }
                // a sticky buffer without a test tests nothing
                Pending::Buffer(_) if look.tests.tests.is_empty() => {}
                Pending::Buffer(buffer) => {
                    engines.extend(place_of(buffer).iter().map(|&(buffer, direction, progress)| Engine {
                        direction,
                        progress,
                        prefilter,
                        has_pattern,
                        look: Look::Buffer { buffer, dotprefix: look.dotprefix, tests: look.tests.tests.clone() },
                    }));
                }
            }
        }
        engines.sort_by_key(|engine| (!engine.has_pattern, engine.progress));
        let mut payload = self.payload.tests;
        if tests_payload && !engines.is_empty() {
            let tests = std::mem::take(&mut payload);
            let has_pattern = pattern.is_some_and(|(at, _)| at.look.is_none());
            for direction in BOTH.into_iter().filter(|d| directions.get(d.index()) == Some(&true)) {
                let look = Look::Stream { tests: tests.clone() };
                let engine = Engine { direction, progress: 0, prefilter: false, has_pattern, look };
                let at = if has_pattern { 0 } else { engines.len() };
                engines.insert(at, engine);
            }
        }
        Looked { engines, payload, payload_pattern, payload_spoiler, payload_is_placed, tests_payload }
    }

    /// The pattern that the rule is found by, and whether it must be there: the one the rule names, else the longest of
    /// the most telling buffers, the strongest among those of the same length. Without any, a negated one takes its
    /// place, but nothing can wait for that.
    fn pattern(&self) -> Option<(PatternAt, bool)> {
        let of_buffers = self.list.iter().enumerate().filter_map(|(number, look)| match look.what {
            Pending::Buffer(buffer) => Some((Some(number), pattern_priority(buffer), &look.tests)),
            Pending::SslState(..) => None,
        });
        let all = || std::iter::once((None, PAYLOAD_PRIORITY, &self.payload)).chain(of_buffers.clone());
        for (look, _, tests) in all() {
            if let Some(&(test, _)) = tests.fast_patterns.first() {
                let positive = matches!(tests.tests.get(test), Some(BufferTest::Content(content)) if !content.negated);
                return Some((PatternAt { look, test }, positive));
            }
        }
        for negated in [false, true] {
            let contents = all().flat_map(|(look, priority, tests)| {
                tests.tests.iter().enumerate().filter_map(move |(test, t)| match t {
                    BufferTest::Content(content) if content.negated == negated => {
                        let better = (std::cmp::Reverse(priority), content.pattern.len(), strength(&content.pattern));
                        Some((better, PatternAt { look, test }))
                    }
                    _ => None,
                })
            });
            // of equals the first
            if let Some((_, at)) = contents.reduce(|best, next| if next.0 > best.0 { next } else { best }) {
                return Some((at, !negated));
            }
        }
        None
    }
}

impl Tests {
    /// The last content or expression: where a relative test starts from.
    fn last_match(&mut self) -> Option<&mut BufferTest> {
        self.tests.iter_mut().rev().find(|test| matches!(test, BufferTest::Content(_) | BufferTest::Pcre(_)))
    }

    /// Notes that the next test starts where the last match ends.
    fn mark_last(&mut self, asks_again: bool) {
        match self.last_match() {
            Some(BufferTest::Content(content)) => {
                content.relative_next = true;
                content.asks_again |= asks_again;
            }
            Some(BufferTest::Pcre(pcre)) => pcre.relative_next = true,
            _ => {}
        }
    }

    /// A content whose being anywhere settles it: nothing says where, though `endswith` does not count.
    fn conclusive(&self, test: usize) -> Option<ContentTest> {
        let is_part =
            self.fast_patterns.iter().any(|(at, part)| *at == test && matches!(part, FastPattern::Chop { .. }));
        self.pattern_test(test).filter(|_| {
            !is_part
                && matches!(self.tests.get(test), Some(BufferTest::Content(content))
            if content.relative.is_none() && content.depth.is_none() && content.offset == Amount::Value(0))
        })
    }

    /// What of a content is looked for ahead of all other tests: a part of it if the rule says so, anywhere if it is
    /// relative.
    fn pattern_test(&self, test: usize) -> Option<ContentTest> {
        let Some(BufferTest::Content(content)) = self.tests.get(test) else { return None };
        let chop = self.fast_patterns.iter().find(|(at, _)| *at == test).map(|(_, fast_pattern)| *fast_pattern);
        let mut content = content.clone();
        if let Some(FastPattern::Chop { offset, length }) = chop {
            let (from, to) = (usize::from(offset), usize::from(offset) + usize::from(length));
            content.pattern = content.pattern.get(from..to)?.to_vec();
        }
        Some(ContentTest {
            endswith: false,
            offset: Amount::Value(0),
            depth: None,
            relative: None,
            asks_again: false,
            relative_next: false,
            ..content
        })
    }
}

const BOTH: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

/// How rare a pattern is likely to be. Source: Suricata 7.0.10.
fn strength(pattern: &[u8]) -> u32 {
    let mut seen = [false; 256];
    let mut sum = 0;
    for &byte in pattern {
        let Some(seen) = seen.get_mut(usize::from(byte)) else { continue };
        sum += match byte {
            _ if *seen => 1,
            b if b.is_ascii_alphabetic() => 3,
            b' '..=b'~' | 0 | 1 | 0xff => 4,
            _ => 6,
        };
        *seen = true;
    }
    sum
}
