//! Which group and which rule of one policy is which of the other.
//!
//! Groups go by their names, else by their ARNs, else by what they hold. Rules of one group go by their text, else by
//! their text without number and revision, else by their number; those of a domain list by domain and protocol, whatever
//! numbers the expansion gave them.

use crate::detect::Program;
use crate::policy::model::{DefaultAction, Policy, StatefulGroup, StatefulKind};
use crate::rules::ast::Rule;
use crate::rules::keyword::Keyword;
use crate::verdict::{Cause, RuleId, StatelessRuleId};
use foldhash::HashMap;
use std::collections::VecDeque;
use std::fmt::Write;

/// A thing of the old policy and what it is in the new one, by their places; one of them may be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Place in the old policy.
    pub old: Option<usize>,
    /// Place in the new policy.
    pub new: Option<usize>,
}

/// A stateful group and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPair {
    /// The groups.
    pub group: Pair,
    /// Their rules, by their places in the groups.
    pub rules: Vec<Pair>,
}

/// What of one policy is what of the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// Stateful groups: those of the new policy in its order, then those that are gone.
    pub groups: Vec<GroupPair>,
    /// Stateless groups, likewise.
    pub stateless: Vec<GroupPair>,
}

impl Matching {
    /// Of two policies.
    pub fn new(old: &Policy, new: &Policy) -> Self {
        let rules = |group: Pair| {
            let sides = [(old, group.old), (new, group.new)].map(|(policy, place)| policy.stateful.groups.get(place?));
            let is_list = speaks_of_domains(sides);
            let [old, new] = sides.map(|side| side.map(|side| keys(side, is_list)).unwrap_or_default());
            GroupPair { group, rules: pairs(&old, &new) }
        };
        let groups = pairs(&group_keys(&old.stateful.groups), &group_keys(&new.stateful.groups));
        Self { groups: groups.into_iter().map(rules).collect(), stateless: stateless(old, new) }
    }
}

fn stateless(old: &Policy, new: &Policy) -> Vec<GroupPair> {
    let groups = |policy: &Policy| {
        let groups = policy.stateless.iter().flat_map(|stateless| &stateless.groups);
        groups.map(|group| vec![Some(group.name.clone())]).collect::<Vec<_>>()
    };
    let rules = |policy: &Policy, place: Option<usize>| {
        let group = place.and_then(|place| policy.stateless.as_ref()?.groups.get(place));
        let rules = group.into_iter().flat_map(|group| &group.rules);
        rules.map(|rule| vec![Some(rule.priority.to_string())]).collect::<Vec<_>>()
    };
    let all = pairs(&groups(old), &groups(new)).into_iter();
    all.map(|group| GroupPair { group, rules: pairs(&rules(old, group.old), &rules(new, group.new)) }).collect()
}

/// By what a thing may be known again, the best first; `None` where one does not apply. All things have equally many.
type Keys = Vec<Option<String>>;

/// Pairs what has the same key, key by key; in the new order, then what is gone.
fn pairs(old: &[Keys], new: &[Keys]) -> Vec<Pair> {
    let mut old_of_new: Vec<Option<usize>> = vec![None; new.len()];
    let mut taken = vec![false; old.len()];
    let n_keys = old.iter().chain(new).map(Vec::len).max().unwrap_or(0);
    for n in 0..n_keys {
        let mut free: HashMap<&str, VecDeque<usize>> = HashMap::default();
        for (place, keys) in old.iter().enumerate().filter(|(place, _)| taken.get(*place) == Some(&false)) {
            if let Some(Some(key)) = keys.get(n) {
                free.entry(key).or_default().push_back(place);
            }
        }
        for (slot, keys) in old_of_new.iter_mut().zip(new).filter(|(slot, _)| slot.is_none()) {
            let Some(Some(key)) = keys.get(n) else { continue };
            *slot = free.get_mut(key.as_str()).and_then(VecDeque::pop_front);
            if let Some(taken) = slot.and_then(|place| taken.get_mut(place)) {
                *taken = true;
            }
        }
    }
    let kept = old_of_new.iter().enumerate().map(|(place, old)| Pair { old: *old, new: Some(place) });
    let gone = taken.iter().enumerate().filter(|(_, taken)| !**taken);
    kept.chain(gone.map(|(place, _)| Pair { old: Some(place), new: None })).collect()
}

fn group_keys(groups: &[StatefulGroup]) -> Vec<Keys> {
    let name = |group: &StatefulGroup| Some(group.name.clone());
    let holds = |group: &StatefulGroup| {
        let texts = group.rules.iter().map(ToString::to_string).collect::<Vec<_>>();
        (!texts.is_empty()).then(|| texts.join("\n"))
    };
    // the only group of its kind goes on under a new name
    let only = |group: &StatefulGroup| {
        let alike = groups.iter().filter(|other| other.kind == group.kind).count();
        (alike == 1).then(|| format!("{:?}", group.kind))
    };
    groups.iter().map(|group| vec![name(group), group.arn.clone(), holds(group), only(group)]).collect()
}

/// Whether the rules of a group are those of a domain list on every side that has the group.
pub(super) fn speaks_of_domains(sides: [Option<&StatefulGroup>; 2]) -> bool {
    sides.into_iter().flatten().all(|group| group.kind == StatefulKind::DomainList)
}

fn keys(group: &StatefulGroup, is_list: bool) -> Vec<Keys> {
    let keys = |rule: &Rule| {
        if is_list {
            return vec![Some(list_key(rule))];
        }
        let number = format!("{}:{}", rule.gid(), rule.sid());
        vec![Some(rule.to_string()), Some(text_without_number(rule)), Some(number)]
    };
    group.rules.iter().map(keys).collect()
}

fn list_key(rule: &Rule) -> String {
    let protocol = rule.protocol.value.as_str();
    domain_of(rule).map_or_else(|| format!("{protocol} rest"), |domain| format!("{protocol} of {domain}"))
}

/// The domain that a rule of a domain list is about, in small letters; `None` for the drops that close a list.
pub fn domain_of(rule: &Rule) -> Option<String> {
    let content = rule.options.iter().find_map(|option| match &option.keyword {
        Keyword::Content(content) => Some(content),
        _ => None,
    })?;
    (content.pattern != b"\r\n").then(|| String::from_utf8_lossy(&content.pattern).to_lowercase())
}

/// A rule without what only names it.
fn text_without_number(rule: &Rule) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "{} {} {} {} {} {} {}",
        rule.action.value.name(),
        rule.protocol.value.as_str(),
        rule.source.value,
        rule.source_port.value,
        rule.arrow.value,
        rule.destination.value,
        rule.destination_port.value
    );
    for option in &rule.options {
        if !matches!(option.keyword, Keyword::Sid(_) | Keyword::Rev(_)) {
            let _ = write!(text, " {};", option.keyword);
        }
    }
    text
}

/// Numbers for the rules of both programs: two rules have one number when they are the same rule.
#[derive(Clone, Debug, Default)]
pub struct Identities {
    stateful: [Vec<u32>; 2],
    stateless: [HashMap<StatelessRuleId, u32>; 2],
}

impl Identities {
    /// Of two policies that have been compiled.
    pub fn new(matching: &Matching, old: (&Policy, &Program), new: (&Policy, &Program)) -> Self {
        let mut next = 0;
        let mut places: [HashMap<u32, u32>; 2] = [HashMap::default(), HashMap::default()];
        let [old_starts, new_starts] = [old, new].map(|(policy, _)| starts(policy));
        for group in &matching.groups {
            let first = [(&old_starts, group.group.old), (&new_starts, group.group.new)]
                .map(|(starts, place)| place.and_then(|place| starts.get(place)).copied().unwrap_or(0));
            for rule in &group.rules {
                for ((side, place), first) in places.iter_mut().zip([rule.old, rule.new]).zip(first) {
                    if let Some(place) = place {
                        side.insert(first + place as u32, next);
                    }
                }
                next += 1;
            }
        }
        let mut of_default_actions: HashMap<(Option<&'static str>, u32), u32> = HashMap::default();
        let [old_places, new_places] = places;
        let mut side = |places: HashMap<u32, u32>, program: &Program| {
            let kept = kept_places(program);
            let number = |(id, place): (RuleId, u32)| {
                let written = kept.get(place as usize).and_then(|document| places.get(document)).copied();
                let rule = program.rule(id).filter(|rule| rule.group.is_none());
                match (rule, written) {
                    (None, Some(number)) => number,
                    (rule, _) => {
                        let key = rule.map(|rule| (rule.default_action.map(DefaultAction::name), rule.sid));
                        *of_default_actions.entry(key.unwrap_or((None, 0))).or_insert_with(|| {
                            next += 1;
                            next - 1
                        })
                    }
                }
            };
            (0..).map(RuleId).zip(program.places()).map(number).collect::<Vec<u32>>()
        };
        let stateful = [side(old_places, old.1), side(new_places, new.1)];
        let mut stateless: [HashMap<StatelessRuleId, u32>; 2] = [HashMap::default(), HashMap::default()];
        for group in &matching.stateless {
            for rule in &group.rules {
                let places = [(group.group.old, rule.old), (group.group.new, rule.new)];
                for (side, place) in stateless.iter_mut().zip(places) {
                    if let (Some(group), Some(rule)) = place {
                        side.insert(StatelessRuleId { group: group as u16, rule: rule as u32 }, next);
                    }
                }
                next += 1;
            }
        }
        Self { stateful, stateless }
    }

    /// The number of a stateful rule, of the old (0) or the new (1) program.
    pub fn of_rule(&self, side: usize, id: RuleId) -> Option<u32> {
        self.stateful.get(side)?.get(id.0 as usize).copied()
    }

    /// Whether the same rule, or the same other thing, decided on both sides.
    pub fn same_cause(&self, old: Cause, new: Cause) -> bool {
        match (old, new) {
            (Cause::StatelessRule(a), Cause::StatelessRule(b)) => {
                let [of_old, of_new] = &self.stateless;
                of_old.get(&a) == of_new.get(&b)
            }
            _ => match (rule_of(old), rule_of(new)) {
                (Some(a), Some(b)) => self.of_rule(0, a) == self.of_rule(1, b),
                (None, None) => old == new,
                _ => false,
            },
        }
    }
}

/// The stateful rule behind a cause.
pub fn rule_of(cause: Cause) -> Option<RuleId> {
    match cause {
        Cause::Rule(id) | Cause::RuleThreshold(id) | Cause::FlowPassed(id) | Cause::FlowDropped(Some(id)) => Some(id),
        _ => None,
    }
}

/// For each stateful group, how many rules of the document come before its own.
fn starts(policy: &Policy) -> Vec<u32> {
    let groups = policy.stateful.groups.iter();
    let add = |sum: &mut u32, group: &StatefulGroup| {
        let start = *sum;
        *sum += group.rules.len() as u32;
        Some(start)
    };
    groups.scan(0, add).collect()
}

/// The places in the document of the rules that a program has: those that are left out have none.
fn kept_places(program: &Program) -> Vec<u32> {
    let mut left_out = program.left_out().iter().copied().peekable();
    let n_rules = program.groups().iter().map(|group| group.n_rules as u32).sum();
    (0..n_rules).filter(|place| left_out.next_if_eq(place).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(texts: &[&[&str]]) -> Vec<Keys> {
        texts.iter().map(|keys| keys.iter().map(|key| (!key.is_empty()).then(|| (*key).to_owned())).collect()).collect()
    }

    #[test]
    fn better_keys_pair_first_and_equal_ones_in_order() {
        let old = keys(&[&["a", "1"], &["b", "2"], &["c", "3"], &["c", "4"]]);
        let new = keys(&[&["c", "1"], &["x", "2"], &["c", "9"], &["y", ""]]);
        let found: Vec<_> = pairs(&old, &new).into_iter().map(|pair| (pair.old, pair.new)).collect();
        let wanted = [(Some(2), Some(0)), (Some(1), Some(1)), (Some(3), Some(2)), (None, Some(3)), (Some(0), None)];
        assert_eq!(found, wanted);
    }
}
