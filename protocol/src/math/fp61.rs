//! The field of order `p = 2^61 - 1`, a Mersenne prime.
//!
//! Elements are kept reduced in a `u64`. Addition, subtraction and multiplication have no branch
//! and no table, so their time says nothing about the operands; neither do powers with a public
//! exponent. Comparison is not constant-time: secrets are never compared.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use super::field::{Field, PrimeField, derived_operators};

const P: u64 = (1 << 61) - 1;

/// Products below `p^2 < 2^122` that a `u128` holds the sum of, beside a reduced carry.
const LAZY: u32 = 63;

/// An element of the field of order `2^61 - 1`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Zeroize)]
pub struct Fp61(u64);

/// `v mod p` for `v < 2p`.
const fn reduce_once(v: u64) -> u64 {
    let difference = v.wrapping_sub(P);
    let borrow = difference >> 63;
    difference.wrapping_add(P & borrow.wrapping_neg())
}

/// `v mod p`: since `2^61 = 1`, blocks of 61 bits add up.
#[expect(clippy::cast_possible_truncation, reason = "each block is masked to 61 bits or shorter")]
const fn reduce_wide(v: u128) -> u64 {
    let low = v as u64 & P;
    let middle = (v >> 61) as u64 & P;
    let high = (v >> 122) as u64;
    reduce_once(reduce_once(low + middle) + high)
}

impl Fp61 {
    /// The element that `v` is congruent to; for constants.
    pub const fn new(v: u64) -> Self {
        Self(reduce_once((v & P) + (v >> 61)))
    }
}

impl Add for Fp61 {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(reduce_once(self.0 + rhs.0))
    }
}

impl Sub for Fp61 {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(reduce_once(self.0 + P - rhs.0))
    }
}

impl Neg for Fp61 {
    type Output = Self;
    fn neg(self) -> Self {
        Self(reduce_once(P - self.0))
    }
}

impl Mul for Fp61 {
    type Output = Self;
    #[expect(clippy::cast_possible_truncation, reason = "a product is below 2^122")]
    fn mul(self, rhs: Self) -> Self {
        let product = u128::from(self.0) * u128::from(rhs.0);
        Self(reduce_once((product as u64 & P) + (product >> 61) as u64))
    }
}

derived_operators!([] Fp61);

impl Field for Fp61 {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    const BYTES: usize = 8;

    fn inverse(self) -> Option<Self> {
        (self != Self::ZERO).then(|| self.pow(u128::from(P) - 2))
    }

    fn random<R: rand::Rng + ?Sized>(rng: &mut R) -> Self {
        loop {
            let candidate = rng.next_u64() >> 3;
            if candidate < P {
                return Self(candidate);
            }
        }
    }

    fn from_u64(v: u64) -> Self {
        Self::new(v)
    }

    fn to_bytes_into(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let v = u64::from_le_bytes(bytes.try_into().ok()?);
        (v < P).then_some(Self(v))
    }

    // Inlined, the loop is a third shorter: it knows how many pairs there are.
    #[inline]
    fn sum_of_products(pairs: impl Iterator<Item = (Self, Self)>) -> Self {
        let mut sum = 0u128;
        let mut room = LAZY;
        for (a, b) in pairs {
            if room == 0 {
                sum = u128::from(reduce_wide(sum));
                room = LAZY;
            }
            sum += u128::from(a.0) * u128::from(b.0);
            room -= 1;
        }
        Self(reduce_wide(sum))
    }
}

impl PrimeField for Fp61 {
    const MODULUS: u64 = P;

    fn to_u64(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for Fp61 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for Fp61 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Fp61 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let v = u64::deserialize(deserializer)?;
        if v < P { Ok(Self(v)) } else { Err(serde::de::Error::custom("not reduced")) }
    }
}
