//! All honest parties begin an epoch with the same public keys and sealing keys; the network's
//! certificate key and document key are those of its first epoch, for ever.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Continuity {
    /// The certificate key and the document key.
    network: Option<[[u8; 32]; 2]>,
    /// Who began an epoch first, and with what.
    begun: BTreeMap<u64, (PartyId, Vec<u8>)>,
}

impl Checker for Continuity {
    fn name(&self) -> &'static str {
        "continuity"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Began { by, keys, .. } = seen.what else { return Ok(()) };
        let (epoch, public) = (keys.keys.epoch(), keys.keys.public());
        let network = [public.certificate.to_bytes(), public.document.to_bytes()];
        if *self.network.get_or_insert(network) != network {
            return Err(format!("in epoch {epoch} {by} has other keys of the network"));
        }
        let mut all = public.digest().as_bytes().to_vec();
        for member in ghost.committee.parties() {
            all.extend(keys.keyring.sealing_of(member).to_bytes());
        }
        let (first, held) = self.begun.entry(epoch).or_insert_with(|| (by, all.clone()));
        if *held != all {
            return Err(format!("{first} and {by} begin epoch {epoch} with different keys"));
        }
        Ok(())
    }
}
