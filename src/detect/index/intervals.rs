//! Rules by ranges of a number: which of them hold at one.

use crate::rules::Number;
use crate::verdict::RuleId;

/// The pieces that the bounds of all ranges cut the numbers into, each with its rules. Looking up is one binary search.
#[derive(Debug)]
pub(super) struct Intervals<T> {
    /// Where each piece begins, ascending; empty when there are no rules.
    starts: Vec<T>,
    /// Where the rules of each piece end in `rules`; they begin where those of the piece before it end.
    ends: Vec<u32>,
    rules: Vec<RuleId>,
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self { starts: Vec::new(), ends: Vec::new(), rules: Vec::new() }
    }
}

/// A rule and its ranges, which are disjoint.
pub(super) type Ranges<'a, T> = (RuleId, &'a [(T, T)]);

/// Entries of all pieces together: a rule stands in every piece that it covers, and many wide ranges among many narrow
/// ones would need room for their product.
const ENTRIES_MAX: usize = 1 << 21;

impl<T: Number> Intervals<T> {
    /// Takes in rules in ascending order. Those that would take too much room come back, the widest first to go.
    pub(super) fn build(rules: &[Ranges<'_, T>]) -> (Self, Vec<RuleId>) {
        if rules.is_empty() {
            return (Self::default(), Vec::new());
        }
        let mut starts = vec![T::MIN];
        for &(low, high) in rules.iter().flat_map(|(_, ranges)| *ranges) {
            starts.push(low);
            starts.extend(high.next());
        }
        starts.sort_unstable();
        starts.dedup();
        let pieces = |(low, high): (T, T)| {
            starts.partition_point(|start| *start < low)..starts.partition_point(|start| *start <= high)
        };
        let mut by_width: Vec<(usize, usize)> = rules
            .iter()
            .enumerate()
            .map(|(at, (_, ranges))| (ranges.iter().map(|range| pieces(*range).len()).sum(), at))
            .collect();
        by_width.sort_unstable();
        let mut room = ENTRIES_MAX;
        let n_kept = by_width
            .iter()
            .take_while(|(width, _)| {
                let fits = *width <= room;
                room = room.saturating_sub(*width);
                fits
            })
            .count();
        let (kept, refused) = by_width.split_at(n_kept);
        let rule = |&(_, at): &(usize, usize)| rules.get(at).copied();
        let mut kept: Vec<Ranges<'_, T>> = kept.iter().filter_map(rule).collect();
        kept.sort_unstable_by_key(|(id, _)| *id);
        let mut placed: Vec<(u32, RuleId)> = Vec::with_capacity(ENTRIES_MAX - room.min(ENTRIES_MAX));
        for (id, ranges) in kept {
            placed.extend(ranges.iter().flat_map(|range| pieces(*range)).map(|piece| (piece as u32, id)));
        }
        placed.sort_unstable();
        let ends = (0..starts.len() as u32).map(|piece| placed.partition_point(|(p, _)| *p <= piece) as u32).collect();
        let intervals = Self { ends, rules: placed.into_iter().map(|(_, id)| id).collect(), starts };
        (intervals, refused.iter().filter_map(rule).map(|(id, _)| id).collect())
    }

    /// The rules that hold at a number, in ascending order.
    pub(super) fn at(&self, number: T) -> &[RuleId] {
        let piece = self.starts.partition_point(|start| *start <= number);
        let end = piece.checked_sub(1).and_then(|at| self.ends.get(at));
        let begin = piece.checked_sub(2).and_then(|at| self.ends.get(at)).copied().unwrap_or(0);
        end.and_then(|&end| self.rules.get(begin as usize..end as usize)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_meets_the_rules_whose_ranges_hold_it() {
        let rules: [Ranges<'_, u16>; 4] = [
            (RuleId(1), &[(443, 443)]),
            (RuleId(4), &[(0, 79), (81, 65535)]),
            (RuleId(6), &[(80, 443)]),
            (RuleId(9), &[(65535, 65535)]),
        ];
        let (intervals, refused) = Intervals::build(&rules);
        assert!(refused.is_empty());
        for port in [0, 79, 80, 81, 442, 443, 444, 65534, 65535] {
            let wanted: Vec<RuleId> = rules
                .iter()
                .filter(|(_, ranges)| ranges.iter().any(|(low, high)| (*low..=*high).contains(&port)))
                .map(|(id, _)| *id)
                .collect();
            assert_eq!(intervals.at(port), wanted, "port {port}");
        }
        assert!(Intervals::<u16>::default().at(7).is_empty());
    }

    #[test]
    fn the_widest_rules_come_back_when_there_is_no_room_for_all() {
        let narrow: Vec<[(u32, u32); 1]> = (0..4000).map(|n| [(2 * n, 2 * n)]).collect();
        let wide = [(0, 8000)];
        let mut rules: Vec<Ranges<'_, u32>> = (0..1000).map(|n| (RuleId(n), &wide[..])).collect();
        rules.extend(narrow.iter().enumerate().map(|(n, range)| (RuleId(1000 + n as u32), &range[..])));
        let (intervals, refused) = Intervals::build(&rules);
        assert!(!refused.is_empty() && refused.iter().all(|id| id.0 < 1000));
        assert!(intervals.at(6).contains(&RuleId(1003)));
        assert_eq!(intervals.at(6).len() + refused.len(), 1001);
    }
}
