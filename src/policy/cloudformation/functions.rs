//! Intrinsic functions, in the long forms that both JSON and YAML are read as.

use super::{cidr, kind_of, parameters, substitute};
use crate::policy::params::Params;
use crate::policy::resource::{ResourceKind, reference};
use crate::policy::value::{MAX_DEPTH, Node, Unresolved, Value};
use crate::source::{MappedText, Span, Spanned, TextBuilder};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

/// What a value is for: how much must be known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It takes part in decisions: everything must be known.
    Value,
    /// It names a resource: an ARN or id. Resources of the template stand for themselves, and the account and region stay
    /// placeholders.
    Identity,
    /// It is shown only: what is not known stays a placeholder.
    Name,
}

/// Resolves the functions of one template.
pub(super) struct Resolver<'a> {
    root: &'a Node,
    resources: HashMap<&'a str, &'a Node>,
    params: &'a Params,
    scope: &'a str,
    depth: Cell<usize>,
    /// Bytes and values that functions may still make: a few nested ones could else fill the memory.
    left: Cell<usize>,
    conditions: RefCell<HashMap<String, Result<bool, Unresolved>>>,
}

/// Far more than any template's values; AWS takes templates of 1 MB.
const RESULT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The function call that a map with one member is, if it is one.
pub(super) fn function(node: &Node) -> Option<(&str, &Node)> {
    match node.as_map()? {
        [(name, argument)] if name.value == "Ref" || name.value == "Condition" || name.value.starts_with("Fn::") => {
            Some((name.value.as_str(), argument))
        }
        _ => None,
    }
}

impl<'a> Resolver<'a> {
    /// `resources` is the section of that name in `root`.
    pub(super) fn new(
        root: &'a Node,
        resources: &'a [(Spanned<String>, Node)],
        params: &'a Params,
        scope: &'a str,
    ) -> Self {
        for (name, _) in root.get("Parameters").and_then(Node::as_map).unwrap_or(&[]) {
            params.known(&name.value);
        }
        Self {
            root,
            resources: resources.iter().rev().map(|(id, body)| (id.value.as_str(), body)).collect(),
            params,
            scope,
            depth: Cell::new(0),
            left: Cell::new(RESULT_BYTES_MAX),
            conditions: RefCell::default(),
        }
    }

    /// What stands for a resource where its ARN or id is not known.
    pub(super) fn token(&self, id: &str) -> String {
        format!("{}{}", reference(id), self.scope)
    }

    /// A section of the template.
    pub(super) fn section(&self, name: &str) -> Option<&'a Node> {
        self.root.get(name)
    }

    /// Takes what a function makes off what all of them may make.
    pub(super) fn charge(&self, bytes: usize) -> Result<(), Unresolved> {
        let left = self.left.get().checked_sub(bytes.saturating_add(16));
        self.left.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(Unresolved::new(
                format!("the template's functions make more than {RESULT_BYTES_MAX} bytes"),
                "give the processed template, or split it",
            )),
        }
    }

    /// What was found before for a condition.
    pub(super) fn remembered(&self, name: &str) -> Option<Result<bool, Unresolved>> {
        self.conditions.borrow().get(name).cloned()
    }

    /// Keeps what a condition was found to be.
    pub(super) fn remember(&self, name: &str, holds: &Result<bool, Unresolved>) {
        self.conditions.borrow_mut().insert(name.to_owned(), holds.clone());
    }

    /// Goes one level deeper: conditions and attributes can refer to each other in a circle.
    pub(super) fn nested<T>(&self, work: impl FnOnce() -> Result<T, Unresolved>) -> Result<T, Unresolved> {
        if self.depth.get() >= MAX_DEPTH {
            return Err(Unresolved::new("the definition refers to itself", "break the circle"));
        }
        self.depth.set(self.depth.get() + 1);
        let result = work();
        self.depth.set(self.depth.get() - 1);
        result
    }

    /// The tree with all functions replaced by their values. `AWS::NoValue` removes what it is the value of.
    pub(super) fn resolve(&self, node: &Node, purpose: Purpose) -> Node {
        let value = match &node.value {
            Value::Map(members) => {
                // A member called `Condition` is a function only where conditions are defined.
                if let Some((name, argument)) = function(node).filter(|(name, _)| *name != "Condition") {
                    let result = self.charge(0).and_then(|()| {
                        let made = self.nested(|| self.call(name, argument, node.span, purpose))?;
                        self.charge(size(&made)).map(|()| made)
                    });
                    return result.unwrap_or_else(|missing| Node::unresolved(missing, node.span));
                }
                let resolved = members.iter().filter_map(|(key, value)| {
                    let value = self.resolve(value, purpose_of(&key.value, purpose));
                    (value.value != Value::Null).then(|| (key.clone(), value))
                });
                Value::Map(resolved.collect())
            }
            Value::List(items) => {
                let resolved = items.iter().map(|item| self.resolve(item, purpose));
                Value::List(resolved.filter(|item| item.value != Value::Null).collect())
            }
            Value::String(text) if text.as_str().contains("{{resolve:") => match self.dynamic(text) {
                Ok(text) => Value::String(text),
                Err(missing) => Value::Unresolved(missing),
            },
            other => other.clone(),
        };
        Node { value, span: node.span }
    }

    fn call(&self, name: &str, argument: &Node, span: Span, purpose: Purpose) -> Result<Node, Unresolved> {
        let list = argument.as_list().unwrap_or(&[]);
        match (name, list) {
            ("Ref", _) => {
                let target = argument.as_text().ok_or_else(|| malformed(name))?;
                self.reference(target.as_str(), span, purpose)
            }
            ("Fn::GetAtt", _) => self.attribute(argument, span, purpose),
            ("Fn::Sub", _) => substitute::sub(self, argument, purpose).map(|text| Node::string(text, span)),
            ("Fn::Join", [delimiter, items]) => self.join(delimiter, items, span, purpose),
            ("Fn::Select", [index, items]) => {
                let index = self.text(index, Purpose::Value)?;
                let items = self.list(items, purpose)?;
                let chosen = index.as_str().trim().parse::<usize>().ok().and_then(|index| items.get(index));
                chosen.cloned().ok_or_else(|| {
                    let what = format!("`Fn::Select` has no item {} in a list of {}", index.as_str(), items.len());
                    Unresolved::new(what, "the index counts from 0")
                })
            }
            ("Fn::Split", [delimiter, text]) => {
                let delimiter = self.text(delimiter, Purpose::Value)?;
                let text = self.text(text, purpose)?;
                Ok(Node { value: Value::List(split(&text, delimiter.as_str())), span })
            }
            ("Fn::If", [condition, yes, no]) => {
                let name = condition.as_text().ok_or_else(|| malformed(name))?;
                let chosen = if self.condition(name.as_str())? { yes } else { no };
                Ok(self.resolve(chosen, purpose))
            }
            ("Fn::FindInMap", [map, first, second, rest @ ..]) => self.find_in_map(map, first, second, rest.first()),
            ("Fn::Cidr", [block, count, rest @ ..]) => {
                let bits = rest.first().map(|bits| self.text(bits, Purpose::Value)).transpose()?;
                cidr::subnets(
                    self.text(block, Purpose::Value)?.as_str(),
                    self.text(count, Purpose::Value)?.as_str(),
                    bits.as_ref().map(MappedText::as_str),
                )
                .map(|blocks| {
                    let items =
                        blocks.iter().map(|block| Node::string(MappedText::derived(block.as_str(), span), span));
                    Node { value: Value::List(items.collect()), span }
                })
            }
            ("Fn::Length", _) => {
                let length = self.list(argument, purpose)?.len();
                Ok(Node { value: Value::Number(length.to_string()), span })
            }
            ("Fn::ImportValue", _) => {
                let export = self.text(argument, Purpose::Name)?;
                self.given(export.as_str(), span, || format!("`{}` is exported by another stack", export.as_str()))
            }
            ("Fn::GetAZs", _) => Err(Unresolved::new(
                "`Fn::GetAZs` depends on where the stack is deployed",
                "write the availability zones into the template",
            )),
            ("Fn::Transform", _) => {
                let location = argument.get("Parameters").and_then(|p| p.get("Location"));
                let location = location.and_then(|node| self.text(node, Purpose::Name).ok());
                let from = location.map_or(String::new(), |l| format!(" from `{}`", l.as_str()));
                Err(Unresolved::new(
                    format!("a transform puts the value in{from} when the stack is deployed"),
                    "give the rule group with --rule-group NAME=FILE, or the processed template",
                ))
            }
            _ => Err(malformed(name)),
        }
    }

    fn reference(&self, target: &str, span: Span, purpose: Purpose) -> Result<Node, Unresolved> {
        let declared = self.section("Parameters");
        if let Some(value) = parameters::value(declared, self.params, target, purpose, span) {
            return Ok(value);
        }
        if self.resource(target).is_none() {
            let what = format!("`{target}` is neither a parameter nor a resource of the template");
            return Err(Unresolved::new(what, "correct the name"));
        }
        match purpose {
            Purpose::Identity => Ok(Node::string(MappedText::derived(self.token(target), span), span)),
            Purpose::Name => Ok(Node::string(MappedText::derived(format!("${{{target}}}"), span), span)),
            Purpose::Value => self.given(target, span, || format!("`{target}` gets its id only when it is created")),
        }
    }

    /// A parameter, pseudo parameter, resource or `resource.attribute`, as `Fn::Sub` names them.
    pub(super) fn named(&self, name: &str, span: Span, purpose: Purpose) -> Result<Node, Unresolved> {
        match name.split_once('.') {
            Some((resource, attribute)) => self.attribute_of(resource, attribute, span, purpose),
            None => self.reference(name, span, purpose),
        }
    }

    fn attribute(&self, argument: &Node, span: Span, purpose: Purpose) -> Result<Node, Unresolved> {
        if let Some(text) = argument.as_text() {
            let (resource, attribute) = text.as_str().split_once('.').ok_or_else(|| malformed("Fn::GetAtt"))?;
            return self.attribute_of(resource, attribute, span, purpose);
        }
        match argument.as_list() {
            Some([resource, rest @ ..]) if !rest.is_empty() => {
                let resource = self.text(resource, Purpose::Value)?;
                let rest: Result<Vec<String>, Unresolved> =
                    rest.iter().map(|part| self.text(part, Purpose::Value).map(|t| t.as_str().to_owned())).collect();
                self.attribute_of(resource.as_str(), &rest?.join("."), span, purpose)
            }
            _ => Err(malformed("Fn::GetAtt")),
        }
    }

    fn attribute_of(&self, id: &str, attribute: &str, span: Span, purpose: Purpose) -> Result<Node, Unresolved> {
        let Some(body) = self.resource(id) else {
            return Err(Unresolved::new(format!("`{id}` is no resource of the template"), "correct the name"));
        };
        let kind = body.get("Type").and_then(Node::as_text).map_or("", MappedText::as_str);
        // The one attribute that is written in the template itself.
        if attribute == "CidrBlock"
            && let Some(block) = body.get("Properties").and_then(|p| p.get("CidrBlock"))
        {
            let block = self.nested(|| Ok(self.resolve(block, purpose)))?;
            // Blocks that are made of each other could grow without end.
            let too_long = block.as_text().is_some_and(|text| text.as_str().len() > 64);
            return if too_long { Err(malformed("Fn::GetAtt")) } else { Ok(block) };
        }
        let identity = matches!(attribute, "RuleGroupArn" | "FirewallPolicyArn" | "FirewallArn" | "VpcId" | "Arn")
            && kind_of(kind).is_some_and(|kind| kind != ResourceKind::VpcCidrBlock);
        match purpose {
            Purpose::Identity if identity => Ok(Node::string(MappedText::derived(self.token(id), span), span)),
            Purpose::Name => Ok(Node::string(MappedText::derived(format!("${{{id}.{attribute}}}"), span), span)),
            _ => {
                let name = format!("{id}.{attribute}");
                self.given(&name, span, || format!("`{name}` is known only when the stack is deployed"))
            }
        }
    }

    fn join(&self, delimiter: &Node, items: &Node, span: Span, purpose: Purpose) -> Result<Node, Unresolved> {
        let delimiter = self.text(delimiter, Purpose::Value)?;
        let items = self.list(items, purpose)?;
        let mut text = TextBuilder::new();
        let mut missing = Vec::new();
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                text.mapped(&delimiter);
            }
            match self.text(item, purpose).and_then(|part| self.charge(part.as_str().len()).map(|()| part)) {
                Ok(part) => push_local(&mut text, &part, item.span),
                Err(open) => missing.push(open),
            }
        }
        if missing.is_empty() { Ok(Node::string(text.finish(span), span)) } else { Err(Unresolved::join(&missing)) }
    }

    fn find_in_map(&self, map: &Node, first: &Node, second: &Node, options: Option<&Node>) -> Result<Node, Unresolved> {
        let keys = [map, first, second].map(|key| self.text(key, Purpose::Value));
        let missing: Vec<Unresolved> = keys.iter().filter_map(|key| key.as_ref().err().cloned()).collect();
        let [Ok(map), Ok(first), Ok(second)] = keys else { return Err(Unresolved::join(&missing)) };
        let found = self.section("Mappings").and_then(|all| all.get(map.as_str()));
        let found = found.and_then(|map| map.get(first.as_str())).and_then(|level| level.get(second.as_str()));
        if let Some(value) = found.or_else(|| options.and_then(|options| options.get("DefaultValue"))) {
            return Ok(self.resolve(value, Purpose::Value));
        }
        let what = format!("mapping `{}` has no `{}`, `{}`", map.as_str(), first.as_str(), second.as_str());
        Err(Unresolved::new(what, "add it under `Mappings`"))
    }

    /// A value that only the user can know, by the name the message gives.
    fn given(&self, name: &str, span: Span, what: impl FnOnce() -> String) -> Result<Node, Unresolved> {
        match self.params.get(name) {
            Some(value) => Ok(Node::string(value.clone(), span)),
            None => Err(Unresolved::new(what(), parameters::supply(name))),
        }
    }

    /// `{{resolve:ssm:name}}` and its kin inside a string.
    fn dynamic(&self, text: &MappedText) -> Result<MappedText, Unresolved> {
        let mut out = TextBuilder::new();
        let mut missing = Vec::new();
        let mut at = 0;
        while let Some(start) = text.as_str().get(at..).and_then(|rest| rest.find("{{resolve:")).map(|n| at + n) {
            let rest = text.as_str().get(start..).unwrap_or("");
            let Some(length) = rest.find("}}").map(|n| n + 2) else { break };
            out.mapped(&text.slice(at..start));
            let reference = rest.get(..length).unwrap_or("");
            match self.params.get(reference) {
                Some(value) => out.derived(value.as_str(), text.span(start..start + length)),
                None => missing.push(Unresolved::new(
                    format!("`{reference}` is looked up when the stack is deployed"),
                    parameters::supply(reference),
                )),
            }
            at = start + length;
        }
        out.mapped(&text.slice(at..text.as_str().len()));
        if missing.is_empty() { Ok(out.finish(text.whole())) } else { Err(Unresolved::join(&missing)) }
    }

    /// The text that a node resolves to.
    pub(super) fn text(&self, node: &Node, purpose: Purpose) -> Result<MappedText, Unresolved> {
        let resolved = self.resolve(node, purpose);
        match &resolved.value {
            Value::Unresolved(missing) => Err(missing.clone()),
            Value::Null => Ok(MappedText::derived("", resolved.span)),
            _ => resolved.scalar_text().ok_or_else(|| {
                Unresolved::new("a list or map stands where a text is needed", "a function takes one text here")
            }),
        }
    }

    fn list(&self, node: &Node, purpose: Purpose) -> Result<Vec<Node>, Unresolved> {
        let resolved = self.resolve(node, purpose);
        match resolved.value {
            Value::List(items) => Ok(items),
            Value::Unresolved(missing) => Err(missing),
            _ => Err(Unresolved::new("a text stands where a list is needed", "write a list here")),
        }
    }

    fn resource(&self, id: &str) -> Option<&'a Node> {
        self.resources.get(id).copied()
    }
}

/// Adds a text with its own map if it was written at `span`, and as a whole if it comes from elsewhere, so that places
/// always rise through the text.
pub(super) fn push_local(out: &mut TextBuilder, text: &MappedText, span: Span) {
    let whole = text.whole();
    if whole.file == span.file && whole.start >= span.start && whole.end <= span.end {
        out.mapped(text);
    } else {
        out.derived(text.as_str(), span);
    }
}

/// Roughly the memory of a value.
fn size(node: &Node) -> usize {
    let inside: usize = match &node.value {
        Value::String(text) => text.as_str().len(),
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(members) => members.iter().map(|(key, value)| key.value.len() + size(value)).sum(),
        _ => 0,
    };
    inside.saturating_add(16)
}

fn split(text: &MappedText, delimiter: &str) -> Vec<Node> {
    if delimiter.is_empty() {
        return vec![Node::string(text.clone(), text.whole())];
    }
    let mut items = Vec::new();
    let mut at = 0;
    for part in text.as_str().split(delimiter) {
        let part_text = text.slice(at..at + part.len());
        let span = part_text.whole();
        items.push(Node::string(part_text, span));
        at += part.len() + delimiter.len();
    }
    items
}

fn purpose_of(key: &str, outer: Purpose) -> Purpose {
    match key {
        "ResourceArn" | "FirewallPolicyArn" | "VpcId" | "ReferenceArn" | "TLSInspectionConfigurationArn" => {
            Purpose::Identity
        }
        "RuleGroupName" | "FirewallPolicyName" | "FirewallName" | "PrefixListName" | "Description" | "Tags" => {
            Purpose::Name
        }
        _ => outer,
    }
}

fn malformed(name: &str) -> Unresolved {
    Unresolved::new(format!("`{name}` is not a function that can be resolved here"), "check its name and its arguments")
}
