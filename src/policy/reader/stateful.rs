//! Stateful rule groups, whatever they are written as.

use super::Env;
use super::variables::{self, PolicyNets};
use crate::policy::code;
use crate::policy::expand::domain_list::{self, DomainList, ListType};
use crate::policy::expand::standard_rule;
use crate::policy::members;
use crate::policy::model::{Capacity, Notice, RuleOrder, StatefulGroup, StatefulKind};
use crate::policy::problems::Problems;
use crate::policy::refusals;
use crate::policy::resource::Resource;
use crate::policy::rule_text::{check_duplicates, parse_rules_in};
use crate::policy::value::Node;
use crate::rules::ast::Rule;
use crate::rules::keyword::Keyword;
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
    let what = format!("rule group `{name}`");
    members::known(&resource.properties, &what, problems)?;
    let body = match resource.properties.get("RuleGroup") {
        Some(body) => Some(members::object(body, &what, &BODY, problems)?),
        None => None,
    };
    let (kind, rules) = rules(resource, body, name, order, env, problems)?;
    let mut rules = leave_out(rules, name, env);
    let duplicates = check_duplicates(&rules, order);
    problems.extend(duplicates.diagnostics);
    refusals::replaced(&rules, &duplicates.replaced, problems);
    let mut replaced = duplicates.replaced.iter().copied().peekable();
    let mut at = 0;
    rules.retain(|_| {
        at += 1;
        replaced.next_if_eq(&(at - 1)).is_none()
    });
    if rules.is_empty() && !problems.has_errors() {
        problems.push(
            Diagnostic::warning(code::NO_RULES, format!("rule group `{name}` holds no rule"))
                .at(resource.span)
                .help("it decides nothing"),
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
        unused_variables: Vec::new(),
        drop_to_alert: usage.drop_to_alert,
        capacity: Capacity::default(),
        span: resource.span,
    };
    variables::read(&mut group, body, nets, env, problems);
    group.capacity = refusals::stateful_group(&group, resource, order, problems);
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
    env: &Env<'_>,
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
        return suricata(text, name, env, problems);
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
        "RulesString" => suricata(node, name, env, problems),
        "RulesSourceList" => {
            let mut list = domain_list(node, &what, problems)?;
            edit(&mut list, name, env);
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
        crate::policy::value::Value::List(items) => !items.is_empty(),
        crate::policy::value::Value::Map(members) => !members.is_empty(),
        crate::policy::value::Value::String(text) => !text.as_str().is_empty(),
        _ => true,
    }
}

fn suricata(node: &Node, name: &str, env: &Env<'_>, problems: &mut Problems) -> Option<(StatefulKind, Vec<Rule>)> {
    let text = members::text(node, &format!("the rules of rule group `{name}`"), problems)?;
    let parsed = parse_rules_in(&text, env.options.dialect);
    // A rule that cannot be read for one keyword can be left out for it, like one that can.
    let mut left_out: Vec<(String, Span)> = Vec::new();
    for problem in parsed.diagnostics {
        let keyword = (problem.code == UNKNOWN_KEYWORD).then(|| problem.message.split('`').nth(1)).flatten();
        let place = problem.labels.first().map(|label| label.span);
        match (keyword, place) {
            (Some(keyword), Some(span)) if env.leaves_out(|wanted| wanted == keyword) => {
                left_out.push((keyword.to_owned(), span));
            }
            _ => problems.push(problem),
        }
    }
    for (keyword, span) in left_out {
        rules_left_out(&keyword, 1, name, span, env);
    }
    Some((StatefulKind::Suricata, parsed.rules))
}

/// The code of the rule language for a keyword that it does not have.
const UNKNOWN_KEYWORD: &str = "FD0203";

/// The rules without those that use a keyword which the user leaves out.
fn leave_out(rules: Vec<Rule>, group: &str, env: &Env<'_>) -> Vec<Rule> {
    if env.options.leave_out.is_empty() {
        return rules;
    }
    let mut counts: Vec<(String, usize, Span)> = Vec::new();
    let kept = rules
        .into_iter()
        .filter(|rule| {
            let keyword = rule
                .options
                .iter()
                .map(|option| keyword_name(&option.keyword))
                .find(|keyword| env.leaves_out(|wanted| wanted == keyword));
            if let Some(keyword) = &keyword {
                match counts.iter_mut().find(|(known, ..)| known == keyword) {
                    Some((_, count, _)) => *count += 1,
                    None => counts.push((keyword.clone(), 1, rule.span)),
                }
            }
            keyword.is_none()
        })
        .collect();
    for (keyword, count, span) in counts {
        rules_left_out(&keyword, count, group, span, env);
    }
    kept
}

fn keyword_name(keyword: &Keyword) -> String {
    let text = keyword.to_string();
    text.split([':', ';']).next().unwrap_or("").to_owned()
}

fn rules_left_out(keyword: &str, count: usize, group: &str, span: Span, env: &Env<'_>) {
    let rules = if count == 1 { "1 rule that uses".to_owned() } else { format!("{count} rules that use") };
    env.noted.notices.borrow_mut().push(Notice {
        message: format!("{rules} `{keyword}` left out of rule group `{group}`"),
        help: "verdicts that they would decide differ".to_owned(),
        span: Some(span),
    });
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

/// Takes out and puts in the domains that the caller wants out and in, as if the document said so.
fn edit(list: &mut DomainList, name: &str, env: &Env<'_>) {
    for domain in &env.options.without_domains {
        let before = list.targets.len();
        list.targets.retain(|target| !target.as_str().eq_ignore_ascii_case(domain));
        if list.targets.len() < before {
            env.noted.edits.borrow_mut().insert(domain.clone());
        }
    }
    for wanted in &env.options.with_domains {
        let (meant, domain) = match wanted.split_once('=') {
            Some((group, domain)) => (group == name, domain),
            None => (list.list == ListType::Allow, wanted.as_str()),
        };
        if meant {
            env.noted.edits.borrow_mut().insert(wanted.clone());
            list.targets.push(MappedText::derived(domain, list.span));
        }
    }
}

/// Whether any target is written with capitals, which HTTP lists do not keep.
pub(in crate::policy) fn has_capitals(target: &MappedText) -> bool {
    target.as_str().chars().any(char::is_uppercase)
}
