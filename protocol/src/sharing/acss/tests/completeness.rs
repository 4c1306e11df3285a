//! Either nobody completes, or everybody does, with shares of one polynomial for each secret.

use super::*;
use crate::protocol::Recipient;

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

fn an_honest_dealer_completes_everywhere_in_every_order<K: Kind>() {
    for n in [4, 5, 6, 7] {
        let keyrings = keyrings(n);
        for (order, seed) in
            [(Order::Fifo, 0), (Order::Lifo, 0), (Order::Random, 1), (Order::Random, 2)]
        {
            let mut net = network::<K>(&keyrings, order, seed);
            deal(&mut net, Deviation::default());
            net.run(MOST);
            let committee = keyrings[0].committee();
            assert_all_complete(&net, committee, committee.everyone(), &K::secrets());
            assert!(net.faults.is_empty(), "{:?}", net.faults);
            assert!(net.parties.iter().all(|p| !p.complained() && !p.recovered() && !p.exposed()));
        }
    }
}

fn every_subset_of_omitted_and_cheated_recipients_at_n_4<K: Kind>() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let kinds = [Fair, Omitted, WrongShare, Junk, Scattered];
    for code in 0..kinds.len().pow(3) {
        let treatments = [code % 5, code / 5 % 5, code / 25].map(|kind| kinds[kind]);
        let omitted = treatments.iter().filter(|t| **t == Omitted).count();
        let cheated = treatments.iter().filter(|t| !matches!(t, Fair | Omitted)).count();
        for (order, seed) in [(Order::Fifo, 0), (Order::Random, code as u64)] {
            for silent_afterwards in [false, true] {
                let mut net = network::<K>(&keyrings, order, seed);
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
                    assert_all_complete(&net, committee, honest, &K::secrets());
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
fn cheated_parties_recover_under_random_schedules_at_n_7<K: Kind>() {
    let keyrings = keyrings(7);
    let committee = keyrings[0].committee();
    let (mut false_accusers_blamed, mut bad_shards_blamed, mut bad_reveals_blamed) = (0, 0, 0);
    for seed in 0..40 {
        let mut net = network::<K>(&keyrings, Order::Random, seed);
        net.byzantine = set(&[0, 6]);
        let cheated = set(&[1 + seed as u16 % 5, 1 + (seed as u16 + 1) % 5]);
        let deviation = match seed % 3 {
            0 => Deviation { wrong_share: cheated, ..Deviation::default() },
            1 => Deviation { junk: cheated, ..Deviation::default() },
            _ => Deviation { scattered: cheated, ..Deviation::default() },
        };
        let dealing = dealing::<K>(&keyrings, &deviation);
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
        assert_all_complete(&net, committee, set(&[1, 2, 3, 4, 5]), &K::secrets());
        net.assert_no_honest_blamed();
        let honest = || net.honest().map(|p| &net.parties[p.index()]);
        assert!(honest().any(Acss::exposed), "a complaint was proven");
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

fn t_silent_parties_stop_nobody<K: Kind>() {
    for (n, silent) in [(4, set(&[2])), (7, set(&[3, 6])), (7, set(&[1, 2]))] {
        let keyrings = keyrings(n);
        for seed in 0..10 {
            let mut net = network::<K>(&keyrings, Order::Random, seed);
            net.byzantine = silent;
            deal(&mut net, Deviation::default());
            net.run(MOST);
            let committee = keyrings[0].committee();
            assert_all_complete(&net, committee, net.honest().collect(), &K::secrets());
            assert!(net.faults.is_empty());
        }
    }
}

fn a_dealer_that_sends_to_t_plus_one_only<K: Kind>() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    for echoes in [false, true] {
        for seed in 0..10 {
            let mut net = network::<K>(&keyrings, Order::Random, seed);
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
                assert_all_complete(&net, committee, set(&[1, 2, 3]), &K::secrets());
            }
            assert!(net.faults.is_empty());
        }
    }
}

/// Were recovery a reason for DONE, the corrupt party could let party 2 alone recover, and two
/// DONE would complete a sharing of which only party 1 has a share to reveal.
fn one_recovered_party_does_not_complete_the_others<K: Kind>() {
    let keyrings = keyrings(4);
    let mut net = network::<K>(&keyrings, Order::Fifo, 0);
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

fn small_committees_without_faults_work<K: Kind>() {
    for n in 1..=3 {
        let keyrings = Keyring::for_tests(n, 1);
        let mut net = network::<K>(&keyrings, Order::Random, 0);
        deal(&mut net, Deviation::default());
        net.run(MOST);
        let committee = keyrings[0].committee();
        assert_all_complete(&net, committee, committee.everyone(), &K::secrets());
    }
}

#[test]
fn no_secrets_are_shared_too() {
    let keyrings = keyrings(4);
    let mut net = network_of(&keyrings, Order::Random, 0, Plain::new(0, NoStatement));
    net.act(DEALER, |p, out| p.deal(Shares::from(Vec::new()), &seed(), out)).unwrap();
    net.run(MOST);
    assert!(net.outputs.iter().all(|o| o.as_ref().is_some_and(|shares| shares.is_empty())));
    for scheme in [Scalars::new(Vec::new()), Scalars::zero(Vec::new())] {
        let mut net = network_of(&keyrings, Order::Random, 0, scheme);
        net.act(DEALER, |p, out| p.deal(Shares::from(Vec::new()), &seed(), out)).unwrap();
        net.run(MOST);
        assert!(net.outputs.iter().all(|o| o.as_ref().is_some_and(|o| o.shares.is_empty())));
    }
}

for_both![
    an_honest_dealer_completes_everywhere_in_every_order,
    every_subset_of_omitted_and_cheated_recipients_at_n_4,
    cheated_parties_recover_under_random_schedules_at_n_7,
    t_silent_parties_stop_nobody,
    a_dealer_that_sends_to_t_plus_one_only,
    one_recovered_party_does_not_complete_the_others,
    small_committees_without_faults_work,
];
