//! What runs are called.

use std::fmt;
use std::str::FromStr;

use quorate_protocol::committee::Committee;
use serde::{Deserialize, Serialize};

/// What seeds mean: it goes up with every change of what is drawn from one.
pub const VERSION: u32 = 6;

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

/// What the cryptography of a run is worth.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    Debug,
    clap::ValueEnum,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Crypto {
    /// The cryptography that nodes use
    #[default]
    Real,
    /// Quick and worth nothing: group elements are their own logarithms. Everything else is the same
    Ideal,
}

impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Real => "real",
            Self::Ideal => "ideal",
        })
    }
}

/// A class of faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// Members that do anything.
    Byzantine,
    /// Late, reordered, repeated and held frames, partitions.
    Links,
    /// Members that are killed or pause.
    Process,
    /// Members whose storage forgets or spoils what they wrote.
    Storage,
    /// Clocks that are wrong.
    Clock,
}

impl Class {
    const ALL: [Self; 5] =
        [Self::Byzantine, Self::Links, Self::Process, Self::Storage, Self::Clock];

    const fn name(self) -> &'static str {
        match self {
            Self::Byzantine => "byzantine",
            Self::Links => "links",
            Self::Process => "process",
            Self::Storage => "storage",
            Self::Clock => "clock",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Classes of faults that may be drawn. Prints as `all`, `none`, or names with `+` between them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Faults(u8);

impl Faults {
    /// Every class.
    pub const ALL: Self = Self(0b1_1111);
    /// No class.
    pub const NONE: Self = Self(0);

    /// Whether faults of a class may be drawn.
    pub const fn has(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    /// These and a class more.
    #[must_use]
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | class.bit())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ALL => f.write_str("all"),
            Self::NONE => f.write_str("none"),
            some => {
                let names = Class::ALL.into_iter().filter(|class| some.has(*class));
                let names: Vec<_> = names.map(Class::name).collect();
                f.write_str(&names.join("+"))
            }
        }
    }
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => return Ok(Self::ALL),
            "none" => return Ok(Self::NONE),
            _ => {}
        }
        text.split(['+', ',']).try_fold(Self::NONE, |faults, name| {
            let class = Class::ALL.into_iter().find(|class| class.name() == name);
            class.map(|class| faults.with(class)).ok_or_else(|| {
                let names = Class::ALL.map(Class::name).join(", ");
                format!("`{name}` is no class of faults: all, none, or some of {names}")
            })
        })
    }
}

/// Names a run: everything that it follows from. Prints as `n4b1-all-real-v6-123`, of key generation
/// as `k4b1-all-real-v6-123`: four members, at most one of them Byzantine, faults of all classes, real
/// cryptography, what seeds mean in version 6, seed 123.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Token {
    /// What is simulated.
    pub kind: Kind,
    /// Number of parties.
    pub orgs: usize,
    /// Most Byzantine parties.
    pub byzantine: usize,
    /// Which faults there are.
    pub faults: Faults,
    /// Which cryptography.
    pub crypto: Crypto,
    /// The seed.
    pub seed: u64,
}

impl Token {
    /// A run with all faults and real cryptography.
    pub const fn new(kind: Kind, orgs: usize, byzantine: usize, seed: u64) -> Self {
        let (faults, crypto) = (Faults::ALL, Crypto::Real);
        Self { kind, orgs, byzantine, faults, crypto, seed }
    }

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

    /// The seed's generator for one purpose. It does not depend on the cryptography, so that a seed
    /// tells the same story in both.
    pub fn rng(&self, purpose: &str) -> crate::Rng {
        let name = Self { crypto: Crypto::Real, ..*self }.to_string();
        let context = format!("quorate 2026 simulation {purpose}");
        rand::SeedableRng::from_seed(blake3::derive_key(&context, name.as_bytes()))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, orgs, byzantine, faults, crypto, seed } = self;
        write!(f, "{}{orgs}b{byzantine}-{faults}-{crypto}-v{VERSION}-{seed}", kind.letter())
    }
}

impl FromStr for Token {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let malformed =
            || format!("`{text}` is no seed, and no token such as n4b1-all-real-v6-123");
        let parts: Vec<&str> = text.split('-').collect();
        let [size, faults, crypto, version, seed] = parts[..] else { return Err(malformed()) };
        let version: u32 =
            version.strip_prefix('v').and_then(|v| v.parse().ok()).ok_or_else(malformed)?;
        if version != VERSION {
            return Err(format!(
                "`{text}` is of version {version} of the simulator, this is version {VERSION}: \
                 seeds mean something else now"
            ));
        }
        let faults = faults.parse()?;
        let crypto = [Crypto::Real, Crypto::Ideal].into_iter().find(|c| c.to_string() == crypto);
        let crypto = crypto.ok_or_else(malformed)?;
        let size = || {
            let letter = size.chars().next()?;
            let kind = Kind::ALL.into_iter().find(|kind| kind.letter() == letter)?;
            let (orgs, byzantine) = size.strip_prefix(letter)?.split_once('b')?;
            Some((kind, orgs.parse().ok()?, byzantine.parse().ok()?))
        };
        let (kind, orgs, byzantine) = size().ok_or_else(malformed)?;
        let seed = seed.parse().map_err(|_| malformed())?;
        Ok(Self { kind, orgs, byzantine, faults, crypto, seed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_as_they_are_written() {
        let some = Faults::NONE.with(Class::Links).with(Class::Clock);
        for (kind, faults, crypto, text) in [
            (Kind::Decisions, Faults::ALL, Crypto::Real, "n7b2-all-real-v6-12"),
            (Kind::Keygen, Faults::NONE, Crypto::Ideal, "k7b2-none-ideal-v6-12"),
            (Kind::Decisions, some, Crypto::Real, "n7b2-links+clock-real-v6-12"),
        ] {
            let token = Token { faults, crypto, ..Token::new(kind, 7, 2, 12) };
            assert_eq!(token.to_string(), text);
            assert_eq!(text.parse(), Ok(token));
        }
        for wrong in [
            "",
            "12",
            "n7b2",
            "n7b2-all-real-v6",
            "n7b2-all-real-v6-",
            "n7b2-all-real-v6-1x",
            "7b2-all-real-v6-1",
            "x7b2-all-real-v6-1",
            "n7b2-some-real-v6-1",
            "n7b2-all-fake-v6-1",
        ] {
            assert!(wrong.parse::<Token>().is_err(), "{wrong}");
        }
        let old = "n7b2-all-real-v2-1".parse::<Token>().unwrap_err();
        assert!(old.contains("version 2"), "{old}");
        let small = Token::new(Kind::Keygen, 3, 0, 0);
        assert!(small.committee().is_err());
        assert!(Token { orgs: 7, byzantine: 3, ..small }.committee().is_err());
    }

    #[test]
    fn what_is_drawn_depends_on_everything_but_the_cryptography() {
        use rand::RngExt;
        let token = Token::new(Kind::Decisions, 4, 1, 5);
        let draw = |token: Token, purpose| token.rng(purpose).random::<u64>();
        assert_eq!(draw(token, "a"), draw(Token { crypto: Crypto::Ideal, ..token }, "a"));
        for other in [
            Token { seed: 6, ..token },
            Token { byzantine: 0, ..token },
            Token { orgs: 5, ..token },
            Token { faults: Faults::NONE, ..token },
            Token { kind: Kind::Keygen, ..token },
        ] {
            assert_ne!(draw(token, "a"), draw(other, "a"));
        }
        assert_ne!(draw(token, "a"), draw(token, "b"));
    }
}
