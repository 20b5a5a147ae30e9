//! What is expected of a case's flows.

use super::super::code;
use super::super::model::{By, Expectation, Wanted};
use super::tools::{Tools, items};
use crate::policy::value::Node;
use crate::report::Selection;
use crate::source::Spanned;
use crate::verdict::Verdict;

pub(super) const KEYS: [&str; 7] = ["where", "verdict", "by", "on", "flows", "alerts", "packets"];

/// One expectation or a list; a word alone is the verdict on every flow.
pub(super) fn expectations(tools: &mut Tools, node: &Node) -> Vec<Expectation> {
    items(node).iter().filter_map(|node| expectation(tools, node)).collect()
}

fn expectation(tools: &mut Tools, node: &Node) -> Option<Expectation> {
    let mut made = Expectation::at(node.span);
    if node.as_text().is_some() {
        made.verdict = verdict(tools, node);
        return made.verdict.is_some().then_some(made);
    }
    let before = tools.problems.len();
    if tools.members(node, "an expectation", &KEYS).is_empty() {
        return None;
    }
    if let Some(node) = node.get("where") {
        made.selection = selection(tools, node);
    }
    made.verdict = node.get("verdict").and_then(|node| verdict(tools, node));
    made.by = node.get("by").map(|node| by(tools, node)).unwrap_or_default();
    made.on = node.get("on").and_then(|node| tools.text(node));
    made.flows = node.get("flows").and_then(|node| tools.number(node));
    if let Some(node) = node.get("alerts") {
        made.alerts = alerts(tools, node);
    }
    if let Some(node) = node.get("packets") {
        made.packets = packets(tools, node);
    }
    let says = made.verdict.is_some()
        || !made.by.is_empty()
        || made.on.is_some()
        || made.flows.is_some()
        || !made.alerts.is_empty()
        || !made.packets.is_empty();
    if !says && tools.problems.len() == before {
        let help = "beside `where` stand verdict, by, on, flows, alerts, packets";
        tools.wrong(code::CONTRADICTION, "the expectation expects nothing", node.span, help);
    }
    says.then_some(made)
}

fn verdict(tools: &mut Tools, node: &Node) -> Option<Spanned<Wanted>> {
    let text = tools.text(node)?;
    let wanted = Wanted::from_name(&text.value);
    if wanted.is_none() {
        let help = format!("write one of {}", Wanted::WORDS.join(", "));
        tools.wrong(code::VALUE, format!("`{}` is no verdict", text.value), text.span, help);
    }
    wanted.map(|wanted| Spanned::new(wanted, text.span))
}

/// Who may have decided: a sid, or words.
pub(super) fn by(tools: &mut Tools, node: &Node) -> Vec<Spanned<By>> {
    let texts = tools.texts(node);
    let read = |text: Spanned<String>| {
        let sid = text.value.strip_prefix("sid ").unwrap_or(&text.value).trim().parse();
        Spanned::new(sid.map_or_else(|_| By::Words(text.value.clone()), By::Sid), text.span)
    };
    texts.into_iter().map(read).collect()
}

fn selection(tools: &mut Tools, node: &Node) -> Selection {
    let mut selection = Selection::default();
    if node.as_text().is_some() {
        if let Some(text) = tools.text(node) {
            match Selection::parse(&text.value) {
                Ok(parsed) => selection = parsed,
                Err(why) => tools.wrong(code::VALUE, why, text.span, "write `where: {sni: NAME, dport: PORT}`"),
            }
        }
        return selection;
    }
    let words: Vec<&str> = Selection::words().collect();
    for (key, value) in
        tools.members(node, "`where`", &words).iter().filter(|(key, _)| words.contains(&key.value.as_str()))
    {
        for text in tools.texts(value) {
            if let Err(why) = selection.add(&key.value, &text.value) {
                tools.wrong(code::VALUE, why, text.span, "see docs/suites.md for what may stand here");
            }
        }
    }
    selection
}

/// A number for all rules, or numbers by sid.
fn alerts(tools: &mut Tools, node: &Node) -> Vec<(Option<u32>, Spanned<u64>)> {
    let Some(members) = node.as_map() else {
        return tools.number(node).map(|number| (None, number)).into_iter().collect();
    };
    let mut alerts = Vec::new();
    for (key, value) in members {
        match key.value.parse() {
            Ok(sid) => alerts.extend(tools.number(value).map(|number| (Some(sid), number))),
            Err(_) => tools.wrong(code::VALUE, format!("`{}` is no sid", key.value), key.span, "write `SID: NUMBER`"),
        }
    }
    alerts
}

fn packets(tools: &mut Tools, node: &Node) -> Vec<(Verdict, Spanned<u64>)> {
    let fates = [("passed", Verdict::Pass), ("dropped", Verdict::Drop), ("rejected", Verdict::Reject)];
    let mut packets = Vec::new();
    for (key, value) in tools.members(node, "`packets`", &fates.map(|(name, _)| name)) {
        if let Some((_, verdict)) = fates.into_iter().find(|(name, _)| *name == key.value) {
            packets.extend(tools.number(value).map(|number| (verdict, number)));
        }
    }
    packets
}
