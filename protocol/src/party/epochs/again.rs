//! What a member has said, for a peer that lost it: the member is made once more from its records.

use std::sync::Arc;

use super::{Epochs, EpochsConfig, EpochsEffect, EpochsEvent};
use crate::committee::PartyId;
use crate::party::event::Again;
use crate::party::{Effect, Message, MessageOf, RealSuite};
use crate::protocol::Recipient;

/// What was said once.
pub struct Word {
    /// In which epoch.
    pub epoch: u64,
    /// To whom: to the peer alone, or to it as to all others.
    pub to: Recipient,
    /// What.
    pub message: MessageOf<RealSuite>,
}

/// What is said once more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Repeat {
    epoch: u64,
    what: Again,
}

impl Repeat {
    /// All that is open, in all epochs.
    pub const ALL: Self = Self { epoch: 0, what: Again::All };

    /// What is wanted of an epoch's party.
    pub const fn of(epoch: u64, what: Again) -> Self {
        match what {
            Again::All => Self::ALL,
            Again::Runs(_) => Self { epoch, what },
        }
    }

    fn says(self, epoch: u64, message: &MessageOf<RealSuite>) -> bool {
        (self.what == Again::All || epoch == self.epoch) && self.what.says(message)
    }
}

impl Epochs {
    /// What this member is made from, with the keys it still needs.
    pub fn config_again(&self) -> EpochsConfig {
        let first = self.live.iter().find(|(epoch, _)| self.store.begun(**epoch).is_none());
        EpochsConfig {
            network: self.network,
            policy: self.policy,
            accountable: self.accountable,
            identities: Arc::clone(&self.identities),
            first: first.map(|(_, live)| live.keys.clone()),
        }
    }

    /// What this member, which was made from its records and has not begun, has said to a peer in all that
    /// is open, or in one epoch's runs; of all that is open also that it has started, so that the peer
    /// asks for what it lacks of the rest.
    pub fn words_for(mut self, peer: PartyId, repeat: Repeat) -> Vec<Word> {
        let effects = self.step(EpochsEvent::Start).into_iter();
        let word = |effect| match effect {
            // Refreshes have numbers of their own: see `EpochsEvent::Missed`.
            EpochsEffect::Party {
                effect: Effect::Send { message: Message::Refresh(_), .. },
                ..
            } => None,
            EpochsEffect::Party { epoch, effect: Effect::Send { to, message } }
                if (to == Recipient::All || to == Recipient::One(peer))
                    && repeat.says(epoch, &message) =>
            {
                Some(Word { epoch, to, message })
            }
            _ => None,
        };
        effects.filter_map(word).collect()
    }
}
