//! What the passphrase opens: a member's secret keys, and the key of all else that is sealed.

use std::fmt;

use libp2p::identity::{Keypair, ed25519};
use quorate_protocol::PartyId;
use quorate_protocol::crypto::identity::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::keys::KeySet;
use quorate_protocol::secret::Secret;
use zeroize::Zeroizing;

use super::sealed::{DataKey, ValueKey};
use super::{Home, HomeError, Origin};
use crate::roster::{DealtKeys, MemberCard, Network, TransportPublic};

/// Bytes of one key.
const KEY: usize = 32;

/// A member's secret keys. Do not print.
pub struct MemberKeys {
    /// Signs what the member says.
    pub identity: IdentityKey,
    /// Opens what is sealed to the member.
    pub sealing: SealingKey,
    /// Authenticates connections.
    pub transport: Keypair,
    /// What all secret choices of the member's party derive from.
    pub seed: Secret<[u8; KEY]>,
}

impl fmt::Debug for MemberKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[member keys]")
    }
}

impl MemberKeys {
    pub(super) fn generate() -> Self {
        let mut rng = rand::rng();
        Self {
            identity: IdentityKey::generate(&mut rng),
            sealing: SealingKey::generate(&mut rng),
            transport: Keypair::generate_ed25519(),
            seed: Secret::new(rand::random()),
        }
    }

    /// The public part of the transport key.
    pub(super) fn transport_public(&self) -> Option<TransportPublic> {
        let key = self.transport.public().try_into_ed25519().ok()?;
        TransportPublic::from_bytes(&key.to_bytes())
    }

    /// Whether these are the keys of a card.
    pub(super) fn are_of(&self, card: &MemberCard) -> bool {
        self.identity.public() == card.identity
            && *self.sealing.public() == card.sealing
            && self.transport_public() == Some(card.transport)
    }

    /// Identity, sealing and transport key, one after the other; not the seed.
    pub(super) fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let transport = self.transport.clone().try_into_ed25519().ok()?.secret();
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 * KEY));
        bytes.extend(self.identity.to_bytes().expose());
        bytes.extend(self.sealing.to_bytes().expose());
        bytes.extend(transport.as_ref());
        Some(bytes)
    }

    pub(super) fn from_bytes(bytes: &[u8], seed: Secret<[u8; KEY]>) -> Option<Self> {
        let (identity, bytes) = bytes.split_first_chunk::<KEY>()?;
        let (sealing, bytes) = bytes.split_first_chunk::<KEY>()?;
        let mut transport = Zeroizing::new(<[u8; KEY]>::try_from(bytes).ok()?);
        let transport = ed25519::SecretKey::try_from_bytes(&mut *transport).ok()?;
        Some(Self {
            identity: IdentityKey::from_bytes(identity),
            sealing: SealingKey::from_bytes(sealing)?,
            transport: Keypair::from(ed25519::Keypair::from(transport)),
            seed,
        })
    }

    /// What stands in the sealed keys: these, the seed and the data key.
    pub(super) fn with_data_key(&self, data: &DataKey) -> Option<Zeroizing<Vec<u8>>> {
        let mut bytes = self.to_bytes()?;
        bytes.extend(self.seed.expose());
        bytes.extend(data.expose());
        Some(bytes)
    }

    pub(super) fn and_data_key(bytes: &[u8]) -> Option<(Self, DataKey)> {
        let (keys, bytes) = bytes.split_at_checked(3 * KEY)?;
        let (seed, bytes) = bytes.split_first_chunk::<KEY>()?;
        let data = DataKey::new(Secret::new(bytes.try_into().ok()?));
        Some((Self::from_bytes(keys, Secret::new(*seed))?, data))
    }
}

/// A member's data directory with what is sealed in it at hand.
pub struct Unlocked {
    /// The member's own keys.
    pub keys: MemberKeys,
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
            let keys = dealt.open(network, me, &self.keys.sealing);
            keys.ok_or_else(|| HomeError::OtherKeys { name: name() })
        });
        let keys = keys.transpose()?;
        self.home.join(network)?;
        if let Some(keys) = keys {
            match self.key_set()? {
                Some(before) if before.public() == keys.public() => {}
                Some(_) => return Err(HomeError::HasKeys { name: name() }),
                None => self.save_key_set(&keys, Origin::Dealer)?,
            }
        }
        Ok(me)
    }

    /// Our place in the network that was joined, and our keys in it.
    ///
    /// # Errors
    /// No network was joined, it has no keys here yet, or its files are not those that were joined.
    pub fn joined(&self) -> Result<(Network, PartyId, KeySet), HomeError> {
        let network = self.home.joined_network()?;
        let me = self.home.place_in(&network)?;
        let keys = self.key_set()?;
        let keys = keys.ok_or_else(|| HomeError::NoKeys { name: self.home.card().name.clone() })?;
        Ok((network, me, keys))
    }
}
