//! Works against one member's input: votes against it, and helps its broadcast in nothing.

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::{collect, life};
use quorate_protocol::party::Message;

use super::wrong_coin::agreement_mut;
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Votes 0 wherever it is about the target, and withholds what would spread the target's values.
pub(super) struct Excluder {
    target: PartyId,
}

impl Excluder {
    pub(super) const fn new(target: PartyId) -> Self {
        Self { target }
    }
}

impl Adversary for Excluder {
    fn rewrite(&mut self, letter: Letter, _rng: &mut Rng) -> Vec<Wire> {
        let mut message = letter.message;
        match &mut message {
            Message::Decision(_, life::Message::Collect(collect::Message::Value(of, _)))
            | Message::Slot(_, collect::Message::Value(of, _))
                if *of == self.target =>
            {
                return Vec::new();
            }
            _ => {}
        }
        if let Some(acs::Message::Votes { zero, one, bot, .. }) = agreement_mut(&mut message)
            && (one.remove(self.target) || bot.remove(self.target))
        {
            zero.insert(self.target);
        }
        vec![message]
    }
}
