//! The vote of an honest organisation that all honest parties had before the deadline is counted,
//! whoever is killed meanwhile: nobody can keep it out.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::crypto::Digest;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Validity {
    voted: BTreeSet<(Digest, PartyId)>,
    in_time: BTreeMap<(Digest, PartyId), PartySet>,
}

impl Checker for Validity {
    fn name(&self) -> &'static str {
        "validity"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Voted { by, decision, .. } => {
                self.voted.insert((decision, by));
            }
            What::VoteIn { by, decision, member } => {
                let asked = ghost.questions.get(&decision);
                if asked.is_some_and(|a| ghost.utc_ms(by, seen.time) < a.proposal.deadline_ms) {
                    self.in_time.entry((decision, member)).or_default().insert(by);
                }
            }
            What::Certified { statement, .. } => {
                let honest = ghost.committee.everyone().difference(ghost.byzantine);
                let honest = honest.difference(ghost.stranded);
                for member in honest.difference(statement.counted).iter() {
                    let vote = (statement.proposal, member);
                    let had = self.in_time.get(&vote).copied().unwrap_or_default();
                    if self.voted.contains(&vote) && honest.is_subset(had) {
                        return Err(format!(
                            "position {}: the vote of {member} was everywhere in time, and does \
                             not count",
                            statement.position
                        ));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}
