//! HTTP/1: requests and responses of a connection, as tolerantly as libhtp 0.5 reads them.
//!
//! In: the bytes of each direction. Out: one transaction for each request, the response joined to it. `request.rs` and
//! `response.rs` hold the two state machines, `message.rs` what they read, `uri.rs` and `host.rs` what a target says.
//! httparse is no help here: what it refuses is what matters. `body.rs` keeps bodies for rules,
//! `decoding.rs` undoes their compression.

mod body;
mod decoding;
mod header_block;
mod host;
mod message;
mod request;
mod response;
mod text;
mod uri;

pub use message::Http1Tx;

use std::borrow::Cow;

use smallvec::SmallVec;

use super::transaction::{TxData, raise};
use super::{AppConfig, AppProto, FlowKeyView, Parsed, Transactions, Wishes};
use crate::packet::{Event, EventSet};
use crate::verdict::Direction;
use request::RequestState;
use response::ResponseState;

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

/// An unfinished line may be so long. Suricata's `meta-field-limit`.
const LINE_BYTES_MAX: usize = 18_000;
/// Transactions of a connection that may be live.
const TRANSACTIONS_MAX: usize = 512;
/// What is kept of a folded header.
const FOLDED_BYTES_MAX: usize = 102_400;

/// What the last call left a direction in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Status {
    #[default]
    Open,
    /// Waits for the other direction, with data left over.
    WaitsForOther,
    /// What follows is no HTTP.
    Tunnel,
    /// The stream has ended; left with the next data.
    Closed,
    Error,
}

/// What a step of a state machine says.
enum Step {
    /// Take the next one.
    Go,
    /// There is no data for one.
    NeedsData,
    /// The other direction must go on first.
    WaitsForOther,
    /// Nothing can be made of the data.
    Fail,
}

/// A direction's data of one call, and what earlier calls left.
#[derive(Debug, Default)]
struct Lane {
    status: Status,
    /// The beginning of an unfinished line.
    carry: Vec<u8>,
    /// A header that may go on in the next line.
    header: Option<Vec<u8>>,
    /// The transaction at hand.
    tx: Option<u64>,
}

/// The data of one call.
#[derive(Clone, Copy, Debug)]
struct Input<'a> {
    data: &'a [u8],
    /// What is not read yet begins here.
    at: usize,
}

impl<'a> Input<'a> {
    fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn take(&mut self, len: usize) -> &'a [u8] {
        let rest = self.rest();
        let taken = rest.get(..len).unwrap_or(rest);
        self.at += taken.len();
        taken
    }
}

impl Input<'_> {
    /// Takes everything up to the end of the line; `false` when it does not end here.
    fn take_line(&mut self) -> bool {
        let end = memchr::memchr(b'\n', self.rest());
        self.take(end.map_or(usize::MAX, |end| end + 1));
        end.is_some()
    }
}

/// A line would be longer than any may be.
struct LineTooLong;

impl Lane {
    /// Everything up to `end` bytes of the rest, with what earlier calls left before it. Only a line put together has a
    /// limit.
    fn line<'a>(&mut self, input: &mut Input<'a>, end: usize) -> Result<Cow<'a, [u8]>, LineTooLong> {
        let taken = input.take(end);
        if self.carry.is_empty() {
            return Ok(taken.into());
        }
        self.append(taken)?;
        Ok(std::mem::take(&mut self.carry).into())
    }

    /// Keeps the rest for the next call.
    fn keep(&mut self, input: &mut Input) -> Result<(), LineTooLong> {
        let rest = input.take(usize::MAX);
        self.append(rest)
    }

    fn append(&mut self, data: &[u8]) -> Result<(), LineTooLong> {
        let pending = self.header.as_ref().map_or(0, Vec::len);
        if self.carry.len() + data.len() + pending > LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        self.carry.extend_from_slice(data);
        Ok(())
    }
}

/// What a call brought of a block of headers.
#[derive(Debug, Default)]
struct BlockRead<'a> {
    fields: Vec<header_block::Field>,
    /// What was taken of the data.
    sent: &'a [u8],
    has_ended: bool,
    /// What is left over is longer than any line may be.
    is_too_long: bool,
}

impl Lane {
    /// Reads headers of a block, behind what earlier calls left of it, and keeps the beginning of another for the next call.
    fn block<'a>(
        &mut self,
        input: &mut Input<'a>,
        closed: bool,
        direction: Direction,
    ) -> Result<BlockRead<'a>, LineTooLong> {
        if closed {
            let begun = self.header.take().unwrap_or_default();
            self.carry.clear();
            let fields = header_block::read(direction, true, &begun).fields;
            return Ok(BlockRead { fields, ..BlockRead::default() });
        }
        let data = input.rest();
        let line_end = memchr::memchr(b'\n', data);
        let pending = self.header.as_ref().map_or(0, Vec::len);
        let line_len = line_end.map_or(data.len(), |end| end + 1);
        let is_checked = line_end.is_none() || self.header.is_some();
        if is_checked && line_len > 0 && self.carry.len() + line_len + pending > LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        let Some(_) = line_end else {
            let sent = input.take(usize::MAX);
            self.header.get_or_insert_default().extend_from_slice(sent);
            return Ok(BlockRead { sent, ..BlockRead::default() });
        };
        let begun = self.header.take();
        let joined = begun.map(|mut begun| {
            begun.extend_from_slice(data);
            begun
        });
        let block = joined.as_deref().unwrap_or(data);
        let header_block::Block { fields, rest, has_ended } = header_block::read(direction, false, block);
        let untouched = rest.len() == block.len();
        let empty_line = match direction {
            Direction::ToServer => [&b"\r\n"[..], b"\n"].into_iter().find(|end| rest.starts_with(end)),
            Direction::ToClient => [&b"\r\n"[..], b"\n"].into_iter().find(|end| rest == *end),
        };
        if let Some(end) = empty_line.filter(|_| untouched) {
            return Ok(BlockRead { fields, sent: input.take(end.len()), has_ended: true, is_too_long: false });
        }
        if has_ended {
            let sent = input.take(data.len().saturating_sub(rest.len()));
            return Ok(BlockRead { fields, sent, has_ended, is_too_long: false });
        }
        let is_too_long = !rest.is_empty() && self.carry.len() + rest.len() > LINE_BYTES_MAX;
        let sent = input.take(usize::MAX);
        self.header = Some(rest.to_vec());
        Ok(BlockRead { fields, sent, has_ended, is_too_long })
    }
}

/// The parser of a connection.
#[derive(Debug, Default)]
pub(super) struct Http1Parser {
    config: AppConfig,
    request_lane: Lane,
    response_lane: Lane,
    request: RequestState,
    response: ResponseState,
    /// The body length that the request under way announced, and what of it is missing. As in libhtp these outlive it.
    request_body: (u64, u64),
    /// The transaction that the next response belongs to.
    next_response: u64,
    /// Responses that are complete.
    n_responses: u64,
    /// The response to a refused `CONNECT` ends with a look at the requests.
    yield_at_end: bool,
    closed: [bool; 2],
    /// What parsing found odd and no transaction has yet; what the end of a direction brings up waits for the next data.
    logged: Vec<Event>,
}

/// Events that libhtp keeps with the transaction they are about; it only logs the others.
const OF_THE_TRANSACTION: &[&str] = &[
    "http.invalid_transfer_encoding_value_in_request",
    "http.invalid_content_length_field_in_request",
    "http.missing_host_header",
    "http.host_header_ambiguous",
    "http.request_uri_host_invalid",
    "http.request_header_host_invalid",
    "http.request_auth_unrecognized",
];

/// Events of transactions by their ids.
type EventsBefore = SmallVec<[(u64, EventSet); 2]>;

fn take_events(txs: &mut Transactions) -> EventsBefore {
    let with_events = txs.list.iter_mut().filter(|tx| !tx.events.is_empty());
    with_events.map(|tx| (tx.id, std::mem::take(&mut tx.events))).collect()
}

impl Http1Parser {
    pub(super) fn new(config: AppConfig) -> Self {
        Self { config, ..Self::default() }
    }

    /// Takes data of a direction, or its end.
    pub(super) fn parse(
        &mut self,
        txs: &mut Transactions,
        _flow: FlowKeyView,
        direction: Direction,
        data: &[u8],
        eof: bool,
        wishes: &mut Wishes,
    ) -> Parsed {
        let before = take_events(txs);
        let parsed = self.parse_data(txs, direction, data, wishes);
        self.keep_logged(txs, before);
        // an upgrade to HTTP/2 ends everything else
        if !data.is_empty() && wishes.change.is_none_or(|(_, to)| to != AppProto::Http2) {
            self.hand_out_logged(txs, direction);
        }
        if wishes.change.is_some_and(|(_, to)| to == AppProto::Http2) {
            return parsed;
        }
        if eof && !std::mem::replace(self.closed_flag(direction), true) {
            let before = take_events(txs);
            close(&mut self.request_lane);
            if direction == Direction::ToClient {
                close(&mut self.response_lane);
            }
            self.requests(txs, &[], wishes);
            if direction == Direction::ToClient {
                self.responses(txs, &[], wishes);
            }
            self.keep_logged(txs, before);
        }
        parsed
    }

    fn parse_data(&mut self, txs: &mut Transactions, direction: Direction, data: &[u8], wishes: &mut Wishes) -> Parsed {
        let mut parsed = Parsed::Ok;
        match direction {
            _ if data.is_empty() => {}
            Direction::ToServer => {
                self.requests(txs, data, wishes);
                if self.request_lane.status == Status::Error {
                    parsed = Parsed::Error;
                }
            }
            Direction::ToClient => {
                let consumed = self.responses(txs, data, wishes);
                if self.response_lane.status == Status::Error {
                    parsed = Parsed::Error;
                } else if self.response_lane.status == Status::Tunnel
                    && let Some(next) = self.upgrade(txs, wishes.config)
                {
                    let port = self.response_lane.tx.and_then(|id| tx(txs, id)).and_then(|(tx, _)| tx.port);
                    wishes.change = Some((port, next));
                    let left = data.len() - consumed;
                    if consumed > 0 && left > 0 {
                        parsed = Parsed::Incomplete { consumed: consumed as u32, needed: left as u32 };
                    }
                }
            }
        }
        parsed
    }

    /// Puts the events back that transactions had before a piece of work, and keeps those that it only logged.
    fn keep_logged(&mut self, txs: &mut Transactions, mut before: EventsBefore) {
        for tx in &mut txs.list {
            let known = before.iter_mut().find(|(id, _)| *id == tx.id).map(|(_, events)| std::mem::take(events));
            if tx.events.is_empty() {
                tx.events = known.unwrap_or_default();
                continue;
            }
            for event in std::mem::replace(&mut tx.events, known.unwrap_or_default()) {
                if OF_THE_TRANSACTION.contains(&event.0) {
                    tx.raise(event.0);
                } else {
                    self.logged.push(event);
                }
            }
        }
    }

    /// Gives what was logged to the transaction that is under way at the end of the data: Suricata does not know which it
    /// was about.
    fn hand_out_logged(&mut self, txs: &mut Transactions, direction: Direction) {
        if self.logged.is_empty() {
            return;
        }
        let id = match direction {
            Direction::ToServer => txs.next_id.saturating_sub(1),
            Direction::ToClient => self.n_responses,
        };
        let logged = std::mem::take(&mut self.logged);
        let id = if txs.by_id(id).is_some() { id } else { id.saturating_sub(1) };
        if let Some(tx) = txs.by_id(id) {
            for event in logged {
                tx.raise(event.0);
            }
            if let TxData::Http1(http1) = &mut tx.data
                && self.config.http_by_libhtp_rs
            {
                http1.side(direction).updated = true;
            }
        }
    }

    fn closed_flag(&mut self, direction: Direction) -> &mut bool {
        let [request, response] = &mut self.closed;
        match direction {
            Direction::ToServer => request,
            Direction::ToClient => response,
        }
    }

    /// Bytes are missing: bodies of known length go on, everything else stands still.
    pub(super) fn gap(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        len: u32,
        wishes: &mut Wishes,
    ) -> Parsed {
        match direction {
            Direction::ToServer => self.request_gap(txs, u64::from(len)),
            Direction::ToClient => self.response_gap(txs, u64::from(len), wishes),
        }
        Parsed::Ok
    }

    /// What the server has agreed to speak from here on.
    fn upgrade(&self, txs: &mut Transactions, config: AppConfig) -> Option<AppProto> {
        let (tx, _) = self.response_lane.tx.and_then(|id| tx(txs, id))?;
        let protocol = tx.response.headers.get(b"Upgrade").filter(|_| tx.status == Some(101))?;
        match protocol {
            b"h2c" => Some(AppProto::Http2),
            _ if config.websocket_after_upgrade && protocol.eq_ignore_ascii_case(b"websocket") => {
                Some(AppProto::Websocket)
            }
            _ => None,
        }
    }

    /// A new transaction; `None` when there are too many.
    fn new_tx(&mut self, txs: &mut Transactions) -> Option<u64> {
        if txs.list.len() >= TRANSACTIONS_MAX {
            return None;
        }
        let id = txs.push(TxData::Http1(Box::new(Http1Tx::new(self.config)))).id;
        self.request_lane.tx = Some(id);
        Some(id)
    }

    /// The request is over.
    fn complete_request(&mut self, txs: &mut Transactions) {
        let mut state = RequestState::Idle;
        if let Some((tx, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) {
            tx.tell_defects(events);
            tx.request.progress = progress::COMPLETE;
            tx.request.updated = true;
            tx.end_request_body();
            if tx.is_http09 {
                state = RequestState::IgnoreRest;
            }
        }
        self.request_lane.tx = None;
        self.request = state;
    }
}

fn close(lane: &mut Lane) {
    if lane.status != Status::Error {
        lane.status = Status::Closed;
    }
}

/// The transaction of an id with its events, unless it is forgotten.
fn tx(txs: &mut Transactions, id: u64) -> Option<(&mut Http1Tx, &mut EventSet)> {
    let tx = txs.by_id(id)?;
    match &mut tx.data {
        TxData::Http1(http1) => Some((http1, &mut tx.events)),
        _ => None,
    }
}

impl Http1Tx {
    /// The request as HTTP/2 would have it: its pseudo headers first.
    pub(super) fn as_http2(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let method = self.method.as_deref().map(|method| (&b":method"[..], method));
        let path = self.uri.as_deref().map(|path| (&b":path"[..], path));
        let headers = self.request.headers.iter().map(|(name, value)| {
            let name = if name.eq_ignore_ascii_case(b"host") { b":authority" } else { name };
            (name, value)
        });
        method.into_iter().chain(path).chain(headers)
    }
}

/// Joins header lines, or reads the header before when a new one begins. `next` is the first byte behind the line.
struct Folding<'a> {
    lane: &'a mut Lane,
    tx: &'a mut Http1Tx,
    events: &'a mut EventSet,
    direction: Direction,
}

impl Folding<'_> {
    fn line(&mut self, line: &[u8], next: Option<u8>) -> Result<(), message::TooMany> {
        let line = text::chomp(line);
        if line.first().is_some_and(|&byte| !text::is_folding(byte)) {
            self.flush()?;
            // A request's header waits for the next byte, a response's only if that goes on with it.
            let may_go_on = match self.direction {
                Direction::ToServer => next.is_none_or(text::is_folding),
                Direction::ToClient => next.is_some_and(text::is_folding),
            };
            if may_go_on {
                self.lane.header = Some(line.to_vec());
                return Ok(());
            }
            return self.tx.read_header(self.events, self.direction, line);
        }
        let Some(header) = &mut self.lane.header else {
            self.folding_is_invalid();
            self.lane.header = Some(text::split_while(line, text::is_folding).1.to_vec());
            return Ok(());
        };
        let is_header = self.direction == Direction::ToClient
            && line.contains(&b':')
            && header.contains(&b':')
            && self.tx.response.version == message::Protocol::Http11;
        if is_header {
            self.folding_is_invalid();
            self.flush()?;
            self.lane.header = Some(line.get(1..).unwrap_or_default().to_vec());
        } else if header.len() < FOLDED_BYTES_MAX {
            header.extend_from_slice(line);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), message::TooMany> {
        match self.lane.header.take() {
            Some(header) => self.tx.read_header(self.events, self.direction, &header),
            None => Ok(()),
        }
    }

    fn folding_is_invalid(&mut self) {
        if !std::mem::replace(&mut self.tx.told.folding, true) {
            let name = match self.direction {
                Direction::ToServer => "http.invalid_request_field_folding",
                Direction::ToClient => "http.invalid_response_field_folding",
            };
            raise(self.events, name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AppConfig, AppLayer, Buffer, DataFlags, Keep, Tx};
    use super::*;
    use Direction::{ToClient, ToServer};

    fn talk(talk: &[(Direction, &str)]) -> (AppLayer, Vec<Parsed>) {
        let keep = Keep { bodies: true, ..Keep::default() };
        let config = AppConfig { keep, ..AppConfig::default() };
        let mut app = AppLayer { proto: AppProto::Http1, ..AppLayer::new(config) };
        let flow = FlowKeyView { ip_proto: 6, client_port: 40000, server_port: 80 };
        let parse = |(direction, data): &(Direction, &str)| {
            let flags = DataFlags { eof: data.is_empty(), ..DataFlags::default() };
            app.parse(flow, *direction, data.as_bytes(), flags)
        };
        let parsed = talk.iter().map(parse).collect();
        (app, parsed)
    }

    fn text(tx: &Tx, buffer: Buffer, direction: Direction) -> Option<&str> {
        tx.buffer(buffer, direction).map(|bytes| std::str::from_utf8(bytes).unwrap())
    }

    #[track_caller]
    fn check_host(request: &str, host: Option<&str>, raw: Option<&str>, events: &[&str]) {
        let (app, _) = talk(&[(ToServer, request)]);
        let tx = app.transaction(0).unwrap();
        let raised: Vec<&str> = tx.events.iter().map(|event| event.0).collect();
        let got = (text(tx, Buffer::HttpHost, ToServer), text(tx, Buffer::HttpHostRaw, ToServer));
        assert_eq!((got, raised.as_slice()), ((host, raw), events));
    }

    #[test]
    fn the_host_is_that_of_the_target_or_the_header() {
        check_host(
            "GET / HTTP/1.1\r\nHost: WWW.A.example.\r\n\r\n",
            Some("www.a.example."),
            Some("WWW.A.example."),
            &[],
        );
        check_host(
            "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            Some("b.example"),
            Some("b.example"),
            &["http.host_header_ambiguous"],
        );
        check_host("GET / HTTP/1.1\r\n\r\n", None, None, &["http.missing_host_header"]);
        check_host("GET / HTTP/1.0\r\n\r\n", None, None, &[]);
    }

    #[test]
    fn a_request_is_whole_with_its_empty_line() {
        let (app, _) = talk(&[(ToServer, "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n")]);
        assert_eq!(app.transaction(0).unwrap().progress(ToServer), progress::HEADERS);
        let (app, _) = talk(&[(ToServer, "GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r"), (ToServer, "\n")]);
        let tx = app.transaction(0).unwrap();
        assert_eq!(tx.progress(ToServer), progress::COMPLETE);
        assert_eq!(text(tx, Buffer::HttpHeaderNames, ToServer), Some("\r\nHost\r\nX\r\n\r\n"));
        assert_eq!(text(tx, Buffer::HttpHeader, ToServer), Some("Host: a\r\nX: 1 2\r\n"));
    }

    #[test]
    fn pipelined_requests_meet_their_responses() {
        let (app, _) = talk(&[
            (ToServer, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: b\r\nContent-Length: 3\r\n\r\nxyz"),
            (
                ToClient,
                "HTTP/1.1 204 No\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            ),
        ]);
        let status: Vec<_> = app.transactions().map(|(_, tx)| tx.http1().unwrap().status()).collect();
        assert_eq!(status, [Some(204), Some(200)]);
        let tx = app.transaction(1).unwrap();
        assert_eq!(tx.request_body().map(|window| window.bytes), Some(&b"xyz"[..]));
        let files: Vec<_> = tx
            .files(ToClient, super::super::body::Use::File, false)
            .map(|window| (window.bytes, window.is_end))
            .collect();
        assert_eq!(files, [(&b"ok"[..], true)]);
        assert_eq!(tx.progress(ToClient), progress::COMPLETE);
    }

    #[test]
    fn an_opened_tunnel_changes_the_protocol() {
        let (app, _) = talk(&[
            (ToServer, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n"),
            (ToClient, "HTTP/1.1 200 OK\r\n\r\n"),
        ]);
        let change = app.protocol_change().unwrap();
        assert_eq!((change.port, change.expected), (Some(443), AppProto::Unknown));
    }

    #[test]
    fn a_continue_is_no_response() {
        let (app, _) = talk(&[
            (ToServer, "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"),
            (ToClient, "HTTP/1.1 100 Continue\r\n\r\n"),
            (ToServer, "x"),
            (ToClient, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"),
        ]);
        assert_eq!(app.n_transactions(), 1);
        assert_eq!(app.transaction(0).unwrap().http1().unwrap().status(), Some(201));
    }

    #[test]
    fn a_body_of_no_known_length_ends_with_the_connection() {
        let (app, _) =
            talk(&[(ToServer, "GET / HTTP/1.0\r\n\r\n"), (ToClient, "HTTP/1.0 200 OK\r\n\r\nbody"), (ToClient, "")]);
        assert_eq!(app.transaction(0).unwrap().progress(ToClient), progress::COMPLETE);
    }

    #[test]
    fn a_length_that_is_none_ends_parsing() {
        let (_, parsed) = talk(&[(ToServer, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")]);
        assert_eq!(parsed, [Parsed::Error]);
    }

    #[test]
    fn no_cut_of_the_data_matters() {
        let request = "POST /a%20b HTTP/1.1\r\nHost: A\r\nX: 1\r\n\t2\r\nContent-Length: 2\r\n\r\nok\
                       GET / HTTP/1.1\r\nHost: B\r\n\r\n";
        for cut in 1..request.len() {
            let (first, second) = request.split_at(cut);
            let (app, _) = talk(&[(ToServer, first), (ToServer, second)]);
            let uris: Vec<_> = app.transactions().map(|(_, tx)| text(tx, Buffer::HttpUri, ToServer)).collect();
            assert_eq!(uris, [Some("/a b"), Some("/")], "cut at {cut}");
            assert_eq!(
                text(app.transaction(0).unwrap(), Buffer::HttpHeader, ToServer),
                Some("Host: A\r\nX: 1\t2\r\nContent-Length: 2\r\n")
            );
        }
    }
}
