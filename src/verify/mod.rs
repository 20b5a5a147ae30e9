//! Comparing with the Suricata that is installed: the same frames through its engine and through ours.
//!
//! In: a policy's [`Export`](crate::export::Export), the program it was compiled to, captures. Out: one [`Comparison`] a
//! capture. Suricata runs as a process of its own on a private copy of the capture and of the exported files.
//!
//! `installed.rs` finds and runs it, `patched.rs` makes the copy that evaluates in strict order, `ours.rs` copies the
//! capture and runs our engine beside, `eve.rs` reads Suricata's answer and checks it against its own counters.

mod eve;
mod installed;
mod ours;
mod patched;
mod workplace;

pub use installed::{Installed, Version};
pub use workplace::Workplace;

use crate::detect::Program;
use crate::export::ExportedRule;
use crate::verdict::{Cause, RuleId, Verdict};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Why there is nothing to compare.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CannotRun {
    /// One line, or several where rules are listed.
    pub message: String,
    /// What to do about it; may be empty.
    pub help: String,
}

impl CannotRun {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// The two engines on one capture.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Frames in the capture.
    pub frames: u64,
    /// Frames that the stateless stage decided: Suricata has no such stage.
    pub stateless: u64,
    /// Frames that both engines judged.
    pub compared: u64,
    /// Alerts of our engine.
    pub alerts: u64,
    /// Frames whose time was moved on, so that no two have the same.
    pub moved: u64,
    /// What is damaged in the capture, one line each.
    pub damage: Vec<String>,
    /// Frames with different verdicts.
    pub packets: Vec<PacketDifference>,
    /// Alerts that one engine raises more often than the other.
    pub alert_differences: Vec<AlertDifference>,
}

impl Comparison {
    /// Whether the engines agree about every frame and alert.
    pub fn is_equal(&self) -> bool {
        self.packets.is_empty() && self.alert_differences.is_empty()
    }
}

/// A frame with different verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketDifference {
    /// Its number in the capture, from 1.
    pub frame_no: u64,
    /// Our verdict.
    pub ours: Verdict,
    /// Why; rules are those of our program.
    pub why: Cause,
    /// Suricata's verdict.
    pub suricata: Verdict,
    /// Suricata's word for the reason of a drop.
    pub reason: Option<String>,
    /// The place of the rule in the policy that Suricata puts the drop down to.
    pub rule: Option<u32>,
}

/// An alert that is not raised equally often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlertDifference {
    /// The frame; 0 for alerts at the end of a flow.
    pub frame_no: u64,
    /// The rule's place in the policy.
    pub rule: u32,
    /// How often our engine raises it.
    pub ours: u32,
    /// How often Suricata does.
    pub suricata: u32,
}

/// A policy's rules on both sides.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// Our side.
    pub program: &'a Program,
    /// Suricata's side, by place in the policy.
    pub rules: &'a [ExportedRule],
    /// Judge what is inside VXLAN and GENEVE.
    pub decapsulate: bool,
}

/// Compares on one capture (or directory of captures, merged). `place` holds the exported files.
///
/// # Errors
/// When Suricata cannot run over the capture, or its answer contradicts itself.
pub fn compare(
    suricata: &Installed,
    sides: Sides<'_>,
    place: &Workplace,
    capture: &PathBuf,
) -> Result<Comparison, CannotRun> {
    let run = place.run()?;
    let ours = ours::judge(sides, capture, &run.capture, suricata.version())?;
    let mut comparison = Comparison {
        frames: ours.all_frames,
        stateless: ours.stateless,
        compared: ours.frames.len() as u64,
        alerts: ours.alerts.values().map(|times| u64::from(*times)).sum(),
        moved: ours.moved,
        damage: ours.damage.clone(),
        ..Comparison::default()
    };
    if ours.frames.is_empty() {
        return Ok(comparison);
    }
    let log = suricata.run(place.files(), &run, sides.rules)?;
    let theirs = eve::read(&run.eve(), &ours, sides.rules).map_err(|mut problem| {
        if !log.is_empty() {
            problem.help =
                format!("{}{}Suricata said: {log}", problem.help, if problem.help.is_empty() { "" } else { "; " });
        }
        problem
    })?;
    for (index, (own, fate)) in ours.frames.iter().zip(&theirs.fates).enumerate() {
        if own.verdict != fate.verdict {
            comparison.packets.push(PacketDifference {
                frame_no: own.frame_no,
                ours: own.verdict,
                why: own.cause,
                suricata: fate.verdict,
                reason: theirs.reasons.get(&index).cloned(),
                rule: fate.rule,
            });
        }
    }
    let mut both: BTreeMap<(u64, u32), (u32, u32)> = BTreeMap::new();
    for (key, times) in &ours.alerts {
        both.entry(*key).or_default().0 = *times;
    }
    for (key, times) in &theirs.alerts {
        both.entry(*key).or_default().1 = *times;
    }
    comparison.alert_differences = both
        .into_iter()
        .filter(|(_, (ours, suricata))| ours != suricata)
        .map(|((frame_no, rule), (ours, suricata))| AlertDifference { frame_no, rule, ours, suricata })
        .collect();
    Ok(comparison)
}

/// The place in the policy of every rule of a program.
fn places(program: &Program) -> Vec<u32> {
    program.places().collect()
}

fn place_of(places: &[u32], rule: RuleId) -> u32 {
    places.get(rule.0 as usize).copied().unwrap_or(u32::MAX)
}
