//! What varies between engine versions and settings, in one place.

use super::content::TRIES_MAX;
use super::memory::MemoryLimits;
use super::pcre::PcreLimits;
use crate::app::AppConfig;
use crate::defrag::{DefragConfig, Expiry};
use crate::flow::Timeouts;
use crate::packet::DecodeConfig;
use crate::stream::StreamConfig;
use crate::verdict::RuleAction;

/// How the stateful engine behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineProfile {
    /// Its name in reports.
    pub name: &'static str,
    /// Alerts of one packet; further matches still act. Suricata: `packet-alert-max`.
    pub packet_alert_max: usize,
    /// Which action's rules come first where the policy has no order of its own. Suricata: `action-order`.
    pub action_order: [RuleAction; 4],
    /// How often the tests of a rule may be tried on a buffer before it counts as no match. Suricata:
    /// `detect.inspection-recursion-limit`.
    pub tries_max: u32,
    /// How far regular expressions may search.
    pub pcre_limits: PcreLimits,
    /// A pass behind the drop of a packet passes the flow nevertheless.
    pub pass_counts_behind_drop: bool,
    /// A host policy for all IPv6 hosts takes the place of one for all IPv4 hosts that was set before it.
    pub all_ipv6_hides_all_ipv4: bool,
    /// What rules may remember.
    pub memory: MemoryLimits,
    /// A rule without a pattern to wait for is tried on a transaction only until that has moved past the places of the
    /// rule's buffers, and one that has matched none of them is not kept for later; otherwise it is tried whenever the packet
    /// allows.
    pub patternless_rules_at_place: bool,
    /// A rule whose only pattern is a negated one in payload or stream is not looked at where that pattern is found, whatever
    /// its place; otherwise the pattern's place decides.
    pub negated_pattern_spoils: bool,
    /// A rule with `<>` has one count of `threshold:track by_rule` for both directions; otherwise one for each.
    pub directions_count_together: bool,
    /// A rule is IP-only on the first packet of each direction, which an ICMP error is not; otherwise on the first one that
    /// rules look at.
    pub ip_only_on_first_packet: bool,
    /// Files outside of HTTP/1 are looked at when enough of them has come; otherwise only if some rule has `file.data`, and at
    /// once without one.
    pub files_always_wait: bool,
    /// Rules about headers as buffers, `sameip` and `flow.age` do not look at packets that are made up, unless they look into the
    /// stream.
    pub packet_tests_need_the_wire: bool,
    /// Events that came with 8.0 have names.
    pub knows_later_events: bool,
    /// Flow time-outs.
    pub timeouts: Timeouts,
    /// TCP.
    pub stream: StreamConfig,
    /// Protocol detection and parsers.
    pub app: AppConfig,
    /// IP fragments.
    pub defrag: DefragConfig,
    /// Decoding.
    pub decode: DecodeConfig,
}

impl EngineProfile {
    /// Suricata 7.0 in IPS mode with what AWS documents of its settings. Measured on Suricata 7.0.10.
    pub fn suricata_7() -> Self {
        Self {
            name: "suricata-7.0",
            packet_alert_max: 15,
            action_order: [RuleAction::Pass, RuleAction::Drop, RuleAction::Reject, RuleAction::Alert],
            tries_max: TRIES_MAX,
            pcre_limits: PcreLimits::default(),
            pass_counts_behind_drop: true,
            all_ipv6_hides_all_ipv4: true,
            memory: MemoryLimits::default(),
            patternless_rules_at_place: false,
            negated_pattern_spoils: true,
            directions_count_together: false,
            ip_only_on_first_packet: false,
            files_always_wait: false,
            packet_tests_need_the_wire: false,
            knows_later_events: false,
            timeouts: Timeouts::default(),
            stream: StreamConfig::network_firewall(),
            app: AppConfig { client_port_holds_probing: true, connect_completes_request: true, ..AppConfig::default() },
            defrag: DefragConfig::default(),
            decode: DecodeConfig::default(),
        }
    }

    /// Suricata 8.0 with the same settings. Measured on Suricata 8.0.8.
    pub fn suricata_8() -> Self {
        let before = Self::suricata_7();
        let mut timeouts = before.timeouts;
        timeouts.to_the_nanosecond = true;
        Self {
            timeouts,
            stream: StreamConfig {
                syns_by_sequence: true,
                fast_open_at_syn: true,
                pickup_is_established: true,
                ..before.stream
            },
            name: "suricata-8.0",
            pass_counts_behind_drop: false,
            all_ipv6_hides_all_ipv4: false,
            patternless_rules_at_place: true,
            negated_pattern_spoils: false,
            directions_count_together: true,
            ip_only_on_first_packet: true,
            files_always_wait: true,
            packet_tests_need_the_wire: true,
            knows_later_events: true,
            app: AppConfig {
                imap_by_greeting: true,
                sip_by_first_word: true,
                known_by_banner: true,
                directory_and_mail: true,
                dcerpc_whole_datagram: true,
                snmp_waits: true,
                client_port_holds_probing: false,
                announced_is_probed: true,
                tls_progress_by_side: true,
                sni_keeps_nul: true,
                http_host_lower_before_port: true,
                http_uri_empty_is_none: true,
                http_decoded_at_once: true,
                connect_completes_request: false,
                websocket_after_upgrade: true,
                smtp_leaves_nothing: true,
                smtp_more_replies: true,
                http2_request_seen_at_open: true,
                http_by_libhtp_rs: true,
                http2_by_the_rfc: true,
                http2_empty_names: true,
                dns_over_http2: true,
                dns_whole_messages: true,
                ..AppConfig::default()
            },
            defrag: DefragConfig { expiry: Expiry::AtLookUp, ..before.defrag },
            decode: DecodeConfig {
                quoted_tcp_bytes: 4,
                opens_ipv4_in_ipv4: true,
                outer_ipv6_has_flow: true,
                knows_ppp_control: true,
                reads_arp: true,
                counts_mac_in_mac: true,
                ipv6_options_fit: true,
                ..before.decode
            },
            ..before
        }
    }
}
