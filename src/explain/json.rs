//! The story as one JSON document; `docs/schema/explain-1.json` describes it.

use super::question::shown;
use super::reason::{Condition, Reason, readable};
use super::story::{Candidate, Evidence, Explanation, Fate, Matched, PacketStory, RuleRef, WhyNot, WhyNotPacket};
use super::text::{event_text, subject_line};
use crate::policy::model::DefaultAction;
use crate::report::names::ProtocolName;
use crate::source::Sources;
use serde::Serialize;
use std::io::{self, Write};

/// Changes when a member changes its meaning or goes away.
const SCHEMA_VERSION: u32 = 1;

/// Writes the document, and a line end.
pub fn write(
    out: &mut dyn Write,
    story: &Explanation,
    under: &[(DefaultAction, Explanation)],
    sources: &Sources,
) -> io::Result<()> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        story: Story::new(story, sources),
        each_default_action: under
            .iter()
            .map(|(action, story)| UnderRecord {
                default_action: format!("aws:{}", action.name()),
                decision: DecisionRecord::new(story),
            })
            .collect(),
    };
    serde_json::to_writer_pretty(&mut *out, &document).map_err(io::Error::from)?;
    writeln!(out)
}

#[derive(Serialize)]
struct Document<'e> {
    schema_version: u32,
    #[serde(flatten)]
    story: Story<'e>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    each_default_action: Vec<UnderRecord<'e>>,
}

#[derive(Serialize)]
struct UnderRecord<'e> {
    default_action: String,
    #[serde(flatten)]
    decision: DecisionRecord<'e>,
}

#[derive(Serialize)]
struct Story<'e> {
    subject: String,
    packet: Option<u64>,
    client: Option<String>,
    server: Option<String>,
    proto: String,
    app_proto: Option<&'static str>,
    sni: Option<&'e str>,
    http_hosts: &'e [String],
    decision: DecisionRecord<'e>,
    candidates: Vec<CandidateRecord<'e>>,
    other_rules: Vec<CountRecord<'e>>,
    rest: Vec<RestRecord<'e>>,
    pitfalls: Vec<PitfallRecord<'e>>,
    why_not: Vec<WhyNotRecord<'e>>,
    packets: Vec<PacketRecord<'e>>,
    unlisted_packets: u64,
}

impl<'e> Story<'e> {
    fn new(story: &'e Explanation, sources: &Sources) -> Self {
        let flow = story.flow.as_ref();
        Self {
            subject: subject_line(story),
            packet: story.asked,
            client: story.ends.map(|[client, _]| shown(client)),
            server: story.ends.map(|[_, server]| shown(server)),
            proto: ProtocolName(story.proto).to_string(),
            app_proto: flow.and_then(|flow| flow.app_proto.name()),
            sni: flow.and_then(|flow| flow.sni.as_deref()),
            http_hosts: flow.map_or(&[], |flow| &flow.hosts),
            decision: DecisionRecord::new(story),
            candidates: story.candidates.iter().map(|c| CandidateRecord::new(c, sources)).collect(),
            other_rules: story
                .others
                .iter()
                .map(|(condition, rules)| CountRecord { condition, rules: *rules })
                .collect(),
            rest: story
                .outcome
                .rest
                .iter()
                .map(|(packets, verdict, why)| RestRecord { packets: *packets, verdict: verdict.name(), why })
                .collect(),
            pitfalls: story
                .pitfalls
                .iter()
                .map(|pitfall| PitfallRecord { id: pitfall.id, title: pitfall.title, text: &pitfall.text })
                .collect(),
            why_not: story.why_not.iter().map(|asked| WhyNotRecord::new(asked, sources)).collect(),
            packets: story.packets.iter().map(PacketRecord::new).collect(),
            unlisted_packets: story.n_unlisted,
        }
    }
}

#[derive(Serialize)]
struct DecisionRecord<'e> {
    verdict: &'static str,
    packet: u64,
    what: &'e str,
    stage: &'static str,
    by: &'e str,
    scope: &'static str,
    rule: Option<RuleRecord<'e>>,
    evidence: Vec<EvidenceRecord>,
}

impl<'e> DecisionRecord<'e> {
    fn new(story: &'e Explanation) -> Self {
        let outcome = &story.outcome;
        Self {
            verdict: outcome.verdict.name(),
            packet: outcome.frame_no,
            what: story.decider().map_or("", |packet| &packet.what),
            stage: outcome.stage.name(),
            by: &outcome.by,
            scope: if outcome.covers_flow { "flow" } else { "packet" },
            rule: outcome.rule.as_ref().map(RuleRecord::new),
            evidence: outcome.evidence.iter().map(EvidenceRecord::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct RuleRecord<'e> {
    sid: u32,
    action: &'static str,
    msg: &'e str,
    place: Option<&'e str>,
    text: &'e str,
    modelled: bool,
}

impl<'e> RuleRecord<'e> {
    fn new(rule: &'e RuleRef) -> Self {
        Self {
            sid: rule.sid,
            action: rule.action.name(),
            msg: &rule.msg,
            place: rule.place.as_deref(),
            text: &rule.text,
            modelled: rule.modelled,
        }
    }
}

#[derive(Serialize)]
struct EvidenceRecord {
    packet: u64,
    buffer: &'static str,
    bytes: String,
    len: usize,
    found: Option<String>,
    offset: Option<usize>,
}

impl EvidenceRecord {
    fn new(evidence: &Evidence) -> Self {
        let text = |bytes: &[u8]| bytes.iter().map(|&byte| readable(byte)).collect::<String>();
        let found = evidence.tried.last_found();
        Self {
            packet: evidence.frame_no,
            buffer: evidence.buffer.unwrap_or("payload"),
            bytes: text(&evidence.tried.bytes),
            len: evidence.tried.len,
            found: found.and_then(|(_, begin, end)| evidence.tried.bytes.get(begin..end)).map(text),
            offset: found.map(|(_, begin, _)| begin),
        }
    }
}

#[derive(Serialize)]
struct ReasonRecord<'e> {
    condition: &'static str,
    option: Option<u16>,
    written: &'e str,
    place: Option<String>,
    found: &'e str,
}

impl<'e> ReasonRecord<'e> {
    fn new(reason: &'e Reason, sources: &Sources) -> Self {
        Self {
            condition: reason.condition.name(),
            option: match reason.condition {
                Condition::Option(option) | Condition::Direction(Some(option)) => Some(option),
                _ => None,
            },
            written: &reason.written,
            place: reason.span.map(|span| sources.location(span).to_string()),
            found: &reason.found,
        }
    }
}

#[derive(Serialize)]
struct CandidateRecord<'e> {
    packet: u64,
    rule: RuleRecord<'e>,
    reason: ReasonRecord<'e>,
}

impl<'e> CandidateRecord<'e> {
    fn new(candidate: &'e Candidate, sources: &Sources) -> Self {
        Self {
            packet: candidate.frame_no,
            rule: RuleRecord::new(&candidate.rule),
            reason: ReasonRecord::new(&candidate.reason, sources),
        }
    }
}

#[derive(Serialize)]
struct CountRecord<'e> {
    condition: &'e str,
    rules: usize,
}

#[derive(Serialize)]
struct RestRecord<'e> {
    packets: u64,
    verdict: &'static str,
    why: &'e str,
}

#[derive(Serialize)]
struct PitfallRecord<'e> {
    id: &'static str,
    title: &'static str,
    text: &'e str,
}

#[derive(Serialize)]
struct WhyNotRecord<'e> {
    rule: RuleRecord<'e>,
    matched: bool,
    closest: Option<WhyNotPacketRecord<'e>>,
    packets: Vec<WhyNotPacketRecord<'e>>,
}

#[derive(Serialize)]
struct WhyNotPacketRecord<'e> {
    packet: u64,
    result: &'static str,
    reason: Option<ReasonRecord<'e>>,
    by: Option<&'e str>,
}

impl<'e> WhyNotRecord<'e> {
    fn new(asked: &'e WhyNot, sources: &Sources) -> Self {
        let failed = |packet: u64, reason: &'e Reason| WhyNotPacketRecord {
            packet,
            result: "failed",
            reason: Some(ReasonRecord::new(reason, sources)),
            by: None,
        };
        let record = |packet: &'e WhyNotPacket| match packet {
            WhyNotPacket::Failed(number, reason) => failed(*number, reason),
            WhyNotPacket::Matched(number, fate) => {
                WhyNotPacketRecord { packet: *number, result: fate_word(*fate), reason: None, by: None }
            }
            WhyNotPacket::NotLookedAt(number, by) => {
                WhyNotPacketRecord { packet: *number, result: "not looked at", reason: None, by: Some(by) }
            }
        };
        Self {
            rule: RuleRecord::new(&asked.rule),
            matched: asked.matched(),
            closest: asked.closest.as_ref().map(|(number, reason)| failed(*number, reason)),
            packets: asked.packets.iter().map(record).collect(),
        }
    }
}

fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Acted => "matched",
        Fate::BehindPass => "matched behind a pass",
        Fate::Held => "held back by its threshold",
    }
}

#[derive(Serialize)]
struct PacketRecord<'e> {
    packet: u64,
    direction: Option<&'static str>,
    what: &'e str,
    verdict: &'static str,
    stage: &'static str,
    by: &'e str,
    stateless: Option<StatelessRecord<'e>>,
    events: Vec<String>,
    matched: Vec<MatchedRecord<'e>>,
}

impl<'e> PacketRecord<'e> {
    fn new(packet: &'e PacketStory) -> Self {
        Self {
            packet: packet.frame_no,
            direction: packet.direction.map(crate::verdict::Direction::name),
            what: &packet.what,
            verdict: packet.decision.verdict.name(),
            stage: packet.decision.stage.name(),
            by: &packet.by,
            stateless: packet.stateless.as_ref().map(|stateless| StatelessRecord {
                action: stateless.action,
                by: &stateless.by,
                tried: stateless.tried,
                misses: stateless
                    .misses
                    .iter()
                    .map(|miss| StatelessMissRecord {
                        rule: &miss.rule,
                        place: &miss.place,
                        attribute: &miss.attribute,
                        found: &miss.found,
                    })
                    .collect(),
            }),
            events: packet.events.iter().map(event_text).collect(),
            matched: packet.matched.iter().map(MatchedRecord::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct StatelessRecord<'e> {
    action: &'static str,
    by: &'e str,
    tried: usize,
    misses: Vec<StatelessMissRecord<'e>>,
}

#[derive(Serialize)]
struct StatelessMissRecord<'e> {
    rule: &'e str,
    place: &'e str,
    attribute: &'e str,
    found: &'e str,
}

#[derive(Serialize)]
struct MatchedRecord<'e> {
    rule: RuleRecord<'e>,
    result: &'static str,
    evidence: Vec<EvidenceRecord>,
}

impl<'e> MatchedRecord<'e> {
    fn new(matched: &'e Matched) -> Self {
        Self {
            rule: RuleRecord::new(&matched.rule),
            result: fate_word(matched.fate),
            evidence: matched.evidence.iter().map(EvidenceRecord::new).collect(),
        }
    }
}
