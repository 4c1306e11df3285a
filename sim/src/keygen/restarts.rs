//! Kills members, and starts them again from what they wrote down.
//!
//! A member is killed between two effects of a step. Whatever is on its way from it or to it may be
//! lost with the links. What others say to it while it is down waits for its start.

use quorate_protocol::committee::PartyId;
use rand::RngExt;

use super::world::{Happening, Honest, World};
use crate::plan::Restart;
use crate::trace::Mark;

impl Honest {
    /// Whether the member is killed at the step it has just taken.
    pub(super) fn killed(&mut self) -> Option<Restart> {
        let next = self.restarts.first().copied()?;
        if self.steps < next.step {
            return None;
        }
        self.restarts.remove(0);
        Some(next)
    }
}

impl World {
    /// Kills an honest member.
    pub(super) fn kill(&mut self, restart: Restart) {
        let Restart { party, pause, lost, .. } = restart;
        let now = self.pending.now();
        self.trace.at(now, party, Mark::Killed);
        if let Some(honest) = self.honest(party) {
            honest.ceremony = None;
        }
        let rng = &mut self.rng;
        self.pending.lose(|frame| {
            (frame.from == party || frame.to == party) && rng.random_range(0..100) < lost
        });
        self.pending.at(now + pause, Happening::Revive(party));
    }

    /// Starts a killed member again, and hands it what it missed.
    pub(super) fn revive(&mut self, party: PartyId) {
        self.trace.at(self.pending.now(), party, Mark::StartsAgain);
        self.restarted(party);
        self.start(party);
    }
}
