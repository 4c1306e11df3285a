//! A copy of what a member must not lose, and the way back from it.
//!
//! # What is in it
//! The member's own keys, its card, the network file and its part of the newest of the network's
//! keys; sealed with a passphrase of its own, since it is kept elsewhere. A backup serves until
//! the refresh that ends its epoch begins: make a new one after each. Not in it: the seed and the store. An
//! old copy of these is worse than none, since a party with an old store says again, and otherwise,
//! what it said before. A restored member has a new seed and an empty store that is marked: its
//! party finds out from the others where they are, and is silent in all that it may have begun
//! (see `party::restored` in the protocol).
//!
//! # What it does not protect from
//! Two nodes of one member at a time: the old one must never run again. And loss of the passphrase.
//!
//! # A drill
//! is a restore into a folder that is then removed: the same code, so that it fails where a restore
//! would.

use std::path::Path;

use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::party::epochs;
use quorate_protocol::secret::Secret;
use quorate_protocol::wire;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::error::BackupFlaw;
use super::history::{History, Rehearsal, STORE};
use super::sealed::{self, Cost, Kind};
use super::unlocked::{FirstKeys, MemberKeys};
use super::{GroupKeys, Home, HomeError, KeyPart, Origin, Passphrase, Unlocked};
use crate::files::{self, Access};
use crate::roster::{MemberCard, Network};

#[cfg(test)]
mod tests;

/// Bytes of a backup: the files in it, of 128 members.
const MAX_BACKUP: usize = 2 << 20;

/// What stands in a backup. As secret as the keys in it.
#[derive(Serialize, Deserialize)]
struct Content {
    keys: Vec<u8>,
    /// Our sealing key of the first epoch, if that is the one.
    sealing: Option<[u8; 32]>,
    card: String,
    network: String,
    origin: Origin,
    part: Vec<u8>,
}

impl Drop for Content {
    fn drop(&mut self) {
        self.keys.zeroize();
        self.sealing.zeroize();
        self.part.zeroize();
    }
}

/// An open backup, whose keys belong together.
pub struct Backup {
    keys: MemberKeys,
    first: Option<FirstKeys>,
    card: MemberCard,
    network: Network,
    origin: Origin,
    part: KeyPart,
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup of {:?}", self.card.name)
    }
}

impl Unlocked {
    /// Writes a backup, sealed with a passphrase of its own.
    ///
    /// # Errors
    /// No network was joined or it has no keys yet, the passphrase is too weak, or the file cannot
    /// be written.
    pub fn write_backup(&self, path: &Path, passphrase: &Passphrase) -> Result<(), HomeError> {
        self.write_backup_at(Cost::NEW, path, passphrase)
    }

    pub(super) fn write_backup_at(
        &self,
        cost: Cost,
        path: &Path,
        passphrase: &Passphrase,
    ) -> Result<(), HomeError> {
        passphrase.check_strength()?;
        let (network, _, part) = self.joined()?;
        let public = self.home.group_keys()?;
        let bad = || HomeError::malformed(self.home.dir(), "it holds no keys to keep");
        let content = Content {
            keys: self.keys.to_bytes().ok_or_else(bad)?.to_vec(),
            sealing: match &part {
                KeyPart::First(_) => Some(*self.first()?.sealing.to_bytes().expose()),
                KeyPart::Later(..) => None,
            },
            card: self.home.card().to_toml(),
            network: network.to_toml(),
            origin: public.map(|public| public.origin).ok_or_else(bad)?,
            part: part.to_bytes().expose().clone(),
        };
        let bytes = Secret::new(wire::encode(&content));
        let file = sealed::seal(Kind::Backup, cost, passphrase, bytes.expose())
            .map_err(|error| HomeError::sealed(path, error))?;
        files::write(path, &file, Access::Private).map_err(HomeError::file(path))?;
        self.home.note(|history| history.backup = Some(Rehearsal::now(part.keys().epoch())))
    }
}

impl Backup {
    /// Opens a backup.
    ///
    /// # Errors
    /// It cannot be read, the passphrase is wrong, or what is in it does not belong together.
    pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Self, HomeError> {
        let file = files::read(path, MAX_BACKUP).map_err(HomeError::file(path))?;
        let bytes = sealed::open(Kind::Backup, passphrase, &file)
            .map_err(|error| HomeError::sealed_backup(path, error))?;
        let bad = |how| HomeError::backup(path, BackupFlaw::Unusable(how));
        let content: Content =
            wire::decode(bytes.expose(), MAX_BACKUP).map_err(|_| bad("it is not a backup"))?;
        let keys = MemberKeys::from_bytes(&content.keys).ok_or_else(|| bad("a bad key"))?;
        let card = MemberCard::parse(&content.card)?;
        let network = Network::parse(&content.network)?;
        let part = KeyPart::from_bytes(&content.part)
            .ok_or_else(|| bad("our shares are not of the network's keys"))?;
        let sealing = content.sealing.as_ref().map(SealingKey::from_bytes);
        let sealing = match (sealing, &part) {
            (Some(Some(sealing)), KeyPart::First(_)) => Some(sealing),
            (None, KeyPart::Later(..)) => None,
            _ => return Err(bad("a bad key")),
        };
        let ours = keys.are_of(&card)
            && sealing.as_ref().is_none_or(|sealing| *sealing.public() == card.sealing)
            && network.place_of(&card) == Some(part.keys().me())
            && part.keys().committee() == network.committee();
        if !ours {
            return Err(bad("the keys in it do not belong together"));
        }
        // The seed of a member that is restored from it is another each time.
        let first = sealing.map(FirstKeys::with_new_seed);
        Ok(Self { keys, first, card, network, origin: content.origin, part })
    }

    /// Whose it is.
    pub const fn card(&self) -> &MemberCard {
        &self.card
    }

    /// The network.
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// What everybody may know of the network's keys in it.
    pub fn group_keys(&self) -> GroupKeys {
        GroupKeys::of(self.part.keys(), self.origin)
    }

    /// Makes a data directory of it, with a new seed and a passphrase of its own. The node that
    /// runs on it is silent in all that the lost one may have begun.
    ///
    /// # Errors
    /// The directory holds a member already, the passphrase is too weak, or a file cannot be
    /// written.
    pub fn restore(self, dir: &Path, passphrase: &Passphrase) -> Result<Unlocked, HomeError> {
        self.restore_at(Cost::NEW, dir, passphrase)
    }

    pub(super) fn restore_at(
        self,
        cost: Cost,
        dir: &Path,
        passphrase: &Passphrase,
    ) -> Result<Unlocked, HomeError> {
        let keys = (self.keys, self.first);
        let unlocked = Home::lay_out(cost, dir, self.card, keys, passphrase)?;
        let home = &unlocked.home;
        home.join(&self.network)?;
        unlocked.save_key_part(&self.part, self.origin)?;
        let store = unlocked.store_at(&home.dir().join(STORE), &self.network)?;
        store.commit(&match self.part {
            KeyPart::First(keys) => epochs::restored_mark(keys.epoch(), rand::random()),
            KeyPart::Later(refreshed, start) => {
                let seed = Secret::new(rand::random());
                epochs::restored_in(*refreshed, start, seed, rand::random())
            }
        })?;
        home.finish(&History::begin_restored())?;
        Ok(unlocked)
    }
}

impl Home {
    /// Tries a backup out: restores it into a folder that is then removed, and compares it with
    /// what is here.
    ///
    /// # Errors
    /// It is not of this member, this network and its newest keys, or it could not be restored.
    pub fn drill(&self, path: &Path, passphrase: &Passphrase) -> Result<(), HomeError> {
        self.drill_at(Cost::NEW, path, passphrase)
    }

    pub(super) fn drill_at(
        &self,
        cost: Cost,
        path: &Path,
        passphrase: &Passphrase,
    ) -> Result<(), HomeError> {
        let bad = |flaw| Err(HomeError::backup(path, flaw));
        let backup = Backup::read(path, passphrase)?;
        let keys = backup.group_keys();
        if !backup.keys.are_of(&self.card) {
            return bad(BackupFlaw::OtherMember);
        }
        if self.network()?.is_none_or(|network| network.digest() != backup.network.digest()) {
            return bad(BackupFlaw::OtherNetwork);
        }
        if self.group_keys()?.is_none_or(|ours| ours != keys) {
            return Err(HomeError::OldBackup { path: path.to_owned() });
        }
        let folder = tempfile::Builder::new().prefix("drill-").tempdir_in(&self.dir);
        let folder = folder.map_err(HomeError::file(&self.dir))?;
        let other = Passphrase::random();
        let dir = folder.path().join("restored");
        drop(backup.restore_at(cost, &dir, &other)?);
        let (.., restored) = Self::open(&dir)?.unlock(&other)?.joined()?;
        if GroupKeys::of(restored.keys(), keys.origin) != keys {
            return bad(BackupFlaw::Unusable("what was restored from it is not what it holds"));
        }
        folder.close().map_err(HomeError::file(&self.dir))?;
        self.note(|history| history.drill = Some(Rehearsal::now(keys.epoch)))
    }
}
