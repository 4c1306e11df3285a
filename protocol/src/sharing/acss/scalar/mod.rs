//! Single secrets in the scalar field of Curve25519, for keys and nonces.
//!
//! Feldman's commitments (*A practical scheme for non-interactive verifiable secret sharing*, FOCS
//! 1987), with a proof of knowledge for all constants at once ([`Knowledge`]), as a scheme of the
//! [skeleton](super).
//!
//! # Model
//! As the skeleton's; B is the base point of either group, and discrete logarithms are hard in
//! both. The *tag* binds besides the group of every scalar, and whether they are zeros.
//!
//! # Guarantees
//! - Everybody who completes has the same commitments, to polynomials of degree `t`, and its own
//!   shares are their values: `x_i * B` of everybody is public ([`evaluate`]).
//! - The dealer knew the constants (it could not copy, or cancel, what another dealt), and none is
//!   zero; in a sharing of zeros all are.
//! - *Secrecy*: `t` parties learn `s * B` of each secret s and nothing else. That is for secrets of
//!   high entropy only: of a vote v, `v * B` tells v.
//!
//! Not guaranteed: that secrets are uniform. Who deals last may choose among many sums of secrets.
//!
//! # Scheme
//! - F1. `f_l` random of degree `t` with `f_l(0) = s_l`; `S_i = (f_1(i) .. f_L(i))`.
//! - F2. Commitments `A_(l,k) = f_(l,k) * B` for k = 0 .. t, in the group of `s_l`. Edwards points
//!   travel as eighths: receivers multiply by the cofactor, so that whatever was sent is of prime
//!   order. C is the hash of what is sent.
//! - F3. One proof for each group that the dealer knows the `s_l` in it, bound to tag, C and the
//!   sealing key's header. For zeros none.
//! - F4. The public part holds when there are exactly `t + 1` commitments for each secret (one more
//!   would raise the degree, one less would make shares that fewer parties can use), each the one
//!   encoding of a point; every `A_(l,0)` is other than the identity, or for zeros is the identity;
//!   and the proofs hold. Leading coefficients may be zero: to refuse them would tell something.
//! - F5. A share vector is checked with coefficients `rho_l` of 128 bits that are hashed from tag,
//!   C, party and vector: `sum of rho_l S_(i,l) * B = sum of rho_l (sum of i^k A_(l,k))`.
//!
//! # Why it works
//! The commitments fix the polynomials, so there is no lie about a degree. A vector with one wrong
//! value passes F5 for one `rho` in 2^128, and another vector gets another `rho`: that also holds
//! for vectors that somebody reveals long after the broadcast. Points of prime order leave no small
//! components to lie in.
//!
//! # Cost
//! With L secrets, in the broadcast `32 L (t + 1)` bytes and the proofs of 64. The dealer computes
//! `L (t + 1)` multiples of B, a recipient decodes as many points, and then a few additions for each
//! and two multi-scalar multiplications of size L (`benches/scalars.rs`): about 40 and 10 to 20 us for
//! each commitment on a busy machine, so that 128 scalars at n = 31 take a dealer 60 ms and a
//! recipient 25 ms, and the four of a key generation 3 ms and 0.7 ms. The broadcast's limit bounds
//! L: [`Scalars::most`].
//!
//! # Differences from the papers
//! - Share vectors reach their recipients through the skeleton and are checked all at once; a
//!   complaint opens a ciphertext, in place of the dealer answering it.
//! - Feldman's dealer proves nothing: alone it shares one secret. Here many dealers' secrets are
//!   added, and one that copied another's constants could cancel them.
//! - A proof carries the challenge, not the point that it is hashed from: one decoding less.

mod commitments;
mod dealing;
mod group;
mod knowledge;

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};

use self::group::{Group, POINT_BYTES};
use super::dealing::Deviation;
use super::scheme::Scheme;
use super::terms::Terms;
use crate::committee::{Committee, PartyId};
use crate::crypto::group::RistrettoPoint;
use crate::crypto::point::Point;
use crate::crypto::seal::SealHeader;
use crate::crypto::{Digest, Transcript};
use crate::limits;
use crate::math::{Field, Fl};
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::wire::{self, Bytes};
use crate::zoo::{self, Mutant};

pub use commitments::Commitments;
pub use dealing::{Forgery, ScalarWitness};
pub use group::evaluate;
pub(crate) use group::times;
pub use knowledge::Knowledge;

/// Bytes of a public part beside commitments and dispersals: header, proofs, lengths.
const OTHER_BYTES: usize = 512;

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

/// What a share vector of scalars is checked against.
#[derive(Clone, Debug)]
pub struct ScalarChecks {
    commitments: Arc<Commitments>,
    root: Digest,
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
        let others = OTHER_BYTES + committee.n() * size_of::<Digest>();
        (limits::MAX_DEALING_PAYLOAD - others) / (width(committee) * POINT_BYTES)
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

    /// F4, of the constants in one group.
    fn constants_hold<G: Group>(
        &self,
        constants: &[G],
        proof: Option<&Knowledge>,
        context: &Transcript,
    ) -> bool {
        let provable = !self.zero && !constants.is_empty();
        let sound = constants.iter().all(|constant| constant.is_identity() == self.zero);
        (sound || zoo::on(Mutant::ScalarsIdentity))
            && proof.is_some() == provable
            && (proof.is_none_or(|proof| proof.holds(constants, context))
                || zoo::on(Mutant::ScalarsUnproven))
    }
}

impl Scheme for Scalars {
    type Field = Fl;
    /// The points, secret by secret.
    type Commitments = Bytes;
    type Proof = ScalarProof;
    type Witness = ScalarWitness;
    type Checked = ScalarChecks;
    type Output = ScalarShares;

    fn name(&self, committee: Committee, tag: &Tag) -> Tag {
        let (count, most) = (self.curves.len(), Self::most(committee));
        assert!(count <= most, "{count} scalars in one sharing, at most {most}");
        let mut transcript = Transcript::new(tag, "acss scalars");
        transcript.u64(self.zero.into()).u64(count as u64);
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

    /// F1, F2.
    fn deal(
        terms: &Terms<Self>,
        secrets: Shares<Fl>,
        deviation: &Deviation,
        rng: &mut ChaCha20Rng,
        seal: &mut dyn FnMut(PartyId, &[u8]),
    ) -> (Bytes, ScalarWitness) {
        dealing::deal(terms, secrets, deviation, rng, seal)
    }

    /// F3.
    fn prove(
        terms: &Terms<Self>,
        witness: ScalarWitness,
        _: &Bytes,
        root: &Digest,
        header: &SealHeader,
    ) -> ScalarProof {
        dealing::prove(terms.scheme(), witness, context(terms, root, header))
    }

    /// C.
    fn root(terms: &Terms<Self>, commitments: &Bytes) -> Option<Digest> {
        let expected = terms.count() * width(terms.committee()) * POINT_BYTES;
        (commitments.len() == expected || zoo::on(Mutant::ScalarsAnyWidth))
            .then(|| Transcript::new(terms.tag(), "acss commitments").bytes(commitments).digest())
    }

    /// F4.
    fn check(
        terms: &Terms<Self>,
        commitments: Bytes,
        proof: ScalarProof,
        root: Digest,
        header: &SealHeader,
    ) -> Option<ScalarChecks> {
        let scalars = terms.scheme();
        let given = commitments.len() / (scalars.curves.len() * POINT_BYTES).max(1);
        let width = zoo::instead(width(terms.committee()), Mutant::ScalarsAnyWidth, given);
        let commitments = Commitments::decode(scalars, width, &commitments)?;
        let context = context(terms, &root, header);
        let Commitments { edwards, ristretto } = &commitments;
        let holds = scalars.constants_hold(&edwards.constants(), proof.edwards.as_ref(), &context)
            && scalars.constants_hold(&ristretto.constants(), proof.ristretto.as_ref(), &context);
        holds.then(|| ScalarChecks { commitments: Arc::new(commitments), root })
    }

    /// F5.
    fn check_share(
        terms: &Terms<Self>,
        checked: &ScalarChecks,
        party: PartyId,
        _: &[u8],
        shares: &[Fl],
    ) -> bool {
        let mut context = Transcript::new(terms.tag(), "acss shares of scalars");
        context.bytes(checked.root.as_bytes());
        checked.commitments.agree(party, shares, &context)
    }

    fn output(checked: &ScalarChecks, shares: Shares<Fl>) -> ScalarShares {
        ScalarShares { shares, commitments: checked.commitments.clone() }
    }
}

/// Commitments to one polynomial.
const fn width(committee: Committee) -> usize {
    committee.degree() + 1
}

/// What a proof of knowledge is bound to.
fn context(terms: &Terms<Scalars>, root: &Digest, header: &SealHeader) -> Transcript {
    if zoo::on(Mutant::ScalarsUnbound) {
        return Transcript::new(&Tag::root(&[0; 32], 0), "acss constants");
    }
    let mut transcript = Transcript::new(terms.tag(), "acss constants");
    transcript.bytes(root.as_bytes()).bytes(&wire::encode(header));
    transcript
}
