//! Tests of a whole TLS or SSH session: its version, the server's certificate, the banner; of the frames of HTTP/2; and of
//! AWS's categories of names.

use super::categories::CategoryTest;
use crate::app::inspection::place::{REQUEST_HEADERS, SSH_BANNER, TLS_CERTIFICATE, TLS_HELLO, TLS_START};
use crate::app::{Buffer, Tx};
use crate::rules::keyword::{Compare, DateTest, Http2Frame, Keyword, SshProtoVersion, TlsVersion};
use crate::verdict::Direction;

/// A test of a session. Those of one [`SessionList`] must hold at the same time.
#[derive(Clone, Debug)]
pub(crate) enum SessionTest {
    /// `ssl_state`: any of these states is the current one, or one of the negated among them is not.
    SslState { states: u8, negated: u8 },
    /// `tls.version`
    TlsVersion(TlsVersion),
    /// `ssl_version`: bits of [`crate::rules::keyword::ssl_version`].
    SslVersion { versions: u8, negated: bool },
    /// `tls.subject`, `tls.issuerdn`
    CertificateName { buffer: Buffer, negated: bool, text: Box<[u8]> },
    /// `tls_cert_notbefore`, `tls_cert_notafter`
    CertificateDate { not_after: bool, test: DateTest },
    /// `tls_cert_expired`, `tls_cert_valid`
    CertificateExpired(bool),
    /// `tls.cert_chain_len`
    CertificateChain(Compare<u32>),
    /// `ssh.protoversion`
    SshProto(SshProtoVersion),
    /// `ssh.softwareversion`
    SshSoftware(Box<[u8]>),
    /// `http2.frametype` and its kin.
    Http2Frame(Http2Frame),
    /// `aws_domain_category`, `aws_url_category`
    Category(CategoryTest),
}

/// Where tests of a session stand together, by Suricata's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionList {
    TlsGeneric,
    TlsCert,
    TlsValidity,
    SshBanner,
    Http2,
    /// Where AWS looks is not known: here, as soon as the name is.
    TlsCategory,
    HttpCategory,
}

/// What a test looks at besides the transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) direction: Direction,
    /// The state that `ssl_state` is about.
    pub(crate) ssl_state: u8,
    /// Capture time of the flow's last packet, in seconds since 1970.
    pub(crate) time_s: i64,
}

impl SessionList {
    /// Its tests look at certificates.
    pub(crate) fn is_of_certificates(self) -> bool {
        matches!(self, Self::TlsCert | Self::TlsValidity)
    }

    /// Where its tests are looked at.
    pub(crate) fn places(self) -> &'static [(Direction, u8)] {
        use Direction::{ToClient, ToServer};
        match self {
            Self::TlsGeneric => &[(ToServer, TLS_START), (ToClient, TLS_START)],
            Self::TlsCert => &[(ToServer, TLS_CERTIFICATE), (ToClient, TLS_CERTIFICATE)],
            Self::TlsValidity => &[(ToClient, TLS_CERTIFICATE)],
            Self::SshBanner => &[(ToServer, SSH_BANNER), (ToClient, SSH_BANNER)],
            Self::Http2 => &[(ToServer, 0), (ToClient, 0)],
            Self::TlsCategory => &[(ToServer, TLS_HELLO)],
            Self::HttpCategory => &[(ToServer, REQUEST_HEADERS)],
        }
    }
}

impl SessionTest {
    pub(crate) fn list(&self) -> SessionList {
        match self {
            Self::SslState { .. } | Self::TlsVersion(_) | Self::SslVersion { .. } => SessionList::TlsGeneric,
            Self::CertificateName { .. } => SessionList::TlsCert,
            Self::CertificateDate { .. } | Self::CertificateExpired(_) | Self::CertificateChain(_) => {
                SessionList::TlsValidity
            }
            Self::SshProto(_) | Self::SshSoftware(_) => SessionList::SshBanner,
            Self::Http2Frame(_) => SessionList::Http2,
            Self::Category(test) if test.tls => SessionList::TlsCategory,
            Self::Category(_) => SessionList::HttpCategory,
        }
    }

    /// It is about HTTP of either version, which has its headers in places of its own.
    pub(crate) fn is_of_http(&self) -> bool {
        self.list() == SessionList::HttpCategory
    }

    /// The keyword as a test of the session, if it is one.
    pub(crate) fn of(keyword: &Keyword) -> Option<Self> {
        Some(match keyword {
            Keyword::SslState { states, negated } => Self::SslState { states: *states, negated: *negated },
            Keyword::TlsVersion(version) => Self::TlsVersion(*version),
            Keyword::SslVersion { versions, negated } => Self::SslVersion { versions: *versions, negated: *negated },
            Keyword::TlsCertName { issuer, negated, text } => Self::CertificateName {
                buffer: if *issuer { Buffer::TlsCertIssuer } else { Buffer::TlsCertSubject },
                negated: *negated,
                text: text.as_bytes().into(),
            },
            Keyword::TlsCertDate { not_after, test, .. } => {
                Self::CertificateDate { not_after: *not_after, test: *test }
            }
            Keyword::TlsCertExpired(expired) => Self::CertificateExpired(*expired),
            Keyword::TlsCertChainLen(compare) => Self::CertificateChain(*compare),
            Keyword::SshProtoVersion(version) => Self::SshProto(version.clone()),
            Keyword::SshSoftwareVersion(software) => Self::SshSoftware(software.as_bytes().into()),
            Keyword::Http2Frame(test) => Self::Http2Frame(*test),
            _ => return None,
        })
    }

    pub(crate) fn holds(&self, tx: &Tx, at: Moment) -> bool {
        let version = || tx.tls().map_or(0, |tls| tls.version(at.direction));
        match self {
            Self::SslState { states, negated } => (states & at.ssl_state) ^ negated != 0,
            Self::TlsVersion(wanted) => wanted.matches(version()),
            // as in Suricata, a negated list matches nothing at all
            Self::SslVersion { versions, negated } => !negated && versions & ssl_version_bit(version()) != 0,
            Self::CertificateName { buffer, negated, text } => tx
                .buffer(*buffer, at.direction)
                .is_some_and(|name| memchr::memmem::find(name, text).is_some() != *negated),
            Self::CertificateDate { not_after, test } => {
                date(tx, at.direction, *not_after).is_some_and(|date| test.matches(date))
            }
            Self::CertificateExpired(wanted) => {
                date(tx, at.direction, true).is_some_and(|date| (at.time_s > date) == *wanted)
            }
            Self::CertificateChain(compare) => {
                tx.tls().is_some_and(|tls| compare.matches(tls.n_certificates(at.direction)))
            }
            Self::SshProto(wanted) => {
                tx.buffer(Buffer::SshProto, at.direction).is_some_and(|proto| wanted.matches(proto))
            }
            Self::Http2Frame(test) => tx.http2().is_some_and(|stream| stream.has_frame(at.direction, *test)),
            Self::Category(test) => test.holds(tx),
            Self::SshSoftware(wanted) => tx.buffer(Buffer::SshSoftware, at.direction) == Some(wanted),
        }
    }
}

/// The beginning or end of the validity of a side's certificate.
fn date(tx: &Tx, direction: Direction, not_after: bool) -> Option<i64> {
    let (begin, end) = tx.tls()?.validity(direction)?;
    // 1970 stands for a date that is not known
    Some(if not_after { end } else { begin }).filter(|&date| date != 0)
}

/// The bit of a version on the wire. All drafts of TLS 1.3 but Facebook's are TLS 1.3.
fn ssl_version_bit(version: u16) -> u8 {
    use crate::rules::keyword::ssl_version as bit;
    match version {
        0x0200 => bit::SSL2,
        0x0300 => bit::SSL3,
        0x0301 => bit::TLS10,
        0x0302 => bit::TLS11,
        0x0303 => bit::TLS12,
        0x0304 | 0x7f01 | 0x7f10..=0x7f1c => bit::TLS13,
        _ => 0,
    }
}
