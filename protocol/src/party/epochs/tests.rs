//! Whole members through several epochs, in one process, under a random schedule.

mod evidence;
mod replacing;
mod world;

use super::*;
use crate::agreement::rbc;
use crate::crypto::point::Point;
use crate::decision::certificate::Outcome;
use crate::party::{Refusal, records};
use crate::protocol::Recipient;
use crate::wire;
use world::{World, party};

/// A network that has decided to refresh its keys, and has done it, while something else was open.
fn refreshed(seed: u64) -> (World, Digest) {
    let mut world = World::new(4, seed);
    world.run_untimed();
    let open = world.propose(1, false).unwrap();
    world.run_untimed();
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run_untimed();
    world.assert_epoch(2);
    (world, open)
}

#[test]
fn the_keys_stay_the_ledger_goes_on_and_what_was_open_is_decided_in_its_epoch() {
    let (mut world, open) = refreshed(1);
    assert!(world.members().all(|m| m.live.len() == 2 && m.archives.is_empty()));
    world.vote_all(open, &[0, 1, 2, 3]);
    world.run_untimed();
    let next = world.propose(2, false).unwrap();
    world.run_untimed();
    world.vote_all(next, &[0, 1, 2, 3]);
    world.run_untimed();
    let first = world.firsts[0].keys.public().clone();
    let statements: Vec<_> = world
        .members()
        .map(|m| {
            let of = |decision| m.certificate(decision).unwrap().statement.clone();
            assert_eq!(
                m.current().certificate(&next).unwrap().verify(m.current().verifier()),
                Ok(())
            );
            let public = m.keys(2).unwrap().keys.public().clone();
            assert_eq!(public.certificate.key(), first.certificate.key());
            assert_eq!(public.document.key(), first.document.key());
            (of(&open), of(&next))
        })
        .collect();
    for (before, after) in &statements {
        assert_eq!((before.epoch, after.epoch), (1, 2));
        assert_eq!((before.outcome, after.outcome), (Outcome::Accepted, Outcome::Accepted));
        assert_eq!(after.position, 2, "after what was open, and the refresh");
        assert_eq!(after.previous, world.member(0).archives()[&1].end());
    }
    world.assert_nobody_blamed();
}

/// All of it is gone from the store, byte for byte, and from memory with the party.
#[test]
fn nothing_secret_is_kept_of_an_epoch_that_is_over() {
    let (mut world, open) = refreshed(2);
    let secrets = |world: &World, p: PartyId| {
        let EpochKeys { keyring, keys, seed } = world.firsts[p.index()].clone();
        let share = keys.secret().certificate.expose().scalar().to_bytes();
        let coin = keys.secret().coin.expose().scalar().to_bytes();
        [*seed.expose(), share, coin, *keyring.sealing().to_bytes().expose()]
    };
    world.vote_all(open, &[0, 1, 2, 3]);
    world.run_untimed();
    for p in world.committee.parties() {
        let member = world.member(p.index());
        assert!(member.party(1).is_none() && member.archives.contains_key(&1));
        assert!(world.erased.contains(&(p, 1)));
        assert!(member.refresh(1).unwrap().making().is_none());
        assert!(member.refresh(1).unwrap().made().is_none());
        let store = &world.stores[p.index()];
        for (name, value) in store.secrets() {
            for secret in secrets(&world, p) {
                let there = value.expose().windows(32).any(|window| window == secret);
                assert!(!there, "{name:?}");
            }
            let (part, name) = name.split_at(12);
            if part == wire::encode(&Part::Party(1)) {
                assert!(records::is_public(name));
            }
        }
        let (_, seed) = member.store.drawn(1).unwrap();
        assert!(seed.is_none());
    }
}

/// After that, nobody needs to have them: the member comes up without, and says once more that they
/// are to go, since it may have been stopped before it was heard.
#[test]
fn the_first_keys_are_needed_until_the_first_epoch_is_erased() {
    let (mut world, open) = refreshed(9);
    assert!(world.committee.parties().all(|p| world.restored(p, false).is_err()));
    world.vote_all(open, &[0, 1, 2, 3]);
    world.run_untimed();
    for p in world.committee.parties() {
        let mut member = world.restored(p, false).unwrap();
        assert_eq!((member.epoch(), member.keys(1).is_some()), (2, false));
        let effects = member.step(EpochsEvent::Start);
        assert!(effects.iter().any(|e| matches!(e, EpochsEffect::Erased { epoch: 1 })));
        assert_eq!(world.restored(p, true).unwrap().epoch(), 2);
    }
}

#[test]
fn two_refreshes_in_a_row_and_every_member_restarts() {
    let (mut world, open) = refreshed(3);
    world.vote_all(open, &[0, 1, 2, 3]);
    world.run_untimed();
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run_untimed();
    world.assert_epoch(3);
    for p in world.committee.parties() {
        world.stop(p);
        world.start(p);
        world.run_untimed();
    }
    world.assert_epoch(3);
    assert!(world.members().all(|m| m.archives.len() == 2 && m.live.len() == 1));
    let last = world.propose(3, false).unwrap();
    world.run();
    assert!(world.members().all(|m| m.certificate(&last).is_some()));
    assert!(world.members().all(|m| m.certificate(&open).is_some()));
    world.assert_nobody_blamed();
}

/// It gets the order, the certificates and a share: in the end the others cannot decide without it.
#[test]
fn a_member_that_slept_through_refreshes_takes_part_again() {
    for refreshes in [1, 2] {
        let mut world = World::new(4, 4);
        world.run_untimed();
        world.stop(party(3));
        for epoch in 2..2 + refreshes {
            world.accept_refresh(&[0, 1, 2]);
            world.run();
            assert!(world.members().all(|m| m.epoch() == epoch && m.live.len() == 1));
        }
        world.start(party(3));
        world.run();
        world.assert_epoch(1 + refreshes);
        // All have confirmed, so nothing is kept for anybody else.
        assert!(world.members().all(|m| m.refresh(1).unwrap().confirmed().len() == 4));
        // It has missed what material was made in this epoch, not what is made in the next.
        world.accept_refresh(&[0, 1, 2]);
        world.run();
        assert_accepted_without_the_first(world);
    }
}

/// All but member 0 are needed then.
fn assert_accepted_without_the_first(mut world: World) {
    world.stop(party(0));
    let decision = world.propose(3, false).unwrap();
    world.run_untimed();
    world.vote_all(decision, &[1, 2, 3]);
    world.run();
    let outcome = |m: &Epochs| m.certificate(&decision).map(|c| c.statement.outcome);
    assert!(world.members().all(|m| outcome(m) == Some(Outcome::Accepted)));
    world.assert_nobody_blamed();
}

/// Its proposer sent it to two only, and what these say of it comes to the third when they have forgotten
/// it, since it is decided. A certificate tells it that there is something to ask for.
#[test]
fn a_member_that_hears_of_a_proposal_when_it_is_decided_gets_it_from_the_order() {
    let mut world = World::new(4, 11);
    world.run_untimed();
    // What all asked for when they began is over by now.
    for _ in 0..2 {
        let decision = world.propose(0, false).unwrap();
        world.run_untimed();
        world.vote_all(decision, &[0, 1, 2, 3]);
        world.run();
    }
    world.lost = |(_, to, _, m)| {
        *to == party(3) && matches!(m, Message::Proposal(_, rbc::Message::Send { .. }))
    };
    world.held = |(_, to, _, m)| *to == party(3) && matches!(m, Message::Proposal(..));
    let decision = world.propose(0, false).unwrap();
    world.run_untimed();
    world.vote_all(decision, &[0, 1, 2]);
    world.run();
    let knows = |world: &World, p: usize| world.member(p).certificate(&decision).is_some();
    assert!((0..3).all(|p| knows(&world, p)));
    world.release();
    world.run();
    assert!(knows(&world, 3));
    world.assert_nobody_blamed();
}

/// It was not away, it only hears late, and nothing is lost: then it has the material of the last epoch
/// as well, and the others need not.
#[test]
fn a_member_that_hears_of_two_refreshes_late_and_backwards_takes_part_in_the_last_epoch() {
    let mut world = World::new(4, 10);
    world.run_untimed();
    world.held = |(_, to, ..)| *to == party(3);
    for _ in 0..2 {
        world.accept_refresh(&[0, 1, 2]);
        world.run();
    }
    world.release();
    world.run();
    world.assert_epoch(3);
    assert_accepted_without_the_first(world);
}

/// What led to an epoch is as secret as the epoch: it goes with it, though the epoch before is still
/// deciding.
#[test]
fn nothing_secret_is_kept_of_an_epoch_that_is_over_before_the_one_before_it() {
    let (mut world, open) = refreshed(10);
    let secrets: Vec<[[u8; 32]; 4]> = world
        .members()
        .map(|member| {
            let EpochKeys { keyring, keys, seed } = member.keys(2).unwrap().clone();
            let share = keys.secret().certificate.expose().scalar().to_bytes();
            let coin = keys.secret().coin.expose().scalar().to_bytes();
            [*seed.expose(), share, coin, *keyring.sealing().to_bytes().expose()]
        })
        .collect();
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run_untimed();
    world.assert_epoch(3);
    for p in world.committee.parties() {
        let member = world.member(p.index());
        assert!(member.party(1).is_some() && member.archives.contains_key(&2));
        for (name, value) in world.stores[p.index()].secrets() {
            for (which, secret) in secrets[p.index()].iter().enumerate() {
                let there = value.expose().windows(32).any(|window| window == secret);
                assert!(!there, "{which} in {name:?}");
            }
        }
    }
    assert!(world.restored(party(0), false).is_err(), "the first keys are needed still");
    world.stop(party(0));
    world.start(party(0));
    world.run_untimed();
    world.vote_all(open, &[1, 2, 3]);
    world.run();
    for member in world.members() {
        assert!(member.certificate(&open).is_some(), "{member:?}");
        assert_eq!(member.live.len(), 1, "{member:?} {:?}", member.refreshes.keys());
    }
    world.assert_nobody_blamed();
}

/// A dealer gives a slow member nothing, and the others erase: what they said is enough for it.
#[test]
fn a_member_that_a_dealer_gave_nothing_gets_its_share_from_what_the_others_said() {
    let mut world = World::new(4, 23);
    world.run_untimed();
    // Nothing comes to the slow one while the others make their shares and erase the old ones.
    world.lost = |(_, to, _, _)| *to == party(3);
    world.accept_refresh(&[0, 1, 2]);
    world.run();
    for i in 0..3 {
        assert_eq!(world.member(usize::from(i)).epoch(), 2);
        assert!(world.erased.contains(&(party(i), 1)));
    }
    // And never anything from the dealer.
    world.lost = |(from, to, _, _)| *from == party(1) && *to == party(3);
    world.stop(party(3));
    world.start(party(3));
    world.run();
    world.assert_epoch(2);
    let keys = |i: usize| Arc::clone(&world.member(i).keys(2).unwrap().keys);
    let share = Point::base(keys(3).secret().certificate.expose());
    assert_eq!(share, keys(0).public().certificate.shares()[party(3)]);
}

/// A backup serves until the refresh that ends its epoch begins.
#[test]
fn a_member_restored_from_a_backup_before_a_refresh_gets_its_share_in_it() {
    let mut world = World::new(4, 21);
    world.run_untimed();
    let before = world.propose(0, false).unwrap();
    world.run_untimed();
    world.vote_all(before, &[0, 1, 2, 3]);
    world.run_untimed();
    world.stop(party(3));
    world.start_from_backup(party(3));
    world.run_untimed();
    assert!(world.member(3).status().returning.is_none(), "it is back");
    // In the slot after it came back it only listens.
    let after = world.propose(0, false).unwrap();
    world.run_untimed();
    world.vote_all(after, &[0, 1, 2]);
    world.run();
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run();
    world.assert_epoch(2);
    assert!(!world.member(3).current().is_barred_from_refresh());
    world.assert_nobody_blamed();
}

/// It comes back on its own, with the seed that it had.
#[test]
fn an_older_copy_of_a_store_takes_part_in_what_is_new_and_in_the_next_refresh() {
    let mut world = World::new(4, 23);
    world.run_untimed();
    let before = world.propose(0, false).unwrap();
    world.run_untimed();
    let copy = world.copy(party(3));
    world.vote_all(before, &[0, 1, 2, 3]);
    world.run_untimed();
    world.start_from_copy(party(3), copy);
    assert!(world.member(3).status().returning.is_some(), "it says nothing yet");
    world.run_untimed();
    assert!(world.member(3).status().returning.is_none(), "it is back");
    let after = world.propose(0, false).unwrap();
    world.run_untimed();
    world.vote_all(after, &[0, 1, 2]);
    world.run();
    world.accept_refresh(&[0, 1, 2, 3]);
    world.run();
    world.assert_epoch(2);
    world.assert_nobody_blamed();
}

/// Runs until nothing is on its way. What a member has said in a refresh before may still arrive; it adds
/// nothing to it.
#[track_caller]
fn says_nothing_more(world: &mut World, member: PartyId) {
    let its =
        |(from, _, _, m): &&world::Letter| *from == member && matches!(m, Message::Refresh(_));
    let mut left = world.letters().iter().filter(its).count();
    while world.deliver_one() {
        let now = world.letters().iter().filter(its).count();
        assert!(now <= left);
        left = now;
    }
    world.run();
}

#[test]
fn an_older_copy_from_the_middle_of_a_refresh_says_nothing_more_in_it() {
    for at in [10, 40] {
        let mut world = World::new(4, 24);
        world.run_untimed();
        world.accept_refresh(&[0, 1, 2, 3]);
        while world.member(3).refresh(1).is_none() {
            assert!(world.deliver_one());
        }
        for _ in 0..at {
            world.deliver_one();
        }
        let copy = world.copy(party(3));
        for _ in 0..at {
            world.deliver_one();
        }
        world.start_from_copy(party(3), copy);
        says_nothing_more(&mut world, party(3));
        let epochs: Vec<_> = world.members().map(Epochs::epoch).collect();
        assert_eq!(epochs, [2, 2, 2, 1], "copied after {at}");
        world.assert_nobody_blamed();
    }
}

#[test]
fn a_member_restored_from_a_backup_after_it_spoke_in_a_refresh_says_nothing_in_it() {
    for at in [30, 60, 90] {
        let mut world = World::new(4, 22);
        world.run_untimed();
        world.accept_refresh(&[0, 1, 2, 3]);
        // Its machine is lost in the middle of the refresh.
        while world.member(3).refresh(1).is_none() {
            assert!(world.deliver_one());
        }
        for _ in 0..at {
            world.deliver_one();
        }
        world.stop(party(3));
        world.start_from_backup(party(3));
        says_nothing_more(&mut world, party(3));
        assert!(world.member(3).refresh(1).is_none());
        let epochs: Vec<_> = world.members().map(Epochs::epoch).collect();
        assert_eq!(epochs, [2, 2, 2, 1], "lost after {at}");
        world.assert_nobody_blamed();
        // It stays so after a restart.
        world.stop(party(3));
        world.start(party(3));
        world.run();
        assert!(world.member(3).refresh(1).is_none());
    }
}

/// As one would be that lost its store in the middle of a refresh, after it had named its next key.
#[test]
fn a_member_whose_next_sealing_key_is_not_its_own_stays_behind_and_no_other_does() {
    let mut world = World::new(4, 11);
    let other = world.firsts[0].keyring.sealing().public().to_bytes();
    world.stop(party(3));
    world.deviations[3].sealing = Some(other);
    world.start(party(3));
    world.run_untimed();
    world.accept_refresh(&[0, 1, 2]);
    world.run();
    assert!(world.members().take(3).all(|m| m.epoch() == 2));
    let sealing = *world.member(0).keys(2).unwrap().keyring.sealing_of(party(3));
    assert_eq!(world.member(3).epoch() == 1, sealing.to_bytes() == other);
    let decision = world.propose(1, false).unwrap();
    world.run();
    assert!(world.members().take(3).all(|m| m.certificate(&decision).is_some()));
}

#[test]
fn a_second_refresh_of_one_epoch_has_no_effect() {
    let mut world = World::new(4, 5);
    world.run_untimed();
    let both = [world.propose(0, true).unwrap(), world.propose(1, true).unwrap()];
    world.run_untimed();
    both.into_iter().for_each(|decision| world.vote_all(decision, &[0, 1, 2, 3]));
    world.run();
    world.assert_epoch(2);
    let accepted =
        |m: &Epochs, d| m.certificate(d).map(|c| (c.statement.epoch, c.statement.outcome));
    let twice = |m: &Epochs| both.iter().all(|d| accepted(m, d) == Some((1, Outcome::Accepted)));
    assert!(world.members().all(twice));
    world.assert_nobody_blamed();
}

#[test]
fn what_had_no_position_lapses_and_a_rejected_refresh_does_nothing() {
    let mut world = World::new(4, 6);
    world.run_untimed();
    let refused = world.propose(0, true).unwrap();
    world.run_untimed();
    (0..4).for_each(|p| world.vote(p, refused, 0));
    world.run_untimed();
    assert!(world.members().all(|m| m.epoch() == 1 && m.current().refresh().is_none()));
    world.accept_refresh(&[0, 1, 2, 3]);
    // Nobody but its proposer hears of it before the epoch ends.
    world.lost =
        |(from, _, _, message)| *from == party(2) && matches!(message, Message::Proposal(..));
    let late = world.propose(2, false).unwrap();
    world.vote(2, late, 1);
    world.run_untimed();
    world.assert_epoch(2);
    let answered = world
        .answers
        .iter()
        .any(|(p, answer)| *p == party(2) && matches!(answer, Err(Refusal::EpochOver)));
    assert!(answered);
}

/// A frame of an epoch counts in that epoch only, and in an erased one not at all.
#[test]
fn messages_of_other_epochs_are_refused() {
    let (mut world, open) = refreshed(7);
    let said: Vec<_> = world.heard.iter().filter(|(.., epoch, _)| *epoch == 1).cloned().collect();
    world.vote_all(open, &[0, 1, 2, 3]);
    world.run_untimed();
    let before = world.member(0).current().status().slots;
    for (from, epoch, message) in said.into_iter().filter(|(from, ..)| *from != party(0)) {
        if matches!(message, Message::Sync(_) | Message::Refresh(_)) {
            continue;
        }
        for epoch in [epoch, epoch + 2] {
            let event = EpochsEvent::Message { from, epoch, message: message.clone() };
            let member = world.members[0].as_mut().unwrap();
            let effects = member.step(event);
            let allowed = |e: &EpochsEffect| match e {
                EpochsEffect::Party { effect: Effect::Send { to, .. }, .. } => {
                    *to == Recipient::All
                }
                // What comes too early is kept.
                EpochsEffect::Party { effect: Effect::Persist(_), .. } => epoch > 2,
                _ => false,
            };
            assert!(effects.iter().all(allowed), "{effects:?}");
        }
    }
    assert_eq!(world.member(0).current().status().slots, before);
}

/// Whatever it had written when it stopped, and whatever it had not said: all get to the next epoch.
#[test]
fn a_member_stops_between_two_effects_of_a_refresh_and_comes_back() {
    let mut longest = 0;
    for at in (0..).map(|i| i * 13) {
        let mut world = World::new(4, 8);
        world.run_untimed();
        world.accept_refresh(&[0, 1, 2, 3]);
        world.crash = Some((party(1), at));
        world.run_untimed();
        if world.crash.is_some() {
            break; // there are no more places
        }
        longest = at;
        world.start(party(1));
        world.run();
        world.assert_epoch(2);
        let decision = world.propose(1, false).unwrap();
        world.run();
        assert!(world.members().all(|m| m.certificate(&decision).is_some()), "crash at {at}");
        world.assert_nobody_blamed();
    }
    assert!(longest > 100, "{longest}");
}

#[test]
fn what_links_lost_for_good_is_said_again_out_of_the_store() {
    let mut world = World::new(4, 21);
    world.run_untimed();
    world.stop(party(3));
    world.lost = |(from, to, ..)| (from.index(), to.index()) == (0, 2);
    let open = world.propose(1, false).unwrap();
    world.run_untimed();
    world.vote_all(open, &[0, 1, 2]);
    world.run_untimed();
    assert!(world.members().all(|member| member.certificate(&open).is_none()), "2 is needed");
    world.lost = |_| false;
    world.say_again(party(1), party(2), Repeat::ALL);
    world.run_untimed();
    assert!(world.members().all(|member| member.certificate(&open).is_none()), "1 lost nothing");
    world.say_again(party(0), party(2), Repeat::ALL);
    world.run_untimed();
    world.vote_all(open, &[0, 2]);
    world.run();
    for member in world.members() {
        assert_eq!(member.certificate(&open).unwrap().statement.outcome, Outcome::Accepted);
    }
    world.assert_nobody_blamed();
}
