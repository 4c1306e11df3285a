//! Runs end: an agreement decides within so many rounds, and everything within so many steps.

use quorate_protocol::agreement::acs;

use super::instance::agreement;
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// Rounds of one binary agreement. With a fair coin the chance of so many is under 2^-60.
pub(super) const MOST_ROUNDS: u32 = 64;

/// Steps of a run per party and question: many times what the worst schedules take.
const STEPS: u64 = 20_000;

/// See the [module](self).
pub(super) struct Bounds;

/// Steps that a run of so many parties and questions may take.
pub(super) fn most_steps(n: usize, questions: usize) -> u64 {
    STEPS * (n * n) as u64 * (questions as u64 + 2)
}

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Steps(steps) => {
                let most = most_steps(ghost.committee.n(), ghost.questions.len());
                if steps > most {
                    return Err(format!("nothing rests after {most} steps"));
                }
            }
            What::Said { by, message, .. } => {
                let Some((_, m)) = agreement(message) else { return Ok(()) };
                if let acs::Message::Votes { round, .. } = m
                    && *round > MOST_ROUNDS
                {
                    return Err(format!("{by} is in round {round} of an agreement: {message}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
