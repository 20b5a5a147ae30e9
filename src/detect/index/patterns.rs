//! Rules by the pattern that they wait for in a buffer of a transaction.

use super::names::{Names, NamesBuilder};
use super::waits_for;
use crate::app::Tx;
use crate::detect::content::BufferTest;
use crate::detect::places::{BufferName, TxView};
use crate::detect::signature::{Look, Signature};
use crate::detect::transform::Transforms;
use crate::verdict::{Direction, RuleId};
use aho_corasick::AhoCorasick;

/// The rules of a direction that wait for a pattern, by buffer.
#[derive(Debug, Default)]
pub(super) struct ByPattern(Vec<OfBuffer>);

/// The rules of one buffer.
#[derive(Debug)]
struct OfBuffer {
    buffer: BufferName,
    /// Where HTTP/1 has it.
    place: u8,
    transforms: Transforms,
    names: Names,
    patterns: Option<Patterns>,
    /// Those that are looked at whatever the buffer holds.
    always: Vec<RuleId>,
}

/// Patterns that may stand anywhere, and the rules of each.
#[derive(Debug)]
pub(super) struct Patterns {
    automaton: AhoCorasick,
    rules: Vec<Vec<RuleId>>,
}

/// Room for a search, used again and again.
#[derive(Debug, Default)]
pub(in crate::detect) struct Searching {
    transformed: Vec<u8>,
    /// Patterns found so far, a bit each.
    seen: Vec<u64>,
}

/// So few patterns are tried one by one.
const FEW: usize = 4;

impl ByPattern {
    pub(super) fn build<'a>(rules: impl Iterator<Item = (RuleId, &'a Signature)>, direction: Direction) -> Self {
        let mut building: Vec<Building<'a>> = Vec::new();
        for (id, signature) in rules {
            let Some(engine) = waits_for(signature, direction) else { continue };
            let Look::Buffer { buffer, transforms, tests } = &engine.look else { continue };
            let known = building.iter().position(|of| of.buffer == *buffer && of.transforms == transforms);
            let of_buffer = match known.and_then(|at| building.get_mut(at)) {
                Some(of_buffer) => of_buffer,
                None => building.push_mut(Building::new(*buffer, engine.progress, transforms)),
            };
            of_buffer.add(id, tests);
        }
        Self(building.into_iter().map(Building::finish).collect())
    }

    /// Adds the rules whose pattern may be in one of the buffers of `tx`, in no order.
    pub(super) fn find(&self, tx: &Tx, view: &TxView, searching: &mut Searching, found: &mut Vec<RuleId>) {
        for of_buffer in &self.0 {
            if of_buffer.buffer.is_searched(of_buffer.place, view) {
                of_buffer.buffer.any(tx, view, |window| {
                    of_buffer.find(window.bytes, searching, found);
                    false
                });
            }
        }
    }
}

impl OfBuffer {
    fn find(&self, bytes: &[u8], searching: &mut Searching, found: &mut Vec<RuleId>) {
        found.extend_from_slice(&self.always);
        self.names.find(bytes, found);
        let Some(patterns) = &self.patterns else { return };
        let Searching { transformed, seen } = searching;
        patterns.find_in(self.transforms.apply(bytes, transformed), seen, found);
    }
}

/// The rules of a buffer while they are collected.
struct Building<'a> {
    buffer: BufferName,
    place: u8,
    transforms: &'a Transforms,
    names: NamesBuilder,
    patterns: Vec<(&'a [u8], RuleId)>,
    always: Vec<RuleId>,
}

impl<'a> Building<'a> {
    fn new(buffer: BufferName, place: u8, transforms: &'a Transforms) -> Self {
        Self { buffer, place, transforms, names: NamesBuilder::default(), patterns: Vec::new(), always: Vec::new() }
    }

    fn add(&mut self, rule: RuleId, tests: &'a [BufferTest]) {
        let wanted = || {
            tests.iter().filter_map(|test| match test {
                BufferTest::Content(content) if !content.negated && !content.pattern.is_empty() => Some(content),
                _ => None,
            })
        };
        let dotprefix = self.transforms.is_dotprefix();
        let of_names = dotprefix || self.transforms.is_empty();
        for content in wanted() {
            if !of_names || !content.endswith || content.relative.is_some() {
                continue;
            }
            if content.is_whole() {
                let name = if dotprefix { content.pattern.strip_prefix(b".") } else { Some(&*content.pattern) };
                if let Some(name) = name {
                    return self.names.whole(name, rule);
                }
            } else if content.depth.is_none()
                && let Some(name) = content.pattern.strip_prefix(b".")
            {
                return self.names.ending(name, rule);
            }
        }
        match wanted().max_by_key(|content| content.pattern.len()) {
            Some(content) => self.patterns.push((&content.pattern, rule)),
            None => self.always.push(rule),
        }
    }

    fn finish(mut self) -> OfBuffer {
        let patterns = if self.patterns.len() > FEW { Patterns::build(&self.patterns) } else { None };
        if patterns.is_none() {
            self.always.extend(self.patterns.iter().map(|(_, rule)| *rule));
        }
        OfBuffer {
            buffer: self.buffer,
            place: self.place,
            transforms: self.transforms.clone(),
            names: self.names.build(),
            patterns,
            always: self.always,
        }
    }
}

impl Patterns {
    /// Adds the rules of all patterns that are in `bytes`, each pattern once.
    pub(super) fn find(&self, bytes: &[u8], searching: &mut Searching, found: &mut Vec<RuleId>) {
        self.find_in(bytes, &mut searching.seen, found);
    }

    fn find_in(&self, bytes: &[u8], seen: &mut Vec<u64>, found: &mut Vec<RuleId>) {
        seen.clear();
        seen.resize(self.rules.len().div_ceil(64), 0);
        for hit in self.automaton.find_overlapping_iter(bytes) {
            let pattern = hit.pattern().as_usize();
            let (Some(word), Some(rules)) = (seen.get_mut(pattern / 64), self.rules.get(pattern)) else { continue };
            let bit = 1 << (pattern % 64);
            if *word & bit == 0 {
                *word |= bit;
                found.extend_from_slice(rules);
            }
        }
    }

    /// `None` when there are too many for an automaton.
    pub(super) fn build(patterns: &[(&[u8], RuleId)]) -> Option<Self> {
        let mut lower: Vec<(Vec<u8>, RuleId)> =
            patterns.iter().map(|(pattern, rule)| (pattern.to_ascii_lowercase(), *rule)).collect();
        lower.sort_unstable();
        let same: Vec<_> = lower.chunk_by(|a, b| a.0 == b.0).collect();
        let texts = same.iter().filter_map(|same| same.first()).map(|(pattern, _)| pattern);
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(texts).ok()?;
        let rules = same.iter().map(|same| same.iter().map(|(_, rule)| *rule).collect()).collect();
        Some(Self { automaton, rules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Buffer;
    use crate::detect::content::{Amount, ContentTest, content};

    fn found(rules: &[Vec<ContentTest>], dotprefix: bool, buffer: &str) -> Vec<u32> {
        let rules: Vec<Vec<BufferTest>> =
            rules.iter().map(|tests| tests.iter().cloned().map(BufferTest::Content).collect()).collect();
        let mut transforms = Transforms::default();
        if dotprefix {
            transforms.push(&crate::rules::keyword::Transform::Dotprefix).unwrap();
        }
        let mut building = Building::new(BufferName::One(Buffer::TlsSni), 0, &transforms);
        for (number, tests) in rules.iter().enumerate() {
            building.add(RuleId(number as u32), tests);
        }
        let mut found = Vec::new();
        building.finish().find(buffer.as_bytes(), &mut Searching::default(), &mut found);
        found.sort_unstable();
        found.into_iter().map(|rule| rule.0).collect()
    }

    #[test]
    fn overlapping_patterns_are_all_found_once() {
        let rules: Vec<_> = ["a", "aa", "B", "ab", "xyz", "aaab"].map(|pattern| vec![content(pattern)]).into();
        assert_eq!(found(&rules, false, "aaaabb"), [0, 1, 2, 3, 5]);
        assert!(found(&rules, false, "").is_empty());
    }

    #[test]
    fn a_dot_in_front_belongs_to_the_buffer() {
        let ending = |pattern: &str| ContentTest { endswith: true, ..content(pattern) };
        let whole = |pattern: &str| ContentTest { depth: Some(Amount::Value(pattern.len() as i64)), ..ending(pattern) };
        let rules = [vec![ending(".example.com")], vec![whole(".example.com")], vec![whole("example.com")]];
        assert_eq!(found(&rules, true, "example.com"), [0, 1, 2]);
        assert_eq!(found(&rules, true, "www.example.com"), [0, 2]);
        assert_eq!(found(&rules, true, "bexample.com"), [2]);
    }
}
