//! Says nothing.

use super::{Adversary, Letter};
use crate::Rng;

/// Says nothing at all.
pub(crate) struct Silent;

impl<M> Adversary<M> for Silent {
    fn rewrite(&mut self, _letter: &Letter<M>, _rng: &mut Rng) -> Option<Vec<M>> {
        Some(Vec::new())
    }
}
