//! How many rounds a binary agreement takes, alone, against schedulers and liars that try to make it
//! long.
//!
//! # Model
//! The production state machine ([`Aba`]) with ideal coins, split inputs, `t` Byzantine members that
//! run a [`Liar`], and a [`Schedule`] that picks the next message of all in flight. Everything is
//! delivered in the end. The adversary knows everything that was said, and a coin as soon as an
//! honest member has released its share of it. It is one adversary: scheduler and liars have the same
//! aim.
//!
//! # The bound
//! Rounds 0 and 1 have public coins and may all be lost. In each later round the only bit that can
//! come out is fixed before the coin. When the coin hits it, all honest members go on with that bit;
//! from then on the next coin that equals it ends everything. So the number R of rounds with real
//! coins is at most a sum of two geometric numbers: `P(R > k) <= (k + 1) / 2^k`, with mean 4. The
//! [test](bound) of 10,000 runs against this has a false alarm less often than once in 10^9.

pub mod bound;
mod liars;
mod network;
mod schedules;

use std::fmt;

use quorate_protocol::agreement::aba::Aba;
use quorate_protocol::agreement::coin::IdealCoin;
use quorate_protocol::committee::Committee;
use rand::{RngExt, SeedableRng};

use crate::Rng;
use crate::report::Violation;
pub use liars::Liar;
use network::Network;
pub use schedules::Schedule;

/// The agreement under test.
type Instance = Aba<IdealCoin>;

/// More rounds than ever happen: less often than once in 10^16 runs.
const MOST: u32 = 64;

/// One run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Game {
    /// Number of members.
    pub orgs: usize,
    /// How messages are picked.
    pub schedule: Schedule,
    /// What Byzantine members do.
    pub liar: Liar,
    /// What else is drawn, the coins among it.
    pub seed: u64,
    /// Whether the adversary knows coins before any share of them: a control, which must be noticed.
    pub foreseen: bool,
}

impl Game {
    /// The game of a seed: any schedule and any liar.
    pub fn draw(orgs: usize, seed: u64) -> Self {
        let mut rng = Rng::seed_from_u64(seed ^ 0x726f_756e_6473);
        let schedule = Schedule::ALL.get(rng.random_range(0..Schedule::ALL.len())).copied();
        let liar = Liar::ALL.get(rng.random_range(0..Liar::ALL.len())).copied();
        Self {
            orgs,
            schedule: schedule.unwrap_or(Schedule::Random),
            liar: liar.unwrap_or(Liar::Silent),
            seed,
            foreseen: false,
        }
    }

    /// Plays until all honest members have decided, and gives the rounds of the last one.
    ///
    /// # Errors
    /// Too few members, or a property that does not hold: agreement, validity, termination.
    pub fn play(self) -> Result<u32, Violation> {
        let fails =
            |checker, what: &str| Violation { time: 0, checker, what: format!("{self}: {what}") };
        let committee = Committee::new(self.orgs).map_err(|e| fails("rounds", &e.to_string()))?;
        let mut network = Network::new(committee, self);
        while !network.decided() {
            if !network.step() {
                return Err(fails("termination", "nothing is in flight and some are undecided"));
            }
            if network.round() >= MOST {
                return Err(fails("termination", "64 rounds are not enough"));
            }
        }
        match network.agreed() {
            None => Err(fails("agreement", "honest members decided differently")),
            Some(_) if network.blamed() => Err(fails("blame", "an honest member is blamed")),
            Some(value) if !network.proposed(value) => {
                Err(fails("validity", "no honest member proposed what is decided"))
            }
            Some(_) => Ok(network.rounds()),
        }
    }
}

impl fmt::Display for Game {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orgs, schedule, liar, seed, .. } = self;
        write!(f, "{orgs} members, {schedule}, {liar}, seed {seed}")
    }
}

/// How often so many rounds were taken: place k counts the runs of k rounds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Rounds(Vec<u64>);

impl Rounds {
    /// One more run.
    pub fn add(&mut self, rounds: u32) {
        let place = rounds as usize;
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        self.0.iter_mut().skip(place).take(1).for_each(|count| *count += 1);
    }

    /// Rounds, and how many runs took them.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> {
        (0..).zip(self.0.iter().copied())
    }

    /// How many runs there were.
    pub fn runs(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Rounds of a run, on average.
    pub fn mean(&self) -> f64 {
        let all: u64 = self.iter().map(|(rounds, runs)| u64::from(rounds) * runs).sum();
        all as f64 / self.runs().max(1) as f64
    }

    /// The most rounds of a run.
    pub fn maximum(&self) -> u32 {
        self.iter().filter(|(_, runs)| *runs > 0).map(|(rounds, _)| rounds).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adversarial_games_stay_within_the_bound() {
        for (orgs, seeds) in [(4, 600), (7, 80)] {
            let mut rounds = Rounds::default();
            for seed in 0..seeds {
                rounds.add(Game::draw(orgs, seed).play().unwrap());
            }
            bound::check(&rounds, 1).unwrap();
            assert!(rounds.maximum() > 3, "the adversary does nothing: {rounds:?}");
        }
    }

    #[test]
    fn an_adversary_that_foresees_coins_is_noticed() {
        for orgs in [4, 7] {
            let (schedule, liar) = (Schedule::ContentAware, Liar::Splitter);
            let game = Game { orgs, schedule, liar, seed: 1, foreseen: true };
            assert_eq!(game.play().unwrap_err().checker, "termination");
        }
    }
}
