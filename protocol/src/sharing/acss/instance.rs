//! One party's instance of a sharing.

use std::fmt;
use std::sync::Arc;

use crate::agreement::rbc::{Delivery, Mode, Rbc};
use crate::committee::{PartyId, PartySet};
use crate::crypto::Keyring;
use crate::error::Error;
use crate::fault::SharingFault;
use crate::limits;
use crate::math::PrimeField;
use crate::protocol::{Outbox, Protocol};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::wire::Bytes;

use super::dealing::{Dealing, Deviation};
use super::elements::{Elements, Statement};
use super::message::{Complaint, Local, Message, Shard};
use super::public::Verified;
use super::retrieval::{interpolate, judge, retrieve};
use super::scalar::{ScalarTerms, Scalars};
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
    /// The payload whose ECHO was withheld, and its content if it holds.
    offered: Option<Offered<S>>,
    vetted: bool,
    echoed: bool,
    /// The public part that was delivered.
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

type Offered<S> = (Bytes, Option<Arc<Verified<S>>>);

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
    pub fn scalars(keyring: Arc<Keyring>, dealer: PartyId, tag: Tag, terms: ScalarTerms) -> Self {
        Self::with_scheme(keyring, dealer, &tag, terms)
    }
}

impl<S: Scheme> Acss<S> {
    fn with_scheme(keyring: Arc<Keyring>, dealer: PartyId, tag: &Tag, scheme: S) -> Self {
        let terms = Terms::new(keyring.committee(), dealer, tag, scheme);
        let mode = Mode::Short { limit: limits::MAX_DEALING_PAYLOAD };
        let rbc = Rbc::new(keyring.clone(), dealer, terms.tag().child("public"), mode).gated();
        Self {
            keyring,
            terms: Arc::new(terms),
            rbc,
            dealt: false,
            shards: None,
            offered: None,
            vetted: false,
            echoed: false,
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

    fn on_shards(&mut self, from: PartyId, shards: Vec<Shard>, out: &mut dyn Outbox<Message>) {
        if from != self.terms.dealer() {
            out.blame(from, SharingFault::NotDealer);
            return;
        }
        if self.forwarded {
            return;
        }
        if let Some(held) = &self.shards {
            if *held != shards {
                out.blame(from, SharingFault::SecondMessage);
            }
            return;
        }
        let n = self.terms.committee().n();
        if shards.len() != n || !shards.iter().all(|shard| self.terms.is_shard(shard)) {
            out.blame(from, SharingFault::BadShard);
            return;
        }
        self.shards = Some(shards);
        self.try_forward(false, out);
    }

    /// A1.
    fn try_echo(&mut self, out: &mut dyn Outbox<Message>) {
        let (false, Some(payload), Some(shards)) = (self.vetted, self.rbc.held(), &self.shards)
        else {
            return;
        };
        // Both are fixed from here on, so one look is enough.
        self.vetted = true;
        let batch = Verified::new(&self.terms, payload).map(Arc::new);
        let fault = match &batch {
            None => Some(SharingFault::BadDealing),
            Some(batch) if !self.all_belong(batch, shards) => Some(SharingFault::BadShard),
            Some(_) => None,
        };
        self.offered = Some((payload.clone(), batch));
        match fault {
            Some(fault) => self.accuse(fault, out),
            None => {
                self.echoed = true;
                self.rbc.approve(&mut out.wrap(Message::Rbc));
            }
        }
    }

    fn all_belong(&self, batch: &Verified<S>, shards: &[Shard]) -> bool {
        let me = self.keyring.me();
        let mut pairs = self.terms.committee().parties().zip(shards);
        pairs.all(|(owner, shard)| batch.holds_shard(owner, me, shard))
    }

    /// A2.
    fn on_delivered(&mut self, payload: &Bytes, out: &mut dyn Outbox<Message>) {
        let known = self.offered.take().filter(|(offered, _)| offered == payload);
        // The shards were looked at too, if the payload is the one that was offered.
        let checked = known.is_some() && self.echoed;
        let batch = match known {
            Some((_, batch)) => batch,
            None => Verified::new(&self.terms, payload).map(Arc::new),
        };
        let Some(batch) = batch else {
            // Only with more than t corrupt parties: honest ones echo nothing of the kind.
            self.accuse(SharingFault::BadDealing, out);
            return;
        };
        self.batch = Some(batch);
        self.try_forward(checked, out);
        for (from, message) in std::mem::take(&mut self.waiting) {
            self.on_evidence(from, message, out);
        }
    }

    fn try_forward(&mut self, checked: bool, out: &mut dyn Outbox<Message>) {
        let (Some(batch), Some(shards)) = (&self.batch, &self.shards) else { return };
        if !checked && !self.all_belong(batch, shards) {
            self.accuse(SharingFault::BadShard, out);
            return;
        }
        self.forwarded = true;
        let shards = self.shards.take().unwrap_or_default();
        for (owner, shard) in self.terms.committee().parties().zip(shards) {
            out.send_to(owner, Message::Forward(shard));
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
            self.waiting.push((from, message));
            return;
        };
        match message {
            Message::Forward(shard) => self.on_forward(&batch, from, shard, out),
            Message::Complain(complaint) => self.on_complain(batch, from, complaint, out),
            Message::Reveal(share) => self.on_reveal(batch, from, share, out),
            _ => {}
        }
    }

    /// A3.
    fn on_forward(
        &mut self,
        batch: &Arc<Verified<S>>,
        from: PartyId,
        shard: Shard,
        out: &mut dyn Outbox<Message>,
    ) {
        if self.retrieving {
            return;
        }
        if !batch.holds_shard(self.keyring.me(), from, &shard) {
            out.blame(from, SharingFault::BadShard);
            return;
        }
        self.pieces.push((from, shard));
        if self.pieces.len() < self.terms.data_shards() {
            return;
        }
        self.retrieving = true;
        let pieces = std::mem::take(&mut self.pieces);
        let (batch, keyring) = (batch.clone(), self.keyring.clone());
        out.work(Box::new(move || {
            let retrieved = retrieve(&batch, &keyring, pieces);
            Message::Local(Local::Retrieved(retrieved.map_err(Box::new)))
        }));
    }

    /// A3, A4.
    fn on_retrieved(
        &mut self,
        retrieved: Result<Secret<Vec<u8>>, Box<Complaint>>,
        out: &mut dyn Outbox<Message>,
    ) {
        match retrieved {
            Ok(share) => {
                self.share = Some(share);
                out.multicast(Message::Ok);
                self.try_reveal(out);
            }
            Err(complaint) => {
                self.complained = true;
                self.expose(complaint.proves(), out);
                out.multicast(Message::Complain(*complaint));
            }
        }
    }

    /// A6.
    fn on_complain(
        &mut self,
        batch: Arc<Verified<S>>,
        complainer: PartyId,
        complaint: Complaint,
        out: &mut dyn Outbox<Message>,
    ) {
        if self.exposed {
            return;
        }
        let keyring = self.keyring.clone();
        out.work(Box::new(move || {
            let proven = judge(&batch, &keyring, complainer, &complaint);
            Message::Local(Local::Judged { complainer, proven })
        }));
    }

    /// A7.
    fn try_reveal(&mut self, out: &mut dyn Outbox<Message>) {
        if let (true, false, Some(share)) = (self.exposed, self.reveal_sent, &self.share) {
            self.reveal_sent = true;
            out.multicast(Message::Reveal(share.expose().as_slice().into()));
        }
    }

    /// A8.
    fn on_reveal(
        &mut self,
        batch: Arc<Verified<S>>,
        from: PartyId,
        share: Bytes,
        out: &mut dyn Outbox<Message>,
    ) {
        if self.has_share() || self.recovering {
            return;
        }
        out.work(Box::new(move || {
            let holds = batch.check_share(from, &share);
            let share = holds.then(|| Secret::new(share.to_vec()));
            Message::Local(Local::Checked { from, share })
        }));
    }

    /// A8.
    fn on_checked(
        &mut self,
        from: PartyId,
        share: Option<Secret<Vec<u8>>>,
        out: &mut dyn Outbox<Message>,
    ) {
        let Some(share) = share else {
            out.blame(from, SharingFault::BadReveal);
            return;
        };
        let Some(batch) = self.batch.clone() else { return };
        if self.has_share() || self.recovering {
            return;
        }
        self.revealed.push((from, share));
        if self.revealed.len() < self.terms.committee().one_honest() {
            return;
        }
        self.recovering = true;
        let revealed = std::mem::take(&mut self.revealed);
        let me = self.keyring.me();
        out.work(Box::new(move || {
            Message::Local(Local::Recovered(interpolate(&batch, me, &revealed)))
        }));
    }

    fn on_local(&mut self, local: Local, out: &mut dyn Outbox<Message>) {
        match local {
            Local::Dealt(dealing) => self.on_dealt(*dealing, out),
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
        let due =
            self.oks.len() >= committee.quorum() || self.dones.len() >= committee.one_honest();
        if due && !self.done_sent {
            self.done_sent = true;
            out.multicast(Message::Done);
        }
        self.complete |= self.dones.len() >= committee.honest_majority();
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

    /// A6: the dealer is proven corrupt.
    fn expose(&mut self, fault: SharingFault, out: &mut dyn Outbox<Message>) {
        self.exposed = true;
        self.accuse(fault, out);
        self.try_reveal(out);
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
                    self.on_delivered(&payload, out);
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
