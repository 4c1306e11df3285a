//! What goes into a party and what comes out: the only event and effect types of the project.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::agreement::coin::{Coin, DdhCoin};
use crate::committee::PartyId;
use crate::crypto::transcript::Digest;
use crate::decision::proposal::Proposal;
use crate::fault::Fault;
use crate::limits;
use crate::party::evidence::Charge;
use crate::party::message::Message;
use crate::protocol::{Job, Recipient};
pub use crate::record::Record;
use crate::secret::Secret;
use crate::wire::Bytes;

/// Which implementations of the replaceable cryptography a party runs on.
pub trait Suite: 'static {
    /// The common coin.
    type Coin: Coin;
}

/// The real thing, and the default everywhere.
#[derive(Debug)]
pub struct RealSuite;

impl Suite for RealSuite {
    type Coin = DdhCoin;
}

/// The coin share type of a suite.
pub type CoinShare<S> = <<S as Suite>::Coin as Coin>::Share;

/// The message type of a suite.
pub type MessageOf<S> = Message<CoinShare<S>>;

/// The result of work: a message to oneself.
pub struct Done<S: Suite> {
    /// Of the jobs of its instance, the how-manieth.
    pub(super) number: u32,
    /// What it says.
    pub message: MessageOf<S>,
}

/// Names one request of the driver, to match the answer to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What happens to a party. Given the same events in the same order, a party has the same effects.
pub enum Event<S: Suite> {
    /// The party may begin. Comes once, first.
    Start,
    /// Another member certainly sent this.
    Message {
        /// Who sent it: a member, not oneself.
        from: PartyId,
        /// What it says.
        message: MessageOf<S>,
    },
    /// The result of an [`Effect::Work`].
    Done(Done<S>),
    /// A timer fired.
    Timer(TimerToken),
    /// Somebody here wants to propose. Answered.
    Propose {
        /// To match the answer.
        request: RequestId,
        /// What to decide.
        proposal: Proposal,
        /// What the network is to sign if it accepts: the document that the proposal names.
        document: Option<Bytes>,
    },
    /// Somebody here votes. Answered once the vote is durable and on its way.
    Vote {
        /// To match the answer.
        request: RequestId,
        /// Digest of the exact proposal voted on.
        decision: Digest,
        /// The vote, in the rule's input range.
        value: Secret<u64>,
    },
}

/// What is said once more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Again {
    /// All that is open.
    All,
    /// The runs of a window from this one on.
    Runs(u64),
}

impl Again {
    /// Whether a message is said once more.
    pub fn says<S>(self, message: &Message<S>) -> bool {
        match (self, message) {
            (Self::All, _) => true,
            (Self::Runs(from), Message::Run(run, _)) => {
                (from..from.saturating_add(limits::RUN_WINDOW)).contains(run)
            }
            (Self::Runs(_), _) => false,
        }
    }
}

/// What a party wants done, in order.
pub enum Effect<S: Suite> {
    /// All of this is to be durable, or nothing, before anything later leaves. Comes first in a step.
    Persist(Vec<Record>),
    /// To every other member or to one; one's own copy is already handled.
    Send {
        /// To whom.
        to: Recipient,
        /// What.
        message: MessageOf<S>,
    },
    /// Fires once, at or after the time; a time in the past fires at once.
    SetTimer {
        /// To hand back.
        token: TimerToken,
        /// When.
        when: When,
    },
    /// A pure function to run anywhere; its result comes back as [`Event::Done`].
    Work(Job<Done<S>>),
    /// This member has not, or has no more, what it had from us: it is to be said again, see
    /// [`Epochs::words_for`](crate::party::epochs::Epochs::words_for).
    SayAgain(PartyId, Again),
    /// A member did what no honest member does.
    Fault(Fault),
    /// To a request.
    Answer {
        /// Which.
        request: RequestId,
        /// The answer.
        answer: Result<Answer, Refusal>,
    },
    /// Something people look at has changed.
    Notify(Notice),
}

impl<S: Suite> fmt::Debug for Event<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("start"),
            Self::Message { from, message } => write!(f, "{message} from {from}"),
            Self::Done(done) => write!(f, "done {}", done.message),
            Self::Timer(token) => write!(f, "timer {token:?}"),
            Self::Propose { request, .. } => write!(f, "propose {request:?}"),
            Self::Vote { request, .. } => write!(f, "vote {request:?}"),
        }
    }
}

impl<S: Suite> fmt::Debug for Effect<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Persist(records) => write!(f, "persist {} records", records.len()),
            Self::Send { to, message } => write!(f, "send {message} to {to:?}"),
            Self::SetTimer { token, when } => write!(f, "timer {token:?} {when:?}"),
            Self::Work(_) => f.write_str("work"),
            Self::SayAgain(to, Again::All) => write!(f, "say again to {to}"),
            Self::SayAgain(to, Again::Runs(from)) => {
                write!(f, "say run{from} and on again to {to}")
            }
            Self::Fault(fault) => write!(f, "fault {fault}"),
            Self::Answer { request, answer } => write!(f, "answer {request:?} {answer:?}"),
            Self::Notify(notice) => write!(f, "notify {notice:?}"),
        }
    }
}

/// A timer of the party's, opaque to the driver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct TimerToken(pub(crate) Alarm);

impl fmt::Display for TimerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Alarm::Deadline(position) => write!(f, "deadline of d{position}"),
            Alarm::Grace(position) => write!(f, "grace of d{position}"),
            Alarm::Patience(run) => write!(f, "patience of run{run}"),
        }
    }
}

/// What a timer is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Alarm {
    /// The proposal at this position is at its deadline.
    Deadline(u64),
    /// The grace after the deadline of this position is over.
    Grace(u64),
    /// This preprocessing run has waited long enough for more dealers.
    Patience(u64),
}

/// When a timer fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// After this long.
    After(Duration),
    /// At this UTC time in milliseconds since 1970.
    AtUtc(u64),
}

/// An answer to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The proposal is on its way.
    Proposed {
        /// Its digest.
        decision: Digest,
    },
    /// The vote is durable and on its way.
    Voted(Receipt),
}

/// Says that a vote was taken, and nothing about it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Digest of the proposal.
    pub decision: Digest,
    /// Its ledger position.
    pub position: u64,
}

/// Why a request was refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such decision is known here.
    #[error("no such decision is known to this node")]
    UnknownDecision,
    /// Votes cannot be changed or withdrawn.
    #[error("this organisation has already voted on it, and votes cannot be changed")]
    AlreadyVoted,
    /// Its deadline has passed, and this member has abstained.
    #[error("the time for votes on it is over, and this organisation has abstained")]
    Late,
    /// The input set is fixed.
    #[error("its votes are sealed")]
    Sealed,
    /// The epoch ends, and nothing is ordered in it any more.
    #[error(
        "the network's keys are just being refreshed, and what was not ordered before lapsed: \
             propose it in a moment"
    )]
    EpochOver,
    /// This node may have forgotten what it said in it, so it only follows it.
    #[error("this node may have forgotten what it said in it, and only follows it")]
    FollowingOnly,
    /// This node was restored from a backup, or may have lost the end of its log.
    #[error(
        "this node may have forgotten what it said, and takes part again once most others told it \
         where they are, and took note that it is back"
    )]
    Returning,
    /// Not in the rule's range. Never repeats the value.
    #[error("{0}")]
    InvalidVote(String),
    /// Not well formed.
    #[error("{0}")]
    InvalidProposal(String),
    /// This member has too many documents open.
    #[error("this organisation already has {limit} documents to be signed open")]
    TooManyDocuments {
        /// How many are allowed.
        limit: usize,
    },
    /// This member has too many decisions open.
    #[error("this organisation already has {limit} proposals open")]
    TooManyOpen {
        /// How many are allowed.
        limit: usize,
    },
}

/// Something people look at has changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
#[non_exhaustive]
pub enum Notice {
    /// A proposal arrived.
    Proposed {
        /// Digest of the proposal.
        decision: Digest,
    },
    /// A proposal has its ledger position.
    Ordered {
        /// Digest of the proposal.
        decision: Digest,
        /// Its position.
        position: u64,
    },
    /// A member's vote or abstention arrived.
    VoteIn {
        /// Digest of the proposal.
        decision: Digest,
        /// Whose.
        member: PartyId,
    },
    /// The input set is fixed.
    Sealed {
        /// Digest of the proposal.
        decision: Digest,
    },
    /// The rule is being computed.
    Computing {
        /// Digest of the proposal.
        decision: Digest,
    },
    /// This member's share of a signature leaves. From here on its nonce pair serves this message.
    Signing {
        /// Digest of the proposal.
        decision: Digest,
        /// Its position.
        position: u64,
        /// Number of the pair.
        pair: u64,
        /// Stands for what is signed.
        message: Digest,
    },
    /// A bug: a nonce pair that has served one message was to serve another. Nothing was signed, and
    /// this member only follows the decision.
    SafetyStop {
        /// Digest of the proposal.
        decision: Digest,
        /// Its position.
        position: u64,
        /// Number of the pair.
        pair: u64,
    },
    /// The outcome is certified.
    Certified {
        /// Digest of the proposal.
        decision: Digest,
        /// Its position.
        position: u64,
    },
    /// The epoch ended before a proposal had its position: it has to be proposed again.
    Lapsed {
        /// Digest of the proposal.
        decision: Digest,
    },
    /// There is evidence against a member that was not there before.
    Evidence {
        /// Against whom.
        member: PartyId,
        /// What it proves.
        charge: Charge,
    },
    /// A preprocessing run has refilled the stock.
    Refilled {
        /// Which run.
        run: u64,
    },
}
