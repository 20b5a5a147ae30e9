//! Small mistakes in a policy.

use super::super::coverage::what;
use super::super::run::Subject;
use crate::detect::Program;
use crate::policy::model::{AddressVariable, Policy, RuleOrder, StatelessAction};
use crate::rules::ast::{AddressExpr, PortExpr, Rule};
use crate::rules::keyword::Keyword;
use crate::source::{Span, Spanned};
use crate::verdict::{RuleAction, RuleId};
use std::collections::BTreeMap;

/// A network that no traffic of a suite is likely to come from.
const ELSEWHERE: &str = "192.0.2.128/25";

/// One mistake.
#[derive(Clone, Debug)]
pub struct Change {
    /// In words.
    pub what: String,
    /// Where it is made.
    pub span: Option<Span>,
    /// It matters only where these rules match; `None` when it may matter anywhere.
    pub only_rules: Option<Vec<RuleId>>,
    /// The rules it is about: group and places in it.
    pub(super) group: usize,
    pub(super) rules: Vec<usize>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Delete,
    Flip,
    Widen(Wide),
    /// With the next rule of the group.
    Swap,
    Order,
    HomeNet(&'static str),
    DefaultAction(usize),
    DeleteStateless(usize, usize),
    FlipStateless(usize, usize),
    FlipStatelessDefault,
}

/// What a rule no longer looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wide {
    Source,
    Destination,
    Port,
    /// `endswith`, `startswith` and the dot of `dotprefix`, so that more names match.
    Ends,
}

/// All mistakes that are made, in order of the policy.
pub fn changes(policy: &Policy, subject: Subject<'_>) -> Vec<Change> {
    let mut all = Vec::new();
    let ids = ids(subject.program);
    for (group, of_group) in policy.stateful.groups.iter().enumerate() {
        for (place, rules) in by_place(&of_group.rules) {
            let Some(first) = rules.first().and_then(|index| of_group.rules.get(*index)) else { continue };
            let only: Vec<RuleId> = rules
                .iter()
                .filter_map(|index| of_group.rules.get(*index))
                .flat_map(|rule| ids.get(&(rule.sid(), key(rule))).cloned().unwrap_or_default())
                .collect();
            let name = if only.is_empty() { format!("sid {}", first.sid()) } else { what(subject, place, &only) };
            let mut push = |what: String, kind: Kind, only: Option<Vec<RuleId>>| {
                let rules = rules.clone();
                all.push(Change { what, span: Some(place), only_rules: only, group, rules, kind });
            };
            push(format!("delete {name}"), Kind::Delete, Some(only.clone()));
            push(format!("flip {name} to {}", flipped(first.action.value).name()), Kind::Flip, Some(only));
            for (wide, words) in [
                (Wide::Source, "any source"),
                (Wide::Destination, "any destination"),
                (Wide::Port, "any destination port"),
                (Wide::Ends, "names that merely contain it"),
            ] {
                if can_widen(first, wide) {
                    push(format!("widen {name} to {words}"), Kind::Widen(wide), None);
                }
            }
            let next = rules.last().and_then(|last| of_group.rules.get(last + 1));
            if next.is_some_and(|next| policy.stateful.order == RuleOrder::Strict && next.action != first.action)
                && rules.len() == 1
            {
                push(format!("swap {name} with the rule behind it"), Kind::Swap, None);
            }
        }
    }
    let mut push = |what: String, span: Option<Span>, kind: Kind| {
        all.push(Change { what, span, only_rules: None, group: 0, rules: Vec::new(), kind });
    };
    if policy.stateful.groups.iter().map(|group| group.rules.len()).sum::<usize>() > 0 {
        let other = if policy.stateful.order == RuleOrder::Strict { "action" } else { "strict" };
        push(format!("evaluate in {other} order"), None, Kind::Order);
    }
    if home_nets(&mut policy.clone()).next().is_some() {
        push("make HOME_NET any address".to_owned(), None, Kind::HomeNet("any"));
        push("make HOME_NET another network".to_owned(), None, Kind::HomeNet(ELSEWHERE));
    }
    for (index, action) in policy.stateful.default_actions.iter().enumerate() {
        push(format!("leave out aws:{}", action.value.name()), Some(action.span), Kind::DefaultAction(index));
    }
    if let Some(stateless) = &policy.stateless {
        for (group, of_group) in stateless.groups.iter().enumerate() {
            for (index, rule) in of_group.rules.iter().enumerate() {
                let name = format!("{} priority {}", of_group.name, rule.priority);
                push(format!("delete {name}"), Some(rule.span), Kind::DeleteStateless(group, index));
                push(format!("flip {name}"), Some(rule.span), Kind::FlipStateless(group, index));
            }
        }
        let span = stateless.default_actions.span;
        push("flip the stateless default action".to_owned(), Some(span), Kind::FlipStatelessDefault);
    }
    all
}

/// The rules of a program by their number and place.
fn ids(program: &Program) -> BTreeMap<(u32, (u32, u32)), Vec<RuleId>> {
    let mut ids: BTreeMap<(u32, (u32, u32)), Vec<RuleId>> = BTreeMap::new();
    for (id, rule) in program.rules() {
        if let Some(span) = rule.generated_from.or(rule.span) {
            ids.entry((rule.sid, (span.start, span.end))).or_default().push(id);
        }
    }
    ids
}

fn key(rule: &Rule) -> (u32, u32) {
    let span = rule.generated_from.unwrap_or(rule.span);
    (span.start, span.end)
}

/// Rules by where the user wrote them: a domain stands for several.
fn by_place(rules: &[Rule]) -> Vec<(Span, Vec<usize>)> {
    let mut places: Vec<(Span, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let span = rule.generated_from.unwrap_or(rule.span);
        let place = rule.generated_from.and_then(|_| known.get(&key(rule)).copied());
        match place.and_then(|place| places.get_mut(place)) {
            Some((_, indices)) => indices.push(index),
            None => {
                known.insert(key(rule), places.len());
                places.push((span, vec![index]));
            }
        }
    }
    places
}

fn flipped(action: RuleAction) -> RuleAction {
    match action {
        RuleAction::Pass | RuleAction::Alert => RuleAction::Drop,
        RuleAction::Drop | RuleAction::Reject => RuleAction::Pass,
    }
}

fn can_widen(rule: &Rule, wide: Wide) -> bool {
    match wide {
        Wide::Source => rule.source.value != AddressExpr::Any,
        Wide::Destination => rule.destination.value != AddressExpr::Any,
        Wide::Port => rule.destination_port.value != PortExpr::Any,
        Wide::Ends => rule.options.iter().any(|option| match &option.keyword {
            Keyword::Content(content) => !content.negated && (content.startswith || content.endswith),
            _ => false,
        }),
    }
}

/// Every value of HOME_NET in a policy.
fn home_nets(policy: &mut Policy) -> impl Iterator<Item = &mut AddressVariable> {
    let of_groups = policy.stateful.groups.iter_mut().flat_map(|group| &mut group.ip_sets);
    policy.stateful.home_net.iter_mut().chain(of_groups.filter(|set| set.name == "HOME_NET"))
}

impl Change {
    /// The policy with this mistake.
    pub fn of(&self, policy: &Policy) -> Policy {
        let mut policy = policy.clone();
        self.apply(&mut policy);
        policy
    }

    fn apply(&self, policy: &mut Policy) {
        let stateful = &mut policy.stateful;
        match &self.kind {
            Kind::Delete => {
                if let Some(group) = stateful.groups.get_mut(self.group) {
                    let mut index = 0;
                    group.rules.retain(|_| {
                        index += 1;
                        !self.rules.contains(&(index - 1))
                    });
                }
            }
            Kind::Flip => self.each(policy, |rule| rule.action.value = flipped(rule.action.value)),
            Kind::Widen(wide) => self.each(policy, |rule| widen(rule, *wide)),
            Kind::Swap => {
                let at = self.rules.first().copied().unwrap_or(0);
                if let Some(group) = stateful.groups.get_mut(self.group)
                    && at + 1 < group.rules.len()
                {
                    group.rules.swap(at, at + 1);
                }
            }
            Kind::Order => {
                stateful.order =
                    if stateful.order == RuleOrder::Strict { RuleOrder::Action } else { RuleOrder::Strict };
                if stateful.order == RuleOrder::Action {
                    stateful.default_actions.clear();
                }
            }
            Kind::HomeNet(value) => {
                for set in home_nets(policy) {
                    let span = set.entries.first().map(|entry| entry.span);
                    set.entries = span.map(|span| Spanned::new((*value).to_owned(), span)).into_iter().collect();
                }
            }
            Kind::DefaultAction(index) => {
                if *index < stateful.default_actions.len() {
                    stateful.default_actions.remove(*index);
                }
            }
            Kind::DeleteStateless(group, rule) => {
                let rules = policy.stateless.as_mut().and_then(|stateless| stateless.groups.get_mut(*group));
                if let Some(group) = rules.filter(|group| *rule < group.rules.len()) {
                    group.rules.remove(*rule);
                }
            }
            Kind::FlipStateless(group, rule) => {
                let group = policy.stateless.as_mut().and_then(|stateless| stateless.groups.get_mut(*group));
                if let Some(rule) = group.and_then(|group| group.rules.get_mut(*rule)) {
                    rule.actions.action = flipped_stateless(rule.actions.action);
                }
            }
            Kind::FlipStatelessDefault => {
                if let Some(stateless) = &mut policy.stateless {
                    stateless.default_actions.action = flipped_stateless(stateless.default_actions.action);
                }
            }
        }
    }

    fn each(&self, policy: &mut Policy, change: impl Fn(&mut Rule)) {
        let Some(group) = policy.stateful.groups.get_mut(self.group) else { return };
        for index in &self.rules {
            if let Some(rule) = group.rules.get_mut(*index) {
                change(rule);
            }
        }
    }
}

fn flipped_stateless(action: StatelessAction) -> StatelessAction {
    match action {
        StatelessAction::Pass | StatelessAction::Forward => StatelessAction::Drop,
        StatelessAction::Drop => StatelessAction::Pass,
    }
}

fn widen(rule: &mut Rule, wide: Wide) {
    match wide {
        Wide::Source => rule.source.value = AddressExpr::Any,
        Wide::Destination => rule.destination.value = AddressExpr::Any,
        Wide::Port => rule.destination_port.value = PortExpr::Any,
        Wide::Ends => {
            for option in &mut rule.options {
                if let Keyword::Content(content) = &mut option.keyword {
                    (content.startswith, content.endswith) = (false, false);
                }
            }
        }
    }
}
