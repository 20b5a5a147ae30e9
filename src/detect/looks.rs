//! What a rule looks at: its tests, put together by buffer as the rule gives them, and the pattern that rules are found by.

use super::byte_values::{self, NumberAt};
use super::content::{Amount, BufferTest, ContentTest, IsdataatTest, PcreTest, Relative};
use super::header::{HeaderBytes, HeaderTest};
use super::pcre::{Pcre, PcreLimits};
use super::places::{kept_for, pattern_priority, place_of, put_in_its_letters};
use super::session::{SessionList, SessionTest};
use super::signature::{Engine, Look};
use super::trace::Conditions;
use super::transform::Transforms;
use crate::app::inspection::place;
use crate::app::{AppConfig, Keep};
use crate::rules::Protocol;
use crate::rules::keyword::{self, Buffer, Content, Encoding, FastPattern, Isdataat, Transform};
use crate::source::{Diagnostic, Span};
use crate::verdict::Direction;
use smallvec::SmallVec;

/// The tests of a rule while its options are read.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// How far expressions may search.
    pub(super) pcre_limits: PcreLimits,
    list: Vec<PendingLook>,
    /// Tests outside of buffers: of the packet's payload, or of the stream.
    payload: TestList,
    /// The sticky buffer; `None`: the payload.
    current: Option<usize>,
    /// Transforms behind the sticky buffer that no test has asked for yet.
    pending: Transforms,
    /// Where the last test that another may be relative to was put; `None`: the payload.
    last: Option<usize>,
    /// The same without `byte_math`, which `base64_decode` does not see.
    last_but_math: Option<usize>,
    /// Variables that tests before have set.
    variables: Vec<Variable>,
    /// Some number has as many digits as there are. Suricata reads on behind the buffer, into whatever is in memory.
    pub(super) has_open_number: bool,
    /// Something about it that is not evaluated.
    unevaluated: Option<&'static str>,
}

/// A variable of a rule.
#[derive(Debug)]
struct Variable {
    name: String,
    /// `byte_math` sets it.
    is_result: bool,
    place: Option<usize>,
    index: u8,
}

/// A look under construction: the tests of one buffer, or a test of the session.
#[derive(Debug)]
struct PendingLook {
    what: Pending,
    transforms: Transforms,
    tests: TestList,
}

#[derive(Debug)]
enum Pending {
    Buffer(Buffer),
    /// Tests that must hold at the same time.
    Session(SessionList, Vec<SessionTest>),
    /// What `base64_decode` decodes.
    Base64,
}

/// Tests in order, with what is asked of each content as a pattern to find rules by.
#[derive(Debug, Default)]
struct TestList {
    tests: Vec<BufferTest>,
    /// The options of the rule that the tests were made from, where somebody wants to know.
    origins: Vec<u16>,
    fast_patterns: Vec<(usize, FastPattern)>,
}

/// What a rule looks at, ready to run.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Looks into transactions, in order of inspection.
    pub(super) engines: SmallVec<[Engine; 2]>,
    /// Tests of the bytes of the packet's headers.
    pub(super) headers: Vec<HeaderTest>,
    /// The header that holds the pattern the rule waits for.
    pub(super) waits_for_header: Option<HeaderBytes>,
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
        self.pending = Transforms::default();
    }

    /// `base64_data`: what was decoded.
    pub(super) fn base64_data(&mut self) {
        let known = self.list.iter().position(|look| matches!(look.what, Pending::Base64));
        self.current = Some(known.unwrap_or_else(|| self.push(Pending::Base64)));
    }

    /// Back to the packet or stream.
    pub(super) fn leave_buffer(&mut self) {
        self.current = None;
    }

    /// Notes that tests which came since the last time are of this option of the rule.
    pub(super) fn note_origin(&mut self, option: u16) {
        self.payload.origins.resize(self.payload.tests.len(), option);
        for look in &mut self.list {
            let n_tests =
                if let Pending::Session(_, tests) = &look.what { tests.len() } else { look.tests.tests.len() };
            look.tests.origins.resize(n_tests, option);
        }
    }

    /// The options that the tests were made from, once all are there.
    pub(super) fn origins(&self) -> Conditions {
        let decoded = self.list.iter().find(|look| matches!(look.what, Pending::Base64));
        let with_decoded = |tests: &TestList| {
            let decodes = matches!(tests.tests.last(), Some(BufferTest::Base64(..)));
            let decoded = decoded.filter(|_| decodes).map_or(&[] as &[u16], |look| &look.tests.origins);
            [&tests.origins, decoded].concat()
        };
        let tests_at =
            |look: Option<usize>| look.and_then(|at| self.list.get(at)).map_or(&self.payload, |look| &look.tests);
        Conditions {
            packet: Vec::new(),
            payload: with_decoded(&self.payload),
            pattern: self.pattern().and_then(|(at, _)| tests_at(at.look).origins.get(at.test).copied()),
            looks: self.list.iter().map(|look| with_decoded(&look.tests)).collect(),
            events: Vec::new(),
        }
    }

    /// The options that the looks at headers were made from: of each the first test's.
    pub(super) fn origins_of_headers(&self) -> impl Iterator<Item = u16> {
        let looks = self.list.iter().filter(|look| !look.tests.tests.is_empty());
        let headers =
            looks.filter(|look| matches!(look.what, Pending::Buffer(buffer) if HeaderBytes::of(buffer).is_some()));
        headers.filter_map(|look| look.tests.origins.first().copied())
    }

    /// A test of the session, which ends the sticky buffer.
    pub(super) fn session(&mut self, test: SessionTest) {
        let list = test.list();
        let known = self.list.iter_mut().find_map(|look| match &mut look.what {
            Pending::Session(known, tests) if *known == list => Some(tests),
            _ => None,
        });
        match known {
            Some(tests) => tests.push(test),
            None => {
                self.push(Pending::Session(list, vec![test]));
            }
        }
        self.leave_buffer();
    }

    /// `tls.fingerprint`: a content of the buffer that it is about, which ends the sticky one.
    pub(super) fn fingerprint(&mut self, negated: bool, pattern: &[u8]) {
        let modifier_buffer = Some(Buffer::TlsCertFingerprint);
        self.content(&Content { pattern: pattern.to_vec(), negated, modifier_buffer, ..Content::default() });
        self.leave_buffer();
    }

    /// What parsers must keep for the rule.
    pub(super) fn keep(&self) -> Keep {
        let mut keep = Keep::default();
        for look in &self.list {
            match &look.what {
                Pending::Buffer(buffer) => keep |= kept_for(*buffer),
                Pending::Session(list, _) => keep.certificates |= list.is_of_certificates(),
                Pending::Base64 => {}
            }
        }
        keep
    }

    /// A transform of the current buffer.
    ///
    /// # Errors
    /// Its expression cannot be compiled.
    pub(super) fn transform(&mut self, transform: &Transform, span: Span) -> Result<(), Diagnostic> {
        self.pending.push(transform).map_err(|said| {
            Diagnostic::error("FD0227", format!("the regular expression cannot be used: {said}")).at(span)
        })
    }

    /// Makes the pending transforms those of the current buffer. Tests before them are of the buffer without.
    fn settle(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.pending);
        let Some(at) = self.current else { return };
        let at = match self.list.get(at) {
            Some(PendingLook { what: Pending::Buffer(buffer), tests, .. }) if !tests.tests.is_empty() => {
                self.push(Pending::Buffer(*buffer))
            }
            _ => at,
        };
        self.current = Some(at);
        if let Some(look) = self.list.get_mut(at) {
            look.transforms = pending;
        }
    }

    /// The look at a buffer without transforms, if there is one.
    fn plain(&self, buffer: Buffer) -> Option<usize> {
        self.list.iter().position(
            |look| matches!(look.what, Pending::Buffer(known) if known.list().name == buffer.list().name && look.transforms.is_empty()),
        )
    }

    fn push(&mut self, what: Pending) -> usize {
        self.list.push(PendingLook { what, transforms: Transforms::default(), tests: TestList::default() });
        self.list.len() - 1
    }

    /// The look that an old-style modifier chooses.
    fn chosen(&mut self, buffer: Buffer) -> usize {
        match self.plain(buffer) {
            Some(at) => at,
            None => self.push(Pending::Buffer(buffer)),
        }
    }

    fn tests_at(&mut self, place: Option<usize>) -> &mut TestList {
        match place.and_then(|at| self.list.get_mut(at)) {
            Some(look) => &mut look.tests,
            None => &mut self.payload,
        }
    }

    /// Notes where a test went that another may be relative to.
    fn put_last(&mut self, place: Option<usize>) {
        (self.last, self.last_but_math) = (place, place);
    }

    pub(super) fn content(&mut self, content: &Content) {
        let place = match content.modifier_buffer {
            Some(buffer) => Some(self.chosen(buffer)),
            None => {
                self.settle();
                self.current
            }
        };
        self.put_last(place);
        let mut test = self.content_test(content, place);
        if let Some(Pending::Buffer(buffer)) = place.and_then(|at| self.list.get(at)).map(|look| &look.what) {
            put_in_its_letters(*buffer, &mut test.pattern);
        }
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

    /// `prefilter` behind a content: it is the pattern that the rule waits for.
    pub(super) fn prefer_last_content(&mut self) {
        let tests = self.tests_at(self.last);
        if let Some(last) = tests.tests.len().checked_sub(1) {
            tests.fast_patterns.push((last, FastPattern::Whole));
        }
    }

    fn content_test(&mut self, content: &Content, place: Option<usize>) -> ContentTest {
        let mut amount = |amount: &keyword::Amount| self.amount(amount, place, |value| i64::from(*value));
        let length = content.pattern.len() as i64;
        let offset = content.offset.as_ref().map_or(Amount::Value(0), &mut amount);
        let depth = if content.startswith {
            Some(Amount::Value(length))
        } else {
            content.depth.as_ref().map(|depth| match (amount(depth), offset) {
                (Amount::Value(depth), Amount::Value(offset)) => Amount::Value(depth + offset),
                (depth, _) => depth,
            })
        };
        let relative = (content.distance.is_some() || content.within.is_some()).then(|| Relative {
            distance: content.distance.as_ref().map_or(Amount::Value(0), &mut amount),
            within: content.within.as_ref().map(&mut amount),
        });
        ContentTest {
            pattern: content.pattern.clone(),
            negated: content.negated,
            nocase: content.nocase,
            endswith: content.endswith,
            offset,
            depth,
            relative,
            is_placed: content.startswith || content.depth.is_some() || content.offset.is_some(),
            asks_again: false,
            relative_next: false,
        }
    }

    /// A number of a test at `place`. One of a variable that tests of another buffer set is not evaluated: whether these
    /// run before depends on what the transaction has and on other rules.
    fn amount<T, U>(&mut self, amount: &keyword::Amount<T>, place: Option<usize>, widen: fn(&T) -> U) -> Amount<U> {
        let name = match amount {
            keyword::Amount::Value(value) => return Amount::Value(widen(value)),
            keyword::Amount::Variable(name) => name,
        };
        // of several with one name the first counts, in Suricata's order of places
        let named = self.variables.iter().filter(|variable| variable.name == *name);
        match named.min_by_key(|variable| (variable.is_result, self.kind_of(variable.place))) {
            Some(variable) if variable.place == place => Amount::Variable(variable.index),
            _ => {
                self.unevaluated.get_or_insert("a variable of another buffer");
                Amount::Variable(0)
            }
        }
    }

    /// Buffers, the payload, what base64 decodes: variables are numbered in each by themselves.
    fn kind_of(&self, place: Option<usize>) -> u8 {
        match place.and_then(|at| self.list.get(at)).map(|look| &look.what) {
            Some(Pending::Base64) => 2,
            Some(_) => 0,
            None => 1,
        }
    }

    /// The index of a variable that a test at `place` sets. Source: Suricata 7.0.10, which numbers the variables of
    /// `byte_extract` and `byte_math` apart, so that one may take the other's place.
    fn variable(&mut self, name: &str, is_result: bool, place: Option<usize>) -> u8 {
        let kind = self.kind_of(place);
        let before = self
            .variables
            .iter()
            .filter(|variable| variable.is_result == is_result && self.kind_of(variable.place) == kind)
            .count();
        let index = u8::try_from(before).unwrap_or_else(|_| {
            self.unevaluated.get_or_insert("a rule of more than 256 variables");
            u8::MAX
        });
        self.variables.push(Variable { name: name.to_owned(), is_result, place, index });
        index
    }

    /// Where a test of bytes goes: to the sticky buffer; without one, a relative test follows the last of any buffer.
    fn place_of_bytes(&mut self, relative: bool) -> Option<usize> {
        self.settle();
        if self.current.is_none() && relative { self.last } else { self.current }
    }

    /// The test that a relative one at `place` starts from.
    fn previous(&mut self, place: Option<usize>) -> Option<&mut BufferTest> {
        let in_buffer = self.current.is_some();
        let tests = self.tests_at(place);
        if in_buffer { tests.last_match() } else { tests.last_followed() }
    }

    /// Puts a test of bytes in its place.
    fn bytes(&mut self, relative: bool, place: Option<usize>, test: BufferTest) {
        if relative {
            match self.previous(place) {
                Some(BufferTest::Content(content)) => (content.relative_next, content.asks_again) = (true, true),
                Some(BufferTest::Pcre(pcre)) => pcre.relative_next = true,
                _ => {}
            }
        }
        if matches!(test, BufferTest::ByteMath(_)) {
            self.last = place;
        } else {
            self.put_last(place);
        }
        self.tests_at(place).tests.push(test);
    }

    fn number_at(
        &mut self,
        bytes: &keyword::Amount<u8>,
        offset: &keyword::Amount,
        (relative, encoding): (bool, Encoding),
        place: Option<usize>,
    ) -> NumberAt {
        if encoding == Encoding::Dce {
            self.unevaluated.get_or_insert("the order of bytes of DCE/RPC");
        }
        self.has_open_number |= matches!(encoding, Encoding::Text(_)) && *bytes == keyword::Amount::Value(0);
        NumberAt {
            bytes: self.amount(bytes, place, |bytes| i32::from(*bytes)),
            offset: self.amount(offset, place, |offset| *offset),
            relative,
            encoding,
        }
    }

    pub(super) fn byte_test(&mut self, test: &keyword::ByteTest) {
        let place = self.place_of_bytes(test.relative);
        let number = self.number_at(&test.bytes, &test.offset, (test.relative, test.encoding), place);
        let value = self.amount(&test.value, place, |value| *value);
        let compiled = byte_values::ByteTest {
            number,
            bitmask: test.bitmask,
            negated: test.negated,
            operator: test.operator,
            value,
        };
        self.bytes(test.relative, place, BufferTest::ByteTest(compiled));
    }

    pub(super) fn byte_jump(&mut self, jump: &keyword::ByteJump) {
        let place = self.place_of_bytes(jump.relative);
        let number = self.number_at(&jump.bytes, &jump.offset, (jump.relative, jump.encoding), place);
        let compiled = byte_values::ByteJump {
            number,
            multiplier: jump.multiplier,
            align: jump.align,
            post_offset: jump.post_offset,
            from: jump.from,
        };
        self.bytes(jump.relative, place, BufferTest::ByteJump(compiled));
    }

    /// `byte_extract` does not see to transforms: it is a test of the buffer as it was before them.
    pub(super) fn byte_extract(&mut self, extract: &keyword::ByteExtract) {
        let place = if self.current.is_none() && extract.relative { self.last } else { self.current };
        let (bytes, offset) = (keyword::Amount::Value(extract.bytes), keyword::Amount::Value(extract.offset));
        let compiled = byte_values::ByteExtract {
            number: self.number_at(&bytes, &offset, (extract.relative, extract.encoding), place),
            multiplier: extract.multiplier,
            align: extract.align,
            into: self.variable(&extract.name, false, place),
        };
        self.bytes(extract.relative, place, BufferTest::ByteExtract(compiled));
    }

    pub(super) fn byte_math(&mut self, math: &keyword::ByteMath) {
        let place = self.place_of_bytes(math.relative);
        let offset = keyword::Amount::Value(math.offset);
        let number = self.number_at(&math.bytes, &offset, (math.relative, math.encoding), place);
        let operand = self.amount(&math.operand, place, |operand| u64::from(*operand));
        let compiled = byte_values::ByteMath {
            number,
            operator: math.operator,
            operand,
            bitmask: math.bitmask,
            into: self.variable(&math.result, true, place),
        };
        self.bytes(math.relative, place, BufferTest::ByteMath(compiled));
    }

    /// Like `byte_extract`, it is a test of the buffer without transforms.
    pub(super) fn base64_decode(&mut self, decode: keyword::Base64Decode) {
        let place = self.current.or(self.last_but_math);
        if self.kind_of(place) == 2 {
            self.unevaluated.get_or_insert("base64_decode of what base64_decode has decoded");
        }
        let keyword::Base64Decode { bytes, offset, relative } = decode;
        let compiled = byte_values::Base64 { bytes, offset, relative, room: bytes };
        self.tests_at(place).tests.push(BufferTest::Base64(compiled, Vec::new()));
    }

    /// # Errors
    /// The expression cannot be compiled.
    pub(super) fn pcre(&mut self, pcre: &keyword::Pcre, span: Span) -> Result<(), Diagnostic> {
        let compiled = Pcre::compile(pcre, self.pcre_limits).map_err(|(said, at)| {
            let before = pcre.pattern.get(..at).unwrap_or(&pcre.pattern);
            Diagnostic::error("FD0227", format!("the regular expression is not valid: {said}"))
                .at(span)
                .help(format!("the place is behind `{before}`"))
        })?;
        let place = match pcre.buffer() {
            Some(buffer) if self.current.is_none() => Some(self.chosen(buffer)),
            _ => {
                self.settle();
                self.current
            }
        };
        self.put_last(place);
        let tests = self.tests_at(place);
        if pcre.is_relative() {
            tests.mark_last(true);
        }
        tests.tests.push(BufferTest::Pcre(PcreTest {
            pcre: compiled,
            negated: pcre.negated,
            relative: pcre.is_relative(),
            relative_next: false,
            notes: ["flow:", "pkt:"].map(|kind| pcre.captures.iter().any(|name| name.starts_with(kind))),
        }));
        Ok(())
    }

    pub(super) fn isdataat(&mut self, isdataat: &Isdataat) {
        let place = self.place_of_bytes(isdataat.relative);
        let at = self.amount(&isdataat.at, place, |at| i64::from(*at));
        // "no byte behind it" is another way to say `endswith`; Suricata 7.0.10 takes the index of a variable for a number
        if isdataat.relative
            && isdataat.negated
            && matches!(at, Amount::Value(1) | Amount::Variable(1))
            && let Some(BufferTest::Content(content)) = self.previous(place)
        {
            content.endswith = true;
            return;
        }
        let test = IsdataatTest { at, negated: isdataat.negated, relative: isdataat.relative };
        self.bytes(isdataat.relative, place, BufferTest::Isdataat(test));
    }

    /// A test of the current buffer; `false` when there is none.
    pub(super) fn test_of_buffer(&mut self, test: BufferTest) -> bool {
        self.settle();
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

    /// Something about bytes that is not evaluated.
    pub(super) fn unevaluated_bytes(&self) -> Option<&'static str> {
        self.unevaluated
    }

    /// A buffer that is looked at but not evaluated yet in rules of a protocol: files are only in HTTP.
    pub(super) fn unevaluated(&self, protocol: Option<Protocol>) -> Option<Buffer> {
        let elsewhere = |buffer| {
            let http = matches!(protocol, None | Some(Protocol::Http | Protocol::Http1 | Protocol::Http2));
            buffer == Buffer::FileData && !http
        };
        // what tests of a header set is gone once they are over
        let shares_variables = !self.variables.is_empty() && (self.list.len() > 1 || !self.payload.tests.is_empty());
        self.list.iter().find_map(|look| match look.what {
            Pending::Buffer(buffer) if HeaderBytes::of(buffer).is_some() => {
                (shares_variables || !look.transforms.is_empty()).then_some(buffer)
            }
            Pending::Buffer(buffer) if place_of(buffer).is_empty() || elsewhere(buffer) => Some(buffer),
            _ => None,
        })
    }

    /// `directions`: those the rule is run in; `longest_payload`: the bound that `dsize` sets on contents of the payload.
    pub(super) fn finish(mut self, directions: [bool; 2], longest_payload: Option<u16>, config: AppConfig) -> Looked {
        self.give_tests_to_base64();
        let pattern = self.pattern();
        let tests_payload = !self.payload.tests.is_empty();
        let payload_is_placed =
            self.payload.tests.iter().any(|test| matches!(test, BufferTest::Content(content) if content.is_placed));
        self.payload.limit();
        if let Some(longest) = longest_payload {
            self.payload.limit_to(longest);
        }
        self.list.iter_mut().for_each(|look| look.tests.limit());
        let payload_pattern = match pattern {
            Some((PatternAt { look: None, test }, true)) => self.payload.pattern_test(test),
            _ => None,
        };
        let payload_spoiler = match pattern {
            Some((PatternAt { look: None, test }, false)) => self.payload.conclusive(test),
            _ => None,
        };
        let mut engines: SmallVec<[Engine; 2]> = SmallVec::new();
        let mut headers = Vec::new();
        let mut waits_for_header = None;
        for (number, look) in self.list.into_iter().enumerate() {
            let holds = pattern.filter(|(at, _)| at.look == Some(number));
            let (has_pattern, prefilter) = (holds.is_some(), holds.is_some_and(|(_, positive)| positive));
            let is_searched = holds.is_some_and(|(at, positive)| positive || look.tests.conclusive(at.test).is_some());
            match look.what {
                Pending::Session(list, tests) => {
                    engines.extend(list.places().iter().map(|&(direction, progress)| Engine {
                        direction,
                        progress,
                        prefilter: false,
                        has_pattern: false,
                        is_searched: false,
                        group: number as u16,
                        look: Look::Session(tests.clone()),
                    }));
                }
                // a sticky buffer without a test tests nothing
                Pending::Buffer(_) if look.tests.tests.is_empty() => {}
                Pending::Base64 => {}
                Pending::Buffer(buffer) => {
                    if let Some(header) = HeaderBytes::of(buffer) {
                        if prefilter {
                            waits_for_header = Some(header);
                        }
                        headers.push(HeaderTest::Bytes { header, tests: look.tests.tests });
                        continue;
                    }
                    engines.extend(place_of(buffer).iter().map(|&(buffer, direction, progress)| Engine {
                        direction,
                        progress: place::in_config(progress, config),
                        prefilter,
                        has_pattern,
                        is_searched,
                        group: number as u16,
                        look: Look::Buffer {
                            buffer,
                            transforms: look.transforms.clone(),
                            tests: look.tests.tests.clone(),
                        },
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
                let engine = Engine {
                    direction,
                    progress: 0,
                    prefilter: false,
                    has_pattern,
                    is_searched: false,
                    group: Conditions::STREAM,
                    look,
                };
                let at = if has_pattern { 0 } else { engines.len() };
                engines.insert(at, engine);
            }
        }
        Looked {
            engines,
            headers,
            waits_for_header,
            payload,
            payload_pattern,
            payload_spoiler,
            payload_is_placed,
            tests_payload,
        }
    }

    /// Whatever decodes runs the tests of what is decoded.
    fn give_tests_to_base64(&mut self) {
        let decoded = self.list.iter_mut().find(|look| matches!(look.what, Pending::Base64));
        let decoded = decoded.map(|look| std::mem::take(&mut look.tests.tests)).unwrap_or_default();
        for tests in self.list.iter_mut().map(|look| &mut look.tests).chain([&mut self.payload]) {
            for test in &mut tests.tests {
                if let BufferTest::Base64(_, tests) = test {
                    tests.clone_from(&decoded);
                }
            }
        }
    }

    /// The pattern that the rule is found by, and whether it must be there: the one the rule names, else the longest of
    /// the most telling buffers, the strongest among those of the same length. Without any, a negated one takes its
    /// place, but nothing can wait for that.
    fn pattern(&self) -> Option<(PatternAt, bool)> {
        let of_buffers = self.list.iter().enumerate().filter_map(|(number, look)| match look.what {
            Pending::Buffer(buffer) => Some((Some(number), pattern_priority(buffer), &look.tests)),
            Pending::Session(..) | Pending::Base64 => None,
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
                        // without regard to case, a pattern is kept in small letters
                        let kept =
                            if content.nocase { content.pattern.to_ascii_lowercase() } else { content.pattern.clone() };
                        let better = (std::cmp::Reverse(priority), content.pattern.len(), strength(&kept));
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

impl TestList {
    /// A content that is relative to nothing is placed from the beginning of the buffer. Source: Suricata 7.0.10, where
    /// that makes a difference to what a negated one means.
    fn limit(&mut self) {
        let Some(BufferTest::Content(content)) = self.tests.first_mut() else { return };
        let Some(Relative { distance: Amount::Value(distance), within }) = content.relative else { return };
        let within = match within {
            None => None,
            Some(Amount::Value(within)) => Some(within),
            Some(Amount::Variable(_)) => return,
        };
        let in_range = |n: i64| (0..=i64::from(u16::MAX)).contains(&n);
        if !in_range(distance) || !within.is_none_or(in_range) {
            return;
        }
        content.relative = None;
        content.offset = Amount::Value(distance);
        content.depth = within.map(|within| Amount::Value(within + distance));
        content.is_placed = distance > 0 || within.is_some();
    }

    /// No content ends behind the bound on the length of the payload that `dsize` sets. Source: Suricata 7.0.10, which
    /// takes the number in `dsize:!N` for such a bound too.
    fn limit_to(&mut self, longest: u16) {
        let longest = i64::from(longest);
        for test in &mut self.tests {
            if let BufferTest::Content(content) = test
                && content.depth.is_none_or(|depth| matches!(depth, Amount::Value(depth) if depth >= longest))
            {
                content.depth = Some(Amount::Value(longest));
                content.is_placed = true;
            }
        }
    }

    /// The last content or expression: where a relative test starts from.
    fn last_match(&mut self) -> Option<&mut BufferTest> {
        self.tests.iter_mut().rev().find(|test| matches!(test, BufferTest::Content(_) | BufferTest::Pcre(_)))
    }

    /// The last test that can be followed by a relative one.
    fn last_followed(&mut self) -> Option<&mut BufferTest> {
        self.tests.iter_mut().rev().find(|test| match test {
            BufferTest::Bsize(_) | BufferTest::Urilen(_) | BufferTest::Base64(..) => false,
            BufferTest::Content(_)
            | BufferTest::Pcre(_)
            | BufferTest::Isdataat(_)
            | BufferTest::ByteTest(_)
            | BufferTest::ByteJump(_)
            | BufferTest::ByteExtract(_)
            | BufferTest::ByteMath(_) => true,
        })
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
            if content.relative.is_none() && !content.is_placed)
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
            is_placed: false,
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
