//! Tells some members otherwise than the rest. Tests that each kind of message is counted once for
//! each sender, that thresholds leave no room for two values, and that who can be named is named.

use quorate_protocol::committee::PartySet;
use rand::RngExt;

use super::other::other;
use super::{Adversary, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// Contradicts itself to its victims: in one kind of message, or at last in all.
pub(super) struct Equivocator {
    victims: PartySet,
    of: Option<Kind>,
    /// So many letters are honest before.
    honest: u64,
    insider: Insider,
}

impl Equivocator {
    /// In messages of one kind.
    pub(super) const fn of(kind: Kind, victims: PartySet, insider: Insider) -> Self {
        Self { victims, of: Some(kind), honest: 0, insider }
    }

    /// In about half of all messages, after so many honest ones.
    pub(super) const fn late(honest: u64, victims: PartySet, insider: Insider) -> Self {
        Self { victims, of: None, honest, insider }
    }
}

impl Adversary for Equivocator {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        if self.honest > 0 {
            self.honest -= 1;
            return None;
        }
        if !self.victims.contains(letter.to) {
            return None;
        }
        match self.of {
            None if rng.random() => Some(other(&self.insider, &letter.message, rng)?),
            Some(kind) if Kind::of(&letter.message) == Some(kind) => {
                return Some(other(&self.insider, &letter.message, rng).into_iter().collect());
            }
            _ => None,
        }
        .map(|other| vec![other])
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
    }
}
