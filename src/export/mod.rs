//! A policy's stateful stage as files that a stock Suricata takes: `suricata.yaml`, one rule file, and what these refer to.
//!
//! In: a [`Policy`], and the [`Program`] it was compiled to, whose profile holds the settings. Out: [`Export`], texts by
//! file name; nothing is written here. The stateless stage has no counterpart in Suricata and is not exported.
//!
//! Suricata knows one table of variables and one order of evaluation. `variables.rs` gives the groups of a policy their
//! own variables, `order.rs` finds out whether Suricata's order keeps the meaning of strict order, `settings.rs` writes
//! the configuration, `rules.rs` the rules.

mod order;
mod rules;
mod settings;
#[cfg(test)]
mod tests;
mod variables;

pub use order::Misplaced;

use crate::detect::{CompileOptions, Program};
use crate::policy::model::{Policy, RuleOrder};
use crate::source::{Diagnostic, Sources};
use rules::Prepared;
use variables::Variables;

/// Name of the rule file, from the directory of `suricata.yaml`.
pub const RULE_FILE: &str = "rules/firedrill.rules";

/// What Suricata writes its events to; with `-l .` that is beside the other files.
pub const LOG_FILE: &str = "eve.json";

/// How the order of evaluation gets into the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// Suricata's own order by action. Rules of a strict policy get rising priorities, so that rules of one action keep
    /// their order.
    ByAction,
    /// Sids that rise with the place in the policy, for a Suricata that orders by sid alone.
    BySid,
}

/// A rule as it was exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedRule {
    /// Its signature id in the export.
    pub sid: u32,
    /// Its generator id in the export: rules of several groups with one sid are told apart by it.
    pub gid: u32,
    /// Its line in [`RULE_FILE`], from 1.
    pub line: u32,
}

/// What the files hold.
#[derive(Clone, Debug)]
pub struct Export {
    /// Text by path, from the directory that holds them all.
    pub files: Vec<(&'static str, String)>,
    /// The rules in the order of the policy: see [`Program::places`].
    pub rules: Vec<ExportedRule>,
    /// Rules whose place in strict order Suricata does not keep; empty when the meaning is kept.
    pub misplaced: Vec<Misplaced>,
    /// The policy as Suricata evaluates it when `misplaced` is not empty: the same rules in the order by action.
    pub as_evaluated: Policy,
}

/// Makes the files for a policy; `made_by` goes into their first lines.
///
/// # Errors
/// What is wrong with a variable or a rule; compilation has found it before.
pub fn suricata(policy: &Policy, program: &Program, ordering: Ordering) -> Result<Export, Vec<Diagnostic>> {
    let mut sources = Sources::new();
    let prepared = Prepared::new(policy, program, &mut sources, ordering)?;
    let unknown: Vec<Diagnostic> = rules::unknown_to_suricata(&prepared).collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let as_evaluated = prepared.policy(policy);
    let strict = policy.stateful.order == RuleOrder::Strict;
    let misplaced = if strict && ordering == Ordering::ByAction {
        let options = CompileOptions {
            profile: program.profile().clone(),
            countries: program.countries().cloned(),
            categories: program.categories().cloned(),
            ..CompileOptions::default()
        };
        let by_action = Program::compile(&as_evaluated, &mut sources, &options)?;
        order::misplaced(&prepared, &by_action)
    } else {
        Vec::new()
    };
    let mut variables = Variables::new(policy);
    let mut problems = Vec::new();
    let (text, rules) = rules::text(policy, &prepared, &mut variables, &mut problems, !misplaced.is_empty());
    if !problems.is_empty() {
        return Err(problems);
    }
    let files = vec![
        ("suricata.yaml", settings::yaml(policy, program, &variables, ordering)),
        ("classification.config", heading(policy) + &rules::classification(&prepared)),
        ("reference.config", heading(policy) + &rules::references(&prepared)),
        (RULE_FILE, text),
    ];
    Ok(Export { files, rules, misplaced, as_evaluated })
}

/// The first lines of every file: who made it, from what.
fn heading(policy: &Policy) -> String {
    format!(
        "# Made by firedrill {} from the stateful stage of the policy `{}`.\n",
        env!("CARGO_PKG_VERSION"),
        comment(&policy.name)
    )
}

/// Text that stays within its comment.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
