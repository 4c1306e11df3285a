//! The file in which evidence against a member is handed to others.
//!
//! It holds what the member signed and the roster that names its key (without addresses), so that the
//! network's digest is all that its reader must know, and the same in words. The words are there to be
//! read: they are only true if [`EvidenceFile::verify`] says so, which writes them anew and compares.

use quorate_protocol::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::party::evidence::{Charge, Evidence};
use serde::{Deserialize, Serialize};

use crate::certificate_file::name;
use crate::roster::Network;

const FORMAT: &str = "quorate evidence 1";

/// Evidence with its roster, in words and as it was signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceFile {
    /// What this is, and its version.
    pub format: String,
    /// Its short name.
    pub id: String,
    /// Against whom.
    pub member: String,
    /// What it proves.
    pub proves: String,
    /// Where the member signed it.
    pub place: String,
    /// The network.
    pub network: AccusedNetwork,
    /// The network file, without addresses.
    pub roster: String,
    /// What was signed, and the signatures.
    pub evidence: String,
}

/// The network of the member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccusedNetwork {
    /// Its name.
    pub name: String,
    /// The epoch it was signed in.
    pub epoch: u64,
    /// Its digest.
    pub digest: String,
}

/// Evidence in a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EvidenceSummary {
    /// Its short name.
    pub id: String,
    /// Against whom.
    pub member: String,
    /// What it proves.
    pub proves: String,
    /// Where the member signed it.
    pub place: String,
    /// The epoch it was signed in.
    pub epoch: u64,
}

/// Why an evidence file proves nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unproven {
    /// Not such a file at all.
    #[error("it is not an evidence file: {0}")]
    Malformed(String),
    /// The roster in the file is not one.
    #[error("the roster in it is not valid: {0}")]
    Roster(String),
    /// A roster with another digest.
    #[error("it is of another network, {name} with digest {digest}")]
    OtherNetwork {
        /// What that network calls itself.
        name: String,
        /// Its digest.
        digest: String,
    },
    /// The evidence does not hold against the roster.
    #[error("{0}")]
    Evidence(#[from] quorate_protocol::party::evidence::Unproven),
    /// The words and what was signed differ.
    #[error("its readable part does not say what the evidence proves")]
    Words,
}

impl EvidenceFile {
    /// The file of evidence that holds in this network.
    ///
    /// # Errors
    /// It does not hold.
    pub fn new(network: &Network, evidence: &Evidence) -> Result<Self, Unproven> {
        let charge = judge(network, evidence)?;
        Ok(Self {
            format: FORMAT.to_owned(),
            id: evidence.id(),
            member: name(network, evidence.member),
            proves: charge.to_string(),
            place: evidence.place.to_string(),
            network: AccusedNetwork {
                name: network.name().to_owned(),
                epoch: evidence.epoch,
                digest: network.digest().to_string(),
            },
            roster: network.first().without_addresses().to_toml(),
            evidence: evidence.to_text(),
        })
    }

    /// Reads a file, which must be written as [`to_text`](Self::to_text) writes it; verifies nothing.
    ///
    /// # Errors
    /// It is not such a file.
    pub fn parse(text: &str) -> Result<Self, Unproven> {
        let malformed = |reason: String| Err(Unproven::Malformed(reason));
        let file: Self = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(error) => return malformed(error.to_string()),
        };
        if file.format != FORMAT {
            return malformed(format!("its format is not `{FORMAT}`"));
        }
        if file.to_text() != text {
            return malformed("blanks, line ends or the order of its fields were changed".into());
        }
        Ok(file)
    }

    /// The text of the file.
    pub fn to_text(&self) -> String {
        // Strings and numbers only: there is nothing that could not be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Checks everything, words included, against the network of this digest.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, known: &Digest) -> Result<Charge, Unproven> {
        let roster =
            Network::parse(&self.roster).map_err(|error| Unproven::Roster(error.to_string()))?;
        let (digest, name) = (roster.digest(), roster.name().to_owned());
        if digest != *known {
            return Err(Unproven::OtherNetwork { name, digest: digest.to_string() });
        }
        // Who came in later is proved by the network's key only, which is not known here.
        let roster = roster.first();
        let evidence = Evidence::from_text(&self.evidence)?;
        let charge = judge(&roster, &evidence)?;
        if Self::new(&roster, &evidence)? != *self {
            return Err(Unproven::Words);
        }
        Ok(charge)
    }

    /// The same in a line.
    pub fn summary(&self) -> EvidenceSummary {
        let Self { id, member, proves, place, network, .. } = self.clone();
        EvidenceSummary { id, member, proves, place, epoch: network.epoch }
    }
}

fn judge(network: &Network, evidence: &Evidence) -> Result<Charge, Unproven> {
    let member: PartyId = evidence.member;
    let identities = network.identities_in(evidence.epoch);
    let identity = identities.values().get(member.index());
    let identity = identity.ok_or(quorate_protocol::party::evidence::Unproven::NotAMember)?;
    Ok(evidence.verify(&network.digest(), network.committee(), identity)?)
}

#[cfg(test)]
mod tests;
