//! The checkers of broadcasts, agreements and coins, in doctored worlds.

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::coin::{Coin, DdhCoin};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::{collect, supply};
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::{Message, sync};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::acss;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::Bytes;

use super::doctored::{ghost, p, set, verdict};
use super::doctored_epochs::{began, keys, start};
use super::instance::Instance;
use super::*;
use crate::ghost::Network;

fn said(by: u16, message: &Wire) -> What<'_> {
    What::Said { by: p(by), epoch: 1, to: Recipient::All, message }
}

/// A vote about the value of party 1 in slot 0; `None` is bot.
fn vote(kind: Kind, round: u32, value: Option<bool>) -> Wire {
    let of = |v| if v == value { set(&[1]) } else { PartySet::EMPTY };
    let (zero, one, bot) = (of(Some(false)), of(Some(true)), of(None));
    let votes = acs::Message::Votes { round, kind, zero, one, bot };
    Message::Slot(0, collect::Message::Subset(votes))
}

fn judge(name: &str, story: &[(u16, Wire)]) -> Result<(), String> {
    let story = story.iter().map(|(by, message)| said(*by, message));
    verdict(name, &ghost(), story.collect())
}

#[test]
fn honest_parties_that_decide_differently_or_what_nobody_proposed_do_not_agree() {
    let (one, zero) = (Some(true), Some(false));
    let propose = |by, value| (by, vote(Kind::E1, 0, value));
    let both = [propose(0, one), propose(1, zero)];
    let after = |last: &[(u16, Wire)]| judge("votes", &[&both[..], last].concat());
    let decide = |by, round, value| (by, vote(Kind::Decide, round, value));
    assert_eq!(after(&[decide(0, 0, one), decide(1, 2, one)]), Ok(()));
    assert!(after(&[decide(0, 0, one), decide(1, 2, zero)]).is_err());
    let third = |by, round, value| (by, vote(Kind::E3, round, value));
    assert_eq!(after(&[third(0, 2, one), third(1, 2, None), third(2, 3, zero)]), Ok(()));
    assert!(after(&[third(0, 2, one), third(1, 2, zero)]).is_err());
    assert!(judge("votes", &[propose(0, one), decide(1, 1, zero)]).is_err());
    assert!(judge("votes", &[propose(0, one), (2, vote(Kind::E2, 0, zero))]).is_err());
    assert_eq!(judge("votes", &[propose(0, one), (2, vote(Kind::E2, 0, one))]), Ok(()));
}

#[test]
fn who_repeats_a_vote_of_too_few_has_proposed_two_values() {
    let (one, zero) = (vote(Kind::E1, 0, Some(true)), vote(Kind::E1, 0, Some(false)));
    let hears = |from, message| {
        let (from, by) = (p(from), p(0));
        What::Hears { from, by, epoch: 1, message }
    };
    let after = |froms: &[u16]| {
        let mut all = vec![said(0, &one)];
        all.extend(froms.iter().map(|from| hears(*from, &zero)));
        all.push(said(0, &zero));
        verdict("votes", &ghost(), all)
    };
    assert!(after(&[3]).is_err(), "a Byzantine one alone");
    assert!(after(&[3, 3]).is_err(), "the same once more");
    assert_eq!(after(&[3, 1]), Ok(()));
    // Nor is what is repeated rightly a proposal.
    let all = [hears(3, &zero), hears(1, &zero), said(0, &zero)];
    let decides = vote(Kind::Decide, 0, Some(false));
    let all = all.into_iter().chain([said(1, &decides)]);
    assert!(verdict("votes", &ghost(), all.collect()).is_err());
}

#[test]
fn a_coin_tossed_before_the_round_is_fixed_is_known_too_early() {
    let keys = keys(1, 1);
    let coin = DdhCoin::clone(&keys[0].keys.coin().unwrap());
    let share = coin.share(&Tag::root(&[0; 32], 0));
    let toss = acs::Message::Shares { round: 2, shares: vec![(p(1), share)] };
    let toss = Message::Slot(0, collect::Message::Subset(toss));
    // Of four, one of them Byzantine, two honest ones have to have voted.
    let after = |votes: &[(u16, Wire)]| {
        let mut all = vec![began(&keys[0], start(0, 0))];
        all.extend(votes.iter().map(|(by, message)| said(*by, message)));
        all.push(said(0, &toss));
        verdict("coins", &ghost(), all)
    };
    let (third, early) = (vote(Kind::E3, 2, None), vote(Kind::E3, 3, None));
    let second = vote(Kind::E2, 2, Some(true));
    let decided = |round| vote(Kind::Decide, round, Some(true));
    assert!(after(&[]).is_err());
    assert!(after(&[(0, third.clone()), (0, third.clone())]).is_err(), "one alone");
    assert!(after(&[(0, third.clone()), (1, second)]).is_err(), "E2 is not the last vote");
    assert!(after(&[(0, third.clone()), (1, early)]).is_err(), "another round's");
    assert!(after(&[(0, third.clone()), (1, decided(2))]).is_err(), "not before the round");
    assert_eq!(after(&[(0, third.clone()), (1, third.clone())]), Ok(()));
    assert_eq!(after(&[(0, third), (1, decided(1))]), Ok(()));
}

#[test]
fn honest_parties_that_vouch_for_two_payloads_break_a_broadcast() {
    // Of the value of an honest sender, and of one that is not.
    let of = |sender, m| Message::Slot(0, collect::Message::Value(p(sender), m));
    let digest = |last: u8| Digest::from([last; 32]);
    let ready = |sender, last| of(sender, rbc::Message::Ready(digest(last)));
    let echo = |sender, last| of(sender, rbc::Message::Echo(digest(last)));
    let pair = |a, b| judge("broadcasts", &[(0, a), (1, b)]);
    assert_eq!(pair(ready(3, 1), ready(3, 1)), Ok(()));
    assert!(pair(ready(3, 1), ready(3, 2)).is_err());
    assert_eq!(pair(echo(3, 1), echo(3, 2)), Ok(()), "its sender may have sent two");
    assert!(pair(echo(2, 1), echo(2, 2)).is_err());
    assert!(pair(echo(2, 1), ready(2, 2)).is_err());
    assert_eq!(pair(ready(1, 1), ready(2, 2)), Ok(()), "two broadcasts");
    let mut ghost = ghost();
    ghost.network = Some(Network { digest: [5; 32], key: [0; 32], identities: vec![], signers: 0 });
    let signed = Keyring::for_tests(4, 1);
    let signature = signed[2].identity().sign(&Tag::root(&[0; 32], 0), "", b"");
    let send = |last: u8| of(2, rbc::Message::Send { payload: vec![last].into(), signature });
    let name = super::broadcasts::name(&ghost, 1, Instance::Value(0, p(2))).unwrap();
    let digest = super::broadcasts::digest(&name, &[1]);
    let after = |by, message: Wire| {
        let sent = send(1);
        verdict("broadcasts", &ghost, vec![said(2, &sent), said(by, &message)])
    };
    assert_eq!(after(2, send(1)), Ok(()));
    assert!(after(2, send(2)).is_err(), "two payloads");
    assert_eq!(after(0, of(2, rbc::Message::Echo(digest))), Ok(()));
    assert!(after(0, echo(2, 1)).is_err(), "not what was sent");
}

#[test]
fn an_honest_dealer_is_complained_of() {
    let deal = |dealer, m| {
        let m = preprocessing::Message::Deal(p(dealer), m);
        Message::Run(0, supply::Message::Material(m))
    };
    let shards = acss::Message::Complain(acss::Complaint::BadDispersal { shards: Vec::new() });
    assert!(judge("blame", &[(0, deal(1, shards.clone()))]).is_err());
    assert_eq!(judge("blame", &[(0, deal(3, shards.clone()))]), Ok(()));
    assert_eq!(judge("blame", &[(0, deal(1, acss::Message::Ok))]), Ok(()));
    let both = [(0, deal(3, acss::Message::Ok)), (0, deal(3, shards))];
    assert!(judge("honest equivocation", &both).is_err(), "it holds a share, and complains");
    let reveal = |last| deal(3, acss::Message::Reveal(Bytes::from(vec![last])));
    assert_eq!(judge("honest equivocation", &[(0, reveal(1)), (0, reveal(1))]), Ok(()));
    assert!(judge("honest equivocation", &[(0, reveal(1)), (0, reveal(2))]).is_err());
}

#[test]
fn two_stories_of_the_past_are_equivocation() {
    let ended = |dealers| Message::Sync(sync::Message::Run(4, dealers));
    let pair = |a, b| judge("honest equivocation", &[(0, ended(a)), (0, ended(b))]);
    assert_eq!(pair(3, 3), Ok(()));
    assert!(pair(3, 4).is_err());
}
