//! One start of a node, so that others can tell two of them apart.
//!
//! # Model
//! A data directory may be run twice at the same time, or an old copy of it may be put in place of a
//! later one. Either way the node would say again, and otherwise, what it said before. The directory
//! alone cannot know; the other members can.
//!
//! # Protocol
//! - (N1) Each start has a number, one more than that of the start before, durable in the directory
//!   before the first connection, and a random nonce. The member signs both.
//! - (N2) A member remembers durably the highest that it has accepted of each other one, and shows
//!   it to that one in every greeting, with the signature.
//! - (N3) A higher one is accepted once nothing was heard of the one before for [`GRACE`]. To hear of
//!   it, the member drops its connections to the other one and dials it: a node that lives greets
//!   again.
//!   A lower one, and another with the same number, is not accepted.
//! - (N4) Nothing is taken from a start that is not accepted, nor is anything sent to it.
//! - (N5) A start that is shown a signature of its member for one that is higher than itself, or of
//!   the same number, is an old copy, or its directory was copied: it stops. So does one that
//!   `t + 1` members tell, each with such a signature, that another one lives: one of them is honest.
//! - (N6) It says nothing for decisions before `t + 1` members have accepted it.
//!
//! # What is not covered
//! A copy is found by members that have met the later start. If none of those is there, or up to `t`
//! malicious members are the only ones, it runs until it meets another.

use std::time::Duration;

use quorate_protocol::Tag;
use quorate_protocol::crypto::identity::{IdentityKey, IdentityPublic, Signature};
use quorate_protocol::wire;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long a start that is followed by another may take to say that it lives.
pub(super) const GRACE: Duration = Duration::from_secs(2);

const LABEL: &str = "incarnation";

/// One start of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Incarnation {
    /// One more than that of the start before.
    pub number: u64,
    /// Drawn at the start.
    pub nonce: u64,
}

/// An incarnation with its member's signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedIncarnation {
    /// What is signed.
    pub incarnation: Incarnation,
    signature: Signature,
}

impl SignedIncarnation {
    /// Start number `number` in the network with this digest.
    pub fn begin(key: &IdentityKey, network: &[u8; 32], number: u64) -> Self {
        let incarnation = Incarnation { number, nonce: rand::random() };
        let signature = key.sign(&tag(network), LABEL, &wire::encode(&incarnation));
        Self { incarnation, signature }
    }

    /// Whether the member with this key made the signature.
    pub(super) fn is_of(&self, member: &IdentityPublic, network: &[u8; 32]) -> bool {
        let message = wire::encode(&self.incarnation);
        member.verify(&tag(network), LABEL, &message, &self.signature)
    }
}

fn tag(network: &[u8; 32]) -> Tag {
    Tag::root(network, 0).child("links")
}

/// What is known about the starts of another member.
#[derive(Debug)]
pub(super) struct Acquaintance {
    /// The highest that was accepted.
    accepted: Option<SignedIncarnation>,
    /// When it greeted last.
    heard: Option<Instant>,
    /// Its open streams.
    streams: usize,
    /// When the last of them ended.
    ended: Instant,
    other: Option<Other>,
}

/// Another start than the one that is accepted.
#[derive(Debug)]
struct Other {
    incarnation: Incarnation,
    /// When it greeted first.
    since: Instant,
    /// From when on nothing was heard of the accepted one, if it did not greet since.
    quiet: Instant,
}

/// What to do with a start that greets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Judgement {
    /// It is the one that was accepted.
    Known,
    /// It is the first, or follows the one that was accepted: to be accepted, once that is durable.
    Next,
    /// It is not accepted, or not yet.
    Refused {
        /// The connections are to be dropped, to see whether the accepted one lives.
        challenge: bool,
    },
}

impl Acquaintance {
    pub(super) const fn new(accepted: Option<SignedIncarnation>, now: Instant) -> Self {
        Self { accepted, heard: None, streams: 0, ended: now, other: None }
    }

    /// The highest that was accepted.
    pub(super) const fn accepted(&self) -> Option<SignedIncarnation> {
        self.accepted
    }

    /// Whether the accepted one was heard since another one greeted, and lately.
    pub(super) fn lives(&self, now: Instant) -> bool {
        let since = self.other.as_ref().map(|other| other.since);
        let late = |heard: Instant| Some(heard) > since && now.duration_since(heard) < 2 * GRACE;
        since.is_some() && self.heard.is_some_and(late)
    }

    /// N3: judges a start whose signature holds.
    pub(super) fn judge(&mut self, theirs: Incarnation, now: Instant) -> Judgement {
        let Some(accepted) = self.accepted else { return Judgement::Next };
        if theirs == accepted.incarnation {
            self.heard = Some(now);
            return Judgement::Known;
        }
        let known = self.other.take().filter(|other| other.incarnation == theirs);
        let first = known.is_none();
        let quiet = if self.streams == 0 { self.ended } else { now };
        let other = known.unwrap_or(Other { incarnation: theirs, since: now, quiet });
        let quiet = Some(other.quiet).max(self.heard);
        self.other = Some(other);
        let is_quiet = quiet.is_some_and(|since| now.duration_since(since) >= GRACE);
        if theirs.number > accepted.incarnation.number && is_quiet {
            return Judgement::Next;
        }
        Judgement::Refused { challenge: first && self.streams > 0 }
    }

    /// Accepts a start that is [`Judgement::Next`].
    pub(super) fn accept(&mut self, theirs: SignedIncarnation, now: Instant) {
        let streams = 0;
        *self = Self { accepted: Some(theirs), heard: Some(now), streams, ended: now, other: None };
    }

    /// A stream of this start is open.
    pub(super) fn opened(&mut self, start: Incarnation) {
        if self.is_accepted(start) {
            self.streams += 1;
        }
    }

    /// A stream of this start has ended.
    pub(super) fn closed(&mut self, start: Incarnation, now: Instant) {
        if self.is_accepted(start) {
            self.streams = self.streams.saturating_sub(1);
            self.ended = now;
        }
    }

    fn is_accepted(&self, start: Incarnation) -> bool {
        self.accepted.is_some_and(|accepted| accepted.incarnation == start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NETWORK: [u8; 32] = [1; 32];

    fn key(seed: u8) -> IdentityKey {
        IdentityKey::from_bytes(&[seed; 32])
    }

    fn start(number: u64) -> SignedIncarnation {
        SignedIncarnation::begin(&key(1), &NETWORK, number)
    }

    fn after(seconds: f64) -> Instant {
        static ZERO: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *ZERO.get_or_init(Instant::now) + Duration::from_secs_f64(seconds)
    }

    fn refused(challenge: bool) -> Judgement {
        Judgement::Refused { challenge }
    }

    #[test]
    fn a_signature_holds_for_its_member_network_number_and_nonce_alone() {
        let signed = start(5);
        assert!(signed.is_of(&key(1).public(), &NETWORK));
        assert!(!signed.is_of(&key(2).public(), &NETWORK));
        assert!(!signed.is_of(&key(1).public(), &[2; 32]));
        for change in [|it: &mut Incarnation| it.number += 1, |it: &mut Incarnation| it.nonce ^= 1]
        {
            let mut changed = signed;
            change(&mut changed.incarnation);
            assert!(!changed.is_of(&key(1).public(), &NETWORK));
        }
    }

    #[test]
    fn a_restart_is_accepted_once_the_start_before_is_quiet() {
        let (first, second) = (start(1), start(2));
        let mut known = Acquaintance::new(None, after(0.0));
        assert_eq!(known.judge(first.incarnation, after(0.0)), Judgement::Next);
        known.accept(first, after(0.0));
        known.opened(first.incarnation);
        // Its connection still seems to stand: dropped, to see.
        assert_eq!(known.judge(second.incarnation, after(9.0)), refused(true));
        assert_eq!(known.judge(second.incarnation, after(9.1)), refused(false));
        assert!(!known.lives(after(9.1)));
        known.closed(first.incarnation, after(9.1));
        assert_eq!(known.judge(second.incarnation, after(10.9)), refused(false));
        assert_eq!(known.judge(second.incarnation, after(11.0)), Judgement::Next);
        known.accept(second, after(11.0));
        assert_eq!(known.judge(second.incarnation, after(11.0)), Judgement::Known);
        assert_eq!(known.judge(first.incarnation, after(99.0)), refused(false), "never again");
    }

    #[test]
    fn after_a_stop_that_was_noticed_a_restart_is_accepted_at_once() {
        let (first, second) = (start(1), start(2));
        let mut known = Acquaintance::new(Some(first), after(0.0));
        known.opened(first.incarnation);
        known.closed(first.incarnation, after(5.0));
        assert_eq!(known.judge(second.incarnation, after(7.0)), Judgement::Next);
        // Who has just started itself may not have heard of it yet.
        let mut known = Acquaintance::new(Some(first), after(0.0));
        assert_eq!(known.judge(second.incarnation, after(1.0)), refused(false));
    }

    #[test]
    fn a_start_that_lives_keeps_its_copies_out() {
        let first = start(3);
        for number in [2, 3, 4] {
            let copy = start(number);
            let mut known = Acquaintance::new(Some(first), after(0.0));
            known.opened(first.incarnation);
            assert_eq!(known.judge(copy.incarnation, after(9.0)), refused(true), "{number}");
            assert!(!known.lives(after(9.0)), "not heard since");
            assert_eq!(known.judge(first.incarnation, after(10.5)), Judgement::Known);
            assert!(known.lives(after(10.5)));
            assert_eq!(known.judge(copy.incarnation, after(12.0)), refused(false));
            assert!(!known.lives(after(99.0)), "that was long ago");
        }
    }
}
