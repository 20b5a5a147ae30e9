//! A stream: its state, and the buffers of its headers.

use super::hpack::Field;
use super::{flag, frame, progress};
use crate::app::transaction::{Buffer, raise};
use crate::packet::EventSet;
use crate::verdict::Direction;

/// What is kept of the names of a direction's headers, and of the value of one.
const NAMES_BYTES_MAX: usize = 1 << 20;
const VALUE_BYTES_MAX: usize = 1 << 16;

/// Headers whose value has a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Authority,
    Host,
    Method,
    Path,
    UserAgent,
    Status,
}

impl Kept {
    fn of(name: &[u8]) -> Option<Self> {
        Some(match name {
            b":authority" => Self::Authority,
            b"host" => Self::Host,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b"user-agent" => Self::UserAgent,
            b":status" => Self::Status,
            _ => return None,
        })
    }

    /// Several values of it are joined; of the others the first counts.
    fn is_joined(self) -> bool {
        matches!(self, Self::Authority | Self::UserAgent)
    }
}

/// The headers of a block.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Each with CR LF behind it.
    names: Vec<u8>,
    /// The values of those that have a buffer, and whether their name was kept from an earlier field.
    values: Vec<(Kept, Vec<u8>, bool)>,
}

impl Fields {
    /// Values of one block that are kept; more are joined to nothing.
    const VALUES_MAX: usize = 64;

    pub(super) fn push(&mut self, field: &Field<'_>) {
        if self.names.len() + field.name.len() < NAMES_BYTES_MAX {
            self.names.extend_from_slice(&field.name);
            self.names.extend_from_slice(b"\r\n");
        }
        if let Some(kept) = Kept::of(&field.name)
            && self.values.len() < Self::VALUES_MAX
        {
            let value = field.value.iter().take(VALUE_BYTES_MAX).copied().collect();
            self.values.push((kept, value, field.known));
        }
    }

    fn last(&self, wanted: Kept) -> Option<&[u8]> {
        self.values.iter().rev().find(|(kept, ..)| *kept == wanted).map(|(_, value, _)| value.as_slice())
    }
}

/// The headers of a direction.
#[derive(Debug, Default)]
struct Headers {
    names: Vec<u8>,
    values: Vec<(Kept, Vec<u8>)>,
}

impl Headers {
    fn take(&mut self, fields: Fields) {
        if !fields.names.is_empty() {
            // CR LF, the names, and another CR LF at the end
            let before = self.names.len().saturating_sub(2);
            self.names.truncate(before);
            if self.names.is_empty() {
                self.names.extend_from_slice(b"\r\n");
            }
            let room = NAMES_BYTES_MAX.saturating_sub(self.names.len());
            self.names.extend(fields.names.iter().take(room));
            self.names.extend_from_slice(b"\r\n");
        }
        for (kept, value, known) in fields.values {
            match self.values.iter_mut().find(|(other, _)| *other == kept) {
                None => self.values.push((kept, value)),
                Some((_, first)) if kept.is_joined() && !known => {
                    if first.len() + value.len() < VALUE_BYTES_MAX {
                        first.extend_from_slice(b", ");
                        first.extend_from_slice(&value);
                    }
                }
                Some(_) => {}
            }
        }
    }

    fn value(&self, wanted: Kept) -> Option<&[u8]> {
        let (_, value) = self.values.iter().find(|(kept, _)| *kept == wanted)?;
        Some(value.as_slice()).filter(|value| !value.is_empty())
    }
}

/// A stream, or a frame about the connection.
#[derive(Debug)]
pub struct Http2Tx {
    stream: u32,
    /// The stream that it has promised while the header block goes on.
    child: u32,
    state: u8,
    request: Headers,
    response: Headers,
    /// Lower case, without port and user.
    host: Option<Box<[u8]>>,
}

impl Http2Tx {
    pub(super) fn new(stream: u32) -> Self {
        Self {
            stream,
            child: 0,
            state: progress::OPEN,
            request: Headers::default(),
            response: Headers::default(),
            host: None,
        }
    }

    pub(super) fn global() -> Self {
        Self { state: progress::GLOBAL, ..Self::new(0) }
    }

    pub(super) fn stream_id(&self) -> u32 {
        self.stream
    }

    pub(super) fn child(&self) -> u32 {
        self.child
    }

    pub(super) fn give_up(&mut self) {
        self.state = progress::TO_DROP;
    }

    /// How far it has come, in both directions.
    pub(in crate::app) fn progress(&self) -> u8 {
        self.state
    }

    /// The host of the request, in lower case and without port.
    pub(in crate::app) fn host(&self) -> Option<&[u8]> {
        self.host.as_deref()
    }

    pub(in crate::app) fn buffer(&self, buffer: Buffer, direction: Direction) -> Option<&[u8]> {
        match buffer {
            Buffer::HttpHost => self.host(),
            Buffer::HttpHostRaw => self.request.value(Kept::Authority),
            Buffer::HttpMethod => self.request.value(Kept::Method),
            Buffer::HttpUri | Buffer::HttpUriRaw => self.request.value(Kept::Path),
            Buffer::HttpUserAgent => self.request.value(Kept::UserAgent),
            Buffer::HttpStatCode => self.response.value(Kept::Status),
            Buffer::HttpHeaderNames => {
                let names = match direction {
                    Direction::ToServer => &self.request.names,
                    Direction::ToClient => &self.response.names,
                };
                Some(names.as_slice()).filter(|names| !names.is_empty())
            }
            _ => None,
        }
    }

    /// A frame of the stream that was understood.
    pub(super) fn take(
        &mut self,
        direction: Direction,
        kind: u8,
        flags: u8,
        promised: Option<u32>,
        fields: Fields,
        events: &mut EventSet,
    ) {
        let from_server = direction == Direction::ToClient;
        match kind {
            frame::PUSH_PROMISE if from_server => {
                if flags & flag::END_HEADERS == 0 {
                    self.child = promised.unwrap_or(0);
                }
                self.state = progress::RESERVED;
            }
            frame::CONTINUATION if from_server && flags & flag::END_HEADERS != 0 => self.child = 0,
            frame::HEADERS if from_server => self.child = 0,
            frame::RST_STREAM => self.child = 0,
            _ => {}
        }
        if matches!(kind, frame::PUSH_PROMISE | frame::CONTINUATION | frame::HEADERS) {
            check(&fields, events);
            match direction {
                Direction::ToServer => self.take_request(fields),
                Direction::ToClient => self.response.take(fields),
            }
        }
        if !matches!(kind, frame::HEADERS | frame::DATA) {
            return;
        }
        if flags & flag::END_STREAM != 0 {
            self.end_of(direction);
        } else if kind == frame::DATA {
            let sending = if from_server { progress::DATA_SERVER } else { progress::DATA_CLIENT };
            self.state = self.state.max(sending);
        }
    }

    /// A header of the request in HTTP/1 that has led here; the client sends no more of it.
    pub(super) fn take_of_request(&mut self, field: &Field<'_>) {
        let mut fields = Fields::default();
        fields.push(field);
        self.take_request(fields);
        self.state = progress::HALF_CLOSED_CLIENT;
    }

    fn take_request(&mut self, fields: Fields) {
        self.request.take(fields);
        self.host = self.request.value(Kept::Authority).map(normalized).filter(|host| !host.is_empty());
    }

    fn end_of(&mut self, direction: Direction) {
        let from_server = direction == Direction::ToClient;
        self.state = match self.state {
            progress::HALF_CLOSED_CLIENT | progress::DATA_SERVER if from_server => progress::CLOSED,
            progress::HALF_CLOSED_SERVER if !from_server => progress::CLOSED,
            state @ (progress::HALF_CLOSED_CLIENT
            | progress::DATA_SERVER
            | progress::HALF_CLOSED_SERVER
            | progress::CLOSED
            | progress::GLOBAL) => state,
            _ if from_server => progress::HALF_CLOSED_SERVER,
            _ => progress::HALF_CLOSED_CLIENT,
        };
    }
}

/// What is odd about the host of a block.
fn check(fields: &Fields, events: &mut EventSet) {
    let Some(authority) = fields.last(Kept::Authority) else { return };
    if authority.contains(&b'@') {
        raise(events, "http2.userinfo_in_uri");
    }
    if fields.last(Kept::Host).is_some_and(|host| !host.eq_ignore_ascii_case(authority)) {
        raise(events, "http2.authority_host_mismatch");
    }
}

/// An authority without user and port, in lower case.
fn normalized(authority: &[u8]) -> Box<[u8]> {
    let at = authority.iter().position(|&byte| byte == b'@').map_or(0, |at| at + 1);
    let host = authority.get(at..).unwrap_or_default();
    host.iter().take_while(|&&byte| byte != b':').map(u8::to_ascii_lowercase).collect()
}
