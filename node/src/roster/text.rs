//! How the files are read and written: TOML, keys in hexadecimal, a format number.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RosterError;

/// Format of network files and member cards.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of a file that is read: 128 members take about 70 KiB.
const MAX_FILE: u64 = 1 << 20;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// The owner alone.
    Private,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER_PERMISSIVE.encode(bytes)
}

pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// The kinds of file, told apart by a name that only one of them has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Network,
    Card,
    DealtKeys,
    Keys,
}

impl Kind {
    const ALL: [(Self, &str, &str); 4] = [
        (Self::Network, "members", "a network file"),
        (Self::Card, "member", "a member card"),
        (Self::DealtKeys, "ciphertext", "a file of dealt keys"),
        (Self::Keys, "seed", "a member's secret keys"),
    ];

    /// What a file is, whatever else is in it. Dealt keys say in a line for which member they are.
    fn of(table: &toml::Table) -> Option<Self> {
        let has = |name: &str, kind| match kind {
            Self::Card => table.get(name).is_some_and(toml::Value::is_table),
            _ => table.contains_key(name),
        };
        Self::ALL.into_iter().find(|(kind, name, _)| has(name, *kind)).map(|(kind, ..)| kind)
    }

    fn words(self) -> &'static str {
        Self::ALL.iter().find(|(kind, ..)| *kind == self).map_or("", |(.., words)| words)
    }
}

/// Refuses a later format, and another kind of file, before anything else in it is looked at.
pub(crate) fn check_format(text: &str, wanted: Kind) -> Result<(), RosterError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        format: u32,
    }
    match parse::<Versioned>(text)?.format {
        FORMAT => {}
        other => return Err(RosterError::Format(other)),
    }
    match Kind::of(&parse(text)?) {
        Some(found) if found != wanted => {
            Err(RosterError::OtherKind { found: found.words(), wanted: wanted.words() })
        }
        _ => Ok(()),
    }
}

pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, RosterError> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        RosterError::Syntax(format!("line {line}: {message}"))
    })
}

/// # Panics
/// If a file type of ours has no TOML form, which is a bug.
pub(crate) fn render<T: Serialize>(file: &T) -> String {
    toml::to_string(file).expect("our file types are TOML tables of strings and small integers")
}

pub(crate) fn read<T>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<T, RosterError>,
) -> Result<T, RosterError> {
    let failed = |source| RosterError::File { path: path.to_owned(), source };
    if fs::metadata(path).map_err(failed)?.len() > MAX_FILE {
        return Err(failed(io::Error::other("it is too large")));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    parse(&text)
        .map_err(|reason| RosterError::In { path: path.to_owned(), reason: Box::new(reason) })
}

/// Writes a file whole or not at all: under another name first, durable, then renamed.
pub(crate) fn write(path: &Path, text: &str, access: Access) -> Result<(), RosterError> {
    let failed = |source| RosterError::File { path: path.to_owned(), source };
    write_atomically(path, text.as_bytes(), access).map_err(failed)
}

fn write_atomically(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let _ = fs::remove_file(&temporary);
    let mode = match access {
        Access::Public => 0o644,
        Access::Private => 0o600,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&temporary, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
        return renamed;
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
