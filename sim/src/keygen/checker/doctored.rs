//! Each checker sees a doctored world, in which its property does not hold, and one in which it does.

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::crypto::{Digest, IdentityKey, Keyring};
use quorate_protocol::fault::{FaultKind, KeyFault, SharingFault};
use quorate_protocol::keys::TrustedKeyDealer;
use quorate_protocol::sharing::acss::{self, Complaint};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::keygen::adversary::{BadSet, Behaviour, Cheat, How};
use crate::keygen::{Content, Plan};
use crate::schedule::SECOND;
use crate::token::{Kind as Runs, Token};

const fn p(index: u16) -> PartyId {
    PartyId::new(index)
}

fn set(parties: &[u16]) -> PartySet {
    parties.iter().copied().map(PartyId::new).collect()
}

/// Four members, the last one Byzantine.
fn ghost(behaviour: Behaviour) -> Ghost {
    let token = Token::new(Runs::Keygen, 4, 1, 1);
    let mut plan = Plan::quiet(token).unwrap();
    plan.byzantine = vec![(p(3), vec![behaviour])];
    Ghost::new(&plan, Keyring::for_tests(4, 1))
}

fn calm() -> Ghost {
    ghost(Behaviour::Hasty)
}

/// What a dealer gives the three honest members, by polynomials of degree `t`.
fn deal_of_degree(t: usize, seed: u64) -> Vec<Keys> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let committee = Committee::with_threshold(4, t).unwrap();
    let keys = TrustedKeyDealer::deal(committee, 1, &mut rng).unwrap();
    keys.iter().take(3).map(Keys::from).collect()
}

fn deal(seed: u64) -> Vec<Keys> {
    deal_of_degree(1, seed)
}

fn standings(keys: &[Keys]) -> Vec<Standing> {
    let standing = |(keys, by): (&Keys, u16)| Standing {
        by: p(by),
        keys: Some(keys.clone()),
        confirmed: set(&[0, 1, 2]),
        waiting_for: PartySet::EMPTY,
        forgot: false,
        store: vec![Secret::new(vec![7; 64])],
    };
    keys.iter().zip(0..).map(standing).collect()
}

/// What the checker called `name` says of these observations, each a second after the other.
fn verdict(name: &str, ghost: &Ghost, all: Vec<What<'_>>) -> Result<(), String> {
    let mut checkers = super::all();
    let checker = checkers.iter_mut().find(|c| c.name() == name).unwrap();
    for (time, what) in (1..).zip(all) {
        checker.check(ghost, &Observation { time: time * SECOND, what })?;
    }
    Ok(())
}

fn at_rest(name: &str, keys: &[Keys]) -> Result<(), String> {
    verdict(name, &calm(), vec![What::AtRest(&standings(keys))])
}

fn generated(by: u16, keys: &Keys, dealers: &[u16]) -> What<'static> {
    let keys = Box::leak(Box::new(keys.clone()));
    let dealers = set(dealers);
    What::Generated { by: p(by), keys, dealers: Some(dealers), complete: dealers }
}

fn blamed(by: u16, party: u16, kind: impl Into<FaultKind>) -> What<'static> {
    let fault = Box::leak(Box::new(Fault { party: p(party), kind: kind.into() }));
    What::Blamed { by: p(by), fault }
}

fn said(number: u32, message: Content) -> Wire {
    Wire::Said { number, message }
}

fn send() -> rbc::Message {
    let key = IdentityKey::from_bytes(&[1; 32]);
    let tag = quorate_protocol::tag::Tag::root(&[0; 32], 0);
    rbc::Message::Send { payload: vec![1].into(), signature: key.sign(&tag, "x", &[]) }
}

#[test]
fn other_keys_or_dealers_are_no_agreement() {
    let (keys, others) = (deal(1), deal(2));
    let agree = |all| verdict("agreement", &calm(), all);
    let one = || generated(0, &keys[0], &[0, 1, 2]);
    assert_eq!(agree(vec![one(), generated(1, &keys[1], &[0, 1, 2])]), Ok(()));
    assert!(agree(vec![one(), generated(1, &others[1], &[0, 1, 2])]).is_err());
    assert!(agree(vec![one(), generated(1, &keys[1], &[0, 1, 3])]).is_err());
    assert!(agree(vec![one(), generated(0, &keys[1], &[0, 1, 2])]).is_err(), "other shares");
    let mixed = standings(&[keys[0].clone(), others[1].clone()]);
    assert!(agree(vec![What::AtRest(&mixed)]).is_err());
}

#[test]
fn shares_that_give_other_keys_are_found() {
    let (keys, others) = (deal(1), deal(2));
    for name in ["interpolation", "public shares"] {
        assert_eq!(at_rest(name, &keys), Ok(()));
        for place in 0..3 {
            let mut mixed = keys.clone();
            mixed[place].secret = others[place].secret.clone();
            assert!(at_rest(name, &mixed).is_err(), "{name} {place}");
        }
        let doctor: [fn(&mut SecretKeys, &SecretKeys); 3] = [
            |mine, other| mine.coin = other.coin.clone(),
            |mine, other| mine.certificate = other.certificate.clone(),
            |mine, other| mine.document = other.document.clone(),
        ];
        for doctor in doctor {
            let mut all = keys.clone();
            for (keys, other) in all.iter_mut().zip(&others) {
                doctor(&mut keys.secret, &other.secret);
            }
            assert!(at_rest(name, &all).is_err(), "{name}: shares of another key");
        }
    }
    let mut swapped = keys;
    swapped.swap(0, 1);
    assert!(at_rest("public shares", &swapped).is_err());
}

#[test]
fn shares_of_too_low_a_degree_are_found() {
    assert_eq!(at_rest("degree", &deal(1)), Ok(()));
    assert!(at_rest("degree", &deal_of_degree(0, 1)).is_err());
}

#[test]
fn a_key_that_was_put_together_is_found() {
    let keys = deal(1);
    let holders: Vec<&Keys> = keys.iter().collect();
    let [coin, _, document] = interpolated(&holders[..2]);
    let verdict_of = |what: &Fl| {
        let mut standings = standings(&keys);
        let mut record = vec![1, 2, 3];
        record.extend(what.scalar().to_bytes());
        record.push(4);
        standings[1].store.push(Secret::new(record));
        verdict("assembly", &calm(), vec![What::AtRest(&standings)])
    };
    assert_eq!(verdict_of(keys[1].secret.coin.expose()), Ok(()));
    assert!(verdict_of(&coin).is_err());
    assert!(verdict_of(&document).is_err());
}

#[test]
fn too_few_dealers_or_broken_ones_are_found() {
    let keys = &deal(1)[0];
    let dealers =
        |ghost: &Ghost, of: &[u16]| verdict("dealers", ghost, vec![generated(0, keys, of)]);
    let cheat = |how| ghost(Behaviour::Dealer(Cheat { victims: set(&[1]), how }));
    assert_eq!(dealers(&calm(), &[0, 1, 2, 3]), Ok(()));
    assert!(dealers(&calm(), &[0, 1]).is_err());
    assert!(dealers(&calm(), &[0, 1, 2, 4]).is_err());
    assert_eq!(dealers(&cheat(How::WrongShare), &[0, 1, 3]), Ok(()));
    for how in [How::Longer, How::Shorter, How::Empty, How::Identity, How::BadProof] {
        assert!(dealers(&cheat(how), &[0, 1, 3]).is_err());
        assert_eq!(dealers(&cheat(how), &[0, 1, 2]), Ok(()));
    }
    assert!(dealers(&ghost(Behaviour::Rogue { of: p(0) }), &[0, 1, 3]).is_err());
}

#[test]
fn an_honest_member_is_blamed() {
    let blame = |party| verdict("blame", &calm(), vec![blamed(0, party, KeyFault::MalformedSet)]);
    assert_eq!(blame(3), Ok(()));
    assert!(blame(1).is_err());
}

#[test]
fn rest_without_keys_or_word_of_others_is_no_quiescence() {
    let keys = deal(1);
    let rest = |told: &[u16], doctor: fn(&mut Vec<Standing>)| {
        let mut standings = standings(&keys);
        doctor(&mut standings);
        let mut all: Vec<What<'_>> =
            (0..3).map(|by| What::Confirmed { by: p(by), members: set(told) }).collect();
        all.push(What::AtRest(&standings));
        verdict("quiescence", &calm(), all)
    };
    assert_eq!(rest(&[0, 1, 2], |_| {}), Ok(()));
    assert!(rest(&[0, 1], |_| {}).is_err(), "nobody was told of 2");
    assert!(rest(&[0, 1, 2], |all| all[1].keys = None).is_err());
    assert!(rest(&[0, 1, 2], |all| all[1].confirmed = set(&[0, 1])).is_err());
    assert!(rest(&[0, 1, 2], |all| all[1].forgot = true).is_err());
    assert!(rest(&[0, 1, 2], |all| drop(all.pop())).is_err(), "one is down");
}

#[test]
fn a_liar_is_not_named() {
    let keys = &deal(1)[0];
    let complaint = acss::Message::Complain(Complaint::BadDispersal { shards: Vec::new() });
    let dealing = said(0, Content::Dealing(p(3), acss::Message::Rbc(send())));
    let shards = said(1, Content::Dealing(p(3), acss::Message::Shards(Vec::new())));
    let their_set = said(0, Content::Set(p(3), send()));
    let complaint = said(0, Content::Dealing(p(1), complaint));
    let confirmed = Wire::Confirm {
        keys: Digest::from([1; 32]),
        signature: IdentityKey::from_bytes(&[1; 32]).sign(
            &quorate_protocol::tag::Tag::root(&[0; 32], 0),
            "x",
            &[],
        ),
    };
    let cheat = |how| Behaviour::Dealer(Cheat { victims: set(&[0]), how });
    let bad_set = Behaviour::BadSet(BadSet::Small);
    let other_keys = Behaviour::OtherKeys { signed: true };
    let cases: Vec<(Behaviour, Option<&Wire>, FaultKind)> = vec![
        (cheat(How::Longer), Some(&dealing), SharingFault::BadDealing.into()),
        (Behaviour::Rogue { of: p(0) }, Some(&dealing), SharingFault::BadDealing.into()),
        (cheat(How::WrongShare), None, SharingFault::BadShare.into()),
        (cheat(How::Scattered), None, SharingFault::BadDispersal.into()),
        (bad_set, Some(&their_set), KeyFault::MalformedSet.into()),
        (Behaviour::FalseComplaints, Some(&complaint), SharingFault::FalseComplaint.into()),
        (other_keys, Some(&confirmed), KeyFault::OtherKeys.into()),
    ];
    for (behaviour, message, fault) in cases {
        let story = |named: bool, complete: &[u16]| {
            let mut all = Vec::new();
            if let Some(message) = message {
                // Out of order: each is looked at when its turn comes.
                all.push(What::Handled { from: p(3), by: p(0), message: &shards });
                all.push(What::Handled { from: p(3), by: p(0), message });
            }
            if named {
                all.push(blamed(0, 3, fault));
            }
            all.push(generated(0, keys, complete));
            all.push(What::AtRest(&[]));
            verdict("completeness", &ghost(behaviour), all)
        };
        assert_eq!(story(true, &[0, 1, 2, 3]), Ok(()), "{behaviour}");
        assert!(story(false, &[0, 1, 2, 3]).is_err(), "{behaviour}");
    }
    let story = |by| {
        let behaviour = cheat(How::WrongShare);
        let all = vec![generated(by, keys, &[0, 1, 3]), What::AtRest(&[])];
        verdict("completeness", &ghost(behaviour), all)
    };
    assert!(story(0).is_err());
    assert_eq!(story(1), Ok(()), "no victim");
}

#[test]
fn two_things_said_in_one_place_are_equivocation() {
    let pair = |a: (u16, &Wire), b: (u16, &Wire)| {
        let to = |(to, message)| What::Said { by: p(0), to: p(to), message };
        let restarted = What::Restarted { by: p(0) };
        verdict("honest equivocation", &calm(), vec![to(a), restarted, to(b)])
    };
    let echo = |last: u8| rbc::Message::Echo(Digest::from([last; 32]));
    let set = |number, last| said(number, Content::Set(p(1), echo(last)));
    assert_eq!(pair((1, &set(0, 1)), (1, &set(0, 1))), Ok(()));
    assert!(pair((1, &set(0, 1)), (1, &set(0, 2))).is_err(), "under one number");
    assert!(pair((1, &set(0, 1)), (2, &set(1, 2))).is_err(), "to two members");
    let dealing = |number, m| said(number, Content::Dealing(p(1), m));
    let reveal = |last: u8| acss::Message::Reveal(vec![last].into());
    assert!(pair((1, &dealing(0, reveal(1))), (2, &dealing(0, reveal(2)))).is_err());
    assert_eq!(pair((1, &dealing(0, reveal(1))), (2, &dealing(7, reveal(1)))), Ok(()));
    let complaint = acss::Message::Complain(Complaint::BadDispersal { shards: Vec::new() });
    let fine = dealing(0, acss::Message::Ok);
    assert!(pair((1, &fine), (1, &dealing(1, complaint))).is_err());
    assert_eq!(pair((1, &fine), (1, &dealing(1, acss::Message::Done))), Ok(()));
    assert!(pair((1, &fine), (1, &dealing(0, acss::Message::Done))).is_err(), "under one number");
    let vote = |one: bool| {
        let (of, none) = ([p(1)].into_iter().collect(), PartySet::EMPTY);
        let (zero, one) = if one { (none, of) } else { (of, none) };
        let votes = acs::Message::Votes { round: 1, kind: Kind::E2, zero, one, bot: none };
        said(u32::from(zero.is_empty()), Content::Agreement(votes))
    };
    assert!(pair((1, &vote(true)), (1, &vote(false))).is_err());
}

#[test]
fn too_many_steps_rounds_or_bytes_are_out_of_bounds() {
    let steps = |steps| verdict("bounds", &calm(), vec![What::Steps(steps)]);
    let most = bounds::most_steps(4);
    assert_eq!(steps(most), Ok(()));
    assert!(steps(most + 1).is_err());
    let round = |round| {
        let (zero, none) = (set(&[1]), PartySet::EMPTY);
        let votes = acs::Message::Votes { round, kind: Kind::E2, zero, one: none, bot: none };
        let message = said(0, Content::Agreement(votes));
        verdict("bounds", &calm(), vec![What::Said { by: p(0), to: p(1), message: &message }])
    };
    assert_eq!(round(bounds::MOST_ROUNDS), Ok(()));
    assert!(round(bounds::MOST_ROUNDS + 1).is_err());
    let bytes = |confirmed: &[u16], bytes: usize| {
        let mut standings = standings(&deal(1));
        standings[0].confirmed = set(confirmed);
        standings[0].store.push(Secret::new(vec![0; bytes]));
        verdict("bounds", &calm(), vec![What::AtRest(&standings)])
    };
    assert_eq!(bytes(&[0, 1, 2], 20_000), Ok(()));
    assert!(bytes(&[0, 1, 2, 3], 20_000).is_err(), "everybody has confirmed");
    assert!(bytes(&[0, 1, 2], 40_000_000).is_err());
}
