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
//! - (O2) A value is usable once every proposal it names is delivered here, has its position, or gets
//!   none any more (it is [stale](crate::decision::ledger::Ledger::is_stale)). Since proposals are
//!   reliably broadcast, and the ledger before a slot is the same at all, what is usable at one honest
//!   party becomes usable at all. A slot orders none that is stale in the ledger before it.
//! - (O3) Nobody is waited for beyond `n - t` values: patience would only cost latency.
//! - (O4) The slot's proposals are all that the counted values name.
//! - (O5) A value may also name a [`Turn`] of the epoch: that the refresh at a position was accepted,
//!   or that the member is ready for the next epoch. The former is usable once that decision is
//!   certified here. The slot makes the turn to the next epoch if `t + 1` counted values are of
//!   members that are ready; else it begins the refresh at the lowest position that is named.
//! - (O6) A value may also name members that say that they came back from a backup. Those that `t + 1`
//!   counted values name are the slot's: one honest member has heard it of each.
//!
//! A member with nothing to say sends nothing and still helps: a slot only begins because some
//! proposal was delivered, a refresh was certified, a quorum has the keys of the next epoch, or a
//! member says that it came back. All but the last come to everyone. Among the counted values are those
//! of `t + 1` honest members, and each names something: so once all have heard the same, a slot orders
//! something, makes a turn, or takes note of who came back. Of a malicious member that tells some alone
//! that it came back, slots may end with nothing, [so many](limits::MAX_IDLE_SLOTS) in an epoch.
//!
//! # End
//! Kept by its owner for laggards, within a window.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agreement::coin::Coin;
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
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

/// A step on the way to the next epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Turn {
    /// The refresh that was accepted at this position is the one that begins.
    Refresh(u64),
    /// In a value: the member has the keys of the next epoch, and knows that a quorum has. Of a slot:
    /// it is the epoch's last.
    Last,
}

/// What a member says in a slot.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
struct Value {
    ids: Vec<ProposalId>,
    turn: Option<Turn>,
    returned: PartySet,
}

impl Value {
    /// What a member said; `None` if it is none.
    fn read(payload: &[u8]) -> Option<Self> {
        let value: Self = wire::decode(payload, limits::MAX_SHORT_PAYLOAD).ok()?;
        (value.ids.len() <= limits::MAX_SLOT_PROPOSALS).then_some(value)
    }
}

/// Whether a payload is what an honest member may say in a slot.
pub(crate) fn is_value(payload: &[u8]) -> bool {
    Value::read(payload).is_some()
}

/// What a slot ends with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// The slot's proposals.
    pub ids: BTreeSet<ProposalId>,
    /// What it does for the epoch.
    pub turn: Option<Turn>,
    /// Members that came back from a backup.
    pub returned: PartySet,
}

/// What is known here, which is what makes values usable.
pub trait Known {
    /// Whether this proposal is delivered, or has its position, or gets none any more.
    fn proposal(&self, id: &ProposalId) -> bool;
    /// Whether the decision at this position is certified as a refresh that was accepted.
    fn refresh(&self, position: u64) -> bool;
}

/// One party's part in a slot.
pub struct Slot<C: Coin> {
    committee: Committee,
    collect: Collect<C>,
    values: PartyMap<Option<Value>>,
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
            committee,
            collect: Collect::new(keyring, tag, limits::MAX_SHORT_PAYLOAD, false, coin),
            values: PartyMap::new(committee),
            unusable: PartySet::EMPTY,
            proposed: false,
            closed: false,
            output: false,
            agreed: None,
        }
    }

    /// Names the proposals that wait here for a position (O1), at most
    /// [`limits::MAX_SLOT_PROPOSALS`] of them, a turn (O5), and members that came back (O6).
    ///
    /// # Errors
    /// Already given.
    pub fn propose(
        &mut self,
        waiting: &[ProposalId],
        turn: Option<Turn>,
        returned: PartySet,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Result<(), Error> {
        if std::mem::replace(&mut self.proposed, true) {
            return Err(Error::AlreadyGiven { what: "the slot's value" });
        }
        let most = waiting.len().min(limits::MAX_SLOT_PROPOSALS);
        let ids = waiting.get(..most).unwrap_or(waiting).to_vec();
        let value = Value { ids, turn, returned };
        self.collect.broadcast(Bytes::from(wire::encode(&value)), out)
    }

    /// Whether we have named our proposals.
    pub const fn proposed(&self) -> bool {
        self.proposed
    }

    /// Members whose values are here.
    pub fn named(&self) -> PartySet {
        let named = self.values.iter().filter(|(_, value)| value.is_some());
        named.map(|(member, _)| member).collect()
    }

    /// Members whose values name a proposal and are not usable here.
    pub fn who_names(&self, id: &ProposalId) -> impl Iterator<Item = PartyId> {
        let names = |member: &PartyId| {
            self.values[*member].as_ref().is_some_and(|value| value.ids.contains(id))
        };
        self.unusable.iter().filter(names)
    }

    /// Coins tossed so far.
    pub fn coins_tossed(&self) -> u32 {
        self.collect.coins_tossed()
    }

    /// Handles a message. The output comes once. Whether values have become usable is to be asked after
    /// that: see [`now_usable`](Self::now_usable).
    pub fn handle(
        &mut self,
        from: PartyId,
        message: Message<C::Share>,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<Agreed> {
        if !std::mem::replace(&mut self.closed, true) {
            self.collect.close(out); // O3
        }
        match self.collect.handle(from, message, out) {
            Some(Progress::Delivered(member)) => {
                self.take_value(member, out);
                None
            }
            Some(Progress::Agreed(set)) => self.agree(set),
            None => None,
        }
    }

    /// Members whose values have become usable with what is known (O2, O5): each is to be called
    /// [`usable`](Self::usable).
    pub fn now_usable(&self, known: &dyn Known) -> PartySet {
        let usable = |member: &PartyId| {
            self.values[*member].as_ref().is_some_and(|value| value.is_usable(known))
        };
        self.unusable.iter().filter(usable).collect()
    }

    /// This member's value is usable. The output comes once.
    pub fn usable(
        &mut self,
        member: PartyId,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<Agreed> {
        if !self.unusable.contains(member) {
            return None;
        }
        self.unusable.remove(member);
        let set = self.collect.usable(member, out)?;
        self.agree(set)
    }

    fn take_value(&mut self, member: PartyId, out: &mut dyn Outbox<Message<C::Share>>) {
        let value = self.collect.value(member).cloned().unwrap_or_default();
        let value = Value::read(&value);
        // Every honest party sees the same malformed value and takes it for an empty one.
        self.values[member] = Some(value.unwrap_or_else(|| {
            out.accuse(member, DecisionFault::MalformedSlot, self.collect.signed(member));
            Value::default()
        }));
        self.unusable.insert(member);
    }

    fn agree(&mut self, set: PartySet) -> Option<Agreed> {
        self.agreed = Some(set);
        if std::mem::replace(&mut self.output, true) {
            return None;
        }
        let values: Vec<&Value> = set.iter().filter_map(|m| self.values[m].as_ref()).collect();
        let ids = values.iter().flat_map(|value| &value.ids).copied().collect();
        Some(Agreed { ids, turn: self.turn(&values), returned: self.returned(&values) })
    }

    // O6
    fn returned(&self, values: &[&Value]) -> PartySet {
        let named = |member: &PartyId| {
            let naming = values.iter().filter(|value| value.returned.contains(*member));
            naming.count() >= self.committee.one_honest()
        };
        self.committee.parties().filter(named).collect()
    }

    // O5
    fn turn(&self, values: &[&Value]) -> Option<Turn> {
        let named = || values.iter().filter_map(|value| value.turn);
        if named().filter(|turn| *turn == Turn::Last).count() >= self.committee.one_honest() {
            return Some(Turn::Last);
        }
        named().filter(|turn| *turn != Turn::Last).min()
    }
}

impl Value {
    // O2, O5
    fn is_usable(&self, known: &dyn Known) -> bool {
        let turn = match self.turn {
            Some(Turn::Refresh(position)) => known.refresh(position),
            Some(Turn::Last) | None => true,
        };
        turn && self.ids.iter().all(|id| known.proposal(id))
    }
}
