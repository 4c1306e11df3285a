//! Files that are handed to others: something signed, the roster that it is checked against, and the
//! same in words.
//!
//! The roster is without addresses and in the file, so that the network's key or digest is all that a
//! reader must know from elsewhere. The words are there to be read: they are only true if the file's
//! `verify` says so, which writes them anew from what was signed and compares. A file has one text:
//! every other one is refused, be it by a blank.

use quorate_protocol::crypto::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::roster::Network;

/// A kind of such files.
pub trait HandedFile: Serialize + DeserializeOwned {
    /// What it is, with an article, for whoever reads an error.
    const WHAT: &'static str;
    /// What its first field says: what it is, and its version.
    const FORMAT: &'static str;

    /// Its first field.
    fn format(&self) -> &str;

    /// Reads a file, which must be written as [`to_text`](Self::to_text) writes it; verifies nothing.
    ///
    /// # Errors
    /// It is not such a file.
    fn parse(text: &str) -> Result<Self, Unfit> {
        let malformed = |reason: String| Err(Unfit::Malformed { what: Self::WHAT, reason });
        let file: Self = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(error) => return malformed(error.to_string()),
        };
        if file.format() != Self::FORMAT {
            return malformed(format!("its format is not `{}`", Self::FORMAT));
        }
        if file.to_text() != text {
            return malformed("blanks, line ends or the order of its fields were changed".into());
        }
        Ok(file)
    }

    /// The text of the file.
    fn to_text(&self) -> String {
        // Strings and numbers only: there is nothing that could not be written.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// Why such a file says nothing, whatever was signed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unfit {
    /// Not such a file at all.
    #[error("it is not {what}: {reason}")]
    Malformed {
        /// What it should be.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// The roster in the file is not one.
    #[error("the roster in it is not valid: {0}")]
    Roster(String),
    /// A roster with another digest.
    #[error("it is of another network, {name} with digest {digest}")]
    OtherNetwork {
        /// What that network calls itself.
        name: String,
        /// Its digest.
        digest: String,
    },
    /// The words and what was signed differ.
    #[error("its readable part does not say what was signed")]
    Words,
}

/// The roster in a file, which is of the network with this digest, if it is known.
///
/// # Errors
/// It is none, or another.
pub fn roster(text: &str, known: Option<&Digest>) -> Result<Network, Unfit> {
    let roster = Network::parse(text).map_err(|error| Unfit::Roster(error.to_string()))?;
    let digest = roster.digest();
    if known.is_some_and(|known| *known != digest) {
        let (name, digest) = (roster.name().to_owned(), digest.to_string());
        return Err(Unfit::OtherNetwork { name, digest });
    }
    Ok(roster)
}
