//! The network's keys, as this member holds them: one sealed file for each epoch, and beside them
//! a file of what everybody may know of the newest.

use std::io;
use std::path::Path;

use quorate_protocol::crypto::Digest;
use quorate_protocol::keys::KeySet;
use quorate_protocol::secret::Secret;
use serde::{Deserialize, Serialize};

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
    /// Keeps the keys of an epoch of the network that was joined, sealed; the newest are those that
    /// the node works with.
    ///
    /// # Errors
    /// No network was joined, or a file cannot be written.
    pub fn save_key_set(&self, keys: &KeySet, origin: Origin) -> Result<(), HomeError> {
        let network = self.home.joined_network()?;
        let name = sealed_name(keys.epoch());
        self.write_sealed(&name, &purpose(&network), keys.to_bytes().expose())?;
        let path = self.home.dir().join(PUBLIC);
        files::write(&path, GroupKeys::of(keys, origin).to_toml().as_bytes(), Access::Public)
            .map_err(HomeError::file(&path))
    }

    /// Our newest keys in the network that was joined; `None` as long as there are none.
    ///
    /// # Errors
    /// They cannot be read, are not what was written, or are not ours in this network or those of
    /// the public file.
    pub fn key_set(&self) -> Result<Option<KeySet>, HomeError> {
        let Some(epoch) = self.home.newest_epoch()? else { return Ok(None) };
        let name = sealed_name(epoch);
        let network = self.home.joined_network()?;
        let Some(bytes) = self.read_sealed(&name, &purpose(&network))? else { return Ok(None) };
        let (path, me) = (self.home.dir().join(&name), self.home.place_in(&network)?);
        let ours = |keys: &KeySet| {
            keys.epoch() == epoch && keys.me() == me && keys.committee() == network.committee()
        };
        let keys = KeySet::from_bytes(bytes.expose()).ok().filter(ours);
        let keys = keys.ok_or_else(|| HomeError::malformed(&path, "it holds no keys of ours"))?;
        let public = self.home.group_keys()?;
        if public.is_some_and(|public| GroupKeys::of(&keys, public.origin) != public) {
            let path = self.home.dir().join(PUBLIC);
            return Err(HomeError::malformed(&path, "these are not the public keys of our shares"));
        }
        Ok(Some(keys))
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

fn sealed_name(epoch: u64) -> String {
    format!("keys-{epoch}.sealed")
}

/// The name of the file, in which the epoch is, is bound besides.
fn purpose(network: &Network) -> String {
    format!("key set of {}", network.digest())
}
