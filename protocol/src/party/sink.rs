//! Collects a step's effects, in order.

use std::collections::VecDeque;

use crate::committee::PartyId;
use crate::fault::{Fault, Proof};
use crate::party::event::{Again, Answer, Done, Effect, MessageOf, Notice, Record, Refusal};
use crate::party::event::{Alarm, TimerToken, When};
use crate::party::event::{RequestId, Suite};
use crate::party::journal::{Instance, Journal};
use crate::protocol::{Job, Outbox, Recipient};
use crate::zoo::{self, Mutant};

/// A step's effects, what it writes down, and the messages to oneself that it has still to handle.
pub(super) struct Sink<S: Suite> {
    me: PartyId,
    pub(super) journal: Journal,
    pub(super) effects: Vec<Effect<S>>,
    pub(super) own: VecDeque<MessageOf<S>>,
    /// What the message in hand is about.
    pub(super) at: Option<Instance>,
    /// Faults of which others can be convinced, by what they were seen in.
    pub(super) proven: Vec<(Option<Instance>, PartyId, Proof)>,
}

impl<S: Suite> Sink<S> {
    pub(super) const fn new(me: PartyId, journal: Journal) -> Self {
        Self {
            me,
            journal,
            effects: Vec::new(),
            own: VecDeque::new(),
            at: None,
            proven: Vec::new(),
        }
    }

    /// All effects, what is written down before everything else; and the journal back.
    pub(super) fn finish(self) -> (Vec<Effect<S>>, Journal) {
        let Self { mut journal, mut effects, .. } = self;
        let records = journal.take();
        if !records.is_empty() {
            let place = zoo::instead(0, Mutant::JournalLate, effects.len());
            effects.insert(place, Effect::Persist(records));
        }
        (effects, journal)
    }

    pub(super) fn outbox(&mut self) -> &mut dyn Outbox<MessageOf<S>> {
        self
    }

    pub(super) fn persist(&mut self, records: Vec<Record>) {
        self.journal.write(records);
    }

    /// Says to others what was said before a restart.
    pub(super) fn say_again(&mut self, to: Recipient, message: MessageOf<S>) {
        self.effects.push(Effect::Send { to, message });
    }

    /// Has the job of this number of its instance done.
    pub(super) fn rework(&mut self, number: u32, job: Job<MessageOf<S>>) {
        let done = move || Done { number, message: job() };
        self.effects.push(Effect::Work(Box::new(done)));
    }

    /// Has something said again to a member.
    pub(super) fn say_once_more(&mut self, to: PartyId, what: Again) {
        self.effects.push(Effect::SayAgain(to, what));
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

    fn convict(&mut self, fault: Fault, proof: Proof) {
        self.proven.push((self.at, fault.party, proof));
        self.report(fault);
    }

    fn work(&mut self, job: Job<MessageOf<S>>) {
        let number = self.journal.job();
        self.rework(number, job);
    }
}
