//! What makes packets belong to one flow.

use crate::packet::{Packet, QuotedPacket, Transport};
use foldhash::fast::FixedState;
use std::hash::BuildHasher;
use std::net::IpAddr;

/// The same for both directions of a flow: addresses and ports (the lower pair first), protocol, VLAN tags, depth of
/// tunneling.
///
/// Where there are no ports, ICMP has its type and the type that answers it, ICMPv6 also the code; ESP has its
/// security parameters index and is one-directional. Source: measured on Suricata 7.0.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low: u128,
    high: u128,
    /// Ports, protocol, depth of tunneling.
    ports: u64,
    vlan: u64,
}

/// Two addresses whose packets belong together, whatever their ports. The same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressPair {
    low: u128,
    high: u128,
}

impl AddressPair {
    /// A pair.
    pub fn new(one: IpAddr, other: IpAddr) -> Self {
        Self::of(number(one), number(other))
    }

    fn of(one: u128, other: u128) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }

    /// Which of `n` parts it falls into; the same in every run.
    pub fn part(self, n: usize) -> usize {
        // the upper half of the product: as even as the hash, and cheaper than a remainder
        ((u128::from(FixedState::default().hash_one(self)) * n as u128) >> 64) as usize
    }
}

/// An address, as a number, and a port.
type End = (u128, u16);

impl FlowKey {
    /// The key of a packet; `None` when it has no IP header. An ICMPv4 unreachable error that quotes a TCP or UDP
    /// header has the key of what it quotes.
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        let ip = packet.ip.as_ref()?;
        if let Some(quoted) = quoted_flow(packet) {
            let src = (number(quoted.src), quoted.src_port);
            let dst = (number(quoted.dst), quoted.dst_port);
            return Some(Self::symmetric(packet, quoted.proto, src, dst));
        }
        let (src_port, dst_port) = endpoints(packet);
        let src = (number(ip.src), src_port);
        let dst = (number(ip.dst), dst_port);
        if matches!(packet.transport, Transport::Esp(_)) {
            return Some(Self::new(packet, packet.proto, src, dst));
        }
        Some(Self::symmetric(packet, packet.proto, src, dst))
    }

    /// The addresses in it.
    pub fn pair(&self) -> AddressPair {
        AddressPair::of(self.low, self.high)
    }

    fn symmetric(packet: &Packet<'_>, proto: u8, src: End, dst: End) -> Self {
        if src <= dst { Self::new(packet, proto, src, dst) } else { Self::new(packet, proto, dst, src) }
    }

    fn new(packet: &Packet<'_>, proto: u8, low: End, high: End) -> Self {
        let [outer, middle, inner] = packet.vlan.map(u64::from);
        Self {
            low: low.0,
            high: high.0,
            ports: u64::from(low.1) << 32
                | u64::from(high.1) << 16
                | u64::from(proto) << 8
                | u64::from(packet.tunnel_depth),
            vlan: outer << 32 | middle << 16 | inner,
        }
    }
}

/// What an ICMPv4 "destination unreachable" quotes, if that ties it to a flow.
fn quoted_flow(packet: &Packet<'_>) -> Option<QuotedPacket> {
    match &packet.transport {
        Transport::Icmp(icmp) if packet.proto == 1 && icmp.icmp_type == 3 && !packet.is_invalid() => {
            icmp.quoted.filter(|quoted| quoted.proto != 0)
        }
        _ => None,
    }
}

/// Source and destination port, or what stands in their place.
pub(super) fn endpoints(packet: &Packet<'_>) -> (u16, u16) {
    match &packet.transport {
        Transport::Tcp(h) => (h.src_port, h.dst_port),
        Transport::Udp(h) | Transport::Sctp(h) => (h.src_port, h.dst_port),
        Transport::Icmp(icmp) if packet.proto == 1 => {
            (u16::from(icmp.icmp_type), u16::from(counterpart_v4(icmp.icmp_type)))
        }
        Transport::Icmp(icmp) => {
            (u16::from_be_bytes([icmp.code, icmp.icmp_type]), u16::from(counterpart_v6(icmp.icmp_type)))
        }
        Transport::Esp(esp) => ((esp.spi >> 16) as u16, esp.spi as u16),
        Transport::None => (0, 0),
    }
}

/// The type that answers an ICMPv4 type; 0 when none does.
fn counterpart_v4(icmp_type: u8) -> u8 {
    match icmp_type {
        8 => 0,
        0 => 8,
        13 => 14,
        14 => 13,
        15 => 16,
        16 => 15,
        10 => 9,
        9 => 10,
        17 => 18,
        18 => 17,
        _ => 0,
    }
}

/// The type that answers an ICMPv6 type; 0 when none does.
fn counterpart_v6(icmp_type: u8) -> u8 {
    match icmp_type {
        128 => 129,
        129 => 128,
        133 => 134,
        134 => 133,
        135 => 136,
        136 => 135,
        130 => 131,
        131 => 130,
        139 => 140,
        140 => 139,
        144 => 145,
        145 => 144,
        146 => 147,
        147 => 146,
        148 => 149,
        149 => 148,
        151 => 152,
        152 => 151,
        157 => 158,
        158 => 157,
        _ => 0,
    }
}

/// An address as a number; IPv4 in a form that no IPv6 address of a packet has.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V6(v6) => v6.to_bits(),
        IpAddr::V4(v4) => 0xff << 120 | 0xff << 32 | u128::from(v4.to_bits()),
    }
}
