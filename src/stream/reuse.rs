//! When a handshake packet on a known five-tuple starts a new flow.

use super::config::StreamConfig;
use super::seq::Seq;
use super::session::{Outline, TcpState};
use crate::packet::{TcpHeader, tcp_flag};
use crate::verdict::Direction;

/// A SYN, or where sessions may start in the middle a SYN/ACK, that opens a connection.
fn opens_connection(config: &StreamConfig, tcp: &TcpHeader) -> Option<bool> {
    if tcp.flags & (tcp_flag::RST | tcp_flag::FIN) != 0 {
        return None;
    }
    match (tcp.flags & tcp_flag::SYN != 0, tcp.flags & tcp_flag::ACK != 0) {
        (true, false) => Some(false),
        (true, true) if config.midstream || config.async_oneside => Some(true),
        _ => None,
    }
}

/// The packet starts a new flow on the five-tuple of one that has no session. Suricata: `TcpSessionPacketSsnReuse`.
pub fn is_reuse_without_session(config: &StreamConfig, tcp: &TcpHeader, direction: Direction) -> bool {
    match opens_connection(config, tcp) {
        None => false,
        Some(false) => true,
        Some(true) => direction == Direction::ToServer,
    }
}

/// The packet starts a new flow on the five-tuple of one whose connection is over, or nearly.
/// Suricata: `TcpSessionPacketSsnReuse`.
pub fn is_reuse(config: &StreamConfig, before: Outline, tcp: &TcpHeader, direction: Direction) -> bool {
    let Some(with_ack) = opens_connection(config, tcp) else { return false };
    let expected = if with_ack { Direction::ToClient } else { Direction::ToServer };
    if direction == expected {
        if !with_ack && before.fast_open_ignored {
            return true;
        }
        if before.isns.get(direction.index()) == Some(&Seq(tcp.seq)) {
            return false; // the same one again
        }
    }
    before.state >= TcpState::LastAck || before.state == TcpState::None
}
