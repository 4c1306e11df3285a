//! After members came back from a backup, everybody's sequence numbers skip.

use std::collections::BTreeSet;

use quorate_protocol::PartyId;
use quorate_protocol::agreement::rbc;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::limits;
use quorate_protocol::party::{Event, Message, Refusal, sync};

use crate::restored::deliver_only;
use crate::world::{Wire, World};

const LAGGARD: PartyId = PartyId::new(3);

fn proposal(message: &Wire) -> bool {
    matches!(message, Message::Proposal(..))
}

/// Numbers under which a member broadcast.
fn numbers(world: &World, proposer: PartyId) -> BTreeSet<u64> {
    let of = |(by, _, message): &(PartyId, _, Wire)| match message {
        Message::Proposal(id, _) if id.proposer == proposer && *by == proposer => Some(id.sequence),
        _ => None,
    };
    world.words.iter().filter_map(of).collect()
}

/// A member comes back while a proposal of another one is on its way, and nobody has heard of that.
fn comes_back_meanwhile(seed: u64) -> (World, PartyId) {
    let (proposer, member) = (PartyId::new(1), PartyId::new(2));
    let mut world = World::new(4, seed);
    world.run();
    world.propose(1, "count(approve) >= 3");
    world.restore(member, 100);
    deliver_only(&mut world, |(.., message)| !proposal(message));
    assert!(!world.parties[&member].status().half_back);
    assert_eq!(numbers(&world, proposer), [0, limits::SKIP].into());
    (world, proposer)
}

/// The one proposal is decided once.
fn decided_once(mut world: World) {
    world.run_untimed();
    let open = world.parties[&PartyId::new(0)].decisions();
    assert_eq!(open.len(), 1, "{open:?}");
    (0..4).for_each(|party| world.vote(party, open[0].digest, 1));
    world.run();
    world.assert_certified(open[0].digest, Outcome::Accepted);
    for (id, party) in &world.parties {
        let status = party.status();
        assert_eq!((status.positions, party.decisions().len()), (1, 1), "{id}");
    }
    assert!(world.faults.is_empty(), "{:?}", world.faults);
}

#[test]
fn what_was_on_its_way_is_broadcast_again_and_gets_one_position() {
    for seed in 80..84 {
        let (world, proposer) = comes_back_meanwhile(seed);
        assert_eq!(world.parties[&proposer].undecided().len(), 1);
        decided_once(world);
    }
}

#[test]
fn after_a_restart_neither_copy_is_forgotten_nor_are_there_two() {
    for seed in 84..88 {
        let (mut world, proposer) = comes_back_meanwhile(seed);
        world.stop(proposer);
        world.start(proposer);
        assert_eq!(world.parties[&proposer].undecided().len(), 1);
        decided_once(world);
    }
}

/// One member tells another one that it came back.
fn told(world: &mut World, to: PartyId, member: PartyId, skips: u64) {
    let message = Message::Sync(sync::Message::Returned(skips));
    world.step(to, Event::Message { from: member, message });
}

/// A member says that it came back, and so the others end a slot, while no proposal arrives.
fn say_that_it_came_back(world: &mut World, member: PartyId, skips: u64) {
    let everybody: Vec<PartyId> = world.parties.keys().copied().collect();
    for to in everybody.into_iter().filter(|to| *to != member) {
        told(world, to, member, skips);
    }
    deliver_only(world, |(.., message)| !proposal(message));
}

#[test]
fn after_a_restart_one_copy_alone_is_broadcast_again() {
    let (mut world, proposer) = comes_back_meanwhile(89);
    world.stop(proposer);
    world.start(proposer);
    say_that_it_came_back(&mut world, PartyId::new(3), 1);
    let skip = limits::SKIP;
    assert_eq!(numbers(&world, proposer), [0, skip, 2 * skip].into());
}

#[test]
fn a_document_goes_with_the_copy() {
    let mut world = World::new(4, 88);
    world.run();
    let document = Some(&b"a contract"[..]);
    let decision = world.propose_with(1, "count(approve) >= 3", document).unwrap();
    world.restore(PartyId::new(2), 100);
    // What was sent under the first number never arrives.
    let first = |message: &Wire| match message {
        Message::Proposal(id, _) | Message::Document(id, _) => id.sequence == 0,
        _ => false,
    };
    deliver_only(&mut world, |(.., message)| !first(message));
    world.flight.retain(|(.., message)| !first(message));
    world.run_untimed();
    (0..4).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
    assert!(world.parties.values().all(|p| p.document_signature(&decision).is_some()));
}

#[test]
fn a_member_that_always_says_that_it_came_back_is_soon_not_believed() {
    let mut world = World::new(4, 90);
    world.run();
    let slots = |world: &World| world.parties[&PartyId::new(0)].status().slots;
    let (liar, before) = (PartyId::new(3), slots(&world));
    let decision = world.propose(0, "count(approve) >= 3");
    for skips in 0..limits::MAX_RETURNS + 5 {
        say_that_it_came_back(&mut world, liar, skips);
    }
    assert_eq!(slots(&world), before + limits::MAX_RETURNS);
    world.run_untimed();
    (0..4).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
}

#[test]
fn what_its_proposer_alone_has_delivered_is_broadcast_again_and_holds_nobody_up() {
    let mut world = World::new(4, 96);
    let (proposer, liar) = (PartyId::new(0), PartyId::new(3));
    world.run();
    let decision = world.propose(0, "count(approve) >= 3");
    // The others say READY, and do not hear each other's.
    let ready = |message: &Wire| matches!(message, Message::Proposal(_, rbc::Message::Ready(_)));
    deliver_only(&mut world, |(_, to, m)| proposal(m) && (*to == proposer || !ready(m)));
    // It takes part in the slot itself.
    told(&mut world, liar, PartyId::new(1), 0);
    say_that_it_came_back(&mut world, liar, 0);
    assert_eq!(numbers(&world, proposer), [0, limits::SKIP].into());
    // From here on nobody can do without it.
    world.stop(liar);
    world.run_untimed();
    (0..3).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
    for (id, party) in &world.parties {
        assert_eq!((party.decisions().len(), party.undecided().len()), (1, 0), "{id}");
    }
}

#[test]
fn members_that_tell_some_alone_that_they_came_back_do_not_have_slots_end_without_end() {
    let mut world = World::new(7, 97);
    world.run();
    let slots = |world: &World| world.parties[&PartyId::new(0)].status().slots;
    // They take part in the slots themselves, and name others.
    for (liar, whom) in [(5, [0, 1]), (6, [2, 3]), (4, [5, 6])] {
        for to in whom.map(PartyId::new) {
            told(&mut world, to, PartyId::new(liar), 0);
        }
    }
    let before = slots(&world);
    world.run_untimed();
    assert_eq!(slots(&world) - before, limits::MAX_IDLE_SLOTS);
    world.decide(0, &[0, 1, 2, 3, 4], PartyId::new(0));
}

#[test]
fn nobody_proposes_under_a_number_that_it_may_have_used() {
    // It is told again to those who restart, and by those who do.
    for restarted in [&[0, 1, 3][..], &[2]] {
        proposes_late(restarted);
    }
}

fn proposes_late(restarted: &[u16]) {
    let mut world = World::new(4, 91);
    let member = PartyId::new(2);
    world.run();
    world.propose(2, "count(approve) >= 3");
    world.restore(member, 100);
    deliver_only(
        &mut world,
        |(.., message)| matches!(message, Message::Sync(m) if !matches!(m, sync::Message::Returned(_))),
    );
    let status = world.parties[&member].status();
    assert!(status.returning.is_none() && status.half_back);
    let refused = world.propose_with(2, "count(approve) >= 3", None);
    assert_eq!(refused, Err(Refusal::Returning));
    world.flight.retain(|(.., m)| !matches!(m, Message::Sync(sync::Message::Returned(_))));
    for other in restarted.iter().map(|party| PartyId::new(*party)) {
        world.stop(other);
        world.start(other);
    }
    world.run();
    assert!(!world.parties[&member].status().half_back);
    world.propose(2, "count(approve) >= 3");
    assert!(numbers(&world, member).contains(&limits::SKIP));
}

/// Numbers have skipped at all but one, once more than so often at all, and a proposal under a new one
/// came to that one.
fn lags(seed: u64, before: u64) -> World {
    let mut world = World::new(7, seed);
    world.run();
    (0..before).for_each(|skips| say_that_it_came_back(&mut world, PartyId::new(1), skips));
    world.restore(PartyId::new(2), 100);
    deliver_only(&mut world, |(_, to, _)| *to != LAGGARD);
    world.propose(0, "count(approve) >= 3");
    assert_eq!(numbers(&world, PartyId::new(0)), [(before + 1) * limits::SKIP].into());
    assert_eq!(world.parties[&LAGGARD].status().slots, before);
    deliver_only(&mut world, |(_, _, message)| proposal(message));
    assert!(!heard(&world));
    world
}

/// Whether the one that lagged spoke in the broadcast.
fn heard(world: &World) -> bool {
    let sequence = numbers(world, PartyId::new(0)).pop_last().unwrap();
    world.spoken.contains(&(LAGGARD, ("proposal", PartyId::new(0).point(), sequence)))
}

#[test]
fn who_lags_hears_again_what_was_said_under_new_numbers() {
    for seed in 92..95 {
        // After the first skip since it started it asks all, later those of whom it missed something.
        for before in [0, 1] {
            let mut world = lags(seed, before);
            world.run();
            assert!(heard(&world), "seed {seed}, {before} skips");
        }
        // The same if it restarts before it knows that it missed something.
        let mut world = lags(seed, 0);
        world.stop(LAGGARD);
        world.start(LAGGARD);
        world.run();
        assert!(heard(&world), "seed {seed}, after a restart");
        // Or when it knows, and before it has asked.
        let mut world = lags(seed, 1);
        let asks = |(from, _, m): &(PartyId, PartyId, Wire)| {
            *from == LAGGARD && matches!(m, Message::Sync(sync::Message::Again(_)))
        };
        let next = |m: &Wire| matches!(m, Message::Slot(2.., _));
        deliver_only(&mut world, |message| !asks(message) && !next(&message.2));
        assert_eq!(world.parties[&LAGGARD].status().slots, 2);
        world.flight.retain(|message| !asks(message));
        assert!(!heard(&world));
        world.stop(LAGGARD);
        world.start(LAGGARD);
        world.run();
        assert!(heard(&world), "seed {seed}, after a restart that it asked before");
    }
}
