//! A member that was restored from a backup: it has its keys, and has forgotten what it said.
//!
//! # Model
//! As [`super`]'s. The lost party was honest and speaks no more; what it said may still be on its
//! way. Its store is gone, or has lost its end: which slots, runs and broadcasts it spoke in is
//! unknown. All its randomness comes from its seed and the names of these, none of which it enters
//! again, so that nothing that was secret in what it began is used again; a member that is restored
//! from a backup has a new seed besides.
//!
//! # Guarantees
//! - *No second word*: the restored party says nothing in any slot, run, decision or broadcast in
//!   which the lost one may have spoken, if at most `t` others lie. So, taken together, the two are
//!   one honest party that was slow.
//! - *Return*: if it and the others at fault are at most `t` together, it takes part again in what
//!   begins later. Until then it only follows: it counts towards `t`.
//!
//! # Protocol
//! - (T0) From the start, say nothing in any slot, run, decision or broadcast; listen, catch up.
//! - (T1) Ask everybody how far it has spoken, under a mark that no earlier question had. Ask a
//!   member again that was itself away.
//! - (T2) Answer with the slot and the run before which one may have spoken in all: what is durable
//!   before the first word of each. Who is itself at T0 answers when it is done. And say again to it
//!   all that was said in what is open: it may have had, and lost, words of what it takes part in.
//! - (T3) Let (slot, run) be the lowest that `2t + 1` others do not exceed, each for itself. When
//!   our ledger and our runs have come so far, go on: take part after that slot and that run, in
//!   the decisions of later slots, and in each member's proposals beyond the window of sequence
//!   numbers. If that ledger holds the beginning of a refresh, say nothing in it, ever. All this is
//!   durable before it takes effect; the mark of the restored goes with it.
//! - (T4) Until the ledger's windows of sequence numbers have come so far, tell everybody that we came
//!   back, and how often windows had been skipped then; again to who restarts. Propose nothing.
//! - (T5) Name in the next slot who says so, if windows have been skipped so often and no more, and
//!   the ledger has not taken note of that member [`limits::MAX_RETURNS`] times. A slot that takes
//!   note of any, see [`slot`](crate::decision::slot), moves the windows of all members on by
//!   [`limits::SKIP`]: so far that what has no position yet gets none under its number. It is forgotten
//!   by all, and its proposer broadcasts it again under a new one.
//! - (T6) What a peer says under a number beyond our window is not taken in. When our ledger has come
//!   so far that it would be, ask the peer to say all again. As that is noted nowhere, ask all of them
//!   after a start soon after a skip, and after the first skip since.
//!
//! # Why nothing is said twice
//! Say that the lost party spoke in slot k > 0. A party begins a slot that is its next one, or one
//! in which `t + 1` members speak (see `Early`). Of all honest parties that spoke in slot k, the
//! first did so because slot k - 1 had ended for it; and a slot ends for a first honest party by
//! agreements in which `n - t` members spoke. So `n - 1 - t` others spoke in slot k - 1 before the
//! lost party spoke in slot k. Of the `n - 1` others let f <= t lie. `2t + 1 - f` honest ones
//! answered not to exceed the bound, and `n - 1 - t - f` honest ones spoke in slot k - 1; all are
//! among `n - 1 - f`, so at least `t + 1 - f >= 1` did both. It began slot k - 1 before the lost
//! party fell silent, and answered later: the bound is at least k, and what comes after slot k is
//! untouched. Runs likewise. A decision is spoken in only once its slot has ended, and a nonce pair
//! or a share of material belongs to a run, so these follow. Our ledger at the bound holds all that
//! the lost party's held, so its window of sequence numbers is not beyond ours.
//!
//! Our ledger at the bound holds all that the lost party's held; if no refresh has begun in it, the lost
//! party spoke in none. If one has, we get no part of the next keys: the backup was too old.
//!
//! Liars who answer too much only delay: `2t + 1` honest answers bound them, and the bound falls as
//! answers come in. T3 waits until our ledger is there, where a lie never is. That takes `2t + 1`
//! honest others, so `n - 1 - f >= 2t + 1`: with `n = 3t + 1`, f <= t - 1.
//!
//! # Why it is heard again
//! Say that a member came back when there had been s skips. It is silent below the windows' ends as its
//! ledger had them, and skip s + 1 takes each window's beginning at least there. All honest parties
//! hear what it says at T4; once they have, and are where there were s skips, each names it in the
//! next slot. Of the `n - t` values that a slot counts `t + 1` are of honest members: it takes note.
//! Whose number is used up ([`limits::MAX_RETURNS`]) is silent in broadcasts until the next epoch.
//!
//! Some honest member may have delivered what others forget. Which proposals are stale is a matter of
//! the ledger, so a slot that such a member names one in ends as it would without.
//!
//! A liar who says that it came back costs a slot, and has what is on its way broadcast again, so many
//! times in an epoch and no more: what an honest member proposes is delivered by all in the end.
//!
//! # Not guaranteed
//! Anything, if the lost party still runs: then there are two, and they count as one at fault.
//!
//! # Cost
//! One question and one answer of 50 bytes for each peer.

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::transcript::{Digest, Transcript};
use crate::limits;
use crate::party::records::{Key, delete, put};
use crate::party::sink::Sink;
use crate::party::{Message, Party, Suite, sync};
use crate::record::Record;
use crate::tag::Tag;

/// Slots and runs below these may have been spoken in (T2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Begun {
    /// Slots.
    pub slots: u64,
    /// Preprocessing runs.
    pub runs: u64,
}

/// What the store of a member begins with that is restored from a backup, or what is added to one
/// that may have lost its end (T0). `fresh` is random, and tells its question from all earlier ones.
pub fn restored_mark(fresh: [u8; 32]) -> Vec<Record> {
    vec![put(&Key::Restored, &fresh)]
}

/// A party at T0.
pub(super) struct Returning {
    mark: Digest,
    /// How far each peer says that it has spoken.
    said: PartyMap<Option<Begun>>,
    /// Peers that asked us, and wait.
    asked: PartyMap<Option<Digest>>,
}

impl Returning {
    /// `fresh` is what the member was marked with.
    pub(super) fn new(committee: Committee, root: &Tag, fresh: &[u8; 32]) -> Self {
        Self {
            mark: Transcript::new(root, "restored").bytes(fresh).digest(),
            said: PartyMap::new(committee),
            asked: PartyMap::new(committee),
        }
    }

    /// Who has not answered.
    pub(super) fn silent(&self, me: PartyId) -> PartySet {
        let silent = self.said.iter().filter(|(party, said)| *party != me && said.is_none());
        silent.map(|(party, _)| party).collect()
    }

    /// The lowest slot and run that `2t + 1` others do not exceed (T3).
    fn bound(&self, committee: Committee) -> Option<Begun> {
        let lowest = |of: fn(&Begun) -> u64| {
            let mut all: Vec<u64> = self.said.values().iter().flatten().map(of).collect();
            all.sort_unstable();
            all.get(committee.honest_majority() - 1).copied()
        };
        Some(Begun { slots: lowest(|said| said.slots)?, runs: lowest(|said| said.runs)? })
    }
}

impl<S: Suite> Party<S> {
    /// T1.
    pub(super) fn ask_how_far(&self, sink: &mut Sink<S>) {
        if let Some(returning) = &self.returning {
            sink.outbox().multicast(Message::Sync(sync::Message::HowFar(returning.mark)));
        }
    }

    /// T1, to a member that was away.
    pub(super) fn ask_how_far_again(&self, peer: PartyId, sink: &mut Sink<S>) {
        if let Some(returning) = &self.returning
            && returning.said[peer].is_none()
        {
            sink.outbox().send_to(peer, Message::Sync(sync::Message::HowFar(returning.mark)));
        }
    }

    /// T2.
    pub(super) fn on_how_far(&mut self, from: PartyId, mark: Digest, sink: &mut Sink<S>) {
        if let Some(returning) = &mut self.returning {
            returning.asked[from] = Some(mark);
            return;
        }
        let begun = Begun { slots: self.ordering.slots_begun(), runs: self.production.begun() };
        sink.outbox().send_to(from, Message::Sync(sync::Message::SoFar(mark, begun)));
    }

    /// Takes an answer in, a peer's first.
    pub(super) fn on_so_far(&mut self, from: PartyId, mark: Digest, begun: Begun) {
        if let Some(returning) = &mut self.returning
            && returning.mark == mark
        {
            returning.said[from].get_or_insert(begun);
        }
    }

    /// T3, once the answers are in and we have caught up with them.
    pub(super) fn maintain_returning(&mut self, sink: &mut Sink<S>) {
        let Some(returning) = &self.returning else { return };
        let Some(bound) = returning.bound(self.committee()) else { return };
        let here = self.here();
        if here.slot < bound.slots || here.run < bound.runs {
            return;
        }
        let ledger = &self.ledger;
        let sequences = PartyMap::from_fn(self.committee(), |party| {
            ledger.next_sequence(party).saturating_add(limits::SEQUENCE_WINDOW)
        });
        let (slots, runs) = (bound.slots.saturating_add(1), bound.runs.saturating_add(1));
        let mut records = vec![
            put(&Key::SlotsBegun, &slots),
            put(&Key::SlotsBarred, &slots),
            put(&Key::RunsBegun, &runs),
            put(&Key::RunsBarred, &runs),
            put(&Key::SequencesBarred, sequences.values()),
            delete(&Key::Restored),
        ];
        if self.ledger.refresh().is_some() {
            records.push(put(&Key::RefreshBarred, &()));
            self.turning.bar_refresh(true);
        }
        sink.persist(records);
        self.ordering.bar(slots, sequences);
        self.production.bar(runs);
        let asked = self.returning.take().map(|returning| returning.asked);
        for (peer, mark) in asked.iter().flat_map(PartyMap::iter) {
            if let Some(mark) = mark {
                self.on_how_far(peer, *mark, sink);
            }
        }
    }
}
