//! Tests of a number, as most numeric keywords write them.

use std::fmt;

/// A test of an unsigned number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare<T> {
    /// `n` or `=n`
    Eq(T),
    /// `!n`
    Ne(T),
    /// `<n`
    Lt(T),
    /// `<=n`
    Le(T),
    /// `>n`
    Gt(T),
    /// `>=n`
    Ge(T),
    /// `a<>b`, without the ends.
    Between(T, T),
}

impl<T: PartialOrd + Copy> Compare<T> {
    /// Whether `value` passes.
    pub fn matches(self, value: T) -> bool {
        match self {
            Self::Eq(n) => value == n,
            Self::Ne(n) => value != n,
            Self::Lt(n) => value < n,
            Self::Le(n) => value <= n,
            Self::Gt(n) => value > n,
            Self::Ge(n) => value >= n,
            Self::Between(low, high) => low < value && value < high,
        }
    }
}

impl<T: fmt::Display> fmt::Display for Compare<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Eq(n) => write!(f, "{n}"),
            Self::Ne(n) => write!(f, "!{n}"),
            Self::Lt(n) => write!(f, "<{n}"),
            Self::Le(n) => write!(f, "<={n}"),
            Self::Gt(n) => write!(f, ">{n}"),
            Self::Ge(n) => write!(f, ">={n}"),
            Self::Between(low, high) => write!(f, "{low}<>{high}"),
        }
    }
}
