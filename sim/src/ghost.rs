//! What really happened, as only the simulator knows: who is faulty, what was asked, who entered
//! what.

use std::collections::BTreeMap;

use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::proposal::Proposal;

/// The truth that checkers measure parties against.
#[derive(Clone, Debug)]
pub struct Ghost {
    /// The parties.
    pub committee: Committee,
    /// Those that may do anything.
    pub byzantine: PartySet,
    /// Honest ones that are killed and start again.
    pub unsteady: PartySet,
    /// What was asked, by digest of the proposal.
    pub questions: BTreeMap<Digest, Asked>,
}

/// A question, and what each member entered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The proposal.
    pub proposal: Proposal,
    /// Whose.
    pub proposer: PartyId,
    /// Which question of the plan it is: the same under another name after it lapsed.
    pub number: usize,
    /// What each member's node was given as input: one value, none, or both of two twins'.
    pub inputs: PartyMap<Vec<u64>>,
}

impl Ghost {
    /// Nothing has happened yet.
    pub const fn new(committee: Committee, byzantine: PartySet, unsteady: PartySet) -> Self {
        Self { committee, byzantine, unsteady, questions: BTreeMap::new() }
    }

    /// Whether a party is honest.
    pub const fn honest(&self, party: PartyId) -> bool {
        !self.byzantine.contains(party)
    }

    /// Honest parties that are never killed: at least `n - t`.
    pub fn steady(&self) -> PartySet {
        self.committee.everyone().difference(self.byzantine).difference(self.unsteady)
    }

    /// Somebody asked something.
    pub fn asked(&mut self, digest: Digest, proposer: PartyId, number: usize, proposal: Proposal) {
        let inputs = PartyMap::new(self.committee);
        self.questions.entry(digest).or_insert(Asked { proposal, proposer, number, inputs });
    }

    /// Somebody entered an input.
    pub fn entered(&mut self, digest: &Digest, member: PartyId, value: u64) {
        if let Some(asked) = self.questions.get_mut(digest) {
            asked.inputs[member].push(value);
        }
    }
}
