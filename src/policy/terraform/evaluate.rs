//! Expressions to values.
//!
//! What an expression refers to (variables, locals, resources, modules) is looked up by [`super::instance`]; functions
//! are in [`super::functions`]. Every evaluation is bounded in depth and in steps, so that no configuration can make the
//! program hang or run out of memory.

use super::config::SourceText;
use super::files::Files;
use super::functions;
use super::inputs::Given;
use super::instance::Instance;
use super::template::{self, Quoting};
use super::value::{Data, Eval, Fault, Map, Number, SIZE_MAX, Stop, TOO_LARGE, Val};
use crate::source::{FileId, Span, Spanned};
use hcl_edit::Span as _;
use hcl_edit::expr::{
    BinaryOp, BinaryOperator, Conditional, Expression, ForExpr, Object, ObjectKey, TraversalOperator, UnaryOperator,
};
use hcl_edit::repr::Decorated;
use hcl_edit::template::Template;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Nested evaluations: an expression in a local in a module in ...
const DEPTH_MAX: usize = 200;
/// Expressions evaluated, items produced and (by 16) bytes copied in one load.
const STEPS_MAX: usize = 5_000_000;

/// Evaluates the expressions of one configuration.
#[derive(Debug)]
pub(super) struct Evaluator<'s> {
    pub files: Files<'s>,
    /// Module instances that were asked for, by address.
    pub instances: RefCell<BTreeMap<String, Rc<Instance>>>,
    /// What the user gives, by name of variable or by address of what only AWS knows.
    pub given: RefCell<Given>,
    pub templates: RefCell<BTreeMap<FileId, Rc<(SourceText, Template)>>>,
    depth: Cell<usize>,
    steps: Cell<usize>,
}

/// What an expression can see.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The file it is in.
    pub source: &'a SourceText,
    /// The module it is in; none for template files and variable files.
    pub instance: Option<&'a Rc<Instance>>,
    /// Names bound around it: `each`, `count`, the variables of loops and template files.
    pub names: Option<&'a Names<'a>>,
}

/// A bound name, and those bound outside of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names<'a> {
    pub name: &'a str,
    pub value: &'a Val,
    pub outer: Option<&'a Names<'a>>,
}

impl Scope<'_> {
    fn name(&self, name: &str) -> Option<&Val> {
        let mut names = self.names;
        while let Some(bound) = names {
            if bound.name == name {
                return Some(bound.value);
            }
            names = bound.outer;
        }
        None
    }
}

impl<'s> Evaluator<'s> {
    pub(super) fn new(files: Files<'s>) -> Self {
        Self {
            files,
            instances: RefCell::default(),
            given: RefCell::default(),
            templates: RefCell::default(),
            depth: Cell::new(0),
            steps: Cell::new(0),
        }
    }

    /// Counts work; an error when it gets too much.
    pub(super) fn charge(&self, steps: usize, span: Span) -> Eval<()> {
        let sum = self.steps.get().saturating_add(steps);
        self.steps.set(sum);
        if sum > STEPS_MAX {
            return Err(Stop::fault("evaluating this takes too many steps", span, super::value::NEEDS_PLAN));
        }
        Ok(())
    }

    /// The value of an expression; unknown values are values, an `Err` is always a mistake in the expression.
    pub(super) fn eval(&self, expression: &Expression, scope: Scope<'_>) -> Eval {
        let span = scope.source.span(expression.span());
        self.charge(1, span)?;
        if self.depth.get() >= DEPTH_MAX {
            return Err(Stop::fault("this is nested too deeply to be evaluated", span, super::value::NEEDS_PLAN));
        }
        self.depth.set(self.depth.get() + 1);
        let result = self.expression(expression, scope, span);
        self.depth.set(self.depth.get() - 1);
        match result {
            Ok(value) if value.size > SIZE_MAX => Err(Stop::fault(TOO_LARGE, span, super::value::NEEDS_PLAN)),
            Err(Stop::Unknown(value)) => Ok(*value),
            other => other,
        }
    }

    /// Like [`Evaluator::eval`], with a mistake made an unknown value that says what the mistake is: so it is reported
    /// where the value is needed, and only there.
    pub(super) fn eval_lazily(&self, expression: &Expression, scope: Scope<'_>) -> Val {
        match self.eval(expression, scope) {
            Ok(value) => value,
            Err(Stop::Unknown(value)) => *value,
            Err(Stop::Fault(fault)) => Fault::into(*fault),
        }
    }

    /// The truth of a condition.
    pub(super) fn condition(&self, expression: &Expression, scope: Scope<'_>) -> Eval<bool> {
        let value = self.eval(expression, scope)?.known()?;
        value.to_bool().ok_or_else(|| {
            Stop::fault(
                format!("a condition must be a bool, this is {}", value.type_name()),
                scope.source.span(expression.span()),
                "compare it with something, or use `!= null`",
            )
        })
    }

    /// What a `for` over `collection` visits: keys and values, in Terraform's order.
    pub(super) fn pairs(&self, collection: &Val) -> Eval<Vec<(Val, Val)>> {
        let pairs: Vec<_> = match &collection.data {
            Data::List(items) => {
                items.iter().enumerate().map(|(at, item)| (Val::int(at as i128, item.span), item.clone())).collect()
            }
            Data::Set(items) => items.iter().map(|item| (item.clone(), item.clone())).collect(),
            Data::Map(map) => map
                .sorted()
                .into_iter()
                .map(|(key, value)| (Val::derived(key.value.clone(), key.span), value.clone()))
                .collect(),
            Data::Unknown(_) => return Err(Stop::Unknown(Box::new(collection.clone()))),
            _ => {
                return Err(Stop::fault(
                    format!("a loop needs a list, a set or a map, this is {}", collection.type_name()),
                    collection.span,
                    "wrap it in `[ ]`",
                ));
            }
        };
        self.charge(pairs.len(), collection.span)?;
        Ok(pairs)
    }

    fn expression(&self, expression: &Expression, scope: Scope<'_>, span: Span) -> Eval {
        match expression {
            Expression::Null(_) => Ok(Val::new(Data::Null, span)),
            Expression::Bool(value) => Ok(Val::bool(*value.value(), span)),
            Expression::Number(number) => Ok(Val::new(Data::Number(literal_number(number.value())), span)),
            Expression::String(_) => {
                Ok(Val::text(template::quoted(scope.source, expression.span().unwrap_or_default())))
            }
            Expression::StringTemplate(text) => template::evaluate(self, text, Quoting::Quoted, scope, span),
            Expression::HeredocTemplate(heredoc) => {
                let indented = scope.source.text.get(expression.span().unwrap_or_default());
                let quoting = match indented {
                    Some(text) if text.starts_with("<<-") => Quoting::IndentedHeredoc,
                    _ => Quoting::Heredoc,
                };
                template::evaluate(self, &heredoc.template, quoting, scope, span)
            }
            Expression::Array(array) => {
                let items = array.iter().map(|item| self.eval(item, scope)).collect::<Eval<Vec<_>>>()?;
                Ok(Val::list(items, span))
            }
            Expression::Object(object) => self.object(object, scope, span),
            Expression::Parenthesis(inner) => self.eval(inner.inner(), scope),
            Expression::Variable(name) => self.name(name.as_str(), scope, span),
            Expression::Conditional(conditional) => self.conditional(conditional, scope),
            Expression::FuncCall(call) => functions::call(self, call, scope, span),
            Expression::Traversal(traversal) => {
                let Expression::Variable(root) = &traversal.expr else {
                    let value = self.eval(&traversal.expr, scope)?;
                    return self.traverse(value, &traversal.operators, scope, span);
                };
                if let Some(value) = scope.name(root.as_str()) {
                    return self.traverse(value.clone(), &traversal.operators, scope, span);
                }
                self.reference(root.as_str(), &traversal.operators, scope, span)
            }
            Expression::UnaryOp(operation) => {
                let value = self.eval(&operation.expr, scope)?.known()?;
                match operation.operator.value() {
                    UnaryOperator::Neg => {
                        let number = value.to_number().ok_or_else(|| operand("-", "a number", &value))?;
                        Ok(Val::new(Data::Number(subtract(Number::Int(0), number)), span))
                    }
                    UnaryOperator::Not => {
                        let truth = value.to_bool().ok_or_else(|| operand("!", "a bool", &value))?;
                        Ok(Val::bool(!truth, span))
                    }
                }
            }
            Expression::BinaryOp(operation) => self.binary(operation, scope, span),
            Expression::ForExpr(each) => self.for_expression(each, scope, span),
        }
    }

    fn name(&self, name: &str, scope: Scope<'_>, span: Span) -> Eval {
        if let Some(value) = scope.name(name) {
            return Ok(value.clone());
        }
        self.reference(name, &[], scope, span)
    }

    /// A reference to something the module declares.
    fn reference(&self, root: &str, operators: &[Decorated<TraversalOperator>], scope: Scope<'_>, span: Span) -> Eval {
        let Some(instance) = scope.instance else {
            return Err(Stop::fault(
                format!("`{root}` is not known here"),
                span,
                "a template file sees only the variables that are handed to it, a variable file sees none",
            ));
        };
        let (value, used) = instance.lookup(self, root, operators, span)?;
        self.traverse(value, operators.get(used..).unwrap_or(&[]), scope, span)
    }

    /// Applies `.name`, `[index]` and splats.
    pub(super) fn traverse(
        &self,
        mut value: Val,
        operators: &[Decorated<TraversalOperator>],
        scope: Scope<'_>,
        span: Span,
    ) -> Eval {
        let mut rest = operators;
        while let Some((operator, following)) = rest.split_first() {
            value = value.known()?;
            rest = following;
            value = match operator.value() {
                TraversalOperator::GetAttr(name) => attribute(&value, name.as_str(), span)?,
                TraversalOperator::Index(index) => {
                    let index = self.eval(index, scope)?.known()?;
                    index_into(&value, &index, span)?
                }
                TraversalOperator::LegacyIndex(index) => {
                    index_into(&value, &Val::int(i128::from(*index.value()), span), span)?
                }
                TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => {
                    let attributes_only = matches!(operator.value(), TraversalOperator::AttrSplat(_));
                    let taken = following
                        .iter()
                        .position(|next| match next.value() {
                            TraversalOperator::GetAttr(_) => false,
                            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => false,
                            _ => attributes_only,
                        })
                        .unwrap_or(following.len());
                    let (inner, outer) = following.split_at_checked(taken).unwrap_or((following, &[]));
                    rest = outer;
                    let one = [value.clone()];
                    let items = match &value.data {
                        Data::Null => &[],
                        Data::List(items) | Data::Set(items) => items.as_slice(),
                        _ => &one,
                    };
                    self.charge(items.len(), span)?;
                    let mut results = Vec::with_capacity(items.len());
                    for item in items {
                        results.push(match self.traverse(item.clone(), inner, scope, span) {
                            Err(Stop::Unknown(unknown)) => *unknown,
                            other => other?,
                        });
                    }
                    Val::list(results, span)
                }
            };
        }
        Ok(value)
    }

    fn object(&self, object: &Object, scope: Scope<'_>, span: Span) -> Eval {
        let mut members: Vec<(Spanned<String>, Val)> = Vec::with_capacity(object.len());
        for (key, value) in object {
            let key = match key {
                ObjectKey::Ident(name) => Spanned::new(name.as_str().to_owned(), scope.source.span(name.span())),
                ObjectKey::Expression(expression) => {
                    let key = self.eval(expression, scope)?.known()?;
                    let text = key.to_text().ok_or_else(|| {
                        Stop::fault(format!("a key must be a string, this is {}", key.type_name()), key.span, "")
                    })?;
                    Spanned::new(text.as_str().to_owned(), scope.source.span(expression.span()))
                }
            };
            members.push((key, self.eval(value.expr(), scope)?));
        }
        // Computed keys may repeat; the last one counts.
        let mut seen = std::collections::BTreeSet::new();
        members.reverse();
        members.retain(|(key, _)| seen.insert(key.value.clone()));
        members.reverse();
        Ok(Val::map(members, span))
    }

    fn conditional(&self, conditional: &Conditional, scope: Scope<'_>) -> Eval {
        if self.condition(&conditional.cond_expr, scope)? {
            self.eval(&conditional.true_expr, scope)
        } else {
            self.eval(&conditional.false_expr, scope)
        }
    }

    fn binary(&self, operation: &BinaryOp, scope: Scope<'_>, span: Span) -> Eval {
        use BinaryOperator as Op;
        let operator = *operation.operator.value();
        let left = self.eval(&operation.lhs_expr, scope)?;
        if matches!(operator, Op::And | Op::Or) {
            let decides = matches!(operator, Op::Or);
            if left.to_bool() == Some(decides) {
                return Ok(Val::bool(decides, span));
            }
            let right = self.eval(&operation.rhs_expr, scope)?;
            if right.to_bool() == Some(decides) {
                return Ok(Val::bool(decides, span));
            }
            for side in [&left, &right] {
                side.clone().known()?.to_bool().ok_or_else(|| operand(operator.as_str(), "a bool", side))?;
            }
            return Ok(Val::bool(!decides, span));
        }
        let (left, right) = (left.known()?, self.eval(&operation.rhs_expr, scope)?.known()?);
        if matches!(operator, Op::Eq | Op::NotEq) {
            for side in [&left, &right] {
                self.charge(side.size as usize / 8, span)?;
                if let Some(unknown) = side.first_unknown() {
                    return Ok(unknown.clone());
                }
            }
            return Ok(Val::bool(left.equals(&right) == matches!(operator, Op::Eq), span));
        }
        let a = left.to_number().ok_or_else(|| operand(operator.as_str(), "a number", &left))?;
        let b = right.to_number().ok_or_else(|| operand(operator.as_str(), "a number", &right))?;
        let order = a.compare(b);
        let number = match operator {
            Op::Less => return Ok(Val::bool(order == Ordering::Less, span)),
            Op::LessEq => return Ok(Val::bool(order != Ordering::Greater, span)),
            Op::Greater => return Ok(Val::bool(order == Ordering::Greater, span)),
            Op::GreaterEq => return Ok(Val::bool(order != Ordering::Less, span)),
            Op::Plus => exact(a, b, i128::checked_add, |a, b| a + b),
            Op::Minus => subtract(a, b),
            Op::Mul => exact(a, b, i128::checked_mul, |a, b| a * b),
            Op::Div | Op::Mod if b.as_f64() == 0.0 => {
                return Err(Stop::fault("this divides by zero", span, ""));
            }
            Op::Div => Number::float(a.as_f64() / b.as_f64()),
            _ => exact(a, b, i128::checked_rem, |a, b| a % b),
        };
        Ok(Val::new(Data::Number(number), span))
    }

    fn for_expression(&self, each: &ForExpr, scope: Scope<'_>, span: Span) -> Eval {
        let collection = self.eval(&each.intro.collection_expr, scope)?;
        let mut items = Vec::new();
        let mut members: Vec<(Spanned<String>, Vec<Val>)> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for (key, value) in self.pairs(&collection)? {
            let inner = Names { name: each.intro.value_var.as_str(), value: &value, outer: scope.names };
            let key_name = each.intro.key_var.as_ref().map(|name| name.as_str());
            let outer = key_name.map(|name| Names { name, value: &key, outer: Some(&inner) });
            let scope = Scope { names: Some(outer.as_ref().unwrap_or(&inner)), ..scope };
            if let Some(condition) = &each.cond
                && !self.condition(&condition.expr, scope)?
            {
                continue;
            }
            let Some(key_expression) = &each.key_expr else {
                items.push(self.eval(&each.value_expr, scope)?);
                continue;
            };
            let key = self.eval(key_expression, scope)?.known()?;
            let Some(text) = key.to_text() else {
                return Err(Stop::fault(format!("a key must be a string, this is {}", key.type_name()), key.span, ""));
            };
            let value = self.eval(&each.value_expr, scope)?;
            if let Some(&at) = known.get(text.as_str()) {
                match members.get_mut(at) {
                    Some((_, group)) if each.grouping => group.push(value),
                    _ => {
                        return Err(Stop::fault(
                            format!("two items have the key `{}`", text.as_str()),
                            span,
                            "put `...` behind the value to collect the items of a key in a list",
                        ));
                    }
                }
            } else {
                known.insert(text.as_str().to_owned(), members.len());
                members.push((Spanned::new(text.as_str().to_owned(), key.span), vec![value]));
            }
        }
        if each.key_expr.is_none() {
            return Ok(Val::list(items, span));
        }
        let grouped = members.into_iter().filter_map(|(key, mut values)| {
            let value = if each.grouping { Val::list(values, span) } else { values.pop()? };
            Some((key, value))
        });
        Ok(Val::map(grouped.collect(), span))
    }
}

fn literal_number(number: &hcl_edit::Number) -> Number {
    if let Some(int) = number.as_i64() {
        Number::Int(i128::from(int))
    } else if let Some(int) = number.as_u64() {
        Number::Int(i128::from(int))
    } else {
        Number::float(number.as_f64().unwrap_or(0.0))
    }
}

fn exact(a: Number, b: Number, int: fn(i128, i128) -> Option<i128>, float: fn(f64, f64) -> f64) -> Number {
    match (a, b) {
        (Number::Int(x), Number::Int(y)) => {
            int(x, y).map_or_else(|| Number::float(float(x as f64, y as f64)), Number::Int)
        }
        _ => Number::float(float(a.as_f64(), b.as_f64())),
    }
}

fn subtract(a: Number, b: Number) -> Number {
    exact(a, b, i128::checked_sub, |a, b| a - b)
}

fn operand(operator: &str, wanted: &str, got: &Val) -> Stop {
    Stop::fault(format!("`{operator}` needs {wanted}, this is {}", got.type_name()), got.span, "")
}

fn attribute(value: &Val, name: &str, span: Span) -> Eval {
    match &value.data {
        Data::Map(map) => member(map, name, span),
        Data::List(_) | Data::Set(_) => Err(Stop::fault(
            format!("`.{name}` is asked of {}", value.type_name()),
            span,
            format!("choose an item with `[..]`, or take all with `[*].{name}`"),
        )),
        _ => Err(Stop::fault(format!("`.{name}` is asked of {}", value.type_name()), span, "")),
    }
}

fn member(map: &Map, name: &str, span: Span) -> Eval {
    if let Some(value) = map.get(name) {
        return Ok(match &value.data {
            // The token of a resource stands where it is referred to.
            Data::Text(text) if map.computed.is_some() && matches!(name, "arn" | "id") => {
                Val::derived(text.as_str(), span)
            }
            _ => value.clone(),
        });
    }
    if let Some(address) = &map.computed {
        return Ok(Val::unknown(format!("`{address}.{name}` is known to AWS only"), super::value::NEEDS_PLAN, span));
    }
    let keys: Vec<_> = map.members.iter().take(8).map(|(key, _)| format!("`{}`", key.value)).collect();
    let help = if keys.is_empty() { "it is empty".to_owned() } else { format!("it has {}", keys.join(", ")) };
    Err(Stop::fault(format!("there is no `{name}` in it"), span, help))
}

/// `value[index]`.
pub(super) fn index_into(value: &Val, index: &Val, span: Span) -> Eval {
    match &value.data {
        Data::Map(map) => {
            let Some(key) = index.to_text() else {
                return Err(Stop::fault(format!("a map is asked for {}", index.type_name()), index.span, ""));
            };
            if map.computed.is_some() && matches!(index.data, Data::Number(_)) {
                return Err(Stop::fault(
                    format!("there is only one of it, `[{}]` needs a `count`", key.as_str()),
                    span,
                    "leave the index out",
                ));
            }
            member(map, key.as_str(), span)
        }
        Data::List(items) => {
            let at = index.to_number().and_then(Number::as_int).and_then(|at| usize::try_from(at).ok());
            at.and_then(|at| items.get(at)).cloned().ok_or_else(|| {
                let asked =
                    index.to_text().map_or_else(|| index.type_name().to_owned(), |text| text.as_str().to_owned());
                Stop::fault(format!("there is no item `{asked}` in it"), span, format!("it has {} items", items.len()))
            })
        }
        Data::Set(_) => Err(Stop::fault("a set has no items by number", span, "make it a list with `tolist`")),
        _ => Err(Stop::fault(format!("`[..]` is asked of {}", value.type_name()), span, "")),
    }
}
