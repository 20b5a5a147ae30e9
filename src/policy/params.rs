//! Values that the user gives for what a document leaves open: `--param NAME=VALUE` and `--param-file FILE`.

use super::code;
use super::options::{LoadError, LoadOptions, read_text};
use super::value::Node;
use super::{json, terraform, value::Value};
use crate::rules::near::near_matches;
use crate::source::{Diagnostic, FileId, MappedText, Sources, Spanned};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// All given values; a later one wins over an earlier one, the command line over files.
#[derive(Debug, Default)]
pub(super) struct Params {
    given: Vec<(Spanned<String>, MappedText)>,
    files: Vec<FileId>,
    used: RefCell<BTreeSet<String>>,
}

impl Params {
    /// Reads all parameter files and takes the command line's values in.
    pub(super) fn load(
        options: &LoadOptions,
        sources: &mut Sources,
        problems: &mut Vec<Diagnostic>,
    ) -> Result<Self, LoadError> {
        let mut params = Self::default();
        for path in &options.param_files {
            let file = sources.add(path.display().to_string(), read_text(path)?);
            params.files.push(file);
            // Terraform's own variable files are read by Terraform's loader only.
            if path.to_string_lossy().contains(".tfvars") {
                continue;
            }
            match json::parse(sources, file) {
                Ok(root) => params.take_file(&root, problems),
                Err(problem) => problems.push(problem),
            }
        }
        for (name, value) in &options.params {
            let file = sources.add(format!("--param {name}"), value.as_str());
            let text = MappedText::verbatim(value.as_str(), file, 0);
            params.given.push((Spanned::new(name.clone(), text.whole()), text));
        }
        Ok(params)
    }

    /// The three shapes of AWS's parameter files: a list of key and value, a list of `KEY=VALUE`, a map.
    pub(super) fn take_file(&mut self, root: &Node, problems: &mut Vec<Diagnostic>) {
        let body = root.get("Parameters").unwrap_or(root);
        let mut bad = Vec::new();
        match &body.value {
            Value::List(items) => {
                for item in items {
                    let pair = item.get("ParameterKey").and_then(Node::scalar_text).zip(item.get("ParameterValue"));
                    if let Some((key, value)) = pair {
                        self.take(Spanned::new(key.as_str().to_owned(), key.whole()), value, &mut bad);
                    } else if let Some(text) = item.as_text()
                        && let Some(equals) = text.as_str().find('=')
                    {
                        let key = text.slice(0..equals);
                        let value = text.slice(equals + 1..text.as_str().len());
                        self.given.push((Spanned::new(key.as_str().to_owned(), key.whole()), value));
                    } else {
                        bad.push(item.span);
                    }
                }
            }
            Value::Map(members) => {
                for (key, value) in members {
                    self.take(key.clone(), value, &mut bad);
                }
            }
            _ => bad.push(body.span),
        }
        problems.extend(bad.into_iter().map(|span| {
            Diagnostic::error(code::OPTION_VALUE, "this is not a parameter and its value")
                .at(span)
                .help("write a map of names to values, or a list of {\"ParameterKey\": .., \"ParameterValue\": ..}")
        }));
    }

    fn take(&mut self, key: Spanned<String>, value: &Node, bad: &mut Vec<crate::source::Span>) {
        let text = match &value.value {
            Value::List(items) => {
                let all: Option<Vec<String>> =
                    items.iter().map(|item| item.scalar_text().map(|text| text.as_str().to_owned())).collect();
                all.map(|all| MappedText::derived(all.join(","), value.span))
            }
            _ => value.scalar_text(),
        };
        match text {
            Some(text) => self.given.push((key, text)),
            None => bad.push(value.span),
        }
    }

    /// The value given for `name`.
    pub(super) fn get(&self, name: &str) -> Option<&MappedText> {
        let found = self.given.iter().rev().find(|(key, _)| key.value == name).map(|(_, value)| value);
        if found.is_some() {
            self.used.borrow_mut().insert(name.to_owned());
        }
        found
    }

    /// Says that a name is known, whether or not its value was needed.
    pub(super) fn known(&self, name: &str) {
        self.used.borrow_mut().insert(name.to_owned());
    }

    /// The same for Terraform, which reads the files in its own way.
    pub(super) fn for_terraform(&self, options: &LoadOptions) -> terraform::Params {
        terraform::Params { values: options.params.clone(), files: self.files.clone() }
    }

    /// A warning for every given name that nothing asks for.
    pub(super) fn unused(&self) -> Vec<Diagnostic> {
        let used = self.used.borrow();
        let unused = self.given.iter().filter(|(key, _)| !used.contains(&key.value));
        unused
            .map(|(key, _)| {
                let problem =
                    Diagnostic::warning(code::NO_SUCH_NAME, format!("the document has no parameter `{}`", key.value))
                        .at(key.span);
                match near_matches(&key.value, used.iter().map(String::as_str)) {
                    Some(near) => problem.help(format!("did you mean {near}?")),
                    None => problem.help("it has no effect: take it away, or correct its name"),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Params, Vec<Diagnostic>) {
        let mut sources = Sources::new();
        let file = sources.add("p.json", text);
        let (mut params, mut problems) = (Params::default(), Vec::new());
        params.take_file(&json::parse(&sources, file).unwrap(), &mut problems);
        (params, problems)
    }

    #[test]
    fn all_shapes_of_parameter_files_are_read() {
        for text in [
            r#"[{"ParameterKey": "A", "ParameterValue": "1"}]"#,
            r#"{"Parameters": {"A": "1"}}"#,
            r#"{"A": 1}"#,
            r#"["A=1"]"#,
        ] {
            let (params, problems) = read(text);
            assert_eq!(params.get("A").map(MappedText::as_str), Some("1"), "{text}");
            assert!(problems.is_empty());
        }
        assert_eq!(read(r#"{"A": ["1", "2"]}"#).0.get("A").unwrap().as_str(), "1,2");
        assert_eq!(read(r#"[{"Key": "A"}]"#).1.len(), 1);
    }

    #[test]
    fn a_name_that_nothing_asks_for_is_said() {
        let (params, _) = read(r#"{"A": 1, "B": 2}"#);
        params.get("A");
        assert_eq!(params.unused()[0].message, "the document has no parameter `B`");
    }
}
