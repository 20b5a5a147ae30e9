//! Rules: from a policy to a program, and from packets to matches.
//!
//! [`Program::compile`] orders the rules of a policy as the engine does, resolves variables, works out what kind of rule
//! each is (which decides what its action covers) and refuses what is not evaluated here, with its place. `inspect`
//! runs a program over one packet. Read `signature.rs` for what a rule becomes, `inspect.rs` for the order of work,
//! `memory/` for what rules remember from packet to packet, and `index/` for how rules that cannot match are left out.

mod byte_values;
mod categories;
mod classify;
mod classtype;
mod compile;
mod content;
mod countries;
mod default_actions;
mod event;
mod header;
mod index;
mod inspect;
mod looks;
mod memory;
mod order;
mod pcre;
mod places;
mod profile;
mod resolve;
mod session;
pub mod settings;
mod signature;
pub mod trace;
mod transform;

pub use categories::Categories;
pub use compile::CompileOptions;
pub use countries::Countries;
pub use index::RulePath;
pub use memory::MemoryLimits;
pub use pcre::PcreLimits;
pub use profile::EngineProfile;
pub use settings::{Settings, SettingsFile};
pub use signature::SignatureKind;

pub(crate) use classtype::priority as class_priority;
pub(crate) use content::{BufferTest, Values, Window, matches, matches_watched};
pub(crate) use default_actions::rules as default_action_rules;
pub(crate) use inspect::{Origin, Outcome as PacketOutcome, PacketState, Scratch, inspect};
pub(crate) use memory::Memory;
pub(crate) use signature::{AppProtoTest, Header, Look, PacketTest, Signature};
pub(crate) use trace::{Tracer, Untraced};

use crate::packet::Packet;
use crate::policy::model::{AddressVariable, DefaultAction, StatelessPolicy};
use crate::source::{Diagnostic, Span};
use crate::stateless::reference::Attribute;
use crate::stateless::{self, Stateless};
use crate::stream::StreamUse;
use crate::verdict::{Direction, RuleAction, RuleId, StatelessRuleId};
use index::Index;
use trace::Conditions;

/// A policy, compiled. Immutable; share it by reference.
#[derive(Debug)]
pub struct Program {
    /// The stateless stage; `None` when everything goes to the stateful engine.
    pub(crate) stateless: Option<Stateless>,
    stateless_policy: Option<StatelessPolicy>,
    /// In order of evaluation.
    signatures: Vec<Signature>,
    rules: Vec<RuleInfo>,
    /// Of each rule, if they are kept.
    conditions: Vec<Conditions>,
    groups: Vec<GroupInfo>,
    ip_only: Vec<RuleId>,
    /// By direction.
    packet_rules: [Vec<RuleId>; 2],
    /// Those of them that look into transactions.
    tx_rules: [Vec<RuleId>; 2],
    /// Those of these that wait for no pattern.
    patternless_tx_rules: [Vec<RuleId>; 2],
    /// Those that wait for a pattern in a header.
    header_rules: [Vec<RuleId>; 2],
    decoder_event_rules: Vec<RuleId>,
    /// Those that look at the stream, by direction.
    stream_rules: [Vec<RuleId>; 2],
    looks_into_headers: bool,
    index: Index,
    /// Bodies that patterns are looked for in, and where, in the order in which that happens; by direction.
    searched_bodies: [Vec<(places::BufferName, u8)>; 2],
    /// Some rule looks at `file.data`, which makes files of other protocols than HTTP/1 wait until enough of them has come.
    /// Source: Suricata 7.0.10, which only then sets up how much is enough.
    files_wait: bool,
    warnings: Vec<Diagnostic>,
    /// Places of rules that are left out.
    left_out: Vec<u32>,
    profile: EngineProfile,
    countries: Option<Countries>,
    categories: Option<Categories>,
}

/// What is to be said about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Signature id.
    pub sid: u32,
    /// Revision; 0 when the rule has none.
    pub rev: u32,
    /// What it does.
    pub action: RuleAction,
    /// `msg`; empty when the rule has none.
    pub msg: String,
    /// `priority`, else that of the class, else 3. Suricata's log calls it severity.
    pub severity: u32,
    /// Index into [`Program::groups`]; `None` for the rules of a default action.
    pub group: Option<u32>,
    /// Where it is written; `None` for the rules of a default action.
    pub span: Option<Span>,
    /// The domain or list element it was generated from.
    pub generated_from: Option<Span>,
    /// The default action whose model it belongs to.
    pub default_action: Option<DefaultAction>,
    /// It rests on what AWS does not publish: a category of names.
    pub is_modelled: bool,
    /// What kind of rule it is.
    pub kind: SignatureKind,
}

/// A rule group and the variables its rules were compiled with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// Rules.
    pub n_rules: usize,
    /// Its HOME_NET and where it came from; `None` when nothing says what it is.
    pub home_net: Option<AddressVariable>,
    /// Its EXTERNAL_NET; `None`: everything but the policy's HOME_NET.
    pub external_net: Option<AddressVariable>,
}

impl Program {
    /// A rule.
    pub fn rule(&self, id: RuleId) -> Option<&RuleInfo> {
        self.rules.get(self.signature(id)?.rule as usize)
    }

    /// All rules in order of evaluation; one with `<>` may come twice.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, &RuleInfo)> {
        self.signatures
            .iter()
            .enumerate()
            .filter_map(|(n, signature)| Some((RuleId(n as u32), self.rules.get(signature.rule as usize)?)))
    }

    /// Which rule of the policy comes when: places in the order of the document, the default actions' rules last, by
    /// [`RuleId`]. A rule with `<>` may come twice; those that are left out have no place.
    pub fn places(&self) -> impl Iterator<Item = u32> + '_ {
        self.signatures.iter().map(|signature| signature.rule)
    }

    /// Rules of the policy that are left out as the engine leaves them out, counted from 0 in the order of the document.
    pub fn left_out(&self) -> &[u32] {
        &self.left_out
    }

    /// The stateful groups, in order.
    pub fn groups(&self) -> &[GroupInfo] {
        &self.groups
    }

    /// The stateless stage of the policy it was compiled from.
    pub fn stateless_policy(&self) -> Option<&StatelessPolicy> {
        self.stateless_policy.as_ref()
    }

    /// Name and priority of a stateless rule's group, the rule's priority, and where it is written.
    pub fn stateless_rule(&self, id: StatelessRuleId) -> Option<(&str, u16, u16, Span)> {
        let group = self.stateless_policy.as_ref()?.groups.get(usize::from(id.group))?;
        let rule = group.rules.get(id.rule as usize)?;
        Some((&group.name, group.priority, rule.priority, rule.span))
    }

    /// How the engine behaves where versions and settings differ.
    pub fn profile(&self) -> &EngineProfile {
        &self.profile
    }

    /// The database that `geoip` asks.
    pub fn countries(&self) -> Option<&Countries> {
        self.countries.as_ref()
    }

    /// The table that the category keywords ask.
    pub fn categories(&self) -> Option<&Categories> {
        self.categories.as_ref()
    }

    /// What the rules that packets of a direction meet make of the stream; `server_port` is the port that they are
    /// grouped by. Source: Suricata 7.0.10, where a group of rules is found by the port that the server has.
    pub(crate) fn stream_use(&self, direction: Direction, server_port: u16) -> StreamUse {
        let rules = self.stream_rules.get(direction.index()).map_or(&[] as &[RuleId], Vec::as_slice);
        let mut used = StreamUse::None;
        for signature in rules.iter().filter_map(|id| self.signature(*id)) {
            let ports = match direction {
                Direction::ToServer => &signature.header.dst_port,
                Direction::ToClient => &signature.header.src_port,
            };
            if ports.as_ref().is_none_or(|ports| ports.contains(server_port)) {
                if signature.payload.pattern.is_some() {
                    return StreamUse::Searched;
                }
                used = StreamUse::Read;
            }
        }
        used
    }

    /// The place of a rule in the order of the document.
    pub(crate) fn place(&self, id: RuleId) -> Option<u32> {
        self.signature(id).map(|signature| signature.rule)
    }

    /// The stateless rules that a packet was tried on in vain, with what kept each from matching.
    pub(crate) fn stateless_misses(&self, packet: &Packet<'_>) -> Vec<(StatelessRuleId, Attribute)> {
        match (&self.stateless, &self.stateless_policy) {
            (Some(stateless), Some(policy)) => stateless::reference::misses(policy, stateless.semantics(), packet),
            _ => Vec::new(),
        }
    }

    /// Where the tests of a rule stand in it; `None` unless [`CompileOptions::keep_conditions`] was set.
    pub fn conditions(&self, id: RuleId) -> Option<&Conditions> {
        self.conditions.get(self.signature(id)?.rule as usize)
    }

    /// The rule is looked at with source and destination changed: the other half of `<>`.
    pub fn is_turned(&self, id: RuleId) -> bool {
        self.signature(id).is_some_and(|signature| signature.is_turned)
    }

    /// What is evaluated in part only.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Some rule looks at the bytes of headers.
    pub(crate) fn looks_into_headers(&self) -> bool {
        self.looks_into_headers
    }

    /// What a packet does may depend on packets of other pairs of addresses: some rule counts its matches or asks about
    /// bits of hosts. (Bits and counts of a pair are kept in one table for all, with one limit.)
    pub fn remembers_across_flows(&self) -> bool {
        self.signatures.iter().any(Signature::remembers_across_flows)
    }

    pub(crate) fn signature(&self, id: RuleId) -> Option<&Signature> {
        self.signatures.get(id.0 as usize)
    }
}
