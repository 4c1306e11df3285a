//! What members say to each other in a ceremony, and how it travels.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::crypto::{Digest, Signature};
use crate::frame::{self, Decoded, FrameError};
use crate::keys::generation;

/// The epoch in frames: no keys are in force yet.
pub const EPOCH: u64 = 0;

/// What travels: a message of the instance in its place, or about what is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Envelope<M> {
    /// The sender is up, and has what the receiver said before `next`.
    Hello {
        /// Number of the first thing it lacks.
        next: u32,
        /// Whether the sender has just come up and wants to hear the same of the receiver.
        answer: bool,
    },
    /// One thing the sender has to say to the receiver in the key generation.
    Said {
        /// Its number: all that the sender ever says to the receiver is one list.
        number: u32,
        /// What it says.
        message: M,
    },
    /// The sender has its keys and will not lose them by a restart.
    Confirm {
        /// Of the public keys.
        keys: Digest,
        /// By the sender, over that.
        signature: Signature,
    },
}

/// A message of a ceremony.
pub type Message = Envelope<generation::Message>;

/// The messages to one member, as few frames as they fit.
pub fn encode(messages: impl IntoIterator<Item = Message>) -> Vec<Vec<u8>> {
    frame::encode(EPOCH, messages)
}

/// Reads a frame.
///
/// # Errors
/// It is malformed, or of another version or epoch.
pub fn decode(bytes: &[u8]) -> Result<Decoded<Message>, FrameError> {
    frame::decode(bytes, EPOCH)
}

impl<M: fmt::Display> fmt::Display for Envelope<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hello { next, .. } => write!(f, "HELLO {next}"),
            Self::Said { number, message } => write!(f, "{number}: {message}"),
            Self::Confirm { keys, .. } => write!(f, "CONFIRM {keys:?}"),
        }
    }
}
