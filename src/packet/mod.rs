//! A frame taken apart: link, network, transport, tunnels. No flows, no rules.
//!
//! In: the bytes of a frame and its link type. Out: the frame's own [`Packet`] and those carried in its tunnels, as
//! Suricata sees them (what it refuses to decode has no IP header here either), with the events it would raise.
//! Fragments are marked, not put together: that is [`crate::defrag`]'s job. Read `decode` next.

pub(crate) mod checksum;
pub mod decapsulate;
mod decode;
mod host_os;
mod ipv4;
mod ipv6;
mod transport;
mod tunnel;

pub use checksum::Checksummed;
pub use decode::{DecodeConfig, Decoded, decode_datagram, decode_frame};
pub use host_os::{HostOs, HostPolicies};

use std::net::IpAddr;

/// A decoded packet: a frame's own, one carried in a tunnel, or a datagram put together from fragments.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Capture time, nanoseconds since the epoch.
    pub time_ns: i64,
    /// VLAN ids, outermost first; only the first `vlan_depth` count.
    pub vlan: [u16; 3],
    /// How many VLAN tags there are.
    pub vlan_depth: u8,
    /// The IP header; `None` when the frame holds none that can be read.
    pub ip: Option<IpHeader>,
    /// The transport header.
    pub transport: Transport,
    /// What the transport carries; empty for protocols without one known here.
    pub payload: &'a [u8],
    /// The transport header and what is behind it in the datagram; empty without a transport header that can be read.
    pub segment: &'a [u8],
    /// The IP packet from the first byte of its header on, without link padding; empty without an IP header.
    pub datagram: &'a [u8],
    /// Protocol the packet was decoded as: the IP protocol number, 0 when no IP header could be read.
    /// Suricata: `p->proto`. Differs from [`IpHeader::proto`] only where IPv6 extension headers end unusually.
    pub proto: u8,
    /// The packet is to be tied to a flow. Suricata: `PKT_WANTS_FLOW`.
    pub wants_flow: bool,
    /// How many tunnels it is inside of.
    pub tunnel_depth: u8,
    /// It carries a tunnel, so its payload is judged as a packet of its own and not inspected here.
    pub carries_tunnel: bool,
    /// It was put together from fragments.
    pub reassembled: bool,
    /// Layers decoded so far, for the limit on them.
    pub layers: u8,
    /// Length Suricata counts for the flow: of the frame, the tunneled packet or the datagram.
    pub len: u32,
    /// What decoding found odd.
    pub events: EventSet,
}

/// What is needed of an IPv4 or IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IANA number of what it carries; for IPv6 the last next-header.
    pub proto: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Set for a fragment (IPv4: more-fragments or an offset; IPv6: a fragment header that means one).
    pub fragment: Option<Fragment>,
    /// Total bytes of the IP packet as its header says.
    pub total_len: u32,
    /// IPv4 flags: bit 0 more fragments, bit 1 don't fragment, bit 2 reserved.
    pub flags: u8,
    /// Well-formed IPv4 options: bits of [`ipv4_option`].
    pub options: u16,
    /// Bytes of the header with its options, or with the IPv6 extension headers in front of the header that ended their walk.
    pub header_len: u16,
}

/// Bits for IPv4 options.
pub mod ipv4_option {
    /// Record route.
    pub const RECORD_ROUTE: u16 = 0x001;
    /// Timestamp.
    pub const TIMESTAMP: u16 = 0x002;
    /// Quick start.
    pub const QUICK_START: u16 = 0x004;
    /// Security.
    pub const SECURITY: u16 = 0x008;
    /// Loose source route.
    pub const LOOSE_ROUTE: u16 = 0x010;
    /// Extended security.
    pub const EXTENDED_SECURITY: u16 = 0x020;
    /// Security labels.
    pub const CIPSO: u16 = 0x040;
    /// Stream identifier.
    pub const STREAM_ID: u16 = 0x080;
    /// Strict source route.
    pub const STRICT_ROUTE: u16 = 0x100;
    /// Router alert.
    pub const ROUTER_ALERT: u16 = 0x200;
    /// The end of the list.
    pub const END: u16 = 0x400;
    /// No operation.
    pub const NOP: u16 = 0x800;
}

/// Place of a fragment in its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// IP identification.
    pub id: u32,
    /// Byte offset in the datagram.
    pub offset: u32,
    /// More fragments follow.
    pub more: bool,
    /// Where the fragment's data begins in [`Packet::datagram`].
    pub data_offset: u16,
    /// IPv6: where the fragment header begins in [`Packet::datagram`]. IPv4: 0.
    pub header_offset: u16,
    /// IPv6: offset of the byte that names the fragment header (a next-header field). IPv4: 0.
    pub next_header_offset: u16,
    /// IPv6: what the fragment header names as next. IPv4: the protocol.
    pub next_header: u8,
}

/// A transport header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// None, or one that could not be read.
    #[default]
    None,
    /// TCP.
    Tcp(TcpHeader),
    /// UDP.
    Udp(UdpHeader),
    /// SCTP.
    Sctp(UdpHeader),
    /// ICMP for IPv4 or IPv6.
    Icmp(IcmpHeader),
    /// IPsec ESP.
    Esp(EspHeader),
}

/// A TCP header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpHeader {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number; meaningless without the ACK flag.
    pub ack: u32,
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
    /// Window, unscaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// The options that the stream engine looks at.
    pub options: TcpOptions,
}

/// TCP options, each as Suricata keeps it: the first valid occurrence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Timestamp value and echo reply.
    pub timestamp: Option<(u32, u32)>,
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale as sent.
    pub window_scale: Option<u8>,
    /// SACK permitted.
    pub sack_ok: bool,
    /// SACK blocks: left and right edge.
    pub sack: smallvec::SmallVec<[(u32, u32); 1]>,
    /// Fast open: present, with how long a cookie.
    pub fast_open: Option<u8>,
    /// An MD5 signature (kind 19) or an authentication option (kind 29) is there.
    pub signed: bool,
}

/// TCP flag bits.
pub mod tcp_flag {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// PSH.
    pub const PSH: u8 = 0x08;
    /// ACK.
    pub const ACK: u8 = 0x10;
    /// URG.
    pub const URG: u8 = 0x20;
    /// ECE.
    pub const ECE: u8 = 0x40;
    /// CWR.
    pub const CWR: u8 = 0x80;
}

/// Ports of UDP and SCTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UdpHeader {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
}

/// An ICMP header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IcmpHeader {
    /// Type.
    pub icmp_type: u8,
    /// Code.
    pub code: u8,
    /// Echo identifier, where the type has one.
    pub id: Option<u16>,
    /// Sequence number, where the type has one.
    pub seq: Option<u16>,
    /// An ICMPv4 error's quoted packet, when it could be read.
    pub quoted: Option<QuotedPacket>,
    /// Bytes of the header; of ICMPv4 timestamps and router advertisements more than 8.
    pub header_len: u16,
}

/// The flow of a packet quoted in an ICMPv4 error message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotedPacket {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// IANA protocol number, 0 when the quoted transport header was too short.
    pub proto: u8,
    /// Source port; 0 without one.
    pub src_port: u16,
    /// Destination port; 0 without one.
    pub dst_port: u16,
}

/// ESP's security parameters index, which takes the place of ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EspHeader {
    /// Security parameters index.
    pub spi: u32,
}

impl<'a> Packet<'a> {
    /// A packet of `len` bytes in which nothing has been decoded yet; `time_ns` as in the field.
    #[must_use]
    pub fn new(time_ns: i64, len: u32) -> Self {
        Self {
            time_ns,
            vlan: [0; 3],
            vlan_depth: 0,
            ip: None,
            transport: Transport::None,
            payload: &[],
            segment: &[],
            datagram: &[],
            proto: 0,
            wants_flow: false,
            tunnel_depth: 0,
            carries_tunnel: false,
            reassembled: false,
            layers: 0,
            len,
            events: EventSet::new(),
        }
    }

    /// A packet that was never on the wire: it stands for the end of a TCP flow in one direction. `numbers`: sequence and
    /// acknowledgement number.
    pub(crate) fn end_of_flow(src: (IpAddr, u16), dst: (IpAddr, u16), numbers: (u32, u32), time_ns: i64) -> Self {
        let header_len = if src.0.is_ipv4() { 20 } else { 40 };
        let mut packet = Self::new(time_ns, 0);
        packet.ip = Some(IpHeader {
            src: src.0,
            dst: dst.0,
            proto: 6,
            ttl: 64,
            fragment: None,
            total_len: u32::from(header_len) + 20,
            flags: 0,
            options: 0,
            header_len,
        });
        packet.transport = Transport::Tcp(TcpHeader {
            src_port: src.1,
            dst_port: dst.1,
            seq: numbers.0,
            ack: numbers.1,
            flags: tcp_flag::ACK,
            window: 10,
            ..TcpHeader::default()
        });
        packet.proto = 6;
        packet
    }

    /// The headers that Suricata writes for a packet that was never on the wire. Checksums stay empty.
    pub(crate) fn made_up_headers(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(60);
        match self.ip.map(|ip| (ip.src, ip.dst)) {
            Some((IpAddr::V4(src), IpAddr::V4(dst))) => {
                bytes.extend_from_slice(&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0]);
                bytes.extend_from_slice(&src.octets());
                bytes.extend_from_slice(&dst.octets());
            }
            Some((IpAddr::V6(src), IpAddr::V6(dst))) => {
                bytes.extend_from_slice(&[0x60, 0, 0, 0, 0, 20, 6, 64]);
                bytes.extend_from_slice(&src.octets());
                bytes.extend_from_slice(&dst.octets());
            }
            _ => {}
        }
        if let Some(tcp) = self.tcp() {
            bytes.extend_from_slice(&tcp.src_port.to_be_bytes());
            bytes.extend_from_slice(&tcp.dst_port.to_be_bytes());
            bytes.extend_from_slice(&tcp.seq.to_be_bytes());
            bytes.extend_from_slice(&tcp.ack.to_be_bytes());
            bytes.extend_from_slice(&[0x50, tcp.flags]);
            bytes.extend_from_slice(&tcp.window.to_be_bytes());
            bytes.extend_from_slice(&[0; 4]);
        }
        bytes
    }

    fn event(&mut self, name: &'static str) {
        self.events.push(Event(name));
    }

    /// One more protocol layer; false when there are too many.
    fn enter_layer(&mut self, config: &DecodeConfig) -> bool {
        self.layers = self.layers.saturating_add(1);
        if self.layers >= config.max_layers {
            self.event("too_many_layers");
            return false;
        }
        true
    }

    /// One of the events says that the packet is not what it claims to be. Suricata: `PKT_IS_INVALID`.
    pub fn is_invalid(&self) -> bool {
        self.events.iter().any(|event| !TOLERATED.contains(&event.0))
    }

    /// The data of a fragment.
    pub fn fragment_data(&self) -> &'a [u8] {
        let offset = self.ip.and_then(|ip| ip.fragment).map_or(0, |f| f.data_offset);
        self.datagram.get(offset as usize..).unwrap_or(&[])
    }

    /// Source and destination port, for transports that have ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(h) => Some((h.src_port, h.dst_port)),
            Transport::Udp(h) | Transport::Sctp(h) => Some((h.src_port, h.dst_port)),
            Transport::Icmp(_) | Transport::Esp(_) | Transport::None => None,
        }
    }

    /// The TCP header, if it is TCP.
    pub fn tcp(&self) -> Option<&TcpHeader> {
        match &self.transport {
            Transport::Tcp(h) => Some(h),
            _ => None,
        }
    }
}

/// Decoder, defragmentation and stream events of one packet, by Suricata's numbers for none: a small set of [`Event`]s.
pub type EventSet = smallvec::SmallVec<[Event; 2]>;

/// Something odd about a packet, under Suricata's name without its `decode-event:`/`stream-event:` keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event(pub &'static str);

/// Decoder events after which Suricata still takes the packet for valid.
#[rustfmt::skip]
const TOLERATED: &[&str] = &[
    "ipv6.data_after_none_header", "ipv6.exthdr_dupl_fh", "ipv6.exthdr_dupl_hh", "ipv6.exthdr_dupl_rh",
    "ipv6.exthdr_dupl_ah", "ipv6.exthdr_dupl_dh", "ipv6.exthdr_useless_fh", "ipv6.exthdr_ah_res_not_null",
    "ipv6.rh_type_0", "ipv6.zero_len_padn", "ipv6.fh_non_zero_reserved_field", "ipv6.frag_invalid_length",
    "ipv6.hopopts_unknown_opt", "ipv6.hopopts_only_padding", "ipv6.dstopts_unknown_opt", "ipv6.dstopts_only_padding",
    "ipv6.icmpv4", "ipv6.unknown_next_header", "ipv6.ipv4_in_ipv6_wrong_version", "ipv6.ipv6_in_ipv6_wrong_version",
    "ipv6.frag_pkt_too_large", "ipv6.frag_overlap", "ipv6.frag_ignored", "ipv4.frag_pkt_too_large",
    "ipv4.frag_overlap", "ipv4.frag_ignored", "ipv4.opt_pad_required", "ipv4.opt_duplicate", "ipv4.opt_invalid",
    "ipv4.opt_eol_required", "icmpv4.unknown_code", "icmpv4.unknown_type", "icmpv6.unknown_code",
    "icmpv6.unknown_type", "icmpv6.unassigned_type", "icmpv6.experimentation_type",
    "icmpv6.mld_message_with_invalid_hl", "tcp.opt_duplicate", "ipraw.invalid_ip_version",
    "ltnull.unsupported_type", "ppp.unsup_proto", "vlan.too_many_layers", "mpls.bad_label_router_alert",
    "mpls.bad_label_implicit_null", "mpls.bad_label_reserved", "nsh.unsupported_version", "nsh.reserved_type",
    "nsh.unsupported_type", "nsh.unknown_payload", "erspan.header_too_small", "erspan.unsupported_version",
    "erspan.too_many_vlan_layers", "ethernet.unknown_ethertype",
];
