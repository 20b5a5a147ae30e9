//! What of the stream engine can be set, under the names of `suricata.yaml`.

use crate::packet::{HostOs, HostPolicies, TcpHeader};

/// What happens to TCP traffic that begins without a handshake. Suricata: `stream.midstream-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExceptionPolicy {
    /// Go on without a session (`ignore`). AWS: `CONTINUE`.
    #[default]
    Ignore,
    /// Drop this packet and the flow (`drop-flow`). AWS: `DROP`.
    DropFlow,
    /// Drop this packet only (`drop-packet`).
    DropPacket,
    /// Answer with a reset, and drop the flow (`reject`). AWS: `REJECT`.
    Reject,
    /// Pass the flow uninspected (`pass-flow`).
    PassFlow,
    /// Pass the flow and do not follow it any more (`bypass`).
    Bypass,
    /// Pass this packet uninspected (`pass-packet`).
    PassPacket,
}

/// How urgent data is treated. Suricata: `stream.reassembly.urgent.policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UrgentPolicy {
    /// As ordinary data.
    #[default]
    Inline,
    /// The urgent byte is no part of the stream.
    Oob,
    /// Packets with the URG flag are dropped.
    Drop,
    /// The urgent byte is missing from the stream.
    Gap,
}

/// How the receiving host's TCP decides in doubtful cases. Suricata: `host-os-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OsPolicy {
    /// Suricata's built-in default, also for `bsd-right`, `macos`, `hpux10` and `irix` where only resets and timestamps are
    /// concerned.
    #[default]
    Bsd,
    /// `linux`.
    Linux,
    /// `old-linux`.
    OldLinux,
    /// `solaris`, `old-solaris`.
    Solaris,
    /// `hpux11`.
    Hpux11,
    /// `windows`.
    Windows,
    /// `windows2k3`.
    Windows2k3,
    /// `vista`.
    Vista,
}

impl OsPolicy {
    /// The policy that Suricata takes for an operating system.
    pub fn of_host_os(os: HostOs) -> Self {
        match os {
            HostOs::Bsd | HostOs::BsdRight | HostOs::Hpux10 | HostOs::Irix | HostOs::Macos => Self::Bsd,
            HostOs::OldLinux => Self::OldLinux,
            HostOs::Linux => Self::Linux,
            HostOs::OldSolaris | HostOs::Solaris => Self::Solaris,
            HostOs::Hpux11 => Self::Hpux11,
            HostOs::Windows => Self::Windows,
            HostOs::Vista => Self::Vista,
            HostOs::Windows2k3 => Self::Windows2k3,
        }
    }
}

/// Settings of the stream engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamConfig {
    /// Pick up connections without their handshake. Default: no.
    pub midstream: bool,
    /// What to do with connections without a handshake.
    pub midstream_policy: ExceptionPolicy,
    /// Expect to see one side of connections only. Default: no.
    pub async_oneside: bool,
    /// Drop packets that no TCP state accepts. Default: yes.
    pub drop_invalid: bool,
    /// Ignore segments with a wrong checksum. Default: no, since captures taken on the sender often hold wrong ones.
    pub checksum_validation: bool,
    /// How far into each direction to reassemble, in bytes; 0 = no limit. Default 1 MiB.
    pub depth: u32,
    /// Urgent data.
    pub urgent_policy: UrgentPolicy,
    /// What happens to urgent data after 65535 out-of-band bytes.
    pub urgent_oob_limit_policy: UrgentPolicy,
    /// What destinations run: Linux for IPv4, BSD (Suricata's own default) for IPv6.
    pub hosts: HostPolicies,
    /// Bytes of stream that `content` without a buffer looks at together with a packet: to the server, to the client.
    pub chunk_bytes: [u32; 2],
    /// How many different SYN packets of a connection are remembered.
    pub syn_queued_max: u8,
    /// How many different SYN/ACK packets of a connection are remembered.
    pub synack_queued_max: u8,
    /// Several SYN packets of a connection are told apart by sequence number and time stamp, the newest gives the connection
    /// its sequence number, the oldest is forgotten when there are too many, and a SYN/ACK may answer any of them; otherwise
    /// they are told apart by time stamp alone, and the first one's sequence number stays.
    pub syns_by_sequence: bool,
    /// A SYN with Fast Open data counts as a packet of an established connection and its SYN/ACK as one of the handshake;
    /// otherwise it is the SYN/ACK that establishes.
    pub fast_open_at_syn: bool,
    /// The packet at which a connection is picked up counts as one of an established connection.
    pub pickup_is_established: bool,
    /// Let a timestamp be one behind the last.
    pub liberal_timestamps: bool,
    /// What happens when an application layer parser fails. Suricata: `app-layer.error-policy`.
    pub app_error_policy: ExceptionPolicy,
}

impl StreamConfig {
    /// Suricata's defaults in IPS mode with what AWS documents; what is not known is as in Suricata's example configuration.
    pub fn network_firewall() -> Self {
        Self {
            midstream: false,
            midstream_policy: ExceptionPolicy::DropFlow,
            async_oneside: false,
            drop_invalid: true,
            checksum_validation: false,
            depth: 1 << 20,
            urgent_policy: UrgentPolicy::Inline,
            urgent_oob_limit_policy: UrgentPolicy::Drop,
            hosts: HostPolicies::linux(),
            chunk_bytes: [2560, 2560],
            syn_queued_max: 10,
            synack_queued_max: 5,
            syns_by_sequence: false,
            fast_open_at_syn: false,
            pickup_is_established: false,
            liberal_timestamps: true,
            app_error_policy: ExceptionPolicy::Ignore,
        }
    }

    /// Whether a session may start without a SYN: it must be asked for, and the policy must not condemn or divert the packet.
    pub(crate) fn picks_up_midstream(&self) -> bool {
        self.midstream && self.midstream_policy_allows_pickup()
    }

    /// The sequence number that stands for the first byte of a packet's data.
    pub(crate) fn first_byte(&self, tcp: &TcpHeader) -> u32 {
        tcp.seq.wrapping_add(u32::from(self.fast_open_at_syn && tcp.options.fast_open.is_some()))
    }

    /// The policy leaves the packet to the stream engine.
    pub(crate) fn midstream_policy_allows_pickup(&self) -> bool {
        matches!(self.midstream_policy, ExceptionPolicy::Ignore | ExceptionPolicy::PassFlow)
    }
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self::network_firewall()
    }
}
