//! The stock of preprocessed material, and which ledger position claims what.
//!
//! Bits and triples are numbered from 0 through all runs of an epoch. A position claims the next
//! ones when it is ordered, so all honest parties agree on every claim without talking, and what
//! was claimed once is never claimed again. A party that missed a run knows how much it produced
//! and holds none of it: it follows the decisions that use it without contributing.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;

use zeroize::Zeroize;

use crate::math::Fp61;
use crate::mpc::preprocessing::{Batch, Request, Triple};

/// How much one run is to produce at least, and below what the next one starts.
///
/// The same at all members of a network: it is part of what they agree on without talking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// What a run is asked for.
    pub request: Request,
    /// The next run starts when fewer unclaimed bits than this are left.
    pub low_bits: u64,
    /// The next run starts when fewer unclaimed triples than this are left.
    pub low_triples: u64,
}

impl Policy {
    /// The policy of a network of `n` members: a run serves about a dozen decisions, and the next
    /// one starts when half of it is claimed.
    pub const fn for_members(n: usize) -> Self {
        // A mean over n members takes 7n mask bits, at most 53 comparison bits, and 12 triples (n = 4)
        // to 20 (n = 64).
        let decisions = if n <= 8 { 12 } else { 4 };
        let (bits, triples) = (decisions * (7 * n + 53), decisions * if n <= 10 { 14 } else { 20 });
        Self {
            request: Request { bits, triples },
            low_bits: bits as u64 / 2,
            low_triples: triples as u64 / 2,
        }
    }
}

/// What one position claims.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Numbers of the bits.
    pub bits: Range<u64>,
    /// Numbers of the triples.
    pub triples: Range<u64>,
}

/// Shares taken for a claim.
pub struct Taken {
    /// Shares of random bits.
    pub bits: Vec<Fp61>,
    /// Shares of triples.
    pub triples: Vec<Triple<Fp61>>,
    /// Whether they are shares at all: if not, they are zeros, for a party that missed their run.
    pub held: bool,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bits, {} triples", self.bits.len(), self.triples.len())
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

/// One run's material.
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
    produced: Request64,
    claimed: Request64,
}

#[derive(Clone, Copy, Default)]
struct Request64 {
    bits: u64,
    triples: u64,
}

impl Stock {
    /// An empty stock.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            lots: VecDeque::new(),
            produced: Request64::default(),
            claimed: Request64::default(),
        }
    }

    /// Adds what run `run` produced; `batch` is `None` where this party missed the run.
    pub fn add(&mut self, run: u64, yielded: Request, batch: Option<Batch<Fp61>>) {
        let start = self.produced;
        self.produced.bits += yielded.bits as u64;
        self.produced.triples += yielded.triples as u64;
        self.lots.push_back(Lot {
            run,
            bits: start.bits..self.produced.bits,
            triples: start.triples..self.produced.triples,
            batch,
        });
    }

    /// Claims for the next ledger position.
    pub fn claim(&mut self, bits: usize, triples: usize) -> Claim {
        let start = self.claimed;
        self.claimed.bits += bits as u64;
        self.claimed.triples += triples as u64;
        Claim { bits: start.bits..self.claimed.bits, triples: start.triples..self.claimed.triples }
    }

    /// Whether the agreed ledger and the finished runs call for another run. Once true it stays
    /// true until that run is added, and it becomes true at all honest parties.
    pub const fn is_low(&self) -> bool {
        self.produced.bits < self.claimed.bits + self.policy.low_bits
            || self.produced.triples < self.claimed.triples + self.policy.low_triples
    }

    /// Unclaimed bits and triples; negative if claims wait for a run.
    pub const fn left(&self) -> (i64, i64) {
        (
            self.produced.bits as i64 - self.claimed.bits as i64,
            self.produced.triples as i64 - self.claimed.triples as i64,
        )
    }

    /// Whether everything in the claim has been produced.
    pub const fn covers(&self, claim: &Claim) -> bool {
        claim.bits.end <= self.produced.bits && claim.triples.end <= self.produced.triples
    }

    /// The shares of a claim; `None` until they are produced.
    pub fn take(&self, claim: &Claim) -> Option<Taken> {
        if !self.covers(claim) {
            return None;
        }
        let mut taken = Taken { bits: Vec::new(), triples: Vec::new(), held: true };
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

    /// Forgets the lots of which everything is claimed by positions before these claims; returns
    /// their runs.
    pub fn forget_before(&mut self, oldest: &Claim) -> Vec<u64> {
        let mut runs = Vec::new();
        while let Some(lot) = self.lots.front() {
            if lot.bits.end > oldest.bits.start || lot.triples.end > oldest.triples.start {
                break;
            }
            runs.push(lot.run);
            self.lots.pop_front();
        }
        runs
    }

    /// What would be claimed next: everything before it is spoken for.
    pub const fn cursor(&self) -> Claim {
        Claim {
            bits: self.claimed.bits..self.claimed.bits,
            triples: self.claimed.triples..self.claimed.triples,
        }
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bits, triples) = self.left();
        write!(f, "Stock({bits} bits, {triples} triples left, {} lots)", self.lots.len())
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
