//! One decision with a warm stock: messages, frames, bytes, message delays and processor time.
//!
//! All parties run in this one thread, on the real coin and signatures. Delivery is by ticks: in
//! each tick every party handles all frames of the tick before, and what it then sends to one peer
//! leaves as one encoded frame, as in the node. A decision is counted from the moment at which all
//! votes are handed in to the certificate at every party; ordering the proposal is counted apart.
//!
//! `cargo bench -p quorate-protocol --bench decision [-- 4 7 10]`

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a bench has a clock, prints, and may stop"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_protocol::crypto::keyring::Keyring;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::life::Phase;
use quorate_protocol::decision::proposal::{Proposal, Renewal};
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::keys::TrustedKeyDealer;
use quorate_protocol::party::frame::{Outgoing, decode_frame};
use quorate_protocol::party::{
    Answer, Class, Config, Done, Effect, Event, Party, RealSuite, RequestId,
};
use quorate_protocol::rule::Rule;
use quorate_protocol::secret::Secret;
use quorate_protocol::{Committee, PartyId};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Decisions that are measured, after one that is not.
const DECISIONS: u32 = 20;
const RULE: &str = "mean(confidence) > 75";

#[derive(Clone, Copy, Default)]
struct Count {
    ticks: u64,
    messages: u64,
    frames: u64,
    bytes: u64,
    time: Duration,
}

struct World {
    parties: Vec<Party<RealSuite>>,
    outgoing: Vec<Outgoing<RealSuite>>,
    done: VecDeque<(usize, Done<RealSuite>)>,
    proposed: Option<Digest>,
    count: Count,
}

impl World {
    fn new(n: usize) -> Self {
        let committee = Committee::new(n).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let keys = TrustedKeyDealer::deal(committee, 0, &mut rng).unwrap();
        let parties = Keyring::for_tests(n, 1).into_iter().zip(keys).map(|(keyring, keys)| {
            let config = Config {
                network: Digest::from([7; 32]),
                epoch: 0,
                seed: Secret::new([keyring.me().index() as u8; 32]),
                keyring,
                coin: Arc::new(keys.coin().unwrap()),
                keys: Arc::new(keys),
                accountable: false,
                policy: Policy::for_members(n),
            };
            Party::new(config, Vec::new()).unwrap()
        });
        let mut world = Self {
            parties: parties.collect(),
            outgoing: committee.parties().map(|me| Outgoing::new(committee, me, 0)).collect(),
            done: VecDeque::new(),
            proposed: None,
            count: Count::default(),
        };
        for party in 0..n {
            world.step(party, Event::Start);
        }
        world
    }

    fn step(&mut self, party: usize, event: Event<RealSuite>) {
        let started = Instant::now();
        let effects = self.parties[party].step(event);
        self.count.time += started.elapsed();
        for effect in effects {
            match effect {
                Effect::Send { to, message } => self.outgoing[party].push(to, message),
                Effect::Work(job) => self.done.push_back((party, job())),
                Effect::Answer { answer: Ok(Answer::Proposed { decision }), .. } => {
                    self.proposed = Some(decision);
                }
                _ => {}
            }
        }
    }

    /// Ticks until nothing is left, or `until` holds.
    fn run(&mut self, until: impl Fn(&Self) -> bool) {
        loop {
            while let Some((party, done)) = self.done.pop_front() {
                self.step(party, Event::Done(done));
            }
            let mut frames = Vec::new();
            for from in 0..self.parties.len() {
                for to in (0..self.parties.len()).filter(|to| *to != from) {
                    for class in [Class::Decision, Class::Bulk] {
                        let started = Instant::now();
                        let taken = self.outgoing[from].take(PartyId::new(to as u16), class);
                        self.count.time += started.elapsed();
                        frames.extend(taken.into_iter().map(|bytes| (from, to, bytes)));
                    }
                }
            }
            if frames.is_empty() || until(self) {
                return;
            }
            self.count.ticks += 1;
            for (from, to, bytes) in frames {
                self.count.frames += 1;
                self.count.bytes += bytes.len() as u64;
                let started = Instant::now();
                let decoded = decode_frame::<RealSuite>(&bytes, 0).unwrap();
                self.count.time += started.elapsed();
                self.count.messages += decoded.messages.len() as u64;
                for message in decoded.messages {
                    let from = PartyId::new(from as u16);
                    self.step(to, Event::Message { from, message });
                }
            }
        }
    }

    /// Orders a proposal, and decides it; what each took.
    fn decide(&mut self, nonce: u32) -> (Count, Count) {
        self.count = Count::default();
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&nonce.to_le_bytes());
        let proposal = Proposal {
            title: "Extend the credit line".into(),
            text: String::new(),
            rule: Rule::parse(RULE).unwrap(),
            deadline_ms: u64::MAX,
            minimum: self.parties.len() as u16 / 2 + 1,
            nonce: bytes,
            document: None,
            renewal: Renewal::None,
        };
        self.step(0, Event::Propose { request: RequestId(0), proposal, document: None });
        self.run(|_| false);
        let ordered = std::mem::take(&mut self.count);
        let decision = self.proposed.unwrap();
        for party in 0..self.parties.len() {
            let value = Secret::new(70 + party as u64);
            self.step(party, Event::Vote { request: RequestId(1), decision, value });
        }
        let certified = |party: &Party<RealSuite>| {
            party.decision(&decision).is_some_and(|view| view.phase == Phase::Certified)
        };
        self.run(|world| world.parties.iter().all(certified));
        let decided = self.count;
        self.run(|_| false);
        assert!(self.parties.iter().all(certified));
        (ordered, decided)
    }
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![4, 7, 10] } else { sizes };
    println!("`{RULE}`, warm stock, mean of {DECISIONS}; per node where it says so");
    println!(
        "| n | material | phase | delays | messages/node | frames/node | bytes/node | CPU, all nodes |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for n in sizes {
        let mut world = World::new(n);
        world.run(|_| false);
        world.decide(0);
        let cost = Rule::parse(RULE).unwrap().cost(n);
        let bits = n * cost.mask_bits_per_voter + cost.bits;
        let (mut ordering, mut deciding, mut measured) = (Vec::new(), Vec::new(), 0);
        for nonce in 1.. {
            let runs = world.parties[0].status().runs;
            let (ordered, decided) = world.decide(nonce);
            // Decisions during which the stock was refilled would count the refill too.
            if world.parties.iter().all(|p| p.status().runs == runs && !p.status().run_in_progress)
            {
                ordering.push(ordered);
                deciding.push(decided);
                measured += 1;
            }
            if measured == DECISIONS {
                break;
            }
        }
        let material = format!("{bits} bits, {} triples", cost.triples);
        for (phase, counts) in [("order", ordering), ("decide", deciding)] {
            let sum = |of: fn(&Count) -> u64| counts.iter().map(of).sum::<u64>() as f64;
            let all = f64::from(DECISIONS);
            let nodes = all * n as f64;
            println!(
                "| {n} | {material} | {phase} | {:.1} | {:.0} | {:.0} | {:.0} | {:.2} ms |",
                sum(|c| c.ticks) / all,
                sum(|c| c.messages) / nodes,
                sum(|c| c.frames) / nodes,
                sum(|c| c.bytes) / nodes,
                sum(|c| c.time.as_nanos() as u64) / all / 1e6,
            );
        }
    }
}
