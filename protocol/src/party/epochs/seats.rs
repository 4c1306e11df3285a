//! Who sits where, from epoch to epoch: see [`Epochs`](super::Epochs), N8 to N11.

use std::sync::Arc;

use super::Epochs;
use super::entering::Entrance;
use super::store::Part;
use crate::committee::PartyId;
use crate::crypto::{Identities, Keyring};
use crate::decision::certificate::Certificate;
use crate::decision::proposal::Replacement;
use crate::party::{Message, MessageOf, RealSuite, sync};
use crate::protocol::Recipient;
use crate::record::Record;

impl Epochs {
    /// The replacements since the first epoch that is known here, by the epoch from which each holds, with
    /// what proves it: the certificate of the proposal that names the new keys.
    pub fn replaced(&self) -> impl Iterator<Item = (u64, &Certificate)> {
        self.store.replaced()
    }

    /// Who comes in with the refresh that ends an epoch.
    pub(super) fn newcomer(&self, epoch: u64) -> Option<&Replacement> {
        // A peer may speak of any epoch.
        if let Some(certificate) = self.store.replaced_from(epoch.checked_add(1)?) {
            return certificate.proposal.renewal.replacement();
        }
        self.live.get(&epoch)?.party.renewal()?.replacement()
    }

    /// Whether the refresh of the current epoch gives our seat to another.
    pub fn is_replaced(&self) -> bool {
        self.newcomer(self.current).is_some_and(|new| new.seat == self.me())
    }

    /// Who is who in an epoch that has begun here.
    pub(super) fn identities_in(&self, epoch: u64) -> Option<Arc<Identities>> {
        let mut identities = Arc::clone(&self.identities);
        let before = self.store.replaced().filter(|(from, _)| *from <= epoch);
        for new in before.filter_map(|(_, certificate)| certificate.proposal.renewal.replacement())
        {
            identities = Arc::new(identities.replacing(new.seat, new.identity).ok()?);
        }
        Some(identities)
    }

    /// Who confirms the refresh that ends an epoch: the members of the next.
    pub(super) fn identities_after(&self, epoch: u64) -> Option<Arc<Identities>> {
        let identities = self.identities_in(epoch)?;
        let Some(new) = self.newcomer(epoch) else { return Some(identities) };
        if self.store.replaced_from(epoch + 1).is_some() {
            return self.identities_in(epoch + 1);
        }
        identities.replacing(new.seat, new.identity).ok().map(Arc::new)
    }

    /// The keyring of the refresh that ends an epoch (W1).
    pub(super) fn keyring_of_refresh(&self, epoch: u64) -> Option<Arc<Keyring>> {
        let keyring = &self.live.get(&epoch)?.keys.keyring;
        let Some(new) = self.newcomer(epoch) else { return Some(Arc::clone(keyring)) };
        keyring.replacing(new.seat, new.identity, new.sealing).ok().map(Arc::new)
    }

    /// The epoch from which on the member at this seat is there, if it came in for another.
    pub(super) fn since(&self, seat: PartyId) -> Option<u64> {
        let of_it = |certificate: &Certificate| {
            let new = certificate.proposal.renewal.replacement();
            new.is_some_and(|new| new.seat == seat)
        };
        let mut found = self.store.replaced().filter(|(_, certificate)| of_it(certificate));
        found.next_back().map(|(epoch, _)| epoch)
    }

    /// N9, N10. Whether what a seat says in an epoch counts.
    pub(super) fn counts(&self, from: PartyId, epoch: u64, message: &MessageOf<RealSuite>) -> bool {
        let entering = self.newcomer(epoch).is_some_and(|new| new.seat == from);
        match (self.since(from), message) {
            // Until the epoch begins, the member before is still there.
            (_, Message::Refresh(_)) if entering => self.current > epoch,
            (Some(since), _) if epoch < since => is_question(message),
            _ => true,
        }
    }

    /// N9. Whether something is to be said to a seat in an epoch.
    pub(super) fn is_for(&self, to: Recipient, epoch: u64, message: &MessageOf<RealSuite>) -> bool {
        let Recipient::One(seat) = to else { return true };
        self.since(seat).is_none_or(|since| since <= epoch)
            || matches!(message, Message::Sync(_) | Message::Refresh(_))
            || matches!(message, Message::Decision(_, crate::decision::life::Message::Certified(_)))
    }

    /// N10. Whether a refresh is still needed whole, for the member that comes in with it.
    pub(super) fn is_awaited(&self, epoch: u64) -> bool {
        let refresh = self.refreshes.get(&epoch);
        let confirmed = |seat| refresh.is_some_and(|refresh| refresh.confirmed().contains(seat));
        epoch + 1 == self.current && self.newcomer(epoch).is_some_and(|new| !confirmed(new.seat))
    }

    /// N9. What the member before has said in epochs to come is forgotten.
    pub(super) fn forget_what_is_ahead(&mut self, seat: PartyId) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        for (epoch, notes) in self.ahead.forget(seat) {
            records.extend(self.store.forget(Part::Ahead(epoch)));
            records.extend(notes.into_iter().flat_map(|note| self.store.note_ahead(epoch, note)));
        }
        records
    }

    /// N11. What a member that comes in has to know to get a share in the last refresh; `None` in the first
    /// epoch, and where nobody needs that refresh any more.
    pub fn entrance(&self) -> Option<Entrance> {
        self.store.entrance(self.current.checked_sub(1)?)
    }

    /// N11. The same of the refresh that ends the current epoch, to be kept.
    pub(super) fn entrance_to_keep(&self) -> Option<Entrance> {
        let epoch = self.current;
        let (position, _) = self.store.drawn(epoch)?;
        let keyring = self.keyring_of_refresh(epoch)?;
        let public = (**self.keys(epoch)?.keys.public()).clone();
        let sealing = keyring.sealing_publics().clone();
        Some(Entrance { epoch, position, public, sealing })
    }
}

/// What a member may ask of an epoch that it was not in.
const fn is_question(message: &MessageOf<RealSuite>) -> bool {
    matches!(
        message,
        Message::Sync(sync::Message::Ask(_) | sync::Message::Started(_) | sync::Message::Where)
            | Message::Refresh(_)
    )
}
