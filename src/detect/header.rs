//! Tests of header fields, of checksums and of header bytes.

use super::content::{self, BufferTest, Values, Window};
use super::countries::GeoipTest;
use crate::packet::{Checksummed, IcmpHeader, Packet, Transport, ipv4_option};
use crate::rules::keyword::{Buffer, Compare, Keyword};

/// A test of what the headers of one packet say.
#[derive(Clone, Debug)]
pub(crate) enum HeaderTest {
    /// All of these IPv4 options are there.
    Ipopts(u16),
    Tos {
        negated: bool,
        value: u8,
    },
    Id(u16),
    Seq(u32),
    Ack(u32),
    Window {
        negated: bool,
        value: u16,
    },
    Mss(Compare<u16>),
    Icmpv6Mtu(Compare<u32>),
    Checksum {
        of: Checksummed,
        valid: bool,
    },
    Geoip(GeoipTest),
    Bytes {
        header: HeaderBytes,
        tests: Vec<BufferTest>,
    },
}

/// The bytes of a header, as a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderBytes {
    Ipv4,
    Ipv6,
    Tcp,
    Udp,
    Icmpv4,
    Icmpv6,
}

impl HeaderTest {
    /// The test that a keyword stands for, if it is one of a header field.
    pub(super) fn of(keyword: &Keyword) -> Option<Self> {
        Some(match keyword {
            Keyword::Ipopts(name) => Self::Ipopts(options_named(name)),
            Keyword::Tos { negated, value } => Self::Tos { negated: *negated, value: *value },
            Keyword::Id(id) => Self::Id(*id),
            Keyword::Seq(seq) => Self::Seq(*seq),
            Keyword::Ack(ack) => Self::Ack(*ack),
            Keyword::Window { negated, value } => Self::Window { negated: *negated, value: *value },
            Keyword::TcpMss(compare) => Self::Mss(*compare),
            Keyword::Icmpv6Mtu(compare) => Self::Icmpv6Mtu(*compare),
            Keyword::Checksum { of, valid } => Self::Checksum { of: *of, valid: *valid },
            _ => return None,
        })
    }

    /// It looks at header bytes, which Suricata writes even for a packet that was never on the wire.
    pub(super) fn is_bytes(&self) -> bool {
        matches!(self, Self::Bytes { .. })
    }

    pub(super) fn holds(&self, packet: &Packet<'_>) -> bool {
        let tcp = packet.tcp();
        match self {
            Self::Ipopts(options) => {
                ipv4(packet).is_some_and(|_| packet.ip.is_some_and(|ip| ip.options & options == *options))
            }
            Self::Tos { negated, value } => {
                ipv4(packet).and_then(|h| h.get(1)).is_some_and(|b| (b == value) != *negated)
            }
            Self::Id(id) => {
                ipv4(packet).and_then(|h| h.get(4..6)).is_some_and(|field| field == id.to_be_bytes().as_slice())
            }
            Self::Seq(seq) => tcp.is_some_and(|tcp| tcp.seq == *seq),
            Self::Ack(ack) => tcp.is_some_and(|tcp| tcp.ack == *ack),
            Self::Window { negated, value } => tcp.is_some_and(|tcp| (tcp.window == *value) != *negated),
            Self::Mss(compare) => tcp.and_then(|tcp| tcp.options.mss).is_some_and(|mss| compare.matches(mss)),
            Self::Icmpv6Mtu(compare) => mtu(packet).is_some_and(|mtu| compare.matches(mtu)),
            Self::Checksum { of, valid } => packet.has_right_checksum(*of).is_some_and(|right| right == *valid),
            Self::Geoip(test) => test.holds(packet),
            Self::Bytes { header, tests } => header
                .bytes(packet)
                .is_some_and(|bytes| content::matches(tests, Window::whole(bytes), &mut Values::default())),
        }
    }
}

impl HeaderBytes {
    /// The header that a sticky buffer stands for.
    pub(super) fn of(buffer: Buffer) -> Option<Self> {
        Some(match buffer {
            Buffer::Ipv4Hdr => Self::Ipv4,
            Buffer::Ipv6Hdr => Self::Ipv6,
            Buffer::TcpHdr => Self::Tcp,
            Buffer::UdpHdr => Self::Udp,
            Buffer::Icmpv4Hdr => Self::Icmpv4,
            Buffer::Icmpv6Hdr => Self::Icmpv6,
            _ => return None,
        })
    }

    fn bytes<'p>(self, packet: &Packet<'p>) -> Option<&'p [u8]> {
        let ip = packet.ip.as_ref()?;
        match (self, &packet.transport) {
            (Self::Ipv4, _) => ipv4(packet),
            (Self::Ipv6, _) if ip.src.is_ipv6() => packet.datagram.get(..usize::from(ip.header_len)),
            (Self::Tcp, Transport::Tcp(_)) => {
                packet.segment.get(..packet.segment.len().checked_sub(packet.payload.len())?)
            }
            (Self::Udp, Transport::Udp(_)) => packet.segment.get(..8),
            (Self::Icmpv4, Transport::Icmp(icmp)) if packet.proto == 1 => {
                packet.segment.get(..usize::from(icmp.header_len))
            }
            (Self::Icmpv6, Transport::Icmp(_)) if packet.proto == 58 => packet.segment.get(..8),
            _ => None,
        }
    }
}

/// The IPv4 header with its options.
fn ipv4<'p>(packet: &Packet<'p>) -> Option<&'p [u8]> {
    let ip = packet.ip.filter(|ip| ip.src.is_ipv4())?;
    packet.datagram.get(..usize::from(ip.header_len))
}

/// The MTU of a "packet too big" of ICMPv6.
fn mtu(packet: &Packet<'_>) -> Option<u32> {
    const PACKET_TOO_BIG: u8 = 2;
    match &packet.transport {
        Transport::Icmp(IcmpHeader { icmp_type: PACKET_TOO_BIG, code: 0, .. }) if packet.proto == 58 => {
            packet.segment.get(4..)?.first_chunk().map(|mtu| u32::from_be_bytes(*mtu))
        }
        _ => None,
    }
}

/// Bits of [`ipv4_option`] for a word of `ipopts`. `any` asks for all of them at once, as it does in Suricata.
fn options_named(name: &str) -> u16 {
    match name {
        "rr" => ipv4_option::RECORD_ROUTE,
        "lsrr" => ipv4_option::LOOSE_ROUTE,
        "eol" => ipv4_option::END,
        "nop" => ipv4_option::NOP,
        "ts" => ipv4_option::TIMESTAMP,
        "sec" => ipv4_option::SECURITY,
        "esec" => ipv4_option::EXTENDED_SECURITY,
        "ssrr" => ipv4_option::STRICT_ROUTE,
        "satid" => ipv4_option::STREAM_ID,
        _ => u16::MAX,
    }
}
