//! The public part of a dealing, and what it lets everybody check.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::committee::PartyId;
use crate::crypto::seal::{CheckedHeader, SealHeader};
use crate::crypto::{Digest, merkle};
use crate::limits;
use crate::sharing::Shares;
use crate::wire;

use super::message::Shard;
use super::scheme::Scheme;
use super::terms::Terms;

/// What the dealer broadcasts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Public<C, P> {
    /// What fixes everybody's share vector.
    pub commitments: C,
    /// The sealing key R, and the proof that binds it to this dealing.
    pub header: SealHeader,
    /// `e_1 .. e_n`, the roots of the dispersed ciphertexts.
    pub dispersals: Vec<Digest>,
    /// What the dealer proves about the commitments.
    pub proof: P,
}

/// A public part that holds: its shape, the proof of its sealing key, commitments and their proof
/// were checked. All of that depends on the payload alone.
pub(super) struct Verified<S: Scheme> {
    terms: Arc<Terms<S>>,
    header: CheckedHeader,
    dispersals: Vec<Digest>,
    checked: S::Checked,
}

/// Whether a payload is a public part of these terms that holds: what an honest dealer broadcasts.
pub fn holds<S: Scheme>(terms: Terms<S>, payload: &[u8]) -> bool {
    Verified::new(&Arc::new(terms), payload).is_some()
}

impl<S: Scheme> Verified<S> {
    /// The public part in `payload`, if it holds.
    pub(super) fn new(terms: &Arc<Terms<S>>, payload: &[u8]) -> Option<Self> {
        let public: Public<S::Commitments, S::Proof> =
            wire::decode(payload, limits::MAX_DEALING_PAYLOAD).ok()?;
        let Public { commitments, header, dispersals, proof } = public;
        if dispersals.len() != terms.committee().n() {
            return None;
        }
        let root = S::root(terms, &commitments)?;
        let sealing = header.verify(terms.tag(), &terms.context(&root, &dispersals))?;
        let checked = S::check(terms, commitments, proof, root, &header)?;
        Some(Self { terms: terms.clone(), header: sealing, dispersals, checked })
    }

    /// The terms it was dealt under.
    pub(super) fn terms(&self) -> &Terms<S> {
        &self.terms
    }

    /// The sealing key, as one to open with.
    pub(super) const fn header(&self) -> &CheckedHeader {
        &self.header
    }

    /// `e_i`: the root over the shards of party `party`'s ciphertext.
    pub(super) fn dispersal(&self, party: PartyId) -> Option<&Digest> {
        self.dispersals.get(party.index())
    }

    /// Whether `shard` is the one that `holder` keeps of `recipient`'s ciphertext.
    pub(super) fn holds_shard(&self, recipient: PartyId, holder: PartyId, shard: &Shard) -> bool {
        let n = self.terms.committee().n();
        self.terms.is_shard(shard)
            && self.dispersal(recipient).is_some_and(|root| {
                merkle::verify(root, n, holder.index(), &shard.bytes, &shard.path)
            })
    }

    /// Whether `encoded` is a valid share vector of `party`.
    pub(super) fn check_share(&self, party: PartyId, encoded: &[u8]) -> bool {
        let terms = &*self.terms;
        terms.committee().contains(party)
            && encoded.len() == terms.share_bytes()
            && terms
                .decode(encoded)
                .is_some_and(|shares| S::check_share(terms, &self.checked, party, encoded, &shares))
    }

    /// What a party gets that has these shares.
    pub(super) fn output(&self, shares: Shares<S::Field>) -> S::Output {
        S::output(&self.checked, shares)
    }
}
