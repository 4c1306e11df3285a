//! Proposals and the order they get: broadcasts of proposals, and slots of the ledger (P1, P2).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::agreement::rbc::{self, Delivery, Mode, Rbc};
use crate::committee::{Committee, PartyId, PartyMap};
use crate::decision::ledger::{Ledger, SlotSummary};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::slot::{self, Agreed, Known, Slot};
use crate::decision::stock::Amount;
use crate::fault::{DecisionFault, Fault};
use crate::limits;
use crate::party::early::Early;
use crate::party::event::{Answer, Notice, Refusal, RequestId};
use crate::party::records::{Key, delete, put};
use crate::party::sink::Sink;
use crate::party::turning::Turning;
use crate::party::{CoinShare, Message, Party, Suite};
use crate::protocol::{Job, Outbox, Protocol, Recipient};
use crate::wire::{self, Bytes};

/// What is known here, for slots.
struct Here<'a> {
    waiting: &'a BTreeMap<ProposalId, Proposal>,
    ledger: &'a Ledger,
    turning: &'a Turning,
}

impl Known for Here<'_> {
    fn proposal(&self, id: &ProposalId) -> bool {
        self.waiting.contains_key(id) || self.ledger.contains(id)
    }

    fn refresh(&self, position: u64) -> bool {
        self.turning.accepted(position)
    }
}

/// Proposals without a position, and the slots that give them one.
pub(super) struct Ordering<S: Suite> {
    broadcasts: BTreeMap<ProposalId, Rbc>,
    /// Our own, on their way: not delivered yet.
    own: BTreeMap<ProposalId, Proposal>,
    /// Delivered, without a position.
    waiting: BTreeMap<ProposalId, Proposal>,
    /// Broadcasts that were going on when this party restarted: it is silent in them.
    barred: BTreeSet<ProposalId>,
    /// Sequence numbers of each member below which it is silent, having been restored.
    sequences_barred: PartyMap<u64>,
    slots: BTreeMap<u64, Slot<S::Coin>>,
    /// Messages of slots that have not begun here.
    early: Early<slot::Message<CoinShare<S>>>,
    /// Broadcasts in which we have spoken.
    begun: BTreeSet<ProposalId>,
    /// Slots below this may have been begun before a restart: this party is silent in them.
    slots_barred: u64,
    slots_begun: u64,
    /// Results of slots that ended before an earlier one did.
    ended: BTreeMap<u64, Agreed>,
    /// Highest sequence seen of each member.
    sequence: PartyMap<u64>,
}

/// The outbox of a broadcast in which we must be silent: one may ask for what others delivered.
struct Listening<'a>(&'a mut dyn Outbox<rbc::Message>);

impl Outbox<rbc::Message> for Listening<'_> {
    fn send(&mut self, to: Recipient, message: rbc::Message) {
        if matches!(message, rbc::Message::Pull(_)) {
            self.0.send(to, message);
        }
    }

    fn report(&mut self, fault: Fault) {
        self.0.report(fault);
    }

    fn work(&mut self, job: Job<rbc::Message>) {
        self.0.work(job);
    }
}

impl<S: Suite> Ordering<S> {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            broadcasts: BTreeMap::new(),
            own: BTreeMap::new(),
            waiting: BTreeMap::new(),
            barred: BTreeSet::new(),
            sequences_barred: PartyMap::new(committee),
            slots: BTreeMap::new(),
            early: Early::new(committee, limits::MAX_EARLY_BYTES),
            begun: BTreeSet::new(),
            slots_barred: 0,
            slots_begun: 0,
            ended: BTreeMap::new(),
            sequence: PartyMap::new(committee),
        }
    }

    pub(super) fn restore(
        &mut self,
        slots_begun: u64,
        begun: BTreeSet<ProposalId>,
        waiting: BTreeMap<ProposalId, Proposal>,
    ) {
        self.slots_begun = slots_begun;
        self.slots_barred = slots_begun;
        for id in begun.iter().chain(waiting.keys()) {
            self.saw(id);
        }
        self.barred = begun;
        self.waiting = waiting;
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
    fn is_silent(&self, id: &ProposalId) -> bool {
        self.barred.contains(id) || id.sequence < self.sequences_barred[id.proposer]
    }

    /// Bytes of a peer's messages of slots that have not begun.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        self.early.kept_bytes(peer)
    }

    fn saw(&mut self, id: &ProposalId) {
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

    /// Who names a proposal in a slot's value that is not usable here.
    pub(super) fn who_names(&self, id: &ProposalId) -> impl Iterator<Item = PartyId> {
        self.slots.values().flat_map(move |slot| slot.who_names(id))
    }

    /// Forgets all that has no position, for good; returns what it was.
    pub(super) fn forget_unordered(&mut self) -> Vec<(ProposalId, Proposal)> {
        let mut forgotten = std::mem::take(&mut self.waiting);
        forgotten.append(&mut self.own);
        self.barred.clear();
        self.ended.clear();
        for id in forgotten.keys() {
            self.broadcasts.remove(id);
            self.begun.remove(id);
        }
        forgotten.into_iter().collect()
    }

    /// Forgets the broadcast of a proposal that is certified: laggards get the certificate.
    pub(super) fn forget(&mut self, id: &ProposalId) {
        self.broadcasts.remove(id);
        self.begun.remove(id);
    }
}

impl<S: Suite> Party<S> {
    pub(super) fn on_propose(
        &mut self,
        request: RequestId,
        proposal: Proposal,
        document: Option<Bytes>,
        sink: &mut Sink<S>,
    ) {
        let me = self.me();
        if let Err(refusal) = self.check_proposal(&proposal, document.as_ref()) {
            return sink.answer(request, Err(refusal));
        }
        let decision = self.ledger.digest_of(&proposal);
        let id = ProposalId { proposer: me, sequence: self.next_own_sequence().0 };
        self.ordering.saw(&id);
        let before = sink.mark();
        let payload = Bytes::from(wire::encode(&proposal));
        let Some(rbc) = self.broadcast_of(id) else {
            let limit = limits::MAX_OWN_OPEN;
            return sink.answer(request, Err(Refusal::TooManyOpen { limit }));
        };
        let out = &mut sink.outbox().wrap(move |m| Message::Proposal(id, m));
        rbc.broadcast(payload, out).expect("a valid proposal is short, and its instance is new");
        self.ordering.own.insert(id, proposal);
        self.begin_broadcast(id, before, sink);
        if let Some(document) = document {
            self.send_document(id, document, sink);
        }
        sink.answer(request, Ok(Answer::Proposed { decision }));
    }

    fn check_proposal(&self, proposal: &Proposal, document: Option<&Bytes>) -> Result<(), Refusal> {
        let invalid = |reason: &str| Err(Refusal::InvalidProposal(reason.into()));
        if self.returning.is_some() {
            return Err(Refusal::Returning);
        }
        if self.ledger.is_over() {
            return Err(Refusal::EpochOver);
        }
        if let Err(reason) = proposal.validate(self.committee()) {
            return invalid(&reason.to_string());
        }
        let fits = match (&proposal.document, document) {
            (None, None) => true,
            (Some(name), Some(bytes)) => name.names(bytes),
            _ => false,
        };
        if !fits {
            return invalid("the document is not the one that the proposal names");
        }
        if self.proposal(&self.ledger.digest_of(proposal)).is_some() {
            return invalid("the same proposal was made before");
        }
        let me = self.me();
        let open = self.ordering.broadcasts.keys().filter(|id| id.proposer == me).count();
        let (next, end) = self.next_own_sequence();
        if open >= limits::MAX_OWN_OPEN || next >= end {
            return Err(Refusal::TooManyOpen { limit: limits::MAX_OWN_OPEN });
        }
        let with_document = |(id, p): (&ProposalId, &Proposal)| {
            usize::from(id.proposer == me && p.document.is_some())
        };
        let entries = self.deciding.open().map(|decision| decision.entry());
        let open = self.ordering.unordered().chain(entries.map(|e| (&e.id, &e.proposal)));
        if document.is_some() && open.map(with_document).sum::<usize>() >= limits::MAX_OWN_DOCUMENTS
        {
            return Err(Refusal::TooManyDocuments { limit: limits::MAX_OWN_DOCUMENTS });
        }
        Ok(())
    }

    /// The sequence number of our next proposal, and the first that we may not use yet.
    fn next_own_sequence(&self) -> (u64, u64) {
        let me = self.me();
        let first = self.ledger.next_sequence(me).max(self.ordering.sequences_barred[me]);
        (self.ordering.sequence[me].max(first), first.saturating_add(limits::OWN_SEQUENCES))
    }

    /// Whether the broadcast of this proposal may still come to an end here.
    pub(super) fn may_be_broadcast(&self, id: &ProposalId) -> bool {
        let next = self.ledger.next_sequence(id.proposer);
        let window = next.saturating_sub(limits::SEQUENCE_WINDOW)
            ..next.saturating_add(limits::SEQUENCE_WINDOW);
        self.committee().contains(id.proposer)
            && window.contains(&id.sequence)
            && !self.ledger.contains(id)
            && !self.ordering.waiting.contains_key(id)
    }

    /// The broadcast of a proposal, begun now if it is new; `None` outside the window.
    fn broadcast_of(&mut self, id: ProposalId) -> Option<&mut Rbc> {
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
        Some(self.ordering.broadcasts.entry(id).or_insert_with(|| {
            let tag = shared
                .root
                .indexed("proposer", id.proposer.point())
                .indexed("proposal", id.sequence);
            let mode = Mode::Short { limit: limits::MAX_SHORT_PAYLOAD };
            Rbc::new(Arc::clone(&shared.keyring), id.proposer, tag, mode).gated()
        }))
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
        let Some(rbc) = self.broadcast_of(id) else { return };
        let before = sink.mark();
        let out = &mut sink.outbox().wrap(move |m| Message::Proposal(id, m));
        let delivery = if silent {
            rbc.handle(from, message, &mut Listening(out))
        } else {
            rbc.handle(from, message, out)
        };
        if !silent {
            self.begin_broadcast(id, before, sink);
            self.try_approve(id, sink);
        }
        if let Some(Delivery::Payload(payload)) = delivery
            && let Some(proposal) = self.read_proposal(&payload)
        {
            if !self.ledger.contains(&id) {
                self.on_delivered(id, proposal, sink);
            }
            self.recheck_slots(sink);
        }
    }

    /// A proposal is delivered, and so is its document: it waits for a position.
    pub(super) fn admit(&mut self, id: ProposalId, proposal: Proposal, sink: &mut Sink<S>) {
        let decision = self.ledger.digest_of(&proposal);
        sink.persist(vec![put(&Key::Waiting(id), &proposal), delete(&Key::Begun(id))]);
        self.ordering.own.remove(&id);
        self.ordering.waiting.insert(id, proposal);
        sink.notify(Notice::Proposed { decision });
    }

    fn read_proposal(&self, payload: &[u8]) -> Option<Proposal> {
        let proposal: Proposal = wire::decode(payload, limits::MAX_SHORT_PAYLOAD).ok()?;
        proposal.validate(self.committee()).ok()?;
        Some(proposal)
    }

    /// ECHO only what is well formed, and while its proposer has not too much open.
    fn try_approve(&mut self, id: ProposalId, sink: &mut Sink<S>) {
        if self.ordering.is_silent(&id) {
            return;
        }
        let Some(payload) = self.ordering.broadcasts.get(&id).and_then(Rbc::held).cloned() else {
            return;
        };
        if self.read_proposal(&payload).is_none() {
            sink.outbox().blame(id.proposer, DecisionFault::MalformedProposal);
            return;
        }
        if self.open_by(id.proposer) < limits::MAX_OPEN_PER_MEMBER
            && let Some(rbc) = self.ordering.broadcasts.get_mut(&id)
        {
            let before = sink.mark();
            rbc.approve(&mut sink.outbox().wrap(move |m| Message::Proposal(id, m)));
            self.begin_broadcast(id, before, sink);
        }
    }

    /// Writes down that we speak in this broadcast, before anything sent since `before`. What others
    /// say alone writes nothing: a peer could bar us from a broadcast that its sender never began.
    fn begin_broadcast(&mut self, id: ProposalId, before: usize, sink: &mut Sink<S>) {
        if sink.mark() > before && self.ordering.begun.insert(id) {
            sink.persist_at(before, vec![put(&Key::Begun(id), &())]);
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
        Some(self.ordering.slots.entry(slot).or_insert_with(|| {
            let tag = shared.root.indexed("slot", slot);
            Slot::new(Arc::clone(&shared.keyring), tag, Arc::clone(&shared.coin))
        }))
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
        let wanted = slot == self.ledger.next_slot() && !self.ordering.waiting.is_empty();
        if !begun && !self.ordering.early.admit(slot, from) && !wanted {
            return self.ordering.early.keep(slot, from, message);
        }
        for (from, message) in self.ordering.early.take(slot) {
            self.handle_slot_message(from, slot, message, sink);
        }
        self.handle_slot_message(from, slot, message, sink);
    }

    fn handle_slot_message(
        &mut self,
        from: PartyId,
        slot: u64,
        message: slot::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        if self.slot(slot).is_none() {
            return;
        }
        self.begin_slot(slot, sink);
        let (ordering, ledger) = (&mut self.ordering, &self.ledger);
        let known = Here { waiting: &ordering.waiting, ledger, turning: &self.turning };
        let Some(instance) = ordering.slots.get_mut(&slot) else { return };
        let out = &mut sink.outbox().wrap(move |m| Message::Slot(slot, m));
        let ended = instance.handle(from, message, &known, out);
        if let Some(agreed) = ended {
            self.end_slot(slot, agreed, sink);
        }
        self.ask_who_names(sink);
    }

    pub(super) fn recheck_slots(&mut self, sink: &mut Sink<S>) {
        let numbers: Vec<u64> = self.ordering.slots.keys().copied().collect();
        for slot in numbers {
            let (ordering, ledger) = (&mut self.ordering, &self.ledger);
            let known = Here { waiting: &ordering.waiting, ledger, turning: &self.turning };
            let Some(instance) = ordering.slots.get_mut(&slot) else { continue };
            let out = &mut sink.outbox().wrap(move |m| Message::Slot(slot, m));
            if let Some(agreed) = instance.recheck(&known, out) {
                self.end_slot(slot, agreed, sink);
            }
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
        let Some(Agreed { ids, turn }) = self.ordering.ended.remove(&next) else { return false };
        let proposals = ids
            .into_iter()
            .filter(|id| !self.ledger.contains(id))
            .filter_map(|id| Some((id, self.ordering.waiting.get(&id)?.clone())))
            .collect();
        self.apply_slot(SlotSummary { proposals, turn }, sink);
        true
    }

    /// Appends the next slot to the ledger, writes it down, and opens its decisions.
    pub(super) fn apply_slot(&mut self, summary: SlotSummary, sink: &mut Sink<S>) {
        let slot = self.ledger.next_slot();
        let mut records = vec![put(&Key::Slot(slot), &summary)];
        records.extend(summary.proposals.iter().map(|(id, _)| delete(&Key::Waiting(*id))));
        sink.persist(records);
        for position in self.append(summary.clone()) {
            let follows = slot < self.ordering.slots_barred;
            self.opened(position, follows, sink);
        }
        self.documents_ordered(&summary, sink);
        self.ordering.early.forget_before(slot + 1);
        self.ordering.slots.retain(|number, _| *number + limits::SLOTS_KEPT > slot);
        self.tell_slot(slot, summary, sink);
        if self.ledger.is_over() {
            self.end_epoch(sink);
        }
        self.recheck_slots(sink);
    }

    /// Appends a slot; returns the new positions.
    pub(super) fn append(&mut self, summary: SlotSummary) -> std::ops::Range<u64> {
        for (id, _) in &summary.proposals {
            self.ordering.saw(id);
            self.ordering.waiting.remove(id);
            self.ordering.own.remove(id);
            self.ordering.barred.remove(id);
        }
        // A copy of an earlier proposal gets no position, and so no certificate to forget it at.
        for (id, proposal) in &summary.proposals {
            if self.ledger.find(&self.ledger.digest_of(proposal)).is_some() {
                self.ordering.forget(id);
            }
        }
        let (n, stock) = (self.shared.committee().n(), &mut self.stock);
        let claim = |proposal: &Proposal| stock.claim(Amount::of(proposal, n));
        let first = self.ledger.append(summary, claim);
        if self.ledger.is_over() {
            self.stock.close();
        }
        first..self.ledger.next_position()
    }

    /// Names what waits for a position in the next slot, and a turn of the epoch (O1, O5), if there
    /// is anything.
    pub(super) fn maintain_ordering(&mut self, sink: &mut Sink<S>) {
        let (slot, turn) = (self.ledger.next_slot(), self.next_turn());
        if self.ledger.is_over()
            || (self.ordering.waiting.is_empty() && turn.is_none())
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
            let out = &mut sink.outbox().wrap(move |m| Message::Slot(slot, m));
            instance.propose(&waiting, turn, out).expect("proposed once");
        }
        for (from, message) in self.ordering.early.take(slot) {
            self.handle_slot_message(from, slot, message, sink);
        }
    }

    /// Coins tossed in slots that are still kept.
    pub(super) fn slot_coins(&self) -> u64 {
        self.ordering.slots.values().map(|slot| u64::from(slot.coins_tossed())).sum()
    }
}
