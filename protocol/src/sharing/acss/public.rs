//! The public part of a dealing, and what it lets everybody check.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::committee::PartyId;
use crate::crypto::seal::{CheckedHeader, SealHeader};
use crate::crypto::{Digest, merkle};
use crate::limits;
use crate::math::{Ext, Field, PrimeField};
use crate::sharing::Shares;
use crate::wire;

use super::combination::Combination;
use super::message::Shard;
use super::statement::Statement;
use super::terms::{CHECKS, Terms};

/// What the dealer broadcasts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "P: Serialize + serde::de::DeserializeOwned")]
pub struct Public<F: PrimeField, P> {
    /// `c_1 .. c_n`; C is the root of the Merkle tree over them.
    pub commitments: Vec<Digest>,
    /// `G_1` and `G_2`, each of exactly `t + 1` coefficients.
    pub checks: [Vec<Ext<F>>; CHECKS],
    /// The sealing key R, and the proof that binds it to this dealing.
    pub header: SealHeader,
    /// `e_1 .. e_n`, the roots of the dispersed ciphertexts.
    pub dispersals: Vec<Digest>,
    /// The proof of the statement.
    pub proof: P,
}

/// A public part that holds: its shape, the proof of its sealing key, and the public part of its
/// statement were checked. All of that depends on the payload alone.
pub(super) struct Verified<F: PrimeField, S: Statement<F>> {
    terms: Arc<Terms<F, S>>,
    public: Public<F, S::Proof>,
    root: Digest,
    header: CheckedHeader,
    combinations: [Combination<F>; CHECKS],
}

/// C, the commitment to everybody's share vector.
pub(super) fn commit(commitments: &[Digest]) -> Digest {
    let leaves: Vec<_> = commitments.iter().map(Digest::as_bytes).collect();
    merkle::Tree::new(&leaves).root()
}

impl<F: PrimeField, S: Statement<F>> Verified<F, S> {
    /// The public part in `payload`, if it holds.
    pub(super) fn new(terms: &Arc<Terms<F, S>>, payload: &[u8]) -> Option<Self> {
        let public: Public<F, S::Proof> =
            wire::decode(payload, limits::MAX_DEALING_PAYLOAD).ok()?;
        let committee = terms.committee();
        let shape = public.commitments.len() == committee.n()
            && public.dispersals.len() == committee.n()
            && public.checks.iter().all(|check| check.len() == committee.degree() + 1);
        if !shape {
            return None;
        }
        let root = commit(&public.commitments);
        let header =
            public.header.verify(terms.tag(), &terms.context(&root, &public.dispersals))?;
        if !terms.statement().check_public(committee, terms.tag(), &root, &public.proof) {
            return None;
        }
        let combinations = terms.challenges(&root).map(Combination::new);
        Some(Self { terms: terms.clone(), public, root, header, combinations })
    }

    /// The terms it was dealt under.
    pub(super) fn terms(&self) -> &Terms<F, S> {
        &self.terms
    }

    /// The sealing key, as one to open with.
    pub(super) const fn header(&self) -> &CheckedHeader {
        &self.header
    }

    /// `e_i`: the root over the shards of party `party`'s ciphertext.
    pub(super) fn dispersal(&self, party: PartyId) -> Option<&Digest> {
        self.public.dispersals.get(party.index())
    }

    /// Whether `shard` is the one that `holder` keeps of `recipient`'s ciphertext.
    pub(super) fn holds_shard(&self, recipient: PartyId, holder: PartyId, shard: &Shard) -> bool {
        let n = self.terms.committee().n();
        self.terms.is_shard(shard)
            && self.dispersal(recipient).is_some_and(|root| {
                merkle::verify(root, n, holder.index(), &shard.bytes, &shard.path)
            })
    }

    /// The shares in `party`'s encoded share vector, if it is what `c_i` commits to, agrees with
    /// `G_1` and `G_2`, and the statement holds for it.
    pub(super) fn check_share(&self, party: PartyId, encoded: &[u8]) -> Option<Shares<F>> {
        let (shares, blinders) = self.terms.decode(encoded)?;
        let commitment = self.public.commitments.get(party.index())?;
        if *commitment != self.terms.commitment(party, encoded) {
            return None;
        }
        let point = self.terms.point(party);
        let checks = self.public.checks.iter().zip(&self.combinations).zip(blinders);
        for ((check, combination), blinder) in checks {
            if evaluate(check, point) != blinder + combination.of(&shares) {
                return None;
            }
        }
        let Self { terms, root, public, .. } = self;
        terms
            .statement()
            .check_share(terms.tag(), root, &public.proof, point, &shares)
            .then_some(shares)
    }
}

/// A polynomial over the extension at a point of the base field.
pub(super) fn evaluate<F: PrimeField>(coefficients: &[Ext<F>], point: F) -> Ext<F> {
    coefficients.iter().rev().fold(Ext::ZERO, |sum, c| sum.scale(point) + *c)
}
