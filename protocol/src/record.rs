//! What a state machine writes down, and why it may not be restored from it.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::secret::Secret;

/// A change of the opaque store that a state machine is restored from: keys with values, and logs. Logs
/// have names of their own. Values and entries may hold shares.
///
/// What is written together is durable together or not at all. What is stored is given back as `Put` and
/// `Append`, the entries of each log in order.
#[derive(Clone, Debug)]
pub enum Record {
    /// Sets a key.
    Put {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Secret<Vec<u8>>,
    },
    /// Forgets a key.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
    /// Adds an entry to a log.
    Append {
        /// The log's name.
        log: Vec<u8>,
        /// The entry.
        entry: Secret<Vec<u8>>,
    },
    /// Forgets a log.
    Forget {
        /// The log's name.
        log: Vec<u8>,
    },
}

impl FromIterator<Record> for Memory {
    fn from_iter<T: IntoIterator<Item = Record>>(records: T) -> Self {
        let mut memory = Self::default();
        memory.write(records);
        memory
    }
}

/// Why nothing could be restored. Nothing is guessed: a store that cannot be read stops its owner.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A record that this version cannot read.
    #[error("the store holds a record that cannot be read ({0})")]
    Unreadable(String),
    /// Some are missing from the middle.
    #[error("the store lacks {what} {number}, though later ones are there")]
    Gap {
        /// What is missing.
        what: &'static str,
        /// Which.
        number: u64,
    },
    /// The keys given are not this member's of this epoch.
    #[error(transparent)]
    Keys(#[from] Error),
}

/// A store in memory: what tests and simulations write to, and the meaning of records.
#[derive(Clone, Default, Debug)]
pub struct Memory {
    values: BTreeMap<Vec<u8>, Secret<Vec<u8>>>,
    logs: BTreeMap<Vec<u8>, Vec<Secret<Vec<u8>>>>,
}

impl Memory {
    /// Writes records, in order.
    pub fn write(&mut self, records: impl IntoIterator<Item = Record>) {
        for record in records {
            match record {
                Record::Put { key, value } => drop(self.values.insert(key, value)),
                Record::Delete { key } => drop(self.values.remove(&key)),
                Record::Append { log, entry } => match self.logs.get_mut(&log) {
                    Some(entries) => entries.push(entry),
                    None => drop(self.logs.insert(log, vec![entry])),
                },
                Record::Forget { log } => drop(self.logs.remove(&log)),
            }
        }
    }

    /// All that was written and not forgotten, as a state machine is restored from it.
    pub fn records(&self) -> Vec<Record> {
        let put = |(key, value): (&Vec<u8>, &Secret<Vec<u8>>)| Record::Put {
            key: key.clone(),
            value: value.clone(),
        };
        let append = |(log, entries): (&Vec<u8>, &Vec<Secret<Vec<u8>>>)| {
            let log = log.clone();
            let entries = entries.clone().into_iter();
            entries.map(move |entry| Record::Append { log: log.clone(), entry }).collect::<Vec<_>>()
        };
        self.values.iter().map(put).chain(self.logs.iter().flat_map(append)).collect()
    }

    /// All that is stored: values by their keys, and entries by their logs.
    pub fn secrets(&self) -> impl Iterator<Item = (&Vec<u8>, &Secret<Vec<u8>>)> {
        let entries = |(log, entries)| std::iter::repeat(log).zip::<&Vec<_>>(entries);
        self.values.iter().chain(self.logs.iter().flat_map(entries))
    }

    /// How many values and entries are stored.
    pub fn len(&self) -> usize {
        self.secrets().count()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.logs.is_empty()
    }

    /// Keys and their values.
    pub const fn values(&self) -> &BTreeMap<Vec<u8>, Secret<Vec<u8>>> {
        &self.values
    }

    /// Logs and their entries, in order.
    pub const fn logs(&self) -> &BTreeMap<Vec<u8>, Vec<Secret<Vec<u8>>>> {
        &self.logs
    }
}
