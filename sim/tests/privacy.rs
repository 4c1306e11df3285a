//! What can be seen of networks says nothing but the outcome.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use quorate_protocol::committee::PartyId;
use quorate_protocol::rule::Rule;
use quorate_sim::adversary::Behaviour;
use quorate_sim::plan::{Plan, Restart, Storage};
use quorate_sim::privacy::{canary, shape};
use quorate_sim::schedule::{Discipline, MILLI};
use quorate_sim::token::{Kind, Token};

fn token(orgs: usize, seed: u64) -> Token {
    Token::new(Kind::Decisions, orgs, (orgs - 1) / 3, seed)
}

fn quiet(orgs: usize, seed: u64, rule: &str) -> Plan {
    let mut plan = Plan::quiet(token(orgs, seed), 1).unwrap();
    plan.questions[0].rule = Rule::parse(rule).unwrap();
    plan
}

#[test]
fn all_votes_of_four_members_look_the_same() {
    let mut plan = quiet(4, 1, "count(approve) >= 3");
    plan.discipline = Discipline::Random;
    let compared = shape::compare(&plan, shape::all_bits(&plan)).unwrap();
    assert_eq!((compared.runs, compared.outcomes), (16, 2));
}

#[test]
fn any_votes_of_seven_members_look_the_same() {
    for rule in ["count(approve) >= 4", "mean(confidence) >= 50"] {
        let mut plan = quiet(7, 2, rule);
        plan.discipline = Discipline::Random;
        let compared = shape::compare(&plan, shape::sampled(&plan, 3, 2)).unwrap();
        assert_eq!(compared.runs, 3);
    }
}

#[test]
fn votes_look_the_same_with_a_byzantine_member_and_one_that_is_killed() {
    let behaviours = [Behaviour::WrongShares { percent: 50 }, Behaviour::Twins];
    for (seed, behaviour) in (1..).zip(behaviours) {
        let mut plan = quiet(4, seed, "count(approve) >= 2");
        plan.byzantine = vec![(PartyId::new(2), vec![behaviour])];
        plan.discipline = Discipline::Random;
        shape::compare(&plan, shape::all_bits(&plan).step_by(5)).unwrap();
    }
    for step in [60, 180] {
        let mut plan = quiet(4, 3, "count(approve) >= 2");
        let party = PartyId::new(1);
        plan.restarts = vec![Restart {
            party,
            step,
            effects: 1,
            pause: 100 * MILLI,
            lost: 50,
            storage: Storage::Kept,
        }];
        shape::compare(&plan, shape::all_bits(&plan).step_by(5)).unwrap();
    }
}

#[test]
fn votes_of_drawn_networks_look_the_same() {
    for seed in 0..4 {
        let plan = shape::blind(Plan::draw(token(4, seed)).unwrap());
        shape::compare(&plan, shape::sampled(&plan, 2, seed)).unwrap();
    }
}

#[test]
fn who_votes_later_when_against_is_found_out() {
    let plan = quiet(4, 1, "count(approve) >= 3");
    let votes = shape::all_bits(&plan).map(|mut questions| {
        for vote in questions.iter_mut().flat_map(|question| &mut question.votes).flatten() {
            vote.after += 10 * (1 - vote.value);
        }
        questions
    });
    let leak = shape::compare(&plan, votes).unwrap_err();
    assert_eq!(leak.checker, "shape");
}

#[test]
fn keys_and_shares_show_nowhere_but_on_their_way_to_their_voter() {
    let plan = Plan::quiet(token(4, 1), 2).unwrap().with_refresh(1);
    let searched = canary::search(&plan).unwrap();
    assert!(searched.secrets > 100 && searched.messages > 1_000, "{searched:?}");
    assert!(searched.handed > 20, "{searched:?}");
}
