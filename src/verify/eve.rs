//! Suricata's side: its event log, frame by frame.
//!
//! The drop log names every dropped frame, also those of condemned flows, so a frame without a drop event has passed. A
//! misreading of the log would look like agreement; so the frames that passed, were dropped and were rejected are counted
//! and must be as many as Suricata's own counters say.

use super::CannotRun;
use super::ours::Ours;
use crate::export::ExportedRule;
use crate::verdict::Verdict;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What Suricata makes of a capture.
#[derive(Debug)]
pub(super) struct Theirs {
    /// By place in the copy.
    pub(super) fates: Vec<Fate>,
    /// Suricata's words for drops, by place in the copy.
    pub(super) reasons: HashMap<usize, String>,
    /// How often, by frame of the capture and the rule's place in the policy.
    pub(super) alerts: BTreeMap<(u64, u32), u32>,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) verdict: Verdict,
    /// The place in the policy of the rule that it is put down to.
    pub(super) rule: Option<u32>,
}

/// A packet that Suricata makes up when a flow ends.
const END_OF_FLOW: &str = "stream (flow timeout)";

#[derive(Deserialize)]
struct Kind {
    event_type: String,
}

#[derive(Deserialize)]
struct Event {
    timestamp: String,
    pcap_cnt: Option<u64>,
    pkt_src: Option<String>,
    alert: Option<AlertPart>,
    drop: Option<DropPart>,
    #[serde(default)]
    verdict: VerdictPart,
}

#[derive(Deserialize)]
struct AlertPart {
    gid: u32,
    signature_id: u32,
}

#[derive(Deserialize)]
struct DropPart {
    reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct VerdictPart {
    reject: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct StatsEvent {
    stats: Stats,
}

#[derive(Default, Deserialize)]
struct Stats {
    #[serde(default)]
    ips: Ips,
    #[serde(default)]
    decoder: Decoder,
}

#[derive(Default, Deserialize)]
struct Decoder {
    #[serde(default)]
    pkts: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Ips {
    accepted: u64,
    blocked: u64,
    rejected: u64,
    /// Forwarded with bytes that the stream engine has rewritten.
    replaced: u64,
}

/// Reads the log of a run over the copy.
pub(super) fn read(path: &Path, ours: &Ours, rules: &[ExportedRule]) -> Result<Theirs, CannotRun> {
    let cannot = |error: std::io::Error| CannotRun::new(format!("Suricata's log cannot be read: {error}"), "");
    let mut log = BufReader::new(File::open(path).map_err(cannot)?);
    let mut reader = Reader {
        ours,
        places: rules.iter().enumerate().map(|(place, rule)| ((rule.gid, rule.sid), place as u32)).collect(),
        theirs: Theirs {
            fates: vec![Fate { verdict: Verdict::Pass, rule: None }; ours.frames.len()],
            reasons: HashMap::new(),
            alerts: BTreeMap::new(),
        },
        stats: None,
    };
    let mut line = Vec::new();
    while log.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
        reader.event(&line).map_err(|why| {
            let text = String::from_utf8_lossy(&line);
            CannotRun::new(
                format!("Suricata's log holds an event that is not understood: {why}"),
                text.trim().to_owned(),
            )
        })?;
        line.clear();
    }
    reader.cross_check()?;
    Ok(reader.theirs)
}

struct Reader<'a> {
    ours: &'a Ours,
    places: HashMap<(u32, u32), u32>,
    theirs: Theirs,
    stats: Option<Stats>,
}

impl Reader<'_> {
    fn event(&mut self, line: &[u8]) -> Result<(), String> {
        let kind: Kind = parse(line)?;
        match kind.event_type.as_str() {
            "alert" => self.alert(&parse(line)?),
            "drop" => self.drop(parse(line)?),
            "stats" => {
                self.stats = Some(parse::<StatsEvent>(line)?.stats);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The place in the copy of the frame that an event is about; `None` at the end of a flow.
    fn frame(&self, event: &Event) -> Result<Option<usize>, String> {
        if let Some(number) = event.pcap_cnt {
            let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            let known = index.filter(|index| *index < self.ours.frames.len());
            return known.map(Some).ok_or_else(|| format!("there is no frame {number}"));
        }
        if event.pkt_src.as_deref() == Some(END_OF_FLOW) {
            return Ok(None);
        }
        let time = microseconds(&event.timestamp).ok_or("its time is not a time")?;
        Ok(self.ours.frames.binary_search_by_key(&time, |frame| frame.time_us).ok())
    }

    fn rule(&self, alert: &AlertPart) -> Result<u32, String> {
        let known = self.places.get(&(alert.gid, alert.signature_id)).copied();
        known.ok_or_else(|| format!("there is no rule {}:{}", alert.gid, alert.signature_id))
    }

    fn alert(&mut self, event: &Event) -> Result<(), String> {
        let alert = event.alert.as_ref().ok_or("an alert without its rule")?;
        let rule = self.rule(alert)?;
        let frame_no =
            self.frame(event)?.and_then(|index| self.ours.frames.get(index)).map_or(0, |frame| frame.frame_no);
        *self.theirs.alerts.entry((frame_no, rule)).or_default() += 1;
        Ok(())
    }

    fn drop(&mut self, event: Event) -> Result<(), String> {
        let index = match self.frame(&event)? {
            Some(index) => index,
            None if event.pkt_src.as_deref() == Some(END_OF_FLOW) => return Ok(()),
            None => return Err("it belongs to no frame".to_owned()),
        };
        let rule = event.alert.as_ref().map(|alert| self.rule(alert)).transpose()?;
        if let Some(fate) = self.theirs.fates.get_mut(index) {
            let verdict = if event.verdict.reject.is_some() { Verdict::Reject } else { Verdict::Drop };
            fate.verdict = fate.verdict.max(verdict);
            fate.rule = fate.rule.or(rule);
        }
        if let Some(reason) = event.drop.and_then(|drop| drop.reason) {
            self.theirs.reasons.entry(index).or_insert(reason);
        }
        Ok(())
    }

    /// Whether as many frames passed, were dropped and rejected as Suricata counted.
    fn cross_check(&self) -> Result<(), CannotRun> {
        let contradiction = |what: String| {
            let message = format!("Suricata's log contradicts its counters: {what}");
            CannotRun::new(message, "nothing is compared: the log would be read wrongly")
        };
        let Some(Stats { ips, decoder }) = &self.stats else {
            return Err(contradiction("there are none".to_owned()));
        };
        let count = |verdict| self.theirs.fates.iter().filter(|fate| fate.verdict == verdict).count() as u64;
        let read = [count(Verdict::Pass), count(Verdict::Drop), count(Verdict::Reject)];
        let counted = [ips.accepted + ips.replaced, ips.blocked, ips.rejected];
        if read != counted {
            let words = |[passed, dropped, rejected]: [u64; 3]| {
                format!("{passed} passed, {dropped} dropped, {rejected} rejected")
            };
            return Err(contradiction(format!("the log says {}, the counters {}", words(read), words(counted))));
        }
        let frames = self.ours.frames.len() as u64;
        if decoder.pkts < frames {
            return Err(contradiction(format!("{} of {frames} frames were decoded", decoder.pkts)));
        }
        Ok(())
    }
}

fn parse<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// Microseconds since the epoch of `2026-11-24T13:14:48.123456+0000`; other time zones are not asked for.
fn microseconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    // days since 1970 by counting years from March on, so that the leap day comes last
    let (years, months) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = years.div_euclid(4) - years.div_euclid(100) + years.div_euclid(400);
    let days = 365 * years + leap_days + (153 * months + 2) / 5 + day - 1 - 719_468;
    let seconds = ((days * 24 + number(11..13)?) * 60 + number(14..16)?) * 60 + number(17..19)?;
    Some(seconds * 1_000_000 + number(20..26)?)
}

#[cfg(test)]
mod tests {
    use super::super::ours::Judged;
    use super::*;
    use crate::verdict::Cause;

    #[test]
    fn times_are_microseconds_since_1970() {
        assert_eq!(microseconds("1970-01-01T00:00:00.000001+0000"), Some(1));
        assert_eq!(microseconds("2000-02-29T12:00:00.000000+0000"), Some(951_825_600_000_000));
        assert_eq!(microseconds("2026-11-24T13:14:48.123456+0000"), Some(1_795_526_088_123_456));
        assert_eq!(microseconds("2026-11-24"), None);
    }

    /// Reads a log of three frames at 1, 2 and 3 µs; the second is frame 5 of the capture.
    fn read_log(name: &str, log: &str) -> Result<Theirs, CannotRun> {
        let frame = |frame_no, time_us| Judged { frame_no, time_us, verdict: Verdict::Pass, cause: Cause::NoRule };
        let ours = Ours { frames: vec![frame(1, 1), frame(5, 2), frame(9, 3)], ..Ours::default() };
        let rules = [ExportedRule { sid: 7, gid: 2, line: 1 }];
        let path = std::env::temp_dir().join(format!("firedrill-eve-{}-{name}", std::process::id()));
        std::fs::write(&path, log).unwrap();
        let read = read(&path, &ours, &rules);
        std::fs::remove_file(&path).unwrap();
        read
    }

    const DROP: &str = r#"{"timestamp":"1970-01-01T00:00:00.000002+0000","event_type":"drop","pkt_src":"defrag","drop":{"reason":"rules"},"alert":{"gid":2,"signature_id":7},"verdict":{"action":"drop","reject":["tcp-reset"]}}"#;
    const ALERT: &str = r#"{"timestamp":"1970-01-01T00:00:00.000003+0000","pcap_cnt":2,"event_type":"alert","alert":{"gid":2,"signature_id":7}}"#;
    const LATE: &str = r#"{"timestamp":"1970-01-01T00:00:00.000003+0000","event_type":"alert","pkt_src":"stream (flow timeout)","alert":{"gid":2,"signature_id":7}}"#;
    const STATS: &str = r#"{"timestamp":"1970-01-01T00:00:00.000003+0000","event_type":"stats","stats":{"decoder":{"pkts":3},"ips":{"accepted":1,"replaced":1,"blocked":0,"rejected":1}}}"#;

    #[test]
    fn events_belong_to_frames_by_number_or_by_time() {
        let theirs = read_log("frames", &[DROP, ALERT, LATE, STATS].map(|line| format!("{line}\n")).concat()).unwrap();
        let fates: Vec<_> = theirs.fates.iter().map(|fate| (fate.verdict, fate.rule)).collect();
        assert_eq!(fates, [(Verdict::Pass, None), (Verdict::Reject, Some(0)), (Verdict::Pass, None)]);
        assert_eq!(theirs.reasons[&1], "rules");
        assert_eq!(theirs.alerts.into_iter().collect::<Vec<_>>(), [((0, 0), 1), ((5, 0), 1)]);
    }

    #[test]
    fn a_log_that_contradicts_the_counters_is_no_answer() {
        let error = read_log("counters", &format!("{STATS}\n")).unwrap_err();
        assert!(
            error.message.ends_with("3 passed, 0 dropped, 0 rejected, the counters 2 passed, 0 dropped, 1 rejected")
        );
        assert!(read_log("none", "").unwrap_err().message.ends_with("there are none"));
        let stranger = ALERT.replace("\"gid\":2", "\"gid\":1");
        assert!(read_log("rule", &stranger).unwrap_err().message.contains("there is no rule 1:7"));
    }
}
