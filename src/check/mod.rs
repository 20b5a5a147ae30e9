//! Would AWS accept a policy, and is it wise?
//!
//! In: a loaded policy. Out: [`Finding`]s: what the loader has to say, graded by what AWS would do; rules that can never
//! decide anything, from an exact analysis of the compiled program; and what is known to go wrong with policies that are
//! legal. Not done here: judging traffic, reading files, printing.
//!
//! Each kind of finding has one file and one code; docs/diagnostics.md explains the codes, and [`catalogue`] reads that
//! page. Start with `check` below, then `stateful/` for what "never" means.

mod advice;
mod analysis;
mod apply;
mod boxes;
mod capacity;
pub mod catalogue;
pub mod document;
mod finding;
mod fixes;
mod never_decides;
pub mod sarif;
mod sets;
mod stateful;
mod stateless;
mod suppression;

pub use analysis::Compiled;
pub use apply::{Fixed, fixed};
pub use capacity::GroupCapacity;
pub use document::Document;
pub use finding::{Edit, Finding, Fix};
pub use stateful::Dead;
pub use suppression::Suppressed;

use crate::detect::CompileOptions;
use crate::policy::Loaded;
use crate::source::Severity;

/// What is found.
#[derive(Debug, Default)]
pub struct Report {
    /// The findings: errors first, then warnings, then notes; each in the order of the document.
    pub findings: Vec<Finding>,
    /// Findings that comments in the files allow.
    pub suppressed: Vec<Suppressed>,
    /// The rule groups and what they need.
    pub capacities: Vec<GroupCapacity>,
    /// The document is there, but does not hold enough to say anything about the policy.
    pub is_unreadable: bool,
}

/// The code of groups and documents without a rule, which AWS takes.
const NO_RULES: &str = "FD0309";

/// Looks at a policy in every way there is.
pub fn check(loaded: &mut Loaded, options: &CompileOptions) -> Report {
    let open = loaded.diagnostics.iter().any(|problem| {
        let is_open = problem.code != NO_RULES && !catalogue::is_about_the_policy(problem.code);
        problem.severity == Severity::Error && is_open
    });
    let mut report = Report { is_unreadable: loaded.policy.is_none() && open, ..Report::default() };
    let mut findings: Vec<Finding> = std::mem::take(&mut loaded.diagnostics).into_iter().map(graded).collect();
    if let Some(policy) = &loaded.policy {
        report.capacities = capacity::of(policy);
        let compiled = Compiled::new(policy, &mut loaded.sources, options);
        findings.extend(compiled.not_analysed());
        if let Some(program) = &compiled.program {
            findings.extend(program.warnings().iter().cloned().map(Finding::new));
        }
        findings.extend(never_decides::findings(&compiled, &loaded.sources));
        findings.extend(stateless::findings(policy));
        findings.extend(advice::findings(&compiled));
    }
    report.suppressed = suppression::apply(&mut findings, &loaded.sources);
    findings.sort_by_key(|finding| {
        let place = finding.span().map(|span| (span.file, span.start));
        (std::cmp::Reverse(finding.severity()), place)
    });
    report.findings = findings;
    report
}

/// What is a warning to those who replay traffic is an error to those who deploy, where AWS would refuse it; that there is
/// nothing to replay against is none.
fn graded(mut problem: crate::source::Diagnostic) -> Finding {
    if problem.code == NO_RULES {
        problem.severity = Severity::Note;
    } else if problem.severity == Severity::Warning && catalogue::aws_refuses(problem.code) {
        problem.severity = Severity::Error;
    }
    Finding::new(problem)
}
