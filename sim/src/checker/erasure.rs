//! Of an epoch that an honest party says it has erased, nothing secret is in its store: no share, no
//! seed, and no sealing key, unless a later epoch has the same.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::epochs::EpochKeys;

use super::{Checker, Observation, Store, What};
use crate::ghost::Ghost;

/// Something secret, and what it is.
type Secrets = BTreeMap<[u8; 32], &'static str>;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Erasure {
    held: BTreeMap<(PartyId, u64), Secrets>,
    erased: BTreeSet<(PartyId, u64)>,
}

fn secrets(keys: &EpochKeys) -> Secrets {
    let secret = keys.keys.secret();
    Secrets::from([
        (secret.coin.expose().scalar().to_bytes(), "share of the coin key"),
        (secret.certificate.expose().scalar().to_bytes(), "share of the certificate key"),
        (secret.document.expose().scalar().to_bytes(), "share of the document key"),
        (*keys.seed.expose(), "seed"),
        (*keys.keyring.sealing().to_bytes().expose(), "sealing key"),
    ])
}

impl Erasure {
    /// The first thing in a store that should not be there.
    fn search(&self, by: PartyId, store: &Store) -> Option<(u64, &'static str)> {
        let of = |erased: bool| {
            let all = self.held.iter().filter(move |((party, epoch), _)| {
                *party == by && self.erased.contains(&(by, *epoch)) == erased
            });
            all.flat_map(|((_, epoch), secrets)| {
                secrets.iter().map(|(s, what)| (*s, (*epoch, *what)))
            })
        };
        let mut gone: BTreeMap<[u8; 32], (u64, &'static str)> = of(true).collect();
        for (secret, _) in of(false) {
            gone.remove(&secret);
        }
        // Few bytes begin like a secret: only those are looked up.
        let mut begins = [false; 256];
        for [first, ..] in gone.keys() {
            if let Some(begins) = begins.get_mut(usize::from(*first)) {
                *begins = true;
            }
        }
        let windows = store.secrets().flat_map(|(_, value)| value.expose().windows(32));
        let mut candidates = windows.filter(|window| {
            let first = window.first().copied().unwrap_or_default();
            begins.get(usize::from(first)).copied().unwrap_or_default()
        });
        candidates.find_map(|window| gone.get(window).copied())
    }
}

impl Checker for Erasure {
    fn name(&self) -> &'static str {
        "erasure"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Began { by, keys, .. } => {
                self.held.insert((by, keys.keys.epoch()), secrets(keys));
            }
            What::Erased { by, epoch } => {
                self.erased.insert((by, epoch));
            }
            What::Stored { by, store } => {
                if let Some((epoch, what)) = self.search(by, store) {
                    return Err(format!("{by} has erased epoch {epoch}, and stores its {what}"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
