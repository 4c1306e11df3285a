//! A coin for tests and simulations: hashes of a seed that every party knows.

use serde::{Deserialize, Serialize};

use super::Coin;
use crate::committee::PartyId;
use crate::tag::Tag;

/// **Insecure**: a coin for tests and simulations, which every holder of the seed can predict.
///
/// It has the interface of [`DdhCoin`](super::DdhCoin) and shares of the same encoded size, at the
/// price of a hash: a simulated run differs from a real one only in the time the curve takes.
#[derive(Clone, Debug)]
pub struct IdealCoin {
    me: PartyId,
    seed: u64,
}

/// A share of an [`IdealCoin`], padded to the size of a real one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IdealShare {
    mark: [u8; 32],
    padding: [[u8; 32]; 2],
}

impl IdealShare {
    /// What a Byzantine party may send: a share that does not verify.
    pub const BAD: Self = Self { mark: [0; 32], padding: [[0; 32]; 2] };
}

impl IdealCoin {
    /// The coins that `seed` determines, as party `me` sees them.
    pub const fn new(me: PartyId, seed: u64) -> Self {
        Self { me, seed }
    }

    /// The coin called `name`, without anybody's share.
    pub fn predict(&self, name: &Tag) -> bool {
        self.hash(name, u64::MAX).first().is_some_and(|byte| byte & 1 == 1)
    }

    fn hash(&self, name: &Tag, index: u64) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_derive_key("quorate 2026 ideal coin v1");
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(&index.to_le_bytes());
        hasher.update(name.as_bytes());
        *hasher.finalize().as_bytes()
    }

    fn share_of(&self, name: &Tag, party: PartyId) -> IdealShare {
        IdealShare { mark: self.hash(name, party.point()), padding: [[0; 32]; 2] }
    }
}

impl Coin for IdealCoin {
    type Share = IdealShare;

    fn share(&self, name: &Tag) -> IdealShare {
        self.share_of(name, self.me)
    }

    fn verify(&self, name: &Tag, from: PartyId, share: &IdealShare) -> bool {
        *share == self.share_of(name, from)
    }

    fn toss(&self, name: &Tag, _shares: &[(PartyId, IdealShare)]) -> bool {
        self.predict(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_belong_to_a_party_and_a_name() {
        let (a, b) = (IdealCoin::new(PartyId::new(0), 7), IdealCoin::new(PartyId::new(1), 7));
        let root = Tag::root(&[0; 32], 0);
        let (x, y) = (root.child("x"), root.child("y"));
        assert!(b.verify(&x, PartyId::new(0), &a.share(&x)));
        assert!(!b.verify(&y, PartyId::new(0), &a.share(&x)));
        assert!(!b.verify(&x, PartyId::new(1), &a.share(&x)));
        assert!(!b.verify(&x, PartyId::new(0), &IdealShare::BAD));
    }

    #[test]
    fn all_parties_see_the_same_coins_and_both_sides_come_up() {
        let (a, b) = (IdealCoin::new(PartyId::new(0), 7), IdealCoin::new(PartyId::new(1), 7));
        let root = Tag::root(&[0; 32], 0);
        let tosses: Vec<bool> = (0..64).map(|i| a.toss(&root.indexed("r", i), &[])).collect();
        assert!((0..64).all(|i| b.predict(&root.indexed("r", i)) == tosses[i as usize]));
        assert!(tosses.contains(&true) && tosses.contains(&false));
    }
}
