//! The keywords, one file per family. A keyword is one [`KeywordDef`] in one place.

mod buffer;
mod compare;
mod content;
mod flow;
mod header;

pub use buffer::{Buffer, Transform};
pub use compare::Compare;
pub use content::{Amount, Bsize, Content, FastPattern, Isdataat, Pcre};
pub use flow::{
    BitCommand, DetectionFilter, Flow, FlowFragment, FlowStream, Flowbits, Threshold, ThresholdKind, Track, XbitTrack,
    Xbits,
};
pub use header::{BitsMatch, FlagsMode, IpProto, IpProtoMatch};

/// What an option means.
///
/// Options keep the order of the rule. Content modifiers are part of their [`Content`]; a sticky buffer ([`Keyword::Buffer`],
/// [`Keyword::PktData`]) holds for all that follows it up to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keyword {
    /// `msg`, without quotes and escapes.
    Msg(String),
    /// `sid`, never 0.
    Sid(u32),
    /// `rev`, never 0.
    Rev(u32),
    /// `gid`
    Gid(u32),
    /// `classtype`
    Classtype(String),
    /// `priority`
    Priority(u32),
    /// `reference:system,id`
    Reference {
        /// `url`, `cve`, ...
        system: String,
        /// The rest.
        id: String,
    },
    /// `metadata`: its text, entries are separated by commas.
    Metadata(String),
    /// `target`: true for `dest_ip`, false for `src_ip`.
    Target {
        /// `dest_ip`
        destination: bool,
    },
    /// `noalert`
    Noalert,
    /// `alert` as an option: report although the action is pass.
    Alert,
    /// `requires`: its text.
    Requires(String),

    /// `ip_proto`
    IpProto(IpProto),
    /// `ttl`
    Ttl(Compare<u8>),
    /// `itype`
    Itype(Compare<u8>),
    /// `icode`
    Icode(Compare<u8>),
    /// `icmp_id`
    IcmpId(u16),
    /// `icmp_seq`
    IcmpSeq(u16),
    /// `tcp.flags`, `flags`: bits of byte 13 of the TCP header.
    TcpFlags(BitsMatch),
    /// `fragbits`: bits of bytes 6 and 7 of the IPv4 header, 0x8000 R, 0x4000 D, 0x2000 M.
    Fragbits(BitsMatch),
    /// `fragoffset`
    Fragoffset(Compare<u16>),
    /// `ipopts`: the name.
    Ipopts(&'static str),
    /// `dsize`
    Dsize(Compare<u16>),
    /// `tos`
    Tos {
        /// `!`
        negated: bool,
        /// The byte.
        value: u8,
    },
    /// `id`
    Id(u16),
    /// `sameip`
    Sameip,
    /// `tcp.seq`, `seq`
    Seq(u32),
    /// `tcp.ack`, `ack`
    Ack(u32),
    /// `tcp.window`, `window`
    Window {
        /// `!`
        negated: bool,
        /// The value of the header field.
        value: u16,
    },
    /// `tcp.mss`
    TcpMss(Compare<u16>),
    /// `icmpv6.mtu`
    Icmpv6Mtu(Compare<u32>),

    /// `flow`
    Flow(Flow),
    /// `flowbits`
    Flowbits(Flowbits),
    /// `xbits`
    Xbits(Box<Xbits>),
    /// `threshold`
    Threshold(Threshold),
    /// `detection_filter`
    DetectionFilter(DetectionFilter),

    /// `app-layer-protocol`
    AppLayerProtocol {
        /// `!`
        negated: bool,
        /// Suricata's name, lower case, or `failed`.
        protocol: &'static str,
    },
    /// `app-layer-event`: `tls.invalid_record`, ...
    AppLayerEvent(String),
    /// `decode-event`: `ipv4.pkt_too_small`, ...
    DecodeEvent(String),
    /// `stream-event`: the name without `stream.`.
    StreamEvent(String),
    /// `ssl_state`: `states` is a set of bits, see [`ssl_state`].
    SslState {
        /// `!` before the first state negates them all.
        negated: bool,
        /// Any of these.
        states: u8,
    },

    /// A sticky buffer.
    Buffer(Buffer),
    /// `pkt_data`: back to the packet or stream.
    PktData,
    /// A transform of the buffer set before.
    Transform(Transform),

    /// `content` with its modifiers.
    Content(Box<Content>),
    /// `pcre`
    Pcre(Box<Pcre>),
    /// `bsize`
    Bsize(Bsize),
    /// `isdataat`
    Isdataat(Isdataat),
    /// `urilen`: of the raw URI with `raw`, else of the normalised one.
    Urilen {
        /// The test.
        compare: Compare<u16>,
        /// `,raw`
        raw: bool,
    },

    /// A keyword that Suricata 7.0.10 (or AWS) knows and whose value is not taken apart.
    Recognised {
        /// Its canonical name.
        name: &'static str,
        /// The text after the colon.
        value: Option<String>,
    },
}

/// The bits of [`Keyword::SslState`].
pub mod ssl_state {
    /// `client_hello`
    pub const CLIENT_HELLO: u8 = 1;
    /// `server_hello`
    pub const SERVER_HELLO: u8 = 2;
    /// `client_keyx`
    pub const CLIENT_KEYX: u8 = 4;
    /// `server_keyx`
    pub const SERVER_KEYX: u8 = 8;
    /// `unknown`
    pub const UNKNOWN: u8 = 16;
}
