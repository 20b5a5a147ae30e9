//! Takes off what AWS puts around the packets that are of interest: GENEVE between a Gateway Load Balancer and its
//! targets, VXLAN in VPC traffic mirroring.
//!
//! In: a frame as captured. Out: the frame inside, to be judged in its place. This is for captures taken on a load
//! balancer's target or a mirror target, where the firewall would have seen the inner packet only; tunnels that the
//! firewall sees are opened by [`super::decode_frame`]. One layer is taken off: an overlay inside is the user's own.

use super::{DecodeConfig, Packet, Transport, decode_frame};
use crate::capture::{Frame, LinkType};

/// UDP port of GENEVE. Source: RFC 8926; AWS Gateway Load Balancer guide.
const GENEVE_PORT: u16 = 6081;
/// UDP port of VXLAN. Source: RFC 7348; AWS Traffic Mirroring guide.
const VXLAN_PORT: u16 = 4789;

const ETHERNET: LinkType = LinkType(1);
const RAW_IP: LinkType = LinkType(101);

/// What is around a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encapsulation {
    /// GENEVE, as a Gateway Load Balancer uses it.
    Geneve,
    /// VXLAN, as VPC traffic mirroring uses it.
    Vxlan,
}

/// A frame that was inside another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner<'a> {
    /// How to read `bytes`.
    pub link_type: LinkType,
    /// The frame without what was around it.
    pub bytes: &'a [u8],
    /// What was around it.
    pub encapsulation: Encapsulation,
}

/// The frame inside a GENEVE or VXLAN frame; `None` for any other.
pub fn decapsulate(link_type: LinkType, bytes: &[u8]) -> Option<Inner<'_>> {
    let frame = Frame { number: 0, time_ns: 0, link_type, wire_len: bytes.len() as u32, bytes };
    // Without ports nothing is opened: only the outer headers are read.
    let mut config = DecodeConfig::default();
    for ports in [&mut config.teredo_ports, &mut config.geneve_ports, &mut config.vxlan_ports] {
        ports.clear();
    }
    let Packet { transport: Transport::Udp(udp), payload, .. } = decode_frame(&frame, &config).packet else {
        return None;
    };
    match udp.dst_port {
        GENEVE_PORT => geneve(payload),
        VXLAN_PORT => vxlan(payload),
        _ => None,
    }
}

/// What the frame seems to be wrapped in, so that the user can be told when it is not taken off.
pub fn looks_mirrored(link_type: LinkType, bytes: &[u8]) -> Option<Encapsulation> {
    decapsulate(link_type, bytes).map(|inner| inner.encapsulation)
}

fn geneve(payload: &[u8]) -> Option<Inner<'_>> {
    let (&[version_len, flags, type0, type1, ..], behind) = payload.split_first_chunk::<8>()?;
    let is_control = flags & 0x80 != 0;
    if version_len >> 6 != 0 || is_control {
        return None;
    }
    let bytes = behind.get(usize::from(version_len & 0x3f) * 4..)?;
    let version = bytes.first()? >> 4;
    let link_type = match (u16::from_be_bytes([type0, type1]), version) {
        (0x0800, 4) | (0x86dd, 6) => RAW_IP,
        (0x6558, _) => ETHERNET,
        _ => return None,
    };
    Some(Inner { link_type, bytes, encapsulation: Encapsulation::Geneve })
}

fn vxlan(payload: &[u8]) -> Option<Inner<'_>> {
    let (&[flags, ..], bytes) = payload.split_first_chunk::<8>()?;
    let has_network_id = flags & 0x08 != 0;
    (has_network_id && bytes.len() >= 14).then_some(Inner {
        link_type: ETHERNET,
        bytes,
        encapsulation: Encapsulation::Vxlan,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UDP in IPv4, as a raw frame.
    fn udp(dst_port: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend((28 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xd0, 0]);
        bytes.extend(dst_port.to_be_bytes());
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(payload);
        bytes
    }

    fn check(frame: &[u8], expected: Option<(Encapsulation, LinkType, &[u8])>) {
        let inner = decapsulate(RAW_IP, frame).map(|inner| (inner.encapsulation, inner.link_type, inner.bytes));
        assert_eq!(inner, expected);
        assert_eq!(looks_mirrored(RAW_IP, frame), expected.map(|(encapsulation, ..)| encapsulation));
        let ethernet = [&[2; 12], &[0x81, 0, 0, 5, 8, 0][..], frame].concat();
        assert_eq!(looks_mirrored(ETHERNET, &ethernet), expected.map(|(encapsulation, ..)| encapsulation));
    }

    #[test]
    fn geneve_of_a_load_balancer_is_taken_off_with_its_options() {
        let inner = udp(53, b"query");
        let header = [&[8, 0, 8, 0, 0, 0, 0, 0], &[1; 32][..]].concat();
        let frame = udp(6081, &[&header, &inner[..]].concat());
        check(&frame, Some((Encapsulation::Geneve, RAW_IP, &inner)));
        let ethernet = udp(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 0, 0], &inner[..]].concat());
        check(&ethernet, Some((Encapsulation::Geneve, ETHERNET, &inner)));
    }

    #[test]
    fn vxlan_of_traffic_mirroring_is_taken_off() {
        let inner = [&[2; 12], &[8, 0][..], &udp(53, b"query")].concat();
        check(
            &udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &inner[..]].concat()),
            Some((Encapsulation::Vxlan, ETHERNET, &inner)),
        );
    }

    #[test]
    fn other_frames_are_left_as_they_are() {
        let inner = udp(53, b"query");
        let header = [0, 0, 8, 0, 0, 0, 0, 0];
        check(&inner, None);
        check(&udp(6082, &[&header, &inner[..]].concat()), None);
        check(&udp(6081, &header[..7]), None);
        check(&udp(6081, &header), None);
        check(&udp(6081, &[&[0x3f, 0, 8, 0, 0, 0, 0, 0], &inner[..]].concat()), None);
        check(&udp(6081, &[&[0, 0x80, 8, 0, 0, 0, 0, 0], &inner[..]].concat()), None);
        check(&udp(6081, &[&[0, 0, 0x86, 0xdd, 0, 0, 0, 0], &inner[..]].concat()), None);
        check(&udp(4789, &[&[0, 0, 0, 0, 0, 0, 7, 0], &[0; 20][..]].concat()), None);
        check(&udp(4789, &[8, 0, 0, 0, 0, 0, 7, 0, 1]), None);
    }
}
