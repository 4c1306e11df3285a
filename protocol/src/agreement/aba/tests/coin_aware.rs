//! The coin-aware schedule: an adversary that holds one party back until it knows the coin.
//!
//! n = 4, party 3 Byzantine. In each round two honest parties with different estimates are hurried
//! through, to bot, which reveals the coin c; only then is the third one, which had heard nothing of
//! the round, shown enough votes for 1 - c to make that its own E2 set. If estimates come from one's
//! own set, it goes on with 1 - c and the others with c, for ever. If they come from the E3 of all,
//! it finds bot like the others.

use super::*;

const HOSTILE: u16 = 3;

struct Attack {
    net: Network<Instance>,
    seed: u64,
}

const fn round_of(message: &Wire) -> Option<u32> {
    match message {
        Message::Vote { round, .. } | Message::Share { round, .. } => Some(*round),
        Message::Decide { .. } | Message::Resend { .. } => None,
    }
}

impl Attack {
    fn new(seed: u64, estimates_from_own_set: bool) -> Self {
        let mut net = Network::new(committee(4), Order::Fifo, seed, |p| {
            let mut node = instance(4, p, seed);
            node.estimates_from_own_set = estimates_from_own_set;
            node
        });
        net.byzantine.insert(party(HOSTILE));
        for (index, estimate) in [(0, false), (1, true), (2, false)] {
            net.act(party(index), |node, out| node.propose(estimate, out)).unwrap();
        }
        Self { net, seed }
    }

    /// Delivers `message` from `from` to `to`; the hostile party can send anything.
    fn pass(&mut self, from: u16, to: u16, message: &Wire) {
        let (from, to) = (party(from), party(to));
        if from == party(HOSTILE) {
            self.net.inject(from, Recipient::One(to), message.clone());
        }
        let found = self
            .net
            .flight
            .iter()
            .position(|e| e.from == from && e.to == to && e.message == *message);
        if let Some(envelope) = found.and_then(|i| self.net.flight.remove(i)) {
            self.net.deliver(envelope);
        }
    }

    /// Delivers everything of rounds up to `round`, and every DECIDE.
    fn flush(&mut self, round: u32) {
        let due = |m: &Wire| round_of(m).is_none_or(|r| r <= round);
        while let Some(i) = self.net.flight.iter().position(|e| due(&e.message)) {
            let envelope = self.net.flight.remove(i).unwrap();
            self.net.deliver(envelope);
        }
    }

    fn at(&self, index: u16) -> u32 {
        self.net.parties[usize::from(index)].round()
    }

    fn decided(&self) -> bool {
        self.net.outputs[..3].iter().all(Option::is_some)
    }

    /// The estimate with which an honest party entered `round`: its only E1 so far.
    fn estimate(&self, index: u16, round: u32) -> Option<bool> {
        let own = |value: bool| {
            let sent = e1(round, value);
            self.net.flight.iter().any(|e| e.from == party(index) && e.message == sent)
        };
        match (own(false), own(true)) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => None,
        }
    }

    /// Plays `round` if the estimates differ; whether they did.
    fn split(&mut self, round: u32) -> bool {
        let estimates: Vec<bool> = (0..3).filter_map(|p| self.estimate(p, round)).collect();
        let [a, b, c] = estimates[..] else { return false };
        let minority = match (a == b, a == c) {
            (true, true) => return false,
            (true, false) => 2,
            (false, true) => 1,
            (false, false) => 0,
        };
        let (first, held) = ((minority + 1) % 3, (minority + 2) % 3);
        let value = estimates[usize::from(first)];
        self.hurry(round, value, first, minority, held);
        self.hold(round, value, first, minority, held);
        true
    }

    /// `first` (for `value`) and `second` (against it) approve both, in different order: bot.
    fn hurry(&mut self, round: u32, value: bool, first: u16, second: u16, held: u16) {
        for from in [held, HOSTILE] {
            self.pass(from, first, &e1(round, value));
        }
        for from in [second, HOSTILE] {
            self.pass(from, first, &e1(round, !value));
        }
        for from in [first, HOSTILE] {
            self.pass(from, second, &e1(round, !value));
        }
        for from in [first, HOSTILE] {
            self.pass(from, second, &e1(round, value));
        }
        for (me, other, says) in [(first, second, !value), (second, first, value)] {
            self.pass(other, me, &e2(round, says));
            self.pass(HOSTILE, me, &e2(round, says));
        }
        if binding(round) {
            for (me, other) in [(first, second), (second, first)] {
                self.pass(other, me, &e3(round, None));
                self.pass(HOSTILE, me, &e3(round, None));
            }
            // Only now may the adversary know the coin: an honest share is on its way.
            let released = |e: &crate::testkit::InFlight<Wire>| {
                round_of(&e.message) == Some(round) && matches!(e.message, Message::Share { .. })
            };
            assert!(self.net.flight.iter().any(released), "round {round}");
            for (me, other) in [(first, second), (second, first)] {
                self.pass(other, me, &share(other, self.seed, round));
            }
        }
        assert_eq!((self.at(first), self.at(second)), (round + 1, round + 1), "round {round}");
        assert_eq!(self.at(held), round, "the third party was held back");
    }

    /// Shows the held party a quorum for the value that is not the coin, then the rest.
    fn hold(&mut self, round: u32, value: bool, first: u16, second: u16, held: u16) {
        let wrong = !coin(self.seed, round);
        for from in [first, second, HOSTILE] {
            self.pass(from, held, &e1(round, wrong));
        }
        for from in [if wrong == value { first } else { second }, HOSTILE] {
            self.pass(from, held, &e2(round, wrong));
        }
        if binding(round) {
            for from in [first, second] {
                self.pass(from, held, &e3(round, None));
                self.pass(from, held, &share(from, self.seed, round));
            }
        }
    }

    /// Plays up to 64 rounds; in how many the parties were kept apart, and whether all decided.
    fn run(mut self) -> (u32, bool) {
        let mut kept_apart = 0;
        for round in 0..64 {
            kept_apart += u32::from(self.split(round));
            // Nothing is withheld for ever: what is left of the round comes now.
            self.flush(round);
            if self.decided() {
                break;
            }
            assert!((0..3).all(|p| self.at(p) == round + 1 || self.decided_at(p)), "round {round}");
        }
        self.net.assert_no_honest_blamed();
        let decided = self.decided();
        (kept_apart, decided)
    }

    fn decided_at(&self, index: u16) -> bool {
        self.net.outputs[usize::from(index)].is_some()
    }
}

#[test]
fn estimates_from_ones_own_set_stay_undecided_for_ever() {
    for seed in 0..20 {
        assert_eq!(Attack::new(seed, true).run(), (64, false), "seed {seed}");
    }
}

#[test]
fn estimates_from_the_e3_of_all_decide_in_spite_of_the_coin_aware_schedule() {
    for seed in 0..200 {
        let (kept_apart, decided) = Attack::new(seed, false).run();
        assert!(decided, "seed {seed}");
        assert_eq!(kept_apart, 3, "public coins are attacked with success, the first real one not");
    }
}
