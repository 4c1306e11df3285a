//! One slot of the ledger: which delivered proposals get the next positions.
//!
//! # Model
//! As for [`Collect`]: `n >= 3t + 1`, asynchronous.
//!
//! # Guarantees
//! All honest parties order the same proposals in the same slot. A proposal that `n - t` parties
//! delivered before the slot began is ordered in it: `n - t` members' values count, and one of
//! them is from an honest member that had it.
//!
//! # Protocol
//! - (O1) Each member with delivered and unordered proposals broadcasts their names.
//! - (O2) A value is usable once every proposal it names is delivered here. Since proposals are
//!   reliably broadcast, what is usable at one honest party becomes usable at all.
//! - (O3) Nobody is waited for beyond `n - t` values: patience would only cost latency.
//! - (O4) The slot's proposals are all that the counted values name.
//!
//! A member with nothing to order sends nothing and still helps: a slot only begins because some
//! proposal was delivered, and totality brings it to everyone.
//!
//! # End
//! Kept by its owner for laggards, within a window.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::agreement::coin::Coin;
use crate::committee::{PartyId, PartyMap, PartySet};
use crate::crypto::keyring::Keyring;
use crate::decision::collect::{self, Collect, Progress};
use crate::decision::proposal::ProposalId;
use crate::error::Error;
use crate::fault::DecisionFault;
use crate::limits;
use crate::protocol::{Outbox, Protocol};
use crate::tag::Tag;
use crate::wire::{self, Bytes};

/// A message of a slot.
pub type Message<S> = collect::Message<S>;

/// One party's part in a slot.
pub struct Slot<C: Coin> {
    collect: Collect<C>,
    values: PartyMap<Option<Vec<ProposalId>>>,
    unusable: PartySet,
    proposed: bool,
    closed: bool,
    output: bool,
    agreed: Option<PartySet>,
}

impl<C: Coin> Slot<C> {
    /// The slot named `tag`.
    pub fn new(keyring: Arc<Keyring>, tag: Tag, coin: Arc<C>) -> Self {
        let committee = keyring.committee();
        Self {
            collect: Collect::new(keyring, tag, limits::MAX_SHORT_PAYLOAD, false, coin),
            values: PartyMap::new(committee),
            unusable: PartySet::EMPTY,
            proposed: false,
            closed: false,
            output: false,
            agreed: None,
        }
    }

    /// Names the proposals that wait here for a position (O1); at most
    /// [`limits::MAX_SLOT_PROPOSALS`] of them.
    ///
    /// # Errors
    /// Already given.
    pub fn propose(
        &mut self,
        waiting: &[ProposalId],
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Result<(), Error> {
        if std::mem::replace(&mut self.proposed, true) {
            return Err(Error::AlreadyGiven { what: "the slot's value" });
        }
        let most = waiting.len().min(limits::MAX_SLOT_PROPOSALS);
        let value = wire::encode(waiting.get(..most).unwrap_or(waiting));
        self.collect.broadcast(Bytes::from(value), out)
    }

    /// Whether we have named our proposals.
    pub const fn proposed(&self) -> bool {
        self.proposed
    }

    /// Members whose values name a proposal and are not usable here.
    pub fn who_names(&self, id: &ProposalId) -> impl Iterator<Item = PartyId> {
        let names =
            |member: &PartyId| self.values[*member].as_ref().is_some_and(|ids| ids.contains(id));
        self.unusable.iter().filter(names)
    }

    /// Coins tossed so far.
    pub fn coins_tossed(&self) -> u32 {
        self.collect.coins_tossed()
    }

    /// Handles a message. `known` tells whether a proposal is delivered here. The output is the
    /// slot's proposals, in no particular order, once.
    pub fn handle(
        &mut self,
        from: PartyId,
        message: Message<C::Share>,
        known: &dyn Fn(&ProposalId) -> bool,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<BTreeSet<ProposalId>> {
        if !std::mem::replace(&mut self.closed, true) {
            self.collect.close(out); // O3
        }
        match self.collect.handle(from, message, out) {
            Some(Progress::Delivered(member)) => {
                self.take_value(member, out);
                self.recheck(known, out)
            }
            Some(Progress::Agreed(set)) => self.agree(set),
            None => None,
        }
    }

    /// To be called when more proposals are delivered (O2).
    pub fn recheck(
        &mut self,
        known: &dyn Fn(&ProposalId) -> bool,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<BTreeSet<ProposalId>> {
        let mut output = None;
        for member in self.unusable.iter() {
            let usable = self.values[member].as_ref().is_some_and(|ids| ids.iter().all(known));
            if usable {
                self.unusable.remove(member);
                if let Some(set) = self.collect.usable(member, out) {
                    output = self.agree(set);
                }
            }
        }
        output
    }

    fn take_value(&mut self, member: PartyId, out: &mut dyn Outbox<Message<C::Share>>) {
        let value = self.collect.value(member).cloned().unwrap_or_default();
        let ids = wire::decode::<Vec<ProposalId>>(&value, limits::MAX_SHORT_PAYLOAD)
            .ok()
            .filter(|ids| ids.len() <= limits::MAX_SLOT_PROPOSALS);
        // Every honest party sees the same malformed value and takes it for an empty one.
        self.values[member] = Some(ids.unwrap_or_else(|| {
            out.blame(member, DecisionFault::MalformedSlot);
            Vec::new()
        }));
        self.unusable.insert(member);
    }

    fn agree(&mut self, set: PartySet) -> Option<BTreeSet<ProposalId>> {
        self.agreed = Some(set);
        if std::mem::replace(&mut self.output, true) {
            return None;
        }
        Some(set.iter().filter_map(|m| self.values[m].as_ref()).flatten().copied().collect())
    }
}
