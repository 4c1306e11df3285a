//! What Byzantine members do while keys are made.
//!
//! A Byzantine member runs the real key generation, perhaps with a dealing or a set that cheats.
//! What it has to say is rewritten, to one recipient at a time: its content before it gets a number,
//! and then what travels. Behaviours are applied one after the other. [`Behaviour::Twins`] are two
//! key generations under one identity, each of which talks to some of the others.

mod complainer;
mod confirmer;
mod dealer;
mod excluder;
mod garbler;
mod greeter;
mod hasty;
mod renumberer;
mod replayer;
mod selective;
mod sets;
mod wrong_coin;
mod wrong_reveals;

use std::fmt;
use std::sync::Arc;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::crypto::Keyring;
use quorate_protocol::sharing::acss;
use quorate_protocol::tag::Tag;
use rand::RngExt;

use super::{Content, Wire};
use crate::Rng;
use crate::adversary::{Adversary, crash, silent};
use crate::draw::another;
pub use dealer::{Cheat, How};
pub use sets::BadSet;

/// Everything a corrupt member knows of itself.
#[derive(Clone)]
pub struct Insider {
    /// Its keys.
    pub keyring: Arc<Keyring>,
    /// The name of the key generation.
    pub tag: Tag,
}

/// A way of deviating, by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Behaviour {
    /// Says nothing.
    Silent,
    /// Stops in the middle of a multicast, after so many messages.
    Crash {
        /// How many letters go out before it may stop.
        after: u64,
    },
    /// One identity is run twice: two dealings, two sets, two of everything.
    Twins {
        /// Whom the first of them talks to.
        half: PartySet,
    },
    /// Deals only when it has heard so much.
    Late {
        /// How many messages.
        after: u64,
    },
    /// Deals what another member deals, without knowing it.
    Rogue {
        /// Whom it copies.
        of: PartyId,
    },
    /// Deals what does not hold.
    Dealer(Cheat),
    /// Broadcasts two sets of dealers.
    TwoSets {
        /// Who gets the other one.
        half: PartySet,
    },
    /// Broadcasts a set of dealers that is none.
    BadSet(BadSet),
    /// Complains about sharings that it holds.
    FalseComplaints,
    /// Reveals shares that are not its own.
    WrongReveals,
    /// Says OK and DONE as soon as it hears of a sharing.
    Hasty,
    /// Sends coin shares of another coin.
    WrongCoin,
    /// Works against one member's dealing and set.
    Exclude {
        /// Whose.
        target: PartyId,
    },
    /// Withholds some of what it has to say.
    Selective {
        /// How many of a hundred messages.
        percent: u8,
    },
    /// Says again what it or others said earlier.
    Replays {
        /// How many of a hundred messages it answers so.
        percent: u8,
    },
    /// Sends changed bytes.
    Garbage {
        /// Before how many of a hundred messages.
        percent: u8,
    },
    /// Gives one thing two numbers, and one number to two things.
    Renumbers {
        /// How many of a hundred messages.
        percent: u8,
    },
    /// Claims to have heard more or less than it has.
    FalseHellos,
    /// Confirms other keys.
    OtherKeys {
        /// With a signature that holds.
        signed: bool,
    },
}

/// A behaviour as a wrapper of what is said.
pub(super) enum Rewriter {
    /// Of content, before it is numbered.
    Content(Box<dyn Adversary<Content>>),
    /// Of what travels.
    Wire(Box<dyn Adversary<Wire>>),
}

impl Behaviour {
    /// The names of all behaviours.
    pub const NAMES: [&str; 19] = [
        "silent",
        "crash",
        "twins",
        "late",
        "rogue",
        "dealer",
        "two-sets",
        "bad-set",
        "false-complaints",
        "wrong-reveals",
        "hasty",
        "wrong-coin",
        "exclude",
        "selective",
        "replays",
        "garbage",
        "renumbers",
        "false-hellos",
        "other-keys",
    ];

    /// The behaviour's name, without its particulars.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Crash { .. } => "crash",
            Self::Twins { .. } => "twins",
            Self::Late { .. } => "late",
            Self::Rogue { .. } => "rogue",
            Self::Dealer(_) => "dealer",
            Self::TwoSets { .. } => "two-sets",
            Self::BadSet(_) => "bad-set",
            Self::FalseComplaints => "false-complaints",
            Self::WrongReveals => "wrong-reveals",
            Self::Hasty => "hasty",
            Self::WrongCoin => "wrong-coin",
            Self::Exclude { .. } => "exclude",
            Self::Selective { .. } => "selective",
            Self::Replays { .. } => "replays",
            Self::Garbage { .. } => "garbage",
            Self::Renumbers { .. } => "renumbers",
            Self::FalseHellos => "false-hellos",
            Self::OtherKeys { .. } => "other-keys",
        }
    }

    /// Whether a message of `me`, of the second of twins or not, shows the behaviour as it is: that of a
    /// member which deals or chooses otherwise.
    pub(super) fn is_in(self, me: PartyId, twin: bool, message: &Content) -> bool {
        let dealt = match message {
            Content::Dealing(of, acss::Message::Rbc(rbc::Message::Send { .. })) => *of == me,
            Content::Dealing(of, acss::Message::Shards(_)) => *of == me,
            _ => false,
        };
        match self {
            Self::Twins { .. } => twin && dealt,
            Self::Rogue { .. } | Self::Dealer(_) => dealt,
            Self::BadSet(_) => {
                matches!(message, Content::Set(of, rbc::Message::Send { .. }) if *of == me)
            }
            _ => false,
        }
    }

    /// The behaviour as a wrapper of `insider`'s messages; `None` for what is done otherwise.
    pub(super) fn rewriter(self, insider: &Insider) -> Option<Rewriter> {
        let (keyring, me) = (&insider.keyring, insider.keyring.me());
        let content: Box<dyn Adversary<Content>> = match self {
            Self::Twins { .. }
            | Self::Late { .. }
            | Self::Rogue { .. }
            | Self::Dealer(_)
            | Self::BadSet(_) => return None,
            Self::TwoSets { half } => Box::new(sets::TwoSets::new(half, insider.clone())),
            Self::FalseComplaints => {
                Box::new(complainer::Complainer::new(me, keyring.committee().one_honest()))
            }
            Self::WrongReveals => Box::new(wrong_reveals::WrongReveals),
            Self::Hasty => Box::new(hasty::Hasty::new(keyring.committee())),
            Self::WrongCoin => Box::new(wrong_coin::WrongCoin::new(insider)),
            Self::Exclude { target } => Box::new(excluder::Excluder::new(target)),
            Self::Selective { percent } => Box::new(selective::Selective::new(percent)),
            Self::Replays { percent } => Box::new(replayer::Replayer::new(percent)),
            wire => return wire.wire(insider).map(Rewriter::Wire),
        };
        Some(Rewriter::Content(content))
    }

    fn wire(self, insider: &Insider) -> Option<Box<dyn Adversary<Wire>>> {
        Some(match self {
            Self::Silent => Box::new(silent::Silent),
            Self::Crash { after } => Box::new(crash::Crash::new(after)),
            Self::Garbage { percent } => Box::new(garbler::Garbler::new(percent)),
            Self::Renumbers { percent } => Box::new(renumberer::Renumberer::new(percent)),
            Self::FalseHellos => Box::new(greeter::Greeter),
            Self::OtherKeys { signed } => {
                Box::new(confirmer::Confirmer::new(signed, insider.clone()))
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("silent"),
            Self::Crash { after } => write!(f, "crashes after {after} messages"),
            Self::Twins { half } => write!(f, "twins, one of them for {half}"),
            Self::Late { after } => write!(f, "late by {after} messages"),
            Self::Rogue { of } => write!(f, "copies the dealing of {of}"),
            Self::Dealer(cheat) => write!(f, "dealer that cheats ({cheat})"),
            Self::TwoSets { half } => write!(f, "two-sets, the other one for {half}"),
            Self::BadSet(how) => write!(f, "bad-set ({how})"),
            Self::FalseComplaints => f.write_str("complaints that are false"),
            Self::WrongReveals => f.write_str("reveals what is wrong"),
            Self::Hasty => f.write_str("hasty"),
            Self::WrongCoin => f.write_str("coin shares that are wrong"),
            Self::Exclude { target } => write!(f, "excludes {target}"),
            Self::Selective { percent } => write!(f, "withholds {percent} %"),
            Self::Replays { percent } => write!(f, "replays {percent} %"),
            Self::Garbage { percent } => write!(f, "garbage {percent} %"),
            Self::Renumbers { percent } => write!(f, "renumbers {percent} %"),
            Self::FalseHellos => f.write_str("hellos that are false"),
            Self::OtherKeys { signed: true } => f.write_str("confirms other keys"),
            Self::OtherKeys { signed: false } => f.write_str("confirms without a signature"),
        }
    }
}

/// One to three ways of deviating for one member.
pub(super) fn draw_behaviours(me: PartyId, committee: Committee, rng: &mut Rng) -> Vec<Behaviour> {
    let count = if rng.random_range(0..10) < 5 { 1 } else { rng.random_range(2..=3) };
    let mut behaviours: Vec<Behaviour> = Vec::new();
    for _ in 0..count {
        let drawn = draw_behaviour(me, committee, rng);
        let kind = std::mem::discriminant(&drawn);
        if behaviours.iter().all(|other| std::mem::discriminant(other) != kind) {
            behaviours.push(drawn);
        }
    }
    if behaviours.contains(&Behaviour::Silent) { vec![Behaviour::Silent] } else { behaviours }
}

fn draw_behaviour(me: PartyId, committee: Committee, rng: &mut Rng) -> Behaviour {
    let target = another(me, committee, rng);
    let percent = if rng.random() { rng.random_range(1..=10) } else { rng.random_range(1..=100) };
    match rng.random_range(0..34) {
        0 => Behaviour::Silent,
        1 => Behaviour::Crash { after: rng.random_range(1..2_000) },
        2 | 3 => Behaviour::Twins { half: draw_victims(me, committee, rng) },
        4 => Behaviour::Late { after: rng.random_range(1..1_000) },
        5 => Behaviour::Rogue { of: target },
        6..=15 => {
            let victims = draw_victims(me, committee, rng);
            Behaviour::Dealer(Cheat { victims, how: How::draw(rng) })
        }
        16 | 17 => Behaviour::TwoSets { half: draw_victims(me, committee, rng) },
        18 | 19 => Behaviour::BadSet(BadSet::draw(rng)),
        20 | 21 => Behaviour::FalseComplaints,
        22 => Behaviour::WrongReveals,
        23 => Behaviour::Hasty,
        24 | 25 => Behaviour::WrongCoin,
        26 => Behaviour::Exclude { target },
        27 => Behaviour::Selective { percent },
        28 => Behaviour::Replays { percent },
        29 => Behaviour::Garbage { percent },
        30 => Behaviour::Renumbers { percent },
        31 => Behaviour::FalseHellos,
        _ => Behaviour::OtherKeys { signed: rng.random() },
    }
}

/// Any others, at least one.
fn draw_victims(me: PartyId, committee: Committee, rng: &mut Rng) -> PartySet {
    let share = rng.random_range(1..=4);
    let mut victims: PartySet =
        committee.parties().filter(|p| *p != me && rng.random_range(0..4) < share).collect();
    if victims.is_empty() {
        victims.insert(another(me, committee, rng));
    }
    victims
}
