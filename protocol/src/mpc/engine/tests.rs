use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::fault::FaultKind;
use crate::math::Fp61;
use crate::protocol::Recipient;
use crate::sharing::shamir;
use crate::testkit::{Collected, Network, Order};
use crate::wire;

const SIZES: [usize; 3] = [2, 1, 3];

/// Opens its secrets, each increased by the sum of what was opened before.
struct Chain {
    shares: Vec<Vec<Fp61>>,
    step: usize,
}

impl Gadget<Fp61> for Chain {
    fn openings(&self) -> Vec<usize> {
        SIZES.to_vec()
    }
    fn next(&mut self, opened: &[Fp61]) -> Step<Fp61> {
        let sum: Fp61 = opened.iter().copied().sum();
        self.step += 1;
        match self.shares.get(self.step - 1) {
            Some(shares) => Step::Open(shares.iter().map(|share| *share + sum).collect()),
            None => Step::Done(vec![sum]),
        }
    }
}

type Net = Network<Engine<Fp61, Chain>>;

fn party(i: u16) -> PartyId {
    PartyId::new(i)
}

/// Secrets 1, 2 | 3 | 4, 5, 6, each party with its shares; the output is 15 + 3 (3 + 3) = 33.
fn network(n: usize, order: Order, seed: u64, contributes: impl Fn(PartyId) -> bool) -> Net {
    let committee = Committee::new(n).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut secret = 0;
    let shared: Vec<Vec<Vec<Fp61>>> = SIZES
        .iter()
        .map(|size| {
            (0..*size)
                .map(|_| {
                    secret += 1;
                    shamir::share(Fp61::from_u64(secret), committee, &mut rng)
                })
                .collect()
        })
        .collect();
    Network::new(committee, order, seed, |p| {
        let own = |shares: &Vec<Fp61>| {
            if contributes(p) { shares[p.index()] } else { Fp61::ZERO }
        };
        let shares = shared.iter().map(|round| round.iter().map(own).collect()).collect();
        Engine::new(committee, Chain { shares, step: 0 }, contributes(p))
    })
}

fn start(net: &mut Net, parties: impl IntoIterator<Item = PartyId>) {
    for p in parties {
        net.act(p, |engine, out| engine.start(out));
    }
}

fn assert_done(net: &Net) {
    for p in net.honest() {
        assert_eq!(net.outputs[p.index()], Some(vec![Fp61::from_u64(33)]), "{p}");
        assert_eq!(net.parties[p.index()].progress(), (3, 3));
    }
    net.assert_no_honest_blamed();
}

#[test]
fn everyone_gets_the_output_in_every_order() {
    for n in [4, 7] {
        for order in [Order::Fifo, Order::Lifo, Order::Random] {
            for seed in 0..10 {
                let mut net = network(n, order, seed, |_| true);
                let all: Vec<_> = net.honest().collect();
                start(&mut net, all);
                net.run(10_000);
                assert_done(&net);
                assert!(net.parties.iter().all(|e| !e.corrected() && e.liars().is_empty()));
            }
        }
    }
}

#[test]
fn shares_for_later_openings_count_before_one_is_there() {
    // Party 3 gets everything backwards: all of opening 2 before anything of opening 0.
    let mut net = network(4, Order::Fifo, 1, |_| true);
    start(&mut net, (0..4).map(party));
    let mut late = Vec::new();
    net.run_filtered(1000, |envelope| {
        let keep = envelope.to != party(3);
        if !keep {
            late.push(envelope.clone());
        }
        keep
    });
    assert!(net.outputs[3].is_none() && net.outputs[..3].iter().all(Option::is_some));
    late.sort_by_key(|envelope| std::cmp::Reverse(envelope.message.round));
    for envelope in late {
        assert_eq!(net.outputs[3], None);
        net.deliver(envelope);
        if net.outputs[3].is_some() {
            break;
        }
    }
    assert_done(&net);
}

#[test]
fn a_party_that_starts_last_sends_what_it_owes() {
    let mut net = network(4, Order::Random, 2, |_| true);
    start(&mut net, (0..3).map(party));
    net.run(1000);
    assert_done(&net);
    start(&mut net, [party(3)]);
    let rounds: Vec<u16> =
        net.flight.iter().filter(|e| e.to == party(0)).map(|e| e.message.round).collect();
    assert_eq!(rounds, [0, 1, 2]);
    net.run(1000);
    net.assert_no_honest_blamed();
}

#[test]
fn parties_without_shares_follow_and_say_nothing() {
    for n in [4usize, 7] {
        let without = |p: PartyId| p.index() < n.div_ceil(3) - 1;
        let mut net = network(n, Order::Random, 3, |p| !without(p));
        let all: Vec<_> = net.honest().collect();
        start(&mut net, all);
        assert!(net.flight.iter().all(|envelope| !without(envelope.from)));
        net.run_filtered(10_000, |envelope| !without(envelope.from));
        assert_done(&net);
    }
}

fn share(round: u16, values: &[u64]) -> Message<Fp61> {
    let shares: Shares<Fp61> = values.iter().map(|v| Fp61::from_u64(*v)).collect();
    Message { round, shares: open::Message::Share(shares.into()) }
}

#[test]
fn wrong_shares_in_every_opening_change_nothing_and_are_blamed() {
    // Also too short, too long, and for an opening that does not exist; always before all others.
    for lie in [[1, 1, 1].as_slice(), &[7], &[]] {
        let mut net = network(4, Order::Fifo, 4, |_| true);
        net.byzantine.insert(party(1));
        for round in 0..4 {
            net.inject(party(1), Recipient::All, share(round, lie));
        }
        let honest: Vec<_> = net.honest().collect();
        start(&mut net, honest.clone());
        net.run(1000);
        assert_done(&net);
        for p in honest {
            assert_eq!(net.parties[p.index()].liars(), net.byzantine);
            let unknown = FaultKind::from(OpeningFault::UnknownRound);
            assert!(net.faults.iter().any(|(by, fault)| *by == p && fault.kind == unknown));
        }
    }
}

#[test]
fn nothing_is_sent_before_the_start() {
    let mut net = network(4, Order::Fifo, 5, |_| true);
    start(&mut net, (1..4).map(party));
    net.run_filtered(1000, |envelope| {
        assert_ne!(envelope.from, party(0));
        true
    });
    assert_done(&net);
    let mut out = Collected::default();
    net.parties[0].handle(party(1), share(9, &[]), &mut out);
    assert!(out.sent.is_empty() && out.faults.len() == 1);
}

#[test]
fn messages_encode_and_show_no_share() {
    let message = share(1, &[41]);
    assert_eq!(message.to_string(), "r1 SHARE[1]");
    assert!(!format!("{message:?}").contains("41"));
    assert_eq!(wire::decode(&wire::encode(&message), 100), Ok(message));
    let engine = format!("{:?}", network(4, Order::Fifo, 1, |_| true).parties[0]);
    assert!(engine.starts_with("Engine { used: ") && engine.ends_with(" .. }"), "{engine}");
}
