//! Flows: who belongs together, what is known of it, and when it is over.
//!
//! In: decoded packets. Out: the flow of each, created when there is none, with its direction. Time is capture time: a
//! flow is over when a packet comes later than its time-out allows. Nothing here decides anything about a packet; what
//! the stream engine, the parsers and the rules keep of a flow hangs in it.

mod key;
mod table;

pub use key::{AddressPair, FlowKey};
pub use table::{Lookup, Table};

use crate::app::{AppLayer, AppProto};
use crate::packet::{Packet, Transport};
use crate::stream::{Outline, Session, StreamUse};
use crate::verdict::{Direction, RuleId};
use smallvec::SmallVec;
use std::net::IpAddr;

/// How far a flow has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FlowState {
    /// One side has spoken; TCP: the handshake is not over.
    #[default]
    New,
    /// Both sides have spoken.
    Established,
    /// TCP has ended.
    Closed,
    /// Its packets pass without being looked at in any way. Suricata: `FLOW_STATE_LOCAL_BYPASSED`.
    Bypassed,
}

/// Idle times after which a flow is over, in seconds. Defaults are the oracle's and Suricata's; TCP's is AWS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// TCP by state: new, established, closed.
    pub tcp: [u32; 3],
    /// UDP by state: new, established.
    pub udp: [u32; 2],
    /// ICMP by state: new, established.
    pub icmp: [u32; 2],
    /// Others by state: new, established.
    pub other: [u32; 2],
    /// A flow is over when its time has passed to the nanosecond; otherwise when the seconds that it was to last, counted
    /// from the second of its last packet, are all over.
    pub to_the_nanosecond: bool,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { tcp: [60, 350, 60], udp: [30, 300], icmp: [30, 300], other: [30, 300], to_the_nanosecond: false }
    }
}

/// Idle time of a bypassed flow, seconds. Suricata's default for every protocol.
const BYPASSED_SECS: u32 = 100;

impl Timeouts {
    fn of(&self, proto: u8, state: FlowState) -> u32 {
        if state == FlowState::Bypassed {
            return BYPASSED_SECS;
        }
        let pair = |pair: [u32; 2]| match state {
            FlowState::New => pair[0],
            FlowState::Established => pair[1],
            FlowState::Closed | FlowState::Bypassed => 0,
        };
        match proto {
            6 => match state {
                FlowState::New => self.tcp[0],
                FlowState::Established => self.tcp[1],
                FlowState::Closed | FlowState::Bypassed => self.tcp[2],
            },
            17 => pair(self.udp),
            1 | 58 => pair(self.icmp),
            _ => pair(self.other),
        }
    }
}

/// What was decided for a whole flow. The first decision stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowAction {
    /// Nothing yet.
    #[default]
    None,
    /// Passed by a rule: no packet of it is inspected any more.
    Pass(RuleId),
    /// Passed by an exception policy.
    ExceptionPass,
    /// Condemned by a rule.
    Drop(RuleId),
    /// Condemned by the stream exception policy; `reject` when its first packet was rejected.
    Exception {
        /// The policy is to reject.
        reject: bool,
    },
}

impl FlowAction {
    /// Every further packet is dropped.
    pub fn is_drop(self) -> bool {
        matches!(self, Self::Drop(_) | Self::Exception { .. })
    }
}

/// A pair of facts, one for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerDirection<T>([T; 2]);

impl<T: Copy> PerDirection<T> {
    /// The fact for a direction.
    pub fn get(&self, direction: Direction) -> T {
        let [server, client] = self.0;
        match direction {
            Direction::ToServer => server,
            Direction::ToClient => client,
        }
    }

    fn reverse(&mut self) {
        self.0.reverse();
    }

    /// Changes the fact for a direction.
    pub fn set(&mut self, direction: Direction, value: T) {
        let [server, client] = &mut self.0;
        match direction {
            Direction::ToServer => *server = value,
            Direction::ToClient => *client = value,
        }
    }
}

/// What rules have noted on a flow, by the numbers that the program gives to their names.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Bits that are set.
    pub bits: SmallVec<[u16; 4]>,
    /// Counters that are set, with their values.
    counters: SmallVec<[(u32, u32); 1]>,
}

impl Notes {
    /// Nothing is set: what Suricata asks before it looks at `flowbits:isset`.
    pub fn is_empty(&self) -> bool {
        self.bits.is_empty() && self.counters.is_empty()
    }

    /// The value of a counter that is set.
    pub fn counter(&self, counter: u32) -> Option<u32> {
        self.counters.iter().find(|(known, _)| *known == counter).map(|(_, value)| *value)
    }

    /// Sets a counter.
    pub fn set_counter(&mut self, counter: u32, value: u32) {
        match self.counters.iter_mut().find(|(known, _)| *known == counter) {
            Some((_, known)) => *known = value,
            None => self.counters.push((counter, value)),
        }
    }
}

/// One flow.
#[derive(Debug)]
pub struct Flow {
    /// The number of the frame that began it. Of several flows of one frame, as in tunnels, each has
    /// [`Flow::NEXT_OF_THE_SAME_FRAME`] more than the one before.
    pub id: u64,
    /// The client.
    pub src: IpAddr,
    /// The server.
    pub dst: IpAddr,
    /// The client's port, or what stands in its place ([`FlowKey`]).
    pub src_port: u16,
    /// The server's port.
    pub dst_port: u16,
    /// IANA protocol number.
    pub proto: u8,
    /// How far it has come.
    pub state: FlowState,
    /// Detection found that the first packet came from the server.
    pub reversed: bool,
    /// Packets that are not error messages about it were seen.
    pub seen: PerDirection<bool>,
    /// Rules that look at addresses only have had their packet.
    pub ip_only_done: PerDirection<bool>,
    /// The parser has moved since transactions of this direction were last inspected.
    pub app_updated: PerDirection<bool>,
    /// Protocol detection has ended and no packet of this direction has been inspected since.
    pub detection_ended: PerDirection<bool>,
    /// What the rules that packets of this direction meet make of the stream.
    pub stream_use: PerDirection<StreamUse>,
    /// The parser has asked for no more payload inspection (encrypted traffic).
    pub no_payload_inspection: bool,
    /// What was decided for the whole of it.
    pub action: FlowAction,
    /// The first drop seen: frame, rule.
    pub first_drop: Option<(u64, Option<RuleId>)>,
    /// A drop of it was a reject.
    pub rejected: bool,
    /// Capture time of the first packet, nanoseconds.
    pub start_ns: i64,
    /// Latest capture time seen, nanoseconds.
    pub last_ns: i64,
    /// Packets by direction.
    pub packets: [u32; 2],
    /// Bytes by direction.
    pub bytes: [u64; 2],
    /// What rules have noted.
    pub notes: Notes,
    /// TCP.
    pub session: Option<Box<Session>>,
    /// Application layer.
    pub app: Option<Box<AppLayer>>,
    /// What is left of the two once the flow is condemned.
    rest: Option<Box<Rest>>,
    timeout_secs: u32,
}

/// What is still asked of a condemned flow: is this a new connection, and what is its record.
#[derive(Debug)]
struct Rest {
    tcp: Option<Outline>,
    app_proto: AppProto,
    sni: Option<Box<str>>,
    hosts: Vec<String>,
}

impl Flow {
    /// What tells flows of one frame apart. With it, numbers of frames up to 10^12 stay exact in JSON.
    pub const NEXT_OF_THE_SAME_FRAME: u64 = 1 << 40;

    /// Seconds between its first packet and its last, of whole seconds each. Suricata: `flow.age`.
    pub fn age_secs(&self) -> u32 {
        (self.last_ns.div_euclid(NANOS_PER_SEC) - self.start_ns.div_euclid(NANOS_PER_SEC)) as u32
    }

    fn new(id: u64, packet: &Packet<'_>, src: IpAddr, dst: IpAddr, timeouts: &Timeouts) -> Self {
        let (src_port, dst_port) = key::endpoints(packet);
        Self {
            id,
            src,
            dst,
            src_port,
            dst_port,
            proto: packet.proto,
            state: FlowState::New,
            reversed: false,
            seen: PerDirection::default(),
            ip_only_done: PerDirection::default(),
            app_updated: PerDirection::default(),
            detection_ended: PerDirection::default(),
            stream_use: PerDirection::default(),
            no_payload_inspection: false,
            action: FlowAction::None,
            first_drop: None,
            rejected: false,
            start_ns: packet.time_ns,
            last_ns: packet.time_ns,
            packets: [0; 2],
            bytes: [0; 2],
            notes: Notes::default(),
            session: None,
            app: None,
            rest: None,
            timeout_secs: timeouts.of(packet.proto, FlowState::New),
        }
    }

    /// Lets go of what only matters where packets are looked at: the flow is condemned, and they are dropped unseen.
    pub fn condense(&mut self) {
        if self.session.is_none() && self.app.is_none() {
            return;
        }
        let rest = Rest {
            tcp: self.tcp_outline(),
            app_proto: self.app_proto(),
            sni: self.sni().map(Into::into),
            hosts: self.hosts(),
        };
        (self.session, self.app, self.rest) = (None, None, Some(Box::new(rest)));
    }

    /// What tells a new connection from this one; `None` without a session.
    pub fn tcp_outline(&self) -> Option<Outline> {
        let kept = || self.rest.as_ref().and_then(|rest| rest.tcp);
        self.session.as_deref().map(Session::outline).or_else(kept)
    }

    /// What it speaks.
    pub fn app_proto(&self) -> AppProto {
        let kept = || self.rest.as_ref().map_or(AppProto::Unknown, |rest| rest.app_proto);
        self.app.as_deref().map_or_else(kept, |app| app.proto)
    }

    /// The server name of TLS.
    pub fn sni(&self) -> Option<&str> {
        let kept = || self.rest.as_ref().and_then(|rest| rest.sni.as_deref());
        self.app.as_deref().and_then(AppLayer::sni).or_else(kept)
    }

    /// Hosts of its HTTP requests, each once.
    pub fn hosts(&self) -> Vec<String> {
        let kept = || self.rest.as_ref().map(|rest| rest.hosts.clone()).unwrap_or_default();
        self.app.as_deref().map_or_else(kept, AppLayer::hosts)
    }

    /// Which way a packet goes. Decided by the source port, or by the address where the ports are equal.
    pub fn direction(&self, packet: &Packet<'_>) -> Direction {
        let from_client = match (packet.proto, packet.ports()) {
            (6 | 17 | 132, Some((src, dst))) if src != dst => src == self.src_port,
            (6 | 17 | 132 | 1 | 58, _) => packet.ip.is_some_and(|ip| ip.src == self.src),
            _ => return Direction::ToServer,
        };
        if from_client == self.reversed { Direction::ToClient } else { Direction::ToServer }
    }

    /// Client and server change places: detection found that the first packet was the server's.
    pub fn reverse(&mut self) {
        self.reversed = !self.reversed;
        self.packets.reverse();
        self.bytes.reverse();
        for fact in [&mut self.seen, &mut self.ip_only_done, &mut self.app_updated, &mut self.detection_ended] {
            fact.reverse();
        }
        self.stream_use.reverse();
    }

    /// Moves to another state, which has its own time-out.
    pub fn set_state(&mut self, state: FlowState, timeouts: &Timeouts) {
        if state != self.state {
            self.state = state;
            self.timeout_secs = timeouts.of(self.proto, state);
        }
    }

    /// The last second at which it still is alive.
    fn expires_at(&self) -> i64 {
        self.last_ns.div_euclid(NANOS_PER_SEC) + i64::from(self.timeout_secs)
    }

    /// It is over when a packet of this time comes.
    fn is_over_at(&self, now_ns: i64, timeouts: &Timeouts) -> bool {
        if timeouts.to_the_nanosecond {
            now_ns >= self.last_ns.saturating_add(i64::from(self.timeout_secs) * NANOS_PER_SEC)
        } else {
            self.expires_at() < now_ns.div_euclid(NANOS_PER_SEC)
        }
    }

    /// Both sides have been seen.
    pub fn seen_both_ways(&self) -> bool {
        self.seen.get(Direction::ToServer) && self.seen.get(Direction::ToClient)
    }
}

const NANOS_PER_SEC: i64 = 1_000_000_000;

/// True for ICMPv4 messages about another packet; they never open a flow.
pub fn is_icmp_error(packet: &Packet<'_>) -> bool {
    packet.proto == 1
        && matches!(&packet.transport, Transport::Icmp(icmp) if matches!(icmp.icmp_type, 3 | 4 | 5 | 11 | 12))
}
