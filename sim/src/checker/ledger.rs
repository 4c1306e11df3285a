//! The ledger goes on across epochs, without a gap and without a fork: all honest parties begin an
//! epoch's ledger at the same place, which is after all that was ordered before, and at rest each has
//! every position once.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::ledger::LedgerStart;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Ledger {
    /// Where each epoch begins, and who said so first.
    starts: BTreeMap<u64, (PartyId, LedgerStart)>,
    /// The epoch of each position.
    epochs: BTreeMap<u64, u64>,
}

impl Ledger {
    /// Whether this position can be of this epoch, as far as the epochs' beginnings are known.
    fn fits(&self, epoch: u64, position: u64) -> Result<(), String> {
        let from = self.starts.get(&epoch).map_or(0, |(_, start)| start.position);
        let to = self.starts.get(&(epoch + 1)).map_or(u64::MAX, |(_, start)| start.position);
        if (from..to).contains(&position) {
            return Ok(());
        }
        Err(format!("position {position} is ordered in epoch {epoch}, which is {from} to {to}"))
    }
}

impl Checker for Ledger {
    fn name(&self) -> &'static str {
        "ledger"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Began { by, keys, start } => {
                let epoch = keys.keys.epoch();
                let (first, held) = *self.starts.entry(epoch).or_insert((by, start));
                if held != start {
                    return Err(format!("{first} and {by} begin epoch {epoch} in two places"));
                }
                self.epochs.iter().try_for_each(|(position, epoch)| self.fits(*epoch, *position))
            }
            What::Ordered { by, epoch, position, .. } => {
                let held = *self.epochs.entry(position).or_insert(epoch);
                if held != epoch {
                    return Err(format!(
                        "position {position} is of epoch {held}, and at {by} of epoch {epoch}"
                    ));
                }
                self.fits(epoch, position)
            }
            What::AtRest { by, standing } => {
                let mut positions: Vec<u64> = standing.iter().filter_map(|s| s.position).collect();
                positions.sort_unstable();
                for (expected, position) in (0..).zip(positions) {
                    if expected != position {
                        return Err(format!(
                            "{by} has position {position} where {expected} is expected"
                        ));
                    }
                }
                let ordered = standing.iter().filter_map(|s| Some((s.epoch, s.position?)));
                ordered.into_iter().try_for_each(|(epoch, position)| self.fits(epoch, position))
            }
            _ => Ok(()),
        }
    }
}
