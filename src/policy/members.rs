//! Taking values out of a tree: each with what is wrong with it, if something is.

use super::code;
use super::problems::Problems;
use super::value::{Node, Value};
use crate::rules::near::near_matches;
use crate::source::{Diagnostic, MappedText, Spanned};
use std::ops::RangeInclusive;

/// A map, whose members that nobody knows are warned of.
pub(super) fn object<'a>(node: &'a Node, what: &str, known: &[&str], problems: &mut Problems) -> Option<&'a Node> {
    let Some(members) = node.as_map() else {
        wrong_type(node, what, "a map", problems);
        return None;
    };
    for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.value.as_str())) {
        problems.push(
            Diagnostic::warning(
                code::UNKNOWN_MEMBER,
                format!("`{}` is not a member of {what} that is known", key.value),
            )
            .at(key.span)
            .help(match near_matches(&key.value, known.iter().copied()) {
                Some(near) => format!("it is not looked at; did you mean {near}?"),
                None => "it is not looked at".to_owned(),
            }),
        );
    }
    Some(node)
}

/// A map whose members are somebody else's to judge.
pub(super) fn known<'a>(node: &'a Node, what: &str, problems: &mut Problems) -> Option<&'a Node> {
    let is_map = node.as_map().is_some();
    if !is_map {
        wrong_type(node, what, "a map", problems);
    }
    is_map.then_some(node)
}

/// The text of a string, number or boolean.
pub(super) fn text(node: &Node, what: &str, problems: &mut Problems) -> Option<MappedText> {
    let text = node.scalar_text();
    if text.is_none() {
        wrong_type(node, what, "a text", problems);
    }
    text
}

/// The items of a list.
pub(super) fn list<'a>(node: &'a Node, what: &str, problems: &mut Problems) -> Option<&'a [Node]> {
    let items = node.as_list();
    if items.is_none() {
        wrong_type(node, what, "a list", problems);
    }
    items
}

/// The texts of a list; `None` when any of them is wrong or missing.
pub(super) fn texts(node: &Node, what: &str, problems: &mut Problems) -> Option<Vec<MappedText>> {
    let items = list(node, what, problems)?;
    let texts: Vec<Option<MappedText>> = items.iter().map(|item| text(item, what, problems)).collect();
    texts.into_iter().collect()
}

/// A whole number in a range.
pub(super) fn integer(
    node: &Node,
    what: &str,
    range: RangeInclusive<u32>,
    problems: &mut Problems,
) -> Option<Spanned<u32>> {
    let text = text(node, what, problems)?;
    match text.as_str().trim().parse::<u32>() {
        Ok(number) if range.contains(&number) => Some(Spanned::new(number, node.span)),
        _ => {
            let (low, high) = range.into_inner();
            let message = format!("{what} is `{}`, not a number from {low} to {high}", text.as_str());
            problems.push(Diagnostic::error(code::ILLEGAL_VALUE, message).at(node.span));
            None
        }
    }
}

/// One of several words.
pub(super) fn word<T: Copy>(
    node: &Node,
    what: &str,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<Spanned<T>> {
    let text = text(node, what, problems)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.as_str()) {
        return Some(Spanned::new(*value, node.span));
    }
    let legal: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    problems.push(
        Diagnostic::error(code::ILLEGAL_VALUE, format!("{what} cannot be `{}`", text.as_str()))
            .at(node.span)
            .help(format!("it is one of {}", legal.join(", "))),
    );
    None
}

/// A member without which nothing can be evaluated.
pub(super) fn required<'a>(node: &'a Node, member: &str, what: &str, problems: &mut Problems) -> Option<&'a Node> {
    let found = node.get(member);
    if found.is_none() {
        problems.push(
            Diagnostic::error(code::MISSING_MEMBER, format!("{what} has no `{member}`"))
                .at(node.span)
                .help("AWS requires it: add it"),
        );
    }
    found
}

fn wrong_type(node: &Node, what: &str, expected: &str, problems: &mut Problems) {
    let found = match &node.value {
        Value::Unresolved(missing) => return problems.missing(missing, node.span),
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    };
    let help = match expected {
        "a list" => "write it as a list, also where it has one entry",
        "a map" => "write its members with their names",
        _ => "write a single value",
    };
    problems.push(
        Diagnostic::error(code::WRONG_TYPE, format!("{what} is {found}, not {expected}")).at(node.span).help(help),
    );
}
