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
    fn rewrite(&mut self, letter: Letter<Content>, rng: &mut Rng) -> Vec<Content> {
        let mut content = letter.message;
        if let Message::Dealing(_, acss::Message::Reveal(share)) = &mut content {
            let mut wrong = share.to_vec();
            if rng.random_range(0..8) == 0 {
                wrong.pop();
            } else if !wrong.is_empty() {
                let place = rng.random_range(0..wrong.len());
                wrong.iter_mut().skip(place).take(1).for_each(|byte| *byte ^= 1);
            }
            *share = wrong.into();
        }
        vec![content]
    }
}
