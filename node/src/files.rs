//! Files that are written whole or not at all, and files that only their owner may read.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// What to do about a full disk.
pub(crate) const MAKE_ROOM: &str =
    "make room on the disk, then start the node again: nothing that it has said is lost";

/// What to do about a file of a data directory that is damaged or gone.
pub(crate) const RESTORE: &str = "keep what is there. Do not put an old copy in its place: that \
                                  could use a vote's mask twice. Restore from a backup: quorate key \
                                  restore FILE --data-dir NEW";

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// The owner alone.
    Private,
}

/// Writes a file whole or not at all: under another name first, durable, then renamed.
pub(crate) fn write(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = create(&temporary, access)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| put_in_place(&temporary, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Makes an empty file; what had its name goes.
pub(crate) fn create(path: &Path, access: Access) -> io::Result<fs::File> {
    let _ = fs::remove_file(path);
    let mode = match access {
        Access::Public => 0o644,
        Access::Private => 0o600,
    };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

/// Removes a file, if it is there.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Gives a file that is durable its name, in the same folder; durable when it returns.
pub(crate) fn put_in_place(temporary: &Path, path: &Path) -> io::Result<()> {
    fs::rename(temporary, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// Reads a file of at most `limit` bytes, into one allocation.
pub(crate) fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let mut bytes = Vec::with_capacity(limit.min(1 << 16));
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit { Err(io::Error::other("it is too large")) } else { Ok(bytes) }
}

/// Whether the owner alone may read a file.
pub(crate) fn is_private(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}
