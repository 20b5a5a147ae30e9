//! The entries of a policy that refer to rule groups.

use super::{Env, display_name, next_generation};
use crate::policy::code;
use crate::policy::members;
use crate::policy::model::Notice;
use crate::policy::problems::Problems;
use crate::policy::resolve::{self, Found};
use crate::policy::resource::Resource;
use crate::policy::value::{Node, Value};
use crate::source::{Diagnostic, Span, Spanned};

/// Rule groups of one kind that are read for a policy; AWS takes 20.
const REFERENCES_MAX: usize = 1000;

/// One entry of a policy's references.
pub(super) struct Reference<'a> {
    pub(super) node: &'a Node,
    pub(super) text: String,
    pub(super) priority: Option<Spanned<u16>>,
    pub(super) drop_to_alert: bool,
}

pub(super) fn references<'a>(
    body: &'a Node,
    member: &str,
    env: &Env<'_>,
    problems: &mut Problems,
) -> Option<Vec<Reference<'a>>> {
    let Some(list) = body.get(member) else { return Some(Vec::new()) };
    let items = members::list(list, &format!("`{member}`"), problems)?;
    if items.len() > REFERENCES_MAX {
        let message = format!("`{member}` has {} entries; more than {REFERENCES_MAX} are not read", items.len());
        problems.push(Diagnostic::error(code::ILLEGAL_VALUE, message).at(list.span).help("AWS takes 20"));
        return None;
    }
    let mut references = Vec::new();
    for item in items {
        let known = ["ResourceArn", "Priority", "Override", "DeepThreatInspection"];
        let Some(node) = members::object(item, "a rule group reference", &known, problems) else { continue };
        let arn = members::required(node, "ResourceArn", "a rule group reference", problems)
            .and_then(|arn| reference_text(arn, env, problems));
        let priority = node.get("Priority").and_then(|priority| {
            let number = members::integer(priority, "`Priority`", 1..=65535, problems)?;
            Some(Spanned::new(number.value as u16, number.span))
        });
        let drop_to_alert = node
            .get("Override")
            .and_then(|node| node.get("Action"))
            .is_some_and(|action| members::word(action, "the override", &[("DROP_TO_ALERT", ())], problems).is_some());
        if let Some(arn) = arn {
            references.push(Reference { node, text: arn, priority, drop_to_alert });
        }
    }
    Some(references)
}

/// The ARN of a reference. What is missing there can also be supplied, or left out, by the name that the message gives.
fn reference_text(arn: &Node, env: &Env<'_>, problems: &mut Problems) -> Option<String> {
    let Value::Unresolved(missing) = &arn.value else {
        return members::text(arn, "`ResourceArn`", problems).map(|text| text.as_str().to_owned());
    };
    let known = |name: &str| {
        env.leaves_out(|wanted| wanted == name)
            || env.supplied.iter().any(|group| group.identities.iter().any(|id| id == name))
    };
    if let Some(name) = missing.names().find(|name| known(name)) {
        return Some(name.to_owned());
    }
    for (what, help) in missing.parts() {
        let name = what.split('`').nth(1).unwrap_or("NAME");
        problems.push(Diagnostic::error(code::UNRESOLVED, what).at(arn.span).help(format!(
            "{help}; or give the rule group with --rule-group {name}=FILE, or go on without it with --leave-out {name}"
        )));
    }
    None
}

/// The group a reference leads to; `None` when it is left out or missing, which is said.
pub(super) fn find<'a>(
    reference: &Reference<'_>,
    env: &Env<'a>,
    notices: &mut Vec<Notice>,
    problems: &mut Problems,
) -> Option<&'a Resource> {
    let span = reference.node.get("ResourceArn").map_or(reference.node.span, |node| node.span);
    let text = &reference.text;
    let shown = text.strip_prefix("resource:").map_or(text.as_str(), |id| id.split('@').next().unwrap_or(id));
    let given_as = if shown.contains("${") { shown.rsplit('/').next().unwrap_or(shown) } else { shown };
    let supply = format!("give it with --rule-group {given_as}=FILE");
    match resolve::rule_group(text, env) {
        Found::Group(group) if resolve::is_next_generation(group) => {
            problems.push(next_generation(&format!("rule group `{}`", display_name(group)), group.span));
            None
        }
        Found::Group(group) => {
            if let Some(n) = env.supplied.iter().position(|given| std::ptr::eq(given, group)) {
                env.noted.supplies.borrow_mut().insert(n);
            }
            Some(group)
        }
        Found::LeftOut => {
            notices.push(left_out(shown, span));
            None
        }
        Found::Managed => {
            let message = format!("the rules of the managed group `{shown}` are AWS's and not in the document");
            problems.push(Diagnostic::error(code::MANAGED_GROUP, message).at(span).help(format!(
                "{supply} (Suricata rules), or go on without it with --leave-out {}",
                shown.rsplit('/').next().unwrap_or(shown)
            )));
            None
        }
        Found::Missing(other) => {
            let message = format!("rule group `{shown}` is not in the document");
            let mut problem = Diagnostic::error(code::MISSING_GROUP, message)
                .at(span)
                .help(format!("{supply}, or put what `describe-rule-group` prints into one directory with the policy"));
            if let Some(other) = other {
                problem = problem.label(other.span, "this group has the same name and another ARN");
            }
            problems.push(problem);
            None
        }
    }
}

pub(super) fn left_out(name: &str, span: Span) -> Notice {
    let managed = if name.contains(":aws-managed:") { " (opaque: never matches here)" } else { "" };
    Notice {
        message: format!("rule group `{name}` is left out{managed}"),
        help: "verdicts that its rules would decide differ".to_owned(),
        span: Some(span),
    }
}
