//! IPv4.

use super::decode::{Context, Outcome, Undecodable};
use super::{Fragment, IpHeader, Packet, ipv4_option, transport, tunnel};
use std::net::{IpAddr, Ipv4Addr};

const HEADER_MIN: usize = 20;

pub(super) fn decode<'a>(context: &mut Context<'a, '_>, packet: &mut Packet<'a>, bytes: &'a [u8]) -> Outcome {
    if !packet.enter_layer(context.config) {
        return Err(Undecodable);
    }
    let (header, header_len, datagram) = match read_header(bytes) {
        Ok(read) => read,
        Err(event) => {
            packet.event(event);
            return Err(Undecodable);
        }
    };
    let [_, _, _, _, id0, id1, fo0, fo1, ttl, proto, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
    let flags_offset = u16::from_be_bytes([fo0, fo1]);
    let offset = u32::from(flags_offset & 0x1fff) * 8;
    let more = flags_offset & 0x2000 != 0;
    let fragment = (offset > 0 || more).then(|| Fragment {
        id: u32::from(u16::from_be_bytes([id0, id1])),
        offset,
        more,
        data_offset: header_len as u16,
        header_offset: 0,
        next_header_offset: 0,
        next_header: proto,
    });
    let options = options(packet, datagram.get(HEADER_MIN..header_len).unwrap_or(&[]))?;
    packet.ip = Some(IpHeader {
        src: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        dst: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        proto,
        ttl,
        fragment,
        total_len: datagram.len() as u32,
        flags: u8::from(more)
            | (u8::from(flags_offset & 0x4000 != 0) << 1)
            | (u8::from(flags_offset & 0x8000 != 0) << 2),
        options,
        header_len: header_len as u16,
    });
    packet.datagram = datagram;
    packet.proto = proto;
    if fragment.is_some() {
        return Ok(());
    }
    let payload = datagram.get(header_len..).unwrap_or(&[]);
    match proto {
        6 => transport::tcp(packet, payload),
        17 => transport::udp(context, packet, payload),
        1 => transport::icmp_v4(context, packet, payload),
        132 => transport::sctp(packet, payload),
        50 => transport::esp(context, packet, payload),
        47 => tunnel::gre(context, packet, payload),
        41 => {
            tunnel::open(context, packet, payload, tunnel::Kind::Ipv6);
            packet.wants_flow = true;
        }
        4 if context.config.opens_ipv4_in_ipv4 => {
            tunnel::open(context, packet, payload, tunnel::Kind::Ipv4);
            packet.wants_flow = true;
        }
        58 => packet.event("ipv4.icmpv6"),
        _ => {}
    }
    Ok(())
}

/// The fixed header, the header's length, and the datagram without what the link added behind it.
fn read_header(bytes: &[u8]) -> Result<(&[u8; HEADER_MIN], usize, &[u8]), &'static str> {
    let header = bytes.first_chunk::<HEADER_MIN>().ok_or("ipv4.pkt_too_small")?;
    let [version_ihl, _, len0, len1, ..] = *header;
    if version_ihl >> 4 != 4 {
        return Err("ipv4.wrong_ip_version");
    }
    let header_len = usize::from(version_ihl & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([len0, len1]));
    if header_len < HEADER_MIN {
        return Err("ipv4.hlen_too_small");
    }
    if total_len < header_len {
        return Err("ipv4.iplen_smaller_than_hlen");
    }
    let datagram = bytes.get(..total_len).ok_or("ipv4.trunc_pkt")?;
    Ok((header, header_len, datagram))
}

/// Kinds of options.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const RECORD_ROUTE: u8 = 7;
    pub(super) const QUICK_START: u8 = 25;
    pub(super) const TIMESTAMP: u8 = 68;
    pub(super) const SECURITY: u8 = 130;
    pub(super) const LOOSE_ROUTE: u8 = 131;
    pub(super) const EXTENDED_SECURITY: u8 = 133;
    pub(super) const CIPSO: u8 = 134;
    pub(super) const STREAM_ID: u8 = 136;
    pub(super) const STRICT_ROUTE: u8 = 137;
    pub(super) const ROUTER_ALERT: u8 = 148;
}

/// Walks the options and gives those that are well-formed as bits of [`ipv4_option`]. One whose length does not fit makes
/// the whole header unreadable, as it does for Suricata.
fn options(packet: &mut Packet<'_>, mut bytes: &[u8]) -> Result<u16, Undecodable> {
    const INVALID_LEN: &str = "ipv4.opt_invalid_len";
    let mut seen = 0;
    if !bytes.len().is_multiple_of(8) {
        packet.event("ipv4.opt_pad_required");
    }
    while let Some((&kind, rest)) = bytes.split_first() {
        match (kind, rest) {
            (kind::END, _) => {
                seen |= ipv4_option::END;
                break;
            }
            (kind::NOP, _) => {
                seen |= ipv4_option::NOP;
                bytes = rest;
            }
            (_, []) => {
                packet.event("ipv4.opt_eol_required");
                break;
            }
            (_, &[len, ref data @ ..]) => {
                let Some(behind) = bytes.get(usize::from(len)..).filter(|_| len >= 2) else {
                    packet.event(INVALID_LEN);
                    return Err(Undecodable);
                };
                match option(kind, len, data) {
                    Some((bit, _)) if seen & bit != 0 => packet.event("ipv4.opt_duplicate"),
                    Some((bit, Shape::Right)) => seen |= bit,
                    Some((_, Shape::WrongLength)) => packet.event(INVALID_LEN),
                    Some((_, Shape::Malformed)) => packet.event("ipv4.opt_malformed"),
                    None => packet.event("ipv4.opt_invalid"),
                }
                bytes = behind;
            }
        }
    }
    Ok(seen)
}

/// Whether an option is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Right,
    WrongLength,
    Malformed,
}

/// The bit of an option and its shape; `data` is all that follows its length. `None` for unknown kinds.
fn option(kind: u8, len: u8, data: &[u8]) -> Option<(u16, Shape)> {
    let right_if = |fits: bool| if fits { Shape::Right } else { Shape::WrongLength };
    Some(match kind {
        kind::RECORD_ROUTE => (ipv4_option::RECORD_ROUTE, route(len, data)),
        kind::LOOSE_ROUTE => (ipv4_option::LOOSE_ROUTE, route(len, data)),
        kind::STRICT_ROUTE => (ipv4_option::STRICT_ROUTE, route(len, data)),
        kind::TIMESTAMP => (ipv4_option::TIMESTAMP, timestamp(len, data)),
        kind::CIPSO => (ipv4_option::CIPSO, cipso(len, data)),
        kind::QUICK_START => (ipv4_option::QUICK_START, right_if(len >= 8)),
        kind::SECURITY => (ipv4_option::SECURITY, right_if(len >= 3)),
        kind::EXTENDED_SECURITY => (ipv4_option::EXTENDED_SECURITY, right_if(len >= 3)),
        kind::STREAM_ID => (ipv4_option::STREAM_ID, right_if(len == 4)),
        kind::ROUTER_ALERT => (ipv4_option::ROUTER_ALERT, right_if(len == 4)),
        _ => return None,
    })
}

/// A list of addresses with a pointer into it, counted from 1 (RFC 791).
fn route(len: u8, data: &[u8]) -> Shape {
    match data.first() {
        Some(&pointer) if len >= 3 => {
            if pointer >= 4 && pointer.is_multiple_of(4) && u16::from(pointer) <= u16::from(len) + 1 {
                Shape::Right
            } else {
                Shape::Malformed
            }
        }
        _ => Shape::WrongLength,
    }
}

/// A list of times, or of addresses with times, with a pointer into it (RFC 781).
fn timestamp(len: u8, data: &[u8]) -> Shape {
    let &[pointer, overflow_flag, ..] = data else { return Shape::WrongLength };
    if len < 5 {
        return Shape::WrongLength;
    }
    let entry_bytes = if matches!(overflow_flag & 0x0f, 1 | 3) { 8 } else { 4 };
    match pointer.checked_sub(5) {
        Some(at) if at.is_multiple_of(entry_bytes) && u16::from(pointer) <= u16::from(len) + 1 => Shape::Right,
        _ => Shape::Malformed,
    }
}

/// Security labels: a domain of interpretation, then tags with a type and a length each (FIPS 188).
fn cipso(len: u8, data: &[u8]) -> Shape {
    const HEADER_AND_DOMAIN: usize = 6;
    if len < 10 {
        return Shape::WrongLength;
    }
    let mut tags = data.get(4..usize::from(len) - HEADER_AND_DOMAIN + 4).unwrap_or(&[]);
    while !tags.is_empty() {
        let (&[tag, tag_len], Some(behind)) = (
            tags.first_chunk::<2>().unwrap_or(&[0, 0]),
            tags.get(1).and_then(|&tag_len| tags.get(usize::from(tag_len)..)),
        ) else {
            return Shape::Malformed;
        };
        let aligned = tag == 7 || tags.get(2).is_none_or(|&octet| octet == 0);
        if !matches!(tag, 1 | 2 | 5..=7) || tag_len < 4 || !aligned {
            return Shape::Malformed;
        }
        tags = behind;
    }
    Shape::Right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a header with these options and tells the events and options.
    fn check(options: &[u8], events: &[&str], seen: Option<u16>) {
        let mut bytes =
            vec![0x45 + (options.len() / 4) as u8, 0, 0, 20 + options.len() as u8, 0, 0, 0, 0, 64, 253, 0, 0];
        bytes.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        bytes.extend(options);
        let config = crate::packet::DecodeConfig::default();
        let mut context = Context { config: &config, inner: Vec::new() };
        let mut packet = Packet::new(0, bytes.len() as u32);
        let _ = decode(&mut context, &mut packet, &bytes);
        let raised: Vec<&str> = packet.events.iter().map(|event| event.0).collect();
        assert_eq!((raised.as_slice(), packet.ip.map(|ip| ip.options)), (events, seen), "{options:?}");
    }

    #[test]
    fn options_are_checked_one_by_one() {
        check(&[7, 7, 4, 0, 0, 0, 0, 0], &[], Some(ipv4_option::RECORD_ROUTE | ipv4_option::END));
        check(&[7, 7, 5, 0, 0, 0, 0, 0], &["ipv4.opt_malformed"], Some(ipv4_option::END));
        check(&[148, 4, 0, 0, 148, 4, 0, 0], &["ipv4.opt_duplicate"], Some(ipv4_option::ROUTER_ALERT));
        check(&[136, 5, 0, 0, 0, 0, 0, 0], &["ipv4.opt_invalid_len"], Some(ipv4_option::END));
        check(&[200, 4, 0, 0], &["ipv4.opt_pad_required", "ipv4.opt_invalid"], Some(0));
        check(&[1, 1, 1, 7], &["ipv4.opt_pad_required", "ipv4.opt_eol_required"], Some(ipv4_option::NOP));
        check(&[7, 200, 4, 0, 0, 0, 0, 0], &["ipv4.opt_invalid_len"], None);
        check(&[68, 8, 5, 0, 0, 0, 0, 0], &[], Some(ipv4_option::TIMESTAMP));
        check(&[68, 8, 9, 1, 0, 0, 0, 0], &["ipv4.opt_malformed"], Some(0));
        check(
            &[134, 10, 0, 0, 0, 1, 1, 4, 0, 0, 0, 0],
            &["ipv4.opt_pad_required"],
            Some(ipv4_option::CIPSO | ipv4_option::END),
        );
        check(&[134, 10, 0, 0, 0, 1, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0], &["ipv4.opt_malformed"], Some(ipv4_option::END));
    }
}
