//! From what single dealers know to what nobody knows: random values and triples.
//!
//! # Random values
//!
//! **X1** From `r_j` of each of `m` agreed dealers come `R_k = sum_j x_j^k r_j` for `k < m - t`, with
//! `x_j` the dealer's point (Damgård and Nielsen, CRYPTO 2007, section 2.2). Whichever `m - t` of the
//! dealers are honest, their columns are a square Vandermonde matrix, so the `R_k` are as random as
//! their values. One more would be a combination of the others and of what the corrupt dealers know.
//!
//! # Triples
//!
//! After Choudhury and Patra (*An efficient framework for unconditionally secure multiparty
//! computation*, IEEE Trans. Inf. Theory 2017, section VI), with degree-t sharings only. Let
//! `d = floor((m - 1) / 2)`; the first `2d + 1` dealers have places 1 to `2d + 1`.
//!
//! - **X2** `X` and `Y`, of degree d, go through the factors of the first `d + 1` dealers. At each of
//!   the other d places the parties open how far `X` and `Y` are from the factors of the dealer there.
//! - **X3** With that, the dealer's triple gives `Z = X * Y` there (Beaver). `Z` has degree `2d` and is
//!   now known, as shares, at `2d + 1` places.
//! - **X4** `X`, `Y`, `Z` at `d + 1 - t` further places are triples that nobody knows: a corrupt dealer
//!   knows `X` and `Y` at its own place and nothing else, t places of the `d + 1` that decide them.

use super::batch::Triple;
use super::layout::{Chunk, Layout, Rates};
use crate::committee::PartyId;
use crate::math::{Field, PrimeField, Rows};
use crate::sharing::Shares;
use crate::zoo::{self, Mutant};

/// X1 for every random value dealt: shares of `m - t` values for each, from all agreed dealers'
/// batches.
pub fn randoms<F: PrimeField>(layout: &Layout, dealers: &[(PartyId, &[F])]) -> Shares<F> {
    let rows = random_rows::<F>(
        dealers.iter().map(|(dealer, _)| *dealer),
        layout.rates(dealers.len()).randoms + usize::from(zoo::on(Mutant::ExtractsOneMore)),
    );
    let batches: Vec<&[F]> = dealers.iter().map(|(_, batch)| layout.random_values(batch)).collect();
    let values = (0..layout.randoms()).flat_map(|k| {
        rows.iter().map({
            let batches = &batches;
            move |row| combine(row, batches.iter().map(|values| at(values, k)))
        })
    });
    Shares::from(values.collect::<Vec<F>>())
}

/// The matrix of X1: `rows` powers of the dealers' points.
fn random_rows<F: Field>(dealers: impl Iterator<Item = PartyId>, rows: usize) -> Vec<Vec<F>> {
    let points: Vec<F> = dealers.map(|dealer| F::from_u64(dealer.point())).collect();
    let mut power = vec![F::ONE; points.len()];
    let mut matrix = Vec::with_capacity(rows);
    for _ in 0..rows {
        matrix.push(power.clone());
        power.iter_mut().zip(&points).for_each(|(power, point)| *power *= *point);
    }
    matrix
}

/// X2 to X4 for one number of agreed dealers.
#[derive(Clone, Debug)]
pub struct Extraction<F: Field> {
    layout: Layout,
    rates: Rates,
    /// From `X` at places `1..=d+1` to the other d places.
    others: Vec<Vec<F>>,
    /// From `X` at places `1..=d+1` to the further places.
    factors: Vec<Vec<F>>,
    /// From `Z` at places `1..=2d+1` to the further places.
    products: Vec<Vec<F>>,
}

impl<F: PrimeField> Extraction<F> {
    /// For a run on so many agreed dealers.
    pub fn new(layout: Layout, dealers: usize) -> Self {
        let rates = layout.rates(dealers);
        let places = |from: usize, count: usize| -> Vec<F> {
            (1..).skip(from).take(count).map(F::from_u64).collect()
        };
        let rows = |known: usize, wanted: &[F]| -> Vec<Vec<F>> {
            let rows = Rows::new(places(0, known));
            wanted.iter().map(|place| rows.at(*place)).collect()
        };
        let defining = rates.degree + 1;
        let known = zoo::instead(rates.dealers, Mutant::TriplesOfDealers, 0);
        let further = places(known, rates.triples);
        Self {
            layout,
            rates,
            others: rows(defining, &places(defining, rates.degree)),
            factors: rows(defining, &further),
            products: rows(rates.dealers, &further),
        }
    }

    /// The sizes it is for.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Number of values X2 opens.
    pub fn openings(&self) -> usize {
        2 * self.rates.degree * self.layout.chunk() * self.layout.chunks()
    }

    /// X2: shares of how far `X` and `Y` are from the other dealers' factors.
    pub fn differences(&self, batches: &[&[F]]) -> Shares<F> {
        let mut differences = Vec::with_capacity(self.openings());
        self.for_each_chunk(batches, |columns| {
            let (known, rest) = columns.split_at(self.rates.degree + 1);
            for (row, other) in self.others.iter().zip(rest) {
                for k in 0..self.layout.chunk() {
                    differences
                        .push(combine(row, known.iter().map(|c| at(c.a, k))) - at(other.a, k));
                    differences
                        .push(combine(row, known.iter().map(|c| at(c.b, k))) - at(other.b, k));
                }
            }
        });
        Shares::from(differences)
    }

    /// X3 and X4: all triples, from the batches and the opened differences.
    pub fn triples(&self, batches: &[&[F]], opened: &[F]) -> Vec<Triple<F>> {
        let chunk = self.layout.chunk();
        let mut opened = opened.chunks_exact(2 * chunk);
        let mut triples = Vec::with_capacity(self.layout.chunks() * chunk * self.rates.triples);
        self.for_each_chunk(batches, |columns| {
            let (known, rest) = columns.split_at(self.rates.degree + 1);
            let mut products: Vec<Vec<F>> = known.iter().map(|c| c.c.to_vec()).collect();
            for other in rest {
                let differences = opened.next().unwrap_or_default().chunks_exact(2);
                products.push(multiplied(other, differences));
            }
            for k in 0..chunk {
                for (factors, row) in self.factors.iter().zip(&self.products) {
                    triples.push(Triple {
                        a: combine(factors, known.iter().map(|c| at(c.a, k))),
                        b: combine(factors, known.iter().map(|c| at(c.b, k))),
                        c: combine(row, products.iter().map(|z| at(z, k))),
                    });
                }
            }
            products.iter_mut().for_each(zeroize::Zeroize::zeroize);
        });
        triples
    }

    /// Calls `each` with the triples of every chunk, by dealer.
    fn for_each_chunk(&self, batches: &[&[F]], mut each: impl FnMut(&[Chunk<'_, F>])) {
        let mut chunks: Vec<_> = batches
            .iter()
            .take(self.rates.dealers)
            .map(|batch| self.layout.chunks_of(batch))
            .collect();
        for _ in 0..self.layout.chunks() {
            let columns: Vec<Chunk<'_, F>> = chunks
                .iter_mut()
                .filter_map(|c| Some(triples_of(self.layout, c.next()?)))
                .collect();
            if columns.len() == self.rates.dealers {
                each(&columns);
            }
        }
    }
}

/// X3: the dealer's triples moved by the opened differences.
fn multiplied<'a, F: Field>(
    dealt: &Chunk<'_, F>,
    differences: impl Iterator<Item = &'a [F]>,
) -> Vec<F> {
    let triples = dealt.a.iter().zip(dealt.b).zip(dealt.c);
    let moved = triples
        .zip(differences)
        .map(|(((a, b), c), by)| Triple { a: *a, b: *b, c: *c }.product(at(by, 0), at(by, 1)));
    moved.collect()
}

/// The triples of a chunk: all but the blinders and the rest of the product polynomial.
fn triples_of<F>(layout: Layout, chunk: Chunk<'_, F>) -> Chunk<'_, F> {
    let triples =
        |values: &'_ [F]| -> std::ops::Range<usize> { 1..(layout.chunk() + 1).min(values.len()) };
    Chunk {
        a: chunk.a.get(triples(chunk.a)).unwrap_or_default(),
        b: chunk.b.get(triples(chunk.b)).unwrap_or_default(),
        c: chunk.c.get(triples(chunk.c)).unwrap_or_default(),
    }
}

fn combine<F: Field>(row: &[F], values: impl Iterator<Item = F>) -> F {
    F::sum_of_products(row.iter().copied().zip(values))
}

fn at<F: Field>(values: &[F], index: usize) -> F {
    values.get(index).copied().unwrap_or(F::ZERO)
}

#[cfg(test)]
mod tests;
