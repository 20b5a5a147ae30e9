//! Counts over a whole replay: by stage and verdict, by rule, by domain, by dropped flow.
//!
//! Memory grows with the policy, with the flows that are alive, and with the names and endpoints that are told apart;
//! of the last two no more than [`DISTINCT_MAX`] each are, the rest is counted together.

use super::RuleBook;
use crate::verdict::{Alert, Cause, Decision, FlowRecord, RuleId, Sink, Stage, StatelessRuleId, Verdict};
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Names, dropped conversations and undecided services that are told apart.
pub const DISTINCT_MAX: usize = 50_000;

/// Frames and their bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Frames.
    pub frames: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Tally {
    fn add(&mut self, bytes: u64) {
        self.frames += 1;
        self.bytes += bytes;
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { frames: self.frames + other.frames, bytes: self.bytes + other.bytes }
    }
}

/// Flows with their packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowTally {
    /// Flows.
    pub flows: u64,
    /// Packets, both directions.
    pub packets: u64,
    /// Bytes, both directions.
    pub bytes: u64,
}

impl FlowTally {
    fn add(&mut self, flow: &FlowRecord) {
        self.flows += 1;
        self.packets += flow.packets_to_server + flow.packets_to_client;
        self.bytes += flow.bytes_to_server + flow.bytes_to_client;
    }
}

/// What was seen of one domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameTally {
    /// Flows that got through.
    pub allowed: FlowTally,
    /// Flows that were condemned or lost packets to a rule.
    pub blocked: FlowTally,
}

/// What a rule did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Frames that are dropped or rejected because of it.
    pub blocked: Tally,
    /// Frames that pass because of it.
    pub passed: Tally,
    /// Alerts.
    pub alerts: u64,
}

/// Which conversation: client, server, service, name, and who blocked it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conversation {
    /// Client address.
    pub client: IpAddr,
    /// Server address.
    pub server: IpAddr,
    /// IANA protocol number.
    pub proto: u8,
    /// Server port.
    pub port: Option<u16>,
    /// Server name, if one was seen.
    pub name: Option<String>,
    /// The rule behind the first drop, if a rule did it.
    pub rule: Option<RuleId>,
}

/// What became of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blocked {
    /// Its flows, one for every client port.
    pub flows: u64,
    /// Frames that were dropped or rejected.
    pub dropped: Tally,
    /// Number of the first dropped frame.
    pub first_frame: u64,
}

/// A service that no rule had anything to say about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// IANA protocol number.
    pub proto: u8,
    /// Server port.
    pub port: Option<u16>,
    /// Application protocol.
    pub app_proto: Option<&'static str>,
}

/// The counts.
#[derive(Debug)]
pub struct Summary {
    totals: [[Tally; 3]; 3],
    rules: Vec<RuleTally>,
    causes: BTreeMap<&'static str, Tally>,
    stateless: BTreeMap<(u16, u32), Tally>,
    /// Frames that the stateful stage let through because no rule had anything to say.
    pub no_rule: Tally,
    /// Frames that the snap length cut.
    pub cut: u64,
    /// Alerts.
    pub alerts: u64,
    /// All flows.
    pub flows: FlowTally,
    /// Flows that were condemned or lost packets to a rule.
    pub blocked_flows: FlowTally,
    names: HashMap<String, NameTally>,
    conversations: HashMap<Conversation, Blocked>,
    services: BTreeMap<Service, FlowTally>,
    /// Names that were not told apart.
    pub other_names: NameTally,
    /// Dropped conversations that were not told apart.
    pub other_conversations: Blocked,
    live: HashMap<u64, Live>,
}

/// What has to be known of a flow before its record comes.
#[derive(Clone, Copy, Debug, Default)]
struct Live {
    dropped: Tally,
    undecided: u64,
}

impl Summary {
    /// Nothing counted yet.
    pub fn new(book: &RuleBook) -> Self {
        Self {
            totals: Default::default(),
            rules: vec![RuleTally::default(); book.rules.len()],
            causes: BTreeMap::new(),
            stateless: BTreeMap::new(),
            no_rule: Tally::default(),
            cut: 0,
            alerts: 0,
            flows: FlowTally::default(),
            blocked_flows: FlowTally::default(),
            names: HashMap::default(),
            conversations: HashMap::default(),
            services: BTreeMap::new(),
            other_names: NameTally::default(),
            other_conversations: Blocked::default(),
            live: HashMap::default(),
        }
    }

    /// Frames of a stage with a verdict.
    pub fn total(&self, stage: Stage, verdict: Verdict) -> Tally {
        self.totals
            .get(stage as usize)
            .and_then(|by_verdict| by_verdict.get(verdict as usize))
            .copied()
            .unwrap_or_default()
    }

    /// Frames with a verdict, whatever the stage.
    pub fn verdict(&self, verdict: Verdict) -> Tally {
        [Stage::None, Stage::Stateless, Stage::Stateful]
            .into_iter()
            .fold(Tally::default(), |sum, stage| sum.plus(self.total(stage, verdict)))
    }

    /// What each rule did, by [`RuleId`].
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &RuleTally)> {
        self.rules.iter().enumerate().map(|(index, tally)| (RuleId(index as u32), tally))
    }

    /// Frames dropped by stateless rules.
    pub fn stateless_drops(&self) -> impl Iterator<Item = (StatelessRuleId, Tally)> {
        self.stateless.iter().map(|(&(group, rule), tally)| (StatelessRuleId { group, rule }, *tally))
    }

    /// Frames dropped by something that is not a rule, under its description.
    pub fn other_drops(&self) -> impl Iterator<Item = (&'static str, Tally)> {
        self.causes.iter().map(|(cause, tally)| (*cause, *tally))
    }

    /// Domains by name.
    pub fn names(&self) -> impl Iterator<Item = (&str, &NameTally)> {
        sorted(&self.names).map(|(name, tally)| (name.as_str(), tally))
    }

    /// Blocked conversations.
    pub fn conversations(&self) -> impl Iterator<Item = (&Conversation, &Blocked)> {
        sorted(&self.conversations)
    }

    /// Services of flows in which no rule decided about a single packet.
    pub fn undecided_services(&self) -> impl Iterator<Item = (&Service, &FlowTally)> {
        self.services.iter()
    }

    fn count_cause(&mut self, decision: &Decision, bytes: u64) {
        let blocked = decision.verdict != Verdict::Pass;
        match decision.cause {
            Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => {
                if let Some(tally) = self.rules.get_mut(id.0 as usize) {
                    if blocked { tally.blocked.add(bytes) } else { tally.passed.add(bytes) }
                }
            }
            Cause::NoRule => self.no_rule.add(bytes),
            Cause::StatelessRule(StatelessRuleId { group, rule }) if blocked => {
                self.stateless.entry((group, rule)).or_default().add(bytes);
            }
            cause if blocked => self.causes.entry(cause_name(cause)).or_default().add(bytes),
            _ => {}
        }
    }

    fn count_names(&mut self, flow: &FlowRecord, blocked: bool) {
        let names = flow.sni.iter().chain(&flow.http_hosts);
        for name in names {
            let tally = bounded(&mut self.names, name, &mut self.other_names);
            if blocked { tally.blocked.add(flow) } else { tally.allowed.add(flow) }
        }
    }

    fn count_blocked(&mut self, flow: &FlowRecord, live: Live) {
        self.blocked_flows.add(flow);
        let conversation = Conversation {
            client: flow.src.0,
            server: flow.dst.0,
            proto: flow.proto,
            port: flow.dst.1,
            name: flow.sni.clone().or_else(|| flow.http_hosts.first().cloned()),
            rule: flow.first_drop.and_then(|(_, rule)| rule),
        };
        let blocked = bounded(&mut self.conversations, &conversation, &mut self.other_conversations);
        let first_frame = flow.first_drop.map_or(0, |(frame_no, _)| frame_no);
        blocked.first_frame = if blocked.flows == 0 { first_frame } else { blocked.first_frame.min(first_frame) };
        blocked.flows += 1;
        blocked.dropped = blocked.dropped.plus(live.dropped);
    }
}

impl Sink for Summary {
    fn decision(&mut self, decision: &Decision) {
        let bytes = u64::from(decision.wire_len);
        let by_verdict = self.totals.get_mut(decision.stage as usize);
        if let Some(tally) = by_verdict.and_then(|by_verdict| by_verdict.get_mut(decision.verdict as usize)) {
            tally.add(bytes);
        }
        self.cut += u64::from(decision.cut);
        self.count_cause(decision, bytes);
        if let Some(flow) = decision.flow {
            if decision.verdict != Verdict::Pass {
                self.live.entry(flow).or_default().dropped.add(bytes);
            } else if decision.cause == Cause::NoRule {
                self.live.entry(flow).or_default().undecided += 1;
            }
        }
    }

    fn alert(&mut self, alert: &Alert) {
        self.alerts += 1;
        if let Some(tally) = self.rules.get_mut(alert.rule.0 as usize) {
            tally.alerts += 1;
        }
    }

    fn flow(&mut self, flow: &FlowRecord) {
        let live = self.live.remove(&flow.id).unwrap_or_default();
        // a packet lost to its own state only (an invalid segment, say) does not make a flow a blocked one
        let by_rule = matches!(flow.first_drop, Some((_, Some(_))));
        let blocked = flow.verdict != Verdict::Pass || by_rule;
        self.flows.add(flow);
        self.count_names(flow, blocked);
        let packets = flow.packets_to_server + flow.packets_to_client;
        if blocked {
            self.count_blocked(flow, live);
        } else if live.undecided == packets {
            let service = Service { proto: flow.proto, port: flow.dst.1, app_proto: flow.app_proto };
            if self.services.len() < DISTINCT_MAX || self.services.contains_key(&service) {
                self.services.entry(service).or_default().add(flow);
            }
        }
    }
}

/// The entry of a key, or `other` when the map is full.
fn bounded<'a, K, V: Default>(map: &'a mut HashMap<K, V>, key: &K, other: &'a mut V) -> &'a mut V
where
    K: Eq + Hash + Clone,
{
    if !map.contains_key(key) {
        if map.len() >= DISTINCT_MAX {
            return other;
        }
        map.insert(key.clone(), V::default());
    }
    map.get_mut(key).unwrap_or(other)
}

/// The entries in order of their keys.
fn sorted<K: Ord, V>(map: &HashMap<K, V>) -> impl Iterator<Item = (&K, &V)> {
    let mut entries: Vec<(&K, &V)> = map.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    entries.into_iter()
}

/// What to call a drop that is no stateful rule's.
fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::StatelessDefault => "stateless default action",
        Cause::StatelessFragmentDefault => "stateless default action for UDP fragments",
        Cause::StatelessFragment => "fragments other than UDP",
        Cause::StreamException => "stream exception policy",
        Cause::StreamError => "invalid in its TCP stream",
        Cause::FlowDropped(_) => "flow dropped by an exception policy",
        Cause::Exception(word) => word,
        Cause::NotIp
        | Cause::NoRule
        | Cause::StatelessRule(_)
        | Cause::Rule(_)
        | Cause::RuleThreshold(_)
        | Cause::FlowPassed(_) => "rules",
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::verdict::RuleAction;

    /// A frame of 100 bytes.
    pub fn decision(frame_no: u64, stage: Stage, verdict: Verdict, cause: Cause, flow: Option<u64>) -> Decision {
        Decision { frame_no, wire_len: 100, verdict, stage, cause, drop_rule: None, flow, cut: false }
    }

    /// A TCP flow of the client 10.0.0.9 with two packets, and its server name.
    pub fn flow(id: u64, sni: &str, port: u16, first_drop: Option<(u64, Option<RuleId>)>) -> FlowRecord {
        FlowRecord {
            id,
            start_ns: 0,
            end_ns: 0,
            proto: 6,
            src: ("10.0.0.9".parse().unwrap(), Some(40_000)),
            dst: ("203.0.113.10".parse().unwrap(), Some(port)),
            app_proto: None,
            sni: (!sni.is_empty()).then(|| sni.to_owned()),
            http_hosts: Vec::new(),
            state: "closed",
            tcp_state: Some("closed"),
            verdict: if first_drop.is_some() { Verdict::Drop } else { Verdict::Pass },
            flow_action: first_drop.map(|_| RuleAction::Drop),
            first_drop,
            packets_to_server: 1,
            packets_to_client: 1,
            bytes_to_server: 100,
            bytes_to_client: 100,
        }
    }

    #[test]
    fn a_flow_that_lost_an_invalid_packet_only_is_not_blocked() {
        let mut summary = Summary::new(&RuleBook::default());
        summary.decision(&decision(1, Stage::Stateful, Verdict::Drop, Cause::StreamError, Some(1)));
        summary.flow(&FlowRecord { verdict: Verdict::Pass, ..flow(1, "a.example", 443, Some((1, None))) });
        assert_eq!(summary.blocked_flows.flows, 0);
        assert_eq!(summary.names().next().unwrap().1.allowed.flows, 1);
        assert_eq!(
            summary.other_drops().collect::<Vec<_>>(),
            [("invalid in its TCP stream", Tally { frames: 1, bytes: 100 })]
        );
    }

    #[test]
    fn conversations_are_told_apart_by_server_and_rule_not_by_client_port() {
        let mut summary = Summary::new(&RuleBook::default());
        for (id, port) in [(1, 40_000), (2, 40_001)] {
            summary.decision(&decision(id, Stage::Stateful, Verdict::Drop, Cause::FlowDropped(None), Some(id)));
            let record = flow(id, "a.example", 443, Some((id, Some(RuleId(0)))));
            summary.flow(&FlowRecord { src: (record.src.0, Some(port)), ..record });
        }
        let all: Vec<_> = summary.conversations().collect();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].1.flows, all[0].1.dropped.frames, all[0].1.first_frame), (2, 2, 1));
    }

    #[test]
    fn a_full_map_counts_the_rest_together() {
        let (mut map, mut other) = (HashMap::default(), 0);
        for key in 0..DISTINCT_MAX + 5 {
            *bounded(&mut map, &key, &mut other) += 1;
        }
        assert_eq!((map.len(), other), (DISTINCT_MAX, 5));
    }
}
