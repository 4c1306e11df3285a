//! What a ceremony writes down, and how it is read back.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::durable::{Confirmation, Making};
use crate::committee::PartyId;
use crate::crypto::Digest;
use crate::limits;
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::wire;

/// Names of records. The encoding is the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Key {
    /// What the ceremony was begun with: a log is worth nothing under other keys.
    Begun,
    /// What was taken from others, from 0.
    Heard(u32),
    /// A member's confirmation.
    Confirmed(PartyId),
    /// Our keys. Everybody has theirs, and nothing that was heard is kept any more.
    Keys,
    /// The name of our keys: the instance is retired (C7).
    Retired,
    /// What is still told to those who come late, from 0.
    Said(u32),
}

/// A record that sets `key`.
pub(super) fn put<T: Serialize>(key: Key, value: &T) -> Record {
    put_bytes(key, Secret::new(wire::encode(value)))
}

/// A record that sets `key` to what is encoded already.
pub(super) fn put_bytes(key: Key, value: Secret<Vec<u8>>) -> Record {
    Record::Put { key: wire::encode(&key), value }
}

/// A record that forgets `key`.
pub(super) fn delete(key: Key) -> Record {
    Record::Delete { key: wire::encode(&key) }
}

/// Everything written down, sorted.
pub(super) struct Log<P: Making> {
    pub(super) begun: Option<Digest>,
    /// By whom, size of the record, and what.
    pub(super) heard: Vec<(PartyId, usize, P::Message)>,
    pub(super) confirmed: BTreeMap<PartyId, Confirmation>,
    pub(super) keys: Option<P::Output>,
    pub(super) retired: Option<Digest>,
    /// To whom, and what.
    pub(super) said: Vec<(Option<PartyId>, P::Message)>,
}

impl<P: Making> Default for Log<P> {
    fn default() -> Self {
        Self {
            begun: None,
            heard: Vec::new(),
            confirmed: BTreeMap::new(),
            keys: None,
            retired: None,
            said: Vec::new(),
        }
    }
}

impl<P: Making> Log<P> {
    /// The name of what was made, if that is all that is left of it.
    pub(super) fn name(&self) -> Option<Digest> {
        self.keys.as_ref().map(P::digest).or(self.retired)
    }

    /// Reads all records, in any order.
    pub(super) fn read(records: Vec<Record>) -> Result<Self, RestoreError> {
        let mut log = Self::default();
        let (mut heard, mut said) = (BTreeMap::new(), BTreeMap::new());
        for record in records {
            let Record::Put { key, value } = record else { continue };
            let key = wire::decode(&key, 256)
                .map_err(|_| RestoreError::Unreadable("unknown name".into()))?;
            let value = value.expose();
            match key {
                Key::Begun => log.begun = Some(read(key, value)?),
                Key::Heard(place) => {
                    let (from, message) = read(key, value)?;
                    heard.insert(place, (from, value.len(), message));
                }
                Key::Confirmed(member) => {
                    log.confirmed.insert(member, read(key, value)?);
                }
                Key::Retired => log.retired = Some(read(key, value)?),
                Key::Said(place) => {
                    said.insert(place, read(key, value)?);
                }
                Key::Keys => log.keys = Some(P::from_bytes(value).ok_or_else(|| bad(key))?),
            }
        }
        log.heard = in_order("message", heard)?;
        log.said = in_order("word", said)?;
        Ok(log)
    }
}

/// What is named 0, 1, and so on, of which nothing may be missing.
fn in_order<T>(what: &'static str, items: BTreeMap<u32, T>) -> Result<Vec<T>, RestoreError> {
    let ordered = (0..).zip(items).map(|(expected, (place, item))| {
        let gap = RestoreError::Gap { what, number: u64::from(expected) };
        (place == expected).then_some(item).ok_or(gap)
    });
    ordered.collect()
}

fn read<T: Serialize + DeserializeOwned>(key: Key, value: &[u8]) -> Result<T, RestoreError> {
    wire::decode(value, limits::MAX_ENVELOPE).map_err(|_| bad(key))
}

fn bad(key: Key) -> RestoreError {
    RestoreError::Unreadable(format!("{key:?}"))
}
