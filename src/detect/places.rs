//! Where rules look at each buffer: in which direction, and how far a transaction must have come.

use crate::app;
use crate::rules::keyword::Buffer;
use crate::verdict::Direction;

/// A buffer, or one for each of several names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BufferName {
    One(app::Buffer),
    /// `dns.query`: any of the queries.
    DnsQueries,
}

/// Where in a transaction a buffer is looked at; empty for buffers that are not evaluated yet.
pub(super) fn place_of(buffer: Buffer) -> &'static [(BufferName, Direction, u8)] {
    use Direction::{ToClient, ToServer};
    use app::inspection::place::{
        DNS_REQUEST, REQUEST_HEADERS, REQUEST_LINE, RESPONSE_HEADERS, RESPONSE_LINE, TLS_START,
    };
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
