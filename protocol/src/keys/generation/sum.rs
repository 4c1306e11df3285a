//! From dealers' sharings to the sharing of the sum of their secrets.

use std::ops::Add;

use crate::committee::{Committee, PartyMap};
use crate::math::{Field, Fl};
use crate::secret::Secret;
use crate::sharing::acss::scalar::{ScalarShares, evaluate};

/// Our share of the sum of secret number `secret` of all dealers.
pub(super) fn share(dealt: &[&ScalarShares], secret: usize) -> Secret<Fl> {
    let mut sum = Secret::new(Fl::ZERO);
    for shares in dealt {
        // Every output has a share of every secret.
        *sum.expose_mut() += shares.shares.get(secret).copied().unwrap_or_default();
    }
    sum
}

/// Every party's share of the sum, times the base point, from the dealers' commitments. `None` if
/// there is no dealer, or one without a commitment.
pub(super) fn public_shares<G: Copy + Add<Output = G>>(
    committee: Committee,
    commitments: &[Option<&[G]>],
) -> Option<PartyMap<G>> {
    let (first, others) = commitments.split_first()?;
    let mut sum = (*first)?.to_vec();
    for other in others {
        for (coefficient, more) in sum.iter_mut().zip((*other)?) {
            *coefficient = *coefficient + *more;
        }
    }
    let shares: Option<Vec<G>> = committee.parties().map(|p| evaluate(&sum, p)).collect();
    PartyMap::from_vec(committee, shares?)
}
