//! Looks at parties from outside, now and then: at what no message shows.

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::DecisionView;

use super::World;
use super::actor::Real;
use crate::checker::{Lasting, LastingDecision, LastingEpoch, What};

/// How often one of the parties is looked at, in steps.
pub(super) const LOOK: u64 = 2048;

impl World {
    /// Looks at the honest party whose turn it is.
    pub(super) fn look(&mut self) {
        let honest: Vec<PartyId> = self.honest().iter().collect();
        let turn = usize::try_from(self.steps / LOOK).unwrap_or_default();
        if let Some(by) = honest.iter().cycle().nth(turn).copied() {
            self.show_kept(by);
            self.show_restored(by);
        }
    }

    /// Shows what an honest party keeps for others.
    pub(super) fn show_kept(&mut self, by: PartyId) {
        let Some(party) = self.party(by) else { return };
        let epochs = party.live().count();
        let of = |peer| (peer, party.kept_bytes(peer));
        let kept: Vec<(PartyId, usize)> = self.plan.committee.parties().map(of).collect();
        for (of, bytes) in kept {
            self.observe(What::Keeps { by, of, epochs, bytes });
        }
    }

    /// Shows what an honest party would be if it started now. That takes as long as a start.
    ///
    /// # Panics
    /// If what it wrote down cannot be read.
    fn show_restored(&mut self, by: PartyId) {
        let Some(actor) = self.members[by].actors.first() else { return };
        let (id, first, records) = (actor.id, !actor.erased, actor.records());
        let Some(live) = actor.party.as_ref().map(lasting) else { return };
        let restored = self.keys.restored(id, first, records);
        let restored = lasting(&restored.expect("what a party wrote down can be read"));
        self.observe(What::Restorable { by, live: &live, restored: &restored });
    }
}

/// What a party must not lose by a restart.
fn lasting(party: &Real) -> Lasting {
    let decided = |view: DecisionView| {
        let outcome = view.outcome.map(|outcome| (outcome, view.counted));
        let (position, decision, voted) = (view.position?, view.digest, view.i_voted);
        Some(LastingDecision { position, decision, voted, outcome })
    };
    let archived = party.archives().iter().map(|(epoch, archive)| LastingEpoch {
        epoch: *epoch,
        counts: None,
        decisions: archive.decisions().filter_map(decided).collect(),
    });
    let live = party.live().filter_map(|epoch| {
        let party = party.party(epoch)?;
        let status = party.status();
        let counts = [status.slots, status.positions, status.runs].map(u64::cast_signed);
        let [slots, positions, runs] = counts;
        let left = [status.bits_left, status.triples_left, status.pairs_left];
        let [bits, triples, pairs] = left;
        Some(LastingEpoch {
            epoch,
            counts: Some([slots, positions, runs, bits, triples, pairs]),
            decisions: party.decisions().into_iter().filter_map(decided).collect(),
        })
    });
    Lasting { epoch: party.epoch(), epochs: archived.chain(live).collect() }
}
