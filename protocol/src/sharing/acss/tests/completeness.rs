//! Either nobody completes, or everybody does, with shares of one polynomial for each secret.

use super::*;
use crate::error::Error;
use crate::protocol::{Protocol, Recipient};
use crate::testkit::Collected;
use crate::wire;

/// What a dealer may do to one recipient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Treatment {
    Fair,
    Omitted,
    WrongShare,
    Junk,
    Scattered,
}

use Treatment::{Fair, Junk, Omitted, Scattered, WrongShare};

fn deviation(treatments: &[Treatment]) -> Deviation {
    let those = |treatment| {
        let all = (1..).zip(treatments).filter(move |(_, t)| **t == treatment);
        all.map(|(i, _)| party(i)).collect()
    };
    Deviation {
        omitted: those(Omitted),
        wrong_share: those(WrongShare),
        junk: those(Junk),
        scattered: those(Scattered),
        ..Deviation::default()
    }
}

#[test]
fn an_honest_dealer_completes_everywhere_in_every_order() {
    for n in [4, 5, 6, 7] {
        let keyrings = keyrings(n);
        for (order, seed) in
            [(Order::Fifo, 0), (Order::Lifo, 0), (Order::Random, 1), (Order::Random, 2)]
        {
            let mut net = network(&keyrings, order, seed);
            deal(&mut net, Deviation::default());
            net.run(MOST);
            let committee = keyrings[0].committee();
            assert_all_complete(&net, committee, committee.everyone(), &secrets());
            assert!(net.faults.is_empty(), "{:?}", net.faults);
            assert!(net.parties.iter().all(|p| !p.complained() && !p.recovered() && !p.exposed()));
        }
    }
}

#[test]
fn every_subset_of_omitted_and_cheated_recipients_at_n_4() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let kinds = [Fair, Omitted, WrongShare, Junk, Scattered];
    for code in 0..kinds.len().pow(3) {
        let treatments = [code % 5, code / 5 % 5, code / 25].map(|kind| kinds[kind]);
        let omitted = treatments.iter().filter(|t| **t == Omitted).count();
        let cheated = treatments.iter().filter(|t| !matches!(t, Fair | Omitted)).count();
        for (order, seed) in [(Order::Fifo, 0), (Order::Random, code as u64)] {
            for silent_afterwards in [false, true] {
                let mut net = network(&keyrings, order, seed);
                if silent_afterwards {
                    net.byzantine = set(&[0]);
                }
                deal(&mut net, deviation(&treatments));
                net.run(MOST);
                // n - t ECHO, the dealer's among them; n - t OK, the dealer's only if it goes on.
                let delivered = omitted <= 1;
                let completes = delivered && cheated + usize::from(silent_afterwards) <= 1;
                let holders = 4 - cheated - usize::from(silent_afterwards);
                let context = format!("{treatments:?} {order:?} silent {silent_afterwards}");
                let honest: PartySet = net.honest().collect();
                if completes {
                    assert_all_complete(&net, committee, honest, &secrets());
                } else {
                    assert!(net.parties.iter().all(|p| !p.complete()), "{context}");
                    assert!(net.outputs.iter().all(Option::is_none), "{context}");
                }
                assert_blamed_only(&net, set(&[0]));
                for (i, treatment) in (1..).zip(treatments) {
                    let cheated = !matches!(treatment, Fair | Omitted);
                    let p = &net.parties[i];
                    assert_eq!(p.complained(), cheated && delivered, "{context}: {i}");
                    let recovers = cheated && delivered && holders >= committee.one_honest();
                    assert_eq!(p.recovered(), recovers, "{context}: {i}");
                }
            }
        }
    }
}

/// n = 7, t = 2: a dealer that cheats two recipients and helps itself to complete, and a second
/// corrupt party that votes, complains falsely and reveals junk.
#[test]
fn cheated_parties_recover_under_random_schedules_at_n_7() {
    let keyrings = keyrings(7);
    let committee = keyrings[0].committee();
    let (mut false_accusers_blamed, mut bad_shards_blamed, mut bad_reveals_blamed) = (0, 0, 0);
    for seed in 0..40 {
        let mut net = network(&keyrings, Order::Random, seed);
        net.byzantine = set(&[0, 6]);
        let cheated = set(&[1 + seed as u16 % 5, 1 + (seed as u16 + 1) % 5]);
        let deviation = match seed % 3 {
            0 => Deviation { wrong_share: cheated, ..Deviation::default() },
            1 => Deviation { junk: cheated, ..Deviation::default() },
            _ => Deviation { scattered: cheated, ..Deviation::default() },
        };
        let dealing = dealing(&keyrings, &deviation);
        let part = &dealing.parts[6].1;
        let false_complaint = Complaint::BadDispersal {
            shards: (0..3).map(|i| (party(i), dealing.parts[i as usize].1[6].clone())).collect(),
        };
        let junk = vec![0; net.parties[0].terms().share_bytes()];
        deal(&mut net, deviation);
        for (from, message) in [
            (0, Message::Ok),
            (0, Message::Done),
            (6, Message::Ok),
            (6, Message::Done),
            (6, Message::Complain(false_complaint)),
            (6, Message::Reveal(junk.into())),
            (6, Message::Forward(part[0].clone())),
        ] {
            net.inject(party(from), Recipient::All, message);
        }
        net.run(MOST);
        assert_all_complete(&net, committee, set(&[1, 2, 3, 4, 5]), &secrets());
        net.assert_no_honest_blamed();
        for p in cheated.iter() {
            assert!(net.parties[p.index()].recovered() && net.parties[p.index()].complained());
        }
        false_accusers_blamed += blamers(&net, party(6), SharingFault::FalseComplaint).len();
        bad_shards_blamed += blamers(&net, party(6), SharingFault::BadShard).len();
        bad_reveals_blamed += blamers(&net, party(6), SharingFault::BadReveal).len();
    }
    // Not in every run: once there is a better share or a true complaint nobody looks any more.
    assert!(false_accusers_blamed > 0 && bad_shards_blamed > 0 && bad_reveals_blamed > 0);
}

#[test]
fn t_silent_parties_stop_nobody() {
    for (n, silent) in [(4, set(&[2])), (7, set(&[3, 6])), (7, set(&[1, 2]))] {
        let keyrings = keyrings(n);
        for seed in 0..10 {
            let mut net = network(&keyrings, Order::Random, seed);
            net.byzantine = silent;
            deal(&mut net, Deviation::default());
            net.run(MOST);
            let committee = keyrings[0].committee();
            assert_all_complete(&net, committee, net.honest().collect(), &secrets());
            assert!(net.faults.is_empty());
        }
    }
}

#[test]
fn a_dealer_that_sends_to_t_plus_one_only() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    for echoes in [false, true] {
        for seed in 0..10 {
            let mut net = network(&keyrings, Order::Random, seed);
            net.byzantine = set(&[0]);
            deal(&mut net, Deviation::default());
            net.flight.retain(|m| m.to != party(3));
            if !echoes {
                net.flight.retain(|m| !m.message.to_string().contains("ECHO"));
                net.run(MOST);
                assert_nobody_completes(&net);
            } else {
                // Three ECHO: delivered everywhere; party 3 gets its share from the dispersal.
                net.run(MOST);
                assert_all_complete(&net, committee, set(&[1, 2, 3]), &secrets());
            }
            assert!(net.faults.is_empty());
        }
    }
}

/// Were recovery a reason for DONE, the corrupt party could let party 2 alone recover, and two
/// DONE would complete a sharing of which only party 1 has a share to reveal.
#[test]
fn one_recovered_party_does_not_complete_the_others() {
    let keyrings = keyrings(4);
    let mut net = network(&keyrings, Order::Fifo, 0);
    deal(&mut net, Deviation { wrong_share: set(&[2, 3]), ..Deviation::default() });
    net.inject(DEALER, Recipient::All, Message::Done);
    net.run_filtered(MOST, |m| {
        assert!(m.from != party(2) || !matches!(m.message, Message::Ok | Message::Done));
        !(m.from == DEALER && matches!(m.message, Message::Reveal(_)) && m.to != party(2))
    });
    assert!(net.parties[2].recovered() && !net.parties[3].recovered());
    assert_nobody_completes(&net);
    assert_blamed_only(&net, set(&[0]));
}

#[test]
fn votes_count_once_for_each_party_and_at_their_thresholds() {
    let keyrings = keyrings(7);
    let run = |votes: &[(u16, Message)]| {
        let mut acss =
            Acss::<Elements<Fp61, _>>::new(keyrings[1].clone(), DEALER, tag(), COUNT, NoStatement);
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

#[test]
fn small_committees_without_faults_work() {
    for n in 1..=3 {
        let keyrings = Keyring::for_tests(n, 1);
        let mut net = network(&keyrings, Order::Random, 0);
        deal(&mut net, Deviation::default());
        net.run(MOST);
        let committee = keyrings[0].committee();
        assert_all_complete(&net, committee, committee.everyone(), &secrets());
    }
}

#[test]
fn an_empty_batch_completes() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let mut net: Net = Network::new(committee, Order::Random, 0, |p| {
        Acss::new(keyrings[p.index()].clone(), DEALER, tag(), 0, NoStatement)
    });
    net.act(DEALER, |p, out| p.deal(Shares::from(Vec::new()), &seed(), out)).unwrap();
    net.run(MOST);
    assert!(net.outputs.iter().all(|o| o.as_ref().is_some_and(|shares| shares.is_empty())));
}

#[test]
fn dealing_again_is_the_same_bytes_and_other_secrets_are_independent() {
    let keyrings = keyrings(4);
    let (one, two) = (Deviation::default(), Deviation::default());
    let (one, two) = (dealing(&keyrings, &one), dealing(&keyrings, &two));
    assert_eq!(one.payload, two.payload);
    assert_eq!(one.parts, two.parts);
    let terms = terms(&keyrings);
    let mut other = secrets().to_vec();
    other[0] += Fp61::ONE;
    let other = Dealing::new(&terms, &keyrings[0], other.into(), &seed(), &Deviation::default());
    let share = |dealing: &Dealing| {
        let encoded = open(&keyrings[1], &verified(&keyrings, dealing), dealing);
        let blinders = terms.scheme().blinders(encoded.expose()).unwrap();
        (terms.decode(encoded.expose()).unwrap(), blinders)
    };
    let ((shares, blinders), (others, other_blinders)) = (share(&one), share(&other));
    // The same polynomials above the constant would make the shares differ as the secrets do.
    assert_ne!(others[0] - shares[0], Fp61::ONE);
    assert!(shares.iter().zip(others.iter()).all(|(s, o)| s != o));
    assert!(blinders[0] != other_blinders[0] && blinders[1] != other_blinders[1]);
    let sealing_key = |dealing: &Dealing| {
        let public: Public61 = wire::decode(&dealing.payload, 1 << 20).unwrap();
        wire::encode(&public.header)[..32].to_vec()
    };
    assert_eq!(sealing_key(&one), sealing_key(&two));
    assert_ne!(sealing_key(&one), sealing_key(&other));
}

#[test]
fn the_callers_mistakes_are_errors() {
    let keyrings = keyrings(4);
    let make = |p: usize| {
        Acss::<Elements<Fp61, _>>::new(keyrings[p].clone(), DEALER, tag(), COUNT, NoStatement)
    };
    let mut out = Collected::default();
    let mut dealer = make(0);
    assert_eq!(
        make(1).deal(secrets(), &seed(), &mut out),
        Err(Error::NotYours { party: DEALER, what: "deal" })
    );
    assert!(matches!(
        dealer.deal(Shares::from(vec![Fp61::ONE]), &seed(), &mut out),
        Err(Error::WrongSize { .. })
    ));
    assert!(out.sent.is_empty() && out.jobs.is_empty());
    dealer.deal(secrets(), &seed(), &mut out).unwrap();
    assert!(matches!(dealer.deal(secrets(), &seed(), &mut out), Err(Error::AlreadyGiven { .. })));
    assert_eq!((out.sent.len(), out.jobs.len()), (0, 1));
}

#[test]
fn messages_come_back_from_their_encoding_and_print_no_secret() {
    let keyrings = keyrings(4);
    let mut net = network(&keyrings, Order::Random, 3);
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
    assert!(!format!("{local:?} {local}").contains("42"));
}
