//! Sets of dealers that cheat: one that is none, and two in place of one.

use std::fmt;
use std::sync::Arc;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::keys::generation::{self, Message};
use quorate_protocol::wire;
use rand::RngExt;

use super::Insider;
use crate::Rng;
use crate::adversary::{Adversary, LastSaid, Letter};
use crate::keygen::Content;

/// A set of dealers that is broadcast at once, whoever is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadSet {
    /// One dealer less than there must be.
    Small,
    /// No dealer.
    Empty,
    /// Everybody, though most are not complete yet and some never will be.
    Unfinished,
    /// Everybody, and one who is no member.
    Strange,
}

impl BadSet {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        match rng.random_range(0..4) {
            0 => Self::Small,
            1 => Self::Empty,
            2 => Self::Unfinished,
            _ => Self::Strange,
        }
    }

    /// Whether everybody can see that it is none.
    pub const fn is_malformed(self) -> bool {
        !matches!(self, Self::Unfinished)
    }

    pub(in crate::keygen) fn set(self, committee: Committee) -> PartySet {
        let mut set = committee.everyone();
        match self {
            Self::Small => set = committee.parties().skip(committee.one_honest()).collect(),
            Self::Empty => set = PartySet::EMPTY,
            Self::Unfinished => {}
            Self::Strange => {
                set.insert(PartyId::new(u16::try_from(committee.n()).unwrap_or(u16::MAX)));
            }
        }
        set
    }
}

impl fmt::Display for BadSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "too small",
            Self::Empty => "empty",
            Self::Unfinished => "of unfinished dealers",
            Self::Strange => "with a stranger",
        })
    }
}

/// Broadcasts another set of dealers to some.
pub(super) struct TwoSets {
    half: PartySet,
    insider: Insider,
}

impl TwoSets {
    pub(super) const fn new(half: PartySet, insider: Insider) -> Self {
        Self { half, insider }
    }

    /// The first message of the broadcast of another set than the one in `payload`.
    fn other(&self, payload: &[u8]) -> Option<rbc::Message> {
        let keyring = &self.insider.keyring;
        let committee = keyring.committee();
        let mut set: PartySet = wire::decode(payload, payload.len()).ok()?;
        let dropped = set.iter().find(|party| *party != keyring.me())?;
        match committee.everyone().difference(set).iter().next() {
            Some(added) => {
                set.remove(dropped);
                set.insert(added);
            }
            None => {
                set.remove(dropped);
            }
        }
        let mut broadcast =
            generation::set_broadcast(&Arc::clone(keyring), &self.insider.tag, keyring.me());
        let mut said = LastSaid(None);
        broadcast.broadcast(wire::encode(&set).into(), &mut said).ok()?;
        said.0
    }
}

impl Adversary<Content> for TwoSets {
    fn rewrite(&mut self, letter: &Letter<Content>, _rng: &mut Rng) -> Option<Vec<Content>> {
        match &letter.message {
            Message::Set(of, rbc::Message::Send { payload, .. })
                if self.half.contains(letter.to) =>
            {
                Some(vec![Message::Set(*of, self.other(payload)?)])
            }
            _ => None,
        }
    }
}
