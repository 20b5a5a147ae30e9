//! The values of the root module's variables: `--param NAME=VALUE`, variable files, and what lies in the directory.

use super::code;
use super::config::SourceText;
use super::evaluate::{Evaluator, Scope};
use super::value::{Eval, Stop, Val};
use crate::source::{Diagnostic, FileId, MappedText};
use hcl_edit::expr::Expression;
use hcl_edit::parser;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

/// Values for the variables of a configuration, as the user gives them.
#[derive(Clone, Debug, Default)]
pub struct Params {
    /// Name and value of each `--param`, in order; a later one wins. The name is that of a variable, or the address of
    /// something that only AWS or another module knows: `data.aws_vpc.main.cidr_block`, `module.vpc.vpc_id`.
    pub values: Vec<(String, String)>,
    /// The files of `--param-file`: `.tfvars`, or JSON where the name ends in `.json`. `values` win over them.
    pub files: Vec<FileId>,
}

/// The value of one variable.
#[derive(Clone, Debug)]
pub(super) enum Input {
    /// From a variable file.
    Value(Val),
    /// From an option: text whose meaning depends on the variable's type.
    Text(Rc<SourceText>),
}

impl Input {
    /// The value for a variable with this type constraint. As for Terraform's `-var`, text is taken as it is for a
    /// string and for a variable without a type, and as an expression for everything else. A variable that is not
    /// declared takes what looks like a list or an object as such.
    pub(super) fn value(&self, evaluator: &Evaluator<'_>, constraint: Option<&Expression>) -> Eval {
        let source = match self {
            Self::Value(value) => return Ok(value.clone()),
            Self::Text(source) => source,
        };
        let text = MappedText::verbatim(source.text.clone(), source.id, source.offset(0));
        let literal = match constraint {
            Some(Expression::Variable(name)) => matches!(name.as_str(), "string" | "number" | "bool"),
            Some(Expression::String(name)) => name.as_str() == "string",
            Some(_) => false,
            None => !source.text.starts_with(['[', '{']),
        };
        if literal {
            return Ok(Val::text(text));
        }
        let parsed = parser::parse_expr(&source.text).ok();
        let scope = Scope { source, instance: None, names: None };
        let value = parsed.map(|expression| evaluator.eval(&expression, scope));
        match value {
            Some(Ok(value)) => Ok(value),
            _ => Err(Stop::fault(
                format!("the value of {} is not what its type wants", evaluator.files.name_and_text(source.id).0),
                text.whole(),
                "write it as in a .tf file: `[\"a\", \"b\"]` for a list, `{ key = \"value\" }` for a map",
            )),
        }
    }
}

/// Everything that was given, and what of it was asked for.
#[derive(Debug, Default)]
pub(super) struct Given {
    inputs: BTreeMap<String, Input>,
    asked: BTreeSet<String>,
}

impl Given {
    pub(super) fn new(inputs: BTreeMap<String, Input>) -> Self {
        Self { inputs, asked: BTreeSet::new() }
    }

    /// What is given for a name.
    pub(super) fn get(&mut self, name: &str) -> Option<Input> {
        let input = self.inputs.get(name).cloned();
        if input.is_some() {
            self.asked.insert(name.to_owned());
        }
        input
    }

    /// Whether a name was asked for.
    pub(super) fn was_asked_for(&self, name: &str) -> bool {
        self.asked.contains(name)
    }
}

/// All inputs, the later ones winning: files that Terraform reads by itself, files given, values given.
pub(super) fn collect(
    evaluator: &Evaluator<'_>,
    params: &Params,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Input> {
    let mut inputs = BTreeMap::new();
    let files = &evaluator.files;
    let names = files.names(Path::new("")).unwrap_or_default();
    let automatic = |name: &&String| name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json");
    let first = ["terraform.tfvars", "terraform.tfvars.json"];
    let found = names.iter().filter(|name| first.contains(&name.as_str())).chain(names.iter().filter(automatic));
    for name in found {
        match files.file(Path::new(name)) {
            Ok(id) => variable_file(evaluator, id, &mut inputs, diagnostics),
            Err(why) => diagnostics.push(
                Diagnostic::warning(code::VARIABLE_FILE, format!("the variable file `{name}` cannot be read: {why}"))
                    .help("its values are missing"),
            ),
        }
    }
    for &id in &params.files {
        variable_file(evaluator, id, &mut inputs, diagnostics);
    }
    for (name, value) in &params.values {
        let id = files.add(&format!("--param {name}"), value);
        inputs.insert(name.clone(), Input::Text(Rc::new(SourceText::new(id, value))));
    }
    inputs
}

fn variable_file(
    evaluator: &Evaluator<'_>,
    id: FileId,
    inputs: &mut BTreeMap<String, Input>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (name, text) = evaluator.files.name_and_text(id);
    if Path::new(&name).extension().is_some_and(|extension| extension == "json") {
        match evaluator.files.json(id) {
            Ok(node) => match node.as_map() {
                Some(members) => inputs
                    .extend(members.iter().map(|(key, value)| (key.value.clone(), Input::Value(Val::from(value))))),
                None => diagnostics.push(
                    Diagnostic::error(code::VARIABLE_FILE, "this is no map of variables to values")
                        .at(node.span)
                        .help("write `{\"NAME\": VALUE}`"),
                ),
            },
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
        return;
    }
    let source = SourceText::new(id, &text);
    match parser::parse_body(&source.text) {
        Ok(body) => inputs.extend(body.attributes().map(|attribute| {
            let scope = Scope { source: &source, instance: None, names: None };
            (attribute.key.as_str().to_owned(), Input::Value(evaluator.eval_lazily(&attribute.value, scope)))
        })),
        Err(error) => diagnostics.push(source.syntax_error(&error)),
    }
}
