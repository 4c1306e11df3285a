//! What corrupt dealers and complainers try, one test each.

use super::*;
use crate::crypto::Digest;
use crate::crypto::merkle::Tree;
use crate::crypto::seal::Opener;
use crate::fault::Fault;
use crate::protocol::{Protocol, Recipient};
use crate::testkit::Collected;
use crate::wire::{self, Bytes};

use super::super::public::Verified;

fn opener_of<K: Kind>(keyring: &Keyring, batch: &Verified<K>) -> Opener {
    keyring.sealing().opener(batch.header(), keyring.me())
}

/// Complaints of party 3 about an honest dealer: with true evidence, with somebody else's, with
/// none.
fn false_complaints<K: Kind>(keyrings: &[Arc<Keyring>]) -> Vec<Complaint> {
    let dealing = dealing::<K>(keyrings, &Deviation::default());
    let batch = verified::<K>(keyrings, &dealing);
    let me = party(3);
    let own = opener_of(&keyrings[3], &batch);
    let mut damaged = ciphertext_of(&dealing, me).to_vec();
    damaged[20] ^= 1;
    let share =
        |ciphertext: Bytes, opener| Complaint::BadShare { ciphertext, opener: Box::new(opener) };
    let mut swapped = shards_of(&dealing, me, &[0, 1]);
    let first = swapped[0].1.clone();
    swapped[0].1 = std::mem::replace(&mut swapped[1].1, first);
    let mut forged = shards_of(&dealing, me, &[0, 1]);
    forged[1].1.bytes = forged[0].1.bytes.clone();
    vec![
        share(ciphertext_of(&dealing, me), own.clone()),
        share(damaged.into(), own.clone()),
        share(ciphertext_of(&dealing, party(2)), own.clone()),
        share(Bytes::default(), own),
        share(ciphertext_of(&dealing, me), opener_of(&keyrings[2], &batch)),
        share(ciphertext_of(&dealing, party(2)), opener_of(&keyrings[2], &batch)),
        Complaint::BadDispersal { shards: shards_of(&dealing, me, &[0, 2]) },
        Complaint::BadDispersal { shards: shards_of(&dealing, party(1), &[0, 2]) },
        Complaint::BadDispersal { shards: shards_of(&dealing, me, &[0, 0]) },
        Complaint::BadDispersal { shards: shards_of(&dealing, me, &[0]) },
        Complaint::BadDispersal { shards: shards_of(&dealing, me, &[0, 1, 2]) },
        Complaint::BadDispersal { shards: Vec::new() },
        Complaint::BadDispersal { shards: swapped },
        Complaint::BadDispersal { shards: forged },
        Complaint::BadDispersal {
            shards: vec![
                shards_of(&dealing, me, &[0]).remove(0),
                (party(999), shards_of(&dealing, me, &[1]).remove(0).1),
            ],
        },
    ]
}

fn false_complaints_release_nothing_and_blame_the_complainer<K: Kind>() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    for (which, complaint) in false_complaints::<K>(&keyrings).into_iter().enumerate() {
        for order in [Order::Fifo, Order::Lifo, Order::Random] {
            let mut net = network::<K>(&keyrings, order, which as u64);
            net.byzantine = set(&[3]);
            deal(&mut net, Deviation::default());
            net.inject(party(3), Recipient::All, Message::Complain(complaint.clone()));
            net.run_filtered(MOST, |m| {
                assert!(!matches!(m.message, Message::Reveal(_)), "complaint {which} is believed");
                assert!(m.from == party(3) || !matches!(m.message, Message::Complain(_)));
                true
            });
            assert_all_complete(&net, committee, set(&[0, 1, 2]), &K::secrets());
            assert_blamed_only(&net, set(&[3]));
            let blamed = blamers(&net, party(3), SharingFault::FalseComplaint);
            assert_eq!(blamed, set(&[0, 1, 2]), "complaint {which}");
        }
    }
}

/// Party 1 is an honest dealer; corrupt party 0 publishes 1's R and proof, or only its R, on
/// junk, hoping that complaints carry the keys to 1's ciphertexts.
fn a_copied_sealing_key_is_never_echoed_and_nobody_complains<K: Kind>() {
    let keyrings = keyrings(4);
    let honest_tag = tag().child("another dealing");
    let terms = terms_of::<K>(&keyrings, party(1), &honest_tag);
    let honest = Dealing::new(&terms, &keyrings[1], K::secrets(), &seed(), &Deviation::default());
    let honest = public::<K>(&honest);
    for order in [Order::Fifo, Order::Random] {
        let mut net = network::<K>(&keyrings, order, 0);
        net.byzantine = set(&[0]);
        let copied = Deviation {
            junk: keyrings[0].committee().everyone(),
            header: Some(honest.header.clone()),
            ..Deviation::default()
        };
        deal(&mut net, copied);
        net.run_filtered(MOST, |m| {
            assert_eq!(m.from, DEALER, "honest parties stay silent, not: {}", m.message);
            true
        });
        assert_nobody_completes(&net);
        assert_blamed_only(&net, set(&[0]));
        assert_eq!(blamers(&net, DEALER, SharingFault::BadDealing), set(&[0, 1, 2, 3]));
    }
}

/// The proof of R is bound to this dealing's ciphertexts: even the dealer's own header does not
/// do for other ones.
fn a_header_holds_for_its_own_dispersals_only<K: Kind>() {
    let keyrings = keyrings(4);
    let dealing = dealing::<K>(&keyrings, &Deviation::default());
    let terms = Arc::new(terms::<K>(&keyrings));
    let published = public::<K>(&dealing);
    let holds = |public: &Public<_, _>| Verified::new(&terms, &wire::encode(public)).is_some();
    assert!(holds(&published));
    let mut other = published.clone();
    other.dispersals[2] = Digest::from([1; 32]);
    assert!(!holds(&other));
    let elsewhere = Terms::new(keyrings[0].committee(), DEALER, &tag().child("x"), K::scheme());
    let elsewhere =
        Dealing::new(&elsewhere, &keyrings[0], K::secrets(), &seed(), &Deviation::default());
    let mut other = published;
    other.commitments = public::<K>(&elsewhere).commitments;
    assert!(!holds(&other));
}

fn a_dealing_of_too_high_a_degree_completes_nowhere<K: Kind>() {
    for n in [4, 7] {
        let keyrings = keyrings(n);
        let mut net = network::<K>(&keyrings, Order::Random, 0);
        deal(&mut net, Deviation { excess_degree: 1, ..Deviation::default() });
        net.run(MOST);
        assert_nobody_completes(&net);
        assert!(net.parties.iter().all(|p| p.complained() && !p.recovered()));
        assert_blamed_only(&net, set(&[0]));
    }
}

fn a_share_vector_is_one_partys_and_every_byte_of_it_counts<K: Kind>() {
    let keyrings = keyrings(4);
    let dealing = dealing::<K>(&keyrings, &Deviation::default());
    let batch = verified::<K>(&keyrings, &dealing);
    let me = party(3);
    let encoded = open(&keyrings[3], &batch, &dealing);
    assert!(batch.check_share(me, encoded.expose()));
    assert!(!batch.check_share(party(2), encoded.expose()));
    assert!(!batch.check_share(party(99), encoded.expose()));
    for at in 0..encoded.expose().len() {
        let mut changed = encoded.expose().clone();
        changed[at] ^= 1;
        assert!(!batch.check_share(me, &changed));
        assert!(!batch.check_share(me, &changed[..at]));
    }
}

fn shards_from_others_and_second_shards_are_faults<K: Kind>() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let dealing = dealing::<K>(&keyrings, &Deviation::default());
    let part = |p: usize| Message::Shards(dealing.parts[p].1.clone());
    let mut net = network::<K>(&keyrings, Order::Fifo, 0);
    net.inject(party(2), Recipient::One(party(1)), part(1));
    net.inject(DEALER, Recipient::One(party(1)), part(1));
    net.inject(DEALER, Recipient::One(party(1)), part(1));
    net.inject(DEALER, Recipient::One(party(1)), part(2));
    net.inject(DEALER, Recipient::One(party(3)), Message::Shards(Vec::new()));
    deal(&mut net, Deviation::default());
    net.run(MOST);
    assert_all_complete(&net, committee, committee.everyone(), &K::secrets());
    assert_eq!(net.faults.len(), 3, "{:?}", net.faults);
    assert_eq!(blamers(&net, party(2), SharingFault::NotDealer), set(&[1]));
    assert_eq!(blamers(&net, DEALER, SharingFault::SecondMessage), set(&[1]));
    assert_eq!(blamers(&net, DEALER, SharingFault::BadShard), set(&[3]));
}

/// What waits for the delivery has a size that it can have.
fn what_no_delivery_could_make_right_is_not_kept<K: Kind>() {
    let keyrings = keyrings(4);
    let dealing = dealing::<K>(&keyrings, &Deviation::default());
    let right = dealing.parts[2].1[1].clone();
    let long = Shard { bytes: [&right.bytes[..], &[0]].concat().into(), ..right.clone() };
    let deep = Shard { path: Tree::new(&[[0]; 64]).path(0), ..right.clone() };
    let reveal =
        |more: usize| Message::Reveal(vec![0; terms::<K>(&keyrings).share_bytes() + more].into());
    for (message, fault) in [
        (Message::Forward(right), None),
        (Message::Forward(long), Some(SharingFault::BadShard)),
        (Message::Forward(deep), Some(SharingFault::BadShard)),
        (reveal(0), None),
        (reveal(1), Some(SharingFault::BadReveal)),
    ] {
        let mut node = acss(&keyrings[1], K::scheme());
        let mut out = Collected::default();
        node.handle(party(2), message, &mut out);
        let expected = fault.map(|kind| Fault { party: party(2), kind: kind.into() });
        assert_eq!(out.faults, expected.into_iter().collect::<Vec<_>>());
    }
}

/// Shards that do not belong to the broadcast roots: no ECHO, whatever else holds.
fn shards_of_another_dealing_are_not_echoed<K: Kind>() {
    let keyrings = keyrings(4);
    let other = Dealing::new(
        &terms_of::<K>(&keyrings, DEALER, &tag().child("x")),
        &keyrings[0],
        K::secrets(),
        &seed(),
        &Deviation::default(),
    );
    let mut net = network::<K>(&keyrings, Order::Fifo, 0);
    net.byzantine = set(&[0]);
    for (to, shards) in other.parts {
        net.inject(DEALER, Recipient::One(to), Message::Shards(shards));
    }
    deal(&mut net, Deviation { omitted: set(&[1, 2, 3]), ..Deviation::default() });
    net.run_filtered(MOST, |m| {
        assert_eq!(m.from, DEALER);
        true
    });
    assert_eq!(blamers(&net, DEALER, SharingFault::BadShard), set(&[1, 2, 3]));
}

fn local_results_are_taken_from_oneself_only<K: Kind>() {
    let keyrings = keyrings(4);
    let mut net = network::<K>(&keyrings, Order::Fifo, 0);
    let share = Secret::new(vec![0; net.parties[0].terms().share_bytes()]);
    for local in [
        Local::Retrieved(Ok(share.clone())),
        Local::Recovered(share),
        Local::Judged { complainer: party(2), proven: Some(SharingFault::BadShare) },
        Local::Judged { complainer: party(2), proven: None },
    ] {
        net.inject(DEALER, Recipient::One(party(1)), Message::Local(local));
    }
    net.run(MOST);
    assert!(net.faults.is_empty() && net.delivered == 4);
    assert!(!net.parties[1].exposed() && !net.parties[1].recovered());
}

for_both![
    false_complaints_release_nothing_and_blame_the_complainer,
    a_copied_sealing_key_is_never_echoed_and_nobody_complains,
    a_header_holds_for_its_own_dispersals_only,
    a_dealing_of_too_high_a_degree_completes_nowhere,
    a_share_vector_is_one_partys_and_every_byte_of_it_counts,
    shards_from_others_and_second_shards_are_faults,
    what_no_delivery_could_make_right_is_not_kept,
    shards_of_another_dealing_are_not_echoed,
    local_results_are_taken_from_oneself_only,
];
