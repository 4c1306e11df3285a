//! A14: the key of the coins comes after the agreement wants them.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Party 0 of seven in round 2 with estimate 1, without the key of the coins.
fn in_round_two() -> Alone {
    let mut alone = Alone::of(7, 1);
    alone.node = Aba::without_coin(committee(7), tag(), party(0));
    alone.propose(false);
    alone.reach_round_two();
    alone
}

fn give_coin(alone: &mut Alone, seed: u64) -> Option<bool> {
    let mut out = Collected::default();
    let output = alone.node.give_coin(Arc::new(IdealCoin::new(party(0), seed)), &mut out);
    let looped = alone.settle(out);
    output.or(looped)
}

#[test]
fn an_outcome_waits_for_the_key_and_then_goes_on_with_the_shares_that_came() {
    // The outcome is the coin: with the key comes the decision, at once.
    let mut alone = in_round_two();
    let value = coin(1, 2);
    assert!(!alone.node.wants_coin(), "no outcome yet");
    for from in 1..=2 {
        alone.give(from, share(from, 1, 2));
    }
    alone.give_all(1..=5, &e1(2, value));
    alone.give_all(1..=5, &e2(2, value));
    assert_eq!(alone.give_all(1..=5, &e3(2, Some(value))), None);
    assert!(alone.node.wants_coin());
    assert!(!alone.said().iter().any(|said| said.contains("SHARE")), "nothing to share yet");
    assert_eq!(give_coin(&mut alone, 1), Some(value));
    assert_eq!(alone.said(), [format!("r2 DECIDE {}", u8::from(value)), "r2 SHARE".into()]);
    assert!(!alone.node.wants_coin());
    assert_eq!(give_coin(&mut alone, 2), None, "a second key changes nothing");
    assert!(alone.faults.is_empty());
}

#[test]
fn the_own_share_is_not_released_with_the_key_but_with_the_outcome() {
    let mut alone = in_round_two();
    assert_eq!(give_coin(&mut alone, 1), None);
    assert_eq!(alone.said(), Vec::<String>::new());
    alone.give_all(1..=5, &e1(2, true));
    alone.give_all(1..=5, &e2(2, true));
    assert!(!alone.said().iter().any(|said| said.contains("SHARE")));
    alone.give_all(1..=5, &e3(2, Some(true)));
    assert!(alone.said().contains(&"r2 SHARE".into()));
}

#[test]
fn a_second_key_changes_no_coin() {
    let mut alone = in_round_two();
    assert_eq!(give_coin(&mut alone, 1), None);
    assert_eq!(give_coin(&mut alone, 2), None);
    let value = coin(1, 2);
    for from in 1..=2 {
        alone.give(from, share(from, 1, 2));
    }
    alone.give_all(1..=5, &e1(2, value));
    alone.give_all(1..=5, &e2(2, value));
    assert_eq!(alone.give_all(1..=5, &e3(2, Some(value))), Some(value));
    assert!(alone.faults.is_empty());
}

#[test]
fn a_party_without_the_key_decides_and_halts_by_the_decides_of_others() {
    let mut alone = in_round_two();
    alone.give_all(1..=5, &e3(2, Some(true)));
    alone.give_all(1..=5, &e1(2, true));
    assert!(alone.node.wants_coin());
    assert_eq!(alone.give_all(1..=3, &decide(2, true)), Some(true));
    assert!(!alone.node.wants_coin());
    alone.give_all(4..=5, &decide(2, true));
    assert!(alone.node.halted());
    assert_eq!(give_coin(&mut alone, 1), None);
}

/// Split inputs need real coins; keys come to each party at a time of its own, or with nothing else
/// in flight.
#[test]
fn keys_that_come_at_any_time_lead_to_one_decision() {
    let mut rounds_waited = 0;
    for seed in 0..200 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let n = [4, 7][usize::from(rng.random::<bool>())];
        let mut net = Network::new(committee(n), Order::Random, seed, |p| {
            Aba::<IdealCoin>::without_coin(committee(n), tag(), p)
        });
        let parties: Vec<PartyId> = committee(n).parties().collect();
        for p in &parties {
            let bit = rng.random();
            net.act(*p, |node, out| node.propose(bit, out)).unwrap();
        }
        let mut without = parties.clone();
        let give = |net: &mut Network<Instance>, p: PartyId| {
            let coin = Arc::new(IdealCoin::new(p, seed));
            if let Some(decision) = net.act(p, |node, out| node.give_coin(coin, out)) {
                assert!(net.outputs[p.index()].replace(decision).is_none(), "two outputs");
            }
        };
        loop {
            while let Some(envelope) = net.next() {
                net.deliver(envelope);
                if !without.is_empty() && rng.random_ratio(1, 40) {
                    give(&mut net, without.swap_remove(rng.random_range(0..without.len())));
                }
            }
            rounds_waited += usize::from(net.parties.iter().any(Aba::wants_coin));
            let Some(p) = without.pop() else { break };
            give(&mut net, p);
        }
        let decided = net.outputs[0];
        assert!(decided.is_some() && net.outputs.iter().all(|output| *output == decided));
        assert!(net.parties.iter().all(Aba::halted), "seed {seed}");
        assert!(net.faults.is_empty());
    }
    assert!(rounds_waited > 5, "agreements stood still for want of keys: {rounds_waited}");
}
