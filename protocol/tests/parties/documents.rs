//! Proposals with documents, in whole networks.

use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::decision::life;
use quorate_protocol::decision::proposal::ProposalId;
use quorate_protocol::fault::DecisionFault;
use quorate_protocol::keys::GroupPublic;
use quorate_protocol::party::{Event, Message, Refusal, RequestId, documents};
use quorate_protocol::wire::Bytes;
use quorate_protocol::{PartyId, limits};

use crate::world::World;

const RULE: &str = "count(approve) >= 3";
const FILE: &[u8] = b"pay 100 to Orion";

fn p(index: u16) -> PartyId {
    PartyId::new(index)
}

/// The first proposal of a member.
fn first_of(proposer: u16) -> ProposalId {
    ProposalId { proposer: p(proposer), sequence: 0 }
}

impl World {
    /// Which members have a decision's document, if any, and see the decision.
    fn seen(&self, decision: &quorate_protocol::crypto::Digest) -> (Vec<u16>, Vec<u16>) {
        let with = |holds: &dyn Fn(&crate::world::Real) -> bool| {
            let all = self.parties.iter().filter(|(_, party)| holds(party));
            all.map(|(p, _)| p.index() as u16).collect::<Vec<_>>()
        };
        let has = |party: &crate::world::Real| {
            let document = party.document(decision);
            assert!(document.is_none_or(|bytes| **bytes == *FILE));
            document.is_some()
        };
        (with(&|party| party.decision(decision).is_some()), with(&has))
    }

    /// All have the network's signature over the file.
    fn assert_signed(&self, decision: &quorate_protocol::crypto::Digest) {
        let keys = self.configs[0]().keys;
        let key = GroupPublic::from(&keys.public().document);
        for party in self.parties.values() {
            assert!(key.verify(FILE, party.document_signature(decision).unwrap()));
        }
    }
}

#[test]
fn a_document_reaches_everybody_before_the_vote() {
    for seed in 100..110 {
        let mut world = World::new(4, seed);
        let decision = world.propose_with(0, RULE, Some(FILE)).unwrap();
        world.run_untimed();
        assert_eq!(world.seen(&decision), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
        (0..4).for_each(|party| world.vote(party, decision, 1));
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        assert_eq!(world.seen(&decision).1, [0, 1, 2, 3], "it stays for a while");
        world.assert_signed(&decision);
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn a_second_copy_of_a_proposal_needs_no_document_of_its_own() {
    for seed in 300..310 {
        let mut world = World::new(4, seed);
        // That of the second copy comes to one member, which forgets it when it has ended the slot.
        world.lost = |(_, to, message)| match message {
            Message::Document(id, _) => id.proposer.index() == 2 && to.index() != 0,
            _ => false,
        };
        let decision = world.propose_with(1, RULE, Some(FILE)).unwrap();
        let proposal = world.parties[&p(1)].decision(&decision).unwrap().proposal;
        let document = Some(Bytes::from(FILE));
        let (request, member) = (RequestId(1), p(2));
        world.step(member, Event::Propose { request, proposal, document });
        assert!(world.answers.last().unwrap().2.is_ok());
        world.run_until_ordered(1);
        world.run_untimed();
        (0..4).for_each(|party| world.vote(party, decision, 1));
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        world.assert_signed(&decision);
        for (id, party) in &world.parties {
            assert_eq!((party.status().positions, party.undecided().len()), (1, 0), "{id}");
        }
    }
}

#[test]
fn whoever_gets_no_document_from_its_proposer_asks_those_who_name_it() {
    for seed in 110..120 {
        let mut world = World::new(4, seed);
        world.lost = |(from, to, message)| {
            from.index() == 3 && to.index() != 0 && matches!(message, Message::Document(..))
        };
        let decision = world.propose_with(3, RULE, Some(FILE)).unwrap();
        world.run_until_ordered(1);
        world.run_untimed();
        assert_eq!(world.seen(&decision).1, [0, 1, 2, 3]);
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn a_document_that_does_not_fit_is_blamed_and_holds_nobody_up() {
    let mut world = World::new(4, 120);
    world.run();
    world.lost = |(from, _, message)| {
        from.index() == 3 && matches!(message, Message::Document(_, documents::Message::Send(_)))
    };
    let refused = world.propose_with(3, RULE, Some(FILE)).unwrap();
    let wrong = documents::Message::Send(Bytes::from(&b"pay 900 to Orion"[..]));
    for (to, early) in [(0, true), (1, true), (2, false)] {
        if !early {
            world.run_untimed();
        }
        let message = Message::Document(first_of(3), wrong.clone());
        world.step(p(to), Event::Message { from: p(3), message });
    }
    world.run_untimed();
    let blamed: Vec<_> = world.faults.iter().map(|(by, fault)| (*by, fault.party)).collect();
    assert_eq!(blamed.len(), 3, "{blamed:?}");
    assert!(world.faults.iter().all(|(_, fault)| {
        fault.party == p(3) && fault.kind == DecisionFault::WrongDocument.into()
    }));
    assert_eq!(world.seen(&refused), (vec![3], vec![3]), "it is delivered nowhere else");
    // Its proposer does not name it either, as an honest one would.
    world.stop(p(3));
    let decision = world.propose(0, RULE);
    world.run_until_ordered(1);
    world.run_untimed();
    (0..3).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
    assert_eq!(world.seen(&refused).0, [] as [u16; 0]);
}

#[test]
fn a_member_that_adopts_a_position_asks_for_its_document_and_votes() {
    let mut world = World::new(4, 121);
    world.run();
    world.lost = |(from, to, message)| {
        let document = matches!(message, Message::Document(..)) && from.index() == 3;
        to.index() == 1 && (document || matches!(message, Message::Proposal(..)))
    };
    let decision = world.propose_with(3, RULE, Some(FILE)).unwrap();
    world.run_untimed();
    world.lost = |_| false;
    for _ in 0..3 {
        world.propose(0, RULE);
        world.run_untimed();
    }
    assert_eq!(world.seen(&decision), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
    (0..4).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
    world.assert_signed(&decision);
}

#[test]
fn who_was_away_or_lost_its_store_gets_what_the_network_signed() {
    let forgotten = limits::DOCUMENTS_KEPT + 1;
    for (seed, is_lost, missed) in
        [(126, false, 1), (127, false, forgotten), (128, true, 1), (129, true, forgotten)]
    {
        let mut world = World::new(4, seed);
        world.run();
        world.stop(p(3));
        let decide = |world: &mut World| {
            let decision = world.propose_with(0, RULE, Some(FILE)).unwrap();
            world.run_until_ordered(1);
            world.run_untimed();
            (0..3).for_each(|party| world.vote(party, decision, 1));
            world.run();
            decision
        };
        let all: Vec<_> = (0..missed).map(|_| decide(&mut world)).collect();
        let first = world.seen(&all[0]).1;
        assert_eq!(first.is_empty(), missed == forgotten, "nobody has the oldest document");
        if is_lost {
            world.restore(p(3), 100);
        } else {
            world.start(p(3));
        }
        world.run();
        for decision in &all {
            world.assert_certified(*decision, Outcome::Accepted);
            world.assert_signed(decision);
        }
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn what_was_signed_is_believed_though_all_is_told_before_the_order() {
    let mut world = World::new(4, 130);
    world.run();
    world.stop(p(3));
    let mut all = Vec::new();
    // Of the first, nobody has the documents any more.
    while all.len() <= limits::DOCUMENTS_KEPT {
        let round: Vec<_> =
            (0..3).map(|party| world.propose_with(party, RULE, Some(FILE)).unwrap()).collect();
        world.run_untimed();
        all.extend(&round);
        for decision in round {
            (0..3).for_each(|party| world.vote(party, decision, 1));
        }
        world.run();
    }
    // It says nothing in them, so that nobody answers it again.
    world.restore(p(3), 100);
    let told = |(_, to, message): &(_, PartyId, _)| {
        *to != p(3) || matches!(message, Message::Decision(_, life::Message::Certified(_)))
    };
    loop {
        if let Some(i) = world.flight.iter().position(told) {
            let (from, to, message) = world.flight.swap_remove(i);
            world.step(to, Event::Message { from, message });
        } else if !world.deliver_one() && !world.fire_one() {
            break;
        }
    }
    for decision in &all {
        world.assert_certified(*decision, Outcome::Accepted);
        world.assert_signed(decision);
    }
}

#[test]
fn documents_outlive_a_restart() {
    let mut world = World::new(4, 122);
    let decision = world.propose_with(0, RULE, Some(FILE)).unwrap();
    world.run_untimed();
    world.stop(p(2));
    world.start(p(2));
    world.run_untimed();
    assert_eq!(world.seen(&decision).1, [0, 1, 2, 3]);
    for party in [0, 1, 3] {
        world.vote(party, decision, 1);
    }
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
    world.stop(p(2));
    world.start(p(2));
    assert_eq!(world.seen(&decision).1, [0, 1, 2, 3]);
}

#[test]
fn a_proposer_that_stopped_before_its_document_left_sends_it_again() {
    let mut world = World::new(4, 123);
    world.run();
    world.lost = |(_, _, message)| matches!(message, Message::Document(..));
    let decision = world.propose_with(0, RULE, Some(FILE)).unwrap();
    // The others deliver the proposal and lack the document. The proposer stops before it delivers.
    while let Some(i) = world.flight.iter().position(|(_, to, _)| *to != p(0)) {
        let (from, to, message) = world.flight.swap_remove(i);
        if !matches!(message, Message::Document(..)) {
            world.step(to, Event::Message { from, message });
        }
    }
    assert_eq!(world.seen(&decision), (vec![0], vec![0]));
    world.stop(p(0));
    world.lost = |_| false;
    world.start(p(0));
    world.run_until_ordered(1);
    world.run_untimed();
    assert_eq!(world.seen(&decision), (vec![0, 1, 2, 3], vec![0, 1, 2, 3]));
    (1..4).for_each(|party| world.vote(party, decision, 1));
    world.run();
    world.assert_certified(decision, Outcome::Accepted);
}

#[test]
fn a_wrong_document_or_too_many_are_refused_at_home() {
    let mut world = World::new(4, 124);
    let most = vec![7; limits::MAX_DOCUMENT];
    assert!(world.propose_with(0, RULE, Some(&most)).is_ok());
    assert!(matches!(world.propose_with(0, RULE, Some(b"")), Err(Refusal::InvalidProposal(_))));
    // One byte more has no name, so that the proposal names none.
    let over = vec![7; limits::MAX_DOCUMENT + 1];
    assert!(matches!(world.propose_with(0, RULE, Some(&over)), Err(Refusal::InvalidProposal(_))));
    for _ in 1..limits::MAX_OWN_DOCUMENTS {
        world.propose_with(0, RULE, Some(FILE)).unwrap();
    }
    let limit = limits::MAX_OWN_DOCUMENTS;
    let refusal = Err(Refusal::TooManyDocuments { limit });
    assert_eq!(world.propose_with(0, RULE, Some(FILE)), refusal);
    assert!(world.propose_with(0, RULE, None).is_ok());
}

#[test]
fn only_the_last_documents_are_kept_and_peers_are_answered_a_few_times() {
    let mut world = World::new(4, 125);
    world.run();
    let mut all = Vec::new();
    for i in 0..=limits::DOCUMENTS_KEPT {
        let decision = world.propose_with(i as u16 % 4, RULE, Some(FILE)).unwrap();
        world.run_untimed();
        (0..4).for_each(|party| world.vote(party, decision, 1));
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        all.push(decision);
    }
    assert_eq!(world.seen(&all[0]).1, [] as [u16; 0]);
    assert_eq!(world.seen(&all[1]).1, [0, 1, 2, 3]);
    let mut answers = 0;
    for _ in 0..10 {
        let message =
            Message::Document(ProposalId { proposer: p(1), sequence: 0 }, documents::Message::Ask);
        world.step(p(0), Event::Message { from: p(2), message });
        answers += world.flight.len();
        world.flight.clear();
    }
    assert_eq!(answers, limits::DOCUMENT_ANSWERS);
}
