//! What owners call and peers send, message by message.

use super::*;
use crate::error::Error;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::protocol::{Job, Protocol, Recipient};
use crate::testkit::Collected;

fn votes_count_once_for_each_party_and_at_their_thresholds<K: Kind>() {
    let keyrings = keyrings(7);
    let run = |votes: &[(u16, Message)]| {
        let mut acss = acss(&keyrings[1], K::scheme());
        let mut out = Collected::default();
        for (from, vote) in votes {
            assert!(acss.handle(party(*from), vote.clone(), &mut out).is_none());
        }
        (out.sent.len(), acss.complete())
    };
    let oks = |n: u16| (0..n).map(|i| (i, Message::Ok)).collect::<Vec<_>>();
    let dones = |n: u16| (0..n).map(|i| (i, Message::Done)).collect::<Vec<_>>();
    assert_eq!(run(&[oks(4), oks(4)].concat()), (0, false));
    assert_eq!(run(&oks(5)), (1, false), "n - t OK: one DONE");
    assert_eq!(run(&[dones(2), dones(2), oks(4)].concat()), (0, false));
    assert_eq!(run(&dones(3)), (1, false), "t + 1 DONE: one DONE");
    assert_eq!(run(&[oks(7), dones(4), dones(4)].concat()), (1, false));
    assert_eq!(run(&dones(5)), (1, true), "2t + 1 DONE: complete");
}

fn the_callers_mistakes_are_errors<K: Kind>() {
    let keyrings = keyrings(4);
    let make = |p: usize| acss(&keyrings[p], K::scheme());
    let mut out = Collected::default();
    let mut dealer = make(0);
    assert_eq!(
        make(1).deal(K::secrets(), &seed(), &mut out),
        Err(Error::NotYours { party: DEALER, what: "deal" })
    );
    assert!(matches!(
        dealer.deal(Shares::from(vec![K::Field::ONE]), &seed(), &mut out),
        Err(Error::WrongSize { .. })
    ));
    assert!(out.sent.is_empty() && out.jobs.is_empty());
    dealer.deal(K::secrets(), &seed(), &mut out).unwrap();
    assert!(matches!(
        dealer.deal(K::secrets(), &seed(), &mut out),
        Err(Error::AlreadyGiven { .. })
    ));
    assert_eq!((out.sent.len(), out.jobs.len()), (0, 1));
}

fn messages_come_back_from_their_encoding_and_print_no_secret<K: Kind>() {
    let keyrings = keyrings(4);
    let mut net = network::<K>(&keyrings, Order::Random, 3);
    deal(
        &mut net,
        Deviation { wrong_share: set(&[1]), scattered: set(&[2]), ..Default::default() },
    );
    let mut kinds = std::collections::BTreeSet::new();
    net.run_filtered(MOST, |m| {
        let bytes = wire::encode(&m.message);
        let again: Message = wire::decode(&bytes, 1 << 20).unwrap();
        assert_eq!(wire::encode(&again), bytes);
        let shown = m.message.to_string();
        assert_eq!(again.to_string(), shown);
        kinds.insert(shown.split([' ', '/']).next().unwrap().to_owned());
        true
    });
    let kinds: Vec<_> = kinds.into_iter().collect();
    assert_eq!(kinds, ["COMPLAIN", "FORWARD", "OK", "REVEAL", "SHARDS", "rbc"]);
    let local = Message::Local(Local::Recovered(Secret::new(vec![42; 3])));
    assert_eq!(format!("{local}"), "(share recovered)");
    let judged = Local::Judged { complainer: party(2), proven: None };
    assert_eq!(judged.to_string(), "(complaint of 2 false)");
    assert!(!format!("{local:?}").contains("42"));
    let (party, terms) = (&net.parties[1], terms::<K>(&keyrings));
    let (shown, terms) = (format!("{party:?}"), format!("{terms:?}"));
    assert!(terms.starts_with("Terms(dealer 0, "), "{terms}");
    assert!(shown.starts_with(&format!("Acss {{ terms: {terms}, delivered: true, share: true")));
}

/// What is on its way.
enum Coming {
    Message(PartyId, PartyId, Message),
    Result(PartyId, Job<Message>),
}

/// Delivers everything in random order, results of jobs too: messages overtake them.
fn run_with_slow_jobs<K: Kind>(
    keyrings: &[Arc<Keyring>],
    deviation: &Deviation,
    at: u64,
) -> Net<K> {
    let committee = keyrings[0].committee();
    let mut net = network::<K>(keyrings, Order::Fifo, 0);
    let mut rng = ChaCha8Rng::seed_from_u64(at);
    let mut coming = Vec::new();
    let mut out = Collected::default();
    net.parties[0].deal_with(K::secrets(), &seed(), deviation.clone(), &mut out).unwrap();
    let mut me = DEALER;
    loop {
        for (to, message) in std::mem::take(&mut out.sent) {
            let all = committee.parties();
            let recipients = all.filter(|p| to == Recipient::All || to == Recipient::One(*p));
            coming.extend(recipients.map(|p| Coming::Message(me, p, message.clone())));
        }
        net.faults.extend(out.faults.drain(..).map(|fault| (me, fault)));
        coming.extend(out.jobs.drain(..).map(|job| Coming::Result(me, job)));
        if coming.is_empty() {
            return net;
        }
        let (from, message);
        (from, me, message) = match coming.swap_remove(rng.random_range(0..coming.len())) {
            Coming::Message(from, to, message) => (from, to, message),
            Coming::Result(party, job) => (party, party, job()),
        };
        if let Some(output) = net.parties[me.index()].handle(from, message, &mut out) {
            assert!(net.outputs[me.index()].replace(output).is_none(), "one output");
        }
    }
}

fn jobs_may_take_any_time<K: Kind>() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    for at in 0..20 {
        let cheated = [PartySet::EMPTY, set(&[1 + at as u16 % 3])][at as usize % 2];
        let deviation = Deviation { wrong_share: cheated, ..Deviation::default() };
        let net = run_with_slow_jobs::<K>(&keyrings, &deviation, at);
        assert_all_complete(&net, committee, committee.everyone(), &K::secrets());
        assert!(
            committee.parties().all(|p| net.parties[p.index()].recovered() == cheated.contains(p))
        );
        assert_blamed_only(&net, set(&[0]));
        assert_eq!(net.faults.is_empty(), cheated.is_empty());
    }
}

/// Two payloads: party 1 is sent another one than everybody else, with the shards of either.
fn whoever_was_sent_another_payload_completes_with_what_is_delivered<K: Kind>() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    for (seed, shards_of_first) in [(0, true), (1, true), (0, false), (1, false)] {
        let mut net = network::<K>(&keyrings, Order::Random, seed);
        net.byzantine = set(&[0]);
        let (mut first, mut second) = (Collected::default(), Collected::default());
        for (out, deviation) in [
            (&mut first, Deviation::default()),
            (&mut second, Deviation { wrong_share: set(&[3]), ..Deviation::default() }),
        ] {
            let mut dealer = acss(&keyrings[0], K::scheme());
            dealer.deal_with(K::secrets(), &super::seed(), deviation, out).unwrap();
            let dealt = out.jobs.remove(0)();
            dealer.handle(DEALER, dealt, out);
        }
        for (out, is_first) in [(first, true), (second, false)] {
            for (to, message) in out.sent {
                let theirs = matches!(message, Message::Shards(_)) && shards_of_first;
                for p in committee.parties() {
                    let meant = to == Recipient::All || to == Recipient::One(p);
                    if meant && is_first == (p != party(1) || theirs) {
                        net.inject(DEALER, Recipient::One(p), message.clone());
                    }
                }
            }
        }
        // The dealer's own ECHO and READY go with the first.
        let mut own = acss(&keyrings[0], K::scheme());
        let mut out = Collected::default();
        own.deal(K::secrets(), &super::seed(), &mut out).unwrap();
        let mut todo = vec![out.jobs.remove(0)()];
        while let Some(message) = todo.pop() {
            let mut out = Collected::default();
            own.handle(DEALER, message, &mut out);
            todo.extend(out.jobs.into_iter().map(|job| job()));
            for (to, message) in out.sent {
                if to == Recipient::All || to == Recipient::One(DEALER) {
                    todo.push(message.clone());
                }
                if message.to_string().contains("ECHO") || matches!(message, Message::Ok) {
                    net.inject(DEALER, to, message);
                }
            }
        }
        net.run(MOST);
        assert_all_complete(&net, committee, set(&[1, 2, 3]), &K::secrets());
        assert_blamed_only(&net, set(&[0]));
    }
}

for_both![
    jobs_may_take_any_time,
    whoever_was_sent_another_payload_completes_with_what_is_delivered,
    votes_count_once_for_each_party_and_at_their_thresholds,
    the_callers_mistakes_are_errors,
    messages_come_back_from_their_encoding_and_print_no_secret,
];
