//! What a dealer proves about its triples: that each chunk's third polynomial is the product of
//! the other two.
//!
//! The proof is a polynomial identity checked at one random place, shared as the secrets are
//! (Corrigan-Gibbs and Boneh, *Prio*, NSDI 2017, section 4.2).
//!
//! # Protocol
//!
//! - **P1** The challenge `zeta = H(tag, commitments)` is in the quadratic extension `K` and not in
//!   `F`; the commitments fix all shares before it is known.
//! - **P2** `A(zeta)`, `B(zeta)`, `C(zeta)` are linear in the secrets, so the same combination of
//!   their sharings shares them with degree t over `K`. The dealer publishes these three sharing
//!   polynomials for each chunk, `3(t + 1)` elements of `K`.
//! - **P3** Everybody checks `A(zeta) * B(zeta) = C(zeta)` on the constants before ECHO, and that
//!   its own shares lie on the published polynomials before OK.
//!
//! # Why it works
//!
//! If `C` is not `A * B`, the two differ, as polynomials of degree `2N + 2`, in all but `2N + 2`
//! places of `K`; so a false chunk passes with a chance of at most `(2N + 2) / (p^2 - p)` for each
//! hash the dealer tries.
//!
//! What becomes public is `A(zeta)` and `B(zeta)`, two elements of `F` each; `C(zeta)` follows, and
//! the rest of the sharing polynomials follows from the constant and the shares of any t parties.
//! `A` has *two* blinders, whose weights at `zeta` are linearly independent over `F` (their
//! quotient is a multiple of `(zeta - N - 1) / zeta`, which is not in `F`), so `A(zeta)` is uniform
//! whatever the factors are. One blinder would leave a linear equation over `F` on the factors.
//!
//! # Differences from the paper
//!
//! The challenge is hashed, over an extension of the field, and one for all chunks of a dealing:
//! a dealer who wants a false triple to pass gains nothing from more than one false chunk.

use serde::{Deserialize, Serialize};

use super::layout::{Chunk, Layout};
use crate::committee::Committee;
use crate::crypto::{Digest, Transcript};
use crate::math::{Ext, Field, PrimeField, Rows};
use crate::sharing::Shares;
use crate::sharing::acss::Statement;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

/// "Every chunk of this dealing is made of two polynomials and their product."
#[derive(Clone, Debug)]
pub struct TripleStatement {
    layout: Layout,
}

impl TripleStatement {
    /// The statement about dealings of this layout.
    pub const fn new(layout: Layout) -> Self {
        Self { layout }
    }
}

/// For each chunk the sharing polynomials of `A(zeta)`, `B(zeta)`, `C(zeta)`, coefficients low to
/// high, one after the other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct TripleProof<F: PrimeField>(pub Vec<Ext<F>>);

impl<F: PrimeField> Statement<F> for TripleStatement {
    type Proof = TripleProof<F>;

    // P2
    fn prove(&self, tag: &Tag, root: &Digest, coefficients: &[Shares<F>]) -> TripleProof<F> {
        let weights = Weights::new(&self.layout, challenge(tag, root));
        let mut columns: Vec<_> =
            coefficients.iter().map(|column| self.layout.chunks_of(column)).collect();
        let mut proof = Vec::with_capacity(3 * columns.len() * self.layout.chunks());
        for _ in 0..self.layout.chunks() {
            let chunks: Vec<Chunk<'_, F>> = columns.iter_mut().filter_map(Iterator::next).collect();
            proof.extend(chunks.iter().map(|chunk| weights.factors.combine(chunk.a)));
            proof.extend(chunks.iter().map(|chunk| weights.factors.combine(chunk.b)));
            proof.extend(chunks.iter().map(|chunk| weights.products.combine(chunk.c)));
        }
        TripleProof(proof)
    }

    // P3, before ECHO
    fn check_public(
        &self,
        committee: Committee,
        _: &Tag,
        _: &Digest,
        proof: &TripleProof<F>,
    ) -> bool {
        let len = committee.degree() + 1;
        proof.0.len() == 3 * len * self.layout.chunks()
            && proof.0.chunks_exact(3 * len).all(|chunk| {
                let mut constants = chunk.iter().step_by(len);
                match (constants.next(), constants.next(), constants.next()) {
                    (Some(a), Some(b), Some(c)) => {
                        *a * *b == *c || zoo::on(Mutant::TriplesUnproven)
                    }
                    _ => false,
                }
            })
    }

    // P3, before OK
    fn check_share(
        &self,
        tag: &Tag,
        root: &Digest,
        proof: &TripleProof<F>,
        point: F,
        shares: &[F],
    ) -> bool {
        let len = self.layout.committee().degree() + 1;
        if shares.len() != self.layout.secrets() {
            return false;
        }
        let weights = Weights::new(&self.layout, challenge(tag, root));
        let mut published = proof.0.chunks_exact(len);
        let mut on_next = |value: Ext<F>| {
            published.next().is_some_and(|coefficients| evaluate(coefficients, point) == value)
        };
        self.layout.chunks_of(shares).all(|chunk| {
            on_next(weights.factors.combine(chunk.a))
                && on_next(weights.factors.combine(chunk.b))
                && on_next(weights.products.combine(chunk.c))
        })
    }
}

/// P1: outside `F`, where it would be, or would say something about, a factor.
fn challenge<F: PrimeField>(tag: &Tag, root: &Digest) -> Ext<F> {
    let mut rng = Transcript::new(tag, "challenge to triples").bytes(root.as_bytes()).rng();
    loop {
        let candidate = Ext::<F>::random(&mut rng);
        if candidate.im != F::ZERO {
            return candidate;
        }
    }
}

/// A polynomial over the extension at a point of the base field.
fn evaluate<F: PrimeField>(coefficients: &[Ext<F>], point: F) -> Ext<F> {
    coefficients.iter().rev().fold(Ext::ZERO, |value, c| value.scale(point) + *c)
}

/// The weights with which the values of a chunk's polynomials at integer points give their value
/// at the challenge.
struct Weights<F> {
    factors: Row<F>,
    products: Row<F>,
}

impl<F: PrimeField> Weights<F> {
    fn new(layout: &Layout, at: Ext<F>) -> Self {
        Self {
            factors: Row::new(layout.factors_len(), at),
            products: Row::new(layout.products_len(), at),
        }
    }
}

/// Weights in the extension, by coordinate.
struct Row<F> {
    re: Vec<F>,
    im: Vec<F>,
}

impl<F: PrimeField> Row<F> {
    /// From the values at `0..len` to the value at `at`.
    fn new(len: usize, at: Ext<F>) -> Self {
        let row = Rows::<F>::of_integers(len).at(at);
        Self { re: row.iter().map(|w| w.re).collect(), im: row.iter().map(|w| w.im).collect() }
    }

    fn combine(&self, values: &[F]) -> Ext<F> {
        let dot = |row: &[F]| F::sum_of_products(row.iter().copied().zip(values.iter().copied()));
        Ext { re: dot(&self.re), im: dot(&self.im) }
    }
}

#[cfg(test)]
mod tests;
