//! Makes a party's instances again from its journal: see [`super::journal`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::agreement::rbc::{self, Mode, Rbc};
use crate::committee::{PartyId, PartyMap, PartySet};
use crate::decision::ledger::Entry;
use crate::decision::life::{Context, Decision};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::slot::Slot;
use crate::decision::stock::Claim;
use crate::decision::supply::{Product, Supply};
use crate::fault::Fault;
use crate::limits;
use crate::party::event::{Alarm, When};
use crate::party::journal::{Call, Instance, read};
use crate::party::records::Restored;
use crate::party::restored::Returning;
use crate::party::sink::Sink;
use crate::party::{Message, MessageOf, Party, Shared, Suite};
use crate::protocol::{Job, Outbox, Protocol, Recipient};
use crate::record::RestoreError;
use crate::wire::{self, Bytes};
use crate::zoo::{self, Mutant};

/// What instances said and wanted before a restart.
pub(super) struct Replayed<S: Suite> {
    said: Vec<(Recipient, MessageOf<S>)>,
    /// Jobs whose results did not come, by number.
    jobs: Vec<(u32, Job<MessageOf<S>>)>,
    /// Logs that are of no use.
    useless: Vec<Instance>,
}

impl<S: Suite> Default for Replayed<S> {
    fn default() -> Self {
        Self { said: Vec::new(), jobs: Vec::new(), useless: Vec::new() }
    }
}

/// What is wrong with a log.
#[derive(Clone, Copy)]
struct Broken(&'static str);

const UNREADABLE: Broken = Broken("an unreadable message");
const OUT_OF_PLACE: Broken = Broken("a call that is out of place");

/// One instance's calls, while they are made again.
struct Replay<M> {
    me: PartyId,
    /// What it says is not said: see [`Listening`](super::listening).
    silent: fn(&M) -> bool,
    own: VecDeque<M>,
    early: VecDeque<(PartyId, M)>,
    said: Vec<(Recipient, M)>,
    jobs: BTreeMap<u32, Job<M>>,
    next_job: u32,
}

impl<M> Outbox<M> for Replay<M>
where
    M: Clone,
{
    fn send(&mut self, to: Recipient, message: M) {
        if (self.silent)(&message) {
            return;
        }
        match to {
            Recipient::One(party) if party == self.me => self.own.push_back(message),
            Recipient::One(_) => self.said.push((to, message)),
            Recipient::All => {
                self.own.push_back(message.clone());
                self.said.push((to, message));
            }
        }
    }

    fn report(&mut self, _: Fault) {}

    fn work(&mut self, job: Job<M>) {
        self.jobs.insert(self.next_job, job);
        self.next_job += 1;
    }
}

impl<M: Clone + Serialize + DeserializeOwned + 'static> Replay<M> {
    fn new(me: PartyId) -> Self {
        Self {
            me,
            silent: |_| false,
            own: VecDeque::new(),
            early: VecDeque::new(),
            said: Vec::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
        }
    }

    /// The message that a call has the instance handle; `Ok(None)` if it does something else.
    fn message(&mut self, call: &Call) -> Result<Option<(PartyId, M)>, Broken> {
        let me = self.me;
        let message = match call {
            Call::Heard(from, bytes) => (*from, read(bytes).ok_or(UNREADABLE)?),
            Call::Early(from, bytes) => {
                self.early.push_back((*from, read(bytes).ok_or(UNREADABLE)?));
                return Ok(None);
            }
            Call::Late => {
                self.early.pop_front().ok_or(Broken("an early message that is not there"))?
            }
            Call::Own => {
                (me, self.own.pop_front().ok_or(Broken("a word of its own that was not said"))?)
            }
            Call::Done(number) => {
                let job = self.jobs.remove(number).ok_or(Broken("a job that was not asked for"))?;
                (me, job())
            }
            _ => return Ok(None),
        };
        Ok(Some(message))
    }

    /// What is left to be said and done, as the party's.
    fn end<S: Suite>(self, wrap: impl Fn(M) -> MessageOf<S> + Clone + Send + 'static) -> Left<S> {
        let said = self.said.into_iter().map(|(to, message)| (to, wrap(message))).collect();
        let jobs = self.jobs.into_iter().map(|(number, job)| {
            let wrap = wrap.clone();
            let job: Job<MessageOf<S>> = Box::new(move || wrap(job()));
            (number, job)
        });
        Left { said, jobs: jobs.collect(), next_job: self.next_job }
    }
}

/// What is left when all calls have been made again.
struct Left<S: Suite> {
    said: Vec<(Recipient, MessageOf<S>)>,
    jobs: Vec<(u32, Job<MessageOf<S>>)>,
    next_job: u32,
}

/// Whether these are calls of a decision that was opened here, and in which we speak.
fn takes_part(calls: &[Call]) -> bool {
    calls.iter().any(|call| matches!(call, Call::Open(_)))
}

impl<S: Suite> Shared<S> {
    /// The broadcast of a proposal.
    pub(super) fn broadcast(&self, id: ProposalId) -> Rbc {
        let tag = id.broadcast(&self.root);
        let mode = Mode::Short { limit: limits::MAX_SHORT_PAYLOAD };
        Rbc::new(Arc::clone(&self.keyring), id.proposer, tag, mode).gated()
    }

    /// A slot.
    pub(super) fn slot(&self, slot: u64) -> Slot<S::Coin> {
        let tag = self.root.indexed("slot", slot);
        Slot::new(Arc::clone(&self.keyring), tag, Arc::clone(&self.coin))
    }

    /// A run.
    pub(super) fn run(&self, run: u64) -> Supply<S::Coin> {
        let (keyring, coin) = (Arc::clone(&self.keyring), Arc::clone(&self.coin));
        let tag = self.root.indexed("run", run);
        Supply::new(keyring, coin, tag, self.seed.clone(), self.policy.request)
            .expect("the policy's runs are within the limits")
    }

    /// The decision on an entry of the ledger.
    pub(super) fn decision(
        &self,
        entry: Entry,
        document: Option<Bytes>,
        follows: bool,
    ) -> Decision<S::Coin> {
        let context = Context {
            keyring: Arc::clone(&self.keyring),
            keys: Arc::clone(&self.keys),
            coin: Arc::clone(&self.coin),
            tag: self.root.indexed("decision", entry.position),
            verifier: Arc::clone(&self.verifier),
        };
        Decision::new(context, entry, document, follows)
    }
}

impl<S: Suite> Party<S> {
    /// Brings back what was written down.
    pub(super) fn restore(&mut self, restored: Restored) -> Result<(), RestoreError> {
        self.ordering.restore(restored.slots_begun, restored.slots_barred, restored.waiting);
        self.production.restore(restored.runs_begun, restored.runs_barred);
        if let Some(sequences) = PartyMap::from_vec(self.committee(), restored.sequences_barred) {
            self.ordering.bar_sequences(sequences);
        }
        self.turning.bar_refresh(restored.refresh_barred);
        self.evidence = restored.evidence;
        let mut calls = restored.calls;
        if let Some(fresh) = restored.restored {
            let returning = Returning::new(self.committee(), &self.shared.root, &fresh);
            self.returning = Some(returning);
            self.ordering.bar(u64::MAX, PartyMap::from_fn(self.committee(), |_| u64::MAX));
            self.production.bar(u64::MAX);
            // A log that may have lost its end is not played.
            self.replayed.useless.extend(std::mem::take(&mut calls).into_keys());
        }
        for summary in restored.slots.into_values() {
            self.append(summary);
        }
        restored.pairs.into_iter().for_each(|pair| self.stock.put_pair(pair));
        let mut batches = restored.batches;
        for (run, dealers) in restored.runs {
            self.stock.add(run, batches.remove(&run));
            self.production.finished(dealers);
        }
        self.deciding.restore(restored.voted, restored.signs, restored.certified);
        self.restore_documents(restored.documents);
        let mut open = Vec::new();
        for position in self.ledger.first_position()..self.ledger.next_position() {
            self.note_refresh(position);
            let Some(entry) = self.ledger.entry(position).cloned() else { continue };
            if self.deciding.certified(position).is_some() {
                self.stock.forget_pairs(&entry.claim);
                continue;
            }
            open.push(entry.claim.clone());
            if !calls.get(&Instance::Decision(position)).is_some_and(|c| takes_part(c)) {
                // It signs nothing where it may have signed before.
                self.stock.forget_pairs(&entry.claim);
                let follower = self.shared.decision(entry, None, true);
                self.reopen(position, follower);
            }
        }
        for (instance, calls) in calls {
            if self.is_over(instance, &calls, &open) {
                self.replayed.useless.push(instance);
                continue;
            }
            self.replay(instance, &calls)
                .map_err(|Broken(why)| RestoreError::Unreadable(format!("{why} in {instance}")))?;
        }
        if self.ledger.is_over() {
            self.ordering.forget_unordered();
        }
        Ok(())
    }

    /// Whether an instance has nothing more to do or say; with the claims of all that is open.
    fn is_over(&self, instance: Instance, calls: &[Call], open: &[Claim]) -> bool {
        let ordered = |position| position < self.ledger.next_position();
        match instance {
            Instance::Decision(position) => {
                self.deciding.certified(position).is_some()
                    || ordered(position) && !takes_part(calls)
            }
            Instance::Slot(slot) => slot + limits::SLOTS_KEPT < self.ledger.next_slot(),
            Instance::Run(run) => {
                run < self.production.next() && self.is_run_unused(run, open.iter())
            }
            Instance::Proposal(id) => {
                let certified = |position| self.deciding.certified(position).is_some();
                let position = self.ledger.position_of(&id);
                position.map_or(self.ledger.contains(&id), certified)
            }
        }
    }

    fn replay(&mut self, instance: Instance, calls: &[Call]) -> Result<(), Broken> {
        let left = match instance {
            Instance::Proposal(id) => self.replay_broadcast(id, calls)?,
            Instance::Slot(slot) => self.replay_slot(slot, calls)?,
            Instance::Run(run) => self.replay_run(run, calls)?,
            Instance::Decision(position) => self.replay_decision(position, calls)?,
        };
        self.journal.resume(instance, left.next_job, calls);
        self.replayed.said.extend(left.said);
        self.replayed.jobs.extend(left.jobs);
        Ok(())
    }

    fn replay_broadcast(&mut self, id: ProposalId, calls: &[Call]) -> Result<Left<S>, Broken> {
        let mut replay = Replay::new(self.me());
        if self.ordering.is_silent(&id) {
            replay.silent = |message| !matches!(message, rbc::Message::Pull(_));
        }
        let mut rbc = self.shared.broadcast(id);
        for call in calls {
            if let Some((from, message)) = replay.message(call)? {
                rbc.handle(from, message, &mut replay);
                continue;
            }
            match call {
                Call::Broadcast(payload) => {
                    rbc.broadcast(payload.clone(), &mut replay).map_err(|_| OUT_OF_PLACE)?;
                    let proposal: Proposal =
                        wire::decode(payload, limits::MAX_SHORT_PAYLOAD).map_err(|_| UNREADABLE)?;
                    if !self.ordering.is_waiting(&id) && !self.ledger.contains(&id) {
                        self.ordering.own.insert(id, proposal);
                    }
                }
                Call::Approve => rbc.approve(&mut replay),
                _ => return Err(OUT_OF_PLACE),
            }
        }
        if id.proposer == self.me() {
            self.ordering.saw(&id);
        }
        self.ordering.broadcasts.insert(id, rbc);
        Ok(replay.end(move |m| Message::Proposal(id, m)))
    }

    fn replay_slot(&mut self, slot: u64, calls: &[Call]) -> Result<Left<S>, Broken> {
        let mut replay = Replay::new(self.me());
        let (mut instance, mut begun) = (self.shared.slot(slot), false);
        let mut agreed = None;
        for call in calls {
            let ended = if let Some((from, message)) = replay.message(call)? {
                instance.handle(from, message, &mut replay)
            } else {
                match call {
                    Call::Propose(waiting, turn, returned) => {
                        let proposed = instance.propose(waiting, *turn, *returned, &mut replay);
                        proposed.map_err(|_| OUT_OF_PLACE)?;
                        None
                    }
                    Call::Usable(member) => instance.usable(*member, &mut replay),
                    Call::Early(..) => continue,
                    _ => return Err(OUT_OF_PLACE),
                }
            };
            begun = true;
            agreed = ended.or(agreed);
        }
        let early = std::mem::take(&mut replay.early);
        if begun {
            self.ordering.slots.insert(slot, instance);
        }
        if let Some(agreed) = agreed
            && slot >= self.ledger.next_slot()
        {
            self.ordering.ended.insert(slot, agreed);
        }
        for (from, message) in early {
            self.ordering.early.admit(slot, from);
            self.ordering.early.keep_again(slot, from, message);
        }
        Ok(replay.end(move |m| Message::Slot(slot, m)))
    }

    fn replay_run(&mut self, run: u64, calls: &[Call]) -> Result<Left<S>, Broken> {
        let mut replay = Replay::new(self.me());
        let (mut instance, mut begun) = (self.shared.run(run), false);
        let mut product = None;
        for call in calls {
            if let Some((from, message)) = replay.message(call)? {
                product = instance.handle(from, message, &mut replay).or(product);
            } else {
                match call {
                    Call::Start => {
                        instance.start(&mut replay);
                        self.production.started = self.production.started.max(Some(run));
                    }
                    Call::Close => instance.close(&mut replay),
                    Call::Early(..) => continue,
                    _ => return Err(OUT_OF_PLACE),
                }
            }
            begun = true;
        }
        let early = std::mem::take(&mut replay.early);
        if begun {
            self.resume_run(run, instance, product);
        }
        for (from, message) in early {
            self.production.early.admit(run, from);
            self.production.early.keep_again(run, from, message);
        }
        Ok(replay.end(move |m| Message::Run(run, m)))
    }

    fn resume_run(&mut self, run: u64, instance: Supply<S::Coin>, product: Option<Product>) {
        let dealers = instance.dealers().map_or(0, PartySet::len);
        let dealers = u16::try_from(dealers).unwrap_or(u16::MAX);
        if let Some(product) = product
            && run >= self.production.next()
        {
            self.production.ended.insert(run, (dealers, product));
        }
        self.production.runs.insert(run, instance);
    }

    fn replay_decision(&mut self, position: u64, calls: &[Call]) -> Result<Left<S>, Broken> {
        let mut replay = Replay::new(self.me());
        let entry = self.ledger.entry(position).cloned();
        let (mut decision, mut news) = (None, Vec::new());
        for call in calls {
            let message = replay.message(call)?;
            match (&mut decision, call) {
                (_, Call::Early(..)) => {}
                (None, Call::Open(with_document)) => {
                    let entry = entry.clone().ok_or(OUT_OF_PLACE)?;
                    let document = self.documents.get(&entry.id).cloned();
                    let document = document.filter(|_| *with_document);
                    decision = Some(self.shared.decision(entry, document, false));
                }
                (None, _) => return Err(OUT_OF_PLACE),
                (Some(decision), call) => match (message, call) {
                    (Some((from, message)), _) => {
                        decision.handle(from, message, &mut replay, &mut news);
                    }
                    (None, Call::Supply) => {
                        let claim = &entry.as_ref().ok_or(OUT_OF_PLACE)?.claim;
                        let taken =
                            self.stock.take(claim).ok_or(Broken("material that is not there"))?;
                        decision.supply(taken, &mut replay, &mut news);
                    }
                    (None, Call::Document) => {
                        let id = entry.as_ref().ok_or(OUT_OF_PLACE)?.id;
                        let bytes = self.documents.get(&id).cloned();
                        let bytes = bytes.ok_or(Broken("a document that is not there"))?;
                        decision.hand_document(&bytes, &mut replay, &mut news);
                    }
                    (None, Call::Cast(ballot)) => decision.cast(ballot, &mut replay),
                    (None, Call::Close) => decision.close(&mut replay),
                    (None, Call::Sign(purpose)) => {
                        if !self.deciding.signed_before(position, *purpose, &news) {
                            return Err(Broken("a signature that was not written down"));
                        }
                        decision.sign(*purpose, &mut replay);
                    }
                    (None, _) => return Err(OUT_OF_PLACE),
                },
            }
        }
        match decision {
            Some(decision) => self.reopen(position, decision),
            None => {
                for (from, message) in std::mem::take(&mut replay.early) {
                    self.keep_early_again(from, position, message);
                }
            }
        }
        Ok(replay.end(move |m| Message::Decision(position, m)))
    }

    /// Goes on where this party was when it stopped: says again what its instances said, and does what
    /// they still wait for.
    pub(super) fn resume(&mut self, sink: &mut Sink<S>) {
        let Replayed { said, jobs, useless } = std::mem::take(&mut self.replayed);
        for (to, message) in said.into_iter().filter(|_| !zoo::on(Mutant::NotSaidAgain)) {
            sink.say_again(to, message);
        }
        for (number, job) in jobs.into_iter().filter(|_| !zoo::on(Mutant::JobsForgotten)) {
            sink.rework(number, job);
        }
        for instance in useless {
            sink.journal.forget(instance);
        }
        for (position, deadline_ms) in self.deciding.deadlines() {
            sink.timer(Alarm::Deadline(position), When::AtUtc(deadline_ms));
        }
        let runs = self.production.runs.range(self.production.next()..);
        for run in runs.map(|(run, _)| *run).collect::<Vec<_>>() {
            sink.timer(Alarm::Patience(run), When::After(limits::RUN_PATIENCE));
        }
        let delivered: Vec<(ProposalId, Bytes)> = self
            .ordering
            .broadcasts
            .iter()
            .filter(|(id, _)| !self.ordering.is_waiting(id) && !self.ledger.contains(id))
            .filter_map(|(id, rbc)| Some((*id, rbc.delivered()?.clone())))
            .collect();
        for (id, payload) in delivered {
            self.on_payload(id, &payload, sink);
        }
        while self.apply_ended_slot(sink) {}
        while self.apply_ended_run(sink) {}
    }
}
