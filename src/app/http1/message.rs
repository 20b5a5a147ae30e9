//! A request with its response: lines, headers, and the buffers made of them.

use std::cell::OnceCell;

use super::super::AppConfig;
use super::super::body::{Files, Window};
use super::super::transaction::{Buffer, raise};
use super::body::Body;
use super::decoding::{Decoders, Oddity};
use super::header_block::Field;
use super::text::{chomp, content_length, is_lws, is_space, is_token, number, split_while};
use super::{host, progress, uri};
use crate::packet::EventSet;
use crate::verdict::Direction;

const REPETITIONS_MAX: u16 = 64;
const HEADERS_MAX: usize = 1024;

/// The methods that libhtp knows.
const METHODS: [&[u8]; 28] = [
    b"GET",
    b"PUT",
    b"POST",
    b"DELETE",
    b"CONNECT",
    b"OPTIONS",
    b"TRACE",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"VERSION-CONTROL",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"CHECKIN",
    b"UPDATE",
    b"LABEL",
    b"REPORT",
    b"MKWORKSPACE",
    b"MKACTIVITY",
    b"BASELINE-CONTROL",
    b"MERGE",
    b"INVALID",
    b"HEAD",
];

/// A method is known; case counts.
pub(super) fn is_method(word: &[u8]) -> bool {
    METHODS.contains(&word)
}

/// The first word of a line, white space before it passed over.
pub(super) fn first_word(line: &[u8]) -> &[u8] {
    let (_, rest) = split_while(line, is_space);
    split_while(rest, |byte| !is_space(byte)).0
}

/// The version of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    #[default]
    Unknown,
    Invalid,
    Http09,
    Http10,
    Http11,
}

impl Protocol {
    fn parse(word: &[u8]) -> Self {
        match word {
            b"HTTP/0.9" => Self::Http09,
            b"HTTP/1.0" => Self::Http10,
            b"HTTP/1.1" => Self::Http11,
            _ => Self::Invalid,
        }
    }

    /// The same in any case, with zeros before the number.
    fn parse_loosely(word: &[u8], events: &mut EventSet) -> Self {
        let number = word.split_at_checked(5).filter(|(name, _)| name.eq_ignore_ascii_case(b"HTTP/"));
        let Some((_, number)) = number else { return Self::Invalid };
        let (zeros, number) = split_while(number, |byte| byte == b'0');
        let version = match number {
            b".9" => Self::Http09,
            b"1.0" => Self::Http10,
            b"1.1" => Self::Http11,
            _ => return Self::Invalid,
        };
        if !zeros.is_empty() {
            raise(events, "http.protocol_contains_extra_data");
        }
        version
    }
}

/// Headers in order of appearance; values of one name are joined by commas.
#[derive(Debug, Default)]
pub(super) struct Headers {
    list: Vec<(Vec<u8>, Vec<u8>)>,
    repeated: Vec<bool>,
    n_repetitions: u16,
}

impl Headers {
    /// The value of a header; as in libhtp bytes 0 in its name do not count.
    pub(super) fn get(&self, name: &[u8]) -> Option<&[u8]> {
        let is = |known: &[u8]| {
            known.eq_ignore_ascii_case(name)
                || (known.len() > name.len()
                    && known.contains(&0)
                    && super::text::without_nul(known).eq_ignore_ascii_case(name))
        };
        self.list.iter().find(|(known, _)| is(known)).map(|(_, value)| value.as_slice())
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.repeated.clear();
    }

    /// Names and values in the order in which they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.list.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    fn add(&mut self, name: &[u8], value: &[u8], max: usize) -> Added {
        let known =
            self.list.iter_mut().zip(&mut self.repeated).find(|((known, _), _)| known.eq_ignore_ascii_case(name));
        let Some(((_, joined), repeated)) = known else {
            self.list.push((name.to_vec(), value.to_vec()));
            self.repeated.push(false);
            return if self.list.len() > max { Added::TooMany } else { Added::New };
        };
        let is_first = !std::mem::replace(repeated, true);
        if !is_first {
            if self.n_repetitions >= REPETITIONS_MAX {
                return Added::Repeated { is_first };
            }
            self.n_repetitions += 1;
        }
        if name.eq_ignore_ascii_case(b"Content-Length") {
            let (first, second) = (content_length(joined), content_length(value));
            return if first.is_none() || first != second {
                Added::OtherLength { is_first }
            } else {
                Added::Repeated { is_first }
            };
        }
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(value);
        Added::Repeated { is_first }
    }
}

/// What became of a header.
enum Added {
    New,
    /// `is_first`: for the first time.
    Repeated {
        is_first: bool,
    },
    /// The same, with another length of the body.
    OtherLength {
        is_first: bool,
    },
    TooMany,
}

/// One side of a transaction.
#[derive(Debug, Default)]
pub(super) struct Message {
    pub(super) progress: u8,
    /// Something has come since rules looked at it. The first line alone does not count, nor do bytes that wait for more or
    /// belong to a tunnel. Suricata: `updated_ts`, `updated_tc`.
    pub(super) updated: bool,
    /// The first line without its end.
    pub(super) line: Option<Box<[u8]>>,
    pub(super) protocol: Option<Box<[u8]>>,
    pub(super) version: Protocol,
    pub(super) headers: Headers,
    /// Headers as sent, up to the empty line.
    pub(super) raw: Vec<u8>,
    /// Headers came behind a chunked body, be it none.
    pub(super) has_trailer: bool,
    pub(super) body: Body,
    header_names: OnceCell<Box<[u8]>>,
    header: OnceCell<Box<[u8]>>,
    start: OnceCell<Box<[u8]>>,
    lines: OnceCell<Box<[Box<[u8]>]>>,
}

impl Message {
    /// Buffers made of headers are made again: there are new ones.
    fn forget_made(&mut self) {
        self.header_names.take();
        self.header.take();
        self.start.take();
        self.lines.take();
    }

    /// Each header, name and value; they are there as they come.
    fn header_lines(&self) -> &[Box<[u8]>] {
        self.lines.get_or_init(|| {
            self.headers.iter().map(|(name, value)| [name, b": ", value].concat().into_boxed_slice()).collect()
        })
    }

    fn header_names(&self) -> Option<&[u8]> {
        if self.progress <= progress::HEADERS || self.headers.list.is_empty() {
            return None;
        }
        Some(self.header_names.get_or_init(|| {
            let mut names = b"\r\n".to_vec();
            for (name, _) in &self.headers.list {
                names.extend_from_slice(name);
                names.extend_from_slice(b"\r\n");
            }
            names.extend_from_slice(b"\r\n");
            names.into_boxed_slice()
        }))
    }

    /// All headers but cookies, one a line.
    fn header(&self, cookie: &[u8]) -> Option<&[u8]> {
        if self.progress <= progress::HEADERS {
            return None;
        }
        let made = self.header.get_or_init(|| {
            let mut lines = Vec::new();
            for (name, value) in &self.headers.list {
                if !name.eq_ignore_ascii_case(cookie) {
                    push_header(&mut lines, name, value);
                }
            }
            lines.into_boxed_slice()
        });
        (!made.is_empty()).then_some(made)
    }

    /// First line, headers, empty line.
    fn start(&self) -> Option<&[u8]> {
        if self.progress <= progress::HEADERS {
            return None;
        }
        let line = self.line.as_deref()?;
        Some(self.start.get_or_init(|| {
            let mut lines = line.to_vec();
            lines.extend_from_slice(b"\r\n");
            for (name, value) in &self.headers.list {
                push_header(&mut lines, name, value);
            }
            // Without headers there is no empty line either.
            if !self.headers.list.is_empty() {
                lines.extend_from_slice(b"\r\n");
            }
            lines.into_boxed_slice()
        }))
    }
}

fn push_header(lines: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    lines.extend_from_slice(name);
    lines.extend_from_slice(b": ");
    lines.extend_from_slice(value);
    lines.extend_from_slice(b"\r\n");
}

/// A request and its response.
#[derive(Debug, Default)]
pub struct Http1Tx {
    pub(super) config: AppConfig,
    pub(super) request: Message,
    pub(super) response: Message,
    pub(super) method: Option<Box<[u8]>>,
    pub(super) uri: Option<Box<[u8]>>,
    uri_normal: Option<Box<[u8]>>,
    uri_host: Option<Vec<u8>>,
    uri_port: Option<u16>,
    host: Option<Vec<u8>>,
    /// The port that the request names.
    pub(super) port: Option<u16>,
    /// A request line without version and no headers.
    pub(super) is_http09: bool,
    /// The target has a path, from which a file could have its name.
    pub(super) has_path: bool,
    pub(super) status: Option<u16>,
    status_word: Option<Box<[u8]>>,
    status_message: Option<Box<[u8]>>,
    pub(super) seen_100: bool,
    /// Defects of headers are told once a transaction, whichever side has them.
    pub(super) told: Told,
    /// Defects of the request that are told when it is over.
    defects: EventSet,
}

/// Which defects of headers were told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    missing_colon: bool,
    invalid: bool,
    pub(super) folding: bool,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    None,
    Identity(u64),
    Chunked,
    Invalid,
}

/// There are more headers than Suricata takes.
pub(super) struct TooMany;

impl Http1Tx {
    /// Nothing is known of request and response.
    pub(super) fn new(config: AppConfig) -> Self {
        Self { config, ..Self::default() }
    }

    pub(super) fn side(&mut self, direction: Direction) -> &mut Message {
        match direction {
            Direction::ToServer => &mut self.request,
            Direction::ToClient => &mut self.response,
        }
    }

    /// The host that the request is for, as in `http.host`.
    pub fn host(&self) -> Option<&[u8]> {
        self.host.as_deref()
    }

    /// The status code of the response, if it has a valid one.
    pub fn status(&self) -> Option<u16> {
        self.status
    }

    pub(super) fn is_connect(&self) -> bool {
        self.method.as_deref() == Some(b"CONNECT")
    }

    pub(in super::super) fn progress(&self, direction: Direction) -> u8 {
        match direction {
            Direction::ToServer => self.request.progress,
            Direction::ToClient => self.response.progress,
        }
    }

    pub(in super::super) fn updated(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.request.updated,
            Direction::ToClient => self.response.updated,
        }
    }

    pub(in super::super) fn set_looked_at(&mut self, direction: Direction) {
        match direction {
            Direction::ToServer => self.request.updated = false,
            Direction::ToClient => self.response.updated = false,
        }
    }

    /// What rules look at in the request's body.
    pub(in super::super) fn request_body(&self) -> Option<Window<'_>> {
        self.request.body.request.window(self.config.bodies.request.sizes, self.request.progress > progress::BODY)
    }

    /// The files of a direction.
    pub(in super::super) fn files(&self, direction: Direction) -> &Files {
        &self.message(direction).body.files
    }

    /// Rules have looked at a packet's transaction.
    pub(in super::super) fn end_looks(&self) {
        self.request.body.request.end_looks();
        self.request.body.files.end_looks();
        self.response.body.files.end_looks();
    }

    /// Forgets what rules will not look at again.
    pub(in super::super) fn prune(&mut self, direction: Direction) {
        self.side(direction).body.files.prune();
    }

    /// Each header of a direction.
    pub(in super::super) fn header_lines(&self, direction: Direction) -> &[Box<[u8]>] {
        self.message(direction).header_lines()
    }

    /// Headers came behind a chunked body, be it none.
    pub(in super::super) fn has_trailer(&self, direction: Direction) -> bool {
        self.message(direction).has_trailer
    }

    fn message(&self, direction: Direction) -> &Message {
        match direction {
            Direction::ToServer => &self.request,
            Direction::ToClient => &self.response,
        }
    }

    pub(in super::super) fn buffer(&self, buffer: Buffer, direction: Direction) -> Option<&[u8]> {
        let (message, cookie): (_, &[u8]) = match direction {
            Direction::ToServer => (&self.request, b"Cookie"),
            Direction::ToClient => (&self.response, b"Set-Cookie"),
        };
        let whole = |bytes: &[u8]| !bytes.is_empty();
        match buffer {
            Buffer::HttpHost => self.host.as_deref(),
            Buffer::HttpHostRaw => match &self.uri_host {
                Some(host) => Some(host),
                None => self.request.headers.get(b"Host"),
            },
            Buffer::HttpHeaderNames => message.header_names(),
            Buffer::HttpHeader => message.header(cookie),
            Buffer::HttpHeaderRaw if message.progress <= progress::HEADERS => None,
            Buffer::HttpHeaderRaw => Some(message.raw.as_slice()).filter(|raw| whole(raw)),
            Buffer::HttpUri => self.uri_normal.as_deref(),
            Buffer::HttpUriRaw => self.uri.as_deref(),
            Buffer::HttpMethod => self.method.as_deref(),
            Buffer::HttpProtocol => message.protocol.as_deref(),
            Buffer::HttpRequestLine => self.request.line.as_deref(),
            Buffer::HttpResponseLine => self.response.line.as_deref(),
            Buffer::HttpUserAgent => self.request.headers.get(b"User-Agent"),
            Buffer::HttpCookie => message.headers.get(cookie),
            Buffer::HttpReferer => self.request.headers.get(b"Referer"),
            Buffer::HttpAccept => self.request.headers.get(b"Accept"),
            Buffer::HttpAcceptLang => self.request.headers.get(b"Accept-Language"),
            Buffer::HttpAcceptEnc => self.request.headers.get(b"Accept-Encoding"),
            Buffer::HttpConnection => message.headers.get(b"Connection"),
            Buffer::HttpContentLen => message.headers.get(b"Content-Length"),
            Buffer::HttpContentType => message.headers.get(b"Content-Type"),
            Buffer::HttpServer => self.response.headers.get(b"Server"),
            Buffer::HttpLocation => self.response.headers.get(b"Location"),
            Buffer::HttpStart => message.start(),
            Buffer::HttpStatCode => self.status_word.as_deref(),
            Buffer::HttpStatMsg => self.status_message.as_deref(),
            _ => None,
        }
    }

    /// Method, target, version.
    pub(super) fn read_request_line(&mut self, events: &mut EventSet, line: &[u8]) {
        let line = chomp(line);
        self.request.line = Some(line.into());
        let (blank, rest) = split_while(line, is_space);
        if !blank.is_empty() {
            raise(events, "http.request_line_leading_whitespace");
        }
        let (method, rest) = split_while(rest, |byte| !is_space(byte));
        self.method = Some(method.into());
        let (blank, rest) = split_while(rest, is_space);
        if blank.iter().any(|&byte| byte != b' ') {
            raise(events, "http.method_delim_non_compliant");
        }
        if rest.is_empty() {
            self.is_http09 = true;
            self.request.version = Protocol::Http09;
            if self.config.http_by_libhtp_rs && !self.method.as_deref().is_some_and(is_method) {
                raise(events, "http.request_line_unknown_method");
            }
            self.read_target(events, &[], false);
            return;
        }
        if self.config.http_by_libhtp_rs {
            self.read_target_and_version(events, rest);
            return;
        }
        // The target ends at a space; only where there is none do other blanks end it.
        let odd = split_while(rest, |byte| byte != b' ').0.iter().any(|&byte| is_space(byte));
        let (mut target, mut rest_of_line) = split_while(rest, |byte| byte != b' ');
        if odd {
            if rest_of_line.is_empty() {
                (target, rest_of_line) = split_while(rest, |byte| !is_space(byte));
            }
            raise(events, "http.uri_delim_non_compliant");
        }
        self.uri = Some(target.into());
        let (_, protocol) = split_while(rest_of_line, is_space);
        if protocol.is_empty() {
            self.is_http09 = true;
            self.request.version = Protocol::Http09;
        } else {
            self.request.protocol = Some(protocol.into());
            self.request.version = Protocol::parse(protocol);
        }
        let target = target.to_vec();
        self.read_target(events, &target, true);
    }

    /// The version is what stands behind the last space; only where there is none does another blank do.
    fn read_target_and_version(&mut self, events: &mut EventSet, rest: &[u8]) {
        let rest = super::text::trim(rest);
        let (mut target, mut protocol) = split_last(rest, |byte| byte == b' ');
        if target.iter().any(|&byte| is_space(byte) && byte != b' ') {
            raise(events, "http.uri_delim_non_compliant");
            if target.len() == rest.len() {
                (target, protocol) = split_last(rest, is_space);
            }
        }
        let is_known = self.method.as_deref().is_some_and(is_method);
        self.uri = Some(target.into());
        if protocol.is_empty() {
            self.is_http09 = true;
            self.request.version = Protocol::Http09;
            if !is_known {
                raise(events, "http.request_line_unknown_method_no_protocol");
            }
        } else {
            self.request.protocol = Some(protocol.into());
            self.request.version = Protocol::parse_loosely(protocol, events);
            if !is_known && self.request.version == Protocol::Invalid {
                raise(events, "http.request_line_unknown_method_invalid_protocol");
            }
        }
        let target = target.to_vec();
        self.read_target(events, &target, true);
    }

    fn read_target(&mut self, events: &mut EventSet, target: &[u8], is_there: bool) {
        let mut invalid = false;
        if self.is_connect() && is_there {
            let parsed = if self.config.http_by_libhtp_rs {
                host::parse_loosely(target)
            } else {
                host::parse(target, self.config.http_host_lower_before_port)
            };
            invalid |= parsed.invalid;
            self.uri_host = parsed.host.as_deref().map(uri::normal_host);
            self.uri_port = parsed.port;
            self.uri_normal = (!self.config.http_uri_empty_is_none).then(Box::default);
        } else if !self.is_connect() {
            let parsed = uri::parse(target, self.config.http_by_libhtp_rs);
            invalid |= parsed.invalid;
            self.uri_host = parsed.host;
            self.uri_port = parsed.port;
            let shown = !parsed.normal.is_empty() || !self.config.http_uri_empty_is_none;
            self.uri_normal = shown.then(|| parsed.normal.into());
            self.has_path = parsed.has_path;
        }
        let is_valid = if self.config.http_by_libhtp_rs { host::is_loosely_valid } else { host::is_valid };
        invalid |= self.uri_host.as_deref().is_some_and(|host| !is_valid(host));
        if invalid {
            raise(events, "http.request_uri_host_invalid");
        }
    }

    /// A response came without a request: what the request's buffers hold then.
    pub(super) fn without_request(&mut self) {
        const NOT_SEEN: &[u8] = b"/libhtp::request_uri_not_seen";
        self.uri = Some(NOT_SEEN.into());
        self.has_path = true;
    }

    /// Version, status, message.
    pub(super) fn read_response_line(&mut self, events: &mut EventSet, line: &[u8]) {
        self.response.line = Some(if self.config.http_by_libhtp_rs { line.into() } else { chomp(line).into() });
        let line = chomp(line);
        self.response.protocol = None;
        self.response.version = Protocol::Invalid;
        self.status = None;
        self.status_word = None;
        self.status_message = None;
        let (_, rest) = split_while(line, is_space);
        let (protocol, rest) = split_while(rest, |byte| !is_space(byte));
        if !protocol.is_empty() {
            self.response.protocol = Some(protocol.into());
            self.response.version = if self.config.http_by_libhtp_rs {
                Protocol::parse_loosely(protocol, events)
            } else {
                Protocol::parse(protocol)
            };
            let (_, rest) = split_while(rest, is_space);
            let (status, rest) = split_while(rest, |byte| !is_space(byte));
            if !status.is_empty() {
                self.status_word = Some(status.into());
                let status = number(status, 10).filter(|status| (100..=999).contains(status));
                self.status = status.map(|status| status as u16);
                let (_, message) = split_while(rest, is_space);
                if !message.is_empty() {
                    self.status_message = Some(message.into());
                }
            }
        }
        let [of_protocol, of_status] = if self.config.http_by_libhtp_rs {
            ["http.response_line_invalid_protocol", "http.response_line_invalid_response_status"]
        } else {
            ["http.response_invalid_protocol", "http.response_invalid_status"]
        };
        if self.response.version == Protocol::Invalid {
            raise(events, of_protocol);
        }
        if self.status.is_none() {
            raise(events, of_status);
        }
    }

    /// Takes a header line, folded ones joined.
    pub(super) fn read_header(
        &mut self,
        events: &mut EventSet,
        direction: Direction,
        line: &[u8],
    ) -> Result<(), TooMany> {
        let is_request = direction == Direction::ToServer;
        let line = chomp(line);
        let colon = match line.iter().position(|&byte| byte == b':' || (is_request && byte == 0)) {
            Some(at) if line.get(at) == Some(&b':') => Some(at),
            _ => None,
        };
        let (name, value) = match colon {
            Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default()),
            None => (&[][..], line),
        };
        let blank = |byte| if is_request { is_lws(byte) } else { is_space(byte) };
        let name_end = name.iter().rposition(|&byte| !blank(byte)).map_or(0, |at| at + 1);
        let invalid = colon.is_some()
            && (name.is_empty() || name_end < name.len() || !name.iter().take(name_end).copied().all(is_token));
        let name = name.get(..name_end).unwrap_or_default();
        let value = if colon.is_none() && is_request { value } else { trim_lws(value) };
        let told = &mut self.told;
        if colon.is_none() {
            if !std::mem::replace(&mut told.missing_colon, true) {
                let name =
                    if is_request { "http.request_field_missing_colon" } else { "http.response_field_missing_colon" };
                raise(events, name);
                told.invalid |= !is_request;
            }
        } else if invalid && !std::mem::replace(&mut told.invalid, true) {
            raise(events, if is_request { "http.request_header_invalid" } else { "http.response_header_invalid" });
        }
        let message = self.side(direction);
        message.forget_made();
        let added = message.headers.add(name, value, HEADERS_MAX);
        told_of_added(&added, is_request, events)
    }

    /// Takes a header of a block.
    pub(super) fn take_field(
        &mut self,
        events: &mut EventSet,
        direction: Direction,
        field: &Field,
    ) -> Result<(), TooMany> {
        let is_request = direction == Direction::ToServer;
        let Told { missing_colon, invalid, folding } = &mut self.told;
        let odd = field.odd;
        let found = [
            (odd.blank_behind_name, &mut *invalid, REQUEST_BLANK, RESPONSE_BLANK),
            (odd.blank_before_name, folding, REQUEST_FOLDING, RESPONSE_FOLDING),
        ];
        if odd.mixed_line_end && !is_request {
            raise(events, "http.deformed_eol");
        }
        for (_, told, request, response) in found.into_iter().filter(|(is, ..)| *is) {
            tell_once(events, told, if is_request { request } else { response });
        }
        if odd.no_token {
            let name = if is_request { "http.request_header_invalid" } else { "http.response_header_name_not_token" };
            tell_once(events, invalid, name);
        }
        // it has flags of its own for a colon without a name, which are never asked
        if odd.no_name {
            let name =
                if is_request { "http.request_field_missing_colon" } else { "http.response_field_missing_colon" };
            tell_once(events, missing_colon, name);
        }
        let message = self.side(direction);
        message.forget_made();
        let added = message.headers.add(&field.name, &field.value, HEADERS_MAX + 1);
        let told = told_of_added(&added, is_request, events);
        if let Added::Repeated { is_first: true } | Added::OtherLength { is_first: true } = added {
            let name = if is_request { "http.request_header_repetition" } else { "http.response_header_repetition" };
            raise(events, name);
        }
        told
    }

    /// Tells what was wrong with the request.
    pub(super) fn tell_defects(&mut self, events: &mut EventSet) {
        for event in std::mem::take(&mut self.defects) {
            raise(events, event.0);
        }
    }

    /// The same as [`Self::end_request_headers`], with the defects told when the request is over.
    pub(super) fn end_request_block(&mut self) -> Coding {
        let mut defects = std::mem::take(&mut self.defects);
        if let Some(Authorization::Unrecognized) = self.request.headers.get(b"Authorization").map(authorization) {
            raise(&mut defects, "http.request_auth_unrecognized");
        }
        self.find_host(&mut defects);
        let length = self.request.headers.get(b"Content-Length");
        let coding = match self.request.headers.get(b"Transfer-Encoding") {
            Some(coding) => {
                let chunked = super::text::contains_nocase(&super::text::without_nul(coding), b"chunked");
                if !chunked || self.request.version < Protocol::Http11 {
                    raise(&mut defects, "http.invalid_transfer_encoding_value_in_request");
                }
                if chunked { Coding::Chunked } else { Coding::Invalid }
            }
            None => match length.map(content_length) {
                None => Coding::None,
                Some(Some(len)) => Coding::Identity(len),
                Some(None) => {
                    raise(&mut defects, "http.invalid_content_length_field_in_request");
                    Coding::Invalid
                }
            },
        };
        self.defects = defects;
        coding
    }

    /// All headers of the request are there: finds its host and how long its body is.
    pub(super) fn end_request_headers(&mut self, events: &mut EventSet) -> Coding {
        match self.request.headers.get(b"Authorization").map(authorization) {
            None | Some(Authorization::Known) => {}
            Some(Authorization::Unrecognized) => raise(events, "http.request_auth_unrecognized"),
            Some(Authorization::Undecodable) => {
                // The host is known, but what is wrong with it is not told any more.
                self.find_host(&mut EventSet::new());
                return Coding::Invalid;
            }
        }
        self.find_host(events);
        if let Some(coding) = self.request.headers.get(b"Transfer-Encoding") {
            let chunked = super::text::has_token(coding, b"chunked");
            if !chunked || self.request.version < Protocol::Http11 {
                raise(events, "http.invalid_transfer_encoding_value_in_request");
            }
            return if chunked { Coding::Chunked } else { Coding::Invalid };
        }
        match self.request.headers.get(b"Content-Length").map(content_length) {
            None => Coding::None,
            Some(Some(len)) => Coding::Identity(len),
            Some(None) => {
                raise(events, "http.invalid_content_length_field_in_request");
                Coding::Invalid
            }
        }
    }

    /// All headers of the response are there: how its body is coded.
    pub(super) fn content_coding(&self, events: &mut EventSet) -> Option<Decoders> {
        let value = self.response.headers.get(b"Content-Encoding")?;
        let layers = usize::from(self.config.bodies.layers);
        Decoders::new(value, layers, self.config.http_decoded_at_once, |oddity| {
            raise(
                events,
                match oddity {
                    Oddity::TooManyLayers => "http.too_many_encoding_layers",
                    Oddity::Abnormal => "http.abnormal_ce_header",
                },
            );
        })
    }

    /// The host of the target counts before that of the header.
    fn find_host(&mut self, events: &mut EventSet) {
        self.host = self.uri_host.clone();
        self.port = self.uri_port;
        let Some(value) = self.request.headers.get(b"Host") else {
            if self.request.version >= Protocol::Http11 {
                raise(events, "http.missing_host_header");
            }
            return;
        };
        let named = if self.config.http_by_libhtp_rs {
            host::parse_loosely(value)
        } else {
            host::parse(value, self.config.http_host_lower_before_port)
        };
        if named.invalid {
            raise(events, "http.request_header_host_invalid");
        }
        match (named.host, &self.host) {
            (Some(host), None) => {
                self.host = Some(host);
                self.port = named.port;
            }
            (Some(host), Some(of_uri)) => {
                let other_port = named.port.zip(self.port).is_some_and(|(named, of_uri)| named != of_uri);
                if !host.eq_ignore_ascii_case(of_uri) || other_port {
                    raise(events, "http.host_header_ambiguous");
                }
            }
            (None, Some(_)) => raise(events, "http.host_header_ambiguous"),
            (None, None) => {}
        }
    }
}

const REQUEST_BLANK: &str = "http.request_invalid_lws_after_name";
const RESPONSE_BLANK: &str = "http.response_invalid_lws_after_name";
const REQUEST_FOLDING: &str = "http.invalid_request_field_folding";
const RESPONSE_FOLDING: &str = "http.invalid_response_field_folding";

fn tell_once(events: &mut EventSet, told: &mut bool, name: &'static str) {
    if !std::mem::replace(told, true) {
        raise(events, name);
    }
}

fn told_of_added(added: &Added, is_request: bool, events: &mut EventSet) -> Result<(), TooMany> {
    match added {
        Added::New | Added::Repeated { .. } => Ok(()),
        Added::OtherLength { .. } => {
            let name = if is_request {
                "http.duplicate_content_length_field_in_request"
            } else {
                "http.duplicate_content_length_field_in_response"
            };
            raise(events, name);
            Ok(())
        }
        Added::TooMany => {
            raise(events, if is_request { "http.request_too_many_headers" } else { "http.response_too_many_headers" });
            Err(TooMany)
        }
    }
}

/// What is before and behind the last byte of a kind, without white space around either; all of it before when there is
/// none.
fn split_last(bytes: &[u8], is: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let trim = super::text::trim;
    match bytes.iter().rposition(|&byte| is(byte)) {
        Some(at) => (trim(bytes.get(..at).unwrap_or_default()), trim(bytes.get(at + 1..).unwrap_or_default())),
        None => (trim(bytes), &[]),
    }
}

/// What credentials are worth.
enum Authorization {
    Known,
    Unrecognized,
    /// Basic ones that decode to nothing end parsing.
    Undecodable,
}

fn authorization(value: &[u8]) -> Authorization {
    let begins = |word: &[u8]| value.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if begins(b"basic") {
        let (_, encoded) = split_while(value.get(5..).unwrap_or_default(), is_space);
        let digits = encoded.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
        return if encoded.is_empty() || digits.count() > 1 {
            Authorization::Known
        } else {
            Authorization::Undecodable
        };
    }
    if begins(b"digest") || begins(b"bearer") { Authorization::Known } else { Authorization::Unrecognized }
}

fn trim_lws(value: &[u8]) -> &[u8] {
    let (_, rest) = split_while(value, is_lws);
    let end = rest.iter().rposition(|&byte| !is_lws(byte)).map_or(0, |at| at + 1);
    rest.get(..end).unwrap_or_default()
}
