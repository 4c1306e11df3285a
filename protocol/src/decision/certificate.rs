//! The signed outcome of a decision: what anybody can check offline, with the roster alone.
//!
//! # Guarantees
//! A certificate that verifies was signed by `n - t` members. Any two sets of so many share an
//! honest member, who signs one statement a position: there are no two outcomes of one position.
//! It says which question was decided by which rule, whose votes counted, and what came out;
//! nothing in it can be changed.
//!
//! Not guaranteed: that it is the only encoding. Other `n - t` members may have signed the same
//! statement; compare statements, not certificates. Who signed is visible.
//!
//! # Statement, byte for byte
//! Integers are little-endian. The statement is encoded as
//!
//! | bytes | field |
//! |---|---|
//! | 2 | version, [`VERSION`] |
//! | 32 | digest of the network |
//! | 8 | epoch |
//! | 8 | position in the ledger |
//! | 32 | digest of the proposal |
//! | 8 + length | length and text of the rule, canonical |
//! | 16 | members whose votes counted: bit i for member i |
//! | 16 | all other members |
//! | 4 | outcome: 0 accepted, 1 rejected, 2 expired |
//! | 32 | digest of the previous ledger entry |
//!
//! and signed with each member's identity key for the purpose `statement` in the instance
//! `Tag::root(network, epoch).indexed("certificate", position)`. A certificate is the statement,
//! the proposal, and for each signer in roster order 2 bytes of position and 64 of signature.
//!
//! # What is verified
//! - (C1) Version, network and epoch are the verifier's.
//! - (C2) The proposal is the one the statement names, is well formed, and has the rule quoted.
//! - (C3) Counted and other members are the whole roster, each member once.
//! - (C4) The outcome is `expired` exactly if fewer votes counted than the proposal asks for.
//! - (C5) At least `n - t` members signed, in roster order, each once, and every signature holds.

pub mod v1;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::armour;
use super::proposal::Proposal;
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::{Digest, IdentityKey, IdentityPublic, Keyring, Signature};
use crate::error::Error;
use crate::limits;
use crate::rule::Rule;
use crate::tag::Tag;
use crate::wire::{self, DecodeError};

/// The version of the statement.
pub const VERSION: u16 = 1;

const ARMOUR: &str = "QUORATE CERTIFICATE";

/// How a decision ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// The counted votes meet the rule.
    Accepted,
    /// They do not.
    Rejected,
    /// Too few votes were counted.
    Expired,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        })
    }
}

/// What a certificate is checked against: one epoch of one network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    network: Digest,
    epoch: u64,
    committee: Committee,
    identities: PartyMap<IdentityPublic>,
}

/// What the members sign. The order of the fields is that of the encoding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Statement {
    /// [`VERSION`].
    pub version: u16,
    /// Digest of the network.
    pub network: Digest,
    /// Epoch of the roster and keys.
    pub epoch: u64,
    /// Position in the ledger.
    pub position: u64,
    /// Digest of the proposal.
    pub proposal: Digest,
    /// The proposal's rule.
    pub rule: Rule,
    /// Members whose votes counted.
    pub counted: PartySet,
    /// All other members: abstained, too late, or excluded.
    pub absent: PartySet,
    /// What came out.
    pub outcome: Outcome,
    /// Digest of the previous entry of the ledger.
    pub previous: Digest,
}

/// A statement, the question it is about, and who signed it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// What is certified.
    pub statement: Statement,
    /// The question.
    pub proposal: Proposal,
    /// Signatures, in roster order.
    pub signatures: Vec<(PartyId, Signature)>,
}

/// Why a certificate does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Text or bytes that are no certificate.
    #[error("this is not a certificate, or not a whole one")]
    Malformed,
    /// C1.
    #[error("the certificate has version {0}, this program knows {VERSION}")]
    Version(u16),
    /// C1.
    #[error("the certificate is of another network")]
    Network,
    /// C1.
    #[error("the certificate is of epoch {0}, not of the roster's")]
    Epoch(u64),
    /// C2.
    #[error("the certificate is not about the proposal that comes with it")]
    Proposal,
    /// C3.
    #[error("the members listed as counted and not counted are not the roster")]
    Members,
    /// C4.
    #[error("the outcome does not fit the number of counted votes")]
    Participation,
    /// C5.
    #[error("{got} members signed, at least {needed} must")]
    TooFewSignatures {
        /// Signatures there are.
        got: usize,
        /// `n - t`.
        needed: usize,
    },
    /// C5.
    #[error("the signers are not distinct members in roster order")]
    Signers,
    /// C5.
    #[error("the signature of member {0} does not hold")]
    Signature(PartyId),
}

impl From<DecodeError> for CertificateError {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}

impl Verifier {
    /// Checks certificates of one epoch of the network with this digest and these members.
    ///
    /// # Errors
    /// Not one key for each member, or two members with one key, who would count twice.
    pub fn new(
        network: Digest,
        epoch: u64,
        committee: Committee,
        identities: PartyMap<IdentityPublic>,
    ) -> Result<Self, Error> {
        let (expected, got) = (committee.n(), identities.values().len());
        if got != expected {
            return Err(Error::WrongSize { what: "identities", expected, got });
        }
        let mut distinct = identities.values().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != got {
            return Err(Error::KeyMismatch { what: "two members have one identity" });
        }
        Ok(Self { network, epoch, committee, identities })
    }

    /// The same for the members of a keyring.
    pub fn of(network: Digest, epoch: u64, keyring: &Keyring) -> Self {
        let committee = keyring.committee();
        let identities = PartyMap::from_fn(committee, |member| *keyring.identity_of(member));
        Self { network, epoch, committee, identities }
    }

    /// The network's digest.
    pub const fn network(&self) -> Digest {
        self.network
    }

    /// The epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The members.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// The root of all names of the epoch.
    pub fn root(&self) -> Tag {
        Tag::root(self.network.as_bytes(), self.epoch)
    }
}

impl Statement {
    /// The statement that `proposal` at `position` ended with `outcome`, with the votes of
    /// `counted`.
    pub fn new(
        verifier: &Verifier,
        proposal: &Proposal,
        position: u64,
        previous: Digest,
        counted: PartySet,
        outcome: Outcome,
    ) -> Self {
        Self {
            version: VERSION,
            network: verifier.network,
            epoch: verifier.epoch,
            position,
            proposal: proposal.digest(&verifier.root()),
            rule: proposal.rule.clone(),
            counted,
            absent: verifier.committee.everyone().difference(counted),
            outcome,
            previous,
        }
    }

    /// Signs it as the owner of `key`.
    pub fn sign(&self, key: &IdentityKey) -> Signature {
        key.sign(&self.tag(), "statement", &wire::encode(self))
    }

    /// Whether `member` of the verifier's roster signed it.
    pub fn verify(&self, verifier: &Verifier, member: PartyId, signature: &Signature) -> bool {
        verifier.committee.contains(member)
            && verifier.identities[member].verify(
                &self.tag(),
                "statement",
                &wire::encode(self),
                signature,
            )
    }

    fn tag(&self) -> Tag {
        Tag::root(self.network.as_bytes(), self.epoch).indexed("certificate", self.position)
    }
}

impl Certificate {
    /// The certificate of a statement that so many members signed.
    pub fn new(
        statement: Statement,
        proposal: Proposal,
        mut signatures: Vec<(PartyId, Signature)>,
    ) -> Self {
        signatures.sort_by_key(|(member, _)| *member);
        Self { statement, proposal, signatures }
    }

    /// Checks everything, C1 to C5.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, verifier: &Verifier) -> Result<(), CertificateError> {
        let statement = &self.statement;
        let committee = verifier.committee;
        // C1
        if statement.version != VERSION {
            return Err(CertificateError::Version(statement.version));
        }
        if statement.network != verifier.network {
            return Err(CertificateError::Network);
        }
        if statement.epoch != verifier.epoch {
            return Err(CertificateError::Epoch(statement.epoch));
        }
        // C2
        let named = self.proposal.digest(&verifier.root()) == statement.proposal;
        if !named
            || self.proposal.rule != statement.rule
            || self.proposal.validate(committee).is_err()
        {
            return Err(CertificateError::Proposal);
        }
        // C3
        let (counted, absent) = (statement.counted, statement.absent);
        if counted.union(absent) != committee.everyone() || !counted.intersection(absent).is_empty()
        {
            return Err(CertificateError::Members);
        }
        // C4
        let too_few = counted.len() < usize::from(self.proposal.minimum);
        if too_few != (statement.outcome == Outcome::Expired) {
            return Err(CertificateError::Participation);
        }
        self.verify_signatures(verifier)
    }

    // C5
    fn verify_signatures(&self, verifier: &Verifier) -> Result<(), CertificateError> {
        let (got, needed) = (self.signatures.len(), verifier.committee.quorum());
        if got < needed {
            return Err(CertificateError::TooFewSignatures { got, needed });
        }
        let members = self.signatures.iter().map(|(member, _)| *member);
        if !members.clone().is_sorted_by(|a, b| a < b)
            || !members.clone().all(|member| verifier.committee.contains(member))
        {
            return Err(CertificateError::Signers);
        }
        match self
            .signatures
            .iter()
            .find(|(member, signature)| !self.statement.verify(verifier, *member, signature))
        {
            Some((member, _)) => Err(CertificateError::Signature(*member)),
            None => Ok(()),
        }
    }

    /// Who signed.
    pub fn signers(&self) -> PartySet {
        self.signatures.iter().map(|(member, _)| *member).collect()
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads an encoding; verifies nothing else.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        Ok(wire::decode(bytes, limits::MAX_CERTIFICATE)?)
    }

    /// The encoding as text, to mail or to copy.
    pub fn to_text(&self) -> String {
        armour::wrap(ARMOUR, &self.to_bytes())
    }

    /// Reads that text; verifies nothing else.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`].
    pub fn from_text(text: &str) -> Result<Self, CertificateError> {
        let bytes = armour::unwrap(ARMOUR, text, limits::MAX_CERTIFICATE);
        Self::from_bytes(&bytes.ok_or(CertificateError::Malformed)?)
    }
}

#[cfg(test)]
mod tests;
