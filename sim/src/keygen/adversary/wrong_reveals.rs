//! Reveals shares that are not its own, when a dealer is exposed.

use quorate_protocol::keys::generation::Message;
use quorate_protocol::sharing::acss;
use rand::RngExt;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Content;

/// Changes a byte of what it reveals, or the length.
pub(super) struct WrongReveals;

impl Adversary<Content> for WrongReveals {
    fn rewrite(&mut self, letter: &Letter<Content>, rng: &mut Rng) -> Option<Vec<Content>> {
        let Message::Dealing(dealer, acss::Message::Reveal(share)) = &letter.message else {
            return None;
        };
        let mut wrong = share.to_vec();
        if rng.random_range(0..8) == 0 {
            wrong.pop();
        } else if !wrong.is_empty() {
            let place = rng.random_range(0..wrong.len());
            wrong.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
        }
        Some(vec![Message::Dealing(*dealer, acss::Message::Reveal(wrong.into()))])
    }
}
