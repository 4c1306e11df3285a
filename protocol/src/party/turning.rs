//! The way from one epoch to the next, as far as the ledger goes.
//!
//! # Protocol
//! - (E1) A proposal may ask for a refresh of the keys. When it is certified as accepted, name its
//!   position in the next slot. The first slot that names one begins the refresh at the lowest
//!   position it names; others of this epoch have no effect.
//! - (E2) When the owner has made this party [ready](Party::ready), name that in the next slot.
//! - (E3) The slot that names `t + 1` ready members is the epoch's last. What has a position is decided
//!   with this epoch's keys and material, of which no more is made than that takes. What has none
//!   lapses: a proposal is bound to its epoch.
//!
//! # Why it works
//! Both turns are part of what slots agree on, so all honest parties make them at the same place of
//! the order. An honest member is ready when a quorum said that it has the next keys, so of those at
//! least `n - 2t` honest ones have them when the epoch ends.

use std::collections::BTreeSet;

use crate::committee::PartyId;
use crate::crypto::Digest;
use crate::decision::certificate::{Certificate, Outcome};
use crate::decision::ledger::LedgerStart;
use crate::decision::proposal::{Proposal, Renewal};
use crate::decision::slot::Turn;
use crate::party::epochs::Archive;
use crate::party::event::{Effect, Notice, Refusal};
use crate::party::records::{Key, delete};
use crate::party::sink::Sink;
use crate::party::{Party, Suite};

/// What there is to say of the next epoch.
#[derive(Default)]
pub(super) struct Turning {
    /// Positions of refreshes that were accepted.
    accepted: BTreeSet<u64>,
    ready: bool,
    /// This member was restored, and may have spoken in the refresh before (T3).
    barred: bool,
}

impl Turning {
    /// Whether a refresh was accepted at this position.
    pub(super) fn accepted(&self, position: u64) -> bool {
        self.accepted.contains(&position)
    }

    /// Keeps this member out of the epoch's refresh.
    pub(super) const fn bar_refresh(&mut self, barred: bool) {
        self.barred |= barred;
    }
}

impl<S: Suite> Party<S> {
    /// The position of the refresh that has begun in this epoch.
    pub const fn refresh(&self) -> Option<u64> {
        self.ledger.refresh()
    }

    /// What was asked for with the refresh that has begun.
    pub fn renewal(&self) -> Option<&Renewal> {
        self.ledger.entry(self.ledger.refresh()?).map(|entry| &entry.proposal.renewal)
    }

    /// The certificate of the proposal that the refresh which has begun was asked for with, once it is
    /// here.
    pub(super) fn renewal_certified(&self) -> Option<&Certificate> {
        self.deciding.certified(self.ledger.refresh()?).map(|certified| &certified.certificate)
    }

    /// Whether the member that a proposal brings in, if any, has an identity that nobody has.
    pub(super) fn brings_new_keys(&self, proposal: &Proposal) -> bool {
        let known = self.shared.keyring.identities().publics().values();
        proposal.renewal.replacement().is_none_or(|new| !known.contains(&new.identity))
    }

    /// Whether this member says nothing in the refresh that has begun: it was restored from a backup, and
    /// may have spoken in it before it was lost. It gets no part of the next keys.
    pub const fn is_barred_from_refresh(&self) -> bool {
        self.turning.barred
    }

    /// Whether this member may speak in the refresh that has begun. Not before it knows that it never
    /// did.
    pub(super) const fn may_refresh(&self) -> bool {
        self.returning.is_none() && !self.turning.barred
    }

    /// Where this epoch's ledger begins.
    pub const fn begins(&self) -> LedgerStart {
        self.ledger.start()
    }

    /// Where the next epoch goes on, once this one's last slot is here.
    pub fn end(&self) -> Option<LedgerStart> {
        self.ledger.end()
    }

    /// Whether the epoch is over and all of its decisions are certified here.
    pub fn is_finished(&self) -> bool {
        self.ledger.is_over() && self.deciding.open().next().is_none()
    }

    /// The keys of the next epoch are here and will not be lost, and so they are at a quorum (E2). To
    /// be said again after a restart.
    pub fn ready(&mut self) -> Vec<Effect<S>> {
        self.act(|party, _| party.turning.ready = true)
    }

    /// Asks the others for what we missed, whatever was asked before.
    pub fn catch_up(&mut self) -> Vec<Effect<S>> {
        self.act(Self::ask_again)
    }

    /// Asks one of them, which has restarted.
    pub(super) fn catch_up_from(&mut self, peer: PartyId) -> Vec<Effect<S>> {
        self.act(|party, sink| party.ask_member(peer, sink))
    }

    /// What is left when the epoch is erased.
    pub(super) fn archive(&self) -> Archive {
        let start = self.ledger.start();
        let slots = (0..self.ledger.next_slot()).filter_map(|slot| self.ledger.slot(slot).cloned());
        let certified = self.deciding.certified_from(start.position);
        let certified = certified.map(|(position, c)| (position, c.clone())).collect();
        let whose = (self.committee(), self.me());
        let (documents, evidence) = (self.documents.held(), self.evidence.clone());
        Archive::new(self.shared.root, whose, start, slots, certified, documents, evidence)
    }

    /// E1, E2
    pub(super) fn next_turn(&self) -> Option<Turn> {
        match self.ledger.refresh() {
            None => self.turning.accepted.first().map(|position| Turn::Refresh(*position)),
            Some(_) => self.turning.ready.then_some(Turn::Last),
        }
    }

    /// E1. A decision is certified, now or before a restart.
    pub(super) fn note_refresh(&mut self, position: u64) {
        let accepted = self.deciding.certified(position).is_some_and(|certified| {
            let certificate = &certified.certificate;
            certificate.proposal.renewal.is_some()
                && certificate.statement.outcome == Outcome::Accepted
        });
        if accepted {
            self.turning.accepted.insert(position);
        }
    }

    /// E3: what has no position lapses.
    pub(super) fn end_epoch(&mut self, sink: &mut Sink<S>) {
        let forgotten = self.ordering.forget_unordered();
        sink.persist(forgotten.iter().map(|(id, _)| delete(&Key::Waiting(*id))).collect());
        for (id, proposal) in forgotten {
            self.forget_broadcast(&id, sink);
            self.discard_document(&id, sink);
            let decision = self.ledger.digest_of(&proposal);
            // A copy in another member's name may have got a position.
            if self.ledger.find(&decision).is_none() {
                sink.notify(Notice::Lapsed { decision });
            }
        }
        let without: Vec<Digest> =
            self.deciding.waiting_votes().filter(|d| self.ledger.find(d).is_none()).collect();
        for decision in without {
            if let Some(request) = self.deciding.forget_vote(&decision) {
                sink.answer(request, Err(Refusal::EpochOver));
            }
        }
    }
}
