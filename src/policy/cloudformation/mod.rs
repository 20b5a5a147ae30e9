//! CloudFormation templates, in YAML or JSON, as people write them or as SAM and CDK put them out.
//!
//! In: a template's tree and the parameters the user gives. Out: its firewall resources with every intrinsic function
//! resolved that can be resolved from the template; the rest is [`Value::Unresolved`], with a message that says how to
//! supply it, and becomes an error only if a selected policy needs it. Nothing is asked of AWS and nothing is guessed.

mod cidr;
mod conditions;
mod functions;
mod parameters;
mod substitute;

use super::code;
use super::params::Params;
use super::resource::{Resource, ResourceKind};
use super::value::{Node, Value};
use crate::source::{Diagnostic, Span, Spanned};
use functions::{Purpose, Resolver};

/// Whether a document is a template.
pub(super) fn is_template(root: &Node) -> bool {
    root.get("Resources").is_some_and(|resources| matches!(resources.value, Value::Map(_)))
        || root.get("AWSTemplateFormatVersion").is_some()
}

/// The first stack inside the template, whose own template may hold what this one does not.
pub(super) fn nested_stack(root: &Node) -> Option<Span> {
    let is_stack = |body: &Node| {
        let kind = body.get("Type").and_then(Node::as_text);
        kind.is_some_and(|kind| matches!(kind.as_str(), "AWS::CloudFormation::Stack" | "AWS::Serverless::Application"))
    };
    root.get("Resources")?.as_map()?.iter().find(|(_, body)| is_stack(body)).map(|(id, _)| id.span)
}

/// The firewall resources of a template. `scope` tells the logical ids of several templates apart.
pub(super) fn load(root: &Node, params: &Params, scope: &str, problems: &mut Vec<Diagnostic>) -> Vec<Resource> {
    let Some(resources) = root.get("Resources").and_then(Node::as_map) else {
        problems.push(Diagnostic::error(code::TEMPLATE, "the template has no `Resources`").at(root.span));
        return Vec::new();
    };
    let resolver = Resolver::new(root, resources, params, scope);
    let mut loaded = Vec::new();
    for (logical_id, body) in resources {
        if logical_id.value.starts_with("Fn::") {
            problems.push(
                Diagnostic::warning(code::NOT_SIMULATED, format!("`{}` is not expanded", logical_id.value))
                    .at(logical_id.span)
                    .help("give the processed template: `aws cloudformation get-template --template-stage Processed`"),
            );
        }
        if let Some(kind) = body.get("Type").and_then(Node::as_text).and_then(|kind| kind_of(kind.as_str()))
            && let Some(resource) = resource(kind, logical_id, body, &resolver)
        {
            loaded.push(resource);
        }
    }
    loaded
}

fn kind_of(name: &str) -> Option<ResourceKind> {
    Some(match name {
        "AWS::NetworkFirewall::FirewallPolicy" => ResourceKind::FirewallPolicy,
        "AWS::NetworkFirewall::RuleGroup" => ResourceKind::RuleGroup,
        "AWS::NetworkFirewall::Firewall" => ResourceKind::Firewall,
        "AWS::EC2::VPC" => ResourceKind::Vpc,
        "AWS::EC2::VPCCidrBlock" => ResourceKind::VpcCidrBlock,
        "AWS::EC2::PrefixList" => ResourceKind::PrefixList,
        _ => return None,
    })
}

/// `None` when its condition is false: then it does not exist.
fn resource(kind: ResourceKind, id: &Spanned<String>, body: &Node, resolver: &Resolver<'_>) -> Option<Resource> {
    let empty = Node { value: Value::Map(Vec::new()), span: body.span };
    let exists = body.get("Condition").and_then(Node::as_text).map(|name| (name, resolver.condition(name.as_str())));
    let properties = match exists {
        Some((_, Ok(false))) => return None,
        Some((name, Err(missing))) => Node::unresolved(missing, name.whole()),
        Some((_, Ok(true))) | None => {
            body.get("Properties").map_or(empty, |node| resolver.resolve(node, Purpose::Value))
        }
    };
    let name_member = match kind {
        ResourceKind::FirewallPolicy => "FirewallPolicyName",
        ResourceKind::RuleGroup => "RuleGroupName",
        ResourceKind::Firewall => "FirewallName",
        ResourceKind::PrefixList => "PrefixListName",
        ResourceKind::Vpc | ResourceKind::VpcCidrBlock => "",
    };
    let name = properties.get(name_member).and_then(Node::as_text);
    Some(Resource {
        kind,
        logical_id: id.value.clone(),
        name: name.map(|text| Spanned::new(text.as_str().to_owned(), text.whole())),
        identities: vec![resolver.token(&id.value)],
        properties,
        span: id.span,
    })
}

#[cfg(test)]
mod tests;
