//! Points of Edwards25519 that are safe to do Schnorr with: in the subgroup of prime order, with
//! one encoding each.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Mul, Sub};
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::group::{
    CompressedEdwardsY, EdwardsPoint, Identity, IsIdentity, Scalar, VartimeMultiscalarMul,
};
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
        let point = decode(bytes)?;
        point.is_torsion_free().then_some(Self(point))
    }

    /// Eight times the point with this encoding: of prime order whatever the point is, for a tenth
    /// of the cost of [`from_bytes`](Self::from_bytes). `None` if it is not canonical or not on the
    /// curve. What encodes to it is [`to_eighth_bytes`](Self::to_eighth_bytes).
    pub fn from_eighth_bytes(bytes: &[u8; 32]) -> Option<Self> {
        decode(bytes).map(|point| Self(point.mul_by_cofactor()))
    }

    /// The encoding.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }

    /// The encoding of the point of prime order that is an eighth of this one.
    pub fn to_eighth_bytes(&self) -> [u8; 32] {
        (self.0 * *EIGHTH).compress().to_bytes()
    }

    /// What [`to_eighth_bytes`](Self::to_eighth_bytes) gives of `scalar * B` for each scalar, much
    /// faster. In time that depends on their number only.
    pub fn base_eighths(scalars: &[Fl]) -> Vec<[u8; 32]> {
        let points: Vec<EdwardsPoint> = scalars
            .iter()
            .map(|scalar| EdwardsPoint::mul_base(&Zeroizing::new(scalar.scalar() * *EIGHTH)))
            .collect();
        let encodings = EdwardsPoint::compress_batch_alloc(&points);
        encodings.iter().map(CompressedEdwardsY::to_bytes).collect()
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
        let pairs = scalars.into_iter().zip(points);
        let (scalars, points): (Vec<Scalar>, Vec<EdwardsPoint>) =
            pairs.map(|(scalar, point)| (*scalar.scalar(), point.0)).unzip();
        Self(EdwardsPoint::vartime_multiscalar_mul(scalars, points))
    }
}

static EIGHTH: LazyLock<Scalar> = LazyLock::new(|| Scalar::from(8u64).invert());

/// The point of the curve with this encoding, if it is the one that encoding gives.
fn decode(bytes: &[u8; 32]) -> Option<EdwardsPoint> {
    is_canonical(bytes).then(|| CompressedEdwardsY(*bytes).decompress())?
}

/// Whether y is below `p = 2^255 - 19`, and no sign is given to `x = 0`, that is at `y = 1` and
/// `y = -1`. Far faster than encoding again.
fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    let all = |value| middle.iter().all(|byte| *byte == value);
    let top = *high == 0x7f || *high == 0xff;
    let reduced = !(top && all(0xff) && *low >= 0xed);
    let one = *high == 0x80 && all(0) && *low == 1;
    let minus_one = *high == 0xff && all(0xff) && *low == 0xec;
    reduced && !one && !minus_one
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

/// How a point is read that this member wrote down itself, where nobody else can write: the check that
/// it is of prime order, which is most of the work of reading it, is left out.
pub mod own {
    use super::{Deserialize, Deserializer, Point, Serialize, Serializer, decode};

    /// Writes a point as everywhere.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(point: &Point, serializer: S) -> Result<S::Ok, S::Error> {
        point.serialize(serializer)
    }

    /// Reads a point of our own.
    ///
    /// # Errors
    /// It is not canonical or not on the curve.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Point, D::Error> {
        let bytes = <[u8; 32]>::deserialize(deserializer)?;
        decode(&bytes).map(Point).ok_or_else(|| serde::de::Error::custom("not a point"))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::math::Field;

    /// Ideal groups have only elements of prime order, and one encoding of each.
    #[cfg(not(quorate_ideal))]
    #[test]
    fn points_with_torsion_and_other_encodings_are_refused() {
        use curve25519_dalek::constants::EIGHT_TORSION;

        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let point = Point::base(&Fl::random(&mut rng));
        assert_eq!(Point::from_bytes(&point.to_bytes()), Some(point));
        for torsion in EIGHT_TORSION.iter().skip(1) {
            let mixed = (point.edwards() + torsion).compress().to_bytes();
            assert_eq!(Point::from_bytes(&mixed), None);
            assert_eq!(Point::from_bytes(torsion.compress().as_bytes()), None);
            assert!(crate::wire::decode::<Point>(&mixed, 32).is_err());
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

    /// Ideal groups have only elements of prime order, and one encoding of each.
    #[cfg(not(quorate_ideal))]
    #[test]
    fn canonical_encodings_are_those_that_encoding_gives() {
        use curve25519_dalek::constants::EIGHT_TORSION;

        let mut encodings: Vec<[u8; 32]> =
            EIGHT_TORSION.iter().map(|torsion| torsion.compress().to_bytes()).collect();
        for low in 0..=255 {
            for (rest, high) in [(0, 0), (0xff, 0x7f), (0xff, 0x7e), (0, 0x7f)] {
                let mut bytes = [rest; 32];
                (bytes[0], bytes[31]) = (low, high);
                encodings.push(bytes);
            }
        }
        let mut refused = 0;
        for mut bytes in encodings {
            for sign in [0, 0x80] {
                bytes[31] ^= sign;
                let Some(point) = CompressedEdwardsY(bytes).decompress() else { continue };
                assert_eq!(is_canonical(&bytes), *point.compress().as_bytes() == bytes);
                refused += usize::from(!is_canonical(&bytes));
            }
        }
        assert!(refused > 10, "{refused}");
    }

    #[test]
    fn many_eighths_are_those_of_each() {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let scalars = [Fl::ZERO, Fl::ONE, Fl::random(&mut rng), -Fl::ONE];
        let each = scalars.map(|scalar| Point::base(&scalar).to_eighth_bytes());
        assert_eq!(Point::base_eighths(&scalars), each);
        assert!(Point::base_eighths(&[]).is_empty());
    }

    /// Ideal groups have only elements of prime order, and one encoding of each.
    #[cfg(not(quorate_ideal))]
    #[test]
    fn eighths_give_points_of_prime_order_whatever_was_sent() {
        use curve25519_dalek::constants::EIGHT_TORSION;

        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let point = Point::base(&Fl::random(&mut rng));
        assert_eq!(Point::from_eighth_bytes(&point.to_eighth_bytes()), Some(point));
        let eighth = CompressedEdwardsY(point.to_eighth_bytes()).decompress().unwrap();
        for torsion in EIGHT_TORSION {
            let mixed = (eighth + torsion).compress().to_bytes();
            assert_eq!(Point::from_eighth_bytes(&mixed), Some(point));
        }
    }

    #[test]
    fn our_own_points_are_read_as_they_were_written() {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Own(#[serde(with = "own")] Point);
        let point = Point::base(&Fl::from_u64(7));
        let bytes = crate::wire::encode(&Own(point));
        assert_eq!(bytes, point.to_bytes());
        assert_eq!(crate::wire::decode(&bytes, 32), Ok(Own(point)));
        // Of order two, in its only encoding; and what is none.
        let mut small = [0xff; 32];
        (small[0], small[31]) = (0xec, 0x7f);
        assert_eq!(Point::from_bytes(&small), None);
        let mut high = [0xff; 32];
        high[31] = 0x7f;
        assert!(crate::wire::decode::<Own>(&high, 32).is_err(), "not canonical");
    }
}
