//! Who takes part, and every threshold the protocols use.
//!
//! Arithmetic on `n` and `t` appears in this file and nowhere else.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits;

/// One party of a committee: its position in the roster, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartyId(u16);

impl PartyId {
    /// The party at position `index` of the roster.
    pub const fn new(index: u16) -> Self {
        Self(index)
    }

    /// Position in the roster, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The party's evaluation point in Shamir sharings: 1 to n, never 0.
    pub const fn point(self) -> u64 {
        self.0 as u64 + 1
    }
}

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", self.0)
    }
}

/// The size of a committee and the number of Byzantine members it tolerates, `n >= 3t + 1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Committee {
    n: u16,
    t: u16,
}

impl Committee {
    /// A committee of `n >= 4` parties that tolerates `t = floor((n - 1) / 3)` Byzantine ones.
    ///
    /// # Errors
    /// Fewer than four parties, or more than [`limits::MAX_PARTIES`].
    pub fn new(n: usize) -> Result<Self, Error> {
        if n < 4 {
            return Err(Error::CommitteeTooSmall { n });
        }
        Self::with_threshold(n, (n - 1) / 3)
    }

    /// A committee of `n` parties that tolerates `t` Byzantine ones. With `t = 0` one to three
    /// parties are possible; nothing then protects one of them from another.
    ///
    /// # Errors
    /// `n < 3t + 1`, no party, or more than [`limits::MAX_PARTIES`].
    pub fn with_threshold(n: usize, t: usize) -> Result<Self, Error> {
        if n > limits::MAX_PARTIES {
            return Err(Error::CommitteeTooLarge { n });
        }
        if n < 3 * t + 1 {
            return Err(Error::ThresholdTooHigh { n, t });
        }
        match (u16::try_from(n), u16::try_from(t)) {
            (Ok(n), Ok(t)) => Ok(Self { n, t }),
            _ => Err(Error::CommitteeTooLarge { n }),
        }
    }

    /// Number of parties.
    pub const fn n(self) -> usize {
        self.n as usize
    }

    /// Greatest number of Byzantine parties.
    pub const fn t(self) -> usize {
        self.t as usize
    }

    /// `n - t`: as many as can be waited for.
    pub const fn quorum(self) -> usize {
        self.n() - self.t()
    }

    /// `t + 1`: at least one of them is honest.
    pub const fn one_honest(self) -> usize {
        self.t() + 1
    }

    /// `t + 2`, or all if there are fewer: at least two of them are honest.
    pub fn two_honest(self) -> usize {
        (self.t() + 2).min(self.n())
    }

    /// `2t + 1`: most of them are honest.
    pub const fn honest_majority(self) -> usize {
        2 * self.t() + 1
    }

    /// More than half of all.
    pub const fn majority(self) -> usize {
        self.n() / 2 + 1
    }

    /// `t`: the degree of every sharing.
    pub const fn degree(self) -> usize {
        self.t()
    }

    /// `n - 2t`: data shards of an erasure code that any `n - t` of n shards, `t` of them bad, carry.
    pub const fn data_shards(self) -> usize {
        self.n() - 2 * self.t()
    }

    /// All parties, in roster order.
    pub fn parties(self) -> impl ExactSizeIterator<Item = PartyId> + DoubleEndedIterator {
        (0..self.n).map(PartyId)
    }

    /// Whether `party` is one of the committee.
    pub const fn contains(self, party: PartyId) -> bool {
        party.0 < self.n
    }

    /// The set of all parties.
    pub fn everyone(self) -> PartySet {
        PartySet(1_u128.checked_shl(self.n.into()).map_or(u128::MAX, |above| above - 1))
    }
}

/// A set of parties, as a bitmap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct PartySet(u128);

impl PartySet {
    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// Adds a party; true if it was not in the set.
    pub fn insert(&mut self, party: PartyId) -> bool {
        let new = !self.contains(party);
        self.0 |= Self::bit(party);
        new
    }

    /// Removes a party; true if it was in the set.
    pub fn remove(&mut self, party: PartyId) -> bool {
        let had = self.contains(party);
        self.0 &= !Self::bit(party);
        had
    }

    /// Whether the party is in the set.
    #[inline]
    pub const fn contains(self, party: PartyId) -> bool {
        self.0 & Self::bit(party) != 0
    }

    /// Number of parties in the set.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every party of the set is one of `committee`.
    pub fn within(self, committee: Committee) -> bool {
        self.is_subset(committee.everyone())
    }

    /// Whether every party of this set is in `other`.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Parties in either set.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Parties in both sets.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Parties of this set that are not in `other`.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The parties, in roster order.
    pub fn iter(self) -> impl Iterator<Item = PartyId> {
        let mut rest = self;
        std::iter::from_fn(move || {
            let lowest = PartyId(u16::try_from(rest.0.trailing_zeros()).ok()?);
            rest.remove(lowest).then_some(lowest)
        })
    }

    /// The bitmap: bit `i % 8` of byte `i / 8` for party `i`.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The set with this bitmap.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    const fn bit(party: PartyId) -> u128 {
        // Parties beyond the bitmap cannot exist: `Committee` refuses them and links know no others.
        if party.0 < 128 { 1 << party.0 } else { 0 }
    }
}

impl FromIterator<PartyId> for PartySet {
    fn from_iter<I: IntoIterator<Item = PartyId>>(parties: I) -> Self {
        let mut set = Self::EMPTY;
        for party in parties {
            set.insert(party);
        }
        set
    }
}

impl fmt::Display for PartySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, party) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{party}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for PartySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One value for each party of a committee, indexed by [`PartyId`].
///
/// Indexing panics for a party outside the committee; links deliver from members only.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartyMap<T>(Vec<T>);

impl<T> PartyMap<T> {
    /// A map with `value(p)` for each party.
    pub fn from_fn(committee: Committee, value: impl FnMut(PartyId) -> T) -> Self {
        Self(committee.parties().map(value).collect())
    }

    /// A map from values in roster order; `None` if there is not exactly one for each party.
    pub fn from_vec(committee: Committee, values: Vec<T>) -> Option<Self> {
        (values.len() == committee.n()).then_some(Self(values))
    }

    /// Parties and values, in roster order.
    pub fn iter(&self) -> impl Iterator<Item = (PartyId, &T)> {
        self.0.iter().zip(0..).map(|(value, i)| (PartyId(i), value))
    }

    /// Parties and values, in roster order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (PartyId, &mut T)> {
        self.0.iter_mut().zip(0..).map(|(value, i)| (PartyId(i), value))
    }

    /// Values in roster order.
    pub fn values(&self) -> &[T] {
        &self.0
    }
}

impl<T: Default> PartyMap<T> {
    /// A map with the default value for each party.
    pub fn new(committee: Committee) -> Self {
        Self::from_fn(committee, |_| T::default())
    }
}

impl<T> Index<PartyId> for PartyMap<T> {
    type Output = T;
    #[expect(clippy::indexing_slicing, reason = "documented: parties come from the committee")]
    fn index(&self, party: PartyId) -> &T {
        &self.0[party.index()]
    }
}

impl<T> IndexMut<PartyId> for PartyMap<T> {
    #[expect(clippy::indexing_slicing, reason = "documented: parties come from the committee")]
    fn index_mut(&mut self, party: PartyId) -> &mut T {
        &mut self.0[party.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_satisfy_the_resilience_bound() {
        for n in 4..=64 {
            let c = Committee::new(n).unwrap();
            assert!(c.n() > 3 * c.t() && c.n() <= 3 * (c.t() + 1));
            assert!(2 * c.quorum() - c.n() >= c.one_honest(), "two quorums share an honest party");
            assert!(c.quorum() >= c.honest_majority());
        }
    }

    #[test]
    fn too_few_too_many_and_too_faulty_are_refused() {
        assert_eq!(Committee::new(3), Err(Error::CommitteeTooSmall { n: 3 }));
        assert_eq!(Committee::with_threshold(6, 2), Err(Error::ThresholdTooHigh { n: 6, t: 2 }));
        assert!(Committee::new(limits::MAX_PARTIES + 1).is_err());
        assert!(Committee::with_threshold(0, 0).is_err());
        assert!(Committee::with_threshold(1, 0).is_ok());
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let c = Committee::new(7).unwrap();
        let mut s: PartySet = [PartyId::new(5), PartyId::new(1)].into_iter().collect();
        assert!(
            !s.insert(PartyId::new(1)) && s.insert(PartyId::new(6)) && s.remove(PartyId::new(5))
        );
        assert_eq!(s.to_string(), "{1,6}");
        assert!(s.within(c) && !s.within(Committee::new(4).unwrap()));
        assert_eq!(s.to_bytes()[..2], [0b100_0010, 0]);
        assert_eq!(PartySet::from_bytes(s.to_bytes()), s);
        for n in [1, 2, 127, 128, 129] {
            let everyone = Committee { n, t: 0 }.everyone();
            assert!(everyone.iter().eq((0..n.min(128)).map(PartyId)), "{everyone}");
        }
        assert_eq!(PartySet::EMPTY.iter().next(), None);
    }
}
