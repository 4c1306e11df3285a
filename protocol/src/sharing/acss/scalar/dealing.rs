//! F1 to F3: what a dealer makes of its scalars, and how a corrupt one might.

use rand_chacha::ChaCha20Rng;

use super::group::{Group, POINT_BYTES};
use super::{Curve, Knowledge, ScalarProof, Scalars};
use crate::committee::PartyId;
use crate::crypto::Transcript;
use crate::crypto::group::RistrettoPoint;
use crate::crypto::point::Point;
use crate::limits;
use crate::math::{Field, Fl};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::sharing::acss::dealing::Deviation;
use crate::sharing::acss::polynomials::{evaluate_rows, random_columns, transpose};
use crate::sharing::acss::public::Public;
use crate::sharing::acss::terms::Terms;
use crate::wire::{self, Bytes};

/// What a corrupt dealer does otherwise in its commitments, for tests and simulations.
#[derive(Clone, Debug)]
pub enum Forgery {
    /// Polynomials of degree `t + 1`, and all of their `t + 2` coefficients committed to; of elements,
    /// such combinations published.
    Longer,
    /// Polynomials of degree `t - 1`, with t commitments, or coefficients of the combinations.
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

/// What the dealer keeps from committing to proving.
#[expect(missing_debug_implementations, reason = "all of it is secret")]
pub struct ScalarWitness {
    constants: Shares<Fl>,
    seed: Secret<[u8; 32]>,
    forgery: Option<Forgery>,
}

/// F1, F2.
pub(super) fn deal(
    terms: &Terms<Scalars>,
    mut secrets: Shares<Fl>,
    deviation: &Deviation,
    rng: &mut ChaCha20Rng,
    seal: &mut dyn FnMut(PartyId, &[u8]),
) -> (Bytes, ScalarWitness) {
    let committee = terms.committee();
    let forgery = deviation.forgery.clone();
    let claimed = deviation.claimed_degree(committee);
    let degree = claimed + deviation.excess_degree;
    if matches!(forgery, Some(Forgery::WrongConstant)) {
        let wrong = if terms.scheme().zero { Fl::ONE } else { Fl::ZERO };
        secrets = std::iter::once(wrong).chain(secrets.iter().skip(1).copied()).collect();
    }
    let mut seed = Secret::new([0; 32]);
    rand::Rng::fill_bytes(rng, seed.expose_mut());
    let columns = random_columns(secrets.clone(), degree, rng);
    let rows = transpose(&columns);
    for party in committee.parties() {
        let mut shares = Shares::from(evaluate_rows(&rows, degree + 1, terms.point(party)));
        if deviation.wrong_share.contains(party) {
            shares = shares.iter().map(|share| *share + Fl::ONE).collect();
        }
        seal(party, terms.encode(&shares).expose());
    }
    let points = match &forgery {
        Some(Forgery::Empty) => Vec::new(),
        _ => commit(terms.scheme(), &rows, degree + 1, claimed + 1),
    };
    let points = forge(points, forgery.as_ref());
    (points.into(), ScalarWitness { constants: secrets, seed, forgery })
}

/// The commitments to the first `width` of the `terms` coefficients of each polynomial.
pub(super) fn commit(scalars: &Scalars, rows: &[Fl], terms: usize, width: usize) -> Vec<u8> {
    let mut bytes = vec![0; scalars.curves.len() * width * POINT_BYTES];
    for curve in [Curve::Edwards, Curve::Ristretto] {
        let own = |secret| rows.iter().skip(secret * terms).take(width).copied();
        let coefficients: Shares<Fl> = scalars.on(curve).flat_map(own).collect();
        let points = match curve {
            Curve::Edwards => Point::commit(&coefficients),
            Curve::Ristretto => RistrettoPoint::commit(&coefficients),
        };
        let places = bytes.chunks_exact_mut(width * POINT_BYTES).zip(&scalars.curves);
        let places = places.filter(|(_, on)| **on == curve).map(|(place, _)| place);
        for (place, own) in places.zip(points.chunks_exact(width)) {
            place.copy_from_slice(own.as_flattened());
        }
    }
    bytes
}

/// F3.
pub(super) fn prove(
    scalars: &Scalars,
    witness: ScalarWitness,
    mut context: Transcript,
) -> ScalarProof {
    let ScalarWitness { constants, seed, forgery } = witness;
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
    let known = |curve| -> Vec<&Fl> {
        let provable = scalars.on(curve).filter(|_| !scalars.zero);
        provable.filter_map(|secret| constants.get(secret)).collect()
    };
    let (edwards, ristretto) = (known(Curve::Edwards), known(Curve::Ristretto));
    ScalarProof {
        edwards: (!edwards.is_empty()).then(|| Knowledge::prove::<Point>(edwards, &context, &seed)),
        ristretto: (!ristretto.is_empty())
            .then(|| Knowledge::prove::<RistrettoPoint>(ristretto, &context, &seed)),
    }
}

/// The points that a corrupt dealer publishes.
fn forge(mut points: Vec<u8>, forgery: Option<&Forgery>) -> Vec<u8> {
    match forgery {
        Some(Forgery::Copied(payload)) => {
            published(payload).map_or(points, |public| public.commitments.to_vec())
        }
        Some(Forgery::Point(number, bytes)) => {
            if let Some(place) = points.chunks_exact_mut(POINT_BYTES).nth(*number) {
                place.copy_from_slice(bytes);
            }
            points
        }
        _ => points,
    }
}

fn published(payload: &[u8]) -> Option<Public<Bytes, ScalarProof>> {
    wire::decode(payload, limits::MAX_DEALING_PAYLOAD).ok()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::crypto::Digest;
    use crate::crypto::seal::Sealer;
    use crate::sharing::acss::scalar::{Scheme, context};
    use crate::{Committee, PartyId, Tag};

    fn terms(scalars: Scalars) -> Terms<Scalars> {
        let tag = Tag::root(&[1; 32], 0);
        Terms::new(Committee::new(4).unwrap(), PartyId::new(0), &tag, scalars)
    }

    /// Whether the public part of these polynomials holds, with what `change` makes of its proof.
    fn holds(terms: &Terms<Scalars>, rows: &[Fl], change: impl FnOnce(&mut ScalarProof)) -> bool {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let commitments: Bytes = commit(terms.scheme(), rows, 2, 2).into();
        let root = Scalars::root(terms, &commitments).unwrap();
        let header = Sealer::new(terms.tag(), &mut rng).header(&root);
        let constants = rows.iter().copied().step_by(2).collect();
        let witness = ScalarWitness { constants, seed: Secret::new([1; 32]), forgery: None };
        let mut proof = prove(terms.scheme(), witness, context(terms, &root, &header));
        change(&mut proof);
        Scalars::check(terms, commitments, proof, root, &header).is_some()
    }

    fn both() -> Vec<Curve> {
        vec![Curve::Edwards, Curve::Ristretto]
    }

    #[test]
    fn leading_coefficients_may_be_zero() {
        let rows = [1, 0, 2, 0].map(Fl::from_u64);
        assert!(holds(&terms(Scalars::new(both())), &rows, |_| ()));
        let zeros = [0, 0, 0, 0].map(Fl::from_u64);
        assert!(holds(&terms(Scalars::zero(both())), &zeros, |_| ()));
    }

    #[test]
    fn there_is_a_proof_for_each_group_and_none_too_many() {
        let rows = [1, 5, 2, 6].map(Fl::from_u64);
        let terms_of = |curves| terms(Scalars::new(curves));
        let good = terms_of(both());
        assert!(holds(&good, &rows, |_| ()));
        assert!(!holds(&good, &rows, |p| p.edwards = None));
        assert!(!holds(&good, &rows, |p| p.ristretto = None));
        assert!(!holds(&good, &rows, |p| std::mem::swap(&mut p.edwards, &mut p.ristretto)));
        let one_group = terms_of(vec![Curve::Edwards; 2]);
        assert!(holds(&one_group, &rows, |_| ()));
        assert!(!holds(&one_group, &rows, |p| p.ristretto = p.edwards.clone()));
        assert!(!holds(&one_group, &rows, |p| std::mem::swap(&mut p.edwards, &mut p.ristretto)));
        let rows = [0, 5, 0, 6].map(Fl::from_u64);
        let zeros = terms(Scalars::zero(both()));
        let mut spare = None;
        holds(&good, &[Fl::ONE; 4], |p| spare = p.edwards.clone());
        assert!(holds(&zeros, &rows, |_| ()));
        assert!(spare.is_some() && !holds(&zeros, &rows, |p| p.edwards = spare));
    }

    /// What is hashed into a challenge cannot be chosen after it.
    #[test]
    fn a_proof_is_of_its_commitments_and_header() {
        let rows = [1, 5, 2, 6].map(Fl::from_u64);
        let terms = terms(Scalars::new(both()));
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let header = |digest| Sealer::new(terms.tag(), &mut rng).header(&digest);
        let digests = [Digest::from([1; 32]), Digest::from([2; 32])];
        let headers = digests.map(header);
        let proof = |root, header| {
            let constants = rows.iter().copied().step_by(2).collect();
            let witness = ScalarWitness { constants, seed: Secret::new([1; 32]), forgery: None };
            prove(terms.scheme(), witness, context(&terms, root, header))
        };
        let commitments: Bytes = commit(terms.scheme(), &rows, 2, 2).into();
        let holds = |root, header, proof| {
            Scalars::check(&terms, commitments.clone(), proof, root, header).is_some()
        };
        let [one, two] = &headers;
        assert!(holds(digests[0], one, proof(&digests[0], one)));
        assert!(!holds(digests[0], one, proof(&digests[1], one)), "other commitments");
        assert!(!holds(digests[0], one, proof(&digests[0], two)), "another header");
    }

    #[test]
    fn an_unproven_zero_does_not_hold_as_a_secret_nor_a_secret_as_a_zero() {
        for rows in [[0, 5, 2, 6], [1, 5, 0, 6]] {
            let rows = rows.map(Fl::from_u64);
            assert!(!holds(&terms(Scalars::new(both())), &rows, |_| ()));
            assert!(!holds(&terms(Scalars::zero(both())), &rows, |_| ()));
        }
    }
}
