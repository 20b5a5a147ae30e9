//! IPv4.

use super::decode::{Context, Outcome, Undecodable};
use super::{Fragment, IpHeader, Packet, checksum, transport, tunnel};
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
    options(packet, datagram.get(HEADER_MIN..header_len).unwrap_or(&[]))?;
    packet.ip = Some(IpHeader {
        src: IpAddr::V4(Ipv4Addr::new(s0, s1, s2, s3)),
        dst: IpAddr::V4(Ipv4Addr::new(d0, d1, d2, d3)),
        proto,
        ttl,
        fragment,
        total_len: datagram.len() as u32,
        bad_checksum: context.config.validate_checksums
            && checksum::sum(datagram.get(..header_len).unwrap_or(&[])) != 0,
        flags: u8::from(more)
            | (u8::from(flags_offset & 0x4000 != 0) << 1)
            | (u8::from(flags_offset & 0x8000 != 0) << 2),
    });
    packet.datagram = datagram;
    packet.proto = proto;
    if fragment.is_some() {
        return Ok(());
    }
    let payload = datagram.get(header_len..).unwrap_or(&[]);
    match proto {
        6 => transport::tcp(context, packet, payload),
        17 => transport::udp(context, packet, payload),
        1 => transport::icmp_v4(context, packet, payload),
        132 => transport::sctp(packet, payload),
        50 => transport::esp(context, packet, payload),
        47 => tunnel::gre(context, packet, payload),
        41 => {
            tunnel::open(context, packet, payload, tunnel::Kind::Ipv6);
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

/// Walks the options. One that does not fit makes the whole header unreadable, as it does for Suricata.
fn options(packet: &mut Packet<'_>, mut bytes: &[u8]) -> Outcome {
    while let Some((&kind, rest)) = bytes.split_first() {
        match (kind, rest) {
            (0, _) => break,
            (1, _) => bytes = rest,
            (_, []) => {
                packet.event("ipv4.opt_eol_required");
                break;
            }
            (_, &[len, ..]) => {
                let Some(behind) = bytes.get(usize::from(len)..).filter(|_| len >= 2) else {
                    packet.event("ipv4.opt_invalid_len");
                    return Err(Undecodable);
                };
                bytes = behind;
            }
        }
    }
    Ok(())
}
