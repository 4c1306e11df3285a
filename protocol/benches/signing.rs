//! Threshold signatures: time of one, and nonce pairs per second.
//!
//! All parties run in this process on one core. A signature is counted at one party: its own share,
//! and everything from the first share that comes to the verified signature. The nonce pairs of all
//! dealers are made by sharing and extraction; encoding and links are left out, but every message is
//! encoded to count its bytes. Agreement on dealers is left out: pairs share it with the rest of a run.
//!
//! `cargo bench -p quorate-protocol --bench signing [-- 4 7 16]`

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

use quorate_protocol::crypto::Keyring;
use quorate_protocol::crypto::point::Point;
use quorate_protocol::keys::nonces::{Layout, extract};
use quorate_protocol::keys::signing::{Message, NoncePair, Purpose, Signing};
use quorate_protocol::keys::{GroupPublic, KeySet, TrustedKeyDealer};
use quorate_protocol::math::{Field, Fl};
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::acss::scalar::{ScalarShares, Scalars};
use quorate_protocol::sharing::acss::{self, Acss};
use quorate_protocol::sharing::shamir;
use quorate_protocol::{Committee, Fault, PartyId, Tag, wire};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const SIGNATURES: u64 = 100;
/// The fastest of so many runs is printed.
const REPEATS: usize = 3;
/// Bytes of a statement, about.
const MESSAGE: [u8; 330] = [7; 330];

/// Effects of one call.
struct Effects<M> {
    sent: Vec<(Recipient, M)>,
    jobs: Vec<Job<M>>,
}

impl<M> Default for Effects<M> {
    fn default() -> Self {
        Self { sent: Vec::new(), jobs: Vec::new() }
    }
}

impl<M> Outbox<M> for Effects<M> {
    fn send(&mut self, to: Recipient, message: M) {
        self.sent.push((to, message));
    }
    fn report(&mut self, _: Fault) {}
    fn work(&mut self, job: Job<M>) {
        self.jobs.push(job);
    }
}

/// Times of signatures at one party.
#[derive(Default)]
struct Times {
    share: Vec<Duration>,
    open: Vec<Duration>,
    verify: Vec<Duration>,
}

fn root() -> Tag {
    Tag::root(&[0; 32], 0)
}

fn pairs(committee: Committee, index: u64, rng: &mut ChaCha20Rng) -> Vec<NoncePair> {
    let mut column = || {
        let nonce = Fl::random(rng);
        let point = Point::base(&nonce);
        let shares = shamir::share(nonce, committee, rng);
        shares.into_iter().map(move |share| (Secret::new(share), point)).collect::<Vec<_>>()
    };
    let (d, e) = (column(), column());
    d.into_iter().zip(e).map(|(d, e)| NoncePair::new(index, d, e)).collect()
}

/// Signatures in which the first `liars` parties lie, and speak first.
fn sign(committee: Committee, keys: &[KeySet], liars: usize) -> Times {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut times = Times::default();
    let public = GroupPublic::from(&keys[0].public().certificate);
    for index in 0..SIGNATURES {
        let mut shares = Vec::new();
        let mut last = None;
        for (keys, pair) in keys.iter().zip(pairs(committee, index, &mut rng)) {
            let mut out = Effects::default();
            let message = MESSAGE.as_slice().into();
            let started = Instant::now();
            let mut signing = Signing::new(keys, Purpose::Certificate, &root(), pair, message);
            signing.sign(&mut out);
            times.share.push(started.elapsed());
            let (_, share) = out.sent.pop().unwrap();
            let lie = if keys.me().index() < liars { Fl::ONE } else { Fl::ZERO };
            shares.push((keys.me(), Message(share.0 + lie)));
            last = Some(signing);
        }
        let mut signing = last.unwrap();
        let mut out = Effects::default();
        let mut handed = shares.into_iter();
        let started = Instant::now();
        let signature = handed.find_map(|(from, share)| signing.handle(from, share, &mut out));
        times.open.push(started.elapsed());
        let started = Instant::now();
        assert!(public.verify(&MESSAGE, &signature.expect("a signature")));
        times.verify.push(started.elapsed());
    }
    times
}

/// In microseconds.
fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

type Wire = (PartyId, acss::Message);

/// One party's part in all dealers' sharings.
struct Party {
    sharings: Vec<Acss<Scalars>>,
    held: Vec<Option<ScalarShares>>,
}

struct Nonces {
    committee: Committee,
    layout: Layout,
    parties: Vec<Party>,
    flight: VecDeque<(PartyId, PartyId, Wire)>,
    busy: Duration,
    bytes: usize,
}

impl Nonces {
    fn new(committee: Committee, pairs: usize) -> Self {
        let layout = Layout::new(committee, pairs).unwrap();
        let party = |keyring: Arc<Keyring>| Party {
            sharings: committee
                .parties()
                .map(|dealer| {
                    let tag = root().indexed("dealer", dealer.point());
                    Acss::scalars(Arc::clone(&keyring), dealer, tag, layout.terms())
                })
                .collect(),
            held: committee.parties().map(|_| None).collect(),
        };
        let parties = Keyring::for_tests(committee.n(), 1).into_iter().map(party).collect();
        Self { committee, layout, parties, flight: VecDeque::new(), busy: Duration::ZERO, bytes: 0 }
    }

    /// Deals, shares and extracts everything; how many pairs came of it.
    fn run(&mut self) -> usize {
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        for me in self.committee.parties() {
            let secrets = (0..self.layout.scalars()).map(|_| Fl::random(&mut rng)).collect();
            let mut out = Effects::default();
            let seed = Secret::new([me.index() as u8; 32]);
            self.parties[me.index()].sharings[me.index()].deal(secrets, &seed, &mut out).unwrap();
            self.settle(me, me, out);
        }
        while let Some((from, to, (dealer, message))) = self.flight.pop_front() {
            self.handle(from, to, dealer, message);
        }
        let mut made = 0;
        for party in &self.parties {
            let held = self.committee.parties().zip(&party.held);
            let sharings: Vec<_> =
                held.map(|(dealer, held)| (dealer, held.clone().expect("complete"))).collect();
            let started = Instant::now();
            made = extract(&self.layout, &sharings).len();
            self.busy += started.elapsed();
        }
        made
    }

    fn handle(&mut self, from: PartyId, to: PartyId, dealer: PartyId, message: acss::Message) {
        let mut out = Effects::default();
        let party = &mut self.parties[to.index()];
        let started = Instant::now();
        let output = party.sharings[dealer.index()].handle(from, message, &mut out);
        self.busy += started.elapsed();
        if let Some(shares) = output {
            party.held[dealer.index()] = Some(shares);
        }
        self.settle(to, dealer, out);
    }

    fn settle(&mut self, me: PartyId, dealer: PartyId, out: Effects<acss::Message>) {
        for (to, message) in out.sent {
            let peers: Vec<PartyId> = match to {
                Recipient::One(to) => vec![to],
                Recipient::All => self.committee.parties().collect(),
            };
            for to in peers {
                if to == me {
                    self.handle(me, me, dealer, message.clone());
                } else {
                    self.bytes += wire::encode(&message).len();
                    self.flight.push_back((me, to, (dealer, message.clone())));
                }
            }
        }
        for job in out.jobs {
            let started = Instant::now();
            let message = job();
            self.busy += started.elapsed();
            self.handle(me, me, dealer, message);
        }
    }
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![4, 7, 16, 31] } else { sizes };
    println!("one signature at one party, median of {SIGNATURES}; liars speak first");
    println!("| n | liars | own share | to the verified signature | of it verifying |");
    println!("|---|---|---|---|---|");
    for n in &sizes {
        let committee = Committee::new(*n).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let keys = TrustedKeyDealer::deal(committee, 0, &mut rng).unwrap();
        for liars in [0, committee.t()] {
            let Times { mut share, mut open, mut verify } = sign(committee, &keys, liars);
            let [share, open, verify] = [&mut share, &mut open, &mut verify].map(|t| median(t));
            println!("| {n} | {liars} | {share:.0} us | {open:.0} us | {verify:.0} us |");
        }
    }
    println!();
    println!("nonce pairs, all dealers honest, fastest of {REPEATS}");
    println!(
        "| n | dealt by each | pairs | pairs/s, one core a node | us/pair and node | bytes/pair and node |"
    );
    println!("|---|---|---|---|---|---|");
    for n in &sizes {
        let committee = Committee::new(*n).unwrap();
        for pairs in [24, 240] {
            let runs = (0..REPEATS).map(|_| {
                let mut nonces = Nonces::new(committee, pairs);
                let made = nonces.run() as f64;
                (nonces.busy, made, nonces.bytes as f64, nonces.layout.scalars())
            });
            let (busy, made, bytes, dealt) = runs.min_by_key(|run| run.0).unwrap();
            let time = busy.as_secs_f64() / *n as f64;
            let (rate, each) = (made / time, time * 1e6 / made);
            let bytes = bytes / *n as f64 / made;
            println!("| {n} | {dealt} | {made} | {rate:.0} | {each:.0} | {bytes:.0} |");
        }
    }
}
