//! Variables: which ones rules use, and what gives them their values.

use super::Env;
use crate::policy::code;
use crate::policy::members;
use crate::policy::model::{AddressVariable, PortVariable, StatefulGroup};
use crate::policy::problems::Problems;
use crate::policy::refusals;
use crate::policy::resource::Resource;
use crate::policy::rule_text::parse_rule;
use crate::policy::value::Node;
use crate::rules::ast::{AddressExpr, PortExpr, Rule};
use crate::source::{Diagnostic, MappedText, Span, Spanned};
use std::collections::HashSet;

/// The names that the rules of a group use, each with the first place.
#[derive(Debug, Default)]
pub(in crate::policy) struct Uses {
    pub(in crate::policy) addresses: Vec<Spanned<String>>,
    pub(in crate::policy) ports: Vec<Spanned<String>>,
    pub(in crate::policy) references: Vec<Spanned<String>>,
    seen: HashSet<(Sort, String)>,
}

/// Which of the lists a name is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Sort {
    Address,
    Port,
    Reference,
}

impl Uses {
    /// Of all rule headers.
    pub(in crate::policy) fn of(rules: &[Rule]) -> Self {
        let mut uses = Self::default();
        for rule in rules {
            uses.address(&rule.source);
            uses.address(&rule.destination);
            uses.port(&rule.source_port);
            uses.port(&rule.destination_port);
        }
        uses
    }

    fn address(&mut self, expression: &Spanned<AddressExpr>) {
        match &expression.value {
            AddressExpr::Variable(name) => self.note(Sort::Address, name, expression.span),
            AddressExpr::Reference(name) => self.note(Sort::Reference, name, expression.span),
            AddressExpr::Not(inner) => self.address(inner),
            AddressExpr::List(items) => items.iter().for_each(|item| self.address(item)),
            AddressExpr::Any | AddressExpr::Net(_) | AddressExpr::Range(..) => {}
        }
    }

    fn port(&mut self, expression: &Spanned<PortExpr>) {
        match &expression.value {
            PortExpr::Variable(name) => self.note(Sort::Port, name, expression.span),
            PortExpr::Not(inner) => self.port(inner),
            PortExpr::List(items) => items.iter().for_each(|item| self.port(item)),
            PortExpr::Any | PortExpr::Range(..) => {}
        }
    }

    fn uses_address(&self, name: &str) -> bool {
        self.addresses.iter().any(|used| used.value == name)
    }

    fn note(&mut self, sort: Sort, name: &str, span: Span) {
        let list = match sort {
            Sort::Address => &mut self.addresses,
            Sort::Port => &mut self.ports,
            Sort::Reference => &mut self.references,
        };
        // Nearly every rule of a group uses the same few names. All of them are in `seen`.
        if list.iter().take(4).any(|known| known.value == name) || !self.seen.insert((sort, name.to_owned())) {
            return;
        }
        list.push(Spanned::new(name.to_owned(), span));
    }
}

/// The policy's HOME_NET and EXTERNAL_NET, or why there is none.
#[derive(Debug, Default)]
pub(in crate::policy) struct PolicyNets {
    pub(in crate::policy) home_net: Option<AddressVariable>,
    pub(in crate::policy) external_net: Option<AddressVariable>,
    /// Port variables that need no declaration; plain rules have one.
    pub(in crate::policy) ports: Vec<PortVariable>,
    /// Said when a rule needs HOME_NET and it is not known.
    pub(in crate::policy) home_net_missing: Vec<Diagnostic>,
}

/// Gives a group the variables it declares or the user supplies, and refuses what its rules use without a value.
pub(in crate::policy) fn read(
    group: &mut StatefulGroup,
    body: Option<&Node>,
    nets: &PolicyNets,
    env: &Env<'_>,
    problems: &mut Problems,
) {
    let mut uses = Uses::of(&group.rules);
    let declared = body.and_then(|body| body.get("RuleVariables"));
    let origin = |span: Span| format!("rule group `{}` ({})", group.name, env.place(span));
    let ip_sets = declared.and_then(|all| all.get("IPSets"));
    let port_sets = declared.and_then(|all| all.get("PortSets"));
    if let Some(declared) = declared
        && members::object(declared, "`RuleVariables`", &["IPSets", "PortSets", "ContextSets"], problems).is_some()
        && let Some(contexts) = declared.get("ContextSets")
    {
        let message = "context sets are not looked up: which addresses they stand for is not in the document";
        problems.push(Diagnostic::warning(code::NOT_SIMULATED, message).at(contexts.span));
    }
    for (sets, what) in [(ip_sets, "`IPSets`"), (port_sets, "`PortSets`")] {
        match sets.map(|sets| (sets, sets.as_map())) {
            Some((sets, None)) => {
                members::object(sets, what, &[], problems);
            }
            Some((_, Some(sets))) => sets.iter().for_each(|(name, _)| refusals::variable_name(name, problems)),
            None => {}
        }
    }
    // Declared sets may use each other, so the list of names grows while it is walked.
    let mut at = 0;
    while let Some(used) = uses.addresses.get(at).cloned() {
        at += 1;
        let name = used.value.as_str();
        let declared = ip_sets.and_then(|sets| member(sets, name));
        let set = match (env.supplies.ip_set(name), declared) {
            (Some(given), _) if !matches!(name, "HOME_NET" | "EXTERNAL_NET") => Some(given.clone()),
            (_, Some((key, node))) => entries(node, name, problems).map(|entries| AddressVariable {
                name: name.to_owned(),
                entries,
                origin: origin(key.span),
            }),
            (_, None) => {
                predefined_or_missing(&used, nets, body.is_some(), problems);
                None
            }
        };
        let Some(set) = set else { continue };
        check_entries(&set.entries, |entry| [entry, "any"], problems);
        for entry in &set.entries {
            for name in names_in(&entry.value) {
                uses.note(Sort::Address, name, entry.span);
            }
        }
        group.ip_sets.push(set);
    }
    for used in &uses.ports {
        let declared = port_sets.and_then(|sets| member(sets, &used.value));
        let set = match (env.supplies.port_set(&used.value), declared) {
            (Some(given), _) => Some(given.clone()),
            (None, Some((_, node))) => {
                entries(node, &used.value, problems).map(|entries| PortVariable { name: used.value.clone(), entries })
            }
            (None, None) if nets.ports.iter().any(|set| set.name == used.value) => {
                nets.ports.iter().find(|set| set.name == used.value).cloned()
            }
            (None, None) => {
                let option = format!("--port-set {}=PORT,..", used.value);
                problems.push(without_value(used, "PortSets", &option, body.is_some()));
                None
            }
        };
        if let Some(set) = set {
            check_entries(&set.entries, |entry| ["any", entry], problems);
            group.port_sets.push(set);
        }
    }
    let references_declared =
        body.and_then(|body| body.get("ReferenceSets")).and_then(|sets| sets.get("IPSetReferences"));
    for (sets, sort, sign) in
        [(ip_sets, Sort::Address, '$'), (port_sets, Sort::Port, '$'), (references_declared, Sort::Reference, '@')]
    {
        for (name, _) in sets.and_then(Node::as_map).unwrap_or(&[]) {
            if !uses.seen.contains(&(sort, name.value.clone())) {
                group.unused_variables.push(Spanned::new(format!("{sign}{}", name.value), name.span));
            }
        }
    }
    references(group, &uses, body, env, problems);
    contradiction(group, &uses, nets, problems);
}

fn predefined_or_missing(used: &Spanned<String>, nets: &PolicyNets, declarable: bool, problems: &mut Problems) {
    let known = match used.value.as_str() {
        "HOME_NET" => nets.home_net.is_some(),
        "EXTERNAL_NET" => nets.external_net.is_some() || nets.home_net.is_some(),
        _ => {
            problems.push(without_value(used, "IPSets", &format!("--ip-set {}=CIDR,..", used.value), declarable));
            return;
        }
    };
    if known {
        return;
    }
    let text = format!("`${}` is used here", used.value);
    if nets.home_net_missing.is_empty() {
        problems.push(
            Diagnostic::error(code::VARIABLE_WITHOUT_VALUE, "rules use HOME_NET, and nothing says what it is")
                .label(used.span, text)
                .help("give the addresses of the firewall's VPC with --home-net CIDR,.."),
        );
    } else {
        problems.extend(nets.home_net_missing.iter().cloned().map(|missing| missing.label(used.span, text.as_str())));
    }
}

/// `declarable`: the rules stand in a rule group that can declare variables, not in a file of their own.
fn without_value(used: &Spanned<String>, section: &str, option: &str, declarable: bool) -> Diagnostic {
    let name = &used.value;
    let help = if declarable {
        format!(
            "declare it under RuleVariables.{section}, or give it with {option} (AWS says: `{name} cannot be null or \
             empty, context: RuleVariables.{section}.{name}`)"
        )
    } else {
        format!("give it with {option}")
    };
    Diagnostic::error(code::VARIABLE_WITHOUT_VALUE, format!("`${name}` is used, and nothing gives it a value"))
        .at(used.span)
        .help(help)
}

/// IP set references: what `@NAME` stands for is not in the document, unless it is a prefix list of the same document.
fn references(group: &mut StatefulGroup, uses: &Uses, body: Option<&Node>, env: &Env<'_>, problems: &mut Problems) {
    let declared = body.and_then(|body| body.get("ReferenceSets")).and_then(|sets| sets.get("IPSetReferences"));
    if let Some(declared) = declared.and_then(Node::as_map).filter(|declared| declared.len() > 5)
        && let Some((key, _)) = declared.last()
    {
        let what = format!("{} IP set references in a group", declared.len());
        problems.push(code::refused(code::REFUSED_GROUP, key.span, &what, "IPSetReferences limit exceeded"));
    }
    for used in &uses.references {
        let name = &used.value;
        let entry = declared.and_then(|sets| member(sets, name));
        let arn = entry.and_then(|(_, node)| node.get("ReferenceArn"));
        let arn_text = arn.and_then(Node::scalar_text).map(|text| text.as_str().to_owned());
        let given = env.supplies.ip_set(name).or_else(|| env.supplies.ip_set(arn_text.as_deref()?));
        let set = match (given, &arn_text) {
            (Some(given), _) => Some(given.clone()),
            (None, Some(arn)) => prefix_list(arn, env, problems),
            (None, None) => None,
        };
        match set {
            Some(set) => {
                check_entries(&set.entries, |entry| [entry, "any"], problems);
                group.ip_set_references.push(AddressVariable { name: name.clone(), ..set });
            }
            None if entry.is_none() => {
                let message = format!("`@{name}` is used, and the group has no such IP set reference");
                problems.push(Diagnostic::error(code::REFERENCE_WITHOUT_VALUE, message).at(used.span).help(format!(
                    "declare it under ReferenceSets, or give its addresses with --ip-set {name}=FILE (AWS says: \
                         `context: ReferenceSets.IPSetReferences.{name}`)"
                )));
            }
            None => {
                let shown = arn_text.filter(|arn| arn.starts_with("arn:")).unwrap_or_else(|| name.clone());
                let message = format!("the addresses behind `@{name}` are not in the document");
                let mut problem = Diagnostic::error(code::REFERENCE_WITHOUT_VALUE, message).at(used.span).help(
                    format!("give them with --ip-set {shown}=FILE, one prefix a line, or --ip-set {name}=CIDR,.."),
                );
                if let Some(arn) = arn {
                    problem = problem.label(arn.span, "what it refers to");
                }
                problems.push(problem);
            }
        }
    }
}

/// A prefix list that the document itself defines.
fn prefix_list(arn: &str, env: &Env<'_>, problems: &mut Problems) -> Option<AddressVariable> {
    let list = env.resources.iter().find(|resource| {
        resource.kind == crate::policy::resource::ResourceKind::PrefixList
            && resource.identities.iter().any(|identity| identity == arn)
    })?;
    let items = members::list(list.properties.get("Entries")?, "`Entries`", problems)?;
    let entries = items.iter().map(|item| {
        let text = members::text(item.get("Cidr")?, "`Cidr`", problems)?;
        Some(Spanned::new(text.as_str().to_owned(), text.whole()))
    });
    let entries = entries.collect::<Option<Vec<_>>>()?;
    let origin = format!("prefix list `{}` ({})", list.logical_id, env.place(list.span));
    Some(AddressVariable { name: String::new(), entries, origin })
}

/// P04: a group's own HOME_NET does not move EXTERNAL_NET.
fn contradiction(group: &StatefulGroup, uses: &Uses, nets: &PolicyNets, problems: &mut Problems) {
    let own = |name: &str| group.ip_sets.iter().find(|set| set.name == name);
    let Some(home) = own("HOME_NET") else { return };
    if own("EXTERNAL_NET").is_some() || nets.external_net.is_some() || !uses.uses_address("EXTERNAL_NET") {
        return;
    }
    let values = |set: &AddressVariable| {
        let mut values: Vec<String> = set.entries.iter().map(|entry| entry.value.clone()).collect();
        values.sort();
        values
    };
    let Some(policy) = nets.home_net.as_ref().filter(|policy| values(policy) != values(home)) else { return };
    let Some(entry) = home.entries.first() else { return };
    let message = format!(
        "rule group `{}` has its own HOME_NET, but its EXTERNAL_NET stays everything outside of the policy's HOME_NET ({})",
        group.name,
        values(policy).join(", ")
    );
    problems.push(
        Diagnostic::warning(code::EXTERNAL_NET_CONTRADICTS, message)
            .at(entry.span)
            .help("set HOME_NET on the policy instead, or EXTERNAL_NET on the group too"),
    );
}

/// Refuses entries that the rule language could not read in a header, where `place` puts an entry as address and port.
pub(in crate::policy) fn check_entries<'a>(
    entries: &'a [Spanned<String>],
    place: impl Fn(&'a str) -> [&'a str; 2],
    problems: &mut Problems,
) {
    for entry in entries {
        let [address, port] = place(&entry.value);
        let rule = format!("pass tcp {address} {port} -> any any (sid:1;)");
        if let Err(wrong) = parse_rule(&MappedText::derived(rule, entry.span)) {
            problems.extend(wrong);
        }
    }
}

/// The texts of `{Definition: [..]}`.
pub(in crate::policy) fn entries(node: &Node, name: &str, problems: &mut Problems) -> Option<Vec<Spanned<String>>> {
    let what = format!("variable `{name}`");
    let node = members::object(node, &what, &["Definition"], problems)?;
    let definition = members::required(node, "Definition", &what, problems)?;
    let texts = members::texts(definition, &what, problems)?;
    if texts.is_empty() {
        let message = format!("{what} has an empty definition");
        problems.push(
            Diagnostic::error(code::VARIABLE_WITHOUT_VALUE, message)
                .at(definition.span)
                .help(format!("AWS says: `{name} cannot be null or empty`")),
        );
        return None;
    }
    Some(texts.into_iter().map(|text| Spanned::new(text.as_str().trim().to_owned(), text.whole())).collect())
}

fn member<'a>(node: &'a Node, name: &str) -> Option<&'a (Spanned<String>, Node)> {
    node.as_map()?.iter().find(|(key, _)| key.value == name)
}

/// The variables inside an entry like `[!$A,$B]`.
fn names_in(entry: &str) -> impl Iterator<Item = &str> {
    entry.split('$').skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).filter(|name| !name.is_empty())
    })
}

/// The VPC blocks behind a policy, as its HOME_NET.
pub(in crate::policy) fn of_vpc(vpcs: &[&Resource], env: &Env<'_>, problems: &mut Problems) -> Option<AddressVariable> {
    let mut entries = Vec::new();
    let mut origins = Vec::new();
    for vpc in vpcs {
        let Some(block) = vpc.properties.get("CidrBlock") else {
            let message = format!("VPC `{}` does not say its address block", vpc.logical_id);
            problems.push(
                Diagnostic::error(code::UNRESOLVED, message)
                    .at(vpc.span)
                    .help("give the addresses of the firewall's VPC with --home-net CIDR,.."),
            );
            continue;
        };
        if let Some(text) = members::text(block, "`CidrBlock`", problems) {
            entries.push(Spanned::new(text.as_str().to_owned(), block.span));
        }
        origins.push(format!("the CIDR of VPC `{}` ({})", vpc.logical_id, env.place(block.span)));
    }
    if entries.is_empty() || problems.has_errors() {
        return None;
    }
    Some(AddressVariable { name: "HOME_NET".to_owned(), entries, origin: origins.join(", ") })
}
