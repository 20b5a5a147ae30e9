//! Sequence numbers: 32 bits that wrap.

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Sub};

/// A TCP sequence number. Comparison is by distance round the circle (RFC 9293, section 3.4): `a < b` when `b` is less
/// than half the circle ahead of `a`. That is an order only among numbers that are close, so [`Ord`] is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

impl Seq {
    /// How far `self` is ahead of `earlier`; wraps when it is behind.
    #[must_use]
    pub fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// The later of the two.
    #[must_use]
    pub fn later(self, other: Self) -> Self {
        if self < other { other } else { self }
    }
}

impl Add<u32> for Seq {
    type Output = Self;
    fn add(self, by: u32) -> Self {
        Self(self.0.wrapping_add(by))
    }
}

impl AddAssign<u32> for Seq {
    fn add_assign(&mut self, by: u32) {
        *self = *self + by;
    }
}

impl Sub<u32> for Seq {
    type Output = Self;
    fn sub(self, by: u32) -> Self {
        Self(self.0.wrapping_sub(by))
    }
}

impl PartialOrd for Seq {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.0.wrapping_sub(other.0) as i32).partial_cmp(&0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        let high = Seq(u32::MAX - 1);
        assert!(high < high + 5);
        assert!(high + 5 > high);
        assert_eq!((high + 5).since(high), 5);
        assert_eq!(high.later(high + 5), Seq(3));
        assert!(Seq(1) - 2 < Seq(0));
    }
}
