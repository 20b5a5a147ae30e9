//! Whether Suricata's order by action means the same as the strict order of a policy.

use super::rules::Prepared;
use crate::detect::Program;
use crate::rules::ast::Rule;
use crate::rules::keyword::{Flowbits, FlowintOperand, Keyword};
use crate::verdict::RuleAction;
use std::collections::HashMap;

/// A rule that Suricata evaluates on the other side of another one than the policy says, where that may matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misplaced {
    /// The rule, by its place in the policy: see [`Program::places`].
    pub rule: u32,
    /// The other rule.
    pub other: u32,
}

impl Misplaced {
    /// Whether the other rule comes first in the policy.
    pub fn other_is_first(self) -> bool {
        self.other < self.rule
    }
}

/// The rules that the order by action puts on the wrong side of others.
///
/// Two rules may change places unless one of them passes, since a pass ends the walk over the rules that match, or both
/// have to do with the same thing that is remembered of a flow or host.
pub(super) fn misplaced(prepared: &Prepared, by_action: &Program) -> Vec<Misplaced> {
    let rules: Vec<&Rule> = prepared.all().collect();
    let mut sequence: Vec<u32> = by_action.places().collect();
    // both directions of a rule with `<>`
    sequence.dedup();
    let mut turns = vec![0_u32; rules.len()];
    for (turn, place) in (0..).zip(&sequence) {
        if let Some(slot) = turns.get_mut(*place as usize) {
            *slot = turn;
        }
    }
    let mut found = Vec::new();
    let mut last_in_front = None;
    let mut last_by_name = HashMap::new();
    for (turn, &place) in (0_u32..).zip(&sequence) {
        let Some(&rule) = rules.get(place as usize) else { continue };
        let mut other = None;
        if rule.action.value == RuleAction::Pass {
            // as many rules in front, and none of them from behind: the same rules
            let same = turn == place && last_in_front.is_none_or(|last| last < place);
            let moved = |(other, its_turn): (u32, &u32)| ((other < place) != (*its_turn < turn)).then_some(other);
            other = if same { None } else { (0_u32..).zip(&turns).filter(|(n, _)| *n != place).find_map(moved) };
        }
        for name in remembered(rule) {
            let last = last_by_name.entry(name).or_insert(place);
            other = other.or((*last > place).then_some(*last));
            *last = place.max(*last);
        }
        found.extend(other.map(|other| Misplaced { rule: place, other }));
        last_in_front = last_in_front.max(Some(place));
    }
    found
}

/// What a rule sets or asks for that other rules may ask for or set: the family of keywords and the name. What a
/// threshold counts is the rule's own.
fn remembered(rule: &Rule) -> Vec<(&'static str, &str)> {
    let mut names = Vec::new();
    for option in &rule.options {
        match &option.keyword {
            Keyword::Flowbits(Flowbits::Bits { names: bits, .. }) => {
                names.extend(bits.iter().map(|name| ("flowbits", name.as_str())));
            }
            Keyword::Flowint(flowint) => {
                names.push(("flowint", flowint.name.as_str()));
                if let Some(FlowintOperand::Variable(name)) = &flowint.operand {
                    names.push(("flowint", name));
                }
            }
            // the two see each other's bits
            Keyword::Xbits(bits) | Keyword::Hostbits(bits) => names.push(("xbits", &bits.name)),
            Keyword::Pcre(pcre) => names.extend(pcre.captures.iter().map(|name| ("pcre", name.as_str()))),
            _ => {}
        }
    }
    names
}
