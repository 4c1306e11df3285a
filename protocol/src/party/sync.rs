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
//!   Where as many certificates as an answer holds are here from that position on, and others are not,
//!   name those: a decision may be open for long, and what came after it is of use.
//! - (S2) Answer with what we have, and once more as each of the next slots and runs ends: the
//!   asker may be barred from exactly these.
//! - (S3) `t + 1` equal summaries of our next slot are as good as our own. So are those of a run,
//!   but only once its material is lost to us: we may not speak in it, nothing that is open uses it, or
//!   `t + 1` members have nothing to say of it, so that those who have are too few.
//! - (S4) What a peer says of a run too far ahead is not taken in. When our runs have come so near that
//!   it would be, it is asked for again, a window at a time: without that material we could do nothing
//!   in decisions that use it. So the others keep a finished run until nobody lacks it, or no decision
//!   that may use it is open, within a bound. Who has nothing to say of a run (any more) says that.
//! - (S5) A member that [comes in](super::epochs::entering) for another asks where its first epoch's
//!   ledger begins, and believes what `t + 1` members say alike.
//!
//! How a member comes back whose store is lost: [`super::restored`].

use std::fmt;
use std::ops::Range;

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
    /// Say again all that you said to me in what is open (S4, T6, and who comes in). With how often
    /// windows of sequence numbers have skipped.
    Again(u64),
    /// I came back from a backup when so many slots had taken note of members that did, and am silent
    /// in the broadcasts of proposals until one more has (T4).
    Returned(u64),
    /// Where does the ledger of this epoch begin? From a member that comes in (S5).
    Where,
    /// There (S5).
    Begins(LedgerStart),
    /// I have so many certificates of this epoch, and none of these positions: do you? (S1)
    Lacking(u64, Vec<Range<u64>>),
    /// Say again all that you said to me in the runs of a window from this one on (S4).
    Missed(u64),
    /// I have nothing to say in these runs, though they have ended (S4).
    Gone(Vec<u64>),
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
            Self::Lacking(_, gaps) => {
                f.write_str("LACKING")?;
                gaps.iter().try_for_each(|gap| write!(f, " d{}-{}", gap.start, gap.end))
            }
            Self::Slot(slot, _) => write!(f, "slot{slot}"),
            Self::Run(run, _) => write!(f, "run{run}"),
            Self::HowFar(_) => f.write_str("HOWFAR"),
            Self::Missed(run) => write!(f, "MISSED run{run}"),
            Self::Gone(runs) => {
                f.write_str("GONE")?;
                runs.iter().try_for_each(|run| write!(f, " run{run}"))
            }
            Self::Again(skips) => write!(f, "AGAIN {skips}"),
            Self::Returned(skips) => write!(f, "RETURNED {skips}"),
            Self::Where => f.write_str("WHERE"),
            Self::Begins(start) => write!(f, "BEGINS d{}", start.position),
            Self::SoFar(_, begun) => write!(f, "SOFAR slot{} run{}", begun.slots, begun.runs),
        }
    }
}
