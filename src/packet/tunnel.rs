//! Packets inside packets: GRE, IP in IP, Teredo, VXLAN, GENEVE.

use super::decode::{Context, Outcome, Undecodable, be16, ethernet, is_vlan, ppp, version, vlan};
use super::{Packet, UdpHeader, ipv4, ipv6};

/// What a tunnel carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ipv4,
    Ipv6,
    /// IPv6 in UDP without any marking: only believed when it decodes without an event that makes it invalid.
    Teredo,
    Vlan,
    Ethernet,
    ErspanOne,
    ErspanTwo,
    Ppp,
}

/// Decodes what a tunnel carries as a packet of its own. False when it is no valid packet: then the outer packet is an
/// ordinary one.
pub(super) fn open<'a>(context: &mut Context<'a, '_>, outer: &mut Packet<'a>, bytes: &'a [u8], kind: Kind) -> bool {
    if outer.layers + 1 >= context.config.max_layers {
        outer.event("too_many_layers");
        return false;
    }
    let mut inner = Packet::new(outer.time_ns, bytes.len() as u32);
    inner.tunnel_depth = outer.tunnel_depth.saturating_add(1);
    inner.layers = outer.layers + 1;
    let outcome = match kind {
        Kind::Ipv4 => ipv4::decode(context, &mut inner, bytes),
        Kind::Ipv6 | Kind::Teredo => ipv6::decode(context, &mut inner, bytes),
        Kind::Vlan => vlan(context, &mut inner, bytes),
        Kind::Ethernet | Kind::ErspanOne => ethernet(context, &mut inner, bytes),
        Kind::ErspanTwo => erspan_two(context, &mut inner, bytes),
        Kind::Ppp => ppp(context, &mut inner, bytes),
    };
    if outcome.is_err() || (kind == Kind::Teredo && inner.is_invalid()) {
        return false;
    }
    outer.carries_tunnel = true;
    context.inner.push(inner);
    true
}

pub(super) fn ip_in_ipv6<'a>(
    context: &mut Context<'a, '_>,
    packet: &mut Packet<'a>,
    bytes: &'a [u8],
    inner_version: u8,
) {
    let (kind, header_len, too_small, wrong_version) = if inner_version == 4 {
        (Kind::Ipv4, 20, "ipv6.ipv4_in_ipv6_too_small", "ipv6.ipv4_in_ipv6_wrong_version")
    } else {
        (Kind::Ipv6, 40, "ipv6.ipv6_in_ipv6_too_small", "ipv6.ipv6_in_ipv6_wrong_version")
    };
    if bytes.len() < header_len {
        packet.event(too_small);
    } else if version(bytes) == inner_version {
        open(context, packet, bytes, kind);
        packet.wants_flow |= context.config.outer_ipv6_has_flow;
    } else {
        packet.event(wrong_version);
    }
}

/// Looks for the tunnels that run over UDP, on the ports where they are looked for.
pub(super) fn over_udp<'a>(
    context: &mut Context<'a, '_>,
    packet: &mut Packet<'a>,
    header: UdpHeader,
    payload: &'a [u8],
) {
    let on = |ports: &[u16]| ports.iter().any(|&port| port == header.src_port || port == header.dst_port);
    let config = context.config;
    if on(&config.teredo_ports) && teredo(context, packet, payload) {
        return;
    }
    if on(&config.geneve_ports) && geneve(context, packet, payload) {
        return;
    }
    if on(&config.vxlan_ports) {
        vxlan(context, packet, payload);
    }
}

fn teredo<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, payload: &'a [u8]) -> bool {
    const ORIGIN_INDICATION: usize = 8;
    let at = match payload {
        [0, 0, ..] => ORIGIN_INDICATION,
        [0, ..] => return false,
        _ => 0,
    };
    let Some(datagram) = payload.get(at..) else { return false };
    let Some(&[first, _, _, _, len0, len1, next, hop_limit]) = datagram.first_chunk::<8>() else { return false };
    let len = usize::from(u16::from_be_bytes([len0, len1]));
    if first >> 4 != 6 || hop_limit == 0 || (next == 0 && len < 8) || datagram.len() != 40 + len {
        return false;
    }
    open(context, packet, datagram, Kind::Teredo)
}

fn geneve<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, payload: &'a [u8]) -> bool {
    let Some((&[version_len, flags, type0, type1, _, _, _, reserved], behind)) = payload.split_first_chunk::<8>()
    else {
        return false;
    };
    if !packet.enter_layer(context.config) {
        return false;
    }
    let options_len = usize::from(version_len & 0x3f) * 4;
    let Some((mut options, inner)) = behind.split_at_checked(options_len) else { return false };
    if version_len >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return false;
    }
    while !options.is_empty() {
        let option_len = options.get(3).map_or(usize::MAX, |b| 4 + usize::from(b & 0x1f) * 4);
        let Some(rest) = options.get(option_len..) else { return false };
        options = rest;
    }
    match u16::from_be_bytes([type0, type1]) {
        0x0800 => open(context, packet, inner, Kind::Ipv4),
        0x86dd => open(context, packet, inner, Kind::Ipv6),
        0x6558 => open(context, packet, inner, Kind::Ethernet),
        0x0806 => true,
        _ => {
            packet.event("geneve.unknown_payload_type");
            true
        }
    };
    true
}

fn vxlan<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, payload: &'a [u8]) {
    let (Some(ethertype), Some(inner)) = (be16(payload, 20), payload.get(22..)) else { return };
    if !packet.enter_layer(context.config) {
        return;
    }
    let Some(&[flags, _, _, _, _, _, _, reserved]) = payload.first_chunk::<8>() else { return };
    if flags & 0x08 == 0 || reserved != 0 {
        return;
    }
    match ethertype {
        0x0800 => _ = open(context, packet, inner, Kind::Ipv4),
        0x86dd => _ = open(context, packet, inner, Kind::Ipv6),
        t if is_vlan(t) => _ = open(context, packet, inner, Kind::Vlan),
        0x0806 => {}
        _ => packet.event("vxlan.unknown_payload_type"),
    }
}

pub(super) fn gre<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) {
    const CHECKSUM: u8 = 0x80;
    const ROUTING: u8 = 0x40;
    const KEY: u8 = 0x20;
    const SEQUENCE: u8 = 0x10;
    const RECURSION: u8 = 0x07;
    const ACK: u8 = 0x80;
    const PPP: u16 = 0x880b;
    let Some(&[flags, version_flags, type0, type1]) = bytes.first_chunk::<4>() else {
        packet.event("gre.pkt_too_small");
        return;
    };
    if !packet.enter_layer(context.config) {
        return;
    }
    let protocol = u16::from_be_bytes([type0, type1]);
    let has = |bit: u8| flags & bit != 0;
    let mut header_len = 4;
    match version_flags & 0x07 {
        0 => {
            if has(RECURSION) {
                return packet.event("gre.version0_recur");
            }
            if version_flags & 0xf8 != 0 {
                return packet.event("gre.version0_flags");
            }
            header_len += 4 * (usize::from(has(KEY)) + usize::from(has(SEQUENCE)));
            header_len += 4 * usize::from(has(CHECKSUM) || has(ROUTING));
            if header_len > bytes.len() {
                return packet.event("gre.version0_hdr_too_big");
            }
            if has(ROUTING) {
                match skip_source_routes(bytes, header_len) {
                    Some(len) => header_len = len,
                    None => return packet.event("gre.version0_malformed_sre_hdr"),
                }
            }
        }
        1 => {
            let wrong = [
                (has(CHECKSUM), "gre.version1_chksum"),
                (has(ROUTING), "gre.version1_route"),
                (flags & 0x08 != 0, "gre.version1_ssr"),
                (has(RECURSION), "gre.version1_recur"),
                (version_flags & 0x78 != 0, "gre.version1_flags"),
                (protocol != PPP, "gre.version1_wrong_protocol"),
                (!has(KEY), "gre.version1_no_key"),
            ];
            if let Some((_, event)) = wrong.into_iter().find(|(is, _)| *is) {
                return packet.event(event);
            }
            header_len += 4 + 4 * (usize::from(has(SEQUENCE)) + usize::from(version_flags & ACK != 0));
            if header_len > bytes.len() {
                return packet.event("gre.version1_hdr_too_big");
            }
            // the key's first half is the length of the payload; an acknowledgement alone has none
            if be16(bytes, 4) == Some(0) {
                return;
            }
        }
        _ => return packet.event("gre.wrong_version"),
    }
    let inner = bytes.get(header_len..).unwrap_or(&[]);
    let kind = match protocol {
        0x0800 => Kind::Ipv4,
        0x86dd => Kind::Ipv6,
        0x8100 => Kind::Vlan,
        0x6558 => Kind::Ethernet,
        0x88be if has(SEQUENCE) => Kind::ErspanTwo,
        0x88be => Kind::ErspanOne,
        PPP => Kind::Ppp,
        _ => return,
    };
    open(context, packet, inner, kind);
}

/// Where the source route entries that begin at `at` end.
fn skip_source_routes(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let &[af0, af1, _, len] = bytes.get(at..)?.first_chunk::<4>()?;
        at += 4;
        if af0 == 0 && af1 == 0 && len == 0 {
            return Some(at);
        }
        at += usize::from(len);
        if at > bytes.len() {
            return None;
        }
    }
}

fn erspan_two<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    let Some((&[v0, v1, ..], rest)) = bytes.split_first_chunk::<8>() else {
        packet.event("erspan.header_too_small");
        return Err(Undecodable);
    };
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    let version_vlan = u16::from_be_bytes([v0, v1]);
    if version_vlan >> 12 != 1 {
        packet.event("erspan.unsupported_version");
        return Err(Undecodable);
    }
    let id = version_vlan & 0x0fff;
    if id > 0 {
        let Some(slot) = packet.vlan.get_mut(packet.vlan_depth as usize) else {
            packet.event("erspan.too_many_vlan_layers");
            return Err(Undecodable);
        };
        *slot = id;
        packet.vlan_depth += 1;
    }
    ethernet(context, packet, rest)
}
