//! Rules as text, in a canonical form: one space between parts, aliases by their main name, modifiers behind their content.

use super::Protocol;
use super::ast::{AddressExpr, Arrow, PortExpr, Rule};
use super::keyword::{
    Amount, BitsMatch, Buffer, Compare, Content, FastPattern, FlagsMode, Flow, FlowFragment, FlowStream, Flowbits,
    FlowintCommand, FlowintOperand, IpProtoMatch, Keyword, SshProtoVersion, StreamSide, ThresholdKind, Transform,
    XbitTrack, content_text, quoted_text, ssl_state, ssl_version,
};
use crate::packet::Checksummed;
use crate::verdict::Direction;
use std::fmt::{self, Display, Formatter};

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.action.value.name(), self.protocol.value.as_str())?;
        write!(f, "{} {} {} ", self.source.value, self.source_port.value, self.arrow.value)?;
        write!(f, "{} {} (", self.destination.value, self.destination_port.value)?;
        for (index, option) in self.options.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { " " })?;
            write!(f, "{};", option.keyword)?;
        }
        f.write_str(")")
    }
}

impl Display for Protocol {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Display for Arrow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "->",
            Self::Both => "<>",
        })
    }
}

fn list<T: Display>(f: &mut Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    f.write_str("[")?;
    for (index, item) in items.enumerate() {
        f.write_str(if index == 0 { "" } else { "," })?;
        write!(f, "{item}")?;
    }
    f.write_str("]")
}

impl Display for AddressExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => write!(f, "{}", net.addr()),
            Self::Net(net) => write!(f, "{net}"),
            Self::Range(low, high) => write!(f, "{low}-{high}"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Reference(name) => write!(f, "@{name}"),
            Self::Not(inner) => write!(f, "!{}", inner.value),
            Self::List(items) => list(f, items.iter().map(|item| &item.value)),
        }
    }
}

impl Display for PortExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Range(low, high) if low == high => write!(f, "{low}"),
            Self::Range(low, high) => write!(f, "{low}:{high}"),
            Self::Variable(name) => write!(f, "${name}"),
            Self::Not(inner) => write!(f, "!{}", inner.value),
            Self::List(items) => list(f, items.iter().map(|item| &item.value)),
        }
    }
}

impl Display for Keyword {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = |negated: bool| if negated { "!" } else { "" };
        match self {
            Self::Msg(text) => write!(f, "msg:{}", quoted_text(text)),
            Self::Sid(number) => write!(f, "sid:{number}"),
            Self::Rev(number) => write!(f, "rev:{number}"),
            Self::Gid(number) => write!(f, "gid:{number}"),
            Self::Classtype(name) => write!(f, "classtype:{name}"),
            Self::Priority(number) => write!(f, "priority:{number}"),
            Self::Reference { system, id } => write!(f, "reference:{system},{id}"),
            Self::Metadata(text) => write!(f, "metadata:{text}"),
            Self::Target { destination } => write!(f, "target:{}", if *destination { "dest_ip" } else { "src_ip" }),
            Self::Noalert => f.write_str("noalert"),
            Self::Alert => f.write_str("alert"),
            Self::Requires(text) => write!(f, "requires:{text}"),
            Self::IpProto(ip_proto) => {
                let sign = match ip_proto.compare {
                    IpProtoMatch::Is => "",
                    IpProtoMatch::Not => "!",
                    IpProtoMatch::Below => "<",
                    IpProtoMatch::Above => ">",
                };
                write!(f, "ip_proto:{sign}{}", ip_proto.number)
            }
            Self::Ttl(compare) => write!(f, "ttl:{compare}"),
            Self::Itype(compare) => write!(f, "itype:{compare}"),
            Self::Icode(compare) => write!(f, "icode:{compare}"),
            Self::IcmpId(number) => write!(f, "icmp_id:{number}"),
            Self::IcmpSeq(number) => write!(f, "icmp_seq:{number}"),
            Self::TcpFlags(bits) => tcp_flags(f, *bits),
            Self::Fragbits(bits) => {
                write!(f, "fragbits:{}", sign(bits.mode))?;
                letters(f, bits.bits, &[(0x2000, 'M'), (0x4000, 'D'), (0x8000, 'R')])
            }
            Self::Fragoffset(compare) => write!(f, "fragoffset:{compare}"),
            Self::Ipopts(name) => write!(f, "ipopts:{name}"),
            Self::Dsize(compare) => write!(f, "dsize:{compare}"),
            Self::Tos { negated, value } => write!(f, "tos:{}{value}", not(*negated)),
            Self::Id(number) => write!(f, "id:{number}"),
            Self::Sameip => f.write_str("sameip"),
            Self::Seq(number) => write!(f, "tcp.seq:{number}"),
            Self::Ack(number) => write!(f, "tcp.ack:{number}"),
            Self::Window { negated, value } => write!(f, "tcp.window:{}{value}", not(*negated)),
            Self::TcpMss(compare) => write!(f, "tcp.mss:{compare}"),
            Self::Icmpv6Mtu(compare) => write!(f, "icmpv6.mtu:{compare}"),
            Self::L3Proto(version) => write!(f, "l3_proto:ipv{version}"),
            Self::Checksum { of, valid } => {
                let keyword = match of {
                    Checksummed::Ipv4 => "ipv4",
                    Checksummed::TcpV4 => "tcpv4",
                    Checksummed::TcpV6 => "tcpv6",
                    Checksummed::UdpV4 => "udpv4",
                    Checksummed::UdpV6 => "udpv6",
                    Checksummed::IcmpV4 => "icmpv4",
                    Checksummed::IcmpV6 => "icmpv6",
                };
                write!(f, "{keyword}-csum:{}", if *valid { "valid" } else { "invalid" })
            }
            Self::Tag(text) => write!(f, "tag:{text}"),
            Self::Geoip(geoip) => write!(f, "{geoip}"),
            Self::AwsCategory(category) => write!(f, "{category}"),
            Self::Flow(flow) => self::flow(f, *flow),
            Self::FlowAge(compare) => write!(f, "flow.age:{compare}"),
            Self::Flowbits(Flowbits::Noalert) => f.write_str("flowbits:noalert"),
            Self::Flowbits(Flowbits::Bits { command, names }) => {
                write!(f, "flowbits:{},{}", command.name(), names.join("|"))
            }
            Self::Flowint(flowint) => {
                write!(f, "flowint:{},{}", flowint.name, flowint_command(flowint.command))?;
                match &flowint.operand {
                    Some(FlowintOperand::Value(number)) => write!(f, ",{number}"),
                    Some(FlowintOperand::Variable(name)) => write!(f, ",{name}"),
                    None => Ok(()),
                }
            }
            Self::Xbits(bits) => {
                let track = match bits.track {
                    XbitTrack::Source => "ip_src",
                    XbitTrack::Destination => "ip_dst",
                    XbitTrack::Pair => "ip_pair",
                };
                write!(f, "xbits:{},{},track {track},expire {}", bits.command.name(), bits.name, bits.expire)
            }
            Self::Hostbits(bits) => {
                let side = if bits.track == XbitTrack::Destination { "dst" } else { "src" };
                write!(f, "hostbits:{},{},{side}", bits.command.name(), bits.name)
            }
            Self::HostbitsNoalert => f.write_str("hostbits:noalert"),
            Self::StreamSize(size) => {
                let side = match size.side {
                    StreamSide::Server => "server",
                    StreamSide::Client => "client",
                    StreamSide::Both => "both",
                    StreamSide::Either => "either",
                };
                match size.compare {
                    Compare::Eq(n) => write!(f, "stream_size:{side},=,{n}"),
                    Compare::Ne(n) => write!(f, "stream_size:{side},!=,{n}"),
                    Compare::Lt(n) => write!(f, "stream_size:{side},<,{n}"),
                    Compare::Le(n) => write!(f, "stream_size:{side},<=,{n}"),
                    Compare::Gt(n) | Compare::Between(n, _) => write!(f, "stream_size:{side},>,{n}"),
                    Compare::Ge(n) => write!(f, "stream_size:{side},>=,{n}"),
                }
            }
            Self::Threshold(t) => {
                let kind = match t.kind {
                    ThresholdKind::Limit => "limit",
                    ThresholdKind::Threshold => "threshold",
                    ThresholdKind::Both => "both",
                };
                write!(f, "threshold:type {kind}, track {}, count {}, seconds {}", t.track.name(), t.count, t.seconds)
            }
            Self::DetectionFilter(t) => {
                write!(f, "detection_filter:track {}, count {}, seconds {}", t.track.name(), t.count, t.seconds)
            }
            Self::AppLayerProtocol { negated, protocol } => {
                write!(f, "app-layer-protocol:{}{}", not(*negated), protocol.map_or("failed", Protocol::as_str))
            }
            Self::AppLayerEvent(event) => write!(f, "app-layer-event:{event}"),
            Self::DecodeEvent(event) => write!(f, "decode-event:{event}"),
            Self::StreamEvent(event) => write!(f, "stream-event:{event}"),
            Self::EngineEvent(event) => write!(f, "engine-event:{event}"),
            Self::SslState { states, negated } => {
                f.write_str("ssl_state:")?;
                let mut first = true;
                for (name, bit) in ssl_state::NAMES {
                    if states & bit != 0 {
                        f.write_str(if std::mem::take(&mut first) { "" } else { "," })?;
                        write!(f, "{}{name}", not(negated & bit != 0))?;
                    }
                }
                Ok(())
            }
            Self::TlsVersion(version) => match (version.raw, version.version) {
                (true, number) => write!(f, "tls.version:0x{number:04x}"),
                (false, number) => write!(f, "tls.version:1.{}", number.saturating_sub(0x0301)),
            },
            Self::SslVersion { versions, negated } => {
                f.write_str("ssl_version:")?;
                let names = ssl_version::NAMES.iter().filter(|(_, bit)| versions & bit != 0).map(|(name, _)| name);
                for (index, name) in names.enumerate() {
                    write!(f, "{}{}{name}", if index == 0 { "" } else { "," }, not(*negated))?;
                }
                Ok(())
            }
            Self::TlsCertName { issuer, negated, text } => {
                write!(f, "tls.{}:{}\"{text}\"", if *issuer { "issuerdn" } else { "subject" }, not(*negated))
            }
            Self::TlsFingerprint { negated, pattern } => {
                write!(f, "tls.fingerprint:{}{}", not(*negated), content_text(pattern))
            }
            Self::TlsCertDate { not_after, text, .. } => {
                write!(f, "tls_cert_{}:{text}", if *not_after { "notafter" } else { "notbefore" })
            }
            Self::TlsCertExpired(expired) => f.write_str(if *expired { "tls_cert_expired" } else { "tls_cert_valid" }),
            Self::TlsCertChainLen(compare) => write!(f, "tls.cert_chain_len:{compare}"),
            Self::SshProtoVersion(SshProtoVersion::TwoCompatible) => f.write_str("ssh.protoversion:2_compat"),
            Self::SshProtoVersion(SshProtoVersion::Is(version)) => write!(f, "ssh.protoversion:{version}"),
            Self::SshSoftwareVersion(software) => write!(f, "ssh.softwareversion:\"{software}\""),
            Self::Buffer(buffer) => f.write_str(buffer.name()),
            Self::PktData => f.write_str("pkt_data"),
            Self::Transform(transform) => match transform {
                Transform::Xor(key) => {
                    f.write_str("xor:\"")?;
                    key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
                    f.write_str("\"")
                }
                Transform::Pcrexform(pattern) => write!(f, "pcrexform:\"{pattern}\""),
                plain => f.write_str(plain.name()),
            },
            Self::Content(content) => self::content(f, content),
            Self::Pcre(pcre) => {
                write!(f, "pcre:{}\"/{}/{}", not(pcre.negated), pcre.pattern, pcre.flags)?;
                pcre.captures.iter().try_for_each(|name| write!(f, ", {name}"))?;
                f.write_str("\"")
            }
            Self::Bsize(bsize) => write!(f, "bsize:{}", bsize.0),
            Self::Isdataat(isdataat) => {
                write!(f, "isdataat:{}{}", not(isdataat.negated), isdataat.at)?;
                f.write_str(if isdataat.relative { ",relative" } else { "" })?;
                f.write_str(if isdataat.rawbytes { ",rawbytes" } else { "" })
            }
            Self::ByteTest(test) => write!(f, "{test}"),
            Self::ByteJump(jump) => write!(f, "{jump}"),
            Self::ByteExtract(extract) => write!(f, "{extract}"),
            Self::ByteMath(math) => write!(f, "{math}"),
            Self::Base64Decode(decode) => write!(f, "{decode}"),
            Self::Base64Data => f.write_str("base64_data"),
            Self::Rpc(rpc) => write!(f, "{rpc}"),
            Self::Http2Frame(test) => write!(f, "{test}"),
            Self::Urilen { compare, raw } => write!(f, "urilen:{compare}{}", if *raw { ",raw" } else { "" }),
            Self::Recognised { name, value } => match value {
                None => f.write_str(name),
                Some(value) => write!(f, "{name}:{value}"),
            },
        }
    }
}

impl<T: Display> Display for Amount<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(number) => write!(f, "{number}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

fn content(f: &mut Formatter<'_>, content: &Content) -> fmt::Result {
    write!(f, "content:{}{}", if content.negated { "!" } else { "" }, content_text(&content.pattern))?;
    let flags = [
        (content.nocase, "nocase"),
        (content.startswith, "startswith"),
        (content.endswith, "endswith"),
        (content.rawbytes, "rawbytes"),
    ];
    for (_, name) in flags.into_iter().filter(|(set, _)| *set) {
        write!(f, "; {name}")?;
    }
    let amounts = [
        (&content.offset, "offset"),
        (&content.depth, "depth"),
        (&content.distance, "distance"),
        (&content.within, "within"),
    ];
    for (amount, name) in amounts {
        if let Some(amount) = amount {
            write!(f, "; {name}:{amount}")?;
        }
    }
    match content.fast_pattern {
        None => {}
        Some(FastPattern::Whole) => f.write_str("; fast_pattern")?,
        Some(FastPattern::Only) => f.write_str("; fast_pattern:only")?,
        Some(FastPattern::Chop { offset, length }) => write!(f, "; fast_pattern:{offset},{length}")?,
    }
    match content.modifier_buffer.and_then(Buffer::modifier) {
        Some(modifier) => write!(f, "; {modifier}"),
        None => Ok(()),
    }
}

fn flow(f: &mut Formatter<'_>, flow: Flow) -> fmt::Result {
    let words = [
        flow.direction.map(Direction::name),
        flow.established.map(|established| if established { "established" } else { "not_established" }),
        flow.stateless.then_some("stateless"),
        flow.stream.map(|stream| match stream {
            FlowStream::OnlyStream => "only_stream",
            FlowStream::NoStream => "no_stream",
        }),
        flow.fragment.map(|fragment| match fragment {
            FlowFragment::OnlyFrag => "only_frag",
            FlowFragment::NoFrag => "no_frag",
        }),
    ];
    for (index, word) in words.into_iter().flatten().enumerate() {
        write!(f, "{}{word}", if index == 0 { "flow:" } else { "," })?;
    }
    Ok(())
}

fn flowint_command(command: FlowintCommand) -> &'static str {
    match command {
        FlowintCommand::Set => "=",
        FlowintCommand::Add => "+",
        FlowintCommand::Subtract => "-",
        FlowintCommand::Eq => "==",
        FlowintCommand::Ne => "!=",
        FlowintCommand::Lt => "<",
        FlowintCommand::Le => "<=",
        FlowintCommand::Gt => ">",
        FlowintCommand::Ge => ">=",
        FlowintCommand::Isset => "isset",
        FlowintCommand::Isnotset => "isnotset",
    }
}

fn sign(mode: FlagsMode) -> &'static str {
    match mode {
        FlagsMode::Exactly => "",
        FlagsMode::All => "+",
        FlagsMode::Any => "*",
        FlagsMode::Not => "!",
    }
}

fn letters(f: &mut Formatter<'_>, bits: u16, known: &[(u16, char)]) -> fmt::Result {
    known.iter().filter(|(bit, _)| bits & bit != 0).try_for_each(|(_, letter)| write!(f, "{letter}"))
}

fn tcp_flags(f: &mut Formatter<'_>, flags: BitsMatch) -> fmt::Result {
    const LETTERS: [(u16, char); 8] =
        [(0x01, 'F'), (0x02, 'S'), (0x04, 'R'), (0x08, 'P'), (0x10, 'A'), (0x20, 'U'), (0x40, 'E'), (0x80, 'C')];
    write!(f, "tcp.flags:{}", sign(flags.mode))?;
    if flags.bits == 0 {
        f.write_str("0")?;
    }
    letters(f, flags.bits, &LETTERS)?;
    if flags.ignored != 0 {
        f.write_str(",")?;
        letters(f, flags.ignored, &LETTERS)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Rule, parse_rule};
    use super::*;
    use crate::source::{MappedText, Sources};
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Rule, Vec<crate::source::Diagnostic>> {
        let mut sources = Sources::new();
        let file = sources.add("x.rules", text);
        parse_rule(&MappedText::verbatim(text, file, 0))
    }

    fn keywords(rule: &Rule) -> Vec<&Keyword> {
        rule.options.iter().map(|option| &option.keyword).collect()
    }

    #[test]
    fn a_rule_is_printed_in_its_canonical_form() {
        let rule = read(
            r#"drop  tcp [10.0.0.0/255.0.0.0, !10.1.1.1] :80 <> !$EXTERNAL_NET [1024:,!2000] ( flow: established , from_client; flags:S,12;content:!"a|20 3b|\"" ; nocase;depth: 0x10; isdataat:!1 , relative;sid: 5;)"#,
        )
        .unwrap();
        assert_eq!(
            rule.to_string(),
            r#"drop tcp [10.0.0.0/8,!10.1.1.1] 0:80 <> !$EXTERNAL_NET [1024:65535,!2000] (flow:to_server,established; tcp.flags:S,EC; content:!"a |3B 22|"; nocase; depth:16; isdataat:!1,relative; sid:5;)"#
        );
    }

    fn address() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("any".to_owned()),
            any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from(bits).to_string()),
            (any::<u32>(), 1u8..=32).prop_map(|(bits, len)| format!("{}/{len}", std::net::Ipv4Addr::from(bits))),
            (any::<u128>(), 1u8..=128).prop_map(|(bits, len)| format!("{}/{len}", std::net::Ipv6Addr::from(bits))),
            "[A-Z_]{1,8}".prop_map(|name| format!("${name}")),
        ];
        leaf.prop_recursive(3, 12, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(|items| format!("[{}]", items.join(","))),
                inner
                    .prop_filter("one sign is enough", |text| !text.starts_with('!'))
                    .prop_map(|text| format!("!{text}")),
            ]
        })
    }

    fn option() -> impl Strategy<Value = String> {
        let pattern = prop::collection::vec(any::<u8>(), 1..12).prop_map(|bytes| content_text(&bytes));
        let tail = prop::sample::select(vec![
            "",
            " nocase;",
            " startswith;",
            " offset:3; depth:40;",
            " endswith; within:60; distance:-4;",
        ]);
        prop_oneof![
            (pattern, tail, any::<bool>())
                .prop_map(|(text, tail, not)| format!("content:{}{text};{tail}", if not { "!" } else { "" })),
            "[ -~]{1,20}".prop_map(|text| format!("msg:{};", quoted_text(&text))),
            (0u8..200, 0u8..5).prop_map(|(n, kind)| match kind {
                0 => format!("ttl:>{n};"),
                1 => format!("dsize:!{n};"),
                2 => format!("itype:{n}<>{};", n + 5),
                3 => format!("fragoffset:<{n};"),
                _ => format!("ip_proto:!{n};"),
            }),
            prop::sample::select(vec![
                "flow:to_server,established;",
                "flow:not_established;",
                "flowbits:isset,a|b;",
                "flowint:count,+,1;",
                "xbits:set,x,track ip_pair,expire 9;",
                "hostbits:isset,x,dst;",
                "threshold:type both,track by_src,count 1,seconds 2;",
                "tls.sni; dotprefix; content:\".a\"; endswith;",
                "http.host; content:\"a\"; http.uri; bsize:>5;",
                "content:\"a\"; http_uri; nocase;",
                "pcre:!\"/^a\\/b;?c/Ui\";",
                "ssl_state:client_hello|!server_hello;",
                "app-layer-protocol:!http;",
                "stream_size:either,!=,5;",
                "byte_test:2,=,1,0;",
                "byte_test:4,!>,1,-4,relative,little,bitmask 0xff;",
                "byte_extract:2,0,len,string,hex; byte_jump:len,len,relative,align,post_offset -3;",
                "byte_math:bytes 2,offset 0,oper -,rvalue 1,result len,string oct; content:\"a\"; within:len;",
                "base64_decode:bytes 8,relative; base64_data; content:\"a\"; pkt_data;",
                "rpc:100000,*,3;",
                "fragbits:+MD;",
                "tos:!x10;",
                "xor:\"0dff\";",
                "noalert;",
                "metadata:a b, c d;",
                "reference:cve,2021-44228;",
            ])
            .prop_map(str::to_owned),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back_the_same(
            protocol in prop::sample::select(vec!["tcp", "udp", "ip", "tls", "http", "tcp-pkt", "dns"]),
            source in address(),
            destination in address(),
            options in prop::collection::vec(option(), 0..5),
        ) {
            let text = format!("alert {protocol} {source} [80,!81:90] -> {destination} any ({} sid:1;)", options.join(" "));
            if let Ok(rule) = read(&text) {
                let printed = rule.to_string();
                let again = read(&printed).map_err(|errors| TestCaseError::fail(format!("{printed}: {errors:?}")))?;
                prop_assert_eq!(keywords(&rule), keywords(&again), "{}", printed);
                prop_assert_eq!(again.to_string(), printed);
                prop_assert_eq!((rule.app_protocol, rule.direction), (again.app_protocol, again.direction));
            }
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}", rest in "[ -~]{0,80}") {
            let _ = read(&text);
            let _ = read(&format!("alert tcp any any -> any any ({rest}"));
            let _ = read(&format!("alert tcp {rest} any -> any {rest} (sid:1;)"));
        }
    }
}
