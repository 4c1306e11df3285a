//! Agreements that need a coin, before and after its key is there.

use super::*;

/// Parties 0 and 1 deliver party 3's set only after everything else, so that they propose 0 about it
/// where others propose 1. Gives whether somebody stood still for want of a coin, and the coins tossed.
fn split_about_a_set(seed: u64) -> (bool, u32) {
    let mut net = network(4, Order::Random, seed);
    start(&mut net, set(&[0, 1, 2, 3]));
    let late = |m: &InFlight<Message>| matches!(&m.message, Message::Set(j, rbc::Message::Ready(_)) if *j == party(3));
    let mut held = Vec::new();
    while let Some(envelope) = net.next() {
        if late(&envelope) && envelope.to.index() < 2 {
            held.push(envelope);
        } else {
            net.deliver(envelope);
        }
    }
    let wanting = |p: &KeyGeneration| p.subset.wants_coins();
    let waited = net.parties.iter().any(|p| !wanting(p).is_empty());
    assert!(net.parties.iter().all(|p| wanting(p).is_subset(set(&[3]))));
    net.flight.extend(held);
    net.run(MOST);
    assert_keys(&net);
    assert!(net.parties.iter().all(|p| p.subset.halted()), "seed {seed}");
    assert!(net.faults.is_empty());
    (waited, net.parties.iter().map(|p| p.subset.coins_tossed()).max().unwrap())
}

#[test]
fn an_agreement_waits_for_the_set_that_makes_its_coin_and_then_ends() {
    let (mut waited, mut tossed) = (0, 0);
    for seed in 0..40 {
        let (waits, coins) = split_about_a_set(seed);
        waited += u32::from(waits);
        tossed += u32::from(coins > 0);
    }
    assert!(waited > 0 && tossed > 0, "{waited} runs waited, {tossed} tossed");
}

#[test]
fn boot_coins_are_of_one_key_at_all_members_and_of_one_set() {
    let mut net = network(4, Order::Random, 8);
    start(&mut net, set(&[0, 1, 2, 3]));
    net.run(MOST);
    let name = tag().child("a coin");
    let coins: Vec<DdhCoin> =
        net.parties.iter().map(|p| p.boot_coin(party(1)).expect("the set is usable")).collect();
    for (p, coin) in (0..).map(party).zip(&coins) {
        assert!(coins.iter().all(|other| other.verify(&name, p, &coin.share(&name))));
        assert_ne!(
            coin.share(&name),
            net.outputs[p.index()].as_ref().unwrap().coin().unwrap().share(&name)
        );
    }
    // The same dealers in another context: as a set of another name would have.
    let other = coins[0].clone().in_context(&net.parties[0].name(set(&[0, 1, 2])));
    assert!(!coins[1].verify(&name, party(0), &other.share(&name)));
    assert_ne!(net.parties[0].name(set(&[0, 1, 2])), net.parties[0].name(set(&[0, 1, 2, 3])));
}
