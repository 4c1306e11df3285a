//! Stores that a disk gives back otherwise than they were written: whoever comes up from one either
//! refuses it or begins.
//!
//! An input is a list of changes: which record, what is done to it, and with which bytes.

use std::sync::Arc;

use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::keys::ceremony::{Ceremony, CeremonyConfig, CeremonyEvent};
use quorate_protocol::party::Record;
use quorate_protocol::party::epochs::EpochsEvent;
use quorate_protocol::secret::Secret;

use crate::network::{FOUNDED, MEMBERS, Store, restored};
use crate::samples;

/// The records of a store after the changes in `bytes`.
fn changed(store: &Store, mut bytes: &[u8]) -> Vec<Record> {
    let bare = |record| match record {
        Record::Put { key, value } => Some((key, value.expose().clone(), false)),
        Record::Append { log, entry } => Some((log, entry.expose().clone(), true)),
        Record::Delete { .. } | Record::Forget { .. } => None,
    };
    let mut records: Vec<(Vec<u8>, Vec<u8>, bool)> =
        store.records().into_iter().filter_map(bare).collect();
    while let Some(([which, what, at, length], rest)) = bytes.split_first_chunk() {
        let (given, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        let (count, at) = (records.len(), usize::from(*at));
        let place = usize::from(*which) % count.max(1);
        let other = records.get(at % count.max(1)).map(|(_, value, _)| value.clone());
        let Some((key, value, logged)) = records.get_mut(place) else { break };
        match what % 8 {
            0 => drop(records.remove(place)),
            1 => *value = given.to_vec(),
            2 => value.truncate(at),
            3 => overwrite(value, at, given),
            4 => overwrite(key, at, given),
            5 => *value = other.unwrap_or_default(),
            6 => {
                let copy = (key.clone(), value.clone(), *logged);
                records.push(copy);
                if let Some((key, ..)) = records.last_mut() {
                    overwrite(key, at, given);
                }
            }
            _ => value.extend_from_slice(given),
        }
    }
    let record = |(name, value, logged)| match logged {
        true => Record::Append { log: name, entry: Secret::new(value) },
        false => Record::Put { key: name, value: Secret::new(value) },
    };
    records.into_iter().map(record).collect()
}

fn overwrite(bytes: &mut [u8], at: usize, given: &[u8]) {
    let at = at % bytes.len().max(1);
    let place = bytes.get_mut(at..).unwrap_or_default();
    place.iter_mut().zip(given).for_each(|(to, from)| *to = *from);
}

/// The store of a member, early or late in its life.
pub fn member(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let stores = &samples::STORES;
    let Some((of, store)) = stores.get(usize::from(*which) % stores.len().max(1)) else { return };
    let member = restored(*of, Policy::for_members(MEMBERS), which % 2 == 0, changed(store, bytes));
    match member {
        Ok(mut member) => {
            assert_eq!(member.me(), *of);
            member.step(EpochsEvent::Start);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The store of a key generation.
pub fn ceremony(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let stores = &samples::CEREMONY_STORES;
    let Some(store) = stores.get(usize::from(*which) % stores.len().max(1)) else { return };
    match Ceremony::new(ceremony_config(PartyId::new(0)), changed(store, bytes)) {
        Ok(mut ceremony) => {
            ceremony.step(CeremonyEvent::Start);
            assert!(ceremony.progress().confirmed.len() <= MEMBERS);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What a member's key generation is made from.
pub fn ceremony_config(of: PartyId) -> CeremonyConfig {
    let keys = FOUNDED.keys.get(of.index()).expect("a member");
    CeremonyConfig {
        network: FOUNDED.network,
        keyring: Arc::clone(&keys.keyring),
        seed: keys.seed.clone(),
    }
}
