//! In every binary agreement honest parties decide one value, and one that an honest party proposed;
//! and in no round do they say E3 for both values.
//!
//! What Byzantine parties say never suffices for a value: it takes `t + 1` to have an honest party say
//! it after them.

use std::collections::BTreeMap;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::committee::PartySet;

use super::instance::{Instance, agreement};
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// Agreements about which somebody honest voted 0, and about which 1.
type Both = [PartySet; 2];

/// What honest parties voted in a common subset.
#[derive(Default)]
struct Subset {
    proposed: Both,
    /// By round.
    third: BTreeMap<u32, Both>,
    decided: Both,
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Votes {
    subsets: BTreeMap<(u64, Instance), Subset>,
}

/// Adds votes; gives back the agreements in which there are now some for both values.
fn add(all: &mut Both, zero: PartySet, one: PartySet) -> PartySet {
    let [zeros, ones] = all;
    (*zeros, *ones) = (zeros.union(zero), ones.union(one));
    zeros.intersection(*ones)
}

impl Checker for Votes {
    fn name(&self) -> &'static str {
        "votes"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Said { by, epoch, message, .. } = seen.what else { return Ok(()) };
        let Some((instance, m)) = agreement(message) else { return Ok(()) };
        let acs::Message::Votes { round, kind, zero, one, .. } = m else { return Ok(()) };
        let (zero, one) = (*zero, *one);
        let subset = self.subsets.entry((epoch, instance)).or_default();
        let both = match kind {
            Kind::E1 if *round == 0 => {
                add(&mut subset.proposed, zero, one);
                return Ok(());
            }
            Kind::E1 | Kind::E2 => PartySet::EMPTY,
            Kind::E3 => add(subset.third.entry(*round).or_default(), zero, one),
            Kind::Decide => add(&mut subset.decided, zero, one),
        };
        if !both.is_empty() {
            return Err(format!("honest parties say {kind} for both values: {message} of {by}"));
        }
        let [zeros, ones] = subset.proposed;
        if zero.is_subset(zeros) && one.is_subset(ones) {
            return Ok(());
        }
        Err(format!("{by} votes for a value that nobody honest proposed: {message}"))
    }
}
