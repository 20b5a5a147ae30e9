//! Tests of a number, as most numeric keywords write them.

use std::fmt;
use std::str::FromStr;

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

impl<T> Compare<T> {
    /// The same test of another type of number.
    pub fn map<U>(self, to: impl Fn(T) -> U) -> Compare<U> {
        match self {
            Self::Eq(n) => Compare::Eq(to(n)),
            Self::Ne(n) => Compare::Ne(to(n)),
            Self::Lt(n) => Compare::Lt(to(n)),
            Self::Le(n) => Compare::Le(to(n)),
            Self::Gt(n) => Compare::Gt(to(n)),
            Self::Ge(n) => Compare::Ge(to(n)),
            Self::Between(low, high) => Compare::Between(to(low), to(high)),
        }
    }
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

/// An unsigned number type.
pub(crate) trait Unsigned: Copy + Ord + FromStr {
    const MIN: Self;
    const MAX: Self;
    fn from_u64(number: u64) -> Option<Self>;
    fn to_u64(self) -> u64;
}

macro_rules! unsigned {
    ($($number:ty),+) => {
        $(impl Unsigned for $number {
            const MIN: Self = <$number>::MIN;
            const MAX: Self = <$number>::MAX;
            fn from_u64(number: u64) -> Option<Self> {
                number.try_into().ok()
            }
            fn to_u64(self) -> u64 {
                self as u64
            }
        })+
    };
}
unsigned!(u8, u16, u32, u64);

/// Makes a test, unless it always or never holds.
type Make<T> = fn(T) -> Option<Compare<T>>;

/// Reads a test from the start of `text`; the rest is what follows it. Tests that always or never hold are refused, as
/// Suricata does.
pub(crate) fn parse<T: Unsigned>(text: &str) -> Option<(Compare<T>, &str)> {
    let text = text.trim_start_matches(' ');
    if let Some((low, rest)) = digits::<T>(text)
        && let Some(rest) =
            rest.trim_start_matches(' ').strip_prefix("<>").or_else(|| rest.trim_start_matches(' ').strip_prefix('-'))
        && let Some((high, rest)) = digits::<T>(rest.trim_start_matches(' '))
        && high.to_u64().saturating_sub(low.to_u64()) > 1
    {
        return Some((Compare::Between(low, high), rest));
    }
    let operators: [(&str, Make<T>); 6] = [
        (">=", |n| (n > T::MIN).then_some(Compare::Ge(n))),
        ("<=", |n| (n < T::MAX).then_some(Compare::Le(n))),
        (">", |n| (n < T::MAX).then_some(Compare::Gt(n))),
        ("<", |n| (n > T::MIN).then_some(Compare::Lt(n))),
        ("!=", |n| Some(Compare::Ne(n))),
        ("!", |n| Some(Compare::Ne(n))),
    ];
    for (operator, make) in operators {
        if let Some(rest) = text.strip_prefix(operator) {
            let (number, rest) = digits::<T>(rest.trim_start_matches(' '))?;
            return Some((make(number)?, rest));
        }
    }
    let (number, rest) = with_unit::<T>(text.strip_prefix('=').unwrap_or(text).trim_start_matches(' '))?;
    Some((Compare::Eq(number), rest))
}

fn digits<T: Unsigned>(text: &str) -> Option<(T, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, rest))
}

/// A number with `kb`, `mb` or `gb` behind it.
fn with_unit<T: Unsigned>(text: &str) -> Option<(T, &str)> {
    let (number, rest) = digits::<T>(text)?;
    for (unit, factor) in [("kb", 1u64 << 10), ("mb", 1 << 20), ("gb", 1 << 30)] {
        if let Some((written, after)) = rest.split_at_checked(2)
            && written.eq_ignore_ascii_case(unit)
        {
            return Some((T::from_u64(number.to_u64().checked_mul(factor)?)?, after));
        }
    }
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<Compare<u8>> {
        parse(text).filter(|(_, rest)| rest.is_empty()).map(|(compare, _)| compare)
    }

    #[test]
    fn all_forms_are_read() {
        assert_eq!(whole("5"), Some(Compare::Eq(5)));
        assert_eq!(whole("= 5"), Some(Compare::Eq(5)));
        assert_eq!(whole("!5"), Some(Compare::Ne(5)));
        assert_eq!(whole("!= 5"), Some(Compare::Ne(5)));
        assert_eq!(whole("< 5"), Some(Compare::Lt(5)));
        assert_eq!(whole(">=5"), Some(Compare::Ge(5)));
        assert_eq!(whole("1<>5"), Some(Compare::Between(1, 5)));
        assert_eq!(whole("1 - 5"), Some(Compare::Between(1, 5)));
        assert_eq!(parse::<u32>("2kb").map(|(compare, _)| compare), Some(Compare::Eq(2048)));
    }

    #[test]
    fn tests_without_sense_are_refused() {
        for text in ["", "256", "<0", ">255", ">=0", "<=255", "1<>2", "5<>1", "<", "a", "1kb"] {
            assert_eq!(whole(text), None, "{text}");
        }
    }
}
