//! The requests of a connection.

use super::super::transaction::raise;
use super::super::{Transactions, Wishes};
use super::message::{Coding, first_word, is_method};
use super::text::{ChunkLength, chunk_length, is_no_chunk_length, is_space, is_terminator, loose_chunk_length};
use super::{Folding, Http1Parser, Input, LineTooLong, Status, Step, progress, tx};
use crate::verdict::Direction;

/// White space that an HTTP/0.9 request may have behind its line.
const HTTP09_JUNK_BYTES_MAX: usize = 16;

/// Where the requests are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum RequestState {
    #[default]
    Idle,
    Line,
    Protocol,
    Headers,
    /// A `CONNECT` waits for its answer.
    ConnectWait,
    /// A tunnel is open; is it HTTP inside?
    ConnectProbe,
    Identity,
    ChunkLength,
    Chunk(u64),
    ChunkEnd,
    Finalize,
    /// Behind an HTTP/0.9 request.
    IgnoreRest,
}

impl Http1Parser {
    /// Takes data of the client, or none when it has closed.
    pub(super) fn requests(&mut self, txs: &mut Transactions, data: &[u8], wishes: &mut Wishes) {
        if matches!(self.request_lane.status, Status::Error | Status::Tunnel) {
            return;
        }
        let ignores = self.config.http_by_libhtp_rs && self.request == RequestState::IgnoreRest;
        if self.request != RequestState::Idle && !ignores && self.request_lane.tx.and_then(|id| tx(txs, id)).is_none() {
            // As in libhtp, which has no transaction for data behind an HTTP/0.9 request.
            self.request_lane.status = Status::Error;
            return;
        }
        if self.response_lane.status == Status::WaitsForOther {
            self.response_lane.status = Status::Open;
        }
        let mut input = Input { data, at: 0 };
        loop {
            match self.request_step(txs, &mut input, wishes) {
                Step::Go if self.request_lane.status == Status::Tunnel => return,
                Step::Go => {}
                Step::NeedsData => {
                    self.request_lane.status = Status::Open;
                    return;
                }
                Step::WaitsForOther => {
                    let all = input.rest().is_empty();
                    self.request_lane.status = if all { Status::Open } else { Status::WaitsForOther };
                    return;
                }
                Step::Fail => {
                    self.request_lane.status = Status::Error;
                    return;
                }
            }
        }
    }

    pub(super) fn request_gap(&mut self, txs: &mut Transactions, mut len: u64) {
        loop {
            match self.request {
                RequestState::Identity => {
                    if let Some((tx, _)) = self.request_lane.tx.and_then(|id| tx(txs, id)) {
                        tx.request.updated = true;
                        tx.request.body.files.gap();
                    }
                    let taken = len.min(self.request_body.1);
                    len -= taken;
                    self.request_body.1 -= taken;
                    if self.request_body.1 > 0 {
                        return;
                    }
                    self.request = RequestState::Finalize;
                }
                RequestState::Finalize => self.complete_request(txs),
                _ => return,
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.request_lane.status == Status::Closed
    }

    fn request_step(&mut self, txs: &mut Transactions, input: &mut Input, wishes: &mut Wishes) -> Step {
        match self.request {
            RequestState::Idle => {
                let is_left = self.config.http_by_libhtp_rs && self.is_closed() && !self.request_lane.carry.is_empty();
                if input.peek().is_none() && !is_left {
                    return Step::NeedsData;
                }
                if self.config.http_by_libhtp_rs {
                    self.request_body = (0, 0);
                }
                let Some(id) = self.new_tx(txs) else { return Step::Fail };
                if let Some((tx, _)) = tx(txs, id) {
                    tx.request.progress = progress::LINE;
                    tx.request.updated |= tx.config.http_by_libhtp_rs;
                }
                self.request = RequestState::Line;
                Step::Go
            }
            RequestState::Line => self.request_line(txs, input),
            RequestState::Protocol => self.request_protocol(txs, input),
            RequestState::Headers if self.config.http_by_libhtp_rs => self.request_block(txs, input),
            RequestState::Headers => self.request_headers(txs, input),
            RequestState::ConnectWait => self.connect_wait(txs),
            RequestState::ConnectProbe => self.connect_probe(txs, input),
            RequestState::Identity => {
                let taken = input.take(usize::try_from(self.request_body.1).unwrap_or(usize::MAX));
                if taken.is_empty() {
                    return Step::NeedsData;
                }
                self.keep_request_body(txs, taken, wishes);
                self.request_body.1 -= taken.len() as u64;
                if self.request_body.1 > 0 {
                    return Step::NeedsData;
                }
                self.request = RequestState::Finalize;
                Step::Go
            }
            RequestState::ChunkLength => self.request_chunk_length(txs, input),
            RequestState::Chunk(left) => {
                let taken = input.take(usize::try_from(left).unwrap_or(usize::MAX));
                if taken.is_empty() {
                    return Step::NeedsData;
                }
                self.keep_request_body(txs, taken, wishes);
                let left = left - taken.len() as u64;
                self.request = if left == 0 { RequestState::ChunkEnd } else { RequestState::Chunk(left) };
                Step::Go
            }
            RequestState::ChunkEnd => {
                if input.take_line() {
                    self.request = RequestState::ChunkLength;
                    Step::Go
                } else {
                    Step::NeedsData
                }
            }
            RequestState::Finalize => self.request_finalize(txs, input, wishes),
            RequestState::IgnoreRest => {
                input.take(usize::MAX);
                Step::NeedsData
            }
        }
    }

    /// Keeps an unfinished line for later.
    fn wait_for_line(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        match self.request_lane.keep(input) {
            Ok(()) => Step::NeedsData,
            Err(LineTooLong) => self.request_line_too_long(txs),
        }
    }

    fn request_line_too_long(&mut self, txs: &mut Transactions) -> Step {
        if let Some((_, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) {
            raise(events, "http.request_field_too_long");
        }
        Step::Fail
    }

    fn request_line(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let end = match memchr::memchr(b'\n', input.rest()) {
            Some(end) => end + 1,
            None if self.is_closed() => input.rest().len(),
            None => return self.wait_for_line(txs, input),
        };
        let Ok(line) = self.request_lane.line(input, end) else { return self.request_line_too_long(txs) };
        if line.is_empty() {
            return Step::NeedsData;
        }
        if is_terminator(&line, false) {
            return Step::Go;
        }
        let Some((tx, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) else { return Step::Fail };
        tx.read_request_line(events, &line);
        if tx.is_connect() && tx.uri.is_none() {
            return Step::Fail;
        }
        self.request = RequestState::Protocol;
        Step::Go
    }

    /// A line without version is HTTP/0.9 if nothing but a little white space follows it.
    fn request_protocol(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let Some((tx, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) else { return Step::Fail };
        let rest = input.rest();
        if tx.is_http09 {
            if rest.len() <= HTTP09_JUNK_BYTES_MAX && rest.iter().copied().all(is_space) {
                self.request = RequestState::Finalize;
                return Step::Go;
            }
            tx.is_http09 = false;
            if tx.config.http_by_libhtp_rs {
                raise(events, "http.request_line_missing_protocol");
            }
        }
        self.request = RequestState::Headers;
        tx.request.progress = progress::HEADERS;
        Step::Go
    }

    fn request_headers(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let closed = self.is_closed();
        let Some(id) = self.request_lane.tx else { return Step::Fail };
        let has_input = input.peek().is_some();
        loop {
            let direction = Direction::ToServer;
            if closed {
                let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
                let lane = &mut self.request_lane;
                tx.request.raw.append(&mut lane.carry);
                if (Folding { lane, tx, events, direction }).flush().is_err() {
                    return Step::Fail;
                }
                tx.request.has_trailer = true;
                tx.request.progress = progress::TRAILER;
                self.request = RequestState::Finalize;
                return Step::Go;
            }
            let Some(end) = memchr::memchr(b'\n', input.rest()) else {
                // headers show once the data or they themselves are over; not if they are refused before that
                if let Some((tx, _)) = tx(txs, id).filter(|_| has_input) {
                    tx.request.updated = true;
                }
                return self.wait_for_line(txs, input);
            };
            let Ok(line) = self.request_lane.line(input, end + 1) else { return self.request_line_too_long(txs) };
            let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
            tx.request.raw.extend_from_slice(&line);
            let lane = &mut self.request_lane;
            let mut folding = Folding { lane, tx, events, direction };
            if !is_terminator(&line, false) {
                if folding.line(&line, input.peek()).is_err() {
                    return Step::Fail;
                }
                continue;
            }
            if folding.flush().is_err() {
                return Step::Fail;
            }
            tx.request.updated = true;
            if tx.request.progress > progress::HEADERS {
                tx.request.has_trailer = true;
                tx.request.updated = true;
                self.request = RequestState::Finalize;
                return Step::Go;
            }
            let coding = tx.end_request_headers(events);
            return self.begin_request_body(txs, id, coding);
        }
    }

    fn begin_request_body(&mut self, txs: &mut Transactions, id: u64, coding: Coding) -> Step {
        let Some((tx, _)) = tx(txs, id) else { return Step::Fail };
        if tx.is_connect() {
            self.request = RequestState::ConnectWait;
            return Step::WaitsForOther;
        }
        match coding {
            Coding::Invalid => return Step::Fail,
            Coding::None => self.request = RequestState::Finalize,
            Coding::Chunked => {
                tx.request.progress = progress::BODY;
                self.request = RequestState::ChunkLength;
            }
            Coding::Identity(len) => {
                self.request_body = (len, len);
                self.request = if len == 0 { RequestState::Finalize } else { RequestState::Identity };
                if len > 0 {
                    tx.request.progress = progress::BODY;
                }
            }
        }
        Step::Go
    }

    /// Headers as the libhtp in Rust reads them.
    fn request_block(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let Some(id) = self.request_lane.tx else { return Step::Fail };
        let closed = self.is_closed();
        let lane = &mut self.request_lane;
        let Some((tx, events)) = tx(txs, id) else { return Step::Fail };
        let read = match lane.block(input, closed, Direction::ToServer) {
            Ok(read) => read,
            Err(LineTooLong) => return self.request_line_too_long(txs),
        };
        for field in &read.fields {
            if tx.take_field(events, Direction::ToServer, field).is_err() {
                return Step::Fail;
            }
        }
        if read.is_too_long {
            return self.request_line_too_long(txs);
        }
        if !read.sent.is_empty() {
            tx.request.raw.extend_from_slice(read.sent);
            tx.request.updated = true;
            if tx.request.progress > progress::HEADERS {
                tx.tell_defects(events);
            }
        }
        if closed {
            tx.request.progress = progress::TRAILER;
        } else if !read.has_ended {
            return Step::NeedsData;
        }
        if tx.request.progress > progress::HEADERS {
            tx.request.has_trailer = true;
            tx.request.updated = true;
            self.request = RequestState::Finalize;
            return Step::Go;
        }
        let coding = tx.end_request_block();
        self.begin_request_body(txs, id, coding)
    }

    fn connect_wait(&mut self, txs: &mut Transactions) -> Step {
        let Some((tx, _)) = self.request_lane.tx.and_then(|id| tx(txs, id)) else { return Step::Fail };
        if tx.response.progress <= progress::LINE {
            return Step::WaitsForOther;
        }
        let opened = tx.status.is_some_and(|status| (200..300).contains(&status));
        self.request = if opened { RequestState::ConnectProbe } else { RequestState::Finalize };
        Step::Go
    }

    fn connect_probe(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let Some(end) = memchr::memchr2(b'\n', 0, input.rest()) else {
            return self.wait_for_line(txs, input);
        };
        let line = self.begun_line(input, end);
        if is_method(first_word(&line)) {
            self.complete_request(txs);
        } else {
            self.request_lane.status = Status::Tunnel;
            self.response_lane.status = Status::Tunnel;
        }
        Step::Go
    }

    /// The line at hand without taking it.
    fn begun_line(&self, input: &Input, end: usize) -> Vec<u8> {
        let mut line = self.request_lane.carry.clone();
        line.extend_from_slice(input.rest().get(..end).unwrap_or_default());
        line
    }

    fn request_chunk_length(&mut self, txs: &mut Transactions, input: &mut Input) -> Step {
        let loosely = self.config.http_by_libhtp_rs;
        let Some(end) = memchr::memchr(b'\n', input.rest()) else {
            if loosely && is_no_chunk_length(input.rest()) {
                if let Some((_, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) {
                    raise(events, "http.invalid_request_chunk_len");
                }
                return Step::Fail;
            }
            return self.wait_for_line(txs, input);
        };
        let Ok(line) = self.request_lane.line(input, end + 1) else { return self.request_line_too_long(txs) };
        let Some((tx, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) else { return Step::Fail };
        let (len, has_extension) = if loosely { loose_chunk_length(&line) } else { chunk_length(&line) };
        if has_extension {
            raise(events, "http.request_chunk_extension");
        }
        match len {
            ChunkLength::Empty if loosely => {}
            ChunkLength::Invalid if loosely => return Step::Fail,
            ChunkLength::Bytes(0) => {
                tx.request.progress = progress::TRAILER;
                self.request = RequestState::Headers;
            }
            ChunkLength::Bytes(len) => self.request = RequestState::Chunk(len),
            ChunkLength::Empty | ChunkLength::Invalid | ChunkLength::TooLarge => {
                raise(events, "http.invalid_request_chunk_len");
                return Step::Fail;
            }
        }
        Step::Go
    }

    /// A request is over when nothing follows it, or what follows begins with a method. Anything else is still body.
    fn request_finalize(&mut self, txs: &mut Transactions, input: &mut Input, wishes: &Wishes) -> Step {
        let end = if self.is_closed() {
            input.rest().len()
        } else {
            if input.peek().is_none() {
                self.complete_request(txs);
                return Step::Go;
            }
            match memchr::memchr(b'\n', input.rest()) {
                Some(end) => end,
                None => return self.wait_for_line(txs, input),
            }
        };
        let line = self.begun_line(input, end);
        if line.is_empty() {
            self.complete_request(txs);
            return Step::Go;
        }
        let word = first_word(&line);
        if is_method(word) {
            self.complete_request(txs);
            return Step::Go;
        }
        let is_text = !word.is_empty();
        let has_end = input.rest().len() > end;
        let Ok(taken) = self.request_lane.line(input, end + usize::from(has_end)) else {
            return self.request_line_too_long(txs);
        };
        // bytes that were announced and left out are said to be still to come
        let is_announced = self.config.http_by_libhtp_rs && self.request_body.1 > 0;
        if is_text && is_announced {
            self.request_body.1 = 1;
        } else if is_text && let Some((_, events)) = self.request_lane.tx.and_then(|id| tx(txs, id)) {
            raise(events, "http.request_body_unexpected");
        }
        self.keep_request_body(txs, &taken, wishes);
        Step::Go
    }

    fn keep_request_body(&mut self, txs: &mut Transactions, data: &[u8], wishes: &Wishes) {
        if let Some((tx, _)) = self.request_lane.tx.and_then(|id| tx(txs, id)) {
            tx.request.updated = true;
            if wishes.keep.bodies {
                tx.keep_request_body(data);
            }
        }
    }
}
