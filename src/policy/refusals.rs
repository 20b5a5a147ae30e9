//! What AWS would refuse: it can be evaluated, and is, but the deployment would fail with the quoted words.
//!
//! Source of the words: probes of the API published by others (`DryRun`, 2026-09); prefixes where a value follows.

use super::code::{self, refused};
use super::expand::domain_list::DomainList;
use super::members;
use super::model::{Capacity, DefaultAction, RuleOrder, StatefulGroup, StatefulKind, StatelessRule};
use super::problems::Problems;
use super::reader::stateful::{has_capitals, own_order};
use super::refused_rules;
use super::resource::Resource;
use super::value::Node;
use crate::rules::ast::{Rule, RuleOption};
use crate::rules::keyword::Keyword;
use crate::source::{Diagnostic, Span, Spanned};
use std::collections::{BTreeMap, HashSet};

/// The largest capacity of a group, and the sum of the stateless ones in a policy.
const CAPACITY_MAX: u64 = 30_000;
/// References of one kind in a policy.
const REFERENCES_MAX: usize = 20;
/// Largest text of a group.
const RULES_BYTES_MAX: u32 = 2_000_000;

/// What a stateless rule must not combine.
pub(super) fn stateless_rule(rule: &StatelessRule, span: Span, problems: &mut Problems) {
    let mut says = |what: &str, text: &str| {
        problems.push(refused(code::REFUSED_STATELESS_RULE, span, what, text));
    };
    if rule.sources.is_empty() && rule.destinations.is_empty() {
        says("a rule without addresses", "Sources, Destinations cannot be null or empty");
    }
    let lacks = |numbers: &[u8]| !rule.protocols.is_empty() && rule.protocols.iter().any(|p| !numbers.contains(p));
    for (ports, member) in [(&rule.source_ports, "SourcePorts"), (&rule.destination_ports, "DestinationPorts")] {
        if !ports.is_empty() && (rule.protocols.is_empty() || lacks(&[6, 17])) {
            says("ports with protocols other than 6 and 17", &format!("{member}, Protocols cannot exist together"));
        }
    }
    if !rule.tcp_flags.is_empty() && (rule.protocols.is_empty() || lacks(&[6])) {
        says("TCP flags with protocols other than 6", "TCPFlags, Protocols cannot exist together");
    }
}

/// What the rules of a stateless group must not share, and its capacity.
pub(super) fn stateless_rules(
    rules: &[StatelessRule],
    resource: &Resource,
    name: &str,
    problems: &mut Problems,
) -> Capacity {
    let mut seen: BTreeMap<u16, Span> = BTreeMap::new();
    for rule in rules {
        if let Some(first) = seen.insert(rule.priority, rule.span) {
            let says = format!("Priority has duplicate values, parameter: [{}]", rule.priority);
            let problem = refused(code::REFUSED_GROUP, rule.span, "a priority given twice", &says);
            problems.push(problem.label(first, "first given here").help("the rule written first is tried first"));
        }
    }
    let needed = rules.iter().fold(0u64, |sum, rule| {
        let counts = [
            rule.sources.len(),
            rule.destinations.len(),
            rule.source_ports.len(),
            rule.destination_ports.len(),
            rule.protocols.len(),
        ];
        sum.saturating_add(counts.iter().fold(1u64, |product, &n| product.saturating_mul(n.max(1) as u64)))
    });
    names(resource, "RuleGroupName", problems);
    let capacity = Capacity { declared: None, needed, needed_at_most: needed, of_a_domain: None };
    declared_capacity(capacity, resource, name, "StatelessRules", problems)
}

/// Name, order and sizes of a stateful group, and its capacity.
pub(super) fn stateful_group(
    group: &StatefulGroup,
    resource: &Resource,
    order: RuleOrder,
    problems: &mut Problems,
) -> Capacity {
    names(resource, "RuleGroupName", problems);
    if order == RuleOrder::Strict {
        strict_keywords(group, problems);
    }
    unsupported_keywords(group, problems);
    if group.kind != StatefulKind::DomainList {
        group.rules.iter().for_each(|rule| refused_rules::rule(rule, problems));
    }
    let rules = group.rules.len() as u64;
    let capacity = match group.kind {
        StatefulKind::Suricata | StatefulKind::Standard => {
            Capacity { declared: None, needed: rules, needed_at_most: rules, of_a_domain: None }
        }
        // Two published formulas differ; only what both refuse is certain.
        StatefulKind::DomainList => {
            let list = resource.properties.get("RuleGroup").and_then(|body| body.get("RulesSource"));
            let list = list.and_then(|source| source.get("RulesSourceList"));
            let count = |member: &str| {
                list.and_then(|list| list.get(member)).and_then(Node::as_list).map_or(0, <[Node]>::len) as u64
            };
            let (targets, types) = (count("Targets"), count("TargetTypes"));
            let needed = targets.saturating_mul(types);
            Capacity { declared: None, needed, needed_at_most: needed + types + 1, of_a_domain: Some(types) }
        }
    };
    let context = match group.kind {
        StatefulKind::Suricata => "RulesString",
        StatefulKind::DomainList => "RulesSourceList",
        StatefulKind::Standard => "StatefulRules",
    };
    let text = resource
        .properties
        .get("Rules")
        .or_else(|| resource.properties.get("RuleGroup")?.get("RulesSource")?.get("RulesString"));
    if let Some(text) = text.and_then(Node::as_text).filter(|text| text.as_str().len() > RULES_BYTES_MAX as usize) {
        let what = format!("{} bytes of rules, more than {RULES_BYTES_MAX}", text.as_str().len());
        problems.push(refused(code::REFUSED_GROUP, text.whole(), &what, "RulesString limit exceeded"));
    }
    declared_capacity(capacity, resource, &group.name, context, problems)
}

/// Options that order rules where their place does.
fn strict_keywords(group: &StatefulGroup, problems: &mut Problems) {
    let ordering = |option: &&RuleOption| matches!(option.keyword, Keyword::Priority(_) | Keyword::Classtype(_));
    let mut options = group.rules.iter().flat_map(|rule| &rule.options).filter(ordering);
    if let Some(first) = options.next() {
        let what = format!("{} `priority` and `classtype` options in strict order", options.count() + 1);
        let says = "RulesString has invalid keywords. Rule groups that use strict order can't have rules that contain the \
                    keywords `priority` or `classtype`";
        problems.push(refused(code::REFUSED_GROUP, first.span, &what, says).help("they have no effect on the order"));
    }
}

/// Keywords that the API takes although the documentation names them as not supported: what they do there is not known.
fn unsupported_keywords(group: &StatefulGroup, problems: &mut Problems) {
    let mut found: BTreeMap<&str, (Span, usize)> = BTreeMap::new();
    for option in group.rules.iter().flat_map(|rule| &rule.options) {
        let name = match option.keyword {
            Keyword::Threshold(_) => "threshold",
            Keyword::DetectionFilter(_) => "detection_filter",
            Keyword::Xbits(_) => "xbits",
            Keyword::Hostbits(_) => "hostbits",
            Keyword::Recognised { name, .. } if ["filename", "fileext", "filesize", "tag"].contains(&name) => name,
            _ => continue,
        };
        found.entry(name).or_insert((option.span, 0)).1 += 1;
    }
    for (name, (first, count)) in found {
        let what = format!("AWS documents that `{name}` is not supported, though it takes it ({count} in this group)");
        problems.push(
            Diagnostic::warning(code::NOT_SUPPORTED, what)
                .at(first)
                .help("it is judged as Suricata does; what AWS makes of it is not known"),
        );
    }
}

/// Rules whose number comes again with a higher revision: the engine takes the later one, AWS takes neither.
pub(super) fn replaced(rules: &[Rule], replaced: &[usize], problems: &mut Problems) {
    for rule in replaced.iter().filter_map(|&index| rules.get(index)) {
        let what = format!("rule {} twice in a group", rule.sid());
        problems.push(
            refused(code::REFUSED_STATEFUL_RULE, rule.sid_span(), &what, "reason: Duplicate signature")
                .help("the one with the higher `rev` counts"),
        );
    }
}

/// A group whose own order is not the policy's.
pub(super) fn order_differs(resource: &Resource, order: RuleOrder, reference: Span, problems: &mut Problems) {
    let Some((own, span)) = own_order(resource) else { return };
    if own != order {
        let what = "a group whose order is not the policy's";
        problems.push(
            refused(code::REFUSED_POLICY, reference, what, "ResourceArn has invalid rule order")
                .label(span, "the group's order")
                .help("it is evaluated in the policy's order"),
        );
    }
}

/// Targets that are no domains, or twice the same.
pub(super) fn domain_list(list: &DomainList, problems: &mut Problems) {
    let mut seen = HashSet::new();
    let mut capitals: Option<(Span, usize)> = None;
    for target in &list.targets {
        let text = target.as_str();
        let name = text.strip_prefix('.').unwrap_or(text);
        let legal =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !legal {
            let what = format!("the target `{text}`");
            let mut problem = refused(code::REFUSED_DOMAIN_LIST, target.whole(), &what, "Targets has invalid format");
            if let Some(domain) = name.strip_prefix("*.") {
                problem = problem.help(format!("`.{domain}` matches {domain} and all names below it"));
            }
            problems.push(problem);
        }
        if !seen.insert(name) {
            let what = format!("the target `{text}`, which is there already");
            problems.push(refused(code::REFUSED_DOMAIN_LIST, target.whole(), &what, "Targets has duplicate values"));
        }
        if list.http && has_capitals(target) {
            capitals = Some(capitals.map_or((target.whole(), 1), |(first, count)| (first, count + 1)));
        }
    }
    if let Some((first, count)) = capitals {
        let message = match count {
            1 => "a target with capitals is compared in lower case for HTTP".to_owned(),
            _ => format!("{count} targets with capitals are compared in lower case for HTTP"),
        };
        problems.push(
            Diagnostic::warning(code::COMPLETED, message)
                .at(first)
                .help("what AWS does with capitals there is not documented; write the target in lower case"),
        );
    }
}

/// How references are ordered and how many there are.
pub(super) fn references(
    member: &str,
    priorities: &[Option<Spanned<u16>>],
    order: Option<RuleOrder>,
    span: Span,
    problems: &mut Problems,
) {
    if priorities.len() > REFERENCES_MAX {
        let says = format!("{member} limit exceeded, parameter: [{}]", priorities.len());
        problems.push(refused(code::REFUSED_POLICY, span, "more than 20 rule groups of one kind", &says));
    }
    let mut seen: Vec<&Spanned<u16>> = Vec::new();
    for (n, priority) in priorities.iter().enumerate() {
        match (priority, order) {
            (Some(priority), Some(RuleOrder::Action)) => {
                let says = format!("Priority cannot be provided, context: {member}[{n}]");
                problems.push(refused(code::REFUSED_POLICY, priority.span, "a priority in action order", &says));
            }
            (Some(priority), _) => {
                if let Some(first) = seen.iter().find(|known| known.value == priority.value) {
                    let says = format!("Priority has duplicate values, parameter: [{}]", priority.value);
                    let problem = refused(code::REFUSED_POLICY, priority.span, "a priority given twice", &says);
                    problems.push(
                        problem.label(first.span, "first given here").help("the group written first is tried first"),
                    );
                }
                seen.push(priority);
            }
            (None, Some(RuleOrder::Strict)) => {
                let says = "Priority cannot be null";
                let problem = refused(code::REFUSED_POLICY, span, "a group without a priority in strict order", says);
                problems.push(problem.help("it is tried after the groups that have one"));
            }
            (None, _) => {}
        }
    }
}

/// Which default actions go together, and with which order.
pub(super) fn default_actions(
    actions: &[Spanned<DefaultAction>],
    order: RuleOrder,
    span: Span,
    problems: &mut Problems,
) {
    if order == RuleOrder::Action && !actions.is_empty() {
        let says = "StatefulDefaultActions has invalid rule order, parameter: [DEFAULT_ACTION_ORDER]";
        problems.push(
            refused(code::REFUSED_POLICY, span, "default actions in action order", says)
                .help("they are not applied: set RuleOrder to STRICT_ORDER (or say --order strict), or remove them"),
        );
    }
    let family = |action: DefaultAction| match action {
        DefaultAction::DropStrict | DefaultAction::AlertStrict => None,
        DefaultAction::DropEstablished | DefaultAction::AlertEstablished => Some(0),
        _ => Some(1),
    };
    let drops: Vec<&Spanned<DefaultAction>> = actions.iter().filter(|action| action.value.drops()).collect();
    let mut families: Vec<i32> = actions.iter().filter_map(|action| family(action.value)).collect();
    families.sort_unstable();
    families.dedup();
    if drops.len() > 1 || families.len() > 1 {
        let what =
            if drops.len() > 1 { "two drop actions" } else { "established and application-layer actions together" };
        problems.push(refused(code::REFUSED_POLICY, span, what, "StatefulDefaultActions cannot exist together"));
    }
}

/// The sum of what the stateless groups of a policy declare.
pub(super) fn stateless_capacity<'a>(groups: impl Iterator<Item = &'a Resource>, span: Span, problems: &mut Problems) {
    let declared = |group: &Resource| group.properties.get("Capacity")?.scalar_text()?.as_str().parse::<u64>().ok();
    let sum = groups.filter_map(declared).fold(0u64, u64::saturating_add);
    if sum > CAPACITY_MAX {
        let what = format!("stateless groups with a capacity of {sum} together");
        problems.push(refused(code::REFUSED_POLICY, span, &what, "StatelessRuleGroupReferences capacity exceeded"));
    }
}

/// The sum of what the stateful groups of a policy declare.
pub(super) fn stateful_capacity(groups: &[StatefulGroup], span: Span, problems: &mut Problems) {
    let sum = groups.iter().filter_map(|group| group.capacity.declared).map(u64::from).fold(0, u64::saturating_add);
    if sum > CAPACITY_MAX {
        let message =
            format!("stateful groups with a capacity of {sum} together; AWS's default quota is {CAPACITY_MAX}");
        problems.push(
            Diagnostic::warning(code::CAPACITY_UNCERTAIN, message)
                .at(span)
                .help("AWS raises it up to 50000 when asked; until then the policy is refused"),
        );
    }
}

/// A name that AWS does not take; one that still has a placeholder is not judged.
pub(super) fn names(resource: &Resource, member: &str, problems: &mut Problems) {
    let Some(name) = resource.properties.get(member).and_then(Node::as_text) else { return };
    let text = name.as_str();
    let legal =
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && (1..=128).contains(&text.len());
    if !legal && !text.contains("${") {
        let what = format!("the name `{text}`");
        let says = format!("{member} must match ^[a-zA-Z0-9-]+$ and have 1 to 128 characters");
        problems.push(refused(code::REFUSED_GROUP, name.whole(), &what, &says));
    }
}

/// A variable's name that AWS does not take.
pub(super) fn variable_name(name: &Spanned<String>, problems: &mut Problems) {
    let text = &name.value;
    let legal = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && text.len() <= 32;
    if !legal {
        let what = format!("the variable name `{text}`");
        let says = "RuleVariables: a name must match ^[A-Za-z][A-Za-z0-9_]*$ and have 1 to 32 characters";
        problems.push(refused(code::REFUSED_GROUP, name.span, &what, says));
    }
}

/// Reads the declared capacity, and says when it does not hold the rules.
fn declared_capacity(
    capacity: Capacity,
    resource: &Resource,
    name: &str,
    context: &str,
    problems: &mut Problems,
) -> Capacity {
    let Some(node) = resource.properties.get("Capacity") else { return capacity };
    let Some(declared) = members::integer(node, "`Capacity`", 0..=u32::MAX, problems) else { return capacity };
    let (low, high) = (capacity.needed, capacity.needed_at_most);
    let value = u64::from(declared.value);
    if value > CAPACITY_MAX {
        let says = format!("Capacity capacity exceeded, parameter: [{value}]");
        problems.push(refused(code::CAPACITY, declared.span, &format!("a capacity of {value}"), &says));
    }
    if low > value {
        let says = format!("{context} capacity exceeded, parameter: [{low}], context: RulesSource.{context}");
        let what = format!("rule group `{name}`, which needs a capacity of {low} and has {value}");
        problems.push(refused(code::CAPACITY, declared.span, &what, &says));
    } else if high > value {
        let message = format!("rule group `{name}` may need a capacity of up to {high} and has {value}");
        problems.push(
            Diagnostic::warning(code::CAPACITY_UNCERTAIN, message)
                .at(declared.span)
                .help("the two published formulas for domain lists differ; `create-rule-group --dry-run` tells"),
        );
    }
    Capacity { declared: Some(declared.value), ..capacity }
}
