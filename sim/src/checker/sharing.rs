//! What honest parties' shares are shares of.

use std::collections::BTreeMap;
use std::ops::Range;

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::math::{Field, Fp61, lagrange_row};
use quorate_protocol::mpc::preprocessing::{Batch, Triple};

/// Honest parties' shares of one vector of values.
#[derive(Default)]
pub(super) struct Sharing {
    /// Of the first `t + 1`, by point.
    held: BTreeMap<u64, Vec<Fp61>>,
    /// The values, once there are so many.
    pub(super) clear: Option<Vec<Fp61>>,
}

impl Sharing {
    /// Adds a party's shares. They must be on the polynomials of degree `t` through the others'.
    /// Whether the values are known now, and were not before.
    pub(super) fn add(
        &mut self,
        committee: Committee,
        by: PartyId,
        shares: &[Fp61],
    ) -> Result<bool, String> {
        if self.clear.is_some() {
            return match self.at(by.point()) == shares {
                true => Ok(false),
                false => Err(format!("the shares of {by} are not of the others' values")),
            };
        }
        if self.held.values().any(|others| others.len() != shares.len()) {
            return Err(format!("{by} has {} shares, others have more or less", shares.len()));
        }
        self.held.insert(by.point(), shares.to_vec());
        let known = self.held.len() >= committee.one_honest();
        self.clear = known.then(|| self.at(0));
        Ok(known)
    }

    /// The polynomials' values at a point.
    fn at(&self, point: u64) -> Vec<Fp61> {
        let points: Vec<Fp61> = self.held.keys().map(|point| Fp61::from_u64(*point)).collect();
        let row = lagrange_row(&points, Fp61::from_u64(point));
        let length = self.held.values().next().map_or(0, Vec::len);
        let mut values = vec![Fp61::ZERO; length];
        for (factor, shares) in row.into_iter().zip(self.held.values()) {
            for (value, share) in values.iter_mut().zip(shares) {
                *value += factor * *share;
            }
        }
        values
    }
}

/// One run's bits and triples in the clear.
#[derive(Default)]
struct Run {
    triples: usize,
    sharing: Sharing,
}

/// The material of all runs, in the clear.
#[derive(Default)]
pub(super) struct Pool {
    runs: BTreeMap<(u64, u64), Run>,
}

impl Pool {
    /// Adds a party's shares of a run, of so many bits and triples at most. Whether its values are known
    /// now, and were not before.
    pub(super) fn add(
        &mut self,
        committee: Committee,
        by: PartyId,
        (epoch, number): (u64, u64),
        batch: &Batch<Fp61>,
        (bits, triples): (u64, u64),
    ) -> Result<bool, String> {
        let [bits, triples] =
            [bits, triples].map(|most| usize::try_from(most).unwrap_or(usize::MAX));
        let run = self.runs.entry((epoch, number)).or_default();
        run.triples = batch.triples.len().min(triples);
        let triples = batch.triples.iter().take(triples);
        let triples = triples.flat_map(|triple| [triple.a, triple.b, triple.c]);
        let flat: Vec<Fp61> = triples.chain(batch.bits.iter().take(bits).copied()).collect();
        let added = run.sharing.add(committee, by, &flat);
        added.map_err(|error| format!("run {number} of epoch {epoch}: {error}"))
    }

    /// A run's triples and bits.
    pub(super) fn run(&self, epoch: u64, number: u64) -> Option<(Vec<Triple<Fp61>>, &[Fp61])> {
        let run = self.runs.get(&(epoch, number))?;
        let (triples, bits) = run.sharing.clear.as_ref()?.split_at_checked(3 * run.triples)?;
        let triple = |abc: &[Fp61]| match abc {
            [a, b, c] => Triple { a: *a, b: *b, c: *c },
            _ => Triple::default(),
        };
        Some((triples.chunks(3).map(triple).collect(), bits))
    }

    /// The bits with these numbers, from 0 through all runs of an epoch; `None` if not all are known.
    pub(super) fn bits(&self, epoch: u64, range: &Range<u64>) -> Option<Vec<Fp61>> {
        self.slice(epoch, range, |(_, bits)| bits.to_vec())
    }

    /// The triples with these numbers.
    pub(super) fn triples(&self, epoch: u64, range: &Range<u64>) -> Option<Vec<Triple<Fp61>>> {
        self.slice(epoch, range, |(triples, _)| triples)
    }

    fn slice<T: Copy>(
        &self,
        epoch: u64,
        range: &Range<u64>,
        of: impl Fn((Vec<Triple<Fp61>>, &[Fp61])) -> Vec<T>,
    ) -> Option<Vec<T>> {
        let (mut all, mut start) = (Vec::new(), 0);
        for run in 0.. {
            if start >= range.end {
                break;
            }
            let items = of(self.run(epoch, run)?);
            let numbered = (start..).zip(&items).filter(|(number, _)| range.contains(number));
            all.extend(numbered.map(|(_, item)| *item));
            start += items.len() as u64;
        }
        Some(all)
    }
}
