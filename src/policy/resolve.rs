//! From what a policy writes (an ARN, a logical id) to the rule group, and from a policy to its firewall's VPC.

use super::aws_json::NEXT_GENERATION_MEMBERS;
use super::reader::Env;
use super::resource::{Resource, ResourceKind, reference};
use super::value::Node;

/// What a reference leads to.
pub(super) enum Found<'a> {
    /// The group.
    Group(&'a Resource),
    /// The user leaves it out.
    LeftOut,
    /// One of AWS's own groups, whose text nobody gave.
    Managed,
    /// Not there; the group of that name that has another ARN, if there is one.
    Missing(Option<&'a Resource>),
}

/// Finds the group that `text` refers to. A file given for it counts more than the document.
pub(super) fn rule_group<'a>(text: &str, env: &Env<'a>) -> Found<'a> {
    let groups = || env.resources.iter().filter(|resource| resource.kind == ResourceKind::RuleGroup);
    let name = name_of(text);
    let in_document = groups().find(|group| group.identities.iter().any(|id| same(id, text))).or_else(|| {
        // By name only where the document does not say the ARN.
        groups().find(|group| {
            group.identities.iter().all(|id| !id.starts_with("arn:"))
                && text.starts_with("arn:")
                && group.name.as_ref().map_or(group.logical_id.as_str(), |name| &name.value) == name
        })
    });
    let called = |wanted: &str| {
        same(wanted, text) || wanted == name || in_document.is_some_and(|group| is_called(group, wanted))
    };
    if env.leaves_out(called) {
        return Found::LeftOut;
    }
    if let Some(given) = env.supplied.iter().find(|group| group.identities.iter().any(|id| called(id))) {
        return Found::Group(given);
    }
    match in_document {
        Some(group) => Found::Group(group),
        None if text.contains(":aws-managed:") => Found::Managed,
        None => Found::Missing(groups().find(|group| group.name.as_ref().is_some_and(|known| known.value == name))),
    }
}

/// Whether the user means this resource by `wanted`: its name, logical id or ARN.
pub(super) fn is_called(resource: &Resource, wanted: &str) -> bool {
    resource.logical_id == wanted
        || resource.name.as_ref().is_some_and(|name| name.value == wanted)
        || resource.identities.iter().any(|id| same(id, wanted) || *id == reference(wanted))
}

/// The VPCs of the firewalls that use a policy, with their further blocks; one list per VPC.
pub(super) fn vpcs<'a>(policy: &Resource, env: &Env<'a>) -> (Vec<Vec<&'a Resource>>, Vec<&'a Resource>) {
    let of_kind = |kind| env.resources.iter().filter(move |resource| resource.kind == kind);
    let text = |resource: &'a Resource, member: &str| -> Option<&'a str> {
        resource.properties.get(member).and_then(Node::as_text).map(crate::source::MappedText::as_str)
    };
    let policy_name = policy.name.as_ref().map_or(policy.logical_id.as_str(), |name| &name.value);
    let firewalls: Vec<&Resource> = of_kind(ResourceKind::Firewall)
        .filter(|firewall| {
            text(firewall, "FirewallPolicyArn").is_some_and(|arn| {
                policy.identities.iter().any(|id| same(id, arn))
                    || (arn.starts_with("arn:") && name_of(arn) == policy_name)
            })
        })
        .collect();
    let mut ids: Vec<&str> = Vec::new();
    for firewall in &firewalls {
        if let Some(id) = text(firewall, "VpcId").filter(|id| !ids.contains(id)) {
            ids.push(id);
        }
    }
    let vpcs = ids.iter().filter_map(|id| {
        let vpc = of_kind(ResourceKind::Vpc).find(|vpc| vpc.identities.iter().any(|known| known == id))?;
        let more = of_kind(ResourceKind::VpcCidrBlock)
            .filter(|block| text(block, "VpcId") == Some(*id) && block.properties.get("CidrBlock").is_some());
        Some(std::iter::once(vpc).chain(more).collect())
    });
    (vpcs.collect(), firewalls)
}

/// Whether a policy or group is of the Next Generation, which is not judged yet.
pub(super) fn is_next_generation(resource: &Resource) -> bool {
    let properties = &resource.properties;
    match resource.kind {
        ResourceKind::FirewallPolicy => {
            properties.get("FirewallPolicyV2").is_some()
                || properties
                    .get("FirewallPolicy")
                    .is_some_and(|body| NEXT_GENERATION_MEMBERS.iter().any(|member| body.get(member).is_some()))
        }
        ResourceKind::RuleGroup => {
            let kind = properties.get("Type").and_then(Node::as_text);
            kind.is_some_and(|kind| matches!(kind.as_str(), "FIREWALL" | "IPS"))
                || properties
                    .get("RuleGroup")
                    .and_then(|body| body.get("RulesSource"))
                    .is_some_and(|source| source.get("FirewallRules").is_some())
        }
        _ => false,
    }
}

/// The last part of an ARN.
fn name_of(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or(text)
}

/// Equal, where a placeholder such as `${AWS::Region}` equals any one part of an ARN.
fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if !a.contains("${") && !b.contains("${") {
        return false;
    }
    let (a, b) = (without_placeholders(a), without_placeholders(b));
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split(':').collect(), b.split(':').collect());
    a.len() == b.len() && a.len() >= 6 && a.iter().zip(&b).all(|(a, b)| a == b || *a == "*" || *b == "*")
}

fn without_placeholders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        match behind.split_once('}') {
            Some((_, behind)) => {
                out.push('*');
                rest = behind;
            }
            None => return text.to_owned(),
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_stand_for_one_part_of_an_arn() {
        let written = "arn:${AWS::Partition}:network-firewall:${AWS::Region}:aws-managed:stateful-rulegroup/X";
        assert!(same(written, "arn:aws:network-firewall:eu-west-1:aws-managed:stateful-rulegroup/X"));
        assert!(!same(written, "arn:aws:network-firewall:eu-west-1:aws-managed:stateful-rulegroup/Y"));
        assert!(!same("${A}", "x"));
        assert!(!same("a", "b"));
    }
}
