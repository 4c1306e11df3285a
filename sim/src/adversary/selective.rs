//! Leaves some members out: they hear nothing of it, or nothing of one kind. Tests that nobody needs
//! to hear a thing from who has it first: totality of broadcasts, PULL, dispersals, catching up.

use quorate_protocol::committee::PartySet;

use super::{Adversary, Kind, Letter};
use crate::{Rng, Wire};

/// Drops letters to its victims.
pub(super) struct Selective {
    victims: PartySet,
    of: Option<Kind>,
}

impl Selective {
    pub(super) const fn new(victims: PartySet, of: Option<Kind>) -> Self {
        Self { victims, of }
    }
}

impl Adversary for Selective {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let meant = self.of.is_none() || self.of == Kind::of(&letter.message);
        (meant && self.victims.contains(letter.to)).then(Vec::new)
    }
}
