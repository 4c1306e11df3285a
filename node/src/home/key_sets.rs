//! The network's keys, as this member holds them: one sealed file for each epoch, and beside them
//! a file of what everybody may know of the newest. An epoch that was reached by a refresh has all
//! that is needed to begin in it: the sealing keys, too, and where its ledger begins.

use std::io;
use std::path::Path;

use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::ledger::LedgerStart;
use quorate_protocol::keys::KeySet;
use quorate_protocol::keys::refresh::Refreshed;
use quorate_protocol::secret::Secret;
use quorate_protocol::wire;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::{Home, HomeError, Unlocked, check_private};
use crate::files::{self, Access};
use crate::roster::Network;
use crate::roster::text::{self, FORMAT};

/// Bytes of a sealed file: a key set of 128 members takes about 13 KiB.
const MAX_SEALED: usize = 1 << 20;
/// The file of public keys.
const PUBLIC: &str = "group-keys.toml";

/// How a key set came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The members made it together: nobody ever had a key of it whole.
    Members,
    /// A dealer made it, who could have kept everything.
    Dealer,
}

impl Origin {
    /// In words, after "made by".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Members => "all members together, without a dealer",
            Self::Dealer => "a trusted dealer, who could have kept them",
        }
    }
}

/// What a member has of the network's keys in an epoch.
pub enum KeyPart {
    /// In the first one. Its sealing key is its own matter.
    First(KeySet),
    /// In one that was reached by a refresh.
    Later(Box<Refreshed>, LedgerStart),
}

/// How it stands in a file.
#[derive(Serialize, Deserialize)]
enum Stored {
    First(Vec<u8>),
    Later(Vec<u8>, LedgerStart),
}

impl Drop for Stored {
    fn drop(&mut self) {
        let (Self::First(bytes) | Self::Later(bytes, _)) = self;
        bytes.zeroize();
    }
}

impl KeyPart {
    /// The shares, and the public keys.
    pub const fn keys(&self) -> &KeySet {
        match self {
            Self::First(keys) => keys,
            Self::Later(refreshed, _) => &refreshed.keys,
        }
    }

    /// The encoding, to be stored sealed.
    pub(super) fn to_bytes(&self) -> Secret<Vec<u8>> {
        let stored = match self {
            Self::First(keys) => Stored::First(keys.to_bytes().expose().clone()),
            Self::Later(refreshed, start) => {
                Stored::Later(refreshed.to_bytes().expose().clone(), *start)
            }
        };
        Secret::new(wire::encode(&stored))
    }

    /// Reads an encoding; `None` if it is none.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match &wire::decode(bytes, MAX_SEALED).ok()? {
            Stored::First(keys) => KeySet::from_bytes(keys).ok().map(Self::First),
            Stored::Later(keys, start) => {
                Some(Self::Later(Box::new(Refreshed::from_bytes(keys)?), *start))
            }
        }
    }
}

/// Nothing secret.
impl std::fmt::Debug for KeyPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyPart(epoch {})", self.keys().epoch())
    }
}

/// What everybody may know of a network's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupKeys {
    /// The epoch they serve in.
    pub epoch: u64,
    /// How they came about.
    pub origin: Origin,
    /// The Ed25519 key that certificates are verified with.
    pub certificate: [u8; 32],
    /// The Ed25519 key that signatures on documents are verified with.
    pub document: [u8; 32],
    /// The name of the whole key set: the same at all members.
    pub digest: Digest,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupFile {
    format: u32,
    epoch: u64,
    made_by: Origin,
    certificate_key: String,
    document_key: String,
    digest: String,
}

impl GroupKeys {
    /// Of a key set.
    pub fn of(keys: &KeySet, origin: Origin) -> Self {
        let public = keys.public();
        Self {
            epoch: keys.epoch(),
            origin,
            certificate: public.certificate.to_bytes(),
            document: public.document.to_bytes(),
            digest: public.digest(),
        }
    }

    pub(super) fn to_toml(&self) -> String {
        let file = GroupFile {
            format: FORMAT,
            epoch: self.epoch,
            made_by: self.origin,
            certificate_key: text::hex(&self.certificate),
            document_key: text::hex(&self.document),
            digest: self.digest.to_string(),
        };
        format!("# Public: what certificates are verified with.\n{}", text::render(&file))
    }

    fn parse(text: &str) -> Option<Self> {
        let file: GroupFile = text::parse(text).ok()?;
        (file.format == FORMAT).then_some(())?;
        Some(Self {
            epoch: file.epoch,
            origin: file.made_by,
            certificate: text::unhex(&file.certificate_key)?,
            document: text::unhex(&file.document_key)?,
            digest: Digest::from(text::unhex::<32>(&file.digest)?),
        })
    }
}

impl Home {
    /// What everybody may know of the network's newest keys; `None` as long as there are none.
    /// Needs no passphrase. A node compares it with the sealed keys when it starts.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn group_keys(&self) -> Result<Option<GroupKeys>, HomeError> {
        let path = self.dir().join(PUBLIC);
        if !path.exists() {
            return Ok(None);
        }
        let keys = text::read(&path, |text| Ok(GroupKeys::parse(text)))?;
        keys.map(Some).ok_or_else(|| HomeError::malformed(&path, "it is not a file of group keys"))
    }

    /// The newest epoch of which there is a key set.
    fn newest_epoch(&self) -> Result<Option<u64>, HomeError> {
        let failed = HomeError::file(self.dir());
        let mut newest = None;
        for entry in std::fs::read_dir(self.dir()).map_err(&failed)? {
            let name = entry.map_err(&failed)?.file_name();
            let epoch = name.to_str().and_then(|name| {
                name.strip_prefix("keys-")?.strip_suffix(".sealed")?.parse::<u64>().ok()
            });
            newest = newest.max(epoch);
        }
        Ok(newest)
    }
}

impl Unlocked {
    /// Keeps our part of the keys of an epoch, sealed; the newest is what the node works with.
    ///
    /// # Errors
    /// No network was joined, or a file cannot be written.
    pub fn save_key_part(&self, part: &KeyPart, origin: Origin) -> Result<(), HomeError> {
        let network = self.home.joined_network()?;
        let keys = part.keys();
        let name = sealed_name(keys.epoch());
        self.write_sealed(&name, &purpose(&network), part.to_bytes().expose())?;
        let path = self.home.dir().join(PUBLIC);
        files::write(&path, GroupKeys::of(keys, origin).to_toml().as_bytes(), Access::Public)
            .map_err(HomeError::file(&path))
    }

    /// Our newest part of the keys of the network that was joined; `None` as long as there is none.
    ///
    /// # Errors
    /// It cannot be read, is not what was written, or is not ours in this network or of the keys in
    /// the public file; or that file is here without it.
    pub fn key_part(&self) -> Result<Option<KeyPart>, HomeError> {
        let (public, newest) = (self.home.group_keys()?, self.home.newest_epoch()?);
        if let Some(GroupKeys { epoch, .. }) = public
            && newest.is_none_or(|newest| newest < epoch)
        {
            return Err(HomeError::KeysGone { path: self.home.dir().join(sealed_name(epoch)) });
        }
        let Some(epoch) = newest else { return Ok(None) };
        let network = self.home.joined_network()?;
        let Some(part) = self.key_part_of(&network, epoch)? else { return Ok(None) };
        // The public file may be an epoch behind: it is written after the sealed one.
        let of_it = |public: &GroupKeys| {
            let ours = GroupKeys::of(part.keys(), public.origin);
            let lasting = (ours.certificate, ours.document);
            let older = public.epoch < epoch && lasting == (public.certificate, public.document);
            older || ours == *public
        };
        if public.as_ref().is_some_and(|public| !of_it(public)) {
            let path = self.home.dir().join(PUBLIC);
            return Err(HomeError::malformed(&path, "these are not the public keys of our shares"));
        }
        Ok(Some(part))
    }

    /// Our shares of the keys of the first epoch; `None` once it is erased.
    ///
    /// # Errors
    /// They cannot be read, are not what was written, or are not ours in this network.
    pub fn first_key_set(&self, network: &Network) -> Result<Option<KeySet>, HomeError> {
        Ok(match self.key_part_of(network, network.epoch())? {
            Some(KeyPart::First(keys)) => Some(keys),
            _ => None,
        })
    }

    fn key_part_of(&self, network: &Network, epoch: u64) -> Result<Option<KeyPart>, HomeError> {
        let name = sealed_name(epoch);
        let Some(bytes) = self.read_sealed(&name, &purpose(network))? else { return Ok(None) };
        let (path, me) = (self.home.dir().join(&name), self.home.place_in(network)?);
        let ours = |part: &KeyPart| {
            let keys = part.keys();
            let first = matches!(part, KeyPart::First(_)) == (epoch == network.epoch());
            let place = keys.me() == me && keys.committee() == network.committee();
            first && place && keys.epoch() == epoch
        };
        let part = KeyPart::from_bytes(bytes.expose()).filter(ours);
        let part = part.ok_or_else(|| HomeError::malformed(&path, "it holds no keys of ours"))?;
        Ok(Some(part))
    }

    /// Writes a file that the data key opens.
    pub(super) fn write_sealed(
        &self,
        name: &str,
        purpose: &str,
        content: &[u8],
    ) -> Result<(), HomeError> {
        let path = self.home.dir().join(name);
        let sealed = self.data.for_purpose(purpose).seal(name.as_bytes(), content);
        files::write(&path, &sealed, Access::Private).map_err(HomeError::file(&path))
    }

    /// Reads a file that the data key opens; `None` if there is none.
    pub(super) fn read_sealed(
        &self,
        name: &str,
        purpose: &str,
    ) -> Result<Option<Secret<Vec<u8>>>, HomeError> {
        let path = self.home.dir().join(name);
        let Some(sealed) = read_private(&path)? else { return Ok(None) };
        let opened = self.data.for_purpose(purpose).open(name.as_bytes(), &sealed);
        let damaged =
            || HomeError::malformed(&path, "it is damaged, or of another member or network");
        opened.map(Some).ok_or_else(damaged)
    }
}

/// A file that nobody else can read; `None` if there is none.
pub(super) fn read_private(path: &Path) -> Result<Option<Vec<u8>>, HomeError> {
    match files::read(path, MAX_SEALED) {
        Ok(bytes) => check_private(path).map(|()| Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(HomeError::file(path)(error)),
    }
}

pub(super) fn sealed_name(epoch: u64) -> String {
    format!("keys-{epoch}.sealed")
}

/// The name of the file, in which the epoch is, is bound besides.
fn purpose(network: &Network) -> String {
    format!("key set of {}", network.digest())
}
