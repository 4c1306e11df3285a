//! In which order frames go: what the adversary makes of its power over the network.

use std::fmt;

use quorate_protocol::committee::{PartyId, PartySet};
use serde::{Deserialize, Serialize};

use super::MILLI;
use crate::trace::Layer;

/// How frames are ordered. Frames between honest parties arrive in the end, whatever it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discipline {
    /// In the order they were sent, each a millisecond later.
    Fifo,
    /// The newest first.
    Lifo,
    /// Each after its latency.
    Random,
    /// Like [`Random`](Self::Random), but this link's only when nothing else is left.
    Starved {
        /// The link's sender.
        from: PartyId,
        /// The link's receiver.
        to: PartyId,
        /// Whether timers go first, too.
        behind_timers: bool,
    },
    /// Like [`Random`](Self::Random), but all that some parties send is slow.
    Slow {
        /// Who.
        #[serde(with = "crate::parties")]
        parties: PartySet,
    },
    /// By priorities of links, drawn from a seed; at some steps, drawn as well, the link that was last
    /// served gets the lowest (after Burckhardt et al., A Randomized Scheduler with Probabilistic
    /// Guarantees of Finding Bugs, ASPLOS 2010).
    Priorities {
        /// What is drawn from.
        seed: u64,
        /// How many change points there are.
        changes: u8,
    },
    /// Looks into frames: like [`Random`](Self::Random), but what belongs to one layer goes only when
    /// nothing else is left.
    Last {
        /// The layer.
        layer: Layer,
        /// Whether timers go first, too.
        behind_timers: bool,
    },
    /// Looks into frames, and sees to it that members hear different things first: votes for 0 and
    /// for 1 in binary agreements reach half of the members in one order and the others in the other,
    /// and frames with shares of coins go before votes, so that a coin is known before late votes arrive.
    Splitting,
}

impl Discipline {
    /// Whether every frame arrives soon compared with deadlines.
    pub const fn is_prompt(self) -> bool {
        matches!(self, Self::Fifo)
    }

    /// Whether frames go in an order of their own, and not when their time has come.
    pub(super) const fn is_timeless(self) -> bool {
        matches!(self, Self::Lifo | Self::Priorities { .. } | Self::Splitting)
    }

    /// Whether frames that are held back go before timers.
    pub(super) const fn idles(self) -> bool {
        matches!(
            self,
            Self::Starved { behind_timers: false, .. } | Self::Last { behind_timers: false, .. }
        )
    }
}

impl fmt::Display for Discipline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let behind = |behind: bool| if behind { ", behind timers" } else { "" };
        match *self {
            Self::Fifo => f.write_str("fifo"),
            Self::Lifo => f.write_str("lifo"),
            Self::Random => f.write_str("random"),
            Self::Starved { from, to, behind_timers } => {
                write!(f, "starved {from}->{to}{}", behind(behind_timers))
            }
            Self::Slow { parties } => write!(f, "slow {parties}"),
            Self::Priorities { changes, .. } => write!(f, "priorities with {changes} changes"),
            Self::Last { layer, behind_timers } => {
                write!(f, "{layer} last{}", behind(behind_timers))
            }
            Self::Splitting => f.write_str("splitting votes"),
        }
    }
}

/// Between two frames that have no time of their own.
pub(super) const STEP: u64 = 50;

/// How long a slow party's frames take longer.
pub(super) const SLOW: u64 = 300 * MILLI;
