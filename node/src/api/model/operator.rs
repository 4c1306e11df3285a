//! What tells an operator how things are, and what to do. Nothing here depends on a vote.

use serde::{Deserialize, Serialize};

use super::{Outcome, Phase};

/// How a node and its network are, in one word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing to look at.
    Ok,
    /// Decisions are made, and somebody should look at something.
    Degraded,
    /// Nothing is decided with this node as things are.
    Stuck,
}

impl Health {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Stuck => "stuck",
        }
    }
}

/// How many members may fail before nothing is decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Margin {
    /// Members that are there, this one included.
    pub here: usize,
    /// Members that count as failed: away, provably faulty, or this one while it only listens.
    pub failed: usize,
    /// How many more may fail; `None` if it is too many already.
    pub left: Option<usize>,
    /// How many more it takes to decide anything.
    pub lacking: usize,
}

/// Something that somebody should look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Warning {
    /// What is the matter.
    pub what: String,
    /// What to type next.
    pub hint: String,
}

/// A decision that is not certified, in a line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OpenDecision {
    /// Its short name.
    pub id: String,
    /// What is proposed, in a line.
    pub title: String,
    /// How far it is.
    pub phase: Phase,
    /// How many have voted.
    pub voted: usize,
    /// When votes are no longer waited for, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// Whether this organisation can still vote on it.
    pub needs_you: bool,
    /// Whether this node only follows it.
    pub following: bool,
}

/// Why a decision is not decided yet, and what would change that. Says nothing about any vote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Explanation {
    /// Short name of the decision.
    pub id: String,
    /// Digest of the proposal.
    pub digest: String,
    /// What is proposed, in a line.
    pub title: String,
    /// How far it is.
    pub phase: Phase,
    /// The outcome, once it is certified.
    pub outcome: Option<Outcome>,
    /// When votes are no longer waited for, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// Number of members.
    pub members: usize,
    /// How many faulty members the network tolerates.
    pub tolerates: usize,
    /// How many members it takes to decide.
    pub quorum: usize,
    /// What comes next, in a word for programs; none once it is decided.
    pub step: Option<String>,
    /// What it waits for, in words.
    pub waits_for: String,
    /// Of how many members that is here.
    pub have: usize,
    /// Of how many it takes.
    pub needed: usize,
    /// Members of whom it is not here.
    pub missing: Vec<Missing>,
    /// What would let it go on.
    pub unblocks: String,
    /// What this organisation can do.
    pub you: String,
    /// What to type next.
    pub next: Option<String>,
}

/// A member of whom something is not here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Missing {
    /// The organisation.
    pub name: String,
    /// Whether it is this one.
    pub you: bool,
    /// Whether there is a connection.
    pub connected: bool,
    /// How long ago it was last heard.
    pub last_seen_ms_ago: Option<u64>,
    /// Whether it has said nothing since this node was started.
    pub silent: bool,
}

/// Whether a node takes part in decisions now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it does.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<NotReady>,
}

/// Why a node takes no part. Names nobody: whoever is on the machine may ask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NotReady {
    /// One word for programs.
    pub code: String,
    /// The same for people.
    pub detail: String,
}
