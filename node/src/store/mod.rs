//! What a party must not forget, on disk.
//!
//! One table holds the party's records, as opaque keys and values, and another one the entries of its
//! logs; one transaction takes a batch, durable when it returns. The file is closed to others (0600),
//! and every value and entry is sealed under its name, since they hold shares; the names are not sealed,
//! and say how far the party has come. A store belongs to one member in one epoch of one network and refuses to open
//! for another.
//!
//! A record that was changed, or moved to another key, stops the node. That an older copy of the
//! whole file was put in place goes unnoticed here: other members notice (`net::incarnation`).

mod check;
mod journal;
mod party;
mod wal;

use std::io;
use std::path::{Path, PathBuf};

use quorate_protocol::Tag;
use quorate_protocol::party::Record;
use quorate_protocol::party::journal::REPLAY;
use redb::{Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

pub use check::check;
pub use journal::Journal;
pub use party::{PartyStore, Restored};
pub use wal::{Durability, Ending};

use crate::files::{self, Access, MAKE_ROOM, RESTORE};
use crate::home::ValueKey;

/// Entries of logs, by the log's name and a number that only grows.
const LOGS: TableDefinition<'_, (&[u8], u64), &[u8]> = TableDefinition::new("logs");
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const ABOUT: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("about");

/// Version of the layout, in the table `about`.
const FORMAT: u32 = 5;

/// What a [`Journal`] writes to.
pub trait Commit {
    /// Writes records, in order, all or none. Durable when it returns.
    ///
    /// # Errors
    /// The store is damaged or the disk fails; what was written is then unknown.
    fn commit(&mut self, records: Vec<Record>) -> Result<(), StoreError>;

    /// All that is stored by now.
    ///
    /// # Errors
    /// The store is damaged.
    fn snapshot(&mut self) -> Result<Vec<Record>, StoreError>;

    /// Nothing comes after.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    fn close(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Commit for Store {
    fn commit(&mut self, records: Vec<Record>) -> Result<(), StoreError> {
        Self::commit(self, &records)
    }

    fn snapshot(&mut self) -> Result<Vec<Record>, StoreError> {
        self.load_all()
    }
}

/// In the table `about`: the last generation of the files beside it that is in here.
const FOLDED: &str = "folded";

/// In the table `about`: the version of what is made of logs, see [`REPLAY`].
const REPLAYED_BY: &str = "replay";

/// In the table `about`: the number of the next entry of any log.
const NEXT_ENTRY: &str = "next entry";

/// Name under which the network is sealed, to know the key by. Longer than any key of a record.
const OWNER: &[u8] = &[0xff; 300];

/// Bytes of pages kept in memory: records are read once, at the start.
const CACHE: usize = 8 << 20;

/// Bytes of a file from which on it may be made smaller, and how many times as large as its content it
/// is then.
const SPARSE_FROM: u64 = 16 << 20;
const SPARSE: u64 = 4;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file cannot be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is damaged, or the disk fails. The node stops rather than go on with what it may
    /// have forgotten.
    #[error("{}: {source}", path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<redb::Error>,
    },
    /// It is another network's, or another epoch's.
    #[error("{} belongs to another network", path.display())]
    OtherNetwork {
        /// Which.
        path: PathBuf,
    },
    /// It is another member's, or a record in it is not what was written.
    #[error("{} holds what this member did not write", path.display())]
    Changed {
        /// Which.
        path: PathBuf,
    },
    /// It was written by another version.
    #[error("{} was written by another version of quorate", path.display())]
    Format {
        /// Which.
        path: PathBuf,
    },
    /// The thread that writes is gone, after an error that was reported.
    #[error("the store no longer takes records")]
    Closed,
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Database { .. } => Some(format!("the disk may be failing; {RESTORE}")),
            Self::Changed { .. } => Some(RESTORE.to_owned()),
            Self::Format { .. } => {
                Some("use the version of quorate that ran here last, or a later one".to_owned())
            }
            Self::File { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some(MAKE_ROOM.to_owned())
            }
            Self::OtherNetwork { .. } => {
                Some("one data directory belongs to one network".to_owned())
            }
            _ => None,
        }
    }
}

/// The records of one party.
#[derive(Debug)]
pub struct Store {
    database: Database,
    key: ValueKey,
    path: PathBuf,
}

impl Store {
    /// Opens the store at `path` for the network and epoch named by `network`, or makes one. `key`
    /// seals what is in it.
    ///
    /// # Errors
    /// It cannot be opened, is damaged, or belongs to another network or member.
    pub fn open(path: &Path, network: &Tag, key: ValueKey) -> Result<Self, StoreError> {
        if !path.exists() {
            // Whole or not at all: a database that was cut short while it was made cannot be opened.
            let unmade = |source| StoreError::File { path: path.to_owned(), source };
            let new = path.with_extension("new");
            files::create(&new, Access::Private).map_err(unmade)?;
            drop(Self::open_file(&new, network, key.clone(), |builder, path| {
                builder.create(path)
            })?);
            files::put_in_place(&new, path).map_err(unmade)?;
        }
        Self::open_file(path, network, key, |builder, path| builder.open(path))
    }

    fn open_file(
        path: &Path,
        network: &Tag,
        key: ValueKey,
        open: fn(&Builder, &Path) -> Result<Database, DatabaseError>,
    ) -> Result<Self, StoreError> {
        let failed = |error: redb::Error| damaged(path, error);
        let mut builder = Database::builder();
        // Without looking it through, redb panics at pages that are damaged.
        builder.set_cache_size(CACHE).set_check_integrity_on_open(true);
        let database = open(&builder, path).map_err(|error| failed(error.into()))?;
        let store = Self { database, key, path: path.to_owned() };
        store.check(network).map_err(failed)??;
        Ok(store)
    }

    /// The same store in a smaller file, where most of it is free: the file keeps the size of what was
    /// once written together.
    ///
    /// # Errors
    /// It cannot be opened again after the disk failed or is full.
    pub(super) fn compacted(mut self, network: &Tag) -> Result<Self, StoreError> {
        let used = || -> Result<u64, redb::Error> {
            // Aborted when it is dropped.
            let stats = self.database.begin_write()?.stats()?;
            Ok(stats.allocated_pages() * stats.page_size() as u64)
        };
        let used = used().map_err(|error| damaged(&self.path, error))?;
        let unread = |source| StoreError::File { path: self.path.clone(), source };
        let length = self.path.metadata().map_err(unread)?.len();
        if length < SPARSE_FROM || length / SPARSE < used {
            return Ok(self);
        }
        match self.database.compact() {
            Ok(_) => Ok(self),
            // As on a full disk. It takes nothing after that; what is in it is as it was.
            Err(error) => {
                let Self { database, key, path } = self;
                tracing::warn!("{} stays as large as it is: {error}", path.display());
                drop(database);
                Self::open_file(&path, network, key, |builder, path| builder.open(path))
            }
        }
    }

    /// Everything that was put and not deleted, in the order of the keys.
    ///
    /// # Errors
    /// The store is damaged, or a record is not what was written.
    pub fn load_all(&self) -> Result<Vec<Record>, StoreError> {
        let load = || -> Result<Option<Vec<Record>>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = transaction.open_table(RECORDS)?;
            let mut records = Vec::new();
            for entry in table.iter()? {
                let (key, value) = entry?;
                let Some(value) = self.key.open(key.value(), value.value()) else {
                    return Ok(None);
                };
                records.push(Record::Put { key: key.value().to_vec(), value });
            }
            for entry in transaction.open_table(LOGS)?.iter()? {
                let (name, sealed) = entry?;
                let (log, number) = name.value();
                let Some(entry) = self.key.open(&entry_name(log, number), sealed.value()) else {
                    return Ok(None);
                };
                records.push(Record::Append { log: log.to_vec(), entry });
            }
            Ok(Some(records))
        };
        let records = load().map_err(|error| damaged(&self.path, error))?;
        records.ok_or_else(|| StoreError::Changed { path: self.path.clone() })
    }

    /// Writes records, in order, all or none. Durable when it returns.
    ///
    /// # Errors
    /// The store is damaged or the disk fails; what was written is then unknown.
    pub fn commit(&self, records: &[Record]) -> Result<(), StoreError> {
        self.write(records, None)
    }

    /// The same for all that the files up to this generation change.
    pub(super) fn fold(&self, records: &[Record], generation: u64) -> Result<(), StoreError> {
        self.write(records, Some(generation))
    }

    /// The last generation of files whose changes are in here.
    pub(super) fn folded(&self) -> Result<u64, StoreError> {
        Ok(self
            .about(FOLDED)?
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, u64::from_le_bytes))
    }

    /// Whether the logs in here were written by a version that makes the same of them.
    pub(super) fn is_replayable(&self) -> Result<bool, StoreError> {
        let version = self.about(REPLAYED_BY)?;
        Ok(version.is_none_or(|version| version == REPLAY.to_le_bytes()))
    }

    #[cfg(test)]
    fn note_version_for_tests(&self, version: u32) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(ABOUT)?.insert(REPLAYED_BY, version.to_le_bytes().as_slice())?;
        Ok(transaction.commit()?)
    }

    fn about(&self, what: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        let read = || -> Result<_, redb::Error> {
            let about = self.database.begin_read()?.open_table(ABOUT)?;
            Ok(about.get(what)?.map(|found| found.value().to_vec()))
        };
        read().map_err(|error| damaged(&self.path, error))
    }

    fn write(&self, records: &[Record], folded: Option<u64>) -> Result<(), StoreError> {
        let commit = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            {
                let mut table = transaction.open_table(RECORDS)?;
                let mut logs = transaction.open_table(LOGS)?;
                let mut about = transaction.open_table(ABOUT)?;
                let first = next_entry(&about)?;
                let mut next = first;
                for record in records {
                    match record {
                        Record::Put { key, value } => {
                            let sealed = self.key.seal(key, value.expose());
                            table.insert(key.as_slice(), sealed.as_slice())?;
                        }
                        Record::Delete { key } => {
                            table.remove(key.as_slice())?;
                        }
                        Record::Append { log, entry } => {
                            let sealed = self.key.seal(&entry_name(log, next), entry.expose());
                            logs.insert((log.as_slice(), next), sealed.as_slice())?;
                            next += 1;
                        }
                        Record::Forget { log } => {
                            let all = (log.as_slice(), 0)..=(log.as_slice(), u64::MAX);
                            logs.retain_in(all, |_, _| false)?;
                        }
                    }
                }
                if let Some(generation) = folded {
                    about.insert(FOLDED, generation.to_le_bytes().as_slice())?;
                    about.insert(REPLAYED_BY, REPLAY.to_le_bytes().as_slice())?;
                }
                if next != first {
                    about.insert(NEXT_ENTRY, next.to_le_bytes().as_slice())?;
                }
            }
            transaction.commit()?;
            Ok(())
        };
        commit().map_err(|error| damaged(&self.path, error))
    }

    /// Whether the store is this network's; a new one becomes so.
    fn check(&self, network: &Tag) -> Result<Result<(), StoreError>, redb::Error> {
        let transaction = self.database.begin_write()?;
        let checked = {
            let mut about = transaction.open_table(ABOUT)?;
            transaction.open_table(RECORDS)?;
            transaction.open_table(LOGS)?;
            let path = self.path.clone();
            let format = about.get("format")?.map(|found| found.value().to_vec());
            let named = about.get("network")?.map(|found| found.value().to_vec());
            match (format, named) {
                (None, None) => {
                    about.insert("format", FORMAT.to_le_bytes().as_slice())?;
                    about.insert("network", network.as_bytes().as_slice())?;
                    let owner = self.key.seal(OWNER, network.as_bytes());
                    about.insert("owner", owner.as_slice())?;
                    Ok(())
                }
                (Some(format), _) if format != FORMAT.to_le_bytes() => {
                    Err(StoreError::Format { path })
                }
                (_, Some(found)) if found == network.as_bytes() => {
                    let owner = about.get("owner")?.map(|found| found.value().to_vec());
                    let owner = owner.and_then(|sealed| self.key.open(OWNER, &sealed));
                    let ours = owner.is_some_and(|owner| owner.expose() == network.as_bytes());
                    if ours { Ok(()) } else { Err(StoreError::Changed { path }) }
                }
                _ => Err(StoreError::OtherNetwork { path }),
            }
        };
        transaction.commit()?;
        Ok(checked)
    }
}

/// The number of the next entry of any log.
fn next_entry(about: &impl ReadableTable<&'static str, &'static [u8]>) -> Result<u64, redb::Error> {
    let found = about.get(NEXT_ENTRY)?.map(|found| found.value().to_vec());
    Ok(found.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes))
}

/// What the entry of a log is sealed under. No record's key ends so.
fn entry_name(log: &[u8], number: u64) -> Vec<u8> {
    [log, &number.to_le_bytes(), &[0xff; 32]].concat()
}

fn damaged(path: &Path, source: redb::Error) -> StoreError {
    StoreError::Database { path: path.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use quorate_protocol::secret::Secret;

    use super::*;

    fn put(key: &str, value: &str) -> Record {
        Record::Put { key: key.into(), value: Secret::new(value.into()) }
    }

    fn delete(key: &str) -> Record {
        Record::Delete { key: key.into() }
    }

    fn loaded(store: &Store) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let records = store.load_all().unwrap().into_iter();
        records
            .map(|record| match record {
                Record::Put { key, value } => (text(&key), text(value.expose())),
                Record::Append { log, entry } => (format!("{}+", text(&log)), text(entry.expose())),
                other => unreachable!("{other:?} is not loaded"),
            })
            .collect()
    }

    fn append(log: &str, entry: &str) -> Record {
        Record::Append { log: log.into(), entry: Secret::new(entry.into()) }
    }

    fn network(epoch: u64) -> Tag {
        Tag::root(&[1; 32], epoch)
    }

    fn open(path: &Path, epoch: u64) -> Result<Store, StoreError> {
        Store::open(path, &network(epoch), ValueKey::for_tests(1))
    }

    #[test]
    fn records_come_back_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = open(&path, 1).unwrap();
        assert_eq!(loaded(&store), []);
        store.commit(&[put("a", "1"), put("b", "2"), put("c", "3")]).unwrap();
        store.commit(&[put("a", "4"), delete("b"), delete("never there")]).unwrap();
        store.commit(&[put("d", "5"), delete("d")]).unwrap();
        drop(store);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let store = open(&path, 1).unwrap();
        assert_eq!(loaded(&store), [("a".into(), "4".into()), ("c".into(), "3".into())]);
    }

    #[test]
    fn entries_of_logs_come_back_in_order_until_the_log_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = open(&path, 1).unwrap();
        store.commit(&[append("b", "1"), append("a", "2"), append("b", "3")]).unwrap();
        drop(store);
        let store = open(&path, 1).unwrap();
        store.commit(&[append("b", "4"), append("bb", "5"), put("b", "6")]).unwrap();
        let pair = |log: &str, entry: &str| (log.to_owned(), entry.to_owned());
        let all = [("b", "6"), ("a+", "2"), ("b+", "1"), ("b+", "3"), ("b+", "4"), ("bb+", "5")];
        assert_eq!(loaded(&store), all.map(|(log, entry)| pair(log, entry)));
        store.commit(&[Record::Forget { log: b"b".to_vec() }, append("b", "7")]).unwrap();
        let left = [("b", "6"), ("a+", "2"), ("b+", "7"), ("bb+", "5")];
        assert_eq!(loaded(&store), left.map(|(log, entry)| pair(log, entry)));
    }

    #[test]
    fn making_a_store_that_was_cut_short_begins_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        drop(open(&path, 1).unwrap());
        // Whatever of a store was on disk when the power went: none of it was under its name.
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, 9, 4096, whole.len() / 2, whole.len()] {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(path.with_extension("new"), &whole[..length]).unwrap();
            let store = open(&path, 1).unwrap();
            store.commit(&[put("a", "1")]).unwrap();
            drop(store);
            assert_eq!(loaded(&open(&path, 1).unwrap()), [("a".into(), "1".into())], "{length}");
            assert!(!path.with_extension("new").exists());
        }
    }

    #[test]
    fn a_store_of_another_network_or_epoch_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        drop(open(&path, 1).unwrap());
        let error = open(&path, 2).expect_err("refused");
        assert!(matches!(error, StoreError::OtherNetwork { .. }), "{error}");
        assert!(open(&path, 1).is_ok());
    }

    #[test]
    fn a_store_of_another_member_and_a_record_that_was_changed_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = open(&path, 1).unwrap();
        store.commit(&[put("a", "1"), put("b", "2")]).unwrap();
        drop(store);
        let other = Store::open(&path, &network(1), ValueKey::for_tests(2));
        assert!(matches!(other, Err(StoreError::Changed { .. })));

        // The value of one record under the key of another.
        let store = open(&path, 1).unwrap();
        let transaction = store.database.begin_write().unwrap();
        let mut table = transaction.open_table(RECORDS).unwrap();
        let first = table.get(&b"a"[..]).unwrap().unwrap().value().to_vec();
        table.insert(&b"b"[..], first.as_slice()).unwrap();
        drop(table);
        transaction.commit().unwrap();
        let error = store.load_all().expect_err("refused");
        assert!(matches!(error, StoreError::Changed { .. }), "{error}");
    }

    #[test]
    fn no_value_is_in_the_file_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let secret = "the share that nobody may see";
        open(&path, 1).unwrap().commit(&[put("a", secret)]).unwrap();
        let file = std::fs::read(&path).unwrap();
        let found = |wanted: &[u8]| file.windows(wanted.len()).any(|window| window == wanted);
        assert!(!found(secret.as_bytes()));
        assert!(found(network(1).as_bytes()), "this test can find what is there");
    }

    #[test]
    fn a_damaged_store_is_named_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        for content in [vec![7; 100_000], Vec::new()] {
            std::fs::write(&path, &content).unwrap();
            let error = open(&path, 1).expect_err("refused");
            assert!(matches!(error, StoreError::Database { .. }));
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_damaged_page_is_an_error_and_no_panic() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = open(&path, 1).unwrap();
        let all: Vec<_> = (0..400).map(|i| put(&format!("{i:03}"), &"x".repeat(i))).collect();
        store.commit(&all).unwrap();
        drop(store);
        let whole = std::fs::read(&path).unwrap();
        let mut refused = 0;
        for page in 1..whole.len() / 4096 {
            let mut damaged = whole.clone();
            damaged[page * 4096..][..4096].fill(0xa5);
            std::fs::write(&path, &damaged).unwrap();
            match open(&path, 1) {
                Ok(store) => assert_eq!(loaded(&store).len(), all.len(), "a free page"),
                Err(error) => {
                    assert!(matches!(error, StoreError::Database { .. }), "{error}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 20, "{refused}");
    }

    #[tokio::test]
    async fn the_journal_says_when_records_are_durable() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        let store = open(&path, 1).unwrap();
        let mut journal = Journal::start(store).unwrap();
        let mut last = 0;
        for i in 0..100 {
            last = journal.append(vec![put(&format!("{i:03}"), "x")]).unwrap();
        }
        assert_eq!(last, 100);
        let mut durable = 0;
        while durable < last {
            let next = journal.durable().await.unwrap();
            assert!(next > durable);
            durable = next;
        }
        journal.close().await;
        assert_eq!(loaded(&open(&path, 1).unwrap()).len(), 100);
    }
}
