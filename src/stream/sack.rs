//! Selective acknowledgements: which ranges beyond the last ACK the receiver says it holds. They widen the window.

use smallvec::SmallVec;

use super::seq::Seq;

/// More ranges than this are not kept: a receiver names at most four at a time, and honest ones merge.
const RANGES_MAX: usize = 256;

/// Ranges that were selectively acknowledged, in ascending order, none touching another.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sacked {
    ranges: SmallVec<[(Seq, Seq); 1]>,
}

impl Sacked {
    /// How many bytes the ranges hold.
    pub(crate) fn bytes(&self) -> u32 {
        self.ranges.iter().fold(0, |sum, (left, right)| sum.wrapping_add(right.since(*left)))
    }

    /// Adds a range, merging it with those it overlaps or touches.
    pub(crate) fn insert(&mut self, left: Seq, right: Seq) {
        let mut merged = (left, right);
        let mut place = self.ranges.len();
        let mut idx = 0;
        while let Some(&(l, r)) = self.ranges.get(idx) {
            if r < merged.0 {
                idx += 1;
            } else if l > merged.1 {
                place = idx;
                break;
            } else {
                if l < merged.0 {
                    merged.0 = l;
                }
                merged.1 = merged.1.later(r);
                self.ranges.remove(idx);
                place = idx;
            }
        }
        if self.ranges.len() < RANGES_MAX {
            self.ranges.insert(place.min(self.ranges.len()), merged);
        }
    }

    /// Forgets what is acknowledged for good.
    pub(crate) fn prune(&mut self, last_ack: Seq) {
        if self.ranges.is_empty() {
            return;
        }
        self.ranges.retain(|(_, right)| *right >= last_ack);
        if let Some(first) = self.ranges.first_mut() {
            first.0 = first.0.later(last_ack);
        }
    }

    /// The whole of a range is known already.
    pub(crate) fn covers(&self, left: Seq, right: Seq) -> bool {
        self.ranges.iter().any(|(l, r)| left.0 >= l.0 && right.0 <= r.0 && right.0 >= l.0 && left.0 < r.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ranges: &[(u32, u32)]) -> Sacked {
        let mut sacked = Sacked::default();
        for (l, r) in ranges {
            sacked.insert(Seq(*l), Seq(*r));
        }
        sacked
    }

    #[test]
    fn overlapping_and_touching_ranges_are_counted_once() {
        assert_eq!(of(&[(10, 20), (1, 20)]).bytes(), 19);
        assert_eq!(of(&[(10, 20), (30, 40), (20, 30)]).bytes(), 30);
        assert_eq!(of(&[(30, 40), (10, 20)]).bytes(), 20);
    }

    #[test]
    fn an_ack_takes_away_from_the_front() {
        let mut sacked = of(&[(10, 20), (30, 40)]);
        sacked.prune(Seq(15));
        assert_eq!(sacked.bytes(), 15);
        sacked.prune(Seq(35));
        assert_eq!(sacked.bytes(), 5);
        assert!(sacked.covers(Seq(36), Seq(40)) && !sacked.covers(Seq(36), Seq(41)));
    }
}
