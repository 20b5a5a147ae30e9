//! The text of `suricata.yaml`. What is not written takes Suricata's own default.

use super::variables::{Variable, Variables};
use super::{Ordering, RULE_FILE, comment, heading};
use crate::defrag::DefragPolicy;
use crate::detect::EngineProfile;
use crate::policy::model::{Policy, RuleOrder};
use crate::stream::{ExceptionPolicy, OsPolicy, UrgentPolicy};
use std::fmt::Write;

/// Protocols whose parsers run, as in Suricata's example configuration; `detection-only` and `no` are written out below.
const PARSERS: [&str; 17] = [
    "bittorrent-dht",
    "dcerpc",
    "dhcp",
    "ftp",
    "http2",
    "ike",
    "krb5",
    "mqtt",
    "nfs",
    "ntp",
    "quic",
    "rdp",
    "sip",
    "snmp",
    "ssh",
    "telnet",
    "tftp",
];

pub(super) fn yaml(policy: &Policy, profile: &EngineProfile, variables: &Variables, ordering: Ordering) -> String {
    let stream = &profile.stream;
    let tcp = profile.timeouts.tcp;
    let engine = profile.name.replacen("suricata-", "Suricata ", 1);
    let on = |yes: bool| if yes { "yes" } else { "no" };
    let validate = on(stream.checksum_validation);
    let mut text = String::from("%YAML 1.1\n---\n");
    text += &heading(policy);
    text += &format!(
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
    text += &format!(
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

# Checksums: sending hosts capture wrong ones.
capture:
  checksum-validation: {checksums}
pcap-file:
  checksum-checks: {validate}

# Without these, IPS mode would drop flows for which a parser fails or memory runs out.
exception-policy: ignore
stream:
  memcap: 256mb
  memcap-policy: ignore
  inline: auto
  checksum-validation: {validate}
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
        depth = stream.depth,
        to_server = stream.chunk_bytes[0],
        to_client = stream.chunk_bytes[1],
        urgent = urgent(stream.urgent_policy),
        urgent_limit = urgent(stream.urgent_oob_limit_policy),
    );
    text += &format!(
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
  use-for-tracking: true
livedev:
  use-for-tracking: false
defrag:
  memcap: {defrag_memcap}
  memcap-policy: ignore
  hash-size: 65536
  trackers: 65535
  max-frags: {max_frags}
  prealloc: yes
  timeout: {defrag_timeout}
",
        other_new = profile.timeouts.other[0],
        other = profile.timeouts.other[1],
        new = tcp[0],
        established = tcp[1],
        closed = tcp[2],
        udp_new = profile.timeouts.udp[0],
        udp = profile.timeouts.udp[1],
        icmp_new = profile.timeouts.icmp[0],
        icmp = profile.timeouts.icmp[1],
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
        let ports = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {name}:\n    enabled: yes\n    ports: \"{ports}\"");
    }
    let _ = writeln!(text, "  max-layers: {}\n", decode.max_layers);
    text += &parsers(profile);
    let _ = write!(
        text,
        "
packet-alert-max: {}
action-order:
  - pass
  - drop
  - reject
  - alert
legacy:
  uricontent: enabled
pcre:
  match-limit: 3500
  match-limit-recursion: 1500
detect:
  inspection-recursion-limit: 3000
",
        profile.packet_alert_max
    );
    text
}

/// What is to be known about the order of evaluation.
fn order(policy: &Policy, ordering: Ordering) -> &'static str {
    match (policy.stateful.order, ordering) {
        (RuleOrder::Action, _) => "",
        (RuleOrder::Strict, Ordering::ByAction) => {
            "#\n# The policy is in strict order. Suricata has no setting for it: it evaluates pass rules first, then drop, reject\n\
             # and alert rules. The rule file says when that is not what the policy means. Rising priorities keep the order\n\
             # of rules with the same action; `priority` in the policy's rules is left out, since strict order ignores it.\n"
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

/// The host policy. One entry for IPv4 and none for IPv6, whose policy is the built-in one: beside an entry for IPv6,
/// Suricata 7.0.10 does not apply the one for IPv4.
fn hosts(profile: &EngineProfile) -> String {
    let linux = profile.stream.os_policy_v4 == OsPolicy::Linux && profile.defrag.ipv4_policy == DefragPolicy::Linux;
    let hosts = if linux { "host-os-policy:\n  linux: [0.0.0.0/0]\n" } else { "" };
    hosts.to_owned()
}

fn parsers(profile: &EngineProfile) -> String {
    let mut text =
        format!("app-layer:\n  error-policy: {}\n  protocols:\n", exception(profile.stream.app_error_policy));
    for name in PARSERS {
        let _ = writeln!(text, "    {name}:\n      enabled: yes");
    }
    text += "    tls:
      enabled: yes
      detection-ports:
        dp: 443
      ja3-fingerprints: auto
      ja4-fingerprints: auto
      encryption-handling: default
    smtp:
      enabled: yes
      raw-extraction: no
    imap:
      enabled: detection-only
    pop3:
      enabled: detection-only
    rfb:
      enabled: yes
      detection-ports:
        dp: 5900, 5901, 5902, 5903, 5904, 5905, 5906, 5907, 5908, 5909
    smb:
      enabled: yes
      detection-ports:
        dp: 139, 445
    dns:
      tcp:
        enabled: yes
        detection-ports:
          dp: 53
      udp:
        enabled: yes
        detection-ports:
          dp: 53
    pgsql:
      enabled: no
    modbus:
      enabled: no
    dnp3:
      enabled: no
    enip:
      enabled: no
    http:
      enabled: yes
      libhtp:
        default-config:
          personality: IDS
          request-body-limit: 100kb
          response-body-limit: 100kb
          request-body-minimal-inspect-size: 32kb
          request-body-inspect-window: 4kb
          response-body-minimal-inspect-size: 40kb
          response-body-inspect-window: 16kb
          response-body-decompress-layer-limit: 2
          http-body-inline: auto
          randomize-inspection-sizes: no
          double-decode-path: no
          double-decode-query: no
";
    text
}

fn exception(policy: ExceptionPolicy) -> &'static str {
    match policy {
        ExceptionPolicy::Ignore => "ignore",
        ExceptionPolicy::DropFlow => "drop-flow",
        ExceptionPolicy::DropPacket => "drop-packet",
        ExceptionPolicy::Reject => "reject",
        ExceptionPolicy::PassFlow => "pass-flow",
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
