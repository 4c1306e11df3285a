//! Binary agreement: parties that each propose a bit decide on one bit that an honest party
//! proposed.
//!
//! I. Abraham, N. Ben-David, S. Yandamuri, *Efficient and Adaptively Secure Asynchronous Binary
//! Agreement via Binding Crusader Agreement*, PODC 2022 (ePrint 2022/711), with the coin schedule
//! 1, 0, then real coins for ever.
//!
//! # Model
//! `n >= 3t + 1` parties, `t` of them Byzantine, an adversary that schedules every message and
//! sees every coin as soon as one honest party has released its share of it.
//!
//! # Guarantees
//! - *Agreement*: no two honest parties decide differently.
//! - *Validity*: if all honest parties propose the same bit, they decide it.
//! - *Termination*: if all honest parties propose, all decide and halt, with probability 1.
//!
//! Not guaranteed: that anybody decides if fewer than all honest parties propose.
//!
//! # Protocol
//! Each round is a crusader agreement, whose outcome is a bit or bot ("there were both"), followed
//! by a coin. The coin of round 0 is 1 and that of round 1 is 0.
//!
//! - A1 enter(r, est): record and send E1(r, est).
//! - A2 On `t + 1` E1(r, v): send E1(r, v), if not sent. Both values may be sent.
//! - A3 v is *approved* on `n - t` E1(r, v). Send E2(r, v) for the first approved v.
//! - A4 Rounds 0 and 1: the outcome is v once v is approved with `n - t` E2(r, v), and bot once both
//!   values are approved with `n - t` E2(r, *).
//! - A5 From round 2 on: send one E3, for v once v is approved with `n - t` E2(r, v), else bot once
//!   both values are approved.
//! - A6 From round 2 on: the outcome is v on `n - t` E3(r, v), else bot on `n - t` E3(r, *) with both
//!   values approved.
//! - A7 On the outcome, never before: release one's share of the round's coin; wait for the coin c.
//! - A8 Outcome bot: enter(r + 1, c). Outcome v: decide v if v = c, else enter(r + 1, v).
//! - A9 Decide v, in one's own round R: once; send DECIDE(v, R); enter no further round.
//! - A10 The first DECIDE(v, R) of a party counts as its E1, E2 and E3 for v in every round > R.
//! - A11 On `t + 1` DECIDE(v) of whatever rounds: decide v. On `n - t`: halt.
//! - A12 A2, A3 and A5 go on in past rounds, and after the decision in rounds up to R, until one
//!   halts. A party without an input does them in round 0.
//! - A13 Messages up to 8 rounds ahead of one's own are kept. A peer further ahead is marked, and
//!   asked to send again once one's own round is that of the first message dropped.
//! - A14 The key of the coins may come later than the first coin is wanted. Until then A7 waits:
//!   shares that come are kept unverified, and one's own is released with the key.
//!
//! # Why it works
//! Two honest parties never have different bits as outcomes of one round, since a party sends one
//! E2 and one E3. So a decision for v in round r leaves everybody with v: as outcome, or by the
//! coin, which is v. In rounds with E3 the adversary must fix the only possible bit before it can
//! know the coin (*binding*): among the `n - t` E3 of the first party to have an outcome are `t + 1`
//! honest ones; if one is for v there is no quorum of E2 for the other value, and if all are bot no
//! value gets `n - t` E3. So the coin hits that bit with probability 1/2. It is essential that the
//! outcome comes from the E3 of all and not from one's own set of E2: see
//! `tests/coin_aware.rs` for the schedule that keeps such a protocol undecided for ever.
//!
//! # Cost
//! All propose 1: one round, 2 message delays, `3n(n-1)` messages. All propose 0: two rounds, 4
//! delays, `5n(n-1)`. Otherwise 3 to 4 rounds are expected, and no more than 6 against any schedule: 2
//! with public coins, 4 with real ones, which the coin-aware schedule of the simulator's `rounds`
//! comes up to. A later round has 4 delays. State: a few bitmaps for each round entered
//! or up to 8 ahead, `n` shares for each coin that is not tossed.
//!
//! # Differences from the paper
//! The public coins of rounds 0 and 1, for which crusader agreement without binding is enough. A10
//! in place of going on in all rounds for ever: an honest party has either real votes in a round or
//! virtual ones, to all the same. A13 bounds the state. A14 only delays A7; termination needs that
//! in an agreement in which an honest party proposes 1, every honest party is given the key at some
//! time. (If all propose 0, nobody needs it: round 1 decides with a coin that everybody knows.)
//!
//! # End
//! After its output a party must go on until [`Aba::halted`]; then it may be dropped: enough honest
//! parties sent DECIDE for everybody to decide and halt.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::agreement::coin::Coin;
use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::error::Error;
use crate::fault::AgreementFault;
use crate::limits::ROUND_WINDOW;
use crate::protocol::{Outbox, Protocol};
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

mod flip;
mod message;
mod round;
#[cfg(test)]
mod tests;

pub use message::{Message, Vote};

use flip::Flip;
use round::Round;

/// A DECIDE: the value, and the round of the party that decided it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Decided {
    value: bool,
    round: u32,
}

/// Rounds of a peer's messages that were too far ahead to be kept.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    first: u32,
    last: u32,
}

/// One party's instance of binary agreement.
#[derive(Clone, Debug)]
pub struct Aba<C: Coin> {
    committee: Committee,
    me: PartyId,
    tag: Tag,
    /// `None` until the key is here.
    coin: Option<Arc<C>>,
    /// Whether the current round has an outcome and waits for the key.
    wants_coin: bool,
    proposed: bool,
    round: u32,
    rounds: BTreeMap<u32, (Round, Flip<C::Share>)>,
    decides: PartyMap<Option<Decided>>,
    decision: Option<Decided>,
    halted: bool,
    coins_tossed: u32,
    ahead: PartyMap<Option<Ahead>>,
    /// First round for which a peer may ask again to be sent what it dropped.
    resend_from: PartyMap<u32>,
    #[cfg(test)]
    estimates_from_own_set: bool,
}

impl<C: Coin> Aba<C> {
    /// An instance named `tag`, at party `me`.
    pub fn new(committee: Committee, tag: Tag, coin: Arc<C>, me: PartyId) -> Self {
        Self { coin: Some(coin), ..Self::without_coin(committee, tag, me) }
    }

    /// Like [`new`](Self::new), with coins whose key is not here yet (A14).
    pub fn without_coin(committee: Committee, tag: Tag, me: PartyId) -> Self {
        Self {
            committee,
            me,
            tag,
            coin: None,
            wants_coin: false,
            proposed: false,
            round: 0,
            rounds: BTreeMap::new(),
            decides: PartyMap::new(committee),
            decision: None,
            halted: false,
            coins_tossed: 0,
            ahead: PartyMap::new(committee),
            resend_from: PartyMap::new(committee),
            #[cfg(test)]
            estimates_from_own_set: false,
        }
    }

    /// Proposes a bit.
    ///
    /// # Errors
    /// A bit was already proposed.
    pub fn propose(
        &mut self,
        estimate: bool,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Result<(), Error> {
        if self.proposed {
            return Err(Error::AlreadyGiven { what: "a proposal" });
        }
        self.proposed = true;
        if self.decision.is_none() {
            self.enter(0, estimate, out);
        }
        Ok(())
    }

    /// Whether it cannot go on before [`give_coin`](Self::give_coin).
    pub const fn wants_coin(&self) -> bool {
        self.wants_coin && self.decision.is_none()
    }

    /// The key of the coins is here (A14). Gives the decision if only that was missing. A second key
    /// changes nothing.
    pub fn give_coin(
        &mut self,
        coin: Arc<C>,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) -> Option<bool> {
        if self.halted || self.coin.is_some() {
            return None;
        }
        self.coin = Some(coin);
        self.wants_coin = false;
        let undecided = self.decision.is_none();
        self.advance(out);
        self.try_halt();
        if undecided { self.decision() } else { None }
    }

    /// The decision, once there is one.
    pub fn decision(&self) -> Option<bool> {
        self.decision.map(|decided| decided.value)
    }

    /// Whether everybody else can do without this instance.
    pub const fn halted(&self) -> bool {
        self.halted
    }

    /// The current round, or the one of the decision.
    pub const fn round(&self) -> u32 {
        self.round
    }

    /// How many real coins were needed.
    pub const fn coins_tossed(&self) -> u32 {
        self.coins_tossed
    }

    // A1. One's own E1 comes back and has the rules looked at, whether or not others get it anew.
    fn enter(&mut self, round: u32, estimate: bool, out: &mut dyn Outbox<Message<C::Share>>) {
        self.round = round;
        self.cast(round, Vote::E1(estimate), out);
        let mut ask = PartySet::EMPTY;
        for (peer, ahead) in self.ahead.iter_mut() {
            let Some(Ahead { first, last }) = *ahead else { continue };
            if first <= round {
                ask.insert(peer); // A13
                let next = round.saturating_add(ROUND_WINDOW + 1);
                *ahead = (last >= next).then_some(Ahead { first: next, last });
            }
        }
        for peer in ask.iter() {
            out.send_to(peer, Message::Resend { round });
        }
    }

    fn cast(&mut self, round: u32, vote: Vote, out: &mut dyn Outbox<Message<C::Share>>) {
        let me = self.me;
        // One's own E2 and E3 are cast once each, so nothing is refused.
        let recorded = self.round_mut(round).record(me, vote);
        debug_assert!(recorded.is_ok(), "a second {vote} of one's own");
        out.multicast(Message::Vote { round, vote });
    }

    /// A12: casts the votes that are due in a round that was entered.
    fn vote(&mut self, round: u32, out: &mut dyn Outbox<Message<C::Share>>) {
        let (me, committee) = (self.me, self.committee);
        while let Some(vote) = self.round_mut(round).due(me, committee, binding(round)) {
            self.cast(round, vote, out);
        }
    }

    /// Goes through as many rounds as can be finished.
    fn advance(&mut self, out: &mut dyn Outbox<Message<C::Share>>) {
        while self.proposed && self.decision.is_none() {
            self.vote(self.round, out);
            let Some(outcome) = self.outcome() else {
                if zoo::on(Mutant::AbaCoinFirst) {
                    self.flip(out);
                }
                return;
            };
            let Some(coin) = self.flip(out) else { return };
            if outcome == Some(coin) {
                self.decide(coin, out); // A8
            } else {
                self.enter(self.round.saturating_add(1), outcome.unwrap_or(coin), out); // A8
            }
        }
    }

    // A4, A6
    fn outcome(&mut self) -> Option<round::Outcome> {
        let (round, committee) = (self.round, self.committee);
        let own_set = zoo::on(Mutant::AbaOwnSet);
        #[cfg(test)]
        let own_set = own_set || self.estimates_from_own_set;
        if own_set && binding(round) {
            return self.round_mut(round).outcome_of_own_set(committee);
        }
        self.round_mut(round).outcome(committee, binding(round))
    }

    /// A7: the coin of the current round, which has an outcome.
    fn flip(&mut self, out: &mut dyn Outbox<Message<C::Share>>) -> Option<bool> {
        let round = self.round;
        if let Some(coin) = public_coin(round) {
            return Some(coin);
        }
        let Some(coin) = self.coin.clone() else {
            self.wants_coin = true; // A14
            return None;
        };
        let (me, committee, name) = (self.me, self.committee, self.coin_name(round));
        let flip = self.flip_mut(round);
        if !flip.released() {
            let share = coin.share(&name);
            flip.release(me, share.clone());
            out.multicast(Message::Share { round, share });
        }
        let bit = flip.toss(&*coin, &name, committee, out)?;
        self.coins_tossed += 1;
        Some(bit)
    }

    // A9
    fn decide(&mut self, value: bool, out: &mut dyn Outbox<Message<C::Share>>) {
        let decided = Decided { value, round: self.round };
        self.decision = Some(decided);
        self.decides[self.me] = Some(decided);
        self.rounds.retain(|round, _| *round <= decided.round);
        out.multicast(Message::Decide { round: decided.round, value });
    }

    // A10, A11
    fn on_decide(
        &mut self,
        from: PartyId,
        decided: Decided,
        out: &mut dyn Outbox<Message<C::Share>>,
    ) {
        if let Some(earlier) = self.decides[from] {
            if earlier != decided {
                out.blame(from, AgreementFault::SecondDecide);
            }
            return;
        }
        self.decides[from] = Some(decided);
        let Decided { value, round } = decided;
        for (_, (votes, _)) in self.rounds.range_mut(round.saturating_add(1)..) {
            if let Err(kind) = votes.record_decided(from, value) {
                out.blame(from, kind);
            }
        }
        for later in round.saturating_add(1)..=self.round {
            self.vote(later, out);
        }
        let enough = zoo::instead(self.committee.one_honest(), Mutant::AbaDecideByOne, 1);
        if self.deciders(value) >= enough && self.decision.is_none() {
            self.decide(value, out);
        }
    }

    // A11
    fn try_halt(&mut self) {
        let Some(Decided { value, .. }) = self.decision else { return };
        let enough = zoo::instead(self.committee.quorum(), Mutant::AbaHaltsAtOnce, 1);
        if self.deciders(value) >= enough {
            self.halted = true;
            self.rounds.clear();
        }
    }

    fn on_resend(&mut self, from: PartyId, round: u32, out: &mut dyn Outbox<Message<C::Share>>) {
        // An honest peer asks for rounds a window apart, so each message is sent again once.
        if round < self.resend_from[from] {
            return;
        }
        let end = round.saturating_add(ROUND_WINDOW);
        self.resend_from[from] = end.saturating_add(1);
        for (round, (votes, flip)) in self.rounds.range(round..=end) {
            for vote in votes.votes_of(self.me) {
                out.send_to(from, Message::Vote { round: *round, vote });
            }
            if let (true, Some(coin)) = (flip.released(), &self.coin) {
                let share = coin.share(&self.coin_name(*round));
                out.send_to(from, Message::Share { round: *round, share });
            }
        }
    }

    /// Whether a message for `round` is to be counted now; one too far ahead is remembered (A13).
    fn counts(&mut self, from: PartyId, round: u32) -> bool {
        if self.decision.is_some() {
            return round <= self.round;
        }
        let window = zoo::instead(ROUND_WINDOW, Mutant::AbaKeepsAll, u32::MAX);
        if round <= self.round.saturating_add(zoo::instead(window, Mutant::AbaDropsAhead, 0)) {
            return true;
        }
        if zoo::on(Mutant::AbaDropsAhead) {
            return false;
        }
        let ahead = self.ahead[from].get_or_insert(Ahead { first: round, last: round });
        ahead.first = ahead.first.min(round);
        ahead.last = ahead.last.max(round);
        false
    }

    fn deciders(&self, value: bool) -> usize {
        let elsewhere = |d: Decided| d.round != self.round && zoo::on(Mutant::AbaDecidesByRound);
        let agree =
            |decided: &Option<Decided>| decided.is_some_and(|d| d.value == value && !elsewhere(d));
        self.decides.values().iter().filter(|decided| agree(decided)).count()
    }

    fn coin_name(&self, round: u32) -> Tag {
        let shared = zoo::on(Mutant::CoinShared);
        let instance = if shared { Tag::root(&[0; 32], 0) } else { self.tag };
        instance.indexed("coin", u64::from(zoo::instead(round, Mutant::CoinWithoutRound, 0)))
    }

    fn round_mut(&mut self, round: u32) -> &mut Round {
        &mut self.entry(round).0
    }

    fn flip_mut(&mut self, round: u32) -> &mut Flip<C::Share> {
        &mut self.entry(round).1
    }

    fn entry(&mut self, round: u32) -> &mut (Round, Flip<C::Share>) {
        let decides = &self.decides;
        self.rounds.entry(round).or_insert_with(|| {
            let mut votes = Round::default();
            for (party, decided) in decides.iter() {
                let Some(decided) = decided.filter(|decided| decided.round < round) else {
                    continue;
                };
                // A10. A new round has no votes yet that these could contradict.
                let recorded = votes.record_decided(party, decided.value);
                debug_assert!(recorded.is_ok(), "virtual votes come first");
            }
            (votes, Flip::default())
        })
    }
}

impl<C: Coin> Protocol for Aba<C> {
    type Message = Message<C::Share>;
    type Output = bool;

    fn handle(
        &mut self,
        from: PartyId,
        message: Self::Message,
        out: &mut dyn Outbox<Self::Message>,
    ) -> Option<bool> {
        if self.halted || (!self.proposed && zoo::on(Mutant::AbaDeafBeforeInput)) {
            return None;
        }
        let undecided = self.decision.is_none();
        match message {
            Message::Vote { round, vote } => {
                if matches!(vote, Vote::E3(_)) && !binding(round) {
                    out.blame(from, AgreementFault::OutOfRange);
                } else if self.counts(from, round) {
                    if let Err(kind) = self.round_mut(round).record(from, vote) {
                        out.blame(from, kind);
                    }
                    let left = zoo::on(Mutant::AbaLeavesRounds) && round < self.round;
                    if round <= self.round && !left {
                        self.vote(round, out);
                    }
                }
            }
            Message::Share { round, share } => {
                if !binding(round) {
                    out.blame(from, AgreementFault::OutOfRange);
                } else if self.counts(from, round)
                    && let Err(kind) = self.flip_mut(round).keep(from, share)
                {
                    out.blame(from, kind);
                }
            }
            Message::Decide { round, value } => {
                self.on_decide(from, Decided { value, round }, out);
            }
            Message::Resend { round } => self.on_resend(from, round, out),
        }
        self.advance(out);
        self.try_halt();
        if undecided { self.decision() } else { None }
    }
}

/// The coins of the first rounds, which everybody knows.
const fn public_coin(round: u32) -> Option<bool> {
    match round {
        0 => Some(true),
        1 => Some(false),
        _ => None,
    }
}

/// Whether the round's outcome must be fixed before its coin is known: whether it has E3.
const fn binding(round: u32) -> bool {
    public_coin(round).is_none()
}
