//! Each of the points at which published systems, or models of this one, broke.

use super::*;

// 1

#[test]
fn a_past_round_goes_on_in_help_mode_but_never_advances_again() {
    let mut node = Alone::proposing(1, false);
    node.reach_round_two();
    // E3 of the others carry the node through round 2 before it approved anything there.
    node.skip_binding_round(2);
    assert_eq!(node.node.round(), 3);
    let passed = node.said();
    assert!(!passed.iter().any(|m| m.contains("r2 E2") || m.contains("r2 E3")), "{passed:?}");
    // Now the round's E1 come: it amplifies, and still owes E2 and E3.
    node.give_all(1..3, &e1(2, false));
    assert_eq!(node.said(), ["r2 E1 0", "r2 E2 0"]);
    node.give_all(1..3, &e2(2, false));
    assert_eq!(node.said(), ["r2 E3 0"]);
    node.give_all(1..4, &share(1, 1, 2));
    assert_eq!((node.node.round(), node.said()), (3, vec![]));
}

#[test]
fn a_decided_party_helps_in_rounds_up_to_its_own_only() {
    let mut node = Alone::proposing(1, true);
    node.give_all(1..3, &e1(0, true));
    assert_eq!(node.give_all(1..3, &e2(0, true)), Some(true));
    assert_eq!(node.said(), ["r0 DECIDE 1", "r0 E1 1", "r0 E2 1"]);
    for value in [true, false] {
        node.give_all(1..3, &e1(1, value));
        assert_eq!(node.said(), Vec::<String>::new(), "its DECIDE is its vote in later rounds");
    }
    node.give_all(1..3, &e1(0, false));
    assert_eq!(node.said(), ["r0 E1 0"]);
}

#[test]
fn a_party_that_decided_inside_a_round_still_owes_that_round_its_votes() {
    let mut node = Alone::of_seven_in_round_two();
    assert_eq!(node.give_all(1..4, &decide(5, true)), Some(true));
    assert_eq!(node.said(), ["r2 DECIDE 1"]);
    node.give_all(1..6, &e1(2, true));
    node.give_all(1..6, &e2(2, true));
    assert_eq!(node.said(), ["r2 E2 1", "r2 E3 1"]);
    // Here the DECIDE themselves are votes of the round, and bring the node's own.
    let mut node = Alone::of_seven_in_round_two();
    node.give(4, e1(2, true));
    assert_eq!(node.give_all(1..4, &decide(1, true)), Some(true));
    assert_eq!(node.said(), ["r2 DECIDE 1", "r2 E2 1"]);
    assert!(!node.node.halted());
}

#[test]
fn no_share_is_released_before_the_outcome_nor_after_a_decision_without_one() {
    let mut node = Alone::of_seven_in_round_two();
    for from in 1..7 {
        node.give(from, share(from, 1, 2));
    }
    node.give_all(1..5, &e1(2, true));
    node.give_all(1..5, &e2(2, true));
    node.give_all(1..4, &e3(2, Some(true)));
    assert_eq!(node.said(), ["r2 E2 1", "r2 E3 1"], "four E3 are no outcome");
    assert_eq!(node.give_all(4..7, &decide(5, true)), Some(true));
    node.give_all(4..7, &e3(2, Some(true)));
    assert_eq!(node.said(), ["r2 DECIDE 1"]);
    assert!(!node.node.halted());
}

// 2

#[test]
fn decides_count_whatever_their_rounds() {
    let mut node = Alone::of_seven_in_round_two();
    assert_eq!(node.give(1, decide(7, true)), None);
    assert_eq!(node.give(2, decide(1_000_000, true)), None);
    assert_eq!(node.give(3, decide(0, true)), Some(true));
    assert!(!node.node.halted());
    node.give(4, decide(3, true));
    assert!(node.node.halted(), "with its own n - t");
    node.said();
    node.give_all(1..6, &e1(2, false));
    assert_eq!(node.said(), Vec::<String>::new());
}

#[test]
fn a_decide_votes_in_later_rounds_and_in_no_other() {
    // DECIDE of round 0: with two votes it is a quorum in round 1, which was reached before...
    let mut node = Alone::proposing(1, false);
    node.give_all(1..3, &e1(0, false));
    node.give_all(1..3, &e2(0, false));
    assert_eq!(node.node.round(), 1);
    node.give(1, e1(1, true));
    node.said();
    node.give(3, decide(0, true));
    assert_eq!(node.said(), ["r1 E1 1", "r1 E2 1"]);
    // ... and in round 2, which is entered later.
    node.give_all(1..3, &e2(1, true));
    assert_eq!(node.node.round(), 2);
    assert!(node.said().contains(&"r2 E1 1".into()));
    node.give(1, e1(2, true));
    assert_eq!(node.said(), ["r2 E2 1"]);
    // DECIDE of round 1 is no vote in round 1.
    let mut node = Alone::proposing(1, false);
    node.give_all(1..3, &e1(0, false));
    node.give_all(1..3, &e2(0, false));
    node.give(1, e1(1, true));
    node.said();
    node.give(3, decide(1, true));
    assert_eq!(node.said(), Vec::<String>::new());
    // Nor is one that came before round 1 was reached.
    let mut node = Alone::proposing(1, false);
    node.give(3, decide(1, true));
    node.give_all(1..3, &e1(0, false));
    node.give_all(1..3, &e2(0, false));
    assert_eq!(node.node.round(), 1);
    node.said();
    node.give(1, e1(1, true));
    assert_eq!(node.said(), Vec::<String>::new());
}

#[test]
fn conflicting_decides_do_not_add_up() {
    let mut node = Alone::proposing(1, false);
    assert_eq!(node.give(1, decide(0, true)), None);
    assert_eq!(node.give(2, decide(1, false)), None);
    assert_eq!(node.give(1, decide(1, false)), None, "the first DECIDE of a party stays");
    assert_eq!(node.faults, [fault(1, AgreementFault::SecondDecide)]);
    assert_eq!(node.give(3, decide(1, false)), Some(false));
}

// 3: the whole attack is in `coin_aware`.

#[test]
fn the_estimate_comes_from_the_e3_of_all_and_not_from_ones_own_e2() {
    let seed = (0..).find(|seed| coin(*seed, 2)).unwrap();
    let mut node = Alone::proposing(seed, false);
    node.reach_round_two();
    node.give_all(1..3, &e1(2, false));
    node.give_all(1..4, &e2(2, false));
    assert_eq!(node.said(), ["r2 E1 0", "r2 E2 0", "r2 E3 0"]);
    // Its own E2 all say 0, the others found both.
    node.give_all(1..3, &e3(2, None));
    assert_eq!(node.said(), Vec::<String>::new(), "1 is not approved, so bot is no outcome yet");
    node.give_all(1..3, &e1(2, true));
    node.give_all(1..3, &share(1, seed, 2));
    assert_eq!(node.node.round(), 3);
    assert!(node.said().contains(&"r3 E1 1".into()), "the coin, not its own 0");
}

// 4

#[test]
fn a_party_without_input_relays_but_never_advances() {
    let mut node = Alone::new(1);
    node.give_all(1..3, &e1(0, true));
    assert_eq!(node.said(), ["r0 E1 1", "r0 E2 1"]);
    node.give_all(1..4, &e1(0, false));
    assert_eq!(node.give_all(1..4, &e2(0, true)), None);
    assert_eq!((node.said(), node.node.round()), (vec!["r0 E1 0".into()], 0));
    // It still decides on t + 1 DECIDE,
    assert_eq!(node.give_all(1..3, &decide(4, true)), Some(true));
    assert_eq!(node.said(), ["r0 DECIDE 1"]);
    node.propose(false);
    assert_eq!(node.said(), Vec::<String>::new());
    // and an input given late has it go through what it already knows.
    let mut node = Alone::new(1);
    node.give_all(1..4, &e1(0, true));
    assert_eq!(node.give_all(1..4, &e2(0, true)), None);
    let mut out = Collected::default();
    node.node.propose(true, &mut out).unwrap();
    assert_eq!(node.settle(out), Some(true));
}

#[test]
fn a_second_proposal_is_refused() {
    let mut node = Alone::proposing(1, true);
    let again = node.node.propose(true, &mut Collected::default());
    assert_eq!(again, Err(Error::AlreadyGiven { what: "a proposal" }));
}

// 5

#[test]
fn each_party_counts_once_for_each_kind() {
    let mut node = Alone::new(1);
    for _ in 0..3 {
        node.give(1, e1(0, true));
    }
    assert_eq!(node.said(), Vec::<String>::new());
    node.give(2, e1(0, true));
    assert_eq!(node.said(), ["r0 E1 1", "r0 E2 1"]);
    assert_eq!(node.faults, [], "a repeated vote and E1 for both values are honest");
    node.give_all(1..3, &e1(0, false));
    assert_eq!(node.faults, []);
}

#[test]
fn a_second_e2_or_e3_is_blamed_and_not_counted() {
    let mut node = Alone::proposing(1, true);
    node.give_all(1..3, &e1(0, true));
    node.give(1, e2(0, false));
    node.give(1, e2(0, true));
    assert_eq!(node.faults, [fault(1, AgreementFault::SecondVote)]);
    assert_eq!(node.give(2, e2(0, true)), None, "own and one other, not three");
    assert_eq!(node.give(3, e2(0, true)), Some(true));

    let seed = (0..).find(|seed| coin(*seed, 2)).unwrap();
    let mut node = Alone::proposing(seed, false);
    node.reach_round_two();
    for from in 1..4 {
        node.give(from, share(from, seed, 2));
        node.give(1, e3(2, Some(false)));
        node.give(1, e3(2, None));
    }
    node.give_all(2..4, &e3(2, Some(true)));
    node.give(1, e3(2, Some(true)));
    assert!(node.faults.iter().all(|f| *f == fault(1, AgreementFault::SecondVote)));
    assert_eq!((node.faults.len(), node.node.decision()), (4, None));
}

#[test]
fn own_votes_count_before_thresholds_are_looked_at() {
    // Without handing its own messages back: one call sees the E2 that it sends.
    let mut node = instance(4, party(0), 1);
    let mut out = Collected::default();
    node.propose(true, &mut out).unwrap();
    for from in 1..3 {
        assert_eq!(node.handle(party(from), e2(0, true), &mut out), None);
    }
    assert_eq!(node.handle(party(1), e1(0, true), &mut out), None);
    assert_eq!(node.handle(party(2), e1(0, true), &mut out), Some(true));
    let sent: Vec<String> = out.sent.iter().map(|(_, m)| m.to_string()).collect();
    assert_eq!(sent, ["r0 E1 1", "r0 E2 1", "r0 DECIDE 1"]);
}

#[test]
fn messages_that_cannot_exist_are_blamed() {
    let mut node = Alone::proposing(1, true);
    node.give(1, e3(0, None));
    node.give(2, e3(1, Some(true)));
    node.give(3, share(3, 1, 1));
    let out_of_range = |p| fault(p, AgreementFault::OutOfRange);
    assert_eq!(node.faults, [out_of_range(1), out_of_range(2), out_of_range(3)]);
    // E2 in a round after that of its own DECIDE, for the other value.
    node.give(1, decide(0, true));
    node.give(1, e2(1, false));
    assert_eq!(node.faults.last(), Some(&fault(1, AgreementFault::SecondVote)));
}

#[test]
fn shares_are_verified_only_when_needed_and_bad_ones_are_blamed() {
    let seed = 1;
    let mut node = Alone::proposing(seed, false);
    node.reach_round_two();
    let bad = Message::Share { round: 2, share: IdealShare::BAD };
    node.give(1, bad.clone());
    node.give(1, bad.clone());
    assert_eq!(node.faults, [], "nothing needs the coin yet");
    node.give(1, share(1, seed, 2));
    assert_eq!(node.faults, [fault(1, AgreementFault::SecondCoinShare)]);
    node.give_all(1..4, &e3(2, Some(!coin(seed, 2))));
    assert_eq!(node.faults.last(), Some(&fault(1, AgreementFault::BadCoinShare)));
    assert_eq!((node.node.round(), node.node.coins_tossed()), (2, 0));
    node.give(2, share(2, seed, 2));
    assert_eq!((node.node.round(), node.node.coins_tossed()), (3, 1));
    node.give(3, bad);
    assert_eq!(node.faults.len(), 2, "t + 1 were valid: the rest is not looked at");
}

fn fault(index: u16, kind: AgreementFault) -> Fault {
    Fault { party: party(index), kind: kind.into() }
}
