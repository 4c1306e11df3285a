//! From masked inputs to the outcome: the only computation a decision makes.
//!
//! # Protocol
//! - G1. Unmask each counted member's input, locally, and add up.
//! - G2. Compare the sum with the threshold: open the masked sum, then the tree's masked factors,
//!   level by level.
//! - G3. Open the outcome: the result of the comparison, or 1 less it.
//!
//! # Guarantees
//! What is opened is the sum under a statistical mask (distance at most 2^-39 from a distribution
//! without it), uniform values, and the outcome. For k = 13, up to 64 members, there are 6 openings.
//!
//! # Cost
//! Exactly what [`Decide::cost`] says. It depends on the range of inputs and the number of
//! members, not on who voted or what the threshold is.

use super::compare::{self, Compare};
use super::input::unmask_input;
use super::material::{Cost, Material};
use super::weights;
use crate::committee::PartyId;
use crate::math::PrimeField;
use crate::mpc::engine::{Gadget, Step};
use crate::sharing::Shares;

/// The test on the sum of the counted inputs: accepted if it is `at_least` so much, or, if
/// `negated`, if it is not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Threshold {
    /// The bound; at most one more than the greatest sum.
    pub at_least: u64,
    /// Whether reaching the bound rejects.
    pub negated: bool,
}

impl Threshold {
    /// The outcome for a sum.
    pub const fn accepts(self, sum: u64) -> bool {
        (sum >= self.at_least) != self.negated
    }
}

/// A decision under way.
pub struct Decide<F: PrimeField> {
    compare: Compare<F>,
    openings: Vec<usize>,
    negated: bool,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Mask,
    Compare,
    Reveal,
}

impl<F: PrimeField> Decide<F> {
    /// What a decision among `members` members with inputs from 0 to `range` uses up.
    pub fn cost(range: u64, members: usize) -> Cost {
        let width = width(range, members);
        Cost {
            mask_bits_per_voter: weights(range).len(),
            bits: compare::bits(width),
            triples: compare::multiplications(width),
        }
    }

    /// The decision on the inputs of the members in `masked`, each with its masked bits by weight.
    ///
    /// # Panics
    /// If a member is listed that has no masks or with another number of bits than it has, or
    /// the material is not what a decision costs.
    pub fn new(
        range: u64,
        members: usize,
        threshold: Threshold,
        masked: &[(PartyId, Vec<bool>)],
        mut material: Material<F>,
    ) -> Self {
        let width = width(range, members);
        let input = |(member, masked): &(PartyId, Vec<bool>)| {
            let masks = material.masks.get(member.index()).expect("masks for every member");
            assert_eq!(masks.len(), masked.len(), "votes of the wrong length are not counted");
            unmask_input(range, masked, masks)
        };
        let sum: F = masked.iter().map(input).sum();
        let bits = std::mem::take(&mut material.bits);
        let triples = std::mem::take(&mut *material.triples);
        let mut openings = compare::openings(width);
        openings.push(1);
        Self {
            compare: Compare::new(width, sum, threshold.at_least, bits, triples),
            openings,
            negated: threshold.negated,
            state: State::Mask,
        }
    }
}

fn width(range: u64, members: usize) -> usize {
    compare::width(range * members as u64)
}

impl<F: PrimeField> Gadget<F> for Decide<F> {
    fn openings(&self) -> Vec<usize> {
        self.openings.clone()
    }

    fn next(&mut self, opened: &[F]) -> Step<F> {
        match self.state {
            State::Mask => {
                self.state = State::Compare;
                Step::Open(self.compare.mask()) // G1, G2
            }
            State::Compare => match self.compare.next(opened) {
                compare::Step::Open(shares) => Step::Open(shares), // G2
                compare::Step::Result(result) => {
                    self.state = State::Reveal;
                    let outcome = if self.negated { F::ONE - result } else { result };
                    Step::Open(Shares::from(vec![outcome])) // G3
                }
            },
            State::Reveal => Step::Done(opened.to_vec()),
        }
    }
}

/// The outcome in a decision's output. `None` only if more than `t` parties are corrupt.
pub fn outcome<F: PrimeField>(output: &[F]) -> Option<bool> {
    match output {
        [bit] if *bit == F::ONE => Some(true),
        [bit] if *bit == F::ZERO => Some(false),
        _ => None,
    }
}
