//! What the passphrase opens: a member's lasting keys, and the key of all else that is sealed.

use std::fmt;

use libp2p::identity::{Keypair, ed25519};
use quorate_protocol::PartyId;
use quorate_protocol::crypto::identity::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::secret::Secret;
use zeroize::Zeroizing;

use super::key_sets::sealed_name;
use super::sealed::{DataKey, ValueKey};
use super::{Home, HomeError, KeyPart, Origin};
use crate::files;
use crate::roster::{DealtKeys, MemberCard, Network, TransportPublic};

/// Bytes of one key.
const KEY: usize = 32;

/// The file of what a member has of its own in the first epoch.
pub(super) const FIRST: &str = "first.sealed";
/// What is sealed in it is called this.
pub(super) const FIRST_PURPOSE: &str = "first epoch";

/// A member's secret keys of all epochs. Do not print.
#[derive(Clone)]
pub struct MemberKeys {
    /// Signs what the member says.
    pub identity: IdentityKey,
    /// Authenticates connections.
    pub transport: Keypair,
}

impl fmt::Debug for MemberKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[member keys]")
    }
}

/// What a member draws by itself for the first epoch. Later ones bring theirs along. Do not print.
#[derive(Clone)]
pub struct FirstKeys {
    /// Opens what is sealed to the member.
    pub sealing: SealingKey,
    /// What all secret choices of the member's party derive from.
    pub seed: Secret<[u8; KEY]>,
}

impl fmt::Debug for FirstKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[keys of the first epoch]")
    }
}

impl FirstKeys {
    pub(super) fn generate() -> Self {
        Self::with_new_seed(SealingKey::generate(&mut rand::rng()))
    }

    /// For a member that is restored.
    pub(super) fn with_new_seed(sealing: SealingKey) -> Self {
        Self { sealing, seed: Secret::new(rand::random()) }
    }
}

impl MemberKeys {
    pub(super) fn generate() -> Self {
        let identity = IdentityKey::generate(&mut rand::rng());
        Self { identity, transport: Keypair::generate_ed25519() }
    }

    /// The public part of the transport key.
    pub(super) fn transport_public(&self) -> Option<TransportPublic> {
        let key = self.transport.public().try_into_ed25519().ok()?;
        TransportPublic::from_bytes(&key.to_bytes())
    }

    /// Whether these are the keys of a card.
    pub(super) fn are_of(&self, card: &MemberCard) -> bool {
        self.identity.public() == card.identity && self.transport_public() == Some(card.transport)
    }

    /// Identity and transport key, one after the other.
    pub(super) fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let transport = self.transport.clone().try_into_ed25519().ok()?.secret();
        let mut bytes = Zeroizing::new(Vec::with_capacity(3 * KEY));
        bytes.extend(self.identity.to_bytes().expose());
        bytes.extend(transport.as_ref());
        Some(bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (identity, bytes) = bytes.split_first_chunk::<KEY>()?;
        let mut transport = Zeroizing::new(<[u8; KEY]>::try_from(bytes).ok()?);
        let transport = ed25519::SecretKey::try_from_bytes(&mut *transport).ok()?;
        Some(Self {
            identity: IdentityKey::from_bytes(identity),
            transport: Keypair::from(ed25519::Keypair::from(transport)),
        })
    }

    /// What stands in the sealed keys: these and the data key.
    pub(super) fn with_data_key(&self, data: &DataKey) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = self.to_bytes()?;
        bytes.extend(data.expose());
        Some(bytes)
    }

    pub(super) fn and_data_key(bytes: &[u8]) -> Option<(Self, DataKey)> {
        let (keys, data) = bytes.split_at_checked(2 * KEY)?;
        let data = DataKey::new(Secret::new(data.try_into().ok()?));
        Some((Self::from_bytes(keys)?, data))
    }
}

/// A member's data directory with what is sealed in it at hand.
#[derive(Clone)]
pub struct Unlocked {
    /// The member's own keys.
    pub keys: MemberKeys,
    /// Those of the first epoch, as long as it is not erased.
    pub first: Option<FirstKeys>,
    pub(super) home: Home,
    pub(super) data: DataKey,
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unlocked({})", self.home.dir().display())
    }
}

impl Unlocked {
    /// The directory.
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// What the member has of its own in the first epoch.
    ///
    /// # Errors
    /// There is nothing, for the epoch is erased.
    pub fn first(&self) -> Result<&FirstKeys, HomeError> {
        let gone = || HomeError::malformed(&self.home.dir().join(FIRST), "there is no such file");
        self.first.as_ref().ok_or_else(gone)
    }

    /// The key that seals the values of a store; each store has its own.
    pub fn store_key(&self, store: &str) -> ValueKey {
        self.data.for_purpose(&format!("store {store}"))
    }

    /// Joins a network, or takes over new addresses of its members; with keys that a trusted
    /// dealer dealt, if any.
    ///
    /// # Errors
    /// We are no member of it, the keys are not ours, or another network was joined here.
    pub fn join(&self, network: &Network, dealt: Option<&DealtKeys>) -> Result<PartyId, HomeError> {
        let name = || self.home.card().name.clone();
        let me = self.home.place_in(network)?;
        let keys = dealt.map(|dealt| {
            let first = self.first.as_ref().ok_or_else(|| HomeError::HasKeys { name: name() })?;
            let keys = dealt.open(network, me, &first.sealing);
            keys.ok_or_else(|| HomeError::OtherKeys { name: name() })
        });
        let keys = keys.transpose()?;
        self.home.join(network)?;
        if let Some(keys) = keys {
            match self.key_part()? {
                Some(before) if before.keys().public() == keys.public() => {}
                Some(_) => return Err(HomeError::HasKeys { name: name() }),
                None => self.save_key_part(&KeyPart::First(keys), Origin::Dealer)?,
            }
        }
        Ok(me)
    }

    /// Our place in the network that was joined, and our newest keys in it.
    ///
    /// # Errors
    /// No network was joined, it has no keys here yet, or its files are not those that were joined.
    pub fn joined(&self) -> Result<(Network, PartyId, KeyPart), HomeError> {
        let network = self.home.joined_network()?;
        let me = self.home.place_in(&network)?;
        let keys = self.key_part()?;
        let keys = keys.ok_or_else(|| HomeError::NoKeys { name: self.home.card().name.clone() })?;
        Ok((network, me, keys))
    }

    /// Keeps what the member has of its own in the first epoch.
    pub(super) fn save_first(&self) -> Result<(), HomeError> {
        let Some(FirstKeys { sealing, seed }) = &self.first else { return Ok(()) };
        let sealing = sealing.to_bytes();
        let content = Zeroizing::new([sealing.expose().as_slice(), seed.expose()].concat());
        self.write_sealed(FIRST, FIRST_PURPOSE, &content)
    }

    /// Reads that; there is none once the epoch is erased.
    pub(super) fn load_first(&mut self) -> Result<(), HomeError> {
        let Some(content) = self.read_sealed(FIRST, FIRST_PURPOSE)? else { return Ok(()) };
        let first = || {
            let (sealing, seed) = content.expose().split_first_chunk::<KEY>()?;
            let sealing = SealingKey::from_bytes(sealing)?;
            let ours = *sealing.public() == self.home.card().sealing;
            let seed = Secret::new(seed.try_into().ok()?);
            ours.then_some(FirstKeys { sealing, seed })
        };
        let path = self.home.dir().join(FIRST);
        let bad = || HomeError::malformed(&path, "the keys are not those of member.toml");
        self.first = Some(first().ok_or_else(bad)?);
        Ok(())
    }

    /// Removes the member's part of the keys of an epoch: nothing in the network needs it any more.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn erase(&self, epoch: u64) -> Result<(), HomeError> {
        let first = self.home.network()?.is_some_and(|network| network.epoch() == epoch);
        let path = |name: &str| self.home.dir().join(name);
        for path in [path(&sealed_name(epoch))].into_iter().chain(first.then(|| path(FIRST))) {
            files::remove(&path).map_err(HomeError::file(&path))?;
        }
        Ok(())
    }
}
