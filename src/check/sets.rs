//! Sets of numbers, each kept once: equal sets have equal names, and what is asked of two sets is worked out once.
//!
//! Rules name the same few networks and ports over and over. With a name for each set, comparing the headers of two rules
//! is comparing a handful of small numbers.

use crate::rules::{Number, RangeSet};
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// Sorted, disjoint, inclusive ranges.
type Ranges = Vec<(u128, u128)>;

/// The name of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SetId(u32);

impl SetId {
    /// The set without members.
    pub(super) const EMPTY: Self = Self(0);
}

/// All sets of one analysis.
#[derive(Debug)]
pub(super) struct Sets {
    ranges: Vec<Ranges>,
    ids: HashMap<Ranges, SetId, FixedState>,
    common: HashMap<(SetId, SetId), SetId, FixedState>,
    difference: HashMap<(SetId, SetId), SetId, FixedState>,
}

impl Sets {
    pub(super) fn new() -> Self {
        let mut ids = HashMap::default();
        ids.insert(Ranges::new(), SetId::EMPTY);
        Self { ranges: vec![Ranges::new()], ids, common: HashMap::default(), difference: HashMap::default() }
    }

    /// The set of some ranges, in any order.
    pub(super) fn of(&mut self, ranges: impl IntoIterator<Item = (u128, u128)>) -> SetId {
        let mut ranges: Ranges = ranges.into_iter().collect();
        ranges.sort_unstable();
        let mut merged = Ranges::with_capacity(ranges.len());
        for (low, high) in ranges {
            match merged.last_mut() {
                Some(last) if last.1.checked_add(1).is_none_or(|next| low <= next) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        self.intern(merged)
    }

    /// The set of what a range set of a rule's header holds.
    pub(super) fn of_set<T: Number + Into<u128>>(&mut self, set: &RangeSet<T>) -> SetId {
        self.intern(set.ranges().iter().map(|&(low, high)| (low.into(), high.into())).collect())
    }

    fn intern(&mut self, ranges: Ranges) -> SetId {
        if let Some(&id) = self.ids.get(&ranges) {
            return id;
        }
        let id = SetId(self.ranges.len() as u32);
        self.ranges.push(ranges.clone());
        self.ids.insert(ranges, id);
        id
    }

    fn get(&self, id: SetId) -> &[(u128, u128)] {
        self.ranges.get(id.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The smallest and the largest member.
    pub(super) fn bounds(&self, id: SetId) -> Option<(u128, u128)> {
        let ranges = self.get(id);
        Some((ranges.first()?.0, ranges.last()?.1))
    }

    /// What is in both.
    pub(super) fn common(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b {
            return a;
        }
        let (Some((a_low, a_high)), Some((b_low, b_high))) = (self.bounds(a), self.bounds(b)) else {
            return SetId::EMPTY;
        };
        if a_low > b_high || b_low > a_high {
            return SetId::EMPTY;
        }
        let key = (a.min(b), a.max(b));
        if let Some(&known) = self.common.get(&key) {
            return known;
        }
        let common = common(self.get(a), self.get(b));
        let common = self.intern(common);
        self.common.insert(key, common);
        common
    }

    /// What is in `a` and not in `b`.
    pub(super) fn without(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b {
            return SetId::EMPTY;
        }
        if let Some(&known) = self.difference.get(&(a, b)) {
            return known;
        }
        let left = without(self.get(a), self.get(b));
        let left = self.intern(left);
        self.difference.insert((a, b), left);
        left
    }

    /// Whether all of `a` is in `b`.
    pub(super) fn is_within(&mut self, a: SetId, b: SetId) -> bool {
        a == b || self.without(a, b) == SetId::EMPTY
    }
}

fn common(a: &[(u128, u128)], b: &[(u128, u128)]) -> Ranges {
    let mut both = Ranges::new();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(&&(a_low, a_high)), Some(&&(b_low, b_high))) = (a.peek(), b.peek()) {
        let (low, high) = (a_low.max(b_low), a_high.min(b_high));
        if low <= high {
            both.push((low, high));
        }
        if a_high < b_high {
            a.next();
        } else {
            b.next();
        }
    }
    both
}

fn without(a: &[(u128, u128)], b: &[(u128, u128)]) -> Ranges {
    let mut left = Ranges::new();
    let mut holes = b.iter().copied().peekable();
    for &(mut low, high) in a {
        let mut is_open = true;
        while let Some(&(hole_low, hole_high)) = holes.peek() {
            if hole_low > high {
                break;
            }
            if hole_high < low {
                holes.next();
                continue;
            }
            if hole_low > low {
                left.push((low, hole_low - 1));
            }
            if hole_high >= high {
                is_open = false;
                break;
            }
            low = hole_high + 1;
            holes.next();
        }
        if is_open {
            left.push((low, high));
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ranges() -> impl Strategy<Value = Vec<(u128, u128)>> {
        prop::collection::vec((0u128..40, 0u128..8), 0..6)
            .prop_map(|all| all.into_iter().map(|(low, more)| (low, low + more)).collect())
    }

    proptest! {
        #[test]
        fn members_are_those_of_both_or_of_the_first_alone(a in ranges(), b in ranges()) {
            let mut sets = Sets::new();
            let is_in = |all: &[(u128, u128)], n: u128| all.iter().any(|&(low, high)| (low..=high).contains(&n));
            let (first, second) = (sets.of(a.clone()), sets.of(b.clone()));
            let (both, left) = (sets.common(first, second), sets.without(first, second));
            for n in 0..50 {
                prop_assert_eq!(is_in(sets.get(both), n), is_in(&a, n) && is_in(&b, n));
                prop_assert_eq!(is_in(sets.get(left), n), is_in(&a, n) && !is_in(&b, n));
            }
            prop_assert_eq!(sets.is_within(first, second), (0..50).all(|n| !is_in(&a, n) || is_in(&b, n)));
        }
    }

    #[test]
    fn equal_sets_have_one_name() {
        let mut sets = Sets::new();
        assert_eq!(sets.of([(1, 2), (3, 9)]), sets.of([(2, 9), (1, 4)]));
        assert_eq!(sets.of([]), SetId::EMPTY);
    }
}
