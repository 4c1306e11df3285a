use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::agreement::coin::{IdealCoin, IdealShare};
use crate::protocol::Recipient;
use crate::testkit::{Collected, Network, Order};
use crate::wire;

type Instance = CommonSubset<IdealCoin>;
type Wire = Message<IdealShare>;

fn party(index: usize) -> PartyId {
    PartyId::new(index as u16)
}

fn set(parties: &[usize]) -> PartySet {
    parties.iter().map(|p| party(*p)).collect()
}

fn instance(n: usize, me: PartyId, seed: u64) -> Instance {
    let tag = Tag::root(&[4; 32], 0).child("acs");
    CommonSubset::new(Committee::new(n).unwrap(), me, tag, Arc::new(IdealCoin::new(me, seed)))
}

fn network(n: usize, order: Order, seed: u64) -> Network<Instance> {
    Network::new(Committee::new(n).unwrap(), order, seed, |p| instance(n, p, seed))
}

fn votes(round: u32, kind: Kind, zero: &[usize], one: &[usize], bot: &[usize]) -> Wire {
    Message::Votes { round, kind, zero: set(zero), one: set(one), bot: set(bot) }
}

/// Gives an input that may bring the output at once.
fn usable(net: &mut Network<Instance>, at: PartyId, value: PartyId) {
    if let Some(output) = net.act(at, |node, out| node.usable(value, out)) {
        assert!(net.outputs[at.index()].replace(output).is_none(), "two outputs");
    }
}

#[test]
fn all_usable_at_once_takes_two_delays_and_as_many_messages_as_one_agreement() {
    for n in [4, 7, 16] {
        let mut net = network(n, Order::Fifo, 0);
        let mut out = Collected::default();
        let everyone = Committee::new(n).unwrap().everyone();
        for p in everyone.iter() {
            // One party's values become usable in one tick: its owner merges what it sends.
            net.act(p, |node, real| {
                for value in everyone.iter() {
                    assert_eq!(node.usable(value, &mut out), None);
                }
                let mut merged: Vec<Wire> = Vec::new();
                for (_, message) in out.sent.drain(..) {
                    match merged.last_mut() {
                        Some(last) => assert_eq!(last.merge(message), None),
                        None => merged.push(message),
                    }
                }
                merged.into_iter().for_each(|message| real.multicast(message));
            });
        }
        let mut delays = 0;
        while net.outputs.iter().any(Option::is_none) {
            delays += 1;
            for envelope in std::mem::take(&mut net.flight) {
                assert!(wire::encode(&envelope.message).len() == 60);
                net.deliver(envelope);
            }
        }
        net.run(usize::MAX);
        assert_eq!((delays, net.delivered), (2, 3 * n * (n - 1)));
        assert!(net.parties.iter().all(|p| p.halted() && p.coins_tossed() == 0));
        assert!(net.outputs.iter().all(|o| *o == Some(everyone)));
    }
}

#[test]
fn zeros_are_proposed_after_a_quorum_of_ones_and_the_close_in_either_order() {
    for close_first in [true, false] {
        let mut node = instance(4, party(0), 0);
        let mut out = Collected::default();
        if close_first {
            node.close(&mut out);
            assert_eq!(out.sent.len(), 0, "nothing was decided yet");
        }
        for from in 1..3 {
            node.handle(party(from), votes(0, Kind::Decide, &[], &[0, 1], &[]), &mut out);
        }
        assert_eq!(node.decided(), set(&[0, 1]));
        // Late, but in time: closing does not keep a value out by itself.
        out.sent.clear();
        node.usable(party(3), &mut out);
        assert_eq!(out.sent.pop().unwrap().1, votes(0, Kind::E1, &[], &[3], &[]));
        for from in 1..3 {
            node.handle(party(from), votes(0, Kind::Decide, &[], &[3], &[]), &mut out);
        }
        assert_eq!(node.resolved(), set(&[0, 1, 3]));
        let zeros = (Recipient::All, votes(0, Kind::E1, &[2], &[], &[]));
        assert_eq!(out.sent.contains(&zeros), close_first);
        if !close_first {
            node.close(&mut out);
            assert!(out.sent.contains(&zeros));
        }
        let sent = out.sent.len();
        node.close(&mut out);
        node.usable(party(2), &mut out);
        node.usable(party(2), &mut out);
        assert_eq!(out.sent.len(), sent, "one proposal in each agreement");
    }
}

#[test]
fn without_a_close_absent_parties_are_waited_for() {
    let mut net = network(4, Order::Random, 3);
    net.byzantine.insert(party(3));
    for p in 0..3 {
        for value in 0..3 {
            usable(&mut net, party(p), party(value));
        }
    }
    net.run(10_000);
    assert!(net.honest().all(|p| net.parties[p.index()].decided() == set(&[0, 1, 2])));
    assert!(net.outputs.iter().all(Option::is_none));
    for p in 0..3 {
        net.act(party(p), |node, out| node.close(out));
    }
    net.run(10_000);
    assert!(net.honest().all(|p| net.outputs[p.index()] == Some(set(&[0, 1, 2]))));
}

#[test]
fn the_output_waits_until_its_values_are_usable_here() {
    let mut net = network(4, Order::Random, 3);
    for p in 0..4 {
        net.act(party(p), |node, out| node.close(out));
        for value in 0..3 {
            if (p, value) != (0, 2) {
                usable(&mut net, party(p), party(value));
            }
        }
    }
    net.run(10_000);
    assert_eq!(net.parties[0].resolved(), set(&[0, 1, 2, 3]));
    assert_eq!(net.outputs[0], None);
    assert!(!net.parties[0].halted());
    usable(&mut net, party(0), party(2));
    assert!(net.outputs.iter().all(|o| *o == Some(set(&[0, 1, 2]))));
    assert!(net.parties.iter().all(CommonSubset::halted));
}

#[test]
fn agreements_have_coins_of_their_own() {
    let mut node = instance(4, party(0), 0);
    let mut out = Collected::default();
    for value in 0..2 {
        node.usable(party(value), &mut out);
    }
    // Both agreements get through rounds 0 and 1 with the value that is not the coin, to round 2.
    for (round, zero, one) in [(0, &[0, 1][..], &[][..]), (1, &[][..], &[0, 1][..])] {
        for kind in [Kind::E1, Kind::E2] {
            for from in 1..4 {
                node.handle(party(from), votes(round, kind, zero, one, &[]), &mut out);
            }
        }
        let own: Vec<Wire> = out.sent.drain(..).map(|(_, m)| m).collect();
        for message in own {
            node.handle(party(0), message, &mut out);
        }
    }
    let coin = IdealCoin::new(party(1), 0);
    let name = |of: u64| {
        Tag::root(&[4; 32], 0).child("acs").indexed("agreement", of + 1).indexed("coin", 2)
    };
    let share = coin.share(&name(0));
    assert_ne!(share, coin.share(&name(1)));
    let shares = vec![(party(0), share), (party(1), share)];
    node.handle(party(1), Message::Shares { round: 2, shares }, &mut out);
    for from in 1..4 {
        node.handle(party(from), votes(2, Kind::E3, &[], &[0, 1], &[]), &mut out);
    }
    assert_eq!(node.agreements[party(0)].coins_tossed(), 1);
    assert_eq!(node.agreements[party(1)].coins_tossed(), 0, "the coin of another agreement");
    assert_eq!(node.coins_tossed(), 1);
    let blamed = crate::Fault { party: party(1), kind: AgreementFault::BadCoinShare.into() };
    assert_eq!(out.faults, [blamed]);
}

#[test]
fn what_one_call_sends_leaves_as_one_message_for_each_round_and_kind() {
    let mut node = instance(7, party(0), 0);
    let mut out = Collected::default();
    for from in 1..6 {
        node.handle(party(from), votes(0, Kind::E1, &[2, 4], &[0, 1, 2, 5], &[]), &mut out);
    }
    // Amplified on the third, approved with one's own on the fourth; agreement 2 has both values.
    let sent: Vec<String> = out.sent.iter().map(|(_, m)| m.to_string()).collect();
    assert_eq!(sent, ["r0 E1 0{2,4} 1{0,1,2,5}", "r0 E2 0{4} 1{0,1,2,5}"]);
    assert!(out.sent.iter().all(|(to, _)| *to == Recipient::All));
}

#[test]
fn merged_messages_say_what_the_single_ones_said() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..300 {
        let messages: Vec<Wire> = (0..6).map(|_| random_message(7, 1, &mut rng)).collect();
        let mut merged: Vec<Wire> = Vec::new();
        for message in messages.clone() {
            let mut rest = Some(message);
            for earlier in &mut merged {
                rest = rest.and_then(|message| earlier.merge(message));
            }
            merged.extend(rest);
        }
        let unpacked = |messages: Vec<Wire>| {
            let each = messages.into_iter().flat_map(Message::unpack);
            let mut text: Vec<String> = each.map(|(p, m)| format!("{p} {m:?}")).collect();
            text.sort();
            text.dedup();
            text
        };
        assert!(merged.len() <= messages.len());
        assert_eq!(unpacked(merged), unpacked(messages));
    }
}

#[test]
fn messages_of_one_round_and_kind_merge_and_no_others() {
    let shares = |round, of| Message::Shares { round, shares: vec![(party(of), IdealShare::BAD)] };
    let resend = |round, of| Message::Resend { round, of: set(&[of]) };
    let both = Message::Shares { round: 2, shares: vec![(party(0), IdealShare::BAD); 2] };
    let cases = [
        (shares(2, 0), shares(2, 0), Some(both)),
        (shares(2, 0), shares(3, 0), None),
        (resend(2, 0), resend(2, 1), Some(Message::Resend { round: 2, of: set(&[0, 1]) })),
        (resend(2, 0), resend(3, 1), None),
        (resend(2, 0), shares(2, 0), None),
    ];
    for (mut first, second, merged) in cases {
        let (alone, rest) = (first.clone(), first.merge(second.clone()));
        assert_eq!(rest, merged.is_none().then_some(second));
        assert_eq!(first, merged.unwrap_or(alone));
    }
}

#[test]
fn messages_about_no_agreement_and_of_no_kind_are_blamed_and_dropped() {
    let mut node = instance(4, party(0), 0);
    let mut out = Collected::default();
    let share = IdealShare::BAD;
    let bad = [
        votes(0, Kind::E1, &[], &[0, 4], &[]),
        votes(0, Kind::E1, &[], &[], &[0]),
        votes(2, Kind::Decide, &[], &[1], &[0]),
        Message::Shares { round: 2, shares: vec![(party(4), share)] },
        Message::Shares { round: 2, shares: vec![(party(1), share); 9] },
        Message::Resend { round: 0, of: set(&[100]) },
    ];
    let most = Message::Shares { round: 2, shares: vec![(party(1), share); 8] };
    assert!(most.is_well_formed(Committee::new(4).unwrap()), "each twice");
    for (i, message) in bad.into_iter().enumerate() {
        node.handle(party(1), message, &mut out);
        assert_eq!(out.faults.len(), i + 1);
    }
    assert!(out.sent.is_empty());
    // Both values in one E2 is a second vote.
    node.handle(party(1), votes(0, Kind::E2, &[2], &[2], &[]), &mut out);
    assert_eq!(out.faults.last().unwrap().kind, AgreementFault::SecondVote.into());
}

#[test]
fn messages_have_one_encoding_and_read_well() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..100 {
        let message = random_message(7, 3, &mut rng);
        let bytes = wire::encode(&message);
        assert_eq!(wire::decode::<Wire>(&bytes, bytes.len()), Ok(message));
    }
    assert_eq!(votes(2, Kind::E1, &[], &[3], &[]).to_string(), "3/r2 E1 1");
    assert_eq!(votes(2, Kind::E3, &[1], &[], &[0, 2]).to_string(), "r2 E3 0{1} bot{0,2}");
}

fn random_message(n: usize, top: u32, rng: &mut impl Rng) -> Wire {
    let round = rng.random_range(0..=top);
    let mut some = || (0..n).filter(|_| rng.random_range(0..4) == 0).map(party).collect();
    let (zero, one, bot): (PartySet, PartySet, PartySet) = (some(), some(), some());
    match rng.random_range(0..8) {
        0 | 1 => Message::Votes { round, kind: Kind::E1, zero, one, bot: PartySet::EMPTY },
        2 | 3 => Message::Votes { round, kind: Kind::E2, zero, one, bot: PartySet::EMPTY },
        4 => Message::Votes { round: round.max(2), kind: Kind::E3, zero, one, bot },
        5 => Message::Votes { round, kind: Kind::Decide, zero, one, bot: PartySet::EMPTY },
        6 => Message::Shares {
            round: round.max(2),
            shares: one.iter().map(|p| (p, IdealShare::BAD)).collect(),
        },
        _ => Message::Resend { round, of: one },
    }
}

/// A whole run: values become usable and parties close at random times; hostile parties are silent
/// or send random bitmaps, and their values are usable everywhere or nowhere.
fn check(n: usize, order: Order, seed: u64, noisy: bool) {
    let context = format!("n {n}, {order:?}, seed {seed}, noisy {noisy}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0xac5);
    let mut net = network(n, order, seed);
    let committee = Committee::new(n).unwrap();
    while net.byzantine.len() < committee.t() {
        net.byzantine.insert(party(rng.random_range(0..n)));
    }
    let mut absent = PartySet::EMPTY;
    for p in net.byzantine.iter().filter(|_| rng.random()) {
        absent.insert(p);
    }
    // Events: (party, value), or (party, itself outside the committee) to close.
    let mut events: Vec<(PartyId, Option<PartyId>)> = Vec::new();
    for p in net.honest() {
        events.push((p, None));
        events.extend(committee.everyone().difference(absent).iter().map(|v| (p, Some(v))));
    }
    let hostile: Vec<PartyId> = net.byzantine.iter().collect();
    let mut budget = if noisy { 40 * n } else { 0 };
    let pace = rng.random_range(1..6 * n);
    loop {
        if !events.is_empty() && (net.flight.is_empty() || rng.random_range(0..pace) == 0) {
            let (at, event) = events.swap_remove(rng.random_range(0..events.len()));
            match event {
                Some(value) => usable(&mut net, at, value),
                None => net.act(at, |node, out| node.close(out)),
            }
        }
        if budget > 0 && rng.random_range(0..3) == 0 {
            budget -= 1;
            let from = hostile[rng.random_range(0..hostile.len())];
            let to = Recipient::One(party(rng.random_range(0..n)));
            net.inject(from, to, random_message(n, 4, &mut rng));
        }
        match net.next() {
            Some(envelope) => net.deliver(envelope),
            None if events.is_empty() => break,
            None => {}
        }
        assert!(net.delivered < 2000 * n * n, "no quiescence: {context}");
    }
    let honest: Vec<usize> = net.honest().map(PartyId::index).collect();
    let output = net.outputs[honest[0]].unwrap_or_else(|| panic!("no output: {context}"));
    assert!(output.len() >= committee.quorum(), "size: {context}");
    assert!(output.intersection(absent).is_empty(), "usable: {context}");
    for p in honest {
        assert_eq!(net.outputs[p], Some(output), "agreement: {context}");
        assert!(net.parties[p].halted(), "halted: {context}");
        assert_eq!(net.parties[p].decided(), output);
    }
    net.assert_no_honest_blamed();
}

#[test]
fn honest_parties_agree_on_a_large_usable_set() {
    for order in [Order::Fifo, Order::Lifo, Order::Random] {
        for (n, seeds) in [(4, 150), (7, 40), (10, 10)] {
            for seed in 0..seeds {
                check(n, order, seed, false);
                check(n, order, seed, true);
            }
        }
    }
}

#[test]
fn an_agreement_goes_on_when_it_is_given_its_own_coin() {
    let tag = Tag::root(&[4; 32], 0).child("acs");
    let mut node = CommonSubset::without_coins(Committee::new(4).unwrap(), party(0), tag);
    let mut out = Collected::default();
    let mut give = |node: &mut Instance, message: Wire| {
        for from in 1..4 {
            node.handle(party(from), message.clone(), &mut out);
        }
        let own: Vec<Wire> = out.sent.drain(..).map(|(_, m)| m).collect();
        for message in own {
            node.handle(party(0), message, &mut out);
        }
        out.sent.clear();
    };
    node.usable(party(0), &mut Collected::default());
    node.usable(party(1), &mut Collected::default());
    // Both get through rounds 0 and 1 with the value that is not the coin, and agree in round 2.
    for (round, value) in [(0, false), (1, true), (2, true)] {
        assert_eq!(node.wants_coins(), PartySet::EMPTY);
        let set: &[usize] = &[0, 1];
        let (zero, one) = if value { (&[][..], set) } else { (set, &[][..]) };
        for kind in [Kind::E1, Kind::E2, Kind::E3] {
            if kind != Kind::E3 || round == 2 {
                give(&mut node, votes(round, kind, zero, one, &[]));
            }
        }
    }
    assert_eq!(node.wants_coins(), set(&[0, 1]));
    // A seed for which the coin is the outcome.
    let name = name(&tag, party(1)).indexed("coin", 2);
    let seed = (0..).find(|seed| IdealCoin::new(party(0), *seed).predict(&name)).unwrap();
    let shares = vec![(party(1), IdealCoin::new(party(2), seed).share(&name))];
    node.handle(party(2), Message::Shares { round: 2, shares }, &mut out);
    node.give_coin(party(1), Arc::new(IdealCoin::new(party(0), seed)), &mut out);
    assert_eq!((node.wants_coins(), node.decided()), (set(&[0]), set(&[1])));
    let said: Vec<String> = out.sent.iter().map(|(_, message)| message.to_string()).collect();
    assert_eq!(said, ["r2 SHARE {1}", "1/r2 DECIDE 1"]);
    assert!(out.faults.is_empty());
}
