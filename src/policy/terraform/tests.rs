//! Whole configurations, written in the test.

use super::config::SourceText;
use super::evaluate::Scope;
use super::*;
use crate::policy::value::Value;

/// The value of an expression as JSON, or the message that says why there is none.
pub(super) fn evaluate(expression: &str) -> String {
    evaluate_in("", expression)
}

/// The same, with `config` around it.
fn evaluate_in(config: &str, expression: &str) -> String {
    let mut sources = Sources::new();
    let file = sources.add("main.tf", config);
    let asked = sources.add("asked.tf", expression);
    let text = SourceText::new(asked, expression);
    let evaluator = Evaluator::new(Files::new(&mut sources, Path::new("/nonexistent")));
    let mut loader = Loader::new(&evaluator.files);
    let module = loader.module(Path::new(""), &[file], 0);
    assert!(loader.diagnostics.is_empty(), "{:?}", loader.diagnostics);
    let root = Instance::root(module, std::collections::BTreeMap::new());
    let expression = hcl_edit::parser::parse_expr(&text.text).unwrap();
    let scope = Scope { source: &text, instance: Some(&root), names: None };
    let value = evaluator.eval_lazily(&expression, scope);
    json(&value.to_node(&mut 10_000))
}

/// A node as compact JSON in file order; for an unresolved one, what is missing.
fn json(node: &Node) -> String {
    fn write(node: &Node, out: &mut String) -> Result<(), String> {
        match &node.value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(&value.to_string()),
            Value::Number(text) => out.push_str(text),
            Value::String(text) => out.push_str(&serde_json::to_string(text.as_str()).unwrap()),
            Value::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    write(item, out)?;
                }
                out.push(']');
            }
            Value::Map(members) => {
                out.push('{');
                for (at, (key, item)) in members.iter().enumerate() {
                    out.push_str(if at > 0 { "," } else { "" });
                    out.push_str(&serde_json::to_string(&key.value).unwrap());
                    out.push(':');
                    write(item, out)?;
                }
                out.push('}');
            }
            Value::Unresolved(unresolved) => return Err(unresolved.what.clone()),
        }
        Ok(())
    }
    let mut out = String::new();
    match write(node, &mut out) {
        Ok(()) => out,
        Err(what) => what,
    }
}
