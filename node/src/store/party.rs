//! The store of a party: a database, and before it a file that all changes go to the end of.
//!
//! A change counts as durable once it is in the file ([`wal`](super::wal)), which costs one write, or
//! one flush of the disk, for all that a turn of the driver leads to. Now and then the net result of a
//! file's changes goes into the database in the background, and the file is removed; so the log
//! of a decision that is over by then never gets there. What is of keys and epochs goes into the
//! database at once, so that what is erased is gone.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use quorate_protocol::Tag;
use quorate_protocol::party::{Record, epochs};
use quorate_protocol::record::Memory;
use quorate_protocol::secret::Secret;

use super::wal::{self, Durability, Ending, Found, Wal};
use super::{Commit, Store, StoreError};
use crate::home::ValueKey;

/// Bytes of a file from which on its changes go into the database.
const FOLD_AT: u64 = 16 << 20;

/// The store of a party.
#[derive(Debug)]
pub struct PartyStore {
    database: Arc<Store>,
    path: PathBuf,
    key: ValueKey,
    durability: Durability,
    wal: Wal,
    /// What the file changes.
    changes: Changes,
    folding: Option<JoinHandle<Result<(), StoreError>>>,
}

/// What was found in a store.
#[derive(Debug)]
pub struct Restored {
    /// All records.
    pub records: Vec<Record>,
    /// Whether some at the end may be missing.
    pub ending: Ending,
}

impl PartyStore {
    /// Opens the store whose database is at `path`, or makes one. The keys seal what is in the database
    /// and in the files. `newest` is the epoch of the member's newest keys: where records may be missing
    /// at the end, or are in an `older` copy, the party is marked, so that it says nothing in what it may
    /// have spoken in.
    ///
    /// # Errors
    /// It cannot be opened, is damaged, or belongs to another network or member.
    pub fn open(
        path: &Path,
        network: &Tag,
        (key, file_key): (ValueKey, ValueKey),
        durability: Durability,
        (newest, older): (u64, bool),
    ) -> Result<(Self, Restored), StoreError> {
        let database = Store::open(path, network, key)?;
        let folded = database.folded()?;
        let Found { mut records, generations, ending } = wal::read(path, &file_key, folded)?;
        let ending = match database.is_replayable()? {
            _ if older => Ending::Older,
            true => ending,
            false => Ending::Uncertain,
        };
        let mut all: Memory = database.load_all()?.into_iter().collect();
        all.write(records.clone());
        let marks = match ending {
            Ending::Whole => Vec::new(),
            Ending::Uncertain => epochs::lost_end(&all.records(), newest, rand::random()),
            Ending::Older => epochs::older_copy(&all.records(), newest, rand::random()),
        };
        all.write(marks.clone());
        records.extend(marks);
        let last = generations.last().copied().unwrap_or(folded);
        if !records.is_empty() {
            let changes: Changes = records.into_iter().collect();
            database.fold(&changes.into_records(), last)?;
        }
        for generation in generations {
            wal::remove(path, generation)?;
        }
        let database = database.compacted(network)?;
        let next = last + 1;
        let wal = Wal::create(path, file_key.clone(), next, durability)?;
        let (path, changes) = (path.to_owned(), Changes::default());
        let database = Arc::new(database);
        let store = Self { database, path, key: file_key, durability, wal, changes, folding: None };
        Ok((store, Restored { records: all.records(), ending }))
    }

    /// Begins the next file, and has what this one changes put into the database.
    fn fold(&mut self) -> Result<(), StoreError> {
        self.finish_folding()?;
        self.wal.close()?;
        let generation = self.wal.generation();
        self.wal = Wal::create(&self.path, self.key.clone(), generation + 1, self.durability)?;
        let changes = std::mem::take(&mut self.changes).into_records();
        let (database, path) = (Arc::clone(&self.database), self.path.clone());
        let fold = move || {
            database.fold(&changes, generation)?;
            wal::remove(&path, generation)
        };
        let started = Builder::new().name("store folds".to_owned()).spawn(fold);
        self.folding =
            Some(started.map_err(|source| StoreError::File { path: self.path.clone(), source })?);
        Ok(())
    }

    fn finish_folding(&mut self) -> Result<(), StoreError> {
        match self.folding.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(folded)) => folded,
            Some(Err(_)) => Err(StoreError::File {
                path: self.path.clone(),
                source: io::Error::other("a thread has panicked"),
            }),
        }
    }
}

impl Commit for PartyStore {
    fn commit(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        let lasting = records.iter().any(epochs::is_lasting);
        self.wal.append(&records, lasting)?;
        self.changes.extend(records);
        let idle = self.folding.as_ref().is_none_or(JoinHandle::is_finished);
        if lasting || self.wal.length() > FOLD_AT && idle {
            self.fold()?;
        }
        if lasting { self.finish_folding() } else { Ok(()) }
    }

    fn snapshot(&mut self) -> Result<Vec<Record>, StoreError> {
        self.finish_folding()?;
        let mut all: Memory = self.database.load_all()?.into_iter().collect();
        all.write(self.changes.clone().into_records());
        Ok(all.records())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        self.finish_folding()?;
        self.wal.close()
    }
}

/// Leaves the database to whoever opens it next.
impl Drop for PartyStore {
    fn drop(&mut self) {
        if let Err(error) = self.finish_folding() {
            tracing::error!("{error}");
        }
    }
}

/// The net result of records.
#[derive(Clone, Default, Debug)]
struct Changes {
    values: BTreeMap<Vec<u8>, Option<Secret<Vec<u8>>>>,
    logs: BTreeMap<Vec<u8>, LogChange>,
}

/// Whether what a log held before is forgotten, and what comes after.
#[derive(Clone, Default, Debug)]
struct LogChange {
    forgotten: bool,
    entries: Vec<Secret<Vec<u8>>>,
}

impl Changes {
    fn into_records(self) -> Vec<Record> {
        let values = self.values.into_iter().map(|(key, value)| match value {
            Some(value) => Record::Put { key, value },
            None => Record::Delete { key },
        });
        let logs = self.logs.into_iter().flat_map(|(log, LogChange { forgotten, entries })| {
            let name = log.clone();
            let entries =
                entries.into_iter().map(move |entry| Record::Append { log: name.clone(), entry });
            forgotten.then_some(Record::Forget { log }).into_iter().chain(entries)
        });
        values.chain(logs).collect()
    }
}

impl Extend<Record> for Changes {
    fn extend<T: IntoIterator<Item = Record>>(&mut self, records: T) {
        for record in records {
            match record {
                Record::Put { key, value } => drop(self.values.insert(key, Some(value))),
                Record::Delete { key } => drop(self.values.insert(key, None)),
                Record::Append { log, entry } => {
                    self.logs.entry(log).or_default().entries.push(entry);
                }
                Record::Forget { log } => {
                    let forgotten = LogChange { forgotten: true, entries: Vec::new() };
                    self.logs.insert(log, forgotten);
                }
            }
        }
    }
}

impl FromIterator<Record> for Changes {
    fn from_iter<T: IntoIterator<Item = Record>>(records: T) -> Self {
        let mut changes = Self::default();
        changes.extend(records);
        changes
    }
}

#[cfg(test)]
mod tests;
