//! FD1107: a default action that drops and reports nothing.

use super::Context;
use crate::check::finding::Finding;
use crate::policy::model::DefaultAction;
use crate::source::Diagnostic;

pub(super) fn finding(context: &Context<'_>) -> Option<Finding> {
    let drop = context.dropping()?;
    let family = drop.value.name().strip_prefix("drop_")?;
    let partner = DefaultAction::ALL.into_iter().find(|action| action.name().strip_prefix("alert_") == Some(family))?;
    let all = &context.policy.stateful.default_actions;
    if all.iter().any(|action| !action.value.drops()) {
        return None;
    }
    let message = format!("`aws:{}` drops without a word: no alert is logged", drop.value.name());
    Some(Finding::new(
        Diagnostic::note("FD1107", message).at(drop.span).help(format!("add `aws:{}` beside it", partner.name())),
    ))
}
