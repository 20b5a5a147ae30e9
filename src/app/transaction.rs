//! Transactions: what parsers make of the data, and what rules look at.

use smallvec::SmallVec;

use super::body::{Manner, Use, Window};
use super::dns::{DnsPart, DnsTx};
use super::http1::Http1Tx;
use super::http2::Http2Tx;
use super::quic::QuicTx;
use super::ssh::SshTx;
use super::tls::TlsTx;
use crate::packet::{Event, EventSet};
use crate::verdict::Direction;

/// A transaction of a flow: a query, a request with its response, or the whole session of a protocol without such.
#[derive(Debug)]
pub struct Tx {
    /// Its number in the flow, from 0.
    pub id: u64,
    /// What rules have found out about it so far.
    pub detect: TxDetect,
    /// What its parser found odd: names as in `app-layer-event`, for example `tls.invalid_sni_length`.
    pub events: EventSet,
    /// It has nothing for a direction: rules do not look at it there. By [`Direction::index`].
    pub skip_inspection: [bool; 2],
    pub(super) data: TxData,
}

/// A place for the rule engine to keep what it knows of a transaction. Parsers do not look at it.
#[derive(Clone, Debug, Default)]
pub struct TxDetect {
    /// Flags of each direction, by [`Direction::index`].
    pub flags: [u64; 2],
    /// Rules under way, in ascending order: the rule and its flags.
    pub rules: SmallVec<[(u32, u64); 2]>,
}

/// What each protocol keeps of a transaction.
#[derive(Debug)]
pub(super) enum TxData {
    Tls(Box<TlsTx>),
    Http1(Box<Http1Tx>),
    Http2(Box<Http2Tx>),
    Dns(DnsTx),
    /// No buffers, only how far it has come in each direction, by [`Direction::index`].
    Plain([u8; 2]),
    Ssh(Box<SshTx>),
    Quic(Box<QuicTx>),
}

impl Tx {
    pub(super) fn new(id: u64, data: TxData) -> Self {
        Self { id, detect: TxDetect::default(), events: EventSet::new(), skip_inspection: [false; 2], data }
    }

    /// Notes something odd, once.
    pub(super) fn raise(&mut self, name: &'static str) {
        raise(&mut self.events, name);
    }

    /// The SSLv2 to TLSv1.3 session, if it is one.
    pub fn tls(&self) -> Option<&TlsTx> {
        match &self.data {
            TxData::Tls(tx) => Some(tx),
            _ => None,
        }
    }

    /// The HTTP/1 request and response, if it is one.
    pub fn http1(&self) -> Option<&Http1Tx> {
        match &self.data {
            TxData::Http1(tx) => Some(tx),
            _ => None,
        }
    }

    /// The HTTP/2 stream, or frame about the connection, if it is one.
    pub(crate) fn http2(&self) -> Option<&Http2Tx> {
        match &self.data {
            TxData::Http2(tx) => Some(tx),
            _ => None,
        }
    }

    /// The host that an HTTP request is for, in lower case and without port.
    pub fn http_host(&self) -> Option<&[u8]> {
        match &self.data {
            TxData::Http1(tx) => tx.host(),
            TxData::Http2(tx) => tx.host(),
            _ => None,
        }
    }

    /// The DNS message, if it is one.
    pub fn dns(&self) -> Option<&DnsTx> {
        match &self.data {
            TxData::Dns(tx) => Some(tx),
            _ => None,
        }
    }

    /// How far it has come in a direction. The meaning is each protocol's; [`super::completion`] is the end.
    pub fn progress(&self, direction: Direction) -> u8 {
        match &self.data {
            TxData::Tls(tx) => tx.progress(direction),
            TxData::Http1(tx) => tx.progress(direction),
            TxData::Dns(_) => super::dns::COMPLETE,
            TxData::Http2(tx) => tx.progress(),
            TxData::Plain(progress) => progress.get(direction.index()).copied().unwrap_or(0),
            TxData::Ssh(tx) => tx.progress(direction),
            TxData::Quic(_) => super::quic::COMPLETE,
        }
    }

    /// Whether something has come in a direction since rules looked at it. Only HTTP has packets that bring nothing for it.
    pub(crate) fn is_updated(&self, direction: Direction) -> bool {
        match &self.data {
            TxData::Http1(tx) => tx.updated(direction),
            TxData::Http2(tx) => tx.is_updated(direction),
            _ => true,
        }
    }

    /// Rules have looked at what has come in a direction.
    pub(crate) fn set_looked_at(&mut self, direction: Direction) {
        match &mut self.data {
            TxData::Http1(tx) => tx.set_looked_at(direction),
            TxData::Http2(tx) => tx.set_looked_at(direction),
            _ => {}
        }
    }

    /// What rules look at in the body of an HTTP/1 request.
    pub(crate) fn request_body(&self) -> Option<Window<'_>> {
        match &self.data {
            TxData::Http1(tx) => tx.request_body(),
            _ => None,
        }
    }

    /// What rules look at in the files of a direction; `waits`: not before enough of a file has come, which HTTP/1 never waits
    /// for.
    pub(crate) fn files(&self, direction: Direction, used_as: Use, waits: bool) -> impl Iterator<Item = Window<'_>> {
        let (files, manner) = match &self.data {
            TxData::Http1(tx) => (Some(tx.files(direction)), Manner::Inline),
            TxData::Http2(tx) => (Some(tx.files(direction)), Manner::Gathered { waits }),
            _ => (None, Manner::Inline),
        };
        files.into_iter().flat_map(move |files| files.windows(manner, used_as))
    }

    /// The headers of a direction one by one, name and value.
    pub(crate) fn header_lines(&self, direction: Direction) -> &[Box<[u8]>] {
        match &self.data {
            TxData::Http1(tx) => tx.header_lines(direction),
            TxData::Http2(tx) => tx.header_lines(direction),
            _ => &[],
        }
    }

    /// The names of the headers of a direction of HTTP/2.
    pub(crate) fn header_names(&self, direction: Direction) -> impl Iterator<Item = &[u8]> {
        self.http2().into_iter().flat_map(move |tx| tx.header_names(direction))
    }

    /// Headers came behind an HTTP/1 body.
    pub(crate) fn has_trailer(&self, direction: Direction) -> bool {
        self.http1().is_some_and(|tx| tx.has_trailer(direction))
    }

    /// Rules have looked at it because of one packet.
    pub(crate) fn end_looks(&self) {
        match &self.data {
            TxData::Http1(tx) => tx.end_looks(),
            TxData::Http2(tx) => tx.end_looks(),
            _ => {}
        }
    }

    /// Forgets what rules will not look at again in a direction.
    pub(super) fn prune(&mut self, direction: Direction) {
        match &mut self.data {
            TxData::Http1(tx) => tx.prune(direction),
            TxData::Http2(tx) => tx.prune(direction),
            _ => {}
        }
    }

    /// The bytes of a buffer; `None` when the transaction does not have it, or not yet.
    pub fn buffer(&self, buffer: Buffer, direction: Direction) -> Option<&[u8]> {
        match &self.data {
            TxData::Tls(tx) => tx.buffer(buffer, direction),
            TxData::Http1(tx) => tx.buffer(buffer, direction),
            TxData::Dns(tx) => tx.buffer(buffer),
            TxData::Http2(tx) => tx.buffer(buffer, direction),
            TxData::Plain(_) => None,
            TxData::Ssh(tx) => tx.buffer(buffer, direction),
            TxData::Quic(tx) => tx.buffer(buffer),
        }
    }
}

/// Adds an event to a set.
pub(super) fn raise(events: &mut EventSet, name: &'static str) {
    if !events.contains(&Event(name)) {
        events.push(Event(name));
    }
}

/// A buffer that a rule can look at, under the keyword's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Buffer {
    /// `tls.sni`
    TlsSni,
    /// `http.host`: lower case, without port.
    HttpHost,
    /// `http.host.raw`
    HttpHostRaw,
    /// `http.header_names`, of the direction.
    HttpHeaderNames,
    /// `http.header`, of the direction: normalised headers.
    HttpHeader,
    /// `http.header.raw`, of the direction: headers as sent.
    HttpHeaderRaw,
    /// `http.uri`: normalised.
    HttpUri,
    /// `http.uri.raw`
    HttpUriRaw,
    /// `http.method`
    HttpMethod,
    /// `http.protocol`, of the direction.
    HttpProtocol,
    /// `http.request_line`
    HttpRequestLine,
    /// `http.response_line`
    HttpResponseLine,
    /// `http.user_agent`
    HttpUserAgent,
    /// `http.cookie`, of the direction (`Cookie` or `Set-Cookie`).
    HttpCookie,
    /// `http.referer`
    HttpReferer,
    /// `http.accept`
    HttpAccept,
    /// `http.accept_lang`
    HttpAcceptLang,
    /// `http.accept_enc`
    HttpAcceptEnc,
    /// `http.connection`, of the direction.
    HttpConnection,
    /// `http.content_len`, of the direction.
    HttpContentLen,
    /// `http.content_type`, of the direction.
    HttpContentType,
    /// `http.server`
    HttpServer,
    /// `http.location`
    HttpLocation,
    /// `http.start`, of the direction: first line and headers.
    HttpStart,
    /// `http.stat_code`
    HttpStatCode,
    /// `http.stat_msg`
    HttpStatMsg,
    /// `dns.query`: the name of the n-th question, from 0.
    DnsQuery(u16),
    /// Names in a part of a DNS message, of the direction: the n-th, from 0.
    DnsName(DnsPart, u16),
    /// `tls.cert_subject`, of the direction.
    TlsCertSubject,
    /// `tls.cert_issuer`, of the direction.
    TlsCertIssuer,
    /// `tls.cert_serial`, of the direction: upper case hexadecimal with colons.
    TlsCertSerial,
    /// `tls.cert_fingerprint`, of the direction: lower case hexadecimal with colons.
    TlsCertFingerprint,
    /// `tls.certs`, of the direction: the n-th certificate of the chain, from 0.
    TlsCert(u16),
    /// `tls.random`, of the direction.
    TlsRandom,
    /// `tls.random_time`, of the direction.
    TlsRandomTime,
    /// `tls.random_bytes`, of the direction.
    TlsRandomBytes,
    /// `ja3.hash`
    Ja3Hash,
    /// `ja3.string`
    Ja3String,
    /// `ja3s.hash`
    Ja3sHash,
    /// `ja3s.string`
    Ja3sString,
    /// `ja4.hash`
    Ja4Hash,
    /// `ssh.proto`, of the direction.
    SshProto,
    /// `ssh.software`, of the direction.
    SshSoftware,
    /// `ssh.hassh` and `ssh.hassh.server`, of the direction.
    SshHassh,
    /// `ssh.hassh.string` and `ssh.hassh.server.string`, of the direction.
    SshHasshString,
    /// `quic.sni`
    QuicSni,
    /// `quic.ua`
    QuicUa,
    /// `quic.version`: the four bytes.
    QuicVersion,
    /// `quic.cyu.hash`: of the n-th stream frame that has one, from 0.
    QuicCyuHash(u16),
    /// `quic.cyu.string`: of the n-th stream frame that has one, from 0.
    QuicCyuString(u16),
}
