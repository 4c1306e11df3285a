//! What a member has said, for a peer that lost it: the member is made once more from its records.

use std::sync::Arc;

use super::{Epochs, EpochsConfig, EpochsEffect, EpochsEvent};
use crate::committee::PartyId;
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
    /// is open; and that it has started, so that the peer asks for what it lacks of
    /// the rest.
    pub fn words_for(mut self, peer: PartyId) -> Vec<Word> {
        let effects = self.step(EpochsEvent::Start).into_iter();
        let word = |effect| match effect {
            // Refreshes have numbers of their own: see `EpochsEvent::Missed`.
            EpochsEffect::Party {
                effect: Effect::Send { message: Message::Refresh(_), .. },
                ..
            } => None,
            EpochsEffect::Party { epoch, effect: Effect::Send { to, message } }
                if to == Recipient::All || to == Recipient::One(peer) =>
            {
                Some(Word { epoch, to, message })
            }
            _ => None,
        };
        effects.filter_map(word).collect()
    }
}
