//! What parties of a common subset send each other: votes of all agreements in one bitmap.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::agreement::aba::{self, Vote};
use crate::committee::{Committee, PartyId, PartySet};

/// What a bitmap of votes says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// E1: may be for both values in one agreement.
    E1,
    /// E2.
    E2,
    /// E3: the only one that may be bot.
    E3,
    /// DECIDE.
    Decide,
}

/// Messages of the `n` agreements. Sets are sets of agreements, named by the party whose value each
/// is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Message<S> {
    /// Votes of one kind in one round.
    Votes {
        /// The round, the same in all these agreements.
        round: u32,
        /// What is voted.
        kind: Kind,
        /// Agreements with a vote for 0.
        zero: PartySet,
        /// Agreements with a vote for 1.
        one: PartySet,
        /// Agreements with a vote for bot.
        bot: PartySet,
    },
    /// Shares of the coins of one round, each agreement its own.
    Shares {
        /// The round.
        round: u32,
        /// Agreement and share.
        shares: Vec<(PartyId, S)>,
    },
    /// The sender dropped what the receiver had sent from this round on.
    Resend {
        /// The first round to send again.
        round: u32,
        /// The agreements.
        of: PartySet,
    },
}

impl<S> Message<S> {
    /// A message of the one agreement about the value of `party`.
    pub(super) fn of(party: PartyId, message: aba::Message<S>) -> Self {
        match message {
            aba::Message::Vote { round, vote } => {
                let (kind, value) = match vote {
                    Vote::E1(value) => (Kind::E1, Some(value)),
                    Vote::E2(value) => (Kind::E2, Some(value)),
                    Vote::E3(value) => (Kind::E3, value),
                };
                Self::votes(round, kind, party, value)
            }
            aba::Message::Decide { round, value } => {
                Self::votes(round, Kind::Decide, party, Some(value))
            }
            aba::Message::Share { round, share } => {
                Self::Shares { round, shares: vec![(party, share)] }
            }
            aba::Message::Resend { round } => {
                Self::Resend { round, of: [party].into_iter().collect() }
            }
        }
    }

    fn votes(round: u32, kind: Kind, party: PartyId, value: Option<bool>) -> Self {
        let only: PartySet = [party].into_iter().collect();
        let set = |v: Option<bool>| if v == value { only } else { PartySet::EMPTY };
        Self::Votes { round, kind, zero: set(Some(false)), one: set(Some(true)), bot: set(None) }
    }

    /// Takes in `other` if it is of the same round and kind, else gives it back. What the merged
    /// message says is what the two said: used where many messages to one party wait together.
    pub fn merge(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (
                Self::Votes { round, kind, zero, one, bot },
                Self::Votes { round: r, kind: k, zero: zeros, one: ones, bot: bots },
            ) if *round == r && *kind == k => {
                *zero = zero.union(zeros);
                *one = one.union(ones);
                *bot = bot.union(bots);
                None
            }
            (Self::Shares { round, shares }, Self::Shares { round: r, shares: more })
                if *round == r =>
            {
                shares.extend(more);
                None
            }
            (Self::Resend { round, of }, Self::Resend { round: r, of: more }) if *round == r => {
                *of = of.union(more);
                None
            }
            (_, other) => Some(other),
        }
    }

    /// Whether an honest party may send this: all agreements exist, and only E3 says bot.
    pub(super) fn is_well_formed(&self, committee: Committee) -> bool {
        match self {
            Self::Votes { kind, zero, one, bot, .. } => {
                zero.union(*one).union(*bot).within(committee)
                    && (*kind == Kind::E3 || bot.is_empty())
            }
            // A share is sent to all once, and to one party at most once more.
            Self::Shares { shares, .. } => {
                shares.len() <= 2 * committee.n()
                    && shares.iter().all(|(party, _)| committee.contains(*party))
            }
            Self::Resend { of, .. } => of.within(committee),
        }
    }

    /// The messages to the single agreements.
    pub(super) fn unpack(self) -> Vec<(PartyId, aba::Message<S>)> {
        match self {
            Self::Votes { round, kind, zero, one, bot } => {
                let values = [(one, Some(true)), (zero, Some(false)), (bot, None)];
                let each = values.into_iter().flat_map(|(set, v)| set.iter().map(move |p| (p, v)));
                each.filter_map(|(party, value)| Some((party, single(round, kind, value)?)))
                    .collect()
            }
            Self::Shares { round, shares } => shares
                .into_iter()
                .map(|(party, share)| (party, aba::Message::Share { round, share }))
                .collect(),
            Self::Resend { round, of } => {
                of.iter().map(|party| (party, aba::Message::Resend { round })).collect()
            }
        }
    }
}

fn single<S>(round: u32, kind: Kind, value: Option<bool>) -> Option<aba::Message<S>> {
    let vote = match kind {
        Kind::E1 => Vote::E1(value?),
        Kind::E2 => Vote::E2(value?),
        Kind::E3 => Vote::E3(value),
        Kind::Decide => return Some(aba::Message::Decide { round, value: value? }),
    };
    Some(aba::Message::Vote { round, vote })
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::E1 => "E1",
            Self::E2 => "E2",
            Self::E3 => "E3",
            Self::Decide => "DECIDE",
        })
    }
}

/// Of one agreement: `3/r2 E1 1`; of several: `r2 E1 0{1} 1{0,3}`.
impl<S> fmt::Display for Message<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Votes { round, kind, zero, one, bot } => {
                let sets = [("0", zero), ("1", one), ("bot", bot)];
                if zero.len() + one.len() + bot.len() == 1 {
                    for (value, set) in sets {
                        for party in set.iter() {
                            write!(f, "{party}/r{round} {kind} {value}")?;
                        }
                    }
                    return Ok(());
                }
                write!(f, "r{round} {kind}")?;
                let mut filled = sets.into_iter().filter(|(_, set)| !set.is_empty());
                filled.try_for_each(|(value, set)| write!(f, " {value}{set}"))
            }
            Self::Shares { round, shares } => {
                let of: PartySet = shares.iter().map(|(party, _)| *party).collect();
                write!(f, "r{round} SHARE {of}")
            }
            Self::Resend { round, of } => write!(f, "r{round} RESEND {of}"),
        }
    }
}
