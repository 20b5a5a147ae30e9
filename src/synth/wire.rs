//! Frames on the wire: a client and a server, their sequence numbers, and a clock.

use super::{Ends, Noise, SynthError, SynthFrame};
use crate::verdict::Direction;
use etherparse::{Ethernet2Header, PacketBuilderStep};
use etherparse::{
    IcmpEchoHeader, Icmpv4Type, Icmpv6Type, IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Header, PacketBuilder,
    TcpHeader, TcpOptionElement,
};
use std::net::IpAddr;

/// Locally administered addresses.
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x0a];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x0b];

/// Bytes that an IP packet holds on Ethernet.
const MTU: usize = 1500;
const TCP_HEADER_BYTES: usize = 20;

/// Half a round trip: 10 ms. Frames of one side follow each other after 50 us.
const FLIGHT_NS: i64 = 10_000_000;
const FOLLOW_NS: i64 = 50_000;

/// A conversation being made up.
#[derive(Debug)]
pub(super) struct Exchange {
    ends: Ends,
    server_port: u16,
    mss: usize,
    noise: Noise,
    now_ns: i64,
    /// Next sequence number of the client and of the server.
    seq: [u32; 2],
    /// Next IP identification likewise.
    ip_id: [u16; 2],
    frames: Vec<SynthFrame>,
}

impl Exchange {
    /// Nothing said yet. `seed` makes sequence numbers and keys.
    pub(super) fn new(ends: Ends, server_port: u16, start_ns: i64, seed: &str) -> Self {
        let mut noise = Noise::from_text(seed);
        let ip_bytes = if ends.client.is_ipv4() { 20 } else { 40 };
        let seq = [noise.u32(), noise.u32()];
        let ip_id = [noise.u16(), noise.u16()];
        let mss = MTU - ip_bytes - TCP_HEADER_BYTES;
        Self { ends, server_port, mss, noise, now_ns: start_ns, seq, ip_id, frames: Vec::new() }
    }

    /// Bytes that look random.
    pub(super) fn noise(&mut self) -> &mut Noise {
        &mut self.noise
    }

    /// What was said.
    pub(super) fn into_frames(self) -> Vec<SynthFrame> {
        self.frames
    }

    /// SYN, SYN-ACK, ACK.
    pub(super) fn tcp_handshake(&mut self) -> Result<(), SynthError> {
        self.segment(Direction::ToServer, "SYN", Flags { syn: true, ack: false, ..Flags::ACK }, &[])?;
        self.segment(Direction::ToClient, "SYN, ACK", Flags { syn: true, ..Flags::ACK }, &[])?;
        self.segment(Direction::ToServer, "ACK", Flags::ACK, &[])
    }

    /// Data in segments, and the other side's acknowledgement.
    pub(super) fn tcp_data(&mut self, direction: Direction, what: &str, data: &[u8]) -> Result<(), SynthError> {
        self.tcp_parts(direction, what, data.chunks(self.mss).collect())
    }

    /// The client's data in so many segments, or more where they would be too large.
    pub(super) fn tcp_cut(&mut self, what: &str, data: &[u8], segments: Option<usize>) -> Result<(), SynthError> {
        let parts = match segments {
            Some(n) => even_parts(data, n.max(data.len().div_ceil(self.mss))),
            None => data.chunks(self.mss).collect(),
        };
        self.tcp_parts(Direction::ToServer, what, parts)
    }

    fn tcp_parts(&mut self, direction: Direction, what: &str, parts: Vec<&[u8]>) -> Result<(), SynthError> {
        let n = parts.len();
        for (index, part) in parts.into_iter().enumerate() {
            let what = numbered(what, index, n);
            self.segment(direction, &what, Flags { psh: index + 1 == n, ..Flags::ACK }, part)?;
        }
        self.segment(direction.opposite(), "ACK", Flags::ACK, &[])
    }

    /// The client ends the connection, the server too.
    pub(super) fn tcp_close(&mut self) -> Result<(), SynthError> {
        let fin = Flags { fin: true, ..Flags::ACK };
        self.segment(Direction::ToServer, "FIN", fin, &[])?;
        self.segment(Direction::ToClient, "FIN", fin, &[])?;
        self.segment(Direction::ToServer, "ACK", Flags::ACK, &[])
    }

    /// One datagram.
    pub(super) fn udp(&mut self, direction: Direction, what: &str, data: &[u8]) -> Result<(), SynthError> {
        let (source, destination) = self.ports(direction);
        let builder = self.ip(direction, IpNumber::UDP).udp(source, destination);
        let mut bytes = Vec::with_capacity(builder.size(data.len()));
        builder.write_to_vec(&mut bytes, data)?;
        self.push(direction, what, bytes);
        Ok(())
    }

    /// An echo request, or the reply to it, as `ping` makes them.
    pub(super) fn echo(&mut self, direction: Direction, what: &str) -> Result<(), SynthError> {
        let header = IcmpEchoHeader { id: self.ends.client_port, seq: 1 };
        let data: Vec<u8> = (0x10..0x48).collect();
        let v4 = self.ends.client.is_ipv4();
        let number = if v4 { IpNumber::ICMP } else { IpNumber::IPV6_ICMP };
        let ip = self.ip(direction, number);
        let mut bytes = Vec::new();
        match (v4, direction) {
            (true, Direction::ToServer) => ip.icmpv4(Icmpv4Type::EchoRequest(header)).write_to_vec(&mut bytes, &data),
            (true, Direction::ToClient) => ip.icmpv4(Icmpv4Type::EchoReply(header)).write_to_vec(&mut bytes, &data),
            (false, Direction::ToServer) => ip.icmpv6(Icmpv6Type::EchoRequest(header)).write_to_vec(&mut bytes, &data),
            (false, Direction::ToClient) => ip.icmpv6(Icmpv6Type::EchoReply(header)).write_to_vec(&mut bytes, &data),
        }?;
        self.push(direction, what, bytes);
        Ok(())
    }

    fn segment(&mut self, direction: Direction, what: &str, flags: Flags, data: &[u8]) -> Result<(), SynthError> {
        let (source, destination) = self.ports(direction);
        let [client, server] = self.seq;
        let (seq, ack) = if direction == Direction::ToServer { (client, server) } else { (server, client) };
        let mut header = TcpHeader::new(source, destination, seq, if flags.syn { 64_240 } else { 502 });
        header.syn = flags.syn;
        header.ack = flags.ack;
        header.psh = flags.psh;
        header.fin = flags.fin;
        header.acknowledgment_number = if flags.ack { ack } else { 0 };
        if flags.syn {
            let options = [
                TcpOptionElement::MaximumSegmentSize(self.mss as u16),
                TcpOptionElement::Noop,
                TcpOptionElement::WindowScale(8),
                TcpOptionElement::Noop,
                TcpOptionElement::Noop,
                TcpOptionElement::SelectiveAcknowledgementPermitted,
            ];
            header.set_options(&options).map_err(SynthError::TcpOptions)?;
        }
        let builder = self.ip(direction, IpNumber::TCP).tcp_header(header);
        let mut bytes = Vec::with_capacity(builder.size(data.len()));
        builder.write_to_vec(&mut bytes, data)?;
        self.push(direction, what, bytes);
        if let Some(next) = self.seq.get_mut(direction.index()) {
            *next = next.wrapping_add(data.len() as u32 + u32::from(flags.syn) + u32::from(flags.fin));
        }
        Ok(())
    }

    fn ports(&self, direction: Direction) -> (u16, u16) {
        match direction {
            Direction::ToServer => (self.ends.client_port, self.server_port),
            Direction::ToClient => (self.server_port, self.ends.client_port),
        }
    }

    /// Link and network header of the next packet of a side. Lengths and checksums are filled in by the builder.
    fn ip(&mut self, direction: Direction, number: IpNumber) -> PacketBuilderStep<IpHeaders> {
        let (macs, source, destination) = match direction {
            Direction::ToServer => ((CLIENT_MAC, SERVER_MAC), self.ends.client, self.ends.server),
            Direction::ToClient => ((SERVER_MAC, CLIENT_MAC), self.ends.server, self.ends.client),
        };
        let link: PacketBuilderStep<Ethernet2Header> = PacketBuilder::ethernet2(macs.0, macs.1);
        match (source, destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let identification = self.ip_id.get_mut(direction.index()).map_or(0, |id| {
                    *id = id.wrapping_add(1);
                    *id
                });
                let header = Ipv4Header {
                    identification,
                    dont_fragment: true,
                    fragment_offset: IpFragOffset::ZERO,
                    time_to_live: 64,
                    protocol: number,
                    source: source.octets(),
                    destination: destination.octets(),
                    ..Ipv4Header::default()
                };
                link.ip(IpHeaders::Ipv4(header, etherparse::Ipv4Extensions::default()))
            }
            (source, destination) => {
                let octets = |address: IpAddr| match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                let header = Ipv6Header {
                    next_header: number,
                    hop_limit: 64,
                    source: octets(source),
                    destination: octets(destination),
                    ..Ipv6Header::default()
                };
                link.ip(IpHeaders::Ipv6(header, etherparse::Ipv6Extensions::default()))
            }
        }
    }

    fn push(&mut self, direction: Direction, what: &str, bytes: Vec<u8>) {
        if let Some(last) = self.frames.last() {
            self.now_ns += if last.direction == direction { FOLLOW_NS } else { FLIGHT_NS };
        }
        self.frames.push(SynthFrame { time_ns: self.now_ns, direction, what: what.to_owned(), bytes });
    }
}

/// Which of several packets it is: `ClientHello 1/2`.
pub(super) fn numbered(what: &str, index: usize, n: usize) -> String {
    if n > 1 { format!("{what} {}/{n}", index + 1) } else { what.to_owned() }
}

/// `data` in `n` parts of about one size; fewer where it has fewer bytes.
pub(super) fn even_parts(data: &[u8], n: usize) -> Vec<&[u8]> {
    let n = n.clamp(1, data.len().max(1));
    let bounds = |part: usize| part * data.len() / n;
    (0..n).filter_map(|part| data.get(bounds(part)..bounds(part + 1))).collect()
}

/// The flags of a segment that are ever set here.
#[derive(Clone, Copy)]
struct Flags {
    syn: bool,
    ack: bool,
    psh: bool,
    fin: bool,
}

impl Flags {
    const ACK: Self = Self { syn: false, ack: true, psh: false, fin: false };
}
