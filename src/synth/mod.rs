//! Conversations made up in memory: what a client and a server would send each other for a URL.
//!
//! In: a [`Shorthand`] and the two addresses. Out: complete Ethernet frames with right checksums, in order, each with a
//! word for what it is. Nothing is sent and no name is looked up. The same input gives the same bytes; what would be
//! random on a real wire is derived from the URL. Of a policy, only its HOME_NET is known here.

mod defaults;
mod dns;
mod http;
mod quic;
pub mod rewrite;
mod shorthand;
mod target;
mod tls;
mod wire;

pub use defaults::{Defaults, HomeNet};
pub use shorthand::{SEGMENTS_MAX, Shorthand, Sni, WORDS};
pub use target::{Host, Scheme, Target, TargetError};

use crate::verdict::Direction;
use std::net::IpAddr;
use wire::Exchange;

/// The TLS ClientHello to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hello {
    /// Fits one segment.
    #[default]
    Classic,
    /// With an X25519MLKEM768 key share: two segments.
    PostQuantum,
}

impl Hello {
    /// `classic` or `post-quantum`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::PostQuantum => "post-quantum",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Classic, Self::PostQuantum].into_iter().find(|hello| hello.name() == name)
    }
}

/// Who talks to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client.
    pub client: IpAddr,
    /// The server; of the same address family.
    pub server: IpAddr,
    /// The client's port, or the identifier of its echo requests.
    pub client_port: u16,
}

/// One frame of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthFrame {
    /// Nanoseconds since the epoch.
    pub time_ns: i64,
    /// Which way it goes.
    pub direction: Direction,
    /// What it is: `SYN`, `ClientHello`, `ClientHello 1/2`, ...
    pub what: String,
    /// Ethernet, IP and so on.
    pub bytes: Vec<u8>,
}

/// A conversation cannot be made up.
#[derive(Debug, thiserror::Error)]
pub enum SynthError {
    /// Client and server have addresses of different families.
    #[error("{client} cannot talk to {server}: one is IPv4, the other IPv6")]
    Families {
        /// The client.
        client: IpAddr,
        /// The server.
        server: IpAddr,
    },
    /// A packet could not be put together.
    #[error("a packet cannot be made: {0}")]
    Packet(#[from] etherparse::err::packet::BuildVecWriteError),
    /// A TCP header could not be put together.
    #[error("a TCP header cannot be made: {0:?}")]
    TcpOptions(etherparse::TcpOptionWriteError),
}

/// The first conversation begins on 1 January 2026, the others a minute apart, so that each is over before the next.
const START_NS: i64 = 1_767_225_600_000_000_000;
const APART_NS: i64 = 60_000_000_000;

/// Client port of the first conversation.
const FIRST_PORT: u16 = 40_000;

/// What was asked for, and what the two ends say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// What was asked for.
    pub wanted: Shorthand,
    /// Who talks.
    pub ends: Ends,
    /// Every packet, in order.
    pub frames: Vec<SynthFrame>,
}

impl Conversation {
    /// Makes up the `index`-th conversation of a row, from 0: each has a client port and a minute of its own.
    pub fn new(wanted: Shorthand, defaults: &Defaults, index: usize) -> Result<Self, SynthError> {
        let ends = defaults.ends(&wanted, FIRST_PORT.wrapping_add(index as u16));
        let whole = Shorthand { hello: wanted.hello.or(Some(defaults.hello)), ..wanted.clone() };
        let frames = frames(&whole, ends, START_NS + APART_NS * index as i64)?;
        Ok(Self { wanted, ends, frames })
    }

    /// What a packet is, from 0: `ClientHello`.
    pub fn what(&self, packet: usize) -> &str {
        self.frames.get(packet).map_or("", |frame| frame.what.as_str())
    }
}

/// Makes up all packets of a conversation that begins at `start_ns`.
pub fn frames(wanted: &Shorthand, ends: Ends, start_ns: i64) -> Result<Vec<SynthFrame>, SynthError> {
    if ends.client.is_ipv4() != ends.server.is_ipv4() {
        return Err(SynthError::Families { client: ends.client, server: ends.server });
    }
    let target = &wanted.target;
    let hello = wanted.hello.unwrap_or_default();
    let payload = wanted.payload.as_deref().unwrap_or(OPAQUE);
    let mut x = Exchange::new(ends, target.port, start_ns, &target.url);
    match target.scheme {
        Scheme::Https => {
            let made = tls::Handshake::new(wanted.server_name(), hello, x.noise());
            x.tcp_handshake()?;
            x.tcp_cut("ClientHello", &made.client_hello, wanted.segments)?;
            x.tcp_data(Direction::ToClient, "ServerHello", &made.server_flight)?;
            x.tcp_data(Direction::ToServer, "Finished", &made.client_finished)?;
            x.tcp_data(Direction::ToServer, "request", &made.request)?;
            x.tcp_data(Direction::ToClient, "response", &made.response)?;
            x.tcp_close()?;
        }
        Scheme::Http => {
            x.tcp_handshake()?;
            x.tcp_cut("request", &http::request(wanted), wanted.segments)?;
            x.tcp_data(Direction::ToClient, "response", &http::response())?;
            x.tcp_close()?;
        }
        Scheme::Tcp => {
            x.tcp_handshake()?;
            x.tcp_cut("data", payload, wanted.segments)?;
            x.tcp_data(Direction::ToClient, "answer", OPAQUE)?;
            x.tcp_close()?;
        }
        Scheme::Udp => {
            x.udp(Direction::ToServer, "datagram", payload)?;
            x.udp(Direction::ToClient, "answer", OPAQUE)?;
        }
        Scheme::Dns => {
            let name = target.host.name().unwrap_or_default();
            let id = x.noise().u16();
            x.udp(Direction::ToServer, "query", &dns::query(id, name))?;
            x.udp(Direction::ToClient, "answer", &dns::answer(id, name))?;
        }
        Scheme::Icmp => {
            x.echo(Direction::ToServer, "echo request")?;
            x.echo(Direction::ToClient, "echo reply")?;
        }
        Scheme::Quic => {
            let made = quic::Connection::new(wanted.server_name(), hello, wanted.segments, x.noise());
            let n = made.client_initials.len();
            for (index, datagram) in made.client_initials.iter().enumerate() {
                x.udp(Direction::ToServer, &wire::numbered("Initial with ClientHello", index, n), datagram)?;
            }
            x.udp(Direction::ToClient, "Initial with ServerHello", &made.server_initial)?;
            x.udp(Direction::ToServer, "request", &made.request)?;
            x.udp(Direction::ToClient, "response", &made.response)?;
        }
    }
    Ok(x.into_frames())
}

/// Data of no known protocol.
const OPAQUE: &[u8] = b"a line from firedrill\r\n";

/// Bytes that look random and are not: SplitMix64 from a seed.
#[derive(Clone, Debug)]
struct Noise(u64);

impl Noise {
    /// From any text.
    fn from_text(text: &str) -> Self {
        Self(
            text.bytes()
                .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)),
        )
    }

    fn u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn u32(&mut self) -> u32 {
        (self.u64() >> 32) as u32
    }

    fn u16(&mut self) -> u16 {
        (self.u64() >> 48) as u16
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(n + 8);
        while out.len() < n {
            out.extend_from_slice(&self.u64().to_be_bytes());
        }
        out.truncate(n);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(words: &str, hello: Hello) -> Vec<SynthFrame> {
        let wanted = Shorthand { hello: Some(hello), ..words.parse().unwrap() };
        Conversation::new(wanted, &Defaults::default(), 0).unwrap().frames
    }

    fn words(frames: &[SynthFrame]) -> String {
        frames
            .iter()
            .map(|frame| {
                let arrow = if frame.direction == Direction::ToServer { '>' } else { '<' };
                format!("{arrow}{}", frame.what)
            })
            .collect::<Vec<_>>()
            .join(" | ")
    }

    #[test]
    fn a_tls_conversation_is_complete() {
        insta::assert_snapshot!(words(&made("https://www.kaggle.com", Hello::Classic)), @">SYN | <SYN, ACK | >ACK | >ClientHello | <ACK | <ServerHello 1/3 | <ServerHello 2/3 | <ServerHello 3/3 | >ACK | >Finished | <ACK | >request | <ACK | <response | >ACK | >FIN | <FIN | >ACK");
    }

    #[test]
    fn a_post_quantum_hello_takes_two_segments() {
        let frames = made("https://www.kaggle.com", Hello::PostQuantum);
        let hellos: Vec<&str> =
            frames.iter().map(|frame| frame.what.as_str()).filter(|what| what.starts_with("ClientHello")).collect();
        assert_eq!(hellos, ["ClientHello 1/2", "ClientHello 2/2"]);
        assert!(frames.iter().all(|frame| frame.bytes.len() <= 1514));
    }

    #[test]
    fn a_first_message_is_cut_into_as_many_segments_as_wanted() {
        let hellos = |words: &str| {
            let frames = made(words, Hello::PostQuantum);
            frames.iter().filter(|frame| frame.what.contains("ClientHello")).count()
        };
        assert_eq!(hellos("https://a.example segments=1"), 2);
        assert_eq!(hellos("https://a.example segments=40"), 40);
        assert_eq!(hellos("quic://a.example segments=3"), 3);
    }

    #[test]
    fn the_same_url_gives_the_same_bytes() {
        assert_eq!(made("https://a.example", Hello::Classic), made("https://a.example", Hello::Classic));
        assert_ne!(made("https://a.example", Hello::Classic), made("https://b.example", Hello::Classic));
    }

    #[test]
    fn every_frame_decodes_with_right_checksums() {
        for url in [
            "https://a.example",
            "http://a.example",
            "dns://a.example",
            "tcp://x:1",
            "udp://x:9",
            "icmp://x",
            "quic://x",
        ] {
            for frame in made(url, Hello::PostQuantum) {
                let packet = etherparse::PacketHeaders::from_ethernet_slice(&frame.bytes).unwrap();
                let Some(etherparse::NetHeaders::Ipv4(ip, _)) = packet.net else { panic!("{url}: no IPv4") };
                assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                let payload = packet.payload.slice();
                match packet.transport.unwrap() {
                    etherparse::TransportHeader::Tcp(tcp) => {
                        assert_eq!(tcp.checksum, tcp.calc_checksum_ipv4(&ip, payload).unwrap());
                    }
                    etherparse::TransportHeader::Udp(udp) => {
                        assert_eq!(udp.checksum, udp.calc_checksum_ipv4(&ip, payload).unwrap());
                    }
                    etherparse::TransportHeader::Icmpv4(icmp) => {
                        assert_eq!(icmp.checksum, icmp.icmp_type.calc_checksum(payload));
                    }
                    other => panic!("{url}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn families_must_agree() {
        let wanted = "icmp://x from=10.0.0.1 to=2001:db8::1".parse().unwrap();
        let made = Conversation::new(wanted, &Defaults::default(), 0);
        assert!(matches!(made, Err(SynthError::Families { .. })));
    }
}
