//! What a campaign is: a kind of run, by seed, that says whether all properties held.

use crate::caught::caught;
use crate::report::Violation;

/// Whether all properties held in a run.
pub(super) type Verdict = Result<(), Violation>;

/// Stands for a checker where a campaign itself does not work.
pub(super) const CAMPAIGN: &str = "campaign";

/// Stands for a checker where something panics.
pub(super) const PANIC: &str = "panic";

/// A property does not hold.
pub(super) fn fails(checker: &'static str, what: impl Into<String>) -> Verdict {
    Err(Violation { time: 0, checker, what: what.into() })
}

/// Whether a property holds.
pub(super) fn holds(checker: &'static str, holds: bool, what: &str) -> Verdict {
    if holds { Ok(()) } else { fails(checker, what) }
}

/// A kind of run.
#[derive(Clone, Copy)]
pub struct Campaign {
    /// Its name.
    pub name: &'static str,
    /// How many seeds it is given against one mutant.
    pub seeds: u64,
    /// One run.
    run: fn(u64) -> Verdict,
}

impl Campaign {
    pub(super) const fn new(name: &'static str, seeds: u64, run: fn(u64) -> Verdict) -> Self {
        Self { name, seeds, run }
    }

    /// Runs one seed. What panics is said to violate a property, too.
    ///
    /// # Errors
    /// The first property that does not hold.
    pub fn run(&self, seed: u64) -> Result<(), Violation> {
        let run = self.run;
        caught(|| run(seed)).unwrap_or_else(Err)
    }
}
