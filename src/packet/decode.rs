//! Link layers and what leads from them to IP.

use super::{Packet, ipv4, ipv6};
use crate::capture::{Frame, LinkType};
use smallvec::SmallVec;

/// What decoding depends on. Defaults are Suricata's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeConfig {
    /// UDP ports on which Teredo is looked for. Default 3544.
    pub teredo_ports: SmallVec<[u16; 4]>,
    /// UDP ports on which VXLAN is looked for. Default 4789.
    pub vxlan_ports: SmallVec<[u16; 4]>,
    /// UDP ports on which GENEVE is looked for. Default 6081.
    pub geneve_ports: SmallVec<[u16; 4]>,
    /// VLAN tags tell flows and datagrams apart. Default yes.
    pub vlan_tracking: bool,
    /// Protocol layers of one frame, tunnels included. Default 16.
    pub max_layers: u8,
    /// Bytes of the TCP header that an ICMP error must quote to be tied to its flow: 20, or 4, just the ports. Default 20.
    pub quoted_tcp_bytes: usize,
    /// An IPv4 packet in an IPv4 packet (protocol 4) is a packet of its own. Default: no.
    pub opens_ipv4_in_ipv4: bool,
    /// An IPv6 packet that carries another IP packet belongs to a flow of its own. Default off.
    pub outer_ipv6_has_flow: bool,
    /// Control protocols of PPP (LCP, PAP, CHAP and the like) are known and nothing odd. Default: no.
    pub knows_ppp_control: bool,
    /// MAC-in-MAC headers count as layers. Default: no.
    pub counts_mac_in_mac: bool,
    /// ARP messages are looked into, and an unknown EtherType is odd. Default: no.
    pub reads_arp: bool,
    /// Options of IPv6 headers must fit with both bytes of their own header; otherwise the last may be a byte longer.
    /// Default off.
    pub ipv6_options_fit: bool,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self {
            teredo_ports: SmallVec::from_slice(&[3544]),
            vxlan_ports: SmallVec::from_slice(&[4789]),
            geneve_ports: SmallVec::from_slice(&[6081]),
            vlan_tracking: true,
            max_layers: 16,
            quoted_tcp_bytes: 20,
            opens_ipv4_in_ipv4: false,
            outer_ipv6_has_flow: false,
            knows_ppp_control: false,
            counts_mac_in_mac: false,
            reads_arp: false,
            ipv6_options_fit: false,
        }
    }
}

/// A frame's own packet, and the packets inside its tunnels in the order in which the engine takes them.
#[derive(Clone, Debug)]
pub struct Decoded<'a> {
    /// The frame's own packet.
    pub packet: Packet<'a>,
    /// Packets from its tunnels.
    pub inner: Vec<Packet<'a>>,
}

/// What a decoder works with besides the packet: settings, and where packets from tunnels go.
pub(super) struct Context<'a, 'c> {
    pub(super) config: &'c DecodeConfig,
    pub(super) inner: Vec<Packet<'a>>,
}

/// The decoder could not make sense of what it was given; the reason is among the packet's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Undecodable;

pub(super) type Outcome = Result<(), Undecodable>;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_QINQ_AD: u16 = 0x88a8;
const ETHERTYPE_QINQ_OLD: u16 = 0x9100;
const ETHERTYPE_MAC_IN_MAC: u16 = 0x88e7;
const ETHERTYPE_PPPOE_DISCOVERY: u16 = 0x8863;
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;
const ETHERTYPE_MPLS: u16 = 0x8847;
const ETHERTYPE_MPLS_MULTICAST: u16 = 0x8848;
const ETHERTYPE_DCE: u16 = 0x8903;
const ETHERTYPE_VNTAG: u16 = 0x8926;
const ETHERTYPE_NSH: u16 = 0x894f;

/// True for tags that lead to a VLAN header.
pub(super) fn is_vlan(ethertype: u16) -> bool {
    matches!(ethertype, ETHERTYPE_VLAN | ETHERTYPE_QINQ_AD | ETHERTYPE_QINQ_OLD)
}

/// Takes a frame apart. Never fails: what cannot be read shows in [`Packet::ip`] and [`Packet::events`].
pub fn decode_frame<'a>(frame: &Frame<'a>, config: &DecodeConfig) -> Decoded<'a> {
    let mut context = Context { config, inner: Vec::new() };
    let mut packet = Packet::new(frame.time_ns, frame.bytes.len() as u32);
    // what went wrong is among the events
    let _ = link(&mut context, &mut packet, frame.link_type, frame.bytes);
    Decoded { packet, inner: context.inner }
}

/// Takes a datagram apart that was put together from the fragments of `parent`.
pub fn decode_datagram<'a>(parent: &Packet<'_>, datagram: &'a [u8], config: &DecodeConfig) -> Decoded<'a> {
    let mut context = Context { config, inner: Vec::new() };
    let mut packet = Packet::new(parent.time_ns, datagram.len() as u32);
    packet.vlan = parent.vlan;
    packet.vlan_depth = parent.vlan_depth;
    packet.tunnel_depth = parent.tunnel_depth;
    packet.layers = parent.layers;
    packet.reassembled = true;
    let _ = match version(datagram) {
        6 => ipv6::decode(&mut context, &mut packet, datagram),
        _ => ipv4::decode(&mut context, &mut packet, datagram),
    };
    Decoded { packet, inner: context.inner }
}

/// The version nibble of an IP header; 0 when there is nothing.
pub(super) fn version(bytes: &[u8]) -> u8 {
    bytes.first().map_or(0, |b| b >> 4)
}

fn link<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, link_type: LinkType, bytes: &'a [u8]) -> Outcome {
    match link_type.0 {
        0 => null(context, packet, bytes, u32::from_le_bytes),
        108 => null(context, packet, bytes, u32::from_be_bytes),
        1 => ethernet(context, packet, bytes),
        9 | 50 => ppp(context, packet, bytes),
        104 => cisco_hdlc(context, packet, bytes),
        12 | 14 | 101 | 228 | 229 | 778 => raw(context, packet, bytes),
        113 => cooked(context, packet, bytes, 16, 14),
        276 => cooked(context, packet, bytes, 20, 0),
        _ => Err(Undecodable),
    }
}

pub(super) fn ethernet<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let Some((header, rest)) = bytes.split_first_chunk::<14>() else {
        packet.event("ethernet.pkt_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    let [.., high, low] = *header;
    network(context, packet, u16::from_be_bytes([high, low]), rest);
    Ok(())
}

/// Linux cooked capture; `protocol_at` is where the EtherType stands in a header of `header_len` bytes.
fn cooked<'a>(
    context: &mut Context<'a, '_>,
    packet: &mut Packet<'a>,
    bytes: &'a [u8],
    header_len: usize,
    protocol_at: usize,
) -> Outcome {
    let (Some(rest), Some(protocol)) = (bytes.get(header_len..), be16(bytes, protocol_at)) else {
        packet.event("sll.pkt_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    network(context, packet, protocol, rest);
    Ok(())
}

fn raw<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    if bytes.len() < 20 {
        packet.event("ipv4.pkt_too_small");
        return Err(Undecodable);
    }
    match version(bytes) {
        4 => ipv4::decode(context, packet, bytes),
        6 => ipv6::decode(context, packet, bytes),
        _ => {
            packet.event("ipraw.invalid_ip_version");
            Ok(())
        }
    }
}

/// BSD loopback: an address family in the byte order of the capturing host, then IP.
fn null<'a>(
    context: &mut Context<'a, '_>,
    packet: &mut Packet<'a>,
    bytes: &'a [u8],
    read: fn([u8; 4]) -> u32,
) -> Outcome {
    let Some((family, rest)) = bytes.split_first_chunk::<4>() else {
        packet.event("ltnull.pkt_too_small");
        return Err(Undecodable);
    };
    match read(*family) {
        2 => ipv4::decode(context, packet, rest),
        10 | 23 | 24 | 26 | 28 | 30 => ipv6::decode(context, packet, rest),
        _ => {
            packet.event("ltnull.unsupported_type");
            Ok(())
        }
    }
}

fn cisco_hdlc<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let (Some(protocol), Some(rest)) = (be16(bytes, 2), bytes.get(4..)) else {
        packet.event("chdlc.pkt_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    network(context, packet, protocol, rest);
    Ok(())
}

/// What an EtherType announces; false when the type is none that is looked into.
pub(super) fn network<'a>(
    context: &mut Context<'a, '_>,
    packet: &mut Packet<'a>,
    ethertype: u16,
    bytes: &'a [u8],
) -> bool {
    // how an inner layer ended shows in the packet; the layer above only asks whether the type is known
    let _ = match ethertype {
        ETHERTYPE_IPV4 => ipv4::decode(context, packet, bytes),
        ETHERTYPE_IPV6 => ipv6::decode(context, packet, bytes),
        ETHERTYPE_VLAN | ETHERTYPE_QINQ_AD | ETHERTYPE_QINQ_OLD => vlan(context, packet, bytes),
        ETHERTYPE_MAC_IN_MAC => mac_in_mac(context, packet, bytes),
        ETHERTYPE_PPPOE_SESSION => pppoe_session(context, packet, bytes),
        ETHERTYPE_MPLS | ETHERTYPE_MPLS_MULTICAST => mpls(context, packet, bytes),
        ETHERTYPE_DCE => match bytes.get(2..) {
            Some(rest) if rest.len() >= 14 => ethernet(context, packet, rest),
            _ => {
                packet.event("dce.pkt_too_small");
                Err(Undecodable)
            }
        },
        ETHERTYPE_VNTAG => vntag(context, packet, bytes),
        ETHERTYPE_NSH => service_header(context, packet, bytes),
        ETHERTYPE_PPPOE_DISCOVERY => pppoe_discovery(packet, bytes),
        ETHERTYPE_ARP if context.config.reads_arp => arp(context, packet, bytes),
        ETHERTYPE_ARP => Ok(()),
        _ => {
            if context.config.reads_arp {
                packet.event("ethernet.unknown_ethertype");
            }
            return false;
        }
    };
    true
}

pub(super) fn vlan<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let Some(slot) = packet.vlan.get_mut(packet.vlan_depth as usize) else {
        packet.event("vlan.too_many_layers");
        return Err(Undecodable);
    };
    let Some((header, rest)) = bytes.split_first_chunk::<4>() else {
        packet.event("vlan.header_too_small");
        return Err(Undecodable);
    };
    let [a, b, c, d] = *header;
    if context.config.vlan_tracking {
        *slot = u16::from_be_bytes([a, b]) & 0x0fff;
    }
    packet.vlan_depth += 1;
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    if !network(context, packet, u16::from_be_bytes([c, d]), rest) {
        packet.event("vlan.unknown_type");
        return Err(Undecodable);
    }
    Ok(())
}

/// Address resolution: of IPv4 in Ethernet, anything else is odd.
fn arp<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    const HEADER: usize = 28;
    let Some(&[hw0, hw1, proto0, proto1, hw_len, proto_len, op0, op1]) = bytes.first_chunk::<8>() else {
        packet.event("arp.pkt_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    let odd = if u16::from_be_bytes([hw0, hw1]) != 1 {
        "arp.unsupported_hardware"
    } else if u16::from_be_bytes([proto0, proto1]) != ETHERTYPE_IPV4 {
        "arp.unsupported_protocol"
    } else if bytes.len() < HEADER {
        "arp.invalid_pkt"
    } else if hw_len != 6 {
        "arp.invalid_hardware_size"
    } else if proto_len != 4 {
        "arp.invalid_protocol_size"
    } else if !(1..=4).contains(&u16::from_be_bytes([op0, op1])) {
        "arp.unsupported_opcode"
    } else {
        return Ok(());
    };
    packet.event(odd);
    Err(Undecodable)
}

fn mac_in_mac<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let (Some(next), Some(rest)) = (be16(bytes, 16), bytes.get(18..)) else {
        packet.event("ieee8021ah.header_too_small");
        return Err(Undecodable);
    };
    if context.config.counts_mac_in_mac && !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    network(context, packet, next, rest);
    Ok(())
}

fn vntag<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let (Some(next), Some(rest)) = (be16(bytes, 4), bytes.get(6..)) else {
        packet.event("vntag.header_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    if !network(context, packet, next, rest) {
        packet.event("vntag.unknown_type");
        return Err(Undecodable);
    }
    Ok(())
}

/// The network service header (RFC 8300).
fn service_header<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let Some(&[version_flags, flags_len, kind, next, ..]) = bytes.first_chunk::<8>() else {
        packet.event("nsh.header_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    if version_flags >> 6 != 0 {
        packet.event("nsh.unsupported_version");
        return Ok(());
    }
    let header_len = usize::from(flags_len & 0x3f) * 4;
    let rest = match bytes.get(header_len..) {
        Some(rest) if !rest.is_empty() && (kind != 1 || header_len == 24) => rest,
        _ => {
            packet.event("nsh.bad_header_length");
            return Err(Undecodable);
        }
    };
    match (kind, next) {
        (0 | 15, _) => packet.event("nsh.reserved_type"),
        (1 | 2, 1) => return ipv4::decode(context, packet, rest),
        (1 | 2, 2) => return ipv6::decode(context, packet, rest),
        (1 | 2, 3) => return ethernet(context, packet, rest),
        (1 | 2, 5) => return mpls(context, packet, rest),
        (1 | 2, _) => packet.event("nsh.unknown_payload"),
        _ => packet.event("nsh.unsupported_type"),
    }
    Ok(())
}

fn pppoe_discovery(packet: &mut Packet<'_>, bytes: &[u8]) -> Outcome {
    let (Some(&code), Some(length)) = (bytes.get(1), be16(bytes, 4)) else {
        packet.event("pppoe.pkt_too_small");
        return Err(Undecodable);
    };
    if !matches!(code, 0x07 | 0x09 | 0x19 | 0x65 | 0xa7) {
        packet.event("pppoe.wrong_code");
    } else if usize::from(length) + 6 > bytes.len() {
        packet.event("pppoe.malformed_tags");
    }
    Ok(())
}

fn pppoe_session<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let (Some(length), Some(protocol)) = (be16(bytes, 4), be16(bytes, 6)) else {
        packet.event("pppoe.pkt_too_small");
        return Err(Undecodable);
    };
    if length == 0 {
        return Ok(());
    }
    // an odd first octet means that the protocol field has one octet only (RFC 1661)
    let (protocol, at) = if protocol & 0x0100 != 0 { (protocol >> 8, 7) } else { (protocol, 8) };
    // these are known over serial lines only
    if matches!(protocol, 0x80fd | 0xc029 | 0x00fd) && !context.config.knows_ppp_control {
        packet.event("ppp.wrong_type");
        return Ok(());
    }
    ppp_protocol(context, packet, protocol, bytes.get(at..).unwrap_or(&[]))
}

pub(super) fn ppp<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    // 0xff: an HDLC address and control field come first
    let at = if bytes.first() == Some(&0xff) { 2 } else { 0 };
    let Some(&first) = bytes.get(at) else {
        packet.event("ppp.pkt_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    if first & 1 == 1 {
        let rest = bytes.get(at + 1..).unwrap_or(&[]);
        return match first {
            0x21 if rest.len() < 20 => {
                packet.event("ppp.vju_pkt_too_small");
                Err(Undecodable)
            }
            0x21 | 0x57 | 0x2f => ppp_protocol(context, packet, u16::from(first), rest),
            _ => {
                packet.event("ppp.unsup_proto");
                Ok(())
            }
        };
    }
    match (be16(bytes, at), bytes.get(at + 2..)) {
        (Some(protocol), Some(rest)) => ppp_protocol(context, packet, protocol, rest),
        _ => {
            packet.event("ppp.pkt_too_small");
            Err(Undecodable)
        }
    }
}

fn ppp_protocol<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, protocol: u16, bytes: &'a [u8]) -> Outcome {
    match protocol {
        0x21 if bytes.len() < 20 => packet.event("ppp.ip4_pkt_too_small"),
        0x57 if bytes.len() < 40 => packet.event("ppp.ip6_pkt_too_small"),
        0x2f if bytes.len() < 20 => packet.event("ppp.vju_pkt_too_small"),
        0x21 => return ipv4::decode(context, packet, bytes),
        0x57 => return ipv6::decode(context, packet, bytes),
        0x2f if version(bytes) == 4 => return ipv4::decode(context, packet, bytes),
        0x2f => {}
        0xfd | 0x8021 | 0x8057 | 0x80fd | 0x8207 | 0xc021 | 0xc023 | 0xc025 | 0xc029 | 0xc223
            if context.config.knows_ppp_control =>
        {
            return Ok(());
        }
        0x23 | 0x25 | 0x27 | 0x29 | 0x2b | 0x2d | 0x31 | 0x33 | 0x35 | 0xfd | 0x0201 | 0x0231 | 0x0233 | 0x0281
        | 0x0283 | 0x8021 | 0x8023 | 0x8025 | 0x8027 | 0x8029 | 0x802b | 0x8033 | 0x8035 | 0x8057 | 0x80fd | 0x8281
        | 0xc021 | 0xc023 | 0xc025 | 0xc029 | 0xc223 => {
            packet.event("ppp.unsup_proto");
            return Ok(());
        }
        _ => {
            packet.event("ppp.wrong_type");
            return Ok(());
        }
    }
    Err(Undecodable)
}

fn mpls<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, mut bytes: &'a [u8]) -> Outcome {
    const IPV4_NULL: u32 = 0;
    const ROUTER_ALERT: u32 = 1;
    const IPV6_NULL: u32 = 2;
    const IMPLICIT_NULL: u32 = 3;
    const RESERVED: std::ops::Range<u32> = 4..15;
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    let label = loop {
        let Some((shim, rest)) = bytes.split_first_chunk::<4>() else {
            packet.event("mpls.header_too_small");
            return Err(Undecodable);
        };
        bytes = rest;
        let shim = u32::from_be_bytes(*shim);
        if shim & 0x100 != 0 {
            break shim >> 12;
        }
    };
    match label {
        IPV4_NULL => return ipv4::decode(context, packet, bytes),
        IPV6_NULL => return ipv6::decode(context, packet, bytes),
        ROUTER_ALERT => packet.event("mpls.bad_label_router_alert"),
        IMPLICIT_NULL => packet.event("mpls.bad_label_implicit_null"),
        l if RESERVED.contains(&l) => packet.event("mpls.bad_label_reserved"),
        _ if bytes.len() < 4 => {
            packet.event("mpls.pkt_too_small");
            return Err(Undecodable);
        }
        _ => match version(bytes) {
            4 => return ipv4::decode(context, packet, bytes),
            6 => return ipv6::decode(context, packet, bytes),
            0 => return ethernet(context, packet, bytes.get(4..).unwrap_or(&[])),
            _ => packet.event("mpls.unknown_payload_type"),
        },
    }
    Ok(())
}

/// A big-endian number at an offset.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Checksummed, Event, Transport, tcp_flag};
    use etherparse::PacketBuilder;

    fn decoded(link_type: u16, bytes: &[u8]) -> Decoded<'_> {
        let frame =
            Frame { number: 1, time_ns: 0, link_type: LinkType(link_type), wire_len: bytes.len() as u32, bytes };
        decode_frame(&frame, &DecodeConfig::default())
    }

    fn tcp(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([10, 0, 0, 1], [203, 0, 113, 9], 61)
            .tcp(40000, 443, 7, 1024)
            .ack(9)
            .write(&mut bytes, payload)
            .unwrap();
        bytes
    }

    #[test]
    fn a_tcp_segment_is_taken_apart_and_link_padding_left_off() {
        let mut bytes = tcp(b"hello");
        bytes.extend_from_slice(&[0xaa; 9]);
        let packet = decoded(1, &bytes).packet;
        let ip = packet.ip.unwrap();
        assert_eq!((ip.proto, ip.ttl), (6, 61));
        let header = packet.tcp().unwrap();
        assert_eq!((header.src_port, header.dst_port, header.seq, header.ack), (40000, 443, 7, 9));
        assert_eq!(header.flags, tcp_flag::ACK);
        assert_eq!(packet.has_right_checksum(Checksummed::TcpV4), Some(true));
        assert_eq!(packet.payload, b"hello");
        assert!(packet.wants_flow && packet.events.is_empty());
    }

    #[test]
    fn a_changed_byte_shows_in_the_checksum() {
        let mut bytes = tcp(b"hello");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(decoded(1, &bytes).packet.has_right_checksum(Checksummed::TcpV4), Some(false));
    }

    #[test]
    fn a_header_that_promises_more_than_there_is_makes_no_ip_packet() {
        let bytes = tcp(b"hello");
        let packet = decoded(1, &bytes[..bytes.len() - 1]).packet;
        assert!(packet.ip.is_none() && packet.is_invalid());
        assert_eq!(packet.events[..], [Event("ipv4.trunc_pkt")]);
    }

    #[test]
    fn a_packet_in_vxlan_is_a_packet_of_its_own() {
        let inner = tcp(b"inside");
        let mut vxlan = vec![0x08, 0, 0, 0, 0, 0, 7, 0];
        vxlan.extend_from_slice(&inner);
        let mut bytes = Vec::new();
        PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64)
            .udp(5000, 4789)
            .write(&mut bytes, &vxlan)
            .unwrap();
        let decoded = decoded(1, &bytes);
        assert!(decoded.packet.carries_tunnel);
        let [inner] = &decoded.inner[..] else { panic!("one inner packet") };
        assert_eq!(inner.payload, b"inside");
        assert_eq!(inner.tunnel_depth, 1);
    }

    #[test]
    fn vlan_tags_and_link_types_lead_to_the_same_packet() {
        let plain = tcp(b"x");
        let mut tagged = plain[..12].to_vec();
        tagged.extend_from_slice(&[0x88, 0xa8, 0, 5, 0x81, 0, 0, 9]);
        tagged.extend_from_slice(&plain[12..]);
        let packet = decoded(1, &tagged).packet;
        assert_eq!((packet.vlan_depth, packet.vlan), (2, [5, 9, 0]));
        assert!(matches!(packet.transport, Transport::Tcp(_)));
        assert!(decoded(101, &plain[14..]).packet.tcp().is_some());
        let mut loopback = vec![2, 0, 0, 0];
        loopback.extend_from_slice(&plain[14..]);
        assert!(decoded(0, &loopback).packet.tcp().is_some());
        assert!(decoded(9999, &plain).packet.ip.is_none());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_decoded_without_a_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            link_type in proptest::sample::select(vec![0u16, 1, 9, 101, 104, 108, 113, 276]),
        ) {
            let _ = decoded(link_type, &bytes);
        }

        #[test]
        fn any_ip_packet_is_decoded_without_a_panic(
            mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 40..200),
            version in proptest::sample::select(vec![0x45u8, 0x4f, 0x60]),
            proto in proptest::sample::select(vec![0u8, 1, 4, 6, 17, 41, 43, 44, 47, 50, 51, 58, 60, 132]),
        ) {
            bytes[0] = version;
            if version == 0x60 {
                let len = (bytes.len() - 40) as u16;
                bytes[4..6].copy_from_slice(&len.to_be_bytes());
                bytes[6] = proto;
            } else {
                let len = bytes.len() as u16;
                bytes[2..4].copy_from_slice(&len.to_be_bytes());
                bytes[6] = 0;
                bytes[7] = 0;
                bytes[9] = proto;
            }
            let _ = decoded(101, &bytes);
        }
    }
}
