//! The words every later room speaks: what a rule says, what happens to a frame, and why.

use std::net::IpAddr;

/// Which way a packet goes in its flow. The client is the sender of the flow's first packet unless protocol detection
/// finds that the first packet came from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// From the server.
    ToClient,
}

impl Direction {
    /// The other one.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }

    /// 0 to the server, 1 to the client: an index into a pair.
    pub fn index(self) -> usize {
        self as usize
    }

    /// Suricata's word: `to_server` or `to_client`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ToServer => "to_server",
            Self::ToClient => "to_client",
        }
    }
}

/// What a signature says is to be done. In Suricata's default order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleAction {
    /// Let it through and look no further.
    Pass,
    /// Discard it.
    Drop,
    /// Discard it and answer with a reset or an ICMP error.
    Reject,
    /// Report it.
    Alert,
}

impl RuleAction {
    /// The keyword in a rule.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Reject => "reject",
            Self::Alert => "alert",
        }
    }
}

/// What happens to a frame. Exhaustive on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It is discarded.
    Drop,
    /// It is discarded and its sender is told.
    Reject,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pass, Self::Drop, Self::Reject];

    /// `pass`, `drop` or `reject`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
            Self::Reject => "reject",
        }
    }
}

/// A stateful rule of a compiled program, by its place in the engine's order of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A rule of the stateless stage: which group of the policy (ascending priority), which rule of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StatelessRuleId {
    /// Index into the program's stateless groups.
    pub group: u16,
    /// Index into the group's rules.
    pub rule: u32,
}

/// The part of the firewall that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The frame is not IP and never reaches a firewall endpoint.
    None,
    /// The stateless engine passed or dropped it.
    Stateless,
    /// The stateful engine decided.
    Stateful,
}

impl Stage {
    /// `none`, `stateless` or `stateful`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Stateless => "stateless",
            Self::Stateful => "stateful",
        }
    }
}

/// Why a frame has its verdict. Exhaustive on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Not IP; never judged.
    NotIp,
    /// A stateless rule passed or dropped it.
    StatelessRule(StatelessRuleId),
    /// The stateless default action.
    StatelessDefault,
    /// The stateless default action for UDP fragments.
    StatelessFragmentDefault,
    /// A fragment of another protocol than UDP that no stateless rule matched: always dropped.
    StatelessFragment,
    /// No stateful rule had anything to say.
    NoRule,
    /// A stateful rule (a default action's rules among them) matched this very packet.
    Rule(RuleId),
    /// Same, but a `threshold` held the action: Suricata's `rules_threshold`.
    RuleThreshold(RuleId),
    /// The flow had been passed by this rule before.
    FlowPassed(RuleId),
    /// The flow had been condemned: by a rule, or by an exception policy (`None`).
    FlowDropped(Option<RuleId>),
    /// The stream exception policy: TCP without a handshake. Suricata's `stream midstream`.
    StreamException,
    /// An invalid TCP packet. Suricata's `stream error`.
    StreamError,
    /// Another exception policy; the word is Suricata's drop reason.
    Exception(&'static str),
}

impl Cause {
    /// Suricata 7.0's word for a drop of this cause, as in `drop.reason` of its EVE log; `None` for causes it has no word for.
    pub fn suricata_reason(self) -> Option<&'static str> {
        match self {
            Self::Rule(_) => Some("rules"),
            Self::RuleThreshold(_) => Some("rules_threshold"),
            Self::FlowDropped(_) => Some("flow drop"),
            Self::StreamException => Some("stream midstream"),
            Self::StreamError => Some("stream error"),
            Self::Exception(word) => Some(word),
            Self::NotIp
            | Self::StatelessRule(_)
            | Self::StatelessDefault
            | Self::StatelessFragmentDefault
            | Self::StatelessFragment
            | Self::NoRule
            | Self::FlowPassed(_) => None,
        }
    }
}

/// The fate of one frame, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// The frame's number, from 1, over all files of the replay.
    pub frame_no: u64,
    /// Bytes on the wire.
    pub wire_len: u32,
    /// What happens to it.
    pub verdict: Verdict,
    /// The stage that decided.
    pub stage: Stage,
    /// Why.
    pub cause: Cause,
    /// The first drop or reject rule that matched the packet, as the oracle reports it; default-action rules included.
    pub drop_rule: Option<RuleId>,
    /// The flow it belongs to, if it reached the stateful engine and has one: the number of the frame that began it, or,
    /// where one frame began several (tunnels), a number above 2^40.
    pub flow: Option<u64>,
    /// The snap length cut it: fewer bytes captured than were on the wire.
    pub cut: bool,
}

/// One alert of the stateful engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alert {
    /// The frame, or 0 when it was raised while the flow was closed at the end of its life.
    pub frame_no: u64,
    /// The rule.
    pub rule: RuleId,
    /// IANA protocol number; `None` when the packet could not be decoded that far.
    pub proto: Option<u8>,
    /// Source of the packet; `None` when undecodable.
    pub src: Option<(IpAddr, Option<u16>)>,
    /// Destination of the packet.
    pub dst: Option<(IpAddr, Option<u16>)>,
    /// Direction in the flow, if there is one.
    pub direction: Option<Direction>,
    /// What was known of the flow, if there is one.
    pub flow: Option<AlertFlow>,
}

/// What was known of a flow when a rule reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertFlow {
    /// The number of its [`FlowRecord`].
    pub id: u64,
    /// Suricata's name of the application protocol.
    pub app_proto: Option<&'static str>,
    /// The TLS server name of its record was known.
    pub has_sni: bool,
    /// How many HTTP host names of its record were known.
    pub n_hosts: usize,
}

/// A flow, reported when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowRecord {
    /// The number that [`Decision::flow`] refers to.
    pub id: u64,
    /// Capture time of its first packet, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Capture time of its last packet.
    pub end_ns: i64,
    /// IANA protocol number.
    pub proto: u8,
    /// The client.
    pub src: (IpAddr, Option<u16>),
    /// The server.
    pub dst: (IpAddr, Option<u16>),
    /// Suricata's name of the application protocol; `None` when detection never ran, `failed` when it gave up.
    pub app_proto: Option<&'static str>,
    /// The TLS server name, if one was seen.
    pub sni: Option<String>,
    /// HTTP host names in order of appearance, each once.
    pub http_hosts: Vec<String>,
    /// `new`, `established` or `closed`.
    pub state: &'static str,
    /// TCP: Suricata's name of the state.
    pub tcp_state: Option<&'static str>,
    /// `Drop` or `Reject` when the whole flow was condemned.
    pub verdict: Verdict,
    /// A flow-wide action: `Some(Pass)`, `Some(Drop)` or none.
    pub flow_action: Option<RuleAction>,
    /// First drop seen in the flow: its frame, and its rule if a rule did it.
    pub first_drop: Option<(u64, Option<RuleId>)>,
    /// Packets from the client.
    pub packets_to_server: u64,
    /// Packets from the server.
    pub packets_to_client: u64,
    /// Bytes from the client.
    pub bytes_to_server: u64,
    /// Bytes from the server.
    pub bytes_to_client: u64,
}

/// Where the engine's results go, in the order they become known: the decision of each frame in capture order, an alert
/// right after the decision of its frame, a flow when it ends.
pub trait Sink {
    /// The fate of a frame.
    fn decision(&mut self, decision: &Decision);
    /// A rule reported.
    fn alert(&mut self, alert: &Alert);
    /// A flow ended (time-out, reuse, or end of the capture).
    fn flow(&mut self, flow: &FlowRecord);
}
