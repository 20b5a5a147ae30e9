//! A suite file to a [`Suite`].
//!
//! In: YAML, or JSON, which is read as YAML. Out: the suite with places, and everything that is wrong with the file; with
//! an error there is no suite. Files that a suite names must be there; they are not opened here.

mod case;
mod expect;
mod tools;

use super::code;
use super::model::{PolicyOption, Suite};
use crate::policy::value::{Node, Value};
use crate::policy::{LoadError, parse_yaml, read_text};
use crate::source::{Diagnostic, Severity, Sources, Span, Spanned};
use case::Words;
use std::collections::BTreeMap;
use std::path::Path;
use tools::{Tools, items};

/// What was read.
#[derive(Debug)]
pub struct Loaded {
    /// `None` when there is an error among the diagnostics.
    pub suite: Option<Suite>,
    /// Everything there is to say about the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// How the value of an option is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionForm {
    /// One value.
    One,
    /// One file.
    File,
    /// One value or a list of them.
    Many,
    /// One file or a list of them, each perhaps behind `ARN=`.
    Files,
    /// A map of names and values.
    Pairs,
    /// `true`.
    Switch,
}

/// The options of `firedrill replay` that a suite may set under `options`.
pub const OPTIONS: [(&str, OptionForm); 22] = [
    ("param", OptionForm::Pairs),
    ("param-file", OptionForm::Files),
    ("select", OptionForm::One),
    ("rule-group", OptionForm::Files),
    ("leave-out", OptionForm::Many),
    ("order", OptionForm::One),
    ("default", OptionForm::Many),
    ("default-action-rules", OptionForm::File),
    ("home-net", OptionForm::Many),
    ("external-net", OptionForm::Many),
    ("ip-set", OptionForm::Pairs),
    ("port-set", OptionForm::Pairs),
    ("geoip", OptionForm::File),
    ("category-table", OptionForm::File),
    ("stream-exception", OptionForm::One),
    ("tcp-idle", OptionForm::One),
    ("engine", OptionForm::One),
    ("checksum", OptionForm::One),
    ("app-error", OptionForm::One),
    ("midstream", OptionForm::Switch),
    ("suricata-yaml", OptionForm::File),
    ("set", OptionForm::Pairs),
];

/// The keys of a suite.
const KEYS: [&str; 7] = ["policy", "options", "variables", "from", "to", "hello", "cases"];

/// Reads a suite file.
///
/// # Errors
/// When the file cannot be read at all.
pub fn read(path: &Path, sources: &mut Sources) -> Result<Loaded, LoadError> {
    let text = read_text(path)?;
    Ok(read_as(path, text, sources))
}

/// Reads a suite from a text as if it stood in the file `path`.
pub fn read_as(path: &Path, text: String, sources: &mut Sources) -> Loaded {
    let file = sources.add(path.display().to_string(), text);
    let (root, more) = match parse_yaml(sources, file) {
        Ok(read) => read,
        Err(problem) => return Loaded { suite: None, diagnostics: vec![problem] },
    };
    let base = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut tools = Tools { base, variables: BTreeMap::new(), problems: more.into_iter().collect() };
    let whole = Span::new(file, 0..0);
    let suite = suite(&mut tools, path, &root, whole);
    let failed = tools.problems.iter().any(|problem| problem.severity == Severity::Error);
    Loaded { suite: suite.filter(|_| !failed), diagnostics: tools.problems }
}

fn suite(tools: &mut Tools, path: &Path, root: &Node, whole: Span) -> Option<Suite> {
    if root.value == Value::Null {
        tools.wrong(code::MISSING_KEY, "the suite is empty", whole, "it needs a `policy` and `cases`");
        return None;
    }
    tools.members(root, "a suite", &KEYS);
    if let Some(node) = root.get("variables") {
        variables(tools, node);
    }
    let policy = match root.get("policy") {
        Some(node) => tools.text(node).map(|text| Spanned::new(tools.path_of_file(&text), text.span)),
        None => {
            tools.wrong(code::MISSING_KEY, "the suite names no policy", whole, "write `policy: FILE`");
            None
        }
    };
    let options = root.get("options").map(|node| options(tools, node)).unwrap_or_default();
    let words = Words::of(tools, root, &["from", "to", "hello"]);
    let cases = match root.get("cases") {
        Some(node) if node.as_list().is_some() => {
            items(node).iter().flat_map(|node| case::cases(tools, node, &words)).collect()
        }
        Some(node) => {
            tools.wrong(code::VALUE, "`cases` is not a list", node.span, "write each case behind a `-`");
            Vec::new()
        }
        None => {
            tools.wrong(code::MISSING_KEY, "the suite has no cases", whole, "write them under `cases`");
            Vec::new()
        }
    };
    Some(Suite { file: path.to_owned(), policy: policy?, options, cases })
}

fn variables(tools: &mut Tools, node: &Node) {
    let Some(members) = node.as_map() else {
        tools.wrong(code::VALUE, "`variables` is not a map", node.span, "write `name: value` lines");
        return;
    };
    for (name, value) in members {
        let values = tools.texts(value).into_iter().map(|text| text.value).collect();
        tools.variables.insert(name.value.clone(), values);
    }
}

fn options(tools: &mut Tools, node: &Node) -> Vec<PolicyOption> {
    let mut options = Vec::new();
    for (key, value) in tools.members(node, "`options`", &OPTIONS.map(|(name, _)| name)) {
        let Some((name, form)) = OPTIONS.into_iter().find(|(name, _)| *name == key.value) else { continue };
        let mut add =
            |value: Option<String>, span: Span| options.push(PolicyOption { name: name.to_owned(), value, span });
        match form {
            OptionForm::One => {
                if let Some(text) = tools.text(value) {
                    add(Some(text.value), text.span);
                }
            }
            OptionForm::Switch => {
                if tools.switch(value) {
                    add(None, value.span);
                }
            }
            OptionForm::Many if matches!(name, "home-net" | "external-net") => {
                let texts: Vec<String> = tools.texts(value).into_iter().map(|text| text.value).collect();
                add(Some(texts.join(",")), value.span);
            }
            OptionForm::Many => tools.texts(value).into_iter().for_each(|text| add(Some(text.value), text.span)),
            OptionForm::File | OptionForm::Files => {
                for text in tools.texts(value) {
                    let arn = text.value.starts_with("arn:").then(|| text.value.split_once('=')).flatten();
                    let (arn, file) = arn.map_or((String::new(), text.value.as_str()), |(a, f)| (format!("{a}="), f));
                    let path = tools.path_of_file(&Spanned::new(file.to_owned(), text.span));
                    add(Some(format!("{arn}{}", path.display())), text.span);
                }
            }
            OptionForm::Pairs => {
                let Some(pairs) = value.as_map() else {
                    let message = format!("`{name}` is not a map");
                    tools.wrong(code::VALUE, message, value.span, "write `NAME: VALUE` lines");
                    continue;
                };
                for (key, value) in pairs {
                    let texts: Vec<String> = tools.texts(value).into_iter().map(|text| text.value).collect();
                    let text = of_file(tools, name, &texts.join(","));
                    add(Some(format!("{}={text}", key.value)), key.span.to(value.span));
                }
            }
        }
    }
    options
}

/// Sets may stand in files, beside the suite.
fn of_file(tools: &Tools, option: &str, value: &str) -> String {
    let beside = |name: &str| tools.path(name).display().to_string();
    match (option, value.strip_prefix('@')) {
        ("ip-set" | "port-set", Some(name)) => format!("@{}", beside(name)),
        ("ip-set" | "port-set", None) if !value.is_empty() && tools.path(value).is_file() => beside(value),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests;
