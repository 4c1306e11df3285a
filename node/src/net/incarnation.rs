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
//! - (N3) A higher one is accepted once the one before has had no stream for [`GRACE`]. To hear of
//!   it, the member drops its connections to the other one and dials it: a node that lives greets
//!   again.
//!   A lower one, and another with the same number, is not accepted. As long as such a one greets,
//!   and the accepted one has no stream, the member dials again every [`SEEK`]: who is connected may
//!   be the other one alone.
//! - (N4) Nothing is taken from a start that is not accepted, nor is anything sent to it.
//! - (N5) A start that `t + 1` members tell, each with a signature of its member for another one, that
//!   this other one lives, stops for good: one of them is honest, and there are two.
//! - (N6) It says nothing for decisions before `t + 1` members have accepted it.
//! - (N7) A start that is shown a signature for one that is higher than itself, or of the same number,
//!   says nothing more for decisions: its directory is an older copy, or was copied. It writes down, in
//!   one file, that this is so and the highest number that it was shown. Once `n - t - 1` members have
//!   told it something, and as long as N5 needs, and N5 has not stopped it, it ends, and the node is
//!   started anew: its store is marked as one that may have lost its end, what was going on in its
//!   name beside that is forgotten, then its number is raised to the highest it was shown, all of it
//!   durable and in this order, then comes N1. It is silent where it may have spoken, and takes part
//!   in what is new (`party::restored` in the protocol).
//!
//! # Why it works
//! *One is enough for N7.* Nobody else makes our signatures: whoever shows a later start, there was
//! one. To believe it costs a member its part in what is open, and nothing else.
//!
//! *A crash in between.* Before the store is marked the file stands, and no start has a number; after
//! it, a lower number only means that N7 comes once more. A number never rises before the mark.
//!
//! *What comes back contradicts nobody*, not even the older start, should that have spoken: the
//! argument of `party::restored` holds for all starts before, together. Whether the older one spoke is
//! a matter of N6: with `t + 1` that accepted it, one honest member had met none later.
//!
//! *Not two at a time.* Who comes back is a start like any other. As long as another one has streams,
//! its number is not accepted, and N5 stops it; N7 waits for `n - t - 1` because whom so many do not
//! hear of cannot decide anything meanwhile. Say that two old copies come back together, when the last
//! start is dead. A member accepts one of the two, and says to the other one that it lives: whoever
//! is refused by `t + 1` stops. If the members are split in halves, both may stop, or be shown each
//! other and come back once more after different times (`Standing::watch`). Neither says more than its
//! question how far the others are before `2t + 1` answer, and these hear one of them only.
//!
//! *It ends.* Each time the number rises above one that our key has signed. A liar has nothing to show
//! but starts that were, and those of a second copy that runs; the command gives up after some.
//!
//! # What is not covered
//! A copy is found by members that have met the later start. If none of those is there, or up to `t`
//! malicious members are the only ones, it runs until it meets another. Nor is a copy found that was
//! started, and met nobody, as often as the node itself since it was made: it has the same numbers.

use std::time::Duration;

use quorate_protocol::Tag;
use quorate_protocol::crypto::identity::{IdentityKey, IdentityPublic, Signature};
use quorate_protocol::wire;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long a start that is followed by another may take to say that it lives.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How often the accepted start is dialled that is not there while an older one greets: not before one
/// that follows it could be accepted.
const SEEK: Duration = GRACE.saturating_add(Duration::from_millis(500));

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
    /// Its open streams of this round.
    streams: usize,
    /// When the last of them ended.
    ended: Instant,
    /// How often it was challenged: streams from before say nothing of it.
    round: u64,
    other: Option<Other>,
    /// When it was challenged or sought last.
    sought: Option<Instant>,
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
    Refused(Doubt),
}

/// How to see whether the accepted start lives when another one greets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Doubt {
    /// The connections are to be dropped, and it is to be dialled.
    Challenge,
    /// It is to be dialled.
    Seek,
    /// It is there, or was dialled a while ago.
    Wait,
}

impl Acquaintance {
    pub(super) const fn new(accepted: Option<SignedIncarnation>, now: Instant) -> Self {
        let (heard, other, sought) = (None, None, None);
        Self { accepted, heard, streams: 0, ended: now, round: 0, other, sought }
    }

    /// The highest that was accepted.
    pub(super) const fn accepted(&self) -> Option<SignedIncarnation> {
        self.accepted
    }

    /// Whether the accepted one was heard since another one greeted, and is there still or was lately.
    pub(super) fn lives(&self, now: Instant) -> bool {
        let since = self.other.as_ref().map(|other| other.since);
        let is_here = |heard| self.streams > 0 || now.duration_since(heard) < 2 * GRACE;
        let late = |heard: Instant| Some(heard) > since && is_here(heard);
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
        let quiet = other.quiet.max(self.ended).max(self.heard.unwrap_or(other.quiet));
        self.other = Some(other);
        let challenge = first && self.streams > 0;
        if challenge {
            self.round += 1;
            (self.streams, self.ended) = (0, now);
        }
        let is_quiet = self.streams == 0 && now.duration_since(quiet) >= GRACE;
        let follows = theirs.number > accepted.incarnation.number;
        if follows && is_quiet && !challenge {
            return Judgement::Next;
        }
        let lately = self.sought.is_some_and(|at| now < at + SEEK);
        if !challenge && (follows || self.streams > 0 || lately) {
            return Judgement::Refused(Doubt::Wait);
        }
        self.sought = Some(now);
        Judgement::Refused(if challenge { Doubt::Challenge } else { Doubt::Seek })
    }

    /// Accepts a start that is [`Judgement::Next`].
    pub(super) fn accept(&mut self, theirs: SignedIncarnation, now: Instant) {
        let (heard, round) = (Some(now), self.round + 1);
        *self = Self { heard, round, ..Self::new(Some(theirs), now) };
    }

    /// A stream of the accepted start is open, in the round that this gives back.
    pub(super) const fn opened(&mut self) -> u64 {
        self.streams += 1;
        self.round
    }

    /// A stream that was opened in this round has ended.
    pub(super) const fn closed(&mut self, round: u64, now: Instant) {
        if self.round == round {
            self.streams = self.streams.saturating_sub(1);
            self.ended = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Judgement::Refused;
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
        let round = known.opened();
        // Its connection still seems to stand: dropped, to see.
        assert_eq!(known.judge(second.incarnation, after(9.0)), Refused(Doubt::Challenge));
        assert_eq!(known.judge(second.incarnation, after(9.1)), Refused(Doubt::Wait));
        assert!(!known.lives(after(9.1)));
        known.closed(round, after(9.1));
        assert_eq!(known.judge(second.incarnation, after(10.9)), Refused(Doubt::Wait));
        assert_eq!(known.judge(second.incarnation, after(11.0)), Judgement::Next);
        known.accept(second, after(11.0));
        assert_eq!(known.judge(second.incarnation, after(11.0)), Judgement::Known);
        assert_eq!(
            known.judge(first.incarnation, after(99.0)),
            Refused(Doubt::Seek),
            "never again"
        );
    }

    #[test]
    fn after_a_stop_that_was_noticed_a_restart_is_accepted_at_once() {
        let (first, second) = (start(1), start(2));
        let mut known = Acquaintance::new(Some(first), after(0.0));
        let round = known.opened();
        known.closed(round, after(5.0));
        assert_eq!(known.judge(second.incarnation, after(7.0)), Judgement::Next);
        // Who has just started itself may not have heard of it yet.
        let mut known = Acquaintance::new(Some(first), after(0.0));
        assert_eq!(known.judge(second.incarnation, after(1.0)), Refused(Doubt::Wait));
    }

    #[test]
    fn a_start_that_is_not_there_is_sought_as_long_as_another_one_greets() {
        let (first, copy) = (start(3), start(2));
        let mut known = Acquaintance::new(Some(first), after(0.0));
        let mut doubt = |at: f64| known.judge(copy.incarnation, after(at));
        for (at, expected) in [(0.0, Doubt::Seek), (2.4, Doubt::Wait), (2.5, Doubt::Seek)] {
            assert_eq!(doubt(at), Refused(expected), "{at}");
        }
        assert_eq!(doubt(4.9), Refused(Doubt::Wait));
        assert_eq!(doubt(5.0), Refused(Doubt::Seek));
        assert_eq!(known.judge(first.incarnation, after(6.0)), Judgement::Known);
        let stream = known.opened();
        assert_eq!(known.judge(copy.incarnation, after(9.0)), Refused(Doubt::Wait), "it is there");
        known.closed(stream, after(10.0));
        assert_eq!(known.judge(copy.incarnation, after(10.1)), Refused(Doubt::Seek));
    }

    #[test]
    fn a_start_that_lives_keeps_its_copies_out() {
        let first = start(3);
        for number in [2, 3, 4] {
            let copy = start(number);
            let mut known = Acquaintance::new(Some(first), after(0.0));
            let before = known.opened();
            assert_eq!(
                known.judge(copy.incarnation, after(9.0)),
                Refused(Doubt::Challenge),
                "{number}"
            );
            assert!(!known.lives(after(9.0)), "not heard since");
            assert_eq!(known.judge(first.incarnation, after(10.5)), Judgement::Known);
            assert!(known.lives(after(10.5)));
            let doubt = if number > 3 { Doubt::Wait } else { Doubt::Seek };
            assert_eq!(known.judge(copy.incarnation, after(12.0)), Refused(doubt));
            assert!(!known.lives(after(99.0)), "that was long ago");
            // As long as it has a stream, however long ago it greeted on it.
            let stream = known.opened();
            known.closed(before, after(98.0));
            assert!(known.lives(after(99.0)));
            assert_eq!(
                known.judge(copy.incarnation, after(99.0)),
                Refused(Doubt::Wait),
                "{number}"
            );
            known.closed(stream, after(100.0));
            assert!(!known.lives(after(101.0)));
            let next = known.judge(copy.incarnation, after(102.0));
            assert_eq!(next == Judgement::Next, number == 4, "{next:?}");
        }
    }
}
