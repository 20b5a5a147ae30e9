//! What is kept of a TCP connection.

use smallvec::SmallVec;

use super::config::{OsPolicy, StreamConfig};
use super::held::{At, Held};
use super::sack::Sacked;
use super::segments::Segments;
use super::seq::Seq;
use crate::packet::tcp_flag;
use crate::verdict::Direction;

/// State of a connection, after RFC 9293 but as one observer in the middle sees it. In Suricata's order: comparisons
/// such as "at least established" are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TcpState {
    /// No packet was accepted yet.
    #[default]
    None,
    /// The SYN was seen.
    SynSent,
    /// The SYN/ACK was seen.
    SynRecv,
    /// The handshake is complete.
    Established,
    /// The server has sent its FIN first.
    FinWait1,
    /// That FIN is acknowledged.
    FinWait2,
    /// Both have sent a FIN and both are acknowledged, or will be.
    TimeWait,
    /// After the client's FIN, the server's was seen.
    LastAck,
    /// The client has sent its FIN first.
    CloseWait,
    /// Both have sent a FIN at once.
    Closing,
    /// It is over.
    Closed,
}

impl TcpState {
    /// Suricata's word, as in `tcp.state` of its flow records.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SynSent => "syn_sent",
            Self::SynRecv => "syn_recv",
            Self::Established => "established",
            Self::FinWait1 => "fin_wait1",
            Self::FinWait2 => "fin_wait2",
            Self::TimeWait => "time_wait",
            Self::LastAck => "last_ack",
            Self::CloseWait => "close_wait",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }
}

/// Who sent the first data, until the application layer has had some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum FirstData {
    /// There was none.
    #[default]
    None,
    /// This side; nothing was parsed yet.
    From(Direction),
    /// It no longer matters: a parser has had data, or never will.
    Settled,
}

/// One direction of a connection: what its sender has sent, and what the other side made of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Half {
    /// Initial sequence number.
    pub(crate) isn: Seq,
    /// What the sender is expected to send next.
    pub(crate) next_seq: Seq,
    /// The highest acknowledgement by the receiver.
    pub(crate) last_ack: Seq,
    /// End of the receiver's window.
    pub(crate) next_win: Seq,
    /// The receiver's window, scaled.
    pub(crate) window: u32,
    /// How the receiver scales its window.
    pub(crate) window_scale: u8,
    /// Timestamp option of the last packet.
    pub(crate) last_ts: u32,
    /// Capture time, in seconds, of that packet.
    pub(crate) last_packet_s: u32,
    /// How the receiving host decides; looked up when first needed.
    pub(crate) os_policy: Option<OsPolicy>,
    /// Flags of all packets sent, bad ones too.
    pub(crate) flags_seen: u8,
    /// The sender's SYN had a timestamp.
    pub(crate) has_timestamp: bool,
    /// Its first timestamp was 0.
    pub(crate) zero_timestamp: bool,
    /// The last packet was a keep-alive probe.
    pub(crate) keep_alive: bool,
    /// The receiver, or somebody in its name, was sent a reset that need not be genuine.
    pub(crate) reset_received: bool,
    /// Ranges that the receiver has selectively acknowledged.
    pub(crate) sacked: Sacked,

    /// Offset in the stream below which everything was let go.
    pub(crate) base: u64,
    /// The sequence number of that offset.
    pub(crate) base_seq: Seq,
    /// The segments whose bytes are held, if only in part.
    pub(crate) segments: Segments,
    /// Offset up to which the parser has had the stream.
    pub(crate) app_progress: u64,
    /// Offset up to which `content` without a buffer has seen the stream.
    pub(crate) raw_progress: u64,
    /// Bytes from `app_progress` on that the parser wants to see together.
    pub(crate) data_required: u32,
    /// Bytes before what rules have seen that they may want to see again, together with buffers of the parser.
    pub(crate) min_inspect_bytes: u32,
    /// How far the sender's sequence numbers are ahead of the stream because of out-of-band bytes.
    pub(crate) urgent_bytes: u16,
    /// The stream's bytes.
    pub(crate) held: Held,
    /// [`Held::available_for_detection`] while the bytes are lent to the parser.
    pub(crate) lent_available: Option<u64>,
    /// A gap was passed on to the parser.
    pub(crate) has_gap: bool,
    /// The reassembly depth is reached.
    pub(crate) depth_reached: bool,
    /// Nothing is reassembled any more.
    pub(crate) no_reassembly: bool,
    /// The protocol of this direction is known or will never be.
    pub(crate) detection_done: bool,
    /// From now on new segments are not for `content` without a buffer.
    pub(crate) raw_disabled_for_new: bool,
    /// `content` without a buffer sees nothing of this direction any more.
    pub(crate) raw_disabled: bool,
}

impl Half {
    /// Starts the stream behind a sequence number.
    pub(crate) fn start_after(&mut self, isn: Seq) {
        self.isn = isn;
        self.base_seq = isn + 1;
    }

    /// Takes an acknowledgement into account if it is news.
    pub(crate) fn acknowledge(&mut self, ack: Seq) {
        if ack > self.last_ack {
            self.last_ack = ack;
            self.sacked.prune(ack);
        }
    }

    /// Moves the end of the window on if `end`, and what was selectively acknowledged, is beyond it.
    pub(crate) fn widen_window(&mut self, end: Seq) {
        let end = end + self.sacked.bytes();
        if end > self.next_win {
            self.next_win = end;
        }
    }

    /// Offset that belongs to `last_ack`.
    pub(crate) fn acked_offset(&self) -> u64 {
        let initialised = self.base != 0 || self.flags_seen & tcp_flag::ACK != 0;
        if initialised && self.last_ack > self.base_seq {
            self.base + u64::from(self.last_ack.since(self.base_seq))
        } else {
            self.base
        }
    }

    /// Offset of a sequence number that is not before the base.
    pub(crate) fn offset_of(&self, seq: Seq) -> u64 {
        self.base + u64::from(seq.since(self.base_seq))
    }

    /// How many bytes protocol detection has to go by.
    pub(crate) fn available_for_detection(&self) -> u64 {
        self.lent_available.unwrap_or_else(|| self.held.available_for_detection())
    }

    /// Lets go of the stream below an offset.
    pub(crate) fn slide(&mut self, to: u64) {
        let by = to.saturating_sub(self.base);
        self.held.slide(to);
        self.base += by;
        self.base_seq += by as u32;
        if self.detection_done {
            self.segments.prune(self.base_seq);
        }
        self.app_progress = self.app_progress.max(to);
        self.raw_progress = self.raw_progress.max(to);
    }

    /// Lets go of the stream for good.
    pub(crate) fn stop_reassembly(&mut self) {
        self.no_reassembly = true;
        self.segments.clear();
        self.held.clear();
    }
}

/// What a SYN or SYN/ACK said, for connections with several that differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) seq: Seq,
    pub(crate) ack: Seq,
    pub(crate) window: u16,
    pub(crate) window_scale: Option<u8>,
    pub(crate) timestamp: Option<u32>,
    pub(crate) sack_ok: bool,
    pub(crate) packet_s: u32,
}

/// The little of a connection that is asked of one whose packets are no longer looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its state.
    pub state: TcpState,
    /// The first sequence numbers of client and server.
    pub(crate) isns: [Seq; 2],
    pub(crate) fast_open_ignored: bool,
}

/// A TCP connection.
#[derive(Clone, Debug, Default)]
pub struct Session {
    pub(crate) state: TcpState,
    /// The state before.
    pub(crate) previous: TcpState,
    /// What the client sends, what the server sends.
    pub(crate) halves: [Half; 2],
    pub(crate) first_data: FirstData,
    /// SYN or SYN/ACK packets that differ from the one in use, latest first.
    pub(crate) candidates: SmallVec<[Candidate; 0]>,
    /// Reassembly depth in bytes; 0 = no limit.
    pub(crate) depth: u32,

    /// Picked up without its SYN.
    pub(crate) midstream: bool,
    /// Picked up in the middle; nothing from the server seen yet.
    pub(crate) midstream_one_sided: bool,
    /// Picked up at the SYN/ACK.
    pub(crate) midstream_synack: bool,
    /// Both sides use timestamps.
    pub(crate) timestamps: bool,
    /// The first SYN had a window scale.
    pub(crate) syn_window_scale: bool,
    /// Only one side is seen.
    pub(crate) asynchronous: bool,
    /// Simultaneous open: SYN, SYN, SYN/ACK, ACK.
    pub(crate) four_way: bool,
    /// A handshake ACK with a wrong number was seen.
    pub(crate) evasion_attempt: bool,
    /// The first SYN permits SACK.
    pub(crate) syn_sack_ok: bool,
    /// Data was lost: resets are taken as they come.
    pub(crate) lossy: bool,
    /// The server has sent something after the handshake.
    pub(crate) handshake_confirmed: bool,
    /// The application layer has no more to do with this connection.
    pub(crate) app_disabled: bool,
    /// TCP Fast Open.
    pub(crate) fast_open: bool,
    /// The server did not take the data in the SYN.
    pub(crate) fast_open_ignored: bool,
    /// A zero window probe is under way, by direction.
    pub(crate) zero_window_probe: [bool; 2],
    /// Closed by a reset.
    pub(crate) closed_by_reset: bool,
    /// Payload of this flow is not inspected any more: it is encrypted.
    pub(crate) payload_unread: bool,
    /// Nobody will look at packets of this flow, so bytes need not be kept for them.
    pub(crate) uninspected: bool,
}

impl Session {
    /// The sequence and acknowledgement numbers that a direction would send next.
    pub(crate) fn next_numbers(&self, direction: Direction) -> (u32, u32) {
        (self.half(direction).next_seq.0, self.half(direction.opposite()).last_ack.0)
    }

    /// How far the sequence numbers of client and server have come from their first, SYN and FIN counted.
    pub(crate) fn sizes(&self) -> [u32; 2] {
        [Direction::ToServer, Direction::ToClient].map(|direction| {
            let half = self.half(direction);
            half.next_seq.since(half.isn)
        })
    }

    pub(crate) fn new(config: &StreamConfig) -> Box<Self> {
        Box::new(Self { depth: config.depth, ..Self::default() })
    }

    /// What tells a new connection from this one.
    pub fn outline(&self) -> Outline {
        let [client, server] = &self.halves;
        Outline { state: self.state, isns: [client.isn, server.isn], fast_open_ignored: self.fast_open_ignored }
    }

    /// The connection's state.
    pub fn state(&self) -> TcpState {
        self.state
    }

    /// Payload of this flow is not inspected any more: it is encrypted. Suricata: `FLOW_NOPAYLOAD_INSPECTION`.
    pub fn is_payload_unread(&self) -> bool {
        self.payload_unread
    }

    /// The half that the sender of packets in a direction fills.
    pub(crate) fn half(&self, direction: Direction) -> &Half {
        match direction {
            Direction::ToServer => &self.halves[0],
            Direction::ToClient => &self.halves[1],
        }
    }

    pub(crate) fn half_mut(&mut self, direction: Direction) -> &mut Half {
        match direction {
            Direction::ToServer => &mut self.halves[0],
            Direction::ToClient => &mut self.halves[1],
        }
    }

    /// The application layer gets nothing more of this connection.
    pub(crate) fn disable_app_layer(&mut self) {
        self.app_disabled = true;
        for half in &mut self.halves {
            half.detection_done = true;
        }
    }

    /// Exchanges client and server: the first packet came from the server after all.
    pub(crate) fn swap_direction(&mut self) {
        self.halves.swap(0, 1);
        if let FirstData::From(direction) = &mut self.first_data {
            *direction = direction.opposite();
        }
    }

    /// How far the stream of a direction is held from its base on: offset of the first byte, and the end of what is
    /// contiguous.
    pub fn held_range(&self, direction: Direction) -> (u64, u64) {
        let half = self.half(direction);
        (half.base, half.held.contiguous_end())
    }

    /// The bytes of a direction that are still held at an absolute offset (0 is the byte after the SYN), up to the next gap.
    pub fn held_at(&self, direction: Direction, offset: u64) -> &[u8] {
        match self.half(direction).held.at(offset) {
            At::Data(data) => data,
            At::Gap(_) | At::End => &[],
        }
    }

    /// The application layer is off for this connection. Suricata: `STREAMTCP_FLAG_APP_LAYER_DISABLED`.
    pub fn app_layer_disabled(&self) -> bool {
        self.app_disabled
    }

    /// The reassembly depth of a direction is reached.
    pub fn depth_reached(&self, direction: Direction) -> bool {
        self.half(direction).depth_reached
    }

    /// Says that no rule will look at packets of this flow any more (it was passed). The stream is followed as before, but
    /// bytes that the parser has had are not kept.
    pub fn stop_keeping_bytes(&mut self) {
        self.uninspected = true;
    }
}
