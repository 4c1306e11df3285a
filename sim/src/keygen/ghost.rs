//! What really happens, as only the simulator knows: who is faulty, and how.

use std::sync::Arc;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::crypto::Keyring;

use super::adversary::Behaviour;
use super::plan::Plan;

/// The truth that checkers measure members against.
#[derive(Clone, Debug)]
pub struct Ghost {
    /// The members.
    pub committee: Committee,
    /// Those that may do anything, and what they do.
    pub byzantine: Vec<(PartyId, Vec<Behaviour>)>,
    /// Honest ones that are killed and start again.
    pub unsteady: PartySet,
    /// Everybody's keys.
    pub keyrings: Vec<Arc<Keyring>>,
}

impl Ghost {
    /// The truth about a plan.
    pub(super) fn new(plan: &Plan, keyrings: Vec<Arc<Keyring>>) -> Self {
        Self {
            committee: plan.committee,
            byzantine: plan.byzantine.clone(),
            unsteady: plan.unsteady(),
            keyrings,
        }
    }

    /// Whether a member is honest.
    pub fn honest(&self, party: PartyId) -> bool {
        self.byzantine.iter().all(|(of, _)| *of != party)
    }

    /// The honest members.
    pub fn honest_set(&self) -> PartySet {
        self.committee.parties().filter(|party| self.honest(*party)).collect()
    }

    /// Honest members that are never killed: they tell of every fault they see.
    pub fn steady(&self) -> PartySet {
        self.honest_set().difference(self.unsteady)
    }
}
