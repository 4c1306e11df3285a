//! A member's keys on their way from a trusted dealer: sealed to the member.
//!
//! For experiments only. Whoever deals could keep all shares, and with them predict every coin and
//! sign anything in the network's name. Members make their keys together in the ceremony instead.

use std::path::Path;

use quorate_protocol::crypto::Transcript;
use quorate_protocol::crypto::seal::{SealHeader, Sealer, SealingKey};
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::keys::{KeySet, TrustedKeyDealer};
use quorate_protocol::tag::Tag;
use quorate_protocol::{Error, PartyId, wire};
use serde::{Deserialize, Serialize};

use super::error::RosterError;
use super::text::{self, Access, FORMAT};
use super::{MemberCard, Network};

/// Bytes of a sealed key set: the public shares of three keys of 128 members take 12 KiB.
const MAX_CIPHERTEXT: usize = 64 << 10;
/// Bytes of the header of a sealing.
const MAX_HEADER: usize = 256;

/// One member's dealt keys, which only that member can open: the file may travel.
#[derive(Clone, Debug)]
pub struct DealtKeys {
    /// Digest of the network they were dealt for.
    pub network: Digest,
    /// Name of the member they were dealt to.
    pub member: String,
    /// Digest of the key set: the same for all members of one deal.
    pub key_set: Digest,
    header: SealHeader,
    ciphertext: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DealtFile {
    format: u32,
    network: String,
    member: String,
    key_set: String,
    header: String,
    ciphertext: String,
}

impl Network {
    /// Deals all keys of the network, as the *trusted* dealer: whoever runs this could keep them.
    /// Returns the members' keys in order, each sealed to its member.
    ///
    /// # Errors
    /// With negligible probability a key is zero.
    pub fn deal_keys_insecurely(&self) -> Result<Vec<DealtKeys>, Error> {
        let keys = TrustedKeyDealer::deal(self.committee, self.epoch, &mut rand::rng())?;
        let members = self.committee.parties().zip(&self.members);
        let seal = |((party, card), keys)| DealtKeys::seal(self, party, card, keys);
        Ok(members.zip(&keys).map(seal).collect())
    }
}

impl DealtKeys {
    fn seal(network: &Network, to: PartyId, card: &MemberCard, keys: &KeySet) -> Self {
        let tag = tag(network);
        let sealer = Sealer::new(&tag, &mut rand::rng());
        let ciphertext = sealer.seal(to, &card.sealing, keys.to_bytes().expose());
        let header = sealer.header(&context(&tag, to, &ciphertext));
        let key_set = keys.public().digest();
        Self { network: network.digest(), member: card.name.clone(), key_set, header, ciphertext }
    }

    /// The keys, if they were dealt to the owner of `key`, the member `me` of this network.
    pub fn open(&self, network: &Network, me: PartyId, key: &SealingKey) -> Option<KeySet> {
        let tag = tag(network);
        let header = self.header.verify(&tag, &context(&tag, me, &self.ciphertext))?;
        let secret = key.open(&header, me, &self.ciphertext)?;
        let keys = KeySet::from_bytes(secret.expose()).ok()?;
        let fits = self.network == network.digest()
            && keys.public().digest() == self.key_set
            && keys.me() == me
            && keys.epoch() == network.epoch()
            && keys.committee() == network.committee();
        fits.then_some(keys)
    }

    /// Reads the file of dealt keys.
    ///
    /// # Errors
    /// It cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, |text| {
            text::check_format(text, text::Kind::DealtKeys)?;
            let file: DealtFile = text::parse(text)?;
            let bad = |which| RosterError::BadKey { owner: file.member.clone(), which };
            let bytes =
                |text: &str| data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
            let header = bytes(&file.header).and_then(|b| wire::decode(&b, MAX_HEADER).ok());
            let ciphertext = bytes(&file.ciphertext).filter(|b| b.len() <= MAX_CIPHERTEXT);
            let network = text::unhex(&file.network).ok_or_else(|| bad("network digest"))?;
            let key_set = text::unhex(&file.key_set).ok_or_else(|| bad("key set digest"))?;
            Ok(Self {
                network: Digest::from(network),
                key_set: Digest::from(key_set),
                header: header.ok_or_else(|| bad("header"))?,
                ciphertext: ciphertext.ok_or_else(|| bad("sealed key set"))?,
                member: file.member,
            })
        })
    }

    /// Writes the file of dealt keys.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        let file = DealtFile {
            format: FORMAT,
            network: self.network.to_string(),
            member: self.member.clone(),
            key_set: self.key_set.to_string(),
            header: text::hex(&wire::encode(&self.header)),
            ciphertext: text::hex(&self.ciphertext),
        };
        text::write(path, &text::render(&file), Access::Private)
    }
}

fn tag(network: &Network) -> Tag {
    Tag::root(network.digest().as_bytes(), network.epoch()).child("dealt keys")
}

fn context(tag: &Tag, to: PartyId, ciphertext: &[u8]) -> Digest {
    Transcript::new(tag, "context").u64(to.point()).bytes(ciphertext).digest()
}
