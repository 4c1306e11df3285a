//! After members came back from a backup: everybody's sequence numbers skip a window (T4, T5 of
//! [`restored`](super::restored)).

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::decision::proposal::ProposalId;
use crate::limits;
use crate::party::event::Again;
use crate::party::sink::Sink;
use crate::party::sync;
use crate::party::{Message, Party, Suite};

/// Who came back, and what was said under numbers that are too far ahead here.
pub(super) struct Returns {
    /// What each member said of itself: how many skips there had been when it came back.
    said: PartyMap<Option<u64>>,
    /// The same of this party, once it has said so since it started.
    told: Option<u64>,
    /// The lowest sequence number of each proposer beyond the window of which a peer spoke.
    unheard: PartyMap<PartyMap<Option<u64>>>,
    /// How many skips there were when this party started, until one more is taken in.
    at_start: Option<u64>,
    /// After how many skips each peer was last told all again that was open.
    told_again: PartyMap<u64>,
}

impl Returns {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            said: PartyMap::new(committee),
            told: None,
            unheard: PartyMap::from_fn(committee, |_| PartyMap::new(committee)),
            at_start: None,
            told_again: PartyMap::new(committee),
        }
    }
}

impl<S: Suite> Party<S> {
    /// Whether we may have used our own next sequence numbers, before we came back.
    pub(super) fn may_have_used_numbers(&self) -> bool {
        self.is_silent_for(self.me())
    }

    /// Whether we say nothing in the next broadcasts of this member's proposals.
    fn is_silent_for(&self, proposer: PartyId) -> bool {
        self.ordering.sequences_barred[proposer] > self.ledger.next_sequence(proposer)
    }

    /// Whether we came back, and say nothing in the next broadcasts of somebody's proposals.
    fn is_held_back(&self) -> bool {
        self.returning.is_none()
            && self.committee().parties().any(|proposer| self.is_silent_for(proposer))
    }

    /// Whether, having come back, we still say nothing in the next slot, or in the next broadcasts of
    /// proposals.
    pub(super) fn is_half_back(&self) -> bool {
        self.returning.is_none()
            && !self.ledger.is_over()
            && (self.ordering.is_barred(self.ledger.next_slot()) || self.is_held_back())
    }

    /// T4
    pub(super) fn maintain_returned(&mut self, sink: &mut Sink<S>) {
        let skips = self.ledger.skips();
        if !self.ledger.is_over()
            && self.is_held_back()
            && self.returns.told.replace(skips) != Some(skips)
        {
            sink.outbox().multicast(Message::Sync(sync::Message::Returned(skips)));
        }
    }

    /// T4, to a member that has restarted.
    pub(super) fn say_that_we_returned(&self, peer: PartyId, sink: &mut Sink<S>) {
        if let Some(skips) = self.returns.told {
            sink.outbox().send_to(peer, Message::Sync(sync::Message::Returned(skips)));
        }
    }

    /// T4, of a peer.
    pub(super) fn on_returned(&mut self, from: PartyId, skips: u64) {
        self.returns.said[from] = self.returns.said[from].max(Some(skips));
    }

    /// Members to be named in the next slot since they came back (T5).
    pub(super) fn returned(&self) -> PartySet {
        let now = Some(self.ledger.skips());
        let me = self.me();
        let came_back = |member: &PartyId| {
            let said = self.returns.said[*member] == now || *member == me && self.is_held_back();
            said && self.ledger.returns(*member) < limits::MAX_RETURNS
        };
        self.committee().parties().filter(came_back).collect()
    }

    /// Whether the next slot begins because a member came back, if for nothing else.
    pub(super) fn is_for_returned(&self) -> bool {
        !self.returned().is_empty() && self.ledger.idle_slots() < limits::MAX_IDLE_SLOTS
    }

    /// T6: a peer speaks in the broadcast of a proposal; if that is beyond our window, we do not take it in.
    pub(super) fn note_unheard(&mut self, peer: PartyId, id: ProposalId) {
        if id.sequence >= self.ledger.window_end(id.proposer) {
            let lowest = &mut self.returns.unheard[peer][id.proposer];
            *lowest = Some(lowest.map_or(id.sequence, |lowest| lowest.min(id.sequence)));
        }
    }

    /// T6, at the start.
    pub(super) fn start_hearing(&mut self, sink: &mut Sink<S>) {
        let skips = self.ledger.skips();
        self.returns.at_start = Some(skips);
        if self.ledger.skipped_lately(limits::SLOTS_KEPT) {
            sink.outbox().multicast(Message::Sync(sync::Message::Again(skips)));
        }
    }

    /// A peer whose ledger has skipped so often wants to hear again all that is open: once after each
    /// skip, and else as often as [others](Self::say_all_again).
    pub(super) fn on_again(&mut self, peer: PartyId, skips: u64, sink: &mut Sink<S>) {
        let told = &mut self.returns.told_again[peer];
        if *told < skips && skips <= self.ledger.skips() {
            *told = skips;
            sink.say_once_more(peer, Again::All);
        } else {
            self.say_all_again(peer, sink);
        }
    }

    /// T6, whenever a slot has ended here.
    pub(super) fn ask_for_unheard(&mut self, sink: &mut Sink<S>) {
        let skips = self.ledger.skips();
        // What we did not take in before we started is noted nowhere.
        let first = self.returns.at_start.take_if(|at_start| *at_start < skips).is_some();
        let ends = PartyMap::from_fn(self.committee(), |p| self.ledger.window_end(p));
        for (peer, unheard) in self.returns.unheard.iter_mut() {
            let mut near = first;
            for (proposer, lowest) in unheard.iter_mut() {
                near |= lowest.take_if(|lowest| *lowest < ends[proposer]).is_some();
            }
            if near && peer != self.shared.me() {
                sink.outbox().send_to(peer, Message::Sync(sync::Message::Again(skips)));
            }
        }
    }
}
