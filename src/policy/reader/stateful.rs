//! Stateful rule groups, whatever they are written as.

use super::super::code;
use super::super::expand::domain_list::{self, DomainList, ListType};
use super::super::expand::standard_rule;
use super::super::members;
use super::super::model::{RuleOrder, StatefulGroup, StatefulKind};
use super::super::problems::Problems;
use super::super::refusals;
use super::super::resource::Resource;
use super::super::rule_text::parse_rules;
use super::super::value::Node;
use super::Env;
use super::variables::{self, PolicyNets};
use crate::rules::ast::Rule;
use crate::source::{Diagnostic, MappedText, Span};

/// How a policy uses a group.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Usage {
    pub(in crate::policy) arn: Option<String>,
    pub(in crate::policy) priority: Option<u16>,
    pub(in crate::policy) drop_to_alert: bool,
}

/// `RuleOrder` of a policy or group.
pub(in crate::policy) const ORDERS: [(&str, RuleOrder); 2] =
    [("DEFAULT_ACTION_ORDER", RuleOrder::Action), ("STRICT_ORDER", RuleOrder::Strict)];

/// The group's own order, and where it says so.
pub(in crate::policy) fn own_order(resource: &Resource) -> Option<(RuleOrder, Span)> {
    let options = resource.properties.get("RuleGroup")?.get("StatefulRuleOptions")?;
    let node = options.get("RuleOrder")?;
    let text = node.scalar_text()?;
    ORDERS.iter().find(|(word, _)| *word == text.as_str()).map(|(_, order)| (*order, node.span))
}

/// Reads a stateful group for a policy with this order; `None` when something keeps it from being evaluated.
pub(in crate::policy) fn group(
    resource: &Resource,
    name: &str,
    usage: Usage,
    order: RuleOrder,
    nets: &PolicyNets,
    env: &Env<'_>,
    problems: &mut Problems,
) -> Option<StatefulGroup> {
    let body = match resource.properties.get("RuleGroup") {
        Some(body) => Some(members::object(body, &format!("rule group `{name}`"), &BODY, problems)?),
        None => None,
    };
    let (kind, rules) = rules(resource, body, name, order, problems)?;
    if rules.is_empty() && !problems.has_errors() {
        problems.push(
            Diagnostic::warning(code::NO_RULES, format!("rule group `{name}` holds no rule, at most comments"))
                .at(resource.span),
        );
    }
    let mut group = StatefulGroup {
        name: name.to_owned(),
        arn: resource.identities.iter().find(|id| id.starts_with("arn:")).cloned().or(usage.arn),
        priority: usage.priority,
        kind,
        rules,
        ip_sets: Vec::new(),
        port_sets: Vec::new(),
        ip_set_references: Vec::new(),
        drop_to_alert: usage.drop_to_alert,
        span: resource.span,
    };
    variables::read(&mut group, body, nets, env, problems);
    refusals::stateful_group(&group, resource, problems);
    (!problems.has_errors()).then_some(group)
}

const BODY: [&str; 5] =
    ["RuleVariables", "ReferenceSets", "RulesSource", "StatefulRuleOptions", "SummaryConfiguration"];
const SOURCES: [&str; 4] = ["RulesString", "RulesSourceList", "StatefulRules", "StatelessRulesAndCustomActions"];

fn rules(
    resource: &Resource,
    body: Option<&Node>,
    name: &str,
    order: RuleOrder,
    problems: &mut Problems,
) -> Option<(StatefulKind, Vec<Rule>)> {
    let what = format!("rule group `{name}`");
    if let Some(text) = resource.properties.get("Rules") {
        if let Some(body) = body {
            problems.push(
                Diagnostic::error(code::ILLEGAL_VALUE, format!("{what} has both `Rules` and `RuleGroup`"))
                    .at(text.span)
                    .label(body.span, "and this"),
            );
            return None;
        }
        return suricata(text, &what, problems);
    }
    let Some(body) = body else {
        problems.push(Diagnostic::error(code::MISSING_MEMBER, format!("{what} has no `RuleGroup`")).at(resource.span));
        return None;
    };
    let source = members::required(body, "RulesSource", &what, problems)?;
    let source = members::object(source, "`RulesSource`", &SOURCES, problems)?;
    // An empty list or text beside the one that counts says nothing.
    let said: Vec<&str> = SOURCES.into_iter().filter(|member| source.get(member).is_some_and(says_something)).collect();
    let present: Vec<&str> = SOURCES.into_iter().filter(|member| source.get(member).is_some()).collect();
    let chosen = match (&said[..], &present[..]) {
        ([one], _) | ([], [one, ..]) => *one,
        _ => {
            let message = if said.is_empty() {
                format!("{what} has no rules source")
            } else {
                format!("{what} has several rules sources: {}", said.join(", "))
            };
            problems.push(Diagnostic::error(code::ILLEGAL_VALUE, message).at(source.span).help(
                "AWS says: `RulesString, RulesSourceList, StatefulRules must set exactly one of them, context: RulesSource`",
            ));
            return None;
        }
    };
    let node = source.get(chosen)?;
    match chosen {
        "RulesString" => suricata(node, &what, problems),
        "RulesSourceList" => {
            let list = domain_list(node, &what, problems)?;
            refusals::domain_list(&list, problems);
            match domain_list::expand(&list, order) {
                Ok(rules) => Some((StatefulKind::DomainList, rules)),
                Err(wrong) => {
                    problems.extend(wrong);
                    None
                }
            }
        }
        "StatefulRules" => {
            let items = members::list(node, "`StatefulRules`", problems)?;
            let items: Vec<&Node> = items.iter().filter(|item| !never_matches(item, problems)).collect();
            let rules: Vec<Option<Rule>> = items.iter().map(|item| standard_rule::expand(item, problems)).collect();
            rules.into_iter().collect::<Option<Vec<Rule>>>().map(|rules| (StatefulKind::Standard, rules))
        }
        _ => {
            problems.push(
                Diagnostic::error(code::ILLEGAL_VALUE, format!("{what} is a stateless group in a stateful place"))
                    .at(node.span)
                    .help("AWS says: `StatelessRulesAndCustomActions is invalid`"),
            );
            None
        }
    }
}

/// AWS lists one protocol that the engine does not have.
fn never_matches(rule: &Node, problems: &mut Problems) -> bool {
    let protocol = rule.get("Header").and_then(|header| header.get("Protocol"));
    let Some(protocol) = protocol.filter(|node| node.as_text().is_some_and(|text| text.as_str() == "MSN")) else {
        return false;
    };
    problems.push(
        Diagnostic::warning(code::NOT_SIMULATED, "the engine has no protocol `MSN`")
            .at(protocol.span)
            .help("the rule never matches and is left out"),
    );
    true
}

fn says_something(node: &Node) -> bool {
    match &node.value {
        super::super::value::Value::List(items) => !items.is_empty(),
        super::super::value::Value::Map(members) => !members.is_empty(),
        super::super::value::Value::String(text) => !text.as_str().is_empty(),
        _ => true,
    }
}

fn suricata(node: &Node, what: &str, problems: &mut Problems) -> Option<(StatefulKind, Vec<Rule>)> {
    let text = members::text(node, &format!("the rules of {what}"), problems)?;
    let parsed = parse_rules(&text);
    problems.extend(parsed.diagnostics);
    Some((StatefulKind::Suricata, parsed.rules))
}

fn domain_list(node: &Node, what: &str, problems: &mut Problems) -> Option<DomainList> {
    #[derive(Clone, Copy, PartialEq)]
    enum Target {
        Sni,
        Host,
        Resolved,
    }
    const TARGETS: [(&str, Target); 3] =
        [("TLS_SNI", Target::Sni), ("HTTP_HOST", Target::Host), ("AWS_ROUTE_53_RESOLVED_DOMAIN", Target::Resolved)];
    const LISTS: [(&str, ListType); 4] = [
        ("ALLOWLIST", ListType::Allow),
        ("DENYLIST", ListType::Deny),
        ("REJECTLIST", ListType::Reject),
        ("ALERTLIST", ListType::Alert),
    ];
    let node = members::object(node, "`RulesSourceList`", &["Targets", "TargetTypes", "GeneratedRulesType"], problems)?;
    let list = members::required(node, "GeneratedRulesType", what, problems)
        .and_then(|node| members::word(node, "`GeneratedRulesType`", &LISTS, problems));
    let types = members::required(node, "TargetTypes", what, problems)
        .and_then(|node| members::list(node, "`TargetTypes`", problems))
        .map(|items| {
            items.iter().map(|item| members::word(item, "a target type", &TARGETS, problems)).collect::<Vec<_>>()
        });
    let targets =
        members::required(node, "Targets", what, problems).and_then(|node| members::texts(node, "`Targets`", problems));
    let (list, types) = (list?, types?.into_iter().collect::<Option<Vec<_>>>()?);
    if let Some(resolved) = types.iter().find(|kind| kind.value == Target::Resolved) {
        problems.push(
            Diagnostic::error(code::NOT_SIMULATED, "`AWS_ROUTE_53_RESOLVED_DOMAIN` lists cannot be judged")
                .at(resolved.span)
                .help("AWS does not publish the rules behind them; leave the group out with --leave-out"),
        );
        return None;
    }
    let has = |kind: Target| types.iter().any(|found| found.value == kind);
    Some(DomainList {
        list: list.value,
        tls: has(Target::Sni),
        http: has(Target::Host),
        targets: targets?,
        span: node.span,
    })
}

/// Whether any target is written with capitals, which HTTP lists do not keep.
pub(in crate::policy) fn has_capitals(target: &MappedText) -> bool {
    target.as_str().chars().any(char::is_uppercase)
}
