//! What a data directory holds of a member that is on its way into a network in place of another.

use std::path::PathBuf;

use quorate_protocol::party::Record;
use quorate_protocol::party::epochs::entering::Entrance;

use super::history::STORE;
use super::{Home, HomeError, Origin, Unlocked};
use crate::files;
use crate::roster::{EntranceFile, Network};
use crate::store::Store;

/// What a member knows of how others come in.
const ENTRANCE: &str = "entrance.toml";
/// What was heard on the way in.
const ENTERING: &str = "entering.redb";

impl Home {
    /// Keeps how a member comes in that was replaced with the last epoch, for whoever asks.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_entrance(&self, entrance: &Entrance) -> Result<(), HomeError> {
        let (network, entrance) = (self.joined_network()?, entrance.clone());
        let origin = self.group_keys()?.map_or(Origin::Members, |keys| keys.origin);
        Ok(EntranceFile { network, entrance, origin }.write(&self.entrance_path())?)
    }

    /// The file in which that stands; there may be none.
    pub fn entrance_path(&self) -> PathBuf {
        self.dir().join(ENTRANCE)
    }

    /// Whether the member has a seat only since another was replaced, and is not in yet.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn is_outside(&self) -> Result<bool, HomeError> {
        let Some(network) = self.network()? else { return Ok(false) };
        let came = network.replaced().iter().any(|one| one.card.identity == self.card().identity);
        Ok(came && self.group_keys()?.is_none())
    }
}

impl Unlocked {
    /// The store of what was heard on the way in.
    ///
    /// # Errors
    /// The member is in already, or the store cannot be opened.
    pub fn open_entering(&self, network: &Network) -> Result<Store, HomeError> {
        if self.home.group_keys()?.is_some() {
            return Err(HomeError::HasKeys { name: self.home.card().name.clone() });
        }
        let root = quorate_protocol::Tag::root(network.digest().as_bytes(), network.epoch());
        let key = self.store_key("entering");
        Ok(Store::open(&self.home.dir().join(ENTERING), &root.child("entering"), key)?)
    }

    /// Makes the node's store. One that is there is of a way in that was not finished: no node has run
    /// on it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin_entered(&self, network: &Network, records: &[Record]) -> Result<(), HomeError> {
        let path = self.home.dir().join(STORE);
        files::remove(&path).map_err(HomeError::file(&path))?;
        self.store_at(&path, network)?.commit(records)?;
        self.home.note_began()
    }

    /// Forgets the way in, and the sealing key that served for it: our part of the keys has what is
    /// needed.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn end_entering(&self, network: &Network) -> Result<(), HomeError> {
        let path = self.home.dir().join(ENTERING);
        files::remove(&path).map_err(HomeError::file(&path))?;
        self.erase(network.epoch())
    }
}
