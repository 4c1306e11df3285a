//! What an open decision waits for, in facts that depend on no vote.

use serde::{Deserialize, Serialize};

use super::Decision;
use crate::agreement::coin::Coin;
use crate::committee::PartySet;

/// What comes next in the life of a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The broadcast of the proposal.
    Broadcast,
    /// Values of the slot that gives it its position.
    Slot,
    /// What others say of that slot: this party may not speak in it.
    SlotOfOthers,
    /// Dealings of the run that makes its material.
    Material,
    /// What others say of that run: this party may not speak in it.
    MaterialOfOthers,
    /// Shares of our own mask bits, without which we cannot vote.
    Masks,
    /// Ballots.
    Ballots,
    /// Agreement on whose ballots count.
    InputSet,
    /// Shares for an opening of the circuit.
    Opening {
        /// Openings that are done.
        done: usize,
        /// All there are.
        all: usize,
    },
    /// Parts of a signature.
    Signature,
    /// The document that is to be signed.
    Document,
    /// The certificate, from others: this party does not sign.
    Certificate,
}

/// What a decision waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Waits {
    /// What comes next.
    pub step: Step,
    /// Members whose part of it is here; of [`Step::InputSet`], those about whose ballots there is
    /// agreement.
    pub here: PartySet,
    /// Of how many members it takes a part.
    pub needed: usize,
}

impl<C: Coin> Decision<C> {
    /// What it waits for; of [`Step::Material`] only that it does.
    pub fn waits(&self) -> Waits {
        let committee = self.context.keyring.committee();
        let (quorum, openers) = (committee.quorum(), committee.honest_majority());
        let waits = |step, here, needed| Waits { step, here, needed };
        let ballots = self.voted().0;
        if self.follows {
            return waits(Step::Certificate, PartySet::EMPTY, 1);
        }
        if self.outcome.is_some() {
            return match self.certifying.seen() {
                Some(here) => waits(Step::Signature, here, openers),
                None if self.certifying.lacks_document() => {
                    waits(Step::Document, PartySet::EMPTY, 1)
                }
                None => waits(Step::Certificate, PartySet::EMPTY, 1),
            };
        }
        if let Some(engine) = &self.engine {
            let (done, all) = engine.progress();
            return waits(Step::Opening { done, all }, engine.seen(), openers);
        }
        if !self.supplied() {
            return waits(Step::Material, PartySet::EMPTY, quorum);
        }
        if ballots == committee.everyone() || self.collect.closed() {
            return waits(Step::InputSet, self.collect.resolved(), committee.n());
        }
        if self.my_masks.is_none() && !self.ballot_sent {
            return waits(Step::Masks, self.masks.seen(), openers);
        }
        waits(Step::Ballots, ballots, committee.n())
    }
}
