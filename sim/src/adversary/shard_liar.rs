//! Lies about pieces of ciphertexts: pieces that are not what was dispersed, with another path, or another
//! holder's. Tests that a piece is checked against its root at its holder's place before it is used.
//! Nothing in a party is broadcast in long form, so only dispersals have pieces.

use std::fmt;

use quorate_protocol::crypto::Digest;
use quorate_protocol::sharing::acss::{self, Shard};
use quorate_protocol::wire;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::other::flipped;
use super::parts::{Part, part};
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// What is wrong with a piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BadShard {
    /// Its bytes.
    Bytes,
    /// Its length.
    Length,
    /// The path to the root.
    Path,
    /// The path's length.
    ShortPath,
    /// It is the piece of another ciphertext, or for another holder.
    Another,
}

impl fmt::Display for BadShard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes => "other bytes",
            Self::Length => "another length",
            Self::Path => "another path",
            Self::ShortPath => "a shorter path",
            Self::Another => "another's",
        })
    }
}

/// Falsifies every piece that it sends.
pub(super) struct ShardLiar {
    how: BadShard,
    /// The last piece that was sent as it should be.
    last: Option<Shard>,
}

impl ShardLiar {
    pub(super) const fn new(how: BadShard) -> Self {
        Self { how, last: None }
    }

    fn falsify(&mut self, shard: &mut Shard, rng: &mut Rng) -> Option<()> {
        let before = self.last.replace(shard.clone());
        match self.how {
            BadShard::Bytes => shard.bytes = flipped(&shard.bytes, 0, rng),
            BadShard::Length => shard.bytes = shard.bytes.get(1..)?.into(),
            BadShard::Path | BadShard::ShortPath => {
                let mut path: Vec<Digest> =
                    wire::decode(&wire::encode(&shard.path), usize::MAX).ok()?;
                match self.how {
                    BadShard::Path => *path.last_mut()? = Digest::from(rng.random::<[u8; 32]>()),
                    _ => drop(path.pop()?),
                }
                shard.path = wire::decode(&wire::encode(&path), usize::MAX).ok()?;
            }
            BadShard::Another => *shard = before.filter(|before| before != shard)?,
        }
        Some(())
    }
}

impl Adversary for ShardLiar {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        match part(&mut message) {
            Part::Sharing(acss::Message::Forward(shard)) => self.falsify(shard, rng)?,
            Part::Sharing(acss::Message::Shards(shards)) => {
                let lies = shards.iter_mut().map(|shard| self.falsify(shard, rng));
                lies.fold(None, Option::or)?;
            }
            _ => return None,
        }
        Some(vec![message])
    }
}
