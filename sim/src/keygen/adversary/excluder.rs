//! Works against one member: helps its dealing and its set in nothing, and votes against it.

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::PartyId;
use quorate_protocol::keys::generation::Message;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Content;

/// Says nothing about the target but 0.
pub(super) struct Excluder {
    target: PartyId,
}

impl Excluder {
    pub(super) const fn new(target: PartyId) -> Self {
        Self { target }
    }
}

impl Adversary<Content> for Excluder {
    fn rewrite(&mut self, letter: &Letter<Content>, _rng: &mut Rng) -> Option<Vec<Content>> {
        let mut content = letter.message.clone();
        if let Message::Dealing(of, _) | Message::Set(of, _) = &content
            && *of == self.target
        {
            return Some(Vec::new());
        }
        if let Message::Agreement(acs::Message::Votes { zero, one, bot, .. }) = &mut content
            && (one.remove(self.target) || bot.remove(self.target))
        {
            zero.insert(self.target);
            return Some(vec![content]);
        }
        None
    }
}
