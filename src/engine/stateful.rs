//! The stateful engine: flow, stream, application layer and rules, packet by packet.

use super::{Fate, alert};
use crate::app::{AppLayer, FlowKeyView};
use crate::defrag::{self, Defrag};
use crate::detect::{Memory, Origin, PacketOutcome, PacketState, Program, Scratch, Tracer, inspect};
use crate::flow::{Flow, FlowAction, FlowState, PerDirection, Table};
use crate::packet::{DecodeConfig, Decoded, Event, EventSet, Packet, Transport, decode_datagram};
use crate::stream::{self, AppUpdate, FlowFate, FlowView, StreamUse, TcpState};
use crate::verdict::{Alert, AlertFlow, Cause, Direction, FlowRecord, RuleAction, RuleId, Sink, Verdict};

#[derive(Debug)]
pub(super) struct Stateful<'p> {
    program: &'p Program,
    flows: Table,
    defrag: Defrag,
    scratch: Scratch,
    memory: Memory,
    frame_no: u64,
    /// Capture time of the frame at hand, nanoseconds.
    now_ns: i64,
    wrong_checksums: u64,
    /// Alerts and ended flows of the frame at hand, until its decision is known.
    alerts: Vec<Alert>,
    ended: Vec<FlowRecord>,
}

impl<'p> Stateful<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        let profile = program.profile();
        Self {
            program,
            flows: Table::new(profile.timeouts),
            defrag: Defrag::new(profile.defrag.clone()),
            scratch: Scratch::default(),
            memory: Memory::new(profile.memory),
            frame_no: 0,
            now_ns: 0,
            wrong_checksums: 0,
            alerts: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// A frame is at hand.
    pub(super) fn begin(&mut self, frame_no: u64, now_ns: i64) {
        self.frame_no = frame_no;
        self.now_ns = now_ns;
        self.flows.begin_frame(frame_no);
        self.defrag.begin_frame(frame_no);
    }

    /// The frame at hand is judged, or none of this engine's business: its time has passed for all flows.
    #[inline]
    pub(super) fn pass_time(&mut self, sink: &mut dyn Sink, tracer: &mut impl Tracer) {
        for place in self.flows.over_at(self.now_ns) {
            if let Some(flow) = self.flows.take(place) {
                self.end(flow, tracer);
                self.flush(sink);
            }
        }
    }

    /// Takes in what another remembers, of which this one must know nothing.
    pub(super) fn absorb(&mut self, other: Self) {
        self.flows.absorb(other.flows);
        self.defrag.absorb(other.defrag);
        self.wrong_checksums += other.wrong_checksums;
    }

    /// How many fragments are kept.
    pub(super) fn fragments(&self) -> defrag::Load {
        self.defrag.load()
    }

    /// TCP packets left alone because of a wrong checksum, so far.
    pub(super) fn wrong_checksums(&self) -> u64 {
        self.wrong_checksums
    }

    pub(super) fn live_flows(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn flush(&mut self, sink: &mut dyn Sink) {
        for alert in self.alerts.drain(..) {
            sink.alert(&alert);
        }
        for flow in self.ended.drain(..) {
            sink.flow(&flow);
        }
    }

    pub(super) fn finish(&mut self, sink: &mut dyn Sink, tracer: &mut impl Tracer) {
        self.flush(sink);
        for flow in self.flows.drain() {
            self.end(flow, tracer);
            self.flush(sink);
        }
    }

    /// All packets of a frame: those of its tunnels, then its own. A packet without a flow is not looked at any more once
    /// one of them was dropped.
    pub(super) fn frame(&mut self, decoded: &mut Decoded<'_>, config: &DecodeConfig, tracer: &mut impl Tracer) -> Fate {
        let mut fate = Fate::UNDECIDED;
        self.decoded(decoded, config, &mut fate, tracer);
        fate
    }

    fn decoded<T: Tracer>(
        &mut self,
        decoded: &mut Decoded<'_>,
        config: &DecodeConfig,
        fate: &mut Fate,
        tracer: &mut T,
    ) {
        for packet in &mut decoded.inner {
            self.packet_and_datagram(packet, config, fate, tracer);
        }
        self.packet_and_datagram(&mut decoded.packet, config, fate, tracer);
    }

    /// The datagram that a packet completes if it is a fragment, then the packet.
    fn packet_and_datagram<T: Tracer>(
        &mut self,
        packet: &mut Packet<'_>,
        config: &DecodeConfig,
        fate: &mut Fate,
        tracer: &mut T,
    ) {
        if let Some(datagram) = self.defrag.insert(packet) {
            self.decoded(&mut decode_datagram(packet, &datagram, config), config, fate, tracer);
            self.defrag.recycle(datagram);
        }
        let dropped = fate.verdict != Verdict::Pass;
        *fate = fate.and(self.packet(packet, dropped, tracer));
    }

    fn packet(&mut self, packet: &mut Packet<'_>, outer_dropped: bool, tracer: &mut impl Tracer) -> Fate {
        let place = if packet.wants_flow { self.find_flow(packet, tracer) } else { None };
        match place {
            Some(place) => {
                let fate = self.packet_of_flow(packet, place, outer_dropped, tracer);
                self.flows.settle(place);
                if let Some(flow) = self.flows.get(place) {
                    tracer.judged(packet, flow);
                }
                fate
            }
            None if outer_dropped => Fate::UNDECIDED,
            None => {
                let state = PacketState::without_flow(packet);
                let outcome = inspect(self.program, tracer, &mut self.scratch, &mut self.memory, packet, None, state);
                self.report(packet, None, &outcome, None);
                fate_of(&outcome, None, None)
            }
        }
    }

    fn find_flow(&mut self, packet: &Packet<'_>, tracer: &mut impl Tracer) -> Option<u32> {
        let config = &self.program.profile().stream;
        let lookup = self.flows.find(packet, |flow| {
            let Some(tcp) = packet.tcp() else { return false };
            let direction = flow.direction(packet);
            match flow.tcp_outline() {
                Some(before) => stream::is_reuse(config, before, tcp, direction),
                None => stream::is_reuse_without_session(config, tcp, direction),
            }
        });
        if let Some(ended) = lookup.ended {
            self.end(*ended, tracer);
        }
        lookup.place
    }

    fn packet_of_flow<T: Tracer>(
        &mut self,
        packet: &mut Packet<'_>,
        place: u32,
        outer_dropped: bool,
        tracer: &mut T,
    ) -> Fate {
        let program = self.program;
        let timeouts = *self.flows.timeouts();
        let Some(flow) = self.flows.get_mut(place) else {
            return Fate::UNDECIDED;
        };
        let (mut direction, first) = count(flow, packet);
        if flow.state == FlowState::Bypassed {
            return Fate { verdict: Verdict::Pass, cause: Cause::NoRule, drop_rule: None, flow: Some(flow.id) };
        }
        let mut established = is_established(flow, &timeouts);
        let mut payload_unread =
            packet.carries_tunnel || flow.session.as_deref().is_some_and(stream::Session::is_payload_unread);
        let mut has_stream = false;
        let detection_ended = flow.detection_ended.get(direction);
        flow.detection_ended.set(direction, false);
        if flow.action.is_drop() {
            let cause = Cause::FlowDropped(match flow.action {
                FlowAction::Drop(rule) => Some(rule),
                _ => None,
            });
            note_drop(flow, self.frame_no, None, Verdict::Drop);
            if !T::HEARS {
                flow.condense();
            }
            return Fate { verdict: Verdict::Drop, cause, drop_rule: None, flow: Some(flow.id) };
        }
        let mut uninspected = matches!(flow.action, FlowAction::Pass(_) | FlowAction::ExceptionPass);
        let passed_before = flow.action;
        let mut streamed = None;
        let mut app_moved = false;
        let mut datagram_ends_detection = false;
        match &packet.transport {
            Transport::Tcp(_) => {
                let outcome = run_stream(program, flow, packet, direction);
                self.wrong_checksums += u64::from(outcome.wrong_checksum);
                if outcome.swapped {
                    flow.reverse();
                    direction = direction.opposite();
                }
                established |= outcome.established_by_data;
                if let Some(state) = outcome.flow_state {
                    let state = match state {
                        stream::FlowState::Established => FlowState::Established,
                        stream::FlowState::Closed => FlowState::Closed,
                    };
                    flow.set_state(state, &timeouts);
                }
                match outcome.app_update {
                    Some(AppUpdate::Packet) => flow.app_updated.set(direction, true),
                    Some(AppUpdate::Opposing) => flow.app_updated.set(direction.opposite(), true),
                    None => {}
                }
                packet.events.extend(outcome.app_events.iter().copied());
                app_moved = outcome.app_update.is_some() || flow.app_updated.get(direction);
                uninspected |= outcome.no_packet_inspection;
                payload_unread |= outcome.no_payload_inspection;
                has_stream = outcome.established
                    && flow
                        .session
                        .as_deref()
                        .is_some_and(|session| session.has_raw_data(direction, packet.payload, outcome.stream_added));
                if let Some(fate) = outcome.flow_fate
                    && flow.action == FlowAction::None
                {
                    flow.action = match fate {
                        FlowFate::Drop => FlowAction::Exception { reject: outcome.reject },
                        FlowFate::Pass => FlowAction::ExceptionPass,
                        FlowFate::Bypass => {
                            flow.set_state(FlowState::Bypassed, &timeouts);
                            FlowAction::ExceptionPass
                        }
                    };
                }
                streamed = Some(outcome);
            }
            Transport::Udp(_) if !outer_dropped => {
                if let Some(key) = key_view(flow) {
                    let app = flow.app.get_or_insert_with(|| Box::new(AppLayer::new(program.profile().app)));
                    let datagram = app.udp(key, direction, packet.payload);
                    if datagram.reversed {
                        flow.reverse();
                        direction = direction.opposite();
                    }
                    if datagram.mismatch {
                        packet.events.push(Event("applayer_mismatch_protocol_both_directions"));
                    }
                    app_moved = true;
                    datagram_ends_detection = datagram.detection_done;
                }
            }
            _ => {}
        }
        // where the first copy of overlapping data differs, it takes the place of the packet's own
        let rewritten = streamed.as_mut().and_then(|outcome| outcome.rewritten.take());
        let with_first_copy;
        let packet: &Packet<'_> = match &rewritten {
            Some(payload) => {
                with_first_copy = Packet { payload, ..packet.clone() };
                &with_first_copy
            }
            None => packet,
        };
        let stream_drop = streamed.as_ref().and_then(|outcome| outcome.drop);
        let stream_reject = streamed.as_ref().is_some_and(|outcome| outcome.reject);
        let mut state = PacketState {
            direction: Some(direction),
            first,
            established,
            stream_established: streamed.as_ref().is_some_and(|outcome| outcome.established),
            detection_ended,
            origin: Origin::Wire,
            has_payload: (!packet.payload.is_empty() && !payload_unread) || has_stream,
            payload_unread,
            in_stream: streamed.as_ref().is_some_and(|outcome| outcome.stream_added),
            has_stream,
            app_moved,
        };
        if let Some(outcome) = &streamed {
            for side in [Direction::ToServer, Direction::ToClient] {
                if outcome.detection_ended.get(side.index()) == Some(&true) {
                    if side == direction {
                        state.detection_ended = true;
                    }
                    flow.detection_ended.set(side, true);
                }
            }
        }
        if datagram_ends_detection {
            state.detection_ended = true;
            // a datagram settles one direction, yet the next packet of either hears of it
            for side in [Direction::ToServer, Direction::ToClient] {
                flow.detection_ended.set(side, true);
            }
        }
        let mut rules = PacketOutcome::default();
        let mut flushed = Vec::new();
        if streamed.as_ref().is_some_and(|outcome| outcome.flush) && !uninspected {
            // the parser has announced its end: what both directions still hold is inspected at once
            for side in [direction, direction.opposite()] {
                if !flow.action.is_drop() {
                    flushed.push(inspect_made_up(
                        program,
                        tracer,
                        &mut self.scratch,
                        &mut self.memory,
                        flow,
                        MadeUp { direction: side, origin: Origin::Flush, detection_ended: false, time_ns: self.now_ns },
                    ));
                }
            }
        }
        if uninspected {
            if let Some(app) = flow.app.as_deref_mut() {
                app.mark_inspected(direction);
            }
        } else if !flow.action.is_drop() {
            if !flow.ip_only_done.get(direction) && packet.proto == flow.proto {
                let server_port = match (direction, packet.ports()) {
                    (Direction::ToServer, Some((_, port))) | (Direction::ToClient, Some((port, _))) => port,
                    (_, None) => 0,
                };
                let stream_use = program.stream_use(direction, server_port);
                flow.stream_use.set(direction, stream_use);
                if stream_use == StreamUse::None
                    && let Some(session) = flow.session.as_deref_mut()
                {
                    session.disable_raw(direction);
                }
            }
            rules = inspect(program, tracer, &mut self.scratch, &mut self.memory, packet, Some(flow), state);
            if state.has_stream
                && let (Some(session), Some(tcp)) = (flow.session.as_deref_mut(), packet.tcp())
            {
                let searched = (flow.stream_use.get(direction) == StreamUse::Searched && !payload_unread).then(|| {
                    let config = &program.profile().stream;
                    session.raw_chunk(config, direction, config.first_byte(tcp), packet.payload).progress
                });
                session.after_detection(direction, searched);
            }
        }
        if let Some(session) = flow.session.as_deref_mut() {
            if matches!(flow.action, FlowAction::Pass(_) | FlowAction::ExceptionPass) {
                session.stop_keeping_bytes();
            }
            session.prune(&program.profile().stream, direction);
        }
        if app_moved {
            if let Some(app) = flow.app.as_deref_mut() {
                app.free_finished(direction);
            }
            flow.app_updated.set(direction, false);
        }
        if flow.action.is_drop() {
            flow.app_updated = PerDirection::default();
        }
        let fate = {
            let flow_id = flow.id;
            let mut fate = fate_of(&rules, Some(flow), stream_drop.map(|cause| (cause, stream_reject)));
            fate.flow = Some(flow_id);
            // A rule that condemns the flow on one of them takes this packet along only if the protocol is to change.
            let changing = flow.app.as_deref().is_some_and(|app| app.protocol_change().is_some());
            if fate.verdict == Verdict::Pass
                && changing
                && !flushed.is_empty()
                && let FlowAction::Drop(rule) = flow.action
            {
                fate.verdict = Verdict::Drop;
                fate.cause = Cause::FlowDropped(Some(rule));
            }
            if fate.verdict == Verdict::Pass && uninspected {
                fate.cause = match passed_before {
                    FlowAction::Pass(rule) => Cause::FlowPassed(rule),
                    _ => Cause::NoRule,
                };
            }
            if fate.verdict != Verdict::Pass {
                note_drop(flow, self.frame_no, fate.drop_rule, fate.verdict);
            }
            fate
        };
        let alerts = !rules.alerts.is_empty() || flushed.iter().any(|(.., outcome)| !outcome.alerts.is_empty());
        let known = if alerts { self.flows.get(place).map(known) } else { None };
        for (packet, side, outcome) in &flushed {
            self.report(packet, Some(*side), outcome, known);
        }
        self.report(packet, Some(direction), &rules, known);
        fate
    }

    fn report(
        &mut self,
        packet: &Packet<'_>,
        direction: Option<Direction>,
        outcome: &PacketOutcome,
        flow: Option<AlertFlow>,
    ) {
        for &rule in &outcome.alerts {
            self.alerts.push(alert(self.frame_no, rule, packet, direction, flow));
        }
    }

    /// A flow is over: what its end would still bring to light, then its record.
    fn end(&mut self, mut flow: Flow, tracer: &mut impl Tracer) {
        if !flow.action.is_drop() {
            self.end_of_flow_packets(&mut flow, tracer);
        }
        tracer.ended(&flow);
        self.ended.push(record(&flow));
    }

    /// TCP: the packets that Suricata makes up at the end of a flow, so that rules see what has not been looked at yet.
    /// Their actions have no frame; their alerts carry number 0. Those that they bring about in turn, because a parser ends
    /// on them, carry the number of the frame at hand.
    fn end_of_flow_packets(&mut self, flow: &mut Flow, tracer: &mut impl Tracer) {
        let Some(session) = flow.session.as_deref() else { return };
        let unfinished = [Direction::ToServer, Direction::ToClient]
            .map(|direction| flow.app.as_deref().is_some_and(|app| app.has_unfinished(direction)));
        let needed = stream::pseudo_packets(session, unfinished);
        let program = self.program;
        // both packets are made before either is looked at: a pass on the first does not spare the second
        if matches!(flow.action, FlowAction::Pass(_) | FlowAction::ExceptionPass) {
            return;
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            if needed.get(direction.index()) != Some(&true) {
                continue;
            }
            if flow.action.is_drop() {
                break;
            }
            let Some(key) = key_view(flow) else { return };
            let view = FlowView { direction, key, app: program.profile().app, condemned: false };
            let Some(session) = flow.session.as_deref_mut() else { return };
            let mut events = EventSet::new();
            let closed = stream::close_at_timeout(&program.profile().stream, session, &mut flow.app, view, &mut events);
            if closed.flush {
                for side in [direction, direction.opposite()] {
                    if !flow.action.is_drop() {
                        let (packet, _, outcome) = inspect_made_up(
                            program,
                            tracer,
                            &mut self.scratch,
                            &mut self.memory,
                            flow,
                            MadeUp {
                                direction: side,
                                origin: Origin::Flush,
                                detection_ended: false,
                                time_ns: self.now_ns,
                            },
                        );
                        self.report(&packet, Some(side), &outcome, Some(known(flow)));
                    }
                }
                if flow.action.is_drop() {
                    break;
                }
            }
            let ended = closed.detection_ended.get(direction.index()) == Some(&true);
            let (packet, _, outcome) = inspect_made_up(
                program,
                tracer,
                &mut self.scratch,
                &mut self.memory,
                flow,
                MadeUp { direction, origin: Origin::EndOfFlow, detection_ended: ended, time_ns: self.now_ns },
            );
            for &rule in &outcome.alerts {
                self.alerts.push(alert(0, rule, &packet, Some(direction), Some(known(flow))));
            }
        }
    }
}

/// Counts a packet for its flow; finds its direction, and whether it is the first one in it.
fn count(flow: &mut Flow, packet: &Packet<'_>) -> (Direction, bool) {
    let direction = flow.direction(packet);
    flow.last_ns = flow.last_ns.max(packet.time_ns);
    if let (Some(packets), Some(bytes)) =
        (flow.packets.get_mut(direction.index()), flow.bytes.get_mut(direction.index()))
    {
        *packets = packets.saturating_add(1);
        *bytes += u64::from(packet.len);
    }
    let first = !flow.seen.get(direction) && !crate::flow::is_icmp_error(packet);
    if first {
        flow.seen.set(direction, true);
    }
    (direction, first)
}

/// Whether the flow was established before this packet; for protocols without a state of their own, the first packet of
/// the other side establishes it.
fn is_established(flow: &mut Flow, timeouts: &crate::flow::Timeouts) -> bool {
    if flow.state == FlowState::Established {
        return true;
    }
    if flow.proto == 6 {
        return flow.session.as_deref().is_some_and(|session| session.state() >= TcpState::Established);
    }
    if flow.seen_both_ways() {
        flow.set_state(FlowState::Established, timeouts);
        return true;
    }
    false
}

fn key_view(flow: &Flow) -> Option<FlowKeyView> {
    matches!(flow.proto, 6 | 17).then_some(FlowKeyView {
        ip_proto: flow.proto,
        client_port: flow.src_port,
        server_port: flow.dst_port,
    })
}

fn run_stream(program: &Program, flow: &mut Flow, packet: &mut Packet<'_>, direction: Direction) -> stream::Outcome {
    let key = FlowKeyView { ip_proto: 6, client_port: flow.src_port, server_port: flow.dst_port };
    let view = FlowView { direction, key, app: program.profile().app, condemned: false };
    stream::process(&program.profile().stream, &mut flow.session, &mut flow.app, packet, view)
}

/// What happens to a packet: what the stream engine said, then what rules said.
fn fate_of(rules: &PacketOutcome, flow: Option<&Flow>, stream: Option<(Cause, bool)>) -> Fate {
    let flow_id = flow.map(|flow| flow.id);
    let by_rules =
        rules.action.map(|action| if action == RuleAction::Reject { Verdict::Reject } else { Verdict::Drop });
    match (stream, by_rules) {
        (Some((cause, reject)), by_rules) => {
            let verdict = if reject { Verdict::Reject } else { Verdict::Drop };
            Fate {
                verdict: by_rules.map_or(verdict, |other| verdict.max(other)),
                cause,
                drop_rule: by_rules.and(rules.first_drop),
                flow: flow_id,
            }
        }
        (None, Some(verdict)) => Fate {
            verdict,
            cause: rules.decided_by.map_or(Cause::NoRule, Cause::Rule),
            drop_rule: rules.first_drop,
            flow: flow_id,
        },
        (None, None) => Fate {
            verdict: Verdict::Pass,
            cause: rules.passed_by.map_or(Cause::NoRule, Cause::Rule),
            drop_rule: None,
            flow: flow_id,
        },
    }
}

fn note_drop(flow: &mut Flow, frame_no: u64, rule: Option<RuleId>, verdict: Verdict) {
    if flow.first_drop.is_none() {
        flow.first_drop = Some((frame_no, rule));
        flow.rejected = verdict == Verdict::Reject;
    }
}

/// A packet that does not exist.
#[derive(Clone, Copy)]
struct MadeUp {
    direction: Direction,
    origin: Origin,
    detection_ended: bool,
    time_ns: i64,
}

/// Lets rules look at what a direction of a flow still holds, by a packet that does not exist.
fn inspect_made_up<'a, T: Tracer>(
    program: &Program,
    tracer: &mut T,
    scratch: &mut Scratch,
    memory: &mut Memory,
    flow: &mut Flow,
    made_up: MadeUp,
) -> (Packet<'a>, Direction, PacketOutcome) {
    let MadeUp { direction, origin, detection_ended, time_ns } = made_up;
    let (client, server) = ((flow.src, flow.src_port), (flow.dst, flow.dst_port));
    let from_first = (direction == Direction::ToServer) != flow.reversed;
    let (src, dst) = if from_first { (client, server) } else { (server, client) };
    let numbers = flow.session.as_deref().map_or((0, 0), |session| session.next_numbers(direction));
    let packet = Packet::end_of_flow(src, dst, numbers, time_ns);
    let state = PacketState {
        direction: Some(direction),
        first: false,
        established: true,
        stream_established: true,
        detection_ended,
        origin,
        has_payload: false,
        payload_unread: false,
        in_stream: false,
        has_stream: false,
        app_moved: true,
    };
    let outcome = if origin == Origin::Flush && program.looks_into_headers() {
        let bytes = packet.made_up_headers();
        let segment = bytes.get(usize::from(packet.ip.map_or(0, |ip| ip.header_len))..).unwrap_or(&[]);
        let with_headers = Packet { datagram: &bytes, segment, ..packet.clone() };
        inspect(program, tracer, scratch, memory, &with_headers, Some(flow), state)
    } else {
        inspect(program, tracer, scratch, memory, &packet, Some(flow), state)
    };
    (packet, direction, outcome)
}

/// What is known of a flow so far.
fn known(flow: &Flow) -> AlertFlow {
    let app = flow.app.as_deref();
    AlertFlow {
        id: flow.id,
        app_proto: app.and_then(|app| app.proto.name()),
        has_sni: app.is_some_and(|app| app.sni().is_some()),
        n_hosts: app.map_or(0, |app| app.hosts().len()),
    }
}

fn record(flow: &Flow) -> FlowRecord {
    let has_ports = matches!(flow.proto, 6 | 17 | 132);
    let [to_server, to_client] = flow.packets;
    let [bytes_to_server, bytes_to_client] = flow.bytes;
    let condemned = flow.action.is_drop();
    // who sent the first packet need not be the client
    let mut ends = [(flow.src, flow.src_port), (flow.dst, flow.dst_port)];
    if flow.reversed {
        ends.reverse();
    }
    let [src, dst] = ends.map(|(address, port)| (address, has_ports.then_some(port)));
    FlowRecord {
        id: flow.id,
        start_ns: flow.start_ns,
        end_ns: flow.last_ns,
        proto: flow.proto,
        src,
        dst,
        app_proto: flow.app_proto().name(),
        sni: flow.sni().map(str::to_owned),
        http_hosts: flow.hosts(),
        state: match flow.state {
            FlowState::New => "new",
            FlowState::Established => "established",
            FlowState::Closed => "closed",
            FlowState::Bypassed => "bypassed",
        },
        tcp_state: flow.tcp_outline().map(|outline| outline.state.name()),
        verdict: match (condemned, flow.rejected) {
            (false, _) => Verdict::Pass,
            (true, false) => Verdict::Drop,
            (true, true) => Verdict::Reject,
        },
        flow_action: match flow.action {
            FlowAction::None => None,
            FlowAction::Pass(_) | FlowAction::ExceptionPass => Some(RuleAction::Pass),
            FlowAction::Drop(_) | FlowAction::Exception { .. } => Some(RuleAction::Drop),
        },
        first_drop: flow.first_drop,
        packets_to_server: u64::from(to_server),
        packets_to_client: u64::from(to_client),
        bytes_to_server,
        bytes_to_client,
    }
}
