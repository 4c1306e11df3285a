//! Each checker sees a doctored world, in which its property does not hold, and one in which it does.

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::{Outcome, Statement, Verifier};
use quorate_protocol::decision::proposal::{Proposal, Renewal};
use quorate_protocol::decision::{collect, life};
use quorate_protocol::fault::{Fault, OpeningFault};
use quorate_protocol::keys::TrustedKeyDealer;
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::mpc::engine;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::rule::Rule;
use quorate_protocol::sharing::open;
use rand::SeedableRng;

use super::*;
use crate::ghost::utc_ms;
use crate::schedule::SECOND;

pub(super) const fn p(index: u16) -> PartyId {
    PartyId::new(index)
}

pub(super) fn set(parties: &[u16]) -> PartySet {
    parties.iter().copied().map(PartyId::new).collect()
}

pub(super) fn digest() -> Digest {
    Digest::from([9; 32])
}

/// Four parties, the last one Byzantine; all entered 80.
pub(super) fn ghost() -> Ghost {
    let mut ghost = Ghost::new(Committee::new(4).unwrap(), set(&[3]), set(&[]));
    let proposal = Proposal {
        title: "A question".into(),
        text: String::new(),
        rule: Rule::parse("mean(confidence) > 75").unwrap(),
        deadline_ms: utc_ms(10 * SECOND),
        minimum: 3,
        nonce: [0; 16],
        document: None,
        renewal: Renewal::None,
    };
    ghost.asked(digest(), p(0), 0, proposal);
    (0..4).for_each(|member| ghost.entered(&digest(), p(member), 80));
    ghost
}

pub(super) fn statement(ghost: &Ghost, counted: &[u16], outcome: Outcome) -> Statement {
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let keys = TrustedKeyDealer::deal(ghost.committee, 0, &mut rng).unwrap().swap_remove(0);
    let key = (&keys.public().certificate).into();
    let verifier = Verifier::new(Digest::from([0; 32]), 0, ghost.committee, key);
    let proposal = &ghost.questions[&digest()].proposal;
    let (previous, counted) = (Digest::from([1; 32]), set(counted));
    let mut statement = Statement::new(&verifier, proposal, 5, previous, counted, outcome);
    statement.proposal = digest();
    statement
}

/// What the checker called `name` says of these observations, each a second after the other.
pub(super) fn verdict(name: &str, ghost: &Ghost, all: Vec<What<'_>>) -> Result<(), String> {
    let mut checkers = super::all();
    let checker = checkers.iter_mut().find(|c| c.name() == name).unwrap();
    for (time, what) in (1..).zip(all) {
        checker.check(ghost, &Observation { time: time * SECOND, what })?;
    }
    Ok(())
}

pub(super) fn certified(by: u16, statement: &Statement) -> What<'_> {
    What::Certified { by: p(by), statement, signature: &[7; 64], bytes: &[], verifies: true }
}

fn compute(round: u16, value: u64) -> Wire {
    let shares = open::Message::new(vec![Fp61::from_u64(value)].into());
    Message::Decision(5, life::Message::Compute(engine::Message { round, shares }))
}

fn mask(position: u64, value: u64) -> Wire {
    let shares = open::Message::new(vec![Fp61::from_u64(value)].into());
    Message::Decision(position, life::Message::Mask(shares))
}

fn said(by: u16, to: Recipient, message: &Wire) -> What<'_> {
    What::Said { by: p(by), epoch: 1, to, message }
}

fn handled(from: u16, by: u16, message: &Wire) -> What<'_> {
    What::Handled { from: p(from), by: p(by), epoch: 1, message, effects: 1 }
}

#[test]
fn two_outcomes_sets_or_positions_are_no_agreement() {
    let ghost = ghost();
    let one = statement(&ghost, &[0, 1, 2], Outcome::Accepted);
    let other = statement(&ghost, &[0, 1, 2], Outcome::Rejected);
    let more = statement(&ghost, &[0, 1, 2, 3], Outcome::Accepted);
    let mut elsewhere = one.clone();
    elsewhere.position = 6;
    let mut history = one.clone();
    history.previous = Digest::from([2; 32]);
    let agree = |a, b| verdict("agreement", &ghost, vec![certified(0, a), certified(1, b)]);
    assert_eq!(agree(&one, &one), Ok(()));
    for wrong in [&other, &more, &elsewhere, &history] {
        assert!(agree(&one, wrong).is_err(), "{wrong:?}");
    }
    let ordered = |by, position, last: u8| What::Ordered {
        by: p(by),
        epoch: 1,
        decision: Digest::from([last; 32]),
        position,
    };
    let orders = |a, b| verdict("agreement", &ghost, vec![a, b]);
    assert!(orders(ordered(0, 1, 1), ordered(1, 1, 1)).is_ok());
    assert!(orders(ordered(0, 1, 1), ordered(1, 2, 1)).is_err());
    assert!(orders(ordered(0, 1, 1), ordered(1, 1, 2)).is_err());
}

#[test]
fn a_wrong_outcome_is_not_correct() {
    let mut ghost = ghost();
    let correct = |ghost: &Ghost, counted: &[u16], outcome| {
        let statement = statement(ghost, counted, outcome);
        verdict("correctness", ghost, vec![certified(0, &statement)])
    };
    assert_eq!(correct(&ghost, &[0, 1, 2], Outcome::Accepted), Ok(()));
    assert!(correct(&ghost, &[0, 1, 2], Outcome::Rejected).is_err());
    assert!(correct(&ghost, &[0, 1], Outcome::Accepted).is_err(), "too few");
    assert_eq!(correct(&ghost, &[0, 1], Outcome::Expired), Ok(()));
    assert!(correct(&ghost, &[0, 1, 2], Outcome::Expired).is_err(), "enough");
    assert!(correct(&ghost, &[0, 1, 2, 5], Outcome::Accepted).is_err(), "no member");
    let unsigned = statement(&ghost, &[0, 1, 2], Outcome::Accepted);
    let (by, statement, signature) = (p(0), &unsigned, &[7; 64]);
    let what = What::Certified { by, statement, signature, bytes: &[], verifies: false };
    assert!(verdict("correctness", &ghost, vec![what]).is_err());
    // 3 may have entered anything, and 2 this or that: either outcome may be.
    assert_eq!(correct(&ghost, &[0, 1, 3], Outcome::Rejected), Ok(()));
    ghost.entered(&digest(), p(2), 10);
    assert_eq!(correct(&ghost, &[0, 1, 2], Outcome::Accepted), Ok(()));
    assert_eq!(correct(&ghost, &[0, 1, 2], Outcome::Rejected), Ok(()));
    ghost.questions.get_mut(&digest()).unwrap().inputs[p(2)].clear();
    assert!(correct(&ghost, &[0, 1, 2], Outcome::Accepted).is_err(), "2 entered nothing");
}

#[test]
fn a_vote_that_was_everywhere_in_time_cannot_be_left_out() {
    let ghost = ghost();
    let without = statement(&ghost, &[0, 1, 3], Outcome::Accepted);
    let history = |everywhere: &[u16], last: &'static [u16]| {
        let voted = What::Voted { by: p(2), decision: digest(), position: 5 };
        let mut all = vec![voted];
        let vote_in = |by: &u16| What::VoteIn { by: p(*by), decision: digest(), member: p(2) };
        all.extend(everywhere.iter().map(vote_in));
        all.extend((0..9).map(What::Steps));
        all.extend(last.iter().map(vote_in));
        all.push(certified(0, &without));
        verdict("validity", &ghost, all)
    };
    assert!(history(&[0, 1, 2], &[]).is_err());
    assert_eq!(history(&[0, 2], &[]), Ok(()));
    assert_eq!(history(&[0, 2], &[1]), Ok(()), "after the deadline");
}

#[test]
fn rest_with_an_open_or_unknown_decision_is_no_quiescence() {
    let ghost = ghost();
    let standing = |certified| {
        let (decision, waiting) = (digest(), "votes".into());
        vec![Standing { decision, epoch: 1, position: Some(0), certified, waiting }]
    };
    let (open, closed) = (standing(false), standing(true));
    let rest = |a: &[Standing], b: &[Standing]| {
        let all =
            vec![What::AtRest { by: p(0), standing: a }, What::AtRest { by: p(1), standing: b }];
        verdict("quiescence", &ghost, all)
    };
    assert_eq!(rest(&closed, &closed), Ok(()));
    assert!(rest(&closed, &open).is_err());
    assert!(rest(&closed, &[]).is_err(), "1 lacks it");
    assert!(rest(&[], &closed).is_err(), "0 lacks it");
    assert!(rest(&[], &[]).is_err(), "an honest party proposed it");
}

#[test]
fn an_honest_party_is_blamed() {
    let ghost = ghost();
    let blame = |party| {
        let fault = Fault { party: p(party), kind: OpeningFault::WrongShare.into() };
        verdict("blame", &ghost, vec![What::Blamed { by: p(0), fault: &fault }])
    };
    assert_eq!(blame(3), Ok(()));
    assert!(blame(1).is_err());
}

#[test]
fn a_liar_is_not_named() {
    let ghost = ghost();
    let (lie, next) = (compute(0, 7), compute(1, 8));
    let fault = Fault { party: p(3), kind: OpeningFault::WrongShare.into() };
    let story = |named: bool, goes_on: bool| {
        let mut all = vec![What::Lied { by: p(3), to: p(0), message: &lie }];
        if goes_on {
            all.push(said(0, Recipient::All, &next));
        }
        if named {
            all.push(What::Blamed { by: p(0), fault: &fault });
        }
        all.push(handled(3, 0, &lie));
        verdict("completeness", &ghost, all)
    };
    assert!(story(false, true).is_err());
    assert_eq!(story(true, true), Ok(()));
    assert_eq!(story(false, false), Ok(()), "not opened yet");
    let lie = mask(5, 7);
    let story = |voted: bool| {
        let mut all = vec![What::Lied { by: p(3), to: p(0), message: &lie }];
        if voted {
            all.push(What::Voted { by: p(0), decision: digest(), position: 5 });
        }
        all.push(handled(3, 0, &lie));
        verdict("completeness", &ghost, all)
    };
    assert!(story(true).is_err());
    assert_eq!(story(false), Ok(()));
}

#[test]
fn a_mask_used_twice_is_not_fresh() {
    let ghost = ghost();
    let (first, again, other) = (mask(5, 7), mask(6, 7), mask(6, 8));
    let to = |party| Recipient::One(p(party));
    let fresh = |all| verdict("freshness", &ghost, all);
    assert_eq!(fresh(vec![said(0, to(1), &first), said(0, to(1), &other)]), Ok(()));
    assert_eq!(fresh(vec![said(0, to(1), &first), said(1, to(1), &again)]), Ok(()));
    assert!(fresh(vec![said(0, to(1), &first), said(0, to(1), &again)]).is_err());
    assert!(fresh(vec![said(0, to(1), &first), said(0, to(2), &first)]).is_err());
}

#[test]
fn a_nonce_pair_used_for_two_messages_is_not_fresh() {
    let ghost = ghost();
    let sign_in = |epoch, by, pair, last: u8| What::Signed {
        by: p(by),
        epoch,
        position: pair,
        pair,
        message: Digest::from([last; 32]),
    };
    let sign = |by, pair, last| sign_in(1, by, pair, last);
    let fresh = |all| verdict("freshness", &ghost, all);
    assert_eq!(fresh(vec![sign(0, 1, 1), sign(1, 1, 1), sign(0, 2, 2)]), Ok(()));
    assert!(fresh(vec![sign(0, 1, 1), What::Restarted { by: p(0) }, sign(0, 1, 2)]).is_err());
    assert!(fresh(vec![sign(0, 1, 1), sign(1, 1, 2)]).is_err());
    assert!(fresh(vec![What::Stopped { by: p(0), pair: 1 }]).is_err());
    assert_eq!(fresh(vec![sign(0, 1, 1), sign_in(2, 0, 1, 2)]), Ok(()), "pairs are an epoch's");
    // The same nonce in the signatures of two decisions, of whatever epoch.
    let one = statement(&ghost, &[0, 1, 2], Outcome::Accepted);
    let mut other = one.clone();
    other.proposal = Digest::from([8; 32]);
    assert_eq!(fresh(vec![certified(0, &one), certified(1, &one)]), Ok(()));
    assert!(fresh(vec![certified(0, &one), certified(1, &other)]).is_err());
}

#[test]
fn two_things_said_in_one_place_are_equivocation() {
    let ghost = ghost();
    let value = |m| Message::Slot(0, collect::Message::Value(p(1), m));
    let echo = |last: u8| value(rbc::Message::Echo(Digest::from([last; 32])));
    let ready = |last: u8| value(rbc::Message::Ready(Digest::from([last; 32])));
    let vote = |kind, round, one| {
        let (of, none) = (set(&[1]), PartySet::EMPTY);
        let (zero, one) = if one { (none, of) } else { (of, none) };
        let votes = acs::Message::Votes { round, kind, zero, one, bot: none };
        Message::Slot(0, collect::Message::Subset(votes))
    };
    let pair = |a: &Wire, b: &Wire| {
        let to_all = |message| said(0, Recipient::All, message);
        let restarted = What::Restarted { by: p(0) };
        verdict("honest equivocation", &ghost, vec![to_all(a), restarted, to_all(b)])
    };
    assert!(pair(&echo(1), &echo(2)).is_err());
    assert!(pair(&ready(1), &ready(2)).is_err());
    assert_eq!(pair(&echo(1), &ready(2)), Ok(()));
    for kind in [Kind::E2, Kind::E3, Kind::Decide] {
        assert_eq!(pair(&vote(kind, 1, true), &vote(kind, 1, true)), Ok(()));
        assert!(pair(&vote(kind, 1, true), &vote(kind, 1, false)).is_err());
    }
    assert_eq!(pair(&vote(Kind::E1, 1, true), &vote(Kind::E1, 1, false)), Ok(()));
    assert_eq!(pair(&vote(Kind::E2, 1, true), &vote(Kind::E2, 2, false)), Ok(()));
    assert!(pair(&vote(Kind::Decide, 1, true), &vote(Kind::Decide, 2, false)).is_err());
    assert!(pair(&compute(0, 1), &compute(0, 2)).is_err());
    assert_eq!(pair(&compute(0, 1), &compute(1, 2)), Ok(()));
}

#[test]
fn too_many_steps_or_rounds_are_out_of_bounds() {
    let ghost = ghost();
    let steps = |steps| verdict("bounds", &ghost, vec![What::Steps(steps)]);
    let most = super::bounds::most_steps(4, 1);
    assert_eq!(steps(most), Ok(()));
    assert!(steps(most + 1).is_err());
    let round = |round| {
        let (zero, none) = (set(&[1]), PartySet::EMPTY);
        let votes = acs::Message::Votes { round, kind: Kind::E2, zero, one: none, bot: none };
        let message = Message::Slot(0, collect::Message::Subset(votes));
        verdict("bounds", &ghost, vec![said(0, Recipient::All, &message)])
    };
    assert_eq!(round(super::bounds::MOST_ROUNDS), Ok(()));
    assert!(round(super::bounds::MOST_ROUNDS + 1).is_err());
}
