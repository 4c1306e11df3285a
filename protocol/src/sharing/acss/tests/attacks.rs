//! What corrupt dealers and complainers try, one test each.

use super::*;
use crate::crypto::seal::Opener;
use crate::math::F7;
use crate::protocol::Recipient;
use crate::wire::{self, Bytes};

use super::super::elements::evaluate;
use super::super::public::Verified;

fn opener_of(keyring: &Keyring, batch: &Verified<Elements<Fp61, NoStatement>>) -> Opener {
    keyring.sealing().opener(batch.header(), keyring.me())
}

/// Complaints of party 3 about an honest dealer: with true evidence, with somebody else's, with
/// none.
fn false_complaints(keyrings: &[Arc<Keyring>]) -> Vec<Complaint> {
    let dealing = dealing(keyrings, &Deviation::default());
    let batch = verified(keyrings, &dealing);
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

#[test]
fn false_complaints_release_nothing_and_blame_the_complainer() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    for (which, complaint) in false_complaints(&keyrings).into_iter().enumerate() {
        for order in [Order::Fifo, Order::Lifo, Order::Random] {
            let mut net = network(&keyrings, order, which as u64);
            net.byzantine = set(&[3]);
            deal(&mut net, Deviation::default());
            net.inject(party(3), Recipient::All, Message::Complain(complaint.clone()));
            net.run_filtered(MOST, |m| {
                assert!(!matches!(m.message, Message::Reveal(_)), "complaint {which} is believed");
                assert!(m.from == party(3) || !matches!(m.message, Message::Complain(_)));
                true
            });
            assert_all_complete(&net, committee, set(&[0, 1, 2]), &secrets());
            assert_blamed_only(&net, set(&[3]));
            let blamed = blamers(&net, party(3), SharingFault::FalseComplaint);
            assert_eq!(blamed, set(&[0, 1, 2]), "complaint {which}");
        }
    }
}

/// Party 1 is an honest dealer; corrupt party 0 publishes 1's R and proof, or only its R, on
/// junk, hoping that complaints carry the keys to 1's ciphertexts.
#[test]
fn a_copied_sealing_key_is_never_echoed_and_nobody_complains() {
    let keyrings = keyrings(4);
    let honest_tag = tag().child("another dealing");
    let terms = terms_of(&keyrings, party(1), &honest_tag);
    let honest = Dealing::new(&terms, &keyrings[1], secrets(), &seed(), &Deviation::default());
    let honest: Public61 = wire::decode(&honest.payload, 1 << 20).unwrap();
    for order in [Order::Fifo, Order::Random] {
        let mut net = network(&keyrings, order, 0);
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
#[test]
fn a_header_holds_for_its_own_dispersals_only() {
    let keyrings = keyrings(4);
    let dealing = dealing(&keyrings, &Deviation::default());
    let terms = Arc::new(terms(&keyrings));
    let public: Public61 = wire::decode(&dealing.payload, 1 << 20).unwrap();
    let holds = |public: &Public61| Verified::new(&terms, &wire::encode(public)).is_some();
    assert!(holds(&public));
    let mut other = public.clone();
    other.dispersals[2] = Digest::from([1; 32]);
    assert!(!holds(&other));
    let mut other = public;
    other.commitments[0] = Digest::from([1; 32]);
    assert!(!holds(&other));
}

#[test]
fn vectors_of_the_wrong_length_are_refused() {
    let keyrings = keyrings(4);
    let dealing = dealing(&keyrings, &Deviation::default());
    let terms = Arc::new(terms(&keyrings));
    let public: Public61 = wire::decode(&dealing.payload, 1 << 20).unwrap();
    type Change = fn(&mut Public61);
    let changes: [Change; 8] = [
        |p| p.commitments.truncate(3),
        |p| p.commitments.push(Digest::from([0; 32])),
        |p| p.dispersals.truncate(3),
        |p| p.dispersals.clear(),
        |p| p.proof.checks[0].truncate(1),
        |p| p.proof.checks[1].clear(),
        |p| p.proof.checks[1].push(Field::ZERO),
        |p| p.proof.checks[0].push(Field::ONE),
    ];
    for change in changes {
        let mut changed = public.clone();
        change(&mut changed);
        assert!(Verified::new(&terms, &wire::encode(&changed)).is_none());
    }
    assert!(Verified::new(&terms, &[]).is_none());
}

#[test]
fn a_dealing_of_too_high_a_degree_completes_nowhere() {
    for n in [4, 7] {
        let keyrings = keyrings(n);
        let mut net = network(&keyrings, Order::Random, 0);
        deal(&mut net, Deviation { excess_degree: 1, ..Deviation::default() });
        net.run(MOST);
        assert_nobody_completes(&net);
        assert!(net.parties.iter().all(|p| p.complained() && !p.recovered()));
        assert_blamed_only(&net, set(&[0]));
    }
}

#[test]
fn a_share_vector_is_one_partys_and_every_byte_of_it_counts() {
    let keyrings = keyrings(4);
    let dealing = dealing(&keyrings, &Deviation::default());
    let batch = verified(&keyrings, &dealing);
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

/// In F_7 a vector off the polynomials passes one check with probability 1/49: too often to be
/// missed here if only one check were made.
#[test]
fn both_degree_checks_are_made() {
    let keyrings = keyrings(4);
    let passes = (0..500).filter(|i| {
        let tag = tag().indexed("tiny field", *i);
        let committee = keyrings[0].committee();
        let terms =
            Arc::new(Terms::new(committee, DEALER, &tag, Elements::<F7, _>::new(2, NoStatement)));
        let secrets = Shares::from(vec![F7::ONE, F7::ZERO]);
        let deviation = Deviation { wrong_share: set(&[3]), ..Deviation::default() };
        let dealing = Dealing::new(&terms, &keyrings[0], secrets, &seed(), &deviation);
        let batch = Verified::new(&terms, &dealing.payload).unwrap();
        let me = party(3);
        let opened = keyrings[3].sealing().open(batch.header(), me, &ciphertext_of(&dealing, me));
        batch.check_share(me, opened.unwrap().expose())
    });
    assert!(passes.count() <= 2);
}

#[test]
fn shards_from_others_and_second_shards_are_faults() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let dealing = dealing(&keyrings, &Deviation::default());
    let part = |p: usize| Message::Shards(dealing.parts[p].1.clone());
    let mut net = network(&keyrings, Order::Fifo, 0);
    net.inject(party(2), Recipient::One(party(1)), part(1));
    net.inject(DEALER, Recipient::One(party(1)), part(1));
    net.inject(DEALER, Recipient::One(party(1)), part(1));
    net.inject(DEALER, Recipient::One(party(1)), part(2));
    net.inject(DEALER, Recipient::One(party(3)), Message::Shards(Vec::new()));
    deal(&mut net, Deviation::default());
    net.run(MOST);
    assert_all_complete(&net, committee, committee.everyone(), &secrets());
    assert_eq!(net.faults.len(), 3, "{:?}", net.faults);
    assert_eq!(blamers(&net, party(2), SharingFault::NotDealer), set(&[1]));
    assert_eq!(blamers(&net, DEALER, SharingFault::SecondMessage), set(&[1]));
    assert_eq!(blamers(&net, DEALER, SharingFault::BadShard), set(&[3]));
}

/// Shards that do not belong to the broadcast roots: no ECHO, whatever else holds.
#[test]
fn shards_of_another_dealing_are_not_echoed() {
    let keyrings = keyrings(4);
    let other = Dealing::new(
        &terms_of(&keyrings, DEALER, &tag().child("x")),
        &keyrings[0],
        secrets(),
        &seed(),
        &Deviation::default(),
    );
    let mut net = network(&keyrings, Order::Fifo, 0);
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

#[test]
fn local_results_are_taken_from_oneself_only() {
    let keyrings = keyrings(4);
    let mut net = network(&keyrings, Order::Fifo, 0);
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

/// Claims that the secrets sum to zero; the proof is the sum of the polynomials. With `lie`, the
/// prover drops the sum's constant.
#[derive(Clone)]
struct SumIsZero {
    lie: bool,
}

impl Statement<Fp61> for SumIsZero {
    type Proof = Vec<Fp61>;

    fn prove(&self, _: &Tag, _: &Digest, coefficients: &[Shares<Fp61>]) -> Vec<Fp61> {
        let mut sums: Vec<Fp61> =
            coefficients.iter().map(|column| column.iter().copied().sum()).collect();
        if self.lie {
            sums[0] = Fp61::ZERO;
        }
        sums
    }

    fn check_public(&self, c: Committee, _: &Tag, _: &Digest, proof: &Vec<Fp61>) -> bool {
        proof.len() == c.degree() + 1 && proof[0] == Fp61::ZERO
    }

    fn check_share(&self, _: &Tag, _: &Digest, proof: &Vec<Fp61>, at: Fp61, s: &[Fp61]) -> bool {
        let proof: Vec<_> = proof.iter().map(|c| (*c).into()).collect();
        evaluate(&proof, at) == s.iter().copied().sum::<Fp61>().into()
    }
}

#[test]
fn a_false_statement_is_not_echoed_and_a_lie_about_it_completes_nowhere() {
    let keyrings = keyrings(4);
    let committee = keyrings[0].committee();
    let run = |secrets: &Shares<Fp61>, lie: bool| {
        let mut net = Network::new(committee, Order::Random, 1, |p| {
            let statement = SumIsZero { lie: lie && p == DEALER };
            Acss::new(keyrings[p.index()].clone(), DEALER, tag(), COUNT, statement)
        });
        net.act(DEALER, |p, out| p.deal(secrets.clone(), &seed(), out)).unwrap();
        net.run(MOST);
        net
    };
    let mut zero = secrets().to_vec();
    zero[0] -= secrets().iter().copied().sum();
    let zero = Shares::from(zero);

    let net = run(&zero, false);
    assert_all_complete(&net, committee, committee.everyone(), &zero);
    assert!(net.faults.is_empty());

    let net = run(&secrets(), false);
    assert_nobody_completes(&net);
    assert_eq!(blamers(&net, DEALER, SharingFault::BadDealing), set(&[0, 1, 2, 3]));

    let net = run(&secrets(), true);
    assert_nobody_completes(&net);
    assert!(net.parties.iter().all(Acss::complained));
    assert_blamed_only(&net, set(&[0]));
}
