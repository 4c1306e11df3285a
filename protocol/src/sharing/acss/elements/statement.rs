//! What a dealer proves about a batch beside its degree.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::committee::Committee;
use crate::crypto::Digest;
use crate::math::PrimeField;
use crate::sharing::Shares;
use crate::tag::Tag;

/// A statement about the secrets of a batch that the dealer proves in the same broadcast, such as
/// "these are multiplication triples".
///
/// The proof is drawn after the shares are committed to: challenges are hashed from `tag`, which
/// names the dealing, and `root`, which commits to every party's share vector. A proof is public,
/// so it must say nothing about the secrets: whatever it opens needs a blinder among them.
///
/// What [`check_public`](Self::check_public) accepts and every share that
/// [`check_share`](Self::check_share) accepts must together imply the statement whenever the shares
/// lie on polynomials of degree `t`. Checks are deterministic; `check_share` should be linear in
/// the shares, so that what holds for `t + 1` parties holds for a party that recovers its share.
pub trait Statement<F: PrimeField>: Clone + Send + Sync + 'static {
    /// What the dealer publishes. Decoded from the dealer: it may be anything of the type.
    type Proof: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The dealer's proof. `coefficients[k]` holds the coefficients of `x^k` of all polynomials
    /// `f_1 .. f_L`: `t + 1` columns of `L` elements, the first of them the secrets. A linear form
    /// applied to each column gives the coefficients of its share polynomial.
    fn prove(&self, tag: &Tag, root: &Digest, coefficients: &[Shares<F>]) -> Self::Proof;

    /// Whether the public part of the proof holds. Total.
    fn check_public(
        &self,
        committee: Committee,
        tag: &Tag,
        root: &Digest,
        proof: &Self::Proof,
    ) -> bool;

    /// Whether the shares `f_1(point) .. f_L(point)` agree with a proof whose public part holds.
    fn check_share(
        &self,
        tag: &Tag,
        root: &Digest,
        proof: &Self::Proof,
        point: F,
        shares: &[F],
    ) -> bool;
}

/// Nothing is claimed about the secrets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NoStatement;

impl<F: PrimeField> Statement<F> for NoStatement {
    type Proof = ();

    fn prove(&self, _: &Tag, _: &Digest, _: &[Shares<F>]) {}

    fn check_public(&self, _: Committee, _: &Tag, _: &Digest, (): &()) -> bool {
        true
    }

    fn check_share(&self, _: &Tag, _: &Digest, (): &(), _: F, _: &[F]) -> bool {
        true
    }
}
