//! IP packets taken apart, and put together otherwise with right checksums.

use super::super::HomeNet;
use super::super::wire::even_parts;
use crate::capture::{Frame, LinkType};
use crate::packet::{DecodeConfig, IpHeader, TcpHeader, Transport, checksum, decode_frame, tcp_flag};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const RAW_IP: LinkType = LinkType(101);
const IPV4_HEADER_BYTES: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6_FRAGMENT: u8 = 44;

/// Addresses outside HOME_NET, and inside where HOME_NET is everything, with an IPv4 address as their last bytes.
const OUTSIDE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xf, 0, 0, 0, 0, 0);
const INSIDE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0);

/// A packet that was put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    pub(super) link_type: LinkType,
    pub(super) bytes: Vec<u8>,
}

/// An IP packet in its parts.
#[derive(Clone, Debug)]
pub(super) struct Parts<'a> {
    link_type: LinkType,
    /// What stands in front of the IP packet.
    link: &'a [u8],
    pub(super) ip: IpHeader,
    /// With options or extension headers.
    header: &'a [u8],
    /// The transport header.
    transport: &'a [u8],
    pub(super) tcp: Option<TcpHeader>,
    proto: u8,
    pub(super) payload: &'a [u8],
}

impl<'a> Parts<'a> {
    /// The parts of a whole packet with a transport header; nothing else is rewritten.
    pub(super) fn of(frame: &Frame<'a>) -> Option<Self> {
        if frame.wire_len as usize != frame.bytes.len() {
            return None;
        }
        let packet = decode_frame(frame, &DecodeConfig::default()).packet;
        let ip = packet.ip.filter(|ip| ip.fragment.is_none())?;
        if packet.carries_tunnel || packet.segment.is_empty() || packet.datagram.len() != ip.total_len as usize {
            return None;
        }
        let tcp = match &packet.transport {
            Transport::Tcp(tcp) => Some(tcp.clone()),
            Transport::None => return None,
            _ => None,
        };
        let link_len = (packet.datagram.as_ptr() as usize).checked_sub(frame.bytes.as_ptr() as usize)?;
        let header_len = packet.datagram.len().checked_sub(packet.segment.len())?;
        let transport_len = packet.segment.len().checked_sub(packet.payload.len())?;
        Some(Self {
            link_type: frame.link_type,
            link: frame.bytes.get(..link_len)?,
            ip,
            header: packet.datagram.get(..header_len)?,
            transport: packet.segment.get(..transport_len)?,
            tcp,
            proto: packet.proto,
            payload: packet.payload,
        })
    }

    /// The packet as it was.
    pub(super) fn whole(&self) -> Made {
        self.with_link(&[self.header, self.transport, self.payload].concat())
    }

    /// A TCP segment in `n` of about one size; `None` where it has too few bytes.
    pub(super) fn cut(&self, n: usize) -> Option<Vec<Made>> {
        let tcp = self.tcp.as_ref()?;
        if self.payload.len() < 2 {
            return None;
        }
        let parts = even_parts(self.payload, n);
        let last = parts.len().checked_sub(1)?;
        let mut at = 0;
        let mut made = Vec::with_capacity(parts.len());
        for (index, part) in parts.into_iter().enumerate() {
            let mut header = self.transport.to_vec();
            put(&mut header, 4, &tcp.seq.wrapping_add(at).to_be_bytes());
            if index != last {
                put(&mut header, 13, &[tcp.flags & !(tcp_flag::FIN | tcp_flag::PSH)]);
            }
            at = at.wrapping_add(part.len() as u32);
            made.push(self.with_link(&self.datagram(&header, part)));
        }
        Some(made)
    }

    /// The packet in two fragments, the transport header in the first; `None` where there is too little to cut.
    pub(super) fn fragments(&self) -> Option<Vec<Made>> {
        let segment = [self.transport, self.payload].concat();
        let first = (self.transport.len() + self.payload.len() / 2).next_multiple_of(8);
        let (first, second) = segment.split_at_checked(first).filter(|(_, second)| !second.is_empty())?;
        let fragment = |offset: usize, part: &[u8], more: bool| {
            let mut header = self.header.to_vec();
            let place = (offset / 8) as u16;
            if self.ip.src.is_ipv4() {
                put(&mut header, 6, &(place | if more { 0x2000 } else { 0 }).to_be_bytes());
            } else {
                let next = std::mem::replace(header.get_mut(6)?, IPV6_FRAGMENT);
                header.extend_from_slice(&[next, 0]);
                header.extend_from_slice(&(place << 3 | u16::from(more)).to_be_bytes());
                header.extend_from_slice(&1_u32.to_be_bytes());
            }
            with_length(&mut header, self.ip.src.is_ipv4(), part.len());
            Some(self.with_link(&[header.as_slice(), part].concat()))
        };
        // extension headers may have to stay in front of the fragment header
        if self.ip.src.is_ipv6() && self.header.len() != IPV6_HEADER_BYTES {
            return None;
        }
        Some(vec![fragment(0, first, true)?, fragment(first.len(), second, false)?])
    }

    /// The same over IPv6.
    pub(super) fn over_ipv6(&self, home: &HomeNet) -> Option<Made> {
        let (IpAddr::V4(src), IpAddr::V4(dst)) = (self.ip.src, self.ip.dst) else { return None };
        if !matches!(self.proto, TCP | UDP) {
            return None;
        }
        let (src, dst) = (mapped(src, home)?, mapped(dst, home)?);
        let mut header = vec![0x60, 0, 0, 0, 0, 0, self.proto, self.ip.ttl];
        header.extend_from_slice(&src.octets());
        header.extend_from_slice(&dst.octets());
        let mut transport = self.transport.to_vec();
        with_checksum(&mut transport, self.payload, (src.into(), dst.into()), self.proto);
        with_length(&mut header, false, transport.len() + self.payload.len());
        Some(Made { link_type: RAW_IP, bytes: [header.as_slice(), &transport, self.payload].concat() })
    }

    /// An IP packet with this transport header and payload.
    fn datagram(&self, transport: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut header = self.header.to_vec();
        let mut transport = transport.to_vec();
        with_checksum(&mut transport, payload, (self.ip.src, self.ip.dst), self.proto);
        with_length(&mut header, self.ip.src.is_ipv4(), transport.len() + payload.len());
        [header.as_slice(), &transport, payload].concat()
    }

    fn with_link(&self, datagram: &[u8]) -> Made {
        Made { link_type: self.link_type, bytes: [self.link, datagram].concat() }
    }
}

/// An IPv4 address as an IPv6 address: inside HOME_NET where it was inside, else outside.
fn mapped(address: Ipv4Addr, home: &HomeNet) -> Option<Ipv6Addr> {
    let with = |base: Ipv6Addr| Ipv6Addr::from_bits(base.to_bits() | u128::from(address.to_bits()));
    if home.nets.is_empty() {
        return Some(with(if address.is_private() { INSIDE } else { OUTSIDE }));
    }
    if !home.contains(address.into()) {
        return Some(with(OUTSIDE)).filter(|made| !home.contains((*made).into()));
    }
    let nets = home.nets.iter().filter_map(|net| match net.network() {
        IpAddr::V6(base) if net.prefix_len() <= 96 => Some(with(base)),
        _ => None,
    });
    let inside = nets.into_iter().find(|made| home.contains((*made).into()));
    inside.or_else(|| match home.inside(false)? {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    })
}

/// Writes the length of what follows an IP header into it, and for IPv4 its checksum.
fn with_length(header: &mut [u8], is_v4: bool, behind: usize) {
    if is_v4 {
        let total = (header.len() + behind) as u16;
        put(header, 2, &total.to_be_bytes());
        put(header, 10, &[0, 0]);
        let sum = checksum::sum(header);
        put(header, 10, &sum.to_le_bytes());
        debug_assert!(header.len() >= IPV4_HEADER_BYTES, "an IPv4 header was decoded");
    } else {
        let length = (header.len() + behind).saturating_sub(IPV6_HEADER_BYTES) as u16;
        put(header, 4, &length.to_be_bytes());
    }
}

/// Writes the checksum into a TCP or UDP header.
fn with_checksum(transport: &mut [u8], payload: &[u8], (src, dst): (IpAddr, IpAddr), proto: u8) {
    let place = match proto {
        TCP => 16,
        UDP => 6,
        _ => return,
    };
    put(transport, place, &[0, 0]);
    let segment = [&*transport, payload].concat();
    let sum = checksum::sum_with_pseudo_header(src, dst, proto, &segment);
    put(transport, place, &sum.to_le_bytes());
}

/// Writes bytes at a place; headers that were decoded are long enough.
fn put(header: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = header.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}
