//! `threshold` and `detection_filter`: how much a match counts, given those before it.

use super::{Memory, Remembered};
use crate::packet::Packet;
use crate::rules::keyword::{self, ThresholdKind, Track, XbitTrack};
use crate::verdict::RuleId;

/// A rule's threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threshold {
    kind: Kind,
    track: Track,
    count: u32,
    seconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Limit,
    Threshold,
    Both,
    Filter,
}

/// What is left of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// All: the rule acts and reports.
    Full,
    /// It acts and does not report.
    Silent,
    /// Nothing.
    None,
}

/// Matches within a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    /// Begin of the window, microseconds.
    since: i64,
    matches: u32,
}

impl From<keyword::Threshold> for Threshold {
    fn from(keyword: keyword::Threshold) -> Self {
        let kind = match keyword.kind {
            ThresholdKind::Limit => Kind::Limit,
            ThresholdKind::Threshold => Kind::Threshold,
            ThresholdKind::Both => Kind::Both,
        };
        Self { kind, track: keyword.track, count: keyword.count, seconds: keyword.seconds }
    }
}

impl From<keyword::DetectionFilter> for Threshold {
    fn from(keyword: keyword::DetectionFilter) -> Self {
        Self { kind: Kind::Filter, track: keyword.track, count: keyword.count, seconds: keyword.seconds }
    }
}

impl Memory {
    /// Counts a match and says what is left of it. `rule` is the rule's place in the list of rules: both directions of
    /// a rule with `<>` count together, but for `by_rule`.
    pub(crate) fn weigh(&mut self, threshold: Threshold, id: RuleId, rule: u32, packet: &Packet<'_>) -> Weight {
        if packet.ip.is_none() {
            return Weight::Full;
        }
        let now = packet.time_ns.div_euclid(1000);
        let track = match threshold.track {
            Track::BySrc => XbitTrack::Source,
            Track::ByDst => XbitTrack::Destination,
            Track::ByBoth => XbitTrack::Pair,
            Track::ByRule => {
                let (weight, count) = threshold.weigh(self.by_rule.get(&id).copied(), now);
                if let Some(count) = count {
                    self.by_rule.insert(id, count);
                }
                return weight;
            }
        };
        let Some(remembered) = self.remembered(track, packet) else { return Weight::None };
        let (weight, count) = threshold.weigh(remembered.count(rule), now);
        if let Some(count) = count {
            remembered.set_count(rule, count);
        }
        weight
    }
}

impl Remembered {
    fn count(&self, rule: u32) -> Option<Count> {
        self.counts.iter().find(|(of, _)| *of == rule).map(|(_, count)| *count)
    }

    fn set_count(&mut self, rule: u32, count: Count) {
        match self.counts.iter_mut().find(|(of, _)| *of == rule) {
            Some((_, known)) => *known = count,
            None => self.counts.push((rule, count)),
        }
    }
}

impl Threshold {
    /// What a match is worth, and the count from now on if it changes.
    fn weigh(self, before: Option<Count>, now: i64) -> (Weight, Option<Count>) {
        let begun = Count { since: now, matches: 1 };
        let over = |count: Count| now > count.since + i64::from(self.seconds) * 1_000_000;
        let (count, goes_on) = match before {
            Some(count) if !over(count) => (Count { matches: count.matches.wrapping_add(1), ..count }, true),
            _ => (begun, false),
        };
        let full_if = |full: bool| if full { Weight::Full } else { Weight::None };
        match self.kind {
            Kind::Limit if goes_on && count.matches > self.count => (Weight::Silent, Some(count)),
            Kind::Limit => (Weight::Full, Some(count)),
            // of one, every match counts, and nothing is kept
            Kind::Threshold if before.is_none() && self.count == 1 => (Weight::Full, None),
            Kind::Threshold if goes_on && count.matches >= self.count => {
                (Weight::Full, Some(Count { matches: 0, ..count }))
            }
            Kind::Threshold => (Weight::None, Some(count)),
            Kind::Both if goes_on && count.matches > self.count => (Weight::Silent, Some(count)),
            Kind::Both => (full_if(count.matches == self.count), Some(count)),
            Kind::Filter => (full_if(goes_on && count.matches > self.count), Some(count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of matches at these seconds; by kind, with count 2 in 10 seconds.
    fn weights(kind: Kind, times: &[i64]) -> String {
        let threshold = Threshold { kind, track: Track::BySrc, count: 2, seconds: 10 };
        let mut count = None;
        let weigh = |second: &i64| {
            let (weight, next) = threshold.weigh(count, second * 1_000_000);
            count = next.or(count);
            match weight {
                Weight::Full => 'F',
                Weight::Silent => 's',
                Weight::None => '-',
            }
        };
        times.iter().map(weigh).collect()
    }

    #[test]
    fn each_kind_holds_back_what_is_its_own() {
        let times = [0, 1, 2, 3, 4, 11, 12, 21, 40];
        assert_eq!(weights(Kind::Limit, &times), "FFsssFFsF");
        assert_eq!(weights(Kind::Threshold, &times), "-F-F--F--");
        assert_eq!(weights(Kind::Both, &times), "-Fsss-Fs-");
        assert_eq!(weights(Kind::Filter, &times), "--FFF--F-");
    }

    #[test]
    fn a_threshold_of_one_keeps_no_window() {
        let threshold = Threshold { kind: Kind::Threshold, track: Track::ByRule, count: 1, seconds: 10 };
        assert!(matches!(threshold.weigh(None, 0), (Weight::Full, None)));
    }
}
