//! What the tests of whole runs share.

use super::{Batch, refine};
use crate::committee::{Committee, PartyId};
use crate::math::{Poly, PrimeField};
use crate::sharing::{Shares, open};

/// What batches hold, put together from the shares of these parties.
pub struct Opened<F> {
    /// Triples, all with `c = a * b`.
    pub triples: Vec<[F; 3]>,
    /// Bits, all 0 or 1.
    pub bits: Vec<F>,
}

/// Puts batches together; panics if a value is not shared with degree t, a triple is none, or a bit
/// is none.
pub fn reconstruct<F: PrimeField>(
    committee: Committee,
    batches: &[(PartyId, &Batch<F>)],
) -> Opened<F> {
    let sizes: Vec<_> = batches.iter().map(|(_, b)| (b.triples.len(), b.bits.len())).collect();
    assert!(sizes.iter().all(|size| *size == sizes[0]), "sizes differ: {sizes:?}");
    let value = |share: &dyn Fn(&Batch<F>) -> F| -> F {
        let points: Vec<(F, F)> =
            batches.iter().map(|(p, batch)| (F::from_u64(p.point()), share(batch))).collect();
        assert!(points.len() > committee.degree() + 1, "nothing to check the degree with");
        let poly = Poly::interpolate(&points[..=committee.degree()]);
        assert!(points.iter().all(|(x, y)| poly.eval(*x) == *y), "not of degree t");
        poly.constant()
    };
    let triple = |i: usize| {
        let parts =
            [value(&|b| b.triples[i].a), value(&|b| b.triples[i].b), value(&|b| b.triples[i].c)];
        assert!(parts[0] * parts[1] == parts[2], "triple {i} is none");
        parts
    };
    let bit = |i: usize| {
        let bit = value(&|b| b.bits[i]);
        assert!(bit == F::ZERO || bit == F::ONE, "bit {i} is none");
        bit
    };
    Opened {
        triples: (0..sizes[0].0).map(triple).collect(),
        bits: (0..sizes[0].1).map(bit).collect(),
    }
}

/// How a party lies in an opening.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lie {
    /// Every element is off by one: all liars are on one other polynomial.
    Shifted,
    /// One element is wrong.
    OneElement,
    /// An element is missing.
    Short,
}

impl Lie {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Shifted, Self::OneElement, Self::Short];

    /// Makes a lie of what is said in an opening.
    pub fn tell<F: PrimeField>(self, message: &mut refine::Message<F>) {
        let refine::Message::Open(_, open::Message::Share(values) | open::Message::Word(values)) =
            message
        else {
            return;
        };
        let mut changed = values.to_vec();
        match self {
            Self::Shifted => changed.iter_mut().for_each(|value| *value += F::ONE),
            Self::OneElement => changed.iter_mut().rev().take(1).for_each(|v| *v += F::ONE),
            Self::Short => drop(changed.pop()),
        }
        *values = Shares::from(changed).into();
    }
}
