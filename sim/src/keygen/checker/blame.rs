//! No honest member is ever blamed by an honest one, also not after it was killed and started again.

use super::{Checker, Observation, What};
use crate::keygen::Ghost;

/// See the [module](self).
pub(super) struct Blame;

impl Checker for Blame {
    fn name(&self) -> &'static str {
        "blame"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Blamed { by, fault } if ghost.honest(fault.party) => {
                Err(format!("{by} blames the honest member {}: {}", fault.party, fault.kind))
            }
            _ => Ok(()),
        }
    }
}
