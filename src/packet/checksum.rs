//! The Internet checksum (RFC 1071).

use super::{Packet, Transport};
use std::net::IpAddr;

/// A header with a checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksummed {
    /// The IPv4 header itself.
    Ipv4,
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP over IPv4; a checksum of 0 is none.
    UdpV4,
    /// UDP over IPv6.
    UdpV6,
    /// ICMPv4.
    IcmpV4,
    /// ICMPv6.
    IcmpV6,
}

impl Packet<'_> {
    /// Whether a checksum of the packet is right; `None` when it has none of the kind. Suricata's keywords compute it
    /// whether or not checksums are validated.
    pub(crate) fn has_right_checksum(&self, of: Checksummed) -> Option<bool> {
        let ip = self.ip?;
        let segment = self.segment;
        match (of, ip.src.is_ipv4(), &self.transport) {
            (Checksummed::Ipv4, true, _) => Some(sum(self.datagram.get(..usize::from(ip.header_len))?) == 0),
            (Checksummed::TcpV4, true, Transport::Tcp(_)) | (Checksummed::TcpV6, false, Transport::Tcp(_)) => {
                Some(sum_with_pseudo_header(ip.src, ip.dst, 6, segment) == 0)
            }
            (Checksummed::UdpV4, true, Transport::Udp(_)) if segment.get(6..8) == Some(&[0, 0]) => None,
            (Checksummed::UdpV4, true, Transport::Udp(_)) | (Checksummed::UdpV6, false, Transport::Udp(_)) => {
                Some(sum_with_pseudo_header(ip.src, ip.dst, 17, segment) == 0)
            }
            (Checksummed::IcmpV4, true, Transport::Icmp(_)) if self.proto == 1 => Some(sum(segment) == 0),
            (Checksummed::IcmpV6, false, Transport::Icmp(_)) if self.proto == 58 => {
                Some(sum_with_pseudo_header(ip.src, ip.dst, 58, segment) == 0)
            }
            _ => None,
        }
    }
}

/// Folded one's-complement sum of the bytes, complemented: 0 for bytes that carry a right checksum.
pub(super) fn sum(bytes: &[u8]) -> u16 {
    fold(add(0, bytes))
}

/// Like [`sum`], with the pseudo header of TCP, UDP or ICMPv6 in front.
pub(super) fn sum_with_pseudo_header(src: IpAddr, dst: IpAddr, proto: u8, bytes: &[u8]) -> u16 {
    let mut total = match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => add(add(0, &s.octets()), &d.octets()),
        (IpAddr::V6(s), IpAddr::V6(d)) => add(add(0, &s.octets()), &d.octets()),
        _ => 0,
    };
    total += u64::from(proto) + bytes.len() as u64;
    fold(add(total, bytes))
}

fn add(start: u64, bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(2);
    let mut total = start;
    for word in &mut words {
        if let [high, low] = *word {
            total += u64::from(u16::from_be_bytes([high, low]));
        }
    }
    match words.remainder() {
        [last] => total + u64::from(u16::from_be_bytes([*last, 0])),
        _ => total,
    }
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_header_sums_to_zero_and_a_changed_one_does_not() {
        let mut header = [
            0x45, 0x00, 0x00, 0x3c, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x06, 0xb1, 0xe6, 0xac, 0x10, 0x0a, 0x63, 0xac, 0x10,
            0x0a, 0x0c,
        ];
        assert_eq!(sum(&header), 0);
        header[8] = 0x3f;
        assert_ne!(sum(&header), 0);
    }
}
