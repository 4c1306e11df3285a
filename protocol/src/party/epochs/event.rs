//! What goes into a member and what comes out, with the epoch it is of.

use std::fmt;

use super::EpochKeys;
use crate::committee::PartyId;
use crate::party::{Effect, Event, MessageOf, RealSuite};
use crate::secret::Secret;

/// What happens to a member.
pub enum EpochsEvent {
    /// It may begin. Comes once, first.
    Start,
    /// Another member certainly sent this, in a frame of this epoch.
    Message {
        /// Who sent it.
        from: PartyId,
        /// The frame's epoch.
        epoch: u64,
        /// What it says.
        message: MessageOf<RealSuite>,
    },
    /// What an effect of an epoch led to: work is done, or a timer fired.
    Party {
        /// The effect's epoch.
        epoch: u64,
        /// A result or a timer.
        event: Event<RealSuite>,
    },
    /// Somebody here proposes or votes.
    Here(Event<RealSuite>),
    /// Links to a peer lost something for good: what is said in refreshes is asked for and said again.
    Missed,
    /// Fresh random bytes, drawn after they were asked for.
    Entropy(Secret<[u8; 32]>),
}

/// What a member wants done, in order.
pub enum EpochsEffect {
    /// In an epoch: what is sent goes in frames of that epoch, and what it leads to comes back with it.
    Party {
        /// Which.
        epoch: u64,
        /// What.
        effect: Effect<RealSuite>,
    },
    /// Random bytes are wanted, drawn now: they heal what may have leaked of the seed.
    Draw,
    /// An epoch has begun, with these keys.
    Began(Box<EpochKeys>),
    /// The members have given our seat to another: this member has nothing to say any more, and is to
    /// stop. Said again after a restart.
    Replaced,
    /// All that was secret in an epoch is gone from here; what the owner holds of it is to go, too.
    /// Said again after a restart.
    Erased {
        /// Which.
        epoch: u64,
    },
}

/// Nothing secret.
impl fmt::Debug for EpochKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EpochKeys(epoch {})", self.keys.epoch())
    }
}

impl fmt::Debug for EpochsEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Party { epoch, effect } => write!(f, "e{epoch} {effect:?}"),
            Self::Draw => f.write_str("draw"),
            Self::Began(keys) => write!(f, "began epoch {}", keys.keys.epoch()),
            Self::Replaced => f.write_str("replaced"),
            Self::Erased { epoch } => write!(f, "erased epoch {epoch}"),
        }
    }
}
