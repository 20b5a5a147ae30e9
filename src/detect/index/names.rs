//! Rules that wait for a domain name: whole, or everything below it.
//!
//! A domain list becomes `content:"example.com"; startswith; endswith` and `dotprefix; content:".example.com"; endswith`.
//! One walk over a name from its end tells all rules that wait for it, whatever the number of rules.

use crate::verdict::RuleId;
use foldhash::fast::FixedState;
use std::collections::HashMap;

/// Names, by a hash of their bytes from the last to the first. Two names of one hash are told apart by their rules.
#[derive(Debug, Default)]
pub(super) struct Names {
    places: HashMap<u64, (u32, u32), FixedState>,
    rules: Vec<RuleId>,
    /// Bytes of the longest name.
    longest: usize,
}

/// Names under construction.
#[derive(Debug, Default)]
pub(super) struct NamesBuilder {
    rules: Vec<(u64, RuleId)>,
    longest: usize,
}

impl NamesBuilder {
    /// The rule waits for this very name.
    pub(super) fn whole(&mut self, name: &[u8], rule: RuleId) {
        self.add(as_whole(hash(name)), name, rule);
    }

    /// The rule waits for a name that is this one or ends with it behind a dot.
    pub(super) fn ending(&mut self, name: &[u8], rule: RuleId) {
        self.add(hash(name), name, rule);
    }

    fn add(&mut self, hash: u64, name: &[u8], rule: RuleId) {
        self.longest = self.longest.max(name.len());
        self.rules.push((hash, rule));
    }

    pub(super) fn build(mut self) -> Names {
        self.rules.sort_unstable();
        let mut names = Names { longest: self.longest, ..Names::default() };
        names.places.reserve(self.rules.len());
        names.rules.reserve(self.rules.len());
        for same in self.rules.chunk_by(|a, b| a.0 == b.0) {
            let begin = names.rules.len() as u32;
            names.rules.extend(same.iter().map(|(_, rule)| *rule));
            if let Some((hash, _)) = same.first() {
                names.places.insert(*hash, (begin, names.rules.len() as u32));
            }
        }
        names
    }
}

impl Names {
    /// Rules that may wait for `name`. Upper and lower case are one.
    pub(super) fn find(&self, name: &[u8], found: &mut Vec<RuleId>) {
        if self.rules.is_empty() {
            return;
        }
        let mut state = EMPTY;
        let mut before = name.iter().rev();
        for _ in 0..=self.longest {
            match before.next() {
                Some(&byte) => {
                    if byte == b'.' {
                        self.extend(state, found);
                    }
                    state = step(state, byte);
                }
                None => {
                    self.extend(state, found);
                    self.extend(as_whole(state), found);
                    return;
                }
            }
        }
    }

    fn extend(&self, hash: u64, found: &mut Vec<RuleId>) {
        if let Some(&(begin, end)) = self.places.get(&hash)
            && let Some(rules) = self.rules.get(begin as usize..end as usize)
        {
            found.extend_from_slice(rules);
        }
    }
}

const EMPTY: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a over the bytes in lower case. A hash that is met by chance only costs a look at a rule.
fn step(state: u64, byte: u8) -> u64 {
    (state ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
}

fn hash(name: &[u8]) -> u64 {
    name.iter().rev().fold(EMPTY, |state, byte| step(state, *byte))
}

/// Keeps names that are waited for as a whole apart from endings.
fn as_whole(hash: u64) -> u64 {
    hash ^ 0x9e37_79b9_7f4a_7c15
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let mut builder = NamesBuilder::default();
        builder.ending(b"example.com", RuleId(1));
        builder.whole(b"example.com", RuleId(2));
        builder.ending(b"Com", RuleId(3));
        builder.whole(b"www.example.com", RuleId(4));
        builder.ending(b"example.com", RuleId(5));
        builder.build()
    }

    fn found(name: &str) -> Vec<u32> {
        let mut found = Vec::new();
        names().find(name.as_bytes(), &mut found);
        found.sort_unstable();
        found.into_iter().map(|rule| rule.0).collect()
    }

    #[test]
    fn all_rules_of_a_name_and_of_what_it_lies_below() {
        assert_eq!(found("example.com"), [1, 2, 3, 5]);
        assert_eq!(found("WWW.example.com"), [1, 3, 4, 5]);
        assert_eq!(found("notexample.com"), [3]);
        assert_eq!(found("com"), [3]);
        assert!(found("example.com.evil.org").is_empty());
        assert!(found("").is_empty());
        assert_eq!(found(&format!("{}.example.com", "a.".repeat(500))), [1, 3, 5]);
    }
}
