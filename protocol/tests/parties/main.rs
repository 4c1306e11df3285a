//! Whole parties in one process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    unreachable_pub,
    reason = "a test"
)]

mod away;
mod documents;
mod epoch;
mod restart;
mod restored;
mod returned;
mod signing;
mod standing;
mod world;

use std::collections::BTreeMap;

use quorate_protocol::PartyId;
use quorate_protocol::agreement::rbc;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::life::Phase;
use quorate_protocol::decision::proposal::ProposalId;
use quorate_protocol::party::{self, Answer, Event, Message, Refusal, sync};
use quorate_protocol::record::Memory;
use quorate_protocol::{limits, wire};

use world::{Wire, World};

#[test]
fn four_members_decide_a_mean() {
    for (seed, inputs, outcome) in [
        (1, [80, 70, 90, 76], Outcome::Accepted),
        (2, [75, 75, 75, 75], Outcome::Rejected),
        (3, [100, 100, 100, 1], Outcome::Accepted),
    ] {
        let mut world = World::new(4, seed);
        let decision = world.propose(0, "mean(confidence) > 75");
        world.run_untimed();
        for (party, input) in (0..).zip(inputs) {
            world.vote(party, decision, input);
        }
        world.run();
        world.assert_certified(decision, outcome);
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn several_decisions_are_open_at_once_and_the_stock_is_refilled() {
    let mut world = World::new(4, 4);
    let mut all = Vec::new();
    for round in 0..6 {
        let decisions: Vec<Digest> =
            (0..4).map(|p| world.propose(p, "count(approve) >= 3")).collect();
        for (i, decision) in decisions.into_iter().enumerate() {
            world.run_untimed();
            for party in 0..4 {
                world.vote(party, decision, u64::from(usize::from(party) != (i + round) % 4));
            }
            all.push(decision);
        }
    }
    world.run();
    for decision in all {
        world.assert_certified(decision, Outcome::Accepted);
    }
    assert!(world.parties.values().all(|p| p.status().runs > 1));
}

#[test]
fn an_absent_member_is_left_out_and_too_few_votes_expire() {
    let mut world = World::new(4, 5);
    world.stop(PartyId::new(3));
    let decided = world.propose(0, "mean(confidence) >= 50");
    let expired = world.propose(1, "mean(confidence) >= 50");
    world.run_until_ordered(2);
    for party in 0..3 {
        world.vote(party, decided, 50);
    }
    world.vote(0, expired, 100);
    world.run();
    world.assert_certified(decided, Outcome::Accepted);
    world.assert_certified(expired, Outcome::Expired);
}

#[test]
fn votes_are_refused_for_a_reason_and_never_twice() {
    let mut world = World::new(4, 6);
    let decision = world.propose(0, "mean(confidence) > 75");
    world.run_untimed();
    world.vote(1, decision, 101);
    assert!(matches!(world.answers.last().unwrap().2, Err(Refusal::InvalidVote(_))));
    world.vote(1, Digest::from([0; 32]), 1);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::UnknownDecision));
    world.vote(1, decision, 80);
    let answer = &world.answers.last().unwrap().2;
    assert!(
        matches!(answer, Ok(Answer::Voted(_))),
        "{answer:?} {:?}",
        world.parties[&PartyId::new(1)].decision(&decision)
    );
    world.vote(1, decision, 80);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::AlreadyVoted));
    world.run();
    world.vote(2, decision, 80);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::Sealed));
    world.assert_certified(decision, Outcome::Expired);
}

#[test]
fn a_vote_after_the_deadline_comes_too_late_and_is_no_second_one() {
    let mut world = World::new(4, 6);
    let decision = world.propose(0, "mean(confidence) > 75");
    world.run_until_ordered(1);
    world.run_untimed();
    world.vote(1, decision, 80);
    let deadline =
        world.parties[&PartyId::new(2)].decision(&decision).unwrap().proposal.deadline_ms;
    world.run_untimed();
    while world.timers.iter().any(|(at, ..)| *at <= deadline) {
        assert!(world.fire_one());
    }
    world.vote(2, decision, 80);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::Late));
    world.vote(1, decision, 80);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::AlreadyVoted));
    // The same after a restart: what was written down there is no vote either.
    world.stop(PartyId::new(2));
    world.start(PartyId::new(2));
    world.vote(2, decision, 80);
    assert_eq!(world.answers.last().unwrap().2, Err(Refusal::Late));
}

#[test]
fn a_restarted_member_catches_up_and_decides_again() {
    let mut world = World::new(4, 7);
    let away = PartyId::new(2);
    let before = world.propose(0, "count(approve) >= 2");
    world.run_untimed();
    (0..4).for_each(|party| world.vote(party, before, 1));
    world.run();
    world.stop(away);
    let mut missed = Vec::new();
    for _ in 0..20 {
        let decision = world.propose(0, "count(approve) >= 3");
        world.run_untimed();
        [0, 1, 3].into_iter().for_each(|party| world.vote(party, decision, 1));
        world.run();
        missed.push(decision);
    }
    world.start(away);
    world.run();
    let after = world.propose(2, "count(approve) >= 4");
    world.run_untimed();
    (0..4).for_each(|party| world.vote(party, after, 1));
    world.run();
    world.assert_certified(before, Outcome::Accepted);
    for decision in missed {
        world.assert_certified(decision, Outcome::Accepted);
    }
    world.assert_certified(after, Outcome::Accepted);
}

#[test]
fn nothing_is_begun_before_a_quorum_is_up() {
    let mut world = World::new(4, 9);
    world.stop(PartyId::new(2));
    world.stop(PartyId::new(3));
    world.stop(PartyId::new(1));
    world.stop(PartyId::new(0));
    world.stores.clear();
    for party in 0..4 {
        let begun = world.stores.values().map(Memory::len).sum::<usize>();
        assert!(party > 2 || begun == 0, "{begun} records with {party} members up");
        world.start(PartyId::new(party));
        world.run_untimed();
        // Links keep what was sent to a member that was not up yet.
        for earlier in 0..party {
            world.stop(PartyId::new(earlier));
            world.start(PartyId::new(earlier));
        }
    }
}

#[test]
fn one_peer_alone_makes_nobody_begin_anything() {
    // A second network, further on, provides messages that p3 might send to an idle first one.
    let mut other = World::new(4, 10);
    other.propose(3, "count(approve) >= 3");
    other.run_untimed();
    other.propose(3, "count(approve) >= 3");
    let mut said = Vec::new();
    while !other.flight.is_empty() {
        said.extend(other.flight.iter().filter(|(from, ..)| from.index() == 3).cloned());
        other.deliver_one();
    }
    let mut world = World::new(4, 10);
    world.run();
    let before: Vec<usize> = world.stores.values().map(|store| store.values().len()).collect();
    for (from, to, message) in said {
        if matches!(&message, Message::Slot(..) | Message::Run(..)) {
            world.step(to, Event::Message { from, message });
        }
    }
    for run in [0, 1, 9, u64::MAX] {
        for message in [
            Message::RunDone(run),
            Message::Sync(sync::Message::Run(run, 4)),
            Message::Sync(sync::Message::Ask(sync::Position { slot: run, run, position: run })),
        ] {
            world.step(PartyId::new(0), Event::Message { from: PartyId::new(3), message });
        }
    }
    let after: Vec<usize> = world.stores.values().map(|store| store.values().len()).collect();
    assert_eq!(before, after, "records were written");
}

#[test]
fn messages_about_a_member_that_does_not_exist_change_nothing() {
    let mut world = World::new(4, 10);
    world.run();
    for proposer in [4, 127, 128, 8192, u16::MAX].map(PartyId::new) {
        let id = ProposalId { proposer, sequence: 0 };
        for message in [
            Message::Proposal(id, rbc::Message::Payload(vec![1].into())),
            Message::Document(id, party::documents::Message::Ask),
        ] {
            world.step(PartyId::new(0), Event::Message { from: PartyId::new(3), message });
        }
    }
    assert!(world.flight.is_empty());
}

#[test]
fn a_member_that_never_gets_a_proposal_learns_its_slot_and_goes_on() {
    let mut world = World::new(4, 11);
    world.run();
    // Members tell each other how the first slots after their start ended: let those pass.
    for _ in 0..3 {
        let decision = world.propose(0, "count(approve) >= 3");
        world.run_untimed();
        (0..4).for_each(|party| world.vote(party, decision, 1));
        world.run();
    }
    // p3 keeps its proposal from p1, and what the others say of it comes too late.
    world.lost = |(_, to, message)| to.index() == 1 && matches!(message, Message::Proposal(..));
    let kept = world.propose(3, "count(approve) >= 3");
    world.run_untimed();
    for party in [0, 2, 3] {
        world.vote(party, kept, 1);
    }
    world.run();
    // Now p3 is silent, so that nothing goes on without p1.
    world.lost = |_| false;
    world.stop(PartyId::new(3));
    let next = world.propose(0, "count(approve) >= 3");
    world.run_untimed();
    for party in 0..3 {
        world.vote(party, next, 1);
    }
    world.run();
    world.assert_certified(kept, Outcome::Accepted);
    world.assert_certified(next, Outcome::Accepted);
}

#[test]
fn ones_own_proposal_is_known_and_can_be_voted_on_at_once() {
    let mut world = World::new(4, 12);
    let decision = world.propose(0, "count(approve) >= 3");
    assert_eq!(world.parties[&PartyId::new(0)].decision(&decision).unwrap().phase, Phase::Proposed);
    world.vote(0, decision, 1);
    assert!(world.answers.iter().all(|(_, _, answer)| answer.is_ok()));
    world.run_untimed();
    assert!(matches!(world.answers.last().unwrap().2, Ok(Answer::Voted(_))));
    (1..4).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
    assert_eq!(world.parties[&PartyId::new(0)].decisions().len(), 1);
}

#[test]
fn every_message_of_a_network_has_one_encoding_and_no_other_bytes_decode_to_it() {
    let decode = |bytes: &[u8]| wire::decode::<Wire>(bytes, limits::MAX_ENVELOPE);
    let mut world = World::new(4, 13);
    let decision = world.propose(0, "mean(confidence) > 75");
    let (mut kinds, mut voted) = (BTreeMap::new(), false);
    loop {
        for (_, _, message) in &world.flight {
            let kind: String =
                message.to_string().chars().filter(|c| !c.is_ascii_digit()).collect();
            kinds.entry(kind).or_insert_with(|| message.clone());
        }
        if !world.deliver_one() && !voted {
            voted = true;
            (0..4).for_each(|party| world.vote(party, decision, 76));
        } else if world.flight.is_empty() && world.done.is_empty() && voted {
            break;
        }
    }
    world.assert_certified(decision, Outcome::Accepted);
    for (kind, message) in &kinds {
        let bytes = wire::encode(message);
        assert_eq!(wire::encode(&decode(&bytes).unwrap()), bytes, "{kind}");
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(decode(&longer).is_err(), "{kind} with a trailing byte");
        assert!(decode(&bytes[..bytes.len() - 1]).is_err(), "{kind} cut short");
        // Whatever a changed byte decodes to, it is another message with that one encoding.
        for i in (0..bytes.len()).step_by(1 + bytes.len() / 64) {
            let mut other = bytes.clone();
            other[i] ^= 0x80;
            if let Ok(message) = decode(&other) {
                assert_eq!(wire::encode(&message), other, "{kind} changed at {i}");
            }
        }
    }
    assert!(kinds.len() >= 30, "{} kinds: {:?}", kinds.len(), kinds.keys());
}
