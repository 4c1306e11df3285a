//! What runs are called.

use std::fmt;
use std::str::FromStr;

use quorate_protocol::committee::Committee;

/// What is simulated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, clap::ValueEnum)]
pub enum Kind {
    /// Networks that decide, with keys from a trusted dealer
    Decisions,
    /// Networks that make their keys
    Keygen,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Decisions, Self::Keygen];

    const fn letter(self) -> char {
        match self {
            Self::Decisions => 'n',
            Self::Keygen => 'k',
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Decisions => "decisions",
            Self::Keygen => "key generation",
        })
    }
}

/// Names a run: what is simulated, its size, most Byzantine parties, and seed. Prints as
/// `n4b1s123`, of key generation as `k4b1s123`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token {
    /// What is simulated.
    pub kind: Kind,
    /// Number of parties.
    pub orgs: usize,
    /// Most Byzantine parties.
    pub byzantine: usize,
    /// The seed.
    pub seed: u64,
}

impl Token {
    /// Whether such a network can be simulated.
    ///
    /// # Errors
    /// Too few or too many parties, or more Byzantine ones than they tolerate.
    pub fn committee(&self) -> Result<Committee, String> {
        let committee = Committee::new(self.orgs).map_err(|error| error.to_string())?;
        if self.byzantine > committee.t() {
            let (n, t) = (committee.n(), committee.t());
            return Err(format!(
                "{n} organisations tolerate {t} Byzantine ones, not {}",
                self.byzantine
            ));
        }
        Ok(committee)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}b{}s{}", self.kind.letter(), self.orgs, self.byzantine, self.seed)
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let letter = text.chars().next()?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.letter() == letter)?;
            let (orgs, rest) = text.strip_prefix(letter)?.split_once('b')?;
            let (byzantine, seed) = rest.split_once('s')?;
            Some(Self {
                kind,
                orgs: orgs.parse().ok()?,
                byzantine: byzantine.parse().ok()?,
                seed: seed.parse().ok()?,
            })
        };
        parts().ok_or_else(|| format!("`{text}` is no seed, and no token such as n4b1s123"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_are_written() {
        for (kind, text) in [(Kind::Decisions, "n7b2s12"), (Kind::Keygen, "k7b2s12")] {
            let token = Token { kind, orgs: 7, byzantine: 2, seed: 12 };
            assert_eq!(token.to_string(), text);
            assert_eq!(text.parse(), Ok(token));
        }
        for wrong in ["", "12", "n7b2", "n7b2s", "n7b2s1x", "7b2s1", "x7b2s1"] {
            assert!(wrong.parse::<Token>().is_err(), "{wrong}");
        }
        let small = Token { kind: Kind::Keygen, orgs: 3, byzantine: 0, seed: 0 };
        assert!(small.committee().is_err());
        assert!(Token { orgs: 7, byzantine: 3, ..small }.committee().is_err());
    }
}
