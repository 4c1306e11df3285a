//! Proposals and the order they get: broadcasts of proposals, and slots of the ledger (P1, P2).

use std::collections::BTreeMap;

use crate::agreement::rbc::{self, Delivery, Rbc};
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::decision::ledger::{Ledger, SlotSummary};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::slot::{self, Agreed, Known, Slot};
use crate::decision::stock::Amount;
use crate::fault::{DecisionFault, Fault};
use crate::limits;
use crate::party::early::Early;
use crate::party::event::Notice;
use crate::party::journal::{Call, Instance};
use crate::party::listening::Listening;
use crate::party::records::{Key, delete, put};
use crate::party::sink::Sink;
use crate::party::turning::Turning;
use crate::party::{CoinShare, Message, Party, Suite};
use crate::protocol::{Outbox, Protocol};
use crate::wire::Bytes;

/// What is known here, for slots.
struct Here<'a> {
    waiting: &'a BTreeMap<ProposalId, Proposal>,
    ledger: &'a Ledger,
    turning: &'a Turning,
}

impl Known for Here<'_> {
    fn proposal(&self, id: &ProposalId) -> bool {
        self.waiting.contains_key(id) || self.ledger.contains(id) || self.ledger.is_stale(id)
    }

    fn refresh(&self, position: u64) -> bool {
        self.turning.accepted(position)
    }
}

/// Proposals without a position, and the slots that give them one.
pub(super) struct Ordering<S: Suite> {
    pub(super) broadcasts: BTreeMap<ProposalId, Rbc>,
    /// Our own, on their way: not delivered yet.
    pub(super) own: BTreeMap<ProposalId, Proposal>,
    /// Delivered, without a position.
    pub(super) waiting: BTreeMap<ProposalId, Proposal>,
    /// Sequence numbers of each member below which it is silent, having been restored.
    pub(super) sequences_barred: PartyMap<u64>,
    pub(super) slots: BTreeMap<u64, Slot<S::Coin>>,
    /// Messages of slots that have not begun here.
    pub(super) early: Early<slot::Message<CoinShare<S>>>,
    /// Slots below this may have been spoken in before this party was restored: it is silent in them.
    slots_barred: u64,
    slots_begun: u64,
    /// Results of slots that ended before an earlier one did.
    pub(super) ended: BTreeMap<u64, Agreed>,
    /// One more than the highest sequence seen of each member.
    pub(super) sequence: PartyMap<u64>,
}

impl<S: Suite> Ordering<S> {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            broadcasts: BTreeMap::new(),
            own: BTreeMap::new(),
            waiting: BTreeMap::new(),
            sequences_barred: PartyMap::new(committee),
            slots: BTreeMap::new(),
            early: Early::new(committee, limits::MAX_EARLY_BYTES),
            slots_barred: 0,
            slots_begun: 0,
            ended: BTreeMap::new(),
            sequence: PartyMap::new(committee),
        }
    }

    pub(super) fn restore(
        &mut self,
        slots_begun: u64,
        slots_barred: u64,
        waiting: BTreeMap<ProposalId, Proposal>,
    ) {
        self.slots_begun = slots_begun;
        self.slots_barred = slots_barred;
        for id in waiting.keys() {
            self.saw(id);
        }
        self.waiting = waiting;
    }

    /// Sequence numbers of each member below which this party is silent.
    pub(super) fn bar_sequences(&mut self, sequences: PartyMap<u64>) {
        self.sequences_barred = sequences;
    }

    /// Makes this party silent in all slots and broadcasts before these, and in none after.
    pub(super) fn bar(&mut self, slots: u64, sequences: PartyMap<u64>) {
        self.slots_begun = slots;
        self.slots_barred = slots;
        self.sequences_barred = sequences;
    }

    /// Whether this party may not take part in a slot, having restarted meanwhile.
    pub(super) const fn is_barred(&self, slot: u64) -> bool {
        slot < self.slots_barred
    }

    /// Slots below this may have been spoken in.
    pub(super) const fn slots_begun(&self) -> u64 {
        self.slots_begun
    }

    /// Whether this party must be silent in a broadcast: it may have spoken in it before.
    pub(super) fn is_silent(&self, id: &ProposalId) -> bool {
        id.sequence < self.sequences_barred[id.proposer]
    }

    /// Bytes of a peer's messages of slots that have not begun.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        self.early.kept_bytes(peer)
    }

    pub(super) fn saw(&mut self, id: &ProposalId) {
        let next = &mut self.sequence[id.proposer];
        *next = (*next).max(id.sequence + 1);
    }

    /// Proposals without a position that are known here: delivered, or our own.
    pub(super) fn unordered(&self) -> impl Iterator<Item = (&ProposalId, &Proposal)> {
        self.waiting.iter().chain(&self.own)
    }

    /// Whether a proposal is delivered and has no position yet.
    pub(super) fn is_waiting(&self, id: &ProposalId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Members whose values are here in a slot that is going on.
    pub(super) fn named(&self, slot: u64) -> PartySet {
        self.slots.get(&slot).map_or(PartySet::EMPTY, Slot::named)
    }

    /// Who names a proposal in a slot's value that is not usable here.
    pub(super) fn who_names(&self, id: &ProposalId) -> impl Iterator<Item = PartyId> {
        self.slots.values().flat_map(move |slot| slot.who_names(id))
    }

    /// Forgets all that has no position, for good; returns what it was.
    pub(super) fn forget_unordered(&mut self) -> Vec<(ProposalId, Proposal)> {
        let mut forgotten = std::mem::take(&mut self.waiting);
        forgotten.append(&mut self.own);
        self.ended.clear();
        for id in forgotten.keys() {
            self.broadcasts.remove(id);
        }
        forgotten.into_iter().collect()
    }

    /// Forgets the broadcast of a proposal that is certified: laggards get the certificate.
    pub(super) fn forget(&mut self, id: &ProposalId) {
        self.broadcasts.remove(id);
    }
}

impl<S: Suite> Party<S> {
    /// Whether the broadcast of this proposal may still come to an end here.
    pub(super) fn may_be_broadcast(&self, id: &ProposalId) -> bool {
        let next = self.ledger.next_sequence(id.proposer);
        let window =
            next.saturating_sub(limits::SEQUENCE_WINDOW)..self.ledger.window_end(id.proposer);
        self.committee().contains(id.proposer)
            && window.contains(&id.sequence)
            && !self.ledger.contains(id)
            && !self.ordering.waiting.contains_key(id)
    }

    /// The broadcast of a proposal, begun now if it is new; `None` outside the window.
    pub(super) fn broadcast_of(&mut self, id: ProposalId) -> Option<&mut Rbc> {
        if self.ledger.is_over() && !self.ledger.contains(&id) {
            return None;
        }
        let new = !self.ordering.broadcasts.contains_key(&id);
        // Nobody but us begins our broadcasts, or a peer could use up our numbers.
        if id.proposer == self.me()
            && id.sequence >= self.ordering.sequence[id.proposer]
            && !self.ordering.is_silent(&id)
        {
            return None;
        }
        if new && !self.may_be_broadcast(&id) {
            return None;
        }
        let shared = &self.shared;
        Some(self.ordering.broadcasts.entry(id).or_insert_with(|| shared.broadcast(id)))
    }

    pub(super) fn on_proposal_message(
        &mut self,
        from: PartyId,
        id: ProposalId,
        message: rbc::Message,
        sink: &mut Sink<S>,
    ) {
        if !self.committee().contains(id.proposer) {
            return;
        }
        let silent = self.ordering.is_silent(&id);
        let me = self.me();
        self.note_unheard(from, id);
        let Some(rbc) = self.broadcast_of(id) else { return };
        if !sink.journal.hear(Instance::Proposal(id), (me, from), &message) {
            return;
        }
        let out = &mut sink.outbox().wrap(move |m| Message::Proposal(id, m));
        let delivery = if silent {
            rbc.handle(from, message, &mut Listening(out))
        } else {
            rbc.handle(from, message, out)
        };
        if !silent {
            self.try_approve(id, sink);
        }
        if let Some(Delivery::Payload(payload)) = delivery {
            self.on_payload(id, &payload, sink);
        }
    }

    /// A proposal is delivered, now or before a restart.
    pub(super) fn on_payload(&mut self, id: ProposalId, payload: &Bytes, sink: &mut Sink<S>) {
        let proposal = Proposal::read(payload, self.committee());
        if let Some(proposal) = proposal.filter(|proposal| self.brings_new_keys(proposal)) {
            if !self.ledger.contains(&id) && !self.ledger.is_stale(&id) {
                self.on_delivered(id, proposal, sink);
            }
            self.recheck_slots(sink);
        }
    }

    /// A proposal is delivered, and so is its document: it waits for a position.
    pub(super) fn admit(&mut self, id: ProposalId, proposal: Proposal, sink: &mut Sink<S>) {
        let decision = self.ledger.digest_of(&proposal);
        sink.persist(vec![put(&Key::Waiting(id), &proposal)]);
        self.ordering.own.remove(&id);
        self.ordering.waiting.insert(id, proposal);
        sink.notify(Notice::Proposed { decision });
    }

    /// ECHO only what is well formed, and while its proposer has not too much open.
    fn try_approve(&mut self, id: ProposalId, sink: &mut Sink<S>) {
        if self.ordering.is_silent(&id) {
            return;
        }
        let Some(payload) = self.ordering.broadcasts.get(&id).and_then(Rbc::held).cloned() else {
            return;
        };
        let read = Proposal::read(&payload, self.committee());
        if read.as_ref().is_some_and(|proposal| !self.brings_new_keys(proposal)) {
            return;
        }
        if read.is_none() {
            let kind = DecisionFault::MalformedProposal.into();
            let fault = Fault { party: id.proposer, kind };
            match self.ordering.broadcasts.get(&id).and_then(Rbc::signed) {
                Some(proof) => sink.convict(fault, proof),
                None => sink.report(fault),
            }
            return;
        }
        if self.open_by(id.proposer) < limits::MAX_OPEN_PER_MEMBER
            && let Some(rbc) = self.ordering.broadcasts.get_mut(&id)
        {
            sink.journal.call(Instance::Proposal(id), Call::Approve);
            rbc.approve(&mut sink.outbox().wrap(move |m| Message::Proposal(id, m)));
        }
    }

    /// To be called when a decision ends: its proposer may have another one open.
    pub(super) fn approve_held(&mut self, proposer: PartyId, sink: &mut Sink<S>) {
        let ids: Vec<_> =
            self.ordering.broadcasts.keys().filter(|id| id.proposer == proposer).copied().collect();
        for id in ids {
            self.try_approve(id, sink);
        }
    }

    fn open_by(&self, proposer: PartyId) -> usize {
        let waiting = self.ordering.waiting.keys().filter(|id| id.proposer == proposer).count();
        waiting + self.documents.aside_of(proposer) + self.deciding.open_by(proposer)
    }

    fn slot(&mut self, slot: u64) -> Option<&mut Slot<S::Coin>> {
        let next = self.ledger.next_slot();
        let after_last = slot >= next && self.ledger.is_over();
        if slot < self.ordering.slots_barred || slot >= next + limits::SLOT_WINDOW || after_last {
            return None;
        }
        if slot < next && !self.ordering.slots.contains_key(&slot) {
            return None;
        }
        let shared = &self.shared;
        Some(self.ordering.slots.entry(slot).or_insert_with(|| shared.slot(slot)))
    }

    /// Writes down that we speak in this slot, before we do.
    fn begin_slot(&mut self, slot: u64, sink: &mut Sink<S>) {
        if slot >= self.ordering.slots_begun {
            self.ordering.slots_begun = slot + 1;
            sink.persist(vec![put(&Key::SlotsBegun, &self.ordering.slots_begun)]);
        }
    }

    pub(super) fn on_slot_message(
        &mut self,
        from: PartyId,
        slot: u64,
        message: slot::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        if slot >= self.ledger.next_slot() && self.ledger.is_over() {
            return;
        }
        if slot >= self.ledger.next_slot() + limits::SLOT_WINDOW {
            self.speaks_of_slot(from, slot, sink);
            return;
        }
        let next = self.ledger.next_slot();
        if slot > next || slot == next && self.ordering.is_barred(slot) {
            self.speaks_of_slot(from, slot, sink);
        }
        let begun = self.ordering.slots.contains_key(&slot);
        if !begun && (slot < self.ledger.next_slot() || slot < self.ordering.slots_barred) {
            return;
        }
        let wanted = slot == self.ledger.next_slot()
            && (!self.ordering.waiting.is_empty() || self.is_for_returned());
        if !begun && !self.ordering.early.admit(slot, from) && !wanted {
            let note = |m: &_| sink.journal.keep(Instance::Slot(slot), from, m);
            return self.ordering.early.keep(slot, from, message, note);
        }
        self.take_early_slot(slot, sink);
        if self.slot(slot).is_some()
            && sink.journal.hear(Instance::Slot(slot), (self.me(), from), &message)
        {
            self.handle_slot_message(from, slot, message, sink);
        }
    }

    /// Handles what came for a slot before it began here.
    fn take_early_slot(&mut self, slot: u64, sink: &mut Sink<S>) {
        for (from, message) in self.ordering.early.take(slot) {
            if self.slot(slot).is_some() {
                sink.journal.call(Instance::Slot(slot), Call::Late);
                self.handle_slot_message(from, slot, message, sink);
            }
        }
    }

    /// Handles a message of a slot that is there, and noted.
    fn handle_slot_message(
        &mut self,
        from: PartyId,
        slot: u64,
        message: slot::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        self.begin_slot(slot, sink);
        let Some(instance) = self.ordering.slots.get_mut(&slot) else { return };
        let out = &mut sink.outbox().wrap(move |m| Message::Slot(slot, m));
        match instance.handle(from, message, out) {
            Some(agreed) => self.end_slot(slot, agreed, sink),
            None => self.recheck_slot(slot, sink),
        }
        self.ask_who_names(sink);
    }

    pub(super) fn recheck_slots(&mut self, sink: &mut Sink<S>) {
        let numbers: Vec<u64> = self.ordering.slots.keys().copied().collect();
        for slot in numbers {
            self.recheck_slot(slot, sink);
        }
    }

    fn recheck_slot(&mut self, slot: u64, sink: &mut Sink<S>) {
        let (ordering, ledger) = (&mut self.ordering, &self.ledger);
        let known = Here { waiting: &ordering.waiting, ledger, turning: &self.turning };
        let Some(instance) = ordering.slots.get_mut(&slot) else { return };
        let mut ended = None;
        for member in instance.now_usable(&known).iter() {
            sink.journal.call(Instance::Slot(slot), Call::Usable(member));
            let out = &mut sink.outbox().wrap(move |m| Message::Slot(slot, m));
            ended = instance.usable(member, out).or(ended);
        }
        if let Some(agreed) = ended {
            self.end_slot(slot, agreed, sink);
        }
    }

    fn end_slot(&mut self, slot: u64, agreed: Agreed, sink: &mut Sink<S>) {
        if slot < self.ledger.next_slot() {
            return; // adopted from others meanwhile
        }
        self.ordering.ended.insert(slot, agreed);
        while self.apply_ended_slot(sink) {}
    }

    /// Applies the next slot if it has ended here.
    pub(super) fn apply_ended_slot(&mut self, sink: &mut Sink<S>) -> bool {
        let next = self.ledger.next_slot();
        self.ordering.ended = self.ordering.ended.split_off(&next);
        let Some(Agreed { ids, turn, returned }) = self.ordering.ended.remove(&next) else {
            return false;
        };
        let proposals = ids
            .into_iter()
            .filter(|id| !self.ledger.contains(id) && !self.ledger.is_stale(id))
            .filter_map(|id| Some((id, self.ordering.waiting.get(&id)?.clone())))
            .collect();
        self.apply_slot(SlotSummary { proposals, turn, returned }, sink);
        true
    }

    /// Appends the next slot to the ledger, writes it down, and opens its decisions.
    pub(super) fn apply_slot(&mut self, summary: SlotSummary, sink: &mut Sink<S>) {
        let slot = self.ledger.next_slot();
        let mut records = vec![put(&Key::Slot(slot), &summary)];
        records.extend(summary.proposals.iter().map(|(id, _)| delete(&Key::Waiting(*id))));
        sink.persist(records);
        let opened = self.append(summary.clone());
        // A copy of an earlier proposal gets no position, and so no certificate to forget it at.
        for (id, proposal) in &summary.proposals {
            let first = self.ledger.find(&self.ledger.digest_of(proposal));
            if first.is_none_or(|entry| entry.id != *id) {
                self.forget_broadcast(id, sink);
            }
        }
        self.forget_stale(sink);
        self.ask_for_unheard(sink);
        for position in opened {
            let follows = slot < self.ordering.slots_barred;
            self.opened(position, follows, sink);
        }
        self.documents_ordered(&summary, sink);
        self.ordering.early.forget_before(slot + 1);
        if let Some(old) = slot.checked_sub(limits::SLOTS_KEPT) {
            self.ordering.slots.remove(&old);
            sink.journal.drop(Instance::Slot(old));
        }
        self.tell_slot(slot, summary, sink);
        if self.ledger.is_over() {
            self.end_epoch(sink);
        }
        self.recheck_slots(sink);
    }

    /// Forgets what gets no position any more, but for our own proposals: these are broadcast again.
    fn forget_stale(&mut self, sink: &mut Sink<S>) {
        let stale = |id: &&ProposalId| self.ledger.is_stale(id);
        let waiting: Vec<ProposalId> =
            self.ordering.waiting.keys().filter(stale).copied().collect();
        let broadcasts: Vec<ProposalId> =
            self.ordering.broadcasts.keys().filter(stale).copied().collect();
        for id in &waiting {
            sink.persist(vec![delete(&Key::Waiting(*id))]);
            let proposal = self.ordering.waiting.remove(id).filter(|_| id.proposer == self.me());
            self.ordering.own.extend(proposal.map(|proposal| (*id, proposal)));
        }
        self.propose_again(sink);
        for id in waiting.iter().chain(&broadcasts) {
            self.forget_broadcast(id, sink);
            self.discard_document(id, sink);
        }
        for proposer in self.committee().parties() {
            self.approve_held(proposer, sink);
        }
    }

    /// Appends a slot; returns the new positions.
    pub(super) fn append(&mut self, summary: SlotSummary) -> std::ops::Range<u64> {
        for (id, _) in &summary.proposals {
            self.ordering.saw(id);
            self.ordering.waiting.remove(id);
            self.ordering.own.remove(id);
        }
        let (n, stock) = (self.shared.committee().n(), &mut self.stock);
        let claim = |proposal: &Proposal| stock.claim(Amount::of(proposal, n));
        let first = self.ledger.append(summary, claim);
        if self.ledger.is_over() {
            self.stock.close();
        }
        first..self.ledger.next_position()
    }

    /// Names what waits for a position in the next slot, a turn of the epoch, and who came back (O1, O5,
    /// O6), if there is anything.
    pub(super) fn maintain_ordering(&mut self, sink: &mut Sink<S>) {
        let (slot, turn, returned) = (self.ledger.next_slot(), self.next_turn(), self.returned());
        if self.ledger.is_over()
            || (self.ordering.waiting.is_empty() && turn.is_none() && !self.is_for_returned())
            || slot < self.ordering.slots_barred
            || !self.catching_up.heard_a_quorum(self.committee())
        {
            return;
        }
        let proposed = self.slot(slot).is_none_or(|instance| instance.proposed());
        if proposed {
            return;
        }
        self.begin_slot(slot, sink);
        let waiting: Vec<ProposalId> = self.ordering.waiting.keys().copied().collect();
        if let Some(instance) = self.slot(slot) {
            sink.journal.call(Instance::Slot(slot), Call::Propose(waiting.clone(), turn, returned));
            let out = &mut sink.outbox().wrap(move |m| Message::Slot(slot, m));
            instance.propose(&waiting, turn, returned, out).expect("proposed once");
        }
        self.take_early_slot(slot, sink);
    }

    /// Forgets the broadcast of a proposal that nobody needs any more.
    pub(super) fn forget_broadcast(&mut self, id: &ProposalId, sink: &mut Sink<S>) {
        self.ordering.forget(id);
        sink.journal.drop(Instance::Proposal(*id));
    }

    /// Coins tossed in slots that are still kept.
    pub(super) fn slot_coins(&self) -> u64 {
        self.ordering.slots.values().map(|slot| u64::from(slot.coins_tossed())).sum()
    }
}
