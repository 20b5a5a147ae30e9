//! Where rules look at each buffer: in which direction, how far a transaction must have come, and what is there to see.

use super::session::Moment;
use crate::app::inspection::place;
use crate::app::{self, AppConfig, AppProto, DnsPart, Keep, Tx, Use, Window};
use crate::rules::keyword::Buffer;
use crate::verdict::Direction;
use Direction::{ToClient, ToServer};

/// A buffer, or several of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferName {
    One(app::Buffer),
    /// `dns.query`: any of the queries.
    DnsQueries,
    /// Any of the names in a part of a DNS message.
    DnsNames(DnsPart),
    /// `tls.certs`: any certificate of the chain.
    TlsCerts,
    /// `quic.cyu.hash`: any of the fingerprints.
    QuicCyuHashes,
    /// `quic.cyu.string`: any of the fingerprints.
    QuicCyuStrings,
    /// `http.request_header`, `http.response_header`: any of the headers of the direction.
    Headers,
    /// `http2.header_name`: any of the names of the direction.
    Http2HeaderNames,
    /// `http.request_body`
    RequestBody,
    /// `http.response_body`: as `file.data`.
    ResponseBody,
    /// `file.data`: any of the files of the direction.
    Files,
}

/// What looking at a transaction depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TxView {
    pub(crate) proto: AppProto,
    pub(crate) direction: Direction,
    pub(crate) progress: u8,
    /// Headers came behind the body.
    pub(crate) has_trailer: bool,
    /// Places, a bit each, at which patterns have been looked for when the transaction was already past them.
    pub(crate) searched: u64,
    /// Files of other protocols than HTTP/1 are looked at when enough of them has come.
    pub(crate) files_wait: bool,
    pub(crate) spoken: [AppProto; 2],
    pub(crate) ssl_state: u8,
    /// Capture time.
    pub(crate) time_s: i64,
    /// How the application layer behaves.
    pub(crate) config: AppConfig,
}

impl TxView {
    /// What tests of the session look at besides the transaction.
    pub(crate) fn moment(&self) -> Moment {
        Moment { direction: self.direction, ssl_state: self.ssl_state, time_s: self.time_s }
    }

    /// Patterns of a place are looked for until the transaction has moved past it.
    pub(crate) fn is_searched_at(&self, place: u8) -> bool {
        place <= self.progress && self.searched & (1 << place) == 0
    }
}

impl BufferName {
    /// How far a transaction must have come, given where HTTP/1 has the buffer.
    pub(crate) fn place(self, http1: u8, view: &TxView) -> u8 {
        match self {
            Self::Headers | Self::Http2HeaderNames => place::of_each_header(http1, view.proto),
            _ => {
                // a body is where it is
                let seen_at_open = view.config.http2_request_seen_at_open && !self.is_body();
                let config = AppConfig { http2_request_seen_at_open: seen_at_open, ..view.config };
                place::in_proto(http1, view.proto, view.direction, config)
            }
        }
    }

    /// Whether a pattern of the buffer is looked for now. Headers are looked at again when some have come behind the body.
    pub(crate) fn is_searched(self, http1: u8, view: &TxView) -> bool {
        let trailer = match self {
            Self::One(app::Buffer::HttpHeader) => Some(place::TRAILER),
            Self::One(app::Buffer::HttpHeaderRaw) => Some(place::TRAILER + 1),
            _ => None,
        };
        view.is_searched_at(self.place(http1, view))
            || self.is_inside(view)
            || (view.has_trailer && trailer.is_some_and(|trailer| view.is_searched_at(trailer)))
    }

    /// It is of DNS in HTTP/2, which is there when a body has ended, whatever of the stream has been looked at before.
    pub(crate) fn is_inside(self, view: &TxView) -> bool {
        view.proto == AppProto::Doh2 && matches!(self, Self::DnsQueries | Self::DnsNames(_))
    }

    /// The n-th of several buffers, from 0.
    fn nth(self, number: u16) -> Option<app::Buffer> {
        Some(match self {
            Self::DnsQueries => app::Buffer::DnsQuery(number),
            Self::DnsNames(part) => app::Buffer::DnsName(part, number),
            Self::TlsCerts => app::Buffer::TlsCert(number),
            Self::QuicCyuHashes => app::Buffer::QuicCyuHash(number),
            Self::QuicCyuStrings => app::Buffer::QuicCyuString(number),
            _ => return None,
        })
    }

    /// It is looked at in pieces, each once.
    pub(crate) fn is_body(self) -> bool {
        matches!(self, Self::RequestBody | Self::ResponseBody | Self::Files)
    }

    /// A rule that finds nothing here may find something later, however far the transaction has come.
    pub(crate) fn is_several(self) -> bool {
        !matches!(self, Self::One(_) | Self::RequestBody)
    }

    /// Whether a test holds for the buffer, or for one of several. Looking at a body uses it up: the next packet's rules see
    /// what is new.
    pub(crate) fn any(self, tx: &Tx, view: &TxView, mut holds: impl FnMut(Window<'_>) -> bool) -> bool {
        let direction = view.direction;
        match self {
            Self::One(buffer) => tx.buffer(buffer, direction).is_some_and(|bytes| holds(Window::whole(bytes))),
            Self::DnsQueries | Self::DnsNames(_) | Self::TlsCerts | Self::QuicCyuHashes | Self::QuicCyuStrings => (0
                ..u16::MAX)
                .map_while(|number| tx.buffer(self.nth(number)?, direction))
                .any(|bytes| holds(Window::whole(bytes))),
            Self::Headers => tx.header_lines(direction).iter().any(|line| holds(Window::whole(line))),
            Self::Http2HeaderNames => tx.header_names(direction).any(|name| holds(Window::whole(name))),
            Self::RequestBody if view.proto == AppProto::Http1 => tx.request_body().is_some_and(holds),
            Self::RequestBody => tx.files(direction, Use::RequestBody, view.files_wait).any(holds),
            Self::ResponseBody | Self::Files => tx.files(direction, Use::File, view.files_wait).any(holds),
        }
    }
}

/// Where in a transaction a buffer is looked at; empty for buffers that are not evaluated yet.
pub(super) fn place_of(buffer: Buffer) -> &'static [(BufferName, Direction, u8)] {
    use BufferName::{DnsNames, DnsQueries, Files, Headers, Http2HeaderNames, One, RequestBody, ResponseBody};
    use place::{
        DNS_REQUEST, QUIC_PACKET, REQUEST_BODY, REQUEST_HEADERS, REQUEST_LINE, RESPONSE_BODY, RESPONSE_HEADERS,
        RESPONSE_LINE, SSH_BANNER, TLS_CERTIFICATE, TLS_HELLO, TLS_START,
    };
    macro_rules! both {
        ($name:expr, $place:expr) => {
            &[($name, ToServer, $place), ($name, ToClient, $place)]
        };
    }
    macro_rules! headers {
        ($buffer:ident) => {
            &[
                (One(app::Buffer::$buffer), ToServer, REQUEST_HEADERS),
                (One(app::Buffer::$buffer), ToClient, RESPONSE_HEADERS),
            ]
        };
    }
    match buffer {
        Buffer::TlsSni => &[(One(app::Buffer::TlsSni), ToServer, TLS_HELLO)],
        Buffer::HttpUri => &[(One(app::Buffer::HttpUri), ToServer, REQUEST_LINE)],
        Buffer::HttpUriRaw => &[(One(app::Buffer::HttpUriRaw), ToServer, REQUEST_LINE)],
        Buffer::HttpMethod => &[(One(app::Buffer::HttpMethod), ToServer, REQUEST_LINE)],
        Buffer::HttpRequestLine => &[(One(app::Buffer::HttpRequestLine), ToServer, REQUEST_LINE)],
        Buffer::HttpProtocol => &[
            (One(app::Buffer::HttpProtocol), ToServer, REQUEST_LINE),
            (One(app::Buffer::HttpProtocol), ToClient, RESPONSE_LINE),
        ],
        Buffer::HttpStatCode => &[(One(app::Buffer::HttpStatCode), ToClient, RESPONSE_LINE)],
        Buffer::HttpStatMsg => &[(One(app::Buffer::HttpStatMsg), ToClient, RESPONSE_LINE)],
        Buffer::HttpResponseLine => &[(One(app::Buffer::HttpResponseLine), ToClient, RESPONSE_LINE)],
        Buffer::HttpHost => &[(One(app::Buffer::HttpHost), ToServer, REQUEST_HEADERS)],
        Buffer::HttpHostRaw => &[(One(app::Buffer::HttpHostRaw), ToServer, REQUEST_HEADERS)],
        Buffer::HttpUserAgent => &[(One(app::Buffer::HttpUserAgent), ToServer, REQUEST_HEADERS)],
        Buffer::HttpAccept => &[(One(app::Buffer::HttpAccept), ToServer, REQUEST_HEADERS)],
        Buffer::HttpAcceptLang => &[(One(app::Buffer::HttpAcceptLang), ToServer, REQUEST_HEADERS)],
        Buffer::HttpAcceptEnc => &[(One(app::Buffer::HttpAcceptEnc), ToServer, REQUEST_HEADERS)],
        Buffer::HttpReferer => &[(One(app::Buffer::HttpReferer), ToServer, REQUEST_HEADERS)],
        Buffer::HttpLocation => &[(One(app::Buffer::HttpLocation), ToClient, RESPONSE_HEADERS)],
        Buffer::HttpServer => &[(One(app::Buffer::HttpServer), ToClient, RESPONSE_HEADERS)],
        Buffer::HttpHeaderNames => headers!(HttpHeaderNames),
        Buffer::HttpHeader => headers!(HttpHeader),
        Buffer::HttpCookie => headers!(HttpCookie),
        Buffer::HttpConnection => headers!(HttpConnection),
        Buffer::HttpContentLen => headers!(HttpContentLen),
        Buffer::HttpContentType => headers!(HttpContentType),
        Buffer::HttpStart => headers!(HttpStart),
        Buffer::HttpHeaderRaw => &[
            (One(app::Buffer::HttpHeaderRaw), ToServer, REQUEST_HEADERS + 1),
            (One(app::Buffer::HttpHeaderRaw), ToClient, RESPONSE_HEADERS + 1),
        ],
        Buffer::HttpRequestHeader => &[(Headers, ToServer, REQUEST_HEADERS)],
        Buffer::HttpResponseHeader => &[(Headers, ToClient, RESPONSE_HEADERS)],
        Buffer::HttpRequestBody => &[(RequestBody, ToServer, REQUEST_BODY)],
        Buffer::HttpResponseBody => &[(ResponseBody, ToServer, REQUEST_BODY), (ResponseBody, ToClient, RESPONSE_BODY)],
        Buffer::FileData => &[(Files, ToServer, REQUEST_BODY), (Files, ToClient, RESPONSE_BODY)],
        Buffer::Http2HeaderName => &[(Http2HeaderNames, ToServer, 0), (Http2HeaderNames, ToClient, 0)],
        Buffer::TlsCertSubject => both!(One(app::Buffer::TlsCertSubject), TLS_CERTIFICATE),
        Buffer::TlsCertIssuer => both!(One(app::Buffer::TlsCertIssuer), TLS_CERTIFICATE),
        Buffer::TlsCertSerial => both!(One(app::Buffer::TlsCertSerial), TLS_CERTIFICATE),
        Buffer::TlsCertFingerprint => both!(One(app::Buffer::TlsCertFingerprint), TLS_CERTIFICATE),
        Buffer::TlsCerts => both!(BufferName::TlsCerts, TLS_CERTIFICATE),
        Buffer::TlsRandom => both!(One(app::Buffer::TlsRandom), TLS_START),
        Buffer::TlsRandomTime => both!(One(app::Buffer::TlsRandomTime), TLS_HELLO),
        Buffer::TlsRandomBytes => both!(One(app::Buffer::TlsRandomBytes), TLS_HELLO),
        Buffer::Ja3Hash => &[(One(app::Buffer::Ja3Hash), ToServer, TLS_HELLO)],
        Buffer::Ja3String => &[(One(app::Buffer::Ja3String), ToServer, TLS_HELLO)],
        Buffer::Ja3sHash => &[(One(app::Buffer::Ja3sHash), ToClient, TLS_HELLO)],
        Buffer::Ja3sString => &[(One(app::Buffer::Ja3sString), ToClient, TLS_HELLO)],
        Buffer::Ja4Hash => &[(One(app::Buffer::Ja4Hash), ToServer, TLS_HELLO)],
        Buffer::SshProto => both!(One(app::Buffer::SshProto), SSH_BANNER),
        Buffer::SshSoftware => both!(One(app::Buffer::SshSoftware), SSH_BANNER),
        Buffer::SshHassh => &[(One(app::Buffer::SshHassh), ToServer, SSH_BANNER)],
        Buffer::SshHasshString => &[(One(app::Buffer::SshHasshString), ToServer, SSH_BANNER)],
        Buffer::SshHasshServer => &[(One(app::Buffer::SshHassh), ToClient, SSH_BANNER)],
        Buffer::SshHasshServerString => &[(One(app::Buffer::SshHasshString), ToClient, SSH_BANNER)],
        Buffer::QuicSni => &[(One(app::Buffer::QuicSni), ToServer, QUIC_PACKET)],
        Buffer::QuicUa => &[(One(app::Buffer::QuicUa), ToServer, QUIC_PACKET)],
        Buffer::QuicVersion => both!(One(app::Buffer::QuicVersion), QUIC_PACKET),
        Buffer::QuicCyuHash => &[(BufferName::QuicCyuHashes, ToServer, QUIC_PACKET)],
        Buffer::QuicCyuString => &[(BufferName::QuicCyuStrings, ToServer, QUIC_PACKET)],
        Buffer::DnsQuery => &[(DnsQueries, ToServer, DNS_REQUEST)],
        Buffer::DnsQueryName | Buffer::DnsQueriesName => both!(DnsNames(DnsPart::Queries), DNS_REQUEST),
        Buffer::DnsAnswerName | Buffer::DnsAnswersName => both!(DnsNames(DnsPart::Answers), DNS_REQUEST),
        Buffer::DnsAuthoritiesName => both!(DnsNames(DnsPart::Authorities), DNS_REQUEST),
        Buffer::DnsAdditionalsName => both!(DnsNames(DnsPart::Additionals), DNS_REQUEST),
        Buffer::DnsResponseName => &[(DnsNames(DnsPart::All), ToClient, DNS_REQUEST)],
        _ => &[],
    }
}

/// How telling patterns of a buffer are among those of a rule's other buffers; the smallest number is preferred.
/// Source: Suricata 7.0.10.
pub(super) fn pattern_priority(buffer: Buffer) -> u8 {
    match buffer {
        Buffer::HttpMethod | Buffer::HttpStatCode => 4,
        _ => 2,
    }
}

/// What parsers must keep for a rule that looks at a buffer.
pub(super) fn kept_for(buffer: Buffer) -> Keep {
    match buffer {
        Buffer::TlsCertSubject
        | Buffer::TlsCertIssuer
        | Buffer::TlsCertSerial
        | Buffer::TlsCertFingerprint
        | Buffer::TlsCerts => Keep { certificates: true, ..Keep::default() },
        Buffer::Ja3Hash | Buffer::Ja3String | Buffer::Ja3sHash | Buffer::Ja3sString => {
            Keep { ja3: true, ..Keep::default() }
        }
        Buffer::Ja4Hash => Keep { ja4: true, ..Keep::default() },
        Buffer::SshHassh | Buffer::SshHasshString | Buffer::SshHasshServer | Buffer::SshHasshServerString => {
            Keep { hassh: true, ..Keep::default() }
        }
        Buffer::HttpRequestBody | Buffer::HttpResponseBody | Buffer::FileData => {
            Keep { bodies: true, ..Keep::default() }
        }
        _ => Keep::default(),
    }
}

/// Brings a pattern into the form of a buffer that has only small or only capital letters.
pub(super) fn put_in_its_letters(buffer: Buffer, pattern: &mut [u8]) {
    match buffer {
        Buffer::Ja3Hash | Buffer::Ja3sHash | Buffer::TlsCertFingerprint | Buffer::SshHassh | Buffer::SshHasshServer => {
            pattern.make_ascii_lowercase();
        }
        Buffer::TlsCertSerial => pattern.make_ascii_uppercase(),
        _ => {}
    }
}
