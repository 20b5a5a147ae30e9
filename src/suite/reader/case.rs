//! Cases: captures, conversations, and tables of names.

use super::super::code;
use super::super::model::{By, Case, Expectation, Traffic, Wanted};
use super::expect;
use super::tools::{Tools, items};
use crate::policy::value::Node;
use crate::source::{Span, Spanned};
use crate::synth::{Shorthand, WORDS};

/// The keys of a case beside the words of conversations.
pub(super) const KEYS: [&str; 11] =
    ["name", "capture", "decapsulate", "traffic", "expect", "snapshot", "pass", "block", "schemes", "by", "skip"];

/// What a table's names are asked with when it does not say.
const SCHEME: &str = "https";

/// Words for all conversations below.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Vec<(Spanned<String>, Spanned<String>)>);

impl Words {
    pub(super) fn of(tools: &mut Tools, node: &Node, known: &[&str]) -> Self {
        let members = node.as_map().unwrap_or_default();
        let own = members.iter().filter(|(key, _)| known.contains(&key.value.as_str()));
        Self(own.filter_map(|(key, value)| Some((key.clone(), tools.text(value)?))).collect())
    }

    /// Says of a conversation what it does not say itself. `must_fit`: a word that makes no sense for it is an error.
    fn add_to(&self, tools: &mut Tools, wanted: &mut Shorthand, must_fit: bool) {
        for (key, value) in &self.0 {
            if wanted.says(&key.value) || (!must_fit && !wanted.takes(&key.value)) {
                continue;
            }
            if let Err(error) = wanted.set(&key.value, &value.value) {
                let message = format!("{} (for `{}`)", error.message, wanted.target.url);
                tools.wrong(code::CONVERSATION, message, key.span.to(value.span), error.help);
            }
        }
    }
}

/// What all conversations of a case have.
struct Talk<'a> {
    of_suite: &'a Words,
    of_case: Words,
}

impl Talk<'_> {
    fn wanted(&self, tools: &mut Tools, text: &Spanned<String>) -> Option<Shorthand> {
        match text.value.parse::<Shorthand>() {
            Ok(mut wanted) => {
                self.of_case.add_to(tools, &mut wanted, true);
                self.of_suite.add_to(tools, &mut wanted, false);
                Some(wanted)
            }
            Err(error) => {
                tools.wrong(code::CONVERSATION, error.message, text.span, error.help);
                None
            }
        }
    }
}

/// The cases that an item of `cases` is: one, or one for each name of a table.
pub(super) fn cases(tools: &mut Tools, node: &Node, of_suite: &Words) -> Vec<Case> {
    let words = WORDS.map(|(word, _)| word);
    let known: Vec<&str> = KEYS.into_iter().chain(words).collect();
    if tools.members(node, "a case", &known).is_empty() {
        return Vec::new();
    }
    if node.get("skip").is_some_and(|skip| tools.switch(skip)) {
        return Vec::new();
    }
    let kinds = ["capture", "traffic", "pass", "block"].into_iter().filter_map(|key| Some((key, node.get(key)?)));
    let kinds: Vec<(&str, &Node)> = kinds.collect();
    let name = node.get("name").and_then(|name| tools.text(name)).map(|name| name.value);
    let talk = Talk { of_suite, of_case: Words::of(tools, node, &words) };
    let start = Span { end: node.span.start, ..node.span };
    match kinds.as_slice() {
        [] => {
            let help = "write `capture: FILE`, `traffic: https://NAME`, or `pass:` and `block:` with lists of names";
            tools.wrong(code::MISSING_KEY, "the case has no traffic", start, help);
            Vec::new()
        }
        [("capture", captures)] => {
            goes_with(tools, node, "capture", &["decapsulate", "expect", "snapshot"]);
            let texts = tools.texts(captures);
            let paths = texts.iter().map(|text| tools.path_of_file(text)).collect();
            let decapsulate = node.get("decapsulate").is_some_and(|node| tools.switch(node));
            let name =
                name.unwrap_or_else(|| texts.iter().map(|text| text.value.as_str()).collect::<Vec<_>>().join(", "));
            vec![one(tools, node, name, Traffic::Captures { paths, decapsulate })]
        }
        [("traffic", traffic)] => {
            let allowed: Vec<&str> = ["expect", "snapshot"].into_iter().chain(words).collect();
            goes_with(tools, node, "traffic", &allowed);
            let texts = tools.texts(traffic);
            let wanted: Vec<Shorthand> = texts.iter().filter_map(|text| talk.wanted(tools, text)).collect();
            let name = name.unwrap_or_else(|| wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
            vec![one(tools, node, name, Traffic::Conversations(wanted))]
        }
        tables if tables.iter().all(|(key, _)| matches!(*key, "pass" | "block")) => {
            let allowed: Vec<&str> = ["pass", "block", "schemes", "by"].into_iter().chain(words).collect();
            goes_with(tools, node, "pass` and `block", &allowed);
            table(tools, node, tables, name.as_deref(), &talk)
        }
        several => {
            let keys = several.iter().map(|(key, _)| format!("`{key}`")).collect::<Vec<_>>().join(" and ");
            let message = format!("{keys} do not go together");
            tools.wrong(code::CONTRADICTION, message, start, "make a case of each");
            Vec::new()
        }
    }
}

/// Keys that mean nothing beside `kind` are wrong.
fn goes_with(tools: &mut Tools, node: &Node, kind: &str, allowed: &[&str]) {
    let known: Vec<&str> = KEYS.into_iter().chain(WORDS.map(|(word, _)| word)).collect();
    for (key, _) in node.as_map().unwrap_or_default() {
        let always = ["name", "skip", kind];
        let name = key.value.as_str();
        if known.contains(&name) && !allowed.contains(&name) && !always.contains(&name) {
            let message = format!("`{name}` does not go with `{kind}`");
            tools.wrong(
                code::CONTRADICTION,
                message,
                key.span,
                format!("beside `{kind}` stand {}", allowed.join(", ")),
            );
        }
    }
}

fn one(tools: &mut Tools, node: &Node, name: String, traffic: Traffic) -> Case {
    let before = tools.problems.len();
    let expectations = node.get("expect").map(|node| expect::expectations(tools, node)).unwrap_or_default();
    let snapshot = node.get("snapshot").and_then(|node| tools.text(node));
    let snapshot = snapshot.map(|text| Spanned::new(tools.path(&text.value), text.span));
    let start = node.as_map().and_then(|members| members.first()).map_or(node.span, |(key, _)| key.span);
    // an unknown key, or an expectation that cannot be read, may have been meant to say it
    let is_silent = tools.problems.len() == before && !has_unknown(node);
    if expectations.is_empty() && snapshot.is_none() && is_silent {
        let help = "write `expect: pass`, `expect:` with what is to hold, or `snapshot: FILE`";
        tools.wrong(code::CONTRADICTION, "the case expects nothing", start, help);
    }
    Case { name, span: start, traffic, expectations, snapshot }
}

/// Some key of the case is not known.
fn has_unknown(node: &Node) -> bool {
    let is_known = |key: &str| KEYS.contains(&key) || WORDS.iter().any(|(word, _)| *word == key);
    node.as_map().unwrap_or_default().iter().any(|(key, _)| !is_known(&key.value))
}

/// A case for every name, and every scheme it is asked with.
fn table(tools: &mut Tools, node: &Node, tables: &[(&str, &Node)], name: Option<&str>, talk: &Talk<'_>) -> Vec<Case> {
    let schemes = node.get("schemes").map(|node| tools.texts(node)).unwrap_or_default();
    let schemes: Vec<String> = schemes.into_iter().map(|scheme| scheme.value).collect();
    let schemes = if schemes.is_empty() { vec![SCHEME.to_owned()] } else { schemes };
    let by = node.get("by").map(|node| expect::by(tools, node)).unwrap_or_default();
    if let ([first, ..], [_, _, ..]) = (by.as_slice(), tables) {
        let help = "one rule hardly decides about both: make a case of each";
        tools.wrong(code::CONTRADICTION, "`by` is said of `pass` and of `block`", first.span, help);
    }
    let mut cases = Vec::new();
    for (key, names) in tables {
        let verdict = if *key == "pass" { Wanted::from_name("pass") } else { Some(Wanted::Blocked) };
        for item in items(names) {
            for (text, own_by) in entries(tools, item) {
                let urls = if text.value.contains("://") {
                    vec![text.value.clone()]
                } else {
                    schemes.iter().map(|scheme| format!("{scheme}://{}", text.value)).collect()
                };
                for url in urls {
                    let Some(wanted) = talk.wanted(tools, &Spanned::new(url, text.span)) else { continue };
                    let shown = wanted.to_string();
                    let name = name.map_or_else(|| format!("{key}: {shown}"), |name| format!("{name}: {shown}"));
                    let by = if own_by.is_empty() { by.clone() } else { own_by.clone() };
                    let verdict = verdict.map(|verdict| Spanned::new(verdict, text.span));
                    let expectation = Expectation { verdict, by, ..Expectation::at(text.span) };
                    cases.push(Case {
                        name,
                        span: text.span,
                        traffic: Traffic::Conversations(vec![wanted]),
                        expectations: vec![expectation],
                        snapshot: None,
                    });
                }
            }
        }
    }
    cases
}

/// The names of an item: a text, or a map of `names` and `by`.
fn entries(tools: &mut Tools, item: &Node) -> Vec<(Spanned<String>, Vec<Spanned<By>>)> {
    if item.as_map().is_none() {
        return tools.texts(item).into_iter().map(|text| (text, Vec::new())).collect();
    }
    tools.members(item, "an entry of the table", &["names", "by"]);
    let by = item.get("by").map(|node| expect::by(tools, node)).unwrap_or_default();
    match item.get("names") {
        Some(names) => tools.texts(names).into_iter().map(|text| (text, by.clone())).collect(),
        None => {
            tools.wrong(code::MISSING_KEY, "the entry has no names", item.span, "write `names: [NAME, …]`");
            Vec::new()
        }
    }
}
