//! Elements that are their discrete logarithms. See the [module](super).

use std::borrow::Borrow;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::sync::LazyLock;

use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// The group `$name`. Encodings are `$encoding` times the logarithm, `$decoding` is its inverse.
macro_rules! ideal_group {
    ($name:literal, $point:ident, $compressed:ident, $base:ident, $encoding:expr, $decoding:expr) => {
        #[doc = concat!("An element of ", $name, ": its logarithm.")]
        #[derive(Clone, Copy, PartialEq, Eq, Default, Zeroize)]
        pub struct $point(Scalar);

        #[doc = concat!("The encoding of an element of ", $name, ", or bytes that encode none.")]
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Zeroize, Serialize, Deserialize)]
        pub struct $compressed(pub [u8; 32]);

        #[doc = concat!("The element of ", $name, " that all are multiples of.")]
        pub const $base: $point = $point(Scalar::ONE);

        impl $point {
            /// `scalar` times the base.
            pub fn mul_base(scalar: &Scalar) -> Self {
                Self(*scalar)
            }

            /// The encoding.
            pub fn compress(&self) -> $compressed {
                static FACTOR: LazyLock<Scalar> =
                    LazyLock::new(|| Scalar::from_bytes_mod_order($encoding));
                $compressed((self.0 * *FACTOR).to_bytes())
            }
        }

        impl $compressed {
            /// The bytes.
            pub const fn to_bytes(&self) -> [u8; 32] {
                self.0
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// The element, if these bytes encode one.
            pub fn decompress(&self) -> Option<$point> {
                static FACTOR: LazyLock<Scalar> =
                    LazyLock::new(|| Scalar::from_bytes_mod_order($decoding));
                let encoded: Option<Scalar> = Scalar::from_canonical_bytes(self.0).into();
                encoded.map(|encoded| $point(encoded * *FACTOR))
            }
        }

        impl Identity for $point {
            fn identity() -> Self {
                Self(Scalar::ZERO)
            }
        }

        impl ConstantTimeEq for $point {
            fn ct_eq(&self, other: &Self) -> Choice {
                self.0.ct_eq(&other.0)
            }
        }

        impl VartimeMultiscalarMul for $point {
            type Point = Self;

            fn optional_multiscalar_mul<I, J>(scalars: I, points: J) -> Option<Self>
            where
                I: IntoIterator,
                I::Item: Borrow<Scalar>,
                J: IntoIterator<Item = Option<Self>>,
            {
                let terms = scalars.into_iter().zip(points);
                terms.map(|(scalar, point)| Some(scalar.borrow() * point?)).sum()
            }
        }

        impl<P: Borrow<$point>> Add<P> for $point {
            type Output = Self;
            fn add(self, rhs: P) -> Self {
                Self(self.0 + rhs.borrow().0)
            }
        }

        impl<P: Borrow<$point>> AddAssign<P> for $point {
            fn add_assign(&mut self, rhs: P) {
                self.0 += rhs.borrow().0;
            }
        }

        impl<P: Borrow<$point>> Sub<P> for $point {
            type Output = Self;
            fn sub(self, rhs: P) -> Self {
                Self(self.0 - rhs.borrow().0)
            }
        }

        impl<S: Borrow<Scalar>> Mul<S> for $point {
            type Output = Self;
            fn mul(self, rhs: S) -> Self {
                Self(self.0 * rhs.borrow())
            }
        }

        impl<S: Borrow<Scalar>> Mul<S> for &$point {
            type Output = $point;
            fn mul(self, rhs: S) -> $point {
                *self * rhs
            }
        }

        impl Sum for $point {
            fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
                Self(terms.map(|term| term.0).sum())
            }
        }

        scalar_times!(Scalar, $point, $point);
        scalar_times!(Scalar, &$point, $point);
        scalar_times!(&Scalar, $point, $point);
        scalar_times!(&Scalar, &$point, $point);

        impl fmt::Debug for $point {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.compress().fmt(f)
            }
        }

        impl Serialize for $point {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.compress().serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $point {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let encoded = $compressed::deserialize(deserializer)?;
                encoded.decompress().ok_or_else(|| serde::de::Error::custom("no element"))
            }
        }
    };
}

macro_rules! scalar_times {
    ($scalar:ty, $point:ty, $product:ident) => {
        impl Mul<$point> for $scalar {
            type Output = $product;
            fn mul(self, rhs: $point) -> $product {
                rhs * self
            }
        }
    };
}

ideal_group!(
    "ristretto255",
    RistrettoPoint,
    CompressedRistretto,
    RISTRETTO_BASEPOINT_POINT,
    *b"ideal encoding of ristretto255.\0",
    [
        0x3c, 0xb1, 0x02, 0x11, 0xa4, 0xcc, 0x67, 0x74, 0xf3, 0xf9, 0x83, 0x6d, 0xc4, 0x96, 0x2d,
        0x9f, 0xb0, 0x0d, 0x2f, 0xbe, 0x32, 0x66, 0x93, 0xe5, 0x93, 0xb3, 0xcc, 0x0a, 0xbf, 0xed,
        0x95, 0x06,
    ]
);

ideal_group!(
    "Edwards25519",
    EdwardsPoint,
    CompressedEdwardsY,
    ED25519_BASEPOINT_POINT,
    *b"ideal encoding of edwards25519.\0",
    [
        0x96, 0xbf, 0x3f, 0xb9, 0x5a, 0x41, 0x81, 0x77, 0x89, 0xef, 0x9f, 0xea, 0xd7, 0xb8, 0x0f,
        0xa4, 0xdb, 0xa2, 0xd3, 0xbb, 0x24, 0x83, 0x89, 0x75, 0x48, 0x66, 0x1e, 0x28, 0x77, 0xf1,
        0xe3, 0x01,
    ]
);

impl RistrettoPoint {
    /// The element that uniform bytes are hashed to.
    pub fn from_uniform_bytes(bytes: &[u8; 64]) -> Self {
        Self(Scalar::from_bytes_mod_order_wide(bytes))
    }

    /// The encodings of the elements' doubles.
    pub fn double_and_compress_batch(points: &[Self]) -> Vec<CompressedRistretto> {
        points.iter().map(|point| (*point + point).compress()).collect()
    }
}

impl EdwardsPoint {
    /// The encodings of all the elements.
    pub fn compress_batch_alloc(points: &[Self]) -> Vec<CompressedEdwardsY> {
        points.iter().map(Self::compress).collect()
    }

    /// Eight times the element.
    pub fn mul_by_cofactor(&self) -> Self {
        self * Scalar::from(8u64)
    }

    /// There are no others.
    pub const fn is_torsion_free(&self) -> bool {
        true
    }

    /// Only the identity is.
    pub fn is_small_order(&self) -> bool {
        *self == Self::identity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_decoded_to_what_they_are_of_and_are_not_the_logarithms() {
        for scalar in [0u64, 1, 2, 1 << 40].map(Scalar::from).into_iter().chain([-Scalar::ONE]) {
            let (r, e) = (RistrettoPoint::mul_base(&scalar), EdwardsPoint::mul_base(&scalar));
            assert_eq!(r.compress().decompress(), Some(r));
            assert_eq!(e.compress().decompress(), Some(e));
            if scalar != Scalar::ZERO {
                assert_ne!(r.compress().to_bytes(), scalar.to_bytes());
                assert_ne!(e.compress().to_bytes(), scalar.to_bytes());
                assert_ne!(e.compress().to_bytes(), r.compress().to_bytes());
            }
        }
    }

    #[test]
    fn bytes_that_are_not_reduced_encode_nothing() {
        let mut order = (-Scalar::ONE).to_bytes();
        assert!(CompressedRistretto(order).decompress().is_some());
        order[0] += 1;
        for bytes in [order, [0xff; 32]] {
            assert_eq!(CompressedRistretto(bytes).decompress(), None);
            assert_eq!(CompressedEdwardsY(bytes).decompress(), None);
        }
    }
}
