//! What one decision uses up.

use std::fmt;

use zeroize::Zeroizing;

use crate::math::Field;
use crate::mpc::preprocessing::Triple;
use crate::sharing::Shares;

/// How much one decision uses, whoever votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Cost {
    /// Random bits for each member, which that member alone learns.
    pub mask_bits_per_voter: usize,
    /// Random bits that nobody learns.
    pub bits: usize,
    /// Multiplication triples.
    pub triples: usize,
}

impl Cost {
    /// Random bits in all, with `n` members.
    pub const fn all_bits(self, n: usize) -> usize {
        n * self.mask_bits_per_voter + self.bits
    }
}

/// One party's shares of what a decision uses up. Does not print them; wiped when dropped.
#[derive(Clone)]
pub struct Material<F: Field> {
    /// For each member, in roster order, the bits that mask its input.
    pub masks: Vec<Shares<F>>,
    /// Random bits that nobody learns.
    pub bits: Shares<F>,
    /// Multiplication triples.
    pub triples: Zeroizing<Vec<Triple<F>>>,
}

impl<F: Field> Material<F> {
    /// The material of a decision among `n` members, from the part of the stock it claimed: the
    /// members' mask bits in roster order, then the other bits.
    ///
    /// # Panics
    /// If it is not exactly what the decision costs.
    pub fn split(cost: Cost, n: usize, bits: &[F], triples: &[Triple<F>]) -> Self {
        assert_eq!(bits.len(), cost.all_bits(n), "claims are as large as the cost");
        assert_eq!(triples.len(), cost.triples, "claims are as large as the cost");
        let (masks, bits) = bits.split_at(n * cost.mask_bits_per_voter);
        let masks: Vec<_> = if cost.mask_bits_per_voter == 0 {
            vec![Shares::default(); n]
        } else {
            masks.chunks(cost.mask_bits_per_voter).map(|mask| mask.to_vec().into()).collect()
        };
        Self { masks, bits: bits.to_vec().into(), triples: Zeroizing::new(triples.to_vec()) }
    }
}

impl<F: Field> fmt::Debug for Material<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (masks, bits, triples) = (self.masks.len(), self.bits.len(), self.triples.len());
        write!(f, "[masks of {masks}, {bits} bits, {triples} triples]")
    }
}
