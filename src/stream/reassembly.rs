//! Segments become a stream, and the stream goes to the application layer: inline, with the packet that completes it.

use super::AppUpdate;
use super::config::UrgentPolicy;
use super::held::{At, Held};
use super::seq::Seq;
use super::session::{FirstData, Half, TcpState};
use super::step::Step;
use crate::app::DataFlags;
use crate::app::tcp::Stop;
use crate::packet::tcp_flag;
use crate::verdict::{Cause, Direction};

impl Half {
    /// How much of a segment is within the reassembly depth; notes when it is reached.
    fn within_depth(&mut self, depth: u32, seq: Seq, len: u32) -> u32 {
        if depth == 0 {
            return len;
        }
        if self.depth_reached {
            return 0;
        }
        let end = seq + len;
        if seq < self.base_seq && end <= self.base_seq {
            return 0;
        }
        let end_offset = self.base + u64::from(end.since(self.base_seq));
        if end_offset > u64::from(depth) {
            self.depth_reached = true;
            return 0;
        }
        if seq >= self.isn && seq < self.isn + depth { len } else { 0 }
    }
}

impl<'a> Step<'a> {
    /// Adds the packet's payload to the stream of a direction and lets the application layer have what is new.
    pub(crate) fn reassemble(&mut self, direction: Direction) {
        if !self.segment.payload.is_empty()
            && !self.segment.has(tcp_flag::RST)
            && !self.session.half(direction).no_reassembly
        {
            if self.session.half(direction).segments.is_full() {
                self.event("reassembly_no_segment");
                self.session.lossy = true;
                return;
            }
            self.take_data(direction);
            self.out.stream_added = true;
        }
        self.feed_app_layer(direction, AppUpdate::Packet);
    }

    fn take_data(&mut self, direction: Direction) {
        let segment = self.segment;
        if self.session.first_data == FirstData::None {
            self.session.first_data = FirstData::From(segment.direction);
        }
        if self.session.app_disabled && self.session.half(direction).raw_disabled_for_new {
            return;
        }
        let mut seq = segment.seq - u32::from(self.session.half(segment.direction).urgent_bytes);
        let Some(payload) = self.without_urgent_byte() else { return };
        let depth = self.session.depth;
        let half = self.session.half_mut(direction);
        let size = half.within_depth(depth, seq, payload.len() as u32);
        if half.depth_reached {
            self.event("reassembly_depth_reached");
            self.out.note_app_update(AppUpdate::Packet);
        }
        if size == 0 {
            return;
        }
        if segment.tcp.options.fast_open.is_some() && segment.has(tcp_flag::SYN) {
            seq += 1;
        }
        let half = self.session.half_mut(direction);
        if let Some(rewritten) = half.take_segment(seq, payload, size) {
            let mut whole = segment.payload.to_vec();
            if let Some(part) = whole.get_mut(..rewritten.len()) {
                part.copy_from_slice(&rewritten);
            }
            self.out.rewritten = Some(whole.into());
            self.event("reassembly_overlap_different_data");
        }
    }

    /// The payload, less the last byte where an urgent byte is no part of the stream (Suricata takes the last one, whatever
    /// the urgent pointer says). `None`: nothing is left, or the packet is dropped.
    fn without_urgent_byte(&mut self) -> Option<&'a [u8]> {
        let segment = self.segment;
        let len = segment.payload.len();
        let pointer = usize::from(segment.tcp.urgent);
        let policy = self.config.urgent_policy;
        let outside = matches!(policy, UrgentPolicy::Oob | UrgentPolicy::Gap);
        if !(outside && segment.has(tcp_flag::URG) && pointer > 0 && pointer <= len) {
            return Some(segment.payload);
        }
        let limit_policy = self.config.urgent_oob_limit_policy;
        let count = &mut self.sender().urgent_bytes;
        let mut limit_reached = false;
        if *count == u16::MAX {
            if limit_policy == UrgentPolicy::Drop {
                self.out.drop.get_or_insert(Cause::Exception("stream urgent"));
                return None;
            }
        } else if policy == UrgentPolicy::Oob {
            *count += 1;
        }
        limit_reached |= *count == u16::MAX;
        if limit_reached {
            self.event("reassembly_urgent_oob_limit_reached");
            if policy == UrgentPolicy::Oob && limit_policy == UrgentPolicy::Inline {
                return Some(segment.payload);
            }
        }
        if pointer == 1 && len == 1 {
            return None;
        }
        segment.payload.get(..len - 1)
    }

    /// Lets the application layer have what is new in a direction.
    pub(crate) fn feed_app_layer(&mut self, direction: Direction, update: AppUpdate) {
        let half = self.session.half(direction);
        if self.session.app_disabled || half.no_reassembly {
            return;
        }
        let nothing_new = !half.held.has_seen_data() || half.offset_of(half.segments.right_edge()) <= half.app_progress;
        if nothing_new && (self.session.state >= TcpState::Closing || self.segment.end_of_flow) {
            let flags = self.data_flags(direction);
            let _ = self.app_data(direction, &[], flags, update);
            return;
        }
        // The bytes are lent to the parser, while all else of the session stays at hand.
        let half = self.session.half_mut(direction);
        half.lent_available = Some(half.held.available_for_detection());
        let held = std::mem::take(&mut half.held);
        let kept = self.feed(direction, update, &held);
        let direction = if kept { direction } else { direction.opposite() };
        let uninspected = self.session.uninspected;
        let half = self.session.half_mut(direction);
        half.held = held;
        half.lent_available = None;
        if uninspected && half.detection_done {
            half.held.forget(half.app_progress);
        }
    }

    /// Calls the application layer for as long as it gets on. Answers whether the direction is still what it was.
    fn feed(&mut self, mut direction: Direction, update: AppUpdate, held: &Held) -> bool {
        let asked = direction;
        let mut progress = self.session.half(direction).app_progress;
        let mut after_gap = false;
        loop {
            let flags = self.data_flags(direction);
            let required = self.session.half(direction).data_required;
            let at = held.at(progress);
            if after_gap && at == At::End {
                break;
            }
            after_gap = false;
            let data = match at {
                At::Gap(missing) if self.is_gap(direction, held) => {
                    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
                    let outcome = self.app_gap(direction, missing, flags, update);
                    self.event("reassembly_seq_gap");
                    self.session.lossy = true;
                    let half = self.session.half_mut(direction);
                    half.has_gap = true;
                    half.data_required = half.data_required.saturating_sub(missing);
                    let stuck = half.app_progress == progress;
                    progress = half.app_progress;
                    if outcome.is_err() || stuck {
                        break;
                    }
                    after_gap = true;
                    continue;
                }
                At::Data(data) => data,
                At::Gap(_) | At::End if flags.depth => &[],
                At::Gap(_) | At::End => break,
            };
            if data.is_empty() && !flags.eof && !flags.depth {
                break;
            }
            let flushing = self.segment.end_of_flow && self.session.state == TcpState::Closed;
            if !flushing && (data.len() as u64) < u64::from(required) {
                let acked = self.session.half(direction).acked_offset();
                if held.gap_after(progress).is_none_or(|gap| acked <= gap) {
                    break;
                }
                // The rest of what the parser waits for will never come.
                let half = self.session.half_mut(direction);
                half.app_progress += data.len() as u64;
                half.data_required -= data.len() as u32;
                progress = half.app_progress;
                continue;
            }
            self.session.half_mut(direction).data_required = 0;
            if let Err(Stop::Swapped) = self.app_data(direction, data, flags, update) {
                direction = direction.opposite();
            }
            let now = self.session.half(direction).app_progress;
            let changes = self.app.as_ref().is_some_and(|app| app.protocol_change().is_some());
            if now == progress || changes || flags.depth {
                break;
            }
            progress = now;
        }
        direction == asked
    }

    /// What was received is acknowledged beyond a hole: nobody will send the missing bytes again.
    fn is_gap(&self, direction: Direction, held: &Held) -> bool {
        let half = self.session.half(direction);
        let fin = u64::from(self.session.state >= TcpState::FinWait1);
        let acked = half.acked_offset().wrapping_sub(fin);
        if acked <= half.app_progress {
            return false;
        }
        // More is acknowledged than was ever sent as far as we saw.
        !(half.last_ack > half.next_seq && held.never_had_gap())
    }

    fn data_flags(&self, direction: Direction) -> DataFlags {
        let half = self.session.half(direction);
        DataFlags {
            start: !half.detection_done,
            eof: self.session.state == TcpState::Closed || self.segment.end_of_flow,
            depth: half.depth_reached,
            midstream: self.config.midstream,
        }
    }
}
