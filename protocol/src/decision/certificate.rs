//! The signed outcome of a decision: what anybody can check offline, with the network's key alone.
//!
//! # Guarantees
//! Behind a certificate that verifies stand `t + 1` members, and so an honest one, who signs only
//! what it computed itself and one statement a position; and honest members agree on what they
//! compute. So there are no two outcomes of one position. A certificate says which
//! question was decided by which rule, whose votes counted, and what came out; nothing in it can be
//! changed. Who signed is not visible, but in the *accountable form*, where the network's signature
//! comes with those of `n - t` members. Whether it does is a setting of the network.
//!
//! Not guaranteed: that there is one certificate of a statement. In the accountable form other
//! `n - t` members may have signed the same; compare statements, not certificates.
//!
//! # Statement, byte for byte
//! Integers are little-endian, texts UTF-8. A set of members is a bitmap: member i is bit `i % 8`
//! of byte `i / 8`.
//!
//! | bytes | field |
//! |---|---|
//! | 16 | `quorate decision` |
//! | 2 | version, [`VERSION`] |
//! | 32 | digest of the network |
//! | 8 | epoch |
//! | 32 | the certificate key, as any Ed25519 verifier takes it |
//! | 8 | position in the ledger |
//! | 32 | digest of the proposal |
//! | 2 + length | length and text of the rule, canonical |
//! | 16 | members whose votes counted |
//! | 16 | all other members |
//! | 1 | outcome: 0 accepted, 1 rejected, 2 expired |
//! | 32 | digest of the previous ledger entry |
//!
//! Exactly these bytes are signed with Ed25519.
//!
//! # Certificate, byte for byte
//!
//! | bytes | field |
//! |---|---|
//! | 2 + length | length and bytes of the statement |
//! | 64 | the network's signature over the statement |
//! | 2 + length | length and bytes of the proposal |
//! | 16 | members whose signatures follow; none, or `n - t` in the accountable form |
//! | 64 each | their signatures, in roster order |
//!
//! A member signs with its identity key for the purpose `statement` in the instance
//! `Tag::root(network, epoch).indexed("certificate", position)`.
//!
//! # What is verified
//! - (C1) Version, network, epoch and key are the verifier's.
//! - (C2) The proposal is the one the statement names, is well formed, and has the rule quoted.
//! - (C3) Counted and other members are the whole roster, each member once.
//! - (C4) The outcome is `expired` exactly if fewer votes counted than the proposal asks for.
//! - (C5) The network's signature holds.
//! - (C6) In the accountable form exactly `n - t` members signed and every signature holds;
//!   otherwise there is none.

mod statement;
#[cfg(test)]
mod tests;
mod verifier;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use statement::{MAGIC, Outcome, Statement, VERSION};
pub use verifier::Verifier;

use crate::committee::{PartyId, PartySet};
use crate::crypto::Signature;
use crate::decision::armour;
use crate::decision::proposal::Proposal;
use crate::keys::GroupSignature;
use crate::limits;
use crate::wire::{self, Bytes};
use crate::zoo::{self, Mutant};
use statement::{MAX_STATEMENT, Reader, put_short};

const ARMOUR: &str = "QUORATE CERTIFICATE";

/// A statement, the question it is about, and the network's signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// What is certified.
    pub statement: Statement,
    /// The question.
    pub proposal: Proposal,
    /// The network's signature.
    pub signature: GroupSignature,
    /// In the accountable form: members' signatures, in roster order.
    pub accountable: Vec<(PartyId, Signature)>,
}

/// Why a certificate does not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Text or bytes that are no certificate, or not the one form of it.
    #[error("this is not a certificate, or not a whole one")]
    Malformed,
    /// C1.
    #[error("the certificate has version {0}, this program knows {VERSION}")]
    Version(u16),
    /// C1.
    #[error("the certificate is of another network")]
    Network,
    /// C1.
    #[error("the certificate is of epoch {0}, not of the one expected")]
    Epoch(u64),
    /// C1.
    #[error("the certificate names another key than the network's")]
    Key,
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
    #[error("the network's signature does not hold")]
    Signature,
    /// C6.
    #[error("{got} members signed, {needed} have to")]
    Signers {
        /// Signatures there are.
        got: usize,
        /// `n - t`, or none.
        needed: usize,
    },
    /// C6.
    #[error("the signature of member {0} does not hold")]
    MemberSignature(PartyId),
}

impl Certificate {
    /// The certificate of a signed statement; in the accountable form with members' signatures.
    pub fn new(
        statement: Statement,
        proposal: Proposal,
        signature: GroupSignature,
        mut accountable: Vec<(PartyId, Signature)>,
    ) -> Self {
        accountable.sort_by_key(|(member, _)| *member);
        Self { statement, proposal, signature, accountable }
    }

    /// Checks everything, C1 to C6.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, verifier: &Verifier) -> Result<(), CertificateError> {
        let statement = &self.statement;
        let committee = verifier.committee();
        // C1: the version is the one that was read.
        if statement.network != verifier.network() {
            return Err(CertificateError::Network);
        }
        if statement.epoch != verifier.epoch() {
            return Err(CertificateError::Epoch(statement.epoch));
        }
        if statement.key != verifier.key().to_bytes() {
            return Err(CertificateError::Key);
        }
        // C2
        let named = self.proposal.digest(&verifier.root()) == statement.proposal
            || zoo::on(Mutant::CertificateQuestion);
        if !named
            || self.proposal.rule != statement.rule
            || self.proposal.validate(committee).is_err()
        {
            return Err(CertificateError::Proposal);
        }
        // C3
        let (counted, excluded) = (statement.counted, statement.excluded);
        if counted.union(excluded) != committee.everyone()
            || !counted.intersection(excluded).is_empty()
        {
            return Err(CertificateError::Members);
        }
        // C4
        let too_few = counted.len() < usize::from(self.proposal.minimum);
        if too_few != (statement.outcome == Outcome::Expired) {
            return Err(CertificateError::Participation);
        }
        // C5
        if !verifier.key().verify(&statement.to_signed_bytes(), &self.signature) {
            return Err(CertificateError::Signature);
        }
        self.verify_members(verifier)
    }

    // C6
    fn verify_members(&self, verifier: &Verifier) -> Result<(), CertificateError> {
        let needed = if verifier.is_accountable() { verifier.committee().quorum() } else { 0 };
        let signers = self.signers();
        let got = self.accountable.len();
        if got != needed || signers.len() != got || !signers.within(verifier.committee()) {
            return Err(CertificateError::Signers { got: signers.len(), needed });
        }
        let mut each = self.accountable.iter();
        let holds =
            |(member, by): &&(PartyId, Signature)| !self.statement.signed_by(*member, by, verifier);
        match each.find(holds) {
            Some((member, _)) => Err(CertificateError::MemberSignature(*member)),
            None => Ok(()),
        }
    }

    /// Members whose own signatures it bears.
    pub fn signers(&self) -> PartySet {
        self.accountable.iter().map(|(member, _)| *member).collect()
    }

    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        put_short(&mut bytes, &self.statement.to_signed_bytes());
        bytes.extend(self.signature.to_bytes());
        put_short(&mut bytes, &self.proposal.to_bytes());
        bytes.extend(self.signers().to_bytes());
        for (_, signature) in &self.accountable {
            bytes.extend(signature.to_bytes());
        }
        bytes
    }

    /// Reads an encoding, in its one form; verifies nothing else.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`] or [`CertificateError::Version`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() > limits::MAX_CERTIFICATE {
            return Err(CertificateError::Malformed);
        }
        let mut reader = Reader(bytes);
        let statement = Statement::from_signed_bytes(reader.short(MAX_STATEMENT)?)?;
        let signature = GroupSignature::from_bytes(&reader.array()?);
        let proposal = reader.short(limits::MAX_SHORT_PAYLOAD)?;
        let proposal = wire::decode(proposal, limits::MAX_SHORT_PAYLOAD)
            .map_err(|_| CertificateError::Malformed)?;
        let signers = PartySet::from_bytes(reader.array()?);
        let accountable = signers
            .iter()
            .map(|member| Ok((member, reader.array().map(Signature::from_bytes)?)))
            .collect::<Result<_, _>>()?;
        reader.end()?;
        Ok(Self { statement, proposal, signature, accountable })
    }

    /// The encoding as text, to mail or to copy.
    pub fn to_text(&self) -> String {
        armour::wrap(ARMOUR, &self.to_bytes())
    }

    /// Reads that text; verifies nothing else.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes).
    pub fn from_text(text: &str) -> Result<Self, CertificateError> {
        let bytes = armour::unwrap(ARMOUR, text, limits::MAX_CERTIFICATE);
        Self::from_bytes(&bytes.ok_or(CertificateError::Malformed)?)
    }
}

/// The encoding above, everywhere.
impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bytes::from(self.to_bytes()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Certificate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        Self::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}
