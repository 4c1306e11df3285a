//! Points of Edwards25519 that are safe to do Schnorr with: in the subgroup of prime order, with
//! one encoding each.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Sub};

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, IsIdentity};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::math::Fl;

/// A point of prime order, or the identity. Decoding refuses every other point of the curve and
/// every other encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Point(EdwardsPoint);

impl Point {
    /// The neutral element.
    pub fn identity() -> Self {
        Self(EdwardsPoint::identity())
    }

    /// `scalar * B`, B the base point of Ed25519. Constant-time.
    pub fn base(scalar: &Fl) -> Self {
        Self(EdwardsPoint::mul_base(scalar.scalar()))
    }

    /// Whether it is the neutral element.
    pub fn is_identity(&self) -> bool {
        self.0.is_identity()
    }

    /// The point with this encoding; `None` if it is not canonical, not on the curve, or not in the
    /// subgroup of prime order. The identity has an encoding, and may have to be refused by callers.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        (point.compress().as_bytes() == bytes && point.is_torsion_free()).then_some(Self(point))
    }

    /// Eight times the point with this encoding: of prime order whatever the point is, for a tenth
    /// of the cost of [`from_bytes`](Self::from_bytes). `None` if it is not canonical or not on the
    /// curve. What encodes to it is [`to_eighth_bytes`](Self::to_eighth_bytes).
    pub fn from_eighth_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let point = CompressedEdwardsY(*bytes).decompress()?;
        (point.compress().as_bytes() == bytes).then(|| Self(point.mul_by_cofactor()))
    }

    /// The encoding.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    /// The encoding of the point of prime order that is an eighth of this one.
    pub fn to_eighth_bytes(&self) -> [u8; 32] {
        let eighth = Scalar::from(8u64).invert();
        (self.0 * eighth).compress().to_bytes()
    }

    /// The point, to compute with.
    pub const fn edwards(&self) -> &EdwardsPoint {
        &self.0
    }

    /// `sum of scalars_i * points_i`, over as many as there are of both. In variable time: of public values only.
    pub fn combine<'a>(
        scalars: impl IntoIterator<Item = Fl>,
        points: impl IntoIterator<Item = &'a Self>,
    ) -> Self {
        use curve25519_dalek::traits::VartimeMultiscalarMul;
        let pairs = scalars.into_iter().zip(points);
        let (scalars, points): (Vec<Scalar>, Vec<EdwardsPoint>) =
            pairs.map(|(scalar, point)| (*scalar.scalar(), point.0)).unzip();
        Self(EdwardsPoint::vartime_multiscalar_mul(scalars, points))
    }
}

impl Add for Point {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0 + rhs.0)
    }
}

impl Sub for Point {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0 - rhs.0)
    }
}

impl Mul<Fl> for Point {
    type Output = Self;
    fn mul(self, rhs: Fl) -> Self {
        Self(self.0 * rhs.scalar())
    }
}

impl Sum for Point {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::identity(), Add::add)
    }
}

/// The first eight hexadecimal digits.
impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.to_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl Serialize for Point {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <[u8; 32]>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("not a sound point"))
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::math::Field;
    use crate::wire;

    #[test]
    fn points_with_torsion_and_other_encodings_are_refused() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let point = Point::base(&Fl::random(&mut rng));
        assert_eq!(Point::from_bytes(&point.to_bytes()), Some(point));
        for torsion in EIGHT_TORSION.iter().skip(1) {
            let mixed = (point.edwards() + torsion).compress().to_bytes();
            assert_eq!(Point::from_bytes(&mixed), None);
            assert_eq!(Point::from_bytes(torsion.compress().as_bytes()), None);
            assert!(wire::decode::<Point>(&mixed, 32).is_err());
        }
        // y = 1 + p, and the identity with the sign of x set.
        let mut above = [0xff; 32];
        above[0] = 0xee;
        above[31] = 0x7f;
        let mut signed = [0; 32];
        (signed[0], signed[31]) = (1, 0x80);
        for bytes in [above, signed] {
            assert_eq!(Point::from_bytes(&bytes), None);
            assert_eq!(Point::from_eighth_bytes(&bytes), None);
        }
    }

    #[test]
    fn eighths_give_points_of_prime_order_whatever_was_sent() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let point = Point::base(&Fl::random(&mut rng));
        assert_eq!(Point::from_eighth_bytes(&point.to_eighth_bytes()), Some(point));
        let eighth = CompressedEdwardsY(point.to_eighth_bytes()).decompress().unwrap();
        for torsion in EIGHT_TORSION {
            let mixed = (eighth + torsion).compress().to_bytes();
            assert_eq!(Point::from_eighth_bytes(&mixed), Some(point));
        }
    }
}
