//! What really happened, as only the simulator knows: who is faulty, what was asked, who entered
//! what.

use std::collections::BTreeMap;

use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::decision::stock::{Amount, Policy};
use quorate_protocol::decision::supply::Request;

use crate::plan::Plan;
use crate::schedule::MILLI;

/// UTC at virtual time 0, in milliseconds since 1970.
const UTC_BASE: u64 = 1_800_000_000_000;

/// UTC at a virtual time, in milliseconds since 1970.
pub const fn utc_ms(time: u64) -> u64 {
    UTC_BASE + time / MILLI
}

/// The truth that checkers measure parties against.
#[derive(Clone, Debug)]
pub struct Ghost {
    /// The parties.
    pub committee: Committee,
    /// Those that may do anything.
    pub byzantine: PartySet,
    /// Honest ones that are killed and start again.
    pub unsteady: PartySet,
    /// Honest ones that are behind for good.
    pub stranded: PartySet,
    /// Whether a run must come to an end: no more than `t` are faulty, killed or behind for good.
    pub live: bool,
    /// By how many milliseconds each party's clock is fast.
    pub skews: PartyMap<i64>,
    /// Whether nothing goes wrong: nobody is faulty or killed, and links are prompt.
    pub calm: bool,
    /// What is used of a preprocessing run: what it was asked for.
    pub used: Amount,
    /// What certificates are to be of.
    pub network: Option<Network>,
    /// What was asked, by digest of the proposal.
    pub questions: BTreeMap<Digest, Asked>,
}

/// A network as a verifier knows it.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its digest.
    pub digest: [u8; 32],
    /// Its certificate key.
    pub key: [u8; 32],
    /// Its members' identities, in order.
    pub identities: Vec<[u8; 32]>,
    /// How many of them sign beside the network.
    pub signers: usize,
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

/// What is used of each run.
fn used(policy: Policy) -> Amount {
    let Request { material, pairs } = policy.request;
    let [bits, triples, pairs] = [material.bits, material.triples, pairs].map(|count| count as u64);
    Amount { bits, triples, pairs }
}

impl Ghost {
    /// Nothing has happened yet.
    pub fn new(committee: Committee, byzantine: PartySet, unsteady: PartySet) -> Self {
        let skews = PartyMap::new(committee);
        Self {
            committee,
            byzantine,
            unsteady,
            stranded: PartySet::EMPTY,
            live: true,
            skews,
            calm: false,
            used: used(Policy::for_members(committee.n())),
            network: None,
            questions: BTreeMap::new(),
        }
    }

    /// Nothing has happened yet in the run of a plan.
    pub fn of(plan: &Plan) -> Self {
        Self {
            live: plan.promises_liveness(),
            calm: plan.is_calm(),
            used: used(plan.policy),
            skews: PartyMap::from_fn(plan.committee, |party| plan.skew(party)),
            ..Self::new(plan.committee, plan.byzantine_set(), plan.unsteady())
        }
    }

    /// What a party's clock says, in milliseconds since 1970.
    pub fn utc_ms(&self, party: PartyId, time: u64) -> u64 {
        utc_ms(time).saturating_add_signed(self.skews[party])
    }

    /// When a party's clock says so.
    pub fn time_of(&self, party: PartyId, utc_ms: u64) -> u64 {
        let right = utc_ms.saturating_add_signed(self.skews[party].saturating_neg());
        right.saturating_sub(UTC_BASE).saturating_mul(MILLI)
    }

    /// Whether a party is honest.
    pub const fn honest(&self, party: PartyId) -> bool {
        !self.byzantine.contains(party)
    }

    /// Honest parties that are never killed nor behind for good.
    pub fn steady(&self) -> PartySet {
        let faulty = self.byzantine.union(self.unsteady).union(self.stranded);
        self.committee.everyone().difference(faulty)
    }

    /// These are behind for good, as if they were lost.
    pub fn strand(&mut self, stranded: PartySet) {
        self.stranded = stranded;
        let faulty = self.byzantine.union(stranded);
        self.live &= stranded.is_empty() || faulty.len() <= self.committee.t();
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
