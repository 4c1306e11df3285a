//! What Byzantine parties do.
//!
//! A Byzantine party wraps a real one. Each of its behaviours sees every message on its way out, to
//! one recipient at a time, as a typed value, and may change it, drop it or add others; behaviours
//! are applied one after the other. Each hears what its party hears, before anybody else says more:
//! it may speak because of that. What a party does to itself, its dealings for instance, is
//! changed in the results of its own work. [`Behaviour::Twins`] is different: two real parties
//! under one identity, both of which hear and say everything.
//!
//! How often each behaviour really deviated is counted ([`Deviations`]).

mod accuser;
mod behaviour;
mod cheating_dealer;
mod coin_holder;
mod complaints;
mod corruption;
pub(crate) mod crash;
mod dealing_copier;
mod deviations;
mod draw;
mod early_leaver;
mod equivocator;
mod estimate_splitter;
mod excluder;
mod flooder;
mod forger;
mod garbler;
mod inventor;
mod kind;
mod malformed_vote;
mod misshaper;
mod mutator;
mod old_epoch;
mod other;
mod parts;
mod replayer;
mod selective;
mod shard_liar;
pub(crate) mod silent;
mod splitter;
mod spoiler;
mod storm;
mod vote_copier;
mod wrong_coin;
mod wrong_shares;

use std::sync::Arc;

use quorate_protocol::agreement::coin::DdhCoin;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Keyring;
use quorate_protocol::decision::stock::Policy;
use quorate_protocol::fault::Fault;
use quorate_protocol::protocol::{Job, Outbox, Recipient};
use quorate_protocol::secret::Secret;
use quorate_protocol::tag::Tag;

use crate::{Rng, Wire};
pub use behaviour::Behaviour;
pub use cheating_dealer::{Cheat, How};
pub use coin_holder::Withheld;
pub use complaints::{Complaints, made_up};
pub use corruption::{Corruption, differs};
pub use dealing_copier::Copied;
pub use deviations::Deviations;
pub use draw::draw;
pub use kind::Kind;
pub use malformed_vote::BadVote;
pub use shard_liar::BadShard;
pub use spoiler::{BadKey, Spoil};
pub use storm::Asked;

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
    /// What is sent in place of a letter; `None` if it goes out as it is.
    fn rewrite(&mut self, _letter: &Letter<M>, _rng: &mut Rng) -> Option<Vec<M>> {
        None
    }

    /// What is made of the result of one's own work; `None` if it stays as it is.
    fn done(&mut self, _message: &M, _rng: &mut Rng) -> Option<M> {
        None
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
