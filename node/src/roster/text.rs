//! How the files are read and written: TOML, keys in hexadecimal, a format number.

use std::fs;
use std::io;
use std::path::Path;

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RosterError;
use crate::files;

pub(crate) use files::Access;

/// Format of network files and member cards.
pub(crate) const FORMAT: u32 = 1;

/// Bytes of a file that is read: 128 members take about 70 KiB.
const MAX_FILE: u64 = 1 << 20;

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
    Gathering,
    Entrance,
}

impl Kind {
    const ALL: [(Self, &str, &str); 5] = [
        (Self::Entrance, "entrance", "what a replaced member needs to come in"),
        (Self::Network, "members", "a network file"),
        (Self::Card, "member", "a member card"),
        (Self::Gathering, "cards", "a coordinator's list of members"),
        (Self::DealtKeys, "ciphertext", "a file of dealt keys"),
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

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, text: &str, access: Access) -> Result<(), RosterError> {
    files::write(path, text.as_bytes(), access)
        .map_err(|source| RosterError::File { path: path.to_owned(), source })
}
