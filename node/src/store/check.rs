//! What shows of a store without its key, and without changing it.

use std::fs;
use std::path::Path;

use quorate_protocol::Tag;
use redb::backends::InMemoryBackend;
use redb::{Builder, ReadableDatabase as _, StorageBackend as _, StorageError};

use super::{ABOUT, FOLDED, FORMAT, StoreError, damaged, wal};

/// Bytes of a database up to which it is looked through.
const LOOKED_THROUGH: u64 = 256 << 20;

/// Makes sure that a store is whole and this network's, as far as that shows. `false` if it is too large
/// to be looked through.
///
/// # Errors
/// It is damaged, another network's, or of another version.
pub fn check(path: &Path, network: &Tag) -> Result<bool, StoreError> {
    let unread = |source| StoreError::File { path: path.to_owned(), source };
    if path.metadata().map_err(unread)?.len() > LOOKED_THROUGH {
        return Ok(false);
    }
    let bytes = fs::read(path).map_err(unread)?;
    let failed = |error: redb::Error| damaged(path, error);
    if bytes.is_empty() {
        return Err(failed(StorageError::Corrupted("it is empty".to_owned()).into()));
    }
    // In memory it can be repaired as the node would.
    let memory = InMemoryBackend::new();
    memory.set_len(bytes.len() as u64).and_then(|()| memory.write(0, &bytes)).map_err(unread)?;
    drop(bytes);
    let mut builder = Builder::new();
    let opened = builder.set_check_integrity_on_open(true).create_with_backend(memory);
    let database = opened.map_err(|error| failed(error.into()))?;
    let about = |what: &str| -> Result<Option<Vec<u8>>, redb::Error> {
        let table = database.begin_read()?.open_table(ABOUT)?;
        Ok(table.get(what)?.map(|found| found.value().to_vec()))
    };
    let about = |what| about(what).map_err(|error| damaged(path, error));
    if about("format")?.is_some_and(|format| format != FORMAT.to_le_bytes()) {
        return Err(StoreError::Format { path: path.to_owned() });
    }
    if about("network")?.is_none_or(|found| found != network.as_bytes()) {
        return Err(StoreError::OtherNetwork { path: path.to_owned() });
    }
    let folded =
        about(FOLDED)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    wal::check(path, folded)?;
    Ok(true)
}
