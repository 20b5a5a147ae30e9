//! From the resources of a document to the model.
//!
//! A policy is read with the groups it refers to and nothing else: what no selected policy uses is neither needed nor
//! reported. Everything that is wrong or missing is found in one go.

pub(super) mod stateful;
pub(super) mod stateless;
pub(super) mod variables;

use super::code;
use super::members;
use super::model::{
    AddressVariable, DefaultAction, Notice, Policy, RuleOrder, StatefulGroup, StatefulPolicy, StatelessAction,
    StatelessActions, StatelessGroup, StatelessPolicy, StreamExceptionPolicy,
};
use super::options::LoadOptions;
use super::problems::Problems;
use super::refusals;
use super::resolve::{self, Found};
use super::resource::Resource;
use super::supplies::Supplies;
use super::value::Node;
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, Label, Sources, Span, Spanned};
use stateful::{ORDERS, Usage};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;
use variables::PolicyNets;

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
    /// Which of `supplied` a policy used.
    pub(super) used_supplies: &'a RefCell<BTreeSet<usize>>,
}

impl Env<'_> {
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
pub(super) fn policy(resource: &Resource, env: &Env<'_>, problems: &mut Problems) -> Option<Policy> {
    let name = display_name(resource);
    let what = format!("firewall policy `{name}`");
    if resolve::is_next_generation(resource) {
        problems.push(next_generation(&what, resource.span));
        return None;
    }
    refusals::names(resource, "FirewallPolicyName", problems);
    if let super::value::Value::Unresolved(missing) = &resource.properties.value {
        problems.missing(missing, resource.properties.span);
        return None;
    }
    let body = members::required(&resource.properties, "FirewallPolicy", &what, problems)?;
    let body = members::object(body, &what, &MEMBERS, problems)?;
    let mut notices = Vec::new();
    not_simulated(body, problems);

    let engine = engine(body, env, problems);
    let stateless = stateless(body, &what, env, &mut notices, problems);
    let nets = nets(resource, body, env, problems);
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
        notices,
    };
    (!problems.has_errors()).then_some(policy)
}

/// The stand-in for a document with rule groups only: everything goes to the stateful engine, in the groups' own order.
pub(super) fn stand_in(groups: &[&Resource], env: &Env<'_>, problems: &mut Problems) -> Option<Policy> {
    let first = groups.first()?;
    let mut notices = Vec::new();
    let mut orders: Vec<(RuleOrder, Span, &str)> = Vec::new();
    let (mut stateful, mut stateless) = (Vec::new(), Vec::new());
    for group in groups {
        let name = display_name(group);
        if env.options.leave_out.iter().any(|wanted| resolve::is_called(group, wanted)) {
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
            Diagnostic::error(code::NO_RULES, "there is no rule to judge: the rule groups hold at most comments")
                .at(first.span),
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
        notices,
    })
}

/// Reads plain rules as a policy: no stateless stage, and the options' values or their defaults.
pub(super) fn plain_rules(
    files: &[&Resource],
    nets: PolicyNets,
    env: &Env<'_>,
    problems: &mut Problems,
) -> Option<Policy> {
    let first = files.first()?;
    let options = &env.options.stateful;
    let order = options.order.unwrap_or(RuleOrder::Action);
    let groups: Vec<StatefulGroup> = files
        .iter()
        .enumerate()
        .filter_map(|(n, file)| {
            let priority = (order == RuleOrder::Strict).then_some(n as u16 + 1);
            let usage = Usage { priority, ..Usage::default() };
            own_problems(problems, None, |own| stateful::group(file, display_name(file), usage, order, &nets, env, own))
        })
        .collect();
    let default_actions = given_default_actions(options.default_actions.as_deref(), order, first.span, problems);
    if !problems.has_errors() && default_actions.is_empty() && groups.iter().all(|group| group.rules.is_empty()) {
        problems.push(Diagnostic::error(code::NO_RULES, "there is no rule to judge, at most comments").at(first.span));
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
        notices: Vec::new(),
    })
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

fn stateless(
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
    Some(groups)
}

/// One entry of a policy's references.
struct Reference<'a> {
    node: &'a Node,
    text: String,
    priority: Option<Spanned<u16>>,
    drop_to_alert: bool,
}

fn references<'a>(body: &'a Node, member: &str, env: &Env<'_>, problems: &mut Problems) -> Option<Vec<Reference<'a>>> {
    let Some(list) = body.get(member) else { return Some(Vec::new()) };
    let items = members::list(list, &format!("`{member}`"), problems)?;
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
    let super::value::Value::Unresolved(missing) = &arn.value else {
        return members::text(arn, "`ResourceArn`", problems).map(|text| text.as_str().to_owned());
    };
    let options = env.options;
    let known = |name: &str| {
        options.leave_out.iter().any(|wanted| wanted == name)
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
fn find<'a>(
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
                env.used_supplies.borrow_mut().insert(n);
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

fn left_out(name: &str, span: Span) -> Notice {
    let managed = if name.contains(":aws-managed:") { " (opaque: never matches here)" } else { "" };
    Notice {
        message: format!("rule group `{name}` is left out{managed}"),
        help: "verdicts that its rules would decide differ".to_owned(),
        span: Some(span),
    }
}

/// HOME_NET: the option, the policy's variable, or the VPC of the firewall that uses the policy.
fn nets(resource: &Resource, body: &Node, env: &Env<'_>, problems: &mut Problems) -> PolicyNets {
    let mut nets = PolicyNets { external_net: env.supplies.external_net.clone(), ..PolicyNets::default() };
    let declared = body.get("PolicyVariables").and_then(|all| all.get("RuleVariables"));
    for (key, _) in declared.and_then(Node::as_map).unwrap_or(&[]).iter().filter(|(key, _)| key.value != "HOME_NET") {
        let says = format!("RuleVariables is invalid, parameter: [{}]", key.value);
        let what = format!("the policy variable `{}`", key.value);
        let problem = code::refused(code::REFUSED_POLICY, key.span, &what, &says);
        problems.push(problem.help("HOME_NET is the only policy variable; the value is not used"));
    }
    if let Some(given) = &env.supplies.home_net {
        nets.home_net = Some(given.clone());
        return nets;
    }
    let mut open = Problems::default();
    if let Some(node) = declared.and_then(|all| all.get("HOME_NET")) {
        nets.home_net = variables::entries(node, "HOME_NET", &mut open).map(|entries| AddressVariable {
            name: "HOME_NET".to_owned(),
            entries,
            origin: format!("policy `{}` ({})", display_name(resource), env.place(node.span)),
        });
    } else {
        nets.home_net = home_net_of_vpc(resource, env, &mut open);
    }
    if let Some(home_net) = &nets.home_net {
        variables::check_entries(&home_net.entries, |entry| [entry, "any"], &mut open);
    }
    if open.has_errors() {
        nets.home_net = None;
    }
    nets.home_net_missing = open.into_vec();
    nets
}

fn home_net_of_vpc(resource: &Resource, env: &Env<'_>, open: &mut Problems) -> Option<AddressVariable> {
    let (vpcs, firewalls) = resolve::vpcs(resource, env);
    if let (Some(firewall), true) = (firewalls.first(), vpcs.is_empty()) {
        let message = format!("the VPC of firewall `{}` is not in the document", display_name(firewall));
        open.push(
            Diagnostic::error(code::VARIABLE_WITHOUT_VALUE, message)
                .at(firewall.span)
                .help("give its addresses, which are HOME_NET, with --home-net CIDR,.."),
        );
    }
    let mut found: Vec<AddressVariable> = Vec::new();
    for vpc in &vpcs {
        let Some(set) = variables::of_vpc(vpc, env, open) else { continue };
        let values = |set: &AddressVariable| set.entries.iter().map(|entry| entry.value.clone()).collect::<Vec<_>>();
        if !found.iter().any(|known| values(known) == values(&set)) {
            found.push(set);
        }
    }
    if let ([first, second, ..], Some(firewall)) = (&found[..], firewalls.first()) {
        let message = format!("firewalls in several VPCs use the policy: {}, {}", first.origin, second.origin);
        open.push(
            Diagnostic::error(code::AMBIGUOUS, message)
                .at(firewall.span)
                .help("say for which one it is judged with --home-net CIDR,.."),
        );
        return None;
    }
    found.pop()
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
        && node.value == super::value::Value::Bool(true)
        && body.get("TLSInspectionConfigurationArn").is_none()
    {
        let says = "TLSInspectionConfigurationArn value is required when EnableTLSSessionHolding is true.";
        problems.push(code::refused(code::REFUSED_POLICY, node.span, "session holding without TLS inspection", says));
    }
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
