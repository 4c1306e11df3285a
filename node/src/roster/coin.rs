//! The keys of the common coin, as a trusted dealer hands them out for now.

use std::path::Path;

use quorate_protocol::agreement::coin::{CoinPublic, CoinSecret, TrustedCoinDealer};
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::{Committee, wire};
use serde::{Deserialize, Serialize};

use super::Network;
use super::error::RosterError;
use super::sealed_coin::SealedCoinKey;
use super::text::{self, Access, FORMAT};

/// Says in every network file where its coin keys came from.
const DEALER: &str = "trusted: whoever dealt these keys can predict every coin";

/// The coin's public keys as they stand in the network file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CoinText {
    dealer: String,
    public: Vec<String>,
}

/// One member's secret part of the coin key, as the member keeps it. Does not print.
#[derive(Clone, Debug)]
pub struct CoinKey {
    /// Digest of the network it was dealt for.
    pub network: Digest,
    /// Name of the member it was dealt to.
    pub member: String,
    secret: CoinSecret,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoinFile {
    format: u32,
    network: String,
    member: String,
    secret: String,
}

impl Network {
    /// Deals the keys of the common coin, as the *trusted* dealer: whoever runs this could keep
    /// them, and with them predict every coin and hold up decisions (not change them). A stand-in
    /// until members make these keys together.
    ///
    /// Returns the network with the public keys, and the members' secrets in order, each sealed to
    /// its member.
    pub fn deal_coin_insecurely(&self) -> (Self, Vec<SealedCoinKey>) {
        let (dealt, keys) = self.deal_coin();
        let members = dealt.committee.parties().zip(&dealt.members);
        let seal = |((party, card), key)| SealedCoinKey::seal(&dealt, party, card, key);
        let sealed = members.zip(&keys).map(seal).collect();
        (dealt, sealed)
    }

    pub(super) fn deal_coin(&self) -> (Self, Vec<CoinKey>) {
        let (public, secrets) = TrustedCoinDealer::deal(self.committee, &mut rand::rng());
        let dealt = Self { coin: Some(public), ..self.clone() };
        let network = dealt.digest();
        let key = |(member, secret): (&super::MemberCard, CoinSecret)| CoinKey {
            network,
            member: member.name.clone(),
            secret,
        };
        let keys = dealt.members.iter().zip(secrets).map(key).collect();
        (dealt, keys)
    }
}

impl CoinKey {
    pub(super) fn new(network: Digest, member: String, secret: &[u8; 32]) -> Option<Self> {
        Some(Self { network, member, secret: CoinSecret::from_bytes(secret)? })
    }

    /// The key itself.
    pub const fn secret(&self) -> &CoinSecret {
        &self.secret
    }

    /// Reads a coin key file.
    ///
    /// # Errors
    /// It cannot be read or is malformed.
    pub fn read(path: &Path) -> Result<Self, RosterError> {
        text::read(path, |text| {
            text::check_format(text, text::Kind::CoinKey)?;
            let file: CoinFile = text::parse(text)?;
            let bad = |which| RosterError::BadKey { owner: file.member.clone(), which };
            let secret = text::unhex(&file.secret)
                .and_then(|bytes| CoinSecret::from_bytes(&bytes))
                .ok_or_else(|| bad("coin key"))?;
            let network = text::unhex(&file.network).ok_or_else(|| bad("network digest"))?;
            Ok(Self { network: Digest::from(network), member: file.member, secret })
        })
    }

    /// Writes a coin key file that only its owner may read.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), RosterError> {
        let file = CoinFile {
            format: FORMAT,
            network: self.network.to_string(),
            member: self.member.clone(),
            secret: text::hex(self.secret.to_bytes().expose()),
        };
        let text = zeroize::Zeroizing::new(text::render(&file));
        text::write(path, &text, Access::Private)
    }
}

impl CoinText {
    pub(super) fn of(public: &CoinPublic) -> Self {
        // The encoding is a count and the points: what `into_public` puts together again.
        let encoded = wire::encode(public);
        let points = encoded.get(8..).unwrap_or_default().chunks(32).map(text::hex).collect();
        Self { dealer: DEALER.to_owned(), public: points }
    }

    pub(super) fn into_public(self, committee: Committee) -> Result<CoinPublic, RosterError> {
        let bad = || RosterError::BadKey { owner: "the coin".to_owned(), which: "public key" };
        if self.public.len() != committee.n() {
            return Err(bad());
        }
        let points: Option<Vec<[u8; 32]>> =
            self.public.iter().map(|point| text::unhex(point)).collect();
        let encoded = wire::encode(&points.ok_or_else(bad)?);
        // `[u8; 32]` and a point both encode as their 32 bytes.
        wire::decode(&encoded, encoded.len()).map_err(|_| bad())
    }
}
