//! Random linear combinations over the extension, a few nanoseconds for each value.

use crate::math::{Ext, Field, PrimeField};

/// Powers of the challenge in the table: as many products as a lazy sum takes without reduction.
const BLOCK: usize = 60;

/// The map `v -> sum over l = 1 .. L of gamma^l v_l`, for values in the base field.
///
/// Within a block the values are multiplied by a table of powers, with lazy reduction; the blocks
/// are put together by Horner's rule.
pub(super) struct Combination<F: PrimeField> {
    re: [F; BLOCK],
    im: [F; BLOCK],
    step: Ext<F>,
}

impl<F: PrimeField> Combination<F> {
    /// The combination with the powers of `gamma`.
    pub(super) fn new(gamma: Ext<F>) -> Self {
        let mut this = Self { re: [F::ZERO; BLOCK], im: [F::ZERO; BLOCK], step: Ext::ONE };
        for (re, im) in this.re.iter_mut().zip(&mut this.im) {
            this.step *= gamma;
            (*re, *im) = (this.step.re, this.step.im);
        }
        this
    }

    /// The combination of the values.
    pub(super) fn of(&self, values: &[F]) -> Ext<F> {
        values.chunks(BLOCK).rev().fold(Ext::ZERO, |sum, block| {
            let re = F::sum_of_products(block.iter().copied().zip(self.re.iter().copied()));
            let im = F::sum_of_products(block.iter().copied().zip(self.im.iter().copied()));
            sum * self.step + Ext::new(re, im)
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::math::{F7, Fp61};

    fn agrees_with_the_plain_sum<F: PrimeField>() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for len in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 1000] {
            let gamma = Ext::random(&mut rng);
            let values: Vec<F> = (0..len).map(|_| F::random(&mut rng)).collect();
            let plain = (1..).zip(&values).map(|(l, v)| gamma.pow(l).scale(*v)).sum();
            assert_eq!(Combination::new(gamma).of(&values), plain, "{len} values");
        }
    }

    #[test]
    fn the_fast_combination_is_the_plain_sum() {
        agrees_with_the_plain_sum::<Fp61>();
        agrees_with_the_plain_sum::<F7>();
    }
}
