//! The checker of what must be named, in doctored worlds: 3 is Byzantine, and shows 0 this and that.

use quorate_protocol::agreement::rbc;
use quorate_protocol::crypto::{Digest, Keyring, Signature};
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::certificate::{Certificate, Outcome};
use quorate_protocol::decision::certifying::{self, Certified};
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::fault::{
    DecisionFault, Fault, FaultKind, OpeningFault, RbcFault, SharingFault,
};
use quorate_protocol::keys::GroupSignature;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::acss;
use quorate_protocol::tag::Tag;
use quorate_protocol::wire;
use rand::SeedableRng;

use super::doctored::{certified, digest, ghost, p, set, statement, verdict};
use super::doctored_states::sealed;
use super::*;
use crate::Rng;
use crate::adversary::made_up;

const POSITION: u64 = 5;

const fn said(message: &Wire) -> What<'_> {
    What::Said { by: p(0), epoch: 1, to: Recipient::All, message }
}

const fn heard(from: u16, message: &Wire) -> What<'_> {
    What::Handled { from: p(from), by: p(0), epoch: 1, message, effects: 1 }
}

fn fault(kind: impl Into<FaultKind>) -> Fault {
    Fault { party: p(3), kind: kind.into() }
}

const fn blamed(fault: &Fault) -> What<'_> {
    What::Blamed { by: p(0), fault }
}

fn ordered() -> What<'static> {
    What::Ordered { by: p(0), epoch: 1, decision: digest(), position: POSITION }
}

fn judge(all: Vec<What<'_>>) -> Result<(), String> {
    verdict("notice", &ghost(), all)
}

/// Something of the broadcast of a value of 3.
const fn value(message: rbc::Message) -> Wire {
    Message::Slot(0, collect::Message::Value(p(3), message))
}

fn send(last: u8) -> rbc::Message {
    let signature = Signature::from_bytes([0; 64]);
    rbc::Message::Send { payload: vec![last].into(), signature }
}

fn echo(last: u8) -> Wire {
    value(rbc::Message::Echo(Digest::from([last; 32])))
}

fn ready(last: u8) -> Wire {
    value(rbc::Message::Ready(Digest::from([last; 32])))
}

#[test]
fn two_messages_where_one_is_allowed_are_not_overlooked() {
    let fault = fault(RbcFault::Equivocation);
    let (ours, next) = (echo(9), ready(9));
    let story = |from, a: &Wire, b: &Wire, named: bool, goes_on: bool| {
        let mut all = vec![said(&ours), heard(from, a), heard(from, b)];
        all.extend(named.then(|| blamed(&fault)));
        all.extend(goes_on.then(|| said(&next)));
        judge(all)
    };
    let twice = [(value(send(1)), value(send(2))), (echo(1), echo(2)), (ready(1), ready(2))];
    for (a, b) in &twice {
        assert!(story(3, a, b, false, true).is_err(), "{a}");
        assert_eq!(story(3, a, b, true, true), Ok(()), "{a}");
        assert_eq!(story(3, a, b, false, false), Ok(()), "it may be over: {a}");
        assert_eq!(story(3, a, a, false, true), Ok(()), "the same again: {a}");
    }
    let (a, b) = &twice[0];
    assert!(story(2, a, a, false, true).is_err(), "a SEND of another than the sender");
    assert_eq!(
        judge(vec![heard(3, a), said(&ours), heard(3, b), said(&next)]),
        Ok(()),
        "too early"
    );
    // Once in each of two instances.
    let elsewhere = |m: &Wire| match m {
        Message::Slot(_, m) => Message::Slot(1, m.clone()),
        other => other.clone(),
    };
    let [ours_too, a_too, b_too, next_too] = [&ours, a, b, &next].map(elsewhere);
    let both = |times| {
        let mut all = vec![said(&ours), heard(3, a), heard(3, b)];
        all.extend([said(&ours_too), heard(3, &a_too), heard(3, &b_too)]);
        all.extend((0..times).map(|_| blamed(&fault)));
        all.extend([said(&next), said(&next_too)]);
        judge(all)
    };
    assert!(both(1).is_err(), "named for one of them");
    assert_eq!(both(2), Ok(()));
}

#[test]
fn a_member_that_is_killed_may_not_live_to_tell() {
    let (a, b, ours, next) = (value(send(1)), value(send(2)), echo(9), ready(9));
    let story = |unsteady: &[u16]| {
        let ghost = Ghost { unsteady: set(unsteady), ..ghost() };
        verdict("notice", &ghost, vec![said(&ours), heard(3, &a), heard(3, &b), said(&next)])
    };
    assert!(story(&[]).is_err());
    assert_eq!(story(&[0]), Ok(()));
}

/// Something of the decision that says that 0 takes part in it.
fn taking_part() -> Wire {
    let echo = rbc::Message::Echo(Digest::from([1; 32]));
    Message::Decision(POSITION, life::Message::Collect(collect::Message::Value(p(1), echo)))
}

#[test]
fn a_ballot_of_the_wrong_shape_is_not_overlooked() {
    let ballot = |bits: usize| {
        let payload = wire::encode(&Ballot::masked(&vec![true; bits])).into();
        let send = rbc::Message::Send { payload, signature: Signature::from_bytes([0; 64]) };
        Message::Decision(POSITION, life::Message::Collect(collect::Message::Value(p(3), send)))
    };
    // From 0 to 100: seven bits.
    let (ours, right, wrong) = (taking_part(), ballot(7), ballot(9));
    let fault = fault(DecisionFault::MalformedVote);
    let story = |ballot: &Wire, named: bool| {
        let mut all = vec![ordered(), said(&ours)];
        all.extend(named.then(|| blamed(&fault)));
        all.push(heard(3, ballot));
        judge(all)
    };
    assert!(story(&wrong, false).is_err());
    assert_eq!(story(&wrong, true), Ok(()));
    assert_eq!(story(&right, false), Ok(()));
    assert_eq!(judge(vec![ordered(), heard(3, &wrong)]), Ok(()), "it only follows");
    assert_eq!(judge(vec![said(&ours), heard(3, &wrong)]), Ok(()), "it is not ordered");
    assert_eq!(judge(vec![ordered(), said(&ours), heard(2, &wrong)]), Ok(()), "of another");
    let mut over = statement(&ghost(), &[0, 1, 2], Outcome::Accepted);
    over.position = POSITION;
    let over = certified(0, &over);
    assert_eq!(judge(vec![ordered(), said(&ours), over, heard(3, &wrong)]), Ok(()), "it is over");
}

#[test]
fn another_outcome_is_not_overlooked() {
    let own = |outcome| {
        let keyring = &Keyring::for_tests(4, 1)[3];
        let signature = keyring.identity().sign(&Tag::root(&[0; 32], 0), "", b"");
        let own = certifying::Message::Own(outcome, signature);
        Message::Decision(POSITION, life::Message::Certify(own))
    };
    let (ours, other) = (own(Outcome::Accepted), own(Outcome::Rejected));
    let fault = fault(DecisionFault::WrongOutcome);
    let story = |theirs: &Wire, first: bool, named: bool| {
        let mut all = vec![ordered()];
        all.extend(first.then(|| heard(3, theirs)));
        all.push(said(&ours));
        all.extend(named.then(|| blamed(&fault)));
        // Where theirs came first, it is looked at with the next message.
        all.push(heard(if first { 1 } else { 3 }, if first { &ours } else { theirs }));
        judge(all)
    };
    for first in [true, false] {
        assert!(story(&other, first, false).is_err(), "{first}");
        assert_eq!(story(&other, first, true), Ok(()), "{first}");
        assert_eq!(story(&ours, first, false), Ok(()), "{first}");
    }
    assert_eq!(judge(vec![ordered(), heard(3, &other)]), Ok(()), "0 has signed none");
    assert_eq!(judge(vec![said(&ours), heard(3, &other)]), Ok(()), "it is not ordered");
    let early = vec![heard(3, &ours), ordered(), said(&ours), heard(3, &other), said(&ours)];
    assert_eq!(judge(early), Ok(()), "the first one came before the order");
}

#[test]
fn a_certificate_that_does_not_hold_is_not_overlooked() {
    for accountable in [false, true] {
        let (ghost, certificate) = sealed(accountable);
        let message = |certificate: &Certificate, position| {
            let certified = Certified { certificate: certificate.clone(), document: None };
            Message::Decision(position, life::Message::Certified(Box::new(certified)))
        };
        let good = message(&certificate, POSITION);
        let mut forged = certificate.clone();
        forged.signature = GroupSignature::from_bytes(&[7; 64]);
        let forged = message(&forged, POSITION);
        let elsewhere = message(&certificate, POSITION + 1);
        let fault = fault(DecisionFault::BadCertificate);
        let story = |message: &Wire, named: bool| {
            let open =
                |position| What::Ordered { by: p(0), epoch: 1, decision: digest(), position };
            let mut all = vec![open(POSITION), open(POSITION + 1)];
            all.extend(named.then(|| blamed(&fault)));
            all.push(heard(3, message));
            verdict("notice", &ghost, all)
        };
        assert_eq!(story(&good, false), Ok(()));
        for bad in [&forged, &elsewhere] {
            assert!(story(bad, false).is_err());
            assert_eq!(story(bad, true), Ok(()));
        }
        assert_eq!(verdict("notice", &ghost, vec![heard(3, &forged)]), Ok(()), "it is not open");
    }
}

#[test]
fn whoever_complains_of_a_dealer_or_reveals_for_a_complaint_names_it() {
    let complaint = made_up(100, &mut Rng::seed_from_u64(1)).unwrap();
    let of = |m| Message::Run(0, supply::Message::Nonces(p(3), m));
    let complain = of(acss::Message::Complain(complaint));
    let (reveal, ok) = (of(acss::Message::Reveal(vec![1].into())), of(acss::Message::Ok));
    let right = fault(SharingFault::BadShare);
    let wrong = [fault(SharingFault::FalseComplaint), fault(OpeningFault::WrongShare)];
    for message in [&complain, &reveal] {
        assert!(judge(vec![said(message)]).is_err());
        assert_eq!(judge(vec![blamed(&right), said(message)]), Ok(()));
        for wrong in &wrong {
            assert!(judge(vec![blamed(wrong), said(message)]).is_err(), "{wrong}");
        }
    }
    assert_eq!(judge(vec![said(&ok)]), Ok(()));
}
