//! What one turn of the driver leads to, held back until it may leave.
//!
//! Effects of a turn are gathered: messages are coalesced into frames, records go to the journal.
//! A tick leaves, in order, once every record of it and of the ticks before it is durable: nobody
//! hears of what this node could forget, and no peer is told that its frame is taken care of.

use std::collections::{BTreeMap, VecDeque};

use quorate_protocol::party::frame::Outgoing;
use quorate_protocol::party::{Answer, MessageOf, Notice, Record, Refusal, RequestId, Suite};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::{Committee, PartyId};

use super::keeper::KeyChange;
use crate::net::Taken;

/// What one turn leads to.
pub(super) struct Tick<S: Suite> {
    committee: Committee,
    me: PartyId,
    pub records: Vec<Record>,
    /// By epoch.
    pub outgoing: BTreeMap<u64, Outgoing<S>>,
    pub keys: Vec<KeyChange>,
    pub answers: Vec<(RequestId, Result<Answer, Refusal>)>,
    pub notices: Vec<Notice>,
    pub taken: Vec<Taken>,
}

/// Ticks that wait for records to be durable, in order.
pub(super) struct Held<S: Suite> {
    /// Each with the number of the journal's batch that it waits for.
    ticks: VecDeque<(u64, Tick<S>)>,
    durable: u64,
}

impl<S: Suite> Tick<S> {
    pub(super) const fn new(committee: Committee, me: PartyId) -> Self {
        Self {
            committee,
            me,
            records: Vec::new(),
            outgoing: BTreeMap::new(),
            keys: Vec::new(),
            answers: Vec::new(),
            notices: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// Adds a message of an epoch.
    pub(super) fn send(&mut self, epoch: u64, to: Recipient, message: MessageOf<S>) {
        let new = || Outgoing::new(self.committee, self.me, epoch);
        self.outgoing.entry(epoch).or_insert_with(new).push(to, message);
    }
}

impl<S: Suite> Held<S> {
    pub(super) const fn new() -> Self {
        Self { ticks: VecDeque::new(), durable: 0 }
    }

    /// Holds a tick back until batch number `batch` is durable.
    pub(super) fn push(&mut self, batch: u64, tick: Tick<S>) {
        self.ticks.push_back((batch, tick));
    }

    /// Everything up to batch number `durable` is.
    pub(super) const fn reached(&mut self, durable: u64) {
        self.durable = durable;
    }

    /// The next tick that may leave.
    pub(super) fn pop(&mut self) -> Option<Tick<S>> {
        let (batch, _) = self.ticks.front()?;
        if *batch > self.durable {
            return None;
        }
        self.ticks.pop_front().map(|(_, tick)| tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_protocol::party::RealSuite;

    fn tick(answers: u64) -> Tick<RealSuite> {
        let committee = Committee::new(4).unwrap();
        let mut tick = Tick::new(committee, PartyId::new(0));
        tick.answers.push((RequestId(answers), Err(Refusal::UnknownDecision)));
        tick
    }

    fn leaving(held: &mut Held<RealSuite>) -> Vec<u64> {
        let ticks = std::iter::from_fn(|| held.pop());
        ticks.flat_map(|tick| tick.answers).map(|(RequestId(request), _)| request).collect()
    }

    #[test]
    fn ticks_leave_in_order_once_all_records_before_them_are_durable() {
        let mut held = Held::new();
        held.push(0, tick(0));
        assert_eq!(leaving(&mut held), [0], "nothing was ever written");
        held.push(1, tick(1));
        held.push(1, tick(2));
        held.push(3, tick(3));
        assert!(leaving(&mut held).is_empty());
        held.reached(1);
        assert_eq!(leaving(&mut held), [1, 2]);
        held.reached(2);
        held.push(3, tick(4));
        assert!(leaving(&mut held).is_empty());
        held.reached(3);
        assert_eq!(leaving(&mut held), [3, 4]);
    }
}
