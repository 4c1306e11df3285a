//! One organisation: owns and routes everything, and is what node and simulator drive.
//!
//! # Model
//! `n >= 3t + 1` members, of whom `t` may do anything; an adversary schedules every message between
//! honest members and delivers each in the end. Links are authenticated and encrypted. The members
//! share the network's keys; how they were made is not this module's affair.
//!
//! # Protocol
//! - (P1) A proposal is reliably broadcast by its proposer, and comes with its [document](documents),
//!   if it names one.
//! - (P2) Slots of the ledger order what was delivered, one slot after another.
//! - (P3) A position claims material from the stock and is decided; several are open at once.
//! - (P4) Runs refill the stock: run `k + 1` starts when the agreed ledger and the
//!   first `k` runs leave too little, which becomes true at all honest parties.
//! - (P5) Own messages are handled before a step returns.
//!
//! # Restart
//! A party made from its records goes on where it was: everything that was done to its broadcasts,
//! slots, runs and decisions is in its [`journal`], and is done again; what they said then is said again
//! to everybody, byte for byte. Records may not be lost, nor an older copy of them put in place: a
//! member that lost some is [`restored`], silent in all it may have spoken in, and counts towards `t`
//! until it has caught up.
//!
//! # Bounds
//! Instances are made only inside windows ahead of what is finished here; see [`crate::limits`].

mod catching_up;
mod deciding;
pub mod documents;
mod early;
pub mod epochs;
pub mod event;
pub mod evidence;
pub mod frame;
pub mod journal;
mod kept;
mod listening;
pub mod message;
mod missed;
mod ordering;
mod production;
mod proposing;
mod records;
mod replay;
pub mod restored;
mod returned;
mod sink;
pub mod standing;
pub mod sync;
mod turning;
pub mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::record::RestoreError;
pub use event::{
    Again, Answer, CoinShare, Done, Effect, Event, MessageOf, Notice, RealSuite, Receipt, Record,
    Refusal, RequestId, Suite, TimerToken, When,
};
pub use message::{Class, Message};
pub use restored::restored_mark;
pub use standing::Standing;
pub use view::{DecisionView, Stats, StatusView};

use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::keyring::Keyring;
use crate::crypto::transcript::Digest;
use crate::decision::certificate::Verifier;
use crate::decision::ledger::{Ledger, LedgerStart};
use crate::decision::stock::{Policy, Stock};
use crate::error::Error;
use crate::fault::FaultKind;
use crate::keys::{GroupPublic, KeySet};
use crate::secret::Secret;
use crate::tag::Tag;
use catching_up::CatchingUp;
use deciding::Deciding;
use documents::Documents;
use event::Alarm;
use evidence::Accused;
use journal::{Instance, Journal};
use ordering::Ordering;
use production::Production;
use records::Restored;
use replay::Replayed;
use restored::Returning;
use returned::Returns;
use sink::Sink;
use turning::Turning;

/// What a party is made from.
pub struct Config<S: Suite> {
    /// Digest of the roster file, which names the network.
    pub network: Digest,
    /// The period of this roster and these keys.
    pub epoch: u64,
    /// Everybody's keys.
    pub keyring: Arc<Keyring>,
    /// The network's keys, as this member holds them.
    pub keys: Arc<KeySet>,
    /// Whether certificates bear the signatures of `n - t` members beside the network's.
    pub accountable: bool,
    /// The common coin.
    pub coin: Arc<S::Coin>,
    /// The root of all of this party's randomness in this epoch.
    pub seed: Secret<[u8; 32]>,
    /// How the stock is kept: the same at all members.
    pub policy: Policy,
}

impl<S: Suite> Config<S> {
    fn check(&self) -> Result<(), Error> {
        let (keys, public) = (&self.keys, self.keys.public());
        let mismatch = |what| Err(Error::KeyMismatch { what });
        if keys.committee() != self.keyring.committee() || keys.me() != self.keyring.me() {
            return mismatch("the network's keys are another member's");
        }
        if keys.epoch() != self.epoch {
            return mismatch("the network's keys are of another epoch");
        }
        if public.certificate.key() == public.document.key() {
            return mismatch("one key for certificates and documents");
        }
        Ok(())
    }
}

/// What all parts of a party share.
struct Shared<S: Suite> {
    network: Digest,
    epoch: u64,
    keyring: Arc<Keyring>,
    keys: Arc<KeySet>,
    coin: Arc<S::Coin>,
    seed: Secret<[u8; 32]>,
    policy: Policy,
    root: Tag,
    verifier: Arc<Verifier>,
}

impl<S: Suite> Shared<S> {
    fn committee(&self) -> Committee {
        self.keyring.committee()
    }

    fn me(&self) -> PartyId {
        self.keyring.me()
    }
}

/// One organisation's state machine.
pub struct Party<S: Suite> {
    shared: Shared<S>,
    ledger: Ledger,
    turning: Turning,
    stock: Stock,
    ordering: Ordering<S>,
    production: Production<S>,
    deciding: Deciding<S>,
    documents: Documents,
    catching_up: CatchingUp,
    /// While this party, restored from a backup, does not know what it may say.
    returning: Option<Returning>,
    returns: Returns,
    /// Between steps, what is counted of each instance.
    journal: Journal,
    /// Until the start, what instances said and wanted before a restart.
    replayed: Replayed<S>,
    faults: PartyMap<BTreeMap<FaultKind, u64>>,
    evidence: Accused,
    stats: Stats,
}

impl<S: Suite> Party<S> {
    /// A party as it was when it wrote `records`, in any order; a new one if there are none.
    ///
    /// # Errors
    /// The records cannot be read, or some are missing, or the network's keys are not this member's
    /// of this epoch.
    pub fn new(config: Config<S>, records: Vec<Record>) -> Result<Self, RestoreError> {
        Self::continuing(config, None, records)
    }

    /// The same in a later epoch, whose ledger goes on at `start`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn continuing(
        config: Config<S>,
        start: Option<LedgerStart>,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let restored = Restored::read(config.keyring.committee(), records)?;
        config.check()?;
        let Config { network, epoch, keyring, keys, accountable, coin, seed, policy } = config;
        let root = Tag::root(network.as_bytes(), epoch);
        let committee = keyring.committee();
        let key = GroupPublic::from(&keys.public().certificate);
        let verifier =
            Arc::new(Verifier::of(network, epoch, keyring.identities(), key, accountable));
        let shared = Shared { network, epoch, keyring, keys, coin, seed, policy, root, verifier };
        let mut party = Self {
            ledger: Ledger::new(&root, start),
            turning: Turning::default(),
            stock: Stock::new(policy),
            ordering: Ordering::new(committee),
            production: Production::new(shared.me(), committee),
            deciding: Deciding::new(committee),
            documents: Documents::default(),
            catching_up: CatchingUp::new(committee),
            returning: None,
            returns: Returns::new(committee),
            journal: Journal::new(committee),
            replayed: Replayed::default(),
            faults: PartyMap::new(committee),
            evidence: Accused::new(),
            stats: Stats::default(),
            shared,
        };
        party.restore(restored)?;
        Ok(party)
    }

    /// The committee.
    pub fn committee(&self) -> Committee {
        self.shared.committee()
    }

    /// Which member this is.
    pub fn me(&self) -> PartyId {
        self.shared.me()
    }

    /// The epoch.
    pub const fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// What certificates of this network are checked against.
    pub fn verifier(&self) -> &Verifier {
        &self.shared.verifier
    }

    /// Lets one event happen. Effects are to be executed in order.
    pub fn step(&mut self, event: Event<S>) -> Vec<Effect<S>> {
        self.act(|party, sink| party.take(event, sink))
    }

    /// Does something, and all that follows from it.
    fn act(&mut self, act: impl FnOnce(&mut Self, &mut Sink<S>)) -> Vec<Effect<S>> {
        let new = Journal::new(self.committee());
        let journal = std::mem::replace(&mut self.journal, new);
        let mut sink = Sink::new(self.me(), journal);
        act(self, &mut sink);
        self.settle(&mut sink);
        self.keep_evidence(&mut sink);
        self.count_faults(&sink);
        let (effects, journal) = sink.finish();
        self.journal = journal;
        effects
    }

    fn take(&mut self, event: Event<S>, sink: &mut Sink<S>) {
        match event {
            Event::Start => {
                self.start_asking(sink);
                self.start_documents(sink);
                self.start_hearing(sink);
                self.ask_how_far(sink);
                self.resume(sink);
            }
            Event::Message { from, message } => {
                if from != self.me() && self.committee().contains(from) {
                    self.on_message(from, message, sink);
                }
            }
            Event::Done(Done { number, message }) => {
                sink.journal.done(number);
                self.on_message(self.me(), message, sink);
            }
            Event::Timer(TimerToken(alarm)) => match alarm {
                Alarm::Deadline(position) => self.on_deadline(position, sink),
                Alarm::Grace(position) => self.on_grace(position, sink),
                Alarm::Patience(run) => self.on_patience(run, sink),
            },
            Event::Propose { request, proposal, document } => {
                self.on_propose(request, proposal, document, sink);
            }
            Event::Vote { request, decision, value } => {
                self.on_vote(request, decision, value, sink);
            }
        }
    }

    /// Handles own messages (P5) and starts what has become due, until nothing is left.
    fn settle(&mut self, sink: &mut Sink<S>) {
        loop {
            while let Some(message) = sink.own.pop_front() {
                self.on_message(self.me(), message, sink);
            }
            self.maintain_returning(sink);
            self.maintain_returned(sink);
            self.maintain_ordering(sink);
            self.adopt_runs(sink);
            self.maintain_production(sink);
            self.maintain_deciding(sink);
            if sink.own.is_empty() {
                return;
            }
        }
    }

    fn on_message(&mut self, from: PartyId, message: MessageOf<S>, sink: &mut Sink<S>) {
        self.catching_up.hear(from);
        sink.at = Instance::of(&message);
        match message {
            Message::Proposal(id, m) => self.on_proposal_message(from, id, m, sink),
            Message::Document(id, m) => self.on_document_message(from, id, m, sink),
            Message::Slot(slot, m) => self.on_slot_message(from, slot, m, sink),
            Message::Run(run, m) => self.on_run_message(from, run, m, sink),
            Message::RunDone(run) => self.on_run_done(from, run, sink),
            Message::Decision(position, m) => self.on_decision_message(from, position, m, sink),
            Message::Sync(m) => self.on_sync_message(from, m, sink),
            // The owner's: see `epochs`.
            Message::Refresh(_) => {}
        }
    }

    fn count_faults(&mut self, sink: &Sink<S>) {
        for effect in &sink.effects {
            if let Effect::Fault(fault) = effect {
                *self.faults[fault.party].entry(fault.kind).or_default() += 1;
            }
        }
    }
}
