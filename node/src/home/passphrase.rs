//! What a person or a machine knows, and the sealed files ask for.

use std::fmt;

use quorate_protocol::secret::Secret;
use zeroize::Zeroizing;

/// Characters of a passphrase that is made, at least. Argon2 makes each guess dear; it cannot make
/// few possibilities many.
const SHORTEST: usize = 8;
/// Bytes of a passphrase, at most.
pub(crate) const LONGEST: usize = 1024;

/// A passphrase: one line of text. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(Secret<String>);

/// Why a text is not taken as a passphrase. Never repeats it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// Nothing, or nothing but blanks.
    #[error("the passphrase is empty")]
    Empty,
    /// Too easy to guess.
    #[error("the passphrase is too short: {SHORTEST} characters are the least")]
    Short,
    /// Not what a person types.
    #[error("the passphrase is too long: {LONGEST} bytes are the most")]
    Long,
    /// What cannot be typed at a prompt.
    #[error("the passphrase holds line breaks or control characters")]
    Control,
}

impl Passphrase {
    /// The passphrase in a text, without the line break at its end.
    ///
    /// # Errors
    /// There is none, or one that could not be typed at a prompt.
    pub fn new(text: &str) -> Result<Self, PassphraseError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            Err(PassphraseError::Empty)
        } else if line.len() > LONGEST {
            Err(PassphraseError::Long)
        } else if line.chars().any(char::is_control) {
            Err(PassphraseError::Control)
        } else {
            Ok(Self(Secret::new(line.to_owned())))
        }
    }

    /// A passphrase nobody has to remember: 128 random bits.
    pub fn random() -> Self {
        let bits = Zeroizing::new(rand::random::<[u8; 16]>());
        Self(Secret::new(data_encoding::HEXLOWER.encode(&*bits)))
    }

    /// Whether it may seal something new.
    pub(super) fn check_strength(&self) -> Result<(), PassphraseError> {
        let enough = self.0.expose().chars().count() >= SHORTEST;
        if enough { Ok(()) } else { Err(PassphraseError::Short) }
    }

    /// The text, to be derived from or written to a closed file.
    pub const fn expose(&self) -> &String {
        self.0.expose()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[passphrase]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Result<String, PassphraseError> {
        Passphrase::new(text).map(|passphrase| passphrase.expose().clone())
    }

    #[test]
    fn a_passphrase_is_one_line_as_it_stands() {
        assert_eq!(taken("correct horse\n").unwrap(), "correct horse");
        assert_eq!(taken("correct horse\r\n").unwrap(), "correct horse");
        assert_eq!(taken("  two  blanks ").unwrap(), "  two  blanks ");
        assert_eq!(taken(""), Err(PassphraseError::Empty));
        assert_eq!(taken(" \n"), Err(PassphraseError::Empty));
        assert_eq!(taken("one\ntwo\n"), Err(PassphraseError::Control));
        assert_eq!(taken("one\n\n"), Err(PassphraseError::Control));
        assert_eq!(taken(&"x".repeat(LONGEST + 1)), Err(PassphraseError::Long));
        let short = Passphrase::new("1234567").unwrap();
        assert_eq!(short.check_strength(), Err(PassphraseError::Short));
        assert_eq!(Passphrase::new("größer 8").unwrap().check_strength(), Ok(()));
        assert_eq!(format!("{short:?}"), "[passphrase]");
    }
}
