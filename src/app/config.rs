//! What protocol detection and the parsers can be set to.

use super::{AppProto, BodyLimits};

/// How the application layer behaves where engine versions differ. Each field says what it chooses; the profiles in
/// `detect` put them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppConfig {
    /// IMAP is known by the server's greeting and by `CAPABILITY` behind any short tag; otherwise by `1 capability` alone.
    pub imap_by_greeting: bool,
    /// SIP is known by its first word, at any port and over TCP too; otherwise by a whole header at UDP ports 5060 and 5061.
    pub sip_by_first_word: bool,
    /// FTP and SMTP are known by the server's `220` at ports 21, 25 and 465 before the client has spoken, and FTP by `USER` in
    /// capitals only.
    pub known_by_banner: bool,
    /// LDAP, mDNS and POP3 are detected at their ports.
    pub directory_and_mail: bool,
    /// A datagram is DCE/RPC only as the first fragment of a request that is there as a whole, and once it has begun like
    /// one, DNS is not asked.
    pub dcerpc_whole_datagram: bool,
    /// Fewer than four bytes may still become SNMP.
    pub snmp_waits: bool,
    /// A registration at the client's port keeps probing open although no prober is asked because of it.
    pub client_port_holds_probing: bool,
    /// After a protocol change the prober of the announced protocol is asked, whatever the port; otherwise that of the port.
    pub announced_is_probed: bool,
    /// Each side of a TLS handshake has a progress of its own, which its hello advances, a fatal alert ends both, and an alert
    /// of one byte is an error; otherwise both sides share one progress.
    pub tls_progress_by_side: bool,
    /// A NUL byte is part of a server name of TLS; otherwise it ends the name.
    pub sni_keeps_nul: bool,
    /// The host of an HTTP/1 request is made lower case although a port follows it.
    pub http_host_lower_before_port: bool,
    /// A normalised URI without a byte, as of `CONNECT`, is no buffer.
    pub http_uri_empty_is_none: bool,
    /// Rules see what comes of a compressed body of HTTP/1 with each packet; otherwise when 8 KiB of it are there, or all.
    pub http_decoded_at_once: bool,
    /// A `CONNECT` that is granted counts as complete in both directions at once; otherwise its request never does.
    pub connect_completes_request: bool,
    /// HTTP/1 gives way to WebSocket where client and server agree on it.
    pub websocket_after_upgrade: bool,
    /// When an SMTP connection has been closed, nothing of its transactions is left to inspect, unless the parser has failed.
    pub smtp_leaves_nothing: bool,
    /// SMTP servers may answer with the codes 511 to 543 of RFC 5248 and its like; otherwise these end parsing.
    pub smtp_more_replies: bool,
    /// Rules look at headers of an HTTP/2 request as soon as its stream is open; otherwise once it may have a body.
    pub http2_request_seen_at_open: bool,
    /// HTTP/1 is read as Suricata's own libhtp in Rust reads it; otherwise as libhtp 0.5.
    pub http_by_libhtp_rs: bool,
    /// Of HTTP/2, the code of GOAWAY is read behind the stream's number, settings 8 and 9 are known, and DATA of no stream is
    /// no body; otherwise the number is taken for the code, the settings end what is read, and it is one.
    pub http2_by_the_rfc: bool,
    /// A header of HTTP/2 without a name has an empty one; otherwise no name behind it is seen.
    pub http2_empty_names: bool,
    /// A connection of HTTP/2 that carries a DNS message is [`AppProto::Doh2`] from then on.
    pub dns_over_http2: bool,
    /// DNS messages are read as a whole, additional records and what a client sends behind its questions included; otherwise
    /// the questions of a query, and the answers and authorities of an answer.
    pub dns_whole_messages: bool,
    /// How much of HTTP bodies rules see.
    pub bodies: BodyLimits,
    /// Protocols that are not detected. Suricata: `app-layer.protocols.PROTOCOL.enabled: no`.
    pub undetected: ProtoSet,
    /// Protocols that are not parsed, the undetected ones among them. Suricata: `enabled: detection-only`.
    pub unparsed: ProtoSet,
    /// Ports at which protocols are looked for, where they are not the usual ones.
    pub ports: DetectionPorts,
    /// What rules look at. Compilation says so.
    pub keep: Keep,
}

/// Protocols, apart for TCP and UDP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtoSet {
    tcp: u64,
    udp: u64,
}

impl ProtoSet {
    /// Puts a protocol in, or takes it out; `ip_proto`: 6 or 17.
    pub fn set(&mut self, proto: AppProto, ip_proto: u8, is_in: bool) {
        let bits = if ip_proto == TCP { &mut self.tcp } else { &mut self.udp };
        if is_in {
            *bits |= proto.bit();
        } else {
            *bits &= !proto.bit();
        }
    }

    /// The protocol is in it.
    pub fn holds(&self, proto: AppProto, ip_proto: u8) -> bool {
        let bits = if ip_proto == TCP { self.tcp } else { self.udp };
        bits & proto.bit() != 0
    }
}

const TCP: u8 = 6;

/// Ports at which a few protocols are looked for in place of the usual ones. Suricata:
/// `app-layer.protocols.PROTOCOL.detection-ports.dp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DetectionPorts([Option<(AppProto, u8, PortRanges)>; 4]);

impl DetectionPorts {
    /// Sets the ports of a protocol over TCP (6) or UDP (17); `false`: those of four have been set already.
    pub fn set(&mut self, proto: AppProto, ip_proto: u8, ports: PortRanges) -> bool {
        let is_its = |slot: &Option<(AppProto, u8, PortRanges)>| {
            slot.is_none_or(|(known, known_ip, _)| (known, known_ip) == (proto, ip_proto))
        };
        let slot = self.0.iter_mut().find(|slot| is_its(slot));
        let found = slot.is_some();
        if let Some(slot) = slot {
            *slot = Some((proto, ip_proto, ports));
        }
        found
    }

    /// The ports of a protocol; `None`: the usual ones.
    pub fn of(&self, proto: AppProto, ip_proto: u8) -> Option<PortRanges> {
        let mut set = self.0.iter().flatten();
        set.find(|(known, known_ip, _)| (*known, *known_ip) == (proto, ip_proto)).map(|(_, _, ports)| *ports)
    }
}

/// Up to four ranges of ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortRanges([Option<(u16, u16)>; 4]);

impl PortRanges {
    /// The ranges, first and last port of each; `None` when there are more than four.
    pub fn new(ranges: &[(u16, u16)]) -> Option<Self> {
        let mut kept = Self::default();
        if ranges.len() > kept.0.len() {
            return None;
        }
        for (slot, range) in kept.0.iter_mut().zip(ranges) {
            *slot = Some(*range);
        }
        Some(kept)
    }

    /// The ranges, first and last port of each.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        self.0.iter().flatten().copied()
    }

    /// A port is in one of them.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().flatten().any(|(first, last)| (*first..=*last).contains(&port))
    }
}

/// What parsers keep or work out only when rules look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Certificates of TLS and what they say.
    pub certificates: bool,
    /// JA3 and JA3S of TLS. Suricata: `ja3-fingerprints: auto`.
    pub ja3: bool,
    /// JA4 of TLS. Suricata: `ja4-fingerprints: auto`.
    pub ja4: bool,
    /// HASSH of SSH, for which a key exchange message is waited for as a whole. Suricata: `ssh.hassh: auto`.
    pub hassh: bool,
    /// Bodies of HTTP, up to 100 KiB of each in HTTP/1.
    pub bodies: bool,
}

impl std::ops::BitOrAssign for Keep {
    fn bitor_assign(&mut self, other: Self) {
        self.certificates |= other.certificates;
        self.ja3 |= other.ja3;
        self.ja4 |= other.ja4;
        self.hassh |= other.hassh;
        self.bodies |= other.bodies;
    }
}
