//! Works against one member's input: votes against it, and helps its broadcast in nothing.

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::{collect, life};
use quorate_protocol::party::Message;

use super::parts::{Part, part};
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
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        match &letter.message {
            Message::Decision(_, life::Message::Collect(collect::Message::Value(of, _)))
            | Message::Slot(_, collect::Message::Value(of, _))
                if *of == self.target =>
            {
                return Some(Vec::new());
            }
            _ => {}
        }
        let mut message = letter.message.clone();
        if let Part::Agreement(acs::Message::Votes { zero, one, bot, .. }) = part(&mut message)
            && (one.remove(self.target) || bot.remove(self.target))
        {
            zero.insert(self.target);
            return Some(vec![message]);
        }
        None
    }
}
