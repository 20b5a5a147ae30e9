//! Stateful rules that can never decide anything.
//!
//! A rule is dead when, for every packet on which it could match, rules before it match too and leave nothing of its action:
//! their headers together cover its header, and each asks for no more than it does. What that takes is said in
//! `implied.rs`. A rule that this analysis does not understand is never said to be dead, and never makes another one dead.

mod implied;
mod names;
mod row;

pub(super) use row::{Row, Rows, Written};

use super::boxes::{Cover, covering};
use super::sets::Sets;
use crate::app::AppProto;
use crate::detect::{AppProtoTest, Program};
use crate::verdict::RuleAction;
use foldhash::fast::FixedState;
use implied::{Engine, When, implied, settles};
use names::NameIndex;
use row::Word;
use smallvec::SmallVec;
use std::collections::HashMap;

/// A rule that can never decide, and those that decide before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dead {
    /// The rule: its place among the rules of the policy that were compiled, from 0.
    pub rule: u32,
    /// The rules that cover it together, likewise.
    pub by: Vec<u32>,
}

/// Finds the rules that can never decide; `written` are the rules of the policy by place. `is_whole`: every rule of the
/// policy is in the program. One that is not may decide before others, nobody knows about what.
pub(super) fn dead(program: &Program, written: &[Written<'_>], is_whole: bool, sets: &mut Sets) -> Vec<Dead> {
    let rows = Rows::new(sets).of(program, written);
    let mut search = Search::new(program, &rows, is_whole);
    let mut by_rule: HashMap<u32, (bool, Vec<u32>), FixedState> = HashMap::default();
    for (at, row) in rows.iter().enumerate() {
        let found = search.covers_of(at, row, sets);
        let (is_dead, by) = by_rule.entry(row.signature.rule).or_insert_with(|| (true, Vec::new()));
        match found {
            Some(found) => by.extend(found.iter().filter_map(|&at| rows.get(at)).map(|row| row.signature.rule)),
            None => *is_dead = false,
        }
        search.add(at, row);
    }
    let mut dead: Vec<Dead> = by_rule
        .into_iter()
        .filter(|(_, (is_dead, _))| *is_dead)
        .map(|(rule, (_, mut by))| {
            by.sort_unstable();
            by.dedup();
            Dead { rule, by }
        })
        .collect();
    dead.sort_unstable_by_key(|dead| dead.rule);
    dead
}

/// Finds rules that decide, and without which rules further down would decide the same: nothing with another action stands
/// between. Without all of `dead` and all of these together nothing passes or is dropped that is not now.
pub(super) fn superfluous(program: &Program, written: &[Written<'_>], dead: &[Dead], sets: &mut Sets) -> Vec<Dead> {
    let rows = Rows::new(sets).of(program, written);
    let mut search = Search::new(program, &rows, false);
    let is_gone = |rule: u32| dead.binary_search_by_key(&rule, |dead| dead.rule).is_ok();
    let mut n_of_rule: HashMap<u32, usize, FixedState> = HashMap::default();
    for row in &rows {
        *n_of_rule.entry(row.signature.rule).or_default() += 1;
    }
    let mut found = Vec::new();
    let mut run = None;
    for (at, row) in rows.iter().enumerate().rev() {
        if run.replace(row.signature.action).is_some_and(|action| action != row.signature.action) {
            search = Search::new(program, &rows, false);
        }
        let rule = row.signature.rule;
        if is_gone(rule) {
            continue;
        }
        let acts = row.signature.action != RuleAction::Alert && row.signature.threshold.is_none();
        let by = if acts { search.equals_of(at, row, sets) } else { None };
        // both halves of `<>` would have to be
        if let Some(by) = by.filter(|_| n_of_rule.get(&rule) == Some(&1)) {
            let by = by.iter().filter_map(|&at| rows.get(at)).map(|row| row.signature.rule).collect();
            found.push(Dead { rule, by });
        } else {
            search.index(at, row);
        }
    }
    found.sort_unstable_by_key(|found| found.rule);
    found
}

/// The rules before the one that is looked at, by how they may cover others.
struct Search<'r, 'a> {
    rows: &'r [Row<'a>],
    engine: Engine,
    is_whole: bool,
    /// Those that look at nothing but headers and flows.
    open: Vec<usize>,
    /// Those that ask for one thing about a session.
    of_sessions: Vec<usize>,
    /// Those that look into payloads and transactions, by their words.
    by_words: HashMap<SmallVec<[Word; 4]>, Vec<usize>, FixedState>,
    names: NameIndex,
    /// Those that may pass or drop a packet and leave its flow undecided.
    loose: Vec<usize>,
    /// Alerts that rules before may have reported on one packet; `None`: any number.
    alerts: Option<usize>,
    alerts_max: usize,
    found: Vec<usize>,
}

impl<'r, 'a> Search<'r, 'a> {
    fn new(program: &Program, rows: &'r [Row<'a>], is_whole: bool) -> Self {
        let profile = program.profile();
        Self {
            rows,
            engine: Engine { tried_at_place_only: profile.patternless_rules_at_place },
            is_whole,
            open: Vec::new(),
            of_sessions: Vec::new(),
            by_words: HashMap::default(),
            names: NameIndex::default(),
            loose: Vec::new(),
            alerts: is_whole.then_some(0),
            alerts_max: profile.packet_alert_max,
            found: Vec::new(),
        }
    }

    /// Takes a rule among those that come before the next ones.
    fn add(&mut self, at: usize, row: &Row<'_>) {
        let signature = row.signature;
        if signature.action == RuleAction::Alert && signature.reports {
            // a packet may hold several transactions, for each of which the rule reports; TLS has one
            let once = signature.engines.is_empty() || signature.app_proto == Some(AppProtoTest::Is(AppProto::Tls));
            self.alerts = self.alerts.filter(|_| once).map(|n| n + 1);
        }
        if row.ends_the_matter() && row.may_leave_flow() {
            self.loose.push(at);
        }
        // a pass for which a packet has no room among its alerts does not end the matter
        let is_heard = signature.action != RuleAction::Pass || self.alerts.is_some_and(|n| n < self.alerts_max);
        if is_heard {
            self.index(at, row);
        }
    }

    /// Takes a rule among those that may cover others.
    fn index(&mut self, at: usize, row: &Row<'_>) {
        if !row.may_cover {
            return;
        }
        if row.is_open() {
            self.open.push(at);
        } else if row.name.is_some() {
            self.names.add(at, row);
        } else {
            if row.asks_session_only() {
                self.of_sessions.push(at);
            }
            self.by_words.entry(row.words.clone()).or_default().push(at);
        }
    }

    /// The rules before `row` that together leave nothing to it.
    fn covers_of(&mut self, at: usize, row: &Row<'_>, sets: &mut Sets) -> Option<SmallVec<[usize; 2]>> {
        let found = self.candidates(row)?;
        let mut covers = Vec::new();
        for &number in found.iter().filter(|&&number| number < at) {
            let Some(other) = self.rows.get(number) else { continue };
            let Some(when) = implied(other, row, self.engine).filter(|_| settles(other, row)) else { continue };
            if meet(row, other, sets) && (when == When::Now || self.settles_flow(number, row, sets)) {
                covers.push(Cover { number, boxes: other.boxes.clone() });
            }
        }
        self.found = found;
        covering(&row.boxes, &covers, sets)
    }

    /// The rules behind `row` that together do the same.
    fn equals_of(&mut self, at: usize, row: &Row<'_>, sets: &mut Sets) -> Option<SmallVec<[usize; 2]>> {
        let found = self.candidates(row)?;
        let mut covers = Vec::new();
        for &number in found.iter().filter(|&&number| number > at) {
            let Some(other) = self.rows.get(number) else { continue };
            let same = other.signature.kind == row.signature.kind && other.signature.action == row.signature.action;
            if same && implied(other, row, self.engine) == Some(When::Now) && meet(row, other, sets) {
                covers.push(Cover { number, boxes: other.boxes.clone() });
            }
        }
        self.found = found;
        covering(&row.boxes, &covers, sets)
    }

    /// The rules that may cover `row`, in order. They are to be given back to `self.found`.
    fn candidates(&mut self, row: &Row<'_>) -> Option<Vec<usize>> {
        if !row.may_be_dead || row.boxes.is_empty() {
            return None;
        }
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        if !row.signature.engines.is_empty() {
            found.extend_from_slice(&self.of_sessions);
        }
        if let Some(name) = &row.name {
            self.names.find(name, &mut found);
        } else if !row.is_open()
            && let Some(same) = self.by_words.get(&row.words)
        {
            found.extend_from_slice(same);
        }
        let meets = |other: &Row<'_>| other.dst.0 <= row.dst.1 && row.dst.0 <= other.dst.1;
        let open = self.open.iter().copied();
        found.extend(open.filter(|&other| self.rows.get(other).is_some_and(meets)));
        found.sort_unstable();
        found.dedup();
        Some(found)
    }

    /// Whether the rule, which acts on the first packet of a flow, decides about the whole flow for sure: no rule before it
    /// passes or drops that packet alone.
    fn settles_flow(&self, number: usize, row: &Row<'_>, sets: &mut Sets) -> bool {
        self.is_whole
            && self
                .loose
                .iter()
                .take_while(|&&loose| loose < number)
                .all(|&loose| self.rows.get(loose).is_none_or(|loose| !meet(row, loose, sets)))
    }
}

/// Whether the headers of two rules have packets in common.
fn meet(row: &Row<'_>, other: &Row<'_>, sets: &mut Sets) -> bool {
    row.boxes.iter().any(|own| other.boxes.iter().any(|wide| own.meets(*wide, sets)))
}
