//! TCP conversations written down as lines, and what the stream engine makes of each packet.
//!
//! A line is `C` or `S` (who sends), flags, sequence and acknowledgement numbers relative to the initial ones, payload
//! length, and after `=>` what is expected: `ok` or the reason of a drop, then events, in any order.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a malformed case is a failed test")]

use std::net::IpAddr;

use firedrill::app::{AppConfig, AppLayer, FlowKeyView};
use firedrill::packet::{IpHeader, Packet, TcpHeader, Transport, tcp_flag};
use firedrill::stream::{ExceptionPolicy, FlowFate, FlowView, Session, StreamConfig, TcpState, process};
use firedrill::verdict::{Cause, Direction};

const CLIENT_ISN: u32 = u32::MAX - 20;
const SERVER_ISN: u32 = 5000;

struct Replay {
    config: StreamConfig,
    session: Option<Box<Session>>,
    app: Option<Box<AppLayer>>,
    condemned: bool,
    n: i64,
}

impl Replay {
    fn new(config: StreamConfig) -> Self {
        Self { config, session: None, app: None, condemned: false, n: 0 }
    }

    fn packet(
        &mut self,
        sender: &str,
        flags: &str,
        seq: u32,
        ack: u32,
        payload: &[u8],
    ) -> (Option<Cause>, Vec<&'static str>) {
        let (direction, isn, other) = match sender {
            "C" => (Direction::ToServer, CLIENT_ISN, SERVER_ISN),
            _ => (Direction::ToClient, SERVER_ISN, CLIENT_ISN),
        };
        let flags = flags.chars().fold(0, |bits, flag| {
            bits | match flag {
                'S' => tcp_flag::SYN,
                'A' => tcp_flag::ACK,
                'F' => tcp_flag::FIN,
                'R' => tcp_flag::RST,
                'P' => tcp_flag::PSH,
                other => panic!("flag {other}"),
            }
        });
        let ack = if flags & tcp_flag::ACK == 0 { 0 } else { other.wrapping_add(ack) };
        let ends = [IpAddr::from([10, 0, 0, 10]), IpAddr::from([203, 0, 113, 10])];
        let [src, dst] = if direction == Direction::ToServer { ends } else { [ends[1], ends[0]] };
        let (src_port, dst_port) = if direction == Direction::ToServer { (40000, 7) } else { (7, 40000) };
        let tcp = TcpHeader {
            src_port,
            dst_port,
            seq: isn.wrapping_add(seq),
            ack,
            flags,
            window: 64240,
            ..TcpHeader::default()
        };
        self.n += 1;
        let mut packet = Packet::new(self.n * 1_000_000, 0);
        packet.ip = Some(IpHeader {
            src,
            dst,
            proto: 6,
            ttl: 64,
            fragment: None,
            total_len: 0,
            flags: 0,
            options: 0,
            header_len: 20,
        });
        packet.proto = 6;
        packet.transport = Transport::Tcp(tcp);
        packet.payload = payload;
        let key = FlowKeyView { ip_proto: 6, client_port: 40000, server_port: 7 };
        let flow = FlowView { direction, key, app: AppConfig::default(), condemned: self.condemned };
        let outcome = process(&self.config, &mut self.session, &mut self.app, &mut packet, flow);
        self.condemned |= outcome.flow_fate == Some(FlowFate::Drop);
        if let Some(session) = &mut self.session {
            session.prune(&self.config, direction);
        }
        (outcome.drop, packet.events.iter().map(|event| event.0).collect())
    }
}

fn check(config: StreamConfig, script: &str, state: &str) {
    let mut replay = Replay::new(config);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (packet, expected) = line.split_once("=>").unwrap();
        let words: Vec<&str> = packet.split_whitespace().collect();
        let [sender, flags, seq, ack, len] = words[..] else { panic!("{line}") };
        let payload = vec![b'x'; len.parse().unwrap()];
        let (drop, mut events) = replay.packet(sender, flags, seq.parse().unwrap(), ack.parse().unwrap(), &payload);
        let drop = drop.map_or("ok", |cause| match cause {
            Cause::StreamError => "error",
            Cause::StreamException => "midstream",
            other => panic!("{other:?}"),
        });
        let mut wanted: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(wanted.remove(0), drop, "{line}");
        events.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(events, wanted, "{line}");
    }
    assert_eq!(replay.session.as_deref().map_or(TcpState::None, Session::state).name(), state);
}

fn aws() -> StreamConfig {
    StreamConfig::network_firewall()
}

#[test]
fn a_clean_connection() {
    check(
        aws(),
        "C S 0 0 0 => ok
         S SA 0 1 0 => ok
         C A 1 1 0 => ok
         C PA 1 1 100 => ok
         S A 1 101 1000 => ok
         C A 101 1001 0 => ok
         C FA 101 1001 0 => ok
         S FA 1001 102 0 => ok
         C A 102 1002 0 => ok",
        "closed",
    );
}

#[test]
fn established_connections_ignore_what_they_refuse() {
    check(
        aws(),
        "C S 0 0 0 => ok
         S SA 0 1 0 => ok
         C A 1 1 0 => ok
         C A 500000 1 100 => ok est_packet_out_of_window
         C A 1 900000 100 => ok est_invalid_ack pkt_invalid_ack
         C A 1 1 100 => ok",
        "established",
    );
}

#[test]
fn handshakes_drop_what_they_refuse() {
    check(
        aws(),
        "C S 0 0 0 => ok
         S SA 0 9 0 => error 3whs_synack_with_wrong_ack
         S SA 0 1 0 => ok
         S SA 0 2 0 => error 3whs_synack_resend_with_diff_ack
         S A 1 1 0 => error 3whs_ack_in_wrong_dir
         C A 1 7 0 => error 3whs_right_seq_wrong_ack_evasion
         C A 1 1 0 => ok",
        "established",
    );
}

#[test]
fn the_clients_ack_chooses_between_several_syn_acks() {
    check(
        aws(),
        "C S 0 0 0 => ok
         S SA 0 1 0 => ok
         S SA 77 1 0 => ok
         C A 1 78 0 => ok
         S A 78 1 10 => ok",
        "established",
    );
}

#[test]
fn without_a_handshake_the_exception_policy_decides() {
    check(aws(), "C A 1 1 10 => midstream\n C A 11 1 10 => ok", "none");
    let ignore = StreamConfig { midstream_policy: ExceptionPolicy::Ignore, ..aws() };
    check(ignore.clone(), "C A 1 1 10 => ok\n C A 11 1 10 => ok", "none");
    check(ignore, "C FA 1 1 0 => error fin_but_no_session\n C R 1 1 0 => error rst_but_no_session", "none");
    let pick_up = StreamConfig { midstream: true, midstream_policy: ExceptionPolicy::Ignore, ..aws() };
    check(pick_up, "C A 1 1 10 => ok\n S A 1 11 10 => ok", "established");
}

#[test]
fn old_data_is_noted_and_a_gap_is_found_by_its_ack() {
    check(
        aws(),
        "C S 0 0 0 => ok
         S SA 0 1 0 => ok
         C A 1 1 0 => ok
         C A 101 1 100 => ok
         S A 1 201 0 => ok
         C A 1 1 100 => ok est_pkt_before_last_ack pkt_spurious_retransmission
         C A 201 1 10 => ok reassembly_seq_gap",
        "established",
    );
}

#[test]
fn a_reset_outside_the_window_is_refused() {
    check(
        aws(),
        "C S 0 0 0 => ok
         S SA 0 1 0 => ok
         C A 1 1 0 => ok
         S R 900000 0 0 => error
         S R 1 0 0 => ok
         C A 1 1 100 => ok",
        "closed",
    );
}

#[test]
fn bytes_sent_again_differently_are_replaced_by_the_first() {
    let mut replay = Replay::new(aws());
    replay.packet("C", "S", 0, 0, b"");
    replay.packet("S", "SA", 0, 1, b"");
    replay.packet("C", "A", 1, 1, b"");
    replay.packet("C", "PA", 1, 1, b"abcdef");
    let (_, events) = replay.packet("C", "PA", 3, 1, b"XYefgh");
    assert_eq!(events, ["reassembly_overlap_different_data"]);
    let session = replay.session.as_deref().unwrap();
    assert_eq!(session.held_at(Direction::ToServer, 0), b"abcdefgh");
    assert_eq!(session.state(), TcpState::Established);
}
