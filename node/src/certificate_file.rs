//! The file in which a certificate is handed to others.
//!
//! It is checked as all [files that are handed to others](crate::handed_file), knowing the network's
//! key. Everything that another program needs to verify one stands in `docs/certificate.md`.

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::{self, Certificate};
use quorate_protocol::decision::proposal::{DecisionId, DocumentRef, Replacement};
use quorate_protocol::keys::GroupPublic;
use serde::{Deserialize, Serialize};

use crate::api::model::{Outcome, Replaces};
use crate::cli::time;
use crate::handed_file::{self, HandedFile, Unfit};
use crate::roster::Network;

/// A certificate with its roster, in words and as it was signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFile {
    /// What this is, and its version.
    pub format: String,
    /// What was decided on, in a line.
    pub title: String,
    /// What was decided on, in full.
    pub body: String,
    /// The rule.
    pub rule: String,
    /// What came out.
    pub outcome: Outcome,
    /// Members whose votes count.
    pub counted: Vec<String>,
    /// All others.
    pub not_counted: Vec<String>,
    /// How many had to take part.
    pub minimum: usize,
    /// Until when votes were waited for.
    pub deadline: String,
    /// The file that the network signs, if it accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<CertifiedDocument>,
    /// Whether shares of the network's keys are renewed, if it accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// Whose seat goes to new keys, if it accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Replaces>,
    /// Short name of the decision.
    pub id: String,
    /// Digest of the proposal.
    pub digest: String,
    /// Position in the ledger.
    pub position: u64,
    /// Which members signed beside the network, in the accountable form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    /// The network.
    pub network: CertifiedNetwork,
    /// The network file, without addresses.
    pub roster: String,
    /// The certificate as it was signed.
    pub certificate: String,
}

/// The document of a certificate's proposal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedDocument {
    /// Its length.
    pub bytes: u32,
    /// Its hash.
    pub blake3: String,
}

/// The network of a certificate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertifiedNetwork {
    /// Its name.
    pub name: String,
    /// The epoch of the keys that signed.
    pub epoch: u64,
    /// Its digest.
    pub digest: String,
    /// Its certificate key.
    pub key: String,
}

/// What is known of a network from elsewhere than the certificate file, to check it against.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Known {
    /// Its certificate key. Enough to check everything.
    pub key: Option<GroupPublic>,
    /// Its digest. Without the key it is enough in the accountable form, in which `n - t` members of
    /// that network sign which key it is.
    pub network: Option<Digest>,
}

/// Why a certificate file does not hold.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unverified {
    /// Nothing can be said of it.
    #[error("{0}")]
    File(#[from] Unfit),
    /// Nothing known from elsewhere to check it against.
    #[error("the network's key is needed: its digest would only do if members had signed, too")]
    KeyNeeded,
    /// A certificate of a network with another key.
    #[error("it is of another network, {name} with key {key}")]
    OtherKey {
        /// What that network calls itself.
        name: String,
        /// The key it claims.
        key: String,
    },
    /// The certificate does not hold against the roster.
    #[error("{0}")]
    Certificate(String),
}

impl HandedFile for CertificateFile {
    const WHAT: &'static str = "a certificate file";
    const FORMAT: &'static str = "quorate certificate 1";

    fn format(&self) -> &str {
        &self.format
    }
}

impl CertificateFile {
    /// The file of a certificate of this network.
    pub fn new(network: &Network, certificate: &Certificate) -> Self {
        let statement = &certificate.statement;
        let proposal = &certificate.proposal;
        Self {
            format: Self::FORMAT.to_owned(),
            title: proposal.title.clone(),
            body: proposal.text.clone(),
            rule: statement.rule.to_string(),
            outcome: statement.outcome.into(),
            counted: names(network, statement.counted),
            not_counted: names(network, statement.excluded),
            minimum: proposal.minimum.into(),
            deadline: time::moment(proposal.deadline_ms),
            document: proposal.document.map(|DocumentRef { length, digest }| CertifiedDocument {
                bytes: length,
                blake3: digest.to_string(),
            }),
            refresh: proposal.renewal.is_some(),
            replaces: proposal.renewal.replacement().map(|new| replaces(network, new)),
            id: DecisionId::of(&statement.proposal).to_string(),
            digest: statement.proposal.to_string(),
            position: statement.position,
            signed_by: names(network, certificate.signers()),
            network: CertifiedNetwork {
                name: network.name().to_owned(),
                epoch: statement.epoch,
                digest: network.digest().to_string(),
                key: data_encoding::HEXLOWER.encode(&statement.key),
            },
            // What members signed is checked against those of the epoch.
            roster: match network.settings().accountable {
                true => network.without_addresses().to_toml(),
                false => network.first().without_addresses().to_toml(),
            },
            certificate: certificate.to_text(),
        }
    }

    /// Checks everything, words included, against what is known of the network.
    ///
    /// The roster in the file is the network's, since its digest is signed.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, known: &Known) -> Result<Verified, Unverified> {
        let roster = handed_file::roster(&self.roster, known.network.as_ref())?;
        let refused = |error: &dyn std::fmt::Display| Unverified::Certificate(error.to_string());
        let certificate = Certificate::from_text(&self.certificate).map_err(|e| refused(&e))?;
        let statement = &certificate.statement;
        let accountable = roster.settings().accountable;
        let key = match known.key {
            Some(key) => key,
            None if accountable && known.network.is_some() => {
                GroupPublic::from_bytes(&statement.key)
                    .ok_or_else(|| refused(&"the key in it is of no network"))?
            }
            None => return Err(Unverified::KeyNeeded),
        };
        if statement.key != key.to_bytes() {
            let key = data_encoding::HEXLOWER.encode(&statement.key);
            return Err(Unverified::OtherKey { name: roster.name().to_owned(), key });
        }
        // Keys are renewed and keep their public part: the epoch is whatever was signed.
        if statement.epoch < roster.epoch() {
            return Err(refused(&"it is of an epoch before its roster's"));
        }
        let committee = roster.committee();
        roster.check_replaced(key).map_err(|error| Unfit::Roster(error.to_string()))?;
        let verifier = roster.verifier(statement.epoch, key).map_err(|e| refused(&e))?;
        certificate.verify(&verifier).map_err(|error| refused(&error))?;
        if Self::new(&roster, &certificate) != *self {
            return Err(Unfit::Words.into());
        }
        Ok(Verified {
            outcome: self.outcome,
            signatures: certificate.accountable.len(),
            members: committee.n(),
        })
    }
}

/// What a verified certificate says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Verified {
    /// What came out.
    pub outcome: Outcome,
    /// How many members signed beside the network.
    pub signatures: usize,
    /// How many there are.
    pub members: usize,
}

impl From<certificate::Outcome> for Outcome {
    fn from(outcome: certificate::Outcome) -> Self {
        match outcome {
            certificate::Outcome::Accepted => Self::Accepted,
            certificate::Outcome::Rejected => Self::Rejected,
            certificate::Outcome::Expired => Self::Expired,
        }
    }
}

/// The new keys for a seat, in words.
pub fn replaces(network: &Network, new: &Replacement) -> Replaces {
    Replaces {
        member: name(network, new.seat),
        identity: data_encoding::HEXLOWER.encode(&new.identity.to_bytes()),
        sealing: data_encoding::HEXLOWER.encode(&new.sealing.to_bytes()),
        transport: data_encoding::HEXLOWER.encode(&new.transport.to_bytes()),
        addresses: new.addresses.clone(),
    }
}

/// The names of a set of members, in roster order.
pub fn names(network: &Network, members: PartySet) -> Vec<String> {
    members.iter().map(|member| name(network, member)).collect()
}

/// The name of a member.
pub fn name(network: &Network, member: PartyId) -> String {
    let card = network.member(member);
    card.map_or_else(|| format!("member {}", member.index() + 1), |card| card.name.clone())
}

#[cfg(test)]
mod tests;
