//! Catching up: see [`super::sync`].

use std::collections::BTreeMap;
use std::ops::Range;

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::decision::ledger::SlotSummary;
use crate::decision::life;
use crate::limits;
use crate::party::event::Again;
use crate::party::missed::Missed;
use crate::party::sink::Sink;
use crate::party::sync::{self, Position};
use crate::party::{Effect, Message, Party, Suite};
use crate::wire;
use crate::zoo::{self, Mutant};

/// What others say of the past, and who wants to hear of it from us.
pub(super) struct CatchingUp {
    slots: BTreeMap<u64, BTreeMap<PartyId, SlotSummary>>,
    /// Bytes of each peer's summaries that are kept.
    summary_bytes: PartyMap<usize>,
    pub(super) runs: BTreeMap<u64, BTreeMap<PartyId, u16>>,
    /// Slots and runs below these are told to the party as they end.
    owed: PartyMap<(u64, u64)>,
    /// The highest slot and run of which each peer spoke.
    reached: PartyMap<(u64, u64)>,
    /// What each peer said of runs that we did not take in.
    pub(super) missed: PartyMap<Missed>,
    /// Members that have nothing to say of a run.
    pub(super) gone: BTreeMap<u64, PartySet>,
    /// Runs before this one were said again to each peer.
    pub(super) told_again: PartyMap<u64>,
    /// Where we were when we last asked, and how far `t + 1` peers had then come.
    asked: Option<(Position, (u64, u64))>,
    /// Members that said something since this party started, oneself included.
    heard: PartySet,
    /// How often each peer may still ask: an answer is much longer than a question.
    answers_left: PartyMap<u64>,
    /// How far each peer had come when it last might ask afresh, having got on.
    got_on: PartyMap<Position>,
    /// The same in certificates, wherever they are.
    certificates: PartyMap<u64>,
    /// How many certificates were here when we last asked for those that are lacking.
    asked_with: u64,
    /// How often everything may still be said again to each peer.
    repeats_left: PartyMap<u64>,
}

impl CatchingUp {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            slots: BTreeMap::new(),
            summary_bytes: PartyMap::new(committee),
            runs: BTreeMap::new(),
            owed: PartyMap::new(committee),
            reached: PartyMap::new(committee),
            missed: PartyMap::new(committee),
            gone: BTreeMap::new(),
            told_again: PartyMap::new(committee),
            asked: None,
            heard: PartySet::EMPTY,
            answers_left: PartyMap::from_fn(committee, |_| limits::SYNC_ANSWERS),
            got_on: PartyMap::from_fn(committee, |_| Position { slot: 0, run: 0, position: 0 }),
            certificates: PartyMap::new(committee),
            asked_with: 0,
            repeats_left: PartyMap::from_fn(committee, |_| limits::SYNC_REPEATS),
        }
    }

    /// This member said something.
    pub(super) fn hear(&mut self, member: PartyId) {
        self.heard.insert(member);
    }

    /// Whether a quorum is up. Before that nothing is begun: it could not end, and what is begun and
    /// not ended is lost to a party that restarts.
    pub(super) const fn heard_a_quorum(&self, committee: Committee) -> bool {
        self.heard.len() >= committee.quorum()
    }

    /// Members that said something since this party started, oneself included.
    pub(super) const fn heard(&self) -> PartySet {
        self.heard
    }

    /// Bytes of what a peer says of slots.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        let kept = self.slots.values().filter_map(|said| said.get(&peer));
        kept.map(|summary| wire::encode(summary).len()).sum()
    }

    /// Whether a peer's question is answered: not if it asked too often.
    fn may_ask(&mut self, peer: PartyId) -> bool {
        let left = self.answers_left[peer].checked_sub(1);
        self.answers_left[peer] = left.unwrap_or_default();
        left.is_some()
    }

    /// The same, of a peer that has come so far. Whoever has taken in as much as an answer holds may ask
    /// afresh, so that all can be had while nothing ends here; that is never less far than before.
    fn may_ask_from(&mut self, peer: PartyId, at: Position) -> bool {
        let before = &mut self.got_on[peer];
        let certificates = limits::SYNC_CERTIFICATES as u64;
        if at.slot >= before.slot.saturating_add(limits::SYNC_SLOTS)
            || at.run >= before.run.saturating_add(limits::SYNC_SLOTS)
            || at.position >= before.position.saturating_add(certificates)
        {
            before.slot = before.slot.max(at.slot);
            before.run = before.run.max(at.run);
            before.position = before.position.max(at.position);
            self.answers_left[peer] = limits::SYNC_ANSWERS;
        }
        self.may_ask(peer)
    }

    /// The same, of a peer that has so many certificates.
    fn may_ask_with(&mut self, peer: PartyId, certificates: u64) -> bool {
        let before = &mut self.certificates[peer];
        if certificates >= before.saturating_add(limits::SYNC_CERTIFICATES as u64) {
            *before = certificates;
            self.answers_left[peer] = limits::SYNC_ANSWERS;
        }
        self.may_ask(peer)
    }

    /// A peer has started, and has come so far: less than before, if it lost its store. That is not
    /// believed more often than it may have everything said again.
    fn started(&mut self, peer: PartyId, at: Position) {
        let before = self.got_on[peer];
        let lost = at.slot < before.slot || at.run < before.run || at.position < before.position;
        if lost && self.may_hear_again(peer) {
            self.got_on[peer] = at;
            self.told_again[peer] = at.run;
            self.certificates[peer] = 0;
        }
    }

    /// Whether a peer that lost what it had gets everything again: not if it did so too often.
    pub(super) fn may_hear_again(&mut self, peer: PartyId) -> bool {
        let left = self.repeats_left[peer].checked_sub(1);
        self.repeats_left[peer] = left.unwrap_or_default();
        left.is_some()
    }

    /// Something ended, so there is more to ask for.
    fn more_to_ask(&mut self) {
        for (_, left) in self.repeats_left.iter_mut() {
            *left = (*left + 1).min(limits::SYNC_REPEATS);
        }
        for (_, left) in self.answers_left.iter_mut() {
            *left = (*left + 1).min(limits::SYNC_ANSWERS);
        }
    }
}

impl<S: Suite> Party<S> {
    pub(super) fn here(&self) -> Position {
        Position {
            slot: self.ledger.next_slot(),
            run: self.production.next(),
            position: self.deciding.first_uncertified(self.ledger.next_position()),
        }
    }

    /// Asks everybody what we missed (S1), unless nothing has changed since we last asked.
    pub(super) fn ask(&mut self, sink: &mut Sink<S>) {
        let now = (self.here(), self.reached());
        if self.catching_up.asked.replace(now) != Some(now) {
            sink.outbox().multicast(Message::Sync(sync::Message::Ask(now.0)));
            self.ask_beyond(sink);
        }
    }

    /// Asks for what an answer to the question above does not hold: all in it is here.
    fn ask_beyond(&mut self, sink: &mut Sink<S>) {
        if self.has_a_whole_answer() {
            self.ask_for_lacking(sink);
        }
    }

    /// Whether all is here that an answer to the question above can hold.
    fn has_a_whole_answer(&self) -> bool {
        let answer = self.deciding.certified_from(self.here().position);
        answer.take(limits::SYNC_CERTIFICATES).count() == limits::SYNC_CERTIFICATES
    }

    /// Asks everybody for the certificates that are not here (S1).
    fn ask_for_lacking(&mut self, sink: &mut Sink<S>) {
        self.catching_up.asked_with = self.deciding.certificates();
        sink.outbox().multicast(Message::Sync(self.lacking()));
    }

    /// Which certificates are not here.
    fn lacking(&self) -> sync::Message {
        let mut gaps: Vec<Range<u64>> = Vec::new();
        for position in self.deciding.open().map(|decision| decision.entry().position) {
            // The last one takes in all that is left.
            let full = gaps.len() + 1 == limits::SYNC_GAPS;
            match gaps.last_mut() {
                Some(gap) if gap.end == position || full => gap.end = position + 1,
                _ => gaps.push(position..position + 1),
            }
        }
        // And what is not ordered here yet.
        gaps.push(self.ledger.next_position()..u64::MAX);
        sync::Message::Lacking(self.deciding.certificates(), gaps)
    }

    /// The same, if as much as an answer holds was taken in since.
    pub(super) fn ask_for_more(&mut self, sink: &mut Sink<S>) {
        let answer = limits::SYNC_CERTIFICATES as u64;
        if self.deciding.certificates() >= self.catching_up.asked_with.saturating_add(answer) {
            self.ask_for_lacking(sink);
        }
    }

    /// Tells everybody that we have started, and asks what we missed (S0).
    pub(super) fn start_asking(&mut self, sink: &mut Sink<S>) {
        let now = (self.here(), self.reached());
        self.catching_up.asked = Some(now);
        sink.outbox().multicast(Message::Sync(sync::Message::Started(now.0)));
        self.ask_beyond(sink);
        if self.production.begun() > 0 {
            // What we did not take in before is noted nowhere.
            let me = self.me();
            for peer in self.committee().parties().filter(|peer| *peer != me) {
                self.miss_runs_to(peer, now.0.run + 2 * limits::RUN_WINDOW, sink);
            }
        }
    }

    /// Asks a member again that has restarted (S0).
    pub(super) fn ask_member(&self, peer: PartyId, sink: &mut Sink<S>) {
        sink.outbox().send_to(peer, Message::Sync(sync::Message::Ask(self.here())));
        if self.has_a_whole_answer() {
            sink.outbox().send_to(peer, Message::Sync(self.lacking()));
        }
    }

    /// Asks everybody to say again all that is open, if no run has ended here: of a party that comes late
    /// into its first epoch. One that returns has this from another question.
    pub(super) fn ask_for_all_again(&mut self) -> Vec<Effect<S>> {
        if self.production.next() > 0 || self.returning.is_some() {
            return Vec::new();
        }
        self.act(|party, sink| {
            let again = sync::Message::Again(party.ledger.skips());
            sink.outbox().multicast(Message::Sync(again));
        })
    }

    /// Asks everybody what we missed, though nothing has changed: the answers may have been lost.
    pub(super) fn ask_again(&mut self, sink: &mut Sink<S>) {
        self.catching_up.asked = None;
        self.ask(sink);
    }

    /// `peer` speaks in a slot after our next one, or in our next one while we are barred from it.
    /// Once an honest peer does, our next slot has ended somewhere or is about to, and what it takes
    /// to end it here may never come: ask.
    pub(super) fn speaks_of_slot(&mut self, peer: PartyId, slot: u64, sink: &mut Sink<S>) {
        let reached = &mut self.catching_up.reached[peer];
        reached.0 = reached.0.max(slot);
        self.ask_if_behind(sink);
    }

    /// `peer` speaks of a run beyond our window, or of one that we are barred from.
    pub(super) fn speaks_of_run(&mut self, peer: PartyId, run: u64, sink: &mut Sink<S>) {
        let reached = &mut self.catching_up.reached[peer];
        reached.1 = reached.1.max(run);
        self.ask_if_behind(sink);
    }

    fn ask_if_behind(&mut self, sink: &mut Sink<S>) {
        let (here, (slot, run)) = (self.here(), self.reached());
        let slot_lost = slot > here.slot || self.ordering.is_barred(here.slot);
        let run_lost = run >= here.run.saturating_add(limits::RUN_WINDOW)
            || self.production.is_barred(here.run);
        if slot >= here.slot && slot_lost || run >= here.run && run_lost {
            self.ask(sink);
        }
    }

    /// The slot and the run that some honest peer has reached: `t + 1` peers spoke of them.
    fn reached(&self) -> (u64, u64) {
        let highest = |of: fn(&(u64, u64)) -> u64| {
            let mut all: Vec<u64> = self.catching_up.reached.values().iter().map(of).collect();
            all.sort_unstable_by(|a, b| b.cmp(a));
            all.get(self.committee().t()).copied().unwrap_or_default()
        };
        (highest(|reached| reached.0), highest(|reached| reached.1))
    }

    pub(super) fn on_sync_message(
        &mut self,
        from: PartyId,
        message: sync::Message,
        sink: &mut Sink<S>,
    ) {
        if from == self.me() {
            return;
        }
        match message {
            sync::Message::Ask(at) => self.on_ask(from, at, sink),
            sync::Message::Started(at) => {
                self.catching_up.started(from, at);
                self.on_ask(from, at, sink);
                self.ask_how_far_again(from, sink);
                self.say_that_we_returned(from, sink);
                if !zoo::on(Mutant::NotAskedAgain) {
                    self.ask_member(from, sink);
                }
                self.ask_documents_again(from, sink);
            }
            sync::Message::HowFar(mark) => {
                if self.catching_up.may_ask(from) {
                    self.on_how_far(from, mark, sink);
                }
                self.say_all_again(from, sink);
            }
            sync::Message::Lacking(certificates, gaps) => {
                self.on_lacking(from, certificates, &gaps, sink);
            }
            sync::Message::Again(skips) => self.on_again(from, skips, sink),
            sync::Message::Missed(run) => self.on_missed(from, run, sink),
            sync::Message::Gone(runs) => self.on_gone(from, &runs),
            sync::Message::Returned(skips) => self.on_returned(from, skips),
            sync::Message::SoFar(mark, begun) => self.on_so_far(from, mark, begun),
            sync::Message::Where => {
                let begins = sync::Message::Begins(self.begins());
                sink.outbox().send_to(from, Message::Sync(begins));
            }
            // We know.
            sync::Message::Begins(_) => {}
            sync::Message::Slot(slot, summary) => {
                let next = self.ledger.next_slot();
                if (next..next + limits::SYNC_SLOTS).contains(&slot) {
                    self.keep_summary(from, slot, summary);
                    self.try_adopt(sink);
                }
            }
            sync::Message::Run(run, dealers) => {
                let next = self.production.next();
                if (next..next + limits::SYNC_SLOTS).contains(&run) {
                    self.catching_up.runs.entry(run).or_default().insert(from, dealers);
                    if run >= next + limits::RUN_WINDOW {
                        self.miss_runs_to(from, run + limits::RUN_WINDOW, sink);
                    }
                    self.try_adopt(sink);
                }
            }
        }
    }

    /// Says all again that is open, unless the peer has heard that too often.
    pub(super) fn say_all_again(&mut self, peer: PartyId, sink: &mut Sink<S>) {
        if self.catching_up.may_hear_again(peer) {
            sink.say_once_more(peer, Again::All);
        }
    }

    /// S2: what we have, a bounded part at a time; the asker asks again when it has taken it in.
    fn on_ask(&mut self, from: PartyId, at: Position, sink: &mut Sink<S>) {
        if !self.catching_up.may_ask_from(from, at) {
            return;
        }
        self.on_runs_done(from, at.run, sink);
        let here = self.here();
        self.catching_up.owed[from] = (here.slot + 2, here.run + 2);
        for slot in at.slot..here.slot.min(at.slot.saturating_add(limits::SYNC_SLOTS)) {
            if let Some(summary) = self.ledger.slot(slot) {
                let m = sync::Message::Slot(slot, summary.clone());
                sink.outbox().send_to(from, Message::Sync(m));
            }
        }
        for run in at.run..here.run.min(at.run.saturating_add(limits::SYNC_SLOTS)) {
            if let Some(dealers) = self.production.dealers_of(run) {
                sink.outbox().send_to(from, Message::Sync(sync::Message::Run(run, dealers)));
            }
        }
        self.tell_gone(from, at.run..at.run.saturating_add(limits::SYNC_SLOTS), sink);
        let since = at.position..u64::MAX;
        self.send_certificates(from, std::slice::from_ref(&since), sink);
    }

    /// S2, of the positions that the asker lacks.
    fn on_lacking(
        &mut self,
        from: PartyId,
        certificates: u64,
        gaps: &[Range<u64>],
        sink: &mut Sink<S>,
    ) {
        // Who claims more than there are does not get more.
        let certificates = certificates.min(self.ledger.next_position());
        if self.catching_up.may_ask_with(from, certificates) {
            let most = gaps.len().min(limits::SYNC_GAPS);
            self.send_certificates(from, gaps.get(..most).unwrap_or_default(), sink);
        }
    }

    /// Sends the first certificates of these positions.
    fn send_certificates(&self, to: PartyId, gaps: &[Range<u64>], sink: &mut Sink<S>) {
        let certified = gaps.iter().flat_map(|gap| self.deciding.certified_in(gap.start, gap.end));
        for (position, certified) in certified.take(limits::SYNC_CERTIFICATES) {
            let m = life::Message::Certified(Box::new(certified.clone()));
            sink.outbox().send_to(to, Message::Decision(position, m));
        }
    }

    /// S3: takes what `t + 1` members say alike of our next slot, or of a run that is lost to us.
    fn try_adopt(&mut self, sink: &mut Sink<S>) {
        let enough = self.committee().one_honest();
        let before = self.here();
        // What ended here out of order comes between what the others say.
        loop {
            let said = self.catching_up.slots.get(&self.ledger.next_slot());
            if let Some(summary) = said.and_then(|said| alike(said.values(), enough)).cloned() {
                self.apply_slot(summary, sink);
            } else if !self.apply_ended_slot(sink) {
                break;
            }
        }
        self.adopt_runs(sink);
        let here = self.here();
        self.catching_up.slots = self.catching_up.slots.split_off(&here.slot);
        if here != before {
            self.catching_up.summary_bytes = PartyMap::new(self.committee());
            for (peer, summary) in self.catching_up.slots.values().flatten() {
                self.catching_up.summary_bytes[*peer] += wire::size(summary);
            }
            self.ask_if_behind(sink);
        }
        let full = limits::SYNC_SLOTS;
        if here.slot / full > before.slot / full || here.run / full > before.run / full {
            self.ask(sink);
        }
    }

    /// Keeps what a peer says of a slot, within its budget.
    fn keep_summary(&mut self, from: PartyId, slot: u64, summary: SlotSummary) {
        let bytes = &mut self.catching_up.summary_bytes[from];
        let more = wire::size(&summary);
        let said = self.catching_up.slots.entry(slot).or_default();
        if *bytes + more <= limits::MAX_EARLY_BYTES && !said.contains_key(&from) {
            *bytes += more;
            said.insert(from, summary);
        }
    }

    /// Tells those who were away how a slot ended.
    pub(super) fn tell_slot(&mut self, slot: u64, summary: SlotSummary, sink: &mut Sink<S>) {
        self.catching_up.more_to_ask();
        for peer in self.committee().parties() {
            if slot < self.catching_up.owed[peer].0 {
                let m = sync::Message::Slot(slot, summary.clone());
                sink.outbox().send_to(peer, Message::Sync(m));
            }
        }
    }

    /// Tells those who were away what a run produced.
    pub(super) fn tell_run(&mut self, run: u64, dealers: u16, sink: &mut Sink<S>) {
        for peer in self.committee().parties() {
            if run < self.catching_up.owed[peer].1 {
                sink.outbox().send_to(peer, Message::Sync(sync::Message::Run(run, dealers)));
                self.tell_gone(peer, run..run + 1, sink);
            }
        }
    }
}

/// A value that at least `enough` of them share.
pub(super) fn alike<'a, T: PartialEq>(
    mut said: impl Iterator<Item = &'a T> + Clone,
    enough: usize,
) -> Option<&'a T> {
    let all = said.clone();
    said.find(|value| all.clone().filter(|other| other == value).count() >= enough)
}
