//! The responses of a connection.

use super::super::transaction::raise;
use super::super::{AppProto, Transactions, Wishes};
use super::text::{
    ChunkLength, chunk_length, contains_nocase, content_length, is_space, is_terminator, loose_chunk_length,
    split_while, without_nul,
};
use super::{Folding, Http1Parser, Input, LineTooLong, Status, Step, progress, request::RequestState, tx};
use crate::verdict::Direction;

/// A chunk length is given up when so much is there and no digit begins it.
const CHUNK_PROBE_BYTES: usize = 8;

/// Where the responses are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseState {
    #[default]
    Idle,
    Line,
    Headers,
    /// A body of known length, so much of which is missing.
    Identity(u64),
    /// A body until the connection ends.
    UntilClose,
    ChunkLength,
    Chunk(u64),
    ChunkEnd,
    Finalize,
}

/// Where a line ends.
enum LineEnd {
    At(usize),
    /// The next byte decides.
    Unknown,
}

impl Http1Parser {
    /// Takes data of the server, or none when it has closed; returns how much of it is taken.
    pub(super) fn responses(&mut self, txs: &mut Transactions, data: &[u8], wishes: &mut Wishes) -> usize {
        if matches!(self.response_lane.status, Status::Error | Status::Tunnel) {
            return 0;
        }
        if self.response != ResponseState::Idle && self.response_lane.tx.and_then(|id| tx(txs, id)).is_none() {
            // As in libhtp: the response of a refused `CONNECT` is not quite over when its transaction is forgotten.
            self.response_lane.status = Status::Error;
            return 0;
        }
        let mut input = Input { data, at: 0 };
        loop {
            match self.response_step(txs, &mut input, wishes) {
                Step::Go if self.response_lane.status == Status::Tunnel => return input.at,
                Step::Go => {}
                Step::NeedsData => {
                    self.response_lane.status = Status::Open;
                    return input.at;
                }
                Step::WaitsForOther => {
                    let all = input.rest().is_empty();
                    self.response_lane.status = if all { Status::Open } else { Status::WaitsForOther };
                    return input.at;
                }
                Step::Fail => {
                    self.response_lane.status = Status::Error;
                    return input.at;
                }
            }
        }
    }

    pub(super) fn response_gap(&mut self, txs: &mut Transactions, len: u64, wishes: &mut Wishes) {
        match self.response {
            ResponseState::Identity(left) => {
                if let Some((tx, _)) = self.response_lane.tx.and_then(|id| tx(txs, id)) {
                    tx.skip_response_body(wishes.keep.bodies);
                }
                self.response = ResponseState::Identity(left.saturating_sub(len));
                if left <= len {
                    self.response = ResponseState::Finalize;
                    let _ = self.complete_response(txs, wishes);
                }
            }
            ResponseState::Finalize => {
                let _ = self.complete_response(txs, wishes);
            }
            _ => {}
        }
    }

    fn response_is_closed(&self) -> bool {
        self.response_lane.status == Status::Closed
    }

    fn response_step(&mut self, txs: &mut Transactions, input: &mut Input, wishes: &mut Wishes) -> Step {
        match self.response {
            ResponseState::Idle => self.response_start(txs, input),
            ResponseState::Line => self.response_line(txs, input, wishes),
            ResponseState::Headers if self.config.http_by_libhtp_rs => self.response_block(txs, input),
            ResponseState::Headers => self.response_headers(txs, input),
            ResponseState::Identity(left) => {
                if self.response_is_closed() {
                    self.response = ResponseState::Finalize;
                    self.end_coding(txs, wishes);
                    return Step::Go;
                }
                let taken = input.take(usize::try_from(left).unwrap_or(usize::MAX));
                if taken.is_empty() {
                    return Step::NeedsData;
                }
                if !self.keep_response_body(txs, taken, wishes) {
                    return Step::Fail;
                }
                let left = left - taken.len() as u64;
                self.response = ResponseState::Identity(left);
                if left == 0 {
                    self.response = ResponseState::Finalize;
                    self.end_coding(txs, wishes);
                }
                Step::Go
            }
            ResponseState::UntilClose => {
                let taken = input.take(usize::MAX);
                if !taken.is_empty() && !self.keep_response_body(txs, taken, wishes) {
                    return Step::Fail;
                }
                if self.response_is_closed() {
                    self.response = ResponseState::Finalize;
                    return Step::Go;
                }
                Step::NeedsData
            }
            ResponseState::ChunkLength => self.response_chunk_length(txs, input, wishes),
            ResponseState::Chunk(left) => {
                let taken = input.take(usize::try_from(left).unwrap_or(usize::MAX));
                if taken.is_empty() {
                    return Step::NeedsData;
                }
                if !self.keep_response_body(txs, taken, wishes) {
                    return Step::Fail;
                }
                let left = left - taken.len() as u64;
                self.response = if left == 0 { ResponseState::ChunkEnd } else { ResponseState::Chunk(left) };
                Step::Go
            }
            ResponseState::ChunkEnd => {
                if input.take_line() {
                    self.response = ResponseState::ChunkLength;
                    Step::Go
                } else {
                    Step::NeedsData
                }
            }
            ResponseState::Finalize => self.response_finalize(txs, input, wishes),
        }
    }

    /// Keeps an unfinished line for later.
    fn wait_for_response_line(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        match self.response_lane.keep(input) {
            Ok(()) => Step::NeedsData,
            Err(LineTooLong) => self.response_line_too_long(txs),
        }
    }

    fn response_line_too_long(&self, txs: &mut Transactions) -> Step {
        if let Some((tx, events)) = self.response_lane.tx.and_then(|id| tx(txs, id))
            && tx.config.http_by_libhtp_rs
        {
            raise(events, "http.response_field_too_long");
        }
        Step::Fail
    }

    /// Finds the request of the response that begins, or makes up one.
    fn response_start(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        if input.peek().is_none() {
            return Step::NeedsData;
        }
        let mut id = self.next_response;
        if let Some((tx, _)) = tx(txs, id) {
            tx.response.updated = true;
        } else {
            if self.request == RequestState::Finalize {
                self.complete_request(txs);
            }
            let request_at_hand = self.request_lane.tx;
            let Some(made) = self.new_tx(txs) else { return Step::Fail };
            id = made;
            if let Some((tx, _)) = tx(txs, id) {
                tx.without_request();
            }
            if let Some((_, events)) = tx(txs, id) {
                raise(events, "http.unable_to_match_response_to_request");
            }
            if self.config.http_by_libhtp_rs {
                // A request under way goes on in the transaction made up; else what the client sends is one of its own.
                if self.request == RequestState::Idle {
                    self.request_lane.tx = request_at_hand;
                }
                if let Some((tx, _)) = tx(txs, id) {
                    tx.request.progress = progress::COMPLETE;
                    tx.response.updated = true;
                }
            } else {
                self.request = RequestState::Finalize;
            }
        }
        self.next_response += 1;
        self.response_lane.tx = Some(id);
        let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
        if tx.is_http09 {
            tx.response.progress = progress::BODY;
            self.response = ResponseState::UntilClose;
        } else {
            tx.response.progress = progress::LINE;
            self.response = ResponseState::Line;
        }
        if tx.method.is_none() && tx.uri.is_none() && self.request == RequestState::Line {
            raise(events, "http.request_line_incomplete");
        }
        Step::Go
    }

    fn response_line(&mut self, txs: &mut Transactions, input: &mut Input, wishes: &Wishes) -> Step {
        let closed = self.response_is_closed();
        let end = match status_line_end(input.rest()) {
            Some(LineEnd::At(end)) => end,
            None if closed => input.rest().len(),
            Some(LineEnd::Unknown) | None => return self.wait_for_response_line(txs, input),
        };
        let Ok(line) = self.response_lane.line(input, end) else { return self.response_line_too_long(txs) };
        if is_terminator(&line, false) {
            if closed {
                self.response = ResponseState::Finalize;
            }
            return Step::Go;
        }
        if is_body(&line) {
            // What does not look like a status line is a body, unless a better line may follow.
            let behind = input.rest();
            if behind.len() > 1 && (behind.first() == Some(&b'H') || super::text::chomp(&line).len() <= 2) {
                return Step::Go;
            }
            if let Some((tx, _)) = self.response_lane.tx.and_then(|id| tx(txs, id)) {
                tx.response.body.coding = None;
            }
            self.keep_response_body(txs, &line, wishes);
            if behind.is_empty() {
                if let Some((tx, _)) = self.response_lane.tx.and_then(|id| tx(txs, id)) {
                    tx.response.progress = progress::BODY;
                }
                self.response = ResponseState::Finalize;
            }
            return Step::Go;
        }
        let Some((tx, events)) = self.response_lane.tx.and_then(|id| tx(txs, id)) else { return Step::Fail };
        tx.read_response_line(events, &line);
        if tx.seen_100 {
            tx.response.raw.extend_from_slice(&line);
        }
        tx.response.progress = progress::HEADERS;
        self.response = ResponseState::Headers;
        Step::Go
    }

    fn response_headers(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let Some(id) = self.response_lane.tx else { return Step::Fail };
        if self.response_is_closed() {
            self.response = ResponseState::Finalize;
            return Step::Go;
        }
        if input.peek().is_some()
            && let Some((tx, _)) = tx(txs, id)
        {
            tx.response.updated = true;
        }
        loop {
            let end = match line_end(input.rest()) {
                // A line feed and a carriage return end one line.
                Some(LineEnd::At(end)) => {
                    let rest = input.rest();
                    let bare = end < 2 || rest.get(end - 2) != Some(&b'\r');
                    end + usize::from(bare && rest.get(end - 1) == Some(&b'\n') && rest.get(end) == Some(&b'\r'))
                }
                Some(LineEnd::Unknown) | None => return self.wait_for_response_line(txs, input),
            };
            let Ok(line) = self.response_lane.line(input, end) else { return self.response_line_too_long(txs) };
            let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
            tx.response.raw.extend_from_slice(&line);
            let next_is_text = input.peek().is_some_and(|byte| byte != b'\n');
            let lane = &mut self.response_lane;
            let mut folding = Folding { lane, tx, events, direction: Direction::ToClient };
            if !is_terminator(&line, next_is_text) {
                if folding.line(&line, input.peek()).is_err() {
                    return Step::Fail;
                }
                continue;
            }
            if folding.flush().is_err() {
                return Step::Fail;
            }
            if tx.response.progress == progress::HEADERS {
                return self.response_body(txs, id);
            }
            tx.response.has_trailer = true;
            tx.response.updated = true;
            self.response = ResponseState::Finalize;
            return Step::Go;
        }
    }

    /// Headers as the libhtp in Rust reads them.
    fn response_block(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let Some(id) = self.response_lane.tx else { return Step::Fail };
        let closed = self.response_is_closed();
        let lane = &mut self.response_lane;
        let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
        let Ok(read) = lane.block(input, closed, Direction::ToClient) else {
            raise(events, "http.response_field_too_long");
            return Step::Fail;
        };
        for field in &read.fields {
            if tx.take_field(events, Direction::ToClient, field).is_err() {
                return Step::Fail;
            }
        }
        if read.is_too_long {
            raise(events, "http.response_field_too_long");
            return Step::Fail;
        }
        if !read.sent.is_empty() {
            tx.response.raw.extend_from_slice(read.sent);
            tx.response.updated = true;
        }
        if !closed && !read.has_ended {
            return Step::NeedsData;
        }
        if !closed && tx.response.progress == progress::HEADERS {
            return self.response_body(txs, id);
        }
        tx.response.has_trailer = true;
        tx.response.updated = true;
        self.response = ResponseState::Finalize;
        Step::Go
    }

    /// The headers are there: is there a body, and how long is it?
    fn response_body(&mut self, txs: &mut Transactions, id: u64) -> Step {
        let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
        let status = tx.status.unwrap_or(0);
        if status != 100 {
            tx.response.body.coding = tx.content_coding(events);
        }
        self.response = ResponseState::Finalize;
        if tx.is_connect() {
            if (200..300).contains(&status) {
                return Step::Go;
            }
            if self.request_lane.status != Status::Error {
                self.request_lane.status = Status::Open;
            }
            // 407 asks for credentials; the request after it is part of the same talk.
            self.yield_at_end |= status != 407;
        }
        let headers = &tx.response.headers;
        let length = headers.get(b"Content-Length");
        let coding = headers.get(b"Transfer-Encoding");
        if status == 101 && (coding.is_some() || length.is_some()) && tx.config.http_by_libhtp_rs {
            raise(events, "http.switching_proto_with_content_length");
        }
        if status == 101 && coding.is_none() && length.is_none() {
            if self.request_lane.status != Status::Error {
                self.request_lane.status = Status::Tunnel;
            }
            self.response_lane.status = Status::Tunnel;
            return Step::Go;
        }
        if status == 100 && coding.is_none() && length.and_then(content_length).unwrap_or(0) == 0 {
            if std::mem::replace(&mut tx.seen_100, true) {
                raise(events, "http.100_continue_already_seen");
            }
            tx.response.headers.clear();
            tx.response.progress = progress::LINE;
            self.response = ResponseState::Line;
            return Step::Go;
        }
        let (announced, missing) = self.request_body;
        let refused = (400..500).contains(&status) && announced > 0 && announced == missing;
        let expects =
            tx.request.headers.get(b"Expect").is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"));
        if refused && expects && self.request == RequestState::Identity {
            self.request = RequestState::Finalize;
        }
        let bodiless = (100..200).contains(&status) || status == 204 || status == 304;
        if tx.method.as_deref() == Some(b"HEAD") || (bodiless && coding.is_none() && length.is_none()) {
            return Step::Go;
        }
        if bodiless && tx.config.http_by_libhtp_rs {
            raise(events, "http.response_body_unexpected");
        }
        let coding = coding.map(without_nul);
        if let Some(coding) = coding.filter(|coding| contains_nocase(coding, b"chunked")) {
            if !coding.eq_ignore_ascii_case(b"chunked") {
                raise(events, "http.response_abnormal_transfer_encoding");
            }
            if tx.response.version < super::message::Protocol::Http11 {
                raise(events, "http.response_chunked_old_proto");
            }
            self.response = ResponseState::ChunkLength;
        } else if let Some(length) = length {
            match content_length(length) {
                None => {
                    raise(events, "http.invalid_content_length_field_in_response");
                    return Step::Fail;
                }
                Some(0) => return Step::Go,
                Some(len) => self.response = ResponseState::Identity(len),
            }
        } else {
            let kind = headers.get(b"Content-Type");
            if kind.is_some_and(|kind| contains_nocase(kind, b"multipart/byteranges")) {
                raise(events, "http.response_multipart_byteranges");
                return Step::Fail;
            }
            self.response = ResponseState::UntilClose;
        }
        tx.response.progress = progress::BODY;
        Step::Go
    }

    fn response_chunk_length(&mut self, txs: &mut Transactions, input: &mut Input, wishes: &Wishes) -> Step {
        let end = if let Some(end) = memchr::memchr(b'\n', input.rest()) {
            end + 1
        } else {
            let mut begun = self.response_lane.carry.clone();
            begun.extend_from_slice(input.rest());
            let (_, rest) = split_while(&begun, is_space);
            let is_junk = rest.first().is_some_and(|byte| !byte.is_ascii_hexdigit());
            if self.config.http_by_libhtp_rs {
                if !self.response_lane.carry.is_empty() || !is_junk {
                    return self.wait_for_response_line(txs, input);
                }
                if let Some((_, events)) = self.response_lane.tx.and_then(|id| tx(txs, id)) {
                    raise(events, "http.invalid_response_chunk_len");
                }
                self.response = ResponseState::UntilClose;
                return Step::Go;
            }
            if begun.len() < CHUNK_PROBE_BYTES || !is_junk {
                return self.wait_for_response_line(txs, input);
            }
            input.rest().len()
        };
        let Ok(line) = self.response_lane.line(input, end) else { return self.response_line_too_long(txs) };
        let Some((tx, events)) = self.response_lane.tx.and_then(|id| tx(txs, id)) else { return Step::Fail };
        let loosely = self.config.http_by_libhtp_rs;
        let (len, has_extension) = if loosely { loose_chunk_length(&line) } else { chunk_length(&line) };
        if has_extension {
            raise(events, if loosely { "http.response_chunk_extension" } else { "http.request_chunk_extension" });
        }
        match len {
            ChunkLength::Empty | ChunkLength::TooLarge => {}
            ChunkLength::Bytes(0) => {
                tx.response.progress = progress::TRAILER;
                self.response = ResponseState::Headers;
            }
            ChunkLength::Bytes(len) => self.response = ResponseState::Chunk(len),
            ChunkLength::Invalid => {
                raise(events, "http.invalid_response_chunk_len");
                self.response = ResponseState::UntilClose;
                if !self.keep_response_body(txs, &line, wishes) {
                    return Step::Fail;
                }
            }
        }
        Step::Go
    }

    /// A response is over when nothing follows it, or what follows looks like the next one. Else it still is its body.
    fn response_finalize(&mut self, txs: &mut Transactions, input: &mut Input, wishes: &mut Wishes) -> Step {
        let end = if self.response_is_closed() {
            input.rest().len()
        } else {
            if input.peek().is_none() {
                return self.complete_response(txs, wishes);
            }
            match memchr::memchr(b'\n', input.rest()) {
                Some(0) if self.config.http_by_libhtp_rs => input.rest().len(),
                Some(end) => end + 1,
                None => return self.wait_for_response_line(txs, input),
            }
        };
        let mut line = self.response_lane.carry.clone();
        line.extend_from_slice(input.rest().get(..end).unwrap_or_default());
        if line.is_empty() || !is_body(&line) {
            return self.complete_response(txs, wishes);
        }
        let Ok(taken) = self.response_lane.line(input, end) else { return self.response_line_too_long(txs) };
        if let Some((tx, events)) = self.response_lane.tx.and_then(|id| tx(txs, id))
            && tx.config.http_by_libhtp_rs
        {
            raise(events, "http.response_body_unexpected");
        }
        if self.keep_response_body(txs, &taken, wishes) { Step::Go } else { Step::Fail }
    }

    fn complete_response(&mut self, txs: &mut Transactions, wishes: &mut Wishes) -> Step {
        let Some(id) = self.response_lane.tx else { return Step::Fail };
        if let Some((tx, _)) = tx(txs, id)
            && tx.response.progress != progress::COMPLETE
        {
            tx.response.progress = progress::COMPLETE;
            tx.end_response_body(wishes.keep.bodies);
            tx.response.updated = true;
            self.n_responses += 1;
            let opened = tx.is_connect() && tx.status.is_some_and(|status| (200..300).contains(&status));
            if opened && self.n_responses == 1 {
                wishes.change = Some((tx.port, AppProto::Unknown));
                if wishes.config.connect_completes_request {
                    tx.request.progress = progress::COMPLETE;
                }
            }
        }
        if self.request_lane.status == Status::WaitsForOther && self.request_lane.tx == Some(id) {
            return Step::WaitsForOther;
        }
        if std::mem::take(&mut self.yield_at_end) {
            return Step::WaitsForOther;
        }
        self.response_lane.tx = None;
        self.response = ResponseState::Idle;
        Step::Go
    }

    /// `false`: nothing can be made of it.
    fn keep_response_body(&mut self, txs: &mut Transactions, data: &[u8], wishes: &Wishes) -> bool {
        let Some((tx, _)) = self.response_lane.tx.and_then(|id| tx(txs, id)) else { return true };
        tx.keep_response_body(data, wishes.keep.bodies).is_ok()
    }

    /// The body ends here: what was held back of it comes out.
    fn end_coding(&self, txs: &mut Transactions, wishes: &Wishes) {
        if let Some((tx, _)) = self.response_lane.tx.and_then(|id| tx(txs, id)) {
            tx.end_coding(wishes.keep.bodies);
        }
    }
}

/// Where a status line ends: behind a line feed, or behind any carriage return that none follows.
fn status_line_end(data: &[u8]) -> Option<LineEnd> {
    let at = memchr::memchr2(b'\r', b'\n', data)?;
    match (data.get(at), data.get(at + 1)) {
        (Some(b'\r'), None) => Some(LineEnd::Unknown),
        (Some(b'\r'), Some(b'\n')) => Some(LineEnd::At(at + 2)),
        _ => Some(LineEnd::At(at + 1)),
    }
}

/// Where a header line ends that begins here: behind a line feed, or behind a carriage return that none follows.
fn line_end(data: &[u8]) -> Option<LineEnd> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'\r', b'\n', data.get(from..)?)?;
        if data.get(at) == Some(&b'\n') {
            return Some(LineEnd::At(at + 1));
        }
        match data.get(at + 1) {
            None => return Some(LineEnd::Unknown),
            Some(b'\n') => return Some(LineEnd::At(at + 2)),
            // A carriage return before another, or at the beginning, ends nothing.
            Some(b'\r') => from = at + 1,
            Some(_) if at == 0 => from = 1,
            Some(_) => return Some(LineEnd::At(at + 1)),
        }
    }
}

/// Nobody would take this for a status line.
fn is_body(line: &[u8]) -> bool {
    let (_, rest) = split_while(line, |byte| is_space(byte) || byte == 0);
    !rest.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(b"HTTP"))
}
