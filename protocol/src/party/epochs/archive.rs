//! What is left of an erased epoch: its order and its certificates, for whoever asks.

use std::collections::BTreeMap;

use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::Digest;
use crate::decision::certificate::Certificate;
use crate::decision::certifying::Certified;
use crate::decision::ledger::{Entry, Ledger, LedgerStart, SlotSummary};
use crate::decision::life;
use crate::decision::stock::{Policy, Stock};
use crate::limits;
use crate::party::records::Restored;
use crate::party::sync::{self, Position};
use crate::party::{Effect, Message, RealSuite};
use crate::protocol::Recipient;
use crate::record::{Record, RestoreError};
use crate::tag::Tag;

/// An erased epoch.
pub struct Archive {
    start: LedgerStart,
    ledger: Ledger,
    certified: BTreeMap<u64, Certified>,
    /// From where each peer last asked, and how often it may still ask from there.
    asked: PartyMap<(Option<Position>, u64)>,
}

impl Archive {
    /// The epoch named `root`, of these slots and certificates.
    pub(in crate::party) fn new(
        root: Tag,
        committee: Committee,
        start: LedgerStart,
        slots: impl IntoIterator<Item = SlotSummary>,
        certified: BTreeMap<u64, Certified>,
    ) -> Self {
        let mut ledger = Ledger::new(&root, Some(start));
        // Nothing is claimed any more.
        let nothing = Stock::new(Policy::for_members(committee.n())).cursor();
        for slot in slots {
            ledger.append(slot, |_| nothing.clone());
        }
        Self { start, ledger, certified, asked: PartyMap::new(committee) }
    }

    /// The same from what was written down.
    pub(super) fn read(
        root: Tag,
        committee: Committee,
        start: LedgerStart,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let restored = Restored::read(records)?;
        let slots = restored.slots.into_values();
        Ok(Self::new(root, committee, start, slots, restored.certified))
    }

    /// Where its ledger begins.
    pub const fn start(&self) -> LedgerStart {
        self.start
    }

    /// The chain's digest where its ledger ends.
    pub fn end(&self) -> Digest {
        self.ledger.head()
    }

    /// What was decided on, in order.
    pub fn entries(&self) -> &[Entry] {
        self.ledger.entries()
    }

    /// The certificate of a decision.
    pub fn certificate(&self, decision: &Digest) -> Option<&Certificate> {
        let position = self.ledger.find(decision)?.position;
        Some(&self.certified.get(&position)?.certificate)
    }

    /// What there is from a place on, a bounded part at a time.
    pub(super) fn answer(&mut self, from: PartyId, at: Position) -> Vec<Effect<RealSuite>> {
        let (last, times) = &mut self.asked[from];
        if last.is_none_or(|last| last < at) {
            (*last, *times) = (Some(at), 0);
        }
        *times += 1;
        if *times > limits::SYNC_ANSWERS {
            return Vec::new();
        }
        let end = self.ledger.next_slot().min(at.slot.saturating_add(limits::SYNC_SLOTS));
        let slots = (at.slot..end).filter_map(|slot| {
            let summary = self.ledger.slot(slot)?.clone();
            Some(Message::Sync(sync::Message::Slot(slot, summary)))
        });
        let certified = self.certified.range(at.position..).take(limits::SYNC_CERTIFICATES);
        let certified = certified.map(|(position, certified)| {
            Message::Decision(*position, life::Message::Certified(Box::new(certified.clone())))
        });
        let to = Recipient::One(from);
        slots.chain(certified).map(|message| Effect::Send { to, message }).collect()
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Archive({} decisions)", self.certified.len())
    }
}
