//! What varies between engine versions and settings, in one place.

use super::memory::MemoryLimits;
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
    /// A pass behind the drop of a packet passes the flow nevertheless.
    pub pass_counts_behind_drop: bool,
    /// What rules may remember.
    pub memory: MemoryLimits,
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
            pass_counts_behind_drop: true,
            memory: MemoryLimits::default(),
            timeouts: Timeouts::default(),
            stream: StreamConfig::network_firewall(),
            app: AppConfig { client_port_holds_probing: true, ..AppConfig::default() },
            defrag: DefragConfig::default(),
            decode: DecodeConfig::default(),
        }
    }

    /// Suricata 8.0 with the same settings. Measured on Suricata 8.0.8.
    pub fn suricata_8() -> Self {
        let before = Self::suricata_7();
        Self {
            name: "suricata-8.0",
            pass_counts_behind_drop: false,
            app: AppConfig {
                imap_by_greeting: true,
                sip_by_first_word: true,
                known_by_banner: true,
                directory_and_mail: true,
                dcerpc_whole_datagram: true,
                snmp_waits: true,
                client_port_holds_probing: false,
                announced_is_probed: true,
                ..AppConfig::default()
            },
            defrag: DefragConfig { expiry: Expiry::AtLookUp, ..before.defrag },
            decode: DecodeConfig { quoted_tcp_bytes: 4, ..before.decode },
            ..before
        }
    }
}
