//! A frame taken apart: link, network, transport, tunnels. No flows, no rules.

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
    /// What the transport carries; for protocols without one known here, what IP carries.
    pub payload: &'a [u8],
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
    /// IPv4 header checksum is wrong (only looked at when checksums are validated).
    pub bad_checksum: bool,
    /// IPv4 flags: bit 0 more fragments, bit 1 don't fragment, bit 2 reserved.
    pub flags: u8,
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
    /// The checksum is wrong (only looked at when checksums are validated).
    pub bad_checksum: bool,
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
}

impl Packet<'_> {
    /// Source and destination port, for transports that have ports.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match &self.transport {
            Transport::Tcp(h) => Some((h.src_port, h.dst_port)),
            Transport::Udp(h) | Transport::Sctp(h) => Some((h.src_port, h.dst_port)),
            Transport::Icmp(_) | Transport::None => None,
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
