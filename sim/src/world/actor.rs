//! One real party of a member: a member has one, or two that are twins.

use std::collections::BTreeMap;
use std::fmt;

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::frame::Outgoing;
use quorate_protocol::party::{Party, RealSuite, Record};
use quorate_protocol::secret::Secret;

/// The real thing.
pub type Real = Party<RealSuite>;

/// Names an actor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ActorId {
    /// The member.
    pub(super) party: PartyId,
    /// Whether it is the second of twins.
    pub(super) twin: bool,
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.party, if self.twin { "'" } else { "" })
    }
}

/// A party, what it wrote down, and what it says in this tick.
pub(super) struct Actor {
    pub(super) id: ActorId,
    /// `None` while it is down.
    pub(super) party: Option<Real>,
    pub(super) outgoing: Outgoing<RealSuite>,
    store: BTreeMap<Vec<u8>, Secret<Vec<u8>>>,
}

impl Actor {
    pub(super) fn new(id: ActorId, outgoing: Outgoing<RealSuite>) -> Self {
        Self { id, party: None, outgoing, store: BTreeMap::new() }
    }

    /// Writes records down.
    pub(super) fn persist(&mut self, records: Vec<Record>) {
        for record in records {
            match record {
                Record::Put { key, value } => drop(self.store.insert(key, value)),
                Record::Delete { key } => drop(self.store.remove(&key)),
            }
        }
    }

    /// Everything written down.
    pub(super) fn records(&self) -> Vec<Record> {
        let put = |(key, value): (&Vec<u8>, &Secret<Vec<u8>>)| Record::Put {
            key: key.clone(),
            value: value.clone(),
        };
        self.store.iter().map(put).collect()
    }
}
