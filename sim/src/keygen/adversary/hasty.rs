//! Says that sharings are complete as soon as it hears of them.

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::keys::generation::Message;
use quorate_protocol::sharing::acss;

use crate::Rng;
use crate::adversary::Adversary;
use crate::keygen::Content;

/// OK and DONE at once, to everybody.
pub(super) struct Hasty {
    committee: Committee,
    done: PartySet,
}

impl Hasty {
    pub(super) const fn new(committee: Committee) -> Self {
        Self { committee, done: PartySet::EMPTY }
    }
}

impl Adversary<Content> for Hasty {
    fn hear(&mut self, _: PartyId, heard: &Content, _: &mut Rng) -> Vec<(PartyId, Content)> {
        let Message::Dealing(dealer, _) = heard else { return Vec::new() };
        if !self.done.insert(*dealer) {
            return Vec::new();
        }
        let said = [acss::Message::Ok, acss::Message::Done];
        let to_all = |to| said.clone().map(|m| (to, Message::Dealing(*dealer, m)));
        self.committee.parties().flat_map(to_all).collect()
    }
}
