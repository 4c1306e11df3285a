//! Members stop and come back.

use rand::RngExt;

use super::*;

/// Member 0 stops at each message it takes, once: after none of its effects, one, two, and so on in
/// turn. Links give again what was not yet taken care of, as long as their sender is up.
fn crash_at_every_message(seed: Option<u64>) -> usize {
    let mut world = World::new(4, seed);
    everyone().iter().for_each(|p| world.start(p));
    let mut crashed = std::collections::BTreeSet::new();
    while let Some((from, to, message)) = world.next() {
        let place = match &message {
            Message::Said { number, .. } => (from, *number),
            Message::Hello { .. } => (from, u32::MAX),
            Message::Confirm { .. } => (from, u32::MAX - 1),
        };
        if to != party(0) || !crashed.insert(place) {
            world.deliver((from, to, message));
            continue;
        }
        let event = CeremonyEvent::Message { from, message: message.clone() };
        let all = world.step(to, event, crashed.len() % 6);
        world.stop(to);
        if !all {
            world.flight.push_front((from, to, message));
        }
        world.start(to);
    }
    world.assert_done(everyone());
    crashed.len()
}

#[test]
fn a_member_that_stops_at_every_message_ends_with_the_others() {
    for seed in [None, Some(1)] {
        let crashes = crash_at_every_message(seed);
        assert!(crashes > 100, "{crashes}");
    }
}

/// One crash in each run, somewhere else each time; all that was on its way to the member is lost.
#[test]
fn what_was_lost_with_a_member_is_had_again() {
    for run in 0..40 {
        let mut world = World::new(4, Some(run));
        everyone().iter().for_each(|p| world.start(p));
        let victim = party((run % 4) as u16);
        let at = 1 + 7 * (run as usize);
        while let Some((from, to, message)) = world.next() {
            let event = CeremonyEvent::Message { from, message };
            let crash = to == victim && world.steps[victim.index()] == at;
            let most = if crash { run as usize % 4 } else { usize::MAX };
            world.step(to, event, most);
            if crash {
                world.stop(victim);
                world.flight.retain(|(_, to, _)| *to != victim);
                world.start(victim);
            }
        }
        world.assert_done(everyone());
    }
}

#[test]
fn all_members_stop_again_and_again() {
    for seed in 0..6 {
        let mut world = World::new(4, Some(seed));
        everyone().iter().for_each(|p| world.start(p));
        let mut crashes = 0;
        while let Some(letter) = world.next() {
            let (from, to, message) = letter;
            let crash = crashes < 60 && world.rng.random_ratio(1, 20);
            let most = if crash { world.rng.random_range(0..4) } else { usize::MAX };
            world.step(to, CeremonyEvent::Message { from, message }, most);
            if crash {
                // Now and then the whole network.
                crashes += 1;
                let victims =
                    if crashes % 10 == 0 { everyone() } else { [to].into_iter().collect() };
                for p in victims.iter() {
                    world.stop(p);
                    world.flight.retain(|(_, to, _)| *to != p);
                }
                victims.iter().for_each(|p| world.start(p));
            }
        }
        assert!(crashes > 20);
        world.assert_done(everyone());
    }
}

#[test]
fn a_member_restarted_at_the_end_still_says_that_it_has_its_keys() {
    let mut world = after(None, set(&[0, 1, 2]));
    // The last one confirms, and what it and member 0 say to each other is lost.
    world.start(party(3));
    while let Some((from, to, message)) = world.next() {
        if !(matches!(message, Message::Confirm { .. }) && to == party(3)) {
            world.deliver((from, to, message));
        }
    }
    assert_eq!(world.node(0).progress().stage, Stage::Done);
    assert_eq!(world.node(3).progress().waiting_for, set(&[0, 1, 2]));
    for p in 0..3 {
        world.stop(party(p));
        world.start(party(p));
    }
    world.run();
    world.assert_done(everyone());
    // And by asking.
    let asked = CeremonyEvent::Message {
        from: party(3),
        message: Message::Hello { next: 0, answer: true },
    };
    world.step(party(0), asked, usize::MAX);
    let (from, to, message) = world.next().expect("an answer");
    assert!(matches!(message, Message::Confirm { .. }));
    assert_eq!((from, to, world.next().is_none()), (party(0), party(3), true));
}

#[test]
fn a_member_whose_store_was_put_back_falls_silent() {
    let mut world = World::new(4, None);
    everyone().iter().for_each(|p| world.start(p));
    let old = world.stores[0].clone();
    let half = |world: &mut World| {
        for _ in 0..300 {
            if let Some(letter) = world.next() {
                world.deliver(letter);
            }
        }
    };
    half(&mut world);
    world.stop(party(0));
    world.stores[0] = old;
    world.hostile = set(&[0]);
    world.start(party(0));
    let (mut said, mut silent) = (0, false);
    while let Some((from, to, message)) = world.next() {
        let forgot = world.node(0).progress().forgot;
        silent |= forgot;
        if to == party(0) {
            let before = world.flight.len();
            world.deliver((from, to, message));
            if forgot {
                let new = world.flight.iter().skip(before);
                said += new.filter(|(_, _, m)| matches!(m, Message::Said { .. })).count();
            }
        } else {
            world.deliver((from, to, message));
        }
    }
    assert!(silent);
    assert_eq!(said, 0, "nothing after it was told");
    // It hears all and has its keys, like the others.
    let keys: Vec<&KeySet> = world.generated.iter().flatten().collect();
    assert_eq!(keys.len(), 4);
    assert_same_keys(&keys);
}
