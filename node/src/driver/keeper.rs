//! Keeps the data directory in step with the epochs: our part of the keys of each that has begun,
//! and nothing of those that are erased.

use quorate_protocol::party::epochs::Epochs;

use super::NodeError;
use crate::ceremony::folder::Folder;
use crate::home::{Home, HomeError, KeyPart, Origin, Unlocked};
use crate::roster::Network;

/// What changes in the data directory, once it is durable in the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeyChange {
    /// An epoch has begun.
    Began(u64),
    /// An epoch is erased.
    Erased(u64),
}

/// Writes to the data directory.
pub(super) struct Keeper {
    home: Unlocked,
    origin: Origin,
}

/// The network with all replacements that the party knows of, which are kept in the data directory.
///
/// # Errors
/// They do not fit the network, or a file cannot be written.
pub(super) fn follow_replaced(
    home: &Home,
    network: &Network,
    party: &Epochs,
) -> Result<Network, NodeError> {
    let mut after = network.clone();
    for (epoch, certificate) in party.replaced() {
        if after.replaced().last().is_none_or(|last| last.epoch < epoch) {
            after = after.replacing(epoch, certificate.clone()).map_err(HomeError::from)?;
        }
    }
    if after.replaced().len() > network.replaced().len() {
        home.save_network(&after)?;
    }
    Ok(after)
}

/// The decision that gave our seat to another.
pub(super) fn replaced_by(party: &Epochs) -> String {
    let position = party.current().refresh();
    let decided = party.decisions().into_iter().find(|view| view.position == position);
    decided.map(|view| view.id).unwrap_or_default()
}

impl Keeper {
    /// For a directory whose keys came about like this. What a node that was stopped had yet to do is
    /// done.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub(super) fn new(
        mut home: Unlocked,
        origin: Origin,
        party: &Epochs,
    ) -> Result<Self, NodeError> {
        // The party has them, as long as they are needed.
        home.first = None;
        let keeper = Self { home, origin };
        keeper.follow(KeyChange::Began(party.epoch()), party)?;
        Ok(keeper)
    }

    /// How the keys came about.
    pub(super) const fn origin(&self) -> Origin {
        self.origin
    }

    /// There was a start of this number elsewhere: the directory is older.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn note_older(&self, than: u64) -> Result<(), NodeError> {
        Ok(self.home.home().note_older(than)?)
    }

    /// The directory is a copy: it is not to be run again.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn refuse_starts(&self) -> Result<(), NodeError> {
        Ok(self.home.home().refuse_starts()?)
    }

    /// Whether members may still need what is kept of the ceremony.
    pub(super) fn is_ceremony_open(&self) -> bool {
        Folder::of(self.home.home()).has_store()
    }

    /// Does what an epoch's beginning or end asks for; true if nothing of the ceremony may be kept any
    /// more.
    ///
    /// # Errors
    /// A file cannot be written or removed.
    pub(super) fn follow(&self, change: KeyChange, party: &Epochs) -> Result<bool, NodeError> {
        let mut over = false;
        match change {
            KeyChange::Began(epoch) => {
                // An epoch that is over by now has nothing to keep; nor has the first, whose keys
                // are here.
                if let Some((refreshed, start)) = party.reached(epoch) {
                    let part = KeyPart::Later(Box::new(refreshed), start);
                    self.home.save_key_part(&part, self.origin)?;
                }
                let home = self.home.home();
                follow_replaced(home, &home.joined_network()?, party)?;
                if let Some(entrance) = party.entrance() {
                    home.save_entrance(&entrance)?;
                }
            }
            KeyChange::Erased(epoch) => {
                self.home.erase(epoch)?;
                if self.home.home().joined_network()?.epoch() == epoch {
                    // What a ceremony keeps for members that come late is of that epoch.
                    over = true;
                    Folder::of(self.home.home()).forget_store().map_err(HomeError::from)?;
                }
            }
        }
        Ok(over)
    }
}
