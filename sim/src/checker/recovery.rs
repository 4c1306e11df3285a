//! A member that starts from what it has written down by now is where the one that runs is: in the
//! same epochs, with the same order, certificates and ballots, and with the same material claimed.
//!
//! Not promised, and not compared, is what is lost by a restart: what was said and heard in instances
//! that go on.

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
pub(super) struct Recovery;

impl Checker for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Restorable { by, live, restored } = &seen.what else { return Ok(()) };
        if live == restored {
            return Ok(());
        }
        for (live, restored) in live.epochs.iter().zip(&restored.epochs) {
            if live != restored {
                return Err(format!("{by} would forget: {live:?} would be {restored:?}"));
            }
        }
        Err(format!("{by} is in epoch {}, and would be in {}", live.epoch, restored.epoch))
    }
}
