//! Agreement, validity and termination over seeds, orders and faulty parties.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Faulty {
    None,
    Silent,
    /// Sends random, conflicting messages to random parties, throughout.
    Random,
    /// Sends every vote, for both values, to everybody.
    Both,
}

fn random_message(from: PartyId, seed: u64, top: u32, rng: &mut impl Rng) -> Wire {
    let far = rng.random_range(0..40) == 0;
    let round = rng.random_range(0..=top + 1) + if far { 20 } else { 0 };
    let value = rng.random();
    let binding_round = round.max(2);
    match rng.random_range(0..12) {
        0..=2 => e1(round, value),
        3..=6 => e2(round, value),
        7 => e3(binding_round, Some(value)),
        8 => e3(binding_round, None),
        9 => Message::Share { round: binding_round, share: IdealShare::BAD },
        10 if rng.random_range(0..8) == 0 => decide(round, value),
        10 => Message::Resend { round },
        _ => share(u16::try_from(from.index()).unwrap(), seed, binding_round),
    }
}

/// Runs to quiescence and checks everything; returns the greatest round in which one decided.
fn check(
    n: usize,
    order: Order,
    seed: u64,
    faulty: Faulty,
    inputs: impl Fn(PartyId) -> bool,
) -> u32 {
    let context = format!("n {n}, {order:?}, seed {seed}, {faulty:?}");
    let c = committee(n);
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xfa17);
    let mut net = Network::new(c, order, seed, |p| instance(n, p, seed));
    if faulty != Faulty::None {
        while net.byzantine.len() < c.t() {
            net.byzantine.insert(party(rng.random_range(0..n as u16)));
        }
    }
    for p in net.honest().collect::<Vec<_>>() {
        net.act(p, |node, out| node.propose(inputs(p), out)).unwrap();
    }
    let hostile: Vec<PartyId> = net.byzantine.iter().collect();
    let mut both_until = 0;
    let mut budget = 60 * n;
    let mut steps = 0;
    loop {
        let top = net.honest().map(|p| net.parties[p.index()].round()).max().unwrap();
        for from in hostile.iter().filter(|_| faulty == Faulty::Both && both_until <= top) {
            for value in [false, true] {
                net.inject(*from, Recipient::All, e1(both_until, value));
                for to in c.parties() {
                    let to = Recipient::One(to);
                    net.inject(*from, to, e2(both_until, rng.random()));
                    if both_until >= 2 {
                        let vote = if rng.random() { Some(value) } else { None };
                        net.inject(*from, to, e3(both_until, vote));
                    }
                }
            }
        }
        both_until = both_until.max(top + 1);
        if faulty == Faulty::Random && budget > 0 && rng.random_range(0..3) == 0 {
            budget -= 1;
            let from = hostile[rng.random_range(0..hostile.len())];
            let to = Recipient::One(party(rng.random_range(0..n as u16)));
            net.inject(from, to, random_message(from, seed, top, &mut rng));
        }
        let Some(envelope) = net.next() else { break };
        net.deliver(envelope);
        steps += 1;
        assert!(steps < 400 * n * n, "no quiescence: {context}");
    }
    let honest: Vec<usize> = net.honest().map(PartyId::index).collect();
    let decision = net.outputs[honest[0]];
    assert!(decision.is_some(), "undecided at quiescence: {context}");
    for p in &honest {
        assert_eq!(net.outputs[*p], decision, "agreement: {context}");
        assert!(net.parties[*p].halted(), "not halted: {context}");
    }
    let proposed: Vec<bool> = net.honest().map(&inputs).collect();
    assert!(proposed.contains(&decision.unwrap()), "validity: {context}");
    net.assert_no_honest_blamed();
    honest.iter().map(|p| net.parties[*p].round()).max().unwrap()
}

const ORDERS: [Order; 3] = [Order::Fifo, Order::Lifo, Order::Random];

fn sweep(faulty: Faulty, sizes: &[(usize, u64)]) {
    for (n, seeds) in sizes {
        for order in ORDERS {
            for seed in 0..*seeds {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                let bits: u32 = rng.random();
                check(*n, order, seed, faulty, |p| bits >> p.index() & 1 == 1);
                check(*n, order, seed, faulty, |_| bits & 1 == 1);
            }
        }
    }
}

#[test]
fn honest_parties_agree() {
    sweep(Faulty::None, &[(4, 100), (7, 30), (10, 10)]);
}

#[test]
fn honest_parties_agree_with_silent_parties() {
    sweep(Faulty::Silent, &[(4, 100), (7, 30), (10, 10)]);
}

#[test]
fn honest_parties_agree_with_parties_that_send_random_votes() {
    sweep(Faulty::Random, &[(4, 300), (7, 60), (10, 15)]);
}

#[test]
fn honest_parties_agree_with_parties_that_vote_for_both() {
    sweep(Faulty::Both, &[(4, 150), (7, 30), (10, 10)]);
}

/// The design expects 2.9 to 4.1 rounds for split inputs with equivocators.
#[test]
fn split_inputs_take_few_rounds_on_average() {
    let (n, runs) = (4, 400);
    let rounds: u32 = (0..runs)
        .map(|s| check(n, Order::Random, s, Faulty::Both, |p| p.index() % 2 == 1) + 1)
        .sum();
    let mean = f64::from(rounds) / runs as f64;
    assert!((1.0..4.5).contains(&mean), "{mean}");
}
