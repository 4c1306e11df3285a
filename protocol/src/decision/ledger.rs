//! The ledger: the agreed order of proposals, as a hash chain.
//!
//! A slot adds the proposals it agreed on, in the order of their digests; each gets the next
//! position. The chain is of the order, not of the outcomes: a later decision may be certified
//! before an earlier one.
//!
//! Positions and the chain go on from one epoch to the next; slots begin again.
//!
//! A proposer's sequence numbers are used within a window after the last one ordered. A slot that
//! takes note of members that came back from a backup moves all of these windows on: see
//! [`restored`](crate::party::restored).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::committee::{PartyId, PartySet};
use crate::crypto::transcript::{Digest, Transcript};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::slot::Turn;
use crate::decision::stock::Claim;
use crate::limits;
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
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct SlotSummary {
    /// The slot's proposals.
    pub proposals: Vec<(ProposalId, Proposal)>,
    /// What it did for the epoch.
    pub turn: Option<Turn>,
    /// Members that came back from a backup.
    pub returned: PartySet,
}

/// Where an epoch's ledger begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LedgerStart {
    /// Its first position.
    pub position: u64,
    /// The chain's digest before it.
    pub head: Digest,
}

/// The order of proposals so far.
#[derive(Debug)]
pub struct Ledger {
    root: Tag,
    tag: Tag,
    start: LedgerStart,
    head: Digest,
    slots: Vec<SlotSummary>,
    refresh: Option<u64>,
    over: bool,
    entries: Vec<Entry>,
    ordered: BTreeSet<ProposalId>,
    /// One more than the highest sequence ordered of a member, and the skips before that.
    next_sequence: BTreeMap<PartyId, (u64, u64)>,
    /// Slots that moved all windows on.
    skips: u64,
    last_skip: u64,
    /// Slots that did nothing.
    idle_slots: u64,
    returns: BTreeMap<PartyId, u64>,
    by_digest: BTreeMap<Digest, u64>,
}

impl Ledger {
    /// The ledger of the epoch named `root`, empty. It goes on at `start`, or begins the chain.
    pub fn new(root: &Tag, start: Option<LedgerStart>) -> Self {
        let tag = root.child("ledger");
        let genesis =
            || LedgerStart { position: 0, head: Transcript::new(&tag, "genesis").digest() };
        let start = start.unwrap_or_else(genesis);
        Self {
            root: *root,
            tag,
            start,
            head: start.head,
            refresh: None,
            over: false,
            slots: Vec::new(),
            entries: Vec::new(),
            ordered: BTreeSet::new(),
            next_sequence: BTreeMap::new(),
            skips: 0,
            last_skip: 0,
            idle_slots: 0,
            returns: BTreeMap::new(),
            by_digest: BTreeMap::new(),
        }
    }

    /// The slot that comes next.
    pub fn next_slot(&self) -> u64 {
        self.slots.len() as u64
    }

    /// The chain's digest after the last entry.
    pub const fn head(&self) -> Digest {
        self.head
    }

    /// The first position.
    pub const fn first_position(&self) -> u64 {
        self.start.position
    }

    /// Where it begins.
    pub const fn start(&self) -> LedgerStart {
        self.start
    }

    /// The position that comes next.
    pub fn next_position(&self) -> u64 {
        self.start.position + self.entries.len() as u64
    }

    /// Where the next epoch's ledger begins, if this epoch is over.
    pub fn end(&self) -> Option<LedgerStart> {
        let end = LedgerStart { position: self.next_position(), head: self.head };
        self.over.then_some(end)
    }

    /// The position of the refresh that has begun.
    pub const fn refresh(&self) -> Option<u64> {
        self.refresh
    }

    /// Whether the epoch's last slot is here.
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// Whether a proposal has its position.
    pub fn contains(&self, id: &ProposalId) -> bool {
        self.ordered.contains(id)
    }

    /// The position of a proposal that has one.
    pub fn position_of(&self, id: &ProposalId) -> Option<u64> {
        self.entries.iter().rev().find(|entry| entry.id == *id).map(|entry| entry.position)
    }

    /// Where a member's window of sequence numbers begins: one more than the highest ordered, and
    /// [`limits::SKIP`] more for each slot since then that took note of members that came back.
    pub fn next_sequence(&self, proposer: PartyId) -> u64 {
        let (next, before) = self.next_sequence.get(&proposer).copied().unwrap_or_default();
        next.saturating_add((self.skips - before).saturating_mul(limits::SKIP))
    }

    /// Where a member's window of sequence numbers ends.
    pub fn window_end(&self, proposer: PartyId) -> u64 {
        self.next_sequence(proposer).saturating_add(limits::SEQUENCE_WINDOW)
    }

    /// Whether a proposal has no position, and its number is so low that it gets none any more. Stays so.
    pub fn is_stale(&self, id: &ProposalId) -> bool {
        let end = id.sequence.saturating_add(limits::SEQUENCE_WINDOW);
        end < self.next_sequence(id.proposer) && !self.contains(id)
    }

    /// How many slots took note of members that came back.
    pub const fn skips(&self) -> u64 {
        self.skips
    }

    /// Whether the last of these is among the last so many slots.
    pub fn skipped_lately(&self, slots: u64) -> bool {
        self.skips > 0 && self.next_slot() <= self.last_skip.saturating_add(slots)
    }

    /// How many slots did nothing at all.
    pub const fn idle_slots(&self) -> u64 {
        self.idle_slots
    }

    /// How many slots took note that this member came back.
    pub fn returns(&self, member: PartyId) -> u64 {
        self.returns.get(&member).copied().unwrap_or_default()
    }

    /// The entry at a position.
    pub fn entry(&self, position: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(position.checked_sub(self.start.position)?).ok()?)
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
        match summary.turn {
            Some(Turn::Refresh(position)) => self.refresh = self.refresh.or(Some(position)),
            Some(Turn::Last) => self.over = true,
            None => {}
        }
        let mut new: Vec<(Digest, ProposalId, Proposal)> = summary
            .proposals
            .iter()
            .filter(|(id, _)| !self.ordered.contains(id))
            .map(|(id, proposal)| (proposal.digest(&self.root), *id, proposal.clone()))
            .collect();
        new.sort_by_key(|(digest, id, _)| (*digest, *id));
        let (slot, returned, turn) = (self.next_slot(), summary.returned, summary.turn);
        self.slots.push(summary);
        for (digest, id, proposal) in new {
            self.ordered.insert(id);
            let next = self.next_sequence(id.proposer).max(id.sequence.saturating_add(1));
            self.next_sequence.insert(id.proposer, (next, self.skips));
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
        if !returned.is_empty() {
            self.skips += 1;
            self.last_skip = slot;
        }
        let idle = returned.is_empty() && turn.is_none() && first == self.next_position();
        self.idle_slots += u64::from(idle);
        for member in returned.iter() {
            *self.returns.entry(member).or_default() += 1;
        }
        first
    }

    /// The digest by which a proposal is known in this epoch.
    pub fn digest_of(&self, proposal: &Proposal) -> Digest {
        proposal.digest(&self.root)
    }
}
