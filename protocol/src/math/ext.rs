//! The quadratic extension `F[i] / (i^2 + 1)`, a field since -1 is no square in `F`.
//!
//! Challenges are drawn from it where `1 / |F|` is too likely a chance to pass a check.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::field::{Field, PrimeField, derived_operators};

/// The element `re + im * i`.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Zeroize, Serialize, Deserialize,
)]
#[serde(bound = "")]
pub struct Ext<F: PrimeField> {
    /// The part in the base field.
    pub re: F,
    /// The coefficient of `i`.
    pub im: F,
}

impl<F: PrimeField> Ext<F> {
    /// The element `re + im * i`.
    pub const fn new(re: F, im: F) -> Self {
        Self { re, im }
    }

    /// An element of the base field.
    pub const fn embed(re: F) -> Self {
        Self { re, im: F::ZERO }
    }

    /// The product with an element of the base field: two multiplications.
    pub fn scale(self, by: F) -> Self {
        Self { re: self.re * by, im: self.im * by }
    }
}

impl<F: PrimeField> From<F> for Ext<F> {
    fn from(re: F) -> Self {
        Self::embed(re)
    }
}

impl<F: PrimeField> Add for Ext<F> {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self { re: self.re + rhs.re, im: self.im + rhs.im }
    }
}

impl<F: PrimeField> Sub for Ext<F> {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self { re: self.re - rhs.re, im: self.im - rhs.im }
    }
}

impl<F: PrimeField> Neg for Ext<F> {
    type Output = Self;
    fn neg(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }
}

impl<F: PrimeField> Mul for Ext<F> {
    type Output = Self;
    fn mul(self, rhs: Self) -> Self {
        let real = self.re * rhs.re;
        let imaginary = self.im * rhs.im;
        let cross = (self.re + self.im) * (rhs.re + rhs.im) - real - imaginary;
        Self { re: real - imaginary, im: cross }
    }
}

derived_operators!([F: PrimeField] Ext<F>);

impl<F: PrimeField> Field for Ext<F> {
    const ZERO: Self = Self { re: F::ZERO, im: F::ZERO };
    const ONE: Self = Self { re: F::ONE, im: F::ZERO };
    const BYTES: usize = 2 * F::BYTES;

    fn inverse(self) -> Option<Self> {
        // The norm is zero for zero only, since -1 is no square.
        let norm = (self.re * self.re + self.im * self.im).inverse()?;
        Some(Self { re: self.re * norm, im: -self.im * norm })
    }

    fn random<R: rand::Rng + ?Sized>(rng: &mut R) -> Self {
        Self { re: F::random(rng), im: F::random(rng) }
    }

    fn from_u64(v: u64) -> Self {
        Self::embed(F::from_u64(v))
    }

    fn to_bytes_into(self, out: &mut Vec<u8>) {
        self.re.to_bytes_into(out);
        self.im.to_bytes_into(out);
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (re, im) = bytes.split_at_checked(F::BYTES)?;
        Some(Self { re: F::from_bytes(re)?, im: F::from_bytes(im)? })
    }
}

impl<F: PrimeField> fmt::Debug for Ext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}+{:?}i", self.re, self.im)
    }
}
