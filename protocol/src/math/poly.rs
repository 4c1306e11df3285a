//! Polynomials in one variable and Lagrange interpolation.

use std::fmt;
use std::ops::{Add, Mul, Sub};

use zeroize::Zeroize;

use super::field::Field;

/// A polynomial. Its coefficients are often secret: it does not print them and wipes them when
/// dropped.
#[derive(Clone, Default)]
pub struct Poly<F: Field>(Vec<F>);

impl<F: Field> Poly<F> {
    /// The polynomial with these coefficients, that of `x^0` first.
    pub const fn new(coefficients: Vec<F>) -> Self {
        Self(coefficients)
    }

    /// A uniform polynomial of degree at most `degree` with the given value at 0. The leading
    /// coefficient may be zero: were it not, shares would say something about the secret.
    pub fn random_with_constant<R: rand::Rng + ?Sized>(
        constant: F,
        degree: usize,
        rng: &mut R,
    ) -> Self {
        let mut coefficients = Vec::with_capacity(degree + 1);
        coefficients.push(constant);
        coefficients.extend((0..degree).map(|_| F::random(rng)));
        Self(coefficients)
    }

    /// The one polynomial of degree less than `points.len()` through all `points` `(x, y)`.
    ///
    /// # Panics
    /// If two points have the same `x`.
    pub fn interpolate(points: &[(F, F)]) -> Self {
        // Newton: `basis` vanishes on the points seen so far.
        let mut result = Self::new(vec![F::ZERO; points.len()]);
        let mut basis = vec![F::ONE];
        for (x, y) in points {
            let gap = Self::eval_coefficients(&basis, *x);
            let inverse = gap.inverse().expect("points are distinct");
            let by = (*y - result.eval(*x)) * inverse;
            for (c, b) in result.0.iter_mut().zip(&basis) {
                *c += by * *b;
            }
            multiply_by_root(&mut basis, *x);
        }
        result
    }

    /// Coefficients, that of `x^0` first; trailing ones may be zero.
    pub fn coefficients(&self) -> &[F] {
        &self.0
    }

    /// The degree; 0 for constants, zero included.
    pub fn degree(&self) -> usize {
        self.0.iter().rposition(|c| *c != F::ZERO).unwrap_or(0)
    }

    /// Whether all coefficients are zero.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|c| *c == F::ZERO)
    }

    /// The value at 0.
    pub fn constant(&self) -> F {
        self.0.first().copied().unwrap_or(F::ZERO)
    }

    /// The value at `x`.
    pub fn eval(&self, x: F) -> F {
        Self::eval_coefficients(&self.0, x)
    }

    /// The values at all `xs`.
    pub fn eval_many(&self, xs: &[F]) -> Vec<F> {
        xs.iter().map(|x| self.eval(*x)).collect()
    }

    /// The product with a constant.
    pub fn scale(&self, by: F) -> Self {
        Self(self.0.iter().map(|c| *c * by).collect())
    }

    fn eval_coefficients(coefficients: &[F], x: F) -> F {
        coefficients.iter().rev().fold(F::ZERO, |value, c| value * x + *c)
    }

    fn zip_with(&self, rhs: &Self, op: impl Fn(F, F) -> F) -> Self {
        let at = |v: &[F], i: usize| v.get(i).copied().unwrap_or(F::ZERO);
        let len = self.0.len().max(rhs.0.len());
        Self((0..len).map(|i| op(at(&self.0, i), at(&rhs.0, i))).collect())
    }
}

/// Multiplies a polynomial by `(X - root)`.
pub(super) fn multiply_by_root<F: Field>(coefficients: &mut Vec<F>, root: F) {
    let mut carry = F::ZERO;
    for c in coefficients.iter_mut() {
        let shifted = carry;
        carry = *c;
        *c = shifted - root * *c;
    }
    coefficients.push(carry);
}

/// Equal as functions: trailing zeros do not count.
impl<F: Field> PartialEq for Poly<F> {
    fn eq(&self, other: &Self) -> bool {
        (self - other).is_zero()
    }
}

impl<F: Field> Eq for Poly<F> {}

impl<F: Field> fmt::Debug for Poly<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[polynomial with {} coefficients]", self.0.len())
    }
}

impl<F: Field> Zeroize for Poly<F> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<F: Field> Drop for Poly<F> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl<F: Field> Add for &Poly<F> {
    type Output = Poly<F>;
    fn add(self, rhs: Self) -> Poly<F> {
        self.zip_with(rhs, |a, b| a + b)
    }
}

impl<F: Field> Sub for &Poly<F> {
    type Output = Poly<F>;
    fn sub(self, rhs: Self) -> Poly<F> {
        self.zip_with(rhs, |a, b| a - b)
    }
}

impl<F: Field> Mul for &Poly<F> {
    type Output = Poly<F>;
    fn mul(self, rhs: Self) -> Poly<F> {
        let mut product = vec![F::ZERO; (self.0.len() + rhs.0.len()).saturating_sub(1)];
        for (i, a) in self.0.iter().enumerate() {
            for (c, b) in product.iter_mut().skip(i).zip(&rhs.0) {
                *c += *a * *b;
            }
        }
        Poly(product)
    }
}

/// The weights `w` with `f(at) = sum of w[j] * f(xs[j])` for every polynomial `f` of degree less
/// than `xs.len()`.
///
/// # Panics
/// If two of `xs` are equal.
pub fn lagrange_row<F: Field>(xs: &[F], at: F) -> Vec<F> {
    let denominators: Vec<F> = xs
        .iter()
        .enumerate()
        .map(|(j, x)| product(others(xs, j).map(|other| *x - other)))
        .collect();
    let inverses = F::inverse_all(&denominators).expect("points are distinct");
    weights(xs, at, inverses)
}

/// As [`lagrange_row`] for the points `0, 1, ..` below `len`, in time linear in `len`.
///
/// # Panics
/// If the characteristic is below `len`, so that two of the points are equal.
pub fn integer_row<F: Field>(len: usize, at: F) -> Vec<F> {
    let xs: Vec<F> = (0..).take(len).map(F::from_u64).collect();
    // The differences of j to the others are 1 .. j, and -1 .. -(len - 1 - j).
    let mut factorials = vec![F::ONE];
    factorials.extend(xs.iter().skip(1).scan(F::ONE, |product, x| {
        *product *= *x;
        Some(*product)
    }));
    let inverses = F::inverse_all(&factorials).expect("points are distinct");
    let denominators = (0..len).zip(inverses.iter().zip(inverses.iter().take(len).rev()));
    let denominators = denominators.map(|(j, (below, above))| {
        let product = *below * *above;
        if (len - 1 - j).is_multiple_of(2) { product } else { -product }
    });
    let denominators = denominators.collect();
    weights(&xs, at, denominators)
}

/// The products of all `at - x` but one, times these.
fn weights<F: Field>(xs: &[F], at: F, mut weights: Vec<F>) -> Vec<F> {
    let differences = || xs.iter().map(|x| at - *x);
    let (mut before, mut after) = (F::ONE, F::ONE);
    for (weight, difference) in weights.iter_mut().zip(differences()) {
        *weight *= before;
        before *= difference;
    }
    for (weight, difference) in weights.iter_mut().zip(differences()).rev() {
        *weight *= after;
        after *= difference;
    }
    weights
}

fn others<F: Field>(xs: &[F], skip: usize) -> impl Iterator<Item = F> {
    xs.iter().enumerate().filter(move |(i, _)| *i != skip).map(|(_, x)| *x)
}

fn product<F: Field>(factors: impl Iterator<Item = F>) -> F {
    factors.fold(F::ONE, |a, b| a * b)
}
