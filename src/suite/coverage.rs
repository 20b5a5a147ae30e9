//! Which rules, and which domains of domain lists, the cases have tried.
//!
//! An entry is a place in the policy: a rule, or a domain with all rules that it stands for. An entry is decisive when it
//! decided about a packet of some case, or reported; it is matched when it matched a packet and something else decided;
//! else no case tries it.

use super::observe::Observed;
use super::run::Subject;
use crate::source::{FileId, Span};
use crate::verdict::{Cause, RuleAction, RuleId, StatelessRuleId};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// How far the cases came with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// It matched no packet.
    Never,
    /// It matched, and something else decided.
    Matched,
    /// It decided, or reported.
    Decisive,
}

impl Reach {
    /// `never`, `matched` or `decisive`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Matched => "matched",
            Self::Decisive => "decisive",
        }
    }
}

/// A rule or a domain of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `sid 7`, `.example.com`, `icmp priority 10`.
    pub what: String,
    /// Its file and line.
    pub at: (String, u32),
    /// How far the cases came with it.
    pub reach: Reach,
    /// How many cases it matched in.
    pub cases: u64,
}

/// The coverage of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The policy's file.
    pub policy: String,
    /// In order of their places.
    pub entries: Vec<Entry>,
}

/// What the cases of a policy did to its rules.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    matched: BTreeMap<RuleId, u64>,
    decisive: BTreeSet<RuleId>,
    stateless: BTreeMap<(u16, u32), u64>,
}

impl Tally {
    /// Adds a case.
    pub fn add(&mut self, observed: &Observed, subject: Subject<'_>) {
        for id in observed.matched.iter() {
            *self.matched.entry(id).or_default() += 1;
        }
        self.decisive.extend(observed.causes.iter().filter_map(|cause| super::judge::rule_of(*cause)));
        let reported = observed.flows.iter().flat_map(|flow| &flow.alerts).map(|(id, _)| *id);
        let only_reports = |id: &RuleId| subject.book.rule(*id).is_some_and(|rule| rule.action == RuleAction::Alert);
        self.decisive.extend(reported.filter(only_reports));
        for cause in &observed.stateless {
            if let Cause::StatelessRule(StatelessRuleId { group, rule }) = cause {
                *self.stateless.entry((*group, *rule)).or_default() += 1;
            }
        }
    }

    /// The coverage of the policy that the cases were about.
    pub fn coverage(&self, subject: Subject<'_>, policy: &str) -> Coverage {
        let book = subject.book;
        let mut by_place: BTreeMap<Key, Vec<RuleId>> = BTreeMap::new();
        for (id, rule) in subject.program.rules().filter(|(_, rule)| rule.default_action.is_none()) {
            if let Some(span) = rule.generated_from.or(rule.span) {
                by_place.entry(key(span)).or_default().push(id);
            }
        }
        let mut entries: Vec<(Key, Entry)> = Vec::new();
        for (place, ids) in by_place {
            let reach = |id: &RuleId| match (self.decisive.contains(id), self.matched.contains_key(id)) {
                (true, _) => Reach::Decisive,
                (false, true) => Reach::Matched,
                (false, false) => Reach::Never,
            };
            let span = Span { file: place.0, start: place.1, end: place.2 };
            let entry = Entry {
                what: what(subject, span, &ids),
                at: (book.sources.name(span.file).to_owned(), book.sources.line_number(span)),
                reach: ids.iter().map(reach).max().unwrap_or(Reach::Never),
                cases: ids.iter().filter_map(|id| self.matched.get(id)).max().copied().unwrap_or(0),
            };
            entries.push((place, entry));
        }
        for (group, of_group) in (0..).zip(&book.stateless_groups) {
            for (rule, (priority, span)) in (0..).zip(&of_group.rules) {
                let cases = self.stateless.get(&(group, rule)).copied().unwrap_or(0);
                let entry = Entry {
                    what: format!("{} priority {priority}", of_group.name),
                    at: (book.sources.name(span.file).to_owned(), book.sources.line_number(*span)),
                    reach: if cases > 0 { Reach::Decisive } else { Reach::Never },
                    cases,
                };
                entries.push((key(*span), entry));
            }
        }
        entries.sort_by_key(|(place, _)| *place);
        Coverage { policy: policy.to_owned(), entries: entries.into_iter().map(|(_, entry)| entry).collect() }
    }
}

/// A place that can be put in order: its file, where it begins and where it ends.
type Key = (FileId, u32, u32);

fn key(span: Span) -> Key {
    (span.file, span.start, span.end)
}

/// What is written at a place: a domain, or rules by their numbers.
pub(super) fn what(subject: Subject<'_>, span: Span, ids: &[RuleId]) -> String {
    let rules = || ids.iter().filter_map(|id| subject.program.rule(*id));
    if rules().all(|rule| rule.generated_from.is_some()) {
        let text = subject.book.sources.slice(span).trim_matches(['"', '\'']);
        let is_word = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._*".contains(&b));
        if is_word {
            return text.to_owned();
        }
    }
    let mut sids: Vec<u32> = rules().map(|rule| rule.sid).collect();
    sids.sort_unstable();
    sids.dedup();
    format!("sid {}", sids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

impl Coverage {
    /// How many entries were reached so far, or further.
    pub fn count(&self, reach: Reach) -> usize {
        self.entries.iter().filter(|entry| entry.reach >= reach).count()
    }

    /// How many of a hundred entries some case tries; all where there are none.
    pub fn percent(&self) -> f64 {
        let (tried, all) = (self.count(Reach::Matched), self.entries.len());
        if all == 0 { 100.0 } else { tried as f64 * 100.0 / all as f64 }
    }

    /// Writes it as an LCOV trace file: a line is hit as often as cases matched something on it, and entries that share
    /// a line are its branches.
    pub fn write_lcov(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut files: BTreeMap<&str, BTreeMap<u32, Vec<u64>>> = BTreeMap::new();
        for Entry { at: (file, line), cases, .. } in &self.entries {
            files.entry(file).or_default().entry(*line).or_default().push(*cases);
        }
        for (file, lines) in files {
            writeln!(out, "TN:\nSF:{file}")?;
            for (line, cases) in lines.iter().filter(|(_, cases)| cases.len() > 1) {
                for (branch, n) in cases.iter().enumerate() {
                    writeln!(out, "BRDA:{line},0,{branch},{n}")?;
                }
            }
            for (line, cases) in &lines {
                writeln!(out, "DA:{line},{}", cases.iter().max().unwrap_or(&0))?;
            }
            let hit = lines.values().filter(|cases| cases.iter().any(|n| *n > 0)).count();
            writeln!(out, "LF:{}\nLH:{hit}\nend_of_record", lines.len())?;
        }
        Ok(())
    }
}
