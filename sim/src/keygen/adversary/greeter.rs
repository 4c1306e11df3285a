//! Claims to have heard more or less than it has, again and again.

use quorate_protocol::committee::PartyId;
use rand::RngExt;

use crate::Rng;
use crate::adversary::Adversary;
use crate::keygen::Wire;

/// Answers some messages by a hello that is false.
pub(super) struct Greeter;

impl Adversary<Wire> for Greeter {
    fn hear(&mut self, from: PartyId, heard: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if !matches!(heard, Wire::Said { .. }) || rng.random_range(0..8) > 0 {
            return Vec::new();
        }
        let next = if rng.random() { rng.random_range(0..2_000) } else { rng.random() };
        vec![(from, Wire::Hello { next, answer: rng.random() })]
    }
}
