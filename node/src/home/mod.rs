//! A member's data directory: its keys, what it joined, and whether its node runs.
//!
//! ```text
//! member.toml          the public card, for whoever writes the network file
//! keys.sealed          the member's lasting keys, sealed with the passphrase     (0600)
//! first.sealed         its sealing key and seed of the first epoch, sealed       (0600)
//! network.toml         the network that was joined
//! keys-EPOCH.sealed    this member's part of the network's keys, sealed          (0600)
//! group-keys.toml      what everybody may know of the newest of them
//! store.redb           what the party must not forget, sealed                    (0600)
//! store.walNUMBER      what of it is not in there yet, sealed                    (0600)
//! start.number         of the node's last start: others tell copies by it        (0600)
//! starts.seen          the last starts of the other members, as they signed them (0600)
//! entrance.toml        how a member that was replaced comes in; no secrets
//! entering.redb        what such a member heard on its way in, sealed            (0600)
//! history.toml         when the directory was made, backed up, restored; no secrets
//! lock                 held while the node runs
//! api.token            what the local interface asks for                         (0600)
//! api.addr             where the local interface listens, while the node runs    (0600)
//! ```
//! # What is sealed
//! Everything secret but the token of the local interface, which is worth nothing without the
//! machine. The passphrase opens `keys.sealed`; in it is the data key, which opens the rest
//! (`sealed.rs`). Files of an epoch that is erased are removed; what a disk may still hold of them
//! is sealed with the data key, which stays. A [`Home`] is the directory as anybody may see it, an
//! [`Unlocked`] one is that with the passphrase. Without the passphrase there is no way to the keys: no
//! reset, no escrow.
//!
//! The directory itself is closed to others (0700). Secret files are created closed, and a file
//! of keys that others can read is refused. All are written whole or not at all.

mod backup;
mod entering;
mod error;
mod history;
mod key_sets;
mod passphrase;
pub(crate) mod sealed;
mod starts;
#[cfg(test)]
mod tests;
mod unlocked;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use libp2p::Multiaddr;
use quorate_protocol::PartyId;
use quorate_protocol::secret::Secret;
use zeroize::Zeroizing;

pub use backup::Backup;
pub(crate) use error::new_token;
pub use error::{BackupFlaw, HomeError};
pub use history::{History, Rehearsal};
pub use key_sets::{GroupKeys, KeyPart, Origin};
pub use passphrase::{Passphrase, PassphraseError};
pub use sealed::ValueKey;
pub use unlocked::{FirstKeys, MemberKeys, Unlocked};

use crate::files;
use crate::roster::text::{self, Access};
use crate::roster::{MemberCard, Network};
use sealed::{Cost, DataKey, Kind};

/// How often the lock is tried for.
const LOCK_ATTEMPTS: u32 = 10;

/// What the local interface asks for.
const TOKEN: &str = "api.token";
/// The file that the passphrase opens.
const KEYS: &str = "keys.sealed";
/// Bytes of it, at most.
const MAX_KEYS: usize = 4096;

/// A member's data directory.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
    card: MemberCard,
}

/// Held while a node runs on a data directory.
#[derive(Debug)]
pub struct HomeLock(#[expect(dead_code, reason = "closing the file lets go of the lock")] File);

/// Removes the file that says where the local interface listens, when it is dropped.
#[derive(Debug)]
pub struct ApiFile(PathBuf);

impl Drop for ApiFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Home {
    /// Makes a member: draws its keys, seals them with the passphrase, and writes its card.
    ///
    /// # Errors
    /// The directory holds a member already, the name, an address or the passphrase is bad, or a
    /// file cannot be written.
    pub fn create(
        dir: &Path,
        name: &str,
        addresses: Vec<Multiaddr>,
        passphrase: &Passphrase,
    ) -> Result<(Self, Unlocked), HomeError> {
        Self::create_at(Cost::NEW, dir, name, addresses, passphrase)
    }

    /// Makes sure that no member is in a directory.
    ///
    /// # Errors
    /// One is.
    pub fn check_free(dir: &Path) -> Result<(), HomeError> {
        let taken = [KEYS, "member.toml"].iter().any(|name| dir.join(name).exists());
        if taken { Err(HomeError::Exists { dir: dir.to_owned() }) } else { Ok(()) }
    }

    fn create_at(
        cost: Cost,
        dir: &Path,
        name: &str,
        addresses: Vec<Multiaddr>,
        passphrase: &Passphrase,
    ) -> Result<(Self, Unlocked), HomeError> {
        let (keys, first) = (MemberKeys::generate(), FirstKeys::generate());
        let bad = || HomeError::malformed(&dir.join(KEYS), "a bad key");
        let card = MemberCard {
            name: name.to_owned(),
            identity: keys.identity.public(),
            sealing: *first.sealing.public(),
            transport: keys.transport_public().ok_or_else(bad)?,
            addresses,
        };
        let unlocked = Self::lay_out(cost, dir, card, (keys, Some(first)), passphrase)?;
        unlocked.home.finish(&History::begin())?;
        Ok((unlocked.home.clone(), unlocked))
    }

    /// Makes a directory and seals the keys in it. There is no member in it before
    /// [`finish`](Self::finish).
    fn lay_out(
        cost: Cost,
        dir: &Path,
        card: MemberCard,
        (keys, first): (MemberKeys, Option<FirstKeys>),
        passphrase: &Passphrase,
    ) -> Result<Unlocked, HomeError> {
        passphrase.check_strength()?;
        card.check()?;
        Self::check_free(dir)?;
        let data = DataKey::new(Secret::new(rand::random()));
        let path = dir.join(KEYS);
        let failed = HomeError::file(dir);
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(&failed)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(&failed)?;
        let content = keys.with_data_key(&data);
        let content = content.ok_or_else(|| HomeError::malformed(&path, "a bad key"))?;
        let sealed = sealed::seal(Kind::Keys, cost, passphrase, &content);
        let sealed = sealed.map_err(|error| HomeError::sealed(&path, error))?;
        files::write(&path, &sealed, Access::Private).map_err(HomeError::file(&path))?;
        let token = Zeroizing::new(text::hex(&rand::random::<[u8; 32]>()));
        text::write(&dir.join(TOKEN), &token, Access::Private)?;
        let home = Self { dir: dir.to_owned(), card };
        let unlocked = Unlocked { home, keys, first, data };
        unlocked.save_first()?;
        Ok(unlocked)
    }

    /// Writes the card: from now on there is a member.
    fn finish(&self, history: &History) -> Result<(), HomeError> {
        history.write(self)?;
        Ok(self.card.write(&self.dir.join("member.toml"))?)
    }

    /// Opens what is sealed.
    ///
    /// # Errors
    /// The passphrase is wrong, or the keys cannot be read, can be read by others, or are not the
    /// keys of the card.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<Unlocked, HomeError> {
        let path = self.dir.join(KEYS);
        if !path.exists() {
            return Err(HomeError::KeysGone { path });
        }
        check_private(&path)?;
        let file = files::read(&path, MAX_KEYS).map_err(HomeError::file(&path))?;
        let content = sealed::open(Kind::Keys, passphrase, &file)
            .map_err(|error| HomeError::sealed(&path, error))?;
        let (keys, data) = MemberKeys::and_data_key(content.expose())
            .ok_or_else(|| HomeError::malformed(&path, "a key is malformed"))?;
        if !keys.are_of(&self.card) {
            return Err(HomeError::malformed(&path, "the keys are not those of member.toml"));
        }
        let mut unlocked = Unlocked { home: self.clone(), keys, first: None, data };
        unlocked.load_first()?;
        Ok(unlocked)
    }

    /// Makes sure that the keys are there and whole, as far as that shows without the passphrase.
    ///
    /// # Errors
    /// They are not, or others can read them.
    pub fn check_keys(&self) -> Result<(), HomeError> {
        let path = self.dir.join(KEYS);
        if !path.exists() {
            return Err(HomeError::KeysGone { path });
        }
        let file = files::read(&path, MAX_KEYS).map_err(HomeError::file(&path))?;
        sealed::check(Kind::Keys, &file).map_err(|error| HomeError::sealed(&path, error))
    }

    /// Opens the directory of a member.
    ///
    /// # Errors
    /// There is none, or its card cannot be read.
    pub fn open(dir: &Path) -> Result<Self, HomeError> {
        let path = dir.join("member.toml");
        if !path.exists() {
            return Err(HomeError::NotAMember { dir: dir.to_owned() });
        }
        Ok(Self { dir: dir.to_owned(), card: MemberCard::read(&path)? })
    }

    /// Whether a file of this name is refused where others can read it.
    pub(crate) fn is_secret(name: &str) -> bool {
        let key_set = name.strip_prefix("keys-").and_then(|name| name.strip_suffix(".sealed"));
        [KEYS, unlocked::FIRST, TOKEN].contains(&name)
            || key_set.is_some_and(|epoch| epoch.parse::<u64>().is_ok())
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The member's public card.
    pub const fn card(&self) -> &MemberCard {
        &self.card
    }

    /// Changes where the node listens; the card must then go to the other members again.
    ///
    /// # Errors
    /// A bad address, or the card cannot be written.
    pub fn set_addresses(&mut self, addresses: Vec<Multiaddr>) -> Result<(), HomeError> {
        let card = MemberCard { addresses, ..self.card.clone() };
        card.check()?;
        card.write(&self.dir.join("member.toml"))?;
        self.card = card;
        Ok(())
    }

    /// The network that was joined, if any.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn network(&self) -> Result<Option<Network>, HomeError> {
        let path = self.dir.join("network.toml");
        if path.exists() { Ok(Some(Network::read(&path)?)) } else { Ok(None) }
    }

    /// The network that was joined.
    ///
    /// # Errors
    /// None was, or its file cannot be read.
    pub fn joined_network(&self) -> Result<Network, HomeError> {
        self.network()?.ok_or_else(|| HomeError::NotJoined { dir: self.dir.clone() })
    }

    /// Joins a network, or takes over new addresses of its members.
    ///
    /// # Errors
    /// We are no member of it, or another network was joined here.
    pub fn join(&self, network: &Network) -> Result<PartyId, HomeError> {
        let mut network = network.clone();
        if let Some(before) = self.network()? {
            if before.digest() != network.digest() {
                return Err(HomeError::OtherNetwork { network: before.name().to_owned() });
            }
            network = network.with_replaced_of(&before)?;
        }
        let me = self.place_in(&network)?;
        self.save_network(&network)?;
        Ok(me)
    }

    /// Keeps what is known of the network by now.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_network(&self, network: &Network) -> Result<(), HomeError> {
        Ok(network.write(&self.dir.join("network.toml"))?)
    }

    /// Our place in a network, by our keys.
    ///
    /// # Errors
    /// We are no member of it.
    pub fn place_in(&self, network: &Network) -> Result<PartyId, HomeError> {
        network.place_of(&self.card).ok_or_else(|| HomeError::NotInRoster {
            name: self.card.name.clone(),
            network: network.name().to_owned(),
        })
    }

    /// Makes sure that no other node runs on this directory.
    ///
    /// # Errors
    /// One does.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        let path = self.dir.join("lock");
        let failed = HomeError::file(&path);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(&failed)?;
        // Commands that ask whether a node runs hold the lock for an instant: try again.
        for attempt in 0.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < LOCK_ATTEMPTS => {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(HomeError::InUse { dir: self.dir.clone() });
                }
                Err(TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Ok(HomeLock(file))
    }

    /// Whether a node runs on this directory.
    pub fn is_running(&self) -> bool {
        File::open(self.dir.join("lock"))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// What the local interface asks for.
    ///
    /// # Errors
    /// It cannot be read, or others can read it.
    pub fn api_token(&self) -> Result<Secret<String>, HomeError> {
        let path = self.dir.join(TOKEN);
        check_private(&path)?;
        let token = text::read(&path, |text| Ok(text.trim().to_owned()))?;
        if token.len() < 32 {
            return Err(HomeError::Malformed { path, reason: "the token is too short" });
        }
        Ok(Secret::new(token))
    }

    /// Says where the local interface listens, until the guard is dropped.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn publish_api(&self, address: SocketAddr) -> Result<ApiFile, HomeError> {
        let path = self.dir.join("api.addr");
        text::write(&path, &format!("{address}\n"), Access::Private)?;
        Ok(ApiFile(path))
    }

    /// Where the local interface listens; `None` if no node runs here.
    ///
    /// # Errors
    /// The file that says so cannot be read.
    pub fn api_address(&self) -> Result<Option<SocketAddr>, HomeError> {
        let path = self.dir.join("api.addr");
        // A node that was killed leaves the file behind, but not the lock.
        if !path.exists() || !self.is_running() {
            return Ok(None);
        }
        let address = text::read(&path, |text| Ok(text.trim().to_owned()))?;
        let bad = |_| HomeError::Malformed { path, reason: "not an address" };
        address.parse().map(Some).map_err(bad)
    }
}

fn check_private(path: &Path) -> Result<(), HomeError> {
    let private = files::is_private(path).map_err(HomeError::file(path))?;
    if private { Ok(()) } else { Err(HomeError::Exposed { path: path.to_owned() }) }
}
