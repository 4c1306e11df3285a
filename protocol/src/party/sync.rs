//! Catching up after having been away.
//!
//! # Model
//! A party that was away asks everybody what was ordered and produced meanwhile, and believes what
//! `t + 1` members say alike, since one of them is honest. Certificates prove themselves.
//!
//! # Protocol
//! - (S0) Nothing is begun before a quorum was heard of. The question below is also how members
//!   hear of each other when they start: then it says so. A member that was asked before, and has
//!   restarted, may have lost what it was about to answer: it is asked again.
//! - (S1) Ask for slots, runs and certificates from where we are.
//! - (S2) Answer with what we have, and once more as each of the next slots and runs ends: the
//!   asker may be barred from exactly these.
//! - (S3) `t + 1` equal summaries of our next slot are as good as our own. So are those of a run,
//!   but only once its material is lost to us: see `lost_run`.
//! - (S4) What a peer says of a run too far ahead is not taken in. When our runs have come so near that
//!   it would be, it is asked for again: the others keep the last runs for that, and without the
//!   material of these we could do nothing in decisions that use it.
//! - (S5) A member that [comes in](super::epochs::entering) for another asks where its first epoch's
//!   ledger begins, and believes what `t + 1` members say alike.
//!
//! How a member comes back whose store is lost: [`super::restored`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::crypto::transcript::Digest;
use crate::decision::ledger::{LedgerStart, SlotSummary};
use crate::party::restored::Begun;

/// A message about the past.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message {
    /// What came from this slot, this run and this position on? (S1)
    Ask(Position),
    /// The same from one that has just started (S0).
    Started(Position),
    /// What this slot ordered (S2).
    Slot(u64, SlotSummary),
    /// How many dealers this run agreed on, which says what it produced (S2).
    Run(u64, u16),
    /// I was restored from a backup: how far have you spoken? With the question's mark.
    HowFar(Digest),
    /// So far. With the question's mark.
    SoFar(Digest, Begun),
    /// Say again all that you said to me in what is open (S4, and who comes in).
    Again,
    /// Where does the ledger of this epoch begin? From a member that comes in (S5).
    Where,
    /// There (S5).
    Begins(LedgerStart),
}

/// How far somebody has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Position {
    /// The next slot.
    pub slot: u64,
    /// The next run.
    pub run: u64,
    /// The lowest position that is not certified.
    pub position: u64,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(at) => write!(f, "ASK slot{} run{} d{}", at.slot, at.run, at.position),
            Self::Started(at) => {
                write!(f, "STARTED slot{} run{} d{}", at.slot, at.run, at.position)
            }
            Self::Slot(slot, _) => write!(f, "slot{slot}"),
            Self::Run(run, _) => write!(f, "run{run}"),
            Self::HowFar(_) => f.write_str("HOWFAR"),
            Self::Again => f.write_str("AGAIN"),
            Self::Where => f.write_str("WHERE"),
            Self::Begins(start) => write!(f, "BEGINS d{}", start.position),
            Self::SoFar(_, begun) => write!(f, "SOFAR slot{} run{}", begun.slots, begun.runs),
        }
    }
}
