//! Gives one thing two numbers, and one number to two things.

use rand::RngExt;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Wire;

/// Sends some messages once more: under another number, or that of the one before.
pub(super) struct Renumberer {
    percent: u8,
}

impl Renumberer {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent }
    }
}

impl Adversary<Wire> for Renumberer {
    fn rewrite(&mut self, letter: &Letter<Wire>, rng: &mut Rng) -> Option<Vec<Wire>> {
        let Wire::Said { number, message } = &letter.message else { return None };
        if rng.random_range(0..100) >= self.percent {
            return None;
        }
        let number = match rng.random_range(0..4) {
            0 => number.wrapping_sub(1),
            1 => number.wrapping_add(1),
            2 => number.wrapping_add(rng.random_range(0..1_000)),
            _ => rng.random(),
        };
        let again = Wire::Said { number, message: message.clone() };
        Some(vec![again, letter.message.clone()])
    }
}
