//! Rules over one packet: addresses, packet, transactions; then what the matches do.
//!
//! On the plain path every rule of the direction is looked at, on the fast path those that `index` finds; what is then
//! done with a rule is the same. Source of the order of work: measured on Suricata 7.0.10 (which rules run when, what is
//! kept between packets, how actions reach the flow).

use super::Program;
use super::content::{BufferTest, ContentTest, Values, Window, find};
use super::index::{RulePath, Searching, in_order, waits, waits_for};
use super::memory::{Memory, Weight};
use super::places::{BufferName, TxView};
use super::session::SessionTest;
use super::signature::{Engine, Look, PacketFacts, Payload, Signature, SignatureKind};
use super::trace::{Miss, Tracer};
use super::transform::Transforms;
use crate::app::{self, AppLayer, AppProto, Tx, completion};
use crate::flow::{Flow, FlowAction};
use crate::packet::Packet;
use crate::rules::keyword::FlowStream;
use crate::stream::Session;
use crate::verdict::{Direction, RuleAction, RuleId};
use smallvec::SmallVec;

const TCP: u8 = 6;

/// What is known of a packet when rules look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketState {
    /// Direction in the flow; `None` without a flow.
    pub(crate) direction: Option<Direction>,
    /// It is the first packet of its direction. Suricata: `FLOW_PKT_TOSERVER_FIRST`, `FLOW_PKT_TOCLIENT_FIRST`.
    pub(crate) first: bool,
    /// The flow was established before this packet.
    pub(crate) established: bool,
    /// TCP: the stream engine takes the session for established. Suricata: `PKT_STREAM_EST`.
    pub(crate) stream_established: bool,
    /// Protocol detection of the direction has ended and no packet of it has been looked at since.
    pub(crate) detection_ended: bool,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// It has payload that rules may look at. Suricata: `SIG_MASK_REQUIRE_PAYLOAD`.
    pub(crate) has_payload: bool,
    /// Its payload is not to be looked at. Suricata: `PKT_NOPAYLOAD_INSPECTION`.
    pub(crate) payload_unread: bool,
    /// Its payload became part of the stream. Suricata: `PKT_STREAM_ADD`.
    pub(crate) in_stream: bool,
    /// The stream around it is looked at. Suricata: `PKT_DETECT_HAS_STREAMDATA`.
    pub(crate) has_stream: bool,
    /// The parser has moved in this direction, or in some direction because of this packet.
    pub(crate) app_moved: bool,
}

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The wire.
    #[default]
    Wire,
    /// Made up so that rules see what a parser has found before the flow changes. Suricata: `PKT_PSEUDO_DETECTLOG_FLUSH`.
    Flush,
    /// Made up for the end of the flow. Suricata: `PKT_PSEUDO_STREAM_END`.
    EndOfFlow,
}

impl PacketState {
    /// A packet that belongs to no flow.
    pub(crate) fn without_flow(packet: &Packet<'_>) -> Self {
        Self {
            direction: None,
            first: false,
            established: false,
            stream_established: false,
            detection_ended: false,
            origin: Origin::Wire,
            has_payload: !packet.payload.is_empty() && !packet.carries_tunnel,
            payload_unread: packet.carries_tunnel,
            in_stream: false,
            has_stream: false,
            app_moved: false,
        }
    }
}

/// What the rules made of a packet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The rule whose drop or reject took effect first in order of evaluation.
    pub(crate) decided_by: Option<RuleId>,
    /// Drop, or reject if any reject took effect.
    pub(crate) action: Option<RuleAction>,
    /// The rule a drop is put down to, whether or not it took effect: the first drop or reject rule that is reported;
    /// without one, that which matched first.
    pub(crate) first_drop: Option<RuleId>,
    /// The pass rule that ended the walk.
    pub(crate) passed_by: Option<RuleId>,
    /// What is reported, in order.
    pub(crate) alerts: SmallVec<[RuleId; 4]>,
    /// Alerts beyond the limit of one packet.
    pub(crate) alerts_discarded: u32,
}

/// A rule that matched.
#[derive(Clone, Copy, Debug)]
struct Match {
    rule: RuleId,
    /// `None`: no transaction. Sorts behind transactions of the same rule.
    tx: Option<u64>,
    /// Its content was found in the stream.
    in_stream: bool,
}

/// Room for the matches of a packet, used again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    matches: Vec<Match>,
    candidates: Vec<RuleId>,
    /// What transforms make of a buffer.
    transformed: Vec<u8>,
    /// Rules that an index has found.
    found: Vec<RuleId>,
    /// The stream around the packet, once some rule has asked for it.
    stream: Vec<u8>,
    stream_state: StreamState,
    values: Values,
    searching: Searching,
}

/// What is known of the stream around the packet at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StreamState {
    #[default]
    NotAsked,
    /// It is just the payload.
    IsPayload,
    /// It is in [`Scratch::stream`].
    Held,
    /// It is not looked at for this packet.
    None,
}

/// Runs all rules over a packet.
pub(crate) fn inspect<T: Tracer>(
    program: &Program,
    tracer: &mut T,
    scratch: &mut Scratch,
    memory: &mut Memory,
    packet: &Packet<'_>,
    mut flow: Option<&mut Flow>,
    state: PacketState,
) -> Outcome {
    tracer.packet(packet, flow.as_deref(), &state);
    let path = tracer.path();
    let mut run = Run { program, path, packet, state, first_drop: None, scratch, memory, tracer };
    run.scratch.matches.clear();
    run.scratch.stream_state = StreamState::NotAsked;
    run.scratch.values.tries_max = program.profile().tries_max;
    run.ip_only(flow.as_deref_mut());
    run.packet_rules(flow.as_deref_mut());
    if let Some(flow) = flow.as_deref_mut() {
        run.transactions(flow);
    }
    run.finish(flow)
}

struct Run<'r, 'p, T> {
    program: &'r Program,
    path: RulePath,
    packet: &'r Packet<'p>,
    state: PacketState,
    first_drop: Option<RuleId>,
    scratch: &'r mut Scratch,
    memory: &'r mut Memory,
    tracer: &'r mut T,
}

impl<T: Tracer> Run<'_, '_, T> {
    /// Rules run in the direction of the packet; without a flow, those for the server's side.
    fn direction(&self) -> Direction {
        self.state.direction.unwrap_or(Direction::ToServer)
    }

    fn facts<'f>(&self, flow: Option<&'f Flow>) -> PacketFacts<'f> {
        let app = flow.and_then(|flow| flow.app.as_deref());
        PacketFacts {
            direction: self.state.direction,
            established: self.state.established,
            spoken: app.map_or([AppProto::Unknown; 2], |app| [app.proto_to_server, app.proto_to_client]),
            has_flow: flow.is_some(),
            detection_ended: self.state.detection_ended,
            made_up: self.state.origin != Origin::Wire,
            needs_wire: self.program.profile.packet_tests_need_the_wire,
            notes: flow.map(|flow| &flow.notes),
            age_secs: flow.map_or(0, Flow::age_secs),
            stream_sizes: flow.and_then(|flow| flow.session.as_deref()).map(Session::sizes),
        }
    }

    /// IP-only rules: once per flow and direction, on every packet without a flow.
    fn ip_only(&mut self, mut flow: Option<&mut Flow>) {
        if let (Some(flow), Some(direction)) = (flow.as_deref_mut(), self.state.direction) {
            let done = flow.ip_only_done.get(direction);
            flow.ip_only_done.set(direction, true);
            let due = if self.program.profile.ip_only_on_first_packet { self.state.first } else { !done };
            if !due {
                self.all_missed(&self.program.ip_only, Miss::HadItsTurn);
                return;
            }
        }
        if self.packet.ip.is_none() {
            return;
        }
        let program = self.program;
        let mut found = self.take_found();
        let rules = match self.path {
            RulePath::Plain => &program.ip_only,
            RulePath::Fast => {
                program.index.ip_only(self.packet, &mut found);
                &found
            }
        };
        for &id in rules {
            let Some(signature) = program.signature(id) else { continue };
            let misfit = signature.header.misfit(self.packet).map(Miss::Header);
            match misfit.or_else(|| self.failing_packet_test(signature, flow.as_deref())) {
                Some(miss) => self.tracer.missed(id, miss),
                None => self.matched(Match { rule: id, tx: None, in_stream: false }, signature, flow.as_deref_mut()),
            }
        }
        self.scratch.found = found;
    }

    /// Tells a tracer of rules that are not even looked at.
    #[inline]
    fn all_missed(&mut self, rules: &[RuleId], miss: Miss) {
        if T::HEARS {
            for &id in rules {
                self.tracer.missed(id, miss);
            }
        }
    }

    /// Room for what an index finds.
    fn take_found(&mut self) -> Vec<RuleId> {
        let mut found = std::mem::take(&mut self.scratch.found);
        found.clear();
        found
    }

    fn packet_rules(&mut self, mut flow: Option<&mut Flow>) {
        self.scratch.candidates.clear();
        let program = self.program;
        // TCP: the protocol counts once the session is established
        let proto = match flow.as_deref().and_then(|flow| flow.app.as_deref()) {
            Some(app) if self.packet.proto == 17 || self.state.stream_established => app.proto,
            _ => AppProto::Unknown,
        };
        let mut found = self.take_found();
        let rules = if self.packet.proto == 0 && !self.packet.events.is_empty() {
            &program.decoder_event_rules
        } else if self.packet.proto == 0 && self.packet.ip.is_none() {
            &found
        } else if self.path == RulePath::Fast && self.packet.ip.is_some() {
            program.index.packet_rules(self.packet, self.direction(), proto, &mut found);
            self.find_by_payload(flow.as_deref(), &mut found);
            in_order(&mut found);
            &found
        } else {
            program.packet_rules.get(self.direction().index()).unwrap_or(&found)
        };
        if T::HEARS {
            let direction = self.direction();
            for (id, signature) in (0..).map(RuleId).zip(&program.signatures) {
                if signature.kind != SignatureKind::IpOnly && !signature.may_run(direction) {
                    self.tracer.missed(id, Miss::OtherDirection);
                }
            }
        }
        let tcp_flags = self.packet.tcp().filter(|_| self.state.origin == Origin::Wire).map(|tcp| tcp.flags);
        for &id in rules {
            let Some(signature) = program.signature(id) else { continue };
            let kept_out = if signature.needs_flow && flow.is_none() {
                Some(Miss::NoFlow)
            } else if !self.is_in_place(signature) {
                Some(Miss::OtherDirection)
            } else {
                let misfit = signature.flags_misfit(tcp_flags);
                misfit.or_else(|| signature.payload_misfit(self.state.has_payload)).or_else(|| {
                    signature.app_proto.is_some_and(|test| !test.fits(proto)).then_some(Miss::AppProtocol(proto))
                })
            };
            if let Some(miss) = kept_out {
                self.tracer.missed(id, miss);
                continue;
            }
            if !signature.engines.is_empty() {
                // a rule without a pattern to wait for becomes a candidate for this packet's transactions
                if !waits(signature) {
                    match self.uninvited(&signature.payload, flow.as_deref()) {
                        None => self.scratch.candidates.push(id),
                        Some(miss) => self.tracer.missed(id, miss),
                    }
                }
                continue;
            }
            if self.state.origin == Origin::EndOfFlow && signature.kind == SignatureKind::Packet {
                self.tracer.missed(id, Miss::MadeUp);
                continue;
            }
            match self.packet_rule_holds(signature, flow.as_deref()) {
                Ok(in_stream) => {
                    let app = flow.as_deref().and_then(|flow| flow.app.as_deref());
                    let tx = app.map(|app| app.inspect_id(self.direction()));
                    self.matched(Match { rule: id, tx, in_stream }, signature, flow.as_deref_mut());
                }
                Err(miss) => self.tracer.missed(id, miss),
            }
        }
        self.scratch.found = found;
    }

    /// Adds the rules that an index knows by contents of the payload or stream.
    fn find_by_payload(&mut self, flow: Option<&Flow>, found: &mut Vec<RuleId>) {
        if !self.state.has_payload || self.state.payload_unread {
            return;
        }
        let (program, direction) = (self.program, self.direction());
        if self.state.has_stream && program.index.reads_stream(direction) {
            self.ask_for_stream(flow);
        }
        let Scratch { stream, stream_state, searching, .. } = &mut *self.scratch;
        let stream = match stream_state {
            StreamState::Held => Some(stream.as_slice()),
            StreamState::IsPayload => Some(self.packet.payload),
            StreamState::NotAsked | StreamState::None => None,
        };
        program.index.payload(self.packet, direction, stream, self.state.in_stream, searching, found);
    }

    /// The rule is one of this direction, or has strayed into it together with one that is.
    fn is_in_place(&self, signature: &Signature) -> bool {
        let direction = self.direction();
        signature.waits_for_header.is_none_or(|header| {
            let mut own = self.program.header_rules.get(direction.index()).into_iter().flatten();
            signature.runs(direction)
                || own.any(|&id| {
                    self.program.signature(id).is_some_and(|other| {
                        other.waits_for_header == Some(header) && other.header.is_grouped_with(self.packet, direction)
                    })
                })
        })
    }

    fn failing_packet_test(&mut self, signature: &Signature, flow: Option<&Flow>) -> Option<Miss> {
        let facts = self.facts(flow);
        signature.failing_packet_test(self.packet, &facts, self.memory).map(|at| Miss::Packet(at as u16))
    }

    /// Whether all of a rule that looks into no transaction holds, and whether its content was found in the stream.
    fn packet_rule_holds(&mut self, signature: &Signature, flow: Option<&Flow>) -> Result<bool, Miss> {
        if signature.lacks_variables(flow) {
            return Err(signature.missed_variables());
        }
        if let Some(part) = signature.header.misfit(self.packet) {
            return Err(Miss::Header(part));
        }
        // a question about a host can change what is remembered, so that its turn is behind the content
        let asks_last = signature.asks_hosts() && !signature.payload.tests.is_empty();
        if !asks_last && let Some(miss) = self.failing_packet_test(signature, flow) {
            return Err(miss);
        }
        let in_stream = match signature.payload.tests.as_slice() {
            [] => false,
            tests => self.payload_holds(&signature.payload, tests, flow)?,
        };
        if asks_last && let Some(miss) = self.failing_packet_test(signature, flow) {
            return Err(miss);
        }
        let holds = match signature.stream_condition {
            Some(FlowStream::OnlyStream) => in_stream,
            Some(FlowStream::NoStream) => !in_stream,
            None => true,
        };
        if holds { Ok(in_stream) } else { Err(Miss::WrongBasis) }
    }

    /// Whether the tests hold in the stream (`true`) or in the payload.
    fn payload_holds(&mut self, payload: &Payload, tests: &[BufferTest], flow: Option<&Flow>) -> Result<bool, Miss> {
        if let Some(miss) = self.uninvited(payload, flow) {
            return Err(miss);
        }
        self.tracer.next_look();
        if payload.in_stream && self.state.has_stream && self.stream_holds(tests, flow) {
            return Ok(true);
        }
        let in_packet = payload.in_packet || !payload.in_stream || !self.state.in_stream;
        if in_packet && self.tracer.matches(tests, Window::whole(self.packet.payload), &mut self.scratch.values) {
            return Ok(false);
        }
        Err(Miss::Payload(self.tracer.came_to().unwrap_or(0)))
    }

    /// What keeps the payload or stream from letting the rule be looked at: what it waits for is not there, or what spoils
    /// it is.
    fn uninvited(&mut self, payload: &Payload, flow: Option<&Flow>) -> Option<Miss> {
        let (invites, miss) = match (&payload.pattern, &payload.spoiler) {
            (None, None) => return None,
            (Some(pattern), _) => {
                (!self.state.payload_unread && self.is_searched_out(pattern, payload, flow), Miss::Pattern)
            }
            (None, Some(_)) if !self.program.profile.negated_pattern_spoils => return None,
            (None, Some(spoiler)) => {
                (self.state.payload_unread || !self.is_searched_out(spoiler, payload, flow), Miss::Spoiler)
            }
        };
        (!invites).then_some(miss)
    }

    /// Whether a pattern is found in what is searched for the patterns of such rules.
    fn is_searched_out(&mut self, pattern: &ContentTest, payload: &Payload, flow: Option<&Flow>) -> bool {
        let is_in = |bytes: &[u8]| find(&pattern.pattern, pattern.nocase, bytes).is_some();
        if payload.in_stream && self.state.has_stream {
            self.ask_for_stream(flow);
            let stream = match self.scratch.stream_state {
                StreamState::Held => &self.scratch.stream,
                _ => self.packet.payload,
            };
            if is_in(stream) {
                return true;
            }
        }
        let in_payload = !payload.in_stream || payload.in_packet || !self.state.in_stream || self.packet.proto != TCP;
        in_payload && is_in(self.packet.payload)
    }

    /// Whether tests hold in the stream around the packet.
    fn stream_holds(&mut self, tests: &[BufferTest], flow: Option<&Flow>) -> bool {
        self.ask_for_stream(flow);
        let Scratch { stream, stream_state, values, .. } = &mut *self.scratch;
        match stream_state {
            StreamState::Held => self.tracer.matches(tests, Window::of_stream(stream), values),
            StreamState::IsPayload => self.tracer.matches(tests, Window::of_stream(self.packet.payload), values),
            StreamState::NotAsked | StreamState::None => false,
        }
    }

    /// Finds out what of the stream is looked at for this packet.
    fn ask_for_stream(&mut self, flow: Option<&Flow>) {
        if self.scratch.stream_state != StreamState::NotAsked {
            return;
        }
        let session = flow.and_then(|flow| flow.session.as_deref());
        let (Some(session), Some(direction), Some(tcp)) = (session, self.state.direction, self.packet.tcp()) else {
            self.scratch.stream_state = StreamState::None;
            return;
        };
        if !self.state.in_stream || self.packet.payload.is_empty() || !session.is_reassembled(direction) {
            self.scratch.stream_state = StreamState::None;
            return;
        }
        let config = &self.program.profile.stream;
        let chunk = session.raw_chunk(config, direction, config.first_byte(tcp), self.packet.payload);
        if std::ptr::eq(chunk.data, self.packet.payload) {
            self.scratch.stream_state = StreamState::IsPayload;
        } else {
            self.scratch.stream.clear();
            self.scratch.stream.extend_from_slice(chunk.data);
            self.scratch.stream_state = StreamState::Held;
        }
    }

    fn transactions(&mut self, flow: &mut Flow) {
        if T::HEARS {
            let rules = self.program.tx_rules.get(self.direction().index()).map_or(&[] as &[RuleId], Vec::as_slice);
            self.all_missed(rules, Miss::NoTransaction);
        }
        if flow.proto != self.packet.proto || flow.app.as_deref().is_none_or(|app| !app.has_state()) {
            return;
        }
        if self.packet.proto == 6 && self.state.origin == Origin::Wire && !self.state.app_moved {
            return;
        }
        let of_wire = self.packet.proto == 6 && self.state.origin == Origin::Wire;
        if of_wire && self.program.profile.patternless_rules_at_place && !self.state.stream_established {
            return;
        }
        let Some(direction) = self.state.direction else { return };
        // the application layer is taken out of the flow while rules look into it and change the flow's bits
        let Some(mut app) = flow.app.take() else { return };
        self.run_transactions(&mut app, direction, flow);
        flow.app = Some(app);
    }

    fn run_transactions(&mut self, app: &mut AppLayer, direction: Direction, flow: &mut Flow) {
        let proto = app.proto;
        let end = completion(proto, direction);
        let spoken = [app.proto_to_server, app.proto_to_client];
        let ssl_state = app.ssl_state_bits();
        let time_s = flow.last_ns / 1_000_000_000;
        let program_waits = self.program.files_wait;
        for tx in app.transactions_mut() {
            let progress = tx.progress(direction);
            let skipped = tx.skip_inspection.get(direction.index()) == Some(&true);
            if skipped || tx.is_inspected(direction) {
                continue;
            }
            if progress < end && !tx.is_updated(direction) && self.state.origin != Origin::EndOfFlow {
                continue;
            }
            if self.state.origin == Origin::Wire {
                tx.set_looked_at(direction);
            }
            let view = TxView {
                proto,
                direction,
                progress,
                has_trailer: tx.has_trailer(direction),
                searched: tx.detect.flags.get(direction.index()).map_or(0, |flags| flags & PREFILTER_MASK),
                files_wait: program_waits && self.state.origin != Origin::EndOfFlow,
                spoken,
                ssl_state,
                time_s,
                config: self.program.profile.app,
            };
            self.run_transaction(tx, view, flow);
            tx.end_looks();
            if progress >= end {
                tx.set_inspected(direction);
            }
        }
    }

    fn run_transaction(&mut self, tx: &mut Tx, view: TxView, flow: &mut Flow) {
        let program = self.program;
        let side = view.direction.index();
        // what a pattern is looked for in counts as seen, whatever is found
        for &(body, place) in program.searched_bodies.get(side).into_iter().flatten() {
            if body.is_searched(place, &view) {
                body.any(tx, &view, |_| false);
            }
        }
        let mut next_candidate = 0;
        let mut found = self.take_found();
        let rules = match self.path {
            RulePath::Plain => program.tx_rules.get(side).unwrap_or(&found),
            RulePath::Fast => {
                program.index.patterns(tx, &view, &mut self.scratch.searching, &mut found);
                found.extend_from_slice(&self.scratch.candidates);
                let under_way = tx.detect.rules.iter().filter(|(_, flags)| flags & STORED_SIDE == side_flag(side));
                found.extend(under_way.map(|(rule, _)| RuleId(*rule)));
                if program.profile.patternless_rules_at_place {
                    let rules = program.patternless_tx_rules.get(side).map_or(&[] as &[RuleId], Vec::as_slice);
                    let due = |id: &&RuleId| program.signature(**id).is_some_and(|rule| is_at_some_place(rule, &view));
                    found.extend(rules.iter().filter(due));
                }
                in_order(&mut found);
                &found
            }
        };
        for &id in rules {
            let Some(signature) = program.signature(id) else { continue };
            let stored = tx
                .detect
                .rules
                .iter()
                .position(|(rule, flags)| *rule == id.0 && flags & STORED_SIDE == side_flag(side));
            let candidate = if waits(signature) {
                let searched = waits_for(signature, view.direction).is_some_and(|engine| engine.is_searched_now(&view));
                searched && signature.app_proto.is_none_or(|test| test.fits(view.proto))
            } else if program.profile.patternless_rules_at_place && signature.waits_at_places() {
                is_at_some_place(signature, &view)
            } else {
                let candidates = &self.scratch.candidates;
                while candidates.get(next_candidate).is_some_and(|rule| *rule < id) {
                    next_candidate += 1;
                }
                candidates.get(next_candidate) == Some(&id)
            };
            if !candidate && stored.is_none() {
                if T::HEARS {
                    self.tracer.missed(id, unsearched(signature, &view));
                }
                continue;
            }
            self.run_rule(id, signature, tx, view, stored, flow);
        }
        self.scratch.found = found;
        if let Some(flags) = tx.detect.flags.get_mut(side) {
            *flags |= (1u64 << view.progress.min(48)) - 1;
        }
    }

    /// What keeps a rule from being looked at for a transaction at all.
    fn kept_from_transaction(&mut self, signature: &Signature, view: &TxView, flow: &Flow) -> Option<Miss> {
        if signature.lacks_variables(Some(flow)) {
            return Some(signature.missed_variables());
        }
        if let Some(part) = signature.header.misfit(self.packet) {
            return Some(Miss::Header(part));
        }
        // the flow's application layer is not in its place now: what it speaks comes with the view
        let facts = PacketFacts { spoken: view.spoken, ..self.facts(Some(flow)) };
        if let Some(at) = signature.failing_packet_test(self.packet, &facts, self.memory) {
            return Some(Miss::Packet(at as u16));
        }
        signature.app_proto.is_some_and(|test| !test.fits(view.proto)).then_some(Miss::AppProtocol(view.proto))
    }

    fn run_rule(
        &mut self,
        id: RuleId,
        signature: &Signature,
        tx: &mut Tx,
        view: TxView,
        stored: Option<usize>,
        flow: &mut Flow,
    ) {
        let side = view.direction.index();
        let mut flags = match stored.and_then(|at| tx.detect.rules.get(at)) {
            Some((_, flags)) if flags & (STORED_FULL | STORED_CANT) != 0 => {
                self.tracer.missed(id, Miss::Settled);
                return;
            }
            Some((_, flags)) => *flags,
            None => {
                if let Some(miss) = self.kept_from_transaction(signature, &view, flow) {
                    self.tracer.missed(id, miss);
                    return;
                }
                side_flag(side)
            }
        };
        let (mut behind, mut within, mut stopped, mut matched) = (false, false, false, false);
        for (number, engine) in signature.engines.iter().enumerate() {
            let bit = 1u64 << number.min(31);
            if flags & bit != 0 || engine.direction != view.direction {
                continue;
            }
            let place = engine.place(&view);
            if view.progress < place {
                self.tracer.missed(id, Miss::TooEarly(engine.group));
                stopped = true;
                break;
            }
            if engine.has_pattern {
                behind = view.progress > place && !engine.is_inside(&view);
                within = view.progress == place
                    && !(self.program.profile.patternless_rules_at_place && self.state.origin == Origin::Flush);
            }
            self.tracer.next_look();
            match self.look(engine, tx, &view, flow) {
                Looked::Match => {
                    self.tracer.held(id, engine.group);
                    flags |= bit;
                    matched = true;
                    continue;
                }
                Looked::CantMatch => flags |= bit | STORED_CANT,
                Looked::NoMatch => {}
            }
            if T::HEARS {
                let miss = self.missed_look(engine, tx, &view);
                self.tracer.missed(id, miss);
            }
            if engine.has_pattern && behind {
                flags |= bit | STORED_CANT;
            }
            stopped = true;
            break;
        }
        if !stopped && !matched {
            self.tracer.missed(id, Miss::Settled);
        }
        let full = !stopped && matched;
        if full {
            flags |= STORED_FULL;
        }
        match stored {
            Some(at) => {
                if let Some(entry) = tx.detect.rules.get_mut(at) {
                    entry.1 = flags;
                }
            }
            None if flags & STORED_CANT != 0 || (full && behind) || (!full && within) => {}
            None if flags == side_flag(side) && self.program.profile.patternless_rules_at_place => {}
            None => tx.detect.rules.push((id.0, flags)),
        }
        if full {
            self.matched(Match { rule: id, tx: Some(tx.id), in_stream: false }, signature, Some(flow));
        }
    }

    /// What a look that did not hold was missing.
    fn missed_look(&self, engine: &Engine, tx: &Tx, view: &TxView) -> Miss {
        let group = engine.group;
        match &engine.look {
            Look::Session(tests) => {
                let at = view.moment();
                Miss::Session(group, tests.iter().position(|test| !test.holds(tx, at)).unwrap_or(0) as u16)
            }
            Look::Events(events) => {
                Miss::Session(group, events.iter().position(|event| !tx.events.contains(event)).unwrap_or(0) as u16)
            }
            Look::Buffer { .. } | Look::Stream { .. } => match self.tracer.came_to() {
                Some(test) => Miss::Buffer(group, test),
                None => Miss::Absent(group),
            },
        }
    }

    fn look(&mut self, engine: &Engine, tx: &Tx, view: &TxView, flow: &Flow) -> Looked {
        match &engine.look {
            Look::Stream { tests } => {
                let holds = match self.packet.proto {
                    6 => self.stream_holds(tests, Some(flow)),
                    17 => self.tracer.matches(tests, Window::whole(self.packet.payload), &mut self.scratch.values),
                    _ => true,
                };
                let at_depth = flow.session.as_deref().is_some_and(|session| session.is_at_depth(view.direction));
                match holds {
                    true => Looked::Match,
                    false if at_depth => Looked::CantMatch,
                    false => Looked::NoMatch,
                }
            }
            Look::Session(tests) => {
                let at = view.moment();
                if tests.iter().all(|test| test.holds(tx, at)) { Looked::Match } else { Looked::NoMatch }
            }
            Look::Events(events) => {
                if events.iter().all(|event| tx.events.contains(event)) {
                    Looked::Match
                } else if view.progress == completion(view.proto, view.direction) {
                    Looked::CantMatch
                } else {
                    Looked::NoMatch
                }
            }
            Look::Buffer { buffer, transforms, tests } => {
                let transforms = if engine.transforms_now(view) { transforms } else { &Transforms::NONE };
                if buffer.any(tx, view, |window| self.scratch.buffer_holds(window, transforms, tests, self.tracer)) {
                    Looked::Match
                } else if buffer.is_several() {
                    Looked::NoMatch
                } else {
                    not_yet(view.progress, engine.place(view))
                }
            }
        }
    }

    /// Notes a match; what it changes changes at once, whatever becomes of its action.
    fn matched(&mut self, found: Match, signature: &Signature, mut flow: Option<&mut Flow>) {
        for change in &signature.changes {
            self.memory.change(change, self.packet, flow.as_deref_mut().map(|flow| &mut flow.notes));
        }
        if matches!(signature.action, RuleAction::Drop | RuleAction::Reject) {
            self.first_drop.get_or_insert(found.rule);
        }
        self.tracer.matched(found.rule);
        self.scratch.matches.push(found);
    }

    /// Walks the matches in order of the rules: thresholds, actions, then alerts. A pass ends the walk, a drop does not.
    fn finish(self, mut flow: Option<&mut Flow>) -> Outcome {
        let mut outcome = Outcome::default();
        let program = self.program;
        let matches = &mut self.scratch.matches;
        // of one rule, later transactions come first, and a match without one last
        matches.sort_by(|a, b| a.rule.cmp(&b.rule).then(b.tx.cmp(&a.tx)));
        let mut walked = 0;
        for found in matches.iter() {
            walked += 1;
            let Some(signature) = program.signature(found.rule) else { continue };
            let weight = signature.threshold.map_or(Weight::Full, |threshold| {
                let together = program.profile.directions_count_together;
                let id = if together { RuleId(signature.rule) } else { found.rule };
                self.memory.weigh(threshold, id, signature.rule, self.packet)
            });
            if weight == Weight::None {
                self.tracer.missed(found.rule, Miss::Held);
                continue;
            }
            let covers_flow = signature.kind.covers_flow(found.in_stream);
            match signature.action {
                RuleAction::Drop | RuleAction::Reject => {
                    outcome.decided_by.get_or_insert(found.rule);
                    if outcome.action != Some(RuleAction::Reject) {
                        outcome.action = Some(signature.action);
                    }
                    if covers_flow {
                        set_action(flow.as_deref_mut(), FlowAction::Drop(found.rule));
                    }
                }
                RuleAction::Pass => {
                    outcome.passed_by.get_or_insert(found.rule);
                    if covers_flow && (outcome.action.is_none() || program.profile.pass_counts_behind_drop) {
                        set_action(flow.as_deref_mut(), FlowAction::Pass(found.rule));
                    }
                }
                RuleAction::Alert => {}
            }
            // a pass that is held back, or finds no room for its alert, does not end the walk
            if weight == Weight::Silent || !(signature.reports || signature.action == RuleAction::Pass) {
                continue;
            }
            if outcome.alerts.len() >= program.profile.packet_alert_max {
                outcome.alerts_discarded += 1;
                continue;
            }
            if signature.reports {
                outcome.alerts.push(found.rule);
                if matches!(signature.action, RuleAction::Drop | RuleAction::Reject) {
                    outcome.first_drop.get_or_insert(found.rule);
                }
            }
            if signature.action == RuleAction::Pass {
                break;
            }
        }
        if T::HEARS {
            for unwalked in matches.iter().skip(walked) {
                self.tracer.missed(unwalked.rule, Miss::BehindPass);
            }
        }
        outcome.first_drop = outcome.first_drop.or(self.first_drop);
        outcome
    }
}

impl Scratch {
    fn buffer_holds(
        &mut self,
        window: app::Window<'_>,
        transforms: &Transforms,
        tests: &[BufferTest],
        tracer: &mut impl Tracer,
    ) -> bool {
        let bytes = transforms.apply(window.bytes, &mut self.transformed);
        let offset = u32::try_from(window.offset).unwrap_or(u32::MAX);
        tracer.matches(tests, Window { bytes, offset, is_end: window.is_end }, &mut self.values)
    }
}

/// The transaction has not been looked at behind the place of some buffer of the rule.
fn is_at_some_place(signature: &Signature, view: &TxView) -> bool {
    let speaks = signature.app_proto.is_none_or(|test| test.fits(view.proto));
    speaks
        && signature.engines.iter().any(|engine| {
            engine.direction == view.direction
                && engine.look.is_placed()
                && (view.is_searched_at(engine.place(view)) || engine.is_inside(view))
        })
}

/// Why a rule that waits for a pattern is not looked at.
fn unsearched(signature: &Signature, view: &TxView) -> Miss {
    match waits_for(signature, view.direction) {
        _ if signature.app_proto.is_some_and(|test| !test.fits(view.proto)) => Miss::AppProtocol(view.proto),
        Some(engine) if engine.place(view) > view.progress => Miss::TooEarly(engine.group),
        _ => Miss::Settled,
    }
}

impl Engine {
    /// The transforms of its buffer count. Where the rule's pattern is, Suricata leaves them to the search for patterns:
    /// once that is over, or when there is nothing to search for, the rule sees the buffer without them.
    fn transforms_now(&self, view: &TxView) -> bool {
        !self.has_pattern
            || self.look.buffer() == Some(BufferName::RequestBody)
            || (self.is_searched && self.is_searched_now(view))
    }

    /// It is about DNS in HTTP/2.
    fn is_inside(&self, view: &TxView) -> bool {
        self.look.buffer().is_some_and(|buffer| buffer.is_inside(view))
    }

    /// How far the transaction must have come.
    fn place(&self, view: &TxView) -> u8 {
        match &self.look {
            Look::Buffer { buffer, .. } => buffer.place(self.progress, view),
            Look::Session(tests) if tests.iter().any(SessionTest::is_of_http) => {
                BufferName::One(app::Buffer::HttpHost).place(self.progress, view)
            }
            Look::Session(_) | Look::Stream { .. } => self.progress,
            Look::Events(_) => 0,
        }
    }

    /// Whether its pattern is looked for now.
    fn is_searched_now(&self, view: &TxView) -> bool {
        self.look.buffer().is_some_and(|buffer| buffer.is_searched(self.progress, view))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Looked {
    Match,
    NoMatch,
    CantMatch,
}

/// A buffer that has not matched can do so later only while its transaction is still at its place.
fn not_yet(progress: u8, place: u8) -> Looked {
    if progress > place { Looked::CantMatch } else { Looked::NoMatch }
}

fn set_action(flow: Option<&mut Flow>, action: FlowAction) {
    if let Some(flow) = flow
        && flow.action == FlowAction::None
    {
        flow.action = action;
    }
}

/// Places whose patterns have been looked for with the transaction already past them.
const PREFILTER_MASK: u64 = (1 << 48) - 1;
/// Flags of a rule kept with a transaction: engines that have matched, and these.
const STORED_CANT: u64 = 1 << 32;
const STORED_FULL: u64 = 1 << 33;
const STORED_SIDE: u64 = 1 << 34;

fn side_flag(side: usize) -> u64 {
    if side == 0 { 0 } else { STORED_SIDE }
}
