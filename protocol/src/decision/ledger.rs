//! The ledger: the agreed order of proposals, as a hash chain.
//!
//! A slot adds the proposals it agreed on, in the order of their digests; each gets the next
//! position. The chain is of the order, not of the outcomes: a later decision may be certified
//! before an earlier one.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::committee::PartyId;
use crate::crypto::transcript::{Digest, Transcript};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::stock::Claim;
use crate::tag::Tag;

/// A proposal at its position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The position, from 0.
    pub position: u64,
    /// Who proposed it, and which of theirs it is.
    pub id: ProposalId,
    /// What is decided.
    pub proposal: Proposal,
    /// The proposal's digest.
    pub digest: Digest,
    /// The chain's digest before this entry.
    pub previous: Digest,
    /// The material it claims.
    pub claim: Claim,
}

/// What a slot ordered, as peers tell each other and as it is stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SlotSummary(pub Vec<(ProposalId, Proposal)>);

/// The order of proposals so far.
#[derive(Debug)]
pub struct Ledger {
    root: Tag,
    tag: Tag,
    head: Digest,
    slots: Vec<SlotSummary>,
    entries: Vec<Entry>,
    ordered: BTreeSet<ProposalId>,
    next_sequence: BTreeMap<PartyId, u64>,
    by_digest: BTreeMap<Digest, u64>,
}

impl Ledger {
    /// An empty ledger of the epoch named `root`.
    pub fn new(root: &Tag) -> Self {
        let tag = root.child("ledger");
        Self {
            root: *root,
            tag,
            head: Transcript::new(&tag, "genesis").digest(),
            slots: Vec::new(),
            entries: Vec::new(),
            ordered: BTreeSet::new(),
            next_sequence: BTreeMap::new(),
            by_digest: BTreeMap::new(),
        }
    }

    /// The slot that comes next.
    pub fn next_slot(&self) -> u64 {
        self.slots.len() as u64
    }

    /// The position that comes next.
    pub fn next_position(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Whether a proposal has its position.
    pub fn contains(&self, id: &ProposalId) -> bool {
        self.ordered.contains(id)
    }

    /// One more than the highest sequence ordered of a member.
    pub fn next_sequence(&self, proposer: PartyId) -> u64 {
        self.next_sequence.get(&proposer).copied().unwrap_or_default()
    }

    /// The entry at a position.
    pub fn entry(&self, position: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(position).ok()?)
    }

    /// The entry of a proposal.
    pub fn find(&self, digest: &Digest) -> Option<&Entry> {
        self.by_digest.get(digest).and_then(|position| self.entry(*position))
    }

    /// All entries, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What a past slot ordered.
    pub fn slot(&self, slot: u64) -> Option<&SlotSummary> {
        self.slots.get(usize::try_from(slot).ok()?)
    }

    /// Adds the next slot. Proposals that have a position already, and second proposals with the
    /// digest of an earlier one, get none. Returns the first new position.
    pub fn append(
        &mut self,
        summary: SlotSummary,
        mut claim: impl FnMut(&Proposal) -> Claim,
    ) -> u64 {
        let first = self.next_position();
        let mut new: Vec<(Digest, ProposalId, Proposal)> = summary
            .0
            .iter()
            .filter(|(id, _)| !self.ordered.contains(id))
            .map(|(id, proposal)| (proposal.digest(&self.root), *id, proposal.clone()))
            .collect();
        new.sort_by_key(|(digest, id, _)| (*digest, *id));
        self.slots.push(summary);
        for (digest, id, proposal) in new {
            self.ordered.insert(id);
            let next = self.next_sequence.entry(id.proposer).or_default();
            *next = (*next).max(id.sequence + 1);
            if self.by_digest.contains_key(&digest) {
                continue;
            }
            let position = self.next_position();
            self.by_digest.insert(digest, position);
            let entry = Entry {
                position,
                id,
                claim: claim(&proposal),
                proposal,
                digest,
                previous: self.head,
            };
            self.head = Transcript::new(&self.tag, "entry")
                .bytes(self.head.as_bytes())
                .u64(position)
                .u64(id.proposer.point())
                .u64(id.sequence)
                .bytes(digest.as_bytes())
                .digest();
            self.entries.push(entry);
        }
        first
    }

    /// The digest by which a proposal is known in this epoch.
    pub fn digest_of(&self, proposal: &Proposal) -> Digest {
        proposal.digest(&self.root)
    }
}
