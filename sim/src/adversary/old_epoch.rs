//! Says in an epoch what it said in the one before.

use rand::RngExt;

use super::{Adversary, Insider, Letter};
use crate::{Rng, Wire};

/// So many messages of an epoch are kept.
const KEPT: usize = 4_000;

/// With each message in an epoch repeats one of the epoch before.
#[derive(Default)]
pub(super) struct OldEpoch {
    said: Vec<Wire>,
    before: Vec<Wire>,
}

impl Adversary for OldEpoch {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        if self.said.len() < KEPT {
            self.said.push(letter.message.clone());
        }
        if self.before.is_empty() {
            return None;
        }
        let old = self.before.get(rng.random_range(0..self.before.len()))?;
        Some(vec![letter.message.clone(), old.clone()])
    }

    fn begins(&mut self, _insider: &Insider) {
        self.before = std::mem::take(&mut self.said);
    }
}
