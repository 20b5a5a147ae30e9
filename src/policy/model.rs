//! A firewall policy with everything it needs, whatever language it was written in.
//!
//! Source of names and bounds: the API model of AWS Network Firewall (`network-firewall` 2020-11-12).

use crate::rules::ast::Rule;
use crate::source::{Span, Spanned};
use ipnet::IpNet;
use std::time::Duration;

/// One policy, resolved: every rule group it references is in it.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its name (`FirewallPolicyName`, or the logical id, or the file's name).
    pub name: String,
    /// Where it is defined.
    pub span: Span,
    /// The stateless stage; `None` for a plain `.rules` policy, where everything goes to the stateful engine.
    pub stateless: Option<StatelessPolicy>,
    /// The stateful stage.
    pub stateful: StatefulPolicy,
    /// Set when the document holds rule groups only: they are judged under a stand-in, and reports say so.
    pub stand_in: bool,
    /// What reports must not hide: opaque managed groups, groups or rules left out at the user's wish, ...
    pub notices: Vec<Notice>,
}

/// Something the summary must say about the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// One line.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// Where.
    pub span: Option<Span>,
}

/// The stateless stage of a policy.
#[derive(Clone, Debug)]
pub struct StatelessPolicy {
    /// For packets that no rule matches.
    pub default_actions: StatelessActions,
    /// For UDP fragments that no rule matches.
    pub fragment_default_actions: StatelessActions,
    /// By ascending priority.
    pub groups: Vec<StatelessGroup>,
}

/// A standard action and the custom actions beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatelessActions {
    /// What happens to the packet.
    pub action: StatelessAction,
    /// Custom actions that publish a metric, in order.
    pub custom: Vec<CustomAction>,
    /// Where the actions are written.
    pub span: Span,
}

/// `aws:pass`, `aws:drop`, `aws:forward_to_sfe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatelessAction {
    /// Goes on; the stateful engine never sees it.
    Pass,
    /// Discarded.
    Drop,
    /// The stateful engine decides.
    Forward,
}

/// A named action that publishes a CloudWatch metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomAction {
    /// `ActionName`.
    pub name: String,
    /// The value of the `CustomAction` dimension.
    pub dimension: String,
}

/// A stateless rule group.
#[derive(Clone, Debug)]
pub struct StatelessGroup {
    /// Its name.
    pub name: String,
    /// Priority in the policy, 1..=65535.
    pub priority: u16,
    /// By ascending priority.
    pub rules: Vec<StatelessRule>,
    /// What it declares and what its rules need.
    pub capacity: Capacity,
    /// Where it is defined.
    pub span: Span,
}

/// A stateless rule. All attributes must match; an empty one matches everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatelessRule {
    /// 1..=65535, unique in its group.
    pub priority: u16,
    /// Source prefixes.
    pub sources: Vec<IpNet>,
    /// Destination prefixes.
    pub destinations: Vec<IpNet>,
    /// Source port ranges, inclusive.
    pub source_ports: Vec<(u16, u16)>,
    /// Destination port ranges, inclusive.
    pub destination_ports: Vec<(u16, u16)>,
    /// IANA protocol numbers.
    pub protocols: Vec<u8>,
    /// TCP flag conditions, any of which must hold.
    pub tcp_flags: Vec<TcpFlags>,
    /// What to do.
    pub actions: StatelessActions,
    /// Where it is written.
    pub span: Span,
}

/// `(packet & mask) == flags`, bits as in [`crate::packet::tcp_flag`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpFlags {
    /// Flags that must be set.
    pub flags: u8,
    /// Flags that are looked at; all eight when the policy gives none.
    pub mask: u8,
}

/// The stateful stage of a policy.
#[derive(Clone, Debug)]
pub struct StatefulPolicy {
    /// `RuleOrder`.
    pub order: RuleOrder,
    /// Strict order: by ascending priority. Action order: in document order.
    pub groups: Vec<StatefulGroup>,
    /// `StatefulDefaultActions`, without the `aws:`.
    pub default_actions: Vec<Spanned<DefaultAction>>,
    /// Rules that the user gives in place of our model of the default actions.
    pub default_action_rules: Option<Vec<Rule>>,
    /// `StreamExceptionPolicy`; AWS's default is drop.
    pub stream_exception: StreamExceptionPolicy,
    /// `TcpIdleTimeoutSeconds`; 350 s when not given.
    pub tcp_idle: Duration,
    /// The policy's HOME_NET; `None` when nothing says what it is.
    pub home_net: Option<AddressVariable>,
    /// The policy's EXTERNAL_NET when given explicitly (`.rules` policies and options only); else it is the negation of HOME_NET.
    pub external_net: Option<AddressVariable>,
}

/// `RuleOrder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleOrder {
    /// `DEFAULT_ACTION_ORDER`: pass, drop, reject, alert.
    Action,
    /// `STRICT_ORDER`: as written.
    Strict,
}

/// `StreamExceptionPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamExceptionPolicy {
    /// `DROP`
    Drop,
    /// `CONTINUE`
    Continue,
    /// `REJECT`
    Reject,
}

/// A value of `StatefulDefaultActions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DefaultAction {
    /// `aws:drop_strict`
    DropStrict,
    /// `aws:drop_established`
    DropEstablished,
    /// `aws:drop_established_app_layer`
    DropEstablishedAppLayer,
    /// `aws:drop_established_app_layer_to_server`
    DropEstablishedAppLayerToServer,
    /// `aws:alert_strict`
    AlertStrict,
    /// `aws:alert_established`
    AlertEstablished,
    /// `aws:alert_established_app_layer`
    AlertEstablishedAppLayer,
    /// `aws:alert_established_app_layer_to_server`
    AlertEstablishedAppLayerToServer,
}

impl DefaultAction {
    /// All of them, in AWS's order.
    pub const ALL: [Self; 8] = [
        Self::DropStrict,
        Self::DropEstablished,
        Self::DropEstablishedAppLayer,
        Self::DropEstablishedAppLayerToServer,
        Self::AlertStrict,
        Self::AlertEstablished,
        Self::AlertEstablishedAppLayer,
        Self::AlertEstablishedAppLayerToServer,
    ];

    /// Its name without `aws:`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DropStrict => "drop_strict",
            Self::DropEstablished => "drop_established",
            Self::DropEstablishedAppLayer => "drop_established_app_layer",
            Self::DropEstablishedAppLayerToServer => "drop_established_app_layer_to_server",
            Self::AlertStrict => "alert_strict",
            Self::AlertEstablished => "alert_established",
            Self::AlertEstablishedAppLayer => "alert_established_app_layer",
            Self::AlertEstablishedAppLayerToServer => "alert_established_app_layer_to_server",
        }
    }

    /// The action of that name, with or without `aws:`.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.strip_prefix("aws:").unwrap_or(name);
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether it drops; the others only report.
    pub fn drops(self) -> bool {
        self.name().starts_with("drop_")
    }
}

/// The capacity of a rule group, in AWS's units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// What the document declares; `None` where it says nothing.
    pub declared: Option<u32>,
    /// What the rules need.
    pub needed: u64,
    /// What they may need: AWS publishes two formulas for domain lists, of which this is the larger.
    pub needed_at_most: u64,
    /// What one more domain adds; `None` for groups that are no domain lists.
    pub of_a_domain: Option<u64>,
}

/// A stateful rule group: standard rules and domain lists are expanded to rules already.
#[derive(Clone, Debug)]
pub struct StatefulGroup {
    /// Its name.
    pub name: String,
    /// Its ARN, if the document says it.
    pub arn: Option<String>,
    /// Priority in the policy (strict order).
    pub priority: Option<u16>,
    /// What it was written as.
    pub kind: StatefulKind,
    /// The rules in order.
    pub rules: Vec<Rule>,
    /// Address variables: `RuleVariables.IPSets`, HOME_NET and EXTERNAL_NET of the group among them.
    pub ip_sets: Vec<AddressVariable>,
    /// Port variables.
    pub port_sets: Vec<PortVariable>,
    /// IP set references by name (`@NAME`), with what the user supplied.
    pub ip_set_references: Vec<AddressVariable>,
    /// Variables and references that are declared and that no rule uses, with their sign.
    pub unused_variables: Vec<Spanned<String>>,
    /// `Override: DROP_TO_ALERT`.
    pub drop_to_alert: bool,
    /// What it declares and what its rules need.
    pub capacity: Capacity,
    /// Where it is defined.
    pub span: Span,
}

/// What a stateful group was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatefulKind {
    /// `RulesString`, or a `.rules` file.
    Suricata,
    /// `RulesSourceList`.
    DomainList,
    /// `StatefulRules`.
    Standard,
}

/// An address variable: the entries as written (`10.0.0.0/8`, `!$HOME_NET`, `any`, ...) in Suricata's syntax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressVariable {
    /// Name without `$` or `@`.
    pub name: String,
    /// Entries; the variable is their list.
    pub entries: Vec<Spanned<String>>,
    /// Where the value came from, for reports: ``the CIDR of VPC `StudioVPC` (vpc.yaml:42)``, `--home-net`, ...
    pub origin: String,
}

/// A port variable; entries as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortVariable {
    /// Name without `$`.
    pub name: String,
    /// Entries; the variable is their list.
    pub entries: Vec<Spanned<String>>,
}
