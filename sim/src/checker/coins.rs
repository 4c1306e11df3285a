//! No honest party says a share of an epoch's coins before the epoch began at it: so nobody can know
//! one before the first honest party is there. And none says a share of a round's coin before so many
//! honest parties have said E3 in the round, or have decided before it, that with the Byzantine ones
//! they are a quorum: so nobody can know it before the only bit that the round can end with is fixed.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};

use super::instance::{Instance, Votes, agreement};
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// Who voted in which of the agreements.
type Voters = PartyMap<PartySet>;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Coins {
    begun: BTreeSet<(PartyId, u64)>,
    /// E3 by round.
    third: BTreeMap<(u64, Instance, u32), Voters>,
    /// DECIDE by the round of the decision.
    decided: BTreeMap<(u64, Instance, u32), Voters>,
}

fn add(voters: &mut Voters, by: PartyId, about: PartySet) {
    for about in about.iter() {
        voters[about].insert(by);
    }
}

impl Coins {
    /// Honest parties that have cast their last vote of a round in an agreement.
    fn voted(&self, epoch: u64, instance: Instance, round: u32, about: PartyId) -> PartySet {
        let third = self.third.get(&(epoch, instance, round)).map(|voters| voters[about]);
        let before = self.decided.range((epoch, instance, 0)..(epoch, instance, round));
        before.fold(third.unwrap_or_default(), |all, (_, voters)| all.union(voters[about]))
    }

    fn note(&mut self, committee: Committee, by: PartyId, place: (u64, Instance), message: &Votes) {
        let acs::Message::Votes { round, kind, zero, one, bot } = message else { return };
        let of = match kind {
            Kind::E3 => &mut self.third,
            Kind::Decide => &mut self.decided,
            Kind::E1 | Kind::E2 => return,
        };
        let voters = of.entry((place.0, place.1, *round));
        let voters = voters.or_insert_with(|| PartyMap::new(committee));
        add(voters, by, zero.union(*one).union(*bot));
    }
}

impl Checker for Coins {
    fn name(&self) -> &'static str {
        "coins"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let (by, epoch, message) = match seen.what {
            What::Began { by, keys, .. } => {
                self.begun.insert((by, keys.keys.epoch()));
                return Ok(());
            }
            What::Said { by, epoch, message, .. } => (by, epoch, message),
            _ => return Ok(()),
        };
        let Some((instance, m)) = agreement(message) else { return Ok(()) };
        let acs::Message::Shares { round, shares } = m else {
            self.note(ghost.committee, by, (epoch, instance), m);
            return Ok(());
        };
        if !self.begun.contains(&(by, epoch)) {
            return Err(format!("{by} tosses a coin of epoch {epoch}, not begun: {message}"));
        }
        let needed = ghost.committee.quorum().saturating_sub(ghost.byzantine.len());
        for (about, _) in shares {
            let voted = self.voted(epoch, instance, *round, *about);
            if voted.len() < needed {
                return Err(format!(
                    "{by} tosses the coin of round {round} about {about} when only {voted} of the \
                     honest parties have voted: {message}"
                ));
            }
        }
        Ok(())
    }
}
