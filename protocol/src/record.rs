//! What a state machine writes down, and why it may not be restored from it.

use crate::error::Error;
use crate::secret::Secret;

/// An entry of the opaque key-value store a state machine is restored from. Values may hold shares.
#[derive(Clone, Debug)]
pub enum Record {
    /// Sets a key.
    Put {
        /// The key.
        key: Vec<u8>,
        /// The value.
        value: Secret<Vec<u8>>,
    },
    /// Forgets a key.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
}

/// Why nothing could be restored. Nothing is guessed: a store that cannot be read stops its owner.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// A record that this version cannot read.
    #[error("the store holds a record that cannot be read ({0})")]
    Unreadable(String),
    /// Some are missing from the middle.
    #[error("the store lacks {what} {number}, though later ones are there")]
    Gap {
        /// What is missing.
        what: &'static str,
        /// Which.
        number: u64,
    },
    /// The keys given are not this member's of this epoch.
    #[error(transparent)]
    Keys(#[from] Error),
}
