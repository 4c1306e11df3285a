//! Whole parties in one process, under a random schedule.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use quorate_protocol::crypto::keyring::Keyring;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::life::Phase;
use quorate_protocol::decision::proposal::{DocumentRef, Proposal, Renewal};
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::keys::TrustedKeyDealer;
use quorate_protocol::party::{
    Again, Answer, Config, Done, Effect, Event, Message, MessageOf, Notice, Party, RealSuite,
    Refusal, RequestId, TimerToken, When,
};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::record::Memory;
use quorate_protocol::rule::Rule;
use quorate_protocol::secret::Secret;
use quorate_protocol::wire::Bytes;
use quorate_protocol::{Committee, Fault, PartyId};

pub type Real = Party<RealSuite>;
pub type Wire = MessageOf<RealSuite>;

/// Where a party speaks, apart from facts and questions about the past.
pub type Instance = (&'static str, u64, u64);

/// Where a message speaks.
pub fn instance(message: &Wire) -> Option<Instance> {
    use quorate_protocol::agreement::rbc::Message::Pull;
    use quorate_protocol::decision::life::Message::Certified;
    match message {
        Message::Proposal(_, Pull(_)) | Message::Decision(_, Certified(_)) => None,
        Message::Proposal(id, _) => Some(("proposal", id.proposer.point(), id.sequence)),
        Message::Slot(slot, _) => Some(("slot", *slot, 0)),
        Message::Run(run, _) => Some(("run", *run, 0)),
        Message::Decision(position, _) => Some(("decision", *position, 0)),
        _ => None,
    }
}

/// Parties, messages in flight, timers, and what each wrote down.
pub struct World {
    pub parties: BTreeMap<PartyId, Real>,
    pub configs: Vec<Box<dyn Fn() -> Config<RealSuite>>>,
    pub stores: BTreeMap<PartyId, Memory>,
    pub flight: Vec<(PartyId, PartyId, Wire)>,
    pub done: VecDeque<(PartyId, Done<RealSuite>)>,
    pub timers: Vec<(u64, PartyId, TimerToken)>,
    pub now: u64,
    /// The deadline of what is proposed.
    pub deadline_ms: u64,
    /// Messages for which this holds are lost.
    pub lost: fn(&(PartyId, PartyId, Wire)) -> bool,
    pub answers: Vec<(PartyId, RequestId, Result<Answer, Refusal>)>,
    pub faults: Vec<(PartyId, Fault)>,
    /// Where each has spoken.
    pub spoken: BTreeSet<(PartyId, Instance)>,
    pub notices: Vec<(PartyId, Notice)>,
    /// Everything said, in order.
    pub words: Vec<(PartyId, Recipient, Wire)>,
    /// This party stops after so many more effects.
    pub kill: Option<(PartyId, usize)>,
    pub rng: ChaCha8Rng,
}

impl World {
    pub fn new(n: usize, seed: u64) -> Self {
        Self::with(n, seed, false)
    }

    /// A network that demands members' signatures on certificates, or does not.
    pub fn with(n: usize, seed: u64, accountable: bool) -> Self {
        let keyrings = Keyring::for_tests(n, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let committee = Committee::new(n).unwrap();
        let keys = TrustedKeyDealer::deal(committee, 0, &mut rng).unwrap();
        let mut configs: Vec<Box<dyn Fn() -> Config<RealSuite>>> = Vec::new();
        for (keyring, keys) in keyrings.into_iter().zip(keys) {
            let (coin, keys) = (Arc::new(keys.coin().unwrap()), Arc::new(keys));
            let policy = Policy::for_members(n);
            configs.push(Box::new(move || Config {
                network: Digest::from([7; 32]),
                epoch: 0,
                keyring: Arc::clone(&keyring),
                keys: Arc::clone(&keys),
                accountable,
                coin: Arc::clone(&coin),
                seed: Secret::new([keyring.me().index() as u8; 32]),
                policy,
            }));
        }
        let mut world = Self {
            parties: BTreeMap::new(),
            configs,
            stores: BTreeMap::new(),
            flight: Vec::new(),
            done: VecDeque::new(),
            timers: Vec::new(),
            now: 0,
            deadline_ms: 1_000_000,
            lost: |_| false,
            answers: Vec::new(),
            faults: Vec::new(),
            spoken: BTreeSet::new(),
            notices: Vec::new(),
            words: Vec::new(),
            kill: None,
            rng,
        };
        for party in committee.parties() {
            world.start(party);
        }
        world
    }

    /// Starts a party from what it wrote down.
    pub fn start(&mut self, party: PartyId) {
        let records = self.stores.entry(party).or_default().records();
        let config = self.configs[party.index()]();
        self.parties.insert(party, Party::new(config, records).unwrap());
        self.step(party, Event::Start);
    }

    /// Stops a party; what is in flight to it is lost.
    pub fn stop(&mut self, party: PartyId) {
        self.parties.remove(&party);
        self.flight.retain(|(_, to, _)| *to != party);
        self.timers.retain(|(_, of, _)| *of != party);
        self.done.retain(|(of, _)| *of != party);
    }

    pub fn step(&mut self, party: PartyId, event: Event<RealSuite>) {
        self.act(party, |state| state.step(event));
    }

    pub fn act(&mut self, party: PartyId, act: impl FnOnce(&mut Real) -> Vec<Effect<RealSuite>>) {
        let Some(state) = self.parties.get_mut(&party) else { return };
        for effect in act(state) {
            match &mut self.kill {
                Some((victim, 0)) if *victim == party => {
                    self.kill = None;
                    return self.stop(party);
                }
                Some((victim, left)) if *victim == party => *left -= 1,
                _ => {}
            }
            if let Effect::Send { to, message } = &effect {
                self.words.push((party, *to, message.clone()));
                self.spoken.extend(instance(message).map(|instance| (party, instance)));
            }
            match effect {
                Effect::Persist(records) => {
                    self.stores.entry(party).or_default().write(records);
                }
                Effect::Send { to: Recipient::One(to), message } => {
                    self.flight.push((party, to, message));
                }
                Effect::Send { to: Recipient::All, message } => {
                    for to in self.configs.iter().zip(0..).map(|(_, i)| PartyId::new(i)) {
                        if to != party {
                            self.flight.push((party, to, message.clone()));
                        }
                    }
                }
                Effect::SetTimer { token, when } => {
                    let at = match when {
                        When::After(wait) => self.now + wait.as_millis() as u64,
                        When::AtUtc(at) => at,
                    };
                    self.timers.push((at, party, token));
                }
                Effect::Work(job) => self.done.push_back((party, job())),
                Effect::Fault(fault) => self.faults.push((party, fault)),
                Effect::SayAgain(to, what) => self.say_again(party, to, what),
                Effect::Answer { request, answer } => self.answers.push((party, request, answer)),
                Effect::Notify(notice) => self.notices.push((party, notice)),
            }
        }
    }

    /// What a party has said to another one, as it follows from what it wrote down.
    pub fn say_again(&mut self, party: PartyId, to: PartyId, what: Again) {
        let records = self.stores.entry(party).or_default().records();
        let mut again = Party::new(self.configs[party.index()](), records).unwrap();
        for effect in again.step(Event::Start) {
            if let Effect::Send { to: first, message } = effect
                && [Recipient::All, Recipient::One(to)].contains(&first)
                && what.says(&message)
            {
                self.flight.push((party, to, message));
            }
        }
    }

    /// Delivers everything in random order. Timers only fire when nothing else is left.
    pub fn run(&mut self) {
        while self.deliver_one() || self.fire_one() {}
    }

    /// Like [`run`](Self::run), without timers.
    pub fn run_untimed(&mut self) {
        while self.deliver_one() {}
    }

    /// The same, and timers that fire before this time.
    pub fn run_before(&mut self, time_ms: u64) {
        let next = |world: &Self| world.timers.iter().map(|(at, ..)| *at).min();
        while self.deliver_one() || next(self).is_some_and(|at| at < time_ms) && self.fire_one() {}
    }

    pub fn fire_one(&mut self) -> bool {
        self.timers.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let Some((at, party, token)) = self.timers.pop() else { return false };
        self.now = self.now.max(at);
        self.step(party, Event::Timer(token));
        true
    }

    pub fn deliver_one(&mut self) -> bool {
        if let Some((party, done)) = self.done.pop_front() {
            self.step(party, Event::Done(done));
        } else if !self.flight.is_empty() {
            let i = self.rng.random_range(0..self.flight.len());
            let envelope = self.flight.swap_remove(i);
            if !(self.lost)(&envelope) {
                let (from, to, message) = envelope;
                self.step(to, Event::Message { from, message });
            }
        } else {
            return false;
        }
        true
    }

    /// Fires nothing but the patience of preprocessing runs: the first timers set.
    pub fn run_until_ordered(&mut self, positions: u64) {
        let ready = |w: &Self| {
            w.parties.values().all(|p| p.status().positions >= positions && p.status().runs > 0)
        };
        while !ready(self) {
            self.run_untimed();
            if !ready(self) {
                self.fire_one();
            }
        }
    }

    pub fn propose(&mut self, party: u16, rule: &str) -> Digest {
        self.propose_with(party, rule, None).unwrap()
    }

    /// The same with a document to be signed.
    pub fn propose_with(
        &mut self,
        party: u16,
        rule: &str,
        document: Option<&[u8]>,
    ) -> Result<Digest, Refusal> {
        self.propose_any(party, rule, document, false)
    }

    /// The same for any kind of proposal.
    pub fn propose_any(
        &mut self,
        party: u16,
        rule: &str,
        document: Option<&[u8]>,
        refresh: bool,
    ) -> Result<Digest, Refusal> {
        let nonce = self.rng.random();
        let rule = Rule::parse(rule).unwrap();
        let minimum = self.configs.len() as u16 / 2 + 1;
        let proposal = Proposal {
            title: "Extend the credit line".into(),
            text: String::new(),
            rule,
            deadline_ms: self.deadline_ms,
            minimum,
            nonce,
            document: document.and_then(DocumentRef::of),
            renewal: if refresh { Renewal::Refresh } else { Renewal::None },
        };
        let document = document.map(Bytes::from);
        let request = RequestId(self.answers.len() as u64 + 1000);
        self.step(PartyId::new(party), Event::Propose { request, proposal, document });
        match self.answers.last() {
            Some((_, r, Ok(Answer::Proposed { decision }))) if *r == request => Ok(*decision),
            Some((_, r, Err(refusal))) if *r == request => Err(refusal.clone()),
            other => panic!("{other:?}"),
        }
    }

    pub fn vote(&mut self, party: u16, decision: Digest, value: u64) {
        let request = RequestId(u64::from(party));
        let value = Secret::new(value);
        self.step(PartyId::new(party), Event::Vote { request, decision, value });
    }

    pub fn assert_certified(&self, decision: Digest, outcome: Outcome) {
        for (id, party) in &self.parties {
            let view = party.decision(&decision).unwrap();
            assert_eq!((view.phase, view.outcome), (Phase::Certified, Some(outcome)), "{id}");
            let certificate = party.certificate(&decision).unwrap();
            assert_eq!(certificate.verify(party.verifier()), Ok(()));
        }
    }
}
