//! Which shard a frame belongs to.
//!
//! All that the engine remembers of a packet lies in a flow or among the fragments of a datagram, and both belong to a
//! pair of addresses. So a frame goes where its pair goes. Most frames show it in a few bytes; the others are decoded as
//! the engine does it. Where a frame holds packets of several pairs, or may come to, no shard can have it alone.

use crate::capture::{Frame, LinkType};
use crate::flow::{AddressPair, FlowKey};
use crate::packet::{DecodeConfig, Fragment, Packet, decode_frame};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Anywhere: nothing is remembered of it.
    Any,
    /// To the shard of its pair.
    Pair(AddressPair),
    /// The same; it is a fragment.
    Fragment(AddressPair),
    /// To the one shard that has everything.
    Whole,
}

pub(super) fn route(frame: &Frame<'_>, config: &DecodeConfig) -> Route {
    match peek(frame.link_type, frame.bytes, config) {
        Some(pair) => Route::Pair(pair),
        None => decoded(frame, config),
    }
}

/// The pair of an ordinary packet; `None` for everything that takes a closer look.
fn peek(link_type: LinkType, bytes: &[u8], config: &DecodeConfig) -> Option<AddressPair> {
    let (mut ethertype, mut rest) = match link_type.0 {
        1 => (be16(bytes, 12)?, bytes.get(14..)?),
        113 => (be16(bytes, 14)?, bytes.get(16..)?),
        _ => return None,
    };
    if ethertype == 0x8100 {
        (ethertype, rest) = (be16(rest, 2)?, rest.get(4..)?);
    }
    match ethertype {
        0x0800 => peek_v4(rest, config),
        0x86dd => peek_v6(rest, config),
        _ => None,
    }
}

fn peek_v4(bytes: &[u8], config: &DecodeConfig) -> Option<AddressPair> {
    const FRAGMENT: u16 = 0x3fff;
    let [version_len, _, _, _, _, _, f0, f1, _, proto, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *bytes.first_chunk()?;
    if version_len >> 4 != 4 || u16::from_be_bytes([f0, f1]) & FRAGMENT != 0 {
        return None;
    }
    let segment = bytes.get(usize::from(version_len & 0x0f) * 4..)?;
    is_ordinary(proto, segment, config)
        .then(|| AddressPair::new(Ipv4Addr::new(s0, s1, s2, s3).into(), Ipv4Addr::new(d0, d1, d2, d3).into()))
}

fn peek_v6(bytes: &[u8], config: &DecodeConfig) -> Option<AddressPair> {
    let (header, segment) = bytes.split_first_chunk::<40>()?;
    let address = |at: usize| -> Option<IpAddr> {
        header.get(at..)?.first_chunk::<16>().map(|octets| Ipv6Addr::from(*octets).into())
    };
    let proto = *header.get(6)?;
    if header.first()? >> 4 != 6 || proto == ICMP || !is_ordinary(proto, segment, config) {
        return None;
    }
    Some(AddressPair::new(address(8)?, address(24)?))
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Whether a transport segment, or its beginning, holds no packet of other addresses: no tunnel, no quoted packet.
fn is_ordinary(proto: u8, segment: &[u8], config: &DecodeConfig) -> bool {
    const DESTINATION_UNREACHABLE: u8 = 3;
    match proto {
        TCP => true,
        UDP => {
            let tunnels = [&config.teredo_ports, &config.vxlan_ports, &config.geneve_ports];
            let is_tunnel = |port| tunnels.iter().any(|ports| ports.contains(&port));
            let ports = (be16(segment, 0), be16(segment, 2));
            matches!(ports, (Some(src), Some(dst)) if !is_tunnel(src) && !is_tunnel(dst))
        }
        ICMP => segment.first().is_some_and(|icmp_type| *icmp_type != DESTINATION_UNREACHABLE),
        _ => false,
    }
}

fn decoded(frame: &Frame<'_>, config: &DecodeConfig) -> Route {
    let decoded = decode_frame(frame, config);
    let packet = &decoded.packet;
    if packet.carries_tunnel || !decoded.inner.is_empty() {
        return Route::Whole;
    }
    let Some(ip) = packet.ip else { return Route::Any };
    if let Some(fragment) = ip.fragment {
        let pair = AddressPair::new(ip.src, ip.dst);
        return if is_ordinary_fragment(packet, fragment, config) { Route::Fragment(pair) } else { Route::Whole };
    }
    FlowKey::of(packet).map_or(Route::Any, |key| Route::Pair(key.pair()))
}

/// Whether the datagram that it is of cannot turn out to be something else than a packet of the same addresses, as far as
/// it can be told from this one; the ones that begin a datagram tell.
fn is_ordinary_fragment(packet: &Packet<'_>, fragment: Fragment, config: &DecodeConfig) -> bool {
    let begins = fragment.offset == 0;
    let is_v4 = packet.ip.is_some_and(|ip| ip.src.is_ipv4());
    match fragment.next_header {
        TCP => true,
        UDP => !begins || is_ordinary(UDP, packet.fragment_data(), config),
        ICMP => is_v4 && (!begins || is_ordinary(ICMP, packet.fragment_data(), config)),
        // ICMPv6
        58 => !is_v4,
        _ => false,
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|octets| u16::from_be_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{Capture, CaptureOptions};
    use std::path::Path;

    /// What is seen at first sight is what decoding finds, if it finds anything.
    fn check(frame: &Frame<'_>, config: &DecodeConfig) -> bool {
        let seen = peek(frame.link_type, frame.bytes, config);
        if let Some(pair) = seen {
            let found = decoded(frame, config);
            assert!(
                found == Route::Pair(pair) || found == Route::Any,
                "{found:?} and not {pair:?}: {:x?}",
                frame.bytes
            );
        }
        seen.is_some()
    }

    #[test]
    fn a_first_look_agrees_with_decoding_in_all_our_captures() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("pcaps");
        let (mut frames, mut seen) = (0, 0);
        for directory in [root.join("edge"), root] {
            let mut capture = Capture::open(&[directory], &CaptureOptions::default()).unwrap();
            while let Some(frame) = capture.next_frame().unwrap() {
                frames += 1;
                seen += usize::from(check(&frame, &DecodeConfig::default()));
            }
        }
        assert!(frames > 5_000 && seen > frames * 4 / 5, "{seen} of {frames} frames");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 2000, ..Default::default() })]

        #[test]
        fn a_first_look_agrees_with_decoding_of_anything(
            mut bytes in proptest::collection::vec(proptest::num::u8::ANY, 60..200),
            version in proptest::sample::select(vec![0x45u8, 0x46, 0x4f, 0x60]),
            proto in proptest::sample::select(vec![0u8, 1, 4, 6, 17, 17, 41, 43, 44, 47, 50, 58, 132]),
            port in proptest::sample::select(vec![53u16, 3544, 4789, 6081]),
            flags in proptest::sample::select(vec![0u8, 0, 0, 0x40, 0x20, 1]),
            vlan: bool,
        ) {
            bytes[0] = version;
            let (segment, length) = if version == 0x60 { (40, bytes.len() - 40) } else { (usize::from(version & 15) * 4, bytes.len()) };
            let at = if version == 0x60 { 4 } else { 2 };
            bytes[at..at + 2].copy_from_slice(&(length as u16).to_be_bytes());
            bytes[if version == 0x60 { 6 } else { 9 }] = proto;
            if version != 0x60 {
                bytes[6..8].copy_from_slice(&[flags, 0]);
                bytes[20..segment].fill(0);
            }
            if let Some(ports) = bytes.get_mut(segment + 2..segment + 6) {
                ports.copy_from_slice(&[(port >> 8) as u8, port as u8, 0, (length - if version == 0x60 { 0 } else { segment }) as u8]);
            }
            let ethertype: &[u8] = if version == 0x60 { &[0x86, 0xdd] } else { &[8, 0] };
            let tag: &[u8] = if vlan { &[0x81, 0, 0, 7] } else { &[] };
            let bytes = [&[2; 12], tag, ethertype, &bytes].concat();
            let wire_len = bytes.len() as u32;
            check(&Frame { number: 1, time_ns: 0, link_type: LinkType(1), wire_len, bytes: &bytes }, &DecodeConfig::default());
        }
    }
}
