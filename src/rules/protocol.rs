//! Protocol words of the rule header.

macro_rules! protocols {
    ($($(#[$doc:meta])* $variant:ident $name:literal $(| $alias:literal)*,)+) => {
        /// The protocol of a rule header, as Suricata 7.0.10 knows them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Protocol {
            $($(#[$doc])* $variant,)+
        }

        impl Protocol {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word in a rule.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Finds a protocol by its word, lower case, or one of its other spellings.
            fn find(word: &str) -> Option<Self> {
                match word {
                    $($name $(| $alias)* => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

protocols! {
    /// TCP.
    Tcp "tcp",
    /// TCP, packets only: the rule does not look into the reassembled stream.
    TcpPkt "tcp-pkt",
    /// TCP, the reassembled stream only.
    TcpStream "tcp-stream",
    /// UDP.
    Udp "udp",
    /// ICMP and ICMPv6.
    Icmp "icmp",
    /// ICMP.
    Icmpv4 "icmpv4",
    /// ICMPv6.
    Icmpv6 "icmpv6",
    /// SCTP.
    Sctp "sctp",
    /// Anything.
    Ip "ip",
    /// Anything in IPv4.
    Ipv4 "ipv4" | "ip4",
    /// Anything in IPv6.
    Ipv6 "ipv6" | "ip6",
    /// Anything; used with `decode-event`.
    Pkthdr "pkthdr",
    /// HTTP/1 and HTTP/2.
    Http "http",
    /// HTTP/1.
    Http1 "http1",
    /// HTTP/2.
    Http2 "http2",
    /// FTP commands.
    Ftp "ftp",
    /// FTP data connections.
    FtpData "ftp-data",
    /// SMTP.
    Smtp "smtp",
    /// TLS and SSL.
    Tls "tls",
    /// SSH.
    Ssh "ssh",
    /// IMAP.
    Imap "imap",
    /// SMB.
    Smb "smb",
    /// DCE/RPC, over SMB too.
    Dcerpc "dcerpc",
    /// DNS.
    Dns "dns",
    /// NFS.
    Nfs "nfs",
    /// NTP.
    Ntp "ntp",
    /// TFTP.
    Tftp "tftp",
    /// IKE.
    Ike "ike" | "ikev2",
    /// Kerberos 5.
    Krb5 "krb5",
    /// QUIC.
    Quic "quic",
    /// DHCP.
    Dhcp "dhcp",
    /// SNMP.
    Snmp "snmp",
    /// SIP.
    Sip "sip",
    /// RFB (VNC).
    Rfb "rfb",
    /// MQTT.
    Mqtt "mqtt",
    /// Telnet.
    Telnet "telnet",
    /// RDP.
    Rdp "rdp",
    /// BitTorrent DHT.
    BittorrentDht "bittorrent-dht",
    /// LDAP.
    Ldap "ldap",
    /// Multicast DNS.
    Mdns "mdns",
    /// POP3.
    Pop3 "pop3",
    /// WebSocket.
    Websocket "websocket",
    /// DNS in HTTP/2.
    Doh2 "doh2",
}

impl Protocol {
    /// The protocol that a word names. Words of network and transport protocols may be written in any case, those of
    /// application protocols in lower case only.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(protocol) = Self::find(word) {
            return Some(protocol);
        }
        Self::find(&word.to_ascii_lowercase()).filter(|protocol| !protocol.is_app_layer())
    }

    /// The application protocol that a word names.
    pub fn parse_app_layer(word: &str) -> Option<Self> {
        Self::find(word).filter(|protocol| protocol.is_app_layer())
    }

    /// Whether protocol detection has to find it.
    pub fn is_app_layer(self) -> bool {
        self >= Self::Http
    }

    /// Whether it came with Suricata 8.0.
    pub(crate) fn is_later(self) -> bool {
        self >= Self::Ldap
    }

    /// Whether packets of this transport protocol (IANA number) can match; application protocols ask for what carries them.
    pub(crate) fn has_transport(self, number: u8) -> bool {
        match self {
            Self::Tcp | Self::TcpPkt | Self::TcpStream => number == 6,
            Self::Udp => number == 17,
            Self::Icmp => matches!(number, 1 | 58),
            Self::Icmpv4 => number == 1,
            Self::Icmpv6 => number == 58,
            Self::Sctp => number == 132,
            Self::Ip | Self::Ipv4 | Self::Ipv6 | Self::Pkthdr => true,
            Self::Dns | Self::Nfs | Self::Krb5 | Self::Sip | Self::Dcerpc | Self::Ldap => matches!(number, 6 | 17),
            Self::Ntp
            | Self::Tftp
            | Self::Ike
            | Self::Quic
            | Self::Dhcp
            | Self::Snmp
            | Self::BittorrentDht
            | Self::Mdns => number == 17,
            _ => number == 6,
        }
    }

    /// Whether a rule of this protocol also covers flows of `other`: `http` covers both versions, `dcerpc` SMB.
    pub fn covers(self, other: Self) -> bool {
        match self {
            Self::Http => matches!(other, Self::Http | Self::Http1 | Self::Http2),
            Self::Dcerpc => matches!(other, Self::Dcerpc | Self::Smb),
            Self::Doh2 => matches!(other, Self::Doh2 | Self::Http | Self::Http2 | Self::Dns),
            _ => self == other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lower_layers_may_be_written_in_capitals() {
        assert_eq!(Protocol::parse("TCP"), Some(Protocol::Tcp));
        assert_eq!(Protocol::parse("ip4"), Some(Protocol::Ipv4));
        assert_eq!(Protocol::parse("tls"), Some(Protocol::Tls));
        assert_eq!(Protocol::parse("TLS"), None);
        assert_eq!(Protocol::parse("ssl"), None);
    }

    #[test]
    fn every_name_leads_back_to_its_protocol() {
        for &protocol in Protocol::ALL {
            assert_eq!(Protocol::parse(protocol.as_str()), Some(protocol));
        }
    }
}
