//! Sends changed bytes: what can still be read of them arrives.

use quorate_protocol::keys::ceremony::{decode, encode};
use rand::RngExt;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Wire;

/// Sends a changed frame before some of the right ones.
pub(super) struct Garbler {
    percent: u8,
}

impl Garbler {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent }
    }
}

impl Adversary<Wire> for Garbler {
    fn rewrite(&mut self, letter: &Letter<Wire>, rng: &mut Rng) -> Option<Vec<Wire>> {
        if rng.random_range(0..100) >= self.percent {
            return None;
        }
        let mut messages = Vec::new();
        for mut frame in encode([letter.message.clone()]) {
            garble(&mut frame, rng);
            messages.extend(decode(&frame).map(|decoded| decoded.messages).unwrap_or_default());
        }
        messages.push(letter.message.clone());
        Some(messages)
    }
}

fn garble(frame: &mut Vec<u8>, rng: &mut Rng) {
    match rng.random_range(0..8) {
        0 => frame.truncate(rng.random_range(0..=frame.len())),
        1 => frame.push(rng.random()),
        2 => rng.fill(frame.as_mut_slice()),
        _ => {
            for _ in 0..rng.random_range(1..=3) {
                let place = rng.random_range(0..frame.len().max(1));
                let bit = 1 << rng.random_range(0..8);
                frame.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= bit);
            }
        }
    }
}
