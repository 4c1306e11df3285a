//! One round's coin: shares are kept as they come and verified only when the bit is needed.

use std::collections::BTreeMap;

use crate::agreement::coin::Coin;
use crate::committee::{Committee, PartyId};
use crate::fault::AgreementFault;
use crate::protocol::Outbox;
use crate::tag::Tag;

/// The first share of one party.
#[derive(Clone, PartialEq, Debug)]
enum Held<S> {
    Unverified(S),
    Valid(S),
    Bad,
}

/// The shares of one coin.
#[derive(Clone, Debug)]
pub(super) struct Flip<S> {
    held: BTreeMap<PartyId, Held<S>>,
    /// Whether one's own share was released.
    released: bool,
    bit: Option<bool>,
}

impl<S> Default for Flip<S> {
    fn default() -> Self {
        Self { held: BTreeMap::new(), released: false, bit: None }
    }
}

impl<S: Clone + PartialEq> Flip<S> {
    /// Keeps the first share of a party. Shares that come after the toss are not needed.
    pub(super) fn keep(&mut self, party: PartyId, share: S) -> Result<(), AgreementFault> {
        if self.bit.is_some() {
            return Ok(());
        }
        match self.held.get(&party) {
            None => {
                self.held.insert(party, Held::Unverified(share));
                Ok(())
            }
            Some(Held::Unverified(held) | Held::Valid(held)) if *held == share => Ok(()),
            Some(Held::Bad) => Ok(()),
            Some(_) => Err(AgreementFault::SecondCoinShare),
        }
    }

    /// Whether one's own share was released.
    pub(super) const fn released(&self) -> bool {
        self.released
    }

    /// Keeps one's own share, which is released now and needs no proof.
    pub(super) fn release(&mut self, me: PartyId, share: S) {
        self.released = true;
        self.held.insert(me, Held::Valid(share));
    }

    /// The coin, once `t + 1` shares are valid. Verifies none as long as there are too few, and
    /// none beyond; blames the parties of those that are not valid.
    pub(super) fn toss<C: Coin<Share = S>, M>(
        &mut self,
        coin: &C,
        name: &Tag,
        committee: Committee,
        out: &mut dyn Outbox<M>,
    ) -> Option<bool> {
        if self.bit.is_some() {
            return self.bit;
        }
        let hopeful = self.held.values().filter(|held| **held != Held::Bad).count();
        if hopeful < committee.one_honest() {
            return None;
        }
        let valid = |held: &Held<S>| matches!(held, Held::Valid(_));
        let mut missing =
            committee.one_honest().saturating_sub(self.held.values().filter(|h| valid(h)).count());
        for (party, held) in &mut self.held {
            if missing == 0 {
                break;
            }
            let Held::Unverified(share) = held else { continue };
            if coin.verify(name, *party, share) {
                *held = Held::Valid(share.clone());
                missing -= 1;
            } else {
                *held = Held::Bad;
                out.blame(*party, AgreementFault::BadCoinShare);
            }
        }
        if missing > 0 {
            return None;
        }
        let shares: Vec<(PartyId, S)> = self
            .held
            .iter()
            .filter_map(|(party, held)| match held {
                Held::Valid(share) => Some((*party, share.clone())),
                Held::Unverified(_) | Held::Bad => None,
            })
            .take(committee.one_honest())
            .collect();
        self.bit = Some(coin.toss(name, &shares));
        self.held.clear();
        self.bit
    }
}
