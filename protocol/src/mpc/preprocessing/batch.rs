//! What a run produces: shares of triples and bits.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::math::Field;

/// One party's shares of a multiplication triple: random `a` and `b`, and `c = a * b`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Zeroize, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Triple<F: Field> {
    /// Share of the first factor.
    pub a: F,
    /// Share of the second factor.
    pub b: F,
    /// Share of the product.
    pub c: F,
}

impl<F: Field> Triple<F> {
    /// Beaver's multiplication: the share of `(a + e)(b + f)`, where `e` and `f` are public.
    pub fn product(&self, e: F, f: F) -> F {
        self.c + e * (self.b + f) + f * self.a
    }
}

impl<F: Field> fmt::Debug for Triple<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[triple]")
    }
}

/// One party's shares of what a run produced, in an order that is the same at all parties. Does not
/// print them; wiped when dropped.
#[derive(Clone, PartialEq, Eq, Default, Zeroize, Serialize, Deserialize)]
#[zeroize(drop)]
#[serde(bound = "")]
pub struct Batch<F: Field> {
    /// Multiplication triples.
    pub triples: Vec<Triple<F>>,
    /// Random bits.
    pub bits: Vec<F>,
}

impl<F: Field> fmt::Debug for Batch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} triples, {} bits]", self.triples.len(), self.bits.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Fp61;

    #[test]
    fn beaver_multiplies() {
        let at = Fp61::from_u64;
        let triple = Triple { a: at(5), b: at(7), c: at(35) };
        assert_eq!(triple.product(at(6), at(2)), at((5 + 6) * (7 + 2)));
    }

    #[test]
    fn a_batch_does_not_print_its_shares() {
        let triple = Triple { a: Fp61::new(41), b: Fp61::new(42), c: Fp61::new(43) };
        let batch = Batch { triples: vec![triple], bits: vec![Fp61::new(44)] };
        assert_eq!(format!("{batch:?} {triple:?}"), "[1 triples, 1 bits] [triple]");
    }
}
