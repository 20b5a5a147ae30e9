//! What is wrong, collected: everything that is missing is said at once, and each thing once.

use super::code;
use super::value::Unresolved;
use crate::source::{Diagnostic, Label, Severity, Span};

/// How many places of one finding are kept.
const PLACES_MAX: usize = 24;

/// The findings of one load, or of one part of it that may turn out not to be needed.
#[derive(Clone, Debug, Default)]
pub(super) struct Problems {
    all: Vec<Diagnostic>,
}

impl Problems {
    /// Adds a finding. One that says the same about another place becomes one finding with both places.
    pub(super) fn push(&mut self, problem: Diagnostic) {
        // Comparing with all is fine for the few there should be, and stops where there are too many anyway.
        let same =
            self.all.iter_mut().rev().take(64).find(|known| {
                known.code == problem.code && known.message == problem.message && known.help == problem.help
            });
        match same {
            Some(known) => {
                for label in problem.labels {
                    if known.labels.len() < PLACES_MAX && !known.labels.contains(&label) {
                        known.labels.push(label);
                    }
                }
            }
            None => self.all.push(problem),
        }
    }

    /// Adds what the document leaves open at `span`.
    pub(super) fn missing(&mut self, missing: &Unresolved, span: Span) {
        for (what, help) in missing.parts() {
            let mut problem = Diagnostic::error(code::UNRESOLVED, what).at(span);
            if !help.is_empty() {
                problem = problem.help(help);
            }
            self.push(problem);
        }
    }

    /// Adds all of them.
    pub(super) fn extend(&mut self, problems: impl IntoIterator<Item = Diagnostic>) {
        problems.into_iter().for_each(|problem| self.push(problem));
    }

    /// Whether anything keeps the document from being evaluated.
    pub(super) fn has_errors(&self) -> bool {
        self.all.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// All findings: errors first, then warnings, then notes, each in the order found.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.all.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
        self.all
    }

    /// All findings in the order found.
    pub(super) fn into_vec(self) -> Vec<Diagnostic> {
        self.all
    }

    /// Adds a label to every error, so that a reason says what it stands in the way of.
    pub(super) fn label_errors(&mut self, label: &Label) {
        for problem in self.all.iter_mut().filter(|problem| problem.severity == Severity::Error) {
            if !problem.labels.contains(label) {
                problem.labels.push(label.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    #[test]
    fn one_missing_thing_is_said_once_with_all_its_places() {
        let file = Sources::new().add("x", "abc");
        let mut problems = Problems::default();
        let both = Unresolved::join(&[Unresolved::new("a", "give a"), Unresolved::new("b", "give b")]);
        problems.missing(&both, Span::new(file, 0..1));
        problems.missing(&Unresolved::new("a", "give a"), Span::new(file, 1..2));
        let all = problems.into_vec();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].labels.len(), 2);
    }
}
