//! Behaviours by name.

use std::fmt;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::party::Message;
use quorate_protocol::sharing::acss;
use serde::{Deserialize, Serialize};

use super::{
    Adversary, Asked, BadShard, BadVote, Cheat, Copied, Insider, Kind, Spoil, Withheld, accuser,
    cheating_dealer, coin_holder, crash, dealing_copier, early_leaver, equivocator,
    estimate_splitter, excluder, flooder, forger, garbler, inventor, malformed_vote, misshaper,
    mutator, old_epoch, replayer, selective, shard_liar, silent, splitter, storm, vote_copier,
    wrong_coin, wrong_shares,
};
use crate::Wire;

/// A way of deviating, by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Behaviour {
    /// Says nothing.
    Silent,
    /// Stops in the middle of a multicast, after so many messages.
    Crash {
        /// How many letters go out before it may stop.
        after: u64,
    },
    /// One identity is run twice, with different inputs.
    Twins,
    /// Sends wrong shares in openings.
    WrongShares {
        /// In how many of a hundred messages.
        percent: u8,
    },
    /// Deals shares that do not hold.
    CheatingDealer(Cheat),
    /// Broadcasts a vote of the wrong shape.
    MalformedVote(BadVote),
    /// Sends coin shares of another coin.
    WrongCoin,
    /// Works against one member's input.
    Exclude {
        /// Whose.
        target: PartyId,
    },
    /// Spoils refreshes of the keys.
    Spoil(Spoil),
    /// Says in an epoch what it said in the one before.
    OldEpoch,
    /// Says nothing to some, or nothing of one kind.
    Selective {
        /// To whom.
        #[serde(with = "crate::parties")]
        victims: PartySet,
        /// Of what; of everything if nothing is named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<Kind>,
    },
    /// Contradicts itself in one kind of message.
    Equivocate {
        /// To whom it says otherwise.
        #[serde(with = "crate::parties")]
        victims: PartySet,
        /// Of what.
        of: Kind,
    },
    /// Is honest for a while, and then contradicts itself in everything.
    TurnLate {
        /// After how many messages.
        after: u64,
        /// To whom it says otherwise.
        #[serde(with = "crate::parties")]
        victims: PartySet,
    },
    /// Says again what it or others said.
    Replay {
        /// How many of a hundred messages it answers so.
        percent: u8,
    },
    /// Sends what is a step away from what is right.
    Mutate {
        /// In place of how many of a hundred messages.
        percent: u8,
    },
    /// Sends changed bytes that can be read.
    Garble {
        /// In place of how many of a hundred messages.
        percent: u8,
    },
    /// Sends messages of its own invention.
    Invent {
        /// How many of a hundred messages it answers so.
        percent: u8,
    },
    /// Floods with what is far ahead.
    Flood {
        /// Beside how many of a hundred messages.
        percent: u8,
    },
    /// Holds back its coin shares.
    HoldCoin(Withheld),
    /// Broadcasts, echoes and readies one thing to some and another to the rest.
    Split {
        /// Who hears the right thing.
        #[serde(with = "crate::parties")]
        part: PartySet,
    },
    /// Votes 1 to some and 0 to the rest in every agreement.
    SplitEstimates {
        /// Who hears 1.
        #[serde(with = "crate::parties")]
        part: PartySet,
    },
    /// Lies about pieces of ciphertexts.
    LieInShards(BadShard),
    /// Complains of sharings that are right.
    Accuse,
    /// Opens with vectors of the wrong length first.
    Misshape,
    /// Broadcasts another member's ballot as its own.
    CopyVotes {
        /// Whose.
        of: PartyId,
    },
    /// Deals what another dealt.
    CopyDealings(Copied),
    /// Asks again what others asked.
    Storm {
        /// How.
        asked: Asked,
        /// How often in an epoch.
        times: u64,
    },
    /// Says nothing more where it has said DECIDE.
    LeaveEarly,
    /// Forges certificates.
    Forge,
}

impl Behaviour {
    /// The names of all behaviours.
    pub const NAMES: [&str; 29] = [
        "silent",
        "crash",
        "twins",
        "wrong-shares",
        "cheating-dealer",
        "malformed-vote",
        "wrong-coin",
        "exclude",
        "spoil",
        "old-epoch",
        "selective",
        "equivocate",
        "turn-late",
        "replay",
        "mutate",
        "garble",
        "invent",
        "flood",
        "hold-coin",
        "split",
        "split-estimates",
        "lie-in-shards",
        "accuse",
        "misshape",
        "copy-votes",
        "copy-dealings",
        "storm",
        "leave-early",
        "forge",
    ];

    /// The behaviour's name, without its particulars.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Crash { .. } => "crash",
            Self::Twins => "twins",
            Self::WrongShares { .. } => "wrong-shares",
            Self::CheatingDealer(_) => "cheating-dealer",
            Self::MalformedVote(_) => "malformed-vote",
            Self::WrongCoin => "wrong-coin",
            Self::Exclude { .. } => "exclude",
            Self::Spoil(_) => "spoil",
            Self::OldEpoch => "old-epoch",
            Self::Selective { .. } => "selective",
            Self::Equivocate { .. } => "equivocate",
            Self::TurnLate { .. } => "turn-late",
            Self::Replay { .. } => "replay",
            Self::Mutate { .. } => "mutate",
            Self::Garble { .. } => "garble",
            Self::Invent { .. } => "invent",
            Self::Flood { .. } => "flood",
            Self::HoldCoin(_) => "hold-coin",
            Self::Split { .. } => "split",
            Self::SplitEstimates { .. } => "split-estimates",
            Self::LieInShards(_) => "lie-in-shards",
            Self::Accuse => "accuse",
            Self::Misshape => "misshape",
            Self::CopyVotes { .. } => "copy-votes",
            Self::CopyDealings(_) => "copy-dealings",
            Self::Storm { .. } => "storm",
            Self::LeaveEarly => "leave-early",
            Self::Forge => "forge",
        }
    }

    /// What a member that behaves like this does otherwise in a refresh; `copied` is the sealing key
    /// of another.
    pub fn deviation(behaviours: &[Self], copied: [u8; 32]) -> refresh::Deviation {
        let mut deviation = refresh::Deviation::default();
        for behaviour in behaviours {
            if let Self::Spoil(spoil) = behaviour {
                spoil.apply(copied, &mut deviation);
            }
        }
        deviation
    }

    /// Whether a message of `me` shows the behaviour as it is: that of a party which is another from the
    /// start.
    pub(super) fn is_in(self, me: PartyId, message: &Wire) -> bool {
        let Message::Refresh(envelope) = message else { return false };
        let Envelope::Said { message, .. } = &**envelope else { return false };
        match (self, message) {
            (Self::Spoil(Spoil::Shifted | Spoil::Dealing(_)), refresh::Message::Dealing(of, m)) => {
                let dealt = matches!(
                    m,
                    acss::Message::Rbc(rbc::Message::Send { .. }) | acss::Message::Shards(_)
                );
                *of == me && dealt
            }
            (Self::Spoil(Spoil::Sealing(_)), refresh::Message::Sealing(of, m)) => {
                *of == me && matches!(m, rbc::Message::Send { .. })
            }
            _ => false,
        }
    }

    /// The behaviour as a wrapper of `insider`'s messages; `None` if it is no wrapper: twins, and
    /// who only deals otherwise.
    pub fn adversary(self, insider: &Insider) -> Option<Box<dyn Adversary>> {
        Some(match self {
            Self::Silent => Box::new(silent::Silent),
            Self::Crash { after } => Box::new(crash::Crash::new(after)),
            Self::Twins => return None,
            Self::WrongShares { percent } => Box::new(wrong_shares::WrongShares::new(percent)),
            Self::CheatingDealer(cheat) => {
                Box::new(cheating_dealer::CheatingDealer::new(cheat, insider.clone()))
            }
            Self::MalformedVote(how) => {
                Box::new(malformed_vote::MalformedVote::new(how, insider.clone()))
            }
            Self::WrongCoin => Box::new(wrong_coin::WrongCoin::new(insider.clone())),
            Self::Exclude { target } => Box::new(excluder::Excluder::new(target)),
            Self::Spoil(spoil) => return spoil.adversary(),
            Self::OldEpoch => Box::new(old_epoch::OldEpoch::default()),
            Self::Selective { victims, of } => Box::new(selective::Selective::new(victims, of)),
            Self::Equivocate { victims, of } => {
                Box::new(equivocator::Equivocator::of(of, victims, insider.clone()))
            }
            Self::TurnLate { after, victims } => {
                Box::new(equivocator::Equivocator::late(after, victims, insider.clone()))
            }
            Self::Replay { percent } => Box::new(replayer::Replayer::new(percent)),
            Self::Mutate { percent } => Box::new(mutator::Mutator::new(percent, insider)),
            Self::Garble { percent } => Box::new(garbler::Garbler::new(percent)),
            Self::Invent { percent } => Box::new(inventor::Inventor::new(percent, insider.clone())),
            Self::Flood { percent } => Box::new(flooder::Flooder::new(percent)),
            Self::HoldCoin(withheld) => Box::new(coin_holder::CoinHolder::new(withheld, insider)),
            Self::Split { part } => Box::new(splitter::Splitter::new(part, insider.clone())),
            Self::SplitEstimates { part } => {
                Box::new(estimate_splitter::EstimateSplitter::new(part))
            }
            Self::LieInShards(how) => Box::new(shard_liar::ShardLiar::new(how)),
            Self::Accuse => Box::new(accuser::Accuser::new(insider)),
            Self::Misshape => Box::new(misshaper::Misshaper),
            Self::CopyVotes { of } => Box::new(vote_copier::VoteCopier::new(of, insider.clone())),
            Self::CopyDealings(what) => Box::new(dealing_copier::DealingCopier::new(what, insider)),
            Self::Storm { asked, times } => {
                Box::new(storm::Storm::new(asked, times, insider.clone()))
            }
            Self::LeaveEarly => Box::new(early_leaver::EarlyLeaver::default()),
            Self::Forge => Box::new(forger::Forger::default()),
        })
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("silent"),
            Self::Crash { after } => write!(f, "crashes after {after} messages"),
            Self::Twins => f.write_str("twins"),
            Self::WrongShares { percent: 100 } => f.write_str("wrong shares"),
            Self::WrongShares { percent } => write!(f, "wrong shares in {percent} %"),
            Self::CheatingDealer(cheat) => write!(f, "cheating dealer ({cheat})"),
            Self::MalformedVote(how) => write!(f, "votes {how}"),
            Self::WrongCoin => f.write_str("wrong coin shares"),
            Self::Exclude { target } => write!(f, "excludes {target}"),
            Self::Spoil(spoil) => write!(f, "spoils refreshes ({spoil})"),
            Self::OldEpoch => f.write_str("repeats the epoch before"),
            Self::Selective { victims, of: None } => write!(f, "says nothing to {victims}"),
            Self::Selective { victims, of: Some(of) } => write!(f, "says no {of} to {victims}"),
            Self::Equivocate { victims, of } => write!(f, "says other {of} to {victims}"),
            Self::TurnLate { after, victims } => {
                write!(f, "after {after} messages says other things to {victims}")
            }
            Self::Replay { percent } => write!(f, "replays, {percent} %"),
            Self::Mutate { percent } => write!(f, "is a step off, {percent} %"),
            Self::Garble { percent } => write!(f, "changes bytes, {percent} %"),
            Self::Invent { percent } => write!(f, "invents, {percent} %"),
            Self::Flood { percent } => write!(f, "floods, {percent} %"),
            Self::HoldCoin(withheld) => write!(f, "holds coin shares {withheld}"),
            Self::Split { part } => write!(f, "splits {part} from the rest"),
            Self::SplitEstimates { part } => write!(f, "votes 1 to {part} and 0 to the rest"),
            Self::LieInShards(how) => write!(f, "sends shards with {how}"),
            Self::Accuse => f.write_str("accuses"),
            Self::Misshape => f.write_str("opens with misshapen vectors"),
            Self::CopyVotes { of } => write!(f, "copies the votes of {of}"),
            Self::CopyDealings(what) => write!(f, "copies {what} of others' dealings"),
            Self::Storm { asked, times } => write!(f, "asks {asked} {times} times"),
            Self::LeaveEarly => f.write_str("leaves once it decided"),
            Self::Forge => f.write_str("forges certificates"),
        }
    }
}
