//! What the network signs, byte for byte.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CertificateError;
use super::verifier::Verifier;
use crate::committee::{PartyId, PartySet};
use crate::crypto::{Digest, IdentityKey, Signature};
use crate::decision::proposal::Proposal;
use crate::limits;
use crate::rule::Rule;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

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

/// How a statement begins: nothing else that any of our keys signs begins so.
pub const MAGIC: [u8; 16] = *b"quorate decision";

/// The version of the statement.
pub const VERSION: u16 = 1;

/// Bytes of a statement beside the rule's text.
const FIXED: usize = 16 + 2 + 32 + 8 + 32 + 8 + 32 + 2 + 16 + 16 + 1 + 32;

/// Most bytes of a statement.
pub(super) const MAX_STATEMENT: usize = FIXED + limits::MAX_RULE;

/// What is certified of one decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Digest of the network.
    pub network: Digest,
    /// Epoch of the keys.
    pub epoch: u64,
    /// The key it is signed with.
    pub key: [u8; 32],
    /// Position in the ledger.
    pub position: u64,
    /// Digest of the proposal.
    pub proposal: Digest,
    /// The proposal's rule.
    pub rule: Rule,
    /// Members whose votes counted.
    pub counted: PartySet,
    /// All other members: abstained, too late, or left out.
    pub excluded: PartySet,
    /// What came out.
    pub outcome: Outcome,
    /// Digest of the previous entry of the ledger.
    pub previous: Digest,
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
            network: verifier.network(),
            epoch: verifier.epoch(),
            key: verifier.key().to_bytes(),
            position,
            proposal: proposal.digest(&verifier.root()),
            rule: proposal.rule.clone(),
            counted,
            excluded: verifier.committee().everyone().difference(counted),
            outcome,
            previous,
        }
    }

    /// The bytes that are signed.
    pub fn to_signed_bytes(&self) -> Vec<u8> {
        let rule = self.rule.to_string();
        let mut bytes = Vec::with_capacity(FIXED + rule.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.network.as_bytes());
        bytes.extend(self.epoch.to_le_bytes());
        bytes.extend(self.key);
        bytes.extend(self.position.to_le_bytes());
        bytes.extend(self.proposal.as_bytes());
        put_short(&mut bytes, rule.as_bytes());
        let nobody = zoo::on(Mutant::CertificateMembers);
        let members = |set: PartySet| if nobody { PartySet::EMPTY } else { set };
        bytes.extend(members(self.counted).to_bytes());
        bytes.extend(members(self.excluded).to_bytes());
        bytes.push(number(self.outcome));
        let nothing = Digest::from([0; 32]);
        bytes.extend(zoo::instead(self.previous, Mutant::CertificateHistory, nothing).as_bytes());
        bytes
    }

    /// Reads those bytes, in their one form; verifies nothing else.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] or [`CertificateError::Version`].
    pub fn from_signed_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        let mut reader = Reader(bytes);
        if reader.array()? != MAGIC {
            return Err(CertificateError::Malformed);
        }
        let version = u16::from_le_bytes(reader.array()?);
        if version != VERSION {
            return Err(CertificateError::Version(version));
        }
        let statement = Self {
            network: reader.array().map(Digest::from)?,
            epoch: reader.array().map(u64::from_le_bytes)?,
            key: reader.array()?,
            position: reader.array().map(u64::from_le_bytes)?,
            proposal: reader.array().map(Digest::from)?,
            rule: read_rule(reader.short(limits::MAX_RULE)?)?,
            counted: reader.array().map(PartySet::from_bytes)?,
            excluded: reader.array().map(PartySet::from_bytes)?,
            outcome: outcome(reader.array()?)?,
            previous: reader.array().map(Digest::from)?,
        };
        reader.end()?;
        Ok(statement)
    }

    /// A member's signature, for the accountable form. In a domain of its own: it is not the
    /// network's, whatever keys there are.
    pub fn sign(&self, key: &IdentityKey) -> Signature {
        key.sign(&self.tag(), "statement", &self.to_signed_bytes())
    }

    /// Whether `member` signed it; false if the verifier does not know the members' keys.
    pub fn signed_by(&self, member: PartyId, signature: &Signature, verifier: &Verifier) -> bool {
        verifier.identity_of(member).is_some_and(|identity| {
            identity.verify(&self.tag(), "statement", &self.to_signed_bytes(), signature)
        })
    }

    fn tag(&self) -> Tag {
        Tag::root(self.network.as_bytes(), self.epoch).indexed("certificate", self.position)
    }
}

fn read_rule(text: &[u8]) -> Result<Rule, CertificateError> {
    let text = str::from_utf8(text).map_err(|_| CertificateError::Malformed)?;
    let rule = Rule::parse(text).map_err(|_| CertificateError::Malformed)?;
    // One rule has one text.
    (rule.to_string() == text).then_some(rule).ok_or(CertificateError::Malformed)
}

const fn number(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Accepted => 0,
        Outcome::Rejected => 1,
        Outcome::Expired => 2,
    }
}

const fn outcome(number: [u8; 1]) -> Result<Outcome, CertificateError> {
    match number {
        [0] => Ok(Outcome::Accepted),
        [1] => Ok(Outcome::Rejected),
        [2] => Ok(Outcome::Expired),
        _ => Err(CertificateError::Malformed),
    }
}

/// Adds bytes behind their number, which takes two bytes.
///
/// # Panics
/// For more bytes than two bytes can count: everything written so has a limit far below.
pub(super) fn put_short(to: &mut Vec<u8>, bytes: &[u8]) {
    let length = u16::try_from(bytes.len()).expect("what a certificate holds is short");
    to.extend(length.to_le_bytes());
    to.extend(bytes);
}

/// Bytes that are still to be read.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], CertificateError> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CertificateError::Malformed)?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// Bytes behind their number, at most `limit`.
    pub(super) fn short(&mut self, limit: usize) -> Result<&'a [u8], CertificateError> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        let split = self.0.split_at_checked(length).filter(|_| length <= limit);
        let (bytes, rest) = split.ok_or(CertificateError::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    /// Nothing may be left.
    pub(super) const fn end(&self) -> Result<(), CertificateError> {
        if self.0.is_empty() { Ok(()) } else { Err(CertificateError::Malformed) }
    }
}
