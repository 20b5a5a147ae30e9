//! A firewall policy and the groups it refers to.

use super::home_net::policy_nets;
use super::references::{find, references};
use super::stateful::{ORDERS, Usage};
use super::variables::PolicyNets;
use super::{Env, TCP_IDLE, display_name, given_default_actions, next_generation, own_problems, with_noted};
use super::{stateful, stateless};
use crate::policy::code;
use crate::policy::members;
use crate::policy::model::{
    DefaultAction, Notice, Policy, RuleOrder, StatefulGroup, StatefulPolicy, StatelessPolicy, StreamExceptionPolicy,
};
use crate::policy::problems::Problems;
use crate::policy::refusals;
use crate::policy::resolve;
use crate::policy::resource::Resource;
use crate::policy::value::{Node, Value};
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, Label, Spanned};
use std::time::Duration;

const MEMBERS: [&str; 13] = [
    "StatelessRuleGroupReferences",
    "StatelessDefaultActions",
    "StatelessFragmentDefaultActions",
    "StatelessCustomActions",
    "StatefulRuleGroupReferences",
    "StatefulDefaultActions",
    "StatefulEngineOptions",
    "PolicyVariables",
    "TLSInspectionConfigurationArn",
    "EnableTLSSessionHolding",
    "Route53ResolvedIPValidation",
    "Description",
    "Tags",
];

/// Reads a policy and its groups; `None` when something keeps it from being evaluated, which is in `problems` then.
pub(in crate::policy) fn policy(resource: &Resource, env: &Env<'_>, problems: &mut Problems) -> Option<Policy> {
    let name = display_name(resource);
    let what = format!("firewall policy `{name}`");
    if resolve::is_next_generation(resource) {
        problems.push(next_generation(&what, resource.span));
        return None;
    }
    refusals::names(resource, "FirewallPolicyName", problems);
    members::known(&resource.properties, &what, problems)?;
    let body = members::required(&resource.properties, "FirewallPolicy", &what, problems)?;
    let body = members::object(body, &what, &MEMBERS, problems)?;
    let mut notices = Vec::new();
    not_simulated(body, problems);

    let engine = engine(body, env, problems);
    let stateless = stateless_policy(body, &what, env, &mut notices, problems);
    let nets = policy_nets(resource, body, env, problems);
    let default_actions = default_actions(body, engine.order, env, problems);
    let groups = stateful_groups(body, &engine, &nets, env, &mut notices, problems);
    let policy = Policy {
        name: name.to_owned(),
        span: resource.span,
        stateless: Some(stateless?),
        stateful: StatefulPolicy {
            order: engine.order,
            groups: groups?,
            default_actions: default_actions?,
            default_action_rules: env.default_action_rules.map(<[Rule]>::to_vec),
            stream_exception: engine.stream_exception,
            tcp_idle: engine.tcp_idle,
            home_net: nets.home_net,
            external_net: nets.external_net,
        },
        stand_in: false,
        notices: with_noted(notices, env),
    };
    (!problems.has_errors()).then_some(policy)
}

/// `StatefulEngineOptions`, with the command line's values over them.
struct Engine {
    order: RuleOrder,
    stream_exception: StreamExceptionPolicy,
    tcp_idle: Duration,
}

fn engine(body: &Node, env: &Env<'_>, problems: &mut Problems) -> Engine {
    let given = &env.options.stateful;
    let options = body.get("StatefulEngineOptions").and_then(|node| {
        let known = ["RuleOrder", "StreamExceptionPolicy", "FlowTimeouts"];
        members::object(node, "`StatefulEngineOptions`", &known, problems)
    });
    let order = options
        .and_then(|options| options.get("RuleOrder"))
        .and_then(|node| members::word(node, "`RuleOrder`", &ORDERS, problems));
    let policies = [
        ("DROP", StreamExceptionPolicy::Drop),
        ("CONTINUE", StreamExceptionPolicy::Continue),
        ("REJECT", StreamExceptionPolicy::Reject),
    ];
    let stream_exception = options
        .and_then(|options| options.get("StreamExceptionPolicy"))
        .and_then(|node| members::word(node, "`StreamExceptionPolicy`", &policies, problems));
    let idle = options
        .and_then(|options| options.get("FlowTimeouts"))
        .and_then(|node| members::object(node, "`FlowTimeouts`", &["TcpIdleTimeoutSeconds"], problems))
        .and_then(|node| node.get("TcpIdleTimeoutSeconds"))
        .and_then(|node| members::integer(node, "`TcpIdleTimeoutSeconds`", 1..=u32::MAX, problems));
    if let Some(idle) = idle.as_ref().filter(|idle| !(60..=6000).contains(&idle.value)) {
        let what = format!("an idle time-out of {} s", idle.value);
        let says = "TcpIdleTimeoutSeconds must be from 60 to 6000";
        problems.push(code::refused(code::REFUSED_POLICY, idle.span, &what, says));
    }
    Engine {
        order: given.order.or(order.map(|order| order.value)).unwrap_or(RuleOrder::Action),
        stream_exception: given
            .stream_exception
            .or(stream_exception.map(|policy| policy.value))
            .unwrap_or(StreamExceptionPolicy::Drop),
        tcp_idle: given.tcp_idle.or(idle.map(|idle| Duration::from_secs(idle.value.into()))).unwrap_or(TCP_IDLE),
    }
}

fn stateless_policy(
    body: &Node,
    what: &str,
    env: &Env<'_>,
    notices: &mut Vec<Notice>,
    problems: &mut Problems,
) -> Option<StatelessPolicy> {
    let custom = match body.get("StatelessCustomActions") {
        Some(node) => stateless::custom_actions(node, problems)?,
        None => Vec::new(),
    };
    let mut actions = |member: &str| {
        let node = members::required(body, member, what, problems)?;
        stateless::actions(node, member, &custom, problems)
    };
    let default_actions = actions("StatelessDefaultActions");
    let fragment_default_actions = actions("StatelessFragmentDefaultActions");
    let member = "StatelessRuleGroupReferences";
    let references = references(body, member, env, problems)?;
    let priorities: Vec<Option<Spanned<u16>>> = references.iter().map(|r| r.priority.clone()).collect();
    refusals::references(member, &priorities, None, body.get(member).map_or(body.span, |node| node.span), problems);
    let mut groups = Vec::new();
    let mut used = Vec::new();
    for reference in &references {
        let Some(resource) = find(reference, env, notices, problems) else { continue };
        let Some(priority) = &reference.priority else {
            let message = "a stateless rule group reference has no `Priority`";
            problems.push(Diagnostic::error(code::MISSING_MEMBER, message).at(reference.node.span));
            continue;
        };
        used.push(resource);
        let label = Label { span: reference.node.span, text: "the policy uses it here".to_owned() };
        groups.extend(own_problems(problems, Some(&label), |own| {
            stateless::group(resource, display_name(resource), priority.value, own)
        }));
    }
    refusals::stateless_capacity(used.into_iter(), body.get(member).map_or(body.span, |node| node.span), problems);
    groups.sort_by_key(|group| group.priority);
    Some(StatelessPolicy {
        default_actions: default_actions?,
        fragment_default_actions: fragment_default_actions?,
        groups,
    })
}

fn stateful_groups(
    body: &Node,
    engine: &Engine,
    nets: &PolicyNets,
    env: &Env<'_>,
    notices: &mut Vec<Notice>,
    problems: &mut Problems,
) -> Option<Vec<StatefulGroup>> {
    let member = "StatefulRuleGroupReferences";
    let mut references = references(body, member, env, problems)?;
    let priorities: Vec<Option<Spanned<u16>>> = references.iter().map(|r| r.priority.clone()).collect();
    let span = body.get(member).map_or(body.span, |node| node.span);
    refusals::references(member, &priorities, Some(engine.order), span, problems);
    if engine.order == RuleOrder::Strict {
        references.sort_by_key(|reference| reference.priority.as_ref().map_or(u32::MAX, |p| p.value.into()));
    }
    let mut groups = Vec::new();
    for reference in &references {
        let Some(resource) = find(reference, env, notices, problems) else { continue };
        refusals::order_differs(resource, engine.order, reference.node.span, problems);
        let usage = Usage {
            arn: Some(reference.text.clone()).filter(|text| text.starts_with("arn:")),
            priority: reference.priority.as_ref().map(|priority| priority.value),
            drop_to_alert: reference.drop_to_alert,
        };
        if reference.drop_to_alert && !reference.text.contains(":aws-managed:") {
            let what = "an override of your own group";
            let says = "rule group must be a managed resource";
            problems.push(code::refused(code::REFUSED_POLICY, reference.node.span, what, says));
        }
        let label = Label { span: reference.node.span, text: "the policy uses it here".to_owned() };
        let group = own_problems(problems, Some(&label), |own| {
            stateful::group(resource, display_name(resource), usage, engine.order, nets, env, own)
        });
        if let Some(group) = &group
            && group.rules.is_empty()
        {
            notices.push(Notice {
                message: format!("rule group `{}` holds no rule", group.name),
                help: "it has no effect".to_owned(),
                span: Some(group.span),
            });
        }
        groups.extend(group);
    }
    refusals::stateful_capacity(&groups, span, problems);
    Some(groups)
}

fn default_actions(
    body: &Node,
    order: RuleOrder,
    env: &Env<'_>,
    problems: &mut Problems,
) -> Option<Vec<Spanned<DefaultAction>>> {
    if let Some(given) = &env.options.stateful.default_actions {
        return Some(given_default_actions(Some(given), order, body.span, problems));
    }
    let Some(list) = body.get("StatefulDefaultActions") else { return Some(Vec::new()) };
    let names: Vec<String> = DefaultAction::ALL.iter().map(|action| format!("aws:{}", action.name())).collect();
    let words: Vec<(&str, DefaultAction)> = names.iter().map(String::as_str).zip(DefaultAction::ALL).collect();
    let items = members::list(list, "`StatefulDefaultActions`", problems)?;
    let actions: Vec<Option<Spanned<DefaultAction>>> =
        items.iter().map(|item| members::word(item, "a stateful default action", &words, problems)).collect();
    let actions = actions.into_iter().collect::<Option<Vec<_>>>()?;
    refusals::default_actions(&actions, order, list.span, problems);
    Some(if order == RuleOrder::Strict { actions } else { Vec::new() })
}

/// Members that change what reaches the rules in ways no capture shows.
fn not_simulated(body: &Node, problems: &mut Problems) {
    for (member, what, help) in [
        (
            "TLSInspectionConfigurationArn",
            "TLS inspection is not simulated",
            "traffic is judged as it is on the wire, not decrypted",
        ),
        (
            "Route53ResolvedIPValidation",
            "the check that destinations were resolved by Route 53 is not simulated",
            "packets that only this check would stop go on to the rules",
        ),
    ] {
        if let Some(node) = body.get(member) {
            problems.push(Diagnostic::warning(code::NOT_SIMULATED, what).at(node.span).help(help));
        }
    }
    if let Some(node) = body.get("EnableTLSSessionHolding")
        && node.value == Value::Bool(true)
        && body.get("TLSInspectionConfigurationArn").is_none()
    {
        let says = "TLSInspectionConfigurationArn value is required when EnableTLSSessionHolding is true.";
        problems.push(code::refused(code::REFUSED_POLICY, node.span, "session holding without TLS inspection", says));
    }
}
