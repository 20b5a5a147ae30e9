//! Finds the first rule that matches, about as fast among ten thousand rules as among ten.
//!
//! Rules are sorted into classes by which attributes they give: a class holds the rules that ask for, say, a destination
//! and a protocol and nothing else. For every attribute the possible values are cut into the smallest intervals that no
//! rule tells apart, and per interval and class the set of matching rules is kept. A packet is located once per
//! attribute; a class in which one attribute has no rules for it is done with at once, in the others the first common
//! member of a few small sets is the answer.

use super::StatelessSemantics;
use super::key::{Field, Key, Missing};
use super::sets::{SetId, Sets};
use crate::policy::model::StatelessRule;
use ipnet::IpNet;

/// Source, destination, source port, destination port, protocol, TCP flags.
const N_ATTRIBUTES: usize = 6;

/// The rules as packets of one address family see them.
#[derive(Debug)]
pub(super) struct Index<A> {
    src: Intervals<A>,
    dst: Intervals<A>,
    /// The other four attributes: the interval of each value, see [`place`].
    tables: [Vec<u32>; 4],
    matching: [Matching; N_ATTRIBUTES],
    classes: Vec<Class>,
}

/// Which rules match the intervals of an attribute.
#[derive(Debug, Default)]
struct Matching {
    /// Per interval: a bit for each class that has a matching rule there or does not ask for the attribute. There are at
    /// most 64 classes, as many as combinations of six attributes.
    classes: Vec<u64>,
    /// The set of matching rules of each interval and class, at `interval * n_classes + class`.
    sets: Vec<SetId>,
}

/// Rules that give the same attributes.
#[derive(Debug)]
struct Class {
    /// The attributes they give.
    attributes: Vec<usize>,
    /// Numbers of the rules, ascending; sets count places in this list.
    rules: Vec<u32>,
    sets: Sets,
}

/// An IP address as a number.
pub(super) trait Address: Copy + Ord + Default {
    /// First and last address of a prefix, if it is of this family.
    fn range(prefix: &IpNet) -> Option<(Self, Self)>;
    /// The address behind this one.
    fn after(self) -> Option<Self>;
    /// The upper 16 bits.
    fn top(self) -> usize;
}

impl Address for u32 {
    fn range(prefix: &IpNet) -> Option<(Self, Self)> {
        let IpNet::V4(prefix) = prefix else { return None };
        Some((prefix.network().to_bits(), prefix.broadcast().to_bits()))
    }

    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn top(self) -> usize {
        (self >> 16) as usize
    }
}

impl Address for u128 {
    fn range(prefix: &IpNet) -> Option<(Self, Self)> {
        let IpNet::V6(prefix) = prefix else { return None };
        Some((prefix.network().to_bits(), prefix.broadcast().to_bits()))
    }

    fn after(self) -> Option<Self> {
        self.checked_add(1)
    }

    fn top(self) -> usize {
        (self >> 112) as usize
    }
}

/// Where intervals of addresses begin. An interval's number is its place in the list.
#[derive(Debug)]
struct Intervals<A> {
    /// Ascending; the first is 0.
    starts: Vec<A>,
    /// For each value of an address's upper 16 bits, the interval that the lowest such address is in; empty when there
    /// are so few intervals that searching them all is as fast.
    jump: Vec<u32>,
}

impl<A: Address> Intervals<A> {
    fn new(starts: Vec<A>) -> Self {
        let mut jump = Vec::new();
        if starts.len() > 32 {
            jump = vec![0; 0x1_0001];
            for start in &starts {
                // Counts starts by their upper bits, one place on: summed up, the number of starts below.
                if let Some(count) = jump.get_mut(start.top() + 1) {
                    *count += 1;
                }
            }
            let mut sum = 0;
            for count in &mut jump {
                sum += *count;
                *count = sum;
            }
        }
        Self { starts, jump }
    }

    #[inline]
    fn locate(&self, address: A) -> usize {
        let top = address.top();
        let (from, to) = match (self.jump.get(top), self.jump.get(top + 1)) {
            (Some(from), Some(to)) => (*from as usize, *to as usize),
            _ => (0, self.starts.len()),
        };
        let among = self.starts.get(from..to).unwrap_or_default();
        (from + among.partition_point(|start| *start <= address)).saturating_sub(1)
    }
}

/// The value of a transport field as a number: itself, or one of three above all values when the packet lacks it.
#[inline]
fn place<T: Into<u32>>(field: Field<T>, n_values: u32) -> usize {
    (match field {
        Field::Value(value) => value.into(),
        Field::Missing(missing) => n_values + missing as u32,
    }) as usize
}

const N_PORTS: u32 = 1 << 16;
const N_FLAGS: u32 = 1 << 8;
const N_MISSING: u32 = Missing::ALL.len() as u32;

impl<A: Address> Index<A> {
    /// `rules` in order of evaluation.
    pub(super) fn compile(rules: &[&StatelessRule], semantics: StatelessSemantics) -> Self {
        let mut builder = Builder::default();
        for (number, rule) in rules.iter().enumerate() {
            let (Ok(src), Ok(dst)) = (addresses::<A>(&rule.sources), addresses::<A>(&rule.destinations)) else {
                continue;
            };
            let missing = |n_values: u32| {
                let satisfying = Missing::ALL.into_iter().filter(|missing| missing.satisfies(rule, semantics));
                satisfying.map(move |missing| n_values + missing as u32).map(|value| (value, value)).collect::<Vec<_>>()
            };
            let ports = |ranges: &[(u16, u16)]| {
                (!ranges.is_empty()).then(|| {
                    let values = ranges.iter().filter(|(from, to)| from <= to);
                    values.map(|(from, to)| (u32::from(*from), u32::from(*to))).chain(missing(N_PORTS)).collect()
                })
            };
            let flags = || {
                let wanted = |value: u32| rule.tcp_flags.iter().any(|f| value as u8 & f.mask == f.flags);
                let values = (0..N_FLAGS).filter(|value| wanted(*value)).map(|value| (value, value));
                values.chain(missing(N_FLAGS)).collect::<Vec<_>>()
            };
            let protocols = rule.protocols.iter().map(|protocol| (u32::from(*protocol), u32::from(*protocol)));
            builder.add(
                number as u32,
                (src, dst),
                [
                    ports(&rule.source_ports),
                    ports(&rule.destination_ports),
                    (!rule.protocols.is_empty()).then(|| protocols.collect()),
                    (!rule.tcp_flags.is_empty()).then(flags),
                ],
            );
        }
        builder.finish()
    }

    /// The number of the first rule that matches.
    #[inline]
    pub(super) fn first_match(&self, src: A, dst: A, key: &Key) -> Option<u32> {
        let n_classes = self.classes.len();
        if n_classes == 0 {
            return None;
        }
        let values = [
            place(key.src_port, N_PORTS),
            place(key.dst_port, N_PORTS),
            usize::from(key.protocol),
            place(key.flags, N_FLAGS),
        ];
        let mut intervals = [self.src.locate(src), self.dst.locate(dst), 0, 0, 0, 0];
        for ((interval, table), value) in intervals.iter_mut().skip(2).zip(&self.tables).zip(values) {
            *interval = table.get(value).map_or(0, |interval| *interval as usize);
        }
        let at = self.matching.iter().zip(intervals);
        let mut candidates = at.fold(u64::MAX, |candidates, (matching, interval)| {
            candidates & matching.classes.get(interval).copied().unwrap_or(0)
        });
        let mut best = None;
        while candidates != 0 {
            let number = candidates.trailing_zeros() as usize;
            candidates &= candidates - 1;
            let Some(class) = self.classes.get(number) else { break };
            if best.is_some_and(|best| class.rules.first().is_none_or(|first| *first > best)) {
                break; // classes are in order of their first rules
            }
            let mut sets = [SetId::EMPTY; N_ATTRIBUTES];
            for (set, attribute) in sets.iter_mut().zip(&class.attributes) {
                let interval = intervals.get(*attribute).copied().unwrap_or(0);
                let matching = self.matching.get(*attribute).map(|matching| matching.sets.as_slice());
                *set =
                    matching.and_then(|sets| sets.get(interval * n_classes + number)).copied().unwrap_or(SetId::EMPTY);
            }
            let sets = sets.get(..class.attributes.len()).unwrap_or_default();
            let first = if sets.is_empty() { Some(0) } else { class.sets.first_common::<N_ATTRIBUTES>(sets) };
            let rule = first.and_then(|place| class.rules.get(place as usize)).copied();
            best = match (best, rule) {
                (Some(best), Some(rule)) => Some(rule.min(best)),
                (best, rule) => rule.or(best),
            };
        }
        best
    }
}

/// The values of an attribute that a rule matches; `None` when it does not ask.
type Ranges<V> = Option<Vec<(V, V)>>;

/// What the prefixes of a rule mean in an address family; an error when they are all of the other one.
fn addresses<A: Address>(prefixes: &[IpNet]) -> Result<Ranges<A>, OtherFamily> {
    if prefixes.is_empty() {
        return Ok(None);
    }
    let ranges: Vec<(A, A)> = prefixes.iter().filter_map(A::range).collect();
    if ranges.is_empty() {
        return Err(OtherFamily);
    }
    let everything = ranges.iter().any(|(from, to)| *from == A::default() && to.after().is_none());
    Ok((!everything).then_some(ranges))
}

/// The rule says nothing about this address family.
struct OtherFamily;

/// Collects rules before sets are made of them.
struct Builder<A> {
    classes: Vec<Class>,
    addresses: [Vec<Mark<A>>; 2],
    others: [Vec<Mark<u32>>; 4],
}

/// From `value` on, the rule at `place` of `class` matches, or does not match any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark<V> {
    value: V,
    class: u32,
    place: u32,
    matches: bool,
}

impl<A> Default for Builder<A> {
    fn default() -> Self {
        Self { classes: Vec::new(), addresses: Default::default(), others: Default::default() }
    }
}

impl<A: Address> Builder<A> {
    fn add(&mut self, rule: u32, (src, dst): (Ranges<A>, Ranges<A>), others: [Ranges<u32>; 4]) {
        let given = [src.is_some(), dst.is_some()].into_iter().chain(others.iter().map(Option::is_some));
        let attributes: Vec<usize> = given.enumerate().filter(|(_, given)| *given).map(|(index, _)| index).collect();
        let class = self.classes.iter().position(|class| class.attributes == attributes).unwrap_or_else(|| {
            self.classes.push(Class { attributes, rules: Vec::new(), sets: Sets::default() });
            self.classes.len() - 1
        });
        let Some(members) = self.classes.get_mut(class) else { return };
        let at = (class as u32, members.rules.len() as u32);
        members.rules.push(rule);
        for (marks, ranges) in self.addresses.iter_mut().zip([src, dst]) {
            mark(marks, at, ranges, Address::after);
        }
        for (marks, ranges) in self.others.iter_mut().zip(others) {
            mark(marks, at, ranges, |value| value.checked_add(1));
        }
    }

    fn finish(mut self) -> Index<A> {
        for class in &mut self.classes {
            class.sets = Sets::new(class.rules.len());
        }
        let [src, dst] = self.addresses;
        let (src, src_sets) = cut(&mut self.classes, 0, src);
        let (dst, dst_sets) = cut(&mut self.classes, 1, dst);
        let [src_port, dst_port, protocol, flags] = self.others;
        let (src_port, src_port_sets) = cut(&mut self.classes, 2, src_port);
        let (dst_port, dst_port_sets) = cut(&mut self.classes, 3, dst_port);
        let (protocol, protocol_sets) = cut(&mut self.classes, 4, protocol);
        let (flags, flags_sets) = cut(&mut self.classes, 5, flags);
        Index {
            src: Intervals::new(src),
            dst: Intervals::new(dst),
            tables: [
                table(&src_port, N_PORTS + N_MISSING),
                table(&dst_port, N_PORTS + N_MISSING),
                table(&protocol, 256),
                table(&flags, N_FLAGS + N_MISSING),
            ],
            matching: [src_sets, dst_sets, src_port_sets, dst_port_sets, protocol_sets, flags_sets],
            classes: self.classes,
        }
    }
}

impl Matching {
    /// Adds an interval.
    fn add(&mut self, row: &[SetId], classes: &[Class], attribute: usize) {
        let open = |(set, class): (&SetId, &Class)| *set != SetId::EMPTY || !class.attributes.contains(&attribute);
        let bits = row.iter().zip(classes).map(open);
        self.classes.push(bits.enumerate().fold(0, |bits, (number, open)| bits | u64::from(open) << number));
        self.sets.extend_from_slice(row);
    }
}

/// Notes where the rule at `place` begins and ceases to match.
fn mark<V: Copy + Ord>(
    marks: &mut Vec<Mark<V>>,
    (class, place): (u32, u32),
    ranges: Ranges<V>,
    after: impl Fn(V) -> Option<V>,
) {
    let mut ranges = ranges.unwrap_or_default();
    ranges.sort_unstable();
    let mut ranges = ranges.into_iter().peekable();
    while let Some((from, mut to)) = ranges.next() {
        // Ranges that overlap are one, so that a rule is never marked twice at a time.
        while let Some((_, end)) = ranges.next_if(|(start, _)| *start <= to) {
            to = to.max(end);
        }
        marks.push(Mark { value: from, class, place, matches: true });
        if let Some(value) = after(to) {
            marks.push(Mark { value, class, place, matches: false });
        }
    }
}

/// Cuts the values of an attribute into intervals: where they begin, and the sets of each interval and class.
fn cut<V: Copy + Ord + Default>(
    classes: &mut [Class],
    attribute: usize,
    mut marks: Vec<Mark<V>>,
) -> (Vec<V>, Matching) {
    marks.sort_unstable();
    let mut members: Vec<Vec<u64>> = classes.iter().map(|class| vec![0; class.rules.len().div_ceil(64)]).collect();
    let mut row: Vec<SetId> = vec![SetId::EMPTY; classes.len()];
    let (mut starts, mut matching) = (Vec::new(), Matching::default());
    if marks.first().is_none_or(|mark| mark.value != V::default()) {
        starts.push(V::default());
        matching.add(&row, classes, attribute);
    }
    let mut changed = vec![false; classes.len()];
    for marks in marks.chunk_by(|a, b| a.value == b.value) {
        for mark in marks {
            let word = members.get_mut(mark.class as usize).and_then(|bits| bits.get_mut(mark.place as usize / 64));
            if let Some(word) = word {
                let bit = 1_u64 << (mark.place % 64);
                *word = if mark.matches { *word | bit } else { *word & !bit };
            }
            if let Some(changed) = changed.get_mut(mark.class as usize) {
                *changed = true;
            }
        }
        for (((class, members), set), changed) in classes.iter_mut().zip(&members).zip(&mut row).zip(&mut changed) {
            if std::mem::take(changed) && class.attributes.contains(&attribute) {
                *set = class.sets.add(members);
            }
        }
        starts.extend(marks.first().map(|mark| mark.value));
        matching.add(&row, classes, attribute);
    }
    (starts, matching)
}

/// The interval of each value; empty when there is only one, so that attributes no rule asks for cost no look-up.
fn table(starts: &[u32], n_values: u32) -> Vec<u32> {
    if starts.len() < 2 {
        return Vec::new();
    }
    let mut table = Vec::with_capacity(n_values as usize);
    for (interval, start) in starts.iter().enumerate() {
        let end = starts.get(interval + 1).copied().unwrap_or(n_values).min(n_values);
        table.resize(end.max(*start).min(n_values) as usize, interval as u32);
    }
    table
}
