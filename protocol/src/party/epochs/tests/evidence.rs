//! What a faulty member signs is evidence for everybody, and what an honest one signs never is.

use super::*;
use crate::agreement::rbc::{Mode, Rbc};
use crate::decision::proposal::{Proposal, ProposalId};
use crate::decision::{collect, life, supply};
use crate::fault::Said;
use crate::keys::ceremony::Envelope;
use crate::keys::refresh;
use crate::limits;
use crate::mpc::preprocessing;
use crate::party::evidence::{Charge, Evidence, Place, Unproven};
use crate::rule::Rule;
use crate::sharing::acss;
use crate::sharing::acss::scalar::Forgery;
use crate::testkit::Collected;

const LIAR: u16 = 3;

fn root() -> Tag {
    Tag::root(&[7; 32], 1)
}

/// What the liar's node would send to begin a broadcast of this payload under this name.
fn send(world: &World, tag: Tag, payload: &[u8]) -> rbc::Message {
    let keyring = Arc::clone(&world.firsts[usize::from(LIAR)].keyring);
    let mode = Mode::Short { limit: limits::MAX_DEALING_PAYLOAD };
    let mut out = Collected::default();
    let mut rbc = Rbc::new(keyring, party(LIAR), tag, mode);
    rbc.broadcast(payload.to_vec().into(), &mut out).unwrap();
    out.sent.pop().unwrap().1
}

fn hears(world: &mut World, message: MessageOf<RealSuite>) {
    world.step(party(0), EpochsEvent::Message { from: party(LIAR), epoch: 1, message });
    world.run_untimed();
}

/// What member 0 has of it, which holds against the liar and nobody else.
fn proven(world: &World) -> Vec<Charge> {
    let evidence: Vec<_> = world.member(0).evidence().collect();
    let keyring = &world.firsts[0].keyring;
    let network = Digest::from([7; 32]);
    let judge =
        |e: &Evidence, network, p| e.verify(&network, world.committee, keyring.identity_of(p));
    for e in &evidence {
        assert_eq!(e.member, party(LIAR));
        assert_eq!(Evidence::from_text(&e.to_text()).as_ref(), Ok(*e));
        assert_eq!(judge(e, Digest::from([8; 32]), party(LIAR)), Err(Unproven::OtherNetwork));
        assert_eq!(judge(e, network, party(2)), Err(Unproven::NotSigned));
        let mut other = (*e).clone();
        other.epoch = 2;
        if !matches!(e.place, Place::Named(_)) {
            assert_eq!(judge(&other, network, party(LIAR)), Err(Unproven::NotSigned));
        }
    }
    evidence.iter().map(|e| judge(e, network, party(LIAR)).unwrap()).collect()
}

fn proposal(title: &str) -> Vec<u8> {
    wire::encode(&Proposal {
        title: title.into(),
        text: String::new(),
        rule: Rule::parse("count(approve) >= 2").unwrap(),
        deadline_ms: 1_000_000,
        minimum: 3,
        nonce: [1; 16],
        document: None,
        renewal: crate::decision::proposal::Renewal::None,
    })
}

/// The liar sends this as its proposal `sequence`.
fn proposes(world: &mut World, sequence: u64, payload: &[u8]) {
    let id = ProposalId { proposer: party(LIAR), sequence };
    let message = send(world, id.broadcast(&root()), payload);
    hears(world, Message::Proposal(id, message));
}

#[test]
fn two_proposals_under_one_number_are_evidence_also_after_a_restart() {
    let mut world = World::new(4, 1);
    proposes(&mut world, 0, &proposal("Buy"));
    assert_eq!(proven(&world), []);
    proposes(&mut world, 0, &proposal("Sell"));
    assert_eq!(proven(&world), [Charge::Equivocation]);
    assert_eq!(world.member(0).evidence().next().unwrap().place, Place::Proposal(0));
    let before = world.member(0).evidence().next().unwrap().id();
    // One of a kind is kept.
    proposes(&mut world, 1, &proposal("Buy"));
    proposes(&mut world, 1, &proposal("Sell"));
    assert_eq!(proven(&world), [Charge::Equivocation]);
    world.stop(party(0));
    world.start(party(0));
    assert_eq!(proven(&world), [Charge::Equivocation]);
    assert_eq!(world.member(0).evidence().next().unwrap().id(), before);
}

#[test]
fn a_malformed_proposal_is_evidence_when_it_is_judged_as_one() {
    let mut world = World::new(4, 2);
    proposes(&mut world, 0, &proposal(" "));
    proposes(&mut world, 1, b"nothing of the kind");
    assert_eq!(proven(&world), [Charge::MalformedProposal]);
    // The same bytes, said to be something else.
    let evidence = world.member(0).evidence().next().unwrap().clone();
    let key = *world.firsts[0].keyring.identity_of(party(LIAR));
    for (place, why) in [
        (Place::Proposal(1), Unproven::NotSigned),
        (Place::Slot(0), Unproven::NotSigned),
        (Place::Material { run: 0, triples: 1, bits: 1 }, Unproven::NotSigned),
        (Place::Material { run: 0, triples: u64::MAX, bits: u64::MAX }, Unproven::NotSigned),
        (Place::Nonces { run: 0, pairs: u64::MAX }, Unproven::NotSigned),
        (
            Place::Named(ProposalId { proposer: party(LIAR), sequence: 0 }.broadcast(&root())),
            Unproven::NoFault,
        ),
    ] {
        let mut moved = evidence.clone();
        moved.place = place;
        let network = Digest::from([7; 32]);
        assert_eq!(moved.verify(&network, world.committee, &key), Err(why), "{place}");
    }
}

#[test]
fn bad_dealings_of_material_and_of_nonces_and_bad_slot_values_are_evidence() {
    for (kind, charge) in
        [(0, Charge::BadDealing), (1, Charge::BadDealing), (2, Charge::MalformedSlot)]
    {
        let mut world = World::new(4, 3);
        world.lost = |(from, to, ..)| from.index() == usize::from(LIAR) && to.index() == 0;
        world.run_untimed();
        let request = Policy::for_members(4).request;
        let (run, committee) = (root().indexed("run", 0), world.committee);
        let message = match kind {
            0 => {
                let preprocessing::Request { triples, bits } = request.material;
                let (triples, bits) = (triples as u64, bits as u64);
                let terms = supply::material(committee, &run, party(LIAR), triples, bits).unwrap();
                let message = acss::Message::Rbc(send(&world, terms.broadcast(), b"junk"));
                let message = preprocessing::Message::Deal(party(LIAR), message);
                Message::Run(0, supply::Message::Material(message))
            }
            1 => {
                let pairs = request.pairs as u64;
                let terms = supply::nonces(committee, &run, party(LIAR), pairs).unwrap();
                let message = acss::Message::Rbc(send(&world, terms.broadcast(), b"junk"));
                Message::Run(0, supply::Message::Nonces(party(LIAR), message))
            }
            _ => {
                let tag = collect::broadcast(&root().indexed("slot", 0), party(LIAR));
                let message = send(&world, tag, b"junk");
                for from in 1..4 {
                    let ready = rbc::Message::Ready(rbc_digest(&tag, b"junk"));
                    let message = collect::Message::Value(party(LIAR), ready);
                    let message = Message::Slot(0, message);
                    let from = party(from);
                    world.step(party(0), EpochsEvent::Message { from, epoch: 1, message });
                }
                Message::Slot(0, collect::Message::Value(party(LIAR), message))
            }
        };
        hears(&mut world, message);
        assert_eq!(proven(&world), [charge], "{kind}: {:?}", world.faults);
    }
}

fn rbc_digest(tag: &Tag, payload: &[u8]) -> Digest {
    crate::crypto::Transcript::new(tag, "rbc short").bytes(payload).digest()
}

/// Whatever an honest member signs, in its place and in all others, proves nothing.
#[test]
fn nothing_that_honest_members_sign_is_evidence() {
    let mut world = World::new(4, 4);
    world.run_untimed();
    let decision = world.propose(1, false).unwrap();
    world.run_untimed();
    world.vote_all(decision, &[0, 1, 2, 3]);
    world.run();
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run();
    world.assert_epoch(2);
    let heard = std::mem::take(&mut world.heard);
    let request = Policy::for_members(4).request;
    let mut places = vec![Place::Proposal(0), Place::Proposal(1), Place::Vote(0), Place::Vote(1)];
    places.extend([Place::Refresh(1), Place::Sealing(1)]);
    for number in 0..4 {
        places.push(Place::Slot(number));
        places.extend(Place::of(crate::party::journal::Instance::Run(number), request));
    }
    let mut signed = [0; 7];
    for (from, _, message) in heard.iter().filter(|(_, epoch, _)| *epoch == 1) {
        let (kind, message) = match message {
            Message::Proposal(_, m) => (0, m),
            Message::Slot(_, collect::Message::Value(_, m)) => (1, m),
            Message::Decision(_, life::Message::Collect(collect::Message::Value(_, m))) => (2, m),
            Message::Run(_, supply::Message::Nonces(_, acss::Message::Rbc(m))) => (3, m),
            Message::Run(
                _,
                supply::Message::Material(preprocessing::Message::Deal(_, acss::Message::Rbc(m))),
            ) => (4, m),
            Message::Refresh(envelope) => match &**envelope {
                Envelope::Said { message: refresh::Message::Sealing(_, m), .. } => (5, m),
                Envelope::Said {
                    message: refresh::Message::Dealing(_, acss::Message::Rbc(m)),
                    ..
                } => (6, m),
                _ => continue,
            },
            _ => continue,
        };
        let rbc::Message::Send { payload, signature } = message else { continue };
        let key = world.firsts[0].keyring.identity_of(*from);
        let said = Said::One(payload.clone(), *signature);
        let mut there = 0;
        for place in &places {
            let found = Evidence::of(([7; 32].into(), 1), *from, *place, said.clone());
            let network = Digest::from([7; 32]);
            let verdict = found.verify(&network, world.committee, key).unwrap_err();
            there += usize::from(verdict == Unproven::NoFault);
        }
        assert_eq!(there, 1, "it is in one place");
        signed[kind] += 1;
    }
    assert!(signed.iter().all(|count| *count > 0), "{signed:?}");
    world.assert_nobody_blamed();
    assert_eq!(world.member(0).evidence().count(), 0);
}

#[test]
fn evidence_outlives_its_epoch() {
    let mut world = World::new(4, 5);
    world.run_untimed();
    proposes(&mut world, 0, &proposal("Buy"));
    proposes(&mut world, 0, &proposal("Sell"));
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run_untimed();
    world.assert_epoch(2);
    assert!(world.member(0).archives().contains_key(&1));
    assert_eq!(proven(&world), [Charge::Equivocation]);
    world.stop(party(0));
    world.start(party(0));
    assert_eq!(proven(&world), [Charge::Equivocation]);
}

/// The liar does something in the refresh, which succeeds without it.
fn in_a_refresh(charge: Charge, place: Place, lies: impl FnOnce(&mut World)) {
    let mut world = World::new(4, 6);
    world.run_untimed();
    lies(&mut world);
    world.run();
    assert!(world.members().take(3).all(|member| member.epoch() == 2));
    assert_eq!(proven(&world), [charge], "{:?}", world.faults);
    assert_eq!(world.member(0).evidence().next().unwrap().place, place);
    let counted = |world: &World| {
        let faults = world.member(0).party(1).map(|party| party.status().faults);
        faults.is_none_or(|faults| faults.iter().any(|f| f.member == party(LIAR) && f.provable))
    };
    assert!(counted(&world), "with all others of the epoch");
    world.stop(party(0));
    world.start(party(0));
    assert_eq!(proven(&world), [charge]);
}

#[test]
fn what_a_member_signs_in_a_refresh_is_evidence() {
    let deviates = |world: &mut World, deviation| {
        world.stop(party(LIAR));
        world.deviations[usize::from(LIAR)] = deviation;
        world.start(party(LIAR));
        world.run_untimed();
        world.accept_refresh(&[0, 1, 2]);
    };
    let dealing = acss::Deviation { forgery: Some(Forgery::Longer), ..Default::default() };
    in_a_refresh(Charge::BadDealing, Place::Refresh(0), |world| {
        deviates(world, Deviation { dealing, ..Default::default() });
    });
    in_a_refresh(Charge::BadSealingKey, Place::Sealing(0), |world| {
        deviates(world, Deviation { sealing: Some([0xff; 32]), ..Default::default() });
    });
    in_a_refresh(Charge::Equivocation, Place::Sealing(0), |world| {
        world.stop(party(LIAR));
        world.accept_refresh(&[0, 1, 2]);
        while world.member(0).refresh(1).is_none() {
            assert!(world.deliver_one() || world.fire_one());
        }
        let tag = refresh::sealing_broadcast(&refresh_tag(&root(), 0), party(LIAR));
        for (number, member) in [(0, 0), (1, 1)] {
            let key = world.firsts[member].keyring.sealing().public().to_bytes();
            let message = refresh::Message::Sealing(party(LIAR), send(world, tag, &key));
            let said = Envelope::Said { number, message };
            let message = Message::Refresh(Box::new(said));
            world.step(party(0), EpochsEvent::Message { from: party(LIAR), epoch: 1, message });
        }
    });
}
