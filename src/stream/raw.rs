//! The stream for `content` without a buffer, and what is let go after a packet was inspected.

use super::config::StreamConfig;
use super::seq::Seq;
use super::session::{Session, TcpState};
use crate::verdict::Direction;

/// The piece of stream that is inspected together with a packet: its payload, and what is held around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawChunk<'a> {
    /// The bytes.
    pub data: &'a [u8],
    /// Offset of the first in the stream.
    pub offset: u64,
    /// What to pass to [`Session::after_detection`] when this was searched.
    pub progress: u64,
}

/// What rules make of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamUse {
    /// None of them looks at it.
    #[default]
    None,
    /// Some look at it, but none is found by a pattern in it.
    Read,
    /// Patterns are looked for in it.
    Searched,
}

impl Session {
    /// Whether the stream, and not the payload alone, is inspected for a packet of this direction.
    /// Suricata: `PKT_DETECT_HAS_STREAMDATA`.
    pub fn has_raw_data(&self, direction: Direction, payload: &[u8], stream_added: bool) -> bool {
        let half = self.half(direction);
        !half.segments.is_empty() && !half.no_reassembly && !half.raw_disabled && !payload.is_empty() && stream_added
    }

    /// Data of a direction is put together.
    pub fn is_reassembled(&self, direction: Direction) -> bool {
        !self.half(direction).no_reassembly
    }

    /// More of a direction than is ever looked at has come.
    pub fn is_at_depth(&self, direction: Direction) -> bool {
        self.half(direction).depth_reached
    }

    /// The piece of stream to inspect for a packet whose payload, beginning at `seq`, was just added.
    pub fn raw_chunk<'a>(
        &'a self,
        config: &StreamConfig,
        direction: Direction,
        seq: u32,
        payload: &'a [u8],
    ) -> RawChunk<'a> {
        let half = self.half(direction);
        let len = payload.len() as u64;
        let [to_server, to_client] = config.chunk_bytes;
        let size = u64::from(if direction == Direction::ToServer { to_server } else { to_client });
        let window = if size <= len || size / 3 * 2 < len { len + size / 3 } else { size };
        let from = half.offset_of(Seq(seq));
        let to = from.saturating_add(len);
        let acked = half.acked_offset();
        let simple = half.held.never_had_gap();
        let (offset, data) = match half.held.around(from, to) {
            None => (from, payload),
            Some((start, data)) => {
                let (cut_front, keep) = place_window(start, data.len() as u64, from, to, window);
                let data = data.get(cut_front as usize..(cut_front + keep) as usize).unwrap_or(payload);
                (start + cut_front, data)
            }
        };
        let end = offset + data.len() as u64;
        let progress = if simple {
            end
        } else if half.raw_progress >= acked {
            half.raw_progress
        } else if offset > acked {
            acked
        } else {
            end
        };
        RawChunk { data, offset, progress }
    }

    /// Notes how far rules have seen the stream. To be called for each packet that went through detection and has
    /// [raw data](Self::has_raw_data); `searched` is [`RawChunk::progress`] if any rule of the packet's group has `content`
    /// for the stream, else `None`.
    pub fn after_detection(&mut self, direction: Direction, searched: Option<u64>) {
        let app_disabled = self.app_disabled;
        let half = self.half_mut(direction);
        let reached = match searched {
            Some(progress) if progress != 0 => progress,
            _ if app_disabled => half.acked_offset(),
            _ => half.app_progress,
        };
        if reached > half.raw_progress {
            // Suricata counts from the base in 32 bits. That shows where a packet starts before the base: its offset is then
            // 4 GiB too large, but its end may come out right.
            half.raw_progress = half.base + u64::from(reached.wrapping_sub(half.base) as u32);
        }
        half.raw_disabled |= half.raw_disabled_for_new;
    }

    /// Says that none of the rules that could ever look at packets of a direction has `content` for the stream. To be called
    /// when the first packet of a direction has met its group of rules; a session that begins later is asked again by none.
    pub fn disable_raw(&mut self, direction: Direction) {
        self.half_mut(direction).raw_disabled = true;
    }

    /// Lets go of what nobody needs any more. To be called after each packet, for its direction, whether it was inspected
    /// or not.
    pub fn prune(&mut self, config: &StreamConfig, direction: Direction) {
        let (app_disabled, state) = (self.app_disabled, self.state);
        let half = self.half_mut(direction);
        if half.no_reassembly {
            return;
        }
        if half.depth_reached || (app_disabled && half.raw_disabled) {
            half.stop_reassembly();
            return;
        }
        let mut edge = half.acked_offset();
        if !half.raw_disabled {
            let [to_server, to_client] = config.chunk_bytes;
            let chunk = if direction == Direction::ToServer { to_server } else { to_client };
            let for_parser = if app_disabled || state == TcpState::Closed { 0 } else { half.min_inspect_bytes };
            edge = edge.min(half.raw_progress.saturating_sub(u64::from(chunk)).saturating_sub(u64::from(for_parser)));
        }
        if !app_disabled {
            edge = edge.min(half.app_progress);
        }
        // Until the protocol is known, all segments are in use.
        if !half.detection_done
            && let Some(first) = half.segments.first()
        {
            edge = edge.min(half.offset_of(first.later(half.base_seq)));
        }
        if edge > half.base {
            half.slide(edge);
        }
    }

    /// Something of a direction was received that neither parser nor rules have seen, as Suricata finds it at the end of a
    /// flow. Without any data the answer is odd but decides whether there is a pseudo packet.
    pub(crate) fn has_unread_stream(&self, direction: Direction) -> bool {
        let half = self.half(direction);
        let right_edge =
            half.base.wrapping_add(u64::from(half.segments.right_edge().0)).wrapping_sub(u64::from(half.base_seq.0));
        let raw = !half.raw_disabled && right_edge > half.raw_progress;
        let app = !self.app_disabled && half.held.contiguous_end().max(half.base) > half.app_progress;
        raw || app
    }
}

/// Of `len` bytes from `start` on, which part to look at around `from..to`, at most `size` bytes: how many to leave out in
/// front, and how many to take.
fn place_window(start: u64, len: u64, from: u64, to: u64, size: u64) -> (u64, u64) {
    let end = start + len;
    if len <= size {
        return (0, len);
    }
    let excess = len - size;
    if end == to {
        return (excess, size);
    }
    if start == from {
        return (0, size);
    }
    let room = size - (to - from);
    let (mut before, mut after) = (from - start, end - to);
    if after >= room / 2 {
        if before >= room / 2 {
            (before, after) = (room / 2, room / 2);
        } else {
            after = room - before;
        }
    } else if before >= room / 2 {
        before = room - after;
    }
    let cut = (from - start) - before;
    (cut, before + (to - from) + after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_sits_around_the_packet() {
        assert_eq!(place_window(0, 100, 90, 100, 40), (60, 40));
        assert_eq!(place_window(0, 100, 0, 10, 40), (0, 40));
        assert_eq!(place_window(0, 100, 50, 60, 40), (35, 40));
        assert_eq!(place_window(0, 100, 5, 15, 40), (0, 40));
        assert_eq!(place_window(0, 30, 5, 15, 40), (0, 30));
    }
}
