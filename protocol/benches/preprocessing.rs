//! Triples and bits per second of whole preprocessing runs: dealing, agreement, extraction.
//!
//! All parties run in this process on one core. The time is that of their `handle` calls and jobs;
//! encoding and links are left out, but every message is encoded to count its bytes. Of t silent
//! parties nothing is ever heard; t lying ones change every share and word they send in an opening.
//!
//! `cargo bench --bench preprocessing -- 4 7` measures these numbers of parties only.

#![expect(clippy::disallowed_types, clippy::disallowed_macros, reason = "a bench measures, prints")]
#![expect(clippy::indexing_slicing, reason = "parties of the committee")]

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_protocol::agreement::coin::{DdhCoin, TrustedCoinDealer};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::mpc::preprocessing::{Message, Preprocessing, Request, refine};
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::{Shares, open};
use quorate_protocol::{Committee, Fault, PartyId, Tag, wire};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// The fastest of so many runs is printed.
const REPEATS: usize = 3;

type Run = Preprocessing<Fp61, DdhCoin>;
type RunMessage = <Run as Protocol>::Message;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Faulty {
    None,
    Silent,
    Lying,
}

/// Effects of one call.
#[derive(Default)]
struct Effects {
    sent: Vec<(Recipient, RunMessage)>,
    jobs: Vec<Job<RunMessage>>,
}

impl Outbox<RunMessage> for Effects {
    fn send(&mut self, to: Recipient, message: RunMessage) {
        self.sent.push((to, message));
    }
    fn report(&mut self, _: Fault) {}
    fn work(&mut self, job: Job<RunMessage>) {
        self.jobs.push(job);
    }
}

struct Network {
    committee: Committee,
    faulty: Faulty,
    parties: Vec<Run>,
    flight: VecDeque<(PartyId, PartyId, RunMessage)>,
    /// Triples and bits of each party's output.
    outputs: Vec<Option<(usize, usize)>>,
    busy: Duration,
    messages: usize,
    bytes: usize,
}

impl Network {
    fn new(committee: Committee, request: Request, faulty: Faulty) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (public, secrets) = TrustedCoinDealer::deal(committee, &mut rng);
        let parties = Keyring::for_tests(committee.n(), 1).into_iter().zip(secrets);
        let party = |(keyring, secret): (Arc<Keyring>, _)| {
            let me = keyring.me();
            let coin = DdhCoin::new(me, public.clone(), secret).expect("its own share");
            let seed = Secret::new([u8::try_from(me.index()).expect("few parties"); 32]);
            let tag = Tag::root(&[0; 32], 0).child("bench");
            Run::new(keyring, Arc::new(coin), tag, seed, request).expect("within the limits")
        };
        Self {
            committee,
            faulty,
            parties: parties.map(party).collect(),
            flight: VecDeque::new(),
            outputs: vec![None; committee.n()],
            busy: Duration::ZERO,
            messages: 0,
            bytes: 0,
        }
    }

    /// Whether it is one of the last t parties, if those are faulty in this way.
    fn is(&self, party: PartyId, faulty: Faulty) -> bool {
        self.faulty == faulty && party.index() >= self.committee.quorum()
    }

    fn run(&mut self) {
        let running: Vec<PartyId> =
            self.committee.parties().filter(|p| !self.is(*p, Faulty::Silent)).collect();
        for party in &running {
            self.act(*party, |run, out| {
                run.start(out);
                None
            });
        }
        self.deliver();
        for party in &running {
            self.act(*party, |run, out| {
                run.close(out);
                None
            });
        }
        self.deliver();
        assert!(running.iter().all(|p| self.outputs[p.index()].is_some()), "a run stopped");
    }

    fn deliver(&mut self) {
        while let Some((from, to, message)) = self.flight.pop_front() {
            if !self.is(to, Faulty::Silent) {
                self.act(to, |run, out| run.handle(from, message, out));
            }
        }
    }

    /// Lets a party do something, and then everything it tells itself.
    fn act(
        &mut self,
        party: PartyId,
        act: impl FnOnce(&mut Run, &mut Effects) -> Option<<Run as Protocol>::Output>,
    ) {
        let mut own = VecDeque::new();
        let mut effects = Effects::default();
        let begin = Instant::now();
        let output = act(&mut self.parties[party.index()], &mut effects);
        self.busy += begin.elapsed();
        self.note(party, output);
        self.spread(party, effects, &mut own);
        while let Some(message) = own.pop_front() {
            let mut effects = Effects::default();
            let begin = Instant::now();
            let output = self.parties[party.index()].handle(party, message, &mut effects);
            self.busy += begin.elapsed();
            self.note(party, output);
            self.spread(party, effects, &mut own);
        }
    }

    fn note(&mut self, party: PartyId, output: Option<<Run as Protocol>::Output>) {
        if let Some(batch) = output {
            self.outputs[party.index()] = Some((batch.triples.len(), batch.bits.len()));
        }
    }

    fn spread(&mut self, from: PartyId, effects: Effects, own: &mut VecDeque<RunMessage>) {
        for (to, mut message) in effects.sent {
            let recipients: Vec<PartyId> = match to {
                Recipient::All => self.committee.parties().collect(),
                Recipient::One(to) => vec![to],
            };
            let others = recipients.iter().filter(|to| **to != from).count();
            if others > 0 {
                self.messages += others;
                self.bytes += others * wire::encode(&message).len();
            }
            if recipients.contains(&from) {
                own.push_back(message.clone());
            }
            if self.is(from, Faulty::Lying) {
                lie(&mut message);
            }
            for to in recipients.into_iter().filter(|to| *to != from) {
                self.flight.push_back((from, to, message.clone()));
            }
        }
        for job in effects.jobs {
            let begin = Instant::now();
            own.push_back(job());
            self.busy += begin.elapsed();
        }
    }
}

/// Changes every value in an opening.
fn lie(message: &mut RunMessage) {
    if let Message::Refine(refine::Message::Open(
        _,
        open::Message::Share(values) | open::Message::Word(values),
    )) = message
    {
        *values = Arc::new(values.iter().map(|v| *v + Fp61::ONE).collect::<Shares<Fp61>>());
    }
}

fn measure(n: usize, request: Request, what: &str) {
    let committee = Committee::new(n).expect("enough parties");
    for faulty in [Faulty::None, Faulty::Silent, Faulty::Lying] {
        let mut network = Network::new(committee, request, faulty);
        network.run();
        for _ in 1..REPEATS {
            let mut again = Network::new(committee, request, faulty);
            again.run();
            if again.busy < network.busy {
                network = again;
            }
        }
        let (triples, bits) = network.outputs[0].expect("an output");
        let made = if request.bits == 0 { triples } else { bits };
        let name = match faulty {
            Faulty::None => "none".to_owned(),
            Faulty::Silent => format!("{} silent", committee.t()),
            Faulty::Lying => format!("{} lying", committee.t()),
        };
        let seconds = network.busy.as_secs_f64();
        let per = |total: usize| total as f64 / made as f64;
        println!(
            "{n:>3}  {name:<9} {what:<8} {made:>7} {seconds:>8.3} {:>10.0} {:>10.0} {:>9}",
            made as f64 / seconds,
            per(network.bytes),
            network.messages,
        );
    }
}

fn main() {
    let wanted: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    println!("  n  faulty    what        made  seconds   made/s  bytes/made  messages");
    for (n, size) in [(4, 15_000), (7, 12_000), (16, 6_000)] {
        if wanted.is_empty() || wanted.contains(&n) {
            measure(n, Request { triples: size, bits: 0 }, "triples");
            measure(n, Request { triples: 0, bits: size / 2 }, "bits");
        }
    }
}
