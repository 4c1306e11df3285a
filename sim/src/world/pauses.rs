//! Parties that do nothing for a while, and then go on as if nothing had been.

use quorate_protocol::committee::PartyId;

use super::{Frame, Happening, World};
use crate::schedule::Next;
use crate::trace::Mark;

impl World {
    /// What is to happen, unless it happens to a party that pauses: then it waits.
    pub(super) fn unless_paused(
        &mut self,
        next: Next<Frame, Happening>,
    ) -> Option<Next<Frame, Happening>> {
        let Some(party) = self.whom(&next) else { return Some(next) };
        let now = self.pending.now();
        let member = &mut self.members[party];
        let pause = member.pauses.iter().find(|pause| pause.begins <= now && now < pause.ends);
        let Some(ends) = pause.map(|pause| pause.ends) else { return Some(next) };
        if member.waiting.is_empty() {
            self.trace.at(now, party, Mark::Pauses);
            self.pending.at(ends, Happening::Resume(party));
        }
        self.paused += u64::from(matches!(next, Next::Frame(_)));
        self.members[party].waiting.push(next);
        None
    }

    /// To whom something happens, if it is a process that does it.
    fn whom(&self, next: &Next<Frame, Happening>) -> Option<PartyId> {
        match next {
            Next::Frame(frame) => Some(frame.to),
            Next::Event(event) => match event {
                Happening::Done(actor, ..)
                | Happening::Timer(actor, ..)
                | Happening::Entropy(actor, ..)
                | Happening::Vote(actor, ..) => Some(actor.party),
                Happening::Ask(number) => self.workload.proposer(*number),
                Happening::Revive(party) => Some(*party),
                Happening::Resume(_) | Happening::Outage(_) => None,
            },
        }
    }

    /// A party goes on: what waited happens in its order.
    pub(super) fn resume(&mut self, party: PartyId) {
        self.trace.at(self.pending.now(), party, Mark::GoesOn);
        for next in std::mem::take(&mut self.members[party].waiting) {
            self.take(next);
        }
    }
}
