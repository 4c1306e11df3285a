//! The network: real parties, frames in flight, a clock, and everything that goes wrong.
//!
//! One step takes what happens next from the schedule, lets a party handle it, executes the
//! effects in order, and coalesces what it says into one frame for each peer and stream, as the
//! node does. A sample of the frames is really encoded and decoded.

mod actor;
mod corrupted;
mod effects;
mod look;
mod member;
mod pauses;
mod rest;
mod restarts;

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::{PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::ledger::LedgerStart;
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::party::epochs::EpochsEvent;
use quorate_protocol::party::{Done, Event, Party, RealSuite, RequestId, TimerToken};
use quorate_protocol::secret::Secret;
use rand::RngExt;

use crate::checker::{self, Checker, Observation, What};
use crate::coverage::{Coverage, Sight, Sights, Watch};
use crate::ghost::Ghost;
use crate::plan::{Outage, Plan, Vote};
use crate::report::{Report, Violation};
use crate::schedule::{Freight, MILLI, Next, Pending, Troubles};
use crate::trace::{
    Asked, Delivery, Event as Told, Labelled, Layer, Listener, Mark, Print, Prints, Trace,
};
use crate::votes;
use crate::workload::Workload;
use crate::{Rng, Wire};
use actor::ActorId;
pub use actor::Real;
use member::{FIRST_EPOCH, Keys, Member};

/// What travels between two members: the messages of one tick on one stream.
#[derive(Clone, Debug)]
struct Frame {
    from: PartyId,
    to: PartyId,
    epoch: u64,
    /// When.
    sent: u64,
    messages: Vec<(Wire, Print)>,
}

impl Freight for Frame {
    fn link(&self) -> (PartyId, PartyId) {
        (self.from, self.to)
    }

    fn bytes(&self) -> u64 {
        self.messages.iter().map(|(_, print)| print.size).sum()
    }

    fn has(&self, layer: Layer) -> bool {
        self.messages.iter().any(|(message, _)| message.layer() == layer)
    }

    fn votes(&self) -> Option<bool> {
        self.messages.iter().find_map(|(message, _)| votes::of(message))
    }
}

/// Something with a time of its own. The first number is of the member's life: what a life began
/// ends with it. The second is the epoch.
enum Happening {
    /// A result of work.
    Done(ActorId, u32, u64, Box<Done<RealSuite>>),
    /// A timer fires.
    Timer(ActorId, u32, u64, TimerToken),
    /// Random bytes that were asked for.
    Entropy(ActorId, u32, [u8; 32]),
    /// An organisation enters its input.
    Vote(ActorId, Digest, Vote),
    /// A question is asked.
    Ask(usize),
    /// A killed party starts again.
    Revive(PartyId),
    /// A party that paused goes on.
    Resume(PartyId),
    /// All honest parties are killed.
    Outage(Outage),
}

/// A whole network.
pub struct World {
    plan: Plan,
    ghost: Ghost,
    keys: Keys,
    members: PartyMap<Member>,
    pending: Pending<Frame, Happening>,
    workload: Workload,
    requests: BTreeMap<RequestId, Asker>,
    next_request: u64,
    /// Decisions that some honest party has certified.
    decided: BTreeMap<Digest, bool>,
    malformed: u64,
    /// Who was dealt what is wrong, in which epoch.
    disputes: BTreeSet<(PartyId, u64)>,
    restarts: u64,
    /// Restarts from storage that lost or changed something, and frames that waited for the end of a pause.
    spoilt: u64,
    paused: u64,
    /// Epochs that followed the first one, and proposals that lapsed.
    epochs: u64,
    lapsed: u64,
    steps: u64,
    rng: Rng,
    checkers: Vec<Box<dyn Checker>>,
    watch: Watch,
    /// Sees what checkers see, and what honest parties write down as they do.
    watcher: Option<Box<dyn Checker>>,
    violation: Option<Violation>,
    trace: Trace,
    /// Of frames of each class.
    prints: [Prints; 2],
}

/// What a request was.
#[derive(Clone, Copy, Debug)]
enum Asker {
    Proposal(usize),
    Vote(Asked),
}

impl World {
    /// The network of a plan, before its first step.
    pub fn new(plan: Plan) -> Self {
        Self::watched(plan, None)
    }

    /// The same, with somebody who watches.
    pub fn watched(plan: Plan, watcher: Option<Box<dyn Checker>>) -> Self {
        let committee = plan.committee;
        let mut ghost = Ghost::of(&plan);
        let keys = Keys::new(&plan);
        ghost.network = Some(keys.network());
        let mut world = Self {
            members: PartyMap::from_fn(committee, |party| Member::new(&plan, &keys, party)),
            pending: Pending::new(plan.discipline, plan.links.clone()),
            workload: Workload::new(&plan),
            requests: BTreeMap::new(),
            next_request: 0,
            decided: BTreeMap::new(),
            malformed: 0,
            disputes: BTreeSet::new(),
            restarts: 0,
            spoilt: 0,
            paused: 0,
            epochs: 0,
            lapsed: 0,
            steps: 0,
            rng: plan.token.rng("world"),
            checkers: checker::all(),
            watch: Watch::default(),
            watcher,
            violation: None,
            trace: Trace::default(),
            prints: Default::default(),
            ghost,
            keys,
            plan,
        };
        world.trace.event(0, &Told::Plan(&world.plan));
        for party in world.honest().iter() {
            let keys = world.keys.first(ActorId { party, twin: false });
            let start = LedgerStart { position: 0, head: Digest::from([0; 32]) };
            world.observe(What::Began { by: party, keys: &keys, start });
        }
        for party in committee.parties() {
            world.start(party);
        }
        for outage in world.plan.outages.clone() {
            world.pending.at(outage.at, Happening::Outage(outage));
        }
        world.ask_more();
        world
    }

    /// Tells every event of the story to `listener`.
    pub fn listen(&mut self, listener: Listener) {
        self.trace.listen(listener);
    }

    /// What it is a network of.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What really happened.
    pub const fn ghost(&self) -> &Ghost {
        &self.ghost
    }

    /// A party; of twins the first one.
    pub fn party(&self, party: PartyId) -> Option<&Real> {
        self.members[party].actors.first().and_then(|actor| actor.party.as_ref())
    }

    /// A party in its current epoch; of twins the first one.
    pub fn current(&self, party: PartyId) -> Option<&Party<RealSuite>> {
        self.party(party).map(Real::current)
    }

    fn honest(&self) -> PartySet {
        self.plan.committee.everyone().difference(self.ghost.byzantine)
    }

    /// The virtual time in microseconds.
    pub const fn now(&self) -> u64 {
        self.pending.now()
    }

    /// Runs until everything rests or a property does not hold.
    pub fn run(&mut self) -> Report {
        self.run_before(|_| {})
    }

    /// As [`run`](Self::run), before the eyes of somebody who sees the network after each step.
    pub fn run_before(&mut self, mut watch: impl FnMut(&Self)) -> Report {
        while self.violation.is_none() {
            let Some(next) = self.pending.advance() else {
                self.rest();
                break;
            };
            self.steps += 1;
            while let Some(turn) = self.pending.turned() {
                self.trace.event(turn.time, &Told::Network(&turn));
            }
            self.take(next);
            if self.steps.is_multiple_of(1024) {
                self.observe(What::Steps(self.steps));
            }
            if self.steps.is_multiple_of(look::LOOK) {
                self.look();
            }
            self.ask_more();
            watch(self);
        }
        for turn in self.pending.outlasting() {
            self.trace.event(turn.time, &Told::Network(&turn));
        }
        self.report()
    }

    /// How it stands.
    pub fn report(&self) -> Report {
        Report {
            token: self.plan.token,
            trace: self.trace.hash(),
            steps: self.steps,
            time: self.pending.now(),
            coverage: self.coverage(),
            violation: self.violation.clone(),
        }
    }

    /// Lets something happen, unless it happens to a party that pauses.
    fn take(&mut self, next: Next<Frame, Happening>) {
        let Some(next) = self.unless_paused(next) else { return };
        match next {
            Next::Frame(frame) => self.deliver(frame),
            Next::Event(event) => self.happen(event),
        }
    }

    fn happen(&mut self, event: Happening) {
        match event {
            Happening::Done(actor, life, epoch, mut done) => {
                if self.members[actor.party].life == life {
                    let corruption = &mut self.members[actor.party].corruption;
                    corruption.done(&mut done.message, &mut self.rng);
                    let event = Event::Done(*done);
                    self.step(actor, EpochsEvent::Party { epoch, event });
                }
            }
            Happening::Timer(actor, life, epoch, token) => {
                if self.members[actor.party].life == life {
                    self.trace.at(self.pending.now(), actor, Mark::Timer(token));
                    let event = Event::Timer(token);
                    self.step(actor, EpochsEvent::Party { epoch, event });
                }
            }
            Happening::Entropy(actor, life, entropy) => {
                if self.members[actor.party].life == life {
                    self.step(actor, EpochsEvent::Entropy(Secret::new(entropy)));
                }
            }
            Happening::Vote(actor, decision, vote) => self.vote(actor, decision, vote),
            Happening::Ask(number) => self.ask(number),
            Happening::Revive(party) => self.revive(party),
            Happening::Resume(party) => self.resume(party),
            Happening::Outage(outage) => self.outage(outage),
        }
    }

    /// Hands a frame to the recipient; one that is down gets it later.
    fn deliver(&mut self, frame: Frame) {
        let Frame { from, to, epoch, sent, .. } = frame;
        if self.members[to].down {
            self.members[to].held.push(frame);
            return;
        }
        for (message, print) in &frame.messages {
            let delivery = Delivery { from, to, sent, epoch, print: *print, message };
            self.trace.event(self.pending.now(), &Told::Message(delivery));
        }
        let actors: Vec<ActorId> = self.members[to].actors.iter().map(|actor| actor.id).collect();
        for actor in actors {
            for (message, _) in &frame.messages {
                self.handle(actor, from, epoch, message);
                if self.members[to].down {
                    // Killed in the middle of a frame, which was not acknowledged.
                    self.members[to].held.push(frame);
                    return;
                }
            }
            self.flush(actor);
        }
    }

    fn handle(&mut self, actor: ActorId, from: PartyId, epoch: u64, message: &Wire) {
        self.hear(actor, from, epoch, message);
        let by = actor.party;
        if self.ghost.honest(by) {
            self.observe(What::Hears { from, by, epoch, message });
        }
        let event = EpochsEvent::Message { from, epoch, message: message.clone() };
        let effects = self.tick(actor, event);
        if self.ghost.honest(by) && !self.members[by].down {
            self.observe(What::Handled { from, by, epoch, message, effects });
        }
    }

    /// Asks as many questions as may be open.
    fn ask_more(&mut self) {
        while let Some(number) = self.workload.begin() {
            let pause = self.rng.random_range(0..20 * MILLI);
            self.pending.at(self.pending.now() + pause, Happening::Ask(number));
        }
    }

    fn ask(&mut self, number: usize) {
        let now = self.pending.now();
        let Some(proposer) = self.workload.proposer(number) else { return };
        if !self.ghost.steady().contains(proposer) {
            self.workload.close(number);
        }
        let Some(proposal) = self.workload.proposal(number, self.ghost.utc_ms(proposer, now))
        else {
            return;
        };
        if self.members[proposer].down {
            return;
        }
        let Proposal { title, rule, .. } = &proposal;
        self.trace.at(now, proposer, Mark::Asks { number, title, rule });
        let actors: Vec<ActorId> =
            self.members[proposer].actors.iter().map(|actor| actor.id).collect();
        for actor in actors {
            let party = self.members[proposer].actor(actor).and_then(|a| a.party.as_ref());
            let epoch = party.map_or(FIRST_EPOCH, Real::epoch);
            let digest = proposal.digest(&self.keys.root(epoch));
            self.ghost.asked(digest, proposer, number, proposal.clone());
            self.workload.taken(number, digest);
            let request = self.request(Asker::Proposal(number));
            let proposal = proposal.clone();
            let event = Event::Propose { request, proposal, document: None };
            self.step(actor, EpochsEvent::Here(event));
        }
    }

    fn vote(&mut self, actor: ActorId, decision: Digest, vote: Vote) {
        if self.members[actor.party].down {
            return;
        }
        let value = if actor.twin { vote.twin } else { vote.value };
        self.ghost.entered(&decision, actor.party, value);
        let asked = self.workload.asked(&decision);
        let request = self.request(Asker::Vote(asked));
        self.trace.at(self.pending.now(), actor, Mark::Votes(asked));
        let event = Event::Vote { request, decision, value: Secret::new(value) };
        self.step(actor, EpochsEvent::Here(event));
    }

    fn request(&mut self, asker: Asker) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.requests.insert(request, asker);
        request
    }

    /// Shows something to all checkers.
    fn observe(&mut self, what: What<'_>) {
        let seen = Observation { time: self.pending.now(), what };
        self.watch.see(&self.ghost, &seen);
        for checker in self.checkers.iter_mut().chain(&mut self.watcher) {
            if let Err(what) = checker.check(&self.ghost, &seen)
                && self.violation.is_none()
            {
                let (time, checker) = (seen.time, checker.name());
                self.violation = Some(Violation { time, checker, what });
            }
        }
    }

    /// What was seen, and what only the network knows of.
    fn sights(&self) -> Sights {
        let mut sights = self.watch.sights();
        let Troubles { repeated, held, queued } = self.pending.troubles();
        let calm = u64::from(self.ghost.calm && !self.decided.is_empty());
        for (sight, times) in [
            (Sight::Spoilt, self.spoilt),
            (Sight::Paused, self.paused),
            (Sight::Held, held),
            (Sight::Queued, queued),
            (Sight::Repeated, repeated),
            (Sight::Stranded, self.ghost.stranded.len() as u64),
            (Sight::Calm, calm),
        ] {
            sights.add(sight, times);
        }
        sights
    }

    fn coverage(&self) -> Coverage {
        let mut coverage = Coverage {
            decisions: self.decided.len() as u64,
            expired: self.decided.values().filter(|expired| **expired).count() as u64,
            malformed: self.malformed,
            restarts: self.restarts,
            refreshes: self.epochs,
            lapsed: self.lapsed,
            sights: self.sights(),
            events: self.steps,
            time: self.pending.now(),
            ..Coverage::default()
        };
        for member in self.members.values() {
            coverage.deviations += member.corruption.deviations();
        }
        (coverage.messages, coverage.bytes) = self.trace.traffic();
        for party in self.ghost.steady().iter() {
            let Some(party) = self.party(party) else { continue };
            for epoch in (FIRST_EPOCH..=party.epoch()).filter_map(|epoch| party.party(epoch)) {
                let stats = epoch.stats();
                coverage.coins = coverage.coins.max(stats.coins);
                coverage.excluded = coverage.excluded.max(stats.excluded_inputs);
                coverage.refills = coverage.refills.max(stats.refills);
                coverage.complaints += stats.complaints;
                coverage.recovered += stats.recovered;
                coverage.corrected += stats.corrected_openings;
            }
        }
        coverage
    }
}
