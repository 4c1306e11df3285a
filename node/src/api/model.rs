//! What travels between a node and those who ask it, as JSON. Nothing here can hold a vote, but
//! the one request that hands it in.
//!
//! Organisations appear by name. Texts of proposals come from other organisations: whoever shows
//! them must expect anything in them.

mod operator;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use operator::{
    Explanation, Health, Margin, Missing, NotReady, OpenDecision, Readiness, Warning,
};

/// A decision as this node sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decision {
    /// Short name: `dec_` and the first eight digits of the digest.
    pub id: String,
    /// Digest of the proposal.
    pub digest: String,
    /// What is proposed, in a line.
    pub title: String,
    /// What is proposed, in full.
    pub body: String,
    /// The rule.
    pub rule: String,
    /// What a vote is: `a whole number from 0 to 100`, `yes or no`.
    pub input: String,
    /// Who proposed it.
    pub proposer: String,
    /// When votes are no longer waited for.
    pub deadline: String,
    /// The same, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// What the network signs if it accepts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<Document>,
    /// Whether the members make new shares of the network's keys if it is accepted.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub refresh: bool,
    /// Whose seat goes to new keys if it is accepted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<Replaces>,
    /// How many must take part, or it expires.
    pub minimum: usize,
    /// Position in the ledger, once it is ordered.
    pub position: Option<u64>,
    /// `proposed`, `open`, `sealed`, `computing` or `certified`.
    pub phase: Phase,
    /// Number of members.
    pub members: usize,
    /// Whose votes are in, as far as this node knows.
    pub voted: Vec<String>,
    /// Who abstained.
    pub abstained: Vec<String>,
    /// Who is neither.
    pub missing: Vec<String>,
    /// Whether this organisation has voted.
    pub you_voted: bool,
    /// Whose votes count, once that is fixed.
    pub counted: Option<Vec<String>>,
    /// The outcome, once it is certified.
    pub outcome: Option<Outcome>,
    /// Whether this node only follows it, because it may have forgotten what it said in it.
    pub following: bool,
    /// What it is waiting for, in words.
    pub waiting: String,
}

/// A document that the network is asked to sign.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Document {
    /// Its length.
    pub bytes: u32,
    /// Its BLAKE3 hash.
    pub blake3: String,
    /// Whether this node has it.
    pub here: bool,
}

/// How far a decision is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// On its way to its place in the ledger.
    Proposed,
    /// Votes are being taken.
    Open,
    /// Who is counted is fixed.
    Sealed,
    /// The rule is being computed.
    Computing,
    /// Decided and signed.
    Certified,
}

impl Phase {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Open => "open",
            Self::Sealed => "sealed",
            Self::Computing => "computing",
            Self::Certified => "certified",
        }
    }
}

/// The outcome of a decision.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The rule is met.
    Accepted,
    /// The rule is not met.
    Rejected,
    /// Too few took part.
    Expired,
}

impl Outcome {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl Decision {
    /// Whether it is decided.
    pub const fn is_certified(&self) -> bool {
        matches!(self.phase, Phase::Certified)
    }

    /// Whether this organisation can still vote on it.
    pub const fn needs_you(&self, now_ms: u64) -> bool {
        !self.you_voted && !self.following && self.takes_votes(now_ms)
    }

    /// Whether votes are still taken.
    pub const fn takes_votes(&self, now_ms: u64) -> bool {
        matches!(self.phase, Phase::Proposed | Phase::Open) && now_ms <= self.deadline_ms
    }

    /// The outcome if there is one, else the phase.
    pub fn state(&self) -> &'static str {
        self.outcome.map_or(self.phase.word(), Outcome::word)
    }
}

/// A list of decisions, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Decisions {
    /// The decisions.
    pub decisions: Vec<Decision>,
}

/// A node and its network.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Status {
    /// This organisation.
    pub organisation: String,
    /// The network's name.
    pub network: String,
    /// The network's digest.
    pub digest: String,
    /// The epoch of the network's keys: 1, and one more after each refresh.
    pub epoch: u64,
    /// The refresh of the keys that is going on, if one is.
    #[serde(default)]
    pub refresh: Option<Refreshing>,
    /// Number of members.
    pub members: usize,
    /// How many faulty members the network tolerates.
    pub tolerates: usize,
    /// How many members it takes to decide.
    pub quorum: usize,
    /// Seconds since the node was started.
    pub uptime_seconds: u64,
    /// The other members.
    pub peers: Vec<Peer>,
    /// Random material made ahead.
    pub stock: Stock,
    /// Counts of decisions.
    pub decisions: DecisionCounts,
    /// Members that did what no honest member does.
    pub faults: Vec<Faults>,
    /// What the node had to do about faults and losses.
    pub work: Work,
    /// After a restore from a backup, or on an older copy of the data directory, or after a loss of power
    /// that may have cost the end of the log: members that the node waits to hear from before it takes
    /// part again. `None` as soon as it does.
    #[serde(default)]
    pub returning: Option<Vec<String>>,
    /// Whether, after that, the node has caught up, and the others have not yet taken note that it is
    /// back: it says nothing in the next slot of the ledger, or of new proposals.
    #[serde(default)]
    pub half_back: bool,
    /// Whether the data directory was found to be an older copy, and the node does not take part again
    /// yet.
    #[serde(default)]
    pub older_copy: bool,
    /// Where the network's keys come from.
    pub keys: String,
    /// The program's version.
    pub version: String,
    /// The node's process.
    pub process: u32,
    /// All in one word.
    pub health: Health,
    /// How much more may fail.
    pub margin: Margin,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// Decisions that are not certified, newest first.
    pub open: Vec<OpenDecision>,
}

impl Status {
    /// How many of the other members are connected.
    pub fn connected(&self) -> usize {
        self.peers.iter().filter(|peer| peer.connected).count()
    }
}

/// A refresh of the network's keys that is going on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refreshing {
    /// Where it was decided.
    pub position: u64,
    /// Whether this organisation has its new shares.
    pub made: bool,
    /// Who is known to have theirs.
    pub confirmed: Vec<String>,
    /// Who is not.
    pub missing: Vec<String>,
}

/// Another member's node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Peer {
    /// The organisation.
    pub name: String,
    /// Whether there is a connection.
    pub connected: bool,
    /// `quic`, `tcp`, or `relayed` if it is connected through other organisations.
    pub transport: Option<String>,
    /// Those organisations, from here to there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<String>,
    /// How long ago it was last heard.
    pub last_seen_ms_ago: Option<u64>,
    /// Microseconds there and back, when it was last measured.
    #[serde(default)]
    pub round_trip_us: Option<u64>,
    /// Milliseconds by which its clock is ahead of this node's, at least, when a link was last opened;
    /// negative if it is behind.
    #[serde(default)]
    pub clock_ahead_ms: Option<i64>,
    /// Messages on their way to it.
    pub unacknowledged: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// Messages that it will not get, because it was away for too long.
    pub lost: u64,
    /// Bytes that it has this node keep for later.
    pub kept_bytes: usize,
    /// How often it did what no honest member does.
    pub faults: u64,
    /// Why it and this node cannot talk to each other, though it is there.
    #[serde(default)]
    pub trouble: Option<String>,
}

/// Random material made ahead by all members together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stock {
    /// Random bits left; negative if decisions wait for more.
    pub bits: i64,
    /// Multiplication triples left; negative if decisions wait for more.
    pub triples: i64,
    /// Nonce pairs left, for signatures; negative if decisions wait for more.
    pub pairs: i64,
    /// Runs completed.
    pub runs: u64,
    /// Whether a run is in progress.
    pub refilling: bool,
}

/// Counts of decisions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecisionCounts {
    /// Not yet certified.
    pub open: u64,
    /// Certified.
    pub certified: u64,
    /// Positions of the ledger in use.
    pub positions: u64,
}

/// What one member did that no honest member does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Faults {
    /// The organisation.
    pub name: String,
    /// What it did.
    pub what: String,
    /// How often.
    pub times: u64,
    /// Whether that can be proved to others.
    pub provable: bool,
}

/// What the protocols had to do.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Work {
    /// Common coins tossed.
    pub coins: u64,
    /// Complaints about dealers.
    pub complaints: u64,
    /// Shares recovered with the help of others.
    pub recovered: u64,
    /// Openings in which wrong shares were corrected.
    pub corrected_openings: u64,
    /// Members left out of a decision.
    pub excluded_inputs: u64,
    /// Times the stock was refilled.
    pub refills: u64,
}

/// A proposal to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// What is proposed, in a line.
    pub title: String,
    /// What is proposed, in full.
    #[serde(default)]
    pub body: String,
    /// The rule.
    pub rule: String,
    /// When votes are no longer waited for, in milliseconds since 1970.
    pub deadline_ms: u64,
    /// A file that the network is to sign if it accepts, in base 64.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub document: Option<String>,
    /// Whether the members are to make new shares of the network's keys if it is accepted.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub refresh: bool,
    /// Whose seat is to go to new keys if it is accepted, and which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<NewMember>,
}

/// New keys for a seat.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Replaces {
    /// The seat's name.
    pub member: String,
    /// Its next identity, in hexadecimal.
    pub identity: String,
    /// Its next sealing key.
    pub sealing: String,
    /// Its next key for connections.
    pub transport: String,
    /// Where its node listens.
    pub addresses: Vec<String>,
}

/// A member that is to come in for another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// The seat's name.
    pub member: String,
    /// The text of its `member.toml`.
    pub card: String,
}

/// A proposal was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proposed {
    /// Its short name.
    pub id: String,
    /// Its digest.
    pub digest: String,
}

/// A vote to be entered. Has no `Debug`, and is wiped when dropped.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct NewVote {
    /// As a person would type it.
    pub vote: String,
}

/// A vote was taken. Says nothing about it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Short name of the decision.
    pub id: String,
    /// Digest of the proposal voted on.
    pub digest: String,
    /// Position in the ledger.
    pub position: u64,
}

/// Why a request was refused (RFC 9457).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// One word for programs.
    pub code: Code,
    /// What happened and why, for people.
    pub detail: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hint: Option<String>,
}

/// Kinds of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No such decision or page.
    NotFound,
    /// Several decisions have names that begin so.
    Ambiguous,
    /// No token, or a wrong one.
    Unauthorised,
    /// Asked under another name than the loopback address.
    ForbiddenHost,
    /// Not a request this version understands.
    BadRequest,
    /// A rule that is not one.
    InvalidRule,
    /// A proposal that is not well formed.
    InvalidProposal,
    /// Not a vote of the rule.
    InvalidVote,
    /// This organisation has voted.
    AlreadyVoted,
    /// Too late.
    Sealed,
    /// The node was away when the decision was opened.
    FollowingOnly,
    /// This organisation has too many open.
    TooManyOpen,
    /// The network's keys are being made or refreshed.
    KeysChanging,
    /// Not certified yet.
    Undecided,
    /// The node is stopping.
    Stopping,
    /// A defect.
    #[serde(other)]
    Internal,
}
