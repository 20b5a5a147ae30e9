//! What every policy language is turned into before the model is read: a flat list of resources whose properties have
//! the shape and the names of the AWS API.
//!
//! References between resources are strings: a string node whose text equals one of another resource's
//! [`identities`](Resource::identities) refers to that resource. A language that knows the resource but not its ARN
//! (`!Ref X`, `aws_x.y.arn`) puts the token [`reference()`] gives there, which never looks like a real ARN.

use super::value::Node;
use crate::source::{Span, Spanned};

/// One resource of a document.
#[derive(Clone, Debug)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    /// How the document calls it: the logical id of a template, the address of a Terraform resource
    /// (`aws_networkfirewall_rule_group.x`), the file's stem for AWS CLI JSON.
    pub logical_id: String,
    /// Its name in AWS, when the document says it.
    pub name: Option<Spanned<String>>,
    /// A map, named and shaped as the kind says.
    pub properties: Node,
    /// Every text that refers to it: its ARN, and the token [`reference()`] makes of its logical id. Not its name, which
    /// a policy and a group may share.
    pub identities: Vec<String>,
    /// Where it is defined: its key or block header in a template, the whole document for AWS CLI JSON.
    pub span: Span,
}

/// The kinds of resources that say something about a firewall, and the members of [`Resource::properties`] that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// `FirewallPolicyName`, `FirewallPolicy: {..}` (or `FirewallPolicyV2`, which is recognised only).
    FirewallPolicy,
    /// `RuleGroupName`, `Type`, `Capacity`, and `RuleGroup: {..}` or `Rules: "text"`.
    RuleGroup,
    /// `FirewallName`, `FirewallPolicyArn`, `VpcId`.
    Firewall,
    /// `CidrBlock`.
    Vpc,
    /// `VpcId`, `CidrBlock`: one more block of a VPC.
    VpcCidrBlock,
    /// `PrefixListName`, `Entries: [{Cidr}]`: what an IP set reference may point at.
    PrefixList,
}

/// The text that stands for resource `logical_id` where its ARN or id is not known.
pub fn reference(logical_id: &str) -> String {
    format!("resource:{logical_id}")
}
