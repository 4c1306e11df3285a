//! An outbox that puts the messages of many agreements together.

use super::message::Message;
use crate::agreement::aba;
use crate::committee::PartyId;
use crate::fault::Fault;
use crate::protocol::{Job, Outbox, Recipient};

/// Keeps what the agreements send during one call, merged, until [`flush`](Gather::flush).
pub(super) struct Gather<'a, S> {
    agreement: PartyId,
    waiting: Vec<(Recipient, Message<S>)>,
    out: &'a mut (dyn Outbox<Message<S>> + 'a),
}

impl<'a, S> Gather<'a, S> {
    pub(super) fn new(out: &'a mut (dyn Outbox<Message<S>> + 'a)) -> Self {
        Self { agreement: PartyId::new(0), waiting: Vec::new(), out }
    }

    /// The outbox of the agreement about the value of `party`.
    pub(super) const fn of(&mut self, party: PartyId) -> &mut Self {
        self.agreement = party;
        self
    }

    /// Sends everything on.
    pub(super) fn flush(self) {
        for (to, message) in self.waiting {
            self.out.send(to, message);
        }
    }
}

impl<S: 'static> Outbox<aba::Message<S>> for Gather<'_, S> {
    fn send(&mut self, to: Recipient, message: aba::Message<S>) {
        let mut message = Message::of(self.agreement, message);
        for (_, waiting) in self.waiting.iter_mut().filter(|(other, _)| *other == to) {
            match waiting.merge(message) {
                None => return,
                Some(other) => message = other,
            }
        }
        self.waiting.push((to, message));
    }

    fn report(&mut self, fault: Fault) {
        self.out.report(fault);
    }

    fn work(&mut self, job: Job<aba::Message<S>>) {
        let agreement = self.agreement;
        self.out.work(Box::new(move || Message::of(agreement, job())));
    }
}
