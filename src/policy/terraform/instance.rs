//! What references stand for: the variables, locals, resources and child modules of one module instance.
//!
//! Everything is evaluated when it is first asked for, and once. A resource is the map of what its block says; members
//! that only AWS knows (`arn`, `id`) are tokens for the resources this crate reads, and unknown for all others.

use super::body;
use super::config::{Call, Callee, Declared, Module};
use super::evaluate::{Evaluator, Names, Scope};
use super::types;
use super::value::{Data, Eval, Map, NEEDS_PLAN, Stop, Val, give_or_plan};
use crate::policy::resource;
use crate::source::{Span, Spanned};
use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, TraversalOperator};
use hcl_edit::repr::Decorated;
use hcl_edit::structure::Block;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The most instances of one block.
const INSTANCES_MAX: i128 = 10_000;
/// Resources whose `arn` and `id` are references to them.
pub(super) const REFERENCED: [&str; 5] = [
    "aws_networkfirewall_rule_group",
    "aws_networkfirewall_firewall_policy",
    "aws_networkfirewall_firewall",
    "aws_vpc",
    "aws_ec2_managed_prefix_list",
];
/// Arguments of a resource block that are Terraform's, not the resource's.
const META: [&str; 7] = ["count", "for_each", "provider", "lifecycle", "depends_on", "connection", "provisioner"];

/// One instance of a module.
#[derive(Debug)]
pub(super) struct Instance {
    pub module: Rc<Module>,
    /// `module.x["key"]`; empty for the root.
    pub address: String,
    parent: Option<Parent>,
    memo: RefCell<BTreeMap<String, Option<Eval>>>,
}

#[derive(Debug)]
struct Parent {
    instance: Rc<Instance>,
    block: Declared<Block>,
    copy: Copy,
}

/// One of the instances that a block stands for.
#[derive(Clone, Debug)]
pub(super) struct Copy {
    /// What the address ends with: nothing, `[0]`, `["key"]`.
    pub suffix: String,
    /// `count` or `each`, and its value.
    pub name: Option<(&'static str, Val)>,
}

/// The instances of a block.
#[derive(Debug)]
pub(super) enum Copies {
    One,
    Count(Vec<Copy>),
    Each(Vec<(Spanned<String>, Copy)>),
}

impl Copy {
    pub(super) fn only() -> Self {
        Self { suffix: String::new(), name: None }
    }

    /// For a block whose number of instances is not known: `each` and `count` are not known either.
    pub(super) fn unknown(block: &Declared<Block>, why: &Val) -> Self {
        let name = if block.attribute("count").is_some() { "count" } else { "each" };
        Self { suffix: String::new(), name: Some((name, why.clone())) }
    }

    /// Runs `with` with `count` or `each` bound.
    pub(super) fn bind<T>(&self, scope: Scope<'_>, with: impl FnOnce(Scope<'_>) -> T) -> T {
        match &self.name {
            Some((name, value)) => {
                let names = Names { name, value, outer: scope.names };
                with(Scope { names: Some(&names), ..scope })
            }
            None => with(scope),
        }
    }
}

impl Copies {
    pub(super) fn into_vec(self) -> Vec<Copy> {
        match self {
            Self::One => vec![Copy::only()],
            Self::Count(copies) => copies,
            Self::Each(copies) => copies.into_iter().map(|(_, copy)| copy).collect(),
        }
    }
}

impl Instance {
    pub(super) fn root(module: Rc<Module>) -> Rc<Self> {
        Rc::new(Self { module, address: String::new(), parent: None, memo: RefCell::default() })
    }

    /// What the expressions of a file of this module see.
    pub(super) fn scope<'a>(self: &'a Rc<Self>, source: &'a super::config::SourceText) -> Scope<'a> {
        Scope { source, instance: Some(self), names: None }
    }

    /// The address of something in this module.
    pub(super) fn address_of(&self, what: &str) -> String {
        if self.address.is_empty() { what.to_owned() } else { format!("{}.{what}", self.address) }
    }

    /// The instance of a local child module.
    pub(super) fn child(
        self: &Rc<Self>,
        evaluator: &Evaluator<'_>,
        call: &Call,
        module: &Rc<Module>,
        copy: &Copy,
    ) -> Rc<Self> {
        let address = self.address_of(&format!("module.{}{}", call.name, copy.suffix));
        if let Some(child) = evaluator.instances.borrow().get(&address) {
            return Rc::clone(child);
        }
        let parent = Parent { instance: Rc::clone(self), block: call.block.clone(), copy: copy.clone() };
        let child = Rc::new(Self {
            module: Rc::clone(module),
            address: address.clone(),
            parent: Some(parent),
            memo: RefCell::default(),
        });
        evaluator.instances.borrow_mut().insert(address, Rc::clone(&child));
        child
    }

    /// What `root.name.name..` stands for, and how many of the operators that took.
    pub(super) fn lookup(
        self: &Rc<Self>,
        evaluator: &Evaluator<'_>,
        root: &str,
        operators: &[Decorated<TraversalOperator>],
        span: Span,
    ) -> Eval<(Val, usize)> {
        let name = |at: usize| match operators.get(at).map(Decorated::value) {
            Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
            _ => None,
        };
        let found = |value: Eval, used: usize| value.map(|value| (value, used));
        if let Some(given) = self.given(evaluator, root, operators) {
            return given;
        }
        match (root, name(0), name(1)) {
            ("var", Some(name), _) => found(self.variable(evaluator, name, span), 1),
            ("local", Some(name), _) => found(self.local(evaluator, name, span), 1),
            ("module", Some(name), _) => {
                let output = operators.iter().skip(1).find_map(|operator| match operator.value() {
                    TraversalOperator::GetAttr(name) => Some(name.as_str()),
                    _ => None,
                });
                found(self.module_call(evaluator, name, output, span), 1)
            }
            ("data", Some(kind), Some(data)) => {
                let address = format!("data.{kind}.{data}");
                let wanted = name(2).map_or_else(|| address.clone(), |member| format!("{address}.{member}"));
                found(self.data(evaluator, kind, data, &wanted, span), 2)
            }
            ("path", Some("module"), _) => {
                let dir = self.module.dir.display();
                let path = if self.module.dir.as_os_str().is_empty() { ".".to_owned() } else { dir.to_string() };
                Ok((Val::derived(path, span), 1))
            }
            ("path", Some("root"), _) => Ok((Val::derived(".", span), 1)),
            ("path", Some("cwd"), _) => {
                Ok((Val::unknown("`path.cwd` depends on where Terraform runs", NEEDS_PLAN, span), 1))
            }
            ("terraform", Some("workspace"), _) => Ok((Val::derived("default", span), 1)),
            ("each", ..) => Err(Stop::fault("`each` is known only inside a block with `for_each`", span, "")),
            ("count", ..) => Err(Stop::fault("`count` is known only inside a block with `count`", span, "")),
            (kind, Some(name), _) => found(self.resource(evaluator, kind, name, span), 1),
            _ => Err(Stop::fault(format!("`{root}` is not known"), span, "quote it if it is meant as a string")),
        }
    }

    /// What the user gives for the longest part of an address.
    fn given(
        &self,
        evaluator: &Evaluator<'_>,
        root: &str,
        operators: &[Decorated<TraversalOperator>],
    ) -> Option<Eval<(Val, usize)>> {
        if matches!(root, "var" | "local") {
            return None;
        }
        let mut address = self.address_of(root);
        let mut found = None;
        for (at, operator) in operators.iter().enumerate() {
            let TraversalOperator::GetAttr(name) = operator.value() else { break };
            address.push('.');
            address.push_str(name.as_str());
            let given = evaluator.given.borrow_mut().get(&address);
            found = given.map(|input| (input, at + 1)).or(found);
        }
        let (input, used) = found?;
        Some(input.value(evaluator, None).map(|value| (value, used)))
    }

    fn variable(self: &Rc<Self>, evaluator: &Evaluator<'_>, name: &str, span: Span) -> Eval {
        let declared = self.module.variables.get(name);
        let input = if self.parent.is_none() { evaluator.given.borrow_mut().get(name) } else { None };
        let open = match declared {
            _ if input.is_some() => None,
            None => Some(("is not declared in the files given", "give the whole directory, or the value with")),
            Some(declared) if self.parent.is_none() && declared.attribute("default").is_none() => {
                Some(("has no default", "give it with"))
            }
            Some(_) => None,
        };
        if let Some((what, help)) = open {
            let what = format!("variable `{name}` {what}");
            return Ok(Val::unknown(what, format!("{help} --param {name}=VALUE"), span));
        }
        self.once(&format!("var.{name}"), span, || {
            let Some(declared) = declared else {
                let input = input.map(|input| input.value(evaluator, None));
                return input.unwrap_or(Ok(Val::new(Data::Null, span)));
            };
            let scope = self.scope(&declared.source);
            let default = || declared.attribute("default").map(|expression| evaluator.eval(expression, scope));
            let given = match &self.parent {
                Some(parent) => parent.argument(evaluator, name),
                None => input.map(|input| input.value(evaluator, declared.attribute("type"))),
            };
            let Some(value) = given.or_else(default) else {
                let call = self.parent.as_ref().map_or(span, |parent| parent.block.header());
                let message = format!("`{}` is not given its argument `{name}`", self.address);
                return Err(Stop::fault(message, call, "the variable has no default"));
            };
            let value = value?;
            let nullable = declared.attribute("nullable").and_then(Expression::as_bool) != Some(false);
            let value = match default() {
                Some(default) if value.is_null() && !nullable => default?,
                _ => value,
            };
            match declared.attribute("type") {
                Some(constraint) => types::convert(evaluator, value, constraint, scope),
                None => Ok(value),
            }
        })
    }

    fn local(self: &Rc<Self>, evaluator: &Evaluator<'_>, name: &str, span: Span) -> Eval {
        let Some(declared) = self.module.locals.get(name) else {
            return Ok(Val::unknown(
                format!("local `{name}` is not declared in the files given"),
                "give the whole directory",
                span,
            ));
        };
        self.once(&format!("local.{name}"), span, || evaluator.eval(&declared.item.value, self.scope(&declared.source)))
    }

    fn resource(self: &Rc<Self>, evaluator: &Evaluator<'_>, kind: &str, name: &str, span: Span) -> Eval {
        let address = format!("{kind}.{name}");
        let Some(block) = self.module.resource(kind, name) else {
            return Ok(Val::unknown(
                format!("resource `{address}` is not declared in the files given"),
                "give the whole directory",
                span,
            ));
        };
        self.once(&address, span, || {
            let copies = self.copies(evaluator, block)?;
            let span = block.header();
            Ok(match copies {
                Copies::One => self.resource_copy(evaluator, block, &Copy::only()),
                Copies::Count(copies) => {
                    Val::list(copies.iter().map(|copy| self.resource_copy(evaluator, block, copy)).collect(), span)
                }
                Copies::Each(copies) => {
                    let members = copies.into_iter();
                    Val::map(
                        members.map(|(key, copy)| (key, self.resource_copy(evaluator, block, &copy))).collect(),
                        span,
                    )
                }
            })
        })
    }

    /// One instance of a resource: what its block says, and the tokens for what AWS will say.
    pub(super) fn resource_copy(
        self: &Rc<Self>,
        evaluator: &Evaluator<'_>,
        block: &Declared<Block>,
        copy: &Copy,
    ) -> Val {
        let address = self.address_of(&format!("{}.{}{}", block.label(0), block.label(1), copy.suffix));
        let span = block.header();
        let mut members =
            copy.bind(self.scope(&block.source), |scope| body::members(evaluator, &block.item.body, scope, &META));
        if REFERENCED.contains(&block.label(0)) {
            for name in ["arn", "id"] {
                members.push((Spanned::new(name.to_owned(), span), Val::derived(resource::reference(&address), span)));
            }
        }
        Val::new(Data::Map(Rc::new(Map::new(members, Some(address)))), span)
    }

    /// A data source: AWS answers it, except for templates.
    fn data(self: &Rc<Self>, evaluator: &Evaluator<'_>, kind: &str, name: &str, wanted: &str, span: Span) -> Eval {
        let address = format!("data.{kind}.{name}");
        let Some(block) = self.module.data(kind, name) else {
            return Ok(Val::unknown(
                format!("data source `{address}` is not declared in the files given"),
                "give the whole directory",
                span,
            ));
        };
        let help = give_or_plan(&self.address_of(wanted));
        let unknown = || Ok(Val::unknown(format!("data source `{address}` is read from AWS"), help.as_str(), span));
        if kind != "local_file" {
            return unknown();
        }
        self.once(&address, span, || {
            let Some(filename) = block.attribute("filename") else { return unknown() };
            let path = evaluator.eval(filename, self.scope(&block.source))?.known()?;
            let content = super::functions::read_file(evaluator, &path, span)?;
            Ok(Val::map(vec![(Spanned::new("content".to_owned(), span), content)], span))
        })
    }

    /// A module call: the outputs of its instances; only `output`, if it is given.
    fn module_call(self: &Rc<Self>, evaluator: &Evaluator<'_>, name: &str, output: Option<&str>, span: Span) -> Eval {
        let Some(call) = self.module.calls.iter().find(|call| call.name == name) else {
            return Ok(Val::unknown(
                format!("module `{name}` is not declared in the files given"),
                "give the whole directory",
                span,
            ));
        };
        let module = match &call.callee {
            Callee::Local(module) => module,
            Callee::NotRead(why) => {
                let address = self.address_of(&format!("module.{name}.{}", output.unwrap_or("OUTPUT")));
                return Ok(Val::unknown(format!("module `{name}` is not read: {why}"), give_or_plan(&address), span));
            }
        };
        let outputs = |copy: &Copy| {
            let child = self.child(evaluator, call, module, copy);
            let members = child.module.outputs.iter().filter(|(name, _)| output.is_none_or(|output| output == *name));
            let members = members.map(|(name, block)| {
                let value = child.once(&format!("output.{name}"), span, || {
                    let Some(value) = block.attribute("value") else {
                        return Err(Stop::fault(format!("output `{name}` has no value"), block.header(), ""));
                    };
                    evaluator.eval(value, child.scope(&block.source))
                });
                let value = value.unwrap_or_else(|stop| match stop {
                    Stop::Unknown(value) => *value,
                    Stop::Fault(fault) => (*fault).into(),
                });
                (Spanned::new(name.clone(), block.header()), value)
            });
            Val::map(members.collect(), call.block.header())
        };
        let span = call.block.header();
        Ok(match self.copies(evaluator, &call.block)? {
            Copies::One => outputs(&Copy::only()),
            Copies::Count(copies) => Val::list(copies.iter().map(outputs).collect(), span),
            Copies::Each(copies) => {
                Val::map(copies.into_iter().map(|(key, copy)| (key, outputs(&copy))).collect(), span)
            }
        })
    }

    /// The instances that a block's `count` or `for_each` makes.
    pub(super) fn copies(self: &Rc<Self>, evaluator: &Evaluator<'_>, block: &Declared<Block>) -> Eval<Copies> {
        let scope = self.scope(&block.source);
        if let Some(expression) = block.attribute("count") {
            let value = evaluator.eval(expression, scope)?.known()?;
            let count = value.to_number().and_then(super::value::Number::as_int);
            let Some(count) = count.filter(|count| (0..=INSTANCES_MAX).contains(count)) else {
                return Err(Stop::fault(
                    format!("`count` must be a whole number from 0 to {INSTANCES_MAX}, this is {}", value.type_name()),
                    value.span,
                    "",
                ));
            };
            evaluator.charge(count as usize, value.span)?;
            let copies = (0..count).map(|index| {
                let member = (Spanned::new("index".to_owned(), value.span), Val::int(index, value.span));
                Copy { suffix: format!("[{index}]"), name: Some(("count", Val::map(vec![member], value.span))) }
            });
            return Ok(Copies::Count(copies.collect()));
        }
        let Some(expression) = block.attribute("for_each") else { return Ok(Copies::One) };
        let value = evaluator.eval(expression, scope)?.known()?;
        if !matches!(value.data, Data::Set(_) | Data::Map(_)) {
            return Err(Stop::fault(
                format!("`for_each` needs a map or a set of strings, this is {}", value.type_name()),
                block.source.span(expression.span()),
                "make it a set with `toset(..)`",
            ));
        }
        let mut copies = Vec::new();
        for (key, each) in evaluator.pairs(&value)? {
            let key_text = key.clone().known()?.to_text().ok_or_else(|| {
                Stop::fault(format!("a key of `for_each` must be a string, this is {}", key.type_name()), key.span, "")
            })?;
            let span = key.span;
            let members = vec![
                (Spanned::new("key".to_owned(), span), key.clone()),
                (Spanned::new("value".to_owned(), span), each),
            ];
            let key = Spanned::new(key_text.as_str().to_owned(), span);
            let suffix = format!("[\"{}\"]", key.value.replace('\\', "\\\\").replace('"', "\\\""));
            copies.push((key, Copy { suffix, name: Some(("each", Val::map(members, span))) }));
        }
        Ok(Copies::Each(copies))
    }

    /// Evaluates what is called `key` once; asking for it while that is going on is a mistake in the configuration.
    fn once(&self, key: &str, span: Span, compute: impl FnOnce() -> Eval) -> Eval {
        if let Some(known) = self.memo.borrow().get(key) {
            return known.clone().unwrap_or_else(|| {
                let address = self.address_of(key);
                Err(Stop::fault(format!("`{address}` depends on itself"), span, "break the circle"))
            });
        }
        self.memo.borrow_mut().insert(key.to_owned(), None);
        let result = match compute() {
            Err(Stop::Unknown(value)) => Ok(*value),
            other => other,
        };
        self.memo.borrow_mut().insert(key.to_owned(), Some(result.clone()));
        result
    }
}

impl Parent {
    /// The argument that the `module` block gives; `None` when it gives none.
    fn argument(&self, evaluator: &Evaluator<'_>, name: &str) -> Option<Eval> {
        let expression = self.block.attribute(name)?;
        let scope = self.instance.scope(&self.block.source);
        Some(self.copy.bind(scope, |scope| evaluator.eval(expression, scope)))
    }
}
