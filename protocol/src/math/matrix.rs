//! Vandermonde matrices: encoding, its inverse, and extraction of randomness.

use super::field::Field;
use super::poly::multiply_by_root;

/// `rows` rows of powers: entry `(k, j)` is `points[j]^k`.
pub fn vandermonde<F: Field>(points: &[F], rows: usize) -> Vec<Vec<F>> {
    let mut row = vec![F::ONE; points.len()];
    (0..rows)
        .map(|_| {
            let this = row.clone();
            for (power, point) in row.iter_mut().zip(points) {
                *power *= *point;
            }
            this
        })
        .collect()
}

/// The matrix that takes the values of a polynomial at `points` to its coefficients, where the
/// degree is less than `points.len()`: row `k` gives that of `x^k`. The inverse of the transpose
/// of [`vandermonde`].
///
/// # Panics
/// If two points are equal.
pub fn coefficient_rows<F: Field>(points: &[F]) -> Vec<Vec<F>> {
    let mut vanishing = vec![F::ONE];
    for point in points {
        multiply_by_root(&mut vanishing, *point);
    }
    // Dividing by (x - point) gives the polynomial that vanishes on the others.
    let mut bases: Vec<Vec<F>> =
        points.iter().map(|point| divide_by_root(&vanishing, *point)).collect();
    let values: Vec<F> = bases.iter().zip(points).map(|(basis, x)| eval(basis, *x)).collect();
    let inverses = F::inverse_all(&values).expect("points are distinct");
    for (basis, inverse) in bases.iter_mut().zip(&inverses) {
        for c in basis.iter_mut() {
            *c *= *inverse;
        }
    }
    let mut columns: Vec<_> = bases.into_iter().map(Vec::into_iter).collect();
    (0..points.len()).map(|_| columns.iter_mut().filter_map(Iterator::next).collect()).collect()
}

/// Extracts randomness: output `k` is the sum over `j` of `points[j]^k * inputs[j]`, for `k` below
/// `outputs`. Input `j` is a vector of one party's contributions; all are of one length, and the
/// sums are taken position by position.
///
/// If `outputs` of the inputs are uniform and independent of all else, so are the outputs, whatever
/// the other inputs are: any `outputs` columns of the matrix form an invertible Vandermonde matrix.
/// So with `m` contributions of which `t` are an adversary's, `outputs` is at most `m - t`.
pub fn extract<F: Field>(points: &[F], outputs: usize, inputs: &[&[F]]) -> Vec<Vec<F>> {
    let width = inputs.iter().map(|input| input.len()).min().unwrap_or(0);
    let mut column = vec![F::ZERO; inputs.len()];
    let matrix = vandermonde(points, outputs);
    let mut extracted = vec![Vec::with_capacity(width); outputs];
    let mut readers: Vec<_> = inputs.iter().map(|input| input.iter()).collect();
    for _ in 0..width {
        for (entry, reader) in column.iter_mut().zip(&mut readers) {
            *entry = reader.next().copied().unwrap_or(F::ZERO);
        }
        for (row, output) in matrix.iter().zip(&mut extracted) {
            output.push(dot(row, &column));
        }
    }
    extracted
}

/// The inner product of two vectors; the shorter one counts as padded with zeros.
pub fn dot<F: Field>(a: &[F], b: &[F]) -> F {
    F::sum_of_products(a.iter().copied().zip(b.iter().copied()))
}

fn eval<F: Field>(coefficients: &[F], x: F) -> F {
    coefficients.iter().rev().fold(F::ZERO, |value, c| value * x + *c)
}

/// The quotient of a polynomial by `(x - root)`.
fn divide_by_root<F: Field>(coefficients: &[F], root: F) -> Vec<F> {
    let mut carry = F::ZERO;
    let mut quotient: Vec<F> = coefficients
        .iter()
        .skip(1)
        .rev()
        .map(|c| {
            carry = carry * root + *c;
            carry
        })
        .collect();
    quotient.reverse();
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::{F7, Fp61, Poly};

    fn points<F: Field>(from: u64, to: u64) -> Vec<F> {
        (from..=to).map(F::from_u64).collect()
    }

    #[test]
    fn coefficient_rows_invert_evaluation() {
        for len in 0..=6u64 {
            let xs: Vec<Fp61> = points(3, 2 + len);
            let poly = Poly::new((0..len).map(|c| Fp61::from_u64(c * c + 7)).collect());
            let values = poly.eval_many(&xs);
            let back: Vec<_> = coefficient_rows(&xs).iter().map(|row| dot(row, &values)).collect();
            assert_eq!(back, poly.coefficients());
        }
    }

    #[test]
    fn extraction_is_the_sum_with_powers_of_the_points() {
        let xs: Vec<Fp61> = points(1, 3);
        let inputs: Vec<Vec<Fp61>> = vec![points(10, 11), points(20, 21), points(30, 31)];
        let inputs: Vec<&[Fp61]> = inputs.iter().map(Vec::as_slice).collect();
        let as_numbers = |row: &Vec<Fp61>| row.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>();
        let outputs: Vec<_> = extract(&xs, 2, &inputs).iter().map(as_numbers).collect();
        assert_eq!(outputs, [["60", "63"], ["140", "146"]]);
    }

    /// Whether the outputs take every value equally often when the inputs of all but `known` run
    /// through all values, for every choice of the known ones.
    fn uniform(contributions: u64, known: &[usize], outputs: usize) -> bool {
        let xs: Vec<F7> = points(1, contributions);
        let mut counts = std::collections::BTreeMap::new();
        for code in 0..7u64.pow(contributions as u32) {
            let inputs: Vec<F7> =
                (0..contributions).map(|i| F7::from_u64(code / 7u64.pow(i as u32))).collect();
            let fixed: Vec<F7> = known.iter().map(|i| inputs[*i]).collect();
            let columns: Vec<&[F7]> = inputs.chunks(1).collect();
            let seen: Vec<F7> = extract(&xs, outputs, &columns).concat();
            *counts.entry((fixed, seen)).or_insert(0u64) += 1;
        }
        let first = *counts.values().next().unwrap();
        counts.len() == 7usize.pow((known.len() + outputs) as u32)
            && counts.values().all(|count| *count == first)
    }

    #[test]
    fn extracted_values_are_uniform_given_any_t_contributions_and_no_more_can_be() {
        for known in 0..4 {
            assert!(uniform(4, &[known], 3));
        }
        for (a, b) in [(0, 1), (0, 4), (1, 3), (2, 4), (3, 4)] {
            assert!(uniform(5, &[a, b], 3));
        }
        // Not one more, and not with a point used twice.
        assert!(!uniform(4, &[0], 4));
        assert!(!uniform(5, &[1, 2], 4));
    }
}
