//! What commands are asked to run: networks of a size, seeds, or one run by name.

use std::ops::Range;

use crate::story::Story;
use crate::token::{Crypto, Faults, Kind, Token};

/// Which networks.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct Size {
    /// Number of organisations, at least 4 [default: 4]
    #[arg(long)]
    orgs: Option<usize>,
    /// Most Byzantine organisations [default: as many as are tolerated]
    #[arg(long)]
    byzantine: Option<usize>,
    /// Which faults: all, none, or some of byzantine, links, process, storage, clock [default: all]
    #[arg(long)]
    faults: Option<Faults>,
    /// Which cryptography: for the ideal one, another build of this program is made and started
    /// [default: real]
    #[arg(long)]
    crypto: Option<Crypto>,
}

impl Size {
    /// The token of a seed of these networks.
    pub(super) fn token(self, kind: Kind, seed: u64) -> Token {
        let orgs = self.orgs.unwrap_or(4);
        let byzantine = self.byzantine.unwrap_or(orgs.saturating_sub(1) / 3);
        let faults = self.faults.unwrap_or(Faults::ALL);
        Token { kind, orgs, byzantine, faults, crypto: self.crypto(), seed }
    }

    pub(super) fn crypto(self) -> Crypto {
        self.crypto.unwrap_or_default()
    }
}

/// One run.
#[derive(clap::Args)]
pub(super) struct Which {
    #[command(flatten)]
    size: Size,
    /// What the seed is of [default: decisions]
    #[arg(long)]
    only: Option<Kind>,
}

impl Which {
    /// The run that a name stands for, or a number as a seed.
    ///
    /// # Errors
    /// There is none, or a name stands beside what it says itself.
    pub(super) fn story(&self, text: &str) -> Result<Story, String> {
        let Self { size, only } = *self;
        if let Ok(seed) = text.parse() {
            return Story::of(size.token(only.unwrap_or(Kind::Decisions), seed));
        }
        let given = [
            ("--orgs", size.orgs.is_some()),
            ("--byzantine", size.byzantine.is_some()),
            ("--faults", size.faults.is_some()),
            ("--crypto", size.crypto.is_some()),
            ("--only", only.is_some()),
        ];
        if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
            return Err(format!(
                "`{text}` says itself what is run, and {name} would change nothing\n\
                 hint: leave {name} out, or name a seed in place of `{text}`"
            ));
        }
        Story::parse(text)
    }
}

/// So many seeds from one on.
///
/// # Errors
/// There are not so many.
pub(super) fn seeds(first: u64, count: u64) -> Result<Range<u64>, String> {
    let end = first.checked_add(count);
    let end = end.ok_or_else(|| format!("there are no {count} seeds from {first} on"))?;
    Ok(first..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Size = Size { orgs: None, byzantine: None, faults: None, crypto: None };

    #[test]
    fn a_name_says_itself_what_is_run_and_a_seed_does_not() {
        let which = |size, only| Which { size, only };
        let token = "n4b1-all-real-v6-7";
        assert_eq!(which(NOTHING, None).story("7").unwrap().to_string(), token);
        assert_eq!(which(NOTHING, None).story(token).unwrap().to_string(), token);
        for (size, only, name) in [
            (Size { orgs: Some(4), ..NOTHING }, None, "--orgs"),
            (Size { byzantine: Some(0), ..NOTHING }, None, "--byzantine"),
            (Size { faults: Some(Faults::ALL), ..NOTHING }, None, "--faults"),
            (Size { crypto: Some(Crypto::Real), ..NOTHING }, None, "--crypto"),
            (NOTHING, Some(Kind::Keygen), "--only"),
        ] {
            assert!(which(size, only).story("7").is_ok());
            let error = which(size, only).story(token).unwrap_err();
            assert!(error.contains(name) && error.contains("\nhint: "), "{error}");
        }
    }

    #[test]
    fn seeds_that_there_are_not_are_refused() {
        assert_eq!(seeds(3, 2), Ok(3..5));
        assert!(seeds(u64::MAX, 2).is_err());
    }
}
