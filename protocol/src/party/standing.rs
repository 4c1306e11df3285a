//! Why a decision is not certified here yet: facts for people, none of which depends on a vote.

use serde::Serialize;

use crate::committee::PartySet;
use crate::crypto::transcript::Digest;
use crate::decision::life::waits::{Step, Waits};
use crate::decision::proposal::ProposalId;
use crate::party::{Party, Suite};

/// What stands between a decision and its certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Standing {
    /// What it waits for.
    pub waits: Waits,
    /// Members that have said nothing since this party started.
    pub silent: PartySet,
    /// Whether the keys are being refreshed: what gets no position before lapses.
    pub epoch_ends: bool,
}

impl<S: Suite> Party<S> {
    /// Why this decision is not certified; `None` if it is, or is not known here.
    pub fn standing(&self, digest: &Digest) -> Option<Standing> {
        let waits = match self.ledger.find(digest) {
            Some(entry) => {
                let waits = self.deciding.decision(entry.position)?.waits();
                if waits.step == Step::Material { self.material_waits() } else { waits }
            }
            None => {
                let mut unordered = self.ordering.unordered();
                let (id, _) = unordered.find(|(_, p)| self.ledger.digest_of(p) == *digest)?;
                self.position_waits(id)
            }
        };
        let mut silent = self.committee().everyone().difference(self.catching_up.heard());
        silent.remove(self.me());
        let epoch_ends = self.refresh().is_some();
        Some(Standing { waits, silent, epoch_ends })
    }

    /// What a proposal without a position waits for.
    fn position_waits(&self, id: &ProposalId) -> Waits {
        let (committee, slot) = (self.committee(), self.ledger.next_slot());
        let (quorum, few) = (committee.quorum(), committee.one_honest());
        if !self.ordering.is_waiting(id) {
            return Waits { step: Step::Broadcast, here: PartySet::EMPTY, needed: quorum };
        }
        if self.ordering.is_barred(slot) {
            return Waits { step: Step::SlotOfOthers, here: PartySet::EMPTY, needed: few };
        }
        Waits { step: Step::Slot, here: self.ordering.named(slot), needed: quorum }
    }

    /// What a position waits for whose material is not made.
    fn material_waits(&self) -> Waits {
        let (committee, run) = (self.committee(), self.production.next());
        if self.production.is_barred(run) {
            let needed = committee.one_honest();
            return Waits { step: Step::MaterialOfOthers, here: PartySet::EMPTY, needed };
        }
        let here = self.production.complete(run);
        Waits { step: Step::Material, here, needed: committee.quorum() }
    }
}
