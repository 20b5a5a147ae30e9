//! The story as data.

use super::pitfalls::Pitfall;
use super::reason::{Condition, Reason};
use super::recorder::{Ends, FlowFacts, PacketFacts};
use crate::app::AppProto;
use crate::detect::trace::Tried;
use crate::verdict::{Cause, Decision, Direction, RuleAction, RuleId, Stage, Verdict};

/// A rule as explanations name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRef {
    /// Its turn in the order of evaluation.
    pub id: RuleId,
    /// `sid 7 (egress.rules:12)`, `aws:drop_strict (modelled)`.
    pub name: String,
    /// Signature id.
    pub sid: u32,
    /// What it does.
    pub action: RuleAction,
    /// Its message.
    pub msg: String,
    /// Where it is written.
    pub place: Option<String>,
    /// Its text in the canonical form.
    pub text: String,
    /// Our model of a default action.
    pub modelled: bool,
}

/// Bytes that a rule's tests found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The buffer; `None`: payload or stream.
    pub buffer: Option<&'static str>,
    /// The bytes, and where in them.
    pub tried: Tried,
    /// The frame in which it was looked at.
    pub frame_no: u64,
}

/// What became of a rule that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It acted.
    Acted,
    /// A pass before it ended the walk.
    BehindPass,
    /// Its threshold held it back.
    Held,
}

/// A rule that matched a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// The rule.
    pub rule: RuleRef,
    /// What it found.
    pub evidence: Vec<Evidence>,
    /// What came of it.
    pub fate: Fate,
}

/// A rule that did not match, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The rule.
    pub rule: RuleRef,
    /// Why not.
    pub reason: Reason,
    /// The packet at which it came that close.
    pub frame_no: u64,
}

/// A stateless rule that was tried in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatelessMiss {
    /// Group and priority.
    pub rule: String,
    /// Where it is written.
    pub place: String,
    /// The attribute, by AWS's name, with its values.
    pub attribute: String,
    /// What the packet has.
    pub found: String,
}

/// A packet in the stateless stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatelessStory {
    /// The rules before the one that matched, at the packets that matter.
    pub misses: Vec<StatelessMiss>,
    /// How many were tried in vain.
    pub tried: usize,
    /// Who decided.
    pub by: String,
    /// `passed`, `dropped` or `forwarded`.
    pub action: &'static str,
}

/// Something that happened to a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// It began.
    Created(u64),
    /// It came to another state.
    State(&'static str),
    /// TCP did.
    Tcp(&'static str),
    /// It was found what a side speaks.
    Speaks(Direction, AppProto),
    /// A ClientHello was read to its end.
    HelloRead,
    /// The TLS server name became known.
    Sni(String),
    /// An HTTP host name became known.
    Host(String),
    /// Decoder or stream engine found something odd.
    Odd(&'static str),
    /// A rule passed the whole of it.
    Passed(RuleId),
    /// A rule condemned the whole of it.
    Condemned(RuleId),
    /// An exception policy decided on the whole of it.
    Exception,
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketStory {
    /// The frame.
    pub frame_no: u64,
    /// Capture time.
    pub time_ns: i64,
    /// What it is like; `None` when it could not be decoded.
    pub facts: Option<PacketFacts>,
    /// Its direction in the flow.
    pub direction: Option<Direction>,
    /// A word for it: `ClientHello 1/2`; of captures, flags.
    pub what: String,
    /// In the stateless stage; `None` when the policy has none.
    pub stateless: Option<StatelessStory>,
    /// What happened to the flow.
    pub events: Vec<FlowEvent>,
    /// Rules that matched.
    pub matched: Vec<Matched>,
    /// Rules looked at it.
    pub was_looked_at: bool,
    /// What became of it.
    pub decision: Decision,
    /// Why, in a few words.
    pub by: String,
}

/// Who decided, and at which packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What happens to what was asked about.
    pub verdict: Verdict,
    /// The packet that decided.
    pub frame_no: u64,
    /// The stage.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
    /// The same in words.
    pub by: String,
    /// The rule, if a stateful one decided.
    pub rule: Option<RuleRef>,
    /// What the rule found.
    pub evidence: Vec<Evidence>,
    /// The rule's action covers the whole flow.
    pub covers_flow: bool,
    /// Packets after it: how many, what became of them and why.
    pub rest: Vec<(u64, Verdict, String)>,
}

/// Why a rule did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// The rule.
    pub rule: RuleRef,
    /// By packet.
    pub packets: Vec<WhyNotPacket>,
    /// The packet at which it came closest, and what failed there; `None` when it matched, or was never looked at.
    pub closest: Option<(u64, Reason)>,
}

/// A rule at one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhyNotPacket {
    /// A condition failed.
    Failed(u64, Reason),
    /// It matched.
    Matched(u64, Fate),
    /// No rule looked at the packet.
    NotLookedAt(u64, String),
}

/// The whole story.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The packet that was asked about; `None` for a flow.
    pub asked: Option<u64>,
    /// The two ends, the client first where that is known.
    pub ends: Option<Ends>,
    /// IANA protocol number.
    pub proto: u8,
    /// The flow as it was left; `None` when nothing came to the stateful engine.
    pub flow: Option<FlowFacts>,
    /// Its packets.
    pub packets: Vec<PacketStory>,
    /// Packets that are not among them, since nothing happened at them.
    pub n_unlisted: u64,
    /// Who decided.
    pub outcome: Outcome,
    /// Stateful rules that did not match there, in order of evaluation: those that came closest. Where no rule decided
    /// about a flow, their closest miss anywhere in it.
    pub candidates: Vec<Candidate>,
    /// How many others did not match, by the condition that failed.
    pub others: Vec<(&'static str, usize)>,
    /// What was asked about single rules.
    pub why_not: Vec<WhyNot>,
    /// Well-known traps that the flow is in.
    pub pitfalls: Vec<Pitfall>,
}

impl Explanation {
    /// The packet that decided.
    pub fn decider(&self) -> Option<&PacketStory> {
        self.packets.iter().find(|packet| packet.frame_no == self.outcome.frame_no)
    }

    /// Whether a condition is one that `others` counts.
    pub fn n_others(&self) -> usize {
        self.others.iter().map(|(_, n)| n).sum()
    }
}

impl WhyNot {
    /// Packets in a row of which the same is to be said: first, last, and what.
    pub(super) fn runs(&self) -> Vec<(u64, u64, &WhyNotPacket)> {
        let mut runs: Vec<(u64, u64, &WhyNotPacket)> = Vec::new();
        for packet in &self.packets {
            match runs.last_mut().filter(|(.., known)| known.says_the_same(packet)) {
                Some((_, to, _)) => *to = packet.number(),
                None => runs.push((packet.number(), packet.number(), packet)),
            }
        }
        runs
    }

    /// It matched some packet.
    pub fn matched(&self) -> bool {
        self.packets.iter().any(|packet| matches!(packet, WhyNotPacket::Matched(..)))
    }
}

impl WhyNotPacket {
    fn number(&self) -> u64 {
        match self {
            Self::Failed(number, _) | Self::Matched(number, _) | Self::NotLookedAt(number, _) => *number,
        }
    }

    fn says_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Failed(_, one), Self::Failed(_, other)) => one == other,
            (Self::Matched(_, one), Self::Matched(_, other)) => one == other,
            (Self::NotLookedAt(_, one), Self::NotLookedAt(_, other)) => one == other,
            _ => false,
        }
    }
}

impl Reason {
    /// The condition is one of the rule's own.
    pub fn is_of_rule(&self) -> bool {
        !matches!(self.condition, Condition::None | Condition::Order)
    }
}
