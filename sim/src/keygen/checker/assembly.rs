//! Nobody puts a key together: none is in what any honest member writes down.

use quorate_protocol::math::Fl;

use super::{Checker, Observation, What, enough, held, interpolated, subsets};
use crate::keygen::Ghost;

/// See the [module](self).
pub(super) struct Assembly;

impl Checker for Assembly {
    fn name(&self) -> &'static str {
        "assembly"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::AtRest(standings) = seen.what else { return Ok(()) };
        let all = held(standings);
        let size = enough(ghost.committee);
        if all.len() < size {
            return Ok(());
        }
        let mut sets = subsets(&all, size, 1);
        let Some(keys) = sets.pop().map(|set| interpolated(&set)) else { return Ok(()) };
        for standing in standings {
            let values = || standing.store.iter().map(|value| value.expose().as_slice());
            if keys.iter().any(|key| values().any(|value| contains(value, key))) {
                return Err(format!("{} has written a whole key down", standing.by));
            }
        }
        Ok(())
    }
}

fn contains(text: &[u8], key: &Fl) -> bool {
    let key = key.scalar().to_bytes();
    let [first, ..] = key;
    let places = text.iter().enumerate().filter(|(_, byte)| **byte == first);
    places.into_iter().any(|(place, _)| text.get(place..place + key.len()) == Some(&key))
}
