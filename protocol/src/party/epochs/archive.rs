//! What is left of an erased epoch: its order and its certificates, for whoever asks.

use std::collections::BTreeMap;

use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::Digest;
use crate::decision::certificate::Certificate;
use crate::decision::certifying::Certified;
use crate::decision::ledger::{Entry, Ledger, LedgerStart, SlotSummary};
use crate::decision::life;
use crate::decision::proposal::ProposalId;
use crate::decision::stock::{Policy, Stock};
use crate::keys::GroupSignature;
use crate::limits;
use crate::party::evidence::{Accused, Evidence};
use crate::party::records::Restored;
use crate::party::sync::{self, Position};
use crate::party::{DecisionView, Effect, Message, RealSuite};
use crate::protocol::Recipient;
use crate::record::{Record, RestoreError};
use crate::tag::Tag;
use crate::wire::Bytes;

/// An erased epoch.
pub struct Archive {
    me: PartyId,
    start: LedgerStart,
    ledger: Ledger,
    certified: BTreeMap<u64, Certified>,
    documents: BTreeMap<ProposalId, Bytes>,
    evidence: Accused,
    /// From where each peer last asked, and how often it may still ask from there.
    asked: PartyMap<(Option<Position>, u64)>,
}

impl Archive {
    /// The epoch named `root`, of these slots, certificates and documents.
    pub(in crate::party) fn new(
        root: Tag,
        (committee, me): (Committee, PartyId),
        start: LedgerStart,
        slots: impl IntoIterator<Item = SlotSummary>,
        certified: BTreeMap<u64, Certified>,
        documents: BTreeMap<ProposalId, Bytes>,
        evidence: Accused,
    ) -> Self {
        let mut ledger = Ledger::new(&root, Some(start));
        // Nothing is claimed any more.
        let nothing = Stock::new(Policy::for_members(committee.n())).cursor();
        for slot in slots {
            ledger.append(slot, |_| nothing.clone());
        }
        let asked = PartyMap::new(committee);
        Self { me, start, ledger, certified, documents, evidence, asked }
    }

    /// The same from what was written down.
    pub(super) fn read(
        root: Tag,
        whose: (Committee, PartyId),
        start: LedgerStart,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let restored = Restored::read(whose.0, records)?;
        let slots = restored.slots.into_values();
        let Restored { certified, documents, evidence, .. } = restored;
        Ok(Self::new(root, whose, start, slots, certified, documents, evidence))
    }

    /// What shows to others that members were faulty.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.evidence.values()
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

    /// How many outcomes are here.
    pub fn certified(&self) -> u64 {
        self.certified.len() as u64
    }

    /// The certificate of a decision.
    pub fn certificate(&self, decision: &Digest) -> Option<&Certificate> {
        let position = self.ledger.find(decision)?.position;
        Some(&self.certified.get(&position)?.certificate)
    }

    /// The document of a decision, if it is here.
    pub fn document(&self, decision: &Digest) -> Option<&Bytes> {
        self.documents.get(&self.ledger.find(decision)?.id)
    }

    /// The network's signature over the document of a decision that was accepted.
    pub fn document_signature(&self, decision: &Digest) -> Option<&GroupSignature> {
        let position = self.ledger.find(decision)?.position;
        self.certified.get(&position)?.document.as_ref()
    }

    /// All decisions, in order.
    pub fn decisions(&self) -> impl Iterator<Item = DecisionView> {
        self.ledger.entries().iter().filter_map(|entry| self.view_of(entry))
    }

    /// One decision.
    pub fn decision(&self, decision: &Digest) -> Option<DecisionView> {
        self.view_of(self.ledger.find(decision)?)
    }

    fn view_of(&self, entry: &Entry) -> Option<DecisionView> {
        let certified = self.certified.get(&entry.position)?;
        let here = self.documents.contains_key(&entry.id);
        let mut view = DecisionView::new(entry.digest, entry.id.proposer, &entry.proposal, here);
        view.certified(entry.position, &certified.certificate.statement);
        view.i_voted = view.voted.contains(self.me);
        Some(view)
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
