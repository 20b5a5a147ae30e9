//! The story as one page that needs nothing else: for a ticket, or to print.

use super::reason::{Condition, Reason};
use super::story::{Candidate, Explanation, PacketStory, WhyNot, WhyNotPacket};
use super::text::{
    decided_line, decision_line, event_text, evidence_line, fate_text, is_quiet, is_verdict, matched_line, subject_line,
};
use crate::policy::model::DefaultAction;
use crate::report::layout::printable;
use crate::report::units::counted;
use crate::source::Sources;
use crate::verdict::{Cause, Direction, Verdict};
use std::io::{self, Write};

/// Writes the page. `policy` is a line that says which policy was asked.
pub fn write(
    out: &mut dyn Write,
    story: &Explanation,
    under: &[(DefaultAction, Explanation)],
    sources: &Sources,
    policy: &str,
) -> io::Result<()> {
    let outcome = &story.outcome;
    let (class, verdict) = (class(outcome.verdict), outcome.verdict.name());
    let subject = escaped(&subject_line(story));
    writeln!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">")?;
    writeln!(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(out, "<title>{verdict}: {subject}</title>\n<style>{STYLE}</style></head><body><main>")?;
    writeln!(out, "<header><span class=\"verdict {class}\">{verdict}</span><h1>{subject}</h1>")?;
    writeln!(out, "<p>{}</p><p class=\"dim\">{}</p></header>", escaped(&decided_line(story)), escaped(policy))?;

    if !story.pitfalls.is_empty() {
        writeln!(out, "<section class=\"traps\"><h2>Known traps</h2><dl>")?;
        for pitfall in &story.pitfalls {
            writeln!(out, "<dt>{}</dt><dd>{}</dd>", escaped(pitfall.title), marked(&pitfall.text))?;
        }
        writeln!(out, "</dl></section>")?;
    }

    writeln!(out, "<section><h2>Decision</h2><p>{}</p>", escaped(&decision_line(story)))?;
    if let Some(rule) = &outcome.rule {
        writeln!(out, "<pre>{}</pre>", escaped(&rule.text))?;
    }
    for evidence in &outcome.evidence {
        writeln!(out, "<p>{}</p>", marked(&evidence_line(evidence)))?;
    }
    if let Some(stateless) = story.decider().and_then(|packet| packet.stateless.as_ref()) {
        writeln!(out, "<p>Stateless stage: {} by {}</p>", stateless.action, escaped(&stateless.by))?;
        if !stateless.misses.is_empty() {
            writeln!(out, "<table><tr><th>tried in vain</th><th>condition</th><th>packet</th></tr>")?;
            for miss in stateless.misses.iter().take(STATELESS_SHOWN) {
                let (rule, place) = (escaped(&miss.rule), escaped(&miss.place));
                let (attribute, found) = (escaped(&miss.attribute), escaped(&miss.found));
                writeln!(out, "<tr><td>{rule} <small>{place}</small></td><td>{attribute}</td><td>{found}</td></tr>")?;
            }
            writeln!(out, "</table>")?;
        }
    }
    for (n, verdict, why) in &outcome.rest {
        let (count, class, verdict) = (counted(*n, "packet"), self::class(*verdict), verdict.name());
        writeln!(out, "<p>After it {count}: <b class=\"{class}\">{verdict}</b>, {}</p>", escaped(why))?;
    }
    writeln!(out, "</section>")?;

    candidates(out, story, sources)?;
    for asked in &story.why_not {
        why_not(out, asked, sources)?;
    }
    packets(out, story)?;

    if !under.is_empty() {
        writeln!(out, "<section><h2>Under each default action, in strict order</h2><table>")?;
        for (action, story) in under {
            let (class, verdict) = (self::class(story.outcome.verdict), story.outcome.verdict.name());
            let (name, by) = (action.name(), escaped(&decided_line(story)));
            writeln!(out, "<tr><td>aws:{name}</td><td><b class=\"{class}\">{verdict}</b></td><td>{by}</td></tr>")?;
        }
        writeln!(out, "</table></section>")?;
    }
    writeln!(out, "</main></body></html>")
}

/// Stateless rules in the table.
const STATELESS_SHOWN: usize = 20;

fn candidates(out: &mut dyn Write, story: &Explanation, sources: &Sources) -> io::Result<()> {
    if story.candidates.is_empty() {
        return Ok(());
    }
    let here = story.candidates.iter().all(|candidate| candidate.frame_no == story.outcome.frame_no);
    let at = if here { format!("at packet {}", story.outcome.frame_no) } else { "anywhere in the flow".to_owned() };
    writeln!(out, "<section><h2>Rules that did not match {at}, in order of evaluation</h2><table>")?;
    writeln!(out, "<tr><th>rule</th><th></th><th>first condition that failed</th><th>what there was</th></tr>")?;
    for Candidate { rule, reason, .. } in &story.candidates {
        let (name, action) = (escaped(&rule.name), rule.action.name());
        let (condition, found) = (condition(reason, sources), marked(&reason.found));
        writeln!(out, "<tr><td>{name}</td><td class=\"n\">{action}</td><td>{condition}</td><td>{found}</td></tr>")?;
    }
    writeln!(out, "</table>")?;
    if story.n_others() > 0 {
        let by: Vec<String> = story.others.iter().map(|(what, n)| format!("{n} by {what}")).collect();
        writeln!(out, "<p class=\"dim\">and {} more: {}</p>", story.n_others(), escaped(&by.join(", ")))?;
    }
    writeln!(out, "</section>")
}

fn why_not(out: &mut dyn Write, asked: &WhyNot, sources: &Sources) -> io::Result<()> {
    let name = escaped(&asked.rule.name);
    let heading = if asked.matched() { format!("{name} does match") } else { format!("Why not {name}") };
    writeln!(out, "<section><h2>{heading}</h2><pre>{}</pre><table>", escaped(&asked.rule.text))?;
    let closest = asked.closest.as_ref().map(|(number, _)| *number);
    for (from, to, packet) in asked.runs() {
        let (condition, found) = match packet {
            WhyNotPacket::Failed(_, reason) => (condition(reason, sources), marked(&reason.found)),
            WhyNotPacket::Matched(_, fate) => ("it matches".to_owned(), escaped(fate_text(*fate))),
            WhyNotPacket::NotLookedAt(_, by) => ("no rule looks at it".to_owned(), escaped(by)),
        };
        let class = if closest.is_some_and(|at| (from..=to).contains(&at)) { " class=\"close\"" } else { "" };
        let numbers = if from == to { from.to_string() } else { format!("{from}–{to}") };
        writeln!(out, "<tr{class}><td class=\"n\">{numbers}</td><td>{condition}</td><td>{found}</td></tr>")?;
    }
    writeln!(out, "</table></section>")
}

fn packets(out: &mut dyn Write, story: &Explanation) -> io::Result<()> {
    writeln!(out, "<section><h2>Packets</h2><table>")?;
    let mut rest = story.packets.as_slice();
    while let Some(first) = rest.first() {
        let same = |other: &&PacketStory| {
            is_quiet(other, story) && (other.decision.verdict, &other.by) == (first.decision.verdict, &first.by)
        };
        let n = rest.iter().take_while(same).count().max(1);
        let last = rest.get(n - 1).unwrap_or(first);
        if n > 2 && is_quiet(first, story) {
            let numbers = format!("{}–{}", first.frame_no, last.frame_no);
            packet_row(out, story, first, &numbers, &counted(n as u64, "packet"))?;
        } else {
            for packet in rest.iter().take(n) {
                packet_row(out, story, packet, &packet.frame_no.to_string(), &packet.what)?;
            }
        }
        rest = rest.get(n..).unwrap_or_default();
    }
    writeln!(out, "</table>")?;
    if story.n_unlisted > 0 {
        writeln!(out, "<p class=\"dim\">and {} like the last</p>", counted(story.n_unlisted, "packet"))?;
    }
    writeln!(out, "</section>")
}

fn packet_row(
    out: &mut dyn Write,
    story: &Explanation,
    packet: &PacketStory,
    number: &str,
    what: &str,
) -> io::Result<()> {
    let arrow = match packet.direction {
        _ if number.contains('–') => "",
        Some(Direction::ToServer) => "→",
        Some(Direction::ToClient) => "←",
        None => "",
    };
    let (class, verdict) = (class(packet.decision.verdict), packet.decision.verdict.name());
    let by = match packet.decision.cause {
        Cause::FlowPassed(_) => format!("flow passed by {}", packet.by),
        Cause::FlowDropped(Some(_)) => format!("flow condemned by {}", packet.by),
        _ => packet.by.clone(),
    };
    let events = packet.events.iter().filter(|event| !is_verdict(event)).map(event_text);
    let lines: Vec<String> = events.chain(packet.matched.iter().map(matched_line)).map(|line| marked(&line)).collect();
    let is_decider = packet.frame_no == story.outcome.frame_no;
    let row = if is_decider { " class=\"close\"" } else { "" };
    write!(out, "<tr{row}><td class=\"n\">{number}</td><td>{arrow}</td><td>{}", escaped(what))?;
    for line in lines {
        write!(out, "<div class=\"dim\">{line}</div>")?;
    }
    writeln!(out, "</td><td><b class=\"{class}\">{verdict}</b></td><td>{}</td></tr>", escaped(&by))
}

/// A condition as it is written, and where.
fn condition(reason: &Reason, sources: &Sources) -> String {
    let place = reason.span.map(|span| format!(" <small>{}</small>", escaped(&sources.location(span).to_string())));
    let word = match reason.condition {
        Condition::Option(_) | Condition::Direction(_) | Condition::None | Condition::Order => "",
        condition => condition.name(),
    };
    match reason.written.as_str() {
        "" => String::new(),
        written => format!("{word} <code>{}</code>{}", escaped(written), place.unwrap_or_default()),
    }
}

fn class(verdict: Verdict) -> &'static str {
    if verdict == Verdict::Pass { "pass" } else { "drop" }
}

/// Text for a page: nothing in a packet or policy is markup.
fn escaped(text: &str) -> String {
    printable(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The same, and what stands between backticks is code.
fn marked(text: &str) -> String {
    let parts = text.split('`').map(escaped).enumerate();
    parts.map(|(number, part)| if number % 2 == 0 { part } else { format!("<code>{part}</code>") }).collect()
}

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#d8d8d4;--dim:#6b6b66;--code:#f2f1ec;--pass:#1a7f43;--drop:#b3261e;--trap:#fff6dd}\
@media(prefers-color-scheme:dark){:root{--line:#3b3b38;--dim:#a3a39b;--code:#2b2b28;--pass:#5fd38d;--drop:#ff8a80;--trap:#3a3320}}\
body{font:14px/1.45 system-ui,sans-serif;margin:0}main{max-width:72rem;margin:0 auto;padding:1.5rem}\
h1{font-size:1.2rem;margin:.4rem 0;overflow-wrap:anywhere}h2{font-size:1rem;margin:1.4rem 0 .4rem}p{margin:.3rem 0}\
.verdict{display:inline-block;padding:.1rem .6rem;border-radius:.3rem;color:#fff;font-weight:600}\
.verdict.pass{background:#1a7f43}.verdict.drop{background:#b3261e}b.pass{color:var(--pass)}b.drop{color:var(--drop)}\
.dim,small{color:var(--dim)}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;\
padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line);overflow-wrap:anywhere}th{font-weight:600;color:var(--dim)}\
td.n{white-space:nowrap;text-align:right;color:var(--dim);width:3.5rem}tr.close td{background:var(--code)}\
code,pre{font:12px/1.45 ui-monospace,monospace;background:var(--code);border-radius:.2rem}code{padding:0 .2rem}\
pre{padding:.5rem .7rem;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}\
.traps{background:var(--trap);padding:.1rem .9rem .6rem;border-radius:.3rem;margin-top:1rem}\
.traps h2{margin-top:.6rem}dt{font-weight:600}dd{margin:0 0 .4rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_packet_is_markup() {
        assert_eq!(marked("host `<script>` & \"x\""), "host <code>&lt;script&gt;</code> &amp; &quot;x&quot;");
    }
}
