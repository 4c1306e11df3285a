//! The steps from one epoch to the next: see the [module](super).

use std::sync::Arc;

use super::{EpochKeys, Epochs, EpochsEffect, Live};
use crate::crypto::Transcript;
use crate::decision::ledger::LedgerStart;
use crate::keys::ceremony::{Durable, DurableEffect, DurableEvent};
use crate::keys::refresh;
use crate::keys::refresh::{Refresh, Refreshed};
use crate::limits;
use crate::party::epochs::store::{Begun, Part};
use crate::party::{Effect, Event, Party};
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::tag::Tag;

impl Epochs {
    /// Takes the next step from one epoch to the next, if one is due.
    pub(super) fn turn(&mut self, out: &mut Vec<EpochsEffect>) -> bool {
        let Some(live) = self.live.get_mut(&self.current) else { return false };
        let Some(refresh) = self.refreshes.get(&self.current) else {
            // N1
            if live.party.refresh().is_some() && live.party.may_refresh() && !self.drawing {
                self.drawing = true;
                out.push(EpochsEffect::Draw);
            }
            return self.retire(out) || self.erase(out);
        };
        let quorum = self.identities.committee().quorum();
        let (made, end) = (refresh.made().cloned(), live.party.end());
        if made.is_some() && !self.ready && refresh.confirmed().len() >= quorum {
            self.ready = true; // N3
            let effects = live.party.ready();
            self.put_party(self.current, effects, out);
            return true;
        }
        let begun = match (made, end) {
            (Some(refreshed), Some(start)) => self.begin_epoch(refreshed, start, out),
            _ => false,
        };
        begun || self.retire(out) || self.erase(out)
    }

    /// N1. What the refresh is called in which an epoch ends.
    pub(super) fn refresh_tag(&self, epoch: u64, position: u64) -> Tag {
        self.root(epoch).indexed("refresh", position)
    }

    pub(super) fn on_entropy(&mut self, entropy: &Secret<[u8; 32]>, out: &mut Vec<EpochsEffect>) {
        let epoch = self.current;
        let Some(live) = self.live.get(&epoch) else { return };
        let Some(position) = live.party.refresh().filter(|_| self.drawing) else { return };
        self.drawing = false;
        let seed = Transcript::new(&self.refresh_tag(epoch, position), "seed of the next epoch")
            .bytes(live.keys.seed.expose())
            .bytes(entropy.expose())
            .digest();
        let seed = Secret::new(*seed.as_bytes());
        let records = self.store.drew(epoch, position, &seed);
        out.push(EpochsEffect::Party { epoch, effect: Effect::Persist(records) });
        if let Ok(Some(refresh)) = self.make_refresh(epoch, Vec::new()) {
            self.refreshes.insert(epoch, refresh);
            self.step_refresh(epoch, DurableEvent::Start, out); // N2
        }
    }

    /// The refresh that ends an epoch, as far as it was written down.
    pub(super) fn restore_refresh(
        &mut self,
        epoch: u64,
        records: Vec<Record>,
    ) -> Result<(), RestoreError> {
        if let Some(refresh) = self.make_refresh(epoch, records)? {
            self.refreshes.insert(epoch, refresh);
        }
        Ok(())
    }

    pub(super) fn make_refresh(
        &self,
        epoch: u64,
        records: Vec<Record>,
    ) -> Result<Option<Durable<Refresh>>, RestoreError> {
        let Some((position, seed)) = self.store.drawn(epoch) else { return Ok(None) };
        if seed.is_none() && records.is_empty() {
            return Ok(None);
        }
        let tag = self.refresh_tag(epoch, position);
        let begun = Transcript::new(&tag, "refresh log").u64(self.me().point()).digest();
        let making = match (self.live.get(&epoch), seed) {
            (Some(live), Some(seed)) => {
                let keys = &live.keys;
                let making = Refresh::new(keys.keyring.clone(), keys.keys.clone(), &tag, seed);
                Some(making.map_err(|_| RestoreError::Unreadable("a refresh".into()))?)
            }
            _ => None,
        };
        let identities = Arc::clone(&self.identities);
        let deviation = self.deviation.clone();
        Durable::restored(identities, tag, begun, making, deviation, records).map(Some)
    }

    /// N4. Without our own part of the keys, which a store that was lost had, we stay behind.
    pub(super) fn begin_epoch(
        &mut self,
        refreshed: Refreshed,
        start: LedgerStart,
        out: &mut Vec<EpochsEffect>,
    ) -> bool {
        let before = self.current;
        let Some((_, Some(seed))) = self.store.drawn(before) else { return false };
        let Ok(keyring) = refreshed.keyring(&self.identities).map(Arc::new) else { return false };
        let keys = Arc::new(refreshed.keys.clone());
        let keys = EpochKeys { keyring, keys, seed: seed.clone() };
        let party = Party::continuing(self.config(&keys), Some(start), Vec::new());
        let Ok(party) = party else { return false };
        let records = self.store.began(before + 1, &Begun { refreshed, seed, start });
        out.push(EpochsEffect::Party { epoch: before, effect: Effect::Persist(records) });
        self.current = before + 1;
        self.ready = false;
        self.live.insert(self.current, Live { keys: keys.clone(), party });
        out.push(EpochsEffect::Began(Box::new(keys)));
        self.step_party(self.current, Event::Start, out);
        self.take_ahead(out);
        true
    }

    /// N5. The party of the current epoch gets what was said in it before it began here.
    pub(super) fn take_ahead(&mut self, out: &mut Vec<EpochsEffect>) {
        let epoch = self.current;
        let (messages, behind) = self.ahead.begin(epoch);
        for (from, message) in messages {
            self.step_party(epoch, Event::Message { from, message }, out);
        }
        let records = self.store.forget(Part::Ahead(epoch));
        if !records.is_empty() {
            out.push(EpochsEffect::Party { epoch, effect: Effect::Persist(records) });
        }
        if behind {
            self.catch_up(out);
        }
    }

    /// N6
    pub(super) fn retire(&mut self, out: &mut Vec<EpochsEffect>) -> bool {
        let (current, quorum) = (self.current, self.committee().quorum());
        let over = |(epoch, refresh): &(&u64, &mut Durable<Refresh>)| {
            **epoch < current
                && !refresh.is_retired()
                && refresh.confirmed().len() >= quorum
                && refresh.making().is_none_or(refresh::Refresh::halted)
        };
        let Some((&epoch, refresh)) = self.refreshes.iter_mut().find(over) else { return false };
        let (mut all, mut last_words) = (Vec::new(), Vec::new());
        for effect in refresh.retire() {
            match effect {
                DurableEffect::Persist(records) => {
                    all.extend(self.store.file(Part::Refresh(epoch), records));
                }
                other => last_words.push(other),
            }
        }
        all.extend(self.store.forget_seed(epoch));
        while self.refreshes.len() > limits::REFRESHES_KEPT
            && let Some(oldest) = self.refreshes.first_entry().filter(|o| o.get().is_retired())
        {
            all.extend(self.store.forget(Part::Refresh(*oldest.key())));
            oldest.remove();
        }
        out.push(EpochsEffect::Party { epoch, effect: Effect::Persist(all) });
        self.put_refresh(epoch, last_words, out);
        true
    }

    /// N7
    pub(super) fn erase(&mut self, out: &mut Vec<EpochsEffect>) -> bool {
        let retired = |epoch: u64| self.refreshes.get(&epoch).is_none_or(Durable::is_retired);
        let over = |(epoch, live): &(&u64, &Live)| {
            **epoch < self.current
                && live.party.is_finished()
                && retired(**epoch)
                && epoch.checked_sub(1).is_none_or(retired)
        };
        let Some(epoch) = self.live.iter().find(over).map(|(epoch, _)| *epoch) else {
            return false;
        };
        let Some(live) = self.live.remove(&epoch) else { return false };
        let archive = live.party.archive();
        let records = self.store.erase(epoch, archive.start());
        out.push(EpochsEffect::Party { epoch, effect: Effect::Persist(records) });
        self.archives.insert(epoch, archive);
        out.push(EpochsEffect::Erased { epoch });
        true
    }
}
