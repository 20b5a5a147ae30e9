//! From notes to a story: events of the flow, the rules at the packet that decided, and what came after it.

use super::Wish;
use super::names::Answers;
use super::pitfalls;
use super::reason::{At, Reason};
use super::recorder::{FlowFacts, Fragment, Look, Notes, PacketFacts};
use super::stateless;
use super::story::{
    Candidate, Evidence, Explanation, Fate, FlowEvent, Matched, Outcome, PacketStory, RuleRef, WhyNot, WhyNotPacket,
};
use super::written::Subject;
use crate::app::AppProto;
use crate::capture::Frame;
use crate::detect::trace::{Miss, Tried};
use crate::flow::FlowAction;
use crate::report::names::ProtocolName;
use crate::verdict::{Cause, Decision, Direction, RuleAction, RuleId, Stage, Verdict};
use std::collections::BTreeMap;

/// Rules with their reasons, unless more are wished for.
const CANDIDATES: usize = 12;

/// Packets that are told of one by one; of more, those at which nothing happens are counted only.
const PACKETS_MAX: usize = 2_000;

/// How close a rule came, and at which packet.
#[derive(Clone, Debug)]
struct Closest {
    miss: Miss,
    tried: Option<Tried>,
    frame_no: u64,
    facts: PacketFacts,
    direction: Option<Direction>,
    established: bool,
    spoken: AppProto,
}

/// Of each rule, by its number.
type ByRule = Vec<Option<Closest>>;

/// Puts a story together, packet by packet.
pub(super) struct Builder<'s, 'a> {
    subject: &'s Subject<'a>,
    wish: &'s Wish,
    asked: Option<u64>,
    packets: Vec<PacketStory>,
    n_unlisted: u64,
    flow: Option<FlowFacts>,
    /// Of each rule, over all packets.
    closest: ByRule,
    /// The same at the packets that matter: the one asked about, the first that was not let through, the first that a
    /// rule decided.
    at_packets: BTreeMap<u64, ByRule>,
    has_refused: bool,
    has_decided: bool,
    /// Looks that hold, by rule and group.
    held: BTreeMap<(RuleId, u16), Evidence>,
    why_not: Vec<WhyNot>,
    /// All decisions of the flow.
    decisions: Vec<(u64, Verdict, Cause)>,
}

impl<'s, 'a> Builder<'s, 'a> {
    pub(super) fn new(subject: &'s Subject<'a>, wish: &'s Wish, asked: Option<u64>) -> Self {
        let mut builder = Self {
            subject,
            wish,
            asked,
            packets: Vec::new(),
            n_unlisted: 0,
            flow: None,
            closest: vec![None; subject.program.rules().count()],
            at_packets: BTreeMap::new(),
            has_refused: false,
            has_decided: false,
            held: BTreeMap::new(),
            why_not: Vec::new(),
            decisions: Vec::new(),
        };
        builder.why_not = wish
            .why_not
            .iter()
            .map(|&id| WhyNot { rule: builder.rule_ref(id), packets: Vec::new(), closest: None })
            .collect();
        builder
    }

    fn rule_ref(&self, id: RuleId) -> RuleRef {
        let entry = self.subject.book.rule(id);
        RuleRef {
            id,
            name: self.subject.book.describe_rule(id),
            sid: entry.map_or(0, |rule| rule.sid),
            action: entry.map_or(RuleAction::Alert, |rule| rule.action),
            msg: entry.map(|rule| rule.msg.clone()).unwrap_or_default(),
            place: self.subject.place(id),
            text: self.subject.text(id),
            modelled: self.subject.is_modelled(id),
        }
    }

    /// Takes in a frame of the flow.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, decision: Decision, notes: Notes) {
        let frame_no = frame.number;
        let events = self.events(&notes);
        let spoken = notes.flow.as_ref().map_or(AppProto::Unknown, |flow| flow.app_proto);
        let matched = self.matched(&notes.looks, frame_no);
        self.note_misses(&notes.looks, frame_no, spoken, &decision);
        self.note_why_not(&notes.looks, frame_no, &decision);
        self.decisions.push((frame_no, decision.verdict, decision.cause));
        let direction = notes
            .looks
            .iter()
            .find(|look| look.is_of_wire)
            .and_then(|look| look.direction)
            .or_else(|| direction_of(notes.arrived.as_ref()?, notes.flow.as_ref()?));
        let stateless = stateless::story(self.subject, &notes, &decision);
        let is_quiet = events.is_empty() && matched.is_empty() && self.asked != Some(frame_no);
        let says_the_same = self.packets.last().is_some_and(|last| last.decision.cause == decision.cause);
        if self.packets.len() >= PACKETS_MAX && is_quiet && says_the_same {
            self.n_unlisted += 1;
        } else {
            let label = self.wish.labels.get(usize::try_from(frame_no).unwrap_or(usize::MAX).wrapping_sub(1));
            let what = match (label, &notes.arrived) {
                (Some(label), _) => label.clone(),
                (None, Some(facts)) => described(facts),
                (None, None) => "undecodable".to_owned(),
            };
            self.packets.push(PacketStory {
                frame_no,
                time_ns: frame.time_ns,
                facts: notes.arrived,
                direction,
                what,
                stateless,
                events,
                matched,
                was_looked_at: notes.looks.iter().any(|look| look.is_of_wire),
                decision,
                by: self.subject.book.describe(decision.cause),
            });
        }
        self.flow = notes.flow.or(self.flow.take());
    }

    /// What rules saw of the flow when it was over.
    pub(super) fn end_of_flow(&mut self, notes: &Notes) {
        let spoken = self.flow.as_ref().map_or(AppProto::Unknown, |flow| flow.app_proto);
        for look in &notes.looks {
            merge(&mut self.closest, look, 0, spoken);
        }
    }

    fn events(&self, notes: &Notes) -> Vec<FlowEvent> {
        let mut events: Vec<FlowEvent> = Vec::new();
        let odd = notes.looks.iter().flat_map(|look| &look.facts.events);
        let odd = odd.chain(notes.arrived.iter().filter(|_| notes.looks.is_empty()).flat_map(|facts| &facts.events));
        for event in odd {
            if !events.contains(&FlowEvent::Odd(event)) {
                events.push(FlowEvent::Odd(event));
            }
        }
        let Some(now) = &notes.flow else { return events };
        let before = self.flow.as_ref();
        if before.is_none() {
            events.push(FlowEvent::Created(now.id));
        }
        if let Some(state) = now.tcp_state.filter(|state| before.and_then(|flow| flow.tcp_state) != Some(*state)) {
            events.push(FlowEvent::Tcp(state));
        }
        if before.map_or("new", |flow| flow.state) != now.state && now.proto != 6 {
            events.push(FlowEvent::State(now.state));
        }
        for (side, direction) in [Direction::ToServer, Direction::ToClient].into_iter().enumerate() {
            let of = |flow: &FlowFacts| flow.spoken.get(side).copied().unwrap_or_default();
            if of(now) != before.map_or(AppProto::Unknown, of) {
                events.push(FlowEvent::Speaks(direction, of(now)));
            }
        }
        if now.hello_read && !before.is_some_and(|flow| flow.hello_read) {
            events.push(FlowEvent::HelloRead);
        }
        if let Some(sni) = now.sni.as_ref().filter(|sni| before.and_then(|flow| flow.sni.as_ref()) != Some(*sni)) {
            events.push(FlowEvent::Sni(sni.clone()));
        }
        let new_host = |host: &&String| !before.is_some_and(|flow| flow.hosts.contains(host));
        events.extend(now.hosts.iter().filter(new_host).cloned().map(FlowEvent::Host));
        if before.map_or(FlowAction::None, |flow| flow.action) != now.action {
            events.extend(match now.action {
                FlowAction::None => None,
                FlowAction::Pass(rule) => Some(FlowEvent::Passed(rule)),
                FlowAction::Drop(rule) => Some(FlowEvent::Condemned(rule)),
                FlowAction::ExceptionPass | FlowAction::Exception { .. } => Some(FlowEvent::Exception),
            });
        }
        events
    }

    fn matched(&mut self, looks: &[Look], frame_no: u64) -> Vec<Matched> {
        let mut all: Vec<Matched> = Vec::new();
        for look in looks {
            for (rule, group, tried) in &look.held {
                if let Some(tried) = tried {
                    let buffer = self.buffer_of_look(*rule, *group);
                    self.held.insert((*rule, *group), Evidence { buffer, tried: tried.clone(), frame_no });
                }
            }
            for (rule, tried) in &look.matched {
                let of_looks = self.held.range((*rule, 0)..=(*rule, u16::MAX)).map(|(_, evidence)| evidence.clone());
                let of_payload = tried.iter().map(|tried| Evidence { buffer: None, tried: tried.clone(), frame_no });
                let fate = match look.missed.get(rule.0 as usize).and_then(Option::as_ref) {
                    Some((Miss::BehindPass, _)) => Fate::BehindPass,
                    Some((Miss::Held, _)) => Fate::Held,
                    _ => Fate::Acted,
                };
                let evidence = of_looks.chain(of_payload).collect();
                if !all.iter().any(|known| known.rule.id == *rule) {
                    all.push(Matched { rule: self.rule_ref(*rule), evidence, fate });
                }
            }
        }
        all.sort_by_key(|matched| matched.rule.id);
        all
    }

    fn buffer_of_look(&self, rule: RuleId, group: u16) -> Option<&'static str> {
        let option = *self.subject.program.conditions(rule)?.of_look(group).first()?;
        self.subject.written(rule)?.buffer(option)
    }

    fn note_misses(&mut self, looks: &[Look], frame_no: u64, spoken: AppProto, decision: &Decision) {
        let refused = decision.verdict != Verdict::Pass && !self.has_refused;
        let decided = is_by_rule(decision.cause) && !self.has_decided;
        self.has_refused |= decision.verdict != Verdict::Pass;
        self.has_decided |= is_by_rule(decision.cause);
        for look in looks {
            merge(&mut self.closest, look, frame_no, spoken);
        }
        if (refused || decided || self.asked == Some(frame_no)) && !looks.is_empty() {
            let mut here: ByRule = vec![None; self.closest.len()];
            for look in looks {
                merge(&mut here, look, frame_no, spoken);
            }
            self.at_packets.insert(frame_no, here);
        }
    }

    fn note_why_not(&mut self, looks: &[Look], frame_no: u64, decision: &Decision) {
        let mut all = std::mem::take(&mut self.why_not);
        for asked in &mut all {
            let id = asked.rule.id;
            let spoken = self.flow.as_ref().map_or(AppProto::Unknown, |flow| flow.app_proto);
            if !looks.iter().any(|look| look.is_of_wire) {
                let by = self.subject.book.describe(decision.cause);
                asked.packets.push(WhyNotPacket::NotLookedAt(frame_no, by));
            }
            for look in looks {
                let miss = look.missed.get(id.0 as usize).and_then(Option::as_ref);
                if look.matched.iter().any(|(rule, _)| *rule == id) {
                    let fate = match miss {
                        Some((Miss::BehindPass, _)) => Fate::BehindPass,
                        Some((Miss::Held, _)) => Fate::Held,
                        _ => Fate::Acted,
                    };
                    asked.packets.push(WhyNotPacket::Matched(frame_no, fate));
                } else if let Some((miss, tried)) = miss {
                    let at =
                        At { facts: &look.facts, direction: look.direction, established: look.established, spoken };
                    let reason = self.subject.reason(id, *miss, tried.as_ref(), at);
                    asked.packets.push(WhyNotPacket::Failed(frame_no, reason));
                }
            }
        }
        self.why_not = all;
    }

    /// The story, with what DNS said in the capture.
    pub(super) fn finish(mut self, answers: &Answers) -> Explanation {
        let outcome = self.outcome();
        let (candidates, others) = self.candidates(&outcome);
        for asked in &mut self.why_not {
            let closest = asked.packets.iter().filter_map(|packet| match packet {
                WhyNotPacket::Failed(frame_no, reason) => Some((*frame_no, reason)),
                _ => None,
            });
            let matched = asked.packets.iter().any(|packet| matches!(packet, WhyNotPacket::Matched(..)));
            asked.closest = closest
                .filter(|_| !matched)
                .reduce(|best, next| if next.1.closeness > best.1.closeness { next } else { best })
                .map(|(frame_no, reason)| (frame_no, reason.clone()));
        }
        let first = self.packets.first().and_then(|packet| packet.facts.as_ref());
        let mut explanation = Explanation {
            asked: self.asked,
            ends: self.flow.as_ref().map(|flow| flow.ends).or_else(|| first.and_then(|facts| facts.ends)),
            proto: self.flow.as_ref().map(|flow| flow.proto).or(first.map(|facts| facts.proto)).unwrap_or(0),
            flow: self.flow.take(),
            packets: std::mem::take(&mut self.packets),
            n_unlisted: self.n_unlisted,
            outcome,
            candidates,
            others,
            why_not: std::mem::take(&mut self.why_not),
            pitfalls: Vec::new(),
        };
        explanation.pitfalls = pitfalls::of(self.subject, &explanation, &self.misses(), answers);
        explanation
    }

    /// The closest miss of every rule that has one, over the whole flow.
    fn misses(&self) -> Vec<Candidate> {
        let all = (0..).map(RuleId).zip(&self.closest);
        all.filter_map(|(id, closest)| Some(self.candidate(id, closest.as_ref()?))).collect()
    }

    fn candidate(&self, id: RuleId, closest: &Closest) -> Candidate {
        Candidate { rule: self.rule_ref(id), reason: self.reason(id, closest), frame_no: closest.frame_no }
    }

    fn reason(&self, id: RuleId, closest: &Closest) -> Reason {
        let Closest { miss, tried, facts, direction, established, spoken, .. } = closest;
        let at = At { facts, direction: *direction, established: *established, spoken: *spoken };
        self.subject.reason(id, *miss, tried.as_ref(), at)
    }

    /// The packet that decided: what was asked about, or what an earlier packet settled for it; of a flow, the first that
    /// was not let through, else the first that a rule decided.
    fn outcome(&self) -> Outcome {
        let find = |wanted: &dyn Fn(&(u64, Verdict, Cause)) -> bool| self.decisions.iter().copied().find(|d| wanted(d));
        let asked = self.asked.and_then(|number| find(&|d| d.0 == number));
        let refused = || find(&|d| d.1 != Verdict::Pass);
        let chosen = asked.or_else(refused).or_else(|| find(&|d| is_by_rule(d.2))).or_else(|| find(&|_| true));
        let (_, verdict, cause) = chosen.unwrap_or((0, Verdict::Pass, Cause::NoRule));
        let settled = match cause {
            Cause::FlowPassed(rule) => self.settled(&FlowEvent::Passed(rule)),
            Cause::FlowDropped(Some(rule)) => self.settled(&FlowEvent::Condemned(rule)),
            Cause::FlowDropped(None) => self.settled(&FlowEvent::Exception),
            _ => None,
        };
        let decider = settled.and_then(|number| find(&|d| d.0 == number)).or(chosen);
        let (frame_no, _, decider_cause) = decider.unwrap_or((0, verdict, cause));
        let packet = self.packets.iter().find(|packet| packet.frame_no == frame_no);
        let rule = match cause {
            Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => {
                Some(id)
            }
            _ => None,
        };
        let matched = packet.and_then(|packet| packet.matched.iter().find(|matched| Some(matched.rule.id) == rule));
        let covers_flow = packet.is_some_and(|packet| {
            packet
                .events
                .iter()
                .any(|event| matches!(event, FlowEvent::Passed(_) | FlowEvent::Condemned(_) | FlowEvent::Exception))
        });
        let mut rest: Vec<(u64, Verdict, String)> = Vec::new();
        for (_, verdict, cause) in self.decisions.iter().filter(|(number, ..)| *number > frame_no) {
            let by = match cause {
                Cause::FlowPassed(_) => "the flow is passed, and rules look no more".to_owned(),
                Cause::FlowDropped(_) => "the flow is condemned".to_owned(),
                cause => self.subject.book.describe(*cause),
            };
            match rest.iter_mut().find(|(_, known, why)| known == verdict && *why == by) {
                Some((n, ..)) => *n += 1,
                None => rest.push((1, *verdict, by)),
            }
        }
        Outcome {
            verdict,
            frame_no,
            stage: packet.map_or(Stage::None, |packet| packet.decision.stage),
            cause: if rule.is_some() { cause } else { decider_cause },
            by: self.subject.book.describe(if rule.is_some() { cause } else { decider_cause }),
            rule: rule.map(|id| self.rule_ref(id)),
            evidence: matched.map(|matched| matched.evidence.clone()).unwrap_or_default(),
            covers_flow,
            rest,
        }
    }

    /// The packet at which something was settled for the flow.
    fn settled(&self, event: &FlowEvent) -> Option<u64> {
        self.packets.iter().find(|packet| packet.events.contains(event)).map(|packet| packet.frame_no)
    }

    fn candidates(&self, outcome: &Outcome) -> (Vec<Candidate>, Vec<(&'static str, usize)>) {
        let no_rule = outcome.cause == Cause::NoRule && self.asked.is_none();
        let here = self.at_packets.get(&outcome.frame_no).filter(|_| !no_rule);
        let misses = here.or(no_rule.then_some(&self.closest)).map_or(&[] as &[Option<Closest>], Vec::as_slice);
        let matched = |id: RuleId| {
            let packet = self.packets.iter().find(|packet| packet.frame_no == outcome.frame_no);
            packet.is_some_and(|packet| packet.matched.iter().any(|matched| matched.rule.id == id))
        };
        let mut all: Vec<(RuleId, &Closest)> = Vec::new();
        for (id, closest) in (0..).map(RuleId).zip(misses) {
            let Some(closest) = closest.as_ref().filter(|_| !matched(id)) else { continue };
            // the two halves of a rule with `<>` are one rule: the closer one counts
            let place = self.subject.program.place(id);
            match all.iter_mut().find(|(other, _)| {
                self.subject.program.is_turned(*other) && self.subject.program.place(*other) == place
            }) {
                Some(known) if known.1.miss.closeness() < closest.miss.closeness() => *known = (id, closest),
                Some(_) => {}
                None => all.push((id, closest)),
            }
        }
        let mut by_closeness: Vec<u32> = all.iter().map(|(_, closest)| closest.miss.closeness()).collect();
        by_closeness.sort_unstable_by(|a, b| b.cmp(a));
        let limit = if self.wish.all_rules { usize::MAX } else { CANDIDATES };
        let bound = by_closeness.get(limit.saturating_sub(1)).copied().unwrap_or(0);
        let mut above = by_closeness.iter().filter(|closeness| **closeness > bound).count();
        let mut shown = Vec::new();
        let mut others: BTreeMap<&'static str, usize> = BTreeMap::new();
        for (id, closest) in all {
            let closeness = closest.miss.closeness();
            if closeness > bound || (closeness == bound && above < limit) {
                above += usize::from(closeness == bound);
                shown.push(self.candidate(id, closest));
            } else {
                let reason = self.reason(id, closest);
                *others.entry(reason.condition.name()).or_default() += 1;
            }
        }
        (shown, others.into_iter().collect())
    }
}

/// Keeps the closer of two misses of each rule.
fn merge(into: &mut ByRule, look: &Look, frame_no: u64, spoken: AppProto) {
    for (slot, missed) in into.iter_mut().zip(&look.missed) {
        let Some((miss, tried)) = missed else { continue };
        if slot.as_ref().is_none_or(|known| known.miss.closeness() < miss.closeness()) {
            *slot = Some(Closest {
                miss: *miss,
                tried: tried.clone(),
                frame_no,
                facts: look.facts.clone(),
                direction: look.direction,
                established: look.established,
                spoken,
            });
        }
    }
}

fn is_by_rule(cause: Cause) -> bool {
    matches!(cause, Cause::Rule(_) | Cause::StatelessRule(_))
}

fn direction_of(facts: &PacketFacts, flow: &FlowFacts) -> Option<Direction> {
    let [from, _] = facts.ends?;
    let [client, server] = flow.ends;
    match from {
        from if from == client => Some(Direction::ToServer),
        from if from == server => Some(Direction::ToClient),
        _ => None,
    }
}

/// A packet in a word or two.
fn described(facts: &PacketFacts) -> String {
    let bytes = if facts.payload_len == 0 { String::new() } else { format!("{} bytes", facts.payload_len) };
    let name = match (facts.fragment, facts.tcp_flags, facts.icmp) {
        (Some(Fragment::Part(offset)), ..) => return format!("{} fragment at {offset}", ProtocolName(facts.proto)),
        (_, Some(flags), _) => {
            use crate::packet::tcp_flag::{ACK, FIN, RST, SYN};
            match flags & (FIN | SYN | RST | ACK) {
                f if f & RST != 0 => "RST",
                f if f & (SYN | ACK) == SYN | ACK => "SYN, ACK",
                f if f & SYN != 0 => "SYN",
                f if f & FIN != 0 => "FIN",
                _ if bytes.is_empty() => "ACK",
                _ => "",
            }
            .to_owned()
        }
        (_, _, Some((kind, _))) => format!("ICMP type {kind}"),
        _ => String::new(),
    };
    match (name.is_empty(), bytes.is_empty()) {
        (false, false) => format!("{name}, {bytes}"),
        (true, true) => ProtocolName(facts.proto).to_string(),
        _ => format!("{name}{bytes}"),
    }
}
