//! The checkers of material and of what is opened, in doctored worlds.

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::certificate::{Outcome, Statement};
use quorate_protocol::decision::{collect, life};
use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::mpc::engine;
use quorate_protocol::mpc::preprocessing::Triple;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::open;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire::{self, Bytes};

use super::doctored::{certified, digest, ghost, p, set, statement, verdict};
use super::doctored_epochs::{began, keys, start};
use super::reference::Reference;
use super::*;

const POSITION: u64 = 5;

fn at(value: u64) -> Fp61 {
    Fp61::from_u64(value)
}

/// A party's shares of values, with slopes of their own.
fn shares(values: &[Fp61], party: u16) -> Vec<Fp61> {
    let share = |(i, value): (u64, &Fp61)| *value + at(1000 + i) * at(p(party).point());
    (0..).zip(values).map(share).collect()
}

/// What a run made, in the clear: pairs of a triple's factors are all different, and bits a pattern.
fn material() -> Batch<Fp61> {
    let triple = |i: u64| {
        let (a, b) = (at(7 * i + 3), at(7 * i + 5));
        Triple { a, b, c: a * b }
    };
    Batch {
        triples: (0..20).map(triple).collect(),
        bits: (0..100u64).map(|i| at((i * i / 3) & 1)).collect(),
    }
}

fn of_party(batch: &Batch<Fp61>, party: u16) -> Batch<Fp61> {
    let flat: Vec<Fp61> = batch.triples.iter().flat_map(|t| [t.a, t.b, t.c]).collect();
    let triples = shares(&flat, party);
    let triples = triples.chunks(3).map(|t| Triple { a: t[0], b: t[1], c: t[2] });
    Batch { triples: triples.collect(), bits: shares(&batch.bits, party) }
}

fn refilled(by: u16, run: u64, batch: &Batch<Fp61>) -> What<'_> {
    What::Refilled { by: p(by), epoch: 1, run, batch }
}

#[test]
fn material_that_is_not_what_it_should_be_is_seen() {
    let ghost = ghost();
    let judge = |batch: &Batch<Fp61>, again: Option<&Batch<Fp61>>| {
        let mine: Vec<_> = (0..3).map(|party| of_party(batch, party)).collect();
        let next: Vec<_> = (0..2).map(|party| of_party(again.unwrap_or(batch), party)).collect();
        let mut all: Vec<_> = (0..).zip(&mine).map(|(by, batch)| refilled(by, 0, batch)).collect();
        if again.is_some() {
            all.extend((0..).zip(&next).map(|(by, batch)| refilled(by, 1, batch)));
        }
        verdict("material", &ghost, all)
    };
    let good = material();
    assert_eq!(judge(&good, None), Ok(()));
    let mut bad = good.clone();
    bad.bits[7] = at(2);
    assert!(judge(&bad, None).is_err(), "no bit");
    let mut bad = good.clone();
    bad.triples[3].c += Fp61::ONE;
    assert!(judge(&bad, None).is_err(), "no product");
    let mut bad = good.clone();
    bad.triples[3] = bad.triples[4];
    assert!(judge(&bad, None).is_err(), "one triple twice in a run");
    assert!(judge(&good, Some(&good)).is_err(), "one run twice");
    let (first, second, third) = (of_party(&good, 0), of_party(&good, 1), of_party(&good, 2));
    let three = |third| {
        let all = vec![refilled(0, 0, &first), refilled(1, 0, &second), refilled(2, 0, third)];
        verdict("material", &ghost, all)
    };
    assert_eq!(three(&third), Ok(()));
    let mut other = third.clone();
    other.bits[0] += Fp61::ONE;
    assert!(three(&other).is_err(), "not of one polynomial");
}

/// What happens in one decision; a test changes a part of it.
struct Story {
    masks: Vec<Fp61>,
    ballots: Vec<(u16, u64)>,
    decided: PartySet,
    rounds: Vec<Vec<Fp61>>,
    order: Vec<usize>,
    pair: u64,
    counted: Statement,
}

fn reference() -> Reference {
    Reference::of(&ghost().questions[&digest()].proposal.rule).unwrap()
}

/// The opened sum of these inputs, and what is opened after it.
fn rounds(sum: u64, inputs: usize) -> Vec<Vec<Fp61>> {
    let (rule, batch) = (reference(), material());
    let hiding = &batch.bits[28..77];
    // What is opened is the sum and what a masked 0 would be.
    let opened = at(sum) - rule.sum(4, inputs, hiding, Fp61::ZERO);
    let mut rounds = vec![vec![opened]];
    rounds.extend(rule.computation(4, hiding, &batch.triples[..12], opened));
    rounds.push(vec![rule.outcome(sum, inputs)]);
    rounds
}

impl Story {
    fn new() -> Self {
        let rounds = rounds(240, 3);
        Self {
            masks: material().bits[14..21].to_vec(),
            ballots: vec![(0, 80), (1, 80), (2, 80)],
            decided: set(&[0, 1, 2, 3]),
            order: (0..rounds.len()).collect(),
            rounds,
            pair: 0,
            counted: statement(&ghost(), &[0, 1, 2], Outcome::Accepted),
        }
    }

    fn ballot(voter: u16, value: u64) -> Wire {
        let ghost = ghost();
        let bits = ghost.questions[&digest()].proposal.rule.vote_bits(value).unwrap();
        let batch = material();
        let masks = batch.bits[7 * usize::from(voter)..].iter().map(|mask| *mask == Fp61::ONE);
        let bits: Vec<bool> = bits.into_iter().zip(masks).map(|(bit, mask)| bit ^ mask).collect();
        let payload = Bytes::from(wire::encode(&Ballot::masked(&bits)));
        let signed = Keyring::for_tests(4, 1);
        let signature = signed[0].identity().sign(&Tag::root(&[0; 32], 0), "", b"");
        let send = rbc::Message::Send { payload, signature };
        let value = collect::Message::Value(p(voter), send);
        Message::Decision(POSITION, life::Message::Collect(value))
    }

    fn told(&self) -> Result<(), String> {
        let (ghost, keys, batch) = (ghost(), keys(1, 1), material());
        let batches: Vec<_> = (0..2).map(|party| of_party(&batch, party)).collect();
        let said = |by: u16, to, message| What::Said { by: p(by), epoch: 1, to, message };
        let ordered = What::Ordered { by: p(0), epoch: 1, decision: digest(), position: POSITION };
        let mut all = vec![began(&keys[0], start(POSITION, 0)), ordered];
        all.extend((0..).zip(&batches).map(|(by, batch)| refilled(by, 0, batch)));
        let mask = |by| {
            let shares = open::Message::new(shares(&self.masks, by).into());
            Message::Decision(POSITION, life::Message::Mask(shares))
        };
        let masks: Vec<Wire> = (0..2).map(mask).collect();
        all.extend((0..).zip(&masks).map(|(by, m)| said(by, Recipient::One(p(2)), m)));
        let ballots: Vec<(u16, Wire)> =
            self.ballots.iter().map(|(by, value)| (*by, Self::ballot(*by, *value))).collect();
        all.extend(ballots.iter().map(|(by, m)| said(*by, Recipient::All, m)));
        let (one, bot) = (set(&[0, 1, 2]), PartySet::EMPTY);
        let zero = self.decided.difference(one);
        let votes = acs::Message::Votes { round: 0, kind: Kind::Decide, zero, one, bot };
        let votes = life::Message::Collect(collect::Message::Subset(votes));
        let votes = Message::Decision(POSITION, votes);
        all.extend((0..2).map(|by| said(by, Recipient::All, &votes)));
        let compute = |by: u16, round: usize| {
            let shares = open::Message::new(shares(&self.rounds[round], by).into());
            let message = engine::Message { round: round as u16, shares };
            Message::Decision(POSITION, life::Message::Compute(message))
        };
        let computed: Vec<(u16, Wire)> = self
            .order
            .iter()
            .flat_map(|round| (0..2).map(move |by| (by, compute(by, *round))))
            .collect();
        all.extend(computed.iter().map(|(by, m)| said(*by, Recipient::All, m)));
        let message = Digest::from([3; 32]);
        let (pair, position) = (self.pair, POSITION);
        all.push(What::Signed { by: p(0), epoch: 1, position, pair, message });
        all.push(certified(0, &self.counted));
        verdict("openings", &ghost, all)
    }
}

fn changed(change: impl FnOnce(&mut Story)) -> Result<(), String> {
    let mut story = Story::new();
    change(&mut story);
    story.told()
}

#[test]
fn what_the_rule_does_not_allow_to_be_opened_is_seen() {
    assert_eq!(changed(|_| {}), Ok(()));
    assert!(changed(|s| s.masks[0] += Fp61::ONE).is_err(), "masks of another bit");
    assert!(changed(|s| s.masks.truncate(6)).is_err(), "too few masks");
    assert!(changed(|s| s.ballots[1].1 = 10).is_err(), "not what was entered");
    assert!(changed(|s| s.decided.remove(p(3)).then_some(()).unwrap()).is_err(), "not sealed");
    assert!(changed(|s| s.order = vec![0, 2, 1, 3, 4, 5]).is_err(), "out of order");
    assert_eq!(changed(|s| s.order.push(5)), Ok(()), "said again, as after a restart");
    let more = |s: &mut Story| {
        s.rounds.push(s.rounds[5].clone());
        s.order.push(6);
    };
    assert!(changed(more).is_err(), "more than there is to open");
    assert!(changed(|s| s.rounds[1][0] += Fp61::ONE).is_err(), "not under its triple");
    assert!(changed(|s| s.rounds[2].truncate(3)).is_err(), "too few values");
    assert!(changed(|s| s.rounds[5][0] = at(2)).is_err(), "no bit");
    assert!(changed(|s| s.rounds[5][0] = Fp61::ZERO).is_err(), "another outcome");
    assert!(changed(|s| s.rounds = rounds(230, 3)).is_err(), "another sum");
    assert!(changed(|s| s.pair = 1).is_err(), "the pair of another position");
    let with =
        |counted: &[u16], outcome| changed(|s| s.counted = statement(&ghost(), counted, outcome));
    assert!(with(&[0, 1, 2], Outcome::Rejected).is_err());
    assert!(with(&[0, 1], Outcome::Expired).is_err(), "computed all the same");
}
