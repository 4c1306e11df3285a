//! What people may see of a member, over all of its epochs.

use serde::Serialize;

use super::{Archive, Epochs};
use crate::committee::{PartyId, PartySet};
use crate::crypto::Digest;
use crate::decision::certificate::Certificate;
use crate::keys::GroupSignature;
use crate::party::evidence::Evidence;
use crate::party::{DecisionView, Party, RealSuite, Standing, StatusView};
use crate::wire::Bytes;

/// A refresh of the keys that is going on, as people see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct RefreshView {
    /// Where it was decided.
    pub position: u64,
    /// Whether our next shares are here.
    pub made: bool,
    /// Members that have theirs, as far as is known here.
    pub confirmed: PartySet,
}

impl Epochs {
    /// All decisions: the ordered ones, in order, then the others.
    pub fn decisions(&self) -> Vec<DecisionView> {
        let archived = self.archives.values().flat_map(Archive::decisions);
        let live = self.live.values().flat_map(|live| live.party.decisions());
        archived.chain(live).collect()
    }

    /// One decision.
    pub fn decision(&self, decision: &Digest) -> Option<DecisionView> {
        self.find(|party| party.decision(decision), |archive| archive.decision(decision))
    }

    /// What shows to others that members are faulty, of all epochs.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        let archived = self.archives.values().flat_map(Archive::evidence);
        archived.chain(self.live.values().flat_map(|live| live.party.evidence()))
    }

    /// Decisions that are not certified here: the ordered ones, in order, then the others.
    pub fn undecided(&self) -> Vec<DecisionView> {
        self.live.values().flat_map(|live| live.party.undecided()).collect()
    }

    /// Why a decision is not certified; `None` if it is, or is not known here.
    pub fn standing(&self, decision: &Digest) -> Option<Standing> {
        self.live.values().rev().find_map(|live| live.party.standing(decision))
    }

    /// The certificate of a decision.
    pub fn certificate(&self, decision: &Digest) -> Option<&Certificate> {
        self.find(|party| party.certificate(decision), |archive| archive.certificate(decision))
    }

    /// The document of a decision, if it is here.
    pub fn document(&self, decision: &Digest) -> Option<&Bytes> {
        self.find(|party| party.document(decision), |archive| archive.document(decision))
    }

    /// The network's signature over the document of a decision that was accepted.
    pub fn document_signature(&self, decision: &Digest) -> Option<&GroupSignature> {
        self.find(
            |party| party.document_signature(decision),
            |archive| archive.document_signature(decision),
        )
    }

    /// How this member is: its stock is the current epoch's, faults and work those of all epochs that
    /// are not erased.
    pub fn status(&self) -> StatusView {
        let mut status = self.current().status();
        status.certified += self.archives.values().map(Archive::certified).sum::<u64>();
        let before = self.live.range(..self.current).map(|(_, live)| live.party.status());
        for before in before {
            status.open += before.open;
            status.certified += before.certified;
            status.stats += before.stats;
            for fault in before.faults {
                let same = status.faults.iter_mut();
                let mut same = same.filter(|f| (f.member, &f.what) == (fault.member, &fault.what));
                match same.next() {
                    Some(same) => same.times += fault.times,
                    None => status.faults.push(fault),
                }
            }
        }
        status
    }

    /// The refresh that is going on, from when it is decided to when the next epoch begins.
    pub fn refreshing(&self) -> Option<RefreshView> {
        let position = self.current().refresh()?;
        let refresh = self.refreshes.get(&self.current);
        Some(RefreshView {
            position,
            made: refresh.is_some_and(|refresh| refresh.made().is_some()),
            confirmed: refresh.map_or(PartySet::EMPTY, |refresh| refresh.confirmed()),
        })
    }

    /// Bytes that `peer` has this member keep: [of each epoch](Party::kept_bytes) that is not erased,
    /// and of the next few.
    pub fn kept_bytes(&self, peer: PartyId) -> usize {
        let live = self.live.values().map(|live| live.party.kept_bytes(peer));
        self.ahead.kept_bytes(peer) + live.sum::<usize>()
    }

    /// Epochs that are not erased.
    pub fn live(&self) -> impl Iterator<Item = u64> {
        self.live.keys().copied()
    }

    /// The newest epoch first: that is where most is asked for.
    fn find<'a, T>(
        &'a self,
        in_party: impl Fn(&'a Party<RealSuite>) -> Option<T>,
        in_archive: impl Fn(&'a Archive) -> Option<T>,
    ) -> Option<T> {
        let live = self.live.values().rev().find_map(|live| in_party(&live.party));
        live.or_else(|| self.archives.values().rev().find_map(in_archive))
    }
}

/// Nothing secret.
impl std::fmt::Debug for Epochs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Epochs")
            .field("me", &self.me())
            .field("current", &self.current)
            .field("live", &self.live.keys())
            .field("archived", &self.archives.keys())
            .finish_non_exhaustive()
    }
}
