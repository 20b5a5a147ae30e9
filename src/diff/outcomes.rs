//! Two engines' results for the same frames, put side by side conversation by conversation.
//!
//! A conversation is what either engine takes for one flow. Frames that neither ties to a flow (the stateless stage decided
//! on both sides) belong to the conversation of their addresses and ports, until nothing is heard of it for
//! [`IDLE_NS`]. Memory grows with the conversations that are alive.

use super::matching::{Identities, rule_of};
use super::tally::{Changed, Decider, Destination, OutcomeChange, Outcomes, Tally};
use crate::engine::Ends;
use crate::verdict::{Alert, Cause, Decision, FlowRecord, Sink, Verdict};
use foldhash::HashMap;
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// How long a conversation without a flow is remembered: as long as the firewall remembers an idle TCP connection.
pub const IDLE_NS: i64 = 350_000_000_000;

/// After how many frames idle conversations are looked for.
const SWEEP_FRAMES: u64 = 65_536;

/// What one engine said of one frame.
#[derive(Debug, Default)]
pub struct Heard {
    decision: Option<Decision>,
    alerts: Vec<Alert>,
    flows: Vec<FlowRecord>,
}

impl Heard {
    /// Forgets everything, for the next frame.
    pub fn clear(&mut self) {
        self.decision = None;
        self.alerts.clear();
        self.flows.clear();
    }
}

impl Sink for Heard {
    fn decision(&mut self, decision: &Decision) {
        self.decision = Some(*decision);
    }

    fn alert(&mut self, alert: &Alert) {
        self.alerts.push(*alert);
    }

    fn flow(&mut self, flow: &FlowRecord) {
        self.flows.push(flow.clone());
    }
}

/// What one side says of a conversation.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    /// The first frame that it stopped: its fate.
    stopped: Option<Decider>,
    /// The first frame that something let through: by what.
    passed: Option<Cause>,
    /// Something about the first frame of all.
    first: Option<Cause>,
}

impl Said {
    fn hear(&mut self, verdict: Verdict, cause: Cause) {
        self.first.get_or_insert(cause);
        if verdict != Verdict::Pass {
            // a packet lost to its own state only does not stop a conversation
            if cause != Cause::StreamError {
                self.stopped.get_or_insert(Decider { verdict, cause });
            }
        } else if rule_of(cause).is_some() || matches!(cause, Cause::StatelessRule(_)) {
            self.passed.get_or_insert(cause);
        }
    }

    fn decider(&self) -> Decider {
        let cause = self.passed.or(self.first.filter(|first| *first != Cause::StreamError)).unwrap_or(Cause::NoRule);
        let decider = self.stopped.unwrap_or(Decider { verdict: Verdict::Pass, cause });
        // the same rule, whether it decided on this very packet or on the flow before
        Decider { cause: rule_of(decider.cause).map_or(decider.cause, Cause::Rule), ..decider }
    }
}

/// Either an engine's flow, by side and number, or addresses and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    Flow(u8, u64),
    Ends(Ends),
}

#[derive(Debug)]
struct Conversation {
    keys: SmallVec<[Key; 3]>,
    /// Flows of either engine that have not ended.
    open: u32,
    /// From client to server, as far as is known.
    ends: Option<Ends>,
    by_flow: bool,
    domain: Option<String>,
    said: [Said; 2],
    packets: Tally,
    newly_passed: u64,
    newly_dropped: u64,
    first_frame: u64,
    /// The first frame with another fate.
    first_other: Option<u64>,
    last_ns: i64,
    /// By the rule's number: reports of the old side and of the new one.
    alerts: BTreeMap<u32, [u64; 2]>,
}

/// Takes in what both engines say, frame by frame.
#[derive(Debug)]
pub struct Comparison {
    identities: Identities,
    conversations: Vec<Option<Conversation>>,
    free: Vec<usize>,
    places: HashMap<Key, usize>,
    frames: u64,
    outcomes: Outcomes,
}

impl Comparison {
    /// Nothing heard yet.
    pub fn new(identities: Identities) -> Self {
        Self {
            identities,
            conversations: Vec::new(),
            free: Vec::new(),
            places: HashMap::default(),
            frames: 0,
            outcomes: Outcomes::default(),
        }
    }

    /// Takes in what the old and the new engine said of one frame, whose packet goes between `ends`.
    pub fn frame(&mut self, time_ns: i64, ends: Option<Ends>, heard: [&Heard; 2]) {
        let decisions = heard.map(|side| side.decision);
        if let [Some(old), Some(new)] = decisions {
            let place = self.place(old, new, ends);
            self.hear(place, time_ns, old, new);
            for (side, heard) in heard.into_iter().enumerate() {
                for alert in heard.alerts.iter().filter(|alert| alert.frame_no != 0) {
                    self.report(place, side, alert);
                }
            }
        }
        self.ended(heard);
        self.frames += 1;
        if self.frames.is_multiple_of(SWEEP_FRAMES) {
            self.sweep(time_ns);
        }
    }

    /// Takes in what the engines say at their end, and closes what is open.
    pub fn finish(mut self, heard: [&Heard; 2]) -> Outcomes {
        self.ended(heard);
        for place in 0..self.conversations.len() {
            self.close(place);
        }
        self.outcomes
    }

    /// Where the conversation of a frame is kept.
    fn place(&mut self, old: Decision, new: Decision, ends: Option<Ends>) -> usize {
        let flows = [old.flow, new.flow];
        let keys = (0..).zip(flows).filter_map(|(side, flow)| Some(Key::Flow(side, flow?)));
        let mut keys: SmallVec<[Key; 3]> = keys.collect();
        let known = keys.iter().find_map(|key| self.places.get(key)).copied();
        // packets without a flow, and a flow whose first packets had none
        let by_ends = ends.map(|ends| Key::Ends(ends.in_order()));
        let known = known.or_else(|| {
            let place = *self.places.get(&by_ends?)?;
            let conversation = self.conversations.get(place)?.as_ref()?;
            (keys.is_empty() || !conversation.by_flow).then_some(place)
        });
        keys.extend(by_ends);
        let place = known.unwrap_or_else(|| self.open(ends));
        let Some(Some(conversation)) = self.conversations.get_mut(place) else { return place };
        for key in keys {
            let is_flow = matches!(key, Key::Flow(..));
            // a flow stays where it was seen first, should the engines part flows differently
            if is_flow && self.places.contains_key(&key) {
                continue;
            }
            self.places.insert(key, place);
            if !conversation.keys.contains(&key) {
                conversation.keys.push(key);
                conversation.open += u32::from(is_flow);
                conversation.by_flow |= is_flow;
            }
        }
        place
    }

    fn open(&mut self, ends: Option<Ends>) -> usize {
        let conversation = Conversation {
            keys: SmallVec::new(),
            open: 0,
            ends,
            by_flow: false,
            domain: None,
            said: [Said::default(); 2],
            packets: Tally::default(),
            newly_passed: 0,
            newly_dropped: 0,
            first_frame: 0,
            first_other: None,
            last_ns: i64::MIN,
            alerts: BTreeMap::new(),
        };
        match self.free.pop() {
            Some(place) => {
                if let Some(slot) = self.conversations.get_mut(place) {
                    *slot = Some(conversation);
                }
                place
            }
            None => {
                self.conversations.push(Some(conversation));
                self.conversations.len() - 1
            }
        }
    }

    fn hear(&mut self, place: usize, time_ns: i64, old: Decision, new: Decision) {
        let frame = Tally { frames: 1, bytes: u64::from(new.wire_len) };
        self.outcomes.frames = self.outcomes.frames.plus(frame);
        let Some(Some(conversation)) = self.conversations.get_mut(place) else { return };
        conversation.packets = conversation.packets.plus(frame);
        conversation.last_ns = conversation.last_ns.max(time_ns);
        if conversation.first_frame == 0 {
            conversation.first_frame = new.frame_no;
        }
        for (said, decision) in conversation.said.iter_mut().zip([old, new]) {
            said.hear(decision.verdict, decision.cause);
        }
        let passes = [old, new].map(|decision| decision.verdict == Verdict::Pass);
        match passes {
            [true, false] => {
                self.outcomes.newly_dropped = self.outcomes.newly_dropped.plus(frame);
                conversation.newly_dropped += 1;
            }
            [false, true] => {
                self.outcomes.newly_passed = self.outcomes.newly_passed.plus(frame);
                conversation.newly_passed += 1;
            }
            _ => {}
        }
        if old.verdict != new.verdict {
            conversation.first_other.get_or_insert(new.frame_no);
        }
    }

    fn report(&mut self, place: usize, side: usize, alert: &Alert) {
        let Some(number) = self.identities.of_rule(side, alert.rule) else { return };
        if let Some(Some(conversation)) = self.conversations.get_mut(place)
            && let Some(count) = conversation.alerts.entry(number).or_default().get_mut(side)
        {
            *count += 1;
        }
    }

    /// Takes in only which flows ended, with the alerts that were raised while they were closed.
    pub fn ended(&mut self, heard: [&Heard; 2]) {
        for (side, heard) in heard.into_iter().enumerate() {
            for alert in heard.alerts.iter().filter(|alert| alert.frame_no == 0) {
                if let Some(&place) = alert.flow.and_then(|flow| self.places.get(&Key::Flow(side as u8, flow.id))) {
                    self.report(place, side, alert);
                }
            }
        }
        for (side, heard) in heard.into_iter().enumerate() {
            for flow in &heard.flows {
                self.flow(side, flow);
            }
        }
    }

    fn flow(&mut self, side: usize, flow: &FlowRecord) {
        let Some(&place) = self.places.get(&Key::Flow(side as u8, flow.id)) else { return };
        let Some(Some(conversation)) = self.conversations.get_mut(place) else { return };
        conversation.ends = Some(Ends { proto: flow.proto, src: flow.src, dst: flow.dst });
        let name = flow.sni.as_ref().or_else(|| flow.http_hosts.first());
        if conversation.domain.is_none() {
            conversation.domain = name.cloned();
        }
        conversation.open = conversation.open.saturating_sub(1);
        if conversation.open == 0 {
            self.close(place);
        }
    }

    /// Closes conversations without a flow of which nothing has been heard for long.
    fn sweep(&mut self, now_ns: i64) {
        for place in 0..self.conversations.len() {
            let conversation = self.conversations.get(place).and_then(Option::as_ref);
            let idle = |conversation: &Conversation| conversation.last_ns.saturating_add(IDLE_NS) < now_ns;
            if conversation.is_some_and(|conversation| conversation.open == 0 && idle(conversation)) {
                self.close(place);
            }
        }
    }

    fn close(&mut self, place: usize) {
        let Some(conversation) = self.conversations.get_mut(place).and_then(Option::take) else { return };
        self.free.push(place);
        for key in &conversation.keys {
            if self.places.get(key) == Some(&place) {
                self.places.remove(key);
            }
        }
        self.outcomes.flows += 1;
        if let Some(changed) = self.changed(&conversation) {
            self.outcomes.add(&changed);
        }
    }

    fn changed(&self, conversation: &Conversation) -> Option<Changed> {
        let [old, new] = conversation.said.each_ref().map(Said::decider);
        let passes = [old, new].map(|decider| decider.verdict == Verdict::Pass);
        let packets = (conversation.newly_dropped > 0, conversation.newly_passed > 0);
        let change = match (passes, packets) {
            ([true, false], _) => OutcomeChange::NewlyDropped,
            ([false, true], _) => OutcomeChange::NewlyAllowed,
            ([false, false], (true, false)) => OutcomeChange::StoppedEarlier,
            ([false, false], (false, true)) => OutcomeChange::StoppedLater,
            (_, (true, _) | (_, true)) => OutcomeChange::OtherPackets,
            _ if old.verdict != new.verdict || !self.identities.same_cause(old.cause, new.cause) => {
                OutcomeChange::OtherRule
            }
            _ if conversation.alerts.values().any(|[old, new]| old != new) => OutcomeChange::AlertsOnly,
            _ => return None,
        };
        let nowhere = (IpAddr::from([0, 0, 0, 0]), None);
        let ends = conversation.ends.unwrap_or(Ends { proto: 0, src: nowhere, dst: nowhere });
        Some(Changed {
            change,
            domain: conversation.domain.clone(),
            destination: Destination { address: ends.dst.0, proto: ends.proto, port: ends.dst.1 },
            source: ends.src.0,
            old,
            new,
            packets: conversation.packets,
            first_frame: conversation.first_other.unwrap_or(conversation.first_frame),
        })
    }
}
