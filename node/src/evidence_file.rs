//! The file in which evidence against a member is handed to others.
//!
//! It holds what the member signed, and is checked as all [files that are handed to
//! others](crate::handed_file), knowing the network's digest.

use quorate_protocol::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::party::evidence::{Charge, Evidence};
use serde::{Deserialize, Serialize};

use crate::certificate_file::name;
use crate::handed_file::{self, HandedFile, Unfit};
use crate::roster::Network;

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
    /// Nothing can be said of it.
    #[error("{0}")]
    File(#[from] Unfit),
    /// The evidence does not hold against the roster.
    #[error("{0}")]
    Evidence(#[from] quorate_protocol::party::evidence::Unproven),
}

impl HandedFile for EvidenceFile {
    const WHAT: &'static str = "an evidence file";
    const FORMAT: &'static str = "quorate evidence 1";

    fn format(&self) -> &str {
        &self.format
    }
}

impl EvidenceFile {
    /// The file of evidence that holds in this network.
    ///
    /// # Errors
    /// It does not hold.
    pub fn new(network: &Network, evidence: &Evidence) -> Result<Self, Unproven> {
        let charge = judge(network, evidence)?;
        Ok(Self {
            format: Self::FORMAT.to_owned(),
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

    /// Checks everything, words included, against the network of this digest.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn verify(&self, known: &Digest) -> Result<Charge, Unproven> {
        // Who came in later is proved by the network's key only, which is not known here.
        let roster = handed_file::roster(&self.roster, Some(known))?.first();
        let evidence = Evidence::from_text(&self.evidence)?;
        let charge = judge(&roster, &evidence)?;
        if Self::new(&roster, &evidence)? != *self {
            return Err(Unfit::Words.into());
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
