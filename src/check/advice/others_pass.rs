//! FD1112: domains are listed, and traffic that has no name to look at passes.

use super::{Context, TCP, UDP, drops_packets};
use crate::check::finding::Finding;
use crate::policy::model::{StatefulKind, StatelessAction};
use crate::rules::keyword::{Buffer, Keyword};
use crate::source::Diagnostic;

pub(super) fn finding(context: &mut Context<'_>) -> Option<Finding> {
    let is_forwarded =
        context.policy.stateless.as_ref().is_some_and(|stage| stage.default_actions.action == StatelessAction::Forward);
    if !context.is_whole || context.policy.stand_in || !is_forwarded || context.dropping().is_some() {
        return None;
    }
    if context.policy.stateful.default_action_rules.is_some() {
        return None;
    }
    let group = context.policy.stateful.groups.iter().find(|group| {
        let names_tls = |rule: &crate::rules::ast::Rule| {
            rule.options.iter().any(|option| option.keyword == Keyword::Buffer(Buffer::TlsSni))
        };
        group.kind == StatefulKind::DomainList && group.rules.iter().any(names_tls)
    })?;
    let ways = [(UDP, Some(443), "QUIC (UDP port 443)"), (TCP, Some(22), "TCP that is neither TLS nor HTTP")];
    let mut open = Vec::new();
    for (protocol, port, what) in ways {
        let all = context.all_of(protocol, port);
        if !drops_packets(context, &all) {
            open.push(what);
        }
    }
    if open.is_empty() {
        return None;
    }
    let message = format!("the list of domains says nothing about {}, and that passes", open.join(" and "));
    Some(Finding::new(
        Diagnostic::note("FD1112", message)
            .at(group.span)
            .help("add rules that drop it, or take strict order with a default action that drops"),
    ))
}
