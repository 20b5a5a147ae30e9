//! `terraform show -json`: what Terraform plans, or what it made.
//!
//! Values are Terraform's own. What is known only after an apply is absent from them; where the configuration part of
//! the plan says that it is an attribute of another resource, the reference is recovered from there, through module
//! arguments and outputs. Sets are in another order there than in the configuration, so blocks are matched by what is
//! constant in them.
//!
//! Source: Terraform, "JSON Output Format" 1.x.

use super::api::{self, Translator};
use super::code;
use super::value::{Data, Map, Val};
use super::{Loaded, resource};
use crate::policy::json;
use crate::policy::resource::reference;
use crate::policy::value::{Node, Value};
use crate::source::{Diagnostic, FileId, Sources, Span, Spanned};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// References followed through modules.
const HOPS_MAX: usize = 32;

/// Reads the document.
pub(super) fn load(file: FileId, sources: &Sources) -> Loaded {
    let root = match json::parse(sources, file) {
        Ok(root) => root,
        Err(problem) => return Loaded { resources: Vec::new(), diagnostics: vec![problem] },
    };
    let values = root.get("planned_values").or_else(|| root.get("values")).and_then(|values| values.get("root_module"));
    let Some(module) = values else {
        let problem = Diagnostic::error(code::NOT_A_PLAN, "this holds neither `planned_values` nor `values`")
            .at(Span { end: root.span.start, ..root.span })
            .help("give the output of `terraform show -json PLAN` or, for the state, of `terraform show -json`");
        return Loaded { resources: Vec::new(), diagnostics: vec![problem] };
    };
    let mut plan = Plan { root: &root, planned: Vec::new(), unknown: BTreeMap::new() };
    plan.take_module(module, "");
    for change in list(&root, "resource_changes") {
        let unknown = change.get("change").and_then(|change| change.get("after_unknown"));
        if let (Some(address), Some(unknown)) = (text(change, "address"), unknown) {
            plan.unknown.insert(address, unknown);
        }
    }
    let mut translator = Translator::default();
    let resources = plan.planned.iter().filter_map(|planned| {
        let value = plan.value(planned);
        resource(&mut translator, planned.kind, planned.address.to_owned(), &value, planned.span)
    });
    let mut resources = resources.collect();
    api::join_entries(&mut resources);
    Loaded { resources, diagnostics: translator.diagnostics }
}

/// A resource instance with planned values.
#[derive(Debug)]
struct Planned<'a> {
    address: &'a str,
    /// `module.x["key"]` of its module; empty for the root.
    module: &'a str,
    kind: &'a str,
    name: &'a str,
    /// `["key"]` or `[0]`, as the address ends.
    index: &'a str,
    values: Option<&'a Node>,
    span: Span,
}

#[derive(Debug)]
struct Plan<'a> {
    root: &'a Node,
    planned: Vec<Planned<'a>>,
    unknown: BTreeMap<&'a str, &'a Node>,
}

/// A module's configuration and the address of one of its instances.
#[derive(Clone, Copy, Debug)]
struct ModuleConfig<'a> {
    config: &'a Node,
    address: &'a str,
}

/// Where an unknown value sits: in which resource, and what the configuration says there.
#[derive(Clone, Copy, Debug)]
struct Place<'p, 'a> {
    resource: &'p Planned<'a>,
    expression: Option<&'a Node>,
    name: &'p str,
    span: Span,
}

impl<'a> Plan<'a> {
    fn take_module(&mut self, module: &'a Node, address: &'a str) {
        for found in list(module, "resources") {
            let managed = text(found, "mode").is_none_or(|mode| mode == "managed");
            let (Some(kind), Some(name), true) = (text(found, "type"), text(found, "name"), managed) else { continue };
            if api::kind_of(kind).is_none() {
                continue;
            }
            let full = text(found, "address").unwrap_or("");
            let base = format!("{kind}.{name}");
            let index = full.rfind(&base).and_then(|at| full.get(at + base.len()..)).unwrap_or("");
            let span = found.get("address").map_or(found.span, |address| address.span);
            self.planned.push(Planned {
                address: full,
                module: address,
                kind,
                name,
                index,
                values: found.get("values"),
                span,
            });
        }
        for child in list(module, "child_modules") {
            self.take_module(child, text(child, "address").unwrap_or(""));
        }
    }

    /// The values of a resource, with what is unknown put in.
    fn value(&self, planned: &Planned<'a>) -> Val {
        let known = planned.values.map_or_else(|| Val::map(Vec::new(), planned.span), Val::from);
        let Some(unknown) = self.unknown.get(planned.address) else { return known };
        let expressions = self.module(planned.module).and_then(|module| {
            let wanted = format!("{}.{}", planned.kind, planned.name);
            list(module.config, "resources").find(|found| text(found, "address") == Some(&wanted))?.get("expressions")
        });
        self.overlay(
            &known,
            unknown,
            Place { resource: planned, expression: expressions, name: "", span: planned.span },
        )
    }

    /// `known` with the parts that `unknown` marks as such.
    fn overlay(&self, known: &Val, unknown: &Node, place: Place<'_, 'a>) -> Val {
        match (&unknown.value, &known.data) {
            (Value::Bool(true), _) => self.unknown_value(place),
            (Value::Map(marks), Data::Map(_) | Data::Null) => {
                let mut members = match &known.data {
                    Data::Map(map) => map.members.clone(),
                    _ => Vec::new(),
                };
                for (key, mark) in marks {
                    if !holds_true(mark) {
                        continue;
                    }
                    let expression =
                        place.expression.and_then(|it| it.get(&key.value)).or_else(|| leaf(place.expression));
                    let old = members.iter().position(|(name, _)| name.value == key.value);
                    let before = old.and_then(|at| members.get(at)).map(|(_, value)| value.clone());
                    let before = before.unwrap_or(Val::new(Data::Null, place.span));
                    let span = if before.is_null() { known.span } else { before.span };
                    let value = self.overlay(&before, mark, Place { expression, name: &key.value, span, ..place });
                    match old.and_then(|at| members.get_mut(at)) {
                        Some((_, member)) => *member = value,
                        None => members.push((Spanned::new(key.value.clone(), known.span), value)),
                    }
                }
                Val::new(Data::Map(Rc::new(Map::new(members, None))), known.span)
            }
            (Value::List(marks), Data::List(_) | Data::Null) => {
                let items = known.items().unwrap_or(&[]);
                let mut taken = BTreeSet::new();
                let merged = (0..marks.len().max(items.len())).map(|at| {
                    let null = Val::new(Data::Null, place.span);
                    let item = items.get(at).unwrap_or(&null);
                    let expression = block_expression(place.expression, item, &mut taken);
                    match marks.get(at) {
                        Some(mark) if holds_true(mark) => {
                            let span = if item.is_null() { place.span } else { item.span };
                            self.overlay(item, mark, Place { expression, span, ..place })
                        }
                        _ => item.clone(),
                    }
                });
                Val::list(merged.collect(), known.span)
            }
            _ => known.clone(),
        }
    }

    /// A value that is known after an apply: a reference, if the configuration says to what.
    fn unknown_value(&self, place: Place<'_, 'a>) -> Val {
        let own = place.name == "arn" || place.name == "id";
        if own {
            return Val::derived(reference(place.resource.address), place.span);
        }
        let mut found = BTreeSet::new();
        if let (Some(expression), Some(module)) = (place.expression, self.module(place.resource.module)) {
            self.follow(expression, module, place.resource.index, 0, &mut found);
        }
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some(address), None) => Val::derived(reference(address), place.span),
            _ => Val::unknown(
                format!("`{}` of `{}` is known after an apply only", place.name, place.resource.address),
                "apply it and give `terraform show -json` of the state, or give the .tf files",
                place.span,
            ),
        }
    }

    /// The configuration of the module instance at `address`.
    fn module(&self, address: &'a str) -> Option<ModuleConfig<'a>> {
        let mut config = self.root.get("configuration")?.get("root_module")?;
        for name in module_names(address) {
            config = config.get("module_calls")?.get(name)?.get("module")?;
        }
        Some(ModuleConfig { config, address })
    }

    /// Adds the addresses of the resources whose `arn` or `id` an expression refers to.
    fn follow(
        &self,
        expression: &'a Node,
        module: ModuleConfig<'a>,
        index: &str,
        hops: usize,
        found: &mut BTreeSet<&'a str>,
    ) {
        if hops > HOPS_MAX {
            return;
        }
        let references: Vec<&str> =
            list(expression, "references").filter_map(|it| Some(it.as_text()?.as_str())).collect();
        for &full in &references {
            let mut parts = split_address(full);
            let (Some(first), Some(second)) = (parts.next(), parts.next()) else { continue };
            let last = parts.last().unwrap_or("");
            match first {
                "module" => {
                    // `module.x["k"].out`: the instance is known, or there must be only one that fits.
                    let (name, key) = split_index(second);
                    let call = module.config.get("module_calls").and_then(|calls| calls.get(name));
                    let child = call.and_then(|call| call.get("module"));
                    let output = child.and_then(|child| child.get("outputs")?.get(last)?.get("expression"));
                    let (Some(child), Some(output)) = (child, output) else { continue };
                    let wanted = join(module.address, &format!("module.{name}"));
                    let mut instances: Vec<&'a str> = self.planned.iter().map(|it| it.module).collect();
                    instances.retain(|it| match it.strip_prefix(wanted.as_str()) {
                        Some(rest) if key.is_empty() => {
                            rest.is_empty() || (rest.starts_with('[') && module_names(rest).is_empty())
                        }
                        Some(rest) => rest == key,
                        None => false,
                    });
                    instances.sort_unstable();
                    instances.dedup();
                    for address in instances {
                        self.follow(output, ModuleConfig { config: child, address }, index, hops + 1, found);
                    }
                }
                "var" => {
                    let (name, _) = split_index(second);
                    let Some((parent, call)) = parent_module(module.address) else { continue };
                    let Some(parent) = self.module(parent) else { continue };
                    let call = parent.config.get("module_calls").and_then(|calls| calls.get(call));
                    let argument = call.and_then(|call| call.get("expressions")?.get(name));
                    if let Some(argument) = argument {
                        let index = module.address.rfind('[').and_then(|at| module.address.get(at..)).unwrap_or("");
                        self.follow(argument, parent, index, hops + 1, found);
                    }
                }
                kind => {
                    let (name, key) = split_index(second);
                    if last != "arn"
                        && last != "id"
                        && references.iter().any(|it| it.len() > full.len() && it.starts_with(full))
                    {
                        continue; // `x.y` beside `x.y.arn`
                    }
                    let fits = |it: &&Planned<'a>| it.module == module.address && it.kind == kind && it.name == name;
                    let all: Vec<_> = self.planned.iter().filter(fits).collect();
                    let uses_each = references.iter().any(|it| it.starts_with("each.") || it.starts_with("count."));
                    let key = if key.is_empty() && uses_each { index } else { key };
                    match all.as_slice() {
                        [only] => _ = found.insert(only.address),
                        several => found
                            .extend(several.iter().filter(|it| key.is_empty() || it.index == key).map(|it| it.address)),
                    }
                }
            }
        }
    }
}

/// The configuration of one block among several: the first not taken whose constants are those of `item`.
fn block_expression<'a>(expressions: Option<&'a Node>, item: &Val, taken: &mut BTreeSet<usize>) -> Option<&'a Node> {
    let Some(blocks) = expressions.and_then(Node::as_list) else { return leaf(expressions) };
    let fits = |block: &Node| {
        block.as_map().unwrap_or(&[]).iter().all(|(key, expression)| {
            let (Some(constant), Some(value)) = (expression.get("constant_value"), item.member(&key.value)) else {
                return true;
            };
            value.is_null() || Val::from(constant).equals(value)
        })
    };
    let (at, block) = blocks.iter().enumerate().find(|(at, block)| !taken.contains(at) && fits(block))?;
    taken.insert(at);
    Some(block)
}

/// The expression itself, when what is asked for lies inside its value.
fn leaf(expression: Option<&Node>) -> Option<&Node> {
    expression.filter(|expression| expression.get("references").is_some())
}

fn holds_true(mark: &Node) -> bool {
    match &mark.value {
        Value::Bool(value) => *value,
        Value::List(items) => items.iter().any(holds_true),
        Value::Map(members) => members.iter().any(|(_, member)| holds_true(member)),
        _ => false,
    }
}

fn list<'a>(node: &'a Node, member: &str) -> impl Iterator<Item = &'a Node> {
    node.get(member).and_then(Node::as_list).unwrap_or(&[]).iter()
}

fn text<'a>(node: &'a Node, member: &str) -> Option<&'a str> {
    Some(node.get(member)?.as_text()?.as_str())
}

/// The parts of an address between dots; dots in `["a.b"]` do not separate.
fn split_address(address: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    address.split(move |c: char| {
        if c == '"' {
            quoted = !quoted;
        }
        c == '.' && !quoted
    })
}

/// `x["k"]` to `x` and `["k"]`.
fn split_index(part: &str) -> (&str, &str) {
    part.find('[').and_then(|at| part.split_at_checked(at)).unwrap_or((part, ""))
}

/// The names of the modules on the way to an instance.
fn module_names(address: &str) -> Vec<&str> {
    let parts: Vec<&str> = split_address(address).collect();
    let pairs = parts.windows(2).step_by(2);
    pairs.filter_map(|pair| if let ["module", name] = pair { Some(split_index(name).0) } else { None }).collect()
}

/// The address of the module that calls the one at `address`, and the name of the call.
fn parent_module(address: &str) -> Option<(&str, &str)> {
    let parts: Vec<&str> = split_address(address).collect();
    let call = split_index(parts.last()?).0;
    let own: usize = parts.iter().rev().take(2).map(|part| part.len() + 1).sum();
    Some((address.get(..address.len().saturating_sub(own.saturating_sub(1))).unwrap_or("").trim_end_matches('.'), call))
}

fn join(module: &str, address: &str) -> String {
    if module.is_empty() { address.to_owned() } else { format!("{module}.{address}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: &[&str]) {
        let mut sources = Sources::new();
        let file = sources.add("plan.json", document);
        let loaded = load(file, &sources);
        assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
        let references: Vec<_> = loaded
            .resources
            .iter()
            .filter_map(|it| it.properties.get("FirewallPolicy")?.get("StatefulRuleGroupReferences")?.as_list())
            .flatten()
            .map(|it| {
                let Some(Value::Number(priority)) = it.get("Priority").map(|it| &it.value) else { panic!("{it:?}") };
                let arn = it.get("ResourceArn").map(|arn| match &arn.value {
                    Value::String(text) => text.as_str().to_owned(),
                    Value::Unresolved(unresolved) => format!("? {}", unresolved.what),
                    _ => String::new(),
                });
                format!("{priority} {}", arn.unwrap_or_default())
            })
            .collect();
        assert_eq!(references, expected);
    }

    fn group(address: &str, name: &str) -> String {
        format!(
            r#"{{"address": "{address}", "mode": "managed", "type": "aws_networkfirewall_rule_group", "name": "{name}", "values": {{"name": "n"}}}}"#
        )
    }

    const POLICY: &str = "aws_networkfirewall_firewall_policy";

    /// A plan with one policy in the root whose references are planned with `priorities`, and configured with `references`.
    fn plan(priorities: &[u16], references: &str, groups: &str, child_modules: &str, module_calls: &str) -> String {
        let planned: Vec<_> = priorities.iter().map(|it| format!(r#"{{"priority": {it}, "override": []}}"#)).collect();
        let unknown = vec![r#"{"resource_arn": true, "override": []}"#; priorities.len()].join(",");
        format!(
            r#"{{"planned_values": {{"root_module": {{"resources": [
                {{"address": "{POLICY}.p", "mode": "managed", "type": "{POLICY}", "name": "p", "values": {{"name": "p",
                  "firewall_policy": [{{"stateful_rule_group_reference": [{}]}}]}}}}{groups}], "child_modules": [{child_modules}]}}}},
              "resource_changes": [{{"address": "{POLICY}.p", "change": {{"after_unknown":
                {{"arn": true, "firewall_policy": [{{"stateful_rule_group_reference": [{unknown}]}}]}}}}}}],
              "configuration": {{"root_module": {{"resources": [{{"address": "{POLICY}.p", "expressions":
                {{"firewall_policy": [{{"stateful_rule_group_reference": [{references}]}}]}}}}], "module_calls": {{{module_calls}}}}}}}}}"#,
            planned.join(",")
        )
    }

    fn referring(priority: u16, references: &str) -> String {
        format!(r#"{{"priority": {{"constant_value": {priority}}}, "resource_arn": {{"references": [{references}]}}}}"#)
    }

    #[test]
    fn references_are_matched_by_what_is_constant_in_their_block() {
        let references = referring(1, r#""aws_networkfirewall_rule_group.a.arn", "aws_networkfirewall_rule_group.a""#)
            + ","
            + &referring(2, r#""aws_networkfirewall_rule_group.b[\"k\"].arn", "aws_networkfirewall_rule_group.b""#);
        let groups = [
            group("aws_networkfirewall_rule_group.a", "a"),
            group(r#"aws_networkfirewall_rule_group.b[\"j\"]"#, "b"),
            group(r#"aws_networkfirewall_rule_group.b[\"k\"]"#, "b"),
        ]
        .join(",");
        check(
            &plan(&[2, 1], &references, &format!(",{groups}"), "", ""),
            &[r#"2 resource:aws_networkfirewall_rule_group.b["k"]"#, "1 resource:aws_networkfirewall_rule_group.a"],
        );
    }

    #[test]
    fn references_lead_through_module_outputs_and_arguments() {
        let child = format!(
            r#"{{"address": "module.m[\"x.y\"]", "resources": [{}]}}"#,
            group(r#"module.m[\"x.y\"].aws_networkfirewall_rule_group.g"#, "g")
        );
        let calls = r#""m": {"module": {"outputs": {"arn": {"expression": {"references": ["aws_networkfirewall_rule_group.g.arn", "aws_networkfirewall_rule_group.g"]}}}}}"#;
        let references = referring(1, r#""module.m[\"x.y\"].arn", "module.m[\"x.y\"]", "module.m""#);
        check(
            &plan(&[1], &references, "", &child, calls),
            &[r#"1 resource:module.m["x.y"].aws_networkfirewall_rule_group.g"#],
        );
    }

    #[test]
    fn a_reference_to_several_is_left_open() {
        let groups = format!(
            ",{},{}",
            group("aws_networkfirewall_rule_group.b[0]", "b"),
            group("aws_networkfirewall_rule_group.b[1]", "b")
        );
        let references = referring(1, r#""aws_networkfirewall_rule_group.b""#);
        check(
            &plan(&[1], &references, &groups, "", ""),
            &["1 ? `resource_arn` of `aws_networkfirewall_firewall_policy.p` is known after an apply only"],
        );
    }

    #[test]
    fn a_state_has_its_own_arns() {
        let mut sources = Sources::new();
        let file = sources.add(
            "state.json",
            r#"{"values": {"root_module": {"child_modules": [{"address": "module.a", "resources": [
                {"address": "module.a.aws_networkfirewall_rule_group.g", "mode": "managed", "type": "aws_networkfirewall_rule_group",
                 "name": "g", "values": {"arn": "arn:aws:x", "id": "arn:aws:x", "rules": "pass"}}]}]}}}"#,
        );
        let loaded = load(file, &sources);
        assert_eq!(loaded.resources[0].identities, ["arn:aws:x", "resource:module.a.aws_networkfirewall_rule_group.g"]);
        assert_eq!(loaded.resources[0].properties.get("Rules").and_then(Node::as_text).unwrap().as_str(), "pass");
    }

    #[test]
    fn other_documents_are_refused() {
        let mut sources = Sources::new();
        let file = sources.add("x.json", r#"{"version": 4, "resources": []}"#);
        assert_eq!(load(file, &sources).diagnostics[0].code, "FD0509");
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(module_names(r#"module.a["x.y"].module.b[0]"#), ["a", "b"]);
        assert_eq!(parent_module(r#"module.a["x.y"].module.b[0]"#), Some((r#"module.a["x.y"]"#, "b")));
        assert_eq!(parent_module("module.a"), Some(("", "a")));
    }
}
