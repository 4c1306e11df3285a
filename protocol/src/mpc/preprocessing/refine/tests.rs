use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::fault::{FaultKind, OpeningFault};
use crate::math::{F31, Field, Fp61, Poly};
use crate::mpc::preprocessing::testing::{Lie, Opened, reconstruct};
use crate::mpc::preprocessing::{Request, dealing};
use crate::protocol::Recipient;
use crate::secret::Secret;
use crate::sharing::shamir;
use crate::tag::Tag;
use crate::testkit::{Network, Order};

const ORDERS: [Order; 3] = [Order::Fifo, Order::Lifo, Order::Random];

/// Parties with shares of true batches of the last `dealers` parties.
fn network<F: PrimeField>(
    n: usize,
    dealers: usize,
    request: Request,
    order: Order,
    seed: u64,
) -> (Network<Refine<F>>, Layout) {
    let committee = Committee::new(n).unwrap();
    let layout = Layout::new::<F>(committee, request).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut held: Vec<Vec<(PartyId, Vec<F>)>> = vec![Vec::new(); n];
    for dealer in committee.parties().skip(n - dealers) {
        held.iter_mut().for_each(|held| held.push((dealer, Vec::new())));
        let tag = Tag::root(&[1; 32], dealer.point());
        for secret in dealing::secrets::<F>(&layout, &Secret::new([seed as u8; 32]), &tag).iter() {
            let shares = shamir::share(*secret, committee, &mut rng);
            for (held, share) in held.iter_mut().zip(shares) {
                held.last_mut().unwrap().1.push(share);
            }
        }
    }
    let mut held = held.into_iter();
    let network = Network::new(committee, order, seed, |me| {
        let batches = held.next().unwrap().into_iter();
        Refine::new(layout, me, batches.map(|(d, batch)| (d, batch.into())).collect())
    });
    (network, layout)
}

/// Runs everyone; `lies` changes what the liars say.
fn run<F: PrimeField>(
    network: &mut Network<Refine<F>>,
    silent: PartySet,
    liars: PartySet,
    lie: Lie,
) {
    network.byzantine = silent;
    for party in network.honest() {
        network.act(party, |refine, out| refine.start(out));
    }
    while let Some(mut envelope) = network.next() {
        if liars.contains(envelope.from) {
            lie.tell(&mut envelope.message);
        }
        network.deliver(envelope);
    }
    network.byzantine = silent.union(liars);
}

/// Checks that all honest parties agree on true triples and bits.
fn check<F: PrimeField>(network: &Network<Refine<F>>, committee: Committee) -> Opened<F> {
    network.assert_no_honest_blamed();
    let batches: Vec<_> = network
        .honest()
        .map(|p| (p, network.outputs[p.index()].as_ref().expect("an output")))
        .collect();
    reconstruct(committee, &batches)
}

fn set(parties: &[u16]) -> PartySet {
    parties.iter().copied().map(PartyId::new).collect()
}

const REQUEST: Request = Request { triples: 40, bits: 20 };

#[test]
fn everyone_gets_what_the_sizes_promise_in_every_order() {
    for order in ORDERS {
        for (n, dealers) in [(4, 3), (4, 4), (7, 5), (7, 6), (7, 7)] {
            let (mut network, layout) = network::<Fp61>(n, dealers, REQUEST, order, 1);
            run(&mut network, PartySet::EMPTY, PartySet::EMPTY, Lie::Shifted);
            let opened = check(&network, layout.committee());
            assert!(network.faults.is_empty());
            let size = Request { triples: opened.triples.len(), bits: opened.bits.len() };
            assert_eq!(size, layout.yields(dealers), "n={n} {dealers} dealers {order:?}");
            let ones = opened.bits.iter().filter(|bit| **bit == Fp61::ONE).count();
            assert!(ones > 0 && ones < opened.bits.len());
            let mut distinct: Vec<_> = opened.triples.iter().map(|triple| triple[0]).collect();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), opened.triples.len());
            for refine in &network.parties {
                assert_eq!((refine.corrected(), refine.stage()), (0, Stage::Root));
                assert!(refine.extracted.is_none(), "used up");
            }
        }
    }
}

#[test]
fn t_silent_parties_change_nothing() {
    for (n, silent) in [(4, &[0][..]), (4, &[3]), (7, &[0, 3]), (7, &[5, 6])] {
        let (mut network, layout) = network::<Fp61>(n, n - 1, REQUEST, Order::Random, 2);
        run(&mut network, set(silent), PartySet::EMPTY, Lie::Shifted);
        check(&network, layout.committee());
        assert!(network.faults.is_empty());
    }
}

#[test]
fn t_liars_in_every_opening_change_nothing_and_are_blamed() {
    for order in ORDERS {
        for lie in Lie::ALL {
            for (n, liars) in [(4, &[0][..]), (4, &[2]), (7, &[0, 1]), (7, &[2, 6])] {
                let (mut network, layout) = network::<Fp61>(n, n - 1, REQUEST, order, 3);
                let liars = set(liars);
                run(&mut network, PartySet::EMPTY, liars, lie);
                check(&network, layout.committee());
                for party in network.honest() {
                    let seen = network.parties[party.index()].liars();
                    assert!(seen == liars, "{party} saw {seen}, liars {liars} {lie:?} {order:?}");
                }
                let kind = match lie {
                    Lie::Short => OpeningFault::WrongLength,
                    _ => OpeningFault::WrongShare,
                };
                let expected = FaultKind::Opening(kind);
                assert!(network.faults.iter().all(|(_, fault)| fault.kind == expected));
            }
        }
    }
}

#[test]
fn a_party_that_starts_last_still_opens_its_shares() {
    // The openings of the others give party 0 all it needs, but they may need its shares.
    for order in ORDERS {
        let (mut network, layout) = network::<Fp61>(4, 4, REQUEST, order, 4);
        for party in layout.committee().parties().skip(1) {
            network.act(party, |refine, out| refine.start(out));
        }
        network.run(100_000);
        check(&network, layout.committee());
        assert!(!network.parties[0].multiply.sent && network.parties[0].square.sent);
        network.act(PartyId::new(0), |refine, out| refine.start(out));
        assert_eq!(network.flight.len(), 3, "its shares to the others");
        network.run(100_000);
        assert!(network.faults.is_empty());
    }
}

#[test]
fn a_party_that_sees_the_roots_before_the_squares_still_opens_its_squares() {
    // Found by the simulator: with a liar among them the others lacked the shares of party 0.
    let (mut network, layout) = network::<Fp61>(4, 4, REQUEST, Order::Random, 5);
    for party in layout.committee().parties() {
        network.act(party, |refine, out| refine.start(out));
    }
    let (mut late, slow) = (Vec::new(), PartyId::new(0));
    while let Some(envelope) = network.next() {
        if envelope.to == slow && matches!(envelope.message, Message::Open(Stage::Square, _)) {
            late.push(envelope);
        } else {
            network.deliver(envelope);
        }
    }
    check(&network, layout.committee());
    late.into_iter().for_each(|envelope| network.deliver(envelope));
    network.run(100_000);
    assert!(network.parties[0].root.sent);
    assert!(network.parties[0].extracted.is_none());
}

#[test]
fn in_a_tiny_field_zero_squares_are_skipped_by_everyone_alike() {
    let (mut ones, mut bits, mut short) = (0, 0, 0);
    for seed in 0..30 {
        let request = Request { triples: 3, bits: 30 };
        let (mut network, layout) = network::<F31>(7, 6, request, Order::Random, seed);
        run(&mut network, set(&[1]), set(&[4]), Lie::Shifted);
        let opened = check(&network, layout.committee());
        let promised = layout.yields(6);
        assert_eq!(opened.triples.len(), promised.triples);
        assert!(opened.bits.len() <= promised.bits);
        short += promised.bits - opened.bits.len();
        bits += opened.bits.len();
        ones += opened.bits.iter().filter(|bit| **bit == F31::ONE).count();
    }
    // Of 31 values one is zero; half of the others are the canonical root of their squares.
    assert!(short > 0 && short < bits / 10, "{short} zeros of {bits}");
    assert!(ones * 10 > bits * 4 && ones * 10 < bits * 6, "{ones} ones of {bits}");
}

#[test]
fn without_bits_there_is_one_opening_only() {
    let request = Request { triples: 10, bits: 0 };
    let (mut network, layout) = network::<Fp61>(4, 3, request, Order::Fifo, 6);
    for party in layout.committee().parties() {
        network.act(party, |refine, out| refine.start(out));
    }
    while let Some(envelope) = network.next() {
        assert!(matches!(envelope.message, Message::Open(Stage::Multiply, _)));
        network.deliver(envelope);
    }
    assert_eq!(check(&network, layout.committee()).triples.len(), 64);
    assert!(network.parties.iter().all(|refine| refine.extracted.is_none()));
}

#[test]
fn a_party_is_at_one_opening_after_the_other() {
    let (mut network, layout) = network::<Fp61>(4, 4, REQUEST, Order::Random, 7);
    for party in layout.committee().parties() {
        network.act(party, |refine, out| refine.start(out));
    }
    let mut stages = vec![network.parties[0].stage()];
    while let Some(envelope) = network.next() {
        network.deliver(envelope);
        stages.push(network.parties[0].stage());
        let shown = network.parties[0].extracted.as_ref().map(|held| format!("{held:?}"));
        assert!(shown.is_none_or(|shown| shown.ends_with(" squares]")), "sizes only");
    }
    stages.dedup();
    assert_eq!(stages, [Stage::Multiply, Stage::Square, Stage::Root]);
}

#[test]
fn local_messages_of_others_are_ignored() {
    let (mut network, layout) = network::<Fp61>(4, 3, REQUEST, Order::Fifo, 7);
    let hostile = PartyId::new(3);
    for local in [
        Local::Differences(vec![Fp61::ONE].into()),
        Local::Squares(vec![Fp61::ONE].into()),
        Local::Bits(vec![Fp61::ONE].into()),
    ] {
        network.inject(hostile, Recipient::All, Message::Local(local));
    }
    run(&mut network, set(&[3]), PartySet::EMPTY, Lie::Shifted);
    check(&network, layout.committee());
}

/// The highest degree of the polynomials through these parties' vectors.
fn degree(vectors: &[(PartyId, Vec<Fp61>)]) -> usize {
    let of = |i: usize| {
        let point = |(p, v): &(PartyId, Vec<Fp61>)| (shamir::point(*p), v[i]);
        Poly::interpolate(&vectors.iter().map(point).collect::<Vec<_>>()).degree()
    };
    (0..vectors[0].1.len()).map(of).max().unwrap()
}

#[test]
fn every_opening_is_of_sharings_of_degree_t() {
    let (mut network, layout) = network::<Fp61>(7, 7, REQUEST, Order::Fifo, 8);
    let committee = layout.committee();
    for party in committee.parties() {
        network.act(party, |refine, out| refine.start(out));
    }
    // What the six others send party 0: a degree of 2t would show.
    let mut sent = [const { Vec::new() }; 3];
    while let Some(envelope) = network.next() {
        if let Message::Open(stage, open::Message::Share(shares)) = &envelope.message
            && envelope.to == PartyId::new(0)
        {
            sent[*stage as usize].push((envelope.from, shares.to_vec()));
        }
        network.deliver(envelope);
    }
    for shares in sent {
        assert_eq!((shares.len(), degree(&shares)), (6, committee.degree()));
        let squares: Vec<_> =
            shares.into_iter().map(|(p, v)| (p, v.into_iter().map(|x| x * x).collect())).collect();
        assert_eq!(degree(&squares), 2 * committee.degree());
    }
}
