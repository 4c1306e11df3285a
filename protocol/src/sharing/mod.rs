//!
//! - [`acss`]: a dealer shares values such that all honest parties end up with their shares;
//! - [`shamir`]: sharing by a random polynomial of degree `t`, and the plain reconstruction;
//! - [`open`](mod@open): robust opening of many shared values at once.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::math::Field;
use crate::zoo::{self, Mutant};

pub mod acss;
pub mod open;
pub mod shamir;

/// One party's shares of a vector of secrets, in order: prints their number only, and is wiped
/// when dropped.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Shares<F: Field>(Vec<F>);

impl<F: Field> Shares<F> {
    /// Number of shares.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<F: Field> From<Vec<F>> for Shares<F> {
    fn from(shares: Vec<F>) -> Self {
        Self(shares)
    }
}

impl<F: Field> FromIterator<F> for Shares<F> {
    fn from_iter<I: IntoIterator<Item = F>>(shares: I) -> Self {
        Self(shares.into_iter().collect())
    }
}

impl<F: Field> Deref for Shares<F> {
    type Target = [F];
    fn deref(&self) -> &[F] {
        &self.0
    }
}

impl<F: Field> fmt::Debug for Shares<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if zoo::on(Mutant::SharesPrinted) {
            return f.debug_list().entries(&self.0).finish();
        }
        write!(f, "[{} shares]", self.0.len())
    }
}

impl<F: Field> Zeroize for Shares<F> {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

impl<F: Field> Drop for Shares<F> {
    fn drop(&mut self) {
        self.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::Fp61;

    #[test]
    fn shares_are_counted_and_wiped() {
        let mut shares = Shares::from(vec![Fp61::ONE; 3]);
        assert_eq!((shares.len(), shares.is_empty()), (3, false));
        assert_eq!(format!("{shares:?}"), "[3 shares]");
        shares.zeroize();
        assert_eq!((shares.len(), shares.is_empty()), (0, true));
    }
}
