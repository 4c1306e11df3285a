//! Sends coin shares that are not of the coin that is tossed.

use std::sync::Arc;

use quorate_protocol::agreement::acs;
use quorate_protocol::agreement::coin::{Coin, DdhCoin, TrustedCoinDealer};
use quorate_protocol::keys::generation::Message;
use quorate_protocol::tag::Tag;
use rand::SeedableRng;

use super::Insider;
use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Content;

/// Replaces each of its coin shares by one of another coin.
pub(super) struct WrongCoin {
    tag: Tag,
    other: Option<Arc<DdhCoin>>,
}

impl WrongCoin {
    pub(super) fn new(insider: &Insider) -> Self {
        let (committee, me) = (insider.keyring.committee(), insider.keyring.me());
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(me.point());
        let (public, secrets) = TrustedCoinDealer::deal(committee, &mut rng);
        let secret = secrets.into_iter().nth(me.index());
        let other = secret.and_then(|secret| DdhCoin::new(me, public, secret).ok());
        Self { tag: insider.tag, other: other.map(Arc::new) }
    }
}

impl Adversary<Content> for WrongCoin {
    fn rewrite(&mut self, letter: &Letter<Content>, _rng: &mut Rng) -> Option<Vec<Content>> {
        let mut content = letter.message.clone();
        if let Message::Agreement(acs::Message::Shares { shares, .. }) = &mut content
            && let Some(other) = &self.other
        {
            for (_, share) in shares {
                *share = other.share(&self.tag);
            }
            return Some(vec![content]);
        }
        None
    }
}
