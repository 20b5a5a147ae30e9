//! A file of Suricata rules, as a rule group or as the whole policy.

use super::model::{AddressVariable, PortVariable};
use super::reader::variables::PolicyNets;
use super::resource::{Resource, ResourceKind};
use super::supplies::Supplies;
use super::value::{Node, Value};
use crate::source::{FileId, MappedText, Sources, Span, Spanned};

/// What HOME_NET is for plain rules, where no VPC says it: the private ranges, as in Suricata's own configuration.
const HOME_NET: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// The rules of a file as a rule group called `name`.
pub(super) fn group(sources: &Sources, file: FileId, name: &str) -> Resource {
    let whole = sources.text(file);
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    let start = whole.len() - text.len();
    let span = Span::new(file, start..whole.len());
    let first_line = Span::new(file, start..start + text.lines().next().unwrap_or("").len());
    let member = |key: &str, text: MappedText| (Spanned::new(key.to_owned(), first_line), Node::string(text, span));
    let members = vec![
        member("Type", MappedText::derived("STATEFUL", first_line)),
        member("Rules", MappedText::verbatim(text, file, start)),
    ];
    Resource {
        kind: ResourceKind::RuleGroup,
        logical_id: name.to_owned(),
        name: None,
        properties: Node { value: Value::Map(members), span },
        identities: Vec::new(),
        span: first_line,
    }
}

/// HOME_NET and EXTERNAL_NET of plain rules: as given, or the defaults.
pub(super) fn nets(supplies: &Supplies, span: Span) -> PolicyNets {
    let default = || AddressVariable {
        name: "HOME_NET".to_owned(),
        entries: HOME_NET.iter().map(|net| Spanned::new((*net).to_owned(), span)).collect(),
        origin: "the default for plain rules".to_owned(),
    };
    PolicyNets {
        home_net: Some(supplies.home_net.clone().unwrap_or_else(default)),
        external_net: supplies.external_net.clone(),
        ports: vec![PortVariable { name: "HTTP_PORTS".to_owned(), entries: vec![Spanned::new("80".to_owned(), span)] }],
        home_net_missing: Vec::new(),
    }
}
