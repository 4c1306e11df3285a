//! When nothing is in flight and no timer is armed, every honest party has certified everything
//! that any honest party knows of, and everything that a steady honest party proposed, perhaps under
//! another name after it lapsed.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Quiescence {
    certified: BTreeMap<Digest, PartyId>,
    rested: Vec<PartyId>,
}

impl Checker for Quiescence {
    fn name(&self) -> &'static str {
        "quiescence"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::AtRest { by, standing } = seen.what else { return Ok(()) };
        if !ghost.live || ghost.stranded.contains(by) {
            return Ok(());
        }
        if let Some(open) = standing.iter().find(|s| !s.certified) {
            return Err(format!(
                "everything rests, and {by} has not certified a decision: it waits for {}",
                open.waiting
            ));
        }
        for standing in standing {
            if let Some(first) = self.rested.first()
                && !self.certified.contains_key(&standing.decision)
            {
                return Err(format!("everything rests, and {first} lacks a decision of {by}'s"));
            }
            self.certified.insert(standing.decision, by);
        }
        if let Some(other) = self.rested.first()
            && self.certified.len() != standing.len()
        {
            return Err(format!("everything rests, and {by} lacks a decision of {other}'s"));
        }
        let steady = ghost.steady();
        let decided = |digest: &Digest| self.certified.contains_key(digest);
        let decided = ghost.questions.iter().filter(|(digest, _)| decided(digest));
        let decided: BTreeSet<usize> = decided.map(|(_, asked)| asked.number).collect();
        for asked in ghost.questions.values() {
            if steady.contains(asked.proposer) && !decided.contains(&asked.number) {
                let proposer = asked.proposer;
                return Err(format!("everything rests, and a proposal of {proposer}'s is lost"));
            }
        }
        self.rested.push(by);
        Ok(())
    }
}
