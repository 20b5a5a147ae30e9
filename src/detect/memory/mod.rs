//! What rules remember: of a flow, of a host, of a pair of hosts, and of how often they have matched.
//!
//! A rule asks while it is looked at ([`Question`]), changes things when it has matched ([`Change`]), at once and
//! whatever becomes of its action, and may be held back by how often it matched ([`Threshold`]) when the matches of a
//! packet are walked. What belongs to a flow lies in the flow ([`crate::flow::Notes`]); the rest lies in [`Memory`],
//! which the engine owns. One file per family of keywords. Source of all of it: Suricata 7.0.10, measured.

mod flowbits;
mod flowint;
mod hostbits;
mod table;
mod threshold;

pub(super) use threshold::{Threshold, Weight};

use crate::flow::Notes;
use crate::packet::Packet;
use crate::rules::keyword::{BitCommand, Flowint, FlowintCommand, FlowintOperand, XbitTrack, Xbits};
use crate::verdict::RuleId;
use flowint::{Arithmetic, CounterTest, Operand};
use foldhash::HashMap;
use hostbits::HostBit;
use smallvec::SmallVec;
use std::net::IpAddr;
use table::Table;
use threshold::Count;

/// How many hosts are remembered. What is kept of one is bounded by the rules: a bit for each name and a count for each
/// rule. Beyond the limit, an entry that has not been used lately makes room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Hosts with bits or counts. Suricata: `host.memcap`, by the size of a host.
    pub hosts: usize,
    /// Pairs of hosts with bits or counts. Suricata: `ippair.memcap`, by the size of a pair.
    pub pairs: usize,
}

impl Default for MemoryLimits {
    /// Suricata's: 16 MiB each, less a table of 256 KiB, at 136 bytes a host and 152 bytes a pair.
    fn default() -> Self {
        Self { hosts: 121_434, pairs: 108_651 }
    }
}

/// What is asked about something remembered.
#[derive(Clone, Debug)]
pub(crate) enum Question {
    /// `flowbits`: some bit of a list is set, or is not.
    FlowBits { set: bool, bits: SmallVec<[u16; 2]> },
    /// `flowint`
    Counter(CounterTest),
    /// `xbits`, `hostbits`
    HostBit { set: bool, bit: HostBit },
}

/// What a match changes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// `flowbits`
    FlowBit(BitChange, u16),
    /// `flowint`: the counter, what is done with it, and with what.
    Counter(u32, Arithmetic, Operand),
    /// `xbits`, `hostbits`: the bit and its life time in seconds.
    HostBit(BitChange, HostBit, u32),
}

/// What happens to a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BitChange {
    Set,
    Unset,
    Toggle,
}

/// A keyword comes to one or the other.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Asks(Question),
    Changes(Change),
}

/// The names of a policy's rules, numbered.
#[derive(Debug, Default)]
pub(super) struct Names {
    flow_bits: HashMap<String, u16>,
    counters: HashMap<String, u32>,
    host_bits: HashMap<String, u32>,
    pair_bits: HashMap<String, u32>,
}

/// Everything remembered beyond a flow.
#[derive(Debug)]
pub(crate) struct Memory {
    hosts: Table<IpAddr, Remembered>,
    /// The lower address first: a pair is the same from both sides.
    pairs: Table<(IpAddr, IpAddr), Remembered>,
    by_rule: HashMap<RuleId, Count>,
}

/// What is remembered of a host or of a pair.
#[derive(Debug, Default)]
struct Remembered {
    bits: SmallVec<[hostbits::Set; 1]>,
    /// By the rule's place in the list of rules.
    counts: SmallVec<[(u32, Count); 1]>,
}

impl Memory {
    pub(crate) fn new(limits: MemoryLimits) -> Self {
        Self { hosts: Table::new(limits.hosts), pairs: Table::new(limits.pairs), by_rule: HashMap::default() }
    }

    /// Whether what is asked is so. `notes` are those of the packet's flow, if it has one.
    pub(crate) fn holds(&mut self, question: &Question, packet: &Packet<'_>, notes: Option<&Notes>) -> bool {
        match question {
            Question::FlowBits { set, bits } => notes.is_some_and(|notes| flowbits::hold(*set, bits, notes)),
            Question::Counter(test) => notes.is_some_and(|notes| test.holds(notes)),
            Question::HostBit { set, bit } => self.host_bit_is_set(*bit, packet) == *set,
        }
    }

    /// Does what a match does. Without a flow, nothing is noted on one.
    pub(crate) fn change(&mut self, change: &Change, packet: &Packet<'_>, notes: Option<&mut Notes>) {
        match (change, notes) {
            (Change::FlowBit(change, bit), Some(notes)) => flowbits::change(*change, *bit, notes),
            (Change::Counter(counter, arithmetic, operand), Some(notes)) => {
                flowint::change(*counter, *arithmetic, *operand, notes);
            }
            (Change::HostBit(change, bit, expire), _) => self.change_host_bit(*change, *bit, *expire, packet),
            (Change::FlowBit(..) | Change::Counter(..), None) => {}
        }
    }
}

impl Question {
    /// It is answered by the flow and cannot hold without one.
    pub(super) fn needs_flow(&self) -> bool {
        !matches!(self, Self::HostBit { .. })
    }
}

impl Names {
    /// `flowbits`
    pub(super) fn flowbits(&mut self, command: BitCommand, names: &[String]) -> Role {
        let bits: SmallVec<[u16; 2]> = names.iter().map(|name| number(&mut self.flow_bits, name)).collect();
        match deed(command) {
            Deed::Asks(set) => Role::Asks(Question::FlowBits { set, bits }),
            Deed::Changes(change) => {
                let bit = if let [bit] = bits.as_slice() { *bit } else { flowbits::NAMELESS };
                Role::Changes(Change::FlowBit(change, bit))
            }
        }
    }

    /// `flowint`
    pub(super) fn flowint(&mut self, flowint: &Flowint) -> Role {
        let counter = number(&mut self.counters, &flowint.name);
        let operand = match &flowint.operand {
            Some(FlowintOperand::Value(value)) => Operand::Value(*value),
            Some(FlowintOperand::Variable(name)) => Operand::Counter(number(&mut self.counters, name)),
            None => Operand::Value(0),
        };
        let arithmetic = match flowint.command {
            FlowintCommand::Set => Arithmetic::Set,
            FlowintCommand::Add => Arithmetic::Add,
            FlowintCommand::Subtract => Arithmetic::Subtract,
            test => return Role::Asks(Question::Counter(CounterTest { counter, test, operand })),
        };
        Role::Changes(Change::Counter(counter, arithmetic, operand))
    }

    /// `xbits` and `hostbits`, whose bits of hosts are the same.
    pub(super) fn host_bits(&mut self, bits: &Xbits, by_hostbits: bool) -> Role {
        let names = if bits.track == XbitTrack::Pair { &mut self.pair_bits } else { &mut self.host_bits };
        let bit = HostBit { track: bits.track, by_hostbits, bit: number(names, &bits.name) };
        match deed(bits.command) {
            Deed::Asks(set) => Role::Asks(Question::HostBit { set, bit }),
            Deed::Changes(change) => Role::Changes(Change::HostBit(change, bit, bits.expire)),
        }
    }
}

/// The number of a name, from 1.
fn number<N: Copy + Default + TryFrom<usize>>(names: &mut HashMap<String, N>, name: &str) -> N {
    let next = N::try_from(names.len() + 1).unwrap_or_default();
    *names.entry(name.to_owned()).or_insert(next)
}

/// What a command about a bit does.
enum Deed {
    /// Asks whether it is set, or is not.
    Asks(bool),
    Changes(BitChange),
}

fn deed(command: BitCommand) -> Deed {
    match command {
        BitCommand::Isset => Deed::Asks(true),
        BitCommand::Isnotset => Deed::Asks(false),
        BitCommand::Set => Deed::Changes(BitChange::Set),
        BitCommand::Unset => Deed::Changes(BitChange::Unset),
        BitCommand::Toggle => Deed::Changes(BitChange::Toggle),
    }
}
