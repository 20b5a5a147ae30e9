//! What the engine did to the flows of a case: a fold over its decisions.
//!
//! The engine has flows for what it takes in; what the stateless stage decides about is put together by addresses, ports
//! and protocol, so that every packet of a case belongs to some flow.

use super::rule_set::RuleSet;
use crate::capture::Frame;
use crate::packet::{DecodeConfig, decode_frame};
use crate::report::FlowFacts;
use crate::report::names::ProtocolName;
use crate::stateless::Stateless;
use crate::verdict::{Alert, Cause, Decision, FlowRecord, RuleId, Sink, Verdict};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;

/// One end of a flow.
pub(super) type End = (IpAddr, Option<u16>);

/// A flow of a case, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedFlow {
    /// IANA protocol number.
    pub proto: u8,
    /// The client.
    pub src: End,
    /// The server.
    pub dst: End,
    /// Suricata's name of the application protocol.
    pub app: Option<&'static str>,
    /// The TLS server name.
    pub sni: Option<String>,
    /// HTTP host names.
    pub hosts: Vec<String>,
    /// Pass when every packet got through, else what became of the first that did not.
    pub verdict: Verdict,
    /// Who decided: about the first packet that was not let through, else about the first that a rule decided on.
    pub cause: Cause,
    /// The number of that frame, from 1.
    pub frame_no: u64,
    /// Packets by verdict, in the order of [`Verdict::ALL`].
    pub packets: [u64; 3],
    /// What rules reported: the rule, and the frame, 0 at the end of the flow.
    pub alerts: Vec<(RuleId, u64)>,
    weight: Weight,
    engine_flow: Option<u64>,
}

/// How much a decision says about its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    LetThrough,
    LetThroughByRule,
    Refused,
}

impl ObservedFlow {
    /// As selections see it.
    pub fn facts(&self) -> FlowFacts<'_> {
        let Self { proto, src, dst, app, .. } = *self;
        FlowFacts { proto, src, dst, app, sni: self.sni.as_deref(), hosts: &self.hosts }
    }

    /// The name that was asked for: of TLS, else the first of HTTP.
    pub fn name(&self) -> Option<&str> {
        self.sni.as_deref().or_else(|| self.hosts.first().map(String::as_str))
    }
}

impl fmt::Display for ObservedFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = |(address, port): End| match (address, port) {
            (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
            (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
            (address, None) => address.to_string(),
        };
        let proto = ProtocolName(self.proto).to_string().to_ascii_lowercase();
        write!(f, "{proto} {} → {}", end(self.src), end(self.dst))?;
        self.name().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

/// Everything that became of a case.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Flows in order of their first packets.
    pub flows: Vec<ObservedFlow>,
    /// Packets by verdict, in the order of [`Verdict::ALL`], also those of no flow.
    pub packets: [u64; 3],
    /// Stateful rules that matched a packet, whether or not they decided.
    pub matched: RuleSet,
    /// Who decided about packets, each once.
    pub causes: Vec<Cause>,
    /// Rules of the stateless stage that matched a packet, each once.
    pub stateless: Vec<Cause>,
    /// Where captures are damaged.
    pub damage: Vec<String>,
    /// What the frames are, by number from 1; empty for captures.
    pub words: Vec<String>,
}

impl Observed {
    /// A packet in words: `packet 4 (ClientHello)`, `frame 12`.
    pub fn packet(&self, frame_no: u64) -> String {
        let word = (frame_no as usize).checked_sub(1).and_then(|index| self.words.get(index));
        word.map_or_else(|| format!("frame {frame_no}"), |word| format!("packet {frame_no} ({word})"))
    }
}

/// Addresses and ports of a packet in either direction.
type Ends = (u8, End, End);

/// The fold.
#[derive(Debug, Default)]
pub(super) struct Observer {
    pub(super) observed: Observed,
    by_engine: HashMap<u64, usize>,
    by_ends: HashMap<Ends, usize>,
    /// Fragments behind the first have no ports.
    by_fragment: HashMap<(u8, IpAddr, IpAddr, u32), Ends>,
    /// Of the frame at hand; `None` for what is not IP.
    at: Option<Ends>,
    last: Option<usize>,
}

impl Observer {
    /// The frame that the next decision is about.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, stateless: Option<&Stateless>) {
        let packet = decode_frame(frame, &DecodeConfig::default()).packet;
        let found = stateless.and_then(|stateless| stateless.decide(&packet)).map(|found| found.cause);
        if let Some(cause @ Cause::StatelessRule(_)) = found
            && !self.observed.stateless.contains(&cause)
        {
            self.observed.stateless.push(cause);
        }
        self.at = packet.ip.map(|ip| {
            let ports = packet.ports();
            let ends = (packet.proto, (ip.src, ports.map(|p| p.0)), (ip.dst, ports.map(|p| p.1)));
            match ip.fragment {
                None => ends,
                Some(fragment) => {
                    let key = (fragment.next_header, ip.src, ip.dst, fragment.id);
                    if fragment.offset == 0 {
                        self.by_fragment.insert(key, ends);
                    }
                    *self.by_fragment.get(&key).unwrap_or(&ends)
                }
            }
        });
    }

    fn flow_of(&mut self, decision: &Decision) -> Option<usize> {
        let (proto, src, dst) = self.at?;
        let known = match decision.flow {
            Some(id) => self.by_engine.get(&id).copied().or_else(|| {
                // what the stateless stage has seen of it before is a part of it
                let index = self.by_ends.get(&key(proto, src, dst)).copied()?;
                self.observed.flows.get(index).filter(|flow| flow.engine_flow.is_none())?;
                Some(index)
            }),
            None => self.by_ends.get(&key(proto, src, dst)).copied(),
        };
        let index = known.unwrap_or_else(|| {
            self.observed.flows.push(ObservedFlow {
                proto,
                src,
                dst,
                app: None,
                sni: None,
                hosts: Vec::new(),
                verdict: decision.verdict,
                cause: decision.cause,
                frame_no: decision.frame_no,
                packets: [0; 3],
                alerts: Vec::new(),
                weight: Weight::LetThrough,
                engine_flow: None,
            });
            self.observed.flows.len() - 1
        });
        self.by_ends.insert(key(proto, src, dst), index);
        if let (Some(id), Some(flow)) = (decision.flow, self.observed.flows.get_mut(index)) {
            flow.engine_flow.get_or_insert(id);
            self.by_engine.insert(id, index);
        }
        Some(index)
    }
}

fn key(proto: u8, a: End, b: End) -> Ends {
    if a <= b { (proto, a, b) } else { (proto, b, a) }
}

impl Sink for Observer {
    fn decision(&mut self, decision: &Decision) {
        count(&mut self.observed.packets, decision.verdict);
        if !self.observed.causes.contains(&decision.cause) {
            self.observed.causes.push(decision.cause);
        }
        self.last = self.flow_of(decision);
        let Some(flow) = self.last.and_then(|index| self.observed.flows.get_mut(index)) else { return };
        count(&mut flow.packets, decision.verdict);
        let weight = match decision.cause {
            _ if decision.verdict != Verdict::Pass => Weight::Refused,
            Cause::Rule(_) | Cause::FlowPassed(_) | Cause::StatelessRule(_) => Weight::LetThroughByRule,
            _ => Weight::LetThrough,
        };
        if weight > flow.weight {
            (flow.weight, flow.verdict) = (weight, decision.verdict);
            (flow.cause, flow.frame_no) = (decision.cause, decision.frame_no);
        }
    }

    fn alert(&mut self, alert: &Alert) {
        let of_ended = || {
            let (proto, src, dst) = (alert.proto?, alert.src?, alert.dst?);
            self.by_ends.get(&key(proto, src, dst)).copied()
        };
        let index = if alert.frame_no > 0 { self.last } else { of_ended() };
        if let Some(flow) = index.and_then(|index| self.observed.flows.get_mut(index)) {
            flow.alerts.push((alert.rule, alert.frame_no));
        }
    }

    fn flow(&mut self, record: &FlowRecord) {
        let index = self.by_engine.get(&record.id).copied();
        let Some(flow) = index.and_then(|index| self.observed.flows.get_mut(index)) else { return };
        (flow.proto, flow.src, flow.dst) = (record.proto, record.src, record.dst);
        flow.app = record.app_proto;
        flow.sni.clone_from(&record.sni);
        flow.hosts.clone_from(&record.http_hosts);
    }
}

fn count(packets: &mut [u64; 3], verdict: Verdict) {
    if let Some(n) = packets.get_mut(verdict as usize) {
        *n += 1;
    }
}
