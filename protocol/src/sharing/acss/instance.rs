//! One party's instance of a sharing.

mod dispersal;
mod recovery;

use std::fmt;
use std::sync::Arc;

use crate::agreement::rbc::{self, Delivery, Mode, Rbc};
use crate::committee::{PartyId, PartySet};
use crate::crypto::Keyring;
use crate::error::Error;
use crate::fault::{Fault, SharingFault};
use crate::limits;
use crate::math::PrimeField;
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

use super::dealing::{Dealing, Deviation};
use super::elements::{Elements, Statement};
use super::message::{Local, Message, Shard};
use super::public::Verified;
use super::scalar::Scalars;
use super::scheme::Scheme;
use super::terms::Terms;

/// One party's instance of asynchronous complete secret sharing. See the [module](super).
pub struct Acss<S: Scheme> {
    keyring: Arc<Keyring>,
    terms: Arc<Terms<S>>,
    rbc: Rbc,
    dealt: bool,

    /// Our shard of every ciphertext, until it is forwarded.
    shards: Option<Vec<Shard>>,
    /// The payload that the dealer sent us.
    offered: Option<Vetting<S>>,
    /// ECHO was sent, or never will be.
    answered: bool,
    echoed: bool,
    /// The payload that was delivered.
    delivered: Option<Vetting<S>>,
    /// What is in it.
    batch: Option<Arc<Verified<S>>>,
    forwarded: bool,
    /// What came before the delivery.
    waiting: Vec<(PartyId, Message)>,
    forwards: PartySet,
    complaints: PartySet,
    reveals: PartySet,

    /// Verified shards of our own ciphertext, until there are enough.
    pieces: Vec<(PartyId, Shard)>,
    retrieving: bool,
    /// Our share vector as it was committed to; can be revealed.
    share: Option<Secret<Vec<u8>>>,
    /// Revealed vectors that passed, until there are enough.
    revealed: Vec<(PartyId, Secret<Vec<u8>>)>,
    recovering: bool,
    recovered: Option<Secret<Vec<u8>>>,

    complained: bool,
    exposed: bool,
    accused: bool,
    reveal_sent: bool,
    oks: PartySet,
    dones: PartySet,
    done_sent: bool,
    complete: bool,
    finished: bool,
}

/// A payload whose public part is being checked, or was.
struct Vetting<S: Scheme> {
    payload: Bytes,
    verdict: Verdict<S>,
}

enum Verdict<S: Scheme> {
    Open,
    Bad,
    Good(Arc<Verified<S>>),
}

impl<F: PrimeField, S: Statement<F>> Acss<Elements<F, S>> {
    /// An instance called `tag` in which `dealer` shares `count` secrets for which `statement`
    /// holds.
    ///
    /// # Panics
    /// As [`Terms::new`].
    pub fn new(
        keyring: Arc<Keyring>,
        dealer: PartyId,
        tag: Tag,
        count: usize,
        statement: S,
    ) -> Self {
        Self::with_scheme(keyring, dealer, &tag, Elements::new(count, statement))
    }
}

impl Acss<Scalars> {
    /// An instance called `tag` in which `dealer` shares these scalars.
    ///
    /// # Panics
    /// As [`Terms::new`].
    pub fn scalars(keyring: Arc<Keyring>, dealer: PartyId, tag: Tag, scalars: Scalars) -> Self {
        Self::with_scheme(keyring, dealer, &tag, scalars)
    }
}

impl<S: Scheme> Acss<S> {
    /// Takes the public part from whoever [offers](Self::offer) it: the others may be gone when they are
    /// asked.
    #[must_use]
    pub fn taking_offers(mut self) -> Self {
        self.rbc = self.rbc.taking_offers();
        self
    }

    /// The public part, for a party that may lack it when we are gone.
    pub fn offer(&self) -> Option<Message> {
        Some(Message::Rbc(rbc::Message::Payload(self.rbc.delivered()?.clone())))
    }

    pub(super) fn with_scheme(
        keyring: Arc<Keyring>,
        dealer: PartyId,
        tag: &Tag,
        scheme: S,
    ) -> Self {
        let terms = Terms::new(keyring.committee(), dealer, tag, scheme);
        let mode = Mode::Short { limit: limits::MAX_DEALING_PAYLOAD };
        let rbc = Rbc::new(keyring.clone(), dealer, terms.broadcast(), mode).gated();
        Self {
            keyring,
            terms: Arc::new(terms),
            rbc,
            dealt: false,
            shards: None,
            offered: None,
            answered: false,
            echoed: false,
            delivered: None,
            batch: None,
            forwarded: false,
            waiting: Vec::new(),
            forwards: PartySet::EMPTY,
            complaints: PartySet::EMPTY,
            reveals: PartySet::EMPTY,
            pieces: Vec::new(),
            retrieving: false,
            share: None,
            revealed: Vec::new(),
            recovering: false,
            recovered: None,
            complained: false,
            exposed: false,
            accused: false,
            reveal_sent: false,
            oks: PartySet::EMPTY,
            dones: PartySet::EMPTY,
            done_sent: false,
            complete: false,
            finished: false,
        }
    }

    /// Shares the secrets. The same seed and secrets give the same messages again.
    ///
    /// # Errors
    /// If we are not the dealer, have dealt already, or there are not `count` secrets.
    ///
    /// # Panics
    /// When the dealing is ready, if the statement's proof is so long that the public part is over
    /// [`limits::MAX_DEALING_PAYLOAD`].
    pub fn deal(
        &mut self,
        secrets: Shares<S::Field>,
        seed: &Secret<[u8; 32]>,
        out: &mut dyn Outbox<Message>,
    ) -> Result<(), Error> {
        self.deal_with(secrets, seed, Deviation::default(), out)
    }

    /// Shares the secrets the way a corrupt dealer would, for tests and simulations.
    ///
    /// # Errors
    /// As [`deal`](Self::deal).
    pub fn deal_with(
        &mut self,
        secrets: Shares<S::Field>,
        seed: &Secret<[u8; 32]>,
        deviation: Deviation,
        out: &mut dyn Outbox<Message>,
    ) -> Result<(), Error> {
        if self.keyring.me() != self.terms.dealer() {
            return Err(Error::NotYours { party: self.terms.dealer(), what: "deal" });
        }
        if self.dealt {
            return Err(Error::AlreadyGiven { what: "a dealing" });
        }
        let (expected, got) = (self.terms.count(), secrets.len());
        if got != expected {
            return Err(Error::WrongSize { what: "secrets", expected, got });
        }
        if !self.terms.scheme().admits(&secrets) {
            return Err(Error::NotShareable);
        }
        self.dealt = true;
        let (terms, keyring, seed) = (self.terms.clone(), self.keyring.clone(), seed.clone());
        out.work(Box::new(move || {
            let dealing = Dealing::new(&terms, &keyring, secrets, &seed, &deviation);
            Message::Local(Local::Dealt(Box::new(dealing)))
        }));
        Ok(())
    }

    /// What was agreed on beforehand.
    pub fn terms(&self) -> &Terms<S> {
        &self.terms
    }

    /// Whether the sharing is complete: every honest party will get its share.
    pub const fn complete(&self) -> bool {
        self.complete
    }

    /// Whether we complained about the dealer.
    pub const fn complained(&self) -> bool {
        self.complained
    }

    /// Whether our share came from other parties' revealed vectors.
    pub const fn recovered(&self) -> bool {
        self.share.is_none() && self.recovered.is_some()
    }

    /// Whether a proven complaint shows the dealer to be corrupt.
    pub const fn exposed(&self) -> bool {
        self.exposed
    }

    /// D4.
    fn on_dealt(&mut self, dealing: Dealing, out: &mut dyn Outbox<Message>) {
        self.rbc
            .broadcast(dealing.payload, &mut out.wrap(Message::Rbc))
            .expect("deal lets one dealing through; statements bound their proofs");
        for (party, shards) in dealing.parts {
            out.send_to(party, Message::Shards(shards));
        }
    }

    /// Whether this is the first message of its kind from that party, and of a possible size.
    fn admit(&mut self, from: PartyId, message: &Message, out: &mut dyn Outbox<Message>) -> bool {
        let (seen, possible, fault) = match message {
            Message::Forward(shard) => {
                (&mut self.forwards, self.terms.is_shard(shard), SharingFault::BadShard)
            }
            Message::Complain(complaint) => {
                let possible = self.terms.is_complaint(complaint);
                (&mut self.complaints, possible, SharingFault::FalseComplaint)
            }
            Message::Reveal(share) => {
                let possible = share.len() == self.terms.share_bytes();
                (&mut self.reveals, possible, SharingFault::BadReveal)
            }
            _ => return false,
        };
        if !seen.insert(from) {
            return false;
        }
        if !possible {
            out.blame(from, fault);
        }
        possible
    }

    fn on_evidence(&mut self, from: PartyId, message: Message, out: &mut dyn Outbox<Message>) {
        let Some(batch) = self.batch.clone() else {
            if !zoo::on(Mutant::AcssDropsEarly) {
                self.waiting.push((from, message));
            }
            return;
        };
        match message {
            Message::Forward(shard) => self.on_forward(&batch, from, shard, out),
            Message::Complain(complaint) => self.on_complain(batch, from, complaint, out),
            Message::Reveal(share) => self.on_reveal(batch, from, share, out),
            _ => {}
        }
    }

    fn on_local(&mut self, local: Local, out: &mut dyn Outbox<Message>) {
        match local {
            Local::Dealt(dealing) => self.on_dealt(*dealing, out),
            Local::Vetted(vetted) => self.on_vetted(vetted, out),
            Local::Retrieved(retrieved) => self.on_retrieved(retrieved, out),
            Local::Judged { proven: Some(fault), .. } => self.expose(fault, out),
            Local::Judged { complainer, proven: None } => {
                out.blame(complainer, SharingFault::FalseComplaint);
            }
            Local::Checked { from, share } => self.on_checked(from, share, out),
            Local::Recovered(shares) => self.recovered = Some(shares),
        }
    }

    /// A5.
    fn try_done(&mut self, out: &mut dyn Outbox<Message>) {
        let committee = self.terms.committee();
        let (few, most) = (committee.one_honest(), committee.honest_majority());
        let oks = zoo::instead(committee.quorum(), Mutant::AcssDoneEarly, few);
        let dones = zoo::instead(few, Mutant::AcssNoAmplification, usize::MAX);
        let due = self.oks.len() >= oks || self.dones.len() >= dones;
        if due && !self.done_sent {
            self.done_sent = true;
            out.multicast(Message::Done);
        }
        self.complete |= self.dones.len() >= zoo::instead(most, Mutant::AcssCompleteEarly, few);
    }

    fn try_output(&mut self) -> Option<S::Output> {
        if self.finished || !self.complete {
            return None;
        }
        let encoded = self.share.as_ref().or(self.recovered.as_ref())?;
        // Shares come after the delivery only.
        let batch = self.batch.as_ref()?;
        self.finished = true;
        let shares = self.terms.decode(encoded.expose()).expect("it was decoded before");
        Some(batch.output(shares))
    }

    const fn has_share(&self) -> bool {
        self.share.is_some() || self.recovered.is_some()
    }

    /// Blames the dealer for the public part that it sent us, once.
    fn convict(&mut self, out: &mut dyn Outbox<Message>) {
        match self.rbc.signed() {
            Some(proof) if !self.accused => {
                self.accused = true;
                let kind = SharingFault::BadDealing.into();
                out.convict(Fault { party: self.terms.dealer(), kind }, proof);
            }
            _ => self.accuse(SharingFault::BadDealing, out),
        }
    }

    /// Blames the dealer, once.
    fn accuse(&mut self, fault: SharingFault, out: &mut dyn Outbox<Message>) {
        if !self.accused {
            self.accused = true;
            out.blame(self.terms.dealer(), fault);
        }
    }
}

impl<S: Scheme> Protocol for Acss<S> {
    type Message = Message;
    type Output = S::Output;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message,
        out: &mut dyn Outbox<Message>,
    ) -> Option<S::Output> {
        match message {
            Message::Rbc(message) => {
                let delivery = self.rbc.handle(from, message, &mut out.wrap(Message::Rbc));
                if let Some(Delivery::Payload(payload)) = delivery {
                    self.on_delivered(payload, out);
                }
            }
            Message::Shards(shards) => self.on_shards(from, shards, out),
            Message::Ok => {
                self.oks.insert(from);
            }
            Message::Done => {
                self.dones.insert(from);
            }
            Message::Local(local) if from == self.keyring.me() => self.on_local(local, out),
            // Cannot come over the wire: it has no encoding.
            Message::Local(_) => {}
            evidence => {
                if self.admit(from, &evidence, out) {
                    self.on_evidence(from, evidence, out);
                }
            }
        }
        self.try_vet(out);
        self.try_echo(out);
        self.try_done(out);
        self.try_output()
    }
}

impl<S: Scheme> fmt::Debug for Acss<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acss")
            .field("terms", &self.terms)
            .field("delivered", &self.batch.is_some())
            .field("share", &self.has_share())
            .field("exposed", &self.exposed)
            .field("oks", &self.oks)
            .field("dones", &self.dones)
            .finish_non_exhaustive()
    }
}

// Derived, they would ask it of the scheme.
impl<S: Scheme> Clone for Vetting<S> {
    fn clone(&self) -> Self {
        Self { payload: self.payload.clone(), verdict: self.verdict.clone() }
    }
}

impl<S: Scheme> Clone for Verdict<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Open => Self::Open,
            Self::Bad => Self::Bad,
            Self::Good(batch) => Self::Good(batch.clone()),
        }
    }
}
