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
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    fold(add(bytes))
}

/// Like [`sum`], with the pseudo header of TCP, UDP or ICMPv6 in front.
pub(crate) fn sum_with_pseudo_header(src: IpAddr, dst: IpAddr, proto: u8, bytes: &[u8]) -> u16 {
    let addresses = match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => add(&s.octets()) + add(&d.octets()),
        (IpAddr::V6(s), IpAddr::V6(d)) => add(&s.octets()) + add(&d.octets()),
        _ => 0,
    };
    // these two stand in the header as big-endian words
    let counts = (u64::from(proto) + bytes.len() as u64).swap_bytes() >> 32;
    fold(addresses + counts + add(bytes))
}

/// The sum of little-endian words: the checksum does not care about byte order as long as all of it has the same
/// (RFC 1071, section 2 B). Words of 64 bits count as four of 16, their carries being added at the end.
fn add(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut totals = [u128::from(u64::from_le_bytes(last)), 0];
    let (pairs, odd) = words.as_chunks::<2>();
    for pair in pairs {
        for (total, word) in totals.iter_mut().zip(pair) {
            *total += u128::from(u64::from_le_bytes(*word));
        }
    }
    for word in odd {
        totals[0] += u128::from(u64::from_le_bytes(*word));
    }
    let total = totals[0] + totals[1];
    let (low, high) = (total as u64, (total >> 64) as u64);
    (low & 0xffff_ffff) + (low >> 32) + high
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

    #[test]
    fn all_lengths_sum_as_the_definition_says() {
        let bytes: Vec<u8> = (0..200_u32).map(|n| (n * 37 % 251) as u8 | 0x80).collect();
        let by_definition = |bytes: &[u8]| {
            let words = bytes.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
            let mut total: u32 = words.sum();
            while total > 0xffff {
                total = (total & 0xffff) + (total >> 16);
            }
            !(total as u16)
        };
        for len in 0..bytes.len() {
            assert_eq!(sum(&bytes[..len]), by_definition(&bytes[..len]).swap_bytes(), "{len}");
            let (src, dst) = ([10, 1, 2, 3], [192, 0, 2, 9]);
            let pseudo = [&src[..], &dst, &[0, 17], &(len as u16).to_be_bytes(), &bytes[..len]].concat();
            assert_eq!(sum_with_pseudo_header(src.into(), dst.into(), 17, &bytes[..len]), sum(&pseudo), "{len}");
        }
    }
}
