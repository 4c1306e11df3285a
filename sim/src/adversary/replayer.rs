//! Says again what it or others said: as it was, or about the slot, run, decision or round of now. Tests
//! that everything is bound to its place, and that what was said counts for who said it.

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::PartyId;
use quorate_protocol::party::Message;
use rand::RngExt;

use super::parts::{Part, part};
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Most messages of which one is chosen.
const KEPT: usize = 512;

/// Answers some messages by an earlier one.
pub(super) struct Replayer {
    percent: u8,
    earlier: Vec<Wire>,
}

impl Replayer {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent, earlier: Vec::new() }
    }

    fn keep(&mut self, message: &Wire, rng: &mut Rng) {
        if self.earlier.len() < KEPT {
            self.earlier.push(message.clone());
        } else if rng.random_range(0..8) == 0
            && let Some(place) = self.earlier.get_mut(rng.random_range(0..KEPT))
        {
            *place = message.clone();
        }
    }
}

impl Adversary for Replayer {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        self.keep(&letter.message, rng);
        None
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        self.keep(heard, rng);
        if rng.random_range(0..100) >= self.percent {
            return Vec::new();
        }
        let earlier = self.earlier.get(rng.random_range(0..self.earlier.len().max(1)));
        let mut again = |earlier: &Wire| match rng.random() {
            true => readdressed(earlier.clone(), heard),
            false => earlier.clone(),
        };
        earlier.map(|earlier| (from, again(earlier))).into_iter().collect()
    }
}

/// The message as if it were about what `now` is about.
fn readdressed(mut message: Wire, now: &Wire) -> Wire {
    match (&mut message, now) {
        (Message::Slot(place, _), Message::Slot(now, _))
        | (Message::Run(place, _), Message::Run(now, _))
        | (Message::Decision(place, _), Message::Decision(now, _)) => *place = *now,
        (Message::Proposal(id, _), Message::Proposal(now, _))
        | (Message::Document(id, _), Message::Document(now, _)) => *id = *now,
        _ => {}
    }
    let mut now = now.clone();
    if let (Part::Agreement(m), Part::Agreement(now)) = (part(&mut message), part(&mut now)) {
        let (acs::Message::Votes { round: latest, .. }
        | acs::Message::Shares { round: latest, .. }
        | acs::Message::Resend { round: latest, .. }) = now;
        let (acs::Message::Votes { round, .. }
        | acs::Message::Shares { round, .. }
        | acs::Message::Resend { round, .. }) = m;
        *round = *latest;
    }
    message
}
