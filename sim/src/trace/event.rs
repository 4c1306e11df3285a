//! What happens in a run.

use std::fmt;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::fault::Fault;
use quorate_protocol::party::{Refusal, TimerToken};
use quorate_protocol::rule::Rule;

use super::layer::Labelled;

/// Something that happens at one moment of a run. Prints as one line, without the time.
pub enum Event<'a> {
    /// The run begins: this is its plan.
    Plan(&'a dyn fmt::Display),
    /// A message arrives.
    Message(Delivery<'a>),
    /// Something happens at a party.
    At(Who, Mark<'a>),
    /// Something happens to the network: a fault, or the end of one.
    Network(&'a dyn fmt::Display),
    /// Nothing is left to happen.
    Rest,
}

/// A party, or the second of twins.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Who {
    /// The party.
    pub party: PartyId,
    /// Whether it is the second of twins.
    pub twin: bool,
}

/// A message that arrives.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// Who sent it.
    pub from: PartyId,
    /// Who gets it.
    pub to: PartyId,
    /// When it was sent.
    pub sent: u64,
    /// Epoch of its frame.
    pub epoch: u64,
    /// Its encoding.
    pub print: Print,
    /// Its path, and what it belongs to.
    pub message: &'a dyn Labelled,
}

/// What stands for the encoding of a message in the story.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Print {
    /// How many bytes it has.
    pub size: u64,
    /// Hash of them.
    pub hash: u64,
}

impl Print {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(bytes).as_bytes();
        Self { size: bytes.len() as u64, hash: u64::from_le_bytes([a, b, c, d, e, f, g, h]) }
    }
}

/// A question of the workload, by its number; `None` for what is none of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Asked(pub Option<usize>);

/// What happens at a party. Never the value of a vote.
pub enum Mark<'a> {
    /// It comes up for the first time.
    ComesUp,
    /// It is killed.
    Killed,
    /// It starts again.
    StartsAgain,
    /// It cannot read what it finds of what it wrote, and stays down.
    StaysDown(&'a str),
    /// Its process does nothing for a while.
    Pauses,
    /// Its process goes on.
    GoesOn,
    /// At rest, a refresh has left it behind for good.
    Stranded,
    /// At rest, it has not decided what has this position, if any; what it waits for.
    Undecided(Option<u64>, &'a str),
    /// A timer fires.
    Timer(TimerToken),
    /// It asks for random bytes.
    Draws {
        /// Effects it had before.
        effects: u64,
    },
    /// An epoch begins.
    Begins {
        /// Which.
        epoch: u64,
    },
    /// The keys of an epoch are erased.
    Erases {
        /// Which.
        epoch: u64,
        /// Effects it had before.
        effects: u64,
    },
    /// It asks a question.
    Asks {
        /// Its number.
        number: usize,
        /// Its title.
        title: &'a str,
        /// What is decided.
        rule: &'a Rule,
    },
    /// It hears of a question.
    Hears(Asked),
    /// A question has its position.
    Ordered(Asked, u64),
    /// Its organisation enters a vote.
    Votes(Asked),
    /// The vote is durable and on its way.
    Voted(Asked),
    /// A vote or question was refused.
    Refused(Asked, &'a Refusal),
    /// The input set is fixed.
    Sealed(Asked),
    /// The rule is being computed.
    Computes(Asked),
    /// Its share of a signature leaves.
    Signs {
        /// On what.
        question: Asked,
        /// Effects it had before.
        effects: u64,
    },
    /// It has a certificate.
    Certifies {
        /// On what.
        question: Asked,
        /// Effects it had before.
        effects: u64,
    },
    /// What the certificate says.
    Certified {
        /// On what.
        question: Asked,
        /// Position in the ledger.
        position: u64,
        /// The outcome.
        outcome: Outcome,
        /// Whose votes count.
        counted: PartySet,
    },
    /// The epoch ended before a question had its position.
    Lapses(Asked),
    /// It blames another party.
    Blames(&'a Fault),
    /// It has made its keys, from the dealings of these.
    HasKeys(Option<PartySet>),
    /// These confirmed that they have the same keys.
    Confirmed(PartySet),
}

impl Mark<'_> {
    /// What kind of mark it is, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ComesUp => "up",
            Self::Killed => "killed",
            Self::StartsAgain => "restart",
            Self::StaysDown(_) => "down",
            Self::Pauses => "pause",
            Self::GoesOn => "resumed",
            Self::Stranded => "stranded",
            Self::Undecided(..) => "undecided",
            Self::Timer(_) => "timer",
            Self::Draws { .. } => "draw",
            Self::Begins { .. } => "epoch",
            Self::Erases { .. } => "erased",
            Self::Asks { .. } => "asked",
            Self::Hears(_) => "heard",
            Self::Ordered(..) => "ordered",
            Self::Votes(_) => "vote",
            Self::Voted(_) => "voted",
            Self::Refused(..) => "refused",
            Self::Sealed(_) => "sealed",
            Self::Computes(_) => "computing",
            Self::Signs { .. } => "signs",
            Self::Certifies { .. } => "certifies",
            Self::Certified { .. } => "certified",
            Self::Lapses(_) => "lapsed",
            Self::Blames(_) => "blame",
            Self::HasKeys(_) => "keys",
            Self::Confirmed(_) => "confirmed",
        }
    }

    /// The number of the question it is about.
    pub const fn question(&self) -> Option<usize> {
        match self {
            Self::Asks { number, .. } => Some(*number),
            Self::Hears(asked)
            | Self::Ordered(asked, _)
            | Self::Votes(asked)
            | Self::Voted(asked)
            | Self::Refused(asked, _)
            | Self::Sealed(asked)
            | Self::Computes(asked)
            | Self::Signs { question: asked, .. }
            | Self::Certifies { question: asked, .. }
            | Self::Certified { question: asked, .. }
            | Self::Lapses(asked) => asked.0,
            _ => None,
        }
    }
}

impl From<PartyId> for Who {
    fn from(party: PartyId) -> Self {
        Self { party, twin: false }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.party, if self.twin { "'" } else { "" })
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "question {number}"),
            None => f.write_str("another question"),
        }
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(plan) => plan.fmt(f),
            Self::Message(delivery) => delivery.fmt(f),
            Self::At(who, mark) => write!(f, "{who} {mark}"),
            Self::Network(what) => what.fmt(f),
            Self::Rest => f.write_str("at rest"),
        }
    }
}

impl fmt::Display for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, message, print, .. } = self;
        write!(f, "{from} -> {to}  {message}  {} bytes", print.size)
    }
}

impl fmt::Display for Mark<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ComesUp => f.write_str("comes up"),
            Self::Killed => f.write_str("is killed"),
            Self::StartsAgain => f.write_str("starts again"),
            Self::StaysDown(why) => write!(f, "does not start: {why}"),
            Self::Pauses => f.write_str("pauses"),
            Self::GoesOn => f.write_str("goes on"),
            Self::Stranded => f.write_str("is left behind for good: it cannot get its new share"),
            Self::Undecided(Some(position), why) => {
                write!(f, "has not decided {position}: it waits for {why}")
            }
            Self::Undecided(None, why) => {
                write!(f, "has not decided a proposal without a position: it waits for {why}")
            }
            Self::Timer(token) => write!(f, "timer: {token}"),
            Self::Draws { effects } => write!(f, "draws, after {effects} effects"),
            Self::Begins { epoch } => write!(f, "begins epoch {epoch}"),
            Self::Erases { epoch, effects } => {
                write!(f, "erases epoch {epoch}, after {effects} effects")
            }
            Self::Asks { number, rule, .. } => write!(f, "asks {number}: {rule}"),
            Self::Hears(asked) => write!(f, "hears of {asked}"),
            Self::Ordered(asked, position) => write!(f, "has {asked} at position {position}"),
            Self::Votes(asked) => write!(f, "votes on {asked}"),
            Self::Voted(asked) => write!(f, "has voted on {asked}"),
            Self::Refused(asked, why) => write!(f, "is refused {asked}: {why}"),
            Self::Sealed(asked) => write!(f, "has the votes on {asked} sealed"),
            Self::Computes(asked) => write!(f, "computes {asked}"),
            Self::Signs { question, effects } => {
                write!(f, "signs {question}, after {effects} effects")
            }
            Self::Certifies { question, effects } => {
                write!(f, "certifies {question}, after {effects} effects")
            }
            Self::Certified { position, outcome, counted, .. } => {
                write!(f, "certified {position}: {outcome} of {counted}")
            }
            Self::Lapses(asked) => write!(f, "sees {asked} lapse"),
            Self::Blames(fault) => write!(f, "blames {fault}"),
            Self::HasKeys(dealers) => {
                f.write_str("has its keys")?;
                dealers.iter().try_for_each(|dealers| write!(f, ", of {dealers}"))
            }
            Self::Confirmed(members) => write!(f, "has its keys confirmed by {members}"),
        }
    }
}
