//! One real party of a member: a member has one, or two that are twins.

use std::collections::BTreeMap;

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::party::epochs::Epochs;
use quorate_protocol::party::frame::Outgoing;
use quorate_protocol::party::{RealSuite, Record, epochs};
use quorate_protocol::protocol::Recipient;
use quorate_protocol::secret::Secret;

use super::member::FIRST_EPOCH;
use crate::Wire;
use crate::checker::Store;
use crate::plan::Storage;
use crate::trace::Who;

/// The real thing, through all epochs.
pub type Real = Epochs;

/// Names an actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ActorId {
    /// The member.
    pub(super) party: PartyId,
    /// Whether it is the second of twins.
    pub(super) twin: bool,
}

impl From<ActorId> for Who {
    fn from(actor: ActorId) -> Self {
        let ActorId { party, twin } = actor;
        Self { party, twin }
    }
}

/// A party, what it wrote down, and what it says in this tick.
pub(super) struct Actor {
    pub(super) id: ActorId,
    /// `None` while it is down.
    pub(super) party: Option<Real>,
    /// By epoch.
    outgoing: BTreeMap<u64, Outgoing<RealSuite>>,
    committee: Committee,
    pub(super) store: Store,
    /// All that was ever written, if its storage is to forget some of it.
    writes: Option<Vec<Vec<Record>>>,
    /// Whether it has erased its first keys.
    pub(super) erased: bool,
}

impl Actor {
    /// One that is not up yet; `forgetful` if its storage is to forget some of what is written.
    pub(super) fn new(id: ActorId, committee: Committee, forgetful: bool) -> Self {
        let (outgoing, store) = (BTreeMap::new(), Store::default());
        let writes = forgetful.then(Vec::new);
        Self { id, party: None, outgoing, committee, store, writes, erased: false }
    }

    /// Says something at the end of the tick.
    pub(super) fn say(&mut self, epoch: u64, to: Recipient, message: Wire) {
        let (committee, me) = (self.committee, self.id.party);
        let outgoing = self.outgoing.entry(epoch);
        outgoing.or_insert_with(|| Outgoing::new(committee, me, epoch)).push(to, message);
    }

    /// What is said in this tick, by epoch.
    pub(super) fn said(&mut self) -> BTreeMap<u64, Outgoing<RealSuite>> {
        std::mem::take(&mut self.outgoing)
    }

    /// Writes records down.
    pub(super) fn persist(&mut self, records: Vec<Record>) {
        if let Some(writes) = &mut self.writes {
            writes.push(records.clone());
        }
        self.store.write(records);
    }

    /// Its storage does something to what was written. Gives back whether something is lost or changed.
    pub(super) fn spoil(&mut self, storage: Storage, life: u32) -> bool {
        let Some(mut writes) = self.writes.take() else { return false };
        let all = writes.len();
        match storage {
            Storage::Kept => {}
            Storage::Tail(lost) => {
                writes.truncate(all.saturating_sub(usize::try_from(lost).unwrap_or(all)));
            }
            Storage::Noticed(lost) => {
                // What is of keys and epochs is on the disk at once, and all that was written before.
                let lasting = |records: &Vec<Record>| records.iter().any(epochs::is_lasting);
                let kept = writes.iter().rposition(lasting).map_or(0, |place| place + 1);
                let left = all.saturating_sub(usize::try_from(lost).unwrap_or(all));
                writes.truncate(left.max(kept));
                let found: Vec<Record> = writes.iter().flatten().cloned().collect();
                let found = found.into_iter().collect::<Store>().records();
                let mut fresh = [0; 32];
                fresh.iter_mut().zip(life.to_le_bytes()).for_each(|(to, from)| *to = from);
                writes.push(epochs::lost_end(&found, FIRST_EPOCH, fresh));
            }
            Storage::Old(percent) => writes.truncate(all * usize::from(percent) / 100),
            Storage::Torn => {
                if let Some(last) = writes.last_mut() {
                    last.truncate(last.len().div_ceil(2));
                    let torn = last.last_mut();
                    if let Some(Record::Put { value, .. } | Record::Append { entry: value, .. }) =
                        torn
                    {
                        let half = value.expose().len() / 2;
                        *value = Secret::new(value.expose().iter().take(half).copied().collect());
                    }
                }
            }
        }
        let before = std::mem::take(&mut self.store);
        writes.iter().for_each(|records| self.store.write(records.clone()));
        self.writes = Some(writes);
        let bare = |(name, secret): (_, &Secret<Vec<u8>>)| (name, secret.expose().clone());
        !before.secrets().map(bare).eq(self.store.secrets().map(bare))
    }

    /// Everything written down.
    pub(super) fn records(&self) -> Vec<Record> {
        self.store.records()
    }
}
