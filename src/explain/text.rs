//! The story for a terminal.

use super::question::shown;
use super::reason::{Reason, quoted, readable};
use super::story::{
    Candidate, Evidence, Explanation, Fate, FlowEvent, Matched, PacketStory, RuleRef, StatelessStory, WhyNot,
    WhyNotPacket,
};
use crate::app::AppProto;
use crate::policy::model::DefaultAction;
use crate::report::layout::{DIM, DROP, HEADING, PASS, Style, WARN, WIDTH, printable, wrap};
use crate::report::names::ProtocolName;
use crate::report::units::counted;
use crate::source::Sources;
use crate::verdict::{Cause, Direction, RuleAction, Verdict};
use std::io::{self, Write};

/// Writes the story. `sources` are the files that conditions stand in.
pub fn write(out: &mut dyn Write, story: &Explanation, sources: &Sources) -> io::Result<()> {
    let page = Page { sources };
    head(out, story)?;
    packets(out, story)?;
    page.decision(out, story)?;
    for asked in &story.why_not {
        page.why_not(out, asked)?;
    }
    if !story.pitfalls.is_empty() {
        writeln!(out, "\n{HEADING}Known traps{HEADING:#}")?;
        for pitfall in &story.pitfalls {
            writeln!(out, "  {WARN}{}{WARN:#}", pitfall.title)?;
            paragraph(out, 4, &pitfall.text, DIM)?;
        }
    }
    Ok(())
}

/// What would happen under each of some default actions.
pub fn write_under(out: &mut dyn Write, stories: &[(DefaultAction, Explanation)]) -> io::Result<()> {
    if !stories.is_empty() {
        writeln!(out, "\n{HEADING}Under each default action, in strict order{HEADING:#}")?;
    }
    for (action, story) in stories {
        let style = style(story.outcome.verdict);
        let verdict = story.outcome.verdict.name();
        writeln!(out, "  {:<40} {style}{verdict}{style:#}", format!("aws:{}", action.name()))?;
        paragraph(out, 4, &decided_line(story), Style::new())?;
    }
    Ok(())
}

struct Page<'s> {
    sources: &'s Sources,
}

impl Page<'_> {
    fn decision(&self, out: &mut dyn Write, story: &Explanation) -> io::Result<()> {
        let outcome = &story.outcome;
        writeln!(out, "\n{HEADING}Decision{HEADING:#}")?;
        paragraph(out, 2, &decision_line(story), Style::new())?;
        if let Some(rule) = &outcome.rule {
            paragraph(out, 4, &rule.text, DIM)?;
        }
        for evidence in &outcome.evidence {
            paragraph(out, 4, &evidence_line(evidence), Style::new())?;
        }
        if let Some(stateless) = story.decider().and_then(|packet| packet.stateless.as_ref()) {
            stateless_stage(out, stateless)?;
        }
        if !story.candidates.is_empty() {
            let decided = outcome.cause != Cause::NoRule;
            let at =
                if decided { format!("at packet {}", outcome.frame_no) } else { "anywhere in the flow".to_owned() };
            writeln!(out, "  Stateful rules that did not match {at}, in order of evaluation:")?;
            let n = story.candidates.len();
            for candidate in &story.candidates {
                self.candidate(out, candidate, outcome.rule.as_ref(), n)?;
            }
        }
        if story.n_others() > 0 {
            let by: Vec<String> = story.others.iter().map(|(what, n)| format!("{n} by {what}")).collect();
            paragraph(out, 4, &format!("and {} more: {}", story.n_others(), by.join(", ")), DIM)?;
        }
        for (n, verdict, why) in &outcome.rest {
            let style = style(*verdict);
            let (count, verdict) = (counted(*n, "packet"), verdict.name());
            writeln!(out, "  after it {count}: {style}{verdict}{style:#}, {}", printable(why))?;
        }
        Ok(())
    }

    fn candidate(
        &self,
        out: &mut dyn Write,
        candidate: &Candidate,
        decider: Option<&RuleRef>,
        n: usize,
    ) -> io::Result<()> {
        let RuleRef { name, action, .. } = &candidate.rule;
        let behind = n > 1 && decider.is_some_and(|decider| decider.id < candidate.rule.id);
        let mark = if behind { ", behind it" } else { "" };
        writeln!(out, "    {}  {DIM}{}{mark}{DIM:#}", printable(name), action.name())?;
        paragraph(out, 6, &self.reason(&candidate.reason), Style::new())
    }

    /// A reason in one line.
    fn reason(&self, reason: &Reason) -> String {
        let Reason { written, found, span, .. } = reason;
        if written.is_empty() {
            return found.clone();
        }
        let place = span.map(|span| self.sources.location(span));
        let at = place.map(|place| format!(" ({}:{}:{})", place.file, place.line, place.column)).unwrap_or_default();
        match reason.condition {
            super::Condition::Option(_) | super::Condition::Direction(_) => format!("`{written}`{at}: {found}"),
            condition => format!("{} `{written}`{at}: {found}", condition.name()),
        }
    }

    fn why_not(&self, out: &mut dyn Write, asked: &WhyNot) -> io::Result<()> {
        let name = printable(&asked.rule.name);
        if asked.matched() {
            writeln!(out, "\n{HEADING}{name} does match{HEADING:#}")?;
        } else {
            writeln!(out, "\n{HEADING}Why not {name}{HEADING:#}")?;
        }
        paragraph(out, 2, &asked.rule.text, DIM)?;
        if let Some((frame_no, reason)) = &asked.closest {
            paragraph(out, 2, &format!("closest at packet {frame_no}: {}", self.reason(reason)), HEADING)?;
        }
        for (from, to, packet) in asked.runs() {
            let numbers = if from == to { format!("packet {from}") } else { format!("packets {from}–{to}") };
            paragraph(out, 4, &format!("{numbers}: {}", self.why_not_packet(packet)), Style::new())?;
        }
        Ok(())
    }

    fn why_not_packet(&self, packet: &WhyNotPacket) -> String {
        match packet {
            WhyNotPacket::Failed(_, reason) => self.reason(reason),
            WhyNotPacket::Matched(_, fate) => format!("it matches{}", fate_text(*fate)),
            WhyNotPacket::NotLookedAt(_, by) => format!("no rule looks at it: {by}"),
        }
    }
}

fn head(out: &mut dyn Write, story: &Explanation) -> io::Result<()> {
    let style = style(story.outcome.verdict);
    let what = subject_line(story);
    let name = story.outcome.verdict.name();
    let asked = story.asked.map(|number| format!("packet {number} of ")).unwrap_or_default();
    writeln!(out, "{style}{name:<6}{style:#}  {HEADING}{asked}{}{HEADING:#}", printable(&what))?;
    paragraph(out, 8, &decided_line(story), Style::new())
}

fn packets(out: &mut dyn Write, story: &Explanation) -> io::Result<()> {
    writeln!(out, "\n{HEADING}Packets{HEADING:#}")?;
    let mut rest = story.packets.as_slice();
    while let Some(first) = rest.first() {
        let same = |other: &&PacketStory| {
            is_quiet(other, story) && (other.decision.verdict, &other.by) == (first.decision.verdict, &first.by)
        };
        let n = if is_quiet(first, story) { rest.iter().take_while(same).count() } else { 1 };
        let n = n.max(1);
        match rest.get(n - 1) {
            Some(last) if n > 2 => {
                let numbers = format!("{}–{}", first.frame_no, last.frame_no);
                packet_line(out, &numbers, " ", &counted(n as u64, "packet"), first)?;
            }
            _ => {
                for packet in rest.iter().take(n) {
                    packet_lines(out, packet)?;
                }
            }
        }
        rest = rest.get(n..).unwrap_or_default();
    }
    if story.n_unlisted > 0 {
        writeln!(out, "  and {} like the last", counted(story.n_unlisted, "packet"))?;
    }
    Ok(())
}

fn packet_line(out: &mut dyn Write, number: &str, arrow: &str, what: &str, packet: &PacketStory) -> io::Result<()> {
    let style = style(packet.decision.verdict);
    let verdict = packet.decision.verdict.name();
    let by = match packet.decision.cause {
        Cause::FlowPassed(_) => format!("flow passed by {}", packet.by),
        Cause::FlowDropped(Some(_)) => format!("flow condemned by {}", packet.by),
        _ => packet.by.clone(),
    };
    writeln!(out, "  {number:>7} {arrow} {what:<22} {style}{verdict:<6}{style:#} {DIM}{}{DIM:#}", printable(&by))
}

fn packet_lines(out: &mut dyn Write, packet: &PacketStory) -> io::Result<()> {
    let arrow = match packet.direction {
        Some(Direction::ToServer) => "→",
        Some(Direction::ToClient) => "←",
        None => " ",
    };
    packet_line(out, &packet.frame_no.to_string(), arrow, &printable(&packet.what), packet)?;
    let events: Vec<String> = packet.events.iter().filter(|event| !is_verdict(event)).map(event_text).collect();
    if !events.is_empty() {
        paragraph(out, 12, &events.join("; "), Style::new())?;
    }
    for matched in &packet.matched {
        paragraph(out, 12, &matched_line(matched), Style::new())?;
    }
    Ok(())
}

fn stateless_stage(out: &mut dyn Write, story: &StatelessStory) -> io::Result<()> {
    const SHOWN: usize = 8;
    paragraph(out, 2, &format!("Stateless stage: {} by {}", story.action, story.by), Style::new())?;
    for miss in story.misses.iter().take(SHOWN) {
        let text = format!("{} ({}) no: {}, and {}", miss.rule, miss.place, miss.attribute, miss.found);
        paragraph(out, 4, &text, DIM)?;
    }
    if story.tried > SHOWN {
        writeln!(out, "    {DIM}and {} more{DIM:#}", story.tried - SHOWN)?;
    }
    Ok(())
}

/// Text in lines, indented; user text in it is made printable.
fn paragraph(out: &mut dyn Write, indent: usize, text: &str, style: Style) -> io::Result<()> {
    for line in wrap(&printable(text), WIDTH.saturating_sub(indent)) {
        writeln!(out, "{:indent$}{style}{line}{style:#}", "")?;
    }
    Ok(())
}

fn style(verdict: Verdict) -> Style {
    if verdict == Verdict::Pass { PASS } else { DROP }
}

/// Nothing happens at it.
pub(super) fn is_quiet(packet: &PacketStory, story: &Explanation) -> bool {
    packet.events.is_empty()
        && packet.matched.is_empty()
        && story.asked != Some(packet.frame_no)
        && story.outcome.frame_no != packet.frame_no
}

/// What the matched rule's line says as well.
pub(super) fn is_verdict(event: &FlowEvent) -> bool {
    matches!(event, FlowEvent::Passed(_) | FlowEvent::Condemned(_))
}

/// Who talks to whom, and about what.
pub(super) fn subject_line(story: &Explanation) -> String {
    let ends = story.ends.map(|[from, to]| format!("{} → {}", shown(from), shown(to)));
    let mut parts = vec![ends.unwrap_or_else(|| "a packet without IP".to_owned())];
    if story.ends.is_some() {
        parts.push(ProtocolName(story.proto).to_string());
    }
    if let Some(flow) = &story.flow {
        parts.extend(flow.app_proto.name().map(str::to_owned));
        parts.extend(flow.sni.clone());
        parts.extend(flow.hosts.first().cloned());
    }
    parts.join("  ")
}

/// Who decided, at which packet.
pub(super) fn decided_line(story: &Explanation) -> String {
    let outcome = &story.outcome;
    let what = story.decider().map_or("", |packet| packet.what.as_str());
    match outcome.cause {
        Cause::NoRule => "no rule decided about it".to_owned(),
        _ => {
            let msg = outcome.rule.as_ref().filter(|rule| !rule.msg.is_empty() && !rule.modelled);
            let msg = msg.map(|rule| format!("  {}", rule.msg)).unwrap_or_default();
            format!("packet {} ({what}): {}{msg}", outcome.frame_no, outcome.by)
        }
    }
}

/// What the decision covers.
pub(super) fn decision_line(story: &Explanation) -> String {
    let outcome = &story.outcome;
    let scope = if outcome.covers_flow { "the whole flow" } else { "this packet alone" };
    match (&outcome.rule, outcome.cause) {
        (Some(rule), _) => {
            let verb = match rule.action {
                RuleAction::Pass => "passes",
                RuleAction::Drop => "drops",
                RuleAction::Reject => "rejects",
                RuleAction::Alert => "reports",
            };
            format!("{} {verb} {scope} at packet {}", rule.name, outcome.frame_no)
        }
        (None, Cause::NoRule) => {
            "no rule matched that passes or drops, and there is no default action for it: it passes".to_owned()
        }
        (None, _) => format!("{} decides about {scope} at packet {}", outcome.by, outcome.frame_no),
    }
}

/// A rule that matched, and by which bytes.
pub(super) fn matched_line(matched: &Matched) -> String {
    let evidence: Vec<String> = matched.evidence.iter().map(evidence_line).collect();
    let by = if evidence.is_empty() { String::new() } else { format!(": {}", evidence.join("; ")) };
    format!("{} matches ({}{}){by}", matched.rule.name, matched.rule.action.name(), fate_text(matched.fate))
}

pub(super) fn fate_text(fate: Fate) -> &'static str {
    match fate {
        Fate::Acted => "",
        Fate::BehindPass => ", but a pass comes first and ends the walk",
        Fate::Held => ", held back by its threshold",
    }
}

/// The bytes that were found, in their buffer.
pub(super) fn evidence_line(evidence: &Evidence) -> String {
    let name = evidence.buffer.unwrap_or("payload");
    let whole = quoted(&evidence.tried);
    match evidence.tried.last_found().and_then(|(_, begin, end)| evidence.tried.bytes.get(begin..end)) {
        Some(found) if found.len() < evidence.tried.len => {
            let found: String = found.iter().map(|&byte| readable(byte)).collect();
            format!("found `{found}` in {name} {whole}")
        }
        _ => format!("{name} is {whole}"),
    }
}

/// An event in a few words.
pub(super) fn event_text(event: &FlowEvent) -> String {
    match event {
        FlowEvent::Created(id) => format!("flow {id} begins"),
        FlowEvent::State(state) => format!("flow {state}"),
        FlowEvent::Tcp(state) => format!("TCP {state}"),
        FlowEvent::Speaks(direction, proto) => {
            let side = if *direction == Direction::ToServer { "client" } else { "server" };
            match proto {
                AppProto::Failed => format!("what the {side} speaks is not recognised"),
                AppProto::Unknown => format!("what the {side} speaks is open again"),
                proto => format!("the {side} speaks {}", proto.name().unwrap_or("an unknown protocol")),
            }
        }
        FlowEvent::HelloRead => "ClientHello complete".to_owned(),
        FlowEvent::Sni(name) => format!("server name {name}"),
        FlowEvent::Host(name) => format!("host {name}"),
        FlowEvent::Odd(what) => format!("odd: {what}"),
        FlowEvent::Passed(_) => "the flow is passed".to_owned(),
        FlowEvent::Condemned(_) => "the flow is condemned".to_owned(),
        FlowEvent::Exception => "an exception policy decides on the flow".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::layout::width;

    #[test]
    fn paragraphs_keep_to_the_width() {
        let mut out = Vec::new();
        paragraph(&mut out, 4, &"word ".repeat(60), Style::new()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.starts_with("    word") && width(line) <= WIDTH));
    }
}
