//! Protocol detection, and one file per protocol turning stream bytes into transactions with named buffers.
//!
//! In: contiguous bytes of one direction of a flow, as the stream engine (or a datagram) delivers them. Out: the
//! application protocol, transactions with buffers, and events. Nothing here knows rules or verdicts.

mod proto;
pub(crate) mod tcp;

pub use proto::AppProto;

use crate::packet::EventSet;
use crate::verdict::Direction;

/// What the stream engine says about a piece of data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataFlags {
    /// First data of this direction.
    pub start: bool,
    /// The direction has ended; there may be no data.
    pub eof: bool,
    /// The reassembly depth of this direction is reached with this data.
    pub depth: bool,
    /// The flow was picked up without its handshake.
    pub midstream: bool,
}

/// The flow as protocol detection needs to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowKeyView {
    /// IANA protocol number: 6 or 17.
    pub ip_proto: u8,
    /// The client's port.
    pub client_port: u16,
    /// The server's port.
    pub server_port: u16,
}

/// What detection made of the data of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// The protocol, or [`AppProto::Unknown`].
    pub proto: AppProto,
    /// The data is a server's although the flow has it as the client's (or the other way round).
    pub reversed: bool,
}

/// How a parser left a piece of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// All of it is consumed.
    Ok,
    /// `consumed` bytes are; the parser wants to be called again once `needed` bytes from there on are there.
    Incomplete {
        /// Bytes taken.
        consumed: u32,
        /// Bytes wanted, counted from behind the consumed ones.
        needed: u32,
    },
    /// The parser gave up on this flow.
    Error,
    /// The protocol is only detected: there is no parser for it.
    NoParser,
}

/// What a parser has asked of the stream engine. A parser sets these and never takes them back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// Nothing more of the flow is to be parsed or inspected. Suricata: `APP_LAYER_PARSER_NO_INSPECTION`.
    pub no_inspection: bool,
    /// With `no_inspection`: nothing more is to be reassembled either. Suricata: `APP_LAYER_PARSER_NO_REASSEMBLY`.
    pub no_reassembly: bool,
    /// Payload is no longer to be inspected (it is encrypted), parsing goes on. Suricata:
    /// `APP_LAYER_PARSER_NO_INSPECTION_PAYLOAD`.
    pub no_payload_inspection: bool,
    /// The rest of the flow is another protocol: the one expected, or [`AppProto::Unknown`] for any. Cleared by the stream
    /// engine when detection has run again.
    pub change_protocol: Option<AppProto>,
    /// How many bytes before what was parsed rules may want to look at again (to server, to client). Suricata:
    /// `min_inspect_depth`.
    pub min_inspect_bytes: [u32; 2],
    /// `no_inspection` has been acted on. The stream engine's own mark.
    pub(crate) no_inspection_done: bool,
    /// `no_payload_inspection` has been acted on. The stream engine's own mark.
    pub(crate) no_payload_inspection_done: bool,
}

/// The application layer of one flow.
///
/// Detection state, the protocol each direction was found to speak, and the parser with its transactions.
#[derive(Debug, Default)]
pub struct AppLayer {
    /// The flow's protocol. Suricata: `f->alproto`.
    pub proto: AppProto,
    /// What the client speaks. Suricata: `f->alproto_ts`.
    pub proto_to_server: AppProto,
    /// What the server speaks. Suricata: `f->alproto_tc`.
    pub proto_to_client: AppProto,
    /// Events of the flow's application layer as such (`app-layer-event:applayer_...`).
    pub events: EventSet,
    /// What the parser wants of the stream engine.
    pub requests: Requests,
}

impl AppLayer {
    /// No more data will come in this direction. Suricata: `APP_LAYER_PARSER_EOF_TS`, `_TC`.
    pub fn end_of_stream(&mut self, _direction: Direction) {}

    /// Drops the parser and its transactions. Suricata: `FlowCleanupAppLayer`.
    pub fn forget_parser(&mut self) {}

    /// Makes detection of a direction start afresh.
    pub fn restart_detection(&mut self, _direction: Direction) {}

    /// Some transaction is not complete as far as this direction goes: it is to be inspected when the flow ends.
    pub fn has_unfinished_transactions(&self, _direction: Direction) -> bool {
        false
    }

    /// Runs protocol detection over all contiguous data of a direction seen so far.
    pub fn detect(&mut self, _flow: FlowKeyView, _direction: Direction, _data: &[u8], _flags: DataFlags) -> Detected {
        Detected::default()
    }

    /// Pattern detection is over for this direction: no pattern can match any more. Suricata: `FLOW_IS_PM_DONE`.
    pub fn patterns_done(&self, _direction: Direction) -> bool {
        false
    }

    /// Probing is over for this direction. Suricata: `FLOW_IS_PP_DONE`.
    pub fn probing_done(&self, _direction: Direction) -> bool {
        false
    }

    /// Gives the parser of [`AppLayer::proto`] data of a direction; creates the parser at the first call.
    pub fn parse(&mut self, _flow: FlowKeyView, _direction: Direction, _data: &[u8], _flags: DataFlags) -> Parsed {
        Parsed::Ok
    }

    /// Tells the parser that `len` bytes of a direction are missing. Suricata: `STREAM_GAP`.
    pub fn gap(&mut self, _direction: Direction, _len: u32) -> Parsed {
        Parsed::Ok
    }
}
