//! The keys are the sum of at least `n - t` dealings, and of none that everybody can see not to hold.

use super::{Checker, Observation, What};
use crate::keygen::Ghost;
use crate::keygen::adversary::Behaviour;

/// See the [module](self).
pub(super) struct Dealers;

impl Checker for Dealers {
    fn name(&self) -> &'static str {
        "dealers"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Generated { by, dealers: Some(dealers), complete, .. } = seen.what else {
            return Ok(());
        };
        if dealers.len() < ghost.committee.quorum() || !dealers.within(ghost.committee) {
            return Err(format!("the keys of {by} are of the dealers {dealers}"));
        }
        for (dealer, behaviours) in &ghost.byzantine {
            let broken = behaviours.iter().any(|behaviour| match behaviour {
                Behaviour::Dealer(cheat) => cheat.how.is_never_complete(),
                Behaviour::Rogue { .. } | Behaviour::Silent => true,
                _ => false,
            });
            if broken && dealers.union(complete).contains(*dealer) {
                return Err(format!(
                    "a dealing of {dealer} that does not hold is complete at {by}"
                ));
            }
        }
        Ok(())
    }
}
