//! Our side: the frames of a capture through our engine, and into the copy that Suricata reads.
//!
//! In Suricata's log, events about reassembled datagrams and about packets from tunnels carry no frame number; only their
//! time says which frame they belong to. So the copy has strictly rising times, and our engine sees the same times. Frames
//! that the stateless stage decides never reach a stateful engine: they are not in the copy.

use super::workplace::cannot_write;
use super::{CannotRun, Sides, Version, place_of, places};
use crate::capture::write::PcapWriter;
use crate::capture::{Capture, CaptureOptions, Frame, LinkType};
use crate::engine::{Engine, EngineConfig};
use crate::packet::decapsulate::decapsulate;
use crate::verdict::{Alert, Cause, Decision, FlowRecord, Sink, Stage, Verdict};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// Link types that Suricata 7.0 reads: NULL, Ethernet, PPP, raw IP under several numbers, Cisco HDLC, Linux cooked.
const LINK_TYPES: [u16; 11] = [0, 1, 9, 12, 14, 101, 104, 113, 228, 229, 778];
/// The second version of Linux cooked, which 8.0 reads too.
const LINUX_COOKED_2: u16 = 276;

/// The last time that fits a pcap file, in microseconds.
const LAST_TIME_US: i64 = u32::MAX as i64 * 1_000_000 + 999_999;

/// A frame of the copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    /// Its number in the capture.
    pub(super) frame_no: u64,
    pub(super) time_us: i64,
    pub(super) verdict: Verdict,
    pub(super) cause: Cause,
}

/// What our engine makes of a capture.
#[derive(Debug, Default)]
pub(super) struct Ours {
    /// The frames of the copy, in order.
    pub(super) frames: Vec<Judged>,
    pub(super) all_frames: u64,
    pub(super) stateless: u64,
    pub(super) moved: u64,
    pub(super) damage: Vec<String>,
    /// How often, by frame and the rule's place in the policy.
    pub(super) alerts: BTreeMap<(u64, u32), u32>,
}

/// Sends the frames through our engine and writes `copy`, if there is any frame to write.
pub(super) fn judge(sides: Sides<'_>, capture: &PathBuf, copy: &Path, version: Version) -> Result<Ours, CannotRun> {
    let named = std::slice::from_ref(capture);
    let unreadable = |error: crate::capture::CaptureError| CannotRun::new(error.to_string(), error.help());
    let mut frames = Capture::open(named, &CaptureOptions::default()).map_err(unreadable)?;
    let mut engine =
        Engine::new(sides.program, EngineConfig { decapsulate: sides.decapsulate, ..EngineConfig::default() });
    let mut heard = Heard { decision: None, alerts: BTreeMap::new(), places: places(sides.program) };
    let mut copy = Copy { path: copy, writer: None, version };
    let mut ours = Ours::default();
    let mut last_us = -1;
    while let Some(frame) = frames.next_frame().map_err(unreadable)? {
        let wanted_us = frame.time_ns.div_euclid(1000).clamp(0, LAST_TIME_US);
        let time_us = wanted_us.max(last_us + 1);
        if time_us > LAST_TIME_US {
            return Err(CannotRun::new("there are more frames in the year 2106 than fit a pcap file", ""));
        }
        last_us = time_us;
        ours.all_frames += 1;
        ours.moved += u64::from(time_us != frame.time_ns.div_euclid(1000));
        let frame = Frame { time_ns: time_us * 1000, ..frame };
        heard.decision = None;
        engine.process(&frame, &mut heard);
        match heard.decision {
            Some(decision) if decision.stage != Stage::Stateless => {
                copy.write(&frame, sides.decapsulate)?;
                let Decision { frame_no, verdict, cause, .. } = decision;
                ours.frames.push(Judged { frame_no, time_us, verdict, cause });
            }
            _ => ours.stateless += 1,
        }
    }
    engine.finish(&mut heard);
    copy.finish()?;
    ours.damage = frames.damage().iter().map(ToString::to_string).collect();
    ours.alerts = heard.alerts;
    Ok(ours)
}

/// The copy of the capture, begun with the first frame that is to be in it.
struct Copy<'a> {
    path: &'a Path,
    writer: Option<(LinkType, PcapWriter<BufWriter<File>>)>,
    version: Version,
}

impl Copy<'_> {
    fn write(&mut self, frame: &Frame<'_>, opened: bool) -> Result<(), CannotRun> {
        let inner = if opened { decapsulate(frame.link_type, frame.bytes) } else { None };
        let (link, bytes, wire_len) = match inner {
            // what was around the frame is missing from its length on the wire too
            Some(inner) => {
                let around = (frame.bytes.len() - inner.bytes.len()) as u32;
                (inner.link_type, inner.bytes, frame.wire_len.saturating_sub(around))
            }
            None => (frame.link_type, frame.bytes, frame.wire_len),
        };
        let cannot = |error: std::io::Error| cannot_write(self.path, &error);
        let (of_file, writer) = match &mut self.writer {
            Some(writer) => writer,
            slot => {
                if !(LINK_TYPES.contains(&link.0) || (link.0 == LINUX_COOKED_2 && self.version.major >= 8)) {
                    return Err(CannotRun::new(
                        format!("Suricata {} does not read frames of link type {}", self.version, link.0),
                        "firedrill replays the capture, but there is nothing to compare it with",
                    ));
                }
                let file = BufWriter::new(File::create(self.path).map_err(cannot)?);
                slot.insert((link, PcapWriter::new(file, link).map_err(cannot)?))
            }
        };
        if *of_file != link {
            return Err(CannotRun::new(
                format!("there are frames of link types {} and {}, which one pcap file cannot hold", of_file.0, link.0),
                "split the capture by interface",
            ));
        }
        writer.write(frame.time_ns, wire_len, bytes).map_err(cannot)
    }

    fn finish(self) -> Result<(), CannotRun> {
        let path = self.path;
        match self.writer {
            Some((_, writer)) => writer.finish().map(|_| ()).map_err(|error| cannot_write(path, &error)),
            None => Ok(()),
        }
    }
}

/// What the engine said last, and all alerts.
struct Heard {
    decision: Option<Decision>,
    alerts: BTreeMap<(u64, u32), u32>,
    places: Vec<u32>,
}

impl Sink for Heard {
    fn decision(&mut self, decision: &Decision) {
        self.decision = Some(*decision);
    }

    fn alert(&mut self, alert: &Alert) {
        *self.alerts.entry((alert.frame_no, place_of(&self.places, alert.rule))).or_default() += 1;
    }

    fn flow(&mut self, _: &FlowRecord) {}
}
