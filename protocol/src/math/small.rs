//! Prime fields so small that tests can try every element.

use std::fmt;
use std::ops::{Add, Mul, Neg, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use super::field::{Field, PrimeField, derived_operators};

/// An element of the field of prime order `P < 256`, `P = 3 mod 4`. Not constant-time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Zeroize)]
pub struct Small<const P: u64>(u64);

/// The field of order 7.
pub type F7 = Small<7>;

/// The field of order 31.
pub type F31 = Small<31>;

impl<const P: u64> Small<P> {
    /// Every element, from 0.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..P).map(Self)
    }
}

impl<const P: u64> Add for Small<P> {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self((self.0 + rhs.0) % P)
    }
}

impl<const P: u64> Sub for Small<P> {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self((self.0 + P - rhs.0) % P)
    }
}

impl<const P: u64> Neg for Small<P> {
    type Output = Self;
    fn neg(self) -> Self {
        Self((P - self.0) % P)
    }
}

impl<const P: u64> Mul for Small<P> {
    type Output = Self;
    fn mul(self, rhs: Self) -> Self {
        Self(self.0 * rhs.0 % P)
    }
}

derived_operators!([const P: u64] Small<P>);

impl<const P: u64> Field for Small<P> {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);
    const BYTES: usize = 1;

    fn inverse(self) -> Option<Self> {
        (self.0 != 0).then(|| self.pow(u128::from(P) - 2))
    }

    fn random<R: rand::Rng + ?Sized>(rng: &mut R) -> Self {
        let limit = u64::MAX - u64::MAX % P;
        loop {
            let candidate = rng.next_u64();
            if candidate < limit {
                return Self(candidate % P);
            }
        }
    }

    fn from_u64(v: u64) -> Self {
        Self(v % P)
    }

    #[expect(clippy::cast_possible_truncation, reason = "P < 256")]
    fn to_bytes_into(self, out: &mut Vec<u8>) {
        out.push(self.0 as u8);
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [v] if u64::from(*v) < P => Some(Self(u64::from(*v))),
            _ => None,
        }
    }
}

impl<const P: u64> PrimeField for Small<P> {
    const MODULUS: u64 = {
        assert!(P < 256 && P % 4 == 3, "a prime below 256 that is 3 modulo 4");
        P
    };

    fn to_u64(self) -> u64 {
        self.0
    }
}

impl<const P: u64> fmt::Debug for Small<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<const P: u64> Serialize for Small<P> {
    #[expect(clippy::cast_possible_truncation, reason = "P < 256")]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0 as u8)
    }
}

impl<'de, const P: u64> Deserialize<'de> for Small<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let v = u64::from(u8::deserialize(deserializer)?);
        if v < P { Ok(Self(v)) } else { Err(serde::de::Error::custom("not reduced")) }
    }
}
