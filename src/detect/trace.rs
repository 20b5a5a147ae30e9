//! Rules watched while they are judged: which condition of each was the first that did not hold, and what was there.
//!
//! `inspect` tells a `Tracer` at every place where it gives a rule up. Without a tracer (`Untraced`) all of this is
//! gone when the program is built. A [`Miss`] says in data where in the rule the condition is: [`Conditions`] leads from
//! a test to the option of the rule that it was made from. Nothing here decides, and nothing here makes text.

use super::content::{BufferTest, Values, Window, matches};
use super::index::RulePath;
use super::inspect::PacketState;
use crate::app::AppProto;
use crate::flow::Flow;
use crate::packet::Packet;
use crate::verdict::{Cause, RuleId};

/// Why a rule did not match a packet: the first condition that did not hold, in the engine's order of work. Tests are
/// numbered as [`Conditions`] numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Miss {
    /// A rule about addresses only: it is asked once in each direction of a flow, and that has been.
    HadItsTurn,
    /// A rule about packets: this one was never on the wire.
    MadeUp,
    /// A rule about transactions: there is none that it has not seen, or the packet has not moved the parser.
    NoTransaction,
    /// A rule about transactions: what it waits for was looked for at an earlier packet.
    Settled,
    /// It is a rule of the other direction.
    OtherDirection,
    /// It needs a flow, and the packet has none.
    NoFlow,
    /// Part of the header.
    Header(HeaderPart),
    /// The application protocol is not the rule's: this is what the flow speaks as far as is known.
    AppProtocol(AppProto),
    /// A test of the packet or its flow.
    Packet(u16),
    /// The rule tests bytes, and the packet has none that are looked at.
    NoPayload,
    /// The content that the rule waits for is nowhere.
    Pattern,
    /// The content whose absence the rule waits for is there.
    Spoiler,
    /// A test of the payload or of the stream.
    Payload(u16),
    /// Its content was found, but in the wrong one of stream and packet.
    WrongBasis,
    /// A transaction has not come to the place of this look.
    TooEarly(u16),
    /// The buffer of this look is not there.
    Absent(u16),
    /// A test of this look at a buffer or the stream.
    Buffer(u16, u16),
    /// A test of this look at the session or at events.
    Session(u16, u16),
    /// It matched, and its threshold held it back.
    Held,
    /// It matched, but a pass that comes first ended the walk.
    BehindPass,
}

/// A part of a rule's header, as it was written: a rule with `<>` is turned round where it needs to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderPart {
    /// The packet has no IP header.
    NotIp,
    /// IP version.
    Version,
    /// IP protocol.
    Protocol,
    /// The left address.
    Source,
    /// The left port.
    SourcePort,
    /// The right address.
    Destination,
    /// The right port.
    DestinationPort,
}

impl HeaderPart {
    /// The same in a rule whose ends have changed places.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
            Self::SourcePort => Self::DestinationPort,
            Self::DestinationPort => Self::SourcePort,
            other => other,
        }
    }
}

impl Miss {
    /// How far the engine came with the rule. Of two misses, the larger is the closer one.
    pub fn closeness(self) -> u32 {
        const STEP: u32 = 0x1_0000;
        let in_look = |look: u16, test: u32| 0x1000 * u32::from(look.min(255)) + test.min(0xfff);
        match self {
            Self::HadItsTurn | Self::MadeUp | Self::NoTransaction | Self::Settled => 0,
            Self::NoFlow => 1,
            Self::OtherDirection => 2,
            Self::AppProtocol(AppProto::Unknown) => 3,
            Self::Header(HeaderPart::NotIp) => 4,
            Self::Header(HeaderPart::Version) => 5,
            Self::Header(HeaderPart::Protocol) => 6,
            Self::NoPayload => 7,
            Self::Header(HeaderPart::DestinationPort) => 8,
            Self::Header(HeaderPart::SourcePort) => 9,
            Self::Header(HeaderPart::Destination) => 10,
            Self::Header(HeaderPart::Source) => 11,
            Self::AppProtocol(_) => 12,
            Self::Packet(test) => STEP + u32::from(test),
            Self::Pattern | Self::Spoiler => 2 * STEP,
            Self::Payload(test) => 2 * STEP + 1 + u32::from(test),
            Self::WrongBasis => 4 * STEP,
            Self::TooEarly(look) => 4 * STEP + in_look(look, 0),
            Self::Absent(look) => 4 * STEP + in_look(look, 1),
            Self::Buffer(look, test) | Self::Session(look, test) => 4 * STEP + in_look(look, 2 + u32::from(test)),
            Self::Held => u32::MAX - 1,
            Self::BehindPass => u32::MAX,
        }
    }
}

/// Where the tests of a rule stand in it: numbers of its options, from 0. In the order in which a signature has the tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// [`Miss::Packet`]
    pub packet: Vec<u16>,
    /// [`Miss::Payload`]; also of a look at the stream.
    pub payload: Vec<u16>,
    /// [`Miss::Pattern`], [`Miss::Spoiler`]
    pub pattern: Option<u16>,
    /// [`Miss::Buffer`] and [`Miss::Session`], by group.
    pub looks: Vec<Vec<u16>>,
    /// The same for events, which are one group.
    pub events: Vec<u16>,
}

impl Conditions {
    /// The group of a look at the payload or stream.
    pub(super) const STREAM: u16 = u16::MAX - 1;
    /// The group of events.
    pub(super) const EVENTS: u16 = u16::MAX;

    /// The options that the tests of a look stand in.
    pub fn of_look(&self, group: u16) -> &[u16] {
        match group {
            Self::STREAM => &self.payload,
            Self::EVENTS => &self.events,
            group => self.looks.get(usize::from(group)).map_or(&[], Vec::as_slice),
        }
    }

    /// The option that a miss is about, if it is about one.
    pub fn option(&self, miss: Miss) -> Option<u16> {
        let (options, at) = match miss {
            Miss::Packet(at) => (self.packet.as_slice(), at),
            Miss::NoPayload => (self.payload.as_slice(), 0),
            Miss::Pattern | Miss::Spoiler => return self.pattern,
            Miss::NoTransaction => {
                let all = self.looks.iter().chain([&self.events]);
                return all.into_iter().find_map(|look| look.first().copied());
            }
            Miss::Payload(at) => (self.payload.as_slice(), at),
            Miss::TooEarly(look) | Miss::Absent(look) => (self.of_look(look), 0),
            Miss::Buffer(look, at) | Miss::Session(look, at) => (self.of_look(look), at),
            _ => return None,
        };
        options.get(usize::from(at)).copied()
    }
}

/// Bytes that tests were asked of, and how far the tests came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// The bytes, or the first of them.
    pub bytes: Vec<u8>,
    /// How many there were.
    pub len: usize,
    /// The test that did not hold; as many as there are tests when all did.
    pub test: u16,
    /// Where contents and expressions were found: the test, begin and end.
    pub found: Vec<(u16, usize, usize)>,
}

impl Tried {
    /// All tests held.
    pub(crate) fn holds(&mut self) {
        self.test = self.test.saturating_add(1);
    }

    /// Where the bytes were found that the last content or expression names.
    pub fn last_found(&self) -> Option<(u16, usize, usize)> {
        self.found.last().copied()
    }
}

/// Hears what becomes of each rule while packets are judged.
pub(crate) trait Tracer {
    /// Somebody hears. What is only worked out to be told is not worked out otherwise.
    const HEARS: bool;
    /// A frame's outermost packet has come to the stateless stage.
    fn arrived(&mut self, _packet: &Packet<'_>) {}
    /// The stateless stage has forwarded it.
    fn forwarded(&mut self, _cause: Cause) {}
    /// Rules are about to look at a packet.
    fn packet(&mut self, packet: &Packet<'_>, flow: Option<&Flow>, state: &PacketState);
    /// How rules are found for it: only the plain path comes by every rule.
    fn path(&self) -> RulePath;
    /// A rule did not match.
    fn missed(&mut self, rule: RuleId, miss: Miss);
    /// A look of a rule, by its number, holds; with those before and after it the rule may match.
    fn held(&mut self, rule: RuleId, look: u16);
    /// A rule matched.
    fn matched(&mut self, rule: RuleId);
    /// Whether tests hold. Several buffers of one kind are asked one after the other.
    fn matches(&mut self, tests: &[BufferTest], window: Window<'_>, values: &mut Values) -> bool {
        matches(tests, window, values)
    }
    /// What was asked before belongs to another look.
    fn next_look(&mut self) {}
    /// How many tests of the last look's best buffer held; `None` when there was no buffer.
    fn came_to(&self) -> Option<u16> {
        None
    }
    /// A packet of a flow has been judged.
    fn judged(&mut self, _packet: &Packet<'_>, _flow: &Flow) {}
    /// A flow has ended.
    fn ended(&mut self, _flow: &Flow) {}
}

/// Nobody hears.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Untraced(pub(crate) RulePath);

impl Tracer for Untraced {
    const HEARS: bool = false;

    #[inline]
    fn packet(&mut self, _: &Packet<'_>, _: Option<&Flow>, _: &PacketState) {}

    #[inline]
    fn path(&self) -> RulePath {
        self.0
    }

    #[inline]
    fn missed(&mut self, _: RuleId, _: Miss) {}

    #[inline]
    fn held(&mut self, _: RuleId, _: u16) {}

    #[inline]
    fn matched(&mut self, _: RuleId) {}
}

/// Told how far a walk through tests comes.
pub(crate) trait Watch: Default {
    /// The test at this place is asked.
    fn asked(&mut self, _test: usize) {}
    /// The test at this place was found there.
    fn found(&mut self, _test: usize, _begin: usize, _end: usize) {}
}

/// Nobody is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unwatched;

impl Watch for Unwatched {}

impl Watch for Tried {
    fn asked(&mut self, test: usize) {
        self.test = self.test.max(test as u16);
    }

    fn found(&mut self, test: usize, begin: usize, end: usize) {
        self.found.retain(|(before, ..)| usize::from(*before) < test);
        self.found.push((test as u16, begin, end));
    }
}
