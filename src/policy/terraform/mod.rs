//! Terraform: a configuration's `.tf` files, or the output of `terraform show -json`, to resources in the shape of the
//! AWS API.
//!
//! A configuration is evaluated as far as it goes without AWS: variables (with the values the user gives), locals,
//! functions, `count`, `for_each`, `dynamic`, templates, and modules inside the given directory. What AWS or another
//! module would have to say becomes an unresolved value that says what is missing; only who needs it complains. A plan
//! is always the surer input: there Terraform itself has evaluated everything. Modules from a registry are read where
//! `terraform init` has put them.
//!
//! Nothing here judges a policy; the readers of [`Resource`]s do. Files are read below the given directory only.
//! Read next: `evaluate.rs` for expressions, `instance.rs` for what they refer to, `api.rs` for the shape of the result.

mod api;
mod body;
mod code;
mod config;
mod evaluate;
mod files;
mod functions;
mod inputs;
mod instance;
mod plan;
mod template;
mod types;
mod value;

pub use inputs::Params;

use self::api::Translator;
use self::config::{Call, Callee, Declared, Loader, Module};
use self::evaluate::Evaluator;
use self::files::Files;
use self::inputs::Given;
use self::instance::{Copy, Instance};
use self::value::{Data, Stop, Val};
use super::resource::{self, Resource, ResourceKind};
use super::value::{Node, Value};
use crate::source::{Diagnostic, FileId, Sources, Span, Spanned};
use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use std::path::Path;
use std::rc::Rc;

/// What a document holds, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The resources that say something about a firewall, the root module's first, in file order.
    pub resources: Vec<Resource>,
    /// In the order they were found.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the root module whose `.tf` files are `files` and lie in `base_dir`. Variable files that Terraform reads by
/// itself, local modules and the files that `file()` names are read from there, and nothing outside of it.
pub fn load(files: &[FileId], base_dir: &Path, sources: &mut Sources, params: &Params) -> Loaded {
    let evaluator = Evaluator::new(Files::new(sources, base_dir));
    let mut loader = Loader::new(&evaluator.files);
    let module = loader.root(files);
    let mut diagnostics = loader.diagnostics;
    let inputs = inputs::collect(&evaluator, params, &mut diagnostics);
    *evaluator.given.borrow_mut() = Given::new(inputs);
    let root = Instance::root(module);
    let mut collector = Collector {
        evaluator: &evaluator,
        translator: Translator::default(),
        resources: Vec::new(),
        diagnostics,
        modules_not_read: Vec::new(),
    };
    collector.module(&root);
    for (name, _) in &params.values {
        if !root.module.variables.contains_key(name) && !evaluator.given.borrow().was_asked_for(name) {
            let message = format!("nothing asks for `{name}`");
            collector.diagnostics.push(
                Diagnostic::warning(code::NO_SUCH_VARIABLE, message).help("its value is not used; check the spelling"),
            );
        }
    }
    collector.finish()
}

/// Reads the output of `terraform show -json` for a plan or a state.
pub fn load_plan(file: FileId, sources: &Sources) -> Loaded {
    plan::load(file, sources)
}

/// Makes the resource of what a block or a plan says.
fn resource(
    translator: &mut Translator,
    resource_type: &str,
    address: String,
    value: &Val,
    span: Span,
) -> Option<Resource> {
    let (kind, name_member) = api::kind_of(resource_type)?;
    let mut properties = translator.properties(kind, value);
    let name = properties.get(name_member);
    let unresolved = name.is_some_and(|name| matches!(name.value, Value::Unresolved(_)));
    let name = name.and_then(Node::as_text).map(|text| Spanned::new(text.as_str().to_owned(), text.whole()));
    if unresolved && let Value::Map(members) = &mut properties.value {
        members.retain(|(key, _)| key.value != name_member); // nothing depends on the name
    }
    let mut identities = vec![resource::reference(&address)];
    for known in ["arn", "id"] {
        let text = value.member(known).and_then(Val::to_text);
        identities.extend(text.map(|text| text.as_str().to_owned()).filter(|text| !text.is_empty()));
    }
    identities.sort();
    identities.dedup();
    Some(Resource { kind, logical_id: address, name, properties, identities, span })
}

/// Walks the modules and takes their resources.
struct Collector<'a, 's> {
    evaluator: &'a Evaluator<'s>,
    translator: Translator,
    resources: Vec<Resource>,
    diagnostics: Vec<Diagnostic>,
    /// Modules that describe a firewall by their arguments: name, place, why they are not read.
    modules_not_read: Vec<(String, Span, String)>,
}

impl Collector<'_, '_> {
    fn module(&mut self, instance: &Rc<Instance>) {
        for block in &instance.module.resources {
            if let Some((kind, _)) = api::kind_of(block.label(0)) {
                self.block(instance, block, kind);
            }
        }
        for call in &instance.module.calls {
            match &call.callee {
                Callee::Local(module) if describes_a_firewall(module) => self.call(instance, call, module),
                Callee::Local(_) => {}
                Callee::NotRead(why) => {
                    if asks_for_a_firewall(&call.block) {
                        let address = instance.address_of(&format!("module.{}", call.name));
                        self.modules_not_read.push((address, call.block.header(), why.clone()));
                    }
                }
            }
        }
    }

    fn block(&mut self, instance: &Rc<Instance>, block: &Declared<Block>, kind: ResourceKind) {
        let copies = match instance.copies(self.evaluator, block) {
            Ok(copies) => copies.into_vec(),
            Err(stop) => {
                let address = instance.address_of(&format!("{}.{}", block.label(0), block.label(1)));
                let (diagnostic, why) = count_unknown(&address, block, stop, "it is read as one");
                if matches!(kind, ResourceKind::RuleGroup | ResourceKind::FirewallPolicy) {
                    self.diagnostics.push(diagnostic);
                }
                vec![Copy::unknown(block, &why)]
            }
        };
        for copy in copies {
            let value = instance.resource_copy(self.evaluator, block, &copy);
            let address = match &value.data {
                Data::Map(map) => map.computed.clone().unwrap_or_default(),
                _ => String::new(),
            };
            let made = resource(&mut self.translator, block.label(0), address, &value, block.header());
            self.resources.extend(made);
        }
    }

    fn call(&mut self, instance: &Rc<Instance>, call: &Call, module: &Rc<Module>) {
        match instance.copies(self.evaluator, &call.block) {
            Ok(copies) => {
                for copy in copies.into_vec() {
                    if self.evaluator.charge(1000, call.block.header()).is_ok() {
                        self.module(&instance.child(self.evaluator, call, module, &copy));
                    }
                }
            }
            Err(stop) => {
                let address = instance.address_of(&format!("module.{}", call.name));
                self.diagnostics.push(count_unknown(&address, &call.block, stop, "its resources are left out").0);
            }
        }
    }

    fn finish(mut self) -> Loaded {
        let describes = |kind| matches!(kind, ResourceKind::RuleGroup | ResourceKind::FirewallPolicy);
        api::join_entries(&mut self.resources);
        let nothing_else = !self.resources.iter().any(|resource| describes(resource.kind));
        for (address, span, why) in self.modules_not_read {
            let message = format!("`{address}` describes a firewall but is not read: {why}");
            let diagnostic = if nothing_else {
                Diagnostic::error(code::MODULE_NOT_READ, message)
            } else {
                Diagnostic::warning(code::MODULE_NOT_READ, message)
            };
            let help = format!("run `terraform init` if the module comes from a registry; else {}", value::NEEDS_PLAN);
            self.diagnostics.push(diagnostic.at(span).help(help));
        }
        self.diagnostics.append(&mut self.translator.diagnostics);
        Loaded { resources: self.resources, diagnostics: self.diagnostics }
    }
}

/// The diagnostic for a `count` or `for_each` that has no value, and the value to go on with.
fn count_unknown(address: &str, block: &Declared<Block>, stop: Stop, consequence: &str) -> (Diagnostic, Val) {
    let (why, what, help, mistake) = match stop {
        Stop::Unknown(value) => {
            let (what, help) = match &value.data {
                Data::Unknown(unresolved) => (unresolved.what.clone(), unresolved.help.clone()),
                _ => (String::new(), String::new()),
            };
            (*value, what, help, false)
        }
        Stop::Fault(fault) => {
            let (what, help) = (fault.message.clone(), fault.help.clone());
            (Val::from(*fault), what, help, true)
        }
    };
    let message = format!("how many `{address}` there are is not known ({what}); {consequence}");
    let diagnostic = if mistake {
        Diagnostic::error(code::COUNT_UNKNOWN, message)
    } else {
        Diagnostic::warning(code::COUNT_UNKNOWN, message)
    };
    let diagnostic = diagnostic.at(why.span).label(block.header(), "declared here");
    (if help.is_empty() { diagnostic } else { diagnostic.help(help) }, why)
}

/// Whether there is a resource that is read here in the module or in one that it calls.
fn describes_a_firewall(module: &Module) -> bool {
    module.resources.iter().any(|block| api::kind_of(block.label(0)).is_some())
        || module.calls.iter().any(|call| match &call.callee {
            Callee::Local(module) => describes_a_firewall(module),
            Callee::NotRead(_) => asks_for_a_firewall(&call.block),
        })
}

/// Whether a module that is not read seems to be about a firewall, by its source and arguments.
fn asks_for_a_firewall(call: &Declared<Block>) -> bool {
    let source = call.attribute("source").and_then(Expression::as_str).unwrap_or("");
    let plain: String = source.chars().filter(char::is_ascii_alphanumeric).collect();
    let arguments =
        ["rule_group", "firewall_policy", "policy_stateful", "policy_stateless", "stateful_rule", "rules_source"];
    plain.to_ascii_lowercase().contains("networkfirewall")
        || call
            .item
            .body
            .attributes()
            .any(|attribute| arguments.iter().any(|known| attribute.key.as_str().starts_with(known)))
}

#[cfg(test)]
mod tests;
