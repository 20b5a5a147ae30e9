//! `Parameters` and pseudo parameters.

use super::functions::Purpose;
use crate::policy::params::Params;
use crate::policy::value::{Node, Unresolved, Value};
use crate::source::{MappedText, Span};

/// The pseudo parameters that are not values of the stack's place in AWS.
const PSEUDO: [&str; 7] = [
    "AWS::AccountId",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// The value of parameter or pseudo parameter `name` where `span` refers to it; `None` when there is none of that name.
pub(super) fn value(
    declared: Option<&Node>,
    params: &Params,
    name: &str,
    purpose: Purpose,
    span: Span,
) -> Option<Node> {
    if name == "AWS::NoValue" {
        return Some(Node { value: Value::Null, span });
    }
    if PSEUDO.contains(&name) {
        return Some(pseudo(params, name, purpose, span));
    }
    let declaration = declared?.get(name)?;
    let kind = declaration.get("Type").and_then(Node::as_text).map_or("String", MappedText::as_str);
    let from_store = kind.starts_with("AWS::SSM::Parameter::Value");
    let default = declaration.get("Default");
    let text = match (params.get(name), default) {
        (Some(given), _) => {
            if let Some(allowed) = declaration.get("AllowedValues").and_then(Node::as_list) {
                let allowed: Vec<String> =
                    allowed.iter().filter_map(Node::scalar_text).map(|text| text.as_str().to_owned()).collect();
                if !allowed.is_empty() && !allowed.iter().any(|value| value == given.as_str()) {
                    let what = format!("parameter `{name}` cannot be `{}`", given.as_str());
                    let help = format!("it is one of {}", allowed.join(", "));
                    return Some(Node::unresolved(Unresolved::new(what, help), given.whole()));
                }
            }
            given.clone()
        }
        (None, Some(default)) if !from_store => match &default.value {
            Value::List(items) => {
                return Some(Node { value: Value::List(items.clone()), span });
            }
            _ => default.scalar_text()?,
        },
        (None, _) if purpose == Purpose::Name => MappedText::derived(format!("${{{name}}}"), span),
        (None, default) => {
            let what = match default.and_then(Node::scalar_text) {
                Some(key) if from_store => {
                    format!("parameter `{name}` is read from Systems Manager (`{}`)", key.as_str())
                }
                _ => format!("parameter `{name}` has no default"),
            };
            return Some(Node::unresolved(Unresolved::new(what, supply(name)), span));
        }
    };
    if kind.contains("List<") || kind == "CommaDelimitedList" {
        return Some(Node { value: Value::List(split_list(&text, span)), span });
    }
    Some(Node::string(text, span))
}

/// How to supply a value of that name.
pub(super) fn supply(name: &str) -> String {
    let quote = if name.contains(|c: char| !c.is_ascii_alphanumeric() && !":_-.".contains(c)) { "'" } else { "" };
    format!("give it with --param {quote}{name}=VALUE{quote}")
}

/// In ARNs and names the place in AWS does not matter and stays a placeholder; in values it must be given.
fn pseudo(params: &Params, name: &str, purpose: Purpose, span: Span) -> Node {
    if let Some(given) = params.get(name) {
        return Node::string(given.clone(), span);
    }
    let region = params.get("AWS::Region").map(MappedText::as_str);
    let derived = match (name, region) {
        ("AWS::Partition", Some(region)) if region.starts_with("cn-") => Some("aws-cn"),
        ("AWS::Partition", Some(region)) if region.starts_with("us-gov-") => Some("aws-us-gov"),
        ("AWS::Partition", Some(_)) => Some("aws"),
        ("AWS::URLSuffix", Some(region)) if region.starts_with("cn-") => Some("amazonaws.com.cn"),
        ("AWS::URLSuffix", Some(_)) => Some("amazonaws.com"),
        _ => None,
    };
    if let Some(value) = derived {
        return Node::string(MappedText::derived(value, span), span);
    }
    if purpose == Purpose::Value {
        let wanted = if matches!(name, "AWS::Partition" | "AWS::URLSuffix") { "AWS::Region" } else { name };
        let what = format!("`{name}` depends on where the stack is deployed");
        return Node::unresolved(Unresolved::new(what, supply(wanted)), span);
    }
    Node::string(MappedText::derived(format!("${{{name}}}"), span), span)
}

fn split_list(text: &MappedText, span: Span) -> Vec<Node> {
    let mut items = Vec::new();
    let mut start = 0;
    for part in text.as_str().split(',') {
        let lead = part.len() - part.trim_start().len();
        let item = text.slice(start + lead..start + lead + part.trim().len());
        if !part.trim().is_empty() {
            items.push(Node::string(item, span));
        }
        start += part.len() + 1;
    }
    items
}
