//! Stateless rule groups and stateless actions.

use crate::packet::tcp_flag;
use crate::policy::code;
use crate::policy::members;
use crate::policy::model::{CustomAction, StatelessAction, StatelessActions, StatelessGroup, StatelessRule, TcpFlags};
use crate::policy::problems::Problems;
use crate::policy::refusals;
use crate::policy::resource::Resource;
use crate::policy::value::Node;
use crate::source::{Diagnostic, Spanned};
use ipnet::IpNet;

const ACTIONS: [(&str, StatelessAction); 3] = [
    ("aws:pass", StatelessAction::Pass),
    ("aws:drop", StatelessAction::Drop),
    ("aws:forward_to_sfe", StatelessAction::Forward),
];

const FLAGS: [(&str, u8); 8] = [
    ("FIN", tcp_flag::FIN),
    ("SYN", tcp_flag::SYN),
    ("RST", tcp_flag::RST),
    ("PSH", tcp_flag::PSH),
    ("ACK", tcp_flag::ACK),
    ("URG", tcp_flag::URG),
    ("ECE", tcp_flag::ECE),
    ("CWR", tcp_flag::CWR),
];

/// Reads a stateless group; `None` when something keeps it from being evaluated.
pub(in crate::policy) fn group(
    resource: &Resource,
    name: &str,
    priority: u16,
    problems: &mut Problems,
) -> Option<StatelessGroup> {
    let what = format!("stateless rule group `{name}`");
    members::known(&resource.properties, &what, problems)?;
    let body = members::required(&resource.properties, "RuleGroup", &what, problems)?;
    let known = ["RulesSource", "ReferenceSets", "RuleVariables", "StatefulRuleOptions", "SummaryConfiguration"];
    let body = members::object(body, &what, &known, problems)?;
    for member in ["RuleVariables", "StatefulRuleOptions"] {
        if let Some(node) = body.get(member) {
            let says = format!("{member} cannot be provided, context: {member}");
            problems.push(code::refused(code::REFUSED_GROUP, node.span, "a stateless group with it", &says));
        }
    }
    let source = members::required(body, "RulesSource", &what, problems)?;
    let Some(list) = source.get("StatelessRulesAndCustomActions") else {
        let problem = Diagnostic::error(code::MISSING_MEMBER, format!("{what} has no stateless rules"));
        problems.push(problem.at(source.span).help("AWS says: `StatelessRulesAndCustomActions cannot be null`"));
        return None;
    };
    let list =
        members::object(list, "`StatelessRulesAndCustomActions`", &["StatelessRules", "CustomActions"], problems)?;
    let custom = match list.get("CustomActions") {
        Some(node) => custom_actions(node, problems)?,
        None => Vec::new(),
    };
    let items = members::required(list, "StatelessRules", &what, problems)?;
    let items = members::list(items, "`StatelessRules`", problems)?;
    let rules: Vec<Option<StatelessRule>> = items.iter().map(|item| rule(item, &custom, problems)).collect();
    let mut rules: Vec<StatelessRule> = rules.into_iter().collect::<Option<_>>()?;
    let capacity = refusals::stateless_rules(&rules, resource, name, problems);
    rules.sort_by_key(|rule| rule.priority);
    Some(StatelessGroup { name: name.to_owned(), priority, rules, capacity, span: resource.span })
}

/// `CustomActions`, `StatelessCustomActions`.
pub(in crate::policy) fn custom_actions(node: &Node, problems: &mut Problems) -> Option<Vec<CustomAction>> {
    let items = members::list(node, "the custom actions", problems)?;
    let actions: Vec<Option<CustomAction>> = items
        .iter()
        .map(|item| {
            let what = "a custom action";
            let item = members::object(item, what, &["ActionName", "ActionDefinition"], problems)?;
            let name = members::text(members::required(item, "ActionName", what, problems)?, "`ActionName`", problems)?;
            let definition = members::required(item, "ActionDefinition", what, problems)?;
            let metric = members::required(definition, "PublishMetricAction", what, problems)?;
            let dimensions = members::required(metric, "Dimensions", what, problems)?;
            let first = members::list(dimensions, "`Dimensions`", problems)?.first();
            let value = first.and_then(|first| first.get("Value")).and_then(Node::scalar_text);
            Some(CustomAction {
                name: name.as_str().to_owned(),
                dimension: value.map_or(String::new(), |value| value.as_str().to_owned()),
            })
        })
        .collect();
    let actions: Vec<CustomAction> = actions.into_iter().collect::<Option<_>>()?;
    if actions.len() > 10 {
        problems.push(code::refused(
            code::REFUSED_GROUP,
            node.span,
            &format!("{} custom actions", actions.len()),
            "ActionDefinition limit exceeded",
        ));
    }
    Some(actions)
}

/// A list of one standard action and any custom ones. `member` is how the list is called.
pub(in crate::policy) fn actions(
    node: &Node,
    member: &str,
    custom: &[CustomAction],
    problems: &mut Problems,
) -> Option<StatelessActions> {
    let mut standard: Vec<Spanned<StatelessAction>> = Vec::new();
    let mut named = Vec::new();
    for item in members::list(node, &format!("`{member}`"), problems)? {
        let text = members::text(item, &format!("`{member}`"), problems)?;
        let word = text.as_str();
        if let Some((_, action)) = ACTIONS.iter().find(|(name, _)| *name == word) {
            standard.push(Spanned::new(*action, item.span));
        } else if let Some(action) = custom.iter().find(|action| action.name == word) {
            named.push(action.clone());
        } else if word.starts_with("aws:") {
            let legal: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
            let message = format!("`{word}` is no stateless action");
            problems.push(
                Diagnostic::error(code::ILLEGAL_VALUE, message)
                    .at(item.span)
                    .help(format!("it is one of {}", legal.join(", "))),
            );
            return None;
        } else {
            let says = format!("{member} is invalid, parameter: [{word}]");
            let what = format!("custom action `{word}`, which is not defined");
            problems.push(code::refused(code::REFUSED_STATELESS_RULE, item.span, &what, &says));
        }
    }
    match &standard[..] {
        [action] => Some(StatelessActions { action: action.value, custom: named, span: node.span }),
        [] => {
            let message = format!("`{member}` has no standard action");
            problems.push(
                Diagnostic::error(code::ILLEGAL_VALUE, message)
                    .at(node.span)
                    .help("one of aws:pass, aws:drop and aws:forward_to_sfe is needed; AWS says: `Actions cannot be null or empty`"),
            );
            None
        }
        [first, second, ..] => {
            let message = format!("`{member}` has {} standard actions", standard.len());
            problems.push(
                Diagnostic::error(code::ILLEGAL_VALUE, message)
                    .at(second.span)
                    .label(first.span, "the first one")
                    .help("exactly one is allowed; AWS says: `Actions cannot exist together`"),
            );
            None
        }
    }
}

fn rule(node: &Node, custom: &[CustomAction], problems: &mut Problems) -> Option<StatelessRule> {
    let what = "a stateless rule";
    let node = members::object(node, what, &["Priority", "RuleDefinition"], problems)?;
    let priority = members::required(node, "Priority", what, problems)
        .and_then(|priority| members::integer(priority, "`Priority`", 1..=65535, problems));
    let definition = members::required(node, "RuleDefinition", what, problems)
        .and_then(|node| members::object(node, "`RuleDefinition`", &["MatchAttributes", "Actions"], problems))?;
    let actions = members::required(definition, "Actions", what, problems)
        .and_then(|node| actions(node, "Actions", custom, problems));
    let known = ["Sources", "Destinations", "SourcePorts", "DestinationPorts", "Protocols", "TCPFlags"];
    let matching = members::required(definition, "MatchAttributes", what, problems)
        .and_then(|node| members::object(node, "`MatchAttributes`", &known, problems))?;

    let sources = each(matching, "Sources", problems, address);
    let destinations = each(matching, "Destinations", problems, address);
    let source_ports = each(matching, "SourcePorts", problems, ports);
    let destination_ports = each(matching, "DestinationPorts", problems, ports);
    let protocols = each(matching, "Protocols", problems, |node, problems| {
        members::integer(node, "a protocol", 0..=255, problems).map(|number| number.value as u8)
    });
    let tcp_flags = each(matching, "TCPFlags", problems, flags);
    let rule = StatelessRule {
        priority: priority?.value as u16,
        sources: sources?,
        destinations: destinations?,
        source_ports: source_ports?,
        destination_ports: destination_ports?,
        protocols: protocols?,
        tcp_flags: tcp_flags?,
        actions: actions?,
        span: node.span,
    };
    refusals::stateless_rule(&rule, matching.span, problems);
    Some(rule)
}

/// Reads every item of a list member; a member that is not there is an empty list.
fn each<T>(
    node: &Node,
    member: &str,
    problems: &mut Problems,
    read: impl Fn(&Node, &mut Problems) -> Option<T>,
) -> Option<Vec<T>> {
    let Some(list) = node.get(member) else { return Some(Vec::new()) };
    let items = members::list(list, &format!("`{member}`"), problems)?;
    let all: Vec<Option<T>> = items.iter().map(|item| read(item, problems)).collect();
    all.into_iter().collect()
}

fn address(node: &Node, problems: &mut Problems) -> Option<IpNet> {
    let what = "an address";
    let node = members::object(node, what, &["AddressDefinition"], problems)?;
    let definition = members::required(node, "AddressDefinition", what, problems)?;
    let text = members::text(definition, "`AddressDefinition`", problems)?;
    let word = text.as_str().trim();
    let net = word.parse::<IpNet>().ok().or_else(|| word.parse::<std::net::IpAddr>().ok().map(IpNet::from));
    if net.is_none() {
        let message = format!("`{word}` is neither an address nor a prefix");
        problems.push(
            Diagnostic::error(code::ILLEGAL_VALUE, message)
                .at(definition.span)
                .help("write an address or a prefix: 10.0.0.1, 10.0.0.0/8, 2001:db8::/32"),
        );
    }
    net.map(|net| net.trunc())
}

fn ports(node: &Node, problems: &mut Problems) -> Option<(u16, u16)> {
    let what = "a port range";
    let node = members::object(node, what, &["FromPort", "ToPort"], problems)?;
    let end = |member: &str, problems: &mut Problems| {
        let port = node.get(member)?;
        members::integer(port, &format!("`{member}`"), 0..=65535, problems).map(|port| port.value as u16)
    };
    if node.get("FromPort").is_none() || node.get("ToPort").is_none() {
        problems.push(
            Diagnostic::error(code::MISSING_MEMBER, "a port range needs both `FromPort` and `ToPort`")
                .at(node.span)
                .help("both stand in one entry of the list, also for a single port"),
        );
        return None;
    }
    let (from, to) = (end("FromPort", problems)?, end("ToPort", problems)?);
    if from > to {
        problems.push(
            Diagnostic::error(code::ILLEGAL_VALUE, format!("the port range {from} to {to} runs backwards"))
                .at(node.span)
                .help(format!("AWS says: `FromPort, ToPort is not within the bound, parameter: [{from}, {to}]`")),
        );
        return None;
    }
    Some((from, to))
}

fn flags(node: &Node, problems: &mut Problems) -> Option<TcpFlags> {
    let what = "a TCP flag condition";
    let node = members::object(node, what, &["Flags", "Masks"], problems)?;
    let set = flag_set(members::required(node, "Flags", what, problems)?, "Flags", problems)?;
    // An empty list says as little as none; all eight flags are looked at then.
    let mask = match node.get("Masks").map(|masks| flag_set(masks, "Masks", problems)) {
        Some(mask) => Some(mask?).filter(|&mask| mask != 0).unwrap_or(0xff),
        None => 0xff,
    };
    if set & !mask != 0 {
        let unmasked: Vec<&str> =
            FLAGS.iter().filter(|(_, bit)| set & !mask & bit != 0).map(|(name, _)| *name).collect();
        let says = format!("Flags is unmasked, parameter: [{}]", unmasked.join(", "));
        problems.push(code::refused(code::REFUSED_STATELESS_RULE, node.span, "flags outside of the mask", &says));
    }
    Some(TcpFlags { flags: set, mask })
}

fn flag_set(node: &Node, member: &str, problems: &mut Problems) -> Option<u8> {
    let items = members::list(node, &format!("`{member}`"), problems)?;
    let bits: Vec<Option<u8>> =
        items.iter().map(|item| members::word(item, "a TCP flag", &FLAGS, problems).map(|flag| flag.value)).collect();
    bits.into_iter().try_fold(0, |all, bit| Some(all | bit?))
}
