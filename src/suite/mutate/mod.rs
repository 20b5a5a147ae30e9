//! Mutants: policies with one small mistake, which some case should notice.
//!
//! In: a policy and the cases about it. Out: the mutants that no case noticed, each with a flow that tells it from the
//! policy, to be pasted as a new case. `change.rs` makes the mistakes, `hunt.rs` looks for the flows. A mistake in rules
//! that match nothing in a case cannot change what becomes of that case, so such cases are not run again.

mod change;
mod hunt;

pub use change::{Change, changes};

use super::model::Case;
use super::rule_set::RuleSet;
use super::run::{self, Subject, on_threads};
use crate::detect::Program;
use crate::policy::model::Policy;
use crate::report::RuleBook;
use crate::source::Span;
use crate::synth::HomeNet;
use std::collections::BTreeSet;

/// Compiles a mutant; `None` when it cannot be evaluated.
pub type Compile<'c> = dyn Fn(&Policy) -> Option<(Program, RuleBook)> + Sync + 'c;

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A case fails because of it.
    Noticed,
    /// No case does, and this flow would, as a line of a suite.
    Survived(String),
    /// No case does, and no flow was found that is treated otherwise.
    Equivalent,
    /// It cannot be evaluated.
    Stillborn,
}

/// A mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// The mistake: `delete sid 7`.
    pub what: String,
    /// Where it was made.
    pub span: Option<Span>,
    /// What became of it.
    pub fate: Fate,
}

/// A case, and the rules that match in it.
#[derive(Debug)]
pub struct Witness<'c> {
    /// The case.
    pub case: &'c Case,
    /// Stateful rules that match a packet of it in the policy as it is.
    pub matched: RuleSet,
}

/// Runs the cases against `max` mutants of a policy at most, taken evenly from all.
///
/// Only cases that pass are witnesses. With the mutants comes how many there would be in all.
pub fn mutate(
    policy: &Policy,
    subject: Subject<'_>,
    witnesses: &[Witness<'_>],
    compile: &Compile<'_>,
    (max, jobs): (usize, usize),
) -> (Vec<Mutant>, usize) {
    let all = changes(policy, subject);
    let n_all = all.len();
    let step = |index: usize| index * n_all / max.max(1);
    let chosen: Vec<Change> = if n_all <= max {
        all
    } else {
        let picked: BTreeSet<usize> = (0..max).map(step).collect();
        all.into_iter().enumerate().filter(|(index, _)| picked.contains(index)).map(|(_, change)| change).collect()
    };
    let mutants = on_threads(&chosen, jobs, |change| {
        let fate = fate(policy, subject, witnesses, compile, change);
        Mutant { what: change.what.clone(), span: change.span, fate }
    });
    (mutants, n_all)
}

fn fate(
    policy: &Policy,
    subject: Subject<'_>,
    witnesses: &[Witness<'_>],
    compile: &Compile<'_>,
    change: &Change,
) -> Fate {
    let mutated = change.of(policy);
    let Some((program, book)) = compile(&mutated) else { return Fate::Stillborn };
    let home = HomeNet::of(&mutated);
    // traffic is made up for the policy as it is: whose addresses are inside must not follow the mutant
    let mutant = Subject { program: &program, book: &book, home: subject.home };
    let may_notice = |witness: &&Witness<'_>| {
        change.only_rules.as_ref().is_none_or(|rules| rules.iter().any(|id| witness.matched.contains(*id)))
    };
    let notices =
        |witness: &Witness<'_>| run::run(mutant, witness.case).map_or(true, |result| !result.failures.is_empty());
    if witnesses.iter().filter(may_notice).any(notices) {
        return Fate::Noticed;
    }
    match hunt::flow(policy, change, subject, mutant, &home) {
        Some(line) => Fate::Survived(line),
        None => Fate::Equivalent,
    }
}
