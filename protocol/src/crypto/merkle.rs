//! Commitments to a list of byte strings, opened one leaf at a time.
//!
//! A binary hash tree in the shape of RFC 6962: on each level neighbours are paired, and a last
//! one without a neighbour moves up unchanged. Leaves, inner nodes and the root are hashed in
//! different domains. A leaf's hash covers its index and the root's covers the number of leaves, so
//! a path proves one leaf at one index of a list of one length, and nothing else.

use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use serde::{Deserialize, Serialize};

use super::transcript::Digest;

// What each kind of node is hashed in, itself hashed once.
static LEAF: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("quorate 2026 merkle leaf v1"));
static NODE: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("quorate 2026 merkle node v1"));
static ROOT: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("quorate 2026 merkle root v1"));

/// A hash tree over a list of leaves.
#[derive(Clone, Debug)]
pub struct Tree {
    /// From the leaves' hashes up to a level of at most one.
    levels: Vec<Vec<Digest>>,
    root: Digest,
}

/// What proves that a leaf belongs to a root: the siblings on the way up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Path(Vec<Digest>);

impl Tree {
    /// The tree over `leaves`, of which there may be none.
    pub fn new(leaves: &[impl AsRef<[u8]>]) -> Self {
        let hash = |(index, leaf): (u64, &_)| leaf_hash(index, AsRef::<[u8]>::as_ref(leaf));
        let mut level: Vec<Digest> = (0..).zip(leaves).map(hash).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => node_hash(left, right),
                alone => alone.iter().copied().next().expect("chunks are not empty"),
            });
            let above = above.collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        let root = root_hash(leaves.len() as u64, level.first());
        levels.push(level);
        Self { levels, root }
    }

    /// The commitment.
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// The proof for the leaf at `index`. Empty, and proving nothing, if there is no such leaf.
    pub fn path(&self, index: usize) -> Path {
        let leaves = self.levels.first().map_or(0, Vec::len);
        let heights = self.levels.iter().enumerate().take_while(|_| index < leaves);
        let sibling = |(height, level): (usize, &Vec<_>)| level.get((index >> height) ^ 1).copied();
        Path(heights.filter_map(sibling).collect())
    }
}

impl Path {
    /// Whether the path is no longer than those in a tree of `leaves` leaves are.
    pub fn fits(&self, leaves: usize) -> bool {
        self.0.len() <= leaves.next_power_of_two().ilog2() as usize
    }
}

/// Whether `leaf` is number `index` of the `leaves` leaves under `root`. Total on any path.
pub fn verify(root: &Digest, leaves: usize, index: usize, leaf: &[u8], path: &Path) -> bool {
    if index >= leaves {
        return false;
    }
    let mut hash = leaf_hash(index as u64, leaf);
    let (mut position, mut width) = (index, leaves);
    let mut siblings = path.0.iter();
    while width > 1 {
        if position ^ 1 < width {
            let Some(sibling) = siblings.next() else { return false };
            hash = if position.is_multiple_of(2) {
                node_hash(&hash, sibling)
            } else {
                node_hash(sibling, &hash)
            };
        }
        position /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && root_hash(leaves as u64, Some(&hash)) == *root
}

fn leaf_hash(index: u64, leaf: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_from_context_key(&LEAF);
    hasher.update(&index.to_le_bytes());
    hasher.update(leaf);
    Digest::from(*hasher.finalize().as_bytes())
}

fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new_from_context_key(&NODE);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    Digest::from(*hasher.finalize().as_bytes())
}

fn root_hash(leaves: u64, top: Option<&Digest>) -> Digest {
    let mut hasher = blake3::Hasher::new_from_context_key(&ROOT);
    hasher.update(&leaves.to_le_bytes());
    if let Some(top) = top {
        hasher.update(top.as_bytes());
    }
    Digest::from(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|i| vec![i as u8; i % 5]).collect()
    }

    #[test]
    fn every_leaf_of_every_small_tree_is_proven_at_its_place_only() {
        for count in 1..=20 {
            let leaves = leaves(count);
            let tree = Tree::new(&leaves);
            for (i, leaf) in leaves.iter().enumerate() {
                let path = tree.path(i);
                assert!(path.fits(count));
                for index in 0..=count {
                    assert_eq!(verify(&tree.root(), count, index, leaf, &path), index == i);
                }
                for other in (0..=2 * count).filter(|other| *other != count) {
                    assert!(!verify(&tree.root(), other, i, leaf, &path), "{other} leaves");
                }
            }
            assert!(tree.path(count).0.is_empty() && tree.path(usize::MAX).0.is_empty());
        }
    }

    #[test]
    fn changed_leaves_paths_and_roots_are_refused() {
        let leaves = leaves(7);
        let tree = Tree::new(&leaves);
        let path = tree.path(3);
        assert!(verify(&tree.root(), 7, 3, &leaves[3], &path));
        assert!(!verify(&tree.root(), 7, 3, &leaves[4], &path));
        assert!(!verify(&Tree::new(&leaves[..6]).root(), 7, 3, &leaves[3], &path));
        for i in 0..path.0.len() {
            let mut changed = path.clone();
            changed.0[i] = Digest::from([9; 32]);
            assert!(!verify(&tree.root(), 7, 3, &leaves[3], &changed));
            changed.0.remove(i);
            assert!(!verify(&tree.root(), 7, 3, &leaves[3], &changed), "shorter");
        }
        let mut longer = path;
        longer.0.push(tree.root());
        assert!(!verify(&tree.root(), 7, 3, &leaves[3], &longer));
        assert!(!longer.fits(7) && longer.fits(9));
    }

    #[test]
    fn an_inner_node_is_no_leaf_and_lengths_differ_in_the_root() {
        let four = Tree::new(&leaves(4));
        let pair: Vec<u8> = four.levels[0][..2].iter().flat_map(|d| *d.as_bytes()).collect();
        let above = Path(vec![four.levels[1][1]]);
        assert!(!verify(&four.root(), 2, 0, &pair, &above));
        assert!(!verify(&four.root(), 4, 0, &pair, &above));
        let same = Tree::new(&[b"same"; 4]);
        assert_ne!(same.levels[0][0], same.levels[0][2], "nor does a leaf's hash serve elsewhere");
        let roots: std::collections::BTreeSet<_> =
            (0..20).map(|n| Tree::new(&vec![b"same"; n]).root()).collect();
        assert_eq!(roots.len(), 20);
    }
}
