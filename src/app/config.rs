//! What protocol detection and the parsers can be set to.

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
    /// What rules look at. Compilation says so.
    pub keep: Keep,
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
