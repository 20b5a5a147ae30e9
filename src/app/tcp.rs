//! TCP streams and the application layer: when protocol detection runs and ends, which direction waits for which, and what
//! follows when a parser fails, asks for silence, or announces another protocol.
//!
//! In: contiguous data of one direction, or the news that some is missing, from `stream/reassembly.rs`. Out: progress of
//! that direction's stream, events of the application layer as such, and the flow's protocol. Detection and the parsers
//! themselves are behind [`AppLayer`].

use super::{AppLayer, AppProto, DataFlags, Detected, Parsed};
use crate::stream::step::{Step, apply_policy, end_parsers, push_event};
use crate::stream::{AppUpdate, FirstData, TcpState};
use crate::verdict::{Cause, Direction};

/// After this many bytes without a protocol where one was announced, detection gives up.
const PROTOCOL_CHANGE_BYTES: usize = 4096;
/// What Suricata's HTTP parser keeps of the stream until bodies were inspected (`request-body-minimal-inspect-size` and its
/// partner for responses). That it keeps less once they were is not followed.
const HTTP_MIN_INSPECT_BYTES: [u32; 2] = [32 * 1024, 40 * 1024];
/// Detection gives up when this much, or the window if that is more, was received in vain.
const DETECTION_BYTES: u64 = 100_000;

/// Why data was not simply taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Detection failed, the parser gave up, or the data has to come again.
    Failed,
    /// The data was taken, but in doing so client and server changed places.
    Swapped,
}

/// How much of the data the parser took.
enum Taken {
    All,
    Part,
    Failed,
}

impl AppLayer {
    fn detection_exhausted(&self, direction: Direction) -> bool {
        self.patterns_done(direction) && self.probing_done(direction)
    }
}

impl Step<'_> {
    fn app(&mut self) -> &mut AppLayer {
        self.app.get_or_insert_with(|| Box::new(AppLayer::new(self.app_config)))
    }

    fn app_event(&mut self, name: &'static str) {
        push_event(&mut self.out.app_events, name);
    }

    /// New data of a direction, everything from its progress on. Empty data comes with the end of the stream.
    pub(crate) fn app_data(
        &mut self,
        direction: Direction,
        data: &[u8],
        flags: DataFlags,
        update: AppUpdate,
    ) -> Result<(), Stop> {
        if self.session.app_disabled {
            return Ok(());
        }
        let app = self.app();
        let known = app.proto_of(direction) != AppProto::Unknown;
        let changing = app.protocol_change();
        if !known && flags.start {
            return self.detect(direction, data, flags, update);
        }
        if let (true, Some(change)) = (known, changing) {
            return self.detect_again(direction, data, flags, update, change.expected);
        }
        if self.app().proto != AppProto::Unknown {
            return self.parse_and_move_on(direction, data, flags, update);
        }
        Ok(())
    }

    /// Bytes of a direction are missing for good.
    pub(crate) fn app_gap(
        &mut self,
        direction: Direction,
        missing: u32,
        _flags: DataFlags,
        update: AppUpdate,
    ) -> Result<(), Stop> {
        if self.session.app_disabled {
            return Ok(());
        }
        if self.app().proto_of(direction) == AppProto::Unknown {
            self.session.half_mut(direction).detection_done = true;
            if self.app().proto == AppProto::Unknown {
                return Err(Stop::Failed);
            }
        }
        if self.cancel_protocol_change() {
            return Err(Stop::Failed);
        }
        let parsed = if self.app().proto.has_parser() { self.app().gap(direction, missing) } else { self.no_parser() };
        let taken = self.note_parsed(direction, missing, parsed);
        self.out.note_app_update(update);
        // Even if the parser wants part of it again, it is skipped as a whole.
        self.session.half_mut(direction).app_progress += u64::from(missing);
        if matches!(taken, Taken::Failed) {
            return self.parser_failed();
        }
        Ok(())
    }

    /// Runs detection on a direction whose protocol is not known.
    fn detect(&mut self, direction: Direction, data: &[u8], flags: DataFlags, update: AppUpdate) -> Result<(), Stop> {
        let key = self.key;
        let found = self.app().detect(key, direction, data, flags);
        self.app().set_proto_of(direction, found.proto);
        if found.proto == AppProto::Unknown {
            self.not_detected(direction, data, flags, update)
        } else {
            self.detected(found, direction, data, flags, update)
        }
    }

    fn detected(
        &mut self,
        found: Detected,
        mut direction: Direction,
        data: &[u8],
        flags: DataFlags,
        update: AppUpdate,
    ) -> Result<(), Stop> {
        let other = self.app().proto_of(direction.opposite());
        let settled = self.session.first_data == FirstData::Settled;
        if other != AppProto::Unknown && other != found.proto {
            self.app_event("applayer_mismatch_protocol_both_directions");
            // Who was heard first has the say; if nobody was yet, the server has.
            let takes_new = !settled && direction == Direction::ToClient;
            self.app().proto = if takes_new { found.proto } else { other };
        } else {
            self.app().proto = found.proto;
        }
        self.session.half_mut(direction).detection_done = true;
        if self.app().proto.unlimited_depth() {
            self.session.depth = 0;
        }
        self.detection_ended(direction);
        let mut swapped = false;
        if found.reversed && self.session.midstream && !self.session.midstream_synack && other == AppProto::Unknown {
            self.swap_flow();
            direction = direction.opposite();
            swapped = true;
        }
        if let FirstData::From(first) = self.session.first_data
            && first != direction
        {
            self.feed_opposing(direction)?;
            if self.cancel_protocol_change() {
                self.app_event("applayer_unexpected_protocol");
            }
        }
        if self.session.first_data != FirstData::Settled
            && let Some(speaker) = self.app().first_speaker()
        {
            if self.session.first_data != FirstData::From(speaker) {
                self.app_event("applayer_wrong_direction_first_data");
                return self.give_up();
            }
            if speaker != direction {
                // The speaker's data is still not understood: this has to come again once it is.
                self.app().drop_parser();
                self.session.half_mut(direction).detection_done = false;
                self.app().reset_detection_of(direction);
                return Err(Stop::Failed);
            }
        }
        self.session.first_data = FirstData::Settled;
        self.parse_and_move_on(direction, data, flags, update)?;
        if swapped { Err(Stop::Swapped) } else { Ok(()) }
    }

    fn not_detected(
        &mut self,
        direction: Direction,
        data: &[u8],
        flags: DataFlags,
        update: AppUpdate,
    ) -> Result<(), Stop> {
        let picked_up_blind = self.session.midstream && !self.session.midstream_synack;
        if picked_up_blind && self.app().detection_exhausted(Direction::ToServer) {
            self.disable_app_layer();
            return Ok(());
        }
        let other = self.app().proto_of(direction.opposite());
        if other == AppProto::Unknown {
            if self.app().protocol_change().is_some() {
                if data.len() >= PROTOCOL_CHANGE_BYTES || flags.eof {
                    self.disable_app_layer();
                }
            } else if self.detection_is_hopeless() {
                self.disable_app_layer();
            }
            return Ok(());
        }
        let settled = self.session.first_data == FirstData::Settled;
        if !settled && self.app().first_speaker_of(other).is_some_and(|speaker| speaker != direction) {
            return self.give_up();
        }
        if self.app().detection_exhausted(direction) {
            // The other direction's word is all there is.
            if !data.is_empty() {
                self.session.first_data = FirstData::Settled;
            }
            if other != AppProto::Failed {
                let parsed = self.parse_and_move_on(direction, data, flags, update);
                self.app_event("applayer_detect_protocol_only_one_direction");
                if parsed.is_err() {
                    self.app().set_proto_of(direction, other);
                    return parsed;
                }
            }
            self.app().set_proto_of(direction, AppProto::Failed);
            self.session.half_mut(direction).detection_done = true;
            self.detection_ended(direction);
        } else if flags.eof {
            let proto = self.app().proto;
            self.app().set_proto_of(direction, proto);
            self.session.half_mut(direction).detection_done = true;
        }
        Ok(())
    }

    /// Runs detection where a parser said that something else would follow.
    fn detect_again(
        &mut self,
        direction: Direction,
        data: &[u8],
        flags: DataFlags,
        update: AppUpdate,
        expected: AppProto,
    ) -> Result<(), Stop> {
        self.app().begin_change();
        for half in &mut self.session.halves {
            half.detection_done = false;
        }
        let outcome = self.detect(direction, data, flags, update);
        if self.app().proto == AppProto::Unknown {
            self.app().revert_change(); // not enough data yet
        } else {
            self.app().end_change();
        }
        outcome?;
        let now = self.app().proto;
        if expected != AppProto::Unknown && now != AppProto::Unknown && now != expected {
            self.app_event("applayer_unexpected_protocol");
            if expected == AppProto::Tls {
                self.app_event("applayer_no_tls_after_starttls");
            }
        }
        Ok(())
    }

    /// Both directions are exhausted, or so much was received that it is not worth going on.
    fn detection_is_hopeless(&mut self) -> bool {
        if self.session.state < TcpState::Established {
            return false;
        }
        let depth = self.config.depth;
        let [client, server] = &self.session.halves;
        let limit = |window: u32| DETECTION_BYTES.max(u64::from(window.min(depth)));
        let (limit_to_client, limit_to_server) = (limit(client.window), limit(server.window));
        let (to_server, to_client) = (client.available_for_detection(), server.available_for_detection());
        let completed = [client.detection_done, server.detection_done];
        let app = self.app();
        let done = [Direction::ToServer, Direction::ToClient]
            .map(|direction| (app.patterns_done(direction), app.probing_done(direction)));
        let [(ts_patterns, ts_probing), (tc_patterns, tc_probing)] = done;
        let [ts_completed, tc_completed] = completed;
        if (ts_completed || (ts_patterns && ts_probing)) && (tc_completed || (tc_patterns && tc_probing)) {
            return true;
        }
        let (ts_full, tc_full) = (to_server > limit_to_server, to_client > limit_to_client);
        let skip = to_client > 2 * limit_to_client
            || to_server > 2 * limit_to_server
            || (ts_patterns && ts_probing && ts_full && to_client == 0)
            || (tc_patterns && tc_probing && tc_full && to_server == 0)
            || (tc_full && ts_probing && !ts_patterns && tc_patterns && tc_probing)
            || (ts_full && tc_probing && !tc_patterns && ts_patterns && ts_probing);
        if skip {
            self.app_event("applayer_proto_detection_skipped");
        }
        skip
    }

    /// The other direction has spoken first, and its data waits for the protocol to be known.
    fn feed_opposing(&mut self, direction: Direction) -> Result<(), Stop> {
        let opposite = direction.opposite();
        if self.session.half(opposite).no_reassembly {
            return self.give_up();
        }
        self.feed_app_layer(opposite, AppUpdate::Opposing);
        Ok(())
    }

    fn parse_and_move_on(
        &mut self,
        direction: Direction,
        data: &[u8],
        flags: DataFlags,
        update: AppUpdate,
    ) -> Result<(), Stop> {
        let key = self.key;
        let parsed = if self.app().proto.has_parser() {
            self.app().parse(key, direction, data, flags)
        } else {
            self.no_parser()
        };
        let taken = self.note_parsed(direction, data.len() as u32, parsed);
        self.out.note_app_update(update);
        match taken {
            Taken::Part => return Ok(()),
            Taken::All | Taken::Failed => self.session.half_mut(direction).app_progress += data.len() as u64,
        }
        if matches!(taken, Taken::Failed) { self.parser_failed() } else { Ok(()) }
    }

    /// Acts on what the parser did and wants.
    fn note_parsed(&mut self, direction: Direction, len: u32, parsed: Parsed) -> Taken {
        let mut taken = Taken::All;
        match parsed {
            Parsed::Ok => {}
            Parsed::Incomplete { consumed, needed }
                if needed > 0 && consumed <= len && consumed.saturating_add(needed) >= len =>
            {
                let half = self.session.half_mut(direction);
                half.data_required = needed;
                if consumed != len {
                    half.app_progress += u64::from(consumed);
                    taken = Taken::Part;
                }
            }
            Parsed::Incomplete { .. } | Parsed::Error => {
                self.session.disable_app_layer();
                end_parsers(self.app);
                return Taken::Failed;
            }
        }
        if self.app().proto == AppProto::Http1 {
            for (half, bytes) in self.session.halves.iter_mut().zip(HTTP_MIN_INSPECT_BYTES) {
                half.min_inspect_bytes = bytes;
            }
        }
        if self.app().no_inspection() {
            self.session.disable_app_layer();
            end_parsers(self.app);
            if self.app().proto == AppProto::Ssh {
                self.disable_raw();
            }
        }
        if self.app().no_payload_inspection() && !self.session.payload_unread {
            self.session.payload_unread = true;
            self.out.flow_no_payload_inspection = true;
            self.disable_raw();
        }
        taken
    }

    /// The protocol is detected and no more.
    fn no_parser(&mut self) -> Parsed {
        self.session.disable_app_layer();
        Parsed::Ok
    }

    /// Forgets that another protocol was announced; says whether one was.
    fn cancel_protocol_change(&mut self) -> bool {
        let announced = self.app().protocol_change().is_some();
        self.app().end_change();
        announced
    }

    fn disable_raw(&mut self) {
        for half in &mut self.session.halves {
            half.raw_disabled_for_new = true;
        }
    }

    fn parser_failed(&mut self) -> Result<(), Stop> {
        let cause = Cause::Exception("applayer error");
        apply_policy(self.config.app_error_policy, cause, self.out, Some(self.session), self.app);
        Err(Stop::Failed)
    }

    fn give_up(&mut self) -> Result<(), Stop> {
        self.disable_app_layer();
        Err(Stop::Failed)
    }

    /// Detection has failed for good: no parser will see this connection.
    fn disable_app_layer(&mut self) {
        self.session.disable_app_layer();
        self.session.first_data = FirstData::Settled;
        for direction in [Direction::ToClient, Direction::ToServer] {
            if self.app().proto_of(direction) != AppProto::Failed {
                self.detection_ended(direction);
            }
        }
        self.app().fail();
    }

    fn detection_ended(&mut self, direction: Direction) {
        match direction {
            Direction::ToServer => self.out.detection_ended[0] = true,
            Direction::ToClient => self.out.detection_ended[1] = true,
        }
    }

    /// The first packet seen was the server's: client and server change places.
    fn swap_flow(&mut self) {
        self.session.swap_direction();
        self.app().swap();
        self.out.swapped = !self.out.swapped;
        self.segment.direction = self.segment.direction.opposite();
        let key = &mut self.key;
        std::mem::swap(&mut key.client_port, &mut key.server_port);
    }
}
