//! Feldman's commitments: each coefficient times the base point.

use std::fmt;

use curve25519_dalek::ristretto::RistrettoPoint;

use super::Curve;
use super::Scalars;
use super::group::{Group, POINT_BYTES, evaluate};
use crate::committee::PartyId;
use crate::crypto::Transcript;
use crate::crypto::point::Point;
use crate::math::{Field, Fl};

/// Bytes of a coefficient in a random combination.
const COEFFICIENT_BYTES: usize = 16;

/// The commitments to all polynomials of a sharing: of each exactly `t + 1`, constant first.
#[derive(Clone, PartialEq, Eq)]
pub struct Commitments {
    pub(super) edwards: Part<Point>,
    pub(super) ristretto: Part<RistrettoPoint>,
}

impl Commitments {
    /// To the secret of this number, if it is committed to on Edwards25519.
    pub fn edwards(&self, secret: usize) -> Option<&[Point]> {
        self.edwards.of(secret)
    }

    /// To the secret of this number, if it is committed to on ristretto255.
    pub fn ristretto(&self, secret: usize) -> Option<&[RistrettoPoint]> {
        self.ristretto.of(secret)
    }

    /// What travels as these bytes; `None` unless it is `width` sound points for each secret.
    pub(super) fn decode(scalars: &Scalars, width: usize, bytes: &[u8]) -> Option<Self> {
        if bytes.len() != scalars.curves().len() * width * POINT_BYTES {
            return None;
        }
        Some(Self {
            edwards: Part::decode(scalars, Curve::Edwards, width, bytes)?,
            ristretto: Part::decode(scalars, Curve::Ristretto, width, bytes)?,
        })
    }

    /// Whether the shares are the values of the polynomials at the party's point, but for a chance
    /// of 2^-128 for each hash query. `context` binds commitments, party and shares.
    pub(super) fn agree(&self, party: PartyId, shares: &[Fl], context: &Transcript) -> bool {
        self.edwards.agree(party, shares, context) && self.ristretto.agree(party, shares, context)
    }
}

impl fmt::Debug for Commitments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (edwards, ristretto) = (self.edwards.secrets.len(), self.ristretto.secrets.len());
        write!(f, "Commitments({edwards} edwards, {ristretto} ristretto)")
    }
}

/// The commitments in one of the groups.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Part<G> {
    /// Numbers of the secrets, rising.
    secrets: Vec<usize>,
    /// `width` for each of them.
    points: Vec<G>,
    width: usize,
}

impl<G: Group> Part<G> {
    fn decode(scalars: &Scalars, curve: Curve, width: usize, bytes: &[u8]) -> Option<Self> {
        let secrets: Vec<usize> = scalars.on(curve).collect();
        let mut points = Vec::with_capacity(secrets.len() * width);
        for secret in &secrets {
            let from = secret * width * POINT_BYTES;
            let own = bytes.get(from..from + width * POINT_BYTES)?;
            for point in own.chunks_exact(POINT_BYTES) {
                points.push(G::from_wire(point.try_into().ok()?)?);
            }
        }
        Some(Self { secrets, points, width })
    }

    fn of(&self, secret: usize) -> Option<&[G]> {
        let place = self.secrets.binary_search(&secret).ok()?;
        self.points.chunks_exact(self.width).nth(place)
    }

    /// The commitments to the secrets themselves.
    pub(super) fn constants(&self) -> Vec<G> {
        self.points.iter().step_by(self.width).copied().collect()
    }

    fn agree(&self, party: PartyId, shares: &[Fl], context: &Transcript) -> bool {
        let mut rng = context.clone().text(G::NAME).rng();
        let coefficients: Vec<Fl> = self.secrets.iter().map(|_| short(&mut rng)).collect();
        let own = self.secrets.iter().map(|secret| shares.get(*secret).copied());
        let sum: Option<Fl> = own.zip(&coefficients).map(|(s, c)| Some(s? * *c)).sum();
        let expected: Vec<G> =
            self.points.chunks_exact(self.width).filter_map(|c| evaluate(c, party)).collect();
        sum.is_some_and(|sum| G::base(&sum) == G::combine(coefficients, &expected))
    }
}

/// 128 random bits.
fn short(rng: &mut impl rand::Rng) -> Fl {
    let mut bytes = [0; Fl::BYTES];
    for (byte, random) in bytes.iter_mut().zip(rand::RngExt::random::<[u8; COEFFICIENT_BYTES]>(rng))
    {
        *byte = random;
    }
    Fl::from_bytes(&bytes).unwrap_or(Fl::ZERO)
}
