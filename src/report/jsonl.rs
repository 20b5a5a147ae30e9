//! One JSON record a line: every frame, then every alert, then every flow, in a fixed order.
//!
//! The fields and their order are those that test oracles of Suricata in IPS mode print, so that two results can be
//! compared line by line; a `why` object is added behind them. `docs/output.md` describes the format for users.
//!
//! Frames are written as they are decided. Alerts come behind them, ordered by frame, those of no frame last; flows
//! behind the alerts, by start, protocol and addresses. Both wait in a [`super::spool`].

use super::names::{LogAddress, ProtocolName};
use super::spool::{MEMORY_BYTES, SortedSpool, Spool};
use super::{RuleBook, RuleEntry};
use crate::verdict::{Alert, Cause, Decision, FlowRecord, RuleAction, Sink, StatelessRuleId, Verdict};
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{self, Write};
use std::net::IpAddr;

/// Which records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The fates of frames.
    pub packets: bool,
    /// Alerts.
    pub alerts: bool,
    /// Flows.
    pub flows: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self { packets: true, alerts: true, flows: true };
}

/// Writes records. The first error is kept and ends all writing: see [`JsonlWriter::error`].
#[derive(Debug)]
pub struct JsonlWriter<'a, W: Write> {
    out: W,
    book: &'a RuleBook,
    parts: Parts,
    /// What every frame decided by a rule says about it, made at its first use.
    why_by_rule: Vec<Option<Box<str>>>,
    why_by_stateless_rule: BTreeMap<(u16, u32), String>,
    /// The same for its alerts.
    alert_by_rule: Vec<Option<AlertOfRule>>,
    line: Vec<u8>,
    key: Vec<u8>,
    alerts: Spool,
    late_alerts: Spool,
    flows: SortedSpool,
    error: Option<io::Error>,
}

impl<'a, W: Write> JsonlWriter<'a, W> {
    /// Writes `parts` to `out`, which should be buffered.
    pub fn new(out: W, book: &'a RuleBook, parts: Parts) -> Self {
        Self {
            out,
            book,
            parts,
            why_by_rule: vec![None; book.rules.len()],
            why_by_stateless_rule: BTreeMap::new(),
            alert_by_rule: (0..book.rules.len()).map(|_| None).collect(),
            line: Vec::with_capacity(512),
            key: Vec::with_capacity(128),
            alerts: Spool::new(MEMORY_BYTES),
            late_alerts: Spool::new(MEMORY_BYTES),
            flows: SortedSpool::new(MEMORY_BYTES),
            error: None,
        }
    }

    /// What went wrong while writing, if anything did. A replay should stop then.
    pub fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// Writes what has waited and flushes.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        self.alerts.drain(&mut self.out)?;
        self.late_alerts.drain(&mut self.out)?;
        self.flows.drain(&mut self.out)?;
        self.out.flush()
    }

    fn keep(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.error.get_or_insert(error);
        }
    }

    /// The one record that is made per frame: put together from ready pieces.
    fn write_decision(&mut self, decision: &Decision) -> io::Result<()> {
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(br#"{"type":"packet","n":"#);
        to_json(line, &decision.frame_no)?;
        text_member(line, r#","verdict":""#, decision.verdict.name());
        if decision.verdict != Verdict::Pass {
            text_member(line, r#","reason":""#, reason(decision.cause));
            if let Some(rule) = decision.drop_rule.and_then(|id| self.book.rule(id)) {
                line.extend_from_slice(br#","sid":"#);
                to_json(line, &rule.sid)?;
            }
        }
        text_member(line, r#","why":{"stage":""#, decision.stage.name());
        text_member(line, r#","by":""#, word(decision.cause));
        match decision.cause {
            Cause::StatelessRule(id) => {
                let why = match self.why_by_stateless_rule.entry((id.group, id.rule)) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(why_of_stateless_rule(self.book, id)?),
                };
                line.extend_from_slice(why.as_bytes());
            }
            Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => {
                if let (Some(slot), Some(rule)) = (self.why_by_rule.get_mut(id.0 as usize), self.book.rule(id)) {
                    if slot.is_none() {
                        *slot = Some(why_of_rule(self.book, rule)?.into_boxed_str());
                    }
                    line.extend_from_slice(slot.as_deref().unwrap_or_default().as_bytes());
                }
            }
            _ => {}
        }
        line.extend_from_slice(b"}}\n");
        self.out.write_all(line)
    }

    fn write_alert(&mut self, alert: &Alert) -> io::Result<()> {
        let Some(rule) = self.book.rule(alert.rule) else { return Ok(()) };
        let Some(slot) = self.alert_by_rule.get_mut(alert.rule.0 as usize) else { return Ok(()) };
        let of_rule = match slot {
            Some(known) => known,
            None => slot.insert(AlertOfRule::new(self.book, rule)?),
        };
        let line = &mut self.line;
        line.clear();
        line.extend_from_slice(br#"{"type":"alert","n":"#);
        to_json(line, &alert.frame_no)?;
        line.extend_from_slice(of_rule.said.as_bytes());
        line.extend_from_slice(br#","proto":"#);
        shown_or_null(line, alert.proto.map(ProtocolName))?;
        let ends = [("src", alert.src), ("dest", alert.dst)];
        for (name, end) in ends {
            write!(line, r#","{name}_ip":"#)?;
            shown_or_null(line, end.map(|(address, _)| LogAddress(address)))?;
            write!(line, r#","{name}_port":"#)?;
            to_json(line, &end.and_then(|(_, port)| port))?;
        }
        line.extend_from_slice(br#","dir":"#);
        shown_or_null(line, alert.direction.map(crate::verdict::Direction::name))?;
        line.extend_from_slice(of_rule.why.as_bytes());
        let spool = if alert.frame_no == 0 { &mut self.late_alerts } else { &mut self.alerts };
        spool.push(line)
    }

    fn write_flow(&mut self, flow: &FlowRecord) -> io::Result<()> {
        let drop_rule = flow.first_drop.and_then(|(_, rule)| rule).and_then(|id| self.book.rule(id));
        let record = FlowLine {
            r#type: "flow",
            proto: Shown(ProtocolName(flow.proto)),
            src_ip: Shown(LogAddress(flow.src.0)),
            src_port: flow.src.1,
            dest_ip: Shown(LogAddress(flow.dst.0)),
            dest_port: flow.dst.1,
            app_proto: flow.app_proto,
            sni: flow.sni.as_deref(),
            http_host: (!flow.http_hosts.is_empty()).then_some(&flow.http_hosts),
            state: flow.state,
            tcp_state: flow.tcp_state,
            verdict: flow.verdict.name(),
            flow_action: flow.flow_action.map(RuleAction::name),
            drop_sid: drop_rule.map(|rule| rule.sid),
            first_drop_n: flow.first_drop.map(|(frame_no, _)| frame_no),
            pkts_toserver: flow.packets_to_server,
            pkts_toclient: flow.packets_to_client,
            why: drop_rule.map_or_else(RuleWhy::default, |rule| RuleWhy::new(self.book, rule)),
        };
        self.line.clear();
        to_json(&mut self.line, &record)?;
        self.line.push(b'\n');
        sort_key(&mut self.key, flow)?;
        self.flows.push(&self.key, &self.line)
    }
}

impl<W: Write> Sink for JsonlWriter<'_, W> {
    fn decision(&mut self, decision: &Decision) {
        if self.parts.packets && self.error.is_none() {
            let result = self.write_decision(decision);
            self.keep(result);
        }
    }

    fn alert(&mut self, alert: &Alert) {
        if self.parts.alerts && self.error.is_none() {
            let result = self.write_alert(alert);
            self.keep(result);
        }
    }

    fn flow(&mut self, flow: &FlowRecord) {
        if self.parts.flows && self.error.is_none() {
            let result = self.write_flow(flow);
            self.keep(result);
        }
    }
}

/// Start, protocol, addresses and ports, end; compared as bytes. Times are those of the log: microseconds. The flow's
/// number makes the order total.
fn sort_key(key: &mut Vec<u8>, flow: &FlowRecord) -> io::Result<()> {
    let time = |ns: i64| (ns.div_euclid(1000) as u64 ^ (1 << 63)).to_be_bytes();
    let end = |key: &mut Vec<u8>, (address, port): (IpAddr, Option<u16>)| {
        write!(key, "{}\0", LogAddress(address))?;
        key.extend_from_slice(&port.unwrap_or(0).to_be_bytes());
        io::Result::Ok(())
    };
    key.clear();
    key.extend_from_slice(&time(flow.start_ns));
    write!(key, "{}\0", ProtocolName(flow.proto))?;
    end(key, flow.src)?;
    end(key, flow.dst)?;
    key.extend_from_slice(&time(flow.end_ns));
    key.extend_from_slice(&flow.id.to_be_bytes());
    Ok(())
}

/// Appends `start`, which opens a string, our own `word`, and the closing quote.
fn text_member(line: &mut Vec<u8>, start: &str, word: &str) {
    line.extend_from_slice(start.as_bytes());
    line.extend_from_slice(word.as_bytes());
    line.push(b'"');
}

/// Why a frame did not get through: Suricata's word, or ours for what Suricata does not have.
fn reason(cause: Cause) -> &'static str {
    match cause {
        Cause::StatelessRule(_) => "stateless rule",
        Cause::StatelessDefault => "stateless default action",
        Cause::StatelessFragmentDefault => "stateless fragment default action",
        Cause::StatelessFragment => "stateless fragment",
        other => other.suricata_reason().unwrap_or("none"),
    }
}

/// The kinds of cause.
fn word(cause: Cause) -> &'static str {
    match cause {
        Cause::NotIp => "not-ip",
        Cause::StatelessRule(_) => "stateless-rule",
        Cause::StatelessDefault => "stateless-default",
        Cause::StatelessFragmentDefault => "stateless-fragment-default",
        Cause::StatelessFragment => "stateless-fragment",
        Cause::NoRule => "no-rule",
        Cause::Rule(_) => "rule",
        Cause::RuleThreshold(_) => "rule-threshold",
        Cause::FlowPassed(_) => "flow-passed",
        Cause::FlowDropped(_) => "flow-dropped",
        Cause::StreamException => "stream-exception",
        Cause::StreamError => "stream-error",
        Cause::Exception(_) => "exception",
    }
}

/// What all alerts of a rule have in common, as JSON: the members behind the frame's number, and the end of the record.
#[derive(Debug)]
struct AlertOfRule {
    said: Box<str>,
    why: Box<str>,
}

impl AlertOfRule {
    fn new(book: &RuleBook, rule: &RuleEntry) -> io::Result<Self> {
        let blocks = matches!(rule.action, RuleAction::Drop | RuleAction::Reject);
        let action = if blocks { "blocked" } else { "allowed" };
        let msg = json_text(&rule.msg)?;
        Ok(Self {
            said: format!(r#","sid":{},"rev":{},"action":"{action}","msg":{msg}"#, rule.sid, rule.rev).into(),
            why: format!(",\"why\":{}}}\n", json_text(&RuleWhy::new(book, rule))?).into(),
        })
    }
}

#[derive(Serialize)]
struct FlowLine<'a> {
    r#type: &'static str,
    proto: Shown<ProtocolName>,
    src_ip: Shown<LogAddress>,
    src_port: Option<u16>,
    dest_ip: Shown<LogAddress>,
    dest_port: Option<u16>,
    app_proto: Option<&'static str>,
    sni: Option<&'a str>,
    http_host: Option<&'a Vec<String>>,
    state: &'static str,
    tcp_state: Option<&'static str>,
    verdict: &'static str,
    flow_action: Option<&'static str>,
    drop_sid: Option<u32>,
    first_drop_n: Option<u64>,
    pkts_toserver: u64,
    pkts_toclient: u64,
    why: RuleWhy<'a>,
}

/// Which rule: its group, its sid, where it is written.
#[derive(Default, Serialize)]
struct RuleWhy<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_action: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    modelled: bool,
}

impl<'a> RuleWhy<'a> {
    fn new(book: &RuleBook, rule: &'a RuleEntry) -> Self {
        Self {
            group: Some(&rule.group),
            sid: Some(rule.sid),
            at: rule.span.filter(|_| !rule.modelled || rule.default_action.is_none()).map(|span| book.place(span)),
            default_action: rule.default_action.as_deref(),
            modelled: rule.modelled,
        }
    }
}

/// The members that a rule adds to a frame's `why`, with a comma before each.
fn why_of_rule(book: &RuleBook, rule: &RuleEntry) -> io::Result<String> {
    let json = json_text(&RuleWhy::new(book, rule))?;
    let members = json.trim_start_matches('{').trim_end_matches('}');
    Ok(format!(",{members}"))
}

/// The same for a stateless rule.
fn why_of_stateless_rule(book: &RuleBook, id: StatelessRuleId) -> io::Result<String> {
    let Some((group, priority, span)) = book.stateless_rule(id) else { return Ok(String::new()) };
    let mut json = Vec::new();
    json.extend_from_slice(br#","group":"#);
    to_json(&mut json, &group)?;
    json.extend_from_slice(br#","priority":"#);
    to_json(&mut json, &priority)?;
    json.extend_from_slice(br#","at":"#);
    to_json(&mut json, &book.place(span))?;
    String::from_utf8(json).map_err(io::Error::other)
}

/// A value that is written as the text it displays.
struct Shown<T>(T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Appends `value` as JSON in ASCII: what is not ASCII is escaped, so that a record means the same in every locale.
fn to_json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Ascii);
    value.serialize(&mut serializer).map_err(io::Error::other)
}

fn json_text(value: &(impl Serialize + ?Sized)) -> io::Result<String> {
    let mut json = Vec::new();
    to_json(&mut json, value)?;
    String::from_utf8(json).map_err(io::Error::other)
}

/// Appends text that needs no escapes as a JSON string.
fn shown_or_null(line: &mut Vec<u8>, text: Option<impl std::fmt::Display>) -> io::Result<()> {
    match text {
        Some(text) => write!(line, "\"{text}\""),
        None => line.write_all(b"null"),
    }
}

struct Ascii;

impl serde_json::ser::Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if fragment.bytes().all(|b| matches!(b, b' '..=b'~')) {
            return writer.write_all(fragment.as_bytes());
        }
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                write!(writer, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::rule_book::StatelessGroupEntry;
    use crate::source::{Sources, Span};
    use crate::verdict::{Direction, RuleId, Stage};

    fn book() -> RuleBook {
        let mut sources = Sources::new();
        let file = sources.add("test.rules", "\n\ndrop\n");
        let rule = RuleEntry {
            sid: 1,
            rev: 0,
            action: RuleAction::Drop,
            msg: "sni \u{fc}\"".to_owned(),
            group: "egress".to_owned(),
            span: Some(Span::new(file, 2..6)),
            default_action: None,
            modelled: false,
        };
        let default_action = Some("drop_strict".to_owned());
        let modelled = RuleEntry { sid: 4, default_action, modelled: true, ..rule.clone() };
        let rules = vec![(10, Span::new(file, 0..1))];
        let stateless_groups = vec![StatelessGroupEntry { name: "icmp".to_owned(), rules }];
        RuleBook { sources, rules: vec![rule, modelled], stateless_groups }
    }

    fn decision(frame_no: u64, verdict: Verdict, cause: Cause) -> Decision {
        let drop_rule = match cause {
            Cause::Rule(id) => Some(id),
            _ => None,
        };
        Decision {
            frame_no,
            wire_len: 60,
            verdict,
            stage: Stage::Stateful,
            cause,
            drop_rule,
            flow: Some(1),
            cut: false,
        }
    }

    fn flow(id: u64, start_ns: i64, src: &str) -> FlowRecord {
        FlowRecord {
            id,
            start_ns,
            end_ns: start_ns + 1_000_000,
            proto: 6,
            src: (src.parse().unwrap(), Some(40000)),
            dst: ("203.0.113.10".parse().unwrap(), Some(443)),
            app_proto: Some("tls"),
            sni: Some("www.example.com".to_owned()),
            http_hosts: Vec::new(),
            state: "established",
            tcp_state: Some("established"),
            verdict: Verdict::Drop,
            flow_action: Some(RuleAction::Drop),
            first_drop: Some((2, Some(RuleId(0)))),
            packets_to_server: 7,
            packets_to_client: 5,
            bytes_to_server: 700,
            bytes_to_client: 500,
        }
    }

    fn written(parts: Parts, feed: impl Fn(&mut dyn Sink)) -> String {
        let book = book();
        let mut out = Vec::new();
        let mut writer = JsonlWriter::new(&mut out, &book, parts);
        feed(&mut writer);
        writer.finish().unwrap();
        String::from_utf8(out).unwrap()
    }

    fn everything(sink: &mut dyn Sink) {
        sink.flow(&flow(2, 1_700_000_000_000_000_000, "10.0.0.9"));
        sink.decision(&decision(1, Verdict::Pass, Cause::NoRule));
        sink.decision(&decision(2, Verdict::Drop, Cause::Rule(RuleId(0))));
        let address = |text: &str| text.parse().unwrap();
        let alert = Alert {
            frame_no: 2,
            rule: RuleId(0),
            proto: Some(6),
            src: Some((address("10.0.0.10"), Some(40000))),
            dst: Some((address("2001:db8::1"), None)),
            direction: Some(Direction::ToServer),
            flow: None,
        };
        sink.alert(&Alert { frame_no: 0, proto: None, src: None, dst: None, direction: None, ..alert });
        sink.alert(&alert);
        sink.decision(&decision(3, Verdict::Drop, Cause::FlowDropped(Some(RuleId(1)))));
        sink.flow(&flow(3, 1_700_000_000_000_000_999, "10.0.0.10"));
        sink.flow(&flow(1, 1_600_000_000_000_000_000, "10.0.0.9"));
    }

    #[test]
    fn records_come_in_the_fixed_order_with_the_fixed_fields() {
        insta::assert_snapshot!(written(Parts::ALL, everything), @r#"
        {"type":"packet","n":1,"verdict":"pass","why":{"stage":"stateful","by":"no-rule"}}
        {"type":"packet","n":2,"verdict":"drop","reason":"rules","sid":1,"why":{"stage":"stateful","by":"rule","group":"egress","sid":1,"at":"test.rules:3"}}
        {"type":"packet","n":3,"verdict":"drop","reason":"flow drop","why":{"stage":"stateful","by":"flow-dropped","group":"egress","sid":4,"default_action":"drop_strict","modelled":true}}
        {"type":"alert","n":2,"sid":1,"rev":0,"action":"blocked","msg":"sni \u00fc\"","proto":"TCP","src_ip":"10.0.0.10","src_port":40000,"dest_ip":"2001:0db8:0000:0000:0000:0000:0000:0001","dest_port":null,"dir":"to_server","why":{"group":"egress","sid":1,"at":"test.rules:3"}}
        {"type":"alert","n":0,"sid":1,"rev":0,"action":"blocked","msg":"sni \u00fc\"","proto":null,"src_ip":null,"src_port":null,"dest_ip":null,"dest_port":null,"dir":null,"why":{"group":"egress","sid":1,"at":"test.rules:3"}}
        {"type":"flow","proto":"TCP","src_ip":"10.0.0.9","src_port":40000,"dest_ip":"203.0.113.10","dest_port":443,"app_proto":"tls","sni":"www.example.com","http_host":null,"state":"established","tcp_state":"established","verdict":"drop","flow_action":"drop","drop_sid":1,"first_drop_n":2,"pkts_toserver":7,"pkts_toclient":5,"why":{"group":"egress","sid":1,"at":"test.rules:3"}}
        {"type":"flow","proto":"TCP","src_ip":"10.0.0.10","src_port":40000,"dest_ip":"203.0.113.10","dest_port":443,"app_proto":"tls","sni":"www.example.com","http_host":null,"state":"established","tcp_state":"established","verdict":"drop","flow_action":"drop","drop_sid":1,"first_drop_n":2,"pkts_toserver":7,"pkts_toclient":5,"why":{"group":"egress","sid":1,"at":"test.rules:3"}}
        {"type":"flow","proto":"TCP","src_ip":"10.0.0.9","src_port":40000,"dest_ip":"203.0.113.10","dest_port":443,"app_proto":"tls","sni":"www.example.com","http_host":null,"state":"established","tcp_state":"established","verdict":"drop","flow_action":"drop","drop_sid":1,"first_drop_n":2,"pkts_toserver":7,"pkts_toclient":5,"why":{"group":"egress","sid":1,"at":"test.rules:3"}}
        "#);
    }

    #[test]
    fn a_stateless_rule_is_named_by_group_and_priority() {
        let cause = Cause::StatelessRule(StatelessRuleId { group: 0, rule: 0 });
        let frames = written(Parts::ALL, |sink| {
            for n in [1, 2] {
                sink.decision(&Decision { stage: Stage::Stateless, ..decision(n, Verdict::Drop, cause) });
            }
        });
        let expected = r#"{"type":"packet","n":2,"verdict":"drop","reason":"stateless rule","why":{"stage":"stateless","by":"stateless-rule","group":"icmp","priority":10,"at":"test.rules:1"}}"#;
        assert_eq!(frames.lines().nth(1), Some(expected));
    }

    #[test]
    fn parts_can_be_left_out() {
        let alerts = written(Parts { packets: false, alerts: true, flows: false }, everything);
        assert!(alerts.lines().count() == 2 && alerts.lines().all(|line| line.starts_with(r#"{"type":"alert""#)));
    }

    #[test]
    fn a_failed_write_is_kept_and_ends_writing() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let book = book();
        let mut writer = JsonlWriter::new(Closed, &book, Parts::ALL);
        writer.decision(&decision(1, Verdict::Pass, Cause::NoRule));
        assert_eq!(writer.error().map(io::Error::kind), Some(io::ErrorKind::BrokenPipe));
        assert!(writer.finish().is_err());
    }
}
