//! One round's coin: shares are kept as they come and verified only when the bit is needed.

use std::collections::BTreeMap;

use crate::agreement::coin::Coin;
use crate::committee::{Committee, PartyId};
use crate::fault::AgreementFault;
use crate::protocol::Outbox;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

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
        let needed = zoo::instead(committee.one_honest(), Mutant::CoinByFew, committee.t());
        let hopeful = self.held.values().filter(|held| **held != Held::Bad).count();
        if hopeful < needed {
            return None;
        }
        let valid = |held: &Held<S>| matches!(held, Held::Valid(_));
        let mut missing = needed.saturating_sub(self.held.values().filter(|h| valid(h)).count());
        for (party, held) in &mut self.held {
            if missing == 0 {
                break;
            }
            let Held::Unverified(share) = held else { continue };
            if coin.verify(name, *party, share) || zoo::on(Mutant::CoinUnverified) {
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
            .take(needed)
            .collect();
        self.bit = Some(coin.toss(name, &shares));
        self.held.clear();
        self.bit
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::agreement::coin::{IdealCoin, IdealShare};
    use crate::fault::Fault;
    use crate::testkit::Collected;

    /// Counts verifications, which are what a real coin costs.
    struct Counting(IdealCoin, AtomicUsize);

    impl Coin for Counting {
        type Share = IdealShare;
        fn share(&self, name: &Tag) -> IdealShare {
            self.0.share(name)
        }
        fn verify(&self, name: &Tag, from: PartyId, share: &IdealShare) -> bool {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.verify(name, from, share)
        }
        fn toss(&self, name: &Tag, shares: &[(PartyId, IdealShare)]) -> bool {
            assert_eq!(shares.len(), 3);
            self.0.toss(name, shares)
        }
    }

    #[test]
    fn no_share_is_verified_while_there_are_too_few_and_none_beyond_t_plus_one() {
        let committee = Committee::new(7).unwrap();
        let name = Tag::root(&[0; 32], 0);
        let share = |p| IdealCoin::new(PartyId::new(p), 1).share(&name);
        let coin = Counting(IdealCoin::new(PartyId::new(0), 1), AtomicUsize::new(0));
        let mut out = Collected::<()>::default();
        let mut flip = Flip::default();
        let mut toss = |flip: &mut Flip<_>| {
            let bit = flip.toss(&coin, &name, committee, &mut out);
            (bit, coin.1.load(Ordering::Relaxed))
        };
        flip.release(PartyId::new(0), share(0));
        flip.keep(PartyId::new(2), share(2)).unwrap();
        assert_eq!(toss(&mut flip), (None, 0));
        flip.keep(PartyId::new(3), IdealShare::BAD).unwrap();
        assert_eq!(toss(&mut flip), (None, 2), "one's own needs no proof");
        assert_eq!(toss(&mut flip), (None, 2), "none is verified twice");
        for p in 4..7 {
            flip.keep(PartyId::new(p), share(p)).unwrap();
        }
        let bit = Some(coin.0.predict(&name));
        assert_eq!(toss(&mut flip), (bit, 3));
        assert_eq!(toss(&mut flip), (bit, 3));
        let bad = AgreementFault::BadCoinShare.into();
        assert_eq!(out.faults, [Fault { party: PartyId::new(3), kind: bad }]);
    }
}
