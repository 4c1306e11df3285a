//! Kills parties, and starts them again from what they wrote down.
//!
//! A party is killed between two effects of a step. What it had said before is on its way, but for
//! frames that were not acknowledged: those may be lost. What others say to it waits for its start.

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::{Event, Party};
use rand::RngExt;

use super::actor::ActorId;
use super::{Happening, World};
use crate::checker::What;
use crate::plan::Restart;

impl World {
    /// Starts a party, for the first time or again.
    pub(super) fn start(&mut self, party: PartyId) {
        let ids: Vec<ActorId> = self.members[party].actors.iter().map(|actor| actor.id).collect();
        for id in ids {
            let config = self.keys.config(id);
            if let Some(actor) = self.members[party].actor(id) {
                let restored = Party::new(config, actor.records());
                actor.party = Some(restored.expect("what a party wrote down can be read"));
            }
            self.step(id, Event::Start);
        }
    }

    /// Whether a party is killed at the step it has just taken.
    pub(super) fn killed(&mut self, party: PartyId) -> Option<Restart> {
        let member = &mut self.members[party];
        let next = member.restarts.first().copied()?;
        if member.steps < next.step {
            return None;
        }
        member.restarts.remove(0);
        Some(next)
    }

    /// Kills a party.
    pub(super) fn kill(&mut self, restart: Restart) {
        let Restart { party, pause, lost, .. } = restart;
        let now = self.pending.now();
        self.trace.line(now, &format_args!("{party} is killed"));
        let member = &mut self.members[party];
        member.down = true;
        member.life += 1;
        for actor in &mut member.actors {
            actor.party = None;
        }
        let rng = &mut self.rng;
        self.pending.lose(|frame| frame.from == party && rng.random_range(0..100) < lost);
        self.pending.at(now + pause, Happening::Revive(party));
    }

    /// Starts a killed party again, and hands it what it missed.
    pub(super) fn revive(&mut self, party: PartyId) {
        self.trace.line(self.pending.now(), &format_args!("{party} starts again"));
        self.restarts += 1;
        self.members[party].down = false;
        self.observe(What::Restarted { by: party });
        self.start(party);
        let now = self.pending.now();
        for (decision, vote) in self.workload.votes_again(party) {
            let voter = ActorId { party, twin: false };
            self.pending.at(now + vote.after, Happening::Vote(voter, decision, vote));
        }
        for frame in std::mem::take(&mut self.members[party].held) {
            self.pending.send(frame.from, party, frame, &mut self.rng);
        }
    }
}
