//! From an outcome to what the network signs: step D5 of a decision's [`life`](super::life).
//!
//! # Protocol
//! - (E1) Once the outcome is known and the claimed nonce pair is here, sign the statement with the
//!   certificate key; if it was accepted and the proposal names a document, that with the document
//!   key, too. Each in one hop, both in the same one: see [`signing`].
//! - (E2) A share leaves when the owner has made durable what the pair serves.
//! - (E3) In the accountable form, sign the statement with one's own key as well, and collect `n - t`
//!   of these signatures.
//! - (E4) What the network signed goes to all, so that the instance can be dropped while others lag,
//!   and others who have no shares of a pair get it.
//!
//! - (E5) Whoever has not got the document cannot check the signature over it: because it has not come
//!   yet, or because the others have forgotten it by now. It takes what others say was signed once
//!   the document comes, or when `t + 1` of them say the same: one is honest and checked it. Before
//!   that it does not leave, since its own share may be needed, and asks again if it restarts.
//!
//! Shares that come before E1 are kept, one of each peer and purpose.
//!
//! # Why all sign the same bytes
//! Position, proposal and previous entry are the ledger's, the counted members are those of the agreed
//! input set, the outcome was opened with error correction, and the statement has one encoding. The
//! document's bytes are those that the proposal names by their hash.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::identity::Signature;
use crate::crypto::keyring::Keyring;
use crate::crypto::transcript::Digest;
use crate::decision::certificate::{Certificate, Outcome, Statement, Verifier};
use crate::decision::proposal::Proposal;
use crate::fault::{DecisionFault, OpeningFault};
use crate::keys::signing::{self, NoncePair, Purpose, Signing};
use crate::keys::{GroupPublic, GroupSignature, KeySet};
use crate::protocol::{Outbox, Protocol};
use crate::wire::Bytes;

/// What the network signed in one decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Certified {
    /// The certificate of the outcome.
    pub certificate: Certificate,
    /// The signature over the proposal's document, if it was accepted.
    pub document: Option<GroupSignature>,
}

/// A message of D5.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The sender's share of a signature (E2).
    Share(Purpose, signing::Message),
    /// The sender's own signature over the statement with this outcome (E3).
    Own(Outcome, Signature),
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(purpose, share) => write!(f, "{share} {purpose}"),
            Self::Own(..) => f.write_str("SIGN own"),
        }
    }
}

/// A share that may leave once it is durable what the pair serves (E2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ready {
    /// Which signature it is for.
    pub purpose: Purpose,
    /// Number of the nonce pair.
    pub pair: u64,
    /// Stands for what is signed.
    pub message: Digest,
}

/// One party's part in D5.
pub(super) struct Certifying {
    keys: Arc<KeySet>,
    keyring: Arc<Keyring>,
    verifier: Arc<Verifier>,
    proposal: Proposal,
    document: Option<Bytes>,
    pairs: BTreeMap<Purpose, NoncePair>,
    statement: Option<Statement>,
    shares: BTreeMap<Purpose, Part>,
    own: PartyMap<Option<(Outcome, Signature)>>,
    /// What others say was signed, over a document that is not here (E5).
    said: PartyMap<Option<Certified>>,
}

/// One of the signatures.
struct Part {
    signing: Option<Signing>,
    early: PartyMap<Option<signing::Message>>,
    signature: Option<GroupSignature>,
}

type Out<'a> = dyn Outbox<Message> + 'a;

impl Certifying {
    /// The certification of a decision on `proposal`, with its document if there is one and it is
    /// here.
    pub(super) fn new(
        keys: Arc<KeySet>,
        keyring: Arc<Keyring>,
        verifier: Arc<Verifier>,
        proposal: Proposal,
        document: Option<Bytes>,
    ) -> Self {
        let committee = keyring.committee();
        let part = |purpose| {
            let early = PartyMap::new(committee);
            (purpose, Part { signing: None, early, signature: None })
        };
        let signed = Purpose::ALL
            .into_iter()
            .filter(|purpose| *purpose == Purpose::Certificate || proposal.document.is_some());
        Self {
            shares: signed.map(part).collect(),
            own: PartyMap::new(committee),
            said: PartyMap::new(committee),
            pairs: BTreeMap::new(),
            statement: None,
            keys,
            keyring,
            verifier,
            proposal,
            document,
        }
    }

    /// Hands over the nonce pairs that the position claims, as far as we have shares of them.
    pub(super) fn supply(&mut self, pairs: BTreeMap<Purpose, NoncePair>) {
        self.pairs = pairs;
    }

    /// Hands over the document, if it is the one that the proposal names. Gives what others already
    /// say was signed, if it holds (E5).
    pub(super) fn hand_document(&mut self, bytes: &Bytes, out: &mut Out<'_>) -> Option<Certified> {
        self.proposal.document.filter(|named| named.names(bytes))?;
        self.document = Some(bytes.clone());
        let nothing = PartyMap::new(self.committee());
        let said = std::mem::replace(&mut self.said, nothing);
        let said = said.iter().filter_map(|(from, said)| Some((from, said.clone()?)));
        // All of them, so that everybody who says something wrong is named.
        said.fold(None, |found, (from, said)| self.check(from, said, out).or(found))
    }

    /// The outcome is known: all that is signed is. (E3)
    pub(super) fn decide(&mut self, statement: Statement, out: &mut Out<'_>) {
        if self.verifier.is_accountable() {
            let signature = statement.sign(self.keyring.identity());
            out.multicast(Message::Own(statement.outcome, signature));
        }
        self.statement = Some(statement);
        for member in self.committee().parties() {
            self.check_own(member, out);
        }
    }

    /// E1: begins the signatures for which everything is here, and says so, once for each.
    pub(super) fn begin(&mut self, out: &mut Out<'_>) -> Vec<Ready> {
        let mut ready = Vec::new();
        for purpose in Purpose::ALL {
            if !self.pairs.contains_key(&purpose) {
                continue;
            }
            let Some(message) = self.message(purpose) else { continue };
            let Some(part) = self.shares.get_mut(&purpose) else { continue };
            let Some(pair) = self.pairs.remove(&purpose) else { continue };
            let root = self.verifier.root();
            let signing = Signing::new(&self.keys, purpose, &root, pair, message);
            ready.push(Ready { purpose, pair: signing.pair(), message: signing.digest() });
            part.signing = Some(signing);
            for member in self.keyring.committee().parties() {
                if let Some(share) = part.early[member].take() {
                    part.on_share(member, purpose, share, out);
                }
            }
        }
        ready
    }

    /// E2: lets our share out.
    pub(super) fn sign(&mut self, purpose: Purpose, out: &mut Out<'_>) {
        if let Some(signing) = self.shares.get_mut(&purpose).and_then(|part| part.signing.as_mut())
        {
            signing.sign(&mut out.wrap(move |share| Message::Share(purpose, share)));
        }
    }

    pub(super) fn handle(&mut self, from: PartyId, message: Message, out: &mut Out<'_>) {
        match message {
            Message::Share(purpose, share) => match self.shares.get_mut(&purpose) {
                Some(part) => part.on_share(from, purpose, share, out),
                None => out.blame(from, DecisionFault::OutOfPlace),
            },
            Message::Own(..) if !self.verifier.is_accountable() => {
                out.blame(from, DecisionFault::OutOfPlace);
            }
            Message::Own(outcome, signature) => {
                if self.own[from].is_none() {
                    self.own[from] = Some((outcome, signature));
                    self.check_own(from, out);
                }
            }
        }
    }

    /// Drops a member's signature that does not hold, once we know what it is to hold for.
    fn check_own(&mut self, member: PartyId, out: &mut Out<'_>) {
        let Some(statement) = &self.statement else { return };
        let Some((outcome, signature)) = &self.own[member] else { return };
        let fault = if *outcome != statement.outcome {
            DecisionFault::WrongOutcome
        } else if !statement.signed_by(member, signature, &self.verifier) {
            DecisionFault::BadSignature
        } else {
            return;
        };
        out.blame(member, fault);
        self.own[member] = None;
    }

    /// Everything that is to be signed, once it is (E4).
    pub(super) fn certified(&self) -> Option<Certified> {
        let of = |purpose| self.shares.get(&purpose).and_then(|part| part.signature);
        let (signature, document) = (of(Purpose::Certificate)?, of(Purpose::Document));
        let statement = self.statement.clone()?;
        if document.is_none() && self.is_released(statement.outcome) {
            return None;
        }
        let mut own: Vec<(PartyId, Signature)> = Vec::new();
        if self.verifier.is_accountable() {
            let members = self.own.iter();
            own.extend(members.filter_map(|(p, signed)| Some((p, signed.as_ref()?.1))));
            let quorum = self.committee().quorum();
            if own.len() < quorum {
                return None;
            }
            own.truncate(quorum);
        }
        let certificate = Certificate::new(statement, self.proposal.clone(), signature, own);
        Some(Certified { certificate, document })
    }

    /// Takes what others say the network signed in this decision, whose certificate holds; `None` if
    /// that is not all of it, or cannot be believed yet. Blames `from` for a signature that does not
    /// hold.
    pub(super) fn adopt(
        &mut self,
        from: PartyId,
        certified: Certified,
        out: &mut Out<'_>,
    ) -> Option<Certified> {
        if !self.is_released(certified.certificate.statement.outcome) {
            if certified.document.is_some() {
                out.blame(from, DecisionFault::BadCertificate);
            }
            return Some(Certified { document: None, ..certified });
        }
        if self.document.is_some() {
            return self.check(from, certified, out);
        }
        // E5
        let document = certified.document?;
        self.said[from] = Some(certified.clone());
        let said = self.said.values().iter().flatten();
        let alike = said.filter(|said| said.document == Some(document)).count();
        (alike >= self.committee().one_honest()).then_some(certified)
    }

    /// What `from` says was signed, if the signature over the document holds.
    fn check(&self, from: PartyId, certified: Certified, out: &mut Out<'_>) -> Option<Certified> {
        let (bytes, signature) = (self.document.as_ref()?, certified.document?);
        let key = GroupPublic::from(Purpose::Document.key(&self.keys));
        if key.verify(bytes, &signature) {
            return Some(certified);
        }
        out.blame(from, DecisionFault::BadCertificate);
        None
    }

    /// Members whose part of the first signature that is not complete is here; `None` if what has
    /// to be signed, or what to sign it with, is not here.
    pub(super) fn seen(&self) -> Option<PartySet> {
        let mut unsigned = self.shares.values().filter(|part| part.signature.is_none());
        if let Some(part) = unsigned.find(|part| part.signing.is_some()) {
            return part.signing.as_ref().map(Signing::seen);
        }
        let own = self.own.iter().filter(|(_, own)| own.is_some()).map(|(member, _)| member);
        let signed = self.shares.get(&Purpose::Certificate)?.signature.is_some();
        (signed && self.verifier.is_accountable()).then(|| own.collect())
    }

    /// Whether the document that is to be signed is not here.
    pub(super) fn lacks_document(&self) -> bool {
        let outcome = self.statement.as_ref().map(|statement| statement.outcome);
        self.document.is_none() && outcome.is_some_and(|outcome| self.is_released(outcome))
    }

    /// Parties that sent wrong shares.
    pub(super) fn liars(&self) -> PartySet {
        let signings = self.shares.values().filter_map(|part| part.signing.as_ref());
        signings.fold(PartySet::EMPTY, |all, signing| all.union(signing.liars()))
    }

    fn committee(&self) -> Committee {
        self.keyring.committee()
    }

    /// Whether the network signs the proposal's document.
    fn is_released(&self, outcome: Outcome) -> bool {
        outcome == Outcome::Accepted && self.proposal.document.is_some()
    }

    /// What is signed for a purpose, once it is known here and if it is signed at all.
    fn message(&self, purpose: Purpose) -> Option<Bytes> {
        let statement = self.statement.as_ref()?;
        match purpose {
            Purpose::Certificate => Some(statement.to_signed_bytes().into()),
            Purpose::Document => {
                self.document.clone().filter(|_| self.is_released(statement.outcome))
            }
        }
    }
}

impl Part {
    fn on_share(
        &mut self,
        from: PartyId,
        purpose: Purpose,
        share: signing::Message,
        out: &mut Out<'_>,
    ) {
        let Some(signing) = &mut self.signing else {
            let first = *self.early[from].get_or_insert(share);
            if first != share {
                out.blame(from, OpeningFault::SecondShare);
            }
            return;
        };
        let out = &mut out.wrap(move |share| Message::Share(purpose, share));
        if let Some(signature) = signing.handle(from, share, out) {
            self.signature = Some(signature);
        }
    }
}

#[cfg(test)]
mod tests;
