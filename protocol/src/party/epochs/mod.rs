//! An organisation through the epochs of its network: what node and simulator drive where keys are
//! refreshed.
//!
//! # Model
//! That of the [party](super). The network's keys are those of the epoch, and the adversary may
//! corrupt other members in the next one. The roster's seats stay; with an epoch, one of them may get
//! another member, which counts among the `t` until it is in, and whoever held the seat in the epoch
//! that ends.
//!
//! # Guarantees
//! - All honest members end an epoch at the same place of the order, and the ledger goes on from there.
//! - What has a position is decided in its epoch, with its keys and material.
//! - A message counts in its own epoch only, and in an epoch that is erased not at all, but for
//!   questions about the past.
//! - Once an epoch is erased here, nothing that is secret in it is kept: shares, seed, sealing key,
//!   stock, nonce pairs, and what the refresh was made of.
//!
//! - After a replacement, what the member before says, signs or has shares of is worth nothing in any
//!   later epoch; the newcomer is a member like any other once it is in.
//!
//! Not guaranteed: that a proposal without a position is decided: it lapses, and can be made again.
//! Nor that a member which is away while the others erase gets a share if a corrupt dealer gave it a
//! bad one: then it stays behind for good, as if it were lost. So does one that missed more refreshes
//! than are kept, and one [restored](super::restored) that may have spoken in the refresh. Such a
//! member comes back under new keys: as if it were another that comes in for it.
//!
//! # Protocol
//! - (N1) The party of the current epoch says when a refresh begins, see [`turning`](super). Draw fresh
//!   entropy; the next epoch's seed is the hash of it, this epoch's seed and the refresh's name. It is
//!   durable before it is used.
//! - (N2) Run the [`refresh`](crate::keys::refresh), [durably](crate::keys::ceremony). Whoever confirms
//!   the same keys has them and will not lose them.
//! - (N3) With the keys here and confirmed by `n - t` members: the party is ready, which ends its epoch
//!   once `t + 1` say so.
//! - (N4) The epoch is over and the next keys are here: write them down, and begin the next epoch's
//!   party where the ledger ends. The party before goes on until all it has is decided.
//! - (N5) Messages of the next few epochs that come before these have begun here are kept, within a
//!   budget for each peer: the order and certificates can be had again by asking, what is said in a
//!   preprocessing run cannot. When `t + 1` members speak in later epochs, ask them for what is missed
//!   of this one.
//! - (N6) A refresh whose keys `n - t` members have confirmed, and which needs nothing new of us, is
//!   over once the next epoch has begun here: all of it is erased but what we said in it, for those who
//!   come late.
//! - (N7) An epoch that is over and decided is erased when the refreshes before and after it are. What
//!   is left is public: the order, and certificates.
//! - (N8) If the refresh was asked for with a [replacement](crate::decision::renewal), it is one with a
//!   [newcomer](crate::keys::refresh::newcomer) at that seat, and the next epoch begins once the
//!   certificate is here that names the new keys: it is written down with it. Identities are those of
//!   the epoch. Whoever has the seat and hears of it says nothing any more, and tells its owner.
//! - (N9) In the refresh nothing counts that comes from the seat before the next epoch begins here,
//!   with which the owner takes links to the newcomer and to nobody else at the seat. From then on the
//!   seat may ask in epochs before, and nothing else; nothing that is for it alone is said in them;
//!   what was kept of it for later ones is forgotten.
//! - (N10) N6 waits for the newcomer to confirm as well, or for the epoch after the next: the newcomer
//!   then gets its share in that refresh.
//! - (N11) Of each refresh whose words are kept, what is public and a newcomer has to know is kept, too:
//!   how it [comes in](entering).
//!
//! # Why it works
//! *No honest member is left behind.* The last slot needs `t + 1` that are ready, so an honest one to
//! which a quorum confirmed: `n - 2t` honest members have the keys for good, and since the refresh
//! gives output at all, all will. Who is away finds the order by asking (`t + 1` alike), certificates
//! prove themselves, and the words of the others in the refresh are the same whenever they are told.
//!
//! *Nobody speaks for a seat twice.* All honest members turn at the same place of the order. In an epoch
//! before, the seat is the old member's and counts as corrupt once links to it end; in one after, it is
//! the newcomer's, from its first message on. A member that is behind has the old one for its links, and
//! gets from the others what makes it turn.
//!
//! *Old shares are worth nothing.* An adversary that comes after the erasure finds one epoch's shares
//! at each member.
//!
//! # Bounds
//! One epoch is current, and one refresh is going on. Epochs that are over are in memory while a
//! decision is open in them; erased ones with their order and certificates, and the last few
//! ([`REFRESHES_KEPT`](crate::limits::REFRESHES_KEPT)) with our words in their refresh until all members
//! have confirmed.

mod again;
mod ahead;
mod archive;
pub mod entering;
mod event;
mod seats;
mod steps;
mod store;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use again::{Repeat, Word};
use ahead::Ahead;
pub use archive::Archive;
pub use event::{EpochsEffect, EpochsEvent};
pub(in crate::party) use steps::refresh_tag;
pub use store::{first_known, is_lasting, lost_end, older_copy, restored_in, restored_mark};
pub use view::RefreshView;

use crate::committee::{Committee, PartyId};
use crate::crypto::{Digest, Identities, Keyring};
use crate::decision::ledger::LedgerStart;
use crate::decision::stock::Policy;
use crate::error::Error;
use crate::keys::KeySet;
use crate::keys::ceremony::{Durable, DurableEffect, DurableEvent};
use crate::keys::refresh::{Deviation, Refresh, Refreshed};
use crate::party::{Config, Effect, Event, Message, MessageOf, Party, RealSuite, sync};
use crate::protocol::Recipient;
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};
use store::{Begun, Part, Store};

/// What a member has of its own in an epoch. As secret as what is in it.
#[derive(Clone)]
pub struct EpochKeys {
    /// Everybody's identities and sealing keys.
    pub keyring: Arc<Keyring>,
    /// Our shares of the network's keys.
    pub keys: Arc<KeySet>,
    /// The root of our randomness.
    pub seed: Secret<[u8; 32]>,
}

/// What a member is made from.
pub struct EpochsConfig {
    /// Digest of the roster, which names the network.
    pub network: Digest,
    /// How the stock is kept: the same at all members.
    pub policy: Policy,
    /// Whether certificates carry members' signatures, too.
    pub accountable: bool,
    /// Who is who in the first epoch that is known here: see [`first_known`].
    pub identities: Arc<Identities>,
    /// Our keys in the first epoch, until it is [erased](EpochsEffect::Erased).
    pub first: Option<EpochKeys>,
}

/// An epoch in which there is something to do.
struct Live {
    keys: EpochKeys,
    party: Party<RealSuite>,
}

/// One organisation's state machine, through all epochs.
pub struct Epochs {
    network: Digest,
    policy: Policy,
    accountable: bool,
    identities: Arc<Identities>,
    deviation: Deviation,
    current: u64,
    live: BTreeMap<u64, Live>,
    archives: BTreeMap<u64, Archive>,
    /// By the epoch that each one ends.
    refreshes: BTreeMap<u64, Durable<Refresh>>,
    store: Store,
    /// Entropy was asked for.
    drawing: bool,
    ready: bool,
    /// The owner knows that our seat is another's.
    told: bool,
    ahead: Ahead,
}

impl Epochs {
    /// A member as it was when it wrote `records`, in any order; a new one if there are none.
    ///
    /// # Errors
    /// The records cannot be read, some are missing, or the first keys are: they are needed until the
    /// first epoch is erased.
    pub fn new(config: EpochsConfig, records: Vec<Record>) -> Result<Self, RestoreError> {
        Self::with_deviation(config, Deviation::default(), records)
    }

    /// A member that refreshes its shares the way a corrupt one would, for tests and simulations.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_deviation(
        config: EpochsConfig,
        deviation: Deviation,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let EpochsConfig { network, policy, accountable, identities, first } = config;
        let (store, mut parts) = Store::read(records)?;
        let committee = identities.committee();
        if first.as_ref().is_some_and(|first| first.keyring.me() != identities.me()) {
            return Err(Error::KeyMismatch { what: "the first keys are of another member" }.into());
        }
        let begins = first.as_ref().map(|first| first.keys.epoch());
        let begins = store.restored().or(begins.into_iter().chain(store.first_archived()).min());
        let missing = Error::KeyMismatch { what: "there are no keys of the first epoch" };
        let mut epoch = begins.ok_or(missing)?;
        let mut this = Self {
            network,
            policy,
            accountable,
            current: epoch,
            identities,
            deviation,
            live: BTreeMap::new(),
            archives: BTreeMap::new(),
            refreshes: BTreeMap::new(),
            store,
            drawing: false,
            ready: false,
            told: false,
            ahead: Ahead::new(committee),
        };
        let mut keys = match this.store.restored().and_then(|epoch| this.store.begun(epoch)) {
            Some(begun) => Some(this.epoch_keys(begun)?),
            None => first.map(|first| (first, None)),
        };
        let whose = (committee, this.me());
        // Who came in says that it has its keys.
        if let Some(before) = this.store.restored().and_then(|epoch| epoch.checked_sub(1)) {
            let records = parts.remove(&Part::Refresh(before)).unwrap_or_default();
            this.restore_refresh(before, records)?;
        }
        loop {
            this.current = epoch;
            let records = parts.remove(&Part::Party(epoch)).unwrap_or_default();
            match (this.store.archived(epoch), keys.take()) {
                (Some(start), _) => {
                    let archive = Archive::read(this.root(epoch), whose, start, records)?;
                    this.archives.insert(epoch, archive);
                }
                (None, Some((keys, start))) => {
                    let party = Party::continuing(this.config(&keys), start, records)?;
                    this.live.insert(epoch, Live { keys, party });
                }
                (None, None) => {
                    return Err(RestoreError::Gap { what: "the keys of epoch", number: epoch });
                }
            }
            this.restore_refresh(epoch, parts.remove(&Part::Refresh(epoch)).unwrap_or_default())?;
            epoch += 1;
            let begun = this.store.begun(epoch);
            keys = match begun {
                Some(begun) => Some(this.epoch_keys(begun)?),
                None if this.store.archived(epoch).is_some() => None,
                None => break,
            };
        }
        for (epoch, note) in this.store.ahead() {
            let restored = this.ahead.restore(epoch, note.expose());
            restored.ok_or_else(|| RestoreError::Unreadable("what was said ahead".into()))?;
        }
        match parts.keys().find_map(Part::of_party) {
            None => Ok(this),
            Some(number) => Err(RestoreError::Gap { what: "the keys of epoch", number }),
        }
    }

    /// The committee.
    pub fn committee(&self) -> Committee {
        self.identities.committee()
    }

    /// Which member this is.
    pub fn me(&self) -> PartyId {
        self.identities.me()
    }

    /// The current epoch.
    pub const fn epoch(&self) -> u64 {
        self.current
    }

    /// The party of an epoch that is not erased.
    pub fn party(&self, epoch: u64) -> Option<&Party<RealSuite>> {
        self.live.get(&epoch).map(|live| &live.party)
    }

    /// The party of the current epoch.
    ///
    /// # Panics
    /// Never: there is one.
    pub fn current(&self) -> &Party<RealSuite> {
        self.party(self.current).expect("the current epoch is not erased")
    }

    /// Our keys of an epoch that is not erased.
    pub fn keys(&self, epoch: u64) -> Option<&EpochKeys> {
        self.live.get(&epoch).map(|live| &live.keys)
    }

    /// Erased epochs.
    pub const fn archives(&self) -> &BTreeMap<u64, Archive> {
        &self.archives
    }

    /// The refresh that ends an epoch.
    pub fn refresh(&self, epoch: u64) -> Option<&Durable<Refresh>> {
        self.refreshes.get(&epoch)
    }

    /// Our part of the keys of an epoch that was reached by a refresh and is not erased, and where its
    /// ledger begins.
    pub fn reached(&self, epoch: u64) -> Option<(Refreshed, LedgerStart)> {
        let Begun { refreshed, start, .. } = self.store.begun(epoch)?;
        Some((refreshed, start))
    }

    /// Lets one event happen. Effects are to be executed in order.
    pub fn step(&mut self, event: EpochsEvent) -> Vec<EpochsEffect> {
        let mut out = Vec::new();
        match event {
            EpochsEvent::Start => self.on_start(&mut out),
            EpochsEvent::Message { from, epoch, message } => {
                if from != self.me() && self.committee().contains(from) {
                    self.on_message(from, epoch, message, &mut out);
                }
            }
            EpochsEvent::Entropy(entropy) => self.on_entropy(&entropy, &mut out),
            EpochsEvent::Missed => {
                for epoch in self.refreshes.keys().copied().collect::<Vec<_>>() {
                    self.step_refresh(epoch, DurableEvent::Start, &mut out);
                }
            }
            EpochsEvent::Party { epoch, event } => self.step_party(epoch, event, &mut out),
            EpochsEvent::Here(event) => {
                let epoch = self.epoch_of(&event);
                self.step_party(epoch, event, &mut out);
            }
        }
        while self.turn(&mut out) {}
        out
    }

    fn root(&self, epoch: u64) -> Tag {
        Tag::root(self.network.as_bytes(), epoch)
    }

    fn config(&self, keys: &EpochKeys) -> Config<RealSuite> {
        let coin = keys.keys.coin().expect("a key set was checked when it was made");
        Config {
            network: self.network,
            epoch: keys.keys.epoch(),
            keyring: Arc::clone(&keys.keyring),
            coin: Arc::new(coin),
            seed: keys.seed.clone(),
            policy: self.policy,
            keys: Arc::clone(&keys.keys),
            accountable: self.accountable,
        }
    }

    /// Our keys of an epoch that has begun, as they were written down.
    fn epoch_keys(&self, begun: Begun) -> Result<(EpochKeys, Option<LedgerStart>), RestoreError> {
        let unreadable = |_| RestoreError::Unreadable("the keys of an epoch".into());
        let Begun { refreshed, seed, start } = begun;
        let unknown =
            RestoreError::Gap { what: "the members of epoch", number: refreshed.keys.epoch() };
        let identities = self.identities_in(refreshed.keys.epoch()).ok_or(unknown)?;
        let keyring = Arc::new(refreshed.keyring(&identities).map_err(unreadable)?);
        Ok((EpochKeys { keyring, keys: Arc::new(refreshed.keys), seed }, Some(start)))
    }

    fn on_start(&mut self, out: &mut Vec<EpochsEffect>) {
        out.extend(self.archives.keys().map(|epoch| EpochsEffect::Erased { epoch: *epoch }));
        for epoch in self.live.keys().copied().collect::<Vec<_>>() {
            self.step_party(epoch, Event::Start, out);
        }
        for epoch in self.refreshes.keys().copied().collect::<Vec<_>>() {
            self.step_refresh(epoch, DurableEvent::Start, out);
        }
        // It may have stopped while it was given this.
        self.take_ahead(out);
        self.ask_for_what_was_said_before(out);
    }

    /// I4
    fn ask_for_what_was_said_before(&mut self, out: &mut Vec<EpochsEffect>) {
        if self.store.restored() == Some(self.current)
            && let Some(live) = self.live.get_mut(&self.current)
        {
            let effects = live.party.ask_for_all_again();
            self.put_party(self.current, effects, out);
        }
    }

    fn on_message(
        &mut self,
        from: PartyId,
        epoch: u64,
        message: MessageOf<RealSuite>,
        out: &mut Vec<EpochsEffect>,
    ) {
        if !self.counts(from, epoch, &message) {
            return;
        }
        if let Message::Refresh(message) = message {
            let event = DurableEvent::Message { from, message: *message };
            return self.step_refresh(epoch, event, out);
        }
        let mixed = epoch < self.current && zoo::on(Mutant::EpochMixed);
        let epoch = if mixed { self.current } else { epoch };
        if self.live.contains_key(&epoch) {
            self.step_party(epoch, Event::Message { from, message }, out);
        } else if epoch > self.current {
            if matches!(message, Message::Sync(sync::Message::Started(_))) {
                let live = self.live.get_mut(&self.current);
                let effects = live.map(|live| live.party.catch_up_from(from));
                self.put_party(self.current, effects.unwrap_or_default(), out);
            }
            self.keep_early(from, epoch, message, out); // N5
        } else if let (Some(archive), Message::Sync(sync::Message::Where)) =
            (self.archives.get(&epoch), &message)
        {
            let begins = Message::Sync(sync::Message::Begins(archive.start()));
            let effect = Effect::Send { to: Recipient::One(from), message: begins };
            out.push(EpochsEffect::Party { epoch, effect });
        } else if let (
            Some(archive),
            Message::Sync(sync::Message::Ask(at) | sync::Message::Started(at)),
        ) = (self.archives.get_mut(&epoch), message)
        {
            let answers = archive.answer(from, at).into_iter();
            out.extend(answers.map(|effect| EpochsEffect::Party { epoch, effect }));
        }
    }

    /// N5
    fn keep_early(
        &mut self,
        from: PartyId,
        epoch: u64,
        message: MessageOf<RealSuite>,
        out: &mut Vec<EpochsEffect>,
    ) {
        let store = &mut self.store;
        let note = |entry| {
            let records = store.note_ahead(epoch, entry);
            out.push(EpochsEffect::Party { epoch, effect: Effect::Persist(records) });
        };
        if self.ahead.hear(self.current, from, epoch, message, note) {
            self.catch_up(out);
        }
    }

    /// Others are in a later epoch: asks them for what is missed of this one.
    fn catch_up(&mut self, out: &mut Vec<EpochsEffect>) {
        let effects = self.live.get_mut(&self.current).map(|live| live.party.catch_up());
        self.put_party(self.current, effects.unwrap_or_default(), out);
    }

    /// Where a request belongs: a vote to the epoch that has the decision, all else to the current one.
    fn epoch_of(&self, event: &Event<RealSuite>) -> u64 {
        let Event::Vote { decision, .. } = event else { return self.current };
        let has = |(_, live): &(&u64, &Live)| live.party.decision(decision).is_some();
        self.live.iter().rev().find(has).map_or(self.current, |(epoch, _)| *epoch)
    }

    fn step_party(&mut self, epoch: u64, event: Event<RealSuite>, out: &mut Vec<EpochsEffect>) {
        let effects = self.live.get_mut(&epoch).map(|live| live.party.step(event));
        self.put_party(epoch, effects.unwrap_or_default(), out);
    }

    fn put_party(
        &mut self,
        epoch: u64,
        effects: Vec<Effect<RealSuite>>,
        out: &mut Vec<EpochsEffect>,
    ) {
        for effect in effects {
            let effect = match effect {
                Effect::Persist(records) => {
                    Effect::Persist(self.store.file(Part::Party(epoch), records))
                }
                Effect::Send { to, message } if !self.is_for(to, epoch, &message) => continue,
                other => other,
            };
            out.push(EpochsEffect::Party { epoch, effect });
        }
    }

    fn step_refresh(
        &mut self,
        epoch: u64,
        event: DurableEvent<Refresh>,
        out: &mut Vec<EpochsEffect>,
    ) {
        let effects = self.refreshes.get_mut(&epoch).map(|refresh| refresh.step(event));
        for effect in effects.unwrap_or_default() {
            // Faults are kept with all others of the epoch.
            let (fault, proof) = match effect {
                DurableEffect::Fault(fault) => (fault, None),
                DurableEffect::Proven(fault, proof) => (fault, Some(proof)),
                other => {
                    self.store.put_refresh(epoch, vec![other], out);
                    continue;
                }
            };
            let effects = match self.live.get_mut(&epoch) {
                Some(live) => live.party.fault_in_refresh(fault, proof),
                None => vec![Effect::Fault(fault)],
            };
            self.put_party(epoch, effects, out);
        }
    }
}

#[cfg(test)]
mod tests;
