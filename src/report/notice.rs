//! What a report must not hide: everything that makes its numbers mean less than they seem to.

use super::layout::{HEADING, WARN, WIDTH, printable, wrap};
use super::units::{count, counted};
use super::{RuleBook, Summary};
use crate::source::Severity;
use crate::verdict::Verdict;
use std::io::{self, Write};

/// One thing to know about a run, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// A note, or a warning where results are missing.
    pub severity: Severity,
    /// One line, lower case, with its count.
    pub message: String,
    /// What to do; may be empty.
    pub help: String,
}

impl Notice {
    /// A note.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Note, message: message.into(), help: help.into() }
    }

    /// A warning: something is missing from the results.
    pub fn warning(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(message, help) }
    }
}

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct CaptureFacts {
    /// The files, as the user named them.
    pub names: Vec<String>,
    /// Frames.
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Earliest and latest capture time, nanoseconds since the epoch.
    pub span_ns: Option<(i64, i64)>,
    /// Frames that are older than the one before them.
    pub backwards: u64,
    /// What is damaged or missing, one line each.
    pub damage: Vec<String>,
    /// Entries of directories that were not read since they are no captures.
    pub skipped: u64,
    /// Tunnels of mirrored traffic were looked into.
    pub decapsulated: bool,
    /// TCP packets with a wrong checksum, where checksums are validated.
    pub bad_checksums: u64,
    /// TCP packets larger than any link carries, as segmentation offload leaves them.
    pub oversized: u64,
    /// Frames in tunnels of traffic mirroring or gateway load balancers.
    pub mirrored: u64,
    /// Metric dimensions of custom actions, with how many packets published them.
    pub custom_actions: Vec<(String, u64)>,
}

/// All notices of a replay, in a fixed order; those of the policy first.
pub fn of_replay(policy: &[Notice], book: &RuleBook, summary: &Summary, capture: &CaptureFacts) -> Vec<Notice> {
    let mut all = policy.to_vec();
    all.extend(modelled(book, summary));
    for damage in &capture.damage {
        all.push(Notice::warning(
            damage.clone(),
            "the results hold up to there; copy or capture the file again for the rest",
        ));
    }
    if capture.skipped > 0 {
        all.push(Notice::new(
            format!("{} not read: no captures", counted_were(capture.skipped, "directory entry")),
            "directories are not descended into; name further captures one by one",
        ));
    }
    if summary.cut > 0 {
        all.push(Notice::new(
            format!("{} cut by the capture's snap length", counted_were(summary.cut, "frame")),
            "what was not captured cannot be inspected; capture whole frames (`tcpdump -s 0`)",
        ));
    }
    if capture.backwards > 0 {
        all.push(Notice::new(
            format!("time goes backwards {}", counted(capture.backwards, "time")),
            "flows and time-outs follow capture time; sort the capture (`reordercap`) or give the files in order",
        ));
    }
    if capture.bad_checksums > 0 {
        all.push(Notice::new(
            format!("{} with a wrong checksum", counted(capture.bad_checksums, "TCP packet")),
            "captures from a sending host often hold wrong checksums (offloading); replay with `--checksum none`",
        ));
    }
    if capture.oversized > 0 {
        all.push(Notice::new(
            format!("{} larger than any link carries", counted_are(capture.oversized, "TCP packet")),
            "they were captured before segmentation (offloading); on the wire the firewall sees smaller packets",
        ));
    }
    if !capture.decapsulated && capture.mirrored * 2 > capture.frames {
        let (n, all_frames) = (count(capture.mirrored), count(capture.frames));
        all.push(Notice::new(
            format!("{n} of {all_frames} frames are VXLAN or GENEVE: this looks like mirrored traffic"),
            "replay with `--decapsulate` to judge the packets inside, as the firewall saw them",
        ));
    }
    if summary.verdict(Verdict::Drop).frames + summary.verdict(Verdict::Reject).frames > 0 {
        all.push(Notice::new(
            "a replay shows what the firewall does to the traffic as captured",
            "behind a drop real endpoints would have behaved differently: retransmitted, given up, tried elsewhere",
        ));
    }
    all
}

/// Default actions that decided something by the rules that stand for them; `None` when none did.
pub fn modelled(book: &RuleBook, summary: &Summary) -> Option<Notice> {
    let mut actions: Vec<(&str, u64, u64)> = Vec::new();
    for (id, tally) in summary.rules() {
        let rule = book.rule(id).filter(|rule| rule.modelled);
        let Some(action) = rule.and_then(|rule| rule.default_action.as_deref()) else { continue };
        let frames = tally.blocked.frames + tally.passed.frames;
        match actions.iter_mut().find(|(name, ..)| *name == action) {
            Some((_, f, a)) => {
                *f += frames;
                *a += tally.alerts;
            }
            None => actions.push((action, frames, tally.alerts)),
        }
    }
    actions.retain(|(_, frames, alerts)| frames + alerts > 0);
    let counts = |(action, frames, alerts): &(&str, u64, u64)| {
        let counts = [(*frames, "frame"), (*alerts, "alert")];
        let counts = counts.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| counted(n, noun));
        format!("aws:{action} {}", counts.collect::<Vec<_>>().join(", "))
    };
    let counts: Vec<String> = actions.iter().map(counts).collect();
    (!counts.is_empty()).then(|| {
        Notice::new(
            format!("default actions decided by modelled rules: {}", counts.join("; ")),
            "AWS does not publish their rules; try your own with `--default-action-rules FILE`",
        )
    })
}

fn counted_were(n: u64, noun: &str) -> String {
    format!("{} {}", counted(n, noun), if n == 1 { "was" } else { "were" })
}

fn counted_are(n: u64, noun: &str) -> String {
    format!("{} {}", counted(n, noun), if n == 1 { "is" } else { "are" })
}

/// Writes notices, each with what to do under it.
pub fn write(out: &mut dyn Write, notices: &[Notice]) -> io::Result<()> {
    for notice in notices {
        let lead = if notice.severity == Severity::Note { "note: " } else { "warning: " };
        let indent = lead.len();
        for (index, line) in wrap(&printable(&notice.message), WIDTH - indent).iter().enumerate() {
            let lead = if index == 0 { lead } else { "" };
            writeln!(out, "{WARN}{lead:indent$}{WARN:#}{HEADING}{line}{HEADING:#}")?;
        }
        if !notice.help.is_empty() {
            for line in wrap(&printable(&notice.help), WIDTH - indent) {
                writeln!(out, "{:indent$}{line}", "")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::decision;
    use super::*;
    use crate::verdict::{Cause, Decision, Sink, Stage};

    #[test]
    fn everything_that_weakens_the_numbers_is_said_once_with_what_to_do() {
        let book = RuleBook::default();
        let mut summary = Summary::new(&book);
        let frame = decision(1, Stage::Stateful, Verdict::Drop, Cause::StreamException, None);
        summary.decision(&Decision { cut: true, ..frame });
        let capture = CaptureFacts {
            frames: 10,
            backwards: 2,
            damage: vec!["`a.pcap` ends early at byte 24, after 9 frames: 16 bytes expected, 3 left".to_owned()],
            skipped: 3,
            bad_checksums: 1,
            oversized: 2,
            mirrored: 6,
            ..CaptureFacts::default()
        };
        let mut out = Vec::new();
        write(&mut out, &of_replay(&[], &book, &summary, &capture)).unwrap();
        insta::assert_snapshot!(anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()), @r"
        warning: `a.pcap` ends early at byte 24, after 9 frames: 16 bytes expected, 3 left
                 the results hold up to there; copy or capture the file again for the rest
        note: 3 directory entries were not read: no captures
              directories are not descended into; name further captures one by one
        note: 1 frame was cut by the capture's snap length
              what was not captured cannot be inspected; capture whole frames (`tcpdump -s 0`)
        note: time goes backwards 2 times
              flows and time-outs follow capture time; sort the capture (`reordercap`) or give the files in
              order
        note: 1 TCP packet with a wrong checksum
              captures from a sending host often hold wrong checksums (offloading); replay with `--checksum
              none`
        note: 2 TCP packets are larger than any link carries
              they were captured before segmentation (offloading); on the wire the firewall sees smaller
              packets
        note: 6 of 10 frames are VXLAN or GENEVE: this looks like mirrored traffic
              replay with `--decapsulate` to judge the packets inside, as the firewall saw them
        note: a replay shows what the firewall does to the traffic as captured
              behind a drop real endpoints would have behaved differently: retransmitted, given up, tried
              elsewhere
        ");
    }

    #[test]
    fn a_run_without_drops_or_oddities_has_no_notices() {
        let book = RuleBook::default();
        let mut summary = Summary::new(&book);
        summary.decision(&decision(1, Stage::Stateful, Verdict::Pass, Cause::NoRule, None));
        let capture = CaptureFacts { frames: 1, ..CaptureFacts::default() };
        assert_eq!(of_replay(&[], &book, &summary, &capture), []);
    }
}
