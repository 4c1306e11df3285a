//! How many real coins binary agreements need, against what theory promises.
//!
//! A round with a real coin has one bit that it can end with, fixed before the coin is known. With
//! probability 1/2 the coin is that bit, and all honest parties go on with it; with probability 1/2
//! the coin of a later round is the bit that all have, and they decide. So, whatever the scheduler and
//! the Byzantine parties do, more than `k` real coins are needed at most as often as two tosses of a
//! fair coin take more than `k` in all to both come up heads, one after the other:
//! `(k + 1) / 2^k` of the times.

use std::ops::AddAssign;

use crate::rounds::bound::{log_chance, tail};

/// Real coins of one agreement that are told apart.
const MOST: usize = 64;

/// One swarm in 2^40 fails though all is well: by natural logarithm.
const FALSE_ALARM: f64 = 40.0 * std::f64::consts::LN_2;

/// Agreements by the real coins they needed until the first honest party decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rounds([u64; MOST]);

impl Default for Rounds {
    fn default() -> Self {
        Self([0; MOST])
    }
}

impl AddAssign for Rounds {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

impl Rounds {
    /// An agreement needed so many real coins, at least one.
    pub fn add(&mut self, coins: u32) {
        let place = usize::try_from(coins.saturating_sub(1)).unwrap_or(MOST);
        if let Some(count) = self.0.get_mut(place.min(MOST - 1)) {
            *count += 1;
        }
    }

    /// Agreements that needed more than so many.
    fn more_than(&self, coins: usize) -> u64 {
        self.0.iter().skip(coins).sum()
    }

    /// Agreements that needed any.
    pub fn all(&self) -> u64 {
        self.more_than(0)
    }

    /// The most that one needed.
    pub fn most(&self) -> usize {
        self.0.iter().rposition(|count| *count > 0).map_or(0, |place| place + 1)
    }

    /// Whether so many needed so much that it is no accident: one swarm in 2^40 is told so though all
    /// is well.
    pub fn judge(&self) -> Result<(), String> {
        let all = self.all();
        for coins in 2..MOST {
            let (more, bound) =
                (self.more_than(coins), tail(u32::try_from(coins).unwrap_or(u32::MAX)));
            if -log_chance(all as f64, more as f64, bound) > FALSE_ALARM + (MOST as f64).ln() {
                return Err(format!(
                    "{more} of {all} agreements needed more than {coins} real coins, and at most \
                     {:.4} of them should have",
                    bound
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    fn rounds(tries: usize, mut needed: impl FnMut() -> u32) -> Rounds {
        let mut rounds = Rounds::default();
        (0..tries).for_each(|_| rounds.add(needed()));
        rounds
    }

    #[test]
    fn the_worst_that_fair_coins_give_is_no_accident() {
        let mut rng = crate::Rng::seed_from_u64(1);
        let mut heads = move || (1..).find(|_| rng.random_bool(0.5)).unwrap();
        for tries in [1, 10, 1000, 20_000] {
            let worst = rounds(tries, || heads() + heads());
            assert_eq!(worst.judge(), Ok(()), "{worst:?}");
            assert!(worst.all() == tries as u64 && worst.most() >= 2);
        }
    }

    #[test]
    fn coins_that_the_scheduler_knows_take_too_many_rounds() {
        assert!(rounds(1, || 62).judge().is_err(), "one alone that would never end");
        // The first bit is hit once in four times only.
        let mut rng = crate::Rng::seed_from_u64(2);
        let mut heads = move |chance| (1..).find(|_| rng.random_bool(chance)).unwrap();
        assert!(rounds(2000, || heads(0.25) + heads(0.5)).judge().is_err());
        assert!(rounds(200, || 5).judge().is_err());
    }
}
