//! HTTP/2 in clear: frames, header blocks, and a transaction for each stream.
//!
//! In: the bytes of each direction. Out: a transaction for each stream with the buffers of its headers, and one for each
//! frame about the connection as a whole. `hpack.rs` decodes header blocks, `decoding.rs`
//! undoes the compression of bodies.

mod decoding;
mod hpack;
mod huffman;
mod stream;

pub use stream::Http2Tx;

use super::probe::{Context, Probe};
use super::transaction::{TxData, raise};
use super::{AppConfig, AppProto, Parsed, Transactions, Wishes};
use crate::verdict::Direction;
use hpack::Table;
use stream::{Carries, Said};

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME_HEADER_BYTES: usize = 9;
/// The largest first frame of a server.
const FRAME_BYTES_MAX: u32 = 16_384;
/// A longer frame is not waited for: what is there of it is looked at, and the rest skipped.
const WHOLE_FRAME_BYTES_MAX: usize = 65_536;
/// What must be there of a longer frame.
const PART_OF_FRAME_BYTES: usize = 256;
/// What is put together of a header block in several frames.
const BLOCK_BYTES_MAX: usize = 102_400;
/// Transactions of a connection that may be live.
const TRANSACTIONS_MAX: usize = 4096;

/// Frame types.
mod frame {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const PRIORITY: u8 = 2;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PUSH_PROMISE: u8 = 5;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const CONTINUATION: u8 = 9;
}

/// Frame flags.
mod flag {
    pub(super) const END_STREAM: u8 = 0x1;
    pub(super) const END_HEADERS: u8 = 0x4;
    pub(super) const PADDED: u8 = 0x8;
    pub(super) const PRIORITY: u8 = 0x20;
}

/// How far a transaction has come, for both directions. Suricata: `HTTP2TransactionState`.
pub mod progress {
    /// The stream is open.
    pub const OPEN: u8 = 1;
    /// It is promised by the server.
    pub const RESERVED: u8 = 2;
    /// The client sends a body.
    pub const DATA_CLIENT: u8 = 3;
    /// The client has no more to send.
    pub const HALF_CLOSED_CLIENT: u8 = 4;
    /// The server sends a body.
    pub const DATA_SERVER: u8 = 5;
    /// The server has no more to send.
    pub const HALF_CLOSED_SERVER: u8 = 6;
    /// Neither has.
    pub const CLOSED: u8 = 7;
    /// It is no stream but about the connection.
    pub const GLOBAL: u8 = 8;
    /// There were too many streams.
    pub const TO_DROP: u8 = 9;
}

/// A SETTINGS frame with no flag but ACK.
pub(super) fn probe(_: Context, data: &[u8]) -> Probe {
    let Some(header) = Header::read(data) else { return Probe::Unknown };
    if header.reserved || header.len > FRAME_BYTES_MAX || header.flags & 0xfe != 0 || header.kind != frame::SETTINGS {
        return Probe::Failed;
    }
    Probe::MATCH
}

#[derive(Clone, Copy, Debug)]
struct Header {
    len: u32,
    kind: u8,
    flags: u8,
    reserved: bool,
    stream: u32,
}

impl Header {
    fn read(data: &[u8]) -> Option<Self> {
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = data.first_chunk::<FRAME_HEADER_BYTES>()?;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        Some(Self { len: u32::from_be_bytes([0, l0, l1, l2]), kind, flags, reserved: s0 & 0x80 != 0, stream })
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// A header block that goes on in further frames.
#[derive(Debug, Default)]
struct PartialBlock {
    data: Vec<u8>,
    stream: u32,
}

/// The parser of a connection.
#[derive(Debug, Default)]
pub(super) struct Http2Parser {
    preface_done: bool,
    /// What is to be skipped of a long frame. As in Suricata 7.0 the client's, whoever sent it.
    skip: u32,
    /// The same of the server, where it is told apart.
    skip_of_server: u32,
    /// By [`Direction::index`], as is the rest.
    tables: [Table; 2],
    blocks: [PartialBlock; 2],
    /// Rules look at bodies.
    keeps: bool,
    config: AppConfig,
}

/// The transactions of a connection that was HTTP/1 up to a request to change: the request is the first stream, and its
/// settings are about the connection.
pub(super) fn after_upgrade<'a>(txs: &mut Transactions, request: impl Iterator<Item = (&'a [u8], &'a [u8])>) {
    for (name, value) in request {
        if name == b"HTTP2-Settings" {
            let mut settings = Http2Tx::global();
            if let Some(bytes) = base64(value) {
                settings.take_settings(settings_of(&bytes, false).collect());
            }
            txs.push(TxData::Http2(Box::new(settings)));
            continue;
        }
        let field = hpack::Field { name: name.into(), value: value.into(), ..hpack::Field::default() };
        let stream = txs.list.iter_mut().rev().find_map(|tx| match &mut tx.data {
            TxData::Http2(stream) if stream.stream_id() == 1 => Some(stream),
            _ => None,
        });
        match stream {
            Some(stream) => stream.take_of_request(&field),
            None => {
                let mut stream = Http2Tx::new(1);
                stream.take_of_request(&field);
                txs.push(TxData::Http2(Box::new(stream)));
            }
        }
    }
}

impl Http2Parser {
    /// Takes data of a direction.
    pub(super) fn parse(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        data: &[u8],
        wishes: &mut Wishes,
    ) -> Parsed {
        self.keeps = wishes.keep.bodies;
        self.config = wishes.config;
        let mut rest = data;
        if direction == Direction::ToServer && !self.preface_done {
            let Some((preface, behind)) = data.split_first_chunk::<{ PREFACE.len() }>() else {
                return Parsed::Incomplete { consumed: 0, needed: PREFACE.len() as u32 };
            };
            if preface == PREFACE {
                rest = behind;
            } else if std::str::from_utf8(preface).is_ok() {
                note(txs, "http2.invalid_client_magic");
            } else {
                return Parsed::Error;
            }
            self.preface_done = true;
        }
        let skip = match direction {
            Direction::ToServer => &mut self.skip,
            Direction::ToClient => &mut self.skip_of_server,
        };
        if *skip > 0 {
            match rest.split_at_checked(*skip as usize) {
                Some((_, behind)) if !behind.is_empty() => rest = behind,
                _ => {
                    *skip -= rest.len() as u32;
                    return Parsed::Ok;
                }
            }
            *skip = 0;
        }
        self.frames(txs, direction, rest, (data.len(), wishes))
    }

    fn frames(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        mut rest: &[u8],
        (len, wishes): (usize, &mut Wishes),
    ) -> Parsed {
        while !rest.is_empty() {
            let consumed = (len - rest.len()) as u32;
            let Some(header) = Header::read(rest) else {
                return Parsed::Incomplete { consumed, needed: FRAME_HEADER_BYTES as u32 };
            };
            let body = rest.get(FRAME_HEADER_BYTES..).unwrap_or_default();
            let wanted = header.len as usize;
            if body.len() < wanted {
                let part = if wanted < WHOLE_FRAME_BYTES_MAX { wanted } else { PART_OF_FRAME_BYTES };
                if body.len() < part {
                    return Parsed::Incomplete { consumed, needed: (FRAME_HEADER_BYTES + part) as u32 };
                }
                note(txs, "http2.long_frame_data");
                let skip = match direction {
                    Direction::ToClient if self.config.http2_by_the_rfc => &mut self.skip_of_server,
                    _ => &mut self.skip,
                };
                *skip = header.len - body.len() as u32;
            }
            let (body, behind) = body.split_at_checked(wanted).unwrap_or((body, &[]));
            rest = behind;
            if header.len == 0 && header.kind == frame::SETTINGS {
                continue;
            }
            match self.frame(txs, direction, header, body) {
                None => return Parsed::Error,
                Some(Carries::Dns) => wishes.become_proto = Some(AppProto::Doh2),
                Some(Carries::Whatever) => {}
            }
        }
        Parsed::Ok
    }

    /// Takes a frame; `None` when there are too many streams.
    fn frame(&mut self, txs: &mut Transactions, direction: Direction, header: Header, body: &[u8]) -> Option<Carries> {
        let whole = body.len() == header.len as usize;
        let mut promised = None;
        let mut said = Said::Nothing;
        let mut fields = None;
        match header.kind {
            frame::HEADERS if !header.has(flag::END_HEADERS) => {
                let block = self.block(direction);
                block.data.clear();
                block.data.extend(body.iter().take(BLOCK_BYTES_MAX));
                block.stream = header.stream;
                fields = Some(stream::Fields::default());
            }
            frame::HEADERS => {
                let pad_bytes = usize::from(header.has(flag::PADDED));
                let priority_bytes = if header.has(flag::PRIORITY) { 5 } else { 0 };
                // Padding at the end is taken for fields, as Suricata does.
                fields = self.fields(txs, direction, body.get(pad_bytes + priority_bytes..), whole);
                if header.has(flag::PRIORITY)
                    && fields.is_some()
                    && let Some(&weight) = body.get(pad_bytes + 4)
                {
                    said = Said::Priority(weight);
                }
            }
            frame::PUSH_PROMISE => {
                let body = body.get(usize::from(header.has(flag::PADDED))..);
                let parts = body.and_then(|body| body.split_first_chunk::<4>());
                fields = self.fields(txs, direction, parts.map(|(_, block)| block), whole);
                promised = parts.filter(|_| fields.is_some()).map(|(id, _)| u32::from_be_bytes(*id) & 0x7fff_ffff);
            }
            frame::CONTINUATION => fields = self.continuation(txs, direction, header, body, whole),
            frame::SETTINGS => said = self.settings(direction, body),
            frame::RST_STREAM | frame::PRIORITY | frame::WINDOW_UPDATE | frame::GOAWAY => {
                match Said::read(header.kind, body, self.config.http2_by_the_rfc) {
                    Some(read) => said = read,
                    None => note(txs, "http2.invalid_frame_length"),
                }
            }
            _ => {}
        }
        let of_stream = header.stream != 0 || !self.config.http2_by_the_rfc;
        let data = (header.kind == frame::DATA && of_stream).then(|| {
            let pad = body.first().filter(|&&pad| header.has(flag::PADDED) && usize::from(pad) < body.len());
            pad.and_then(|&pad| body.get(1..body.len() - usize::from(pad))).unwrap_or(body)
        });
        let id = find_or_create(txs, direction, header, promised)?;
        let tx = txs.by_id(id)?;
        let frame = stream::Frame {
            direction,
            kind: header.kind,
            flags: header.flags,
            fields,
            promised,
            said,
            data,
            keeps: self.keeps,
        };
        if header.kind == frame::DATA && !of_stream {
            raise(&mut tx.events, "http2.data_stream_zero");
        }
        let TxData::Http2(stream) = &mut tx.data else { return Some(Carries::Whatever) };
        stream.set_config(self.config);
        match stream.take(frame, &mut tx.events) {
            Ok(carries) => Some(carries),
            Err(_) => {
                if self.config.http2_by_the_rfc {
                    raise(&mut tx.events, "http2.failed_decompression");
                } else {
                    note(txs, "http2.failed_decompression");
                }
                Some(Carries::Whatever)
            }
        }
    }

    fn block(&mut self, direction: Direction) -> &mut PartialBlock {
        let [client, server] = &mut self.blocks;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }

    fn table(&mut self, direction: Direction) -> &mut Table {
        let [client, server] = &mut self.tables;
        match direction {
            Direction::ToServer => client,
            Direction::ToClient => server,
        }
    }

    fn continuation(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        header: Header,
        body: &[u8],
        whole: bool,
    ) -> Option<stream::Fields> {
        let partial = self.block(direction);
        if partial.stream != header.stream {
            return self.fields(txs, direction, Some(body), whole);
        }
        let room = BLOCK_BYTES_MAX.saturating_sub(partial.data.len());
        partial.data.extend(body.iter().take(room));
        if !header.has(flag::END_HEADERS) {
            return Some(stream::Fields::default());
        }
        let block = std::mem::take(partial);
        self.fields(txs, direction, Some(&block.data), whole)
    }

    /// Decodes a header block, which is `None` if the frame is too short to have one; gives `None` if it cannot be decoded.
    fn fields(
        &mut self,
        txs: &mut Transactions,
        direction: Direction,
        block: Option<&[u8]>,
        whole: bool,
    ) -> Option<stream::Fields> {
        let mut fields = stream::Fields::default();
        match block.map(|block| self.table(direction).decode(block, |field| fields.push(field))) {
            Some(Ok(odd)) => {
                if odd.invalid {
                    note(txs, "http2.invalid_header");
                }
                Some(fields)
            }
            None | Some(Err(hpack::Cut)) => {
                if whole {
                    note(txs, "http2.invalid_frame_data");
                }
                None
            }
        }
    }

    /// A side says how large a table it keeps for what the other side sends.
    fn settings(&mut self, direction: Direction, body: &[u8]) -> Said {
        const HEADER_TABLE_SIZE: u16 = 1;
        let settings: Vec<(u16, u32)> = settings_of(body, self.config.http2_by_the_rfc).collect();
        for &(_, size) in settings.iter().filter(|(id, _)| *id == HEADER_TABLE_SIZE) {
            self.table(direction.opposite()).set_size(size);
        }
        Said::Settings(settings)
    }
}

/// The settings of a frame, up to one that is not known; `later`: those of RFC 8441 and RFC 9218 are.
fn settings_of(body: &[u8], later: bool) -> impl Iterator<Item = (u16, u32)> {
    let settings = body.chunks_exact(6).map_while(|setting| {
        let (id, value) = setting.split_first_chunk::<2>()?;
        Some((u16::from_be_bytes(*id), u32::from_be_bytes(*value.first_chunk::<4>()?)))
    });
    settings.take_while(move |(id, _)| (1..=6).contains(id) || (later && matches!(id, 8 | 9)))
}

/// Decodes base64 with or without padding; `None` when it is none.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().rposition(|&byte| byte != b'=').map_or(0, |at| at + 1);
    base64_without_padding(text.get(..end)?)
}

/// Decodes base64 without padding; `None` when it is none.
fn base64_without_padding(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for digits in text.chunks(4) {
        let mut bits: u32 = 0;
        for &digit in digits {
            let value = match digit {
                b'A'..=b'Z' => digit - b'A',
                b'a'..=b'z' => digit - b'a' + 26,
                b'0'..=b'9' => digit - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        bits <<= 8 + 6 * (4 - digits.len());
        bytes.extend(bits.to_be_bytes().iter().take(digits.len().saturating_sub(1)));
    }
    Some(bytes)
}

impl Said {
    /// What a frame of fixed length says; `None` when it has another.
    fn read(kind: u8, body: &[u8], by_the_rfc: bool) -> Option<Self> {
        let word = || body.first_chunk::<4>().map(|word| u32::from_be_bytes(*word));
        match (kind, body.len()) {
            (frame::PRIORITY, 5) => body.get(4).map(|&weight| Self::Priority(weight)),
            (frame::WINDOW_UPDATE, 4) => word().map(|increment| Self::Window(increment & 0x7fff_ffff)),
            (frame::RST_STREAM, 4) => word().map(Self::Error),
            (frame::GOAWAY, 8..) if by_the_rfc => {
                body.get(4..)?.first_chunk::<4>().map(|code| Self::Error(u32::from_be_bytes(*code)))
            }
            (frame::GOAWAY, _) if by_the_rfc => None,
            // as Suricata 7.0 reads it: the number of the last stream where the code should be
            (frame::GOAWAY, 4..) => word().map(Self::Error),
            _ => None,
        }
    }
}

/// The transaction that a frame belongs to; `None` when there are too many.
fn find_or_create(txs: &mut Transactions, direction: Direction, header: Header, promised: Option<u32>) -> Option<u64> {
    let streams = |tx: &super::Tx| match &tx.data {
        TxData::Http2(stream) => Some((stream.stream_id(), stream.child())),
        _ => None,
    };
    let newest = |txs: &Transactions, wanted: u32| {
        txs.list.iter().rev().find(|tx| streams(tx).is_some_and(|(id, _)| id == wanted)).map(|tx| tx.id)
    };
    let stream = match promised {
        Some(promised) => promised,
        None if header.kind == frame::CONTINUATION && direction == Direction::ToClient => {
            // perhaps of a promise, whose own stream it does not name
            let parent = newest(txs, header.stream).and_then(|id| txs.by_id(id)).and_then(|tx| streams(tx));
            parent.map(|(_, child)| child).filter(|child| *child > 0).unwrap_or(header.stream)
        }
        None => header.stream,
    };
    if header.stream != 0
        && let Some(id) = newest(txs, stream)
    {
        if let Some(tx) = txs.by_id(id)
            && tx.progress(direction) == progress::CLOSED
            && !matches!(header.kind, frame::RST_STREAM | frame::WINDOW_UPDATE | frame::PRIORITY)
        {
            note(txs, "http2.stream_id_reuse");
        }
        return Some(id);
    }
    if txs.list.len() >= TRANSACTIONS_MAX {
        for tx in &mut txs.list {
            raise(&mut tx.events, "http2.too_many_streams");
            if let TxData::Http2(stream) = &mut tx.data {
                stream.give_up();
            }
        }
        return None;
    }
    let data = if header.stream == 0 { Http2Tx::global() } else { Http2Tx::new(stream) };
    Some(txs.push(TxData::Http2(Box::new(data))).id)
}

/// Notes something odd with the newest transaction.
fn note(txs: &mut Transactions, name: &'static str) {
    if let Some(tx) = txs.list.back_mut() {
        raise(&mut tx.events, name);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Buffer;
    use super::*;
    use Direction::{ToClient, ToServer};

    fn frame(kind: u8, flags: u8, stream: u8, body: &[u8]) -> Vec<u8> {
        [&[0, 0, body.len() as u8, kind, flags, 0, 0, 0, stream][..], body].concat()
    }

    fn parse(talk: &[(Direction, &[u8])]) -> (Transactions, Parsed) {
        let (mut parser, mut txs, mut parsed) = (Http2Parser::default(), Transactions::default(), Parsed::Ok);
        for (direction, data) in talk {
            parsed = parser.parse(&mut txs, *direction, data, &mut Wishes::default());
        }
        (txs, parsed)
    }

    fn text(txs: &Transactions, at: usize, buffer: Buffer) -> String {
        String::from_utf8(txs.list[at].buffer(buffer, ToServer).unwrap_or(b"-").to_vec()).unwrap()
    }

    #[test]
    fn a_request_has_the_buffers_of_http() {
        let block = b"\x82\x84\x41\x0eA.Example:8080\x40\x01x\x01y";
        let talk = [&PREFACE[..], &frame(4, 0, 0, &[0; 6]), &frame(1, 5, 1, block)].concat();
        let (txs, parsed) = parse(&[(ToServer, &talk)]);
        assert_eq!((parsed, txs.list.len()), (Parsed::Ok, 2));
        assert_eq!(text(&txs, 1, Buffer::HttpHost), "a.example");
        assert_eq!(text(&txs, 1, Buffer::HttpHostRaw), "A.Example:8080");
        assert_eq!(text(&txs, 1, Buffer::HttpMethod), "GET");
        assert_eq!(text(&txs, 1, Buffer::HttpUri), "/");
        assert_eq!(text(&txs, 1, Buffer::HttpHeaderNames), "\r\n:method\r\n:path\r\n:authority\r\nx\r\n\r\n");
        assert_eq!(txs.list[0].progress(ToServer), progress::GLOBAL);
        assert_eq!(txs.list[1].progress(ToServer), progress::HALF_CLOSED_CLIENT);
    }

    #[test]
    fn a_stream_is_closed_when_both_sides_have_ended_it() {
        let request = [&PREFACE[..], &frame(1, 5, 1, b"\x82")].concat();
        let response = [frame(1, 4, 1, b"\x88"), frame(0, 1, 1, b"ok")].concat();
        let (txs, _) = parse(&[(ToServer, &request), (ToClient, &response)]);
        assert_eq!(txs.list[0].progress(ToClient), progress::CLOSED);
        assert_eq!(txs.list[0].buffer(Buffer::HttpStatCode, ToClient), Some(&b"200"[..]));
    }

    #[test]
    fn a_block_may_go_on_in_another_frame() {
        let talk = [&PREFACE[..], &frame(1, 1, 1, b"\x41\x07a.ex"), &frame(9, 4, 1, b"amp")].concat();
        let (txs, _) = parse(&[(ToServer, &talk)]);
        assert_eq!(text(&txs, 0, Buffer::HttpHost), "a.examp");
    }

    #[test]
    fn an_upgraded_request_is_the_first_stream() {
        let request: [(&[u8], &[u8]); 3] = [(b":method", b"GET"), (b":authority", b"A.ex"), (b"HTTP2-Settings", b"")];
        let mut txs = Transactions::default();
        after_upgrade(&mut txs, request.into_iter());
        let mut parser = Http2Parser::default();
        parser.parse(&mut txs, ToClient, &frame(1, 5, 1, b"\x88"), &mut Wishes::default());
        assert_eq!(text(&txs, 0, Buffer::HttpHost), "a.ex");
        assert_eq!(txs.list[0].progress(ToClient), progress::CLOSED);
        assert_eq!(txs.list[1].progress(ToClient), progress::GLOBAL);
    }

    #[test]
    fn a_frame_is_waited_for() {
        let (_, parsed) = parse(&[(ToServer, &PREFACE[..]), (ToServer, b"\0\0\x05\x01\x05\0\0\0\x01\x82")]);
        assert_eq!(parsed, Parsed::Incomplete { consumed: 0, needed: 14 });
        let (_, parsed) = parse(&[(ToServer, b"PRI * HTTP")]);
        assert_eq!(parsed, Parsed::Incomplete { consumed: 0, needed: 24 });
    }

    #[test]
    fn frames_about_a_connection_are_transactions_of_their_own() {
        let talk = [frame(4, 0, 0, &[0; 6]), frame(8, 0, 0, &[0; 4]), frame(8, 0, 0, &[0; 3])].concat();
        let (txs, _) = parse(&[(ToClient, &talk)]);
        assert_eq!(txs.list.len(), 3);
        assert_eq!(txs.list[1].events[0].0, "http2.invalid_frame_length");
    }
}
