//! Feldman's commitments: each coefficient times the base point.

use std::fmt;

use super::Curve;
use super::Scalars;
use super::group::{Group, POINT_BYTES, evaluate};
use crate::committee::PartyId;
use crate::crypto::Transcript;
use crate::crypto::group::RistrettoPoint;
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
    /// of 2^-128 for each hash query. `context` binds the commitments.
    pub(super) fn agree(&self, party: PartyId, shares: &[Fl], context: &Transcript) -> bool {
        let context = with_shares(context, party, shares);
        self.edwards.agree(party, shares, &context) && self.ristretto.agree(party, shares, &context)
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
                points.push(G::from_commitment(point.try_into().ok()?)?);
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

    /// `rho_l`, of each secret.
    fn coefficients(&self, context: &Transcript) -> Vec<Fl> {
        let mut rng = context.clone().text(G::NAME).rng();
        self.secrets.iter().map(|_| short(&mut rng)).collect()
    }

    fn agree(&self, party: PartyId, shares: &[Fl], context: &Transcript) -> bool {
        let coefficients = self.coefficients(context);
        let own = self.secrets.iter().map(|secret| shares.get(*secret).copied());
        let sum: Option<Fl> = own.zip(&coefficients).map(|(s, c)| Some(s? * *c)).sum();
        let expected: Vec<G> =
            self.points.chunks_exact(self.width).filter_map(|c| evaluate(c, party)).collect();
        sum.is_some_and(|sum| G::base(&sum) == G::combine(coefficients, &expected))
    }
}

/// What coefficients are drawn from: nobody who knows them can choose other shares.
fn with_shares(context: &Transcript, party: PartyId, shares: &[Fl]) -> Transcript {
    let mut transcript = context.clone();
    transcript.u64(party.point());
    for share in shares {
        transcript.bytes(share.scalar().as_bytes());
    }
    transcript
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

#[cfg(test)]
mod tests {
    use super::super::dealing::commit;
    use super::*;
    use crate::tag::Tag;

    const WIDTH: usize = 3;

    fn dealt() -> (Scalars, Vec<Fl>, Commitments) {
        let scalars = Scalars::new(vec![Curve::Edwards, Curve::Ristretto, Curve::Edwards]);
        let rows: Vec<Fl> = (0..9).map(|c| Fl::from_u64(c * c + 1)).collect();
        let bytes = commit(&scalars, &rows, WIDTH, WIDTH);
        let commitments = Commitments::decode(&scalars, WIDTH, &bytes).unwrap();
        (scalars, rows, commitments)
    }

    fn shares(rows: &[Fl], party: PartyId) -> Vec<Fl> {
        let at = Fl::from_u64(party.point());
        let value = |row: &[Fl]| row.iter().rev().fold(Fl::ZERO, |sum, c| sum * at + *c);
        rows.chunks(WIDTH).map(value).collect()
    }

    fn context() -> Transcript {
        Transcript::new(&Tag::root(&[0; 32], 0), "test")
    }

    #[test]
    fn shares_agree_at_their_own_point_only() {
        let (_, rows, commitments) = dealt();
        for index in [0, 1, 6, 62, 127] {
            let party = PartyId::new(index);
            let mut shares = shares(&rows, party);
            assert!(commitments.agree(party, &shares, &context()));
            assert!(!commitments.agree(PartyId::new(index + 1), &shares, &context()));
            assert!(!commitments.agree(party, &shares[..2], &context()));
            for at in 0..shares.len() {
                shares[at] += Fl::ONE;
                assert!(!commitments.agree(party, &shares, &context()));
                shares[at] -= Fl::ONE;
            }
        }
    }

    /// Were the coefficients those of the payload alone, errors could be chosen that cancel.
    #[test]
    fn errors_that_cancel_under_known_coefficients_are_found() {
        let (_, rows, commitments) = dealt();
        let party = PartyId::new(4);
        let mut shares = shares(&rows, party);
        let known = with_shares(&context(), party, &shares);
        let coefficients = commitments.edwards.coefficients(&known);
        shares[0] += coefficients[1];
        shares[2] -= coefficients[0];
        assert!(commitments.edwards.agree(party, &shares, &known), "they cancel");
        assert!(!commitments.agree(party, &shares, &context()));
    }

    #[test]
    fn the_value_of_a_committed_polynomial_is_the_committed_value() {
        let (_, rows, commitments) = dealt();
        for party in (0..128).map(PartyId::new) {
            let values = shares(&rows, party);
            assert_eq!(
                evaluate(commitments.edwards(2).unwrap(), party),
                Some(Point::base(&values[2]))
            );
            assert_eq!(
                evaluate(commitments.ristretto(1).unwrap(), party),
                Some(RistrettoPoint::mul_base(values[1].scalar()))
            );
        }
        assert_eq!(evaluate::<Point>(&[], PartyId::new(0)), None);
        assert_eq!(commitments.edwards(1), None);
        assert_eq!(commitments.edwards(3), None);
    }
}
