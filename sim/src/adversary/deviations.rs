//! How often behaviours were drawn, and how often they really deviated: one that does nothing shows
//! nothing.

use std::fmt;
use std::ops::AddAssign;

use super::Behaviour;
use crate::coverage::{LARGE, Required};

/// A behaviour that was drawn for so many members and never seen is not one. Coins are rare: of those that
/// hold back or falsify their shares of coins, one in twenty gets to it.
const SEVERAL: u64 = 300;

const KINDS: usize = Behaviour::NAMES.len();

/// Counts of behaviours, by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deviations {
    drawn: [u64; KINDS],
    acted: [u64; KINDS],
    times: [u64; KINDS],
}

impl Default for Deviations {
    fn default() -> Self {
        Self { drawn: [0; KINDS], acted: [0; KINDS], times: [0; KINDS] }
    }
}

impl Deviations {
    /// A behaviour was drawn for a member, which deviated in this way so many times.
    pub fn count(&mut self, behaviour: &Behaviour, times: u64) {
        let place = Behaviour::NAMES.iter().position(|name| *name == behaviour.name());
        let Some(place) = place else { return };
        let add = |counts: &mut [u64; KINDS], more| {
            counts.iter_mut().skip(place).take(1).for_each(|count| *count += more);
        };
        add(&mut self.drawn, 1);
        add(&mut self.acted, u64::from(times > 0));
        add(&mut self.times, times);
    }

    /// Each behaviour that was drawn: for how many members, how many of these deviated in this way, and how
    /// often.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64, u64, u64)> {
        let counts = self.drawn.into_iter().zip(self.acted).zip(self.times);
        let named = Behaviour::NAMES.into_iter().zip(counts);
        let all = named.map(|(name, ((drawn, acted), times))| (name, drawn, acted, times));
        all.filter(|(_, drawn, ..)| *drawn > 0)
    }

    /// Behaviours that were drawn for several members must have been seen.
    pub fn required(&self) -> impl Iterator<Item = Required> {
        let several = self.all().filter(|(_, drawn, ..)| *drawn >= SEVERAL);
        several.map(|(name, _, count, _)| Required {
            name,
            count,
            cause: "a Byzantine party that deviates so",
            byzantine: true,
            seeds: LARGE,
        })
    }
}

/// A line for each behaviour that was drawn.
impl fmt::Display for Deviations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all().try_for_each(|(name, drawn, acted, times)| {
            writeln!(f, "{times:>12} deviations of {acted} members, of {drawn}: {name}")
        })
    }
}

impl AddAssign for Deviations {
    fn add_assign(&mut self, other: Self) {
        let add = |mine: &mut [u64; KINDS], other: [u64; KINDS]| {
            mine.iter_mut().zip(other).for_each(|(mine, other)| *mine += other);
        };
        add(&mut self.drawn, other.drawn);
        add(&mut self.acted, other.acted);
        add(&mut self.times, other.times);
    }
}
