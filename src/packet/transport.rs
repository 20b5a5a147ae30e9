//! TCP, UDP, SCTP, ICMP and ESP.

use super::decode::{Context, be16};
use super::{EspHeader, Event, IcmpHeader, Packet, QuotedPacket, TcpHeader, TcpOptions, Transport, UdpHeader, tunnel};
use std::net::{IpAddr, Ipv4Addr};

pub(super) fn tcp<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some(header) = bytes.first_chunk::<20>() else {
        packet.event("tcp.pkt_too_small");
        return;
    };
    let [sp0, sp1, dp0, dp1, s0, s1, s2, s3, a0, a1, a2, a3, offset, flags, w0, w1, _, _, u0, u1] = *header;
    let header_len = usize::from(offset >> 4) * 4;
    if bytes.len() < header_len {
        packet.event("tcp.hlen_too_small");
        return;
    }
    if header_len < 20 {
        packet.event("tcp.invalid_optlen");
        return;
    }
    let (head, payload) = bytes.split_at_checked(header_len).unwrap_or((bytes, &[]));
    let options = tcp_options(packet, head.get(20..).unwrap_or(&[]));
    packet.transport = Transport::Tcp(TcpHeader {
        src_port: u16::from_be_bytes([sp0, sp1]),
        dst_port: u16::from_be_bytes([dp0, dp1]),
        seq: u32::from_be_bytes([s0, s1, s2, s3]),
        ack: u32::from_be_bytes([a0, a1, a2, a3]),
        flags,
        window: u16::from_be_bytes([w0, w1]),
        urgent: u16::from_be_bytes([u0, u1]),
        options,
    });
    packet.payload = payload;
    packet.segment = bytes;
    packet.proto = 6;
    packet.wants_flow = true;
}

/// Reads the options that the stream engine looks at. An option whose length runs out of the header ends the list;
/// one that is well placed but has an impossible length of its own, or comes twice, is passed over.
fn tcp_options(packet: &mut Packet<'_>, mut bytes: &[u8]) -> TcpOptions {
    const INVALID_LEN: &str = "tcp.opt_invalid_len";
    const DUPLICATE: &str = "tcp.opt_duplicate";
    let mut options = TcpOptions::default();
    let mut sack_seen = false;
    while let Some((&kind, rest)) = bytes.split_first() {
        if kind == 0 {
            break;
        }
        if kind == 1 {
            bytes = rest;
            continue;
        }
        let Some(&len) = rest.first() else { break };
        let Some((option, behind)) = bytes.split_at_checked(usize::from(len)).filter(|_| len >= 2) else {
            packet.event(INVALID_LEN);
            break;
        };
        bytes = behind;
        let data = option.get(2..).unwrap_or(&[]);
        let set = |present: bool, packet: &mut Packet<'_>| {
            if present {
                packet.events.push(Event(DUPLICATE));
            }
            !present
        };
        match (kind, data) {
            (2, &[high, low]) => {
                if set(options.mss.is_some(), packet) {
                    options.mss = Some(u16::from_be_bytes([high, low]));
                }
            }
            (3, &[shift]) => {
                if set(options.window_scale.is_some(), packet) {
                    options.window_scale = Some(shift);
                }
            }
            (4, []) => {
                if set(options.sack_ok, packet) {
                    options.sack_ok = true;
                }
            }
            (5, blocks) if blocks.is_empty() || (blocks.len() % 8 == 0 && blocks.len() <= 32) => {
                if set(sack_seen, packet) {
                    sack_seen = true;
                    options.sack.extend(blocks.chunks_exact(8).filter_map(|block| {
                        let (left, right) = block.split_first_chunk::<4>()?;
                        Some((u32::from_be_bytes(*left), u32::from_be_bytes(*right.first_chunk::<4>()?)))
                    }));
                }
            }
            (8, &[v0, v1, v2, v3, e0, e1, e2, e3]) => {
                if set(options.timestamp.is_some(), packet) {
                    options.timestamp =
                        Some((u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([e0, e1, e2, e3])));
                }
            }
            (34, cookie) if cookie.is_empty() || (cookie.len() % 2 == 0 && (4..=16).contains(&cookie.len())) => {
                if set(options.fast_open.is_some(), packet) {
                    options.fast_open = Some(cookie.len() as u8);
                }
            }
            // experimental options: fast open when they carry its magic number
            (253 | 254, experiment) if matches!(experiment.len(), 2 | 10) => {
                if be16(experiment, 0) == Some(0xf989) && set(options.fast_open.is_some(), packet) {
                    options.fast_open = Some(experiment.len() as u8 - 2);
                }
            }
            (19, signature) if signature.len() == 16 => options.signed = true,
            (29, authentication) if authentication.len() >= 2 => options.signed = true,
            (2..=5 | 8 | 19 | 29 | 34 | 253 | 254, _) => packet.event(INVALID_LEN),
            _ => {}
        }
    }
    options
}

pub(super) fn udp<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some(&[sp0, sp1, dp0, dp1, len0, len1, _, _]) = bytes.first_chunk::<8>() else {
        packet.event("udp.hlen_too_small");
        return;
    };
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    let Some(datagram) = bytes.get(..len) else {
        packet.event("udp.pkt_too_small");
        return;
    };
    let Some(payload) = datagram.get(8..) else {
        packet.event("udp.len_invalid");
        return;
    };
    let header = UdpHeader { src_port: u16::from_be_bytes([sp0, sp1]), dst_port: u16::from_be_bytes([dp0, dp1]) };
    packet.transport = Transport::Udp(header);
    packet.payload = payload;
    packet.segment = datagram;
    packet.proto = 17;
    packet.wants_flow = true;
    tunnel::over_udp(context, packet, header, payload);
}

pub(super) fn sctp<'a>(packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some((&[sp0, sp1, dp0, dp1, ..], payload)) = bytes.split_first_chunk::<12>() else {
        packet.event("sctp.pkt_too_small");
        return;
    };
    packet.transport = Transport::Sctp(UdpHeader {
        src_port: u16::from_be_bytes([sp0, sp1]),
        dst_port: u16::from_be_bytes([dp0, dp1]),
    });
    packet.payload = payload;
    packet.proto = 132;
    packet.wants_flow = true;
}

pub(super) fn esp<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) {
    if !packet.enter_layer(context.config) {
        return;
    }
    let Some((&[s0, s1, s2, s3, ..], payload)) = bytes.split_first_chunk::<8>() else {
        packet.event("esp.pkt_too_small");
        return;
    };
    packet.transport = Transport::Esp(EspHeader { spi: u32::from_be_bytes([s0, s1, s2, s3]) });
    packet.payload = payload;
    packet.proto = 50;
    packet.wants_flow = true;
}

pub(super) fn icmp_v4<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some((&[icmp_type, code, _, _, id0, id1, seq0, seq1], payload)) = bytes.split_first_chunk::<8>() else {
        packet.event("icmpv4.pkt_too_small");
        return;
    };
    let highest_code = match icmp_type {
        3 => 15,
        5 => 3,
        11 => 1,
        0 | 4 | 8 | 12..=18 => 0,
        9 => 255,
        _ => {
            packet.event("icmpv4.unknown_type");
            255
        }
    };
    let known = code <= highest_code;
    if !known {
        packet.event("icmpv4.unknown_code");
    }
    let has_id = matches!(icmp_type, 0 | 8 | 13..=18);
    // what counts as header: of timestamps and router advertisements more than the fixed part
    let behind = match icmp_type {
        9 => usize::from(id0) * usize::from(id1) * 4,
        13 | 14 => 12,
        _ => 0,
    };
    let (payload, header_len) = match payload.get(behind..) {
        Some(rest) => (rest, 8 + behind),
        None => {
            packet.event("icmpv4.ipv4_trunc_pkt");
            (payload, 8)
        }
    };
    // a source quench quotes even when there is nothing left to quote
    let quotes = matches!(icmp_type, 3 | 5 | 11 | 12) && !payload.is_empty() || icmp_type == 4;
    let quoted = if known && quotes { quoted_v4(packet, payload, context.config.quoted_tcp_bytes) } else { None };
    packet.transport = Transport::Icmp(IcmpHeader {
        icmp_type,
        code,
        id: has_id.then_some(u16::from_be_bytes([id0, id1])),
        seq: has_id.then_some(u16::from_be_bytes([seq0, seq1])),
        quoted,
        header_len: header_len as u16,
    });
    packet.payload = payload;
    packet.segment = bytes;
    packet.proto = 1;
    packet.wants_flow = true;
}

/// Reads the packet that an error quotes. Suricata looks for its transport header behind a header without options,
/// whatever the quoted header says, and ties the error to a flow only if enough of a TCP or UDP header is there.
fn quoted_v4(packet: &mut Packet<'_>, bytes: &[u8], tcp_bytes: usize) -> Option<QuotedPacket> {
    let Some((header, rest)) = bytes.split_first_chunk::<20>() else {
        packet.event("icmpv4.ipv4_trunc_pkt");
        return None;
    };
    let [version_ihl, _, _, _, _, _, _, _, _, proto, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    if version_ihl >> 4 != 4 {
        packet.event("icmpv4.ipv4_unknown_ver");
        return None;
    }
    let whole = match proto {
        6 => rest.len() >= tcp_bytes,
        17 => rest.len() >= 8,
        _ => false,
    };
    Some(QuotedPacket {
        src: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        dst: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        proto: if whole { proto } else { 0 },
        src_port: if whole { be16(rest, 0).unwrap_or(0) } else { 0 },
        dst_port: if whole { be16(rest, 2).unwrap_or(0) } else { 0 },
    })
}

pub(super) fn icmp_v6<'a>(_context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) {
    let Some((&[icmp_type, code, _, _, id0, id1, seq0, seq1], behind)) = bytes.split_first_chunk::<8>() else {
        packet.event("icmpv6.pkt_too_small");
        return;
    };
    let known = match icmp_type {
        1 => code <= 6,
        3 => code <= 1,
        4 | 139 | 140 => code <= 2,
        138 => code <= 2 || code == 255,
        155 => matches!(code, 0..=3 | 128..=132),
        2 | 128..=137 | 141..=149 | 154 | 156..=159 => code == 0,
        _ => true,
    };
    if !known {
        packet.event("icmpv6.unknown_code");
    }
    match icmp_type {
        100 | 101 | 200 | 201 => packet.event("icmpv6.experimentation_type"),
        5..=126 | 160.. => packet.event("icmpv6.unassigned_type"),
        0 | 127 => packet.event("icmpv6.unknown_type"),
        130..=132 if packet.ip.is_some_and(|ip| ip.ttl != 1) => packet.event("icmpv6.mld_message_with_invalid_hl"),
        1..=4 if known => match behind.first() {
            _ if behind.len() < 40 => packet.event("icmpv6.ipv6_trunc_pkt"),
            Some(first) if first >> 4 != 6 => packet.event("icmpv6.ipv6_unknown_version"),
            _ => {}
        },
        _ => {}
    }
    let echo = matches!(icmp_type, 128 | 129) && known;
    // errors and echos have a whole header; of the others Suricata inspects what follows the checksum
    let whole_header = known && matches!(icmp_type, 1..=4 | 128 | 129);
    packet.transport = Transport::Icmp(IcmpHeader {
        icmp_type,
        code,
        id: echo.then_some(u16::from_be_bytes([id0, id1])),
        seq: echo.then_some(u16::from_be_bytes([seq0, seq1])),
        quoted: None,
        header_len: 8,
    });
    packet.segment = bytes;
    packet.payload = if whole_header { behind } else { bytes.get(4..).unwrap_or(&[]) };
    packet.proto = 58;
    packet.wants_flow = true;
}
