//! Common subset: parties agree on a set of at least `n - t` parties whose values they all get.
//!
//! M. Ben-Or, B. Kelmer, T. Rabin, *Asynchronous Secure Computations with Optimal Resilience*,
//! PODC 1994, figure 3: one binary agreement about each party's value, here with the agreements'
//! messages put together.
//!
//! The values are not here. The owner says of each value when it is *usable* at this party: for
//! plain values "delivered", for sharings "my share is complete".
//!
//! # Model
//! `n >= 3t + 1` parties, `t` of them Byzantine. Usability is *total*: what is usable at one honest
//! party will be at every other. Values of honest parties become usable. Every honest party
//! closes at some time.
//!
//! # Guarantees
//! - *Agreement*: all honest parties output the same set.
//! - *Size*: it has at least `n - t` members, of which so at least `n - 2t` are honest.
//! - *Usable*: every member's value was usable at an honest party, and at this one by the time of
//!   its output.
//! - *Termination*: every honest party outputs and halts.
//!
//! Not guaranteed: that every honest party's value is in. Up to `t` slow ones can be left out, and
//! which ones is the scheduler's choice; how long to wait for them is the owner's.
//!
//! # Protocol
//! - S1 When value j becomes usable: propose 1 in agreement j, if nothing was proposed.
//! - S2 Once `n - t` agreements decided 1 and the owner has closed: propose 0 in all agreements
//!   without a proposal.
//! - S3 Output the set of agreements that decided 1, once all `n` decided and every value of the set
//!   is usable here.
//!
//! Each agreement is an [`Aba`] of its own name and so with its own coins: a coin that two agreements
//! shared would be known to the adversary in the later one. What the agreements send in one call
//! leaves as one message for each round and kind of vote, with a bit for each agreement; the owner
//! can put together more with [`Message::merge`].
//!
//! # Cost
//! With all values usable everywhere at once: 2 message delays, and `3n(n-1)` messages instead of
//! `3n^2(n-1)`. A vote message has 60 bytes whatever `n`. State: that of `n` agreements.
//!
//! # Differences from the paper
//! S2 waits for the owner, so that slow parties can be included. It is the owner's duty to close:
//! an instance that is never closed may stay undecided for ever about a party that is down.
//!
//! # End
//! After its output a party must go on until [`CommonSubset::halted`]; then it may be dropped.

use std::sync::Arc;

use crate::agreement::aba::Aba;
use crate::agreement::coin::Coin;
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::fault::AgreementFault;
use crate::protocol::{Outbox, Protocol};
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

mod gather;
mod message;
#[cfg(test)]
mod tests;

pub use message::{Kind, Message};

use gather::Gather;

/// One party's instance of common subset.
#[derive(Debug)]
pub struct CommonSubset<C: Coin> {
    committee: Committee,
    agreements: PartyMap<Aba<C>>,
    proposed: PartySet,
    usable: PartySet,
    closed: bool,
    zero: PartySet,
    one: PartySet,
    done: bool,
}

impl<C: Coin> CommonSubset<C> {
    /// An instance named `tag`, at party `me`.
    pub fn new(committee: Committee, me: PartyId, tag: Tag, coin: Arc<C>) -> Self {
        Self::of(committee, |party| Aba::new(committee, name(&tag, party), Arc::clone(&coin), me))
    }

    /// An instance whose agreements each have coins of a key of their own, to be
    /// [given](Self::give_coin) later.
    pub fn without_coins(committee: Committee, me: PartyId, tag: Tag) -> Self {
        Self::of(committee, |party| Aba::without_coin(committee, name(&tag, party), me))
    }

    fn of(committee: Committee, agreement: impl FnMut(PartyId) -> Aba<C>) -> Self {
        Self {
            committee,
            agreements: PartyMap::from_fn(committee, agreement),
            proposed: PartySet::EMPTY,
            usable: PartySet::EMPTY,
            closed: false,
            zero: PartySet::EMPTY,
            one: PartySet::EMPTY,
            done: false,
        }
    }

    /// The value of `party` is usable here from now on. Gives the output if only that was missing.
    /// Saying it again, or of a party that is none of the committee, does nothing.
    pub fn usable(
        &mut self,
        party: PartyId,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<PartySet> {
        if !self.committee.contains(party) || !self.usable.insert(party) {
            return None;
        }
        let mut gather = Gather::new(out);
        self.propose(party, true, &mut gather); // S1
        gather.flush();
        self.try_output()
    }

    /// The owner's patience has run out, for good: values that are not usable by the time `n - t`
    /// agreements decided 1 are proposed to be left out.
    pub fn close(&mut self, out: &mut dyn Outbox<Message<C::Share>>) {
        self.closed = true;
        let mut gather = Gather::new(out);
        self.try_exclude(&mut gather);
        gather.flush();
    }

    /// Agreements that cannot go on before they are [given](Self::give_coin) their coin.
    pub fn wants_coins(&self) -> PartySet {
        let wanting = self.agreements.iter().filter(|(_, agreement)| agreement.wants_coin());
        wanting.map(|(party, _)| party).collect()
    }

    /// Gives the agreement about the value of `party`, a member, its coin. Gives the output if only
    /// that was missing.
    pub fn give_coin(
        &mut self,
        party: PartyId,
        coin: Arc<C>,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<PartySet> {
        let mut gather = Gather::new(out);
        let decision = self.agreements[party].give_coin(coin, gather.of(party));
        self.note(party, decision);
        self.try_exclude(&mut gather);
        gather.flush();
        self.try_output()
    }

    /// Agreements that decided 1 so far: these values are in.
    pub const fn decided(&self) -> PartySet {
        self.one
    }

    /// Whether the owner's patience has run out.
    pub const fn closed(&self) -> bool {
        self.closed
    }

    /// Agreements that decided so far, either way.
    pub const fn resolved(&self) -> PartySet {
        self.zero.union(self.one)
    }

    /// Whether the output was given and everybody else can do without this instance.
    pub fn halted(&self) -> bool {
        self.done && self.agreements.values().iter().all(Aba::halted)
    }

    /// How many real coins were needed, in all agreements.
    pub fn coins_tossed(&self) -> u32 {
        self.agreements.values().iter().map(Aba::coins_tossed).sum()
    }

    fn propose(&mut self, party: PartyId, value: bool, gather: &mut Gather<'_, C::Share>) {
        if self.proposed.insert(party) {
            let first = self.agreements[party].propose(value, gather.of(party));
            debug_assert!(first.is_ok(), "proposed twice in agreement {party}");
        }
    }

    fn note(&mut self, party: PartyId, decision: Option<bool>) {
        match decision {
            Some(true) => self.one.insert(party),
            Some(false) => self.zero.insert(party),
            None => false,
        };
    }

    // S2
    fn try_exclude(&mut self, gather: &mut Gather<'_, C::Share>) {
        let enough = zoo::instead(self.committee.quorum(), Mutant::AcsExcludesEarly, 0);
        let enough = zoo::instead(enough, Mutant::AcsWaitsForAll, self.committee.n());
        if self.closed && self.one.len() >= enough {
            for party in self.committee.everyone().difference(self.proposed).iter() {
                self.propose(party, false, gather);
            }
        }
    }

    // S3
    fn try_output(&mut self) -> Option<PartySet> {
        let early = zoo::on(Mutant::AcsOutputsEarly) && self.one.len() >= self.committee.quorum();
        let all = self.resolved() == self.committee.everyone() || early;
        let usable = self.one.is_subset(self.usable) || zoo::on(Mutant::AcsOutputsUnusable);
        if self.done || !all || !usable {
            return None;
        }
        self.done = true;
        Some(self.one)
    }
}

/// The name of the agreement about the value of `party`.
fn name(tag: &Tag, party: PartyId) -> Tag {
    tag.indexed("agreement", party.point())
}

impl<C: Coin> Protocol for CommonSubset<C> {
    type Message = Message<C::Share>;
    type Output = PartySet;

    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut dyn Outbox<Self::Message>,
    ) -> Option<PartySet> {
        if !message.is_well_formed(self.committee) {
            out.blame(from, AgreementFault::OutOfRange);
            return None;
        }
        let mut gather = Gather::new(out);
        for (party, message) in message.unpack() {
            let decision = self.agreements[party].handle(from, message, gather.of(party));
            self.note(party, decision);
        }
        self.try_exclude(&mut gather);
        gather.flush();
        self.try_output()
    }
}
