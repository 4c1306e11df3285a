//! What a party writes down, and how it is read back.
//!
//! Written before the first message that depends on it: what was ordered, this party's ballots, which
//! message each nonce pair signs, and what was done to each instance that is not dropped yet, from which
//! it is made again: see [`super::journal`].
//!
//! Shares of material are deleted when they have served: of nonce pairs, when the position they belong
//! to is certified.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId};
use crate::crypto::transcript::Digest;
use crate::decision::ballot::Ballot;
use crate::decision::certifying::Certified;
use crate::decision::ledger::SlotSummary;
use crate::decision::proposal::{Proposal, ProposalId};
use crate::keys::signing::{NoncePair, Purpose};
use crate::limits;
use crate::math::Fp61;
use crate::mpc::preprocessing::Batch;
use crate::party::evidence::{Accused, Charge};
use crate::party::journal::{Call, Instance};
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::wire::{self, Bytes};

/// Names of records. The encoding is the key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Key {
    /// Slots below the value were begun.
    SlotsBegun,
    /// Runs below the value were begun.
    RunsBegun,
    /// Slots below the value may have been spoken in before this member was restored: it is silent there.
    SlotsBarred,
    /// The same for runs.
    RunsBarred,
    /// This proposal is delivered and not ordered.
    Waiting(ProposalId),
    /// The document of this proposal.
    Document(ProposalId),
    /// What this slot ordered.
    Slot(u64),
    /// How many dealers this run agreed on.
    Run(u64),
    /// Our shares of this run's material, but for its nonce pairs.
    Batch(u64),
    /// Our shares of this nonce pair.
    Pair(u64),
    /// What this nonce pair signs.
    Signs(u64),
    /// The ballot that we sent at this position.
    Voted(u64),
    /// What the network signed at this position.
    Certified(u64),
    /// This member was restored from a backup, and may have spoken in anything.
    Restored,
    /// Sequence numbers of each member, in order, below which we may have spoken before we were
    /// restored.
    SequencesBarred,
    /// The refresh of this epoch had begun when this member came back that was restored: it may have
    /// spoken in it.
    RefreshBarred,
    /// What this member signed that proves this.
    Evidence(PartyId, Charge),
}

/// What a nonce pair signs: one message at one position, and nothing else for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Signs {
    pub(super) position: u64,
    pub(super) purpose: Purpose,
    pub(super) message: Digest,
}

/// Whether the record of this name holds nothing but what everybody may know, and is kept when its
/// epoch is erased.
pub(super) fn is_public(name: &[u8]) -> bool {
    matches!(
        wire::decode(name, 256),
        Ok(Key::Slot(_) | Key::Certified(_) | Key::Document(_) | Key::Evidence(..))
    )
}

/// A record that sets `key`.
pub(super) fn put<T: Serialize + ?Sized>(key: &Key, value: &T) -> Record {
    Record::Put { key: wire::encode(key), value: Secret::new(wire::encode(value)) }
}

/// A record that forgets `key`.
pub(super) fn delete(key: &Key) -> Record {
    Record::Delete { key: wire::encode(key) }
}

/// Everything written down, sorted.
#[derive(Default)]
pub(super) struct Restored {
    pub(super) slots_begun: u64,
    pub(super) runs_begun: u64,
    pub(super) slots_barred: u64,
    pub(super) runs_barred: u64,
    pub(super) waiting: BTreeMap<ProposalId, Proposal>,
    pub(super) documents: BTreeMap<ProposalId, Bytes>,
    pub(super) slots: BTreeMap<u64, SlotSummary>,
    pub(super) runs: BTreeMap<u64, u16>,
    pub(super) batches: BTreeMap<u64, Batch<Fp61>>,
    pub(super) pairs: Vec<NoncePair>,
    pub(super) signs: BTreeMap<u64, Signs>,
    pub(super) voted: BTreeSet<u64>,
    pub(super) certified: BTreeMap<u64, Certified>,
    /// What this member was marked with when it was restored.
    pub(super) restored: Option<[u8; 32]>,
    pub(super) sequences_barred: Vec<u64>,
    pub(super) refresh_barred: bool,
    pub(super) evidence: Accused,
    /// What was done to each instance, in order.
    pub(super) calls: BTreeMap<Instance, Vec<Call>>,
}

impl Restored {
    /// Reads all records of a member of a committee.
    pub(super) fn read(committee: Committee, records: Vec<Record>) -> Result<Self, RestoreError> {
        let mut restored = Self::default();
        for record in records {
            let unknown = |_| RestoreError::Unreadable("unknown name".into());
            match record {
                Record::Put { key, value } => {
                    let key: Key = wire::decode(&key, 256).map_err(unknown)?;
                    restored.take(&key, value.expose())?;
                }
                Record::Append { log, entry } => {
                    let instance: Instance = wire::decode(&log, 256).map_err(unknown)?;
                    let calls: Vec<Call> = wire::decode(entry.expose(), limits::MAX_ENVELOPE)
                        .map_err(|_| RestoreError::Unreadable(format!("the log of {instance}")))?;
                    restored.calls.entry(instance).or_default().extend(calls);
                }
                Record::Delete { .. } | Record::Forget { .. } => {}
            }
        }
        if let Some(id) = restored.proposals().find(|id| !committee.contains(id.proposer)) {
            return Err(RestoreError::Unreadable(format!("a proposal of member {}", id.proposer)));
        }
        let known = |call: &Call| match call {
            Call::Heard(from, _) | Call::Early(from, _) | Call::Usable(from) => {
                committee.contains(*from)
            }
            _ => true,
        };
        if !restored.calls.values().flatten().all(known) {
            return Err(RestoreError::Unreadable("a log of no member's words".into()));
        }
        if !restored.evidence.keys().all(|(member, _)| committee.contains(*member)) {
            return Err(RestoreError::Unreadable("evidence against no member".into()));
        }
        contiguous("slot", restored.slots.keys())?;
        contiguous("run", restored.runs.keys())?;
        Ok(restored)
    }

    /// All proposals that are named.
    fn proposals(&self) -> impl Iterator<Item = &ProposalId> {
        let ordered = self.slots.values().flat_map(|slot| slot.proposals.iter().map(|(id, _)| id));
        let begun = self.calls.keys().filter_map(|instance| match instance {
            Instance::Proposal(id) => Some(id),
            _ => None,
        });
        self.waiting.keys().chain(self.documents.keys()).chain(begun).chain(ordered)
    }

    fn take(&mut self, key: &Key, value: &[u8]) -> Result<(), RestoreError> {
        match *key {
            Key::SlotsBegun => self.slots_begun = read(key, value)?,
            Key::RunsBegun => self.runs_begun = read(key, value)?,
            Key::SlotsBarred => self.slots_barred = read(key, value)?,
            Key::RunsBarred => self.runs_barred = read(key, value)?,
            Key::Waiting(id) => {
                self.waiting.insert(id, read(key, value)?);
            }
            Key::Document(id) => {
                self.documents.insert(id, read(key, value)?);
            }
            Key::Slot(slot) => {
                self.slots.insert(slot, read(key, value)?);
            }
            Key::Run(run) => {
                self.runs.insert(run, read(key, value)?);
            }
            Key::Batch(run) => {
                self.batches.insert(run, read(key, value)?);
            }
            Key::Pair(_) => self.pairs.push(read(key, value)?),
            Key::Signs(pair) => {
                self.signs.insert(pair, read(key, value)?);
            }
            Key::Voted(position) => {
                // An abstention is written down as well, and is no vote.
                if read::<Ballot>(key, value)? != Ballot::Abstain {
                    self.voted.insert(position);
                }
            }
            Key::Certified(position) => {
                self.certified.insert(position, read(key, value)?);
            }
            Key::Restored => self.restored = Some(read(key, value)?),
            Key::RefreshBarred => self.refresh_barred = true,
            Key::Evidence(member, charge) => {
                self.evidence.insert((member, charge), read(key, value)?);
            }
            Key::SequencesBarred => self.sequences_barred = read(key, value)?,
        }
        Ok(())
    }
}

fn read<T: Serialize + DeserializeOwned>(key: &Key, value: &[u8]) -> Result<T, RestoreError> {
    wire::decode(value, limits::MAX_ENVELOPE)
        .map_err(|_| RestoreError::Unreadable(format!("{key:?}")))
}

fn contiguous<'a>(
    what: &'static str,
    keys: impl Iterator<Item = &'a u64>,
) -> Result<(), RestoreError> {
    for (expected, key) in (0..).zip(keys) {
        if *key != expected {
            return Err(RestoreError::Gap { what, number: expected });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_abstained_has_not_voted_after_a_restart_either() {
        let vote = put(&Key::Voted(1), &Ballot::masked(&[true]));
        let records = vec![put(&Key::Voted(0), &Ballot::Abstain), vote];
        let restored = Restored::read(Committee::new(4).unwrap(), records).unwrap();
        assert_eq!(restored.voted, BTreeSet::from([1]));
    }

    #[test]
    fn a_store_that_names_a_member_there_is_not_is_unreadable() {
        let of = |proposer| ProposalId { proposer: PartyId::new(proposer), sequence: 0 };
        let document = Bytes::default();
        let record = |id| vec![put(&Key::Document(id), &document)];
        let read = |id| Restored::read(Committee::new(4).unwrap(), record(id));
        assert!(read(of(3)).is_ok());
        assert!(matches!(read(of(4)), Err(RestoreError::Unreadable(_))));
    }
}
