//! Random polynomials, many at once.

use crate::math::Field;
use crate::sharing::Shares;
use crate::zoo::{self, Mutant};

/// Coefficients of random polynomials with the given constants, by power of x.
pub(super) fn random_columns<F: Field>(
    constants: Shares<F>,
    degree: usize,
    rng: &mut impl rand::Rng,
) -> Vec<Shares<F>> {
    let count = constants.len();
    // A zero leading coefficient is as good as any other: refusing it would tell something.
    let mut coefficient = || match F::random(rng) {
        zero if zero == F::ZERO && zoo::on(Mutant::LeadingNotZero) => F::ONE,
        _ if zoo::on(Mutant::DegreeTooLow) => F::ZERO,
        random => random,
    };
    let random = (0..degree).map(|_| (0..count).map(|_| coefficient()).collect());
    let random: Vec<_> = random.collect();
    std::iter::once(constants).chain(random).collect()
}

/// The same coefficients, polynomial by polynomial.
pub(super) fn transpose<F: Field>(columns: &[Shares<F>]) -> Shares<F> {
    let count = columns.first().map_or(0, Shares::len);
    let mut rows = vec![F::ZERO; count * columns.len()];
    for (k, column) in columns.iter().enumerate() {
        let places = rows.iter_mut().skip(k).step_by(columns.len());
        places.zip(column.iter()).for_each(|(place, coefficient)| *place = *coefficient);
    }
    rows.into()
}

/// All polynomials, given by `terms` coefficients each, at one point: reductions wait until the
/// end of each, which Horner's rule would not let them.
pub(super) fn evaluate_rows<F: Field>(rows: &Shares<F>, terms: usize, point: F) -> Vec<F> {
    let powers: Vec<F> =
        std::iter::successors(Some(F::ONE), |p| Some(*p * point)).take(terms).collect();
    let value = |row: &[F]| F::sum_of_products(row.iter().copied().zip(powers.iter().copied()));
    // No growing: a vector that moved would leave copies behind.
    let mut values = Vec::with_capacity(rows.len() / terms);
    values.extend(rows.chunks_exact(terms).map(value));
    values
}
