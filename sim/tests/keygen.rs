//! Whole key generations: determinism, each adversary alone, a kill at every step.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::cell::RefCell;
use std::rc::Rc;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_sim::coverage::Coverage;
use quorate_sim::keygen::adversary::{BadSet, Behaviour, Cheat, How};
use quorate_sim::keygen::{Plan, World};
use quorate_sim::plan::{Restart, Storage};
use quorate_sim::report::Report;
use quorate_sim::schedule::{Cut, Discipline, MILLI};
use quorate_sim::token::{Kind, Token};

fn four(seed: u64) -> Token {
    Token::new(Kind::Keygen, 4, 1, seed)
}

fn liar() -> PartyId {
    PartyId::new(2)
}

fn set(parties: &[u16]) -> PartySet {
    parties.iter().copied().map(PartyId::new).collect()
}

/// Runs a plan, in which every property must hold. Gives what is blamed, too.
fn run(plan: Plan) -> (Report, Vec<String>) {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let heard = Rc::clone(&lines);
    let mut world = World::new(plan);
    world.listen(Box::new(move |time, event| {
        heard.borrow_mut().push(format!("{time} {event}"));
    }));
    let report = world.run();
    assert_eq!(report.violation, None, "{}", world.plan());
    let honest = world.ghost().honest_set();
    assert_eq!(report.coverage.key_sets, honest.len() as u64);
    drop(world);
    (report, lines.take())
}

const DISCIPLINES: [Discipline; 3] = [Discipline::Fifo, Discipline::Random, Discipline::Lifo];

/// One Byzantine member, under each of a few schedules.
fn alone(behaviours: &[Behaviour]) -> (Coverage, Vec<String>) {
    let (mut all, mut blames) = (Coverage::default(), Vec::new());
    for (seed, discipline) in (0..).zip(DISCIPLINES) {
        let mut plan = Plan::quiet(four(seed)).unwrap();
        plan.discipline = discipline;
        plan.byzantine = vec![(liar(), behaviours.to_vec())];
        let (report, lines) = run(plan);
        all += report.coverage;
        blames.extend(lines.into_iter().filter(|line| line.contains(" blames ")));
    }
    (all, blames)
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| run(Plan::draw(four(seed)).unwrap());
    let (report, lines) = story(11);
    assert!(lines.len() > 100);
    assert_eq!((report, lines), story(11));
    assert_ne!(story(11).0.trace, story(12).0.trace);
}

#[test]
fn members_without_faults_make_their_keys_and_name_nobody() {
    for orgs in [4, 7] {
        for discipline in DISCIPLINES {
            let mut plan = Plan::quiet(Token { orgs, ..four(3) }).unwrap();
            plan.discipline = discipline;
            let (report, lines) = run(plan);
            assert!(!lines.iter().any(|line| line.contains("blames")));
            let Coverage { complaints, coins, .. } = report.coverage;
            assert_eq!((complaints, coins), (0, 0), "{discipline}");
        }
    }
}

#[test]
fn dealings_that_everybody_can_see_not_to_hold_are_refused_and_their_dealer_named() {
    let victims = set(&[0, 1, 3]);
    let refused =
        [How::Longer, How::Shorter, How::Empty, How::Identity, How::NoPoint, How::SmallOrder];
    let cheats = refused.map(|how| Behaviour::Dealer(Cheat { victims, how }));
    let proofs = Behaviour::Dealer(Cheat { victims, how: How::BadProof });
    for behaviour in cheats.into_iter().chain([proofs, Behaviour::Rogue { of: PartyId::new(1) }]) {
        let (coverage, blames) = alone(&[behaviour]);
        assert_eq!(coverage.excluded, 3, "{behaviour}");
        assert!(blames.len() >= 9, "{behaviour}: {blames:?}");
    }
}

#[test]
fn every_set_of_victims_of_a_cheating_dealer_recovers_or_does_without() {
    for how in [How::WrongShare, How::Junk, How::Scattered, How::Omitted] {
        let (mut all, mut named) = (Coverage::default(), 0);
        for victims in 1..16 {
            let mut bitmap = [0; 16];
            bitmap[0] = victims;
            let victims = PartySet::from_bytes(bitmap);
            let (coverage, blames) = alone(&[Behaviour::Dealer(Cheat { victims, how })]);
            all += coverage;
            named += blames.len();
        }
        if how != How::Omitted {
            assert!(all.complaints > 0 && all.recovered > 0 && named > 0, "{how:?} {all:?}");
        }
        assert!(all.excluded > 0);
    }
}

#[test]
fn other_deviations_change_nothing() {
    let half = set(&[0]);
    let percent = 20;
    for behaviour in [
        Behaviour::Silent,
        Behaviour::Crash { after: 60 },
        Behaviour::Twins { half },
        Behaviour::Late { after: 60 },
        Behaviour::Dealer(Cheat { victims: half, how: How::ExcessDegree }),
        Behaviour::TwoSets { half },
        Behaviour::BadSet(BadSet::Small),
        Behaviour::BadSet(BadSet::Empty),
        Behaviour::BadSet(BadSet::Unfinished),
        Behaviour::BadSet(BadSet::Strange),
        Behaviour::FalseComplaints,
        Behaviour::WrongReveals,
        Behaviour::Hasty,
        Behaviour::WrongCoin,
        Behaviour::Exclude { target: PartyId::new(1) },
        Behaviour::Selective { percent },
        Behaviour::Replays { percent },
        Behaviour::Garbage { percent },
        Behaviour::Renumbers { percent },
        Behaviour::FalseHellos,
        Behaviour::OtherKeys { signed: true },
        Behaviour::OtherKeys { signed: false },
    ] {
        alone(&[behaviour]);
    }
}

#[test]
fn a_member_is_killed_at_every_step_and_between_any_two_effects() {
    let mut restarts = 0;
    for (step, discipline) in (1..150).zip(DISCIPLINES.into_iter().cycle()) {
        let mut plan = Plan::quiet(four(step)).unwrap();
        plan.discipline = discipline;
        let kill = |index: u16, effects| Restart {
            party: PartyId::new(index),
            step,
            effects,
            pause: 5 * MILLI,
            lost: if step % 2 == 0 { 100 } else { 0 },
            storage: Storage::Kept,
        };
        // All four, at four places around what they write down.
        plan.restarts = (0..4).map(|i| kill(i, usize::from(i))).collect();
        restarts += run(plan).0.coverage.restarts;
    }
    assert!(restarts > 400, "{restarts}");
}

#[test]
fn who_comes_late_ends_with_the_same_keys() {
    let mut plan = Plan::quiet(four(1)).unwrap();
    plan.begins[3] = 10_000 * MILLI;
    let (report, _) = run(plan);
    assert_eq!(report.coverage.excluded, 1);
}

#[test]
fn a_story_tells_when_cuts_begin_and_end() {
    let mut plan = Plan::quiet(four(1)).unwrap();
    let (from, to) = (set(&[0, 1]), set(&[2, 3]));
    plan.links.cuts = vec![Cut { from, to, begins: MILLI, ends: 900 * MILLI }];
    let (_, lines) = run(plan);
    let told: Vec<&String> = lines.iter().filter(|line| line.contains(" cut ")).collect();
    let expected = [
        "1000 {2,3} hear nothing from {0,1}: a cut begins",
        "900000 {2,3} hear from {0,1} again: the cut ends",
    ];
    assert_eq!(told, expected);
}
