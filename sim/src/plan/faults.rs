//! What goes wrong with processes, their storage and their clocks.

use std::fmt;

use quorate_protocol::committee::PartyId;
use serde::{Deserialize, Serialize};

use crate::schedule::MILLI;

/// A kill, and a start from what was written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restart {
    /// Who.
    pub party: PartyId,
    /// From which of its steps on its effects are counted.
    pub step: u64,
    /// After how many of them it is killed.
    pub effects: usize,
    /// For how long it is down, in virtual microseconds.
    pub pause: u64,
    /// How many of a hundred of its frames in flight are lost.
    pub lost: u8,
    /// What its storage does meanwhile. Who starts from anything but what it wrote, and does not notice,
    /// counts as Byzantine: it may say again, and otherwise, what it said.
    #[serde(default)]
    pub storage: Storage,
}

/// What a killed member finds of what it wrote.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// All of it.
    #[default]
    Kept,
    /// All but the last so many writes.
    Tail(u64),
    /// All but the last so many writes since the last one of keys and epochs; and it notices, as a node
    /// does whose machine was started anew.
    Noticed(u64),
    /// Half of the last write, and half of its last value.
    Torn,
    /// So many of a hundred writes, the first ones: an old copy.
    Old(u8),
}

/// For a while a process does nothing, and then goes on as if nothing had been.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Whose.
    pub party: PartyId,
    /// From when on, in virtual microseconds.
    pub begins: u64,
    /// Until when.
    pub ends: u64,
}

/// All honest members are killed at once, and go on from what they wrote down.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// When, in virtual microseconds.
    pub at: u64,
    /// For how long.
    pub pause: u64,
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, step, effects, pause, lost, storage } = self;
        write!(f, "{party} is killed {effects} effects after step {step}, for ")?;
        write!(f, "{} ms; {lost} % of what it had sent is lost", pause / MILLI)?;
        match storage {
            Storage::Kept => Ok(()),
            Storage::Tail(writes) => write!(f, "; its last {writes} writes are lost"),
            Storage::Noticed(writes) => {
                write!(f, "; its last {writes} writes are lost, and it notices")
            }
            Storage::Torn => f.write_str("; its last write is torn"),
            Storage::Old(percent) => {
                write!(f, "; it finds an old copy, of {percent} % of its writes")
            }
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { party, begins, ends } = self;
        write!(f, "{party} pauses from {} to {} ms", begins / MILLI, ends / MILLI)
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, pause } = self;
        write!(f, "all are killed at {} ms, for {} ms", at / MILLI, pause / MILLI)
    }
}
