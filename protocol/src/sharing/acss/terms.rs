//! What everybody knows of a sharing before it is dealt: its name, sizes and layout.

use std::fmt;

use crate::committee::{Committee, PartyId, PartySet};
use crate::crypto::{Digest, Transcript, erasure, seal};
use crate::limits;
use crate::math::Field;
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

use super::message::{Complaint, Shard};
use super::scheme::Scheme;

/// The terms of one dealing.
#[derive(Clone)]
pub struct Terms<S> {
    committee: Committee,
    dealer: PartyId,
    tag: Tag,
    scheme: S,
}

impl<S: Scheme> Terms<S> {
    /// The terms of the dealing called `tag`, by `dealer`.
    ///
    /// # Panics
    /// If there are more secrets than [`limits::MAX_BATCH`], the dealer is not of the committee, or
    /// the field has no distinct non-zero point for each party.
    pub fn new(committee: Committee, dealer: PartyId, tag: &Tag, scheme: S) -> Self {
        let count = scheme.count();
        assert!(count <= limits::MAX_BATCH, "{count} secrets in one batch");
        assert!(committee.contains(dealer), "the dealer is one of the committee");
        let tag = scheme
            .name(committee, tag)
            .indexed("dealer", dealer.index() as u64)
            .indexed("n", committee.n() as u64)
            .indexed("t", committee.t() as u64);
        Self { committee, dealer, tag, scheme }
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

    /// The name of the broadcast of the public part.
    pub fn broadcast(&self) -> Tag {
        self.tag.child("public")
    }

    /// What is shared, and how.
    pub const fn scheme(&self) -> &S {
        &self.scheme
    }

    /// L, the number of secrets.
    pub fn count(&self) -> usize {
        self.scheme.count()
    }

    /// The point at which a party's shares are taken.
    pub fn point(&self, party: PartyId) -> S::Field {
        S::Field::from_u64(party.point() - u64::from(zoo::on(Mutant::PointZero)))
    }

    /// Bytes of an encoded share vector.
    pub fn share_bytes(&self) -> usize {
        self.count() * S::Field::BYTES + self.scheme.extra_bytes()
    }

    /// Shards of a sealed share vector that give it back: `t + 1`, which honest parties hold of
    /// every one that was broadcast, as ECHO waits for them.
    pub(super) const fn data_shards(&self) -> usize {
        self.committee.one_honest()
    }

    /// Bytes of each shard of a sealed share vector.
    pub(super) fn shard_bytes(&self) -> usize {
        erasure::shard_len(self.share_bytes() + seal::OVERHEAD, self.data_shards())
    }

    /// The longest ciphertext whose shards have the right length.
    pub(super) fn most_sealed_bytes(&self) -> usize {
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

    /// What the sealing key's proof is bound to: the commitments and every dispersal.
    pub(super) fn context(&self, root: &Digest, dispersals: &[Digest]) -> Digest {
        let mut transcript = Transcript::new(&self.tag, "acss sealing");
        transcript.bytes(root.as_bytes()).u64(dispersals.len() as u64);
        for dispersal in dispersals {
            transcript.bytes(dispersal.as_bytes());
        }
        transcript.digest()
    }

    /// The encoding of shares, with room for whatever else belongs to a share vector.
    pub(super) fn encode(&self, shares: &[S::Field]) -> Secret<Vec<u8>> {
        // The whole length at once: a vector that grew would leave copies behind.
        let mut bytes = Vec::with_capacity(self.share_bytes());
        shares.iter().for_each(|share| share.to_bytes_into(&mut bytes));
        Secret::new(bytes)
    }

    /// The shares that an encoded share vector begins with; `None` if one of them is not reduced.
    pub(super) fn decode(&self, encoded: &[u8]) -> Option<Shares<S::Field>> {
        let shares = encoded.get(..self.count() * S::Field::BYTES)?;
        let mut decoded = Vec::with_capacity(self.count());
        for share in shares.chunks_exact(S::Field::BYTES) {
            decoded.push(S::Field::from_bytes(share)?);
        }
        Some(decoded.into())
    }
}

impl<S: Scheme> fmt::Debug for Terms<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Terms(dealer {}, {} secrets)", self.dealer, self.count())
    }
}
