//! Boxes of packets: what a header or the attributes of a stateless rule can match, and whether some boxes together cover
//! another one.

use super::sets::{SetId, Sets};
use smallvec::{SmallVec, smallvec};

/// How many dimensions a box has.
const DIMENSIONS: usize = 7;

/// Pieces of a box that are kept apart before the question is given up.
const PIECES_MAX: usize = 4096;

/// The number that stands for "has no such field", behind all ports and all values of TCP's flags.
pub(super) const NO_PORT: u128 = 65_536;
/// The same for flags.
pub(super) const NO_FLAGS: u128 = 256;

/// Packets: for every dimension the values that they may have. The order is: version of IP, protocol, source and
/// destination address, source and destination port, flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PacketBox([SetId; DIMENSIONS]);

/// The dimensions of a box by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides {
    pub(super) version: SetId,
    pub(super) protocols: SetId,
    pub(super) src: SetId,
    pub(super) dst: SetId,
    pub(super) src_port: SetId,
    pub(super) dst_port: SetId,
    pub(super) flags: SetId,
}

impl PacketBox {
    pub(super) fn new(sides: Sides) -> Self {
        let Sides { version, protocols, src, dst, src_port, dst_port, flags } = sides;
        Self([version, protocols, src, dst, src_port, dst_port, flags])
    }

    /// Whole packets on their way back, with whatever flags; `None` when there are none, as for fragments without ports.
    /// Ports that are not there stay so.
    pub(super) fn answers(self, real_port: SetId, any_flags: SetId, sets: &mut Sets) -> Option<Self> {
        let [version, protocols, src, dst, src_port, dst_port, _] = self.0;
        let mut whole = |port| match sets.common(port, real_port) {
            SetId::EMPTY => port,
            real => real,
        };
        let back = Self([version, protocols, dst, src, whole(dst_port), whole(src_port), any_flags]);
        (!back.is_empty()).then_some(back)
    }

    /// The same with other flags.
    pub(super) fn with_flags(self, flags: SetId) -> Self {
        let [version, protocols, src, dst, src_port, dst_port, _] = self.0;
        Self([version, protocols, src, dst, src_port, dst_port, flags])
    }

    /// Those of one protocol, if there are any.
    pub(super) fn of_protocol(self, protocol: SetId, sets: &mut Sets) -> Option<Self> {
        let [version, protocols, src, dst, src_port, dst_port, flags] = self.0;
        let protocols = sets.common(protocols, protocol);
        (protocols != SetId::EMPTY).then_some(Self([version, protocols, src, dst, src_port, dst_port, flags]))
    }

    /// The destination addresses.
    pub(super) fn dst(self) -> SetId {
        self.0[3]
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.contains(&SetId::EMPTY)
    }

    pub(super) fn meets(self, other: Self, sets: &mut Sets) -> bool {
        // addresses and ports tell most boxes apart
        const ORDER: [usize; DIMENSIONS] = [3, 5, 2, 4, 1, 0, 6];
        ORDER.iter().all(|&side| match (self.0.get(side), other.0.get(side)) {
            (Some(&a), Some(&b)) => sets.common(a, b) != SetId::EMPTY,
            _ => false,
        })
    }

    pub(super) fn is_within(self, other: Self, sets: &mut Sets) -> bool {
        self.0.into_iter().zip(other.0).all(|(a, b)| sets.is_within(a, b))
    }

    /// Adds what is left of the box without `cut` to `left`; false when the two have nothing in common.
    fn without(self, cut: Self, sets: &mut Sets, left: &mut Vec<Self>) -> bool {
        if !self.meets(cut, sets) {
            return false;
        }
        let mut rest = self;
        for (side, other) in cut.0.into_iter().enumerate() {
            let Some(&own) = rest.0.get(side) else { continue };
            let outside = sets.without(own, other);
            if outside != SetId::EMPTY {
                let mut piece = rest;
                if let Some(slot) = piece.0.get_mut(side) {
                    *slot = outside;
                }
                left.push(piece);
            }
            let inside = sets.common(own, other);
            if let Some(slot) = rest.0.get_mut(side) {
                *slot = inside;
            }
        }
        true
    }
}

/// The boxes of one rule: seldom more than one for each version of IP.
pub(super) type Boxes = SmallVec<[PacketBox; 2]>;

/// A rule that may cover others, by a number of the caller's.
#[derive(Clone, Debug)]
pub(super) struct Cover {
    pub(super) number: usize,
    pub(super) boxes: Boxes,
}

/// The fewest covers that were found to hold all of `target` together; `None` when some of it is left, or when that is too
/// hard to tell.
pub(super) fn covering(target: &[PacketBox], covers: &[Cover], sets: &mut Sets) -> Option<SmallVec<[usize; 2]>> {
    let alone = covers
        .iter()
        .find(|cover| target.iter().all(|target| cover.boxes.iter().any(|whole| target.is_within(*whole, sets))));
    if let Some(cover) = alone {
        return Some(smallvec![cover.number]);
    }
    if covers.len() < 2 && covers.iter().all(|cover| cover.boxes.len() < 2) {
        return None;
    }
    let mut used: Vec<&Cover> = Vec::new();
    let mut pieces = target.to_vec();
    for cover in covers {
        if take_out(&mut pieces, cover, sets)? {
            used.push(cover);
        }
        if pieces.is_empty() {
            return Some(needed(target, used, sets));
        }
    }
    None
}

/// What of `target` no cover holds; `None` when that is too hard to tell.
pub(super) fn left_over(target: &[PacketBox], covers: &[Cover], sets: &mut Sets) -> Option<Vec<PacketBox>> {
    let mut pieces = target.to_vec();
    for cover in covers {
        take_out(&mut pieces, cover, sets)?;
        if pieces.is_empty() {
            break;
        }
    }
    Some(pieces)
}

/// Takes a cover out of pieces and says whether it took anything.
fn take_out(pieces: &mut Vec<PacketBox>, cover: &Cover, sets: &mut Sets) -> Option<bool> {
    let mut took = false;
    for cut in &cover.boxes {
        let mut left = Vec::with_capacity(pieces.len());
        for piece in pieces.drain(..) {
            if piece.without(*cut, sets, &mut left) {
                took = true;
            } else {
                left.push(piece);
            }
        }
        *pieces = left;
        if pieces.len() > PIECES_MAX {
            return None;
        }
    }
    Some(took)
}

/// Those of `used` that cannot be left out.
fn needed(target: &[PacketBox], mut used: Vec<&Cover>, sets: &mut Sets) -> SmallVec<[usize; 2]> {
    const TRIED_MAX: usize = 24;
    let mut at = 0;
    while at < used.len() && used.len() <= TRIED_MAX {
        let mut pieces = target.to_vec();
        let others = used.iter().enumerate().filter(|(n, _)| *n != at);
        let fits = others.map(|(_, cover)| take_out(&mut pieces, cover, sets)).all(|took| took.is_some());
        if fits && pieces.is_empty() {
            used.remove(at);
        } else {
            at += 1;
        }
    }
    used.into_iter().map(|cover| cover.number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: u128 = 6;

    fn small_box(sets: &mut Sets, sides: &[(u128, u128)]) -> PacketBox {
        let mut at = sides.iter();
        let mut side = || {
            let &(low, more) = at.next().unwrap_or(&(0, LIMIT));
            sets.of([(low, (low + more).min(LIMIT))])
        };
        PacketBox::new(Sides {
            version: side(),
            protocols: side(),
            src: side(),
            dst: side(),
            src_port: side(),
            dst_port: side(),
            flags: side(),
        })
    }

    fn sides() -> impl Strategy<Value = Vec<(u128, u128)>> {
        prop::collection::vec((0..LIMIT, 0..LIMIT), 3)
    }

    proptest! {
        #[test]
        fn what_is_covered_is_covered_point_by_point(target in sides(), covers in prop::collection::vec(sides(), 0..8)) {
            let mut sets = Sets::new();
            let target_box = small_box(&mut sets, &target);
            let boxes: Vec<Cover> = covers
                .iter()
                .enumerate()
                .map(|(number, sides)| Cover { number, boxes: smallvec![small_box(&mut sets, sides)] })
                .collect();
            let holds = |sides: &[(u128, u128)], point: &[u128]| {
                sides.iter().zip(point).all(|(&(low, more), n)| (low..=(low + more).min(LIMIT)).contains(n))
            };
            let named = covering(&[target_box], &boxes, &mut sets);
            let mut is_covered = true;
            let mut by_named = true;
            for n in 0..(LIMIT + 1).pow(3) {
                let point = [n % (LIMIT + 1), n / (LIMIT + 1) % (LIMIT + 1), n / (LIMIT + 1).pow(2)];
                if holds(&target, &point) {
                    is_covered &= covers.iter().any(|sides| holds(sides, &point));
                    by_named &= named.iter().flatten().any(|number| holds(&covers[*number], &point));
                }
            }
            prop_assert_eq!(named.is_some(), is_covered);
            prop_assert!(named.is_none() || by_named);
        }
    }
}
