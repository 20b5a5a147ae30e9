//! What is asked about: a packet, or a flow by its two ends.

use super::recorder::{Fragment, PacketFacts};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// What is to be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// A packet by its number, and the flow that it is of.
    Packet(u64),
    /// The first flow between two ends.
    Flow(FlowQuestion),
    /// The flow of the first packet: for conversations that were made up.
    Conversation,
}

/// Two ends, in either order: `10.2.1.10:40000-203.0.113.10:443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowQuestion {
    ends: [(IpAddr, Option<u16>); 2],
}

/// The ends of a packet and its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuple {
    proto: u8,
    ends: [(IpAddr, Option<u16>); 2],
    is_fragment: bool,
}

impl Tuple {
    pub(super) fn of(facts: &PacketFacts) -> Option<Self> {
        let is_fragment = matches!(facts.fragment, Some(Fragment::Part(_)));
        Some(Self { proto: facts.proto, ends: facts.ends?, is_fragment })
    }

    /// Both are of one flow, as far as ports are known.
    pub(super) fn is_same(self, other: Self) -> bool {
        let addresses_only = self.is_fragment || other.is_fragment;
        let bare = |ends: [(IpAddr, Option<u16>); 2]| {
            if addresses_only { ends.map(|(address, _)| (address, None)) } else { ends }
        };
        self.proto == other.proto && are_same(bare(self.ends), bare(other.ends))
    }
}

impl FlowQuestion {
    pub(super) fn is_between(&self, tuple: Tuple) -> bool {
        let without_ports = self.ends.iter().all(|(_, port)| port.is_none());
        are_same(self.ends, if without_ports { tuple.ends.map(|(address, _)| (address, None)) } else { tuple.ends })
    }
}

fn are_same(one: [(IpAddr, Option<u16>); 2], other: [(IpAddr, Option<u16>); 2]) -> bool {
    let [from, to] = other;
    one == other || one == [to, from]
}

impl fmt::Display for FlowQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = self.ends.map(shown);
        write!(f, "{one} and {other}")
    }
}

/// An end as text: `10.2.1.10:443`, `[2001:db8::1]:443`.
pub(super) fn shown((address, port): (IpAddr, Option<u16>)) -> String {
    match (address, port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    }
}

impl FromStr for FlowQuestion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = || "expected ADDRESS:PORT-ADDRESS:PORT, or two addresses where there are no ports".to_owned();
        let (one, other) = text.split_once('-').ok_or_else(wanted)?;
        let end = |text: &str| {
            let with_port = text.trim().parse::<std::net::SocketAddr>().map(|end| (end.ip(), Some(end.port())));
            with_port.or_else(|_| text.trim().parse::<IpAddr>().map(|address| (address, None))).map_err(|_| wanted())
        };
        let ends = [end(one)?, end(other)?];
        if ends.iter().filter(|(_, port)| port.is_some()).count() == 1 {
            return Err(wanted());
        }
        Ok(Self { ends })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_read_in_either_order_and_family() {
        let asked: FlowQuestion = "10.0.0.1:5-[2001:db8::1]:443".parse().unwrap();
        assert_eq!(asked.to_string(), "10.0.0.1:5 and [2001:db8::1]:443");
        let tuple = |a: &str, b: &str| Tuple {
            proto: 6,
            ends: [a, b].map(|end| {
                let end: std::net::SocketAddr = end.parse().unwrap();
                (end.ip(), Some(end.port()))
            }),
            is_fragment: false,
        };
        let asked: FlowQuestion = "10.0.0.1:5-10.0.0.2:443".parse().unwrap();
        assert!(asked.is_between(tuple("10.0.0.2:443", "10.0.0.1:5")));
        assert!(!asked.is_between(tuple("10.0.0.2:5", "10.0.0.1:443")));
        let by_address: FlowQuestion = "10.0.0.1-10.0.0.2".parse().unwrap();
        assert!(by_address.is_between(tuple("10.0.0.1:9", "10.0.0.2:8")));
        assert!(
            "10.0.0.1:5".parse::<FlowQuestion>().is_err() && "10.0.0.1:5-10.0.0.2".parse::<FlowQuestion>().is_err()
        );
    }
}
