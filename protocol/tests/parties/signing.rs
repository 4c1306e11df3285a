//! What a network signs: certificates and documents, with pairs that serve one message each.

use std::collections::BTreeMap;

use quorate_protocol::PartyId;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::keys::{GroupPublic, GroupSignature};
use quorate_protocol::party::{Notice, Record};
use quorate_protocol::secret::Secret;

use super::world::World;

const DOCUMENT: &[u8] = b"pay 100 to Orion";
const VICTIM: PartyId = PartyId::new(2);

/// Bytes of a nonce pair in a store: its number, two shares, two points.
const PAIR: usize = 8 + 4 * 32;
/// Bytes of what says in a store which message a pair signs: position, purpose, digest.
const SIGNS: usize = 8 + 4 + 32;

/// A question about a document, and everybody's vote on it.
fn ask(world: &mut World, answer: u64) -> Digest {
    let decision = world.propose_with(0, "count(approve) >= 3", Some(DOCUMENT)).unwrap();
    world.run_untimed();
    (0..4).for_each(|party| world.vote(party, decision, answer));
    decision
}

fn document_key(world: &World) -> GroupPublic {
    (&world.configs[0]().keys.public().document).into()
}

/// The signature of the document, which is the same everywhere.
fn released(world: &World, decision: &Digest) -> Option<GroupSignature> {
    let all: Vec<Option<GroupSignature>> =
        world.parties.values().map(|p| p.document_signature(decision).copied()).collect();
    assert!(all.iter().all(|signature| *signature == all[0]), "{all:?}");
    all[0]
}

/// What each pair signed: nowhere two messages, by nobody twice.
fn signed(world: &World) -> BTreeMap<u64, Digest> {
    let (mut signed, mut by) = (BTreeMap::new(), BTreeMap::new());
    for (party, notice) in &world.notices {
        let Notice::Signing { pair, message, .. } = notice else { continue };
        assert_eq!(*signed.entry(*pair).or_insert(*message), *message, "pair {pair}");
        assert_eq!(by.insert((*party, *pair), ()), None, "{party} signs twice with pair {pair}");
    }
    signed
}

/// How many records of a party are of this size.
fn records(world: &World, party: PartyId, size: usize) -> usize {
    world.stores[&party].values().values().filter(|value| value.expose().len() == size).count()
}

#[test]
fn a_document_is_signed_if_it_is_accepted_and_its_pairs_are_used_up_either_way() {
    for (answer, outcome) in [(1, Outcome::Accepted), (0, Outcome::Rejected)] {
        let mut world = World::new(4, 31);
        world.run();
        let before = world.parties[&VICTIM].status().pairs_left;
        let decision = ask(&mut world, answer);
        world.run();
        world.assert_certified(decision, outcome);
        let signature = released(&world, &decision);
        assert_eq!(signature.is_some(), outcome == Outcome::Accepted);
        assert!(signature.is_none_or(|by| document_key(&world).verify(DOCUMENT, &by)));
        let certificate = world.parties[&VICTIM].certificate(&decision).unwrap();
        let key = world.parties[&VICTIM].verifier().key();
        assert_ne!(*key, document_key(&world));
        assert!(!key.verify(DOCUMENT, &certificate.signature));
        assert_eq!(signed(&world).len(), if outcome == Outcome::Accepted { 2 } else { 1 });
        for party in world.parties.keys() {
            let left = world.parties[party].status().pairs_left;
            assert_eq!(left, before - 2, "two, whatever came out");
            assert_eq!(records(&world, *party, PAIR) as i64, left, "no used pair is kept");
        }
        assert!(world.faults.is_empty(), "{:?}", world.faults);
    }
}

#[test]
fn a_member_killed_between_any_two_effects_while_it_signs_signs_nothing_else() {
    // Everything from the votes to the certificate, without timers.
    let scene = |kill: usize| {
        let mut world = World::new(4, 32);
        world.run();
        let decision = ask(&mut world, 1);
        let computing = Notice::Computing { decision };
        while !world.notices.contains(&(VICTIM, computing.clone())) && world.deliver_one() {}
        world.kill = Some((VICTIM, kill));
        world.run_untimed();
        (world, decision)
    };
    let (world, _) = scene(usize::MAX);
    let effects = usize::MAX - world.kill.unwrap().1;
    assert!(effects > 8, "{effects}");
    let mut before_signing = 0;
    for kill in 0..effects {
        let (mut world, decision) = scene(kill);
        assert!(!world.parties.contains_key(&VICTIM));
        let durable = records(&world, VICTIM, SIGNS);
        let said = |(party, notice): &(PartyId, Notice)| {
            *party == VICTIM && matches!(notice, Notice::Signing { .. })
        };
        assert!(world.notices.iter().filter(|notice| said(notice)).count() <= durable);
        before_signing += usize::from(durable == 0);
        world.start(VICTIM);
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        assert!(released(&world, &decision).is_some());
        assert_eq!(signed(&world).len(), 2);
        // It goes on, and signs with fresh pairs.
        let next = ask(&mut world, 0);
        world.run();
        world.assert_certified(next, Outcome::Rejected);
        assert_eq!(signed(&world).len(), 3);
        let left = world.parties[&VICTIM].status().pairs_left;
        assert_eq!(records(&world, VICTIM, PAIR) as i64, left, "killed after {kill}");
    }
    assert!(0 < before_signing && before_signing < effects);
}

#[test]
fn a_pair_that_served_another_message_is_not_used_and_that_is_told() {
    // Another run of the same network, to learn what is written down when the first pair signs.
    let mut other = World::new(4, 33);
    other.run();
    let decided = ask(&mut other, 1);
    other.run();
    other.assert_certified(decided, Outcome::Accepted);
    let served =
        other.stores[&VICTIM].values().iter().filter(|(_, value)| value.expose().len() == SIGNS);
    let put = |(key, value): (&Vec<u8>, &Secret<Vec<u8>>)| Record::Put {
        key: key.clone(),
        value: value.clone(),
    };
    let served: Vec<Record> = served.map(put).collect();
    assert_eq!(served.len(), 2);

    let mut world = World::new(4, 33);
    world.stop(VICTIM);
    world.stores.get_mut(&VICTIM).unwrap().write(served);
    world.start(VICTIM);
    world.run();
    let decision = ask(&mut world, 0);
    world.run();
    world.assert_certified(decision, Outcome::Rejected);
    let stops: Vec<&(PartyId, Notice)> =
        world.notices.iter().filter(|(_, n)| matches!(n, Notice::SafetyStop { .. })).collect();
    let stop = Notice::SafetyStop { decision, position: 0, pair: 0 };
    assert_eq!(stops, [&(VICTIM, stop)]);
    let signers: Vec<PartyId> = world
        .notices
        .iter()
        .filter(|(_, notice)| matches!(notice, Notice::Signing { pair: 0, .. }))
        .map(|(party, _)| *party)
        .collect();
    assert_eq!(signers.len(), 3);
    assert!(!signers.contains(&VICTIM));
    assert!(world.faults.is_empty(), "{:?}", world.faults);
}

#[test]
fn an_accountable_network_names_n_minus_t_signers_and_another_one_nobody() {
    for accountable in [true, false] {
        let mut world = World::with(4, 34, accountable);
        let decision = ask(&mut world, 1);
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        for party in world.parties.values() {
            let signers = party.certificate(&decision).unwrap().signers();
            assert_eq!(signers.len(), if accountable { 3 } else { 0 });
        }
    }
}

#[test]
fn a_member_that_was_away_takes_what_was_signed_and_signs_again_later() {
    let mut world = World::new(4, 35);
    world.run();
    world.stop(VICTIM);
    let mut missed = Vec::new();
    for _ in 0..14 {
        let decision = world.propose(0, "count(approve) >= 3");
        world.run_untimed();
        [0, 1, 3].into_iter().for_each(|party| world.vote(party, decision, 1));
        world.run();
        missed.push(decision);
    }
    assert!(world.parties[&PartyId::new(0)].status().runs > 1, "it missed a run");
    world.start(VICTIM);
    world.run();
    for decision in missed {
        world.assert_certified(decision, Outcome::Accepted);
    }
    // Of runs it missed it has no pairs; of later ones it has, and they are used.
    let signs = |world: &World| {
        let mut notices = world.notices.iter();
        notices.any(|(party, n)| *party == VICTIM && matches!(n, Notice::Signing { .. }))
    };
    for _ in 0..40 {
        let decision = ask(&mut world, 1);
        world.run();
        world.assert_certified(decision, Outcome::Accepted);
        assert!(released(&world, &decision).is_some());
        if signs(&world) {
            break;
        }
    }
    assert!(signs(&world));
    signed(&world);
}
