//! The text of `suricata.yaml`. What is not written takes Suricata's own default.

use super::variables::{Variable, Variables};
use super::{Ordering, RULE_FILE, comment, heading};
use crate::app::AppProto;
use crate::detect::{EngineProfile, Program};
use crate::packet::HostOs;
use crate::policy::model::{Policy, RuleOrder};
use crate::stream::{ExceptionPolicy, UrgentPolicy};
use crate::verdict::RuleAction;
use std::fmt::Write;

/// Protocols as Suricata's example configuration has them: what follows `enabled` unless the profile says otherwise, and
/// the ports that are written out for TCP.
const PROTOCOLS: [(&str, &str, &str); 24] = [
    ("bittorrent-dht", "yes", ""),
    ("dcerpc", "yes", ""),
    ("dhcp", "yes", ""),
    ("ftp", "yes", ""),
    ("http", "yes", ""),
    ("http2", "yes", ""),
    ("ike", "yes", ""),
    ("imap", "detection-only", ""),
    ("krb5", "yes", ""),
    ("mqtt", "yes", ""),
    ("nfs", "yes", ""),
    ("ntp", "yes", ""),
    ("pop3", "detection-only", ""),
    ("quic", "yes", ""),
    ("rdp", "yes", ""),
    ("rfb", "yes", "5900, 5901, 5902, 5903, 5904, 5905, 5906, 5907, 5908, 5909"),
    ("sip", "yes", ""),
    ("smb", "yes", "139, 445"),
    ("smtp", "yes", ""),
    ("snmp", "yes", ""),
    ("ssh", "yes", ""),
    ("telnet", "yes", ""),
    ("tftp", "yes", ""),
    ("tls", "yes", "443"),
];

/// Protocols that are never detected here.
const OFF: [&str; 4] = ["dnp3", "enip", "modbus", "pgsql"];

/// Parsers that only 8.0 has; it runs them unless told otherwise.
const ONLY_IN_8: [&str; 4] = ["doh2", "ldap", "mdns", "websocket"];

const TCP: u8 = 6;
const UDP: u8 = 17;

pub(super) fn yaml(policy: &Policy, program: &Program, variables: &Variables, ordering: Ordering) -> String {
    let profile = program.profile();
    let stream = &profile.stream;
    let tcp = profile.timeouts.tcp;
    let engine = profile.name.replacen("suricata-", "Suricata ", 1);
    let on = |yes: bool| if yes { "yes" } else { "no" };
    let validate = on(stream.checksum_validation);
    let mut text = String::from("%YAML 1.1\n---\n");
    text += &heading(policy);
    let _ = write!(
        text,
        "#
# For {engine}. Paths are relative to this directory, so run Suricata here:
#
#   suricata -c suricata.yaml --simulate-ips -r CAPTURE -l LOG_DIRECTORY
#
# eve.json then has an event for every frame that is dropped and for every alert. The stateless stage of the policy has
# no counterpart in Suricata: these files decide about the frames that it forwards to the stateful engine.
{order}
default-rule-path: .
rule-files:
  - {RULE_FILE}
classification-file: classification.config
reference-config-file: reference.config
threshold-file: /dev/null

",
        order = order(policy, ordering),
    );
    text += "vars:\n";
    table(&mut text, "address-groups", &variables.addresses);
    table(&mut text, "port-groups", &variables.ports);
    if let Some(countries) = program.countries() {
        let path = std::path::absolute(countries.path()).unwrap_or_else(|_| countries.path().to_owned());
        let _ = write!(text, "\n# What `geoip` asks.\ngeoip-database: {:?}\n", path.display().to_string());
    }
    let _ = write!(
        text,
        "
# One thread: the same capture gives the same events in the same order.
runmode: single
unix-command:
  enabled: no

outputs:
  - eve-log:
      enabled: yes
      filetype: regular
      filename: eve.json
      types:
        - alert:
            tagged-packets: no
            verdict: yes
        - drop:
            alerts: yes
            flows: all
            verdict: yes
        - tls
        - http
        - flow
        - stats:
            totals: yes
            threads: no
            deltas: no
stats:
  enabled: yes
  interval: 3600
logging:
  default-log-level: notice
  outputs:
    - console:
        enabled: yes

# Sending hosts capture wrong checksums. What this says is whether TCP packets with wrong ones are left alone; rules about
# checksums see them as they are.
capture:
  checksum-validation: {checksums}
pcap-file:
  checksum-checks: yes

# Without these, IPS mode would drop flows for which a parser fails or memory runs out.
exception-policy: ignore
stream:
  memcap: 256mb
  memcap-policy: ignore
  inline: auto
  checksum-validation: {validate}
  max-syn-queued: {syns}
  max-synack-queued: {syn_acks}
  liberal-timestamps: {liberal}
  midstream: {midstream}
  midstream-policy: {midstream_policy}
  async-oneside: {oneside}
  drop-invalid: {invalid}
  bypass: no
  reassembly:
    memcap: 512mb
    memcap-policy: ignore
    depth: {depth}
    toserver-chunk-size: {to_server}
    toclient-chunk-size: {to_client}
    randomize-chunk-size: no
    urgent:
      policy: {urgent}
      oob-limit-policy: {urgent_limit}
",
        checksums = if stream.checksum_validation { "all" } else { "none" },
        midstream = on(stream.midstream),
        midstream_policy = exception(stream.midstream_policy),
        oneside = on(stream.async_oneside),
        invalid = on(stream.drop_invalid),
        syns = stream.syn_queued_max,
        syn_acks = stream.synack_queued_max,
        liberal = on(stream.liberal_timestamps),
        depth = stream.depth,
        to_server = stream.chunk_bytes[0],
        to_client = stream.chunk_bytes[1],
        urgent = urgent(stream.urgent_policy),
        urgent_limit = urgent(stream.urgent_oob_limit_policy),
    );
    let _ = write!(
        text,
        "
flow:
  memcap: 512mb
  memcap-policy: ignore
  hash-size: 65536
  prealloc: 1000
  managers: 1
  recyclers: 1
flow-timeouts:
  default:
    new: {other_new}
    established: {other}
  tcp:
    new: {new}
    established: {established}
    closed: {closed}
  udp:
    new: {udp_new}
    established: {udp}
  icmp:
    new: {icmp_new}
    established: {icmp}
vlan:
  use-for-tracking: {vlan}
livedev:
  use-for-tracking: false
host:
  memcap: {hosts}
ippair:
  memcap: {pairs}
defrag:
  memcap: {defrag_memcap}
  memcap-policy: ignore
  hash-size: 65536
  trackers: 65535
  max-frags: {max_frags}
  prealloc: yes
  timeout: {defrag_timeout}
",
        vlan = on(profile.decode.vlan_tracking),
        other_new = profile.timeouts.other[0],
        other = profile.timeouts.other[1],
        new = tcp[0],
        established = tcp[1],
        closed = tcp[2],
        udp_new = profile.timeouts.udp[0],
        udp = profile.timeouts.udp[1],
        icmp_new = profile.timeouts.icmp[0],
        icmp = profile.timeouts.icmp[1],
        hosts = table_bytes(profile.memory.hosts, 136),
        pairs = table_bytes(profile.memory.pairs, 152),
        defrag_memcap = profile.defrag.memcap_bytes,
        max_frags = profile.defrag.max_frags,
        defrag_timeout = profile.defrag.timeout_secs,
    );
    text += &hosts(profile);
    text += "decoder:\n";
    let decode = &profile.decode;
    for (name, ports) in
        [("teredo", &decode.teredo_ports), ("vxlan", &decode.vxlan_ports), ("geneve", &decode.geneve_ports)]
    {
        if ports.is_empty() {
            let _ = writeln!(text, "  {name}:\n    enabled: no");
        } else {
            let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
            let _ = writeln!(text, "  {name}:\n    enabled: yes\n    ports: \"{ports}\"");
        }
    }
    let _ = writeln!(text, "  max-layers: {}\n", decode.max_layers);
    text += &protocols(profile);
    let _ = write!(
        text,
        "
packet-alert-max: {}
action-order: [{}]
legacy:
  uricontent: enabled
pcre:
  match-limit: {}
  match-limit-recursion: {}
detect:
  inspection-recursion-limit: {}
",
        profile.packet_alert_max,
        profile.action_order.map(RuleAction::name).join(", "),
        profile.pcre_limits.steps,
        profile.pcre_limits.depth,
        // without end
        if profile.tries_max == u32::MAX { 0 } else { profile.tries_max },
    );
    text
}

/// What is to be known about the order of evaluation.
fn order(policy: &Policy, ordering: Ordering) -> &'static str {
    match (policy.stateful.order, ordering) {
        (RuleOrder::Action, _) => "",
        (RuleOrder::Strict, Ordering::ByAction) => {
            "#\n# The policy is in strict order. Suricata has no setting for it: it orders rules by action first. The rule file\n\
             # says when that is not what the policy means. Rising priorities keep the order of rules with the same action;\n\
             # `priority` in the policy's own rules is left out, since strict order ignores it.\n"
        }
        (RuleOrder::Strict, Ordering::BySid) => {
            "#\n# The policy is in strict order: the sids are the rules' places in it, for a program that orders by sid alone.\n\
             # Stock Suricata orders by action first.\n"
        }
    }
}

fn table(text: &mut String, name: &str, variables: &[Variable]) {
    let _ = write!(text, "  {name}:");
    text.push_str(if variables.is_empty() { " {}\n" } else { "\n" });
    for Variable { name, value, origin } in variables {
        let origin = if origin.is_empty() { String::new() } else { format!("  # {}", comment(origin)) };
        let _ = writeln!(text, "    {name}: \"{value}\"{origin}");
    }
}

/// What a table of so many entries takes, with Suricata's index of 256 KiB.
fn table_bytes(entries: usize, bytes: usize) -> usize {
    entries * bytes + 256 * 1024
}

/// Hosts whose operating system is said. What is not said runs BSD to Suricata.
///
/// The profile says nothing of IPv6: beside an entry for it, Suricata 7.0.10 does not apply that for all of IPv4.
fn hosts(profile: &EngineProfile) -> String {
    let mut text = String::new();
    for (name, os) in HostOs::NAMES {
        let nets = profile.stream.hosts.entries().iter().filter(|(_, known)| *known == os);
        let nets: Vec<String> = nets.map(|(net, _)| format!("\"{net}\"")).collect();
        if !nets.is_empty() {
            text += if text.is_empty() { "host-os-policy:\n" } else { "" };
            let _ = writeln!(text, "  {name}: [{}]", nets.join(", "));
        }
    }
    text
}

fn protocols(profile: &EngineProfile) -> String {
    let mut text =
        format!("app-layer:\n  error-policy: {}\n  protocols:\n", exception(profile.stream.app_error_policy));
    for (name, usually, ports) in PROTOCOLS {
        let _ = writeln!(text, "    {name}:");
        let (tcp, udp) = (enabled(profile, name, TCP, usually), enabled(profile, name, UDP, usually));
        let set = [TCP, UDP].map(|ip_proto| ports_of(profile, name, ip_proto));
        if tcp == udp && set[0].is_none() && set[1].is_none() {
            let _ = writeln!(text, "      enabled: {tcp}");
            if !ports.is_empty() {
                let _ = writeln!(text, "      detection-ports:\n        dp: \"{ports}\"");
            }
        } else {
            let usual = (!ports.is_empty()).then(|| ports.to_owned());
            let [tcp_ports, udp_ports] = set;
            transport(&mut text, "tcp", tcp, tcp_ports.or(usual));
            transport(&mut text, "udp", udp, udp_ports);
        }
        text += match name {
            "tls" => "      ja3-fingerprints: auto\n      ja4-fingerprints: auto\n      encryption-handling: default\n",
            "smtp" => "      raw-extraction: no\n",
            _ => "",
        };
        if name == "http" {
            text += &bodies(profile);
        }
    }
    text += "    dns:\n";
    for (word, ip_proto) in [("tcp", TCP), ("udp", UDP)] {
        let ports = ports_of(profile, "dns", ip_proto).unwrap_or_else(|| "53".to_owned());
        transport(&mut text, word, enabled(profile, "dns", ip_proto, "yes"), Some(ports));
    }
    for name in OFF {
        let _ = writeln!(text, "    {name}:\n      enabled: no");
    }
    for name in ONLY_IN_8 {
        let (tcp, udp) = (enabled(profile, name, TCP, "yes"), enabled(profile, name, UDP, "yes"));
        if [tcp, udp] != ["yes", "yes"] {
            let _ = writeln!(text, "    {name}:");
            transport(&mut text, "tcp", tcp, None);
            transport(&mut text, "udp", udp, None);
        }
    }
    text
}

fn transport(text: &mut String, word: &str, enabled: &str, ports: Option<String>) {
    let _ = writeln!(text, "      {word}:\n        enabled: {enabled}");
    if let Some(ports) = ports {
        let _ = writeln!(text, "        detection-ports:\n          dp: \"{ports}\"");
    }
}

/// What follows `enabled` for a protocol over TCP or UDP.
fn enabled(profile: &EngineProfile, name: &str, ip_proto: u8, usually: &'static str) -> &'static str {
    match AppProto::by_name(name) {
        Some(proto) if profile.app.undetected.holds(proto, ip_proto) => "no",
        Some(proto) if profile.app.unparsed.holds(proto, ip_proto) => "detection-only",
        _ => usually,
    }
}

/// The ports of a protocol, where they are not the usual ones.
fn ports_of(profile: &EngineProfile, name: &str, ip_proto: u8) -> Option<String> {
    let ports = profile.app.ports.of(AppProto::by_name(name)?, ip_proto)?;
    let range = |(first, last): (u16, u16)| if first == last { first.to_string() } else { format!("{first}:{last}") };
    Some(ports.iter().map(range).collect::<Vec<_>>().join(", "))
}

fn bodies(profile: &EngineProfile) -> String {
    let bodies = &profile.app.bodies;
    format!(
        "      libhtp:
        default-config:
          personality: IDS
          request-body-limit: {}
          response-body-limit: {}
          request-body-minimal-inspect-size: {}
          request-body-inspect-window: {}
          response-body-minimal-inspect-size: {}
          response-body-inspect-window: {}
          response-body-decompress-layer-limit: {}
          http-body-inline: auto
          randomize-inspection-sizes: no
          double-decode-path: no
          double-decode-query: no
",
        bodies.request.bytes,
        bodies.response.bytes,
        bodies.request.sizes.min,
        bodies.request.sizes.window,
        bodies.response.sizes.min,
        bodies.response.sizes.window,
        bodies.layers,
    )
}

fn exception(policy: ExceptionPolicy) -> &'static str {
    match policy {
        ExceptionPolicy::Ignore => "ignore",
        ExceptionPolicy::DropFlow => "drop-flow",
        ExceptionPolicy::DropPacket => "drop-packet",
        ExceptionPolicy::Reject => "reject",
        ExceptionPolicy::PassFlow => "pass-flow",
        ExceptionPolicy::Bypass => "bypass",
        ExceptionPolicy::PassPacket => "pass-packet",
    }
}

fn urgent(policy: UrgentPolicy) -> &'static str {
    match policy {
        UrgentPolicy::Inline => "inline",
        UrgentPolicy::Oob => "oob",
        UrgentPolicy::Drop => "drop",
        UrgentPolicy::Gap => "gap",
    }
}
