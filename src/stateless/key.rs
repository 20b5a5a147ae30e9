//! What stateless rules look at.

use super::StatelessSemantics;
use super::semantics::{LaterFragments, WithoutProtocols};
use crate::packet::{Packet, Transport};
use crate::policy::model::StatelessRule;
use std::net::IpAddr;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// The part of a packet that rules can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) protocol: u8,
    pub(super) src_port: Field<u16>,
    pub(super) dst_port: Field<u16>,
    pub(super) flags: Field<u8>,
    pub(super) fragment: Option<FragmentKind>,
}

/// Which fragment of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FragmentKind {
    First,
    Later,
}

/// A transport field: what it is, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<T> {
    Value(T),
    Missing(Missing),
}

/// Why a packet does not have a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Its protocol has no such field.
    OtherProtocol,
    /// It is in the datagram's first fragment.
    LaterFragment,
    /// The packet is too short or malformed.
    Unreadable,
}

impl Missing {
    pub(super) const ALL: [Self; 3] = [Self::OtherProtocol, Self::LaterFragment, Self::Unreadable];

    /// Whether a rule that asks for the field matches all the same.
    pub(super) fn satisfies(self, rule: &StatelessRule, semantics: StatelessSemantics) -> bool {
        match self {
            Self::OtherProtocol => {
                !rule.protocols.is_empty() || semantics.without_protocols == WithoutProtocols::Ignored
            }
            Self::LaterFragment => semantics.later_fragments == LaterFragments::Ignored,
            Self::Unreadable => false,
        }
    }
}

impl Key {
    /// What rules see of `packet`; `None` without an IP header.
    pub(super) fn of(packet: &Packet<'_>) -> Option<Self> {
        let ip = packet.ip.as_ref()?;
        // The decoder names an IPv6 fragment's protocol 44, as Suricata does; rules mean what is inside.
        let protocol = ip.fragment.map_or(ip.proto, |fragment| fragment.next_header);
        let fragment =
            ip.fragment.map(|fragment| if fragment.offset == 0 { FragmentKind::First } else { FragmentKind::Later });
        let (ports, flags) = match (&packet.transport, fragment) {
            (Transport::Tcp(tcp), _) if protocol == TCP => (Some((tcp.src_port, tcp.dst_port)), Some(tcp.flags)),
            (Transport::Udp(udp), _) if protocol == UDP => (Some((udp.src_port, udp.dst_port)), None),
            (_, Some(FragmentKind::First)) => in_first_fragment(protocol, packet.fragment_data()),
            _ => (None, None),
        };
        let missing = |has_field: bool| match fragment {
            _ if !has_field => Missing::OtherProtocol,
            Some(FragmentKind::Later) => Missing::LaterFragment,
            _ => Missing::Unreadable,
        };
        let (no_ports, no_flags) = (missing(matches!(protocol, TCP | UDP)), missing(protocol == TCP));
        Some(Self {
            src: ip.src,
            dst: ip.dst,
            protocol,
            src_port: ports.map_or(Field::Missing(no_ports), |(src, _)| Field::Value(src)),
            dst_port: ports.map_or(Field::Missing(no_ports), |(_, dst)| Field::Value(dst)),
            flags: flags.map_or(Field::Missing(no_flags), Field::Value),
            fragment,
        })
    }
}

/// The decoder leaves fragments alone, as Suricata does, but the first one has the ports.
fn in_first_fragment(protocol: u8, data: &[u8]) -> (Option<(u16, u16)>, Option<u8>) {
    let Some(&[s0, s1, d0, d1]) = data.first_chunk().filter(|_| matches!(protocol, TCP | UDP)) else {
        return (None, None);
    };
    let flags = data.get(13).copied().filter(|_| protocol == TCP);
    (Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1]))), flags)
}
