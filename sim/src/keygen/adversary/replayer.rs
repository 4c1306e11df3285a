//! Says again what it said, and in its own name what others said.

use quorate_protocol::committee::PartyId;
use rand::RngExt;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Content;

/// Most messages of which one is chosen.
const KEPT: usize = 256;

/// Answers some messages by an earlier one.
pub(super) struct Replayer {
    percent: u8,
    earlier: Vec<Content>,
}

impl Replayer {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent, earlier: Vec::new() }
    }

    fn keep(&mut self, content: &Content, rng: &mut Rng) {
        if self.earlier.len() < KEPT {
            self.earlier.push(content.clone());
        } else if let Some(place) = self.earlier.get_mut(rng.random_range(0..KEPT)) {
            *place = content.clone();
        }
    }
}

impl Adversary<Content> for Replayer {
    fn rewrite(&mut self, letter: &Letter<Content>, rng: &mut Rng) -> Option<Vec<Content>> {
        self.keep(&letter.message, rng);
        None
    }

    fn hear(&mut self, from: PartyId, heard: &Content, rng: &mut Rng) -> Vec<(PartyId, Content)> {
        self.keep(heard, rng);
        if rng.random_range(0..100) >= self.percent {
            return Vec::new();
        }
        let earlier = self.earlier.get(rng.random_range(0..self.earlier.len()));
        earlier.map(|content| (from, content.clone())).into_iter().collect()
    }
}
