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
    fn rewrite(&mut self, letter: Letter<Wire>, rng: &mut Rng) -> Vec<Wire> {
        let mut messages = Vec::new();
        if let Wire::Said { number, message } = &letter.message
            && rng.random_range(0..100) < self.percent
        {
            let number = match rng.random_range(0..4) {
                0 => number.wrapping_sub(1),
                1 => number.wrapping_add(1),
                2 => number.wrapping_add(rng.random_range(0..1_000)),
                _ => rng.random(),
            };
            messages.push(Wire::Said { number, message: message.clone() });
        }
        messages.push(letter.message);
        messages
    }
}
