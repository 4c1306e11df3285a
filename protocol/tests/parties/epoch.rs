//! How an epoch ends.

use quorate_protocol::PartyId;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::proposal::{Proposal, Renewal};
use quorate_protocol::party::{Answer, Event, Message, Notice, Party, Refusal, RequestId};
use quorate_protocol::rule::Rule;

use crate::world::{Real, World};

impl World {
    /// Has a refresh accepted; returns its position.
    fn accept_refresh(&mut self) -> u64 {
        let decision = self.propose_any(0, "count(approve) >= 3", None, true).unwrap();
        self.run_untimed();
        (0..self.configs.len() as u16).for_each(|party| self.vote(party, decision, 1));
        self.run_untimed();
        let party = self.parties.values().next().unwrap();
        party.decision(&decision).unwrap().position.unwrap()
    }

    fn ready(&mut self, party: u16) {
        self.act(PartyId::new(party), Party::ready);
        self.run_untimed();
    }
}

#[test]
fn an_epoch_ends_at_the_same_place_everywhere_and_what_is_open_is_decided() {
    let mut world = World::new(4, 20);
    world.run_until_ordered(0);
    let open = world.propose(1, "count(approve) >= 2");
    let position = world.accept_refresh();
    assert!(world.parties.values().all(|party| party.refresh() == Some(position)));
    world.ready(2);
    assert!(world.parties.values().all(|party| party.end().is_none()), "one is not enough");
    let late = world.propose(3, "count(approve) >= 2");
    world.run_untimed();
    assert!(world.parties.values().all(|party| party.decision(&late).unwrap().position.is_some()));
    world.ready(3);
    world.ready(0);
    let ends: Vec<_> = world.parties.values().map(|party| party.end().unwrap()).collect();
    assert!(ends.iter().all(|end| *end == ends[0] && end.position == 3));
    assert_eq!(world.propose_with(0, "count(approve) >= 2", None), Err(Refusal::EpochOver));
    assert!(world.parties.values().all(|party| !party.is_finished()));
    (0..4).for_each(|party| world.vote(party, open, 1));
    world.run();
    world.assert_certified(open, Outcome::Accepted);
    world.assert_certified(late, Outcome::Expired);
    assert!(world.parties.values().all(Real::is_finished));
    assert!(world.faults.is_empty(), "{:?}", world.faults);
}

#[test]
fn who_was_away_when_the_epoch_ended_learns_where() {
    let mut world = World::new(4, 21);
    world.run_until_ordered(0);
    world.stop(PartyId::new(3));
    let position = {
        let decision = world.propose_any(0, "count(approve) >= 3", None, true).unwrap();
        world.run_until_ordered(1);
        (0..3).for_each(|party| world.vote(party, decision, 1));
        world.run();
        world.parties[&PartyId::new(0)].decision(&decision).unwrap().position
    };
    (0..3).for_each(|party| world.ready(party));
    let end = world.parties[&PartyId::new(0)].end().unwrap();
    for party in [3, 0] {
        world.stop(PartyId::new(party));
        world.start(PartyId::new(party));
        world.run();
        let state = &world.parties[&PartyId::new(party)];
        assert_eq!((state.refresh(), state.end()), (position, Some(end)));
    }
}

#[test]
fn what_has_a_position_does_not_lapse_with_a_copy_that_has_none() {
    let mut world = World::new(4, 24);
    // Nobody hears what member 2 proposes.
    world.lost = |(from, _, message)| {
        from.index() == 2 && matches!(message, Message::Proposal(id, _) if id.proposer == *from)
    };
    let proposal = Proposal {
        title: "Extend the credit line".into(),
        text: String::new(),
        rule: Rule::parse("count(approve) >= 2").unwrap(),
        deadline_ms: 1_000_000,
        minimum: 3,
        nonce: [7; 16],
        document: None,
        renewal: Renewal::None,
    };
    for party in [2, 1] {
        let (request, proposal) = (RequestId(7), proposal.clone());
        let event = Event::Propose { request, proposal, document: None };
        world.step(PartyId::new(party), event);
        world.run_untimed();
    }
    let Some((_, _, Ok(Answer::Proposed { decision }))) = world.answers.last().cloned() else {
        panic!("{:?}", world.answers.last());
    };
    let unheard = world.propose(2, "count(approve) >= 3");
    world.accept_refresh();
    (0..4).for_each(|party| world.ready(party));
    for party in world.parties.values() {
        assert!(party.end().is_some() && party.decision(&decision).unwrap().position.is_some());
    }
    let lapsed = world.notices.iter().filter_map(|(party, notice)| match notice {
        Notice::Lapsed { decision } => Some((party.index(), *decision)),
        _ => None,
    });
    assert_eq!(lapsed.collect::<Vec<_>>(), [(2, unheard)]);
}
