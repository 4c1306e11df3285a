//! The ceremony: key generation that survives restarts, as node and simulator drive it.
//!
//! # Model
//! That of [key generation](super::generation), and members restart at any time, with what they
//! wrote down. Links deliver what one member says to another while both stay up.
//!
//! # Guarantees
//! Those of key generation, with every member that comes back counted as honest; all of its members
//! may restart as often as they like, and one that was away from the start ends with the same keys.
//! No member says different things in one place, whatever it was doing when it stopped.
//!
//! Not guaranteed: anything about a member whose store was put back to an earlier state. It falls
//! silent as soon as `t + 1` members have told it so, and until then counts as Byzantine.
//!
//! # Protocol
//! A member is a function of its keys, its seed and of what it has taken from others, in order.
//! - C1 All that is taken from others is written down before what it leads to is sent. Own messages
//!   and the results of jobs are not: they follow.
//! - C2 What one member has to say to another is one list, and each item has its place in it as a
//!   number. It is taken in this order; what was taken is not taken again.
//! - C3 On start: go through the log, which gives the same lists again. Send HELLO to everybody, with
//!   the number of the first item that is lacked, and ask for the same.
//! - C4 On the first HELLO of a member, and on each that asks: send all it lacks, and from then on
//!   what is new. On each that asks: answer with HELLO, and CONFIRM if the keys are here.
//! - C5 With the keys: sign their digest and send CONFIRM to all. Note who confirms the same; blame
//!   who confirms other keys.
//! - C6 When all `n` have confirmed: write down the keys and forget everything else. Until then it
//!   all is kept, whatever one's own state, since a member may come late.
//!
//! # Why it works
//! By C1 and C3 the lists of a member only grow, over all restarts. A list is lost on the way only if
//! one of the two restarts or the link fails; after a restart C3 and C4 send from where the receiver
//! is. So for key generation no member has ever stopped, and some links are slow.
//!
//! # Bounds
//! Of each member so many messages and bytes are taken as an honest one can have
//! ([`MAX_CEREMONY_MESSAGES`](crate::limits::MAX_CEREMONY_MESSAGES),
//! [`MAX_CEREMONY_BYTES`](crate::limits::MAX_CEREMONY_BYTES)); a long answer to HELLO is given
//! [`SYNC_ANSWERS`](crate::limits::SYNC_ANSWERS) times before the asker must have got on.
//!
//! # End
//! With [`CeremonyEffect::Generated`] the keys may be used. The ceremony must be driven on, beside
//! whatever the keys are used for, until [`Ceremony::confirmed`] holds all members. A member that has
//! its keys and has lost the ceremony's log must not begin it again.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::{Digest, Keyring, Signature, Transcript};
use crate::fault::{Fault, KeyFault};
use crate::keys::generation::{self, Deviation, KeyGeneration};
use crate::keys::key_set::KeySet;
use crate::protocol::{Job, Outbox, Protocol, Recipient};
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::tag::Tag;
use crate::wire;

mod log;
mod message;
mod post;
mod progress;
#[cfg(test)]
mod tests;

pub use message::{EPOCH, Message, decode, encode};
pub use progress::{CeremonyProgress, Stage};

use log::{Key, Log, delete, put, put_bytes};
use post::Post;

/// The epoch whose keys a ceremony makes.
const FIRST_EPOCH: u64 = 1;
/// What a confirmation is signed for.
const CONFIRMED: &str = "keys confirmed";

/// What a ceremony is made from.
pub struct CeremonyConfig {
    /// Digest of the roster, which names the network.
    pub network: Digest,
    /// Everybody's keys.
    pub keyring: Arc<Keyring>,
    /// The root of this member's randomness. The same after every restart.
    pub seed: Secret<[u8; 32]>,
}

/// What happens to a ceremony.
#[derive(Clone, Debug)]
pub enum CeremonyEvent {
    /// It may begin, or go on after a restart. Comes first; once more where links lost something.
    Start,
    /// Another member certainly sent this.
    Message {
        /// Who sent it.
        from: PartyId,
        /// What it says.
        message: Message,
    },
}

/// What a ceremony wants done, in order.
pub enum CeremonyEffect {
    /// Later sends wait until this is durable.
    Persist(Vec<Record>),
    /// To every other member or to one.
    Send {
        /// To whom.
        to: Recipient,
        /// What.
        message: Message,
    },
    /// A member did what no honest member does.
    Fault(Fault),
    /// Our keys are here. Comes again after a restart.
    Generated(Box<KeySet>),
    /// These members have the same keys as we: more than before, or said again after a restart.
    Confirmed(PartySet),
}

/// A member's word that it has its keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Confirmation {
    keys: Digest,
    signature: Signature,
}

/// One member's ceremony.
pub struct Ceremony {
    keyring: Arc<Keyring>,
    tag: Tag,
    /// What the log is bound to.
    begun: Digest,
    begun_written: bool,
    started: bool,
    /// `None` once everybody has confirmed.
    generation: Option<KeyGeneration>,
    post: Post,
    /// How much was taken from others.
    heard: u32,
    up: PartySet,
    keys: Option<KeySet>,
    confirmations: PartyMap<Option<Confirmation>>,
    confirmed: PartySet,
}

impl Ceremony {
    /// A ceremony as it was when it wrote `records`, in any order; a new one if there are none.
    ///
    /// # Errors
    /// The records cannot be read, some are missing, or they were written under other keys.
    pub fn new(config: CeremonyConfig, records: Vec<Record>) -> Result<Self, RestoreError> {
        Self::with_deviation(config, Deviation::default(), records)
    }

    /// A member that deals the way a corrupt one would, for tests and simulations.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_deviation(
        config: CeremonyConfig,
        deviation: Deviation,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let CeremonyConfig { network, keyring, seed } = config;
        let (committee, me) = (keyring.committee(), keyring.me());
        let tag = Tag::root(network.as_bytes(), EPOCH).child("key generation");
        let mut transcript = Transcript::new(&tag, "ceremony log");
        transcript.u64(committee.n() as u64).u64(committee.t() as u64).u64(me.point());
        let begun = transcript.bytes(seed.expose()).digest();
        let log = Log::read(records)?;
        if log.begun.is_some_and(|other| other != begun) {
            return Err(RestoreError::Unreadable("the log of another ceremony".into()));
        }
        if log.begun.is_none() && !(log.heard.is_empty() && log.keys.is_none()) {
            return Err(RestoreError::Gap { what: "the beginning of message", number: 0 });
        }
        let mut this = Self {
            generation: Some(KeyGeneration::new(Arc::clone(&keyring), tag, FIRST_EPOCH, seed)),
            keyring,
            tag,
            begun,
            begun_written: log.begun.is_some(),
            started: false,
            post: Post::new(committee, me),
            heard: 0,
            up: PartySet::EMPTY,
            keys: None,
            confirmations: PartyMap::new(committee),
            confirmed: PartySet::EMPTY,
        };
        this.restore(log, deviation);
        Ok(this)
    }

    /// Lets one event happen. Effects are to be executed in order.
    pub fn step(&mut self, event: CeremonyEvent) -> Vec<CeremonyEffect> {
        let mut effects = Vec::new();
        match event {
            CeremonyEvent::Start => self.on_start(&mut effects),
            // What came before the start can be had again: by the hello that is sent with it.
            CeremonyEvent::Message { from, message } if self.started => {
                if from != self.me() && self.committee().contains(from) {
                    self.on_message(from, message, &mut effects);
                }
            }
            CeremonyEvent::Message { .. } => {}
        }
        effects
    }

    /// Our keys, once they are here.
    pub const fn key_set(&self) -> Option<&KeySet> {
        self.keys.as_ref()
    }

    /// Who has the same keys as we, ourselves included.
    pub const fn confirmed(&self) -> PartySet {
        self.confirmed
    }

    /// How far it has come.
    pub fn progress(&self) -> CeremonyProgress {
        let (everyone, quorum) = (self.committee().everyone(), self.committee().quorum());
        let generation = self.generation.as_ref().map(KeyGeneration::progress);
        let phases = generation.map(|g| g.phases()).unwrap_or_default();
        let stage = match (&self.keys, phases.iter().position(|done| done.len() < quorum)) {
            (Some(_), _) if self.confirmed == everyone => Stage::Done,
            (Some(_), _) => Stage::Confirming,
            (None, Some(0)) => Stage::Gathering,
            (None, Some(1)) => Stage::Dealing,
            (None, Some(2)) => Stage::Proposing,
            (None, _) => Stage::Agreeing,
        };
        let waiting_for = match &self.generation {
            Some(generation) if self.keys.is_none() => generation.waiting_for(),
            _ => everyone.difference(self.confirmed),
        };
        let done = everyone.difference(waiting_for).len();
        CeremonyProgress {
            stage,
            up: self.up,
            generation,
            confirmed: self.confirmed,
            waiting_for,
            needed: if self.keys.is_none() { quorum.saturating_sub(done) } else { 0 },
            forgot: self.post.forgot(),
        }
    }

    fn committee(&self) -> Committee {
        self.keyring.committee()
    }

    fn me(&self) -> PartyId {
        self.keyring.me()
    }

    /// C3. Nothing of this is sent now: our lists are what counts.
    fn restore(&mut self, log: Log, deviation: Deviation) {
        for (member, confirmation) in log.confirmed {
            if self.committee().contains(member) {
                self.confirmations[member] = Some(confirmation);
            }
        }
        if let Some(keys) = log.keys {
            self.generation = None;
            self.keys = Some(keys);
        } else {
            let mut sink = Sink::new(self.me());
            if let Some(generation) = &mut self.generation {
                let started = generation.start_with(deviation, &mut sink);
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

    fn on_start(&mut self, effects: &mut Vec<CeremonyEffect>) {
        self.started = true;
        self.up.insert(self.me());
        if !self.begun_written {
            self.begun_written = true;
            effects.push(CeremonyEffect::Persist(vec![put(Key::Begun, &self.begun)]));
        }
        for peer in self.committee().parties().filter(|peer| *peer != self.me()) {
            if self.generation.is_some() {
                self.send(peer, self.hello(peer, true), effects); // C3
            }
        }
        if let Some(keys) = &self.keys {
            effects.push(CeremonyEffect::Generated(Box::new(keys.clone())));
            effects.push(CeremonyEffect::Confirmed(self.confirmed));
            self.confirm(Recipient::All, effects);
        }
    }

    fn on_message(&mut self, from: PartyId, message: Message, effects: &mut Vec<CeremonyEffect>) {
        self.up.insert(from);
        match message {
            Message::Hello { next, answer } => self.on_hello(from, next, answer, effects),
            Message::Said { number, message } => self.on_said(from, number, message, effects),
            Message::Confirm { keys, signature } => {
                self.on_confirm(from, Confirmation { keys, signature }, effects);
            }
        }
        if self.generation.is_some() && self.confirmed == self.committee().everyone() {
            self.forget(effects); // C6
        }
    }

    // C4
    fn on_hello(
        &mut self,
        from: PartyId,
        next: u32,
        answer: bool,
        effects: &mut Vec<CeremonyEffect>,
    ) {
        if self.generation.is_some() {
            if answer {
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
        message: generation::Message,
        effects: &mut Vec<CeremonyEffect>,
    ) {
        if self.generation.is_none() {
            return;
        }
        let encoded = wire::encode(&(from, &message));
        if let Err(kind) = self.post.keep(from, number, encoded, message) {
            effects.push(CeremonyEffect::Fault(Fault { party: from, kind: kind.into() }));
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
        effects.push(CeremonyEffect::Persist(records));
        effects.extend(sink.faults.into_iter().map(CeremonyEffect::Fault));
        self.flush(effects);
        if let (Some(keys), false) = (&self.keys, had_keys) {
            effects.push(CeremonyEffect::Generated(Box::new(keys.clone())));
            self.blame_others(effects);
            effects.push(CeremonyEffect::Confirmed(self.confirmed));
            self.confirm(Recipient::All, effects); // C5
        }
    }

    /// Lets the key generation handle a message, and all that it then says to itself.
    fn handle(&mut self, from: PartyId, message: generation::Message, sink: &mut Sink) {
        let Some(generation) = &mut self.generation else { return };
        let keys = generation.handle(from, message, sink);
        self.note(keys);
        self.settle(sink);
    }

    fn settle(&mut self, sink: &mut Sink) {
        let me = self.me();
        loop {
            for (to, message) in sink.said.drain(..) {
                self.post.say(to, message);
            }
            let Some(message) = sink.own.pop_front() else { return };
            let Some(generation) = &mut self.generation else { return };
            let keys = generation.handle(me, message, sink);
            self.note(keys);
        }
    }

    fn note(&mut self, keys: Option<KeySet>) {
        if let Some(keys) = keys {
            self.keys = Some(keys);
            self.count_confirmations();
        }
    }

    // C5
    fn on_confirm(
        &mut self,
        from: PartyId,
        confirmation: Confirmation,
        effects: &mut Vec<CeremonyEffect>,
    ) {
        let Confirmation { keys, signature } = confirmation;
        if self.confirmations[from].is_some() {
            return;
        }
        let key = self.keyring.identity_of(from);
        if !key.verify(&self.tag, CONFIRMED, keys.as_bytes(), &signature) {
            let kind = KeyFault::BadConfirmation.into();
            effects.push(CeremonyEffect::Fault(Fault { party: from, kind }));
            return;
        }
        self.confirmations[from] = Some(confirmation);
        effects.push(CeremonyEffect::Persist(vec![put(Key::Confirmed(from), &confirmation)]));
        let before = self.confirmed;
        self.count_confirmations();
        if self.confirmed != before {
            effects.push(CeremonyEffect::Confirmed(self.confirmed));
        } else if self.keys.is_some() {
            let kind = KeyFault::OtherKeys.into();
            effects.push(CeremonyEffect::Fault(Fault { party: from, kind }));
        }
    }

    fn count_confirmations(&mut self) {
        let Some(keys) = self.keys.as_ref().map(|keys| keys.public().digest()) else { return };
        let same = self.confirmations.iter().filter(|(_, c)| c.is_some_and(|c| c.keys == keys));
        self.confirmed = same.map(|(party, _)| party).collect();
        self.confirmed.insert(self.me());
    }

    /// Blames those who confirmed other keys before ours were here.
    fn blame_others(&self, effects: &mut Vec<CeremonyEffect>) {
        for (party, confirmation) in self.confirmations.iter() {
            if confirmation.is_some() && !self.confirmed.contains(party) {
                let kind = KeyFault::OtherKeys.into();
                effects.push(CeremonyEffect::Fault(Fault { party, kind }));
            }
        }
    }

    fn confirm(&self, to: Recipient, effects: &mut Vec<CeremonyEffect>) {
        if let Some(keys) = self.keys.as_ref().map(|keys| keys.public().digest()) {
            let signature = self.keyring.identity().sign(&self.tag, CONFIRMED, keys.as_bytes());
            effects
                .push(CeremonyEffect::Send { to, message: Message::Confirm { keys, signature } });
        }
    }

    fn hello(&self, peer: PartyId, answer: bool) -> Message {
        Message::Hello { next: self.post.next_of(peer), answer }
    }

    fn send(&self, peer: PartyId, message: Message, effects: &mut Vec<CeremonyEffect>) {
        effects.push(CeremonyEffect::Send { to: Recipient::One(peer), message });
    }

    fn flush(&mut self, effects: &mut Vec<CeremonyEffect>) {
        for (peer, number, message) in self.post.due() {
            self.send(peer, Message::Said { number, message }, effects);
        }
    }

    /// C6. The shares of our dealing and of others' are in the log, so it is not kept for ever.
    fn forget(&mut self, effects: &mut Vec<CeremonyEffect>) {
        let Some(keys) = &self.keys else { return };
        let mut records = vec![put_bytes(Key::Keys, keys.to_bytes())];
        records.extend((0..self.heard).map(|place| delete(Key::Heard(place))));
        effects.push(CeremonyEffect::Persist(records));
        self.generation = None;
        self.post = Post::new(self.committee(), self.me());
    }
}

impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceremony")
            .field("me", &self.me())
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CeremonyEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persist(records) => write!(f, "persist {} records", records.len()),
            Self::Send { to, message } => write!(f, "send {message} to {to:?}"),
            Self::Fault(fault) => write!(f, "fault {fault}"),
            Self::Generated(_) => f.write_str("generated"),
            Self::Confirmed(members) => write!(f, "confirmed {members}"),
        }
    }
}

/// What key generation wants done in one step. Jobs run at once.
struct Sink {
    me: PartyId,
    said: Vec<(Recipient, generation::Message)>,
    own: VecDeque<generation::Message>,
    faults: Vec<Fault>,
}

impl Sink {
    const fn new(me: PartyId) -> Self {
        Self { me, said: Vec::new(), own: VecDeque::new(), faults: Vec::new() }
    }
}

impl Outbox<generation::Message> for Sink {
    fn send(&mut self, to: Recipient, message: generation::Message) {
        if to == Recipient::All || to == Recipient::One(self.me) {
            self.own.push_back(message.clone());
        }
        self.said.push((to, message));
    }

    fn report(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn work(&mut self, job: Job<generation::Message>) {
        self.own.push_back(job());
    }
}
