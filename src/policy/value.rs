//! A document as a tree whose every node knows its place: what all policy languages are turned into before the model
//! is read from it.
//!
//! CloudFormation resolves its intrinsic functions and Terraform evaluates its expressions *into* this tree, in the
//! shape and with the names of the AWS API (`PascalCase`), so that one reader serves every language.

use crate::source::{MappedText, Span, Spanned};

/// How deep lists and maps may be nested: far more than a policy needs, far less than a stack holds.
pub const MAX_DEPTH: usize = 96;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it was written.
    pub span: Span,
}

/// A value. Numbers stay text, since `08` may have been meant as a string.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or a Terraform attribute that was left out.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// A string.
    String(MappedText),
    /// A list.
    List(Vec<Node>),
    /// A map in file order.
    Map(Vec<(Spanned<String>, Node)>),
    /// Something that the document leaves open.
    Unresolved(Unresolved),
}

/// What a document leaves open, and how to supply it. Where several things are missing for one value, both texts hold
/// one a line, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// What is missing, as a message: ``parameter `VPCCIDR` has no default``.
    pub what: String,
    /// How to supply it: `give it with --param VPCCIDR=VALUE`.
    pub help: String,
}

impl Unresolved {
    /// `what` is missing; `help` says how to supply it.
    pub fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }

    /// All of them as one, each once.
    #[must_use]
    pub fn join(all: &[Self]) -> Self {
        let mut parts: Vec<(&str, &str)> = Vec::new();
        for part in all.iter().flat_map(Self::parts) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        let (what, help): (Vec<&str>, Vec<&str>) = parts.into_iter().unzip();
        Self { what: what.join("\n"), help: help.join("\n") }
    }

    /// The names that the messages give for what is missing.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.what.split('\n').filter_map(|what| what.split('`').nth(1))
    }

    /// Every missing thing and how to supply it.
    pub fn parts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.what.split('\n').zip(self.help.split('\n').chain(std::iter::repeat("")))
    }
}

impl Node {
    /// A string that stands at `span`.
    pub fn string(text: MappedText, span: Span) -> Self {
        Self { value: Value::String(text), span }
    }

    /// Something missing at `span`.
    pub fn unresolved(missing: Unresolved, span: Span) -> Self {
        Self { value: Value::Unresolved(missing), span }
    }

    /// The text of a string, number or boolean.
    pub fn scalar_text(&self) -> Option<MappedText> {
        match &self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(text) => Some(MappedText::derived(text.as_str(), self.span)),
            Value::Bool(value) => Some(MappedText::derived(value.to_string(), self.span)),
            _ => None,
        }
    }

    /// The member of a map; `None` for other values and missing or null members.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(members) = &self.value else { return None };
        members.iter().find(|(k, v)| k.value == key && v.value != Value::Null).map(|(_, v)| v)
    }

    /// The members of a map, in file order.
    pub fn as_map(&self) -> Option<&[(Spanned<String>, Self)]> {
        match &self.value {
            Value::Map(members) => Some(members),
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_text(&self) -> Option<&MappedText> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }
}
