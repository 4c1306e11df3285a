//! Rounds, message delays and messages of runs without faults.

use super::*;

/// (message delays until all decided, messages, rounds) when all propose `value`.
fn unanimous(n: usize, value: bool) -> (usize, usize, u32) {
    let mut net = Network::new(committee(n), Order::Fifo, 0, |p| instance(n, p, 0));
    for p in committee(n).parties() {
        net.act(p, |node, out| node.propose(value, out)).unwrap();
    }
    let mut delays = 0;
    let mut decided_after = None;
    while !net.flight.is_empty() {
        delays += 1;
        for envelope in std::mem::take(&mut net.flight) {
            net.deliver(envelope);
        }
        if decided_after.is_none() && net.outputs.iter().all(|o| *o == Some(value)) {
            decided_after = Some(delays);
        }
    }
    assert!(net.parties.iter().all(Aba::halted));
    let rounds = net.parties.iter().map(Aba::round).max().unwrap() + 1;
    (decided_after.unwrap(), net.delivered, rounds)
}

#[test]
fn all_one_takes_one_round_two_delays_and_three_multicasts() {
    for n in [4, 7, 16, 31] {
        assert_eq!(unanimous(n, true), (2, 3 * n * (n - 1), 1));
    }
}

#[test]
fn all_zero_takes_two_rounds_four_delays_and_five_multicasts() {
    for n in [4, 7, 16, 31] {
        assert_eq!(unanimous(n, false), (4, 5 * n * (n - 1), 2));
    }
}

#[test]
fn without_tolerance_few_parties_agree_too() {
    for n in 1..=3 {
        let c = Committee::with_threshold(n, 0).unwrap();
        let make = |p| Aba::new(c, tag(), Arc::new(IdealCoin::new(p, 9)), p);
        let mut net = Network::new(c, Order::Random, 9, make);
        for p in c.parties() {
            net.act(p, |node, out| node.propose(p.index() == 0, out)).unwrap();
        }
        net.run(1000);
        assert!(net.outputs.iter().all(|o| o.is_some() && *o == net.outputs[0]));
        assert!(net.parties.iter().all(Aba::halted));
    }
}
