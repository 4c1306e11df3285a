//! Sharing a batch: nanoseconds for each secret, at the dealer and at each recipient.
//!
//! `deal` is everything the dealer computes: coefficients, shares, commitments, checks, sealing and
//! dispersal for all n. `receive` is everything one recipient computes from the first message to
//! its output: the broadcast, its shard of every ciphertext, its own ciphertext and all checks.

#![expect(clippy::indexing_slicing, reason = "a bench may panic")]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::acss::{
    Acss, Dealing, Deviation, Elements, Message, NoStatement, Terms,
};
use quorate_protocol::{Fault, PartyId, Tag};

const DEALER: PartyId = PartyId::new(0);
const SECRETS: usize = 1 << 14;

/// Messages and jobs of one party.
#[derive(Default)]
struct Effects {
    sent: Vec<(Recipient, Message)>,
    jobs: Vec<Job<Message>>,
}

impl Outbox<Message> for Effects {
    fn send(&mut self, to: Recipient, message: Message) {
        self.sent.push((to, message));
    }
    fn report(&mut self, fault: Fault) {
        unreachable!("{fault}");
    }
    fn work(&mut self, job: Job<Message>) {
        self.jobs.push(job);
    }
}

fn tag() -> Tag {
    Tag::root(&[0; 32], 0).child("bench")
}

fn secrets() -> Shares<Fp61> {
    (0..SECRETS as u64).map(Fp61::from_u64).collect()
}

/// What reaches party 1, in order, in a sharing among these parties.
fn what_one_party_hears(keyrings: &[Arc<Keyring>]) -> Vec<(PartyId, Message)> {
    let committee = keyrings[0].committee();
    let mut parties: Vec<_> = committee
        .parties()
        .map(|p| Acss::new(keyrings[p.index()].clone(), DEALER, tag(), SECRETS, NoStatement))
        .collect();
    let mut heard = Vec::new();
    let mut queue = std::collections::VecDeque::new();
    let mut effects = Effects::default();
    parties[0].deal(secrets(), &Secret::new([1; 32]), &mut effects).expect("the dealer");
    let flush = |from: PartyId, effects: Effects, queue: &mut std::collections::VecDeque<_>| {
        for (to, message) in effects.sent {
            match to {
                Recipient::One(to) => queue.push_back((from, to, message)),
                Recipient::All => {
                    queue.extend(committee.parties().map(|to| (from, to, message.clone())));
                }
            }
        }
        for job in effects.jobs {
            queue.push_back((from, from, job()));
        }
    };
    flush(DEALER, effects, &mut queue);
    let observed = PartyId::new(1);
    while let Some((from, to, message)) = queue.pop_front() {
        if to == observed {
            heard.push((from, message.clone()));
        }
        let mut effects = Effects::default();
        parties[to.index()].handle(from, message, &mut effects);
        flush(to, effects, &mut queue);
    }
    assert!(parties.iter().all(Acss::complete));
    heard
}

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("acss");
    group.sample_size(10).throughput(Throughput::Elements(SECRETS as u64));
    for n in [4, 7, 16, 31] {
        let keyrings = Keyring::for_tests(n, 1);
        let scheme = Elements::<Fp61, _>::new(SECRETS, NoStatement);
        let terms = Terms::new(keyrings[0].committee(), DEALER, &tag(), scheme);
        let seed = Secret::new([1; 32]);
        group.bench_function(format!("deal/{n}"), |b| {
            b.iter(|| {
                Dealing::new(
                    &terms,
                    &keyrings[0],
                    black_box(secrets()),
                    &seed,
                    &Deviation::default(),
                )
            });
        });
        let heard = what_one_party_hears(&keyrings);
        let make = || {
            let keyring = keyrings[1].clone();
            let acss = Acss::<Elements<Fp61, _>>::new(keyring, DEALER, tag(), SECRETS, NoStatement);
            (acss, heard.clone())
        };
        group.bench_function(format!("receive/{n}"), |b| {
            b.iter_batched(
                make,
                |(mut acss, heard)| {
                    let mut shares = None;
                    for (from, message) in heard {
                        // Own results come from the jobs that are run here.
                        if matches!(message, Message::Local(_)) {
                            continue;
                        }
                        let mut effects = Effects::default();
                        let output = acss.handle(from, message, &mut effects);
                        shares = shares.or(output);
                        for job in effects.jobs {
                            let output =
                                acss.handle(PartyId::new(1), job(), &mut Effects::default());
                            shares = shares.or(output);
                        }
                    }
                    shares.expect("complete")
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion::criterion_group!(benches, bench);
criterion::criterion_main!(benches);
