//! Documents without a policy: rule groups under a stand-in, and plain rules.

use super::references::left_out;
use super::stateful::Usage;
use super::variables::PolicyNets;
use super::{
    Env, TCP_IDLE, display_name, given_default_actions, is_stateless, next_generation, own_problems, with_noted,
};
use super::{stateful, stateless};
use crate::policy::code;
use crate::policy::model::{
    Notice, Policy, RuleOrder, StatefulGroup, StatefulPolicy, StatelessAction, StatelessActions, StatelessGroup,
    StatelessPolicy, StreamExceptionPolicy,
};
use crate::policy::problems::Problems;
use crate::policy::resolve;
use crate::policy::resource::Resource;
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, Span};

fn no_rules_help(env: &Env<'_>) -> &'static str {
    if env.noted.left_out.borrow().is_empty() {
        "take the `#` off the rules that are meant, or give a document that holds some"
    } else {
        "every rule is left out: take a --leave-out away"
    }
}

/// The stand-in for a document with rule groups only: everything goes to the stateful engine, in the groups' own order.
pub(in crate::policy) fn stand_in(groups: &[&Resource], env: &Env<'_>, problems: &mut Problems) -> Option<Policy> {
    let first = groups.first()?;
    let mut notices = Vec::new();
    let mut orders: Vec<(RuleOrder, Span, &str)> = Vec::new();
    let (mut stateful, mut stateless) = (Vec::new(), Vec::new());
    for group in groups {
        let name = display_name(group);
        if env.leaves_out(|wanted| resolve::is_called(group, wanted)) {
            notices.push(left_out(name, group.span));
            continue;
        }
        if resolve::is_next_generation(group) {
            problems.push(next_generation(&format!("rule group `{name}`"), group.span));
            continue;
        }
        let given = env.supplied.iter().find(|given| given.identities.iter().any(|id| resolve::is_called(group, id)));
        let group = given.unwrap_or(group);
        if is_stateless(group) {
            stateless.push((group, name));
        } else {
            if let Some((order, span)) = stateful::own_order(group) {
                orders.push((order, span, name));
            }
            stateful.push((group, name));
        }
    }
    let order = env.options.stateful.order.or(orders.first().map(|(order, ..)| *order)).unwrap_or(RuleOrder::Action);
    if env.options.stateful.order.is_none()
        && let Some((_, span, name)) = orders.iter().find(|(other, ..)| *other != order)
        && let Some((_, first_span, first_name)) = orders.first()
    {
        let message =
            format!("rule groups `{first_name}` and `{name}` have different orders and no policy says which counts");
        problems.push(
            Diagnostic::error(code::AMBIGUOUS, message)
                .at(*span)
                .label(*first_span, "the other order")
                .help(format!("judge one group with --select {name}, or say --order action or --order strict")),
        );
        return None;
    }
    let nets = PolicyNets {
        home_net: env.supplies.home_net.clone(),
        external_net: env.supplies.external_net.clone(),
        ..PolicyNets::default()
    };
    let actions = StatelessActions { action: StatelessAction::Forward, custom: Vec::new(), span: first.span };
    let stateless: Vec<StatelessGroup> = stateless
        .iter()
        .enumerate()
        .filter_map(|(n, (group, name))| {
            own_problems(problems, None, |own| stateless::group(group, name, n as u16 + 1, own))
        })
        .collect();
    let stateful: Vec<StatefulGroup> = stateful
        .iter()
        .filter_map(|(group, name)| {
            own_problems(problems, None, |own| stateful::group(group, name, Usage::default(), order, &nets, env, own))
        })
        .collect();
    if !problems.has_errors() && stateless.is_empty() && stateful.iter().all(|group| group.rules.is_empty()) {
        problems.push(
            Diagnostic::error(code::NO_RULES, "there is no rule to judge").at(first.span).help(no_rules_help(env)),
        );
    }
    if problems.has_errors() {
        return None;
    }
    let options = &env.options.stateful;
    let names: Vec<String> = groups.iter().map(|group| format!("`{}`", display_name(group))).collect();
    notices.push(Notice {
        message: format!(
            "no policy in the document: {} judged under a stand-in that forwards everything",
            names.join(", ")
        ),
        help: "give the policy too to see its default actions and the other groups at work".to_owned(),
        span: Some(first.span),
    });
    Some(Policy {
        name: display_name(first).to_owned(),
        span: first.span,
        stateless: Some(StatelessPolicy {
            default_actions: actions.clone(),
            fragment_default_actions: actions,
            groups: stateless,
        }),
        stateful: StatefulPolicy {
            order,
            groups: stateful,
            default_actions: given_default_actions(options.default_actions.as_deref(), order, first.span, problems),
            default_action_rules: env.default_action_rules.map(<[Rule]>::to_vec),
            stream_exception: options.stream_exception.unwrap_or(StreamExceptionPolicy::Drop),
            tcp_idle: options.tcp_idle.unwrap_or(TCP_IDLE),
            home_net: nets.home_net,
            external_net: nets.external_net,
        },
        stand_in: true,
        notices: with_noted(notices, env),
    })
}

/// Reads plain rules as a policy: no stateless stage, and the options' values or their defaults.
pub(in crate::policy) fn plain_rules(
    files: &[&Resource],
    nets: PolicyNets,
    env: &Env<'_>,
    problems: &mut Problems,
) -> Option<Policy> {
    let first = files.first()?;
    let options = &env.options.stateful;
    let order = options.order.unwrap_or(RuleOrder::Action);
    let mut notices = Vec::new();
    let groups: Vec<StatefulGroup> = files
        .iter()
        .enumerate()
        .filter_map(|(n, file)| {
            if env.leaves_out(|wanted| resolve::is_called(file, wanted)) {
                notices.push(left_out(display_name(file), file.span));
                return None;
            }
            let priority = (order == RuleOrder::Strict).then_some(n as u16 + 1);
            let usage = Usage { priority, ..Usage::default() };
            own_problems(problems, None, |own| stateful::group(file, display_name(file), usage, order, &nets, env, own))
        })
        .collect();
    let default_actions = given_default_actions(options.default_actions.as_deref(), order, first.span, problems);
    if !problems.has_errors() && default_actions.is_empty() && groups.iter().all(|group| group.rules.is_empty()) {
        problems.push(
            Diagnostic::error(code::NO_RULES, "there is no rule to judge").at(first.span).help(no_rules_help(env)),
        );
    }
    if problems.has_errors() {
        return None;
    }
    Some(Policy {
        name: display_name(first).to_owned(),
        span: first.span,
        stateless: None,
        stateful: StatefulPolicy {
            order,
            groups,
            default_actions,
            default_action_rules: env.default_action_rules.map(<[Rule]>::to_vec),
            stream_exception: options.stream_exception.unwrap_or(StreamExceptionPolicy::Drop),
            tcp_idle: options.tcp_idle.unwrap_or(TCP_IDLE),
            home_net: nets.home_net,
            external_net: nets.external_net,
        },
        stand_in: false,
        notices: with_noted(notices, env),
    })
}
