//! A Byzantine member: real key generations, the messages of which are rewritten.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::{Digest, Signature};
use quorate_protocol::fault::Fault;
use quorate_protocol::keys::generation::{Deviation, KeyGeneration};
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::acss::{self, scalar::Forgery};
use quorate_protocol::wire::Bytes;
use serde::Serialize;

use super::adversary::{Behaviour, Insider, Rewriter};
use super::{Content, Wire};
use crate::Rng;
use crate::adversary::{Adversary, Letter, differs};

/// The epoch whose keys are made.
const EPOCH: u64 = 1;

/// What a confirmation is signed for.
const CONFIRMED: &str = "keys confirmed";

/// How often a member's whole list is sent again.
const ANSWERS: usize = 32;

/// What it says when it says that it has these keys.
pub(super) fn confirmation(insider: &Insider, keys: &Digest) -> Signature {
    insider.keyring.identity().sign(&insider.tag, CONFIRMED, keys.as_bytes())
}

/// One Byzantine member.
pub(super) struct Corrupt {
    insider: Insider,
    committee: Committee,
    behaviours: Vec<Behaviour>,
    contents: Vec<Deed<Content>>,
    wires: Vec<Deed<Wire>>,
    /// How often each behaviour was seen that is no wrapper, in their order.
    times: Vec<u64>,
    /// One key generation, or two that are twins.
    cores: Vec<Core>,
    started: bool,
    confirmed: bool,
    /// What it has said to each.
    said: PartyMap<Vec<Content>>,
    answers: PartyMap<usize>,
    /// Numbers of what it has heard from each, and how many.
    heard: PartyMap<BTreeSet<u32>>,
    total: u64,
    /// The dealing it copies.
    copied: Option<Bytes>,
}

/// A behaviour that is a wrapper, and how often it was seen.
struct Deed<M> {
    behaviour: Behaviour,
    adversary: Box<dyn Adversary<M>>,
    times: u64,
}

impl<M> Deed<M> {
    fn hear(&mut self, from: PartyId, message: &M, rng: &mut Rng) -> Vec<(PartyId, M)> {
        let said = self.adversary.hear(from, message, rng);
        self.times += said.len() as u64;
        said
    }
}

/// A key generation, and what it wants done.
struct Core {
    generation: KeyGeneration,
    /// Whom it talks to.
    to: PartySet,
    effects: Effects,
}

impl Corrupt {
    pub(super) fn new(insider: Insider, behaviours: &[Behaviour]) -> Self {
        let committee = insider.keyring.committee();
        let (mut contents, mut wires) = (Vec::new(), Vec::new());
        for behaviour in behaviours {
            match behaviour.rewriter(&insider) {
                Some(Rewriter::Content(adversary)) => {
                    contents.push(Deed { behaviour: *behaviour, adversary, times: 0 });
                }
                Some(Rewriter::Wire(adversary)) => {
                    wires.push(Deed { behaviour: *behaviour, adversary, times: 0 });
                }
                None => {}
            }
        }
        let everyone = committee.everyone();
        let half = behaviours.iter().find_map(|behaviour| match behaviour {
            Behaviour::Twins { half } => Some(*half),
            _ => None,
        });
        let parts = half.map_or(vec![everyone], |half| vec![half, everyone.difference(half)]);
        let core = |(to, twin): (PartySet, u8)| Core::new(&insider, to, twin);
        Self {
            cores: parts.into_iter().zip(0..).map(core).collect(),
            committee,
            behaviours: behaviours.to_vec(),
            times: vec![0; behaviours.len()],
            contents,
            wires,
            started: false,
            confirmed: false,
            said: PartyMap::new(committee),
            answers: PartyMap::new(committee),
            heard: PartyMap::new(committee),
            total: 0,
            copied: None,
            insider,
        }
    }

    /// How often each behaviour was really seen.
    pub(super) fn deviations(&self) -> Vec<(Behaviour, u64)> {
        let others = self.behaviours.iter().copied().zip(self.times.iter().copied());
        let contents = self.contents.iter().map(|deed| (deed.behaviour, deed.times));
        let wires = self.wires.iter().map(|deed| (deed.behaviour, deed.times));
        let wrappers: Vec<_> = contents.chain(wires).collect();
        let no_wrapper = |(behaviour, _): &(Behaviour, u64)| {
            wrappers.iter().all(|(other, _)| other != behaviour)
        };
        others.filter(no_wrapper).chain(wrappers.iter().copied()).collect()
    }

    /// Notes behaviours that are seen.
    fn seen(&mut self, seen: impl Fn(Behaviour) -> bool) {
        for (behaviour, times) in self.behaviours.iter().zip(&mut self.times) {
            *times += u64::from(seen(*behaviour));
        }
    }

    /// Comes up. Gives what it says.
    pub(super) fn begin(&mut self, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let hello = Wire::Hello { next: 0, answer: true };
        let peers = self.committee.parties().filter(|peer| *peer != self.insider.keyring.me());
        let hellos = peers.map(|peer| (peer, hello.clone())).collect();
        let mut said = self.post(hellos, rng);
        said.extend(self.go_on(rng));
        said
    }

    /// Hears something. Gives what it says.
    pub(super) fn hear(
        &mut self,
        from: PartyId,
        message: Wire,
        rng: &mut Rng,
    ) -> Vec<(PartyId, Wire)> {
        let mut said = Vec::new();
        for wire in &mut self.wires {
            said.extend(wire.hear(from, &message, rng));
        }
        match message {
            Wire::Hello { next, answer } => {
                let again = self.answer(from, next, answer);
                said.extend(self.post(again, rng));
            }
            Wire::Said { number, message } => {
                if self.heard[from].insert(number) {
                    said.extend(self.learn(from, message, rng));
                }
            }
            Wire::Confirm { .. } => {}
        }
        said
    }

    /// What it said to `from` from `next` on.
    fn answer(&mut self, from: PartyId, next: u32, answer: bool) -> Vec<(PartyId, Wire)> {
        let mut again = Vec::new();
        if answer {
            let heard = &self.heard[from];
            let next = (0..).find(|number| !heard.contains(number)).unwrap_or_default();
            again.push((from, Wire::Hello { next, answer: false }));
        }
        self.answers[from] += 1;
        if self.answers[from] <= ANSWERS {
            let numbered = (0..).zip(&self.said[from]).skip(next as usize);
            again.extend(
                numbered.map(|(number, message)| {
                    (from, Wire::Said { number, message: message.clone() })
                }),
            );
        }
        again
    }

    fn learn(&mut self, from: PartyId, message: Content, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        self.total += 1;
        if let Content::Dealing(dealer, acss::Message::Rbc(rbc::Message::Send { payload, .. })) =
            &message
            && self.behaviours.contains(&Behaviour::Rogue { of: *dealer })
        {
            self.copied = Some(payload.clone());
        }
        let mut unasked = Vec::new();
        for content in &mut self.contents {
            unasked.extend(content.hear(from, &message, rng));
        }
        let mut said = Vec::new();
        for (to, message) in unasked {
            said.extend(self.number(to, message));
        }
        let mut said = self.post(said, rng);
        for core in &mut self.cores {
            core.handle(from, message.clone());
        }
        said.extend(self.go_on(rng));
        said
    }

    /// Starts if it is time, and says what is to be said.
    fn go_on(&mut self, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let waits = self.behaviours.iter().any(|behaviour| match behaviour {
            Behaviour::Late { after } => self.total < *after,
            Behaviour::Rogue { .. } => self.copied.is_none(),
            _ => false,
        });
        if !self.started && waits {
            self.seen(|behaviour| matches!(behaviour, Behaviour::Late { .. }));
        }
        if !self.started && !waits {
            self.started = true;
            let deviation = self.deviation();
            for core in &mut self.cores {
                core.start(deviation.clone());
            }
        }
        let mut said = Vec::new();
        for index in 0..self.cores.len() {
            let Some(core) = self.cores.get_mut(index) else { continue };
            let (to, letters) = (core.to, std::mem::take(&mut core.effects.letters));
            for (recipient, message) in letters {
                let me = self.insider.keyring.me();
                self.seen(|behaviour| behaviour.is_in(me, index > 0, &message));
                said.extend(self.say(recipient, to, &message, rng));
            }
        }
        if let (false, Some(keys)) =
            (self.confirmed, self.cores.iter().find_map(|core| core.keys()))
        {
            self.confirmed = true;
            let signature = confirmation(&self.insider, &keys);
            let confirm = Wire::Confirm { keys, signature };
            let peers = self.committee.parties().filter(|peer| *peer != self.insider.keyring.me());
            said.extend(peers.map(|peer| (peer, confirm.clone())));
        }
        self.post(said, rng)
    }

    fn deviation(&self) -> Deviation {
        let mut deviation = Deviation::default();
        for behaviour in &self.behaviours {
            match behaviour {
                Behaviour::Dealer(cheat) => {
                    cheat.apply(self.committee.degree() + 1, &mut deviation.dealing);
                }
                Behaviour::BadSet(how) => deviation.set = Some(how.set(self.committee)),
                _ => {}
            }
        }
        if let Some(payload) = &self.copied {
            deviation.dealing.forgery = Some(Forgery::Copied(payload.clone()));
        }
        deviation
    }

    /// Says something: to each recipient as it is rewritten for it.
    fn say(
        &mut self,
        recipient: Recipient,
        among: PartySet,
        message: &Content,
        rng: &mut Rng,
    ) -> Vec<(PartyId, Wire)> {
        let me = self.insider.keyring.me();
        let peers: Vec<PartyId> = match recipient {
            Recipient::One(peer) => vec![peer],
            Recipient::All => self.committee.parties().collect(),
        };
        let mut said = Vec::new();
        let peers = peers.into_iter().filter(|peer| *peer != me && among.contains(*peer));
        for (i, to) in peers.enumerate() {
            let letter = Letter { to, inner: i > 0, message: message.clone() };
            for message in rewrite(&mut self.contents, letter, rng) {
                said.extend(self.number(to, message));
            }
        }
        said
    }

    /// Gives a message the next number of its recipient's.
    fn number(&mut self, to: PartyId, message: Content) -> Option<(PartyId, Wire)> {
        if to == self.insider.keyring.me() {
            return None;
        }
        let said = &mut self.said[to];
        let number = u32::try_from(said.len()).ok()?;
        said.push(message.clone());
        Some((to, Wire::Said { number, message }))
    }

    /// What is really sent in place of messages.
    fn post(&mut self, messages: Vec<(PartyId, Wire)>, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let mut sent = Vec::new();
        let mut last = None;
        for (to, message) in messages {
            let inner = last.is_some_and(|last| last < to);
            last = Some(to);
            let letter = Letter { to, inner, message };
            let rewritten = rewrite(&mut self.wires, letter, rng);
            sent.extend(rewritten.into_iter().map(|message| (to, message)));
        }
        sent
    }
}

/// Applies one adversary after the other.
fn rewrite<M: Serialize>(deeds: &mut [Deed<M>], letter: Letter<M>, rng: &mut Rng) -> Vec<M> {
    let Letter { to, inner, message } = letter;
    let mut messages = vec![message];
    for Deed { adversary, times, .. } in deeds {
        let letters = messages.into_iter().map(|message| Letter { to, inner, message });
        let rewritten = |letter: Letter<M>| match adversary.rewrite(&letter, rng) {
            Some(said) => {
                *times += u64::from(differs(&letter.message, &said));
                said
            }
            None => vec![letter.message],
        };
        messages = letters.flat_map(rewritten).collect();
    }
    messages
}

impl Core {
    /// Twins deal differently under one name.
    fn new(insider: &Insider, to: PartySet, twin: u8) -> Self {
        let (keyring, tag) = (Arc::clone(&insider.keyring), insider.tag);
        let mut seed = [twin; 32];
        let (point, _) = seed.split_at_mut(8);
        point.copy_from_slice(&keyring.me().point().to_le_bytes());
        let me = keyring.me();
        let generation = KeyGeneration::new(keyring, tag, EPOCH, Secret::new(seed));
        Self {
            generation,
            to,
            effects: Effects { me, letters: Vec::new(), own: VecDeque::new(), keys: None },
        }
    }

    fn start(&mut self, deviation: Deviation) {
        let started = self.generation.start_with(deviation, &mut self.effects);
        debug_assert!(started.is_ok(), "each is started once");
        self.settle();
    }

    fn handle(&mut self, from: PartyId, message: Content) {
        let keys = self.generation.handle(from, message, &mut self.effects);
        self.effects.keys = self.effects.keys.or(keys.map(|keys| keys.public().digest()));
        self.settle();
    }

    fn settle(&mut self) {
        while let Some(own) = self.effects.own.pop_front() {
            let keys = self.generation.handle(self.effects.me, own, &mut self.effects);
            self.effects.keys = self.effects.keys.or(keys.map(|keys| keys.public().digest()));
        }
    }

    const fn keys(&self) -> Option<Digest> {
        self.effects.keys
    }
}

/// What a key generation wants done. Jobs run at once; nobody is told of faults.
struct Effects {
    me: PartyId,
    letters: Vec<(Recipient, Content)>,
    own: VecDeque<Content>,
    keys: Option<Digest>,
}

impl Outbox<Content> for Effects {
    fn send(&mut self, to: Recipient, message: Content) {
        if to == Recipient::All || to == Recipient::One(self.me) {
            self.own.push_back(message.clone());
        }
        self.letters.push((to, message));
    }

    fn report(&mut self, _fault: Fault) {}

    fn work(&mut self, job: Job<Content>) {
        self.own.push_back(job());
    }
}
