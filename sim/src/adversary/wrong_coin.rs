//! Sends coin shares that are not of the coin that is tossed.

use quorate_protocol::agreement::acs;
use quorate_protocol::agreement::coin::Coin;
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::{CoinShare, Message, RealSuite};

use super::{Adversary, Insider, Letter};
use crate::{Rng, Wire};

/// Replaces each of its coin shares by one of another coin.
pub(super) struct WrongCoin {
    insider: Insider,
}

impl WrongCoin {
    pub(super) const fn new(insider: Insider) -> Self {
        Self { insider }
    }
}

impl Adversary for WrongCoin {
    fn rewrite(&mut self, letter: Letter, _rng: &mut Rng) -> Vec<Wire> {
        let mut message = letter.message;
        if let Some(acs::Message::Shares { shares, .. }) = agreement_mut(&mut message) {
            let other = self.insider.root.child("another coin");
            for (_, share) in shares {
                *share = self.insider.coin.share(&other);
            }
        }
        vec![message]
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
    }
}

/// The part of a message that belongs to binary agreements, but those of a refresh.
pub(super) fn agreement_mut(message: &mut Wire) -> Option<&mut acs::Message<CoinShare<RealSuite>>> {
    match message {
        Message::Slot(_, collect::Message::Subset(m))
        | Message::Decision(_, life::Message::Collect(collect::Message::Subset(m)))
        | Message::Run(_, supply::Message::Material(preprocessing::Message::Agree(m))) => Some(m),
        _ => None,
    }
}
