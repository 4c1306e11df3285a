//! Runs whose words, or whose material, are not here: see [`super::sync`].

use std::ops::Range;

use crate::committee::PartyId;
use crate::limits;
use crate::party::catching_up::{CatchingUp, alike};
use crate::party::event::Again;
use crate::party::sink::Sink;
use crate::party::sync;
use crate::party::{Message, Party, Suite};

/// What a peer said of runs that we did not take in.
#[derive(Clone, Copy, Default)]
pub(super) struct Missed {
    /// The highest run of which it may have said something since it was last asked.
    highest: Option<u64>,
    /// From which run on it was last asked, and the highest then.
    asked: Option<(u64, u64)>,
}

impl CatchingUp {
    /// Whether the runs of a window are said again to a peer: once as it gets on, and else as often as
    /// [all](Self::may_hear_again).
    fn may_hear_of_runs(&mut self, peer: PartyId, from: u64) -> bool {
        let told = &mut self.told_again[peer];
        if from < *told {
            return self.may_hear_again(peer);
        }
        *told = from.saturating_add(limits::RUN_WINDOW);
        true
    }
}

impl<S: Suite> Party<S> {
    /// `peer` speaks of a run beyond our window, and is not heard.
    pub(super) fn missed_of_run(&mut self, peer: PartyId, run: u64, sink: &mut Sink<S>) {
        self.speaks_of_run(peer, run, sink);
        self.miss_runs_to(peer, run, sink);
    }

    /// What `peer` said of the runs to this one may not be here.
    pub(super) fn miss_runs_to(&mut self, peer: PartyId, run: u64, sink: &mut Sink<S>) {
        let highest = &mut self.catching_up.missed[peer].highest;
        *highest = (*highest).max(Some(run));
        self.ask_for_missed_words_of(peer, sink);
    }

    /// S4, whenever a run has ended here.
    pub(super) fn ask_for_missed_words(&mut self, sink: &mut Sink<S>) {
        for peer in self.committee().parties() {
            self.ask_for_missed_words_of(peer, sink);
        }
    }

    /// S4: asks for what was said in the window from the next run on, if that is not all here, and again
    /// when we or the peer have got on by a window. What is said of a run while our window has it comes by itself.
    fn ask_for_missed_words_of(&mut self, peer: PartyId, sink: &mut Sink<S>) {
        let next = self.production.next();
        if self.production.is_barred(next) {
            return;
        }
        let end = next.saturating_add(limits::RUN_WINDOW);
        let missed = &mut self.catching_up.missed[peer];
        missed.highest.take_if(|highest| *highest < next);
        let Some(highest) = missed.highest else { return };
        let window = |run: u64| run.saturating_add(limits::RUN_WINDOW);
        if missed.asked.is_none_or(|(from, to)| next >= window(from) || highest >= window(to)) {
            missed.asked = Some((next, highest));
            missed.highest.take_if(|highest| *highest < end);
            sink.outbox().send_to(peer, Message::Sync(sync::Message::Missed(next)));
        }
    }

    /// S4, of a peer.
    pub(super) fn on_missed(&mut self, peer: PartyId, from: u64, sink: &mut Sink<S>) {
        let end = from.saturating_add(limits::RUN_WINDOW);
        self.tell_gone(peer, from..end, sink);
        let kept = (from..end).any(|run| self.production.is_kept(run));
        if kept && self.catching_up.may_hear_of_runs(peer, from) {
            sink.say_once_more(peer, Again::Runs(from));
        }
    }

    /// Tells a peer in which of these runs we have nothing to say.
    pub(super) fn tell_gone(&self, peer: PartyId, runs: Range<u64>, sink: &mut Sink<S>) {
        let ended = runs.start..runs.end.min(self.production.next());
        let gone: Vec<u64> = ended.filter(|run| !self.production.is_kept(*run)).collect();
        if !gone.is_empty() {
            sink.outbox().send_to(peer, Message::Sync(sync::Message::Gone(gone)));
        }
    }

    pub(super) fn on_gone(&mut self, from: PartyId, runs: &[u64]) {
        let next = self.production.next();
        let near = |run: &&u64| (next..next + limits::SYNC_SLOTS).contains(*run);
        for run in runs.iter().filter(near) {
            self.catching_up.gone.entry(*run).or_default().insert(from);
        }
    }

    /// S3, of runs.
    pub(super) fn adopt_runs(&mut self, sink: &mut Sink<S>) {
        loop {
            if let Some(dealers) = self.lost_run() {
                self.apply_run(dealers, None, sink);
            } else if !self.apply_ended_run(sink) {
                break;
            }
        }
        let next = self.production.next();
        self.catching_up.runs = self.catching_up.runs.split_off(&next);
        self.catching_up.gone = self.catching_up.gone.split_off(&next);
    }

    /// How many dealers our next run agreed on, if its material is of no use or we cannot get it: we may
    /// not take part in it, or so many say nothing in it that those who do are too few. Any other
    /// run is never taken from others, since its material would be lost.
    fn lost_run(&self) -> Option<u16> {
        let (run, enough) = (self.production.next(), self.committee().one_honest());
        let said = self.catching_up.runs.get(&run).and_then(|said| alike(said.values(), enough))?;
        let gone = self.catching_up.gone.get(&run).is_some_and(|gone| gone.len() >= enough);
        (self.production.is_barred(run) || gone || self.is_run_spent(run)).then_some(*said)
    }
}
