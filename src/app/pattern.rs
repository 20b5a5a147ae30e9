//! The patterns that identify a protocol by the first bytes of a direction.
//!
//! Every pattern sits at a fixed offset; Suricata registers each with a depth that leaves it no other place.

use super::probe::{Context, Probe, Prober};
use super::{AppConfig, AppProto};
use super::{dcerpc, smb, tls};
use crate::verdict::Direction;
use std::sync::LazyLock;

const TCP: u8 = 6;
const UDP: u8 = 17;

use Direction::{ToClient, ToServer};

/// Bytes at an offset, and a prober that must agree.
struct Pattern {
    ip_proto: u8,
    direction: Direction,
    proto: AppProto,
    offset: usize,
    bytes: &'static [u8],
    /// Further places behind the first.
    slack: usize,
    /// Case of ASCII letters does not count.
    nocase: bool,
    confirm: Option<Confirm>,
}

/// The prober that confirms a pattern, and the amount of data it wants.
struct Confirm {
    prober: Prober,
    min: usize,
}

/// What the patterns say about the data so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matched {
    /// A protocol; the data comes from the other side than the flow says.
    Found {
        /// The protocol.
        proto: AppProto,
        /// The flow's directions are swapped.
        reversed: bool,
    },
    /// More data may decide.
    Undecided,
    /// No amount of data will.
    Never,
}

const fn exact(direction: Direction, proto: AppProto, offset: usize, bytes: &'static [u8]) -> Pattern {
    Pattern { ip_proto: TCP, direction, proto, offset, bytes, slack: 0, nocase: false, confirm: None }
}

const fn nocase(direction: Direction, proto: AppProto, bytes: &'static [u8]) -> Pattern {
    Pattern { ip_proto: TCP, direction, proto, offset: 0, bytes, slack: 0, nocase: true, confirm: None }
}

const fn method(bytes: &'static [u8]) -> Pattern {
    nocase(ToServer, AppProto::Http1, bytes)
}

const fn smb_at_4(direction: Direction, bytes: &'static [u8], prober: Prober) -> Pattern {
    let confirm = Some(Confirm { prober, min: smb::MIN_RECORD_BYTES });
    Pattern { ip_proto: TCP, direction, proto: AppProto::Smb, offset: 4, bytes, slack: 0, nocase: false, confirm }
}

const fn confirmed(
    ip_proto: u8,
    direction: Direction,
    proto: AppProto,
    offset: usize,
    bytes: &'static [u8],
    prober: Prober,
) -> Pattern {
    Pattern {
        ip_proto,
        direction,
        proto,
        offset,
        bytes,
        slack: 0,
        nocase: false,
        confirm: Some(Confirm { prober, min: 0 }),
    }
}

/// Patterns that are always looked for, by protocol.
static PATTERNS: &[Pattern] = &[
    method(b"GET "),
    method(b"PUT "),
    method(b"POST "),
    method(b"HEAD "),
    method(b"TRACE "),
    method(b"OPTIONS "),
    method(b"CONNECT "),
    method(b"DELETE "),
    method(b"PATCH "),
    method(b"PROPFIND "),
    method(b"PROPPATCH "),
    method(b"MKCOL "),
    method(b"COPY "),
    method(b"MOVE "),
    method(b"LOCK "),
    method(b"UNLOCK "),
    method(b"CHECKOUT "),
    method(b"UNCHECKOUT "),
    method(b"CHECKIN "),
    method(b"UPDATE "),
    method(b"LABEL "),
    method(b"REPORT "),
    method(b"MKWORKSPACE "),
    method(b"MKACTIVITY "),
    method(b"MERGE "),
    method(b"INVALID "),
    method(b"VERSION-CONTROL "),
    method(b"BASELINE-CONTROL "),
    nocase(ToClient, AppProto::Http1, b"HTTP/0.9"),
    nocase(ToClient, AppProto::Http1, b"HTTP/1.0"),
    nocase(ToClient, AppProto::Http1, b"HTTP/1.1"),
    // SSLv2 hello, then SSLv2-style hellos and records of SSLv3 to TLSv1.2
    confirmed(TCP, ToServer, AppProto::Tls, 2, &[0x01, 0x00, 0x02], tls::probe),
    exact(ToServer, AppProto::Tls, 0, &[0x01, 0x03, 0x00]),
    exact(ToServer, AppProto::Tls, 0, &[0x16, 0x03, 0x00]),
    exact(ToServer, AppProto::Tls, 0, &[0x01, 0x03, 0x01]),
    exact(ToServer, AppProto::Tls, 0, &[0x16, 0x03, 0x01]),
    exact(ToServer, AppProto::Tls, 0, &[0x01, 0x03, 0x02]),
    exact(ToServer, AppProto::Tls, 0, &[0x16, 0x03, 0x02]),
    exact(ToServer, AppProto::Tls, 0, &[0x01, 0x03, 0x03]),
    exact(ToServer, AppProto::Tls, 0, &[0x16, 0x03, 0x03]),
    exact(ToClient, AppProto::Tls, 0, &[0x15, 0x03, 0x00]),
    exact(ToClient, AppProto::Tls, 0, &[0x16, 0x03, 0x00]),
    exact(ToClient, AppProto::Tls, 0, &[0x17, 0x03, 0x00]),
    exact(ToClient, AppProto::Tls, 0, &[0x15, 0x03, 0x01]),
    exact(ToClient, AppProto::Tls, 0, &[0x16, 0x03, 0x01]),
    exact(ToClient, AppProto::Tls, 0, &[0x17, 0x03, 0x01]),
    exact(ToClient, AppProto::Tls, 0, &[0x15, 0x03, 0x02]),
    exact(ToClient, AppProto::Tls, 0, &[0x16, 0x03, 0x02]),
    exact(ToClient, AppProto::Tls, 0, &[0x17, 0x03, 0x02]),
    exact(ToClient, AppProto::Tls, 0, &[0x15, 0x03, 0x03]),
    exact(ToClient, AppProto::Tls, 0, &[0x16, 0x03, 0x03]),
    exact(ToClient, AppProto::Tls, 0, &[0x17, 0x03, 0x03]),
    confirmed(TCP, ToServer, AppProto::Dcerpc, 0, &[0x05, 0x00], dcerpc::probe_tcp),
    confirmed(TCP, ToClient, AppProto::Dcerpc, 0, &[0x05, 0x00], dcerpc::probe_tcp),
    confirmed(UDP, ToServer, AppProto::Dcerpc, 0, &[0x04, 0x00], dcerpc::probe_udp),
    smb_at_4(ToServer, b"\xffSMB", smb::probe_record),
    smb_at_4(ToClient, b"\xffSMB", smb::probe_record),
    smb_at_4(ToServer, b"\xfeSMB", smb::probe_record),
    smb_at_4(ToClient, b"\xfeSMB", smb::probe_record),
    smb_at_4(ToServer, b"\xfdSMB", smb::probe_encrypted),
    smb_at_4(ToClient, b"\xfdSMB", smb::probe_encrypted),
    nocase(ToClient, AppProto::Ftp, b"220 ("),
    nocase(ToServer, AppProto::Ftp, b"FEAT"),
    nocase(ToServer, AppProto::Ftp, b"PASS "),
    nocase(ToServer, AppProto::Ftp, b"PORT "),
    nocase(ToServer, AppProto::Ssh, b"SSH-"),
    nocase(ToClient, AppProto::Ssh, b"SSH-"),
    nocase(ToServer, AppProto::Smtp, b"EHLO"),
    nocase(ToServer, AppProto::Smtp, b"HELO"),
    nocase(ToServer, AppProto::Smtp, b"QUIT"),
    nocase(ToServer, AppProto::Rfb, b"RFB "),
    nocase(ToClient, AppProto::Rfb, b"RFB "),
    nocase(ToServer, AppProto::Http2, b"PRI * HTTP/2.0\r\n"),
    Pattern {
        ip_proto: UDP,
        direction: ToServer,
        proto: AppProto::BittorrentDht,
        offset: 0,
        bytes: b"d1:ad2:id20:",
        slack: 0,
        nocase: false,
        confirm: None,
    },
    Pattern {
        ip_proto: UDP,
        direction: ToClient,
        proto: AppProto::BittorrentDht,
        offset: 0,
        bytes: b"d1:ad2:id20:",
        slack: 0,
        nocase: false,
        confirm: None,
    },
];

/// IMAP by one client's habit.
static IMAP_TAG_1: &[Pattern] = &[exact(ToServer, AppProto::Imap, 0, b"1 capability")];

/// IMAP by what servers begin with, and by a command behind a tag of up to six bytes.
static IMAP_GREETINGS: &[Pattern] = &[
    nocase(ToClient, AppProto::Imap, b"* OK "),
    nocase(ToClient, AppProto::Imap, b"* NO "),
    nocase(ToClient, AppProto::Imap, b"* BAD "),
    nocase(ToClient, AppProto::Imap, b"* LIST "),
    nocase(ToClient, AppProto::Imap, b"* ESEARCH "),
    nocase(ToClient, AppProto::Imap, b"* STATUS "),
    nocase(ToClient, AppProto::Imap, b"* FLAGS "),
    Pattern { slack: 6, ..nocase(ToServer, AppProto::Imap, b" CAPABILITY") },
];

static FTP_USER: &[Pattern] = &[nocase(ToServer, AppProto::Ftp, b"USER ")];

/// The same command begins POP3: the server's greeting decides.
static FTP_USER_UNLESS_POP3: &[Pattern] = &[confirmed(TCP, ToServer, AppProto::Ftp, 0, b"USER ", unless_pop3)];

fn unless_pop3(context: Context, _: &[u8]) -> Probe {
    if context.other == AppProto::Pop3 { Probe::Failed } else { Probe::MATCH }
}

const fn sip(ip_proto: u8, bytes: &'static [u8]) -> Pattern {
    Pattern { ip_proto, ..exact(ToServer, AppProto::Sip, 0, bytes) }
}

const fn sip_status(ip_proto: u8) -> Pattern {
    Pattern { ip_proto, slack: 1, ..exact(ToClient, AppProto::Sip, 0, b"SIP/2.0") }
}

/// A method that HTTP has as well is SIP's if that is named anywhere.
fn names_sip(_: Context, data: &[u8]) -> Probe {
    if memchr::memmem::find(data, b"SIP/").is_some() { Probe::MATCH } else { Probe::Unknown }
}

/// SIP by the method of a request or the version of a response.
static SIP_WORDS: &[Pattern] = &[
    sip(UDP, b"REGISTER"),
    sip(UDP, b"INVITE"),
    sip(UDP, b"ACK"),
    sip(UDP, b"BYE"),
    sip(UDP, b"CANCEL"),
    sip(UDP, b"REFER"),
    sip(UDP, b"PRACK"),
    sip(UDP, b"SUBSCRIBE"),
    sip(UDP, b"NOTIFY"),
    sip(UDP, b"PUBLISH"),
    sip(UDP, b"MESSAGE"),
    sip(UDP, b"INFO"),
    confirmed(UDP, ToServer, AppProto::Sip, 0, b"OPTIONS", names_sip),
    confirmed(UDP, ToServer, AppProto::Sip, 0, b"UPDATE", names_sip),
    sip_status(UDP),
    sip(TCP, b"REGISTER"),
    sip(TCP, b"INVITE"),
    sip(TCP, b"ACK"),
    sip(TCP, b"BYE"),
    sip(TCP, b"CANCEL"),
    sip(TCP, b"REFER"),
    sip(TCP, b"PRACK"),
    sip(TCP, b"SUBSCRIBE"),
    sip(TCP, b"NOTIFY"),
    sip(TCP, b"PUBLISH"),
    sip(TCP, b"MESSAGE"),
    sip(TCP, b"INFO"),
    confirmed(TCP, ToServer, AppProto::Sip, 0, b"OPTIONS", names_sip),
    confirmed(TCP, ToServer, AppProto::Sip, 0, b"UPDATE", names_sip),
    sip_status(TCP),
];

/// Whether patterns are looked for.
type When = fn(AppConfig) -> bool;

/// Patterns that are looked for together, in this order, and when they are.
static GROUPS: &[(When, &[Pattern])] = &[
    // SIP comes before HTTP, which shares some of its methods
    (|config| config.sip_by_first_word, SIP_WORDS),
    (|_| true, PATTERNS),
    (|config| config.imap_by_greeting, IMAP_GREETINGS),
    (|config| !config.imap_by_greeting, IMAP_TAG_1),
    (|config| config.known_by_banner, FTP_USER_UNLESS_POP3),
    (|config| !config.known_by_banner, FTP_USER),
];

/// The patterns of a protocol and direction, as many as a [`u128`] has bits, found by their first byte.
struct Table {
    patterns: Vec<(When, &'static Pattern)>,
    /// Those that may be where data begins with a byte.
    by_first: [u128; 256],
    /// Those that need not be where data begins.
    elsewhere: u128,
}

/// By protocol (TCP, UDP) and direction.
static TABLES: LazyLock<[Table; 4]> = LazyLock::new(|| {
    [(TCP, ToServer), (TCP, ToClient), (UDP, ToServer), (UDP, ToClient)].map(|(proto, side)| Table::new(proto, side))
});

impl Table {
    fn new(ip_proto: u8, side: Direction) -> Self {
        let mut table = Self { patterns: Vec::new(), by_first: [0; 256], elsewhere: 0 };
        for (when, patterns) in GROUPS {
            for pattern in patterns.iter().filter(|p| p.ip_proto == ip_proto && p.direction == side) {
                let bit = 1 << table.patterns.len();
                table.patterns.push((*when, pattern));
                let Some(&first) = pattern.bytes.first().filter(|_| pattern.offset + pattern.slack == 0) else {
                    table.elsewhere |= bit;
                    continue;
                };
                let other = if !pattern.nocase {
                    first
                } else if first.is_ascii_uppercase() {
                    first.to_ascii_lowercase()
                } else {
                    first.to_ascii_uppercase()
                };
                for (byte, patterns) in (0..=u8::MAX).zip(&mut table.by_first) {
                    *patterns |= if byte == first || byte == other { bit } else { 0 };
                }
            }
        }
        table
    }

    fn of(ip_proto: u8, side: Direction) -> Option<&'static Self> {
        TABLES.get(2 * usize::from(ip_proto != TCP) + side.index())
    }

    /// Those that the first two bytes leave: the second is where Suricata's matcher looks one byte too far.
    fn candidates(&self, config: AppConfig, data: &[u8]) -> impl Iterator<Item = &'static Pattern> {
        let of = |byte: Option<&u8>| byte.and_then(|byte| self.by_first.get(usize::from(*byte))).copied().unwrap_or(0);
        let mut left = self.elsewhere | of(data.first()) | of(data.get(1));
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            self.patterns.get(at)
        })
        .filter(move |(when, pattern)| when(config) && !config.undetected.holds(pattern.proto, pattern.ip_proto))
        .map(|(_, pattern)| *pattern)
    }
}

/// Bytes after which no pattern of a direction can match any more: the end of its longest one.
fn depth(config: AppConfig, ip_proto: u8, direction: Direction) -> usize {
    match (ip_proto, direction) {
        (TCP, ToServer) => 17,
        (TCP, ToClient) if config.imap_by_greeting => 10,
        (TCP, ToClient) => 8,
        _ => 12,
    }
}

/// Bytes after which no prober of a pattern is asked again.
fn confirm_depth(ip_proto: u8) -> usize {
    if ip_proto == TCP { smb::MIN_RECORD_BYTES } else { 0 }
}

impl Pattern {
    fn is_at(&self, offset: usize, data: &[u8]) -> bool {
        let Some(place) = data.get(offset..).and_then(|rest| rest.get(..self.bytes.len())) else { return false };
        if !self.nocase {
            return place == self.bytes;
        }
        let (Some((place_end, place)), Some((end, bytes))) = (place.split_last(), self.bytes.split_last()) else {
            return false;
        };
        // An HTTP method may be followed by a tab as well as by a space.
        let tab = self.proto == AppProto::Http1 && *end == b' ' && *place_end == b'\t';
        (tab || place_end.eq_ignore_ascii_case(end)) && place.eq_ignore_ascii_case(bytes)
    }
}

/// Compares the data of a direction with the patterns of `side`, which is that direction unless the flow is midstream.
pub(super) fn search(context: Context, side: Direction, data: &[u8]) -> Matched {
    let ip_proto = context.flow.ip_proto;
    let depth = depth(context.config, ip_proto, side);
    let searched = data.get(..depth).unwrap_or(data);
    let mut seen = false;
    let candidates = Table::of(ip_proto, side).map(|table| table.candidates(context.config, data));
    for pattern in candidates.into_iter().flatten() {
        let last = pattern.offset + pattern.slack;
        if !(pattern.offset..=last).any(|offset| pattern.is_at(offset, data)) {
            // Suricata's matcher looks one byte too far. Such a find is no match, but it puts the end off.
            seen |= pattern.is_at(last + 1, searched);
            continue;
        }
        seen = true;
        let Some(confirm) = &pattern.confirm else {
            return Matched::Found { proto: pattern.proto, reversed: side != context.direction };
        };
        if data.len() < confirm.min {
            continue;
        }
        if let Probe::Match { sender } = (confirm.prober)(context, data) {
            let reversed = sender.is_some_and(|sender| sender != context.direction);
            return Matched::Found { proto: pattern.proto, reversed };
        }
    }
    let enough = if seen { confirm_depth(ip_proto) } else { depth };
    if data.len() >= enough { Matched::Never } else { Matched::Undecided }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::FlowKeyView;

    fn found(direction: Direction, data: &[u8]) -> Matched {
        let flow = FlowKeyView { ip_proto: TCP, client_port: 40000, server_port: 80 };
        found_with(AppConfig::default(), flow, direction, data)
    }

    fn found_with(config: AppConfig, flow: FlowKeyView, direction: Direction, data: &[u8]) -> Matched {
        let context = Context { flow, direction, midstream: false, config, other: AppProto::Unknown };
        search(context, direction, data)
    }

    #[test]
    fn the_depths_are_those_of_the_longest_patterns() {
        let later = AppConfig { imap_by_greeting: true, sip_by_first_word: true, ..AppConfig::default() };
        for config in [AppConfig::default(), later] {
            for (ip_proto, direction) in [(TCP, ToServer), (TCP, ToClient), (UDP, ToServer), (UDP, ToClient)] {
                let of_side = &Table::of(ip_proto, direction).unwrap().patterns;
                let in_use = of_side.iter().filter(|(when, _)| when(config));
                let longest = in_use.map(|(_, p)| p.offset + p.slack + p.bytes.len()).max();
                assert_eq!(longest, Some(depth(config, ip_proto, direction)));
            }
        }
    }

    #[test]
    fn a_number_has_a_bit_for_every_pattern() {
        assert!(TABLES.iter().all(|table| table.patterns.len() <= 128));
    }

    #[test]
    fn imap_is_known_by_its_greeting_if_so_set() {
        let flow = FlowKeyView { ip_proto: TCP, client_port: 40000, server_port: 143 };
        let imap = Matched::Found { proto: AppProto::Imap, reversed: false };
        let config = AppConfig { imap_by_greeting: true, ..AppConfig::default() };
        assert_eq!(found_with(config, flow, ToClient, b"* ok ready\r\n"), imap);
        assert_eq!(found_with(config, flow, ToServer, b"a00001 capability\r\n"), imap);
        assert_eq!(found_with(config, flow, ToServer, b"a000001 capability\r\n"), Matched::Never);
        assert_eq!(found(ToClient, b"* ok ready\r\n"), Matched::Never);
        assert_eq!(found(ToServer, b"1 capability\r\n"), imap);
    }

    #[test]
    fn sip_is_known_by_its_first_word_if_so_set() {
        let flow = FlowKeyView { ip_proto: UDP, client_port: 40000, server_port: 9 };
        let sip = Matched::Found { proto: AppProto::Sip, reversed: false };
        let config = AppConfig { sip_by_first_word: true, ..AppConfig::default() };
        assert_eq!(found_with(config, flow, ToServer, b"INFO x"), sip);
        assert_eq!(found_with(config, flow, ToClient, b" SIP/2.0 200 OK"), sip);
        assert_eq!(found_with(AppConfig::default(), flow, ToServer, b"INFO x y z u v w"), Matched::Never);
    }

    #[test]
    fn methods_match_in_any_case_and_before_a_tab() {
        let http = Matched::Found { proto: AppProto::Http1, reversed: false };
        assert_eq!(found(ToServer, b"get / HTTP/1.1"), http);
        assert_eq!(found(ToServer, b"GET\t/ HTTP/1.1"), http);
        assert_eq!(found(ToServer, b"GETS / HTTP/1.1"), Matched::Undecided);
        assert_eq!(found(ToServer, b"GETS / HTTP/1.1\r\n"), Matched::Never);
    }

    #[test]
    fn a_pattern_of_the_other_direction_does_not_count() {
        assert_eq!(found(ToServer, b"HTTP/1.1 200 OK\r\n"), Matched::Never);
    }
}
