//! Whether Suricata's order by action means the same as the strict order of a policy.

use super::rules::Prepared;
use crate::detect::Program;
use crate::rules::ast::Rule;
use crate::rules::keyword::Keyword;
use crate::verdict::RuleAction;

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
/// Rules may change places when neither passes, since only a pass ends the walk over the rules that match, and neither
/// sets or asks for anything that is remembered. So a rule that passes or remembers must have the same rules in front
/// of it in both orders.
pub(super) fn misplaced(prepared: &Prepared, by_action: &Program) -> Vec<Misplaced> {
    let rules: Vec<&Rule> = prepared.all().collect();
    let mut sequence: Vec<u32> = by_action.places().collect();
    // both directions of a rule with `<>`
    sequence.dedup();
    let mut turn = vec![0_u32; rules.len()];
    for (now, place) in sequence.iter().enumerate() {
        if let Some(turn) = turn.get_mut(*place as usize) {
            *turn = now as u32;
        }
    }
    let mut found = Vec::new();
    let mut last_in_front = None;
    for (now, &place) in sequence.iter().enumerate() {
        let now = now as u32;
        // the same number of rules in front, and none of them from behind: they are the same rules
        let same = now == place && last_in_front.is_none_or(|last| last < place);
        last_in_front = last_in_front.max(Some(place));
        let Some(&rule) = rules.get(place as usize) else { continue };
        if same || !keeps_its_place(rule) {
            continue;
        }
        let moved = |(other, its_turn): &(usize, &u32)| ((*other as u32) < place) != (**its_turn < now);
        let mut others = turn.iter().enumerate().filter(|(other, _)| *other as u32 != place);
        if let Some((other, _)) = others.find(moved) {
            found.push(Misplaced { rule: place, other: other as u32 });
        }
    }
    found
}

/// A rule for which it matters what comes before it.
fn keeps_its_place(rule: &Rule) -> bool {
    rule.action.value == RuleAction::Pass
        || rule.options.iter().any(|option| match &option.keyword {
            Keyword::Flowbits(_)
            | Keyword::Flowint(_)
            | Keyword::Xbits(_)
            | Keyword::Hostbits(_)
            | Keyword::Threshold(_)
            | Keyword::DetectionFilter(_) => true,
            Keyword::Pcre(pcre) => !pcre.captures.is_empty(),
            _ => false,
        })
}
