//! Stops in the middle of a multicast: some got the message, the others never will.

use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Honest for a number of letters, then stops inside the next multicast.
pub(super) struct Crash {
    letters: u64,
    dead: bool,
}

impl Crash {
    pub(super) const fn new(letters: u64) -> Self {
        Self { letters, dead: false }
    }
}

impl Adversary for Crash {
    fn rewrite(&mut self, letter: Letter, _rng: &mut Rng) -> Vec<Wire> {
        self.letters = self.letters.saturating_sub(1);
        self.dead |= self.letters == 0 && letter.inner;
        if self.dead { Vec::new() } else { vec![letter.message] }
    }
}
