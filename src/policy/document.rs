//! Which language a file is written in, and its tree.

use super::value::Node;
use super::{json, yaml};
use crate::source::{Diagnostic, FileId, Sources};
use std::path::Path;

/// How a file is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
    Rules,
    Terraform,
}

/// What a directory's files may be called.
pub(super) const EXTENSIONS: [&str; 7] = ["json", "yaml", "yml", "template", "tf", "rules", "suricata"];

/// By the extension, and by the first characters where it says nothing certain.
pub(super) fn format_of(path: &Path, text: &str) -> Format {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let begins_as_json = text.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']);
    match extension {
        _ if name.ends_with(".tf.json") => Format::Terraform,
        "tf" => Format::Terraform,
        "rules" | "suricata" => Format::Rules,
        "json" => Format::Json,
        _ if begins_as_json => Format::Json,
        "yaml" | "yml" | "template" => Format::Yaml,
        _ if looks_like_rules(text) => Format::Rules,
        _ => Format::Yaml,
    }
}

/// Reads a JSON or YAML file; the second value is a warning that does not stand in the way.
pub(super) fn tree(sources: &Sources, file: FileId, format: Format) -> Result<(Node, Option<Diagnostic>), Diagnostic> {
    match format {
        Format::Yaml => yaml::parse(sources, file),
        _ => json::parse(sources, file).map(|node| (node, None)),
    }
}

/// What `terraform show -json` prints, or Terraform's JSON syntax.
pub(super) fn is_terraform_json(root: &Node) -> bool {
    ["planned_values", "terraform_version", "resource_changes"].iter().any(|member| root.get(member).is_some())
}

/// Whether the first line that is no comment begins as a rule does.
fn looks_like_rules(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let word = first.and_then(|line| line.split_whitespace().next());
    match word {
        Some(word) => matches!(word, "pass" | "drop" | "alert" | "reject" | "rejectsrc" | "rejectdst" | "rejectboth"),
        None => text.contains('#'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_decides_and_else_the_text() {
        let format = |name: &str, text: &str| format_of(Path::new(name), text);
        assert_eq!(format("a.tf", "{}"), Format::Terraform);
        assert_eq!(format("a.tf.json", "{}"), Format::Terraform);
        assert_eq!(format("a.template", "\n{\"Resources\": {}}"), Format::Json);
        assert_eq!(format("a.template", "Resources: {}"), Format::Yaml);
        assert_eq!(format("a.yaml", "{\"Resources\": {}}"), Format::Json);
        assert_eq!(format("a.txt", "# c\npass tcp any any -> any any (sid:1;)"), Format::Rules);
        assert_eq!(format("a", "Resources:\n"), Format::Yaml);
        assert_eq!(format("A.RULES", "{"), Format::Rules);
    }
}
