//! Names of protocol instances.
//!
//! Every hash domain, coin, seed and signature input is named through a [`Tag`], so that nothing
//! made for one instance can be used in another. A tag is the hash of its parent's tag and a
//! label; named and indexed children are disjoint, and the root binds network and epoch.

use std::fmt;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use serde::{Deserialize, Serialize};

use crate::zoo::{self, Mutant};

/// What all children are hashed in, itself hashed once.
static CHILD: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("quorate 2026 tag child v1"));

/// The name of a protocol instance.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag([u8; 32]);

impl Tag {
    /// The root of all names in one epoch of one network. `network` is the network's digest.
    pub fn root(network: &[u8; 32], epoch: u64) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("quorate 2026 tag root v1");
        hasher.update(network);
        hasher.update(&zoo::instead(epoch, Mutant::RootOfAllEpochs, 0).to_le_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// The child called `label`.
    pub fn child(&self, label: &str) -> Self {
        self.derive(label, &[])
    }

    /// Child number `index` of the family `label`; never equal to a [`Tag::child`].
    pub fn indexed(&self, label: &str, index: u64) -> Self {
        self.derive(label, &index.to_le_bytes())
    }

    /// The bytes of the name.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    // The length of `suffix` (0 or 8) is hashed with the label's, so children never collide.
    fn derive(&self, label: &str, suffix: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_from_context_key(&CHILD);
        hasher.update(&self.0);
        hasher.update(&(label.len() as u64).to_le_bytes());
        hasher.update(&(suffix.len() as u64).to_le_bytes());
        hasher.update(label.as_bytes());
        hasher.update(suffix);
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Tag({a:02x}{b:02x}{c:02x}{d:02x})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_of_all_kinds_are_distinct() {
        let root = Tag::root(&[1; 32], 0);
        let eight = std::str::from_utf8(&[0; 8]).unwrap();
        let mut tags = vec![
            root,
            Tag::root(&[1; 32], 1),
            Tag::root(&[2; 32], 0),
            root.child("a"),
            root.child("ab"),
            root.child(&format!("a{eight}")),
            root.indexed("a", 0),
            root.indexed("a", 1),
            root.child("a").child("b"),
        ];
        tags.sort();
        let before = tags.len();
        tags.dedup();
        assert_eq!(tags.len(), before);
    }
}
