//! Everything one party says to another.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::agreement::rbc;
use crate::decision::life;
use crate::decision::proposal::ProposalId;
use crate::decision::slot;
use crate::decision::supply;
use crate::keys::{ceremony, refresh};
use crate::party::{documents, sync};

/// A message between parties; `S` is the coin's share.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "S: Serialize + DeserializeOwned")]
pub enum Message<S> {
    /// The broadcast of a proposal.
    Proposal(ProposalId, rbc::Message),
    /// The document of a proposal.
    Document(ProposalId, documents::Message),
    /// Ordering: one slot of the ledger.
    Slot(u64, slot::Message<S>),
    /// Preprocessing run.
    Run(u64, supply::Message<S>),
    /// The sender has the product of this run and needs nothing more of it.
    RunDone(u64),
    /// The decision at a ledger position.
    Decision(u64, life::Message<S>),
    /// Catching up.
    Sync(sync::Message),
    /// The refresh that ends the epoch: see [`epochs`](super::epochs).
    Refresh(Box<ceremony::Envelope<refresh::Message>>),
}

/// Which of the two streams to a peer a message takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Class {
    /// What decisions wait for.
    Decision,
    /// Preprocessing, documents and catching up: never in a decision's way.
    Bulk,
}

impl<S> Message<S> {
    /// The stream this message takes.
    pub const fn class(&self) -> Class {
        match self {
            Self::Proposal(..) | Self::Slot(..) | Self::Decision(..) => Class::Decision,
            Self::Document(..)
            | Self::Run(..)
            | Self::RunDone(_)
            | Self::Sync(_)
            | Self::Refresh(_) => Class::Bulk,
        }
    }

    /// Takes `other` in, if both are votes that fit one message; otherwise gives it back.
    pub fn merge(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Slot(a, mine), Self::Slot(b, other)) if *a == b => {
                mine.merge(other).map(|rest| Self::Slot(b, rest))
            }
            (Self::Decision(a, mine), Self::Decision(b, other)) if *a == b => {
                mine.merge(other).map(|rest| Self::Decision(b, rest))
            }
            (Self::Run(a, mine), Self::Run(b, other)) if *a == b => {
                mine.merge(other).map(|rest| Self::Run(b, rest))
            }
            (_, other) => Some(other),
        }
    }
}

impl<S> fmt::Display for Message<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proposal(id, m) => write!(f, "proposal {id} {m}"),
            Self::Document(id, m) => write!(f, "document {id} {m}"),
            Self::Slot(slot, m) => write!(f, "slot{slot} {m}"),
            Self::Run(run, m) => write!(f, "run{run} {m}"),
            Self::RunDone(run) => write!(f, "run{run} DONE"),
            Self::Decision(position, m) => write!(f, "d{position} {m}"),
            Self::Sync(m) => write!(f, "sync {m}"),
            Self::Refresh(m) => write!(f, "refresh {m}"),
        }
    }
}
