//! Ceremonies with crashes, latecomers and hostile members.

mod crashes;
mod hostile;
mod world;

use super::durable::CONFIRMED;
use super::log::Key;
use super::*;
use crate::committee::{PartyId, PartySet};
use crate::fault::FaultKind;
use crate::fault::{Fault, KeyFault};
use crate::keys::generation::tests::assert_same_keys;
use crate::protocol::Recipient;
use crate::wire;
use world::{World, party, set};

fn everyone() -> PartySet {
    set(&[0, 1, 2, 3])
}

/// A world in which `up` are up and everything that can happen has happened.
fn after(seed: Option<u64>, up: PartySet) -> World {
    let mut world = World::new(4, seed);
    up.iter().for_each(|p| world.start(p));
    world.run();
    world
}

#[test]
fn members_end_with_the_same_keys_and_forget_how_they_got_them() {
    for seed in [None, Some(1), Some(2)] {
        let world = after(seed, everyone());
        world.assert_done(everyone());
        for p in everyone().iter() {
            let node = world.node(p.index() as u16);
            assert_eq!(node.confirmed(), everyone());
            assert_eq!(node.key_set().unwrap().epoch(), 1);
            assert_eq!(node.progress().stage, Stage::Done);
            assert!(node.making().is_none());
            // The beginning, the keys, and the confirmations of three others.
            assert_eq!(world.stores[p.index()].len(), 5);
        }
    }
}

#[test]
fn committees_too_small_for_a_fault_make_keys_as_well() {
    for n in 1..=3 {
        let mut world = World::new(n, Some(1));
        let all = world.keyrings[0].committee().everyone();
        all.iter().for_each(|p| world.start(p));
        world.run();
        world.assert_done(all);
        assert!(world.nodes.iter().flatten().all(|node| node.making().is_none()));
        // A member that comes back has its keys and nothing to say of how they were made.
        world.stop(party(0));
        world.start(party(0));
        assert_eq!(world.node(0).progress().stage, Stage::Done);
        assert!(world.flight.iter().all(|(_, _, m)| matches!(m, Message::Confirm { .. })));
    }
}

#[test]
fn seven_members_of_whom_two_never_come() {
    let mut world = World::new(7, Some(3));
    let up = set(&[0, 1, 3, 5, 6]);
    up.iter().for_each(|p| world.start(p));
    world.run();
    world.assert_done(up);
    let progress = world.node(0).progress();
    assert_eq!((progress.stage, progress.waiting_for), (Stage::Confirming, set(&[2, 4])));
    assert_eq!((progress.needed, progress.up), (0, up));
    assert_eq!(progress.generation.unwrap().dealers, Some(up));
    // Everything is kept for those who may still come.
    assert!(world.node(0).making().is_some() && world.stores[0].len() > 50);
}

#[test]
fn the_members_that_are_missing_are_named() {
    let mut world = World::new(4, None);
    world.start(party(0));
    world.start(party(2));
    world.run();
    let progress = world.node(0).progress();
    assert_eq!((progress.stage, progress.needed), (Stage::Gathering, 1));
    assert_eq!((progress.waiting_for, progress.up), (set(&[1, 3]), set(&[0, 2])));
    assert!(world.generated.iter().all(Option::is_none));
    world.start(party(3));
    world.run();
    world.assert_done(set(&[0, 2, 3]));
}

#[test]
fn a_member_that_comes_when_all_is_over_ends_with_the_same_keys() {
    for (seed, restart) in [(None, false), (Some(1), true)] {
        let mut world = after(seed, set(&[0, 1, 3]));
        world.assert_done(set(&[0, 1, 3]));
        if restart {
            // What the others' links held for it is gone.
            [0, 1, 3].map(party).into_iter().for_each(|p| world.stop(p));
            [0, 1, 3].map(party).into_iter().for_each(|p| world.start(p));
            world.run();
        }
        world.start(party(2));
        world.run();
        world.assert_done(everyone());
        assert!(world.nodes.iter().flatten().all(|node| node.making().is_none()));
    }
}

#[test]
fn nothing_is_sent_twice_where_nobody_restarts() {
    let mut world = World::new(4, None);
    everyone().iter().for_each(|p| world.start(p));
    let mut numbers = std::collections::BTreeMap::new();
    while let Some(letter) = world.next() {
        if let (from, to, Message::Said { number, .. }) = &letter {
            let next = numbers.entry((*from, *to)).or_insert(0);
            assert_eq!(number, next, "in order, each once");
            *next += 1;
        }
        world.deliver(letter);
    }
    world.assert_done(everyone());
    assert_eq!(numbers.len(), 12);
}

#[test]
fn stores_of_other_keys_or_with_gaps_are_refused() {
    let world = after(None, set(&[0, 1, 2]));
    let mut config = world.config(party(0));
    config.seed = Secret::new([77; 32]);
    let other = Ceremony::new(config, world.records(party(0)));
    assert!(matches!(other, Err(RestoreError::Unreadable(_))), "another seed");
    let other = Ceremony::new(world.config(party(1)), world.records(party(0)));
    assert!(matches!(other, Err(RestoreError::Unreadable(_))), "another member's");

    let without = |key: Key| {
        let mut records = world.records(party(0));
        let name = wire::encode(&key);
        records.retain(|record| !matches!(record, Record::Put { key, .. } if *key == name));
        Ceremony::new(world.config(party(0)), records)
    };
    assert!(matches!(without(Key::Begun), Err(RestoreError::Gap { .. })));
    let gap = without(Key::Heard(7)).unwrap_err();
    assert_eq!(gap, RestoreError::Gap { what: "message", number: 7 });

    let put = |key: Vec<u8>, value: Vec<u8>| Record::Put { key, value: Secret::new(value) };
    for bad in [put(vec![9; 40], vec![]), put(wire::encode(&Key::Begun), vec![1])] {
        let refused = Ceremony::new(world.config(party(0)), vec![bad]);
        assert!(matches!(refused, Err(RestoreError::Unreadable(_))));
    }
}

#[test]
fn nothing_secret_prints_and_messages_read_well() {
    let mut world = World::new(4, None);
    world.start(party(0));
    let text = format!("{:?}", world.node(0));
    assert!(text.contains("stage: Gathering"), "{text}");
    let hello = Message::Hello { next: 3, answer: true };
    assert_eq!(hello.to_string(), "HELLO 3");
    let said = Message::Said { number: 7, message: sample() };
    assert_eq!(said.to_string(), "7: dealing1 OK");
}

/// Any message that has no consequence.
fn sample() -> generation::Message {
    generation::Message::Dealing(party(1), crate::sharing::acss::Message::Ok)
}
