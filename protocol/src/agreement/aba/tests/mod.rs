use super::*;
use crate::agreement::coin::{IdealCoin, IdealShare};
use crate::fault::Fault;
use crate::protocol::Recipient;
use crate::testkit::{Collected, Network, Order};

mod coin_aware;
mod counts;
mod late_coin;
mod properties;
mod subtleties;
mod window;

type Instance = Aba<IdealCoin>;
type Wire = Message<IdealShare>;

fn tag() -> Tag {
    Tag::root(&[3; 32], 0).child("aba")
}

fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

fn committee(n: usize) -> Committee {
    Committee::new(n).unwrap()
}

fn instance(n: usize, me: PartyId, seed: u64) -> Instance {
    Aba::new(committee(n), tag(), Arc::new(IdealCoin::new(me, seed)), me)
}

/// The coin of a round, as the adversary knows it.
fn coin(seed: u64, round: u32) -> bool {
    let name = tag().indexed("coin", u64::from(round));
    public_coin(round).unwrap_or_else(|| IdealCoin::new(party(0), seed).predict(&name))
}

fn share(from: u16, seed: u64, round: u32) -> Wire {
    let name = tag().indexed("coin", u64::from(round));
    Message::Share { round, share: IdealCoin::new(party(from), seed).share(&name) }
}

fn e1(round: u32, value: bool) -> Wire {
    Message::Vote { round, vote: Vote::E1(value) }
}

fn e2(round: u32, value: bool) -> Wire {
    Message::Vote { round, vote: Vote::E2(value) }
}

fn e3(round: u32, value: Option<bool>) -> Wire {
    Message::Vote { round, vote: Vote::E3(value) }
}

fn decide(round: u32, value: bool) -> Wire {
    Message::Decide { round, value }
}

/// Party 0, alone: the test plays the others, of which a quorum are 1 to `others`.
struct Alone {
    node: Instance,
    others: u16,
    seed: u64,
    sent: Vec<(Recipient, Wire)>,
    faults: Vec<Fault>,
}

impl Alone {
    /// One of four parties.
    fn new(seed: u64) -> Self {
        Self::of(4, seed)
    }

    fn of(n: usize, seed: u64) -> Self {
        let node = instance(n, party(0), seed);
        let others = committee(n).quorum() as u16;
        Self { node, others, seed, sent: Vec::new(), faults: Vec::new() }
    }

    fn proposing(seed: u64, value: bool) -> Self {
        let mut alone = Self::new(seed);
        alone.propose(value);
        alone
    }

    /// One of seven, in round 2 with estimate 1.
    fn of_seven_in_round_two() -> Self {
        let mut alone = Self::of(7, 1);
        alone.propose(false);
        alone.reach_round_two();
        alone
    }

    fn propose(&mut self, value: bool) {
        let mut out = Collected::default();
        self.node.propose(value, &mut out).unwrap();
        self.settle(out);
    }

    fn give(&mut self, from: u16, message: Wire) -> Option<bool> {
        let mut out = Collected::default();
        let output = self.node.handle(party(from), message, &mut out);
        let looped = self.settle(out);
        output.or(looped)
    }

    fn give_all(&mut self, from: impl IntoIterator<Item = u16>, message: &Wire) -> Option<bool> {
        from.into_iter().map(|p| self.give(p, message.clone())).fold(None, Option::or)
    }

    /// Hands own messages back, as the owner of a stack does.
    fn settle(&mut self, out: Collected<Wire>) -> Option<bool> {
        let mut output = None;
        self.faults.extend(out.faults);
        for (to, message) in out.sent {
            if matches!(to, Recipient::All) || to == Recipient::One(party(0)) {
                output = output.or(self.give(0, message.clone()));
            }
            self.sent.push((to, message));
        }
        output
    }

    /// What was sent since the last call, as text.
    fn said(&mut self) -> Vec<String> {
        let mut said: Vec<String> = self.sent.drain(..).map(|(_, m)| m.to_string()).collect();
        said.sort();
        said
    }

    /// Plays a round from 2 on in which everybody else holds the value that is not the coin, and
    /// the node sees E3 and shares only.
    fn skip_binding_round(&mut self, round: u32) {
        let value = !coin(self.seed, round);
        self.give_all(1..=self.others, &e3(round, Some(value)));
        for from in 1..=self.others {
            self.give(from, share(from, self.seed, round));
        }
    }

    /// Brings a node that proposed 0 to round 2 with estimate 1, by votes of the others.
    fn reach_round_two(&mut self) {
        for (round, value) in [(0, false), (1, true)] {
            self.give_all(1..=self.others, &e1(round, value));
            self.give_all(1..=self.others, &e2(round, value));
        }
        assert_eq!(self.node.round(), 2);
        self.said();
    }
}
