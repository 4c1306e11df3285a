//! Batches in the computing field: hash commitments, no group operation for each secret.
//!
//! After Shoup and Smart (*Lightweight asynchronous verifiable secret sharing with optimal
//! resilience*, 2023), as a scheme of the [skeleton](super).
//!
//! # Model
//! As the skeleton's. F is the computing field, K its quadratic extension.
//!
//! # Guarantees
//! The skeleton's, and that a [`Statement`] holds for the secrets. The commitments say nothing about
//! them.
//!
//! # Scheme
//! - E1. `f_l` random of degree `t` with `f_l(0) = s_l`; blinders `g_1, g_2` over K, random of
//!   degree `t`. `S_i = (f_1(i) .. f_L(i), g_1(i), g_2(i), r_i)` with a salt `r_i`.
//! - E2. The commitments are `c_i = H(tag, i, S_i)`, C is the Merkle root over them.
//! - E3. `gamma_q = H_K(tag, q, C)`; the proof is `G_q = g_q + sum_l gamma_q^l f_l`, `t + 1`
//!   coefficients, for q = 1, 2, and the statement's proof.
//! - E4. The public part holds when there are n commitments, `t + 1` coefficients in either `G_q`,
//!   and the public part of the statement holds.
//! - E5. `S_i` is valid when it is what `c_i` commits to, `G_q(i) = g_q(i) + sum_l gamma_q^l f_l(i)`
//!   for both q, and the statement holds for it.
//!
//! # Why it works
//! The `c_i` are fixed before gamma, so the vectors that pass lie on polynomials of degree `t`, but
//! for about `C(n, t + 1) (L / |K|)^2` for each hash query of the dealer: two checks, because one
//! would leave 2^-50 at n = 64 and the largest L. `G_q` is uniform given `f`, because `g_q` is.
//!
//! # Cost
//! In the broadcast `32 n + 32 (t + 1)` bytes and the statement's proof; `B = 8 L` bytes in a share
//! vector, so about `48 n L` bytes over all links at n = 3t + 1. A secret costs the dealer about 60
//! ns for each party and a recipient about 80 ns (`benches/acss.rs`).
//!
//! # Differences from the paper
//! The leaves `c_i` are in the broadcast, so a revealed vector needs no path.

mod combination;
mod statement;

use std::fmt;
use std::marker::PhantomData;

use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

use self::combination::Combination;
use super::dealing::Deviation;
use super::polynomials::{evaluate_rows, random_columns, transpose};
use super::scalar::Forgery;
use super::scheme::Scheme;
use super::terms::Terms;
use crate::committee::{Committee, PartyId};
use crate::crypto::seal::SealHeader;
use crate::crypto::{Digest, Transcript, merkle};
use crate::math::{Ext, Field, PrimeField};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

pub use statement::{NoStatement, Statement};

/// Independent degree checks: one would leave a dealer 2^-50 for each hash query at n = 64.
pub(super) const CHECKS: usize = 2;
/// Bytes of the salt r_i.
const SALT_BYTES: usize = 32;

/// `count` secrets in the field F, for which a statement holds.
///
/// A share vector travels and is stored as bytes: `f_1(i) .. f_L(i)`, then the blinders
/// `g_1(i), g_2(i)` over K, then the salt `r_i`.
#[derive(Clone)]
pub struct Elements<F, S> {
    count: usize,
    statement: S,
    field: PhantomData<fn() -> F>,
}

/// `G_1` and `G_2`, and the proof of the statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "P: Serialize + serde::de::DeserializeOwned")]
pub struct ElementsProof<F: PrimeField, P> {
    /// Each of exactly `t + 1` coefficients.
    pub checks: [Vec<Ext<F>>; CHECKS],
    /// The proof of the statement.
    pub statement: P,
}

/// The dealer's polynomials, cut to the degree that it claims, and blinders.
#[expect(missing_debug_implementations, reason = "all of it is secret")]
pub struct ElementsWitness<F: PrimeField> {
    columns: Vec<Shares<F>>,
    blinders: [Shares<Ext<F>>; CHECKS],
}

/// What a share vector of a batch is checked against.
pub struct ElementsChecks<F: PrimeField, P> {
    commitments: Vec<Digest>,
    proof: ElementsProof<F, P>,
    root: Digest,
    combinations: [Combination<F>; CHECKS],
}

impl<F: PrimeField, S: Statement<F>> Elements<F, S> {
    /// A batch of `count` secrets for which `statement` holds.
    pub const fn new(count: usize, statement: S) -> Self {
        Self { count, statement, field: PhantomData }
    }

    /// What is proven about the secrets.
    pub const fn statement(&self) -> &S {
        &self.statement
    }

    /// The blinders of an encoded share vector; `None` if they are not reduced.
    pub(super) fn blinders(&self, encoded: &[u8]) -> Option<[Ext<F>; CHECKS]> {
        let (_shares, rest) = encoded.split_at_checked(self.count * F::BYTES)?;
        let (first, rest) = rest.split_at_checked(Ext::<F>::BYTES)?;
        let (second, _salt) = rest.split_at_checked(Ext::<F>::BYTES)?;
        Some([Ext::from_bytes(first)?, Ext::from_bytes(second)?])
    }
}

impl<F: PrimeField, S: Statement<F>> Scheme for Elements<F, S> {
    type Field = F;
    /// `c_1 .. c_n`; C is the root of the Merkle tree over them.
    type Commitments = Vec<Digest>;
    type Proof = ElementsProof<F, S::Proof>;
    type Witness = ElementsWitness<F>;
    type Checked = ElementsChecks<F, S::Proof>;
    type Output = Shares<F>;

    fn name(&self, committee: Committee, tag: &Tag) -> Tag {
        assert!((committee.n() as u64) < F::MODULUS, "every party has its own point, none is 0");
        tag.child("acss: shares, two blinders over the extension, salt; v1")
            .indexed("field", F::MODULUS)
            .indexed("secrets", self.count as u64)
    }

    fn count(&self) -> usize {
        self.count
    }

    fn admits(&self, _: &[F]) -> bool {
        true
    }

    fn extra_bytes(&self) -> usize {
        CHECKS * Ext::<F>::BYTES + SALT_BYTES
    }

    /// E1, E2.
    fn deal(
        terms: &Terms<Self>,
        secrets: Shares<F>,
        deviation: &Deviation,
        rng: &mut ChaCha20Rng,
        seal: &mut dyn FnMut(PartyId, &[u8]),
    ) -> (Vec<Digest>, ElementsWitness<F>) {
        let committee = terms.committee();
        let claimed = deviation.claimed_degree(committee);
        let degree = claimed + deviation.excess_degree;
        let mut columns = random_columns(secrets, degree, rng);
        let rows = transpose(&columns);
        let blinders: [Shares<Ext<F>>; CHECKS] =
            std::array::from_fn(|_| (0..=degree).map(|_| Ext::random(rng)).collect());
        let mut commitments = Vec::with_capacity(committee.n());
        for party in committee.parties() {
            let point = terms.point(party);
            let mut shares = Shares::from(evaluate_rows(&rows, columns.len(), point));
            if deviation.wrong_share.contains(party) {
                shares = shares.iter().map(|share| *share + F::ONE).collect();
            }
            let mut salt = Secret::new([0; SALT_BYTES]);
            rand::Rng::fill_bytes(rng, salt.expose_mut());
            let mut encoded = terms.encode(&shares);
            let bytes = encoded.expose_mut();
            blinders.iter().for_each(|g| evaluate(g, point).to_bytes_into(bytes));
            bytes.extend_from_slice(salt.expose());
            commitments.push(commitment(terms.tag(), party, bytes));
            seal(party, bytes);
        }
        columns.truncate(claimed + 1);
        if matches!(deviation.forgery, Some(Forgery::Empty)) {
            commitments.clear();
        }
        (commitments, ElementsWitness { columns, blinders })
    }

    /// E3.
    fn prove(
        terms: &Terms<Self>,
        witness: ElementsWitness<F>,
        _: &Vec<Digest>,
        root: &Digest,
        _: &SealHeader,
    ) -> Self::Proof {
        let ElementsWitness { columns, blinders } = witness;
        ElementsProof {
            checks: degree_checks(&challenges(terms.tag(), root), &columns, &blinders),
            statement: terms.scheme().statement.prove(terms.tag(), root, &columns),
        }
    }

    /// C, the commitment to everybody's share vector.
    fn root(terms: &Terms<Self>, commitments: &Vec<Digest>) -> Option<Digest> {
        let leaves: Vec<_> = commitments.iter().map(Digest::as_bytes).collect();
        (leaves.len() == terms.committee().n()).then(|| merkle::Tree::new(&leaves).root())
    }

    /// E4.
    fn check(
        terms: &Terms<Self>,
        commitments: Vec<Digest>,
        proof: Self::Proof,
        root: Digest,
        _: &SealHeader,
    ) -> Option<Self::Checked> {
        let (committee, tag) = (terms.committee(), terms.tag());
        let holds = proof.checks.iter().all(|check| check.len() == committee.degree() + 1)
            && terms.scheme().statement.check_public(committee, tag, &root, &proof.statement);
        let combinations = challenges(tag, &root).map(Combination::new);
        holds.then_some(ElementsChecks { commitments, proof, root, combinations })
    }

    /// E5.
    fn check_share(
        terms: &Terms<Self>,
        checked: &Self::Checked,
        party: PartyId,
        encoded: &[u8],
        shares: &[F],
    ) -> bool {
        let (tag, scheme, point) = (terms.tag(), terms.scheme(), terms.point(party));
        let ElementsChecks { commitments, proof, root, combinations } = checked;
        if commitments.get(party.index()) != Some(&commitment(tag, party, encoded)) {
            return false;
        }
        let Some(blinders) = scheme.blinders(encoded) else { return false };
        let checked = zoo::instead(CHECKS, Mutant::AcssOneCheck, 1);
        let checked = zoo::instead(checked, Mutant::AcssNoDegreeCheck, 0);
        let mut checks = proof.checks.iter().zip(combinations).zip(blinders).take(checked);
        checks.all(|((check, c), blinder)| evaluate(check, point) == blinder + c.of(shares))
            && scheme.statement.check_share(tag, root, &proof.statement, point, shares)
    }

    fn output(_: &Self::Checked, shares: Shares<F>) -> Shares<F> {
        shares
    }
}

impl<F, S> fmt::Debug for Elements<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elements({})", self.count)
    }
}

/// `c_i = H(tag, i, S_i)`, of an encoded share vector.
fn commitment(tag: &Tag, party: PartyId, encoded: &[u8]) -> Digest {
    Transcript::new(tag, "acss share").u64(party.point()).bytes(encoded).digest()
}

/// `gamma_q = H_K(tag, q, C)`.
fn challenges<F: PrimeField>(tag: &Tag, root: &Digest) -> [Ext<F>; CHECKS] {
    [1, 2].map(|q| {
        let mut transcript = Transcript::new(tag, "acss degree check");
        Ext::random(&mut transcript.u64(q).bytes(root.as_bytes()).rng())
    })
}

/// `G_q = g_q + sum over l of gamma_q^l f_l`, cut to as many coefficients as the columns have.
pub fn degree_checks<F: PrimeField>(
    challenges: &[Ext<F>; CHECKS],
    columns: &[Shares<F>],
    blinders: &[Shares<Ext<F>>; CHECKS],
) -> [Vec<Ext<F>>; CHECKS] {
    std::array::from_fn(|q| {
        let pair = challenges.iter().zip(blinders).nth(q);
        let Some((challenge, blinder)) = pair else { return Vec::new() };
        let combination = Combination::new(*challenge);
        columns.iter().zip(blinder.iter()).map(|(c, g)| *g + combination.of(c)).collect()
    })
}

/// A polynomial over the extension at a point of the base field.
pub(super) fn evaluate<F: PrimeField>(coefficients: &[Ext<F>], point: F) -> Ext<F> {
    coefficients.iter().rev().fold(Ext::ZERO, |sum, c| sum.scale(point) + *c)
}
