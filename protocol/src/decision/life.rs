//! The life of one decision, from its ledger position to its certificate.
//!
//! # Model
//! `n >= 3t + 1`, asynchronous, links authenticated and encrypted. All honest parties opened the
//! same proposal at the same ledger position, which claims the same preprocessed material.
//!
//! # Guarantees
//! All honest parties end with a certificate of the same outcome, the rule applied to the counted
//! inputs. Nothing else about an honest member's input leaves it, in any form: `t` members see
//! masked bits, masked openings, and the outcome. Not guaranteed: that all learn it at the same time.
//!
//! # Protocol
//! - (D1) *Open.* When the claimed material is in stock, send each voter the shares of its mask bits.
//! - (D2) *Vote.* A voter opens its masks `b` to itself, and reliably broadcasts `x XOR b`, or that
//!   it abstains. ECHO waits for a ballot of the right shape: the voter of a wrong one is named.
//! - (D3) *Seal.* A delivered ballot is usable in the common subset. At the deadline a member that
//!   has not voted abstains; a grace later nobody is waited for beyond `n - t`.
//! - (D4) *Compute.* If fewer than the proposal's minimum voted, the outcome is `expired`. Else the
//!   rule's circuit runs on `[x] = y + [b] - 2y[b]`; its one public output is the outcome.
//! - (D5) *Certify.* Sign the statement together, and if it was accepted the proposal's document, in
//!   one hop; send the signatures to all, so that the instance can be dropped while others lag. See
//!   [`certifying`].
//!
//! # End
//! Dropped once certified. Whoever still sends something for it gets the certificate.
//!
//! A party that may have forgotten what it said in the decision only *follows* it: it says nothing, since
//! it may have said something else before, and takes the certificate from the others.

pub mod waits;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::agreement::coin::Coin;
use crate::agreement::rbc;
use crate::committee::{PartyId, PartyMap, PartySet};
use crate::crypto::keyring::Keyring;
use crate::decision::ballot::Ballot;
use crate::decision::certificate::{Outcome, Statement, Verifier};
use crate::decision::certifying::{self, Certified, Certifying, Ready};
use crate::decision::collect::{self, Collect, Progress};
use crate::decision::ledger::Entry;
use crate::decision::stock::Taken;
use crate::fault::DecisionFault;
use crate::keys::KeySet;
use crate::keys::signing::Purpose;
use crate::limits;
use crate::math::{Field, Fp61};
use crate::mpc::engine::{self, Engine};
use crate::mpc::gadgets::{Decide, Material, decide};
use crate::party::event::Refusal;
use crate::protocol::{Outbox, Protocol};
use crate::sharing::open::{self, Opening};
use crate::tag::Tag;
use crate::wire::{self, Bytes};

/// A message of a decision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Message<S> {
    /// Shares of the recipient's mask bits (D1).
    Mask(open::Message<Fp61>),
    /// Ballots and their common subset (D2, D3).
    Collect(collect::Message<S>),
    /// An opening of the circuit (D4).
    Compute(engine::Message<Fp61>),
    /// Of what the network signs (D5).
    Certify(certifying::Message),
    /// What the network signed (D5).
    Certified(Box<Certified>),
}

impl<S> Message<S> {
    /// Takes `other` in, if both are votes that fit one message; otherwise gives it back.
    pub fn merge(&mut self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Collect(mine), Self::Collect(other)) => mine.merge(other).map(Self::Collect),
            (_, other) => Some(other),
        }
    }
}

impl<S> fmt::Display for Message<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mask(m) => write!(f, "mask {m}"),
            Self::Collect(m) => write!(f, "{m}"),
            Self::Compute(m) => write!(f, "compute {m}"),
            Self::Certify(m) => m.fmt(f),
            Self::Certified(_) => f.write_str("CERTIFICATE"),
        }
    }
}

/// News of a decision, for its owner.
#[derive(Clone, PartialEq, Debug)]
pub enum News {
    /// Our mask bits are known: we can vote.
    CanVote,
    /// This member's ballot arrived.
    BallotIn(PartyId),
    /// The input set is fixed: these members' ballots, abstentions included.
    Sealed(PartySet),
    /// The rule is being computed.
    Computing,
    /// A share of a signature may leave once it is durable what it is for: call
    /// [`Decision::sign`].
    Ready(Ready),
    /// The outcome is certified. Comes once, last.
    Certified(Box<Certified>),
}

/// Where a decision stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Broadcast, without a ledger position yet.
    Proposed,
    /// Votes are taken.
    Open,
    /// The input set is fixed.
    Sealed,
    /// The rule is being computed.
    Computing,
    /// The outcome is certified.
    Certified,
}

/// What a decision is built from.
pub struct Context<C: Coin> {
    /// Everybody's keys.
    pub keyring: Arc<Keyring>,
    /// The network's keys.
    pub keys: Arc<KeySet>,
    /// The common coin.
    pub coin: Arc<C>,
    /// Names the position.
    pub tag: Tag,
    /// What a certificate is checked against.
    pub verifier: Arc<Verifier>,
}

/// One party's part in one decision.
pub struct Decision<C: Coin> {
    context: Context<C>,
    entry: Entry,
    mask_bits: usize,
    follows: bool,
    taken: Option<Taken>,
    masks: Opening<Fp61>,
    my_masks: Option<Zeroizing<Vec<bool>>>,
    ballot_sent: bool,
    collect: Collect<C>,
    ballots: PartyMap<Option<Ballot>>,
    sealed: Option<PartySet>,
    engine: Option<Engine<Fp61, Decide<Fp61>>>,
    early: PartyMap<Vec<engine::Message<Fp61>>>,
    outcome: Option<Outcome>,
    certifying: Certifying,
    certified: bool,
}

impl<C: Coin> Decision<C> {
    /// The decision on `entry`, with its document if it names one and it is here. With `follows` it
    /// says nothing and only takes a certificate.
    pub fn new(context: Context<C>, entry: Entry, document: Option<Bytes>, follows: bool) -> Self {
        let committee = context.keyring.committee();
        let mask_bits = entry.proposal.rule.cost(committee.n()).mask_bits_per_voter;
        Self {
            masks: Opening::new(committee, mask_bits),
            collect: Collect::new(
                Arc::clone(&context.keyring),
                context.tag.child("collect"),
                limits::MAX_BALLOT,
                true,
                Arc::clone(&context.coin),
            ),
            ballots: PartyMap::new(committee),
            early: PartyMap::new(committee),
            certifying: Certifying::new(
                Arc::clone(&context.keys),
                Arc::clone(&context.keyring),
                Arc::clone(&context.verifier),
                entry.proposal.clone(),
                document,
            ),
            context,
            entry,
            mask_bits,
            follows,
            taken: None,
            my_masks: None,
            ballot_sent: false,
            sealed: None,
            engine: None,
            outcome: None,
            certified: false,
        }
    }

    /// The ledger entry that is decided on.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Whether this party only follows.
    pub const fn follows(&self) -> bool {
        self.follows
    }

    /// Whether the material has been handed over.
    pub const fn supplied(&self) -> bool {
        self.taken.is_some() || self.engine.is_some()
    }

    /// Where it stands.
    pub const fn phase(&self) -> Phase {
        match (self.certified, self.engine.is_some() || self.outcome.is_some(), self.sealed) {
            (true, ..) => Phase::Certified,
            (_, true, _) => Phase::Computing,
            (_, _, Some(_)) => Phase::Sealed,
            _ => Phase::Open,
        }
    }

    /// Members whose ballots are in, and those of them who abstained.
    pub fn voted(&self) -> (PartySet, PartySet) {
        let cast = self.ballots.iter().filter(|(_, b)| b.is_some()).map(|(p, _)| p).collect();
        (cast, self.abstained())
    }

    /// Whether our own ballot is on its way.
    pub const fn ballot_sent(&self) -> bool {
        self.ballot_sent
    }

    /// The input set, once fixed: members who voted and are counted.
    pub fn counted(&self) -> Option<PartySet> {
        self.sealed.map(|set| set.difference(self.abstained()))
    }

    /// The outcome, once known here.
    pub const fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Coins tossed so far.
    pub fn coins_tossed(&self) -> u32 {
        self.collect.coins_tossed()
    }

    /// Whether some opening needed correction, and whose shares were wrong.
    pub fn liars(&self) -> PartySet {
        let computing = self.engine.as_ref().map_or(PartySet::EMPTY, Engine::liars);
        self.masks.liars().union(computing).union(self.certifying.liars())
    }

    fn abstained(&self) -> PartySet {
        self.ballots
            .iter()
            .filter(|(_, ballot)| matches!(ballot, Some(Ballot::Abstain)))
            .map(|(member, _)| member)
            .collect()
    }

    /// Hands over the claimed material (D1).
    pub fn supply(
        &mut self,
        mut taken: Taken,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        if self.follows || self.supplied() {
            return;
        }
        self.certifying.supply(std::mem::take(&mut taken.pairs));
        if taken.held {
            let masks = taken.bits.chunks(self.mask_bits.max(1));
            for (voter, shares) in self.context.keyring.committee().parties().zip(masks) {
                let shares = open::Message::Share(Arc::new(shares.to_vec().into()));
                out.send_to(voter, Message::Mask(shares));
            }
        }
        self.taken = Some(taken);
        self.try_compute(out, news);
        self.try_certify(out, news);
    }

    /// Hands over the document that the proposal names.
    pub fn hand_document(
        &mut self,
        bytes: &Bytes,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        let said = self.certifying.hand_document(bytes, &mut out.wrap(Message::Certify));
        match said {
            Some(certified) => self.adopt(certified, out, news),
            None => self.try_certify(out, news),
        }
    }

    /// Masks a vote (D2). Nothing is sent: the ballot must be durable before [`cast`](Self::cast).
    ///
    /// # Errors
    /// [`Refusal`] for a second vote, a sealed decision, or a value out of range. `Ok(None)` if the
    /// masks are not known yet: try again on [`News::CanVote`].
    pub fn mask(&self, value: u64) -> Result<Option<Ballot>, Refusal> {
        if self.follows {
            return Err(Refusal::FollowingOnly);
        }
        if self.ballot_sent {
            return Err(Refusal::AlreadyVoted);
        }
        if self.sealed.is_some() {
            return Err(Refusal::Sealed);
        }
        let bits =
            Zeroizing::new(self.entry.proposal.rule.vote_bits(value).ok_or_else(|| {
                Refusal::InvalidVote("the vote is not in the rule's range".into())
            })?);
        Ok(self.my_masks.as_ref().map(|masks| {
            let masked: Vec<bool> =
                bits.iter().zip(masks.iter()).map(|(bit, mask)| bit ^ mask).collect();
            Ballot::masked(&masked)
        }))
    }

    /// Broadcasts our ballot (D2); nothing if one is already on its way.
    pub fn cast(&mut self, ballot: &Ballot, out: &mut dyn Outbox<Message<C::Share>>) {
        if self.follows || std::mem::replace(&mut self.ballot_sent, true) {
            return;
        }
        let bytes = Bytes::from(wire::encode(ballot));
        self.collect
            .broadcast(bytes, &mut out.wrap(Message::Collect))
            .expect("a ballot is short and broadcast once");
    }

    /// The grace after the deadline is over (D3).
    pub fn close(&mut self, out: &mut dyn Outbox<Message<C::Share>>) {
        if !self.follows {
            self.collect.close(&mut out.wrap(Message::Collect));
        }
    }

    /// Handles a message; what follows from it is added to `news`.
    pub fn handle(
        &mut self,
        from: PartyId,
        message: Message<C::Share>,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        if self.certified {
            return;
        }
        match message {
            Message::Certified(certified) => self.on_certified(from, *certified, out, news),
            _ if self.follows => {}
            Message::Mask(m) => self.on_mask(from, m, out, news),
            Message::Collect(m) => self.on_collect(from, m, out, news),
            Message::Compute(m) => self.on_compute(from, m, out, news),
            Message::Certify(m) => {
                self.certifying.handle(from, m, &mut out.wrap(Message::Certify));
                self.try_certify(out, news);
            }
        }
    }

    fn on_mask(
        &mut self,
        from: PartyId,
        message: open::Message<Fp61>,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        let Some(masks) = self.masks.handle(from, message, &mut out.wrap(Message::Mask)) else {
            return;
        };
        let masks = Zeroizing::new(masks);
        // The bits are 0 or 1 unless more than t members are corrupt.
        if masks.iter().all(|bit| *bit == Fp61::ZERO || *bit == Fp61::ONE) {
            self.my_masks =
                Some(Zeroizing::new(masks.iter().map(|bit| *bit == Fp61::ONE).collect()));
            news.push(News::CanVote);
        }
    }

    fn on_collect(
        &mut self,
        from: PartyId,
        message: collect::Message<C::Share>,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        let voter = match &message {
            collect::Message::Value(voter, rbc::Message::Send { .. })
                if self.context.keyring.committee().contains(*voter) =>
            {
                Some(*voter)
            }
            _ => None,
        };
        let progress = self.collect.handle(from, message, &mut out.wrap(Message::Collect));
        // ECHO only for a ballot of the right shape (D2).
        if let Some(voter) = voter
            && let Some(ballot) = self.collect.held(voter)
        {
            if Ballot::decode(ballot, self.mask_bits).is_some() {
                self.collect.approve(voter, &mut out.wrap(Message::Collect));
            } else {
                out.blame(voter, DecisionFault::MalformedVote);
            }
        }
        match progress {
            Some(Progress::Delivered(voter)) => {
                let ballot = self.collect.value(voter).cloned().unwrap_or_default();
                // A wrong shape is delivered only if more than t members are corrupt.
                let ballot = Ballot::decode(&ballot, self.mask_bits).unwrap_or(Ballot::Abstain);
                self.ballots[voter] = Some(ballot);
                news.push(News::BallotIn(voter));
                let agreed = self.collect.usable(voter, &mut out.wrap(Message::Collect));
                if let Some(set) = agreed {
                    self.seal(set, out, news);
                }
            }
            Some(Progress::Agreed(set)) => self.seal(set, out, news),
            None => {}
        }
    }

    fn seal(
        &mut self,
        set: PartySet,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        if self.sealed.is_some() {
            return;
        }
        self.sealed = Some(set);
        news.push(News::Sealed(set));
        self.try_compute(out, news);
    }

    /// D4, once the input set is fixed and the material is here.
    fn try_compute(&mut self, out: &mut dyn Outbox<Message<C::Share>>, news: &mut Vec<News>) {
        let Some(counted) = self.counted() else { return };
        if self.engine.is_some() || self.outcome.is_some() {
            return;
        }
        if counted.len() < usize::from(self.entry.proposal.minimum) {
            self.decide(Outcome::Expired, out, news);
            return;
        }
        let Some(taken) = self.taken.take() else { return };
        news.push(News::Computing);
        let committee = self.context.keyring.committee();
        let masked: Vec<(PartyId, Vec<bool>)> = counted
            .iter()
            .filter_map(|voter| Some((voter, self.ballots[voter].as_ref()?.bits(self.mask_bits)?)))
            .collect();
        let rule = &self.entry.proposal.rule;
        let n = committee.n();
        let material = Material::split(rule.cost(n), n, &taken.bits, &taken.triples);
        let gadget = rule.compile(n, &masked, material);
        let mut engine = Engine::new(committee, gadget, taken.held);
        engine.start(&mut out.wrap(Message::Compute));
        self.engine = Some(engine);
        for member in committee.parties() {
            for message in std::mem::take(&mut self.early[member]) {
                self.on_compute(member, message, out, news);
            }
        }
    }

    fn on_compute(
        &mut self,
        from: PartyId,
        message: engine::Message<Fp61>,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        let Some(engine) = &mut self.engine else {
            let fits = wire::size(&message) <= limits::MAX_EARLY_OPENING;
            let kept = &mut self.early[from];
            if !fits || kept.len() >= limits::MAX_EARLY_OPENINGS {
                out.blame(from, DecisionFault::OutOfPlace);
            } else if kept.iter().all(|kept| kept.round != message.round) {
                kept.push(message); // once, though links may repeat it
            }
            return;
        };
        if let Some(outputs) = engine.handle(from, message, &mut out.wrap(Message::Compute)) {
            self.reveal(&outputs, out, news);
        }
    }

    fn reveal(
        &mut self,
        outputs: &[Fp61],
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        // Anything but one bit means that more than t members are corrupt: certify nothing.
        match decide::outcome(outputs) {
            Some(true) => self.decide(Outcome::Accepted, out, news),
            Some(false) => self.decide(Outcome::Rejected, out, news),
            None => {}
        }
    }

    /// D5
    fn decide(
        &mut self,
        outcome: Outcome,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        if self.outcome.is_some() {
            return;
        }
        self.outcome = Some(outcome);
        let Some(counted) = self.counted() else { return };
        let (verifier, entry) = (&self.context.verifier, &self.entry);
        let (proposal, position, previous) = (&entry.proposal, entry.position, entry.previous);
        let statement = Statement::new(verifier, proposal, position, previous, counted, outcome);
        self.certifying.decide(statement, &mut out.wrap(Message::Certify));
        self.try_certify(out, news);
    }

    /// D5, as far as outcome, pairs, document and shares allow.
    fn try_certify(&mut self, out: &mut dyn Outbox<Message<C::Share>>, news: &mut Vec<News>) {
        if self.follows || self.certified {
            return;
        }
        let ready = self.certifying.begin(&mut out.wrap(Message::Certify));
        news.extend(ready.into_iter().map(News::Ready));
        if let Some(certified) = self.certifying.certified() {
            self.certify(certified, out, news);
        }
    }

    /// Lets our share of a signature out (D5). What it is for must be durable: see [`News::Ready`].
    pub fn sign(&mut self, purpose: Purpose, out: &mut dyn Outbox<Message<C::Share>>) {
        if !self.follows {
            self.certifying.sign(purpose, &mut out.wrap(Message::Certify));
        }
    }

    fn certify(
        &mut self,
        certified: Certified,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        self.certified = true;
        let certified = Box::new(certified);
        out.multicast(Message::Certified(certified.clone()));
        news.push(News::Certified(certified));
    }

    fn on_certified(
        &mut self,
        from: PartyId,
        certified: Certified,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        let statement = &certified.certificate.statement;
        let ours = statement.position == self.entry.position
            && statement.proposal == self.entry.digest
            && statement.previous == self.entry.previous;
        if !ours || certified.certificate.verify(&self.context.verifier).is_err() {
            out.blame(from, DecisionFault::BadCertificate);
            return;
        }
        let adopted = self.certifying.adopt(from, certified, &mut out.wrap(Message::Certify));
        if let Some(certified) = adopted {
            self.adopt(certified, out, news);
        }
    }

    /// Takes what others signed.
    fn adopt(
        &mut self,
        certified: Certified,
        out: &mut dyn Outbox<Message<C::Share>>,
        news: &mut Vec<News>,
    ) {
        if !self.certified {
            self.outcome = Some(certified.certificate.statement.outcome);
            self.certify(certified, out, news);
        }
    }
}
