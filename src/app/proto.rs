//! Names of application protocols, and what protocol detection and the stream engine must know of each.

use crate::verdict::Direction;

/// An application protocol that detection can find, under Suricata's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AppProto {
    /// Not known (yet).
    #[default]
    Unknown,
    /// Detection gave up.
    Failed,
    /// HTTP/1.
    Http1,
    /// TLS and SSL.
    Tls,
    /// DNS over UDP or TCP.
    Dns,
    /// FTP control connection.
    Ftp,
    /// FTP data connection, known from an expectation that the control connection left.
    FtpData,
    /// SMTP.
    Smtp,
    /// SSH.
    Ssh,
    /// IMAP: detected, never parsed.
    Imap,
    /// SMB 1 to 3.
    Smb,
    /// DCE/RPC over TCP or UDP.
    Dcerpc,
    /// NFS 2 to 4.
    Nfs,
    /// NTP.
    Ntp,
    /// TFTP.
    Tftp,
    /// IKE 1 and 2.
    Ike,
    /// Kerberos 5.
    Krb5,
    /// QUIC.
    Quic,
    /// DHCP.
    Dhcp,
    /// SNMP.
    Snmp,
    /// SIP.
    Sip,
    /// Remote framebuffer (VNC).
    Rfb,
    /// MQTT.
    Mqtt,
    /// Telnet.
    Telnet,
    /// Remote desktop.
    Rdp,
    /// HTTP/2.
    Http2,
    /// BitTorrent's distributed hash table.
    BittorrentDht,
    /// LDAP.
    Ldap,
    /// Multicast DNS.
    Mdns,
    /// POP3: detected, never parsed.
    Pop3,
    /// WebSocket, after HTTP/1 has given way to it.
    Websocket,
    /// DNS inside HTTP/2.
    Doh2,
}

impl AppProto {
    /// The name in EVE records and in `app-layer-protocol`; `None` when nothing is known.
    ///
    /// HTTP/1 is plain `http` there, although a rule header `http` means HTTP/2 as well.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::Unknown => return None,
            Self::Failed => "failed",
            Self::Http1 => "http",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Ftp => "ftp",
            Self::FtpData => "ftp-data",
            Self::Smtp => "smtp",
            Self::Ssh => "ssh",
            Self::Imap => "imap",
            Self::Smb => "smb",
            Self::Dcerpc => "dcerpc",
            Self::Nfs => "nfs",
            Self::Ntp => "ntp",
            Self::Tftp => "tftp",
            Self::Ike => "ike",
            Self::Krb5 => "krb5",
            Self::Quic => "quic",
            Self::Dhcp => "dhcp",
            Self::Snmp => "snmp",
            Self::Sip => "sip",
            Self::Rfb => "rfb",
            Self::Mqtt => "mqtt",
            Self::Telnet => "telnet",
            Self::Rdp => "rdp",
            Self::Http2 => "http2",
            Self::BittorrentDht => "bittorrent-dht",
            Self::Ldap => "ldap",
            Self::Mdns => "mdns",
            Self::Pop3 => "pop3",
            Self::Websocket => "websocket",
            Self::Doh2 => "doh2",
        })
    }

    /// The protocol of a name in rules.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|proto| proto.name() == Some(name))
    }

    /// All protocols that detection can find.
    const ALL: &[Self] = &[
        Self::Http1,
        Self::Tls,
        Self::Dns,
        Self::Ftp,
        Self::FtpData,
        Self::Smtp,
        Self::Ssh,
        Self::Imap,
        Self::Smb,
        Self::Dcerpc,
        Self::Nfs,
        Self::Ntp,
        Self::Tftp,
        Self::Ike,
        Self::Krb5,
        Self::Quic,
        Self::Dhcp,
        Self::Snmp,
        Self::Sip,
        Self::Rfb,
        Self::Mqtt,
        Self::Telnet,
        Self::Rdp,
        Self::Http2,
        Self::BittorrentDht,
        Self::Ldap,
        Self::Mdns,
        Self::Pop3,
        Self::Websocket,
        Self::Doh2,
    ];

    /// A protocol was found: neither unknown nor failed.
    pub fn is_valid(self) -> bool {
        !matches!(self, Self::Unknown | Self::Failed)
    }

    /// Its bit in the masks of excluded protocols.
    pub(super) fn bit(self) -> u64 {
        1 << (self as u32)
    }

    /// The only direction whose data may come first on TCP; `None` when either may.
    pub fn first_data_direction(self) -> Option<Direction> {
        (self == Self::Tls).then_some(Direction::ToServer)
    }

    /// The TCP parser goes on behind missing bytes; for every other one a gap is an error.
    pub fn accepts_gaps(self) -> bool {
        matches!(self, Self::Http1 | Self::Dns | Self::Dcerpc | Self::Smb | Self::Nfs | Self::Telnet | Self::Ldap)
    }

    /// There is a parser. Without one the application layer of a TCP flow is over once it is detected.
    pub fn has_parser(self) -> bool {
        self.is_valid() && !matches!(self, Self::Imap | Self::Pop3)
    }

    /// The TCP stream is parsed without a limit, whatever `stream.reassembly.depth` says.
    pub fn unlimited_depth(self) -> bool {
        self == Self::Smb
    }
}
