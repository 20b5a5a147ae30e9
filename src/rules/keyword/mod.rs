//! The keywords, one file per family. A keyword is one [`KeywordDef`] in one place: the parser, the table of supported
//! keywords and the documentation read the same entry ([`defs`], [`find`]).
//!
//! A definition says how the option is written ([`Argument`]), how its value is read (`Parse`) and what Suricata's loader
//! makes of it beyond the value (`Effect`): the protocol it binds the rule to, the packet it needs. What options mean
//! together is checked by `rules::signature`, not here.

mod app;
mod aws;
mod buffer;
mod bytes;
mod compare;
mod content;
mod event_names;
mod flow;
mod header;
mod http2;
mod ip_protocols;
mod later;
mod meta;
mod number;
mod other;
mod pcre;
mod session;
pub(crate) mod text;
mod transform;
mod value;

pub use app::ssl_state;
pub use aws::{AwsCategory, CATEGORIES, Geoip, GeoipEnd};
pub use buffer::Buffer;
pub use bytes::{Base64Decode, Bsize, Isdataat, Rpc};
pub use compare::Compare;
pub use content::{Amount, Content, FastPattern};
pub(crate) use event_names::is_later_event;
pub use event_names::{
    APP_LAYER_PACKET_EVENTS, DECODE_EVENTS, LATER_DECODE_EVENTS, LATER_TRANSACTION_EVENTS, STREAM_EVENTS,
    TRANSACTION_EVENTS,
};
pub use flow::{
    BitCommand, DetectionFilter, Flow, FlowFragment, FlowStream, Flowbits, Flowint, FlowintCommand, FlowintOperand,
    StreamSide, StreamSize, Threshold, ThresholdKind, Track, XbitTrack, Xbits,
};
pub use header::{BitsMatch, FlagsMode, IpProto, IpProtoMatch};
pub use http2::Http2Frame;
pub use number::{ByteExtract, ByteJump, ByteMath, ByteOperator, ByteTest, Encoding, JumpFrom, MathOperator};
pub use pcre::Pcre;
pub use session::{DateTest, SshProtoVersion, TlsVersion, ssl_version};
pub use text::{content_text, quoted_text};
pub use transform::Transform;
pub(crate) use value::{Value, c_number, c_unsigned, is_blank};

use super::Protocol;
use crate::packet::Checksummed;
use crate::source::Diagnostic;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What an option means.
///
/// Options keep the order of the rule. Content modifiers are part of their [`Content`]; a sticky buffer ([`Keyword::Buffer`])
/// with its transforms holds for all that follows it, up to the next one or [`Keyword::PktData`]. Options that look at
/// something of their own (`ssl_state`, `urilen`, ...) end it too: what follows is about the packet or stream again.
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
    /// `priority`. Of several the smallest counts.
    Priority(u32),
    /// `reference:system,id`
    Reference {
        /// `url`, `cve`, ...
        system: String,
        /// The rest.
        id: String,
    },
    /// `metadata`: its text; entries are separated by commas, key and value by the first space.
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
    /// `l3_proto`: the IP version.
    L3Proto(u8),
    /// `ipv4-csum` and its like: the checksum is right, or it is wrong.
    Checksum {
        /// Which.
        of: Checksummed,
        /// `valid`
        valid: bool,
    },

    /// `geoip`
    Geoip(Box<Geoip>),
    /// `aws_domain_category`, `aws_url_category`
    AwsCategory(Box<AwsCategory>),

    /// `flow`. There may be several; see [`Flow`].
    Flow(Flow),
    /// `flow.age`: seconds.
    FlowAge(Compare<u32>),
    /// `flowbits`
    Flowbits(Flowbits),
    /// `flowint`
    Flowint(Box<Flowint>),
    /// `xbits`
    Xbits(Box<Xbits>),
    /// `hostbits`
    Hostbits(Box<Xbits>),
    /// `hostbits:noalert`: as `noalert`.
    HostbitsNoalert,
    /// `stream_size`
    StreamSize(StreamSize),
    /// `tag`: its text. It makes Suricata log further packets and decides nothing.
    Tag(String),
    /// `threshold`
    Threshold(Threshold),
    /// `detection_filter`
    DetectionFilter(DetectionFilter),

    /// `app-layer-protocol`
    AppLayerProtocol {
        /// `!`
        negated: bool,
        /// The protocol; `None` is `failed`.
        protocol: Option<Protocol>,
    },
    /// `app-layer-event`: `tls.invalid_record`, ...
    AppLayerEvent(String),
    /// `decode-event`: `ipv4.pkt_too_small`, ...
    DecodeEvent(String),
    /// `stream-event`: the name without `stream.`.
    StreamEvent(String),
    /// `engine-event`: `decoder.ipv4.pkt_too_small`, `stream.est_syn_resend`, ...
    EngineEvent(String),
    /// `ssl_state`: sets of bits, see [`ssl_state`].
    SslState {
        /// Any of these ...
        states: u8,
        /// ... of which these must not be reached.
        negated: u8,
    },
    /// `tls.version`
    TlsVersion(TlsVersion),
    /// `ssl_version`: a set of bits, see [`ssl_version`].
    SslVersion {
        /// Any of these ...
        versions: u8,
        /// ... each written with `!`.
        negated: bool,
    },
    /// `tls.subject`, `tls.issuerdn`: text in a name of the certificate.
    TlsCertName {
        /// In the issuer's, not the subject's.
        issuer: bool,
        /// `!`
        negated: bool,
        /// The text.
        text: String,
    },
    /// `tls.fingerprint`: as a content of `tls.cert_fingerprint`.
    TlsFingerprint {
        /// `!`
        negated: bool,
        /// 59 bytes.
        pattern: Vec<u8>,
    },
    /// `tls_cert_notbefore`, `tls_cert_notafter`
    TlsCertDate {
        /// When the certificate ends to be valid.
        not_after: bool,
        /// The test.
        test: DateTest,
        /// As written.
        text: String,
    },
    /// `tls_cert_expired`, and with false `tls_cert_valid`.
    TlsCertExpired(bool),
    /// `tls.cert_chain_len`
    TlsCertChainLen(Compare<u32>),
    /// `ssh.protoversion`
    SshProtoVersion(SshProtoVersion),
    /// `ssh.softwareversion`: the whole of it.
    SshSoftwareVersion(String),

    /// `http2.frametype` and its kin.
    Http2Frame(Http2Frame),

    /// A sticky buffer.
    Buffer(Buffer),
    /// `pkt_data`: back to the packet or stream.
    PktData,
    /// A transform of the buffer set before.
    Transform(Transform),

    /// `content` (or `uricontent`) with its modifiers.
    Content(Box<Content>),
    /// `pcre`
    Pcre(Box<Pcre>),
    /// `bsize`
    Bsize(Bsize),
    /// `isdataat`
    Isdataat(Isdataat),
    /// `byte_test`
    ByteTest(Box<ByteTest>),
    /// `byte_jump`
    ByteJump(Box<ByteJump>),
    /// `byte_extract`
    ByteExtract(Box<ByteExtract>),
    /// `byte_math`
    ByteMath(Box<ByteMath>),
    /// `base64_decode`
    Base64Decode(Base64Decode),
    /// `base64_data`: what follows is about what `base64_decode` has decoded.
    Base64Data,
    /// `rpc`
    Rpc(Rpc),
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
        /// The text after the colon, with negation and quotes.
        value: Option<String>,
    },
}

impl Keyword {
    /// It is about the rule itself: its number, its words, whether it reports. Suricata tests nothing of a packet for it.
    pub fn is_about_the_rule(&self) -> bool {
        matches!(
            self,
            Self::Msg(_)
                | Self::Sid(_)
                | Self::Rev(_)
                | Self::Gid(_)
                | Self::Classtype(_)
                | Self::Priority(_)
                | Self::Reference { .. }
                | Self::Metadata(_)
                | Self::Target { .. }
                | Self::Noalert
                | Self::Alert
                | Self::Requires(_)
        )
    }
}

/// What a keyword is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// About the rule itself.
    Meta,
    /// Header fields.
    Header,
    /// Flows, hosts and what rules remember.
    Flow,
    /// Application protocols and events.
    App,
    /// Sticky buffers and their old-style modifiers.
    Buffer,
    /// Transforms.
    Transform,
    /// Bytes of a packet, stream or buffer.
    Payload,
    /// AWS's own.
    Aws,
}

/// How the value of an option is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Whether there is one.
    pub presence: Presence,
    /// Whether it stands in double quotes.
    pub quotes: Quotes,
    /// Whether `!` in front of it is the keyword's negation.
    pub negatable: bool,
}

/// Whether an option has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Never.
    Never,
    /// It may.
    Optional,
    /// Always.
    Always,
}

/// Whether a value stands in double quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// Never.
    Never,
    /// It may.
    Optional,
    /// Always.
    Always,
}

impl Argument {
    pub(crate) const NONE: Self = Self { presence: Presence::Never, quotes: Quotes::Never, negatable: false };
    pub(crate) const OPTIONAL: Self = Self { presence: Presence::Optional, quotes: Quotes::Never, negatable: false };
    pub(crate) const PLAIN: Self = Self { presence: Presence::Always, quotes: Quotes::Never, negatable: false };
    pub(crate) const QUOTED: Self = Self { presence: Presence::Always, quotes: Quotes::Always, negatable: false };
    pub(crate) const MAY_QUOTE: Self = Self { presence: Presence::Always, quotes: Quotes::Optional, negatable: false };
    pub(crate) const NOT_QUOTED: Self = Self { presence: Presence::Always, quotes: Quotes::Always, negatable: true };
    pub(crate) const NOT_MAY_QUOTE: Self =
        Self { presence: Presence::Always, quotes: Quotes::Optional, negatable: true };
}

/// How the value of an option is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parse {
    /// It is an option of its own.
    Keyword(fn(&Value<'_>) -> Result<Keyword, Diagnostic>),
    /// It changes the content before it.
    Modifier(fn(&mut Content, &Value<'_>) -> Result<(), Diagnostic>),
    /// A sticky buffer.
    Buffer(Buffer),
    /// Moves the content before it to a buffer, and binds the rule to the protocol.
    BufferModifier(Buffer, Option<Protocol>),
    /// Known, and kept as text.
    Recognised,
}

/// What Suricata's loader makes of an option beyond its value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Effect {
    /// Nothing.
    Nothing,
    /// A test of the packet that leaves the stream alone.
    Packet,
    /// A test that needs a packet: it cannot be combined with what needs the stream or an application protocol.
    PacketOnly,
    /// A test of something of its own, which ends the sticky buffer.
    Own(&'static ListDef),
    /// Binds the rule to a protocol.
    App(Protocol),
    /// A test of the current sticky buffer, which there must be.
    Here,
    /// Makes a frame of the protocol the current buffer.
    Frame,
    /// Its protocol is not detected, so that the rule cannot be loaded.
    Disabled,
}

/// A place that tests go to: Suricata's list with its inspection engines.
#[derive(Debug)]
pub(crate) struct ListDef {
    /// Suricata's name.
    pub(crate) name: &'static str,
    /// The protocol it binds the rule to.
    pub(crate) app: Option<Protocol>,
    /// Protocols with an engine in the client's direction.
    pub(crate) to_server: &'static [Protocol],
    /// Protocols with an engine in the server's direction.
    pub(crate) to_client: &'static [Protocol],
    /// Whether each mention of it in a rule stands for itself.
    pub(crate) multi: bool,
    /// Whether it is part of the packet.
    pub(crate) packet: bool,
}

/// A keyword.
#[derive(Debug)]
pub struct KeywordDef {
    /// The name that Suricata's documentation uses.
    pub name: &'static str,
    /// Other spellings.
    pub aliases: &'static [&'static str],
    /// What it is about.
    pub family: Family,
    /// How its value is written.
    pub argument: Argument,
    pub(crate) parse: Parse,
    pub(crate) effect: Effect,
    /// What it does, in a few words.
    pub doc: &'static str,
}

impl KeywordDef {
    /// Whether the value is taken apart; if not, it is kept as [`Keyword::Recognised`].
    pub fn is_structured(&self) -> bool {
        !matches!(self.parse, Parse::Recognised)
    }
}

/// All keywords, family by family.
pub fn defs() -> impl Iterator<Item = &'static KeywordDef> {
    [
        meta::DEFS,
        header::DEFS,
        flow::DEFS,
        app::DEFS,
        session::DEFS,
        http2::DEFS,
        buffer::DEFS,
        transform::DEFS,
        content::DEFS,
        pcre::DEFS,
        number::DEFS,
        bytes::DEFS,
        aws::DEFS,
        other::DEFS,
        later::DEFS,
    ]
    .into_iter()
    .flatten()
}

/// Whether a keyword came with Suricata 8.0.
pub(crate) fn is_later(def: &KeywordDef) -> bool {
    matches!(def.parse, Parse::Buffer(buffer) if buffer.is_later())
        || later::DEFS.iter().any(|later| later.name == def.name)
}

/// The keyword with this name or alias; capitals do not matter.
pub fn find(name: &str) -> Option<&'static KeywordDef> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static KeywordDef, foldhash::fast::FixedState>> =
        LazyLock::new(|| {
            defs()
                .flat_map(|def| {
                    std::iter::once(def.name).chain(def.aliases.iter().copied()).map(move |name| (name, def))
                })
                .collect()
        });
    BY_NAME.get(name).or_else(|| BY_NAME.get(name.to_ascii_lowercase().as_str())).copied()
}

/// For tests of single keywords.
#[cfg(test)]
pub(crate) fn test_value<T>(keyword: &'static str, text: &str, then: impl FnOnce(&Value<'_>) -> T) -> T {
    let mut sources = crate::source::Sources::new();
    let file = sources.add("test", text);
    let rule = crate::source::MappedText::verbatim(text, file, 0);
    let warnings = std::cell::RefCell::default();
    then(&Value {
        keyword,
        text: rule.as_str(),
        raw: text,
        present: true,
        negated: false,
        at: 0,
        rule: &rule,
        warnings: &warnings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_unique() {
        let mut names: Vec<_> =
            defs().flat_map(|def| std::iter::once(def.name).chain(def.aliases.iter().copied())).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn every_name_is_found_in_any_case() {
        for def in defs() {
            assert_eq!(find(&def.name.to_ascii_uppercase()).map(|found| found.name), Some(def.name));
        }
        assert!(find("nonsense").is_none());
    }

    #[test]
    fn every_keyword_says_what_it_does() {
        for def in defs() {
            assert!(!def.doc.is_empty() && !def.doc.ends_with('.'), "{}", def.name);
        }
    }
}
