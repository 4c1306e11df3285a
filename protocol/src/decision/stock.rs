//! The stock of preprocessed material, and which ledger position claims what.
//!
//! Bits, triples and nonce pairs are numbered from 0 through all runs of an epoch, of each run as many as
//! it was asked for: what it yields beyond is not used. A position claims the next ones when it is
//! ordered, so all honest parties agree on every claim without talking, and what was claimed once is
//! never claimed again, whoever votes and whatever comes out. Where a claim ends in a later run than the
//! one before, what is left of the earlier runs, of any kind, is passed over.
//!
//! A party that missed a run holds nothing of it, and follows the decisions that use it without
//! contributing. Since runs are used up one after the other, and all kinds of one together, these are a
//! few in a row: it does not count towards `t` in decisions that come much later.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Range;

use zeroize::Zeroize;

use crate::decision::proposal::Proposal;
use crate::decision::supply::Request;
use crate::keys::signing::{NoncePair, Purpose};
use crate::math::Fp61;
use crate::mpc::preprocessing::{self, Batch, Triple};
use crate::zoo::{self, Mutant};

/// A quantity of material.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Amount {
    /// Random bits.
    pub bits: u64,
    /// Multiplication triples.
    pub triples: u64,
    /// Nonce pairs.
    pub pairs: u64,
}

impl Amount {
    /// What a decision among `n` members uses up, whoever votes and whatever comes out.
    pub fn of(proposal: &Proposal, n: usize) -> Self {
        let cost = proposal.rule.cost(n);
        Self {
            bits: cost.all_bits(n) as u64,
            triples: cost.triples as u64,
            pairs: 1 + u64::from(proposal.document.is_some()),
        }
    }

    /// What is at least in both.
    fn max(self, other: Self) -> Self {
        Self {
            bits: self.bits.max(other.bits),
            triples: self.triples.max(other.triples),
            pairs: self.pairs.max(other.pairs),
        }
    }

    const fn add(&mut self, other: Self) {
        self.bits += other.bits;
        self.triples += other.triples;
        self.pairs += other.pairs;
    }
}

/// How much one run is to produce at least, and below what the next one starts.
///
/// The same at all members of a network: it is part of what they agree on without talking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// What a run is asked for.
    pub request: Request,
    /// The next run starts when less than this is left unclaimed, of any kind.
    pub low: Amount,
}

impl Policy {
    /// The policy of a network of `n` members: a run serves about a dozen decisions, and the next
    /// one starts when half of it is claimed.
    pub const fn for_members(n: usize) -> Self {
        // A mean over n members takes 7n mask bits, at most 53 comparison bits, and 12 triples (n = 4)
        // to 20 (n = 64); two pairs if it releases a document.
        let decisions = if n <= 8 { 12 } else { 4 };
        let (bits, triples) = (decisions * (7 * n + 53), decisions * if n <= 10 { 14 } else { 20 });
        let pairs = 2 * decisions;
        Self {
            request: Request { material: preprocessing::Request { bits, triples }, pairs },
            low: Amount {
                bits: bits as u64 / 2,
                triples: triples as u64 / 2,
                pairs: pairs as u64 / 2,
            },
        }
    }
}

impl Policy {
    /// What is used of a run.
    const fn run(&self) -> Amount {
        let Request { material, pairs } = self.request;
        Amount { bits: material.bits as u64, triples: material.triples as u64, pairs: pairs as u64 }
    }

    /// Of how many runs there is nothing left of some kind, with so much claimed.
    fn over(&self, claimed: Amount) -> u64 {
        let each = self.run();
        let over = |claimed: u64, each: u64| claimed.checked_div(each).unwrap_or_default();
        over(claimed.bits, each.bits)
            .max(over(claimed.triples, each.triples))
            .max(over(claimed.pairs, each.pairs))
    }

    /// Where the first run begins of which something of each kind is left, with so much claimed.
    fn aligned(&self, claimed: Amount) -> Amount {
        let (each, runs) = (self.run(), self.over(claimed));
        let begin = Amount {
            bits: runs.saturating_mul(each.bits),
            triples: runs.saturating_mul(each.triples),
            pairs: runs.saturating_mul(each.pairs),
        };
        claimed.max(begin)
    }
}

/// What one position claims.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Numbers of the bits.
    pub bits: Range<u64>,
    /// Numbers of the triples.
    pub triples: Range<u64>,
    /// Numbers of the nonce pairs: see [`pair`](Self::pair).
    pub pairs: Range<u64>,
}

impl Claim {
    /// The number of the pair that signs for `purpose` at this position, and nothing else for ever.
    pub fn pair(&self, purpose: Purpose) -> Option<u64> {
        let number = match purpose {
            Purpose::Certificate => self.pairs.start,
            Purpose::Document => self.pairs.start + 1,
        };
        self.pairs.contains(&number).then_some(number)
    }
}

/// Shares taken for a claim.
pub struct Taken {
    /// Shares of random bits.
    pub bits: Vec<Fp61>,
    /// Shares of triples.
    pub triples: Vec<Triple<Fp61>>,
    /// Whether they are shares at all: if not, they are zeros, for a party that missed their run.
    pub held: bool,
    /// Shares of the nonce pairs, as far as this party has them. Here and nowhere else in memory.
    pub pairs: BTreeMap<Purpose, NoncePair>,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, triples, pairs) = (self.bits.len(), self.triples.len(), self.pairs.len());
        write!(f, "{bits} bits, {triples} triples, {pairs} pairs")
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.bits.zeroize();
        for triple in &mut self.triples {
            triple.zeroize();
        }
    }
}

/// One run's material, but for its pairs.
struct Lot {
    run: u64,
    bits: Range<u64>,
    triples: Range<u64>,
    batch: Option<Batch<Fp61>>,
}

/// All material of an epoch.
pub struct Stock {
    policy: Policy,
    lots: VecDeque<Lot>,
    /// Shares of the pairs that were not taken.
    pairs: BTreeMap<u64, NoncePair>,
    produced: Amount,
    claimed: Amount,
}

impl Stock {
    /// An empty stock.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            lots: VecDeque::new(),
            pairs: BTreeMap::new(),
            produced: Amount::default(),
            claimed: Amount::default(),
        }
    }

    /// Adds what the next run produced, `run`; `batch` is `None` where this party missed it. Its pairs
    /// have [numbers](Self::next_pairs) of their own, and are put in apart.
    pub fn add(&mut self, run: u64, batch: Option<Batch<Fp61>>) {
        let start = self.produced;
        self.produced.add(self.policy.run());
        self.lots.push_back(Lot {
            run,
            bits: start.bits..self.produced.bits,
            triples: start.triples..self.produced.triples,
            batch,
        });
    }

    /// The numbers of the next run's pairs.
    pub const fn next_pairs(&self) -> Range<u64> {
        self.produced.pairs..self.produced.pairs + self.policy.run().pairs
    }

    /// Puts our shares of a pair in.
    pub fn put_pair(&mut self, pair: NoncePair) {
        self.pairs.insert(pair.index(), pair);
    }

    /// Forgets our shares of a position's pairs, used or not.
    pub fn forget_pairs(&mut self, claim: &Claim) {
        for number in claim.pairs.clone() {
            self.pairs.remove(&number);
        }
    }

    /// Claims for the next ledger position.
    pub fn claim(&mut self, amount: Amount) -> Claim {
        let start = self.claimed;
        let mut end = start;
        end.add(amount);
        self.claimed = zoo::instead(self.policy.aligned(end), Mutant::StockReused, start);
        Claim {
            bits: start.bits..end.bits,
            triples: start.triples..end.triples,
            pairs: start.pairs..end.pairs,
        }
    }

    /// Whether the agreed ledger and the finished runs call for another run. Once true it stays
    /// true until that run is added, and it becomes true at all honest parties.
    pub const fn is_low(&self) -> bool {
        let (produced, claimed, low) = (&self.produced, &self.claimed, &self.policy.low);
        produced.bits < claimed.bits + low.bits
            || produced.triples < claimed.triples + low.triples
            || produced.pairs < claimed.pairs + low.pairs
    }

    /// No position claims any more: nothing is made beyond what is claimed.
    pub const fn close(&mut self) {
        self.policy.low = Amount { bits: 0, triples: 0, pairs: 0 };
    }

    /// Unclaimed bits, triples and pairs; negative if claims wait for a run.
    pub const fn left(&self) -> (i64, i64, i64) {
        let (produced, claimed) = (&self.produced, &self.claimed);
        (
            produced.bits as i64 - claimed.bits as i64,
            produced.triples as i64 - claimed.triples as i64,
            produced.pairs as i64 - claimed.pairs as i64,
        )
    }

    /// Whether everything in the claim has been produced.
    pub const fn covers(&self, claim: &Claim) -> bool {
        claim.bits.end <= self.produced.bits
            && claim.triples.end <= self.produced.triples
            && claim.pairs.end <= self.produced.pairs
    }

    /// The shares of a claim; `None` until they are produced. Pairs can be taken once.
    pub fn take(&mut self, claim: &Claim) -> Option<Taken> {
        if !self.covers(claim) {
            return None;
        }
        let pair = |purpose| Some((purpose, self.pairs.remove(&claim.pair(purpose)?)?));
        let pairs = Purpose::ALL.into_iter().filter_map(pair).collect();
        let mut taken = Taken { bits: Vec::new(), triples: Vec::new(), held: true, pairs };
        for lot in &self.lots {
            let bits = overlap(&lot.bits, &claim.bits);
            let triples = overlap(&lot.triples, &claim.triples);
            if bits.is_empty() && triples.is_empty() {
                continue;
            }
            match &lot.batch {
                Some(batch) => {
                    taken.bits.extend_from_slice(batch.bits.get(bits).unwrap_or_default());
                    taken.triples.extend_from_slice(batch.triples.get(triples).unwrap_or_default());
                }
                None => taken.held = false,
            }
        }
        let bits = size(claim.bits.end - claim.bits.start);
        let triples = size(claim.triples.end - claim.triples.start);
        if taken.bits.len() != bits || taken.triples.len() != triples {
            taken.held = false;
        }
        taken.bits.resize(bits, Fp61::default());
        taken.triples.resize(triples, Triple::default());
        Some(taken)
    }

    /// Our shares of what a run produced, until all of it is spent.
    pub fn batch(&self, run: u64) -> Option<&Batch<Fp61>> {
        self.lots.iter().find(|lot| lot.run == run)?.batch.as_ref()
    }

    /// Whether no position that comes next claims anything of this run.
    pub fn has_passed(&self, run: u64) -> bool {
        run < self.policy.over(self.claimed)
    }

    /// Whether a claim takes something of this run.
    pub fn uses(&self, claim: &Claim, run: u64) -> bool {
        let each = self.policy.run();
        let takes = |claimed: &Range<u64>, each: u64| {
            let start = run.saturating_mul(each);
            claimed.start.max(start) < claimed.end.min(start.saturating_add(each))
        };
        takes(&claim.bits, each.bits)
            || takes(&claim.triples, each.triples)
            || takes(&claim.pairs, each.pairs)
    }

    /// Forgets the lots of which everything is claimed by positions before this claim, or was passed
    /// over, and such pairs; returns the runs, and the numbers of the pairs.
    pub fn forget_before(&mut self, oldest: &Claim) -> (Vec<u64>, Vec<u64>) {
        let mut runs = Vec::new();
        while let Some(lot) = self.lots.front() {
            if lot.bits.end > oldest.bits.start || lot.triples.end > oldest.triples.start {
                break;
            }
            runs.push(lot.run);
            self.lots.pop_front();
        }
        let later = self.pairs.split_off(&oldest.pairs.start);
        let pairs = std::mem::replace(&mut self.pairs, later);
        (runs, pairs.into_keys().collect())
    }

    /// What would be claimed next: everything before it is spoken for.
    pub const fn cursor(&self) -> Claim {
        Claim {
            bits: self.claimed.bits..self.claimed.bits,
            triples: self.claimed.triples..self.claimed.triples,
            pairs: self.claimed.pairs..self.claimed.pairs,
        }
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, triples, pairs) = self.left();
        let lots = self.lots.len();
        write!(f, "Stock({bits} bits, {triples} triples, {pairs} pairs left, {lots} lots)")
    }
}

/// The part of `lot` that `claim` takes, counted from the lot's start.
fn overlap(lot: &Range<u64>, claim: &Range<u64>) -> Range<usize> {
    let start = lot.start.max(claim.start);
    let end = lot.end.min(claim.end);
    if start >= end {
        return 0..0;
    }
    size(start - lot.start)..size(end - lot.start)
}

/// A number of items that is in memory.
fn size(items: u64) -> usize {
    usize::try_from(items).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::point::Point;
    use crate::decision::proposal::{DocumentRef, Renewal};
    use crate::math::{Field, Fl};
    use crate::rule::Rule;
    use crate::secret::Secret;

    fn stock() -> Stock {
        let material = preprocessing::Request { bits: 10, triples: 10 };
        let low = Amount { bits: 1, triples: 1, pairs: 2 };
        Stock::new(Policy { request: Request { material, pairs: 3 }, low })
    }

    fn pair(index: u64) -> NoncePair {
        let half = |value| (Secret::new(Fl::from_u64(value)), Point::base(&Fl::from_u64(value)));
        NoncePair::new(index, half(2 * index + 1), half(2 * index + 2))
    }

    fn amount(pairs: u64) -> Amount {
        Amount { bits: 1, triples: 1, pairs }
    }

    #[test]
    fn a_position_claims_its_pairs_whoever_votes_and_no_other_gets_them() {
        let mut stock = stock();
        let plain = stock.claim(amount(1));
        let document = stock.claim(amount(2));
        let next = stock.claim(amount(1));
        assert_eq!(plain.pair(Purpose::Certificate), Some(0));
        assert_eq!(plain.pair(Purpose::Document), None);
        assert_eq!(document.pair(Purpose::Certificate), Some(1));
        assert_eq!(document.pair(Purpose::Document), Some(2));
        assert_eq!(next.pair(Purpose::Certificate), Some(3));
        let proposal = |document| Proposal {
            title: String::new(),
            text: String::new(),
            rule: Rule::parse("count(approve) >= 3").unwrap(),
            deadline_ms: 0,
            minimum: 3,
            nonce: [0; 16],
            document,
            renewal: Renewal::None,
        };
        assert_eq!(Amount::of(&proposal(None), 4).pairs, 1);
        assert_eq!(Amount::of(&proposal(DocumentRef::of(b"x")), 4).pairs, 2);
    }

    #[test]
    fn pairs_are_taken_once_and_wait_for_their_run() {
        let mut stock = stock();
        let claim = stock.claim(amount(2));
        assert!(stock.is_low() && stock.take(&claim).is_none());
        assert_eq!(stock.next_pairs(), 0..3);
        // This party has its share of the second pair only.
        stock.put_pair(pair(1));
        stock.add(0, None);
        assert_eq!((stock.next_pairs(), stock.left().2), (3..6, 1));
        let taken = stock.take(&claim).unwrap();
        assert!(!taken.held);
        let numbers: Vec<(Purpose, u64)> =
            taken.pairs.iter().map(|(purpose, pair)| (*purpose, pair.index())).collect();
        assert_eq!(numbers, [(Purpose::Document, 1)]);
        assert!(stock.take(&claim).unwrap().pairs.is_empty());
        assert!(stock.is_low(), "one pair is left, and two is low");
    }

    #[test]
    fn pairs_of_a_position_are_forgotten_used_or_not() {
        let mut stock = stock();
        (0..3).for_each(|index| stock.put_pair(pair(index)));
        stock.add(0, None);
        let (first, second) = (stock.claim(amount(2)), stock.claim(amount(1)));
        stock.forget_pairs(&first);
        assert!(stock.take(&first).unwrap().pairs.is_empty());
        assert_eq!(stock.take(&second).unwrap().pairs.len(), 1);
    }

    #[test]
    fn runs_are_used_up_one_after_the_other_and_what_is_left_of_one_is_passed_over() {
        let mut stock = stock();
        (0..2).for_each(|run| stock.add(run, None));
        (0..6).for_each(|index| stock.put_pair(pair(index)));
        // Of the ten bits of the first run eight, of its three pairs one; then more than is left.
        let first = stock.claim(Amount { bits: 8, triples: 1, pairs: 1 });
        let across = stock.claim(Amount { bits: 4, triples: 1, pairs: 1 });
        let next = stock.claim(Amount { bits: 1, triples: 1, pairs: 1 });
        assert_eq!((across.bits.clone(), across.pairs.clone()), (8..12, 1..2));
        assert_eq!(
            (next.bits.clone(), next.triples.clone(), next.pairs.clone()),
            (12..13, 10..11, 3..4)
        );
        assert_eq!(stock.left(), (7, 9, 2));
        assert!(stock.has_passed(0) && !stock.has_passed(1));
        assert!(stock.uses(&first, 0) && !stock.uses(&first, 1));
        assert!(stock.uses(&across, 0) && stock.uses(&across, 1) && !stock.uses(&across, 2));
        assert!(!stock.uses(&next, 0) && stock.uses(&next, 1));
        assert_eq!(stock.forget_before(&first), (vec![], vec![]));
        [&first, &across].into_iter().for_each(|claim| stock.forget_pairs(claim));
        assert_eq!(stock.forget_before(&next), (vec![0], vec![2]), "nobody claims the third");
        // To the last of one kind: so the next one is of the next run.
        stock.claim(Amount { bits: 7, triples: 1, pairs: 1 });
        assert_eq!(stock.cursor().pairs, 6..6);
        assert_eq!(stock.left(), (0, 0, 0));
    }
}
