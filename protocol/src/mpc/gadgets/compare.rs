//! Whether a shared number reaches a public bound.
//!
//! # Protocol
//! For a shared number a of k bits and a public bound T of at most 2^k, the result is the bit k of
//! `S = a - T + 2^k`, which has k + 1 bits.
//!
//! - T1. Mask: open `c = S + r`, where r consists of `k + 40` shared random bits.
//! - T2. `c mod 2^k` is public and the bits of `r mod 2^k` are shared. Compare them: at each
//!   position i, r is *greater* if `r_i > c_i`, and *equal* if `r_i = c_i`; since `c_i` is public
//!   both are linear in `r_i`. Two neighbouring runs of positions join by
//!   `greater = high.greater + high.equal low.greater` and `equal = high.equal low.equal`; a
//!   tree of depth `ceil(log2 k)` joins all, each level in one opening. Let `u = greater` of all.
//! - T3. `S mod 2^k = c mod 2^k - r mod 2^k + 2^k u`, so the result is `(S - S mod 2^k) / 2^k`: a
//!   share of it, nothing is opened.
//!
//! # Guarantees
//! Exact result. What T1 opens is statistically masked: its distribution is within
//! `2^(k + 1) / 2^(k + 40) = 2^-39` of one that does not depend on a. T2 opens uniform values.
//!
//! # Cost
//! `k + 40` random bits, `2 (k - 1) - ceil(log2 k)` triples (for k = 13: 20), and
//! `1 + ceil(log2 k)` openings, one hop each.
//!
//! # Differences from the literature
//! The whole run of all positions, and so the lowest run of each level, never asks whether it is
//! equal: one product less in each level. There must be no wrap: `2^(k + 1) + 2^(k + 40)` is below
//! the modulus, so k is at most 20 in the field of `2^61 - 1`.

use zeroize::{Zeroize, Zeroizing};

use super::multiply::Multiply;
use crate::math::PrimeField;
use crate::mpc::preprocessing::Triple;
use crate::sharing::Shares;
use crate::zoo::{self, Mutant};

/// Random bits above the number's own that hide it when it is opened masked.
pub const STATISTICAL_BITS: usize = 40;

/// Bits that numbers from 0 to `greatest` need; at least one.
pub const fn width(greatest: u64) -> usize {
    (u64::BITS - greatest.leading_zeros()) as usize + (greatest == 0) as usize
}

/// Random bits that a comparison of `width`-bit numbers uses.
pub const fn bits(width: usize) -> usize {
    width + STATISTICAL_BITS
}

/// Multiplications, and so triples, of a comparison of `width`-bit numbers.
pub const fn multiplications(width: usize) -> usize {
    2 * (width - 1) - depth(width)
}

/// Levels of the tree over `width` bits.
pub const fn depth(width: usize) -> usize {
    width.next_power_of_two().ilog2() as usize
}

/// How many values each opening has.
pub fn openings(width: usize) -> Vec<usize> {
    let mut sizes = vec![1];
    let mut runs = width;
    while runs > 1 {
        let joins = runs / 2;
        sizes.push(Multiply::<crate::math::Fp61>::openings(2 * joins - 1));
        runs -= joins;
    }
    sizes
}

/// What a comparison does next.
pub enum Step<F: PrimeField> {
    /// Opens these shared values.
    Open(Shares<F>),
    /// Ends with a share of the result: 1 if the number reaches the bound, else 0.
    Result(F),
}

/// A comparison under way.
pub struct Compare<F: PrimeField> {
    width: usize,
    // S
    shifted: F,
    bits: Shares<F>,
    triples: Zeroizing<Vec<Triple<F>>>,
    // c mod 2^k, once it is known.
    low: u64,
    // Of neighbouring positions, lowest first.
    runs: Vec<Run<F>>,
    layer: Option<Multiply<F>>,
}

/// How r compares with c on a run of positions. The lowest run's `equal` is never used.
#[derive(Clone, Copy, Default, Zeroize)]
struct Run<F: PrimeField> {
    greater: F,
    equal: F,
}

impl<F: PrimeField> Compare<F> {
    /// Compares a shared number of `width` bits with `bound`. All bits above the first `width`
    /// are the statistical mask.
    ///
    /// # Panics
    /// If the bound is over `2^width`, the mask could wrap in the field, or material is missing.
    pub fn new(
        width: usize,
        number: F,
        bound: u64,
        bits: Shares<F>,
        triples: Vec<Triple<F>>,
    ) -> Self {
        assert!(bound <= 1 << width, "the bound is one more than the greatest number at most");
        assert!(bits.len() >= width && (2 << width) + (1 << bits.len()) <= F::MODULUS);
        assert_eq!(triples.len(), multiplications(width), "one triple for each product");
        Self {
            width,
            shifted: number + F::from_u64((1 << width) - bound),
            bits,
            triples: Zeroizing::new(triples),
            low: 0,
            runs: Vec::new(),
            layer: None,
        }
    }

    /// The first values to open: the masked number (T1).
    pub fn mask(&self) -> Shares<F> {
        let bits = zoo::instead(self.bits.len(), Mutant::SumUnmasked, self.width);
        let mask = self.bits.iter().take(bits).copied().collect::<Shares<F>>();
        Shares::from(vec![self.shifted + weighted(&mask)])
    }

    /// The next step, from the values opened last.
    pub fn next(&mut self, opened: &[F]) -> Step<F> {
        match self.layer.take() {
            None => self.compare_positions(opened),
            Some(layer) => self.join(&layer.products(opened)),
        }
        if self.runs.len() > 1 {
            Step::Open(self.next_layer())
        } else {
            Step::Result(self.result())
        }
    }

    // T2, each position by itself.
    fn compare_positions(&mut self, opened: &[F]) {
        let masked = opened.first().map_or(0, |c| c.to_u64());
        self.low = masked & ((1 << self.width) - 1);
        let positions = self.bits.iter().take(self.width).zip(0..);
        self.runs = positions
            .map(|(bit, i)| {
                if self.low >> i & 1 == 1 {
                    Run { greater: F::ZERO, equal: *bit }
                } else {
                    Run { greater: *bit, equal: F::ONE - *bit }
                }
            })
            .collect();
    }

    // T2, the products of the next level: high.equal with low.greater and, but in the lowest join,
    // with low.equal.
    fn next_layer(&mut self) -> Shares<F> {
        let mut factors = Zeroizing::new(Vec::new());
        for (i, pair) in self.runs.chunks_exact(2).enumerate() {
            if let [low, high] = pair {
                factors.push((high.equal, low.greater));
                if i > 0 {
                    factors.push((high.equal, low.equal));
                }
            }
        }
        let rest = self.triples.split_off(factors.len());
        let triples = std::mem::replace(&mut *self.triples, rest);
        let (layer, masked) = Multiply::new(&factors, triples);
        self.layer = Some(layer);
        masked
    }

    // T2, the runs of the next level from the products.
    fn join(&mut self, products: &[F]) {
        let mut products = products.iter().copied();
        let mut next = || products.next().unwrap_or(F::ZERO);
        let joined = self
            .runs
            .chunks(2)
            .enumerate()
            .map(|(i, pair)| match pair {
                [_, high] => Run {
                    greater: high.greater + next(),
                    equal: if i > 0 { next() } else { F::ZERO },
                },
                [single, ..] => *single,
                [] => Run::default(),
            })
            .collect();
        self.runs.zeroize();
        self.runs = joined;
    }

    // T3
    fn result(&self) -> F {
        let below = self.runs.first().map_or(F::ZERO, |run| run.greater);
        let two_to_k = F::from_u64(1 << self.width);
        let low_of_r = weighted(self.bits.get(..self.width).unwrap_or_default());
        let low_of_s = F::from_u64(self.low) - low_of_r + two_to_k * below;
        let half = two_to_k.inverse().expect("a power of two is not zero in an odd field");
        (self.shifted - low_of_s) * half
    }
}

impl<F: PrimeField> Drop for Compare<F> {
    fn drop(&mut self) {
        self.shifted.zeroize();
        self.runs.zeroize();
    }
}

// The number with these bits, lowest first.
fn weighted<F: PrimeField>(bits: &[F]) -> F {
    F::sum_of_products((0..).map(|i| F::from_u64(1 << i)).zip(bits.iter().copied()))
}
