//! Conversations whose outcome changed, counted by domain, destination and source.

use crate::verdict::{Cause, RuleId, StatelessRuleId, Verdict};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// Rows of each list that are told apart; the rest counts in the totals only.
pub const DISTINCT_MAX: usize = 50_000;

/// What became of a conversation, compared with before. In order of weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutcomeChange {
    /// It got through, and does not any more.
    NewlyDropped,
    /// It did not get through, and does now.
    NewlyAllowed,
    /// It is stopped as before, after fewer packets.
    StoppedEarlier,
    /// It is stopped as before, after more packets.
    StoppedLater,
    /// Packets are lost that were not, or the other way round, in a way that is none of the above.
    OtherPackets,
    /// The same packets pass, but another rule says so.
    OtherRule,
    /// Only what is reported differs.
    AlertsOnly,
}

impl OutcomeChange {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::NewlyDropped,
        Self::NewlyAllowed,
        Self::StoppedEarlier,
        Self::StoppedLater,
        Self::OtherPackets,
        Self::OtherRule,
        Self::AlertsOnly,
    ];

    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewlyDropped => "newly-dropped",
            Self::NewlyAllowed => "newly-allowed",
            Self::StoppedEarlier => "stopped-earlier",
            Self::StoppedLater => "stopped-later",
            Self::OtherPackets => "other-packets",
            Self::OtherRule => "other-rule",
            Self::AlertsOnly => "alerts-only",
        }
    }

    /// A heading for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::NewlyDropped => "Newly dropped",
            Self::NewlyAllowed => "Newly allowed",
            Self::StoppedEarlier => "Stopped earlier",
            Self::StoppedLater => "Stopped later",
            Self::OtherPackets => "Other packets lost",
            Self::OtherRule => "Decided by another rule",
            Self::AlertsOnly => "Other alerts only",
        }
    }
}

/// What a change does to traffic as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No packet has another fate.
    Same,
    /// Some packets do not pass any more.
    Narrower,
    /// Some packets pass that did not.
    Wider,
    /// Both.
    Both,
}

impl Kind {
    /// Of two kinds of traffic together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Same, other) => other,
            (kind, Self::Same) => kind,
            (kind, other) if kind == other => kind,
            _ => Self::Both,
        }
    }

    /// Whether packets pass that did not.
    pub fn widens(self) -> bool {
        matches!(self, Self::Wider | Self::Both)
    }

    /// Whether packets do not pass that did.
    pub fn narrows(self) -> bool {
        matches!(self, Self::Narrower | Self::Both)
    }

    /// `same`, `narrower`, `wider` or `both`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Narrower => "narrower",
            Self::Wider => "wider",
            Self::Both => "both",
        }
    }
}

/// Frames and their bytes on the wire.
pub use crate::report::summary::Tally;

/// What a side says about a conversation, and the first thing that made it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decider {
    /// Whether it gets through.
    pub verdict: Verdict,
    /// Who said so.
    pub cause: Cause,
}

impl Decider {
    fn key(&self) -> (Verdict, u8, u32, u32, &'static str) {
        let (kind, a, b, word) = match self.cause {
            Cause::NotIp => (0, 0, 0, ""),
            Cause::StatelessRule(StatelessRuleId { group, rule }) => (1, u32::from(group), rule, ""),
            Cause::StatelessDefault => (2, 0, 0, ""),
            Cause::StatelessFragmentDefault => (3, 0, 0, ""),
            Cause::StatelessFragment => (4, 0, 0, ""),
            Cause::NoRule => (5, 0, 0, ""),
            Cause::Rule(RuleId(id)) => (6, id, 0, ""),
            Cause::RuleThreshold(RuleId(id)) => (7, id, 0, ""),
            Cause::FlowPassed(RuleId(id)) => (8, id, 0, ""),
            Cause::FlowDropped(None) => (9, 0, 0, ""),
            Cause::FlowDropped(Some(RuleId(id))) => (9, 1, id, ""),
            Cause::StreamException => (10, 0, 0, ""),
            Cause::StreamError => (11, 0, 0, ""),
            Cause::Exception(word) => (12, 0, 0, word),
        };
        (self.verdict, kind, a, b, word)
    }
}

impl PartialOrd for Decider {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decider {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// Where a conversation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// The server.
    pub address: IpAddr,
    /// IANA protocol number.
    pub proto: u8,
    /// Its port.
    pub port: Option<u16>,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        let name = crate::report::names::ProtocolName(self.proto);
        match self.port {
            Some(port) => write!(f, " {name} {port}"),
            None => write!(f, " {name}"),
        }
    }
}

/// A conversation whose outcome changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// What changed.
    pub change: OutcomeChange,
    /// The server's name, if one was seen.
    pub domain: Option<String>,
    /// The server.
    pub destination: Destination,
    /// The client.
    pub source: IpAddr,
    /// Who decided before.
    pub old: Decider,
    /// Who decides now.
    pub new: Decider,
    /// Packets of it, both directions.
    pub packets: Tally,
    /// The first frame with another fate, else the first of the conversation.
    pub first_frame: u64,
}

/// Conversations of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Conversations.
    pub flows: u64,
    /// Their clients.
    pub hosts: BTreeSet<IpAddr>,
    /// Their packets.
    pub packets: Tally,
    /// The first frame with another fate.
    pub first_frame: u64,
}

impl Row {
    fn add(&mut self, changed: &Changed) {
        self.first_frame =
            if self.flows == 0 { changed.first_frame } else { self.first_frame.min(changed.first_frame) };
        self.flows += 1;
        if self.hosts.len() < DISTINCT_MAX {
            self.hosts.insert(changed.source);
        }
        self.packets = self.packets.plus(changed.packets);
    }
}

/// Which conversations belong together: the same change for the same reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reasons {
    /// What changed.
    pub change: OutcomeChange,
    /// Who decided before.
    pub old: Decider,
    /// Who decides now.
    pub new: Decider,
}

/// Conversations with the same reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// All of them.
    pub total: Row,
    /// By the server's name; `None` where none was seen.
    pub domains: BTreeMap<Option<String>, Row>,
    /// By server, protocol and port.
    pub destinations: BTreeMap<Destination, Row>,
    /// By client.
    pub sources: BTreeMap<IpAddr, Row>,
    /// Conversations that found no room in one of the lists.
    pub not_told_apart: u64,
}

/// What a change of policy does to the traffic that was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Frames compared.
    pub frames: Tally,
    /// Conversations compared.
    pub flows: u64,
    /// Frames that pass and did not.
    pub newly_passed: Tally,
    /// Frames that do not pass and did.
    pub newly_dropped: Tally,
    /// Conversations whose outcome changed.
    pub groups: BTreeMap<Reasons, Group>,
}

impl Outcomes {
    /// What the change does as a whole.
    pub fn kind(&self) -> Kind {
        match (self.newly_dropped.frames > 0, self.newly_passed.frames > 0) {
            (false, false) => Kind::Same,
            (true, false) => Kind::Narrower,
            (false, true) => Kind::Wider,
            (true, true) => Kind::Both,
        }
    }

    /// Conversations of one kind of change, whatever the reasons.
    pub fn total(&self, change: OutcomeChange) -> Row {
        let groups = self.groups.iter().filter(|(reasons, _)| reasons.change == change);
        groups.fold(Row::default(), |mut sum, (_, group)| {
            sum.flows += group.total.flows;
            sum.hosts.extend(&group.total.hosts);
            sum.packets = sum.packets.plus(group.total.packets);
            sum
        })
    }

    pub(super) fn add(&mut self, changed: &Changed) {
        let Changed { change, old, new, .. } = *changed;
        let group = self.groups.entry(Reasons { change, old, new }).or_default();
        group.total.add(changed);
        let room = put(&mut group.domains, changed.domain.clone(), changed)
            & put(&mut group.destinations, changed.destination, changed)
            & put(&mut group.sources, changed.source, changed);
        group.not_told_apart += u64::from(!room);
    }
}

/// Adds to a row; false when there is no room for it.
fn put<K: Ord>(rows: &mut BTreeMap<K, Row>, key: K, changed: &Changed) -> bool {
    let room = rows.len() < DISTINCT_MAX || rows.contains_key(&key);
    if room {
        rows.entry(key).or_default().add(changed);
    }
    room
}
