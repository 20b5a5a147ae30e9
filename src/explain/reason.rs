//! Why a rule did not match: the condition, and what there was instead.

use super::recorder::{Fragment, PacketFacts};
use super::written::{Subject, Written};
use crate::app::AppProto;
use crate::detect::trace::{HeaderPart, Miss, Tried};
use crate::report::names::ProtocolName;
use crate::rules::ast::Arrow;
use crate::rules::keyword::Keyword;
use crate::source::Span;
use crate::verdict::{Direction, RuleId};

/// The first condition of a rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Where in the rule it is.
    pub condition: Condition,
    /// The condition as it is written; empty when it is none of the rule's own.
    pub written: String,
    /// What there was instead.
    pub found: String,
    /// Where the condition is written, if that is not where the rule is.
    pub span: Option<Span>,
    /// The same as the engine has it.
    pub miss: Miss,
    /// How far the engine came with the rule.
    pub closeness: u32,
}

/// A part of a rule that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// None: the rule was not asked.
    None,
    /// The protocol word.
    Protocol,
    /// The left address.
    Source,
    /// The left port.
    SourcePort,
    /// The right address.
    Destination,
    /// The right port.
    DestinationPort,
    /// The direction that `flow` or a buffer gives it: an option, if `flow` says it.
    Direction(Option<u16>),
    /// An option, by its number.
    Option(u16),
    /// It matched; another rule came first.
    Order,
}

impl Condition {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Protocol => "protocol",
            Self::Source => "source",
            Self::SourcePort => "source port",
            Self::Destination => "destination",
            Self::DestinationPort => "destination port",
            Self::Direction(_) => "direction",
            Self::Option(_) => "option",
            Self::Order => "order",
        }
    }
}

/// What is known of the packet beside what is in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct At<'a> {
    pub(super) facts: &'a PacketFacts,
    pub(super) direction: Option<Direction>,
    pub(super) established: bool,
    /// What the flow speaks.
    pub(super) spoken: AppProto,
}

impl Subject<'_> {
    /// Puts a miss into words.
    pub(super) fn reason(&self, id: RuleId, miss: Miss, tried: Option<&Tried>, at: At<'_>) -> Reason {
        let closeness = miss.closeness();
        let Some(written) = self.written(id) else {
            let found = "it was not looked at".to_owned();
            return Reason { condition: Condition::None, written: String::new(), found, span: None, miss, closeness };
        };
        let option = self.program.conditions(id).and_then(|conditions| conditions.option(miss));
        let (condition, text, found, span) = match (miss, option) {
            (Miss::Header(part), _) => {
                let part = if self.program.is_turned(id) { part.turned() } else { part };
                self.header(written, part, at, self.program.is_turned(id))
            }
            (Miss::AppProtocol(proto), _) => {
                let found = match proto {
                    AppProto::Unknown if at.spoken == AppProto::Unknown => {
                        "the application protocol is not known yet".to_owned()
                    }
                    AppProto::Unknown => "the handshake is not over".to_owned(),
                    AppProto::Failed => "no application protocol was recognised".to_owned(),
                    proto => format!("the flow speaks {}", proto.name().unwrap_or("another protocol")),
                };
                let (condition, text, span) = protocol_of(written);
                (condition, text, found, span)
            }
            (Miss::OtherDirection, _) => {
                let (option, text, span) = direction_of(written);
                let found = match at.direction {
                    Some(direction) => format!("the packet goes {}", direction.name()),
                    None => "the packet belongs to no flow".to_owned(),
                };
                (Condition::Direction(option), text, found, span)
            }
            (Miss::BehindPass, _) => {
                (Condition::Order, String::new(), "it matches, but a pass comes before it".to_owned(), None)
            }
            (Miss::Held, _) => {
                let option =
                    written.rule.options.iter().position(|option| {
                        matches!(option.keyword, Keyword::Threshold(_) | Keyword::DetectionFilter(_))
                    });
                let found = "it matches, and is held back: the count is not reached".to_owned();
                of_option(written, option.map(|at| at as u16), found)
            }
            (Miss::WrongBasis, _) => {
                let says = |keyword: &Keyword| matches!(keyword, Keyword::Flow(flow) if flow.stream.is_some());
                let option = written.rule.options.iter().position(|option| says(&option.keyword));
                let found = "what it asks for was found in the other of packet and stream".to_owned();
                of_option(written, option.map(|at| at as u16), found)
            }
            (miss, Some(option)) => {
                let found = found_instead(written, option, miss, tried, at);
                of_option(written, Some(option), found)
            }
            (miss, None) => (Condition::None, String::new(), unasked(miss, at), None),
        };
        // where a rule was generated, all of it stands in one place
        let of_rule = [Some(written.rule.span), written.rule.generated_from];
        let span = span.filter(|span| !of_rule.contains(&Some(*span)));
        Reason { condition, written: text, found, span, miss, closeness }
    }

    fn header(&self, written: &Written<'_>, part: HeaderPart, at: At<'_>, turned: bool) -> Told {
        let rule = &written.rule;
        let ends = at.facts.ends.map(|[from, to]| if turned { [to, from] } else { [from, to] });
        let end = |n: usize| ends.and_then(|ends| ends.get(n).copied());
        let address = |n: usize| end(n).map_or_else(|| "none".to_owned(), |(address, _)| address.to_string());
        let port = |n: usize| end(n).and_then(|(_, port)| port);
        let address_of = |expr: &crate::source::Spanned<crate::rules::ast::AddressExpr>, n: usize, word: &str| {
            let mut found = format!("{word} {} is not in it", address(n));
            for variable in written.address_variables(&expr.value, self.policy) {
                found.push_str("; ");
                found.push_str(&variable);
            }
            (expr.value.to_string(), found, Some(expr.span))
        };
        let port_of = |expr: &crate::source::Spanned<crate::rules::ast::PortExpr>, n: usize, word: &str| {
            let mut found = match (port(n), at.facts.fragment) {
                (_, Some(Fragment::Part(_))) => "a fragment's ports are not known".to_owned(),
                (Some(port), _) => format!("{word} {port}"),
                (None, _) => format!("{} has no ports", ProtocolName(at.facts.proto)),
            };
            for variable in written.port_variables(&expr.value) {
                found.push_str("; ");
                found.push_str(&variable);
            }
            (expr.value.to_string(), found, Some(expr.span))
        };
        let (condition, (text, found, span)) = match part {
            HeaderPart::NotIp | HeaderPart::Version | HeaderPart::Protocol => {
                let version = match at.facts.ends {
                    Some([(address, _), _]) if address.is_ipv6() => "IPv6",
                    Some(_) => "IPv4",
                    None => "not IP",
                };
                let found = match part {
                    HeaderPart::Protocol => format!("the packet is {}", ProtocolName(at.facts.proto)),
                    _ => format!("the packet is {version}"),
                };
                let ip_proto = rule
                    .options
                    .iter()
                    .position(|option| matches!(option.keyword, Keyword::IpProto(_) | Keyword::L3Proto(_)));
                let word = rule.protocol.value.as_str();
                if let Some(option) = ip_proto.filter(|_| rule.protocol.value.has_transport(at.facts.proto)) {
                    return of_option(written, Some(option as u16), found);
                }
                (Condition::Protocol, (word.to_owned(), found, Some(rule.protocol.span)))
            }
            HeaderPart::Source => (Condition::Source, address_of(&rule.source, 0, "source")),
            HeaderPart::SourcePort => (Condition::SourcePort, port_of(&rule.source_port, 0, "source port is")),
            HeaderPart::Destination => (Condition::Destination, address_of(&rule.destination, 1, "destination")),
            HeaderPart::DestinationPort => {
                (Condition::DestinationPort, port_of(&rule.destination_port, 1, "destination port is"))
            }
        };
        debug_assert!(!turned || rule.arrow.value == Arrow::Both);
        (condition, text, found, span)
    }
}

type Told = (Condition, String, String, Option<Span>);

/// An option as it is written, with the buffer that it looks at.
fn of_option(written: &Written<'_>, option: Option<u16>, found: String) -> Told {
    let Some((number, (keyword, span))) = option.and_then(|number| Some((number, written.option(number)?))) else {
        return (Condition::None, String::new(), found, None);
    };
    let text = match written.buffer(number).filter(|_| is_of_bytes(keyword)) {
        Some(buffer) => format!("{buffer}; {keyword}"),
        None => keyword.to_string(),
    };
    (Condition::Option(number), text, found, Some(span))
}

fn is_of_bytes(keyword: &Keyword) -> bool {
    matches!(
        keyword,
        Keyword::Content(_)
            | Keyword::Pcre(_)
            | Keyword::Isdataat(_)
            | Keyword::Bsize(_)
            | Keyword::ByteTest(_)
            | Keyword::ByteJump(_)
            | Keyword::ByteExtract(_)
            | Keyword::ByteMath(_)
            | Keyword::Base64Decode(_)
            | Keyword::Urilen { .. }
    )
}

/// What binds a rule to its application protocol: the word in its header, or else a buffer or keyword.
fn protocol_of(written: &Written<'_>) -> (Condition, String, Option<Span>) {
    let rule = &written.rule;
    let word = rule.protocol.value;
    let of_header = rule
        .app_protocol
        .is_some_and(|app| app == word || (word == crate::rules::Protocol::Http && app.as_str().starts_with("http")));
    if !of_header {
        let position = rule.options.iter().position(|option| binds_protocol(&option.keyword));
        if let Some((number, option)) = position.and_then(|at| Some((at as u16, rule.options.get(at)?))) {
            return (Condition::Option(number), option.keyword.to_string(), Some(option.span));
        }
    }
    (Condition::Protocol, word.as_str().to_owned(), Some(rule.protocol.span))
}

/// The keyword is one of an application protocol.
fn binds_protocol(keyword: &Keyword) -> bool {
    match keyword {
        Keyword::Content(content) => content.modifier_buffer.is_some(),
        Keyword::Pcre(pcre) => pcre.buffer().is_some(),
        Keyword::AppLayerEvent(name) => name.contains('.'),
        keyword => matches!(
            keyword,
            Keyword::Buffer(_)
                | Keyword::Urilen { .. }
                | Keyword::TlsFingerprint { .. }
                | Keyword::SslState { .. }
                | Keyword::SslVersion { .. }
                | Keyword::TlsVersion(_)
                | Keyword::TlsCertName { .. }
                | Keyword::TlsCertDate { .. }
                | Keyword::TlsCertExpired(_)
                | Keyword::TlsCertChainLen(_)
                | Keyword::SshProtoVersion(_)
                | Keyword::SshSoftwareVersion(_)
                | Keyword::Http2Frame(_)
        ),
    }
}

/// What gives a rule its direction.
fn direction_of(written: &Written<'_>) -> (Option<u16>, String, Option<Span>) {
    let rule = &written.rule;
    let says = |keyword: &Keyword| matches!(keyword, Keyword::Flow(flow) if flow.direction.is_some());
    match rule.options.iter().position(|option| says(&option.keyword)) {
        Some(at) => {
            let option = rule.options.get(at);
            let text = option.map(|option| option.keyword.to_string()).unwrap_or_default();
            (Some(at as u16), text, option.map(|option| option.span))
        }
        None => {
            let buffer = rule.options.iter().find(|option| matches!(option.keyword, Keyword::Buffer(_)));
            let word = rule.direction.map_or("", Direction::name);
            match buffer {
                Some(option) => (None, format!("{}, which is there {word} only", option.keyword), Some(option.span)),
                None => (None, format!("{word} only"), None),
            }
        }
    }
}

/// Why a rule was not even asked.
fn unasked(miss: Miss, at: At<'_>) -> String {
    match miss {
        Miss::HadItsTurn => {
            "it is about addresses only, and was asked at the first packet of this direction".to_owned()
        }
        Miss::MadeUp => {
            "the packet was made up at the end of the flow, where rules about packets are not asked".to_owned()
        }
        Miss::NoTransaction => match at.spoken.name() {
            Some(proto) => format!("nothing new for the {proto} parser in this packet"),
            None => "the application protocol is not known yet".to_owned(),
        },
        Miss::Settled => "it was settled at an earlier packet".to_owned(),
        Miss::NoFlow => "it needs a flow, and the packet has none".to_owned(),
        _ => "it was not looked at".to_owned(),
    }
}

/// What there was instead of what an option asks for.
fn found_instead(written: &Written<'_>, option: u16, miss: Miss, tried: Option<&Tried>, at: At<'_>) -> String {
    let Some((keyword, _)) = written.option(option) else { return String::new() };
    let buffer = written.buffer(option);
    match miss {
        Miss::NoPayload => "the packet has no payload to look at".to_owned(),
        Miss::Pattern => "these bytes are nowhere in the payload or stream".to_owned(),
        Miss::Spoiler => "these bytes are there".to_owned(),
        Miss::NoTransaction => unasked(miss, at),
        Miss::TooEarly(_) => match buffer {
            Some(buffer) => format!("{buffer} is not complete yet"),
            None => "the message has not come that far".to_owned(),
        },
        Miss::Absent(_) => match buffer {
            Some(buffer) => format!("there is no {buffer}"),
            None => "there is nothing to look at".to_owned(),
        },
        Miss::Payload(_) | Miss::Buffer(..) => {
            let name = buffer.unwrap_or("the payload");
            let before = if written.is_transformed(option) { " after its transforms" } else { "" };
            match tried {
                Some(tried) => {
                    let there = negated_at(keyword, tried);
                    format!("{name} is {}{before}{there}", quoted(tried))
                }
                None => format!("{name} does not hold it"),
            }
        }
        Miss::Packet(_) => of_packet(keyword, at),
        _ => "it does not hold".to_owned(),
    }
}

/// Where bytes are that must not be there.
fn negated_at(keyword: &Keyword, tried: &Tried) -> &'static str {
    match keyword {
        Keyword::Content(content) if content.negated && !tried.found.is_empty() => ", which has it",
        _ => "",
    }
}

/// Bytes as people read them, the first of many.
pub(super) fn quoted(tried: &Tried) -> String {
    const SHOWN: usize = 64;
    let shown = tried.bytes.get(..SHOWN).unwrap_or(&tried.bytes);
    let text: String = shown.iter().map(|&byte| readable(byte)).collect();
    if shown.len() < tried.len {
        format!("`{text}…` ({} bytes)", tried.len)
    } else if tried.len == 0 {
        "empty".to_owned()
    } else {
        format!("`{text}`")
    }
}

/// One byte as in a content: `|0d|` for what cannot be read.
pub(super) fn readable(byte: u8) -> String {
    if (0x20..0x7f).contains(&byte) { char::from(byte).to_string() } else { format!("|{byte:02x}|") }
}

/// What a packet is like where a test of packets asks.
fn of_packet(keyword: &Keyword, at: At<'_>) -> String {
    let facts = at.facts;
    match keyword {
        Keyword::Flow(flow) if flow.direction.is_some_and(|wanted| at.direction != Some(wanted)) => {
            format!("the packet goes {}", at.direction.map_or("nowhere", Direction::name))
        }
        Keyword::Flow(flow) if flow.established == Some(true) => "the flow is not established yet".to_owned(),
        Keyword::Flow(flow) if flow.established == Some(false) && at.established => {
            "the flow is established".to_owned()
        }
        Keyword::Flow(_) => "the flow is in another state".to_owned(),
        Keyword::Flowbits(_) | Keyword::Flowint(_) => "what is noted on the flow says otherwise".to_owned(),
        Keyword::Xbits(_) | Keyword::Hostbits(_) => "what is noted on the hosts says otherwise".to_owned(),
        Keyword::AppLayerProtocol { .. } => match at.spoken.name() {
            Some(proto) => format!("the flow speaks {proto}"),
            None => "the application protocol is not known yet".to_owned(),
        },
        Keyword::Ttl(_) => format!("the time to live is {}", facts.ttl),
        Keyword::TcpFlags(_) => match facts.tcp_flags {
            Some(flags) => format!("the flags are {}", flag_letters(flags)),
            None => "the packet is not TCP".to_owned(),
        },
        Keyword::Dsize(_) => format!("the payload has {} bytes", facts.payload_len),
        Keyword::Itype(_) | Keyword::Icode(_) => match facts.icmp {
            Some((kind, code)) => format!("ICMP type {kind}, code {code}"),
            None => "the packet is not ICMP".to_owned(),
        },
        Keyword::DecodeEvent(_) | Keyword::StreamEvent(_) | Keyword::EngineEvent(_) | Keyword::AppLayerEvent(_) => {
            match facts.events.as_slice() {
                [] => "nothing odd was found in the packet".to_owned(),
                events => format!("what is odd about the packet is {}", events.join(", ")),
            }
        }
        Keyword::Fragbits(_) | Keyword::Fragoffset(_) => match facts.fragment {
            Some(Fragment::Part(offset)) => format!("it is a fragment at offset {offset}"),
            _ => "it is no fragment".to_owned(),
        },
        _ => "the packet is not so".to_owned(),
    }
}

/// TCP flags as letters: `SA`.
pub(super) fn flag_letters(flags: u8) -> String {
    let letters: String =
        "FSRPAUEC".chars().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, c)| c).collect();
    if letters.is_empty() { "none".to_owned() } else { letters }
}
