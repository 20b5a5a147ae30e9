//! IPv6 and its extension headers.

use super::decode::{Context, DecodeConfig, Outcome, Undecodable, be16};
use super::{Fragment, IpHeader, Packet, transport, tunnel};
use std::net::{IpAddr, Ipv6Addr};

const HEADER: usize = 40;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ESP: u8 = 50;
const AUTHENTICATION: u8 = 51;
const NONE: u8 = 59;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

pub(super) fn decode<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    let header = bytes.first_chunk::<HEADER>().ok_or(Undecodable)?;
    let [first, _, _, _, len0, len1, next, hop_limit, ..] = *header;
    if first >> 4 != 6 {
        packet.event("ipv6.wrong_ip_version");
        return Err(Undecodable);
    }
    let payload_len = usize::from(u16::from_be_bytes([len0, len1]));
    let Some(datagram) = bytes.get(..HEADER + payload_len) else {
        packet.event("ipv6.trunc_pkt");
        return Err(Undecodable);
    };
    let payload = datagram.get(HEADER..).unwrap_or(&[]);
    packet.ip = Some(IpHeader {
        src: IpAddr::V6(address(datagram, 8)),
        dst: IpAddr::V6(address(datagram, 24)),
        proto: next,
        ttl: hop_limit,
        fragment: None,
        total_len: datagram.len() as u32,
        flags: 0,
        options: 0,
        header_len: HEADER as u16,
    });
    packet.datagram = datagram;
    packet.proto = next;
    match next {
        FRAGMENT | HOP_BY_HOP | ROUTING | NONE | DESTINATION | AUTHENTICATION | ESP | MOBILITY | HIP | SHIM6 => {
            // Suricata takes a chain for protocol 0 until a header with a number of its own is met
            set_proto(packet, 0);
            extensions(context, packet, next, payload);
        }
        1 => {
            set_proto(packet, 0);
            packet.event("ipv6.icmpv4");
        }
        // these are only looked into when they follow the fixed header directly
        41 => {
            set_proto(packet, next);
            tunnel::ip_in_ipv6(context, packet, payload, 6);
        }
        47 => {
            set_proto(packet, next);
            tunnel::gre(context, packet, payload);
        }
        _ => upper(context, packet, next, payload),
    }
    Ok(())
}

/// A header that is no extension.
fn upper<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, next: u8, payload: &'a [u8]) {
    if next != 1 {
        set_proto(packet, next);
    }
    match next {
        6 => transport::tcp(packet, payload),
        17 => transport::udp(context, packet, payload),
        58 => transport::icmp_v6(context, packet, payload),
        132 => transport::sctp(packet, payload),
        ESP => transport::esp(context, packet, payload),
        4 => tunnel::ip_in_ipv6(context, packet, payload, 4),
        1 => packet.event("ipv6.icmpv4"),
        _ => packet.event("ipv6.unknown_next_header"),
    }
}

/// Walks extension headers until one that ends the walk.
fn extensions<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, first: u8, mut rest: &'a [u8]) {
    let mut next = first;
    // where the byte stands that named the header at hand: the fixed header's own field at first
    let mut named_at: u16 = 6;
    let (mut hop_seen, mut routing_seen, mut auth_seen, mut fragment_seen, mut destinations) =
        (false, false, false, false, 0);
    loop {
        let here = (packet.datagram.len() - rest.len()) as u16;
        if let Some(ip) = &mut packet.ip {
            ip.header_len = here;
        }
        if next == NONE {
            if !rest.is_empty() {
                packet.event("ipv6.data_after_none_header");
            }
            return;
        }
        let Some(&[following, len_field]) = rest.first_chunk::<2>() else {
            packet.event("ipv6.trunc_exthdr");
            return;
        };
        let header_len = match next {
            FRAGMENT => 8,
            AUTHENTICATION if len_field > 0 => 12 + (usize::from(len_field) - 1) * 4,
            AUTHENTICATION => 12,
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => 8 + usize::from(len_field) * 8,
            _ => {
                upper(context, packet, next, rest);
                return;
            }
        };
        if !matches!(next, MOBILITY | HIP | SHIM6) {
            set_proto(packet, next);
        }
        let Some((header, behind)) = rest.split_at_checked(header_len) else {
            packet.event("ipv6.trunc_exthdr");
            return;
        };
        match next {
            FRAGMENT if len_field != 0 => packet.event("ipv6.fh_non_zero_reserved_field"),
            AUTHENTICATION if be16(header, 2) != Some(0) => packet.event("ipv6.exthdr_ah_res_not_null"),
            _ => {}
        }
        match next {
            FRAGMENT if fragment_seen => packet.event("ipv6.exthdr_dupl_fh"),
            FRAGMENT => {
                fragment_seen = true;
                let fragment = fragment(header, here, named_at, following);
                if fragment.offset != 0 || fragment.more {
                    if fragment.more && !rest.len().is_multiple_of(8) {
                        packet.event("ipv6.frag_invalid_length");
                    }
                    if let Some(ip) = &mut packet.ip {
                        ip.fragment = Some(fragment);
                    }
                    return;
                }
                packet.event("ipv6.exthdr_useless_fh");
            }
            HOP_BY_HOP if hop_seen => packet.event("ipv6.exthdr_dupl_hh"),
            HOP_BY_HOP => {
                hop_seen = true;
                options(context.config, packet, header.get(2..).unwrap_or(&[]), HOP_BY_HOP_EVENTS);
            }
            ROUTING if routing_seen => packet.event("ipv6.exthdr_dupl_rh"),
            ROUTING => {
                routing_seen = true;
                if header.get(2) == Some(&0) {
                    packet.event("ipv6.rh_type_0");
                }
            }
            AUTHENTICATION if auth_seen => packet.event("ipv6.exthdr_dupl_ah"),
            AUTHENTICATION => auth_seen = true,
            DESTINATION if destinations == 2 => packet.event("ipv6.exthdr_dupl_dh"),
            DESTINATION => {
                destinations += 1;
                options(context.config, packet, header.get(2..).unwrap_or(&[]), DESTINATION_EVENTS);
            }
            _ => {}
        }
        named_at = here;
        next = following;
        rest = behind;
    }
}

/// Events for options that are not known, and for nothing but padding.
type OptionEvents = (&'static str, &'static str);
const HOP_BY_HOP_EVENTS: OptionEvents = ("ipv6.hopopts_unknown_opt", "ipv6.hopopts_only_padding");
const DESTINATION_EVENTS: OptionEvents = ("ipv6.dstopts_unknown_opt", "ipv6.dstopts_only_padding");

/// Walks the options of a header. Unless the configuration has it otherwise, the last may be a byte longer than there is
/// room.
fn options(config: &DecodeConfig, packet: &mut Packet<'_>, mut bytes: &[u8], (unknown, only_padding): OptionEvents) {
    const PAD_1: u8 = 0;
    const PAD_N: u8 = 1;
    const ROUTER_ALERT: u8 = 5;
    const JUMBO: u8 = 0xc2;
    const HOME_ADDRESS: u8 = 0xc9;
    let header_bytes = if config.ipv6_options_fit { 2 } else { 1 };
    let (mut padding, mut others) = (false, false);
    while let Some((&kind, rest)) = bytes.split_first() {
        if kind == PAD_1 {
            padding = true;
            bytes = rest;
            continue;
        }
        let needed = match kind {
            ROUTER_ALERT => 2,
            JUMBO => 4,
            HOME_ADDRESS => 16,
            _ => 0,
        };
        let Some(&len) = rest.first().filter(|&&len| usize::from(len) + header_bytes <= bytes.len()) else {
            packet.event("ipv6.exthdr_invalid_optlen");
            break;
        };
        match kind {
            PAD_N => {
                padding = true;
                if len == 0 {
                    packet.event("ipv6.zero_len_padn");
                }
            }
            _ if len < needed => {
                packet.event("ipv6.exthdr_invalid_optlen");
                break;
            }
            JUMBO => {}
            ROUTER_ALERT | HOME_ADDRESS => others = true,
            _ => {
                packet.event(unknown);
                others = true;
            }
        }
        bytes = bytes.get(2 + usize::from(len)..).unwrap_or(&[]);
    }
    if padding && !others {
        packet.event(only_padding);
    }
}

fn fragment(header: &[u8], header_offset: u16, named_at: u16, next_header: u8) -> Fragment {
    let offset_more = be16(header, 2).unwrap_or(0);
    let id = header.get(4..).and_then(|b| b.first_chunk::<4>()).map_or(0, |b| u32::from_be_bytes(*b));
    Fragment {
        id,
        offset: u32::from(offset_more & 0xfff8),
        more: offset_more & 1 != 0,
        data_offset: header_offset + 8,
        header_offset,
        next_header_offset: named_at,
        next_header,
    }
}

fn set_proto(packet: &mut Packet<'_>, proto: u8) {
    packet.proto = proto;
    if let Some(ip) = &mut packet.ip {
        ip.proto = proto;
    }
}

fn address(bytes: &[u8], at: usize) -> Ipv6Addr {
    bytes.get(at..).and_then(|b| b.first_chunk::<16>()).map_or(Ipv6Addr::UNSPECIFIED, |b| Ipv6Addr::from(*b))
}
