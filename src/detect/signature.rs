//! A rule as the engine runs it.

use super::content::{BufferTest, ContentTest};
use super::header::{HeaderBytes, HeaderTest};
use super::memory::{Change, Memory, Question, Threshold};
use super::places::BufferName;
use super::session::SessionTest;
use super::trace::{HeaderPart, Miss};
use super::transform::Transforms;
use crate::app::AppProto;
use crate::flow::{Flow, Notes};
use crate::packet::{Event, Packet, Transport};
use crate::rules::keyword::{
    BitsMatch, Compare, FlagsMode, Flow as FlowKeyword, FlowFragment, FlowStream, Rpc, StreamSide, StreamSize,
};
use crate::rules::{AddressRanges, RangeSet};
use crate::verdict::{Direction, RuleAction};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

/// What a rule is about, which decides when it is run and whether its action covers the packet or the flow.
/// Names are Suricata's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// Addresses and ports only: run on the first packet of each direction; its action covers the flow.
    IpOnly,
    /// The same with negated addresses: run on every packet; its action covers the flow.
    LikeIpOnly,
    /// Protocol detection only: run when detection has ended; its action covers the flow.
    PdOnly,
    /// Content of the stream: run on packets that add to it; its action covers the flow.
    Stream,
    /// Content of the stream or the packet: its action covers the flow if the stream held it, else the packet.
    PacketStream,
    /// Decoder events only: run on packets that cannot be decoded.
    DeOnly,
    /// Run on every packet; its action covers the packet.
    Packet,
    /// An application protocol and nothing else: run on every packet; its action covers the flow.
    AppLayer,
    /// Looks into transactions; its action covers the flow.
    AppTx,
}

impl SignatureKind {
    /// A pass or drop of such a rule covers the whole flow; `in_stream`: its content was found in the stream.
    pub fn covers_flow(self, in_stream: bool) -> bool {
        match self {
            Self::DeOnly | Self::Packet => false,
            Self::Stream | Self::PacketStream => in_stream,
            Self::IpOnly | Self::LikeIpOnly | Self::PdOnly | Self::AppLayer | Self::AppTx => true,
        }
    }

    /// Suricata's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::IpOnly => "ip_only",
            Self::LikeIpOnly => "like_ip_only",
            Self::PdOnly => "pd_only",
            Self::DeOnly => "de_only",
            Self::Packet => "pkt",
            Self::Stream => "stream",
            Self::PacketStream => "pkt_stream",
            Self::AppLayer => "app_layer",
            Self::AppTx => "app_tx",
        }
    }
}

/// One signature. A rule with `<>` has two.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    pub(crate) action: RuleAction,
    /// It reports: `drop`, `reject` and `alert` unless `noalert`, `pass` only with `alert`.
    pub(crate) reports: bool,
    pub(crate) kind: SignatureKind,
    pub(crate) header: Header,
    /// Directions it is run in.
    pub(crate) directions: [bool; 2],
    pub(crate) app_proto: Option<AppProtoTest>,
    /// It has an application protocol, a `flow` keyword or asks about flow bits or counters, and thus needs a flow.
    pub(crate) needs_flow: bool,
    /// It asks whether bits are set, and thus cannot match before the first is.
    pub(crate) needs_variables: bool,
    /// The header that it waits for a pattern in. Such a rule strays: it is run in the other direction too, on packets for
    /// which a rule of that direction waits for a pattern in the same header. Suricata searches all of them at once.
    pub(crate) waits_for_header: Option<HeaderBytes>,
    /// What is looked at in the packet and its flow, in order of the rule.
    pub(crate) packet_tests: Vec<PacketTest>,
    /// `flow` asks for content that the stream holds, or does not hold.
    pub(crate) stream_condition: Option<FlowStream>,
    /// What is looked at in the payload or stream.
    pub(crate) payload: Payload,
    /// What is looked at in a transaction, in order of inspection.
    pub(crate) engines: SmallVec<[Engine; 2]>,
    /// What a match changes, in order of the rule.
    pub(crate) changes: SmallVec<[Change; 1]>,
    /// How its matches are counted before they count.
    pub(crate) threshold: Option<Threshold>,
    /// Source and destination have changed places: the other half of `<>`.
    pub(crate) is_turned: bool,
    /// Place in [`super::Program`]'s list of rules.
    pub(crate) rule: u32,
}

/// Tests of the payload, or of the stream that it is a part of. A rule that also looks into transactions has them among
/// its engines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    pub(crate) tests: Vec<BufferTest>,
    /// What must be there for the rule to be looked at.
    pub(crate) pattern: Option<ContentTest>,
    /// What must not be there for the rule to be looked at: a negated content that nothing else goes before.
    pub(crate) spoiler: Option<ContentTest>,
    /// The rule tests a payload, here or among its engines, and meets only packets that have one.
    pub(crate) is_tested: bool,
    /// The stream is looked at. Suricata: `SIG_FLAG_REQUIRE_STREAM`.
    pub(crate) in_stream: bool,
    /// The packet is looked at though it is part of the stream. Suricata: `SIG_FLAG_REQUIRE_PACKET`.
    pub(crate) in_packet: bool,
}

/// The header, resolved.
#[derive(Clone, Debug)]
pub(crate) struct Header {
    pub(crate) protocols: ProtocolSet,
    /// Only this IP version.
    pub(crate) version: Option<u8>,
    /// `None`: any.
    pub(crate) src: Option<Arc<AddressRanges>>,
    pub(crate) dst: Option<Arc<AddressRanges>>,
    pub(crate) src_port: Option<RangeSet<u16>>,
    pub(crate) dst_port: Option<RangeSet<u16>>,
}

/// A set of IANA protocol numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProtocolSet([u64; 4]);

impl ProtocolSet {
    pub(crate) fn of(numbers: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Self::default();
        for number in numbers {
            set.insert(number);
        }
        set
    }

    pub(crate) fn insert(&mut self, number: u8) {
        if let Some(word) = self.0.get_mut(usize::from(number >> 6)) {
            *word |= 1 << (number & 63);
        }
    }

    /// The numbers, a bit each.
    pub(crate) fn words(self) -> [u64; 4] {
        self.0
    }

    /// Some number is in both.
    pub(crate) fn intersects(self, other: Self) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }

    pub(crate) fn contains(&self, number: u8) -> bool {
        self.0.get(usize::from(number >> 6)).is_some_and(|word| word >> (number & 63) & 1 == 1)
    }
}

impl Header {
    /// Whether the rule belongs to those that packets with this protocol and port of the server meet. Suricata: its rule
    /// groups.
    pub(crate) fn is_grouped_with(&self, packet: &Packet<'_>, direction: Direction) -> bool {
        let ports = packet.ports().unwrap_or((0, 0));
        let (set, port) = match direction {
            Direction::ToServer => (&self.dst_port, ports.1),
            Direction::ToClient => (&self.src_port, ports.0),
        };
        self.protocols.contains(packet.proto)
            && (!matches!(packet.proto, 6 | 17) || set.as_ref().is_none_or(|set| set.contains(port)))
    }

    /// The first part of the header that does not fit the packet. Ports of a fragment are not known, so a rule that names
    /// ports does not fit it; nor does it fit protocols without ports.
    #[inline]
    pub(crate) fn misfit(&self, packet: &Packet<'_>) -> Option<HeaderPart> {
        let Some(ip) = &packet.ip else {
            // without an IP header only a rule about no particular protocol, address or port can fit
            let fits = self.version.is_none()
                && self.protocols.contains(0)
                && self.src_port.is_none()
                && self.dst_port.is_none();
            return (!fits).then_some(HeaderPart::NotIp);
        };
        let version = if matches!(ip.src, IpAddr::V4(_)) { 4 } else { 6 };
        if self.version.is_some_and(|v| v != version) {
            return Some(HeaderPart::Version);
        }
        if !self.protocols.contains(ip.proto) {
            return Some(HeaderPart::Protocol);
        }
        if self.src_port.is_some() || self.dst_port.is_some() {
            let (src, dst) = packet.ports().unwrap_or((0, 0));
            let has_ports = matches!(packet.proto, 6 | 17 | 132) && ip.fragment.is_none();
            if self.dst_port.as_ref().is_some_and(|set| !has_ports || !set.contains(dst)) {
                return Some(HeaderPart::DestinationPort);
            }
            if self.src_port.as_ref().is_some_and(|set| !has_ports || !set.contains(src)) {
                return Some(HeaderPart::SourcePort);
            }
        }
        if self.dst.as_ref().is_some_and(|set| !set.contains(ip.dst)) {
            return Some(HeaderPart::Destination);
        }
        self.src.as_ref().is_some_and(|set| !set.contains(ip.src)).then_some(HeaderPart::Source)
    }
}

/// Which application protocol a signature is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppProtoTest {
    /// This one.
    Is(AppProto),
    /// HTTP/1 or HTTP/2: the word `http`.
    Http,
    /// DCE/RPC, over SMB too.
    Dcerpc,
}

impl AppProtoTest {
    /// The protocols that it takes.
    pub(crate) fn protocols(&self) -> &[AppProto] {
        match self {
            // DNS over HTTP/2 is both
            Self::Is(AppProto::Dns) => &[AppProto::Dns, AppProto::Doh2],
            Self::Is(AppProto::Http2) => &[AppProto::Http2, AppProto::Doh2],
            Self::Is(AppProto::Doh2) => &[AppProto::Doh2, AppProto::Http2, AppProto::Dns],
            Self::Is(proto) => std::slice::from_ref(proto),
            Self::Http => &[AppProto::Http1, AppProto::Http2],
            Self::Dcerpc => &[AppProto::Dcerpc, AppProto::Smb],
        }
    }

    pub(crate) fn fits(self, proto: AppProto) -> bool {
        self.protocols().contains(&proto)
    }
}

/// A test of the packet or of what is known of its flow.
#[derive(Clone, Debug)]
pub(crate) enum PacketTest {
    Flow(FlowKeyword),
    Remembered(Question),
    AppLayerProtocol {
        negated: bool,
        proto: AppProtoTest,
        /// Only when detection has ended, as `prefilter` behind it means.
        when_detected: bool,
    },
    Ttl(Compare<u8>),
    Itype(Compare<u8>),
    Icode(Compare<u8>),
    IcmpId(u16),
    IcmpSeq(u16),
    TcpFlags(BitsMatch),
    Fragbits(BitsMatch),
    Fragoffset(Compare<u16>),
    Dsize(Compare<u16>),
    Sameip,
    Rpc(Rpc),
    Header(Box<HeaderTest>),
    /// Something odd about the packet; `decoder`: named by `decode-event`.
    Event {
        event: Event,
        decoder: bool,
    },
    /// Bytes that either side has sent; with `prefilter`, only packets from the wire are asked.
    StreamSize {
        test: StreamSize,
        on_the_wire: bool,
    },
    /// Seconds between the first packet of the flow and the last.
    FlowAge(Compare<u32>),
}

/// A look into a transaction in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) direction: Direction,
    /// The transaction must have come this far.
    pub(crate) progress: u8,
    /// The rule is only looked at when this engine's pattern was seen (Suricata's prefilter).
    pub(crate) prefilter: bool,
    /// It holds the rule's pattern: the one of the prefilter, or, in a rule that has no other, a negated one, which no
    /// prefilter can look for. Suricata: `engine->mpm`.
    pub(crate) has_pattern: bool,
    /// Its pattern is looked for ahead of the rules: there is one that must be there, or one that settles the rule.
    pub(crate) is_searched: bool,
    /// Which of the rule's groups of tests it runs; a group may be looked at in both directions.
    pub(crate) group: u16,
    pub(crate) look: Look,
}

/// What an engine looks at.
#[derive(Clone, Debug)]
pub(crate) enum Look {
    /// A buffer, or what its transforms make of it.
    Buffer { buffer: BufferName, transforms: Transforms, tests: Vec<BufferTest> },
    /// The stream around the packet, or the payload of a datagram.
    Stream { tests: Vec<BufferTest> },
    /// The session as a whole.
    Session(Vec<SessionTest>),
    /// `app-layer-event`: all of these.
    Events(SmallVec<[Event; 1]>),
}

impl Look {
    /// It is looked at where a transaction has come to it.
    pub(crate) fn is_placed(&self) -> bool {
        matches!(self, Self::Buffer { .. } | Self::Session(_))
    }

    /// The buffer it looks at.
    pub(crate) fn buffer(&self) -> Option<BufferName> {
        match self {
            Self::Buffer { buffer, .. } => Some(*buffer),
            _ => None,
        }
    }

    /// Its tests of bytes.
    pub(crate) fn tests_mut(&mut self) -> &mut [BufferTest] {
        match self {
            Self::Buffer { tests, .. } | Self::Stream { tests } => tests,
            Self::Session(_) | Self::Events(_) => &mut [],
        }
    }
}

/// What packet tests need to know besides the packet.
pub(crate) struct PacketFacts<'f> {
    pub(crate) direction: Option<Direction>,
    pub(crate) established: bool,
    /// What the client and the server speak.
    pub(crate) spoken: [AppProto; 2],
    pub(crate) has_flow: bool,
    /// Detection has ended with this packet or before it, in this direction, and not been looked at yet.
    pub(crate) detection_ended: bool,
    /// The packet was never on the wire: what its headers say counts for nothing.
    pub(crate) made_up: bool,
    /// Tests of the packet alone need one of the wire. See [`super::EngineProfile::packet_tests_need_the_wire`].
    pub(crate) needs_wire: bool,
    /// What rules have noted on the flow.
    pub(crate) notes: Option<&'f Notes>,
    /// Seconds from the flow's first packet to its last.
    pub(crate) age_secs: u32,
    /// How far each side's sequence numbers have come; `None` without a session.
    pub(crate) stream_sizes: Option<[u32; 2]>,
}

impl Header {
    /// Source and destination changed places.
    fn reversed(&self) -> Self {
        Self {
            protocols: self.protocols,
            version: self.version,
            src: self.dst.clone(),
            dst: self.src.clone(),
            src_port: self.dst_port.clone(),
            dst_port: self.src_port.clone(),
        }
    }

    pub(crate) fn same_ends(&self, other: &Self) -> bool {
        self.src == other.src
            && self.dst == other.dst
            && self.src_port == other.src_port
            && self.dst_port == other.dst_port
    }
}

impl Signature {
    /// It waits for no pattern anywhere, but for a transaction to come to one of its places.
    pub(crate) fn waits_at_places(&self) -> bool {
        let waits_for_pattern = self.payload.pattern.is_some()
            || self.waits_for_header.is_some()
            || self.engines.iter().any(|engine| engine.prefilter);
        !waits_for_pattern && self.engines.iter().any(|engine| engine.look.is_placed())
    }

    /// The same rule with source and destination changed places: the other half of `<>`.
    pub(crate) fn reversed(&self) -> Self {
        Self { header: self.header.reversed(), is_turned: true, ..self.clone() }
    }

    pub(super) fn looks_into_headers(&self) -> bool {
        let is_bytes = |test: &PacketTest| matches!(test, PacketTest::Header(test) if test.is_bytes());
        self.packet_tests.iter().any(is_bytes)
    }

    /// Whether the rule is among those of a direction, be it as a stray.
    pub(crate) fn may_run(&self, direction: Direction) -> bool {
        self.waits_for_header.is_some() || self.runs(direction)
    }

    /// Whether the rule is one of a direction.
    pub(crate) fn runs(&self, direction: Direction) -> bool {
        self.directions.get(direction.index()) == Some(&true)
    }

    /// What it does depends on more than the packet and its flow, or changes more.
    pub(super) fn remembers_across_flows(&self) -> bool {
        self.threshold.is_some()
            || self.asks_hosts()
            || self.changes.iter().any(|change| matches!(change, Change::HostBit(..)))
    }

    /// It asks about bits of hosts.
    pub(crate) fn asks_hosts(&self) -> bool {
        self.packet_tests.iter().any(PacketTest::asks_hosts)
    }

    /// There is not what a question about flow bits needs: any bit or counter of the flow.
    pub(crate) fn lacks_variables(&self, flow: Option<&Flow>) -> bool {
        self.needs_variables && flow.is_some_and(|flow| flow.notes.is_empty())
    }

    /// The question about flow bits.
    pub(crate) fn missed_variables(&self) -> Miss {
        let asks = |test: &PacketTest| matches!(test, PacketTest::Remembered(Question::FlowBits { set: true, .. }));
        self.first_test(|test| !asks(test)).unwrap_or(Miss::Packet(0))
    }

    /// The first packet test that does not hold. To ask about something whose time is over makes the memory forget it.
    #[inline]
    pub(crate) fn failing_packet_test(
        &self,
        packet: &Packet<'_>,
        facts: &PacketFacts<'_>,
        memory: &mut Memory,
    ) -> Option<usize> {
        self.packet_tests.iter().position(|test| !self.packet_test_holds(test, packet, facts, memory))
    }

    fn packet_test_holds(
        &self,
        test: &PacketTest,
        packet: &Packet<'_>,
        facts: &PacketFacts<'_>,
        memory: &mut Memory,
    ) -> bool {
        let needs_wire = facts.needs_wire && !self.payload.in_stream && test.is_of_the_packet();
        if facts.made_up && (test.is_of_the_wire() || needs_wire) {
            return false;
        }
        match test {
            PacketTest::Flow(flow) => flow_holds(*flow, packet, facts),
            PacketTest::Remembered(question) => memory.holds(question, packet, facts.notes),
            PacketTest::AppLayerProtocol { negated, proto, when_detected } => {
                let waits = *when_detected || self.kind == SignatureKind::PdOnly;
                if !facts.has_flow || (waits && !facts.detection_ended) {
                    return false;
                }
                let Some(direction) = facts.direction else { return false };
                let spoken = facts.spoken.get(direction.index()).copied().unwrap_or_default();
                spoken != AppProto::Unknown && proto.fits(spoken) != *negated
            }
            PacketTest::Ttl(compare) => packet.ip.is_some_and(|ip| compare.matches(ip.ttl)),
            PacketTest::Itype(compare) => icmp(packet).is_some_and(|icmp| compare.matches(icmp.icmp_type)),
            PacketTest::Icode(compare) => icmp(packet).is_some_and(|icmp| compare.matches(icmp.code)),
            PacketTest::IcmpId(id) => icmp(packet).is_some_and(|icmp| icmp.id == Some(*id)),
            PacketTest::IcmpSeq(seq) => icmp(packet).is_some_and(|icmp| icmp.seq == Some(*seq)),
            PacketTest::TcpFlags(bits) => packet.tcp().is_some_and(|tcp| bits.matches(u16::from(tcp.flags))),
            PacketTest::Fragbits(bits) => packet.ip.is_some_and(|ip| {
                let flags = u16::from(ip.flags);
                let on_wire = (flags & 1) << 13 | (flags >> 1 & 1) << 14 | (flags >> 2 & 1) << 15;
                ip.src.is_ipv4() && bits.matches(on_wire)
            }),
            PacketTest::Fragoffset(compare) => {
                packet.ip.is_some_and(|ip| compare.matches(ip.fragment.map_or(0, |f| (f.offset / 8) as u16)))
            }
            PacketTest::Dsize(compare) => compare.matches(packet.payload.len().min(usize::from(u16::MAX)) as u16),
            PacketTest::Rpc(rpc) => rpc_holds(*rpc, packet),
            PacketTest::Sameip => packet.ip.is_some_and(|ip| ip.src == ip.dst),
            PacketTest::Header(test) => test.holds(packet),
            PacketTest::Event { event, .. } => packet.events.contains(event),
            PacketTest::StreamSize { test, .. } => {
                packet.tcp().is_some() && facts.stream_sizes.is_some_and(|sizes| stream_size_holds(*test, sizes))
            }
            PacketTest::FlowAge(compare) => facts.has_flow && compare.matches(facts.age_secs),
        }
    }

    /// What keeps the rule from being looked at where there is payload to look at, or none: `dsize` counts bytes whoever
    /// may read them, but one that asks for some only meets packets whose payload is looked at, and `dsize:0` only the
    /// others.
    pub(crate) fn payload_misfit(&self, has_payload: bool) -> Option<Miss> {
        if self.payload.is_tested && !has_payload {
            return Some(Miss::NoPayload);
        }
        self.first_test(|test| {
            let PacketTest::Dsize(test) = test else { return true };
            match test {
                Compare::Eq(0) => !has_payload,
                Compare::Lt(_) | Compare::Le(_) => true,
                Compare::Eq(_) | Compare::Ne(_) | Compare::Gt(_) | Compare::Ge(_) | Compare::Between(..) => has_payload,
            }
        })
    }

    /// The first packet test that is not as it should be.
    #[inline]
    fn first_test(&self, holds: impl Fn(&PacketTest) -> bool) -> Option<Miss> {
        self.packet_tests.iter().position(|test| !holds(test)).map(|at| Miss::Packet(at as u16))
    }

    /// What of a packet's TCP flags keeps the rule from being looked at: one that names SYN, RST or FIN only meets packets
    /// with one of these, one that names URG, ECE or CWR only packets with one of those, and one that asks for SYN only
    /// packets with SYN.
    pub(crate) fn flags_misfit(&self, flags: Option<u8>) -> Option<Miss> {
        const START_OR_END: u16 = 0x07;
        const UNUSUAL: u16 = 0xe0;
        self.first_test(|test| {
            let PacketTest::TcpFlags(test) = test else { return true };
            let seen = u16::from(flags.unwrap_or(0));
            (test.bits & START_OR_END == 0 || seen & START_OR_END != 0)
                && (test.bits & UNUSUAL == 0 || seen & UNUSUAL != 0)
                && (test.bits & 0x02 == 0 || test.mode == FlagsMode::Not || seen & 0x02 != 0)
        })
    }
}

impl PacketTest {
    /// It asks about a bit of a host or a pair.
    pub(crate) fn asks_hosts(&self) -> bool {
        matches!(self, Self::Remembered(Question::HostBit { .. }))
    }

    /// It looks at fields that only a packet from the wire has.
    /// It is about the packet and not what it belongs to.
    fn is_of_the_packet(&self) -> bool {
        matches!(self, Self::Header(_) | Self::Sameip | Self::FlowAge(_))
    }

    fn is_of_the_wire(&self) -> bool {
        match self {
            Self::Ttl(_)
            | Self::Itype(_)
            | Self::Icode(_)
            | Self::IcmpId(_)
            | Self::IcmpSeq(_)
            | Self::TcpFlags(_)
            | Self::Fragbits(_)
            | Self::Fragoffset(_)
            | Self::Dsize(_)
            | Self::Rpc(_) => true,
            Self::Header(test) => !test.is_bytes(),
            Self::StreamSize { on_the_wire, .. } => *on_the_wire,
            Self::Flow(_)
            | Self::Remembered(_)
            | Self::AppLayerProtocol { .. }
            | Self::Sameip
            | Self::Event { .. }
            | Self::FlowAge(_) => false,
        }
    }
}

/// A call of the program in the payload; over TCP the length of the record is in front of it. Less than a whole call is
/// none.
fn rpc_holds(rpc: Rpc, packet: &Packet<'_>) -> bool {
    let call = match &packet.transport {
        Transport::Tcp(_) => packet.payload.get(4..),
        Transport::Udp(_) => Some(packet.payload),
        _ => None,
    };
    let Some(call) = call.filter(|call| call.len() >= 24) else { return false };
    let word = |at: usize| call.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    word(4) == Some(0)
        && word(12) == Some(rpc.program)
        && (rpc.version.is_none() || word(16) == rpc.version)
        && (rpc.procedure.is_none() || word(20) == rpc.procedure)
}

fn icmp<'p>(packet: &'p Packet<'_>) -> Option<&'p crate::packet::IcmpHeader> {
    match &packet.transport {
        Transport::Icmp(icmp) => Some(icmp),
        _ => None,
    }
}

fn stream_size_holds(test: StreamSize, [client, server]: [u32; 2]) -> bool {
    let [client, server] = [client, server].map(|size| test.compare.matches(size));
    match test.side {
        StreamSide::Server => server,
        StreamSide::Client => client,
        StreamSide::Both => client && server,
        StreamSide::Either => client || server,
    }
}

/// All conditions of a `flow` keyword but that about the stream, which is known later. A condition that can never be met, such as `not_established` beside `stateless`,
/// makes the rule silent, as it does in Suricata.
fn flow_holds(flow: FlowKeyword, packet: &Packet<'_>, facts: &PacketFacts<'_>) -> bool {
    let direction = flow.direction.is_none_or(|wanted| facts.direction == Some(wanted));
    let state = match (flow.established, flow.stateless) {
        (Some(false), true) => false,
        (Some(wanted), _) => facts.established == wanted,
        (None, _) => true,
    };
    let fragment = match flow.fragment {
        Some(FlowFragment::OnlyFrag) => packet.reassembled,
        Some(FlowFragment::NoFrag) => !packet.reassembled,
        None => true,
    };
    direction && state && fragment
}
