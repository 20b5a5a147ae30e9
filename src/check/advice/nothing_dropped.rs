//! FD1105: rules that pass in a policy that drops nothing.

use super::Context;
use crate::check::finding::Finding;
use crate::policy::model::RuleOrder;
use crate::source::Diagnostic;
use crate::verdict::RuleAction;

pub(super) fn finding(context: &Context<'_>) -> Option<Finding> {
    let stateful = &context.policy.stateful;
    let drops = |action| matches!(action, RuleAction::Drop | RuleAction::Reject);
    let is_known = context.is_whole && !context.policy.stand_in && context.policy.stateless.is_some();
    if !is_known
        || stateful.default_action_rules.is_some()
        || context.dropping().is_some()
        || context.rows.iter().any(|row| drops(row.signature.action))
    {
        return None;
    }
    let pass = context.rows.iter().find(|row| row.signature.action == RuleAction::Pass)?;
    let help = match stateful.order {
        RuleOrder::Strict => {
            "a list of allowed domains in strict order needs a default action that drops: aws:drop_established_app_layer_to_server"
        }
        RuleOrder::Action => "add rules that drop the rest, or take strict order with a default action that drops",
    };
    let message = "rules pass traffic, and nothing is ever dropped: what they do not name passes as well";
    Some(Finding::new(
        Diagnostic::warning("FD1105", message).at(pass.place()).label(context.policy.span, "the policy").help(help),
    ))
}
