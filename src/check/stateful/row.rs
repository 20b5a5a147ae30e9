//! A rule as the analysis sees it: its header as boxes, its conditions as words.

use super::names::NameTest;
use crate::check::boxes::{Boxes, PacketBox, Sides};
use crate::check::sets::{SetId, Sets};
use crate::detect::{Header, Look, PacketTest, Program, Signature, SignatureKind};
use crate::rules::ast::Rule;
use crate::rules::keyword::{Flow, Flowbits, Keyword};
use crate::verdict::{Direction, RuleAction};
use foldhash::fast::FixedState;
use smallvec::SmallVec;
use std::collections::HashMap;

/// Where a rule of the policy stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Written<'a> {
    /// The rule.
    pub(in crate::check) rule: &'a Rule,
    /// Index of its group among the policy's stateful groups.
    pub(in crate::check) group: usize,
}

/// A condition in canonical words, by number.
pub(in crate::check) type Word = u32;

/// One signature of the program.
#[derive(Debug)]
pub(in crate::check) struct Row<'a> {
    pub(in crate::check) signature: &'a Signature,
    pub(in crate::check) rule: &'a Rule,
    /// What packets its header fits.
    pub(in crate::check) boxes: Boxes,
    /// Smallest and largest destination address over all boxes.
    pub(in crate::check) dst: (u128, u128),
    /// Every condition that is neither part of the boxes nor `flow` nor the test of a name, in order of the rule.
    pub(in crate::check) words: SmallVec<[Word; 4]>,
    /// Its `flow` keywords.
    pub(in crate::check) flows: SmallVec<[Flow; 1]>,
    /// The test of a name, when that and `ssl_state:client_hello` are all it looks at in transactions.
    pub(in crate::check) name: Option<NameTest<'a>>,
    /// It can stand for others: what it asks depends on nothing that other rules remember, and its action is never held back.
    pub(in crate::check) may_cover: bool,
    /// It can be found to be dead.
    pub(in crate::check) may_be_dead: bool,
}

impl Row<'_> {
    /// It looks at nothing but the packet and what is known of its flow.
    pub(in crate::check) fn is_open(&self) -> bool {
        self.signature.engines.is_empty() && self.signature.payload.tests.is_empty()
    }

    /// It asks one thing about the session and nothing else of transactions.
    pub(in crate::check) fn asks_session_only(&self) -> bool {
        let engines = &self.signature.engines;
        self.words.len() == 1
            && self.signature.payload.tests.is_empty()
            && !engines.is_empty()
            && engines.iter().all(|engine| matches!(&engine.look, Look::Session(tests) if tests.len() == 1))
    }

    /// Its header names ports, so that it fits only packets whose transport could be read.
    pub(in crate::check) fn names_ports(&self) -> bool {
        self.signature.header.src_port.is_some() || self.signature.header.dst_port.is_some()
    }

    /// It passes, drops or rejects.
    pub(in crate::check) fn ends_the_matter(&self) -> bool {
        self.signature.action != RuleAction::Alert
    }

    /// Its action may cover the packet only.
    pub(in crate::check) fn may_leave_flow(&self) -> bool {
        !self.signature.kind.covers_flow(false)
    }
}

/// What rows are made with.
#[derive(Debug)]
pub(in crate::check) struct Rows<'s> {
    pub(in crate::check) sets: &'s mut Sets,
    words: HashMap<String, Word, FixedState>,
    protocols: Vec<([u64; 4], SetId)>,
    any_v4: SetId,
    any_v6: SetId,
    any_port: SetId,
    any_flags: SetId,
    versions: [SetId; 2],
}

impl<'s> Rows<'s> {
    pub(in crate::check) fn new(sets: &'s mut Sets) -> Self {
        use crate::check::boxes::{NO_FLAGS, NO_PORT};
        Self {
            any_v4: sets.of([(0, u128::from(u32::MAX))]),
            any_v6: sets.of([(0, u128::MAX)]),
            any_port: sets.of([(0, NO_PORT)]),
            any_flags: sets.of([(0, NO_FLAGS)]),
            versions: [sets.of([(4, 4)]), sets.of([(6, 6)])],
            sets,
            words: HashMap::default(),
            protocols: Vec::new(),
        }
    }

    /// All rules of the policy, in order of evaluation.
    pub(in crate::check) fn of<'a>(&mut self, program: &'a Program, written: &[Written<'a>]) -> Vec<Row<'a>> {
        let ids = program.places().zip((0..).map(crate::verdict::RuleId));
        let mut rows = Vec::with_capacity(written.len());
        for (place, id) in ids {
            if let (Some(written), Some(signature)) = (written.get(place as usize), program.signature(id)) {
                rows.push(self.row(signature, written.rule));
            }
        }
        rows
    }

    fn row<'a>(&mut self, signature: &'a Signature, rule: &'a Rule) -> Row<'a> {
        let boxes = self.boxes(&signature.header);
        let bounds = boxes.iter().filter_map(|packets| self.sets.bounds(packets.dst()));
        let dst = bounds.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((0, u128::MAX));
        let mut flows = SmallVec::new();
        let mut asks: Vec<&Keyword> = Vec::with_capacity(rule.options.len());
        for option in &rule.options {
            match &option.keyword {
                Keyword::Flow(flow) => flows.push(*flow),
                keyword if !says_nothing_of_packets(keyword) => asks.push(keyword),
                _ => {}
            }
        }
        let name = NameTest::take(&mut asks);
        let words = asks.into_iter().map(|keyword| self.word(keyword.to_string())).collect();
        let remembers = signature.packet_tests.iter().any(|test| matches!(test, PacketTest::Remembered(_)));
        let is_in_turn = !matches!(signature.kind, SignatureKind::DeOnly | SignatureKind::PdOnly)
            && signature.waits_for_header.is_none();
        Row {
            signature,
            rule,
            boxes,
            dst,
            words,
            flows,
            name,
            may_cover: is_in_turn
                && !remembers
                && signature.threshold.is_none()
                && signature.stream_condition.is_none()
                && signature.action != RuleAction::Alert,
            may_be_dead: is_in_turn
                && signature.changes.is_empty()
                && (signature.action != RuleAction::Alert || signature.reports),
        }
    }

    fn word(&mut self, text: String) -> Word {
        let next = self.words.len() as Word;
        *self.words.entry(text).or_insert(next)
    }

    /// What packets a header fits.
    fn boxes(&mut self, header: &Header) -> Boxes {
        let words = header.protocols.words();
        let protocols = match self.protocols.iter().find(|(known, _)| *known == words) {
            Some((_, set)) => *set,
            None => {
                let numbers = (0..=255u8).filter(|number| header.protocols.contains(*number));
                let set = self.sets.of(numbers.map(|number| (number.into(), number.into())));
                self.protocols.push((words, set));
                set
            }
        };
        let mut port = |ports: &Option<crate::rules::RangeSet<u16>>| match ports {
            None => self.any_port,
            Some(ports) => self.sets.of_set(ports),
        };
        let (src_port, dst_port) = (port(&header.src_port), port(&header.dst_port));
        let mut boxes = Boxes::new();
        for (index, version) in [4, 6].into_iter().enumerate() {
            if header.version.is_some_and(|only| only != version) {
                continue;
            }
            let mut side = |ranges: &Option<std::sync::Arc<crate::rules::AddressRanges>>| match (ranges, version) {
                (None, 4) => self.any_v4,
                (None, _) => self.any_v6,
                (Some(ranges), 4) => self.sets.of_set(&ranges.v4),
                (Some(ranges), _) => self.sets.of_set(&ranges.v6),
            };
            let (src, dst) = (side(&header.src), side(&header.dst));
            let version = self.versions.get(index).copied().unwrap_or(SetId::EMPTY);
            let sides = Sides { version, protocols, src, dst, src_port, dst_port, flags: self.any_flags };
            let packets = PacketBox::new(sides);
            if !packets.is_empty() {
                boxes.push(packets);
            }
        }
        boxes
    }
}

/// Options that are about the rule, or that the header, the flow or the action of the signature hold already.
fn says_nothing_of_packets(keyword: &Keyword) -> bool {
    keyword.is_about_the_rule()
        || matches!(
            keyword,
            Keyword::HostbitsNoalert
                | Keyword::Flowbits(Flowbits::Noalert)
                | Keyword::IpProto(_)
                | Keyword::L3Proto(_)
                | Keyword::Threshold(_)
                | Keyword::DetectionFilter(_)
        )
}

/// The one direction a rule is run in.
pub(in crate::check) fn runs_to_server_only(row: &Row<'_>) -> bool {
    row.signature.directions == [true, false] && row.rule.direction == Some(Direction::ToServer)
}
