//! Documents: the files that members ask the network to sign.
//!
//! # Model
//! As for the party. A proposal names its document by length and hash, and is reliably broadcast: all
//! that is left to do for the document is to bring it to everybody. Whatever bytes have that name
//! are the document, whoever they come from.
//!
//! # Guarantees
//! - A proposal counts as delivered only where its document is: nobody votes on what cannot be read.
//! - Once it counts as delivered at one honest party, it does so in the end at all.
//! - A document that does not fit its proposal is taken by nobody.
//!
//! Not guaranteed: that a document stays. The last [`limits::DOCUMENTS_KEPT`] of decisions that are
//! certified are kept for those who lag; the rest is forgotten.
//!
//! # Protocol
//! - (F1) The proposer sends the document to all, beside the broadcast of the proposal, and again if it
//!   restarts before the proposal has a position.
//! - (F2) A party takes a document that fits a delivered proposal. One from the proposer is kept until
//!   the proposal is delivered, too: a few of each member, the newest.
//! - (F3) A proposal that is delivered without its document is put aside: it is named in no slot, and
//!   no slot's value that names it is usable.
//! - (F4) Who names a proposal in a slot says that it has the document: ask for it up to `t + 1` of
//!   those who do. One of them is honest.
//! - (F5) Where a proposal has a position and its document is not here (the slot was adopted from
//!   others, or this party restarted), ask everybody.
//! - (F6) Answer each member a few times for each document: it may restart and ask again. Ask a member
//!   again that has restarted: its answer may be lost.
//! - (F7) A second copy of a proposal, under another number or by another member, takes the document of
//!   the first. Where the first has a position, it needs none: it gets no position, and who had its
//!   document may have forgotten it.
//!
//! # Why it works
//! Where a proposal counts as delivered, an honest party names it in slots until it has a position,
//! and holds its document until the decision is certified: F4 and F5 reach it. What has a
//! position was usable to an honest party.
//!
//! # Cost
//! The proposer sends the document to each member once. Whoever lacks it gets up to `t + 1` copies,
//! and one that lags up to `n - 1`. State: the documents of open proposals, and [`limits`].

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::committee::{PartyId, PartySet};
use crate::crypto::Digest;
use crate::decision::ledger::SlotSummary;
use crate::decision::proposal::{DocumentRef, Proposal, ProposalId};
use crate::fault::DecisionFault;
use crate::limits;
use crate::party::records::{Key, delete, put};
use crate::party::sink::Sink;
use crate::party::{Party, Suite};
use crate::wire::Bytes;

/// A message about the document of a proposal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The document (F1, F6).
    Send(Bytes),
    /// Send it to me (F4, F5).
    Ask,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(_) => "SEND",
            Self::Ask => "ASK",
        })
    }
}

/// Documents here, and what there is to do about others.
#[derive(Default)]
pub(super) struct Documents {
    /// Of proposals that are known here.
    held: BTreeMap<ProposalId, Bytes>,
    /// From their proposers, before the proposal (F2).
    early: BTreeMap<ProposalId, Bytes>,
    /// Proposals that lack theirs (F3).
    aside: BTreeMap<ProposalId, Proposal>,
    /// Whom we asked.
    asked: BTreeMap<ProposalId, PartySet>,
    /// How often we answered.
    answered: BTreeMap<(ProposalId, PartyId), usize>,
    /// Held ones of decisions that are certified, the oldest first.
    kept: VecDeque<ProposalId>,
}

impl Documents {
    /// The document of a proposal.
    pub(super) fn get(&self, id: &ProposalId) -> Option<&Bytes> {
        self.held.get(id)
    }

    /// All documents here.
    pub(super) fn held(&self) -> BTreeMap<ProposalId, Bytes> {
        self.held.clone()
    }

    /// Proposals of a member that are delivered without their documents.
    pub(super) fn aside_of(&self, proposer: PartyId) -> usize {
        self.aside.keys().filter(|id| id.proposer == proposer).count()
    }

    /// Bytes of a member's documents whose proposals are not here.
    pub(super) fn kept_bytes(&self, proposer: PartyId) -> usize {
        let kept = self.early.iter().filter(|(id, _)| id.proposer == proposer);
        kept.map(|(_, bytes)| bytes.len()).sum()
    }

    /// Keeps a document that came before its proposal, among the newest of its proposer.
    fn keep_early(&mut self, id: ProposalId, bytes: Bytes) {
        self.early.entry(id).or_insert(bytes);
        let of_proposer = |sequence| ProposalId { proposer: id.proposer, sequence };
        let mut all = self.early.range(of_proposer(0)..=of_proposer(u64::MAX));
        let oldest = all.next().map(|(oldest, _)| *oldest);
        if all.count() >= limits::EARLY_DOCUMENTS {
            oldest.and_then(|oldest| self.early.remove(&oldest));
        }
    }

    /// Forgets all about the document of a proposal.
    fn forget(&mut self, id: &ProposalId) {
        self.held.remove(id);
        self.early.remove(id);
        self.aside.remove(id);
        self.asked.remove(id);
        self.answered.retain(|(of, _), _| of != id);
    }
}

impl<S: Suite> Party<S> {
    /// The document of a decision, if it is here.
    pub fn document(&self, decision: &Digest) -> Option<&Bytes> {
        let waiting = || {
            let mut unordered = self.ordering.unordered();
            let found = unordered.find(|(_, p)| self.ledger.digest_of(p) == *decision);
            found.map(|(id, _)| *id)
        };
        let id = self.ledger.find(decision).map(|entry| entry.id).or_else(waiting)?;
        self.documents.get(&id)
    }

    /// F1: the document of our own proposal, which is about to be broadcast.
    pub(super) fn send_document(&mut self, id: ProposalId, bytes: Bytes, sink: &mut Sink<S>) {
        sink.persist(vec![put(&Key::Document(id), &bytes)]);
        self.documents.held.insert(id, bytes.clone());
        self.broadcast_document(id, bytes, sink);
    }

    fn broadcast_document(&self, id: ProposalId, bytes: Bytes, sink: &mut Sink<S>) {
        sink.outbox().multicast(super::Message::Document(id, Message::Send(bytes)));
    }

    /// Brings back the documents that were written down.
    pub(super) fn restore_documents(&mut self, held: BTreeMap<ProposalId, Bytes>) {
        let certified = self.ledger.entries().iter().filter(|entry| {
            held.contains_key(&entry.id) && self.deciding.certified(entry.position).is_some()
        });
        self.documents.kept = certified.map(|entry| entry.id).collect();
        self.documents.held = held;
    }

    /// After a restart: F1 for our own that are not delivered, F5 for what has a position.
    pub(super) fn start_documents(&mut self, sink: &mut Sink<S>) {
        let held: Vec<ProposalId> = self.documents.held.keys().copied().collect();
        for id in held {
            let delivered = self.ledger.contains(&id) || self.ordering.is_waiting(&id);
            match self.documents.get(&id).cloned() {
                Some(bytes) if !delivered && self.may_be_broadcast(&id) => {
                    self.broadcast_document(id, bytes, sink);
                }
                Some(_) if !delivered => self.discard_document(&id, sink),
                _ => {}
            }
        }
        self.seek_documents(sink);
    }

    /// A proposal is delivered (F3).
    pub(super) fn on_delivered(&mut self, id: ProposalId, proposal: Proposal, sink: &mut Sink<S>) {
        let early = self.documents.early.remove(&id);
        if proposal.document.is_none() {
            if early.is_some() {
                sink.outbox().blame(id.proposer, DecisionFault::WrongDocument);
            }
            return self.admit(id, proposal, sink);
        }
        // F7
        if self.ledger.find(&self.ledger.digest_of(&proposal)).is_some() {
            return self.admit(id, proposal, sink);
        }
        if let Some(bytes) = self.document_of_copy(&id, &proposal).cloned() {
            self.hold_document(id, bytes, sink);
        }
        if self.documents.held.contains_key(&id) {
            return self.admit(id, proposal, sink);
        }
        self.documents.aside.insert(id, proposal);
        if let Some(bytes) = early {
            self.take_document(id.proposer, id, bytes, sink);
        }
        self.ask_who_names(sink);
    }

    /// The document of another copy of this proposal.
    fn document_of_copy(&self, id: &ProposalId, proposal: &Proposal) -> Option<&Bytes> {
        let copies = self.ordering.unordered().filter(|(of, copy)| *of != id && *copy == proposal);
        copies.filter_map(|(of, _)| self.documents.get(of)).next()
    }

    /// F7: what was put aside may have got a copy that has its document, or a position.
    fn settle_copies(&mut self, sink: &mut Sink<S>) {
        let settled = |(id, proposal): &(&ProposalId, &Proposal)| {
            self.ledger.find(&self.ledger.digest_of(proposal)).is_some()
                || self.document_of_copy(id, proposal).is_some()
        };
        let settled: Vec<ProposalId> =
            self.documents.aside.iter().filter(settled).map(|(id, _)| *id).collect();
        for id in settled {
            if let Some(proposal) = self.documents.aside.remove(&id) {
                self.documents.asked.remove(&id);
                self.on_delivered(id, proposal, sink);
                self.recheck_slots(sink);
            }
        }
    }

    fn hold_document(&mut self, id: ProposalId, bytes: Bytes, sink: &mut Sink<S>) {
        sink.persist(vec![put(&Key::Document(id), &bytes)]);
        self.documents.held.insert(id, bytes);
        self.documents.asked.remove(&id);
    }

    pub(super) fn on_document_message(
        &mut self,
        from: PartyId,
        id: ProposalId,
        message: Message,
        sink: &mut Sink<S>,
    ) {
        match message {
            Message::Ask => self.on_ask_document(from, id, sink),
            Message::Send(bytes) if from == id.proposer || self.asked(from, &id) => {
                self.take_document(from, id, bytes, sink);
            }
            // To a question before a restart.
            Message::Send(_) => {}
        }
    }

    fn asked(&self, from: PartyId, id: &ProposalId) -> bool {
        self.documents.asked.get(id).is_some_and(|asked| asked.contains(from))
    }

    /// F6
    fn on_ask_document(&mut self, from: PartyId, id: ProposalId, sink: &mut Sink<S>) {
        let Some(bytes) = self.documents.held.get(&id).cloned() else { return };
        let times = self.documents.answered.entry((id, from)).or_default();
        if from != self.shared.me() && *times < limits::DOCUMENT_ANSWERS {
            *times += 1;
            sink.outbox().send_to(from, super::Message::Document(id, Message::Send(bytes)));
        }
    }

    /// F2
    fn take_document(&mut self, from: PartyId, id: ProposalId, bytes: Bytes, sink: &mut Sink<S>) {
        if self.documents.held.contains_key(&id) {
            return;
        }
        if bytes.len() > limits::MAX_DOCUMENT {
            return sink.outbox().blame(from, DecisionFault::WrongDocument);
        }
        let Some(name) = self.document_name(&id) else {
            if from == id.proposer && self.may_be_broadcast(&id) {
                self.documents.keep_early(id, bytes);
            }
            return;
        };
        if !name.names(&bytes) {
            return sink.outbox().blame(from, DecisionFault::WrongDocument);
        }
        self.hold_document(id, bytes, sink);
        self.hand_document(id, sink);
        if let Some(proposal) = self.documents.aside.remove(&id) {
            self.admit(id, proposal, sink);
            self.recheck_slots(sink);
            self.settle_copies(sink);
        }
    }

    /// What a proposal calls the document that it lacks here.
    fn document_name(&self, id: &ProposalId) -> Option<DocumentRef> {
        let open = || self.deciding.open().map(|d| d.entry()).find(|entry| entry.id == *id);
        let proposal = self.documents.aside.get(id).or_else(|| Some(&open()?.proposal))?;
        proposal.document
    }

    /// F4
    pub(super) fn ask_who_names(&mut self, sink: &mut Sink<S>) {
        let enough = self.committee().one_honest();
        for id in self.documents.aside.keys() {
            let asked = self.documents.asked.entry(*id).or_default();
            for member in self.ordering.who_names(id) {
                if asked.len() < enough && asked.insert(member) {
                    sink.outbox().send_to(member, super::Message::Document(*id, Message::Ask));
                }
            }
        }
    }

    /// F5, for all decisions that are open here.
    pub(super) fn seek_documents(&mut self, sink: &mut Sink<S>) {
        let lacking: Vec<ProposalId> = self
            .deciding
            .open()
            .map(|decision| decision.entry())
            .filter(|entry| entry.proposal.document.is_some())
            .map(|entry| entry.id)
            .filter(|id| !self.documents.held.contains_key(id))
            .collect();
        for id in lacking {
            self.documents.aside.remove(&id);
            if let Some(bytes) = self.documents.early.remove(&id) {
                self.take_document(id.proposer, id, bytes, sink);
            }
            if !self.documents.held.contains_key(&id) {
                let everybody = self.committee().everyone();
                if self.documents.asked.insert(id, everybody) != Some(everybody) {
                    sink.outbox().multicast(super::Message::Document(id, Message::Ask));
                }
            }
        }
    }

    /// A member has restarted that we asked for documents: its answers may be lost.
    pub(super) fn ask_documents_again(&self, member: PartyId, sink: &mut Sink<S>) {
        for (id, asked) in &self.documents.asked {
            if asked.contains(member) && !self.documents.held.contains_key(id) {
                sink.outbox().send_to(member, super::Message::Document(*id, Message::Ask));
            }
        }
    }

    /// A slot has ended: what it ordered may lack documents, and a second copy of a proposal needs
    /// none.
    pub(super) fn documents_ordered(&mut self, summary: &SlotSummary, sink: &mut Sink<S>) {
        for (id, proposal) in &summary.proposals {
            let first = self.ledger.find(&self.ledger.digest_of(proposal));
            if first.is_none_or(|entry| entry.id != *id) {
                self.discard_document(id, sink);
            }
        }
        self.seek_documents(sink);
        self.settle_copies(sink);
    }

    /// A decision is certified: its document stays for a while, for those who lag.
    pub(super) fn retire_document(&mut self, id: ProposalId, sink: &mut Sink<S>) {
        if !self.documents.held.contains_key(&id) {
            return self.documents.forget(&id);
        }
        self.documents.kept.push_back(id);
        if self.documents.kept.len() > limits::DOCUMENTS_KEPT
            && let Some(oldest) = self.documents.kept.pop_front()
        {
            self.discard_document(&oldest, sink);
        }
    }

    pub(super) fn discard_document(&mut self, id: &ProposalId, sink: &mut Sink<S>) {
        if self.documents.held.contains_key(id) {
            sink.persist(vec![delete(&Key::Document(*id))]);
        }
        self.documents.forget(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_proposer_the_newest_early_documents_are_kept() {
        let mut documents = Documents::default();
        let id = |proposer, sequence| ProposalId { proposer: PartyId::new(proposer), sequence };
        let most = limits::EARLY_DOCUMENTS as u64;
        for sequence in (0..=most).rev() {
            documents.keep_early(id(1, sequence), Bytes::from(vec![1]));
            documents.keep_early(id(1, sequence), Bytes::from(vec![2]));
        }
        documents.keep_early(id(2, 0), Bytes::from(vec![3]));
        let kept: Vec<_> = documents.early.keys().copied().collect();
        let newest: Vec<_> = (1..=most).map(|s| id(1, s)).chain([id(2, 0)]).collect();
        assert_eq!(kept, newest);
        assert!(documents.early.values().all(|bytes| **bytes != [2]), "the first one stays");
    }
}
