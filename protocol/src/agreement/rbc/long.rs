//! Long mode: each party carries one shard of the payload.

use super::Delivery;
use super::message::{Shard, Votes};
use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::merkle::{self, Tree};
use crate::crypto::{Digest, erasure};
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

/// The shards a party has seen.
#[derive(Debug)]
pub(super) struct Long {
    committee: Committee,
    limit: usize,
    /// Of each party the shard it echoed.
    shards: PartyMap<Option<Bytes>>,
}

/// The shards of a payload, by party.
pub(super) fn shards(committee: Committee, payload: &[u8]) -> Vec<Shard> {
    let shards = erasure::encode(payload, committee.data_shards(), committee.n());
    let tree = Tree::new(&shards);
    let shard = |(i, bytes)| Shard { root: tree.root(), bytes, path: tree.path(i) };
    shards.into_iter().enumerate().map(shard).collect()
}

impl Long {
    pub(super) fn new(committee: Committee, limit: usize) -> Self {
        Self { committee, limit, shards: PartyMap::new(committee) }
    }

    /// Whether a shard is not longer than those of the longest payload.
    pub(super) fn fits(&self, shard: &Shard) -> bool {
        shard.bytes.len() <= erasure::shard_len(self.limit, self.committee.data_shards())
    }

    /// Whether a shard is the one of `party` under its root.
    pub(super) fn belongs(&self, shard: &Shard, party: PartyId) -> bool {
        let n = self.committee.n();
        let at = |index| merkle::verify(&shard.root, n, index, &shard.bytes, &shard.path);
        at(party.index()) || zoo::on(Mutant::RbcLooseShard) && (0..n).any(at)
    }

    /// Keeps the shard that `from` echoed.
    pub(super) fn keep(&mut self, from: PartyId, shard: Bytes) {
        self.shards[from] = Some(shard);
    }

    /// R5. What the root stands for, as soon as `n - 2t` of its shards are here.
    ///
    /// Whether that is a payload does not depend on the shards used: if any of them decode to
    /// something whose encoding has this root, then every leaf that opens under the root is of that
    /// encoding, or two different trees would have one root.
    pub(super) fn decode(&self, root: Digest, echoes: &Votes) -> Option<Delivery> {
        let (k, n) = (self.committee.data_shards(), self.committee.n());
        let ours = echoes.supporters(root);
        let shards: Vec<(usize, Bytes)> = ours
            .iter()
            .filter_map(|party| Some((party.index(), self.shards[party].clone()?)))
            .take(k)
            .collect();
        if shards.len() < k {
            return None;
        }
        let payload = erasure::decode(&shards, k, n, self.limit);
        let encodes = |payload: &Vec<u8>| Tree::new(&erasure::encode(payload, k, n)).root() == root;
        Some(match payload.filter(|p| encodes(p) || zoo::on(Mutant::RbcTrustsRoot)) {
            Some(payload) => Delivery::Payload(payload.into()),
            None => Delivery::BadSender,
        })
    }

    /// Whether any shard is kept.
    #[cfg(test)]
    pub(super) fn holds_any(&self) -> bool {
        self.shards.values().iter().any(Option::is_some)
    }

    /// Forgets all shards: after delivery nobody needs them.
    pub(super) fn clear(&mut self) {
        self.shards = PartyMap::new(self.committee);
    }
}
