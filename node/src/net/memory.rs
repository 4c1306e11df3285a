//! What a node remembers durably of the starts of other members ([`incarnation`](super::incarnation)).

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use quorate_protocol::crypto::identity::IdentityPublic;
use quorate_protocol::{PartyId, limits, wire};

use crate::files::{self, Access};
use crate::net::incarnation::SignedIncarnation;

/// Bytes of one entry, at most.
const ENTRY: usize = 96;

/// The highest start that was accepted of each member, in a file.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
    starts: Mutex<BTreeMap<PartyId, SignedIncarnation>>,
}

impl Memory {
    /// Opens the file; there may be none yet. What a seat signed before its member was replaced says nothing
    /// of the one that has it now.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn open(
        path: PathBuf,
        network: &[u8; 32],
        identity: impl Fn(PartyId) -> Option<IdentityPublic>,
    ) -> io::Result<Self> {
        let limit = limits::MAX_PARTIES * ENTRY;
        let starts: Vec<(PartyId, SignedIncarnation)> = match files::read(&path, limit) {
            Ok(bytes) => wire::decode(&bytes, limit).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let theirs = |(party, start): &(PartyId, SignedIncarnation)| {
            identity(*party).is_some_and(|identity| start.is_of(&identity, network))
        };
        let starts = starts.into_iter().filter(theirs).collect();
        Ok(Self { path, starts: Mutex::new(starts) })
    }

    /// The highest start of a member.
    pub(super) fn of(&self, party: PartyId) -> Option<SignedIncarnation> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).get(&party).copied()
    }

    /// Remembers a start; durable when it returns.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn note(&self, party: PartyId, start: SignedIncarnation) -> io::Result<()> {
        let mut starts = self.starts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut after = starts.clone();
        after.insert(party, start);
        let entries: Vec<_> = after.iter().collect();
        files::write(&self.path, &wire::encode(&entries), Access::Private)?;
        *starts = after;
        Ok(())
    }
}
