//! Collects a step's effects, in order.

use std::collections::VecDeque;

use crate::committee::PartyId;
use crate::fault::Fault;
use crate::party::event::{Alarm, TimerToken, When};
use crate::party::event::{Answer, Effect, MessageOf, Notice, Record, Refusal, RequestId, Suite};
use crate::protocol::{Job, Outbox, Recipient};

/// A step's effects, and the messages to oneself that the step has still to handle.
pub(super) struct Sink<S: Suite> {
    me: PartyId,
    pub(super) effects: Vec<Effect<S>>,
    pub(super) own: VecDeque<MessageOf<S>>,
}

impl<S: Suite> Sink<S> {
    pub(super) const fn new(me: PartyId) -> Self {
        Self { me, effects: Vec::new(), own: VecDeque::new() }
    }

    pub(super) fn outbox(&mut self) -> &mut dyn Outbox<MessageOf<S>> {
        self
    }

    pub(super) fn persist(&mut self, records: Vec<Record>) {
        self.effects.push(Effect::Persist(records));
    }

    /// How many effects there are.
    pub(super) const fn mark(&self) -> usize {
        self.effects.len()
    }

    /// Has records written before everything since `mark`.
    pub(super) fn persist_at(&mut self, mark: usize, records: Vec<Record>) {
        self.effects.insert(mark, Effect::Persist(records));
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        self.effects.push(Effect::Notify(notice));
    }

    pub(super) fn answer(&mut self, request: RequestId, answer: Result<Answer, Refusal>) {
        self.effects.push(Effect::Answer { request, answer });
    }

    pub(super) fn timer(&mut self, alarm: Alarm, when: When) {
        self.effects.push(Effect::SetTimer { token: TimerToken(alarm), when });
    }
}

impl<S: Suite> Outbox<MessageOf<S>> for Sink<S> {
    fn send(&mut self, to: Recipient, message: MessageOf<S>) {
        match to {
            Recipient::One(party) if party == self.me => self.own.push_back(message),
            Recipient::One(_) => self.effects.push(Effect::Send { to, message }),
            Recipient::All => {
                self.own.push_back(message.clone());
                self.effects.push(Effect::Send { to, message });
            }
        }
    }

    fn report(&mut self, fault: Fault) {
        self.effects.push(Effect::Fault(fault));
    }

    fn work(&mut self, job: Job<MessageOf<S>>) {
        self.effects.push(Effect::Work(job));
    }
}
