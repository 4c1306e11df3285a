//! Frames that wait for the party, and whose turn it is.
//!
//! # Model
//! Handling a frame costs time, and a malicious member sends those that cost most, as fast as it can.
//! Links bound what waits ([`net::bounds`](crate::net)); this bounds what it takes from others.
//!
//! # Rules
//! - (F1) The member on which least time was spent lately comes first. Its frames come in order, and
//!   those of decisions before bulk.
//! - (F2) A frame is handled message by message, and others have their turn after a [`SLICE`].
//! - (F3) A member may use [`SHARE`] of the time in the long run, however little else there is to do, and
//!   [`SAVED`] at once after a while in which it used less. More than that no honest member needs: what
//!   is left belongs to the machine. Its frames wait then, and its link with them.

use std::collections::VecDeque;
use std::time::Duration;

use quorate_protocol::PartyId;
use quorate_protocol::frame::{FrameError, Reader};
use quorate_protocol::party::Class;
use tokio::time::Instant;

use crate::net::{Inbound, Taken};

/// How long the frame of one member is handled before others have their turn.
pub(super) const SLICE: Duration = Duration::from_millis(1);
/// One part in so many of the time is one member's in the long run.
const SHARE: u32 = 10;
/// Time that a member may use at once.
const SAVED: Duration = Duration::from_secs(2);
/// What a byte costs on its way here: decrypted, copied, and read.
const PER_BYTE: Duration = Duration::from_nanos(10);

/// A frame that is being handled.
#[derive(Debug)]
pub(super) struct Work {
    pub from: PartyId,
    pub class: Class,
    pub reader: Reader<Vec<u8>>,
    pub taken: Taken,
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Next {
    /// To go on with this frame.
    Work(Work),
    /// This member sent what is no frame.
    Unreadable(PartyId, FrameError, Taken),
}

/// What waits of one member.
#[derive(Debug)]
struct Account {
    member: PartyId,
    decision: Waiting,
    bulk: Waiting,
    /// Time that was spent on it, as far as it matters to whose turn it is.
    spent: Duration,
    /// From when on it may use more.
    free_at: Instant,
}

#[derive(Default, Debug)]
struct Waiting {
    /// The frame that is half done.
    begun: Option<Work>,
    frames: VecDeque<Inbound>,
}

/// Frames of all members.
#[derive(Debug)]
pub(super) struct Inbox {
    accounts: Vec<Account>,
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.begun.is_none() && self.frames.is_empty()
    }
}

impl Account {
    const fn waiting(&self, class: Class) -> &Waiting {
        match class {
            Class::Decision => &self.decision,
            Class::Bulk => &self.bulk,
        }
    }

    const fn waiting_mut(&mut self, class: Class) -> &mut Waiting {
        match class {
            Class::Decision => &mut self.decision,
            Class::Bulk => &mut self.bulk,
        }
    }

    fn is_idle(&self) -> bool {
        self.decision.is_empty() && self.bulk.is_empty()
    }

    fn charge(&mut self, time: Duration, now: Instant) {
        self.spent += time;
        let since = now.checked_sub(SAVED * SHARE).unwrap_or(now);
        self.free_at = self.free_at.max(since) + time * SHARE;
    }
}

impl Inbox {
    /// For frames of these members.
    pub(super) fn new(members: impl Iterator<Item = PartyId>) -> Self {
        let now = Instant::now();
        let free_at = now.checked_sub(SAVED * SHARE).unwrap_or(now);
        let account = |member| Account {
            member,
            decision: Waiting::default(),
            bulk: Waiting::default(),
            spent: Duration::ZERO,
            free_at,
        };
        Self { accounts: members.map(account).collect() }
    }

    /// Adds a frame.
    pub(super) fn push(&mut self, class: Class, inbound: Inbound) {
        // Who had nothing to do has saved no turns.
        let busy = self.accounts.iter().filter(|account| !account.is_idle());
        let least = busy.map(|account| account.spent).min();
        let from = inbound.from;
        if let Some(account) = self.accounts.iter_mut().find(|account| account.member == from) {
            if account.is_idle() {
                account.spent = account.spent.max(least.unwrap_or_default());
            }
            account.waiting_mut(class).frames.push_back(inbound);
        }
    }

    /// When the next frame may be handled, if one waits. F3.
    pub(super) fn due(&self) -> Option<Instant> {
        let waiting = self.accounts.iter().filter(|account| !account.is_idle());
        waiting.map(|account| account.free_at).min()
    }

    /// Takes the frame whose turn it is. F1.
    pub(super) fn next(&mut self, class: Class, now: Instant) -> Option<Next> {
        let may = |it: &&mut Account| it.free_at <= now && !it.waiting(class).is_empty();
        let account = self.accounts.iter_mut().filter(may).min_by_key(|account| account.spent)?;
        let waiting = account.waiting_mut(class);
        if let Some(begun) = waiting.begun.take() {
            return Some(Next::Work(begun));
        }
        let Inbound { from, frame, taken } = waiting.frames.pop_front()?;
        let bytes = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        account.charge(PER_BYTE * bytes, now);
        Some(match Reader::open(frame) {
            Ok(reader) => Next::Work(Work { from, class, reader, taken }),
            Err(error) => Next::Unreadable(from, error, taken),
        })
    }

    /// Puts a frame back that is not done yet. F2.
    pub(super) fn put_back(&mut self, work: Work) {
        let (from, class) = (work.from, work.class);
        if let Some(account) = self.accounts.iter_mut().find(|account| account.member == from) {
            account.waiting_mut(class).begun = Some(work);
        }
    }

    /// So much time was spent on a member.
    pub(super) fn charge(&mut self, member: PartyId, time: Duration, now: Instant) {
        if let Some(account) = self.accounts.iter_mut().find(|account| account.member == member) {
            account.charge(time, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_protocol::frame;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn party(index: u16) -> PartyId {
        PartyId::new(index)
    }

    fn inbox() -> Inbox {
        Inbox::new((0..4).map(party))
    }

    fn push(inbox: &mut Inbox, from: u16, class: Class, message: u64) {
        let frame = frame::encode(1, [message]).remove(0);
        let inbound = Inbound { from: party(from), frame, taken: Taken::for_tests() };
        inbox.push(class, inbound);
    }

    /// Handles what comes next, which takes so long; says whose it was and what it said.
    fn handle(inbox: &mut Inbox, now: Instant, takes: Duration) -> Option<(u16, u64)> {
        let next = inbox.next(Class::Decision, now).or_else(|| inbox.next(Class::Bulk, now))?;
        let Next::Work(mut work) = next else { panic!("not a frame") };
        inbox.charge(work.from, takes, now);
        let message = work.reader.message::<u64>().unwrap().unwrap();
        Some((u16::try_from(work.from.index()).unwrap(), message))
    }

    #[test]
    fn a_frame_of_a_quiet_member_comes_before_those_of_one_that_floods() {
        let (mut inbox, now) = (inbox(), Instant::now());
        for message in 0..1000 {
            push(&mut inbox, 3, Class::Decision, message);
        }
        for message in 0..10 {
            assert_eq!(handle(&mut inbox, now, MS), Some((3, message)));
        }
        push(&mut inbox, 1, Class::Decision, 7);
        push(&mut inbox, 0, Class::Decision, 8);
        let mut heard = vec![];
        for _ in 0..3 {
            heard.extend(handle(&mut inbox, now, MS / 10));
        }
        assert!(heard.contains(&(1, 7)) && heard.contains(&(0, 8)), "{heard:?}");
    }

    #[test]
    fn who_was_quiet_for_long_takes_turns_with_the_others_then() {
        let (mut inbox, now) = (inbox(), Instant::now());
        for message in 0..100 {
            push(&mut inbox, 1, Class::Decision, message);
        }
        for _ in 0..50 {
            handle(&mut inbox, now, MS).unwrap();
        }
        for message in 0..50 {
            push(&mut inbox, 2, Class::Decision, message);
        }
        let turns: Vec<_> = (0..40).map(|_| handle(&mut inbox, now, MS).unwrap().0).collect();
        let of_the_first = turns.iter().filter(|who| **who == 1).count();
        assert!((19..=21).contains(&of_the_first), "{turns:?}");
    }

    #[test]
    fn decisions_come_before_bulk_and_each_in_order() {
        let (mut inbox, now) = (inbox(), Instant::now());
        for message in 0..3 {
            push(&mut inbox, 1, Class::Bulk, 10 + message);
            push(&mut inbox, 1, Class::Decision, message);
        }
        let all: Vec<_> = std::iter::from_fn(|| handle(&mut inbox, now, MS)).collect();
        assert_eq!(all, [0, 1, 2, 10, 11, 12].map(|message| (1, message)));
    }

    #[test]
    fn a_member_uses_its_share_of_the_time_and_no_more() {
        let (mut inbox, start) = (inbox(), Instant::now());
        let (mut now, mut used) = (start, Duration::ZERO);
        let whole = Duration::from_secs(120);
        while now < start + whole {
            push(&mut inbox, 3, Class::Decision, 0);
            match handle(&mut inbox, now, MS) {
                Some(_) => (now, used) = (now + MS, used + MS),
                // All that waits is its own.
                None => now = now.max(inbox.due().unwrap()),
            }
        }
        let share = whole / SHARE + SAVED;
        assert!(used <= share + 2 * MS && used >= share - share / 20, "{used:?} of {share:?}");
        // It has none left, and the others are heard at once.
        push(&mut inbox, 1, Class::Decision, 5);
        let heard = [MS, MS].map(|_| handle(&mut inbox, now, Duration::ZERO));
        assert!(heard.contains(&Some((1, 5))), "{heard:?}");
    }

    #[test]
    fn what_is_no_frame_is_its_sender_s_and_counts_as_well() {
        let (mut inbox, now) = (inbox(), Instant::now());
        let before = inbox.accounts[2].free_at;
        let inbound = Inbound { from: party(2), frame: vec![9; 1000], taken: Taken::for_tests() };
        inbox.push(Class::Bulk, inbound);
        let next = inbox.next(Class::Bulk, now);
        assert!(matches!(next, Some(Next::Unreadable(from, ..)) if from == party(2)));
        assert!(inbox.accounts[2].free_at >= before + PER_BYTE * 1000 * SHARE);
        assert!(inbox.next(Class::Bulk, now).is_none());
    }

    #[test]
    fn a_frame_that_is_put_back_goes_on_where_it_was() {
        let (mut inbox, now) = (inbox(), Instant::now());
        let frame = frame::encode(1, [1u64, 2]).remove(0);
        let inbound = Inbound { from: party(2), frame, taken: Taken::for_tests() };
        inbox.push(Class::Decision, inbound);
        push(&mut inbox, 2, Class::Decision, 3);
        let Some(Next::Work(mut work)) = inbox.next(Class::Decision, now) else { panic!() };
        assert_eq!(work.reader.message::<u64>(), Some(Some(1)));
        inbox.put_back(work);
        assert_eq!(handle(&mut inbox, now, MS), Some((2, 2)));
        assert_eq!(handle(&mut inbox, now, MS), Some((2, 3)));
    }
}
