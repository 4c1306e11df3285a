//! Whoever sends an honest party wrong shares for something that this party then sees opened is
//! named by it.
//!
//! A party has seen the opening of round r of a computation when it speaks in round r + 1, and that
//! of its masks when it votes. Openings of preprocessing are not followed: an instance may be
//! dropped, its run complete, before the lie comes.

use std::collections::{BTreeMap, BTreeSet};

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::decision::life;
use quorate_protocol::fault::FaultKind;
use quorate_protocol::party::Message;

use super::{Checker, Observation, What};
use crate::Wire;
use crate::ghost::Ghost;

/// An opening at a position: the masks, or a round of the computation.
type Opening = (u64, Option<u16>);

/// A liar, and what it lied for: the masks, or a round of the computation.
type Lie = (PartyId, Option<u16>);

/// See the [module](self).
#[derive(Default)]
pub(super) struct Completeness {
    /// Lies on their way: from, to, what for.
    told: BTreeSet<(PartyId, PartyId, Opening)>,
    /// Lies that have arrived, by receiver and position.
    heard: BTreeMap<(PartyId, u64), BTreeSet<Lie>>,
    /// The latest opening known to be seen, by party and position, and that of masks.
    round: BTreeMap<(PartyId, u64), u16>,
    masks: BTreeSet<(PartyId, u64)>,
    certified: BTreeSet<(PartyId, u64)>,
    named: BTreeMap<PartyId, PartySet>,
}

fn opening(message: &Wire) -> Option<Opening> {
    match message {
        Message::Decision(position, life::Message::Mask(_)) => Some((*position, None)),
        Message::Decision(position, life::Message::Compute(m)) => Some((*position, Some(m.round))),
        _ => None,
    }
}

impl Completeness {
    /// Whether the lies that `party` heard in what it has seen opened at `position` are named.
    fn due(&self, party: PartyId, position: u64) -> Result<(), String> {
        if self.certified.contains(&(party, position)) {
            return Ok(());
        }
        let named = self.named.get(&party).copied().unwrap_or_default();
        let round = self.round.get(&(party, position)).copied();
        let masks = self.masks.contains(&(party, position));
        for (liar, opening) in self.heard.get(&(party, position)).into_iter().flatten() {
            let seen = match opening {
                None => masks,
                Some(lied) => round.is_some_and(|round| *lied < round),
            };
            if seen && !named.contains(*liar) {
                let what = opening.map_or("the masks".into(), |round| format!("round {round}"));
                return Err(format!(
                    "{liar} sent {party} wrong shares for {what} of position {position}, which \
                     {party} saw opened, and did not name it"
                ));
            }
        }
        Ok(())
    }
}

impl Checker for Completeness {
    fn name(&self) -> &'static str {
        "completeness"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Lied { by, to, message } => {
                self.told.extend(opening(message).map(|opening| (by, to, opening)));
            }
            What::Blamed { by, fault } => {
                if matches!(fault.kind, FaultKind::Opening(_)) {
                    self.named.entry(by).or_default().insert(fault.party);
                }
            }
            What::Said { by, message, .. } => {
                if let Some((position, Some(round))) = opening(message) {
                    let last = self.round.entry((by, position)).or_default();
                    *last = (*last).max(round);
                }
            }
            What::Voted { by, position, .. } => {
                self.masks.insert((by, position));
            }
            What::Certified { by, statement, .. } => {
                self.certified.insert((by, statement.position));
            }
            // What is known from before the restart is gone.
            What::Restarted { by } => {
                self.heard.retain(|(party, _), _| *party != by);
                self.round.retain(|(party, _), _| *party != by);
                self.masks.retain(|(party, _)| *party != by);
            }
            What::Handled { from, by, message, .. } => {
                let Some((position, round)) = opening(message) else {
                    return match message {
                        Message::Decision(position, _) => self.due(by, *position),
                        _ => Ok(()),
                    };
                };
                if self.told.remove(&(from, by, (position, round))) {
                    self.heard.entry((by, position)).or_default().insert((from, round));
                }
                return self.due(by, position);
            }
            _ => {}
        }
        Ok(())
    }
}
