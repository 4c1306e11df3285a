//! A member that comes in for another: from the keys that it made by itself to its share of the
//! network's.
//!
//! # Model
//! That of the [refresh with a newcomer](crate::keys::refresh::newcomer). The member knows the roster, its own
//! seat in it, and an [`Entrance`], which any member may give it and nobody has signed.
//!
//! # Protocol
//! - (I1) Be the newcomer in the refresh that the entrance names, [durably](crate::keys::ceremony):
//!   what the others said in it they say again.
//! - (I2) Ask all where the ledger of the epoch begins to which it led ([S5](crate::party::sync)).
//! - (I3) With a share, the same keys confirmed by `t + 1` others, and `t + 1` that say alike where the
//!   ledger begins: write all of it down. From there on be a member, in an epoch in which this one has
//!   never spoken.
//! - (I4) What others said in that epoch before they had a link to us, or while we were on our way, is
//!   gone. Until a run has ended here, ask all to say again what is open, at each start: without the
//!   material of a run we could do nothing in decisions that use it, and others would wait for us.
//!
//! # Why it works
//! A false entrance costs time only: what comes of it is confirmed by the signature of no honest
//! member, and of `t + 1` that sign one is honest. With a true one the others say all that the refresh
//! takes ([why](crate::keys::refresh::newcomer)), as long as they keep it: see N6 and N10.
//!
//! # Bounds
//! Those of a refresh; one place for each member.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::steps::{begun_with, refresh_tag};
use super::store::{Begun, Part, Store};
use super::{EpochsEffect, EpochsEvent};
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::seal::{SealingKey, SealingPublic};
use crate::crypto::{Digest, Identities, Keyring};
use crate::decision::ledger::LedgerStart;
use crate::error::Error;
use crate::keys::PublicKeys;
use crate::keys::ceremony::{Durable, DurableEffect, DurableEvent};
use crate::keys::refresh::{Deviation, Refresh};
use crate::party::{Effect, Message, sync};
use crate::protocol::Recipient;
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::tag::Tag;

/// What a newcomer has to know of the refresh in which it gets its share. Public.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entrance {
    /// The epoch that the refresh ends.
    pub epoch: u64,
    /// Where the refresh was decided.
    pub position: u64,
    /// The public part of the keys in that epoch.
    pub public: PublicKeys,
    /// What was sealed to the members with, the newcomer at its seat.
    pub sealing: PartyMap<SealingPublic>,
}

/// What a newcomer is made from.
pub struct EnteringConfig {
    /// The digest that names the network.
    pub network: Digest,
    /// Who is who, the newcomer at its seat.
    pub identities: Arc<Identities>,
    /// Our own sealing key.
    pub sealing: SealingKey,
    /// How to come in.
    pub entrance: Entrance,
}

/// A member on its way in.
pub struct Entering {
    entrance: Entrance,
    committee: Committee,
    me: PartyId,
    refresh: Durable<Refresh>,
    store: Store,
    /// Where each member says that the ledger begins.
    begins: PartyMap<Option<LedgerStart>>,
}

impl Entering {
    /// A newcomer as it was when it wrote `records`, in any order; a new one if there are none.
    ///
    /// # Errors
    /// The records cannot be read, or the entrance is not one of this network's or has another sealing key
    /// for us.
    pub fn new(config: EnteringConfig, records: Vec<Record>) -> Result<Self, RestoreError> {
        let EnteringConfig { network, identities, sealing, entrance } = config;
        let Entrance { epoch, position, public, sealing: publics } = entrance.clone();
        let (committee, me) = (identities.committee(), identities.me());
        let keyring = Arc::new(Keyring::with(Arc::clone(&identities), sealing, publics)?);
        if !public.fits(committee) || epoch == u64::MAX {
            let what = "the public keys are not of this network";
            return Err(Error::KeyMismatch { what }.into());
        }
        let (store, mut parts) = Store::read(records)?;
        let root = Tag::root(network.as_bytes(), epoch);
        let tag = refresh_tag(&root, position);
        let making = Refresh::entering(keyring, epoch, Arc::new(public), &tag);
        let heard = parts.remove(&Part::Refresh(epoch)).unwrap_or_default();
        let begun = begun_with(&tag, me);
        let deviation = Deviation::default();
        let refresh = Durable::restored(identities, tag, begun, Some(making), deviation, heard)?;
        let begins = PartyMap::new(committee);
        Ok(Self { entrance, committee, me, refresh, store, begins })
    }

    /// Lets one event happen. Effects are to be executed in order.
    pub fn step(&mut self, event: EpochsEvent) -> Vec<EpochsEffect> {
        let mut out = Vec::new();
        match event {
            EpochsEvent::Start | EpochsEvent::Missed => {
                self.step_refresh(DurableEvent::Start, &mut out);
                let message = Message::Sync(sync::Message::Where);
                let effect = Effect::Send { to: Recipient::All, message };
                out.push(EpochsEffect::Party { epoch: self.entrance.epoch + 1, effect }); // I2
            }
            EpochsEvent::Message { from, epoch, message }
                if from != self.me && self.committee.contains(from) =>
            {
                match message {
                    Message::Refresh(message) if epoch == self.entrance.epoch => {
                        let event = DurableEvent::Message { from, message: *message };
                        self.step_refresh(event, &mut out);
                    }
                    Message::Sync(sync::Message::Begins(start))
                        if epoch == self.entrance.epoch + 1 =>
                    {
                        self.begins[from] = Some(start);
                    }
                    _ => {}
                }
            }
            // Nothing else was asked for.
            _ => {}
        }
        out
    }

    /// The committee.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// Members that were heard of.
    pub const fn up(&self) -> PartySet {
        self.refresh.up()
    }

    /// Members that have the same keys, as far as is known here; nobody before they are here.
    pub fn confirmed(&self) -> PartySet {
        if self.refresh.made().is_some() { self.refresh.confirmed() } else { PartySet::EMPTY }
    }

    /// Whether our share is here.
    pub const fn has_share(&self) -> bool {
        self.refresh.made().is_some()
    }

    /// Where `t + 1` members say that the ledger begins.
    fn start(&self) -> Option<LedgerStart> {
        let enough = self.committee.one_honest();
        let said = || self.begins.values().iter().flatten();
        said().find(|start| said().filter(|other| other == start).count() >= enough).copied()
    }

    /// Whether this member can begin (I3).
    pub fn is_in(&self) -> bool {
        let others = self.confirmed().difference([self.me].into_iter().collect());
        others.len() >= self.committee.one_honest() && self.start().is_some()
    }

    /// I3. What a member's store begins with from here on, beside what it has; `None` if it is not
    /// in. `seed` is new.
    pub fn enter(mut self, seed: Secret<[u8; 32]>) -> Option<Vec<Record>> {
        if !self.is_in() {
            return None;
        }
        let (refreshed, start) = (self.refresh.made()?.clone(), self.start()?);
        let Entrance { epoch, position, .. } = self.entrance;
        let mut records = Vec::new();
        for effect in self.refresh.retire() {
            if let DurableEffect::Persist(more) = effect {
                records.extend(self.store.file(Part::Refresh(epoch), more));
            }
        }
        records.extend(self.store.drew(epoch, position, &seed));
        records.extend(self.store.forget_seed(epoch));
        records.push(self.store.open(self.entrance));
        let begun = Begun { refreshed, seed, start };
        records.extend(self.store.entered(epoch + 1, &begun));
        Some(records)
    }

    fn step_refresh(&mut self, event: DurableEvent<Refresh>, out: &mut Vec<EpochsEffect>) {
        let effects = self.refresh.step(event);
        self.store.put_refresh(self.entrance.epoch, effects, out);
    }
}

/// Nothing secret.
impl fmt::Debug for Entering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entering")
            .field("me", &self.me)
            .field("epoch", &self.entrance.epoch)
            .field("confirmed", &self.confirmed())
            .finish_non_exhaustive()
    }
}
