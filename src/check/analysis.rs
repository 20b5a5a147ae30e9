//! What the semantic checks work on: the policy, what of it could be compiled, and what the two make of each other.

use super::finding::Finding;
use super::sets::Sets;
use super::stateful::{self, Dead, Written};
use crate::detect::{CompileOptions, Program};
use crate::policy::model::Policy;
use crate::source::{Diagnostic, Severity, Sources, Span};
use std::collections::BTreeSet;

/// How often compilation is tried without the rules that it refuses.
const TRIES_MAX: usize = 3;

/// A policy of which as much as possible is compiled.
#[derive(Debug)]
pub struct Compiled {
    /// The policy without the rules that are not evaluated.
    pub policy: Policy,
    /// The program; `None` when something other than single rules stands in the way.
    pub program: Option<Program>,
    /// The rules that are not evaluated, and why.
    pub refused: Vec<Diagnostic>,
}

impl Compiled {
    /// Compiles what can be evaluated.
    pub fn new(policy: &Policy, sources: &mut Sources, options: &CompileOptions) -> Self {
        let mut policy = policy.clone();
        let mut refused: Vec<Diagnostic> = Vec::new();
        for _ in 0..TRIES_MAX {
            match Program::compile(&policy, sources, options) {
                Ok(program) => return Self { policy, program: Some(program), refused },
                Err(problems) => {
                    let places: BTreeSet<(_, u32)> = problems
                        .iter()
                        .filter_map(|problem| problem.labels.first())
                        .map(|label| (label.span.file, label.span.start))
                        .collect();
                    let holds = |span: Span| {
                        places
                            .range((span.file, span.start)..(span.file, span.end.max(span.start + 1)))
                            .next()
                            .is_some()
                    };
                    let before: usize = policy.stateful.groups.iter().map(|group| group.rules.len()).sum();
                    for group in &mut policy.stateful.groups {
                        group.rules.retain(|rule| !holds(rule.span));
                    }
                    let after: usize = policy.stateful.groups.iter().map(|group| group.rules.len()).sum();
                    refused.extend(problems);
                    if after == before {
                        break;
                    }
                }
            }
        }
        Self { policy, program: None, refused }
    }

    /// The rules of the program by their places in it.
    pub(super) fn written(&self) -> Vec<Written<'_>> {
        let left_out: &[u32] = self.program.as_ref().map_or(&[], Program::left_out);
        let mut left_out = left_out.iter().copied().peekable();
        let groups = self.policy.stateful.groups.iter().enumerate();
        let rules = groups.flat_map(|(group, of)| of.rules.iter().map(move |rule| Written { rule, group }));
        (0..).zip(rules).filter(|(n, _)| left_out.next_if_eq(n).is_none()).map(|(_, written)| written).collect()
    }

    /// Rules that can never decide.
    pub fn dead_rules(&self) -> Vec<Dead> {
        match &self.program {
            Some(program) => stateful::dead(program, &self.written(), self.refused.is_empty(), &mut Sets::new()),
            None => Vec::new(),
        }
    }

    /// Rules that decide, and without which others further down would decide the same.
    pub fn superfluous_rules(&self, dead: &[Dead]) -> Vec<Dead> {
        match &self.program {
            Some(program) => stateful::superfluous(program, &self.written(), dead, &mut Sets::new()),
            None => Vec::new(),
        }
    }

    /// What is said of the rules that are not evaluated: the policy may be right, the analysis goes on without them.
    pub(super) fn not_analysed(&self) -> impl Iterator<Item = Finding> + '_ {
        self.refused.iter().map(|problem| {
            let mut problem = problem.clone();
            // what AWS refuses is a fault of the policy
            if NOT_EVALUATED.contains(&problem.code) && !problem.message.contains("AWS refuses") {
                problem.severity = Severity::Note;
                problem.message = format!("{}: nothing is said about this rule", problem.message);
                problem.help = Some("AWS may take it; no other finding is about it".to_owned());
            }
            Finding::new(problem)
        })
    }
}

/// The codes of what the engine does not evaluate, or not without tables that nobody needs for checking.
const NOT_EVALUATED: [&str; 2] = ["FD0601", "FD0607"];
