//! In every binary agreement honest parties decide one value, and one that an honest party proposed;
//! and in no round do they say E3 for both values.
//!
//! An honest party says E1 of round 0 for what it proposes, and for the other value only after `t + 1`
//! parties' E1 for it were delivered to it. What Byzantine parties say never suffices for that. Whether
//! the E1 of later rounds are said rightly is not looked at.

use std::collections::BTreeMap;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::committee::{PartyId, PartySet};

use super::instance::{self, Instance, agreement};
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// Agreements about which somebody voted 0, and about which 1.
type Both = [PartySet; 2];

/// E1 of round 0 in a common subset, at one party.
#[derive(Default)]
struct First {
    /// What it said.
    said: Both,
    /// Of that, what it can have said only as its proposal.
    proposed: Both,
    /// Whose votes about each were delivered to it.
    heard: [BTreeMap<PartyId, PartySet>; 2],
}

/// What honest parties voted in a common subset.
#[derive(Default)]
struct Subset {
    first: BTreeMap<PartyId, First>,
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

impl First {
    /// Adds votes that are said; gives back those that are new, and repeat too few to be a repetition.
    fn say(&mut self, votes: Both, enough: usize) -> Both {
        let mut own = Both::default();
        for (((said, heard), votes), own) in
            self.said.iter_mut().zip(&self.heard).zip(votes).zip(&mut own)
        {
            let few = |about: &PartyId| heard.get(about).is_none_or(|from| from.len() < enough);
            *own = votes.difference(*said).iter().filter(few).collect();
            *said = said.union(votes);
        }
        own
    }

    /// Adds votes that are delivered.
    fn hear(&mut self, from: PartyId, votes: Both) {
        for (heard, votes) in self.heard.iter_mut().zip(votes) {
            for about in votes.iter() {
                heard.entry(about).or_default().insert(from);
            }
        }
    }
}

impl Subset {
    /// An honest party says E1 of round 0.
    fn say_first(&mut self, ghost: &Ghost, by: PartyId, votes: Both) -> Result<(), String> {
        let first = self.first.entry(by).or_default();
        let [zero, one] = first.say(votes, ghost.committee.one_honest());
        add(&mut self.proposed, zero, one);
        let both = add(&mut first.proposed, zero, one);
        if both.is_empty() {
            return Ok(());
        }
        Err(format!("{by} repeats E1 of too few about {both}"))
    }

    /// An honest party says E2, E3 or DECIDE, or E1 of a later round.
    fn say(&mut self, by: PartyId, message: &instance::Votes) -> Result<(), String> {
        let acs::Message::Votes { round, kind, zero, one, .. } = message else { return Ok(()) };
        let (zero, one) = (*zero, *one);
        let both = match kind {
            Kind::E1 | Kind::E2 => PartySet::EMPTY,
            Kind::E3 => add(self.third.entry(*round).or_default(), zero, one),
            Kind::Decide => add(&mut self.decided, zero, one),
        };
        if !both.is_empty() {
            return Err(format!("honest parties say {kind} for both values: {message} of {by}"));
        }
        let [zeros, ones] = self.proposed;
        if zero.is_subset(zeros) && one.is_subset(ones) {
            return Ok(());
        }
        Err(format!("{by} votes for a value that nobody honest proposed: {message}"))
    }
}

impl Checker for Votes {
    fn name(&self) -> &'static str {
        "votes"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let (What::Said { by, epoch, message, .. } | What::Hears { by, epoch, message, .. }) =
            seen.what
        else {
            return Ok(());
        };
        let Some((instance, m)) = agreement(message) else { return Ok(()) };
        let first = match m {
            acs::Message::Votes { round: 0, kind: Kind::E1, zero, one, .. } => Some([*zero, *one]),
            _ => None,
        };
        if matches!(seen.what, What::Hears { .. }) && first.is_none() {
            return Ok(());
        }
        let subset = self.subsets.entry((epoch, instance)).or_default();
        match (&seen.what, first) {
            (What::Hears { from, .. }, Some(votes)) => {
                subset.first.entry(by).or_default().hear(*from, votes);
                Ok(())
            }
            (_, Some(votes)) => subset.say_first(ghost, by, votes),
            (_, None) => subset.say(by, m),
        }
    }
}
