//! Parties that stop anywhere and go on from what they wrote down.

use std::collections::BTreeMap;

use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::life::Phase;
use quorate_protocol::party::journal::REPLAY;
use quorate_protocol::party::{Event, Message, Refusal};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::{PartyId, wire};

use super::world::{Instance, Wire, World, instance};

/// What one party said in each instance, and to whom, in order.
type Said = BTreeMap<Instance, Vec<(Option<PartyId>, Vec<u8>)>>;

fn said(words: &[(PartyId, Recipient, Wire)], party: PartyId) -> Said {
    let mut said = Said::new();
    for (_, to, message) in words.iter().filter(|(by, ..)| *by == party) {
        // Who asks for a certificate gets it, once for each life.
        if let Some(instance) = instance(message) {
            let to = match to {
                Recipient::All => None,
                Recipient::One(to) => Some(*to),
            };
            said.entry(instance).or_default().push((to, wire::encode(message)));
        }
    }
    said
}

/// A network that has one decision made and another one under way, after so many deliveries.
fn under_way(seed: u64, deliveries: usize) -> (World, Digest, bool) {
    let mut world = World::new(4, seed);
    world.run_until_ordered(0);
    let decision = world.propose(1, "mean(confidence) > 75");
    let mut done = 0;
    let mut more = true;
    while done < deliveries && more {
        // Everybody votes as soon as it can.
        for party in 0..4 {
            let id = PartyId::new(party);
            let view = world.parties.get(&id).and_then(|party| party.decision(&decision));
            if view.is_some_and(|view| view.position.is_some() && !view.i_voted) {
                world.vote(party, decision, 80);
            }
        }
        more = world.deliver_one();
        done += 1;
    }
    (world, decision, more)
}

fn finish(world: &mut World, decision: Digest) {
    world.run_untimed();
    for party in 0..4 {
        world.vote(party, decision, 80);
    }
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
}

#[test]
fn all_stop_at_once_anywhere_in_a_decision_and_it_is_decided() {
    for deliveries in (0..).step_by(37) {
        let (mut world, decision, more) = under_way(40, deliveries);
        let before = std::mem::take(&mut world.words);
        let all: Vec<PartyId> = world.parties.keys().copied().collect();
        all.iter().for_each(|party| world.stop(*party));
        assert!(world.flight.is_empty() && world.done.is_empty());
        for party in &all {
            world.start(*party);
        }
        // What each says first is what it said in the instances that are not over, and nothing else.
        for party in all {
            let (before, again) = (said(&before, party), said(&world.words, party));
            for (instance, words) in &again {
                assert_eq!(Some(words), before.get(instance), "{party} {instance:?} {deliveries}");
            }
            let view = world.parties[&party].decision(&decision);
            let view = view.filter(|view| view.phase != Phase::Certified);
            if let Some(position) = view.and_then(|view| view.position) {
                let open = ("decision", position, 0);
                assert_eq!(before.contains_key(&open), again.contains_key(&open), "{deliveries}");
            }
        }
        finish(&mut world, decision);
        if !more {
            break;
        }
    }
}

#[test]
fn one_that_stops_anywhere_says_the_same_again_and_goes_on() {
    let victim = PartyId::new(2);
    for deliveries in (0..).step_by(53) {
        let (mut world, decision, more) = under_way(41, deliveries);
        let before = said(&std::mem::take(&mut world.words), victim);
        // What is on its way to it waits for it, as links have it.
        let waiting: Vec<_> =
            world.flight.iter().filter(|(_, to, _)| *to == victim).cloned().collect();
        world.stop(victim);
        world.start(victim);
        for (instance, words) in said(&world.words, victim) {
            assert_eq!(Some(&words), before.get(&instance), "{instance:?} {deliveries}");
        }
        world.flight.extend(waiting);
        finish(&mut world, decision);
        if !more {
            break;
        }
    }
}

#[test]
fn a_vote_that_was_cast_is_cast_after_a_restart_and_no_other() {
    let (mut world, decision, _) = under_way(42, 10_000);
    // Nobody has voted on this one but the first.
    let open = world.propose(0, "count(approve) >= 3");
    world.run_untimed();
    world.vote(0, open, 1);
    world.stop(PartyId::new(0));
    world.start(PartyId::new(0));
    world.run_untimed();
    world.vote(0, open, 0);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::AlreadyVoted));
    [1, 2].into_iter().for_each(|party| world.vote(party, open, 1));
    world.vote(3, open, 0);
    world.run();
    world.assert_certified(open, Outcome::Accepted);
    world.assert_certified(decision, Outcome::Accepted);
}

#[test]
fn logs_are_gone_once_what_they_are_of_is_over() {
    let (mut world, decision, _) = under_way(43, 10_000);
    finish(&mut world, decision);
    for (party, store) in &world.stores {
        let names: Vec<&Vec<u8>> = store.logs().keys().collect();
        // The slots that are kept for those who lag, and nothing else.
        assert!(names.len() <= 2, "{party}: {names:?}");
    }
    let kept: usize = world.stores.values().map(|store| store.logs().len()).sum();
    assert!(kept > 0);
    let words = &world.words;
    assert!(words.iter().any(|(.., message)| matches!(message, Message::Run(..))));
}

const WORDS: &str = "5bb539e39f200deb69fcc69e35e6064e903b980a04e8f4c128e5344ea55e1119";

/// What a network said after the same calls as ever, as one hash. Where it changes, so may what a log
/// leads to: then [`REPLAY`] is to be raised, and this value changed with it.
#[test]
fn the_same_calls_lead_to_the_same_words_as_they_always_did() {
    let (world, ..) = under_way(44, 10_000);
    let mut hash = blake3::Hasher::new();
    for (by, to, message) in &world.words {
        hash.update(format!("{by} {to:?}").as_bytes()).update(&wire::encode(message));
    }
    let words = (REPLAY, hash.finalize().to_hex().to_string());
    assert_eq!(words, (2, WORDS.to_owned()));
}

#[test]
fn work_that_was_under_way_when_all_stopped_is_done_again() {
    let mut world = World::new(4, 45);
    let decision = world.propose(1, "mean(confidence) > 75");
    // Messages arrive, and no result of any work.
    while let Some((from, to, message)) = world.flight.pop() {
        world.step(to, Event::Message { from, message });
    }
    let all: Vec<PartyId> = world.parties.keys().copied().collect();
    let works = |party: &&PartyId| world.done.iter().any(|(of, _)| of == *party);
    assert_eq!(all.iter().filter(works).count(), 4);
    all.iter().for_each(|party| world.stop(*party));
    all.iter().for_each(|party| world.start(*party));
    finish(&mut world, decision);
}
