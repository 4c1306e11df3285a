//! What makes something survives restarts: see the [ceremony](super).

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::log::{Key, Log, delete, put, put_bytes};
use super::message::Envelope;
use super::post::Post;
use super::sink::Sink;
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::{Digest, Identities, Signature};
use crate::error::Error;
use crate::fault::{Fault, KeyFault, Proof};
use crate::protocol::{Outbox, Protocol, Recipient};
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::tag::Tag;
use crate::wire;
use crate::zoo::{self, Mutant};

/// What a confirmation is signed for.
pub(super) const CONFIRMED: &str = "keys confirmed";

/// A protocol that gives all members parts of one thing, once.
pub trait Making:
    Protocol<Message: Serialize + DeserializeOwned + 'static, Output: Clone> + Sized
{
    /// What a corrupt member does otherwise; by default nothing.
    type Deviation: Default;

    /// Takes the first step.
    ///
    /// # Errors
    /// It was taken before.
    fn begin(
        &mut self,
        deviation: Self::Deviation,
        out: &mut dyn Outbox<Self::Message>,
    ) -> Result<(), Error>;

    /// What to say to a member that may lack something, before what could answer it is forgotten.
    fn farewell(&self) -> Vec<Self::Message> {
        Vec::new()
    }

    /// The name of what was made: the same at all members.
    fn digest(made: &Self::Output) -> Digest;

    /// What was made, to be written down. As secret as it is.
    fn to_bytes(made: &Self::Output) -> Secret<Vec<u8>>;

    /// Reads what was written down.
    fn from_bytes(bytes: &[u8]) -> Option<Self::Output>;
}

/// What happens to it.
pub enum DurableEvent<P: Making> {
    /// It may begin, or go on after a restart. Comes first; once more where links lost something.
    Start,
    /// Another member certainly sent this.
    Message {
        /// Who sent it.
        from: PartyId,
        /// What it says.
        message: Envelope<P::Message>,
    },
}

/// What it wants done, in order.
pub enum DurableEffect<P: Making> {
    /// Later sends wait until this is durable.
    Persist(Vec<Record>),
    /// To every other member or to one.
    Send {
        /// To whom.
        to: Recipient,
        /// What.
        message: Envelope<P::Message>,
    },
    /// A member did what no honest member does.
    Fault(Fault),
    /// The same, with what convinces others of it.
    Proven(Fault, Proof),
    /// What was made is here. Comes again after a restart.
    Generated(Box<P::Output>),
    /// These members have the same keys as we: more than before, or said again after a restart.
    Confirmed(PartySet),
}

/// A member's word that it has its keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Confirmation {
    keys: Digest,
    signature: Signature,
}

/// One member's durable instance.
pub struct Durable<P: Making> {
    identities: Arc<Identities>,
    pub(super) tag: Tag,
    /// What the log is bound to.
    begun: Digest,
    begun_written: bool,
    started: bool,
    /// `None` once everybody has confirmed.
    making: Option<P>,
    post: Post<P::Message>,
    /// How much was taken from others.
    heard: u32,
    up: PartySet,
    keys: Option<P::Output>,
    /// The name of what was made, which is confirmed.
    name: Option<Digest>,
    confirmations: PartyMap<Option<Confirmation>>,
    confirmed: PartySet,
    /// Only what was said is left, in so many records.
    retired: Option<u32>,
}

impl<P: Making> Durable<P> {
    /// An instance called `tag` as it was when it wrote `records`, in any order; a new one if there are
    /// none. `begun` names what it is begun with, and `making` is the same, before its first step;
    /// `None` for one that is retired.
    ///
    /// # Errors
    /// The records cannot be read, some are missing, or they were written under another `begun`.
    pub fn restored(
        identities: Arc<Identities>,
        tag: Tag,
        begun: Digest,
        making: Option<P>,
        deviation: P::Deviation,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let log = Log::<P>::read(records)?;
        if log.begun.is_some_and(|other| other != begun) {
            return Err(RestoreError::Unreadable("the log of another ceremony".into()));
        }
        if log.begun.is_none() && !(log.heard.is_empty() && log.name().is_none()) {
            return Err(RestoreError::Gap { what: "the beginning of message", number: 0 });
        }
        let mut this = Self {
            making,
            tag,
            begun,
            begun_written: log.begun.is_some(),
            started: false,
            post: Post::new(identities.committee(), identities.me()),
            heard: 0,
            up: PartySet::EMPTY,
            keys: None,
            name: None,
            confirmations: PartyMap::new(identities.committee()),
            confirmed: PartySet::EMPTY,
            retired: None,
            identities,
        };
        this.restore(log, deviation);
        Ok(this)
    }

    /// Lets one event happen. Effects are to be executed in order.
    pub fn step(&mut self, event: DurableEvent<P>) -> Vec<DurableEffect<P>> {
        let mut effects = Vec::new();
        match event {
            DurableEvent::Start => self.on_start(&mut effects),
            // What came before the start can be had again: by the hello that is sent with it.
            DurableEvent::Message { from, message } if self.started => {
                if from != self.me() && self.committee().contains(from) {
                    self.on_message(from, message, &mut effects);
                }
            }
            DurableEvent::Message { .. } => {}
        }
        if self.started && self.serves() && self.confirmed == self.committee().everyone() {
            self.forget(&mut effects); // C6
        }
        effects
    }

    /// Who has the same keys as we, ourselves included.
    pub const fn confirmed(&self) -> PartySet {
        self.confirmed
    }

    /// The instance; `None` once it is over and forgotten.
    pub const fn making(&self) -> Option<&P> {
        self.making.as_ref()
    }

    /// What was made, once it is here and until this is retired.
    pub const fn made(&self) -> Option<&P::Output> {
        self.keys.as_ref()
    }

    /// Who was heard of since this came up.
    pub const fn up(&self) -> PartySet {
        self.up
    }

    /// Whether what we said before is not in our store, which is an old one.
    pub fn forgot(&self) -> bool {
        self.post.forgot()
    }

    /// C7. Forgets all that is secret: what was made, too. To be called once it is here. Members that
    /// have not confirmed are told what they would have to ask for.
    pub fn retire(&mut self) -> Vec<DurableEffect<P>> {
        let Some(name) = self.name.filter(|_| self.retired.is_none()) else { return Vec::new() };
        let mut records = vec![put(Key::Retired, &name), delete(Key::Keys)];
        let farewell = self.making.as_ref().map(P::farewell).unwrap_or_default();
        for member in self.committee().everyone().difference(self.confirmed).iter() {
            for message in &farewell {
                self.post.say(Recipient::One(member), message.clone());
            }
        }
        let words = if self.confirmed == self.committee().everyone() {
            Vec::new()
        } else {
            self.post.words()
        };
        let number = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        for (place, word) in words.iter().enumerate() {
            records.push(put(Key::Said(number(place)), word));
        }
        records.extend((0..self.heard).map(|place| delete(Key::Heard(place))));
        self.retired = Some(number(words.len()));
        (self.making, self.keys, self.heard) = (None, None, 0);
        let mut effects = vec![DurableEffect::Persist(records)];
        self.flush(&mut effects);
        effects
    }

    /// Whether only what was said is left.
    pub const fn is_retired(&self) -> bool {
        self.retired.is_some()
    }

    /// Whether others can still be told what we have said.
    fn serves(&self) -> bool {
        self.making.is_some() || self.retired.is_some_and(|words| words > 0)
    }

    pub(super) fn committee(&self) -> Committee {
        self.identities.committee()
    }

    pub(super) fn me(&self) -> PartyId {
        self.identities.me()
    }

    /// C3. Nothing of this is sent now: our lists are what counts.
    fn restore(&mut self, log: Log<P>, deviation: P::Deviation) {
        self.name = log.name();
        for (member, confirmation) in log.confirmed {
            if self.committee().contains(member) {
                self.confirmations[member] = Some(confirmation);
            }
        }
        if log.retired.is_some() {
            self.making = None;
            self.retired = u32::try_from(log.said.len()).ok();
            for (to, message) in log.said {
                self.post.say(to.map_or(Recipient::All, Recipient::One), message);
            }
        } else if let Some(keys) = log.keys {
            self.making = None;
            self.keys = Some(keys);
        } else {
            let mut sink = Sink::new(self.me());
            if let Some(making) = &mut self.making {
                let started = making.begin(deviation, &mut sink);
                debug_assert!(started.is_ok(), "a new instance is started once");
            }
            self.settle(&mut sink);
            for (from, size, message) in log.heard {
                if self.committee().contains(from) {
                    self.post.taken(from, size);
                    self.heard = self.heard.saturating_add(1);
                    self.handle(from, message, &mut sink);
                }
            }
        }
        self.count_confirmations();
    }

    fn on_start(&mut self, effects: &mut Vec<DurableEffect<P>>) {
        self.started = true;
        self.up.insert(self.me());
        if !self.begun_written {
            self.begun_written = true;
            effects.push(DurableEffect::Persist(vec![put(Key::Begun, &self.begun)]));
        }
        for peer in self.committee().parties().filter(|peer| *peer != self.me()) {
            if self.making.is_some() {
                self.send(peer, self.hello(peer, true), effects); // C3
            }
        }
        if let Some(keys) = &self.keys {
            effects.push(DurableEffect::Generated(Box::new(keys.clone())));
        }
        if self.name.is_some() {
            effects.push(DurableEffect::Confirmed(self.confirmed));
            self.confirm(Recipient::All, effects);
        }
    }

    fn on_message(
        &mut self,
        from: PartyId,
        message: Envelope<P::Message>,
        effects: &mut Vec<DurableEffect<P>>,
    ) {
        self.up.insert(from);
        match message {
            Envelope::Hello { next, answer } => self.on_hello(from, next, answer, effects),
            Envelope::Said { number, message } => self.on_said(from, number, message, effects),
            Envelope::Confirm { keys, signature } => {
                self.on_confirm(from, Confirmation { keys, signature }, effects);
            }
        }
    }

    // C4
    fn on_hello(
        &mut self,
        from: PartyId,
        next: u32,
        answer: bool,
        effects: &mut Vec<DurableEffect<P>>,
    ) {
        if self.serves() {
            if answer && self.making.is_some() {
                self.send(from, self.hello(from, false), effects);
            }
            self.post.hello(from, next, !answer);
            self.flush(effects);
        }
        if answer {
            self.confirm(Recipient::One(from), effects);
        }
    }

    // C1, C2
    fn on_said(
        &mut self,
        from: PartyId,
        number: u32,
        message: P::Message,
        effects: &mut Vec<DurableEffect<P>>,
    ) {
        if self.making.is_none() {
            return;
        }
        let encoded = wire::encode(&(from, &message));
        if let Err(kind) = self.post.keep(from, number, encoded, message) {
            effects.push(DurableEffect::Fault(Fault { party: from, kind: kind.into() }));
        }
        let mut sink = Sink::new(self.me());
        let mut records = Vec::new();
        let had_keys = self.keys.is_some();
        while let Some((encoded, message)) = self.post.take(from) {
            records.push(put_bytes(Key::Heard(self.heard), Secret::new(encoded)));
            self.heard = self.heard.saturating_add(1);
            self.handle(from, message, &mut sink);
        }
        if records.is_empty() {
            return;
        }
        if !zoo::on(Mutant::LogForgotten) {
            effects.push(DurableEffect::Persist(records));
        }
        effects.extend(sink.faults.into_iter().map(|(fault, proof)| match proof {
            Some(proof) => DurableEffect::Proven(fault, proof),
            None => DurableEffect::Fault(fault),
        }));
        self.flush(effects);
        if let (Some(keys), false) = (&self.keys, had_keys) {
            effects.push(DurableEffect::Generated(Box::new(keys.clone())));
            self.blame_others(effects);
            effects.push(DurableEffect::Confirmed(self.confirmed));
            self.confirm(Recipient::All, effects); // C5
        }
    }

    /// Lets the instance handle a message, and all that it then says to itself.
    fn handle(&mut self, from: PartyId, message: P::Message, sink: &mut Sink<P::Message>) {
        let Some(making) = &mut self.making else { return };
        let keys = making.handle(from, message, sink);
        self.note(keys);
        self.settle(sink);
    }

    fn settle(&mut self, sink: &mut Sink<P::Message>) {
        let me = self.me();
        loop {
            for (to, message) in sink.said.drain(..) {
                self.post.say(to, message);
            }
            let Some(message) = sink.own.pop_front() else { return };
            let Some(making) = &mut self.making else { return };
            let keys = making.handle(me, message, sink);
            self.note(keys);
        }
    }

    fn note(&mut self, keys: Option<P::Output>) {
        if let Some(keys) = keys {
            self.name = Some(P::digest(&keys));
            self.keys = Some(keys);
            self.count_confirmations();
        }
    }

    // C5
    fn on_confirm(
        &mut self,
        from: PartyId,
        confirmation: Confirmation,
        effects: &mut Vec<DurableEffect<P>>,
    ) {
        let Confirmation { keys, signature } = confirmation;
        if self.confirmations[from].is_some() {
            return;
        }
        let key = self.identities.identity_of(from);
        if !key.verify(&self.tag, CONFIRMED, keys.as_bytes(), &signature) {
            let kind = KeyFault::BadConfirmation.into();
            effects.push(DurableEffect::Fault(Fault { party: from, kind }));
            return;
        }
        self.confirmations[from] = Some(confirmation);
        effects.push(DurableEffect::Persist(vec![put(Key::Confirmed(from), &confirmation)]));
        let before = self.confirmed;
        self.count_confirmations();
        if self.confirmed != before {
            effects.push(DurableEffect::Confirmed(self.confirmed));
        } else if self.name.is_some() {
            let kind = KeyFault::OtherKeys.into();
            effects.push(DurableEffect::Fault(Fault { party: from, kind }));
        }
    }

    fn count_confirmations(&mut self) {
        let Some(keys) = self.name else { return };
        let same = self.confirmations.iter().filter(|(_, c)| c.is_some_and(|c| c.keys == keys));
        self.confirmed = same.map(|(party, _)| party).collect();
        self.confirmed.insert(self.me());
    }

    /// Blames those who confirmed other keys before ours were here.
    fn blame_others(&self, effects: &mut Vec<DurableEffect<P>>) {
        for (party, confirmation) in self.confirmations.iter() {
            if confirmation.is_some() && !self.confirmed.contains(party) {
                let kind = KeyFault::OtherKeys.into();
                effects.push(DurableEffect::Fault(Fault { party, kind }));
            }
        }
    }

    fn confirm(&self, to: Recipient, effects: &mut Vec<DurableEffect<P>>) {
        if let Some(keys) = self.name {
            let signature = self.identities.identity().sign(&self.tag, CONFIRMED, keys.as_bytes());
            effects
                .push(DurableEffect::Send { to, message: Envelope::Confirm { keys, signature } });
        }
    }

    fn hello(&self, peer: PartyId, answer: bool) -> Envelope<P::Message> {
        Envelope::Hello { next: self.post.next_of(peer), answer }
    }

    fn send(
        &self,
        peer: PartyId,
        message: Envelope<P::Message>,
        effects: &mut Vec<DurableEffect<P>>,
    ) {
        effects.push(DurableEffect::Send { to: Recipient::One(peer), message });
    }

    fn flush(&mut self, effects: &mut Vec<DurableEffect<P>>) {
        for (peer, number, message) in self.post.due() {
            self.send(peer, Envelope::Said { number, message }, effects);
        }
    }

    /// C6. The shares of our dealing and of others' are in the log, so it is not kept for ever.
    fn forget(&mut self, effects: &mut Vec<DurableEffect<P>>) {
        let mut records: Vec<Record> =
            self.keys.iter().map(|keys| put_bytes(Key::Keys, P::to_bytes(keys))).collect();
        records.extend((0..self.heard).map(|place| delete(Key::Heard(place))));
        let words = self.retired.map_or(0, |_| u32::try_from(self.post.words().len()).unwrap_or(0));
        records.extend((0..words).map(|place| delete(Key::Said(place))));
        self.retired = self.retired.map(|_| 0);
        effects.push(DurableEffect::Persist(records));
        self.making = None;
        self.post = Post::new(self.committee(), self.me());
    }
}

impl<P: Making> fmt::Debug for DurableEffect<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persist(records) => write!(f, "persist {} records", records.len()),
            Self::Send { to, message } => write!(f, "send {message} to {to:?}"),
            Self::Fault(fault) | Self::Proven(fault, _) => write!(f, "fault {fault}"),
            Self::Generated(_) => f.write_str("generated"),
            Self::Confirmed(members) => write!(f, "confirmed {members}"),
        }
    }
}
