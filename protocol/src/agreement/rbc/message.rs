//! What parties of a reliable broadcast send each other, and how votes are counted.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::crypto::merkle::Path;
use crate::crypto::{Digest, Signature};
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

/// A message of a reliable broadcast.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// Short mode: the payload, and the sender's signature over its digest.
    Send {
        /// What is broadcast.
        payload: Bytes,
        /// By the sender, over the payload's digest.
        signature: Signature,
    },
    /// Long mode: the recipient's shard, and the sender's signature over the root.
    SendShard {
        /// Shard of the recipient, under the root.
        shard: Shard,
        /// By the sender, over the root.
        signature: Signature,
    },
    /// Short mode: the sender sent me this.
    Echo(Digest),
    /// Long mode: the sender sent me this, my shard.
    EchoShard(Shard),
    /// Enough parties have it; it can be delivered.
    Ready(Digest),
    /// Short mode: send me what you echoed.
    Pull(Digest),
    /// Short mode: what you pulled, or may lack when I am gone.
    Payload(Bytes),
}

/// One party's shard of a payload, with the proof that it is the root's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Shard {
    /// Root of the tree over all shards.
    pub root: Digest,
    /// The shard.
    pub bytes: Bytes,
    /// From the shard up to the root.
    pub path: Path,
}

/// The kind only: digests and sizes are not for logs.
impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send { .. } | Self::SendShard { .. } => "SEND",
            Self::Echo(_) | Self::EchoShard(_) => "ECHO",
            Self::Ready(_) => "READY",
            Self::Pull(_) => "PULL",
            Self::Payload(_) => "PAYLOAD",
        })
    }
}

/// One kind of vote: at most one digest of each party is kept, its first.
#[derive(Debug)]
pub(super) struct Votes(PartyMap<Option<Digest>>);

/// What a vote was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Vote {
    /// The party's first.
    First,
    /// The party's first once more.
    Again,
    /// Another than the party's first.
    Conflicting,
}

impl Votes {
    pub(super) fn new(committee: Committee) -> Self {
        Self(PartyMap::new(committee))
    }

    /// What a vote of `from` for `digest` would be.
    pub(super) fn judge(&self, from: PartyId, digest: Digest) -> Vote {
        match self.0[from] {
            None => Vote::First,
            Some(first) if first == digest => Vote::Again,
            Some(_) => Vote::Conflicting,
        }
    }

    /// Counts a vote if it is the party's first.
    pub(super) fn cast(&mut self, from: PartyId, digest: Digest) -> Vote {
        let unused = || self.0.iter().find(|(_, vote)| vote.is_none()).map(|(party, _)| party);
        let counts_messages = zoo::on(Mutant::RbcCountsMessages);
        let from = if counts_messages { unused().unwrap_or(from) } else { from };
        let vote = self.judge(from, digest);
        self.0[from].get_or_insert(digest);
        vote
    }

    /// The parties that voted for `digest`.
    pub(super) fn supporters(&self, digest: Digest) -> PartySet {
        self.0.iter().filter(|(_, vote)| **vote == Some(digest)).map(|(party, _)| party).collect()
    }

    /// How many parties voted for `digest`.
    pub(super) fn count(&self, digest: Digest) -> usize {
        self.supporters(digest).len()
    }
}
