//! Errors are the caller's: what a constructor or an input method refuses.

use crate::committee::PartyId;

/// Why a call was refused. Nothing a peer sends can cause one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Below four parties no Byzantine party can be tolerated.
    #[error("{n} parties cannot tolerate a faulty one: at least 4 are needed")]
    CommitteeTooSmall {
        /// Number of parties asked for.
        n: usize,
    },
    /// More parties than [`crate::limits::MAX_PARTIES`].
    #[error("{n} parties are more than this implementation supports")]
    CommitteeTooLarge {
        /// Number of parties asked for.
        n: usize,
    },
    /// `n < 3t + 1`.
    #[error("{n} parties cannot tolerate {t} faulty ones: at least {} are needed", 3 * .t + 1)]
    ThresholdTooHigh {
        /// Number of parties.
        n: usize,
        /// Byzantine parties to tolerate.
        t: usize,
    },
    /// An input that may be given once was given twice.
    #[error("{what} was already given")]
    AlreadyGiven {
        /// Which input.
        what: &'static str,
    },
    /// An input only another party may give.
    #[error("only party {party} may {what}")]
    NotYours {
        /// The party whose input it is.
        party: PartyId,
        /// What it may do.
        what: &'static str,
    },
    /// An input of the wrong shape or size.
    #[error("{what}: expected {expected}, got {got}")]
    WrongSize {
        /// Which input.
        what: &'static str,
        /// What would have been right.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// A party that is not of the committee.
    #[error("party {party} is not a member of the committee")]
    NotAMember {
        /// The party.
        party: PartyId,
    },
    /// Keys that do not belong together.
    #[error("keys do not belong together: {what}")]
    KeyMismatch {
        /// How so.
        what: &'static str,
    },
    /// Scalars that everybody would refuse a sharing of.
    #[error("a scalar that is shared may not be zero, and in a sharing of zeros must be")]
    NotShareable,
}
