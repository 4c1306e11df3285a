//! The field of integers modulo `l = 2^252 + 27742317777372353535851937790883648493`, the order of
//! the groups that keys and signatures live in. Constant-time, as `curve25519-dalek` is.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Add, Mul, Neg, Sub};

use curve25519_dalek::scalar::Scalar;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroize;

use super::field::{Field, derived_operators};

/// A scalar of Curve25519, as a field element. Does not print, as most of them are secret.
#[derive(Clone, Copy, PartialEq, Eq, Default, Zeroize)]
pub struct Fl(Scalar);

impl Fl {
    /// The scalar, to multiply group elements by.
    pub const fn scalar(&self) -> &Scalar {
        &self.0
    }
}

impl From<Scalar> for Fl {
    fn from(scalar: Scalar) -> Self {
        Self(scalar)
    }
}

impl Add for Fl {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl Sub for Fl {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0 - rhs.0)
    }
}

impl Neg for Fl {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul for Fl {
    type Output = Self;
    fn mul(self, rhs: Self) -> Self {
        Self(self.0 * rhs.0)
    }
}

derived_operators!([] Fl);

impl Field for Fl {
    const ZERO: Self = Self(Scalar::ZERO);
    const ONE: Self = Self(Scalar::ONE);
    const BYTES: usize = 32;

    fn inverse(self) -> Option<Self> {
        (self != Self::ZERO).then(|| Self(self.0.invert()))
    }

    /// Uniform up to a distance of 2^-250: rejection would make time depend on the generator.
    fn random<R: rand::Rng + ?Sized>(rng: &mut R) -> Self {
        let mut wide = zeroize::Zeroizing::new([0; 64]);
        rng.fill_bytes(&mut *wide);
        Self(Scalar::from_bytes_mod_order_wide(&wide))
    }

    fn from_u64(v: u64) -> Self {
        Self(Scalar::from(v))
    }

    fn to_bytes_into(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.try_into().ok()?;
        Option::<Scalar>::from(Scalar::from_canonical_bytes(bytes)).map(Self)
    }
}

/// Of the encodings: for ordered collections, without meaning.
impl Ord for Fl {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

impl PartialOrd for Fl {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Fl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_bytes().hash(state);
    }
}

impl fmt::Debug for Fl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[scalar]")
    }
}

impl Serialize for Fl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <[u8; 32]>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("not reduced"))
    }
}
