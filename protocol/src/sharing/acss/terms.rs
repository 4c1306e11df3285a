//! What everybody knows of a batch before it is dealt: its name, sizes and layout.

use std::fmt;
use std::marker::PhantomData;

use crate::committee::{Committee, PartyId, PartySet};
use crate::crypto::{Digest, Transcript, erasure, seal};
use crate::limits;
use crate::math::{Ext, Field, PrimeField};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::wire::Bytes;

use super::message::{Complaint, Shard};
use super::statement::Statement;

/// Independent degree checks: one would leave a dealer 2^-50 for each hash query at n = 64.
pub(super) const CHECKS: usize = 2;
/// Bytes of the salt r_i.
pub(super) const SALT_BYTES: usize = 32;

/// The terms of one dealing.
///
/// A share vector travels and is stored as bytes: `f_1(i) .. f_L(i)`, then the blinders
/// `g_1(i), g_2(i)` over K, then the salt `r_i`.
#[derive(Clone)]
pub struct Terms<F, S> {
    committee: Committee,
    dealer: PartyId,
    tag: Tag,
    count: usize,
    statement: S,
    field: PhantomData<fn() -> F>,
}

impl<F: PrimeField, S: Statement<F>> Terms<F, S> {
    /// The terms of the dealing called `tag`, by `dealer`, of `count` secrets.
    ///
    /// # Panics
    /// If `count` is over [`limits::MAX_BATCH`], the dealer is not of the committee, or the field
    /// has no distinct non-zero point for each party.
    pub fn new(
        committee: Committee,
        dealer: PartyId,
        tag: &Tag,
        count: usize,
        statement: S,
    ) -> Self {
        assert!(count <= limits::MAX_BATCH, "{count} secrets in one batch");
        assert!(committee.contains(dealer), "the dealer is one of the committee");
        assert!((committee.n() as u64) < F::MODULUS, "every party has its own point, none is 0");
        let tag = tag
            .child("acss: shares, two blinders over the extension, salt; v1")
            .indexed("dealer", dealer.index() as u64)
            .indexed("n", committee.n() as u64)
            .indexed("t", committee.t() as u64)
            .indexed("field", F::MODULUS)
            .indexed("secrets", count as u64);
        Self { committee, dealer, tag, count, statement, field: PhantomData }
    }

    /// Who takes part.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// Who deals.
    pub const fn dealer(&self) -> PartyId {
        self.dealer
    }

    /// The dealing's name: binds the instance, the dealer, n, t, the field, L and the layout.
    pub const fn tag(&self) -> &Tag {
        &self.tag
    }

    /// L, the number of secrets.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// What is proven about the secrets.
    pub const fn statement(&self) -> &S {
        &self.statement
    }

    /// The point at which a party's shares are taken.
    pub fn point(&self, party: PartyId) -> F {
        F::from_u64(party.point())
    }

    /// Bytes of an encoded share vector.
    pub const fn share_bytes(&self) -> usize {
        self.count * F::BYTES + CHECKS * Ext::<F>::BYTES + SALT_BYTES
    }

    /// Shards of a sealed share vector that give it back: `t + 1`, which honest parties hold of
    /// every one that was broadcast, as ECHO waits for them.
    pub(super) const fn data_shards(&self) -> usize {
        self.committee.one_honest()
    }

    /// Bytes of each shard of a sealed share vector.
    pub(super) const fn shard_bytes(&self) -> usize {
        erasure::shard_len(self.share_bytes() + seal::OVERHEAD, self.data_shards())
    }

    /// The longest ciphertext whose shards have the right length.
    pub(super) const fn most_sealed_bytes(&self) -> usize {
        self.shard_bytes() * self.data_shards()
    }

    /// Whether `shard` has the size of one of ours.
    pub(super) fn is_shard(&self, shard: &Shard) -> bool {
        shard.bytes.len() == self.shard_bytes() && shard.path.fits(self.committee.n())
    }

    /// Whether a complaint has a size and shape that evidence can have.
    pub(super) fn is_complaint(&self, complaint: &Complaint) -> bool {
        match complaint {
            Complaint::BadShare { ciphertext, .. } => ciphertext.len() <= self.most_sealed_bytes(),
            Complaint::BadDispersal { shards } => {
                let holders: PartySet = shards.iter().map(|(holder, _)| *holder).collect();
                shards.len() == self.data_shards()
                    && holders.len() == shards.len()
                    && holders.within(self.committee)
                    && shards.iter().all(|(_, shard)| self.is_shard(shard))
            }
        }
    }

    /// The shards of a sealed share vector.
    pub(super) fn disperse(&self, ciphertext: &[u8]) -> Vec<Bytes> {
        erasure::encode(ciphertext, self.data_shards(), self.committee.n())
    }

    /// `c_i = H(tag, i, S_i, r_i)`, of an encoded share vector.
    pub(super) fn commitment(&self, party: PartyId, encoded: &[u8]) -> Digest {
        Transcript::new(&self.tag, "acss share").u64(party.point()).bytes(encoded).digest()
    }

    /// `gamma_q = H_K(tag, q, C)`.
    pub(super) fn challenges(&self, root: &Digest) -> [Ext<F>; CHECKS] {
        [1, 2].map(|q| {
            let mut transcript = Transcript::new(&self.tag, "acss degree check");
            Ext::random(&mut transcript.u64(q).bytes(root.as_bytes()).rng())
        })
    }

    /// What the sealing key's proof is bound to: the commitments and every dispersal.
    pub(super) fn context(&self, root: &Digest, dispersals: &[Digest]) -> Digest {
        let mut transcript = Transcript::new(&self.tag, "acss sealing");
        transcript.bytes(root.as_bytes()).u64(dispersals.len() as u64);
        for dispersal in dispersals {
            transcript.bytes(dispersal.as_bytes());
        }
        transcript.digest()
    }

    /// The encoding of a share vector.
    pub(super) fn encode(
        &self,
        shares: &[F],
        blinders: [Ext<F>; CHECKS],
        salt: &[u8; SALT_BYTES],
    ) -> Secret<Vec<u8>> {
        // The whole length at once: a vector that grew would leave copies behind.
        let mut bytes = Vec::with_capacity(self.share_bytes());
        shares.iter().for_each(|share| share.to_bytes_into(&mut bytes));
        blinders.iter().for_each(|blinder| blinder.to_bytes_into(&mut bytes));
        bytes.extend_from_slice(salt);
        Secret::new(bytes)
    }

    /// Shares and blinders of an encoded share vector; `None` unless it is one of ours in shape.
    pub(super) fn decode(&self, encoded: &[u8]) -> Option<(Shares<F>, [Ext<F>; CHECKS])> {
        if encoded.len() != self.share_bytes() {
            return None;
        }
        let (shares, rest) = encoded.split_at_checked(self.count * F::BYTES)?;
        let (blinders, _salt) = rest.split_at_checked(CHECKS * Ext::<F>::BYTES)?;
        let mut decoded = Vec::with_capacity(self.count);
        for share in shares.chunks_exact(F::BYTES) {
            decoded.push(F::from_bytes(share)?);
        }
        let (first, second) = blinders.split_at_checked(Ext::<F>::BYTES)?;
        Some((decoded.into(), [Ext::from_bytes(first)?, Ext::from_bytes(second)?]))
    }
}

impl<F, S> fmt::Debug for Terms<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms(dealer {}, {} secrets)", self.dealer, self.count)
    }
}
