//! Where nothing goes wrong, every vote that is given a second before the deadline is counted.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::Digest;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// Milliseconds that a ballot has to get around.
const WAY: u64 = 1_000;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Inclusion {
    in_time: BTreeMap<Digest, PartySet>,
}

impl Checker for Inclusion {
    fn name(&self) -> &'static str {
        "inclusion"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Voted { by, decision, .. } if ghost.calm => {
                let asked = ghost.questions.get(&decision);
                let now = ghost.utc_ms(by, seen.time);
                if asked.is_some_and(|asked| now + WAY <= asked.proposal.deadline_ms) {
                    self.in_time.entry(decision).or_default().insert(by);
                }
            }
            What::Certified { statement, .. } => {
                let voted = self.in_time.get(&statement.proposal).copied().unwrap_or_default();
                let missing = voted.difference(statement.counted);
                if !missing.is_empty() {
                    return Err(format!("{missing} voted in time, and do not count"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
