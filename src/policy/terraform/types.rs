//! Conversion of a variable's value to its type constraint: `list(string)`, `object({ a = optional(number, 1) })`, ...
//!
//! Source: Terraform language, "Type Constraints".

use super::evaluate::{Evaluator, Scope};
use super::value::{Data, Eval, Number, Stop, Val};
use crate::source::Spanned;
use hcl_edit::expr::{Expression, FuncCall, ObjectKey};
use std::rc::Rc;

/// `value` as `constraint` wants it; unknown values stay, and so does null.
pub(super) fn convert(evaluator: &Evaluator<'_>, value: Val, constraint: &Expression, scope: Scope<'_>) -> Eval {
    evaluator.charge(1, value.span)?;
    if value.is_unknown() || value.is_null() {
        return Ok(value);
    }
    match constraint {
        Expression::Variable(name) => primitive(&value, name.as_str()),
        Expression::String(name) => primitive(&value, name.as_str()), // Terraform 0.11: type = "string"
        Expression::FuncCall(call) => collection(evaluator, value, call, scope),
        _ => Ok(value),
    }
}

/// A value as a string, number, bool, list, set or map of anything.
pub(super) fn primitive(value: &Val, name: &str) -> Eval {
    let span = value.span;
    let converted = match name {
        "string" => value.to_text().map(|text| Val::new(Data::Text(text), span)),
        "number" => value.to_number().map(|number: Number| Val::new(Data::Number(number), span)),
        "bool" => value.to_bool().map(|truth| Val::bool(truth, span)),
        "list" | "tuple" => value.items().map(|items| Val::list(items.to_vec(), span)),
        "set" => value.items().map(|items| Val::set(items.to_vec(), span)),
        "map" | "object" => matches!(value.data, Data::Map(_)).then(|| value.clone()),
        _ => Some(value.clone()),
    };
    converted.ok_or_else(|| wrong(value, name))
}

fn collection(evaluator: &Evaluator<'_>, value: Val, call: &FuncCall, scope: Scope<'_>) -> Eval {
    let span = value.span;
    let Some(inner) = call.args.get(0) else { return Ok(value) };
    let each = |items: &[Val]| -> Eval<Vec<Val>> {
        items.iter().map(|item| convert(evaluator, item.clone(), inner, scope)).collect()
    };
    match call.name.name.as_str() {
        "list" => Ok(Val::list(each(value.items().ok_or_else(|| wrong(&value, "list"))?)?, span)),
        "set" => Ok(Val::set(each(value.items().ok_or_else(|| wrong(&value, "set"))?)?, span)),
        "map" => {
            let Data::Map(map) = &value.data else { return Err(wrong(&value, "map")) };
            let members = map
                .members
                .iter()
                .map(|(key, member)| Ok((key.clone(), convert(evaluator, member.clone(), inner, scope)?)));
            Ok(Val::map(members.collect::<Eval<Vec<_>>>()?, span))
        }
        "tuple" => {
            let (Some(items), Expression::Array(types)) = (value.items(), inner) else {
                return Err(wrong(&value, "tuple"));
            };
            let items = items.iter().zip(types.iter());
            let items = items.map(|(item, constraint)| convert(evaluator, item.clone(), constraint, scope));
            Ok(Val::list(items.collect::<Eval<Vec<_>>>()?, span))
        }
        "object" => object(evaluator, &value, inner, scope),
        "optional" => convert(evaluator, value, inner, scope),
        _ => Ok(value),
    }
}

fn object(evaluator: &Evaluator<'_>, value: &Val, constraint: &Expression, scope: Scope<'_>) -> Eval {
    let (Data::Map(map), Expression::Object(schema)) = (&value.data, constraint) else {
        return Err(wrong(value, "object"));
    };
    let mut members = Vec::with_capacity(schema.len());
    for (key, constraint) in schema {
        let name = match key {
            ObjectKey::Ident(name) => name.as_str(),
            ObjectKey::Expression(expression) => expression.as_str().unwrap_or_default(),
        };
        let constraint = constraint.expr();
        let optional = match constraint {
            Expression::FuncCall(call) if call.name.name.as_str() == "optional" => Some(call),
            _ => None,
        };
        let given =
            map.members.iter().find(|(key, member)| key.value == name && !(member.is_null() && optional.is_some()));
        let (key, member) = match (given, optional) {
            (Some((key, member)), _) => (key.clone(), convert(evaluator, member.clone(), constraint, scope)?),
            (None, Some(call)) => {
                let default = call.args.get(1).map(|default| evaluator.eval(default, scope)).transpose()?;
                let default = default.unwrap_or(Val::new(Data::Null, value.span));
                (Spanned::new(name.to_owned(), value.span), convert(evaluator, default, constraint, scope)?)
            }
            (None, None) => match &map.computed {
                Some(address) => {
                    let unknown = super::value::known_to_aws(address, name, value.span);
                    (Spanned::new(name.to_owned(), value.span), unknown)
                }
                None => {
                    return Err(Stop::fault(
                        format!("this object has no `{name}`, which the variable's type wants"),
                        value.span,
                        "",
                    ));
                }
            },
        };
        members.push((key, member));
    }
    let map = super::value::Map::new(members, None);
    Ok(Val::new(Data::Map(Rc::new(map)), value.span))
}

fn wrong(value: &Val, wanted: &str) -> Stop {
    Stop::fault(format!("the variable's type is {wanted}, this is {}", value.type_name()), value.span, "")
}
