//! One packet's way through the stream engine.

use super::config::{ExceptionPolicy, UrgentPolicy};
use super::seq::Seq;
use super::session::{Half, Session, TcpState};
use super::{AppUpdate, FlowFate, FlowState, FlowView, Outcome, StreamConfig};
use crate::app::{AppConfig, AppLayer, FlowKeyView};
use crate::packet::{Checksummed, Event, EventSet, Packet, TcpHeader, Transport, tcp_flag};
use crate::verdict::{Cause, Direction};
use std::net::IpAddr;

/// The packet is not one that the connection's state accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invalid;

/// Whether a packet is accepted.
pub(crate) type Accepted = Result<(), Invalid>;

/// A TCP packet as the state machine sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) direction: Direction,
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) flags: u8,
    /// As on the wire, unscaled.
    pub(crate) window: u16,
    pub(crate) payload: &'a [u8],
    pub(crate) tcp: &'a TcpHeader,
    /// Capture time in seconds.
    pub(crate) time_s: u32,
    /// Who receives it.
    pub(crate) to: Option<IpAddr>,
    /// Not a packet but the end of the flow.
    pub(crate) end_of_flow: bool,
}

impl Segment<'_> {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(crate) fn is_syn_ack(&self) -> bool {
        self.flags & (tcp_flag::SYN | tcp_flag::ACK) == (tcp_flag::SYN | tcp_flag::ACK)
    }

    /// Nothing but an ACK among SYN, ACK, FIN and RST.
    pub(crate) fn is_plain_ack(&self) -> bool {
        self.flags & (tcp_flag::SYN | tcp_flag::ACK | tcp_flag::FIN | tcp_flag::RST) == tcp_flag::ACK
    }

    pub(crate) fn len(&self) -> u32 {
        self.payload.len() as u32
    }

    /// Sequence number behind the payload.
    pub(crate) fn end(&self) -> Seq {
        self.seq + self.len()
    }

    pub(crate) fn to_server(self) -> bool {
        self.direction == Direction::ToServer
    }

    /// The window with a scale applied.
    pub(crate) fn scaled_window(&self, scale: u8) -> u32 {
        u32::from(self.window) << scale.min(super::handshake::WINDOW_SCALE_MAX)
    }

    /// The window scale option. Suricata takes an impossible value as 0.
    pub(crate) fn window_scale(&self) -> Option<u8> {
        self.tcp.options.window_scale.map(|scale| if scale > super::handshake::WINDOW_SCALE_MAX { 0 } else { scale })
    }
}

/// Everything at hand while a packet is worked on.
pub(crate) struct Step<'a> {
    pub(crate) config: &'a StreamConfig,
    pub(crate) session: &'a mut Session,
    pub(crate) segment: Segment<'a>,
    pub(crate) app: &'a mut Option<Box<AppLayer>>,
    pub(crate) key: FlowKeyView,
    pub(crate) app_config: AppConfig,
    pub(crate) events: &'a mut EventSet,
    pub(crate) out: &'a mut Outcome,
}

impl Step<'_> {
    /// The half that this packet adds to.
    pub(crate) fn sender(&mut self) -> &mut Half {
        self.session.half_mut(self.segment.direction)
    }

    /// The half that this packet acknowledges.
    pub(crate) fn receiver(&mut self) -> &mut Half {
        self.session.half_mut(self.segment.direction.opposite())
    }

    pub(crate) fn event(&mut self, name: &'static str) {
        push_event(self.events, name);
    }

    /// Notes an event and refuses the packet.
    pub(crate) fn refuse(&mut self, name: &'static str) -> Accepted {
        self.event(name);
        Err(Invalid)
    }

    pub(crate) fn set_state(&mut self, state: TcpState) {
        if state == self.session.state {
            return;
        }
        self.session.previous = self.session.state;
        self.session.state = state;
        match state {
            TcpState::Established
            | TcpState::FinWait1
            | TcpState::FinWait2
            | TcpState::Closing
            | TcpState::CloseWait => {
                self.out.flow_state = Some(FlowState::Established);
            }
            TcpState::LastAck | TcpState::TimeWait | TcpState::Closed => self.out.flow_state = Some(FlowState::Closed),
            TcpState::None | TcpState::SynSent | TcpState::SynRecv => {}
        }
    }

    /// The sender's next sequence number becomes `seq`. Where only one side is seen, nobody acknowledges: count it as done.
    pub(crate) fn expect_next(&mut self, direction: Direction, seq: Seq) {
        let asynchronous = self.session.asynchronous;
        let half = self.session.half_mut(direction);
        half.next_seq = seq;
        if asynchronous && half.next_seq > half.last_ack {
            half.last_ack = half.next_seq;
        }
    }

    /// Hands the packet to the function of a state.
    pub(crate) fn dispatch(&mut self, state: TcpState) -> Accepted {
        match state {
            TcpState::None => Ok(()),
            TcpState::SynSent => self.syn_sent(),
            TcpState::SynRecv => self.syn_recv(),
            TcpState::Established => self.established(),
            TcpState::FinWait1 => self.fin_wait1(),
            TcpState::FinWait2 => self.fin_wait2(),
            TcpState::Closing => self.closing(),
            TcpState::CloseWait => self.close_wait(),
            TcpState::LastAck => self.last_ack(),
            TcpState::TimeWait => self.time_wait(),
            TcpState::Closed => self.closed(),
        }
    }
}

pub(crate) fn push_event(events: &mut EventSet, name: &'static str) {
    let event = Event(name);
    if !events.contains(&event) {
        events.push(event);
    }
}

/// Applies an exception policy to a packet of a flow.
pub(crate) fn apply_policy(
    policy: ExceptionPolicy,
    cause: Cause,
    out: &mut Outcome,
    session: Option<&mut Session>,
    app: &mut Option<Box<AppLayer>>,
) {
    match policy {
        ExceptionPolicy::Ignore => return,
        ExceptionPolicy::Reject | ExceptionPolicy::DropFlow => {
            out.reject |= policy == ExceptionPolicy::Reject;
            out.flow_fate = Some(FlowFate::Drop);
            if let Some(session) = session {
                session.disable_app_layer();
                end_parsers(app);
            }
            out.drop.get_or_insert(cause);
        }
        ExceptionPolicy::DropPacket => {
            out.drop.get_or_insert(cause);
        }
        ExceptionPolicy::PassFlow => out.flow_fate = Some(FlowFate::Pass),
        ExceptionPolicy::Bypass => out.flow_fate = Some(FlowFate::Bypass),
        ExceptionPolicy::PassPacket => {}
    }
    out.no_payload_inspection = true;
    out.no_packet_inspection = true;
}

/// Tells the parsers, if there are any, that no more data will come.
pub(crate) fn end_parsers(app: &mut Option<Box<AppLayer>>) {
    if let Some(app) = app {
        app.end_of_stream(Direction::ToServer);
        app.end_of_stream(Direction::ToClient);
    }
}

/// Takes a packet through the stream engine.
///
/// `session` stays `None` until a packet may start one. A packet that is not TCP, or whose checksum is wrong while
/// checksums are validated, is left alone.
pub fn process(
    config: &StreamConfig,
    session: &mut Option<Box<Session>>,
    app: &mut Option<Box<AppLayer>>,
    packet: &mut Packet<'_>,
    flow: FlowView,
) -> Outcome {
    let mut out = Outcome::default();
    if config.checksum_validation && has_wrong_checksum(packet) {
        out.wrong_checksum = true;
        return out;
    }
    let payload = packet.payload;
    let to = packet.ip.map(|ip| ip.dst);
    let (Transport::Tcp(tcp), events) = (&packet.transport, &mut packet.events) else { return out };
    let segment = Segment {
        direction: flow.direction,
        seq: Seq(tcp.seq),
        ack: Seq(tcp.ack),
        flags: tcp.flags,
        window: tcp.window,
        payload,
        tcp,
        time_s: packet.time_ns.div_euclid(1_000_000_000) as u32,
        to,
        end_of_flow: false,
    };
    if let Some(session) = session {
        note_flags(session, &segment);
    }
    if !segment.has(tcp_flag::ACK) && tcp.ack != 0 {
        push_event(events, "pkt_broken_ack");
    }
    if segment.has(tcp_flag::URG) && config.urgent_policy == UrgentPolicy::Drop {
        out.drop = Some(Cause::Exception("stream urgent"));
        return out;
    }
    if flow.condemned {
        if let Some(session) = session {
            session.disable_app_layer();
            end_parsers(app);
            for half in &mut session.halves {
                half.held.clear();
            }
        }
        return out;
    }
    let unread = session.as_ref().is_some_and(|session| session.payload_unread);
    out.no_payload_inspection |= unread;
    let no_session = session.as_ref().is_none_or(|session| session.state == TcpState::None);
    let accepted = if no_session {
        if let Some(opening) = opens(config, &segment, session, app, events, &mut out) {
            opening.map(|opening| {
                let session = session.get_or_insert_with(|| Session::new(config));
                note_flags(session, &segment);
                let mut step =
                    Step { config, session, segment, app, key: flow.key, app_config: flow.app, events, out: &mut out };
                step.open(opening);
                out.established |= config.pickup_is_established && session.state >= TcpState::Established;
            })
        } else {
            Ok(())
        }
    } else if let Some(session) = session {
        let mut step =
            Step { config, session, segment, app, key: flow.key, app_config: flow.app, events, out: &mut out };
        step.work()
    } else {
        Ok(())
    };
    if accepted.is_err() && config.drop_invalid {
        out.no_payload_inspection = true;
        out.drop.get_or_insert(Cause::StreamError);
    }
    note_end_of_inspection(app, session.as_deref_mut(), unread, &mut out);
    out
}

fn has_wrong_checksum(packet: &Packet<'_>) -> bool {
    [Checksummed::TcpV4, Checksummed::TcpV6].iter().any(|of| packet.has_right_checksum(*of) == Some(false))
}

/// How a session begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening {
    Syn,
    MidstreamSynAck,
    MidstreamData,
    MidstreamFin,
}

/// Decides whether a packet without a session starts one; applies the midstream policy. `None`: it starts none, and there
/// is nothing wrong with it.
fn opens(
    config: &StreamConfig,
    segment: &Segment<'_>,
    session: &mut Option<Box<Session>>,
    app: &mut Option<Box<AppLayer>>,
    events: &mut EventSet,
    out: &mut Outcome,
) -> Option<Result<Opening, Invalid>> {
    if segment.has(tcp_flag::RST) {
        push_event(events, "rst_but_no_session");
        return Some(Err(Invalid));
    }
    let mut midstream =
        || apply_policy(config.midstream_policy, Cause::StreamException, out, session.as_deref_mut(), app);
    if segment.has(tcp_flag::FIN) {
        midstream();
        if !config.picks_up_midstream() || segment.payload.is_empty() {
            push_event(events, "fin_but_no_session");
            return Some(Err(Invalid));
        }
        Some(Ok(Opening::MidstreamFin))
    } else if segment.is_syn_ack() {
        midstream();
        let wanted = (config.midstream || config.async_oneside) && config.midstream_policy_allows_pickup();
        wanted.then_some(Ok(Opening::MidstreamSynAck))
    } else if segment.has(tcp_flag::SYN) {
        Some(Ok(Opening::Syn))
    } else if segment.has(tcp_flag::ACK) {
        midstream();
        config.picks_up_midstream().then_some(Ok(Opening::MidstreamData))
    } else {
        None
    }
}

fn note_flags(session: &mut Session, segment: &Segment<'_>) {
    session.half_mut(segment.direction).flags_seen |= segment.flags;
    if session.halves.iter().all(|half| half.flags_seen != 0) {
        session.asynchronous = false;
    }
}

/// The parser has seen enough, or asks for another protocol: Suricata flushes inspection of both directions with two pseudo
/// packets before it goes on with this one. `unread`: payload was not inspected before this packet.
fn note_end_of_inspection(
    app: &mut Option<Box<AppLayer>>,
    session: Option<&mut Session>,
    unread: bool,
    out: &mut Outcome,
) {
    let Some(layer) = app else { return };
    let ends = layer.no_inspection() && !unread && !out.no_payload_inspection;
    if ends {
        out.flow_no_payload_inspection = true;
        if let Some(session) = session {
            session.payload_unread = true;
        }
    }
    if ends || layer.protocol_change().is_some() {
        out.flush = true;
        end_parsers(app);
    }
}

impl Step<'_> {
    /// A packet of a connection that is under way.
    fn work(&mut self) -> Accepted {
        let accepted = if self.is_shortcut() { Ok(()) } else { self.dispatch(self.session.state) };
        if accepted.is_ok() {
            self.check_after_reset();
            self.out.established = self.session.state >= TcpState::Established;
        }
        accepted
    }

    /// After a reset that need not have been genuine, its victim goes on talking.
    fn check_after_reset(&mut self) {
        if self.segment.has(tcp_flag::RST) {
            return;
        }
        if self.receiver().reset_received {
            self.receiver().reset_received = false;
            self.session.closed_by_reset = false;
            self.event("suspected_rst_inject");
        }
    }
}

/// Ends a direction of a flow that has timed out: what Suricata's pseudo packet does before it is inspected.
///
/// `ports` as in [`process`]. See [`super::pseudo_packets`] for whether there is one.
pub fn close_at_timeout(
    config: &StreamConfig,
    session: &mut Session,
    app: &mut Option<Box<AppLayer>>,
    flow: FlowView,
    events: &mut EventSet,
) -> Outcome {
    let mut out = Outcome { established: true, ..Outcome::default() };
    let unread = session.payload_unread;
    let tcp = TcpHeader::default();
    if !session.half(flow.direction).held.has_seen_data()
        && let Some(app) = app.as_deref_mut()
    {
        app.end_of_stream(flow.direction);
    }
    if flow.condemned {
        session.disable_app_layer();
        end_parsers(app);
        return out;
    }
    let segment = Segment {
        direction: flow.direction,
        seq: session.half(flow.direction).next_seq,
        ack: Seq(0),
        flags: 0,
        window: 10,
        payload: &[],
        tcp: &tcp,
        time_s: 0,
        to: None,
        end_of_flow: true,
    };
    if session.state != TcpState::None {
        let mut step =
            Step { config, session, segment, app, key: flow.key, app_config: flow.app, events, out: &mut out };
        step.reassemble(flow.direction);
    }
    note_end_of_inspection(app, Some(session), unread, &mut out);
    out
}

impl Outcome {
    /// A parser was called on behalf of the packet's own direction or the other one.
    pub(crate) fn note_app_update(&mut self, update: AppUpdate) {
        self.app_update = Some(update);
    }
}
