//! Agreement on which of `n` broadcast values count: Ben-Or, Kelmer and Rabin's common subset over
//! reliably broadcast values (PODC 1994, fig. 4).
//!
//! # Model
//! `n >= 3t + 1`, asynchronous, authenticated links.
//!
//! # Guarantees
//! All honest parties get the same set of at least `n - t` members, and the same value of each. A
//! member's value counts only if some honest party called it usable.
//!
//! # Protocol
//! - (V1) Each member reliably broadcasts its value, in an instance of its own.
//! - (V2) When the owner calls a delivered value [`usable`](Collect::usable), vote 1 for it.
//! - (V3) After [`close`](Collect::close), and `n - t` agreements on 1, vote 0 for the rest.
//! - (V4) The set of the agreements on 1, once all are resolved and usable here.
//!
//! # Cost
//! `n` broadcasts and `n` agreements; 5 message delays when all are honest and prompt.
//!
//! # End
//! An instance goes on helping after its output; its owner drops it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agreement::acs::{self, CommonSubset};
use crate::agreement::coin::Coin;
use crate::agreement::rbc::{self, Delivery, Mode, Rbc};
use crate::committee::{PartyId, PartyMap, PartySet};
use crate::crypto::keyring::Keyring;
use crate::error::Error;
use crate::fault::Proof;
use crate::protocol::{Outbox, Protocol};
use crate::tag::Tag;
use crate::wire::Bytes;
use crate::zoo::{self, Mutant};

/// A message of the collection.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Message<S> {
    /// Of the broadcast of a member's value.
    Value(PartyId, rbc::Message),
    /// Of the common subset.
    Subset(acs::Message<S>),
}

impl<S> Message<S> {
    /// Takes `other` in, if both are votes that fit one message; otherwise gives it back.
    pub fn merge(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Subset(mine), Self::Subset(other)) => mine.merge(other).map(Self::Subset),
            (_, other) => Some(other),
        }
    }
}

impl<S> fmt::Display for Message<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(member, m) => write!(f, "rbc/{member} {m}"),
            Self::Subset(m) => write!(f, "acs {m}"),
        }
    }
}

/// What a collection tells its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// This member's value was delivered: see [`Collect::value`]. Call [`Collect::usable`] when it
    /// is.
    Delivered(PartyId),
    /// These members' values count.
    Agreed(PartySet),
}

/// The name of the broadcast of `member`'s value in the collection named `tag`.
pub(crate) fn broadcast(tag: &Tag, member: PartyId) -> Tag {
    tag.indexed("value", member.point())
}

/// One party's part in a collection.
pub struct Collect<C: Coin> {
    keyring: Arc<Keyring>,
    broadcasts: PartyMap<Rbc>,
    subset: CommonSubset<C>,
}

impl<C: Coin> Collect<C> {
    /// An instance for values of at most `limit` bytes. A `gated` one withholds ECHO for each value
    /// until [`approve`](Self::approve).
    pub fn new(keyring: Arc<Keyring>, tag: Tag, limit: usize, gated: bool, coin: Arc<C>) -> Self {
        let committee = keyring.committee();
        let broadcasts = PartyMap::from_fn(committee, |member| {
            let tag = broadcast(&tag, member);
            let rbc = Rbc::new(Arc::clone(&keyring), member, tag, Mode::Short { limit });
            if gated { rbc.gated() } else { rbc }
        });
        let subset = CommonSubset::new(committee, keyring.me(), tag.child("subset"), coin);
        Self { keyring, broadcasts, subset }
    }

    /// Broadcasts our own value (V1).
    ///
    /// # Errors
    /// It was already given, or is too long.
    pub fn broadcast<S: 'static>(
        &mut self,
        value: Bytes,
        out: &mut dyn Outbox<Message<S>>,
    ) -> Result<(), Error> {
        let me = self.keyring.me();
        self.broadcasts[me].broadcast(value, &mut out.wrap(move |m| Message::Value(me, m)))
    }

    /// The value that `member` sent us and that waits for [`approve`](Self::approve).
    pub fn held(&self, member: PartyId) -> Option<&Bytes> {
        self.broadcasts[member].held()
    }

    /// Lets the broadcast of a held value go on.
    pub fn approve<S: 'static>(&mut self, member: PartyId, out: &mut dyn Outbox<Message<S>>) {
        self.broadcasts[member].approve(&mut out.wrap(move |m| Message::Value(member, m)));
    }

    /// What shows that `member` signed the value that it sent us.
    pub fn signed(&self, member: PartyId) -> Option<Proof> {
        self.broadcasts[member].signed()
    }

    /// The delivered value of `member`.
    pub fn value(&self, member: PartyId) -> Option<&Bytes> {
        self.broadcasts[member].delivered()
    }

    /// The value of `member` is usable here (V2).
    pub fn usable(
        &mut self,
        member: PartyId,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<PartySet> {
        if zoo::on(Mutant::ClosesEarly) {
            self.close(out);
        }
        if zoo::on(Mutant::SealsEarly) {
            let here = self.broadcasts.iter().filter(|(_, rbc)| rbc.delivered().is_some());
            let here: PartySet = here.map(|(member, _)| member).collect();
            return (here.len() >= self.keyring.committee().quorum()).then_some(here);
        }
        self.subset.usable(member, &mut out.wrap(Message::Subset))
    }

    /// Nobody is waited for any longer (V3).
    pub fn close(&mut self, out: &mut dyn Outbox<Message<C::Share>>) {
        self.subset.close(&mut out.wrap(Message::Subset));
    }

    /// Whether nobody is waited for any longer.
    pub const fn closed(&self) -> bool {
        self.subset.closed()
    }

    /// Coins tossed so far.
    pub fn coins_tossed(&self) -> u32 {
        self.subset.coins_tossed()
    }

    /// Members whose agreements are resolved.
    pub fn resolved(&self) -> PartySet {
        self.subset.resolved()
    }
}

impl<C: Coin> Protocol for Collect<C> {
    type Message = Message<C::Share>;
    type Output = Progress;

    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut dyn Outbox<Self::Message>,
    ) -> Option<Progress> {
        match message {
            Message::Value(member, m) => {
                if !self.keyring.committee().contains(member) {
                    return None;
                }
                let out = &mut out.wrap(move |m| Message::Value(member, m));
                match self.broadcasts[member].handle(from, m, out)? {
                    Delivery::Payload(_) => Some(Progress::Delivered(member)),
                    Delivery::BadSender => None,
                }
            }
            Message::Subset(m) => {
                let set = self.subset.handle(from, m, &mut out.wrap(Message::Subset))?;
                Some(Progress::Agreed(set))
            }
        }
    }
}
