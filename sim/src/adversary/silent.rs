//! Says nothing.

use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Says nothing at all.
pub(super) struct Silent;

impl Adversary for Silent {
    fn rewrite(&mut self, _letter: Letter, _rng: &mut Rng) -> Vec<Wire> {
        Vec::new()
    }
}
