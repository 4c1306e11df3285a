//! The shares of `t + 1` honest members of one epoch give the secret that they gave in the first
//! one; with one of them taken from the epoch before they give something else.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::keys::KeySet;
use quorate_protocol::math::{Field, Fl, lagrange_row};

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// A member's shares: of the coin key, the certificate key and the document key.
type Three = [Fl; 3];

/// See the [module](self).
#[derive(Default)]
pub(super) struct Shares {
    secrets: Option<Three>,
    /// By epoch and member.
    held: BTreeMap<u64, BTreeMap<PartyId, Three>>,
}

fn three(keys: &KeySet) -> Three {
    let secret = keys.secret();
    [&secret.coin, &secret.certificate, &secret.document].map(|share| *share.expose())
}

/// What these shares give.
fn interpolated(shares: &[(PartyId, Three)]) -> Three {
    let points: Vec<Fl> = shares.iter().map(|(party, _)| Fl::from_u64(party.point())).collect();
    let mut sums = [Fl::ZERO; 3];
    for (coefficient, (_, shares)) in lagrange_row(&points, Fl::ZERO).into_iter().zip(shares) {
        for (sum, share) in sums.iter_mut().zip(shares) {
            *sum += coefficient * *share;
        }
    }
    sums
}

impl Checker for Shares {
    fn name(&self) -> &'static str {
        "shares"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Began { by, keys, .. } = seen.what else { return Ok(()) };
        let (epoch, mine) = (keys.keys.epoch(), three(&keys.keys));
        let before = epoch.checked_sub(1).and_then(|before| self.held.get(&before)).cloned();
        let here = self.held.entry(epoch).or_default();
        here.insert(by, mine);
        // Ours, with the first of the others.
        let others = here.iter().filter(|(party, _)| **party != by).map(|(p, s)| (*p, *s));
        let mut some: Vec<(PartyId, Three)> = others.take(ghost.committee.degree()).collect();
        some.push((by, mine));
        if some.len() < ghost.committee.one_honest() {
            return Ok(());
        }
        let secrets = interpolated(&some);
        if *self.secrets.get_or_insert(secrets) != secrets {
            return Err(format!(
                "the shares of epoch {epoch} with that of {by} give other secrets"
            ));
        }
        for place in 0..some.len() {
            let mut mixed = some.clone();
            let Some((party, shares)) = mixed.get_mut(place) else { continue };
            let Some(old) = before.as_ref().and_then(|before| before.get(party)) else { continue };
            *shares = *old;
            let same = interpolated(&mixed).iter().zip(secrets).any(|(a, b)| *a == b);
            if same {
                return Err(format!("shares of epoch {epoch} and the one before give the secret"));
            }
        }
        Ok(())
    }
}
