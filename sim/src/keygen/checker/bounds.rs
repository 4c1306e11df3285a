//! Runs end, and what is written down stays small: little more than was dealt, and nothing but keys
//! once everybody has confirmed.

use quorate_protocol::agreement::acs;
use quorate_protocol::limits;

use super::{Checker, Observation, What};
use crate::keygen::{Content, Ghost, Wire};

/// Rounds of one binary agreement. With a fair coin the chance of so many is under 2^-60.
pub(super) const MOST_ROUNDS: u32 = 64;

/// Steps for each pair of members and dealer: many times what the worst schedules take.
const STEPS: u64 = 2_000;

/// Bytes that a member keeps once everybody has confirmed, for each member: three public shares and
/// a confirmation.
const KEPT: usize = 512;

/// Bytes that a member writes down of each honest one: several times what that has to say.
const HEARD: usize = 64 << 10;

/// See the [module](self).
pub(super) struct Bounds;

/// Steps that a run of so many members may take.
pub(super) fn most_steps(n: usize) -> u64 {
    STEPS * (n * n * n) as u64
}

impl Checker for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let n = ghost.committee.n();
        match &seen.what {
            What::Steps(steps) if *steps > most_steps(n) => {
                Err(format!("nothing rests after {} steps", most_steps(n)))
            }
            What::Said { by, message: Wire::Said { number, message }, .. } => {
                if let Content::Agreement(acs::Message::Votes { round, .. }) = message
                    && *round > MOST_ROUNDS
                {
                    return Err(format!("{by} is in round {round} of an agreement"));
                }
                if *number >= limits::MAX_CEREMONY_MESSAGES {
                    return Err(format!("{by} has more to say than is taken from it"));
                }
                Ok(())
            }
            What::AtRest(standings) => {
                let log = n * HEARD + ghost.byzantine.len() * limits::MAX_CEREMONY_BYTES;
                for standing in *standings {
                    let bytes: usize = standing.store.iter().map(|v| v.expose().len()).sum();
                    let done = standing.confirmed == ghost.committee.everyone();
                    let most = if done { 512 + n * KEPT } else { log };
                    if bytes > most {
                        return Err(format!("{} has {bytes} bytes in its store", standing.by));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
