//! Exact decimal numbers: whole millionths, never a float.

use std::cmp::Ordering;
use std::fmt;

const PLACES: usize = 6;
const UNIT: u64 = 1_000_000;

/// A decimal number from 0 with at most [`Decimal::PLACES`] digits after the point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Decimal(u64);

impl Decimal {
    /// Most digits after the point.
    pub const PLACES: usize = PLACES;
    /// A whole number.
    pub const fn whole(value: u32) -> Self {
        Self(value as u64 * UNIT)
    }

    /// The number with the digits `whole` before and `fraction` after the point. `None` if there
    /// is none before, something else than a digit, or more digits than can be held.
    pub fn from_digits(whole: &str, fraction: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || fraction.len() > PLACES || !digits(whole) || !digits(fraction) {
            return None;
        }
        let whole: u32 = whole.parse().ok()?;
        let millionths: u64 = format!("{fraction:0<PLACES$}").parse().ok()?;
        Some(Self(u64::from(whole) * UNIT + millionths))
    }

    /// Whether there is nothing after the point.
    pub const fn is_whole(self) -> bool {
        self.0.is_multiple_of(UNIT)
    }

    /// `floor(self * factor)`; the greatest `u64` if it is larger than that.
    pub fn floor_times(self, factor: u64) -> u64 {
        saturate(self.times(factor) / u128::from(UNIT))
    }

    /// `ceil(self * factor)`; the greatest `u64` if it is larger than that.
    pub fn ceil_times(self, factor: u64) -> u64 {
        saturate(self.times(factor).div_ceil(u128::from(UNIT)))
    }

    /// How `numerator / denominator` compares with this number, without dividing.
    pub fn compare_fraction(self, numerator: u64, denominator: u64) -> Ordering {
        (u128::from(numerator) * u128::from(UNIT)).cmp(&self.times(denominator))
    }

    // In millionths. Neither factor is over 2^64, so the product is not over 2^128.
    fn times(self, factor: u64) -> u128 {
        u128::from(self.0) * u128::from(factor)
    }
}

fn saturate(value: u128) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Without trailing zeros, so that each number has one text.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / UNIT)?;
        if self.is_whole() {
            return Ok(());
        }
        let fraction = format!("{:0PLACES$}", self.0 % UNIT);
        write!(f, ".{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_one_text() {
        for (whole, fraction, text) in [
            ("0", "", "0"),
            ("75", "500", "75.5"),
            ("075", "000000000", "75"),
            ("66", "67", "66.67"),
            ("1", "000001", "1.000001"),
            ("0", "05", "0.05"),
        ] {
            assert_eq!(Decimal::from_digits(whole, fraction).unwrap().to_string(), text);
        }
        for (whole, fraction) in
            [("", "5"), ("1", "0000001"), ("+1", ""), ("1", "-1"), ("4294967296", ""), ("1 ", "")]
        {
            assert_eq!(Decimal::from_digits(whole, fraction), None, "{whole}.{fraction}");
        }
    }

    #[test]
    fn products_round_as_asked() {
        let third = Decimal::from_digits("33", "333333").unwrap();
        assert_eq!((third.floor_times(3), third.ceil_times(3)), (99, 100));
        let half = Decimal::from_digits("75", "5").unwrap();
        assert_eq!((half.floor_times(4), half.ceil_times(4)), (302, 302));
        assert_eq!((half.floor_times(3), half.ceil_times(3)), (226, 227));
        assert_eq!(Decimal::whole(u32::MAX).ceil_times(u64::MAX), u64::MAX);
    }
}
