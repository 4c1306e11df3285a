//! A member that lost its store and came back with its keys alone.

use std::collections::BTreeSet;

use quorate_protocol::PartyId;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::party::restored::{Begun, restored_mark};
use quorate_protocol::party::{Config, Event, Message, sync};
use quorate_protocol::secret::Secret;

use crate::world::{Instance, Wire, World};

impl World {
    /// Stops a member for ever, and starts it from what is in a backup: its keys, a new seed, and
    /// the mark. What it said stays on its way.
    pub fn restore(&mut self, member: PartyId, seed: u8) {
        self.stop(member);
        let before = std::mem::replace(&mut self.configs[member.index()], Box::new(|| panic!()));
        self.configs[member.index()] =
            Box::new(move || Config { seed: Secret::new([seed; 32]), ..before() });
        self.stores.insert(member, restored_mark([seed; 32]).into_iter().collect());
        self.start(member);
    }

    /// What a member says from now on is kept apart; returns where it spoke until now.
    fn forget_spoken(&mut self, member: PartyId) -> BTreeSet<Instance> {
        let all = std::mem::take(&mut self.spoken);
        let (its, others) = all.into_iter().partition(|(of, _)| *of == member);
        self.spoken = others;
        BTreeSet::<(PartyId, Instance)>::into_iter(its).map(|(_, instance)| instance).collect()
    }

    #[track_caller]
    fn assert_nothing_said_twice(&self, member: PartyId, before: &BTreeSet<Instance>, case: &str) {
        let again: Vec<_> =
            before.iter().filter(|i| self.spoken.contains(&(member, **i))).collect();
        assert!(again.is_empty(), "{case}: {again:?}");
        assert!(self.faults.is_empty(), "{case}: {:?}", self.faults);
    }

    fn is_returning(&self, member: PartyId) -> bool {
        self.parties[&member].status().returning.is_some()
    }

    /// One proposal, on which all of these vote yes; whether `member` took part in it.
    pub fn decide(&mut self, proposer: u16, voters: &[u16], member: PartyId) -> bool {
        let decision = self.propose(proposer, "count(approve) >= 3");
        self.run_untimed();
        for voter in voters {
            self.vote(*voter, decision, 1);
        }
        self.run();
        self.assert_certified(decision, Outcome::Accepted);
        let position = self.parties[&member].decision(&decision).unwrap().position.unwrap();
        self.spoken.contains(&(member, ("decision", position, 0)))
    }
}

impl World {
    /// Proposals of one member, all vote on each, until a member that came back has its part of all
    /// material that is left: the next run may have been begun when it was lost.
    fn spend(&mut self, proposer: usize, member: PartyId) {
        let everybody: Vec<u16> = (0..self.parties.len() as u16).collect();
        let runs = |world: &Self| world.parties[&member].status().runs;
        let enough = runs(self) + 4;
        while runs(self) < enough {
            self.decide(proposer as u16, &everybody, member);
        }
    }
}

/// A network in the middle of things: proposals from all, and so many messages delivered.
fn busy(n: usize, seed: u64, delivered: usize) -> World {
    let mut world = World::new(n, seed);
    let members = n as u16;
    for round in 0..3 {
        let decisions: Vec<_> =
            (0..members).map(|member| world.propose(member, "count(approve) >= 3")).collect();
        for (step, decision) in (0..).zip(decisions) {
            for _ in 0..delivered / (3 * n) {
                world.deliver_one();
            }
            // Who does not know the proposal yet is refused.
            (0..members).for_each(|member| world.vote(member, decision, (round + step) % 2));
        }
    }
    world.answers.clear();
    world
}

#[test]
fn a_restored_member_says_nothing_twice_and_takes_part_in_what_is_new() {
    let member = PartyId::new(2);
    for (seed, delivered) in [(20, 0), (21, 300), (22, 1_500), (23, 4_000), (24, 9_000)] {
        let case = format!("seed {seed}, {delivered} delivered");
        let mut world = busy(4, seed, delivered);
        let before = world.forget_spoken(member);
        world.restore(member, 100);
        world.run();
        world.assert_nothing_said_twice(member, &before, &case);
        assert!(!world.is_returning(member), "{case}");
        // The next slot may have been begun; after that it is one of them again.
        world.decide(0, &[0, 1, 3], member);
        assert!(world.decide(1, &[0, 1, 2, 3], member), "{case}");
        assert!(world.decide(2, &[1, 2, 3], member), "{case}: its own proposal");
        // Its vote counts, and what it says of a proposal: without it there are two.
        world.spend(0, member);
        world.stop(PartyId::new(3));
        let decision = world.propose(0, "count(approve) >= 3");
        world.run_untimed();
        [0, 1, 2].into_iter().for_each(|party| world.vote(party, decision, 1));
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        world.assert_nothing_said_twice(member, &before, &case);
    }
}

#[test]
fn proposals_get_through_after_more_than_t_members_have_come_back_one_after_the_other() {
    for (n, seed) in [(4, 70), (7, 71)] {
        let mut world = busy(n, seed, 2_000);
        world.run();
        let everybody: Vec<u16> = (0..n as u16).collect();
        let mut before = Vec::new();
        for (member, fresh) in (0..n as u16).zip(100..) {
            let member = PartyId::new(member);
            before.push((member, world.forget_spoken(member)));
            world.restore(member, fresh);
            world.run();
            assert!(!world.is_returning(member), "{n}, {member}");
            world.spend((member.index() + 1) % n, member);
        }
        for member in &everybody {
            assert!(world.decide(*member, &everybody, PartyId::new(*member)), "{n}, {member}");
        }
        for (member, before) in before {
            world.assert_nothing_said_twice(member, &before, &format!("{n}, {member}"));
        }
    }
}

#[test]
fn a_restored_member_that_restarts_while_it_asks_goes_on_asking() {
    let member = PartyId::new(1);
    let mut world = busy(4, 30, 2_000);
    // Two that are silent in what is going on would be more than may fail.
    world.run();
    let before = world.forget_spoken(member);
    world.stop(PartyId::new(3));
    world.restore(member, 100);
    world.run_untimed();
    assert!(world.is_returning(member), "one has not answered");
    let silent = world.parties[&member].status().returning.unwrap();
    assert_eq!(silent.iter().collect::<Vec<_>>(), [PartyId::new(3)]);
    world.stop(member);
    world.start(member);
    world.run_untimed();
    assert!(world.is_returning(member));
    // The one that was away asks what it missed, and is asked in return.
    world.start(PartyId::new(3));
    world.run();
    assert!(!world.is_returning(member));
    world.assert_nothing_said_twice(member, &before, "restarted");
    // What it found out outlives the next restart.
    world.decide(0, &[0, 2, 3], member);
    world.stop(member);
    world.start(member);
    world.run();
    assert!(!world.is_returning(member));
    world.decide(0, &[0, 2, 3], member);
    assert!(world.decide(3, &[0, 1, 2, 3], member));
    world.assert_nothing_said_twice(member, &before, "restarted");
}

/// Member 3 lies about how far it has spoken.
fn lie(world: &mut World, begun: Begun) {
    for (from, _, message) in &mut world.flight {
        if let Message::Sync(sync::Message::SoFar(_, said)) = message
            && from.index() == 3
        {
            *said = begun;
        }
    }
}

#[test]
fn liars_make_a_restored_member_neither_speak_too_early_nor_stay_silent_for_ever() {
    let member = PartyId::new(2);
    // One of four lies low: with the restored one these are more than may fail, and still nothing
    // is said twice.
    for seed in 40..43 {
        let mut world = busy(4, seed, 3_000);
        let before = world.forget_spoken(member);
        world.restore(member, 100);
        while !world.flight.is_empty() {
            lie(&mut world, Begun { slots: 0, runs: 0 });
            world.deliver_one();
        }
        world.run();
        world.decide(0, &[0, 1, 3], member);
        world.decide(0, &[0, 1, 3], member);
        world.assert_nothing_said_twice(member, &before, &format!("seed {seed}"));
    }
    // One of seven lies high: it is outvoted.
    let mut world = busy(7, 44, 3_000);
    let before = world.forget_spoken(member);
    world.restore(member, 100);
    while world.is_returning(member) {
        lie(&mut world, Begun { slots: u64::MAX, runs: u64::MAX });
        assert!(world.deliver_one() || world.fire_one());
    }
    world.run();
    world.decide(0, &[0, 1, 3, 4], member);
    assert!(world.decide(0, &[0, 1, 2, 3], member));
    world.assert_nothing_said_twice(member, &before, "seven");
}

#[test]
fn an_answer_to_an_earlier_question_is_not_taken() {
    let member = PartyId::new(2);
    let mut world = busy(4, 50, 3_000);
    world.restore(member, 100);
    // The answers to its question, before it is lost again.
    let mut answers = Vec::new();
    while world.is_returning(member) {
        let of = |(_, _, m): &&(PartyId, PartyId, Wire)| {
            matches!(m, Message::Sync(sync::Message::SoFar(..)))
        };
        answers.extend(world.flight.iter().filter(of).cloned());
        assert!(world.deliver_one() || world.fire_one());
    }
    assert!(answers.len() >= 3);
    world.restore(member, 101);
    world.flight.clear();
    for (from, to, message) in answers {
        world.step(to, Event::Message { from, message });
    }
    let silent = world.parties[&member].status().returning.unwrap();
    assert_eq!(silent.len(), 3, "nobody has answered the question that was asked");
}

/// Delivers what fits, and what follows from that and fits, until there is nothing more.
pub fn deliver_only(world: &mut World, fits: impl Fn(&(PartyId, PartyId, Wire)) -> bool) {
    loop {
        if let Some((party, message)) = world.done.pop_front() {
            world.step(party, Event::Done(message));
        } else if let Some(i) = world.flight.iter().position(&fits) {
            let (from, to, message) = world.flight.swap_remove(i);
            world.step(to, Event::Message { from, message });
        } else {
            return;
        }
    }
}

#[test]
fn what_only_the_lost_one_had_begun_is_not_begun_again() {
    use quorate_protocol::agreement::rbc;
    let member = PartyId::new(2);
    let sync = |(_, _, message): &(PartyId, PartyId, Wire)| matches!(message, Message::Sync(_));
    let ready = |message: &Wire| matches!(message, Message::Proposal(_, rbc::Message::Ready(_)));
    let proposal = |message: &Wire| matches!(message, Message::Proposal(..));

    // It alone knows of a proposal, and has named it in the next slot.
    let mut world = World::new(4, 60);
    world.run();
    world.propose(0, "count(approve) >= 3");
    deliver_only(&mut world, |(_, to, m)| proposal(m) && (*to == member || !ready(m)));
    let before = world.forget_spoken(member);
    assert!(before.contains(&("slot", 0, 0)), "{before:?}");
    assert!(world.spoken.iter().all(|(_, (kind, ..))| *kind != "slot"));
    world.restore(member, 100);
    deliver_only(&mut world, sync);
    assert!(!world.is_returning(member));
    world.run();
    world.assert_nothing_said_twice(member, &before, "a slot");

    // It has echoed a proposal of a member of which the others know nothing; and made one itself.
    let mut world = World::new(4, 61);
    world.run();
    world.propose(0, "count(approve) >= 3");
    world.propose(2, "count(approve) >= 3");
    deliver_only(&mut world, |(_, to, m)| proposal(m) && *to == member);
    let before = world.forget_spoken(member);
    assert_eq!(before.iter().filter(|(kind, ..)| *kind == "proposal").count(), 2, "{before:?}");
    world.restore(member, 100);
    deliver_only(&mut world, sync);
    assert!(!world.is_returning(member));
    assert!(world.parties[&member].status().half_back, "it may have used its next number");
    world.run();
    assert!(!world.parties[&member].status().half_back);
    world.propose(2, "count(approve) >= 3");
    world.run();
    world.assert_nothing_said_twice(member, &before, "a broadcast");
    assert_eq!(world.parties[&member].status().positions, 3, "it listens, and learns of all");
}
