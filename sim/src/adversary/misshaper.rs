//! Opens with vectors of the wrong length first, and then rightly. Tests that lengths are measured against
//! what is expected and not against what came first, and that who sent one is named.

use std::sync::Arc;

use quorate_protocol::math::{Field, Fp61};
use quorate_protocol::sharing::{Shares, open};
use rand::RngExt;

use super::parts::{Part, part};
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Before each vector of shares sends one that is too short, too long or empty.
pub(super) struct Misshaper;

impl Adversary for Misshaper {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        let Part::Opening(open::Message::Share(shares) | open::Message::Word(shares)) =
            part(&mut message)
        else {
            return None;
        };
        let mut vector = shares.to_vec();
        match rng.random_range(0..3) {
            0 => drop(vector.pop()?),
            1 => vector.push(Fp61::ONE),
            _ => vector = vec![Fp61::ONE; vector.len() + 100],
        }
        *shares = Arc::new(Shares::from(vector));
        Some(vec![message, letter.message.clone()])
    }
}
