//! Collects what an instance wants done.

use std::collections::VecDeque;

use crate::committee::PartyId;
use crate::fault::{Fault, Proof};
use crate::protocol::{Job, Outbox, Recipient};

/// What the instance wants done in one step. Jobs run at once.
pub(super) struct Sink<M> {
    me: PartyId,
    pub(super) said: Vec<(Recipient, M)>,
    pub(super) own: VecDeque<M>,
    pub(super) faults: Vec<(Fault, Option<Proof>)>,
}

impl<M> Sink<M> {
    pub(super) const fn new(me: PartyId) -> Self {
        Self { me, said: Vec::new(), own: VecDeque::new(), faults: Vec::new() }
    }
}

impl<M: Clone> Outbox<M> for Sink<M> {
    fn send(&mut self, to: Recipient, message: M) {
        if to == Recipient::All || to == Recipient::One(self.me) {
            self.own.push_back(message.clone());
        }
        self.said.push((to, message));
    }

    fn report(&mut self, fault: Fault) {
        self.faults.push((fault, None));
    }

    fn convict(&mut self, fault: Fault, proof: Proof) {
        self.faults.push((fault, Some(proof)));
    }

    fn work(&mut self, job: Job<M>) {
        self.own.push_back(job());
    }
}
