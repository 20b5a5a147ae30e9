//! What a summary must not hide about the capture itself.

use crate::capture::Frame;
use crate::packet::{Packet, Transport};
use crate::policy::model::StatelessActions;
use std::collections::BTreeMap;

/// Counts of things that make a replay say less than it seems to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Frames judged.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Frames of which fewer bytes were captured than were on the wire.
    pub cut_frames: u64,
    /// Frames whose time lies before that of the frame before them.
    pub time_went_back: u64,
    /// Frames that look like copies made by traffic mirroring or a gateway load balancer: VXLAN on 4789, GENEVE on 6081.
    pub mirrored: u64,
    /// TCP packets that the stream engine left alone because of a wrong checksum, where checksums are validated. Those of
    /// flows that were condemned before are dropped unseen.
    pub bad_checksums: u64,
    /// TCP packets larger than any link carries, as segmentation offload leaves them.
    pub oversized: u64,
    /// Metric dimensions of custom actions, with how many packets published them.
    pub custom_actions: BTreeMap<String, u64>,
    last_time_ns: Option<i64>,
}

impl Facts {
    /// Larger than an Ethernet jumbo frame.
    const OVERSIZED_BYTES: u32 = 9100;

    pub(super) fn note_frame(&mut self, frame: &Frame<'_>, cut: bool) {
        self.frames += 1;
        self.bytes += u64::from(frame.wire_len);
        self.cut_frames += u64::from(cut);
        self.time_went_back += u64::from(self.last_time_ns.is_some_and(|last| frame.time_ns < last));
        self.last_time_ns = Some(frame.time_ns);
    }

    /// A frame that another shard judges.
    pub(super) fn note_time(&mut self, time_ns: i64) {
        self.last_time_ns = Some(time_ns);
    }

    /// Adds what another shard has seen.
    pub(super) fn absorb(&mut self, other: Self) {
        self.last_time_ns = other.last_time_ns.or(self.last_time_ns);
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.cut_frames += other.cut_frames;
        self.time_went_back += other.time_went_back;
        self.mirrored += other.mirrored;
        self.bad_checksums += other.bad_checksums;
        self.oversized += other.oversized;
        for (dimension, count) in other.custom_actions {
            *self.custom_actions.entry(dimension).or_default() += count;
        }
    }

    pub(super) fn note_packet(&mut self, packet: &Packet<'_>) {
        match &packet.transport {
            Transport::Udp(udp) if packet.carries_tunnel => {
                self.mirrored += u64::from(matches!(udp.dst_port, 4789 | 6081));
            }
            Transport::Tcp(_) => {
                self.oversized += u64::from(packet.ip.is_some_and(|ip| ip.total_len > Self::OVERSIZED_BYTES));
            }
            _ => {}
        }
    }

    pub(super) fn note_custom_actions(&mut self, actions: Option<&StatelessActions>) {
        for custom in actions.map_or(&[][..], |actions| &actions.custom) {
            match self.custom_actions.get_mut(&custom.dimension) {
                Some(count) => *count += 1,
                None => _ = self.custom_actions.insert(custom.dimension.clone(), 1),
            }
        }
    }
}
