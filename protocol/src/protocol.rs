//! What a protocol is: a value that handles messages and puts its effects into an outbox.
//!
//! - Deterministic: no IO, no clock, no hidden randomness, no threads.
//! - Total: no message can make it fail or panic.
//! - Only incoming messages, one's own included, change what a protocol believes; inputs only
//!   send. Whoever owns the top of the stack hands multicasts back to their own sender.
//! - Inputs are inherent methods with the literature's verb (`broadcast`, `propose`, `deal`,
//!   `open`), each with its own parameters.

use std::fmt;

use crate::committee::PartyId;
use crate::fault::{Fault, FaultKind, Proof};

/// One party's instance of a sans-IO protocol.
pub trait Protocol {
    /// What parties send each other. `Display` is a path such as `acs/3/aba r2 E1 1`; neither it
    /// nor `Debug` shows anything secret.
    type Message: Clone + fmt::Debug + fmt::Display;
    /// What the instance gives its owner, at most once unless its documentation says otherwise.
    type Output;

    /// Handles a message that `from`, a member of the committee, certainly sent.
    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut dyn Outbox<Self::Message>,
    ) -> Option<Self::Output>;
}

/// Who receives a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recipient {
    /// Every party, oneself included.
    All,
    /// One party, possibly oneself.
    One(PartyId),
}

/// Heavy work: a pure function whose result comes back as a message from oneself.
pub type Job<M> = Box<dyn FnOnce() -> M + Send>;

/// Where a protocol puts its effects.
pub trait Outbox<M> {
    /// Sends a message.
    fn send(&mut self, to: Recipient, message: M);
    /// Reports what a party did wrong.
    fn report(&mut self, fault: Fault);
    /// The same, with what convinces others of it. Whoever has no use for that reports the fault.
    fn convict(&mut self, fault: Fault, _proof: Proof) {
        self.report(fault);
    }
    /// Has `job` run, perhaps on another thread; its result is handled as a message from oneself.
    /// Such messages are local: they have no encoding, so that no peer can send one.
    fn work(&mut self, job: Job<M>);
}

impl<M> dyn Outbox<M> + '_ {
    /// Sends to every party, oneself included.
    pub fn multicast(&mut self, message: M) {
        self.send(Recipient::All, message);
    }

    /// Sends to one party.
    pub fn send_to(&mut self, party: PartyId, message: M) {
        self.send(Recipient::One(party), message);
    }

    /// Reports that `party` did what no honest party does.
    pub fn blame(&mut self, party: PartyId, kind: impl Into<FaultKind>) {
        self.report(Fault { party, kind: kind.into() });
    }

    /// The same, with what convinces others of it, if there is anything.
    pub fn accuse(&mut self, party: PartyId, kind: impl Into<FaultKind>, proof: Option<Proof>) {
        let fault = Fault { party, kind: kind.into() };
        match proof {
            Some(proof) => self.convict(fault, proof),
            None => self.report(fault),
        }
    }

    /// An outbox for a child protocol, whose messages `wrap` puts into ours.
    pub fn wrap<F>(&mut self, wrap: F) -> Wrapped<'_, M, F> {
        Wrapped { out: self.reborrow(), wrap }
    }

    fn reborrow(&mut self) -> &mut (dyn Outbox<M> + '_) {
        self
    }
}

/// An outbox that wraps a child's messages into its parent's. See [`Outbox`]'s `wrap`.
pub struct Wrapped<'a, M, F> {
    out: &'a mut (dyn Outbox<M> + 'a),
    wrap: F,
}

impl<M, C, F> Outbox<C> for Wrapped<'_, M, F>
where
    M: 'static,
    C: 'static,
    F: Fn(C) -> M + Clone + Send + 'static,
{
    fn send(&mut self, to: Recipient, message: C) {
        self.out.send(to, (self.wrap)(message));
    }

    fn report(&mut self, fault: Fault) {
        self.out.report(fault);
    }

    fn convict(&mut self, fault: Fault, proof: Proof) {
        self.out.convict(fault, proof);
    }

    fn work(&mut self, job: Job<C>) {
        let wrap = self.wrap.clone();
        self.out.work(Box::new(move || wrap(job())));
    }
}
