//! Products of shared values, with one triple each (Beaver, CRYPTO 1991).
//!
//! To multiply `[x]` and `[y]` with a triple `[a], [b], [c = ab]`: open `d = x - a` and
//! `e = y - b`, both uniform whatever x and y are; then `[xy] = [c] + d[b] + e[a] + de`. Products
//! that do not depend on each other are opened together.

use zeroize::Zeroizing;

use crate::math::Field;
use crate::mpc::preprocessing::Triple;
use crate::sharing::Shares;

/// A layer of products whose masked factors are being opened.
pub struct Multiply<F: Field>(Zeroizing<Vec<Triple<F>>>);

impl<F: Field> Multiply<F> {
    /// Values opened for so many products.
    pub const fn openings(products: usize) -> usize {
        2 * products
    }

    /// Masks pairs of factors with one triple each. The shares are to be opened, all parties' of
    /// one layer together.
    pub fn new(factors: &[(F, F)], triples: Vec<Triple<F>>) -> (Self, Shares<F>) {
        let masked = factors
            .iter()
            .zip(&triples)
            .flat_map(|((x, y), triple)| [*x - triple.a, *y - triple.b])
            .collect();
        (Self(Zeroizing::new(triples)), masked)
    }

    /// Shares of the products, from the opened values.
    pub fn products(self, opened: &[F]) -> Shares<F> {
        opened
            .chunks_exact(2)
            .zip(self.0.iter())
            .map(|(masked, triple)| match masked {
                [d, e] => triple.product(*d, *e),
                _ => F::ZERO,
            })
            .collect()
    }
}
