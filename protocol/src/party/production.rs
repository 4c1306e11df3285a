//! Preprocessing runs and the stock they fill (P4).

use std::collections::BTreeMap;

use crate::committee::{Committee, PartyId, PartySet};
use crate::decision::stock::Claim;
use crate::decision::supply::{self, Product, Supply};
use crate::keys::signing::NoncePair;
use crate::limits;
use crate::mpc::preprocessing::RunStats;
use crate::party::early::Early;
use crate::party::event::{Alarm, Notice, When};
use crate::party::journal::{Call, Instance};
use crate::party::records::{Key, put};
use crate::party::sink::Sink;
use crate::party::sync;
use crate::party::{CoinShare, Message, Party, Suite};
use crate::protocol::Protocol;

/// The preprocessing runs that are going on, or are kept for laggards.
pub(super) struct Production<S: Suite> {
    me: PartyId,
    pub(super) runs: BTreeMap<u64, Supply<S::Coin>>,
    /// Runs that ended before an earlier one did.
    pub(super) ended: BTreeMap<u64, (u16, Product)>,
    /// Runs before this are in stock.
    next: u64,
    /// Runs before this were begun.
    begun: u64,
    /// Runs before this may have been spoken in before this party was restored: it is silent in them.
    barred: u64,
    pub(super) started: Option<u64>,
    /// How many dealers each finished run agreed on.
    dealers: Vec<u16>,
    done: BTreeMap<u64, PartySet>,
    /// Messages of runs that have not begun here.
    pub(super) early: Early<supply::Message<CoinShare<S>>>,
}

impl<S: Suite> Production<S> {
    pub(super) fn new(me: PartyId, committee: Committee) -> Self {
        Self {
            me,
            runs: BTreeMap::new(),
            ended: BTreeMap::new(),
            next: 0,
            begun: 0,
            barred: 0,
            started: None,
            dealers: Vec::new(),
            done: BTreeMap::new(),
            early: Early::new(committee, limits::MAX_EARLY_BYTES),
        }
    }

    pub(super) const fn restore(&mut self, begun: u64, barred: u64) {
        self.begun = begun;
        self.barred = barred;
    }

    /// Makes this party silent in all runs before this one, and in none after.
    pub(super) const fn bar(&mut self, runs: u64) {
        self.restore(runs, runs);
    }

    /// Runs below this may have been spoken in.
    pub(super) const fn begun(&self) -> u64 {
        self.begun
    }

    /// The next run, of so many dealers, is in stock.
    pub(super) fn finished(&mut self, dealers: u16) {
        self.next += 1;
        self.dealers.push(dealers);
    }

    /// How many dealers a finished run agreed on.
    pub(super) fn dealers_of(&self, run: u64) -> Option<u16> {
        self.dealers.get(usize::try_from(run).ok()?).copied()
    }

    /// Whether this party may not take part in a run, having restarted meanwhile.
    pub(super) const fn is_barred(&self, run: u64) -> bool {
        run < self.barred
    }

    /// The run that comes next.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Whether a run of ours is going on.
    pub(super) fn in_progress(&self) -> bool {
        self.started == Some(self.next)
    }

    /// Whether something was said here in a run that is going on or is kept.
    pub(super) fn is_kept(&self, run: u64) -> bool {
        self.runs.contains_key(&run)
    }

    /// Members that may lack the product of a run that has ended here.
    fn lacking(&self, run: u64, committee: Committee) -> PartySet {
        let done = self.done.get(&run).copied().unwrap_or_default();
        let me = self.me;
        committee.parties().filter(|party| *party != me && !done.contains(*party)).collect()
    }

    /// Dealers whose sharings are complete here, in a run that is going on.
    pub(super) fn complete(&self, run: u64) -> PartySet {
        self.runs.get(&run).map_or(PartySet::EMPTY, Supply::complete)
    }

    /// Bytes of a peer's messages of runs that have not begun.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        self.early.kept_bytes(peer)
    }

    pub(super) fn stats(&self) -> impl Iterator<Item = RunStats> {
        self.runs.values().map(Supply::stats)
    }
}

impl<S: Suite> Party<S> {
    fn run(&mut self, run: u64, sink: &mut Sink<S>) -> Option<&mut Supply<S::Coin>> {
        let production = &mut self.production;
        if production.runs.contains_key(&run) {
            return production.runs.get_mut(&run);
        }
        if run < production.next.max(production.barred)
            || run >= production.next + limits::RUN_WINDOW
        {
            return None;
        }
        if run >= production.begun {
            production.begun = run + 1;
            sink.persist(vec![put(&Key::RunsBegun, &production.begun)]);
        }
        let shared = &self.shared;
        Some(production.runs.entry(run).or_insert_with(|| shared.run(run)))
    }

    pub(super) fn on_run_message(
        &mut self,
        from: PartyId,
        run: u64,
        message: supply::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        if run >= self.production.next + limits::RUN_WINDOW {
            self.missed_of_run(from, run, sink);
            return;
        }
        if run >= self.production.next && self.production.is_barred(run) {
            self.speaks_of_run(from, run, sink);
        }
        let begun = self.production.runs.contains_key(&run);
        if !begun && run < self.production.next.max(self.production.barred) {
            return;
        }
        let early = &mut self.production.early;
        if !begun && !early.admit(run, from) {
            let note = |m: &_| sink.journal.keep(Instance::Run(run), from, m);
            return early.keep(run, from, message, note);
        }
        self.take_early_run(run, sink);
        if self.run(run, sink).is_some()
            && sink.journal.hear(Instance::Run(run), (self.me(), from), &message)
        {
            self.handle_run_message(from, run, message, sink);
        }
    }

    /// Handles what came for a run before it began here.
    fn take_early_run(&mut self, run: u64, sink: &mut Sink<S>) {
        for (from, message) in self.production.early.take(run) {
            if self.run(run, sink).is_some() {
                sink.journal.call(Instance::Run(run), Call::Late);
                self.handle_run_message(from, run, message, sink);
            }
        }
    }

    /// Handles a message of a run that is there, and noted.
    fn handle_run_message(
        &mut self,
        from: PartyId,
        run: u64,
        message: supply::Message<CoinShare<S>>,
        sink: &mut Sink<S>,
    ) {
        let Some(instance) = self.production.runs.get_mut(&run) else { return };
        let out = &mut sink.outbox().wrap(move |m| Message::Run(run, m));
        let Some(product) = instance.handle(from, message, out) else { return };
        let dealers = instance.dealers().map_or(0, PartySet::len);
        if run < self.production.next {
            return; // adopted from others meanwhile
        }
        let dealers = u16::try_from(dealers).unwrap_or(u16::MAX);
        self.production.ended.insert(run, (dealers, product));
        while self.apply_ended_run(sink) {}
    }

    /// Applies the next run if it has ended here.
    pub(super) fn apply_ended_run(&mut self, sink: &mut Sink<S>) -> bool {
        let next = self.production.next;
        self.production.ended = self.production.ended.split_off(&next);
        let Some((dealers, product)) = self.production.ended.remove(&next) else { return false };
        self.apply_run(dealers, Some(product), sink);
        true
    }

    /// Adds the next run to the stock and writes it down.
    pub(super) fn apply_run(&mut self, dealers: u16, product: Option<Product>, sink: &mut Sink<S>) {
        let run = self.production.next;
        let held = product.is_some();
        let mut records = vec![put(&Key::Run(run), &dealers)];
        let batch = product.map(|Product { batch, pairs }| {
            for (index, (d, e)) in self.stock.next_pairs().zip(pairs.iter().cloned()) {
                // Of a position that is certified already no share may be left, nor of none.
                if !self.is_spent(index) {
                    let pair = NoncePair::new(index, d, e);
                    records.push(put(&Key::Pair(index), &pair));
                    self.stock.put_pair(pair);
                }
            }
            records.push(put(&Key::Batch(run), &batch));
            batch
        });
        sink.persist(records);
        self.stock.add(run, batch);
        self.production.finished(dealers);
        self.stats.refills += 1;
        if held {
            sink.outbox().multicast(Message::RunDone(run));
        }
        self.tell_run(run, dealers, sink);
        sink.notify(Notice::Refilled { run });
        self.production.early.forget_before(run + 1);
        self.drop_old_runs(sink);
        // One that was adopted from others may have begun here never.
        if !self.production.runs.contains_key(&run) {
            self.drop_run(run, sink);
        }
        self.ask_for_missed_words(sink);
    }

    /// Whether no decision uses anything of a run any more, here or later.
    pub(super) fn is_run_spent(&self, run: u64) -> bool {
        self.is_run_unused(run, self.deciding.open().map(|decision| &decision.entry().claim))
    }

    /// The same, if these are the claims of all that is open.
    pub(super) fn is_run_unused<'a>(
        &self,
        run: u64,
        mut open: impl Iterator<Item = &'a Claim>,
    ) -> bool {
        self.stock.has_passed(run) && !open.any(|claim| self.stock.uses(claim, run))
    }

    /// A finished run is kept until every member has its product, or no decision uses it any more;
    /// and not more of them than are needed sooner or later.
    pub(super) fn drop_old_runs(&mut self, sink: &mut Sink<S>) {
        let ended = self.production.runs.range(..self.production.next).map(|(run, _)| *run);
        let (spent, mut kept): (Vec<u64>, Vec<u64>) =
            ended.partition(|run| self.is_run_spent(*run));
        spent.into_iter().for_each(|run| self.drop_run(run, sink));
        kept.truncate(kept.len().saturating_sub(limits::kept_runs(self.committee().n())));
        for run in kept {
            for peer in self.production.lacking(run, self.committee()).iter() {
                let m = sync::Message::Gone(vec![run]);
                sink.outbox().send_to(peer, Message::Sync(m));
            }
            self.drop_run(run, sink);
        }
    }

    /// Whether a pair belongs to a position that is certified, or was passed over.
    fn is_spent(&self, pair: u64) -> bool {
        let entries = self.ledger.entries();
        let place = entries.partition_point(|entry| entry.claim.pairs.end <= pair);
        match entries.get(place) {
            Some(entry) => {
                !entry.claim.pairs.contains(&pair)
                    || self.deciding.certified(entry.position).is_some()
            }
            None => pair < self.stock.cursor().pairs.start,
        }
    }

    /// A member has its product of a run.
    pub(super) fn on_run_done(&mut self, from: PartyId, run: u64, sink: &mut Sink<S>) {
        let next = self.production.next;
        let kept = run < next && self.production.runs.contains_key(&run);
        if kept || (next..next + limits::RUN_WINDOW).contains(&run) {
            self.production.done.entry(run).or_default().insert(from);
            if kept && self.production.lacking(run, self.committee()).is_empty() {
                self.drop_run(run, sink);
            }
        }
    }

    /// A member has come to this run, and lacks nothing of those before.
    pub(super) fn on_runs_done(&mut self, from: PartyId, next: u64, sink: &mut Sink<S>) {
        let next = next.min(self.production.next);
        let kept: Vec<u64> = self.production.runs.range(..next).map(|(run, _)| *run).collect();
        kept.into_iter().for_each(|run| self.on_run_done(from, run, sink));
    }

    fn drop_run(&mut self, run: u64, sink: &mut Sink<S>) {
        sink.journal.drop(Instance::Run(run));
        self.production.done.remove(&run);
        if let Some(instance) = self.production.runs.remove(&run) {
            self.stats.add_run(instance.stats());
        }
    }

    pub(super) fn on_patience(&mut self, run: u64, sink: &mut Sink<S>) {
        if let Some(instance) = self.production.runs.get_mut(&run) {
            sink.journal.call(Instance::Run(run), Call::Close);
            instance.close(&mut sink.outbox().wrap(move |m| Message::Run(run, m)));
        }
    }

    /// Starts the next run when the stock is low.
    pub(super) fn maintain_production(&mut self, sink: &mut Sink<S>) {
        let run = self.production.next;
        if !self.stock.is_low()
            || self.production.started >= Some(run)
            || run < self.production.barred
            || !self.catching_up.heard_a_quorum(self.committee())
        {
            return;
        }
        self.production.started = Some(run);
        let Some(instance) = self.run(run, sink) else { return };
        sink.journal.call(Instance::Run(run), Call::Start);
        instance.start(&mut sink.outbox().wrap(move |m| Message::Run(run, m)));
        self.take_early_run(run, sink);
        sink.timer(Alarm::Patience(run), When::After(limits::RUN_PATIENCE));
    }
}
