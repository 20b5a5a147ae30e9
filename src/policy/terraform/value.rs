//! What a Terraform expression evaluates to.
//!
//! Texts keep the map to where they were written, and every value its place, through functions and templates where
//! that makes sense. What is not known is a value too ([`Data::Unknown`]): it travels as far as it is passed on, and
//! matters only where a firewall needs it.

use crate::policy::value::{Node, Unresolved, Value};
use crate::source::{MappedText, Span, Spanned};
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Val {
    pub data: Data,
    pub span: Span,
    /// How much there is to visit when all of it is visited. Values share their parts, so this can be far more than
    /// what is held in memory: the evaluator bounds it.
    pub size: u32,
}

/// The values of the language. Objects and maps are one, tuples and lists are one.
#[derive(Clone, Debug)]
pub(super) enum Data {
    Null,
    Bool(bool),
    Number(Number),
    Text(Rc<MappedText>),
    List(Rc<Vec<Val>>),
    /// Without duplicates; texts in Terraform's order, which is that of their bytes.
    Set(Rc<Vec<Val>>),
    Map(Rc<Map>),
    Unknown(Rc<Unresolved>),
}

/// Members in file order (Terraform's own iteration order is that of the keys, see [`Map::sorted`]).
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    pub members: Vec<(Spanned<String>, Val)>,
    /// Where each key is, made when a large map is first searched.
    places: OnceCell<BTreeMap<String, usize>>,
    /// A resource: members that are not written exist, but only AWS knows them. The address, for messages.
    pub computed: Option<String>,
}

/// Terraform's numbers are decimal with 512 bits; here whole numbers are exact, the others are doubles.
#[derive(Clone, Copy, Debug)]
pub(super) enum Number {
    Int(i128),
    Float(f64),
}

/// Why an evaluation gives no value.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// The expression is wrong.
    Fault(Box<Fault>),
    /// It depends on something that is not known: the value to go on with.
    Unknown(Box<Val>),
}

/// A mistake in an expression.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub message: String,
    pub span: Span,
    pub help: String,
}

pub(super) type Eval<T = Val> = Result<T, Stop>;

/// What to do where the configuration alone does not tell.
pub(super) const NEEDS_PLAN: &str =
    "run `terraform plan -out FILE`, then `terraform show -json FILE`, and give the JSON in place of the .tf files";

/// The member `name` of the resource at `address`, which only AWS knows.
pub(super) fn known_to_aws(address: &str, name: &str, span: Span) -> Val {
    Val::unknown(format!("`{address}.{name}` is known to AWS only"), give_or_plan(&format!("{address}.{name}")), span)
}

/// How to supply what stands at an address.
pub(super) fn give_or_plan(address: &str) -> String {
    if address.contains('[') {
        NEEDS_PLAN.to_owned()
    } else {
        format!("give it with --param {address}=VALUE, or {NEEDS_PLAN}")
    }
}

impl Stop {
    pub(super) fn fault(message: impl Into<String>, span: Span, help: impl Into<String>) -> Self {
        Self::Fault(Box::new(Fault { message: message.into(), span, help: help.into() }))
    }
}

/// The largest value that is evaluated: some tens of megabytes of text, or millions of items.
pub(super) const SIZE_MAX: u32 = 2_000_000;
pub(super) const TOO_LARGE: &str = "this value is too large to be evaluated";

impl From<Fault> for Val {
    fn from(fault: Fault) -> Self {
        let help =
            if fault.help.is_empty() { "`terraform validate` or `terraform plan` refuses it too" } else { &fault.help };
        Val::unknown(fault.message, help, fault.span)
    }
}

impl From<&Node> for Val {
    fn from(node: &Node) -> Self {
        let data = match &node.value {
            Value::Null => Data::Null,
            Value::Bool(value) => Data::Bool(*value),
            Value::Number(text) => match Number::parse(text) {
                Some(number) => Data::Number(number),
                None => Data::Text(Rc::new(MappedText::derived(text.as_str(), node.span))),
            },
            Value::String(text) => Data::Text(Rc::new(text.clone())),
            Value::List(items) => Data::List(Rc::new(items.iter().map(Val::from).collect())),
            Value::Map(members) => {
                let members = members.iter().map(|(key, value)| (key.clone(), Val::from(value))).collect();
                Data::Map(Rc::new(Map::new(members, None)))
            }
            Value::Unresolved(unresolved) => Data::Unknown(Rc::new(unresolved.clone())),
        };
        Val::new(data, node.span)
    }
}

impl Val {
    pub(super) fn new(data: Data, span: Span) -> Self {
        let sum = |sizes: &mut dyn Iterator<Item = u32>| sizes.fold(1_u32, u32::saturating_add);
        let size = match &data {
            Data::Text(text) => 1 + text.as_str().len() as u32 / 32,
            Data::List(items) | Data::Set(items) => sum(&mut items.iter().map(|item| item.size)),
            Data::Map(map) => sum(&mut map.members.iter().map(|(_, value)| value.size)),
            _ => 1,
        };
        Self { data, span, size }
    }

    pub(super) fn text(text: MappedText) -> Self {
        let span = text.whole();
        Self::new(Data::Text(Rc::new(text)), span)
    }

    /// A text that was made from what stands at `span`.
    pub(super) fn derived(text: impl Into<String>, span: Span) -> Self {
        Self::text(MappedText::derived(text, span))
    }

    pub(super) fn int(value: i128, span: Span) -> Self {
        Self::new(Data::Number(Number::Int(value)), span)
    }

    pub(super) fn bool(value: bool, span: Span) -> Self {
        Self::new(Data::Bool(value), span)
    }

    pub(super) fn list(items: Vec<Val>, span: Span) -> Self {
        Self::new(Data::List(Rc::new(items)), span)
    }

    /// A set of `items`: without duplicates, and in order where there is one.
    pub(super) fn set(items: Vec<Val>, span: Span) -> Self {
        Self::new(Data::Set(Rc::new(unique(items, true))), span)
    }

    pub(super) fn map(members: Vec<(Spanned<String>, Val)>, span: Span) -> Self {
        Self::new(Data::Map(Rc::new(Map::new(members, None))), span)
    }

    pub(super) fn unknown(what: impl Into<String>, help: impl Into<String>, span: Span) -> Self {
        Self::new(Data::Unknown(Rc::new(Unresolved { what: what.into(), help: help.into() })), span)
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    pub(super) fn is_unknown(&self) -> bool {
        matches!(self.data, Data::Unknown(_))
    }

    /// `self`, unless it is unknown: then the evaluation stops here.
    pub(super) fn known(self) -> Eval {
        if self.is_unknown() { Err(Stop::Unknown(Box::new(self))) } else { Ok(self) }
    }

    /// The first unknown value in it, if any.
    pub(super) fn first_unknown(&self) -> Option<&Val> {
        match &self.data {
            Data::Unknown(_) => Some(self),
            Data::List(items) | Data::Set(items) => items.iter().find_map(Val::first_unknown),
            Data::Map(map) => map.members.iter().find_map(|(_, value)| value.first_unknown()),
            _ => None,
        }
    }

    /// How a message calls it.
    pub(super) fn type_name(&self) -> &'static str {
        match &self.data {
            Data::Null => "null",
            Data::Bool(_) => "a bool",
            Data::Number(_) => "a number",
            Data::Text(_) => "a string",
            Data::List(_) => "a list",
            Data::Set(_) => "a set",
            Data::Map(_) => "a map",
            Data::Unknown(_) => "an unknown value",
        }
    }

    /// Its text, converted as Terraform does: strings, numbers and bools have one.
    pub(super) fn to_text(&self) -> Option<Rc<MappedText>> {
        match &self.data {
            Data::Text(text) => Some(Rc::clone(text)),
            Data::Number(number) => Some(Rc::new(MappedText::derived(number.to_string(), self.span))),
            Data::Bool(value) => Some(Rc::new(MappedText::derived(value.to_string(), self.span))),
            _ => None,
        }
    }

    /// Its number; a string that is a decimal number counts.
    pub(super) fn to_number(&self) -> Option<Number> {
        match &self.data {
            Data::Number(number) => Some(*number),
            Data::Text(text) => Number::parse(text.as_str()),
            _ => None,
        }
    }

    /// Its truth; the strings `true` and `false` count.
    pub(super) fn to_bool(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(value) => Some(*value),
            Data::Text(text) => text.as_str().parse().ok(),
            _ => None,
        }
    }

    /// The items of a list or set.
    pub(super) fn items(&self) -> Option<&[Val]> {
        match &self.data {
            Data::List(items) | Data::Set(items) => Some(items),
            _ => None,
        }
    }

    /// The member of a map.
    pub(super) fn member(&self, key: &str) -> Option<&Val> {
        match &self.data {
            Data::Map(map) => map.get(key),
            _ => None,
        }
    }

    /// Equality as `==` has it: values of different types differ.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (&self.data, &other.data) {
            (Data::Null, Data::Null) => true,
            (Data::Bool(a), Data::Bool(b)) => a == b,
            (Data::Number(a), Data::Number(b)) => a.compare(*b) == Ordering::Equal,
            (Data::Text(a), Data::Text(b)) => Rc::ptr_eq(a, b) || a.as_str() == b.as_str(),
            (Data::List(a), Data::List(b)) | (Data::Set(a), Data::Set(b)) => {
                Rc::ptr_eq(a, b) || (a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| a.equals(b)))
            }
            (Data::Map(a), Data::Map(b)) => {
                Rc::ptr_eq(a, b)
                    || (a.members.len() == b.members.len()
                        && a.members.iter().all(|(key, value)| b.get(&key.value).is_some_and(|it| it.equals(value))))
            }
            _ => false,
        }
    }

    /// A text that two values have in common only when they are equal.
    pub(super) fn key(&self) -> String {
        fn write(value: &Val, out: &mut String) {
            match &value.data {
                Data::Null => out.push('n'),
                Data::Bool(value) => out.push(if *value { 't' } else { 'f' }),
                Data::Number(number) => out.push_str(&number.to_string()),
                Data::Text(text) => {
                    out.push_str(&text.as_str().len().to_string());
                    out.push('"');
                    out.push_str(text.as_str());
                }
                Data::List(items) | Data::Set(items) => {
                    out.push(if matches!(value.data, Data::Set(_)) { '<' } else { '[' });
                    for item in items.iter() {
                        write(item, out);
                        out.push(',');
                    }
                    out.push(']');
                }
                Data::Map(map) => {
                    out.push('{');
                    for (key, member) in map.sorted() {
                        out.push_str(&key.value.len().to_string());
                        out.push('"');
                        out.push_str(&key.value);
                        out.push('=');
                        write(member, out);
                    }
                    out.push('}');
                }
                Data::Unknown(unresolved) => {
                    out.push('?');
                    out.push_str(&unresolved.what);
                }
            }
        }
        let mut out = String::new();
        write(self, &mut out);
        out
    }

    /// The value as a node of the shared tree, as long as its size does not exceed `limit`, from which it is taken.
    pub(super) fn to_node(&self, limit: &mut usize) -> Node {
        match limit.checked_sub(self.size as usize) {
            Some(rest) => {
                *limit = rest;
                self.whole_node()
            }
            None => Node {
                value: Value::Unresolved(Unresolved { what: TOO_LARGE.to_owned(), help: NEEDS_PLAN.to_owned() }),
                span: self.span,
            },
        }
    }

    fn whole_node(&self) -> Node {
        let value = match &self.data {
            Data::Null => Value::Null,
            Data::Bool(value) => Value::Bool(*value),
            Data::Number(number) => Value::Number(number.to_string()),
            Data::Text(text) => Value::String(MappedText::clone(text)),
            Data::List(items) | Data::Set(items) => Value::List(items.iter().map(Val::whole_node).collect()),
            Data::Map(map) => {
                Value::Map(map.members.iter().map(|(key, value)| (key.clone(), value.whole_node())).collect())
            }
            Data::Unknown(unresolved) => Value::Unresolved(Unresolved::clone(unresolved)),
        };
        Node { value, span: self.span }
    }
}

impl Map {
    pub(super) fn new(members: Vec<(Spanned<String>, Val)>, computed: Option<String>) -> Self {
        Self { members, places: OnceCell::new(), computed }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Val> {
        if self.members.len() <= 16 {
            return self.members.iter().find(|(k, _)| k.value == key).map(|(_, value)| value);
        }
        let places = self.places.get_or_init(|| {
            self.members.iter().enumerate().rev().map(|(at, (key, _))| (key.value.clone(), at)).collect()
        });
        places.get(key).and_then(|&at| self.members.get(at)).map(|(_, value)| value)
    }

    /// Members in the order Terraform visits them.
    pub(super) fn sorted(&self) -> Vec<&(Spanned<String>, Val)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by(|(a, _), (b, _)| a.value.cmp(&b.value));
        members
    }
}

/// `items` without later duplicates; sorted where `sorted` and all are texts or all are numbers.
pub(super) fn unique(items: Vec<Val>, sorted: bool) -> Vec<Val> {
    let mut seen = BTreeSet::new();
    let mut unique: Vec<Val> = items.into_iter().filter(|item| seen.insert(item.key())).collect();
    if sorted {
        unique.sort_by(|a, b| match (&a.data, &b.data) {
            (Data::Text(a), Data::Text(b)) => a.as_str().cmp(b.as_str()),
            (Data::Number(a), Data::Number(b)) => a.compare(*b),
            _ => Ordering::Equal,
        });
    }
    unique
}

impl Number {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Ok(int) = text.parse::<i128>() {
            return Some(Self::Int(int));
        }
        let plausible = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E'));
        text.parse::<f64>().ok().filter(|value| plausible && value.is_finite()).map(Self::float)
    }

    /// Whole doubles become whole numbers, so that `10 / 2` prints as `5`.
    pub(super) fn float(value: f64) -> Self {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
        if value.fract() == 0.0 && value.abs() <= EXACT { Self::Int(value as i128) } else { Self::Float(value) }
    }

    pub(super) fn as_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The whole number, if it is one.
    pub(super) fn as_int(self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(value),
            Self::Float(_) => None,
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            _ => self.as_f64().total_cmp(&other.as_f64()),
        }
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;

    #[test]
    fn numbers_print_as_terraform_prints_them() {
        assert_eq!(Number::parse("08").unwrap().to_string(), "8");
        assert_eq!(Number::parse("2.50").unwrap().to_string(), "2.5");
        assert_eq!(Number::float(10.0 / 2.0).to_string(), "5");
        assert!(Number::parse("ten").is_none() && Number::parse("inf").is_none() && Number::parse("").is_none());
    }

    #[test]
    fn a_set_has_each_text_once_and_in_order() {
        let mut sources = Sources::new();
        let span = Span::new(sources.add("a.tf", "x"), 0..1);
        let set = Val::set(["b", "a", "b"].map(|text| Val::derived(text, span)).into(), span);
        let texts: Vec<_> =
            set.items().unwrap().iter().map(|item| item.to_text().unwrap().as_str().to_owned()).collect();
        assert_eq!(texts, ["a", "b"]);
    }
}
