//! Networks that refresh their keys: decisions go on, each way to spoil a refresh alone, and a member
//! killed at every effect of one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_sim::adversary::{BadKey, Behaviour, Cheat, How, Spoil};
use quorate_sim::plan::{Plan, Question, Restart, Storage};
use quorate_sim::report::Report;
use quorate_sim::schedule::{Discipline, MILLI};
use quorate_sim::token::{Kind, Token};
use quorate_sim::world::World;

fn four(seed: u64) -> Token {
    Token::new(Kind::Decisions, 4, 1, seed)
}

const fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

/// Runs a plan; every property must hold, every question be decided, and every steady honest member
/// be in `epoch`.
fn run(plan: Plan, epoch: u64) -> (World, Report) {
    let (questions, story) = (plan.questions.len() as u64, plan.to_string());
    let mut world = World::new(plan);
    let report = world.run();
    assert_eq!(report.violation, None, "{story}");
    assert_eq!(report.coverage.decisions, questions, "{story}");
    for member in world.ghost().steady().iter() {
        assert_eq!(world.party(member).unwrap().epoch(), epoch, "{story}");
    }
    (world, report)
}

/// Some questions with a refresh in the middle of them.
fn refreshing(seed: u64, discipline: Discipline) -> Plan {
    let mut plan = Plan::quiet(four(seed), 4).unwrap().with_refresh(2);
    (plan.discipline, plan.window) = (discipline, 2);
    plan
}

/// Who may not be heard proposes nothing.
fn proposed_by_others(plan: &mut Plan, silent: PartyId) {
    let other = plan.committee.parties().find(|other| *other != silent).unwrap();
    for question in plan.questions.iter_mut().filter(|question| question.proposer == silent) {
        question.proposer = other;
    }
}

#[test]
fn decisions_go_on_before_during_and_after_two_refreshes() {
    for discipline in [Discipline::Fifo, Discipline::Random, Discipline::Lifo] {
        // Far apart, so that the second one is accepted in the second epoch.
        let mut plan = Plan::quiet(four(1), 14).unwrap().with_refresh(2).with_refresh(12);
        (plan.discipline, plan.window) = (discipline, 2);
        let (world, report) = run(plan, 3);
        assert_eq!(report.coverage.refreshes, 2);
        for member in world.ghost().steady().iter() {
            let member = world.party(member).unwrap();
            assert_eq!(member.archives().len(), 2, "both epochs are erased");
            assert!(member.current().status().faults.is_empty());
        }
    }
}

#[test]
fn a_refresh_that_is_rejected_changes_nothing() {
    let mut plan = refreshing(3, Discipline::Random);
    let question = plan.questions.iter_mut().find(|question| question.refresh).unwrap();
    question.votes.iter_mut().flatten().for_each(|vote| vote.value = 0);
    let (_, report) = run(plan, 1);
    assert_eq!(report.coverage.refreshes, 0);
}

#[test]
fn nobody_can_spoil_a_refresh() {
    let victims: PartySet = [party(0), party(3)].into_iter().collect();
    let cheats = [
        How::WrongShare,
        How::Junk,
        How::Scattered,
        How::Omitted,
        How::ExcessDegree,
        How::Longer,
        How::Shorter,
        How::Empty,
    ];
    let mut spoils = vec![Spoil::Shifted, Spoil::Silent];
    spoils.extend(cheats.map(|how| Spoil::Dealing(Cheat { victims, how })));
    spoils.extend([BadKey::Zero, BadKey::Malformed, BadKey::Copied].map(Spoil::Sealing));
    spoils.extend([20, 200].map(|letters| Spoil::Late { letters }));
    let behaviours = spoils.into_iter().map(Behaviour::Spoil);
    for behaviour in behaviours.chain([Behaviour::Twins, Behaviour::Silent, Behaviour::OldEpoch]) {
        for (seed, discipline) in (10..).zip([Discipline::Random, Discipline::Lifo]) {
            let mut plan = refreshing(seed, discipline);
            plan.byzantine = vec![(party(2), vec![behaviour])];
            proposed_by_others(&mut plan, party(2));
            run(plan, 2);
        }
    }
}

/// A refresh and a question; member 1 is killed after so many effects, if at all.
fn killed(effects: Option<usize>) -> Plan {
    let mut plan = Plan::quiet(four(20), 1).unwrap().with_refresh(0);
    // A run of preprocessing for each decision, when it needs it.
    (plan.policy.request.material.bits, plan.policy.request.material.triples) = (90, 24);
    (plan.policy.low.bits, plan.policy.low.triples, plan.policy.low.pairs) = (0, 0, 0);
    let restart = |effects: usize| {
        let lost = if effects.is_multiple_of(2) { 0 } else { 100 };
        Restart {
            party: party(1),
            step: 0,
            effects,
            pause: 30 * MILLI,
            lost,
            storage: Storage::Kept,
        }
    };
    plan.restarts = effects.map(restart).into_iter().collect();
    proposed_by_others(&mut plan, party(1));
    plan
}

/// What member 1 does in an undisturbed story: the number of effects when a line like this came.
fn effects_at(plan: Plan, whats: [&str; 2]) -> [usize; 2] {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let mut world = World::new(plan);
    let heard = Rc::clone(&lines);
    world.listen(Box::new(move |time, event| {
        heard.borrow_mut().push(format!("{time} {event}"));
    }));
    assert_eq!(world.run().violation, None);
    whats.map(|what| {
        let lines = lines.borrow();
        let line = lines.iter().find(|line| line.contains(what)).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        words[words.len() - 2].parse().unwrap()
    })
}

/// From before its share of the signature leaves until after the certificate is there.
#[test]
fn a_member_is_killed_at_every_effect_around_a_signature() {
    let story = |effects| Plan { questions: question_alone(), ..killed(effects) };
    let [signs, certifies] = effects_at(story(None), [" 1 signs ", " 1 certifies "]);
    assert!(signs < certifies);
    for effects in signs.saturating_sub(40)..=certifies {
        let (_, report) = run(story(Some(effects)), 1);
        assert_eq!(report.coverage.restarts, 1, "{effects}");
    }
}

/// What is asked in a story without a refresh.
fn question_alone() -> Vec<Question> {
    killed(None).questions.into_iter().filter(|question| !question.refresh).collect()
}

/// From the moment it draws the seed until it has erased the epoch before.
#[test]
fn a_member_is_killed_at_every_effect_of_a_refresh() {
    let [first, last] = effects_at(killed(None), [" 1 draws", " 1 erases epoch 1,"]);
    assert!(last - first > 200, "{first} to {last}");
    thread::scope(|scope| {
        for odd in 0..2 {
            scope.spawn(move || {
                for effects in (first..=last).filter(|effects| effects % 2 == odd) {
                    let (world, report) = run(killed(Some(effects)), 2);
                    assert_eq!(report.coverage.restarts, 1, "{effects}");
                    assert_eq!(world.party(party(1)).unwrap().epoch(), 2, "{effects}");
                }
            });
        }
    });
}
