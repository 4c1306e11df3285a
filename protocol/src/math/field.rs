//! What a finite field is.

use std::fmt::Debug;
use std::hash::Hash;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, MulAssign, Neg, Sub, SubAssign};

use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroize;

/// A finite field of odd characteristic. Elements have one encoding, [`Field::BYTES`] long.
pub trait Field:
    Copy
    + Eq
    + Ord
    + Default
    + Debug
    + Hash
    + Send
    + Sync
    + 'static
    + Zeroize
    + Serialize
    + DeserializeOwned
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
{
    /// Neutral for addition; also the default.
    const ZERO: Self;
    /// Neutral for multiplication.
    const ONE: Self;
    /// Length of an encoded element.
    const BYTES: usize;

    /// The multiplicative inverse; `None` for zero only.
    fn inverse(self) -> Option<Self>;

    /// An element, exactly uniform.
    fn random<R: rand::Rng + ?Sized>(rng: &mut R) -> Self;

    /// The image of an integer, reduced modulo the characteristic.
    fn from_u64(v: u64) -> Self;

    /// Appends the encoding, little-endian, [`Field::BYTES`] long.
    fn to_bytes_into(self, out: &mut Vec<u8>);

    /// The element with this encoding; `None` for a wrong length or a number not reduced.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// `self^exponent`; `0^0` is one. Time depends on the exponent, not on the element.
    fn pow(self, exponent: u128) -> Self {
        let mut result = Self::ONE;
        for bit in (0..u128::BITS - exponent.leading_zeros()).rev() {
            result *= result;
            if exponent >> bit & 1 == 1 {
                result *= self;
            }
        }
        result
    }

    /// The sum of the products of pairs. Faster than one by one where reductions can wait.
    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        pairs.map(|(a, b)| a * b).sum()
    }

    /// Inverts all elements, with one inversion; `None` if one of them is zero.
    fn inverse_all(values: &[Self]) -> Option<Vec<Self>> {
        let mut product = Self::ONE;
        let mut inverses = Vec::with_capacity(values.len());
        for value in values {
            inverses.push(product);
            product *= *value;
        }
        let mut rest = product.inverse()?;
        for (inverse, value) in inverses.iter_mut().zip(values).rev() {
            *inverse *= rest;
            rest *= *value;
        }
        Some(inverses)
    }
}

/// A field of prime order `p = 3 mod 4`, so that -1 is not a square.
pub trait PrimeField: Field {
    /// The order.
    const MODULUS: u64;

    /// The representative from 0 to `p - 1`.
    fn to_u64(self) -> u64;

    /// The even one of the two square roots (0 for 0); `None` for a non-square.
    fn sqrt(self) -> Option<Self> {
        let root = self.pow((u128::from(Self::MODULUS) + 1) / 4);
        if root * root != self {
            return None;
        }
        Some(if root.to_u64() & 1 == 0 { root } else { -root })
    }
}

/// Implements the operators and serde that follow from `Add`, `Sub`, `Mul`, `Neg` and the
/// integer representative.
macro_rules! derived_operators {
    ([$($generics:tt)*] $type:ty) => {
        impl<$($generics)*> std::ops::AddAssign for $type {
            fn add_assign(&mut self, rhs: Self) { *self = *self + rhs; }
        }
        impl<$($generics)*> std::ops::SubAssign for $type {
            fn sub_assign(&mut self, rhs: Self) { *self = *self - rhs; }
        }
        impl<$($generics)*> std::ops::MulAssign for $type {
            fn mul_assign(&mut self, rhs: Self) { *self = *self * rhs; }
        }
        impl<$($generics)*> std::iter::Sum for $type {
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, |a, b| a + b)
            }
        }
    };
}
pub(super) use derived_operators;
