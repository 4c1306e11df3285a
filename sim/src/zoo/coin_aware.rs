//! The coin-aware schedule against one agreement: an adversary that holds one party back until it
//! knows the coin.
//!
//! n = 4, party 3 lies. In each round two honest parties with different estimates are hurried
//! through, to bot, which reveals the coin c; only then is the third one, which had heard nothing of
//! the round, shown enough votes for 1 - c to make that its own E2 set. If estimates come from one's
//! own set, it goes on with 1 - c and the others with c, for ever. A random schedule finds this
//! never, so it is written out. Nothing is withheld for ever: what is left of a round comes at its end.

use std::sync::Arc;

use quorate_protocol::agreement::aba::{Aba, Message, Vote};
use quorate_protocol::agreement::coin::{Coin, IdealCoin, IdealShare};
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::tag::Tag;
use rand::SeedableRng;

use super::campaign::{Verdict, holds};
use super::net::{Letter, Net};
use crate::Rng;

type Wire = Message<IdealShare>;

const LIAR: PartyId = PartyId::new(3);
const HONEST: [PartyId; 3] = [PartyId::new(0), PartyId::new(1), PartyId::new(2)];

/// Rounds after which the parties are apart for ever: with a fair coin one chance in 2^60.
const ROUNDS: u32 = 64;

fn tag() -> Tag {
    Tag::root(&[3; 32], 0).child("coin-aware")
}

fn coin_name(round: u32) -> Tag {
    tag().indexed("coin", u64::from(round))
}

const fn round_of(message: &Wire) -> Option<u32> {
    match message {
        Message::Vote { round, .. } | Message::Share { round, .. } => Some(*round),
        Message::Decide { .. } | Message::Resend { .. } => None,
    }
}

const fn e1(round: u32, value: bool) -> Wire {
    Message::Vote { round, vote: Vote::E1(value) }
}

const fn e2(round: u32, value: bool) -> Wire {
    Message::Vote { round, vote: Vote::E2(value) }
}

const fn e3(round: u32, value: Option<bool>) -> Wire {
    Message::Vote { round, vote: Vote::E3(value) }
}

struct Attack {
    net: Net<'static, Aba<IdealCoin>>,
    seed: u64,
}

/// The attack, with the coins of a seed.
pub(super) fn binary(seed: u64) -> Verdict {
    let committee = Committee::new(4).expect("a committee of four");
    let net = Net::new(committee, Rng::seed_from_u64(seed), |party| {
        Aba::new(committee, tag(), Arc::new(IdealCoin::new(party, seed)), party)
    });
    let mut net = net.lying([LIAR], |_, _, _, _| Vec::new());
    for (party, input) in HONEST.into_iter().zip([false, true, false]) {
        net.input(0, party, move |aba, out| {
            let _proposed = aba.propose(input, out);
            None
        });
    }
    let mut attack = Attack { net, seed };
    attack.net.begin()?;
    for round in 0..ROUNDS {
        attack.split(round)?;
        attack.flush(round)?;
        if attack.net.given().len() == HONEST.len() {
            break;
        }
    }
    attack.net.agreed()?;
    let decided = attack.net.given().len() == HONEST.len();
    holds("rounds", decided, "the coin-aware schedule keeps an agreement undecided for ever")
}

impl Attack {
    /// Delivers `message` from `from` to `to`, if it is there; the liar can send anything.
    fn pass(&mut self, from: PartyId, to: PartyId, message: &Wire) -> Verdict {
        if from == LIAR {
            return self.net.deliver(Letter { from, to, message: message.clone() });
        }
        let wanted = |letter: &Letter<Wire>| {
            letter.from == from && letter.to == to && letter.message == *message
        };
        match self.net.flight.iter().position(wanted) {
            Some(place) => {
                let letter = self.net.flight.remove(place);
                self.net.deliver(letter)
            }
            None => Ok(()),
        }
    }

    /// Delivers everything of rounds up to `round`, and every DECIDE.
    fn flush(&mut self, round: u32) -> Verdict {
        let due = |m: &Wire| round_of(m).is_none_or(|r| r <= round);
        while let Some(place) = self.net.flight.iter().position(|letter| due(&letter.message)) {
            let letter = self.net.flight.remove(place);
            self.net.deliver(letter)?;
        }
        Ok(())
    }

    /// The estimate with which an honest party entered `round`: its only E1 so far.
    fn estimate(&self, party: PartyId, round: u32) -> Option<bool> {
        let said = |value| {
            let own = e1(round, value);
            self.net.flight.iter().any(|letter| letter.from == party && letter.message == own)
        };
        match (said(false), said(true)) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => None,
        }
    }

    /// Keeps the honest parties apart in a round, if their estimates differ.
    fn split(&mut self, round: u32) -> Verdict {
        let [a, b, c] = HONEST;
        let estimates = HONEST.map(|party| self.estimate(party, round));
        let [Some(x), Some(y), Some(z)] = estimates else { return Ok(()) };
        let (first, second, held, value) = match (x == y, x == z) {
            (true, true) => return Ok(()),
            (true, false) => (a, c, b, x),
            (false, true) => (c, b, a, z),
            (false, false) => (b, a, c, y),
        };
        self.hurry(round, value, first, second, held)?;
        self.hold(round, value, [first, second], held)
    }

    /// `first` (for `value`) and `second` (against it) approve both, in different order: bot.
    fn hurry(
        &mut self,
        round: u32,
        value: bool,
        first: PartyId,
        second: PartyId,
        held: PartyId,
    ) -> Verdict {
        let votes = [
            (held, first, value),
            (LIAR, first, value),
            (second, first, !value),
            (LIAR, first, !value),
            (first, second, !value),
            (LIAR, second, !value),
            (first, second, value),
            (LIAR, second, value),
        ];
        for (from, to, value) in votes {
            self.pass(from, to, &e1(round, value))?;
        }
        for (to, other, says) in [(first, second, !value), (second, first, value)] {
            self.pass(other, to, &e2(round, says))?;
            self.pass(LIAR, to, &e2(round, says))?;
        }
        for (to, other) in [(first, second), (second, first)] {
            if round < 2 {
                continue;
            }
            self.pass(other, to, &e3(round, None))?;
            self.pass(LIAR, to, &e3(round, None))?;
        }
        for (to, other) in [(first, second), (second, first)] {
            self.pass(other, to, &self.share(other, round))?;
        }
        Ok(())
    }

    fn share(&self, party: PartyId, round: u32) -> Wire {
        let share = IdealCoin::new(party, self.seed).share(&coin_name(round));
        Message::Share { round, share }
    }

    /// The coin of a round, which is known once an honest party has released a share.
    fn coin(&self, round: u32) -> bool {
        match round {
            0 => true,
            1 => false,
            _ => IdealCoin::new(LIAR, self.seed).predict(&coin_name(round)),
        }
    }

    /// Shows the held party a quorum for the value that is not the coin, then the rest.
    fn hold(&mut self, round: u32, value: bool, hurried: [PartyId; 2], held: PartyId) -> Verdict {
        let released = |letter: &Letter<Wire>| {
            round_of(&letter.message) == Some(round)
                && matches!(letter.message, Message::Share { .. })
        };
        if round > 1 && !self.net.flight.iter().any(released) {
            return Ok(()); // The coin is not known.
        }
        let wrong = !self.coin(round);
        let [first, second] = hurried;
        for from in [first, second, LIAR] {
            self.pass(from, held, &e1(round, wrong))?;
        }
        for from in [if wrong == value { first } else { second }, LIAR] {
            self.pass(from, held, &e2(round, wrong))?;
        }
        for from in hurried {
            self.pass(from, held, &e3(round, None))?;
        }
        Ok(())
    }
}
