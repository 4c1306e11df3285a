//! Numbers of a range as sums of weights: every choice of weights is a number of the range.
//!
//! A voter's input is entered as bits, each masked with a random bit. If the bits stood for powers
//! of two, a hostile voter could enter 127 where 100 is the greatest number allowed, and every
//! vote would need a proof. With the weights 1, 2, 4, ..., 2^(k-2) and R - 2^(k-1) + 1, where
//! 2^(k-1) <= R < 2^k, the sums of all choices are exactly 0 to R: the first k - 1 weights give 0
//! to 2^(k-1) - 1, the last one lifts that to the rest. Whatever bits a voter sends, they stand
//! for an input that is allowed, and there is nothing to check.
//!
//! For 0 to 100: 1, 2, 4, 8, 16, 32, 37.

use crate::zoo::{self, Mutant};

/// The weights for numbers from 0 to `range`; none if `range` is 0.
pub fn weights(range: u64) -> Vec<u64> {
    let Some(last) = range.checked_ilog2() else { return Vec::new() };
    let mut weights: Vec<u64> = (0..last).map(|i| 1 << i).collect();
    weights.push(zoo::instead(range - ((1 << last) - 1), Mutant::WeightsBinary, 1 << last));
    weights
}

/// Bits whose weights sum to `value`. `None` if it is over `range`.
pub fn to_bits(value: u64, range: u64) -> Option<Vec<bool>> {
    let mut rest = value;
    let mut bits: Vec<bool> = Vec::new();
    let weights = weights(range);
    let powers: u64 = weights.iter().rev().skip(1).sum();
    for weight in weights.iter().rev() {
        // The last weight where the powers alone do not suffice; then binary digits.
        let taken = if bits.is_empty() { rest > powers } else { rest >= *weight };
        rest -= if taken { *weight } else { 0 };
        bits.push(taken);
    }
    bits.reverse();
    (value <= range).then_some(bits)
}

/// The number that bits stand for.
pub fn from_bits(bits: &[bool], range: u64) -> u64 {
    weights(range).iter().zip(bits).filter(|(_, bit)| **bit).map(|(weight, _)| weight).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weights_of_a_hundred() {
        assert_eq!(weights(100), [1, 2, 4, 8, 16, 32, 37]);
        assert_eq!(weights(1), [1]);
        assert!(weights(0).is_empty());
    }

    #[test]
    fn every_value_has_bits_and_all_bits_are_in_range() {
        for range in 1..=130 {
            for value in 0..=range {
                let bits = to_bits(value, range).unwrap();
                assert_eq!(from_bits(&bits, range), value, "{value} of {range}");
            }
            assert_eq!(to_bits(range + 1, range), None);
            let k = weights(range).len();
            let mut reached = vec![false; 1 + range as usize];
            for choice in 0u32..1 << k {
                let bits: Vec<bool> = (0..k).map(|i| choice >> i & 1 == 1).collect();
                // Panics if a choice of weights leaves the range.
                reached[from_bits(&bits, range) as usize] = true;
            }
            assert!(reached.into_iter().all(|reached| reached), "{range}");
        }
    }
}
