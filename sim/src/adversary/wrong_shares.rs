//! Sends wrong shares wherever values are opened: masks, computations, preprocessing, signatures.

use std::sync::Arc;

use quorate_protocol::decision::{certifying, life};
use quorate_protocol::math::{Field, Fl, Fp61};
use quorate_protocol::party::Message;
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::open;
use rand::RngExt;

use super::parts::{Part, part};
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Adds something to a random part of the shares; to each recipient something else.
pub(super) struct WrongShares {
    percent: u8,
}

impl WrongShares {
    pub(super) const fn new(percent: u8) -> Self {
        Self { percent }
    }
}

impl Adversary for WrongShares {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        if let Message::Decision(_, life::Message::Certify(certifying::Message::Share(_, share))) =
            &mut message
            && rng.random_range(0..100) < self.percent
        {
            share.0 += Fl::from_u64(rng.random_range(1..u64::from(u32::MAX)));
            return Some(vec![message]);
        }
        if let Part::Opening(opening) = part(&mut message)
            && rng.random_range(0..100) < self.percent
        {
            let (open::Message::Share(shares) | open::Message::Word(shares)) = opening;
            *shares = Arc::new(falsified(shares, rng));
            return Some(vec![message]);
        }
        None
    }
}

/// Wrong shares: sometimes one, sometimes all.
pub(super) fn falsified(shares: &Shares<Fp61>, rng: &mut Rng) -> Shares<Fp61> {
    let mut wrong = shares.to_vec();
    let only = rng.random_range(0..2 * wrong.len().max(1));
    let all = only >= wrong.len();
    for (i, share) in wrong.iter_mut().enumerate() {
        if all || i == only {
            *share += Fp61::from_u64(rng.random_range(1..u64::from(u32::MAX)));
        }
    }
    Shares::from(wrong)
}
