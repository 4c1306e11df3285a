//! Withholds some of what it has to say: from each recipient something else.

use rand::RngExt;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Content;

/// Drops letters at random.
pub(super) struct Selective {
    percent: u8,
}

impl Selective {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent }
    }
}

impl Adversary<Content> for Selective {
    fn rewrite(&mut self, _letter: &Letter<Content>, rng: &mut Rng) -> Option<Vec<Content>> {
        (rng.random_range(0..100) < self.percent).then(Vec::new)
    }
}
