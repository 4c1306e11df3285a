//! What Byzantine members say because of what they hear, and what of it the simulator has to know.

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::limits;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::wire;

use super::World;
use super::actor::ActorId;
use crate::Wire;

/// The number of a question that no honest organisation asks.
const NOBODYS: usize = usize::MAX;

impl World {
    /// What a Byzantine party says because of what it hears, before it handles that.
    pub(super) fn hear(&mut self, actor: ActorId, from: PartyId, epoch: u64, message: &Wire) {
        let by = actor.party;
        let corruption = &mut self.members[by].corruption;
        if actor.twin || corruption.is_honest() {
            return;
        }
        for (to, said) in corruption.hear(from, message, &mut self.rng) {
            self.note(by, epoch, &said);
            if let Some(actor) = self.members[by].actor(actor)
                && to != by
            {
                actor.say(epoch, Recipient::One(to), said);
            }
        }
    }

    /// Takes note of questions of a Byzantine member's own choice.
    pub(super) fn note(&mut self, by: PartyId, epoch: u64, said: &Wire) {
        if let Message::Proposal(id, rbc::Message::Send { payload, .. }) = said
            && id.proposer == by
            && let Ok(proposal) = wire::decode::<Proposal>(payload, limits::MAX_SHORT_PAYLOAD)
        {
            let digest = proposal.digest(&self.keys.root(epoch));
            self.ghost.asked(digest, by, NOBODYS, proposal);
        }
    }
}
