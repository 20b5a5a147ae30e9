//! Keywords on fields of the IP, TCP and ICMP headers.

use super::ip_protocols::IP_PROTOCOLS;
use super::value::{c_number, is_blank};
use super::{Argument, Compare, Effect, Family, Keyword, KeywordDef, Parse, Value};
use crate::packet::Checksummed;
use crate::rules::near::near_matches;
use crate::source::Diagnostic;

/// How `ip_proto` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpProtoMatch {
    /// The protocol.
    Is,
    /// `!`
    Not,
    /// `<`
    Below,
    /// `>`
    Above,
}

/// `ip_proto`. Several in a rule must all hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpProto {
    /// How.
    pub compare: IpProtoMatch,
    /// IANA number.
    pub number: u8,
}

/// How header bits are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagsMode {
    /// Exactly these.
    Exactly,
    /// `+`: these, others may be set.
    All,
    /// `*`: any of these.
    Any,
    /// `!`: not all of these.
    Not,
}

/// A test of header bits: the bits under `!ignored` are compared with `bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitsMatch {
    /// How.
    pub mode: FlagsMode,
    /// The bits.
    pub bits: u16,
    /// Bits that do not count (`flags:S,12`).
    pub ignored: u16,
}

impl BitsMatch {
    /// Whether `bits` of a header pass.
    pub fn matches(self, bits: u16) -> bool {
        if self.bits == 0 && bits != 0 {
            return self.mode == FlagsMode::Not;
        }
        let bits = bits & !self.ignored;
        match self.mode {
            FlagsMode::Exactly => bits == self.bits,
            FlagsMode::All => bits & self.bits == self.bits,
            FlagsMode::Any => bits & self.bits != 0,
            FlagsMode::Not => bits & self.bits != self.bits,
        }
    }
}

type Read = fn(&Value<'_>) -> Result<Keyword, Diagnostic>;

const fn def(
    name: &'static str,
    aliases: &'static [&'static str],
    argument: Argument,
    parse: Read,
    doc: &'static str,
) -> KeywordDef {
    KeywordDef {
        name,
        aliases,
        family: Family::Header,
        argument,
        parse: Parse::Keyword(parse),
        effect: Effect::PacketOnly,
        doc,
    }
}

pub(super) const DEFS: &[KeywordDef] = &[
    def("ip_proto", &[], Argument::MAY_QUOTE, ip_proto, "tests the IP protocol, by name or number; only in `ip` rules"),
    def("ttl", &[], Argument::PLAIN, |value| Ok(Keyword::Ttl(value.compare()?)), "tests the time to live"),
    def("itype", &[], Argument::PLAIN, |value| Ok(Keyword::Itype(value.compare()?)), "tests the ICMP type"),
    def("icode", &[], Argument::PLAIN, |value| Ok(Keyword::Icode(value.compare()?)), "tests the ICMP code"),
    def("icmp_id", &[], Argument::PLAIN, |value| Ok(Keyword::IcmpId(value.number()?)), "tests the ICMP identifier"),
    KeywordDef {
        effect: Effect::Packet,
        ..def(
            "icmp_seq",
            &[],
            Argument::PLAIN,
            |value| Ok(Keyword::IcmpSeq(value.number()?)),
            "tests the ICMP sequence number",
        )
    },
    def("tcp.flags", &["flags"], Argument::PLAIN, flags, "tests the TCP flags"),
    def("fragbits", &[], Argument::PLAIN, fragbits, "tests the IPv4 fragmentation bits"),
    def("fragoffset", &[], Argument::PLAIN, fragoffset, "tests the IPv4 fragment offset, in units of 8 bytes"),
    def("ipopts", &[], Argument::PLAIN, ipopts, "tests for an IPv4 option"),
    def("dsize", &[], Argument::PLAIN, |value| Ok(Keyword::Dsize(value.compare()?)), "tests the length of the payload"),
    def("tos", &[], Argument::NOT_MAY_QUOTE, tos, "tests the IPv4 type of service"),
    def("id", &[], Argument::PLAIN, |value| Ok(Keyword::Id(value.number()?)), "tests the IPv4 identification"),
    def("sameip", &[], Argument::NONE, |_| Ok(Keyword::Sameip), "source and destination address are the same"),
    def(
        "tcp.seq",
        &["seq"],
        Argument::PLAIN,
        |value| Ok(Keyword::Seq(u32_number(value)?)),
        "tests the TCP sequence number",
    ),
    def(
        "tcp.ack",
        &["ack"],
        Argument::PLAIN,
        |value| Ok(Keyword::Ack(u32_number(value)?)),
        "tests the TCP acknowledgement number",
    ),
    def("tcp.window", &["window"], Argument::PLAIN, window, "tests the TCP window"),
    def(
        "tcp.mss",
        &[],
        Argument::PLAIN,
        |value| Ok(Keyword::TcpMss(value.compare()?)),
        "tests the TCP maximum segment size",
    ),
    def("icmpv6.mtu", &[], Argument::PLAIN, |value| Ok(Keyword::Icmpv6Mtu(value.compare()?)), "tests the ICMPv6 MTU"),
    KeywordDef {
        effect: Effect::Nothing,
        ..def("l3_proto", &[], Argument::PLAIN, l3_proto, "tests whether it is IPv4 or IPv6")
    },
    checksum("ipv4-csum", |value| is_valid(value, Checksummed::Ipv4), "tests whether the IPv4 checksum is right"),
    checksum(
        "tcpv4-csum",
        |value| is_valid(value, Checksummed::TcpV4),
        "tests whether the TCP checksum over IPv4 is right",
    ),
    checksum(
        "tcpv6-csum",
        |value| is_valid(value, Checksummed::TcpV6),
        "tests whether the TCP checksum over IPv6 is right",
    ),
    checksum(
        "udpv4-csum",
        |value| is_valid(value, Checksummed::UdpV4),
        "tests whether the UDP checksum over IPv4 is right",
    ),
    checksum(
        "udpv6-csum",
        |value| is_valid(value, Checksummed::UdpV6),
        "tests whether the UDP checksum over IPv6 is right",
    ),
    checksum("icmpv4-csum", |value| is_valid(value, Checksummed::IcmpV4), "tests whether the ICMPv4 checksum is right"),
    checksum("icmpv6-csum", |value| is_valid(value, Checksummed::IcmpV6), "tests whether the ICMPv6 checksum is right"),
];

const fn checksum(name: &'static str, parse: Read, doc: &'static str) -> KeywordDef {
    KeywordDef { effect: Effect::Packet, ..def(name, &[], Argument::PLAIN, parse, doc) }
}

fn is_valid(value: &Value<'_>, of: Checksummed) -> Result<Keyword, Diagnostic> {
    let valid = value.text.eq_ignore_ascii_case("valid");
    if !valid && !value.text.eq_ignore_ascii_case("invalid") {
        return Err(value.invalid(format!("`{}` is neither `valid` nor `invalid`", value.text)));
    }
    Ok(Keyword::Checksum { of, valid })
}

fn l3_proto(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    match value.text.to_ascii_lowercase().as_str() {
        "ipv4" | "ip4" => Ok(Keyword::L3Proto(4)),
        "ipv6" | "ip6" => Ok(Keyword::L3Proto(6)),
        _ => Err(value.invalid(format!("`{}` is neither `ipv4` nor `ipv6`", value.text))),
    }
}

fn u32_number(value: &Value<'_>) -> Result<u32, Diagnostic> {
    c_number(value.text, 10)
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| value.invalid(format!("`{}` is not a number up to {}", value.text, u32::MAX)))
}

fn ip_proto(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let (compare, rest) = match value.text.split_at_checked(1) {
        Some(("!", rest)) => (IpProtoMatch::Not, rest),
        Some(("<", rest)) => (IpProtoMatch::Below, rest),
        Some((">", rest)) => (IpProtoMatch::Above, rest),
        _ => (IpProtoMatch::Is, value.text),
    };
    let name = rest.trim_matches(is_blank);
    let number = if name.starts_with(|c: char| c.is_ascii_digit()) {
        value.number_in(name)?
    } else if let Some(&(_, number)) = IP_PROTOCOLS.iter().find(|(known, _)| *known == name) {
        number
    } else {
        let error = value.invalid_at(name, format!("`{name}` is not the name of an IP protocol"));
        return Err(match near_matches(name, IP_PROTOCOLS.iter().map(|&(known, _)| known)) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error.help("numbers can be used too"),
        });
    };
    Ok(Keyword::IpProto(IpProto { compare, number }))
}

fn mode(sign: u8) -> Option<FlagsMode> {
    match sign {
        b'+' => Some(FlagsMode::All),
        b'*' => Some(FlagsMode::Any),
        b'!' => Some(FlagsMode::Not),
        _ => None,
    }
}

/// Bit of byte 13 of the TCP header.
fn tcp_flag(letter: u8) -> Option<u16> {
    match letter {
        b'F' => Some(0x01),
        b'S' => Some(0x02),
        b'R' => Some(0x04),
        b'P' => Some(0x08),
        b'A' => Some(0x10),
        b'U' => Some(0x20),
        b'E' | b'2' => Some(0x40),
        b'C' | b'1' => Some(0x80),
        _ => None,
    }
}

fn flags(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const HELP: &str =
        "flags are F, S, R, P, A, U, E (or 2), C (or 1), 0 for none; `+` these and others, `*` any, `!` not";
    let (set, mask) = match value.text.split_once(',') {
        Some((set, mask)) => (set, Some(mask.trim_matches(is_blank))),
        None => (value.text, None),
    };
    let set = set.trim_matches(is_blank);
    let mut found = false;
    let mut bits = 0;
    let mut sign = None;
    for letter in set.bytes().filter(|&letter| letter != b' ') {
        if let Some(bit) = tcp_flag(letter) {
            bits |= bit;
            found = true;
        } else if letter == b'0' {
            bits = 0;
            found = true;
        } else if let Some(mode) = mode(letter) {
            if sign.replace(mode).is_some() {
                return Err(value.invalid_at(set, "only one of `+`, `*` and `!` can be used").help(HELP));
            }
        } else {
            return Err(value
                .invalid_at(set, format!("`{}` is no TCP flag", (letter as char).escape_default()))
                .help(HELP));
        }
    }
    if !found {
        return Err(value.invalid("there is no flag in it").help(HELP));
    }
    let mut ignored = 0;
    if let Some(mask) = mask {
        for letter in mask.bytes() {
            match tcp_flag(letter) {
                Some(bit) => ignored |= bit,
                None => {
                    return Err(value
                        .invalid_at(mask, "behind the comma stand only flags that do not count")
                        .help(HELP));
                }
            }
        }
        if mask.is_empty() {
            return Err(value.invalid("no flag behind the comma").help(HELP));
        }
    }
    Ok(Keyword::TcpFlags(BitsMatch { mode: sign.unwrap_or(FlagsMode::Exactly), bits, ignored }))
}

fn fragbits(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let sign = value.text.bytes().next().and_then(mode);
    let letters = if sign.is_some() { value.text.get(1..).unwrap_or("") } else { value.text };
    let letters = letters.trim_matches(is_blank);
    let end = letters.bytes().position(|letter| !matches!(letter, b'M' | b'D' | b'R')).unwrap_or(letters.len());
    let bits = letters.bytes().take(end).fold(0, |bits, letter| {
        bits | match letter {
            b'R' => 0x8000,
            b'D' => 0x4000,
            _ => 0x2000,
        }
    });
    if bits == 0 {
        return Err(value.invalid(
            "it is one or more of M (more fragments), D (don't fragment) and R (reserved), after `+`, `*` or `!`",
        ));
    }
    value.warn_rest(letters, end);
    Ok(Keyword::Fragbits(BitsMatch { mode: sign.unwrap_or(FlagsMode::Exactly), bits, ignored: 0 }))
}

fn fragoffset(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let (make, rest): (fn(u16) -> Compare<u16>, &str) = match value.text.split_at_checked(1) {
        Some(("<", rest)) => (Compare::Lt, rest),
        Some((">", rest)) => (Compare::Gt, rest),
        _ => (Compare::Eq, value.text),
    };
    let digits = rest.trim_matches(is_blank);
    let end = digits.bytes().position(|digit| !digit.is_ascii_digit()).unwrap_or(digits.len());
    let number = value.number_in(digits.get(..end).unwrap_or(""))?;
    value.warn_rest(digits, end);
    Ok(Keyword::Fragoffset(make(number)))
}

fn ipopts(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    const NAMES: [&str; 10] = ["rr", "lsrr", "eol", "nop", "ts", "sec", "esec", "ssrr", "satid", "any"];
    match NAMES.into_iter().find(|name| name.eq_ignore_ascii_case(value.text)) {
        Some(name) => Ok(Keyword::Ipopts(name)),
        None => Err(value.invalid(format!("`{}` is none of {}", value.text, NAMES.join(", ")))),
    }
}

fn tos(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let text = value.text.trim_matches(is_blank);
    let number = match text.strip_prefix(['x', 'X']) {
        Some(hex) if (1..=2).contains(&hex.len()) => u8::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.len() <= 3 => text.parse().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit())),
        None => None,
    };
    match number {
        Some(number) => Ok(Keyword::Tos { negated: value.negated, value: number }),
        None => {
            Err(value.invalid(format!("`{text}` is not a number from 0 to 255")).help("hexadecimal is written `x1f`"))
        }
    }
}

fn window(value: &Value<'_>) -> Result<Keyword, Diagnostic> {
    let (negated, rest) = match value.text.strip_prefix('!') {
        Some(rest) => (true, rest),
        None => (false, value.text),
    };
    Ok(Keyword::Window { negated, value: value.number_in(rest.trim_matches(is_blank))? })
}

#[cfg(test)]
mod tests {
    use super::super::test_value;
    use super::*;

    fn read_flags(text: &str) -> Option<BitsMatch> {
        match test_value("tcp.flags", text, |value| flags(value).ok()) {
            Some(Keyword::TcpFlags(bits)) => Some(bits),
            _ => None,
        }
    }

    #[test]
    fn tcp_flags_have_a_mode_and_a_mask() {
        assert_eq!(read_flags("S,12"), Some(BitsMatch { mode: FlagsMode::Exactly, bits: 2, ignored: 0xc0 }));
        assert_eq!(read_flags("+SA"), Some(BitsMatch { mode: FlagsMode::All, bits: 0x12, ignored: 0 }));
        assert_eq!(read_flags("SA*"), Some(BitsMatch { mode: FlagsMode::Any, bits: 0x12, ignored: 0 }));
        assert_eq!(read_flags("0"), Some(BitsMatch { mode: FlagsMode::Exactly, bits: 0, ignored: 0 }));
        for text in ["", "+", "+!S", "X", "s", "S,", "S,0"] {
            assert_eq!(read_flags(text), None, "{text}");
        }
    }

    #[test]
    fn ip_protocols_have_names_and_numbers() {
        let read = |text| test_value("ip_proto", text, |value| ip_proto(value).ok());
        assert_eq!(read("!tcp"), Some(Keyword::IpProto(IpProto { compare: IpProtoMatch::Not, number: 6 })));
        assert_eq!(read("UDP"), Some(Keyword::IpProto(IpProto { compare: IpProtoMatch::Is, number: 17 })));
        assert_eq!(read("> 50"), Some(Keyword::IpProto(IpProto { compare: IpProtoMatch::Above, number: 50 })));
        assert_eq!(read("256"), None);
        assert_eq!(read("Tcp"), None);
    }

    #[test]
    fn type_of_service_may_be_hexadecimal() {
        let read = |text| test_value("tos", text, |value| tos(value).ok());
        assert_eq!(read("x1f"), Some(Keyword::Tos { negated: false, value: 31 }));
        assert_eq!(read("255"), Some(Keyword::Tos { negated: false, value: 255 }));
        assert_eq!(read("256"), None);
    }
}
