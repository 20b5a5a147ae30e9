//! HTTP/1.

use super::transaction::Buffer;
use super::{FlowKeyView, Parsed, Transactions, Wishes};
use crate::verdict::Direction;

/// How far a request or response has come.
pub mod progress {
    /// Nothing was seen.
    pub const NOT_STARTED: u8 = 0;
    /// The first line.
    pub const LINE: u8 = 1;
    /// Headers.
    pub const HEADERS: u8 = 2;
    /// The body.
    pub const BODY: u8 = 3;
    /// Headers behind a chunked body.
    pub const TRAILER: u8 = 4;
    /// The end.
    pub const COMPLETE: u8 = 5;
}

/// A request and its response.
#[derive(Debug, Default)]
pub struct Http1Tx {}

impl Http1Tx {
    pub(super) fn progress(&self, _direction: Direction) -> u8 {
        0
    }

    pub(super) fn buffer(&self, _buffer: Buffer, _direction: Direction) -> Option<&[u8]> {
        None
    }
}

#[derive(Debug, Default)]
pub(super) struct Http1Parser {}

impl Http1Parser {
    pub(super) fn parse(
        &mut self,
        _txs: &mut Transactions,
        _flow: FlowKeyView,
        _direction: Direction,
        _data: &[u8],
        _eof: bool,
        _wishes: &mut Wishes,
    ) -> Parsed {
        Parsed::Ok
    }

    pub(super) fn gap(&mut self, _txs: &mut Transactions, _direction: Direction, _len: u32) -> Parsed {
        Parsed::Ok
    }
}
