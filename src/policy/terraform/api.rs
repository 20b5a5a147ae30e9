//! From the provider's schema (`snake_case`, blocks) to the shape and the names of the AWS API.
//!
//! The same for a configuration and for a plan. What the table does not know is passed on under its name in
//! `PascalCase`, so that a reader can say that it does not know it.
//!
//! Source: Terraform AWS provider, resources `aws_networkfirewall_rule_group`, `aws_networkfirewall_firewall_policy`,
//! `aws_networkfirewall_firewall`, `aws_vpc`, `aws_ec2_managed_prefix_list`.

use super::code;
use super::value::{Data, Val};
use crate::policy::resource::{Resource, ResourceKind};
use crate::policy::value::{Node, Value};
use crate::source::{Diagnostic, MappedText, Spanned};

/// How an attribute or block of the provider becomes a member of the API.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// A string; numbers and bools become one.
    Text,
    /// A number; strings that hold one become one.
    Number,
    /// As it is.
    Any,
    /// A list of strings.
    Texts,
    /// A list of numbers.
    Numbers,
    /// A block that may stand there once: a map.
    Block(&'static [Field]),
    /// Blocks: a list of maps.
    Blocks(&'static [Field]),
    /// Blocks with a `key` and one block inside: a map from keys to that block's members.
    Keyed(&'static str, &'static [Field]),
    /// The provider's own business.
    Dropped,
}

#[derive(Clone, Copy, Debug)]
struct Field(&'static str, &'static str, Shape);

use Shape::{Any, Block, Blocks, Dropped, Keyed, Number as Num, Numbers, Text, Texts};

const RULE_GROUP: &[Field] = &[
    Field("name", "RuleGroupName", Text),
    Field("type", "Type", Text),
    Field("capacity", "Capacity", Num),
    Field("description", "Description", Text),
    Field("rules", "Rules", Text),
    Field("rule_group", "RuleGroup", Block(RULE_GROUP_BODY)),
    Field("encryption_configuration", "EncryptionConfiguration", Dropped),
    Field("tags", "Tags", Dropped),
    Field("tags_all", "", Dropped),
    Field("arn", "", Dropped),
    Field("id", "", Dropped),
    Field("region", "", Dropped),
    Field("timeouts", "", Dropped),
    Field("update_token", "", Dropped),
];
const RULE_GROUP_BODY: &[Field] = &[
    Field("rule_variables", "RuleVariables", Block(RULE_VARIABLES)),
    Field("reference_sets", "ReferenceSets", Block(REFERENCE_SETS)),
    Field("rules_source", "RulesSource", Block(RULES_SOURCE)),
    Field("stateful_rule_options", "StatefulRuleOptions", Block(&[Field("rule_order", "RuleOrder", Text)])),
];
const RULE_VARIABLES: &[Field] = &[
    Field("ip_sets", "IPSets", Keyed("ip_set", DEFINITION)),
    Field("port_sets", "PortSets", Keyed("port_set", DEFINITION)),
    Field("context_sets", "ContextSets", Keyed("context_set", DEFINITION)),
];
const DEFINITION: &[Field] = &[Field("definition", "Definition", Texts)];
const REFERENCE_SETS: &[Field] = &[Field(
    "ip_set_references",
    "IPSetReferences",
    Keyed("ip_set_reference", &[Field("reference_arn", "ReferenceArn", Text)]),
)];
const RULES_SOURCE: &[Field] = &[
    Field("rules_string", "RulesString", Text),
    Field("rules_source_list", "RulesSourceList", Block(RULES_SOURCE_LIST)),
    Field("stateful_rule", "StatefulRules", Blocks(STATEFUL_RULE)),
    Field("stateless_rules_and_custom_actions", "StatelessRulesAndCustomActions", Block(STATELESS)),
];
const RULES_SOURCE_LIST: &[Field] = &[
    Field("generated_rules_type", "GeneratedRulesType", Text),
    Field("target_types", "TargetTypes", Texts),
    Field("targets", "Targets", Texts),
];
const STATEFUL_RULE: &[Field] = &[
    Field("action", "Action", Text),
    Field("header", "Header", Block(HEADER)),
    Field("rule_option", "RuleOptions", Blocks(RULE_OPTION)),
];
const HEADER: &[Field] = &[
    Field("protocol", "Protocol", Text),
    Field("source", "Source", Text),
    Field("source_port", "SourcePort", Text),
    Field("direction", "Direction", Text),
    Field("destination", "Destination", Text),
    Field("destination_port", "DestinationPort", Text),
];
const RULE_OPTION: &[Field] = &[Field("keyword", "Keyword", Text), Field("settings", "Settings", Texts)];
const STATELESS: &[Field] = &[
    Field("stateless_rule", "StatelessRules", Blocks(STATELESS_RULE)),
    Field("custom_action", "CustomActions", Blocks(CUSTOM_ACTION)),
];
const STATELESS_RULE: &[Field] = &[
    Field("priority", "Priority", Num),
    Field(
        "rule_definition",
        "RuleDefinition",
        Block(&[
            Field("actions", "Actions", Texts),
            Field("match_attributes", "MatchAttributes", Block(MATCH_ATTRIBUTES)),
        ]),
    ),
];
const MATCH_ATTRIBUTES: &[Field] = &[
    Field("source", "Sources", Blocks(ADDRESS)),
    Field("destination", "Destinations", Blocks(ADDRESS)),
    Field("source_port", "SourcePorts", Blocks(PORTS)),
    Field("destination_port", "DestinationPorts", Blocks(PORTS)),
    Field("protocols", "Protocols", Numbers),
    Field("tcp_flag", "TCPFlags", Blocks(&[Field("flags", "Flags", Texts), Field("masks", "Masks", Texts)])),
];
const ADDRESS: &[Field] = &[Field("address_definition", "AddressDefinition", Text)];
const PORTS: &[Field] = &[Field("from_port", "FromPort", Num), Field("to_port", "ToPort", Num)];
const CUSTOM_ACTION: &[Field] = &[
    Field("action_name", "ActionName", Text),
    Field(
        "action_definition",
        "ActionDefinition",
        Block(&[Field(
            "publish_metric_action",
            "PublishMetricAction",
            Block(&[Field("dimension", "Dimensions", Blocks(&[Field("value", "Value", Text)]))]),
        )]),
    ),
];
const FIREWALL_POLICY: &[Field] = &[
    Field("name", "FirewallPolicyName", Text),
    Field("description", "Description", Text),
    Field("firewall_policy", "FirewallPolicy", Block(FIREWALL_POLICY_BODY)),
    Field("encryption_configuration", "EncryptionConfiguration", Dropped),
    Field("tags", "Tags", Dropped),
    Field("tags_all", "", Dropped),
    Field("arn", "", Dropped),
    Field("id", "", Dropped),
    Field("region", "", Dropped),
    Field("timeouts", "", Dropped),
    Field("update_token", "", Dropped),
];
const FIREWALL_POLICY_BODY: &[Field] = &[
    Field("stateless_default_actions", "StatelessDefaultActions", Texts),
    Field("stateless_fragment_default_actions", "StatelessFragmentDefaultActions", Texts),
    Field("stateful_default_actions", "StatefulDefaultActions", Texts),
    Field("stateless_rule_group_reference", "StatelessRuleGroupReferences", Blocks(GROUP_REFERENCE)),
    Field("stateful_rule_group_reference", "StatefulRuleGroupReferences", Blocks(GROUP_REFERENCE)),
    Field("stateless_custom_action", "StatelessCustomActions", Blocks(CUSTOM_ACTION)),
    Field(
        "stateful_engine_options",
        "StatefulEngineOptions",
        Block(&[
            Field("rule_order", "RuleOrder", Text),
            Field("stream_exception_policy", "StreamExceptionPolicy", Text),
            Field(
                "flow_timeouts",
                "FlowTimeouts",
                Block(&[Field("tcp_idle_timeout_seconds", "TcpIdleTimeoutSeconds", Num)]),
            ),
        ]),
    ),
    Field(
        "policy_variables",
        "PolicyVariables",
        Block(&[Field("rule_variables", "RuleVariables", Keyed("ip_set", DEFINITION))]),
    ),
    Field("tls_inspection_configuration_arn", "TLSInspectionConfigurationArn", Text),
    Field("enable_tls_session_holding", "EnableTLSSessionHolding", Any),
];
const GROUP_REFERENCE: &[Field] = &[
    Field("resource_arn", "ResourceArn", Text),
    Field("priority", "Priority", Num),
    Field("override", "Override", Block(&[Field("action", "Action", Text)])),
    Field("deep_threat_inspection", "DeepThreatInspection", Any),
];
const FIREWALL: &[Field] = &[
    Field("name", "FirewallName", Text),
    Field("firewall_policy_arn", "FirewallPolicyArn", Text),
    Field("vpc_id", "VpcId", Text),
];
const VPC: &[Field] = &[Field("cidr_block", "CidrBlock", Text)];
const VPC_CIDR: &[Field] = &[Field("vpc_id", "VpcId", Text), Field("cidr_block", "CidrBlock", Text)];
const PREFIX_LIST: &[Field] = &[
    Field("name", "PrefixListName", Text),
    Field("entry", "Entries", Blocks(&[Field("cidr", "Cidr", Text), Field("description", "", Dropped)])),
    // Of an entry that is a resource of its own, see `join_entries`.
    Field("prefix_list_id", "PrefixListId", Text),
    Field("cidr", "Cidr", Text),
];

/// What a resource type is to this crate, and the member that holds its name.
pub(super) fn kind_of(resource_type: &str) -> Option<(ResourceKind, &'static str)> {
    Some(match resource_type {
        "aws_networkfirewall_rule_group" => (ResourceKind::RuleGroup, "RuleGroupName"),
        "aws_networkfirewall_firewall_policy" => (ResourceKind::FirewallPolicy, "FirewallPolicyName"),
        "aws_networkfirewall_firewall" => (ResourceKind::Firewall, "FirewallName"),
        "aws_vpc" => (ResourceKind::Vpc, ""),
        "aws_vpc_ipv4_cidr_block_association" => (ResourceKind::VpcCidrBlock, ""),
        "aws_ec2_managed_prefix_list" => (ResourceKind::PrefixList, "PrefixListName"),
        "aws_ec2_managed_prefix_list_entry" => (ResourceKind::PrefixList, ""),
        _ => return None,
    })
}

/// Puts prefix list entries that are resources of their own into their lists.
pub(super) fn join_entries(resources: &mut Vec<Resource>) {
    let list_of = |resource: &Resource| {
        let id = resource.properties.get("PrefixListId").filter(|_| resource.kind == ResourceKind::PrefixList);
        id.map(|id| id.as_text().map_or(String::new(), |text| text.as_str().to_owned()))
    };
    let entries: Vec<(String, Resource)> =
        resources.extract_if(.., |it| list_of(it).is_some()).filter_map(|it| Some((list_of(&it)?, it))).collect();
    for (list, mut entry) in entries {
        let Some(list) = resources.iter_mut().find(|it| it.identities.contains(&list)) else { continue };
        let (Value::Map(members), Value::Map(entry_members)) =
            (&mut list.properties.value, &mut entry.properties.value)
        else {
            continue;
        };
        entry_members.retain(|(key, _)| key.value != "PrefixListId");
        match members.iter_mut().find(|(key, _)| key.value == "Entries").map(|(_, node)| &mut node.value) {
            Some(Value::List(items)) => items.push(entry.properties),
            Some(_) => {}
            None => {
                let node = Node { span: entry.span, value: Value::List(vec![entry.properties]) };
                members.push((Spanned::new("Entries".to_owned(), entry.span), node));
            }
        }
    }
}

/// Turns the attributes and blocks of a resource into API members.
#[derive(Debug)]
pub(super) struct Translator {
    /// How much more may be written out, see [`Val::size`].
    size_left: usize,
    pub diagnostics: Vec<Diagnostic>,
}

impl Default for Translator {
    fn default() -> Self {
        Self { size_left: 10_000_000, diagnostics: Vec::new() }
    }
}

impl Translator {
    /// The properties of a resource.
    pub(super) fn properties(&mut self, kind: ResourceKind, resource: &Val) -> Node {
        let (fields, only_known) = match kind {
            ResourceKind::RuleGroup => (RULE_GROUP, false),
            ResourceKind::FirewallPolicy => (FIREWALL_POLICY, false),
            ResourceKind::Firewall => (FIREWALL, true),
            ResourceKind::Vpc => (VPC, true),
            ResourceKind::VpcCidrBlock => (VPC_CIDR, true),
            ResourceKind::PrefixList => (PREFIX_LIST, true),
        };
        self.map(resource, fields, only_known)
    }

    fn map(&mut self, value: &Val, fields: &'static [Field], only_known: bool) -> Node {
        let Data::Map(map) = &value.data else { return self.plain(value) };
        let mut members: Vec<(Spanned<String>, Node)> = Vec::with_capacity(map.members.len());
        for (key, member) in &map.members {
            let field = fields.iter().find(|field| field.0 == key.value);
            let absent = member.is_null() || member.items().is_some_and(<[Val]>::is_empty) && is_block(field);
            if absent {
                continue;
            }
            match field {
                Some(Field(_, _, Dropped)) => {}
                Some(Field(_, api, shape)) => {
                    let node = self.shaped(member, *shape);
                    members.push((Spanned::new((*api).to_owned(), key.span), node));
                }
                None if only_known => {}
                None => members.push((Spanned::new(pascal_case(&key.value), key.span), self.plain(member))),
            }
        }
        single_ports(fields, &mut members);
        if std::ptr::eq(fields, STATEFUL_RULE) {
            self.warn_of_lost_order(value);
        }
        Node { value: Value::Map(members), span: value.span }
    }

    fn shaped(&mut self, value: &Val, shape: Shape) -> Node {
        if value.is_unknown() {
            return self.plain(value);
        }
        match shape {
            Text => match value.to_text() {
                Some(text) => self.node(Value::String(MappedText::clone(&text)), value),
                None => self.plain(value),
            },
            Num => match value.to_number() {
                Some(number) => self.node(Value::Number(number.to_string()), value),
                None => self.plain(value),
            },
            Any | Dropped => self.plain(value),
            Texts => self.list(value, |this, item| this.shaped(item, Text)),
            Numbers => self.list(value, |this, item| this.shaped(item, Num)),
            Blocks(fields) => self.list(value, |this, item| this.map(item, fields, false)),
            Block(fields) => match value.items() {
                Some([only]) => self.map(only, fields, false),
                Some([first, second, ..]) => {
                    self.diagnostics.push(
                        Diagnostic::error(code::DECLARED_TWICE, "this block may stand here only once")
                            .at(second.span)
                            .label(first.span, "first here")
                            .help("keep one; the provider refuses the second"),
                    );
                    self.map(first, fields, false)
                }
                _ => self.map(value, fields, false),
            },
            Keyed(inner, fields) => self.keyed(value, inner, fields),
        }
    }

    fn list(&mut self, value: &Val, mut item: impl FnMut(&mut Self, &Val) -> Node) -> Node {
        match value.items() {
            Some(items) => {
                let items = items.iter().map(|it| item(self, it)).collect();
                Node { value: Value::List(items), span: value.span }
            }
            None => self.plain(value),
        }
    }

    /// `ip_sets { key = "X" ip_set { definition = [..] } }` to `{X: {Definition: [..]}}`.
    fn keyed(&mut self, value: &Val, inner: &str, fields: &'static [Field]) -> Node {
        let Some(items) = value.items() else { return self.plain(value) };
        let mut members = Vec::with_capacity(items.len());
        for item in items {
            let Data::Map(map) = &item.data else { return self.plain(item) };
            let key = match map.get("key") {
                Some(key) if key.is_unknown() => return self.plain(key),
                Some(key) => key.to_text().map(|text| Spanned::new(text.as_str().to_owned(), key.span)),
                None => None,
            };
            let key = key.unwrap_or_else(|| Spanned::new(String::new(), item.span));
            let node = match map.get(inner) {
                Some(block) => self.shaped(block, Block(fields)),
                None => Node { value: Value::Map(Vec::new()), span: item.span },
            };
            members.push((key, node));
        }
        Node { value: Value::Map(members), span: value.span }
    }

    /// `rule_option` is a set: what follows a sticky buffer need not follow it in the rule that AWS gets.
    fn warn_of_lost_order(&mut self, rule: &Val) {
        let options = rule.member("rule_option").and_then(Val::items).unwrap_or(&[]);
        let buffer = options.iter().find_map(|option| {
            let keyword = option.member("keyword")?;
            let text = keyword.to_text()?;
            let name = text.as_str().split(':').next().unwrap_or("").trim();
            is_buffer(name).then(|| (name.to_owned(), keyword.span))
        });
        if let Some((name, span)) = buffer
            && options.len() > 1
        {
            self.diagnostics.push(
                Diagnostic::warning(
                    code::OPTIONS_WITHOUT_ORDER,
                    format!("the order of these `rule_option` blocks is not kept, but `{name}` needs its place before `content`"),
                )
                .at(span)
                .help("`rule_option` is a set in the provider; write such a rule in `rules_string`. It is judged in file order here"),
            );
        }
    }

    fn plain(&mut self, value: &Val) -> Node {
        value.to_node(&mut self.size_left)
    }

    /// A scalar made of `from`.
    fn node(&mut self, value: Value, from: &Val) -> Node {
        match self.size_left.checked_sub(from.size as usize) {
            Some(left) => {
                self.size_left = left;
                Node { value, span: from.span }
            }
            None => self.plain(from),
        }
    }
}

/// A port without `to_port` (which a plan shows as 0) is that one port.
fn single_ports(fields: &'static [Field], members: &mut Vec<(Spanned<String>, Node)>) {
    if !std::ptr::eq(fields, PORTS) {
        return;
    }
    let number = |members: &[(Spanned<String>, Node)], name: &str| {
        members.iter().find(|(key, _)| key.value == name).map(|(_, node)| node.clone())
    };
    let (from, to) = (number(members, "FromPort"), number(members, "ToPort"));
    let missing = to.is_none_or(|to| to.value == Value::Number("0".to_owned()));
    if let Some(from) = from
        && missing
    {
        members.retain(|(key, _)| key.value != "ToPort");
        members.push((Spanned::new("ToPort".to_owned(), from.span), from));
    }
}

fn is_block(field: Option<&Field>) -> bool {
    matches!(field, Some(Field(_, _, Block(_) | Blocks(_) | Keyed(..))))
}

/// `tcp_idle_timeout` to `TcpIdleTimeout`.
fn pascal_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// Whether a keyword chooses the buffer that later keywords look at.
fn is_buffer(keyword: &str) -> bool {
    const NO_BUFFER: [&str; 8] = [
        "tls.version",
        "dns.opcode",
        "tcp.mss",
        "tls.cert_chain_len",
        "flow.age",
        "flow.bytes_toclient",
        "ipv6.hdr_len",
        "dns.rrtype",
    ];
    const WITHOUT_DOT: [&str; 14] = [
        "file_data",
        "pkt_data",
        "base64_data",
        "dns_query",
        "tls_sni",
        "tls_cert_subject",
        "tls_cert_issuer",
        "tls_cert_serial",
        "tls_cert_fingerprint",
        "ja3_hash",
        "ja3_string",
        "ssh_proto",
        "ssh_software",
        "dnp3_data",
    ];
    WITHOUT_DOT.contains(&keyword)
        || (keyword.contains('.') && !keyword.starts_with("flow.") && !NO_BUFFER.contains(&keyword))
}
