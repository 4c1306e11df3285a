//! Nothing is opened but what the rule allows.
//!
//! Of every decision each value that honest parties open is computed here beside them, from the
//! material in the clear, which only a simulator can know, and by a [`Reference`] of its own:
//!
//! - to each voter the bits that its position claims for it, and no others;
//! - before the input set is fixed nothing else;
//! - then the sum under its mask, the masked factors of the comparison's products, each layer once
//!   and in order, with triples that no other position claims, and last one bit: the only value
//!   without a mask, and the outcome;
//! - nothing at all if too few votes are counted.
//!
//! So what an honest member's ballot says, under the masks that it was given, is what it entered; the
//! sum that was compared is that of the counted inputs; and each signature is made with a nonce pair
//! of its own position.

use std::collections::BTreeMap;
use std::ops::Range;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartyMap, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::certificate::{Outcome, Statement};
use quorate_protocol::decision::stock::Amount;
use quorate_protocol::decision::{collect, life};
use quorate_protocol::math::{Field, Fp61, PrimeField};
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::open;

use super::reference::Reference;
use super::sharing::{Pool, Sharing};
use super::{Checker, Observation, What};
use crate::ghost::{Asked, Ghost};

/// One decision, as far as it is opened.
struct Opened {
    epoch: u64,
    digest: Digest,
    rule: Reference,
    bits: Range<u64>,
    triples: Range<u64>,
    pairs: Range<u64>,
    masks: PartyMap<Sharing>,
    rounds: Vec<Sharing>,
    /// What is to be opened after the first round, but for the outcome.
    expected: Vec<Vec<Fp61>>,
    /// How many openings of the computation each party has said its shares for.
    said: PartyMap<usize>,
    /// Agreements on ballots that each party has decided: left out, and in.
    decided: PartyMap<[PartySet; 2]>,
    /// What honest voters broadcast: masked bits, or that they abstain.
    ballots: BTreeMap<PartyId, Option<u64>>,
}

/// What an epoch's next position claims.
#[derive(Clone, Copy, Default)]
struct Next {
    position: u64,
    bits: u64,
    triples: u64,
    pairs: u64,
}

impl Next {
    /// What is left of a run when something of the next one is due is not claimed any more.
    fn in_one_run(self, used: Amount) -> Self {
        let Self { position, bits, triples, pairs } = self;
        let begun = (bits / used.bits).max(triples / used.triples).max(pairs / used.pairs);
        Self {
            position,
            bits: bits.max(begun * used.bits),
            triples: triples.max(begun * used.triples),
            pairs: pairs.max(begun * used.pairs),
        }
    }
}

/// See the [module](self).
#[derive(Default)]
pub(super) struct Openings {
    pool: Pool,
    next: BTreeMap<u64, Next>,
    decisions: BTreeMap<u64, Opened>,
}

impl Openings {
    /// What a position claims follows from what all before it did.
    fn order(
        &mut self,
        ghost: &Ghost,
        epoch: u64,
        digest: Digest,
        position: u64,
    ) -> Result<(), String> {
        let next = self.next.entry(epoch).or_default();
        if position < next.position {
            return Ok(());
        }
        if position > next.position {
            return Err(format!("position {position} is ordered before {}", next.position));
        }
        let Some(asked) = ghost.questions.get(&digest) else {
            return Err(format!("a question that nobody asked has position {position}"));
        };
        let Some(rule) = Reference::of(&asked.proposal.rule) else {
            return Err(format!("the rule at position {position} cannot be computed"));
        };
        let (committee, n) = (ghost.committee, ghost.committee.n());
        let pairs = 1 + u64::from(asked.proposal.document.is_some());
        let after = Next {
            position: position + 1,
            bits: next.bits + rule.bits(n) as u64,
            triples: next.triples + rule.triples(n) as u64,
            pairs: next.pairs + pairs,
        };
        let opened = Opened {
            epoch,
            digest,
            bits: next.bits..after.bits,
            triples: next.triples..after.triples,
            pairs: next.pairs..after.pairs,
            masks: PartyMap::from_fn(committee, |_| Sharing::default()),
            rounds: rule.openings(n).iter().map(|_| Sharing::default()).collect(),
            rule,
            expected: Vec::new(),
            said: PartyMap::new(committee),
            decided: PartyMap::new(committee),
            ballots: BTreeMap::new(),
        };
        *next = after.in_one_run(ghost.used);
        self.decisions.insert(position, opened);
        Ok(())
    }
}

impl Opened {
    /// Numbers of a voter's mask bits.
    fn masks_of(&self, voter: PartyId) -> Range<u64> {
        let each = self.rule.weights().len() as u64;
        let start = self.bits.start + each * voter.index() as u64;
        start..start + each
    }

    /// The bits that hide the sum.
    fn hiding(&self, ghost: &Ghost, pool: &Pool) -> Option<Vec<Fp61>> {
        let masks = (self.rule.weights().len() * ghost.committee.n()) as u64;
        pool.bits(self.epoch, &(self.bits.start + masks..self.bits.end))
    }

    fn on_mask(
        &mut self,
        ghost: &Ghost,
        pool: &Pool,
        (by, to): (PartyId, PartyId),
        shares: &[Fp61],
    ) -> Result<(), String> {
        if shares.len() != self.rule.weights().len() {
            return Err(format!("{by} opens {} bits to {to}", shares.len()));
        }
        let known = self.masks[to].add(ghost.committee, by, shares)?;
        let bits = pool.bits(self.epoch, &self.masks_of(to));
        if known && bits.is_some() && self.masks[to].clear != bits {
            return Err(format!("{by} and others open other bits to {to} than it claims"));
        }
        Ok(())
    }

    /// A voter's ballot, under its masks, is what it entered.
    fn on_ballot(&mut self, asked: &Asked, pool: &Pool, voter: PartyId, payload: &[u8]) -> bool {
        let weights = self.rule.weights();
        let Some(ballot) = Ballot::decode(payload, weights.len()) else { return false };
        let Some(masks) = pool.bits(self.epoch, &self.masks_of(voter)) else { return true };
        let value = ballot.bits(weights.len()).map(|bits| {
            let bits = bits.into_iter().zip(masks).map(|(bit, mask)| bit != (mask == Fp61::ONE));
            bits.zip(weights).filter(|(bit, _)| *bit).map(|(_, weight)| weight).sum::<u64>()
        });
        self.ballots.insert(voter, value);
        value.is_none_or(|value| asked.inputs[voter].contains(&value))
    }

    fn on_compute(
        &mut self,
        ghost: &Ghost,
        pool: &Pool,
        by: PartyId,
        round: usize,
        shares: &[Fp61],
    ) -> Result<(), String> {
        let [zero, one] = self.decided[by];
        let sealed = zero.union(one) == ghost.committee.everyone();
        if !sealed || one.len() < ghost.committee.quorum() {
            return Err(format!("{by} opens something before the input set is fixed"));
        }
        if round < self.said[by] {
            return Ok(()); // said again after a restart; that it is the same is checked elsewhere
        }
        if self.said[by] != round {
            return Err(format!("{by} opens round {round} after {} others", self.said[by]));
        }
        self.said[by] += 1;
        let sizes = self.rule.openings(ghost.committee.n());
        let (Some(sharing), Some(size)) = (self.rounds.get_mut(round), sizes.get(round)) else {
            return Err(format!("{by} opens more than {} times", sizes.len()));
        };
        if shares.len() != *size {
            return Err(format!("{by} opens {} values in round {round}", shares.len()));
        }
        if !sharing.add(ghost.committee, by, shares)? {
            return Ok(());
        }
        let values = sharing.clear.clone().unwrap_or_default();
        let last = round + 1 == sizes.len();
        match values.first() {
            Some(opened) if round == 0 => {
                let triples = pool.triples(self.epoch, &self.triples);
                if let (Some(mask), Some(triples)) = (self.hiding(ghost, pool), triples) {
                    let n = ghost.committee.n();
                    self.expected = self.rule.computation(n, &mask, &triples, *opened);
                }
            }
            Some(outcome) if last && *outcome * *outcome != *outcome => {
                return Err(format!("what is opened as the outcome is no bit: {outcome:?}"));
            }
            _ => {
                let expected = self.expected.get(round - 1);
                if !last && expected.is_some_and(|expected| *expected != values) {
                    return Err(format!("round {round} opens what its material does not hide"));
                }
            }
        }
        Ok(())
    }

    fn on_certified(
        &self,
        ghost: &Ghost,
        pool: &Pool,
        statement: &Statement,
    ) -> Result<(), String> {
        let begun = self.said.values().iter().any(|said| *said > 0);
        if statement.outcome == Outcome::Expired {
            return if begun { Err("it expired, and was computed".into()) } else { Ok(()) };
        }
        let (n, counted) = (ghost.committee.n(), statement.counted.len());
        let opened = self.rounds.first().and_then(|round| round.clear.as_ref()?.first());
        let (Some(opened), Some(mask)) = (opened, self.hiding(ghost, pool)) else { return Ok(()) };
        let sum = self.rule.sum(n, counted, &mask, *opened).to_u64();
        let honest = statement.counted.difference(ghost.byzantine);
        let ballots = honest.iter().map(|voter| self.ballots.get(&voter).copied().flatten());
        if let Some(least) = ballots.sum::<Option<u64>>() {
            let most = least + self.rule.greatest * (counted - honest.len()) as u64;
            if !(least..=most).contains(&sum) {
                return Err(format!("the sum is {sum}, but the ballots' is {least} to {most}"));
            }
        }
        let accepted = statement.outcome == Outcome::Accepted;
        let last = self.rounds.last().and_then(|round| round.clear.as_ref()?.first());
        let fits = last.is_none_or(|last| *last == self.rule.outcome(sum, counted));
        if self.rule.accepts(sum, counted) != accepted || !fits {
            return Err(format!("it is {}, but the sum is {sum}", statement.outcome));
        }
        Ok(())
    }
}

impl Checker for Openings {
    fn name(&self) -> &'static str {
        "openings"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let (by, to, position, message) = match seen.what {
            What::Refilled { by, epoch, run, batch } => {
                let used = (ghost.used.bits, ghost.used.triples);
                let added = self.pool.add(ghost.committee, by, (epoch, run), batch, used);
                return added.map(drop);
            }
            What::Began { keys, start, .. } => {
                let first = Next { position: start.position, ..Next::default() };
                self.next.entry(keys.keys.epoch()).or_insert(first);
                return Ok(());
            }
            What::Ordered { epoch, decision, position, .. } => {
                return self.order(ghost, epoch, decision, position);
            }
            What::Certified { statement, .. } => {
                let Some(opened) = self.decisions.get(&statement.position) else { return Ok(()) };
                let result = opened.on_certified(ghost, &self.pool, statement);
                return result.map_err(|e| format!("position {}: {e}", statement.position));
            }
            What::Signed { by, position, pair, .. } => {
                let opened = self.decisions.get(&position);
                if opened.is_some_and(|opened| !opened.pairs.contains(&pair)) {
                    return Err(format!("{by} signs at position {position} with pair {pair}"));
                }
                return Ok(());
            }
            What::Said { by, to, message: Message::Decision(position, m), .. } => {
                (by, to, *position, m)
            }
            _ => return Ok(()),
        };
        let Self { pool, decisions, .. } = self;
        let Some(opened) = decisions.get_mut(&position) else {
            return match message {
                life::Message::Mask(_) | life::Message::Compute(_) => Err(format!(
                    "{by} opens something at position {position}, which nobody ordered"
                )),
                _ => Ok(()),
            };
        };
        let result = match (message, to) {
            (life::Message::Mask(open::Message::Share(shares)), Recipient::One(to)) => {
                opened.on_mask(ghost, pool, (by, to), shares)
            }
            (life::Message::Compute(m), _) => match (&m.shares, to) {
                (open::Message::Share(shares), Recipient::All) => {
                    opened.on_compute(ghost, pool, by, usize::from(m.round), shares)
                }
                _ => Err(format!("{by} opens something in another way: {m}")),
            },
            (life::Message::Mask(m), _) => Err(format!("{by} opens masks in another way: {m}")),
            (life::Message::Collect(collect::Message::Subset(m)), _) => {
                if let acs::Message::Votes { kind: Kind::Decide, zero, one, .. } = m {
                    let [zeros, ones] = &mut opened.decided[by];
                    (*zeros, *ones) = (zeros.union(*zero), ones.union(*one));
                }
                Ok(())
            }
            (life::Message::Collect(collect::Message::Value(voter, m)), _) => {
                let (rbc::Message::Send { payload, .. }, Some(asked)) =
                    (m, ghost.questions.get(&opened.digest))
                else {
                    return Ok(());
                };
                match opened.on_ballot(asked, pool, *voter, payload) {
                    true => Ok(()),
                    false => Err(format!("the ballot of {voter} is not what it entered")),
                }
            }
            (life::Message::Certify(_) | life::Message::Certified(_), _) => Ok(()),
        };
        result.map_err(|error| format!("position {position}: {error}"))
    }
}
