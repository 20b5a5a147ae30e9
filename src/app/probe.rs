//! Probers: functions that look at the first bytes of a direction because of the ports of the flow.

use super::{AppConfig, AppProto, FlowKeyView, PortRanges};
use super::{banner, dhcp, dns, http2, ike, krb5, ldap, mqtt, nfs, ntp, pop3, quic};
use super::{rdp, sip, smb, snmp, telnet, tftp, tls, websocket};
use crate::verdict::Direction;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// What a prober may know beside the data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context {
    /// Ports and protocol of the flow.
    pub(super) flow: FlowKeyView,
    /// The direction of the data in the flow.
    pub(super) direction: Direction,
    /// The flow was picked up without its handshake.
    pub(super) midstream: bool,
    /// How detection behaves.
    pub(super) config: AppConfig,
    /// What the other direction was found to speak.
    pub(super) other: AppProto,
}

/// A prober's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    /// It is the protocol; `sender` is said when the data shows which side sends it.
    Match {
        /// The direction that such data has.
        sender: Option<Direction>,
    },
    /// More data may tell.
    Unknown,
    /// It is not.
    Failed,
}

impl Probe {
    /// It is the protocol, from either side.
    pub(super) const MATCH: Self = Self::Match { sender: None };
}

/// Looks at all data of a direction so far.
pub(super) type Prober = fn(Context, &[u8]) -> Probe;

/// A protocol registered at server ports.
pub(super) struct Registration {
    ip_proto: u8,
    ports: &'static [u16],
    pub(super) proto: AppProto,
    to_server: Option<Prober>,
    to_client: Option<Prober>,
    /// The prober is not called with less.
    min: usize,
    /// Having seen more without a match excludes the protocol.
    max: usize,
}

/// One prober for both directions.
const fn both(ip_proto: u8, ports: &'static [u16], proto: AppProto, max: usize, prober: Prober) -> Registration {
    Registration { ip_proto, ports, proto, to_server: Some(prober), to_client: Some(prober), min: 0, max }
}

/// In the order of registration, which is the order of asking where a port has several.
static REGISTRATIONS: &[Registration] = &[
    Registration {
        ip_proto: TCP,
        ports: &[443],
        proto: AppProto::Tls,
        to_server: Some(tls::probe),
        to_client: None,
        min: 0,
        max: 3,
    },
    both(TCP, &[139, 445], AppProto::Smb, smb::MIN_RECORD_BYTES, smb::probe_port),
    both(UDP, &[53], AppProto::Dns, 12, dns::probe_udp),
    both(TCP, &[53], AppProto::Dns, 14, dns::probe_tcp),
    both(TCP, &[2049], AppProto::Nfs, nfs::MIN_RECORD_BYTES, nfs::probe_tcp),
    both(UDP, &[2049], AppProto::Nfs, nfs::MIN_RECORD_BYTES, nfs::probe_udp),
    both(UDP, &[123], AppProto::Ntp, 16, ntp::probe),
    both(UDP, &[69], AppProto::Tftp, tftp::MIN_FRAME_BYTES, tftp::probe),
    both(UDP, &[500], AppProto::Ike, 16, ike::probe),
    both(UDP, &[88], AppProto::Krb5, 16, krb5::probe_udp),
    both(TCP, &[88], AppProto::Krb5, 16, krb5::probe_tcp),
    both(UDP, &[67, 68], AppProto::Dhcp, 16, dhcp::probe),
    both(UDP, &[161, 162], AppProto::Snmp, 16, snmp::probe),
    both(UDP, &[443, 80], AppProto::Quic, 16, quic::probe),
    both(TCP, &[1883], AppProto::Mqtt, 16, mqtt::probe),
    both(TCP, &[3389], AppProto::Rdp, 16, rdp::probe),
    Registration {
        ip_proto: TCP,
        ports: &[80],
        proto: AppProto::Http2,
        to_server: None,
        to_client: Some(http2::probe),
        min: 9,
        max: 24,
    },
    both(TCP, &[23], AppProto::Telnet, 16, telnet::probe),
];

/// SIP where it is not known by its first word.
static SIP: &[Registration] = &[both(UDP, &[5060, 5061], AppProto::Sip, 16, sip::probe)];

/// Servers that introduce themselves.
static BANNERS: &[Registration] = &[
    banner_of_server(&[21], AppProto::Ftp, banner::probe_ftp),
    banner_of_server(&[25, 465], AppProto::Smtp, banner::probe_smtp),
];

const fn banner_of_server(ports: &'static [u16], proto: AppProto, prober: Prober) -> Registration {
    Registration { ip_proto: TCP, ports, proto, to_server: None, to_client: Some(prober), min: 0, max: 5 }
}

/// LDAP, multicast DNS and POP3.
static DIRECTORY_AND_MAIL: &[Registration] = &[
    both(TCP, &[389, 3268], AppProto::Ldap, 16, ldap::probe),
    both(UDP, &[389, 3268], AppProto::Ldap, 16, ldap::probe),
    both(UDP, &[5353], AppProto::Mdns, 12, dns::probe_mdns),
    Registration {
        ip_proto: TCP,
        ports: &[110],
        proto: AppProto::Pop3,
        to_server: Some(pop3::probe_client),
        to_client: Some(pop3::probe_server),
        min: 0,
        max: 16,
    },
];

/// WebSocket has no port: its prober is asked when HTTP/1 gives way to it.
static WEBSOCKET: &[Registration] = &[both(TCP, &[], AppProto::Websocket, 16, websocket::probe)];

/// All registrations there are.
fn registrations(config: AppConfig) -> impl Iterator<Item = &'static Registration> {
    let chosen = |table: &'static [Registration], chosen: bool| if chosen { table } else { &[] };
    REGISTRATIONS
        .iter()
        .chain(chosen(SIP, !config.sip_by_first_word))
        .chain(chosen(BANNERS, config.known_by_banner))
        .chain(chosen(DIRECTORY_AND_MAIL, config.directory_and_mail))
        .chain(chosen(WEBSOCKET, config.websocket_after_upgrade))
        .filter(move |registration| !config.undetected.holds(registration.proto, registration.ip_proto))
}

/// The registrations of a port.
pub(super) fn of_port(config: AppConfig, ip_proto: u8, port: u16) -> impl Iterator<Item = &'static Registration> {
    let is_at_port = move |registration: &&Registration| match config.ports.of(registration.proto, ip_proto) {
        Some(ports) => ports.contains(port),
        None => registration.ports.contains(&port),
    };
    registrations(config).filter(move |registration| registration.ip_proto == ip_proto).filter(is_at_port)
}

/// The registration of a protocol.
pub(super) fn of_proto(
    config: AppConfig,
    ip_proto: u8,
    proto: AppProto,
) -> impl Iterator<Item = &'static Registration> {
    registrations(config).filter(move |registration| registration.ip_proto == ip_proto && registration.proto == proto)
}

/// The ports at which a protocol is looked for unless they are set; `None`: it is not looked for by port.
pub(crate) fn usual_ports(proto: AppProto, ip_proto: u8) -> Option<PortRanges> {
    let config = AppConfig { directory_and_mail: true, known_by_banner: true, ..AppConfig::default() };
    let ports: Vec<(u16, u16)> = of_proto(config, ip_proto, proto)
        .flat_map(|registration| registration.ports)
        .map(|port| (*port, *port))
        .collect();
    PortRanges::new(&ports).filter(|_| !ports.is_empty())
}

/// Bits of the protocols registered at a port; `None` when there are none.
pub(super) fn mask_of_port(config: AppConfig, ip_proto: u8, port: u16) -> Option<u64> {
    of_port(config, ip_proto, port).map(|registration| registration.proto.bit()).reduce(|mask, bit| mask | bit)
}

/// Asks probers one after the other and notes in `excluded` those that will not match any more.
pub(super) fn run(
    registrations: impl Iterator<Item = &'static Registration>,
    context: Context,
    data: &[u8],
    excluded: &mut u64,
) -> Option<(AppProto, Option<Direction>)> {
    for registration in registrations {
        if data.len() < registration.min || *excluded & registration.proto.bit() != 0 {
            continue;
        }
        let prober = match context.direction {
            Direction::ToServer => registration.to_server,
            Direction::ToClient => registration.to_client,
        };
        let answer = prober.map_or(Probe::Unknown, |prober| prober(context, data));
        if let Probe::Match { sender } = answer {
            return Some((registration.proto, sender));
        }
        if answer == Probe::Failed || data.len() > registration.max {
            *excluded |= registration.proto.bit();
        }
    }
    None
}
