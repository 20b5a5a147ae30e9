//! FD1109: names of TLS are allowed, and a ClientHello that comes in two segments loses the first.

use super::Context;
use crate::check::finding::Finding;
use crate::policy::model::DefaultAction;
use crate::rules::keyword::{Buffer, Keyword};
use crate::source::Diagnostic;
use crate::verdict::RuleAction;

pub(super) fn finding(context: &Context<'_>) -> Option<Finding> {
    let drop = context.dropping().filter(|drop| drop.value == DefaultAction::DropEstablished)?;
    let by_name = context.rows.iter().find(|row| {
        row.signature.action == RuleAction::Pass
            && row.rule.options.iter().any(|option| option.keyword == Keyword::Buffer(Buffer::TlsSni))
    })?;
    let message =
        "`aws:drop_established` drops the first segment of a ClientHello that needs two, before its name is known";
    Some(Finding::new(
        Diagnostic::warning("FD1109", message).at(drop.span).label(by_name.place(), "passes by the name").help(
            "hellos with post-quantum key shares need two segments: take `aws:drop_established_app_layer_to_server`, \
                 which waits for the whole hello (`firedrill try --hello post-quantum` shows it)",
        ),
    ))
}
