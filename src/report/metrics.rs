//! What CloudWatch would count: the metrics of namespace `AWS/NetworkFirewall`, by engine.
//!
//! In: the counts of a replay. Metrics of TLS inspection are not among them, and of frames that are lost for their own
//! state AWS does not document which metric counts them: they count as dropped here.
//!
//! Source: AWS Network Firewall Developer Guide, "Network Firewall metrics in Amazon CloudWatch".

use super::layout::{Column, DIM, Grid, HEADING};
use super::units::count;
use super::{CaptureFacts, Summary};
use crate::verdict::{Stage, Verdict};
use std::io::{self, Write};

/// Counts by engine and metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Engine, metric, value.
    counts: Vec<(&'static str, &'static str, u64)>,
    /// Values of the dimension `CustomAction`, and how many packets published them.
    custom: Vec<(String, u64)>,
}

impl Metrics {
    /// Of a whole replay; `stateless`: the policy has a stateless stage.
    pub fn new(summary: &Summary, facts: &CaptureFacts, stateless: bool) -> Self {
        let of = |stage, verdict| summary.total(stage, verdict).frames;
        let sum = |stage| {
            let all = Verdict::ALL.into_iter().map(|verdict| summary.total(stage, verdict));
            all.fold((0, 0), |(n, size), tally| (n + tally.frames, size + tally.bytes))
        };
        let (to_stateful, stateful_bytes) = sum(Stage::Stateful);
        let mut counts = Vec::new();
        if stateless {
            let (decided, decided_bytes) = sum(Stage::Stateless);
            counts.extend([
                ("Stateless", "ReceivedPackets", decided + to_stateful),
                ("Stateless", "ReceivedBytes", decided_bytes + stateful_bytes),
                ("Stateless", "PassedPackets", of(Stage::Stateless, Verdict::Pass)),
                ("Stateless", "DroppedPackets", of(Stage::Stateless, Verdict::Drop)),
            ]);
        }
        let is_exception = |name: &&str| *name == "stream exception policy";
        let exceptions = summary.other_drops().filter(|(name, _)| is_exception(name)).map(|(_, tally)| tally.frames);
        counts.extend([
            ("Stateful", "ReceivedPackets", to_stateful),
            ("Stateful", "ReceivedBytes", stateful_bytes),
            ("Stateful", "PassedPackets", of(Stage::Stateful, Verdict::Pass)),
            ("Stateful", "DroppedPackets", of(Stage::Stateful, Verdict::Drop)),
            ("Stateful", "RejectedPackets", of(Stage::Stateful, Verdict::Reject)),
            ("Stateful", "StreamExceptionPolicyPackets", exceptions.sum()),
        ]);
        Self { counts, custom: facts.custom_actions.clone() }
    }

    /// Writes the counts with the dimensions that they have.
    pub fn write(&self, out: &mut dyn Write, firewall_name: &str, availability_zone: &str) -> io::Result<()> {
        let dimensions = format!("FirewallName {firewall_name}, AvailabilityZone {availability_zone}");
        writeln!(out, "\n{HEADING}Metrics of AWS/NetworkFirewall{HEADING:#}  {DIM}{dimensions}{DIM:#}")?;
        let mut grid = Grid::new(&[Column::Left, Column::Left, Column::Right]);
        for (engine, metric, value) in &self.counts {
            grid.row([(*engine).into(), (*metric).into(), count(*value).into()]);
        }
        for (dimension, value) in &self.custom {
            grid.row([format!("CustomAction {dimension}").into(), "Packets".into(), count(*value).into()]);
        }
        grid.write(out, 2)
    }
}
