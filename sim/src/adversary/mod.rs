//! What Byzantine parties do.
//!
//! A Byzantine party wraps a real one. Each of its behaviours sees every message on its way out, to
//! one recipient at a time, as a typed value, and may change it, drop it or add others; behaviours
//! are applied one after the other. What a party does to itself, its dealings for instance, is
//! changed in the results of its own work. [`Behaviour::Twins`] is different: two real parties
//! under one identity, both of which hear and say everything.

mod cheating_dealer;
pub(crate) mod crash;
mod draw;
mod excluder;
mod malformed_vote;
mod old_epoch;
pub(crate) mod silent;
mod spoiler;
mod wrong_coin;
mod wrong_shares;

use std::fmt;
use std::sync::Arc;

use quorate_protocol::agreement::coin::DdhCoin;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Keyring;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::fault::Fault;
use quorate_protocol::keys::refresh;
use quorate_protocol::protocol::{Job, Outbox, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::tag::Tag;
use serde::{Deserialize, Serialize};

use crate::{Rng, Wire};
pub use cheating_dealer::{Cheat, How};
pub use draw::draw;
pub use spoiler::{BadKey, Spoil};

/// Everything a corrupt member knows of itself.
#[derive(Clone)]
pub struct Insider {
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// Its part in the coin.
    pub coin: Arc<DdhCoin>,
    /// The root of all names.
    pub root: Tag,
    /// What preprocessing runs are asked for.
    pub policy: Policy,
    /// The root of its randomness.
    pub seed: Secret<[u8; 32]>,
}

/// A message on its way to one recipient.
#[derive(Clone, Debug)]
pub struct Letter<M = Wire> {
    /// To whom.
    pub to: PartyId,
    /// Whether it is one copy of a multicast, and not the first.
    pub inner: bool,
    /// What it says.
    pub message: M,
}

/// One way of deviating.
pub trait Adversary<M = Wire> {
    /// What is sent in place of a letter.
    fn rewrite(&mut self, letter: Letter<M>, rng: &mut Rng) -> Vec<M>;

    /// What is made of the result of one's own work.
    fn done(&mut self, message: M, _rng: &mut Rng) -> M {
        message
    }

    /// An epoch begins: from here on this is what the corrupt member knows of itself.
    fn begins(&mut self, _insider: &Insider) {}

    /// What is said, and to whom, because of what was heard.
    fn hear(&mut self, _from: PartyId, _message: &M, _rng: &mut Rng) -> Vec<(PartyId, M)> {
        Vec::new()
    }
}

/// An outbox that keeps the last thing said.
pub(crate) struct LastSaid<M>(pub(crate) Option<M>);

impl<M> Outbox<M> for LastSaid<M> {
    fn send(&mut self, _to: Recipient, message: M) {
        self.0 = Some(message);
    }
    fn report(&mut self, _fault: Fault) {}
    fn work(&mut self, _job: Job<M>) {}
}

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
    MalformedVote,
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
}

impl Behaviour {
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
            Self::MalformedVote => Box::new(malformed_vote::MalformedVote::new(insider.clone())),
            Self::WrongCoin => Box::new(wrong_coin::WrongCoin::new(insider.clone())),
            Self::Exclude { target } => Box::new(excluder::Excluder::new(target)),
            Self::Spoil(spoil) => return spoil.adversary(),
            Self::OldEpoch => Box::new(old_epoch::OldEpoch::default()),
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
            Self::MalformedVote => f.write_str("malformed votes"),
            Self::WrongCoin => f.write_str("wrong coin shares"),
            Self::Exclude { target } => write!(f, "excludes {target}"),
            Self::Spoil(spoil) => write!(f, "spoils refreshes ({spoil})"),
            Self::OldEpoch => f.write_str("repeats the epoch before"),
        }
    }
}
