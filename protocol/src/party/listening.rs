//! Hears what others broadcast and says nothing.

use crate::agreement::rbc;
use crate::fault::{Fault, Proof};
use crate::protocol::{Job, Outbox, Recipient};

/// The outbox of a broadcast in which we must be silent: one may ask for what others delivered.
pub(super) struct Listening<'a>(pub(super) &'a mut dyn Outbox<rbc::Message>);

impl Outbox<rbc::Message> for Listening<'_> {
    fn send(&mut self, to: Recipient, message: rbc::Message) {
        if matches!(message, rbc::Message::Pull(_)) {
            self.0.send(to, message);
        }
    }

    fn report(&mut self, fault: Fault) {
        self.0.report(fault);
    }

    fn convict(&mut self, fault: Fault, proof: Proof) {
        self.0.convict(fault, proof);
    }

    fn work(&mut self, job: Job<rbc::Message>) {
        self.0.work(job);
    }
}
