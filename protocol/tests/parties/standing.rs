//! What people are told of a decision that is not certified yet.

use std::collections::BTreeSet;

use quorate_protocol::PartyId;
use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::life::waits::Step;
use quorate_protocol::party::Standing;

use crate::world::World;

/// What is known of a step but how far it is.
fn name(step: Step) -> String {
    let text = format!("{step:?}");
    text.split(' ').next().unwrap().to_owned()
}

impl World {
    fn standing(&self, member: u16, decision: &Digest) -> Option<Standing> {
        self.parties[&PartyId::new(member)].standing(decision)
    }

    /// Delivers everything, timers included, and returns what the decision waited for anywhere.
    fn steps_until_the_end(&mut self, decision: &Digest) -> BTreeSet<String> {
        let mut steps = BTreeSet::new();
        loop {
            for party in self.parties.values() {
                let Some(standing) = party.standing(decision) else { continue };
                let waits = standing.waits;
                assert!(waits.here.within(party.committee()) && waits.needed > 0, "{waits:?}");
                steps.insert(name(waits.step));
            }
            if !self.deliver_one() && !self.fire_one() {
                return steps;
            }
        }
    }
}

fn all_but(member: u16) -> PartySet {
    (0..4).filter(|i| *i != member).map(PartyId::new).collect()
}

#[test]
fn every_step_of_a_decision_is_told() {
    let mut world = World::new(4, 90);
    let decision = world.propose(0, "mean(confidence) > 75");
    assert_eq!(world.standing(0, &decision).unwrap().waits.step, Step::Broadcast);
    assert_eq!(world.standing(1, &decision), None, "it is not known there");
    let mut steps = BTreeSet::new();
    while world.deliver_one() {
        let of = |member| world.standing(member, &decision);
        steps.extend((0..4).filter_map(of).map(|standing| name(standing.waits.step)));
    }
    for party in 0..3 {
        world.vote(party, decision, 80);
    }
    world.run_untimed();
    let waits = world.standing(0, &decision).unwrap().waits;
    assert_eq!((waits.step, waits.here, waits.needed), (Step::Ballots, all_but(3), 4));
    assert_eq!(world.standing(0, &decision).unwrap().silent, PartySet::EMPTY);
    steps.extend(world.steps_until_the_end(&decision));
    for step in ["Slot", "Material", "Masks", "Ballots", "InputSet", "Opening", "Signature"] {
        assert!(steps.contains(step), "{step} is not in {steps:?}");
    }
    assert_eq!(world.standing(0, &decision), None, "it is certified");
    assert_eq!(world.standing(0, &Digest::from([0; 32])), None);
}

#[test]
fn members_that_say_nothing_are_named() {
    let mut world = World::new(4, 91);
    world.lost = |(from, ..)| *from >= PartyId::new(2);
    world.stop(PartyId::new(2));
    world.stop(PartyId::new(3));
    let decision = world.propose(0, "mean(confidence) > 75");
    world.run_untimed();
    let standing = world.standing(0, &decision).unwrap();
    assert_eq!((standing.waits.step, standing.waits.needed), (Step::Broadcast, 3));
    let silent: PartySet = [2, 3].map(PartyId::new).into_iter().collect();
    assert_eq!(standing.silent, silent);
}

#[test]
fn without_the_document_or_the_material_of_a_run_it_says_so() {
    let mut world = World::new(4, 92);
    world.lost = |(_, to, message)| *to == PartyId::new(3) && message.to_string().contains("run");
    let decision = world.propose(0, "mean(confidence) > 75");
    world.run_untimed();
    assert_eq!(world.standing(3, &decision).unwrap().waits.step, Step::Material);
    world.fire_one();
    world.run_untimed();
    assert_eq!(world.standing(3, &decision).unwrap().waits.step, Step::Material);
    assert_eq!(world.standing(0, &decision).unwrap().waits.step, Step::Ballots);
}

#[test]
fn nothing_that_people_see_depends_on_a_vote_before_the_outcome() {
    let votes: [[u64; 4]; 2] = [[100, 100, 100, 100], [0, 13, 99, 1]];
    let mut worlds = [World::new(4, 93), World::new(4, 93)];
    let decision = worlds.each_mut().map(|world| world.propose(0, "mean(confidence) > 75"))[0];
    let mut compared = 0;
    for voter in 0..4u16 {
        for (world, votes) in worlds.iter_mut().zip(votes) {
            world.run_until_ordered(1);
            world.vote(voter, decision, votes[usize::from(voter)]);
        }
        loop {
            let seen = worlds.each_ref().map(|world| {
                let parties = world.parties.values();
                let views = parties.map(|party| {
                    (
                        party.standing(&decision),
                        party.status(),
                        party.decisions(),
                        party.undecided(),
                    )
                });
                let certified = world.parties.values().any(|p| p.certificate(&decision).is_some());
                (format!("{:?}", views.collect::<Vec<_>>()), certified)
            });
            if seen.iter().any(|(_, certified)| *certified) {
                assert!(compared > 100 && seen.iter().all(|(_, certified)| *certified));
                return;
            }
            assert_eq!(seen[0].0, seen[1].0);
            compared += 1;
            let delivered = worlds.each_mut().map(|world| world.deliver_one());
            assert_eq!(delivered[0], delivered[1]);
            if !delivered[0] {
                break;
            }
        }
    }
    panic!("it was not decided");
}
