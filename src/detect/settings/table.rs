//! What can be set: one row a key. `docs/settings.md` shows the table to users.

use super::super::EngineProfile;
use super::Refused;
use super::value;
use crate::app::AppProto;
use crate::packet::HostOs;
use crate::stream::ExceptionPolicy;
use crate::verdict::RuleAction;
use ipnet::IpNet;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A setting.
#[derive(Debug)]
pub struct Row {
    /// The key; `*` stands for a name.
    pub key: &'static str,
    /// What values there are, for people.
    pub values: &'static str,
    /// Suricata's value where a configuration says nothing; empty where nothing is what it means.
    pub built_in: &'static str,
    /// What it does, for people.
    pub what: &'static str,
    pub(super) apply: Apply,
}

/// Sets a value in a profile; the names are those that stand in the place of `*`.
type Apply = fn(&mut EngineProfile, &[&str], &str) -> Result<(), Refused>;

impl Row {
    /// The names in a key that is meant by this row.
    pub(super) fn names_in<'k>(&self, key: &'k str) -> Option<Vec<&'k str>> {
        let mut names = Vec::new();
        let mut parts = key.split('.');
        for wanted in self.key.split('.') {
            let part = parts.next()?;
            if wanted == "*" {
                names.push(part);
            } else if wanted != part {
                return None;
            }
        }
        parts.next().is_none().then_some(names)
    }
}

/// The row of a key.
pub(super) fn find(key: &str) -> Option<(&'static Row, Vec<&str>)> {
    TABLE.iter().find_map(|row| Some((row, row.names_in(key)?)))
}

const YES_NO: &str = "yes, no";
const BYTES: &str = "bytes";
const SECONDS: &str = "seconds";
const PORTS: &str = "ports";
const POLICY: &str = "auto, ignore, drop-flow, drop-packet, reject, pass-flow, pass-packet, bypass";
const URGENT: &str = "inline, oob, drop, gap";

const fn row(key: &'static str, values: &'static str, built_in: &'static str, what: &'static str, apply: Apply) -> Row {
    Row { key, values, built_in, what, apply }
}

/// A row whose value goes into one field as it is read.
macro_rules! field {
    ($key:literal, $values:expr, $built_in:literal, $what:literal, $read:expr => $($field:ident).+ $([$at:literal])?) => {
        row($key, $values, $built_in, $what, |profile, _, text| {
            profile.$($field).+ $([$at])? = ($read)(text)?;
            Ok(())
        })
    };
}

/// The ports of a tunnel over UDP.
macro_rules! tunnel_ports {
    ($key:literal, $built_in:literal, $name:literal, $field:ident) => {
        row($key, PORTS, $built_in, concat!("UDP ports at which ", $name, " is looked for"), |profile, _, text| {
            profile.decode.$field = tunnel_ports(text)?;
            Ok(())
        })
    };
}

/// Whether a tunnel is looked for; a row behind that of its ports.
macro_rules! tunnel {
    ($key:literal, $name:literal, $field:ident) => {
        row($key, YES_NO, "yes", concat!("look for ", $name), |profile, _, text| {
            if !value::bool(text)? {
                profile.decode.$field.clear();
            }
            Ok(())
        })
    };
}

fn seconds(text: &str) -> Result<u32, Refused> {
    value::number(text, 0..=u64::from(u32::MAX))
}

/// All settings, in the order in which they are applied.
pub static TABLE: &[Row] = &[
    row(
        "packet-alert-max",
        "1 to 255",
        "15",
        "rules that can report on one packet; further ones still act",
        |profile, _, text| {
            // as in Suricata, other numbers mean the usual one
            let number = value::number::<usize>(text, 0..=u64::from(u32::MAX))?;
            profile.packet_alert_max = if (1..=255).contains(&number) { number } else { 15 };
            Ok(())
        },
    ),
    row(
        "detect.inspection-recursion-limit",
        "number",
        "3000",
        "how often a rule's tests may be tried on a buffer; 0: without end",
        |profile, _, text| {
            let limit = value::number(text, 0..=i32::MAX as u64)?;
            profile.tries_max = if limit == 0 { u32::MAX } else { limit };
            Ok(())
        },
    ),
    field!("pcre.match-limit", "number", "3500", "steps of a search with the flag `O` of `pcre`; then there is no match",
        |text| value::number(text, 0..=u64::from(u32::MAX)) => pcre_limits.steps),
    field!("pcre.match-limit-recursion", "number", "1500", "depth of such a search",
        |text| value::number(text, 0..=u64::from(u32::MAX)) => pcre_limits.depth),
    row(
        "action-order.*",
        "pass, drop, reject, alert",
        "",
        "which actions' rules come first in action order: all four, from .0 on",
        |profile, names, text| {
            let place = names.first().and_then(|name| name.parse::<usize>().ok());
            let action = match text {
                "pass" => RuleAction::Pass,
                "drop" => RuleAction::Drop,
                "reject" => RuleAction::Reject,
                "alert" => RuleAction::Alert,
                _ => return Err(Refused::Value("it is pass, drop, reject or alert".to_owned())),
            };
            let place = place.and_then(|place| profile.action_order.get_mut(place));
            *place.ok_or_else(|| Refused::Value("there are four, from action-order.0 on".to_owned()))? = action;
            Ok(())
        },
    ),
    row("exception-policy", POLICY, "", "what the policies below do that are not set; in a file only", |_, _, text| {
        value::exception_policy(text).map(|_| ()).map_err(Refused::Value)
    }),
    field!("stream.midstream", YES_NO, "no", "pick up TCP connections without their handshake",
        value::bool => stream.midstream),
    row(
        "stream.midstream-policy",
        "auto, ignore, drop-flow, reject, pass-flow, bypass",
        "",
        "what happens to TCP packets without a handshake",
        |profile, _, text| {
            profile.stream.midstream_policy = match policy(text)? {
                ExceptionPolicy::DropPacket | ExceptionPolicy::PassPacket => {
                    return Err(Refused::Value("the policy can only concern the flow".to_owned()));
                }
                policy => policy,
            };
            Ok(())
        },
    ),
    field!("stream.async-oneside", YES_NO, "no", "expect to see one side of TCP connections only",
        value::bool => stream.async_oneside),
    field!("stream.drop-invalid", YES_NO, "yes", "drop packets that no state of their TCP connection accepts",
        value::bool => stream.drop_invalid),
    row(
        "stream.checksum-validation",
        YES_NO,
        "yes",
        "leave TCP packets with wrong checksums alone",
        |profile, _, text| {
            let validate = value::bool(text)?;
            profile.stream.checksum_validation = validate;
            Ok(())
        },
    ),
    field!("stream.max-syn-queued", "0 to 255", "10", "different SYN packets of a connection that are remembered",
        |text| value::number(text, 0..=255) => stream.syn_queued_max),
    field!("stream.max-synack-queued", "0 to 255", "5", "different SYN/ACK packets of a connection that are remembered",
        |text| value::number(text, 0..=255) => stream.synack_queued_max),
    field!("stream.liberal-timestamps", YES_NO, "yes", "let a TCP time stamp be one behind the last",
        value::bool => stream.liberal_timestamps),
    field!("stream.reassembly.depth", BYTES, "0", "how far into each direction to look; 0: all of it",
        value::bytes => stream.depth),
    row(
        "stream.reassembly.toserver-chunk-size",
        BYTES,
        "2560",
        "bytes to the server looked at with a packet",
        |profile, _, text| {
            let [to_server, _] = &mut profile.stream.chunk_bytes;
            *to_server = value::bytes(text)?;
            Ok(())
        },
    ),
    row(
        "stream.reassembly.toclient-chunk-size",
        BYTES,
        "2560",
        "bytes to the client looked at with a packet",
        |profile, _, text| {
            let [_, to_client] = &mut profile.stream.chunk_bytes;
            *to_client = value::bytes(text)?;
            Ok(())
        },
    ),
    field!("stream.reassembly.urgent.policy", URGENT, "inline", "what urgent data is", 
        value::urgent_policy => stream.urgent_policy),
    field!("stream.reassembly.urgent.oob-limit-policy", "inline, drop, gap", "drop",
        "what urgent data is behind 65535 out-of-band bytes", value::urgent_policy => stream.urgent_oob_limit_policy),
    row(
        "host-os-policy.*.*",
        "address, network",
        "",
        "hosts that run an operating system: host-os-policy.linux.0",
        |profile, names, text| host_os(profile, names.first().copied().unwrap_or_default(), text),
    ),
    row(
        "flow-timeouts.default.new",
        SECONDS,
        "30",
        "idle time of flows of one direction; not TCP, UDP, ICMP",
        |profile, _, text| {
            let [new, _] = &mut profile.timeouts.other;
            *new = seconds(text)?;
            Ok(())
        },
    ),
    row(
        "flow-timeouts.default.established",
        SECONDS,
        "300",
        "idle time of flows of both directions",
        |profile, _, text| {
            let [_, established] = &mut profile.timeouts.other;
            *established = seconds(text)?;
            Ok(())
        },
    ),
    row(
        "flow-timeouts.tcp.new",
        SECONDS,
        "30",
        "idle time of TCP connections before the end of the handshake",
        |profile, _, text| {
            let [new, _, _] = &mut profile.timeouts.tcp;
            *new = seconds(text)?;
            Ok(())
        },
    ),
    row("flow-timeouts.tcp.established", SECONDS, "300", "idle time of TCP connections", |profile, _, text| {
        let [_, established, _] = &mut profile.timeouts.tcp;
        *established = seconds(text)?;
        Ok(())
    }),
    row(
        "flow-timeouts.tcp.closed",
        SECONDS,
        "10",
        "how long TCP connections that are over are remembered",
        |profile, _, text| {
            let [_, _, closed] = &mut profile.timeouts.tcp;
            *closed = seconds(text)?;
            Ok(())
        },
    ),
    row("flow-timeouts.udp.new", SECONDS, "30", "idle time of UDP flows of one direction", |profile, _, text| {
        let [new, _] = &mut profile.timeouts.udp;
        *new = seconds(text)?;
        Ok(())
    }),
    row(
        "flow-timeouts.udp.established",
        SECONDS,
        "300",
        "idle time of UDP flows of both directions",
        |profile, _, text| {
            let [_, established] = &mut profile.timeouts.udp;
            *established = seconds(text)?;
            Ok(())
        },
    ),
    row("flow-timeouts.icmp.new", SECONDS, "30", "idle time of ICMP flows of one direction", |profile, _, text| {
        let [new, _] = &mut profile.timeouts.icmp;
        *new = seconds(text)?;
        Ok(())
    }),
    row(
        "flow-timeouts.icmp.established",
        SECONDS,
        "300",
        "idle time of ICMP flows of both directions",
        |profile, _, text| {
            let [_, established] = &mut profile.timeouts.icmp;
            *established = seconds(text)?;
            Ok(())
        },
    ),
    field!("vlan.use-for-tracking", YES_NO, "yes", "VLAN tags tell flows and datagrams apart",
        value::bool => decode.vlan_tracking),
    field!("decoder.max-layers", "1 to 255", "16", "protocol layers of one frame, tunnels included",
        |text| value::number(text, 1..=255) => decode.max_layers),
    tunnel_ports!("decoder.teredo.ports", "3544", "Teredo", teredo_ports),
    tunnel!("decoder.teredo.enabled", "Teredo", teredo_ports),
    tunnel_ports!("decoder.vxlan.ports", "4789", "VXLAN", vxlan_ports),
    tunnel!("decoder.vxlan.enabled", "VXLAN", vxlan_ports),
    tunnel_ports!("decoder.geneve.ports", "6081", "GENEVE", geneve_ports),
    tunnel!("decoder.geneve.enabled", "GENEVE", geneve_ports),
    field!("defrag.memcap", BYTES, "16mb", "bound on datagrams that wait for fragments, counted as Suricata does",
        value::bytes => defrag.memcap_bytes),
    field!("defrag.max-frags", "1 to 4294967295", "65535", "fragments kept at a time",
        |text| value::number(text, 1..=u64::from(u32::MAX)) => defrag.max_frags),
    field!("defrag.timeout", "1 to 3600", "60", "seconds that a datagram waits for its next fragment",
        |text| value::number(text, 1..=3600) => defrag.timeout_secs),
    row("host.memcap", BYTES, "16mb", "bound on hosts with bits and counts of rules", |profile, _, text| {
        profile.memory.hosts = entries(value::bytes(text)?, 136);
        Ok(())
    }),
    row("ippair.memcap", BYTES, "16mb", "bound on pairs of hosts with bits and counts of rules", |profile, _, text| {
        profile.memory.pairs = entries(value::bytes(text)?, 152);
        Ok(())
    }),
    row(
        "app-layer.error-policy",
        POLICY,
        "",
        "what happens when the parser of a protocol fails",
        |profile, _, text| {
            profile.stream.app_error_policy = policy(text)?;
            Ok(())
        },
    ),
    row(
        "app-layer.protocols.*.enabled",
        "yes, no, detection-only",
        "",
        "whether a protocol is detected and parsed",
        |profile, names, text| {
            let name = names.first().copied().unwrap_or_default();
            enabled(profile, name, TCP, text).and_then(|()| enabled(profile, name, UDP, text))
        },
    ),
    row(
        "app-layer.protocols.*.tcp.enabled",
        "yes, no, detection-only",
        "",
        "the same over TCP",
        |profile, names, text| enabled(profile, names.first().copied().unwrap_or_default(), TCP, text),
    ),
    row(
        "app-layer.protocols.*.udp.enabled",
        "yes, no, detection-only",
        "",
        "the same over UDP",
        |profile, names, text| enabled(profile, names.first().copied().unwrap_or_default(), UDP, text),
    ),
    row(
        "app-layer.protocols.*.detection-ports.dp",
        PORTS,
        "",
        "server ports at which a protocol is looked for",
        |profile, names, text| {
            let name = names.first().copied().unwrap_or_default();
            detection_ports(profile, name, TCP, text).and_then(|()| detection_ports(profile, name, UDP, text))
        },
    ),
    row("app-layer.protocols.*.tcp.detection-ports.dp", PORTS, "", "the same over TCP", |profile, names, text| {
        detection_ports(profile, names.first().copied().unwrap_or_default(), TCP, text)
    }),
    row("app-layer.protocols.*.udp.detection-ports.dp", PORTS, "", "the same over UDP", |profile, names, text| {
        detection_ports(profile, names.first().copied().unwrap_or_default(), UDP, text)
    }),
    field!("app-layer.protocols.http.libhtp.default-config.request-body-limit", BYTES, "4096",
        "what is kept of the body of a request; 0: all of it", value::bytes => app.bodies.request.bytes),
    field!("app-layer.protocols.http.libhtp.default-config.response-body-limit", BYTES, "4096",
        "what is kept of the body of a response; 0: all of it", value::bytes => app.bodies.response.bytes),
    field!("app-layer.protocols.http.libhtp.default-config.request-body-minimal-inspect-size", BYTES, "32kb",
        "up to this size rules see all of the body of a request", value::bytes => app.bodies.request.sizes.min),
    field!("app-layer.protocols.http.libhtp.default-config.request-body-inspect-window", BYTES, "4kb",
        "what of a longer one rules see beside what is new", value::bytes => app.bodies.request.sizes.window),
    field!("app-layer.protocols.http.libhtp.default-config.response-body-minimal-inspect-size", BYTES, "32kb",
        "up to this size rules see all of the body of a response", value::bytes => app.bodies.response.sizes.min),
    field!("app-layer.protocols.http.libhtp.default-config.response-body-inspect-window", BYTES, "4kb",
        "what of a longer one rules see beside what is new", value::bytes => app.bodies.response.sizes.window),
    field!("app-layer.protocols.http.libhtp.default-config.response-body-decompress-layer-limit", "0 to 255", "2",
        "codings of a response that are undone; 0: all", |text| value::number(text, 0..=255) => app.bodies.layers),
];

fn policy(text: &str) -> Result<ExceptionPolicy, Refused> {
    let policy = value::exception_policy(text).map_err(Refused::Value)?;
    Ok(policy.unwrap_or(ExceptionPolicy::DropFlow))
}

fn tunnel_ports<A: smallvec::Array<Item = u16>>(text: &str) -> Result<smallvec::SmallVec<A>, Refused> {
    // Suricata takes four
    let ports = value::ports(text)?;
    if ports.len() > 4 || ports.iter().any(|(first, last)| first != last) {
        return Err(Refused::Value("it is a list of up to four ports".to_owned()));
    }
    Ok(ports.iter().map(|(port, _)| *port).collect())
}

/// How many entries of a size have room beside Suricata's table of 256 KiB.
fn entries(memcap: usize, bytes: usize) -> usize {
    memcap.saturating_sub(256 * 1024) / bytes
}

fn host_os(profile: &mut EngineProfile, name: &str, text: &str) -> Result<(), Refused> {
    let os = HostOs::by_name(name).ok_or_else(|| {
        let names = HostOs::NAMES.map(|(name, _)| name).join(", ");
        Refused::Value(format!("`{name}` is none of the operating systems {names}"))
    })?;
    for part in text.split(',').map(str::trim) {
        let part = if part.eq_ignore_ascii_case("default") { "0.0.0.0/0" } else { part };
        let host = || part.parse().ok().map(|address: std::net::IpAddr| IpNet::from(address));
        let net = part.parse().ok().or_else(host);
        let net = net.ok_or_else(|| Refused::Value("it is an address or a network, like 10.0.0.0/8".to_owned()))?;
        if profile.all_ipv6_hides_all_ipv4 && net.prefix_len() == 0 && net.addr().is_ipv6() {
            profile.stream.hosts.forget_all_ipv4();
        }
        profile.stream.hosts.add(net, os);
    }
    Ok(())
}

/// Protocols that Suricata would detect if it were told to, and that are never detected here.
const NEVER_DETECTED: [&str; 4] = ["dnp3", "enip", "modbus", "pgsql"];

fn enabled(profile: &mut EngineProfile, name: &str, ip_proto: u8, text: &str) -> Result<(), Refused> {
    let (detected, parsed) = match text {
        "detection-only" => (true, false),
        _ => value::bool(text)
            .map(|on| (on, on))
            .map_err(|_| Refused::Value("it is yes, no or detection-only".to_owned()))?,
    };
    match AppProto::by_name(name) {
        Some(proto) => {
            profile.app.undetected.set(proto, ip_proto, !detected);
            profile.app.unparsed.set(proto, ip_proto, !parsed);
            Ok(())
        }
        None if NEVER_DETECTED.contains(&name) && !detected => Ok(()),
        None => Err(Refused::Key),
    }
}

fn detection_ports(profile: &mut EngineProfile, name: &str, ip_proto: u8, text: &str) -> Result<(), Refused> {
    let Some(proto) = AppProto::by_name(name) else {
        return if NEVER_DETECTED.contains(&name) { Ok(()) } else { Err(Refused::Key) };
    };
    let Some(usual) = crate::app::usual_ports(proto, ip_proto) else { return Ok(()) };
    let ports = value::port_ranges(text)?;
    // What is usual takes no room.
    if usual == ports && profile.app.ports.of(proto, ip_proto).is_none() {
        return Ok(());
    }
    if profile.app.ports.set(proto, ip_proto, ports) {
        return Ok(());
    }
    Err(Refused::Value("the ports of more than four protocols are not simulated".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_hold_names() {
        assert_eq!(
            find("app-layer.protocols.dns.udp.enabled").map(|(row, names)| (row.key, names)),
            Some(("app-layer.protocols.*.udp.enabled", vec!["dns"]))
        );
        assert!(find("app-layer.protocols.dns.sctp.enabled").is_none());
        assert!(find("stream").is_none() && find("stream.midstream.x").is_none());
    }

    #[test]
    fn the_usual_ports_take_no_room() {
        let mut profile = EngineProfile::suricata_7();
        detection_ports(&mut profile, "tls", TCP, "443").unwrap();
        assert_eq!(profile, EngineProfile::suricata_7());
        detection_ports(&mut profile, "tls", TCP, "[443,8443]").unwrap();
        detection_ports(&mut profile, "tls", TCP, "443").unwrap();
        assert!(profile.app.ports.of(AppProto::Tls, TCP).is_some_and(|ports| !ports.contains(8443)));
    }
}
