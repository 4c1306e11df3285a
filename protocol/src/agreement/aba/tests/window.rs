//! Subtlety 6: peers that are any number of rounds ahead, and parties that join late.

use super::*;

/// A node that the others carried through rounds by E3 alone, to `round`.
fn at_round(seed: u64, round: u32) -> Alone {
    let mut node = Alone::proposing(seed, false);
    node.reach_round_two();
    for r in 2..round {
        node.skip_binding_round(r);
    }
    assert_eq!((node.node.round(), node.node.decision()), (round, None));
    node.said();
    node
}

#[test]
fn votes_and_shares_within_the_window_are_kept() {
    let seed = 5;
    let mut node = Alone::proposing(seed, false);
    let last = ROUND_WINDOW;
    for round in 2..=last {
        node.skip_binding_round(round);
    }
    node.said();
    for (round, value) in [(0, false), (1, true)] {
        node.give_all(1..4, &e1(round, value));
        node.give_all(1..4, &e2(round, value));
    }
    assert_eq!(node.node.round(), last + 1, "all rounds at once, from what was kept");
    assert!(!node.said().iter().any(|m| m.contains("RESEND")));
}

#[test]
fn a_peer_beyond_the_window_is_asked_once_when_its_round_is_reached() {
    let seed = 5;
    let mut node = at_round(seed, 2);
    let far = 2 + ROUND_WINDOW + 1;
    for round in [far, far + 3, far + 20] {
        node.give(1, e1(round, true));
    }
    assert!(node.node.rounds.keys().all(|round| *round < far), "nothing is stored for it");
    for round in 2..far - 1 {
        node.skip_binding_round(round);
    }
    assert!(!node.said().iter().any(|m| m.contains("RESEND")));
    node.skip_binding_round(far - 1);
    let asked: Vec<_> =
        node.sent.iter().filter(|(_, m)| m.to_string().contains("RESEND")).collect();
    assert_eq!(asked, [&(Recipient::One(party(1)), Message::Resend { round: far })]);
    // The next question comes where the answer ends, for what was dropped beyond it.
    for round in far..=far + ROUND_WINDOW {
        node.skip_binding_round(round);
    }
    let said = node.said();
    let asked: Vec<_> = said.iter().filter(|m| m.contains("RESEND")).collect();
    assert_eq!(asked, [&format!("r{far} RESEND"), &format!("r{} RESEND", far + ROUND_WINDOW + 1)]);
}

#[test]
fn each_message_is_sent_again_at_most_once_to_one_peer() {
    let mut node = at_round(5, 20);
    node.give(2, Message::Resend { round: 3 });
    let sent = std::mem::take(&mut node.sent);
    assert!(sent.iter().all(|(to, _)| *to == Recipient::One(party(2))));
    let text: Vec<String> = sent.iter().map(|(_, m)| m.to_string()).collect();
    for round in 3..=3 + ROUND_WINDOW {
        assert!(text.contains(&format!("r{round} SHARE")), "{text:?}");
    }
    assert!(!text.iter().any(|m| m.starts_with("r2 ") || m.starts_with("r12 ")));
    for round in [3, 2, 0, 3 + ROUND_WINDOW] {
        node.give(2, Message::Resend { round });
    }
    assert_eq!(node.said(), Vec::<String>::new());
    node.give(1, Message::Resend { round: 3 });
    assert_eq!(
        node.said(),
        text.iter()
            .map(String::clone)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
}

/// The leader's messages all come while the laggard is in round 0; only RESEND brings most of them.
#[test]
fn a_laggard_gets_what_it_dropped_and_catches_up() {
    let seed = 5;
    let leader_round = 40;
    let mut leader = Alone::proposing(seed, false);
    leader.reach_round_two();
    for round in 2..leader_round {
        leader.skip_binding_round(round);
        leader.give_all(1..4, &e1(round, !coin(seed, round)));
        leader.give_all(1..4, &e2(round, !coin(seed, round)));
    }
    let mut laggard = instance(4, party(3), seed);
    let mut out = Collected::default();
    laggard.propose(false, &mut out).unwrap();
    // Everything the leader ever sent comes first; then it never sends anything of itself.
    for (_, message) in leader.sent.drain(..) {
        laggard.handle(party(0), message, &mut out);
    }
    for (round, value) in [(0, false), (1, true)] {
        for from in 0..3 {
            laggard.handle(party(from), e1(round, value), &mut out);
            laggard.handle(party(from), e2(round, value), &mut out);
        }
    }
    // From now on it needs three E3: its own, that of party 1 and the leader's.
    for round in 2..leader_round {
        let value = !coin(seed, round);
        for message in [e1(round, value), e2(round, value), e3(round, Some(value))] {
            laggard.handle(party(1), message, &mut out);
        }
        exchange(&mut laggard, &mut leader, &mut out);
        assert_eq!(laggard.round(), round + 1);
    }
}

/// Hands the laggard's messages to itself and to the leader, and the leader's answers back.
fn exchange(laggard: &mut Instance, leader: &mut Alone, out: &mut Collected<Wire>) {
    while !out.sent.is_empty() {
        for (to, message) in std::mem::take(&mut out.sent) {
            if to != Recipient::One(party(0)) {
                laggard.handle(party(3), message.clone(), out);
            }
            if to != Recipient::One(party(3)) {
                leader.give(3, message);
            }
        }
        for (to, message) in std::mem::take(&mut leader.sent) {
            if to == Recipient::One(party(3)) {
                laggard.handle(party(0), message, out);
            }
        }
    }
}

#[test]
fn a_late_joiner_decides_after_all_others_halted() {
    for seed in 0..50 {
        let mut net = Network::new(committee(4), Order::Random, seed, |p| instance(4, p, seed));
        let late = party(3);
        for p in committee(4).parties().filter(|p| *p != late) {
            net.act(p, |node, out| node.propose(seed >> p.index() & 1 == 1, out)).unwrap();
        }
        let mut held = Vec::new();
        while let Some(envelope) = net.next() {
            if envelope.to == late { held.push(envelope) } else { net.deliver(envelope) }
        }
        let decided = net.outputs[0];
        assert!(decided.is_some() && net.outputs[1] == decided && net.outputs[2] == decided);
        assert!(net.parties[..3].iter().all(Aba::halted));
        if seed % 2 == 0 {
            net.act(late, |node, out| node.propose(true, out)).unwrap();
        }
        net.flight.extend(held);
        net.run(10_000);
        assert_eq!(net.outputs[3], decided);
        assert!(net.parties[3].halted());
        net.assert_no_honest_blamed();
    }
}
