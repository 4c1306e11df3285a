//! The checkers of what happens between epochs, in doctored worlds.

use std::sync::Arc;

use quorate_protocol::agreement::acs;
use quorate_protocol::agreement::coin::Coin;
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::collect;
use quorate_protocol::decision::ledger::LedgerStart;
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::{KeySet, TrustedKeyDealer, refresh};
use quorate_protocol::party::Record;
use quorate_protocol::party::epochs::EpochKeys;
use quorate_protocol::party::{Message, sync};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::secret::Secret;
use quorate_protocol::tag::Tag;
use rand::SeedableRng;

use super::doctored::{digest, ghost, p, set, verdict};
use super::*;

/// Four members' keys of an epoch; with another `seed` they are of another network.
pub(super) fn keys(epoch: u64, seed: u64) -> Vec<EpochKeys> {
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(seed);
    let dealt = TrustedKeyDealer::deal(Committee::new(4).unwrap(), epoch, &mut rng).unwrap();
    let of = |(keyring, keys): (Arc<Keyring>, KeySet)| EpochKeys {
        seed: Secret::new([epoch as u8 + 10 * keyring.me().index() as u8; 32]),
        keyring,
        keys: Arc::new(keys),
    };
    Keyring::for_tests(4, seed).into_iter().zip(dealt).map(of).collect()
}

pub(super) fn start(position: u64, last: u8) -> LedgerStart {
    LedgerStart { position, head: Digest::from([last; 32]) }
}

pub(super) fn began(keys: &EpochKeys, start: LedgerStart) -> What<'_> {
    What::Began { by: keys.keys.me(), keys, start }
}

#[test]
fn other_keys_of_the_network_or_of_one_epoch_are_no_continuity() {
    let ghost = ghost();
    let (first, same, other) = (keys(1, 1), keys(2, 1), keys(2, 2));
    let at = start(0, 1);
    let all = |keys: &[&EpochKeys]| {
        verdict("continuity", &ghost, keys.iter().map(|keys| began(keys, at)).collect())
    };
    assert_eq!(all(&[&first[0], &first[1], &same[0], &same[1]]), Ok(()));
    assert!(all(&[&first[0], &other[0]]).is_err(), "other keys of the network");
    let mut sealing = same[1].clone();
    sealing.keyring = Arc::clone(&other[1].keyring);
    assert!(all(&[&first[0], &same[0], &sealing]).is_err(), "other sealing keys");
}

#[test]
fn a_gap_or_a_fork_is_no_ledger() {
    let ghost = ghost();
    let (one, two) = (keys(1, 1), keys(2, 1));
    let ordered = |epoch, position| What::Ordered { by: p(0), epoch, decision: digest(), position };
    let ledger = |all| verdict("ledger", &ghost, all);
    let history = |at: LedgerStart, also: LedgerStart| {
        let mut all = vec![began(&one[0], start(0, 1)), ordered(1, 0), ordered(1, 1)];
        all.extend([began(&two[0], at), began(&two[1], also)]);
        all
    };
    let good = || history(start(2, 1), start(2, 1));
    assert_eq!(ledger(good()), Ok(()));
    assert!(ledger(history(start(2, 1), start(3, 1))).is_err(), "two places");
    assert!(ledger(history(start(2, 1), start(2, 2))).is_err(), "two histories");
    assert!(ledger(history(start(1, 1), start(1, 1))).is_err(), "before what was ordered");
    let with = |last| good().into_iter().chain([last]).collect::<Vec<_>>();
    assert_eq!(ledger(with(ordered(2, 2))), Ok(()));
    assert!(ledger(with(ordered(1, 2))).is_err(), "after the end");
    assert!(ledger(with(ordered(2, 1))).is_err(), "before the beginning");
    let standing = |positions: &[(u64, u64)]| -> Vec<Standing> {
        let one = |(epoch, position): &(u64, u64)| Standing {
            decision: digest(),
            epoch: *epoch,
            position: Some(*position),
            certified: true,
            waiting: String::new(),
        };
        positions.iter().map(one).collect()
    };
    let rest = |positions: &[(u64, u64)]| {
        let standing = standing(positions);
        let all = good().into_iter().chain([What::AtRest { by: p(0), standing: &standing }]);
        verdict("ledger", &ghost, all.collect())
    };
    assert_eq!(rest(&[(1, 0), (1, 1), (2, 2)]), Ok(()));
    assert!(rest(&[(1, 0), (2, 2)]).is_err(), "a gap");
    assert!(rest(&[(1, 0), (1, 1), (1, 1)]).is_err(), "twice");
}

/// The dealer draws other polynomials for other seeds, so other secrets; for the same one, the same
/// shares.
#[test]
fn shares_of_another_secret_and_shares_that_are_not_new_are_found() {
    let ghost = ghost();
    let (first, other) = (keys(1, 1), keys(2, 2));
    let at = start(0, 1);
    let all = |keys: &[&EpochKeys]| {
        verdict("shares", &ghost, keys.iter().map(|keys| began(keys, at)).collect())
    };
    assert_eq!(all(&[&first[0], &first[1], &first[2], &first[3]]), Ok(()));
    assert!(all(&[&first[0], &first[1], &other[0], &other[1]]).is_err(), "another secret");
    assert!(all(&[&first[0], &first[1], &other[2]]).is_ok(), "one share is not enough");
    // The same shares once more: a mix of both epochs' gives the secret.
    let same = keys(2, 1);
    assert!(all(&[&first[0], &first[1], &same[0], &same[1]]).is_err(), "not new");
}

#[test]
fn a_coin_before_its_epoch_began_is_found() {
    let ghost = ghost();
    let (one, two) = (keys(1, 1), keys(2, 1));
    let coin = one[0].keys.coin().unwrap();
    let share = coin.share(&Tag::root(&[1; 32], 2));
    let shares = || acs::Message::Shares { round: 2, shares: vec![(p(1), share.clone())] };
    let votes = || acs::Message::Votes {
        round: 2,
        kind: acs::Kind::E3,
        zero: set(&[1]),
        one: set(&[]),
        bot: set(&[]),
    };
    let in_slot = |m| Message::Slot(0, collect::Message::Subset(m));
    let in_refresh = |m| {
        let message = refresh::Message::Agreement(m);
        Message::Refresh(Box::new(Envelope::Said { number: 3, message }))
    };
    let (slot, of_refresh) = (in_slot(shares()), in_refresh(shares()));
    let voted = [in_slot(votes()), in_refresh(votes())];
    let again = || acs::Message::Resend { round: 1, of: set(&[1]) };
    let resend = Message::Slot(0, collect::Message::Subset(again()));
    let story = |epochs: &[&EpochKeys], message| {
        let mut all: Vec<What<'_>> = epochs.iter().map(|keys| began(keys, start(0, 1))).collect();
        let said = |by, message| What::Said { by: p(by), epoch: 2, to: Recipient::All, message };
        all.extend([1, 2].into_iter().flat_map(|by| voted.iter().map(move |m| said(by, m))));
        all.push(said(0, message));
        verdict("coins", &ghost, all)
    };
    for message in [&slot, &of_refresh] {
        assert_eq!(story(&[&one[0], &two[0]], message), Ok(()));
        assert!(story(&[&one[0]], message).is_err());
        assert!(story(&[&one[0], &two[1]], message).is_err(), "begun elsewhere");
    }
    assert_eq!(story(&[&one[0]], &resend), Ok(()));
}

#[test]
fn a_secret_of_an_erased_epoch_in_a_store_is_found() {
    let ghost = ghost();
    let (one, two) = (keys(1, 1), keys(2, 2));
    let secret = |keys: &EpochKeys| {
        let shares = keys.keys.secret();
        let shares = [&shares.coin, &shares.certificate, &shares.document];
        let mut all = shares.map(|share| share.expose().scalar().to_bytes()).to_vec();
        all.push(*keys.seed.expose());
        all.push(*keys.keyring.sealing().to_bytes().expose());
        all
    };
    let store = |secret: &[u8]| {
        let value = [&[0xff; 3], secret, &[0xff; 2]].concat();
        let zeros = Record::Put { key: vec![1], value: Secret::new(vec![0; 100]) };
        let entry = Secret::new(value);
        [zeros, Record::Append { log: vec![2], entry }].into_iter().collect::<Store>()
    };
    let story = |erased: &[u64], two: &EpochKeys, store: &Store| {
        let mut all = vec![began(&one[0], start(0, 1)), began(two, start(2, 1))];
        all.extend(erased.iter().map(|epoch| What::Erased { by: p(0), epoch: *epoch }));
        all.push(What::Stored { by: p(0), store });
        verdict("erasure", &ghost, all)
    };
    for (old, new) in secret(&one[0]).iter().zip(secret(&two[0])) {
        assert_eq!(story(&[], &two[0], &store(old)), Ok(()), "not erased");
        assert!(story(&[1], &two[0], &store(old)).is_err());
        assert_eq!(story(&[1], &two[0], &store(&new)), Ok(()), "of the epoch after it");
        assert_eq!(story(&[1], &two[0], &store(&old[..31])), Ok(()), "not all of it");
    }
    // A sealing key that was kept is the next epoch's as well.
    let mut kept = two[0].clone();
    kept.keyring = Arc::clone(&one[0].keyring);
    let sealing = *one[0].keyring.sealing().to_bytes().expose();
    assert_eq!(story(&[1], &kept, &store(&sealing)), Ok(()));
    assert!(story(&[1, 2], &kept, &store(&sealing)).is_err());
}

#[test]
fn a_message_of_an_erased_epoch_that_has_effects_is_found() {
    let ghost = ghost();
    let done = Message::RunDone(3);
    let at = sync::Position { slot: 0, run: 0, position: 0 };
    let ask = Message::Sync(sync::Message::Ask(at));
    let confirm = Envelope::Hello { next: 0, answer: true };
    let of_refresh = Message::Refresh(Box::new(confirm));
    let story = |erased: u64, message, epoch, effects| {
        let handled = |effects| What::Handled { from: p(1), by: p(0), epoch, message, effects };
        // What erases the epoch may itself have been of it.
        let all = vec![What::Erased { by: p(0), epoch: erased }, handled(1), handled(effects)];
        verdict("replay", &ghost, all)
    };
    assert!(story(1, &done, 1, 1).is_err());
    assert_eq!(story(1, &done, 1, 0), Ok(()));
    assert_eq!(story(1, &done, 2, 1), Ok(()));
    assert_eq!(story(1, &ask, 1, 1), Ok(()));
    assert_eq!(story(1, &of_refresh, 1, 1), Ok(()));
}

#[test]
fn what_lapses_here_and_is_ordered_there_and_what_is_ordered_and_never_decided_are_found() {
    let ghost = ghost();
    let other = Digest::from([8; 32]);
    let lapsed = |decision| What::Lapsed { by: p(0), decision };
    let ordered = || What::Ordered { by: p(1), epoch: 1, decision: digest(), position: 3 };
    let lapse = |all| verdict("lapse", &ghost, all);
    assert_eq!(lapse(vec![lapsed(other), ordered()]), Ok(()));
    assert!(lapse(vec![lapsed(digest()), ordered()]).is_err());
    assert!(lapse(vec![ordered(), lapsed(digest())]).is_err());
    let standing = |certified| {
        let (decision, waiting) = (digest(), String::new());
        vec![Standing { decision, epoch: 1, position: Some(3), certified, waiting }]
    };
    let rest = |standing: &[Standing]| {
        let all = vec![ordered(), What::AtRest { by: p(0), standing }];
        verdict("lapse", &ghost, all)
    };
    assert_eq!(rest(&standing(true)), Ok(()));
    assert!(rest(&standing(false)).is_err());
    assert!(rest(&[]).is_err());
}

/// The same question under another name is decided in the end: what lapsed is not lost.
#[test]
fn a_question_that_lapsed_and_was_not_asked_again_is_no_quiescence() {
    let mut ghost = ghost();
    let again = Digest::from([8; 32]);
    let proposal = ghost.questions[&digest()].proposal.clone();
    let rest = |ghost: &Ghost| {
        let (decision, waiting) = (again, String::new());
        let standing =
            vec![Standing { decision, epoch: 2, position: Some(3), certified: true, waiting }];
        verdict("quiescence", ghost, vec![What::AtRest { by: p(0), standing: &standing }])
    };
    let mut other = ghost.clone();
    ghost.asked(again, PartyId::new(0), 0, proposal.clone());
    assert_eq!(rest(&ghost), Ok(()));
    other.asked(again, PartyId::new(0), 1, proposal);
    assert!(rest(&other).is_err(), "another question was decided");
}
