//! Sends changed bytes that can still be read: an integer is one more or less, a bit is flipped, a byte
//! stands elsewhere. Tests that whatever can be read is handled, and blamed on its sender only.

use quorate_protocol::limits::MAX_ENVELOPE;
use quorate_protocol::wire;
use rand::RngExt;

use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Changes are tried so often: most give nothing that can be read.
const TRIES: usize = 8;

/// Before some of the right ones sends a message whose bytes were changed, or in their place.
pub(super) struct Garbler {
    percent: u8,
}

impl Garbler {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent }
    }
}

impl Adversary for Garbler {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        if rng.random_range(0..100) >= self.percent {
            return None;
        }
        let bytes = wire::encode(&letter.message);
        let mut changed = (0..TRIES).map(|_| {
            let mut changed = bytes.clone();
            garble(&mut changed, rng);
            changed
        });
        let changed = changed.find_map(|changed| {
            wire::decode::<Wire>(&changed, MAX_ENVELOPE).ok().filter(|_| changed != bytes)
        })?;
        let both: bool = rng.random();
        let right = both.then(|| letter.message.clone());
        Some([changed].into_iter().chain(right).collect())
    }
}

fn garble(bytes: &mut Vec<u8>, rng: &mut Rng) {
    // Most of a message is at its beginning: what it is and is about.
    let all = bytes.len().max(1);
    let within = if rng.random() { all.min(48) } else { all };
    let place = rng.random_range(0..within);
    let bit = 1 << rng.random_range(0..8);
    let change: fn(u8, u8) -> u8 = match rng.random_range(0..4) {
        0 => |byte, _| byte.wrapping_add(1),
        1 => |byte, _| byte.wrapping_sub(1),
        2 => |byte, bit| byte ^ bit,
        _ => |_, bit| bit,
    };
    match rng.random_range(0..8) {
        0 => bytes.truncate(place),
        1 => bytes.insert(place, bit),
        2 => bytes.swap(place, all.saturating_sub(1)),
        _ => bytes.iter_mut().skip(place).take(1).for_each(|byte| *byte = change(*byte, bit)),
    }
}
