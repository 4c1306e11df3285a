//! What runs really went through: a swarm that never tosses a coin proves nothing about coins.

mod rounds;
mod sights;

use std::ops::AddAssign;

use crate::adversary::Deviations;
use crate::token::Kind;
pub use rounds::Rounds;
pub use sights::{Sight, Sights, Watch};

/// A swarm of so many seeds must have exercised everything that is not rare.
pub(crate) const LARGE: u64 = 200;

/// Counts of what happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Coverage {
    /// Questions that were certified.
    pub decisions: u64,
    /// Of these, ones that too few voted on.
    pub expired: u64,
    /// Key sets that honest members made.
    pub key_sets: u64,
    /// Real coins tossed.
    pub coins: u64,
    /// Complaints about dealings that honest parties made.
    pub complaints: u64,
    /// Share vectors that honest parties recovered.
    pub recovered: u64,
    /// Openings in which honest parties corrected wrong shares.
    pub corrected: u64,
    /// Inputs left out of sealed sets; dealers left out of keys.
    pub excluded: u64,
    /// Preprocessing runs.
    pub refills: u64,
    /// Refreshes of the keys: epochs that honest parties began after the first.
    pub refreshes: u64,
    /// Proposals without a position when their epoch ended.
    pub lapsed: u64,
    /// Honest parties killed and started again.
    pub restarts: u64,
    /// Malformed votes that honest parties refused.
    pub malformed: u64,
    /// States that were seen.
    pub sights: Sights,
    /// What Byzantine parties really did.
    pub deviations: Deviations,
    /// Messages delivered.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Events: frames that arrive, timers, results of work, kills and starts.
    pub events: u64,
    /// Virtual time that passed, in microseconds.
    pub time: u64,
}

impl Coverage {
    /// Counts of which a large swarm must not have zero, with their names and what makes them.
    pub fn required(&self, kind: Kind) -> Vec<Required> {
        self.counted(kind).into_iter().chain(self.deviations.required()).collect()
    }

    fn counted(&self, kind: Kind) -> Vec<Required> {
        let required = |name, count, cause, byzantine| {
            let seeds = LARGE;
            Required { name, count, cause, byzantine, seeds }
        };
        let by_anybody = |name, count, cause| required(name, count, cause, false);
        let by_liars = |name, count, cause| required(name, count, cause, true);
        let sights = Sight::ALL.into_iter().map(|sight| {
            let (name, cause, seeds, byzantine) = sight.facts();
            let count = self.sights.count(sight);
            Required { name, count, cause, byzantine, seeds }
        });
        let coins = "split votes in agreements";
        let cheat = "a dealer that cheats";
        let slow = "a silent or slow party";
        match kind {
            Kind::Decisions => [
                by_anybody("real coin rounds", self.coins, coins),
                by_liars("complaints", self.complaints, cheat),
                by_liars("recovered shares", self.recovered, cheat),
                by_liars("error-corrected openings", self.corrected, "wrong shares"),
                by_anybody("excluded inputs", self.excluded, slow),
                by_anybody("refills", self.refills, "several decisions in a row"),
                by_anybody("refreshes", self.refreshes, "refreshes that are accepted"),
            ]
            .into_iter()
            .chain(sights)
            .collect(),
            Kind::Keygen => vec![
                by_anybody("key sets", self.key_sets, "a run that ends"),
                // One in a hundred seeds has any.
                Required { seeds: 2_000, ..by_anybody("real coin rounds", self.coins, coins) },
                by_liars("complaints", self.complaints, cheat),
                by_liars("recovered shares", self.recovered, cheat),
                by_anybody("excluded dealers", self.excluded, slow),
                by_anybody("restarts", self.restarts, "kills"),
            ],
        }
    }

    /// One count a line, for people.
    pub fn lines(&self, kind: Kind) -> String {
        let line = |(name, count): (&str, u64)| format!("{count:>12} {name}\n");
        let needed = self.counted(kind).into_iter().map(|needed| (needed.name, needed.count));
        let needed: String = needed.map(line).collect();
        let text = match kind {
            Kind::Decisions => {
                let others = [
                    ("proposals that lapsed", self.lapsed),
                    ("restarts", self.restarts),
                    ("malformed votes refused", self.malformed),
                ];
                let (decisions, expired) = (self.decisions, self.expired);
                let others: String = others.into_iter().map(line).collect();
                format!(
                    "{decisions:>12} decisions, {expired} of them expired\n{needed}{others}{}",
                    self.deviations
                )
            }
            Kind::Keygen => needed,
        };
        text.trim_end().to_owned()
    }
}

/// A count that a large swarm must not have zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Required {
    /// Of what.
    pub name: &'static str,
    /// How many.
    pub count: u64,
    /// What makes them.
    pub cause: &'static str,
    /// Whether only Byzantine parties make them.
    pub byzantine: bool,
    /// In how large a swarm.
    pub seeds: u64,
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.key_sets += other.key_sets;
        self.expired += other.expired;
        self.coins += other.coins;
        self.complaints += other.complaints;
        self.recovered += other.recovered;
        self.corrected += other.corrected;
        self.excluded += other.excluded;
        self.refills += other.refills;
        self.refreshes += other.refreshes;
        self.lapsed += other.lapsed;
        self.restarts += other.restarts;
        self.malformed += other.malformed;
        self.sights += other.sights;
        self.deviations += other.deviations;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.events += other.events;
        self.time = self.time.saturating_add(other.time);
    }
}
