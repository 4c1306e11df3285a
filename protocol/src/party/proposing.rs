//! Our own proposals (P1).

use crate::decision::proposal::{Proposal, ProposalId};
use crate::limits;
use crate::party::event::{Answer, Refusal, RequestId};
use crate::party::journal::{Call, Instance};
use crate::party::sink::Sink;
use crate::party::{Message, Party, Suite};
use crate::wire::{self, Bytes};

impl<S: Suite> Party<S> {
    pub(super) fn on_propose(
        &mut self,
        request: RequestId,
        proposal: Proposal,
        document: Option<Bytes>,
        sink: &mut Sink<S>,
    ) {
        if let Err(refusal) = self.check_proposal(&proposal, document.as_ref()) {
            return sink.answer(request, Err(refusal));
        }
        let decision = self.ledger.digest_of(&proposal);
        let answer = if self.begin_proposal(proposal, document, sink) {
            Ok(Answer::Proposed { decision })
        } else {
            Err(Refusal::TooManyOpen { limit: limits::MAX_OWN_OPEN })
        };
        sink.answer(request, answer);
    }

    /// Broadcasts a proposal under our next sequence number; whether there is one.
    fn begin_proposal(
        &mut self,
        proposal: Proposal,
        document: Option<Bytes>,
        sink: &mut Sink<S>,
    ) -> bool {
        let id = ProposalId { proposer: self.me(), sequence: self.next_own_sequence() };
        self.ordering.saw(&id);
        let payload = Bytes::from(wire::encode(&proposal));
        let Some(rbc) = self.broadcast_of(id) else { return false };
        sink.journal.call(Instance::Proposal(id), Call::Broadcast(payload.clone()));
        let out = &mut sink.outbox().wrap(move |m| Message::Proposal(id, m));
        rbc.broadcast(payload, out).expect("a valid proposal is short, and its instance is new");
        self.ordering.own.insert(id, proposal);
        if let Some(document) = document {
            self.send_document(id, document, sink);
        }
        true
    }

    /// Broadcasts our own proposals again that get no position under their numbers any more: above all
    /// since windows have skipped (T5). Not before we know which numbers we have used.
    pub(super) fn propose_again(&mut self, sink: &mut Sink<S>) {
        if self.ledger.is_over() || self.returning.is_some() || self.may_have_used_numbers() {
            return;
        }
        let own = &self.ordering.own;
        let stale = own.keys().filter(|id| self.ledger.is_stale(id)).copied().collect::<Vec<_>>();
        for id in stale {
            let Some(proposal) = self.ordering.own.remove(&id) else { continue };
            if self.ledger.find(&self.ledger.digest_of(&proposal)).is_some() {
                continue;
            }
            let document = self.documents.get(&id).cloned();
            if !self.begin_proposal(proposal.clone(), document, sink) {
                self.ordering.own.insert(id, proposal);
            }
        }
    }

    fn check_proposal(&self, proposal: &Proposal, document: Option<&Bytes>) -> Result<(), Refusal> {
        let invalid = |reason: &str| Err(Refusal::InvalidProposal(reason.into()));
        if self.returning.is_some() || self.may_have_used_numbers() {
            return Err(Refusal::Returning);
        }
        if self.ledger.is_over() {
            return Err(Refusal::EpochOver);
        }
        if let Err(reason) = proposal.validate(self.committee()) {
            return invalid(&reason.to_string());
        }
        if !self.brings_new_keys(proposal) {
            return invalid("the new member's identity is a member's already");
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
        let end = self.ledger.next_sequence(me).saturating_add(limits::OWN_SEQUENCES);
        if open >= limits::MAX_OWN_OPEN || self.next_own_sequence() >= end {
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

    /// The sequence number of our next proposal.
    fn next_own_sequence(&self) -> u64 {
        let me = self.me();
        self.ordering.sequence[me].max(self.ledger.next_sequence(me))
    }
}
