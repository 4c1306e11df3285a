//! Common coins: a bit that all parties learn and nobody can predict.
//!
//! A coin has a name, a [`Tag`] that binds network, epoch, instance and round. Each party owns one
//! share of each coin; `t + 1` valid shares determine the bit, `t` say nothing about it. So a coin
//! is as secret as the last honest share that is missing: a protocol releases its share only once
//! the question the coin will answer is fixed.
//!
//! Shares are collected, and verified only as far as needed, by the protocol that uses the coin.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::committee::PartyId;
use crate::tag::Tag;

mod ddh;
mod ideal;

pub use ddh::{CoinPublic, CoinSecret, DdhCoin, DdhShare, TrustedCoinDealer};
pub use ideal::{IdealCoin, IdealShare};

/// One party's access to the common coins.
///
/// Everything is deterministic: the share of a name is always the same bytes.
pub trait Coin: Send + Sync + 'static {
    /// One party's share of one coin.
    type Share: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + 'static;

    /// This party's share of the coin called `name`.
    fn share(&self, name: &Tag) -> Self::Share;

    /// Whether `share` is the share of `from` of the coin called `name`.
    fn verify(&self, name: &Tag, from: PartyId, share: &Self::Share) -> bool;

    /// The coin called `name`, from verified shares of `t + 1` distinct parties. Any choice of
    /// them gives the same bit.
    fn toss(&self, name: &Tag, shares: &[(PartyId, Self::Share)]) -> bool;
}
