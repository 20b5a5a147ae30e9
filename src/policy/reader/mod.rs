//! From the resources of a document to the model.
//!
//! A policy is read with the groups it refers to and nothing else: what no selected policy uses is neither needed nor
//! reported. Everything that is wrong or missing is found in one go. Start with `policy.rs`; documents without a policy
//! are in `stand_in.rs`.

mod home_net;
pub(super) mod policy;
mod references;
pub(super) mod stand_in;
pub(super) mod stateful;
pub(super) mod stateless;
pub(super) mod variables;

use super::code;
use super::model::{DefaultAction, Notice, RuleOrder};
use super::options::LoadOptions;
use super::problems::Problems;
use super::refusals;
use super::resource::Resource;
use super::supplies::Supplies;
use super::value::Node;
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, Label, Sources, Span, Spanned};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

/// AWS's default of `TcpIdleTimeoutSeconds`.
const TCP_IDLE: Duration = Duration::from_secs(350);

/// Everything around the policy that is read.
#[derive(Clone, Copy)]
pub(super) struct Env<'a> {
    pub(super) sources: &'a Sources,
    pub(super) resources: &'a [Resource],
    /// Groups of `--rule-group`.
    pub(super) supplied: &'a [Resource],
    pub(super) supplies: &'a Supplies,
    pub(super) options: &'a LoadOptions,
    pub(super) default_action_rules: Option<&'a [Rule]>,
    pub(super) noted: &'a Noted,
}

/// What is noticed on the way through the groups.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// Which of the supplied groups a policy used.
    pub(super) supplies: RefCell<BTreeSet<usize>>,
    /// Which names of `leave_out` left something out.
    pub(super) left_out: RefCell<BTreeSet<String>>,
    /// Which of the edits of domain lists found a list.
    pub(super) edits: RefCell<BTreeSet<String>>,
    /// For the reports.
    pub(super) notices: RefCell<Vec<Notice>>,
}

impl Env<'_> {
    /// The first name of `leave_out` for which `is_meant` holds; the user is told of those that never hold.
    pub(super) fn leaves_out(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        let found = self.options.leave_out.iter().find(|wanted| is_meant(wanted));
        if let Some(name) = found {
            self.noted.left_out.borrow_mut().insert(name.clone());
        }
        found.is_some()
    }

    /// File and line, for texts that say where something came from.
    pub(super) fn place(&self, span: Span) -> String {
        let location = self.sources.location(span);
        format!("{}:{}", location.file, location.line)
    }
}

/// The name that reports use; a name of which a part is not known says less than the logical id.
pub(super) fn display_name(resource: &Resource) -> &str {
    let name = resource.name.as_ref().filter(|name| !name.value.contains("${"));
    name.map_or(resource.logical_id.as_str(), |name| &name.value)
}

fn with_noted(mut notices: Vec<Notice>, env: &Env<'_>) -> Vec<Notice> {
    notices.append(&mut env.noted.notices.borrow_mut());
    notices
}

/// Default actions of the command line, as far as the order takes any.
fn given_default_actions(
    given: Option<&[DefaultAction]>,
    order: RuleOrder,
    span: Span,
    problems: &mut Problems,
) -> Vec<Spanned<DefaultAction>> {
    let actions: Vec<Spanned<DefaultAction>> =
        given.unwrap_or(&[]).iter().map(|action| Spanned::new(*action, span)).collect();
    if !actions.is_empty() {
        refusals::default_actions(&actions, order, span, problems);
    }
    if order == RuleOrder::Strict { actions } else { Vec::new() }
}

fn next_generation(what: &str, span: Span) -> Diagnostic {
    Diagnostic::error(code::NEXT_GENERATION, format!("{what} is of the Next Generation, which is not judged yet"))
        .at(span)
        .help("only classic policies and rule groups (STATELESS, STATEFUL) can be evaluated")
}

pub(super) fn is_stateless(group: &Resource) -> bool {
    let kind = group.properties.get("Type").and_then(Node::as_text);
    match kind {
        Some(kind) => kind.as_str() == "STATELESS",
        None => group
            .properties
            .get("RuleGroup")
            .and_then(|body| body.get("RulesSource"))
            .is_some_and(|source| source.get("StatelessRulesAndCustomActions").is_some()),
    }
}

/// Reads a group with findings of its own, so that what is wrong in one says nothing about another.
fn own_problems<T>(
    problems: &mut Problems,
    label: Option<&Label>,
    read: impl FnOnce(&mut Problems) -> Option<T>,
) -> Option<T> {
    let mut own = Problems::default();
    let result = read(&mut own);
    if let Some(label) = label {
        own.label_errors(label);
    }
    problems.extend(own.into_vec());
    result
}
