//! A member's data directory: its keys, what it joined, and whether its node runs.
//!
//! ```text
//! member.toml    the public card, for whoever writes the network file
//! keys.toml      the secret keys                                           (0600)
//! network.toml   the network that was joined
//! dealt.toml     this member's keys, if a trusted dealer dealt them        (0600)
//! store.redb     what the party must not forget                            (0600)
//! lock           held while the node runs
//! api.token      what the local interface asks for                         (0600)
//! api.addr       where the local interface listens, while the node runs    (0600)
//! ```
//! The directory itself is closed to others (0700). Secret files are created closed, and a file
//! of keys that others can read is refused.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use libp2p::Multiaddr;
use libp2p::identity::{Keypair, ed25519};
use quorate_protocol::crypto::identity::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::secret::Secret;
use quorate_protocol::{PartyId, keys::KeySet};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::roster::text::{self, Access, FORMAT};
use crate::roster::{DealtKeys, MemberCard, Network, RosterError, TransportPublic};

/// How often the lock is tried for.
const LOCK_ATTEMPTS: u32 = 10;

/// Why a data directory cannot be used. One line; [`hint`](Self::hint) says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HomeError {
    /// There is no member in it.
    #[error("{} holds no member", dir.display())]
    NotAMember {
        /// The directory.
        dir: PathBuf,
    },
    /// There is a member in it already.
    #[error("{} already holds a member", dir.display())]
    Exists {
        /// The directory.
        dir: PathBuf,
    },
    /// Another node runs on it.
    #[error("another node is running on {}", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read a secret file.
    #[error("others can read {}", path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// A card, network file or file of dealt keys is not accepted.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The network is one of others.
    #[error("{name:?} is not a member of the network {network:?}")]
    NotInRoster {
        /// Our name.
        name: String,
        /// The network's name.
        network: String,
    },
    /// One directory, one network.
    #[error("another network was joined here: {network:?}")]
    OtherNetwork {
        /// Its name.
        network: String,
    },
    /// Dealt keys that are another member's or network's.
    #[error("the dealt keys are not those of {name:?} in this network")]
    OtherKeys {
        /// Our name.
        name: String,
    },
    /// Other keys were made or dealt before.
    #[error("{name:?} has other keys in this network already")]
    HasKeys {
        /// Our name.
        name: String,
    },
    /// The network has no keys here yet.
    #[error("{name:?} has no keys in its network yet")]
    NoKeys {
        /// Our name.
        name: String,
    },
    /// No network was joined.
    #[error("{} has joined no network", dir.display())]
    NotJoined {
        /// The directory.
        dir: PathBuf,
    },
}

impl HomeError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotAMember { dir } => {
                format!("quorate init --org NAME --data-dir {}", dir.display())
            }
            Self::Exists { .. } => "use another --data-dir".to_owned(),
            Self::InUse { .. } => "stop it first, or use another --data-dir".to_owned(),
            Self::Exposed { path } => format!("chmod 600 {}", path.display()),
            Self::Roster(error) => return error.hint(),
            Self::NotInRoster { .. } => {
                "send member.toml to whoever writes the network file".to_owned()
            }
            Self::OtherNetwork { .. } => {
                "one data directory belongs to one network: use another --data-dir".to_owned()
            }
            Self::OtherKeys { .. } => "ask the dealer for the file with your name".to_owned(),
            Self::HasKeys { .. } => {
                "use the keys of the first deal, or begin anew in another --data-dir".to_owned()
            }
            Self::NotJoined { .. } | Self::NoKeys { .. } => {
                "quorate join network.toml --dealt-keys FILE".to_owned()
            }
            Self::File { .. } | Self::Malformed { .. } => return None,
        })
    }
}

/// A member's data directory.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
    card: MemberCard,
}

/// A member's secret keys. Do not print.
pub struct MemberKeys {
    /// Signs what the member says.
    pub identity: IdentityKey,
    /// Opens what is sealed to the member.
    pub sealing: SealingKey,
    /// Authenticates connections.
    pub transport: Keypair,
    /// What all secret choices of the member's party derive from.
    pub seed: Secret<[u8; 32]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysFile {
    format: u32,
    identity: String,
    sealing: String,
    transport: String,
    seed: String,
}

impl Drop for KeysFile {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        for secret in [&mut self.identity, &mut self.sealing, &mut self.transport, &mut self.seed] {
            secret.zeroize();
        }
    }
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
    /// Makes a member: draws its keys and writes its card.
    ///
    /// # Errors
    /// The directory holds a member already, the name or an address is bad, or a file cannot be
    /// written.
    pub fn create(dir: &Path, name: &str, addresses: Vec<Multiaddr>) -> Result<Self, HomeError> {
        let mut rng = rand::rng();
        let identity = IdentityKey::generate(&mut rng);
        let sealing = SealingKey::generate(&mut rng);
        let mut transport = Zeroizing::new(rand::random::<[u8; 32]>());
        let seed = Secret::new(rand::random::<[u8; 32]>());
        let file = KeysFile {
            format: FORMAT,
            identity: text::hex(identity.to_bytes().expose()),
            sealing: text::hex(sealing.to_bytes().expose()),
            transport: text::hex(&*transport),
            seed: text::hex(seed.expose()),
        };
        let keys_path = dir.join("keys.toml");
        let transport = transport_keys(&mut transport)
            .and_then(|keys| keys.public().try_into_ed25519().ok())
            .and_then(|key| TransportPublic::from_bytes(&key.to_bytes()))
            .ok_or(HomeError::Malformed { path: keys_path.clone(), reason: "a bad key" })?;
        let card = MemberCard {
            name: name.to_owned(),
            identity: identity.public(),
            sealing: *sealing.public(),
            transport,
            addresses,
        };
        card.check()?;

        if keys_path.exists() || dir.join("member.toml").exists() {
            return Err(HomeError::Exists { dir: dir.to_owned() });
        }
        let failed = |source| HomeError::File { path: dir.to_owned(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(failed)?;
        let keys = Zeroizing::new(text::render(&file));
        text::write(&keys_path, &keys, Access::Private)?;
        let token = Zeroizing::new(text::hex(&rand::random::<[u8; 32]>()));
        text::write(&dir.join("api.token"), &token, Access::Private)?;
        card.write(&dir.join("member.toml"))?;
        Ok(Self { dir: dir.to_owned(), card })
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

    /// Where the store is.
    pub fn store_path(&self) -> PathBuf {
        self.dir.join("store.redb")
    }

    /// The secret keys.
    ///
    /// # Errors
    /// They cannot be read, others can read them, or they are not the keys of the card.
    pub fn keys(&self) -> Result<MemberKeys, HomeError> {
        let path = self.dir.join("keys.toml");
        check_private(&path)?;
        let file: KeysFile = text::read(&path, |text| {
            text::check_format(text, text::Kind::Keys)?;
            text::parse(text)
        })?;
        let bad = |reason| HomeError::Malformed { path: path.clone(), reason };
        let key = |text: &str| text::unhex::<32>(text).map(Zeroizing::new);
        let keys = (|| {
            Some(MemberKeys {
                identity: IdentityKey::from_bytes(&*key(&file.identity)?),
                sealing: SealingKey::from_bytes(&*key(&file.sealing)?)?,
                transport: transport_keys(&mut *key(&file.transport)?)?,
                seed: Secret::new(*key(&file.seed)?),
            })
        })();
        let keys = keys.ok_or_else(|| bad("a key is malformed"))?;
        let ours = keys.identity.public() == self.card.identity
            && *keys.sealing.public() == self.card.sealing
            && self.card.transport.peer_id() == Some(keys.transport.public().to_peer_id());
        if ours { Ok(keys) } else { Err(bad("the keys are not those of member.toml")) }
    }

    /// The network that was joined, if any.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn network(&self) -> Result<Option<Network>, HomeError> {
        let path = self.dir.join("network.toml");
        if path.exists() { Ok(Some(Network::read(&path)?)) } else { Ok(None) }
    }

    /// Joins a network, or takes over new addresses of its members; with keys that a trusted
    /// dealer dealt, if any.
    ///
    /// # Errors
    /// We are no member of it, the keys are not ours, or another network was joined here.
    pub fn join(&self, network: &Network, dealt: Option<&DealtKeys>) -> Result<PartyId, HomeError> {
        let me = self.place_in(network)?;
        if let Some(before) = self.network()?
            && before.digest() != network.digest()
        {
            return Err(HomeError::OtherNetwork { network: before.name().to_owned() });
        }
        if let Some(dealt) = dealt {
            let name = || self.card.name.clone();
            let keys = dealt.open(network, me, &self.keys()?.sealing);
            let keys = keys.ok_or_else(|| HomeError::OtherKeys { name: name() })?;
            if let Some(before) = self.key_set(network, me)?
                && before.public() != keys.public()
            {
                return Err(HomeError::HasKeys { name: name() });
            }
            dealt.write(&self.dealt_path())?;
        }
        network.write(&self.dir.join("network.toml"))?;
        Ok(me)
    }

    /// Our place in the network that was joined, and our keys in it.
    ///
    /// # Errors
    /// No network was joined, it has no keys here yet, or its files are not those that were joined.
    pub fn joined(&self) -> Result<(Network, PartyId, KeySet), HomeError> {
        let not_joined = || HomeError::NotJoined { dir: self.dir.clone() };
        let network = self.network()?.ok_or_else(not_joined)?;
        let me = self.place_in(&network)?;
        let keys = self.key_set(&network, me)?;
        let keys = keys.ok_or_else(|| HomeError::NoKeys { name: self.card.name.clone() })?;
        Ok((network, me, keys))
    }

    /// Our keys in a network, if there are any yet.
    fn key_set(&self, network: &Network, me: PartyId) -> Result<Option<KeySet>, HomeError> {
        let path = self.dealt_path();
        if !path.exists() {
            return Ok(None);
        }
        check_private(&path)?;
        let keys = DealtKeys::read(&path)?.open(network, me, &self.keys()?.sealing);
        let reason = "the keys in it are not ours in this network";
        keys.map(Some).ok_or(HomeError::Malformed { path, reason })
    }

    fn dealt_path(&self) -> PathBuf {
        self.dir.join("dealt.toml")
    }

    fn place_in(&self, network: &Network) -> Result<PartyId, HomeError> {
        let ours = |member: &MemberCard| {
            member.identity == self.card.identity
                && member.sealing == self.card.sealing
                && member.transport == self.card.transport
        };
        let mut places = network.committee().parties().zip(network.members());
        let place = places.find(|(_, member)| ours(member)).map(|(party, _)| party);
        place.ok_or_else(|| HomeError::NotInRoster {
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
        let failed = |source| HomeError::File { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(failed)?;
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
    fn is_running(&self) -> bool {
        File::open(self.dir.join("lock"))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// What the local interface asks for.
    ///
    /// # Errors
    /// It cannot be read, or others can read it.
    pub fn api_token(&self) -> Result<Secret<String>, HomeError> {
        let path = self.dir.join("api.token");
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

fn transport_keys(secret: &mut [u8; 32]) -> Option<Keypair> {
    let secret = ed25519::SecretKey::try_from_bytes(secret).ok()?;
    Some(Keypair::from(ed25519::Keypair::from(secret)))
}

fn check_private(path: &Path) -> Result<(), HomeError> {
    let failed = |source| HomeError::File { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(HomeError::Exposed { path: path.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::{self, Settings};

    fn members(folder: &Path, n: u16) -> Vec<Home> {
        (0..n)
            .map(|i| {
                let addresses = roster::addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap();
                let dir = folder.join(format!("org{i}"));
                Home::create(&dir, &format!("Org {i}"), addresses).unwrap()
            })
            .collect()
    }

    fn network(members: &[Home]) -> Network {
        let cards = members.iter().map(|home| home.card().clone()).collect();
        Network::new("test", 1, cards, Settings::default()).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_member_is_made_once_and_its_secrets_are_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let home = members(folder.path(), 1).pop().unwrap();
        assert_eq!(mode(home.dir()), 0o700);
        for secret in ["keys.toml", "api.token"] {
            assert_eq!(mode(&home.dir().join(secret)), 0o600, "{secret}");
        }
        let again = Home::create(home.dir(), "Other", vec![]);
        assert!(matches!(again, Err(HomeError::Exists { .. })));

        let opened = Home::open(home.dir()).unwrap();
        assert_eq!(opened.card(), home.card());
        assert_eq!(opened.keys().unwrap().identity.public(), home.card().identity);
        assert_eq!(opened.api_token().unwrap().expose().len(), 64);
        let nobody = Home::open(folder.path());
        assert!(matches!(nobody, Err(HomeError::NotAMember { .. })));
    }

    #[test]
    fn keys_that_others_can_read_or_that_are_not_ours_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let homes = members(folder.path(), 2);
        let keys = homes[0].dir().join("keys.toml");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(homes[0].keys(), Err(HomeError::Exposed { .. })));
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(homes[0].keys().is_ok());
        fs::copy(homes[1].dir().join("keys.toml"), &keys).unwrap();
        assert!(matches!(homes[0].keys(), Err(HomeError::Malformed { .. })));
    }

    #[test]
    fn a_network_is_joined_by_its_members_with_their_dealt_keys_only() {
        let folder = tempfile::tempdir().unwrap();
        let homes = members(folder.path(), 5);
        let network = network(&homes[..4]);
        let home = &homes[1];
        assert!(matches!(home.joined(), Err(HomeError::NotJoined { .. })));
        home.join(&network, None).unwrap();
        assert!(matches!(home.joined(), Err(HomeError::NoKeys { .. })));
        let dealt = network.deal_keys_insecurely().unwrap();
        let wrong = home.join(&network, Some(&dealt[0]));
        assert!(matches!(wrong, Err(HomeError::OtherKeys { .. })), "another member's");
        let stranger = homes[4].join(&network, Some(&dealt[1]));
        assert!(matches!(stranger, Err(HomeError::NotInRoster { .. })));

        assert_eq!(home.join(&network, Some(&dealt[1])).unwrap(), PartyId::new(1));
        assert_eq!(mode(&home.dir().join("dealt.toml")), 0o600);
        let (joined, me, keys) = home.joined().unwrap();
        assert_eq!((joined.digest(), me), (network.digest(), PartyId::new(1)));
        assert_eq!(keys.public().digest(), dealt[0].key_set, "one deal");
        // Again is fine, without the keys too; another deal or another network is not.
        home.join(&network, None).unwrap();
        home.join(&network, Some(&dealt[1])).unwrap();
        let again = network.deal_keys_insecurely().unwrap();
        let joined = home.join(&network, Some(&again[1]));
        assert!(matches!(joined, Err(HomeError::HasKeys { .. })), "{joined:?}");
        let cards = homes.iter().map(|home| home.card().clone()).collect();
        let other = Network::new("test", 1, cards, Settings::default()).unwrap();
        let dealt = other.deal_keys_insecurely().unwrap();
        let joined = home.join(&other, Some(&dealt[1]));
        assert!(matches!(joined, Err(HomeError::OtherNetwork { .. })), "{joined:?}");
    }

    #[test]
    fn one_node_at_a_time_runs_on_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        let home = members(folder.path(), 1).pop().unwrap();
        let lock = home.lock().unwrap();
        let error = home.lock().expect_err("held");
        assert!(matches!(error, HomeError::InUse { .. }));
        assert!(error.hint().is_some());

        let address = "127.0.0.1:9".parse().unwrap();
        let published = home.publish_api(address).unwrap();
        assert_eq!(home.api_address().unwrap(), Some(address));
        drop(lock);
        assert_eq!(home.api_address().unwrap(), None, "what a killed node left does not count");
        drop(published);
        let _lock = home.lock().unwrap();
        assert_eq!(home.api_address().unwrap(), None);
    }
}
