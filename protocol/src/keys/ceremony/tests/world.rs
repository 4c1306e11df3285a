//! Ceremonies with stores and links, which crash.

use std::collections::{BTreeMap, VecDeque};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::record::Memory;

/// What is on its way from one member to another.
pub(super) type Letter = (PartyId, PartyId, Message);

/// A member's keyring, seed and store; `None` while it is down.
pub(super) struct World {
    pub keyrings: Vec<Arc<Keyring>>,
    pub nodes: Vec<Option<Ceremony>>,
    pub stores: Vec<Memory>,
    pub flight: VecDeque<Letter>,
    pub generated: Vec<Option<KeySet>>,
    pub confirmed: Vec<PartySet>,
    pub faults: Vec<(PartyId, Fault)>,
    /// Members of whom it is not followed what they say.
    pub hostile: PartySet,
    /// Messages handled by each.
    pub steps: Vec<usize>,
    /// What was ever said, by speaker, listener and number.
    said: BTreeMap<(PartyId, PartyId, u32), Vec<u8>>,
    pub random: bool,
    pub rng: ChaCha8Rng,
}

pub(super) fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

pub(super) fn set(indices: &[u16]) -> PartySet {
    indices.iter().copied().map(party).collect()
}

impl World {
    /// Nobody is up.
    pub(super) fn new(n: usize, seed: Option<u64>) -> Self {
        Self {
            keyrings: Keyring::for_tests(n, 11),
            nodes: (0..n).map(|_| None).collect(),
            stores: vec![Memory::default(); n],
            flight: VecDeque::new(),
            generated: vec![None; n],
            confirmed: vec![PartySet::EMPTY; n],
            faults: Vec::new(),
            hostile: PartySet::EMPTY,
            steps: vec![0; n],
            said: BTreeMap::new(),
            random: seed.is_some(),
            rng: ChaCha8Rng::seed_from_u64(seed.unwrap_or_default()),
        }
    }

    pub(super) fn config(&self, p: PartyId) -> CeremonyConfig {
        CeremonyConfig {
            network: Digest::from([5; 32]),
            keyring: Arc::clone(&self.keyrings[p.index()]),
            seed: Secret::new([p.point() as u8; 32]),
        }
    }

    pub(super) fn records(&self, p: PartyId) -> Vec<Record> {
        self.stores[p.index()].records()
    }

    pub(super) fn node(&self, p: u16) -> &Ceremony {
        self.nodes[usize::from(p)].as_ref().expect("it is up")
    }

    /// A member comes up, from its store.
    pub(super) fn start(&mut self, p: PartyId) {
        let node = Ceremony::new(self.config(p), self.records(p)).expect("a sound store");
        self.nodes[p.index()] = Some(node);
        self.step(p, CeremonyEvent::Start, usize::MAX);
    }

    /// A member stops. What is on its way from it is lost.
    pub(super) fn stop(&mut self, p: PartyId) {
        self.nodes[p.index()] = None;
        self.flight.retain(|(from, _, _)| *from != p);
    }

    /// Lets something happen to a member, and executes the first `most` effects. Gives whether
    /// these were all.
    pub(super) fn step(&mut self, p: PartyId, event: CeremonyEvent, most: usize) -> bool {
        let Some(node) = &mut self.nodes[p.index()] else { return true };
        self.steps[p.index()] += 1;
        let effects = node.step(event);
        let all = effects.len() <= most;
        for effect in effects.into_iter().take(most) {
            self.execute(p, effect);
        }
        all
    }

    fn execute(&mut self, p: PartyId, effect: CeremonyEffect) {
        let store = &mut self.stores[p.index()];
        match effect {
            CeremonyEffect::Persist(records) => store.write(records),
            CeremonyEffect::Send { to, message } => {
                let peers: Vec<PartyId> = match to {
                    Recipient::One(peer) => vec![peer],
                    Recipient::All => {
                        let committee = self.keyrings[0].committee();
                        committee.parties().filter(|q| *q != p).collect()
                    }
                };
                for peer in peers {
                    assert_ne!(peer, p, "nothing goes out to oneself");
                    self.follow(p, peer, &message);
                    self.flight.push_back((p, peer, through_a_frame(&message)));
                }
            }
            CeremonyEffect::Fault(fault) | CeremonyEffect::Proven(fault, _) => {
                self.faults.push((p, fault));
            }
            CeremonyEffect::Generated(keys) => {
                let keys = Some(*keys);
                let before = &self.generated[p.index()];
                let digest = |keys: &Option<KeySet>| keys.as_ref().map(|k| k.public().digest());
                assert!(before.is_none() || digest(before) == digest(&keys), "{p} has other keys");
                self.generated[p.index()] = keys;
            }
            CeremonyEffect::Confirmed(members) => {
                assert!(self.confirmed[p.index()].is_subset(members));
                self.confirmed[p.index()] = members;
            }
        }
    }

    /// No member ever says two things in one place.
    fn follow(&mut self, from: PartyId, to: PartyId, message: &Message) {
        if let (Message::Said { number, message }, false) = (message, self.hostile.contains(from)) {
            let bytes = wire::encode(message);
            let first = self.said.entry((from, to, *number)).or_insert_with(|| bytes.clone());
            assert_eq!(*first, bytes, "{from} told {to} two things as number {number}");
        }
    }

    /// The next letter, by the world's order.
    pub(super) fn next(&mut self) -> Option<Letter> {
        if self.random && !self.flight.is_empty() {
            let i = self.rng.random_range(0..self.flight.len());
            return self.flight.swap_remove_back(i);
        }
        self.flight.pop_front()
    }

    /// Delivers a letter; nothing comes to a member that is down.
    pub(super) fn deliver(&mut self, (from, to, message): Letter) {
        self.step(to, CeremonyEvent::Message { from, message }, usize::MAX);
    }

    /// Delivers until nothing is on its way to a member that is up.
    pub(super) fn run(&mut self) {
        let mut delivered = 0;
        while let Some(letter) = self.next() {
            delivered += 1;
            assert!(delivered < 100_000, "no end");
            self.deliver(letter);
        }
    }

    /// All of `members` have the same keys and know it of each other.
    pub(super) fn assert_done(&self, members: PartySet) {
        let keys: Vec<&KeySet> = members
            .iter()
            .map(|p| self.generated[p.index()].as_ref().unwrap_or_else(|| panic!("{p} has none")))
            .collect();
        assert_same_keys(&keys);
        for p in members.iter() {
            assert_eq!(self.confirmed[p.index()], members, "at {p}");
        }
        for (by, fault) in &self.faults {
            assert!(self.hostile.contains(fault.party), "{by} blames {fault}");
        }
    }
}

/// As it comes out of a frame at the other end.
fn through_a_frame(message: &Message) -> Message {
    let [frame] = encode([message.clone()]).try_into().expect("one frame");
    let decoded = decode(&frame).expect("a frame");
    assert_eq!(decoded.skipped, 0);
    decoded.messages.into_iter().next().expect("one message")
}
