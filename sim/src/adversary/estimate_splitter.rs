//! Keeps the members divided in agreements: votes 1 to some and 0 to the rest, and waits for nothing to do
//! so. Tests that agreements end though the estimates of the honest are kept at a tie.

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::{PartyId, PartySet};

use super::parts::{Part, part, place, round};
use super::{Adversary, Kind, Letter};
use crate::{Rng, Wire};

/// Votes 1 to a part of the members, and 0 to the others; its E3 are all bot.
pub(super) struct EstimateSplitter {
    part: PartySet,
    /// Rounds in which it has spoken already because of what it heard.
    begun: std::collections::BTreeSet<(super::parts::Place, u32, PartyId)>,
}

impl EstimateSplitter {
    pub(super) const fn new(part: PartySet) -> Self {
        Self { part, begun: std::collections::BTreeSet::new() }
    }

    /// The votes as they are said to this member.
    fn split(&self, message: &mut Wire, to: PartyId) -> Option<()> {
        let Part::Agreement(acs::Message::Votes { zero, one, bot, kind, .. }) = part(message)
        else {
            return None;
        };
        let all = zero.union(*one).union(*bot);
        (*zero, *one, *bot) = match kind {
            acs::Kind::E3 => (PartySet::EMPTY, PartySet::EMPTY, all),
            _ if self.part.contains(to) => (PartySet::EMPTY, all, PartySet::EMPTY),
            _ => (all, PartySet::EMPTY, PartySet::EMPTY),
        };
        Some(())
    }
}

impl Adversary for EstimateSplitter {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        self.split(&mut message, letter.to)?;
        Some(vec![message])
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if Kind::of(heard) != Some(Kind::E1) {
            return Vec::new();
        }
        let (Some(place), Some(round)) = (place(heard), round(heard)) else { return Vec::new() };
        if !self.begun.insert((place, round, from)) {
            return Vec::new();
        }
        let mut echo = heard.clone();
        let split = self.split(&mut echo, from);
        split.map(|()| (from, echo)).into_iter().collect()
    }

    fn begins(&mut self, _insider: &super::Insider) {
        self.begun.clear();
    }
}
