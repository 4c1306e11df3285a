//! The steps from one epoch to the next: see the [module](super).

use std::sync::Arc;

use super::{EpochKeys, Epochs, EpochsEffect, Live};
use crate::committee::PartyId;
use crate::crypto::{Digest, Transcript};
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
            let wanted = live.party.refresh().is_some() && live.party.may_refresh();
            if self.is_replaced() {
                if !std::mem::replace(&mut self.told, true) {
                    out.push(EpochsEffect::Replaced); // N8
                }
            } else if wanted && !self.drawing {
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

    pub(super) fn on_entropy(&mut self, entropy: &Secret<[u8; 32]>, out: &mut Vec<EpochsEffect>) {
        let epoch = self.current;
        let Some(live) = self.live.get(&epoch) else { return };
        let Some(position) = live.party.refresh().filter(|_| self.drawing) else { return };
        self.drawing = false;
        let seed =
            Transcript::new(&refresh_tag(&self.root(epoch), position), "seed of the next epoch")
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
        let tag = refresh_tag(&self.root(epoch), position);
        let begun = begun_with(&tag, self.me());
        let unreadable = || RestoreError::Unreadable("a refresh".into());
        let making = match (self.live.get(&epoch), seed) {
            (Some(live), Some(seed)) => {
                let keyring = self.keyring_of_refresh(epoch).ok_or_else(unreadable)?;
                let making = Refresh::new(keyring, live.keys.keys.clone(), &tag, seed);
                let making = making.map_err(|_| unreadable())?;
                Some(match self.newcomer(epoch) {
                    Some(new) => making.with_newcomer(new.seat),
                    None => making,
                })
            }
            _ => None,
        };
        let identities = self.identities_after(epoch).ok_or_else(unreadable)?;
        let deviation = self.deviation.clone();
        Durable::restored(identities, tag, begun, making, deviation, records).map(Some)
    }

    /// N4, N8. Without our own part of the keys, which a store that was lost had, we stay behind.
    pub(super) fn begin_epoch(
        &mut self,
        refreshed: Refreshed,
        start: LedgerStart,
        out: &mut Vec<EpochsEffect>,
    ) -> bool {
        let before = self.current;
        let Some((_, Some(seed))) = self.store.drawn(before) else { return false };
        let newcomer = self.newcomer(before).map(|new| new.seat);
        let Some(live) = self.live.get(&before) else { return false };
        let certificate = live.party.renewal_certified().filter(|_| newcomer.is_some()).cloned();
        if newcomer.is_some() && certificate.is_none() {
            return false;
        }
        let Some(identities) = self.identities_after(before) else { return false };
        let Ok(keyring) = refreshed.keyring(&identities).map(Arc::new) else { return false };
        let entrance = self.entrance_to_keep();
        let keys = Arc::new(refreshed.keys.clone());
        let keys = EpochKeys { keyring, keys, seed: seed.clone() };
        let party = Party::continuing(self.config(&keys), Some(start), Vec::new());
        let Ok(party) = party else { return false };
        let mut records = self.store.began(before + 1, &Begun { refreshed, seed, start });
        records.extend(certificate.map(|certificate| self.store.replace(before + 1, certificate)));
        records.extend(entrance.map(|entrance| self.store.open(entrance)));
        records.extend(newcomer.into_iter().flat_map(|seat| self.forget_what_is_ahead(seat)));
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
        let over = |(epoch, refresh): &(&u64, &Durable<Refresh>)| {
            **epoch < current
                && !refresh.is_retired()
                && refresh.confirmed().len() >= quorum
                && refresh.making().is_none_or(refresh::Refresh::halted)
                && !self.is_awaited(**epoch)
        };
        let Some(epoch) = self.refreshes.iter().find(over).map(|(epoch, _)| *epoch) else {
            return false;
        };
        let Some(refresh) = self.refreshes.get_mut(&epoch) else { return false };
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
            all.extend(self.store.close(*oldest.key()));
            oldest.remove();
        }
        out.push(EpochsEffect::Party { epoch, effect: Effect::Persist(all) });
        self.store.put_refresh(epoch, last_words, out);
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

/// What the log of a refresh is bound to.
pub(super) fn begun_with(tag: &Tag, me: PartyId) -> Digest {
    Transcript::new(tag, "refresh log").u64(me.point()).digest()
}

/// N1. What the refresh is called in which an epoch of a network ends.
pub(in crate::party) fn refresh_tag(root: &Tag, position: u64) -> Tag {
    root.indexed("refresh", position)
}
