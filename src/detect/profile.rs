//! What varies between engine versions and settings, in one place.

use crate::defrag::DefragConfig;
use crate::flow::Timeouts;
use crate::packet::DecodeConfig;
use crate::stream::StreamConfig;

/// How the stateful engine behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineProfile {
    /// Its name in reports.
    pub name: &'static str,
    /// Alerts of one packet; further matches still act. Suricata: `packet-alert-max`.
    pub packet_alert_max: usize,
    /// Flow time-outs.
    pub timeouts: Timeouts,
    /// TCP.
    pub stream: StreamConfig,
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
            timeouts: Timeouts::default(),
            stream: StreamConfig::network_firewall(),
            defrag: DefragConfig::default(),
            decode: DecodeConfig::default(),
        }
    }
}
