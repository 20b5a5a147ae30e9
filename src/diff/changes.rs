//! What is written differently in the second of two policies, each thing in words and with its places.
//!
//! Rules of domain lists are spoken of as domains. What a change does to traffic is not said here: see
//! [`super::outcomes`].

use super::matching::{GroupPair, Matching, Pair, domain_of, speaks_of_domains};
use crate::policy::model::{
    AddressVariable, CustomAction, Policy, PortVariable, RuleOrder, StatefulGroup, StatelessAction, StatelessActions,
    StatelessGroup, StatelessRule, StreamExceptionPolicy, TcpFlags,
};
use crate::report::RuleBook;
use crate::report::names::ProtocolName;
use crate::rules::ast::Rule;
use crate::source::Span;
use crate::verdict::RuleAction;
use std::collections::BTreeMap;
use std::path::Path;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Added, removed or changed.
    pub kind: ChangeKind,
    /// What sort of thing it is about.
    pub subject: Subject,
    /// The thing: ``domain `.pypi.org` of allow list `studio-domain-allow` ``.
    pub what: String,
    /// What it was; of a rule that is in both policies only the parts that differ.
    pub old: Option<String>,
    /// What it is now.
    pub new: Option<String>,
    /// Where it was written, as `file:line`.
    pub old_at: Option<String>,
    /// Where it is written now.
    pub new_at: Option<String>,
}

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is in the new policy only.
    Added,
    /// It is in the old policy only.
    Removed,
    /// It is in both, and differs.
    Changed,
}

impl ChangeKind {
    /// `added`, `removed` or `changed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

/// What a change is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The engine that follows another version of Suricata.
    Engine,
    /// A parameter of a template or a variable of a configuration.
    Parameter,
    /// `RuleOrder`.
    RuleOrder,
    /// `StatefulDefaultActions`.
    DefaultAction,
    /// The rules behind the default actions that the user gives.
    DefaultActionRules,
    /// `StreamExceptionPolicy`.
    StreamException,
    /// `TcpIdleTimeoutSeconds`.
    TcpIdle,
    /// `StatelessDefaultActions` and those of fragments.
    StatelessDefault,
    /// An address or port variable, or an IP set reference.
    Variable,
    /// A rule group, its name, priority or override.
    Group,
    /// A domain of a domain list.
    Domain,
    /// What a domain list does, and to which protocols.
    DomainList,
    /// A stateful rule.
    Rule,
    /// The turn of a rule in strict order.
    RuleTurn,
    /// A stateless rule.
    StatelessRule,
}

impl Subject {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Parameter => "parameter",
            Self::RuleOrder => "rule-order",
            Self::DefaultAction => "default-action",
            Self::DefaultActionRules => "default-action-rules",
            Self::StreamException => "stream-exception-policy",
            Self::TcpIdle => "tcp-idle-timeout",
            Self::StatelessDefault => "stateless-default-action",
            Self::Variable => "variable",
            Self::Group => "rule-group",
            Self::Domain => "domain",
            Self::DomainList => "domain-list",
            Self::Rule => "rule",
            Self::RuleTurn => "rule-turn",
            Self::StatelessRule => "stateless-rule",
        }
    }
}

impl Change {
    /// A setting that has another value now.
    pub fn of_value(subject: Subject, what: impl Into<String>, old: String, new: String) -> Self {
        let kind = ChangeKind::Changed;
        Self { kind, subject, what: what.into(), old: Some(old), new: Some(new), old_at: None, new_at: None }
    }

    /// The change in one sentence, without its places.
    pub fn sentence(&self) -> String {
        let what = &self.what;
        // a whole rule is code; of one that changed, parts are
        let form = |form: &Option<String>| {
            form.as_ref().map(|form| if self.subject == Subject::Rule { format!("`{form}`") } else { form.clone() })
        };
        match (self.kind, form(&self.old), form(&self.new)) {
            (ChangeKind::Changed, Some(old), Some(new)) => format!("{what}: {old} → {new}"),
            (ChangeKind::Changed, None, Some(new)) => format!("{what}: {new}"),
            (ChangeKind::Changed, ..) => format!("{what} changed"),
            (ChangeKind::Added, _, Some(new)) => format!("{what} added: {new}"),
            (ChangeKind::Removed, Some(old), _) => format!("{what} removed: {old}"),
            (kind, ..) => format!("{what} {}", kind.name()),
        }
    }
}

/// A policy and the book that knows its places.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Its places.
    pub book: &'a RuleBook,
}

/// Everything that is written differently: settings first, then the stateless stage, then the stateful one.
pub fn changes(matching: &Matching, old: Side<'_>, new: Side<'_>) -> Vec<Change> {
    let mut writer = Writer { old, new, changes: Vec::new() };
    writer.settings();
    for group in &matching.stateless {
        writer.stateless_group(group);
    }
    for group in &matching.groups {
        writer.group(group);
    }
    writer.changes
}

struct Writer<'a> {
    old: Side<'a>,
    new: Side<'a>,
    changes: Vec<Change>,
}

impl<'a> Writer<'a> {
    /// Notes a difference between two forms of a thing, with their places; equal ones are no difference.
    fn note(&mut self, subject: Subject, what: String, old: Option<(String, Span)>, new: Option<(String, Span)>) {
        let kind = match (&old, &new) {
            (Some((old, _)), Some((new, _))) if old == new => return,
            (Some(_), Some(_)) => ChangeKind::Changed,
            (Some(_), None) => ChangeKind::Removed,
            (None, Some(_)) => ChangeKind::Added,
            (None, None) => return,
        };
        let place = |side: Side<'a>, form: &Option<(String, Span)>| form.as_ref().map(|(_, at)| side.book.place(*at));
        let (old_at, new_at) = (place(self.old, &old), place(self.new, &new));
        let text = |form: Option<(String, Span)>| form.map(|(text, _)| text).filter(|text| !text.is_empty());
        self.changes.push(Change { kind, subject, what, old: text(old), new: text(new), old_at, new_at });
    }

    fn value(&mut self, subject: Subject, what: &str, old: String, new: String) {
        if old != new {
            self.changes.push(Change::of_value(subject, what, old, new));
        }
    }

    fn settings(&mut self) {
        let (old, new) = (&self.old.policy.stateful, &self.new.policy.stateful);
        self.value(Subject::RuleOrder, "order of evaluation", order(old.order).to_owned(), order(new.order).to_owned());
        let actions = |policy: &'a Policy| {
            let all = policy.stateful.default_actions.iter();
            all.map(|action| (format!("aws:{}", action.value.name()), action.span)).collect::<BTreeMap<_, _>>()
        };
        let (old_actions, new_actions) = (actions(self.old.policy), actions(self.new.policy));
        for (action, at) in &old_actions {
            if !new_actions.contains_key(action) {
                self.note(
                    Subject::DefaultAction,
                    format!("stateful default action {action}"),
                    Some((String::new(), *at)),
                    None,
                );
            }
        }
        for (action, at) in &new_actions {
            if !old_actions.contains_key(action) {
                self.note(
                    Subject::DefaultAction,
                    format!("stateful default action {action}"),
                    None,
                    Some((String::new(), *at)),
                );
            }
        }
        let rules = |rules: &Option<Vec<Rule>>| {
            rules.as_ref().map_or_else(
                || "the modelled ones".to_owned(),
                |rules| rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
            )
        };
        self.value(
            Subject::DefaultActionRules,
            "rules behind the default actions",
            rules(&old.default_action_rules),
            rules(&new.default_action_rules),
        );
        let exception = |policy| match policy {
            StreamExceptionPolicy::Drop => "drop".to_owned(),
            StreamExceptionPolicy::Continue => "continue".to_owned(),
            StreamExceptionPolicy::Reject => "reject".to_owned(),
        };
        self.value(
            Subject::StreamException,
            "stream exception policy",
            exception(old.stream_exception),
            exception(new.stream_exception),
        );
        let seconds = |idle: std::time::Duration| format!("{} s", idle.as_secs());
        self.value(Subject::TcpIdle, "TCP idle time-out", seconds(old.tcp_idle), seconds(new.tcp_idle));
        self.address_variable("HOME_NET of the policy", old.home_net.as_ref(), new.home_net.as_ref());
        self.address_variable("EXTERNAL_NET of the policy", old.external_net.as_ref(), new.external_net.as_ref());
        let defaults = |policy: &Policy| {
            policy.stateless.as_ref().map_or_else(
                || ["no stateless stage".to_owned(), "no stateless stage".to_owned()],
                |stateless| [&stateless.default_actions, &stateless.fragment_default_actions].map(actions_text),
            )
        };
        let ([old_full, old_fragments], [new_full, new_fragments]) =
            (defaults(self.old.policy), defaults(self.new.policy));
        self.value(Subject::StatelessDefault, "stateless default action", old_full, new_full);
        self.value(
            Subject::StatelessDefault,
            "stateless default action for UDP fragments",
            old_fragments,
            new_fragments,
        );
    }

    fn address_variable(&mut self, what: &str, old: Option<&AddressVariable>, new: Option<&AddressVariable>) {
        let form = |set: &AddressVariable| entries(set.entries.iter().map(|entry| entry.value.as_str()));
        self.variable(
            what,
            old.map(|set| (form(set), set.entries.first().map(|entry| entry.span))),
            new.map(|set| (form(set), set.entries.first().map(|entry| entry.span))),
        );
    }

    fn port_variable(&mut self, what: &str, old: Option<&PortVariable>, new: Option<&PortVariable>) {
        let form = |set: &PortVariable| entries(set.entries.iter().map(|entry| entry.value.as_str()));
        self.variable(
            what,
            old.map(|set| (form(set), set.entries.first().map(|entry| entry.span))),
            new.map(|set| (form(set), set.entries.first().map(|entry| entry.span))),
        );
    }

    fn variable(&mut self, what: &str, old: Option<(String, Option<Span>)>, new: Option<(String, Option<Span>)>) {
        if old.as_ref().map(|(text, _)| text) == new.as_ref().map(|(text, _)| text) {
            return;
        }
        let kind = match (&old, &new) {
            (_, None) => ChangeKind::Removed,
            (None, _) => ChangeKind::Added,
            _ => ChangeKind::Changed,
        };
        let place = |book: &RuleBook, form: &Option<(String, Option<Span>)>| {
            form.as_ref().and_then(|(_, at)| *at).map(|at| book.place(at)).filter(|place| !place.starts_with(':'))
        };
        self.changes.push(Change {
            kind,
            subject: Subject::Variable,
            what: what.to_owned(),
            old_at: place(self.old.book, &old),
            new_at: place(self.new.book, &new),
            old: old.map(|(text, _)| text),
            new: new.map(|(text, _)| text),
        });
    }

    fn stateless_group(&mut self, pair: &GroupPair) {
        let of =
            |policy: &'a Policy, place: Option<usize>| place.and_then(|n| policy.stateless.as_ref()?.groups.get(n));
        let (old, new) = (of(self.old.policy, pair.group.old), of(self.new.policy, pair.group.new));
        let Some(name) = new.or(old).map(|group| group.name.as_str()) else { return };
        let form = |group: &'a StatelessGroup| (format!("priority {}", group.priority), group.span);
        self.note(Subject::Group, format!("stateless rule group `{name}`"), old.map(form), new.map(form));
        for rule in &pair.rules {
            let of = |group: Option<&'a StatelessGroup>, place: Option<usize>| place.and_then(|n| group?.rules.get(n));
            let (old, new) = (of(old, rule.old), of(new, rule.new));
            let Some(priority) = new.or(old).map(|rule| rule.priority) else { continue };
            let form = |rule: &'a StatelessRule| (stateless_text(rule), rule.span);
            let what = format!("stateless rule of priority {priority} in `{name}`");
            self.note(Subject::StatelessRule, what, old.map(form), new.map(form));
        }
    }

    fn group(&mut self, pair: &GroupPair) {
        let of = |policy: &'a Policy, place: Option<usize>| place.and_then(|n| policy.stateful.groups.get(n));
        let (old, new) = (of(self.old.policy, pair.group.old), of(self.new.policy, pair.group.new));
        let Some(shown) = new.or(old) else { return };
        let name = shown.name.as_str();
        if old.is_none() || new.is_none() {
            let form = |group: &'a StatefulGroup| (String::new(), group.span);
            self.note(Subject::Group, format!("rule group `{name}`"), old.map(form), new.map(form));
        }
        if let (Some(before), Some(now)) = (old, new) {
            self.group_itself(before, now);
        }
        self.variables(name, old, new);
        if speaks_of_domains([old, new]) {
            self.domain_list(name, (old, new), &pair.rules);
        } else {
            self.rules(name, (old, new), &pair.rules);
        }
    }

    fn group_itself(&mut self, old: &'a StatefulGroup, new: &'a StatefulGroup) {
        // a plain rule file gives its own name to its group
        let named_by_file = |side: Side<'_>, group: &StatefulGroup| {
            let file = side.book.sources.name(group.span.file);
            Path::new(file).file_stem().is_some_and(|stem| stem.to_string_lossy() == group.name)
        };
        if !(named_by_file(self.old, old) && named_by_file(self.new, new)) {
            let form = |group: &'a StatefulGroup| Some((format!("`{}`", group.name), group.span));
            self.note(Subject::Group, "name of a rule group".to_owned(), form(old), form(new));
        }
        let priority = |group: &'a StatefulGroup| {
            Some((group.priority.map_or_else(|| "none".to_owned(), |priority| priority.to_string()), group.span))
        };
        let name = &new.name;
        self.note(Subject::Group, format!("priority of rule group `{name}`"), priority(old), priority(new));
        let effect = |group: &'a StatefulGroup| {
            let word = if group.drop_to_alert { "its drops only report" } else { "its drops drop" };
            Some((word.to_owned(), group.span))
        };
        self.note(Subject::Group, format!("override of rule group `{name}`"), effect(old), effect(new));
    }

    fn variables(&mut self, group: &str, old: Option<&'a StatefulGroup>, new: Option<&'a StatefulGroup>) {
        let sets = |pick: fn(&StatefulGroup) -> &[AddressVariable]| {
            let of = move |side: Option<&'a StatefulGroup>| {
                let sets = side.into_iter().flat_map(move |group| pick(group).iter());
                sets.map(|set| (set.name.as_str(), set)).collect::<BTreeMap<_, _>>()
            };
            (of(old), of(new))
        };
        for (mark, pick) in [
            ('$', (|group| group.ip_sets.as_slice()) as fn(&StatefulGroup) -> &[AddressVariable]),
            ('@', |group| group.ip_set_references.as_slice()),
        ] {
            let (old, new) = sets(pick);
            let mut names: Vec<&str> = old.keys().chain(new.keys()).copied().collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                let what = format!("variable {mark}{name} of rule group `{group}`");
                self.address_variable(&what, old.get(name).copied(), new.get(name).copied());
            }
        }
        let ports = |side: Option<&'a StatefulGroup>| {
            let sets = side.into_iter().flat_map(|group| &group.port_sets);
            sets.map(|set| (set.name.as_str(), set)).collect::<BTreeMap<_, _>>()
        };
        let (old, new) = (ports(old), ports(new));
        let mut names: Vec<&str> = old.keys().chain(new.keys()).copied().collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let what = format!("variable ${name} of rule group `{group}`");
            self.port_variable(&what, old.get(name).copied(), new.get(name).copied());
        }
    }

    fn domain_list(
        &mut self,
        name: &str,
        (old, new): (Option<&'a StatefulGroup>, Option<&'a StatefulGroup>),
        rules: &[Pair],
    ) {
        let form = |group: &'a StatefulGroup| (list_word(group).to_owned(), group.span);
        if let (Some(before), Some(now)) = (old, new) {
            self.note(
                Subject::DomainList,
                format!("kind of domain list `{name}`"),
                Some(form(before)),
                Some(form(now)),
            );
            let protocols = |group: &'a StatefulGroup| Some((list_protocols(group), group.span));
            let what = format!("protocols of domain list `{name}`");
            self.note(Subject::DomainList, what, protocols(before), protocols(now));
        }
        let word = new.or(old).map_or("", list_word);
        // a domain has a rule for each protocol; what is new or gone with a protocol has been said
        let domains = |side: Option<&'a StatefulGroup>| {
            let rules = side.into_iter().flat_map(|group| &group.rules);
            rules.filter_map(|rule| Some((domain_of(rule)?, rule))).collect::<BTreeMap<_, _>>()
        };
        let (in_old, in_new) = (domains(old), domains(new));
        let mut said: Vec<String> = Vec::new();
        for pair in rules {
            let (rule, gone) = match (pair.old, pair.new) {
                (None, Some(place)) => (new.and_then(|group| group.rules.get(place)), false),
                (Some(place), None) => (old.and_then(|group| group.rules.get(place)), true),
                _ => continue,
            };
            let Some(domain) = rule.and_then(domain_of) else { continue };
            if said.contains(&domain) || (in_old.contains_key(&domain) && in_new.contains_key(&domain)) {
                continue;
            }
            let at = rule.map(|rule| (String::new(), rule.generated_from.unwrap_or(rule.span)));
            let what = format!("domain `{domain}` of {word} list `{name}`");
            if gone {
                self.note(Subject::Domain, what, at, None);
            } else {
                self.note(Subject::Domain, what, None, at);
            }
            said.push(domain);
        }
    }

    fn rules(
        &mut self,
        name: &str,
        (old, new): (Option<&'a StatefulGroup>, Option<&'a StatefulGroup>),
        rules: &[Pair],
    ) {
        let strict = [self.old, self.new].iter().all(|side| side.policy.stateful.order == RuleOrder::Strict);
        let moved = if strict { moved(rules) } else { Vec::new() };
        for pair in rules {
            let of = |group: Option<&'a StatefulGroup>, place: Option<usize>| place.and_then(|n| group?.rules.get(n));
            let (before, now) = (of(old, pair.old), of(new, pair.new));
            let Some(sid) = now.or(before).map(Rule::sid) else { continue };
            let what = format!("rule sid {sid} of `{name}`");
            let at = |rule: &Rule| rule.generated_from.unwrap_or(rule.span);
            match (before, now) {
                (Some(before), Some(now)) => {
                    let (old_parts, new_parts) = differing_parts(before, now);
                    self.note(Subject::Rule, what.clone(), Some((old_parts, at(before))), Some((new_parts, at(now))));
                    if moved.contains(pair) {
                        let turn = |place: Option<usize>| format!("turn {}", place.map_or(0, |place| place + 1));
                        let forms = (turn(pair.old), turn(pair.new));
                        self.note(Subject::RuleTurn, what, Some((forms.0, at(before))), Some((forms.1, at(now))));
                    }
                }
                _ => {
                    let form = |rule: &'a Rule| (rule.to_string(), at(rule));
                    self.note(Subject::Rule, what, before.map(form), now.map(form));
                }
            }
        }
    }
}

fn order(order: RuleOrder) -> &'static str {
    match order {
        RuleOrder::Action => "action order",
        RuleOrder::Strict => "strict order",
    }
}

fn entries<'a>(all: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = all.collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

/// The action of the rules of a domain list, as a word for the list.
fn list_word(group: &StatefulGroup) -> &'static str {
    let first = group.rules.iter().find(|rule| domain_of(rule).is_some());
    match first.map(|rule| rule.action.value) {
        Some(RuleAction::Pass) => "allow",
        Some(RuleAction::Drop) => "deny",
        Some(RuleAction::Reject) => "reject",
        Some(RuleAction::Alert) => "alert",
        None => "domain",
    }
}

fn list_protocols(group: &StatefulGroup) -> String {
    let covers = |word: &str| group.rules.iter().any(|rule| rule.protocol.value.as_str() == word);
    let words = [("tls", "TLS"), ("http", "HTTP")].into_iter().filter(|(word, _)| covers(word));
    entries(words.map(|(_, shown)| shown))
}

/// The parts of two rules that differ, each side's own: what stands in the header, then options that the other lacks.
fn differing_parts(old: &Rule, new: &Rule) -> (String, String) {
    let mut parts: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    let header = |rule: &Rule| {
        [
            rule.action.value.name().to_owned(),
            rule.protocol.value.as_str().to_owned(),
            rule.source.value.to_string(),
            rule.source_port.value.to_string(),
            rule.arrow.value.to_string(),
            rule.destination.value.to_string(),
            rule.destination_port.value.to_string(),
        ]
    };
    let names = ["", "", "source ", "source port ", "", "destination ", "destination port "];
    for ((name, before), now) in names.into_iter().zip(header(old)).zip(header(new)) {
        if before != now {
            let [old_parts, new_parts] = &mut parts;
            old_parts.push(format!("{name}{before}"));
            new_parts.push(format!("{name}{now}"));
        }
    }
    let options = |rule: &Rule| rule.options.iter().map(|option| option.keyword.to_string()).collect::<Vec<_>>();
    let (old_options, new_options) = (options(old), options(new));
    let [old_parts, new_parts] = &mut parts;
    only_in(&old_options, &new_options, old_parts);
    only_in(&new_options, &old_options, new_parts);
    if old_parts.is_empty() && new_parts.is_empty() && old_options != new_options {
        old_parts.push("options in another order".to_owned());
        new_parts.push(new_options.join("; "));
    }
    let text = |parts: Vec<String>| if parts.is_empty() { "nothing".to_owned() } else { parts.join("; ") };
    let [old_parts, new_parts] = parts;
    (text(old_parts), text(new_parts))
}

/// What `of` has more often than `other`.
fn only_in(of: &[String], other: &[String], parts: &mut Vec<String>) {
    let mut left: Vec<&String> = other.iter().collect();
    for option in of {
        match left.iter().position(|known| *known == option) {
            Some(place) => _ = left.swap_remove(place),
            None => parts.push(option.clone()),
        }
    }
}

/// The rules whose turn among those in both groups is another one: what is left when the longest run that kept its order
/// is taken away.
fn moved(rules: &[Pair]) -> Vec<Pair> {
    let kept: Vec<(usize, Pair)> =
        rules.iter().filter(|pair| pair.new.is_some()).filter_map(|pair| Some((pair.old?, *pair))).collect();
    // tails[n]: the end of the run of n + 1 rules that ends soonest; before: the rule in front of each in its run
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(kept.len());
    let old_of = |index: usize| kept.get(index).map_or(0, |(old, _)| *old);
    for (index, (old, _)) in kept.iter().enumerate() {
        let n = tails.partition_point(|tail| old_of(*tail) < *old);
        before.push(n.checked_sub(1).and_then(|n| tails.get(n)).copied());
        match tails.get_mut(n) {
            Some(tail) => *tail = index,
            None => tails.push(index),
        }
    }
    let mut in_run = vec![false; kept.len()];
    let mut next = tails.last().copied();
    while let Some(index) = next {
        if let Some(flag) = in_run.get_mut(index) {
            *flag = true;
        }
        next = before.get(index).copied().flatten();
    }
    kept.iter().zip(in_run).filter(|(_, in_run)| !in_run).map(|((_, pair), _)| *pair).collect()
}

fn actions_text(actions: &StatelessActions) -> String {
    let action = match actions.action {
        StatelessAction::Pass => "aws:pass",
        StatelessAction::Drop => "aws:drop",
        StatelessAction::Forward => "aws:forward_to_sfe",
    };
    let custom = |custom: &CustomAction| format!("{} (dimension {})", custom.name, custom.dimension);
    [action.to_owned()].into_iter().chain(actions.custom.iter().map(custom)).collect::<Vec<_>>().join(", ")
}

/// `aws:pass tcp 10.0.0.0/8 any -> any 22`.
fn stateless_text(rule: &StatelessRule) -> String {
    let list = |all: Vec<String>| match all.len() {
        0 => "any".to_owned(),
        1 => all.concat(),
        _ => format!("[{}]", all.join(",")),
    };
    let nets = |nets: &[ipnet::IpNet]| list(nets.iter().map(ToString::to_string).collect());
    let ports = |ports: &[(u16, u16)]| {
        let range = |(low, high): &(u16, u16)| if low == high { low.to_string() } else { format!("{low}:{high}") };
        list(ports.iter().map(range).collect())
    };
    let protocols = list(rule.protocols.iter().map(|proto| ProtocolName(*proto).to_string()).collect());
    let flags = |flags: &TcpFlags| format!("{:#04x}/{:#04x}", flags.flags, flags.mask);
    let flags: Vec<String> = rule.tcp_flags.iter().map(flags).collect();
    let flags = if flags.is_empty() { String::new() } else { format!(", TCP flags {}", flags.join(" or ")) };
    format!(
        "{} {protocols} {} {} -> {} {}{flags}",
        actions_text(&rule.actions),
        nets(&rule.sources),
        ports(&rule.source_ports),
        nets(&rule.destinations),
        ports(&rule.destination_ports)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{self, LoadOptions};

    /// The changes between two documents, one a line, with their places.
    fn said(name: &str, old: &str, new: &str) -> String {
        said_with(name, (old, &LoadOptions::default()), (new, &LoadOptions::default()))
    }

    fn said_with(name: &str, old: (&str, &LoadOptions), new: (&str, &LoadOptions)) -> String {
        let load = |side: &str, (text, options): (&str, &LoadOptions)| {
            let loaded = policy::load_text(&format!("{side}.{name}"), text, options).unwrap();
            let policy = loaded.policy.unwrap_or_else(|| panic!("{:#?}", loaded.diagnostics));
            (policy, RuleBook { sources: loaded.sources, ..RuleBook::default() })
        };
        let (old, new) = (load("old", old), load("new", new));
        let matching = Matching::new(&old.0, &new.0);
        let side = |(policy, book)| Side { policy, book };
        let all = changes(&matching, side((&old.0, &old.1)), side((&new.0, &new.1)));
        let line = |change: &Change| {
            let places = [&change.old_at, &change.new_at].map(|place| place.as_deref().unwrap_or("-"));
            format!("{}: {} ({})", change.subject.name(), change.sentence(), places.join(", "))
        };
        all.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn list(kind: &str, types: &str, targets: &str) -> String {
        format!(
            r#"{{"RuleGroup": {{"RulesSource": {{"RulesSourceList": {{
"GeneratedRulesType": "{kind}", "TargetTypes": [{types}], "Targets": [
{targets}]}}}}}},
"RuleGroupResponse": {{"RuleGroupName": "domains", "Type": "STATEFUL", "Capacity": 100}}}}"#
        )
    }

    #[test]
    fn domains_are_spoken_of_as_domains() {
        let home = LoadOptions {
            stateful: policy::StatefulOptions { home_net: Some("10.0.0.0/8".to_owned()), ..Default::default() },
            ..LoadOptions::default()
        };
        let both = r#""TLS_SNI", "HTTP_HOST""#;
        let old = list("ALLOWLIST", both, "\"a.example\",\n\".b.example\"");
        let new = list("ALLOWLIST", both, "\".B.example\",\n\".c.example\"");
        insta::assert_snapshot!(said_with("json", (&old, &home), (&new, &home)), @r"
        domain: domain `.c.example` of allow list `domains` added (-, new.json:4)
        domain: domain `a.example` of allow list `domains` removed (old.json:3, -)
        ");
        let new = list("DENYLIST", r#""TLS_SNI""#, "\"a.example\",\n\".b.example\"");
        insta::assert_snapshot!(said_with("json", (&old, &home), (&new, &home)), @r"
        domain-list: kind of domain list `domains`: allow → deny (old.json:5:23, new.json:5:23)
        domain-list: protocols of domain list `domains`: TLS, HTTP → TLS (old.json:5:23, new.json:5:23)
        ");
        let edited = LoadOptions {
            without_domains: vec!["A.example".to_owned()],
            with_domains: vec!["domains=d.example".to_owned()],
            ..home.clone()
        };
        insta::assert_snapshot!(said_with("json", (&old, &home), (&old, &edited)), @r"
        domain: domain `d.example` of allow list `domains` added (-, new.json:1:51)
        domain: domain `a.example` of allow list `domains` removed (old.json:3, -)
        ");
    }

    #[test]
    fn rules_that_were_renumbered_edited_or_moved_are_known_again() {
        let old = "pass tcp any any -> any 22 (sid:1;)\n\
                   drop tls any any -> any any (tls.sni; content:\"x\"; sid:2; rev:1;)\n\
                   alert ip any any -> any any (msg:\"z\"; sid:3;)\n";
        let new = "alert ip any any -> any any (msg:\"z\"; sid:3;)\n\
                   pass tcp any any -> any 22 (sid:10;)\n\
                   alert tls any any -> any 443 (tls.sni; content:\"x\"; nocase; sid:2; rev:2;)\n\
                   drop udp any any -> any 53 (sid:4;)\n";
        let strict = LoadOptions {
            stateful: policy::StatefulOptions { order: Some(RuleOrder::Strict), ..Default::default() },
            ..LoadOptions::default()
        };
        insta::assert_snapshot!(said_with("rules", (old, &strict), (new, &strict)), @r#"
        rule-turn: rule sid 3 of `new`: turn 3 → turn 1 (old.rules:3, new.rules:1)
        rule: rule sid 10 of `new`: `sid:1` → `sid:10` (old.rules:1, new.rules:2)
        rule: rule sid 2 of `new`: `drop; destination port any; content:"x"; rev:1` → `alert; destination port 443; content:"x"; nocase; rev:2` (old.rules:2, new.rules:3)
        rule: rule sid 4 of `new` added: `drop udp any any -> any 53 (sid:4;)` (-, new.rules:4)
        "#);
        insta::assert_snapshot!(said("rules", old, old), @"");
    }

    #[test]
    fn settings_and_variables_are_compared() {
        let policy = |order: &str, actions: &str, home: &str| {
            format!(
                r#"{{"FirewallPolicyResponse": {{"FirewallPolicyName": "p"}}, "FirewallPolicy": {{
"StatelessDefaultActions": ["aws:forward_to_sfe"], "StatelessFragmentDefaultActions": ["aws:{}"],
"StatefulEngineOptions": {{"RuleOrder": "{order}", "StreamExceptionPolicy": "{}"}},
"PolicyVariables": {{"RuleVariables": {{"HOME_NET": {{"Definition": ["{home}"]}}}}}},
"StatefulDefaultActions": [{actions}],
"StatefulRuleGroupReferences": []}}}}"#,
                if home.starts_with("10.1") { "pass" } else { "drop" },
                if home.starts_with("10.1") { "DROP" } else { "REJECT" },
            )
        };
        let old = policy("DEFAULT_ACTION_ORDER", "", "10.1.0.0/16");
        let new = policy("STRICT_ORDER", "\"aws:drop_established\"", "10.2.0.0/16");
        insta::assert_snapshot!(said("json", &old, &new), @r"
        rule-order: order of evaluation: action order → strict order (-, -)
        default-action: stateful default action aws:drop_established added (-, new.json:5:28)
        stream-exception-policy: stream exception policy: drop → reject (-, -)
        variable: HOME_NET of the policy: 10.1.0.0/16 → 10.2.0.0/16 (old.json:4:67, new.json:4:67)
        stateless-default-action: stateless default action for UDP fragments: aws:pass → aws:drop (-, -)
        ");
    }
}
