//! Polynomials in one variable and Lagrange interpolation.

use std::fmt;
use std::ops::{Add, Mul, Sub};

use zeroize::{Zeroize, Zeroizing};

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
    Rows::new(xs.to_vec()).at(at)
}

/// [`lagrange_row`] of the same points at one place after the other.
#[derive(Debug)]
pub struct Rows<F> {
    xs: Vec<F>,
    /// Of each point, the inverse of the product of its differences to the others.
    inverses: Vec<F>,
}

impl<F: Field> Rows<F> {
    /// The rows of the points `xs`.
    ///
    /// # Panics
    /// If two of `xs` are equal.
    pub fn new(xs: Vec<F>) -> Self {
        let denominators: Vec<F> = xs
            .iter()
            .enumerate()
            .map(|(j, x)| product(others(&xs, j).map(|other| *x - other)))
            .collect();
        let inverses = F::inverse_all(&denominators).expect("points are distinct");
        Self { xs, inverses }
    }

    /// The rows of the points `0, 1, ..` below `len`, in time linear in `len`.
    ///
    /// # Panics
    /// If the characteristic is below `len`, so that two of the points are equal.
    pub fn of_integers(len: usize) -> Self {
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
        Self { inverses: denominators.collect(), xs }
    }

    /// The weights at a place, which may be in an extension.
    pub fn at<G: Field + From<F>>(&self, at: G) -> Vec<G> {
        let differences = || self.xs.iter().map(|x| at - G::from(*x));
        let mut weights: Vec<G> = self.inverses.iter().map(|inverse| G::from(*inverse)).collect();
        let (mut before, mut after) = (G::ONE, G::ONE);
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
}

/// From the values of a polynomial at `0, 1, ..` to those at the integers that follow.
///
/// A weight of a [row](Rows) is, but for a factor that all of a row have, the quotient of one that is
/// the same in all rows and of the distance of the two places; so rows are not made.
#[derive(Debug)]
pub struct Extension<F> {
    rows: Rows<F>,
    /// Of the largest distance first, down to 1.
    distances: Vec<F>,
    /// Of each place that follows, the product of its distances to all given ones.
    factors: Vec<F>,
}

impl<F: Field> Extension<F> {
    /// From `given` values, at least one, to `all`.
    ///
    /// # Panics
    /// If the characteristic is below `all`.
    pub fn new(given: usize, all: usize) -> Self {
        let rows = Rows::of_integers(given);
        let distances: Vec<F> = (1..).take(all.saturating_sub(1)).map(F::from_u64).collect();
        let factors = distances.windows(given.max(1)).map(|near| product(near.iter().copied()));
        let factors = factors.take(all.saturating_sub(given)).collect();
        let mut distances = F::inverse_all(&distances).expect("places are distinct");
        distances.reverse();
        Self { rows, distances, factors }
    }

    /// The given values, and those that follow.
    pub fn of(&self, values: &[F]) -> Vec<F> {
        let weighted = values.iter().zip(&self.rows.inverses).map(|(value, by)| *value * *by);
        let weighted: Zeroizing<Vec<F>> = Zeroizing::new(weighted.collect());
        // The last window is that of the first place that follows.
        let windows = self.distances.windows(weighted.len().max(1)).rev();
        let further = self.factors.iter().zip(windows).map(|(factor, near)| {
            let pairs = weighted.iter().copied().zip(near.iter().copied());
            *factor * F::sum_of_products(pairs)
        });
        values.iter().copied().chain(further).collect()
    }
}

fn others<F: Field>(xs: &[F], skip: usize) -> impl Iterator<Item = F> {
    xs.iter().enumerate().filter(move |(i, _)| *i != skip).map(|(_, x)| *x)
}

fn product<F: Field>(factors: impl Iterator<Item = F>) -> F {
    factors.fold(F::ONE, |a, b| a * b)
}
