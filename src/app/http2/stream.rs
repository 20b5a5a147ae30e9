//! A stream: its state, what its frames say, and the buffers of its headers.

use super::decoding::{Coding, Defect};
use super::hpack::Field;
use super::{flag, frame, progress};
use crate::app::AppConfig;
use crate::app::body::{Files, Sizes};
use crate::app::dns::DnsTx;
use crate::app::transaction::{Buffer, raise};
use crate::packet::EventSet;
use crate::rules::keyword::Http2Frame;
use crate::verdict::Direction;
use std::cell::OnceCell;
use std::sync::Arc;

/// What is kept of the headers of a direction.
const HEADER_BYTES_MAX: usize = 1 << 20;
/// Numbers of each kind that are kept of the frames of a direction.
const NUMBERS_MAX: usize = 4096;
/// What comes out of a frame of a coded body, at most.
const DECODED_BYTES_MAX: usize = 1 << 24;
/// The longest DNS message.
const DNS_BYTES_MAX: usize = 0xffff;

/// A header.
#[derive(Debug)]
struct Header {
    name: Arc<[u8]>,
    value: Box<[u8]>,
}

impl Header {
    /// Whether the value is joined to that of an earlier header of this name. As in Suricata it is not if the name is also in
    /// use elsewhere, apart from the table that it was put into or comes from.
    fn is_joined(&self) -> bool {
        Arc::strong_count(&self.name) <= 2
    }
}

/// The headers of a block.
#[derive(Debug, Default)]
pub(super) struct Fields {
    list: Vec<Header>,
    bytes: usize,
    /// Sizes of the table that the block sets.
    size_updates: Vec<u64>,
}

impl Fields {
    pub(super) fn push(&mut self, field: &Field<'_>) {
        self.bytes += field.name.len() + field.value.len() + 4;
        if self.bytes > HEADER_BYTES_MAX {
            return;
        }
        self.size_updates.extend(field.size_update);
        self.list.push(Header { name: field.name.clone(), value: field.value.as_ref().into() });
    }

    fn last(&self, wanted: &[u8]) -> Option<&[u8]> {
        let named = |header: &&Header| header.name.eq_ignore_ascii_case(wanted);
        self.list.iter().rev().find(named).map(|header| &*header.value)
    }
}

/// What a frame says beside headers and data.
#[derive(Debug, Default)]
pub(super) enum Said {
    #[default]
    Nothing,
    Priority(u8),
    Window(u32),
    Error(u32),
    Settings(Vec<(u16, u32)>),
}

/// What the frames of a direction have said.
#[derive(Debug, Default)]
struct Side {
    headers: Vec<Header>,
    header_bytes: usize,
    /// Kinds of frames, a bit each.
    kinds: [u64; 4],
    said: FrameNumbers,
    files: Files,
    coding: Coding,
    has_file: bool,
    file_ended: bool,
    made: OnceCell<Made>,
}

/// The numbers that frames hold.
#[derive(Debug, Default)]
struct FrameNumbers {
    /// Weights.
    priorities: Vec<u8>,
    /// Increments of windows.
    windows: Vec<u32>,
    /// Of streams that were reset and of connections that were left.
    error_codes: Vec<u32>,
    /// Identifier and value.
    settings: Vec<(u16, u32)>,
    /// Sizes of the table of fields.
    size_updates: Vec<u64>,
}

/// Buffers made of headers.
#[derive(Debug)]
struct Made {
    names: Vec<u8>,
    headers: Vec<u8>,
    raw: Vec<u8>,
    lines: Box<[Box<[u8]>]>,
    /// By name: the first value's length, and all values joined.
    values: Vec<(Box<[u8]>, usize, Vec<u8>)>,
    /// `http.host`: lower case, without port and user.
    host: Box<[u8]>,
    /// `http.request_line` or `http.response_line`.
    line: Vec<u8>,
}

impl Side {
    fn take(&mut self, fields: Fields) {
        for size in fields.size_updates {
            keep(&mut self.said.size_updates, size);
        }
        for header in fields.list {
            if header.name.as_ref() == b"content-encoding" {
                self.coding.named(&header.value);
            }
            self.header_bytes += header.name.len() + header.value.len() + 4;
            if self.header_bytes <= HEADER_BYTES_MAX {
                self.headers.push(header);
            }
        }
        self.made.take();
    }

    fn saw(&mut self, kind: u8, said: Said) {
        if let Some(word) = self.kinds.get_mut(usize::from(kind >> 6)) {
            *word |= 1 << (kind & 63);
        }
        match said {
            Said::Nothing => {}
            Said::Priority(weight) => keep(&mut self.said.priorities, weight),
            Said::Window(increment) => keep(&mut self.said.windows, increment),
            Said::Error(code) => keep(&mut self.said.error_codes, code),
            Said::Settings(settings) => {
                for setting in settings {
                    keep(&mut self.said.settings, setting);
                }
            }
        }
    }

    fn made(&self, direction: Direction) -> &Made {
        self.made.get_or_init(|| {
            let cookie: &[u8] = match direction {
                Direction::ToServer => b"cookie",
                Direction::ToClient => b"set-cookie",
            };
            let mut made = Made {
                names: Vec::new(),
                headers: Vec::new(),
                raw: Vec::new(),
                lines: Box::default(),
                values: Vec::new(),
                host: Box::default(),
                line: Vec::new(),
            };
            for header in &self.headers {
                let Header { name, value } = header;
                made.names.extend_from_slice(name);
                made.names.extend_from_slice(b"\r\n");
                if !name.eq_ignore_ascii_case(cookie) {
                    push_header(&mut made.headers, name, trimmed(value));
                }
                push_header(&mut made.raw, name, value);
                match made.values.iter_mut().find(|(other, ..)| **other == **name) {
                    None => made.values.push(((&**name).into(), value.len(), value.to_vec())),
                    Some((_, _, joined)) if header.is_joined() => {
                        joined.extend_from_slice(b", ");
                        joined.extend_from_slice(value);
                    }
                    Some(_) => {}
                }
            }
            if !made.names.is_empty() {
                made.names.splice(..0, *b"\r\n");
                made.names.extend_from_slice(b"\r\n");
            }
            let lines = self.headers.iter().map(|Header { name, value }| [name, &b": "[..], value].concat().into());
            made.lines = lines.collect();
            made.host = made.value(b":authority").map(normalized).unwrap_or_default();
            made.line = match direction {
                Direction::ToServer => [made.first(b":method"), b" ", made.first(b":path"), b" HTTP/2\r\n"].concat(),
                Direction::ToClient => [b"HTTP/2 ", made.first(b":status"), b"\r\n"].concat(),
            };
            made
        })
    }

    /// Takes what a frame brings of the body.
    fn data(&mut self, data: &[u8], is_kept: bool, is_last: bool) -> Result<Vec<u8>, Defect> {
        let data = self.coding.undo(data, DECODED_BYTES_MAX)?;
        if !is_kept || self.file_ended {
            return Ok(data);
        }
        if !std::mem::replace(&mut self.has_file, true) {
            self.files.open(Sizes::REQUEST);
        }
        self.files.append(&data);
        if is_last {
            self.files.close(true);
            self.file_ended = true;
        }
        Ok(data)
    }
}

impl DnsInside {
    /// Takes what a frame brings of the body.
    fn take(&mut self, direction: Direction, data: &[u8], is_last: bool, events: &mut EventSet) -> Carries {
        let side = direction.index();
        let (Some(announced), Some(body), Some(message)) =
            (self.is_announced.get_mut(side), self.body.get_mut(side), self.message.get_mut(side))
        else {
            return Carries::Whatever;
        };
        if *announced {
            if body.len() + data.len() <= DNS_BYTES_MAX {
                body.extend_from_slice(data);
            } else {
                *announced = false;
                let too_long = match direction {
                    Direction::ToServer => "http2.dns_request_too_long",
                    Direction::ToClient => "http2.dns_response_too_long",
                };
                raise(events, too_long);
            }
        }
        if !is_last || body.is_empty() {
            return Carries::Whatever;
        }
        match DnsTx::read_inside(direction, &std::mem::take(body)) {
            None => Carries::Whatever,
            Some(read) => {
                *message = Some(read);
                Carries::Dns
            }
        }
    }
}

impl Made {
    fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let (_, _, joined) = self.values.iter().find(|(known, ..)| **known == *name)?;
        Some(joined)
    }

    /// The first of several values.
    fn first(&self, name: &[u8]) -> &[u8] {
        let found = self.values.iter().find(|(known, ..)| **known == *name);
        found.and_then(|(_, len, joined)| joined.get(..*len)).unwrap_or_default()
    }
}

fn keep<T>(numbers: &mut Vec<T>, number: T) {
    if numbers.len() < NUMBERS_MAX {
        numbers.push(number);
    }
}

fn push_header(lines: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    lines.extend_from_slice(name);
    lines.extend_from_slice(b": ");
    lines.extend_from_slice(value);
    lines.extend_from_slice(b"\r\n");
}

/// Without blanks at both ends.
fn trimmed(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let begin = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(begin, |at| at + 1);
    value.get(begin..end).unwrap_or_default()
}

/// A stream, or a frame about the connection.
#[derive(Debug)]
pub struct Http2Tx {
    stream: u32,
    /// The stream that it has promised while the header block goes on.
    child: u32,
    state: u8,
    /// A frame has come since rules looked at it in a direction, by [`Direction::index`]; a frame of either side counts
    /// for both.
    updated: [bool; 2],
    request: Side,
    response: Side,
    /// DNS that it carries.
    inside: Option<Box<DnsInside>>,
    config: AppConfig,
}

/// What a frame shows its stream to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// A DNS message, which it has completed.
    Dns,
    Whatever,
}

/// DNS inside a stream, by [`Direction::index`].
#[derive(Debug, Default)]
struct DnsInside {
    /// The body is a message.
    is_announced: [bool; 2],
    /// What has come of it.
    body: [Vec<u8>; 2],
    message: [Option<DnsTx>; 2],
}

/// A frame of a stream.
#[derive(Debug)]
pub(super) struct Frame<'f> {
    pub(super) direction: Direction,
    pub(super) kind: u8,
    pub(super) flags: u8,
    /// The headers of its block, if it was understood.
    pub(super) fields: Option<Fields>,
    /// The stream it promises.
    pub(super) promised: Option<u32>,
    pub(super) said: Said,
    /// What it brings of a body.
    pub(super) data: Option<&'f [u8]>,
    /// Rules look at bodies.
    pub(super) keeps: bool,
}

impl Http2Tx {
    pub(super) fn new(stream: u32) -> Self {
        Self {
            stream,
            child: 0,
            state: progress::OPEN,
            updated: [true; 2],
            request: Side::default(),
            response: Side::default(),
            inside: None,
            config: AppConfig::default(),
        }
    }

    /// How it behaves.
    pub(super) fn set_config(&mut self, config: AppConfig) {
        self.config = config;
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
        self.updated = [true; 2];
    }

    pub(in crate::app) fn is_updated(&self, direction: Direction) -> bool {
        self.updated.get(direction.index()) == Some(&true)
    }

    pub(in crate::app) fn set_looked_at(&mut self, direction: Direction) {
        if let Some(updated) = self.updated.get_mut(direction.index()) {
            *updated = false;
        }
    }

    /// How far it has come, in both directions.
    pub(in crate::app) fn progress(&self) -> u8 {
        self.state
    }

    /// The host of the request, in lower case and without port.
    pub(in crate::app) fn host(&self) -> Option<&[u8]> {
        Some(&*self.request.made(Direction::ToServer).host).filter(|host| !host.is_empty())
    }

    fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::ToServer => &self.request,
            Direction::ToClient => &self.response,
        }
    }

    fn side_mut(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::ToServer => &mut self.request,
            Direction::ToClient => &mut self.response,
        }
    }

    pub(in crate::app) fn buffer(&self, buffer: Buffer, direction: Direction) -> Option<&[u8]> {
        let made = self.side(direction).made(direction);
        let of_request = || self.request.made(Direction::ToServer);
        let of_response = || self.response.made(Direction::ToClient);
        let there = |bytes: &'_ [u8]| !bytes.is_empty();
        let whole = match buffer {
            Buffer::DnsQuery(_) | Buffer::DnsName(..) => return self.dns(direction)?.buffer(buffer),
            Buffer::HttpHost => return self.host(),
            // there, and empty
            Buffer::HttpStatMsg => return Some(&[]),
            Buffer::HttpProtocol => b"HTTP/2",
            Buffer::HttpHostRaw => of_request().value(b":authority")?,
            Buffer::HttpMethod => of_request().first(b":method"),
            Buffer::HttpUri | Buffer::HttpUriRaw => of_request().first(b":path"),
            Buffer::HttpStatCode => of_response().first(b":status"),
            Buffer::HttpUserAgent => of_request().value(b"user-agent")?,
            Buffer::HttpReferer => of_request().value(b"referer")?,
            Buffer::HttpAccept => of_request().value(b"accept")?,
            Buffer::HttpAcceptLang => of_request().value(b"accept-language")?,
            Buffer::HttpAcceptEnc => of_request().value(b"accept-encoding")?,
            Buffer::HttpServer => of_response().value(b"server")?,
            Buffer::HttpLocation => of_response().value(b"location")?,
            Buffer::HttpConnection => made.value(b"connection")?,
            Buffer::HttpContentLen => made.value(b"content-length")?,
            Buffer::HttpContentType => made.value(b"content-type")?,
            Buffer::HttpCookie if direction == Direction::ToServer => made.value(b"cookie")?,
            Buffer::HttpCookie => made.value(b"set-cookie")?,
            Buffer::HttpHeader => &made.headers,
            Buffer::HttpHeaderRaw => &made.raw,
            Buffer::HttpHeaderNames => &made.names,
            Buffer::HttpRequestLine => &of_request().line,
            Buffer::HttpResponseLine => &of_response().line,
            _ => return None,
        };
        Some(whole).filter(|bytes| there(bytes))
    }

    /// The DNS message that it carries in a direction.
    pub(in crate::app) fn dns(&self, direction: Direction) -> Option<&DnsTx> {
        self.inside.as_ref()?.message.get(direction.index())?.as_ref()
    }

    /// Each header of a direction, name and value.
    pub(in crate::app) fn header_lines(&self, direction: Direction) -> &[Box<[u8]>] {
        &self.side(direction).made(direction).lines
    }

    /// The names of the headers of a direction; unless the configuration has it otherwise, up to one that is empty.
    pub(in crate::app) fn header_names(&self, direction: Direction) -> impl Iterator<Item = &[u8]> {
        let with_empty = self.config.http2_empty_names;
        let names = self.side(direction).headers.iter().map(|header| &*header.name);
        names.take_while(move |name| with_empty || !name.is_empty())
    }

    /// Whether a frame of a direction passes a test.
    pub(crate) fn has_frame(&self, direction: Direction, test: Http2Frame) -> bool {
        let side = self.side(direction);
        match test {
            Http2Frame::Kind(kind) => {
                side.kinds.get(usize::from(kind >> 6)).is_some_and(|word| word >> (kind & 63) & 1 == 1)
            }
            Http2Frame::ErrorCode(code) => side.said.error_codes.contains(&code),
            Http2Frame::Priority(compare) => side.said.priorities.iter().any(|&weight| compare.matches(weight)),
            Http2Frame::Window(compare) => side.said.windows.iter().any(|&increment| compare.matches(increment)),
            Http2Frame::SizeUpdate(compare) => side.said.size_updates.iter().any(|&size| compare.matches(size)),
            Http2Frame::Setting { id, value } => {
                let passes =
                    |&(known, number): &(u16, u32)| known == id && value.is_none_or(|compare| compare.matches(number));
                side.said.settings.iter().any(passes)
            }
        }
    }

    /// The bodies of a direction.
    pub(in crate::app) fn files(&self, direction: Direction) -> &Files {
        &self.side(direction).files
    }

    /// Rules have looked at a packet's transaction.
    pub(in crate::app) fn end_looks(&self) {
        self.request.files.end_looks();
        self.response.files.end_looks();
    }

    /// Forgets what rules will not look at again.
    pub(in crate::app) fn prune(&mut self, direction: Direction) {
        self.side_mut(direction).files.prune();
        // other streams may come to share names, or cease to
        self.request.made.take();
        self.response.made.take();
    }

    /// Takes a frame; whether it was understood or not, it was there.
    pub(super) fn take(&mut self, frame: Frame<'_>, events: &mut EventSet) -> Result<Carries, Defect> {
        let Frame { direction, kind, flags, fields, promised, said, data, keeps } = frame;
        self.updated = [true; 2];
        let from_server = direction == Direction::ToClient;
        let is_reset = matches!(said, Said::Error(_)) && kind == frame::RST_STREAM;
        self.side_mut(direction).saw(kind, said);
        let is_last = flags & flag::END_STREAM != 0;
        let over_http = self.config.dns_over_http2;
        let undone = match data {
            None => Ok(Carries::Whatever),
            Some(data) => self.side_mut(direction).data(data, keeps, is_last).map(|data| match &mut self.inside {
                Some(inside) if over_http => inside.take(direction, &data, is_last, events),
                _ => Carries::Whatever,
            }),
        };
        let mut asked = Carries::Whatever;
        let understood = fields.is_some();
        match kind {
            frame::PUSH_PROMISE if understood && from_server => {
                if flags & flag::END_HEADERS == 0 {
                    self.child = promised.unwrap_or(0);
                }
                self.state = progress::RESERVED;
            }
            frame::CONTINUATION if understood && from_server && flags & flag::END_HEADERS != 0 => self.child = 0,
            frame::HEADERS if understood && from_server => self.child = 0,
            frame::RST_STREAM if is_reset => self.child = 0,
            _ => {}
        }
        if let Some(fields) = fields {
            check(&fields, events);
            if over_http {
                asked = self.find_dns(direction, &fields);
            }
            self.side_mut(direction).take(fields);
        }
        if !(kind == frame::DATA || (kind == frame::HEADERS && understood)) {
            return undone.map(|carries| if asked == Carries::Dns { asked } else { carries });
        }
        if is_last {
            self.end_of(direction);
        } else if kind == frame::DATA {
            let sending = if from_server { progress::DATA_SERVER } else { progress::DATA_CLIENT };
            self.state = self.state.max(sending);
        }
        undone.map(|carries| if asked == Carries::Dns { asked } else { carries })
    }

    /// Headers may say that the body is a DNS message, or hold one in the path.
    fn find_dns(&mut self, direction: Direction, fields: &Fields) -> Carries {
        const KIND: &[u8] = b"application/dns-message";
        let has =
            |wanted: &[u8]| fields.list.iter().any(|Header { name, value }| **name == *wanted && **value == *KIND);
        if has(b"content-type") {
            let inside = self.inside.get_or_insert_default();
            if let Some(announced) = inside.is_announced.get_mut(direction.index()) {
                *announced = true;
            }
        }
        let path = fields.list.iter().rev().find(|header| *header.name == *b":path");
        let asked = path.filter(|_| has(b"accept")).and_then(|path| path.value.strip_prefix(b"/dns-query?dns="));
        let message = asked.and_then(super::base64_without_padding);
        match message.and_then(|message| DnsTx::read_inside(Direction::ToServer, &message)) {
            None => Carries::Whatever,
            Some(message) => {
                let [query, _] = &mut self.inside.get_or_insert_default().message;
                *query = Some(message);
                Carries::Dns
            }
        }
    }

    /// A header of the request in HTTP/1 that has led here; the client sends no more of it.
    pub(super) fn take_of_request(&mut self, field: &Field<'_>) {
        let mut fields = Fields::default();
        fields.push(field);
        self.request.saw(frame::HEADERS, Said::Nothing);
        self.request.take(fields);
        self.state = progress::HALF_CLOSED_CLIENT;
    }

    /// The settings in that request.
    pub(super) fn take_settings(&mut self, settings: Vec<(u16, u32)>) {
        self.request.saw(frame::SETTINGS, Said::Settings(settings));
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
    let Some(authority) = fields.last(b":authority") else { return };
    if authority.contains(&b'@') {
        raise(events, "http2.userinfo_in_uri");
    }
    if fields.last(b"host").is_some_and(|host| !host.eq_ignore_ascii_case(authority)) {
        raise(events, "http2.authority_host_mismatch");
    }
}

/// An authority without user and port, in lower case.
fn normalized(authority: &[u8]) -> Box<[u8]> {
    let at = authority.iter().position(|&byte| byte == b'@').map_or(0, |at| at + 1);
    let host = authority.get(at..).unwrap_or_default();
    host.iter().take_while(|&&byte| byte != b':').map(u8::to_ascii_lowercase).collect()
}
