//! What parties of a binary agreement send each other.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A vote in one round. E1 and E2 are for a bit, E3 also for "both were approved", written bot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Vote {
    /// "I hold this value, or t + 1 parties told me so." One party may send it for both values.
    E1(bool),
    /// "This is the first value I approved."
    E2(bool),
    /// "I saw a quorum of E2 for this value", or `None`: "I approved both values."
    E3(Option<bool>),
}

/// A message of a binary agreement whose coin has shares of type `S`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message<S> {
    /// A vote.
    Vote {
        /// The round, from 0.
        round: u32,
        /// The vote.
        vote: Vote,
    },
    /// The sender's share of the round's coin: its outcome of the round is fixed.
    Share {
        /// The round, from 2.
        round: u32,
        /// The share.
        share: S,
    },
    /// The sender decided `value` in its round `round`; it votes so in every later round.
    Decide {
        /// The round.
        round: u32,
        /// The decision.
        value: bool,
    },
    /// The sender reached `round` and dropped what the receiver had sent for it.
    Resend {
        /// The first round to send again.
        round: u32,
    },
}

impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::E1(value) => write!(f, "E1 {}", u8::from(*value)),
            Self::E2(value) => write!(f, "E2 {}", u8::from(*value)),
            Self::E3(Some(value)) => write!(f, "E3 {}", u8::from(*value)),
            Self::E3(None) => f.write_str("E3 bot"),
        }
    }
}

impl<S> fmt::Display for Message<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vote { round, vote } => write!(f, "r{round} {vote}"),
            Self::Share { round, .. } => write!(f, "r{round} SHARE"),
            Self::Decide { round, value } => write!(f, "r{round} DECIDE {}", u8::from(*value)),
            Self::Resend { round } => write!(f, "r{round} RESEND"),
        }
    }
}
