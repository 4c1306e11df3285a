//! What a member writes down: the records of each epoch's party and refresh, and its own.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::decision::certificate::Certificate;
use crate::decision::ledger::LedgerStart;
use crate::keys::ceremony::DurableEffect;
use crate::keys::refresh::{Refresh, Refreshed};
use crate::limits;
use crate::party::epochs::EpochsEffect;
use crate::party::epochs::entering::Entrance;
use crate::party::{self, Effect, Message, records};
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::wire;
use crate::zoo::{self, Mutant};

/// Whose records. The encoding begins each name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub(super) enum Part {
    /// The party's of this epoch.
    Party(u64),
    /// Of the refresh that ends this epoch.
    Refresh(u64),
    /// Where the refresh of this epoch was asked for; once that is over here, without a seed.
    Drew(u64),
    /// Our keys of this epoch.
    Began(u64),
    /// Where the ledger of this erased epoch begins.
    Archived(u64),
    /// This member was restored in this epoch, and knows of none before.
    Restored(u64),
    /// What was said in this epoch before it began here.
    Ahead(u64),
    /// Who came in for whom with this epoch: the certificate.
    Replaced(u64),
    /// How one comes in with the refresh of this epoch.
    Entrance(u64),
}

impl Part {
    /// The epoch whose party it is of, if of a party.
    pub(super) const fn of_party(&self) -> Option<u64> {
        match self {
            Self::Party(epoch) => Some(*epoch),
            _ => None,
        }
    }
}

/// How an epoch has begun. Secret.
pub(super) struct Begun {
    pub(super) refreshed: Refreshed,
    pub(super) seed: Secret<[u8; 32]>,
    pub(super) start: LedgerStart,
}

/// What the store of a member begins with that is restored from a backup of its keys in the first
/// epoch, this one. `fresh` is random.
pub fn restored_mark(epoch: u64, fresh: [u8; 32]) -> Vec<Record> {
    Store::default().file(Part::Party(epoch), party::restored_mark(fresh))
}

/// What is added to a store that may have lost its end, of a member whose newest keys are of this epoch:
/// it says nothing in what it may have spoken in. `fresh` is random. Of what is [lasting](is_lasting)
/// nothing may be lost.
pub fn lost_end(records: &[Record], newest: u64, fresh: [u8; 32]) -> Vec<Record> {
    let mut epochs = BTreeSet::from([newest]);
    let mut archived = BTreeSet::new();
    for record in records {
        let (Record::Put { key: name, .. } | Record::Append { log: name, .. }) = record else {
            continue;
        };
        match split(name) {
            Ok((Part::Party(epoch) | Part::Began(epoch), _)) => drop(epochs.insert(epoch)),
            Ok((Part::Archived(epoch), _)) => drop(archived.insert(epoch)),
            _ => {}
        }
    }
    epochs.difference(&archived).flat_map(|epoch| restored_mark(*epoch, fresh)).collect()
}

/// The same for a store that is an older copy: of another one in which more was written since, what is
/// [lasting](is_lasting) as well. A refresh that is not over in it is forgotten, so that nothing more is
/// said in that.
pub fn older_copy(records: &[Record], newest: u64, fresh: [u8; 32]) -> Vec<Record> {
    let mut added = lost_end(records, newest, fresh);
    let mut going_on = BTreeSet::new();
    for record in records {
        if let Record::Put { key, value } = record
            && let Ok((part @ Part::Drew(epoch), _)) = split(key)
            && let Ok((position, Some(_))) = decode::<(u64, Option<[u8; 32]>)>(part, value)
        {
            going_on.insert(epoch);
            added.push(put(part, &(position, None::<[u8; 32]>)));
        }
    }
    for record in records {
        if let Record::Put { key, .. } = record
            && let Ok((Part::Refresh(epoch), _)) = split(key)
            && going_on.contains(&epoch)
        {
            added.push(Record::Delete { key: key.clone() });
        }
    }
    added
}

/// Whether a record is to survive a loss of power whatever the setting: it is of keys and epochs, not
/// of what is ordered and decided in one.
pub fn is_lasting(record: &Record) -> bool {
    let (Record::Put { key: name, .. }
    | Record::Delete { key: name }
    | Record::Append { log: name, .. }
    | Record::Forget { log: name }) = record;
    !matches!(split(name), Ok((Part::Party(_) | Part::Ahead(_), _)))
}

/// What the store of a member begins with that is restored from a backup of its keys in an epoch that
/// was reached by a refresh: the first epoch it knows of. `seed` is new, and `fresh` random.
pub fn restored_in(
    refreshed: Refreshed,
    start: LedgerStart,
    seed: Secret<[u8; 32]>,
    fresh: [u8; 32],
) -> Vec<Record> {
    let epoch = refreshed.keys.epoch();
    let mut records = Store::default().entered(epoch, &Begun { refreshed, seed, start });
    records.extend(restored_mark(epoch, fresh));
    records
}

/// The position of the refresh, and the next epoch's seed until that is over here.
pub(super) type Drawn = (u64, Option<Secret<[u8; 32]>>);

/// The first epoch that a member knows of which was restored in it, or came in with it, by its records.
pub fn first_known(records: &[Record]) -> Option<u64> {
    records.iter().find_map(|record| match record {
        Record::Put { key, .. } => match split(key) {
            Ok((Part::Restored(epoch), _)) => Some(epoch),
            _ => None,
        },
        _ => None,
    })
}

/// Bytes of a part's encoding: a variant and a number.
const PART: usize = 4 + 8;

/// The member's own records, and the names of all others.
#[derive(Default)]
pub(super) struct Store {
    drawn: BTreeMap<u64, Drawn>,
    begun: BTreeMap<u64, Secret<Vec<u8>>>,
    archived: BTreeMap<u64, LedgerStart>,
    restored: Option<u64>,
    replaced: BTreeMap<u64, Certificate>,
    entrances: BTreeMap<u64, Entrance>,
    names: BTreeMap<Part, BTreeSet<Vec<u8>>>,
    logs: BTreeMap<Part, BTreeSet<Vec<u8>>>,
    /// What was said ahead, as it was found.
    ahead: Vec<(u64, Secret<Vec<u8>>)>,
}

/// The part that a name begins with, and the rest.
fn split(name: &[u8]) -> Result<(Part, &[u8]), RestoreError> {
    let unknown = || unreadable("unknown name");
    let (part, name) = name.split_at_checked(PART).ok_or_else(unknown)?;
    Ok((wire::decode(part, PART).map_err(|_| unknown())?, name))
}

fn unreadable(what: &str) -> RestoreError {
    RestoreError::Unreadable(what.into())
}

impl Store {
    /// Sorts all records; gives back those of parties and refreshes.
    pub(super) fn read(
        records: Vec<Record>,
    ) -> Result<(Self, BTreeMap<Part, Vec<Record>>), RestoreError> {
        let mut store = Self::default();
        let mut parts: BTreeMap<Part, Vec<Record>> = BTreeMap::new();
        for record in records {
            let (key, value) = match record {
                Record::Put { key, value } => (key, value),
                Record::Append { log, entry } => {
                    let (part, name) = split(&log)?;
                    store.logs.entry(part).or_default().insert(name.to_vec());
                    match part {
                        Part::Party(_) => {
                            let record = Record::Append { log: name.to_vec(), entry };
                            parts.entry(part).or_default().push(record);
                        }
                        Part::Ahead(epoch) => store.ahead.push((epoch, entry)),
                        _ => return Err(unreadable("unknown log")),
                    }
                    continue;
                }
                Record::Delete { .. } | Record::Forget { .. } => continue,
            };
            let (part, name) = split(&key)?;
            match part {
                Part::Party(_) | Part::Refresh(_) => {
                    store.names.entry(part).or_default().insert(name.to_vec());
                    let record = Record::Put { key: name.to_vec(), value };
                    parts.entry(part).or_default().push(record);
                }
                _ if !name.is_empty() => return Err(unreadable("unknown name")),
                Part::Drew(epoch) => {
                    let (position, seed): (u64, Option<[u8; 32]>) = decode(part, &value)?;
                    store.drawn.insert(epoch, (position, seed.map(Secret::new)));
                }
                Part::Began(epoch) => {
                    let readable = read_begun(value.expose()).map(drop);
                    readable.ok_or_else(|| unreadable("the keys of an epoch"))?;
                    store.begun.insert(epoch, value);
                }
                Part::Restored(epoch) => store.restored = Some(epoch),
                Part::Ahead(_) => return Err(unreadable("unknown name")),
                Part::Replaced(epoch) => {
                    store.replaced.insert(epoch, decode(part, &value)?);
                }
                Part::Entrance(epoch) => {
                    store.entrances.insert(epoch, decode(part, &value)?);
                }
                Part::Archived(epoch) => drop(store.archived.insert(epoch, decode(part, &value)?)),
            }
        }
        Ok((store, parts))
    }

    /// What a refresh does, as effects of the party whose epoch it ends.
    pub(super) fn put_refresh(
        &mut self,
        epoch: u64,
        effects: Vec<DurableEffect<Refresh>>,
        out: &mut Vec<EpochsEffect>,
    ) {
        for effect in effects {
            let effect = match effect {
                DurableEffect::Persist(records) => {
                    Effect::Persist(self.file(Part::Refresh(epoch), records))
                }
                DurableEffect::Send { to, message } => {
                    Effect::Send { to, message: Message::Refresh(Box::new(message)) }
                }
                DurableEffect::Fault(fault) | DurableEffect::Proven(fault, _) => {
                    Effect::Fault(fault)
                }
                DurableEffect::Generated(_) | DurableEffect::Confirmed(_) => continue,
            };
            out.push(EpochsEffect::Party { epoch, effect });
        }
    }

    /// Names the records of a part, and notes their names.
    pub(super) fn file(&mut self, part: Part, records: Vec<Record>) -> Vec<Record> {
        let names = self.names.entry(part).or_default();
        let logs = self.logs.entry(part).or_default();
        let prefix = wire::encode(&part);
        let named = |name: &[u8]| [&prefix, name].concat();
        let file = |record| match record {
            Record::Put { key, value } => {
                let full = named(&key);
                names.insert(key);
                Record::Put { key: full, value }
            }
            Record::Delete { key } => {
                names.remove(&key);
                Record::Delete { key: named(&key) }
            }
            Record::Append { log, entry } => {
                let full = named(&log);
                if !logs.contains(&log) {
                    logs.insert(log);
                }
                Record::Append { log: full, entry }
            }
            Record::Forget { log } => {
                logs.remove(&log);
                Record::Forget { log: named(&log) }
            }
        };
        records.into_iter().map(file).collect()
    }

    /// Where the refresh of an epoch was asked for, and the next epoch's seed until that is over here.
    pub(super) fn drawn(&self, epoch: u64) -> Option<Drawn> {
        self.drawn.get(&epoch).cloned()
    }

    /// Writes down what a refresh begins with.
    pub(super) fn drew(
        &mut self,
        epoch: u64,
        position: u64,
        seed: &Secret<[u8; 32]>,
    ) -> Vec<Record> {
        self.drawn.insert(epoch, (position, Some(seed.clone())));
        vec![put(Part::Drew(epoch), &(position, Some(seed.expose())))]
    }

    /// How an epoch has begun; `None` for the first, and once it is erased.
    pub(super) fn begun(&self, epoch: u64) -> Option<Begun> {
        read_begun(self.begun.get(&epoch)?.expose())
    }

    /// Writes down that an epoch has begun.
    pub(super) fn began(&mut self, epoch: u64, begun: &Begun) -> Vec<Record> {
        let Begun { refreshed, seed, start } = begun;
        let bytes = refreshed.to_bytes();
        let value = Secret::new(wire::encode(&(bytes.expose(), seed.expose(), start)));
        self.begun.insert(epoch, value.clone());
        vec![Record::Put { key: wire::encode(&Part::Began(epoch)), value }]
    }

    /// Who came in for whom, by the epoch with which it did.
    pub(super) fn replaced(&self) -> impl DoubleEndedIterator<Item = (u64, &Certificate)> {
        self.replaced.iter().map(|(epoch, certificate)| (*epoch, certificate))
    }

    /// Who came in for whom with this epoch.
    pub(super) fn replaced_from(&self, epoch: u64) -> Option<&Certificate> {
        self.replaced.get(&epoch)
    }

    /// Writes down who comes in for whom with an epoch.
    pub(super) fn replace(&mut self, epoch: u64, certificate: Certificate) -> Record {
        let record = put(Part::Replaced(epoch), &certificate);
        self.replaced.insert(epoch, certificate);
        record
    }

    /// How one comes in with the refresh of an epoch, as long as that is kept.
    pub(super) fn entrance(&self, epoch: u64) -> Option<Entrance> {
        self.entrances.get(&epoch).cloned()
    }

    /// Writes down how one comes in with the refresh of an epoch.
    pub(super) fn open(&mut self, entrance: Entrance) -> Record {
        let record = put(Part::Entrance(entrance.epoch), &entrance);
        self.entrances.insert(entrance.epoch, entrance);
        record
    }

    /// Forgets how one comes in.
    pub(super) fn close(&mut self, epoch: u64) -> Option<Record> {
        self.entrances.remove(&epoch).map(|_| delete(Part::Entrance(epoch), &[]))
    }

    /// Writes down what was said in an epoch that has not begun here.
    pub(super) fn note_ahead(&mut self, epoch: u64, entry: Vec<u8>) -> Vec<Record> {
        let entry = Secret::new(entry);
        self.file(Part::Ahead(epoch), vec![Record::Append { log: Vec::new(), entry }])
    }

    /// Writes down that an epoch has begun, the first that is known here.
    pub(super) fn entered(&mut self, epoch: u64, begun: &Begun) -> Vec<Record> {
        let mut records = self.began(epoch, begun);
        records.push(put(Part::Restored(epoch), &()));
        records
    }

    /// Where the ledger of an epoch begins, if the epoch is erased.
    pub(super) fn archived(&self, epoch: u64) -> Option<LedgerStart> {
        self.archived.get(&epoch).copied()
    }

    /// The first epoch that is known, if the member was restored in a later one than the first.
    pub(super) const fn restored(&self) -> Option<u64> {
        self.restored
    }

    /// The first epoch of all, if it is erased.
    pub(super) fn first_archived(&self) -> Option<u64> {
        self.archived.first_key_value().map(|(epoch, _)| *epoch)
    }

    /// Forgets all records of a part.
    pub(super) fn forget(&mut self, part: Part) -> Vec<Record> {
        let names = self.names.remove(&part).unwrap_or_default();
        let logs = self.forget_logs(part);
        names.iter().map(|name| delete(part, name)).chain(logs).collect()
    }

    fn forget_logs(&mut self, part: Part) -> Vec<Record> {
        let prefix = wire::encode(&part);
        let logs = self.logs.remove(&part).unwrap_or_default();
        logs.iter().map(|log| Record::Forget { log: [&prefix, log.as_slice()].concat() }).collect()
    }

    /// What was said in epochs that had not begun, as it was found. Once.
    pub(super) fn ahead(&mut self) -> Vec<(u64, Secret<Vec<u8>>)> {
        std::mem::take(&mut self.ahead)
    }

    /// Forgets the seed that a refresh began with.
    pub(super) fn forget_seed(&mut self, epoch: u64) -> Option<Record> {
        let (position, seed) = self.drawn.get_mut(&epoch)?;
        *seed = None;
        Some(put(Part::Drew(epoch), &(*position, None::<[u8; 32]>)))
    }

    /// Forgets all that is secret in an epoch. What led to it, and what ended it, is forgotten before.
    pub(super) fn erase(&mut self, epoch: u64, start: LedgerStart) -> Vec<Record> {
        self.archived.insert(epoch, start);
        self.begun.remove(&epoch);
        let mut records = vec![put(Part::Archived(epoch), &start), delete(Part::Began(epoch), &[])];
        let part = Part::Party(epoch);
        let names = self.names.entry(part).or_default();
        let secret = |name: &Vec<u8>| !records::is_public(name);
        if zoo::on(Mutant::EpochKept) {
            records.truncate(1);
            return records;
        }
        records.extend(names.iter().filter(|name| secret(name)).map(|name| delete(part, name)));
        names.retain(|name| !secret(name));
        records.extend(self.forget_logs(part));
        records
    }
}

fn put<T: Serialize>(part: Part, value: &T) -> Record {
    Record::Put { key: wire::encode(&part), value: Secret::new(wire::encode(value)) }
}

fn delete(part: Part, name: &[u8]) -> Record {
    Record::Delete { key: [&wire::encode(&part), name].concat() }
}

fn decode<T: Serialize + serde::de::DeserializeOwned>(
    part: Part,
    value: &Secret<Vec<u8>>,
) -> Result<T, RestoreError> {
    wire::decode(value.expose(), limits::MAX_ENVELOPE).map_err(|_| unreadable(&format!("{part:?}")))
}

fn read_begun(bytes: &[u8]) -> Option<Begun> {
    let (refreshed, seed, start): (Vec<u8>, [u8; 32], LedgerStart) =
        wire::decode(bytes, limits::MAX_ENVELOPE).ok()?;
    let (refreshed, seed) = (Secret::new(refreshed), Secret::new(seed));
    Some(Begun { refreshed: Refreshed::from_bytes(refreshed.expose())?, seed, start })
}
