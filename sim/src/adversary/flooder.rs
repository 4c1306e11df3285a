//! Floods with what is far ahead: positions, slots, runs, sequence numbers and rounds that come later or
//! never. Tests that early messages are kept within the limits of who sent them, and that a flood leaves
//! room for what others say early.

use quorate_protocol::agreement::acs;
use quorate_protocol::party::Message;
use rand::RngExt;

use super::parts::{Part, part};
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Beside some messages sends the same for later, several times.
pub(super) struct Flooder {
    percent: u8,
}

impl Flooder {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent }
    }
}

/// So much ahead: within a window, about its end, beyond it, and beyond everything.
fn ahead(rng: &mut Rng) -> u64 {
    match rng.random_range(0..5) {
        0 => rng.random_range(1..8),
        1 => rng.random_range(4..70),
        2 => rng.random_range(60..5_000),
        3 => 1 << rng.random_range(12..63),
        _ => u64::MAX,
    }
}

impl Adversary for Flooder {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        if rng.random_range(0..100) >= self.percent {
            return None;
        }
        let mut said = vec![letter.message.clone()];
        for _ in 0..rng.random_range(1..5) {
            let mut later = letter.message.clone();
            put_ahead(&mut later, rng)?;
            said.push(later);
        }
        Some(said)
    }
}

fn put_ahead(message: &mut Wire, rng: &mut Rng) -> Option<()> {
    let by = ahead(rng);
    if rng.random::<bool>()
        && let Part::Agreement(
            acs::Message::Votes { round, .. }
            | acs::Message::Shares { round, .. }
            | acs::Message::Resend { round, .. },
        ) = part(message)
    {
        *round = round.saturating_add(u32::try_from(by).unwrap_or(u32::MAX));
        return Some(());
    }
    match message {
        Message::Slot(place, _)
        | Message::Run(place, _)
        | Message::RunDone(place)
        | Message::Decision(place, _) => *place = place.saturating_add(by),
        Message::Proposal(id, _) | Message::Document(id, _) => {
            id.sequence = id.sequence.saturating_add(by);
        }
        Message::Sync(_) | Message::Refresh(_) => return None,
    }
    Some(())
}
