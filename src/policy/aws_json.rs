//! What the AWS CLI prints and takes: `describe-*` answers, `create-*` requests, bare `RuleGroup` and `FirewallPolicy`
//! objects; also several of them in one list.

use super::code;
use super::resource::{Resource, ResourceKind};
use super::value::{Node, Value};
use crate::source::{Diagnostic, Spanned};

/// The members by which a bare `FirewallPolicy` is recognised.
const POLICY_MEMBERS: [&str; 5] = [
    "StatelessDefaultActions",
    "StatelessFragmentDefaultActions",
    "StatefulRuleGroupReferences",
    "StatelessRuleGroupReferences",
    "StatefulDefaultActions",
];

/// The members by which a bare `FirewallPolicyV2` is recognised.
pub(super) const NEXT_GENERATION_MEMBERS: [&str; 4] =
    ["FirewallRuleGroupEntries", "IpsRuleGroupEntries", "PolicyMode", "FirewallDefaultAction"];

/// The resources of one document; `stem` names those that say no name of their own.
pub(super) fn load(root: &Node, stem: &str, problems: &mut Vec<Diagnostic>) -> Vec<Resource> {
    let mut resources = Vec::new();
    match &root.value {
        Value::List(items) => {
            for (n, item) in items.iter().enumerate() {
                resources.extend(load_one(item, &format!("{stem}-{}", n + 1)));
            }
        }
        _ => resources.extend(load_one(root, stem)),
    }
    if resources.is_empty() {
        problems.push(
            Diagnostic::error(code::NOTHING_TO_JUDGE, "this is neither a firewall policy nor a rule group")
                .at(first_key(root))
                .help(
                    "expected what `aws network-firewall describe-firewall-policy` or `describe-rule-group` prints, the \
                     input of the `create-` commands, or a CloudFormation template",
                ),
        );
    }
    resources
}

/// A place that shows where the document begins, rather than all of it.
fn first_key(root: &Node) -> crate::source::Span {
    root.as_map().and_then(|members| members.first()).map_or(root.span, |(key, _)| key.span)
}

fn load_one(root: &Node, stem: &str) -> Vec<Resource> {
    let has = |members: &[&str]| members.iter().any(|member| root.get(member).is_some());
    if let Some(vpcs) = root.get("Vpcs").and_then(Node::as_list) {
        return vpcs.iter().flat_map(vpc).collect();
    }
    let mut resources = Vec::new();
    if let Some(firewall) = root.get("Firewall").or_else(|| has(&["FirewallPolicyArn"]).then_some(root))
        && firewall.get("VpcId").is_some()
    {
        resources.push(resource(
            ResourceKind::Firewall,
            stem,
            firewall,
            firewall.clone(),
            "FirewallName",
            "FirewallArn",
        ));
    } else if has(&["FirewallPolicy", "FirewallPolicyV2"]) {
        let about = root.get("FirewallPolicyResponse").unwrap_or(root);
        let properties = pick(root, about, &["FirewallPolicyName", "FirewallPolicy", "FirewallPolicyV2", "Type"]);
        let (name, arn) = ("FirewallPolicyName", "FirewallPolicyArn");
        resources.push(resource(ResourceKind::FirewallPolicy, stem, about, properties, name, arn));
    } else if has(&["RuleGroup", "Rules"]) {
        let about = root.get("RuleGroupResponse").unwrap_or(root);
        let properties = pick(root, about, &["RuleGroupName", "Type", "Capacity", "RuleGroup", "Rules"]);
        resources.push(resource(ResourceKind::RuleGroup, stem, about, properties, "RuleGroupName", "RuleGroupArn"));
    } else if has(&["RulesSource"]) {
        let properties = wrap(root, "RuleGroup");
        resources.push(resource(ResourceKind::RuleGroup, stem, root, properties, "RuleGroupName", "RuleGroupArn"));
    } else if has(&POLICY_MEMBERS) || has(&NEXT_GENERATION_MEMBERS) {
        let member = if has(&NEXT_GENERATION_MEMBERS) { "FirewallPolicyV2" } else { "FirewallPolicy" };
        let (name, arn) = ("FirewallPolicyName", "FirewallPolicyArn");
        resources.push(resource(ResourceKind::FirewallPolicy, stem, root, wrap(root, member), name, arn));
    }
    resources
}

fn resource(kind: ResourceKind, stem: &str, about: &Node, properties: Node, name: &str, arn: &str) -> Resource {
    let text = |member: &str| about.get(member).and_then(Node::as_text);
    let logical_id = text(name).map_or_else(|| stem.to_owned(), |name| name.as_str().to_owned());
    Resource {
        kind,
        logical_id,
        name: text(name).map(|name| Spanned::new(name.as_str().to_owned(), name.whole())),
        identities: text(arn).map(|arn| arn.as_str().to_owned()).into_iter().collect(),
        span: first_key(&properties),
        properties,
    }
}

/// A VPC as `aws ec2 describe-vpcs` prints it, and its further blocks.
fn vpc(node: &Node) -> Vec<Resource> {
    let Some(id) = node.get("VpcId").and_then(Node::as_text) else { return Vec::new() };
    let make = |kind, identities, properties| Resource {
        kind,
        logical_id: id.as_str().to_owned(),
        name: None,
        properties,
        identities,
        span: id.whole(),
    };
    let mut resources = vec![make(ResourceKind::Vpc, vec![id.as_str().to_owned()], node.clone())];
    let main = node.get("CidrBlock").and_then(Node::as_text).map(crate::source::MappedText::as_str);
    for block in node.get("CidrBlockAssociationSet").and_then(Node::as_list).unwrap_or(&[]) {
        if block.get("CidrBlock").and_then(Node::as_text).is_some_and(|text| Some(text.as_str()) != main) {
            let mut properties = block.clone();
            if let Value::Map(members) = &mut properties.value {
                members.push((Spanned::new("VpcId".to_owned(), id.whole()), Node::string(id.clone(), id.whole())));
            }
            resources.push(make(ResourceKind::VpcCidrBlock, Vec::new(), properties));
        }
    }
    resources
}

/// A map of the named members, each from `root`, or else from `about`.
fn pick(root: &Node, about: &Node, members: &[&str]) -> Node {
    let member = |name: &&str| {
        let find = |node: &Node| node.as_map()?.iter().find(|(key, _)| key.value == **name).cloned();
        find(root).or_else(|| find(about))
    };
    Node { value: Value::Map(members.iter().filter_map(member).collect()), span: root.span }
}

fn wrap(root: &Node, member: &str) -> Node {
    let key = Spanned::new(member.to_owned(), first_key(root));
    Node { value: Value::Map(vec![(key, root.clone())]), span: root.span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::json;
    use crate::source::Sources;

    fn read(text: &str) -> Vec<Resource> {
        let mut sources = Sources::new();
        let file = sources.add("x.json", text);
        let mut problems = Vec::new();
        let resources = load(&json::parse(&sources, file).unwrap(), "x", &mut problems);
        assert_eq!(resources.is_empty(), !problems.is_empty());
        resources
    }

    #[test]
    fn every_wrapping_is_recognised() {
        let arn = "arn:aws:network-firewall:eu-west-1:1:stateful-rulegroup/g";
        let described = format!(
            r#"{{"UpdateToken": "t", "RuleGroup": {{"RulesSource": {{}}}},
               "RuleGroupResponse": {{"RuleGroupArn": "{arn}", "RuleGroupName": "g", "Type": "STATEFUL"}}}}"#
        );
        let group = &read(&described)[0];
        assert_eq!((group.kind, group.logical_id.as_str()), (ResourceKind::RuleGroup, "g"));
        assert_eq!(group.identities, [arn]);
        assert!(group.properties.get("Type").is_some());

        let rules = &read(r#"{"RuleGroupName": "r", "Type": "STATEFUL", "Capacity": 1, "Rules": "pass"}"#)[0];
        assert_eq!(rules.properties.get("Rules").unwrap().as_text().unwrap().as_str(), "pass");
        let bare = &read(r#"{"RulesSource": {"RulesString": ""}}"#)[0];
        assert_eq!((bare.logical_id.as_str(), bare.name.is_none()), ("x", true));
        assert!(bare.properties.get("RuleGroup").unwrap().get("RulesSource").is_some());

        assert_eq!(read(r#"{"StatelessDefaultActions": []}"#)[0].kind, ResourceKind::FirewallPolicy);
        assert!(read(r#"{"PolicyMode": "ENFORCE"}"#)[0].properties.get("FirewallPolicyV2").is_some());
        assert_eq!(read(r#"[{"RulesSource": {}}, {"RulesSource": {}}]"#)[1].logical_id, "x-2");
        assert!(read(r#"{"a": 1}"#).is_empty());
    }

    #[test]
    fn a_firewall_and_its_vpc_are_read_too() {
        let firewall = read(r#"{"Firewall": {"FirewallName": "f", "FirewallPolicyArn": "p", "VpcId": "vpc-1"}}"#);
        assert_eq!(firewall[0].kind, ResourceKind::Firewall);
        let vpc = read(
            r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16",
                "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.1.0.0/16"}]}]}"#,
        );
        assert_eq!(vpc.len(), 2);
        assert_eq!(vpc[0].identities, ["vpc-1"]);
    }
}
