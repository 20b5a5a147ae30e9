//! What is noted while a flow is replayed: of every packet what it was like, what rules made of it, and what became of
//! the flow.

use super::names::Answers;
use super::question::Tuple;
use crate::app::{AppLayer, AppProto};
use crate::detect::trace::{Miss, Tried};
use crate::detect::{BufferTest, Origin, PacketState, Program, RulePath, Tracer, Values, Window, matches_watched};
use crate::flow::{Flow, FlowAction, FlowState};
use crate::packet::{Packet, Transport, tcp_flag};
use crate::stateless::reference::Attribute;
use crate::verdict::{Alert, Cause, Decision, Direction, FlowRecord, RuleId, Sink, StatelessRuleId};
use std::net::IpAddr;

const DNS_PORT: u16 = 53;

/// Bytes kept of a buffer that a rule was asked of.
const KEPT_BYTES: usize = 512;

/// A packet's two ends: addresses, with ports where it has some.
pub type Ends = [(IpAddr, Option<u16>); 2];

/// What a packet is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketFacts {
    /// From and to; `None` when it is not IP.
    pub ends: Option<Ends>,
    /// IANA protocol number.
    pub proto: u8,
    /// TCP flags.
    pub tcp_flags: Option<u8>,
    /// Bytes of payload.
    pub payload_len: usize,
    /// Time to live.
    pub ttl: u8,
    /// ICMP type and code.
    pub icmp: Option<(u8, u8)>,
    /// It is a fragment, or was put together from some.
    pub fragment: Option<Fragment>,
    /// What decoder and stream engine found odd, by Suricata's names.
    pub events: Vec<&'static str>,
}

/// What a packet has to do with fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fragment {
    /// It is one, at this offset in bytes.
    Part(u32),
    /// It was put together from some.
    Whole,
}

impl PacketFacts {
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        let ports = packet.ports();
        let fragment = packet.ip.and_then(|ip| ip.fragment).map(|fragment| Fragment::Part(fragment.offset));
        Self {
            ends: packet.ip.map(|ip| [(ip.src, ports.map(|(src, _)| src)), (ip.dst, ports.map(|(_, dst)| dst))]),
            proto: packet.ip.map_or(packet.proto, |ip| ip.fragment.map_or(ip.proto, |fragment| fragment.next_header)),
            tcp_flags: packet.tcp().map(|tcp| tcp.flags),
            payload_len: packet.payload.len(),
            ttl: packet.ip.map_or(0, |ip| ip.ttl),
            icmp: match &packet.transport {
                Transport::Icmp(icmp) => Some((icmp.icmp_type, icmp.code)),
                _ => None,
            },
            fragment: fragment.or(packet.reassembled.then_some(Fragment::Whole)),
            events: packet.events.iter().map(|event| event.0).collect(),
        }
    }

    /// A TCP packet that opens a connection or answers to that.
    pub fn is_syn(&self) -> bool {
        self.tcp_flags.is_some_and(|flags| flags & tcp_flag::SYN != 0)
    }
}

/// What is known of a flow behind a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowFacts {
    /// Its number.
    pub id: u64,
    /// Client and server.
    pub ends: Ends,
    /// IANA protocol number.
    pub proto: u8,
    /// `new`, `established`, `closed`, `bypassed`.
    pub state: &'static str,
    /// Suricata's name of the TCP state.
    pub tcp_state: Option<&'static str>,
    /// What client and server were found to speak.
    pub spoken: [AppProto; 2],
    /// The flow's application protocol.
    pub app_proto: AppProto,
    /// The ClientHello has been read to its end.
    pub hello_read: bool,
    /// TLS server name.
    pub sni: Option<String>,
    /// HTTP host names.
    pub hosts: Vec<String>,
    /// What was decided for the whole of it.
    pub action: FlowAction,
}

impl FlowFacts {
    fn of(flow: &Flow) -> Self {
        let has_ports = matches!(flow.proto, 6 | 17 | 132);
        let mut ends =
            [(flow.src, flow.src_port), (flow.dst, flow.dst_port)].map(|(ip, port)| (ip, has_ports.then_some(port)));
        if flow.reversed {
            ends.reverse();
        }
        let app = flow.app.as_deref();
        Self {
            id: flow.id,
            ends,
            proto: flow.proto,
            state: match flow.state {
                FlowState::New => "new",
                FlowState::Established => "established",
                FlowState::Closed => "closed",
                FlowState::Bypassed => "bypassed",
            },
            tcp_state: flow.tcp_outline().map(|outline| outline.state.name()),
            spoken: app.map_or([AppProto::Unknown; 2], |app| [app.proto_to_server, app.proto_to_client]),
            app_proto: flow.app_proto(),
            hello_read: app.is_some_and(AppLayer::has_client_hello),
            sni: flow.sni().map(str::to_owned),
            hosts: flow.hosts(),
            action: flow.action,
        }
    }
}

/// Rules have looked at a packet, be it one that the engine made up.
#[derive(Clone, Debug)]
pub struct Look {
    /// The packet.
    pub facts: PacketFacts,
    /// Its direction in the flow.
    pub direction: Option<Direction>,
    /// The flow was established before it.
    pub established: bool,
    /// It came from the wire; else the engine made it up.
    pub is_of_wire: bool,
    /// Rules that matched, in order, with the bytes of a test of the payload.
    pub matched: Vec<(RuleId, Option<Tried>)>,
    /// Looks of rules that hold: the rule, the group of tests, the bytes.
    pub held: Vec<(RuleId, u16, Option<Tried>)>,
    /// Rules that did not match, by their numbers.
    pub missed: Vec<Option<(Miss, Option<Tried>)>>,
}

/// All that is noted of one frame.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// The packet that came to the stateless stage.
    pub arrived: Option<PacketFacts>,
    /// Who decided in the stateless stage, be it to forward.
    pub stateless_cause: Option<Cause>,
    /// The stateless rules that were tried in vain.
    pub stateless_misses: Vec<(StatelessRuleId, Attribute)>,
    /// The times that rules looked, in order.
    pub looks: Vec<Look>,
    /// The flow of the frame's innermost packet, as it was left.
    pub flow: Option<FlowFacts>,
}

/// Takes notes of frames one by one.
#[derive(Debug)]
pub(super) struct Recorder<'p> {
    program: &'p Program,
    /// The ends of the packets that are of interest.
    pub(super) tuple: Option<Tuple>,
    /// The flow that is of interest, once it is known.
    pub(super) flow: Option<u64>,
    /// Look at every rule of the packets of this frame, whatever their flow.
    pub(super) whole_frame: bool,
    notes: Notes,
    n_rules: usize,
    /// The packet at hand is one of interest.
    on: bool,
    tried: Option<Tried>,
    answers: Answers,
}

impl<'p> Recorder<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        Self {
            program,
            tuple: None,
            flow: None,
            whole_frame: false,
            notes: Notes::default(),
            n_rules: program.rules().count(),
            on: false,
            tried: None,
            answers: Answers::default(),
        }
    }

    /// Hands over what was noted since the last time.
    pub(super) fn take(&mut self) -> Notes {
        std::mem::take(&mut self.notes)
    }

    /// What DNS said.
    pub(super) fn answers(self) -> Answers {
        self.answers
    }

    fn look(&mut self) -> Option<&mut Look> {
        if self.on { self.notes.looks.last_mut() } else { None }
    }
}

impl Tracer for Recorder<'_> {
    const HEARS: bool = true;

    fn arrived(&mut self, packet: &Packet<'_>) {
        if matches!(packet.ports(), Some((DNS_PORT, _))) && packet.proto == 17 {
            self.answers.note(packet.payload);
        }
        let facts = PacketFacts::of(packet);
        let of_tuple = Tuple::of(&facts).is_some_and(|tuple| self.tuple.is_some_and(|of| of.is_same(tuple)));
        if self.whole_frame || of_tuple {
            self.notes.stateless_misses = self.program.stateless_misses(packet);
        }
        self.notes.arrived = Some(facts);
    }

    fn forwarded(&mut self, cause: Cause) {
        self.notes.stateless_cause = Some(cause);
    }

    fn packet(&mut self, packet: &Packet<'_>, flow: Option<&Flow>, state: &PacketState) {
        self.on = match flow {
            Some(flow) => self.flow == Some(flow.id),
            None => self.whole_frame,
        };
        self.tried = None;
        if self.on {
            self.notes.looks.push(Look {
                facts: PacketFacts::of(packet),
                direction: state.direction,
                established: state.established,
                is_of_wire: state.origin == Origin::Wire,
                matched: Vec::new(),
                held: Vec::new(),
                missed: vec![None; self.n_rules],
            });
        }
    }

    fn path(&self) -> RulePath {
        if self.on { RulePath::Plain } else { RulePath::Fast }
    }

    fn missed(&mut self, rule: RuleId, miss: Miss) {
        let tried = self.tried.take().filter(|_| matches!(miss, Miss::Payload(_) | Miss::Buffer(..)));
        if let Some(known) = self.look().and_then(|look| look.missed.get_mut(rule.0 as usize))
            && known.as_ref().is_none_or(|(before, _)| before.closeness() <= miss.closeness())
        {
            *known = Some((miss, tried));
        }
    }

    fn held(&mut self, rule: RuleId, look: u16) {
        let tried = self.tried.take();
        if let Some(at) = self.look() {
            at.held.push((rule, look, tried));
        }
    }

    fn matched(&mut self, rule: RuleId) {
        let tried = self.tried.take();
        if let Some(look) = self.look()
            && !look.matched.iter().any(|(known, _)| *known == rule)
        {
            look.matched.push((rule, tried));
        }
    }

    fn matches(&mut self, tests: &[BufferTest], window: Window<'_>, values: &mut Values) -> bool {
        if !self.on {
            return crate::detect::matches(tests, window, values);
        }
        let (holds, mut tried) = matches_watched::<Tried>(tests, window, values);
        if holds {
            tried.holds();
        }
        if holds || self.tried.as_ref().is_none_or(|best| best.test <= tried.test) {
            tried.bytes = window.bytes.get(..KEPT_BYTES).unwrap_or(window.bytes).to_vec();
            tried.len = window.bytes.len();
            self.tried = Some(tried);
        }
        holds
    }

    fn next_look(&mut self) {
        self.tried = None;
    }

    fn came_to(&self) -> Option<u16> {
        self.tried.as_ref().map(|tried| tried.test)
    }

    fn judged(&mut self, _: &Packet<'_>, flow: &Flow) {
        if self.notes.flow.is_none() {
            self.notes.flow = Some(FlowFacts::of(flow));
        }
    }
}

/// The decision about a frame.
#[derive(Debug, Default)]
pub(super) struct Said(pub(super) Option<Decision>);

impl Sink for Said {
    fn decision(&mut self, decision: &Decision) {
        self.0 = Some(*decision);
    }

    fn alert(&mut self, _: &Alert) {}

    fn flow(&mut self, _: &FlowRecord) {}
}
