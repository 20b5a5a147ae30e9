//! Records with the fields of Network Firewall's own alert and flow logs, so that what reads those reads a rehearsal.
//!
//! In: an engine's results, and what each frame was ([`Seen`]). Out: one JSON record a line, alerts by frame, flow records
//! by the end of the flow, one for each direction. What a rehearsal does not know (the TLS version, HTTP fields other than
//! the host) is left out. Alerts of a flow wait for its end, for the names in its record.
//!
//! Source: AWS Network Firewall Developer Guide, "Contents of a Network Firewall log".

use super::names::{LogAddress, ProtocolName};
use super::spool::{MEMORY_BYTES, SortedSpool};
use super::{RuleBook, RuleEntry};
use crate::engine::Seen;
use crate::verdict::{Alert, Cause, Decision, FlowRecord, RuleAction, Sink, Verdict};
use foldhash::HashMap;
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// Which of the logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsLogKind {
    /// Of the rules that report.
    Alert,
    /// Of the flows.
    Flow,
}

/// What stands around every record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `firewall_name`
    pub firewall_name: String,
    /// `availability_zone`
    pub availability_zone: String,
    /// ARNs of the rule groups that have one, by name.
    pub arns: Vec<(String, String)>,
    /// Priorities of the rules, which the log calls severities, by their numbers.
    pub severities: Vec<u32>,
}

/// Writes records. The first error is kept and ends all writing: see [`AwsLog::error`].
#[derive(Debug)]
pub struct AwsLog<'a, W: Write> {
    out: W,
    book: &'a RuleBook,
    envelope: Envelope,
    kind: AwsLogKind,
    now_ns: i64,
    ending: bool,
    decision: Option<Decision>,
    live: HashMap<u64, Live>,
    records: SortedSpool,
    /// Makes the order of records total.
    number: u64,
    error: Option<io::Error>,
}

/// What has to be known of a flow before its record comes.
#[derive(Debug, Default)]
struct Live {
    alerted: bool,
    alerts: Vec<Waiting>,
    sides: Vec<Side>,
}

/// An alert until the end of its flow.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    alert: Alert,
    time_ns: i64,
    verdict: VerdictPart,
}

/// Packets of a flow from one end.
#[derive(Debug)]
struct Side {
    src: (IpAddr, Option<u16>),
    ttl: (u8, u8),
    flags: u8,
    first_ns: i64,
    last_ns: i64,
}

impl<'a, W: Write> AwsLog<'a, W> {
    /// Writes one of the logs to `out`, which should be buffered.
    pub fn new(out: W, book: &'a RuleBook, kind: AwsLogKind, envelope: Envelope) -> Self {
        Self {
            out,
            book,
            envelope,
            kind,
            now_ns: 0,
            ending: false,
            decision: None,
            live: HashMap::default(),
            records: SortedSpool::new(MEMORY_BYTES),
            number: 0,
            error: None,
        }
    }

    /// What went wrong while writing, if anything did. A replay should stop then.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// A frame comes next; its time is that of the alerts it brings.
    pub fn begin(&mut self, time_ns: i64) {
        self.now_ns = time_ns;
        self.decision = None;
    }

    /// What the frame was that has just been judged.
    pub fn seen(&mut self, seen: Seen) {
        let Some(flow) = self.decision.and_then(|decision| decision.flow) else { return };
        if self.kind != AwsLogKind::Flow {
            return;
        }
        let now_ns = self.now_ns;
        let sides = &mut self.live.entry(flow).or_default().sides;
        // two ends, and a fragment without its ports
        let room = sides.len() < 4;
        match sides.iter_mut().find(|side| side.src == seen.ends.src) {
            Some(side) => {
                side.ttl = (side.ttl.0.min(seen.ttl), side.ttl.1.max(seen.ttl));
                side.flags |= seen.tcp_flags;
                side.last_ns = now_ns;
            }
            None if room => sides.push(Side {
                src: seen.ends.src,
                ttl: (seen.ttl, seen.ttl),
                flags: seen.tcp_flags,
                first_ns: now_ns,
                last_ns: now_ns,
            }),
            None => {}
        }
    }

    /// No frame comes any more: flows end because the capture does.
    pub fn ending(&mut self) {
        self.ending = true;
        self.decision = None;
    }

    /// Writes what has waited and flushes.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.records.drain(&mut self.out)?;
        self.out.flush()
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    fn push(&mut self, order: u64, time_ns: i64, resource: Option<&str>, event: &EventPart<'_>) -> io::Result<()> {
        let record = Record {
            firewall_name: &self.envelope.firewall_name,
            availability_zone: &self.envelope.availability_zone,
            event_timestamp: time_ns.div_euclid(1_000_000_000).to_string(),
            aws_metadata: resource.map(|resource_arn| Metadata { resource_arn }),
            event,
        };
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let mut key = order.to_be_bytes().to_vec();
        key.extend_from_slice(&self.number.to_be_bytes());
        self.number += 1;
        self.records.push(&key, &line)
    }

    fn write_alert(&mut self, waiting: Waiting, flow: Option<&FlowRecord>) -> io::Result<()> {
        let book = self.book;
        let Waiting { alert, time_ns, verdict } = waiting;
        let Some(rule) = book.rule(alert.rule) else { return Ok(()) };
        let known = alert.flow;
        let sni = flow.filter(|_| known.is_some_and(|known| known.has_sni)).and_then(|flow| flow.sni.as_deref());
        let hosts = flow.map_or(&[][..], |flow| &flow.http_hosts);
        let host = known.and_then(|known| hosts.get(known.n_hosts.checked_sub(1)?));
        let event = EventPart {
            timestamp: timestamp(time_ns),
            flow_id: known.map(|known| known.id),
            event_type: "alert",
            alert: Some(AlertPart::new(rule, self.envelope.severities.get(alert.rule.0 as usize).copied())),
            verdict: Some(verdict),
            direction: alert.direction.map(crate::verdict::Direction::name),
            tls: sni.map(|sni| TlsPart { sni }),
            http: host.map(|hostname| HttpPart { hostname }),
            app_proto: known.and_then(|known| known.app_proto),
            ..EventPart::between(alert.proto, alert.src, alert.dst)
        };
        let mut arns = self.envelope.arns.iter();
        let arn = arns.find(|(group, _)| *group == rule.group).map(|(_, arn)| arn.clone());
        let order = if alert.frame_no == 0 { u64::MAX } else { alert.frame_no };
        self.push(order, time_ns, arn.as_deref(), &event)
    }

    fn write_flow(&mut self, flow: &FlowRecord, live: &Live) -> io::Result<()> {
        let ways = [
            (flow.src, flow.dst, flow.packets_to_server, flow.bytes_to_server),
            (flow.dst, flow.src, flow.packets_to_client, flow.bytes_to_client),
        ];
        for (src, dst, pkts, bytes) in ways.into_iter().filter(|(_, _, pkts, _)| *pkts > 0) {
            let own = live.sides.iter().filter(|side| side.src == src || (side.src.1.is_none() && side.src.0 == src.0));
            let first_ns = own.clone().map(|side| side.first_ns).min().unwrap_or(flow.start_ns);
            let last_ns = own.clone().map(|side| side.last_ns).max().unwrap_or(flow.end_ns);
            let flags = own.clone().fold(0, |flags, side| flags | side.flags);
            let event = EventPart {
                timestamp: timestamp(self.now_ns.max(flow.end_ns)),
                flow_id: Some(flow.id),
                event_type: "netflow",
                app_proto: flow.app_proto,
                netflow: Some(NetflowPart {
                    pkts,
                    bytes,
                    start: timestamp(first_ns),
                    end: timestamp(last_ns),
                    age: last_ns.saturating_sub(first_ns).div_euclid(1_000_000_000),
                    min_ttl: own.clone().map(|side| side.ttl.0).min().unwrap_or(0),
                    max_ttl: own.map(|side| side.ttl.1).max().unwrap_or(0),
                    state: flow.state,
                    reason: if self.ending { "shutdown" } else { "timeout" },
                    alerted: live.alerted,
                }),
                tcp: (flow.proto == 6).then(|| TcpPart::new(flags)),
                ..EventPart::between(Some(flow.proto), Some(src), Some(dst))
            };
            self.push(flow.end_ns as u64 ^ (1 << 63), self.now_ns.max(flow.end_ns), None, &event)?;
        }
        Ok(())
    }
}

impl<W: Write> Sink for AwsLog<'_, W> {
    fn decision(&mut self, decision: &Decision) {
        self.decision = Some(*decision);
    }

    fn alert(&mut self, alert: &Alert) {
        let waiting =
            Waiting { alert: *alert, time_ns: self.now_ns, verdict: verdict_of(alert, self.decision, self.book) };
        match alert.flow {
            Some(flow) => {
                let live = self.live.entry(flow.id).or_default();
                live.alerted = true;
                if self.kind == AwsLogKind::Alert {
                    live.alerts.push(waiting);
                }
            }
            None if self.kind == AwsLogKind::Alert && self.error.is_none() => {
                let result = self.write_alert(waiting, None);
                self.keep(result);
            }
            None => {}
        }
    }

    fn flow(&mut self, flow: &FlowRecord) {
        let live = self.live.remove(&flow.id).unwrap_or_default();
        if self.error.is_some() {
            return;
        }
        let result = match self.kind {
            AwsLogKind::Flow => self.write_flow(flow, &live),
            AwsLogKind::Alert => live.alerts.iter().try_for_each(|waiting| self.write_alert(*waiting, Some(flow))),
        };
        self.keep(result);
    }
}

/// What became of the packet. Source: Suricata 7.0.10 writes `drop` for a reject too, `pass` where a pass rule decided,
/// else `alert`.
fn verdict_of(alert: &Alert, decision: Option<Decision>, book: &RuleBook) -> VerdictPart {
    let is_pass = |id| book.rule(id).is_some_and(|rule| rule.action == RuleAction::Pass);
    let part = |action| VerdictPart { action, reject_target: None, reject: None };
    match decision.filter(|decision| decision.frame_no == alert.frame_no) {
        Some(Decision { verdict: Verdict::Reject, .. }) => VerdictPart {
            reject_target: Some("to_client"),
            reject: Some([if alert.proto == Some(6) { "tcp-reset" } else { "icmp-prohib" }]),
            ..part("drop")
        },
        Some(Decision { verdict: Verdict::Drop, .. }) => part("drop"),
        Some(Decision { cause: Cause::Rule(id) | Cause::FlowPassed(id), .. }) if is_pass(id) => part("pass"),
        _ => part("alert"),
    }
}

/// `2025-10-09T08:53:21.000000+0000`
fn timestamp(ns: i64) -> String {
    let micros = ns.div_euclid(1000).rem_euclid(1_000_000);
    format!("{}.{micros:06}+0000", super::units::time(ns).replace(' ', "T"))
}

#[derive(Serialize)]
struct Record<'a> {
    firewall_name: &'a str,
    availability_zone: &'a str,
    /// Seconds, as text.
    event_timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    aws_metadata: Option<Metadata<'a>>,
    event: &'a EventPart<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    resource_arn: &'a str,
}

#[derive(Default, Serialize)]
struct EventPart<'a> {
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow_id: Option<u64>,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dest_port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proto: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_proto: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<AlertPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<VerdictPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<TlsPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http: Option<HttpPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    netflow: Option<NetflowPart>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tcp: Option<TcpPart>,
}

impl EventPart<'_> {
    /// Addresses as the log writes them; ICMP has ports 0.
    fn between(proto: Option<u8>, src: Option<(IpAddr, Option<u16>)>, dst: Option<(IpAddr, Option<u16>)>) -> Self {
        Self {
            src_ip: src.map(|(address, _)| LogAddress(address).to_string()),
            src_port: src.map(|(_, port)| port.unwrap_or(0)),
            dest_ip: dst.map(|(address, _)| LogAddress(address).to_string()),
            dest_port: dst.map(|(_, port)| port.unwrap_or(0)),
            proto: proto.map(|proto| ProtocolName(proto).to_string()),
            ..Self::default()
        }
    }
}

#[derive(Serialize)]
struct AlertPart<'a> {
    action: &'static str,
    signature_id: u32,
    rev: u32,
    signature: &'a str,
    category: &'a str,
    severity: u32,
}

impl<'a> AlertPart<'a> {
    fn new(rule: &'a RuleEntry, severity: Option<u32>) -> Self {
        let blocks = matches!(rule.action, RuleAction::Drop | RuleAction::Reject);
        Self {
            action: if blocks { "blocked" } else { "allowed" },
            signature_id: rule.sid,
            rev: rule.rev,
            signature: &rule.msg,
            category: "",
            severity: severity.unwrap_or(3),
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
struct VerdictPart {
    action: &'static str,
    #[serde(rename = "reject-target", skip_serializing_if = "Option::is_none")]
    reject_target: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reject: Option<[&'static str; 1]>,
}

#[derive(Serialize)]
struct TlsPart<'a> {
    sni: &'a str,
}

#[derive(Serialize)]
struct HttpPart<'a> {
    hostname: &'a str,
}

#[derive(Serialize)]
struct NetflowPart {
    pkts: u64,
    bytes: u64,
    start: String,
    end: String,
    age: i64,
    min_ttl: u8,
    max_ttl: u8,
    state: &'static str,
    reason: &'static str,
    alerted: bool,
}

/// The flags that were seen; those that were not are left out.
#[derive(Serialize)]
struct TcpPart {
    tcp_flags: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    syn: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rst: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    psh: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ack: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    urg: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ecn: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cwr: bool,
}

impl TcpPart {
    fn new(flags: u8) -> Self {
        let has = |bit: u8| flags & bit != 0;
        Self {
            tcp_flags: format!("{flags:02x}"),
            syn: has(0x02),
            fin: has(0x01),
            rst: has(0x04),
            psh: has(0x08),
            ack: has(0x10),
            urg: has(0x20),
            ecn: has(0x40),
            cwr: has(0x80),
        }
    }
}
