//! Members, stores, and the messages between them.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::{ChaCha8Rng, ChaCha20Rng};

use super::replacing::Newcomer;
use super::*;
use crate::decision::proposal::{Proposal, Renewal};
use crate::fault::Fault;
use crate::keys::TrustedKeyDealer;
use crate::party::{Answer, Done, RequestId, TimerToken, When};
use crate::record::Memory;
use crate::rule::Rule;

/// What is on its way: sender, receiver, epoch.
pub(super) type Letter = (PartyId, PartyId, u64, MessageOf<RealSuite>);

pub(super) struct World {
    pub committee: Committee,
    pub firsts: Vec<EpochKeys>,
    pub members: Vec<Option<Epochs>>,
    pub stores: Vec<Memory>,
    flight: Vec<Letter>,
    done: VecDeque<(PartyId, u64, Done<RealSuite>)>,
    timers: Vec<(u64, PartyId, u64, TimerToken)>,
    now: u64,
    /// Letters for which this holds are lost.
    pub lost: fn(&Letter) -> bool,
    /// Letters for which this holds wait.
    pub held: fn(&Letter) -> bool,
    waiting: Vec<Letter>,
    /// All that member 0 was sent.
    pub heard: Vec<(PartyId, u64, MessageOf<RealSuite>)>,
    pub answers: Vec<(PartyId, Result<Answer, Refusal>)>,
    pub faults: Vec<(PartyId, Fault)>,
    pub erased: Vec<(PartyId, u64)>,
    /// Who was told that its seat is another's.
    pub replaced: Vec<PartyId>,
    pub newcomer: Option<Newcomer>,
    /// Who stops, after so many more effects.
    pub crash: Option<(PartyId, usize)>,
    /// What members do otherwise in a refresh, from their next start on.
    pub deviations: Vec<Deviation>,
    rng: ChaCha8Rng,
}

pub(super) fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

impl World {
    /// A network whose first keys are dealt; everybody is up.
    pub(super) fn new(n: usize, seed: u64) -> Self {
        let committee = Committee::new(n).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let keys = TrustedKeyDealer::deal(committee, 1, &mut rng).unwrap();
        let first = |(keyring, keys): (Arc<Keyring>, KeySet)| EpochKeys {
            seed: Secret::new([40 + keyring.me().index() as u8; 32]),
            keyring,
            keys: Arc::new(keys),
        };
        let mut world = Self {
            committee,
            firsts: Keyring::for_tests(n, seed).into_iter().zip(keys).map(first).collect(),
            members: (0..n).map(|_| None).collect(),
            stores: vec![Memory::default(); n],
            flight: Vec::new(),
            done: VecDeque::new(),
            timers: Vec::new(),
            now: 0,
            lost: |_| false,
            held: |_| false,
            waiting: Vec::new(),
            heard: Vec::new(),
            answers: Vec::new(),
            faults: Vec::new(),
            erased: Vec::new(),
            replaced: Vec::new(),
            newcomer: None,
            crash: None,
            deviations: vec![Deviation::default(); n],
            rng: ChaCha8Rng::seed_from_u64(seed),
        };
        committee.parties().for_each(|p| world.start(p));
        world
    }

    pub(super) fn member(&self, index: usize) -> &Epochs {
        self.members[index].as_ref().expect("it is up")
    }

    /// Those that are up.
    pub(super) fn members(&self) -> impl Iterator<Item = &Epochs> {
        self.members.iter().flatten()
    }

    /// A member comes up from its store, and from its first keys until they are erased.
    pub(super) fn start(&mut self, p: PartyId) {
        if self.newcomer.as_ref().is_some_and(|newcomer| newcomer.seat == p) {
            return self.start_newcomer();
        }
        let member = self.restored(p, !self.erased.contains(&(p, 1)));
        self.members[p.index()] = Some(member.expect("a sound store"));
        self.step(p, EpochsEvent::Start);
    }

    /// A member as it is in its store.
    pub(super) fn restored(&self, p: PartyId, with_first: bool) -> Result<Epochs, RestoreError> {
        let records = self.stores[p.index()].records();
        let first = &self.firsts[p.index()];
        let config = EpochsConfig {
            network: Digest::from([7; 32]),
            policy: Policy::for_members(self.committee.n()),
            accountable: false,
            identities: Arc::clone(first.keyring.identities()),
            first: with_first.then(|| first.clone()),
        };
        let deviation = self.deviations[p.index()].clone();
        Epochs::with_deviation(config, deviation, records)
    }

    /// What one member said to another is on its way again.
    pub(super) fn say_again(&mut self, from: PartyId, to: PartyId, repeat: Repeat) {
        let config = self.member(from.index()).config_again();
        let again = Epochs::new(config, self.stores[from.index()].records()).unwrap();
        let words = again.words_for(to, repeat).into_iter();
        self.flight.extend(words.map(|word| (from, to, word.epoch, word.message)));
    }

    /// A member comes up from a backup of its first keys: with another seed, and marked.
    pub(super) fn start_from_backup(&mut self, p: PartyId) {
        self.stores[p.index()] = restored_mark(1, self.rng.random()).into_iter().collect();
        self.firsts[p.index()].seed = Secret::new(self.rng.random());
        self.start(p);
    }

    /// A copy of a member's store.
    pub(super) fn copy(&self, p: PartyId) -> Memory {
        self.stores[p.index()].clone()
    }

    /// A member stops and comes up from an older copy of its store, which it knows.
    pub(super) fn start_from_copy(&mut self, p: PartyId, copy: Memory) {
        self.stop(p);
        let mut store = copy;
        let marks = older_copy(&store.records(), 1, self.rng.random());
        store.write(marks);
        self.stores[p.index()] = store;
        self.start(p);
    }

    /// A member stops; what is on its way to it is lost.
    pub(super) fn stop(&mut self, p: PartyId) {
        self.members[p.index()] = None;
        if let Some(newcomer) = self.newcomer.as_mut().filter(|newcomer| newcomer.seat == p) {
            newcomer.entering = None;
        }
        self.flight.retain(|(_, to, ..)| *to != p);
        self.done.retain(|(of, ..)| *of != p);
        self.timers.retain(|(_, of, ..)| *of != p);
    }

    /// What waits arrives, the newest first.
    pub(super) fn release(&mut self) {
        self.held = |_| false;
        for (from, to, epoch, message) in std::mem::take(&mut self.waiting).into_iter().rev() {
            self.step(to, EpochsEvent::Message { from, epoch, message });
        }
    }

    pub(super) fn step(&mut self, p: PartyId, event: EpochsEvent) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let Some(effects) = self.effects_of(p, event) else { return };
            for effect in effects {
                if let Some((of, left)) = &mut self.crash
                    && *of == p
                {
                    // What is durable together is lost together.
                    if *left == 0 {
                        self.crash = None;
                        return self.stop(p);
                    }
                    *left -= 1;
                }
                match effect {
                    EpochsEffect::Party { epoch, effect } => self.execute(p, epoch, effect),
                    EpochsEffect::Draw => {
                        events.push_back(EpochsEvent::Entropy(Secret::new(self.rng.random())));
                    }
                    EpochsEffect::Began(_) => {}
                    EpochsEffect::Replaced => self.replaced.push(p),
                    EpochsEffect::Erased { epoch } => self.erased.push((p, epoch)),
                }
            }
        }
    }

    fn execute(&mut self, p: PartyId, epoch: u64, effect: Effect<RealSuite>) {
        match effect {
            Effect::Persist(records) => self.stores[p.index()].write(records),
            Effect::Send { to: Recipient::One(to), message } => {
                self.flight.push((p, to, epoch, message));
            }
            Effect::Send { to: Recipient::All, message } => {
                for to in self.committee.parties().filter(|to| *to != p) {
                    self.flight.push((p, to, epoch, message.clone()));
                }
            }
            Effect::SetTimer { token, when } => {
                let at = match when {
                    When::After(wait) => self.now + wait.as_millis() as u64,
                    When::AtUtc(at) => at,
                };
                self.timers.push((at, p, epoch, token));
            }
            Effect::Work(job) => self.done.push_back((p, epoch, job())),
            Effect::Fault(fault) => self.faults.push((p, fault)),
            Effect::Answer { answer, .. } => self.answers.push((p, answer)),
            Effect::SayAgain(to, what) => self.say_again(p, to, Repeat::of(epoch, what)),
            Effect::Notify(_) => {}
        }
    }

    /// Delivers everything in random order. Timers only fire when nothing else is left.
    pub(super) fn run(&mut self) {
        while self.deliver_one() || self.fire_one() {}
    }

    /// The same, but of timers only those that fire within a second.
    pub(super) fn run_untimed(&mut self) {
        while self.deliver_one() || (self.next_timer() < Some(self.now + 1000) && self.fire_one()) {
        }
    }

    fn next_timer(&self) -> Option<u64> {
        self.timers.iter().map(|(at, ..)| *at).min().or(Some(u64::MAX))
    }

    pub(super) fn fire_one(&mut self) -> bool {
        self.timers.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        let Some((at, p, epoch, token)) = self.timers.pop() else { return false };
        self.now = self.now.max(at);
        self.step(p, EpochsEvent::Party { epoch, event: Event::Timer(token) });
        true
    }

    /// What is on its way.
    pub(super) fn letters(&self) -> &[Letter] {
        &self.flight
    }

    pub(super) fn deliver_one(&mut self) -> bool {
        if let Some((p, epoch, done)) = self.done.pop_front() {
            self.step(p, EpochsEvent::Party { epoch, event: Event::Done(done) });
        } else if !self.flight.is_empty() {
            let i = self.rng.random_range(0..self.flight.len());
            let letter = self.flight.swap_remove(i);
            if (self.lost)(&letter) || !self.are_linked(letter.0, letter.1) {
                return true;
            }
            if (self.held)(&letter) {
                self.waiting.push(letter);
            } else {
                let (from, to, epoch, message) = letter;
                if to.index() == 0 {
                    self.heard.push((from, epoch, message.clone()));
                }
                self.step(to, EpochsEvent::Message { from, epoch, message });
            }
        } else {
            return false;
        }
        true
    }

    pub(super) fn propose(&mut self, p: u16, refresh: bool) -> Result<Digest, Refusal> {
        self.propose_with(p, if refresh { Renewal::Refresh } else { Renewal::None })
    }

    pub(super) fn propose_with(&mut self, p: u16, renewal: Renewal) -> Result<Digest, Refusal> {
        let quorum = self.committee.quorum();
        let yes = if renewal.is_some() { quorum } else { 2 };
        let proposal = Proposal {
            title: "Extend the credit line, or renew the keys".into(),
            text: String::new(),
            rule: Rule::parse(&format!("count(approve) >= {yes}")).unwrap(),
            deadline_ms: self.now + 1_000_000,
            minimum: quorum as u16,
            nonce: self.rng.random(),
            document: None,
            renewal,
        };
        let request = RequestId(0);
        let event = Event::Propose { request, proposal, document: None };
        self.step(party(p), EpochsEvent::Here(event));
        match self.answers.last() {
            Some((_, Ok(Answer::Proposed { decision }))) => Ok(*decision),
            Some((_, Err(refusal))) => Err(refusal.clone()),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn vote(&mut self, p: u16, decision: Digest, value: u64) {
        let value = Secret::new(value);
        let event = Event::Vote { request: RequestId(1), decision, value };
        self.step(party(p), EpochsEvent::Here(event));
    }

    pub(super) fn vote_all(&mut self, decision: Digest, members: &[u16]) {
        members.iter().for_each(|p| self.vote(*p, decision, 1));
    }

    /// Has a refresh accepted by these members; what follows has not happened yet.
    pub(super) fn accept_refresh(&mut self, members: &[u16]) {
        let decision = self.propose(members[0], true).unwrap();
        self.run_untimed();
        self.vote_all(decision, members);
    }

    pub(super) fn assert_epoch(&self, epoch: u64) {
        for member in self.members() {
            assert_eq!(member.epoch(), epoch, "{member:?}");
        }
    }

    pub(super) fn assert_nobody_blamed(&self) {
        assert!(self.faults.is_empty(), "{:?}", self.faults);
    }
}
