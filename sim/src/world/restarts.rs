//! Kills parties, and starts them again from what they wrote down.
//!
//! A party is killed between two effects of a step. What it had said before is on its way, but for
//! frames that were not acknowledged: those may be lost. What others say to it waits for its start.

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::Notice;
use quorate_protocol::party::epochs::EpochsEvent;
use rand::RngExt;

use super::actor::ActorId;
use super::member::FIRST_EPOCH;
use super::{Happening, World};
use crate::checker::What;
use crate::plan::{Outage, Restart, Storage};
use crate::trace::Mark;

impl World {
    /// Starts a party, for the first time or again.
    pub(super) fn start(&mut self, party: PartyId) {
        let ids: Vec<ActorId> = self.members[party].actors.iter().map(|actor| actor.id).collect();
        let forgetful = self.plan.forgetful().contains(party);
        for id in ids {
            if let Some(actor) = self.members[party].actor(id) {
                let restored = self.keys.restored(id, !actor.erased, actor.records());
                let may_fail = forgetful || !self.ghost.honest(party);
                if let (Err(error), true) = (&restored, may_fail) {
                    let (now, why) = (self.pending.now(), error.to_string());
                    self.trace.at(now, party, Mark::StaysDown(&why));
                    continue;
                }
                actor.party = Some(restored.expect("what a party wrote down can be read"));
            }
            self.tell_epochs(id);
            self.tell_order(id);
            self.step(id, EpochsEvent::Start);
        }
    }

    /// It may have been killed before it could say that an epoch began.
    fn tell_epochs(&mut self, actor: ActorId) {
        let Some(party) = self.party(actor.party) else { return };
        let later = FIRST_EPOCH + 1..=party.epoch();
        let begun: Vec<_> = later.filter_map(|epoch| party.keys(epoch).cloned()).collect();
        begun.iter().for_each(|keys| self.on_began(actor, keys));
    }

    /// It may have been killed before it could say what it had ordered.
    fn tell_order(&mut self, actor: ActorId) {
        let Some(party) = self.party(actor.party) else { return };
        let told = self.members[actor.party].ordered;
        let mut untold = Vec::new();
        for live in (FIRST_EPOCH..=party.epoch()).filter_map(|epoch| party.party(epoch)) {
            for view in live.decisions() {
                if let Some(position) = view.position.filter(|position| *position >= told) {
                    let notice = Notice::Ordered { decision: view.digest, position };
                    untold.push((live.epoch(), notice));
                }
            }
        }
        for (epoch, notice) in untold {
            self.on_notice(actor, epoch, &notice);
        }
    }

    /// Whether a party is killed before the effect it is about to have.
    pub(super) fn killed(&mut self, party: PartyId) -> Option<Restart> {
        let member = &mut self.members[party];
        let next = member.restarts.first_mut().filter(|next| member.steps >= next.step)?;
        if let Some(left) = next.effects.checked_sub(1) {
            next.effects = left;
            return None;
        }
        Some(member.restarts.remove(0))
    }

    /// Kills a party.
    pub(super) fn kill(&mut self, restart: Restart) {
        let Restart { party, pause, lost, storage, .. } = restart;
        let now = self.pending.now();
        self.trace.at(now, party, Mark::Killed);
        let member = &mut self.members[party];
        member.down = true;
        member.life += 1;
        for actor in &mut member.actors {
            actor.party = None;
            self.spoilt += u64::from(actor.spoil(storage, member.life));
        }
        let rng = &mut self.rng;
        self.pending.lose(|frame| frame.from == party && rng.random_range(0..100) < lost);
        self.pending.at(now + pause, Happening::Revive(party));
    }

    /// Kills all honest parties that are up.
    pub(super) fn outage(&mut self, outage: Outage) {
        for party in self.honest().iter() {
            if !self.members[party].down {
                let Outage { pause, .. } = outage;
                let storage = Storage::Kept;
                self.kill(Restart { party, step: 0, effects: 0, pause, lost: 0, storage });
            }
        }
    }

    /// Starts a killed party again, and hands it what it missed.
    pub(super) fn revive(&mut self, party: PartyId) {
        self.trace.at(self.pending.now(), party, Mark::StartsAgain);
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
            self.pending.send(frame, &mut self.rng);
        }
    }
}
