//! A set of rules of one program, which also hears which rules match.

use crate::detect::trace::Miss;
use crate::detect::{PacketState, RulePath, Tracer};
use crate::flow::Flow;
use crate::packet::Packet;
use crate::verdict::RuleId;

/// A set of rules: a bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    words: Vec<u64>,
}

impl RuleSet {
    /// Adds a rule.
    pub fn insert(&mut self, id: RuleId) {
        let word = id.0 as usize / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word) {
            *word |= 1 << (id.0 % 64);
        }
    }

    /// Adds all rules of another set.
    pub fn extend(&mut self, other: &Self) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
    }

    /// Whether a rule is in it.
    pub fn contains(&self, id: RuleId) -> bool {
        self.words.get(id.0 as usize / 64).is_some_and(|word| word & (1 << (id.0 % 64)) != 0)
    }

    /// The rules in it, in order.
    pub fn iter(&self) -> impl Iterator<Item = RuleId> + '_ {
        let bits = |(index, word): (u32, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| RuleId(index * 64 + bit))
        };
        (0..).zip(&self.words).flat_map(bits)
    }
}

/// Rules that match are put in.
impl Tracer for RuleSet {
    const HEARS: bool = false;

    fn packet(&mut self, _: &Packet<'_>, _: Option<&Flow>, _: &PacketState) {}

    fn path(&self) -> RulePath {
        RulePath::Fast
    }

    fn missed(&mut self, _: RuleId, _: Miss) {}

    fn held(&mut self, _: RuleId, _: u16) {}

    fn matched(&mut self, rule: RuleId) {
        self.insert(rule);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_was_put_in() {
        let mut set = RuleSet::default();
        set.insert(RuleId(3));
        set.insert(RuleId(200));
        let mut other = RuleSet::default();
        other.insert(RuleId(64));
        other.extend(&set);
        assert_eq!(other.iter().collect::<Vec<_>>(), [RuleId(3), RuleId(64), RuleId(200)]);
        assert!(set.contains(RuleId(200)) && !set.contains(RuleId(64)) && !set.contains(RuleId(9999)));
    }
}
