//! What a ceremony keeps in the data directory, and how far it has come by that.
//!
//! ```text
//! ceremony/invite          the invite                                    (0600)
//! ceremony/gathering.toml  the coordinator's list of members             (0600)
//! ceremony/roster.toml     the roster, before its check-words were confirmed
//! ceremony/keys.redb       what key generation must not forget, sealed   (0600)
//! network.toml             the roster, confirmed: this member has joined
//! keys-1.sealed            this member's keys, sealed
//! ```
//! Every file is written whole or not at all, so that a member that is killed goes on where it was.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use quorate_protocol::Tag;
use quorate_protocol::keys::ceremony;

use super::gathering::Gathering;
use super::invite::Invite;
use crate::files;
use crate::home::{Home, HomeError};
use crate::roster::text::{self, Access};
use crate::roster::{Network, RosterError};

/// The files of a member's ceremony.
#[derive(Clone, Debug)]
pub struct Folder {
    dir: PathBuf,
}

/// What is next for a member.
#[derive(Clone, Debug)]
pub enum Next {
    /// It was not invited, and invites nobody.
    Invite,
    /// (C1) It was invited, and there is no roster yet.
    Gather(Box<Invite>),
    /// (C2), (C3) There is a roster, to be confirmed.
    Confirm(Box<Network>),
    /// (C4) and what follows: it has joined.
    Keys(Box<Network>),
}

impl Folder {
    /// The folder in a data directory, whether it is there or not.
    pub fn of(home: &Home) -> Self {
        Self { dir: home.dir().join("ceremony") }
    }

    /// What is next.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn next(&self, home: &Home) -> Result<Next, HomeError> {
        if let Some(network) = home.network()? {
            return Ok(Next::Keys(Box::new(network)));
        }
        if let Some(roster) = self.roster()? {
            return Ok(Next::Confirm(Box::new(roster)));
        }
        let invite = self.invite()?;
        Ok(invite.map_or(Next::Invite, |invite| Next::Gather(Box::new(invite))))
    }

    /// The invite that was accepted or made, if any.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn invite(&self) -> Result<Option<Invite>, RosterError> {
        if self.is_coordinator() {
            return Gathering::read(&self.gathering_path()).map(|list| Some(list.invite().clone()));
        }
        let path = self.dir.join("invite");
        let parse = |text: &str| {
            Invite::parse(text).map_err(|error| RosterError::Syntax(error.to_string()))
        };
        if path.exists() { text::read(&path, parse).map(Some) } else { Ok(None) }
    }

    /// Begins a network, with an empty list of members.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(&self, gathering: &Gathering) -> Result<(), RosterError> {
        self.make()?;
        self.forget_roster()?;
        gathering.write(&self.gathering_path())
    }

    /// Keeps an invite; a roster that came by another one is forgotten.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save_invite(&self, invite: &Invite) -> Result<(), RosterError> {
        self.make()?;
        self.forget_roster()?;
        text::write(&self.dir.join("invite"), &format!("{invite}\n"), Access::Private)
    }

    /// Where the coordinator's list is.
    pub fn gathering_path(&self) -> PathBuf {
        self.dir.join("gathering.toml")
    }

    /// Whether this member coordinates the ceremony.
    pub fn is_coordinator(&self) -> bool {
        self.gathering_path().exists()
    }

    /// The roster that is to be confirmed, if there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn roster(&self) -> Result<Option<Network>, RosterError> {
        let path = self.roster_path();
        if path.exists() { Network::read(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps a roster that is to be confirmed.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save_roster(&self, roster: &Network) -> Result<(), RosterError> {
        self.make()?;
        roster.write(&self.roster_path())
    }

    /// Forgets the roster that was to be confirmed.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_roster(&self) -> Result<(), RosterError> {
        remove(&self.roster_path())
    }

    /// Where key generation keeps what it must not forget.
    pub fn store_path(&self) -> PathBuf {
        self.dir.join("keys.redb")
    }

    /// What the store of key generation is bound to.
    pub fn store_tag(network: &Network) -> Tag {
        Tag::root(network.digest().as_bytes(), ceremony::EPOCH)
    }

    /// Whether members may still need something of this member's key generation.
    pub fn has_store(&self) -> bool {
        self.store_path().exists()
    }

    /// All members have their keys and know it: nothing of key generation is needed any more.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn forget_store(&self) -> Result<(), RosterError> {
        remove(&self.store_path())
    }

    fn roster_path(&self) -> PathBuf {
        self.dir.join("roster.toml")
    }

    fn make(&self) -> Result<(), RosterError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(|source| RosterError::File { path: self.dir.clone(), source })
    }
}

fn remove(path: &Path) -> Result<(), RosterError> {
    let failed = |source| RosterError::File { path: path.to_owned(), source };
    files::remove(path).map_err(failed)
}
