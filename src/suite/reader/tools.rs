//! Values of a document, with everything that is wrong collected.

use super::super::code;
use crate::policy::value::{Node, Value};
use crate::rules::near::near_matches;
use crate::source::{Diagnostic, MappedText, Span, Spanned};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// A list, or one item as a list of one.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        Value::Null => &[],
        _ => std::slice::from_ref(node),
    }
}

/// `a/../b` as `b`, where that is the same file.
fn without_detours(path: PathBuf) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        let can_go_up = matches!(short.components().next_back(), Some(Component::Normal(_)));
        if part == Component::ParentDir && can_go_up {
            short.pop();
        } else {
            short.push(part);
        }
    }
    if short.canonicalize().ok() == path.canonicalize().ok() { short } else { path }
}

/// Reads values, and remembers what was wrong with them.
#[derive(Debug)]
pub(super) struct Tools {
    /// Paths in the suite are relative to this directory.
    pub(super) base: PathBuf,
    /// What `${name}` stands for.
    pub(super) variables: BTreeMap<String, Vec<String>>,
    pub(super) problems: Vec<Diagnostic>,
}

impl Tools {
    pub(super) fn wrong(&mut self, code: &'static str, message: impl Into<String>, at: Span, help: impl Into<String>) {
        self.problems.push(Diagnostic::error(code, message).at(at).help(help));
    }

    /// The members of a map, none but `known` among them.
    pub(super) fn members<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> &'n [(Spanned<String>, Node)] {
        let Some(members) = node.as_map() else {
            self.wrong(code::VALUE, format!("{what} is not a map"), node.span, "write `key: value` lines");
            return &[];
        };
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.value.as_str())) {
            let help = match near_matches(&key.value, known.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the keys are {}", known.join(", ")),
            };
            self.wrong(code::UNKNOWN_KEY, format!("key `{}` is not known in {what}", key.value), key.span, help);
        }
        members
    }

    /// The texts of a list, or of one item; a variable that is a list stands for all its items.
    pub(super) fn texts(&mut self, node: &Node) -> Vec<Spanned<String>> {
        let mut texts = Vec::new();
        for item in items(node) {
            let whole = item.as_text().and_then(|text| text.as_str().strip_prefix("${")?.strip_suffix('}'));
            match whole.and_then(|name| self.variables.get(name)) {
                Some(values) => texts.extend(values.iter().map(|value| Spanned::new(value.clone(), item.span))),
                None => texts.extend(self.text(item)),
            }
        }
        texts
    }

    /// A text, with the variables in it replaced.
    pub(super) fn text(&mut self, node: &Node) -> Option<Spanned<String>> {
        let Some(text) = node.scalar_text() else {
            self.wrong(code::VALUE, "a text is expected here", node.span, "write one value");
            return None;
        };
        self.expanded(&text).map(|text| Spanned::new(text, node.span))
    }

    fn expanded(&mut self, text: &MappedText) -> Option<String> {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once("${") {
            let at = text.as_str().len() - behind.len();
            let Some((name, after)) = behind.split_once('}') else {
                let span = text.span(at - 2..at);
                self.wrong(code::VARIABLE, "`${` without its `}`", span, "write ${name}");
                return None;
            };
            let span = text.span(at..at + name.len());
            match self.variables.get(name).map(Vec::as_slice) {
                Some([value]) => {
                    out.push_str(before);
                    out.push_str(value);
                }
                Some(_) => {
                    let help = "write it as an item of its own, which stands for all its values";
                    self.wrong(code::VARIABLE, format!("variable `{name}` is a list"), span, help);
                    return None;
                }
                None => {
                    let help = match near_matches(name, self.variables.keys().map(String::as_str)) {
                        Some(near) => format!("did you mean {near}?"),
                        None => "define it under `variables`".to_owned(),
                    };
                    self.wrong(code::VARIABLE, format!("variable `{name}` is not defined"), span, help);
                    return None;
                }
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    /// A number from 0 on.
    pub(super) fn number(&mut self, node: &Node) -> Option<Spanned<u64>> {
        let number = node.scalar_text().and_then(|text| text.as_str().parse().ok());
        if number.is_none() {
            self.wrong(code::VALUE, "a whole number is expected here", node.span, "write 0, 1, 2, …");
        }
        number.map(|number| Spanned::new(number, node.span))
    }

    pub(super) fn switch(&mut self, node: &Node) -> bool {
        if let Value::Bool(value) = node.value {
            return value;
        }
        self.wrong(code::VALUE, "neither true nor false", node.span, "write true or false");
        false
    }

    /// A path that is relative to the suite's file.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        if self.base.as_os_str().is_empty() { PathBuf::from(text) } else { without_detours(self.base.join(text)) }
    }

    /// The same, of a file or directory that must be there.
    pub(super) fn path_of_file(&mut self, text: &Spanned<String>) -> PathBuf {
        let path = self.path(&text.value);
        self.must_be_there(&path, text.span);
        path
    }

    pub(super) fn must_be_there(&mut self, path: &Path, at: Span) {
        if !path.exists() {
            let help = "paths are relative to the suite's file";
            self.wrong(code::MISSING_FILE, format!("`{}` is not there", path.display()), at, help);
        }
    }
}
