//! Where rules look at each buffer: in which direction, and how far a transaction must have come.

use crate::app::{self, Keep};
use crate::rules::keyword::Buffer;
use crate::verdict::Direction;

/// A buffer, or one for each of several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferName {
    One(app::Buffer),
    /// `dns.query`: any of the queries.
    DnsQueries,
    /// `tls.certs`: any certificate of the chain.
    TlsCerts,
    /// `quic.cyu.hash`: any of the fingerprints.
    QuicCyuHashes,
    /// `quic.cyu.string`: any of the fingerprints.
    QuicCyuStrings,
}

impl BufferName {
    /// The n-th of the buffers, from 0.
    pub(super) fn nth(self, number: u16) -> Option<app::Buffer> {
        Some(match self {
            Self::One(buffer) if number == 0 => buffer,
            Self::One(_) => return None,
            Self::DnsQueries => app::Buffer::DnsQuery(number),
            Self::TlsCerts => app::Buffer::TlsCert(number),
            Self::QuicCyuHashes => app::Buffer::QuicCyuHash(number),
            Self::QuicCyuStrings => app::Buffer::QuicCyuString(number),
        })
    }

    /// Those that a transaction has in a direction.
    pub(super) fn each(self, tx: &app::Tx, direction: Direction) -> impl Iterator<Item = &[u8]> {
        (0..u16::MAX).map_while(move |number| tx.buffer(self.nth(number)?, direction))
    }
}

/// Where in a transaction a buffer is looked at; empty for buffers that are not evaluated yet.
pub(super) fn place_of(buffer: Buffer) -> &'static [(BufferName, Direction, u8)] {
    use Direction::{ToClient, ToServer};
    use app::inspection::place::{
        DNS_REQUEST, QUIC_PACKET, REQUEST_HEADERS, REQUEST_LINE, RESPONSE_HEADERS, RESPONSE_LINE, SSH_BANNER,
        TLS_CERTIFICATE, TLS_START,
    };
    macro_rules! both {
        ($name:expr, $place:expr) => {
            &[($name, ToServer, $place), ($name, ToClient, $place)]
        };
    }
    match buffer {
        Buffer::TlsSni => &[(BufferName::One(app::Buffer::TlsSni), ToServer, TLS_START)],
        Buffer::HttpHost => &[(BufferName::One(app::Buffer::HttpHost), ToServer, REQUEST_HEADERS)],
        Buffer::HttpHostRaw => &[(BufferName::One(app::Buffer::HttpHostRaw), ToServer, REQUEST_HEADERS)],
        Buffer::HttpHeaderNames => &[
            (BufferName::One(app::Buffer::HttpHeaderNames), ToServer, REQUEST_HEADERS),
            (BufferName::One(app::Buffer::HttpHeaderNames), ToClient, RESPONSE_HEADERS),
        ],
        Buffer::HttpUri => &[(BufferName::One(app::Buffer::HttpUri), ToServer, REQUEST_LINE)],
        Buffer::HttpUriRaw => &[(BufferName::One(app::Buffer::HttpUriRaw), ToServer, REQUEST_LINE)],
        Buffer::HttpMethod => &[(BufferName::One(app::Buffer::HttpMethod), ToServer, REQUEST_LINE)],
        Buffer::HttpUserAgent => &[(BufferName::One(app::Buffer::HttpUserAgent), ToServer, REQUEST_HEADERS)],
        Buffer::HttpStatCode => &[(BufferName::One(app::Buffer::HttpStatCode), ToClient, RESPONSE_LINE)],
        Buffer::TlsCertSubject => both!(BufferName::One(app::Buffer::TlsCertSubject), TLS_CERTIFICATE),
        Buffer::TlsCertIssuer => both!(BufferName::One(app::Buffer::TlsCertIssuer), TLS_CERTIFICATE),
        Buffer::TlsCertSerial => both!(BufferName::One(app::Buffer::TlsCertSerial), TLS_CERTIFICATE),
        Buffer::TlsCertFingerprint => both!(BufferName::One(app::Buffer::TlsCertFingerprint), TLS_CERTIFICATE),
        Buffer::TlsCerts => both!(BufferName::TlsCerts, TLS_CERTIFICATE),
        Buffer::TlsRandom => both!(BufferName::One(app::Buffer::TlsRandom), TLS_START),
        Buffer::TlsRandomTime => both!(BufferName::One(app::Buffer::TlsRandomTime), TLS_START),
        Buffer::TlsRandomBytes => both!(BufferName::One(app::Buffer::TlsRandomBytes), TLS_START),
        Buffer::Ja3Hash => &[(BufferName::One(app::Buffer::Ja3Hash), ToServer, TLS_START)],
        Buffer::Ja3String => &[(BufferName::One(app::Buffer::Ja3String), ToServer, TLS_START)],
        Buffer::Ja3sHash => &[(BufferName::One(app::Buffer::Ja3sHash), ToClient, TLS_START)],
        Buffer::Ja3sString => &[(BufferName::One(app::Buffer::Ja3sString), ToClient, TLS_START)],
        Buffer::Ja4Hash => &[(BufferName::One(app::Buffer::Ja4Hash), ToServer, TLS_START)],
        Buffer::SshProto => both!(BufferName::One(app::Buffer::SshProto), SSH_BANNER),
        Buffer::SshSoftware => both!(BufferName::One(app::Buffer::SshSoftware), SSH_BANNER),
        Buffer::SshHassh => &[(BufferName::One(app::Buffer::SshHassh), ToServer, SSH_BANNER)],
        Buffer::SshHasshString => &[(BufferName::One(app::Buffer::SshHasshString), ToServer, SSH_BANNER)],
        Buffer::SshHasshServer => &[(BufferName::One(app::Buffer::SshHassh), ToClient, SSH_BANNER)],
        Buffer::SshHasshServerString => &[(BufferName::One(app::Buffer::SshHasshString), ToClient, SSH_BANNER)],
        Buffer::QuicSni => &[(BufferName::One(app::Buffer::QuicSni), ToServer, QUIC_PACKET)],
        Buffer::QuicUa => &[(BufferName::One(app::Buffer::QuicUa), ToServer, QUIC_PACKET)],
        Buffer::QuicVersion => both!(BufferName::One(app::Buffer::QuicVersion), QUIC_PACKET),
        Buffer::QuicCyuHash => &[(BufferName::QuicCyuHashes, ToServer, QUIC_PACKET)],
        Buffer::QuicCyuString => &[(BufferName::QuicCyuStrings, ToServer, QUIC_PACKET)],
        Buffer::DnsQuery => &[(BufferName::DnsQueries, ToServer, DNS_REQUEST)],
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
