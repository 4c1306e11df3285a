//! What one member cannot do to another.

use super::*;
use crate::limits;

fn give(world: &mut World, from: u16, message: Message) -> Vec<CeremonyEffect> {
    let event = CeremonyEvent::Message { from: party(from), message };
    world.nodes[0].as_mut().unwrap().step(event)
}

fn said(number: u32) -> Message {
    Message::Said { number, message: sample() }
}

fn faults(effects: &[CeremonyEffect]) -> Vec<FaultKind> {
    let kinds = effects.iter().filter_map(|effect| match effect {
        CeremonyEffect::Fault(fault) => Some(fault.kind),
        _ => None,
    });
    kinds.collect()
}

/// Member 0 is up, alone.
fn alone() -> World {
    let mut world = World::new(4, None);
    world.start(party(0));
    world.flight.clear();
    world
}

#[test]
fn what_was_taken_is_not_taken_again_and_what_comes_early_waits() {
    let mut world = alone();
    let persisted = |effects: &[CeremonyEffect]| match effects {
        [] => 0,
        [CeremonyEffect::Persist(records), ..] => records.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(persisted(&give(&mut world, 1, said(0))), 1);
    assert_eq!(persisted(&give(&mut world, 1, said(0))), 0, "again");
    assert_eq!(persisted(&give(&mut world, 1, said(2))), 0, "early");
    assert_eq!(persisted(&give(&mut world, 1, said(3))), 0, "early");
    assert_eq!(persisted(&give(&mut world, 1, said(1))), 3, "with all that waited");
    assert_eq!(persisted(&give(&mut world, 2, said(0))), 1, "each has its own numbers");
    let stranger = CeremonyEvent::Message { from: party(4), message: said(0) };
    assert!(world.nodes[0].as_mut().unwrap().step(stranger).is_empty());
    assert!(give(&mut world, 0, said(0)).is_empty(), "not even ourselves");
}

#[test]
fn nothing_is_handled_before_the_start() {
    let world = World::new(4, None);
    let mut node = Ceremony::new(world.config(party(0)), Vec::new()).unwrap();
    let early = CeremonyEvent::Message { from: party(1), message: said(0) };
    assert!(node.step(early).is_empty());
    let effects = node.step(CeremonyEvent::Start);
    assert!(matches!(effects[0], CeremonyEffect::Persist(_)), "before anything is said");
    assert_eq!(effects.len(), 4);
}

#[test]
fn a_flood_is_bounded_and_blamed_once() {
    let mut world = alone();
    let over = [FaultKind::Key(KeyFault::OverLimit)];
    let far = said(limits::MAX_CEREMONY_MESSAGES);
    assert_eq!(faults(&give(&mut world, 1, far.clone())), over);
    assert!(give(&mut world, 1, far).is_empty());
    assert!(give(&mut world, 1, said(0)).is_empty(), "nothing more is taken from it");
    // In bytes: payloads that nobody asked for.
    let payload: crate::wire::Bytes = vec![0; 1 << 20].into();
    let big = |number| Message::Said {
        number,
        message: generation::Message::Set(
            party(1),
            crate::agreement::rbc::Message::Payload(payload.clone()),
        ),
    };
    let taken = (0..20).take_while(|number| faults(&give(&mut world, 2, big(*number))) != over);
    assert_eq!(taken.count(), (limits::MAX_CEREMONY_BYTES >> 20) - 1);
    // Early ones are let go and can be had again.
    for number in 1..10 {
        assert!(give(&mut world, 3, big(number)).is_empty());
    }
    let effects = give(&mut world, 3, said(0));
    let CeremonyEffect::Persist(records) = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(records.len(), 4, "as many as fit");
    assert!(faults(&give(&mut world, 3, big(4))).is_empty());
}

#[test]
fn a_member_that_asks_without_end_is_not_answered_without_end() {
    let mut world = alone();
    let mut long = |next: u32, asked: usize| {
        let answers = (0..asked)
            .filter(|_| give(&mut world, 1, Message::Hello { next, answer: true }).len() > 1);
        answers.count() as u64
    };
    assert_eq!(long(0, 100), limits::SYNC_ANSWERS);
    assert_eq!(long(1, 100), limits::SYNC_ANSWERS, "it got on");
    assert_eq!(long(0, 100), 0);
}

#[test]
fn confirmations_that_are_forged_or_of_other_keys_are_blamed() {
    let mut world = after(None, set(&[0, 1, 2]));
    let keys = world.node(0).key_set().unwrap().public().digest();
    let tag = world.node(0).tag;
    let by = |world: &World, p: usize, keys: Digest| Message::Confirm {
        keys,
        signature: world.keyrings[p].identity().sign(&tag, CONFIRMED, keys.as_bytes()),
    };
    let forged = by(&world, 1, keys);
    let effects = give(&mut world, 3, forged);
    assert_eq!(faults(&effects), [KeyFault::BadConfirmation.into()]);
    assert!(!world.node(0).confirmed().contains(party(3)));
    let other = by(&world, 3, Digest::from([1; 32]));
    assert_eq!(faults(&give(&mut world, 3, other)), [KeyFault::OtherKeys.into()]);
    let same = by(&world, 3, keys);
    assert!(give(&mut world, 3, same).is_empty(), "one word each");
    assert_eq!(world.node(0).progress().waiting_for, set(&[3]));

    // A confirmation that comes before our own keys is judged when they are here.
    let mut world = World::new(4, None);
    set(&[0, 1, 2]).iter().for_each(|p| world.start(p));
    let early = by(&world, 3, Digest::from([1; 32]));
    assert!(faults(&give(&mut world, 3, early)).is_empty());
    world.hostile = set(&[3]);
    world.run();
    world.assert_done(set(&[0, 1, 2]));
    let kinds: Vec<_> = world.faults.iter().map(|(by, f)| (*by, f.party, f.kind)).collect();
    assert_eq!(kinds, [(party(0), party(3), KeyFault::OtherKeys.into())]);
}

/// A dealer cheats in every way a store could be confused by; its victims restart as well.
#[test]
fn a_cheating_dealer_and_restarts_together() {
    use crate::sharing::acss::Deviation as Dealing;
    for (seed, dealing) in (0..).zip([
        Dealing { wrong_share: set(&[0]), ..Dealing::default() },
        Dealing { scattered: set(&[1]), ..Dealing::default() },
        Dealing { omitted: set(&[0, 2]), ..Dealing::default() },
    ]) {
        let mut world = World::new(4, Some(seed));
        world.hostile = set(&[3]);
        let deviation = Deviation { dealing, set: Some(everyone()) };
        let config = world.config(party(3));
        world.nodes[3] = Some(Ceremony::with_deviation(config, deviation, Vec::new()).unwrap());
        world.step(party(3), CeremonyEvent::Start, usize::MAX);
        (0..3).for_each(|p| world.start(party(p)));
        let mut handled = 0;
        while let Some(letter) = world.next() {
            world.deliver(letter);
            handled += 1;
            if handled % 150 == 0 && handled < 1000 {
                let p = party(handled / 150 % 3);
                world.stop(p);
                world.start(p);
            }
        }
        world.assert_done(everyone());
    }
}
