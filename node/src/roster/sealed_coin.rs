//! A member's part of the coin key on its way from the dealer: sealed to the member.

use std::path::Path;

use quorate_protocol::crypto::Transcript;
use quorate_protocol::crypto::seal::{SealHeader, Sealer, SealingKey};
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::tag::Tag;
use quorate_protocol::{PartyId, wire};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::coin::CoinKey;
use super::error::RosterError;
use super::text::{self, Access, FORMAT};
use super::{MemberCard, Network};

/// Bytes of a sealed key: the key and what sealing adds.
const MAX_CIPHERTEXT: usize = 256;

/// One member's secret part of the coin key, which only that member can open: it may travel.
#[derive(Clone, Debug)]
pub struct SealedCoinKey {
    /// Digest of the network it was dealt for.
    pub network: Digest,
    /// Name of the member it was dealt to.
    pub member: String,
    header: SealHeader,
    ciphertext: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    format: u32,
    network: String,
    member: String,
    header: String,
    ciphertext: String,
}

impl SealedCoinKey {
    /// Seals a key to the member it was dealt to.
    pub(super) fn seal(network: &Network, to: PartyId, card: &MemberCard, key: &CoinKey) -> Self {
        let tag = tag(network);
        let sealer = Sealer::new(&tag, &mut rand::rng());
        let secret = key.secret().to_bytes();
        let ciphertext = sealer.seal(to, &card.sealing, secret.expose());
        let header = sealer.header(&context(&tag, to, &ciphertext));
        Self { network: key.network, member: key.member.clone(), header, ciphertext }
    }

    /// The key, if it was sealed to the owner of `key`, the member `me` of this network.
    pub fn open(&self, network: &Network, me: PartyId, key: &SealingKey) -> Option<CoinKey> {
        let tag = tag(network);
        let header = self.header.verify(&tag, &context(&tag, me, &self.ciphertext))?;
        let secret = key.open(&header, me, &self.ciphertext)?;
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(secret.expose().as_slice()).ok()?);
        CoinKey::new(self.network, self.member.clone(), &bytes)
    }

    /// Reads the file of a sealed key.
    ///
    /// # Errors
    /// It cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, |text| {
            text::check_format(text, text::Kind::SealedCoinKey)?;
            let file: SealedFile = text::parse(text)?;
            let bad = |which| RosterError::BadKey { owner: file.member.clone(), which };
            let bytes =
                |text: &str| data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
            let header = bytes(&file.header).and_then(|b| wire::decode(&b, MAX_CIPHERTEXT).ok());
            let ciphertext = bytes(&file.ciphertext).filter(|b| b.len() <= MAX_CIPHERTEXT);
            let network = text::unhex(&file.network).ok_or_else(|| bad("network digest"))?;
            Ok(Self {
                network: Digest::from(network),
                header: header.ok_or_else(|| bad("header"))?,
                ciphertext: ciphertext.ok_or_else(|| bad("sealed coin key"))?,
                member: file.member,
            })
        })
    }

    /// Writes the file of a sealed key.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        let file = SealedFile {
            format: FORMAT,
            network: self.network.to_string(),
            member: self.member.clone(),
            header: text::hex(&wire::encode(&self.header)),
            ciphertext: text::hex(&self.ciphertext),
        };
        text::write(path, &text::render(&file), Access::Private)
    }
}

fn tag(network: &Network) -> Tag {
    Tag::root(network.digest().as_bytes(), network.epoch()).child("dealt coin key")
}

fn context(tag: &Tag, to: PartyId, ciphertext: &[u8]) -> Digest {
    Transcript::new(tag, "context").u64(to.point()).bytes(ciphertext).digest()
}
