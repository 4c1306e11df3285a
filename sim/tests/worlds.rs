//! Whole networks: determinism, fifty decisions with a liar, and each adversary alone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::cell::RefCell;
use std::rc::Rc;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_sim::adversary::{BadVote, Behaviour, Cheat, How};
use quorate_sim::coverage::{Coverage, Sight};
use quorate_sim::plan::{Pause, Plan, Restart, Storage};
use quorate_sim::report::Report;
use quorate_sim::schedule::{Cut, Discipline, MILLI};
use quorate_sim::token::{Kind, Token};
use quorate_sim::trace::Event;
use quorate_sim::world::World;

fn four(seed: u64) -> Token {
    Token::new(Kind::Decisions, 4, 1, seed)
}

fn liar() -> PartyId {
    PartyId::new(2)
}

/// Runs a plan; every property must hold and every question be decided.
fn run(plan: Plan) -> (World, Report) {
    let questions = plan.questions.len() as u64;
    let mut world = World::new(plan);
    let report = world.run();
    assert_eq!(report.violation, None, "{}", report.token);
    assert_eq!(report.coverage.decisions, questions, "{}", report.token);
    (world, report)
}

/// Has nobody propose whose proposals may be lost.
fn proposed_by_others(plan: &mut Plan, party: PartyId) {
    let other = plan.committee.parties().find(|other| *other != party).unwrap();
    for question in &mut plan.questions {
        if question.proposer == party {
            question.proposer = other;
        }
    }
}

/// How often `kind` is reported of the liar by each of the others.
fn named(world: &World, kind: &str) -> Vec<u64> {
    let count = |party| {
        let faults = world.current(party).unwrap().status().faults;
        faults.iter().filter(|f| f.member == liar() && f.what.contains(kind)).map(|f| f.times).sum()
    };
    world.ghost().steady().iter().map(count).collect()
}

/// Some questions with one Byzantine party, under each of a few schedules.
fn alone(behaviour: Behaviour) -> (Coverage, Vec<World>) {
    let (mut all, mut worlds) = (Coverage::default(), Vec::new());
    let disciplines = [Discipline::Fifo, Discipline::Random, Discipline::Lifo];
    for (seed, discipline) in (0..).zip(disciplines) {
        let mut plan = Plan::quiet(four(seed), 5).unwrap();
        plan.discipline = discipline;
        plan.byzantine = vec![(liar(), vec![behaviour])];
        proposed_by_others(&mut plan, liar());
        let (world, report) = run(plan);
        all += report.coverage;
        worlds.push(world);
    }
    (all, worlds)
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let story = |seed| {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let mut world = World::new(Plan::draw(four(seed)).unwrap());
        let heard = Rc::clone(&lines);
        world.listen(Box::new(move |time, event| {
            heard.borrow_mut().push(format!("{time} {event}"));
        }));
        let report = world.run();
        (report, lines.take())
    };
    let (report, lines) = story(11);
    assert!(lines.len() > 100);
    assert_eq!((report, lines), story(11));
    assert_ne!(story(11).0.trace, story(12).0.trace);
}

#[test]
fn a_network_without_faults_names_nobody_and_leaves_nobody_out() {
    for discipline in [Discipline::Fifo, Discipline::Random, Discipline::Lifo] {
        let mut plan = Plan::quiet(four(3), 6).unwrap();
        plan.discipline = discipline;
        let (world, report) = run(plan);
        for party in world.ghost().steady().iter() {
            assert!(world.current(party).unwrap().status().faults.is_empty());
        }
        let Coverage { excluded, complaints, corrected, malformed, .. } = report.coverage;
        assert_eq!((excluded, complaints, corrected, malformed), (0, 0, 0, 0));
        assert!(report.coverage.refills > 1);
    }
}

#[test]
fn fifty_decisions_with_a_liar_throughout() {
    let mut plan = Plan::quiet(four(50), 50).unwrap();
    plan.byzantine = vec![(liar(), vec![Behaviour::WrongShares { percent: 100 }])];
    plan.window = 2;
    proposed_by_others(&mut plan, liar());
    let (world, report) = run(plan);
    assert_eq!(report.coverage.decisions, 50);
    assert!(report.coverage.refills > 10 && report.coverage.corrected > 50);
    let times = named(&world, "off the polynomial");
    assert!(times.len() == 3 && times.iter().all(|times| *times > 50), "{times:?}");
}

#[test]
fn a_malformed_vote_is_refused_and_its_voter_named() {
    for how in BadVote::ALL {
        let (coverage, worlds) = alone(Behaviour::MalformedVote(how));
        assert!(coverage.malformed > 0 && coverage.excluded > 0, "{how}");
        for world in worlds {
            assert!(named(&world, "wrong shape").iter().all(|times| *times > 0), "{how}");
            for view in world.current(PartyId::new(0)).unwrap().decisions() {
                assert!(!view.counted.unwrap().contains(liar()), "{how}");
            }
        }
    }
}

#[test]
fn a_silent_member_is_left_out() {
    let (coverage, _) = alone(Behaviour::Silent);
    assert!(coverage.excluded > 0);
}

#[test]
fn a_crash_in_the_middle_of_a_multicast_stops_nobody() {
    for after in [1, 40, 400, 900] {
        alone(Behaviour::Crash { after });
    }
}

#[test]
fn twins_are_one_voter() {
    let (_, worlds) = alone(Behaviour::Twins);
    assert!(worlds.iter().any(|world| named(world, "").iter().sum::<u64>() > 0));
}

#[test]
fn wrong_shares_are_corrected_and_named() {
    for percent in [100, 20] {
        let (coverage, worlds) = alone(Behaviour::WrongShares { percent });
        assert!(coverage.corrected > 0);
        for world in worlds {
            assert!(named(&world, "off the polynomial").iter().all(|times| *times > 0));
        }
    }
}

#[test]
fn victims_of_a_cheating_dealer_recover_or_do_without() {
    let victims: PartySet = [PartyId::new(0)].into_iter().collect();
    for how in [How::WrongShare, How::Junk, How::Scattered] {
        let (coverage, worlds) = alone(Behaviour::CheatingDealer(Cheat { victims, how }));
        assert!(coverage.complaints > 0 && coverage.recovered > 0, "{how:?} {coverage:?}");
        let seen: u64 = worlds.iter().flat_map(|world| named(world, "")).sum();
        assert!(seen > 0, "{how:?}");
    }
    for how in [How::Omitted, How::ExcessDegree] {
        alone(Behaviour::CheatingDealer(Cheat { victims, how }));
    }
    for how in [How::Longer, How::Shorter, How::Empty] {
        let (coverage, worlds) = alone(Behaviour::CheatingDealer(Cheat { victims, how }));
        assert_eq!(coverage.complaints, 0, "{how:?}: there is nothing to complain of");
        for world in worlds {
            assert!(named(&world, "public part").iter().all(|times| *times > 0), "{how:?}");
        }
    }
}

#[test]
fn wrong_coin_shares_and_votes_against_a_member_change_nothing() {
    alone(Behaviour::WrongCoin);
    alone(Behaviour::Exclude { target: PartyId::new(1) });
}

#[test]
fn a_killed_party_follows_catches_up_and_takes_part_again() {
    for seed in 0..6 {
        let mut plan = Plan::quiet(four(seed), 12).unwrap();
        plan.discipline = Discipline::Random;
        let party = PartyId::new((seed % 4) as u16);
        let restart = |step, effects, lost| Restart {
            party,
            step,
            effects,
            pause: 100 * MILLI,
            lost,
            storage: Storage::Kept,
        };
        plan.restarts = vec![restart(80 + 97 * seed, 2, 100), restart(1500, 0, 0)];
        proposed_by_others(&mut plan, party);
        let (world, report) = run(plan);
        assert_eq!(report.coverage.restarts, 2);
        let views = world.current(party).unwrap().decisions();
        assert!(views.iter().all(|view| view.outcome.is_some()));
    }
}

#[test]
fn a_story_tells_when_cuts_begin_and_end() {
    let side = |members: [u16; 2]| members.map(PartyId::new).into_iter().collect::<PartySet>();
    let cut = Cut { from: side([0, 1]), to: side([2, 3]), begins: 5 * MILLI, ends: 900 * MILLI };
    let told = |cuts: Vec<Cut>| {
        let lines = Rc::new(RefCell::new(Vec::new()));
        let heard = Rc::clone(&lines);
        let listener = Box::new(move |time: u64, event: &Event<'_>| {
            if let Event::Network(what) = event {
                heard.borrow_mut().push(format!("{time} {what}"));
            }
        });
        let mut plan = Plan::quiet(four(1), 3).unwrap();
        plan.links.cuts = cuts;
        let mut world = World::new(plan);
        world.listen(listener);
        assert_eq!(world.run().violation, None);
        drop(world);
        lines.take()
    };
    let expected = [
        "5000 {2,3} hear nothing from {0,1}: a cut begins",
        "900000 {2,3} hear from {0,1} again: the cut ends",
    ];
    assert_eq!(told(vec![cut]), expected);
    let first = |cut| told(vec![cut]).swap_remove(0);
    let never = Cut { begins: u64::MAX / 2, ends: u64::MAX, ..cut };
    assert!(told(vec![never]).is_empty(), "it had not begun");
    let one_way = Cut { from: side([0, 0]), to: side([0, 0]), ends: u64::MAX, ..cut };
    assert_eq!(first(one_way), "5000 {0} hear nothing from {0}: a cut begins");
    let last = told(vec![one_way]).pop().unwrap();
    assert!(last.ends_with(" {0} hear nothing from {0} to the end: the cut lasts"), "{last}");
    assert!(told(Vec::new()).is_empty());
}

#[test]
fn what_goes_wrong_is_counted() {
    let sights = [Sight::Spoilt, Sight::Paused, Sight::Held, Sight::Queued, Sight::Repeated];
    let counts = |plan: Plan| {
        let seen = run(plan).1.coverage.sights;
        (sights.map(|sight| seen.count(sight) > 0), seen.count(Sight::Calm))
    };
    let mut plan = Plan::quiet(four(1), 2).unwrap();
    plan.discipline = Discipline::Random;
    assert_eq!(counts(plan.clone()).0, [false; 5]);
    let (party, ends) = (PartyId::new(3), 200 * MILLI);
    let (from, to) = ([PartyId::new(0)].into_iter().collect(), [party].into_iter().collect());
    plan.links.cuts = vec![Cut { from, to, begins: 0, ends }];
    plan.links.bandwidth = Some(200_000);
    plan.links.repeated = 100;
    plan.pauses = vec![Pause { party, begins: 0, ends }];
    let storage = Storage::Tail(3);
    plan.restarts = vec![Restart { party, step: 300, effects: 0, pause: MILLI, lost: 0, storage }];
    proposed_by_others(&mut plan, party);
    assert_eq!(counts(plan), ([true; 5], 0));
    let none = Token { faults: quorate_sim::token::Faults::NONE, ..four(1) };
    assert_eq!(counts(Plan::draw(none).unwrap()), ([false; 5], 1));
}
