//! Holds back its coin shares: for ever, from some, or until it knows the coin. Tests that a coin needs
//! nobody in particular, and that to know it first is worth nothing: by then the question is fixed.

use std::collections::BTreeMap;
use std::fmt;

use quorate_protocol::committee::{PartyId, PartySet};
use serde::{Deserialize, Serialize};

use super::parts::{Place, place, round};
use super::{Adversary, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// Whose shares stay away, and how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Withheld {
    /// Nobody gets one.
    Always,
    /// Some get none.
    From {
        /// They.
        #[serde(with = "crate::parties")]
        victims: PartySet,
    },
    /// Everybody gets them once the coin is known from others' shares.
    UntilKnown,
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("from everybody"),
            Self::From { victims } => write!(f, "from {victims}"),
            Self::UntilKnown => f.write_str("until the coin is known"),
        }
    }
}

/// See [`Withheld`].
pub(super) struct CoinHolder {
    withheld: Withheld,
    /// As many shares of others as make a coin together with one's own.
    enough: usize,
    /// Who said a share of a coin.
    heard: BTreeMap<(Place, u32), PartySet>,
    held: Vec<((Place, u32), Letter)>,
}

impl CoinHolder {
    pub(super) fn new(withheld: Withheld, insider: &Insider) -> Self {
        let enough = insider.keyring.committee().t();
        Self { withheld, enough, heard: BTreeMap::new(), held: Vec::new() }
    }

    fn knows(&self, coin: (Place, u32)) -> bool {
        self.heard.get(&coin).is_some_and(|heard| heard.len() >= self.enough)
    }
}

/// The coin that a message has shares of.
fn coin_of(message: &Wire) -> Option<(Place, u32)> {
    if Kind::of(message) != Some(Kind::CoinShare) {
        return None;
    }
    Some((place(message)?, round(message)?))
}

impl Adversary for CoinHolder {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let coin = coin_of(&letter.message)?;
        match self.withheld {
            Withheld::Always => Some(Vec::new()),
            Withheld::From { victims } => victims.contains(letter.to).then(Vec::new),
            Withheld::UntilKnown if self.knows(coin) => None,
            Withheld::UntilKnown => {
                self.held.push((coin, letter.clone()));
                Some(Vec::new())
            }
        }
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let Some(coin) = coin_of(heard) else { return Vec::new() };
        self.heard.entry(coin).or_default().insert(from);
        if !self.knows(coin) {
            return Vec::new();
        }
        let known = self.held.extract_if(.., |(of, _)| *of == coin);
        known.map(|(_, letter)| (letter.to, letter.message)).collect()
    }

    fn begins(&mut self, _insider: &Insider) {
        self.heard.clear();
        self.held.clear();
    }
}
