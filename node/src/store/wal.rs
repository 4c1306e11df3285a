//! Files that all changes go to the end of, before they are in the database.
//!
//! # Layout
//! ```text
//! file    magic | header | entries
//! header  u32 length | sealed: durability, the machine's boot
//! entry   u32 length | sealed: changes; none of them says that the file was closed
//! ```
//! Integers are little-endian. Each part is sealed under the file's generation and its place in it, so
//! that it cannot be moved. Generations are numbered: a file holds what came after those before it.
//!
//! # What may be lost
//! An entry is with the system when [`append`](Wal::append) returns: it survives the end of the
//! process, and no entry is cut short by that but one that nobody was told of. With
//! [`Durability::Power`] it is on the disk as well. Without, entries at the end may be lost when
//! the machine stops: that it did is seen by its boot, see [`Ending::Uncertain`].

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use quorate_protocol::party::Record;
use quorate_protocol::secret::Secret;

use super::StoreError;
use crate::files::{self, Access};
use crate::home::ValueKey;

const MAGIC: [u8; 8] = *b"qrtwal01";

/// Bytes of a file that holds nothing but its header, at most.
const LONGEST_HEADER: usize = 256;

/// Bytes of an entry: much more than a turn of the driver writes.
const MAX_ENTRY: u32 = 1 << 30;

/// When what is written counts as durable.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, clap::ValueEnum)]
pub enum Durability {
    /// Once the system has it: it survives the end of the process, however abrupt. If the machine
    /// stops, the node knows, and stays out of what was open.
    Process,
    /// Once it is on the disk: it survives a loss of power.
    #[default]
    Power,
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Process => "process",
            Self::Power => "power",
        })
    }
}

/// How the newest file ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// With all that was written.
    Whole,
    /// Perhaps before that.
    Uncertain,
    /// Before what was written elsewhere: the store is an older copy.
    Older,
}

/// What the files hold.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) records: Vec<Record>,
    /// Generations of the files, ascending.
    pub(super) generations: Vec<u64>,
    pub(super) ending: Ending,
}

/// The newest file.
#[derive(Debug)]
pub(super) struct Wal {
    path: PathBuf,
    file: File,
    key: ValueKey,
    generation: u64,
    length: u64,
    durability: Durability,
}

impl Wal {
    /// Makes the file of a generation, beside the database.
    pub(super) fn create(
        database: &Path,
        key: ValueKey,
        generation: u64,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        Self::create_in(&boot(), database, key, generation, durability)
    }

    /// The same in this run of the machine.
    fn create_in(
        boot: &str,
        database: &Path,
        key: ValueKey,
        generation: u64,
        durability: Durability,
    ) -> Result<Self, StoreError> {
        let path = path_of(database, generation);
        let made = || -> io::Result<File> {
            let file = files::create(&path, Access::Private)?;
            // Its name is to be there after a loss of power.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
            Ok(file)
        };
        let file = made().map_err(|source| failed(&path, source))?;
        let mut wal = Self { path, file, key, generation, length: 0, durability };
        wal.write(&MAGIC)?;
        let power = u8::from(durability == Durability::Power);
        wal.seal(&[&[power], boot.as_bytes()].concat())?;
        wal.sync()?;
        Ok(wal)
    }

    /// Writes changes to its end. They are durable when it returns; on the disk whatever the setting,
    /// if `firm`.
    pub(super) fn append(&mut self, records: &[Record], firm: bool) -> Result<(), StoreError> {
        self.seal(encode(records).expose())?;
        if firm || self.durability == Durability::Power { self.sync() } else { Ok(()) }
    }

    /// Notes that nothing comes after.
    pub(super) fn close(&mut self) -> Result<(), StoreError> {
        self.append(&[], true)
    }

    /// Which generation it is.
    pub(super) const fn generation(&self) -> u64 {
        self.generation
    }

    /// Bytes in it.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    fn seal(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let sealed = self.key.seal(&place(self.generation, self.length), bytes);
        let length = u32::try_from(sealed.len()).ok().filter(|length| *length <= MAX_ENTRY);
        let length =
            length.ok_or_else(|| failed(&self.path, io::ErrorKind::FileTooLarge.into()))?;
        // In one piece, so that what is cut short is at the end.
        self.write(&[&length.to_le_bytes(), sealed.as_slice()].concat())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(|source| failed(&self.path, source))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|source| failed(&self.path, source))
    }
}

/// Removes the file of a generation.
pub(super) fn remove(database: &Path, generation: u64) -> Result<(), StoreError> {
    let path = path_of(database, generation);
    files::remove(&path).map_err(|source| failed(&path, source))
}

/// Reads the files of generations after `folded`, and removes the others.
pub(super) fn read(database: &Path, key: &ValueKey, folded: u64) -> Result<Found, StoreError> {
    read_in(&boot(), database, key, folded)
}

/// The same in this run of the machine.
fn read_in(boot: &str, database: &Path, key: &ValueKey, folded: u64) -> Result<Found, StoreError> {
    let all = generations(database).map_err(|source| failed(database, source))?;
    let (old, new): (Vec<u64>, Vec<u64>) = all.into_iter().partition(|g| *g <= folded);
    for generation in old {
        remove(database, generation)?;
    }
    let (mut records, mut ending) = (Vec::new(), Ending::Whole);
    for (place, generation) in new.iter().enumerate() {
        let path = path_of(database, *generation);
        let file = FileRead::of(boot, &path, key, *generation)?;
        // One that another one followed was whole by then.
        if file.cut && place + 1 < new.len() {
            return Err(StoreError::Changed { path });
        }
        records.extend(file.records);
        ending = file.ending;
    }
    Ok(Found { records, generations: new, ending })
}

/// Makes sure that the files of generations after `folded` are ours, and whole where others follow, as
/// far as that shows without the key.
pub(super) fn check(database: &Path, folded: u64) -> Result<(), StoreError> {
    let all = generations(database).map_err(|source| failed(database, source))?;
    let new: Vec<u64> = all.into_iter().filter(|generation| *generation > folded).collect();
    for (place, generation) in new.iter().enumerate() {
        let path = path_of(database, *generation);
        let bytes = fs::read(&path).map_err(|source| failed(&path, source))?;
        let (mut rest, mut parts) = (bytes.get(MAGIC.len()..).unwrap_or_default(), 0);
        while let Some((_, after)) = split_part(rest) {
            (rest, parts) = (after, parts + 1);
        }
        let begun = bytes.starts_with(&MAGIC) && parts > 0;
        let sound = match begun {
            true => rest.is_empty() || place + 1 == new.len(),
            false => bytes.len() <= LONGEST_HEADER,
        };
        if !sound {
            return Err(StoreError::Changed { path });
        }
    }
    Ok(())
}

/// A part, and what comes after it; `None` where what follows is not whole.
fn split_part(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = rest.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// What one file holds.
struct FileRead {
    records: Vec<Record>,
    ending: Ending,
    /// Whether something is after the last whole entry.
    cut: bool,
}

impl FileRead {
    fn of(boot: &str, path: &Path, key: &ValueKey, generation: u64) -> Result<Self, StoreError> {
        let mut bytes = Vec::new();
        let opened = File::open(path).and_then(|mut file| file.read_to_end(&mut bytes));
        opened.map_err(|source| failed(path, source))?;
        let changed = || StoreError::Changed { path: path.to_owned() };
        let rest = bytes.get(MAGIC.len()..).unwrap_or_default();
        let mut parts = Parts { rest, at: MAGIC.len() as u64, key, generation };
        let header = parts.next().filter(|_| bytes.starts_with(&MAGIC));
        let Some(header) = header else {
            // Cut short while it was made, and nothing was written to it; or none of ours.
            let cut = bytes.len() <= LONGEST_HEADER;
            let unmade = Self { records: Vec::new(), ending: Ending::Whole, cut: false };
            return if cut { Ok(unmade) } else { Err(changed()) };
        };
        let (power, then) = header.expose().split_first().ok_or_else(changed)?;
        let same_boot = !then.is_empty() && then == boot.as_bytes();
        let (mut records, mut closed) = (Vec::new(), false);
        while let Some(entry) = parts.next() {
            closed = entry.expose().is_empty();
            records.extend(decode(entry.expose()).ok_or_else(changed)?);
        }
        let cut = !parts.rest.is_empty();
        // While the machine ran on, whatever was written is there: at most the last entry, of which
        // nobody was told, is cut short. What is wrong before that was changed.
        if cut && same_boot && parts.more_follows() {
            return Err(changed());
        }
        let sure = closed || same_boot || *power == 1;
        let ending = if sure { Ending::Whole } else { Ending::Uncertain };
        Ok(Self { records, ending, cut })
    }
}

/// The sealed parts of a file, one after the other.
struct Parts<'a> {
    rest: &'a [u8],
    at: u64,
    key: &'a ValueKey,
    generation: u64,
}

impl Parts<'_> {
    /// The next part; `None` where the file is no further as it was written.
    fn next(&mut self) -> Option<Secret<Vec<u8>>> {
        let (sealed, rest) = split_part(self.rest)?;
        let opened = self.key.open(&place(self.generation, self.at), sealed)?;
        self.at += (size_of::<u32>() + sealed.len()) as u64;
        self.rest = rest;
        Some(opened)
    }

    /// Whether what cannot be read is followed by something.
    fn more_follows(&self) -> bool {
        let Some((length, rest)) = self.rest.split_first_chunk() else { return false };
        usize::try_from(u32::from_le_bytes(*length)).is_ok_and(|length| length < rest.len())
    }
}

/// What a part of a file is sealed under.
fn place(generation: u64, at: u64) -> Vec<u8> {
    [b"wal".as_slice(), &generation.to_le_bytes(), &at.to_le_bytes()].concat()
}

fn path_of(database: &Path, generation: u64) -> PathBuf {
    database.with_extension(format!("wal{generation}"))
}

/// Generations of the files that are there, ascending.
fn generations(database: &Path) -> io::Result<Vec<u64>> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let stem = database.file_stem();
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.unwrap_or_else(|| Path::new(".")))? {
        let path = entry?.path();
        let number = path.extension().and_then(|e| e.to_str()?.strip_prefix("wal")?.parse().ok());
        if let Some(number) = number
            && path.file_stem() == stem
        {
            found.push(number);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Names this run of the machine; empty where that cannot be told.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn failed(path: &Path, source: io::Error) -> StoreError {
    StoreError::File { path: path.to_owned(), source }
}

fn encode(records: &[Record]) -> Secret<Vec<u8>> {
    let mut bytes = Vec::new();
    let field = |bytes: &mut Vec<u8>, field: &[u8]| {
        // Longer ones would not fit an entry.
        bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(field);
    };
    for record in records {
        let (tag, name, value) = match record {
            Record::Put { key, value } => (0, key, Some(value)),
            Record::Delete { key } => (1, key, None),
            Record::Append { log, entry } => (2, log, Some(entry)),
            Record::Forget { log } => (3, log, None),
        };
        bytes.push(tag);
        field(&mut bytes, name);
        if let Some(value) = value {
            field(&mut bytes, value.expose());
        }
    }
    Secret::new(bytes)
}

fn decode(mut bytes: &[u8]) -> Option<Vec<Record>> {
    fn field(bytes: &mut &[u8]) -> Option<Vec<u8>> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (field, rest) = rest.split_at_checked(u32::from_le_bytes(*length).try_into().ok()?)?;
        *bytes = rest;
        Some(field.to_vec())
    }
    let mut records = Vec::new();
    while let Some((tag, rest)) = bytes.split_first() {
        bytes = rest;
        let name = field(&mut bytes)?;
        records.push(match tag {
            0 => Record::Put { key: name, value: Secret::new(field(&mut bytes)?) },
            1 => Record::Delete { key: name },
            2 => Record::Append { log: name, entry: Secret::new(field(&mut bytes)?) },
            3 => Record::Forget { log: name },
            _ => return None,
        });
    }
    Some(records)
}

#[cfg(test)]
mod tests;
