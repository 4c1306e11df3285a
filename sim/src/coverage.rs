//! What runs really went through: a swarm that never tosses a coin proves nothing about coins.

use std::fmt;
use std::ops::AddAssign;

/// Counts of what happened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Coverage {
    /// Questions that were certified.
    pub decisions: u64,
    /// Of these, ones that too few voted on.
    pub expired: u64,
    /// Real coins tossed.
    pub coins: u64,
    /// Complaints about dealings that honest parties made.
    pub complaints: u64,
    /// Share vectors that honest parties recovered.
    pub recovered: u64,
    /// Openings in which honest parties corrected wrong shares.
    pub corrected: u64,
    /// Inputs left out of sealed sets.
    pub excluded: u64,
    /// Preprocessing runs.
    pub refills: u64,
    /// Honest parties killed and started again.
    pub restarts: u64,
    /// Malformed votes that honest parties refused.
    pub malformed: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Coverage {
    /// Counts of which a large swarm must not have zero, with their names and what makes them.
    pub fn required(&self) -> [Required; 6] {
        let by_anybody = |name, count, cause| Required { name, count, cause, byzantine: false };
        let by_liars = |name, count, cause| Required { name, count, cause, byzantine: true };
        [
            by_anybody("real coin rounds", self.coins, "split votes in agreements"),
            by_liars("complaints", self.complaints, "a dealer that cheats"),
            by_liars("recovered shares", self.recovered, "a dealer that cheats"),
            by_liars("error-corrected openings", self.corrected, "a party that sends wrong shares"),
            by_anybody("excluded inputs", self.excluded, "a silent or slow party"),
            by_anybody("refills", self.refills, "several decisions in a row"),
        ]
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
}

impl AddAssign for Coverage {
    fn add_assign(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.expired += other.expired;
        self.coins += other.coins;
        self.complaints += other.complaints;
        self.recovered += other.recovered;
        self.corrected += other.corrected;
        self.excluded += other.excluded;
        self.refills += other.refills;
        self.restarts += other.restarts;
        self.malformed += other.malformed;
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// One count a line.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12} decisions, {} of them expired", self.decisions, self.expired)?;
        for Required { name, count, .. } in self.required() {
            writeln!(f, "{count:>12} {name}")?;
        }
        writeln!(f, "{:>12} restarts", self.restarts)?;
        write!(f, "{:>12} malformed votes refused", self.malformed)
    }
}
