//! Single secrets in the scalar field of Curve25519, for keys and nonces.

mod commitments;
mod group;
mod knowledge;

use std::sync::Arc;

use curve25519_dalek::ristretto::RistrettoPoint;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

use self::group::{Group, POINT_BYTES};
use super::dealing::Deviation;
use super::polynomials::{evaluate_rows, random_columns, transpose};
use super::public::Public;
use super::scheme::Scheme;
use super::terms::Terms;
use crate::committee::{Committee, PartyId};
use crate::crypto::point::Point;
use crate::crypto::seal::SealHeader;
use crate::crypto::{Digest, Transcript};
use crate::limits;
use crate::math::{Field, Fl};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::wire::{self, Bytes};

pub use commitments::Commitments;
pub use group::evaluate;
pub use knowledge::Knowledge;

/// The group in which a scalar is committed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Curve {
    /// Edwards25519: for what signs.
    Edwards,
    /// ristretto255: for what makes coins.
    Ristretto,
}

/// Scalars, each committed to in its group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scalars {
    curves: Vec<Curve>,
    zero: bool,
}

/// The scalars of a sharing.
pub type ScalarTerms = Scalars;

/// A party's shares of scalars, and the commitments that all parties have alike.
#[derive(Clone, Debug)]
pub struct ScalarShares {
    /// One of each scalar, in order.
    pub shares: Shares<Fl>,
    /// To all of them.
    pub commitments: Arc<Commitments>,
}

/// That the dealer knows the constants of either group; nothing where there are none, or where
/// they are zero.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScalarProof {
    edwards: Option<Knowledge>,
    ristretto: Option<Knowledge>,
}

/// What a corrupt dealer of scalars does otherwise.
#[derive(Clone, Debug)]
pub enum Forgery {
    /// Polynomials of degree `t + 1`, and all of their `t + 2` coefficients committed to.
    Longer,
    /// Polynomials of degree `t - 1`, with t commitments.
    Shorter,
    /// No commitments.
    Empty,
    /// The first constant is zero; in a sharing of zeros, one.
    WrongConstant,
    /// These bytes in place of the commitment of this number.
    Point(usize, [u8; POINT_BYTES]),
    /// Commitments and proof of somebody else's dealing, whose payload this is.
    Copied(Bytes),
    /// A proof that answers another challenge.
    BadProof,
}

impl Scalars {
    /// One scalar for each of these groups, none of them zero.
    pub const fn new(curves: Vec<Curve>) -> Self {
        Self { curves, zero: false }
    }

    /// One zero for each of these groups, to refresh shares with.
    pub const fn zero(curves: Vec<Curve>) -> Self {
        Self { curves, zero: true }
    }

    /// Most scalars in one sharing, such that the public part is within
    /// [`limits::MAX_DEALING_PAYLOAD`].
    pub const fn most(committee: Committee) -> usize {
        let others = 1024 + committee.n() * 32;
        (limits::MAX_DEALING_PAYLOAD - others) / ((committee.degree() + 1) * POINT_BYTES)
    }

    /// The group of each scalar.
    pub fn curves(&self) -> &[Curve] {
        &self.curves
    }

    /// The numbers of the scalars in this group.
    fn on(&self, curve: Curve) -> impl Iterator<Item = usize> {
        let numbered = self.curves.iter().enumerate();
        numbered.filter(move |(_, on)| **on == curve).map(|(secret, _)| secret)
    }

    /// Whether constants are as they must be: proven, or, of zeros, the identity.
    fn constants_hold<G: Group>(
        &self,
        constants: &[G],
        proof: Option<&Knowledge>,
        context: &Transcript,
    ) -> bool {
        let provable = !self.zero && !constants.is_empty();
        constants.iter().all(|constant| constant.is_identity() == self.zero)
            && proof.is_some() == provable
            && proof.is_none_or(|proof| proof.holds(constants, context))
    }
}

/// What the dealer keeps from committing to proving.
#[expect(missing_debug_implementations, reason = "all of it is secret")]
pub struct ScalarWitness {
    constants: Shares<Fl>,
    seed: Secret<[u8; 32]>,
    forgery: Option<Forgery>,
}

/// What a share vector of scalars is checked against.
#[derive(Clone, Debug)]
pub struct ScalarChecks {
    commitments: Arc<Commitments>,
    root: Digest,
}

impl Scheme for Scalars {
    type Field = Fl;
    /// The points, secret by secret.
    type Commitments = Bytes;
    type Proof = ScalarProof;
    type Witness = ScalarWitness;
    type Checked = ScalarChecks;
    type Output = ScalarShares;

    fn name(&self, _: Committee, tag: &Tag) -> Tag {
        let mut transcript = Transcript::new(tag, "acss scalars");
        transcript.u64(self.zero.into()).u64(self.curves.len() as u64);
        for curve in &self.curves {
            transcript.text(match curve {
                Curve::Edwards => Point::NAME,
                Curve::Ristretto => RistrettoPoint::NAME,
            });
        }
        tag.child("acss: scalars; v1").child(&transcript.digest().to_string())
    }

    fn count(&self) -> usize {
        self.curves.len()
    }

    fn admits(&self, secrets: &[Fl]) -> bool {
        secrets.iter().all(|secret| (*secret == Fl::ZERO) == self.zero)
    }

    fn extra_bytes(&self) -> usize {
        0
    }

    fn deal(
        terms: &Terms<Self>,
        mut secrets: Shares<Fl>,
        deviation: &Deviation,
        rng: &mut ChaCha20Rng,
        seal: &mut dyn FnMut(PartyId, &[u8]),
    ) -> (Bytes, ScalarWitness) {
        let (committee, scalars) = (terms.committee(), terms.scheme());
        let forgery = deviation.forgery.clone();
        let t = committee.degree();
        let degree = deviation.excess_degree
            + match forgery {
                Some(Forgery::Longer) => t + 1,
                Some(Forgery::Shorter) => t.saturating_sub(1),
                _ => t,
            };
        if matches!(forgery, Some(Forgery::WrongConstant)) {
            let wrong = if scalars.zero { Fl::ONE } else { Fl::ZERO };
            secrets = std::iter::once(wrong).chain(secrets.iter().skip(1).copied()).collect();
        }
        let mut seed = Secret::new([0; 32]);
        rand::Rng::fill_bytes(rng, seed.expose_mut());
        let columns = random_columns(secrets.clone(), degree, rng);
        let rows = transpose(&columns);
        for party in committee.parties() {
            let point = terms.point(party);
            let mut shares = Shares::from(evaluate_rows(&rows, columns.len(), point));
            if deviation.wrong_share.contains(party) {
                shares = shares.iter().map(|share| *share + Fl::ONE).collect();
            }
            seal(party, terms.encode(&shares).expose());
        }
        let width = match forgery {
            Some(Forgery::Empty) => 0,
            Some(Forgery::Longer) => t + 2,
            _ => t + 1,
        };
        let mut points = Vec::with_capacity(secrets.len() * width * POINT_BYTES);
        for (row, curve) in rows.chunks_exact(columns.len()).zip(&scalars.curves) {
            for coefficient in row.iter().take(width) {
                points.extend_from_slice(&match curve {
                    Curve::Edwards => Point::base(coefficient).to_wire(),
                    Curve::Ristretto => RistrettoPoint::base(coefficient).to_wire(),
                });
            }
        }
        let points = forge(points, forgery.as_ref());
        (points.into(), ScalarWitness { constants: secrets, seed, forgery })
    }

    fn prove(
        terms: &Terms<Self>,
        witness: ScalarWitness,
        _: &Bytes,
        root: &Digest,
        header: &SealHeader,
    ) -> ScalarProof {
        let ScalarWitness { constants, seed, forgery } = witness;
        let mut context = context(terms, root, header);
        match forgery {
            Some(Forgery::Copied(payload)) => {
                if let Some(public) = published(&payload) {
                    return public.proof;
                }
            }
            Some(Forgery::BadProof) => {
                context.text("another");
            }
            _ => {}
        }
        let scalars = terms.scheme();
        let known = |curve| -> Vec<&Fl> {
            let on = scalars.on(curve).filter(|_| !scalars.zero);
            on.filter_map(|secret| constants.get(secret)).collect()
        };
        let (edwards, ristretto) = (known(Curve::Edwards), known(Curve::Ristretto));
        ScalarProof {
            edwards: (!edwards.is_empty())
                .then(|| Knowledge::prove::<Point>(edwards.into_iter(), &context, &seed)),
            ristretto: (!ristretto.is_empty()).then(|| {
                Knowledge::prove::<RistrettoPoint>(ristretto.into_iter(), &context, &seed)
            }),
        }
    }

    fn root(terms: &Terms<Self>, commitments: &Bytes) -> Option<Digest> {
        let width = terms.committee().degree() + 1;
        (commitments.len() == terms.count() * width * POINT_BYTES)
            .then(|| Transcript::new(terms.tag(), "acss commitments").bytes(commitments).digest())
    }

    fn check(
        terms: &Terms<Self>,
        commitments: Bytes,
        proof: ScalarProof,
        root: Digest,
        header: &SealHeader,
    ) -> Option<ScalarChecks> {
        let scalars = terms.scheme();
        let width = terms.committee().degree() + 1;
        let commitments = Commitments::decode(scalars, width, &commitments)?;
        let context = context(terms, &root, header);
        let (edwards, ristretto) =
            (commitments.edwards.constants(), commitments.ristretto.constants());
        let holds = scalars.constants_hold(&edwards, proof.edwards.as_ref(), &context)
            && scalars.constants_hold(&ristretto, proof.ristretto.as_ref(), &context);
        holds.then(|| ScalarChecks { commitments: Arc::new(commitments), root })
    }

    fn check_share(
        terms: &Terms<Self>,
        checked: &ScalarChecks,
        party: PartyId,
        encoded: &[u8],
        shares: &[Fl],
    ) -> bool {
        let mut context = Transcript::new(terms.tag(), "acss shares of scalars");
        context.bytes(checked.root.as_bytes()).u64(party.point()).bytes(encoded);
        checked.commitments.agree(party, shares, &context)
    }

    fn output(checked: &ScalarChecks, shares: Shares<Fl>) -> ScalarShares {
        ScalarShares { shares, commitments: checked.commitments.clone() }
    }
}

/// What a proof of knowledge is bound to.
fn context(terms: &Terms<Scalars>, root: &Digest, header: &SealHeader) -> Transcript {
    let mut transcript = Transcript::new(terms.tag(), "acss constants");
    transcript.bytes(root.as_bytes()).bytes(&wire::encode(header));
    transcript
}

fn published(payload: &[u8]) -> Option<Public<Bytes, ScalarProof>> {
    wire::decode(payload, limits::MAX_DEALING_PAYLOAD).ok()
}

/// The points that a corrupt dealer publishes.
fn forge(mut points: Vec<u8>, forgery: Option<&Forgery>) -> Vec<u8> {
    match forgery {
        Some(Forgery::Copied(payload)) => {
            published(payload).map_or(points, |public| public.commitments.to_vec())
        }
        Some(Forgery::Point(place, bytes)) => {
            let place = points.chunks_exact_mut(POINT_BYTES).nth(*place);
            if let Some(place) = place {
                place.copy_from_slice(bytes);
            }
            points
        }
        _ => points,
    }
}
