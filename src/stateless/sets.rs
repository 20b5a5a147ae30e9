//! Sets of rules, and the first member that several of them share.
//!
//! A set is a bit per rule, of which only the 64-bit words that are not zero are kept, behind a summary with one bit per
//! word. So a set costs what is in it, and 4096 rules that do not match are passed over in one step.

/// Many sets over the same rules.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// How many words of summary each set has.
    summary_words: usize,
    /// For each set its summary, then its words.
    words: Vec<u64>,
}

/// One of the sets: where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetId(u32);

impl SetId {
    /// The set without members.
    pub(super) const EMPTY: Self = Self(u32::MAX);
}

impl Sets {
    /// For sets of the numbers below `n_rules`.
    pub(super) fn new(n_rules: usize) -> Self {
        Self { summary_words: n_rules.div_ceil(64 * 64).max(1), words: Vec::new() }
    }

    /// Adds a set, given as one bit per rule.
    pub(super) fn add(&mut self, bits: &[u64]) -> SetId {
        if bits.iter().all(|word| *word == 0) {
            return SetId::EMPTY;
        }
        let start = self.words.len();
        for words in bits.chunks(64) {
            self.words.push(words.iter().rev().fold(0, |summary, word| summary << 1 | u64::from(*word != 0)));
        }
        self.words.resize(start + self.summary_words, 0);
        self.words.extend(bits.iter().filter(|word| **word != 0));
        SetId(start as u32)
    }

    /// The smallest number that is in all of `sets`, none of which is [`SetId::EMPTY`]; at most `N` sets are looked at.
    #[inline]
    pub(super) fn first_common<const N: usize>(&self, sets: &[SetId]) -> Option<u32> {
        // Where the next word of each set is.
        let mut next = [0_usize; N];
        for (next, set) in next.iter_mut().zip(sets) {
            *next = set.0 as usize + self.summary_words;
        }
        for block in 0..self.summary_words {
            let summary = |set: SetId| self.words.get(set.0 as usize + block).copied().unwrap_or(0);
            let mut candidates = sets.iter().fold(u64::MAX, |common, set| common & summary(*set));
            while candidates != 0 {
                let bit = candidates.trailing_zeros();
                candidates &= candidates - 1;
                let before = (1_u64 << bit) - 1;
                let common = next.iter().zip(sets).fold(u64::MAX, |common, (next, set)| {
                    let rank = (summary(*set) & before).count_ones() as usize;
                    common & self.words.get(next + rank).copied().unwrap_or(0)
                });
                if common != 0 {
                    return Some((block as u32 * 64 + bit) * 64 + common.trailing_zeros());
                }
            }
            for (next, set) in next.iter_mut().zip(sets) {
                *next += summary(*set).count_ones() as usize;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(n_rules: usize, members: impl Iterator<Item = usize>) -> Vec<u64> {
        let mut bits = vec![0; n_rules.div_ceil(64)];
        for member in members {
            bits[member / 64] |= 1 << (member % 64);
        }
        bits
    }

    #[test]
    fn the_first_common_member_is_found_wherever_it_is() {
        let n = 10_000;
        let mut sets = Sets::new(n);
        let threes = sets.add(&bits(n, (0..n).step_by(3)));
        let late = sets.add(&bits(n, 9_000..n));
        let sevens = sets.add(&bits(n, (1..n).step_by(7)));
        let common = |list: &[SetId]| sets.first_common::<3>(list);
        assert_eq!(common(&[threes]), Some(0));
        assert_eq!(common(&[late, threes]), Some(9_000));
        assert_eq!(common(&[sevens, threes]), Some(15));
        assert_eq!(common(&[sevens, late, threes]), (9_000..10_000).find(|i| i % 3 == 0 && i % 7 == 1));
        let early = sets.add(&bits(n, 0..2_000));
        assert_eq!(sets.first_common::<2>(&[early, late]), None);
        assert_eq!(sets.add(&bits(n, 0..0)), SetId::EMPTY);
    }
}
