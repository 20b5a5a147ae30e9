//! TCP connections as Suricata keeps them in IPS mode: the state machine, its validity checks, and reassembly that hands
//! data to the application layer as it arrives, before it is acknowledged.
//!
//! In: one decoded TCP packet of a known flow and direction, and what is kept of the connection. Out: an [`Outcome`], the
//! packet's stream events (pushed to [`Packet::events`](crate::packet::Packet::events)), and the application layer moved on. Nothing here knows rules:
//! whether a packet is *inspected* at all, flow look-up, flow states and time-outs are others' work.
//!
//! What surprises: an invalid packet in an established connection is neither dropped nor looked at (case
//! `tcp-out-of-window`), in every other state it is a `stream error` and dropped; and data counts when it is seen, so a
//! packet that rules then drop has still moved the stream on (case `tls-hello-catchall-splits`).
//!
//! Read on in `step.rs` (one packet's way), then `handshake.rs`, `established.rs`, `closing.rs`, `reassembly.rs`.

mod checks;
mod closing;
mod config;
mod established;
mod handshake;
mod held;
mod raw;
mod reassembly;
mod reuse;
mod sack;
mod segments;
mod seq;
mod session;
mod shortcuts;
pub(crate) mod step;

pub use config::{ExceptionPolicy, OsPolicy, StreamConfig, UrgentPolicy};
pub use raw::{RawChunk, StreamUse};
pub use reuse::{is_reuse, is_reuse_without_session};
pub use seq::Seq;
pub use session::{Outline, Session, TcpState};
pub use step::{close_at_timeout, process};

pub(crate) use session::FirstData;

use crate::app::{AppConfig, FlowKeyView};
use crate::packet::EventSet;
use crate::verdict::{Cause, Direction};

/// What the stream engine must know of a packet's flow.
#[derive(Clone, Copy, Debug)]
pub struct FlowView {
    /// The packet's direction in the flow.
    pub direction: Direction,
    /// Ports, for protocol detection.
    pub key: FlowKeyView,
    /// How the application layer behaves.
    pub app: AppConfig,
    /// The flow is condemned: nothing of it is looked at. Suricata: `FLOW_ACTION_DROP`.
    pub condemned: bool,
}

/// What a flow's state becomes. Suricata: the argument of `FlowUpdateState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowState {
    /// Data may flow.
    Established,
    /// The connection is over, or nearly.
    Closed,
}

/// What an exception policy does to the whole flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowFate {
    /// It is condemned, and neither its packets nor their payload are inspected.
    Drop,
    /// It is passed uninspected.
    Pass,
    /// It is passed and not followed any more.
    Bypass,
}

/// Whose parser a packet's data has moved. Suricata: `enum StreamUpdateDir`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppUpdate {
    /// That of the packet's own direction.
    Packet,
    /// That of the other direction: its data had been waiting for this packet's.
    Opposing,
}

/// What the stream engine leaves behind for one packet, besides events.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Its checksum is wrong, so that it was left alone.
    pub wrong_checksum: bool,
    /// The packet is dropped, for this reason.
    pub drop: Option<Cause>,
    /// Its sender is told.
    pub reject: bool,
    /// An exception policy decided on the whole flow.
    pub flow_fate: Option<FlowFate>,
    /// The flow's new state, if it changed.
    pub flow_state: Option<FlowState>,
    /// The connection is established. Suricata: `PKT_STREAM_EST`.
    pub established: bool,
    /// The packet counts as one of an established flow although it is the last of the handshake: it carried data. To be added
    /// to what the flow table found. Suricata: `FLOW_PKT_ESTABLISHED` set late.
    pub established_by_data: bool,
    /// No rule looks at the payload of this packet.
    pub no_payload_inspection: bool,
    /// No rule looks at this packet.
    pub no_packet_inspection: bool,
    /// From the next packet on, no rule looks at payload of this flow (encrypted).
    pub flow_no_payload_inspection: bool,
    /// A parser was called. Transaction rules run on this packet if this is set, or if an earlier packet of the *other*
    /// direction left [`AppUpdate::Opposing`] behind and this is the first packet of its direction since.
    pub app_update: Option<AppUpdate>,
    /// Protocol detection of a direction has ended with this packet (to server, to client). Rules with
    /// `app-layer-protocol` look at the packet that ends it, and at the next one of that direction.
    pub detection_ended: [bool; 2],
    /// Events for `app-layer-event:applayer_...` on this packet.
    pub app_events: EventSet,
    /// The payload was added to the stream. Suricata: `PKT_STREAM_ADD`.
    pub stream_added: bool,
    /// Different bytes were sent over earlier ones: this is the payload as it is forwarded and inspected.
    pub rewritten: Option<Box<[u8]>>,
    /// Client and server of the flow have changed places, and so has this packet's direction.
    pub swapped: bool,
    /// The parser announced the end of inspection or a change of protocol: both directions are inspected at once, by two
    /// packets that do not exist: first one of this packet's direction, then one of the other.
    pub flush: bool,
}

/// What the pseudo packets at the end of a flow would be: one per direction that has something left to inspect.
///
/// `unfinished` says for each direction whether there are transactions that detection is not done with. The engine makes
/// the packets only for flows that are not condemned, to the server first, calling [`close_at_timeout`] and then detection for each.
pub fn pseudo_packets(session: &Session, unfinished: [bool; 2]) -> [bool; 2] {
    if session.state >= TcpState::Established && session.state != TcpState::Closed {
        return [true, true];
    }
    let [to_server, to_client] = unfinished;
    [
        to_server || session.has_unread_stream(Direction::ToServer),
        to_client || session.has_unread_stream(Direction::ToClient),
    ]
}
