//! Sends coin shares that are not of the coin that is tossed.

use quorate_protocol::agreement::acs;
use quorate_protocol::agreement::coin::Coin;

use super::parts::{Part, part};
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
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        if let Part::Agreement(acs::Message::Shares { shares, .. }) = part(&mut message) {
            let other = self.insider.root.child("another coin");
            for (_, share) in shares {
                *share = self.insider.coin.share(&other);
            }
            return Some(vec![message]);
        }
        None
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
    }
}
