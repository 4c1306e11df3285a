//! What lapses at one honest party has no position at any, and what has a position is decided: at rest
//! every honest party has the certificate of whatever any of them ordered.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Lapse {
    ordered: BTreeMap<Digest, PartyId>,
    lapsed: BTreeMap<Digest, PartyId>,
}

impl Lapse {
    fn both(&self, decision: &Digest) -> Result<(), String> {
        let (ordered, lapsed) = (self.ordered.get(decision), self.lapsed.get(decision));
        if let (Some(at), Some(not)) = (ordered, lapsed) {
            return Err(format!("a proposal has a position at {at}, and lapses at {not}"));
        }
        Ok(())
    }
}

impl Checker for Lapse {
    fn name(&self) -> &'static str {
        "lapse"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Ordered { by, decision, .. } => {
                self.ordered.entry(decision).or_insert(by);
                self.both(&decision)
            }
            What::Lapsed { by, decision } => {
                self.lapsed.entry(decision).or_insert(by);
                self.both(&decision)
            }
            What::AtRest { by, standing } if ghost.live && !ghost.stranded.contains(by) => {
                let certified = standing.iter().filter(|s| s.certified).map(|s| s.decision);
                let certified: BTreeSet<Digest> = certified.collect();
                let missing = self.ordered.iter().find(|(digest, _)| !certified.contains(digest));
                missing.map_or(Ok(()), |(_, at)| {
                    Err(format!("everything rests, and {by} has not decided what {at} ordered"))
                })
            }
            _ => Ok(()),
        }
    }
}
