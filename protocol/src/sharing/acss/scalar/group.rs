//! What the two groups of prime order have in common.

use std::ops::Add;
use std::sync::LazyLock;

use zeroize::Zeroizing;

use crate::committee::PartyId;
use crate::crypto::group::{
    CompressedRistretto, IsIdentity, RistrettoPoint, Scalar, VartimeMultiscalarMul,
};
use crate::crypto::point::Point;
use crate::math::Fl;

static HALF: LazyLock<Scalar> = LazyLock::new(|| Scalar::from(2u64).invert());

/// Bytes of a group element on the wire.
pub(super) const POINT_BYTES: usize = 32;

/// A group of prime order whose elements travel in 32 bytes.
pub(super) trait Group: Copy + PartialEq + Add<Output = Self> {
    /// What a challenge is bound to.
    const NAME: &'static str;

    /// `scalar` times the base point. Constant-time.
    fn base(scalar: &Fl) -> Self;

    /// `sum of scalars_i * points_i`, in variable time.
    fn combine<'a>(
        scalars: impl IntoIterator<Item = Fl>,
        points: impl IntoIterator<Item = &'a Self>,
    ) -> Self
    where
        Self: 'a;

    /// Whether it is the neutral element.
    fn is_identity(&self) -> bool;

    /// The encoding, to be hashed.
    fn encoding(&self) -> [u8; POINT_BYTES];

    /// `scalar * B` for each scalar, as commitments travel: of Edwards points, the eighths.
    fn commit(scalars: &[Fl]) -> Vec<[u8; POINT_BYTES]>;

    /// The element that travels as these bytes: in the group, whatever they are.
    fn from_commitment(bytes: &[u8; POINT_BYTES]) -> Option<Self>;
}

impl Group for Point {
    const NAME: &'static str = "edwards25519";

    fn base(scalar: &Fl) -> Self {
        Self::base(scalar)
    }

    fn combine<'a>(
        scalars: impl IntoIterator<Item = Fl>,
        points: impl IntoIterator<Item = &'a Self>,
    ) -> Self {
        Self::combine(scalars, points)
    }

    fn is_identity(&self) -> bool {
        self.is_identity()
    }

    fn encoding(&self) -> [u8; POINT_BYTES] {
        self.to_bytes()
    }

    fn commit(scalars: &[Fl]) -> Vec<[u8; POINT_BYTES]> {
        Self::base_eighths(scalars)
    }

    fn from_commitment(bytes: &[u8; POINT_BYTES]) -> Option<Self> {
        Self::from_eighth_bytes(bytes)
    }
}

impl Group for RistrettoPoint {
    const NAME: &'static str = "ristretto255";

    fn base(scalar: &Fl) -> Self {
        Self::mul_base(scalar.scalar())
    }

    fn combine<'a>(
        scalars: impl IntoIterator<Item = Fl>,
        points: impl IntoIterator<Item = &'a Self>,
    ) -> Self {
        let pairs = scalars.into_iter().zip(points);
        let (scalars, points): (Vec<_>, Vec<Self>) =
            pairs.map(|(scalar, point)| (*scalar.scalar(), *point)).unzip();
        Self::vartime_multiscalar_mul(scalars, points)
    }

    fn is_identity(&self) -> bool {
        IsIdentity::is_identity(self)
    }

    fn encoding(&self) -> [u8; POINT_BYTES] {
        self.compress().to_bytes()
    }

    fn commit(scalars: &[Fl]) -> Vec<[u8; POINT_BYTES]> {
        // Doubles are faster to encode, many at once.
        let halves: Vec<Self> = scalars
            .iter()
            .map(|scalar| Self::mul_base(&Zeroizing::new(scalar.scalar() * *HALF)))
            .collect();
        let encodings = Self::double_and_compress_batch(&halves);
        encodings.iter().map(CompressedRistretto::to_bytes).collect()
    }

    fn from_commitment(bytes: &[u8; POINT_BYTES]) -> Option<Self> {
        CompressedRistretto(*bytes).decompress()
    }
}

/// A committed polynomial at the point of a party: from `f_0 * B, f_1 * B, ..` what is `f(i) * B`.
/// Nothing for no commitment. In variable time: commitments are public.
pub fn evaluate<G: Copy + Add<Output = G>>(commitments: &[G], party: PartyId) -> Option<G> {
    let (last, rest) = commitments.split_last()?;
    // Horner's rule: points are small, so that this is far below a scalar multiplication a step.
    Some(rest.iter().rev().fold(*last, |sum, c| times(sum, party.point()) + *c))
}

/// `factor` times the element, for `factor >= 1`. In variable time.
pub(crate) fn times<G: Copy + Add<Output = G>>(element: G, factor: u64) -> G {
    let bits = (0..factor.checked_ilog2().unwrap_or(0)).rev();
    bits.fold(element, |sum, bit| {
        let double = sum + sum;
        if factor >> bit & 1 == 1 { double + element } else { double }
    })
}
