//! Flows that tell a mutant from its policy.

use super::super::model::Traffic;
use super::super::observe::Observed;
use super::super::run::{Subject, observe};
use super::change::Change;
use crate::policy::model::Policy;
use crate::report::RuleBook;
use crate::rules::ast::{AddressExpr, PortExpr, Rule};
use crate::rules::keyword::Keyword;
use crate::synth::{HomeNet, Shorthand};
use crate::verdict::Verdict;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Asked where a rule says nothing better.
const USUAL: [&str; 9] = [
    "https://www.example.com",
    "http://www.example.com",
    "dns://www.example.com",
    "tcp://www.example.com:22",
    "tcp://www.example.com:4444",
    "udp://www.example.com:123",
    "icmp://198.51.100.7",
    "quic://www.example.com",
    "https://192.0.2.7 sni=none",
];

/// A client that is in no private network.
const OUTSIDER: &str = "192.0.2.200";

/// The line of a suite that passes with the policy and fails with the mutant, if one is found.
pub(super) fn flow(
    policy: &Policy,
    change: &Change,
    subject: Subject<'_>,
    mutant: Subject<'_>,
    mutant_home: &HomeNet,
) -> Option<String> {
    let mut same_verdict = None;
    let mut same_decider = None;
    for wanted in candidates(policy, change, mutant_home) {
        let traffic = Traffic::Conversations(vec![wanted.clone()]);
        let (Ok(was), Ok(is)) = (observe(subject, &traffic), observe(mutant, &traffic)) else { continue };
        let (Some(before), Some(after)) = (worst(&was), worst(&is)) else { continue };
        if before != after {
            return Some(line(&wanted, before.name()));
        }
        if same_verdict.is_none() && by(&was, subject.book) != by(&is, mutant.book) {
            let by = by(&was, subject.book).unwrap_or_default();
            let is_sid = by.bytes().all(|byte| byte.is_ascii_digit());
            let by = if is_sid { by } else { serde_json::Value::from(by).to_string() };
            same_verdict = Some(line(&wanted, &format!("{{ verdict: {}, by: {by} }}", before.name())));
        }
        if same_decider.is_none() {
            let (before, after) = (alerts(&was, subject.book), alerts(&is, mutant.book));
            let other = before.keys().chain(after.keys()).find(|sid| before.get(sid) != after.get(sid));
            same_decider = other
                .map(|sid| line(&wanted, &format!("{{ alerts: {{ {sid}: {} }} }}", before.get(sid).unwrap_or(&0))));
        }
    }
    same_verdict.or(same_decider)
}

/// How many alerts there are by sid.
fn alerts(observed: &Observed, book: &RuleBook) -> BTreeMap<u32, u64> {
    let mut alerts = BTreeMap::new();
    for (id, _) in observed.flows.iter().flat_map(|flow| &flow.alerts) {
        let own = book.rule(*id).filter(|rule| rule.default_action.is_none());
        *own.map_or(&mut 0, |rule| alerts.entry(rule.sid).or_default()) += 1;
    }
    alerts
}

fn worst(observed: &Observed) -> Option<Verdict> {
    observed.flows.iter().map(|flow| flow.verdict).max()
}

/// Who decided, as `by` of a suite takes it.
fn by(observed: &Observed, book: &RuleBook) -> Option<String> {
    let decided = observed.flows.iter().max_by_key(|flow| flow.verdict)?;
    let described = book.describe(decided.cause);
    let name = described.split(" (").next().unwrap_or(&described);
    Some(name.strip_prefix("sid ").unwrap_or(name).to_owned())
}

/// As an item of `cases`.
fn line(wanted: &Shorthand, expect: &str) -> String {
    format!("- {{ traffic: {}, expect: {expect} }}", serde_json::Value::from(wanted.to_string()))
}

/// Conversations that the changed rules are about, then usual ones, then the same from and to other networks.
fn candidates(policy: &Policy, change: &Change, mutant_home: &HomeNet) -> Vec<Shorthand> {
    let mut urls: Vec<String> = Vec::new();
    let group = policy.stateful.groups.get(change.group);
    let rules = change.rules.iter().filter_map(|index| group?.rules.get(*index));
    rules.for_each(|rule| of_rule(rule, &mut urls));
    urls.extend(USUAL.map(str::to_owned));
    let outsider = OUTSIDER.parse::<IpAddr>().ok();
    let insider = mutant_home.inside(true);
    let clients = [None, outsider, insider];
    let all = clients.into_iter().flat_map(|from| urls.iter().map(move |url| (from, url)));
    let mut made: Vec<Shorthand> = Vec::new();
    for (from, url) in all {
        if let Ok(mut wanted) = url.parse::<Shorthand>() {
            wanted.from = wanted.from.or(from);
            if !made.contains(&wanted) {
                made.push(wanted);
            }
        }
    }
    made
}

/// What a rule may be about, from its names, addresses and ports.
fn of_rule(rule: &Rule, urls: &mut Vec<String>) {
    let ports = ports(&rule.destination_port.value);
    let mut hosts: Vec<String> = Vec::new();
    for option in &rule.options {
        if let Keyword::Content(content) = &option.keyword {
            hosts.extend(names(&content.pattern));
        }
    }
    let address = address(&rule.destination.value);
    hosts.extend(address.map(|address| match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }));
    if hosts.is_empty() {
        hosts.push("www.example.com".to_owned());
    }
    let from = self::address(&rule.source.value).map_or_else(String::new, |address| format!(" from={address}"));
    let to = address.map_or_else(String::new, |address| format!(" to={address}"));
    for host in &hosts {
        for scheme in ["https", "http", "quic"] {
            urls.push(format!("{scheme}://{host}{from}"));
            urls.extend(ports.iter().map(|port| format!("{scheme}://{host}:{port}{from}{to}")));
            // a port that the rule does not name
            urls.push(format!("{scheme}://{host}:8447{from}"));
        }
        urls.push(format!("dns://{host}{from}"));
        urls.push(format!("icmp://{host}{from}"));
        for port in ports.iter().chain(&[9, 4444]) {
            urls.push(format!("tcp://{host}:{port}{from}{to}"));
            urls.push(format!("udp://{host}:{port}{from}{to}"));
        }
    }
}

/// Host names that a content may stand for: itself, below it, and one that merely holds it.
fn names(pattern: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(pattern) else { return Vec::new() };
    let bare = text.trim_matches('.');
    let is_name = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !is_name {
        return Vec::new();
    }
    vec![bare.to_owned(), format!("www.{bare}"), format!("{bare}.evil.example"), format!("not{bare}")]
}

/// Some ports that an expression means.
fn ports(expression: &PortExpr) -> Vec<u16> {
    match expression {
        PortExpr::Range(low, _) => vec![(*low).max(1)],
        PortExpr::List(members) => members.iter().flat_map(|member| ports(&member.value)).collect(),
        PortExpr::Any | PortExpr::Variable(_) | PortExpr::Not(_) => Vec::new(),
    }
}

/// An address that an expression means.
fn address(expression: &AddressExpr) -> Option<IpAddr> {
    match expression {
        AddressExpr::Net(net) => net.hosts().next(),
        AddressExpr::Range(low, _) => Some(*low),
        AddressExpr::List(members) => members.iter().find_map(|member| address(&member.value)),
        AddressExpr::Any | AddressExpr::Variable(_) | AddressExpr::Reference(_) | AddressExpr::Not(_) => None,
    }
}
