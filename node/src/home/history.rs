//! What happened to a data directory, and when: public facts, for its operator and for the node.
//!
//! Nothing secret depends on it. One entry protects the group: once the node has run, its store
//! must be there, since a party that has forgotten what it said could say something else. A store
//! that is gone stops the node; one that was restored from a backup knows that it has forgotten.

use std::path::Path;

use jiff::{Timestamp, Unit};
use quorate_protocol::Tag;
use serde::{Deserialize, Serialize};

use super::{Home, HomeError, Unlocked};
use crate::files::{self, Access};
use crate::roster::Network;
use crate::roster::text::{self, FORMAT};
use crate::store::{self, Durability, PartyStore, Restored, Store};

/// The file.
const HISTORY: &str = "history.toml";
/// The party's store.
pub(super) const STORE: &str = "store.redb";

/// What happened to a data directory. Moments are as `2026-11-22T12:00:00Z`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    format: u32,
    /// When it was made.
    pub made: String,
    /// When it was made from a backup, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// When the node first ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<String>,
    /// The last backup of the keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Rehearsal>,
    /// The last time that a backup was tried out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Rehearsal>,
}

/// A backup that was made or tried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// When.
    pub at: String,
    /// The epoch of the keys in it: of use only as long as this is the network's.
    pub epoch: u64,
}

impl Rehearsal {
    pub(super) fn now(epoch: u64) -> Self {
        Self { at: now(), epoch }
    }
}

impl History {
    pub(super) fn begin() -> Self {
        let format = FORMAT;
        Self { format, made: now(), restored: None, began: None, backup: None, drill: None }
    }

    pub(super) fn begin_restored() -> Self {
        Self { restored: Some(now()), began: Some(now()), ..Self::begin() }
    }

    pub(super) fn write(&self, home: &Home) -> Result<(), HomeError> {
        let path = home.dir().join(HISTORY);
        files::write(&path, text::render(self).as_bytes(), Access::Public)
            .map_err(HomeError::file(&path))
    }
}

impl Home {
    /// What happened to this data directory.
    ///
    /// # Errors
    /// The file that says so is gone or cannot be read.
    pub fn history(&self) -> Result<History, HomeError> {
        let path = self.dir().join(HISTORY);
        let history: History = text::read(&path, text::parse)?;
        let known = history.format == FORMAT;
        known.then_some(history).ok_or_else(|| HomeError::malformed(&path, "of a later version"))
    }

    /// Makes sure that the node's store can be opened, as far as that shows without the passphrase.
    /// Changes nothing. `false` if it is too large to be looked through.
    ///
    /// # Errors
    /// It is gone, damaged, or of another network.
    pub fn check_store(&self, network: &Network) -> Result<bool, HomeError> {
        let path = self.dir().join(STORE);
        if !path.exists() {
            let gone = self.history()?.began.is_some();
            return if gone { Err(HomeError::StoreGone { path }) } else { Ok(true) };
        }
        let root = Tag::root(network.digest().as_bytes(), network.epoch());
        Ok(store::check(&path, &root)?)
    }

    /// Writes down that the node's store is there.
    pub(super) fn note_began(&self) -> Result<(), HomeError> {
        self.note(|history| history.began = history.began.take().or_else(|| Some(now())))
    }

    /// Writes down that something happened.
    pub(super) fn note(&self, what: impl FnOnce(&mut History)) -> Result<(), HomeError> {
        let before = self.history()?;
        let mut after = before.clone();
        what(&mut after);
        if after == before { Ok(()) } else { after.write(self) }
    }
}

impl Unlocked {
    /// The store of our party in the network that was joined, where our newest keys are of this epoch;
    /// made the first time, and from then on it must be there. Marked, if the directory was found to be
    /// [older](Home::older_than).
    ///
    /// # Errors
    /// It is gone, damaged, or not ours.
    pub fn open_store(
        &self,
        network: &Network,
        durability: Durability,
        newest: u64,
    ) -> Result<(PartyStore, Restored), HomeError> {
        let path = self.home.dir().join(STORE);
        if !path.exists() && self.home.history()?.began.is_some() {
            return Err(HomeError::StoreGone { path });
        }
        let root = Tag::root(network.digest().as_bytes(), network.epoch());
        let keys = (self.store_key("party"), self.store_key("party files"));
        let older = self.home.older_than()?.is_some();
        let opened = PartyStore::open(&path, &root, keys, durability, (newest, older))?;
        self.home.note_began()?;
        Ok(opened)
    }

    pub(super) fn store_at(&self, path: &Path, network: &Network) -> Result<Store, HomeError> {
        let root = Tag::root(network.digest().as_bytes(), network.epoch());
        Ok(Store::open(path, &root, self.store_key("party"))?)
    }
}

fn now() -> String {
    let now = Timestamp::now();
    now.round(Unit::Second).unwrap_or(now).to_string()
}
