//! FD1108: a default action that lets TCP handshakes through to any address.

use super::Context;
use crate::check::finding::Finding;
use crate::policy::model::DefaultAction;
use crate::source::Diagnostic;

pub(super) fn finding(context: &Context<'_>) -> Option<Finding> {
    let drop = context.dropping().filter(|drop| drop.value != DefaultAction::DropStrict)?;
    let message = format!(
        "`aws:{}` lets TCP handshakes through to every address and port: who listens where can be found out",
        drop.value.name()
    );
    Some(Finding::new(
        Diagnostic::note("FD1108", message)
            .at(drop.span)
            .help("where that matters, drop other ports by rules on TCP without `flow`, or take `aws:drop_strict` and pass handshakes by rules"),
    ))
}
