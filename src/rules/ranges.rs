//! What an address or port expression comes to, as sorted ranges of numbers.
//!
//! Suricata collects the positive and the negated members of an expression, over all nested lists that are not negated
//! themselves, and takes the second from the first. An expression with negated members only starts from everything, but for
//! addresses only in the families that it names: `!10.0.0.1` matches no IPv6 at all.

/// Sorted, disjoint, inclusive ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet<T>(Vec<(T, T)>);

/// A number that ranges can be made of.
pub trait Number: Copy + Ord {
    /// The smallest.
    const MIN: Self;
    /// The largest.
    const MAX: Self;
    /// The next number, unless this is the largest.
    fn next(self) -> Option<Self>;
    /// The number before, unless this is the smallest.
    fn previous(self) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty),+) => {
        $(impl Number for $number {
            const MIN: Self = <$number>::MIN;
            const MAX: Self = <$number>::MAX;
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        })+
    };
}
numbers!(u16, u32, u128);

impl<T: Number> RangeSet<T> {
    /// Every number.
    pub fn all() -> Self {
        Self(vec![(T::MIN, T::MAX)])
    }

    /// No number.
    pub fn empty() -> Self {
        Self(Vec::new())
    }

    /// All that is in any of several sets.
    pub fn union<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self
    where
        T: 'a,
    {
        Self(sets.into_iter().flat_map(|set| set.0.iter().copied()).collect()).normalised()
    }

    /// The ranges.
    pub fn ranges(&self) -> &[(T, T)] {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every number is in it.
    pub fn is_all(&self) -> bool {
        self.0.first() == Some(&(T::MIN, T::MAX))
    }

    /// Whether `number` is in it.
    pub fn contains(&self, number: T) -> bool {
        let after = self.0.partition_point(|&(low, _)| low <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|&(_, high)| number <= high)
    }

    /// Adds a range. Ranges must be [`normalised`](Self::normalised) before anything else is asked.
    fn push(&mut self, low: T, high: T) {
        self.0.push((low, high));
    }

    fn normalised(mut self) -> Self {
        self.0.sort_unstable();
        let mut merged: Vec<(T, T)> = Vec::with_capacity(self.0.len());
        for (low, high) in self.0 {
            match merged.last_mut() {
                Some(last) if last.1.next().is_none_or(|next| low <= next) => last.1 = last.1.max(high),
                _ => merged.push((low, high)),
            }
        }
        Self(merged)
    }

    /// What is in `self` and not in `other`; both normalised.
    fn without(&self, other: &Self) -> Self {
        let mut left = Vec::with_capacity(self.0.len());
        let mut holes = other.0.iter().copied().peekable();
        for &(mut low, high) in &self.0 {
            let mut open = true;
            while let Some(&(hole_low, hole_high)) = holes.peek() {
                if hole_high < low {
                    holes.next();
                    continue;
                }
                if hole_low > high {
                    break;
                }
                if let Some(end) = hole_low.previous().filter(|&end| end >= low) {
                    left.push((low, end));
                }
                if let Some(next) = hole_high.next().filter(|&next| next <= high) {
                    low = next;
                } else {
                    open = false;
                    break;
                }
            }
            if open {
                left.push((low, high));
            }
        }
        Self(left)
    }
}

/// Positive and negated members while an expression is walked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<T> {
    positive: RangeSet<T>,
    negated: RangeSet<T>,
}

impl<T: Number> Members<T> {
    pub(crate) fn new() -> Self {
        Self { positive: RangeSet::empty(), negated: RangeSet::empty() }
    }

    pub(crate) fn add(&mut self, negated: bool, low: T, high: T) {
        if negated { self.negated.push(low, high) } else { self.positive.push(low, high) }
    }

    pub(crate) fn add_negated_set(&mut self, set: &RangeSet<T>) {
        self.negated.0.extend_from_slice(&set.0);
    }

    pub(crate) fn negates_everything(&self) -> bool {
        self.negated.clone().normalised().is_all()
    }

    /// The positive members without the negated ones.
    pub(crate) fn finish(self) -> RangeSet<T> {
        let positive = if self.positive.is_empty() && !self.negated.is_empty() {
            RangeSet::all()
        } else {
            self.positive.normalised()
        };
        positive.without(&self.negated.normalised())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(positive: &[(u16, u16)], negated: &[(u16, u16)]) -> RangeSet<u16> {
        let mut members = Members::new();
        for &(low, high) in positive {
            members.add(false, low, high);
        }
        for &(low, high) in negated {
            members.add(true, low, high);
        }
        members.finish()
    }

    #[test]
    fn neighbours_merge_and_holes_are_cut() {
        assert_eq!(set(&[(3, 4), (1, 2), (9, 9)], &[]).ranges(), [(1, 4), (9, 9)]);
        assert_eq!(set(&[(1, 10)], &[(3, 4), (9, 20)]).ranges(), [(1, 2), (5, 8)]);
        assert_eq!(set(&[], &[(0, 79), (81, 65535)]).ranges(), [(80, 80)]);
        assert!(set(&[(5, 6)], &[(0, 65535)]).is_empty());
    }

    #[test]
    fn membership_is_by_range() {
        let set = set(&[(10, 20), (30, 40)], &[(15, 15)]);
        assert!(set.contains(10) && set.contains(14) && set.contains(16) && set.contains(40));
        assert!(!set.contains(9) && !set.contains(15) && !set.contains(25) && !set.contains(41));
    }
}
