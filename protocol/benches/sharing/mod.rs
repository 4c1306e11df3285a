//! What sharing costs, whatever is shared: `deal` is everything the dealer computes, for all n.
//! `receive` is everything one recipient computes from the first message to its output: the
//! broadcast, its shard of every ciphertext, its own ciphertext and all checks. How much one
//! recipient is sent in the whole sharing is printed beside.

#![expect(clippy::disallowed_macros, reason = "a bench prints")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::acss::{Acss, Dealing, Deviation, Message, Scheme};
use quorate_protocol::{Committee, Fault, PartyId, Tag, wire};

/// Who deals.
pub const DEALER: PartyId = PartyId::new(0);
const OBSERVED: PartyId = PartyId::new(1);

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

/// What is dealt is called this.
pub fn tag() -> Tag {
    Tag::root(&[0; 32], 0).child("bench")
}

/// Where effects go: to the parties, jobs' results included.
fn flush(
    committee: Committee,
    from: PartyId,
    effects: Effects,
    queue: &mut VecDeque<(PartyId, PartyId, Message)>,
) {
    for (to, message) in effects.sent {
        match to {
            Recipient::One(to) => queue.push_back((from, to, message)),
            Recipient::All => {
                queue.extend(committee.parties().map(|to| (from, to, message.clone())));
            }
        }
    }
    queue.extend(effects.jobs.into_iter().map(|job| (from, from, job())));
}

/// What reaches party 1, in order, in a sharing among these parties.
fn what_one_party_hears<S: Scheme>(
    keyrings: &[Arc<Keyring>],
    make: &impl Fn(&Arc<Keyring>) -> Acss<S>,
    secrets: Shares<S::Field>,
) -> Vec<(PartyId, Message)> {
    let committee = keyrings[0].committee();
    let mut parties: Vec<_> = keyrings.iter().map(make).collect();
    let mut heard = Vec::new();
    let mut queue = VecDeque::new();
    let mut effects = Effects::default();
    parties[0].deal(secrets, &Secret::new([1; 32]), &mut effects).expect("the dealer");
    flush(committee, DEALER, effects, &mut queue);
    while let Some((from, to, message)) = queue.pop_front() {
        // Own results come from the jobs that are run again.
        if to == OBSERVED && !matches!(message, Message::Local(_)) {
            heard.push((from, message.clone()));
        }
        let mut effects = Effects::default();
        parties[to.index()].handle(from, message, &mut effects);
        flush(committee, to, effects, &mut queue);
    }
    assert!(parties.iter().all(Acss::complete));
    heard
}

/// Everything one recipient does.
fn receive<S: Scheme>(mut acss: Acss<S>, heard: Vec<(PartyId, Message)>) -> S::Output {
    let mut output = None;
    for (from, message) in heard {
        let mut next = vec![(from, message)];
        while let Some((from, message)) = next.pop() {
            let mut effects = Effects::default();
            output = acss.handle(from, message, &mut effects).or(output);
            next.extend(effects.jobs.into_iter().map(|job| (OBSERVED, job())));
        }
    }
    output.expect("complete")
}

/// Measures `deal` and `receive` under this name.
pub fn measure<S: Scheme>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    keyrings: &[Arc<Keyring>],
    make: impl Fn(&Arc<Keyring>) -> Acss<S>,
    secrets: Shares<S::Field>,
) {
    let seed = Secret::new([1; 32]);
    let dealer = make(&keyrings[0]);
    group.bench_function(format!("deal/{name}"), |b| {
        b.iter(|| {
            let (terms, secrets) = (dealer.terms(), black_box(secrets.clone()));
            Dealing::new(terms, &keyrings[0], secrets, &seed, &Deviation::default())
        });
    });
    let heard = what_one_party_hears(keyrings, &make, secrets.clone());
    let bytes: usize = heard.iter().map(|(_, message)| wire::encode(message).len()).sum();
    println!("{name}: a recipient is sent {} messages, {bytes} bytes", heard.len());
    group.bench_function(format!("receive/{name}"), |b| {
        b.iter_batched(
            || (make(&keyrings[1]), heard.clone()),
            |(acss, heard)| receive(acss, heard),
            BatchSize::LargeInput,
        );
    });
}
