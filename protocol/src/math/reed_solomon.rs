//! Reed-Solomon decoding with errors and erasures.
//!
//! A code word is the values of a polynomial of low degree at distinct points. Erasures are points
//! left out. Shuhong Gao, "A new algorithm for decoding Reed-Solomon codes" (2003): the extended
//! Euclidean algorithm on the polynomial that vanishes on all points and the one through all of
//! them, stopped halfway, gives the message times the error locator, and the error locator.
//!
//! # Cost
//! `O(n^2)` multiplications; when the first `degree + 1` points are right, `O(n * degree)` and one
//! inversion.

use super::field::Field;
use super::poly::{Poly, multiply_by_root};

/// A decoded word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decoded<F: Field> {
    /// The polynomial.
    pub poly: Poly<F>,
    /// Positions in the input of the points that are not on it, ascending.
    pub errors: Vec<usize>,
}

/// The polynomial of degree at most `degree` that agrees with all but at most `max_errors` of
/// `points` `(x, y)`, if there is one. It is unique; where it could not be, for fewer than
/// `degree + 1 + 2 * max_errors` points, the answer is `None`.
///
/// # Panics
/// If two points have the same `x`.
pub fn decode<F: Field>(points: &[(F, F)], degree: usize, max_errors: usize) -> Option<Decoded<F>> {
    if points.len() < degree + 1 + 2 * max_errors {
        return None;
    }
    let guess = Poly::interpolate(points.get(..=degree)?);
    if let Some(decoded) = check(guess, points, max_errors) {
        return Some(decoded);
    }
    check(gao(points, degree)?, points, max_errors)
}

fn check<F: Field>(poly: Poly<F>, points: &[(F, F)], max_errors: usize) -> Option<Decoded<F>> {
    let wrong = points.iter().enumerate().filter(|(_, (x, y))| poly.eval(*x) != *y);
    let errors: Vec<usize> = wrong.map(|(i, _)| i).take(max_errors + 1).collect();
    (errors.len() <= max_errors).then_some(Decoded { poly, errors })
}

fn gao<F: Field>(points: &[(F, F)], degree: usize) -> Option<Poly<F>> {
    let mut vanishing = vec![F::ONE];
    for (x, _) in points {
        multiply_by_root(&mut vanishing, *x);
    }
    // Remainders r and cofactors v with r = u * vanishing + v * through, for some u.
    let mut previous = (vanishing, Vec::new());
    let mut current = (Poly::interpolate(points).coefficients().to_vec(), vec![F::ONE]);
    trim(&mut current.0);
    // Stop at deg r < (n + degree + 1) / 2.
    while 2 * current.0.len() > points.len() + degree + 2 {
        let quotient = divide(&mut previous.0, &current.0)?;
        subtract_product(&mut previous.1, &quotient, &current.1);
        std::mem::swap(&mut previous, &mut current);
    }
    let (mut remainder, locator) = current;
    let message = divide(&mut remainder, &locator)?;
    (remainder.is_empty() && message.len() <= degree + 1).then(|| Poly::new(message))
}

/// Replaces `dividend` by the remainder, trimmed, and returns the quotient; `None` if the divisor,
/// which is trimmed, is zero.
fn divide<F: Field>(dividend: &mut Vec<F>, divisor: &[F]) -> Option<Vec<F>> {
    let (leading, lower) = divisor.split_last()?;
    let inverse = leading.inverse()?;
    let mut quotient = Vec::new();
    while dividend.len() >= divisor.len() {
        let by = dividend.pop()? * inverse;
        quotient.push(by);
        let shift = dividend.len() - lower.len();
        for (c, d) in dividend.iter_mut().skip(shift).zip(lower) {
            *c -= by * *d;
        }
    }
    trim(dividend);
    quotient.reverse();
    Some(quotient)
}

/// `target -= a * b`, trimmed.
fn subtract_product<F: Field>(target: &mut Vec<F>, a: &[F], b: &[F]) {
    target.resize(target.len().max((a.len() + b.len()).saturating_sub(1)), F::ZERO);
    for (i, x) in a.iter().enumerate() {
        for (c, y) in target.iter_mut().skip(i).zip(b) {
            *c -= *x * *y;
        }
    }
    trim(target);
}

fn trim<F: Field>(coefficients: &mut Vec<F>) {
    while coefficients.last() == Some(&F::ZERO) {
        coefficients.pop();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::math::{F7, F31, Fp61, PrimeField};

    fn digits(code: usize, len: usize) -> Vec<F7> {
        (0..len).map(|i| F7::from_u64((code / 7usize.pow(i as u32) % 7) as u64)).collect()
    }

    fn code(word: &[F7]) -> usize {
        word.iter().rev().fold(0, |code, y| code * 7 + y.to_u64() as usize)
    }

    /// Adds all words within distance `errors` of `word` that differ from position `from` on.
    fn ball(word: &mut Vec<F7>, from: usize, errors: usize, reached: &mut dyn FnMut(&[F7])) {
        reached(word);
        if errors == 0 {
            return;
        }
        for i in from..word.len() {
            let right = word[i];
            for wrong in F7::all().filter(|y| *y != right) {
                word[i] = wrong;
                ball(word, i + 1, errors - 1, reached);
            }
            word[i] = right;
        }
    }

    /// Compares `decode` with a table of the balls around all code words, on every word there is.
    fn every_word(len: usize, degree: usize, errors: usize) {
        let xs: Vec<F7> = (1..=len as u64).map(F7::from_u64).collect();
        let mut table = vec![None; 7usize.pow(len as u32)];
        for message in 0..7usize.pow(degree as u32 + 1) {
            let poly = Poly::new(digits(message, degree + 1));
            ball(&mut poly.eval_many(&xs), 0, errors, &mut |word| {
                assert!(table[code(word)].replace(message).is_none(), "balls are disjoint");
            });
        }
        for (word, message) in table.into_iter().enumerate() {
            let ys = digits(word, len);
            let points: Vec<_> = xs.iter().copied().zip(ys.iter().copied()).collect();
            let decoded = decode(&points, degree, errors);
            let expected = message.map(|message| Poly::new(digits(message, degree + 1)));
            assert!(decoded.as_ref().map(|d| &d.poly) == expected.as_ref(), "{ys:?}");
            if let Some(Decoded { poly, errors }) = decoded {
                let off = (0..len).filter(|i| poly.eval(xs[*i]) != ys[*i]);
                assert!(off.eq(errors), "{ys:?}");
            }
        }
    }

    #[test]
    fn every_word_over_f7_decodes_as_in_the_table() {
        for len in 1..=5 {
            for degree in 0..len {
                for errors in 0..=(len - degree - 1) / 2 {
                    every_word(len, degree, errors);
                }
            }
        }
        for degree in 0..6 {
            every_word(6, degree, (5 - degree) / 2);
        }
    }

    #[test]
    fn every_pattern_of_two_errors_of_seven_over_f31() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let xs: Vec<F31> = (1..=7).map(F31::from_u64).collect();
        let poly = Poly::random_with_constant(F31::from_u64(30), 2, &mut rng);
        let right: Vec<_> = xs.iter().copied().zip(poly.eval_many(&xs)).collect();
        for (i, j) in (0..7).flat_map(|i| (i + 1..7).map(move |j| (i, j))) {
            for (a, b) in F31::all().flat_map(|a| F31::all().map(move |b| (a, b))) {
                let mut points = right.clone();
                points[i].1 += a;
                points[j].1 += b;
                let decoded = decode(&points, 2, 2).expect("within the bound");
                let mut errors = vec![];
                errors.extend((a != F31::ZERO).then_some(i));
                errors.extend((b != F31::ZERO).then_some(j));
                assert_eq!(decoded.errors, errors);
                assert!(decoded.poly == poly);
            }
        }
    }

    #[test]
    fn without_the_room_to_be_unique_nothing_is_decoded() {
        let points: Vec<_> = (1..=5).map(|x| (F31::from_u64(x), F31::ZERO)).collect();
        assert!(decode(&points, 2, 1).is_some());
        assert!(decode(&points, 2, 2).is_none());
        assert!(decode(&points, 5, 0).is_none());
        assert!(decode::<F31>(&[], 0, 0).is_none());
    }

    proptest! {
        #[test]
        fn errors_and_erasures_up_to_the_bound_are_corrected(
            seed in any::<u64>(),
            degree in 0..12usize,
            max_errors in 0..12usize,
            spare in 0..3usize,
            wrong in prop::collection::btree_set(0..40usize, 0..12),
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let len = degree + 1 + 2 * max_errors + spare;
            let poly = Poly::random_with_constant(Fp61::random(&mut rng), degree, &mut rng);
            // Points with gaps: what lies between was erased.
            let xs: Vec<_> = (0..len as u64).map(|i| Fp61::from_u64(3 * i + 1)).collect();
            let mut points: Vec<_> = xs.iter().copied().zip(poly.eval_many(&xs)).collect();
            let wrong: Vec<_> = wrong.into_iter().filter(|i| *i < len).take(max_errors).collect();
            for i in &wrong {
                points[*i].1 += Fp61::ONE;
            }
            let decoded = decode(&points, degree, max_errors).expect("within the bound");
            prop_assert!(decoded.poly == poly);
            prop_assert_eq!(decoded.errors, wrong);
        }
    }
}
