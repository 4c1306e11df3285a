//! Stops in the middle of a multicast: some got the message, the others never will.

use super::{Adversary, Letter};
use crate::Rng;

/// Honest for a number of letters, then stops inside the next multicast.
pub(crate) struct Crash {
    letters: u64,
    dead: bool,
}

impl Crash {
    pub(crate) const fn new(letters: u64) -> Self {
        Self { letters, dead: false }
    }
}

impl<M> Adversary<M> for Crash {
    fn rewrite(&mut self, letter: &Letter<M>, _rng: &mut Rng) -> Option<Vec<M>> {
        self.letters = self.letters.saturating_sub(1);
        self.dead |= self.letters == 0 && letter.inner;
        self.dead.then(Vec::new)
    }
}
