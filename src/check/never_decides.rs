//! FD0801, FD0803 to FD0806: stateful rules, domains and groups that can never decide anything.

use super::analysis::Compiled;
use super::finding::{Finding, Fix};
use super::fixes;
use super::stateful::{Dead, Written};
use crate::policy::model::{StatefulGroup, StatefulKind};
use crate::rules::ast::Rule;
use crate::rules::keyword::{Buffer, Keyword};
use crate::source::{Diagnostic, Sources, Span};
use crate::verdict::RuleAction;
use std::collections::{BTreeMap, HashMap};

/// How many of the deciding rules are shown.
const SHOWN: usize = 4;

/// What is found about rules that never decide.
pub(super) fn findings(compiled: &Compiled, sources: &Sources) -> Vec<Finding> {
    let written = compiled.written();
    let dead = compiled.dead_rules();
    let mut told: Vec<bool> = vec![false; written.len()];
    let mut found = Vec::new();
    for (number, group) in compiled.policy.stateful.groups.iter().enumerate() {
        found.extend(unreachable(number, group, &written, &dead, &mut told));
    }
    let superfluous = compiled.superfluous_rules(&dead);
    let by_rule: HashMap<u32, &Dead> = dead.iter().chain(&superfluous).map(|dead| (dead.rule, dead)).collect();
    let targets = targets(&compiled.policy.stateful.groups, &written);
    let never = dead.iter().map(|dead| (dead, true));
    for (dead, is_never) in never.chain(superfluous.iter().map(|dead| (dead, false))) {
        let Some(own) = written.get(dead.rule as usize) else { continue };
        if told.get(dead.rule as usize) != Some(&false) {
            continue;
        }
        match own.rule.generated_from {
            Some(place) if is_of_list(own, compiled) => {
                let Some(together) = targets.get(&(own.group, place.file, place.start)) else { continue };
                for &rule in together {
                    if let Some(told) = told.get_mut(rule as usize) {
                        *told = true;
                    }
                }
                let all: Vec<&Dead> = together.iter().filter_map(|rule| by_rule.get(rule).copied()).collect();
                if all.len() == together.len() {
                    found.extend(domain(&all, own, place, &written, sources));
                }
            }
            _ if is_never => found.push(rule(dead, own, &written, sources)),
            _ => found.push(repeated(dead, own, &written, sources)),
        }
    }
    found
}

/// The rules of each domain, by group and place.
fn targets(
    groups: &[StatefulGroup],
    written: &[Written<'_>],
) -> BTreeMap<(usize, crate::source::FileId, u32), Vec<u32>> {
    let mut targets: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for (n, own) in (0..).zip(written) {
        let is_list = groups.get(own.group).is_some_and(|group| group.kind == StatefulKind::DomainList);
        if let Some(place) = own.rule.generated_from.filter(|_| is_list) {
            targets.entry((own.group, place.file, place.start)).or_default().push(n);
        }
    }
    targets
}

fn is_of_list(own: &Written<'_>, compiled: &Compiled) -> bool {
    compiled.policy.stateful.groups.get(own.group).is_some_and(|group| group.kind == StatefulKind::DomainList)
}

/// Whether a rule of a list is about a domain; the others close the list and are AWS's.
fn names_a_domain(rule: &Rule) -> bool {
    rule.options.iter().any(|option| matches!(option.keyword, Keyword::Buffer(Buffer::TlsSni | Buffer::HttpHost)))
}

/// FD0805: nothing of a group ever decides.
fn unreachable(
    number: usize,
    group: &StatefulGroup,
    written: &[Written<'_>],
    dead: &[Dead],
    told: &mut [bool],
) -> Option<Finding> {
    let is_own = |rule: u32| written.get(rule as usize).is_some_and(|own| own.group == number);
    let n_compiled = written.iter().filter(|own| own.group == number).count();
    let own: Vec<&Dead> = dead.iter().filter(|dead| is_own(dead.rule)).collect();
    if own.len() < 2 || own.len() != n_compiled || n_compiled != group.rules.len() {
        return None;
    }
    let mut by: Vec<u32> = own.iter().flat_map(|dead| &dead.by).copied().filter(|rule| !is_own(*rule)).collect();
    by.sort_unstable();
    by.dedup();
    // rules that only cover each other are told one by one
    if by.is_empty() {
        return None;
    }
    for dead in own {
        if let Some(told) = told.get_mut(dead.rule as usize) {
            *told = true;
        }
    }
    let message = format!(
        "rule group `{}` can never decide anything: all its {} rules are covered by rules before them",
        group.name, n_compiled
    );
    let finding = Diagnostic::warning("FD0805", message).at(group.span);
    let finding = deciding(finding, &by, written).help("take the group out of the policy, or give it an earlier place");
    Some(Finding::new(finding))
}

/// FD0806: a rule that another one further down repeats.
fn repeated(dead: &Dead, own: &Written<'_>, written: &[Written<'_>], sources: &Sources) -> Finding {
    let sid = own.rule.sid();
    let message = format!(
        "rule {sid} ({}) is redundant: further down, {} all its traffic and {} too",
        own.rule.action.value.name(),
        who(&dead.by, written),
        says(own.rule.action.value)
    );
    let place = own.rule.generated_from.unwrap_or(own.rule.span);
    let mut finding = Diagnostic::note("FD0806", message).at(place);
    for other in dead.by.iter().filter_map(|rule| written.get(*rule as usize)).take(SHOWN) {
        finding =
            finding.label(other.rule.generated_from.unwrap_or_else(|| other.rule.sid_span()), "this does the same");
    }
    let fix = own.rule.generated_from.is_none().then(|| fixes::without_line(own.rule.span, sources)).flatten();
    let help = "without it the same passes and is dropped; what it reports, the other rule reports";
    let is_heard = !reports(own.rule)
        || dead.by.iter().filter_map(|rule| written.get(*rule as usize)).all(|other| reports(other.rule));
    Finding::new(finding.help(help))
        .with_fix(fix.filter(|_| is_heard).map(|edit| Fix { what: format!("take rule {sid} out"), edits: vec![edit] }))
}

/// FD0801, FD0804: one rule.
fn rule(dead: &Dead, own: &Written<'_>, written: &[Written<'_>], sources: &Sources) -> Finding {
    let others: Vec<&Rule> = dead.by.iter().filter_map(|rule| written.get(*rule as usize)).map(|w| w.rule).collect();
    let place = own.rule.generated_from.unwrap_or(own.rule.span);
    let who = who(&dead.by, written);
    let sid = own.rule.sid();
    if let Some(other) = others.iter().find(|other| other.action.value != own.rule.action.value) {
        let message = format!(
            "rule {sid} ({}) never decides: {who} all its traffic first and {}",
            own.rule.action.value.name(),
            says(other.action.value)
        );
        let help = if own.rule.action.value == RuleAction::Alert {
            "behind a pass nothing is reported: put the alert in front of it, or give the pass the option `alert`"
        } else {
            "one of the two is not meant: narrow the rule that comes first, or take this one out"
        };
        return Finding::new(deciding(Diagnostic::warning("FD0804", message).at(place), &dead.by, written).help(help));
    }
    let message = format!("rule {sid} ({}) never decides: {who} all its traffic first", own.rule.action.value.name());
    let finding = deciding(Diagnostic::warning("FD0801", message).at(place), &dead.by, written);
    let is_heard = own.rule.action.value == RuleAction::Pass || others.iter().all(|other| reports(other));
    let help = if is_heard {
        "without it nothing changes"
    } else {
        "without it nothing passes or is dropped that is not now; what it reports would be missing"
    };
    let fix = own.rule.generated_from.is_none().then(|| fixes::without_line(own.rule.span, sources)).flatten();
    Finding::new(finding.help(help)).with_fix(
        fix.filter(|_| is_heard && !asks_to_report(own.rule))
            .map(|edit| Fix { what: format!("take rule {sid} out"), edits: vec![edit] }),
    )
}

/// FD0803, FD0804: a domain of a list, all of whose rules are dead.
fn domain(
    all: &[&Dead],
    own: &Written<'_>,
    place: Span,
    written: &[Written<'_>],
    sources: &Sources,
) -> Option<Finding> {
    if !names_a_domain(own.rule) {
        return None;
    }
    let mut by: Vec<u32> = all.iter().flat_map(|dead| &dead.by).copied().collect();
    by.sort_unstable();
    by.dedup();
    let others: Vec<&Rule> = by.iter().filter_map(|rule| written.get(*rule as usize)).map(|w| w.rule).collect();
    let name = sources.slice(place).trim_matches(['"', '\'', ' ', '-']);
    let action = own.rule.action.value;
    if let Some(other) = others.iter().find(|other| other.action.value != action) {
        let message = format!(
            "domain `{name}` ({}) never decides: {} all its traffic first and {}",
            action.name(),
            who(&by, written),
            says(other.action.value)
        );
        let finding = deciding(Diagnostic::warning("FD0804", message).at(place), &by, written)
            .help("one of the two is not meant: narrow the rule that comes first, or take this domain out");
        return Some(Finding::new(finding));
    }
    let wide = others.iter().filter_map(|other| other.generated_from).map(|span| sources.slice(span));
    let mut wide: Vec<&str> = wide.map(|text| text.trim_matches(['"', '\'', ' ', '-'])).collect();
    wide.dedup();
    let by_what = match &wide[..] {
        [one] => format!("`{one}` covers it"),
        _ => format!("{} all its traffic first", who(&by, written)),
    };
    let finding = deciding(
        Diagnostic::note("FD0803", format!("domain `{name}` is redundant: {by_what}")).at(place),
        &by,
        written,
    );
    let fix = fixes::without_item(place, sources)
        .map(|edit| Fix { what: format!("take `{name}` out of the list"), edits: vec![edit] });
    Some(Finding::new(finding.help("without it nothing changes, and the list needs less capacity")).with_fix(fix))
}

fn reports(rule: &Rule) -> bool {
    let said = rule.options.iter().rev().find_map(|option| match option.keyword {
        Keyword::Alert => Some(true),
        Keyword::Noalert => Some(false),
        _ => None,
    });
    said.unwrap_or(rule.action.value != RuleAction::Pass)
}

/// A pass that is to be reported.
fn asks_to_report(rule: &Rule) -> bool {
    rule.action.value == RuleAction::Pass && reports(rule)
}

/// What the other rule does with the traffic.
fn says(action: RuleAction) -> &'static str {
    match action {
        RuleAction::Pass => "passes it",
        RuleAction::Drop => "drops it",
        RuleAction::Reject => "rejects it",
        RuleAction::Alert => "reports it",
    }
}

/// `rule 3 takes`, `rules 3 and 7 together take`.
fn who(by: &[u32], written: &[Written<'_>]) -> String {
    let sids: Vec<String> =
        by.iter().filter_map(|rule| written.get(*rule as usize)).map(|own| own.rule.sid().to_string()).collect();
    match &sids[..] {
        [] => "another rule takes".to_owned(),
        [one] => format!("rule {one} takes"),
        [first, second] => format!("rules {first} and {second} together take"),
        [first, second, rest @ ..] => format!("rules {first}, {second} and {} more together take", rest.len()),
    }
}

/// Shows the rules that decide.
fn deciding(mut finding: Diagnostic, by: &[u32], written: &[Written<'_>]) -> Diagnostic {
    let mut places: Vec<Span> = Vec::new();
    for own in by.iter().filter_map(|rule| written.get(*rule as usize)) {
        let place = own.rule.generated_from.unwrap_or_else(|| own.rule.sid_span());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    for place in places.into_iter().take(SHOWN) {
        finding = finding.label(place, "this decides");
    }
    finding
}
