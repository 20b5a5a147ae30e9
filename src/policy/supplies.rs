//! Variables and prefix lists that the user gives on the command line, as values or as files.

use super::code;
use super::json;
use super::model::{AddressVariable, PortVariable};
use super::options::{LoadError, LoadOptions, read_text};
use super::problems::Problems;
use super::reader::variables::check_entries;
use super::value::{Node, Value};
use crate::source::{Diagnostic, FileId, MappedText, Sources, Span, Spanned};
use std::path::Path;

/// Everything given, by name or ARN; the last of a name counts.
#[derive(Debug, Default)]
pub(super) struct Supplies {
    pub(super) ip_sets: Vec<AddressVariable>,
    pub(super) port_sets: Vec<PortVariable>,
    pub(super) home_net: Option<AddressVariable>,
    pub(super) external_net: Option<AddressVariable>,
}

impl Supplies {
    /// Takes the options in, reading the files they name.
    pub(super) fn load(
        options: &LoadOptions,
        sources: &mut Sources,
        problems: &mut Problems,
    ) -> Result<Self, LoadError> {
        let mut supplies = Self::default();
        for (name, value) in &options.ip_sets {
            let option = format!("--ip-set {name}");
            let entries = entries(&option, value, sources, problems)?;
            check_entries(&entries, |entry| [entry, "any"], problems);
            let name = name.trim_start_matches(['$', '@']).to_owned();
            supplies.ip_sets.push(AddressVariable { name, entries, origin: option });
        }
        for (name, value) in &options.port_sets {
            let entries = entries(&format!("--port-set {name}"), value, sources, problems)?;
            check_entries(&entries, |entry| ["any", entry], problems);
            supplies.port_sets.push(PortVariable { name: name.trim_start_matches('$').to_owned(), entries });
        }
        for (option, name, value, place) in [
            ("--home-net", "HOME_NET", &options.stateful.home_net, &mut supplies.home_net),
            ("--external-net", "EXTERNAL_NET", &options.stateful.external_net, &mut supplies.external_net),
        ] {
            if let Some(value) = value {
                let entries = entries(option, value, sources, problems)?;
                check_entries(&entries, |entry| [entry, "any"], problems);
                *place = Some(AddressVariable { name: name.to_owned(), entries, origin: option.to_owned() });
            }
        }
        // `--ip-set HOME_NET=..` says the same as `--home-net ..`.
        for (name, place) in [("HOME_NET", &mut supplies.home_net), ("EXTERNAL_NET", &mut supplies.external_net)] {
            if place.is_none() {
                *place = supplies.ip_sets.iter().rev().find(|set| set.name == name).cloned();
            }
        }
        Ok(supplies)
    }

    /// The address variable, or the addresses of a reference, of that name or ARN.
    pub(super) fn ip_set(&self, name: &str) -> Option<&AddressVariable> {
        self.ip_sets.iter().rev().find(|set| set.name == name)
    }

    /// The port variable of that name.
    pub(super) fn port_set(&self, name: &str) -> Option<&PortVariable> {
        self.port_sets.iter().rev().find(|set| set.name == name)
    }
}

/// The entries of an option's value, or of the file it names.
fn entries(
    option: &str,
    value: &str,
    sources: &mut Sources,
    problems: &mut Problems,
) -> Result<Vec<Spanned<String>>, LoadError> {
    let path = match value.strip_prefix('@') {
        Some(path) => Some(path),
        None => (!is_literal(value) && Path::new(value).is_file()).then_some(value),
    };
    let (file, entries) = if let Some(path) = path {
        let file = sources.add(path, read_text(Path::new(path))?);
        (file, file_entries(sources, file, problems))
    } else {
        let file = sources.add(option, value);
        (file, split_list(&MappedText::verbatim(value, file, 0)))
    };
    if entries.is_empty() {
        let span = Span::new(file, 0..sources.text(file).len());
        problems.push(
            Diagnostic::error(code::OPTION_VALUE, format!("`{option}` holds no entry"))
                .at(span)
                .help("give entries separated by commas, or a file with one a line"),
        );
    }
    Ok(entries)
}

/// Whether a value is entries themselves rather than the name of a file with them.
fn is_literal(value: &str) -> bool {
    let word = value.trim().trim_start_matches(['[', '!']);
    word.starts_with('$')
        || word.eq_ignore_ascii_case("any")
        || word.split([',', ' ', '-', '/', ']']).next().is_some_and(|first| {
            first.parse::<std::net::IpAddr>().is_ok() || first.split(':').all(|port| port.parse::<u16>().is_ok())
        })
}

/// Entries separated by commas outside of brackets.
pub(super) fn split_list(text: &MappedText) -> Vec<Spanned<String>> {
    let mut entries = Vec::new();
    let (mut depth, mut start) = (0usize, 0);
    let mut take = |start: usize, end: usize| {
        let part = text.as_str().get(start..end).unwrap_or("");
        let lead = part.len() - part.trim_start().len();
        let entry = part.trim();
        if !entry.is_empty() {
            let span = text.span(start + lead..start + lead + entry.len());
            entries.push(Spanned::new(entry.to_owned(), span));
        }
    };
    for (at, byte) in text.as_str().bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                take(start, at);
                start = at + 1;
            }
            _ => {}
        }
    }
    take(start, text.as_str().len());
    entries
}

/// A file of entries: one or several a line with `#` comments, or the JSON that the AWS CLI prints for a prefix list.
fn file_entries(sources: &Sources, file: FileId, problems: &mut Problems) -> Vec<Spanned<String>> {
    let text = sources.text(file);
    if text.trim_start().starts_with(['{', '[']) {
        return match json::parse(sources, file) {
            Ok(root) => json_entries(&root),
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        };
    }
    let mut entries = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let content = line.split('#').next().unwrap_or("");
        let mut from = 0;
        for word in content.split([' ', '\t', ',', '\r', '\n']) {
            if !word.is_empty() {
                let start = at + from;
                entries.push(Spanned::new(word.to_owned(), Span::new(file, start..start + word.len())));
            }
            from += word.len() + 1;
        }
        at += line.len();
    }
    entries
}

fn json_entries(root: &Node) -> Vec<Spanned<String>> {
    let list = ["Entries", "Definition", "Cidrs"].iter().find_map(|member| root.get(member)).unwrap_or(root);
    let text = |item: &Node| {
        let text = item.get("Cidr").unwrap_or(item).scalar_text()?;
        Some(Spanned::new(text.as_str().to_owned(), text.whole()))
    };
    match &list.value {
        Value::List(items) => items.iter().filter_map(text).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_outside_of_brackets_and_keep_their_place() {
        let mut sources = Sources::new();
        let mut problems = Problems::default();
        let value = "10.0.0.0/8, ![10.1.0.0/16,10.2.0.0/16],$X";
        let found = entries("--ip-set A", value, &mut sources, &mut problems).unwrap();
        let texts: Vec<&str> = found.iter().map(|entry| entry.value.as_str()).collect();
        assert_eq!(texts, ["10.0.0.0/8", "![10.1.0.0/16,10.2.0.0/16]", "$X"]);
        assert_eq!(sources.location(found[1].span).to_string(), "--ip-set A:1:13");
    }

    #[test]
    fn a_value_is_told_from_a_file_name() {
        for literal in ["any", "10.0.0.0/8", "!$HOME_NET", "[::1,::2]", "80", "1024:65535", "10.0.0.1-10.0.0.9"] {
            assert!(is_literal(literal), "{literal}");
        }
        for name in ["list.txt", "dir/cidrs", "prefixes.json"] {
            assert!(!is_literal(name), "{name}");
        }
    }

    #[test]
    fn files_hold_lines_or_json() {
        let mut sources = Sources::new();
        let mut problems = Problems::default();
        let file = sources.add("a", "# mine\n10.0.0.0/8 # ten\n\n192.0.2.1, 192.0.2.2\n");
        let lines = file_entries(&sources, file, &mut problems);
        assert_eq!(lines.len(), 3);
        assert_eq!(sources.slice(lines[2].span), "192.0.2.2");
        let file = sources.add("b", r#"{"Entries": [{"Cidr": "10.0.0.0/8", "Description": "x"}]}"#);
        assert_eq!(file_entries(&sources, file, &mut problems)[0].value, "10.0.0.0/8");
    }
}
