//! The network: real ceremonies, messages in flight, a clock, and everything that goes wrong.
//!
//! One step takes what happens next from the schedule, lets a member handle it, and executes the
//! effects in order. A sample of what is said is really encoded and decoded.

use std::collections::BTreeSet;

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::{PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::fault::Fault;
use quorate_protocol::keys::KeySet;
use quorate_protocol::keys::ceremony::{
    Ceremony, CeremonyConfig, CeremonyEffect, CeremonyEvent, EPOCH, decode, encode,
};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::record::Memory;
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::acss;
use quorate_protocol::tag::Tag;
use rand::RngExt;

use super::adversary::{Behaviour, Insider};
use super::checker::{self, Checker, Keys, Observation, Standing, What};
use super::corrupt::Corrupt;
use super::ghost::Ghost;
use super::plan::Plan;
use super::{Content, Wire};
use crate::Rng;
use crate::coverage::Coverage;
use crate::plan::Restart;
use crate::report::{Report, Violation};
use crate::schedule::{Freight, Next, Pending};
use crate::trace::{Delivery, Event, Labelled, Layer, Listener, Mark, Print, Prints, Trace};
use crate::votes;

/// One message in so many is encoded and decoded.
const SAMPLE: u32 = 16;

/// What travels between two members.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) from: PartyId,
    pub(super) to: PartyId,
    pub(super) message: Wire,
    sent: u64,
    print: Print,
}

impl Freight for Frame {
    fn link(&self) -> (PartyId, PartyId) {
        (self.from, self.to)
    }

    fn bytes(&self) -> u64 {
        self.print.size
    }

    fn has(&self, layer: Layer) -> bool {
        self.message.layer() == layer
    }

    fn votes(&self) -> Option<bool> {
        votes::of_keygen(&self.message)
    }
}

/// Something with a time of its own.
pub(super) enum Happening {
    /// A member comes up for the first time.
    Begin(PartyId),
    /// A killed member starts again.
    Revive(PartyId),
}

/// An honest member.
#[derive(Default)]
pub(super) struct Honest {
    /// `None` while it is down.
    pub(super) ceremony: Option<Ceremony>,
    /// What it wrote down.
    pub(super) store: Memory,
    /// What waits for its start.
    pub(super) held: Vec<Frame>,
    /// Steps of all its lives.
    pub(super) steps: u64,
    /// When it is still to be killed, the next first.
    pub(super) restarts: Vec<Restart>,
}

enum Member {
    Honest(Box<Honest>),
    Corrupt(Box<Corrupt>),
}

/// What honest members did that coverage counts, each once.
#[derive(Default)]
struct Exercised {
    coins: BTreeSet<(PartyId, u32)>,
    complaints: BTreeSet<(PartyId, PartyId)>,
    recovered: BTreeSet<(PartyId, PartyId)>,
    generated: PartySet,
    excluded: u64,
    restarts: u64,
}

/// A whole network.
pub struct World {
    plan: Plan,
    ghost: Ghost,
    network: Digest,
    members: PartyMap<Member>,
    pub(super) pending: Pending<Frame, Happening>,
    pub(super) rng: Rng,
    exercised: Exercised,
    cut_short: bool,
    steps: u64,
    checkers: Vec<Box<dyn Checker>>,
    violation: Option<Violation>,
    pub(super) trace: Trace,
    prints: Prints,
}

impl World {
    /// The network of a plan, before its first step.
    pub fn new(plan: Plan) -> Self {
        let committee = plan.committee;
        let keyrings = Keyring::for_tests(committee.n(), plan.token.seed);
        let network = Digest::from([0x51; 32]);
        let tag = Tag::root(network.as_bytes(), 0).child("key generation");
        let member = |party| match plan.behaviours(party) {
            Some(behaviours) => {
                let keyring = keyring(&keyrings, party);
                Member::Corrupt(Box::new(Corrupt::new(Insider { keyring, tag }, behaviours)))
            }
            None => {
                let restarts = plan.restarts.iter().filter(|r| r.party == party).copied();
                Member::Honest(Box::new(Honest {
                    restarts: restarts.collect(),
                    ..Honest::default()
                }))
            }
        };
        let mut world = Self {
            members: PartyMap::from_fn(committee, member),
            pending: Pending::new(plan.discipline, plan.links.clone()),
            rng: plan.token.rng("world"),
            exercised: Exercised::default(),
            cut_short: false,
            steps: 0,
            checkers: checker::all(),
            violation: None,
            trace: Trace::default(),
            prints: Prints::default(),
            ghost: Ghost::new(&plan, keyrings),
            network,
            plan,
        };
        world.trace.event(0, &Event::Plan(&world.plan));
        for (party, time) in committee.parties().zip(world.plan.begins.clone()) {
            world.pending.at(time, Happening::Begin(party));
        }
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

    /// An honest member's ceremony, unless it is down.
    pub fn ceremony(&self, party: PartyId) -> Option<&Ceremony> {
        match &self.members[party] {
            Member::Honest(honest) => honest.ceremony.as_ref(),
            Member::Corrupt(_) => None,
        }
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
                self.trace.event(turn.time, &Event::Network(&turn));
            }
            match next {
                Next::Frame(frame) => self.deliver(frame),
                Next::Event(Happening::Begin(party)) => self.begin(party),
                Next::Event(Happening::Revive(party)) => self.revive(party),
            }
            if self.steps.is_multiple_of(1024) {
                self.observe(What::Steps(self.steps));
            }
            watch(self);
        }
        for turn in self.pending.outlasting() {
            self.trace.event(turn.time, &Event::Network(&turn));
        }
        Report {
            token: self.plan.token,
            trace: self.trace.hash(),
            steps: self.steps,
            time: self.pending.now(),
            coverage: self.coverage(),
            violation: self.violation.clone(),
        }
    }

    fn begin(&mut self, party: PartyId) {
        let now = self.pending.now();
        self.trace.at(now, party, Mark::ComesUp);
        match &mut self.members[party] {
            Member::Honest(_) => self.start(party),
            Member::Corrupt(corrupt) => {
                let said = corrupt.begin(&mut self.rng);
                self.send_all(party, said);
            }
        }
    }

    /// Starts an honest member, for the first time or again.
    pub(super) fn start(&mut self, party: PartyId) {
        let config = CeremonyConfig {
            network: self.network,
            keyring: keyring(&self.ghost.keyrings, party),
            seed: Secret::new(self.plan.token.rng(&format!("seed of {party}")).random()),
        };
        let Some(honest) = self.honest(party) else { return };
        let restored = Ceremony::new(config, honest.store.records());
        honest.ceremony = Some(restored.expect("what a member wrote down can be read"));
        let held = std::mem::take(&mut honest.held);
        self.step(party, CeremonyEvent::Start);
        for frame in held {
            self.pending.send(frame, &mut self.rng);
        }
    }

    pub(super) fn honest(&mut self, party: PartyId) -> Option<&mut Honest> {
        match &mut self.members[party] {
            Member::Honest(honest) => Some(honest),
            Member::Corrupt(_) => None,
        }
    }

    /// Hands a message to its recipient; one that is down gets it later.
    fn deliver(&mut self, frame: Frame) {
        let Frame { from, to, ref message, sent, print } = frame;
        let delivery = Delivery { from, to, sent, epoch: EPOCH, print, message };
        let up = match &mut self.members[to] {
            Member::Corrupt(corrupt) => {
                let said = corrupt.hear(from, message.clone(), &mut self.rng);
                self.trace.event(self.pending.now(), &Event::Message(delivery));
                return self.send_all(to, said);
            }
            Member::Honest(honest) => honest.ceremony.is_some(),
        };
        if !up {
            return self.hold(frame);
        }
        self.trace.event(self.pending.now(), &Event::Message(delivery));
        self.step(to, CeremonyEvent::Message { from, message: message.clone() });
        if self.ceremony(to).is_some() {
            self.observe(What::Handled { from, by: to, message });
        } else {
            // Killed before it could acknowledge.
            self.hold(frame);
        }
    }

    fn hold(&mut self, frame: Frame) {
        if let Some(honest) = self.honest(frame.to) {
            honest.held.push(frame);
        }
    }

    /// Whether a member was killed before it had done all that its step wanted.
    pub const fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// Lets something happen to an honest member.
    fn step(&mut self, party: PartyId, event: CeremonyEvent) {
        let Some(honest) = self.honest(party) else { return };
        let Some(ceremony) = &mut honest.ceremony else { return };
        let effects = ceremony.step(event);
        honest.steps += 1;
        let killed = honest.killed();
        let most = killed.map_or(usize::MAX, |restart| restart.effects);
        self.cut_short |= effects.len() > most;
        for effect in effects.into_iter().take(most) {
            self.execute(party, effect);
        }
        if let Some(restart) = killed {
            self.kill(restart);
        }
    }

    fn execute(&mut self, by: PartyId, effect: CeremonyEffect) {
        match effect {
            CeremonyEffect::Persist(records) => {
                let Some(honest) = self.honest(by) else { return };
                honest.store.write(records);
            }
            CeremonyEffect::Send { to, message } => {
                let peers: Vec<PartyId> = match to {
                    Recipient::One(peer) => vec![peer],
                    Recipient::All => self.plan.committee.parties().filter(|p| *p != by).collect(),
                };
                for to in peers {
                    self.observe(What::Said { by, to, message: &message });
                    self.exercise(by, &message);
                    self.send(by, to, message.clone());
                }
            }
            CeremonyEffect::Fault(fault) | CeremonyEffect::Proven(fault, _) => {
                self.on_fault(by, &fault);
            }
            CeremonyEffect::Generated(keys) => self.on_generated(by, &keys),
            CeremonyEffect::Confirmed(members) => {
                self.trace.at(self.pending.now(), by, Mark::Confirmed(members));
                self.observe(What::Confirmed { by, members });
            }
        }
    }

    fn on_fault(&mut self, by: PartyId, fault: &Fault) {
        self.trace.at(self.pending.now(), by, Mark::Blames(fault));
        self.observe(What::Blamed { by, fault });
    }

    fn on_generated(&mut self, by: PartyId, keys: &KeySet) {
        let generation = self.ceremony(by).and_then(|ceremony| ceremony.progress().generation);
        let complete = generation.map(|g| g.complete).unwrap_or_default();
        let dealers = generation.and_then(|g| g.dealers);
        self.trace.at(self.pending.now(), by, Mark::HasKeys(dealers));
        if self.exercised.generated.insert(by) {
            let complained = self.exercised.complaints.iter();
            let recovered =
                complained.filter(|(of, dealer)| *of == by && complete.contains(*dealer));
            self.exercised.recovered.extend(recovered.copied());
        }
        if let Some(dealers) = dealers {
            let left_out = self.plan.committee.n() - dealers.len();
            self.exercised.excluded = self.exercised.excluded.max(left_out as u64);
        }
        let keys = &Keys::from(keys);
        self.observe(What::Generated { by, keys, dealers, complete });
    }

    /// Sends what a Byzantine member says.
    fn send_all(&mut self, by: PartyId, said: Vec<(PartyId, Wire)>) {
        for (to, message) in said {
            if to != by {
                self.send(by, to, message);
            }
        }
    }

    fn send(&mut self, from: PartyId, to: PartyId, message: Wire) {
        let (sent, print) = (self.pending.now(), self.prints.of(0, &message));
        let message = if self.rng.random_ratio(1, SAMPLE) { decoded(message) } else { message };
        self.pending.send(Frame { from, to, message, sent, print }, &mut self.rng);
    }

    /// Counts what an honest member says.
    fn exercise(&mut self, by: PartyId, message: &Wire) {
        let Wire::Said { message, .. } = message else { return };
        match message {
            Content::Agreement(acs::Message::Shares { round, shares }) => {
                let tossed = shares.iter().map(|(about, _)| (*about, *round));
                self.exercised.coins.extend(tossed);
            }
            Content::Dealing(dealer, acss::Message::Complain(_)) => {
                self.exercised.complaints.insert((by, *dealer));
            }
            _ => {}
        }
    }

    pub(super) fn restarted(&mut self, by: PartyId) {
        self.exercised.restarts += 1;
        self.observe(What::Restarted { by });
    }

    /// Nothing is left to happen: how does everybody stand?
    fn rest(&mut self) {
        self.trace.event(self.pending.now(), &Event::Rest);
        let mut standings = Vec::new();
        for (by, member) in self.members.iter() {
            let Member::Honest(honest) = member else { continue };
            let Some(ceremony) = &honest.ceremony else { continue };
            let progress = ceremony.progress();
            standings.push(Standing {
                by,
                keys: ceremony.key_set().map(Keys::from),
                confirmed: ceremony.confirmed(),
                waiting_for: progress.waiting_for,
                forgot: progress.forgot,
                store: honest.store.secrets().map(|(_, value)| value.clone()).collect(),
            });
        }
        self.observe(What::Steps(self.steps));
        self.observe(What::AtRest(&standings));
    }

    /// Shows something to all checkers.
    fn observe(&mut self, what: What<'_>) {
        let seen = Observation { time: self.pending.now(), what };
        for checker in &mut self.checkers {
            if let Err(what) = checker.check(&self.ghost, &seen)
                && self.violation.is_none()
            {
                let (time, checker) = (seen.time, checker.name());
                self.violation = Some(Violation { time, checker, what });
            }
        }
    }

    /// How often each behaviour of Byzantine members was really seen.
    pub fn deviations(&self) -> Vec<(Behaviour, u64)> {
        let corrupt = self.members.values().iter().filter_map(|member| match member {
            Member::Corrupt(corrupt) => Some(corrupt.deviations()),
            Member::Honest(_) => None,
        });
        corrupt.flatten().collect()
    }

    fn coverage(&self) -> Coverage {
        let (messages, bytes) = self.trace.traffic();
        let Exercised { coins, complaints, recovered, generated, excluded, restarts } =
            &self.exercised;
        Coverage {
            key_sets: generated.len() as u64,
            coins: coins.len() as u64,
            complaints: complaints.len() as u64,
            recovered: recovered.len() as u64,
            excluded: *excluded,
            restarts: *restarts,
            messages,
            bytes,
            events: self.steps,
            time: self.pending.now(),
            ..Coverage::default()
        }
    }
}

fn keyring(keyrings: &[std::sync::Arc<Keyring>], party: PartyId) -> std::sync::Arc<Keyring> {
    keyrings.get(party.index()).cloned().expect("every member has a keyring")
}

/// A message as it comes out of its frame.
///
/// # Panics
/// If what we encoded is not what we decode: a bug of the encoding.
fn decoded(message: Wire) -> Wire {
    let frame = encode([message]).pop().expect("one message is one frame");
    let mut decoded = decode(&frame).expect("our frames are frames");
    assert_eq!(decoded.skipped, 0, "a message of ours has an encoding");
    decoded.messages.pop().expect("it holds the message")
}
