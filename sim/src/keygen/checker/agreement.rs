//! All honest members have the same public keys, and each the same shares after every restart.

use std::collections::BTreeMap;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::keys::PublicKeys;

use super::{Checker, Keys, Observation, What, shares};
use crate::keygen::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Agreement {
    first: Option<(PartyId, PublicKeys)>,
    dealers: Option<(PartyId, PartySet)>,
    held: BTreeMap<PartyId, blake3::Hash>,
}

impl Agreement {
    fn has(&mut self, by: PartyId, keys: &Keys) -> Result<(), String> {
        let (first, public) =
            self.first.get_or_insert_with(|| (by, PublicKeys::clone(&keys.public)));
        if *public != *keys.public {
            return Err(format!("{by} has other public keys than {first}"));
        }
        let mut hasher = blake3::Hasher::new();
        for (_, share) in shares(&keys.secret) {
            hasher.update(&share.scalar().to_bytes());
        }
        let hash = hasher.finalize();
        if *self.held.entry(by).or_insert(hash) != hash {
            return Err(format!("{by} has other shares than before"));
        }
        Ok(())
    }
}

impl Checker for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match &seen.what {
            What::Generated { by, keys, dealers, .. } => {
                if let Some(dealers) = dealers {
                    let (first, held) = *self.dealers.get_or_insert((*by, *dealers));
                    if held != *dealers {
                        return Err(format!("dealers {held} at {first} and {dealers} at {by}"));
                    }
                }
                self.has(*by, keys)
            }
            What::AtRest(standings) => {
                let held = standings.iter().filter_map(|s| Some((s.by, s.keys.as_ref()?)));
                held.into_iter().try_for_each(|(by, keys)| self.has(by, keys))
            }
            _ => Ok(()),
        }
    }
}
