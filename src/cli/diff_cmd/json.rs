//! The comparison as JSON: `docs/schema/diff.v1.json`.

use super::{Compared, Loaded, Tried};
use crate::diff::tally::{Decider, Destination, Reasons, Tally};
use crate::diff::{Change, Group, Kind, OutcomeChange, Row};
use crate::report::names::ProtocolName;
use crate::report::{Outcome, RuleBook};
use crate::verdict::Cause;
use serde::Serialize;
use std::io::{self, Write};
use std::net::IpAddr;

/// Writes one document a comparison, each on a line.
pub(super) fn write(out: &mut dyn Write, all: &[Compared<'_>]) -> io::Result<()> {
    for compared in all {
        serde_json::to_writer(&mut *out, &Document::new(compared)).map_err(io::Error::from)?;
        writeln!(out)?;
    }
    out.flush()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    old: PolicyRecord<'a>,
    new: PolicyRecord<'a>,
    kind: Option<&'static str>,
    changes: Vec<ChangeRecord<'a>>,
    capture: Option<CaptureRecord<'a>>,
    tried: Vec<TriedRecord<'a>>,
    gates: Vec<GateRecord>,
}

#[derive(Serialize)]
struct PolicyRecord<'a> {
    file: String,
    policy: &'a str,
    engine: &'a str,
}

#[derive(Serialize)]
struct ChangeRecord<'a> {
    kind: &'static str,
    subject: &'static str,
    what: &'a str,
    old: Option<&'a str>,
    new: Option<&'a str>,
    old_at: Option<&'a str>,
    new_at: Option<&'a str>,
    text: String,
}

#[derive(Serialize)]
struct CaptureRecord<'a> {
    files: &'a [String],
    damage: &'a [String],
    frames: u64,
    bytes: u64,
    flows: u64,
    newly_passed: TallyRecord,
    newly_dropped: TallyRecord,
    totals: Vec<TotalRecord>,
    groups: Vec<GroupRecord<'a>>,
}

#[derive(Serialize)]
struct TallyRecord {
    frames: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct TotalRecord {
    change: &'static str,
    #[serde(flatten)]
    row: RowRecord,
}

#[derive(Serialize)]
struct GroupRecord<'a> {
    change: &'static str,
    old: DeciderRecord<'a>,
    new: DeciderRecord<'a>,
    #[serde(flatten)]
    row: RowRecord,
    not_told_apart: u64,
    domains: Vec<DomainRecord<'a>>,
    destinations: Vec<DestinationRecord>,
    sources: Vec<SourceRecord>,
}

#[derive(Serialize)]
struct RowRecord {
    flows: u64,
    hosts: usize,
    packets: u64,
    bytes: u64,
    first_frame: u64,
}

#[derive(Serialize)]
struct DomainRecord<'a> {
    domain: Option<&'a str>,
    #[serde(flatten)]
    row: RowRecord,
}

#[derive(Serialize)]
struct DestinationRecord {
    ip: IpAddr,
    proto: String,
    port: Option<u16>,
    #[serde(flatten)]
    row: RowRecord,
}

#[derive(Serialize)]
struct SourceRecord {
    ip: IpAddr,
    #[serde(flatten)]
    row: RowRecord,
}

#[derive(Serialize)]
struct DeciderRecord<'a> {
    verdict: &'static str,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msg: Option<&'a str>,
}

#[derive(Serialize)]
struct TriedRecord<'a> {
    url: String,
    src_ip: IpAddr,
    dest_ip: IpAddr,
    change: Option<&'static str>,
    kind: &'static str,
    old: TriedSide<'a>,
    new: TriedSide<'a>,
}

#[derive(Serialize)]
struct TriedSide<'a> {
    #[serde(flatten)]
    decider: DeciderRecord<'a>,
    packet: usize,
    what: &'a str,
    alerts: Vec<u32>,
}

#[derive(Serialize)]
struct GateRecord {
    gate: &'static str,
    holds: bool,
}

impl<'a> Document<'a> {
    fn new(compared: &'a Compared<'_>) -> Self {
        let (old, new) = (&compared.old.session.book, &compared.new.session.book);
        let capture = compared.capture.as_ref().map(|capture| {
            let outcomes = &capture.outcomes;
            let totals = OutcomeChange::ALL
                .into_iter()
                .map(|change| TotalRecord { change: change.name(), row: RowRecord::new(&outcomes.total(change)) });
            CaptureRecord {
                files: &capture.facts.names,
                damage: &capture.facts.damage,
                frames: outcomes.frames.frames,
                bytes: outcomes.frames.bytes,
                flows: outcomes.flows,
                newly_passed: TallyRecord::new(outcomes.newly_passed),
                newly_dropped: TallyRecord::new(outcomes.newly_dropped),
                totals: totals.filter(|total| total.row.flows > 0).collect(),
                groups: outcomes
                    .groups
                    .iter()
                    .map(|(reasons, group)| GroupRecord::new(reasons, group, old, new))
                    .collect(),
            }
        });
        Self {
            schema: "firedrill/diff/1",
            old: PolicyRecord::new(compared.old),
            new: PolicyRecord::new(compared.new),
            kind: compared.kind().map(Kind::name),
            changes: compared.changes.iter().map(ChangeRecord::new).collect(),
            capture,
            tried: compared.tried.iter().map(|tried| TriedRecord::new(tried, old, new)).collect(),
            gates: compared.gates.iter().map(|(gate, holds)| GateRecord { gate: gate.name(), holds: *holds }).collect(),
        }
    }
}

impl<'a> PolicyRecord<'a> {
    fn new(loaded: &'a Loaded) -> Self {
        let run = &loaded.session.run;
        Self { file: loaded.path.display().to_string(), policy: &run.policy, engine: &run.engine }
    }
}

impl<'a> ChangeRecord<'a> {
    fn new(change: &'a Change) -> Self {
        Self {
            kind: change.kind.name(),
            subject: change.subject.name(),
            what: &change.what,
            old: change.old.as_deref(),
            new: change.new.as_deref(),
            old_at: change.old_at.as_deref(),
            new_at: change.new_at.as_deref(),
            text: change.sentence(),
        }
    }
}

impl TallyRecord {
    fn new(tally: Tally) -> Self {
        Self { frames: tally.frames, bytes: tally.bytes }
    }
}

impl RowRecord {
    fn new(row: &Row) -> Self {
        let Row { flows, hosts, packets, first_frame } = row;
        let Tally { frames, bytes } = *packets;
        Self { flows: *flows, hosts: hosts.len(), packets: frames, bytes, first_frame: *first_frame }
    }
}

impl<'a> GroupRecord<'a> {
    fn new(reasons: &Reasons, group: &'a Group, old: &'a RuleBook, new: &'a RuleBook) -> Self {
        let domains = group.domains.iter();
        let destinations = group.destinations.iter();
        Self {
            change: reasons.change.name(),
            old: DeciderRecord::new(reasons.old, old),
            new: DeciderRecord::new(reasons.new, new),
            row: RowRecord::new(&group.total),
            not_told_apart: group.not_told_apart,
            domains: domains
                .map(|(domain, row)| DomainRecord { domain: domain.as_deref(), row: RowRecord::new(row) })
                .collect(),
            destinations: destinations
                .map(|(Destination { address, proto, port }, row)| DestinationRecord {
                    ip: *address,
                    proto: ProtocolName(*proto).to_string(),
                    port: *port,
                    row: RowRecord::new(row),
                })
                .collect(),
            sources: group.sources.iter().map(|(ip, row)| SourceRecord { ip: *ip, row: RowRecord::new(row) }).collect(),
        }
    }
}

impl<'a> DeciderRecord<'a> {
    fn new(decider: Decider, book: &'a RuleBook) -> Self {
        let rule = crate::diff::matching::rule_of(decider.cause).and_then(|id| book.rule(id));
        let stateless = match decider.cause {
            Cause::StatelessRule(id) => book.stateless_rule(id),
            _ => None,
        };
        let span = rule.and_then(|rule| rule.span.filter(|_| !rule.modelled)).or(stateless.map(|(.., span)| span));
        Self {
            verdict: decider.verdict.name(),
            by: book.describe(decider.cause),
            group: rule.map(|rule| rule.group.as_str()).or(stateless.map(|(group, ..)| group)),
            sid: rule.map(|rule| rule.sid),
            priority: stateless.map(|(_, priority, _)| priority),
            at: span.map(|span| book.place(span)),
            msg: rule.map(|rule| rule.msg.as_str()).filter(|msg| !msg.is_empty()),
        }
    }
}

impl<'a> TriedRecord<'a> {
    fn new(tried: &'a Tried, old: &'a RuleBook, new: &'a RuleBook) -> Self {
        let conversation = &tried.conversation;
        let side = |outcome: &'a Outcome, book: &'a RuleBook| TriedSide {
            decider: DeciderRecord::new(Decider { verdict: outcome.verdict, cause: outcome.cause }, book),
            packet: outcome.packet + 1,
            what: conversation.what(outcome.packet),
            alerts: outcome.alerts.iter().filter_map(|(id, _)| book.rule(*id)).map(|rule| rule.sid).collect(),
        };
        Self {
            url: conversation.wanted.to_string(),
            src_ip: conversation.ends.client,
            dest_ip: conversation.ends.server,
            change: tried.change.map(OutcomeChange::name),
            kind: tried.kind.name(),
            old: side(&tried.old, old),
            new: side(&tried.new, new),
        }
    }
}
