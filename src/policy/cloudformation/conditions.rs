//! `Conditions`: `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not`, `Condition`.

use super::functions::{Purpose, Resolver, function};
use crate::policy::value::{Node, Unresolved};

impl Resolver<'_> {
    /// Whether the condition of that name holds.
    ///
    /// # Errors
    /// What must be known first.
    pub(super) fn condition(&self, name: &str) -> Result<bool, Unresolved> {
        let Some(condition) = self.section("Conditions").and_then(|all| all.get(name)) else {
            let what = format!("condition `{name}` is not defined");
            return Err(Unresolved::new(what, "define it under `Conditions`, or correct the name"));
        };
        if let Some(known) = self.remembered(name) {
            return known;
        }
        let holds = self.nested(|| self.holds(condition));
        self.remember(name, &holds);
        holds
    }

    fn holds(&self, node: &Node) -> Result<bool, Unresolved> {
        let Some((name, argument)) = function(node) else { return Err(not_a_condition()) };
        let operands = argument.as_list().unwrap_or(&[]);
        match (name, operands) {
            ("Condition", _) => {
                let name = argument.as_text().ok_or_else(not_a_condition)?;
                self.condition(name.as_str())
            }
            ("Fn::Equals", [a, b]) => {
                let (a, b) = (self.comparable(a), self.comparable(b));
                match (a, b) {
                    (Ok(a), Ok(b)) => Ok(a == b),
                    (Err(a), Err(b)) => Err(Unresolved::join(&[a, b])),
                    (Err(missing), Ok(_)) | (Ok(_), Err(missing)) => Err(missing),
                }
            }
            ("Fn::Not", [operand]) => self.nested(|| self.holds(operand)).map(|holds| !holds),
            ("Fn::And", [_, ..]) => self.decided_by(operands, false),
            ("Fn::Or", [_, ..]) => self.decided_by(operands, true),
            _ => Err(not_a_condition()),
        }
    }

    /// One operand that is `decisive` decides, even where others are not known.
    fn decided_by(&self, operands: &[Node], decisive: bool) -> Result<bool, Unresolved> {
        let mut missing = Vec::new();
        for operand in operands {
            match self.nested(|| self.holds(operand)) {
                Ok(holds) if holds == decisive => return Ok(decisive),
                Ok(_) => {}
                Err(open) => missing.push(open),
            }
        }
        if missing.is_empty() { Ok(!decisive) } else { Err(Unresolved::join(&missing)) }
    }

    fn comparable(&self, node: &Node) -> Result<String, Unresolved> {
        let resolved = self.resolve(node, Purpose::Value);
        if let Some(items) = resolved.as_list() {
            let all: Result<Vec<String>, Unresolved> = items.iter().map(|item| self.comparable(item)).collect();
            return all.map(|all| all.join(","));
        }
        self.text(&resolved, Purpose::Value).map(|text| text.as_str().to_owned())
    }
}

fn not_a_condition() -> Unresolved {
    Unresolved::new("this is not a condition", "use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")
}
