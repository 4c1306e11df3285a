//! Says nothing more of a common subset once it has said DECIDE there. Tests that who decided early is
//! not needed any more: that a DECIDE says all that its sender would still have said.

use std::collections::BTreeSet;

use super::parts::{Place, place};
use super::{Adversary, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// Drops everything of a place after the first DECIDE there went to everybody.
#[derive(Default)]
pub(super) struct EarlyLeaver {
    left: BTreeSet<Place>,
    /// Where a DECIDE is being said: until its multicast is over.
    leaving: Option<Place>,
}

impl Adversary for EarlyLeaver {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let place = place(&letter.message)?;
        if self.left.contains(&place) {
            return Some(Vec::new());
        }
        if let Some(leaving) = self.leaving
            && (!letter.inner || leaving != place)
        {
            self.left.insert(leaving);
            self.leaving = None;
            if leaving == place {
                return Some(Vec::new());
            }
        }
        if Kind::of(&letter.message) == Some(Kind::Decide) {
            self.leaving = Some(place);
        }
        None
    }

    /// Places begin anew.
    fn begins(&mut self, _insider: &Insider) {
        self.left.clear();
        self.leaving = None;
    }
}
