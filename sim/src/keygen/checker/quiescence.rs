//! When nothing is in flight, every honest member has its keys, knows that all honest ones have
//! theirs, and takes its store for what it is.

use std::collections::BTreeMap;

use quorate_protocol::committee::{PartyId, PartySet};

use super::{Checker, Observation, What};
use crate::keygen::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Quiescence {
    /// What each was last told about the others.
    confirmed: BTreeMap<PartyId, PartySet>,
}

impl Checker for Quiescence {
    fn name(&self) -> &'static str {
        "quiescence"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let standings = match seen.what {
            What::Confirmed { by, members } => {
                self.confirmed.insert(by, members);
                return Ok(());
            }
            What::AtRest(standings) => standings,
            _ => return Ok(()),
        };
        let honest = ghost.honest_set();
        let up: PartySet = standings.iter().map(|standing| standing.by).collect();
        if up != honest {
            return Err(format!("everything rests, and only {up} are up"));
        }
        for standing in standings {
            let by = standing.by;
            if standing.keys.is_none() {
                let whom = standing.waiting_for;
                return Err(format!("everything rests, and {by} has no keys: it waits for {whom}"));
            }
            let told = self.confirmed.get(&by).copied().unwrap_or_default();
            if !honest.is_subset(standing.confirmed) || told != standing.confirmed {
                let missing = honest.difference(standing.confirmed.intersection(told));
                return Err(format!("everything rests, and {by} does not know of {missing}"));
            }
            if standing.forgot {
                return Err(format!("{by} takes its store for an old one"));
            }
        }
        Ok(())
    }
}
